/* Tests of shortest paths: the sample network of RFC 2328 2.1 as its table 2 has it, and random networks against Floyd and Warshall. */
#include "base/check.h"
#include "base/rand.h"
#include "route/ospf/ospf_spf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROUTERS_MAX 24
#define NETWORK(n) (0x0a000000U | (uint32_t)(n) << 8)

/* A link as a test writes it: of `router`, to a router or network, at a cost. */
struct row {
	unsigned router;
	uint8_t type;
	unsigned to;
	uint16_t cost;
};

static uint8_t store[65536];
static struct ospf_lsa lsas[64];
static size_t lsa_count;

static void finish(struct writer *w, size_t start)
{
	struct reader r;

	ospf_lsa_end(w, start);
	assert_true(writer_ok(w));
	r = reader_over(store + start, writer_used(w) - start);
	assert_int_equal(ospf_lsa_read(&r, &lsas[lsa_count++]), OSPF_LSA_GOOD);
}

/* The link of a row, as its router describes it. */
static struct ospf_link link_of(const struct row *row)
{
	uint32_t number = row->to;

	if (row->type == OSPF_LINK_TRANSIT)
		return (struct ospf_link){NETWORK(number) + 1, NETWORK(number) + row->router, row->type, row->cost};
	if (row->type == OSPF_LINK_STUB)
		return (struct ospf_link){NETWORK(number), 0xffffff00, row->type, row->cost};
	return (struct ospf_link){number, 0xc0000000U + row->router * 256 + number, row->type, row->cost};
}

static void router_lsa_make(struct writer *w, unsigned router, const struct row *rows, size_t count)
{
	struct ospf_lsa_header header = {.type = OSPF_LSA_ROUTER, .id = router, .router = router};
	size_t start = ospf_lsa_begin(w, &header), at = writer_used(w) + 2;
	uint16_t links = 0;

	writer_u32(w, 0);
	for (size_t i = 0; i < count; i++) {
		struct ospf_link described = link_of(&rows[i]);

		if (rows[i].router != router)
			continue;
		ospf_link_write(w, &described);
		links++;
	}
	writer_patch_u16(w, at, links);
	finish(w, start);
}

/* Nothing when no router is attached. */
static void network_lsa_make(struct writer *w, unsigned network, const struct row *rows, size_t count)
{
	struct ospf_lsa_header header = {.type = OSPF_LSA_NETWORK, .id = NETWORK(network) + 1, .router = 1};
	size_t start = writer_used(w), attached = 0;

	for (size_t i = 0; i < count; i++) {
		if (rows[i].type != OSPF_LINK_TRANSIT || rows[i].to != network)
			continue;
		if (attached++ == 0) {
			ospf_lsa_begin(w, &header);
			writer_u32(w, 0xffffff00);
		}
		writer_u32(w, rows[i].router);
	}
	if (attached > 0)
		finish(w, start);
}

/* The LSAs of a network of routers 1 to `routers` and transit networks up to 12; network N has the id NETWORK(N) + 1. */
static void world_make(const struct row *rows, size_t count, unsigned routers)
{
	struct writer w = writer_over(store, sizeof(store));

	lsa_count = 0;
	for (unsigned router = 1; router <= routers; router++)
		router_lsa_make(&w, router, rows, count);
	for (unsigned network = 1; network <= 12; network++)
		network_lsa_make(&w, network, rows, count);
}

