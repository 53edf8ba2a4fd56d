/*
 * The holdings of one pool, found by their owner's name.
 *
 * Theory of operation. Rows lie in segments, each twice as large as the one before, so that they never move; a table of slots finds them by
 * the number of the owner's name. Names that were made one after the other have numbers one behind the other, hence slots and rows side by
 * side: going through a million of them touches memory in sequence.
 */
#ifndef STORE_HOLDING_ROWS_H
#define STORE_HOLDING_ROWS_H

#include "store/holdings.h"
#include "store/name_set.h"

/* 16 * (2^28 - 1) rows. */
#define HOLDING_SEGMENTS 28

struct holding_slot;

/* Zero-initialize to make it empty. */
struct holding_rows {
	struct holding *segments[HOLDING_SEGMENTS]; /* `owner` is NULL in a row that is unused, which links to the next by `value` */
	uint32_t count;				    /* rows, unused ones among them */
	uint32_t used;
	uint32_t unused; /* the first unused one + 1, 0: none */
	struct holding_slot *slots;
	uint32_t size; /* slots, a power of two, or 0 */
};

/* What a search gives when there is none. */
#define HOLDING_NO_ROW UINT32_MAX

void holding_rows_free(struct holding_rows *rows);

/* Row number `row`, which is below `count`. It stays where it is. */
struct holding *holding_row_at(const struct holding_rows *rows, uint32_t row);

/* The row of an owner or HOLDING_NO_ROW. */
uint32_t holding_row_find(const struct holding_rows *rows, const struct name_entry *name);

/* A new row of an owner who has none, empty but for `owner`. */
uint32_t holding_row_add(struct holding_rows *rows, const struct name_entry *name);

/* Takes a row away. */
void holding_row_remove(struct holding_rows *rows, uint32_t row);

/* The first row in use from `*cursor` on, which is behind it then; NULL at the end. */
struct holding *holding_row_next(const struct holding_rows *rows, uint32_t *cursor);

#endif
