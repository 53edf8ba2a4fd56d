/* A ledger of units and their owners, both numbers. */
#include "alloc/ledger.h"

#include "alloc/unit_set.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/rand.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Slots of a sparse table and ring entries to begin with, powers of two. */
#define FEW_BITS 10
#define RING_FEW 16

/* A ledger of up to so many units has a slot for each from the beginning: memory that is never touched costs nothing. */
#define DIRECT_BITS 20

/* A unit in quarantine; `owner` 0 where it was taken out before its time. */
struct resting {
	int64_t since;
	uint32_t owner;
	uint32_t unit;
};

struct ledger {
	struct ledger_config config;
	struct unit_set taken; /* held, resting or excluded */
	struct rand rand;
	uint64_t cursor, held, excluded;
	/* By owner: its unit + 1, or 0; the ring's entry where the bit `rests` is set. */
	uint32_t *unit_of;
	uint64_t *rests;
	uint64_t owners; /* room in the two, a multiple of 64 */
	/* By unit: owners, 0 is an empty slot. `direct`: one slot a unit. */
	uint32_t *slots;
	unsigned slot_bits;
	bool direct;
	uint64_t records;
	/* The quarantine: entries head .. tail-1 of a ring. */
	struct resting *ring;
	uint32_t ring_size, head, tail, gaps;
};

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

/* Where the search for a unit begins: neighbours stand side by side, stretches as long as the table begin at random places. */
static uint64_t slot_home(const struct ledger *ledger, uint32_t unit)
{
	uint64_t stretch = (uint64_t)unit >> ledger->slot_bits;

	return (unit + (stretch ? hash_u64(stretch) : 0)) & ((UINT64_C(1) << ledger->slot_bits) - 1);
}

static uint64_t slot_behind(const struct ledger *ledger, uint64_t slot) { return (slot + 1) & ((UINT64_C(1) << ledger->slot_bits) - 1); }

static void slot_put(struct ledger *ledger, uint32_t unit, uint32_t owner)
{
	uint64_t slot = slot_home(ledger, unit);

	if (!ledger->direct)
		while (ledger->slots[slot] != 0)
			slot = slot_behind(ledger, slot);
	ledger->slots[slot] = owner;
}

/* The owner that has the unit in whatever state, or 0. */
static uint32_t slot_find(const struct ledger *ledger, uint32_t unit)
{
	uint64_t slot = slot_home(ledger, unit);

	if (!ledger->direct)
		while (ledger->slots[slot] != 0 && unit_at(ledger, ledger->slots[slot]) != unit)
			slot = slot_behind(ledger, slot);
	return ledger->slots[slot];
}

/* Takes an owner's slot away, moving later ones of the same run back so that no tomb is needed (Knuth 6.4, algorithm R). */
static void slot_take(struct ledger *ledger, uint32_t unit, uint32_t owner)
{
	uint64_t gap = slot_home(ledger, unit), mask = (UINT64_C(1) << ledger->slot_bits) - 1;

	if (!ledger->direct) {
		while (ledger->slots[gap] != owner)
			gap = slot_behind(ledger, gap);
		for (uint64_t i = slot_behind(ledger, gap); ledger->slots[i] != 0; i = slot_behind(ledger, i)) {
			uint64_t home = slot_home(ledger, unit_at(ledger, ledger->slots[i]));

			if (((i - home) & mask) >= ((i - gap) & mask)) {
				ledger->slots[gap] = ledger->slots[i];
				gap = i;
			}
		}
	}
	ledger->slots[gap] = 0;
}

/* Gives the table room for one more; at one slot a unit it has room for ever. */
static void slots_reserve(struct ledger *ledger)
{
	uint32_t *old = ledger->slots;
	uint64_t count = UINT64_C(1) << ledger->slot_bits;

	if (ledger->direct || (ledger->records + 1) * 2 <= count)
		return;
	ledger->slot_bits++;
	ledger->direct = count * 2 >= ledger->config.size;
	ledger->slots = xalloc(count * 2 * sizeof(*ledger->slots));
	for (uint64_t i = 0; i < count; i++)
		if (old[i] != 0)
			slot_put(ledger, unit_at(ledger, old[i]), old[i]);
	free(old);
}

static void owners_reserve(struct ledger *ledger, uint32_t owner)
{
	uint64_t old = ledger->owners, owners = old + old / 2;

	if (owner < old)
		return;
	if (owners <= owner)
		owners = (uint64_t)owner + 1;
	owners = (owners + 63) / 64 * 64;
	ledger->unit_of = xrealloc(ledger->unit_of, owners * sizeof(*ledger->unit_of));
	memset(ledger->unit_of + old, 0, (owners - old) * sizeof(*ledger->unit_of));
	ledger->rests = xrealloc(ledger->rests, owners / 8);
	memset(ledger->rests + old / 64, 0, (owners - old) / 8);
	ledger->owners = owners;
}

