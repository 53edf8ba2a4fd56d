/*
 * Pools: who holds which number, by name.
 *
 * Theory of operation. A name is in the table as long as the ledger knows it: when it holds a unit, and afterwards until its unit goes to
 * somebody else. So there is never more than one name a unit. Numbers of names that are gone are used again first, which keeps them small.
 */
#include "alloc/pool.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_LEAST 16

/* A name; `text` NULL marks one that is unused and linked by `hash`. Number 0 is nobody. */
struct name {
	char *text;
	uint32_t hash;
};

struct pool {
	char *name;
	struct ledger *ledger;
	enum pool_strategy strategy;
	struct name *names;
	uint32_t count, capacity, unused;
	uint32_t used;
	uint32_t *slots; /* open addressing over numbers of names, 0 is empty; at most half full */
	uint32_t mask;
};

static uint32_t name_find(const struct pool *pool, const char *text, uint32_t hash)
{
	for (uint32_t i = hash & pool->mask; pool->slots[i] != 0; i = (i + 1) & pool->mask) {
		const struct name *name = &pool->names[pool->slots[i]];

		if (name->hash == hash && strcmp(name->text, text) == 0)
			return pool->slots[i];
	}
	return 0;
}

static void name_put(struct pool *pool, uint32_t number)
{
	uint32_t i = pool->names[number].hash & pool->mask;

	while (pool->slots[i] != 0)
		i = (i + 1) & pool->mask;
	pool->slots[i] = number;
}

static void names_resize(struct pool *pool, uint32_t slots)
{
	free(pool->slots);
	pool->slots = xalloc(slots * sizeof(*pool->slots));
	pool->mask = slots - 1;
	for (uint32_t i = 1; i < pool->count; i++)
		if (pool->names[i].text != NULL)
			name_put(pool, i);
}

/* The number of a name, a new one when it has none. */
static uint32_t name_number(struct pool *pool, const char *text)
{
	uint32_t hash = (uint32_t)hash_str(text), number = name_find(pool, text, hash);

	if (number != 0)
		return number;
	number = pool->unused;
	if (number != 0) {
		pool->unused = pool->names[number].hash;
	} else {
		if (pool->count == pool->capacity) {
			pool->capacity += pool->capacity / 2;
			pool->names = xrealloc(pool->names, pool->capacity * sizeof(*pool->names));
		}
		number = pool->count++;
	}
	pool->names[number] = (struct name){xstrdup(text), hash};
	if (++pool->used * 2 > pool->mask)
		names_resize(pool, (pool->mask + 1) * 2);
	else
		name_put(pool, number);
	return number;
}

/* Takes a name out, moving later ones of the same run back so that no tomb is needed (Knuth 6.4, algorithm R). 0 is nobody. */
static void name_drop(struct pool *pool, uint32_t number)
{
	struct name *name = &pool->names[number];
	uint32_t gap = name->hash & pool->mask;

	if (number == 0)
		return;
	while (pool->slots[gap] != number)
		gap = (gap + 1) & pool->mask;
	for (uint32_t i = (gap + 1) & pool->mask; pool->slots[i] != 0; i = (i + 1) & pool->mask) {
		uint32_t home = pool->names[pool->slots[i]].hash & pool->mask;

		if (((i - home) & pool->mask) >= ((i - gap) & pool->mask)) {
			pool->slots[gap] = pool->slots[i];
			gap = i;
		}
	}
	pool->slots[gap] = 0;
	free(name->text);
	*name = (struct name){NULL, pool->unused};
	pool->unused = number;
	pool->used--;
}

struct pool *pool_new(const struct pool_config *config)
{
	struct pool *pool = xalloc(sizeof(*pool));

	pool->name = xstrdup(config->name);
	pool->strategy = config->strategy;
	pool->ledger = ledger_new(&(struct ledger_config){
		config->size, config->strategy, config->seed, config->quarantine, config->shorten_quarantine, config->block});
	pool->count = 1;
	pool->capacity = SLOTS_LEAST;
	pool->names = xalloc(pool->capacity * sizeof(*pool->names));
	names_resize(pool, SLOTS_LEAST);
	return pool;
}

void pool_free(struct pool *pool)
{
	if (pool == NULL)
		return;
	for (uint32_t i = 1; i < pool->count; i++)
		free(pool->names[i].text);
	ledger_free(pool->ledger);
	free(pool->names);
	free(pool->slots);
	free(pool->name);
	free(pool);
}

void pool_exclude(struct pool *pool, uint64_t first, uint64_t count) { ledger_exclude(pool->ledger, first, count); }

static int used_up(const struct pool *pool, struct err *err)
{
	struct pool_counts counts = ledger_counts(pool->ledger);

	return err_set(err, -ENOSPC,
		"pool \"%s\" is used up: %" PRIu64 " in all, %" PRIu64 " held, %" PRIu64 " in quarantine, %" PRIu64
		" excluded; make the pool larger or release some",
		pool->name, counts.size, counts.held, counts.quarantined, counts.excluded);
}

int pool_allocate(struct pool *pool, const char *owner, struct instant now, uint64_t *unit, struct err *err)
{
	uint64_t wish = pool->strategy == POOL_HASH ? hash_stable(owner, strlen(owner)) : 0;
	uint32_t number = name_number(pool, owner), forgotten;

	if (ledger_allocate(pool->ledger, number, wish, now, unit, &forgotten) < 0) {
		name_drop(pool, number);
		return used_up(pool, err);
	}
	name_drop(pool, forgotten);
	return 0;
}

int pool_reserve(struct pool *pool, const char *owner, uint64_t unit, struct err *err)
{
	bool known = name_find(pool, owner, (uint32_t)hash_str(owner)) != 0;
	uint32_t number = name_number(pool, owner), other;
	int rc = ledger_reserve(pool->ledger, number, unit, &other);
	uint64_t held = 0;

	if (rc == 0) {
		name_drop(pool, other);
		return 0;
	}
	if (rc == -ERANGE)
		rc = err_set(err, rc, "pool \"%s\" has no unit %" PRIu64 ": it has %" PRIu64, pool->name, unit,
			ledger_counts(pool->ledger).size);
	else if (other != number)
		rc = err_set(err, rc, "pool \"%s\": held by %s", pool->name, pool->names[other].text);
	else if (ledger_find(pool->ledger, number, &held))
		rc = err_set(err, rc, "pool \"%s\": %s already holds unit %" PRIu64, pool->name, owner, held);
	if (!known)
		name_drop(pool, number);
	return rc;
}

bool pool_release(struct pool *pool, const char *owner, struct instant now)
{
	uint32_t number = name_find(pool, owner, (uint32_t)hash_str(owner));

	return number != 0 && ledger_release(pool->ledger, number, now);
}

bool pool_find(const struct pool *pool, const char *owner, uint64_t *unit)
{
	uint32_t number = name_find(pool, owner, (uint32_t)hash_str(owner));

	return number != 0 && ledger_find(pool->ledger, number, unit);
}

const char *pool_owner(const struct pool *pool, uint64_t unit) { return pool->names[ledger_holder(pool->ledger, unit)].text; }

uint64_t pool_cursor(const struct pool *pool) { return ledger_cursor(pool->ledger); }

void pool_set_cursor(struct pool *pool, uint64_t cursor) { ledger_set_cursor(pool->ledger, cursor); }

struct pool_counts pool_counts(const struct pool *pool) { return ledger_counts(pool->ledger); }

uint64_t pool_shrink(struct pool *pool) { return ledger_shrink(pool->ledger); }
