/* weft pool: the pools of the labs, how full they are, and who holds what. */
#include "base/check.h"
#include "ui/api_client.h"
#include "ui/grid.h"

#include <inttypes.h>

/* Asks for `path` with the filters that are given (NULL: not). */
static enum status get_rows(const struct call *call, const char *path, const char *pool, const char *value, struct value **rows)
{
	const char *const names[] = {"lab", "pool", "value"};
	const char *const values[] = {call_option(call, "lab"), pool, value};
	struct text text = {0};
	enum status status;

	text_add(&text, "%s", path);
	for (size_t i = 0, used = 0; i < COUNT_OF(names); i++)
		if (values[i] != NULL)
			text_add(&text, "%c%s=%s", used++ == 0 ? '?' : '&', names[i], client_path(call, "%s", values[i]));
	status = client_get(call, text_get(&text), rows);
	if (status == STATUS_OK && call_for_programs(call))
		call_print_value(call, *rows);
	text_free(&text);
	return status;
}

enum status pool_ls_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "POOL"}, {.title = "LAB"}, {.title = "GIVES"},
		{.title = "SIZE", .right = true}, {.title = "HELD", .right = true}, {.title = "RELEASED", .right = true},
		{.title = "KEY", .wide = true}};
	struct value *rows = NULL;
	enum status status = get_rows(call, "/v1/pools", NULL, NULL, &rows);
	struct grid *grid;

	if (status != STATUS_OK)
		return status;
	grid = grid_new(columns, COUNT_OF(columns));
	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *row = value_at(rows, i);

		grid_text(grid, value_text(row, "name"));
		grid_text(grid, value_text(row, "lab"));
		grid_text(grid, value_text(row, "gives"));
		if (value_int(row, "size") > 0)
			grid_add(grid, "%" PRId64, value_int(row, "size"));
		else
			grid_text(grid, "");
		grid_add(grid, "%" PRId64, value_int(row, "held"));
		grid_add(grid, "%" PRId64, value_int(row, "released"));
		grid_text(grid, value_text(row, "pool"));
	}
	if (grid_rows(grid) == 0)
		call_say(call, "no pool has given anything");
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}

enum status pool_show_run(struct call *call)
{
	static const struct grid_column columns[] = {
		{.title = "VALUE"}, {.title = "OWNER"}, {.title = "STATE"}, {.title = "RELEASED"}, {.title = "POOL"}};
	const char *why = call_option(call, "why");
	struct value *rows = NULL;
	enum status status = get_rows(call, "/v1/holdings", call_argument(call, 0), why, &rows);
	size_t count = value_count(rows);
	struct grid *grid;

	if (status != STATUS_OK)
		return status;
	grid = grid_new(columns, COUNT_OF(columns));
	for (size_t i = 0; i < count; i++) {
		const struct value *row = value_at(rows, i);

		grid_text(grid, value_text(row, "value"));
		grid_text(grid, value_text(row, "owner"));
		grid_text(grid, value_text(row, "state"));
		grid_text(grid, value_text(row, "released"));
		grid_text(grid, value_text(row, "pool"));
	}
	call_print_grid(call, grid);
	value_free(rows);
	if (count > 0)
		return STATUS_OK;
	if (why != NULL)
		call_say(call, "no pool gave %s to anybody (an address that is written in a lab's file comes from no pool)", why);
	else
		call_say(call, "no pool has given anything");
	return STATUS_NOTHING;
}
