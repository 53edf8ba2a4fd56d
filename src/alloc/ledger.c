/* A ledger of units and their owners, both numbers. Long because the tables by owner and by unit and the ring of the quarantine change
 * together in every operation. */
#include "alloc/ledger.h"

#include "alloc/unit_set.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Slots of a sparse table, ring entries and runs to begin with, powers of two. */
#define FEW_BITS 10
#define RING_FEW 16
#define RUNS_FEW 4

/* A ledger of up to so many units has a slot for each from the beginning: memory that is never touched costs nothing. */
#define DIRECT_BITS 20

/* A unit in quarantine; `owner` 0 where it was taken out before its time. */
struct resting {
	uint32_t owner;
	uint32_t unit;
};

/* Entries of the ring, up to but not `end`, that were released at the same time. */
struct run {
	int64_t since;
	uint32_t end;
};

/* A slot of a sparse table; `owner` 0 is an empty one. */
struct slot {
	uint32_t owner;
	uint32_t unit;
};

struct ledger {
	struct ledger_config config;
	struct unit_set taken; /* held, resting or excluded */
	struct rand rand;
	uint64_t cursor, held, excluded;
	uint64_t extent, beyond; /* units are chosen below `extent`; taken ones behind it */
	/* By owner: its unit + 1, or 0; the ring's entry where the bit `rests` is set. */
	uint32_t *unit_of;
	uint64_t *rests;
	uint64_t owners; /* room in the two, a multiple of 64 */
	/* By unit: its owner or 0, one a unit; or while there are few owners a table of slots; the other is NULL. */
	uint32_t *direct;
	struct slot *slots;
	unsigned slot_bits;
	uint64_t records;
	/* The quarantine: entries head .. tail-1 of a ring, and runs of them, a ring as well. */
	struct resting *ring;
	uint32_t ring_size, head, tail, gaps;
	struct run *runs;
	uint32_t runs_size, first_run, last_run; /* first_run .. last_run-1 */
};

static void unit_take(struct ledger *ledger, uint64_t unit)
{
	unit_set_add(&ledger->taken, unit);
	ledger->beyond += unit >= ledger->extent;
}

static void unit_give(struct ledger *ledger, uint64_t unit)
{
	unit_set_remove(&ledger->taken, unit);
	ledger->beyond -= unit >= ledger->extent;
}

/* Units that may be chosen now. */
static uint64_t choice(const struct ledger *ledger) { return ledger->extent - (ledger->taken.used - ledger->beyond); }

static bool rests(const struct ledger *ledger, uint32_t owner) { return ledger->rests[owner / 64] >> (owner % 64) & 1; }

static bool has(const struct ledger *ledger, uint32_t owner)
{
	return owner < ledger->owners && (ledger->unit_of[owner] != 0 || rests(ledger, owner));
}

static struct resting *ring_at(const struct ledger *ledger, uint32_t n) { return &ledger->ring[n & (ledger->ring_size - 1)]; }

/* The unit of an owner that has one. */
static uint32_t unit_at(const struct ledger *ledger, uint32_t owner)
{
	return rests(ledger, owner) ? ring_at(ledger, ledger->unit_of[owner])->unit : ledger->unit_of[owner] - 1;
}

static uint64_t slot_mask(const struct ledger *ledger) { return (UINT64_C(1) << ledger->slot_bits) - 1; }

/* Where the search for a unit begins: neighbours stand side by side, stretches as long as the table begin at random places. */
static uint64_t slot_home(const struct ledger *ledger, uint32_t unit)
{
	uint64_t stretch = (uint64_t)unit >> ledger->slot_bits;

	return (unit + (stretch ? hash_u64(stretch) : 0)) & slot_mask(ledger);
}

static void slot_put(struct ledger *ledger, uint32_t unit, uint32_t owner)
{
	uint64_t slot, mask = slot_mask(ledger);

	if (ledger->slots == NULL) {
		ledger->direct[unit] = owner;
		return;
	}
	for (slot = slot_home(ledger, unit); ledger->slots[slot].owner != 0;)
		slot = (slot + 1) & mask;
	ledger->slots[slot] = (struct slot){owner, unit};
}

/* The owner that has the unit in whatever state, or 0. */
static uint32_t slot_find(const struct ledger *ledger, uint32_t unit)
{
	uint64_t slot, mask = slot_mask(ledger);

	if (ledger->slots == NULL)
		return ledger->direct[unit];
	for (slot = slot_home(ledger, unit); ledger->slots[slot].owner != 0 && ledger->slots[slot].unit != unit;)
		slot = (slot + 1) & mask;
	return ledger->slots[slot].owner;
}

