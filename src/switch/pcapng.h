/*
 * pcapng: the blocks of a capture file (draft-ietf-opsawg-pcapng 4), in network byte order, which readers tell by the magic.
 *
 * A file here is one section with one interface; times are nanoseconds since 1970. A writer that has no room is left failed.
 */
#ifndef SWITCH_PCAPNG_H
#define SWITCH_PCAPNG_H

#include "base/writer.h"

/* Which way a packet went, as seen by who is captured (4.3, epb_flags). */
enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* Bytes of a packet's block besides its bytes and their padding; of the largest head. */
#define PCAPNG_PACKET_OVERHEAD 44
#define PCAPNG_HEAD_BYTES 512

/* Section header and interface description. */
void pcapng_head(struct writer *w, const char *name, uint32_t snaplen);

/* A packet's block around `captured` bytes of `bytes`. */
struct pcapng_packet {
	uint64_t time_ns;
	uint32_t captured, length; /* bytes that are kept, that the frame had */
	enum pcapng_direction direction;
	const uint8_t *bytes;
};
void pcapng_packet(struct writer *w, const struct pcapng_packet *packet);

/* Interface statistics: how many packets were seen, how many of them could not be kept. */
void pcapng_statistics(struct writer *w, uint64_t time_ns, uint64_t seen, uint64_t dropped);

#endif
