/* Tests of finding a command: whole words, unique prefixes, aliases, fillers, mistakes; then random prefixes of every command. */
#include "ui/words.h"

#include "base/check.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct command table[] = {
	{.name = "up", .alias = "apply"},
	{.name = "down"},
	{.name = "doctor"},
	{.name = "show route"},
	{.name = "show rip"},
	{.name = "show rip neighbors"},
	{.name = "show mac"},
	{.name = "vm start"},
	{.name = "vm stop"},
	{.name = "vm console"},
	{.name = "validate"},
};

struct row {
	const char *typed[5];
	const char *found; /* NULL: none */
	size_t used;
	const char *problem; /* part of the text */
};

static const struct row rows[] = {
	{{"up"}, "up", 1, NULL},
	{{"apply"}, "up", 1, NULL},
	{{"ap"}, "up", 1, NULL},
	{{"up", "file"}, "up", 1, NULL},
	{{"do"}, NULL, 0, "not unique: down, doctor"},
	{{"dow"}, "down", 1, NULL},
	{{"show", "route"}, "show route", 2, NULL},
	{{"show", "ip", "route"}, "show route", 3, NULL},
	{{"sh", "ip", "ro"}, "show route", 3, NULL},
	{{"sh", "r"}, NULL, 0, "not unique: route, rip"},
	{{"show", "rip"}, "show rip", 2, NULL},
	{{"show", "ip", "rip", "neighbor"}, "show rip neighbors", 4, NULL},
	{{"show", "rip", "extra"}, "show rip", 2, NULL},
	{{"show"}, NULL, 0, "expected one of route, rip, mac"},
	{{"vm", "st", "x"}, NULL, 0, "not unique: start, stop"},
	{{"vm", "console", "vm1"}, "vm console", 2, NULL},
	{{"vm", "statr"}, NULL, 0, "did you mean \"start\"?"},
	{{"vm", "zzzz"}, NULL, 0, "\"zzzz\" can't follow \"vm\"; expected one of start, stop, console"},
	{{"dwon"}, NULL, 0, "did you mean \"down\"?"},
	{{"frobnicate"}, NULL, 0, "weft help lists them"},
	{{""}, NULL, 0, "not unique"},
};

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *row = &rows[i];
		struct text problem = {0};
		const struct command *found;
		size_t count = 0, used = 0;

		while (count < 5 && row->typed[count] != NULL)
			count++;
		found = words_find(table, COUNT_OF(table), row->typed, count, &used, &problem);
		if (row->found == NULL) {
			assert_null(found);
			if (strstr(text_get(&problem), row->problem) == NULL)
				fail_msg("row %zu: \"%s\" lacks \"%s\"", i, text_get(&problem), row->problem);
		} else {
			if (found == NULL)
				fail_msg("row %zu: %s", i, text_get(&problem));
			else
				assert_string_equal(found->name, row->found);
			assert_int_equal(used, row->used);
		}
		text_free(&problem);
	}
}

/* Whatever is typed, the answer is a row or a sentence, never both, never neither. */
static void test_random(void **state)
{
	static const char letters[] = "upshowvmrtein x";
	uint64_t seed = 20;
	struct rand rand = rand_seeded(seed);

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 20000; i++) {
		char words[4][6];
		const char *typed[4];
		struct text problem = {0};
		const struct command *found;
		size_t count = 1 + rand_below(&rand, 4), used = 0;

		for (size_t w = 0; w < count; w++) {
			size_t length = rand_below(&rand, 6);

			for (size_t c = 0; c < length; c++)
				words[w][c] = letters[rand_below(&rand, sizeof(letters) - 1)];
			words[w][length] = '\0';
			typed[w] = words[w];
		}
		found = words_find(table, COUNT_OF(table), typed, count, &used, &problem);
		assert_true((found != NULL) == (problem.used == 0));
		assert_true(used <= count);
		text_free(&problem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
