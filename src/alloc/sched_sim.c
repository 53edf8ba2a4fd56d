/*
 * Traces on a virtual clock.
 *
 * Theory of operation. Completions lie in a 4-ary heap by (time, dispatch number). A machine that is paused leaves its entry behind; the
 * entry is known to be stale by its dispatch number. Under round robin only a dispatch that can end within its slice gets an entry, so the
 * heap stays as small as the set of running machines.
 */
#include "alloc/sched_sim.h"

#include "base/arena.h"
#include "base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Times are bounded so that no sum of them overflows. */
#define TIME_MAX (INT64_C(1) << 40)

struct completion {
	int64_t time;
	uint32_t dispatch;
	uint32_t job;
};

struct sim {
	const struct sched_config *config;
	const struct sim_request *requests;
	struct sim_result *results;
	struct sched *sched;
	uint32_t *request_of;  /* by job */
	uint32_t *dispatch_of; /* by job: number of its current dispatch, 0: not running */
	uint32_t dispatches;
	struct completion *heap;
	size_t heap_used, heap_capacity;
};

static bool earlier(const struct completion *a, const struct completion *b)
{
	return a->time != b->time ? a->time < b->time : a->dispatch < b->dispatch;
}

static void heap_push(struct sim *sim, struct completion entry)
{
	size_t i = sim->heap_used++;

	if (sim->heap_used > sim->heap_capacity) {
		sim->heap_capacity = sim->heap_capacity ? sim->heap_capacity * 2 : 256;
		sim->heap = xrealloc(sim->heap, sim->heap_capacity * sizeof(*sim->heap));
	}
	for (; i > 0 && earlier(&entry, &sim->heap[(i - 1) / 4]); i = (i - 1) / 4)
		sim->heap[i] = sim->heap[(i - 1) / 4];
	sim->heap[i] = entry;
}

static void heap_pop(struct sim *sim)
{
	struct completion last = sim->heap[--sim->heap_used];
	size_t i = 0;

	for (;;) {
		size_t first = i * 4 + 1, best = first;

		if (first >= sim->heap_used)
			break;
		for (size_t child = first + 1; child < first + 4 && child < sim->heap_used; child++)
			if (earlier(&sim->heap[child], &sim->heap[best]))
				best = child;
		if (!earlier(&sim->heap[best], &last))
			break;
		sim->heap[i] = sim->heap[best];
		i = best;
	}
	sim->heap[i] = last;
}

static void sim_order(void *context, uint32_t job, enum sched_order order, int64_t now)
{
	struct sim *sim = context;
	uint32_t request = sim->request_of[job];
	int64_t remaining;

	if (order == SCHED_PAUSE) {
		sim->dispatch_of[job] = 0;
		return;
	}
	if (order == SCHED_START)
		sim->results[request].start = now;
	remaining = sim->requests[request].duration - sched_served(sim->sched, job, now);
	sim->dispatch_of[job] = ++sim->dispatches;
	if (sim->config->policy != SCHED_RR || remaining <= sim->config->quantum)
		heap_push(sim, (struct completion){now + remaining, sim->dispatches, job});
}

/* The next completion that is not stale, or NULL. */
static const struct completion *heap_next(struct sim *sim)
{
	while (sim->heap_used > 0 && sim->dispatch_of[sim->heap[0].job] != sim->heap[0].dispatch)
		heap_pop(sim);
	return sim->heap_used > 0 ? &sim->heap[0] : NULL;
}

static void sim_complete_until(struct sim *sim, int64_t now)
{
	const struct completion *next;

	while ((next = heap_next(sim)) != NULL && next->time <= now) {
		uint32_t job = next->job;

		heap_pop(sim);
		sim->dispatch_of[job] = 0;
		sched_complete(sim->sched, job, now);
		sim->results[sim->request_of[job]].finish = now;
		sim->results[sim->request_of[job]].slices = sched_dispatches(sim->sched, job);
	}
}

static void sim_submit(struct sim *sim, uint32_t request)
{
	const struct sim_request *r = &sim->requests[request];
	uint32_t job = sched_submit(sim->sched, &(struct sched_request){r->arrival, r->estimate, r->vcpus, r->memory, r->priority});

	if (job == SCHED_REFUSED)
		sim->results[request] = (struct sim_result){-1, -1, 0};
	else
		sim->request_of[job] = request;
}

