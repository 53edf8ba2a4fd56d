/* The values of knobs: from text to the field of a struct. */
#include "base/check.h"
#include "model/knobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of one name in a list of them. */
#define NAMES_BYTES_MAX 200

static void *field(const void *base, uint16_t offset) { return (uint8_t *)(uintptr_t)base + offset; }

/* Integers of 1, 2, 4 and 8 bytes; bounds tell whether a negative one may be there. */
static void int_store(const struct knob *knob, void *base, int64_t value)
{
	void *at = field(base, knob->offset);

	switch (knob->size) {
	case 1:
		*(uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)at = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)at = (uint32_t)value;
		break;
	default:
		*(uint64_t *)at = (uint64_t)value;
		break;
	}
}

/* A whole number without leading zeros; `end` is behind it. False when there is none or it doesn't fit 63 bits. */
static bool number_parse(const char *text, int64_t *value, const char **end)
{
	size_t digits = strspn(text + (text[0] == '-'), "0123456789");
	const char *first = text + (text[0] == '-');
	char *stop;

	if (digits == 0 || (first[0] == '0' && digits > 1))
		return false;
	errno = 0;
	*value = strtoll(text, &stop, 10);
	*end = stop;
	return errno == 0;
}

/* A number with one of the units; `scale` is what it counts in. NULL, or what is wrong. */
struct unit {
	const char *name;
	int64_t factor;
};

