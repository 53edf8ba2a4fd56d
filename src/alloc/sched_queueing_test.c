/* The scheduler against queueing theory: mean waiting of a million machines at M/M/1, M/M/c and M/D/1 (Kleinrock, Queueing Systems I). */
#include "alloc/sched_sim.h"
#include "base/rand.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MACHINES 1000000

/* Mean service in seconds: large, so that rounding to whole seconds doesn't matter. */
#define SERVICE_S 10000.0

enum { LOAD_PERCENT = 60 };

static double exponential(struct rand *rand, double mean) { return -mean * log(1 - rand_unit(rand)); }

/* Mean waiting, in mean services, of machines with Poisson arrivals at `servers` servers. */
static double simulated_waiting(uint32_t servers, bool constant_service, enum sched_policy policy)
{
	struct sched_config config = {
		.policy = policy, .hosts = 1, .vcpus = servers, .memory = servers, .quantum = (int64_t)SERVICE_S / 10};
	struct sim_request *requests = calloc(MACHINES, sizeof(*requests));
	struct sim_result *results = calloc(MACHINES, sizeof(*results));
	struct sim_summary summary;
	struct rand rand = rand_seeded(2024);
	double arrival = 0;

	for (uint32_t i = 0; i < MACHINES; i++) {
		double service = constant_service ? SERVICE_S : exponential(&rand, SERVICE_S);
		int64_t duration = service < 1 ? 1 : (int64_t)(service + 0.5);

		arrival += exponential(&rand, SERVICE_S / servers * 100 / LOAD_PERCENT);
		requests[i] = (struct sim_request){(int64_t)arrival, duration, duration, 1, 1, 0};
	}
	assert_int_equal(sim_run(&config, requests, MACHINES, results, NULL), 0);
	sim_summarize(&config, requests, results, MACHINES, &summary);
	free(requests);
	free(results);
	return summary.waiting.mean / SERVICE_S;
}

/* Erlang C: the probability that an arrival has to wait. */
static double erlang_c(uint32_t servers, double load)
{
	double offered = servers * load, term = 1, sum = 0;

	for (uint32_t k = 0; k < servers; k++) {
		sum += term;
		term *= offered / (k + 1);
	}
	term /= 1 - load;
	return term / (sum + term);
}

static void check_waiting(const char *name, double simulated, double expected)
{
	double error = fabs(simulated - expected) / expected;

	printf("%s: waiting %.4f services, theory %.4f, off by %.2f %%\n", name, simulated, expected, error * 100);
	assert_true(error < 0.03);
}

static void waiting_agrees_with_theory(void **state)
{
	const double load = LOAD_PERCENT / 100.0;

	(void)state;
	check_waiting("M/M/1", simulated_waiting(1, false, SCHED_FCFS), load / (1 - load));
	check_waiting("M/M/4", simulated_waiting(4, false, SCHED_FCFS), erlang_c(4, load) / (4 * (1 - load)));
	check_waiting("M/D/1", simulated_waiting(1, true, SCHED_FCFS), load / (2 * (1 - load)));
	/* Processor sharing: mean turnaround 1 / (1 - load) services, whatever the distribution; a short quantum comes near. */
	check_waiting("M/M/1 rr", simulated_waiting(1, false, SCHED_RR), load / (1 - load));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(waiting_agrees_with_theory)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
