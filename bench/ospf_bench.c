/*
 * How long a router takes to compute its routes anew (RFC 2328 16) when something changes in a grid of 100 x 100 routers: 10,000 router
 * LSAs, 19,800 links, each of them a network, and a loopback each. Prints the median of CPU times of a run with Dijkstra (a link's cost
 * changes) and of one where only a stub network changes, both with the comparison of the routing tables.
 */
#include "base/hash.h"
#include "route/ospf/ospf_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SIDE 100
#define RUNS 101

static uint64_t told;

static void bench_send(void *context, const struct ospf_datagram *datagram) {}
static void bench_limit(void *context, const char *limit, uint64_t value) {}
static void bench_learnt(void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned nexthop_count,
	uint32_t metric, struct instant now)
{
	told++;
}

static const struct ospf_ops ops = {bench_send, bench_learnt, bench_limit};

static uint32_t id_of(unsigned router) { return 0x01000000u + router + 1; }

/* The address of a router's end of a link; links to the right are even, links down odd. */
static uint32_t end_of(unsigned router, unsigned down, unsigned far) { return 0x0a000000u + (router * 2 + down) * 2 + far; }

static void link_pair(struct writer *w, unsigned to, uint32_t address, uint16_t cost)
{
	const struct ospf_link link = {id_of(to), address, OSPF_LINK_POINT_TO_POINT, cost};
	const struct ospf_link stub = {address & ~1u, 0xfffffffe, OSPF_LINK_STUB, cost};

	ospf_link_write(w, &link);
	ospf_link_write(w, &stub);
}

/* Puts the LSA of a router in; `cost` is of its link to the right, `loopback` of its own address. */
static void say(struct ospf *ospf, unsigned router, int32_t sequence, uint16_t cost, uint16_t loopback)
{
	struct ospf_area *area = ospf_area_get(ospf, 0);
	const struct ospf_place place = {&area->db, area, NULL};
	const struct ospf_lsa_header header = {
		.options = OSPF_OPTION_E, .type = OSPF_LSA_ROUTER, .id = id_of(router), .router = id_of(router), .sequence = sequence};
	const struct ospf_link own = {0xc0000000u + router, UINT32_MAX, OSPF_LINK_STUB, loopback};
	unsigned x = router % SIDE, y = router / SIDE;
	uint8_t bytes[256];
	struct writer w = writer_over(bytes, sizeof(bytes));
	size_t start = ospf_lsa_begin(&w, &header), body = writer_used(&w);

	writer_u32(&w, 0);
	ospf_link_write(&w, &own);
	if (x + 1 < SIDE)
		link_pair(&w, router + 1, end_of(router, 0, 0), cost);
	if (y + 1 < SIDE)
		link_pair(&w, router + SIDE, end_of(router, 1, 0), 10);
	if (x > 0)
		link_pair(&w, router - 1, end_of(router - 1, 0, 1), 10);
	if (y > 0)
		link_pair(&w, router - SIDE, end_of(router - SIDE, 1, 1), 10);
	writer_patch_u16(&w, body + 2, (uint16_t)((writer_used(&w) - body - 4) / 12));
	ospf_lsa_end(&w, start);
	CHECK(writer_ok(&w));
	CHECK(ospf_entry_put(ospf, &place, bytes, writer_used(&w)) != NULL);
}

/* The interfaces of the router in the middle, and who is behind them. */
static void attach(struct ospf *ospf, unsigned root)
{
	const uint32_t ends[][2] = {{end_of(root, 0, 0), id_of(root + 1)}, {end_of(root, 1, 0), id_of(root + SIDE)},
		{end_of(root - 1, 0, 1), id_of(root - 1)}, {end_of(root - SIDE, 1, 1), id_of(root - SIDE)}};
	struct ospf_interface_settings settings = ospf_interface_settings_default();

	settings.type = OSPF_POINT_TO_POINT;
	for (uint32_t i = 0; i < COUNT_OF(ends); i++) {
		const struct prefix address = {ip_from_u32(ends[i][0]), 31};
		const struct ospf_link_state state = {true, 1500, 1, &address};
		struct ospf_interface *interface;

		ospf_interface_set(ospf, i + 1, &settings, ospf->now);
		ospf_interface_state(ospf, i + 1, &state, ospf->now);
		interface = map_get(&ospf->interface_of, i + 1);
		ospf_neighbor_new(interface, ends[i][1], ends[i][0] ^ 1)->state = OSPF_NB_FULL;
	}
}

static int double_order(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static double cpu_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Changes something far away `RUNS` times; prints the median. */
static void measure(struct ospf *ospf, const char *name, bool stub)
{
	const unsigned far = SIDE * SIDE / 4 + SIDE / 4;
	double times[RUNS];
	uint64_t before = told;

	for (int i = 0; i < RUNS; i++) {
		uint16_t other = (uint16_t)(i % 2);
		double start;

		ospf->now = instant_add(ospf->now, span_s(10));
		say(ospf, far, (int32_t)(ospf->now.ns / 1000000000), stub ? 10 : (uint16_t)(10 + 5 * other), stub ? other : 0);
		start = cpu_ms();
		ospf->now = instant_add(ospf->now, span_s(2));
		ospf_calc_tick(ospf);
		times[i] = cpu_ms() - start;
	}
	qsort(times, RUNS, sizeof(times[0]), double_order);
	(void)printf("%-34s %8.3f ms (best %.3f), %.1f routes changed\n", name, times[RUNS / 2], times[0], (double)(told - before) / RUNS);
}

int main(void)
{
	const unsigned root = SIDE * SIDE / 2 + SIDE / 2;
	const struct ospf_settings settings = ospf_settings_default(id_of(root));
	const struct ospf_birth birth = {.store = ospf_store_new(), .ops = &ops};
	struct ospf *ospf;

	hash_set_secret(1);
	ospf = ospf_new(&settings, &birth, (struct instant){1000000000});
	attach(ospf, root);
	for (unsigned router = 0; router < SIDE * SIDE; router++)
		say(ospf, router, 1, 10, 0);
	ospf->now = instant_add(ospf->now, span_s(2));
	ospf_calc_tick(ospf);
	(void)printf("%d routers, %d links, %zu routes\n", SIDE * SIDE, 2 * SIDE * (SIDE - 1), ospf->table.count);
	measure(ospf, "shortest paths and what changed", false);
	measure(ospf, "a stub network alone", true);
	ospf_free(ospf);
	ospf_store_free(birth.store);
	return 0;
}
