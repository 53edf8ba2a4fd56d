/* Tests of the vhost-user back end with a guest in this process: it sends, receives, restarts, and misbehaves. */
#include "switch/offload.h"
#include "switch/vhost_device.h"

#include "../../test/lib/guest.h"
#include "../../test/lib/stub_device.h"
#include "base/rand.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A guest and the device it talks to. */
struct bench {
	struct guest guest;
	struct device *device;
	struct packet_pool *pool;
};

/* Ethertype and IPv4 header up to the protocol, of TCP frames with total lengths of 65,212 and 3,986. */
static const uint8_t headers_64k[] = {0x08, 0, 0x45, 0, 0xfe, 0xbc, 0, 1, 0x40, 0, 0x40, 6};
static const uint8_t headers_4k[] = {0x08, 0, 0x45, 0, 0x0f, 0x92, 0, 1, 0x40, 0, 0x40, 6};

static void pump(void *context)
{
	struct bench *bench = context;

	if (bench->device != NULL && !bench->device->failed)
		bench->device->kind->ready(bench->device, VHOST_TAG_SOCKET, 0);
}

static void bench_open(struct bench *bench)
{
	struct msg_port port = {.id = 7};
	struct err err;

	bench->device = vhost_kind.open(NULL, &port, 0, bench->guest.back_fd, &err);
	assert_non_null(bench->device);
	bench->device->pool = bench->pool;
	bench->device->mtu = 1500;
}

static void bench_start(struct bench *bench, uint16_t ring_size, uint64_t features)
{
	memset(bench, 0, sizeof(*bench));
	bench->pool = packet_pool_new(64, 8);
	guest_start(&bench->guest, ring_size, pump, bench);
	bench_open(bench);
	if (features != 0) {
		guest_set_up(&bench->guest, features);
		assert_false(bench->device->failed);
		assert_int_equal(bench->device->state, PORT_STATE_UP);
	}
}

static void bench_end(struct bench *bench)
{
	if (bench->device != NULL)
		vhost_kind.close(bench->device);
	assert_int_equal(packet_pool_used(bench->pool), 0);
	packet_pool_free(bench->pool);
	guest_end(&bench->guest);
}

static uint32_t dropped(struct bench *bench, enum drop_reason reason)
{
	uint32_t count = bench->device->dropped[reason];

	bench->device->dropped[reason] = 0;
	return count;
}

/* Receives from the guest into `out`; the caller frees. */
static unsigned receive(struct bench *bench, struct packet **out, unsigned room)
{
	unsigned count = vhost_kind.receive(bench->device, out, room);

	for (unsigned i = 0; i < count; i++)
		packet_whole(out[i]);
	vhost_kind.flush(bench->device);
	return count;
}

/* Gives back to the guest what it sent, long frames from memory to memory; returns how many. */
static unsigned reflect(struct bench *bench, unsigned room)
{
	struct packet *packets[PACKET_BURST];
	unsigned count = vhost_kind.receive(bench->device, packets, room);

	count = (unsigned)__builtin_popcountll(vhost_kind.send(bench->device, packets, count));
	vhost_kind.flush(bench->device);
	return count;
}

static bool send_bytes(struct bench *bench, const void *bytes, uint32_t size, const struct packet_offload *offload)
{
	struct packet *packet = packet_new(bench->pool, size);
	bool sent;

	assert_non_null(packet);
	memcpy(packet->data, bytes, size);
	if (offload != NULL)
		packet->offload = *offload;
	sent = vhost_kind.send(bench->device, &packet, 1) != 0;
	vhost_kind.flush(bench->device);
	return sent;
}

static const struct virtio_net_hdr no_offload;

static const struct {
	const char *name;
	uint64_t features;
} feature_sets[] = {
	{"plain", GUEST_FEATURES_PLAIN},
	{"legacy header", GUEST_BIT(VHOST_USER_F_PROTOCOL_FEATURES)},
	{"mergeable", GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF)},
	{"event index", GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX)},
	{"all", 0},
};

/* Frames of all sizes and shapes go both ways unchanged, many times around the ring. */
static void frames_pass_both_ways(void **state)
{
	uint8_t frame[1514], got[GUEST_FRAME_BYTES_MAX];
	struct virtio_net_hdr header;
	struct rand rand = rand_seeded(5);

	for (size_t f = 0; f < COUNT_OF(feature_sets); f++) {
		struct bench b;
		uint64_t features = feature_sets[f].features ? feature_sets[f].features : GUEST_FEATURES_ALL;
		bool indirect = features & GUEST_BIT(VIRTIO_RING_F_INDIRECT_DESC);

		bench_start(&b, 64, features);
		for (int i = 0; i < 500; i++) {
			uint32_t size = 14 + (uint32_t)rand_below(&rand, 1501);
			unsigned pieces = 1 + (unsigned)rand_below(&rand, 8);
			struct packet *packet;

			for (uint32_t j = 0; j < size; j++)
				frame[j] = (uint8_t)rand_u64(&rand);
			assert_true(guest_transmit(&b.guest, &no_offload, frame, size, pieces, indirect && (i & 1)));
			assert_int_equal(receive(&b, &packet, 1), 1);
			assert_int_equal(packet->size, size);
			assert_memory_equal(packet->data, frame, size);
			packet_free(b.pool, packet);
			assert_int_equal(guest_reclaim(&b.guest), 1);

			assert_true(guest_post(&b.guest, 1600, pieces));
			assert_true(send_bytes(&b, frame, size, NULL));
			assert_int_equal(guest_receive(&b.guest, &header, got), size);
			assert_memory_equal(got, frame, size);
			assert_int_equal(header.flags, 0);
		}
		assert_false(b.device->any_dropped);
		bench_end(&b);
	}
}

