/* A sorted list of jobs in blocks. */
#include "alloc/order.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

struct order_block {
	unsigned count;
	uint32_t least_vcpus, least_memory;
	uint64_t vcpus, memory; /* sums */
	struct order_entry entries[ORDER_BLOCK];
};

static bool entry_before(const struct order_entry *a, int64_t key, uint32_t job) { return a->key != key ? a->key < key : a->job < job; }

static void block_add(struct order_block *block, const struct order_entry *entry)
{
	block->vcpus += entry->vcpus;
	block->memory += entry->memory;
	if (entry->vcpus < block->least_vcpus)
		block->least_vcpus = entry->vcpus;
	if (entry->memory < block->least_memory)
		block->least_memory = entry->memory;
}

static void block_recount(struct order_block *block)
{
	block->least_vcpus = block->least_memory = UINT32_MAX;
	block->vcpus = block->memory = 0;
	for (unsigned i = 0; i < block->count; i++)
		block_add(block, &block->entries[i]);
}

/* The block that holds or would hold this entry: the first whose last entry is not before it, else the last one. */
static size_t order_block_of(const struct order *order, int64_t key, uint32_t job)
{
	size_t low = 0, high = order->block_count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct order_block *block = order->blocks[middle];

		if (entry_before(&block->entries[block->count - 1], key, job))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static unsigned block_index_of(const struct order_block *block, int64_t key, uint32_t job)
{
	unsigned low = 0, high = block->count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (entry_before(&block->entries[middle], key, job))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct order_block *order_block_new(struct order *order, size_t at)
{
	struct order_block *block = order->spare;

	order->spare = NULL;
	if (block == NULL)
		block = xalloc(sizeof(*block));
	block->count = 0;
	block_recount(block);
	if (order->block_count == order->block_capacity) {
		order->block_capacity = order->block_capacity ? order->block_capacity * 2 : 8;
		order->blocks = xrealloc(order->blocks, order->block_capacity * sizeof(struct order_block *));
	}
	memmove(&order->blocks[at + 1], &order->blocks[at], (order->block_count - at) * sizeof(struct order_block *));
	order->blocks[at] = block;
	order->block_count++;
	return block;
}

static void order_block_drop(struct order *order, size_t at)
{
	free(order->spare);
	order->spare = order->blocks[at];
	order->block_count--;
	memmove(&order->blocks[at], &order->blocks[at + 1], (order->block_count - at) * sizeof(struct order_block *));
}

void order_free(struct order *order)
{
	for (size_t i = 0; i < order->block_count; i++)
		free(order->blocks[i]);
	free(order->blocks);
	free(order->spare);
	*order = (struct order){0};
}

/* Moves the upper half of a full block into a new one behind it, or, at the very end of the list, opens an empty one for what is appended.
 */
static void order_split(struct order *order, size_t at, unsigned insert_at)
{
	struct order_block *block = order->blocks[at];
	struct order_block *upper = order_block_new(order, at + 1);
	unsigned keep = insert_at == ORDER_BLOCK ? ORDER_BLOCK - 1 : ORDER_BLOCK / 2;

	upper->count = ORDER_BLOCK - keep;
	memcpy(upper->entries, &block->entries[keep], upper->count * sizeof(*upper->entries));
	block->count = keep;
	block_recount(block);
	block_recount(upper);
}

void order_insert(struct order *order, struct order_entry entry)
{
	struct order_block *block;
	unsigned index;
	size_t at;

	if (order->block_count == 0)
		(void)order_block_new(order, 0);
	at = order_block_of(order, entry.key, entry.job);
	block = order->blocks[at];
	index = block_index_of(block, entry.key, entry.job);
	if (block->count == ORDER_BLOCK) {
		order_split(order, at, index);
		if (index > order->blocks[at]->count) {
			index -= order->blocks[at]->count;
			at++;
		}
		block = order->blocks[at];
	}
	memmove(&block->entries[index + 1], &block->entries[index], (block->count - index) * sizeof(entry));
	block->entries[index] = entry;
	block->count++;
	block_add(block, &entry);
	order->used++;
}

void order_remove_at(struct order *order, struct order_cursor *cursor)
{
	struct order_block *block = order->blocks[cursor->block];
	struct order_entry entry = block->entries[cursor->index];

	block->count--;
	memmove(&block->entries[cursor->index], &block->entries[cursor->index + 1], (block->count - cursor->index) * sizeof(entry));
	order->used--;
	if (block->count == 0) {
		order_block_drop(order, cursor->block);
		cursor->index = 0;
		return;
	}
	block->vcpus -= entry.vcpus;
	block->memory -= entry.memory;
	if (entry.vcpus == block->least_vcpus || entry.memory == block->least_memory)
		block_recount(block);
	if (cursor->index == block->count)
		*cursor = (struct order_cursor){cursor->block + 1, 0};
}

void order_remove(struct order *order, int64_t key, uint32_t job)
{
	struct order_cursor cursor;
	const struct order_entry *entry;

	CHECK(order->block_count > 0);
	cursor.block = order_block_of(order, key, job);
	cursor.index = block_index_of(order->blocks[cursor.block], key, job);
	entry = order_at(order, cursor);
	CHECK(entry != NULL && entry->key == key && entry->job == job);
	order_remove_at(order, &cursor);
}

const struct order_entry *order_at(const struct order *order, struct order_cursor cursor)
{
	if (cursor.block >= order->block_count || cursor.index >= order->blocks[cursor.block]->count)
		return NULL;
	return &order->blocks[cursor.block]->entries[cursor.index];
}

struct order_cursor order_after(const struct order *order, struct order_cursor cursor)
{
	if (cursor.index + 1 < order->blocks[cursor.block]->count)
		return (struct order_cursor){cursor.block, cursor.index + 1};
	return (struct order_cursor){cursor.block + 1, 0};
}

const struct order_entry *order_first(const struct order *order) { return order_at(order, (struct order_cursor){0, 0}); }

struct order_cursor order_end(const struct order *order) { return (struct order_cursor){order->block_count, 0}; }

const struct order_entry *order_before(const struct order *order, struct order_cursor *cursor)
{
	if (cursor->index == 0) {
		if (cursor->block == 0)
			return NULL;
		cursor->block--;
		cursor->index = order->blocks[cursor->block]->count;
	}
	cursor->index--;
	return &order->blocks[cursor->block]->entries[cursor->index];
}

const struct order_entry *order_last(const struct order *order)
{
	struct order_cursor cursor = order_end(order);

	return order_before(order, &cursor);
}

const struct order_entry *order_next_fitting(const struct order *order, struct order_cursor *cursor, uint64_t vcpus, uint64_t memory)
{
	for (; cursor->block < order->block_count; cursor->block++, cursor->index = 0) {
		const struct order_block *block = order->blocks[cursor->block];

		if (block->least_vcpus > vcpus || block->least_memory > memory)
			continue;
		for (; cursor->index < block->count; cursor->index++)
			if (block->entries[cursor->index].vcpus <= vcpus && block->entries[cursor->index].memory <= memory)
				return &block->entries[cursor->index];
	}
	return NULL;
}

/* Adds the entries from the cursor on that still have the key, for entries of one key count together. */
static void reach_rest_of_key(const struct order *order, struct order_cursor cursor, int64_t key, uint64_t *vcpus, uint64_t *memory)
{
	const struct order_entry *entry;

	for (; (entry = order_at(order, cursor)) != NULL && entry->key == key; cursor = order_after(order, cursor)) {
		*vcpus += entry->vcpus;
		*memory += entry->memory;
	}
}

bool order_reach(const struct order *order, uint64_t vcpus, uint64_t memory, int64_t *key, uint64_t *vcpus_sum, uint64_t *memory_sum)
{
	uint64_t c = 0, m = 0;

	for (size_t b = 0; b < order->block_count; b++) {
		const struct order_block *block = order->blocks[b];

		if (c + block->vcpus < vcpus || m + block->memory < memory) {
			c += block->vcpus;
			m += block->memory;
			continue;
		}
		for (unsigned i = 0; i < block->count; i++) {
			c += block->entries[i].vcpus;
			m += block->entries[i].memory;
			if (c < vcpus || m < memory)
				continue;
			*key = block->entries[i].key;
			reach_rest_of_key(order, order_after(order, (struct order_cursor){b, i}), *key, &c, &m);
			*vcpus_sum = c;
			*memory_sum = m;
			return true;
		}
	}
	return false;
}
