/* The flow cache: one hash table for each set of fields. */
#include "switch/flow_cache.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* Sets of fields that may be in use at once; a new one beyond it empties the cache (the features make about a dozen). */
#define TABLES_MAX 64
#define SLOTS_MIN 128
#define BURSTS_TO_SKIP 32
#define WORDS (sizeof(struct flow_key) / sizeof(uint64_t))

/* A key's words as what they are: numbers without meaning. */
struct words {
	uint64_t at[WORDS];
};

/* A place in a table; empty when `flow` is 0, else that is the flow's number and one. */
struct slot {
	uint32_t hash;
	uint32_t flow;
};

/* Open addressing with linear probing; at most half full. */
struct table {
	uint32_t fields;
	uint32_t used;
	uint32_t mask; /* slots - 1 */
	struct slot *slots;
	struct words masks;
};

struct flow_cache {
	struct table tables[TABLES_MAX];
	unsigned table_count;
	struct words secrets;
	uint32_t limit;
	uint32_t limit_of_port;
	uint32_t used;
	uint32_t made;	    /* of `flows`, so many have been in use once */
	struct flow *flows; /* `limit` of them; memory that was never touched costs nothing */
	struct list free;   /* in_all: made, not used */
	struct list all;    /* oldest first */
};

struct flow_cache *flow_cache_new(uint32_t limit)
{
	struct flow_cache *cache = xalloc(sizeof(*cache));

	_Static_assert(sizeof(struct flow) % FLOW_ALIGN == 0, "flows lie side by side");
	cache->limit = limit;
	/* A quarter for one port: three greedy ones still leave room for the rest. */
	cache->limit_of_port = limit / 4 > 0 ? limit / 4 : 1;
	cache->flows = aligned_alloc(FLOW_ALIGN, (size_t)limit * sizeof(struct flow));
	CHECK(cache->flows != NULL);
	for (unsigned i = 0; i < WORDS; i++)
		cache->secrets.at[i] = hash_u64(i + 1);
	list_init(&cache->free);
	list_init(&cache->all);
	return cache;
}

void flow_cache_free(struct core *core)
{
	flow_cache_clear(core);
	free(core->flows->flows);
	free(core->flows);
	core->flows = NULL;
}

uint32_t flow_cache_count(const struct core *core) { return core->flows->used; }

static void flow_settle(struct flow *flow)
{
	for (unsigned i = 0; i < flow->hop_count; i++) {
		struct counters *counters = &flow->hops[i].member->counters;

		if (flow->hops[i].tx) {
			counters->tx_packets += flow->packets;
			counters->tx_bytes += flow->bytes;
		} else {
			counters->rx_packets += flow->packets;
			counters->rx_bytes += flow->bytes;
		}
	}
	flow->packets = flow->bytes = 0;
}

/* Tables. */

static struct table *table_find(struct flow_cache *cache, uint32_t fields)
{
	for (unsigned i = 0; i < cache->table_count; i++)
		if (cache->tables[i].fields == fields)
			return &cache->tables[i];
	return NULL;
}

