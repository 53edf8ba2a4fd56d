/*
 * The queues of machines: one a lab, each with the scheduler's settings (MSG_SCHEDULE_SET), and the passes that make machines start, pause
 * and go on.
 *
 * Theory of operation. Whatever may change a decision (a machine arrives, starts, ends; settings; a slice that is over; a host that
 * became calm) calls vm_start_next, which lets each queue decide once and carries its orders out (machine_turns.c). Calls from within are
 * done after. Why each machine waits is found out a moment after the last pass, once for all.
 *
 * Machines arrive in the order in which they were asked for, though defining one may take longer than another: one that isn't defined yet
 * holds those behind it back (`arriving`).
 */
#ifndef VM_SCHEDULE_H
#define VM_SCHEDULE_H

#include "vm/machine.h"
#include "vm/vm_room.h"

/* A queue of machines. */
struct schedule {
	struct list node;
	uint32_t id;
	struct msg_schedule wanted;
	struct queue *queue;
	struct list arriving;	/* struct machine, by arriving_node: those that are to start once they are defined */
	struct instant started; /* when a machine was last started */
	struct instant uncalm;	/* since when the next one waits for calm; INSTANT_NEVER: it doesn't */
	bool stale;
};

/* The queues' timers; call once, before the others. */
void schedules_begin(struct vm *vm);

/* The schedule of a number; an unknown one is made with the defaults. */
struct schedule *schedule_get(struct vm *vm, uint32_t id);

/* SCHEDULE_SET, SCHEDULE_DEL. One with machines in it stays, with the defaults, until they are gone: their times are in it. */
void schedule_set(struct vm *vm, const struct msg_schedule *wanted);
void schedule_delete(struct vm *vm, uint32_t id);

/* Marks between SYNC_BEGIN and SYNC_END. */
void schedules_sync_begin(struct vm *vm);
void schedules_sync_end(struct vm *vm);

/* Lets those that are defined, and nobody before them isn't, enter their queue. */
void schedule_admit(struct schedule *schedule);

/* What the next machine to start waits for beside its queue: a text, "" for nothing. */
void schedule_calm_text(const struct vm *vm, const struct schedule *schedule, char *out, size_t size);

/* Sends a row for each queue (SHOW_QUEUES). */
void schedules_show(struct vm *vm, uint32_t object, struct ticket ticket);

/* Foretells for all queues (queue_forecast). */
void schedules_forecast(struct vm *vm);

#endif
