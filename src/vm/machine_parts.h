/* A machine's inside, for the files that make it up: machine.c (its life) and machine_orders.c (what is asked of it). */
#ifndef VM_MACHINE_PARTS_H
#define VM_MACHINE_PARTS_H

#include "vm/machine.h"
#include "vm/machine_times.h"

struct machine {
	struct vm *vm;
	uint32_t id;
	struct msg_vm wanted;
	enum vm_state state;
	char reason[128];
	char name[MACHINE_NAME_BYTES];
	char folder[FILE_BYTES];
	uint32_t pid;
	int64_t arrived_wall_ns;
	struct connection *connection;
	struct machine_spec spec; /* as it was prepared, with the NICs as they are wanted */
	bool known;		  /* somebody looked whether it runs */
	bool looked, found;	  /* the latest look is over; it was there */
	bool sight_waits;	  /* what it saw isn't taken yet */
	struct machine_sight sight;
	bool has_past; /* of an earlier life of this process, and nothing newer */
	struct machine_times past;
	uint64_t set_order; /* among those that were set */
	enum machine_event last_event;

	struct list jobs;
	unsigned job_count;
	struct job *running;
	bool look_waits; /* a look is among the jobs */

	struct list arriving_node; /* among those that are to start once they are defined */
	bool arriving, defined;
	bool queued;		     /* what it waits for may take for ever */
	unsigned turns;		     /* jobs that the policy gave and that aren't done */
	struct ticket resume_ticket; /* of the one who wants it to go on */
	struct loop_timer *wall_timer;
	struct loop_timer *restart_timer;
	unsigned restart_delay_s; /* that it waited last; 0: it was never started again */
	bool over;		  /* its walltime */
	bool ran;		  /* to its end: who waits for it need not any more */
	bool crashed;
	bool saved; /* its memory is on disk: a start goes on from there */

	struct serial *serial;
	struct loop_timer *start_timer;
	bool aborted;
	struct loop_timer *stop_timer;
	struct instant stop_deadline;
	struct ticket stop_ticket; /* of the one who waits for the guest's shutdown */
	bool stop_forced;	   /* killed when it doesn't */

	bool stale;
	bool doomed;
	struct msg_vm *reborn; /* set again while it was being deleted */
	struct ticket reborn_ticket;
};

/* The machine's queue, the loop's time, what the log calls it. */
struct queue *machine_queue(const struct machine *machine);
struct instant machine_now(const struct machine *machine);
const char *machine_object(const struct machine *machine);

/* Whether there is, or is about to be, a hypervisor process. */
bool machine_is_alive(const struct machine *machine);

/* Enters a state with its reason ("" for none), tells ctl and the log. */
void machine_enter(struct machine *machine, enum vm_state state, const char *reason);

/* It is in its queue and waits. */
void machine_wait(struct machine *machine);

/* Appends a job. One too many is refused, which only a client that doesn't wait for answers sees. */
void machine_push(struct machine *machine, enum job_kind kind, struct ticket ticket);

/* The same for a pause or resume that the policy ordered. */
void machine_push_turn(struct machine *machine, enum job_kind kind, struct ticket ticket);

/* Enqueues it, unless it waits or runs. */
void machine_request_start(struct machine *machine);

/* Asks the guest to shut down; `ticket` is answered when it has, or didn't within the time; `forced` kills it then. */
void machine_shut_down(struct machine *machine, struct ticket ticket, uint32_t limit_s, bool forced);

/* Makes it not run, whatever it does: shut down, killed when the guest refuses. */
void machine_stop_unwanted(struct machine *machine);

/* It doesn't run any more: enters the state and answers who waits for that. */
void machine_ended(struct machine *machine, enum vm_state state, const char *reason);

/* What the latest look found, and what follows; how one that is gone ended. */
void machine_take_sight(struct machine *machine);
enum machine_event machine_end(const struct machine *machine);

/* ---- machine_past.c ---- */

/* A moment for an arrival, on the wall's clock, later than all others. */
int64_t machine_stamp(struct vm *vm);

/* Notes the times for a later life of this process; reads what an earlier one noted. */
void machine_save_times(const struct machine *machine);
void machine_load_past(struct machine *machine);

/* Puts it into its queue as it is, with its times. False when there is no room. */
bool machine_take_place(struct machine *machine, const struct machine_times *times, enum queue_phase phase, bool by_policy);

/* It is found running though nothing here knew it. */
void machine_adopt(struct machine *machine, const struct machine_sight *sight);

/* It isn't running: back in the queue, or ended, as an earlier life of this process left it. False when there was none. */
bool machine_restore(struct machine *machine);

/* ---- machine_saved.c ---- */

/* How long it waited and was served, also while it is saved. */
struct queue_times machine_counted(const struct machine *machine);

/* Its memory is on disk: out of its queue. */
void machine_enter_saved(struct machine *machine, const char *reason);

/* The same, found by a process that starts anew; false when there is no such file. */
bool machine_find_saved(struct machine *machine, const struct machine_times *times);

/* Puts a saved one back into its queue, with its times and in its place; false when it isn't saved. */
bool machine_go_on(struct machine *machine);

/* Notes whether there is such a file. */
void machine_note_saved(struct machine *machine);

/* Removes such a file: the machine runs, so it is old, or was never whole. */
void machine_forget_saved(struct machine *machine);

/* Throws away what was saved: it is stopped. */
void machine_discard_saved(struct machine *machine);

/* ---- machine_restart.c ---- */

/*
 * It is about to be STOPPED or FAILED for that reason. If it is to be started again, sets the timer for that, and says so in `out`, which
 * begins with the reason.
 */
void machine_plan_restart(struct machine *machine, enum vm_state state, const char *reason, char *out, size_t size);
void machine_on_restart(void *context, struct instant now);

/* ---- machine_turns.c ---- */

/* What it asks of its queue. */
struct queue_need machine_need(const struct machine *machine);

/* It is to start when it is defined, behind those that were before it; it isn't after all; it is defined. */
void machine_will_arrive(struct machine *machine);
void machine_wont_arrive(struct machine *machine);
void machine_is_defined(struct machine *machine);

/* Puts it behind all others that are to start once they are defined, if it is one of those. */
void machine_arrives_last(struct machine *machine);

/* Lets it compete, or not, as those run that it waits for; the same for all that wait for it. */
void machine_check_after(struct machine *machine);
void machine_check_dependents(const struct machine *machine);

/* Why it is paused: "" when somebody wanted that. */
const char *machine_pause_reason(const struct machine *machine);

/* VM_RESUME of a paused machine. */
void machine_order_resume(struct machine *machine, struct ticket ticket);

/* Sets the timer of its walltime, as it is now; what that does. */
void machine_set_walltime(struct machine *machine);
void machine_on_walltime(void *context, struct instant now);

#endif
