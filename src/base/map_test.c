/* Tests of maps: against a plain array as the model, under seeded random work, for number and string keys; walking while removing. */
#include "base/check.h"
#include "base/map.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 700

static char values[2][KEYS];

static void test_empty(void **state)
{
	struct map map = {0};
	size_t cursor = 0;

	assert_null(map_get(&map, 1));
	assert_null(map_get_str(&map, "x"));
	assert_null(map_remove(&map, 1));
	assert_null(map_next(&map, &cursor, NULL, NULL));
	map_free(&map);
	map_free(&map);
}

static void test_replace(void **state)
{
	struct map map = {0};

	assert_null(map_set(&map, 0, &values[0][0]));
	assert_ptr_equal(map_set(&map, 0, &values[0][1]), &values[0][0]);
	assert_ptr_equal(map_get(&map, 0), &values[0][1]);
	assert_int_equal(map.used, 1);
	assert_ptr_equal(map_remove(&map, 0), &values[0][1]);
	assert_null(map_get(&map, 0));
	assert_null(map_remove(&map, 0));
	map_free(&map);
	assert_null(map_set_str(&map, "", &values[0][0]));
	assert_null(map_set_str(&map, "a", &values[0][1]));
	assert_ptr_equal(map_get_str(&map, ""), &values[0][0]);
	assert_null(map_get_str(&map, "b"));
	map_free(&map);
}

static void do_one(struct map *map, bool strings, unsigned key, void **model, struct rand *rand)
{
	char name[16];
	void *value = &values[rand_below(rand, 2)][key], *expected = model[key], *got;

	(void)snprintf(name, sizeof(name), "key%u", key);
	switch (rand_below(rand, 4)) {
	case 0:
	case 1:
		got = strings ? map_set_str(map, name, value) : map_set(map, key, value);
		model[key] = value;
		break;
	case 2:
		got = strings ? map_remove_str(map, name) : map_remove(map, key);
		model[key] = NULL;
		break;
	default:
		got = strings ? map_get_str(map, name) : map_get(map, key);
	}
	assert_ptr_equal(got, expected);
}

static void random_work(bool strings, struct rand *rand)
{
	void *model[KEYS] = {0};
	struct map map = {0};

	for (int round = 0; round < 40000; round++) {
		size_t used = 0;

		/* Few keys in some phases, so that tombs pile up. */
		do_one(&map, strings, (unsigned)rand_below(rand, round / 5000 % 2 ? 5 : KEYS), model, rand);
		if (round % 1000 != 0)
			continue;
		for (int i = 0; i < KEYS; i++)
			used += model[i] != NULL;
		assert_int_equal(map.used, used);
		assert_true(map.capacity <= 8192);
	}
	map_free(&map);
}

static void test_random_work(void **state)
{
	const char *wish = getenv("SEED");
	uint64_t seed = wish != NULL ? strtoull(wish, NULL, 0) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	print_message("SEED=%llu\n", (unsigned long long)seed);
	random_work(false, &rand);
	random_work(true, &rand);
}

static void test_walk_and_remove(void **state)
{
	struct map map = {0};
	bool seen[KEYS] = {0};
	size_t cursor = 0, count = 0;
	const char *name;
	uint64_t key;
	void *value;

	for (uint64_t i = 0; i < KEYS; i++)
		(void)map_set(&map, i, &values[0][i]);
	while ((value = map_next(&map, &cursor, &key, NULL)) != NULL) {
		assert_ptr_equal(value, &values[0][key]);
		assert_false(seen[key]);
		seen[key] = true;
		count++;
		if (key % 2)
			(void)map_remove(&map, key);
	}
	assert_int_equal(count, KEYS);
	assert_int_equal(map.used, KEYS / 2);
	map_free(&map);
	(void)map_set_str(&map, "only", &values[0][0]);
	cursor = 0;
	assert_non_null(map_next(&map, &cursor, NULL, &name));
	assert_string_equal(name, "only");
	map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_random_work),
		cmocka_unit_test(test_walk_and_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
