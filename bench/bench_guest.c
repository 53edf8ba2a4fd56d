/* A driver of two rings for measurements. */
#include "bench_guest.h"

#include "base/check.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/ipv4.h"

#include <string.h>
#include <unistd.h>

/* Bytes of the virtio-net header (version 1), and from one buffer to the next: an odd number of cache lines, so that not all fall on one.
 */
enum { HEADER_BYTES = 12, SLOT_BYTES = 27 * 64, PORTS_AT = HEADER_BYTES + 14 + 20, MASK = BENCH_RING_SIZE - 1 };

static uint8_t *slot(const struct bench_guest *bench, unsigned ring, unsigned index)
{
	return bench->guest.ram + bench->guest.rings[ring].data_at + (uint64_t)(index & MASK) * SLOT_BYTES;
}

/* Lays a UDP frame with a right header checksum (and no UDP checksum) into a buffer. */
static void frame_write(const struct bench_frame *frame, uint8_t *at)
{
	struct ethernet_header *eth = (struct ethernet_header *)(at + HEADER_BYTES);
	struct ipv4_header *ip = (struct ipv4_header *)(eth + 1);
	uint8_t *udp = (uint8_t *)(ip + 1);
	uint16_t ip_bytes = (uint16_t)(frame->bytes - sizeof(*eth));

	memset(at, 0, HEADER_BYTES + (size_t)frame->bytes);
	eth->destination = frame->dst;
	eth->source = frame->src;
	wire_put_u16(eth->type, ETHERNET_IPV4);
	ip->version_ihl = 0x45;
	wire_put_u16(ip->total_bytes, ip_bytes);
	ip->ttl = 64;
	ip->protocol = IP_PROTOCOL_UDP;
	memcpy(ip->source, frame->ip_src.bytes, 4);
	memcpy(ip->destination, frame->ip_dst.bytes, 4);
	wire_put_u16(ip->checksum, checksum_fold(checksum_add(0, ip, sizeof(*ip))));
	wire_put_u16(udp + 4, (uint16_t)(ip_bytes - sizeof(*ip)));
}

void bench_guest_set_frame(struct bench_guest *bench, const struct bench_frame *frame)
{
	bench->frame = *frame;
	bench->flow = 0;
	for (unsigned i = 0; i < BENCH_RING_SIZE; i++) {
		frame_write(frame, slot(bench, GUEST_TX, i));
		bench->guest.rings[GUEST_TX].desc[i].len = HEADER_BYTES + frame->bytes;
	}
}

void bench_guest_start(struct bench_guest *bench, const struct bench_frame *frame)
{
	memset(bench, 0, sizeof(*bench));
	guest_start(&bench->guest, BENCH_RING_SIZE, NULL, NULL);
	for (unsigned r = 0; r < 2; r++) {
		struct guest_ring *ring = &bench->guest.rings[r];

		for (unsigned i = 0; i < BENCH_RING_SIZE; i++) {
			ring->desc[i] = (struct vring_desc){guest_physical(&bench->guest, ring->data_at + (uint64_t)i * SLOT_BYTES),
				SLOT_BYTES, r == GUEST_RX ? VRING_DESC_F_WRITE : 0, 0};
			ring->avail->ring[i] = (uint16_t)i;
		}
		ring->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	}
	bench_guest_set_frame(bench, frame);
}

void bench_guest_end(struct bench_guest *bench) { guest_end(&bench->guest); }

void bench_guest_set_up(struct bench_guest *bench)
{
	struct guest_ring *rx = &bench->guest.rings[GUEST_RX];

	bench->guest.protocol_features = GUEST_BIT(VHOST_USER_PROTOCOL_F_MQ) | GUEST_BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK);
	guest_set_up(&bench->guest, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF));
	rx->avail_next = BENCH_RING_SIZE;
	__atomic_store_n(&rx->avail->idx, rx->avail_next, __ATOMIC_RELEASE);
}

/* The back end sleeps: wake it. */
static void kick(const struct guest_ring *ring)
{
	const uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY))
		(void)!write(ring->kick_fd, &one, sizeof(one));
}

unsigned bench_guest_pending(const struct bench_guest *bench)
{
	const struct guest_ring *ring = &bench->guest.rings[GUEST_TX];

	return (uint16_t)(ring->avail_next - __atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE));
}

unsigned bench_guest_send(struct bench_guest *bench, unsigned count)
{
	struct guest_ring *ring = &bench->guest.rings[GUEST_TX];
	unsigned room = BENCH_RING_SIZE - bench_guest_pending(bench);

	if (count > room)
		count = room;
	if (count == 0)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		/* The low part is the source port, so that neighbors differ in more than one field. */
		uint32_t ports = __builtin_bswap32((bench->flow & 0x7fff) << 16 | ((bench->flow >> 15) + 1024));

		memcpy(slot(bench, GUEST_TX, ring->avail_next + i) + PORTS_AT, &ports, sizeof(ports));
		if (++bench->flow == bench->frame.flows)
			bench->flow = 0;
	}
	ring->avail_next = (uint16_t)(ring->avail_next + count);
	__atomic_store_n(&ring->avail->idx, ring->avail_next, __ATOMIC_RELEASE);
	kick(ring);
	return count;
}

unsigned bench_guest_receive(struct bench_guest *bench)
{
	struct guest_ring *ring = &bench->guest.rings[GUEST_RX];
	unsigned count = (uint16_t)(__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) - ring->used_seen);

	if (count == 0)
		return 0;
	for (unsigned i = 0; i < count; i++) {
		const struct vring_used_elem *element = &ring->used->ring[(ring->used_seen + i) & MASK];

		bench->disordered += element->id != ((ring->used_seen + i) & MASK);
		bench->received_bytes += element->len - HEADER_BYTES;
	}
	ring->used_seen = (uint16_t)(ring->used_seen + count);
	bench->received += count;
	ring->avail_next = (uint16_t)(ring->avail_next + count);
	__atomic_store_n(&ring->avail->idx, ring->avail_next, __ATOMIC_RELEASE);
	return count;
}

bool bench_guest_check(const struct bench_guest *bench, struct mac dst, uint32_t bytes)
{
	const struct guest_ring *ring = &bench->guest.rings[GUEST_RX];
	const uint8_t *at = slot(bench, GUEST_RX, ring->used_seen - 1U);
	const struct ethernet_header *eth = (const struct ethernet_header *)(at + HEADER_BYTES);

	return mac_equal(eth->destination, dst) && wire_get_u16(eth->type) == ETHERNET_IPV4 &&
	       ring->used->ring[(ring->used_seen - 1U) & MASK].len == HEADER_BYTES + bytes;
}
