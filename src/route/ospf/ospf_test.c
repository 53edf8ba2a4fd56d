/* Tests of the OSPF engine: both state machines row by row, small networks of engines, ageing, sequence numbers, throttles, authentication.
 */
#include "route/ospf/ospf_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES_MAX 4
#define QUEUE_MAX 4096

/* Engines on one wire, 10.0.0.0/24, which delivers in order and at once; node N has the address 10.0.0.N+1, the id N+1 and a stub
 * interface with 10.1.N.0/24. */
struct net;
struct node {
	struct net *net;
	unsigned index;
	struct ospf *ospf;
	bool deaf; /* hears nothing and is not heard */
	unsigned routes;
};

struct flight {
	unsigned to;
	struct ospf_arrival arrival;
};

struct net {
	struct instant now;
	struct ospf_store *store;
	unsigned count;
	struct node nodes[NODES_MAX];
	size_t first, last;
	struct flight queue[QUEUE_MAX];
	uint64_t packets;
};

static uint32_t address_of(unsigned index) { return 0x0a000001U + index; }

static void net_send(void *context, const struct ospf_datagram *datagram)
{
	struct node *node = context;
	struct net *net = node->net;

	if (datagram->rif != 1 || node->deaf)
		return;
	assert_int_equal(datagram->source, address_of(node->index));
	for (unsigned i = 0; i < net->count; i++) {
		struct flight *flight = &net->queue[net->last % QUEUE_MAX];
		uint8_t *bytes;

		if (i == node->index || (datagram->destination >> 28 != 0xe && datagram->destination != address_of(i)))
			continue;
		assert_true(net->last - net->first < QUEUE_MAX);
		bytes = malloc(datagram->size);
		assert_non_null(bytes);
		memcpy(bytes, datagram->bytes, datagram->size);
		*flight = (struct flight){i, {1, datagram->source, datagram->destination, bytes, datagram->size}};
		net->last++;
		net->packets++;
	}
}

static void net_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint32_t metric, struct instant now)
{
	struct node *node = context;

	(void)prefix;
	(void)nexthops;
	(void)metric;
	(void)now;
	node->routes += count > 0;
}

static void net_limit(void *context, const char *limit, uint64_t value)
{
	(void)context;
	(void)limit;
	(void)value;
}

static const struct ospf_ops net_ops = {net_send, net_learnt, net_limit};

static struct ospf_interface_settings settings_of(enum ospf_network_type type)
{
	struct ospf_interface_settings settings = ospf_interface_settings_default();

	settings.type = type;
	settings.hello_s = 1;
	settings.dead_s = 4;
	return settings;
}

static void interface_up(struct node *node, uint32_t rif, uint32_t address, const struct ospf_interface_settings *settings)
{
	const struct prefix prefix = {ip_from_u32(address), 24};
	const struct ospf_link_state state = {true, 1500, 1, &prefix};

	ospf_interface_set(node->ospf, rif, settings, node->net->now);
	ospf_interface_state(node->ospf, rif, &state, node->net->now);
}

static void node_add(struct net *net, const struct ospf_interface_settings *settings)
{
	unsigned index = net->count++;
	struct node *node = &net->nodes[index];
	const struct ospf_settings engine = ospf_settings_default(index + 1);
	const struct ospf_birth birth = {net->store, &net_ops, node, 7 + index, 1000};
	struct ospf_interface_settings stub = settings_of(OSPF_BROADCAST);

	*node = (struct node){.net = net, .index = index};
	node->ospf = ospf_new(&engine, &birth, net->now);
	stub.passive = true;
	interface_up(node, 2, 0x0a010001U | index << 8, &stub);
	interface_up(node, 1, address_of(index), settings);
}

static struct net *net_new(unsigned count, enum ospf_network_type type)
{
	struct net *net = calloc(1, sizeof(*net));
	const struct ospf_interface_settings settings = settings_of(type);

	assert_non_null(net);
	net->store = ospf_store_new();
	for (unsigned i = 0; i < count; i++)
		node_add(net, &settings);
	return net;
}

