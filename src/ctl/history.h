/*
 * What machines did: a row for each time that one arrived, ran and ended, kept in the store.
 *
 * Theory of operation. A run is known by the moment of its arrival, which no two share, so an end that is told again (a process came up and
 * reports how all are) adds nothing. Rows are lines of JSON in the order in which the runs ended; the last ones are kept in memory and,
 * written in bundles by a timer, in the store. They outlive their labs; a daemon that ends with its last lab takes them along.
 */
#ifndef CTL_HISTORY_H
#define CTL_HISTORY_H

#include "api/message_types.h"
#include "proc/loop.h"
#include "store/store.h"

#include <jansson.h>

/* Runs that are kept; how long the store may lag behind. */
#define HISTORY_KEPT 10000
#define HISTORY_WRITE_MS 500

struct history;

/* Reads the kept runs back. 0 or a negative errno. */
int history_load(struct loop *loop, struct store *store, struct history **out, struct err *err);

/* Writes what isn't written yet and frees. Accepts NULL. */
void history_free(struct history *history);

/* A machine is as `state` says: if that is the end of a run which isn't known yet, it is one more. */
void history_note(struct history *history, const struct msg_vm_state *state);

/* The kept runs, the oldest first, of one lab or (NULL) of all: a new array. */
json_t *history_json(const struct history *history, const char *lab);

#endif
