/* Tests of ledgers: random operations against plain arrays, tables that grow, a ring that is remade. */
#include "alloc/ledger.h"
#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { OWNERS = 200 };
enum state { NONE, HELD, RESTS, REMEMBERED };

/* The simple model: what each owner has, found by walking over all. */
struct model {
	enum state state[OWNERS + 1];
	uint64_t unit[OWNERS + 1];
	int64_t since[OWNERS + 1];
	int64_t quarantine;
	uint64_t size;
};

static uint32_t model_at(const struct model *m, uint64_t unit)
{
	for (uint32_t o = 1; o <= OWNERS; o++)
		if (m->state[o] != NONE && m->unit[o] == unit)
			return o;
	return 0;
}

static void model_expire(struct model *m, struct instant now)
{
	for (uint32_t o = 1; o <= OWNERS; o++)
		if (m->state[o] == RESTS && now.ns - m->since[o] >= m->quarantine)
			m->state[o] = REMEMBERED;
}

static uint64_t model_count(const struct model *m, enum state state)
{
	uint64_t n = 0;

	for (uint32_t o = 1; o <= OWNERS; o++)
		n += m->state[o] == state;
	return n;
}

static void allocate(struct model *m, struct ledger *ledger, uint32_t owner, uint64_t wish, struct instant now)
{
	uint32_t forgotten, there;
	uint64_t unit;
	int rc = ledger_allocate(ledger, owner, wish, now, &unit, &forgotten);

	model_expire(m, now);
	if (m->state[owner] != NONE) {
		assert_int_equal(rc, 0);
		assert_int_equal(unit, m->unit[owner]);
		assert_int_equal(forgotten, 0);
	} else if (model_count(m, HELD) + model_count(m, RESTS) == m->size) {
		assert_int_equal(rc, -ENOSPC);
		return;
	} else {
		assert_int_equal(rc, 0);
		there = model_at(m, unit);
		assert_int_equal(forgotten, there);
		assert_true(there == 0 || m->state[there] == REMEMBERED);
		m->state[there] = NONE;
		m->unit[owner] = unit;
	}
	m->state[owner] = HELD;
}

static void reserve(struct model *m, struct ledger *ledger, uint32_t owner, uint64_t unit)
{
	uint32_t there = model_at(m, unit), other;
	int rc = ledger_reserve(ledger, owner, unit, &other);

	if (unit >= m->size) {
		assert_int_equal(rc, -ERANGE);
	} else if (there != owner && there != 0 && m->state[there] == HELD) {
		assert_int_equal(rc, -EEXIST);
		assert_int_equal(other, there);
	} else if (there != owner && m->state[owner] == HELD) {
		assert_int_equal(rc, -EEXIST);
		assert_int_equal(other, owner);
	} else {
		assert_int_equal(rc, 0);
		assert_int_equal(other, there == owner ? 0 : there);
		if (there != owner)
			m->state[there] = NONE;
		m->state[owner] = HELD;
		m->unit[owner] = unit;
	}
}

static void check(const struct model *m, const struct ledger *ledger)
{
	struct pool_counts counts = ledger_counts(ledger);
	uint64_t unit;

	assert_int_equal(counts.held, model_count(m, HELD));
	assert_int_equal(counts.quarantined, model_count(m, RESTS));
	assert_int_equal(counts.free, m->size - counts.held - counts.quarantined);
	for (uint32_t o = 1; o <= OWNERS; o++) {
		assert_int_equal(ledger_find(ledger, o, &unit), m->state[o] == HELD);
		if (m->state[o] == NONE)
			continue;
		assert_int_equal(ledger_holder(ledger, m->unit[o]), m->state[o] == HELD ? o : 0);
		if (m->state[o] == HELD)
			assert_int_equal(unit, m->unit[o]);
	}
}

/* One random operation on both, which must agree. */
static void random_step(struct model *m, struct ledger *ledger, struct rand *rand, uint32_t owners, struct instant now)
{
	uint32_t owner = 1 + (uint32_t)rand_below(rand, owners);
	uint64_t draw = rand_below(rand, 8);

	if (draw < 4) {
		/* Wishes and reservations that stride and meet; what is fetched or expected changes nothing that can be seen. */
		ledger_prefetch(ledger, owner, rand_u64(rand));
		if (rand_below(rand, 32) == 0)
			ledger_expect(ledger, owner, rand_below(rand, 2 * m->size < 5000 ? 2 * m->size : 5000));
		allocate(m, ledger, owner, rand_below(rand, 64) << 20, now);
	} else if (draw < 7) {
		assert_int_equal(ledger_release(ledger, owner, now), m->state[owner] == HELD);
		model_expire(m, now);
		if (m->state[owner] == HELD) {
			m->state[owner] = m->quarantine ? RESTS : REMEMBERED;
			m->since[owner] = now.ns;
		}
	} else {
		reserve(m, ledger, owner, rand_below(rand, m->size < 300 ? m->size + 2 : 300));
	}
}

