/* Measures pools of numbers: many interfaces at once, one allocation at several fill levels, and the ways of others in the same run. */
#ifndef UI_POOL_BENCH_H
#define UI_POOL_BENCH_H

#include <stdint.h>

/* A number of interfaces that each get a MAC, an IPv4 address and a port, and then give them back. Medians of POOL_BENCH_ROUNDS rounds. */
struct pool_bench_bulk {
	const char *owners; /* how owners are named */
	uint64_t interfaces;
	double allocate_s, release_s;	      /* time on the wall */
	double allocate_cpu_s, release_cpu_s; /* processor time of this thread */
	double bytes;			      /* resident memory an interface costs while it holds its three numbers */
};

#define POOL_BENCH_ROUNDS 3

/* One allocation from a pool of `units` that is filled to `fill` by chance; fill 1: a refusal. `p50_ns` < 0: it would never end. */
struct pool_bench_single {
	const char *way;
	double fill;
	unsigned samples;
	double p50_ns, p99_ns;
};

/* Owners that are numbers already, then owners that are texts. */
void pool_bench_numbers(uint64_t interfaces, struct pool_bench_bulk *bulk);
void pool_bench_names(uint64_t interfaces, struct pool_bench_bulk *bulk);

#define POOL_BENCH_WAYS 6
#define POOL_BENCH_FILLS 6

/* Each way at each fill, way by way. Times include reading the clock twice, `clock_ns`. */
void pool_bench_singles(uint64_t units, struct pool_bench_single singles[POOL_BENCH_WAYS * POOL_BENCH_FILLS], double *clock_ns);

#endif
