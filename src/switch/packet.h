/*
 * A packet inside the switch: an Ethernet frame in a buffer of the pool, with the offloads that its sender asked for.
 *
 * Theory of operation. A port kind receives frames into packets and hands bursts of them to the core; the core owns a packet until it
 * sends or frees it. Offloads are kept in virtio-net's words (virtio 1.2, 5.1.6): a frame of a guest may lack its checksum (NEEDS_CSUM) and
 * be longer than any MTU (gso_size) and passes so to a port that takes it; a port that can't gets it finished in software by its sender
 * (switch/offload.c). A rewrite of such a packet updates the pseudo header's part of the checksum only.
 *
 * Of a long frame only the first bytes, with all headers that decide its way, may be in the buffer; the rest is still in the sender's
 * memory, in `pieces`, from where a port that can copies it straight to its receiver. The pieces are there until the end of the burst, and
 * their bytes may change: who wants to read more than the first PACKET_HEAD_BYTES, or to keep the packet, calls packet_whole first. The
 * slow path does so for each packet.
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

/*
 * What is in the buffer of a frame at least, if it is so long. Enough for Ethernet, IPv4 with all options and TCP without, and for IPv6
 * without extension headers (a frame with some comes whole). Up to PACKET_WHOLE_BYTES a frame comes whole anyway.
 */
#define PACKET_HEAD_BYTES 128
#define PACKET_WHOLE_BYTES 256

/* Pieces of a frame in its sender's memory: a Linux guest sends 64 KiB in at most 19. */
#define PACKET_PIECES_MAX 20

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

struct packet_piece {
	const uint8_t *at;
	uint32_t bytes;
};

struct packet {
	uint8_t *data;	  /* the first byte of the Ethernet header */
	uint32_t size;	  /* bytes from there */
	uint32_t in_port; /* id of the port it came from, 0: made here */
	struct packet_offload offload;
	uint16_t piece_count;
	uint32_t tail_bytes; /* of `size`, in the pieces; 0: the frame is whole */
	uint8_t *buffer;
	uint32_t buffer_bytes;
	struct packet *next; /* for whoever owns it */
	struct packet_piece pieces[PACKET_PIECES_MAX];
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

/* A copy, whole, for flooding. NULL when the pool is used up. */
struct packet *packet_copy(struct packet_pool *pool, const struct packet *packet);
void packet_free(struct packet_pool *pool, struct packet *packet);
void packet_free_burst(struct packet_pool *pool, struct packet *const *packets, unsigned count);

/* Brings what is still in the sender's memory into the buffer. */
void packet_gather(struct packet *packet);
static inline void packet_whole(struct packet *packet)
{
	if (packet->tail_bytes > 0)
		packet_gather(packet);
}

/* How many packets are out of the pool: none when all came back. */
unsigned packet_pool_used(const struct packet_pool *pool);

/*
 * Grows the frame at its start by `bytes`, or cuts it there; the offload's offsets move along. Returns the new start; NULL, and nothing
 * moved, when the headroom is used up, the frame is shorter, or the cut reaches into what is still to be checksummed.
 */
uint8_t *packet_push(struct packet *packet, size_t bytes);
uint8_t *packet_pull(struct packet *packet, size_t bytes);

#endif
