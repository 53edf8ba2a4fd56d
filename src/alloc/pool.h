/*
 * Pools: who holds which number. Pure: no I/O, no clock, no randomness but its own seed.
 *
 * Theory of operation. A pool is a range of units 0 .. size-1 (addresses of a prefix, MACs below a base, AS numbers), of which each is
 * free, held by an owner, in quarantine after it was given back, or excluded. An owner is a text ("demo/vm1:eth0"); asking again gives the
 * same unit, and an owner that comes back while its unit is free or in quarantine gets it back (sticky). A pool is a table of names that
 * gives each owner a number, in front of a ledger (ledger.h) of numbers; who has numbers of his own may use a ledger as it is.
 */
#ifndef ALLOC_POOL_H
#define ALLOC_POOL_H

#include "alloc/ledger.h"
#include "base/err.h"
#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

/* Most units of one pool that are managed (a larger range is used up to here). */
#define POOL_UNITS_MAX LEDGER_UNITS_MAX

struct pool_config {
	const char *name; /* for errors; copied */
	uint64_t size;	  /* units */
	enum pool_strategy strategy;
	uint64_t seed;		 /* RANDOM */
	struct span quarantine;	 /* before a unit that was given back may go to another owner */
	bool shorten_quarantine; /* a pool that is full otherwise takes the oldest out of quarantine early */
	uint64_t block;		 /* 0: static. Else dynamic: it begins with so many units and grows by so many, up to `size` */
};

struct pool;

struct pool *pool_new(const struct pool_config *config);
void pool_free(struct pool *pool);

/* Takes units first .. first+count-1 out of the pool for ever (network and broadcast addresses). Held ones stay held until released. */
void pool_exclude(struct pool *pool, uint64_t first, uint64_t count);

/* Gives `owner` a unit. Returns 0 and the unit, or -ENOSPC with a text that names pool, size, how many are held and in quarantine. */
int pool_allocate(struct pool *pool, const char *owner, struct instant now, uint64_t *unit, struct err *err);

/* Gives `owner` this very unit: written in a file, or read back from the store. -EEXIST when another holds it, -ERANGE outside. An excluded
 * unit may be reserved. */
int pool_reserve(struct pool *pool, const char *owner, uint64_t unit, struct err *err);

/* Ends the owner's hold; the unit goes into quarantine. False when it held none. */
bool pool_release(struct pool *pool, const char *owner, struct instant now);

/* What an owner holds; who holds a unit (NULL: nobody). */
bool pool_find(const struct pool *pool, const char *owner, uint64_t *unit);
const char *pool_owner(const struct pool *pool, uint64_t unit);

/* As ledger_cursor and ledger_set_cursor. */
uint64_t pool_cursor(const struct pool *pool);
void pool_set_cursor(struct pool *pool, uint64_t cursor);

struct pool_counts pool_counts(const struct pool *pool);

/* Gives back the blocks at the end of a dynamic pool that nobody holds and nothing rests in; returns how many units that were. */
uint64_t pool_shrink(struct pool *pool);

#endif
