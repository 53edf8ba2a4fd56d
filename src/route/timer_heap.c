/* The timer heap: children of place i are 2i and 2i + 1; each node knows its place. */
#include "route/timer_heap.h"

#include "base/arena.h"

#include <stdlib.h>

static void timer_place(struct timer_heap *heap, size_t place, struct timer_node *node)
{
	heap->nodes[place] = node;
	node->place = place;
}

/* Moves the node at `place` towards the root until its parent isn't later. */
static void timer_rise(struct timer_heap *heap, size_t place)
{
	struct timer_node *node = heap->nodes[place];

	for (; place > 1 && instant_before(node->when, heap->nodes[place / 2]->when); place /= 2)
		timer_place(heap, place, heap->nodes[place / 2]);
	timer_place(heap, place, node);
}

/* Moves the node at `place` towards the leaves until no child is earlier. */
static void timer_sink(struct timer_heap *heap, size_t place)
{
	struct timer_node *node = heap->nodes[place];

	for (;;) {
		size_t child = 2 * place;

		if (child < heap->used && instant_before(heap->nodes[child + 1]->when, heap->nodes[child]->when))
			child++;
		if (child > heap->used || !instant_before(heap->nodes[child]->when, node->when))
			break;
		timer_place(heap, place, heap->nodes[child]);
		place = child;
	}
	timer_place(heap, place, node);
}

static void timer_stop(struct timer_heap *heap, struct timer_node *node)
{
	size_t place = node->place;
	struct timer_node *last = heap->nodes[heap->used];

	heap->used--;
	node->place = 0;
	if (last == node)
		return;
	timer_place(heap, place, last);
	timer_rise(heap, place);
	timer_sink(heap, last->place);
}

void timer_heap_set(struct timer_heap *heap, struct timer_node *node, struct instant when)
{
	if (node->place != 0 && node->when.ns == when.ns)
		return;
	if (node->place != 0)
		timer_stop(heap, node);
	node->when = when;
	if (when.ns == INSTANT_NEVER.ns)
		return;
	if (heap->used + 1 >= heap->capacity) {
		heap->capacity = heap->capacity ? heap->capacity * 2 : 16;
		heap->nodes = xrealloc(heap->nodes, heap->capacity * sizeof(struct timer_node *));
	}
	heap->used++;
	timer_place(heap, heap->used, node);
	timer_rise(heap, heap->used);
}

struct instant timer_heap_next(const struct timer_heap *heap) { return heap->used ? heap->nodes[1]->when : INSTANT_NEVER; }

struct timer_node *timer_heap_expire(struct timer_heap *heap, struct instant now)
{
	struct timer_node *first;

	if (heap->used == 0 || !instant_reached(heap->nodes[1]->when, now))
		return NULL;
	first = heap->nodes[1];
	timer_stop(heap, first);
	return first;
}

void timer_heap_free(struct timer_heap *heap)
{
	free(heap->nodes);
	*heap = (struct timer_heap){0};
}
