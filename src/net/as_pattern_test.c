/* Tests of AS path patterns: a table of patterns and paths, patterns that are none, and seeded random ones against the C library's. */
#include "net/as_pattern.h"

#include "base/check.h"
#include "base/rand.h"
#include "base/text.h"
#include "base/writer.h"

#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* "65001 65002 {1,2}" in wire form; a sequence of at most 255. */
static size_t path_of(const char *text, uint8_t bytes[1024])
{
	struct writer w = writer_over(bytes, 1024);
	size_t count_at = 0;
	bool in_set = false;

	for (const char *c = text; *c != '\0';) {
		char *end;

		if (*c == ' ' || *c == ',') {
			c++;
		} else if (*c == '{' || *c == '}') {
			in_set = *c++ == '{';
			count_at = 0;
			if (in_set) {
				writer_u8(&w, 1);
				count_at = writer_used(&w);
				writer_u8(&w, 0);
			}
		} else {
			if (count_at == 0) {
				writer_u8(&w, 2);
				count_at = writer_used(&w);
				writer_u8(&w, 0);
			}
			bytes[count_at]++;
			writer_u32(&w, (uint32_t)strtoul(c, &end, 10));
			c = end;
		}
	}
	assert_true(writer_ok(&w));
	return writer_used(&w);
}

static bool matches(const char *pattern, const char *path)
{
	struct err err = {0};
	struct as_pattern *p = as_pattern_new(pattern, &err);
	uint8_t bytes[1024];
	size_t count = path_of(path, bytes);
	bool result;

	if (p == NULL)
		print_message("%s\n", err.text);
	assert_non_null(p);
	result = as_pattern_matches(p, bytes, count);
	as_pattern_free(p);
	return result;
}

static void test_table(void **state)
{
	static const struct {
		const char *pattern, *path;
		bool matches;
	} rows[] = {
		{"^$", "", true},
		{"^$", "1", false},
		{".*", "", true},
		{"^65001$", "65001", true},
		{"^65001$", "65001 65002", false},
		{"_65001_", "1 65001 2", true},
		{"_65001_", "1 650012", false},
		{"_65001_", "65001", true},
		{"^_65001_$", "65001", true},
		{"_65001$", "1 2 65001", true},
		{"^65001_", "65001 3", true},
		{"^65001_", "650011 3", false},
		{"^(65001_)+$", "65001 65001 65001", true},
		{"^(65001_)+$", "65001 2 65001", false},
		{"^[0-9]+$", "77", true},
		{"^[0-9]+$", "77 78", false},
		{"^[0-9]+ [0-9]+$", "77 78", true},
		{"^(1|2|33)( 4)?$", "33 4", true},
		{"^(1|2|33)( 4)?$", "33 5", false},
		{"_6451[2-9]_", "1 64513 2", true},
		{"_6451[2-9]_", "1 64511 2", false},
		{"^[^6]", "75", true},
		{"^[^6]", "65", false},
		{"_7_", "1 {7,8}", true},
		{"\\{7,", "1 {7,8}", true},
		{"_8_", "1 {7,8}", true},
		{"12", "3123", true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (matches(rows[i].pattern, rows[i].path) != rows[i].matches)
			print_message("%s on \"%s\"\n", rows[i].pattern, rows[i].path);
		assert_int_equal(matches(rows[i].pattern, rows[i].path), rows[i].matches);
	}
}

static void test_bad(void **state)
{
	static const char *const bad[] = {
		"", "(", ")", "(1", "1)", "*", "1|", "|1", "()", "[1", "[3-1]", "x", "1{2}", "\\", "(1|)", "^*(", "[a]"};
	char longest[AS_PATTERN_TEXT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct err err = {0};

		assert_null(as_pattern_new(bad[i], &err));
		assert_true(err.code < 0 && err.text[0] != '\0');
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_null(as_pattern_new(longest, NULL));
	/* 2^20 states. */
	assert_null(as_pattern_new("1[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]", NULL));
}

/* What both understand alike: ends in the middle of a pattern, where the two differ on purpose, are left out. */
static bool understood_alike(const char *pattern)
{
	for (const char *c = pattern; *c != '\0'; c++)
		if ((*c == '^' && c != pattern && c[-1] != '[') || (*c == '$' && c[1] != '\0'))
			return false;
	return true;
}

/* A pattern out of a few pieces, and what the C library says of it. */
static void test_random(void **state)
{
	static const char *const pieces[] = {
		"1", "2", "12", "[12]", "[^1]", ".", " ", "(1|2)", "(12|1 2)", "1*", "( 1)+", "(2 )?", "^", "$"};
	const uint64_t seed = 20261;
	struct rand rand = rand_seeded(seed);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 3000; round++) {
		unsigned parts = 1 + (unsigned)rand_below(&rand, 4), numbers = (unsigned)rand_below(&rand, 4);
		struct text pattern = {0}, path = {0};
		regex_t theirs;

		for (unsigned i = 0; i < parts; i++)
			text_add(&pattern, "%s", pieces[rand_below(&rand, COUNT_OF(pieces))]);
		for (unsigned i = 0; i < numbers; i++)
			text_add(&path, "%s%u", i > 0 ? " " : "", 1 + (unsigned)rand_below(&rand, 22));
		if (understood_alike(text_get(&pattern))) {
			bool ours = matches(text_get(&pattern), text_get(&path));

			assert_int_equal(regcomp(&theirs, text_get(&pattern), REG_EXTENDED | REG_NOSUB), 0);
			if (ours != (regexec(&theirs, text_get(&path), 0, NULL, 0) == 0))
				print_message("%s on \"%s\"\n", text_get(&pattern), text_get(&path));
			assert_int_equal(ours, regexec(&theirs, text_get(&path), 0, NULL, 0) == 0);
			regfree(&theirs);
		}
		text_free(&pattern);
		text_free(&path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_bad), cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
