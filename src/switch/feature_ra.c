/*
 * Feature ra: router advertisements (RFC 4861 6.2, RFC 8106) in networks with DHCP and an IPv6 subnet.
 *
 * Theory of operation. Who solicits a router is answered on its own port; all ports of such a network hear an advertisement every
 * RA_INTERVAL_S, since a default route ends when nobody advertises it any more. The advertisement comes from the network's router (lifetime
 * three intervals); without one it comes from the servers' own address with lifetime 0 and only tells of the subnet and of the name server.
 * Machines make their address from subnet and MAC (SLAAC), or ask DHCPv6 (flags M and O); both give the same. For the servers' own
 * link-local address neighbor solicitations are answered here.
 */
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/feature.h"
#include "switch/guest_server.h"
#include "switch/ip_build.h"

#include <string.h>

#define RA_INTERVAL_S 200
#define RA_PER_SECOND 20
#define RA_BYTES 16
#define RA_FLAGS_MANAGED_AND_OTHER 0xc0

enum { OPTION_PREFIX = 3, OPTION_MTU = 5, OPTION_RDNSS = 25 };
enum { PREFIX_BYTES = 32, MTU_BYTES = 8, RDNSS_BYTES = 24, MAC_BYTES = 8 };

#define PREFIX_ON_LINK_AND_AUTONOMOUS 0xc0

/* ff02::2, all routers of a link. */
static struct ip all_routers(void) { return (struct ip){IP_V6, {0xff, 0x02, [15] = 0x02}}; }

static bool advertises(const struct network *network)
{
	return network->config.dhcp && network->config.kind == NETWORK_SEGMENT && guest_subnet6(network).length > 0;
}

/* The options: our MAC, the MTU, the subnet, the name server. */
static size_t write_options(const struct network *network, uint8_t *at)
{
	struct prefix subnet = prefix_masked(guest_subnet6(network));
	struct mac mac = guest_server_mac6(network);
	struct ip dns = guest_server_ip6(network);
	uint8_t *start = at;

	at[0] = ND_OPTION_SOURCE_MAC;
	at[1] = MAC_BYTES / 8;
	memcpy(at + 2, mac.bytes, 6);
	at += MAC_BYTES;
	at[0] = OPTION_MTU;
	at[1] = MTU_BYTES / 8;
	wire_put_u32(at + 4, network->config.mtu);
	at += MTU_BYTES;
	at[0] = OPTION_PREFIX;
	at[1] = PREFIX_BYTES / 8;
	at[2] = subnet.length;
	at[3] = PREFIX_ON_LINK_AND_AUTONOMOUS;
	wire_put_u32(at + 4, 86400);
	wire_put_u32(at + 8, 14400);
	memcpy(at + 16, subnet.ip.bytes, 16);
	at += PREFIX_BYTES;
	if (network->config.dns) {
		at[0] = OPTION_RDNSS;
		at[1] = RDNSS_BYTES / 8;
		wire_put_u32(at + 4, 3 * RA_INTERVAL_S);
		memcpy(at + 8, dns.bytes, 16);
		at += RDNSS_BYTES;
	}
	return (size_t)(at - start);
}

/* Sends an ICMPv6 message of `size` bytes (checksum still zero) from the servers' address out of a port. */
static void send(struct core *core, struct port *port, struct ip to, struct mac eth_dst, const uint8_t *bytes, size_t size)
{
	const struct network *network = port->member.network;
	struct ip_build build = {.source = guest_server_ip6(network),
		.destination = to,
		.protocol = IP_PROTOCOL_ICMPV6,
		.ttl = 255,
		.payload_bytes = (uint32_t)size};
	struct ethernet_header *eth;
	uint8_t *payload;
	struct packet *packet = ip_build_packet(core, &build, &payload);

	if (packet == NULL) {
		member_drop(&port->member, DROP_NO_BUFFER, true, 1);
		return;
	}
	eth = (struct ethernet_header *)packet->data;
	eth->destination = eth_dst;
	eth->source = guest_server_mac6(network);
	memcpy(payload, bytes, size);
	wire_put_u16(payload + 2, ip_build_checksum(&build, payload));
	core_output(core, port, packet);
}

static void advertise(struct core *core, struct port *port)
{
	const struct network *network = port->member.network;
	uint8_t bytes[RA_BYTES + MAC_BYTES + MTU_BYTES + PREFIX_BYTES + RDNSS_BYTES] = {ICMPV6_ROUTER_ADVERTISEMENT};
	size_t size;

	bytes[4] = 64; /* hop limit of the machines */
	bytes[5] = RA_FLAGS_MANAGED_AND_OTHER;
	wire_put_u16(bytes + 6, guest_router6(network) != NULL ? 3 * RA_INTERVAL_S : 0);
	size = RA_BYTES + write_options(network, bytes + RA_BYTES);
	send(core, port, ipv6_all_nodes(), mac_of_multicast(ipv6_all_nodes()), bytes, size);
}

