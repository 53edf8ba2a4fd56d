/* The RIP engine step by step: what it says to whom and when, what the RIB hears of it, and every packet that it must refuse. */
#include "route/rip/rip.h"

#include "base/check.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENT_MAX 64

/* A packet that the engine sent. */
struct sent {
	uint32_t rif;
	struct ip destination;
	uint16_t port;
	size_t size;
	uint8_t bytes[RIP_PACKET_BYTES];
};

/* The world around one engine: the router 10.0.1.1 on rif 1 and 10.0.2.1 on rif 2. */
struct world {
	struct rip *rip;
	struct rip_settings settings;
	struct instant now;
	unsigned sent_count;
	struct sent sent[SENT_MAX];
	struct prefix learnt_prefix;
	unsigned learnt_count;
	struct nexthop learnt[NEXTHOPS_MAX];
	uint8_t learnt_metric;
	unsigned tellings;
	unsigned limits;
};

static void world_send(void *context, const struct rip_datagram *datagram)
{
	struct world *world = context;
	struct sent *sent = &world->sent[world->sent_count++];

	assert_true(world->sent_count < SENT_MAX);
	*sent = (struct sent){.rif = datagram->rif, .destination = datagram->destination, .port = datagram->port, .size = datagram->size};
	assert_true(datagram->size <= sizeof(sent->bytes));
	memcpy(sent->bytes, datagram->bytes, datagram->size);
}

static void world_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint8_t metric, struct instant now)
{
	struct world *world = context;

	(void)now;
	world->learnt_prefix = *prefix;
	world->learnt_count = count;
	memcpy(world->learnt, nexthops, count * sizeof(*nexthops));
	world->learnt_metric = metric;
	world->tellings++;
}

static void world_limit(void *context, const char *limit, uint64_t value)
{
	(void)limit;
	(void)value;
	((struct world *)context)->limits++;
}

static const struct rip_ops world_ops = {world_send, world_learnt, world_limit};
static const struct rip_interface_settings plain = {.cost = 1};

static struct ip ip4(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(text, &ip));
	return ip;
}

static struct prefix net(const char *text)
{
	struct prefix prefix;

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static void world_interface(struct world *world, uint32_t rif, const struct rip_interface_settings *settings, const char *address)
{
	const struct prefix prefix = net(address);
	const struct rip_local local = {.metric = 1, .connected = true, .rif = rif};
	const struct prefix masked = prefix_masked(prefix);

	rip_interface_set(world->rip, rif, settings, world->now);
	rip_interface_state(world->rip, rif, true, &prefix, 1, world->now);
	assert_true(rip_local_set(world->rip, &masked, &local, world->now));
}

/* Lets time pass up to `seconds` from now, timers running. */
static void world_run(struct world *world, double seconds)
{
	struct instant end = instant_add(world->now, span_us((int64_t)(seconds * 1e6)));

	while (instant_reached(rip_next(world->rip), end)) {
		world->now = rip_next(world->rip);
		rip_tick(world->rip, world->now);
		rip_check_invariants(world->rip);
	}
	world->now = end;
}

static struct world *world_new(const struct rip_settings *settings)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->settings = settings ? *settings : rip_settings_default();
	world->rip = rip_new(&world->settings, &world_ops, world, 7, 1000, world->now);
	world_interface(world, 1, &plain, "10.0.1.1/24");
	world_interface(world, 2, &plain, "10.0.2.1/24");
	world_run(world, 5);
	world->sent_count = 0;
	return world;
}

static void world_free(struct world *world)
{
	rip_check_invariants(world->rip);
	rip_free(world->rip);
	free(world);
}

static struct rip_entry entry_of(const char *prefix, uint32_t metric)
{
	return (struct rip_entry){RIP_FAMILY_INET, 0, net(prefix), {0}, metric};
}

/* A packet from a neighbor; `key` NULL: without authentication. */
struct said {
	enum rip_command command;
	const struct rip_key *key;
	uint32_t sequence;
	const struct rip_entry *entries;
	unsigned count;
};

static enum rip_drop world_packet(struct world *world, uint32_t rif, const char *from, struct said said)
{
	uint8_t bytes[RIP_PACKET_BYTES + 100];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct rip_arrival arrival = {rif, ip4(from), RIP_PORT, bytes, 0};
	enum rip_drop drop;

