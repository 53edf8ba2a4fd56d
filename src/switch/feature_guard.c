/*
 * Feature guard: a machine can't speak in another's name. A stage of the port, not a rule that could be ordered wrongly.
 *
 * Theory of operation. A port is guarded when the model gave its machine's NIC a MAC. Such a machine sends only from that MAC, and, where
 * the model gave it an address, only from that (or with none yet: DHCP, duplicate address detection), or from one of the pairs of MAC
 * and addresses that the model allows it besides. It answers no DHCP, advertises no router and asks DHCP for itself only. Who is behind
 * other ports isn't known, but it is none of the machines and routers of the network. Tags are refused, since a receiver would take a frame
 * tagged with VLAN 0 for an untagged one. On a cable the frames that two ends of a cable speak (LACP, LLDP, STP) pass whatever their
 * source.
 */
#include "base/reader.h"
#include "net/arp.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/udp.h"
#include "switch/feature.h"

static struct mac pair_mac(const struct msg_port *config, unsigned i)
{
	return mac_is_zero(config->pairs[i].mac) ? config->mac : config->pairs[i].mac;
}

/* True for a MAC that the machine may speak from. */
static bool guard_has_mac(const struct msg_port *config, struct mac mac)
{
	for (unsigned i = 0; i < config->pair_count; i++)
		if (mac_equal(pair_mac(config, i), mac))
			return true;
	return mac_equal(config->mac, mac);
}

/* True for an address that it may speak from with this MAC: its own, or one of a pair. */
static bool guard_has(const struct msg_port *config, struct mac mac, struct ip ip)
{
	for (unsigned i = 0; i < config->pair_count; i++)
		if (mac_equal(pair_mac(config, i), mac) && prefix_contains(config->pairs[i].ip, ip))
			return true;
	return mac_equal(config->mac, mac) && (ip_equal(ip, config->ipv4) || ip_equal(ip, config->ipv6));
}

/* A DHCP client asks for itself: the MAC in its message is the sender's (RFC 2131 2, chaddr). */
static enum drop_reason guard_dhcp_client(struct walk *walk)
{
	uint32_t end = walk->view.l3_offset + walk->view.ip_bytes, at = walk->view.l4_offset + (uint32_t)UDP_HEADER_BYTES;
	struct reader r;
	struct mac chaddr = {{0}};

	walk->cacheable = false;
	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	if (walk_fragment(walk) != FRAGMENT_NONE || end < at)
		return DROP_DHCP_MALFORMED;
	r = reader_over(walk->packet->data + at, end - at);
	reader_skip(&r, 28);
	if (!reader_copy(&r, chaddr.bytes, sizeof(chaddr.bytes)))
		return DROP_DHCP_MALFORMED;
	return mac_equal(chaddr, walk_eth_src(walk)) ? DROP_NONE : DROP_DHCP_NOT_OURS;
}

static enum drop_reason guard_ipv4(struct walk *walk, const struct msg_port *config)
{
	struct ip source = walk_ip_src(walk);

	if (config->ipv4.family != IP_NONE && !guard_has(config, walk_eth_src(walk), source)) {
		if (!ip_is_unspecified(source))
			return DROP_IP_SPOOFED;
		/* Only a DHCP client has no address. */
		if (walk_dhcp(walk) != FLOW_DHCP_TO_SERVER)
			return DROP_IP_SPOOFED;
	}
	if (walk_dhcp(walk) == FLOW_DHCP_TO_SERVER)
		return guard_dhcp_client(walk);
	return walk_dhcp(walk) == FLOW_DHCP_TO_CLIENT ? DROP_ROGUE_DHCP : DROP_NONE;
}

/*
 * A message of neighbor discovery: an advertisement is about an own address, and an option that names the sender's MAC (RFC 4861 4.6.1)
 * names his. In pieces there is none (RFC 6980).
 */
static enum drop_reason guard_nd(struct walk *walk, const struct msg_port *config)
{
	uint8_t type = (uint8_t)walk_l4_src(walk),
		option = type == ICMPV6_NEIGHBOR_ADVERTISEMENT ? ND_OPTION_TARGET_MAC : ND_OPTION_SOURCE_MAC;
	uint32_t end = walk->view.l3_offset + walk->view.ip_bytes, at = walk->view.l4_offset;
	struct mac sender = walk_eth_src(walk);
	struct reader r = reader_over(walk->packet->data + at, end - at);
	struct ip target = {IP_V6, {0}};

	walk->cacheable = false;
	if (walk_fragment(walk) != FRAGMENT_NONE)
		return DROP_ND_SPOOFED;
	reader_skip(&r, ICMP_HEADER_BYTES);
	if (type != ICMPV6_ROUTER_SOLICITATION)
		reader_copy(&r, target.bytes, 16);
	if (type == ICMPV6_NEIGHBOR_ADVERTISEMENT && config->ipv6.family != IP_NONE && !guard_has(config, sender, target) &&
		!ip_is_link_local(target))
		return DROP_ND_SPOOFED;
	while (reader_ok(&r) && reader_left(&r) > 0) {
		uint8_t kind = reader_u8(&r), words = reader_u8(&r);
		struct mac mac = {{0}};
		struct reader body;

		if (words == 0)
			return DROP_BAD_ND;
		body = reader_sub(&r, words * 8u - 2);
		if (kind == option && (!reader_copy(&body, mac.bytes, sizeof(mac.bytes)) || !mac_equal(mac, sender)))
			return DROP_ND_SPOOFED;
	}
	return reader_ok(&r) ? DROP_NONE : DROP_BAD_ND;
}

