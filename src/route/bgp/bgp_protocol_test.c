/* BGP of routers in one process: sessions over streams in memory, routes in RIBs, cut links, changes, and what is left after a sync. */
#include "route/routing.h"

#include "base/check.h"
#include "net/route_policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUTERS 4
#define ROWS_MAX 256

/* Routers 1 to 4 in a row; router i has the network 10.i.0.0/24 (rif 100 + i) and links 10.99.i.0/31 to the next (rifs 200 + 2i, + 1). */
struct world {
	struct routing *routing;
	struct instant now;
	unsigned route_count, session_count, path_count, limits;
	struct row_route routes[ROWS_MAX];
	struct row_bgp_neighbor sessions[ROWS_MAX];
	struct row_bgp paths[ROWS_MAX];
};

static void world_order(void *context, enum message_type type, const void *body)
{
	(void)context;
	(void)type;
	(void)body;
}

static void world_row(void *context, uint32_t seq, enum message_type type, const void *body)
{
	struct world *world = context;

	(void)seq;
	if (type == MSG_ROW_ROUTE)
		world->routes[world->route_count++] = *(const struct row_route *)body;
	if (type == MSG_ROW_BGP_NEIGHBOR)
		world->sessions[world->session_count++] = *(const struct row_bgp_neighbor *)body;
	if (type == MSG_ROW_BGP)
		world->paths[world->path_count++] = *(const struct row_bgp *)body;
}

static void world_event(void *context, enum message_type type, const void *body)
{
	(void)type;
	(void)body;
	((struct world *)context)->limits++;
}

static const struct routing_ops world_ops = {world_order, world_row, world_event};

static int apply(struct world *world, enum message_type type, const void *body)
{
	const struct message_row row = {.name = "?", .type = (uint16_t)type};
	struct err err;
	int error = routing_apply(world->routing, &row, body, world->now, &err);

	routing_check_invariants(world->routing);
	return error;
}

static void run_s(struct world *world, double seconds)
{
	struct instant end = instant_add(world->now, span_ns((int64_t)(seconds * 1e9)));
	struct instant next;

	while ((next = routing_next(world->routing)).ns <= end.ns) {
		if (instant_before(world->now, next))
			world->now = next;
		(void)routing_tick(world->routing, world->now);
		routing_check_invariants(world->routing);
	}
	world->now = end;
}

static struct ip address(unsigned a, unsigned b, unsigned c, unsigned d) { return ip_from_u32(a << 24 | b << 16 | c << 8 | d); }

static void set_rif(struct world *world, uint32_t id, uint32_t router, uint32_t network, struct prefix prefix)
{
	struct msg_rif rif = {.id = id, .router = router, .network = network, .up = true, .mtu = 1500, .address_count = 1};
	const struct msg_rif_state state = {.rif = id, .router = router, .up = true};

	rif.addresses[0] = prefix;
	assert_int_equal(apply(world, MSG_RIF_SET, &rif), 0);
	assert_int_equal(apply(world, MSG_RIF_CHANGED, &state), 0);
}

static void set_carrier(struct world *world, uint32_t rif, uint32_t router, bool up)
{
	const struct msg_rif_state state = {.rif = rif, .router = router, .up = up};

	assert_int_equal(apply(world, MSG_RIF_CHANGED, &state), 0);
}

/* The link between router i and i + 1 is cut or mended. */
static void set_link(struct world *world, unsigned i, bool up)
{
	set_carrier(world, 200 + 2 * i, i, up);
	set_carrier(world, 201 + 2 * i, i + 1, up);
}

static void set_bgp(struct world *world, unsigned router, uint32_t as)
{
	const struct msg_bgp bgp = {
		.id = router, .as = as, .router_id = address(1, 1, 1, router), .multipath = 1, .redistribution_count = 1};

	assert_int_equal(apply(world, MSG_BGP_SET, &bgp), 0);
}

static struct msg_bgp_neighbor neighbor(unsigned from, unsigned to, uint32_t as)
{
	unsigned link = from < to ? from : to;
	struct msg_bgp_neighbor message = {.id = 1000 + from * 10 + to,
		.router = from,
		.as = as,
		.local = address(10, 99, link, from < to ? 0 : 1),
		.address = address(10, 99, link, from < to ? 1 : 0),
		.hold_s = 90,
		.ipv4 = true,
		.import_all = true,
		.export_all = true};

	return message;
}

static void set_neighbor(struct world *world, struct msg_bgp_neighbor message)
{
	assert_int_equal(apply(world, MSG_BGP_NEIGHBOR_SET, &message), 0);
}