	rip_write_header(&w, said.command);
	if (said.key != NULL)
		rip_auth_begin(&w, said.key, said.sequence);
	for (unsigned i = 0; i < said.count; i++)
		rip_write_entry(&w, &said.entries[i]);
	if (said.key != NULL)
		rip_auth_end(&w, said.key);
	assert_true(writer_ok(&w));
	arrival.size = writer_used(&w);
	drop = rip_receive(world->rip, &arrival, world->now);
	rip_check_invariants(world->rip);
	return drop;
}

static enum rip_drop world_response(struct world *world, uint32_t rif, const char *from, const char *prefix, uint32_t metric)
{
	const struct rip_entry entry = entry_of(prefix, metric);

	return world_packet(world, rif, from, (struct said){RIP_RESPONSE, NULL, 0, &entry, 1});
}

/* What was last said on an interface about a prefix: its metric, 0 when nothing; `entry` may be NULL. */
static uint32_t world_said(const struct world *world, uint32_t rif, const char *prefix, struct rip_entry *entry)
{
	struct prefix want = net(prefix);
	uint32_t metric = 0;

	for (unsigned i = 0; i < world->sent_count; i++) {
		struct rip_packet packet;
		struct rip_entry got;
		enum rip_drop drop;

		if (world->sent[i].rif != rif)
			continue;
		assert_int_equal(rip_packet_open(&packet, world->sent[i].bytes, world->sent[i].size), RIP_DROP_NONE);
		while (rip_packet_next(&packet, &got, &drop))
			if (drop == RIP_DROP_NONE && prefix_equal(got.prefix, want)) {
				metric = got.metric;
				if (entry != NULL)
					*entry = got;
			}
	}
	return metric;
}

/* RFC 2453 3.9.1 and 3.10: an interface that comes up asks for all and tells what it has; its own network is poisoned on itself. */
static void test_greeting(void **state)
{
	struct world world = {.settings = rip_settings_default()};
	struct rip_packet packet;
	struct rip_entry entry;
	enum rip_drop drop;

	(void)state;
	world.rip = rip_new(&world.settings, &world_ops, &world, 7, 1000, world.now);
	world_interface(&world, 1, &plain, "10.0.1.1/24");
	assert_int_equal(world.sent_count, 1);
	assert_true(ip_equal(world.sent[0].destination, ip4("224.0.0.9")));
	assert_int_equal(world.sent[0].port, 520);
	assert_int_equal(rip_packet_open(&packet, world.sent[0].bytes, world.sent[0].size), RIP_DROP_NONE);
	assert_int_equal(packet.command, RIP_REQUEST);
	assert_true(rip_packet_next(&packet, &entry, &drop));
	assert_int_equal(entry.family, 0);
	assert_int_equal(entry.metric, 16);
	world_interface(&world, 2, &plain, "10.0.2.1/24");
	world_run(&world, 0.1);
	assert_int_equal(world_said(&world, 1, "10.0.1.0/24", NULL), 16);
	assert_int_equal(world_said(&world, 2, "10.0.1.0/24", NULL), 1);
	rip_free(world.rip);
}

/* The cost is added, the route is told onwards at once, and as unreachable to where it came from. */
static void test_learn_and_poison(void **state)
{
	struct world *world = world_new(NULL);

	(void)state;
	assert_int_equal(world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3), RIP_DROP_NONE);
	assert_int_equal(world->learnt_count, 1);
	assert_int_equal(world->learnt_metric, 4);
	assert_true(ip_equal(world->learnt[0].ip, ip4("10.0.1.9")));
	assert_int_equal(world->learnt[0].rif, 1);
	assert_int_equal(world->sent_count, 1); /* a new neighbor gets the table at once */
	assert_true(ip_equal(world->sent[0].destination, ip4("10.0.1.9")));
	assert_int_equal(world_said(world, 1, "10.0.2.0/24", NULL), 1);
	world_run(world, 0.03);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 4);
	assert_int_equal(world_said(world, 1, "172.16.0.0/16", NULL), 16);
	world_free(world);
}

