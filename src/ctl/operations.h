/*
 * Operations: `up` and `down` of a lab, journalled, so that they end whatever dies meanwhile.
 *
 * Theory of operation. An operation is acknowledged once its row is in the store, in one batch with the wanted lab: from then on a restart
 * finishes it forward. The row of a running operation keeps what the lab was before, so a failure leads back also after a restart. When it
 * ends, one batch again: the row says how, the lab's row is what holds now, numbers that nobody needs are released. One operation runs per
 * lab; a `down` ends a running `up` first. Finished ones are kept for a while, so that who waits for the end can ask.
 */
#ifndef CTL_OPERATIONS_H
#define CTL_OPERATIONS_H

#include "ctl/labs.h"

struct operation;

/* Reads labs and operations from the store: makes the world what is wanted, and resumes what ran. 0 or a negative errno. */
int operations_load(struct ctl *ctl, struct err *err);
void operations_free(struct ctl *ctl);

/*
 * Begins an `up` that makes `value` the wanted state of its lab (taken over when it succeeds). Returns the operation, or NULL with -EBUSY
 * (an operation runs), or what the store says; nothing has changed then.
 */
struct operation *operation_up(struct ctl *ctl, struct lab_value *value, struct err *err);

/* Begins a `down`, likewise. */
struct operation *operation_down(struct ctl *ctl, struct ctl_lab *lab, struct err *err);

/* An operation by number, or NULL. */
struct operation *operation_find(const struct ctl *ctl, uint64_t id);
uint64_t operation_id(const struct operation *operation);
bool operation_runs(const struct operation *operation);
bool operation_is_down(const struct operation *operation);
bool operation_is_first(const struct operation *operation); /* there was no such lab before */

/* As the API shows it. */
json_t *operation_json(const struct operation *operation);

/* Calls `fire` once when the operation ends. operation_ignore takes it back. */
struct operation_waiter;
struct operation_waiter *operation_wait(struct operation *operation, void (*fire)(void *context), void *context);
void operation_ignore(struct operation_waiter *waiter);

#endif
