/*
 * Buffers of many pieces in a guest's memory: chains of descriptors, direct and indirect (virtio 1.2, 2.7.5).
 *
 * Each descriptor is copied once, checked, and only the copy is used; the walk has at most as many steps as its table has entries or a
 * frame may have pieces.
 */
#ifndef SWITCH_VHOST_CHAIN_H
#define SWITCH_VHOST_CHAIN_H

#include "switch/vhost_ring.h"

#include <stdatomic.h>

/* A piece of a buffer, in our address space. */
struct segment {
	uint8_t *at;
	uint32_t bytes;
};

/* The pieces of one buffer, or of several that are filled with one frame. */
struct chain {
	unsigned count;
	uint64_t bytes;
	struct segment segments[VHOST_SEGMENTS_MAX];
};

/* A place in a chain. */
struct cursor {
	const struct segment *segment;
	uint32_t offset;
};

/* Makes the compiler forget what it knows of memory: a copy made before is the only one it has, and it can't be read again. */
static inline void copied_once(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	__asm__ volatile("" ::: "memory");
}

/*
 * Adds the pieces of the buffer whose first descriptor was copied to `desc`. DESC_INDEX and DESC_LOOP mean that the ring must stop (in a
 * ring larger than VHOST_SEGMENTS_MAX a loop is found as DESC_CHAIN first, which costs the frame only).
 */
enum drop_reason chain_read(
	const struct vhost_ring *ring, const struct vhost_memory *memory, struct vring_desc desc, bool write, struct chain *chain);

/* Copies between a chain and plain memory, moving the cursor; the caller knows that the bytes are there. */
void cursor_read(struct cursor *cursor, void *out, size_t bytes);
void cursor_write(struct cursor *cursor, const void *in, size_t bytes);

#endif
