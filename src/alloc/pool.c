/*
 * Pools: who holds which number.
 *
 * Theory of operation. `taken` is the set of units that can't be given out now: held, in quarantine, excluded. A holding is a record of 32
 * bytes for a unit that somebody holds, that rests in quarantine, or that is free but remembered for its last owner; two open-addressing
 * tables of record numbers find it by owner and by unit. Records in quarantine form a queue in the order of their release, which is also
 * the order in which they end, so ending them costs nothing per call. A remembered record is dropped when its unit goes to another owner,
 * so there is never more than one record a unit.
 */
#include "alloc/pool.h"

#include "alloc/unit_set.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/rand.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX

/* What `since` says of a holding that is not in quarantine. */
#define HELD INT64_MAX
#define REMEMBERED INT64_MIN

/* A record; `owner` NULL marks one that is unused and linked by `next`. `since`: HELD, REMEMBERED, or when quarantine began. */
struct holding {
	char *owner;
	int64_t since;
	uint32_t unit;
	uint32_t hash;
	uint32_t next;
	uint32_t previous;
};

/* Open addressing over record numbers; NONE is an empty slot. Kept at most half full. */
struct index {
	uint32_t *slots;
	uint32_t mask;
};

struct pool {
	char *name;
	struct pool_config config;
	struct unit_set taken;
	struct rand rand;
	uint64_t cursor;
	uint64_t held, quarantined, excluded;
	struct holding *holdings;
	uint32_t holding_count, holding_capacity, unused;
	uint32_t records;
	struct index by_owner, by_unit;
	uint32_t oldest, newest; /* the quarantine's queue */
};

static uint32_t hash_owner(const char *owner) { return (uint32_t)hash_str(owner); }
static uint32_t hash_unit(uint32_t unit) { return (uint32_t)hash_u64(unit); }

static void index_put(struct index *index, uint32_t hash, uint32_t record)
{
	uint32_t i = hash & index->mask;

	while (index->slots[i] != NONE)
		i = (i + 1) & index->mask;
	index->slots[i] = record;
}

static uint32_t home_of(const struct pool *pool, const struct index *index, uint32_t record)
{
	const struct holding *h = &pool->holdings[record];

	return (index == &pool->by_owner ? h->hash : hash_unit(h->unit)) & index->mask;
}

/* Takes a record out, moving later ones of the same run back so that no tomb is needed (Knuth 6.4, algorithm R). */
static void index_take(const struct pool *pool, struct index *index, uint32_t record)
{
	uint32_t gap = home_of(pool, index, record);

	while (index->slots[gap] != record)
		gap = (gap + 1) & index->mask;
	for (uint32_t i = (gap + 1) & index->mask; index->slots[i] != NONE; i = (i + 1) & index->mask) {
		uint32_t home = home_of(pool, index, index->slots[i]);

		if (((i - home) & index->mask) >= ((i - gap) & index->mask)) {
			index->slots[gap] = index->slots[i];
			gap = i;
		}
	}
	index->slots[gap] = NONE;
}

static void index_resize(struct pool *pool, struct index *index, uint32_t slots)
{
	free(index->slots);
	index->slots = xalloc(slots * sizeof(*index->slots));
	memset(index->slots, 0xff, slots * sizeof(*index->slots));
	index->mask = slots - 1;
	for (uint32_t i = 0; i < pool->holding_count; i++)
		if (pool->holdings[i].owner != NULL)
			index_put(index, index == &pool->by_owner ? pool->holdings[i].hash : hash_unit(pool->holdings[i].unit), i);
}

static uint32_t find_owner(const struct pool *pool, const char *owner)
{
	uint32_t hash = hash_owner(owner);

	for (uint32_t i = hash & pool->by_owner.mask; pool->by_owner.slots[i] != NONE; i = (i + 1) & pool->by_owner.mask) {
		const struct holding *h = &pool->holdings[pool->by_owner.slots[i]];

		if (h->hash == hash && strcmp(h->owner, owner) == 0)
			return pool->by_owner.slots[i];
	}
	return NONE;
}

static uint32_t find_unit(const struct pool *pool, uint32_t unit)
{
	for (uint32_t i = hash_unit(unit) & pool->by_unit.mask; pool->by_unit.slots[i] != NONE; i = (i + 1) & pool->by_unit.mask)
		if (pool->holdings[pool->by_unit.slots[i]].unit == unit)
			return pool->by_unit.slots[i];
	return NONE;
}

static void record_drop(struct pool *pool, uint32_t record)
{
	struct holding *h = &pool->holdings[record];

	index_take(pool, &pool->by_owner, record);
	index_take(pool, &pool->by_unit, record);
	free(h->owner);
	*h = (struct holding){.next = pool->unused};
	pool->unused = record;
	pool->records--;
}

