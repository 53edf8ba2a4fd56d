/*
 * How long a full table takes through a route policy: a million prefixes, 20 of which share the attributes of a message, against a policy
 * of 8 rules with a set of 1,000 prefixes, patterns of AS paths and communities. Prints a line of JSON. usage: policy_bench [PREFIXES]
 */
#include "base/arena.h"
#include "base/rand.h"
#include "net/route_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SHARED 20
#define SET_PREFIXES 1000

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static struct route_policy *policy_make(struct rand *rand)
{
	static struct policy_prefix set[SET_PREFIXES];
	static const struct policy_prefix bogons[] = {
		{{{IP_V4, {0}}, 8}, 8, 32}, {{{IP_V4, {127}}, 8}, 8, 32}, {{{IP_V4, {224}}, 3}, 3, 32}, {{{IP_V4, {0}}, 0}, 25, 32}};
	static const char *const private_as[] = {"_6451[2-9]_", "_64[6-9][0-9][0-9]_", "_65[0-4][0-9][0-9]_"}, *const near[] = {
														       "^1[0-9][0-9]_"};
	static const struct policy_community blackhole = {POLICY_COMMUNITY, {0xffff029a}, {UINT32_MAX}};
	const struct policy_rule rules[] = {
		{.verdict = POLICY_REJECT, .prefixes = bogons, .prefix_count = 4},
		{.verdict = POLICY_REJECT, .as_paths = private_as, .as_path_count = 3},
		{.verdict = POLICY_REJECT, .has_path_length = true, .path_least = 60, .path_most = UINT16_MAX},
		{.verdict = POLICY_REJECT, .communities = &blackhole, .community_count = 1},
		{.verdict = POLICY_NEXT, .as_paths = near, .as_path_count = 1, .changes = {.has_metric = true, .metric = 5}},
		{.verdict = POLICY_ACCEPT,
			.prefixes = set,
			.prefix_count = SET_PREFIXES,
			.changes = {.has_local_pref = true, .local_pref = 200}},
		{.verdict = POLICY_ACCEPT, .families = 1u << IP_V4},
		{.verdict = POLICY_REJECT},
	};
	static uint8_t bytes[POLICY_BYTES_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));

	for (unsigned i = 0; i < SET_PREFIXES; i++)
		set[i] = (struct policy_prefix){
			prefix_masked((struct prefix){ip_from_u32((uint32_t)rand_u64(rand)), (uint8_t)(12 + rand_below(rand, 9))}), 12, 24};
	if (!route_policy_encode(&w, rules, sizeof(rules) / sizeof(rules[0])))
		abort();
	return route_policy_new(bytes, writer_used(&w), NULL);
}

/* A path of 2 to 6 numbers, and 3 communities. */
static void route_make(struct rand *rand, struct policy_route *route, uint8_t path[64], uint8_t communities[12])
{
	struct writer w = writer_over(path, 64), c = writer_over(communities, 12);
	unsigned count = 2 + (unsigned)rand_below(rand, 5);

	writer_u8(&w, 2);
	writer_u8(&w, (uint8_t)count);
	for (unsigned i = 0; i < count; i++)
		writer_u32(&w, 1 + (uint32_t)rand_below(rand, 60000));
	for (unsigned i = 0; i < 3; i++)
		writer_u32(&c, (uint32_t)rand_u64(rand));
	*route = (struct policy_route){
		.protocol = 4, .path_length = (uint16_t)count, .as_path = {path, writer_used(&w)}, .communities = {communities, 12}};
}

int main(int argc, char **argv)
{
	uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	struct rand rand = rand_seeded(1);
	struct route_policy *policy = policy_make(&rand);
	struct prefix *prefixes = xalloc(count * sizeof(*prefixes));
	uint32_t accepted = 0;
	double spent = 0;

	for (uint32_t i = 0; i < count; i++)
		prefixes[i] = prefix_masked((struct prefix){ip_from_u32((uint32_t)rand_u64(&rand)), (uint8_t)(16 + rand_below(&rand, 9))});
	for (uint32_t i = 0; i < count; i += SHARED) {
		uint8_t path[64], communities[12];
		struct policy_route route;
		uint64_t candidates;
		double start;

		route_make(&rand, &route, path, communities);
		start = now_ms();
		candidates = route_policy_candidates(policy, &route);
		for (uint32_t k = i; k < i + SHARED && k < count; k++)
			accepted += route_policy_decide(policy, candidates, &prefixes[k]).accept;
		spent += now_ms() - start;
	}
	(void)printf("{\"prefixes\": %u, \"accepted\": %u, \"cpu_ms\": %.1f}\n", count, accepted, spent);
	route_policy_free(policy);
	free(prefixes);
	return 0;
}