static void set_pair(struct world *world, unsigned a, uint32_t as_a, unsigned b, uint32_t as_b)
{
	set_neighbor(world, neighbor(a, b, as_b));
	set_neighbor(world, neighbor(b, a, as_a));
}

static void configure(struct world *world)
{
	for (unsigned i = 1; i <= ROUTERS; i++) {
		const struct msg_router router = {.id = i};

		assert_int_equal(apply(world, MSG_ROUTER_SET, &router), 0);
		set_rif(world, 100 + i, i, i, (struct prefix){address(10, i, 0, 1), 24});
		set_bgp(world, i, 65000 + i);
	}
	for (unsigned i = 1; i < ROUTERS; i++) {
		set_rif(world, 200 + 2 * i, i, 50 + i, (struct prefix){address(10, 99, i, 0), 31});
		set_rif(world, 201 + 2 * i, i + 1, 50 + i, (struct prefix){address(10, 99, i, 1), 31});
		set_pair(world, i, 65000 + i, i + 1, 65001 + i);
	}
}

static void ask(struct world *world, enum show_what what, uint32_t object)
{
	const struct msg_show show = {(uint8_t)what, object};
	struct err err;

	world->route_count = world->session_count = world->path_count = 0;
	assert_int_equal(routing_show(world->routing, 9, &show, world->now, &err), 0);
}

static unsigned established(struct world *world)
{
	unsigned count = 0;

	ask(world, SHOW_BGP_NEIGHBORS, 0);
	for (unsigned i = 0; i < world->session_count; i++)
		count += world->sessions[i].state == BGP_SESSION_ESTABLISHED;
	return count;
}

/* The selected BGP route of a router to 10.to.0.0/24, or NULL. */
static const struct row_route *route(struct world *world, unsigned router, unsigned to)
{
	const struct prefix wanted = {address(10, to, 0, 0), 24};

	ask(world, SHOW_ROUTES, router);
	for (unsigned i = 0; i < world->route_count; i++)
		if (prefix_equal(world->routes[i].prefix, wanted) && world->routes[i].selected && world->routes[i].protocol == ROUTE_BGP)
			return &world->routes[i];
	return NULL;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->now = (struct instant){1000000000};
	world->routing = routing_new(&world_ops, world, NULL, 7, 1700000000, world->now);
	routing_switch_up(world->routing, world->now);
	configure(world);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	routing_free(world->routing);
	free(world);
	return 0;
}

static void test_converges(void **state)
{
	struct world *world = *state;
	const struct row_route *found;

	run_s(world, 0.1);
	assert_int_equal(established(world), 6);
	for (unsigned i = 1; i <= ROUTERS; i++)
		for (unsigned k = 1; k <= ROUTERS; k++) {
			if (i == k)
				continue;
			found = route(world, i, k);
			assert_non_null(found);
			assert_int_equal(found->distance, 20);
			assert_int_equal(found->nexthop_count, 1);
			assert_true(ip_equal(found->nexthops[0].ip, k > i ? address(10, 99, i, 1) : address(10, 99, i - 1, 0)));
			assert_int_equal(found->nexthops[0].rif, k > i ? 200 + 2 * i : 199 + 2 * i);
		}
	ask(world, SHOW_BGP, 1);
	for (unsigned i = 0; i < world->path_count; i++)
		if (world->paths[i].network.ip.bytes[1] == 4)
			assert_string_equal(world->paths[i].path, "65002 65003 65004");
	assert_int_equal(world->limits, 0);
}

/* A cut link takes the routes with it at once, without waiting for a hold time; mended, they come back at once. */
static void test_link_cut(void **state)
{
	struct world *world = *state;

	run_s(world, 1);
	set_link(world, 2, false);
	run_s(world, 0.05);
	assert_int_equal(established(world), 4);
	assert_null(route(world, 1, 3));
	assert_null(route(world, 4, 1));
	assert_non_null(route(world, 1, 2));
	set_link(world, 2, true);
	run_s(world, 0.05);
	assert_int_equal(established(world), 6);
	assert_non_null(route(world, 1, 4));
}

/* RFC 8212: without a word about policy an external session passes nothing. */
static void test_no_policy(void **state)
{
	struct world *world = *state;
	struct msg_bgp_neighbor strict = neighbor(2, 1, 65001);

	strict.import_all = false;
	set_neighbor(world, strict);
	run_s(world, 0.1);
	assert_int_equal(established(world), 6);
	assert_null(route(world, 2, 1));
	assert_null(route(world, 4, 1));
	assert_non_null(route(world, 1, 4));
}

