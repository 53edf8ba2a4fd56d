/* Where jobs wait: a ring of numbers, or a sorted list. */
#include "alloc/line.h"

#include "base/arena.h"

#include <stdlib.h>

static void ring_push(struct ring *ring, uint32_t job)
{
	if (ring->used == ring->capacity) {
		uint32_t capacity = ring->capacity ? ring->capacity * 2 : 64;
		uint32_t *slots = xalloc(capacity * sizeof(*slots));

		for (uint32_t i = 0; i < ring->used; i++)
			slots[i] = ring->slots[(ring->head + i) & (ring->capacity - 1)];
		free(ring->slots);
		*ring = (struct ring){slots, capacity, 0, ring->used};
	}
	ring->slots[(ring->head + ring->used++) & (ring->capacity - 1)] = job;
}

static uint32_t ring_pop(struct ring *ring)
{
	uint32_t job = ring->slots[ring->head];

	ring->head = (ring->head + 1) & (ring->capacity - 1);
	ring->used--;
	return job;
}

/* Takes a job out of the middle: only when it is withdrawn, so slow is fine. */
static void ring_remove(struct ring *ring, uint32_t job)
{
	for (uint32_t left = ring->used; left > 0; left--) {
		uint32_t first = ring_pop(ring);

		if (first != job)
			ring_push(ring, first);
	}
}

void line_push(struct line *line, struct order_entry entry)
{
	if (line->sorted)
		order_insert(&line->order, entry);
	else
		ring_push(&line->ring, entry.job);
}

uint32_t line_head(const struct line *line)
{
	if (line->sorted) {
		const struct order_entry *first = order_first(&line->order);

		return first ? first->job : LINE_EMPTY;
	}
	return line->ring.used ? line->ring.slots[line->ring.head] : LINE_EMPTY;
}

void line_pop(struct line *line)
{
	if (line->sorted)
		order_remove_at(&line->order, &(struct order_cursor){0, 0});
	else
		(void)ring_pop(&line->ring);
}

void line_remove(struct line *line, int64_t key, uint32_t job)
{
	if (line->sorted)
		order_remove(&line->order, key, job);
	else
		ring_remove(&line->ring, job);
}

uint32_t line_used(const struct line *line) { return line->sorted ? (uint32_t)line->order.used : line->ring.used; }

uint32_t line_next(const struct line *line, struct line_cursor *cursor)
{
	const struct order_entry *entry;

	if (!line->sorted)
		return cursor->ring < line->ring.used ? line->ring.slots[(line->ring.head + cursor->ring++) & (line->ring.capacity - 1)]
						      : LINE_EMPTY;
	entry = order_at(&line->order, cursor->order);
	if (entry == NULL)
		return LINE_EMPTY;
	cursor->order = order_after(&line->order, cursor->order);
	return entry->job;
}

void line_free(struct line *line)
{
	free(line->ring.slots);
	order_free(&line->order);
}
