/* Tests of bursts from one guest to another: what is copied once, from memory to memory, arrives whole. */
#include "switch/vhost_device.h"

#include "../../test/lib/guest.h"
#include "../../test/lib/stub_device.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RING_SIZE = 256, BURST = 16 };

#define GUEST_FEATURES_SEGMENTS (GUEST_BIT(VIRTIO_NET_F_GUEST_CSUM) | GUEST_BIT(VIRTIO_NET_F_GUEST_TSO4))

/* A guest with its device. */
struct side {
	struct guest guest;
	struct device *device;
};

/* Frames as they were sent. */
struct sent {
	uint32_t size;
	uint8_t bytes[1514];
};

static void pump(void *context)
{
	struct side *side = context;

	side->device->kind->ready(side->device, VHOST_TAG_SOCKET, 0);
}

static void side_start(struct side *side, struct packet_pool *pool, uint64_t features)
{
	struct msg_port port = {.id = 7};
	struct err err;

	guest_start(&side->guest, RING_SIZE, pump, side);
	side->device = vhost_kind.open(NULL, &port, 0, side->guest.back_fd, &err);
	assert_non_null(side->device);
	side->device->pool = pool;
	side->device->mtu = 1500;
	guest_set_up(&side->guest, features);
	assert_int_equal(side->device->state, PORT_STATE_UP);
}

static void side_end(struct side *side)
{
	assert_false(side->device->any_dropped);
	vhost_kind.close(side->device);
	guest_end(&side->guest);
}

/* What the worker does in a round. */
static unsigned forward(struct side *from, struct side *to)
{
	struct packet *packets[PACKET_BURST];
	unsigned count = vhost_kind.receive(from->device, packets, PACKET_BURST);
	uint64_t sent = vhost_kind.send(to->device, packets, count);

	vhost_kind.flush(from->device);
	vhost_kind.flush(to->device);
	assert_int_equal(__builtin_popcountll(sent), count);
	return count;
}

static unsigned some_pieces(struct rand *rand) { return rand_below(rand, 3) ? 1 : 1 + (unsigned)rand_below(rand, 8); }

static void send_random(struct side *from, struct sent *sent, struct rand *rand, bool indirect)
{
	static const struct virtio_net_hdr no_offload;

	sent->size = 14 + (uint32_t)rand_below(rand, 1501);
	for (uint32_t i = 0; i < sent->size; i++)
		sent->bytes[i] = (uint8_t)rand_u64(rand);
	assert_true(guest_transmit(&from->guest, &no_offload, sent->bytes, sent->size, some_pieces(rand), indirect));
}

/* One burst, with buffers of all shapes for it. */
static void burst_arrives_whole(struct side *from, struct side *to, struct rand *rand, bool indirect)
{
	static struct sent sent[BURST];
	static uint8_t got[GUEST_FRAME_BYTES_MAX];
	unsigned count = 1 + (unsigned)rand_below(rand, BURST);
	struct virtio_net_hdr header;

	for (unsigned i = 0; i < count; i++) {
		bool small = to->guest.features & GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF) && rand_below(rand, 4) == 0;

		send_random(from, &sent[i], rand, indirect && (i & 1));
		for (unsigned n = small ? 4 : 1; n > 0; n--)
			(void)guest_post(&to->guest, small ? 500 : 1600, some_pieces(rand));
	}
	assert_int_equal(forward(from, to), count);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(guest_receive(&to->guest, &header, got), sent[i].size);
		assert_memory_equal(got, sent[i].bytes, sent[i].size);
		assert_int_equal(header.flags, 0);
	}
	assert_int_equal(guest_reclaim(&from->guest), count);
}

/* Frames of all sizes and shapes, between guests with all sets of features. */
static void frames_arrive_whole(void **state)
{
	static const uint64_t sets[] = {GUEST_FEATURES_PLAIN, GUEST_BIT(VHOST_USER_F_PROTOCOL_FEATURES),
		GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF), GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX), 0};
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct side from, to;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t f = 0; f < COUNT_OF(sets) * COUNT_OF(sets); f++) {
		struct packet_pool *pool = packet_pool_new(64, 8);
		uint64_t features[2] = {sets[f % COUNT_OF(sets)], sets[f / COUNT_OF(sets)]};

		side_start(&from, pool, features[0] ? features[0] : GUEST_FEATURES_ALL);
		side_start(&to, pool, features[1] ? features[1] : GUEST_FEATURES_ALL);
		for (int round = 0; round < 100; round++)
			burst_arrives_whole(&from, &to, &rand, features[0] == 0);
		side_end(&from);
		side_end(&to);
		assert_int_equal(packet_pool_used(pool), 0);
		packet_pool_free(pool);
	}
}

/* A segment of 64 KiB in many pieces, into mergeable buffers, with what its sender left to be done. */
static void segments_arrive_whole(void **state)
{
	static const uint8_t headers[] = {0x08, 0, 0x45, 0, 0xfe, 0xbc, 0, 1, 0x40, 0, 0x40, 6};
	static const struct virtio_net_hdr segment = {
		.flags = 1, .gso_type = 1, .hdr_len = 54, .gso_size = 1448, .csum_start = 34, .csum_offset = 16};
	static uint8_t frame[65226], got[GUEST_FRAME_BYTES_MAX];
	struct packet_pool *pool = packet_pool_new(64, 8);
	struct virtio_net_hdr header;
	struct side from, to;

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 7 + i / 251);
	memcpy(frame + 12, headers, sizeof(headers));
	frame[46] = 0x50;
	side_start(&from, pool, GUEST_FEATURES_ALL);
	side_start(&to, pool, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF) | GUEST_FEATURES_SEGMENTS);
	for (unsigned pieces = 1; pieces <= 16; pieces++) {
		for (int i = 0; i < 44; i++)
			assert_true(guest_post(&to.guest, 1536, 1));
		/* A slot is 4 KiB: the frame takes those of others that are not in use. */
		assert_true(guest_transmit(&from.guest, &segment, frame, sizeof(frame), pieces, true));
		assert_int_equal(forward(&from, &to), 1);
		assert_int_equal(guest_receive(&to.guest, &header, got), sizeof(frame));
		assert_memory_equal(got, frame, sizeof(frame));
		assert_int_equal(header.gso_type, 1);
		assert_int_equal(header.gso_size, 1448);
		assert_int_equal(guest_reclaim(&from.guest), 1);
	}
	side_end(&from);
	side_end(&to);
	assert_int_equal(packet_pool_used(pool), 0);
	packet_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_arrive_whole),
		cmocka_unit_test(segments_arrive_whole),
	};

	return cmocka_run_group_tests_name("vhost_burst", tests, NULL, NULL);
}
