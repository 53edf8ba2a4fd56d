/* Tests of the queue of live machines: its decisions are the simulator's, its times are exact, and nothing changes by making it anew. */
#include "alloc/queue.h"

#include "alloc/sched_sim.h"
#include "base/check.h"
#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct instant at(int64_t s) { return (struct instant){s * 1000000000}; }

static struct queue *make(enum sched_policy policy, unsigned max_starting)
{
	return queue_new(&(struct queue_settings){
		.policy = policy, .max_starting = max_starting, .quantum = span_s(30), .vcpus = 100, .memory_mib = 10000});
}

static void add(struct queue *queue, uint64_t id, int32_t priority, int64_t now_s)
{
	struct queue_need need = {.priority = priority, .vcpus = 1, .memory_mib = 100};

	assert_int_equal(queue_add(queue, id, &need, at(now_s)), 0);
}

static void assert_next(struct queue *queue, int64_t s, uint64_t id, enum sched_order order)
{
	struct queue_order next = {0};

	queue_pass(queue, 1000, at(s));
	assert_true(queue_next(queue, &next));
	assert_int_equal(next.id, id);
	assert_int_equal(next.order, order);
}

static void assert_none_next(struct queue *queue, int64_t s)
{
	struct queue_order next;

	queue_pass(queue, 1000, at(s));
	assert_false(queue_next(queue, &next));
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
	struct queue *queue = make(SCHED_FCFS, 1);
	struct queue_need need = {.vcpus = 1, .memory_mib = 1};

	add(queue, 7, 0, 0);
	add(queue, 3, 100, 1);
	assert_int_equal(queue_add(queue, 3, &need, at(1)), -EEXIST);
	assert_int_equal(queue_position(queue, 3), 2);
	assert_next(queue, 2, 7, SCHED_START);
	assert_none_next(queue, 3);
	assert_int_equal(queue_why(queue, 3).reason, QUEUE_WHY_STARTS);
	queue_started(queue, 7, at(5));
	assert_next(queue, 5, 3, SCHED_START);
	assert_times(queue, 7, 6, 2, 4);
	assert_times(queue, 3, 6, 4, 1);
	queue_free(queue);
}

static void priority_goes_before_arrival(void **state)
{
	struct queue *queue = make(SCHED_PRIORITY, 1);

	for (uint64_t id = 1; id <= 4; id++)
		add(queue, id, id == 3 ? 10 : 0, (int64_t)id);
	assert_int_equal(queue_position(queue, 3), 1);
	queue_set_need(queue, 4, &(struct queue_need){.priority = 20, .vcpus = 1, .memory_mib = 100});
	assert_int_equal(queue_position(queue, 4), 1);
	assert_int_equal(queue_position(queue, 3), 2);
	assert_next(queue, 5, 4, SCHED_START);
	queue_end(queue, 4, at(6));
	assert_next(queue, 6, 3, SCHED_START);
	queue_end(queue, 3, at(6));
	assert_next(queue, 6, 1, SCHED_START);
	queue_free(queue);
}

static void a_new_policy_sorts_anew(void **state)
{
	struct queue *queue = make(SCHED_FCFS, 0);
	struct queue_settings settings = *queue_settings(queue);

	for (uint64_t id = 1; id <= 5; id++)
		add(queue, id, (int32_t)id, 0);
	settings.policy = SCHED_PRIORITY;
	queue_change(queue, &settings);
	assert_int_equal(queue_position(queue, 5), 1);
	assert_next(queue, 1, 5, SCHED_START);
	settings.policy = SCHED_FCFS;
	queue_change(queue, &settings);
	assert_none_next(queue, 1);
	queue_started(queue, 5, at(1));
	assert_next(queue, 1, 1, SCHED_START);
	queue_free(queue);
}

static void what_does_not_fit_waits_with_its_reason(void **state)
{
	struct queue *queue = make(SCHED_FCFS, 10);
	struct queue_need half = {.vcpus = 1, .memory_mib = 6000}, much = {.vcpus = 101, .memory_mib = 1};
	struct queue_why why;

	assert_int_equal(queue_add(queue, 1, &much, at(0)), -E2BIG);
	assert_int_equal(queue_add(queue, 1, &half, at(0)), 0);
	assert_int_equal(queue_add(queue, 2, &half, at(0)), 0);
	add(queue, 3, 0, 0);
	assert_next(queue, 0, 1, SCHED_START);
	assert_none_next(queue, 0);
	why = queue_why(queue, 3);
	assert_int_equal(why.reason, QUEUE_WHY_MEMORY);
	assert_int_equal(why.head, 2);
	assert_int_equal(why.needed, 6000);
	assert_int_equal(why.free, 4000);
	queue_end(queue, 1, at(9));
	assert_next(queue, 9, 2, SCHED_START);
	queue_free(queue);
}

