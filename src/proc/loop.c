/*
 * The event loop over libuv, the only file that includes it.
 *
 * libuv closes handles in the next round, so timers and watches are freed by its close callback, never at once; that is also what lets
 * a callback free its own timer. Deferred and posted calls are one queue behind a mutex, woken by the one async handle.
 */
#include "proc/loop.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

struct loop {
	uv_loop_t uv;
	uv_async_t wake;
	pthread_mutex_t lock; /* guards `posted` */
	struct list posted;
};

struct posted_call {
	struct list node;
	void (*fire)(void *context);
	void *context;
};

struct loop_timer {
	uv_timer_t uv;
	struct loop *loop;
	loop_timer_fn *fire;
	void *context;
};

struct loop_watch {
	uv_poll_t uv;
	int fd;
	loop_watch_fn *ready;
	void *context;
};

struct loop_signal {
	uv_signal_t uv;
	loop_signal_fn *fire;
	void *context;
};

struct loop_job {
	uv_work_t uv;
	void (*work)(void *context);
	void (*done)(void *context);
	void *context;
};

/* Every handle but the loop's own lies at the start of its own allocation. */
static void free_handle(uv_handle_t *handle) { free(handle); }

static void run_posted(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	struct list calls;
	struct posted_call *call;

	/* What is posted from now on runs in the next round, so that a call which posts itself can't hold up the loop. */
	list_init(&calls);
	(void)pthread_mutex_lock(&loop->lock);
	list_each (call, &loop->posted, struct posted_call, node) {
		list_remove(&call->node);
		list_append(&calls, &call->node);
	}
	(void)pthread_mutex_unlock(&loop->lock);
	list_each (call, &calls, struct posted_call, node) {
		list_remove(&call->node);
		call->fire(call->context);
		free(call);
	}
}

struct loop *loop_new(void)
{
	struct loop *loop = xalloc(sizeof(*loop));
	char workers[8];

	/* libuv reads it when the first work comes. */
	(void)snprintf(workers, sizeof(workers), "%d", LOOP_WORKERS);
	(void)setenv("UV_THREADPOOL_SIZE", workers, 1);
	CHECK(uv_loop_init(&loop->uv) == 0);
	CHECK(uv_async_init(&loop->uv, &loop->wake, run_posted) == 0);
	CHECK(pthread_mutex_init(&loop->lock, NULL) == 0);
	loop->wake.data = loop;
	list_init(&loop->posted);
	return loop;
}

static void close_handle(uv_handle_t *handle, void *context)
{
	struct loop *loop = context;

	if (!uv_is_closing(handle))
		uv_close(handle, handle == (uv_handle_t *)&loop->wake ? NULL : free_handle);
}

void loop_free(struct loop *loop)
{
	struct posted_call *call;

	if (loop == NULL)
		return;
	uv_walk(&loop->uv, close_handle, loop);
	(void)uv_run(&loop->uv, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&loop->uv) == 0);
	list_each (call, &loop->posted, struct posted_call, node)
		free(call);
	(void)pthread_mutex_destroy(&loop->lock);
	free(loop);
}

void loop_run(struct loop *loop) { (void)uv_run(&loop->uv, UV_RUN_DEFAULT); }
void loop_stop(struct loop *loop) { uv_stop(&loop->uv); }

struct instant loop_now(const struct loop *loop) { return (struct instant){(int64_t)uv_now(&loop->uv) * 1000000}; }

static void timer_fired(uv_timer_t *uv)
{
	struct loop_timer *timer = uv->data;

	timer->fire(timer->context, loop_now(timer->loop));
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn *fire, void *context)
{
	struct loop_timer *timer = xalloc(sizeof(*timer));

	CHECK(uv_timer_init(&loop->uv, &timer->uv) == 0);
	timer->uv.data = timer;
	timer->loop = loop;
	timer->fire = fire;
	timer->context = context;
	return timer;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer != NULL)
		uv_close((uv_handle_t *)&timer->uv, free_handle);
}

