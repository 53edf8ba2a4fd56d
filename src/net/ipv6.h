/* IPv6 on the wire (RFC 8200): the header, the fragment header, solicited-node groups. */
#ifndef NET_IPV6_H
#define NET_IPV6_H

#include "net/addr.h"
#include "net/wire.h"

#include <string.h>

#define IPV6_HEADER_BYTES 40
#define IPV6_MTU_MIN 1280

/* Most extension headers that are followed to find the upper protocol. */
#define IPV6_EXTENSIONS_MAX 8

struct ipv6_header {
	uint8_t version_class_flow[4];
	uint8_t payload_bytes[2];
	uint8_t next_header;
	uint8_t hop_limit;
	uint8_t source[16];
	uint8_t destination[16];
};

/* ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1). */
static inline struct ip ipv6_solicited_node(struct ip ip)
{
	struct ip group = {IP_V6, {0xff, 0x02, [11] = 0x01, [12] = 0xff}};

	memcpy(group.bytes + 13, ip.bytes + 13, 3);
	return group;
}

/* ff02::1, all nodes of a link. */
static inline struct ip ipv6_all_nodes(void) { return (struct ip){IP_V6, {0xff, 0x02, [15] = 0x01}}; }

#endif
