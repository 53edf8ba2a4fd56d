/*
 * Measures durable allocations.
 *
 * Theory of operation. What is measured is what the daemon does: ledgers choose the numbers, holdings (store/holdings.h) keep who has them
 * by name, and put what changed into a batch of the store, which is synchronized with the disk. The names of the interfaces are there
 * before the clock starts, as they are when a lab's file was read. Single allocations are written together with those that wait at the same
 * moment.
 */
#include "ui/pool_store_bench.h"

#include "alloc/ledger.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/holdings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { POOLS = 3, NAME_ROOM = 40, SYNCS = 21, GROUP_SECONDS = 2, AHEAD = 16, NETWORK_ROUNDS = 5 };

#define MAC_UNITS (UINT64_C(1) << 24)
#define MAC_BASE UINT64_C(0x525400000000)

static const char *const pool_names[POOLS] = {"mac/52:54:00:00:00:00/24", "demo/network/lan", "demo/ports"};

struct bench {
	struct store *store;
	struct holdings *holdings;
	struct ledger *ledgers[POOLS];
	char (*names)[NAME_ROOM]; /* of interface i at i - 1 */
	struct holding *list;	  /* of a batch */
	uint64_t interfaces;
};

static double seconds_of(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double wall_s(void) { return seconds_of(CLOCK_MONOTONIC); }

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;
	char line[128], *end;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL) {
		(void)strtoull(line, &end, 10);
		pages = strtoull(end, NULL, 10);
	}
	(void)fclose(file);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static void ledgers_make(struct bench *bench)
{
	for (unsigned k = 0; k < POOLS; k++) {
		bench->ledgers[k] =
			ledger_new(&(struct ledger_config){k == 0 && bench->interfaces < MAC_UNITS / 2 ? MAC_UNITS : bench->interfaces + 16,
				k == 0 ? POOL_HASH : POOL_SEQUENTIAL, 1, span_s(300), true, 0});
		ledger_expect(bench->ledgers[k], (uint32_t)bench->interfaces, bench->interfaces);
	}
}

static void ledgers_free(struct bench *bench)
{
	for (unsigned k = 0; k < POOLS; k++)
		ledger_free(bench->ledgers[k]);
}

/* Allocates, or releases, interfaces first .. first+count-1 and fills the batch's list. */
static void choose(struct bench *bench, uint32_t first, uint32_t count, bool release, int64_t now)
{
	struct holding *holding = bench->list;

	for (uint32_t i = first; i < first + count; i++) {
		ledger_prefetch(bench->ledgers[0], i + AHEAD, hash_u64(i + AHEAD));
		for (unsigned k = 0; k < POOLS; k++) {
			uint64_t unit = 0;
			uint32_t forgotten;

			if (release)
				CHECK(ledger_release(bench->ledgers[k], i, (struct instant){now}));
			else
				CHECK(ledger_allocate(bench->ledgers[k], i, hash_u64(i), (struct instant){now}, &unit, &forgotten) == 0);
			*holding++ = (struct holding){
				pool_names[k], bench->names[i - 1], (k == 0 ? MAC_BASE : 0) + unit, 0, now, HOLDING_CHOSEN};
		}
	}
}

