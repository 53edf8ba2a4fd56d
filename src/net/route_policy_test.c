/* Tests of route policies: bounds of prefixes, conditions of attributes, order of rules, broken bytes, and seeded random ones by a plain
 * model. */
#include "net/route_policy.h"

#include "base/check.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static struct policy_prefix range(const char *text, uint8_t least, uint8_t most)
{
	return (struct policy_prefix){prefix_of(text), least, most};
}

static struct route_policy *compile(const struct policy_rule *rules, size_t count)
{
	static uint8_t bytes[POLICY_BYTES_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct err err = {0};
	struct route_policy *policy;

	assert_true(route_policy_encode(&w, rules, count));
	policy = route_policy_new(bytes, writer_used(&w), &err);
	assert_non_null(policy);
	return policy;
}

static struct policy_outcome ask(const struct route_policy *policy, const struct policy_route *route, const char *prefix)
{
	const struct prefix p = prefix_of(prefix);

	return route_policy_decide(policy, route_policy_candidates(policy, route), &p);
}

static void test_prefixes(void **state)
{
	const struct policy_prefix prefixes[] = {range("10.0.0.0/8", 16, 24), range("10.1.0.0/16", 16, 16), range("10.1.0.0/16", 30, 32),
		range("192.0.2.0/24", 24, 24), range("2001:db8::/32", 32, 48)};
	const struct policy_rule rule = {.verdict = POLICY_ACCEPT, .prefixes = prefixes, .prefix_count = COUNT_OF(prefixes)};
	static const struct {
		const char *prefix;
		bool accept;
	} rows[] = {{"10.0.0.0/8", false}, {"10.0.0.0/15", false}, {"10.0.0.0/16", true}, {"10.1.0.0/16", true}, {"10.1.2.0/24", true},
		{"10.1.2.0/25", false}, {"10.1.2.0/30", true}, {"10.2.2.0/30", false}, {"10.1.2.1/32", true}, {"192.0.2.0/24", true},
		{"192.0.2.0/25", false}, {"192.0.0.0/16", false}, {"0.0.0.0/0", false}, {"2001:db8::/32", true}, {"2001:db8:1::/48", true},
		{"2001:db8:1:2::/64", false}, {"::/0", false}};
	struct route_policy *policy = compile(&rule, 1);
	const struct policy_route route = {0};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (ask(policy, &route, rows[i].prefix).accept != rows[i].accept)
			print_message("%s\n", rows[i].prefix);
		assert_int_equal(ask(policy, &route, rows[i].prefix).accept, rows[i].accept);
	}
	route_policy_free(policy);
}

static void test_conditions(void **state)
{
	static const uint8_t path[] = {2, 2, 0, 0, 0xfd, 0xe9, 0, 0, 0, 7}; /* 65001 7 */
	static const uint8_t communities[] = {0xfd, 0xe9, 0, 100}, large[] = {0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2};
	static const char *const patterns[] = {"^65002_", "^65001_"};
	const struct policy_community any_65001 = {POLICY_COMMUNITY, {65001u << 16}, {0xffff0000}};
	const struct policy_community large_9 = {POLICY_LARGE, {9, 1}, {UINT32_MAX, UINT32_MAX, 0}};
	struct policy_rule rule = {.verdict = POLICY_ACCEPT, .as_paths = patterns, .as_path_count = 2};
	struct policy_route route = {.protocol = 4, .origin = 2, .path_length = 2, .as_path = {path, sizeof(path)}};
	struct route_policy *policy = compile(&rule, 1);

	(void)state;
	assert_true(ask(policy, &route, "10.0.0.0/8").accept);
	route.as_path.count = 0;
	assert_false(ask(policy, &route, "10.0.0.0/8").accept);
	route_policy_free(policy);
	rule = (struct policy_rule){.verdict = POLICY_ACCEPT, .communities = &any_65001, .community_count = 1};
	policy = compile(&rule, 1);
	assert_false(ask(policy, &route, "10.0.0.0/8").accept);
	route.communities = (struct policy_bytes){communities, sizeof(communities)};
	assert_true(ask(policy, &route, "10.0.0.0/8").accept);
	route_policy_free(policy);
	rule.communities = &large_9;
	policy = compile(&rule, 1);
	assert_false(ask(policy, &route, "10.0.0.0/8").accept);
	route.large = (struct policy_bytes){large, sizeof(large)};
	assert_true(ask(policy, &route, "10.0.0.0/8").accept);
	route_policy_free(policy);
	rule = (struct policy_rule){.verdict = POLICY_ACCEPT, .protocols = 1u << 1, .has_path_length = true, .path_most = 2};
	policy = compile(&rule, 1);
	assert_false(ask(policy, &route, "10.0.0.0/8").accept);
	route.protocol = 1;
	assert_true(ask(policy, &route, "10.0.0.0/8").accept);
	route.path_length = 3;
	assert_false(ask(policy, &route, "10.0.0.0/8").accept);
	route_policy_free(policy);
}

