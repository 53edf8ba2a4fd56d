/*
 * The queue of live machines: who starts, pauses and goes on when, and how long each one waited and was served. Pure: `now` comes in,
 * orders come out.
 *
 * Theory of operation. The decisions are the scheduler's (sched.h), the same that runs traces; this is what live machines need around it:
 * numbers that stay, a limit of simultaneous starts, machines that don't compete for a while, settings that change, and exact times.
 *
 *	 add          START           started          PAUSE
 *	-----> WAITING -----> STARTING -------> RUNNING <-------> PAUSED
 *	          |               |                |      RESUME     |
 *	          +---------------+------ end -----+-----------------+----> (times stay until queue_remove)
 *
 * Orders are what shall be (in capitals); the phase follows when the caller says that it is so. Time in WAITING and PAUSED is waiting, time
 * in STARTING and RUNNING is service; every nanosecond from the arrival to the end is one of the two, so turnaround = waiting + service
 * holds exactly, always. A clock that goes back is taken to stand still.
 *
 * The scheduler counts in milliseconds and knows no machine that comes back, so it is made anew from the entries here whenever something
 * changed that it can't change: settings, what a machine needs, machines that are found running. Nobody loses a place by that.
 */
#ifndef ALLOC_QUEUE_H
#define ALLOC_QUEUE_H

#include "alloc/sched.h"
#include "base/instant.h"

#include <stddef.h>

/* Most machines of one queue. */
#define QUEUE_MACHINES_MAX 65536

enum queue_phase { QUEUE_ABSENT, QUEUE_WAITING, QUEUE_STARTING, QUEUE_RUNNING, QUEUE_PAUSED, QUEUE_ENDED };

/* How a queue decides. `release`: a machine that the policy pauses gives its memory back; else it keeps it until it ends. */
struct queue_settings {
	enum sched_policy policy;
	bool easy; /* with fcfs and priority */
	bool release;
	struct span quantum; /* rr: at least 1 ms */
	struct span aging;   /* of waiting that outweighs a point of priority; 0: none */
	unsigned max_starting;
	uint32_t vcpus, memory_mib; /* that may be given out, overcommit included */
};

/* What a machine asks for. `estimate` of 0: nobody knows how long it will run. */
struct queue_need {
	int32_t priority;
	uint32_t vcpus, memory_mib;
	struct span estimate;
};

/* How long a machine waited, was served, and both together. */
struct queue_times {
	struct span waiting;
	struct span service;
	struct span turnaround;
};

struct queue;

/* 0, or -EINVAL with what to do. */
int queue_settings_check(const struct queue_settings *settings, struct err *err);

/* A new queue with checked settings; `max_starting` of 0 means 1. */
struct queue *queue_new(const struct queue_settings *settings);

/* Frees the queue and forgets its machines. Accepts NULL. */
void queue_free(struct queue *queue);

/* Changes the settings; those that wait are put in the new order, those that run go on until the next pass says otherwise. */
void queue_change(struct queue *queue, const struct queue_settings *settings);
const struct queue_settings *queue_settings(const struct queue *queue);

/*
 * A machine arrives; an ended one arrives anew, its times from zero. 0, -EEXIST when it is here, -ENOSPC when the queue is full, -E2BIG
 * when it needs more than there is altogether.
 */
int queue_add(struct queue *queue, uint64_t id, const struct queue_need *need, struct instant now);

/*
 * A machine that was here in an earlier life arrives in the phase it is in, with the times it had: waiting, running, paused (`by_policy`:
 * to be resumed by it), or ended. Its place is that of `arrived`, of two with the same the one adopted first; where a line goes by turns
 * (rr), it stands behind those adopted before it. 0, -EEXIST or -ENOSPC.
 */
struct queue_past {
	struct queue_times times;
	enum queue_phase phase;
	bool by_policy;
	struct instant arrived; /* may be before the clock's zero */
};
int queue_adopt(struct queue *queue, uint64_t id, const struct queue_need *need, const struct queue_past *past, struct instant now);

/* Changes what a machine needs, and with it its place. */
void queue_set_need(struct queue *queue, uint64_t id, const struct queue_need *need);

/* Lets a machine not compete for now, without losing its place, or compete again. Each is ignored when it is so already. */
void queue_withhold(struct queue *queue, uint64_t id, struct instant now);
void queue_readmit(struct queue *queue, uint64_t id, struct instant now);
bool queue_is_withheld(const struct queue *queue, uint64_t id);

/* An order: SCHED_START (the machine is STARTING from then on), SCHED_PAUSE or SCHED_RESUME. */
struct queue_order {
	uint64_t id;
	enum sched_order order;
};

/* Decides; at most `starts` machines start (and never more than the settings allow). Then take the orders, until there is none. */
void queue_pass(struct queue *queue, unsigned starts, struct instant now);
bool queue_next(struct queue *queue, struct queue_order *order);

/* When a pass is due because a slice ends; INSTANT_NEVER: only when something happens. */
struct instant queue_due(const struct queue *queue);

/*
 * The machine's start is over, it runs; it is paused, it runs again. Each is ignored in another phase than the drawing says. One that
 * somebody else paused is to be withheld, too.
 */
void queue_started(struct queue *queue, uint64_t id, struct instant now);
void queue_pause(struct queue *queue, uint64_t id, struct instant now);
void queue_resume(struct queue *queue, uint64_t id, struct instant now);

/* The machine is through (it stopped, failed, or no longer wants to start). Its times stand still. */
void queue_end(struct queue *queue, uint64_t id, struct instant now);

/* Forgets the machine. */
void queue_remove(struct queue *queue, uint64_t id);

enum queue_phase queue_phase(const struct queue *queue, uint64_t id);

/* Whether the policy wants the machine to run now. */
bool queue_is_granted(const struct queue *queue, uint64_t id);

/* The machine's times up to `now`; zero when it is absent. */
struct queue_times queue_times(const struct queue *queue, uint64_t id, struct instant now);

/* The machine's place among those that wait for the policy, from 1; 0 when it doesn't. Costs as many steps. */
unsigned queue_position(struct queue *queue, uint64_t id);

/* What a machine waits for: of the one at the head of its line, which may be itself, since nobody overtakes it (but by backfill). */
struct queue_why {
	enum queue_reason { QUEUE_WHY_NONE, QUEUE_WHY_WITHHELD, QUEUE_WHY_STARTS, QUEUE_WHY_VCPUS, QUEUE_WHY_MEMORY } reason;
	uint64_t head;
	uint64_t needed, free, capacity; /* vCPUs or MiB */
};
struct queue_why queue_why(struct queue *queue, uint64_t id);

/*
 * Foretells when each waiting machine is dispatched next, if all machines run as long as estimated: runs the scheduler ahead. Then
 * queue_expected says it; false where nobody can tell.
 */
void queue_forecast(struct queue *queue, struct instant now);
bool queue_expected(const struct queue *queue, uint64_t id, struct instant *when);

/* Numbers of machines, and what is given out. */
struct queue_counts {
	size_t waiting, starting, running, paused;
	uint64_t vcpus, memory_mib;
};
struct queue_counts queue_counts(struct queue *queue);

#endif
