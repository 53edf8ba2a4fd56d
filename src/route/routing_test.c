/* The routers as ctl and the switch see them: which orders follow from which messages, in which order, and what is left after a sync. */
#include "route/routing.h"

#include "base/check.h"
#include "route/udp_packet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIB_MAX 512
#define ROWS_MAX 64

/* A fake switch and a fake ctl around one routing. */
struct world {
	struct routing *routing;
	struct instant now;
	bool answer; /* batches at once */
	int refuse;  /* error of the next answer */
	unsigned batches, begins, ends, rules, injects, limits;
	struct msg_punt_rule rule;
	struct msg_packet inject;
	unsigned fib_count;
	struct fib_entry fib[FIB_MAX];
	unsigned row_count;
	struct row_route rows[ROWS_MAX];
	unsigned drop_count;
	struct row_drop drops[ROWS_MAX];
};

static void fib_change(struct world *world, const struct fib_entry *entry)
{
	unsigned i = 0;

	while (i < world->fib_count && !prefix_equal(world->fib[i].prefix, entry->prefix))
		i++;
	if (!entry->add && i < world->fib_count)
		world->fib[i] = world->fib[--world->fib_count];
	else if (entry->add) {
		assert_true(i < FIB_MAX);
		world->fib[i] = *entry;
		world->fib_count += i == world->fib_count;
	}
}

static void world_order(void *context, enum message_type type, const void *body)
{
	struct world *world = context;
	const struct msg_fib *batch = body;

	switch ((unsigned)type) {
	case MSG_FIB_BATCH:
		world->batches++;
		for (unsigned i = 0; world->refuse == 0 && i < batch->count; i++)
			fib_change(world, &batch->entries[i]);
		break;
	case MSG_FIB_SYNC:
		if (((const struct msg_fib_sync *)body)->begin)
			world->begins++;
		else
			world->ends++;
		break;
	case MSG_PUNT_RULE:
		world->rules++;
		world->rule = *(const struct msg_punt_rule *)body;
		break;
	case MSG_INJECT:
		world->injects++;
		world->inject = *(const struct msg_packet *)body;
		break;
	default:
		fail();
	}
}

static void world_row(void *context, uint32_t seq, enum message_type type, const void *body)
{
	struct world *world = context;

	assert_int_equal(seq, 9);
	if (type == MSG_ROW_ROUTE)
		world->rows[world->row_count++] = *(const struct row_route *)body;
	if (type == MSG_ROW_DROP)
		world->drops[world->drop_count++] = *(const struct row_drop *)body;
}

static void world_event(void *context, enum message_type type, const void *body)
{
	(void)body;
	assert_int_equal(type, MSG_LIMIT_REACHED);
	((struct world *)context)->limits++;
}

static const struct routing_ops world_ops = {world_order, world_row, world_event};

static int apply(struct world *world, enum message_type type, const void *body)
{
	static const char *const names[MSG_TYPE_COUNT] = {[MSG_PUNT] = "PUNT"};
	const struct message_row row = {.name = names[type] ? names[type] : "?", .type = (uint16_t)type};
	struct err err;
	unsigned before = world->batches;
	int error = routing_apply(world->routing, &row, body, world->now, &err);

	for (; world->answer && before < world->batches; before++)
		routing_batch_done(world->routing, 1, world->refuse, world->now);
	routing_check_invariants(world->routing);
	return error;
}

static void set_id(struct world *world, enum message_type type, uint32_t id)
{
	const struct msg_id body = {id};

	assert_int_equal(apply(world, type, &body), 0);
}

static void sync_mark(struct world *world, bool begin)
{
	const struct msg_sync body = {0};

	assert_int_equal(apply(world, begin ? MSG_SYNC_BEGIN : MSG_SYNC_END, &body), 0);
}