/* A held record for owner and unit; neither has one. */
static void record_add(struct pool *pool, const char *owner, uint32_t unit)
{
	uint32_t record = pool->unused;

	if (record != NONE) {
		pool->unused = pool->holdings[record].next;
	} else {
		if (pool->holding_count == pool->holding_capacity) {
			pool->holding_capacity = pool->holding_capacity ? pool->holding_capacity + pool->holding_capacity / 2 : 16;
			pool->holdings = xrealloc(pool->holdings, pool->holding_capacity * sizeof(*pool->holdings));
		}
		record = pool->holding_count++;
	}
	pool->holdings[record] = (struct holding){xstrdup(owner), HELD, unit, hash_owner(owner), NONE, NONE};
	pool->records++;
	if (pool->records * 2 > pool->by_owner.mask + 1) {
		index_resize(pool, &pool->by_owner, (pool->by_owner.mask + 1) * 2);
		index_resize(pool, &pool->by_unit, (pool->by_unit.mask + 1) * 2);
	} else {
		index_put(&pool->by_owner, pool->holdings[record].hash, record);
		index_put(&pool->by_unit, hash_unit(unit), record);
	}
	pool->held++;
}

static void queue_take(struct pool *pool, uint32_t record)
{
	struct holding *h = &pool->holdings[record];

	if (h->previous != NONE)
		pool->holdings[h->previous].next = h->next;
	else
		pool->oldest = h->next;
	if (h->next != NONE)
		pool->holdings[h->next].previous = h->previous;
	else
		pool->newest = h->previous;
	h->next = h->previous = NONE;
	pool->quarantined--;
}

static void queue_append(struct pool *pool, uint32_t record)
{
	struct holding *h = &pool->holdings[record];

	h->previous = pool->newest;
	h->next = NONE;
	if (pool->newest != NONE)
		pool->holdings[pool->newest].next = record;
	else
		pool->oldest = record;
	pool->newest = record;
	pool->quarantined++;
}

/* Ends the quarantine of the oldest record: its unit is free again, but remembered. */
static void quarantine_end_oldest(struct pool *pool)
{
	struct holding *h = &pool->holdings[pool->oldest];

	queue_take(pool, pool->oldest);
	h->since = REMEMBERED;
	unit_set_remove(&pool->taken, h->unit);
}

static void quarantine_expire(struct pool *pool, struct instant now)
{
	while (pool->oldest != NONE && now.ns - pool->holdings[pool->oldest].since >= pool->config.quarantine.ns)
		quarantine_end_oldest(pool);
}

struct pool *pool_new(const struct pool_config *config)
{
	struct pool *pool = xalloc(sizeof(*pool));

	CHECK(config->size > 0);
	pool->config = *config;
	pool->config.size = config->size < POOL_UNITS_MAX ? config->size : POOL_UNITS_MAX;
	pool->name = xstrdup(config->name);
	pool->config.name = pool->name;
	unit_set_init(&pool->taken, pool->config.size);
	pool->rand = rand_seeded(config->seed);
	pool->unused = pool->oldest = pool->newest = NONE;
	index_resize(pool, &pool->by_owner, 16);
	index_resize(pool, &pool->by_unit, 16);
	return pool;
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (uint32_t i = 0; i < pool->holding_count; i++)
		free(pool->holdings[i].owner);
	free(pool->holdings);
	free(pool->by_owner.slots);
	free(pool->by_unit.slots);
	unit_set_free(&pool->taken);
	free(pool->name);
	free(pool);
}

void pool_exclude(struct pool *pool, uint64_t first, uint64_t count)
{
	for (uint64_t unit = first; unit < first + count && unit < pool->config.size; unit++) {
		if (unit_set_has(&pool->taken, unit))
			continue;
		unit_set_add(&pool->taken, unit);
		pool->excluded++;
	}
}

/* The unit that the strategy chooses among the free ones, of which there is at least one. */
static uint64_t choose(struct pool *pool, const char *owner)
{
	uint64_t size = pool->config.size, free_units = size - pool->taken.used, unit = 0;

	switch (pool->config.strategy) {
	case POOL_SEQUENTIAL:
		CHECK(unit_set_next_outside(&pool->taken, pool->cursor, &unit));
		pool->cursor = unit + 1;
		break;
	case POOL_RANDOM:
		/* Throwing darts is quick while most are free, and as uniform as picking the n-th free one. */
		if (free_units <= size / 2)
			return unit_set_nth_outside(&pool->taken, rand_below(&pool->rand, free_units));
		do
			unit = rand_below(&pool->rand, size);
		while (unit_set_has(&pool->taken, unit));
		break;
	case POOL_HASH:
		CHECK(unit_set_next_outside(&pool->taken, hash_stable(owner, strlen(owner)) % size, &unit));
		break;
	}
	return unit;
}

