/* Tests of the host's load: what the kernel writes is read, the share between two looks is told, nonsense is refused. */
#include "vm/host_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct instant at_ms(int64_t ms) { return (struct instant){ms * 1000000}; }

static void the_first_line_is_summed(void **state)
{
	uint64_t busy = 0, total = 0;

	assert_true(host_load_parse("cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n", &busy, &total));
	assert_int_equal(busy, 10 + 20 + 30 + 6 + 7 + 8);
	assert_int_equal(total, busy + 450);
	assert_false(host_load_parse("cpu0 1 2 3 4 5 6 7 8", &busy, &total));
	assert_false(host_load_parse("cpu  1 2 3 x", &busy, &total));
	assert_false(host_load_parse("", &busy, &total));
}

static void the_load_is_the_share_between_two_looks(void **state)
{
	struct host_load load = {0};

	host_load_add(&load, 100, 1000, at_ms(0));
	assert_false(load.known);
	host_load_add(&load, 900, 1100, at_ms(100)); /* too soon */
	assert_false(load.known);
	host_load_add(&load, 175, 1100, at_ms(600));
	assert_true(load.known);
	assert_int_equal(load.percent, 75);
	host_load_add(&load, 100, 1200, at_ms(1200)); /* stepped back: the old one holds */
	assert_int_equal(load.percent, 75);
	host_load_restart(&load);
	assert_false(load.known);
}

static void the_host_has_a_load(void **state)
{
	struct host_load load = {0};

	assert_int_equal(host_load_look(&load, at_ms(0)), HOST_LOAD_UNKNOWN);
	assert_true(load.total > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_summed),
		cmocka_unit_test(the_load_is_the_share_between_two_looks),
		cmocka_unit_test(the_host_has_a_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
