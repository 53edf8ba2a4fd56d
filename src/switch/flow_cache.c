/* The flow cache: one hash table for each set of fields. */
#include "switch/flow_cache.h"

#include "base/arena.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* Sets of fields that may be in use at once; a new one beyond it empties the cache (the features make about a dozen). */
#define TABLES_MAX 64
#define SLOTS_MIN 128
#define WORDS (sizeof(struct flow_key) / sizeof(uint64_t))

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
	unsigned word_count;
	uint8_t words[WORDS];  /* those of the key that have bits of the fields */
	uint64_t masks[WORDS]; /* of each of them */
	struct slot *slots;
};

struct flow_cache {
	struct table tables[TABLES_MAX];
	unsigned table_count;
	uint64_t secrets[WORDS];
	uint32_t limit;
	uint32_t limit_of_port;
	uint32_t used;
	uint32_t made;	    /* of `flows`, so many have been in use once */
	struct flow *flows; /* `limit` of them; memory that was never touched costs nothing */
	struct list free;   /* in_all: made, not used */
	struct list all;    /* oldest first */
	uint64_t changes;
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
		cache->secrets[i] = hash_u64(i + 1);
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
uint64_t flow_cache_changes(const struct core *core) { return core->flows->changes; }

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
	for (unsigned i = 0; i < WORDS; i++) {
		uint64_t word = flow_key_word(&mask, i);

		if (word == 0)
			continue;
		table->words[table->word_count] = (uint8_t)i;
		table->masks[table->word_count++] = word;
	}
}

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The hash of a key's fields, two words at a time; keyed, so that nobody can send packets that fall on one place. */
static inline uint32_t table_hash(const struct flow_cache *cache, const struct table *table, const struct flow_key *key)
{
	uint64_t hash = 0;
	unsigned i = 0;

	for (; i + 1 < table->word_count; i += 2)
		hash ^= mix((flow_key_word(key, table->words[i]) & table->masks[i]) ^ cache->secrets[i],
			(flow_key_word(key, table->words[i + 1]) & table->masks[i + 1]) ^ cache->secrets[i + 1]);
	if (i < table->word_count)
		hash ^= mix((flow_key_word(key, table->words[i]) & table->masks[i]) ^ cache->secrets[i], cache->secrets[WORDS - 1] | 1);
	return (uint32_t)(hash ^ hash >> 32);
}

static inline bool table_matches(const struct table *table, const struct flow *flow, const struct flow_key *key)
{
	uint64_t difference = 0;

	for (unsigned i = 0; i < table->word_count; i++)
		difference |= (flow_key_word(key, table->words[i]) & table->masks[i]) ^ flow_key_word(&flow->key, table->words[i]);
	return difference == 0;
}

static struct flow *table_lookup(const struct flow_cache *cache, const struct table *table, const struct flow_key *key, uint32_t hash)
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

static void flow_remove(struct flow_cache *cache, struct flow *flow)
{
	struct table *table;

	CHECK(flow != NULL);
	table = table_find(cache, flow->fields);
	CHECK(table != NULL);
	table_remove(table, flow->hash, (uint32_t)(flow - cache->flows) + 1);
	cache->used--;
	cache->changes++;
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
		flow_remove(core->flows, flow);
	return holds;
}

struct flow *flow_cache_find(struct core *core, const struct flow_key *key)
{
	struct flow_cache *cache = core->flows;

	for (unsigned i = 0; i < cache->table_count; i++) {
		const struct table *table = &cache->tables[i];
		struct flow *flow = table->used > 0 ? table_lookup(cache, table, key, table_hash(cache, table, key)) : NULL;

		if (flow != NULL && flow_cache_holds(core, flow))
			return flow;
	}
	return NULL;
}

/*
 * Looks the keys up that have no flow yet; returns how many are left. In three passes, so that the memory of all of them is on its way
 * before the first is needed.
 */
static unsigned table_find_burst(
	const struct flow_cache *cache, const struct table *table, const struct flow_key *keys, struct flow **flows, unsigned count)
{
	uint32_t hashes[PACKET_BURST];
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++) {
		hashes[i] = table_hash(cache, table, &keys[i]);
		__builtin_prefetch(&table->slots[hashes[i] & table->mask]);
	}
	/* In a small table everything is near. */
	for (unsigned i = 0; table->mask >= SLOTS_MIN && i < count; i++) {
		const struct slot *slot = &table->slots[hashes[i] & table->mask];

		if (slot->hash == hashes[i] && slot->flow != 0) {
			__builtin_prefetch(&cache->flows[slot->flow - 1].key);
			__builtin_prefetch(&cache->flows[slot->flow - 1].actions);
		}
	}
	for (unsigned i = 0; i < count; i++) {
		if (flows[i] == NULL)
			flows[i] = table_lookup(cache, table, &keys[i], hashes[i]);
		left += flows[i] == NULL;
	}
	return left;
}

void flow_cache_find_burst(struct core *core, struct port *port, const struct flow_key *keys, struct flow **flows, unsigned count)
{
	const struct flow_cache *cache = core->flows;
	unsigned left = count, first = port->flow_table;

	CHECK(count <= PACKET_BURST);
	for (unsigned i = 0; i < count; i++)
		flows[i] = NULL;
	if (first < cache->table_count && cache->tables[first].used > 0)
		left = table_find_burst(cache, &cache->tables[first], keys, flows, count);
	for (unsigned i = 0; left > 0 && i < cache->table_count; i++) {
		unsigned before = left;

		if (i == first || cache->tables[i].used == 0)
			continue;
		left = table_find_burst(cache, &cache->tables[i], keys, flows, count);
		/* What most packets of a port fall into is looked at first the next time. */
		if ((before - left) * 2 > count)
			port->flow_table = i;
	}
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
		flow_remove(cache, list_first(&port->flows, struct flow, in_port));
	else if (cache->used >= cache->limit)
		flow_remove(cache, list_first(&cache->all, struct flow, in_all));
	if (2 * table->used > table->mask)
		table_grow(table);
	flow = flow_make(core, port, draft);
	flow->hash = hash;
	table_insert(table, hash, (uint32_t)(flow - cache->flows) + 1);
	table->used++;
	cache->used++;
	cache->changes++;
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
		flow_remove(cache, flow);
	for (unsigned i = 0; i < cache->table_count; i++)
		free(cache->tables[i].slots);
	cache->table_count = 0;
	cache->changes++;
}