/* 64 KiB segments pass to a driver that takes them, merged from small buffers, and are cut for one that doesn't. */
static void segments_pass_or_are_cut(void **state)
{
	static uint8_t frame[65226], got[GUEST_FRAME_BYTES_MAX];
	const struct packet_offload offload = {
		.flags = 1, .gso_type = 1, .hdr_len = 54, .gso_size = 1448, .csum_start = 34, .csum_offset = 16};
	uint64_t takes = GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF) | GUEST_BIT(VIRTIO_NET_F_GUEST_CSUM) |
			 GUEST_BIT(VIRTIO_NET_F_GUEST_TSO4);
	struct virtio_net_hdr header;
	struct bench b;
	unsigned count = 0;
	int size, total = 0;

	memset(frame, 3, sizeof(frame));
	memcpy(frame + 12, headers_64k, sizeof(headers_64k));
	frame[46] = 0x50;
	bench_start(&b, 128, takes);
	for (int i = 0; i < 60; i++)
		assert_true(guest_post(&b.guest, 1536, 1));
	assert_true(send_bytes(&b, frame, sizeof(frame), &offload));
	assert_int_equal(guest_receive(&b.guest, &header, got), sizeof(frame));
	assert_memory_equal(got, frame, sizeof(frame));
	assert_int_equal(header.gso_type, 1);
	assert_int_equal(header.gso_size, 1448);
	/* 17 buffers are left: the next one doesn't fit, nothing of it is to be seen, and a short one still passes. */
	assert_false(send_bytes(&b, frame, sizeof(frame), &offload));
	assert_int_equal(dropped(&b, DROP_RING_FULL), 1);
	assert_int_equal(guest_receive(&b.guest, &header, got), -1);
	assert_true(send_bytes(&b, frame, 100, NULL));
	assert_int_equal(guest_receive(&b.guest, &header, got), 100);
	bench_end(&b);

	bench_start(&b, 128, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF));
	for (int i = 0; i < 60; i++)
		assert_true(guest_post(&b.guest, 1536, 1));
	assert_true(send_bytes(&b, frame, sizeof(frame), &offload));
	while ((size = guest_receive(&b.guest, &header, got)) > 0) {
		assert_int_equal(header.flags, 0);
		assert_int_equal(header.gso_type, 0);
		total += size - 54;
		count++;
	}
	assert_int_equal(total, sizeof(frame) - 54);
	assert_int_equal(count, (sizeof(frame) - 54 + 1447) / 1448);
	bench_end(&b);
}

/* A long segment of a guest comes in whole; one that lies doesn't. */
static void segments_of_guests_are_checked(void **state)
{
	static uint8_t frame[4000];
	struct virtio_net_hdr header = {.flags = 1, .gso_type = 1, .hdr_len = 0, .gso_size = 1448, .csum_start = 34, .csum_offset = 16};
	struct packet *packet;
	struct bench b;

	memcpy(frame + 12, headers_4k, sizeof(headers_4k));
	frame[46] = 0x50;
	bench_start(&b, 16, GUEST_FEATURES_ALL);
	assert_true(guest_transmit(&b.guest, &header, frame, sizeof(frame), 3, false));
	assert_int_equal(receive(&b, &packet, 1), 1);
	assert_int_equal(packet->offload.hdr_len, 54);
	assert_int_equal(packet->size, sizeof(frame));
	packet_free(b.pool, packet);
	header.gso_size = 1600; /* more than the port's MTU */
	assert_true(guest_transmit(&b.guest, &header, frame, sizeof(frame), 3, false));
	header.gso_size = 1;
	assert_true(guest_transmit(&b.guest, &header, frame, sizeof(frame), 3, false));
	header = (struct virtio_net_hdr){.flags = 1, .csum_start = 4000, .csum_offset = 16};
	assert_true(guest_transmit(&b.guest, &header, frame, 100, 3, false));
	assert_true(guest_transmit(&b.guest, &no_offload, frame, 1523, 1, false));
	assert_int_equal(receive(&b, &packet, 1), 0);
	assert_int_equal(receive(&b, &packet, 1), 0);
	assert_int_equal(dropped(&b, DROP_FRAME_TOO_LONG), 2);
	assert_int_equal(dropped(&b, DROP_BAD_OFFLOAD), 2);
	assert_int_equal(guest_reclaim(&b.guest), 5);
	bench_end(&b);
}