static int sim_check(const struct sim_request *requests, uint32_t count, struct err *err)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct sim_request *r = &requests[i];

		if (r->arrival < 0 || r->arrival > TIME_MAX || r->duration < 1 || r->duration > TIME_MAX || r->estimate > TIME_MAX)
			return err_set(
				err, -EINVAL, "request %" PRIu32 ": times go from 0 to 2^40 s and a duration is at least 1 s", i + 1);
		if (r->estimate < r->duration)
			return err_set(err, -EINVAL, "request %" PRIu32 ": the estimate is below the duration", i + 1);
		if (i > 0 && r->arrival < requests[i - 1].arrival)
			return err_set(
				err, -EINVAL, "request %" PRIu32 ": arrives before the one above it; sort the trace by arrival", i + 1);
	}
	return 0;
}

int sim_run(
	const struct sched_config *config, const struct sim_request *requests, uint32_t count, struct sim_result *results, struct err *err)
{
	struct sim sim = {.config = config, .requests = requests, .results = results};
	uint32_t arrived = 0;
	int error = sched_config_check(config, err);

	if (error == 0)
		error = sim_check(requests, count, err);
	if (error != 0)
		return error;
	sim.sched = sched_new(config, sim_order, &sim);
	sim.request_of = xalloc(count * sizeof(*sim.request_of));
	sim.dispatch_of = xalloc(count * sizeof(*sim.dispatch_of));
	for (;;) {
		const struct completion *next = heap_next(&sim);
		int64_t now = sched_next_slice(sim.sched);

		if (next != NULL && next->time < now)
			now = next->time;
		if (arrived < count && requests[arrived].arrival < now)
			now = requests[arrived].arrival;
		if (now == INT64_MAX)
			break;
		sim_complete_until(&sim, now);
		for (; arrived < count && requests[arrived].arrival == now; arrived++)
			sim_submit(&sim, arrived);
		sched_pass(sim.sched, now);
	}
	CHECK(sched_counts(sim.sched).waiting == 0 && sched_counts(sim.sched).running == 0);
	sched_free(sim.sched);
	free(sim.request_of);
	free(sim.dispatch_of);
	free(sim.heap);
	return 0;
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts `values`. Nearest rank: the value at rank ceil(p x n). */
static struct sim_distribution distribution_of(int64_t *values, uint32_t count)
{
	struct sim_distribution d = {0};
	double sum = 0;

	if (count == 0)
		return d;
	for (uint32_t i = 0; i < count; i++)
		sum += (double)values[i];
	qsort(values, count, sizeof(*values), compare_times);
	d.mean = sum / count;
	d.median = values[((uint64_t)count * 50 + 99) / 100 - 1];
	d.p95 = values[((uint64_t)count * 95 + 99) / 100 - 1];
	d.max = values[count - 1];
	return d;
}

void sim_summarize(const struct sched_config *config, const struct sim_request *requests, const struct sim_result *results, uint32_t count,
	struct sim_summary *summary)
{
	int64_t *waiting = xalloc(count * sizeof(int64_t)), *turnaround = xalloc(count * sizeof(int64_t)),
		*response = xalloc(count * sizeof(int64_t));
	int64_t last = 0;
	double work = 0, slowdown = 0;
	uint32_t n = 0;

	*summary = (struct sim_summary){0};
	for (uint32_t i = 0; i < count; i++) {
		const struct sim_request *r = &requests[i];
		double bound = r->duration > 10 ? (double)r->duration : 10;

		if (results[i].start < 0) {
			summary->refused++;
			continue;
		}
		turnaround[n] = results[i].finish - r->arrival;
		waiting[n] = turnaround[n] - r->duration;
		response[n] = results[i].start - r->arrival;
		slowdown += (double)turnaround[n] / bound > 1 ? (double)turnaround[n] / bound : 1;
		work += (double)r->duration * r->vcpus;
		last = results[i].finish > last ? results[i].finish : last;
		summary->slices += results[i].slices;
		n++;
	}
	summary->count = n;
	summary->waiting = distribution_of(waiting, n);
	summary->turnaround = distribution_of(turnaround, n);
	summary->response = distribution_of(response, n);
	if (n > 0) {
		summary->makespan = last - requests[0].arrival;
		summary->bounded_slowdown = slowdown / n;
		summary->utilisation = work / ((double)config->vcpus * config->hosts * (double)summary->makespan);
	}
	free(waiting);
	free(turnaround);
	free(response);
}