static struct prefix net(const char *text)
{
	struct prefix prefix;

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static void set_rif(struct world *world, uint32_t id, const char *address, bool up)
{
	struct msg_rif rif = {.id = id, .router = 1, .network = 1, .up = up, .mtu = 1500, .address_count = 1};

	rif.addresses[0] = net(address);
	assert_int_equal(apply(world, MSG_RIF_SET, &rif), 0);
}

/* The switch tells of an interface; it has `routes` of its router. */
static void carrier_with_routes(struct world *world, uint32_t rif, bool up, uint32_t routes)
{
	const struct msg_rif_state state = {.rif = rif, .router = 1, .routes = routes, .up = up};

	assert_int_equal(apply(world, MSG_RIF_CHANGED, &state), 0);
}

static void carrier(struct world *world, uint32_t rif, bool up) { carrier_with_routes(world, rif, up, 0); }

static void set_static(struct world *world, uint32_t id, const char *prefix, const char *nexthop)
{
	struct msg_static_route route = {.id = id, .router = 1, .prefix = net(prefix), .distance = 1, .blackhole = nexthop == NULL};

	if (nexthop != NULL)
		assert_true(ip_parse(nexthop, &route.nexthop));
	assert_int_equal(apply(world, MSG_STATIC_ROUTE_SET, &route), 0);
}

static const struct fib_entry *fib_get(const struct world *world, const char *prefix)
{
	for (unsigned i = 0; i < world->fib_count; i++)
		if (prefix_equal(world->fib[i].prefix, net(prefix)))
			return &world->fib[i];
	return NULL;
}

/* Router 1 with interfaces 11 (10.0.1.1/24) and 12 (10.0.2.1/24), up; the configuration was empty at first. */
static struct world *world_new(void)
{
	struct world *world = calloc(1, sizeof(*world));
	const struct msg_router router = {.id = 1};
	const struct routing_limits limits = {.static_routes = 300, .batches = 2};

