/*
 * Feature guard: a machine can't speak in another's name. A stage of the port, not a rule that could be ordered wrongly.
 *
 * Theory of operation. A port is guarded when the model gave its machine's NIC a MAC. Such a machine sends only from that MAC, and, where
 * the model gave it an address, only from that (or with none yet: DHCP, duplicate address detection), or from one of the pairs of MAC
 * and addresses that the model allows it besides. It answers no DHCP and advertises no router. Tags are refused, since a receiver would
 * take a frame tagged with VLAN 0 for an untagged one. On a cable the frames that two ends of a cable speak (LACP, LLDP, STP) pass whatever
 * their source.
 */
#include "net/arp.h"
#include "net/icmp.h"
#include "net/ipv4.h"
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
	return walk_dhcp(walk) == FLOW_DHCP_TO_CLIENT ? DROP_ROGUE_DHCP : DROP_NONE;
}

/* A neighbor advertisement is about an own address: the target behind the ICMPv6 header. */
static enum drop_reason guard_advertisement(struct walk *walk, const struct msg_port *config)
{
	const uint8_t *target = walk->packet->data + walk->view.l4_offset + ICMP_HEADER_BYTES;
	struct ip ip;

	walk->cacheable = false;
	if (walk->packet->size < walk->view.l4_offset + (uint32_t)ND_MESSAGE_BYTES)
		return DROP_BAD_ND;
	ip = ip_from_bytes(IP_V6, target);
	return guard_has(config, walk_eth_src(walk), ip) || ip_is_link_local(ip) ? DROP_NONE : DROP_ND_SPOOFED;
}

static enum drop_reason guard_ipv6(struct walk *walk, const struct msg_port *config)
{
	struct ip source = walk_ip_src(walk);

	if (config->ipv6.family != IP_NONE && !guard_has(config, walk_eth_src(walk), source) && !ip_is_link_local(source) &&
		!ip_is_unspecified(source))
		return DROP_IP_SPOOFED;
	if (walk_protocol(walk) != IP_PROTOCOL_ICMPV6 || walk_fragment(walk) == FRAGMENT_LATER)
		return DROP_NONE;
	switch (walk_l4_src(walk)) {
	case ICMPV6_ROUTER_ADVERTISEMENT:
	case ICMPV6_REDIRECT:
		return DROP_ROGUE_ROUTER;
	case ICMPV6_NEIGHBOR_ADVERTISEMENT:
		return config->ipv6.family == IP_NONE ? DROP_NONE : guard_advertisement(walk, config);
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

enum feature_result feature_guard(struct walk *walk)
{
	struct mac source = walk_eth_src(walk);
	enum drop_reason reason;

	if (mac_is_multicast(source) || mac_is_zero(source))
		return walk_drop(walk, walk->from, DROP_BAD_SOURCE_MAC);
	if (!walk->port->guarded) {
		walk_note(walk, "not a machine of the model: anybody may send");
		return FEATURE_CONTINUE;
	}
	if (walk->network->config.kind == NETWORK_LINK && mac_is_bridge_reserved(walk_eth_dst(walk)))
		return FEATURE_CONTINUE;
	reason = guard_reason(walk, &walk->port->config);
	if (reason != DROP_NONE)
		return walk_drop(walk, walk->from, reason);
	walk_note(walk, "the source is the machine's own");
	return FEATURE_CONTINUE;
}
