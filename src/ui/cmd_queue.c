/* weft queue: which machines wait for what and for how long, and how their queues decide. */
#include "base/check.h"
#include "ui/api_client.h"
#include "ui/grid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Seconds as people read them: "3.8 s"; "-" when there are none yet. */
static void add_seconds(struct grid *grid, const struct value *object, const char *key)
{
	if (value_is_null(value_get(object, key)))
		grid_text(grid, "-");
	else
		grid_add(grid, "%.1f s", value_number(object, key));
}

/* A machine and its place in the list. */
struct place {
	const struct value *vm;
	size_t at;
};

/* Those that run first, then those that wait, in the order in which their queue takes them; by lab. */
static int compare_places(const void *left, const void *right)
{
	const struct place *a = left, *b = right;
	int64_t x = value_int(a->vm, "position"), y = value_int(b->vm, "position");
	int lab = strcmp(value_text(a->vm, "lab"), value_text(b->vm, "lab"));

	if (lab != 0)
		return lab;
	if (x != y)
		return x < y ? -1 : 1;
	return a->at < b->at ? -1 : 1;
}

static struct place *sort_machines(const struct call *call, const struct value *vms)
{
	size_t count = value_count(vms);
	struct place *places = arena_alloc(call->arena, (count + 1) * sizeof(*places));

	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){value_at(vms, i), i};
	qsort(places, count, sizeof(*places), compare_places);
	return places;
}

static void print_machines(const struct call *call, const struct value *vms)
{
	static const struct grid_column columns[] = {
		{.title = "POS", .right = true},
		{.title = "VM"},
		{.title = "LAB"},
		{.title = "PRI", .right = true},
		{.title = "STATE", .state = true},
		{.title = "WAITING", .right = true},
		{.title = "SERVICE", .right = true},
		{.title = "TURNAROUND", .right = true},
		{.title = "EXPECTED IN", .right = true},
		{.title = "REASON"},
	};
	struct grid *grid = grid_new(columns, COUNT_OF(columns));
	const struct place *places = sort_machines(call, vms);

	for (size_t i = 0; i < value_count(vms); i++) {
		const struct value *vm = places[i].vm;
		int64_t position = value_int(vm, "position");

		if (position > 0)
			grid_add(grid, "%" PRId64, position);
		else
			grid_text(grid, "-");
		grid_text(grid, value_text(vm, "name"));
		grid_text(grid, value_text(vm, "lab"));
		grid_add(grid, "%" PRId64, value_int(vm, "priority"));
		grid_text(grid, value_text(vm, "state"));
		add_seconds(grid, vm, "waiting_s");
		add_seconds(grid, vm, "service_s");
		add_seconds(grid, vm, "turnaround_s");
		add_seconds(grid, vm, "expected_s");
		grid_text(grid, value_text(vm, "reason"));
	}
	call_print_grid(call, grid);
}

/* What keeps one machine from running, in sentences. */
static void explain(const struct call *call, const struct value *vm)
{
	const char *state = value_text(vm, "state"), *reason = value_text(vm, "reason");
	int64_t position = value_int(vm, "position");

	call_say(call, "%s is %s%s%s", value_text(vm, "name"), state, reason[0] ? ": " : "", reason);
	if (!value_is_null(value_get(vm, "turnaround_s")))
		call_say(call, "turnaround %.1f s = waiting %.1f s + service %.1f s", value_number(vm, "turnaround_s"),
			value_number(vm, "waiting_s"), value_number(vm, "service_s"));
	if (strcmp(state, "waiting") != 0 && (strcmp(state, "paused") != 0 || position == 0))
		return;
	if (position > 0)
		call_say(call, "place %" PRId64 " in its queue, priority %" PRId64, position, value_int(vm, "priority"));
	if (!value_is_null(value_get(vm, "expected_s")))
		call_say(call, "expected to run in %.1f s, if the others run for as long as they say (estimate, walltime)",
			value_number(vm, "expected_s"));
	else
		call_say(call, "nobody can tell when it will run: a machine before it doesn't say how long it runs (estimate, walltime)");
}

