/* Connection tracking: the table, its budgets, its wheel. */
#include "switch/conn.h"

#include "base/arena.h"
#include "base/hash.h"
#include "net/ipv4.h"
#include "switch/conn_state.h"
#include "switch/core_state.h"
#include "switch/nat_ports.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_MIN 1024
#define CHUNK_CONNS 256
#define WHEEL_SLOTS 1024
#define SIZE_CLASSES 32

/* Connections that one tick looks at, at most: what is more waits for the next one, so that packets never wait long. */
#define TICK_CONNS_MAX 4096

_Static_assert(sizeof(struct conn_tuple) == 44, "a tuple has no holes");

struct chunk {
	struct conn conns[CHUNK_CONNS];
};

struct conn_table {
	uint32_t limit, reserve, small_zone;
	uint32_t used;
	uint32_t bucket_count; /* a power of two */
	struct conn_node **buckets;
	struct chunk **chunks;
	size_t chunk_count;
	struct conn *free; /* by nodes[0].next's place: conn->zone is NULL */
	struct list wheel[WHEEL_SLOTS];
	int64_t second;			   /* up to this one the wheel was looked at */
	struct list by_size[SIZE_CLASSES]; /* struct conn_zone: of 2^n to 2^(n+1)-1 connections */
};

struct conn_table *conn_table_new(const struct core_limits *limits)
{
	struct conn_table *table = xalloc(sizeof(*table));

	table->limit = limits->connections;
	/* The last eighth is for those who hold less than a 64th. */
	table->reserve = table->limit / 8;
	table->small_zone = table->limit / 64;
	table->bucket_count = BUCKETS_MIN;
	table->buckets = xalloc(BUCKETS_MIN * sizeof(struct conn_node *));
	for (unsigned i = 0; i < WHEEL_SLOTS; i++)
		list_init(&table->wheel[i]);
	for (unsigned i = 0; i < SIZE_CLASSES; i++)
		list_init(&table->by_size[i]);
	return table;
}

void conn_table_free(struct conn_table *table)
{
	if (table == NULL)
		return;
	CHECK(table->used == 0);
	for (size_t i = 0; i < table->chunk_count; i++)
		free(table->chunks[i]);
	free(table->chunks);
	free(table->buckets);
	free(table);
}

uint32_t conn_count(const struct core *core) { return core->connections->used; }

/* --- the hash table --- */

