/* Quantities with units. */
#include "base/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DECIMALS 1000000u
#define UNITS_MAX 4

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct {
	const char *expects;
	struct unit units[UNITS_MAX]; /* the largest first */
} kinds[] = {
	[QUANTITY_TIME] = {"a time such as 20ms", {{"s", 1000000}, {"ms", 1000}, {"us", 1}}},
	[QUANTITY_RATE] = {"a rate such as 100Mbit", {{"Gbit", 1000000000}, {"Mbit", 1000000}, {"kbit", 1000}, {"bit", 1}}},
	[QUANTITY_SHARE] = {"a share such as 0.1%", {{"%", 10000}}},
};

const char *quantity_expects(enum quantity kind) { return kinds[kind].expects; }

/* Digits, perhaps a point and at most six more: the number times DECIMALS. NULL when there is none, else what follows. */
static const char *read_number(const char *text, uint64_t *value)
{
	uint64_t scale = DECIMALS;
	const char *at = text;

	for (*value = 0; *at >= '0' && *at <= '9' && at - text < 12; at++)
		*value = *value * 10 + (uint64_t)(*at - '0');
	if (at == text)
		return NULL;
	*value *= DECIMALS;
	if (*at != '.')
		return at;
	for (at++; *at >= '0' && *at <= '9' && scale > 1; at++) {
		scale /= 10;
		*value += (uint64_t)(*at - '0') * scale;
	}
	return at[-1] == '.' ? NULL : at;
}

bool quantity_parse(enum quantity kind, const char *text, uint64_t max, uint64_t *value)
{
	uint64_t number;
	const char *unit = read_number(text, &number);

	for (unsigned i = 0; unit != NULL && i < UNITS_MAX && kinds[kind].units[i].name != NULL; i++) {
		uint64_t factor = kinds[kind].units[i].factor;

		if (strcmp(kinds[kind].units[i].name, unit) != 0)
			continue;
		/* Whole units first: the product of both may not fit. */
		number = number / DECIMALS * factor + number % DECIMALS * factor / DECIMALS;
		if (number > max)
			return false;
		*value = number;
		return true;
	}
	return false;
}

const char *quantity_text(enum quantity kind, uint64_t value, char out[QUANTITY_TEXT_BYTES])
{
	const struct unit *unit = kinds[kind].units;
	int used;

	while (unit[0].factor > value && unit + 1 < kinds[kind].units + UNITS_MAX && unit[1].name != NULL)
		unit++;
	used = snprintf(out, QUANTITY_TEXT_BYTES, "%" PRIu64, value / unit->factor);
	if (value % unit->factor != 0) {
		used += snprintf(out + used, QUANTITY_TEXT_BYTES - (size_t)used, ".%06" PRIu64,
			value % unit->factor * (unit->factor < DECIMALS ? DECIMALS / unit->factor : 1) /
				(unit->factor > DECIMALS ? unit->factor / DECIMALS : 1));
		while (out[used - 1] == '0')
			out[--used] = '\0';
	}
	(void)snprintf(out + used, QUANTITY_TEXT_BYTES - (size_t)used, "%s", unit->name);
	return out;
}
