/* IPv4 packets as protocols receive and send them, whatever is inside: checked parse, complete build. */
#ifndef ROUTE_IP_PACKET_H
#define ROUTE_IP_PACKET_H

#include "net/addr.h"

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

/* Reads an IPv4 packet of `size` bytes. Returns NULL, or the name of what is wrong with it ("ip_bad_checksum"). */
const char *ip_packet_parse(struct ip_packet *packet, const void *bytes, size_t size);

/*
 * Writes header and payload: TOS 0xC0 (internetwork control), don't fragment, checksum. Returns the packet's size, or 0 when `room` is too
 * small. `packet->bytes` may be where the payload goes.
 */
size_t ip_packet_build(const struct ip_packet *packet, void *out, size_t room);

#endif
