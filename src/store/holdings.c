/* Holdings: rows of the pools over one set of owners' names, written through to a journal of the store. Long because what changes rows and
 * what writes them down go together. */
#include "store/holdings.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/map.h"
#include "store/holding_rows.h"
#include "store/holding_run.h"
#include "store/name_set.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The journal is written anew when it is longer than this, and so many bytes for each holding: some four times what one takes. */
#define FOLD_BYTES_LEAST (1u << 20)
#define FOLD_BYTES_EACH 64

/* A run of all holdings is cut into pieces of about this size. */
#define FOLD_RUN_BYTES (256u << 10)

/* How many owners ahead memory is fetched, a power of two; and in how many pools, a power of two, a list's holdings may take turns without
 * looking for the pool each time. */
#define AHEAD 16
#define POOLS_KNOWN 8

struct holding_pool {
	char *name;
	struct holding_rows rows;
	uint64_t *wanted; /* rows that holdings_replace has marked; NULL: none */
	uint64_t run;	  /* the last run in which it has a number */
	uint32_t run_number;
	uint64_t cursor;
	bool has_cursor;
};

struct holdings {
	struct map pools; /* name -> struct holding_pool */
	struct name_set owners;
	uint64_t used; /* in all pools */
	struct holding_run run;
	uint64_t runs;	  /* that were begun */
	uint64_t journal; /* bytes of the store's journal */
	bool old_rows;	  /* the store still has rows of the version before the journal */
	bool rewrite;	  /* the store may lack something: the next batch has all */
	/* Pools that were looked for, by the pointers to their names: valid within one call. */
	struct {
		const char *name;
		struct holding_pool *pool;
	} known[POOLS_KNOWN];
};

struct holdings *holdings_new(void) { return xalloc(sizeof(struct holdings)); }

static void pool_free_all(struct holding_pool *pool)
{
	holding_rows_free(&pool->rows);
	free(pool->wanted);
	free(pool->name);
	free(pool);
}

void holdings_free(struct holdings *holdings)
{
	struct holding_pool *pool;
	size_t cursor = 0;

	if (holdings == NULL)
		return;
	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL)
		pool_free_all(pool);
	map_free(&holdings->pools);
	name_set_free(&holdings->owners);
	holding_run_free(&holdings->run);
	free(holdings);
}

static struct holding_pool *pool_find(const struct holdings *holdings, const char *name) { return map_get_str(&holdings->pools, name); }

/* The pool, made when it isn't there yet. Within one call of this file `name` always points at the same text. */
static struct holding_pool *pool_take(struct holdings *holdings, const char *name)
{
	size_t place = ((uintptr_t)name >> 3 ^ (uintptr_t)name >> 6) % POOLS_KNOWN;
	struct holding_pool *pool = holdings->known[place].pool;

	if (pool != NULL && name == holdings->known[place].name)
		return pool;
	pool = pool_find(holdings, name);
	if (pool == NULL) {
		pool = xalloc(sizeof(*pool));
		pool->name = xstrdup(name);
		(void)map_set_str(&holdings->pools, name, pool);
	}
	holdings->known[place].name = name;
	holdings->known[place].pool = pool;
	return pool;
}

static uint32_t row_find(const struct holdings *holdings, const struct holding_pool *pool, const char *owner)
{
	const struct name_entry *name = pool ? name_set_find(&holdings->owners, owner, hash_str(owner)) : NULL;

	return name ? holding_row_find(&pool->rows, name) : HOLDING_NO_ROW;
}

/* The row of an owner, made when it has none (its `pool` is NULL then). `hash` is that of the owner's name. */
static struct holding *row_take(struct holdings *holdings, struct holding_pool *pool, const char *owner, uint64_t hash)
{
	struct name_entry *name = name_set_take(&holdings->owners, owner, hash);
	uint32_t row = holding_row_find(&pool->rows, name);