static enum status explain_run(struct call *call, const struct value *vms, const char *wanted)
{
	const char *lab = "", *name = "";
	enum status status = client_find_vm(call, wanted, &lab, &name);

	for (size_t i = 0; status == STATUS_OK && i < value_count(vms); i++) {
		const struct value *vm = value_at(vms, i);

		if (strcmp(value_text(vm, "name"), name) != 0 || strcmp(value_text(vm, "lab"), lab) != 0)
			continue;
		if (call_for_programs(call))
			call_print_value(call, vm);
		else
			explain(call, vm);
	}
	return status;
}

enum status queue_ls_run(struct call *call)
{
	const char *lab = call_option(call, "lab"), *wanted = call_option(call, "explain");
	struct value *vms = NULL;
	enum status status;

	if (lab != NULL && client_lab(call, NULL) == NULL)
		return STATUS_FAILED;
	status = client_get(call, lab ? client_path(call, "/v1/labs/%s/vms", lab) : "/v1/vms", &vms);
	if (status != STATUS_OK)
		return status;
	if (wanted != NULL)
		status = explain_run(call, vms, wanted);
	else if (call_for_programs(call))
		call_print_value(call, vms);
	else
		print_machines(call, vms);
	value_free(vms);
	return status;
}

/* "rr, 30 s each", "priority, a point for 60 s, easy". */
static void add_policy(struct grid *grid, const struct value *row)
{
	const char *policy = value_text(row, "policy");
	struct text text = {0};

	text_add(&text, "%s", policy);
	if (strcmp(policy, "rr") == 0)
		text_add(&text, ", %" PRId64 " s each", value_int(row, "quantum_s"));
	if (strncmp(policy, "priority", 8) == 0 && value_int(row, "aging_s") > 0)
		text_add(&text, ", a point for %" PRId64 " s of waiting", value_int(row, "aging_s"));
	if (value_bool(row, "easy"))
		text_add(&text, ", backfill easy");
	grid_text(grid, text_get(&text));
	text_free(&text);
}

enum status queue_policy_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "LAB"}, {.title = "POLICY"}, {.title = "STARTS", .right = true},
		{.title = "CPUS", .right = true}, {.title = "MEMORY", .right = true}, {.title = "WAITING", .right = true},
		{.title = "STARTING", .right = true}, {.title = "RUNNING", .right = true}, {.title = "PAUSED", .right = true},
		{.title = "CALM", .right = true}};
	const char *lab = call_option(call, "lab");
	struct value *rows = NULL;
	struct grid *grid;
	enum status status;

	if (lab != NULL && client_lab(call, NULL) == NULL)
		return STATUS_FAILED;
	status = client_get(call, lab ? client_path(call, "/v1/show/queues?lab=%s", lab) : "/v1/show/queues", &rows);
	if (status != STATUS_OK)
		return status;
	grid = grid_new(columns, COUNT_OF(columns));
	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *row = value_at(rows, i);

		grid_text(grid, value_text(row, "lab"));
		add_policy(grid, row);
		grid_add(grid, "%" PRId64, value_int(row, "max_starting"));
		grid_add(grid, "%" PRId64 "/%" PRId64, value_int(row, "cpus_given"), value_int(row, "cpus"));
		grid_add(grid, "%" PRId64 "/%" PRId64 "M", value_int(row, "memory_given_mib"), value_int(row, "memory_mib"));
		grid_add(grid, "%" PRId64, value_int(row, "waiting"));
		grid_add(grid, "%" PRId64, value_int(row, "starting"));
		grid_add(grid, "%" PRId64, value_int(row, "running"));
		grid_add(grid, "%" PRId64, value_int(row, "paused"));
		if (value_int(row, "calm") > 0)
			grid_add(grid, "%" PRId64 "%%", value_int(row, "calm"));
		else
			grid_text(grid, "-");
	}
	if (call_for_programs(call))
		call_print_value(call, rows);
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}
