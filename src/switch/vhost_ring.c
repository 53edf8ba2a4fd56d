/*
 * The ring engine: takes frames out of a guest's rings and puts frames into them.
 *
 * Long because both directions move the same few indexes of a ring, which nobody else may touch.
 */
#include "switch/vhost_ring.h"

#include "switch/offload.h"
#include "switch/vhost_chain.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the rings of virtio 1 are little-endian and read without conversion");

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
	ring->offer_count = 0;
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

/* How many entries from `avail_next` on the driver offers, up to `wanted`. Breaks the ring when it offers more than it has. */
static unsigned ring_offered(struct vhost_ring *ring, unsigned wanted)
{
	unsigned offered = (uint16_t)(ring->avail_seen - ring->avail_next);
	uint16_t seen;

	if (offered >= wanted)
		return wanted;
	seen = __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE);
	offered = (uint16_t)(seen - ring->avail_next);
	if (offered > ring->setup.size) {
		ring_break(ring);
		return 0;
	}
	ring->avail_seen = seen;
	return offered < wanted ? offered : wanted;
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

/*
 * Copies the next `count` entries that are offered, when there is none left of those copied before, and asks for their memory. An entry
 * that names no descriptor ends them. Returns how many are at hand.
 */
static unsigned offers_copy(struct vhost_ring *ring, const struct vhost_memory *memory, bool write, unsigned count)
{
	struct vhost_offer *offers = ring->offers;
	const uint32_t size = ring->setup.size;
	const struct vring_desc *descriptors = ring->desc;
	const struct vhost_region *last = &memory->regions[0];
	uint16_t simple = write ? VRING_DESC_F_WRITE : 0;

	count = count < PACKET_BURST ? count : PACKET_BURST;
	for (unsigned i = 0; i < count; i++) {
		uint16_t head = ring_head(ring, (uint16_t)i);

		offers[i].head = head;
		if (head >= size)
			count = i;
		else
			__builtin_prefetch(&descriptors[head]);
	}
	for (unsigned i = 0; i < count; i++) {
		struct vhost_offer *offer = &offers[i];
		uint8_t *at = NULL;

		memcpy(&offer->desc, &descriptors[offer->head], sizeof(offer->desc));
		copied_once();
		if (offer->desc.flags == simple)
			at = vhost_memory_near(memory, &last, offer->desc.addr, offer->desc.len);
		offer->at = at;
		if (at != NULL) {
			__builtin_prefetch(at);
			__builtin_prefetch(at + 64);
		}
	}
	ring->offer_first = 0;
	ring->offer_count = (uint8_t)count;
	return count;
}

/* The offers at hand, at most `room`. Breaks the ring when the next entry names no descriptor. */
static unsigned offers_get(struct vhost_ring *ring, const struct vhost_memory *memory, bool write, unsigned room)
{
	unsigned count = ring->offer_count;

	if (count == 0) {
		unsigned offered = ring_offered(ring, room);

		count = offers_copy(ring, memory, write, offered);
		if (count == 0 && offered > 0)
			ring_break(ring);
	}
	return count < room ? count : room;
}

/* Copies ahead what is known to be offered. */
static void offers_ahead(struct vhost_ring *ring, const struct vhost_memory *memory, bool write)
{
	if (ring->offer_count == 0 && ring->running && !ring->broken)
		(void)offers_copy(ring, memory, write, (uint16_t)(ring->avail_seen - ring->avail_next));
}

/* The first `count` offered buffers are done with. */
static inline void ring_advance(struct vhost_ring *ring, unsigned count)
{
	unsigned copied = count < ring->offer_count ? count : ring->offer_count;

	ring->avail_next = (uint16_t)(ring->avail_next + count);
	ring->used_next = (uint16_t)(ring->used_next + count);
	ring->offer_first = (uint8_t)(ring->offer_first + copied);
	ring->offer_count = (uint8_t)(ring->offer_count - copied);
}

static inline bool breaks_ring(enum drop_reason reason) { return reason == DROP_DESC_INDEX || reason == DROP_DESC_LOOP; }

/* Copies a short run of bytes, which is what most frames are, without a call. */
static inline void copy_short(uint8_t *restrict to, const uint8_t *restrict from, uint32_t bytes)
{
	if (bytes < 16) {
		memcpy(to, from, bytes);
		return;
	}
	for (uint32_t i = 0; i < bytes - 15; i += 16)
		memcpy(to + i, from + i, 16);
	/* The rest, and some of what was before it. */
	memcpy(to + bytes - 16, from + bytes - 16, 16);
}

