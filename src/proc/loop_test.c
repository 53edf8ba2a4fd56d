/* Tests of the loop: timers in order, watches, deferred and posted calls, work in threads, signals. */
#include "base/check.h"
#include "proc/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct loop *loop;
	struct loop_timer *timers[4];
	struct loop_watch *watch;
	struct instant due;
	char story[64];
	int left;
};

static void tell(struct world *world, const char *what)
{
	size_t used = strlen(world->story);

	(void)snprintf(world->story + used, sizeof(world->story) - used, "%s", what);
	if (--world->left == 0)
		loop_stop(world->loop);
}

static void timer_a(void *context, struct instant now)
{
	struct world *world = context;

	assert_false(instant_before(now, world->due));
	loop_timer_free(world->timers[0]);
	tell(world, "a");
}

static void timer_b(void *context, struct instant now) { tell(context, "b"); }
static void timer_never(void *context, struct instant now) { fail(); }

static void test_timers(void **state)
{
	struct world world = {.loop = loop_new(), .left = 3};
	struct instant now = loop_now(world.loop);

	for (int i = 0; i < 4; i++)
		world.timers[i] = loop_timer_new(world.loop, i == 0 ? timer_a : i == 3 ? timer_never : timer_b, &world);
	world.due = instant_add(now, span_ms(5));
	loop_timer_set(world.timers[0], world.due);
	loop_timer_set(world.timers[1], instant_add(now, span_ms(10)));
	loop_timer_set(world.timers[2], instant_add(now, span_s(100)));
	loop_timer_set(world.timers[2], (struct instant){0});
	loop_timer_set(world.timers[3], now);
	loop_timer_set(world.timers[3], INSTANT_NEVER);
	loop_run(world.loop);
	assert_string_equal(world.story, "bab");
	loop_timer_free(world.timers[1]);
	loop_timer_free(NULL);
	loop_free(world.loop);
}

static void pipe_ready(void *context, int fd, int events)
{
	struct world *world = context;
	char c[2] = "";

	if (events & LOOP_READABLE && read(fd, c, 1) == 1) {
		tell(world, c);
	} else {
		assert_true(events & LOOP_HANGUP);
		loop_watch_free(world->watch);
		tell(world, "end");
	}
}

static void test_watch(void **state)
{
	struct world world = {.loop = loop_new(), .left = 3};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	world.watch = loop_watch_new(world.loop, ends[0], LOOP_READABLE | LOOP_HANGUP, pipe_ready, &world);
	assert_int_equal(write(ends[1], "xy", 2), 2);
	(void)close(ends[1]);
	loop_run(world.loop);
	assert_string_equal(world.story, "xyend");
	(void)close(ends[0]);
	loop_free(world.loop);
}

static void deferred_two(void *context) { tell(context, "2"); }

static void deferred_one(void *context)
{
	struct world *world = context;

	loop_defer(world->loop, deferred_two, world);
	tell(world, "1");
}

static void *thread_posts(void *context)
{
	struct world *world = context;

	loop_post(world->loop, deferred_two, world);
	return NULL;
}

static void test_defer_and_post(void **state)
{
	struct world world = {.loop = loop_new(), .left = 3};
	pthread_t thread;

	loop_defer(world.loop, deferred_one, &world);
	loop_defer(world.loop, deferred_two, &world);
	loop_run(world.loop);
	assert_string_equal(world.story, "122");
	world.left = 1;
	assert_int_equal(pthread_create(&thread, NULL, thread_posts, &world), 0);
	loop_run(world.loop);
	(void)pthread_join(thread, NULL);
	loop_defer(world.loop, deferred_two, &world); /* never runs; loop_free lets it go */
	loop_free(world.loop);
}

static void work(void *context)
{
	struct world *world = context;

	world->due.ns = 42;
}

static void worked(void *context)
{
	struct world *world = context;

	assert_int_equal(world->due.ns, 42);
	tell(world, "w");
}

static void on_signal(void *context, int signal)
{
	assert_int_equal(signal, SIGUSR1);
	tell(context, "s");
}

static void test_work_and_signals(void **state)
{
	struct world world = {.loop = loop_new(), .left = 1};

	loop_work(world.loop, work, worked, &world);
	loop_run(world.loop);
	loop_on_signal(world.loop, SIGUSR1, on_signal, &world);
	world.left = 2;
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	loop_defer(world.loop, deferred_two, &world);
	loop_run(world.loop);
	assert_int_equal(strlen(world.story), 3);
	loop_free(world.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_defer_and_post),
		cmocka_unit_test(test_work_and_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
