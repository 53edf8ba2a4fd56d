/* weft queue simulate: a trace of requests through the scheduler on a virtual clock, one policy or several side by side. */
#include "alloc/sched_sim.h"
#include "base/check.h"
#include "ui/call.h"
#include "ui/grid.h"
#include "ui/sim_plot.h"
#include "ui/trace_file.h"
#include "ui/value.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A policy to simulate and what came of it. */
struct simulation {
	const char *name;
	struct sched_config config;
	struct sim_result *results;
	struct sim_summary summary;
};

/* A whole number from 1 (or 0) on of an option; `value` is left alone when it isn't given. False with the error printed. */
static bool option_number(const struct call *call, const char *name, uint64_t least, uint64_t most, uint64_t *value)
{
	const char *text = call_option(call, name);
	char *end;
	unsigned long long number;

	if (text == NULL)
		return true;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number < least || number > most) {
		(void)call_fail(call, STATUS_USAGE, "--%s: expected a whole number from %" PRIu64 " to %" PRIu64 ", not \"%s\"", name,
			least, most, text);
		return false;
	}
	*value = number;
	return true;
}

/* The index of a name among `count` names; -1 and the error printed when it is none of them. */
static int option_word(const struct call *call, const char *what, const char *text, const char *const *names, int count)
{
	struct text all = {0};

	for (int i = 0; i < count; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	for (int i = 0; i < count; i++)
		text_add(&all, "%s%s", i > 0 ? ", " : "", names[i]);
	(void)call_fail(call, STATUS_USAGE, "%s: there is no \"%s\"; expected one of %s", what, text, text_get(&all));
	text_free(&all);
	return -1;
}

/* "rr:60", "priority+easy", "fcfs+hold": a policy, its quantum, and what goes on top. The word is changed. */
static bool policy_read(const struct call *call, char *word, struct sched_config *config)
{
	char *plus = strchr(word, '+'), *colon, *end;
	int policy;

	for (char *more = plus; more != NULL; more = plus) {
		*more++ = '\0';
		plus = strchr(more, '+');
		if (plus != NULL)
			*plus = '\0';
		if (strcmp(more, "easy") == 0) {
			config->easy = true;
		} else if (strcmp(more, "hold") == 0) {
			config->hold = true;
		} else {
			(void)call_fail(call, STATUS_USAGE, "\"+%s\": expected +easy or +hold behind a policy", more);
			return false;
		}
	}
	colon = strchr(word, ':');
	if (colon != NULL) {
		*colon++ = '\0';
		errno = 0;
		config->quantum = strtoll(colon, &end, 10);
		if (end == colon || *end != '\0' || errno != 0 || config->quantum < 1) {
			(void)call_fail(call, STATUS_USAGE, "\"%s\" is no quantum; expected seconds, as in rr:60", colon);
			return false;
		}
	}
	policy = option_word(call, "policy", word, sched_policy_names, SCHED_POLICY_COUNT);
	config->policy = policy < 0 ? SCHED_FCFS : (enum sched_policy)policy;
	return policy >= 0;
}

/* What all policies share: the hosts and the modes given as options. */
static bool common_read(const struct call *call, struct sched_config *config)
{
	uint64_t quantum = 30, aging = 0, hosts = 1, vcpus = 0, memory = UINT32_MAX;
	const char *placement = call_option(call, "placement"), *backfill = call_option(call, "backfill");
	static const char *const backfills[] = {"easy"};

	if (!option_number(call, "quantum", 1, INT32_MAX, &quantum) || !option_number(call, "aging", 0, INT32_MAX, &aging) ||
		!option_number(call, "hosts", 1, SCHED_HOSTS_MAX, &hosts) || !option_number(call, "vcpus", 1, UINT32_MAX, &vcpus) ||
		!option_number(call, "memory", 1, UINT32_MAX, &memory))
		return false;
	if (vcpus == 0) {
		(void)call_fail(call, STATUS_USAGE, "--vcpus is missing: how many vCPUs a host has");
		return false;
	}
	*config = (struct sched_config){
		.quantum = (int64_t)quantum,
		.aging = (int64_t)aging,
		.hosts = (uint32_t)hosts,
		.vcpus = vcpus,
		.memory = memory,
		.hold = call_option(call, "hold") != NULL,
		.easy = backfill != NULL,
	};
	if (backfill != NULL && option_word(call, "backfill", backfill, backfills, 1) < 0)
		return false;
	if (placement != NULL) {
		int found = option_word(call, "placement", placement, sched_placement_names, SCHED_PLACEMENT_COUNT);

		if (found < 0)
			return false;
		config->placement = (enum sched_placement)found;
	}
	return true;
}

/* Cuts the list of policies (--compare, else --policy, else the default of live machines). Returns how many, 0 with the error printed. */
static unsigned simulations_read(const struct call *call, const struct sched_config *common, struct simulation *list)
{
	const char *given = call_option(call, "compare") ? call_option(call, "compare") : call_option(call, "policy");
	char *words = arena_str(call->arena, given ? given : "priority+easy");
	unsigned count = 0;

	for (char *next = words; next != NULL; count++) {
		char *word = next;
		struct err err = {0};

		next = strchr(word, ',');
		if (next != NULL)
			*next++ = '\0';
		if (count == SIM_PLOT_CURVES_MAX) {
			(void)call_fail(call, STATUS_USAGE, "--compare takes at most %d policies", SIM_PLOT_CURVES_MAX);
			return 0;
		}
		list[count] = (struct simulation){.name = arena_str(call->arena, word), .config = *common};
		if (!policy_read(call, word, &list[count].config))
			return 0;
		if (sched_config_check(&list[count].config, &err) != 0) {
			(void)call_fail(call, STATUS_USAGE, "%s: %s", list[count].name, err.text);
			return 0;
		}
	}
	return count;
}

static struct value *distribution_value(const struct sim_distribution *d)
{
	struct value *v = value_object();

	value_set(v, "mean", value_new_int((int64_t)(d->mean + 0.5)));
	value_set(v, "median", value_new_int(d->median));
	value_set(v, "p95", value_new_int(d->p95));
	value_set(v, "max", value_new_int(d->max));
	return v;
}

static void print_value(const struct call *call, const struct simulation *list, unsigned count)
{
	struct value *all = value_array();

	for (unsigned i = 0; i < count; i++) {
		const struct sim_summary *s = &list[i].summary;
		struct value *v = value_object();

		value_set(v, "policy", value_new_text(list[i].name));
		value_set(v, "requests", value_new_int(s->count));
		value_set(v, "refused", value_new_int(s->refused));
		value_set(v, "waiting_s", distribution_value(&s->waiting));
		value_set(v, "turnaround_s", distribution_value(&s->turnaround));
		value_set(v, "response_s", distribution_value(&s->response));
		value_set(v, "bounded_slowdown_percent", value_new_int((int64_t)(s->bounded_slowdown * 100 + 0.5)));
		value_set(v, "utilisation_permille", value_new_int((int64_t)(s->utilisation * 1000 + 0.5)));
		value_set(v, "makespan_s", value_new_int(s->makespan));
		value_set(v, "slices", value_new_int((int64_t)s->slices));
		value_append(all, v);
	}
	call_print_value(call, all);
	value_free(all);
}

static void print_grid(const struct call *call, const struct simulation *list, unsigned count)
{
	static const struct grid_column columns[] = {
		{.title = "POLICY"},
		{.title = "WAITING", .right = true},
		{.title = "MEDIAN", .right = true},
		{.title = "P95", .right = true},
		{.title = "MAX", .right = true},
		{.title = "TURNAROUND", .right = true},
		{.title = "RESPONSE", .right = true},
		{.title = "SLOWDOWN", .right = true},
		{.title = "USE", .right = true},
		{.title = "MAKESPAN", .right = true},
		{.title = "SLICES", .right = true},
	};
	struct grid *grid = grid_new(columns, COUNT_OF(columns));

	for (unsigned i = 0; i < count; i++) {
		const struct sim_summary *s = &list[i].summary;

		grid_text(grid, list[i].name);
		grid_add(grid, "%.0f s", s->waiting.mean);
		grid_add(grid, "%" PRId64 " s", s->waiting.median);
		grid_add(grid, "%" PRId64 " s", s->waiting.p95);
		grid_add(grid, "%" PRId64 " s", s->waiting.max);
		grid_add(grid, "%.0f s", s->turnaround.mean);
		grid_add(grid, "%.0f s", s->response.mean);
		grid_add(grid, "%.2f", s->bounded_slowdown);
		grid_add(grid, "%.1f %%", s->utilisation * 100);
		grid_add(grid, "%" PRId64 " s", s->makespan);
		grid_add(grid, "%" PRIu64, s->slices);
	}
	call_print_grid(call, grid);
	call_say(call,
		"waiting, turnaround = waiting + service, and response (to the first start) are means; %" PRIu32 " requests, %" PRIu32
		" refused as too large",
		list[0].summary.count, list[0].summary.refused);
}

/* One line a request, in the trace's order. */
static enum status write_results(const struct call *call, const char *path, const struct trace *trace, const struct simulation *simulation)
{
	FILE *file = fopen(path, "we");

	if (file == NULL)
		return call_fail(call, STATUS_FAILED, "%s: can't be written: %s", path, strerror(errno));
	(void)fprintf(file, "id,start,finish,waiting,turnaround,response,slices\n");
	for (uint32_t i = 0; i < trace->count; i++) {
		const struct sim_request *r = &trace->requests[i];
		const struct sim_result *x = &simulation->results[i];

		if (x->start < 0)
			(void)fprintf(file, "%" PRIu64 ",,,,,,0\n", trace->ids[i]);
		else
			(void)fprintf(file, "%" PRIu64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRIu32 "\n",
				trace->ids[i], x->start, x->finish, x->finish - r->arrival - r->duration, x->finish - r->arrival,
				x->start - r->arrival, x->slices);
	}
	if (fclose(file) != 0)
		return call_fail(call, STATUS_FAILED, "%s: can't be written: %s", path, strerror(errno));
	return STATUS_OK;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static enum status write_plot(
	const struct call *call, const char *path, const struct trace *trace, const struct simulation *list, unsigned count)
{
	struct sim_curve curves[SIM_PLOT_CURVES_MAX];
	struct text svg = {0};
	FILE *file = fopen(path, "we");
	bool good;

	if (file == NULL)
		return call_fail(call, STATUS_FAILED, "%s: can't be written: %s", path, strerror(errno));
	for (unsigned i = 0; i < count; i++) {
		int64_t *waiting = arena_alloc(call->arena, trace->count * sizeof(int64_t));
		uint32_t n = 0;

		for (uint32_t k = 0; k < trace->count; k++)
			if (list[i].results[k].start >= 0)
				waiting[n++] = list[i].results[k].finish - trace->requests[k].arrival - trace->requests[k].duration;
		qsort(waiting, n, sizeof(*waiting), compare_times);
		curves[i] = (struct sim_curve){list[i].name, waiting, n};
	}
	sim_plot(curves, count, &svg);
	good = fwrite(svg.bytes, 1, svg.used, file) == svg.used;
	good = fclose(file) == 0 && good;
	text_free(&svg);
	return good ? STATUS_OK : call_fail(call, STATUS_FAILED, "%s: can't be written: %s", path, strerror(errno));
}

/* Runs all policies over the trace and prints what came of them. */
static enum status simulate(const struct call *call, const struct trace *trace, struct simulation *list, unsigned count)
{
	const char *out = call_option(call, "out"), *plot = call_option(call, "plot");
	enum status status = STATUS_OK;
	struct err err = {0};

	for (unsigned i = 0; i < count; i++) {
		list[i].results = arena_alloc(call->arena, trace->count * sizeof(struct sim_result));
		if (sim_run(&list[i].config, trace->requests, trace->count, list[i].results, &err) != 0)
			return call_fail(call, STATUS_USAGE, "%s: %s", list[i].name, err.text);
		sim_summarize(&list[i].config, trace->requests, list[i].results, trace->count, &list[i].summary);
	}
	if (call_for_programs(call))
		print_value(call, list, count);
	else
		print_grid(call, list, count);
	if (out != NULL)
		status = write_results(call, out, trace, &list[0]);
	if (status == STATUS_OK && plot != NULL)
		status = write_plot(call, plot, trace, list, count);
	return status;
}

enum status queue_simulate_run(struct call *call)
{
	struct simulation list[SIM_PLOT_CURVES_MAX];
	struct sched_config common;
	uint64_t memory_per_vcpu = 0;
	struct trace trace;
	struct err err = {0};
	enum status status;
	unsigned count;

	if (!common_read(call, &common) || !option_number(call, "memory-per-vcpu", 0, UINT32_MAX, &memory_per_vcpu))
		return STATUS_USAGE;
	count = simulations_read(call, &common, list);
	if (count == 0)
		return STATUS_USAGE;
	if (call_option(call, "out") != NULL && count > 1)
		return call_fail(call, STATUS_USAGE, "--out holds the results of one policy; give --policy instead of --compare");
	if (trace_read(call_argument(call, 0), (uint32_t)memory_per_vcpu, &trace, &err) != 0)
		return call_fail(call, STATUS_USAGE, "%s", err.text);
	status = simulate(call, &trace, list, count);
	trace_free(&trace);
	return status;
}
