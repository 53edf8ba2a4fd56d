/* Requests of a trace run through the scheduler on a virtual clock: when each started and finished, and what that says of a policy. */
#ifndef ALLOC_SCHED_SIM_H
#define ALLOC_SCHED_SIM_H

#include "alloc/sched.h"

/* A request of a trace, in seconds and MiB; a trace is sorted by (arrival, position). */
struct sim_request {
	int64_t arrival;
	int64_t duration; /* service, >= 1 */
	int64_t estimate; /* >= duration */
	uint32_t vcpus;
	uint32_t memory;
	int32_t priority;
};

/* What became of it. `start` is -1 when it was refused: larger than a host. waiting = finish - arrival - duration. */
struct sim_result {
	int64_t start;
	int64_t finish;
	uint32_t slices;
};

/*
 * Runs all requests to their end; `results` has room for `count`. Returns 0, or -EINVAL with the reason when the trace is not sorted, or a
 * duration or estimate is out of range.
 */
int sim_run(
	const struct sched_config *config, const struct sim_request *requests, uint32_t count, struct sim_result *results, struct err *err);

/* Seconds over all requests that ran; percentiles by nearest rank. */
struct sim_distribution {
	double mean;
	int64_t median, p95, max;
};

struct sim_summary {
	uint32_t count, refused;
	struct sim_distribution waiting, turnaround, response;
	double bounded_slowdown; /* mean of max(1, turnaround / max(duration, 10 s)), Feitelson's */
	double utilisation;	 /* vCPU-seconds of service / (vCPUs x makespan) */
	int64_t makespan;	 /* first arrival to last finish */
	uint64_t slices;
};

void sim_summarize(const struct sched_config *config, const struct sim_request *requests, const struct sim_result *results, uint32_t count,
	struct sim_summary *summary);

#endif
