/* The RIB: preference, joining of static routes, what the switch is told; then random offers against a plain model. */
#include "route/rib.h"

#include "base/check.h"
#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct instant at = {1};
static unsigned changes;

static void count_change(void *context, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	(void)context;
	(void)prefix;
	(void)best;
	(void)now;
	changes++;
}

static const struct rib_ops ops = {count_change};

static struct rib_offer offer(
	const char *prefix, enum route_protocol protocol, uint32_t source, uint8_t distance, uint32_t metric, const struct nexthop *nexthop)
{
	struct rib_offer out = {
		.protocol = protocol, .source = source, .distance = distance, .metric = metric, .nexthops = nexthop, .nexthop_count = 1};

	assert_true(prefix_parse(prefix, &out.prefix));
	return out;
}

static struct nexthop via(uint32_t address, uint32_t rif) { return (struct nexthop){ip_from_u32(address), rif}; }

static void set(struct rib *rib, struct rib_offer what) { assert_int_equal(rib_set(rib, &what, at), 0); }

/* Takes exactly one entry. */
static struct fib_entry take_one(struct rib *rib)
{
	struct fib_entry entries[2];

	assert_int_equal(rib_take(rib, entries, 2, false), 1);
	return entries[0];
}

static void test_preference(void **state)
{
	struct nexthop a = via(0x0a000001, 1), b = via(0x0a000002, 2);
	struct rib rib;
	struct fib_entry entry;

	(void)state;
	rib_init(&rib, &ops, NULL, 100, NULL);
	changes = 0;
	set(&rib, offer("10.1.0.0/16", ROUTE_RIP, 0, 120, 5, &a));
	entry = take_one(&rib);
	assert_true(entry.add && entry.protocol == ROUTE_RIP && entry.nexthops[0].rif == 1);
	set(&rib, offer("10.1.0.0/16", ROUTE_STATIC, 7, 1, 0, &b));
	entry = take_one(&rib);
	assert_true(entry.add && entry.protocol == ROUTE_STATIC && entry.nexthops[0].rif == 2);
	set(&rib, offer("10.1.0.0/16", ROUTE_RIP, 0, 120, 3, &a)); /* not the best: nobody has to know */
	assert_false(rib_dirty(&rib));
	rib_del(&rib, &entry.prefix, ROUTE_STATIC, 7, at);
	entry = take_one(&rib);
	assert_true(entry.add && entry.protocol == ROUTE_RIP);
	rib_del(&rib, &entry.prefix, ROUTE_RIP, 0, at);
	entry = take_one(&rib);
	assert_false(entry.add);
	assert_int_equal(changes, 4);
	assert_int_equal(rib.table.used, 0);
	rib_free(&rib);
}

/* What comes and goes between two batches is never sent; what is repeated is no change. */
static void test_coalescing(void **state)
{
	struct nexthop a = via(0x0a000001, 1);
	const struct rib_offer what = offer("10.1.0.0/16", ROUTE_RIP, 0, 120, 5, &a);
	struct fib_entry entries[4];
	struct rib rib;

	(void)state;
	rib_init(&rib, &ops, NULL, 100, NULL);
	set(&rib, what);
	rib_del(&rib, &what.prefix, ROUTE_RIP, 0, at);
	assert_int_equal(rib_take(&rib, entries, 4, false), 0);
	set(&rib, what);
	set(&rib, what);
	assert_int_equal(rib_take(&rib, entries, 4, false), 1);
	set(&rib, what);
	assert_int_equal(rib_take(&rib, entries, 4, false), 0);
	rib_retell(&rib);
	assert_int_equal(rib_take(&rib, entries, 4, false), 1);
	rib_free(&rib);
}

/* While held back, learnt routes wait; what the switch must not go on with is told all the same. */
static void test_hold(void **state)
{
	struct nexthop a = via(0x0a000001, 1);
	const struct rib_offer learnt = offer("10.1.0.0/16", ROUTE_RIP, 0, 120, 5, &a);
	const struct rib_offer connected = offer("10.1.0.0/16", ROUTE_CONNECTED, 1, 0, 0, &a);
	struct fib_entry entries[4];
	struct rib rib;

	(void)state;
	rib_init(&rib, &ops, NULL, 100, NULL);
	set(&rib, learnt);
	assert_int_equal(rib_take(&rib, entries, 4, true), 0);
	assert_false(rib_dirty(&rib));
	set(&rib, connected);
	assert_int_equal(rib_take(&rib, entries, 4, true), 1);
	rib_del(&rib, &connected.prefix, ROUTE_CONNECTED, 1, at);
	assert_int_equal(rib_take(&rib, entries, 4, true), 1);
	assert_int_equal(entries[0].protocol, ROUTE_RIP);
	set(&rib, offer("10.2.0.0/16", ROUTE_RIP, 0, 120, 5, &a));
	assert_int_equal(rib_take(&rib, entries, 4, true), 0);
	rib_release(&rib);
	assert_int_equal(rib_take(&rib, entries, 4, false), 1);
	rib_free(&rib);
}

