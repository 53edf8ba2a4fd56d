/* Pools of numbers with their holdings: the translation between values and alloc's units. */
#include "ctl/number_pool.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many holders an error of a full pool names. */
#define HOLDERS_NAMED 4

struct number_pool {
	struct number_pool_config config;
	const struct holdings *holdings;
	const char *lab;
	struct instant now;
	struct pool *pool;
	uint64_t used;
	uint64_t own;	   /* that the lab holds */
	uint64_t cursor;   /* where the search began */
	struct map active; /* values that somebody had until now; what they map to doesn't matter */
};

static bool unit_of(const struct number_pool *pool, uint64_t value, uint64_t *unit)
{
	uint64_t offset = value - pool->config.base;

	if (value < pool->config.base || (offset & ((UINT64_C(1) << pool->config.shift) - 1)) != 0)
		return false;
	*unit = offset >> pool->config.shift;
	return *unit < pool->config.units;
}

static uint64_t value_of(const struct number_pool *pool, uint64_t unit) { return pool->config.base + (unit << pool->config.shift); }

static bool own(const struct number_pool *pool, const char *owner)
{
	size_t length = strlen(pool->lab);

	return strncmp(owner, pool->lab, length) == 0 && owner[length] == '/';
}

static int by_release(const void *a, const void *b)
{
	const struct holding *x = *(const struct holding *const *)a, *y = *(const struct holding *const *)b;

	return x->released_wall_ns < y->released_wall_ns ? -1 : x->released_wall_ns > y->released_wall_ns;
}

/* Puts back what others hold, and what was released not long ago in the order of its release. */
static void replay(struct number_pool *pool)
{
	const struct holding **released = NULL, *holding;
	size_t cursor = 0, count = 0, capacity = 0;
	uint64_t unit;

	while ((holding = holdings_next(pool->holdings, pool->config.key, &cursor)) != NULL) {
		if (!unit_of(pool, holding->value, &unit))
			continue;
		if (holding->released_wall_ns == 0) {
			pool->used++;
			(void)map_set(&pool->active, holding->value, pool);
			if (!own(pool, holding->owner))
				(void)pool_reserve(pool->pool, holding->owner, unit, NULL);
			continue;
		}
		if (pool->now.ns - holding->released_wall_ns > (int64_t)pool->config.quarantine_s * 1000000000)
			continue;
		if (count == capacity) {
			capacity = capacity ? capacity * 2 : 16;
			released = xrealloc(released, capacity * sizeof(struct holding *));
		}
		released[count++] = holding;
	}
	if (count > 0)
		qsort(released, count, sizeof(struct holding *), by_release);
	for (size_t i = 0; i < count; i++) {
		CHECK(unit_of(pool, released[i]->value, &unit));
		if (pool_reserve(pool->pool, released[i]->owner, unit, NULL) == 0)
			(void)pool_release(pool->pool, released[i]->owner, (struct instant){released[i]->released_wall_ns});
	}
	free(released);
}

struct number_pool *number_pool_new(
	const struct number_pool_config *config, const struct holdings *holdings, const char *lab, int64_t now_wall_ns)
{
	struct number_pool *pool = xalloc(sizeof(*pool));
	uint64_t cursor;

	*pool = (struct number_pool){.config = *config, .holdings = holdings, .lab = lab, .now = {now_wall_ns}};
	if (pool->config.units > NUMBER_UNITS_MAX)
		pool->config.units = NUMBER_UNITS_MAX;
	pool->pool = pool_new(&(struct pool_config){
		.name = config->name,
		.size = pool->config.units,
		.strategy = config->strategy,
		.seed = config->seed,
		.quarantine = span_s(config->quarantine_s),
		.shorten_quarantine = config->shorten_quarantine,
		.block = pool->config.block,
	});
	replay(pool);
	if (config->strategy == POOL_SEQUENTIAL && holdings_cursor(holdings, config->key, &cursor) && unit_of(pool, cursor, &pool->cursor))
		pool_set_cursor(pool->pool, pool->cursor);
	return pool;
}

void number_pool_free(struct number_pool *pool)
{
	if (pool == NULL)
		return;
	pool_free(pool->pool);
	map_free(&pool->active);
	free(pool);
}

void number_exclude(struct number_pool *pool, uint64_t first, uint64_t last)
{
	uint64_t end = value_of(pool, pool->config.units - 1) + ((UINT64_C(1) << pool->config.shift) - 1);

	if (last < pool->config.base || first > end)
		return;
	if (first < pool->config.base)
		first = pool->config.base;
	if (last > end)
		last = end;
	first = (first - pool->config.base) >> pool->config.shift;
	last = (last - pool->config.base) >> pool->config.shift;
	pool_exclude(pool->pool, first, last - first + 1);
}

/* Whether the lab may hold one more number; an error when it may not. */
static int within_quota(const struct number_pool *pool, struct err *err)
{
	if (pool->config.quota == 0 || pool->own < pool->config.quota)
		return 0;
	return err_set(err, -EDQUOT,
		"pool \"%s\": the lab's quota of %" PRIu64 " is used up; take something out of the lab, or raise the pool's `quota`",
		pool->config.name, pool->config.quota);
}

