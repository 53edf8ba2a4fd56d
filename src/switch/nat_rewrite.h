/*
 * The change that address translation makes to a packet, ready to be made again for the next one of its flow.
 *
 * Theory of operation. What changes is the same for all packets of a flow, so what the checksums change by is, too (RFC 1624): two sums are
 * worked out once, that of the addresses, which is under the IPv4 header's checksum and under the pseudo header, and that of the ports. A
 * packet then costs a few stores and two additions. Where the sender left its checksum to be done, the pseudo header's part is in its
 * place, and only the addresses are added there. Two translations in a row add up to one.
 */
#ifndef SWITCH_NAT_REWRITE_H
#define SWITCH_NAT_REWRITE_H

#include "switch/packet.h"

struct conn_tuple;

/* What of the transport header changes: nothing, both ports, or the identifier of an ICMP query. */
enum nat_l4 { NAT_L4_NONE, NAT_L4_PORTS, NAT_L4_IDENTIFIER };

struct nat_rewrite {
	uint8_t src[16], dst[16];
	uint16_t src_port, dst_port; /* the identifier is in src_port */
	uint16_t address_sum, port_sum;
	uint8_t l4; /* enum nat_l4 */
};

/* Adds a change from one tuple to another, of the same family and protocol. */
void nat_rewrite_add(struct nat_rewrite *rewrite, const struct conn_tuple *from, const struct conn_tuple *to);

/*
 * Makes the change. The packet has a sound IP header and, unless it is a later fragment or no ports change, a whole transport header; of
 * one that isn't whole only the addresses change.
 */
void nat_rewrite_run(struct packet *packet, const struct nat_rewrite *rewrite);

/* Where the transport header is, behind `l3`, and of which protocol; NULL when it is not in this packet (a later fragment). */
uint8_t *nat_transport(uint8_t *l3, const uint8_t *end, uint8_t *protocol);

/* The sum of what 16-bit words grow by when bytes change; both at even places of what is summed. `bytes` is even. */
uint16_t nat_sum_change(uint16_t sum, const uint8_t *from, const uint8_t *to, unsigned bytes);

/* A checksum, which is in a packet, after its words have grown by `sum`. */
static inline uint16_t nat_checksum_grow(uint16_t checksum, uint32_t sum)
{
	sum += (uint16_t)~checksum;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

#endif