static void interrupts_come_when_wanted(void **state)
{
	uint8_t frame[60] = {0};
	struct packet *packet;
	struct bench b;

	/* With flags. */
	bench_start(&b, 16, GUEST_FEATURES_PLAIN);
	assert_int_equal(b.guest.rings[GUEST_TX].used->flags, VRING_USED_F_NO_NOTIFY);
	vhost_kind.arm(b.device);
	assert_int_equal(b.guest.rings[GUEST_TX].used->flags, 0);
	vhost_kind.disarm(b.device);
	assert_int_equal(b.guest.rings[GUEST_TX].used->flags, VRING_USED_F_NO_NOTIFY);
	b.guest.rings[GUEST_RX].avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
	for (int i = 0; i < 3; i++)
		assert_true(guest_post(&b.guest, 1600, 1));
	(void)guest_interrupted(&b.guest, GUEST_RX);
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_true(guest_interrupted(&b.guest, GUEST_RX)); /* the first one always */
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_false(guest_interrupted(&b.guest, GUEST_RX));
	b.guest.rings[GUEST_RX].avail->flags = 0;
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_true(guest_interrupted(&b.guest, GUEST_RX));
	bench_end(&b);

	/* With event indexes: an interrupt when used->idx passes used_event, a kick wanted behind avail_next. */
	bench_start(&b, 16, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX));
	for (int i = 0; i < 5; i++)
		assert_true(guest_post(&b.guest, 1600, 1));
	b.guest.rings[GUEST_RX].avail->ring[16] = 2;
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_true(guest_interrupted(&b.guest, GUEST_RX));
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_false(guest_interrupted(&b.guest, GUEST_RX));
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_true(guest_interrupted(&b.guest, GUEST_RX));
	assert_true(send_bytes(&b, frame, 60, NULL));
	assert_false(guest_interrupted(&b.guest, GUEST_RX));
	assert_true(guest_transmit(&b.guest, &no_offload, frame, 60, 1, false));
	assert_int_equal(receive(&b, &packet, 1), 1);
	packet_free(b.pool, packet);
	vhost_kind.arm(b.device);
	assert_int_equal(b.guest.rings[GUEST_TX].used->ring[16].id & 0xffff, 1); /* avail_event */
	bench_end(&b);
}

/* The switch dies in the middle of a burst and another one takes over, with whatever base the front end believes in. */
static void a_restart_loses_no_place(void **state)
{
	uint8_t frame[64] = {0}, got[GUEST_FRAME_BYTES_MAX];
	struct packet *packets[8];
	struct virtio_net_hdr header;
	struct bench b;

	bench_start(&b, 16, GUEST_FEATURES_ALL);
	for (int round = 0; round < 40; round++) {
		uint16_t stale = (uint16_t)(round * 7);

		for (uint8_t i = 0; i < 4; i++) {
			frame[20] = i;
			assert_true(guest_transmit(&b.guest, &no_offload, frame, 64, 2, i & 1));
			assert_true(guest_post(&b.guest, 1600, 1));
		}
		assert_int_equal(vhost_kind.receive(b.device, packets, 2), 2);
		packet_free(b.pool, packets[0]);
		packet_free(b.pool, packets[1]);
		/* kill -9 here: nothing was flushed, so that nothing is shown as used. */
		for (int i = 0; i < 2; i++) {
			struct vhost_queue *q = &((struct vhost_device *)(void *)b.device)->queues[i];

			q->ring.used_next = q->ring.used_shown;
		}
		vhost_kind.close(b.device);
		b.device = NULL;
		guest_connect(&b.guest);
		bench_open(&b);
		guest_set_up(&b.guest, GUEST_FEATURES_ALL);
		guest_send_ring(&b.guest, GUEST_TX, stale);
		assert_int_equal(receive(&b, packets, 8), 4);
		for (uint8_t i = 0; i < 4; i++) {
			assert_int_equal(packets[i]->data[20], i);
			packet_free(b.pool, packets[i]);
		}
		assert_int_equal(guest_reclaim(&b.guest), 4);
		for (uint8_t i = 0; i < 4; i++) {
			frame[20] = i;
			assert_true(send_bytes(&b, frame, 64, NULL));
			assert_int_equal(guest_receive(&b.guest, &header, got), 64);
			assert_int_equal(got[20], i);
		}
	}
	bench_end(&b);
}

