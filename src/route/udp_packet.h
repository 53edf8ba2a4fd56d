/* IPv4 packets with UDP inside, as protocols receive and send them: checked parse, complete build. */
#ifndef ROUTE_UDP_PACKET_H
#define ROUTE_UDP_PACKET_H

#include "net/addr.h"

#include <stddef.h>
#include <stdint.h>

/* A UDP datagram; `bytes` points into the packet it came from. */
struct udp_packet {
	struct ip source;
	struct ip destination;
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t ttl;
	const uint8_t *bytes;
	size_t size;
};

/* The datagram of an IPv4 packet; likewise from a packet's bytes. Return NULL, or the name of what is wrong ("udp_bad_checksum"). */
struct ip_packet;
const char *udp_packet_of(struct udp_packet *packet, const struct ip_packet *ip);

/* Reads an IPv4 packet of `size` bytes. Returns NULL, or the name of what is wrong with it ("udp_bad_checksum"). */
const char *udp_packet_parse(struct udp_packet *packet, const void *bytes, size_t size);

/*
 * Writes an IPv4 packet around the datagram: TOS 0xC0 (internetwork control), don't fragment, all checksums. Returns its size, or 0 when
 * `room` is too small.
 */
size_t udp_packet_build(const struct udp_packet *packet, void *out, size_t room);

#endif