/* Takes an owner's slot away, moving later ones of the same run back so that no tomb is needed (Knuth 6.4, algorithm R). */
static void slot_take(struct ledger *ledger, uint32_t unit)
{
	uint64_t gap, mask = slot_mask(ledger);

	if (ledger->slots == NULL) {
		ledger->direct[unit] = 0;
		return;
	}
	for (gap = slot_home(ledger, unit); ledger->slots[gap].unit != unit;)
		gap = (gap + 1) & mask;
	for (uint64_t i = (gap + 1) & mask; ledger->slots[i].owner != 0; i = (i + 1) & mask) {
		uint64_t home = slot_home(ledger, ledger->slots[i].unit);

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			ledger->slots[gap] = ledger->slots[i];
			gap = i;
		}
	}
	ledger->slots[gap] = (struct slot){0};
}

/* Room for `records` in the table; at one slot a unit it has room for ever. A slot costs twice what one of those costs. */
static void slots_reserve(struct ledger *ledger, uint64_t records)
{
	uint64_t count = ledger->slots != NULL ? slot_mask(ledger) + 1 : 0;
	struct slot *old = ledger->slots;

	if (ledger->slots == NULL || records * 4 <= count * 3)
		return;
	while (records * 4 > (slot_mask(ledger) + 1) * 3)
		ledger->slot_bits++;
	ledger->slots = NULL;
	if (ledger->config.size <= (slot_mask(ledger) + 1) * 2)
		ledger->direct = table_alloc(ledger->config.size * sizeof(*ledger->direct));
	else
		ledger->slots = table_alloc((slot_mask(ledger) + 1) * sizeof(*ledger->slots));
	for (uint64_t i = 0; i < count; i++)
		if (old[i].owner != 0)
			slot_put(ledger, old[i].unit, old[i].owner);
	table_free(old, count * sizeof(*old));
}

/* A larger table with what was in the old one, zeroes behind it. */
static void *table_grown(void *old, size_t old_size, size_t size)
{
	void *table = table_alloc(size);

	if (old_size > 0)
		memcpy(table, old, old_size);
	table_free(old, old_size);
	return table;
}

static void owners_reserve(struct ledger *ledger, uint32_t owner)
{
	uint64_t old = ledger->owners, owners = old + old / 2;

	if (owner < old)
		return;
	if (owners <= owner)
		owners = (uint64_t)owner + 1;
	owners = (owners + 63) / 64 * 64;
	ledger->unit_of = table_grown(ledger->unit_of, old * sizeof(*ledger->unit_of), owners * sizeof(*ledger->unit_of));
	ledger->rests = table_grown(ledger->rests, old / 8, owners / 8);
	ledger->owners = owners;
}

static struct run *run_at(const struct ledger *ledger, uint32_t n) { return &ledger->runs[n & (ledger->runs_size - 1)]; }

/* Moves what rests to a ring of `size` entries without gaps. */
static void ring_remake(struct ledger *ledger, uint32_t size)
{
	struct resting *ring = table_alloc(size * sizeof(*ring));
	uint32_t count = 0, run = ledger->first_run;

	for (uint32_t n = ledger->head; n != ledger->tail; n++) {
		const struct resting *entry = ring_at(ledger, n);

		for (; run_at(ledger, run)->end == n; run++)
			run_at(ledger, run)->end = count;
		if (entry->owner == 0)
			continue;
		ledger->unit_of[entry->owner] = count;
		ring[count++] = *entry;
	}
	for (; run != ledger->last_run; run++)
		run_at(ledger, run)->end = count;
	table_free(ledger->ring, ledger->ring_size * sizeof(*ring));
	ledger->ring = ring;
	ledger->ring_size = size;
	ledger->head = ledger->gaps = 0;
	ledger->tail = count;
}

/* Gives the ring room for one more. Without gaps and from entry 0 on all stay where they are. */
static void ring_reserve(struct ledger *ledger)
{
	uint32_t size = ledger->ring_size ? ledger->ring_size : RING_FEW / 2;

	if (ledger->tail - ledger->head < ledger->ring_size)
		return;
	if (ledger->gaps == 0 && ledger->head == 0) {
		ledger->ring = table_grown(ledger->ring, ledger->ring_size * sizeof(*ledger->ring), size * 2 * sizeof(*ledger->ring));
		ledger->ring_size = size * 2;
		return;
	}
	ring_remake(ledger, ledger->gaps >= size / 2 ? size : size * 2);
}