struct instant guest_ra_tick(struct core *core, struct instant now)
{
	struct port *port;
	size_t cursor = 0;

	if (instant_diff(core->ra_next, now).ns > 0)
		return core->ra_next;
	core->ra_next = instant_add(now, span_s(RA_INTERVAL_S));
	while ((port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL)
		if (port->member.network != NULL && advertises(port->member.network) && port_is_up(port))
			advertise(core, port);
	return core->ra_next;
}

/* RFC 4861 6.1.1: hop limit 255, code 0, long enough. */
static enum drop_reason hear_solicitation(struct walk *walk, struct port *port)
{
	uint32_t end = walk->view.l3_offset + walk->view.ip_bytes, at = walk->view.l4_offset;

	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	if (walk_ttl(walk) != 255 || walk_l4_dst(walk) != 0 || end < at + ICMP_HEADER_BYTES)
		return DROP_BAD_ND;
	if (!rate_limit_take(&port->dhcp_rate, RA_PER_SECOND, walk->core->now))
		return DROP_RA_LIMIT;
	advertise(walk->core, port);
	return DROP_NONE;
}

/* Who asks for the servers' own link-local address; true when it was for that. */
static bool answer_neighbor(struct walk *walk, struct port *port)
{
	const struct network *network = port->member.network;
	uint32_t end = walk->view.l3_offset + walk->view.ip_bytes, at = walk->view.l4_offset;
	struct ip own = guest_server_ip6(network), asker = walk_ip_src(walk);
	struct mac mac = guest_server_mac6(network);
	uint8_t bytes[ND_MESSAGE_BYTES + MAC_BYTES] = {ICMPV6_NEIGHBOR_ADVERTISEMENT};
	bool unspecified = ip_is_unspecified(asker);

	walk->cacheable = false;
	if (end < at + ND_MESSAGE_BYTES || !ip_equal(ip_from_bytes(IP_V6, walk->packet->data + at + ICMP_HEADER_BYTES), own))
		return false;
	if (walk_is_dry(walk))
		return true;
	bytes[4] = (uint8_t)(ND_FLAG_OVERRIDE | (unspecified ? 0 : ND_FLAG_SOLICITED));
	memcpy(bytes + 8, own.bytes, 16);
	bytes[ND_MESSAGE_BYTES] = ND_OPTION_TARGET_MAC;
	bytes[ND_MESSAGE_BYTES + 1] = 1;
	memcpy(bytes + ND_MESSAGE_BYTES + 2, mac.bytes, 6);
	if (unspecified)
		send(walk->core, port, ipv6_all_nodes(), mac_of_multicast(ipv6_all_nodes()), bytes, sizeof(bytes));
	else
		send(walk->core, port, asker, walk_eth_src(walk), bytes, sizeof(bytes));
	return true;
}

/* Whether a solicitation could be for the servers' own address: sent to it, or to its group; no router has it. */
static bool may_ask_us(struct walk *walk, const struct network *network)
{
	struct ip own = guest_server_ip6(network);

	if (guest_router6(network) != NULL)
		return false;
	return mac_equal(walk_eth_dst(walk), mac_of_multicast(ipv6_solicited_node(own))) ||
	       mac_equal(walk_eth_dst(walk), guest_server_mac6(network));
}

enum feature_result feature_ra(struct walk *walk)
{
	struct port *port = walk->port;
	enum drop_reason reason;

	if (!advertises(walk->network) || walk_eth_type(walk) != ETHERNET_IPV6)
		return FEATURE_CONTINUE;
	if (may_ask_us(walk, walk->network) && walk_l3(walk) == DROP_NONE && walk_protocol(walk) == IP_PROTOCOL_ICMPV6 &&
		walk_fragment(walk) == FRAGMENT_NONE && walk_l4_src(walk) == ICMPV6_NEIGHBOR_SOLICITATION && answer_neighbor(walk, port)) {
		walk_note(walk, "the network's server answers the neighbor solicitation");
		return walk_consume(walk);
	}
	if (!mac_equal(walk_eth_dst(walk), mac_of_multicast(all_routers())) || !ip_equal(walk_ip_dst(walk), all_routers()) ||
		walk_protocol(walk) != IP_PROTOCOL_ICMPV6 || walk_fragment(walk) != FRAGMENT_NONE ||
		walk_l4_src(walk) != ICMPV6_ROUTER_SOLICITATION)
		return FEATURE_CONTINUE;
	walk->cacheable = false;
	walk_note(walk, "the router solicitation is answered");
	reason = walk_is_dry(walk) ? DROP_NONE : hear_solicitation(walk, port);
	if (reason != DROP_NONE)
		return walk_drop(walk, &port->member, reason);
	return walk_consume(walk);
}
