/* Tests of the scheduler: textbook cases, and every policy against a slow, obvious reference on random traces. */
#include "alloc/order.h"
#include "alloc/sched_sim.h"
#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JOBS_MAX 400

static const struct sched_config one_cpu = {.policy = SCHED_FCFS, .hosts = 1, .vcpus = 1, .memory = 1};

static struct sim_result results[JOBS_MAX];

static void run(const struct sched_config *config, const struct sim_request *requests, uint32_t count)
{
	struct err err = {0};

	if (sim_run(config, requests, count, results, &err) != 0)
		fail_msg("%s", err.text);
}

static double mean_waiting(const struct sim_request *requests, uint32_t count)
{
	double sum = 0;

	for (uint32_t i = 0; i < count; i++)
		sum += (double)(results[i].finish - requests[i].arrival - requests[i].duration);
	return sum / count;
}

/* Silberschatz, Operating System Concepts, 5.3.1 and 5.3.3: bursts 24, 3, 3; FCFS waits 17 on average, RR with quantum 4 waits 17/3. */
static void silberschatz_fcfs_and_rr(void **state)
{
	const struct sim_request requests[] = {{0, 24, 24, 1, 1, 0}, {0, 3, 3, 1, 1, 0}, {0, 3, 3, 1, 1, 0}};
	struct sched_config rr = one_cpu;

	(void)state;
	run(&one_cpu, requests, 3);
	assert_true(mean_waiting(requests, 3) == 17.0);
	rr.policy = SCHED_RR;
	rr.quantum = 4;
	run(&rr, requests, 3);
	assert_int_equal(results[0].finish, 30);
	assert_int_equal(results[1].finish, 7);
	assert_int_equal(results[2].finish, 10);
	assert_int_equal(results[0].slices, 6);
}

/* The same, 5.3.4: bursts 10, 1, 2, 1, 5 with priorities 3, 1, 4, 5, 2 (small is urgent there): waits 8.2 on average. */
static void silberschatz_priority(void **state)
{
	const struct sim_request requests[] = {
		{0, 10, 10, 1, 1, -3}, {0, 1, 1, 1, 1, -1}, {0, 2, 2, 1, 1, -4}, {0, 1, 1, 1, 1, -5}, {0, 5, 5, 1, 1, -2}};
	struct sched_config priority = one_cpu;

	(void)state;
	priority.policy = SCHED_PRIORITY;
	run(&priority, requests, 5);
	assert_true(mean_waiting(requests, 5) > 8.19 && mean_waiting(requests, 5) < 8.21);
}

/* Stallings, Operating Systems, table 9.4: A-E arrive 0, 2, 4, 6, 8 and serve 3, 6, 4, 5, 2; finish times of FCFS, RR 1 and RR 4 in
 * table 9.5. */
