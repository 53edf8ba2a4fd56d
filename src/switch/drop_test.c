/* Tests of the drop reasons: each has a name of its own that is found again, and a sentence that fits a row. */
#include "switch/drop.h"

#include "api/message_types.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_table(void **state)
{
	for (unsigned i = 1; i < DROP_COUNT; i++) {
		const char *name = drop_name((enum drop_reason)i), *text = drop_text((enum drop_reason)i);

		assert_non_null(name);
		assert_non_null(text);
		assert_int_equal(drop_find(name), i);
		assert_true(strlen(name) < sizeof(((struct row_drop *)0)->reason) && strlen(text) < sizeof(((struct row_drop *)0)->text));
		for (const char *p = name; *p; p++)
			assert_true(islower((unsigned char)*p) || *p == '_');
	}
	assert_int_equal(drop_find("no such reason"), DROP_DEVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
