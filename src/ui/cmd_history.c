/* weft queue history: each time that a machine ran and ended, with how long it waited and was served. */
#include "base/check.h"
#include "ui/api_client.h"
#include "ui/grid.h"

#include <inttypes.h>
#include <stdlib.h>

/* Rows of the table when nobody says how many. */
enum { LAST_DEFAULT = 50 };

static void print_run(struct grid *grid, const struct value *run)
{
	grid_text(grid, value_text(run, "ended"));
	grid_text(grid, value_text(run, "name"));
	grid_text(grid, value_text(run, "lab"));
	grid_add(grid, "%" PRId64, value_int(run, "priority"));
	grid_text(grid, value_text(run, "state"));
	grid_add(grid, "%.3f s", value_number(run, "waiting_s"));
	grid_add(grid, "%.3f s", value_number(run, "service_s"));
	grid_add(grid, "%.3f s", value_number(run, "turnaround_s"));
	grid_text(grid, value_text(run, "reason"));
}

static void print_means(const struct call *call, const struct value *runs)
{
	size_t count = value_count(runs);
	double waiting = 0, service = 0;

	for (size_t i = 0; i < count; i++) {
		waiting += value_number(value_at(runs, i), "waiting_s");
		service += value_number(value_at(runs, i), "service_s");
	}
	if (count > 0)
		call_say(call, "%zu runs; on average turnaround %.1f s = waiting %.1f s + service %.1f s", count,
			(waiting + service) / (double)count, waiting / (double)count, service / (double)count);
}

enum status queue_history_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ENDED"}, {.title = "VM"}, {.title = "LAB"}, {.title = "PRI", .right = true},
		{.title = "STATE", .state = true}, {.title = "WAITING", .right = true}, {.title = "SERVICE", .right = true},
		{.title = "TURNAROUND", .right = true}, {.title = "REASON"}};
	/* The lab may be gone: only the daemon knows whether there is something. */
	const char *lab = call_option(call, "lab"), *last = call_option(call, "last");
	long most = last ? strtol(last, NULL, 10) : LAST_DEFAULT;
	struct value *runs = NULL;
	struct grid *grid;
	enum status status;

	if (most < 1)
		return call_fail(call, STATUS_USAGE, "--last needs a number of runs, not \"%s\"", last);
	status = client_get(call, lab ? client_path(call, "/v1/history?lab=%s", lab) : "/v1/history", &runs);
	if (status != STATUS_OK)
		return status;
	if (call_for_programs(call)) {
		call_print_value(call, runs);
	} else {
		size_t count = value_count(runs), from = count > (size_t)most ? count - (size_t)most : 0;

		grid = grid_new(columns, COUNT_OF(columns));
		for (size_t i = from; i < count; i++)
			print_run(grid, value_at(runs, i));
		call_print_grid(call, grid);
		print_means(call, runs);
	}
	value_free(runs);
	return STATUS_OK;
}
