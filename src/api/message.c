/*
 * What is common to all messages: size, check, copy and print of a body, each by walking the fields of its row.
 *
 * The walk keeps its own small stack, since arrays of structs may hold arrays (a FIB batch: entries, next hops). A level whose fields are
 * used up either moves on to the next element or is left; a fresh level starts "before its first element" in just that state.
 */
#include "api/message.h"

#include "base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static unsigned count_at(const uint8_t *base, const struct field *field)
{
	uint16_t count;

	memcpy(&count, base + field->count_offset, sizeof(count));
	return count;
}

static const struct field *tail_of(const struct message_row *row) { return &row->fields[row->field_count - 1]; }

void message_walk_begin(struct message_walk *walk, const struct message_row *row, const void *body)
{
	*walk = (struct message_walk){.body = body};
	walk->levels[0] = (struct walk_level){.fields = row->fields, .field_count = row->field_count};
}

/* The fields of a level are used up: on to the next element, or out of the array. */
static enum walk_step walk_up(struct message_walk *walk)
{
	struct walk_level *level = &walk->levels[walk->depth];

	if (walk->depth == 0)
		return WALK_END;
	walk->field = level->array;
	if (--level->left == 0) {
		walk->depth--;
		return WALK_CLOSE;
	}
	level->next = 0;
	level->offset += level->array->size;
	walk->value = walk->body + level->offset;
	return WALK_ELEMENT;
}

static enum walk_step walk_into(struct message_walk *walk, const struct field *array, size_t offset)
{
	struct walk_level *level;

	CHECK(walk->depth + 1 < WALK_LEVELS);
	walk->depth++;
	level = &walk->levels[walk->depth];
	level->array = array;
	level->fields = array->elements;
	level->field_count = array->element_fields;
	level->next = level->field_count;
	level->left = (walk->count < array->limit ? walk->count : array->limit) + 1;
	level->offset = offset - array->size;
	return WALK_OPEN;
}

enum walk_step message_walk_next(struct message_walk *walk)
{
	struct walk_level *level = &walk->levels[walk->depth];
	const struct field *field;

	if (level->next == level->field_count)
		return walk_up(walk);
	field = &level->fields[level->next++];
	walk->field = field;
	walk->value = walk->body + level->offset + field->offset;
	walk->count = field->kind == FIELD_STRUCT || field->kind == FIELD_BYTES ? count_at(walk->body + level->offset, field) : 1;
	return field->kind == FIELD_STRUCT ? walk_into(walk, field, level->offset + field->offset) : WALK_VALUE;
}

uint64_t message_value_u64(const struct field *field, const void *value)
{
	uint64_t v = 0;

	/* Little and big endian alike: read as the type it is. */
	if (field->size == 1) {
		v = *(const uint8_t *)value;
	} else if (field->size == 2) {
		uint16_t v16;

		memcpy(&v16, value, sizeof(v16));
		v = v16;
	} else if (field->size == 4) {
		uint32_t v32;

		memcpy(&v32, value, sizeof(v32));
		v = v32;
	} else {
		CHECK(field->size == sizeof(v));
		memcpy(&v, value, sizeof(v));
	}
	return v;
}

int64_t message_value_i64(const struct field *field, const void *value)
{
	uint64_t v = message_value_u64(field, value);

	return field->kind == FIELD_I32 ? (int32_t)v : (int64_t)v;
}

size_t message_size(const struct message_row *row, const void *body)
{
	const struct field *tail;
	unsigned count;

	if (!row->tail)
		return row->size;
	tail = tail_of(row);
	count = count_at(body, tail);
	CHECK(count <= tail->limit);
	return tail->offset + (size_t)count * tail->size;
}

static bool ip_well_formed(const struct ip *ip)
{
	uint8_t rest = 0;

	if (ip->family != IP_NONE && ip->family != IP_V4 && ip->family != IP_V6)
		return false;
	for (unsigned i = ip_bits(ip->family) / 8; i < sizeof(ip->bytes); i++)
		rest |= ip->bytes[i];
	return rest == 0;
}

/* What is wrong with a value, or NULL. */
static const char *value_fault(const struct field *field, const void *value, unsigned count)
{
	const struct prefix *prefix = value; /* only bytes: any alignment will do */

	switch (field->kind) {
	case FIELD_BOOL:
		return *(const uint8_t *)value <= 1 ? NULL : "is neither true nor false";
	case FIELD_ENUM:
		return *(const uint8_t *)value < field->limit ? NULL : "has no such name";
	case FIELD_TEXT:
	case FIELD_SECRET:
		return memchr(value, '\0', field->size) != NULL ? NULL : "is not terminated";
	case FIELD_IP:
		return ip_well_formed(value) ? NULL : "is no address";
	case FIELD_PREFIX:
		return ip_well_formed(&prefix->ip) && prefix->length <= ip_bits(prefix->ip.family) ? NULL : "is no prefix";
	case FIELD_BYTES:
	case FIELD_STRUCT:
		return count <= field->limit ? NULL : "has too many elements";
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
	case FIELD_I32:
	case FIELD_I64:
	case FIELD_MAC:
		break;
	}
	return NULL;
}

