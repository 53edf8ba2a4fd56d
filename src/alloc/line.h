/* Where jobs wait: first come first served in a ring of numbers, or in the order of a key in a sorted list. */
#ifndef ALLOC_LINE_H
#define ALLOC_LINE_H

#include "alloc/order.h"

#define LINE_EMPTY UINT32_MAX

/* A ring of job numbers that grows. */
struct ring {
	uint32_t *slots;
	uint32_t capacity, head, used;
};

/* Where jobs wait: one of the two is used. */
struct line {
	bool sorted;
	struct ring ring;
	struct order order;
};

/* Puts a job at its place: the end, or by its key. */
void line_push(struct line *line, struct order_entry entry);

/* The first job, LINE_EMPTY when there is none; takes it out; takes one out of the middle. */
uint32_t line_head(const struct line *line);
void line_pop(struct line *line);
void line_remove(struct line *line, int64_t key, uint32_t job);

/* How many are in it; walks it in its order: the next job, LINE_EMPTY at the end. Start with a zeroed cursor. */
struct line_cursor {
	uint32_t ring;
	struct order_cursor order;
};
uint32_t line_used(const struct line *line);
uint32_t line_next(const struct line *line, struct line_cursor *cursor);
void line_free(struct line *line);

#endif
