/*
 * Events: what happened, numbered, kept for a while, told to whoever listens.
 *
 * Theory of operation. Each event is one line of JSON. The last ones are kept in memory and, written in bundles by a timer, in the store,
 * so that they outlive a restart; numbers go on where they were. A listener is told every event from a number on; one that is too slow for
 * what is kept misses events and sees it by the gap in the numbers.
 */
#ifndef CTL_EVENTS_H
#define CTL_EVENTS_H

#include "proc/loop.h"
#include "store/store.h"

#include <jansson.h>

/* Events that are kept; how long the store may lag behind. */
#define EVENTS_KEPT 2000
#define EVENTS_WRITE_MS 500

struct events;
struct events_listener;

/* Reads the kept events back. 0 or a negative errno. */
int events_load(struct loop *loop, struct store *store, struct events **out, struct err *err);

/* Writes what isn't written yet and frees. Accepts NULL. */
void events_free(struct events *events);

/*
 * Adds an event: `lab` and `object` may be NULL, `extra` (may be NULL, is taken over) is an object whose members are added.
 */
void events_add(struct events *events, const char *lab, const char *object, const char *event, json_t *extra, const char *format, ...)
	__attribute__((format(printf, 6, 7)));

/* The number of the next event; the text of a kept one, NULL when it isn't kept (any more); the number of the oldest one that is kept. */
uint64_t events_next(const struct events *events);
const char *events_get(const struct events *events, uint64_t seq);
uint64_t events_oldest(const struct events *events);

/* Calls `fire` after every event, until events_ignore. `fire` asks for what is new by events_get. */
struct events_listener *events_listen(struct events *events, void (*fire)(void *context), void *context);
void events_ignore(struct events_listener *listener);

/* Forgets all kept events, in the store too; numbers go on. */
void events_forget(struct events *events, struct store_batch *batch);

#endif