/* The size must be exact; that of a tail follows from its count, which is inside of the part that is always sent. */
static bool size_fits(const struct message_row *row, const void *body, size_t size)
{
	const struct field *tail;

	if (!row->tail)
		return size == row->size;
	tail = tail_of(row);
	if (size < tail->offset || count_at(body, tail) > tail->limit)
		return false;
	return size == message_size(row, body);
}

int message_check(const struct message_row *row, const void *body, size_t size, struct err *err)
{
	struct message_walk walk;
	enum walk_step step;

	if (!size_fits(row, body, size))
		return err_set(err, -EBADMSG, "message %s: %zu bytes don't fit its fields", row->name, size);
	message_walk_begin(&walk, row, body);
	while ((step = message_walk_next(&walk)) != WALK_END) {
		const char *fault;

		if (step != WALK_VALUE && step != WALK_OPEN)
			continue;
		fault = value_fault(walk.field, walk.value, walk.count);
		if (fault != NULL)
			return err_set(err, -EBADMSG, "message %s: field %s %s", row->name, walk.field->name, fault);
	}
	return 0;
}

void message_copy(const struct message_row *row, const void *body, size_t size, void *out)
{
	CHECK(size <= row->size);
	memcpy(out, body, size);
	memset((uint8_t *)out + size, 0, row->size - size);
}

/* A text being written, cut at its end. */
struct line {
	char *at;
	size_t room;
};

static void line_add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line_add(struct line *line, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line->at, line->room, format, args);
	va_end(args);
	if (n > 0 && line->room > 0) {
		size_t used = (size_t)n < line->room ? (size_t)n : line->room - 1;

		line->at += used;
		line->room -= used;
	}
}

static void line_add_bytes(struct line *line, const uint8_t *bytes, unsigned count)
{
	line_add(line, "%u:", count);
	for (unsigned i = 0; i < count && i < 16; i++)
		line_add(line, "%02x", bytes[i]);
	if (count > 16)
		line_add(line, "...");
}

static void line_add_value(struct line *line, const struct field *field, const void *value, unsigned count)
{
	char text[PREFIX_TEXT_BYTES];
	struct prefix prefix;
	struct mac mac;
	struct ip ip;

	switch (field->kind) {
	case FIELD_BOOL:
		line_add(line, "%s", message_value_u64(field, value) ? "true" : "false");
		break;
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		line_add(line, "%" PRIu64, message_value_u64(field, value));
		break;
	case FIELD_I32:
	case FIELD_I64:
		line_add(line, "%" PRId64, message_value_i64(field, value));
		break;
	case FIELD_ENUM:
		line_add(line, "%s", field->names[message_value_u64(field, value)]);
		break;
	case FIELD_TEXT:
		line_add(line, "\"%s\"", (const char *)value);
		break;
	case FIELD_SECRET:
		line_add(line, "***");
		break;
	case FIELD_MAC:
		memcpy(&mac, value, sizeof(mac));
		line_add(line, "%s", mac_text(mac, text));
		break;
	case FIELD_IP:
		memcpy(&ip, value, sizeof(ip));
		line_add(line, "%s", ip_text(ip, text));
		break;
	case FIELD_PREFIX:
		memcpy(&prefix, value, sizeof(prefix));
		line_add(line, "%s", prefix_text(prefix, text));
		break;
	case FIELD_BYTES:
		line_add_bytes(line, value, count);
		break;
	case FIELD_STRUCT:
		break;
	}
}

void message_print(const struct message_row *row, const void *body, char *out, size_t size)
{
	struct line line = {out, size};
	struct message_walk walk;
	enum walk_step step;
	const char *gap = "";

	line_add(&line, "%s {", row->name);
	message_walk_begin(&walk, row, body);
	while ((step = message_walk_next(&walk)) != WALK_END) {
		if (step == WALK_CLOSE) {
			line_add(&line, "]");
			gap = " ";
			continue;
		}
		if (step == WALK_ELEMENT) {
			gap = gap[0] == '\0' ? "" : ", ";
			continue;
		}
		line_add(&line, "%s%s%s", gap, walk.field->name, walk.field->name[0] ? "=" : "");
		gap = " ";
		if (step == WALK_OPEN) {
			line_add(&line, "[");
			gap = "";
		} else {
			line_add_value(&line, walk.field, walk.value, walk.count);
		}
	}
	line_add(&line, "}");
}