/* A second change waits for the hold; what changed meanwhile goes in one packet. */
static void test_triggered_hold(void **state)
{
	struct world *world = world_new(NULL);

	(void)state;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
	world_run(world, 0.03);
	world->sent_count = 0;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 5);
	(void)world_response(world, 1, "10.0.1.9", "172.17.0.0/16", 5);
	world_run(world, 0.15);
	assert_int_equal(world->sent_count, 0);
	world_run(world, 0.95);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 6);
	assert_int_equal(world_said(world, 2, "172.17.0.0/16", NULL), 6);
	world_free(world);
}

/* A path that isn't repeated is lost after 180 s, told as unreachable for 120 s more, then forgotten. */
static void test_timeout_and_garbage(void **state)
{
	struct world *world = world_new(NULL);

	(void)state;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
	world_run(world, 179);
	assert_int_equal(world->learnt_count, 1);
	world->sent_count = 0;
	world_run(world, 2);
	assert_int_equal(world->learnt_count, 0);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 16);
	assert_int_equal(rip_route_count(world->rip), 3);
	world->sent_count = 0;
	world_run(world, 60);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 16);
	world->sent_count = 0;
	world_run(world, 60);
	assert_int_equal(rip_route_count(world->rip), 2);
	world->sent_count = 0;
	world_run(world, 40);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 0);
	assert_int_equal(world_said(world, 2, "10.0.1.0/24", NULL), 1);
	world_free(world);
}

/* One route through a list of reports: (from, metric) -> next hops and metric; "-" is nobody. */
static void test_reports(void **state)
{
	static const struct {
		uint32_t rif;
		const char *from;
		uint32_t metric;
		uint8_t want_metric;
		unsigned want_count;
		const char *want_first;
	} steps[] = {
		{1, "10.0.1.9", 16, 0, 0, NULL},       /* unreachable, and never known: no route */
		{1, "10.0.1.9", 15, 0, 0, NULL},       /* 15 + 1 is unreachable */
		{1, "10.0.1.9", 5, 6, 1, "10.0.1.9"},  /* the first */
		{1, "10.0.1.8", 7, 6, 1, "10.0.1.9"},  /* a worse one is remembered */
		{1, "10.0.1.9", 3, 4, 1, "10.0.1.9"},  /* the same neighbor improves */
		{1, "10.0.1.9", 9, 8, 1, "10.0.1.8"},  /* it gets worse than the remembered one */
		{2, "10.0.2.9", 7, 8, 2, "10.0.1.8"},  /* equal: both */
		{2, "10.0.2.9", 6, 7, 1, "10.0.2.9"},  /* better: alone */
		{2, "10.0.2.9", 16, 8, 1, "10.0.1.8"}, /* poisoned: the next best at once */
		{1, "10.0.1.8", 16, 10, 1, "10.0.1.9"}, {1, "10.0.1.9", 16, 16, 0, NULL},
		{1, "10.0.1.8", 1, 2, 1, "10.0.1.8"}, /* back from the garbage */
	};
	struct world *world = world_new(NULL);

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(steps); i++) {
		assert_int_equal(world_response(world, steps[i].rif, steps[i].from, "172.16.0.0/16", steps[i].metric), RIP_DROP_NONE);
		if (world->learnt_count != steps[i].want_count || world->learnt_metric != steps[i].want_metric)
			fail_msg("step %u: %u next hops, metric %u", i, world->learnt_count, world->learnt_metric);
		if (steps[i].want_first != NULL && !ip_equal(world->learnt[0].ip, ip4(steps[i].want_first)))
			fail_msg("step %u: wrong next hop", i);
	}
	world_free(world);
}

/* Carrier goes: what came over the interface is poisoned at once, or another way taken. */
static void test_interface_down(void **state)
{
	struct world *world = world_new(NULL);
	const struct prefix address = net("10.0.1.1/24");

	(void)state;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
	(void)world_response(world, 1, "10.0.1.9", "172.17.0.0/16", 3);
	(void)world_response(world, 2, "10.0.2.9", "172.16.0.0/16", 8);
	world_run(world, 5);
	world->sent_count = 0;
	rip_interface_state(world->rip, 1, false, &address, 1, world->now);
	rip_local_del(world->rip, &(struct prefix){ip4("10.0.1.0"), 24}, world->now);
	world_run(world, 0.03);
	assert_int_equal(world_said(world, 2, "172.17.0.0/16", NULL), 16);
	assert_int_equal(world_said(world, 2, "10.0.1.0/24", NULL), 16);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 16); /* now over rif 2 itself: poisoned reverse */
	assert_int_equal(world_said(world, 1, "172.17.0.0/16", NULL), 0);
	assert_int_equal(world_response(world, 1, "10.0.1.9", "172.17.0.0/16", 3), RIP_DROP_NO_INTERFACE);
	world->sent_count = 0;
	rip_interface_state(world->rip, 1, true, &address, 1, world->now);
	assert_true(world->sent_count >= 2);
	assert_int_equal(world_said(world, 1, "172.16.0.0/16", NULL), 9);
	world_free(world);
}