static void table_start(struct table *table, uint32_t fields)
{
	struct flow_key ones, mask;

	*table = (struct table){.fields = fields, .mask = SLOTS_MIN - 1, .slots = xalloc(SLOTS_MIN * sizeof(struct slot))};
	memset(&ones, 0xff, sizeof(ones));
	flow_key_mask(&ones, fields, &mask);
	memcpy(&table->masks, &mask, sizeof(mask));
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* One word of a key: what the table is about of it, under the secret. */
static inline uint64_t table_word(const struct flow_cache *cache, const struct table *table, const struct flow_key *key, unsigned i)
{
	return (flow_key_word(key, i) & table->masks.at[i]) ^ cache->secrets.at[i];
}

/* The hash of a key's fields, two words at a time; keyed, so that nobody can send packets that fall on one place. */
static inline uint32_t table_hash(const struct flow_cache *cache, const struct table *table, const struct flow_key *key)
{
	uint64_t hash = mix(table_word(cache, table, key, 0), table_word(cache, table, key, 1)) ^
			mix(table_word(cache, table, key, 2), table_word(cache, table, key, 3)) ^
			mix(table_word(cache, table, key, 4), table_word(cache, table, key, 5)) ^
			mix(table_word(cache, table, key, 6), table_word(cache, table, key, 7));

	_Static_assert(WORDS == 8, "all of them are hashed");
	return (uint32_t)(hash ^ hash >> 32);
}

/* Where two keys differ in the fields of a table, a quarter of them at a time. */
typedef uint64_t key_part __attribute__((vector_size(16)));

static inline key_part table_part(const void *bytes, unsigned i)
{
	key_part part;

	memcpy(&part, (const uint8_t *)bytes + i * sizeof(part), sizeof(part));
	return part;
}

static inline bool table_matches(const struct table *table, const struct flow *flow, const struct flow_key *key)
{
	key_part d = (table_part(&flow->key, 0) ^ table_part(key, 0)) & table_part(&table->masks, 0);

	d |= (table_part(&flow->key, 1) ^ table_part(key, 1)) & table_part(&table->masks, 1);
	d |= (table_part(&flow->key, 2) ^ table_part(key, 2)) & table_part(&table->masks, 2);
	d |= (table_part(&flow->key, 3) ^ table_part(key, 3)) & table_part(&table->masks, 3);
	return (d[0] | d[1]) == 0;
}

static inline struct flow *table_lookup(
	const struct flow_cache *cache, const struct table *table, const struct flow_key *key, uint32_t hash)
{
	for (uint32_t at = hash & table->mask; table->slots[at].flow != 0; at = (at + 1) & table->mask) {
		struct flow *flow = &cache->flows[table->slots[at].flow - 1];

		if (table->slots[at].hash == hash && table_matches(table, flow, key))
			return flow;
	}
	return NULL;
}

static void table_insert(struct table *table, uint32_t hash, uint32_t flow)
{
	uint32_t at = hash & table->mask;

	while (table->slots[at].flow != 0)
		at = (at + 1) & table->mask;
	table->slots[at] = (struct slot){hash, flow};
}

static void table_grow(struct table *table)
{
	struct slot *old = table->slots;
	uint32_t count = table->mask + 1;

	table->mask = 2 * count - 1;
	table->slots = xalloc(2 * (size_t)count * sizeof(struct slot));
	for (uint32_t i = 0; i < count; i++)
		if (old[i].flow != 0)
			table_insert(table, old[i].hash, old[i].flow);
	free(old);
}

/* Takes a flow's slot out, and moves those behind it up that would not be found any more. */
static void table_remove(struct table *table, uint32_t hash, uint32_t flow)
{
	uint32_t hole = hash & table->mask, at;

	while (table->slots[hole].flow != flow)
		hole = (hole + 1) & table->mask;
	for (at = (hole + 1) & table->mask; table->slots[at].flow != 0; at = (at + 1) & table->mask) {
		uint32_t home = table->slots[at].hash & table->mask;

		if (((at - home) & table->mask) >= ((at - hole) & table->mask)) {
			table->slots[hole] = table->slots[at];
			hole = at;
		}
	}
	table->slots[hole] = (struct slot){0};
	table->used--;
}

/* Flows. */

static void flow_remove(struct core *core, struct flow *flow)
{
	struct flow_cache *cache = core->flows;
	struct table *table;

	CHECK(flow != NULL);
	table = table_find(cache, flow->fields);
	CHECK(table != NULL);
	table_remove(table, flow->hash, (uint32_t)(flow - cache->flows) + 1);
	cache->used--;
	core->flow_changes++;
	flow->port->flow_count--;
	list_remove(&flow->in_port);
	list_remove(&flow->in_all);
	flow_settle(flow);
	free(flow->rests);
	list_prepend(&cache->free, &flow->in_all);
}

bool flow_cache_still_holds(struct core *core, struct flow *flow)
{
	bool holds = flow->topology_generation == core->topology_generation;

	for (unsigned i = 0; holds && i < flow->rest_count; i++)
		holds = *flow->rests[i].generation == flow->rests[i].value;
	if (holds)
		flow->epoch = core->epoch;
	else
		flow_remove(core, flow);
	return holds;
}

static struct flow *table_find_one(const struct flow_cache *cache, const struct table *table, const struct flow_key *key)
{
	return table_lookup(cache, table, key, table_hash(cache, table, key));
}

struct flow *flow_cache_find(struct core *core, const struct flow_key *key)
{
	struct flow_cache *cache = core->flows;

	for (unsigned i = 0; i < cache->table_count; i++) {
		struct flow *flow = cache->tables[i].used > 0 ? table_find_one(cache, &cache->tables[i], key) : NULL;

		if (flow != NULL && flow_cache_holds(core, flow))
			return flow;
	}
	return NULL;
}

/* What is asked of a table: keys whose numbers are in `which`. */
struct question {
	const struct flow_key *keys;
	struct flow **flows;
	uint8_t which[PACKET_BURST];
	unsigned count;
};

/*
 * Looks the keys of a question up and leaves in it those that weren't found. In three passes, so that the memory of all of them is on its
 * way before the first is needed.
 */
static void table_answer(const struct flow_cache *cache, const struct table *table, struct question *question)
{
	uint32_t hashes[PACKET_BURST];
	unsigned count = question->count;

	for (unsigned i = 0; i < count; i++) {
		hashes[i] = table_hash(cache, table, &question->keys[question->which[i]]);
		__builtin_prefetch(&table->slots[hashes[i] & table->mask]);
	}
	/* In a small table everything is near. */
	for (unsigned i = 0; table->mask >= SLOTS_MIN && i < count; i++) {
		const struct slot *slot = &table->slots[hashes[i] & table->mask];

		if (slot->hash == hashes[i] && slot->flow != 0) {
			__builtin_prefetch(&cache->flows[slot->flow - 1].key);
			__builtin_prefetch(&cache->flows[slot->flow - 1].epoch);
		}
	}
	question->count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct flow *flow = table_lookup(cache, table, &question->keys[question->which[i]], hashes[i]);

		question->flows[question->which[i]] = flow;
		if (flow == NULL)
			question->which[question->count++] = question->which[i];
	}
}