static void rings_stop_and_go_on(void **state)
{
	struct vhost_user_vring_state base = {GUEST_TX, 0}, off = {GUEST_RX, 0}, on = {GUEST_RX, 1};
	uint8_t frame[64] = {0};
	struct packet *packet;
	struct bench b;

	bench_start(&b, 16, GUEST_FEATURES_ALL);
	guest_send(&b.guest, (struct guest_request){VHOST_USER_SET_VRING_ENABLE, 0, &off, sizeof(off)}, NULL, 0);
	assert_int_equal(b.device->state, PORT_STATE_CONNECTED);
	assert_true(guest_post(&b.guest, 1600, 1));
	assert_false(send_bytes(&b, frame, 64, NULL));
	assert_int_equal(dropped(&b, DROP_NOT_READY), 1);
	guest_send(&b.guest, (struct guest_request){VHOST_USER_SET_VRING_ENABLE, 0, &on, sizeof(on)}, NULL, 0);
	assert_int_equal(b.device->state, PORT_STATE_UP);
	assert_true(send_bytes(&b, frame, 64, NULL));
	for (int i = 0; i < 3; i++)
		assert_true(guest_transmit(&b.guest, &no_offload, frame, 64, 1, false));
	assert_int_equal(receive(&b, &packet, 1), 1);
	packet_free(b.pool, packet);
	guest_send(&b.guest, (struct guest_request){VHOST_USER_GET_VRING_BASE, 0, &base, sizeof(base)}, NULL, 0);
	guest_reply(&b.guest, VHOST_USER_GET_VRING_BASE, &base, sizeof(base));
	assert_int_equal(base.number, 1);
	assert_int_equal(b.device->state, PORT_STATE_CONNECTED);
	assert_int_equal(receive(&b, &packet, 1), 0);
	guest_send_ring(&b.guest, GUEST_TX, 1);
	assert_int_equal(receive(&b, &packet, 1), 1);
	packet_free(b.pool, packet);
	guest_send_memory(&b.guest); /* memory was plugged in: rings go on */
	assert_int_equal(b.device->state, PORT_STATE_UP);
	assert_int_equal(receive(&b, &packet, 1), 1);
	packet_free(b.pool, packet);
	bench_end(&b);
}

/* Hostile drivers: each row spoils descriptor 0 (or the ring) of a guest that has offered it. */
static void hostile_chains_are_named(void **state)
{
	static const struct {
		const char *what;
		enum drop_reason reason;
		bool breaks;
		struct vring_desc desc;
		uint16_t avail_add; /* to avail->idx */
		uint16_t head;
	} rows[] = {
		{"head outside", DROP_DESC_INDEX, true, {0x100000000, 100, 0, 0}, 1, 16},
		{"head far outside", DROP_DESC_INDEX, true, {0x100000000, 100, 0, 0}, 1, 65535},
		{"next outside", DROP_DESC_INDEX, true, {0x100000000, 100, VRING_DESC_F_NEXT, 16}, 1, 0},
		{"more than the ring has", DROP_DESC_INDEX, true, {0x100000000, 100, 0, 0}, 17, 0},
		{"a step back", DROP_DESC_INDEX, true, {0x100000000, 100, 0, 0}, 65535, 0},
		{"a loop of one", DROP_DESC_LOOP, true, {0x100000000, 100, VRING_DESC_F_NEXT, 0}, 1, 0},
		{"a loop of empty ones", DROP_DESC_LOOP, true, {0x100000000, 0, VRING_DESC_F_NEXT, 0}, 1, 0},
		{"address nowhere", DROP_DESC_ADDRESS, false, {0x80000000, 100, 0, 0}, 1, 0},
		{"address at the end", DROP_DESC_ADDRESS, false, {UINT64_MAX, 100, 0, 0}, 1, 0},
		{"address wraps", DROP_DESC_ADDRESS, false, {UINT64_MAX - 50, 100, 0, 0}, 1, 0},
		{"4 GiB", DROP_DESC_ADDRESS, false, {0x100000000, UINT32_MAX, 0, 0}, 1, 0},
		{"over the end of a region", DROP_DESC_ADDRESS, false, {0x100100000 - 50, 100, 0, 0}, 1, 0},
		{"length zero", DROP_RUNT, false, {0x100000000, 0, 0, 0}, 1, 0},
		{"header only", DROP_RUNT, false, {0x100000000, 12, 0, 0}, 1, 0},
		{"one byte short", DROP_RUNT, false, {0x100000000, 25, 0, 0}, 1, 0},
		{"a whole region", DROP_FRAME_TOO_LONG, false, {0x100000000, 0x100000, 0, 0}, 1, 0},
		{"writable", DROP_DESC_DIRECTION, false, {0x100000000, 100, VRING_DESC_F_WRITE, 0}, 1, 0},
		{"indirect and next", DROP_DESC_INDIRECT, false, {0x100000000, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1}, 1, 0},
		{"indirect, half an entry", DROP_DESC_INDIRECT, false, {0x100000000, 24, VRING_DESC_F_INDIRECT, 0}, 1, 0},
		{"indirect, no entry", DROP_DESC_INDIRECT, false, {0x100000000, 0, VRING_DESC_F_INDIRECT, 0}, 1, 0},
		{"indirect nowhere", DROP_DESC_ADDRESS, false, {0x80000000, 32, VRING_DESC_F_INDIRECT, 0}, 1, 0},
		{"indirect of zeros", DROP_RUNT, false, {0x100000000, 32, VRING_DESC_F_INDIRECT, 0}, 1, 0},
	};
	struct packet *packet;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		struct guest_ring *tx;
		uint64_t one = 0;

		bench_start(&b, 16, GUEST_FEATURES_ALL);
		assert_int_equal(b.guest.ram_bytes, 0x200000); /* the rows know it */
		tx = &b.guest.rings[GUEST_TX];
		tx->desc[0] = rows[i].desc;
		tx->avail->ring[0] = rows[i].head;
		tx->avail->idx = (uint16_t)(tx->avail->idx + rows[i].avail_add);
		assert_int_equal(receive(&b, &packet, 1), 0);
		if (dropped(&b, rows[i].reason) != 1)
			fail_msg("not counted as %s: %s", drop_name(rows[i].reason), rows[i].what);
		assert_false(b.device->failed);
		assert_int_equal(tx->used->idx, rows[i].breaks ? 0 : 1);
		assert_int_equal(read(tx->error_fd, &one, sizeof(one)), rows[i].breaks ? 8 : -1);
		if (rows[i].breaks) {
			/* A stopped ring says no more; set up anew it works. */
			assert_int_equal(receive(&b, &packet, 1), 0);
			tx->avail->idx = 0;
			guest_send_ring(&b.guest, GUEST_TX, 0);
		} else {
			tx->used_seen = tx->avail_next = 1;
		}
		assert_true(guest_transmit(&b.guest, &no_offload, "0123456789012345678901234567890", 30, 1, false));
		if (receive(&b, &packet, 1) != 1)
			fail_msg("dead after: %s", rows[i].what);
		packet_free(b.pool, packet);
		bench_end(&b);
	}
}

