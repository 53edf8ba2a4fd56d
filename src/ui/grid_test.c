/* Tests of tables on the screen: widths, sides, wide columns, colours, what guests may not do to the terminal. */
#include "ui/grid.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct grid_column columns[] = {
	{.title = "VM"},
	{.title = "STATE", .state = true},
	{.title = "PID", .right = true, .wide = true},
	{.title = "N", .right = true},
};

static void check(bool wide, bool color, const char *expected)
{
	struct grid *grid = grid_new(columns, COUNT_OF(columns));
	struct text out = {0};

	grid_text(grid, "vm1");
	grid_text(grid, "running");
	grid_add(grid, "%d", 1234);
	grid_add(grid, "%d", 7);
	grid_text(grid, "größe");
	grid_text(grid, "");
	grid_text(grid, "");
	grid_add(grid, "%d", 1000);
	assert_int_equal(grid_rows(grid), 2);
	grid_print(grid, wide, color, &out);
	assert_string_equal(text_get(&out), expected);
	text_free(&out);
	grid_free(grid);
}

static void test_print(void **state)
{
	check(false, false, "VM     STATE       N\nvm1    running     7\ngröße  -        1000\n");
	check(true, false, "VM     STATE     PID     N\nvm1    running  1234     7\ngröße  -           -  1000\n");
	check(false, true, "VM     STATE       N\nvm1    \033[32mrunning\033[0m     7\ngröße  -        1000\n");
}

static void test_control_bytes(void **state)
{
	struct grid *grid = grid_new(columns, 1);
	struct text out = {0};

	grid_text(grid, "evil\033]0;x\a\n");
	grid_print(grid, false, true, &out);
	assert_string_equal(text_get(&out), "VM\nevil?]0;x??\n");
	text_free(&out);
	grid_free(grid);
	grid_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_print), cmocka_unit_test(test_control_bytes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
