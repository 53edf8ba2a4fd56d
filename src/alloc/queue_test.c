/* Tests of the queue of machines: the order by policy, the limit of starts, and exact times, by example and by random walks. */
#include "alloc/queue.h"

#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct instant at(int64_t s) { return (struct instant){s * 1000000000}; }

static void assert_next(struct queue *queue, int64_t s, uint64_t expected)
{
	uint64_t id = 0;

	assert_true(queue_next(queue, at(s), &id));
	assert_int_equal(id, expected);
}

static void assert_none_next(struct queue *queue, int64_t s)
{
	uint64_t id = 99;

	assert_false(queue_next(queue, at(s), &id));
	assert_int_equal(id, 99);
}

static void assert_times(const struct queue *queue, uint64_t id, int64_t now_s, int64_t waiting_s, int64_t service_s)
{
	struct queue_times times = queue_times(queue, id, at(now_s));

	assert_int_equal(times.waiting.ns, span_s(waiting_s).ns);
	assert_int_equal(times.service.ns, span_s(service_s).ns);
	assert_int_equal(times.turnaround.ns, span_s(waiting_s + service_s).ns);
}

static void fcfs_goes_by_arrival(void **state)
{
	struct queue *queue = queue_new(QUEUE_FCFS, 1);

	assert_int_equal(queue_add(queue, 7, 0, at(0)), 0);
	assert_int_equal(queue_add(queue, 3, 100, at(1)), 0);
	assert_int_equal(queue_add(queue, 3, 100, at(1)), -EEXIST);
	assert_int_equal(queue_position(queue, 3), 2);
	assert_next(queue, 2, 7);
	assert_none_next(queue, 3);
	queue_started(queue, 7, at(5));
	assert_next(queue, 5, 3);
	assert_times(queue, 7, 6, 2, 4);
	assert_times(queue, 3, 6, 4, 1);
	queue_free(queue);
}

static void priority_goes_before_arrival(void **state)
{
	struct queue *queue = queue_new(QUEUE_PRIORITY, 1);

	for (uint64_t id = 1; id <= 4; id++)
		queue_add(queue, id, id == 3 ? 10 : 0, at((int64_t)id));
	assert_int_equal(queue_position(queue, 3), 1);
	queue_set_priority(queue, 4, 20);
	assert_int_equal(queue_position(queue, 4), 1);
	assert_int_equal(queue_position(queue, 3), 2);
	assert_next(queue, 5, 4);
	queue_end(queue, 4, at(6));
	assert_next(queue, 6, 3);
	queue_end(queue, 3, at(6));
	assert_next(queue, 6, 1);
	queue_free(queue);
}

static void a_new_policy_sorts_anew(void **state)
{
	struct queue *queue = queue_new(QUEUE_FCFS, 0);

	for (uint64_t id = 1; id <= 5; id++)
		queue_add(queue, id, (int32_t)id, at(0));
	queue_change(queue, QUEUE_PRIORITY, 2);
	assert_next(queue, 1, 5);
	assert_next(queue, 1, 4);
	assert_none_next(queue, 1);
	queue_change(queue, QUEUE_FCFS, 3);
	assert_next(queue, 1, 1);
	assert_int_equal(queue_waiting(queue), 2);
	assert_int_equal(queue_starting(queue), 3);
	queue_free(queue);
}

static void paused_time_is_waiting(void **state)
{
	struct queue *queue = queue_new(QUEUE_FCFS, 1);

	queue_add(queue, 1, 0, at(0));
	assert_next(queue, 1, 1);
	queue_pause(queue, 1, at(2)); /* not running yet: ignored */
	queue_started(queue, 1, at(3));
	queue_pause(queue, 1, at(4));
	assert_times(queue, 1, 10, 7, 3);
	queue_resume(queue, 1, at(10));
	queue_end(queue, 1, at(12));
	assert_times(queue, 1, 100, 7, 5);
	assert_int_equal(queue_phase(queue, 1), QUEUE_ENDED);
	assert_int_equal(queue_add(queue, 1, 0, at(200)), 0);
	assert_times(queue, 1, 201, 1, 0);
	queue_remove(queue, 1);
	assert_int_equal(queue_phase(queue, 1), QUEUE_ABSENT);
	assert_int_equal(queue_waiting(queue), 0);
	queue_free(queue);
}

static void found_machines_keep_their_times(void **state)
{
	struct queue *queue = queue_new(QUEUE_FCFS, 1);
	struct queue_times times = {.waiting = span_s(5), .service = span_s(60)};

	assert_int_equal(queue_adopt(queue, 1, 0, times, false, at(0)), 0);
	assert_int_equal(queue_adopt(queue, 2, 0, times, true, at(0)), 0);
	assert_times(queue, 1, 10, 5, 70);
	assert_times(queue, 2, 10, 15, 60);
	assert_int_equal(queue_starting(queue), 0);
	queue_free(queue);
}

static void a_clock_that_goes_back_stands_still(void **state)
{
	struct queue *queue = queue_new(QUEUE_FCFS, 1);

	queue_add(queue, 1, 0, at(10));
	assert_times(queue, 1, 5, 0, 0);
	assert_next(queue, 4, 1);
	queue_started(queue, 1, at(12));
	assert_times(queue, 1, 13, 0, 3);
	queue_free(queue);
}

