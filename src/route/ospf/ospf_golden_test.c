/*
 * The sample routing tables of RFC 2328: that of RT6 with one area (11.1, table 12) and that of RT4, a border router, with areas and a
 * virtual link (11.2, table 13), computed from databases that are written down here as the RFC's figures have them.
 */
#include "route/ospf/ospf_engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NET(n) (0x0a000000U | (uint32_t)(n) << 16) /* N1 is 10.1.0.0/16 */
#define TRANSIT(n) (NET(n) + 1)			   /* the designated router's address on it */
#define ON(n, router) (NET(n) + (router))	   /* a router's address on it */
#define LINE(a, b) (0xc0000000U | (uint32_t)(a) << 8 | (b))
enum { H1 = 16, IA, IB };

/* What a router says of a link. */
struct said {
	unsigned area, router;
	uint8_t type;
	unsigned to;
	uint16_t cost;
};

static void ignore_send(void *context, const struct ospf_datagram *datagram)
{
	(void)context;
	(void)datagram;
}

static void ignore_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint32_t metric, struct instant now)
{
	(void)context;
	(void)prefix;
	(void)nexthops;
	(void)count;
	(void)metric;
	(void)now;
}

static void ignore_limit(void *context, const char *limit, uint64_t value)
{
	(void)context;
	(void)limit;
	(void)value;
}

static const struct ospf_ops ignore = {ignore_send, ignore_learnt, ignore_limit};

static struct ospf_store *store;

static struct ospf *router_make(uint32_t router_id)
{
	const struct ospf_settings settings = ospf_settings_default(router_id);
	const struct ospf_birth birth = {.store = store, .ops = &ignore};

	return ospf_new(&settings, &birth, (struct instant){0});
}

static void put(struct ospf *ospf, unsigned area, const struct ospf_lsa_header *header, const uint8_t *body, size_t size)
{
	struct ospf_area *in = area == UINT32_MAX ? NULL : ospf_area_get(ospf, area);
	const struct ospf_place place = {in ? &in->db : &ospf->externals, in, NULL};
	uint8_t bytes[1024];
	struct writer w = writer_over(bytes, sizeof(bytes));
	size_t start = ospf_lsa_begin(&w, header);

	writer_bytes(&w, body, size);
	ospf_lsa_end(&w, start);
	assert_true(writer_ok(&w));
	assert_non_null(ospf_entry_put(ospf, &place, bytes, writer_used(&w)));
}

static struct ospf_link link_of(const struct said *said)
{
	if (said->type == OSPF_LINK_TRANSIT)
		return (struct ospf_link){TRANSIT(said->to), ON(said->to, said->router), said->type, said->cost};
	if (said->type == OSPF_LINK_STUB)
		return (struct ospf_link){NET(said->to), 0xffff0000, said->type, said->cost};
	return (struct ospf_link){said->to, LINE(said->router, said->to), said->type, said->cost};
}

static void put_router(struct ospf *ospf, unsigned area, unsigned router, uint8_t flags, const struct said *said, size_t count)
{
	const struct ospf_lsa_header header = {.type = OSPF_LSA_ROUTER, .id = router, .router = router, .sequence = OSPF_SEQUENCE_FIRST};
	uint8_t body[512];
	struct writer w = writer_over(body, sizeof(body));

	writer_u8(&w, flags);
	writer_u8(&w, 0);
	writer_u16(&w, 0);
	for (size_t i = 0; i < count; i++) {
		struct ospf_link link = link_of(&said[i]);

		if (said[i].area == area && said[i].router == router)
			ospf_link_write(&w, &link);
	}
	writer_patch_u16(&w, 2, (uint16_t)((writer_used(&w) - 4) / 12));
	if (writer_used(&w) > 4)
		put(ospf, area, &header, body, writer_used(&w));
}

