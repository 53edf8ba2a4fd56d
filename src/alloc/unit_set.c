/* A set of units as a 64-ary tree of bitmaps with counts. */
#include "alloc/unit_set.h"

#include "base/arena.h"
#include "base/check.h"

#include <stddef.h>
#include <stdlib.h>

#define FULL_WORD UINT64_MAX

void unit_set_init(struct unit_set *set, uint64_t size)
{
	uint64_t bits = size;

	CHECK(size > 0);
	*set = (struct unit_set){.size = size};
	for (;;) {
		uint64_t words = (bits + 63) / 64;

		CHECK(set->levels < UNIT_SET_LEVELS);
		set->words[set->levels] = words;
		set->full[set->levels] = xalloc(words * sizeof(uint64_t));
		if (set->levels > 0)
			set->counts[set->levels] = xalloc(words * sizeof(uint32_t));
		/* Bits behind the end count as full, so that no search ever finds them. */
		if (bits % 64 != 0)
			set->full[set->levels][words - 1] = FULL_WORD << (bits % 64);
		set->levels++;
		if (words == 1)
			return;
		bits = words;
	}
}

void unit_set_free(struct unit_set *set)
{
	for (unsigned level = 0; level < set->levels; level++) {
		free(set->full[level]);
		free(set->counts[level]);
	}
	*set = (struct unit_set){0};
}

void unit_set_add(struct unit_set *set, uint64_t unit)
{
	uint64_t index = unit;
	bool fills = true;

	CHECK(unit < set->size && !unit_set_has(set, unit));
	set->used++;
	for (unsigned level = 0; level < set->levels; level++, index /= 64) {
		if (level > 0)
			set->counts[level][index / 64]++;
		if (fills) {
			set->full[level][index / 64] |= UINT64_C(1) << (index % 64);
			fills = set->full[level][index / 64] == FULL_WORD;
		}
	}
}

void unit_set_remove(struct unit_set *set, uint64_t unit)
{
	uint64_t index = unit;
	bool was_full = true;

	CHECK(unit < set->size && unit_set_has(set, unit));
	set->used--;
	for (unsigned level = 0; level < set->levels; level++, index /= 64) {
		if (level > 0)
			set->counts[level][index / 64]--;
		if (was_full) {
			was_full = set->full[level][index / 64] == FULL_WORD;
			set->full[level][index / 64] &= ~(UINT64_C(1) << (index % 64));
		}
	}
}

/* Goes down from a node of `level` that is known to have room, taking the first gap each time. */
static uint64_t first_outside_below(const struct unit_set *set, unsigned level, uint64_t index)
{
	while (level > 0) {
		level--;
		index = index * 64 + (unsigned)__builtin_ctzll(~set->full[level][index]);
	}
	return index;
}

/* The first unit outside at or behind `from`, without wrapping. */
static bool next_outside(const struct unit_set *set, uint64_t from, uint64_t *unit)
{
	uint64_t index = from;

	for (unsigned level = 0; level < set->levels; level++) {
		uint64_t word = index / 64;
		uint64_t gaps;

		if (word >= set->words[level])
			return false;
		gaps = ~set->full[level][word] & (FULL_WORD << (index % 64));
		if (gaps != 0) {
			*unit = first_outside_below(set, level, word * 64 + (unsigned)__builtin_ctzll(gaps));
			return true;
		}
		/* Nothing left in this word: go on with the word behind it, which is a bit one level up. */
		index = word + 1;
	}
	return false;
}

bool unit_set_next_outside(const struct unit_set *set, uint64_t from, uint64_t *unit)
{
	if (set->used == set->size)
		return false;
	return (from < set->size && next_outside(set, from, unit)) || next_outside(set, 0, unit);
}

static unsigned gaps_in(uint64_t word) { return (unsigned)__builtin_popcountll(~word); }

/* The n-th 0 of a word: whole bytes first. */
static unsigned nth_gap(uint64_t word, unsigned n)
{
	unsigned bit = 0;
	uint64_t gaps = ~word;

	for (;; bit += 8) {
		unsigned here = (unsigned)__builtin_popcountll(gaps >> bit & 0xff);

		if (n < here)
			break;
		n -= here;
	}
	for (gaps >>= bit; n > 0; n--)
		gaps &= gaps - 1;
	return bit + (unsigned)__builtin_ctzll(gaps);
}

/* Units that a node of level 1 and above spans, all of those behind the end counted in. */
static uint64_t span_of(unsigned level) { return UINT64_C(1) << (6 * (level + 1)); }

/* Which child, from `index` on, of a node of `level` has the n-th unit outside; `n` becomes its number in there. Nodes before the last are
 * whole, and the last has what is left, so the end need not be looked at. */
static uint64_t child_of_nth(const struct unit_set *set, unsigned level, uint64_t index, uint64_t *n)
{
	for (;; index++) {
		uint64_t outside = level == 0 ? gaps_in(set->full[0][index]) : span_of(level) - set->counts[level][index];

		if (*n < outside || index + 1 == set->words[level])
			return index;
		*n -= outside;
	}
}

uint64_t unit_set_nth_outside(const struct unit_set *set, uint64_t n)
{
	uint64_t index = 0;

	CHECK(n < set->size - set->used);
	for (unsigned level = set->levels - 1; level-- > 0;)
		index = child_of_nth(set, level, index * 64, &n);
	return index * 64 + nth_gap(set->full[0][index], (unsigned)n);
}