static void a_full_queue_refuses(void **state)
{
	struct queue *queue = queue_new(QUEUE_FCFS, 1);

	for (uint64_t id = 1; id <= QUEUE_MACHINES_MAX; id++)
		assert_int_equal(queue_add(queue, id, 0, at(0)), 0);
	assert_int_equal(queue_add(queue, QUEUE_MACHINES_MAX + 1, 0, at(0)), -ENOSPC);
	queue_remove(queue, 5);
	assert_int_equal(queue_add(queue, QUEUE_MACHINES_MAX + 1, 0, at(0)), 0);
	queue_free(queue);
}

/* What the random walk believes: the phase and arrival of each machine, kept in the dumbest way. */
enum { MACHINES = 24, STEPS = 20000 };
struct belief {
	enum queue_phase phase;
	int32_t priority;
	uint64_t arrival;
	struct instant arrived;
	struct instant ended;
};

/* The machine that must be next, by looking at all: 0 when none. */
static uint64_t expected_next(const struct belief *beliefs, enum queue_policy policy, unsigned max_starting)
{
	uint64_t best = 0;
	unsigned starting = 0;

	for (uint64_t id = 1; id <= MACHINES; id++) {
		const struct belief *a = &beliefs[id];
		const struct belief *b = &beliefs[best];

		starting += a->phase == QUEUE_STARTING;
		if (a->phase != QUEUE_WAITING)
			continue;
		if (best == 0 || (policy == QUEUE_PRIORITY && a->priority > b->priority) ||
			((policy == QUEUE_FCFS || a->priority == b->priority) && a->arrival < b->arrival))
			best = id;
	}
	return starting < max_starting ? best : 0;
}

static void check_times(const struct queue *queue, const struct belief *beliefs, struct instant now)
{
	for (uint64_t id = 1; id <= MACHINES; id++) {
		const struct belief *belief = &beliefs[id];
		struct queue_times times = queue_times(queue, id, now);
		struct instant until = belief->phase == QUEUE_ENDED ? belief->ended : now;

		assert_int_equal(queue_phase(queue, id), belief->phase);
		assert_int_equal(times.waiting.ns + times.service.ns, times.turnaround.ns);
		if (belief->phase != QUEUE_ABSENT)
			assert_int_equal(times.turnaround.ns, instant_diff(until, belief->arrived).ns);
		assert_true((queue_position(queue, id) > 0) == (belief->phase == QUEUE_WAITING));
	}
}

static void walk_one(struct queue *queue, struct belief *belief, uint64_t id, uint64_t act, struct rand *rand, struct instant now)
{
	switch (act) {
	case 0:
		queue_started(queue, id, now);
		belief->phase = belief->phase == QUEUE_STARTING ? QUEUE_RUNNING : belief->phase;
		break;
	case 1:
		queue_pause(queue, id, now);
		belief->phase = belief->phase == QUEUE_RUNNING ? QUEUE_PAUSED : belief->phase;
		break;
	case 2:
		queue_resume(queue, id, now);
		belief->phase = belief->phase == QUEUE_PAUSED ? QUEUE_RUNNING : belief->phase;
		break;
	case 3:
		queue_end(queue, id, now);
		if (belief->phase != QUEUE_ENDED && belief->phase != QUEUE_ABSENT) {
			belief->phase = QUEUE_ENDED;
			belief->ended = now;
		}
		break;
	case 4:
		belief->priority = (int32_t)rand_below(rand, 4);
		queue_set_priority(queue, id, belief->priority);
		break;
	default:
		queue_remove(queue, id);
		*belief = (struct belief){0};
	}
}

static void random_walks_keep_the_invariants(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct belief beliefs[MACHINES + 1] = {0};
	enum queue_policy policy = QUEUE_FCFS;
	unsigned max_starting = 2;
	struct queue *queue = queue_new(policy, max_starting);
	struct instant now = at(1);
	uint64_t arrivals = 0;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t id = 1 + rand_below(&rand, MACHINES);
		uint64_t act = rand_below(&rand, 12);
		uint64_t next = 0;
		struct belief *belief = &beliefs[id];

		now.ns += (int64_t)rand_below(&rand, 1000);
		if (act < 6) {
			walk_one(queue, belief, id, act, &rand, now);
		} else if (act < 9) {
			bool here = belief->phase != QUEUE_ABSENT && belief->phase != QUEUE_ENDED;
			int32_t priority = (int32_t)rand_below(&rand, 4);

			assert_int_equal(queue_add(queue, id, priority, now), here ? -EEXIST : 0);
			if (!here)
				*belief = (struct belief){QUEUE_WAITING, priority, arrivals++, now, now};
		} else if (act == 9 && rand_below(&rand, 20) == 0) {
			policy = (enum queue_policy)rand_below(&rand, QUEUE_POLICY_COUNT);
			max_starting = 1 + (unsigned)rand_below(&rand, 5);
			queue_change(queue, policy, max_starting);
		} else {
			uint64_t expected = expected_next(beliefs, policy, max_starting);

			assert_int_equal(queue_next(queue, now, &next), expected != 0);
			assert_int_equal(next, expected);
			beliefs[expected].phase = expected != 0 ? QUEUE_STARTING : QUEUE_ABSENT;
		}
		check_times(queue, beliefs, now);
	}
	queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fcfs_goes_by_arrival),
		cmocka_unit_test(priority_goes_before_arrival),
		cmocka_unit_test(a_new_policy_sorts_anew),
		cmocka_unit_test(paused_time_is_waiting),
		cmocka_unit_test(found_machines_keep_their_times),
		cmocka_unit_test(a_clock_that_goes_back_stands_still),
		cmocka_unit_test(a_full_queue_refuses),
		cmocka_unit_test(random_walks_keep_the_invariants),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