/* Indirect tables whose entries lie: index 0 links into nowhere, into itself, or to another table. */
static void hostile_tables_are_named(void **state)
{
	static const struct {
		enum drop_reason reason;
		struct vring_desc desc;
	} rows[] = {
		{DROP_DESC_INDIRECT, {0x100000000, 10, VRING_DESC_F_NEXT, 0}},
		{DROP_DESC_INDIRECT, {0x100000000, 10, VRING_DESC_F_NEXT, 2}},
		{DROP_DESC_INDIRECT, {0x100000000, 10, VRING_DESC_F_NEXT, 65535}},
		{DROP_DESC_INDIRECT, {0x100000000, 32, VRING_DESC_F_INDIRECT, 0}},
		{DROP_DESC_DIRECTION, {0x100000000, 100, VRING_DESC_F_WRITE, 0}},
		{DROP_DESC_ADDRESS, {0, UINT32_MAX, 0, 0}},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		struct packet *packet;

		bench_start(&b, 16, GUEST_FEATURES_ALL);
		memcpy(b.guest.ram + b.guest.ram_bytes / 2, &rows[i].desc, sizeof(rows[i].desc));
		b.guest.rings[GUEST_TX].desc[0] = (struct vring_desc){GUEST_HIGH, 32, VRING_DESC_F_INDIRECT, 0};
		b.guest.rings[GUEST_TX].avail->idx = 1;
		assert_int_equal(receive(&b, &packet, 1), 0);
		assert_int_equal(dropped(&b, rows[i].reason), 1);
		assert_int_equal(b.guest.rings[GUEST_TX].used->idx, 1);
		bench_end(&b);
	}
}

/* Receive buffers that can't be used are given back empty; the frame is dropped, the ring lives. */
static void hostile_buffers_are_returned(void **state)
{
	static const struct {
		enum drop_reason reason;
		struct vring_desc desc;
	} rows[] = {
		{DROP_DESC_ADDRESS, {0x80000000, 1600, VRING_DESC_F_WRITE, 0}},
		{DROP_DESC_DIRECTION, {0x100000000, 1600, 0, 0}},
		{DROP_RUNT, {0x100000000, 0, VRING_DESC_F_WRITE, 0}},
		{DROP_RUNT, {0x100000000, 11, VRING_DESC_F_WRITE, 0}},
	};
	uint8_t frame[1000] = {0}, got[GUEST_FRAME_BYTES_MAX];
	struct virtio_net_hdr header;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;

		bench_start(&b, 16, GUEST_FEATURES_ALL);
		assert_true(guest_post(&b.guest, 1600, 1));
		b.guest.rings[GUEST_RX].desc[0] = rows[i].desc;
		assert_false(send_bytes(&b, frame, sizeof(frame), NULL));
		assert_int_equal(dropped(&b, rows[i].reason), 1);
		assert_int_equal(guest_receive(&b.guest, &header, got), 0);
		assert_true(guest_post(&b.guest, 100, 1)); /* and a bad one behind a good one */
		assert_true(guest_post(&b.guest, 1600, 1));
		b.guest.rings[GUEST_RX].desc[b.guest.rings[GUEST_RX].avail->ring[2]] =
			(struct vring_desc){0x80000000, 1600, VRING_DESC_F_WRITE, 0};
		assert_false(send_bytes(&b, frame, sizeof(frame), NULL));
		assert_int_equal(guest_receive(&b.guest, &header, got), 0);
		assert_int_equal(guest_receive(&b.guest, &header, got), 0);
		assert_true(guest_post(&b.guest, 1600, 1));
		assert_true(send_bytes(&b, frame, sizeof(frame), NULL));
		assert_int_equal(guest_receive(&b.guest, &header, got), sizeof(frame));
		bench_end(&b);
	}
}

