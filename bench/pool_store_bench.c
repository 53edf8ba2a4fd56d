/*
 * Measures allocations that are on disk before anyone can use them: pool_store_bench DIRECTORY [INTERFACES].
 *
 * Interfaces get a MAC, an address and a port each from ledgers, and a row of the store for each of the three, as the daemon writes them,
 * in batches; then they are released the same way. After that, allocations as 64 callers would ask for them at the same moment: one row
 * each, one batch for all 64. Every batch is synchronized with the disk.
 */
#include "alloc/ledger.h"
#include "base/check.h"
#include "base/hash.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH_INTERFACES = 10000, CALLERS = 64, GROUPS = 200 };

static const char *const pools[3] = {"mac/52:54:00:00:00:00/24", "demo/network/lan", "demo/ports"};

static double seconds_since(struct instant start) { return (double)instant_diff(clock_monotonic(), start).ns / 1e9; }

static void key_of(char key[128], unsigned pool, uint32_t interface)
{
	(void)snprintf(key, 128, "%s\tdemo/vm%" PRIu32 ":eth0", pools[pool], interface);
}

static void write_batch(struct store *store, struct store_batch *batch)
{
	struct err err = {0};

	if (store_write(store, batch, &err) < 0) {
		(void)fprintf(stderr, "pool_store_bench: %s\n", err.text);
		exit(1);
	}
	store_batch_free(batch);
}

/* Allocates or releases one interface and puts its rows into the batch. */
static void change(struct ledger *ledgers[3], struct store_batch *batch, uint32_t interface, bool release)
{
	for (unsigned k = 0; k < 3; k++) {
		char key[128], value[64];
		uint32_t forgotten;
		uint64_t unit;

		key_of(key, k, interface);
		if (release) {
			CHECK(ledger_release(ledgers[k], interface, (struct instant){1}));
			store_batch_del(batch, STORE_HOLDINGS, key);
			continue;
		}
		CHECK(ledger_allocate(ledgers[k], interface, hash_u64(interface), (struct instant){1}, &unit, &forgotten) == 0);
		(void)snprintf(value, sizeof(value), "%" PRIu64 " 0", unit);
		store_batch_put(batch, STORE_HOLDINGS, key, value);
	}
}

static double all(struct store *store, struct ledger *ledgers[3], uint32_t interfaces, bool release)
{
	struct instant start = clock_monotonic();

	for (uint32_t i = 1; i <= interfaces;) {
		struct store_batch *batch = store_batch_new();

		for (unsigned n = 0; n < BATCH_INTERFACES && i <= interfaces; n++, i++)
			change(ledgers, batch, i, release);
		write_batch(store, batch);
	}
	return seconds_since(start);
}

/* Allocations a second when each is waited for, 64 at a time. */
static double grouped(struct store *store)
{
	struct ledger *ledger = ledger_new(&(struct ledger_config){UINT64_C(1) << 20, POOL_SEQUENTIAL, 1, span_s(300), true, 0});
	struct instant start = clock_monotonic();
	double seconds;

	for (uint32_t i = 1; i <= GROUPS * CALLERS;) {
		struct store_batch *batch = store_batch_new();

		for (unsigned n = 0; n < CALLERS; n++, i++) {
			char key[128];
			uint32_t forgotten;
			uint64_t unit;

			CHECK(ledger_allocate(ledger, i, 0, (struct instant){1}, &unit, &forgotten) == 0);
			key_of(key, 1, i);
			store_batch_put(batch, STORE_HOLDINGS, key, "1 0");
		}
		write_batch(store, batch);
	}
	seconds = seconds_since(start);
	ledger_free(ledger);
	return GROUPS * CALLERS / seconds;
}

int main(int argc, char **argv)
{
	unsigned long interfaces = argc > 2 ? strtoul(argv[2], NULL, 10) : 100000;
	struct ledger *ledgers[3];
	struct store *store;
	struct err err = {0};
	char path[512];
	double allocated, released;

	if (argc < 2 || interfaces == 0 || interfaces > 4000000) {
		(void)fprintf(stderr, "usage: pool_store_bench DIRECTORY [INTERFACES, at most 4000000]\n");
		return 2;
	}
	(void)snprintf(path, sizeof(path), "%s/pool-bench-%d.db", argv[1], (int)getpid());
	if (store_open("sqlite", path, &store, &err) < 0) {
		(void)fprintf(stderr, "pool_store_bench: %s\n", err.text);
		return 1;
	}
	for (unsigned k = 0; k < 3; k++)
		ledgers[k] = ledger_new(&(struct ledger_config){
			k == 0 ? UINT64_C(1) << 24 : interfaces + 16, k == 0 ? POOL_HASH : POOL_SEQUENTIAL, 1, span_s(300), true, 0});
	allocated = all(store, ledgers, (uint32_t)interfaces, false);
	released = all(store, ledgers, (uint32_t)interfaces, true);
	(void)printf(
		"%lu interfaces with their three rows on disk: allocated in %.2f s, released in %.2f s\n", interfaces, allocated, released);
	(void)printf("64 callers at a time: %.0f durable allocations a second\n", grouped(store));
	for (unsigned k = 0; k < 3; k++)
		ledger_free(ledgers[k]);
	store_close(store);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const ends[] = {"", "-wal", "-shm"};
		char file[sizeof(path) + 8];

		(void)snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		(void)unlink(file);
	}
	return 0;
}
