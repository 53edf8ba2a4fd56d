/* Longest-prefix match: a tree bitmap with a stride of 6 bits. */
#include "net/lpm.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define STRIDE 6
#define DEPTH_MAX (128 / STRIDE + 1)

struct node {
	uint64_t inner;	       /* prefixes that end here, as a heap */
	uint64_t outer;	       /* continuations that have a child */
	uint32_t *values;      /* one for each bit of `inner`, in its order */
	struct node *children; /* one for each bit of `outer` */
};

struct lpm {
	struct node root;
	enum ip_family family;
	uint32_t count;
	size_t nodes;
};

struct lpm *lpm_new(enum ip_family family)
{
	struct lpm *lpm = xalloc(sizeof(*lpm));

	CHECK(family == IP_V4 || family == IP_V6);
	lpm->family = family;
	return lpm;
}

static unsigned rank(uint64_t bits, unsigned position) { return (unsigned)__builtin_popcountll(bits & (((uint64_t)1 << position) - 1)); }

static struct node *node_child(const struct node *node, unsigned slot)
{
	return node->outer >> slot & 1 ? &node->children[rank(node->outer, slot)] : NULL;
}

/* The STRIDE bits of an address from bit `at` on; bits past its end are 0. */
static unsigned address_bits(const uint8_t *address, unsigned width, unsigned at)
{
	unsigned byte = at / 8, bytes = width / 8;
	unsigned word = (unsigned)address[byte] << 8;

	if (byte + 1 < bytes)
		word |= address[byte + 1];
	return word >> (16 - STRIDE - at % 8) & ((1u << STRIDE) - 1);
}

/* Where in the heap the prefix of `length` (below STRIDE) leading bits of `slot` is. */
static unsigned heap_position(unsigned slot, unsigned length) { return (1u << length) - 1 + (slot >> (STRIDE - length)); }

void lpm_free(struct lpm *lpm)
{
	struct node *path[DEPTH_MAX + 1];
	unsigned next[DEPTH_MAX + 1] = {0};
	int depth = 0;

	if (lpm == NULL)
		return;
	path[0] = &lpm->root;
	/* Depth first along an explicit path: `next` says which child of each level comes next. */
	while (depth >= 0) {
		struct node *node = path[depth];

		if (next[depth] < (unsigned)__builtin_popcountll(node->outer)) {
			path[depth + 1] = &node->children[next[depth]++];
			next[++depth] = 0;
			continue;
		}
		free(node->values);
		free(node->children);
		depth--;
	}
	free(lpm);
}

/* Makes a hole for a new element at `index` in an array of `used` elements. */
static void *array_insert(void *array, size_t used, size_t index, size_t size)
{
	uint8_t *bytes = xrealloc(array, (used + 1) * size);

	memmove(bytes + (index + 1) * size, bytes + index * size, (used - index) * size);
	memset(bytes + index * size, 0, size);
	return bytes;
}

/* Closes the hole of the element at `index`; frees the array when it was the last. */
static void *array_remove(void *array, size_t used, size_t index, size_t size)
{
	uint8_t *bytes = array;

	memmove(bytes + index * size, bytes + (index + 1) * size, (used - index - 1) * size);
	if (used > 1)
		return xrealloc(bytes, (used - 1) * size);
	free(bytes);
	return NULL;
}

static struct node *node_grow(struct lpm *lpm, struct node *node, unsigned slot)
{
	size_t used = (size_t)__builtin_popcountll(node->outer);
	size_t index = rank(node->outer, slot);

	node->children = array_insert(node->children, used, index, sizeof(*node));
	node->outer |= (uint64_t)1 << slot;
	lpm->nodes++;
	return &node->children[index];
}

/* Splits a prefix: the node `depth` levels down holds its last `length` (below STRIDE) bits. */
static unsigned prefix_depth(struct prefix prefix, unsigned *length)
{
	*length = prefix.length % STRIDE;
	return prefix.length / STRIDE;
}

