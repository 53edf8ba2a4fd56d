/*
 * A packet inside the switch: an Ethernet frame in a buffer of the pool, with the offloads that its sender asked for.
 *
 * Theory of operation. A port kind receives frames into packets and hands bursts of them to the core; the core owns a packet until it
 * sends or frees it. Offloads are kept in virtio-net's words (virtio 1.2, 5.1.6): a frame of a guest may lack its checksum (NEEDS_CSUM) and
 * be longer than any MTU (gso_size) and passes so to a port that takes it; a port that can't gets it finished in software by its sender
 * (switch/offload.c). A rewrite of such a packet updates the pseudo header's part of the checksum only.
 */
#ifndef SWITCH_PACKET_H
#define SWITCH_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room before the frame for headers that are pushed; the largest frame (a 64 KiB segment with its headers). */
#define PACKET_HEADROOM_BYTES 128
#define PACKET_FRAME_BYTES_MAX (65536 + 64)

/* Frames up to this size fit a small buffer. */
#define PACKET_SMALL_BYTES 2048

/* Most packets of a burst. */
#define PACKET_BURST 32

/* What the sender left to do; all zero: nothing. Values of flags and gso_type are those of struct virtio_net_hdr. */
struct packet_offload {
	uint8_t flags;	  /* VIRTIO_NET_HDR_F_NEEDS_CSUM, _DATA_VALID */
	uint8_t gso_type; /* VIRTIO_NET_HDR_GSO_* */
	uint16_t hdr_len;
	uint16_t gso_size;
	uint16_t csum_start; /* from the frame's first byte */
	uint16_t csum_offset;
};

struct packet {
	uint8_t *data;	  /* the first byte of the Ethernet header */
	uint32_t size;	  /* bytes from there */
	uint32_t in_port; /* id of the port it came from, 0: made here */
	struct packet_offload offload;
	uint8_t *buffer;
	uint32_t buffer_bytes;
	struct packet *next; /* for whoever owns it */
};

struct packet_pool;

/*
 * A pool of at most `small` small and `large` large buffers; memory is taken as it is needed. Not thread safe: one worker's. All packets
 * must be back when it is freed.
 */
struct packet_pool *packet_pool_new(unsigned small, unsigned large);
void packet_pool_free(struct packet_pool *pool);

/* An empty packet with room for a frame of `size` bytes behind the headroom; NULL when the pool is used up (count the drop). */
struct packet *packet_new(struct packet_pool *pool, size_t size);

/* A copy, for flooding. NULL when the pool is used up. */
struct packet *packet_copy(struct packet_pool *pool, const struct packet *packet);
void packet_free(struct packet_pool *pool, struct packet *packet);

/* How many packets are out of the pool: none when all came back. */
unsigned packet_pool_used(const struct packet_pool *pool);

/*
 * Grows the frame at its start by `bytes`, or cuts it there; the offload's offsets move along. Returns the new start; NULL, and nothing
 * moved, when the headroom is used up, the frame is shorter, or the cut reaches into what is still to be checksummed.
 */
uint8_t *packet_push(struct packet *packet, size_t bytes);
uint8_t *packet_pull(struct packet *packet, size_t bytes);

#endif
