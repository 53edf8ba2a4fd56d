/* The limit of what rings and one copy allow: for measurements only, it believes all that the rings say. */
#include "bench_weft.h"

#include "base/arena.h"
#include "base/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BURST = 64, MASK = BENCH_RING_SIZE - 1 };

struct bench_limit {
	struct bench_guest *guests;
	pthread_t thread;
	_Atomic bool stop;
};

static const uint8_t *at(const struct guest *guest, uint64_t address)
{
	return guest->ram + (address < GUEST_HIGH ? address : address - GUEST_HIGH + guest->ram_bytes / 2);
}

/* Moves one burst from a guest's sending ring to the other's receiving ring. */
static void move(const struct guest *from, const struct guest *to, uint16_t *taken, uint16_t *given)
{
	const struct guest_ring *tx = &from->rings[GUEST_TX], *rx = &to->rings[GUEST_RX];
	uint16_t offered = (uint16_t)(__atomic_load_n(&tx->avail->idx, __ATOMIC_ACQUIRE) - *taken);
	uint16_t room = (uint16_t)(__atomic_load_n(&rx->avail->idx, __ATOMIC_ACQUIRE) - *given);
	unsigned count = offered < BURST ? offered : BURST;

	if (count == 0)
		return;
	for (unsigned i = 0; i < count; i++)
		__builtin_prefetch(at(from, tx->desc[tx->avail->ring[(*taken + i) & MASK]].addr));
	for (unsigned i = 0; i < count; i++) {
		uint16_t out = tx->avail->ring[(*taken + i) & MASK], in;
		const struct vring_desc *source = &tx->desc[out];

		tx->used->ring[(*taken + i) & MASK] = (struct vring_used_elem){out, 0};
		if (i >= room)
			continue; /* lost */
		in = rx->avail->ring[(*given + i) & MASK];
		memcpy((void *)(uintptr_t)at(to, rx->desc[in].addr), at(from, source->addr), source->len);
		rx->used->ring[(*given + i) & MASK] = (struct vring_used_elem){in, source->len};
	}
	*taken = (uint16_t)(*taken + count);
	*given = (uint16_t)(*given + (count < room ? count : room));
	__atomic_store_n(&rx->used->idx, *given, __ATOMIC_RELEASE);
	__atomic_store_n(&tx->used->idx, *taken, __ATOMIC_RELEASE);
}

static void *run(void *context)
{
	struct bench_limit *limit = context;
	uint16_t taken[2] = {0}, given[2] = {0};

	while (!atomic_load_explicit(&limit->stop, memory_order_relaxed))
		for (unsigned i = 0; i < 2; i++)
			move(&limit->guests[i].guest, &limit->guests[!i].guest, &taken[i], &given[!i]);
	return NULL;
}

struct bench_limit *bench_limit_start(struct bench_guest guests[2], int core)
{
	struct bench_limit *limit = xalloc(sizeof(*limit));
	cpu_set_t before;

	limit->guests = guests;
	for (unsigned i = 0; i < 2; i++) {
		struct guest_ring *rx = &guests[i].guest.rings[GUEST_RX], *tx = &guests[i].guest.rings[GUEST_TX];

		rx->avail_next = BENCH_RING_SIZE;
		__atomic_store_n(&rx->avail->idx, rx->avail_next, __ATOMIC_RELEASE);
		tx->used->flags = VRING_USED_F_NO_NOTIFY;
	}
	/* Born where it is to stay: behind us it might never run. */
	(void)sched_getaffinity(0, sizeof(before), &before);
	bench_pin(core);
	CHECK(pthread_create(&limit->thread, NULL, run, limit) == 0);
	(void)sched_setaffinity(0, sizeof(before), &before);
	return limit;
}

void bench_limit_end(struct bench_limit *limit)
{
	atomic_store(&limit->stop, true);
	CHECK(pthread_join(limit->thread, NULL) == 0);
	free(limit);
}
