/* Tests of holdings: runs of bytes and back, reading back what was written, versions before, and the journal written anew. */
#include "store/holdings.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/rand.h"
#include "store/holding_run.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct store *open_memory(void)
{
	struct store *store = NULL;

	assert_int_equal(store_open("memory", "", &store, NULL), 0);
	return store;
}

static void write_and_free(struct store *store, struct store_batch *batch)
{
	assert_int_equal(store_write(store, batch, NULL), 0);
	store_batch_free(batch);
}

static struct holdings *load(struct store *store)
{
	struct holdings *holdings = holdings_new();

	assert_int_equal(holdings_load(holdings, store, NULL), 0);
	return holdings;
}

static size_t count_of(const struct holdings *holdings, const char *pool)
{
	size_t cursor = 0, count = 0;

	while (holdings_next(holdings, pool, &cursor) != NULL)
		count++;
	return count;
}

/* All that `a` has is in `b` with the same values. */
static void assert_within(const struct holdings *a, const struct holdings *b)
{
	size_t cursor = 0;
	const char *pool;

	while ((pool = holdings_next_pool(a, &cursor)) != NULL) {
		const struct holding *holding;
		size_t inner = 0;

		while ((holding = holdings_next(a, pool, &inner)) != NULL) {
			const struct holding *other = holdings_find(b, pool, holding->owner);

			assert_non_null(other);
			assert_true(other->value == holding->value && other->why == holding->why);
			assert_true(other->since_wall_ns == holding->since_wall_ns);
			assert_true(other->released_wall_ns == holding->released_wall_ns);
		}
	}
}

/* What is in the store says the same as what is in memory. */
static void assert_stored(const struct holdings *holdings, struct store *store)
{
	struct holdings *stored = load(store);

	assert_within(holdings, stored);
	assert_within(stored, holdings);
	holdings_free(stored);
}

struct heard {
	struct text text;
	unsigned count;
};

static int hear(void *context, enum holding_record what, const struct holding *holding)
{
	struct heard *heard = context;

	text_add(&heard->text, "%d %s %s %" PRIu64 " %" PRId64 " %" PRId64 " %d;", (int)what, holding->pool, holding->owner, holding->value,
		holding->since_wall_ns, holding->released_wall_ns, (int)holding->why);
	heard->count++;
	return 0;
}

static void runs_test(void **state)
{
	static struct holding_run run;
	struct holding one = {"p", "demo/vm1:eth0", 7, 0, 1000, HOLDING_WRITTEN};
	struct holding two = {"q", "demo/vm1:eth1", UINT64_MAX, 5, INT64_MIN, HOLDING_CHOSEN};
	uint32_t p = holding_run_pool(&run), q = holding_run_pool(&run);
	struct heard heard = {0};
	uint8_t twice[512];

	holding_run_put(&run, p, HOLDING_HELD, &one);
	holding_run_put(&run, q, HOLDING_RESTING, &two);
	holding_run_put(&run, p, HOLDING_DROPPED, &one);
	holding_run_put(&run, p, HOLDING_CURSOR, &(struct holding){.pool = "p", .value = 3});
	assert_int_equal(holding_run_read(run.bytes, run.used, hear, &heard), 0);
	assert_string_equal(text_get(&heard.text),
		"0 p demo/vm1:eth0 7 1000 0 1;1 q demo/vm1:eth1 18446744073709551615 -9223372036854775808 5 0;"
		"2 p demo/vm1:eth0 7 -9223372036854775808 0 1;3 p demo/vm1:eth0 3 -9223372036854775808 0 0;");
	/* One behind the other; and no run that is cut short is taken for a whole one, except between records. */
	assert_true(run.used * 2 < sizeof(twice));
	memcpy(twice, run.bytes, run.used);
	memcpy(twice + run.used, run.bytes, run.used);
	heard.count = 0;
	assert_int_equal(holding_run_read(twice, run.used * 2, hear, &heard), 0);
	assert_int_equal(heard.count, 8);
	assert_int_equal(holding_run_read(twice + 1, run.used, hear, &heard), -EPROTO);
	for (size_t size = 0, last = 0; size <= run.used; size++) {
		heard.count = 0;
		if (holding_run_read(twice, size, hear, &heard) == 0)
			assert_int_equal(heard.count, size > 1 ? last + 1 : 0);
		last = heard.count;
	}
	text_free(&heard.text);
	holding_run_free(&run);
}