/* A broken header, or one whose end is in a later piece, may hide what it is (RFC 7113). */
static enum drop_reason guard_ipv6_header(struct walk *walk)
{
	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	if (walk_fragment(walk) != FRAGMENT_FIRST || !walk->view.l4_short)
		return DROP_NONE;
	walk->cacheable = false;
	return DROP_CONN_MALFORMED;
}

static enum drop_reason guard_ipv6(struct walk *walk, const struct msg_port *config)
{
	struct ip source = walk_ip_src(walk);
	enum drop_reason reason = guard_ipv6_header(walk);

	if (reason != DROP_NONE)
		return reason;
	if (config->ipv6.family != IP_NONE && !guard_has(config, walk_eth_src(walk), source) && !ip_is_link_local(source) &&
		!ip_is_unspecified(source))
		return DROP_IP_SPOOFED;
	if (walk_fragment(walk) == FRAGMENT_LATER)
		return DROP_NONE;
	if (walk_dhcp(walk) == FLOW_DHCP_TO_CLIENT)
		return DROP_ROGUE_DHCP;
	if (walk_protocol(walk) != IP_PROTOCOL_ICMPV6)
		return DROP_NONE;
	switch (walk_l4_src(walk)) {
	case ICMPV6_ROUTER_ADVERTISEMENT:
	case ICMPV6_REDIRECT:
		return DROP_ROGUE_ROUTER;
	case ICMPV6_ROUTER_SOLICITATION:
	case ICMPV6_NEIGHBOR_SOLICITATION:
	case ICMPV6_NEIGHBOR_ADVERTISEMENT:
		return guard_nd(walk, config);
	default:
		return DROP_NONE;
	}
}

static enum drop_reason guard_arp(struct walk *walk, const struct msg_port *config)
{
	const struct arp_packet *arp = (const struct arp_packet *)(walk->packet->data + walk->view.l3_offset);
	struct ip sender;

	walk->cacheable = false;
	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	sender = ip_from_bytes(IP_V4, arp->sender_ip);
	if (!mac_equal(arp->sender_mac, walk_eth_src(walk)))
		return DROP_ARP_SPOOFED;
	if (config->ipv4.family != IP_NONE && !guard_has(config, arp->sender_mac, sender) && !ip_is_unspecified(sender))
		return DROP_ARP_SPOOFED;
	return DROP_NONE;
}

static enum drop_reason guard_reason(struct walk *walk, const struct msg_port *config)
{
	if (!guard_has_mac(config, walk_eth_src(walk)))
		return DROP_MAC_SPOOFED;
	switch (walk_eth_type(walk)) {
	case ETHERNET_IPV4:
		return guard_ipv4(walk, config);
	case ETHERNET_IPV6:
		return guard_ipv6(walk, config);
	case ETHERNET_ARP:
		return guard_arp(walk, config);
	case ETHERNET_VLAN:
	case ETHERNET_QINQ:
		return walk->network->config.kind == NETWORK_LINK ? DROP_NONE : DROP_TAGGED;
	default:
		return DROP_NONE;
	}
}

/*
 * Who sends isn't known: no machine of the model and no router of this network, whose addresses these are. What comes from other networks
 * may come in here.
 */
static enum drop_reason guard_stranger(struct walk *walk)
{
	enum ip_family family = walk_family(walk);
	bool arp = walk_eth_type(walk) == ETHERNET_ARP;
	struct member *owner;

	if (!arp && family == IP_NONE)
		return DROP_NONE;
	owner = network_known(walk->network, walk_ip_src(walk));
	if (owner != NULL && owner != walk->from)
		return arp ? DROP_ARP_SPOOFED : DROP_IP_SPOOFED;
	if (family != IP_V6 || walk_protocol(walk) != IP_PROTOCOL_ICMPV6 || walk_fragment(walk) == FRAGMENT_LATER ||
		walk_l4_src(walk) != ICMPV6_NEIGHBOR_ADVERTISEMENT || walk->view.l4_short)
		return DROP_NONE;
	walk->cacheable = false;
	if (walk->packet->size < walk->view.l4_offset + (uint32_t)ND_MESSAGE_BYTES)
		return DROP_BAD_ND;
	owner = network_known(walk->network, ip_from_bytes(IP_V6, walk->packet->data + walk->view.l4_offset + ICMP_HEADER_BYTES));
	return owner != NULL && owner != walk->from ? DROP_ND_SPOOFED : DROP_NONE;
}

enum feature_result feature_guard(struct walk *walk)
{
	struct mac source = walk_eth_src(walk);
	bool link = walk->network->config.kind == NETWORK_LINK;
	enum drop_reason reason;

	if (mac_is_multicast(source) || mac_is_zero(source))
		return walk_drop(walk, walk->from, DROP_BAD_SOURCE_MAC);
	if (link && (!walk->port->guarded || mac_is_bridge_reserved(walk_eth_dst(walk))))
		return FEATURE_CONTINUE;
	reason = walk->port->guarded ? guard_reason(walk, &walk->port->config) : DROP_NONE;
	if (reason == DROP_NONE && !link)
		reason = guard_stranger(walk);
	if (reason != DROP_NONE)
		return walk_drop(walk, walk->from, reason);
	walk_note(
		walk, "%s", walk->port->guarded ? "the source is the machine's own" : "not a machine of the model: anybody else may send");
	return FEATURE_CONTINUE;
}
