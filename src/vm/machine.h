/*
 * One machine: from what is wanted of it to what it does, and back.
 *
 * Theory of operation. The machine lives in the loop; whatever blocks is a job (machine_job.h), one at a time, in the order in which they
 * were asked for. Its state follows from finished jobs and from looks: an event of the hypervisor only causes a look, and the look decides,
 * so that stale and lost events do no harm, and a machine that is found running (this process was started anew) is simply seen.
 *
 *	         VM_SET, prepared       its turn           runs
 *	DEFINED ------------> WAITING ---------> STARTING ------> RUNNING <---> PAUSED
 *	   ^  (run wanted)       |                  |               |  stop
 *	   |                     |                  v               v
 *	   +--- VM_SET ---    STOPPED            FAILED <----   STOPPING ---> STOPPED
 *
 * A kill is possible from everywhere. A guest that shuts itself down is STOPPED and not started again until somebody says so.
 */
#ifndef VM_MACHINE_H
#define VM_MACHINE_H

#include "vm/machine_job.h"
#include "vm/vm_room.h"

struct machine;

/* A machine that nothing is known of yet. */
struct machine *machine_new(struct vm *vm, uint32_t id);

/* What is wanted of it: answered when it is prepared. */
void machine_set(struct machine *machine, const struct msg_vm *wanted, struct ticket ticket);

/* One of the actions of VM_DO. */
void machine_do(struct machine *machine, const struct msg_vm_do *order, struct ticket ticket);

/* Ends it and removes what it left; frees the machine when that is done, then answers. */
void machine_delete(struct machine *machine, struct ticket ticket);

/* An orphan: a machine of an earlier life that nobody wants. Takes it over from `connection` and deletes it. */
void machine_adopt_orphan(struct machine *machine, struct connection *connection);

/* The hypervisor says that something happened. */
void machine_event(struct machine *machine, enum machine_event event);

/* Its connection opened or failed: waiting jobs go on. */
void machine_connection_changed(struct machine *machine);

/* It is its turn to start; to go on, or to be paused. */
void machine_begin_start(struct machine *machine);
void machine_take_turn(struct machine *machine, bool run);

/* The first of a schedule's arriving machines if it is defined, else NULL; lets it into its queue. */
struct machine *machine_first_arriving(struct list *arriving);
void machine_arrive(struct machine *machine);

/* Finds out why it waits, and tells when that changed. */
void machine_find_reason(struct machine *machine);

/* Milliseconds until it is dispatched, as the last forecast of its queue says; -1: unknown. */
int64_t machine_expected_ms(const struct machine *machine);

/* Ends a start that is under way (this process is to end). False when there is none. */
bool machine_abort_start(struct machine *machine);

/* How it is, as a message. Sends it to ctl. */
void machine_fill_state(const struct machine *machine, struct msg_vm_state *out);
void machine_report(const struct machine *machine);

/* What others need of it. */
struct serial *machine_serial(const struct machine *machine);
const char *machine_name(const struct machine *machine);
const struct connection *machine_connection(const struct machine *machine);
const char *machine_path(const struct machine *machine);

/* Whether its guest answers or may soon: it runs, is about to, or nobody has looked yet. */
bool machine_may_answer(const struct machine *machine);

/*
 * This process starts anew: until all machines were looked at, nothing is decided. Then, or `late` without the rest, they are taken over
 * in order.
 */
void machines_begin_settling(struct vm *vm);
void machines_settle(struct vm *vm, bool late);

/* Marks between SYNC_BEGIN and SYNC_END: true until it is set or deleted. */
void machine_set_stale(struct machine *machine, bool stale);
bool machine_is_stale(const struct machine *machine);

#endif
