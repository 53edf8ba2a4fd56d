/*
 * A sorted list of jobs with what they need: by key, then by job number. Finds the first job that fits, and where a running sum is reached.
 *
 * Theory of operation. Entries lie in blocks of up to ORDER_BLOCK, sorted; a table of blocks is searched by halves, an insertion moves at
 * most one block's entries. Each block carries the sum and the least of what its entries need, so a scan passes over blocks in which
 * nothing fits, and a sum is followed block by block. For the sizes at hand (tens to a million entries) this is faster and smaller than a
 * balanced tree.
 */
#ifndef ALLOC_ORDER_H
#define ALLOC_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ORDER_BLOCK 64

struct order_entry {
	int64_t key;
	uint32_t job;
	uint32_t vcpus;
	uint32_t memory;
	uint32_t host;
};

struct order_block;

/* Zero-initialize to make an empty list. */
struct order {
	struct order_block **blocks;
	size_t block_count;
	size_t block_capacity;
	size_t used;
	struct order_block *spare;
};

/* A place in a list: valid until the list changes, except by order_remove_at. */
struct order_cursor {
	size_t block;
	unsigned index;
};

void order_free(struct order *order);
void order_insert(struct order *order, struct order_entry entry);

/* Takes out the entry with this key and job, which must be there. */
void order_remove(struct order *order, int64_t key, uint32_t job);

/* The first and last entry, or NULL. */
const struct order_entry *order_first(const struct order *order);
const struct order_entry *order_last(const struct order *order);

/* The entry at the cursor, or NULL at the end; start with a zeroed cursor. */
const struct order_entry *order_at(const struct order *order, struct order_cursor cursor);
struct order_cursor order_after(const struct order *order, struct order_cursor cursor);

/* The entry before; NULL at the start. `cursor` moves there. Start with order_end. */
struct order_cursor order_end(const struct order *order);
const struct order_entry *order_before(const struct order *order, struct order_cursor *cursor);

/* The first entry at or behind the cursor that needs no more than this; the cursor moves there. NULL: none. */
const struct order_entry *order_next_fitting(const struct order *order, struct order_cursor *cursor, uint64_t vcpus, uint64_t memory);

/* Takes out the entry at the cursor, which then stands on the next one. */
void order_remove_at(struct order *order, struct order_cursor *cursor);

/*
 * The least key K such that all entries with a key <= K together have at least this much; the sums of all of those go to *vcpus_sum and
 * *memory_sum. False when the whole list has less.
 */
bool order_reach(const struct order *order, uint64_t vcpus, uint64_t memory, int64_t *key, uint64_t *vcpus_sum, uint64_t *memory_sum);

#endif