/* The frame's other headers may be longer than what is in the buffer: IPv6 with extensions, checksums that are far inside. */
static bool wants_whole(const struct packet *packet)
{
	const uint8_t *frame = packet->data;
	uint8_t next = frame[20];

	if ((packet->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) && packet->offload.csum_start + 64U > PACKET_HEAD_BYTES)
		return true;
	return frame[12] == 0x86 && frame[13] == 0xdd && next != 6 && next != 17 && next != 58;
}

/* Takes over what the driver said of its frame. */
static inline enum drop_reason frame_accept(struct device *device, struct packet *packet, const struct virtio_net_hdr *header)
{
	bool offloads = (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) || header->gso_type != VIRTIO_NET_HDR_GSO_NONE;
	uint32_t bytes = packet->size;

	if (offloads)
		packet->offload = (struct packet_offload){
			.flags = header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, /* a sender can't vouch for its own checksum (5.1.6.2) */
			.gso_type = header->gso_type,
			.gso_size = header->gso_size,
			.csum_start = header->csum_start,
			.csum_offset = header->csum_offset,
		};
	if (packet->tail_bytes > 0 && wants_whole(packet))
		packet_whole(packet);
	if (offloads && !offload_check(packet))
		return DROP_BAD_OFFLOAD;
	if (offloads)
		bytes = offload_frame_bytes(packet);
	return bytes > (uint32_t)device->mtu + DEVICE_FRAME_OVERHEAD_BYTES ? DROP_FRAME_TOO_LONG : DROP_NONE;
}

/* A frame in one piece, header and all. */
static struct packet *frame_read_simple(
	const struct vhost_ring *ring, struct device *device, const uint8_t *at, uint32_t bytes, enum drop_reason *reason)
{
	struct virtio_net_hdr header;
	struct packet *packet;

	if (bytes < ring->setup.header_bytes + 14U)
		return *reason = DROP_RUNT, NULL;
	bytes -= ring->setup.header_bytes;
	if (bytes > PACKET_FRAME_BYTES_MAX)
		return *reason = DROP_FRAME_TOO_LONG, NULL;
	packet = packet_new(device->pool, bytes);
	if (packet == NULL)
		return *reason = DROP_NO_BUFFER, NULL;
	memcpy(&header, at, sizeof(header));
	copied_once();
	at += ring->setup.header_bytes;
	if (bytes <= PACKET_WHOLE_BYTES) {
		copy_short(packet->data, at, bytes);
	} else {
		copy_short(packet->data, at, PACKET_HEAD_BYTES);
		packet->tail_bytes = bytes - PACKET_HEAD_BYTES;
		packet->piece_count = 1;
		packet->pieces[0] = (struct packet_piece){at + PACKET_HEAD_BYTES, packet->tail_bytes};
	}
	copied_once();
	*reason = frame_accept(device, packet, &header);
	if (*reason == DROP_NONE)
		return packet;
	packet_free(device->pool, packet);
	return NULL;
}

/* Leaves the rest of a frame, from `cursor` on, where it is; false when it is in too many pieces. */
static bool frame_leave(struct packet *packet, struct cursor cursor, uint32_t bytes)
{
	packet->tail_bytes = bytes;
	for (packet->piece_count = 0; bytes > 0; cursor = (struct cursor){cursor.segment + 1, 0}) {
		uint32_t here = cursor.segment->bytes - cursor.offset;

		if (here == 0)
			continue;
		if (packet->piece_count == PACKET_PIECES_MAX) {
			packet->piece_count = 0;
			packet->tail_bytes = 0;
			return false;
		}
		here = here < bytes ? here : bytes;
		packet->pieces[packet->piece_count++] = (struct packet_piece){cursor.segment->at + cursor.offset, here};
		bytes -= here;
	}
	return true;
}

/* Copies a frame, or its head, out of its buffer. NULL with a reason when there is none in it. */
static struct packet *frame_read(const struct vhost_ring *ring, struct device *device, const struct chain *chain, enum drop_reason *reason)
{
	struct virtio_net_hdr header;
	struct cursor cursor = {chain->segments, 0};
	uint8_t rest[2];
	struct packet *packet;
	uint64_t bytes;
	uint32_t head;

	if (chain->bytes < ring->setup.header_bytes + UINT64_C(14))
		return *reason = DROP_RUNT, NULL;
	bytes = chain->bytes - ring->setup.header_bytes;
	if (bytes > PACKET_FRAME_BYTES_MAX)
		return *reason = DROP_FRAME_TOO_LONG, NULL;
	packet = packet_new(device->pool, bytes);
	if (packet == NULL)
		return *reason = DROP_NO_BUFFER, NULL;
	head = bytes <= PACKET_WHOLE_BYTES ? (uint32_t)bytes : PACKET_HEAD_BYTES;
	cursor_read(&cursor, &header, sizeof(header));
	cursor_read(&cursor, rest, ring->setup.header_bytes - sizeof(header));
	cursor_read(&cursor, packet->data, head);
	if (head < bytes && !frame_leave(packet, cursor, (uint32_t)bytes - head))
		cursor_read(&cursor, packet->data + head, bytes - head);
	copied_once();
	*reason = frame_accept(device, packet, &header);
	if (*reason == DROP_NONE)
		return packet;
	packet_free(device->pool, packet);
	return NULL;
}