static int bulk(struct bench *bench, bool release, double *wall, double *cpu, struct err *err)
{
	double wall_start = wall_s(), cpu_start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
	int rc = 0;

	for (uint64_t done = 0; done < bench->interfaces && rc == 0; done += STORE_BENCH_BATCH) {
		uint64_t left = bench->interfaces - done;
		uint32_t count = (uint32_t)(left < STORE_BENCH_BATCH ? left : STORE_BENCH_BATCH);
		struct store_batch *batch = store_batch_new();
		int64_t now = clock_wall_ns();

		choose(bench, (uint32_t)done + 1, count, release, now);
		if (release)
			holdings_release(bench->holdings, bench->list, (size_t)count * POOLS, now, batch);
		else
			holdings_add(bench->holdings, bench->list, (size_t)count * POOLS, batch);
		rc = store_write(bench->store, batch, err);
		store_batch_free(batch);
	}
	*wall = wall_s() - wall_start;
	*cpu = seconds_of(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
	return rc;
}

static int reload(struct bench *bench, double *seconds, struct err *err)
{
	struct holdings *holdings = holdings_new();
	double start = wall_s();
	int rc = holdings_load(holdings, bench->store, err);

	*seconds = wall_s() - start;
	holdings_free(holdings);
	return rc;
}

/* What the callers who wait have seen. */
struct group {
	unsigned durable;
	int rc;
};

static void group_done(void *context, int rc, const struct err *err)
{
	struct group *group = context;

	group->durable += rc == 0;
	group->rc = group->rc < 0 ? group->rc : rc;
}

/* Durable allocations a second when each caller has `each` of them on their way and waits for all before it asks for more. */
static int grouped(struct bench *bench, unsigned each, double *per_second, double *longest_ms, struct err *err)
{
	struct group group = {0, 0};
	double start = wall_s(), round = start, now = start;
	uint32_t next = 1;
	int rc = 0;

	*longest_ms = 0;
	while (now - start < GROUP_SECONDS && group.rc == 0 && rc == 0 && next + STORE_BENCH_CALLERS * each < bench->interfaces) {
		for (unsigned n = 0; n < STORE_BENCH_CALLERS * each && rc == 0; n++, next++) {
			struct store_batch *batch = store_batch_new();
			struct holding holding = {pool_names[1], bench->names[next - 1], 0, 0, clock_wall_ns(), HOLDING_CHOSEN};
			uint32_t forgotten;

			CHECK(ledger_allocate(bench->ledgers[1], next, 0, (struct instant){1}, &holding.value, &forgotten) == 0);
			holdings_add(bench->holdings, &holding, 1, batch);
			rc = store_write_later(bench->store, batch, group_done, &group, err);
		}
		store_flush(bench->store);
		now = wall_s();
		*longest_ms = (now - round) * 1e3 > *longest_ms ? (now - round) * 1e3 : *longest_ms;
		round = now;
	}
	*per_second = group.durable / (now - start);
	return rc < 0 ? rc : group.rc;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

/* What the disk takes for one synchronization, with nobody's help. */
static double sync_ms(const char *path)
{
	double times[SYNCS];
	char block[4096] = {0};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return 0;
	for (unsigned i = 0; i < SYNCS; i++) {
		double start = wall_s();

		if (pwrite(fd, block, sizeof(block), 0) != sizeof(block) || fdatasync(fd) < 0)
			break;
		times[i] = (wall_s() - start) * 1e3;
	}
	(void)close(fd);
	(void)unlink(path);
	return median(times, SYNCS);
}

/* Gives the ports of all networks an address each, durably, and takes them away again, which isn't timed. */
static int networks_round(struct bench *bench, bool same, double *ms, struct err *err)
{
	static char pools[STORE_BENCH_NETWORKS][NAME_ROOM], owners[STORE_BENCH_PORTS][NAME_ROOM];
	struct store_batch *batch = store_batch_new();
	double start;
	int rc;

	for (unsigned n = 0; n < STORE_BENCH_NETWORKS; n++)
		(void)snprintf(pools[n], NAME_ROOM, "nets/network/n%u", n);
	for (unsigned p = 0; p < STORE_BENCH_PORTS; p++)
		(void)snprintf(owners[p], NAME_ROOM, "nets/port%u", p);
	start = wall_s();
	for (unsigned n = 0; n < STORE_BENCH_NETWORKS; n++) {
		struct ledger *ledger = ledger_new(&(struct ledger_config){65536, POOL_SEQUENTIAL, 1, span_s(300), true, 0});
		struct holding *holding = bench->list;
		uint64_t base = UINT64_C(0x0a000000) + (same ? 0 : (uint64_t)n << 16);
		uint32_t count = STORE_BENCH_PORTS / STORE_BENCH_NETWORKS, forgotten;

		for (uint32_t i = 0; i < count; i++, holding++) {
			*holding = (struct holding){pools[n], owners[n * count + i], 0, 0, 1, HOLDING_CHOSEN};
			CHECK(ledger_allocate(ledger, i + 1, 0, (struct instant){1}, &holding->value, &forgotten) == 0);
			holding->value += base;
		}
		holdings_add(bench->holdings, bench->list, count, batch);
		ledger_free(ledger);
	}
	rc = store_write(bench->store, batch, err);
	*ms = (wall_s() - start) * 1e3;
	store_batch_free(batch);
	batch = store_batch_new();
	holdings_drop(bench->holdings, "nets", batch);
	if (rc == 0)
		rc = store_write(bench->store, batch, err);
	store_batch_free(batch);
	return rc;
}

/* The two in turns. */
static int networks(struct bench *bench, struct pool_bench_stored *out, struct err *err)
{
	double times[2][NETWORK_ROUNDS];
	int rc = 0;

	for (unsigned i = 0; i < 2 * NETWORK_ROUNDS && rc == 0; i++)
		rc = networks_round(bench, i % 2 == 0, &times[i % 2][i / 2], err);
	if (rc < 0)
		return rc;
	out->same_ms = median(times[0], NETWORK_ROUNDS);
	out->distinct_ms = median(times[1], NETWORK_ROUNDS);
	return 0;
}

static int add_size(void *context, const uint8_t *bytes, size_t size)
{
	*(double *)context += (double)size;
	return 0;
}

/* All of it with a store that is open. */
static int measure(struct bench *bench, struct pool_bench_stored *out, struct err *err)
{
	double before = resident_bytes(), longest;
	int rc = bulk(bench, false, &out->allocate_s, &out->allocate_cpu_s, err);

	/* Ledgers are part of the memory here; what they cost by themselves is measured elsewhere. */
	out->memory_each = (resident_bytes() - before) / (double)bench->interfaces;
	if (rc == 0)
		rc = store_runs(bench->store, STORE_JOURNAL_HOLDINGS, add_size, &out->bytes_each, err);
	out->bytes_each /= (double)bench->interfaces;
	if (rc == 0)
		rc = reload(bench, &out->load_s, err);
	if (rc == 0)
		rc = bulk(bench, true, &out->release_s, &out->release_cpu_s, err);
	for (unsigned i = 0; i < 2 && rc == 0; i++) {
		ledgers_free(bench);
		ledgers_make(bench);
		rc = grouped(bench, i == 0 ? STORE_BENCH_FEW : STORE_BENCH_MANY, i == 0 ? &out->few : &out->many,
			i == 0 ? &longest : &out->many_wait_ms, err);
	}
	return rc;
}

int pool_bench_stored(const char *directory, uint64_t interfaces, struct pool_bench_stored *out, struct err *err)
{
	static const char *const ends[] = {"", "-wal", "-shm", "-sync"};
	struct bench bench = {.interfaces = interfaces};
	char path[4096], file[sizeof(path) + 8];
	int rc;

	*out = (struct pool_bench_stored){.interfaces = interfaces};
	if (snprintf(path, sizeof(path), "%s/weft-bench-%d.db", directory, (int)getpid()) >= (int)sizeof(path))
		return err_set(err, -ENAMETOOLONG, "%s is too long for a directory", directory);
	rc = store_open("sqlite", path, &bench.store, err);
	if (rc < 0)
		return rc;
	(void)snprintf(file, sizeof(file), "%s-sync", path);
	out->sync_ms = sync_ms(file);
	bench.holdings = holdings_new();
	bench.names = table_alloc(interfaces * sizeof(*bench.names));
	bench.list = table_alloc((size_t)STORE_BENCH_BATCH * POOLS * sizeof(*bench.list));
	for (uint64_t i = 0; i < interfaces; i++)
		(void)snprintf(bench.names[i], sizeof(bench.names[i]), "demo/vm%" PRIu64 ":eth0", i + 1);
	memset(bench.list, 1, (size_t)STORE_BENCH_BATCH * POOLS * sizeof(*bench.list));
	ledgers_make(&bench);
	rc = networks(&bench, out, err);
	if (rc == 0)
		rc = measure(&bench, out, err);
	ledgers_free(&bench);
	holdings_free(bench.holdings);
	store_close(bench.store);
	table_free(bench.names, interfaces * sizeof(*bench.names));
	table_free(bench.list, (size_t)STORE_BENCH_BATCH * POOLS * sizeof(*bench.list));
	for (unsigned i = 0; i < COUNT_OF(ends); i++) {
		(void)snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		(void)unlink(file);
	}
	return rc;
}
