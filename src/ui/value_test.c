/* Tests of JSON values: absent parts, printing, YAML. */
#include "ui/value.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct value *parse(const char *source)
{
	struct err err = {0};
	struct value *value = value_parse(source, strlen(source), &err);

	if (value == NULL)
		fail_msg("%s: %s", source, err.text);
	return value;
}

static void test_parts(void **state)
{
	struct value *value = parse("{\"name\": \"vm1\", \"pid\": 7, \"waiting_s\": 1.5, \"up\": true, \"none\": null, \"list\": [1, 2]}");

	assert_string_equal(value_text(value, "name"), "vm1");
	assert_string_equal(value_text(value, "absent"), "");
	assert_string_equal(value_text(value, "pid"), "");
	assert_int_equal(value_int(value, "pid"), 7);
	assert_int_equal(value_int(value, "waiting_s"), 1);
	assert_true(value_number(value, "waiting_s") > 1.4);
	assert_true(value_number(value, "pid") > 6.9);
	assert_true(value_bool(value, "up"));
	assert_false(value_bool(value, "name"));
	assert_true(value_is_null(value_get(value, "none")));
	assert_int_equal(value_count(value_get(value, "list")), 2);
	assert_null(value_at(value_get(value, "list"), 2));
	assert_null(value_get(NULL, "x"));
	assert_int_equal(value_count(NULL), 0);
	value_free(value);
	value_free(NULL);
}

static void test_yaml(void **state)
{
	static const struct {
		const char *json, *yaml;
	} rows[] = {
		{"{}", "{}\n"},
		{"[]", "[]\n"},
		{"\"word\"", "word\n"},
		{"{\"a\": \"yes\", \"b\": \"52:54:00:00:00:01\", \"c\": \"10\", \"d\": 10, \"e\": \"x y\"}",
			"a: \"yes\"\nb: \"52:54:00:00:00:01\"\nc: \"10\"\nd: 10\ne: \"x y\"\n"},
		{"{\"list\": [{\"a\": 1, \"b\": [2]}, [], 3]}", "list:\n  - a: 1\n    b:\n      - 2\n  - []\n  - 3\n"},
		{"[[1, 2], [3]]", "- - 1\n  - 2\n- - 3\n"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct value *value = parse(rows[i].json);
		struct text out = {0};

		value_to_yaml(value, &out);
		assert_string_equal(text_get(&out), rows[i].yaml);
		text_free(&out);
		value_free(value);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {"", "{", "{\"a\": 1, \"a\": 2}", "[1,]", "\"\xff\""};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct err err = {0};

		assert_null(value_parse(bad[i], strlen(bad[i]), &err));
		assert_true(err.code < 0);
	}
}

static void test_not_utf8(void **state)
{
	struct value *value = value_new_text("a\xff"
					     "b");

	assert_string_equal(value_string(value), "a?b");
	value_free(value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts), cmocka_unit_test(test_yaml), cmocka_unit_test(test_bad), cmocka_unit_test(test_not_utf8)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
