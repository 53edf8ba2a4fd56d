/*
 * The flow key: what of a packet decides its way, read once at its start.
 *
 * Theory of operation. Features never read a packet's headers for a decision; they read fields of the key through accessors that note which
 * fields they looked at (walk.h). The fields looked at make the mask of the flow cache entry, so an entry matches just those packets that
 * would have gone the same way. What may differ from packet to packet of a flow (TTL, length) is in the view, and an entry says which
 * values of those it holds for. A broken header becomes a value of the field `l3`, so that brokenness is looked at like everything else.
 */
#ifndef SWITCH_FLOW_KEY_H
#define SWITCH_FLOW_KEY_H

#include "net/addr.h"
#include "switch/packet.h"

#include <string.h>

/* Fields of the key as bits of a set. */
enum flow_field {
	FLOW_IN_PORT = 1 << 0,
	FLOW_ETH_TYPE = 1 << 1,
	FLOW_ETH_DST = 1 << 2,
	FLOW_ETH_SRC = 1 << 3,
	FLOW_L3 = 1 << 4,
	FLOW_PROTOCOL = 1 << 5,
	FLOW_FRAGMENT = 1 << 6,
	FLOW_L4_SRC = 1 << 7,
	FLOW_L4_DST = 1 << 8,
	FLOW_IP_SRC = 1 << 9,
	FLOW_IP_DST = 1 << 10,
	FLOW_DHCP = 1 << 11
};
#define FLOW_FIELD_COUNT 12

enum flow_fragment { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

/*
 * What the ports say of DHCP, in a field of its own: who only wants to know whether a packet is DHCP need not look at its ports, which
 * would take a cache entry for each pair of them.
 */
enum flow_dhcp { FLOW_DHCP_NONE, FLOW_DHCP_TO_SERVER, FLOW_DHCP_TO_CLIENT };

/* Without holes, a multiple of 8 bytes: compared and hashed as words. ARP: addresses of sender and target, operation in l4_dst. */
struct flow_key {
	uint32_t in_port;
	uint16_t eth_type; /* of the outer tag when there is one */
	uint8_t l3;	   /* enum drop_reason: what is wrong with the network header, DROP_NONE: nothing */
	uint8_t protocol;  /* IPv4's, or IPv6's behind the extension headers */
	struct mac eth_dst;
	struct mac eth_src;
	uint16_t l4_src; /* host order; ICMP: the type */
	uint16_t l4_dst; /* ICMP: the code */
	uint8_t fragment;
	uint8_t dhcp; /* enum flow_dhcp: UDP to port 67 (IPv6: 547); to 68 from 67 (546 from 547) */
	uint8_t zero[6];
	uint8_t ip_src[16];
	uint8_t ip_dst[16];
};

/* What else is worth knowing of a packet and may differ within a flow. Offsets are from the frame's first byte, 0: there is no such part.
 */
struct flow_view {
	uint16_t l3_offset;
	uint16_t l4_offset;
	uint8_t ttl;
	uint8_t tcp_flags;
	bool l4_short;	   /* the packet, or its first fragment, doesn't hold the whole header of TCP (without options), UDP or ICMP */
	uint32_t ip_bytes; /* of the IP packet by its own length field */
	uint32_t l3_bytes; /* of the largest IP packet that it becomes on the wire: less than ip_bytes when it is to be segmented */
};

/* Reads the key and the view of a frame of at least an Ethernet header; never past its end. */
void flow_key_read(const struct packet *packet, struct flow_key *key, struct flow_view *view);

/* The key with all fields zeroed that are not in `fields`. */
void flow_key_mask(const struct flow_key *key, uint32_t fields, struct flow_key *out);
/* One of the key's 64-bit words. */
static inline uint64_t flow_key_word(const struct flow_key *key, unsigned index)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)key + index * sizeof(word), sizeof(word));
	return word;
}

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b);

/* A hash of addresses, protocol and ports that is the same in both processes and runs: for equal-cost paths (RFC 2992). */
uint32_t flow_key_path_hash(const struct flow_key *key);

#endif
