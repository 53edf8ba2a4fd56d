/* Tests of random numbers and hashes: the published sequence, uniformity by chi-square, hashes that spread. Seeds are fixed: no luck here.
 */
#include "base/check.h"
#include "base/hash.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* xoshiro256** from the state {1, 2, 3, 4}: first outputs, worked out from the published algorithm. */
static void test_published_sequence(void **state)
{
	struct rand rand = {{1, 2, 3, 4}};

	assert_int_equal(rand_u64(&rand), 11520);
	assert_int_equal(rand_u64(&rand), 0);
	assert_int_equal(rand_u64(&rand), 1509978240);
	assert_int_equal(rand_u64(&rand), 1215971899390074240);
}

static void test_same_seed(void **state)
{
	struct rand a = rand_seeded(7), b = rand_seeded(7), c = rand_seeded(8);
	unsigned equal = 0;

	for (int i = 0; i < 100; i++) {
		uint64_t x = rand_u64(&a);

		assert_int_equal(x, rand_u64(&b));
		equal += x == rand_u64(&c);
	}
	assert_int_equal(equal, 0);
	assert_int_not_equal(rand_kernel_seed(), rand_kernel_seed());
}

/* Chi-square of `cells` counts that should be equal; its mean is cells - 1, its variance twice that. */
static double chi_square(const unsigned *counts, unsigned cells, unsigned samples)
{
	double expected = (double)samples / cells, sum = 0;

	for (unsigned i = 0; i < cells; i++)
		sum += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
	return sum;
}

static void test_uniform(void **state)
{
	static const unsigned bounds[] = {2, 3, 6, 7, 10, 100, 255};
	struct rand rand = rand_seeded(42);

	for (size_t i = 0; i < COUNT_OF(bounds); i++) {
		unsigned counts[256] = {0}, n = bounds[i], samples = 100000;
		double chi;

		for (unsigned k = 0; k < samples; k++) {
			uint64_t x = rand_below(&rand, n);

			assert_true(x < n);
			counts[x]++;
		}
		chi = chi_square(counts, n, samples);
		/* Four standard deviations: sqrt(2 (n - 1)) each, squared to need no library. */
		assert_true((chi - (n - 1)) * (chi - (n - 1)) < 16.0 * 2 * (n - 1) + 40);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(rand_below(&rand, 1), 0);
}

/* With a bound just above half of the range a modulo would favour the lower half of the results two to one. */
static void test_no_bias(void **state)
{
	struct rand rand = rand_seeded(43);
	uint64_t bound = (UINT64_C(3) << 62);
	unsigned lower = 0;

	for (int i = 0; i < 100000; i++)
		lower += rand_below(&rand, bound) < bound / 3;
	assert_in_range(lower, 33333 - 600, 33333 + 600);
}

static void test_unit(void **state)
{
	struct rand rand = rand_seeded(44);
	double sum = 0;

	for (int i = 0; i < 100000; i++) {
		double x = rand_unit(&rand);

		assert_true(x >= 0 && x < 1);
		sum += x;
	}
	assert_true(sum > 49500 && sum < 50500);
}

static void test_hashes(void **state)
{
	unsigned counts[64] = {0}, counts_str[64] = {0};
	char text[] = "net0000";

	/* FNV-1a's published values. */
	assert_int_equal(hash_stable("", 0), 0xcbf29ce484222325u);
	assert_int_equal(hash_stable("a", 1), 0xaf63dc4c8601ec8cu);
	assert_int_equal(hash_stable("foobar", 6), 0x85944171f73967e8u);
	hash_set_secret(1234);
	for (unsigned i = 0; i < 6400; i++) {
		counts[hash_u64(i) & 63]++;
		text[3] = (char)('0' + i / 1000);
		text[4] = (char)('0' + i / 100 % 10);
		text[5] = (char)('0' + i / 10 % 10);
		text[6] = (char)('0' + i % 10);
		counts_str[hash_str(text) & 63]++;
		assert_int_equal(hash_str(text), hash_bytes(text, strlen(text)));
	}
	assert_true(chi_square(counts, 64, 6400) < 120);
	assert_true(chi_square(counts_str, 64, 6400) < 120);
	assert_int_not_equal(hash_bytes("\0", 1), hash_bytes("\0\0", 2));
	assert_int_not_equal(hash_bytes("", 0), hash_bytes("\0", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_sequence),
		cmocka_unit_test(test_same_seed),
		cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_no_bias),
		cmocka_unit_test(test_unit),
		cmocka_unit_test(test_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
