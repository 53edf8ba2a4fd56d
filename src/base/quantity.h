/* Quantities as people write them, with their units: times (20ms), rates (100Mbit), shares (0.1%). Never a bare number. */
#ifndef BASE_QUANTITY_H
#define BASE_QUANTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum quantity {
	QUANTITY_TIME,	/* microseconds: us, ms, s */
	QUANTITY_RATE,	/* bits a second: bit, kbit, Mbit, Gbit */
	QUANTITY_SHARE, /* millionths: % */
};

/* Reads one; false when it isn't one, or is larger than `max`. Up to six decimals are read, what is finer than the unit counted in is cut.
 */
bool quantity_parse(enum quantity kind, const char *text, uint64_t max, uint64_t *value);

/* What one looks like, for errors: "a time such as 20ms". */
const char *quantity_expects(enum quantity kind);

#define QUANTITY_TEXT_BYTES 32

/* Writes one in its largest unit that needs no more than six decimals; returns `out`. */
const char *quantity_text(enum quantity kind, uint64_t value, char out[QUANTITY_TEXT_BYTES]);

#endif