static void test_split_horizon_kinds(void **state)
{
	static const struct {
		enum rip_split_horizon split;
		uint32_t want;
	} cases[] = {{RIP_SPLIT_NONE, 4}, {RIP_SPLIT_SIMPLE, 0}, {RIP_SPLIT_POISON, 16}};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct rip_settings settings = rip_settings_default();
		struct world *world;

		settings.split_horizon = cases[i].split;
		world = world_new(&settings);
		(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
		world_run(world, 40);
		assert_int_equal(world_said(world, 1, "172.16.0.0/16", NULL), cases[i].want);
		assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 4);
		world_free(world);
	}
}

/* RFC 2453 4.4: an on-link next hop is used and an off-link one isn't; our own address and nonsense condemn the entry. */
static void test_nexthop(void **state)
{
	static const struct {
		const char *nexthop;
		const char *want;
	} cases[] = {{"10.0.1.77", "10.0.1.77"}, {"10.0.2.77", "10.0.1.9"}, {"10.0.1.1", NULL}, {"224.0.0.9", NULL}, {"127.0.0.1", NULL}};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct world *world = world_new(NULL);
		struct rip_entry entry = entry_of("172.16.0.0/16", 1);

		entry.nexthop = ip4(cases[i].nexthop);
		assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, NULL, 0, &entry, 1}), RIP_DROP_NONE);
		assert_int_equal(rip_drop_count(world->rip, RIP_DROP_BAD_NEXTHOP), cases[i].want == NULL);
		assert_int_equal(world->learnt_count, cases[i].want != NULL);
		if (cases[i].want != NULL)
			assert_true(ip_equal(world->learnt[0].ip, ip4(cases[i].want)));
		world_free(world);
	}
}

static void test_sources(void **state)
{
	static const struct {
		const char *from;
		uint16_t port;
		uint32_t rif;
		enum rip_drop want;
	} cases[] = {
		{"10.0.1.9", 520, 1, RIP_DROP_NONE},
		{"10.0.1.9", 521, 1, RIP_DROP_BAD_PORT},
		{"10.0.2.9", 520, 1, RIP_DROP_BAD_SOURCE},
		{"10.0.1.1", 520, 1, RIP_DROP_BAD_SOURCE},
		{"0.0.0.0", 520, 1, RIP_DROP_BAD_SOURCE},
		{"224.0.0.9", 520, 1, RIP_DROP_BAD_SOURCE},
		{"127.0.0.1", 520, 1, RIP_DROP_BAD_SOURCE},
		{"fe80::1", 520, 1, RIP_DROP_BAD_SOURCE},
		{"10.0.1.9", 520, 3, RIP_DROP_NO_INTERFACE},
	};
	struct world *world = world_new(NULL);
	const uint8_t empty[4] = {RIP_RESPONSE, 2, 0, 0};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		const struct rip_arrival arrival = {cases[i].rif, ip4(cases[i].from), cases[i].port, empty, sizeof(empty)};
		enum rip_drop got = rip_receive(world->rip, &arrival, world->now);

		if (got != cases[i].want)
			fail_msg("%s port %u: %s", cases[i].from, cases[i].port, rip_drop_name(got));
	}
	world_free(world);
}

