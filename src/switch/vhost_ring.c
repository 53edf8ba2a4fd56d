/* The ring engine: takes frames out of a guest's rings and puts frames into them. */
#include "switch/vhost_ring.h"

#include "switch/offload.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the rings of virtio 1 are little-endian and read without conversion");

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

static inline uint16_t shared_load(const uint16_t *at) { return __atomic_load_n(at, __ATOMIC_RELAXED); }
static inline void shared_store(uint16_t *at, uint16_t value) { __atomic_store_n(at, value, __ATOMIC_RELAXED); }

/* The driver's used_event lies behind the available ring, our avail_event behind the used ring. */
static inline uint16_t *used_event(const struct vhost_ring *ring) { return &ring->avail->ring[ring->setup.size]; }
static inline uint16_t *avail_event(const struct vhost_ring *ring) { return (uint16_t *)(void *)&ring->used->ring[ring->setup.size]; }

static void signal_fd(int fd)
{
	const uint64_t one = 1;

	if (fd >= 0)
		(void)!write(fd, &one, sizeof(one));
}

/* The caller counts the reason. */
static void ring_break(struct vhost_ring *ring)
{
	ring->broken = true;
	signal_fd(ring->error_fd);
}

int vhost_ring_start(struct vhost_ring *ring, const struct vhost_memory *memory, const struct vhost_ring_setup *setup, struct err *err)
{
	uint32_t size = setup->size;

	CHECK(!ring->running);
	if (size == 0 || size > VHOST_RING_SIZE_MAX || (size & (size - 1)) != 0)
		return err_set(err, -EINVAL, "a ring of %u descriptors", size);
	if (setup->desc_at % VRING_DESC_ALIGN_SIZE != 0 || setup->avail_at % VRING_AVAIL_ALIGN_SIZE != 0 ||
		setup->used_at % VRING_USED_ALIGN_SIZE != 0)
		return err_set(err, -EINVAL, "a ring that isn't aligned");
	ring->desc = (void *)vhost_memory_at_user(memory, setup->desc_at, sizeof(struct vring_desc) * size);
	ring->avail = (void *)vhost_memory_at_user(memory, setup->avail_at, sizeof(struct vring_avail) + 2 * (size + 1));
	ring->used =
		(void *)vhost_memory_at_user(memory, setup->used_at, sizeof(struct vring_used) + sizeof(struct vring_used_elem) * size + 2);
	/* The mapping has the page's alignment only as long as the region's addresses agree on theirs. */
	if (ring->desc == NULL || ring->avail == NULL || ring->used == NULL || (uintptr_t)ring->desc % VRING_DESC_ALIGN_SIZE != 0 ||
		(uintptr_t)ring->avail % VRING_AVAIL_ALIGN_SIZE != 0 || (uintptr_t)ring->used % VRING_USED_ALIGN_SIZE != 0)
		return err_set(err, -EINVAL, "a ring outside of the guest's memory");
	ring->setup = *setup;
	ring->avail_next = ring->avail_seen = ring->used_next = ring->used_shown = shared_load(&ring->used->idx);
	ring->broken = false;
	ring->interrupt_next = true;
	ring->running = true;
	vhost_ring_disarm(ring);
	return 0;
}

void vhost_ring_stop(struct vhost_ring *ring)
{
	if (!ring->running)
		return;
	vhost_ring_flush(ring);
	ring->running = false;
	ring->desc = NULL;
	ring->avail = NULL;
	ring->used = NULL;
}

/* True when the driver offers entry `avail_next + ahead`. Breaks the ring when it offers more than it has. */
static bool ring_offers(struct vhost_ring *ring, uint16_t ahead)
{
	uint16_t seen;

	if ((uint16_t)(ring->avail_seen - ring->avail_next) > ahead)
		return true;
	seen = __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE);
	if ((uint16_t)(seen - ring->avail_next) > ring->setup.size) {
		ring_break(ring);
		return false;
	}
	ring->avail_seen = seen;
	return (uint16_t)(seen - ring->avail_next) > ahead;
}

static inline uint16_t ring_head(const struct vhost_ring *ring, uint16_t ahead)
{
	return shared_load(&ring->avail->ring[(uint16_t)(ring->avail_next + ahead) & (ring->setup.size - 1)]);
}

/* Writes used entry `used_next + ahead`; the driver sees it after the next flush. */
static inline void ring_use(struct vhost_ring *ring, uint16_t ahead, uint16_t head, uint32_t written)
{
	struct vring_used_elem *element = &ring->used->ring[(uint16_t)(ring->used_next + ahead) & (ring->setup.size - 1)];

	element->id = head;
	element->len = written;
}

/* The first `count` offered buffers are done with. */
static inline void ring_advance(struct vhost_ring *ring, uint16_t count)
{
	ring->avail_next = (uint16_t)(ring->avail_next + count);
	ring->used_next = (uint16_t)(ring->used_next + count);
}

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