static void who_is_withheld_keeps_its_place(void **state)
{
	struct queue *queue = make(SCHED_FCFS, 1);

	for (uint64_t id = 1; id <= 3; id++)
		add(queue, id, 0, 0);
	queue_withhold(queue, 1, at(0));
	assert_int_equal(queue_why(queue, 1).reason, QUEUE_WHY_WITHHELD);
	assert_next(queue, 1, 2, SCHED_START);
	queue_started(queue, 2, at(2));
	queue_readmit(queue, 1, at(2));
	assert_int_equal(queue_position(queue, 1), 1);
	assert_next(queue, 3, 1, SCHED_START);
	queue_free(queue);
}

static void a_machine_that_somebody_paused_waits_for_its_turn_again(void **state)
{
	struct queue *queue = queue_new(&(struct queue_settings){.policy = SCHED_FCFS, .max_starting = 1, .vcpus = 1, .memory_mib = 1000});

	add(queue, 1, 0, 0);
	add(queue, 2, 0, 0);
	assert_next(queue, 0, 1, SCHED_START);
	queue_started(queue, 1, at(1));
	queue_withhold(queue, 1, at(5));
	queue_pause(queue, 1, at(5));
	assert_next(queue, 5, 2, SCHED_START);
	queue_started(queue, 2, at(6));
	queue_readmit(queue, 1, at(7));
	assert_none_next(queue, 7);
	assert_int_equal(queue_why(queue, 1).reason, QUEUE_WHY_VCPUS);
	queue_end(queue, 2, at(10));
	assert_next(queue, 10, 1, SCHED_RESUME);
	queue_resume(queue, 1, at(10));
	assert_times(queue, 1, 20, 5, 15);
	queue_free(queue);
}

static void round_robin_takes_turns(void **state)
{
	struct queue *queue = queue_new(
		&(struct queue_settings){.policy = SCHED_RR, .max_starting = 2, .quantum = span_s(10), .vcpus = 1, .memory_mib = 1000});
	struct queue_order order;

	add(queue, 1, 0, 0);
	add(queue, 2, 0, 0);
	assert_next(queue, 0, 1, SCHED_START);
	queue_started(queue, 1, at(0));
	assert_int_equal(queue_due(queue).ns, at(10).ns);
	assert_next(queue, 10, 1, SCHED_PAUSE);
	assert_true(queue_next(queue, &order));
	assert_int_equal(order.id, 2);
	assert_int_equal(order.order, SCHED_START);
	queue_pause(queue, 1, at(10));
	queue_started(queue, 2, at(10));
	assert_false(queue_is_withheld(queue, 1));
	/* A forecast, and settings set again, change nothing. */
	queue_forecast(queue, at(12));
	queue_change(queue, queue_settings(queue));
	assert_none_next(queue, 19);
	assert_next(queue, 20, 2, SCHED_PAUSE);
	assert_true(queue_next(queue, &order));
	assert_int_equal(order.id, 1);
	assert_int_equal(order.order, SCHED_RESUME);
	queue_pause(queue, 2, at(20));
	queue_resume(queue, 1, at(20));
	assert_times(queue, 1, 25, 10, 15);
	queue_free(queue);
}

static void the_higher_one_preempts(void **state)
{
	struct queue *queue =
		queue_new(&(struct queue_settings){.policy = SCHED_PREEMPTIVE, .max_starting = 2, .vcpus = 1, .memory_mib = 1000});
	struct queue_order order;

	add(queue, 1, 0, 0);
	assert_next(queue, 0, 1, SCHED_START);
	queue_started(queue, 1, at(0));
	add(queue, 2, 5, 3);
	assert_next(queue, 3, 1, SCHED_PAUSE);
	assert_true(queue_next(queue, &order));
	assert_int_equal(order.order, SCHED_START);
	queue_pause(queue, 1, at(3));
	queue_end(queue, 2, at(9));
	assert_next(queue, 9, 1, SCHED_RESUME);
	queue_free(queue);
}

