/* Timers of many objects behind one clock: a binary heap whose nodes live inside their objects, so that any of them moves in O(log n). */
#ifndef ROUTE_TIMER_HEAP_H
#define ROUTE_TIMER_HEAP_H

#include "base/instant.h"

#include <stddef.h>

/* A timer; zero-initialized it is not running. */
struct timer_node {
	struct instant when;
	size_t place; /* 1-based place in the heap; 0: not running */
};

/* Zero-initialize to make an empty heap. */
struct timer_heap {
	struct timer_node **nodes; /* nodes[0] is unused */
	size_t used;
	size_t capacity;
};

/* Starts or moves a timer; INSTANT_NEVER stops it. */
void timer_heap_set(struct timer_heap *heap, struct timer_node *node, struct instant when);

/* The earliest time in the heap, or INSTANT_NEVER. */
struct instant timer_heap_next(const struct timer_heap *heap);

/* Stops and returns the earliest timer when its time has come, else NULL. */
struct timer_node *timer_heap_expire(struct timer_heap *heap, struct instant now);

/* Frees the heap; the nodes are their owners'. */
void timer_heap_free(struct timer_heap *heap);

#endif