static const struct row sample[] = {
	{1, OSPF_LINK_STUB, 1, 3}, {1, OSPF_LINK_TRANSIT, 3, 1}, {2, OSPF_LINK_STUB, 2, 3}, {2, OSPF_LINK_TRANSIT, 3, 1},
	{3, OSPF_LINK_TRANSIT, 3, 1}, {3, OSPF_LINK_STUB, 4, 2}, {3, OSPF_LINK_POINT_TO_POINT, 6, 8}, {4, OSPF_LINK_TRANSIT, 3, 1},
	{4, OSPF_LINK_POINT_TO_POINT, 5, 8}, {5, OSPF_LINK_POINT_TO_POINT, 4, 8}, {5, OSPF_LINK_POINT_TO_POINT, 6, 7},
	{5, OSPF_LINK_POINT_TO_POINT, 7, 6}, {6, OSPF_LINK_POINT_TO_POINT, 3, 6}, {6, OSPF_LINK_POINT_TO_POINT, 5, 6},
	{6, OSPF_LINK_POINT_TO_POINT, 10, 7}, {7, OSPF_LINK_POINT_TO_POINT, 5, 6}, {7, OSPF_LINK_TRANSIT, 6, 1},
	{8, OSPF_LINK_TRANSIT, 6, 1}, {8, OSPF_LINK_STUB, 7, 4}, {9, OSPF_LINK_TRANSIT, 9, 1}, {9, OSPF_LINK_STUB, 11, 3},
	{10, OSPF_LINK_TRANSIT, 6, 1}, {10, OSPF_LINK_TRANSIT, 8, 3}, {10, OSPF_LINK_POINT_TO_POINT, 6, 5}, {11, OSPF_LINK_TRANSIT, 8, 2},
	{11, OSPF_LINK_TRANSIT, 9, 1}, {12, OSPF_LINK_TRANSIT, 9, 1}, {12, OSPF_LINK_STUB, 10, 2}, {12, OSPF_LINK_STUB, 13, 10}, /* H1 */
};

/* RFC 2328 table 2: what RT6 has for the local destinations, and by way of whom. */
static void test_sample(void **state)
{
	static const struct {
		unsigned network, by;
		uint32_t cost;
	} expected[] = {{1, 3, 10}, {2, 3, 10}, {3, 3, 7}, {4, 3, 8}, {6, 10, 8}, {7, 10, 12}, {8, 10, 10}, {9, 10, 11}, {10, 10, 13},
		{11, 10, 14}, {13, 10, 21}};
	struct ospf_spf spf;

	(void)state;
	world_make(sample, COUNT_OF(sample), 12);
	assert_int_equal(ospf_spf_run(&spf, 6, lsas, lsa_count), 0);
	assert_int_equal(spf.route_count, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_int_equal(spf.routes[i].network, NETWORK(expected[i].network));
		assert_int_equal(spf.routes[i].cost, expected[i].cost);
		assert_int_equal(spf.routes[i].hops.count, 1);
		assert_int_equal(spf.routes[i].hops.at[0].interface, 0xc0000000U + 6 * 256 + expected[i].by);
		assert_int_equal(spf.routes[i].hops.at[0].gateway, 0);
	}
	assert_int_equal(spf.router_count, 12);
	assert_int_equal(spf.routers[4].cost, 6); /* RT5 */
	assert_int_equal(spf.routers[6].cost, 8); /* RT7 */
	ospf_spf_free(&spf);
}

/* On a network of many the gateway is the neighbour's address there; the network itself has none. */
static void test_gateways(void **state)
{
	struct ospf_spf spf;

	(void)state;
	world_make(sample, COUNT_OF(sample), 12);
	assert_int_equal(ospf_spf_run(&spf, 1, lsas, lsa_count), 0);
	assert_int_equal(spf.routes[0].hops.count, 0); /* N1: our own */
	assert_int_equal(spf.routes[1].hops.at[0].interface, NETWORK(3) + 1);
	assert_int_equal(spf.routes[1].hops.at[0].gateway, NETWORK(3) + 2); /* N2: by way of RT2 */
	assert_int_equal(spf.routes[2].hops.count, 1);
	assert_int_equal(spf.routes[2].hops.at[0].gateway, 0);		    /* N3: beside us */
	assert_int_equal(spf.routes[3].hops.at[0].gateway, NETWORK(3) + 3); /* N4: by way of RT3 */
	assert_int_equal(spf.routes[4].cost, 16);			    /* N6: 1 + 8 + 6 + 1 by RT4, 1 + 8 + 7 + 1 by RT3 */
	assert_int_equal(spf.routes[4].hops.at[0].gateway, NETWORK(3) + 4);
	ospf_spf_free(&spf);
}

