/* Tests of quantities: units, decimals, bounds, what is none; and that what is printed is read again. */
#include "base/quantity.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void test_values(void **state)
{
	static const struct {
		enum quantity kind;
		const char *text;
		uint64_t value;
		const char *printed;
	} rows[] = {
		{QUANTITY_TIME, "20ms", 20000, "20ms"},
		{QUANTITY_TIME, "1.5s", 1500000, "1.5s"},
		{QUANTITY_TIME, "0.25ms", 250, "250us"},
		{QUANTITY_TIME, "0us", 0, "0us"},
		{QUANTITY_RATE, "100Mbit", 100000000, "100Mbit"},
		{QUANTITY_RATE, "2.5Gbit", 2500000000, "2.5Gbit"},
		{QUANTITY_RATE, "64kbit", 64000, "64kbit"},
		{QUANTITY_SHARE, "1%", 10000, "1%"},
		{QUANTITY_SHARE, "0.0001%", 1, "0.0001%"},
		{QUANTITY_SHARE, "100%", 1000000, "100%"},
	};
	char text[QUANTITY_TEXT_BYTES];
	uint64_t value;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(quantity_parse(rows[i].kind, rows[i].text, UINT64_MAX, &value));
		assert_int_equal(value, rows[i].value);
		assert_string_equal(quantity_text(rows[i].kind, value, text), rows[i].printed);
	}
}

static void test_none(void **state)
{
	static const char *const times[] = {"", "20", "ms", "20 ms", "20m", "-1ms", "1.ms", ".5ms", "1e3ms", "20msx", "1.1234567ms"};
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_false(quantity_parse(QUANTITY_TIME, times[i], UINT64_MAX, &value));
	assert_false(quantity_parse(QUANTITY_TIME, "11s", 10000000, &value));
	assert_false(quantity_parse(QUANTITY_SHARE, "101%", 1000000, &value));
	assert_false(quantity_parse(QUANTITY_RATE, "20ms", UINT64_MAX, &value));
	assert_int_equal(value, 7);
}

static void test_printed_is_read(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	printf("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 10000; i++) {
		enum quantity kind = (enum quantity)rand_below(&rand, 2);
		uint64_t wanted = rand_below(&rand, (uint64_t)1 << (1 + rand_below(&rand, 26))), value;
		char text[QUANTITY_TEXT_BYTES];

		assert_true(quantity_parse(kind, quantity_text(kind, wanted, text), UINT64_MAX, &value));
		assert_int_equal(value, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_none), cmocka_unit_test(test_printed_is_read)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
