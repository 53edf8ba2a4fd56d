/* The values of knobs: from the field of a struct to text, and how each kind of value is described to people. */
#include "base/check.h"
#include "model/knobs.h"

#include <inttypes.h>
#include <string.h>

static const void *field(const void *base, uint16_t offset) { return (const uint8_t *)base + offset; }

static int64_t int_load(const struct knob *knob, const void *base)
{
	const void *at = field(base, knob->offset);

	switch (knob->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return knob->min < 0 ? (int64_t) * (const int32_t *)at : (int64_t) * (const uint32_t *)at;
	default:
		return (int64_t) * (const uint64_t *)at;
	}
}

static const char *expects_words(const struct knob *knob, struct arena *arena)
{
	struct text text = {0};
	const char *result;

	for (size_t i = 0; i < knob->word_count; i++)
		text_add(&text, "%s%s", i == 0 ? "" : i + 1 == knob->word_count ? " or " : ", ", knob->words[i]);
	result = arena_printf(arena, knob->type == KNOB_FLAGS ? "a list of %s" : "%s", text_get(&text));
	text_free(&text);
	return result;
}

static const char *expects_number(const struct knob *knob, struct arena *arena)
{
	if (knob->type == KNOB_TIME)
		return arena_printf(arena, "a time from %" PRId64 "s to %" PRId64 "s, such as 30s", knob->min, knob->max);
	if (knob->type == KNOB_MEMORY)
		return arena_printf(arena, "a size from %" PRId64 "M to %" PRId64 "G, such as 512M", knob->min, knob->max / 1024);
	if (knob->type == KNOB_RATIO)
		return arena_printf(arena, "a number from %g to %g, such as 1.5", (double)knob->min / 1000, (double)knob->max / 1000);
	if (knob->type == KNOB_PERCENT)
		return arena_printf(arena, "a share from %" PRId64 "%% to %" PRId64 "%%", knob->min, knob->max);
	if (knob->max == INT64_MAX)
		return arena_printf(arena, "a number from %" PRId64 " up", knob->min);
	return knob->min == knob->max ? arena_printf(arena, "%" PRId64, knob->min)
				      : arena_printf(arena, "a number from %" PRId64 " to %" PRId64, knob->min, knob->max);
}

static const char *expects_address(const struct knob *knob)
{
	if (knob->type == KNOB_PREFIX)
		return knob->family == IP_V4   ? "an IPv4 subnet such as 10.1.0.0/24"
		       : knob->family == IP_V6 ? "an IPv6 subnet such as fd00:1::/64"
					       : "a subnet such as 10.1.0.0/24";
	if (knob->type == KNOB_ADDRESS)
		return knob->family == IP_V4 ? "an IPv4 address such as 10.1.0.1 or 10.1.0.1/24"
					     : "an IPv6 address such as fd00:1::1 or fd00:1::1/64";
	if (knob->flag != NOWHERE)
		return knob->family == IP_V4 ? "an IPv4 address such as 10.1.0.1, or none" : "an address such as 10.1.0.1, or none";
	return knob->family == IP_V4 ? "an IPv4 address such as 10.1.0.1" : "an address such as 10.1.0.1";
}

const char *knob_expects(const struct knob *knob, struct arena *arena)
{
	switch (knob->type) {
	case KNOB_TEXT:
	case KNOB_SECRET:
		return arena_printf(arena, "a text of %" PRId64 " to %" PRId64 " bytes", knob->min, knob->max);
	case KNOB_REF:
		return "a name";
	case KNOB_HEX:
		return arena_printf(arena, "%" PRId64 " hexadecimal digits", knob->max);
	case KNOB_BOOL:
		return "true or false";
	case KNOB_INT:
	case KNOB_TIME:
	case KNOB_MEMORY:
	case KNOB_RATIO:
	case KNOB_PERCENT:
		return expects_number(knob, arena);
	case KNOB_WORD:
	case KNOB_ENUM:
	case KNOB_FLAGS:
		return expects_words(knob, arena);
	case KNOB_PREFIX:
	case KNOB_ADDRESS:
	case KNOB_IP:
		return expects_address(knob);
	case KNOB_MAC:
		return knob->flag == NOWHERE ? "a MAC address such as 52:54:00:00:00:01"
					     : "a MAC address such as 52:54:00:00:00:01, or pool:NAME";
	case KNOB_MAC_RANGE:
		return "a range of MAC addresses such as 52:54:00:00:00:00/24";
	case KNOB_PORTS:
		return "a port or a range of ports, such as 80 or 8000-8080";
	case KNOB_AS_RANGE:
		return "a range of AS numbers such as 65001-65999";
	case KNOB_NAMES:
		return knob->min == knob->max ? arena_printf(arena, "a list of %" PRId64 " names", knob->min) : "a list of names";
	case KNOB_OBJECT:
	case KNOB_MAP:
		return "a map";
	case KNOB_LIST:
		return "a list";
	case KNOB_LATER:
		break;
	}
	return "nothing";
}

static const char *ports_text(uint16_t first, uint16_t last, struct arena *arena)
{
	if (first == 0)
		return NULL;
	return first == last ? arena_printf(arena, "%u", first) : arena_printf(arena, "%u-%u", first, last);
}