/* Other keys: no session. The same again: a session. */
static void test_keys(void **state)
{
	struct world *world = *state;
	struct msg_bgp_neighbor locked = neighbor(2, 1, 65001);

	(void)snprintf(locked.key, sizeof(locked.key), "secret");
	set_neighbor(world, locked);
	run_s(world, 20);
	assert_int_equal(established(world), 4);
	locked = neighbor(1, 2, 65002);
	(void)snprintf(locked.key, sizeof(locked.key), "secret");
	set_neighbor(world, locked);
	run_s(world, 0.1);
	assert_int_equal(established(world), 6);
}

/* Another AS number is another speaker; the wrong one isn't spoken with. */
static void test_as_changes(void **state)
{
	struct world *world = *state;

	run_s(world, 1);
	set_bgp(world, 1, 64999);
	run_s(world, 1);
	assert_int_equal(established(world), 4);
	assert_null(route(world, 2, 1));
	set_neighbor(world, neighbor(2, 1, 64999));
	run_s(world, 70);
	assert_int_equal(established(world), 6);
	assert_non_null(route(world, 4, 1));
}

/* An internal session over two hops with static routes: its routes are resolved recursively; without a way it ends by its hold time. */
static void test_multihop(void **state)
{
	struct world *world = *state;
	struct msg_bgp_neighbor message = {.id = 2000,
		.router = 1,
		.as = 65001,
		.local = address(10, 99, 1, 0),
		.address = address(10, 99, 2, 1),
		.hold_s = 9,
		.ipv4 = true,
		.import_all = true,
		.export_all = true};
	const struct msg_static_route there = {
		.id = 3000, .router = 1, .prefix = {address(10, 99, 2, 0), 31}, .nexthop = address(10, 99, 1, 1)};
	const struct msg_static_route back = {
		.id = 3001, .router = 3, .prefix = {address(10, 99, 1, 0), 31}, .nexthop = address(10, 99, 2, 0)};
	const struct msg_id two = {2};
	const struct row_route *found;

	assert_int_equal(apply(world, MSG_BGP_DEL, &two), 0);
	set_bgp(world, 3, 65001);
	assert_int_equal(apply(world, MSG_STATIC_ROUTE_SET, &there), 0);
	assert_int_equal(apply(world, MSG_STATIC_ROUTE_SET, &back), 0);
	set_neighbor(world, message);
	message = (struct msg_bgp_neighbor){.id = 2001,
		.router = 3,
		.as = 65001,
		.local = message.address,
		.address = message.local,
		.hold_s = 9,
		.ipv4 = true,
		.import_all = true,
		.export_all = true};
	set_neighbor(world, message);
	run_s(world, 1);
	found = route(world, 1, 3);
	assert_non_null(found);
	assert_int_equal(found->distance, 200);
	assert_true(ip_equal(found->nexthops[0].ip, address(10, 99, 1, 1)));
	/* Router 2's second link is cut behind router 1's back. */
	set_carrier(world, 204, 2, false);
	run_s(world, 12);
	assert_null(route(world, 1, 3));
}

/* What ctl doesn't name again is gone. */
static void test_sync(void **state)
{
	struct world *world = *state;
	const struct msg_sync sync = {0};
	const struct msg_id gone = {1012};

	run_s(world, 1);
	assert_int_equal(apply(world, MSG_SYNC_BEGIN, &sync), 0);
	configure(world);
	assert_int_equal(apply(world, MSG_SYNC_END, &sync), 0);
	assert_int_equal(established(world), 6); /* nothing was interrupted */
	assert_int_equal(apply(world, MSG_BGP_NEIGHBOR_DEL, &gone), 0);
	run_s(world, 0.1);
	assert_int_equal(established(world), 4);
	assert_int_equal(apply(world, MSG_SYNC_BEGIN, &sync), 0);
	assert_int_equal(apply(world, MSG_SYNC_END, &sync), 0);
	run_s(world, 1);
	ask(world, SHOW_BGP_NEIGHBORS, 0);
	assert_int_equal(world->session_count, 0);
}