	if (row != HOLDING_NO_ROW) {
		name_set_leave(&holdings->owners, name);
		return holding_row_at(&pool->rows, row);
	}
	holdings->used++;
	return holding_row_at(&pool->rows, holding_row_add(&pool->rows, name));
}

static void row_remove(struct holdings *holdings, struct holding_pool *pool, uint32_t row)
{
	struct name_entry *name = name_of_text(holding_row_at(&pool->rows, row)->owner);

	holding_row_remove(&pool->rows, row);
	name_set_leave(&holdings->owners, name);
	holdings->used--;
}

/* --- what is written --- */

static void begin(struct holdings *holdings)
{
	holding_run_clear(&holdings->run);
	holdings->runs++;
	memset(holdings->known, 0, sizeof(holdings->known));
}

static void record(struct holdings *holdings, struct holding_pool *pool, enum holding_record what, const struct holding *holding)
{
	if (pool->run != holdings->runs) {
		pool->run = holdings->runs;
		pool->run_number = holding_run_pool(&holdings->run);
	}
	holding_run_put(&holdings->run, pool->run_number, what, holding);
}

static void save(struct holdings *holdings, struct holding_pool *pool, const struct holding *holding)
{
	record(holdings, pool, holding->released_wall_ns == 0 ? HOLDING_HELD : HOLDING_RESTING, holding);
}

static void save_cursor(struct holdings *holdings, struct holding_pool *pool)
{
	record(holdings, pool, HOLDING_CURSOR, &(struct holding){.pool = pool->name, .value = pool->cursor});
}

/* Hands the run to the batch and begins a new one. */
static void append(struct holdings *holdings, struct store_batch *batch)
{
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, holdings->run.bytes, holdings->run.used);
	holdings->journal += holdings->run.used;
	begin(holdings);
}

/* Writes the journal anew. */
static void fold(struct holdings *holdings, struct store_batch *batch)
{
	struct holding_pool *pool;
	size_t cursor = 0;

	store_batch_empty(batch, STORE_JOURNAL_HOLDINGS);
	if (holdings->old_rows)
		store_batch_del_below(batch, STORE_HOLDINGS, "");
	holdings->old_rows = holdings->rewrite = false;
	holdings->journal = 0;
	begin(holdings);
	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL) {
		const struct holding *holding;
		uint32_t row = 0;

		if (pool->has_cursor)
			save_cursor(holdings, pool);
		while ((holding = holding_row_next(&pool->rows, &row)) != NULL) {
			save(holdings, pool, holding);
			if (holdings->run.used >= FOLD_RUN_BYTES)
				append(holdings, batch);
		}
	}
	append(holdings, batch);
}

/* Puts what was recorded into the batch. */
static void finish(struct holdings *holdings, struct store_batch *batch)
{
	if (holdings->run.used == 0 && !holdings->rewrite)
		return;
	append(holdings, batch);
	if (holdings->old_rows || holdings->rewrite || holdings->journal > FOLD_BYTES_LEAST + holdings->used * FOLD_BYTES_EACH)
		fold(holdings, batch);
}

static void drop(struct holdings *holdings, struct holding_pool *pool, uint32_t row)
{
	record(holdings, pool, HOLDING_DROPPED, holding_row_at(&pool->rows, row));
	row_remove(holdings, pool, row);
}

static void rest(struct holdings *holdings, struct holding_pool *pool, struct holding *holding, int64_t now_wall_ns)
{
	holding->released_wall_ns = now_wall_ns;
	save(holdings, pool, holding);
}

/* A pool goes with all that was in it. */
static void pool_remove(struct holdings *holdings, struct holding_pool *pool)
{
	uint32_t row = 0;

	while (holding_row_next(&pool->rows, &row) != NULL)
		row_remove(holdings, pool, row - 1);
	(void)map_remove_str(&holdings->pools, pool->name);
	pool_free_all(pool);
	memset(holdings->known, 0, sizeof(holdings->known));
}

