/* The flow key: reading it out of a frame, masking, hashing. */
#include "switch/flow_key.h"

#include "base/hash.h"
#include "net/arp.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"
#include "switch/drop.h"

#include <linux/virtio_net.h>
#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct flow_key) == 64, "the flow key has no holes");
_Static_assert(offsetof(struct flow_key, eth_src) == offsetof(struct flow_key, eth_dst) + 6, "as in a frame");

static inline uint32_t l4_header_bytes(uint8_t protocol)
{
	switch (protocol) {
	case IP_PROTOCOL_TCP:
		return 20;
	case IP_PROTOCOL_UDP:
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMPV6:
		return 8;
	default:
		return 0;
	}
}

/* Ports or ICMP type and code, from the transport header's first bytes, as far as they are there. */
static inline void read_l4(const struct packet *packet, uint32_t l3_end, struct flow_key *key, struct flow_view *view)
{
	const uint8_t *l4 = packet->data + view->l4_offset;
	uint32_t left = l3_end > view->l4_offset ? l3_end - view->l4_offset : 0;

	if (key->fragment == FRAGMENT_LATER)
		return;
	view->l4_short = left < l4_header_bytes(key->protocol);
	if (key->protocol == IP_PROTOCOL_TCP && !view->l4_short)
		view->tcp_flags = l4[13];
	if ((key->protocol == IP_PROTOCOL_TCP || key->protocol == IP_PROTOCOL_UDP) && left >= 4) {
		key->l4_src = wire_get_u16(l4);
		key->l4_dst = wire_get_u16(l4 + 2);
	} else if ((key->protocol == IP_PROTOCOL_ICMP || key->protocol == IP_PROTOCOL_ICMPV6) && left >= 2) {
		key->l4_src = l4[0];
		key->l4_dst = l4[1];
	}
}

/* The ports are those of the key, not read out of it: what was just written in halves would be waited for. */
static inline void read_dhcp(struct flow_key *key, uint8_t protocol, uint16_t src, uint16_t dst)
{
	if (protocol != IP_PROTOCOL_UDP)
		return;
	if (dst == UDP_PORT_DHCP_SERVER)
		key->dhcp = FLOW_DHCP_TO_SERVER;
	else if (dst == UDP_PORT_DHCP_CLIENT && src == UDP_PORT_DHCP_SERVER)
		key->dhcp = FLOW_DHCP_TO_CLIENT;
}

static void read_dhcpv6(struct flow_key *key)
{
	if (key->protocol != IP_PROTOCOL_UDP)
		return;
	if (key->l4_dst == UDP_PORT_DHCPV6_SERVER)
		key->dhcp = FLOW_DHCP_TO_SERVER;
	else if (key->l4_dst == UDP_PORT_DHCPV6_CLIENT && key->l4_src == UDP_PORT_DHCPV6_SERVER)
		key->dhcp = FLOW_DHCP_TO_CLIENT;
}

/* RFC 1122 3.2.1, RFC 1812 5.2.2: what a router checks before it believes an IPv4 header. */
static enum drop_reason read_ipv4(const struct packet *packet, struct flow_key *key, struct flow_view *view)
{
	const struct ipv4_header *h = (const struct ipv4_header *)(packet->data + view->l3_offset);
	uint32_t left = packet->size - view->l3_offset;
	unsigned header_bytes, fragment;

	if (left < IPV4_HEADER_BYTES)
		return DROP_BAD_LENGTH;
	memcpy(key->ip_src, h->source, 4);
	memcpy(key->ip_dst, h->destination, 4);
	key->protocol = h->protocol;
	view->ttl = h->ttl;
	view->ip_bytes = wire_get_u16(h->total_bytes);
	header_bytes = ipv4_header_bytes(h);
	fragment = wire_get_u16(h->fragment);
	if (fragment & IPV4_FRAGMENT_MASK)
		key->fragment = FRAGMENT_LATER;
	else if (fragment & IPV4_MORE_FRAGMENTS)
		key->fragment = FRAGMENT_FIRST;
	if (h->version_ihl >> 4 != 4)
		return DROP_BAD_VERSION;
	if (header_bytes < IPV4_HEADER_BYTES || view->ip_bytes < header_bytes || view->ip_bytes > left)
		return DROP_BAD_LENGTH;
	view->l4_offset = (uint16_t)(view->l3_offset + header_bytes);
	read_l4(packet, view->l3_offset + view->ip_bytes, key, view);
	read_dhcp(key, key->protocol, key->l4_src, key->l4_dst);
	if (checksum_fold(checksum_add(0, h, header_bytes)) != 0)
		return DROP_BAD_CHECKSUM;
	return DROP_NONE;
}

