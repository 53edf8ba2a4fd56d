/* Tests of pictures of --watch: lines cut by characters, not bytes or colours; rows cut; the rest erased. */
#include "ui/watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *printed;
	size_t rows, columns;
	const char *frame;
} rows[] = {
	{"", 3, 10, "\033[H\033[J"},
	{"one\ntwo\n", 3, 10, "\033[Hone\033[K\r\ntwo\033[K\033[J"},
	{"one\ntwo\nthree\n", 2, 10, "\033[Hone\033[K\r\ntwo\033[K\033[J"},
	{"abcdef\nx", 2, 3, "\033[Habc\033[K\r\nx\033[K\033[J"},
	{"a\033[32mup\033[0mdown\n", 1, 4, "\033[Ha\033[32mup\033[0md\033[K\033[J"},
	{"ab\033[32mup\033[0m\n", 1, 2, "\033[Hab\033[32m\033[0m\033[K\033[J"},
	{"\xe2\x86\x92\xe2\x86\x92\xe2\x86\x92\n", 1, 2, "\033[H\xe2\x86\x92\xe2\x86\x92\033[K\033[J"},
};

static void frames(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text out = {0};

		watch_frame(rows[i].printed, rows[i].rows, rows[i].columns, &out);
		assert_string_equal(text_get(&out), rows[i].frame);
		text_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(frames)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