void holdings_not_written(struct holdings *holdings)
{
	/* The batch may have been one that folded. */
	holdings->rewrite = holdings->old_rows = true;
}

/* --- reading back --- */

static int load_record(void *context, enum holding_record what, const struct holding *read)
{
	struct holdings *holdings = context;
	struct holding_pool *pool = pool_take(holdings, read->pool);
	uint64_t hash = read->owner ? hash_str(read->owner) : 0;
	struct holding *holding;
	uint32_t row;

	switch (what) {
	case HOLDING_HELD:
	case HOLDING_RESTING:
		holding = row_take(holdings, pool, read->owner, hash);
		*holding =
			(struct holding){pool->name, holding->owner, read->value, read->released_wall_ns, read->since_wall_ns, read->why};
		break;
	case HOLDING_DROPPED:
		if (read->owner[0] == 0) {
			pool_remove(holdings, pool);
			break;
		}
		row = row_find(holdings, pool, read->owner);
		if (row != HOLDING_NO_ROW)
			row_remove(holdings, pool, row);
		break;
	case HOLDING_CURSOR:
		pool->cursor = read->value;
		pool->has_cursor = true;
		break;
	}
	return 0;
}

static int load_run(void *context, const uint8_t *bytes, size_t size)
{
	struct holdings *holdings = context;

	begin(holdings);
	holdings->journal += size;
	return holding_run_read(bytes, size, load_record, holdings);
}

/* A row of the version before the journal: "POOL\tOWNER" -> "VALUE RELEASED SINCE WHY". */
static int load_row(void *context, const char *key, const char *value)
{
	const char *tab = strchr(key, '\t');
	struct holdings *holdings = context;
	struct holding holding = {0};
	char *pool, *end;
	long why;

	holding.value = strtoull(value, &end, 10);
	if (tab == NULL || end == value || *end != ' ')
		return 0;
	/* Rows of still older versions end after the second or the first number. */
	holding.released_wall_ns = strtoll(end, &end, 10);
	holding.since_wall_ns = strtoll(end, &end, 10);
	why = strtol(end, NULL, 10);
	holding.why = why > 0 && why < HOLDING_WHY_COUNT ? (enum holding_why)why : HOLDING_CHOSEN;
	pool = xstrdup(key);
	pool[tab - key] = 0;
	holding.pool = pool;
	holding.owner = tab + 1;
	begin(holdings);
	(void)load_record(holdings, HOLDING_HELD, &holding);
	free(pool);
	holdings->old_rows = true;
	return 0;
}

int holdings_load(struct holdings *holdings, struct store *store, struct err *err)
{
	int rc = store_each(store, STORE_HOLDINGS, "", load_row, holdings, err);

	if (rc == 0) {
		rc = store_runs(store, STORE_JOURNAL_HOLDINGS, load_run, holdings, err);
		if (rc == -EPROTO)
			rc = err_set(err, rc,
				"store: what is kept of the pools' numbers is damaged; restore weft.db from a copy, or move it "
				"away and weft up the labs again");
	}
	begin(holdings);
	return rc;
}

/* --- what others see --- */

const struct holding *holdings_find(const struct holdings *holdings, const char *pool_name, const char *owner)
{
	const struct holding_pool *pool = pool_find(holdings, pool_name);
	uint32_t row = row_find(holdings, pool, owner);

	return row != HOLDING_NO_ROW ? holding_row_at(&pool->rows, row) : NULL;
}

const struct holding *holdings_next(const struct holdings *holdings, const char *pool_name, size_t *cursor)
{
	const struct holding_pool *pool = pool_find(holdings, pool_name);
	uint32_t row = (uint32_t)*cursor;
	const struct holding *holding = pool ? holding_row_next(&pool->rows, &row) : NULL;

	*cursor = row;
	return holding;
}

