/*
 * The example of RFC 2453 section 3.4.2 (and RFC 1058 2.2): counting to infinity. Four routers, all links of cost 1 but C-D of cost 10; the
 * target network is at D; the link B-D breaks. Without split horizon the routers count up until the way over C-D wins.
 *
 *     A-----B
 *      \   / \
 *       \ /   |
 *        C   /          RFC 2453:  D: dir,1   dir,1   dir,1  ...  dir,1   dir,1
 *        |  /                      B: unreach C,4     C,5    ...  C,11    C,12
 *        D-<=== target             C: B,3     A,4     A,5    ...  A,11    D,11
 *                                  A: B,3     C,4     C,5    ...  C,11    C,12
 *
 * Time goes in steps: in each, every router hears the whole table of each neighbor as it was before. (Our engine remembers what all
 * neighbors said, so B does not stay unreachable in the first column but believes C at once; from the next column on the tables are equal.)
 * Two routers alone count, too; split horizon ends that (section 3.4.3), but not the circle of three above.
 */
#include "route/rip/rip.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { A, B, C, D, ROUTERS };
enum { AB, AC, BC, BD, CD, LINKS };

static const struct {
	unsigned ends[2];
	uint8_t cost;
} links[LINKS] = {[AB] = {{A, B}, 1}, [AC] = {{A, C}, 1}, [BC] = {{B, C}, 1}, [BD] = {{B, D}, 1}, [CD] = {{C, D}, 10}};

static const struct prefix target = {{IP_V4, {192, 0, 2, 0}}, 24};

/* What a router answered in this step. */
struct said {
	unsigned from, to, link;
	size_t size;
	uint8_t bytes[RIP_PACKET_BYTES];
};

struct net {
	struct instant now;
	struct rip *routers[ROUTERS];
	struct context {
		struct net *net;
		unsigned self;
	} contexts[ROUTERS];
	bool cut[LINKS];
	bool listening;
	unsigned said_count;
	struct said said[2 * LINKS];
};

static struct prefix address(unsigned link, unsigned router) { return (struct prefix){ip_from_u32(0x0a000001 + (link << 8) + router), 24}; }

static void net_send(void *context, const struct rip_datagram *datagram)
{
	struct context *from = context;
	struct net *net = from->net;
	struct said *said;
	unsigned link = datagram->rif - 1;

	if (!net->listening || ip_is_multicast(datagram->destination))
		return;
	said = &net->said[net->said_count++];
	said->from = from->self;
	said->link = link;
	said->to = links[link].ends[0] == from->self ? links[link].ends[1] : links[link].ends[0];
	said->size = datagram->size;
	memcpy(said->bytes, datagram->bytes, datagram->size);
}

static void net_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint8_t metric, struct instant now)
{
	(void)context;
	(void)prefix;
	(void)nexthops;
	(void)count;
	(void)metric;
	(void)now;
}

static void net_limit(void *context, const char *limit, uint64_t value)
{
	(void)context;
	(void)limit;
	(void)value;
}

static const struct rip_ops net_ops = {net_send, net_learnt, net_limit};

static void net_start(struct net *net, enum rip_split_horizon split)
{
	struct rip_settings settings = rip_settings_default();
	const struct rip_local local = {.metric = 1};

	*net = (struct net){.now = {1}};
	settings.split_horizon = split;
	settings.triggered_hold = span_s(0);
	settings.ecmp_max = 1;
	settings.update = span_s(1000000);
	settings.timeout = span_s(1000000);
	for (unsigned r = 0; r < ROUTERS; r++) {
		net->contexts[r] = (struct context){net, r};
		net->routers[r] = rip_new(&settings, &net_ops, &net->contexts[r], r, 0, net->now);
	}
	for (unsigned l = 0; l < LINKS; l++)
		for (unsigned e = 0; e < 2; e++) {
			const struct rip_interface_settings interface = {.cost = links[l].cost};
			const struct prefix at = address(l, links[l].ends[e]);

			rip_interface_set(net->routers[links[l].ends[e]], l + 1, &interface, net->now);
			rip_interface_state(net->routers[links[l].ends[e]], l + 1, true, &at, 1, net->now);
		}
	assert_true(rip_local_set(net->routers[D], &target, &local, net->now));
}

/* `to` hears bytes from the other end of a link. */
static void net_hear(struct net *net, unsigned link, unsigned from, unsigned to, const void *bytes, size_t size)
{
	const struct rip_arrival arrival = {link + 1, address(link, from).ip, RIP_PORT, bytes, size};

	assert_int_equal(rip_receive(net->routers[to], &arrival, net->now), RIP_DROP_NONE);
	rip_check_invariants(net->routers[to]);
}

