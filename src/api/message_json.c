/* Bodies of messages as JSON: one walk over the fields. */
#include "api/message_json.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at `at`, 0 when it is none (RFC 3629 4). */
static size_t utf8_length(const uint8_t *at, size_t left)
{
	size_t length = at[0] < 0x80			? 1
			: at[0] >= 0xc2 && at[0] < 0xe0 ? 2
			: at[0] >= 0xe0 && at[0] < 0xf0 ? 3
			: at[0] >= 0xf0 && at[0] < 0xf5 ? 4
							: 0;

	if (length == 0 || length > left || at[0] == 0)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90) ||
		(at[0] == 0xf4 && at[1] > 0x8f))
		return 0;
	return length;
}

json_t *bytes_to_json(const void *bytes, size_t size)
{
	static const uint8_t replacement[3] = {0xef, 0xbf, 0xbd};
	const uint8_t *from = bytes;
	char *to = xalloc(size * 3 + 1);
	size_t used = 0;
	json_t *out;

	for (size_t i = 0; i < size;) {
		size_t length = utf8_length(from + i, size - i);

		if (length == 0) {
			memcpy(to + used, replacement, sizeof(replacement));
			used += sizeof(replacement);
			i++;
			continue;
		}
		memcpy(to + used, from + i, length);
		used += length;
		i += length;
	}
	out = json_stringn_nocheck(to, used);
	CHECK(out != NULL);
	free(to);
	return out;
}

static json_t *text_json(const struct field *field, const void *value) { return bytes_to_json(value, strnlen(value, field->size)); }

/* Addresses may lie unaligned in the body. */
static json_t *address_json(const struct field *field, const void *value)
{
	char text[PREFIX_TEXT_BYTES];
	struct prefix prefix = {0};
	struct mac mac;

	if (field->kind == FIELD_MAC) {
		memcpy(&mac, value, sizeof(mac));
		return mac_is_zero(mac) ? json_null() : json_string(mac_text(mac, text));
	}
	memcpy(&prefix, value, field->kind == FIELD_IP ? sizeof(prefix.ip) : sizeof(prefix));
	if (prefix.ip.family == IP_NONE)
		return json_null();
	return json_string(field->kind == FIELD_IP ? ip_text(prefix.ip, text) : prefix_text(prefix, text));
}

static json_t *value_json(const struct field *field, const void *value, unsigned count)
{
	switch (field->kind) {
	case FIELD_BOOL:
		return json_boolean(message_value_u64(field, value) != 0);
	case FIELD_U8:
	case FIELD_U16:
	case FIELD_U32:
	case FIELD_U64:
		return json_integer((json_int_t)message_value_u64(field, value));
	case FIELD_I32:
	case FIELD_I64:
		return json_integer(message_value_i64(field, value));
	case FIELD_ENUM:
		return json_string(field->names[message_value_u64(field, value)]);
	case FIELD_TEXT:
		return text_json(field, value);
	case FIELD_MAC:
	case FIELD_IP:
	case FIELD_PREFIX:
		return address_json(field, value);
	case FIELD_BYTES:
		return bytes_to_json(value, count);
	case FIELD_SECRET:
	case FIELD_STRUCT:
		break;
	}
	return NULL;
}

json_t *message_to_json(const struct message_row *row, const void *body)
{
	/* The containers that are open: the object, its array, an object in it, ... */
	json_t *stack[2 * WALK_LEVELS + 1] = {json_object()};
	unsigned top = 0;
	struct message_walk walk;
	enum walk_step step;

	message_walk_begin(&walk, row, body);
	while ((step = message_walk_next(&walk)) != WALK_END) {
		json_t *new = NULL;

		if ((step == WALK_CLOSE || step == WALK_ELEMENT) && !json_is_array(stack[top]))
			top--; /* the element before */
		if (step == WALK_CLOSE) {
			top--;
			continue;
		}
		new = step == WALK_OPEN	     ? json_array()
		      : step == WALK_ELEMENT ? json_object()
					     : value_json(walk.field, walk.value, walk.count);
		if (new == NULL)
			continue;
		if (step == WALK_VALUE &&
			walk.field->name[0] == '\0') { /* the element itself, in place of the object that was opened for it */
			json_t *array = stack[--top];

			(void)json_array_set_new(array, json_array_size(array) - 1, new);
			continue;
		}
		if (json_is_array(stack[top]))
			(void)json_array_append_new(stack[top], new);
		else
			(void)json_object_set_new(stack[top], walk.field->name, new);
		if (step != WALK_VALUE) {
			CHECK(top + 1 < COUNT_OF(stack));
			stack[++top] = new;
		}
	}
	return stack[0];
}