static void the_forecast_is_the_shadow(void **state)
{
	struct queue *queue =
		queue_new(&(struct queue_settings){.policy = SCHED_FCFS, .easy = true, .max_starting = 9, .vcpus = 4, .memory_mib = 1000});
	struct queue_need need = {.vcpus = 3, .memory_mib = 10, .estimate = span_s(100)};
	struct instant when;

	assert_int_equal(queue_add(queue, 1, &need, at(0)), 0);
	assert_next(queue, 0, 1, SCHED_START);
	need.vcpus = 4;
	assert_int_equal(queue_add(queue, 2, &need, at(10)), 0);
	need.estimate = span_s(0);
	assert_int_equal(queue_add(queue, 3, &need, at(10)), 0);
	assert_int_equal(queue_add(queue, 4, &need, at(10)), 0);
	queue_forecast(queue, at(20));
	assert_true(queue_expected(queue, 2, &when));
	assert_int_equal(when.ns, at(100).ns);
	assert_true(queue_expected(queue, 3, &when));
	assert_int_equal(when.ns, at(200).ns);
	assert_false(queue_expected(queue, 4, &when)); /* 3 may run for ever */
	queue_free(queue);
}

static void what_was_here_before_is_adopted(void **state)
{
	struct queue *queue = make(SCHED_FCFS, 2);
	struct queue_need need = {.vcpus = 1, .memory_mib = 1};
	struct queue_times old = {.waiting = span_s(50), .service = span_s(7)};

	add(queue, 1, 0, 90);
	assert_int_equal(queue_adopt(queue, 2, &need, &(struct queue_past){old, QUEUE_RUNNING, false, at(43)}, at(100)), 0);
	assert_int_equal(
		queue_adopt(queue, 3, &need, &(struct queue_past){{.waiting = span_s(50)}, QUEUE_WAITING, false, at(50)}, at(100)), 0);
	assert_int_equal(queue_adopt(queue, 4, &need, &(struct queue_past){old, QUEUE_PAUSED, false, at(43)}, at(100)), 0);
	assert_int_equal(queue_position(queue, 3), 1);
	assert_int_equal(queue_position(queue, 1), 2);
	assert_true(queue_is_withheld(queue, 4));
	assert_times(queue, 2, 110, 50, 17);
	assert_times(queue, 4, 110, 60, 7);
	queue_free(queue);
}

static void who_arrived_first_is_first_whatever_it_waited(void **state)
{
	struct queue *queue = make(SCHED_FCFS, 1);
	struct queue_need need = {.vcpus = 1, .memory_mib = 1};
	/* What was counted is short of the truth by some moments, of one more than of the other. */
	struct queue_past first = {{.waiting = span_ms(9800)}, QUEUE_PAUSED, true, at(-10)},
			  second = {{.waiting = span_ms(9990)}, QUEUE_WAITING, false, {at(-10).ns + 1}};

	assert_int_equal(queue_adopt(queue, 2, &need, &second, at(0)), 0);
	assert_int_equal(queue_adopt(queue, 1, &need, &first, at(0)), 0);
	assert_int_equal(queue_position(queue, 1), 1);
	assert_int_equal(queue_position(queue, 2), 2);
	queue_free(queue);
}

/* ---- against the simulator ---- */

#define MACHINES 120

struct walk {
	struct queue *queue;
	struct sim_request requests[MACHINES];
	struct sim_result expected[MACHINES];
	int64_t served[MACHINES], resumed[MACHINES];
	bool runs[MACHINES];
	uint64_t dispatch[MACHINES], dispatches;
};

static void make_requests(struct walk *walk, struct rand *rand)
{
	int64_t arrival = 0;

	for (unsigned i = 0; i < MACHINES; i++) {
		struct sim_request *request = &walk->requests[i];

		arrival += (int64_t)rand_below(rand, 20);
		*request = (struct sim_request){.arrival = arrival,
			.duration = 1 + (int64_t)rand_below(rand, 100),
			.vcpus = 1 + (uint32_t)rand_below(rand, 4),
			.memory = 1 + (uint32_t)rand_below(rand, 60),
			.priority = (int32_t)rand_below(rand, 4)};
		request->estimate = request->duration + (int64_t)rand_below(rand, 50);
	}
}

static void obey(struct walk *walk, int64_t now)
{
	struct queue_order order;

	queue_pass(walk->queue, UINT32_MAX, at(now));
	while (queue_next(walk->queue, &order)) {
		uint64_t i = order.id;

		assert_int_equal(walk->runs[i], order.order == SCHED_PAUSE);
		if (order.order == SCHED_PAUSE) {
			walk->served[i] += now - walk->resumed[i];
			queue_pause(walk->queue, i, at(now));
		} else {
			walk->resumed[i] = now;
			if (order.order == SCHED_START)
				queue_started(walk->queue, i, at(now));
			else
				queue_resume(walk->queue, i, at(now));
		}
		walk->runs[i] = order.order != SCHED_PAUSE;
		walk->dispatch[i] = ++walk->dispatches;
	}
}