static void net_deliver(struct net *net)
{
	while (net->first < net->last) {
		struct flight *flight = &net->queue[net->first++ % QUEUE_MAX];
		struct node *node = &net->nodes[flight->to];

		if (!node->deaf) {
			(void)ospf_receive(node->ospf, &flight->arrival, net->now);
			ospf_check_invariants(node->ospf);
		}
		free((void *)(uintptr_t)flight->arrival.bytes);
	}
}

static void net_run(struct net *net, struct span span)
{
	struct instant end = instant_add(net->now, span);

	for (;;) {
		struct instant next = end;

		net_deliver(net);
		for (unsigned i = 0; i < net->count; i++)
			next = instant_earlier(next, ospf_next(net->nodes[i].ospf));
		net->now = instant_before(next, net->now) ? net->now : next;
		if (instant_reached(end, net->now))
			return;
		for (unsigned i = 0; i < net->count; i++)
			if (instant_reached(ospf_next(net->nodes[i].ospf), net->now)) {
				ospf_tick(net->nodes[i].ospf, net->now);
				ospf_check_invariants(net->nodes[i].ospf);
			}
	}
}

static void net_free(struct net *net)
{
	net_deliver(net);
	for (unsigned i = 0; i < net->count; i++)
		ospf_free(net->nodes[i].ospf);
	ospf_store_free(net->store);
	free(net);
}

static struct ospf_interface *wire_of(const struct net *net, unsigned node) { return map_get(&net->nodes[node].ospf->interface_of, 1); }

static struct ospf_entry *router_entry(const struct net *net, unsigned node, uint32_t router)
{
	return ospf_entry_get(&ospf_area_get(net->nodes[node].ospf, 0)->db, OSPF_LSA_ROUTER, router, router);
}

/* Two on a point-to-point link: Full in no time, each other's stub known, every LSA kept once. */
static void test_pair(void **state)
{
	struct net *net = net_new(2, OSPF_POINT_TO_POINT);

	(void)state;
	net_run(net, span_ms(300));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(ospf_full_count(net->nodes[i].ospf), 1);
		assert_int_equal(ospf_lsa_count(net->nodes[i].ospf), 2);
		assert_int_equal(net->nodes[i].routes, 1);
		assert_int_equal(wire_of(net, i)->state, OSPF_IF_POINT_TO_POINT);
	}
	assert_int_equal(ospf_store_count(net->store), 2);
	net_free(net);
}

/* Four on a network: the election by priority, then id; who leaves is succeeded, who comes later changes nothing. */
static void test_election(void **state)
{
	struct ospf_interface_settings settings = settings_of(OSPF_BROADCAST);
	struct net *net = net_new(3, OSPF_BROADCAST);

	(void)state;
	net_run(net, span_s(2));
	assert_int_equal(wire_of(net, 2)->state, OSPF_IF_DESIGNATED);
	assert_int_equal(wire_of(net, 1)->state, OSPF_IF_BACKUP);
	assert_int_equal(wire_of(net, 0)->state, OSPF_IF_OTHER);
	assert_int_equal(ospf_full_count(net->nodes[0].ospf), 2);
	assert_int_equal(ospf_lsa_count(net->nodes[0].ospf), 4);
	settings.priority = 9;
	node_add(net, &settings);
	net_run(net, span_s(8));
	assert_int_equal(wire_of(net, 3)->state, OSPF_IF_OTHER);
	assert_int_equal(wire_of(net, 2)->state, OSPF_IF_DESIGNATED);
	net->nodes[2].deaf = true;
	net_run(net, span_s(8));
	assert_int_equal(wire_of(net, 1)->state, OSPF_IF_DESIGNATED);
	assert_int_equal(wire_of(net, 3)->state, OSPF_IF_BACKUP);
	assert_int_equal(ospf_full_count(net->nodes[0].ospf), 2);
	settings.priority = 0;
	ospf_interface_set(net->nodes[1].ospf, 1, &settings, net->now);
	net_run(net, span_s(4));
	assert_int_equal(wire_of(net, 1)->state, OSPF_IF_OTHER);
	assert_int_equal(wire_of(net, 3)->state, OSPF_IF_DESIGNATED);
	assert_int_equal(wire_of(net, 0)->state, OSPF_IF_BACKUP);
	net_free(net);
}