/* RFC 2453 3.9.1: the whole table with split horizon, or single prefixes as they are; to the port that asked. */
static void test_requests(void **state)
{
	struct world *world = world_new(NULL);
	struct rip_entry questions[] = {entry_of("10.0.1.0/24", 0), entry_of("10.99.0.0/16", 0), entry_of("172.16.0.0/16", 0)};
	const struct rip_entry all = {.family = RIP_FAMILY_NONE, .metric = RIP_INFINITY};
	uint8_t bytes[64];
	struct rip_arrival arrival = {1, ip4("10.0.1.9"), 3333, bytes, 0};
	struct writer w = writer_over(bytes, sizeof(bytes));

	(void)state;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
	world_run(world, 5);
	world->sent_count = 0;
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_REQUEST, NULL, 0, questions, 3}), RIP_DROP_NONE);
	assert_int_equal(world->sent_count, 1);
	assert_true(ip_equal(world->sent[0].destination, ip4("10.0.1.9")));
	assert_int_equal(world_said(world, 1, "10.0.1.0/24", NULL), 1);
	assert_int_equal(world_said(world, 1, "10.99.0.0/16", NULL), 16);
	assert_int_equal(world_said(world, 1, "172.16.0.0/16", NULL), 4);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_REQUEST, NULL, 0, &all, 1}), RIP_DROP_REQUEST_RATE);
	world_run(world, 1);
	world->sent_count = 0;
	rip_write_header(&w, RIP_REQUEST);
	rip_write_entry(&w, &all);
	arrival.size = writer_used(&w);
	assert_int_equal(rip_receive(world->rip, &arrival, world->now), RIP_DROP_NONE);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world->sent[0].port, 3333);
	assert_int_equal(world_said(world, 1, "10.0.2.0/24", NULL), 1);
	assert_int_equal(world_said(world, 1, "172.16.0.0/16", NULL), 16);
	world_free(world);
}

/* Tables longer than a packet are split (102 entries here), trailers included. */
static void test_long_tables(void **state)
{
	static const struct {
		enum rip_auth kind;
		unsigned want_packets;
	} cases[] = {{RIP_AUTH_NONE, 5}, {RIP_AUTH_PASSWORD, 5}, {RIP_AUTH_MD5, 5}, {RIP_AUTH_SHA512, 5}};
	const struct rip_entry all = {.family = RIP_FAMILY_NONE, .metric = RIP_INFINITY};

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct world *world = world_new(NULL);
		const struct rip_interface_settings keyed = {.cost = 1, .key = {.kind = cases[i].kind, .id = 1, .size = 3, .bytes = "abc"}};
		unsigned entries = 0;

		for (uint32_t n = 0; n < 100; n++) {
			const struct prefix prefix = {ip_from_u32(0xac100000 + (n << 8)), 24};
			const struct rip_local local = {.metric = 1};

			assert_true(rip_local_set(world->rip, &prefix, &local, world->now));
		}
		rip_interface_set(world->rip, 2, &keyed, world->now);
		world->sent_count = 0;
		assert_int_equal(world_packet(world, 2, "10.0.2.9", (struct said){RIP_REQUEST, &keyed.key, 0, &all, 1}), RIP_DROP_NONE);
		assert_int_equal(world->sent_count, cases[i].want_packets);
		for (unsigned j = 0; j < world->sent_count; j++) {
			struct rip_packet packet;

			assert_int_equal(rip_packet_open(&packet, world->sent[j].bytes, world->sent[j].size), RIP_DROP_NONE);
			assert_int_equal(rip_auth_check(&packet, &keyed.key), RIP_DROP_NONE);
			entries += (unsigned)(reader_left(&packet.entries) / RIP_ENTRY_BYTES);
		}
		assert_int_equal(entries, 102);
		world_free(world);
	}
}

static void test_passive(void **state)
{
	struct world *world = world_new(NULL);
	const struct rip_interface_settings passive = {.passive = true, .cost = 1};
	const struct rip_entry all = {.family = RIP_FAMILY_NONE, .metric = RIP_INFINITY};

	(void)state;
	rip_interface_set(world->rip, 2, &passive, world->now);
	(void)world_response(world, 2, "10.0.2.9", "172.16.0.0/16", 3);
	assert_int_equal(world->learnt_count, 1);
	(void)world_packet(world, 2, "10.0.2.9", (struct said){RIP_REQUEST, NULL, 0, &all, 1});
	world_run(world, 100);
	assert_int_equal(world_said(world, 1, "172.16.0.0/16", NULL), 4);
	for (unsigned i = 0; i < world->sent_count; i++)
		assert_int_equal(world->sent[i].rif, 1);
	world_free(world);
}

