/*
 * The queue of machines: who starts when, and how long each one waited and was served. Pure: `now` comes in, ids come out.
 *
 * Theory of operation. A machine arrives (queue_add), waits for its turn, starts (queue_next), runs (queue_started), may be paused and
 * resumed, and leaves (queue_end). At most `max_starting` are starting at the same time, since booting is what loads a host; how many run
 * is not limited here. Among those that wait the policy decides: `fcfs` by arrival; `priority` by priority (the larger first), equals by
 * arrival. A machine that starts is never sent back.
 *
 *	 add          next            started            pause
 *	-----> WAITING -----> STARTING -------> RUNNING <-------> PAUSED
 *	          |               |                |      resume     |
 *	          +---------------+------ end -----+-----------------+----> (times stay until queue_remove)
 *
 * Time in WAITING and PAUSED is waiting, time in STARTING and RUNNING is service; every nanosecond from the arrival to the end is one of
 * the two, so turnaround = waiting + service holds exactly, always. A clock that goes back is taken to stand still.
 */
#ifndef ALLOC_QUEUE_H
#define ALLOC_QUEUE_H

#include "base/instant.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Most machines of one queue. */
#define QUEUE_MACHINES_MAX 65536

enum queue_policy { QUEUE_FCFS, QUEUE_PRIORITY, QUEUE_POLICY_COUNT };

enum queue_phase { QUEUE_ABSENT, QUEUE_WAITING, QUEUE_STARTING, QUEUE_RUNNING, QUEUE_PAUSED, QUEUE_ENDED };

/* How long a machine waited, was served, and both together. */
struct queue_times {
	struct span waiting;
	struct span service;
	struct span turnaround;
};

struct queue;

/* A new queue; `max_starting` of 0 means 1. Aborts when there is no memory. */
struct queue *queue_new(enum queue_policy policy, unsigned max_starting);

/* Frees the queue and forgets its machines. Accepts NULL. */
void queue_free(struct queue *queue);

/* Changes policy and limit; those that wait are put in the new order, those that start go on. */
void queue_change(struct queue *queue, enum queue_policy policy, unsigned max_starting);

/* A machine arrives; an ended one arrives anew, its times from zero. 0, -EEXIST when it is here, -ENOSPC when the queue is full. */
int queue_add(struct queue *queue, uint64_t id, int32_t priority, struct instant now);

/*
 * A machine that is found running (or paused) arrives in that phase, with the times it had when somebody last knew. 0, -EEXIST or -ENOSPC.
 */
int queue_adopt(struct queue *queue, uint64_t id, int32_t priority, struct queue_times times, bool paused, struct instant now);

/* Changes the priority of a machine, and with it its place when it waits. */
void queue_set_priority(struct queue *queue, uint64_t id, int32_t priority);

/* Takes the machine whose turn it is: it is STARTING from now on and `*id` is set. False when none may start. */
bool queue_next(struct queue *queue, struct instant now, uint64_t *id);

/* The machine's start is over, it runs. Pause and resume. Each is ignored in another phase than the drawing says. */
void queue_started(struct queue *queue, uint64_t id, struct instant now);
void queue_pause(struct queue *queue, uint64_t id, struct instant now);
void queue_resume(struct queue *queue, uint64_t id, struct instant now);

/* The machine is through (it stopped, failed, or no longer wants to start). Its times stand still. */
void queue_end(struct queue *queue, uint64_t id, struct instant now);

/* Forgets the machine. */
void queue_remove(struct queue *queue, uint64_t id);

enum queue_phase queue_phase(const struct queue *queue, uint64_t id);

/* The machine's times up to `now`; zero when it is absent. */
struct queue_times queue_times(const struct queue *queue, uint64_t id, struct instant now);

/* The machine's place among those that wait, from 1; 0 when it doesn't wait. Costs as many steps. */
unsigned queue_position(const struct queue *queue, uint64_t id);

/* Number of machines that wait, and that start. */
size_t queue_waiting(const struct queue *queue);
size_t queue_starting(const struct queue *queue);

#endif