/* Sizes: a slot a unit, a table that becomes one, and a sparse table. */
static void random_operations_agree_with_model(void **state)
{
	static const uint64_t sizes[] = {7, 150, 260, 5000, UINT64_C(1) << 31};

	(void)state;
	for (int round = 0; round < 3 * 5; round++) {
		struct rand rand = rand_seeded((uint64_t)round);
		struct model m = {.quarantine = round % 2 ? 50 : 0, .size = sizes[round % 5]};
		struct ledger *ledger =
			ledger_new(&(struct ledger_config){m.size, (enum pool_strategy)(round / 5), 3, {m.quarantine}, false, 0});
		struct instant now = {1};

		for (int step = 0; step < 4000; step++) {
			now.ns += (int64_t)rand_below(&rand, 3);
			random_step(&m, ledger, &rand, step < 2000 ? OWNERS : 5, now);
			if (step % 16 == 0)
				check(&m, ledger);
		}
		ledger_free(ledger);
	}
}

/* One that comes and goes while another rests leaves gaps in the ring, which must not make it grow. */
static void ring_is_remade(void **state)
{
	struct ledger *ledger = ledger_new(&(struct ledger_config){10, POOL_SEQUENTIAL, 0, span_s(300), false, 0});
	struct instant now = {1};
	uint32_t forgotten;
	uint64_t first, unit;

	(void)state;
	assert_int_equal(ledger_allocate(ledger, 2, 0, now, &first, &forgotten), 0);
	assert_true(ledger_release(ledger, 2, now));
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(ledger_allocate(ledger, 1, 0, now, &unit, &forgotten), 0);
		assert_true(ledger_release(ledger, 1, now));
	}
	assert_int_equal(ledger_counts(ledger).quarantined, 2);
	assert_int_equal(ledger_allocate(ledger, 2, 0, now, &unit, &forgotten), 0);
	assert_int_equal(unit, first);
	ledger_free(ledger);
}

/* A dynamic ledger chooses from its first block until that is full, then from two, and gives the second back. */
static void dynamic_grows_by_blocks(void **state)
{
	static const enum pool_strategy strategies[] = {POOL_SEQUENTIAL, POOL_RANDOM, POOL_HASH};

	(void)state;
	for (unsigned s = 0; s < 3; s++) {
		struct ledger *ledger = ledger_new(&(struct ledger_config){.size = 100, .strategy = strategies[s], .seed = 7, .block = 16});
		uint32_t other, forgotten;
		uint64_t unit;

		assert_int_equal(ledger_reserve(ledger, 200, 20, &other), 0);
		for (uint32_t o = 1; o <= 99; o++) {
			assert_int_equal(ledger_allocate(ledger, o, o * 37, (struct instant){1}, &unit, &forgotten), 0);
			/* 16, then 15 more since one there is held, then 16 more. */
			assert_true(unit < (o <= 16 ? 16 : o <= 31 ? 32 : 100));
			assert_int_equal(ledger_counts(ledger).extent, o <= 16	    ? 16
								       : o <= 31    ? 32
								       : o + 1 > 96 ? 100
										    : (o + 1 + 15) / 16 * 16);
		}
		assert_int_equal(ledger_allocate(ledger, 100, 0, (struct instant){1}, &unit, &forgotten), -ENOSPC);
		assert_int_equal(ledger_shrink(ledger), 0);
		for (uint32_t o = 1; o <= 99; o++)
			assert_true(ledger_release(ledger, o, (struct instant){2}));
		assert_int_equal(ledger_shrink(ledger), 68);
		assert_int_equal(ledger_counts(ledger).extent, 32);
		assert_true(ledger_release(ledger, 200, (struct instant){2}));
		assert_int_equal(ledger_shrink(ledger), 16);
		ledger_free(ledger);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_agree_with_model),
		cmocka_unit_test(ring_is_remade),
		cmocka_unit_test(dynamic_grows_by_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