/* Notes that the entry at the tail rests since `now`. */
static void run_append(struct ledger *ledger, struct instant now)
{
	uint32_t size = ledger->runs_size ? ledger->runs_size * 2 : RUNS_FEW;
	struct run *runs;

	if (ledger->first_run != ledger->last_run && run_at(ledger, ledger->last_run - 1)->since == now.ns) {
		run_at(ledger, ledger->last_run - 1)->end = ledger->tail + 1;
		return;
	}
	if (ledger->last_run - ledger->first_run == ledger->runs_size) {
		runs = xalloc(size * sizeof(*runs));
		for (uint32_t n = ledger->first_run; n != ledger->last_run; n++)
			runs[n & (size - 1)] = *run_at(ledger, n);
		free(ledger->runs);
		ledger->runs = runs;
		ledger->runs_size = size;
	}
	*run_at(ledger, ledger->last_run++) = (struct run){now.ns, ledger->tail + 1};
}

static void ring_append(struct ledger *ledger, uint32_t owner, struct instant now)
{
	uint32_t unit = ledger->unit_of[owner] - 1;

	ring_reserve(ledger);
	run_append(ledger, now);
	*ring_at(ledger, ledger->tail) = (struct resting){owner, unit};
	ledger->unit_of[owner] = ledger->tail++;
	ledger->rests[owner / 64] |= UINT64_C(1) << (owner % 64);
}

/* Takes an owner out of quarantine: it has its unit in its hands again, the unit is still taken. */
static void ring_take(struct ledger *ledger, uint32_t owner)
{
	struct resting *entry = ring_at(ledger, ledger->unit_of[owner]);

	ledger->unit_of[owner] = entry->unit + 1;
	ledger->rests[owner / 64] &= ~(UINT64_C(1) << (owner % 64));
	entry->owner = 0;
	ledger->gaps++;
	while (ledger->head != ledger->tail && ring_at(ledger, ledger->head)->owner == 0) {
		ledger->gaps--;
		ledger->head++;
		while (ledger->first_run != ledger->last_run && run_at(ledger, ledger->first_run)->end == ledger->head)
			ledger->first_run++;
	}
}

/* The oldest one's quarantine is over: its unit is free again, but remembered. */
static void ring_end_oldest(struct ledger *ledger)
{
	struct resting oldest = *ring_at(ledger, ledger->head);

	ring_take(ledger, oldest.owner);
	unit_give(ledger, oldest.unit);
}

static uint32_t resting_count(const struct ledger *ledger) { return ledger->tail - ledger->head - ledger->gaps; }

static void ring_expire(struct ledger *ledger, struct instant now)
{
	while (ledger->head != ledger->tail && now.ns - run_at(ledger, ledger->first_run)->since >= ledger->config.quarantine.ns)
		ring_end_oldest(ledger);
}

/* Whether somebody is remembered for a unit that is free: then a record alone doesn't say that it is held. */
static bool remembers(const struct ledger *ledger) { return ledger->records > ledger->held + resting_count(ledger); }

static bool holds(const struct ledger *ledger, uint32_t owner)
{
	return has(ledger, owner) && !rests(ledger, owner) &&
	       (!remembers(ledger) || unit_set_has(&ledger->taken, ledger->unit_of[owner] - 1));
}

/* An owner that has no record yet gets the unit, which is marked as taken already. */
static void record_add(struct ledger *ledger, uint32_t owner, uint32_t unit)
{
	owners_reserve(ledger, owner);
	slots_reserve(ledger, ledger->records + 1);
	ledger->unit_of[owner] = unit + 1;
	slot_put(ledger, unit, owner);
	ledger->records++;
	ledger->held++;
}

/* Forgets a record that rests or is remembered. */
static void record_drop(struct ledger *ledger, uint32_t owner)
{
	uint32_t unit = unit_at(ledger, owner);

	if (rests(ledger, owner)) {
		ring_take(ledger, owner);
		unit_give(ledger, unit);
	}
	slot_take(ledger, unit);
	ledger->unit_of[owner] = 0;
	ledger->records--;
}

