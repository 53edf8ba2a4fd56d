/* An array in chunks that never move, so that pointers into it stay good while it grows, with a list of elements to use again. */
#ifndef ROUTE_CHUNKS_H
#define ROUTE_CHUNKS_H

#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define CHUNK_SHIFT 14
#define CHUNK_COUNT (1u << CHUNK_SHIFT)
#define CHUNK_MASK (CHUNK_COUNT - 1)

/* An array in chunks that never move, with a list of elements to use again. */
struct chunks {
	void **list;
	uint32_t count;	 /* elements handed out so far, number 0 is never used */
	uint32_t chunks; /* that exist */
	uint32_t unused; /* head of the list */
	uint32_t element_bytes;
};

static inline void *chunk_at(const struct chunks *c, uint32_t i)
{
	return (char *)c->list[i >> CHUNK_SHIFT] + (size_t)(i & CHUNK_MASK) * c->element_bytes;
}

/* Makes room so that element `count` exists; returns its number. */
static inline uint32_t chunks_extend(struct chunks *c)
{
	uint32_t i = c->count;

	if (i >> CHUNK_SHIFT == c->chunks) {
		c->list = xrealloc(c->list, (c->chunks + 1) * sizeof(void *));
		c->list[c->chunks++] = xalloc((size_t)CHUNK_COUNT * c->element_bytes);
	}
	c->count++;
	return i;
}

static inline void chunks_init(struct chunks *c, uint32_t element_bytes)
{
	*c = (struct chunks){.element_bytes = element_bytes};
	(void)chunks_extend(c); /* number 0 means none */
}

static inline void chunks_free(struct chunks *c)
{
	for (uint32_t i = 0; i < c->chunks; i++)
		free(c->list[i]);
	free(c->list);
}

#endif
