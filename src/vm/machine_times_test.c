/* Tests of the file that keeps a machine's times: what is written is read, time passes on, nonsense is refused. */
#include "vm/machine_times.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char base[] = "/tmp/weft-times-test-XXXXXX";
static char folder[64], file[80];

static int set_up(void **state)
{
	if (mkdtemp(base) == NULL)
		return -1;
	(void)snprintf(folder, sizeof(folder), "%s/vm/7", base);
	(void)snprintf(file, sizeof(file), "%s/times", folder);
	return 0;
}

static int tear_down(void **state)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/vm", base);
	machine_times_remove(folder);
	(void)rmdir(path);
	return rmdir(base);
}

static void what_is_saved_is_loaded(void **state)
{
	const struct machine_times saved = {
		.arrived_wall_ns = 5, .at_wall_ns = 100, .waiting_ns = 7, .service_ns = 9, .phase = TIMES_PAUSED_BY_POLICY, .boot = 12};
	struct machine_times loaded;

	assert_false(machine_times_load(folder, &loaded));
	machine_times_save(folder, &saved);
	assert_true(machine_times_load(folder, &loaded));
	assert_int_equal(loaded.arrived_wall_ns, 5);
	assert_int_equal(loaded.at_wall_ns, 100);
	assert_int_equal(loaded.waiting_ns, 7);
	assert_int_equal(loaded.service_ns, 9);
	assert_int_equal(loaded.phase, TIMES_PAUSED_BY_POLICY);
	assert_int_equal(loaded.boot, 12);
}

static void time_passes_as_service_or_as_waiting(void **state)
{
	struct machine_times times = {.at_wall_ns = 100, .waiting_ns = 7, .service_ns = 9};

	machine_times_advance(&times, 150);
	assert_int_equal(times.service_ns, 59);
	times.phase = TIMES_WAITING;
	machine_times_advance(&times, 160);
	assert_int_equal(times.waiting_ns, 17);
	machine_times_advance(&times, 20);
	assert_int_equal(times.waiting_ns, 17);
	assert_int_equal(times.service_ns, 59);
	times.phase = TIMES_ENDED;
	machine_times_advance(&times, 1000);
	assert_int_equal(times.waiting_ns, 17);
	assert_int_equal(times.service_ns, 59);
}

static void nonsense_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "1 2 3", "1 2 -3 4 0", "a b c d e", "1 2 3 9223372036854775807 0", "1 2 3 4 99", "1 2 3 4 -1 5"};
	struct machine_times loaded = {.service_ns = 1};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *out = fopen(file, "we");

		assert_non_null(out);
		assert_true(fputs(texts[i], out) >= 0);
		assert_int_equal(fclose(out), 0);
		assert_false(machine_times_load(folder, &loaded));
		assert_int_equal(loaded.service_ns, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_saved_is_loaded),
		cmocka_unit_test(time_passes_as_service_or_as_waiting),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
