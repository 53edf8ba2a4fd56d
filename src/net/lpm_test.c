/* Tests of longest-prefix match: edges, size, then random tables against a linear search. */
#include "net/lpm.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define REFERENCE_MAX 600

struct reference {
	struct prefix prefix[REFERENCE_MAX];
	uint32_t value[REFERENCE_MAX];
	unsigned count;
};

static struct prefix prefix_of(const char *text)
{
	struct prefix prefix;

	assert_true(prefix_parse(text, &prefix));
	return prefix;
}

static uint32_t reference_lookup(const struct reference *r, struct ip ip)
{
	uint32_t best = LPM_NONE;
	int length = -1;

	for (unsigned i = 0; i < r->count; i++) {
		if (r->prefix[i].length > length && prefix_contains(r->prefix[i], ip)) {
			best = r->value[i];
			length = r->prefix[i].length;
		}
	}
	return best;
}

static unsigned reference_find(const struct reference *r, struct prefix prefix)
{
	unsigned i = 0;

	while (i < r->count && !prefix_equal(r->prefix[i], prefix))
		i++;
	return i;
}

static void test_edges(void **state)
{
	struct lpm *lpm = lpm_new(IP_V4);
	struct ip ip = ip_from_u32(0x0a010203);

	assert_int_equal(lpm_lookup(lpm, ip.bytes), LPM_NONE);
	assert_int_equal(lpm_set(lpm, prefix_of("0.0.0.0/0"), 1), LPM_NONE);
	assert_int_equal(lpm_set(lpm, prefix_of("10.1.2.3/32"), 2), LPM_NONE);
	assert_int_equal(lpm_set(lpm, prefix_of("10.1.2.2/31"), 3), LPM_NONE);
	assert_int_equal(lpm_lookup(lpm, ip.bytes), 2);
	assert_int_equal(lpm_remove(lpm, prefix_of("10.1.2.3/32")), 2);
	assert_int_equal(lpm_lookup(lpm, ip.bytes), 3);
	assert_int_equal(lpm_remove(lpm, prefix_of("10.1.2.3/32")), LPM_NONE);
	assert_int_equal(lpm_set(lpm, prefix_of("10.1.2.2/31"), 4), 3);
	assert_int_equal(lpm_count(lpm), 2);
	assert_int_equal(lpm_get(lpm, prefix_of("10.1.2.2/31")), 4);
	assert_int_equal(lpm_get(lpm, prefix_of("10.1.2.0/24")), LPM_NONE);
	ip = ip_from_u32(0xffffffff);
	assert_int_equal(lpm_lookup(lpm, ip.bytes), 1);
	lpm_free(lpm);
	lpm_free(NULL);
}

static void test_small_when_empty(void **state)
{
	struct lpm *lpm = lpm_new(IP_V6);

	assert_true(lpm_bytes(lpm) < 2048);
	assert_int_equal(lpm_set(lpm, prefix_of("2001:db8::1/128"), 7), LPM_NONE);
	assert_int_equal(lpm_remove(lpm, prefix_of("2001:db8::1/128")), 7);
	assert_true(lpm_bytes(lpm) < 256);
	lpm_free(lpm);
}

/* Prefixes near each other, so that they nest and share nodes. */
static struct prefix random_prefix(struct rand *rand, enum ip_family family)
{
	struct prefix prefix = {{(uint8_t)family, {0}}, 0};
	unsigned bits = ip_bits(family);

	for (unsigned i = 0; i < bits / 8; i++)
		prefix.ip.bytes[i] = (uint8_t)(rand_below(rand, 3) == 0 ? rand_below(rand, 256) : 0x5a);
	prefix.length = (uint8_t)rand_below(rand, bits + 1);
	return prefix_masked(prefix);
}

static void compare_with_reference(enum ip_family family, struct rand *rand)
{
	static struct reference r;
	struct lpm *lpm = lpm_new(family);

	r.count = 0;
	for (int step = 0; step < 4000; step++) {
		struct prefix prefix = random_prefix(rand, family);
		unsigned at = reference_find(&r, prefix);
		struct ip ip = random_prefix(rand, family).ip;

		if (rand_below(rand, 3) > 0 && r.count < REFERENCE_MAX - 1) {
			uint32_t value = (uint32_t)rand_below(rand, LPM_NONE);

			assert_int_equal(lpm_set(lpm, prefix, value), at < r.count ? r.value[at] : LPM_NONE);
			r.prefix[at] = prefix;
			r.value[at] = value;
			r.count += at == r.count;
		} else {
			if (r.count > 0 && rand_below(rand, 2))
				prefix = r.prefix[at = (unsigned)rand_below(rand, r.count)];
			assert_int_equal(lpm_remove(lpm, prefix), at < r.count ? r.value[at] : LPM_NONE);
			if (at < r.count) {
				r.count--;
				r.prefix[at] = r.prefix[r.count];
				r.value[at] = r.value[r.count];
			}
		}
		assert_int_equal(lpm_count(lpm), r.count);
		assert_int_equal(lpm_lookup(lpm, ip.bytes), reference_lookup(&r, ip));
		if (r.count > 0) {
			ip = r.prefix[rand_below(rand, r.count)].ip;
			assert_int_equal(lpm_lookup(lpm, ip.bytes), reference_lookup(&r, ip));
		}
	}
	while (r.count-- > 0)
		assert_int_equal(lpm_remove(lpm, r.prefix[r.count]), r.value[r.count]);
	assert_true(lpm_bytes(lpm) < 256);
	lpm_free(lpm);
}

static void test_random(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	printf("seed %llu\n", (unsigned long long)seed);
	compare_with_reference(IP_V4, &rand);
	compare_with_reference(IP_V6, &rand);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_small_when_empty),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