/* Follows the extension headers (RFC 8200 4.1) to the transport header. */
static enum drop_reason read_extensions(
	const struct packet *packet, uint32_t end, uint8_t next, struct flow_key *key, struct flow_view *view)
{
	uint32_t at = view->l3_offset + IPV6_HEADER_BYTES;

	for (int i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		const uint8_t *h = packet->data + at;
		uint32_t bytes;

		key->protocol = next;
		view->l4_offset = (uint16_t)at;
		if (next != IP_PROTOCOL_HOPOPTS && next != IP_PROTOCOL_ROUTING && next != IP_PROTOCOL_DSTOPTS &&
			next != IP_PROTOCOL_FRAGMENT && next != IP_PROTOCOL_AH)
			return DROP_NONE;
		if (end - at < 8)
			return DROP_BAD_EXTENSION;
		bytes = next == IP_PROTOCOL_FRAGMENT ? 8 : next == IP_PROTOCOL_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
		if (end - at < bytes)
			return DROP_BAD_EXTENSION;
		if (next == IP_PROTOCOL_FRAGMENT && wire_get_u16(h + 2) & 0xfff8) {
			key->fragment = FRAGMENT_LATER;
			key->protocol = h[0];
			return DROP_NONE;
		}
		if (next == IP_PROTOCOL_FRAGMENT)
			key->fragment = FRAGMENT_FIRST;
		next = h[0];
		at += bytes;
	}
	return DROP_BAD_EXTENSION;
}

static enum drop_reason read_ipv6(const struct packet *packet, struct flow_key *key, struct flow_view *view)
{
	const struct ipv6_header *h = (const struct ipv6_header *)(packet->data + view->l3_offset);
	uint32_t left = packet->size - view->l3_offset;
	enum drop_reason reason;

	if (left < IPV6_HEADER_BYTES)
		return DROP_BAD_LENGTH;
	memcpy(key->ip_src, h->source, 16);
	memcpy(key->ip_dst, h->destination, 16);
	view->ttl = h->hop_limit;
	view->ip_bytes = IPV6_HEADER_BYTES + wire_get_u16(h->payload_bytes);
	if (h->version_class_flow[0] >> 4 != 6)
		return DROP_BAD_VERSION;
	if (view->ip_bytes > left)
		return DROP_BAD_LENGTH;
	reason = read_extensions(packet, view->l3_offset + view->ip_bytes, h->next_header, key, view);
	if (reason == DROP_NONE) {
		read_l4(packet, view->l3_offset + view->ip_bytes, key, view);
		read_dhcpv6(key);
	}
	return reason;
}

static void read_arp(const struct packet *packet, struct flow_key *key, const struct flow_view *view)
{
	const struct arp_packet *arp = (const struct arp_packet *)(packet->data + view->l3_offset);

	if (packet->size - view->l3_offset < ARP_PACKET_BYTES || !arp_is_valid(arp)) {
		key->l3 = DROP_BAD_ARP;
		return;
	}
	memcpy(key->ip_src, arp->sender_ip, 4);
	memcpy(key->ip_dst, arp->target_ip, 4);
	key->l4_dst = wire_get_u16(arp->operation);
}

/* A packet that is to be segmented crosses a link as packets of its headers (offload_check made hdr_len exact) and gso_size bytes each. */
static void view_segment(const struct packet *packet, struct flow_view *view)
{
	const struct packet_offload *offload = &packet->offload;

	view->l3_bytes = view->ip_bytes;
	if (offload->gso_type != VIRTIO_NET_HDR_GSO_NONE && offload->hdr_len > view->l3_offset) {
		uint32_t segment = offload->hdr_len - (uint32_t)view->l3_offset + offload->gso_size;

		if (segment < view->l3_bytes)
			view->l3_bytes = segment;
	}
}

