/* Holdings: a map of pools, each a map of owners, written through to the store as "POOL\tOWNER" -> "VALUE RELEASED SINCE WHY". */
#include "ctl/holdings.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/map.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct holdings {
	struct map pools; /* name -> struct holding_pool */
};

struct holding_pool {
	struct map owners; /* name -> struct holding_row */
};

struct holding_row {
	struct holding holding; /* its strings follow */
	bool wanted;		/* mark of holdings_replace */
	char strings[];
};

struct holdings *holdings_new(void) { return xalloc(sizeof(struct holdings)); }

void holdings_free(struct holdings *holdings)
{
	struct holding_pool *pool;
	size_t cursor = 0;

	if (holdings == NULL)
		return;
	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL) {
		size_t inner = 0;
		void *row;

		while ((row = map_next(&pool->owners, &inner, NULL, NULL)) != NULL)
			free(row);
		map_free(&pool->owners);
		free(pool);
	}
	map_free(&holdings->pools);
	free(holdings);
}

static struct holding_row *row_find(const struct holdings *holdings, const char *pool_name, const char *owner)
{
	const struct holding_pool *pool = map_get_str(&holdings->pools, pool_name);

	return pool ? map_get_str(&pool->owners, owner) : NULL;
}

static struct holding_row *row_set(struct holdings *holdings, const struct holding *holding)
{
	struct holding_pool *pool = map_get_str(&holdings->pools, holding->pool);
	size_t pool_bytes = strlen(holding->pool) + 1, owner_bytes = strlen(holding->owner) + 1;
	struct holding_row *row = xalloc(sizeof(*row) + pool_bytes + owner_bytes);

	if (pool == NULL) {
		pool = xalloc(sizeof(*pool));
		(void)map_set_str(&holdings->pools, holding->pool, pool);
	}
	memcpy(row->strings, holding->pool, pool_bytes);
	memcpy(row->strings + pool_bytes, holding->owner, owner_bytes);
	row->holding = *holding;
	row->holding.pool = row->strings;
	row->holding.owner = row->strings + pool_bytes;
	free(map_set_str(&pool->owners, row->holding.owner, row));
	return row;
}

static void row_key(const struct holding *holding, char key[STORE_KEY_BYTES_MAX + 1])
{
	CHECK(snprintf(key, STORE_KEY_BYTES_MAX + 1, "%s\t%s", holding->pool, holding->owner) <= STORE_KEY_BYTES_MAX);
}

static void row_save(const struct holding *holding, struct store_batch *batch)
{
	char key[STORE_KEY_BYTES_MAX + 1], value[96];

	row_key(holding, key);
	(void)snprintf(value, sizeof(value), "%" PRIu64 " %" PRId64 " %" PRId64 " %d", holding->value, holding->released_wall_ns,
		holding->since_wall_ns, (int)holding->why);
	store_batch_put(batch, STORE_HOLDINGS, key, value);
}

/* Takes a row out of memory and, with the batch, out of the store. */
static void row_drop(struct holding_pool *pool, struct holding_row *row, struct store_batch *batch)
{
	char key[STORE_KEY_BYTES_MAX + 1];

	row_key(&row->holding, key);
	store_batch_del(batch, STORE_HOLDINGS, key);
	(void)map_remove_str(&pool->owners, row->holding.owner);
	free(row);
}

static int load_row(void *context, const char *key, const char *value)
{
	const char *tab = strchr(key, '\t');
	struct holding holding = {0};
	char *pool, *end;
	long why;

	holding.value = strtoull(value, &end, 10);
	if (tab == NULL || end == value || *end != ' ')
		return 0;
	/* Rows of older versions end after the second or the first number. */
	holding.released_wall_ns = strtoll(end, &end, 10);
	holding.since_wall_ns = strtoll(end, &end, 10);
	why = strtol(end, NULL, 10);
	holding.why = why > 0 && why < HOLDING_WHY_COUNT ? (enum holding_why)why : HOLDING_CHOSEN;
	pool = xstrdup(key);
	pool[tab - key] = 0;
	holding.pool = pool;
	holding.owner = tab + 1;
	(void)row_set(context, &holding);
	free(pool);
	return 0;
}