/* The file behind the guest's memory is cut: the copy survives, the device gives up, others wouldn't notice. */
static void lost_memory_is_survived(void **state)
{
	uint8_t frame[64] = {0};
	struct packet *packet;
	struct bench b;

	vhost_memory_guard();
	bench_start(&b, 16, GUEST_FEATURES_ALL);
	assert_true(guest_transmit(&b.guest, &no_offload, frame, 64, 1, false));
	assert_int_equal(ftruncate(b.guest.memory_fd, 0), 0);
	packet_free_burst(b.pool, &packet, receive(&b, &packet, 1));
	assert_true(b.device->failed);
	assert_int_equal(b.device->error.code, -EFAULT);
	assert_false(send_bytes(&b, frame, 64, NULL));
	bench_end(&b);
}

/* Front ends that break the protocol: each costs its connection, and no descriptor stays open. */
static void bad_requests_end_the_connection(void **state)
{
	uint64_t zero = 0, nofd = VHOST_USER_VRING_NO_FD, many = 9, bits = UINT64_MAX;
	struct vhost_user_vring_state num = {GUEST_TX, 100}, queue = {8, 16};
	struct vhost_user_memory table = {.count = 1, .regions = {{0, 4096, 0, 0}}};
	struct vhost_user_memory huge = {.count = 1, .regions = {{0, UINT64_MAX, 0, 0}}};
	struct vhost_user_memory late = {.count = 1, .regions = {{0, 4096, 0, UINT64_C(1) << 40}}};
	struct vhost_user_memory twice = {.count = 2, .regions = {{0, 4096, 0, 0}, {100, 4096, 8192, 0}}};
	struct vhost_user_memory nine = {.count = 9};
	int pipes[2];
	const struct {
		const char *what;
		uint32_t request, size;
		const void *payload;
		unsigned fds;
		bool pipe;
	} rows[] = {
		{"unknown request", 99, 0, NULL, 0, false},
		{"request not agreed upon", 21, 0, NULL, 0, false},
		{"payload too short", VHOST_USER_SET_FEATURES, 4, &zero, 0, false},
		{"payload where none is due", VHOST_USER_SET_OWNER, 8, &zero, 0, false},
		{"features never offered", VHOST_USER_SET_FEATURES, 8, &bits, 0, false},
		{"protocol features never offered", VHOST_USER_SET_PROTOCOL_FEATURES, 8, &bits, 0, false},
		{"descriptor where none is due", VHOST_USER_SET_FEATURES, 8, &zero, 1, false},
		{"ring of 100", VHOST_USER_SET_VRING_NUM, 8, &num, 0, false},
		{"ring 8", VHOST_USER_SET_VRING_NUM, 8, &queue, 0, false},
		{"kick without descriptor", VHOST_USER_SET_VRING_KICK, 8, &zero, 0, false},
		{"kick by polling", VHOST_USER_SET_VRING_KICK, 8, &nofd, 0, false},
		{"kick with two", VHOST_USER_SET_VRING_KICK, 8, &zero, 2, false},
		{"kick of ring 9", VHOST_USER_SET_VRING_KICK, 8, &many, 1, false},
		{"call by a pipe", VHOST_USER_SET_VRING_CALL, 8, &zero, 1, true},
		{"memory without descriptor", VHOST_USER_SET_MEM_TABLE, 40, &table, 0, false},
		{"memory by a pipe", VHOST_USER_SET_MEM_TABLE, 40, &table, 1, true},
		{"memory of 2^64", VHOST_USER_SET_MEM_TABLE, 40, &huge, 1, false},
		{"memory behind the file", VHOST_USER_SET_MEM_TABLE, 40, &late, 1, false},
		{"memory twice", VHOST_USER_SET_MEM_TABLE, 72, &twice, 2, false},
		{"nine regions", VHOST_USER_SET_MEM_TABLE, sizeof(nine), &nine, 8, false},
		{"memory table cut", VHOST_USER_SET_MEM_TABLE, 8, &table, 1, false},
		{"too many descriptors", VHOST_USER_SET_MEM_TABLE, 40, &table, 12, false},
		{"an MTU of 0", VHOST_USER_NET_SET_MTU, 8, &zero, 0, false},
	};

	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct bench b;
		int fds[16], probe, again;

		bench_start(&b, 16, GUEST_FEATURES_ALL);
		for (int j = 0; j < 16; j++)
			fds[j] = rows[i].pipe ? pipes[1] : b.guest.memory_fd;
		probe = dup(0);
		(void)close(probe);
		guest_send(&b.guest, (struct guest_request){rows[i].request, 0, rows[i].payload, rows[i].size}, fds, rows[i].fds);
		if (!b.device->failed)
			fail_msg("accepted: %s", rows[i].what);
		again = dup(0);
		(void)close(again);
		assert_int_equal(probe, again);
		bench_end(&b);
	}
	(void)close(pipes[0]);
	(void)close(pipes[1]);
}

