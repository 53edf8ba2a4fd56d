/*
 * Whole networks of routers through seeded weeks of trouble: cut and silent wires, loss, restarts of processes and of the switch, refused
 * batches. Whatever happened, once it is quiet every FIB is what Bellman-Ford says, no loop outlived its bound, and the same seed gives the
 * same trace. WEFT_SIM_SEEDS=N runs N seeds instead of some dozens; WEFT_SIM_SEED=S only that one, telling more.
 */
#include "sim_world.h"

#include "base/check.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define SEEDS 40

/*
 * Bounds after the last event. Count to infinity takes at most 15 triggered updates, each held for a second at most, so 20 s with a margin;
 * where updates may be lost or a silent wire must time out it is the 180 s timeout and the periodic updates.
 */
#define LOOP_BOUND_S 20
#define LOOP_BOUND_LOSSY_S 270
#define QUIET_S 420

struct story {
	bool verbose;
	struct instant last_event;
	bool lossy;
	double worst_loop_s;
	unsigned events;
};

static double since(struct instant now, struct instant then) { return (double)instant_diff(now, then).ns / 1e9; }

static void look_for_loops(struct sim_world *world, void *context)
{
	struct story *story = context;
	double age = since(world->now, story->last_event);

	if (sim_count_loops(world) == 0)
		return;
	if (age > story->worst_loop_s)
		story->worst_loop_s = age;
	if (age > (story->lossy ? LOOP_BOUND_LOSSY_S : LOOP_BOUND_S)) {
		(void)fprintf(stderr, "a loop is %.1f s old\n", age);
		CHECK(false);
	}
}

/* Something happens. */
static void happen(struct sim_world *world, struct story *story)
{
	struct sim_wire *wire = &world->wires[rand_below(&world->rand, world->wire_count)];
	unsigned process = (unsigned)rand_below(&world->rand, world->process_count);
	unsigned what = (unsigned)rand_below(&world->rand, 12);

	if (story->verbose)
		(void)printf("%.3f s: event %u, wire %ld, process %u\n", since(world->now, (struct instant){0}), what,
			(long)(wire - world->wires), process);
	story->last_event = world->now;
	story->events++;
	if (what < 4) {
		sim_cut(world, wire, !wire->cut);
	} else if (what < 6) {
		wire->silent = !wire->silent;
		story->lossy = true;
	} else if (what < 8) {
		sim_restart_process(world, process);
	} else if (what < 9) {
		sim_restart_switch(world, rand_below(&world->rand, 2));
	} else if (what < 11) {
		world->loss_permille = world->loss_permille ? 0 : (unsigned)rand_below(&world->rand, 200);
		story->lossy |= world->loss_permille != 0;
	} else {
		world->refuse_permille = world->refuse_permille ? 0 : 100;
	}
}

/* Lives through a seed's story; returns the trace. */
static uint64_t live(uint64_t seed, bool verbose, struct story *story)
{
	struct sim_world *world = sim_world_new(seed, 0, ROUTE_RIP);
	uint64_t trace;
	unsigned differences;

	*story = (struct story){.verbose = verbose};
	sim_start(world);
	sim_run(world, span_s(20), span_ms(500), look_for_loops, story);
	if (sim_compare(world) != 0)
		fail_msg("seed %llu: not converged 20 s after the start", (unsigned long long)seed);
	for (unsigned i = 0; i < 12; i++) {
		happen(world, story);
		sim_run(world, span_ms((int64_t)rand_below(&world->rand, 20000)), span_ms(500), look_for_loops, story);
	}
	world->loss_permille = world->refuse_permille = 0;
	story->last_event = world->now;
	sim_run(world, span_s(QUIET_S), span_ms(500), look_for_loops, story);
	differences = sim_compare(world);
	trace = world->trace;
	if (verbose)
		(void)printf("%u routers, %u wires, %u processes, %llu packets, %llu lost\n", world->router_count, world->wire_count,
			world->process_count, (unsigned long long)world->packets, (unsigned long long)world->lost);
	sim_world_free(world);
	if (differences != 0)
		fail_msg("seed %llu: %u routes differ from the shortest paths", (unsigned long long)seed, differences);
	return trace;
}

static void test_seeds(void **state)
{
	const char *one = getenv("WEFT_SIM_SEED"), *many = getenv("WEFT_SIM_SEEDS");
	uint64_t first = one ? strtoull(one, NULL, 10) : 1;
	uint64_t last = one ? first : many ? strtoull(many, NULL, 10) : SEEDS;
	double worst = 0, worst_lossy = 0;
	struct story story;

	(void)state;
	for (uint64_t seed = first; seed <= last; seed++) {
		double *of;

		(void)live(seed, one != NULL, &story);
		of = story.lossy ? &worst_lossy : &worst;
		if (story.worst_loop_s > *of)
			*of = story.worst_loop_s;
	}
	print_message("seeds %llu to %llu; oldest loop %.1f s, with silent wires or loss %.1f s\n", (unsigned long long)first,
		(unsigned long long)last, worst, worst_lossy);
}

static void test_repeatable(void **state)
{
	struct story story;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		uint64_t trace = live(seed, false, &story);

		assert_true(trace == live(seed, false, &story));
		assert_true(trace != live(seed + 1000, false, &story));
	}
}

/* A restarted process keeps every packet on its way: no hole at any time, since the switch goes on with the old routes. */
static void look_for_holes(struct sim_world *world, void *context) { *(unsigned *)context += sim_count_holes(world); }

static void test_restart_without_a_hole(void **state)
{
	(void)state;
	for (uint64_t seed = 100; seed < 110; seed++) {
		struct sim_world *world = sim_world_new(seed, 1, ROUTE_RIP);
		unsigned holes = 0;

		sim_start(world);
		sim_run(world, span_s(40), span_s(1), NULL, NULL);
		assert_int_equal(sim_compare(world), 0);
		sim_restart_process(world, 0);
		sim_run(world, span_s(45), span_ms(20), look_for_holes, &holes);
		if (holes != 0)
			fail_msg("seed %llu: %u holes", (unsigned long long)seed, holes);
		assert_int_equal(sim_compare(world), 0);
		sim_world_free(world);
	}
}

/* A cut wire is known everywhere within seconds, not after the next periodic update. */
static void test_cut_is_quick(void **state)
{
	double worst = 0;

	(void)state;
	for (uint64_t seed = 200; seed < 220; seed++) {
		struct sim_world *world = sim_world_new(seed, 0, ROUTE_RIP);
		struct instant cut;

		sim_start(world);
		sim_run(world, span_s(40), span_s(1), NULL, NULL);
		cut = world->now;
		sim_cut(world, &world->wires[2 + 2 * rand_below(&world->rand, world->router_count - 1)], true);
		while (sim_count_holes(world) > 0 && since(world->now, cut) < 30)
			sim_run(world, span_ms(10), span_s(1), NULL, NULL);
		if (since(world->now, cut) > worst)
			worst = since(world->now, cut);
		sim_world_free(world);
	}
	print_message("slowest repair after a cut: %.2f s\n", worst);
	assert_true(worst < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_restart_without_a_hole),
		cmocka_unit_test(test_cut_is_quick),
	};

	hash_set_secret(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