static const struct unit time_units[] = {{"s", 1000}, {"ms", 1}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct unit percent_units[] = {{"%", 1}};
static const struct unit memory_units[] = {{"M", 1024}, {"Mi", 1024}, {"MiB", 1024}, {"G", 1 << 20}, {"Gi", 1 << 20}, {"GiB", 1 << 20},
	{"K", 1}, {"Ki", 1}, {"KiB", 1}, {"T", 1 << 30}, {"Ti", 1 << 30}, {"TiB", 1 << 30}};

static const char *unit_parse(
	const char *text, const struct unit *units, size_t unit_count, int64_t scale, int64_t *value, struct arena *arena)
{
	const char *end;
	int64_t number;

	if (!number_parse(text, &number, &end))
		return "";
	if (*end == '\0')
		return arena_printf(arena, "\"%.64s\" has no unit (write %.64s%s)", text, text, units[0].name);
	for (size_t i = 0; i < unit_count; i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		if (number > INT64_MAX / units[i].factor || number < INT64_MIN / units[i].factor)
			return "";
		if (number * units[i].factor % scale != 0)
			return arena_printf(arena, "\"%.64s\" is finer than the 1%s that is counted in", text, units[0].name);
		*value = number * units[i].factor / scale;
		return NULL;
	}
	return arena_printf(arena, "\"%.64s\" has an unknown unit", text);
}

/* "4", "1.5", "0.125" as thousandths. */
static const char *ratio_parse(const char *text, int64_t *value)
{
	const char *end;
	int64_t whole, part = 0;
	int digits = 0;

	if (!number_parse(text, &whole, &end) || whole < 0 || whole > UINT32_MAX)
		return "";
	if (*end == '.')
		for (end++; *end >= '0' && *end <= '9' && digits < 3; end++, digits++)
			part = part * 10 + (*end - '0');
	if (*end != '\0')
		return "";
	for (; digits < 3; digits++)
		part *= 10;
	*value = whole * 1000 + part;
	return NULL;
}

/* Each reader stores the value and returns NULL, or returns what is wrong ("" when the expectation says it all). */
static const char *read_number(const struct knob *knob, void *base, const char *text, struct arena *arena)
{
	const char *end, *wrong = NULL;
	int64_t value = 0;

	if (knob->type == KNOB_TIME)
		wrong = unit_parse(text, time_units, COUNT_OF(time_units), 1000, &value, arena);
	else if (knob->type == KNOB_MEMORY)
		wrong = unit_parse(text, memory_units, COUNT_OF(memory_units), 1024, &value, arena);
	else if (knob->type == KNOB_RATIO)
		wrong = ratio_parse(text, &value);
	else if (knob->type == KNOB_PERCENT)
		wrong = unit_parse(text, percent_units, COUNT_OF(percent_units), 1, &value, arena);
	else if (!number_parse(text, &value, &end) || *end != '\0')
		wrong = "";
	if (wrong != NULL)
		return wrong;
	if (value < knob->min || value > knob->max)
		return "";
	int_store(knob, base, value);
	if (knob_has_set(knob))
		*(bool *)field(base, knob->set) = true;
	return NULL;
}

static const char *read_bool(const struct knob *knob, void *base, const char *text)
{
	if (strcmp(text, "yes") == 0 || strcmp(text, "on") == 0)
		return "(write true)";
	if (strcmp(text, "no") == 0 || strcmp(text, "off") == 0)
		return "(write false)";
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return "";
	*(bool *)field(base, knob->offset) = text[0] == 't';
	return NULL;
}

static bool all_of(const char *text, const char *characters) { return text[strspn(text, characters)] == '\0'; }

static const char *read_text(const struct knob *knob, void *base, const char *text, struct arena *arena)
{
	int64_t bytes = (int64_t)strlen(text);

	if (bytes < knob->min || bytes > knob->max)
		return arena_printf(arena, "it has %" PRId64 " bytes", bytes);
	if (knob->type == KNOB_HEX && !all_of(text, "0123456789abcdefABCDEF"))
		return "";
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "it contains a control character";
	*(const char **)field(base, knob->offset) = arena_str(arena, text);
	return NULL;
}

static const char *read_word(const struct knob *knob, void *base, const char *text, struct arena *arena)
{
	const char *nearest;

	for (size_t i = 0; i < knob->word_count; i++) {
		if (strcmp(text, knob->words[i]) != 0)
			continue;
		if (knob->type == KNOB_ENUM)
			*(int *)field(base, knob->offset) = (int)i;
		else
			*(const char **)field(base, knob->offset) = knob->words[i];
		return NULL;
	}
	nearest = text_nearest(text, knob->words, knob->word_count);
	return nearest ? arena_printf(arena, "(did you mean \"%s\"?)", nearest) : "";
}

static bool family_fits(const struct knob *knob, struct ip ip) { return knob->family == IP_NONE || knob->family == ip.family; }

static const char *read_prefix(const struct knob *knob, void *base, const char *text, struct arena *arena)
{
	char masked[PREFIX_TEXT_BYTES];
	struct prefix prefix = {0};

	if (knob->type == KNOB_ADDRESS && ip_parse(text, &prefix.ip))
		prefix.length = 0;
	else if (!prefix_parse(text, &prefix))
		return "";
	else if (knob->type == KNOB_ADDRESS && prefix.length == 0)
		return "";
	if (!family_fits(knob, prefix.ip))
		return "";
	if (knob->type == KNOB_PREFIX && !prefix_equal(prefix, prefix_masked(prefix)))
		return arena_printf(arena, "(it has host bits set; the subnet is %s)", prefix_text(prefix_masked(prefix), masked));
	*(struct prefix *)field(base, knob->offset) = prefix;
	return NULL;
}

static const char *read_ip(const struct knob *knob, void *base, const char *text)
{
	struct ip ip;

	if (knob->flag != NOWHERE && strcmp(text, "none") == 0) {
		*(bool *)field(base, knob->flag) = true;
		return NULL;
	}
	if (!ip_parse(text, &ip) || !family_fits(knob, ip))
		return "";
	*(struct ip *)field(base, knob->offset) = ip;
	return NULL;
}

static const char *read_mac(const struct knob *knob, void *base, const char *text, struct arena *arena)
{
	struct mac mac;

	if (knob->flag != NOWHERE && strncmp(text, "pool:", 5) == 0 && text[5] != '\0') {
		*(const char **)field(base, knob->flag) = arena_str(arena, text + 5);
		return NULL;
	}
	if (!mac_parse(text, &mac))
		return "";
	if (mac_is_multicast(mac))
		return "(it is a multicast address: the first byte must be even)";
	if (mac_is_zero(mac))
		return "(it is all zero)";
	*(struct mac *)field(base, knob->offset) = mac;
	return NULL;
}

static const char *read_mac_range(const struct knob *knob, void *base, const char *text)
{
	char first[MAC_TEXT_BYTES] = "";
	const char *end;
	struct mac mac;
	int64_t bits;

	if (strlen(text) < sizeof(first) || text[sizeof(first) - 1] != '/')
		return "";
	memcpy(first, text, sizeof(first) - 1);
	if (!mac_parse(first, &mac) || !number_parse(text + sizeof(first), &bits, &end) || *end != '\0' || bits < 8 || bits > 48)
		return "";
	if (mac_is_multicast(mac))
		return "(these are multicast addresses: the first byte must be even)";
	for (int64_t bit = bits; bit < 48; bit++)
		if (mac.bytes[bit / 8] & (0x80 >> bit % 8))
			return "(bits are set behind the fixed ones)";
	*(struct mac *)field(base, knob->offset) = mac;
	*(uint8_t *)field(base, knob->flag) = (uint8_t)bits;
	return NULL;
}

static const char *read_as_range(const struct knob *knob, void *base, const char *text)
{
	int64_t first, last;
	const char *end;

	if (!number_parse(text, &first, &end))
		return "";
	last = first;
	if (*end == '-' && !number_parse(end + 1, &last, &end))
		return "";
	if (*end != '\0' || first < 1 || last < first || last >= UINT32_MAX)
		return "";
	*(uint32_t *)field(base, knob->offset) = (uint32_t)first;
	*(uint32_t *)field(base, knob->flag) = (uint32_t)last;
	return NULL;
}

static const char *read_ports(const struct knob *knob, void *base, const char *text)
{
	int64_t first, last;
	const char *end;

	if (!number_parse(text, &first, &end))
		return "";
	last = first;
	if (*end == '-' && !number_parse(end + 1, &last, &end))
		return "";
	if (*end != '\0' || first < 1 || last < first || last > UINT16_MAX)
		return "";
	*(uint16_t *)field(base, knob->offset) = (uint16_t)first;
	*(uint16_t *)field(base, knob->flag) = (uint16_t)last;
	return NULL;
}

static const char *read_scalar(const struct knob *knob, void *base, const char *text, struct arena *arena)
{
	switch (knob->type) {
	case KNOB_TEXT:
	case KNOB_SECRET:
	case KNOB_REF:
	case KNOB_HEX:
		return read_text(knob, base, text, arena);
	case KNOB_BOOL:
		return read_bool(knob, base, text);
	case KNOB_INT:
	case KNOB_TIME:
	case KNOB_MEMORY:
	case KNOB_RATIO:
	case KNOB_PERCENT:
		return read_number(knob, base, text, arena);
	case KNOB_WORD:
	case KNOB_ENUM:
		return read_word(knob, base, text, arena);
	case KNOB_PREFIX:
	case KNOB_ADDRESS:
		return read_prefix(knob, base, text, arena);
	case KNOB_IP:
		return read_ip(knob, base, text);
	case KNOB_MAC:
		return read_mac(knob, base, text, arena);
	case KNOB_MAC_RANGE:
		return read_mac_range(knob, base, text);
	case KNOB_AS_RANGE:
		return read_as_range(knob, base, text);
	case KNOB_PORTS:
		return read_ports(knob, base, text);
	case KNOB_NAMES:
	case KNOB_FLAGS:
	case KNOB_OBJECT:
	case KNOB_MAP:
	case KNOB_LIST:
	case KNOB_LATER:
		break;
	}
	CHECK(knob->type == KNOB_TEXT);
	return "";
}

/* The offset of the bool that a word of FLAGS sets, or NOWHERE. */
static uint16_t flag_of_word(const struct knob *knob, const char *word)
{
	for (size_t i = 0; i < knob->word_count; i++)
		if (strcmp(word, knob->words[i]) == 0)
			return knob->flags[i];
	return NOWHERE;
}

/* NAMES and FLAGS: a list of scalars, or one alone. */
static bool read_list(
	const struct knob *knob, void *base, const struct node *node, const char *path, struct arena *arena, struct diags *diags)
{
	bool list = node->kind == NODE_LIST;
	size_t count = list ? node->count : 1, filled = 0;
	const char **names = arena_alloc(arena, (count + 1) * sizeof(*names));

	if (knob->type == KNOB_NAMES && ((int64_t)count < knob->min || (int64_t)count > knob->max)) {
		diag_error(diags, node->place, path, "expected %s, got %zu", knob_expects(knob, diags->arena), count);
		return false;
	}
	for (const struct node *n = list ? node->first : node; n != NULL; n = list ? n->next : NULL) {
		bool fits = n->kind == NODE_SCALAR && strlen(n->text) <= NAMES_BYTES_MAX;

		if (fits && knob->type == KNOB_FLAGS)
			fits = flag_of_word(knob, n->text) != NOWHERE;
		if (!fits) {
			diag_error(diags, n->place, path, "expected %s, got %s", knob_expects(knob, diags->arena),
				n->kind == NODE_SCALAR ? arena_printf(diags->arena, "\"%.64s\"", n->text) : node_kind_text(n));
			return false;
		}
		names[filled++] = arena_str(arena, n->text);
	}
	if (knob->type == KNOB_NAMES) {
		*(const char ***)field(base, knob->offset) = names;
		*(size_t *)field(base, knob->flag) = filled;
		return true;
	}
	for (size_t i = 0; i < filled; i++)
		*(bool *)field(base, flag_of_word(knob, names[i])) = true;
	return true;
}

bool knob_read(const struct knob *knob, void *base, const struct node *node, const char *path, struct arena *arena, struct diags *diags)
{
	const char *wrong;

	if ((knob->type == KNOB_NAMES || knob->type == KNOB_FLAGS) && (node->kind == NODE_LIST || node->kind == NODE_SCALAR))
		return read_list(knob, base, node, path, arena, diags);
	if (node->kind != NODE_SCALAR) {
		diag_error(diags, node->place, path, "expected %s, got %s", knob_expects(knob, diags->arena), node_kind_text(node));
		return false;
	}
	wrong = read_scalar(knob, base, node->text, arena);
	if (wrong == NULL)
		return true;
	if (wrong[0] == '"')
		diag_error(diags, node->place, path, "expected %s; %s", knob_expects(knob, diags->arena), wrong);
	else
		diag_error(diags, node->place, path, "expected %s, got \"%.64s\"%s%s", knob_expects(knob, diags->arena),
			knob->type == KNOB_SECRET ? "***" : node->text,
			wrong[0] == '\0'  ? ""
			: wrong[0] == '(' ? " "
					  : ": ",
			wrong);
	return false;
}

void kind_defaults(const struct kind *kind, void *base, struct arena *arena)
{
	struct {
		const struct kind *kind;
		void *base;
	} groups[8] = {{kind, base}};
	size_t group_count = 1;

	while (group_count > 0) {
		const struct kind *now = groups[--group_count].kind;
		void *at = groups[group_count].base;

		for (size_t i = 0; i < now->knob_count; i++) {
			const struct knob *knob = &now->knobs[i];

			if (knob->fallback != NULL)
				CHECK(read_scalar(knob, at, knob->fallback, arena) == NULL);
			if (knob->type != KNOB_OBJECT)
				continue;
			CHECK(group_count < COUNT_OF(groups));
			groups[group_count].kind = knob->kind;
			groups[group_count++].base = field(at, knob->offset);
		}
	}
}