static void change_at_random(struct holdings *holdings, struct rand *rand, int64_t now, struct store_batch *batch)
{
	char pools[8][16], owners[8][24];
	struct holding list[8] = {0};
	uint64_t op = rand_below(rand, 20), count = rand_below(rand, 8) + 1;

	for (uint64_t i = 0; i < count; i++) {
		(void)snprintf(pools[i], sizeof(pools[i]), "l%" PRIu64 "/network/n", rand_below(rand, 4));
		(void)snprintf(owners[i], sizeof(owners[i]), "l%" PRIu64 "/vm%" PRIu64, rand_below(rand, 4), rand_below(rand, 500));
		list[i] = (struct holding){
			pools[i], owners[i], rand_below(rand, UINT64_C(1) << 40), 0, now, (enum holding_why)rand_below(rand, 3)};
	}
	if (op < 12)
		holdings_add(holdings, list, count, batch);
	else if (op < 16)
		holdings_release(holdings, list, count, now, batch);
	else if (op < 18)
		(void)holdings_forget(holdings, pools[0], owners[0], batch);
	else if (op == 18)
		holdings_set_cursor(holdings, pools[0], list[0].value, batch);
	else if (rand_below(rand, 40) == 0)
		holdings_drop(holdings, "l1", batch);
	else if (rand_below(rand, 10) == 0)
		holdings_replace(holdings, "l2", list, 0, now, batch);
}

static void random_test(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct store *store = open_memory();
	struct holdings *holdings = load(store);

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 5000; round++) {
		struct store_batch *batch = store_batch_new();

		for (uint64_t n = rand_below(&rand, 3) + 1; n > 0; n--)
			change_at_random(holdings, &rand, round + 1, batch);
		write_and_free(store, batch);
		if (round % 500 != 499)
			continue;
		assert_stored(holdings, store);
		holdings_free(holdings);
		holdings = load(store);
	}
	holdings_free(holdings);
	store_close(store);
}

static int add_size(void *context, const uint8_t *bytes, size_t size)
{
	*(size_t *)context += size;
	return 0;
}

/* However much comes and goes, the journal stays as long as what there is. */
static void fold_test(void **state)
{
	struct store *store = open_memory();
	struct holdings *holdings = load(store);
	size_t size = 0, most = 0;

	for (int round = 1; round <= 300; round++) {
		struct store_batch *batch = store_batch_new();
		char owners[200][32];
		struct holding list[200];

		for (int i = 0; i < 200; i++) {
			(void)snprintf(owners[i], sizeof(owners[i]), "lab/round%d-vm%d:eth0", round, i);
			list[i] = (struct holding){"mac/a/24", owners[i], (uint64_t)i << 20, 0, round, HOLDING_CHOSEN};
		}
		holdings_add(holdings, list, COUNT_OF(list), batch);
		holdings_release(holdings, list, COUNT_OF(list), round, batch);
		for (int i = 0; i < 200; i++)
			assert_true(holdings_forget(holdings, "mac/a/24", owners[i], batch));
		write_and_free(store, batch);
		size = 0;
		assert_int_equal(store_runs(store, STORE_JOURNAL_HOLDINGS, add_size, &size, NULL), 0);
		most = size > most ? size : most;
	}
	assert_true(most > 1 << 19 && most < 3 << 19);
	assert_int_equal(count_of(holdings, "mac/a/24"), 0);
	assert_stored(holdings, store);
	holdings_free(holdings);
	store_close(store);
}