	assert_non_null(world);
	world->answer = true;
	world->routing = routing_new(&world_ops, world, &limits, 1, 1000, world->now);
	routing_switch_up(world->routing, world->now);
	sync_mark(world, true);
	sync_mark(world, false);
	assert_int_equal(apply(world, MSG_ROUTER_SET, &router), 0);
	set_rif(world, 11, "10.0.1.1/24", true);
	set_rif(world, 12, "10.0.2.1/24", true);
	assert_int_equal(world->batches, 0); /* the switch doesn't know the router yet */
	carrier(world, 11, true);
	carrier(world, 12, true);
	return world;
}

static void world_free(struct world *world)
{
	routing_free(world->routing);
	free(world);
}

static void test_connected(void **state)
{
	struct world *world = world_new();

	(void)state;
	assert_int_equal(world->begins, 1);
	assert_int_equal(world->ends, 1);
	assert_int_equal(world->fib_count, 2);
	assert_int_equal(fib_get(world, "10.0.2.0/24")->nexthops[0].rif, 12);
	assert_int_equal(fib_get(world, "10.0.2.0/24")->nexthops[0].ip.family, IP_NONE);
	carrier(world, 12, false);
	assert_null(fib_get(world, "10.0.2.0/24"));
	carrier(world, 12, true);
	assert_non_null(fib_get(world, "10.0.2.0/24"));
	set_rif(world, 12, "10.0.3.1/24", true);
	assert_null(fib_get(world, "10.0.2.0/24"));
	assert_non_null(fib_get(world, "10.0.3.0/24"));
	set_rif(world, 12, "10.0.3.1/24", false);
	assert_null(fib_get(world, "10.0.3.0/24"));
	set_id(world, MSG_RIF_DEL, 11);
	assert_int_equal(world->fib_count, 0);
	world_free(world);
}

static void test_static(void **state)
{
	struct world *world = world_new();

	(void)state;
	set_static(world, 21, "0.0.0.0/0", "10.0.2.9");
	assert_int_equal(fib_get(world, "0.0.0.0/0")->nexthops[0].rif, 12);
	set_static(world, 22, "192.0.2.0/24", NULL);
	assert_int_equal(fib_get(world, "192.0.2.0/24")->action, ROUTE_BLACKHOLE);
	set_static(world, 23, "198.51.100.0/24", "172.16.0.1"); /* nobody's network */
	assert_null(fib_get(world, "198.51.100.0/24"));
	set_rif(world, 11, "172.16.0.2/16", true);
	assert_int_equal(fib_get(world, "198.51.100.0/24")->nexthops[0].rif, 11);
	carrier(world, 12, false);
	assert_null(fib_get(world, "0.0.0.0/0"));
	assert_non_null(fib_get(world, "192.0.2.0/24"));
	carrier(world, 12, true);
	assert_non_null(fib_get(world, "0.0.0.0/0"));
	set_static(world, 21, "0.0.0.0/1", "10.0.2.9");
	assert_null(fib_get(world, "0.0.0.0/0"));
	assert_non_null(fib_get(world, "0.0.0.0/1"));
	set_id(world, MSG_STATIC_ROUTE_DEL, 21);
	assert_null(fib_get(world, "0.0.0.0/1"));
	world_free(world);
}

static void test_refusals(void **state)
{
	struct world *world = world_new();
	struct msg_static_route route = {.id = 50, .router = 7, .prefix = net("10.9.0.0/16"), .blackhole = true};
	const struct msg_rif rif = {.id = 60, .router = 7};
	const struct msg_rip rip = {.id = 7};
	struct msg_rip_interface interface = {.id = 11, .router = 1, .cost = 1};

	(void)state;
	assert_int_equal(apply(world, MSG_STATIC_ROUTE_SET, &route), -ENOENT);
	assert_int_equal(apply(world, MSG_RIF_SET, &rif), -ENOENT);
	assert_int_equal(apply(world, MSG_RIP_SET, &rip), -ENOENT);
	assert_int_equal(apply(world, MSG_RIP_INTERFACE_SET, &interface), -ENOENT);
	route.router = 1;
	route.blackhole = false;
	assert_true(ip_parse("fe80::1", &route.nexthop));
	assert_int_equal(apply(world, MSG_STATIC_ROUTE_SET, &route), -EINVAL);
	assert_int_equal(apply(world, MSG_VM_SET, &rip), -ENOMSG);
	for (uint32_t id = 100; id < 400; id++)
		set_static(world, id, "192.0.2.0/24", NULL);
	route = (struct msg_static_route){.id = 400, .router = 1, .prefix = net("10.9.0.0/16"), .blackhole = true};
	assert_int_equal(apply(world, MSG_STATIC_ROUTE_SET, &route), -ENOSPC);
	world_free(world);
}

/* Not more than two batches are unanswered; what changes meanwhile is sent once. */
static void test_flow_control(void **state)
{
	struct world *world = world_new();
	char prefix[PREFIX_TEXT_BYTES];
	unsigned before = world->batches;

	(void)state;
	world->answer = false;
	for (uint32_t i = 0; i < 200; i++) {
		(void)snprintf(prefix, sizeof(prefix), "172.16.%u.0/24", i);
		set_static(world, 1000 + i, prefix, NULL);
	}
	assert_int_equal(world->batches - before, 2);
	for (unsigned i = 0; i < 2; i++)
		routing_batch_done(world->routing, 1, 0, world->now);
	assert_int_equal(world->batches - before, 4);
	while (world->fib_count < 202)
		routing_batch_done(world->routing, 1, 0, world->now);
	assert_int_equal(world->batches - before, 6); /* 2 of one, 3 of 64, 1 with the last 6 */
	world_free(world);
}

static void test_refused_batch(void **state)
{
	struct world *world = world_new();

	(void)state;
	world->refuse = -ENOENT;
	set_static(world, 22, "192.0.2.0/24", NULL);
	assert_null(fib_get(world, "192.0.2.0/24"));
	world->refuse = 0;
	assert_int_equal(routing_next(world->routing).ns, world->now.ns + 1000000000);
	world->now = routing_next(world->routing);
	(void)routing_tick(world->routing, world->now);
	assert_non_null(fib_get(world, "192.0.2.0/24"));
	assert_int_equal(world->begins, 2);
	assert_int_equal(world->ends, 2);
	world_free(world);
}

static void start_rip(struct world *world)
{
	const struct msg_rip rip = {.id = 1, .update_s = 30, .timeout_s = 180, .garbage_s = 120};
	const struct msg_rip_interface interface = {.id = 11, .router = 1, .cost = 1};

	assert_int_equal(apply(world, MSG_RIP_SET, &rip), 0);
	assert_int_equal(apply(world, MSG_RIP_INTERFACE_SET, &interface), 0);
}

/* 10.0.1.9 tells of 172.20.0.0/16, metric 2. */
static void hear_rip(struct world *world, bool broken)
{
	static const uint8_t response[] = {2, 2, 0, 0, 0, 2, 0, 0, 172, 20, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2};
	const struct udp_packet packet = {
		.source = net("10.0.1.9/32").ip,
		.destination = net("224.0.0.9/32").ip,
		.source_port = 520,
		.destination_port = 520,
		.ttl = 1,
		.bytes = response,
		.size = sizeof(response),
	};
	struct msg_packet punt = {.router = 1, .rif = 11};

	punt.size = (uint16_t)udp_packet_build(&packet, punt.bytes, sizeof(punt.bytes));
	punt.bytes[40] ^= broken;
	assert_int_equal(apply(world, MSG_PUNT, &punt), 0);
}

static void show(struct world *world, enum show_what what, uint32_t object)
{
	const struct msg_show question = {.what = (uint8_t)what, .object = object};
	struct err err;

	world->row_count = world->drop_count = 0;
	assert_int_equal(routing_show(world->routing, 9, &question, world->now, &err), 0);
}

static void test_rip(void **state)
{
	struct world *world = world_new();
	struct udp_packet packet;

	(void)state;
	start_rip(world);
	assert_int_equal(world->rules, 1);
	assert_true(world->rule.add && world->rule.rif == 11 && world->rule.port == 520);
	assert_true(world->injects >= 1);
	assert_null(udp_packet_parse(&packet, world->inject.bytes, world->inject.size));
	assert_int_equal(packet.ttl, 1);
	assert_true(ip_equal(world->inject.nexthop, net("224.0.0.9/32").ip));
	hear_rip(world, true);
	assert_null(fib_get(world, "172.20.0.0/16"));
	hear_rip(world, false);
	assert_int_equal(fib_get(world, "172.20.0.0/16")->protocol, ROUTE_RIP);
	set_static(world, 22, "172.20.0.0/16", NULL);
	assert_int_equal(fib_get(world, "172.20.0.0/16")->protocol, ROUTE_STATIC);
	show(world, SHOW_ROUTES, 1);
	assert_int_equal(world->row_count, 4);
	show(world, SHOW_DROPS, 0);
	assert_int_equal(world->drop_count, 1);
	assert_string_equal(world->drops[0].reason, "punt_checksum");
	set_id(world, MSG_STATIC_ROUTE_DEL, 22);
	assert_int_equal(fib_get(world, "172.20.0.0/16")->protocol, ROUTE_RIP);
	set_id(world, MSG_RIP_DEL, 1);
	assert_null(fib_get(world, "172.20.0.0/16"));
	assert_false(world->rule.add);
	world_free(world);
}

/* The switch comes back empty: rules and routes are told again, once it knows the interfaces. */
static void test_switch_restart(void **state)
{
	struct world *world = world_new();

	(void)state;
	start_rip(world);
	hear_rip(world, false);
	routing_switch_down(world->routing);
	world->fib_count = world->rules = world->begins = world->ends = 0;
	set_static(world, 22, "192.0.2.0/24", NULL);
	routing_switch_up(world->routing, world->now);
	assert_int_equal(world->fib_count, 0);
	carrier(world, 11, true);
	assert_int_equal(world->rules, 1);
	assert_int_equal(world->begins, 1);
	assert_int_equal(world->ends, 1);
	assert_int_equal(world->fib_count, 4);
	world_free(world);
}

/* A new process with a router, beside a switch that has `routes` of it; it hears RIP after a second. */
static struct world *world_young(uint32_t routes)
{
	struct world *world = calloc(1, sizeof(*world));
	const struct msg_router router = {.id = 1};

