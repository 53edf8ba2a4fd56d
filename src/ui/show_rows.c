/* What the show commands share. */
#include "ui/show_rows.h"

#include "ui/api_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *show_age_text(int64_t seconds, char out[32])
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 86400)
		(void)snprintf(out, 32, "%02" PRId64 ":%02" PRId64 ":%02" PRId64, seconds / 3600, seconds / 60 % 60, seconds % 60);
	else
		(void)snprintf(
			out, 32, "%" PRId64 "d%02" PRId64 "h%02" PRId64 "m", seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
	return out;
}

enum status show_rows_get(const struct call *call, const char *what, struct value **rows)
{
	static const char *const filters[] = {"lab", "router", "network"};
	struct text path = {0};
	enum status status;

	text_add(&path, "/v1/show/%s", what);
	for (size_t i = 0, used = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		const char *value = call_option(call, filters[i]);

		if (value != NULL)
			text_add(&path, "%c%s=%s", used++ == 0 ? '?' : '&', filters[i], client_path(call, "%s", value));
	}
	status = client_get(call, text_get(&path), rows);
	text_free(&path);
	if (status == STATUS_OK && call_for_programs(call))
		call_print_value(call, *rows);
	return status;
}

bool show_several_labs(const struct value *rows)
{
	for (size_t i = 1; i < value_count(rows); i++)
		if (strcmp(value_text(value_at(rows, i), "lab"), value_text(value_at(rows, 0), "lab")) != 0)
			return true;
	return false;
}

const char *show_short_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

enum status show_routers(struct call *call, const struct show_table *table)
{
	struct value *rows = NULL;
	enum status status = show_rows_get(call, table->what, &rows);
	struct grid *grid;
	bool labs;

	if (status != STATUS_OK || call_for_programs(call)) {
		value_free(rows);
		return status;
	}
	labs = show_several_labs(rows);
	grid = grid_new(table->columns, table->column_count);
	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *row = value_at(rows, i);

		grid_add(grid, "%s%s%s", labs ? value_text(row, "lab") : "", labs ? "/" : "", value_text(row, "router"));
		table->cells(grid, row);
	}
	if (grid_rows(grid) == 0)
		call_say(call, "%s", table->none);
	else if (table->legend != NULL)
		call_say(call, "%s", table->legend);
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}
