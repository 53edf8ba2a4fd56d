/* Tests of pools: each strategy against a simple reference, stickiness, quarantine, uniformity, every fill level. */
#include "alloc/pool.h"
#include "alloc/unit_set.h"
#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct instant t0 = {1000};

static struct pool *make(uint64_t size, enum pool_strategy strategy, int64_t quarantine_s)
{
	return pool_new(&(struct pool_config){"p", size, strategy, 7, span_s(quarantine_s), false, 0});
}

/* Every search of the set agrees with a walk over a plain array, at sizes around the word boundaries. */
static void unit_set_agrees_with_array(void **state)
{
	static const uint64_t sizes[] = {1, 63, 64, 65, 127, 4095, 4096, 4097, 5000};

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		uint64_t size = sizes[s];
		struct rand rand = rand_seeded(size);
		struct unit_set set;
		bool *has = calloc(size, sizeof(bool));

		unit_set_init(&set, size);
		for (int step = 0; step < 3000; step++) {
			uint64_t unit = rand_below(&rand, size), found = 0, expected = unit, n = 0, nth = 0;
			uint64_t outside;

			if (has[unit] && rand_below(&rand, 3) == 0)
				unit_set_remove(&set, unit);
			else if (!has[unit])
				unit_set_add(&set, unit);
			has[unit] = unit_set_has(&set, unit);
			outside = size - set.used;
			if (outside == 0) {
				assert_false(unit_set_next_outside(&set, unit, &found));
				continue;
			}
			while (has[expected])
				expected = (expected + 1) % size;
			assert_true(unit_set_next_outside(&set, unit, &found));
			assert_int_equal(found, expected);
			n = rand_below(&rand, outside);
			for (uint64_t left = n;; nth++)
				if (!has[nth] && left-- == 0)
					break;
			assert_int_equal(unit_set_nth_outside(&set, n), nth);
		}
		unit_set_free(&set);
		free(has);
	}
}

static void sequential_is_next_fit(void **state)
{
	struct pool *pool = make(4, POOL_SEQUENTIAL, 0);
	uint64_t unit = 99;

	(void)state;
	for (uint64_t i = 0; i < 3; i++) {
		char owner[8];

		snprintf(owner, sizeof(owner), "o%d", (int)i);
		assert_int_equal(pool_allocate(pool, owner, t0, &unit, NULL), 0);
		assert_int_equal(unit, i);
	}
	/* The lowest is free again, but the cursor goes on, and wraps only then. */
	assert_true(pool_release(pool, "o0", t0));
	assert_int_equal(pool_allocate(pool, "x", t0, &unit, NULL), 0);
	assert_int_equal(unit, 3);
	assert_int_equal(pool_allocate(pool, "y", t0, &unit, NULL), 0);
	assert_int_equal(unit, 0);
	pool_free(pool);
}

static void owner_gets_its_own_back(void **state)
{
	struct pool *pool = make(100, POOL_RANDOM, 300);
	struct instant later = instant_add(t0, span_s(10)), much_later = instant_add(t0, span_s(1000));
	uint64_t first, again;

	(void)state;
	assert_int_equal(pool_allocate(pool, "vm1", t0, &first, NULL), 0);
	assert_int_equal(pool_allocate(pool, "vm1", t0, &again, NULL), 0);
	assert_int_equal(first, again);
	assert_string_equal(pool_owner(pool, first), "vm1");
	assert_true(pool_release(pool, "vm1", t0));
	assert_false(pool_release(pool, "vm1", t0));
	assert_null(pool_owner(pool, first));
	assert_int_equal(pool_allocate(pool, "vm1", later, &again, NULL), 0);
	assert_int_equal(first, again);
	assert_true(pool_release(pool, "vm1", later));
	assert_int_equal(pool_allocate(pool, "vm1", much_later, &again, NULL), 0);
	assert_int_equal(first, again);
	pool_free(pool);
}

static void quarantine_keeps_units_from_others(void **state)
{
	struct pool *pool = make(1, POOL_SEQUENTIAL, 300);
	struct err err = {0};
	uint64_t unit;

	(void)state;
	assert_int_equal(pool_allocate(pool, "a", t0, &unit, NULL), 0);
	assert_int_equal(pool_allocate(pool, "b", t0, &unit, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "\"p\" is used up: 1 in all, 1 held, 0 in quarantine"));
	assert_true(pool_release(pool, "a", t0));
	assert_int_equal(pool_allocate(pool, "b", instant_add(t0, span_s(299)), &unit, &err), -ENOSPC);
	assert_int_equal(pool_allocate(pool, "b", instant_add(t0, span_s(300)), &unit, &err), 0);
	/* "a" is forgotten: its unit has another owner. */
	assert_int_equal(pool_allocate(pool, "a", instant_add(t0, span_s(300)), &unit, &err), -ENOSPC);
	pool_free(pool);
}

static void full_pool_may_shorten_quarantine(void **state)
{
	struct pool *pool = pool_new(&(struct pool_config){"p", 1, POOL_SEQUENTIAL, 0, span_s(300), true, 0});
	uint64_t unit;

	(void)state;
	assert_int_equal(pool_allocate(pool, "a", t0, &unit, NULL), 0);
	assert_int_equal(pool_allocate(pool, "b", t0, &unit, NULL), -ENOSPC);
	assert_true(pool_release(pool, "a", t0));
	assert_int_equal(pool_allocate(pool, "b", t0, &unit, NULL), 0);
	pool_free(pool);
}