/* The machine that ends at `now`, of several the one dispatched first; -1: none. */
static int ending(const struct walk *walk, int64_t now)
{
	int first = -1;

	for (int i = 0; i < MACHINES; i++)
		if (walk->runs[i] && walk->served[i] + now - walk->resumed[i] == walk->requests[i].duration &&
			(first < 0 || walk->dispatch[i] < walk->dispatch[first]))
			first = i;
	return first;
}

/* Second by second; now and then the queue is made anew, which nobody may notice. */
static void live_as_simulated(struct walk *walk, const struct queue_settings *settings, struct rand *rand)
{
	unsigned arrived = 0, left = MACHINES;

	walk->queue = queue_new(settings);
	for (int64_t now = 0; left > 0; now++) {
		for (int i; (i = ending(walk, now)) >= 0; left--) {
			struct queue_times times;

			queue_end(walk->queue, (uint64_t)i, at(now));
			walk->runs[i] = false;
			times = queue_times(walk->queue, (uint64_t)i, at(now + 99));
			assert_int_equal(times.service.ns, span_s(walk->requests[i].duration).ns);
			assert_int_equal(times.turnaround.ns, span_s(walk->expected[i].finish - walk->requests[i].arrival).ns);
			assert_int_equal(times.turnaround.ns, times.waiting.ns + times.service.ns);
		}
		for (; arrived < MACHINES && walk->requests[arrived].arrival == now; arrived++) {
			const struct sim_request *request = &walk->requests[arrived];
			struct queue_need need = {request->priority, request->vcpus, request->memory, span_s(request->estimate)};

			assert_int_equal(queue_add(walk->queue, arrived, &need, at(now)), 0);
		}
		if (rand_below(rand, 4) == 0)
			queue_change(walk->queue, settings);
		if (rand_below(rand, 50) == 0)
			queue_forecast(walk->queue, at(now));
		obey(walk, now);
	}
	queue_free(walk->queue);
}

static void live_machines_are_scheduled_as_simulated(void **state)
{
	static const struct {
		enum sched_policy policy;
		bool easy;
		int64_t aging;
	} cases[] = {{SCHED_FCFS, false, 0}, {SCHED_FCFS, true, 0}, {SCHED_RR, false, 0}, {SCHED_PRIORITY, false, 0},
		{SCHED_PRIORITY, true, 30}, {SCHED_PREEMPTIVE, false, 0}};
	uint64_t seed = rand_kernel_seed();
	struct rand rand;

	print_message("seed %llu\n", (unsigned long long)seed);
	rand = rand_seeded(seed);
	for (size_t c = 0; c < COUNT_OF(cases); c++) {
		struct queue_settings settings = {.policy = cases[c].policy,
			.easy = cases[c].easy,
			.quantum = span_s(7),
			.aging = span_s(cases[c].aging),
			.max_starting = 1000,
			.vcpus = 6,
			.memory_mib = 100};
		struct sched_config config = {.policy = settings.policy,
			.easy = settings.easy,
			.hold = settings.policy == SCHED_RR || settings.policy == SCHED_PREEMPTIVE,
			.quantum = 7,
			.aging = cases[c].aging,
			.hosts = 1,
			.vcpus = 6,
			.memory = 100};
		static struct walk walk;

		memset(&walk, 0, sizeof(walk));
		make_requests(&walk, &rand);
		assert_int_equal(sim_run(&config, walk.requests, MACHINES, walk.expected, NULL), 0);
		live_as_simulated(&walk, &settings, &rand);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fcfs_goes_by_arrival),
		cmocka_unit_test(priority_goes_before_arrival),
		cmocka_unit_test(a_new_policy_sorts_anew),
		cmocka_unit_test(what_does_not_fit_waits_with_its_reason),
		cmocka_unit_test(who_is_withheld_keeps_its_place),
		cmocka_unit_test(a_machine_that_somebody_paused_waits_for_its_turn_again),
		cmocka_unit_test(round_robin_takes_turns),
		cmocka_unit_test(the_higher_one_preempts),
		cmocka_unit_test(the_forecast_is_the_shadow),
		cmocka_unit_test(what_was_here_before_is_adopted),
		cmocka_unit_test(who_arrived_first_is_first_whatever_it_waited),
		cmocka_unit_test(live_machines_are_scheduled_as_simulated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