/*
 * Most bursts are of one flow, or of a few that one entry stands for: the entry of the last packet is tried for each, before anything is
 * hashed. A port whose packets are of many entries is left in peace for a while.
 */
static void try_last(const struct core *core, struct port *port, struct question *question, unsigned count)
{
	const struct flow *last = port->flow_last;
	const struct table *table = &core->flows->tables[port->flow_table];

	if (port->flow_changes != core->flow_changes || last == NULL || last->fields != table->fields || port->flow_skip > 0) {
		port->flow_skip -= port->flow_skip > 0;
		for (unsigned i = 0; i < count; i++)
			question->which[i] = (uint8_t)i;
		question->count = count;
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		if (table_matches(table, last, &question->keys[i]))
			question->flows[i] = port->flow_last;
		else
			question->which[question->count++] = (uint8_t)i;
	}
	if (question->count > count / 2)
		port->flow_skip = BURSTS_TO_SKIP;
}

void flow_cache_find_burst(struct core *core, struct port *port, const struct flow_key *keys, struct flow **flows, unsigned count)
{
	const struct flow_cache *cache = core->flows;
	struct question question;
	unsigned first = port->flow_table;

	CHECK(count <= PACKET_BURST);
	question.keys = keys;
	question.flows = flows;
	question.count = 0;
	try_last(core, port, &question, count);
	if (question.count == 0)
		return;
	for (unsigned i = 0; i < question.count; i++)
		flows[question.which[i]] = NULL;
	if (first < cache->table_count && cache->tables[first].used > 0)
		table_answer(cache, &cache->tables[first], &question);
	for (unsigned i = 0; question.count > 0 && i < cache->table_count; i++) {
		unsigned before = question.count;

		if (i == first || cache->tables[i].used == 0)
			continue;
		table_answer(cache, &cache->tables[i], &question);
		/* What most packets of a port fall into is looked at first the next time. */
		if ((before - question.count) * 2 > count)
			port->flow_table = i;
	}
	port->flow_last = flows[count - 1];
	port->flow_changes = core->flow_changes;
}

static struct flow *flow_make(struct core *core, struct port *port, const struct flow_draft *draft)
{
	struct flow_cache *cache = core->flows;
	size_t hops = draft->hop_count * sizeof(draft->hops[0]), rests = draft->rest_count * sizeof(draft->rests[0]);
	struct flow *flow = list_first(&cache->free, struct flow, in_all);

	if (flow != NULL)
		list_remove(&flow->in_all);
	else
		flow = &cache->flows[cache->made++];
	CHECK(flow != NULL);
	*flow = (struct flow){.rests = xalloc(hops + rests + 1)};
	flow->hops = (struct flow_hop *)(flow->rests + draft->rest_count);
	memcpy(flow->rests, draft->rests, rests);
	memcpy(flow->hops, draft->hops, hops);
	flow->rest_count = (uint16_t)draft->rest_count;
	flow->hop_count = (uint16_t)draft->hop_count;
	flow->actions = draft->actions;
	flow->fields = draft->fields;
	flow_key_mask(&draft->key, draft->fields, &flow->key);
	flow->topology_generation = core->topology_generation;
	flow->epoch = core->epoch;
	flow->port = port;
	return flow;
}

void flow_cache_add(struct core *core, struct port *port, const struct flow_draft *draft)
{
	struct flow_cache *cache = core->flows;
	struct table *table = table_find(cache, draft->fields);
	struct flow *flow;
	uint32_t hash;

	if (table == NULL) {
		if (cache->table_count == TABLES_MAX)
			flow_cache_clear(core);
		table = &cache->tables[cache->table_count++];
		table_start(table, draft->fields);
	}
	hash = table_hash(cache, table, &draft->key);
	/* The same fields with the same values: the old entry didn't hold for this packet's TTL or length. It stays. */
	if (table_lookup(cache, table, &draft->key, hash) != NULL)
		return;
	if (port->flow_count >= cache->limit_of_port)
		flow_remove(core, list_first(&port->flows, struct flow, in_port));
	else if (cache->used >= cache->limit)
		flow_remove(core, list_first(&cache->all, struct flow, in_all));
	if (2 * table->used > table->mask)
		table_grow(table);
	flow = flow_make(core, port, draft);
	flow->hash = hash;
	table_insert(table, hash, (uint32_t)(flow - cache->flows) + 1);
	table->used++;
	cache->used++;
	core->flow_changes++;
	port->flow_count++;
	list_append(&port->flows, &flow->in_port);
	list_append(&cache->all, &flow->in_all);
}

void flow_cache_settle(struct core *core)
{
	struct flow *flow;

	list_each (flow, &core->flows->all, struct flow, in_all) {
		flow_settle(flow);
	}
}

void flow_cache_clear(struct core *core)
{
	struct flow_cache *cache = core->flows;
	struct flow *flow;

	while ((flow = list_first(&cache->all, struct flow, in_all)) != NULL)
		flow_remove(core, flow);
	for (unsigned i = 0; i < cache->table_count; i++)
		free(cache->tables[i].slots);
	cache->table_count = 0;
	core->flow_changes++;
}
