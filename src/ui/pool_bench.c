/*
 * Measures pools of numbers.
 *
 * Theory of operation. The clock is read around each single allocation, and once around many. A pool is filled with a shuffled share of its
 * units, so that gaps lie where chance puts them. Others' ways work on the simplest table there is, a byte a unit, which is kinder to
 * them than what they have (rows of a database): throwing dice until a free unit comes up, looking from the lowest unit on, and
 * listing all units that are free to draw one from the list. Memory is touched before anything is timed.
 */
#include "ui/pool_bench.h"

#include "alloc/pool.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/rand.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { OWN_SAMPLES = 20000, OTHERS_SAMPLES = 101, WARM_UP = 10000 };

/* How many allocations ahead memory is fetched; interfaces that are released at the same moment, as those of a lab are. */
enum { AHEAD = 16, BATCH = 10000 };

/* Where MACs come from: the lower three bytes. */
#define MAC_UNITS (UINT64_C(1) << 24)

static const double fills[POOL_BENCH_FILLS] = {0, 0.95, 0.99, 0.999, 0.9999, 1};

static int64_t clock_ns_of(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int64_t wall_ns(void) { return clock_ns_of(CLOCK_MONOTONIC); }

struct stopwatch {
	int64_t wall, cpu;
};

static struct stopwatch stopwatch_start(void) { return (struct stopwatch){wall_ns(), clock_ns_of(CLOCK_THREAD_CPUTIME_ID)}; }

static void stopwatch_stop(struct stopwatch watch, double *wall_s, double *cpu_s)
{
	*wall_s = (double)(wall_ns() - watch.wall) / 1e9;
	*cpu_s = (double)(clock_ns_of(CLOCK_THREAD_CPUTIME_ID) - watch.cpu) / 1e9;
}

static double resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[128];
	char *end = line;

	if (file == NULL)
		return 0;
	if (fgets(line, sizeof(line), file) != NULL)
		(void)strtoull(line, &end, 10);
	(void)fclose(file);
	return end == line ? 0 : (double)strtoull(end, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double quantile(double *values, size_t count, double q)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[(size_t)(q * (double)(count - 1))];
}

/* The three pools an interface draws on: MACs scattered by name, addresses and ports one behind the other. */
static uint64_t pool_size(unsigned kind, uint64_t interfaces)
{
	return kind == 0 && interfaces < MAC_UNITS / 2 ? MAC_UNITS : interfaces + 16;
}
static enum pool_strategy pool_way(unsigned kind) { return kind == 0 ? POOL_HASH : POOL_SEQUENTIAL; }

static void numbers_round(uint64_t interfaces, struct pool_bench_bulk *bulk)
{
	struct ledger *ledgers[3];
	double before = resident_bytes();
	struct stopwatch watch = stopwatch_start();
	uint64_t unit;
	uint32_t forgotten;

	for (unsigned k = 0; k < 3; k++)
		ledgers[k] = ledger_new(&(struct ledger_config){pool_size(k, interfaces), pool_way(k), 1, span_s(300), true, 0});
	for (unsigned k = 0; k < 3; k++)
		ledger_expect(ledgers[k], (uint32_t)interfaces, interfaces);
	for (uint32_t i = 1; i <= interfaces; i++) {
		ledger_prefetch(ledgers[0], i + AHEAD, hash_u64(i + AHEAD));
		for (unsigned k = 0; k < 3; k++)
			CHECK(ledger_allocate(ledgers[k], i, hash_u64(i), (struct instant){1}, &unit, &forgotten) == 0);
	}
	stopwatch_stop(watch, &bulk->allocate_s, &bulk->allocate_cpu_s);
	bulk->bytes = (resident_bytes() - before) / (double)interfaces;
	watch = stopwatch_start();
	for (uint32_t i = 1; i <= interfaces; i++)
		for (unsigned k = 0; k < 3; k++)
			CHECK(ledger_release(ledgers[k], i, (struct instant){1 + i / BATCH}));
	stopwatch_stop(watch, &bulk->release_s, &bulk->release_cpu_s);
	for (unsigned k = 0; k < 3; k++)
		ledger_free(ledgers[k]);
}

static void names_round(uint64_t interfaces, struct pool_bench_bulk *bulk)
{
	static const char *const names[3] = {"macs", "addresses", "ports"};
	struct pool *pools[3];
	double before = resident_bytes();
	struct stopwatch watch = stopwatch_start();
	char owner[64];
	uint64_t unit;

	for (unsigned k = 0; k < 3; k++)
		pools[k] = pool_new(&(struct pool_config){names[k], pool_size(k, interfaces), pool_way(k), 1, span_s(300), true, 0});
	for (uint64_t i = 0; i < interfaces; i++) {
		(void)snprintf(owner, sizeof(owner), "demo/vm%" PRIu64 ":eth0", i);
		for (unsigned k = 0; k < 3; k++)
			CHECK(pool_allocate(pools[k], owner, (struct instant){1}, &unit, NULL) == 0);
	}
	stopwatch_stop(watch, &bulk->allocate_s, &bulk->allocate_cpu_s);
	bulk->bytes = (resident_bytes() - before) / (double)interfaces;
	watch = stopwatch_start();
	for (uint64_t i = 0; i < interfaces; i++) {
		(void)snprintf(owner, sizeof(owner), "demo/vm%" PRIu64 ":eth0", i);
		for (unsigned k = 0; k < 3; k++)
			CHECK(pool_release(pools[k], owner, (struct instant){(int64_t)i + 1}));
	}
	stopwatch_stop(watch, &bulk->release_s, &bulk->release_cpu_s);
	for (unsigned k = 0; k < 3; k++)
		pool_free(pools[k]);
}

/* The median of each figure over the rounds; memory from the first, before the process has any to use again. */
static void rounds(uint64_t interfaces, void (*round)(uint64_t, struct pool_bench_bulk *), struct pool_bench_bulk *bulk)
{
	double figures[4][POOL_BENCH_ROUNDS];
	double bytes = 0;

	for (unsigned i = 0; i < POOL_BENCH_ROUNDS; i++) {
		struct pool_bench_bulk one = {0};

		round(interfaces, &one);
		figures[0][i] = one.allocate_s;
		figures[1][i] = one.release_s;
		figures[2][i] = one.allocate_cpu_s;
		figures[3][i] = one.release_cpu_s;
		if (i == 0)
			bytes = one.bytes;
	}
	bulk->interfaces = interfaces;
	bulk->allocate_s = quantile(figures[0], POOL_BENCH_ROUNDS, 0.5);
	bulk->release_s = quantile(figures[1], POOL_BENCH_ROUNDS, 0.5);
	bulk->allocate_cpu_s = quantile(figures[2], POOL_BENCH_ROUNDS, 0.5);
	bulk->release_cpu_s = quantile(figures[3], POOL_BENCH_ROUNDS, 0.5);
	bulk->bytes = bytes;
}

void pool_bench_numbers(uint64_t interfaces, struct pool_bench_bulk *bulk)
{
	bulk->owners = "numbers";
	rounds(interfaces, numbers_round, bulk);
}

void pool_bench_names(uint64_t interfaces, struct pool_bench_bulk *bulk)
{
	bulk->owners = "names";
	rounds(interfaces, names_round, bulk);
}

/* The units in the order in which pools are filled. */
static uint32_t *shuffled(uint64_t units)
{
	struct rand rand = rand_seeded(11);
	uint32_t *order = xalloc(units * sizeof(*order));

	for (uint64_t i = 0; i < units; i++) {
		uint64_t j = rand_below(&rand, i + 1);

		order[i] = order[j];
		order[j] = (uint32_t)i;
	}
	return order;
}

static void own_way(enum pool_strategy strategy, const uint32_t *order, uint64_t units, struct pool_bench_single *single)
{
	struct ledger *ledger = ledger_new(&(struct ledger_config){units, strategy, 1, {0}, false, 0});
	uint64_t filled = (uint64_t)(single->fill * (double)units), unit;
	double *times = xalloc(OWN_SAMPLES * sizeof(*times));
	uint32_t other;

	for (uint32_t i = 0; i < filled; i++)
		CHECK(ledger_reserve(ledger, i + 1, order[i], &other) == 0);
	for (uint32_t i = 0; i < WARM_UP + OWN_SAMPLES; i++) {
		/* Each time another owner, since one that comes back is given its own without a search. */
		uint32_t owner = (uint32_t)filled + 1 + i;
		uint64_t wish = hash_u64(owner);
		int64_t start = wall_ns();
		int rc = ledger_allocate(ledger, owner, wish, (struct instant){1}, &unit, &other);
		int64_t end = wall_ns();

		CHECK((rc == 0) == (filled < units));
		if (i >= WARM_UP)
			times[i - WARM_UP] = (double)(end - start);
		if (rc == 0)
			CHECK(ledger_release(ledger, owner, (struct instant){1}));
	}
	single->samples = OWN_SAMPLES;
	single->p50_ns = quantile(times, OWN_SAMPLES, 0.5);
	single->p99_ns = quantile(times, OWN_SAMPLES, 0.99);
	free(times);
	ledger_free(ledger);
}

/* A table of others: a byte a unit, not 0: taken. */
struct table {
	uint8_t *taken;
	uint64_t units;
	uint32_t *list; /* room for all units */
	struct rand rand;
};

#define REFUSED UINT64_MAX

static uint64_t by_retry(struct table *table)
{
	uint64_t unit;

	do
		unit = rand_below(&table->rand, table->units);
	while (table->taken[unit]);
	return unit;
}

static uint64_t by_scan(struct table *table)
{
	for (uint64_t unit = 0; unit < table->units; unit++)
		if (!table->taken[unit])
			return unit;
	return REFUSED;
}

static uint64_t by_difference(struct table *table)
{
	uint64_t count = 0;

	for (uint64_t unit = 0; unit < table->units; unit++) {
		table->list[count] = (uint32_t)unit;
		count += !table->taken[unit];
	}
	return count == 0 ? REFUSED : table->list[rand_below(&table->rand, count)];
}

static void others_way(uint64_t (*way)(struct table *), const uint32_t *order, uint64_t units, struct pool_bench_single *single)
{
	struct table table = {xalloc(units), units, xalloc((units + 1) * sizeof(uint32_t)), rand_seeded(5)};
	uint64_t filled = (uint64_t)(single->fill * (double)units), sum = 0;
	double times[OTHERS_SAMPLES];

	for (uint64_t i = 0; i < units; i++)
		table.taken[order[i]] = i < filled;
	for (unsigned i = 0; i < OTHERS_SAMPLES && (way != by_retry || filled < units); i++) {
		int64_t start = wall_ns();
		uint64_t unit = way(&table);

		times[i] = (double)(wall_ns() - start);
		CHECK((unit == REFUSED) == (filled == units));
		sum += unit;
	}
	single->samples = OTHERS_SAMPLES;
	single->p50_ns = sum == 0 && way == by_retry ? -1 : quantile(times, OTHERS_SAMPLES, 0.5);
	single->p99_ns = single->p50_ns < 0 ? -1 : quantile(times, OTHERS_SAMPLES, 0.99);
	free(table.taken);
	free(table.list);
}

static double clock_cost_ns(void)
{
	double times[1001];

	for (unsigned i = 0; i < 1001; i++) {
		int64_t start = wall_ns();

		times[i] = (double)(wall_ns() - start);
	}
	return quantile(times, 1001, 0.5);
}

void pool_bench_singles(uint64_t units, struct pool_bench_single singles[POOL_BENCH_WAYS * POOL_BENCH_FILLS], double *clock_ns)
{
	static const struct {
		const char *name;
		enum pool_strategy strategy;
		uint64_t (*other)(struct table *);
	} ways[POOL_BENCH_WAYS] = {
		{"weft sequential", POOL_SEQUENTIAL, NULL},
		{"weft random", POOL_RANDOM, NULL},
		{"weft hash", POOL_HASH, NULL},
		{"random with retry", 0, by_retry},
		{"scan from the lowest", 0, by_scan},
		{"set difference", 0, by_difference},
	};
	uint32_t *order = shuffled(units);

	*clock_ns = clock_cost_ns();
	for (unsigned w = 0; w < POOL_BENCH_WAYS; w++) {
		for (unsigned f = 0; f < POOL_BENCH_FILLS; f++) {
			struct pool_bench_single *single = &singles[w * POOL_BENCH_FILLS + f];

			*single = (struct pool_bench_single){ways[w].name, fills[f], 0, 0, 0};
			if (ways[w].other != NULL)
				others_way(ways[w].other, order, units, single);
			else
				own_way(ways[w].strategy, order, units, single);
		}
	}
	free(order);
}