/* Reserves a unit for an owner of the lab, within its quota. */
static int reserve(struct number_pool *pool, const char *owner, uint64_t unit, struct err *err)
{
	uint64_t had;
	bool holds = pool_find(pool->pool, owner, &had);
	int rc = holds ? 0 : within_quota(pool, err);

	if (rc == 0)
		rc = pool_reserve(pool->pool, owner, unit, err);
	pool->own += rc == 0 && !holds;
	return rc;
}

int number_reserve(struct number_pool *pool, const char *owner, uint64_t value, struct err *err)
{
	const char *holder;
	uint64_t unit;

	if (!unit_of(pool, value, &unit))
		return 0;
	holder = pool_owner(pool->pool, unit);
	if (holder != NULL && holder[0] == HOLDING_RESERVED_MARK)
		return err_set(err, -EEXIST, "is reserved (%s); weft pool release gives it back", holder + 1);
	if (holder != NULL && strcmp(holder, owner) != 0 && !own(pool, holder))
		return 0;
	if (holder != NULL && strcmp(holder, owner) != 0)
		return err_set(err, -EEXIST, "is taken by %s", holder);
	return reserve(pool, owner, unit, err);
}

bool number_keep(struct number_pool *pool, const char *owner, uint64_t *value)
{
	const struct holding *holding = holdings_find(pool->holdings, pool->config.key, owner);
	uint64_t unit;

	if (holding == NULL || !unit_of(pool, holding->value, &unit))
		return false;
	/* Who was away comes back to his number unless somebody has got it since. */
	if (holding->released_wall_ns != 0 && map_get(&pool->active, holding->value) != NULL)
		return false;
	if (reserve(pool, owner, unit, NULL) < 0)
		return false;
	*value = holding->value;
	return true;
}

void number_settle(struct number_pool *pool)
{
	const struct holding *holding;
	size_t cursor = 0;
	uint64_t unit;

	while ((holding = holdings_next(pool->holdings, pool->config.key, &cursor)) != NULL) {
		char name[STORE_KEY_BYTES_MAX + 8];

		if (holding->released_wall_ns != 0 || !own(pool, holding->owner) || !unit_of(pool, holding->value, &unit) ||
			pool_owner(pool->pool, unit) != NULL)
			continue;
		/* Its owner has another number by now, so the unit rests under a name of its own. */
		(void)snprintf(name, sizeof(name), "%s (left)", holding->owner);
		if (pool_reserve(pool->pool, name, unit, NULL) == 0)
			(void)pool_release(pool->pool, name, pool->now);
	}
}

/* Adds to the error of a full pool who holds it. */
static int full(const struct number_pool *pool, struct err *err)
{
	char names[ERR_TEXT_BYTES] = "", text[ERR_TEXT_BYTES];
	size_t used = 0, named = 0;
	uint64_t held = pool_counts(pool->pool).held;

	for (uint64_t unit = 0; unit < pool->config.units && named < HOLDERS_NAMED && unit < 65536; unit++) {
		const char *holder = pool_owner(pool->pool, unit);

		if (holder == NULL || used >= sizeof(names) / 2)
			continue;
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%.60s", named ? ", " : "", holder);
		named++;
	}
	if (named == 0 || err == NULL)
		return -ENOSPC;
	if (held > named)
		(void)snprintf(names + used, sizeof(names) - used, " and %" PRIu64 " more", held - named);
	(void)text_copy(text, sizeof(text), err->text);
	return err_set(err, -ENOSPC, "%s (held by %s)", text, names);
}

int number_lowest(struct number_pool *pool, const char *owner, uint64_t from, uint64_t *value, struct err *err)
{
	for (uint64_t unit = from; unit < pool->config.units; unit++) {
		if (pool_owner(pool->pool, unit) == NULL && reserve(pool, owner, unit, NULL) == 0) {
			*value = value_of(pool, unit);
			return 0;
		}
	}
	return number_allocate(pool, owner, value, err);
}

int number_allocate(struct number_pool *pool, const char *owner, uint64_t *value, struct err *err)
{
	uint64_t unit;
	bool holds = pool_find(pool->pool, owner, &unit);
	int rc = holds ? 0 : within_quota(pool, err);

	if (rc < 0)
		return rc;
	rc = pool_allocate(pool->pool, owner, pool->now, &unit, err);
	if (rc < 0)
		return full(pool, err);
	pool->own += !holds;
	*value = value_of(pool, unit);
	return 0;
}

bool number_find(const struct number_pool *pool, const char *owner, uint64_t *value)
{
	uint64_t unit;

	if (!pool_find(pool->pool, owner, &unit))
		return false;
	*value = value_of(pool, unit);
	return true;
}

uint64_t number_size(const struct number_pool *pool) { return pool->config.units - pool_counts(pool->pool).excluded; }
uint64_t number_used(const struct number_pool *pool) { return pool->used; }
bool number_cursor(const struct number_pool *pool, uint64_t *value)
{
	uint64_t cursor = pool_cursor(pool->pool) % pool->config.units;

	*value = value_of(pool, cursor);
	return pool->config.strategy == POOL_SEQUENTIAL && cursor != pool->cursor;
}

uint64_t number_held(const struct number_pool *pool) { return pool_counts(pool->pool).held; }
const char *number_pool_key(const struct number_pool *pool) { return pool->config.key; }