void loop_timer_set(struct loop_timer *timer, struct instant when)
{
	struct instant now = loop_now(timer->loop);

	if (when.ns == INSTANT_NEVER.ns)
		(void)uv_timer_stop(&timer->uv);
	else
		CHECK(uv_timer_start(&timer->uv, timer_fired, instant_before(now, when) ? (uint64_t)span_to_ms(instant_diff(when, now)) : 0,
			      0) == 0);
}

/* A descriptor in error (libuv stops it then) is told as readable and hung up: reading it says what happened. */
static void watch_ready(uv_poll_t *uv, int status, int events)
{
	struct loop_watch *watch = uv->data;
	int told = 0;

	if (status < 0)
		told = LOOP_READABLE | LOOP_HANGUP;
	if (events & UV_READABLE)
		told |= LOOP_READABLE;
	if (events & UV_WRITABLE)
		told |= LOOP_WRITABLE;
	if (events & UV_DISCONNECT)
		told |= LOOP_HANGUP;
	watch->ready(watch->context, watch->fd, told);
}

struct loop_watch *loop_watch_new(struct loop *loop, int fd, int events, loop_watch_fn *ready, void *context)
{
	struct loop_watch *watch = xalloc(sizeof(*watch));

	CHECK(uv_poll_init(&loop->uv, &watch->uv, fd) == 0);
	watch->uv.data = watch;
	watch->fd = fd;
	watch->ready = ready;
	watch->context = context;
	loop_watch_set(watch, events);
	return watch;
}

void loop_watch_set(struct loop_watch *watch, int events)
{
	int wanted = 0;

	if (events & LOOP_READABLE)
		wanted |= UV_READABLE;
	if (events & LOOP_WRITABLE)
		wanted |= UV_WRITABLE;
	if (events & LOOP_HANGUP)
		wanted |= UV_DISCONNECT;
	if (wanted == 0)
		(void)uv_poll_stop(&watch->uv);
	else
		CHECK(uv_poll_start(&watch->uv, wanted, watch_ready) == 0);
}

void loop_watch_free(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	/* At once, since the caller closes the descriptor next and its number may be given out again. */
	(void)uv_poll_stop(&watch->uv);
	uv_close((uv_handle_t *)&watch->uv, free_handle);
}

static void signal_fired(uv_signal_t *uv, int signal)
{
	struct loop_signal *s = uv->data;

	s->fire(s->context, signal);
}

void loop_on_signal(struct loop *loop, int signal, loop_signal_fn *fire, void *context)
{
	struct loop_signal *s = xalloc(sizeof(*s));

	CHECK(uv_signal_init(&loop->uv, &s->uv) == 0);
	s->uv.data = s;
	s->fire = fire;
	s->context = context;
	CHECK(uv_signal_start(&s->uv, signal_fired, signal) == 0);
}

void loop_post(struct loop *loop, void (*fire)(void *context), void *context)
{
	struct posted_call *call = xalloc(sizeof(*call));

	call->fire = fire;
	call->context = context;
	(void)pthread_mutex_lock(&loop->lock);
	list_append(&loop->posted, &call->node);
	(void)pthread_mutex_unlock(&loop->lock);
	CHECK(uv_async_send(&loop->wake) == 0);
}

void loop_defer(struct loop *loop, void (*fire)(void *context), void *context) { loop_post(loop, fire, context); }

static void job_work(uv_work_t *uv)
{
	struct loop_job *job = uv->data;

	job->work(job->context);
}

static void job_done(uv_work_t *uv, int status)
{
	struct loop_job *job = uv->data;

	job->done(job->context);
	free(job);
}

void loop_work(struct loop *loop, void (*work)(void *context), void (*done)(void *context), void *context)
{
	struct loop_job *job = xalloc(sizeof(*job));

	job->uv.data = job;
	job->work = work;
	job->done = done;
	job->context = context;
	CHECK(uv_queue_work(&loop->uv, &job->uv, job_work, job_done) == 0);
}
