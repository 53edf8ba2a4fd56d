/*
 * The event loop of a process: descriptors, timers, deferred calls. A thin face over libuv, which no other file includes, so that the
 * simulated world can stand in for it and the engines never meet it.
 */
#ifndef PROC_LOOP_H
#define PROC_LOOP_H

#include "base/instant.h"

#include <stdbool.h>

struct loop;
struct loop_timer;
struct loop_watch;

/* What a watch waits for and gets. */
enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2, LOOP_HANGUP = 4 };

typedef void loop_timer_fn(void *context, struct instant now);
typedef void loop_watch_fn(void *context, int fd, int events);
typedef void loop_signal_fn(void *context, int signal);

/* A new loop; freed with loop_free when nothing watches any more (what is left is closed). */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* The loop's time, the same during one round. */
struct instant loop_now(const struct loop *loop);

/* A timer, made once, not running. Frees itself in loop_timer_free (accepts NULL), also from its own callback. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fire, void *context);
void loop_timer_free(struct loop_timer *timer);

/* Fires once at `when` (at once when that has passed); INSTANT_NEVER stops it. Setting again moves it. */
void loop_timer_set(struct loop_timer *timer, struct instant when);

/* Watches a descriptor (borrowed) for `events`; change with loop_watch_set (0 pauses). Free before closing the descriptor. */
struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_fn *ready, void *context);
void loop_watch_set(struct loop_watch *watch, int events);
void loop_watch_free(struct loop_watch *watch);

/* Calls `fire` on a signal, for as long as the loop lives. */
void loop_on_signal(struct loop *loop, int signal, loop_signal_fn *fire, void *context);

/* Calls `fire` in the next round of the loop. From other threads only loop_post may be used: it wakes the loop. */
void loop_defer(struct loop *loop, void (*fire)(void *context), void *context);
void loop_post(struct loop *loop, void (*fire)(void *context), void *context);

/* Threads of the pool, started at the first loop_work. */
#define LOOP_WORKERS 8

/* Runs `work` in a pool thread (for calls that block), then `done` in the loop. At most `LOOP_WORKERS` run at once, the rest wait. */
void loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context), void *context);

#endif
