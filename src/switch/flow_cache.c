/* The flow cache: one hash table for each set of fields. */
#include "switch/flow_cache.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Sets of fields that may be in use at once; a new one beyond it empties the cache (the features make about a dozen). */
#define TABLES_MAX 64
#define BUCKETS_MIN 64

struct table {
	uint32_t fields;
	uint32_t used;
	uint32_t bucket_count; /* a power of two */
	struct flow **buckets;
};

struct flow_cache {
	struct table tables[TABLES_MAX];
	unsigned table_count;
	uint32_t limit;
	uint32_t limit_of_port;
	uint32_t used;
	struct list all; /* oldest first */
};

struct flow_cache *flow_cache_new(uint32_t limit)
{
	struct flow_cache *cache = xalloc(sizeof(*cache));

	cache->limit = limit;
	/* A quarter for one port: three greedy ones still leave room for the rest. */
	cache->limit_of_port = limit / 4 > 0 ? limit / 4 : 1;
	list_init(&cache->all);
	return cache;
}

void flow_cache_free(struct core *core)
{
	flow_cache_clear(core);
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

static struct table *table_find(struct flow_cache *cache, uint32_t fields)
{
	for (unsigned i = 0; i < cache->table_count; i++)
		if (cache->tables[i].fields == fields)
			return &cache->tables[i];
	return NULL;
}

static void table_grow(struct table *table)
{
	uint32_t count = table->bucket_count ? table->bucket_count * 2 : BUCKETS_MIN;
	struct flow **buckets = xalloc(count * sizeof(struct flow *));

	for (uint32_t i = 0; i < table->bucket_count; i++) {
		for (struct flow *flow = table->buckets[i], *next; flow != NULL; flow = next) {
			struct flow **bucket = &buckets[flow->hash & (count - 1)];

			next = flow->next_in_bucket;
			flow->next_in_bucket = *bucket;
			*bucket = flow;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

static void flow_remove(struct flow_cache *cache, struct flow *flow)
{
	struct table *table;
	struct flow **link;

	CHECK(flow != NULL);
	table = table_find(cache, flow->fields);
	CHECK(table != NULL);
	link = &table->buckets[flow->hash & (table->bucket_count - 1)];
	while (*link != flow)
		link = &(*link)->next_in_bucket;
	*link = flow->next_in_bucket;
	table->used--;
	cache->used--;
	flow->port->flow_count--;
	list_remove(&flow->in_port);
	list_remove(&flow->in_all);
	flow_settle(flow);
	free(flow);
}

/* True when nothing that the entry rests on has changed. */
static bool flow_holds(const struct core *core, struct flow *flow)
{
	if (flow->epoch == core->epoch)
		return true;
	if (flow->topology_generation != core->topology_generation)
		return false;
	for (unsigned i = 0; i < flow->rest_count; i++)
		if (*flow->rests[i].generation != flow->rests[i].value)
			return false;
	flow->epoch = core->epoch;
	return true;
}

static struct flow *table_lookup(const struct table *table, const struct flow_key *key)
{
	struct flow_key masked;
	struct flow *flow;
	uint64_t hash;

	flow_key_mask(key, table->fields, &masked);
	hash = flow_key_hash(&masked);
	flow = table->buckets[hash & (table->bucket_count - 1)];
	while (flow != NULL && (flow->hash != hash || !flow_key_equal(&flow->key, &masked)))
		flow = flow->next_in_bucket;
	return flow;
}

struct flow *flow_cache_find(struct core *core, const struct flow_key *key)
{
	struct flow_cache *cache = core->flows;

	for (unsigned i = 0; i < cache->table_count; i++) {
		struct flow *flow = cache->tables[i].used > 0 ? table_lookup(&cache->tables[i], key) : NULL;

		if (flow == NULL)
			continue;
		if (flow_holds(core, flow))
			return flow;
		flow_remove(cache, flow);
	}
	return NULL;
}

static struct flow *flow_make(struct core *core, struct port *port, const struct flow_draft *draft)
{
	size_t hops = draft->hop_count * sizeof(draft->hops[0]), rests = draft->rest_count * sizeof(draft->rests[0]);
	struct flow *flow = xalloc(sizeof(*flow) + hops + rests);

	flow->rests = (struct flow_rest *)(flow + 1);
	flow->hops = (struct flow_hop *)(flow->rests + draft->rest_count);
	memcpy(flow->rests, draft->rests, rests);
	memcpy(flow->hops, draft->hops, hops);
	flow->rest_count = draft->rest_count;
	flow->hop_count = draft->hop_count;
	flow->actions = draft->actions;
	flow->fields = draft->fields;
	flow_key_mask(&draft->key, draft->fields, &flow->key);
	flow->hash = flow_key_hash(&flow->key);
	flow->topology_generation = core->topology_generation;
	flow->epoch = core->epoch;
	flow->port = port;
	return flow;
}

void flow_cache_add(struct core *core, struct port *port, const struct flow_draft *draft)
{
	struct flow_cache *cache = core->flows;
	struct table *table = table_find(cache, draft->fields);
	struct flow *flow, **bucket;

	if (table == NULL) {
		if (cache->table_count == TABLES_MAX)
			flow_cache_clear(core);
		table = &cache->tables[cache->table_count++];
		*table = (struct table){.fields = draft->fields};
		table_grow(table);
	}
	/* The same fields with the same values: the old entry didn't hold for this packet's TTL or length. It stays. */
	if (table->used > 0 && table_lookup(table, &draft->key) != NULL)
		return;
	if (port->flow_count >= cache->limit_of_port)
		flow_remove(cache, list_first(&port->flows, struct flow, in_port));
	else if (cache->used >= cache->limit)
		flow_remove(cache, list_first(&cache->all, struct flow, in_all));
	if (table->used >= table->bucket_count)
		table_grow(table);
	flow = flow_make(core, port, draft);
	bucket = &table->buckets[flow->hash & (table->bucket_count - 1)];
	flow->next_in_bucket = *bucket;
	*bucket = flow;
	table->used++;
	cache->used++;
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
		free(cache->tables[i].buckets);
	cache->table_count = 0;
}