/* Puts a record that is in quarantine or remembered back into its owner's hands. */
static void record_revive(struct pool *pool, uint32_t record)
{
	struct holding *h = &pool->holdings[record];

	if (h->since == REMEMBERED)
		unit_set_add(&pool->taken, h->unit);
	else
		queue_take(pool, record);
	h->since = HELD;
	pool->held++;
}

int pool_allocate(struct pool *pool, const char *owner, struct instant now, uint64_t *unit, struct err *err)
{
	uint32_t record = find_owner(pool, owner);
	uint32_t old;

	quarantine_expire(pool, now);
	if (record != NONE) {
		if (pool->holdings[record].since != HELD)
			record_revive(pool, record);
		*unit = pool->holdings[record].unit;
		return 0;
	}
	if (pool->taken.used == pool->config.size && pool->config.shorten_quarantine && pool->oldest != NONE)
		quarantine_end_oldest(pool);
	if (pool->taken.used == pool->config.size)
		return err_set(err, -ENOSPC,
			"pool \"%s\" is used up: %" PRIu64 " in all, %" PRIu64 " held, %" PRIu64 " in quarantine, %" PRIu64
			" excluded; make the pool larger or release some",
			pool->name, pool->config.size, pool->held, pool->quarantined, pool->excluded);
	*unit = choose(pool, owner);
	old = find_unit(pool, (uint32_t)*unit);
	if (old != NONE)
		record_drop(pool, old);
	unit_set_add(&pool->taken, *unit);
	record_add(pool, owner, (uint32_t)*unit);
	return 0;
}

int pool_reserve(struct pool *pool, const char *owner, uint64_t unit, struct err *err)
{
	uint32_t mine = find_owner(pool, owner);
	uint32_t there;

	if (unit >= pool->config.size)
		return err_set(err, -ERANGE, "pool \"%s\" has no unit %" PRIu64 ": it has %" PRIu64, pool->name, unit, pool->config.size);
	there = find_unit(pool, (uint32_t)unit);
	if (there != NONE && there != mine && pool->holdings[there].since == HELD)
		return err_set(err, -EEXIST, "pool \"%s\": held by %s", pool->name, pool->holdings[there].owner);
	if (mine != NONE && mine == there) {
		if (pool->holdings[mine].since != HELD)
			record_revive(pool, mine);
		return 0;
	}
	if (mine != NONE && pool->holdings[mine].since == HELD)
		return err_set(err, -EEXIST, "pool \"%s\": %s already holds unit %" PRIu32, pool->name, owner, pool->holdings[mine].unit);
	/* What is remembered or in quarantine yields to what is written down. */
	for (int i = 0; i < 2; i++) {
		uint32_t record = i == 0 ? mine : there;

		if (record == NONE)
			continue;
		if (pool->holdings[record].since != REMEMBERED) {
			uint32_t freed = pool->holdings[record].unit;

			queue_take(pool, record);
			unit_set_remove(&pool->taken, freed);
		}
		record_drop(pool, record);
	}
	if (!unit_set_has(&pool->taken, unit))
		unit_set_add(&pool->taken, unit);
	else
		pool->excluded--;
	record_add(pool, owner, (uint32_t)unit);
	return 0;
}

bool pool_release(struct pool *pool, const char *owner, struct instant now)
{
	uint32_t record = find_owner(pool, owner);

	quarantine_expire(pool, now);
	if (record == NONE || pool->holdings[record].since != HELD)
		return false;
	pool->held--;
	pool->holdings[record].since = now.ns;
	queue_append(pool, record);
	if (pool->config.quarantine.ns == 0)
		quarantine_expire(pool, now);
	return true;
}

bool pool_find(const struct pool *pool, const char *owner, uint64_t *unit)
{
	uint32_t record = find_owner(pool, owner);

	if (record == NONE || pool->holdings[record].since != HELD)
		return false;
	*unit = pool->holdings[record].unit;
	return true;
}

const char *pool_owner(const struct pool *pool, uint64_t unit)
{
	uint32_t record = unit < pool->config.size ? find_unit(pool, (uint32_t)unit) : NONE;

	return record != NONE && pool->holdings[record].since == HELD ? pool->holdings[record].owner : NULL;
}

struct pool_counts pool_counts(const struct pool *pool)
{
	return (struct pool_counts){
		.size = pool->config.size,
		.held = pool->held,
		.quarantined = pool->quarantined,
		.excluded = pool->excluded,
		.free = pool->config.size - pool->taken.used,
	};
}