uint32_t lpm_set(struct lpm *lpm, struct prefix prefix, uint32_t value)
{
	struct node *node = &lpm->root;
	unsigned width = ip_bits(lpm->family), length, position, slot;
	unsigned depth = prefix_depth(prefix, &length);
	uint32_t old;

	CHECK(prefix.ip.family == lpm->family && value != LPM_NONE);
	for (unsigned level = 0; level < depth; level++) {
		struct node *child;

		slot = address_bits(prefix.ip.bytes, width, level * STRIDE);
		child = node_child(node, slot);
		node = child != NULL ? child : node_grow(lpm, node, slot);
	}
	slot = length > 0 ? address_bits(prefix.ip.bytes, width, depth * STRIDE) : 0;
	position = heap_position(slot, length);
	if (node->inner >> position & 1) {
		old = node->values[rank(node->inner, position)];
		node->values[rank(node->inner, position)] = value;
		return old;
	}
	node->values = array_insert(node->values, (size_t)__builtin_popcountll(node->inner), rank(node->inner, position), sizeof(value));
	node->values[rank(node->inner, position)] = value;
	node->inner |= (uint64_t)1 << position;
	lpm->count++;
	return LPM_NONE;
}

/* Takes empty nodes away, from the deepest of the path upwards. */
static void path_prune(struct lpm *lpm, struct node **path, const unsigned *slots, unsigned depth)
{
	for (; depth > 0 && path[depth]->inner == 0 && path[depth]->outer == 0; depth--) {
		struct node *parent = path[depth - 1];
		unsigned slot = slots[depth - 1];

		parent->children = array_remove(
			parent->children, (size_t)__builtin_popcountll(parent->outer), rank(parent->outer, slot), sizeof(*parent));
		parent->outer &= ~((uint64_t)1 << slot);
		lpm->nodes--;
	}
}

uint32_t lpm_remove(struct lpm *lpm, struct prefix prefix)
{
	struct node *path[DEPTH_MAX + 1] = {&lpm->root};
	unsigned slots[DEPTH_MAX + 1];
	unsigned width = ip_bits(lpm->family), length, position, index;
	unsigned depth = prefix_depth(prefix, &length);
	struct node *node = &lpm->root;
	uint32_t old;

	CHECK(prefix.ip.family == lpm->family);
	for (unsigned level = 0; level < depth; level++) {
		slots[level] = address_bits(prefix.ip.bytes, width, level * STRIDE);
		node = node_child(node, slots[level]);
		if (node == NULL)
			return LPM_NONE;
		path[level + 1] = node;
	}
	position = heap_position(length > 0 ? address_bits(prefix.ip.bytes, width, depth * STRIDE) : 0, length);
	if (!(node->inner >> position & 1))
		return LPM_NONE;
	index = rank(node->inner, position);
	old = node->values[index];
	node->values = array_remove(node->values, (size_t)__builtin_popcountll(node->inner), index, sizeof(old));
	node->inner &= ~((uint64_t)1 << position);
	lpm->count--;
	path_prune(lpm, path, slots, depth);
	return old;
}

uint32_t lpm_get(const struct lpm *lpm, struct prefix prefix)
{
	const struct node *node = &lpm->root;
	unsigned width = ip_bits(lpm->family), length, position;
	unsigned depth = prefix_depth(prefix, &length);

	for (unsigned level = 0; level < depth; level++) {
		node = node_child(node, address_bits(prefix.ip.bytes, width, level * STRIDE));
		if (node == NULL)
			return LPM_NONE;
	}
	position = heap_position(length > 0 ? address_bits(prefix.ip.bytes, width, depth * STRIDE) : 0, length);
	return node->inner >> position & 1 ? node->values[rank(node->inner, position)] : LPM_NONE;
}

/* The bits of `inner` that stand for prefixes of `slot`, one for each length. */
static uint64_t matching_prefixes(unsigned slot)
{
	uint64_t bits = 0;

	for (unsigned length = 0; length < STRIDE; length++)
		bits |= (uint64_t)1 << heap_position(slot, length);
	return bits;
}

uint32_t lpm_lookup(const struct lpm *lpm, const uint8_t *address)
{
	unsigned width = ip_bits(lpm->family);
	uint32_t best = LPM_NONE;
	unsigned at = 0;

	for (const struct node *node = &lpm->root; node != NULL; at += STRIDE) {
		unsigned slot = at < width ? address_bits(address, width, at) : 0;
		uint64_t match = node->inner & (at < width ? matching_prefixes(slot) : 1);

		/* The heap orders by length, so the highest bit is the longest. */
		if (match != 0)
			best = node->values[rank(node->inner, 63u - (unsigned)__builtin_clzll(match))];
		node = at < width ? node_child(node, slot) : NULL;
	}
	return best;
}

uint32_t lpm_count(const struct lpm *lpm) { return lpm->count; }

size_t lpm_bytes(const struct lpm *lpm) { return sizeof(*lpm) + lpm->nodes * sizeof(struct node) + (size_t)lpm->count * sizeof(uint32_t); }
