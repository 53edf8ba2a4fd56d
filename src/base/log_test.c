/* Tests of logging: the form of lines, levels, control bytes, and lines that are too long. */
#include "base/check.h"
#include "base/log.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];
static char line[4096];

/* What was logged since the last call. */
static const char *logged(void)
{
	ssize_t n = read(ends[0], line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

static void test_lines(void **state)
{
	log_open("ctl", ends[1], LOG_LEVEL_INFO, 1);
	log_info("router edge", "up %d", 1);
	assert_string_equal(logged(), "<6>ctl router edge: up 1\n");
	log_error(NULL, "no");
	assert_string_equal(logged(), "<3>ctl: no\n");
	log_debug(NULL, "not this");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug(NULL, "this");
	assert_string_equal(logged(), "<7>ctl: this\n");
	log_info("a\nb", "c\033[1m\td\x7f\xc3\xa4");
	assert_string_equal(logged(), "<6>ctl a?b: c?[1m?d?\xc3\xa4\n");
}

static void test_long_lines(void **state)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_info(NULL, "%s", text);
	assert_int_equal(strlen(logged()), 1024);
	assert_int_equal(line[1023], '\n');
	log_info(text, "%s", "lost");
	assert_int_equal(strlen(logged()), 1024);
	assert_int_equal(line[1023], '\n');
}

static void test_wall_clock(void **state)
{
	log_open("ctl", ends[1], LOG_LEVEL_INFO, 0);
	log_info(NULL, "x");
	assert_int_equal(strlen(logged()), strlen("12:34:56.789 ctl: x\n"));
	assert_string_equal(line + 12, " ctl: x\n");
}

static int set_up(void **state) { return pipe2(ends, O_NONBLOCK | O_CLOEXEC); }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_wall_clock),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
