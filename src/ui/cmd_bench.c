/* weft bench pool: how quick pools are, and how quick others' ways are on the same machine in the same run. */
#include "base/check.h"
#include "ui/call.h"
#include "ui/grid.h"
#include "ui/pool_bench.h"
#include "ui/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define INTERFACES_MAX 10000000
#define INTERFACES_DEFAULT 1000000

/* Units of the pools in which single allocations are timed. */
#define UNITS (UINT64_C(1) << 20)

static void print_bulk(const struct call *call, const struct pool_bench_bulk *bulk, unsigned count)
{
	static const struct grid_column columns[] = {{.title = "OWNERS"}, {.title = "INTERFACES", .right = true},
		{.title = "ALLOCATED", .right = true}, {.title = "RELEASED", .right = true}, {.title = "CPU", .right = true},
		{.title = "BYTES EACH", .right = true}};
	struct grid *grid = grid_new(columns, COUNT_OF(columns));

	for (unsigned i = 0; i < count; i++) {
		grid_text(grid, bulk[i].owners);
		grid_add(grid, "%" PRIu64, bulk[i].interfaces);
		grid_add(grid, "%.3f s", bulk[i].allocate_s);
		grid_add(grid, "%.3f s", bulk[i].release_s);
		grid_add(grid, "%.3f s", bulk[i].allocate_cpu_s + bulk[i].release_cpu_s);
		grid_add(grid, "%.1f", bulk[i].bytes);
	}
	call_print_grid(call, grid);
}

static void grid_time(struct grid *grid, double ns)
{
	if (ns < 0)
		grid_text(grid, "never");
	else if (ns < 10000)
		grid_add(grid, "%.0f ns", ns);
	else
		grid_add(grid, "%.0f us", ns / 1000);
}

static void print_singles(const struct call *call, const struct pool_bench_single *singles, double clock_ns)
{
	static const struct grid_column columns[] = {{.title = "ONE ALLOCATION"}, {.title = "FULL", .right = true},
		{.title = "P50", .right = true}, {.title = "P99", .right = true}};
	struct grid *grid = grid_new(columns, COUNT_OF(columns));

	for (unsigned i = 0; i < POOL_BENCH_WAYS * POOL_BENCH_FILLS; i++) {
		grid_text(grid, singles[i].way);
		if (singles[i].fill < 1)
			grid_add(grid, "%g %%", singles[i].fill * 100);
		else
			grid_text(grid, "refusal");
		grid_time(grid, singles[i].p50_ns);
		grid_time(grid, singles[i].p99_ns);
	}
	call_print_grid(call, grid);
	call_say(call, "Pools have %" PRIu64 " units, gaps by chance; times include reading the clock, %.0f ns.", UNITS, clock_ns);
}

static void set_number(struct value *object, const char *key, double number)
{
	value_set(object, key, value_new_int((int64_t)(number + 0.5)));
}

static void print_value(const struct call *call, const struct pool_bench_bulk *bulk, unsigned count,
	const struct pool_bench_single *singles, double clock_ns)
{
	struct value *all = value_object(), *many = value_array(), *ones = value_array();

	for (unsigned i = 0; i < count; i++) {
		struct value *row = value_object();

		value_set(row, "owners", value_new_text(bulk[i].owners));
		value_set(row, "interfaces", value_new_int((int64_t)bulk[i].interfaces));
		set_number(row, "allocate_us", bulk[i].allocate_s * 1e6);
		set_number(row, "release_us", bulk[i].release_s * 1e6);
		set_number(row, "allocate_cpu_us", bulk[i].allocate_cpu_s * 1e6);
		set_number(row, "release_cpu_us", bulk[i].release_cpu_s * 1e6);
		set_number(row, "bytes_each", bulk[i].bytes);
		value_append(many, row);
	}
	for (unsigned i = 0; i < POOL_BENCH_WAYS * POOL_BENCH_FILLS; i++) {
		struct value *row = value_object();

		value_set(row, "way", value_new_text(singles[i].way));
		set_number(row, "full_ppm", singles[i].fill * 1e6);
		value_set(row, "samples", value_new_int(singles[i].samples));
		if (singles[i].p50_ns >= 0) {
			set_number(row, "p50_ns", singles[i].p50_ns);
			set_number(row, "p99_ns", singles[i].p99_ns);
		}
		value_append(ones, row);
	}
	value_set(all, "interfaces", many);
	value_set(all, "single", ones);
	value_set(all, "units", value_new_int((int64_t)UNITS));
	set_number(all, "clock_ns", clock_ns);
	call_print_value(call, all);
	value_free(all);
}

enum status bench_pool_run(struct call *call)
{
	const char *text = call_option(call, "interfaces");
	struct pool_bench_single singles[POOL_BENCH_WAYS * POOL_BENCH_FILLS];
	struct pool_bench_bulk bulk[2];
	uint64_t interfaces = INTERFACES_DEFAULT;
	double clock_ns;
	char *end;

	if (text != NULL) {
		errno = 0;
		interfaces = strtoull(text, &end, 10);
		if (*text < '1' || *text > '9' || *end != '\0' || errno != 0 || interfaces > INTERFACES_MAX)
			return call_fail(
				call, STATUS_USAGE, "--interfaces: expected a whole number from 1 to %d, not \"%s\"", INTERFACES_MAX, text);
	}
	pool_bench_numbers(interfaces, &bulk[0]);
	pool_bench_names(interfaces, &bulk[1]);
	pool_bench_singles(UNITS, singles, &clock_ns);
	if (call_for_programs(call)) {
		print_value(call, bulk, COUNT_OF(bulk), singles, clock_ns);
		return STATUS_OK;
	}
	print_bulk(call, bulk, COUNT_OF(bulk));
	call_say(call, "%s", "");
	print_singles(call, singles, clock_ns);
	return STATUS_OK;
}