const char *holdings_next_pool(const struct holdings *holdings, size_t *cursor)
{
	const struct holding_pool *pool;

	while ((pool = map_next(&holdings->pools, cursor, NULL, NULL)) != NULL)
		if (pool->rows.used > 0)
			return pool->name;
	return NULL;
}

bool holdings_cursor(const struct holdings *holdings, const char *pool_name, uint64_t *cursor)
{
	const struct holding_pool *pool = pool_find(holdings, pool_name);

	if (pool == NULL || !pool->has_cursor)
		return false;
	*cursor = pool->cursor;
	return true;
}

void holdings_set_cursor(struct holdings *holdings, const char *pool_name, uint64_t cursor, struct store_batch *batch)
{
	struct holding_pool *pool;

	begin(holdings);
	pool = pool_take(holdings, pool_name);
	if (pool->has_cursor && pool->cursor == cursor)
		return;
	pool->cursor = cursor;
	pool->has_cursor = true;
	save_cursor(holdings, pool);
	finish(holdings, batch);
}

/* Adds one, when it says anything new. */
static void add(struct holdings *holdings, const struct holding *wanted, uint64_t hash)
{
	struct holding_pool *pool = pool_take(holdings, wanted->pool);
	struct holding *holding = row_take(holdings, pool, wanted->owner, hash);
	int64_t since = wanted->since_wall_ns;

	if (holding->pool != NULL && holding->value == wanted->value && holding->released_wall_ns == 0) {
		if (holding->why == wanted->why)
			return;
		since = holding->since_wall_ns;
	}
	*holding = (struct holding){pool->name, holding->owner, wanted->value, 0, since, wanted->why};
	save(holdings, pool, holding);
}

/* A list while it is gone through: the hashes of the owners to come, whose memory is on its way. */
struct walk {
	const struct holdings *holdings;
	const struct holding *list;
	size_t count, next;
	uint64_t hashes[2 * AHEAD];
};

/* Looks at one owner ahead. */
static void walk_look(struct walk *walk)
{
	size_t i = walk->next++;
	uint64_t *hash = &walk->hashes[i % (2 * AHEAD)];

	if (i >= walk->count)
		return;
	if (i > 0 && walk->list[i].owner == walk->list[i - 1].owner) {
		*hash = walk->hashes[(i - 1) % (2 * AHEAD)];
		return;
	}
	*hash = hash_str(walk->list[i].owner);
	name_set_prefetch(&walk->holdings->owners, *hash);
}

/* The hash of owner `i`; asked for one after the other. */
static uint64_t walk_hash(struct walk *walk, size_t i)
{
	if (i == 0)
		for (unsigned n = 0; n < 2 * AHEAD - 1; n++)
			walk_look(walk);
	walk_look(walk);
	if (i + AHEAD < walk->count)
		name_set_prefetch_name(&walk->holdings->owners, walk->hashes[(i + AHEAD) % (2 * AHEAD)]);
	return walk->hashes[i % (2 * AHEAD)];
}

void holdings_add(struct holdings *holdings, const struct holding *list, size_t count, struct store_batch *batch)
{
	struct walk walk = {holdings, list, count, 0, {0}};

	begin(holdings);
	for (size_t i = 0; i < count; i++)
		add(holdings, &list[i], walk_hash(&walk, i));
	finish(holdings, batch);
}

void holdings_release(struct holdings *holdings, const struct holding *list, size_t count, int64_t now_wall_ns, struct store_batch *batch)
{
	struct walk walk = {holdings, list, count, 0, {0}};

	begin(holdings);
	for (size_t i = 0; i < count; i++) {
		struct holding_pool *pool = pool_take(holdings, list[i].pool);
		const struct name_entry *name = name_set_find(&holdings->owners, list[i].owner, walk_hash(&walk, i));
		uint32_t row = name != NULL ? holding_row_find(&pool->rows, name) : HOLDING_NO_ROW;

		struct holding *holding = row != HOLDING_NO_ROW ? holding_row_at(&pool->rows, row) : NULL;

		if (holding != NULL && holding->released_wall_ns == 0)
			rest(holdings, pool, holding, now_wall_ns);
	}
	finish(holdings, batch);
}