static void reserve_and_exclude(void **state)
{
	struct pool *pool = make(4, POOL_SEQUENTIAL, 300);
	struct pool_counts counts;
	uint64_t unit;

	(void)state;
	pool_exclude(pool, 0, 1);
	pool_exclude(pool, 3, 1);
	assert_int_equal(pool_reserve(pool, "gw", 1, NULL), 0);
	assert_int_equal(pool_reserve(pool, "gw", 1, NULL), 0);
	assert_int_equal(pool_reserve(pool, "gw", 2, NULL), -EEXIST);
	assert_int_equal(pool_reserve(pool, "other", 1, NULL), -EEXIST);
	assert_int_equal(pool_reserve(pool, "other", 4, NULL), -ERANGE);
	assert_int_equal(pool_allocate(pool, "vm", t0, &unit, NULL), 0);
	assert_int_equal(unit, 2);
	assert_int_equal(pool_allocate(pool, "vm2", t0, &unit, NULL), -ENOSPC);
	assert_int_equal(pool_reserve(pool, "net", 0, NULL), 0);
	/* A unit in quarantine yields to what is written down. */
	assert_true(pool_release(pool, "vm", t0));
	assert_int_equal(pool_reserve(pool, "static", 2, NULL), 0);
	assert_false(pool_find(pool, "vm", &unit));
	counts = pool_counts(pool);
	assert_int_equal(counts.held, 3);
	assert_int_equal(counts.excluded, 1);
	assert_int_equal(counts.free, 0);
	pool_free(pool);
}

/* A million random operations against arrays: no unit has two owners, counts are exact, same seed same units. */
static void random_operations_agree_with_reference(void **state)
{
	enum { UNITS = 300, OWNERS = 400, STEPS = 500000 };
	uint64_t hashes[2] = {0, 0};

	(void)state;
	for (int round = 0; round < 2; round++) {
		struct rand rand = rand_seeded(42);
		struct pool *pool = make(UNITS, POOL_RANDOM, 5);
		int unit_of[OWNERS];
		struct instant now = t0;

		memset(unit_of, 0xff, sizeof(unit_of));
		for (int step = 0; step < STEPS; step++) {
			int who = (int)rand_below(&rand, OWNERS);
			char owner[16];
			uint64_t unit = 0;

			now = instant_add(now, span_ms((int64_t)rand_below(&rand, 100)));
			snprintf(owner, sizeof(owner), "o%d", who);
			if (rand_below(&rand, 2) == 0) {
				int error = pool_allocate(pool, owner, now, &unit, NULL);

				if (error == 0 && unit_of[who] >= 0)
					assert_int_equal(unit, unit_of[who]);
				if (error == 0) {
					for (int o = 0; o < OWNERS; o++)
						assert_true(o == who || unit_of[o] != (int)unit);
					unit_of[who] = (int)unit;
					hashes[round] = hashes[round] * 31 + unit;
				} else {
					assert_int_equal(error, -ENOSPC);
					assert_int_equal(pool_counts(pool).free, 0);
				}
			} else {
				assert_int_equal(pool_release(pool, owner, now), unit_of[who] >= 0);
				unit_of[who] = -1;
			}
		}
		pool_free(pool);
	}
	assert_int_equal(hashes[0], hashes[1]);
}

/* Chi-square over 100 free units of 200 (both ways of choosing): 99 degrees of freedom, 148.2 is the 99.9 % point. */
static void random_is_uniform(void **state)
{
	(void)state;
	for (int taken = 0; taken <= 150; taken += 150) {
		struct pool *pool = make(200, POOL_RANDOM, 0);
		unsigned seen[200] = {0};
		unsigned free_units = 200 - (unsigned)taken;
		double chi = 0, expected = 100000.0 / free_units;
		uint64_t unit;

		for (int i = 0; i < taken; i++)
			pool_exclude(pool, (uint64_t)i, 1);
		for (int i = 0; i < 100000; i++) {
			char owner[16];

			snprintf(owner, sizeof(owner), "o%d", i);
			assert_int_equal(pool_allocate(pool, owner, t0, &unit, NULL), 0);
			seen[unit]++;
			pool_release(pool, owner, t0);
		}
		for (int i = taken; i < 200; i++)
			chi += (seen[i] - expected) * (seen[i] - expected) / expected;
		assert_true(chi < (taken ? 85.4 : 269.0)); /* 49 and 199 degrees of freedom */
		pool_free(pool);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unit_set_agrees_with_array),
		cmocka_unit_test(sequential_is_next_fit),
		cmocka_unit_test(owner_gets_its_own_back),
		cmocka_unit_test(quarantine_keeps_units_from_others),
		cmocka_unit_test(full_pool_may_shorten_quarantine),
		cmocka_unit_test(reserve_and_exclude),
		cmocka_unit_test(random_operations_agree_with_reference),
		cmocka_unit_test(random_is_uniform),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
