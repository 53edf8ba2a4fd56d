/*
 * How quick the scheduler is: a million made-up requests under each policy, and traces from files, in seconds of one processor.
 * One JSON object a line.
 * usage: sched_bench [REQUESTS [TRACE VCPUS MEMORY_MIB]...]
 */
#include "alloc/queue.h"
#include "alloc/sched_sim.h"
#include "base/arena.h"
#include "base/instant.h"
#include "base/rand.h"
#include "ui/trace_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define REQUESTS 1000000
#define SEED 7
#define ROUNDS 3
#define PENDING 10000

/* A case: a policy's name and settings; the quantum is in seconds. */
struct policy_case {
	const char *name;
	enum sched_policy policy;
	bool easy, hold;
	int64_t quantum, aging;
};

static const struct policy_case cases[] = {
	{"fcfs", SCHED_FCFS, false, false, 0, 0},
	{"fcfs+easy", SCHED_FCFS, true, false, 0, 0},
	{"priority", SCHED_PRIORITY, false, false, 0, 0},
	{"priority+easy+aging", SCHED_PRIORITY, true, false, 0, 3600},
	{"priority-preemptive", SCHED_PREEMPTIVE, false, false, 0, 0},
	{"rr 60 s", SCHED_RR, false, false, 60, 0},
	{"rr 600 s", SCHED_RR, false, false, 600, 0},
};

/* Arrivals that load 100 vCPUs to some nine tenths: 1 to 8 vCPUs for 300 s on average. */
static struct sim_request *make_requests(uint32_t count)
{
	struct sim_request *requests = xalloc(count * sizeof(*requests));
	struct rand rand = rand_seeded(SEED);
	int64_t arrival = 0;

	for (uint32_t i = 0; i < count; i++) {
		int64_t duration = 1 + (int64_t)rand_below(&rand, 600);

		arrival += (int64_t)rand_below(&rand, 30);
		requests[i] = (struct sim_request){.arrival = arrival,
			.duration = duration,
			.estimate = duration + (int64_t)rand_below(&rand, 600),
			.vcpus = 1 + (uint32_t)rand_below(&rand, 8),
			.memory = 128 + (uint32_t)rand_below(&rand, 1024),
			.priority = (int32_t)rand_below(&rand, 4)};
	}
	return requests;
}

/* This process's time on a processor, ns: what others do on the machine doesn't count. */
static int64_t cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Runs one case a few times; prints the least time of all. */
static void measure(
	const char *trace, const struct policy_case *c, const struct sim_request *requests, uint32_t count, const struct sched_config *host)
{
	struct sched_config config = {.policy = c->policy,
		.easy = c->easy,
		.hold = c->hold,
		.quantum = c->quantum,
		.aging = c->aging,
		.hosts = 1,
		.vcpus = host->vcpus,
		.memory = host->memory};
	struct sim_result *results = xalloc(count * sizeof(*results));
	struct sim_summary summary;
	struct err err = {0};
	int64_t least = INT64_MAX;

	for (unsigned round = 0; round < ROUNDS; round++) {
		int64_t before = cpu_ns(), passed;

		if (sim_run(&config, requests, count, results, &err) != 0) {
			(void)fprintf(stderr, "%s: %s\n", c->name, err.text);
			exit(EXIT_FAILURE);
		}
		passed = cpu_ns() - before;
		least = passed < least ? passed : least;
	}
	sim_summarize(&config, requests, results, count, &summary);
	(void)printf("{\"trace\": \"%s\", \"policy\": \"%s\", \"requests\": %" PRIu32 ", \"seconds\": %.4f, \"ns_per_request\": %.0f, "
		     "\"slices\": %" PRIu64 ", \"mean_waiting_s\": %.0f, \"utilisation\": %.3f}\n",
		trace, c->name, count, (double)least / 1e9, (double)least / count, summary.slices, summary.waiting.mean,
		summary.utilisation);
	(void)fflush(stdout);
	free(results);
}

static void measure_all(const char *trace, const struct sim_request *requests, uint32_t count, const struct sched_config *host)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		measure(trace, &cases[i], requests, count, host);
}

static int compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Decisions of the live queue with PENDING machines in it: one ends, one arrives, a pass gives its orders. Prints the 99th percentile. */
static void measure_live(const char *name, enum sched_policy policy, bool easy)
{
	static int64_t times[PENDING];
	struct queue *queue = queue_new(&(struct queue_settings){
		.policy = policy, .easy = easy, .quantum = span_s(30), .max_starting = 64, .vcpus = 64, .memory_mib = 1 << 20});
	struct queue_need need = {.vcpus = 1, .memory_mib = 96, .estimate = span_s(600)};
	struct queue_order order;
	uint64_t ends = 0, arrives = 0;
	int64_t median, late;

	for (; arrives < PENDING; arrives++) {
		need.priority = (int32_t)(arrives % 7);
		(void)queue_add(queue, arrives, &need, (struct instant){(int64_t)arrives * 1000000});
	}
	for (unsigned i = 0; i < PENDING; i++, arrives++) {
		struct instant now = {(int64_t)arrives * 1000000};
		int64_t before = cpu_ns();

		if (i >= 64)
			queue_end(queue, ends, now);
		(void)queue_add(queue, arrives, &need, now);
		queue_pass(queue, 64, now);
		while (queue_next(queue, &order))
			if (order.order == SCHED_START) {
				queue_started(queue, order.id, now);
				ends = order.id;
			}
		times[i] = cpu_ns() - before;
	}
	qsort(times, PENDING, sizeof(times[0]), compare_times);
	median = times[PENDING / 2];
	late = times[PENDING * 99 / 100];
	(void)printf(
		"{\"live\": \"%s\", \"pending\": %d, \"decision_p50_us\": %.1f, \"decision_p99_us\": %.1f, \"decision_max_us\": %.1f}\n",
		name, PENDING, (double)median / 1e3, (double)late / 1e3, (double)times[PENDING - 1] / 1e3);
	queue_free(queue);
}

int main(int argc, char **argv)
{
	uint32_t count = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : REQUESTS;
	struct sim_request *requests = make_requests(count > 0 ? count : 1);
	struct err err = {0};

	measure_all("made-up", requests, count > 0 ? count : 1, &(struct sched_config){.vcpus = 100, .memory = 128000});
	free(requests);
	measure_live("fcfs", SCHED_FCFS, false);
	measure_live("priority+easy", SCHED_PRIORITY, true);
	measure_live("priority-preemptive", SCHED_PREEMPTIVE, false);
	measure_live("rr", SCHED_RR, false);
	for (int i = 2; i + 2 < argc; i += 3) {
		struct sched_config host = {.vcpus = strtoull(argv[i + 1], NULL, 10), .memory = strtoull(argv[i + 2], NULL, 10)};
		struct trace trace;

		if (trace_read(argv[i], 1, &trace, &err) != 0) {
			(void)fprintf(stderr, "%s\n", err.text);
			return EXIT_FAILURE;
		}
		measure_all(argv[i], trace.requests, trace.count, &host);
		trace_free(&trace);
	}
	return EXIT_SUCCESS;
}