/*
 * Adds the pieces of the buffer that starts at descriptor `head`. DESC_INDEX and DESC_LOOP mean that the ring must stop (in a ring larger
 * than VHOST_SEGMENTS_MAX a loop is found as DESC_CHAIN first, which costs the frame only).
 */
static enum drop_reason chain_read(
	const struct vhost_ring *ring, const struct vhost_memory *memory, uint16_t head, bool write, struct chain *chain)
{
	uint32_t index = head;

	for (uint32_t steps = 0; steps < ring->setup.size; steps++) {
		struct vring_desc desc;
		enum drop_reason reason;

		if (index >= ring->setup.size)
			return DROP_DESC_INDEX;
		memcpy(&desc, &ring->desc[index], sizeof(desc));
		copied_once();
		if (desc.flags & VRING_DESC_F_INDIRECT) {
			if (!ring->setup.indirect || (desc.flags & VRING_DESC_F_NEXT))
				return DROP_DESC_INDIRECT;
			return chain_indirect(chain, memory, &desc, write);
		}
		reason = chain_add(chain, memory, &desc, write);
		if (reason != DROP_NONE || !(desc.flags & VRING_DESC_F_NEXT))
			return reason;
		index = desc.next;
	}
	return DROP_DESC_LOOP;
}

static inline bool breaks_ring(enum drop_reason reason) { return reason == DROP_DESC_INDEX || reason == DROP_DESC_LOOP; }

/* Copies between a chain and plain memory; the caller knows that the bytes are there. */
static void cursor_read(struct cursor *cursor, void *out, size_t bytes)
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

static void cursor_write(struct cursor *cursor, const void *in, size_t bytes)
{
	const uint8_t *from = in;

	while (bytes > 0) {
		/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): the pieces add up to what is written */
		size_t here = cursor->segment->bytes - cursor->offset;
		size_t n = bytes < here ? bytes : here;

		if (n > 0)
			memcpy(cursor->segment->at + cursor->offset, from, n);
		from += n;
		bytes -= n;
		cursor->offset += (uint32_t)n;
		if (n == here)
			*cursor = (struct cursor){cursor->segment + 1, 0};
	}
}

/* Copies a frame out of its buffer. NULL with a reason when there is none in it. */
static struct packet *frame_read(const struct vhost_ring *ring, struct device *device, const struct chain *chain, enum drop_reason *reason)
{
	struct virtio_net_hdr header;
	struct cursor cursor = {chain->segments, 0};
	uint8_t rest[2];
	struct packet *packet;
	uint64_t bytes;

	if (chain->bytes < ring->setup.header_bytes + UINT64_C(14))
		return *reason = DROP_RUNT, NULL;
	bytes = chain->bytes - ring->setup.header_bytes;
	if (bytes > PACKET_FRAME_BYTES_MAX)
		return *reason = DROP_FRAME_TOO_LONG, NULL;
	packet = packet_new(device->pool, bytes);
	if (packet == NULL)
		return *reason = DROP_NO_BUFFER, NULL;
	cursor_read(&cursor, &header, sizeof(header));
	cursor_read(&cursor, rest, ring->setup.header_bytes - sizeof(header));
	cursor_read(&cursor, packet->data, bytes);
	packet->offload = (struct packet_offload){
		.flags = header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, /* a sender can't vouch for its own checksum (5.1.6.2) */
		.gso_type = header.gso_type,
		.gso_size = header.gso_size,
		.csum_start = header.csum_start,
		.csum_offset = header.csum_offset,
	};
	*reason = !offload_check(packet)							      ? DROP_BAD_OFFLOAD
		  : offload_frame_bytes(packet) > (uint32_t)device->mtu + DEVICE_FRAME_OVERHEAD_BYTES ? DROP_FRAME_TOO_LONG
												      : DROP_NONE;
	if (*reason == DROP_NONE)
		return packet;
	packet_free(device->pool, packet);
	return NULL;
}

unsigned vhost_ring_receive(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, struct packet **packets, unsigned room)
{
	unsigned received = 0;

	for (unsigned looks = room * 2; looks > 0 && received < room; looks--) {
		struct chain chain;
		struct packet *packet = NULL;
		enum drop_reason reason;
		uint16_t head;

		if (!ring->running || ring->broken)
			break;
		if (!ring_offers(ring, 0)) {
			if (ring->broken)
				device_drop(device, DROP_DESC_INDEX, 1);
			break;
		}
		head = ring_head(ring, 0);
		chain.count = 0;
		chain.bytes = 0;
		reason = chain_read(ring, memory, head, false, &chain);
		if (breaks_ring(reason)) {
			ring_break(ring);
			device_drop(device, reason, 1);
			break;
		}
		if (reason == DROP_NONE)
			packet = frame_read(ring, device, &chain, &reason);
		if (packet != NULL)
			packets[received++] = packet;
		else
			device_drop(device, reason, 1);
		ring_use(ring, 0, head, 0);
		ring_advance(ring, 1);
		device->dirty = true;
	}
	return received;
}