/* One buffer that isn't in one piece. */
static struct packet *offer_receive(struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device,
	const struct vhost_offer *offer, enum drop_reason *reason)
{
	struct chain chain;

	chain.count = 0;
	chain.bytes = 0;
	*reason = chain_read(ring, memory, offer->desc, false, &chain);
	if (*reason == DROP_NONE)
		return frame_read(ring, device, &chain, reason);
	if (breaks_ring(*reason))
		ring_break(ring);
	return NULL;
}

/* Takes the offers one after the other; returns how many gave a frame. */
static unsigned offers_receive(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, unsigned count, struct packet **packets)
{
	const struct vhost_offer *offers = &ring->offers[ring->offer_first];
	unsigned received = 0;
	unsigned done = 0;

	for (; done < count; done++) {
		const struct vhost_offer *offer = &offers[done];
		enum drop_reason reason;
		struct packet *packet;

		if (offer->at != NULL)
			packet = frame_read_simple(ring, device, offer->at, offer->desc.len, &reason);
		else
			packet = offer_receive(ring, memory, device, offer, &reason);
		if (packet != NULL)
			packets[received++] = packet;
		else
			device_drop(device, reason, 1);
		if (ring->broken)
			break;
		ring_use(ring, (uint16_t)done, offer->head, 0);
	}
	ring_advance(ring, done);
	device->dirty = true;
	return received;
}

