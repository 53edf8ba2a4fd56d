/*
 * Measures longest-prefix match: lpm_bench [-j] [PREFIXES]. Prefixes are random, with lengths as in a full table of the Internet; addresses
 * are random. Beside it, where DPDK's libraries were there at the build, its rte_fib with the same prefixes and addresses.
 */
#include "base/check.h"
#include "base/instant.h"
#include "base/rand.h"
#include "net/lpm.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef WITH_DPDK
#include <rte_eal.h>
#include <rte_fib.h>
#endif

enum { ADDRESSES = 1 << 20, ROUNDS = 5, BULK = 64, NO_ROUTE = 0x7fff };

/* Of a hundred prefixes so many have this length. */
static const struct {
	uint8_t length, share;
} lengths[] = {{24, 60}, {23, 10}, {22, 12}, {21, 5}, {20, 5}, {19, 3}, {18, 1}, {17, 1}, {16, 2}, {14, 1}};

struct route {
	uint32_t address; /* host order */
	uint8_t length;
};

static struct route *routes;
static uint32_t *addresses; /* host order */
static uint32_t route_count;

static double now_s(void) { return (double)clock_monotonic().ns / 1e9; }

static uint8_t random_length(struct rand *rand)
{
	uint64_t n = rand_below(rand, 100);

	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		if (n < lengths[i].share)
			return lengths[i].length;
		n -= lengths[i].share;
	}
	return 24;
}

static void make(uint32_t count)
{
	struct rand rand = rand_seeded(1);

	routes = calloc(count, sizeof(routes[0]));
	addresses = calloc(ADDRESSES, sizeof(addresses[0]));
	CHECK(routes != NULL && addresses != NULL);
	route_count = count;
	for (uint32_t i = 0; i < count; i++) {
		uint8_t length = random_length(&rand);

		routes[i] = (struct route){(uint32_t)rand_u64(&rand) & (UINT32_MAX << (32 - length)), length};
	}
	for (uint32_t i = 0; i < ADDRESSES; i++)
		addresses[i] = (uint32_t)rand_u64(&rand);
}

static struct ip ip_of(uint32_t address)
{
	uint32_t network = htonl(address);

	return ip_from_bytes(IP_V4, (const uint8_t *)&network);
}

static bool json;

static void say(const char *name, double build_s, double best_s, double bytes, uint64_t sum)
{
	if (json) {
		static bool more;

		(void)printf(
			"%s  {\"table\": \"%s\", \"prefixes\": %u, \"lookups_per_s\": %.0f, \"prefixes_per_s\": %.0f, \"bytes\": %.0f}",
			more ? ",\n" : "[\n", name, route_count, ADDRESSES / best_s, route_count / build_s, bytes);
		more = true;
		return;
	}
	(void)printf("%-10s %8.1f M lookups/s %8.2f M prefixes/s built %8.1f MB   (sum %llx)\n", name, ADDRESSES / best_s / 1e6,
		route_count / build_s / 1e6, bytes / 1e6, (unsigned long long)sum);
}

static void measure_own(void)
{
	struct lpm *lpm = lpm_new(IP_V4);
	double start = now_s(), build_s, best = 1e9;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < route_count; i++)
		(void)lpm_set(lpm, (struct prefix){ip_of(routes[i].address), routes[i].length}, i & NO_ROUTE);
	build_s = now_s() - start;
	for (unsigned round = 0; round < ROUNDS; round++) {
		sum = 0;
		start = now_s();
		for (uint32_t i = 0; i < ADDRESSES; i++) {
			uint32_t network = htonl(addresses[i]), value = lpm_lookup(lpm, (const uint8_t *)&network);

			sum += value == LPM_NONE ? NO_ROUTE : value;
		}
		best = now_s() - start < best ? now_s() - start : best;
	}
	say("weft", build_s, best, (double)lpm_bytes(lpm), sum);
	lpm_free(lpm);
}

#ifdef WITH_DPDK
static void measure_fib(const char *program)
{
	const char *arguments[] = {program, "--no-huge", "--no-pci", "--no-telemetry", "-m", "2048", "-l", "0", "--log-level=1", NULL};
	struct rte_fib_conf conf = {.type = RTE_FIB_DIR24_8, .default_nh = NO_ROUTE, .max_routes = (int)route_count + 1};
	double start, build_s, best = 1e9;
	struct rte_fib *fib;
	uint64_t hops[BULK], sum = 0;

	conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
	conf.dir24_8.num_tbl8 = 32767;
	if (rte_eal_init(COUNT_OF(arguments) - 1, (char **)(uintptr_t)arguments) < 0)
		return;
	fib = rte_fib_create("bench", -1, &conf);
	CHECK(fib != NULL);
	start = now_s();
	for (uint32_t i = 0; i < route_count; i++)
		CHECK(rte_fib_add(fib, routes[i].address, routes[i].length, i & NO_ROUTE) == 0);
	build_s = now_s() - start;
	for (unsigned round = 0; round < ROUNDS; round++) {
		sum = 0;
		start = now_s();
		for (uint32_t i = 0; i < ADDRESSES; i += BULK) {
			(void)rte_fib_lookup_bulk(fib, &addresses[i], hops, BULK);
			for (unsigned k = 0; k < BULK; k++)
				sum += hops[k];
		}
		best = now_s() - start < best ? now_s() - start : best;
	}
	say("rte_fib", build_s, best, 2.0 * (1 << 24) + 2.0 * 256 * 32767, sum);
	rte_fib_free(fib);
}
#endif

int main(int argc, char **argv)
{
	unsigned long count = 1000000;
	int c;

	while ((c = getopt(argc, argv, "j")) != -1) {
		json = c == 'j';
		argc = json ? argc : 0;
	}
	if (optind < argc)
		count = strtoul(argv[optind], NULL, 10);
	if (argc == 0 || optind + 1 < argc || count == 0 || count > 4000000) {
		(void)fprintf(stderr, "usage: lpm_bench [-j] [PREFIXES, at most 4000000]\n");
		return 2;
	}
	make((uint32_t)count);
	measure_own();
#ifdef WITH_DPDK
	measure_fib(argv[0]);
#endif
	if (json)
		(void)printf("\n]\n");
	free(routes);
	free(addresses);
	return 0;
}
