/* Timers come in order whatever was set, moved and stopped before; prefix tables hold exactly what was put in. */
#include "base/check.h"
#include "base/rand.h"
#include "route/prefix_table.h"
#include "route/timer_heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 200

/* The earliest running timer by looking at all of them. */
static struct instant plain_next(const struct timer_node *nodes)
{
	struct instant next = INSTANT_NEVER;

	for (unsigned i = 0; i < TIMERS; i++)
		if (nodes[i].place != 0)
			next = instant_earlier(next, nodes[i].when);
	return next;
}

static void test_timers(void **state)
{
	const uint64_t seed = 3;
	struct rand rand = rand_seeded(seed);
	struct timer_heap heap = {0};
	struct timer_node nodes[TIMERS] = {0};
	struct instant now = {0};

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 20000; round++) {
		struct timer_node *node = &nodes[rand_below(&rand, TIMERS)];
		struct timer_node *due;

		if (rand_below(&rand, 4) == 0)
			timer_heap_set(&heap, node, INSTANT_NEVER);
		else
			timer_heap_set(&heap, node, (struct instant){now.ns + (int64_t)rand_below(&rand, 1000)});
		assert_int_equal(timer_heap_next(&heap).ns, plain_next(nodes).ns);
		if (rand_below(&rand, 10) != 0)
			continue;
		now.ns += (int64_t)rand_below(&rand, 300);
		while ((due = timer_heap_expire(&heap, now)) != NULL)
			assert_true(due->place == 0 && due->when.ns <= now.ns);
		assert_true(plain_next(nodes).ns > now.ns);
	}
	timer_heap_free(&heap);
}

static void test_prefixes(void **state)
{
	const uint64_t seed = 5;
	struct rand rand = rand_seeded(seed);
	struct prefix_table table = {0};
	static struct prefix_node nodes[512];
	bool in[512] = {false};

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 512; i++)
		nodes[i].prefix = (struct prefix){ip_from_u32(i << 20), (uint8_t)(12 + i % 3)};
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)rand_below(&rand, 512);

		assert_true((prefix_table_get(&table, &nodes[i].prefix) == &nodes[i]) == in[i]);
		if (in[i])
			prefix_table_remove(&table, &nodes[i]);
		else
			prefix_table_add(&table, &nodes[i]);
		in[i] = !in[i];
	}
	prefix_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