unsigned vhost_ring_receive(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, struct packet **packets, unsigned room)
{
	unsigned received = 0;

	for (unsigned looks = room * 2; looks > 0 && received < room && ring->running && !ring->broken;) {
		unsigned count = offers_get(ring, memory, false, room - received < looks ? room - received : looks);

		if (count == 0) {
			if (ring->broken)
				device_drop(device, DROP_DESC_INDEX, 1);
			break;
		}
		received += offers_receive(ring, memory, device, count, packets + received);
		looks -= count;
	}
	if (received > 0)
		offers_ahead(ring, memory, false);
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
		struct vring_desc desc;
		uint16_t head;

		if (ring_offered(ring, *count + 1U) <= *count)
			return ring->broken ? DROP_DESC_INDEX : DROP_RING_FULL;
		head = ring_head(ring, *count);
		if (head >= ring->setup.size) {
			ring_break(ring);
			return DROP_DESC_INDEX;
		}
		memcpy(&desc, &ring->desc[head], sizeof(desc));
		copied_once();
		reason = chain_read(ring, memory, desc, true, chain);
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

/*
 * The header of a packet in `buffers` buffers, as two numbers: written field by field and read as a whole it would have to wait for its own
 * stores.
 */
struct header {
	uint64_t front; /* flags, gso_type, hdr_len, gso_size, csum_start */
	uint32_t back;	/* csum_offset, num_buffers */
};

static inline struct header header_of(const struct packet_offload *offload, uint16_t buffers)
{
	return (struct header){
		offload->flags | (uint64_t)offload->gso_type << 8 | (uint64_t)offload->hdr_len << 16 | (uint64_t)offload->gso_size << 32 |
			(uint64_t)offload->csum_start << 48,
		offload->csum_offset | (uint32_t)buffers << 16,
	};
}

/* While the hypervisor copies the guest's memory: marks the pages of a frame that was written into `chain`, and those of the used ring. */
static void log_chain(const struct vhost_ring *ring, const struct vhost_memory *memory, const struct chain *chain, uint64_t bytes)
{
	for (unsigned i = 0; i < chain->count && bytes > 0; i++) {
		uint64_t here = chain->segments[i].bytes < bytes ? chain->segments[i].bytes : bytes;

		vhost_log_mark_at(ring->setup.log, memory, chain->segments[i].at, here);
		bytes -= here;
	}
}

static inline bool ring_logs(const struct vhost_ring *ring) { return ring->setup.log != NULL && ring->setup.log->on; }

static inline void log_used(const struct vhost_ring *ring)
{
	if (ring_logs(ring) && ring->setup.log_used)
		vhost_log_mark(ring->setup.log, ring->setup.log_at,
			sizeof(struct vring_used) + sizeof(struct vring_used_elem) * ring->setup.size + sizeof(uint16_t));
}

static inline void header_write(struct header header, uint8_t header_bytes, uint8_t *to)
{
	memcpy(to, &header.front, sizeof(header.front));
	if (header_bytes == sizeof(struct virtio_net_hdr_mrg_rxbuf))
		memcpy(to + sizeof(header.front), &header.back, sizeof(header.back));
	else
		memcpy(to + sizeof(header.front), &header.back, sizeof(uint16_t));
}

/* Puts one frame into as many buffers as it takes, of as many pieces as they have. */
static enum drop_reason send_chain(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, const struct packet *packet)
{
	uint8_t header[sizeof(struct virtio_net_hdr_mrg_rxbuf)];
	struct chain chain;
	struct cursor cursor = {chain.segments, 0};
	enum drop_reason reason = DROP_NOT_READY;
	uint16_t count;

	if (!ring->broken)
		reason = buffers_take(ring, memory, ring->setup.header_bytes + packet->size, &chain, &count);
	if (reason == DROP_RING_FULL || reason == DROP_FRAME_TOO_LONG || reason == DROP_NOT_READY || breaks_ring(reason))
		return reason; /* nothing was taken */
	if (reason != DROP_NONE) {
		buffers_return(ring, device, count);
		return reason;
	}
	header_write(header_of(&packet->offload, count), ring->setup.header_bytes, header);
	cursor_write(&cursor, header, ring->setup.header_bytes);
	cursor_write(&cursor, packet->data, packet->size - packet->tail_bytes);
	for (unsigned i = 0; i < packet->piece_count; i++)
		cursor_write(&cursor, packet->pieces[i].at, packet->pieces[i].bytes);
	if (ring_logs(ring))
		log_chain(ring, memory, &chain, ring->setup.header_bytes + (uint64_t)packet->size);
	ring_advance(ring, count);
	device->dirty = true;
	return DROP_NONE;
}

/* Puts one frame into a buffer of one piece that is large enough. */
static inline void send_simple(const struct vhost_ring *ring, const struct packet *packet, uint8_t *to)
{
	uint32_t head = packet->size - packet->tail_bytes;

	header_write(header_of(&packet->offload, 1), ring->setup.header_bytes, to);
	to += ring->setup.header_bytes;
	if (head <= PACKET_WHOLE_BYTES)
		copy_short(to, packet->data, head);
	else
		memcpy(to, packet->data, head);
	to += head;
	for (unsigned i = 0; i < packet->piece_count; i++) {
		/* Both are memory of guests, which may be one and the same. */
		memmove(to, packet->pieces[i].at, packet->pieces[i].bytes);
		to += packet->pieces[i].bytes;
	}
}

/* Puts frames into the offers as long as one fits into one; returns how many. */
static unsigned offers_send(struct vhost_ring *ring, struct packet *const *packets, unsigned count)
{
	const struct vhost_offer *offers = &ring->offers[ring->offer_first];
	unsigned sent = 0;

	for (; sent < count; sent++) {
		const struct vhost_offer *offer = &offers[sent];
		uint32_t bytes = packets[sent]->size + ring->setup.header_bytes;

		if (offer->at == NULL || offer->desc.len < bytes || ring_logs(ring))
			break;
		send_simple(ring, packets[sent], offer->at);
		ring_use(ring, (uint16_t)sent, offer->head, bytes);
	}
	ring_advance(ring, sent);
	return sent;
}

uint64_t vhost_ring_send(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, struct packet *const *packets, unsigned count)
{
	uint64_t sent = 0;
	unsigned i = 0;

	if (!ring->running || ring->broken) {
		device_drop(device, DROP_NOT_READY, count);
		return 0;
	}
	while (i < count) {
		unsigned room = offers_get(ring, memory, true, count - i);
		unsigned done = offers_send(ring, packets + i, room);
		enum drop_reason reason;

		if (done > 0) {
			sent |= (UINT64_MAX >> (64 - done)) << i;
			device->dirty = true;
			i += done;
		}
		if (i == count || (done == room && done > 0))
			continue;
		/* The next frame needs more than one piece, or finds no buffer. */
		reason = ring->broken ? DROP_DESC_INDEX : send_chain(ring, memory, device, packets[i]);
		if (reason != DROP_NONE)
			device_drop(device, reason, 1);
		sent |= (uint64_t)(reason == DROP_NONE) << i;
		i++;
	}
	offers_ahead(ring, memory, true);
	return sent;
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
	log_used(ring);
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
	log_used(ring);
}

void vhost_ring_disarm(struct vhost_ring *ring)
{
	/* With event_idx the driver has passed avail_event by now and won't kick before it is set again. */
	if (ring->running && !ring->setup.event_idx)
		shared_store(&ring->used->flags, VRING_USED_F_NO_NOTIFY);
}
