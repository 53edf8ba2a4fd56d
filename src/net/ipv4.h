/* IPv4 on the wire (RFC 791): the header, its flags, the upper protocols, the addresses that no router takes as a source or forwards to. */
#ifndef NET_IPV4_H
#define NET_IPV4_H

#include "net/addr.h"
#include "net/wire.h"

#define IPV4_HEADER_BYTES 20
#define IPV4_MTU_MIN 68

/* Values of the protocol field (and of IPv6's next header). */
enum ip_protocol {
	IP_PROTOCOL_HOPOPTS = 0,
	IP_PROTOCOL_ICMP = 1,
	IP_PROTOCOL_TCP = 6,
	IP_PROTOCOL_UDP = 17,
	IP_PROTOCOL_ROUTING = 43,
	IP_PROTOCOL_FRAGMENT = 44,
	IP_PROTOCOL_AH = 51,
	IP_PROTOCOL_ICMPV6 = 58,
	IP_PROTOCOL_NONE = 59,
	IP_PROTOCOL_DSTOPTS = 60,
	IP_PROTOCOL_OSPF = 89
};

/* Bits of the fragment field. */
enum { IPV4_DONT_FRAGMENT = 0x4000, IPV4_MORE_FRAGMENTS = 0x2000, IPV4_FRAGMENT_MASK = 0x1fff };

struct ipv4_header {
	uint8_t version_ihl;
	uint8_t tos;
	uint8_t total_bytes[2];
	uint8_t id[2];
	uint8_t fragment[2];
	uint8_t ttl;
	uint8_t protocol;
	uint8_t checksum[2];
	uint8_t source[4];
	uint8_t destination[4];
};

/* Bytes of the header with its options, as it says itself. */
static inline unsigned ipv4_header_bytes(const struct ipv4_header *h) { return (h->version_ihl & 15u) * 4; }

/* 0.0.0.0/8, 127/8, 224/4 and above: never the source of a packet from another host (RFC 1812 5.3.7). */
static inline bool ipv4_is_martian_source(const uint8_t a[4]) { return a[0] == 0 || a[0] == 127 || a[0] >= 224; }

/* 0/8, 127/8 and 240/4: never forwarded to; multicast and broadcast are the caller's business. */
static inline bool ipv4_is_martian_destination(const uint8_t a[4])
{
	return a[0] == 0 || a[0] == 127 || (a[0] >= 240 && wire_get_u32(a) != 0xffffffffu);
}

#endif
