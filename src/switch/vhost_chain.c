/* Buffers of many pieces: reads the chains of descriptors that a guest made, copies out of and into their pieces. */
#include "switch/vhost_chain.h"

#include <string.h>

/* Adds one copied descriptor. An empty one takes its place, too, so that nobody makes us walk for nothing. */
static enum drop_reason chain_add(struct chain *chain, const struct vhost_memory *memory, const struct vring_desc *desc, bool write)
{
	uint8_t *at;

	if (((desc->flags & VRING_DESC_F_WRITE) != 0) != write)
		return DROP_DESC_DIRECTION;
	if (chain->count == VHOST_SEGMENTS_MAX)
		return DROP_DESC_CHAIN;
	at = vhost_memory_at(memory, desc->addr, desc->len);
	if (at == NULL && desc->len > 0)
		return DROP_DESC_ADDRESS;
	chain->segments[chain->count++] = (struct segment){at, desc->len};
	chain->bytes += desc->len;
	return DROP_NONE;
}

/* Walks an indirect table (2.7.5.3). Its faults are those of one buffer: the ring itself is sound. */
static enum drop_reason chain_indirect(struct chain *chain, const struct vhost_memory *memory, const struct vring_desc *table, bool write)
{
	uint32_t size = table->len / sizeof(struct vring_desc);
	const uint8_t *at = vhost_memory_at(memory, table->addr, table->len);
	uint32_t index = 0;

	if (size == 0 || table->len % sizeof(struct vring_desc) != 0)
		return DROP_DESC_INDIRECT;
	if (at == NULL)
		return DROP_DESC_ADDRESS;
	for (uint32_t steps = 0; steps < size && steps <= VHOST_SEGMENTS_MAX; steps++) {
		struct vring_desc desc;
		enum drop_reason reason;

		memcpy(&desc, at + (size_t)index * sizeof(desc), sizeof(desc));
		copied_once();
		if (desc.flags & VRING_DESC_F_INDIRECT)
			return DROP_DESC_INDIRECT;
		reason = chain_add(chain, memory, &desc, write);
		if (reason != DROP_NONE || !(desc.flags & VRING_DESC_F_NEXT))
			return reason;
		index = desc.next;
		if (index >= size)
			return DROP_DESC_INDIRECT;
	}
	return size > VHOST_SEGMENTS_MAX ? DROP_DESC_CHAIN : DROP_DESC_INDIRECT;
}

enum drop_reason chain_read(
	const struct vhost_ring *ring, const struct vhost_memory *memory, struct vring_desc desc, bool write, struct chain *chain)
{
	for (uint32_t steps = 0; steps < ring->setup.size; steps++) {
		enum drop_reason reason;

		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (!ring->setup.indirect || (desc.flags & VRING_DESC_F_NEXT))
				return DROP_DESC_INDIRECT;
			return chain_indirect(chain, memory, &desc, write);
		}
		reason = chain_add(chain, memory, &desc, write);
		if (reason != DROP_NONE || !(desc.flags & VRING_DESC_F_NEXT))
			return reason;
		if (desc.next >= ring->setup.size)
			return DROP_DESC_INDEX;
		memcpy(&desc, &ring->desc[desc.next], sizeof(desc));
		copied_once();
	}
	return DROP_DESC_LOOP;
}

void cursor_read(struct cursor *cursor, void *out, size_t bytes)
{
	uint8_t *to = out;

	while (bytes > 0) {
		size_t here = cursor->segment->bytes - cursor->offset;
		size_t n = bytes < here ? bytes : here;

		if (n > 0) /* an empty piece may be nowhere */
			memcpy(to, cursor->segment->at + cursor->offset, n);
		to += n;
		bytes -= n;
		cursor->offset += (uint32_t)n;
		if (n == here)
			*cursor = (struct cursor){cursor->segment + 1, 0};
	}
}

void cursor_write(struct cursor *cursor, const void *in, size_t bytes)
{
	const uint8_t *from = in;

	while (bytes > 0) {
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the pieces add up to what is written */
		size_t here = cursor->segment->bytes - cursor->offset;
		size_t n = bytes < here ? bytes : here;

		if (n > 0)
			memmove(cursor->segment->at + cursor->offset, from, n); /* from memory of the same guest, perhaps */
		from += n;
		bytes -= n;
		cursor->offset += (uint32_t)n;
		if (n == here)
			*cursor = (struct cursor){cursor->segment + 1, 0};
	}
}