static void stallings(void **state)
{
	const struct sim_request requests[] = {
		{0, 3, 3, 1, 1, 0}, {2, 6, 6, 1, 1, 0}, {4, 4, 4, 1, 1, 0}, {6, 5, 5, 1, 1, 0}, {8, 2, 2, 1, 1, 0}};
	static const int64_t fcfs[] = {3, 9, 13, 18, 20}, rr1[] = {4, 18, 17, 20, 15}, rr4[] = {3, 17, 11, 20, 19};
	struct sched_config rr = one_cpu;

	(void)state;
	run(&one_cpu, requests, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(results[i].finish, fcfs[i]);
	rr.policy = SCHED_RR;
	rr.quantum = 1;
	run(&rr, requests, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(results[i].finish, rr1[i]);
	rr.quantum = 4;
	run(&rr, requests, 5);
	for (int i = 0; i < 5; i++)
		assert_int_equal(results[i].finish, rr4[i]);
}

/* A small backfill by hand: the head waits for 10 vCPUs until 10; a short one passes it, a long narrow one fits into extra, a long wide one
 * doesn't. */
static void easy_by_hand(void **state)
{
	const struct sim_request requests[] = {
		{0, 10, 10, 6, 1, 0}, {1, 5, 5, 8, 1, 0}, {2, 8, 8, 4, 1, 0}, {3, 100, 100, 2, 1, 0}, {3, 100, 100, 3, 1, 0}};
	struct sched_config easy = {.policy = SCHED_FCFS, .easy = true, .hosts = 1, .vcpus = 10, .memory = 100};

	(void)state;
	run(&easy, requests, 5);
	assert_int_equal(results[1].start, 10);
	assert_int_equal(results[2].start, 2);
	assert_int_equal(results[3].start, 10);
	assert_int_equal(results[4].start, 15);
}

/* Hold: two halves that each need the other's memory don't wait for each other, since memory is given first. */
static void hold_does_not_deadlock(void **state)
{
	const struct sim_request requests[] = {{0, 10, 10, 2, 6, 0}, {1, 10, 10, 2, 6, 0}, {2, 10, 10, 2, 4, 0}};
	struct sched_config hold = {.policy = SCHED_RR, .hold = true, .quantum = 3, .hosts = 1, .vcpus = 2, .memory = 10};

	(void)state;
	run(&hold, requests, 3);
	assert_true(results[1].start >= results[0].finish);
	assert_int_equal(results[2].finish, 30);
}

static void bad_configurations_are_refused(void **state)
{
	struct sched_config bad = one_cpu;
	struct err err = {0};
	const struct sim_request unsorted[] = {{5, 1, 1, 1, 1, 0}, {4, 1, 1, 1, 1, 0}};
	const struct sim_request short_estimate[] = {{5, 2, 1, 1, 1, 0}};

	(void)state;
	bad.policy = SCHED_RR;
	assert_int_equal(sched_config_check(&bad, &err), -EINVAL);
	bad.quantum = 1;
	bad.easy = true;
	assert_int_equal(sched_config_check(&bad, &err), -EINVAL);
	bad = one_cpu;
	bad.hosts = 0;
	assert_int_equal(sched_config_check(&bad, &err), -EINVAL);
	assert_int_equal(sim_run(&one_cpu, unsorted, 2, results, &err), -EINVAL);
	assert_non_null(strstr(err.text, "request 2"));
	assert_int_equal(sim_run(&one_cpu, short_estimate, 1, results, &err), -EINVAL);
}

static void too_large_is_refused_and_counted(void **state)
{
	const struct sim_request requests[] = {{0, 1, 1, 2, 1, 0}, {0, 1, 1, 1, 1, 0}};
	struct sim_summary summary;

	(void)state;
	run(&one_cpu, requests, 2);
	assert_int_equal(results[0].start, -1);
	assert_int_equal(results[1].start, 0);
	sim_summarize(&one_cpu, requests, results, 2, &summary);
	assert_int_equal(summary.refused, 1);
	assert_int_equal(summary.count, 1);
}

/*
 * The reference: second by second, arrays only, written from the definition of the policies and from nothing else. A job that is in no
 * state waits in `line`, whose order is rebuilt by sorting for each pass.
 */
struct reference_job {
	bool arrived, running, done, memory_held;
	int64_t served, dispatched, start, finish;
	uint64_t tail; /* place in the line for fcfs and rr */
	uint64_t dispatch_order;
};

struct reference {
	const struct sched_config *config;
	const struct sim_request *requests;
	uint32_t count;
	struct reference_job jobs[JOBS_MAX];
	uint64_t next_tail, next_dispatch;
	uint64_t vcpus, memory; /* free */
};

static bool line_less(const struct reference *ref, uint32_t a, uint32_t b)
{
	const struct sim_request *x = &ref->requests[a], *y = &ref->requests[b];

	if (ref->config->policy >= SCHED_PRIORITY) {
		int64_t kx = x->priority, ky = y->priority;

		if (ref->config->aging > 0) {
			kx = kx * ref->config->aging - x->arrival;
			ky = ky * ref->config->aging - y->arrival;
		}
		return kx != ky ? kx > ky : a < b;
	}
	return ref->jobs[a].tail < ref->jobs[b].tail;
}

/* The first in the line (of those with or without memory, in hold mode) after `after` (count: from the start), or `count`. */
static uint32_t reference_next(const struct reference *ref, uint32_t after, bool ready)
{
	uint32_t best = ref->count;

	for (uint32_t i = 0; i < ref->count; i++) {
		const struct reference_job *j = &ref->jobs[i];

		if (!j->arrived || j->running || j->done || (ref->config->hold && j->memory_held != ready))
			continue;
		if (after < ref->count && !line_less(ref, after, i))
			continue;
		if (best == ref->count || line_less(ref, i, best))
			best = i;
	}
	return best;
}

static bool reference_fits(const struct reference *ref, uint32_t i)
{
	return ref->requests[i].vcpus <= ref->vcpus && (ref->jobs[i].memory_held || ref->requests[i].memory <= ref->memory);
}

static void reference_start(struct reference *ref, uint32_t i, int64_t now)
{
	struct reference_job *j = &ref->jobs[i];

	ref->vcpus -= ref->requests[i].vcpus;
	if (!j->memory_held)
		ref->memory -= ref->requests[i].memory;
	j->running = true;
	j->dispatched = now;
	j->dispatch_order = ref->next_dispatch++;
	if (j->start < 0)
		j->start = now;
}

static void reference_stop(struct reference *ref, uint32_t i, int64_t now, bool ended)
{
	struct reference_job *j = &ref->jobs[i];

	ref->vcpus += ref->requests[i].vcpus;
	if (!ref->config->hold || ended)
		ref->memory += ref->requests[i].memory;
	j->running = false;
	j->served += now - j->dispatched;
	j->tail = ref->next_tail++;
	if (ended) {
		j->done = true;
		j->finish = now;
	}
}

/* Victims for the head: from the end of the running order, lower priority only; all or none. */
static bool reference_preempt(struct reference *ref, uint32_t head, int64_t now)
{
	bool chosen[JOBS_MAX] = {false};
	uint64_t vcpus = ref->vcpus, memory = ref->memory;

	while (vcpus < ref->requests[head].vcpus || (!ref->jobs[head].memory_held && memory < ref->requests[head].memory)) {
		uint32_t last = ref->count;

		for (uint32_t i = 0; i < ref->count; i++)
			if (ref->jobs[i].running && !chosen[i] && (last == ref->count || line_less(ref, last, i)))
				last = i;
		if (last == ref->count || ref->requests[last].priority >= ref->requests[head].priority)
			return false;
		chosen[last] = true;
		vcpus += ref->requests[last].vcpus;
		if (!ref->config->hold)
			memory += ref->requests[last].memory;
	}
	for (uint32_t i = 0; i < ref->count; i++)
		if (chosen[i])
			reference_stop(ref, i, now, false);
	return true;
}

static void reference_easy(struct reference *ref, uint32_t head, int64_t now)
{
	int64_t shadow = INT64_MAX;
	uint64_t extra_vcpus = 0, extra_memory = 0;

	for (uint32_t e = 0; e < ref->count; e++) {
		int64_t end = ref->jobs[e].dispatched + ref->requests[e].estimate;
		uint64_t vcpus = ref->vcpus, memory = ref->memory;

		if (!ref->jobs[e].running)
			continue;
		for (uint32_t i = 0; i < ref->count; i++)
			if (ref->jobs[i].running && ref->jobs[i].dispatched + ref->requests[i].estimate <= end) {
				vcpus += ref->requests[i].vcpus;
				memory += ref->requests[i].memory;
			}
		if (vcpus >= ref->requests[head].vcpus && memory >= ref->requests[head].memory && end < shadow) {
			shadow = end;
			extra_vcpus = vcpus - ref->requests[head].vcpus;
			extra_memory = memory - ref->requests[head].memory;
		}
	}
	for (uint32_t i = head; (i = reference_next(ref, i, false)) != ref->count;) {
		const struct sim_request *r = &ref->requests[i];

		if (!reference_fits(ref, i))
			continue;
		if (now + r->estimate > shadow) {
			if (r->vcpus > extra_vcpus || r->memory > extra_memory)
				continue;
			extra_vcpus -= r->vcpus;
			extra_memory -= r->memory;
		}
		reference_start(ref, i, now);
	}
}

static void reference_pass(struct reference *ref, int64_t now)
{
	uint32_t head;

	if (ref->config->hold)
		while ((head = reference_next(ref, ref->count, false)) != ref->count && ref->requests[head].memory <= ref->memory) {
			ref->memory -= ref->requests[head].memory;
			ref->jobs[head].memory_held = true;
			ref->jobs[head].tail = ref->next_tail++;
		}
	while ((head = reference_next(ref, ref->count, ref->config->hold)) != ref->count) {
		if (!reference_fits(ref, head) && !(ref->config->policy == SCHED_PREEMPTIVE && reference_preempt(ref, head, now)))
			break;
		reference_start(ref, head, now);
	}
	if (ref->config->easy && head != ref->count)
		reference_easy(ref, head, now);
}

/* The running job with the earliest dispatch for which `ends` says so; `count`: none. */
static uint32_t reference_ending(const struct reference *ref, int64_t now, bool slice)
{
	uint32_t best = ref->count;

	for (uint32_t i = 0; i < ref->count; i++) {
		const struct reference_job *j = &ref->jobs[i];
		bool ends =
			slice ? now - j->dispatched == ref->config->quantum : j->served + now - j->dispatched == ref->requests[i].duration;

		if (j->running && ends && (best == ref->count || j->dispatch_order < ref->jobs[best].dispatch_order))
			best = i;
	}
	return best;
}

static void reference_run(struct reference *ref, const struct sched_config *config, const struct sim_request *requests, uint32_t count)
{
	uint32_t done = 0;

	memset(ref, 0, sizeof(*ref));
	ref->config = config;
	ref->requests = requests;
	ref->count = count;
	ref->vcpus = config->vcpus;
	ref->memory = config->memory;
	for (uint32_t i = 0; i < count; i++)
		ref->jobs[i].start = -1;
	for (int64_t now = 0; done < count; now++) {
		uint32_t i;

		for (; (i = reference_ending(ref, now, false)) != count; done++)
			reference_stop(ref, i, now, true);
		for (i = 0; i < count; i++)
			if (requests[i].arrival == now) {
				ref->jobs[i].arrived = true;
				ref->jobs[i].tail = ref->next_tail++;
			}
		while (config->policy == SCHED_RR && (i = reference_ending(ref, now, true)) != count)
			reference_stop(ref, i, now, false);
		reference_pass(ref, now);
	}
}

static void compare_with_reference(const struct sched_config *config, uint64_t seed)
{
	static struct reference ref;
	static struct sim_request requests[JOBS_MAX];
	struct rand rand = rand_seeded(seed);
	uint32_t count = 1 + (uint32_t)rand_below(&rand, 60);
	int64_t arrival = 0;

	for (uint32_t i = 0; i < count; i++) {
		int64_t duration = 1 + (int64_t)rand_below(&rand, 20);

		arrival += (int64_t)rand_below(&rand, 5);
		requests[i] = (struct sim_request){arrival, duration, duration + (int64_t)rand_below(&rand, 10),
			1 + (uint32_t)rand_below(&rand, config->vcpus), 1 + (uint32_t)rand_below(&rand, config->memory),
			(int32_t)rand_below(&rand, 4)};
	}
	run(config, requests, count);
	reference_run(&ref, config, requests, count);
	for (uint32_t i = 0; i < count; i++)
		if (results[i].start != ref.jobs[i].start || results[i].finish != ref.jobs[i].finish)
			fail_msg("policy %s easy %d hold %d aging %d seed %llu: request %u ran %lld-%lld, reference %lld-%lld",
				sched_policy_names[config->policy], config->easy, config->hold, (int)config->aging,
				(unsigned long long)seed, i, (long long)results[i].start, (long long)results[i].finish,
				(long long)ref.jobs[i].start, (long long)ref.jobs[i].finish);
	ref.requests = NULL;
}

static void every_policy_agrees_with_reference(void **state)
{
	static const struct sched_config configs[] = {
		{.policy = SCHED_FCFS},
		{.policy = SCHED_FCFS, .easy = true},
		{.policy = SCHED_FCFS, .hold = true},
		{.policy = SCHED_RR, .quantum = 1},
		{.policy = SCHED_RR, .quantum = 4},
		{.policy = SCHED_RR, .quantum = 4, .hold = true},
		{.policy = SCHED_PRIORITY},
		{.policy = SCHED_PRIORITY, .aging = 3},
		{.policy = SCHED_PRIORITY, .easy = true},
		{.policy = SCHED_PRIORITY, .easy = true, .aging = 5},
		{.policy = SCHED_PREEMPTIVE},
		{.policy = SCHED_PREEMPTIVE, .hold = true},
		{.policy = SCHED_PREEMPTIVE, .aging = 4},
	};

	(void)state;
	for (size_t c = 0; c < sizeof(configs) / sizeof(configs[0]); c++)
		for (uint64_t seed = 1; seed <= 40; seed++) {
			struct sched_config config = configs[c];

			config.hosts = 1;
			config.vcpus = 1 + seed % 8;
			config.memory = 1 + seed % 11;
			compare_with_reference(&config, seed);
		}
}

/* The sorted list agrees with a sorted array under random insertions and removals. */
static void order_agrees_with_array(void **state)
{
	struct order order = {0};
	struct order_entry sorted[600];
	size_t count = 0;
	struct rand rand = rand_seeded(3);

	(void)state;
	for (int step = 0; step < 20000; step++) {
		size_t i = 0;

		if (count < 600 && (count == 0 || rand_below(&rand, 5) < 3)) {
			struct order_entry e = {(int64_t)rand_below(&rand, 50), (uint32_t)step, (uint32_t)rand_below(&rand, 9),
				(uint32_t)rand_below(&rand, 9), 0};

			while (i < count && (sorted[i].key < e.key || (sorted[i].key == e.key && sorted[i].job < e.job)))
				i++;
			memmove(&sorted[i + 1], &sorted[i], (count - i) * sizeof(e));
			sorted[i] = e;
			count++;
			order_insert(&order, e);
		} else {
			i = rand_below(&rand, count);
			order_remove(&order, sorted[i].key, sorted[i].job);
			count--;
			memmove(&sorted[i], &sorted[i + 1], (count - i) * sizeof(sorted[0]));
		}
		assert_int_equal(order.used, count);
		if (step % 50 == 0) {
			struct order_cursor cursor = {0, 0};

			for (i = 0; i < count; i++, cursor = order_after(&order, cursor))
				assert_int_equal(order_at(&order, cursor)->job, sorted[i].job);
			assert_null(order_at(&order, cursor));
			assert_true(count == 0 || order_last(&order)->job == sorted[count - 1].job);
		}
	}
	order_free(&order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_agrees_with_array),
		cmocka_unit_test(silberschatz_fcfs_and_rr),
		cmocka_unit_test(silberschatz_priority),
		cmocka_unit_test(stallings),
		cmocka_unit_test(easy_by_hand),
		cmocka_unit_test(hold_does_not_deadlock),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(too_large_is_refused_and_counted),
		cmocka_unit_test(every_policy_agrees_with_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