/* Puts what rests or is remembered back into its owner's hands; returns the unit. */
static uint32_t record_revive(struct ledger *ledger, uint32_t owner)
{
	uint32_t unit = unit_at(ledger, owner);

	if (holds(ledger, owner))
		return unit;
	if (rests(ledger, owner))
		ring_take(ledger, owner);
	else
		unit_take(ledger, unit);
	ledger->held++;
	return unit;
}

struct ledger *ledger_new(const struct ledger_config *config)
{
	struct ledger *ledger = xalloc(sizeof(*ledger));

	CHECK(config->size > 0);
	ledger->config = *config;
	if (config->size > LEDGER_UNITS_MAX)
		ledger->config.size = LEDGER_UNITS_MAX;
	unit_set_init(&ledger->taken, ledger->config.size);
	ledger->extent = ledger->config.size;
	if (config->block > 0 && config->block < ledger->extent)
		ledger->extent = config->block;
	ledger->rand = rand_seeded(config->seed);
	ledger->slot_bits = FEW_BITS;
	if (ledger->config.size <= UINT64_C(1) << DIRECT_BITS)
		ledger->direct = table_alloc(ledger->config.size * sizeof(*ledger->direct));
	else
		ledger->slots = table_alloc((slot_mask(ledger) + 1) * sizeof(*ledger->slots));
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	unit_set_free(&ledger->taken);
	table_free(ledger->unit_of, ledger->owners * sizeof(*ledger->unit_of));
	table_free(ledger->rests, ledger->owners / 8);
	table_free(ledger->direct, ledger->direct != NULL ? ledger->config.size * sizeof(*ledger->direct) : 0);
	table_free(ledger->slots, (slot_mask(ledger) + 1) * sizeof(*ledger->slots));
	table_free(ledger->ring, ledger->ring_size * sizeof(*ledger->ring));
	free(ledger->runs);
	free(ledger);
}

void ledger_exclude(struct ledger *ledger, uint64_t first, uint64_t count)
{
	for (uint64_t unit = first; unit < first + count && unit < ledger->config.size; unit++) {
		if (unit_set_has(&ledger->taken, unit))
			continue;
		unit_take(ledger, unit);
		ledger->excluded++;
	}
}

/* The next one that may be chosen from a unit on: those behind the extent come after the first ones. */
static uint64_t choose_from(const struct ledger *ledger, uint64_t from)
{
	uint64_t unit;

	CHECK(unit_set_next_outside(&ledger->taken, from, &unit));
	if (unit >= ledger->extent)
		CHECK(unit_set_next_outside(&ledger->taken, 0, &unit));
	return unit;
}

/* Taken units first .. end-1. */
static uint64_t count_taken(const struct ledger *ledger, uint64_t first, uint64_t end)
{
	uint64_t count = 0;

	for (uint64_t unit = first; unit < end; unit++)
		count += unit_set_has(&ledger->taken, unit);
	return count;
}

/* Blocks more, until one has room or there are none. */
static void grow(struct ledger *ledger)
{
	while (choice(ledger) == 0 && ledger->extent < ledger->config.size) {
		uint64_t left = ledger->config.size - ledger->extent,
			 end = ledger->extent + (ledger->config.block < left ? ledger->config.block : left);

		ledger->beyond -= count_taken(ledger, ledger->extent, end);
		ledger->extent = end;
	}
}

uint64_t ledger_shrink(struct ledger *ledger)
{
	uint64_t before = ledger->extent, block = ledger->config.block;

	while (block > 0 && ledger->extent > block) {
		uint64_t first = (ledger->extent - 1) / block * block;

		if (count_taken(ledger, first, ledger->extent) > 0)
			break;
		ledger->extent = first;
	}
	return before - ledger->extent;
}

/* The unit that the strategy chooses among the free ones, of which there is at least one. */
static uint32_t choose(struct ledger *ledger, uint64_t wish)
{
	uint64_t size = ledger->extent, free_units = choice(ledger), unit = 0;

	switch (ledger->config.strategy) {
	case POOL_SEQUENTIAL:
		unit = choose_from(ledger, ledger->cursor);
		ledger->cursor = unit + 1;
		break;
	case POOL_RANDOM:
		/* Throwing darts is quick while most are free, and as uniform as picking the n-th free one. */
		if (free_units <= size / 2) {
			unit = unit_set_nth_outside(&ledger->taken, rand_below(&ledger->rand, free_units));
			break;
		}
		do
			unit = rand_below(&ledger->rand, size);
		while (unit_set_has(&ledger->taken, unit));
		break;
	case POOL_HASH:
		unit = choose_from(ledger, wish % size);
		break;
	}
	return (uint32_t)unit;
}

