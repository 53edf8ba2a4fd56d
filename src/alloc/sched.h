/*
 * The scheduler of machines: one engine for live machines and for traces. Pure: events and time in, orders out.
 *
 * Theory of operation. A request waits until the policy starts it on a host. At every instant the driver reports completions (in dispatch
 * order), then arrivals (in the order of arrival and id), then calls sched_pass, which ends slices and runs one scheduling pass:
 *
 *   fcfs         the head of the line starts when it fits; nobody overtakes.
 *   rr           as fcfs, and a dispatch lasts at most a quantum: then the machine goes to the tail, in dispatch order.
 *   priority     the line is ordered by (key descending, arrival, id); key = priority, or with aging A: priority x A - arrival, so that
 *                a point of priority is worth A ticks of waiting. Strict head.
 *   preemptive   as priority; when the head doesn't fit, machines of lower priority are taken from the end of the running order until it
 *                fits; when it still wouldn't, nobody is paused.
 *   easy         on fcfs and priority (Lifka 1995): when the head is blocked, `shadow` is the earliest time at which it fits if all that
 * run end at dispatch + estimate, `extra` what is then left beside it; later ones start now if they fit now and either end by the shadow or
 * fit into extra.
 *
 * A paused machine gives back CPU and memory (release), or keeps its memory until it ends (hold): then only machines that were admitted to
 * memory, in the line's order, compete for CPU, else two halves could wait for each other for ever.
 * Orders come out through a callback: pauses first, then starts and resumes. A machine that is paused and dispatched again at the same
 * instant is told to continue, which a live driver ignores. Ticks are seconds in traces and milliseconds live.
 */
#ifndef ALLOC_SCHED_H
#define ALLOC_SCHED_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum sched_policy { SCHED_FCFS, SCHED_RR, SCHED_PRIORITY, SCHED_PREEMPTIVE, SCHED_POLICY_COUNT };
enum sched_placement { SCHED_FIRST_FIT, SCHED_BEST_FIT, SCHED_WORST_FIT, SCHED_PLACEMENT_COUNT };

/* The names of policies ("fcfs", "rr", "priority", "priority-preemptive") and placements ("first-fit", ...). */
extern const char *const sched_policy_names[SCHED_POLICY_COUNT];
extern const char *const sched_placement_names[SCHED_PLACEMENT_COUNT];

/* How many running jobs a set of hosts may hold at most is bounded by their vCPUs; hosts by this. */
#define SCHED_HOSTS_MAX 100000

struct sched_config {
	enum sched_policy policy;
	bool easy;
	bool hold;
	int64_t quantum; /* rr, ticks >= 1 */
	int64_t aging;	 /* priority and preemptive, ticks a point; 0: none */
	uint32_t hosts;	 /* >= 1, all alike */
	uint64_t vcpus;	 /* of a host */
	uint64_t memory; /* of a host, MiB */
	enum sched_placement placement;
	bool keep_places; /* fcfs: who was withheld takes its old place again, not one at the tail; slower, one host */
};

struct sched_request {
	int64_t arrival;
	int64_t estimate; /* ticks, >= 1 */
	uint32_t vcpus;
	uint32_t memory; /* MiB */
	int32_t priority;
};

enum sched_order { SCHED_START, SCHED_RESUME, SCHED_PAUSE, SCHED_CONTINUE };

/* Called for each order in a pass; must not call the scheduler. */
typedef void sched_order_fn(void *context, uint32_t job, enum sched_order order, int64_t now);

struct sched;

/* A number no job has: the request is larger than any host. */
#define SCHED_REFUSED UINT32_MAX

/* Checks a configuration (EASY only with fcfs and priority, on one host; quantum; sizes): 0 or -EINVAL with what to do. */
int sched_config_check(const struct sched_config *config, struct err *err);

/* A scheduler for a checked configuration. */
struct sched *sched_new(const struct sched_config *config, sched_order_fn *order, void *context);
void sched_free(struct sched *sched);

/* A request arrives; jobs are numbered 0, 1, ... in the order of submission. SCHED_REFUSED when no host could ever hold it. */
uint32_t sched_submit(struct sched *sched, const struct sched_request *request);

/* A running job ended. */
void sched_complete(struct sched *sched, uint32_t job, int64_t now);

/* A waiting, paused or withheld job is withdrawn. */
void sched_cancel(struct sched *sched, uint32_t job);

/* Ends slices that are over and runs one scheduling pass. */
void sched_pass(struct sched *sched, int64_t now);

/* When the next slice ends; INT64_MAX: never. */
int64_t sched_next_slice(const struct sched *sched);

/* What the jobs of a scheduler do now. */
struct sched_counts {
	uint32_t waiting, running, paused, withheld;
	uint64_t vcpus_used, memory_used;
};

struct sched_counts sched_counts(const struct sched *sched);

/* Ticks that a job ran so far, how often it was dispatched, and on which host it runs or ran last. */
int64_t sched_served(const struct sched *sched, uint32_t job, int64_t now);
uint32_t sched_dispatches(const struct sched *sched, uint32_t job);
uint32_t sched_host(const struct sched *sched, uint32_t job);

/*
 * What live machines need beside that, on one host.
 *
 * A withheld job doesn't compete: it was submitted before it may start, or somebody paused it. It gives its CPU back and keeps its memory;
 * readmitted it waits for its turn again.
 */
uint32_t sched_submit_withheld(struct sched *sched, const struct sched_request *request);
void sched_withhold(struct sched *sched, uint32_t job, int64_t now);
void sched_readmit(struct sched *sched, uint32_t job);

/*
 * A withheld job comes from an earlier scheduler: whether it had begun, for how long it was served, whether it has its memory; where it
 * runs, since when. These may take more than there is: nothing starts then until enough ended.
 */
void sched_restore(struct sched *sched, uint32_t job, bool begun, int64_t served, bool holds);
void sched_restore_running(struct sched *sched, uint32_t job, int64_t dispatched);

/* Tells of all that wait or are paused, in the order in which the policy takes them, whether they have their memory. */
typedef void sched_waiting_fn(void *context, uint32_t job, bool holds);
void sched_each_waiting(const struct sched *sched, sched_waiting_fn *tell, void *context);

/* How many jobs the coming passes may start that never ran; nobody overtakes one that has to wait for that. */
void sched_allow_starts(struct sched *sched, uint64_t starts);

/* What the head of the line that a job waits in waits for, after a pass, and which job that is; NONE when the job doesn't wait. */
enum sched_stall { SCHED_STALL_NONE, SCHED_STALL_STARTS, SCHED_STALL_VCPUS, SCHED_STALL_MEMORY };
enum sched_stall sched_stall(const struct sched *sched, uint32_t job, uint32_t *head);

/* The place of a job among those that wait or are paused, from 1; 0 when it doesn't. Costs as many steps. */
uint32_t sched_position(const struct sched *sched, uint32_t job);

#endif
