/*
 * A ledger: which owner, a number, holds which unit. Pure: no I/O, no clock, no randomness but its own seed.
 *
 * Theory of operation. Owners are small numbers from 1 on, as a table of interfaces or of names gives them (pool.h puts names in front).
 * `unit_of` finds what an owner has by its number; a table of slots finds who has a unit. The slots are as many as there are units, one a
 * unit, where the ledger is well filled, and else an open-addressing table at most half full, in which units that follow each other stand
 * together: so 1,000,000 holdings cost 8 to 20 bytes each and allocating in sequence touches memory in sequence. A set of bits over the
 * units (unit_set.h) finds the next free one, or the n-th, at any fill level.
 *
 * What an owner has is held; or it rests in quarantine after its release, in a ring in the order of release, which is also the order in
 * which quarantines end; or it is free but remembered, so that the owner gets it back unless somebody else came first.
 */
#ifndef ALLOC_LEDGER_H
#define ALLOC_LEDGER_H

#include "base/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most units that are managed (a larger range is used up to here). */
#define LEDGER_UNITS_MAX UINT64_C(0xffffffff)

/* How the next unit is chosen: the next free one behind the last (wrapping), exactly uniform over the free ones, or from a wish, then the
 * next free one. */
enum pool_strategy { POOL_SEQUENTIAL, POOL_RANDOM, POOL_HASH };

struct ledger_config {
	uint64_t size; /* units, more than 0 */
	enum pool_strategy strategy;
	uint64_t seed;		 /* RANDOM */
	struct span quarantine;	 /* before a unit that was given back may go to another owner */
	bool shorten_quarantine; /* when it is full otherwise, the oldest comes out of quarantine early */
	uint64_t block;		 /* 0: static. Else dynamic: units below so many are chosen, then by so many more, up to `size` */
};

struct ledger;

struct ledger *ledger_new(const struct ledger_config *config);
void ledger_free(struct ledger *ledger);

/* Makes room for owners up to `owner` and for `more` holdings at once, rather than step by step. */
void ledger_expect(struct ledger *ledger, uint32_t owner, uint64_t more);

/* Says that this allocation will soon be asked for (HASH), so that its memory is on its way while others are made. Changes nothing. */
void ledger_prefetch(const struct ledger *ledger, uint32_t owner, uint64_t wish);

/* Takes units first .. first+count-1 out for ever. Held ones stay held until released. */
void ledger_exclude(struct ledger *ledger, uint64_t first, uint64_t count);

/* Gives `owner` a unit: 0, or -ENOSPC. HASH starts at `wish` modulo size. `forgotten` is the owner that was remembered for the unit and no
 * longer is, 0 for none: its number may be used anew. */
int ledger_allocate(struct ledger *ledger, uint32_t owner, uint64_t wish, struct instant now, uint64_t *unit, uint32_t *forgotten);

/* Gives `owner` this very unit, which may be an excluded one. -ERANGE; -EEXIST when `other` holds it (`other` is `owner`: it holds another
 * unit). On success `other` is the owner that is forgotten, as above. */
int ledger_reserve(struct ledger *ledger, uint32_t owner, uint64_t unit, uint32_t *other);

/* Ends the owner's hold; the unit goes into quarantine. False when it held none. `now` never goes back. */
bool ledger_release(struct ledger *ledger, uint32_t owner, struct instant now);

/* What an owner holds; who holds a unit (0: nobody). */
bool ledger_find(const struct ledger *ledger, uint32_t owner, uint64_t *unit);
uint32_t ledger_holder(const struct ledger *ledger, uint64_t unit);

struct pool_counts {
	uint64_t size, held, quarantined, excluded, free;
	uint64_t extent; /* units that it has so far, when it grows by blocks */
};

/* Where the next search of SEQUENTIAL begins: to be kept by whoever makes the ledger anew later, and set then (modulo size). */
uint64_t ledger_cursor(const struct ledger *ledger);
void ledger_set_cursor(struct ledger *ledger, uint64_t cursor);

/* Gives back blocks at the end of a dynamic ledger in which nothing is held, rests or is excluded; returns how many units. */
uint64_t ledger_shrink(struct ledger *ledger);

struct pool_counts ledger_counts(const struct ledger *ledger);

#endif