/* Moves what rests to a ring of `size` entries without gaps. */
static void ring_remake(struct ledger *ledger, uint32_t size)
{
	struct resting *ring = xalloc(size * sizeof(*ring));
	uint32_t count = 0;

	for (uint32_t n = ledger->head; n != ledger->tail; n++) {
		const struct resting *entry = ring_at(ledger, n);

		if (entry->owner == 0)
			continue;
		ledger->unit_of[entry->owner] = count;
		ring[count++] = *entry;
	}
	free(ledger->ring);
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
		ledger->ring = xrealloc(ledger->ring, size * 2 * sizeof(*ledger->ring));
		ledger->ring_size = size * 2;
		return;
	}
	ring_remake(ledger, ledger->gaps >= size / 2 ? size : size * 2);
}

static void ring_append(struct ledger *ledger, uint32_t owner, struct instant now)
{
	uint32_t unit = ledger->unit_of[owner] - 1;

	ring_reserve(ledger);
	*ring_at(ledger, ledger->tail) = (struct resting){now.ns, owner, unit};
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
	for (; ledger->head != ledger->tail && ring_at(ledger, ledger->head)->owner == 0; ledger->head++)
		ledger->gaps--;
}

/* The oldest one's quarantine is over: its unit is free again, but remembered. */
static void ring_end_oldest(struct ledger *ledger)
{
	struct resting oldest = *ring_at(ledger, ledger->head);

	ring_take(ledger, oldest.owner);
	unit_set_remove(&ledger->taken, oldest.unit);
}

static void ring_expire(struct ledger *ledger, struct instant now)
{
	while (ledger->head != ledger->tail && now.ns - ring_at(ledger, ledger->head)->since >= ledger->config.quarantine.ns)
		ring_end_oldest(ledger);
}

static bool holds(const struct ledger *ledger, uint32_t owner)
{
	return has(ledger, owner) && !rests(ledger, owner) && unit_set_has(&ledger->taken, ledger->unit_of[owner] - 1);
}

/* An owner that has no record yet gets the unit, which is marked as taken already. */
static void record_add(struct ledger *ledger, uint32_t owner, uint32_t unit)
{
	owners_reserve(ledger, owner);
	slots_reserve(ledger);
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
		unit_set_remove(&ledger->taken, unit);
	}
	slot_take(ledger, unit, owner);
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
		unit_set_add(&ledger->taken, unit);
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
	ledger->rand = rand_seeded(config->seed);
	ledger->direct = ledger->config.size <= UINT64_C(1) << DIRECT_BITS;
	ledger->slot_bits = ledger->direct ? DIRECT_BITS : FEW_BITS;
	while (ledger->direct && ledger->slot_bits > 0 && ledger->config.size <= UINT64_C(1) << (ledger->slot_bits - 1))
		ledger->slot_bits--;
	ledger->slots = xalloc((UINT64_C(1) << ledger->slot_bits) * sizeof(*ledger->slots));
	return ledger;
}

void ledger_free(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	unit_set_free(&ledger->taken);
	free(ledger->unit_of);
	free(ledger->rests);
	free(ledger->slots);
	free(ledger->ring);
	free(ledger);
}

void ledger_exclude(struct ledger *ledger, uint64_t first, uint64_t count)
{
	for (uint64_t unit = first; unit < first + count && unit < ledger->config.size; unit++) {
		if (unit_set_has(&ledger->taken, unit))
			continue;
		unit_set_add(&ledger->taken, unit);
		ledger->excluded++;
	}
}

/* The unit that the strategy chooses among the free ones, of which there is at least one. */
static uint32_t choose(struct ledger *ledger, uint64_t wish)
{
	uint64_t size = ledger->config.size, free_units = size - ledger->taken.used, unit = 0;

	switch (ledger->config.strategy) {
	case POOL_SEQUENTIAL:
		CHECK(unit_set_next_outside(&ledger->taken, ledger->cursor, &unit));
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
		CHECK(unit_set_next_outside(&ledger->taken, wish % size, &unit));
		break;
	}
	return (uint32_t)unit;
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
	if (ledger->taken.used == ledger->config.size && ledger->config.shorten_quarantine && ledger->head != ledger->tail)
		ring_end_oldest(ledger);
	if (ledger->taken.used == ledger->config.size)
		return -ENOSPC;
	chosen = choose(ledger, wish);
	*forgotten = slot_find(ledger, chosen);
	if (*forgotten != 0)
		record_drop(ledger, *forgotten);
	unit_set_add(&ledger->taken, chosen);
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
		unit_set_add(&ledger->taken, unit);
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
		unit_set_remove(&ledger->taken, ledger->unit_of[owner] - 1);
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
		.quarantined = ledger->tail - ledger->head - ledger->gaps,
		.excluded = ledger->excluded,
		.free = ledger->config.size - ledger->taken.used,
	};
}