static void test_order(void **state)
{
	const struct policy_prefix ten = range("10.0.0.0/8", 8, 32), one = range("10.1.0.0/16", 16, 32);
	const struct policy_rule rules[] = {
		{.verdict = POLICY_NEXT, .prefixes = &ten, .prefix_count = 1, .changes = {.has_metric = true, .metric = 5, .prepend = 1}},
		{.verdict = POLICY_REJECT, .prefixes = &one, .prefix_count = 1},
		{.verdict = POLICY_ACCEPT, .families = 1u << IP_V4, .changes = {.has_local_pref = true, .local_pref = 200, .prepend = 2}},
	};
	struct route_policy *policy = compile(rules, COUNT_OF(rules));
	const struct policy_route route = {0};
	struct policy_changes changes;
	struct policy_outcome outcome = ask(policy, &route, "10.2.0.0/16");

	(void)state;
	assert_true(outcome.accept && outcome.rule == 2 && outcome.fired == 5);
	route_policy_changes(policy, outcome.fired, &changes);
	assert_true(changes.has_metric && changes.metric == 5 && changes.has_local_pref && changes.local_pref == 200);
	assert_int_equal(changes.prepend, 3);
	outcome = ask(policy, &route, "10.1.2.0/24");
	assert_true(!outcome.accept && outcome.rule == 1);
	assert_int_equal(ask(policy, &route, "192.0.2.0/24").fired, 4);
	outcome = ask(policy, &route, "2001:db8::/32");
	assert_true(!outcome.accept && outcome.rule == POLICY_RULES_MAX);
	route_policy_free(policy);
}

/* What is cut short or followed by more is refused, whatever it says. */
static void test_broken(void **state)
{
	static const char *const patterns[] = {"_7_"};
	const struct policy_prefix ten = range("10.0.0.0/8", 8, 32);
	const struct policy_community c = {POLICY_COMMUNITY, {1}, {1}};
	const struct policy_rule rule = {.verdict = POLICY_ACCEPT,
		.prefixes = &ten,
		.prefix_count = 1,
		.as_paths = patterns,
		.as_path_count = 1,
		.communities = &c,
		.community_count = 1,
		.changes = {.add_count = 1, .add = {c}}};
	uint8_t bytes[512];
	struct writer w = writer_over(bytes, sizeof(bytes));

	(void)state;
	assert_true(route_policy_encode(&w, &rule, 1));
	for (size_t i = 0; i < writer_used(&w); i++)
		assert_null(route_policy_new(bytes, i, NULL));
	writer_u8(&w, 0);
	assert_null(route_policy_new(bytes, writer_used(&w), NULL));
}

/* A few hundred ranges over few addresses, against looking at each. */
static void test_random(void **state)
{
	enum { RANGES = 300 };
	static struct policy_prefix ranges[RANGES];
	const uint64_t seed = 8212;
	struct rand rand = rand_seeded(seed);
	const struct policy_route route = {0};
	struct policy_rule rule = {.verdict = POLICY_ACCEPT, .prefixes = ranges, .prefix_count = RANGES};
	struct route_policy *policy;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < RANGES; i++) {
		uint8_t length = (uint8_t)(8 + rand_below(&rand, 20)), least = (uint8_t)(length + rand_below(&rand, 33u - length));

		ranges[i] = (struct policy_prefix){
			prefix_masked((struct prefix){ip_from_u32(0x0a000000 | (uint32_t)rand_below(&rand, 1 << 12) << 8), length}), least,
			(uint8_t)(least + rand_below(&rand, 33u - least))};
	}
	policy = compile(&rule, 1);
	for (unsigned round = 0; round < 50000; round++) {
		const struct prefix p = prefix_masked((struct prefix){
			ip_from_u32(0x0a000000 | (uint32_t)rand_below(&rand, 1 << 20)), (uint8_t)(8 + rand_below(&rand, 25))});
		bool accept = false;

		for (unsigned i = 0; i < RANGES && !accept; i++)
			accept = ranges[i].prefix.length <= p.length && prefix_contains(ranges[i].prefix, p.ip) &&
				 p.length >= ranges[i].least && p.length <= ranges[i].most;
		assert_int_equal(route_policy_decide(policy, route_policy_candidates(policy, &route), &p).accept, accept);
	}
	route_policy_free(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_conditions),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
