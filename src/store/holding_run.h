/*
 * Runs of holdings: what changed among them, as compact bytes for a journal of the store.
 *
 * Theory of operation. A record says all of what is true of a holding from then on, so records that are read twice do no harm. A run begins
 * with a mark and needs nothing that was written before it; runs may stand one behind the other in one piece.
 *
 *   run      mark 0xc1, then records
 *   record   head: bits 0-1 what, bits 2-3 why, bit 4 the pool is that of the record before, bit 5 `since` is that of the record before
 *            pool, unless bit 4: its number in this run; the next number is a new pool, whose length and name follow
 *            owner (not of CURSOR): bytes in common with the owner before, bytes that follow, those bytes
 *            value (not of DROPPED): what is added to the pool's value before, 0 at first
 *            since (HELD, RESTING), unless bit 5: what is added to the one before, 0 at first
 *            released (RESTING): what is added to the one before, 0 at first
 *
 * Numbers take 7 bits a byte, the lowest first, bit 7 set when more follow; what is added is folded so that small negative numbers are
 * short too (0, -1, 1, -2, ...). An interface in a run of many takes some 30 bytes with its three numbers.
 */
#ifndef STORE_HOLDING_RUN_H
#define STORE_HOLDING_RUN_H

#include "store/holdings.h"

#include <stddef.h>
#include <stdint.h>

/* What a record says: the owner holds the number; it was released; it is forgotten (no owner: the
 * whole pool is); where the pool's next search begins. */
enum holding_record { HOLDING_HELD, HOLDING_RESTING, HOLDING_DROPPED, HOLDING_CURSOR };

/* A run while it is written. Zero-initialize; free with holding_run_free. */
struct holding_run {
	uint8_t *bytes;
	size_t used, capacity;
	uint64_t *values; /* of pools, the last ones that were written */
	uint32_t pools, pools_written, pools_capacity;
	uint32_t pool; /* the last one that was written */
	char owner[STORE_KEY_BYTES_MAX + 1];
	size_t owner_length;
	int64_t since, released;
};

void holding_run_free(struct holding_run *run);

/* Begins anew with an empty run. */
void holding_run_clear(struct holding_run *run);

/* The number of one more pool in this run; to be used in records in that order for the first time. */
uint32_t holding_run_pool(struct holding_run *run);

/* Adds a record; `holding->pool` is the name that number `pool` stands for. */
void holding_run_put(struct holding_run *run, uint32_t pool, enum holding_record what, const struct holding *holding);

/* A record that was read; its strings are valid during the call, but that of the pool during holding_run_read. Returns 0 to go on. */
typedef int holding_run_fn(void *context, enum holding_record what, const struct holding *holding);

/* Reads runs: 0, the first other result of `record`, or -EPROTO when the bytes are no runs. */
int holding_run_read(const uint8_t *bytes, size_t size, holding_run_fn *record, void *context);

#endif
