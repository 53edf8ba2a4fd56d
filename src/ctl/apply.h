/*
 * Carrying out a change: the steps from what a lab is to what it shall be, and back when one fails.
 *
 * Theory of operation. Steps go group by group (steps.h); those of a group are under way together, at most APPLY_WINDOW at once. A step
 * changes the world first, then its orders go to the processes that are concerned, and it is done when all have answered. A process that is
 * away is waited for: once it has the world again its orders are sent to it once more, which does no harm, since they are levels and not
 * edges. After the last step the machines that are newly wanted running are waited for. When anything fails the steps are undone in reverse
 * order, best effort, so that the lab is as it was; what couldn't be told to a process is in the world and reaches it with the next
 * synchronization.
 */
#ifndef CTL_APPLY_H
#define CTL_APPLY_H

#include "ctl/ctl_state.h"
#include "ctl/steps.h"

/* Orders of one apply that are under way at most. */
#define APPLY_WINDOW 256

enum apply_mode {
	APPLY_UNDO,    /* a failure leads back; machines that are wanted running are waited for */
	APPLY_GO_ON,   /* go on after a failure, to get as far as possible: what goes away goes */
	APPLY_RESUMED, /* as UNDO, but the world is what is wanted already: wait until all processes have it */
};

struct apply;

/* How far it is: `text` says what was done last. */
typedef void apply_progress_fn(void *context, size_t done, size_t total, const char *text);

/* It has ended: `err->code` is 0, or the first failure (of which everything is undone by now, but with GO_ON). -ECANCELED: cancelled, what
 * was done is left. Called once, never from inside apply_start. */
typedef void apply_done_fn(void *context, const struct err *err);

/* What is to be carried out: the lab's lists (copied); `wait` false: don't wait for machines; `progress` may be NULL. */
struct apply_order {
	const char *lab;
	const struct object_list *before, *after;
	enum apply_mode mode;
	bool wait;
	apply_progress_fn *progress;
	apply_done_fn *done;
	void *context;
};

/* Starts. The apply frees itself after `done`. */
struct apply *apply_start(struct ctl *ctl, const struct apply_order *order);

/* Stops soon, leaving things as they are; `done` is called with -ECANCELED. */
void apply_cancel(struct apply *apply);

/* Steps and machines that are waited for, in all. */
size_t apply_total(const struct apply *apply);

/* Frees all applies without calling anyone: the process ends. */
void apply_free_all(struct ctl *ctl);

/* What the others tell: a process has the world, or refused an object of it; a machine changed. Orders to a process that goes away end with
 * -ECONNRESET by themselves. */
void apply_peer_ready(struct ctl *ctl, enum process_id peer);
void apply_object_refused(struct ctl *ctl, const struct object *object, int error, const char *text);
void apply_vm_changed(struct ctl *ctl, const struct msg_vm_state *state);

#endif