static bool of_lab(const struct holding *holding, const char *lab)
{
	size_t length = strlen(lab);

	return strncmp(holding->owner, lab, length) == 0 && holding->owner[length] == '/';
}

static void mark(struct holding_pool *pool, uint32_t row)
{
	if (pool->wanted == NULL)
		pool->wanted = xalloc((pool->rows.count / 64 + 1) * sizeof(*pool->wanted));
	pool->wanted[row / 64] |= UINT64_C(1) << (row % 64);
}

/* Releases what a lab has in a pool and isn't marked, and forgets what it released long ago. */
static void pool_sweep(struct holdings *holdings, struct holding_pool *pool, const char *lab, int64_t now_wall_ns)
{
	struct holding *holding;
	uint32_t cursor = 0;

	while ((holding = holding_row_next(&pool->rows, &cursor)) != NULL) {
		uint32_t row = cursor - 1;

		if ((pool->wanted != NULL && pool->wanted[row / 64] >> (row % 64) & 1) || !of_lab(holding, lab))
			continue;
		if (holding->released_wall_ns == 0)
			rest(holdings, pool, holding, now_wall_ns);
		else if (now_wall_ns - holding->released_wall_ns > INT64_C(1000000000) * HOLDING_RELEASED_MAX_S)
			drop(holdings, pool, row);
	}
	free(pool->wanted);
	pool->wanted = NULL;
}

void holdings_replace(struct holdings *holdings, const char *lab, const struct holding *list, size_t count, int64_t now_wall_ns,
	struct store_batch *batch)
{
	struct holding_pool *pool;
	size_t cursor = 0;

	holdings_add(holdings, list, count, batch);
	begin(holdings);
	for (size_t i = 0; i < count; i++) {
		uint32_t row;

		pool = pool_take(holdings, list[i].pool);
		row = row_find(holdings, pool, list[i].owner);
		CHECK(row != HOLDING_NO_ROW);
		mark(pool, row);
	}
	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL)
		pool_sweep(holdings, pool, lab, now_wall_ns);
	finish(holdings, batch);
}

bool holdings_forget(struct holdings *holdings, const char *pool_name, const char *owner, struct store_batch *batch)
{
	struct holding_pool *pool = pool_find(holdings, pool_name);
	uint32_t row = row_find(holdings, pool, owner);

	if (row == HOLDING_NO_ROW)
		return false;
	begin(holdings);
	drop(holdings, pool, row);
	finish(holdings, batch);
	return true;
}

/* Whether a reserved number is one of the lab's own pools. */
static bool reserved_in(const struct holding *holding, const char *lab)
{
	size_t length = strlen(lab);

	return holding->owner[0] == HOLDING_RESERVED_MARK && strncmp(holding->pool, lab, length) == 0 && holding->pool[length] == '/';
}

void holdings_drop(struct holdings *holdings, const char *lab, struct store_batch *batch)
{
	size_t cursor = 0, length = strlen(lab);
	struct holding_pool *pool;

	begin(holdings);
	while ((pool = map_next(&holdings->pools, &cursor, NULL, NULL)) != NULL) {
		const struct holding *holding;
		uint32_t row = 0;

		while ((holding = holding_row_next(&pool->rows, &row)) != NULL)
			if (of_lab(holding, lab) || reserved_in(holding, lab))
				drop(holdings, pool, row - 1);
		if (pool->rows.used > 0 || strncmp(pool->name, lab, length) != 0 || pool->name[length] != '/')
			continue;
		record(holdings, pool, HOLDING_DROPPED, &(struct holding){.pool = pool->name, .owner = ""});
		pool_remove(holdings, pool);
	}
	finish(holdings, batch);
}