static void table_grow(struct conn_table *table)
{
	uint32_t count = table->bucket_count * 2;
	struct conn_node **buckets = xalloc(count * sizeof(struct conn_node *));

	for (uint32_t i = 0; i < table->bucket_count; i++) {
		struct conn_node *node = table->buckets[i], *next;

		for (; node != NULL; node = next) {
			struct conn_node **bucket = &buckets[node->hash & (count - 1)];

			next = node->next;
			node->next = *bucket;
			*bucket = node;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->bucket_count = count;
}

static struct conn_node *node_find(const struct conn_table *table, const struct conn_tuple *tuple, uint64_t hash)
{
	struct conn_node *node = table->buckets[hash & (table->bucket_count - 1)];

	while (node != NULL && (node->hash != hash || memcmp(&node->tuple, tuple, sizeof(*tuple)) != 0))
		node = node->next;
	return node;
}

static void node_insert(struct conn_table *table, struct conn_node *node)
{
	struct conn_node **bucket = &table->buckets[node->hash & (table->bucket_count - 1)];

	node->next = *bucket;
	*bucket = node;
}

static void node_remove(struct conn_table *table, struct conn_node *node)
{
	struct conn_node **link = &table->buckets[node->hash & (table->bucket_count - 1)];

	while (*link != node)
		link = &(*link)->next;
	*link = node->next;
}

struct conn *conn_find(const struct core *core, const struct conn_tuple *tuple, enum conn_direction *direction)
{
	struct conn_node *node = node_find(core->connections, tuple, hash_bytes(tuple, sizeof(*tuple)));

	if (node == NULL)
		return NULL;
	*direction = node == &node->conn->nodes[CONN_REPLY] ? CONN_REPLY : CONN_ORIGINAL;
	return node->conn;
}

struct conn_tuple conn_tuple_reverse(const struct conn_tuple *tuple)
{
	struct conn_tuple reverse = *tuple;

	memcpy(reverse.src, tuple->dst, sizeof(reverse.src));
	memcpy(reverse.dst, tuple->src, sizeof(reverse.dst));
	reverse.src_port = tuple->dst_port;
	reverse.dst_port = tuple->src_port;
	if (tuple->query != 0)
		reverse.query = (uint8_t)(3 - tuple->query);
	return reverse;
}

/* --- memory: chunks that are never given back, since cache entries look at the generation of what was freed --- */

static void chunk_add(struct conn_table *table)
{
	struct chunk *chunk = xalloc(sizeof(*chunk));

	table->chunks = xrealloc(table->chunks, (table->chunk_count + 1) * sizeof(struct chunk *));
	table->chunks[table->chunk_count++] = chunk;
	for (unsigned i = CHUNK_CONNS; i-- > 0;) {
		chunk->conns[i].nodes[0].conn = table->free;
		table->free = &chunk->conns[i];
	}
}

static struct conn *conn_take(struct conn_table *table)
{
	struct conn *conn;
	uint64_t generation;

	if (table->free == NULL)
		chunk_add(table);
	conn = table->free;
	table->free = conn->nodes[0].conn;
	generation = conn->generation;
	*conn = (struct conn){.generation = generation};
	table->used++;
	return conn;
}

static void conn_give(struct conn_table *table, struct conn *conn)
{
	conn->zone = NULL;
	conn->nodes[0].conn = table->free;
	table->free = conn;
	table->used--;
}

/* --- zones --- */

static void zone_resize(struct conn_table *table, struct conn_zone *zone, int by)
{
	uint32_t before = zone->used, after = (uint32_t)((int64_t)before + by);

	zone->used = after;
	if (before > 0 && after > 0 && __builtin_clz(before) == __builtin_clz(after))
		return;
	list_remove(&zone->by_size);
	if (after > 0)
		list_append(&table->by_size[31 - __builtin_clz(after)], &zone->by_size);
}

static struct conn_zone *zone_fullest(const struct conn_table *table)
{
	for (unsigned i = SIZE_CLASSES; i-- > 0;)
		if (!list_empty(&table->by_size[i]))
			return list_first(&table->by_size[i], struct conn_zone, by_size);
	return NULL;
}

void conn_zone_open(struct core *core, struct conn_zone *zone, enum conn_kind kind, uint32_t id, const char *path)
{
	const struct core_limits *limits = &core->limits;

	*zone = (struct conn_zone){.id = id,
		.kind = (uint8_t)kind,
		.open = true,
		.limit = kind == CONN_OF_PORT ? limits->connections_per_port : limits->connections_per_router,
		.weak_limit = kind == CONN_OF_PORT ? limits->half_open_per_port : limits->half_open_per_router,
		.path = path};
	list_init(&zone->weak);
	list_init(&zone->established);
}

void conn_zone_close(struct core *core, struct conn_zone *zone)
{
	struct conn *conn;

	if (!zone->open)
		return;
	while ((conn = list_first(&zone->weak, struct conn, in_zone)) != NULL)
		conn_remove(core, conn);
	while ((conn = list_first(&zone->established, struct conn, in_zone)) != NULL)
		conn_remove(core, conn);
	free(zone->fragments);
	*zone = (struct conn_zone){0};
}

/* --- connections --- */

static bool is_weak(enum conn_state state) { return conn_state_is_half(state) || state >= CONN_CLOSED; }

static void zone_enter(struct conn *conn)
{
	struct conn_zone *zone = conn->zone;
	bool weak = is_weak((enum conn_state)conn->state);

	CHECK(zone != NULL);
	list_append(weak ? &zone->weak : &zone->established, &conn->in_zone);
	zone->weak_used += weak;
}

static void zone_leave(struct conn *conn)
{
	struct conn_zone *zone = conn->zone;

	CHECK(zone != NULL);
	list_remove(&conn->in_zone);
	zone->weak_used -= is_weak((enum conn_state)conn->state);
}

static int64_t due_second(const struct conn *conn) { return conn->seen.ns / 1000000000 + conn_timeout_s(conn) + 1; }

/* Puts it in the slot of its deadline, or in the farthest one there is. */
static void wheel_put(struct conn_table *table, struct conn *conn)
{
	int64_t due = due_second(conn);

	list_remove(&conn->in_wheel);
	if (due <= table->second)
		due = table->second + 1;
	if (due > table->second + WHEEL_SLOTS - 1)
		due = table->second + WHEEL_SLOTS - 1;
	list_append(&table->wheel[due % WHEEL_SLOTS], &conn->in_wheel);
}

void conn_remove(struct core *core, struct conn *conn)
{
	struct conn_table *table = core->connections;

	if (conn->mapping != NULL)
		nat_release(conn->mapping);
	node_remove(table, &conn->nodes[CONN_ORIGINAL]);
	node_remove(table, &conn->nodes[CONN_REPLY]);
	zone_leave(conn);
	list_remove(&conn->in_wheel);
	zone_resize(table, conn->zone, -1);
	core_raise(core, &conn->generation);
	conn_give(table, conn);
}

/* Takes the oldest weak one of a zone; false when it has none. */
static bool zone_yield(struct core *core, struct conn_zone *zone)
{
	struct conn *conn = list_first(&zone->weak, struct conn, in_zone);

	if (conn == NULL)
		return false;
	conn_remove(core, conn);
	return true;
}

/* Who makes room for one more of a zone: nobody needs to, itself, the fullest zone, or nobody can. */
enum room { ROOM_FREE, ROOM_OWN, ROOM_FULLEST, ROOM_NONE };

static enum room zone_room(const struct conn_table *table, const struct conn_zone *zone)
{
	enum room own = zone->weak_used > 0 ? ROOM_OWN : ROOM_NONE;
	const struct conn_zone *fullest;

	if (zone->weak_used >= zone->weak_limit || zone->used >= zone->limit ||
		(zone->used >= table->small_zone && table->used >= table->limit - table->reserve))
		return own;
	if (table->used < table->limit)
		return ROOM_FREE;
	fullest = zone_fullest(table);
	CHECK(fullest != NULL); /* a full table is full of somebody's */
	return fullest == zone || fullest->used <= zone->used ? own : ROOM_FULLEST;
}

bool conn_has_room(const struct core *core, const struct conn_zone *zone) { return zone_room(core->connections, zone) != ROOM_NONE; }

/* Makes that room. False when there is none. */
static bool zone_make_room(struct core *core, struct conn_zone *zone)
{
	struct conn_table *table = core->connections;
	enum room room = zone_room(table, zone);
	struct conn_zone *fullest;

	if (room == ROOM_FREE)
		return true;
	core_limit_reached(core,
		zone->used < zone->limit       ? "connections"
		: zone->kind == CONN_OF_ROUTER ? "connections_per_router"
					       : "connections_per_port",
		zone->path, zone->used);
	if (room == ROOM_OWN)
		return zone_yield(core, zone);
	if (room == ROOM_NONE)
		return false;
	fullest = zone_fullest(table);
	CHECK(fullest != NULL);
	if (!zone_yield(core, fullest)) {
		struct conn *oldest = list_first(&fullest->established, struct conn, in_zone);

		CHECK(oldest != NULL);
		conn_remove(core, oldest);
	}
	return true;
}

struct conn *conn_add(
	struct core *core, struct conn_zone *zone, const struct conn_tuple *original, const struct conn_tuple *reply, uint8_t tcp_flags)
{
	struct conn_table *table = core->connections;
	uint64_t hash = hash_bytes(reply, sizeof(*reply));
	struct conn *conn;

	/* Who speaks to himself would be his own answer. */
	if (memcmp(original, reply, sizeof(*original)) == 0 || node_find(table, reply, hash) != NULL || !zone_make_room(core, zone))
		return NULL;
	/* Without connections the wheel stood still. */
	if (table->used == 0)
		table->second = core->now.ns / 1000000000;
	if (table->used >= table->bucket_count)
		table_grow(table);
	conn = conn_take(table);
	conn->nodes[CONN_ORIGINAL].tuple = *original;
	conn->nodes[CONN_ORIGINAL].hash = hash_bytes(original, sizeof(*original));
	conn->nodes[CONN_REPLY].tuple = *reply;
	conn->nodes[CONN_REPLY].hash = hash;
	for (unsigned i = 0; i < CONN_DIRECTIONS; i++) {
		conn->nodes[i].conn = conn;
		node_insert(table, &conn->nodes[i]);
	}
	conn->zone = zone;
	conn->state = (uint8_t)conn_state_first(original->protocol, tcp_flags);
	conn->seen = conn->created = core->now;
	zone_enter(conn);
	zone_resize(table, zone, 1);
	zone->made++;
	wheel_put(table, conn);
	return conn;
}

static void conn_set_state(struct core *core, struct conn *conn, enum conn_state state)
{
	zone_leave(conn);
	conn->state = (uint8_t)state;
	zone_enter(conn);
	/* A shorter time from here on; a longer one is found when the old one is over. */
	wheel_put(core->connections, conn);
}

void conn_revoke(struct core *core, struct conn *conn, bool revoked)
{
	if (revoked != (conn->state == CONN_REVOKED))
		conn_set_state(core, conn, revoked ? CONN_REVOKED : CONN_PICKED_UP);
}

void conn_packet(struct core *core, struct conn *conn, enum conn_direction direction, uint8_t tcp_flags)
{
	enum conn_state before = (enum conn_state)conn->state, after;

	conn->seen = core->now;
	conn->packets[direction]++;
	/* What nearly every packet is. */
	if (before == CONN_ESTABLISHED && (tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0)
		return;
	after = conn_state_next(conn, direction, tcp_flags);
	if (after != before)
		conn_set_state(core, conn, after);
}

/* --- time --- */

/* Looks at one slot; false when there was too much in it. */
static bool wheel_turn(struct core *core, struct list *slot, unsigned *looked)
{
	struct conn_table *table = core->connections;
	struct conn *conn;

	while ((conn = list_first(slot, struct conn, in_wheel)) != NULL) {
		if (++*looked > TICK_CONNS_MAX)
			return false;
		if (due_second(conn) <= table->second)
			conn_remove(core, conn);
		else
			wheel_put(table, conn);
	}
	return true;
}

struct instant conn_tick(struct core *core)
{
	struct conn_table *table = core->connections;
	int64_t now = core->now.ns / 1000000000;
	unsigned looked = 0;

	if (table->used == 0)
		return INSTANT_NEVER;
	/* After a long sleep all is due within one turn. */
	if (now - table->second > WHEEL_SLOTS)
		table->second = now - WHEEL_SLOTS;
	while (table->second < now) {
		table->second++;
		if (!wheel_turn(core, &table->wheel[table->second % WHEEL_SLOTS], &looked)) {
			table->second--;
			return instant_add(core->now, span_us(1));
		}
	}
	for (int64_t second = now + 1; second < now + WHEEL_SLOTS; second++)
		if (!list_empty(&table->wheel[second % WHEEL_SLOTS]))
			return (struct instant){second * 1000000000};
	return INSTANT_NEVER;
}

struct conn *conn_next(const struct core *core, size_t *cursor)
{
	const struct conn_table *table = core->connections;

	while (*cursor < table->chunk_count * CHUNK_CONNS) {
		struct conn *conn = &table->chunks[*cursor / CHUNK_CONNS]->conns[*cursor % CHUNK_CONNS];

		++*cursor;
		if (conn->zone != NULL)
			return conn;
	}
	return NULL;
}

uint32_t conn_remaining_s(const struct core *core, const struct conn *conn)
{
	int64_t left = due_second(conn) - 1 - core->now.ns / 1000000000;

	return left > 0 ? (uint32_t)left : 0;
}
