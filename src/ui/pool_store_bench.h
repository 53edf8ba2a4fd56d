/* Measures allocations that are on disk before anyone can use them: many interfaces in batches, and single ones with many callers. */
#ifndef UI_POOL_STORE_BENCH_H
#define UI_POOL_STORE_BENCH_H

#include "base/err.h"

#include <stdint.h>

/* Interfaces of a batch, and callers that ask at the same moment. */
#define STORE_BENCH_BATCH 50000
#define STORE_BENCH_CALLERS 64

/* How many allocations each caller has on their way, at first and then. */
#define STORE_BENCH_FEW 1
#define STORE_BENCH_MANY 64

/* Networks and all their ports, with one and the same subnet in each or with distinct ones. */
#define STORE_BENCH_NETWORKS 80
#define STORE_BENCH_PORTS 20000

struct pool_bench_stored {
	uint64_t interfaces;
	double allocate_s, release_s;
	double allocate_cpu_s, release_cpu_s;
	double load_s;		     /* reading all of them back */
	double bytes_each;	     /* on disk, once allocated */
	double memory_each;	     /* of the table by names that the daemon keeps beside the pools, bytes */
	double sync_ms;		     /* one synchronization of the disk with 4 KiB, the median */
	double few, many;	     /* durable allocations a second */
	double same_ms, distinct_ms; /* addresses of STORE_BENCH_PORTS ports, medians */
	double many_wait_ms;	     /* the longest that one of `many` waited */
};

/* Measures in a file of its own in `directory`. 0 or a negative errno. */
int pool_bench_stored(const char *directory, uint64_t interfaces, struct pool_bench_stored *out, struct err *err);

#endif