/* A prefix of our own beats what neighbors say; theirs is there again when ours goes. A static route tells its router as the next hop. */
static void test_local(void **state)
{
	struct world *world = world_new(NULL);
	const struct prefix prefix = net("172.16.0.0/16");
	const struct rip_local local = {.metric = 2, .tag = 77, .rif = 2, .nexthop = ip4("10.0.2.50")};
	struct rip_entry entry = {0};

	(void)state;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
	assert_true(rip_local_set(world->rip, &prefix, &local, world->now));
	assert_int_equal(world->learnt_count, 0);
	world_run(world, 2);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", &entry), 2);
	assert_int_equal(entry.tag, 77);
	assert_true(ip_equal(entry.nexthop, ip4("10.0.2.50")));
	assert_int_equal(world_said(world, 1, "172.16.0.0/16", &entry), 2);
	assert_int_equal(entry.nexthop.family, IP_NONE);
	rip_local_del(world->rip, &prefix, world->now);
	assert_int_equal(world->learnt_count, 1);
	assert_int_equal(world->learnt_metric, 4);
	world_free(world);
}

static struct rip_interface_settings keyed_interface(const char *key)
{
	struct rip_interface_settings settings = {.cost = 1, .key = {.kind = RIP_AUTH_SHA256, .id = 1}};

	settings.key.size = (uint8_t)strlen(key);
	memcpy(settings.key.bytes, key, settings.key.size);
	return settings;
}

/* Sequence numbers never go down; 0 is a new start when nothing of the neighbor is left; a new key starts anew; each has its counter. */
static void test_authentication(void **state)
{
	struct world *world = world_new(NULL);
	const struct rip_interface_settings right = keyed_interface("right"), wrong = keyed_interface("wrong");
	const struct rip_entry entry = entry_of("172.16.0.0/16", 1), gone = entry_of("172.16.0.0/16", 16);
	struct rip_packet packet;

	(void)state;
	rip_interface_set(world->rip, 1, &right, world->now);
	assert_int_equal(rip_packet_open(&packet, world->sent[0].bytes, world->sent[0].size), RIP_DROP_NONE);
	assert_int_equal(packet.sequence, 1005); /* the wall clock's second */
	assert_int_equal(world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 1), RIP_DROP_AUTH_MISSING);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &wrong.key, 50, &entry, 1}), RIP_DROP_BAD_AUTH);
	assert_int_equal(world->learnt_count, 0);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 50, &entry, 1}), RIP_DROP_NONE);
	assert_int_equal(world->learnt_count, 1);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 50, &entry, 1}), RIP_DROP_NONE);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 49, &gone, 1}), RIP_DROP_AUTH_SEQUENCE);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 0, &gone, 1}), RIP_DROP_AUTH_SEQUENCE);
	assert_int_equal(world_packet(world, 1, "10.0.1.8", (struct said){RIP_RESPONSE, &right.key, 3, &entry, 1}), RIP_DROP_NONE);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 51, &gone, 1}), RIP_DROP_NONE);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 0, &entry, 1}), RIP_DROP_NONE);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 1, &entry, 1}), RIP_DROP_AUTH_SEQUENCE);
	rip_interface_set(world->rip, 1, &wrong, world->now);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &right.key, 60, &entry, 1}), RIP_DROP_BAD_AUTH);
	assert_int_equal(world_packet(world, 1, "10.0.1.9", (struct said){RIP_RESPONSE, &wrong.key, 1, &entry, 1}), RIP_DROP_NONE);
	assert_int_equal(rip_drop_count(world->rip, RIP_DROP_BAD_AUTH), 2);
	assert_int_equal(rip_drop_count(world->rip, RIP_DROP_AUTH_SEQUENCE), 3);
	world_free(world);
}