static void replies_come_when_asked_for(void **state)
{
	uint64_t answer = 1, bits = UINT64_MAX;
	struct bench b;

	bench_start(&b, 16, GUEST_FEATURES_ALL);
	guest_send(&b.guest, (struct guest_request){39, VHOST_USER_NEED_REPLY, NULL, 0}, NULL, 0); /* SET_STATUS, not offered */
	answer = 0;
	guest_reply(&b.guest, 39, &answer, sizeof(answer));
	assert_int_equal(answer, 1);
	assert_false(b.device->failed);
	guest_send(&b.guest, (struct guest_request){VHOST_USER_SET_FEATURES, VHOST_USER_NEED_REPLY, &bits, sizeof(bits)}, NULL, 0);
	answer = 0;
	guest_reply(&b.guest, VHOST_USER_SET_FEATURES, &answer, sizeof(answer));
	assert_int_equal(answer, 1);
	assert_true(b.device->failed);
	bench_end(&b);

	bench_start(&b, 16, 0); /* byte by byte */
	for (int i = 0; i < 12; i++) {
		const uint8_t head[12] = {VHOST_USER_GET_FEATURES, 0, 0, 0, VHOST_USER_VERSION};

		assert_int_equal(send(b.guest.fd, &head[i], 1, 0), 1);
		pump(&b);
	}
	guest_reply(&b.guest, VHOST_USER_GET_FEATURES, &answer, sizeof(answer));
	assert_int_equal(answer, vhost_features());
	(void)shutdown(b.guest.fd, SHUT_RDWR);
	pump(&b);
	assert_true(b.device->failed);
	assert_int_equal(b.device->error.code, -ECONNRESET);
	bench_end(&b);
}

/* Changes a random part of the guest's rings, tables or headers. */
static void scribble(struct guest *guest, struct rand *rand)
{
	struct guest_ring *ring = &guest->rings[rand_below(rand, 2)];
	struct vring_desc *desc = rand_below(rand, 2) ? &ring->desc[rand_below(rand, ring->size)]
						      : (struct vring_desc *)(void *)(guest->ram + ring->table_at) + rand_below(rand, 256);

	switch (rand_below(rand, 8)) {
	case 0:
		ring->avail->idx = (uint16_t)(ring->avail->idx + rand_below(rand, rand_below(rand, 50) ? 3 : 65536));
		break;
	case 1:
		ring->avail->ring[rand_below(rand, ring->size)] = (uint16_t)rand_below(rand, rand_below(rand, 50) ? ring->size : 65536);
		break;
	case 2:
		desc->addr = rand_below(rand, 4) ? GUEST_HIGH + rand_below(rand, guest->ram_bytes) : rand_u64(rand);
		break;
	case 3:
		desc->len = (uint32_t)(rand_below(rand, 4) ? rand_below(rand, 3000) : rand_u64(rand));
		break;
	case 4:
		desc->flags = (uint16_t)rand_below(rand, 8);
		break;
	case 5:
		desc->next = (uint16_t)rand_below(rand, rand_below(rand, 50) ? ring->size : 65536);
		break;
	case 6:
		*desc = (struct vring_desc){GUEST_HIGH + rand_below(rand, 100000), (uint32_t)rand_below(rand, 2000),
			(uint16_t)rand_below(rand, 4), (uint16_t)rand_below(rand, ring->size)};
		break;
	default:
		guest->ram[guest->ram_bytes / 2 + rand_below(rand, 4096)] = (uint8_t)rand_below(rand, 6);
	}
}

/* Random states of the rings: whatever they are, packets come out or drops are counted, and the sanitizers stay quiet. */
static void random_rings_are_survived(void **state)
{
	const char *wanted = getenv("WEFT_RING_ROUNDS");
	unsigned long rounds = wanted ? strtoul(wanted, NULL, 10) : 100000;
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	unsigned long received = 0, sent = 0, broken = 0;
	static uint8_t frame[3000];
	struct bench b;

	print_message("seed %llu\n", (unsigned long long)seed);
	bench_start(&b, 16, GUEST_FEATURES_ALL);
	for (unsigned long i = 0; i < rounds; i++) {
		struct packet *packets[4];
		unsigned count;

		for (uint64_t n = rand_below(&rand, 6); n > 0; n--)
			scribble(&b.guest, &rand);
		b.guest.rings[GUEST_TX].avail->idx++;
		b.guest.rings[GUEST_RX].avail->idx++;
		sent += rand_below(&rand, 2) == 0 ? reflect(&b, 4) : 0;
		count = receive(&b, packets, 4);
		received += count;
		packet_free_burst(b.pool, packets, count);
		sent += send_bytes(&b, frame, 14 + (uint32_t)rand_below(&rand, sizeof(frame) - 14), NULL);
		if (rand_below(&rand, 8) == 0) {
			for (unsigned r = 0; r < 2; r++) {
				broken += ((struct vhost_device *)(void *)b.device)->queues[r].ring.broken;
				b.guest.rings[r].avail->idx = b.guest.rings[r].used->idx;
				guest_send_ring(&b.guest, r, 0);
			}
		}
		assert_false(b.device->failed);
	}
	print_message("%lu received, %lu sent, %lu rings broken\n", received, sent, broken);
	assert_true(received > rounds / 1000 && sent > rounds / 1000 && broken > 0);
	for (unsigned reason = DROP_DESC_INDEX; reason <= DROP_FRAME_TOO_LONG; reason++)
		if (rounds >= 100000 && b.device->dropped[reason] == 0)
			print_message("never met: %s\n", drop_name((enum drop_reason)reason));
	bench_end(&b);
}