/* One step: every router asks each neighbor for its table, and only then hears the answers. */
static void net_step(struct net *net)
{
	const struct rip_entry all = {.family = RIP_FAMILY_NONE, .metric = RIP_INFINITY};
	uint8_t question[32];
	struct writer w = writer_over(question, sizeof(question));

	rip_write_header(&w, RIP_REQUEST);
	rip_write_entry(&w, &all);
	net->now = instant_add(net->now, span_s(30));
	net->said_count = 0;
	net->listening = true;
	for (unsigned l = 0; l < LINKS; l++)
		for (unsigned e = 0; e < 2 && !net->cut[l]; e++)
			net_hear(net, l, links[l].ends[e], links[l].ends[1 - e], question, writer_used(&w));
	net->listening = false;
	for (unsigned i = 0; i < net->said_count; i++)
		net_hear(net, net->said[i].link, net->said[i].from, net->said[i].to, net->said[i].bytes, net->said[i].size);
}

/* A router's metric and next router for the target. */
struct belief {
	uint8_t metric;
	unsigned link; /* LINKS: none */
};

static void belief_row(void *context, const struct row_rip *row)
{
	if (prefix_equal(row->prefix, target))
		*(struct belief *)context = (struct belief){row->metric, row->rif ? row->rif - 1 : LINKS};
}

static struct belief belief_of(const struct net *net, unsigned router)
{
	struct belief belief = {RIP_INFINITY, LINKS};

	rip_show_routes(net->routers[router], 1, net->now, belief_row, &belief);
	return belief;
}

static void net_cut(struct net *net, unsigned link)
{
	net->cut[link] = true;
	for (unsigned e = 0; e < 2; e++)
		rip_interface_state(net->routers[links[link].ends[e]], link + 1, false, NULL, 0, net->now);
}

static void net_end(struct net *net)
{
	for (unsigned r = 0; r < ROUTERS; r++)
		rip_free(net->routers[r]);
}

static void test_counting(void **state)
{
	struct net net;

	(void)state;
	net_start(&net, RIP_SPLIT_NONE);
	for (unsigned i = 0; i < 5; i++)
		net_step(&net);
	assert_int_equal(belief_of(&net, D).metric, 1);
	assert_int_equal(belief_of(&net, B).metric, 2);
	assert_int_equal(belief_of(&net, B).link, BD);
	assert_int_equal(belief_of(&net, C).metric, 3);
	assert_int_equal(belief_of(&net, C).link, BC);
	assert_int_equal(belief_of(&net, A).metric, 3);
	assert_int_equal(belief_of(&net, A).link, AB);
	net_cut(&net, BD);
	for (uint8_t column = 4; column <= 12; column++) {
		net_step(&net);
		print_message("D dir,%u  B %u  C %u  A %u\n", belief_of(&net, D).metric, belief_of(&net, B).metric,
			belief_of(&net, C).metric, belief_of(&net, A).metric);
		assert_int_equal(belief_of(&net, D).metric, 1);
		assert_int_equal(belief_of(&net, B).metric, column);
		assert_int_equal(belief_of(&net, C).metric, column < 12 ? column : 11);
		assert_int_equal(belief_of(&net, A).metric, column);
	}
	for (unsigned i = 0; i < 5; i++)
		net_step(&net);
	assert_int_equal(belief_of(&net, C).link, CD);
	assert_int_equal(belief_of(&net, B).link, BC);
	assert_int_equal(belief_of(&net, A).link, AC);
	assert_int_equal(belief_of(&net, A).metric, 12);
	net_end(&net);
}

/* The line A-B-D: how many steps until A and B know that the target is gone. */
static unsigned steps_to_unreachable(enum rip_split_horizon split)
{
	struct net net;
	unsigned steps = 0;

	net_start(&net, split);
	net_cut(&net, AC);
	net_cut(&net, BC);
	net_cut(&net, CD);
	for (unsigned i = 0; i < 5; i++)
		net_step(&net);
	assert_int_equal(belief_of(&net, A).metric, 3);
	net_cut(&net, BD);
	while (belief_of(&net, A).metric < RIP_INFINITY || belief_of(&net, B).metric < RIP_INFINITY) {
		net_step(&net);
		assert_true(++steps < 30);
	}
	net_end(&net);
	return steps;
}

static void test_split_horizon(void **state)
{
	unsigned none = steps_to_unreachable(RIP_SPLIT_NONE);
	unsigned simple = steps_to_unreachable(RIP_SPLIT_SIMPLE);
	unsigned poison = steps_to_unreachable(RIP_SPLIT_POISON);

	(void)state;
	print_message("%u steps without split horizon, %u with, %u with poisoned reverse\n", none, simple, poison);
	assert_int_equal(none, 13);
	assert_int_equal(simple, 1);
	assert_int_equal(poison, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_split_horizon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