	assert_non_null(world);
	world->answer = true;
	world->routing = routing_new(&world_ops, world, NULL, 1, 1000, world->now);
	sync_mark(world, true);
	assert_int_equal(apply(world, MSG_ROUTER_SET, &router), 0);
	set_rif(world, 11, "10.0.1.1/24", true);
	start_rip(world);
	sync_mark(world, false);
	routing_switch_up(world->routing, world->now);
	carrier_with_routes(world, 11, true, routes);
	world->now = instant_add(world->now, span_s(1));
	hear_rip(world, false);
	assert_int_equal(world->begins, 1);
	return world;
}

/* A new process holds learnt routes and the end of the sync until the protocols are quiet: the switch forwards by older ones. */
static void test_process_restart(void **state)
{
	struct world *world = world_young(7);

	(void)state;
	assert_int_equal(world->fib_count, 1);
	world->now = instant_add(world->now, span_ms(SETTLE_QUIET_S * 1000 - 100));
	(void)routing_tick(world->routing, world->now);
	assert_int_equal(world->fib_count, 1);
	assert_int_equal(world->ends, 0);
	world->now = instant_add(world->now, span_ms(100));
	(void)routing_tick(world->routing, world->now);
	assert_int_equal(world->fib_count, 2);
	assert_int_equal(world->ends, 1);
	world_free(world);
}

/* When the switch is as new as the process there is nothing to lose, and learnt routes are told at once. */
static void test_both_restart(void **state)
{
	struct world *world = world_young(0);

	(void)state;
	assert_int_equal(world->fib_count, 2);
	assert_int_equal(world->ends, 1);
	world_free(world);
}

/* What isn't set again between SYNC_BEGIN and SYNC_END is gone, and nothing else changed. */
static void test_sync(void **state)
{
	struct world *world = world_new();
	const struct msg_router router = {.id = 1};
	unsigned before;

	(void)state;
	start_rip(world);
	hear_rip(world, false);
	set_static(world, 22, "192.0.2.0/24", NULL);
	before = world->batches;
	sync_mark(world, true);
	assert_int_equal(apply(world, MSG_ROUTER_SET, &router), 0);
	set_rif(world, 11, "10.0.1.1/24", true);
	set_rif(world, 12, "10.0.2.1/24", true);
	set_static(world, 22, "192.0.2.0/24", NULL);
	start_rip(world);
	sync_mark(world, false);
	assert_int_equal(world->batches, before);
	sync_mark(world, true);
	assert_int_equal(apply(world, MSG_ROUTER_SET, &router), 0);
	set_rif(world, 11, "10.0.1.1/24", true);
	sync_mark(world, false);
	assert_int_equal(world->fib_count, 1);
	assert_non_null(fib_get(world, "10.0.1.0/24"));
	sync_mark(world, true);
	sync_mark(world, false);
	show(world, SHOW_ROUTES, 0);
	assert_int_equal(world->row_count, 0);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_connected),
		cmocka_unit_test(test_static),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_flow_control),
		cmocka_unit_test(test_refused_batch),
		cmocka_unit_test(test_rip),
		cmocka_unit_test(test_switch_restart),
		cmocka_unit_test(test_process_restart),
		cmocka_unit_test(test_both_restart),
		cmocka_unit_test(test_sync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
