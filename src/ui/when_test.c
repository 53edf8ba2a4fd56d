/* Tests of points in time as people read them. */
#include "ui/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void test_text(void **state)
{
	const long long noon = 1795521600; /* 2026-11-24 12:00:00 UTC */
	char out[WHEN_BYTES];

	(void)setenv("TZ", "UTC-2", 1);
	tzset();
	assert_string_equal(when_text("2026-11-24T08:15:00.123Z", noon, out), "10:15:00");
	assert_string_equal(when_text("2026-11-24T08:15:00Z", noon, out), "10:15:00");
	assert_string_equal(when_text("2026-11-23T22:15:00Z", noon, out), "00:15:00");
	assert_string_equal(when_text("2026-11-23T21:15:00Z", noon, out), "2026-11-23 23:15:00");
	assert_string_equal(when_text("10:02:03", noon, out), "10:02:03");
	assert_string_equal(when_text("", noon, out), "");
	assert_string_equal(when_text("2026-11-24T08:15:00 and a text that is much longer than it may be", noon, out),
		"2026-11-24T08:15:00 and a text that is ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_text)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