static void test_refused(void **state)
{
	struct world *world = *state;
	struct msg_bgp bgp = {.id = 99, .as = 1, .router_id = address(1, 1, 1, 1)};
	struct msg_bgp_neighbor nobody = neighbor(1, 2, 65002);

	assert_int_equal(apply(world, MSG_BGP_SET, &bgp), -ENOENT);
	bgp.id = 1;
	bgp.as = 0;
	assert_int_equal(apply(world, MSG_BGP_SET, &bgp), -EINVAL);
	nobody.router = 99;
	assert_int_equal(apply(world, MSG_BGP_NEIGHBOR_SET, &nobody), -ENOENT);
	nobody.router = 1;
	nobody.as = 0;
	assert_int_equal(apply(world, MSG_BGP_NEIGHBOR_SET, &nobody), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Policy 7: 10.1.0.0/24 with that metric, all else but 10.2.0.0/24; or (metric 0) nothing but 10.2.0.0/24. */
static void set_policy(struct world *world, uint32_t metric)
{
	struct policy_prefix prefix = {{address(10, metric != 0 ? 1 : 2, 0, 0), 24}, 24, 24}, other = {{address(10, 2, 0, 0), 24}, 24, 24};
	const struct policy_rule rules[] = {
		{.verdict = POLICY_ACCEPT, .prefixes = &prefix, .prefix_count = 1, .changes = {.has_metric = true, .metric = metric}},
		{.verdict = POLICY_REJECT, .prefixes = &other, .prefix_count = 1},
		{.verdict = metric != 0 ? POLICY_ACCEPT : POLICY_REJECT},
	};
	struct msg_route_policy message = {.id = 7};
	struct writer w = writer_over(message.bytes, sizeof(message.bytes));

	assert_true(route_policy_encode(&w, rules, 3));
	message.size = (uint16_t)writer_used(&w);
	assert_int_equal(apply(world, MSG_ROUTE_POLICY_SET, &message), 0);
}

static unsigned ended(struct world *world)
{
	unsigned count = 0;

	ask(world, SHOW_BGP_NEIGHBORS, 0);
	for (unsigned i = 0; i < world->session_count; i++)
		count += world->sessions[i].dropped;
	return count;
}

/* Policies of a neighbor come, change and go while its session stays up; one that isn't there lets nothing pass. */
static void test_policies(void **state)
{
	struct world *world = *state;
	struct msg_bgp_neighbor import = neighbor(2, 1, 65001), export = neighbor(2, 3, 65003);
	const struct msg_id id = {7};

	run_s(world, 20);
	assert_non_null(route(world, 3, 1));
	import.import_policy = 7;
	set_neighbor(world, import);
	run_s(world, 3);
	assert_null(route(world, 2, 1));
	set_policy(world, 42);
	run_s(world, 3);
	assert_non_null(route(world, 2, 1));
	assert_int_equal(route(world, 2, 1)->metric, 42);
	assert_int_equal(route(world, 3, 1)->metric, 0); /* a MED doesn't go on */
	set_policy(world, 43);
	run_s(world, 3);
	assert_int_equal(route(world, 2, 1)->metric, 43);
	export.export_policy = 7;
	set_neighbor(world, export);
	run_s(world, 3);
	assert_int_equal(route(world, 3, 1)->metric, 43);
	assert_null(route(world, 3, 2));
	set_policy(world, 0);
	run_s(world, 3);
	assert_null(route(world, 2, 1));
	assert_null(route(world, 3, 1));
	assert_non_null(route(world, 3, 2));
	assert_int_equal(apply(world, MSG_ROUTE_POLICY_DEL, &id), 0);
	run_s(world, 3);
	assert_null(route(world, 3, 2));
	import.import_policy = export.export_policy = 0;
	set_neighbor(world, import);
	set_neighbor(world, export);
	run_s(world, 3);
	assert_non_null(route(world, 3, 1));
	assert_non_null(route(world, 3, 2));
	assert_int_equal(ended(world), 0);
}

/* What is announced of other protocols passes a policy, and has the metric that it, or the source, says. */
static void test_redistribution(void **state)
{
	struct world *world = *state;
	struct msg_bgp bgp = {.id = 1, .as = 65001, .router_id = address(1, 1, 1, 1), .multipath = 1, .redistribution_count = 1};

	bgp.redistributions[0] = (struct redistribution){.from = ROUTE_CONNECTED, .has_metric = true, .metric = 5};
	assert_int_equal(apply(world, MSG_BGP_SET, &bgp), 0);
	run_s(world, 20);
	assert_int_equal(route(world, 2, 1)->metric, 5);
	bgp.redistributions[0].policy = 7;
	assert_int_equal(apply(world, MSG_BGP_SET, &bgp), 0);
	run_s(world, 3);
	assert_null(route(world, 2, 1));
	set_policy(world, 9);
	run_s(world, 3);
	assert_int_equal(route(world, 2, 1)->metric, 9);
	bgp.redistribution_count = 0;
	memset(bgp.redistributions, 0, sizeof(bgp.redistributions));
	assert_int_equal(apply(world, MSG_BGP_SET, &bgp), 0);
	run_s(world, 3);
	assert_null(route(world, 2, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_converges), TEST(test_link_cut), TEST(test_no_policy), TEST(test_keys),
		TEST(test_as_changes), TEST(test_multihop), TEST(test_sync), TEST(test_refused), TEST(test_policies),
		TEST(test_redistribution)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
