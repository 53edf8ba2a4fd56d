/* weft pool: the pools of the labs, how full they are, who holds what; numbers reserved and given back; plans and checks. */
#include "base/check.h"
#include "ui/api_client.h"
#include "ui/grid.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
		{.title = "SIZE", .right = true}, {.title = "HELD", .right = true}, {.title = "RESERVED", .right = true},
		{.title = "RELEASED", .right = true}, {.title = "KEY", .wide = true}};
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
		grid_add(grid, "%" PRId64, value_int(row, "reserved"));
		grid_add(grid, "%" PRId64, value_int(row, "released"));
		grid_text(grid, value_text(row, "pool"));
	}
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}

enum status pool_show_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "VALUE"}, {.title = "OWNER"}, {.title = "STATE"}, {.title = "SINCE"},
		{.title = "WHY"}, {.title = "RELEASED"}, {.title = "POOL"}};
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
		grid_text(grid, value_text(row, "since"));
		grid_text(grid, value_text(row, "why"));
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

/* Asks for a number to be reserved or given back, and says what came of it. */
static enum status change_number(struct call *call, const char *path, const char *note, const char *done)
{
	struct value *body = value_object(), *answer = NULL;
	struct text text = {0};
	enum status status;

	value_set(body, "pool", value_new_text(call_argument(call, 0)));
	value_set(body, "value", value_new_text(call_argument(call, 1)));
	if (call_option(call, "lab") != NULL)
		value_set(body, "lab", value_new_text(call_option(call, "lab")));
	if (note != NULL)
		value_set(body, "note", value_new_text(note));
	value_to_json(body, false, &text);
	value_free(body);
	status = client_request(call, "POST", path, text_get(&text), &answer, NULL);
	text_free(&text);
	if (status == STATUS_OK && call_for_programs(call))
		call_print_value(call, answer);
	else if (status == STATUS_OK)
		call_say(call, "%s of pool %s is %s", value_text(answer, "value"), value_text(answer, "pool"), done);
	value_free(answer);
	return status;
}

enum status pool_reserve_run(struct call *call) { return change_number(call, "/v1/pools/reserve", call_option(call, "for"), "reserved"); }

enum status pool_release_run(struct call *call) { return change_number(call, "/v1/pools/release", NULL, "free"); }

/* Memory that could be given to machines now, MiB; 0 when the kernel doesn't say. */
static unsigned long long available_mib(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long kib = 0;
	char line[128];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "MemAvailable:", 13) == 0)
			kib = strtoull(line + 13, NULL, 10);
	if (file != NULL)
		(void)fclose(file);
	return kib >> 10;
}

static void plan_say(const struct call *call, const struct value *plan)
{
	static const struct grid_column columns[] = {{.title = "RESOURCE"}, {.title = "SIZE", .right = true},
		{.title = "USED", .right = true}, {.title = "NEEDED", .right = true}, {.title = "LEFT", .right = true},
		{.title = "MACHINES THAT FIT", .right = true}};
	const struct value *rows = value_get(plan, "resources");
	int64_t vms = value_int(plan, "vms"), nics = value_int(plan, "nics");
	struct grid *grid = grid_new(columns, COUNT_OF(columns));

	call_say(call, "Interfaces: %" PRId64 " machines x %" PRId64 " NICs = %" PRId64, vms, nics, value_int(plan, "interfaces"));
	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *row = value_at(rows, i);

		grid_text(grid, value_text(row, "resource"));
		grid_add(grid, "%" PRId64, value_int(row, "size"));
		grid_add(grid, "%" PRId64, value_int(row, "used"));
		grid_add(grid, "%" PRId64, value_int(row, "needed"));
		grid_add(grid, "%" PRId64, value_int(row, "left"));
		grid_add(grid, "%" PRId64, value_int(row, "machines"));
	}
	call_print_grid(call, grid);
	if (value_bool(plan, "enough"))
		call_say(call, "There is room for them; %s would run out first, after %" PRId64 " machines.", value_text(plan, "first"),
			value_int(plan, "machines"));
	else
		call_say(call, "There is no room for them: %s run out after %" PRId64 " machines.", value_text(plan, "first"),
			value_int(plan, "machines"));
}

enum status pool_plan_run(struct call *call)
{
	static const char *const names[] = {"vms", "nics", "memory", "lab"};
	enum status status;
	struct value *plan = NULL;
	struct text path = {0};

	text_add(&path, "/v1/pools/plan?available=%llu", available_mib());
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (call_option(call, names[i]) != NULL)
			text_add(&path, "&%s=%s", names[i], client_path(call, "%s", call_option(call, names[i])));
	status = client_get(call, text_get(&path), &plan);
	text_free(&path);
	if (status != STATUS_OK)
		return status;
	if (call_for_programs(call))
		call_print_value(call, plan);
	else
		plan_say(call, plan);
	status = value_bool(plan, "enough") ? STATUS_OK : STATUS_FAILED;
	value_free(plan);
	return status;
}

enum status pool_check_run(struct call *call)
{
	struct value *answer = NULL;
	enum status status = client_get(call, "/v1/pools/check", &answer);
	const struct value *problems = value_get(answer, "problems");

	if (status != STATUS_OK)
		return status;
	if (call_for_programs(call))
		call_print_value(call, answer);
	for (size_t i = 0; i < value_count(problems); i++)
		call_say(call, "%s", value_string(value_at(problems, i)));
	call_say(call, "%" PRId64 " numbers looked at%s: %zu problems", value_int(answer, "checked"),
		value_bool(answer, "switch_asked") ? ", and the switch" : "; the switch didn't answer", value_count(problems));
	status = value_count(problems) > 0 || !value_bool(answer, "switch_asked") ? STATUS_FAILED : STATUS_OK;
	value_free(answer);
	return status;
}