int holdings_load(struct holdings *holdings, struct store *store, struct err *err)
{
	return store_each(store, STORE_HOLDINGS, "", load_row, holdings, err);
}

const struct holding *holdings_find(const struct holdings *holdings, const char *pool, const char *owner)
{
	const struct holding_row *row = row_find(holdings, pool, owner);

	return row ? &row->holding : NULL;
}

const struct holding *holdings_next(const struct holdings *holdings, const char *pool_name, size_t *cursor)
{
	const struct holding_pool *pool = map_get_str(&holdings->pools, pool_name);
	const struct holding_row *row = pool ? map_next(&pool->owners, cursor, NULL, NULL) : NULL;

	return row ? &row->holding : NULL;
}

const char *holdings_next_pool(const struct holdings *holdings, size_t *cursor)
{
	const struct holding_pool *pool;

	while ((pool = map_next(&holdings->pools, cursor, NULL, NULL)) != NULL) {
		size_t inner = 0;
		const struct holding_row *row = map_next(&pool->owners, &inner, NULL, NULL);

		if (row != NULL)
			return row->holding.pool;
	}
	return NULL;
}

void holdings_add(struct holdings *holdings, const struct holding *list, size_t count, struct store_batch *batch)
{
	for (size_t i = 0; i < count; i++) {
		const struct holding *had = holdings_find(holdings, list[i].pool, list[i].owner);
		struct holding wanted = list[i];

		wanted.released_wall_ns = 0;
		if (had != NULL && had->value == wanted.value && had->released_wall_ns == 0) {
			if (had->why == wanted.why)
				continue;
			wanted.since_wall_ns = had->since_wall_ns;
		}
		row_save(&row_set(holdings, &wanted)->holding, batch);
	}
}

static bool of_lab(const struct holding *holding, const char *lab)
{
	size_t length = strlen(lab);

	return strncmp(holding->owner, lab, length) == 0 && holding->owner[length] == '/';
}

void holdings_replace(struct holdings *holdings, const char *lab, const struct holding *list, size_t count, int64_t now_wall_ns,
	struct store_batch *batch)
{
	struct holding_pool *pool;
	struct holding_row *row;
	size_t cursor = 0;

	holdings_add(holdings, list, count, batch);
	for (size_t i = 0; i < count; i++) {
		row = row_find(holdings, list[i].pool, list[i].owner);
		CHECK(row != NULL);
		row->wanted = true;
	}
	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL) {
		size_t inner = 0;

		while ((row = map_next(&pool->owners, &inner, NULL, NULL)) != NULL) {
			bool wanted = row->wanted;

			row->wanted = false;
			if (wanted || !of_lab(&row->holding, lab))
				continue;
			if (row->holding.released_wall_ns == 0) {
				row->holding.released_wall_ns = now_wall_ns;
				row_save(&row->holding, batch);
			} else if (now_wall_ns - row->holding.released_wall_ns > INT64_C(1000000000) * HOLDING_RELEASED_MAX_S) {
				row_drop(pool, row, batch);
			}
		}
	}
}

bool holdings_forget(struct holdings *holdings, const char *pool_name, const char *owner, struct store_batch *batch)
{
	struct holding_pool *pool = map_get_str(&holdings->pools, pool_name);
	struct holding_row *row = row_find(holdings, pool_name, owner);

	if (row != NULL)
		row_drop(pool, row, batch);
	return row != NULL;
}

/* Whether a reserved number is one of the lab's own pools. */
static bool reserved_in(const struct holding *holding, const char *lab)
{
	size_t length = strlen(lab);

	return holding->owner[0] == HOLDING_RESERVED_MARK && strncmp(holding->pool, lab, length) == 0 && holding->pool[length] == '/';
}

void holdings_drop(struct holdings *holdings, const char *lab, struct store_batch *batch)
{
	struct holding_pool *pool;
	size_t cursor = 0;

	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL) {
		struct holding_row *row;
		size_t inner = 0;

		while ((row = map_next(&pool->owners, &inner, NULL, NULL)) != NULL) {
			if (of_lab(&row->holding, lab) || reserved_in(&row->holding, lab))
				row_drop(pool, row, batch);
		}
	}
}
