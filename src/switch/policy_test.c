/* Tests of policies: random rules and questions, against reading the rules one by one. */
#include "switch/policy.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RULES 10000

/* The meaning of a rule, in plain words. */
static bool rule_lets(const struct group_rule *rule, bool ingress, struct ip remote, uint32_t group, uint8_t protocol, uint16_t port)
{
	if (rule->ingress != ingress || (rule->protocol != 0 && rule->protocol != protocol))
		return false;
	if (rule->protocol != 0 && (port < rule->port_first || port > rule->port_last))
		return false;
	if (rule->group != 0)
		return rule->group == group;
	if (rule->remote.ip.family != IP_NONE)
		return prefix_contains(rule->remote, remote);
	return rule->family == IP_NONE || rule->family == remote.family;
}

static struct ip some_ip(struct rand *rand)
{
	struct ip ip = {IP_V6, {0x20, 0x01, 0x0d, 0xb8}};

	if (rand_below(rand, 2))
		return ip_from_u32(0x0a000000 | (uint32_t)rand_below(rand, 512));
	ip.bytes[15] = (uint8_t)rand_below(rand, 64);
	return ip;
}

static struct group_rule some_rule(struct rand *rand)
{
	static const uint8_t protocols[] = {0, 1, 6, 6, 17, 58, 47};
	struct group_rule rule = {.ingress = rand_below(rand, 2), .protocol = protocols[rand_below(rand, COUNT_OF(protocols))]};
	uint32_t kind = (uint32_t)rand_below(rand, 10);

	rule.port_last = 65535;
	if (rule.protocol == 1 || rule.protocol == 58 || rule.protocol == 6 || rule.protocol == 17) {
		rule.port_first = (uint16_t)rand_below(rand, 3000);
		rule.port_last = (uint16_t)(rule.port_first + rand_below(rand, 5));
	}
	if (kind == 0) {
		rule.family = (uint8_t)(rand_below(rand, 3) * 2 + 2);
		rule.family = rule.family == 2 ? IP_NONE : rule.family;
	} else if (kind < 3) {
		rule.group = 1 + (uint32_t)rand_below(rand, 20);
	} else {
		rule.remote.ip = some_ip(rand);
		rule.remote.length = (uint8_t)(ip_bits((enum ip_family)rule.remote.ip.family) - rand_below(rand, 9));
	}
	return rule;
}

static void compare(const struct policy *policy, const struct group_rule *rules, unsigned count, struct rand *rand)
{
	static const uint8_t protocols[] = {1, 6, 17, 58, 47, 255};
	bool ingress = rand_below(rand, 2), allowed = false;
	struct ip remote = some_ip(rand);
	uint32_t group = (uint32_t)rand_below(rand, 25);
	uint8_t protocol = protocols[rand_below(rand, COUNT_OF(protocols))];
	uint16_t port = (uint16_t)rand_below(rand, 3010);
	uint32_t service;

	if (protocol == 1 || protocol == 58) {
		uint16_t src = port >> 8;

		service = policy_service(protocol, src, port & 0xff);
	} else {
		port = protocol == 6 || protocol == 17 ? port : 0;
		service = policy_service(protocol, 7, port);
	}
	for (unsigned i = 0; i < count && !allowed; i++)
		allowed = rule_lets(&rules[i], ingress, remote, group, protocol, port);
	assert_int_equal(
		policy_allows(policy, ingress, remote, service) || (group != 0 && policy_allows_group(policy, ingress, group, service)),
		allowed);
}

static void test_random(void **state)
{
	const char *wanted = getenv("SEED");
	uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct group_rule *rules = xalloc(RULES * sizeof(*rules));

	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 60; round++) {
		unsigned count = round == 0 ? RULES : (unsigned)rand_below(&rand, round < 40 ? 40 : 400), half = count / 2;
		struct policy_rules groups[] = {{rules, half}, {rules + half, count - half}};
		struct policy *policy;

		for (unsigned i = 0; i < count; i++)
			rules[i] = some_rule(&rand);
		policy = policy_compile(groups, COUNT_OF(groups));
		for (int i = 0; i < 2000; i++)
			compare(policy, rules, count, &rand);
		policy_free(policy);
	}
	free(rules);
}

static void test_empty(void **state)
{
	struct policy *policy = policy_compile(NULL, 0);

	assert_false(policy_allows(policy, true, ip_from_u32(0x0a000001), policy_service(6, 1, 80)));
	assert_false(policy_allows_group(policy, true, 1, policy_service(6, 1, 80)));
	assert_false(policy_names_groups(policy, true));
	policy_free(policy);
	policy_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_empty), cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