/* RFC 2328 10.3, row by row: from a state, an event leads to a state. `wanted`: an adjacency is to be made. */
static void test_neighbor_machine(void **state)
{
	static const struct {
		enum ospf_neighbor_state from;
		enum ospf_neighbor_event event;
		bool wanted;
		enum ospf_neighbor_state to;
	} rows[] = {
		{OSPF_NB_DOWN, OSPF_EVENT_HELLO, true, OSPF_NB_INIT},
		{OSPF_NB_INIT, OSPF_EVENT_HELLO, true, OSPF_NB_INIT},
		{OSPF_NB_FULL, OSPF_EVENT_HELLO, true, OSPF_NB_FULL},
		{OSPF_NB_DOWN, OSPF_EVENT_TWO_WAY, true, OSPF_NB_DOWN},
		{OSPF_NB_INIT, OSPF_EVENT_TWO_WAY, true, OSPF_NB_EX_START},
		{OSPF_NB_INIT, OSPF_EVENT_TWO_WAY, false, OSPF_NB_TWO_WAY},
		{OSPF_NB_FULL, OSPF_EVENT_TWO_WAY, true, OSPF_NB_FULL},
		{OSPF_NB_EX_START, OSPF_EVENT_NEGOTIATED, true, OSPF_NB_EXCHANGE},
		{OSPF_NB_TWO_WAY, OSPF_EVENT_NEGOTIATED, false, OSPF_NB_TWO_WAY},
		{OSPF_NB_EXCHANGE, OSPF_EVENT_EXCHANGED, true, OSPF_NB_FULL}, /* nothing to ask for */
		{OSPF_NB_LOADING, OSPF_EVENT_LOADED, true, OSPF_NB_FULL},
		{OSPF_NB_EXCHANGE, OSPF_EVENT_LOADED, true, OSPF_NB_EXCHANGE},
		{OSPF_NB_TWO_WAY, OSPF_EVENT_ADJACENCY, false, OSPF_NB_TWO_WAY},
		{OSPF_NB_TWO_WAY, OSPF_EVENT_ADJACENCY, true, OSPF_NB_EX_START},
		{OSPF_NB_FULL, OSPF_EVENT_ADJACENCY, true, OSPF_NB_FULL},
		{OSPF_NB_FULL, OSPF_EVENT_ADJACENCY, false, OSPF_NB_TWO_WAY},
		{OSPF_NB_EXCHANGE, OSPF_EVENT_OUT_OF_STEP, true, OSPF_NB_EX_START},
		{OSPF_NB_LOADING, OSPF_EVENT_OUT_OF_STEP, true, OSPF_NB_EX_START},
		{OSPF_NB_FULL, OSPF_EVENT_OUT_OF_STEP, true, OSPF_NB_EX_START},
		{OSPF_NB_TWO_WAY, OSPF_EVENT_OUT_OF_STEP, false, OSPF_NB_TWO_WAY},
		{OSPF_NB_INIT, OSPF_EVENT_ONE_WAY, true, OSPF_NB_INIT},
		{OSPF_NB_TWO_WAY, OSPF_EVENT_ONE_WAY, false, OSPF_NB_INIT},
		{OSPF_NB_FULL, OSPF_EVENT_ONE_WAY, true, OSPF_NB_INIT},
		{OSPF_NB_INIT, OSPF_EVENT_KILL, true, OSPF_NB_DOWN},
		{OSPF_NB_FULL, OSPF_EVENT_KILL, true, OSPF_NB_DOWN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct net *net = net_new(1, OSPF_BROADCAST);
		struct ospf_interface *interface = wire_of(net, 0);
		struct ospf_neighbor *neighbor;

		interface->state = OSPF_IF_OTHER;
		interface->settings.priority = 0;
		interface->designated = rows[i].wanted ? address_of(8) : 0;
		neighbor = ospf_neighbor_new(interface, 9, address_of(8));
		neighbor->priority = rows[i].wanted;
		neighbor->designated = interface->designated;
		neighbor->state = rows[i].from;
		neighbor->summary = calloc(1, sizeof(*neighbor->summary));
		interface->full_count = rows[i].from == OSPF_NB_FULL;
		ospf_neighbor_event(neighbor, rows[i].event);
		if (neighbor->state != rows[i].to)
			fail_msg("row %zu: state %s", i, ospf_neighbor_state_names[neighbor->state]);
		ospf_settle(net->nodes[0].ospf);
		net_free(net);
	}
}

/* RFC 2328 9.3. */
static void test_interface_machine(void **state)
{
	static const struct {
		enum ospf_network_type type;
		uint8_t priority;
		enum ospf_interface_event events[3];
		unsigned event_count;
		enum ospf_interface_state to;
	} rows[] = {
		{OSPF_POINT_TO_POINT, 1, {OSPF_EVENT_UP}, 1, OSPF_IF_POINT_TO_POINT},
		{OSPF_LOOPBACK, 1, {OSPF_EVENT_UP}, 1, OSPF_IF_LOOPBACK},
		{OSPF_BROADCAST, 1, {OSPF_EVENT_UP}, 1, OSPF_IF_WAITING},
		{OSPF_BROADCAST, 0, {OSPF_EVENT_UP}, 1, OSPF_IF_OTHER},
		{OSPF_BROADCAST, 1, {OSPF_EVENT_UP, OSPF_EVENT_NEIGHBOR_CHANGE}, 2, OSPF_IF_WAITING},
		{OSPF_BROADCAST, 1, {OSPF_EVENT_UP, OSPF_EVENT_WAIT_OVER}, 2, OSPF_IF_DESIGNATED},
		{OSPF_BROADCAST, 1, {OSPF_EVENT_UP, OSPF_EVENT_BACKUP_SEEN}, 2, OSPF_IF_DESIGNATED},
		{OSPF_BROADCAST, 0, {OSPF_EVENT_UP, OSPF_EVENT_NEIGHBOR_CHANGE}, 2, OSPF_IF_OTHER},
		{OSPF_BROADCAST, 1, {OSPF_EVENT_UP, OSPF_EVENT_WAIT_OVER, OSPF_EVENT_DOWN}, 3, OSPF_IF_DOWN},
		{OSPF_POINT_TO_POINT, 1, {OSPF_EVENT_UP, OSPF_EVENT_WAIT_OVER}, 2, OSPF_IF_POINT_TO_POINT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct net *net = net_new(1, rows[i].type);
		struct ospf_interface *interface = wire_of(net, 0);

		ospf_interface_event(interface, OSPF_EVENT_DOWN);
		assert_int_equal(interface->state, OSPF_IF_DOWN);
		interface->settings.priority = rows[i].priority;
		for (unsigned e = 0; e < rows[i].event_count; e++)
			ospf_interface_event(interface, rows[i].events[e]);
		if (interface->state != rows[i].to)
			fail_msg("row %zu: state %s", i, ospf_interface_state_names[interface->state]);
		net_free(net);
	}
}

/* What two must agree on, and how it is counted when they don't. */
static void test_disagreements(void **state)
{
	struct ospf_interface_settings wrong[5];
	static const enum ospf_drop drops[5] = {
		OSPF_DROP_HELLO_INTERVAL, OSPF_DROP_DEAD_INTERVAL, OSPF_DROP_AREA, OSPF_DROP_AUTH_TYPE, OSPF_DROP_NOT_RUNNING};

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		struct net *net = net_new(1, OSPF_BROADCAST);

		wrong[i] = settings_of(OSPF_BROADCAST);
		wrong[i].hello_s = i == 0 ? 2 : 1;
		wrong[i].dead_s = i == 1 ? 5 : 4;
		wrong[i].area = i == 2;
		wrong[i].auth = (struct ospf_auth){.kind = i == 3 ? OSPF_AUTH_SIMPLE : OSPF_AUTH_NONE, .key_bytes = 3, .key = "abc"};
		wrong[i].passive = i == 4;
		node_add(net, &wrong[i]);
		net_run(net, span_s(3));
		assert_true(ospf_drop_count(net->nodes[1].ospf, drops[i]) > 0);
		assert_int_equal(ospf_full_count(net->nodes[1].ospf), 0);
		net_free(net);
	}
}

/* A recorded packet is refused when newer ones came meanwhile. */
static void test_replay(void **state)
{
	struct ospf_interface_settings settings = settings_of(OSPF_POINT_TO_POINT);
	struct net *net = net_new(0, OSPF_POINT_TO_POINT);
	uint8_t bytes[256];
	struct ospf_arrival old = {1, address_of(0), OSPF_ALL_ROUTERS, bytes, 0};

	(void)state;
	settings.auth = (struct ospf_auth){.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_SHA256, .key_id = 1, .key_bytes = 6, .key = "secret"};
	node_add(net, &settings);
	node_add(net, &settings);
	ospf_send_hello(wire_of(net, 0));
	old.size = net->queue[(net->last - 1) % QUEUE_MAX].arrival.size;
	memcpy(bytes, net->queue[(net->last - 1) % QUEUE_MAX].arrival.bytes, old.size);
	net_run(net, span_s(5));
	assert_int_equal(ospf_full_count(net->nodes[1].ospf), 1);
	assert_int_equal(ospf_receive(net->nodes[1].ospf, &old, net->now), OSPF_DROP_AUTH_SEQUENCE);
	bytes[30] ^= 1;
	assert_int_equal(ospf_receive(net->nodes[1].ospf, &old, net->now), OSPF_DROP_AUTH_DIGEST);
	net_free(net);
}

/* LSAs of our own are said again every half an hour; those of a router that is gone end after an hour. */
static void test_ageing(void **state)
{
	struct net *net = net_new(2, OSPF_POINT_TO_POINT);
	int32_t sequence;
	uint64_t computed;

	(void)state;
	net_run(net, span_s(10));
	sequence = router_entry(net, 1, 1)->header.sequence;
	computed = ospf_spf_count(net->nodes[1].ospf);
	net_run(net, span_s(OSPF_LS_REFRESH_S));
	assert_int_equal(router_entry(net, 1, 1)->header.sequence, sequence + 1);
	assert_true(ospf_entry_age(router_entry(net, 1, 1), net->now) < 60);
	assert_int_equal(ospf_spf_count(net->nodes[1].ospf), computed); /* nothing is new */
	net->nodes[0].deaf = true;
	net_run(net, span_s(OSPF_MAX_AGE_S));
	assert_null(router_entry(net, 1, 1));
	assert_int_equal(ospf_lsa_count(net->nodes[1].ospf), 1);
	net_free(net);
}

/* The last sequence number: the LSA is flushed, and begins anew when that is acknowledged (12.1.6). */
static void test_sequence_wrap(void **state)
{
	struct net *net = net_new(2, OSPF_POINT_TO_POINT);
	struct ospf_interface_settings settings = settings_of(OSPF_POINT_TO_POINT);
	struct ospf_entry *entry;
	uint8_t bytes[512];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct ospf_lsa_header header;
	size_t start;

	(void)state;
	net_run(net, span_s(10));
	entry = router_entry(net, 0, 1);
	header = entry->header;
	header.sequence = OSPF_SEQUENCE_MAX;
	start = ospf_lsa_begin(&w, &header);
	writer_bytes(&w, entry->blob->bytes + OSPF_LSA_HEADER_BYTES, entry->blob->size - OSPF_LSA_HEADER_BYTES);
	ospf_lsa_end(&w, start);
	entry = ospf_entry_put(net->nodes[0].ospf, &(struct ospf_place){entry->db, entry->area, NULL}, bytes, writer_used(&w));
	(void)ospf_flood(entry, NULL);
	ospf_settle(net->nodes[0].ospf);
	net_run(net, span_s(2));
	assert_int_equal(router_entry(net, 1, 1)->header.sequence, OSPF_SEQUENCE_MAX);
	settings.cost = 77;
	ospf_interface_set(net->nodes[0].ospf, 1, &settings, net->now);
	net_run(net, span_s(10));
	assert_int_equal(router_entry(net, 1, 1)->header.sequence, OSPF_SEQUENCE_FIRST);
	assert_int_equal(router_entry(net, 0, 1)->header.sequence, OSPF_SEQUENCE_FIRST);
	net_free(net);
}

/* A stub that comes is known at once, and no tree is computed for it. */
static void test_stub_change(void **state)
{
	struct net *net = net_new(2, OSPF_POINT_TO_POINT);
	struct ospf_interface_settings stub = settings_of(OSPF_BROADCAST);
	uint64_t computed;
	unsigned routes;

	(void)state;
	net_run(net, span_s(10));
	computed = ospf_spf_count(net->nodes[1].ospf);
	routes = net->nodes[1].routes;
	stub.passive = true;
	interface_up(&net->nodes[0], 3, 0x0a020001U, &stub);
	net_run(net, span_s(1));
	assert_int_equal(net->nodes[1].routes, routes + 1);
	assert_int_equal(ospf_spf_count(net->nodes[1].ospf), computed);
	ospf_interface_del(net->nodes[0].ospf, 1, net->now);
	net_run(net, span_s(6));
	assert_true(ospf_spf_count(net->nodes[1].ospf) > computed); /* the neighbor is gone: that is a tree */
	net_free(net);
}

/* A link that changes its mind all the time makes few instances: pauses double up to MinLSInterval. The first one waits for nothing. */
static void test_throttle(void **state)
{
	struct net *net = net_new(2, OSPF_POINT_TO_POINT);
	struct ospf_interface_settings settings = settings_of(OSPF_POINT_TO_POINT);
	int32_t before;

	(void)state;
	net_run(net, span_s(30));
	before = router_entry(net, 0, 1)->header.sequence;
	settings.cost = 99;
	ospf_interface_set(net->nodes[0].ospf, 1, &settings, net->now);
	assert_int_equal(router_entry(net, 0, 1)->header.sequence, before + 1);
	for (unsigned i = 0; i < 1000; i++) {
		settings.cost = (uint16_t)(1 + i % 7);
		ospf_interface_set(net->nodes[0].ospf, 1, &settings, net->now);
		net_run(net, span_ms(10));
	}
	assert_in_range(router_entry(net, 0, 1)->header.sequence - before, 5, 12);
	net_run(net, span_s(6));
	assert_memory_equal(router_entry(net, 0, 1)->blob->bytes, router_entry(net, 1, 1)->blob->bytes, 36);
	net_free(net);
}

/* What a router that comes back finds of its former life is outdone; what it says no longer is flushed. */
static void test_former_life(void **state)
{
	const struct prefix prefix = {ip_from_u32(0xcb007100), 24};
	const struct ospf_external external = {.metric = 5};
	struct net *net = net_new(2, OSPF_POINT_TO_POINT);
	const struct ospf_settings engine = ospf_settings_default(1);
	const struct ospf_birth birth = {net->store, &net_ops, &net->nodes[0], 99, 2000};
	struct ospf_interface_settings settings = settings_of(OSPF_POINT_TO_POINT);
	int32_t sequence;

	(void)state;
	assert_true(ospf_external_set(net->nodes[0].ospf, &prefix, &external, net->now));
	net_run(net, span_s(5));
	assert_int_equal(ospf_lsa_count(net->nodes[1].ospf), 3);
	sequence = router_entry(net, 1, 1)->header.sequence;
	ospf_free(net->nodes[0].ospf);
	net->nodes[0].ospf = ospf_new(&engine, &birth, net->now);
	interface_up(&net->nodes[0], 1, address_of(0), &settings);
	net_run(net, span_s(10));
	assert_int_equal(ospf_full_count(net->nodes[1].ospf), 1);
	assert_int_equal(ospf_lsa_count(net->nodes[1].ospf), 2);
	assert_true(router_entry(net, 1, 1)->header.sequence > sequence);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_election),
		cmocka_unit_test(test_neighbor_machine),
		cmocka_unit_test(test_interface_machine),
		cmocka_unit_test(test_disagreements),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_ageing),
		cmocka_unit_test(test_sequence_wrap),
		cmocka_unit_test(test_stub_change),
		cmocka_unit_test(test_throttle),
		cmocka_unit_test(test_former_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