static void put_network(struct ospf *ospf, unsigned area, unsigned network, const struct said *said, size_t count)
{
	struct ospf_lsa_header header = {.type = OSPF_LSA_NETWORK, .id = TRANSIT(network), .sequence = OSPF_SEQUENCE_FIRST};
	uint8_t body[64];
	struct writer w = writer_over(body, sizeof(body));

	writer_u32(&w, 0xffff0000);
	for (size_t i = 0; i < count; i++)
		if (said[i].area == area && said[i].type == OSPF_LINK_TRANSIT && said[i].to == network) {
			header.router = said[i].router;
			writer_u32(&w, said[i].router);
		}
	if (writer_used(&w) > 4)
		put(ospf, area, &header, body, writer_used(&w));
}

static void put_far(struct ospf *ospf, unsigned area, uint8_t type, unsigned router, unsigned network, uint32_t metric)
{
	const struct ospf_lsa_header header = {.type = type, .id = NET(network), .router = router, .sequence = OSPF_SEQUENCE_FIRST};
	uint8_t body[16];
	struct writer w = writer_over(body, sizeof(body));

	writer_u32(&w, 0xffff0000);
	writer_u32(&w, metric);
	writer_zero(&w, 8);
	put(ospf, area, &header, body, type == OSPF_LSA_EXTERNAL ? 16 : 8);
}

/* What RT5 and RT7 say of the other systems, comparable with our own costs. */
static void put_externals(struct ospf *ospf)
{
	static const struct {
		unsigned router, network;
		uint32_t metric;
	} rows[] = {{5, 12, 8}, {5, 13, 8}, {5, 14, 8}, {7, 12, 2}, {7, 15, 9}};

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		put_far(ospf, UINT32_MAX, OSPF_LSA_EXTERNAL, rows[i].router, rows[i].network, rows[i].metric);
}

static void put_all(struct ospf *ospf, unsigned area, const struct said *said, size_t count)
{
	static const uint8_t flags[13] = {[5] = OSPF_FLAG_EXTERNAL, [7] = OSPF_FLAG_EXTERNAL};
	static const uint8_t borders[13] = {[3] = 1, [4] = 1, [7] = 1, [10] = 1, [11] = 1};

	for (unsigned router = 1; router <= 12; router++)
		put_router(ospf, area, router, flags[router] | (ospf->is_border ? borders[router] : 0), said, count);
	for (unsigned network = 1; network <= 11; network++)
		put_network(ospf, area, network, said, count);
}

static void compute(struct ospf *ospf)
{
	ospf->now = ospf->spf_at;
	ospf_calc_tick(ospf);
}

/* A row of the RFC's tables; `by` is the next hop: a router, or 0 for "*". */
struct expected {
	unsigned network, kind;
	uint32_t cost;
	unsigned by;
};

/* The router at the end of a first hop, by the addresses above. */
static unsigned hop_router(const struct ospf_hop *hop)
{
	if (hop->gateway != 0)
		return hop->gateway & 0xffff;
	return hop->interface >> 24 == 0xc0 ? hop->interface & 0xff : 0;
}

static void check(const struct ospf *ospf, const struct expected *rows, size_t count)
{
	assert_int_equal(ospf->table.count, count);
	for (size_t i = 0; i < count; i++) {
		const struct ospf_path *path = &ospf->table.paths[i];

		assert_int_equal(path->network, NET(rows[i].network));
		assert_int_equal(path->kind, rows[i].kind);
		assert_int_equal(path->cost, rows[i].cost);
		if (rows[i].by == 0) {
			assert_true(path->hops.count == 0 || hop_router(&path->hops.at[0]) == 0);
			continue;
		}
		assert_int_equal(path->hops.count, 1);
		assert_int_equal(hop_router(&path->hops.at[0]), rows[i].by);
	}
}

