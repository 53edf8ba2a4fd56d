/* weft bench pool: how quick pools are, and how quick others' ways are on the same machine in the same run. */
#include "base/check.h"
#include "ui/call.h"
#include "ui/grid.h"
#include "ui/pool_bench.h"
#include "ui/pool_store_bench.h"
#include "ui/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define INTERFACES_MAX 10000000
#define INTERFACES_DEFAULT 1000000

/* Where the store's file is made for the time: a directory that is on a disk, not in memory. */
#define DIRECTORY_DEFAULT "/var/tmp"

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

static void print_stored(const struct call *call, const struct pool_bench_stored *stored)
{
	call_say(call,
		"On disk, by name, in batches of %d: %" PRIu64
		" interfaces allocated in %.3f s (processor %.3f s), released in %.3f s (processor %.3f s),",
		STORE_BENCH_BATCH, stored->interfaces, stored->allocate_s, stored->allocate_cpu_s, stored->release_s,
		stored->release_cpu_s);
	call_say(call, "read back in %.3f s; %.1f bytes each on disk, %.1f in memory.", stored->load_s, stored->bytes_each,
		stored->memory_each);
	call_say(call, "%d ports in %d networks: %.1f ms with one and the same subnet, %.1f ms with distinct ones.", STORE_BENCH_PORTS,
		STORE_BENCH_NETWORKS, stored->same_ms, stored->distinct_ms);
	call_say(call,
		"One by one, %d callers who wait together: %.0f durable allocations a second with %d each on the way, %.0f with %d each "
		"(none waited more than %.0f ms).",
		STORE_BENCH_CALLERS, stored->few, STORE_BENCH_FEW, stored->many, STORE_BENCH_MANY, stored->many_wait_ms);
	call_say(call, "The disk takes %.2f ms for one synchronization, so %d callers with one each can't have more than %.0f a second.",
		stored->sync_ms, STORE_BENCH_CALLERS, stored->sync_ms > 0 ? STORE_BENCH_CALLERS / stored->sync_ms * 1e3 : 0.0);
}

static void set_number(struct value *object, const char *key, double number)
{
	value_set(object, key, value_new_int((int64_t)(number + 0.5)));
}

static struct value *stored_value(const struct pool_bench_stored *stored)
{
	struct value *object = value_object();

	value_set(object, "interfaces", value_new_int((int64_t)stored->interfaces));
	value_set(object, "batch_interfaces", value_new_int(STORE_BENCH_BATCH));
	set_number(object, "allocate_us", stored->allocate_s * 1e6);
	set_number(object, "release_us", stored->release_s * 1e6);
	set_number(object, "allocate_cpu_us", stored->allocate_cpu_s * 1e6);
	set_number(object, "release_cpu_us", stored->release_cpu_s * 1e6);
	set_number(object, "load_us", stored->load_s * 1e6);
	set_number(object, "disk_bytes_each", stored->bytes_each);
	set_number(object, "memory_bytes_each", stored->memory_each);
	value_set(object, "ports", value_new_int(STORE_BENCH_PORTS));
	value_set(object, "networks", value_new_int(STORE_BENCH_NETWORKS));
	set_number(object, "same_subnet_us", stored->same_ms * 1e3);
	set_number(object, "distinct_subnets_us", stored->distinct_ms * 1e3);
	set_number(object, "sync_us", stored->sync_ms * 1e3);
	value_set(object, "callers", value_new_int(STORE_BENCH_CALLERS));
	set_number(object, "durable_per_s_1_each", stored->few);
	set_number(object, "durable_per_s_64_each", stored->many);
	set_number(object, "longest_wait_us_64_each", stored->many_wait_ms * 1e3);
	return object;
}

static void print_value(const struct call *call, const struct pool_bench_bulk *bulk, unsigned count,
	const struct pool_bench_single *singles, double clock_ns, const struct pool_bench_stored *stored)
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
	value_set(all, "stored", stored_value(stored));
	call_print_value(call, all);
	value_free(all);
}

enum status bench_pool_run(struct call *call)
{
	const char *text = call_option(call, "interfaces");
	struct pool_bench_single singles[POOL_BENCH_WAYS * POOL_BENCH_FILLS];
	struct pool_bench_bulk bulk[2];
	const char *directory = call_option(call, "directory");
	struct pool_bench_stored stored;
	uint64_t interfaces = INTERFACES_DEFAULT;
	struct err err = {0};
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
	if (pool_bench_stored(directory ? directory : DIRECTORY_DEFAULT, interfaces, &stored, &err) < 0)
		return call_fail(call, STATUS_FAILED, "%s", err.text);
	if (call_for_programs(call)) {
		print_value(call, bulk, COUNT_OF(bulk), singles, clock_ns, &stored);
		return STATUS_OK;
	}
	print_bulk(call, bulk, COUNT_OF(bulk));
	call_say(call, "%s", "");
	print_singles(call, singles, clock_ns);
	call_say(call, "%s", "");
	print_stored(call, &stored);
	return STATUS_OK;
}
