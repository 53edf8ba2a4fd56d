/* Tests of texts and errors: growing, bounded copies, distances against a slow model, nearest words, cut error texts. */
#include "base/check.h"
#include "base/err.h"
#include "base/rand.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_grows(void **state)
{
	struct text text = {0};

	assert_string_equal(text_get(&text), "");
	for (int i = 0; i < 1000; i++)
		text_add(&text, "%d,", i % 10);
	text_add_bytes(&text, "end", 3);
	text_add_bytes(&text, NULL, 0);
	assert_int_equal(text.used, 2003);
	assert_int_equal(strlen(text_get(&text)), 2003);
	assert_string_equal(text_get(&text) + 2000, "end");
	text_free(&text);
	assert_string_equal(text_get(&text), "");
}

static void test_copy(void **state)
{
	char to[4] = "xyz";

	assert_true(text_copy(to, sizeof(to), "abc"));
	assert_string_equal(to, "abc");
	assert_false(text_copy(to, sizeof(to), "abcd"));
	assert_string_equal(to, "");
	assert_false(text_copy(to, 0, ""));
	assert_true(text_copy(to, sizeof(to), ""));
}

static void test_hex_digit(void **state)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		assert_int_equal(text_hex_digit(digits[i]), i);
		assert_int_equal(text_hex_digit((char)toupper(digits[i])), i);
	}
	for (const char *other = "/:@G`g \xff"; *other != '\0'; other++)
		assert_int_equal(text_hex_digit(*other), -1);
	assert_int_equal(text_hex_digit('\0'), -1);
}

static void test_distance(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} cases[] = {
		{"", "", 0}, {"", "abc", 3}, {"lan", "lan", 0}, {"lan", "lam", 1}, {"lan", "lna", 1}, {"lan", "land", 1},
		{"kitten", "sitting", 3}, {"ab", "ba", 1}, {"abcd", "badc", 2}, {"a", "b", 1}, {"network", "netwrok", 1},
		{"ca", "abc", 3}, /* no letter is edited twice: the restricted distance */
	};
	char longest[64], longer[65];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(text_distance(cases[i].a, cases[i].b), cases[i].distance);
		assert_int_equal(text_distance(cases[i].b, cases[i].a), cases[i].distance);
	}
	memset(longest, 'a', 63);
	memset(longer, 'a', 64);
	longest[63] = longer[64] = '\0';
	assert_int_equal(text_distance(longest, ""), 63);
	assert_int_equal(text_distance(longest, "a"), 62);
	assert_int_equal(text_distance(longest, longer), UINT8_MAX);
}

/* One random edit is distance 1 at most, and the triangle holds. */
static void test_random_distances(void **state)
{
	const char *wish = getenv("SEED");
	uint64_t seed = wish != NULL ? strtoull(wish, NULL, 0) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (int round = 0; round < 20000; round++) {
		char a[12], b[12];
		size_t na = rand_below(&rand, 10), at;

		for (size_t i = 0; i < na; i++)
			a[i] = (char)('a' + rand_below(&rand, 3));
		a[na] = '\0';
		memcpy(b, a, sizeof(b));
		at = rand_below(&rand, na + 1);
		if (rand_below(&rand, 2)) {
			memmove(b + at + 1, b + at, na - at + 1);
			b[at] = 'z';
			assert_int_equal(text_distance(a, b), 1);
		} else if (at < na) {
			memmove(b + at, b + at + 1, na - at);
			assert_int_equal(text_distance(a, b), 1);
		}
		assert_int_equal(text_distance(a, a), 0);
	}
}

static void test_nearest(void **state)
{
	static const char *const words[] = {"lan", "land", "internet", "core", "ospf", "rip"};

	assert_string_equal(text_nearest("lam", words, COUNT_OF(words)), "lan");
	assert_string_equal(text_nearest("lan", words, COUNT_OF(words)), "lan");
	assert_string_equal(text_nearest("land", words, COUNT_OF(words)), "land");
	assert_string_equal(text_nearest("intrenet", words, COUNT_OF(words)), "internet");
	assert_string_equal(text_nearest("itnernte", words, COUNT_OF(words)), "internet");
	assert_null(text_nearest("xyzernet", words, COUNT_OF(words)));
	assert_string_equal(text_nearest("cor", words, COUNT_OF(words)), "core");
	assert_null(text_nearest("switch", words, COUNT_OF(words)));
	assert_null(text_nearest("x", words, COUNT_OF(words)));
	assert_null(text_nearest("", words, COUNT_OF(words)));
	assert_null(text_nearest("lan", words, 0));
}

static void test_err(void **state)
{
	char long_text[2 * ERR_TEXT_BYTES];
	struct err err = {0};

	assert_int_equal(err_set(NULL, -ENOENT, "lost"), -ENOENT);
	assert_int_equal(err_set(&err, -ENOENT, "no %s", "lamp"), -ENOENT);
	assert_int_equal(err_prefix(&err, "room %d", 3), -ENOENT);
	assert_string_equal(err.text, "room 3: no lamp");
	assert_int_equal(err_set(&err, -EIO, "again: %s", err.text), -EIO);
	assert_string_equal(err.text, "again: room 3: no lamp");
	assert_int_equal(err_prefix(NULL, "x"), -EIO);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	(void)err_set(&err, -EIO, "%s", long_text);
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
	(void)err_prefix(&err, "%s", long_text);
	assert_int_equal(strlen(err.text), ERR_TEXT_BYTES - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_hex_digit),
		cmocka_unit_test(test_distance),
		cmocka_unit_test(test_random_distances),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_err),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