/* Rows of the version before are read, and gone with the next change, which keeps what they said. */
static void old_rows_test(void **state)
{
	struct store *store = open_memory();
	struct store_batch *batch = store_batch_new();
	struct text value = {0};
	struct holdings *holdings;

	store_batch_put(batch, STORE_HOLDINGS, "demo/network/lan\tdemo/vm1:eth0", "11 0 77 1");
	store_batch_put(batch, STORE_HOLDINGS, "demo/network/lan\tdemo/vm2:eth0", "12 55");
	store_batch_put(batch, STORE_HOLDINGS, "no tab", "13 0");
	write_and_free(store, batch);
	holdings = load(store);
	assert_int_equal(count_of(holdings, "demo/network/lan"), 2);
	batch = store_batch_new();
	holdings_set_cursor(holdings, "demo/network/lan", 9, batch);
	write_and_free(store, batch);
	assert_int_equal(store_get(store, STORE_HOLDINGS, "demo/network/lan\tdemo/vm1:eth0", &value, NULL), -ENOENT);
	assert_stored(holdings, store);
	holdings_free(holdings);
	holdings = load(store);
	assert_int_equal(holdings_find(holdings, "demo/network/lan", "demo/vm1:eth0")->since_wall_ns, 77);
	assert_int_equal(holdings_find(holdings, "demo/network/lan", "demo/vm2:eth0")->released_wall_ns, 55);
	holdings_free(holdings);
	store_close(store);
}

static void cursor_test(void **state)
{
	struct store *store = open_memory();
	struct holdings *holdings = load(store);
	struct store_batch *batch = store_batch_new();
	uint64_t cursor;

	assert_false(holdings_cursor(holdings, "demo/network/lan", &cursor));
	holdings_set_cursor(holdings, "demo/network/lan", 42, batch);
	write_and_free(store, batch);
	holdings_free(holdings);
	holdings = load(store);
	assert_true(holdings_cursor(holdings, "demo/network/lan", &cursor));
	assert_int_equal(cursor, 42);
	/* It goes with its lab. */
	batch = store_batch_new();
	holdings_drop(holdings, "demo", batch);
	write_and_free(store, batch);
	assert_false(holdings_cursor(holdings, "demo/network/lan", &cursor));
	holdings_free(holdings);
	holdings = load(store);
	assert_false(holdings_cursor(holdings, "demo/network/lan", &cursor));
	holdings_free(holdings);
	store_close(store);
}

/* The disk was full: what was said then is there after the next batch, though it says nothing new. */
static void not_written_test(void **state)
{
	const struct holding lost[] = {{.pool = "demo/pool/lans", .owner = "demo/r1:lan", .value = 7},
		{.pool = "demo/pool/lans", .owner = "demo/r2:lan", .value = 8}};
	struct store *store = open_memory();
	struct store_batch *batch = store_batch_new();
	struct holdings *holdings = holdings_new();

	holdings_add(holdings, &lost[0], 1, batch);
	write_and_free(store, batch);
	batch = store_batch_new();
	holdings_add(holdings, &lost[1], 1, batch);
	store_batch_free(batch);
	holdings_not_written(holdings);
	batch = store_batch_new();
	holdings_add(holdings, &lost[1], 1, batch);
	write_and_free(store, batch);
	holdings_free(holdings);
	holdings = load(store);
	assert_int_equal(count_of(holdings, "demo/pool/lans"), 2);
	assert_int_equal(holdings_find(holdings, "demo/pool/lans", "demo/r2:lan")->value, 8);
	holdings_free(holdings);
	store_close(store);
}

static void damage_test(void **state)
{
	struct store *store = open_memory();
	struct store_batch *batch = store_batch_new();
	struct holdings *holdings = holdings_new();
	struct err err;

	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, "what is this", 12);
	write_and_free(store, batch);
	assert_int_equal(holdings_load(holdings, store, &err), -EPROTO);
	assert_non_null(strstr(err.text, "damaged"));
	holdings_free(holdings);
	store_close(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_test),
		cmocka_unit_test(random_test),
		cmocka_unit_test(fold_test),
		cmocka_unit_test(old_rows_test),
		cmocka_unit_test(cursor_test),
		cmocka_unit_test(not_written_test),
		cmocka_unit_test(damage_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