/* A router whose LSA is of MaxAge is not there, and neither is what only it led to. */
static void test_gone(void **state)
{
	struct ospf_spf spf;

	(void)state;
	world_make(sample, COUNT_OF(sample), 12);
	lsas[11].header.age_s = OSPF_MAX_AGE_S; /* RT12 */
	assert_int_equal(ospf_spf_run(&spf, 6, lsas, lsa_count), 0);
	assert_int_equal(spf.route_count, 9);
	assert_int_equal(spf.router_count, 11);
	ospf_spf_free(&spf);
	assert_int_equal(ospf_spf_run(&spf, 99, lsas, lsa_count), 0); /* a root that isn't there */
	assert_int_equal(spf.route_count, 0);
	ospf_spf_free(&spf);
}

static void random_check(const struct ospf_spf *spf, unsigned routers, uint32_t cost[ROUTERS_MAX + 1][ROUTERS_MAX + 1],
	uint32_t link[ROUTERS_MAX + 1][ROUTERS_MAX + 1])
{
	const uint32_t far = UINT32_MAX / 4;
	size_t at = 0;

	for (unsigned to = 1; to <= routers; to++) {
		unsigned ways = 0;

		if (cost[1][to] >= far)
			continue;
		assert_true(at < spf->router_count);
		assert_int_equal(spf->routers[at].router_id, to);
		assert_int_equal(spf->routers[at].cost, cost[1][to]);
		for (unsigned by = 2; by <= routers && to != 1; by++)
			ways += link[1][by] < far && link[1][by] + cost[by][to] == cost[1][to];
		assert_int_equal(spf->routers[at++].hops.count, ways < OSPF_HOPS_MAX ? ways : OSPF_HOPS_MAX);
	}
	assert_int_equal(at, spf->router_count);
}

#define FAR (UINT32_MAX / 4)

typedef uint32_t cost_matrix[ROUTERS_MAX + 1][ROUTERS_MAX + 1];

/* A random link for each ordered pair of routers, or none. */
static void random_links(struct rand *rand, unsigned routers, cost_matrix link)
{
	unsigned density = 1 + (unsigned)rand_below(rand, 8);

	for (unsigned a = 1; a <= routers; a++)
		for (unsigned b = 1; b <= routers; b++)
			link[a][b] = a != b && rand_below(rand, 10) < density ? 1 + (uint32_t)rand_below(rand, 4) : FAR;
}

/* The links as rows; in `cost` only those that both ends say. */
static size_t rows_of(unsigned routers, cost_matrix link, cost_matrix cost, struct row *rows)
{
	size_t count = 0;

	for (unsigned a = 1; a <= routers; a++)
		for (unsigned b = 1; b <= routers; b++) {
			if (link[a][b] < FAR)
				rows[count++] = (struct row){a, OSPF_LINK_POINT_TO_POINT, b, (uint16_t)link[a][b]};
			cost[a][b] = a == b ? 0 : link[b][a] < FAR ? link[a][b] : FAR;
		}
	return count;
}

/* Floyd and Warshall's shortest ways between all pairs. */
static void shortest_ways(unsigned routers, cost_matrix cost)
{
	for (unsigned k = 1; k <= routers; k++)
		for (unsigned a = 1; a <= routers; a++)
			for (unsigned b = 1; b <= routers; b++)
				if (cost[a][k] + cost[k][b] < cost[a][b])
					cost[a][b] = cost[a][k] + cost[k][b];
}

/* Costs and the number of equal ways; links that only one end says must not count. */
static void test_random(void **state)
{
	static cost_matrix cost, link;
	static struct row rows[ROUTERS_MAX * ROUTERS_MAX];
	struct rand rand = rand_seeded(5);

	(void)state;
	print_message("seed 5\n");
	for (unsigned round = 0; round < 300; round++) {
		unsigned routers = 2 + (unsigned)rand_below(&rand, ROUTERS_MAX - 1);
		struct ospf_spf spf;

		random_links(&rand, routers, link);
		world_make(rows, rows_of(routers, link, cost, rows), routers);
		memcpy(link, cost, sizeof(link));
		shortest_ways(routers, cost);
		assert_int_equal(ospf_spf_run(&spf, 1, lsas, lsa_count), 0);
		random_check(&spf, routers, cost, link);
		ospf_spf_free(&spf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_gateways),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