uint64_t ledger_cursor(const struct ledger *ledger) { return ledger->cursor; }

void ledger_set_cursor(struct ledger *ledger, uint64_t cursor) { ledger->cursor = cursor % ledger->config.size; }

void ledger_expect(struct ledger *ledger, uint32_t owner, uint64_t more)
{
	owners_reserve(ledger, owner);
	slots_reserve(ledger, ledger->records + more);
}

void ledger_prefetch(const struct ledger *ledger, uint32_t owner, uint64_t wish)
{
	uint64_t unit = wish % ledger->config.size;

	if (owner < ledger->owners)
		__builtin_prefetch(&ledger->unit_of[owner], 1);
	__builtin_prefetch(&ledger->taken.full[0][unit / 64], 1);
	if (ledger->slots == NULL)
		__builtin_prefetch(&ledger->direct[unit], 1);
	else
		__builtin_prefetch(&ledger->slots[slot_home(ledger, (uint32_t)unit)], 1);
}

int ledger_allocate(struct ledger *ledger, uint32_t owner, uint64_t wish, struct instant now, uint64_t *unit, uint32_t *forgotten)
{
	uint32_t chosen;

	CHECK(owner > 0);
	*forgotten = 0;
	ring_expire(ledger, now);
	if (has(ledger, owner)) {
		*unit = record_revive(ledger, owner);
		return 0;
	}
	if (choice(ledger) == 0)
		grow(ledger);
	if (choice(ledger) == 0 && ledger->config.shorten_quarantine && ledger->head != ledger->tail)
		ring_end_oldest(ledger);
	if (choice(ledger) == 0)
		return -ENOSPC;
	chosen = choose(ledger, wish);
	if (remembers(ledger))
		*forgotten = slot_find(ledger, chosen);
	if (*forgotten != 0)
		record_drop(ledger, *forgotten);
	unit_take(ledger, chosen);
	record_add(ledger, owner, chosen);
	*unit = chosen;
	return 0;
}

int ledger_reserve(struct ledger *ledger, uint32_t owner, uint64_t unit, uint32_t *other)
{
	uint32_t there;

	CHECK(owner > 0);
	*other = 0;
	if (unit >= ledger->config.size)
		return -ERANGE;
	there = slot_find(ledger, (uint32_t)unit);
	if (there == owner) {
		(void)record_revive(ledger, owner);
		return 0;
	}
	*other = there;
	if (there != 0 && holds(ledger, there))
		return -EEXIST;
	if (holds(ledger, owner)) {
		*other = owner;
		return -EEXIST;
	}
	/* What is remembered or rests yields to what is written down. */
	if (has(ledger, owner))
		record_drop(ledger, owner);
	if (there != 0)
		record_drop(ledger, there);
	if (!unit_set_has(&ledger->taken, unit))
		unit_take(ledger, unit);
	else
		ledger->excluded--;
	record_add(ledger, owner, (uint32_t)unit);
	return 0;
}

bool ledger_release(struct ledger *ledger, uint32_t owner, struct instant now)
{
	ring_expire(ledger, now);
	if (!holds(ledger, owner))
		return false;
	ledger->held--;
	if (ledger->config.quarantine.ns > 0)
		ring_append(ledger, owner, now);
	else
		unit_give(ledger, ledger->unit_of[owner] - 1);
	return true;
}

bool ledger_find(const struct ledger *ledger, uint32_t owner, uint64_t *unit)
{
	if (!holds(ledger, owner))
		return false;
	*unit = ledger->unit_of[owner] - 1;
	return true;
}

uint32_t ledger_holder(const struct ledger *ledger, uint64_t unit)
{
	uint32_t owner = unit < ledger->config.size ? slot_find(ledger, (uint32_t)unit) : 0;

	return owner != 0 && holds(ledger, owner) ? owner : 0;
}

struct pool_counts ledger_counts(const struct ledger *ledger)
{
	return (struct pool_counts){
		.size = ledger->config.size,
		.held = ledger->held,
		.quarantined = resting_count(ledger),
		.excluded = ledger->excluded,
		.free = ledger->config.size - ledger->taken.used,
		.extent = ledger->extent,
	};
}