static void test_static_join(void **state)
{
	struct nexthop a = via(0x0a000002, 1), b = via(0x0a000001, 2), c = via(0x0a000003, 3);
	struct fib_entry entry;
	struct rib rib;

	(void)state;
	rib_init(&rib, &ops, NULL, 100, NULL);
	set(&rib, offer("0.0.0.0/0", ROUTE_STATIC, 1, 1, 0, &a));
	set(&rib, offer("0.0.0.0/0", ROUTE_STATIC, 2, 1, 0, &b));
	set(&rib, offer("0.0.0.0/0", ROUTE_STATIC, 3, 200, 0, &c));
	entry = take_one(&rib);
	assert_int_equal(entry.nexthop_count, 2);
	rib_del(&rib, &entry.prefix, ROUTE_STATIC, 1, at);
	entry = take_one(&rib);
	assert_int_equal(entry.nexthop_count, 1);
	assert_int_equal(entry.nexthops[0].rif, 2);
	rib_del(&rib, &entry.prefix, ROUTE_STATIC, 2, at);
	entry = take_one(&rib);
	assert_int_equal(entry.nexthops[0].rif, 3);
	rib_free(&rib);
}

static void test_limit(void **state)
{
	struct nexthop a = via(0x0a000002, 1);
	struct rib_offer what = offer("10.1.0.0/16", ROUTE_RIP, 0, 120, 5, &a), more = offer("10.2.0.0/16", ROUTE_RIP, 0, 120, 5, &a);
	struct rib rib;

	(void)state;
	rib_init(&rib, &ops, NULL, 1, NULL);
	assert_int_equal(rib_set(&rib, &what, at), 0);
	assert_true(rib_set(&rib, &more, at) < 0);
	more = offer("10.1.0.0/16", ROUTE_STATIC, 0, 1, 0, &a);
	assert_true(rib_set(&rib, &more, at) < 0);
	what.metric = 6;
	assert_int_equal(rib_set(&rib, &what, at), 0);
	rib.routes_max = 2;
	assert_int_equal(rib_set(&rib, &more, at), 0);
	rib_free(&rib);
}

/* Two tables share what both may hold; what one gives back the other may take. */
static void test_budget(void **state)
{
	struct nexthop a = via(0x0a000002, 1);
	struct rib_offer what = offer("10.1.0.0/16", ROUTE_RIP, 0, 120, 5, &a), more = offer("10.2.0.0/16", ROUTE_RIP, 0, 120, 5, &a);
	struct rib_budget budget = {.max = 2};
	struct rib one, two;

	(void)state;
	rib_init(&one, &ops, NULL, 100, &budget);
	rib_init(&two, &ops, NULL, 100, &budget);
	assert_int_equal(rib_set(&one, &what, at), 0);
	assert_int_equal(rib_set(&two, &what, at), 0);
	assert_int_equal(rib_set(&two, &more, at), -ENOMEM);
	what.metric = 7;
	assert_int_equal(rib_set(&two, &what, at), 0);
	rib_del(&one, &what.prefix, ROUTE_RIP, 0, at);
	assert_int_equal(rib_set(&two, &more, at), 0);
	assert_int_equal(budget.used, 2);
	rib_free(&two);
	assert_int_equal(budget.used, 0);
	rib_free(&one);
}

/* A plain model: metric by (prefix, source), 0: no offer; what the switch was told last, by prefix. */
struct model {
	uint32_t metric[16][4];
	uint32_t told[16];
};

/* The switch must know the source with the lowest metric, or nothing. */
static void model_compare(struct model *model, struct rib *rib)
{
	struct fib_entry entries[16];
	unsigned count = rib_take(rib, entries, 16, false);

	for (unsigned i = 0; i < count; i++)
		model->told[entries[i].prefix.ip.bytes[1]] = entries[i].add ? entries[i].nexthops[0].rif : 0;
	for (unsigned p = 0; p < 16; p++) {
		uint32_t best = 0;

		for (unsigned s = 0; s < 4; s++)
			if (model->metric[p][s] != 0 && (best == 0 || model->metric[p][s] < model->metric[p][best - 1]))
				best = s + 1;
		assert_int_equal(model->told[p], best);
	}
}

static void test_random(void **state)
{
	const uint64_t seed = 4711;
	struct rand rand = rand_seeded(seed);
	struct model model = {0};
	struct rib rib;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	rib_init(&rib, &ops, NULL, 1000, NULL);
	for (unsigned round = 0; round < 20000; round++) {
		unsigned p = (unsigned)rand_below(&rand, 16), s = (unsigned)rand_below(&rand, 4);
		struct nexthop nexthop = via(0x0a000001 + s, s + 1);
		struct rib_offer what = {{ip_from_u32(0x0a000000 | p << 16), 16}, ROUTE_RIP, ROUTE_FORWARD, s, 0, 120, &nexthop, 1};

		what.metric = (uint32_t)rand_below(&rand, 5);
		if (what.metric == 0)
			rib_del(&rib, &what.prefix, ROUTE_RIP, s, at);
		else
			set(&rib, what);
		model.metric[p][s] = what.metric;
		if (rand_below(&rand, 3) == 0)
			model_compare(&model, &rib);
		if (rand_below(&rand, 1000) == 0) {
			memset(model.told, 0, sizeof(model.told));
			rib_retell(&rib);
			model_compare(&model, &rib);
		}
	}
	rib_free(&rib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_preference),
		cmocka_unit_test(test_coalescing),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_static_join),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
