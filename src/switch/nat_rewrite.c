/* The change that address translation makes to a packet. */
#include "switch/nat_rewrite.h"

#include "net/ethernet.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/conn.h"

#include <linux/virtio_net.h>
#include <string.h>

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

uint16_t nat_sum_change(uint16_t sum, const uint8_t *from, const uint8_t *to, unsigned bytes)
{
	uint32_t total = sum;

	for (unsigned i = 0; i + 1 < bytes; i += 2)
		total = fold(total + (uint16_t)~wire_get_u16(from + i) + wire_get_u16(to + i));
	return (uint16_t)total;
}

static uint16_t port_change(uint16_t sum, uint16_t from, uint16_t to) { return fold((uint32_t)sum + (uint16_t)~from + to); }

/* The identifier of an ICMP query is where the one who asks has its port. */
static uint16_t identifier_of(const struct conn_tuple *tuple) { return tuple->query == 1 ? tuple->src_port : tuple->dst_port; }

void nat_rewrite_add(struct nat_rewrite *rewrite, const struct conn_tuple *from, const struct conn_tuple *to)
{
	rewrite->address_sum = nat_sum_change(rewrite->address_sum, from->src, to->src, sizeof(to->src));
	rewrite->address_sum = nat_sum_change(rewrite->address_sum, from->dst, to->dst, sizeof(to->dst));
	memcpy(rewrite->src, to->src, sizeof(rewrite->src));
	memcpy(rewrite->dst, to->dst, sizeof(rewrite->dst));
	if (to->protocol == IP_PROTOCOL_TCP || to->protocol == IP_PROTOCOL_UDP) {
		rewrite->l4 = NAT_L4_PORTS;
		rewrite->port_sum = port_change(port_change(rewrite->port_sum, from->src_port, to->src_port), from->dst_port, to->dst_port);
		rewrite->src_port = to->src_port;
		rewrite->dst_port = to->dst_port;
	} else if (to->query != 0) {
		rewrite->l4 = NAT_L4_IDENTIFIER;
		rewrite->port_sum = port_change(rewrite->port_sum, identifier_of(from), identifier_of(to));
		rewrite->src_port = identifier_of(to);
	}
}

uint8_t *nat_transport(uint8_t *l3, const uint8_t *end, uint8_t *protocol)
{
	const struct ipv4_header *v4 = (const struct ipv4_header *)l3;
	uint8_t *at = l3 + IPV6_HEADER_BYTES;

	if (v4->version_ihl >> 4 == 4) {
		*protocol = v4->protocol;
		return wire_get_u16(v4->fragment) & IPV4_FRAGMENT_MASK ? NULL : l3 + ipv4_header_bytes(v4);
	}
	*protocol = ((const struct ipv6_header *)l3)->next_header;
	for (unsigned i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		uint8_t next = *protocol;

		if (next != IP_PROTOCOL_HOPOPTS && next != IP_PROTOCOL_ROUTING && next != IP_PROTOCOL_DSTOPTS &&
			next != IP_PROTOCOL_FRAGMENT && next != IP_PROTOCOL_AH)
			return at;
		if (end - at < 8 || (next == IP_PROTOCOL_FRAGMENT && wire_get_u16(at + 2) & 0xfff8))
			return NULL;
		*protocol = at[0];
		at += next == IP_PROTOCOL_FRAGMENT ? 8 : next == IP_PROTOCOL_AH ? (at[1] + 2) * 4 : (at[1] + 1) * 8;
		if (at > end)
			return NULL;
	}
	return NULL;
}

/* Where the checksum is in a transport header; 0: it has none. */
static unsigned checksum_at(uint8_t protocol)
{
	switch (protocol) {
	case IP_PROTOCOL_TCP:
		return 16;
	case IP_PROTOCOL_UDP:
		return 6;
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMPV6:
		return 2;
	default:
		return 0;
	}
}

static void rewrite_checksum(const struct packet *packet, uint8_t *l4, uint8_t protocol, const struct nat_rewrite *rewrite)
{
	uint16_t addresses = protocol == IP_PROTOCOL_ICMP ? 0 : rewrite->address_sum;
	uint8_t *field = l4 + checksum_at(protocol);
	uint16_t checksum = wire_get_u16(field);

	/* Still to be done: so far it is the sum of the pseudo header. */
	if (packet->offload.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		wire_put_u16(field, fold((uint32_t)checksum + addresses));
		return;
	}
	/* UDP over IPv4 without one (RFC 768). */
	if (protocol == IP_PROTOCOL_UDP && checksum == 0)
		return;
	checksum = nat_checksum_grow(checksum, (uint32_t)addresses + rewrite->port_sum);
	wire_put_u16(field, protocol == IP_PROTOCOL_UDP && checksum == 0 ? 0xffff : checksum);
}

void nat_rewrite_run(struct packet *packet, const struct nat_rewrite *rewrite)
{
	struct ethernet_header *eth = (struct ethernet_header *)packet->data;
	struct ipv4_header *v4 = (struct ipv4_header *)(eth + 1);
	struct ipv6_header *v6 = (struct ipv6_header *)(eth + 1);
	const uint8_t *end = packet->data + packet->size;
	uint8_t protocol = 0, *l4 = nat_transport((uint8_t *)(eth + 1), end, &protocol);

	if (wire_get_u16(eth->type) == ETHERNET_IPV4) {
		wire_put_u16(v4->checksum, nat_checksum_grow(wire_get_u16(v4->checksum), rewrite->address_sum));
		memcpy(v4->source, rewrite->src, sizeof(v4->source));
		memcpy(v4->destination, rewrite->dst, sizeof(v4->destination));
	} else {
		memcpy(v6->source, rewrite->src, sizeof(v6->source));
		memcpy(v6->destination, rewrite->dst, sizeof(v6->destination));
	}
	/* Prefixes are translated without a look at the transport header, which may be cut short. */
	if (l4 == NULL || checksum_at(protocol) == 0 || end - l4 < (int)checksum_at(protocol) + 2)
		return;
	if (rewrite->l4 == NAT_L4_PORTS) {
		wire_put_u16(l4, rewrite->src_port);
		wire_put_u16(l4 + 2, rewrite->dst_port);
	} else if (rewrite->l4 == NAT_L4_IDENTIFIER) {
		wire_put_u16(l4 + 4, rewrite->src_port);
	}
	rewrite_checksum(packet, l4, protocol, rewrite);
}