static const char *number_text(const struct knob *knob, const void *base, struct arena *arena)
{
	int64_t number = int_load(knob, base);

	if (knob_has_set(knob) ? !*(const bool *)field(base, knob->set) : number == 0 && knob->fallback == NULL)
		return NULL;
	if (knob->type == KNOB_MEMORY)
		return arena_printf(arena, "%" PRId64 "%c", number % 1024 ? number : number / 1024, number % 1024 ? 'M' : 'G');
	if (knob->type == KNOB_RATIO)
		return arena_printf(arena, number % 1000 ? "%g" : "%.1f", (double)number / 1000);
	return arena_printf(arena, "%" PRId64 "%s", number, knob->type == KNOB_TIME ? "s" : knob->type == KNOB_PERCENT ? "%" : "");
}

static const char *address_text(const struct knob *knob, const void *base, struct arena *arena)
{
	char buffer[PREFIX_TEXT_BYTES];
	struct prefix prefix = {0};

	if (knob->type == KNOB_IP)
		prefix.ip = *(const struct ip *)field(base, knob->offset);
	else
		prefix = *(const struct prefix *)field(base, knob->offset);
	if (knob->type == KNOB_IP && knob->flag != NOWHERE && *(const bool *)field(base, knob->flag))
		return "none";
	if (prefix.ip.family == IP_NONE)
		return NULL;
	if (knob->type == KNOB_IP || (knob->type == KNOB_ADDRESS && prefix.length == 0))
		return arena_str(arena, ip_text(prefix.ip, buffer));
	return arena_str(arena, prefix_text(prefix, buffer));
}

static const char *mac_value_text(const struct knob *knob, const void *base, struct arena *arena)
{
	const struct mac *mac = field(base, knob->offset);
	const char *pool = knob->type == KNOB_MAC && knob->flag != NOWHERE ? *(const char *const *)field(base, knob->flag) : NULL;
	char buffer[MAC_TEXT_BYTES];

	if (knob->type == KNOB_MAC_RANGE)
		return arena_printf(arena, "%s/%u", mac_text(*mac, buffer), *(const uint8_t *)field(base, knob->flag));
	if (!mac_is_zero(*mac))
		return arena_str(arena, mac_text(*mac, buffer));
	return pool ? arena_printf(arena, "pool:%s", pool) : NULL;
}

/* The text of a value, or NULL when it is unset. */
static const char *value_text(const struct knob *knob, const void *base, struct arena *arena)
{
	const void *at = field(base, knob->offset);

	switch (knob->type) {
	case KNOB_BOOL:
		return *(const bool *)at ? "true" : "false";
	case KNOB_INT:
	case KNOB_TIME:
	case KNOB_MEMORY:
	case KNOB_RATIO:
	case KNOB_PERCENT:
		return number_text(knob, base, arena);
	case KNOB_ENUM:
		return knob->words[*(const int *)at];
	case KNOB_PREFIX:
	case KNOB_ADDRESS:
	case KNOB_IP:
		return address_text(knob, base, arena);
	case KNOB_MAC:
	case KNOB_MAC_RANGE:
		return mac_value_text(knob, base, arena);
	case KNOB_PORTS:
		return ports_text(*(const uint16_t *)at, *(const uint16_t *)field(base, knob->flag), arena);
	case KNOB_AS_RANGE:
		return arena_printf(arena, "%u-%u", *(const uint32_t *)at, *(const uint32_t *)field(base, knob->flag));
	case KNOB_TEXT:
	case KNOB_SECRET:
	case KNOB_REF:
	case KNOB_HEX:
	case KNOB_WORD:
		return *(const char *const *)at;
	case KNOB_NAMES:
	case KNOB_FLAGS:
	case KNOB_OBJECT:
	case KNOB_MAP:
	case KNOB_LIST:
	case KNOB_LATER:
		break;
	}
	return NULL;
}

static void write_list(const struct knob *knob, const void *base, struct arena *arena, struct node *parent)
{
	const char *const *names = knob->type == KNOB_NAMES ? *(const char *const *const *)field(base, knob->offset) : NULL;
	size_t count = knob->type == KNOB_NAMES ? *(const size_t *)field(base, knob->flag) : 0;
	struct node *list = NULL;

	for (size_t i = 0; i < count; i++) {
		if (list == NULL)
			list = node_new(arena, parent, knob->key, NODE_LIST, NULL);
		(void)node_new(arena, list, NULL, NODE_SCALAR, names[i]);
	}
	for (size_t i = 0; knob->type == KNOB_FLAGS && i < knob->word_count; i++) {
		if (!*(const bool *)field(base, knob->flags[i]))
			continue;
		if (list == NULL)
			list = node_new(arena, parent, knob->key, NODE_LIST, NULL);
		(void)node_new(arena, list, NULL, NODE_SCALAR, knob->words[i]);
	}
}

void knob_write(const struct knob *knob, const void *base, struct arena *arena, struct node *parent)
{
	const char *text;
	struct node *node;

	if (knob->type == KNOB_NAMES || knob->type == KNOB_FLAGS) {
		write_list(knob, base, arena, parent);
		return;
	}
	text = value_text(knob, base, arena);
	if (text == NULL || (knob->fallback != NULL && strcmp(text, knob->fallback) == 0))
		return;
	node = node_new(arena, parent, knob->key, NODE_SCALAR, text);
	node->style = knob->type == KNOB_BOOL ? STYLE_BOOL : knob->type == KNOB_INT ? STYLE_NUMBER : STYLE_TEXT;
}

size_t knob_count(const struct knob *knob, const void *base) { return *(const size_t *)field(base, knob->flag); }

void *knob_element(const struct knob *knob, const void *base, size_t index)
{
	return *(uint8_t *const *)field(base, knob->offset) + index * knob->kind->size;
}