/* Tables are bounded: each limit has its counter, and strangers make room for neighbors. */
static void test_limits(void **state)
{
	struct rip_settings settings = rip_settings_default();
	const struct rip_interface_settings right = keyed_interface("right");
	const struct rip_entry entry = entry_of("172.16.0.0/16", 1);
	struct world *world;
	char from[IP_TEXT_BYTES];

	(void)state;
	settings.routes_max = 4;
	settings.neighbors_max = 3;
	settings.paths_max = 2;
	settings.ecmp_max = 1;
	world = world_new(&settings);
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(from, sizeof(from), "172.%u.0.0/16", 16 + i);
		(void)world_response(world, 1, "10.0.1.9", from, 3);
	}
	assert_int_equal(rip_drop_count(world->rip, RIP_DROP_ROUTE_LIMIT), 1);
	assert_false(rip_local_set(world->rip, &(struct prefix){ip4("10.9.0.0"), 16}, &(struct rip_local){.metric = 1}, world->now));
	(void)world_response(world, 1, "10.0.1.8", "172.16.0.0/16", 4);
	assert_int_equal(world_response(world, 1, "10.0.1.7", "172.16.0.0/16", 5), RIP_DROP_NONE);
	assert_int_equal(rip_drop_count(world->rip, RIP_DROP_PATH_LIMIT), 1);
	(void)world_response(world, 1, "10.0.1.7", "172.16.0.0/16", 2);
	assert_int_equal(world->learnt_metric, 3);
	assert_int_equal(world_response(world, 1, "10.0.1.6", "172.16.0.0/16", 2), RIP_DROP_NEIGHBOR_LIMIT);
	rip_interface_state(world->rip, 1, false, NULL, 0, world->now);
	rip_interface_set(world->rip, 2, &right, world->now);
	for (unsigned i = 10; i < 20; i++) {
		(void)snprintf(from, sizeof(from), "10.0.2.%u", i);
		assert_int_equal(world_response(world, 2, from, "172.16.0.0/16", 2), RIP_DROP_AUTH_MISSING);
	}
	assert_int_equal(world_packet(world, 2, "10.0.2.9", (struct said){RIP_RESPONSE, &right.key, 1, &entry, 1}), RIP_DROP_NONE);
	assert_int_equal(world->learnt_count, 1);
	assert_true(world->limits > 0);
	world_free(world);
}

static void test_stop(void **state)
{
	struct world *world = world_new(NULL);

	(void)state;
	(void)world_response(world, 1, "10.0.1.9", "172.16.0.0/16", 3);
	rip_stop(world->rip, world->now);
	assert_int_equal(world_said(world, 2, "172.16.0.0/16", NULL), 16);
	assert_int_equal(world_said(world, 2, "10.0.1.0/24", NULL), 16);
	assert_int_equal(world->learnt_count, 0);
	assert_int_equal(rip_route_count(world->rip), 0);
	world_free(world);
}

/* The metric that the table shows for a prefix. */
struct metric_of {
	struct prefix prefix;
	uint8_t metric;
};

static void metric_row(void *context, const struct row_rip *row)
{
	struct metric_of *metric = context;

	if (prefix_equal(row->prefix, metric->prefix))
		metric->metric = row->metric;
}

static uint8_t metric_shown(const struct world *world, const char *prefix)
{
	struct metric_of metric = {net(prefix), RIP_INFINITY};

	rip_show_routes(world->rip, 1, world->now, metric_row, &metric);
	return metric.metric;
}

/* Random reports from random neighbors: the engine always believes the minimum of the latest reports. */
static void test_random_reports(void **state)
{
	const uint64_t seed = 99;
	struct rand rand = rand_seeded(seed);
	struct world *world = world_new(NULL);
	uint8_t table[8][10] = {0};

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 5000; round++) {
		unsigned n = (unsigned)rand_below(&rand, 10), p = (unsigned)rand_below(&rand, 8);
		uint32_t metric = (uint32_t)(1 + rand_below(&rand, 16));
		uint8_t best = 16;
		char from[IP_TEXT_BYTES], prefix[PREFIX_TEXT_BYTES];

		(void)snprintf(from, sizeof(from), "10.0.%u.%u", 1 + n % 2, 100 + n);
		(void)snprintf(prefix, sizeof(prefix), "172.%u.0.0/16", 16 + p);
		assert_int_equal(world_response(world, 1 + n % 2, from, prefix, metric), RIP_DROP_NONE);
		table[p][n] = metric + 1 < 16 ? (uint8_t)(metric + 1) : 0;
		for (unsigned i = 0; i < 10; i++)
			if (table[p][i] != 0 && table[p][i] < best)
				best = table[p][i];
		assert_int_equal(metric_shown(world, prefix), best);
	}
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_learn_and_poison),
		cmocka_unit_test(test_triggered_hold),
		cmocka_unit_test(test_timeout_and_garbage),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_interface_down),
		cmocka_unit_test(test_split_horizon_kinds),
		cmocka_unit_test(test_nexthop),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_long_tables),
		cmocka_unit_test(test_passive),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_authentication),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_random_reports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
