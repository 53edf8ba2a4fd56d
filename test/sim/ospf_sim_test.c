/*
 * OSPF in whole networks: grids that must converge within a second of virtual time, real topologies, and random networks through seeded
 * trouble: cut and silent wires, loss, restarts of processes and of the switch. Whatever happened, once it is quiet every FIB is what an
 * independent Dijkstra says, and the same seed gives the same trace. WEFT_SIM_SEEDS=N runs N seeds instead of a dozen; WEFT_SIM_SEED=S only
 * that one, telling more; WEFT_SIM_TOPOLOGIES=DIRECTORY runs every "*.txt" in it instead ("A B COST" a link; make topologies).
 */
#include "sim_world.h"

#include "base/check.h"
#include "base/hash.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEDS 12
/* Hellos come every second here, four are missed before a neighbor is dead; then the longest pauses of SPF and LSAs. */
#define QUIET_S 40

static double seconds_of(struct instant now) { return (double)now.ns / 1e9; }

/* Lets a fresh world settle; returns when the last FIB changed, and fails when that isn't what it should be. */
static double converge(struct sim_world *world, const char *name)
{
	unsigned differences;
	double at;

	sim_start(world);
	sim_run(world, span_s(9), span_s(1), NULL, NULL);
	at = seconds_of(world->changed);
	differences = sim_ospf_compare(world);
	if (differences != 0)
		fail_msg("%s: %u routes differ", name, differences);
	return at;
}

static void test_grids(void **state)
{
	static const unsigned sizes[] = {2, 5, 10};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct sim_world *world = sim_world_grid(7, sizes[i], sizes[i]);
		double at = converge(world, "grid"), cut_at;
		struct instant before;

		print_message(
			"grid %ux%u: converged after %.3f s, %llu packets\n", sizes[i], sizes[i], at, (unsigned long long)world->packets);
		assert_true(at < 1.0);
		before = world->now;
		sim_cut(world, &world->wires[sizes[i] * sizes[i]], true); /* the first link */
		sim_run(world, span_s(9), span_s(1), NULL, NULL);
		cut_at = seconds_of(world->changed) - seconds_of(before);
		assert_int_equal(sim_ospf_compare(world), 0);
		print_message("  a link cut: last route changed after %.3f s\n", cut_at);
		assert_true(cut_at < 0.05);
		sim_world_free(world);
	}
}

/* A router with so many links that what it says of itself travels in pieces (RFC 2328 A.1). */
static void test_hub(void **state)
{
	struct sim_world *world = sim_world_star(5, 300);
	double at = converge(world, "hub");

	(void)state;
	print_message("hub with %u links: converged after %.3f s\n", world->wire_count, at);
	assert_true(at < 5.0);	    /* the pauses between so many instances of one LSA */
	world->loss_permille = 100; /* of pieces, too */
	sim_cut(world, &world->wires[1], true);
	sim_run(world, span_s(30), span_s(1), NULL, NULL);
	assert_int_equal(sim_ospf_compare(world), 0);
	sim_world_free(world);
}

struct story {
	bool verbose;
	unsigned events;
};

/* Something happens. */
static void happen(struct sim_world *world, struct story *story)
{
	struct sim_wire *wire = &world->wires[rand_below(&world->rand, world->wire_count)];
	unsigned process = (unsigned)rand_below(&world->rand, world->process_count);
	unsigned what = (unsigned)rand_below(&world->rand, 12);

	if (story->verbose)
		(void)printf(
			"%.3f s: event %u, wire %ld, process %u\n", seconds_of(world->now), what, (long)(wire - world->wires), process);
	story->events++;
	if (what < 4)
		sim_cut(world, wire, !wire->cut);
	else if (what < 6)
		wire->silent = !wire->silent;
	else if (what < 8)
		sim_restart_process(world, process);
	else if (what < 9)
		sim_restart_switch(world, rand_below(&world->rand, 2));
	else if (what < 11)
		world->loss_permille = world->loss_permille ? 0 : (unsigned)rand_below(&world->rand, 200);
	else
		world->refuse_permille = world->refuse_permille ? 0 : 100;
}

/* Lives through a seed's story; returns the trace. */
static uint64_t live(uint64_t seed, bool verbose)
{
	struct sim_world *world = sim_world_new(seed, 0, ROUTE_OSPF);
	struct story story = {.verbose = verbose};
	unsigned differences;
	uint64_t trace;

	world->hello_s = 1;
	sim_start(world);
	sim_run(world, span_s(20), span_s(1), NULL, NULL);
	if (sim_ospf_compare(world) != 0)
		fail_msg("seed %llu: not converged 20 s after the start", (unsigned long long)seed);
	for (unsigned i = 0; i < 12; i++) {
		happen(world, &story);
		sim_run(world, span_ms((int64_t)rand_below(&world->rand, 8000)), span_s(1), NULL, NULL);
	}
	world->loss_permille = world->refuse_permille = 0;
	sim_run(world, span_s(QUIET_S), span_s(1), NULL, NULL);
	differences = sim_ospf_compare(world);
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

	(void)state;
	for (uint64_t seed = first; seed <= last; seed++)
		(void)live(seed, one != NULL);
	print_message("seeds %llu to %llu\n", (unsigned long long)first, (unsigned long long)last);
}

static void test_repeatable(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++) {
		uint64_t trace = live(seed, false);

		assert_true(trace == live(seed, false));
		assert_true(trace != live(seed + 1000, false));
	}
}

static int is_topology(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && strcmp(entry->d_name + length - 4, ".txt") == 0;
}

static void test_topologies(void **state)
{
	const char *directory = getenv("WEFT_SIM_TOPOLOGIES");
	struct dirent **names = NULL;
	char worst_name[320] = "";
	double worst = 0, total = 0;
	int count;

	(void)state;
	if (directory == NULL) {
		skip();
		return;
	}
	count = scandir(directory, &names, is_topology, alphasort);
	if (names == NULL || count <= 0) {
		fail_msg("%s: no topologies there", directory);
		return;
	}
	for (int i = 0; i < count; i++) {
		char path[1024];
		struct sim_world *world;
		double at;

		(void)snprintf(path, sizeof(path), "%s/%s", directory, names[i]->d_name);
		world = sim_world_read(path);
		if (world == NULL) {
			fail_msg("%s: can't be read", path);
			return;
		}
		at = converge(world, path);
		total += at;
		if (at > worst) {
			worst = at;
			(void)snprintf(worst_name, sizeof(worst_name), "%s, %u routers", names[i]->d_name, world->router_count);
		}
		sim_world_free(world);
		free(names[i]);
	}
	free(names);
	print_message("%d topologies, all as the oracle says: slowest %.3f s (%s), mean %.3f s, in all %.1f s of simulated time\n", count,
		worst, worst_name, total / count, total);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grids),
		cmocka_unit_test(test_hub),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_topologies),
	};

	hash_set_secret(1);
	if (getenv("WEFT_SIM_TOPOLOGIES") != NULL)
		cmocka_set_test_filter("test_topologies");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
