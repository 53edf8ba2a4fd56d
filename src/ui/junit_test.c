/* Tests of JUnit's XML: counts, failures, and what must be escaped. */
#include "ui/junit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct value *result(const char *test, bool passed, const char *why)
{
	struct value *one = value_object();

	value_set(one, "test", value_new_text(test));
	value_set(one, "passed", value_new_bool(passed));
	value_set(one, "seconds", value_new_int(2));
	if (why != NULL)
		value_set(one, "why", value_new_text(why));
	return one;
}

static void test_document(void **state)
{
	struct value *results = value_array();
	struct text out = {0};

	value_append(results, result("ping a b", true, NULL));
	value_append(results, result("route r1 <10.0.0.0/8>", false, "says \"no\" & <nothing>\x01"));
	junit_write("demo", results, &out);
	assert_string_equal(text_get(&out), "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
					    "  <testsuite name=\"demo\" tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"4\">\n"
					    "    <testcase classname=\"demo\" name=\"ping a b\" time=\"2\"/>\n"
					    "    <testcase classname=\"demo\" name=\"route r1 &lt;10.0.0.0/8&gt;\" time=\"2\">\n"
					    "      <failure message=\"says &quot;no&quot; &amp; &lt;nothing&gt;\"/>\n    </testcase>\n"
					    "  </testsuite>\n</testsuites>\n");
	text_free(&out);
	value_free(results);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_document)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