/* Figure 2, all of it in area 0. */
static const struct said figure_2[] = {
	{0, 1, OSPF_LINK_STUB, 1, 3},
	{0, 1, OSPF_LINK_TRANSIT, 3, 1},
	{0, 2, OSPF_LINK_STUB, 2, 3},
	{0, 2, OSPF_LINK_TRANSIT, 3, 1},
	{0, 3, OSPF_LINK_TRANSIT, 3, 1},
	{0, 3, OSPF_LINK_STUB, 4, 2},
	{0, 3, OSPF_LINK_POINT_TO_POINT, 6, 8},
	{0, 4, OSPF_LINK_TRANSIT, 3, 1},
	{0, 4, OSPF_LINK_POINT_TO_POINT, 5, 8},
	{0, 5, OSPF_LINK_POINT_TO_POINT, 4, 8},
	{0, 5, OSPF_LINK_POINT_TO_POINT, 6, 7},
	{0, 5, OSPF_LINK_POINT_TO_POINT, 7, 6},
	{0, 6, OSPF_LINK_POINT_TO_POINT, 3, 6},
	{0, 6, OSPF_LINK_POINT_TO_POINT, 5, 6},
	{0, 6, OSPF_LINK_POINT_TO_POINT, 10, 7},
	{0, 6, OSPF_LINK_STUB, IB, 7},
	{0, 7, OSPF_LINK_POINT_TO_POINT, 5, 6},
	{0, 7, OSPF_LINK_TRANSIT, 6, 1},
	{0, 8, OSPF_LINK_TRANSIT, 6, 1},
	{0, 8, OSPF_LINK_STUB, 7, 4},
	{0, 9, OSPF_LINK_TRANSIT, 9, 1},
	{0, 9, OSPF_LINK_STUB, 11, 3},
	{0, 10, OSPF_LINK_TRANSIT, 6, 1},
	{0, 10, OSPF_LINK_TRANSIT, 8, 3},
	{0, 10, OSPF_LINK_POINT_TO_POINT, 6, 5},
	{0, 10, OSPF_LINK_STUB, IA, 5},
	{0, 11, OSPF_LINK_TRANSIT, 8, 2},
	{0, 11, OSPF_LINK_TRANSIT, 9, 1},
	{0, 12, OSPF_LINK_TRANSIT, 9, 1},
	{0, 12, OSPF_LINK_STUB, 10, 2},
	{0, 12, OSPF_LINK_STUB, H1, 10},
};

static void test_table_12(void **state)
{
	static const struct expected rows[] = {
		{1, OSPF_PATH_INTRA, 10, 3},
		{2, OSPF_PATH_INTRA, 10, 3},
		{3, OSPF_PATH_INTRA, 7, 3},
		{4, OSPF_PATH_INTRA, 8, 3},
		{6, OSPF_PATH_INTRA, 8, 10},
		{7, OSPF_PATH_INTRA, 12, 10},
		{8, OSPF_PATH_INTRA, 10, 10},
		{9, OSPF_PATH_INTRA, 11, 10},
		{10, OSPF_PATH_INTRA, 13, 10},
		{11, OSPF_PATH_INTRA, 14, 10},
		{12, OSPF_PATH_EXTERNAL_1, 10, 10},
		{13, OSPF_PATH_EXTERNAL_1, 14, 5},
		{14, OSPF_PATH_EXTERNAL_1, 14, 5},
		{15, OSPF_PATH_EXTERNAL_1, 17, 10},
		{H1, OSPF_PATH_INTRA, 21, 10},
		{IA, OSPF_PATH_INTRA, 12, 10},
		{IB, OSPF_PATH_INTRA, 7, 0},
	};
	struct ospf *ospf = router_make(6);

	(void)state;
	put_all(ospf, 0, figure_2, COUNT_OF(figure_2));
	put_externals(ospf);
	compute(ospf);
	check(ospf, rows, COUNT_OF(rows));
	assert_int_equal(ospf_asbr_find(ospf, 5)->cost, 6);
	assert_int_equal(ospf_asbr_find(ospf, 7)->cost, 8);
	ospf_free(ospf);
}

