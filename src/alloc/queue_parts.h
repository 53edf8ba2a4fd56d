/* The inside of a queue of machines, for queue.c and queue_forecast.c. */
#ifndef ALLOC_QUEUE_PARTS_H
#define ALLOC_QUEUE_PARTS_H

#include "alloc/queue.h"

#include "base/map.h"

/* A machine's estimate when nobody knows it, ms: longer than any lab lives, short enough for sums. */
#define QUEUE_FOREVER_MS (INT64_C(1) << 40)

#define QUEUE_NO_JOB UINT32_MAX

/* A machine. */
struct entry {
	uint64_t id;
	uint64_t arrival;	/* number of arrivals before it: breaks ties */
	struct instant arrived; /* earlier than the queue itself where it was adopted */
	struct queue_need need;
	enum queue_phase phase;
	struct instant since; /* when its phase began to be counted */
	struct span waiting;
	struct span service;
	uint32_t job; /* the scheduler's number of it */
	bool begun;   /* was started once */
	bool granted; /* the policy wants it to run */
	bool withheld;
	bool keeps;	    /* has its memory though it isn't granted, or will when it is */
	uint64_t turn;	    /* order of dispatches and of ends of slices, among all machines */
	int64_t dispatched; /* granted: since when, ms */
	int64_t served;	    /* before that, ms */
	int64_t expected;   /* forecast: ms; INT64_MAX: unknown */
};

struct queue {
	struct queue_settings settings;
	struct sched *sched;
	bool stale; /* the scheduler is to be made anew */
	struct map entries;
	uint64_t arrivals, turns;
	size_t phases[QUEUE_ENDED + 1];
	struct instant latest; /* time as far as it was told */
	struct entry **by_job;
	uint32_t job_count, job_capacity;
	struct queue_order *orders;
	size_t order_count, order_next, order_capacity;
};

static inline int64_t queue_tick(struct instant now) { return now.ns / 1000000; }

/* The scheduler is to be made anew: what it alone knows goes into the entries. */
void queue_make_stale(struct queue *queue);

/* The settings as the scheduler's. */
struct sched_config queue_sched_config(const struct queue_settings *settings);

/*
 * A scheduler in the state that the entries describe; its job i is `(*jobs)[i]`, freed by the caller, `*count` of them. It gives its
 * orders to `order`.
 */
struct sched *queue_build(const struct queue *queue, sched_order_fn *order, void *context, struct entry ***jobs, uint32_t *count);

#endif
