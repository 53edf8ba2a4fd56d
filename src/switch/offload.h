/*
 * Offloads done in software: the checksum a sender left to the hardware, and the cutting of a long TCP segment into frames.
 *
 * Theory of operation. `offload_check` runs once, where a frame enters: it proves that what the offload header says agrees with the frame
 * (virtio 1.2, 5.1.6.2), so everything after it may rely on it. A receiver that takes offloads gets the frame as it is; another one gets it
 * through `offload_finish` or, when it is longer than its MTU, `offload_cut_*`.
 */
#ifndef SWITCH_OFFLOAD_H
#define SWITCH_OFFLOAD_H

#include "switch/packet.h"

#include <linux/virtio_net.h>

/* The smallest payload of a segment that a sender may ask for; smaller ones are an attack on who must cut (Linux sends at least 48). */
#define OFFLOAD_GSO_BYTES_MIN 48

/*
 * Checks the offload against the frame; false when they contradict each other. On success hdr_len is exact, fields without meaning are
 * zero, and a long segment that needs no cutting isn't called one.
 */
bool offload_check(struct packet *packet);

/* Bytes of the longest frame that comes out once the packet is cut. */
uint32_t offload_frame_bytes(const struct packet *packet);

/* Computes the checksum that the sender left open; the packet has no offload afterwards. Not for long segments. */
void offload_finish(struct packet *packet);

/* The cutting of one long segment. */
struct offload_cut {
	const struct packet *whole;
	uint32_t network_start; /* of the IP header */
	uint32_t payload_at;	/* of the next frame */
	uint16_t index;		/* number of the next frame */
	bool ipv6;
};

/* Starts to cut a checked long segment (gso_type not NONE). */
void offload_cut_start(struct offload_cut *cut, const struct packet *whole);

/*
 * Writes the next frame into `into`, which has room for offload_frame_bytes(whole) behind its data; false when there is none left. The
 * frame is complete: lengths, identification, sequence number, flags, checksums (RFC 9293, RFC 6864).
 */
bool offload_cut_next(struct offload_cut *cut, struct packet *into);

#endif