/*
 * Takes as many buffers as `need` bytes want, adding their pieces to `chain` and writing their used entries; `count` says how many. On
 * DROP_NONE all are there. A faulty buffer is among those counted, so that the caller can give it back.
 */
static enum drop_reason buffers_take(
	struct vhost_ring *ring, const struct vhost_memory *memory, uint32_t need, struct chain *chain, uint16_t *count)
{
	uint64_t taken = 0;

	chain->count = 0;
	chain->bytes = 0;
	*count = 0;
	do {
		enum drop_reason reason;
		uint16_t head;

		if (!ring_offers(ring, *count))
			return ring->broken ? DROP_DESC_INDEX : DROP_RING_FULL;
		head = ring_head(ring, *count);
		reason = chain_read(ring, memory, head, true, chain);
		if (breaks_ring(reason)) {
			ring_break(ring);
			return reason;
		}
		if (reason == DROP_NONE && *count == 0 && chain->bytes < ring->setup.header_bytes)
			reason = DROP_RUNT;
		if (reason == DROP_NONE && !ring->setup.mergeable && chain->bytes < need)
			return DROP_FRAME_TOO_LONG;
		ring_use(ring, *count, head, (uint32_t)((chain->bytes < need ? chain->bytes : need) - taken));
		++*count;
		if (reason != DROP_NONE)
			return reason;
		taken = chain->bytes;
	} while (taken < need);
	return DROP_NONE;
}

/* Gives the first `count` buffers back with nothing in them. */
static void buffers_return(struct vhost_ring *ring, struct device *device, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		ring->used->ring[(uint16_t)(ring->used_next + i) & (ring->setup.size - 1)].len = 0;
	ring_advance(ring, count);
	device->dirty = true;
}

enum drop_reason vhost_ring_send(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, const struct packet *packet)
{
	struct virtio_net_hdr_mrg_rxbuf header = {
		.hdr = {.flags = packet->offload.flags,
			.gso_type = packet->offload.gso_type,
			.hdr_len = packet->offload.hdr_len,
			.gso_size = packet->offload.gso_size,
			.csum_start = packet->offload.csum_start,
			.csum_offset = packet->offload.csum_offset},
	};
	struct chain chain;
	struct cursor cursor = {chain.segments, 0};
	enum drop_reason reason;
	uint16_t count;

	if (!ring->running || ring->broken)
		return DROP_NOT_READY;
	reason = buffers_take(ring, memory, ring->setup.header_bytes + packet->size, &chain, &count);
	if (reason == DROP_RING_FULL || reason == DROP_FRAME_TOO_LONG || breaks_ring(reason))
		return reason; /* nothing was taken */
	if (reason != DROP_NONE) {
		buffers_return(ring, device, count);
		return reason;
	}
	header.num_buffers = count;
	cursor_write(&cursor, &header, ring->setup.header_bytes);
	cursor_write(&cursor, packet->data, packet->size);
	ring_advance(ring, count);
	device->dirty = true;
	return DROP_NONE;
}

/* 2.7.7.2: does the driver want to hear that used->idx moved from `old` to `now`? Read after used->idx is visible. */
static bool wants_interrupt(const struct vhost_ring *ring, uint16_t old, uint16_t now)
{
	if (ring->setup.event_idx)
		return (uint16_t)(now - shared_load(used_event(ring)) - 1) < (uint16_t)(now - old);
	return !(shared_load(&ring->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
}

void vhost_ring_flush(struct vhost_ring *ring)
{
	uint16_t old = ring->used_shown;

	if (!ring->running || old == ring->used_next)
		return;
	__atomic_store_n(&ring->used->idx, ring->used_next, __ATOMIC_RELEASE);
	ring->used_shown = ring->used_next;
	/* The index must be out before the driver's wish is read: it writes its wish, then reads the index. */
	atomic_thread_fence(memory_order_seq_cst);
	if (wants_interrupt(ring, old, ring->used_next) || ring->interrupt_next)
		signal_fd(ring->call_fd);
	ring->interrupt_next = false;
}

void vhost_ring_arm(struct vhost_ring *ring)
{
	if (!ring->running)
		return;
	if (ring->setup.event_idx)
		shared_store(avail_event(ring), ring->avail_next);
	else
		shared_store(&ring->used->flags, 0);
}

void vhost_ring_disarm(struct vhost_ring *ring)
{
	/* With event_idx the driver has passed avail_event by now and won't kick before it is set again. */
	if (ring->running && !ring->setup.event_idx)
		shared_store(&ring->used->flags, VRING_USED_F_NO_NOTIFY);
}
