/*
 * A set of units 0 .. size-1 that finds the next unit outside of it, or the n-th one, in O(log64 size) at any fill level.
 *
 * Theory of operation. Level 0 is a bitmap, a bit a unit, 1 = in the set. A bit of level k+1 is 1 when the 64-bit word below it is full, so
 * the next unit outside is found by going up while words are full and down again. Beside the bits each node of level 1 and above counts
 * the units of its 64 x 64 x ... below, which finds the n-th unit outside from the top. Memory that was never touched stays zero and costs
 * nothing (large calloc), so a set over 2^32 units may be declared freely.
 */
#ifndef ALLOC_UNIT_SET_H
#define ALLOC_UNIT_SET_H

#include <stdbool.h>
#include <stdint.h>

/* 64^6 > 2^32. */
#define UNIT_SET_LEVELS 6

struct unit_set {
	uint64_t size;
	uint64_t used;
	unsigned levels;
	uint64_t words[UNIT_SET_LEVELS];
	uint64_t *full[UNIT_SET_LEVELS];   /* words of each level's bitmap */
	uint32_t *counts[UNIT_SET_LEVELS]; /* units below each word; NULL for level 0, where the word itself says it */
};

/* An empty set over `size` > 0 units. Aborts when there is no memory. */
void unit_set_init(struct unit_set *set, uint64_t size);
void unit_set_free(struct unit_set *set);

static inline bool unit_set_has(const struct unit_set *set, uint64_t unit) { return set->full[0][unit / 64] >> (unit % 64) & 1; }

/* Puts a unit in or takes it out; it must be outside, or in. */
void unit_set_add(struct unit_set *set, uint64_t unit);
void unit_set_remove(struct unit_set *set, uint64_t unit);

/* The first unit outside at or behind `from`, wrapping at the end; false when all are in. */
bool unit_set_next_outside(const struct unit_set *set, uint64_t from, uint64_t *unit);

/* The n-th (from 0) unit outside in ascending order; n < size - used. */
uint64_t unit_set_nth_outside(const struct unit_set *set, uint64_t n);

#endif