/* A chain longer than any frame's costs the frame only, in a ring where it isn't a loop yet. */
static void long_chains_are_dropped(void **state)
{
	struct packet *packet;
	struct bench b;

	bench_start(&b, 1024, GUEST_FEATURES_PLAIN);
	for (uint16_t i = 0; i < 300; i++)
		b.guest.rings[GUEST_TX].desc[i] = (struct vring_desc){GUEST_HIGH, 1, i < 299 ? VRING_DESC_F_NEXT : 0, (uint16_t)(i + 1)};
	b.guest.rings[GUEST_TX].avail->idx = 1;
	assert_int_equal(receive(&b, &packet, 1), 0);
	assert_int_equal(dropped(&b, DROP_DESC_CHAIN), 1);
	assert_int_equal(b.guest.rings[GUEST_TX].used->idx, 1);
	bench_end(&b);
}

struct scribbler {
	struct guest *guest;
	_Atomic bool stop;
	struct rand rand;
};

static void *scribble_on(void *context)
{
	struct scribbler *s = context;

	while (!s->stop)
		scribble(s->guest, &s->rand);
	return NULL;
}

/* Another processor of the guest changes everything while we read it. */
static void rings_changing_under_us_are_survived(void **state)
{
	struct bench b;
	struct scribbler s = {.guest = &b.guest};
	static uint8_t frame[3000];
	pthread_t thread;
	unsigned received = 0, sent = 0;

	bench_start(&b, 16, GUEST_FEATURES_ALL);
	s.rand = rand_seeded(rand_kernel_seed());
	assert_int_equal(pthread_create(&thread, NULL, scribble_on, &s), 0);
	for (unsigned i = 0; i < 20000; i++) {
		struct packet *packets[4];
		unsigned count;

		/* Put right again, so that the race is over something that nearly works. */
		for (unsigned d = 0; d < 16; d++) {
			b.guest.rings[GUEST_TX].desc[d] = (struct vring_desc){GUEST_HIGH + 8192 + d * 128, d & 1 ? 100 : 1500, 0, 0};
			b.guest.rings[GUEST_RX].desc[d] = (struct vring_desc){GUEST_HIGH + 65536, 3100, VRING_DESC_F_WRITE, 0};
			b.guest.rings[d & 1].avail->ring[d] = (uint16_t)d;
		}
		sent += i & 1 ? reflect(&b, 1) : 0;
		count = receive(&b, packets, 4);
		received += count;
		packet_free_burst(b.pool, packets, count);
		sent += send_bytes(&b, frame, 14 + i % 2900, NULL);
		for (unsigned r = 0; r < 2; r++) {
			b.guest.rings[r].avail->idx = (uint16_t)(b.guest.rings[r].used->idx + 2);
			if (((struct vhost_device *)(void *)b.device)->queues[r].ring.broken)
				guest_send_ring(&b.guest, r, 0);
		}
		assert_false(b.device->failed);
	}
	s.stop = true;
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(received > 100 && sent > 100);
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_pass_both_ways),
		cmocka_unit_test(segments_pass_or_are_cut),
		cmocka_unit_test(segments_of_guests_are_checked),
		cmocka_unit_test(interrupts_come_when_wanted),
		cmocka_unit_test(a_restart_loses_no_place),
		cmocka_unit_test(rings_stop_and_go_on),
		cmocka_unit_test(hostile_chains_are_named),
		cmocka_unit_test(hostile_tables_are_named),
		cmocka_unit_test(hostile_buffers_are_returned),
		cmocka_unit_test(lost_memory_is_survived),
		cmocka_unit_test(bad_requests_end_the_connection),
		cmocka_unit_test(replies_come_when_asked_for),
		cmocka_unit_test(random_rings_are_survived),
		cmocka_unit_test(long_chains_are_dropped),
		cmocka_unit_test(rings_changing_under_us_are_survived),
	};

	return cmocka_run_group_tests_name("vhost", tests, NULL, NULL);
}
