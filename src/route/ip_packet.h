/* IPv4 packets as protocols receive and send them, whatever is inside: checked parse, complete build. */
#ifndef ROUTE_IP_PACKET_H
#define ROUTE_IP_PACKET_H

#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A whole packet (no fragment); `bytes` is what follows the header and points into the packet it came from. */
struct ip_packet {
	struct ip source;
	struct ip destination;
	uint8_t ttl;
	uint8_t protocol;
	const uint8_t *bytes;
	size_t size;
};

/* The most that fits behind a header without options. */
#define IP_PAYLOAD_BYTES_MAX 65515

/* A packet or a piece of one (RFC 791 3.2): `packet.bytes` is what belongs at `offset` (bytes) of the whole; `more` pieces follow it. */
struct ip_piece {
	struct ip_packet packet;
	uint16_t id;
	uint32_t offset;
	bool more;
};

static inline bool ip_piece_is_whole(const struct ip_piece *piece) { return piece->offset == 0 && !piece->more; }

/* As ip_packet_parse and ip_packet_build, but for any piece; one that isn't whole may be fragmented further on its way. */
const char *ip_piece_parse(struct ip_piece *piece, const void *bytes, size_t size);
size_t ip_piece_build(const struct ip_piece *piece, void *out, size_t room);

/* Reads an IPv4 packet of `size` bytes. Returns NULL, or the name of what is wrong with it ("ip_bad_checksum"). */
const char *ip_packet_parse(struct ip_packet *packet, const void *bytes, size_t size);

/*
 * Writes header and payload: TOS 0xC0 (internetwork control), don't fragment, checksum. Returns the packet's size, or 0 when `room` is too
 * small. `packet->bytes` may be where the payload goes.
 */
size_t ip_packet_build(const struct ip_packet *packet, void *out, size_t room);

#endif