/* The one's complement sum over an IPv4 header without options is right. */
static inline bool is_sound_ipv4(const uint8_t *h)
{
	uint64_t a, b, sum;
	uint32_t c;

	memcpy(&a, h, 8);
	memcpy(&b, h + 8, 8);
	memcpy(&c, h + 16, 4);
	sum = (a & UINT32_MAX) + (a >> 32) + (b & UINT32_MAX) + (b >> 32) + c;
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return ((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

/* Most packets: IPv4 without options or fragments, TCP or UDP. False, and nothing said, for any other. */
static inline bool read_plain(const struct packet *packet, struct flow_key *key, struct flow_view *view)
{
	const uint8_t *frame = packet->data;
	const struct ipv4_header *h = (const struct ipv4_header *)(frame + ETHERNET_HEADER_BYTES);
	uint32_t ip_bytes;

	if (packet->size < ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES + 8 || wire_get_u16(frame + 12) != ETHERNET_IPV4)
		return false;
	ip_bytes = wire_get_u16(h->total_bytes);
	if (h->version_ihl != 0x45 || (wire_get_u16(h->fragment) & (uint16_t)~IPV4_DONT_FRAGMENT) != 0 ||
		ip_bytes < IPV4_HEADER_BYTES + 8 || ip_bytes > packet->size - ETHERNET_HEADER_BYTES ||
		(h->protocol != IP_PROTOCOL_UDP && h->protocol != IP_PROTOCOL_TCP) || !is_sound_ipv4((const uint8_t *)h))
		return false;
	*key = (struct flow_key){.in_port = packet->in_port, .eth_type = ETHERNET_IPV4, .protocol = h->protocol};
	memcpy((uint8_t *)key + offsetof(struct flow_key, eth_dst), frame, 2 * sizeof(struct mac));
	memcpy(key->ip_src, h->source, 4);
	memcpy(key->ip_dst, h->destination, 4);
	*view = (struct flow_view){.l3_offset = ETHERNET_HEADER_BYTES,
		.l4_offset = ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES,
		.ttl = h->ttl,
		.ip_bytes = ip_bytes};
	read_l4(packet, ETHERNET_HEADER_BYTES + ip_bytes, key, view);
	read_dhcp(key, h->protocol, wire_get_u16((const uint8_t *)(h + 1)), wire_get_u16((const uint8_t *)(h + 1) + 2));
	return true;
}

void flow_key_read(const struct packet *packet, struct flow_key *key, struct flow_view *view)
{
	const struct ethernet_header *eth = (const struct ethernet_header *)packet->data;

	if (read_plain(packet, key, view)) {
		view_segment(packet, view);
		return;
	}
	memset(key, 0, sizeof(*key));
	memset(view, 0, sizeof(*view));
	key->in_port = packet->in_port;
	key->eth_type = wire_get_u16(eth->type);
	key->eth_dst = eth->destination;
	key->eth_src = eth->source;
	view->l3_offset = ETHERNET_HEADER_BYTES;
	if (key->eth_type == ETHERNET_IPV4)
		key->l3 = (uint8_t)read_ipv4(packet, key, view);
	else if (key->eth_type == ETHERNET_IPV6)
		key->l3 = (uint8_t)read_ipv6(packet, key, view);
	else if (key->eth_type == ETHERNET_ARP)
		read_arp(packet, key, view);
	view_segment(packet, view);
}

void flow_key_mask(const struct flow_key *key, uint32_t fields, struct flow_key *out)
{
	memset(out, 0, sizeof(*out));
	if (fields & FLOW_IN_PORT)
		out->in_port = key->in_port;
	if (fields & FLOW_ETH_TYPE)
		out->eth_type = key->eth_type;
	if (fields & FLOW_ETH_DST)
		out->eth_dst = key->eth_dst;
	if (fields & FLOW_ETH_SRC)
		out->eth_src = key->eth_src;
	if (fields & FLOW_L3)
		out->l3 = key->l3;
	if (fields & FLOW_PROTOCOL)
		out->protocol = key->protocol;
	if (fields & FLOW_FRAGMENT)
		out->fragment = key->fragment;
	if (fields & FLOW_DHCP)
		out->dhcp = key->dhcp;
	if (fields & FLOW_L4_SRC)
		out->l4_src = key->l4_src;
	if (fields & FLOW_L4_DST)
		out->l4_dst = key->l4_dst;
	if (fields & FLOW_IP_SRC)
		memcpy(out->ip_src, key->ip_src, sizeof(out->ip_src));
	if (fields & FLOW_IP_DST)
		memcpy(out->ip_dst, key->ip_dst, sizeof(out->ip_dst));
}

bool flow_key_equal(const struct flow_key *a, const struct flow_key *b) { return memcmp(a, b, sizeof(*a)) == 0; }

uint32_t flow_key_path_hash(const struct flow_key *key)
{
	uint8_t bytes[37];
	uint64_t h;

	memcpy(bytes, key->ip_src, 16);
	memcpy(bytes + 16, key->ip_dst, 16);
	bytes[32] = key->protocol;
	/* All fragments of a packet go one way, so none of them shows its ports. */
	wire_put_u16(bytes + 33, key->fragment == FRAGMENT_NONE ? key->l4_src : 0);
	wire_put_u16(bytes + 35, key->fragment == FRAGMENT_NONE ? key->l4_dst : 0);
	h = hash_stable(bytes, sizeof(bytes));
	h *= 0x9e3779b97f4a7c15u;
	return (uint32_t)(h >> 32);
}
