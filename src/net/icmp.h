/* ICMP (RFC 792, 1191) and ICMPv6 (RFC 4443, 4861) on the wire: headers, types and codes. */
#ifndef NET_ICMP_H
#define NET_ICMP_H

#include "net/addr.h"

#define ICMP_HEADER_BYTES 8

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_SOURCE_QUENCH = 4,
	ICMP_REDIRECT = 5,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12
};

enum icmp_unreachable_code {
	ICMP_NET_UNREACHABLE = 0,
	ICMP_HOST_UNREACHABLE = 1,
	ICMP_PROTOCOL_UNREACHABLE = 2,
	ICMP_PORT_UNREACHABLE = 3,
	ICMP_FRAGMENTATION_NEEDED = 4
};

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1,
	ICMPV6_PACKET_TOO_BIG = 2,
	ICMPV6_TIME_EXCEEDED = 3,
	ICMPV6_PARAMETER_PROBLEM = 4,
	ICMPV6_ECHO_REQUEST = 128,
	ICMPV6_ECHO_REPLY = 129,
	ICMPV6_ROUTER_SOLICITATION = 133,
	ICMPV6_ROUTER_ADVERTISEMENT = 134,
	ICMPV6_NEIGHBOR_SOLICITATION = 135,
	ICMPV6_NEIGHBOR_ADVERTISEMENT = 136,
	ICMPV6_REDIRECT = 137
};

enum icmpv6_unreachable_code { ICMPV6_NO_ROUTE = 0, ICMPV6_BEYOND_SCOPE = 2, ICMPV6_ADDRESS_UNREACHABLE = 3, ICMPV6_PORT_UNREACHABLE = 4 };

struct icmp_header {
	uint8_t type;
	uint8_t code;
	uint8_t checksum[2];
	uint8_t info[4]; /* identifier and sequence, unused, or MTU */
};

/* True for the ICMP types that report errors, about which no error is ever sent (RFC 1122 3.2.2). */
static inline bool icmp_is_error(uint8_t type)
{
	return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT || type == ICMP_TIME_EXCEEDED ||
	       type == ICMP_PARAMETER_PROBLEM;
}

/* Neighbor solicitation and advertisement, followed by options (RFC 4861 4.3, 4.4). */
#define ND_MESSAGE_BYTES 24

struct nd_message {
	uint8_t type;
	uint8_t code;
	uint8_t checksum[2];
	uint8_t flags; /* of an advertisement */
	uint8_t reserved[3];
	uint8_t target[16];
};

enum { ND_FLAG_ROUTER = 0x80, ND_FLAG_SOLICITED = 0x40, ND_FLAG_OVERRIDE = 0x20 };
enum nd_option { ND_OPTION_SOURCE_MAC = 1, ND_OPTION_TARGET_MAC = 2 };

#endif