/* Figure 6 as RT4 sees it: its area 1 and the backbone, where a virtual link joins RT10 and RT11. */
static const struct said figure_6[] = {
	{1, 1, OSPF_LINK_STUB, 1, 3},
	{1, 1, OSPF_LINK_TRANSIT, 3, 1},
	{1, 2, OSPF_LINK_STUB, 2, 3},
	{1, 2, OSPF_LINK_TRANSIT, 3, 1},
	{1, 3, OSPF_LINK_TRANSIT, 3, 1},
	{1, 3, OSPF_LINK_STUB, 4, 2},
	{1, 4, OSPF_LINK_TRANSIT, 3, 1},
	{0, 3, OSPF_LINK_POINT_TO_POINT, 6, 8},
	{0, 4, OSPF_LINK_POINT_TO_POINT, 5, 8},
	{0, 5, OSPF_LINK_POINT_TO_POINT, 4, 8},
	{0, 5, OSPF_LINK_POINT_TO_POINT, 6, 7},
	{0, 5, OSPF_LINK_POINT_TO_POINT, 7, 6},
	{0, 6, OSPF_LINK_POINT_TO_POINT, 3, 6},
	{0, 6, OSPF_LINK_POINT_TO_POINT, 5, 6},
	{0, 6, OSPF_LINK_POINT_TO_POINT, 10, 7},
	{0, 6, OSPF_LINK_STUB, IB, 7},
	{0, 7, OSPF_LINK_POINT_TO_POINT, 5, 6},
	{0, 10, OSPF_LINK_POINT_TO_POINT, 6, 5},
	{0, 10, OSPF_LINK_STUB, IA, 5},
	{0, 10, OSPF_LINK_VIRTUAL, 11, 3},
	{0, 11, OSPF_LINK_VIRTUAL, 10, 2},
};

static void test_table_13(void **state)
{
	static const struct expected rows[] = {
		{1, OSPF_PATH_INTRA, 4, 1},
		{2, OSPF_PATH_INTRA, 4, 2},
		{3, OSPF_PATH_INTRA, 1, 0},
		{4, OSPF_PATH_INTRA, 3, 3},
		{6, OSPF_PATH_INTER, 15, 5},
		{7, OSPF_PATH_INTER, 19, 5},
		{8, OSPF_PATH_INTER, 18, 5},
		{9, OSPF_PATH_INTER, 36, 5}, /* N9 to N11 and H1: one range of RT11 */
		{12, OSPF_PATH_EXTERNAL_1, 16, 5},
		{13, OSPF_PATH_EXTERNAL_1, 16, 5},
		{14, OSPF_PATH_EXTERNAL_1, 16, 5},
		{15, OSPF_PATH_EXTERNAL_1, 23, 5},
		{IA, OSPF_PATH_INTRA, 27, 5},
		{IB, OSPF_PATH_INTRA, 22, 5},
	};
	/* What the other border routers say in the backbone (the RFC's table 5 and figure 8). */
	static const struct {
		unsigned router, network;
		uint32_t metric;
	} summaries[] = {{3, 1, 4}, {3, 2, 4}, {3, 3, 1}, {3, 4, 2}, {7, 6, 1}, {7, 7, 5}, {7, 8, 4}, {10, 6, 1}, {10, 7, 5}, {10, 8, 3},
		{11, 9, 11}};
	struct ospf *ospf = router_make(4);

	(void)state;
	ospf->is_border = true;
	ospf_area_get(ospf, 0)->up_count = ospf_area_get(ospf, 1)->up_count = 1;
	put_all(ospf, 0, figure_6, COUNT_OF(figure_6));
	put_all(ospf, 1, figure_6, COUNT_OF(figure_6));
	for (size_t i = 0; i < COUNT_OF(summaries); i++)
		put_far(ospf, 0, OSPF_LSA_SUMMARY, summaries[i].router, summaries[i].network, summaries[i].metric);
	put_externals(ospf);
	compute(ospf);
	check(ospf, rows, COUNT_OF(rows));
	assert_int_equal(ospf_asbr_find(ospf, 5)->cost, 8);
	assert_int_equal(ospf_asbr_find(ospf, 7)->cost, 14);
	ospf_free(ospf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_12),
		cmocka_unit_test(test_table_13),
	};
	int failed;

	store = ospf_store_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ospf_store_free(store);
	return failed;
}
