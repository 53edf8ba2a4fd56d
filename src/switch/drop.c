/* The table of drop reasons: one row each, in the order of the enum. */
#include "switch/drop.h"

#include "base/check.h"

#include <string.h>

static const struct {
	const char *name;
	const char *text;
} reasons[DROP_COUNT] = {
	[DROP_NONE] = {"none", "not dropped"},
	[DROP_DEVICE] = {"device", "the port's device refused the frame"},
	[DROP_DESC_INDEX] = {"desc_index", "a guest's ring or chain named a descriptor outside of its table: the ring is stopped"},
	[DROP_DESC_LOOP] = {"desc_loop", "a guest's chain of buffers never ends: the ring is stopped"},
	[DROP_DESC_ADDRESS] = {"desc_address", "a guest's buffer lies outside of its memory"},
	[DROP_DESC_DIRECTION] = {"desc_direction", "a guest's buffer is for the other direction"},
	[DROP_DESC_INDIRECT] = {"desc_indirect", "a guest's indirect table is malformed"},
	[DROP_DESC_CHAIN] = {"desc_chain", "a guest's frame is in more pieces than a frame may be"},
	[DROP_BAD_OFFLOAD] = {"bad_offload", "the frame's offload request contradicts its headers"},
	[DROP_FRAME_TOO_LONG] = {"frame_too_long", "the frame is longer than any frame may be"},
	[DROP_NO_BUFFER] = {"no_buffer", "all packet buffers are in use"},
	[DROP_RING_FULL] = {"ring_full", "the receiver doesn't take frames fast enough"},
	[DROP_NOT_READY] = {"not_ready", "the driver of the receiving machine doesn't run"},
	[DROP_KEEP_LIMIT] = {"keep_limit",
		"the hypervisor changes the port's descriptors too often to keep them for a restart of the switch"},
	[DROP_RUNT] = {"runt", "the frame is shorter than an Ethernet header"},
	[DROP_PORT_DOWN] = {"port_down", "the port is down or nothing is plugged into it"},
	[DROP_NETWORK_DOWN] = {"network_down", "the network is down: its cable is cut"},
	[DROP_BAD_SOURCE_MAC] = {"bad_source_mac", "the source MAC is a group address or zero"},
	[DROP_MAC_SPOOFED] = {"mac_spoofed", "the source MAC belongs to another port"},
	[DROP_IP_SPOOFED] = {"ip_spoofed", "the source address isn't the machine's"},
	[DROP_ARP_SPOOFED] = {"arp_spoofed", "the ARP sender isn't the machine"},
	[DROP_ND_SPOOFED] = {"nd_spoofed", "the neighbor advertisement is about another machine's address"},
	[DROP_TAGGED] = {"tagged", "a machine sent a VLAN tag into a network without VLANs"},
	[DROP_ROGUE_DHCP] = {"rogue_dhcp", "a machine answered DHCP like a server"},
	[DROP_ROGUE_ROUTER] = {"rogue_router", "a machine advertised itself as an IPv6 router or redirected traffic"},
	[DROP_STORM_LIMIT] = {"storm_limit",
		"the port sends more frames to all, to groups or to unknown receivers than the network lets it"},
	[DROP_GROUP_DENIED_IN] = {"group_denied_in", "no rule of the machine's security groups lets it in"},
	[DROP_GROUP_DENIED_OUT] = {"group_denied_out", "no rule of the machine's security groups lets it out"},
	[DROP_GROUP_NOT_IP] = {"group_not_ip", "machines with security groups exchange only IP and ARP"},
	[DROP_CONN_LIMIT] = {"conn_limit", "the port has as many connections as it may"},
	[DROP_CONN_MALFORMED] = {"conn_malformed", "the packet ends within its TCP, UDP or ICMP header"},
	[DROP_CONN_NONE] = {"conn_none", "it can only belong to a connection, and there is none"},
	[DROP_CONN_UNRELATED] = {"conn_unrelated", "the ICMP error is about no connection of the machine"},
	[DROP_CONN_FRAGMENT] = {"conn_fragment", "the first fragment of the packet hasn't passed, or this one would overwrite its header"},
	[DROP_CABLE_OPEN] = {"cable_open", "the other end of the link isn't plugged in"},
	[DROP_RESERVED_GROUP] = {"reserved_group", "a bridge keeps frames to 01:80:c2:00:00:0X to itself"},
	[DROP_HAIRPIN] = {"hairpin", "the receiver is behind the port that the frame came from"},
	[DROP_NO_RECEIVER] = {"no_receiver", "no port of the network takes the frame"},
	[DROP_LINK_LOSS] = {"link_loss", "the link loses packets, as it was told to"},
	[DROP_LINK_QUEUE] = {"link_queue", "more packets are under way on the link than its rate or its queue lets through"},
	[DROP_INTERFACE_DOWN] = {"interface_down", "the router interface is down"},
	[DROP_NOT_FOR_ROUTER] = {"not_for_router", "the frame's destination MAC isn't the router interface's"},
	[DROP_UNKNOWN_TYPE] = {"unknown_type", "routers take only IPv4, IPv6 and ARP"},
	[DROP_BAD_ARP] = {"bad_arp", "the ARP packet is malformed"},
	[DROP_BAD_ND] = {"bad_nd", "the neighbor discovery packet is malformed"},
	[DROP_BAD_VERSION] = {"bad_version", "the IP version doesn't match the frame's type"},
	[DROP_BAD_LENGTH] = {"bad_length", "an IP length field doesn't fit the frame"},
	[DROP_BAD_CHECKSUM] = {"bad_checksum", "a checksum is wrong"},
	[DROP_BAD_EXTENSION] = {"bad_extension", "the IPv6 extension headers are malformed or too many"},
	[DROP_MARTIAN_SOURCE] = {"martian_source", "no other host may send from this source address"},
	[DROP_MARTIAN_DESTINATION] = {"martian_destination", "this destination is never forwarded to"},
	[DROP_MULTICAST_NOT_ROUTED] = {"multicast_not_routed", "routers don't forward multicast and broadcast"},
	[DROP_LINK_LOCAL] = {"link_local", "link-local addresses don't leave their link"},
	[DROP_FRAGMENT_FOR_ROUTER] = {"fragment_for_router", "routers put together packets of routing protocols without ports only"},
	[DROP_NO_LISTENER] = {"no_listener", "nothing on the router listens there"},
	[DROP_ICMP_IGNORED] = {"icmp_ignored", "an ICMP message to the router that needs no answer"},
	[DROP_PUNT_LIMIT] = {"punt_limit", "more packets for the routing protocols than the interface may bring"},
	[DROP_PUNT_TOO_LONG] = {"punt_too_long", "the packet for the routing protocols is too long"},
	[DROP_NAT_NONE] = {"nat_none", "it is to a translated address, or of a connection, that the router knows nothing of"},
	[DROP_NAT_PORTS] = {"nat_ports", "the router has no free port of its translated addresses for this host"},
	[DROP_NAT_LIMIT] = {"nat_limit", "the router, or this host behind it, has as many translated connections as it may"},
	[DROP_NAT_FRAGMENT] = {"nat_fragment",
		"the first fragment of the packet hasn't passed the translating router, or this one would overwrite its header"},
	[DROP_NAT_ERROR] = {"nat_error", "the ICMP error is about no connection of the translating router"},
	[DROP_NAT_UNTRANSLATABLE] = {"nat_untranslatable",
		"it would have to be translated and can't be: its header isn't whole, or it asks nothing"},
	[DROP_TTL_EXCEEDED] = {"ttl_exceeded", "the TTL or hop limit ran out"},
	[DROP_NO_ROUTE] = {"no_route", "the router has no route to the destination"},
	[DROP_BLACKHOLE] = {"blackhole", "the route says to drop"},
	[DROP_TOO_BIG] = {"too_big", "the packet doesn't fit the MTU and must not be fragmented"},
	[DROP_TOO_MANY_ROUTERS] = {"too_many_routers", "the way leads through more routers than one walk may"},
	[DROP_NEIGHBOR_LIMIT] = {"neighbor_limit", "the interface has as many neighbors as it may"},
	[DROP_NEIGHBOR_HELD] = {"neighbor_held", "too many packets wait for an address to be resolved"},
	[DROP_NEIGHBOR_FAILED] = {"neighbor_failed", "nobody answers for the next hop's address"},
	[DROP_QUEUE_FULL] = {"queue_full", "too many packets of the routers themselves are under way"},
	[DROP_TX_REFUSED] = {"tx_refused", "the port's device didn't take the frame"},
	[DROP_DHCP_MALFORMED] = {"dhcp_malformed", "the DHCP message is malformed"},
	[DROP_DHCP_NOT_OURS] = {"dhcp_not_ours", "the DHCP message isn't from the port's machine or for this server"},
	[DROP_DHCP_LIMIT] = {"dhcp_limit", "more DHCP messages than a port may send"},
	[DROP_DHCP_DECLINED] = {"dhcp_declined", "the machine refused its address: it found another one that uses it"},
	[DROP_RA_LIMIT] = {"ra_limit", "more router solicitations than a port may send"},
	[DROP_DNS_MALFORMED] = {"dns_malformed", "the DNS message is malformed, or no question"},
	[DROP_DNS_LIMIT] = {"dns_limit", "more DNS questions than a port may send"},
};

const char *drop_name(enum drop_reason reason)
{
	CHECK(reason < DROP_COUNT);
	return reasons[reason].name;
}

const char *drop_text(enum drop_reason reason)
{
	CHECK(reason < DROP_COUNT);
	return reasons[reason].text;
}

enum drop_reason drop_find(const char *name)
{
	for (unsigned i = 1; i < DROP_COUNT; i++)
		if (strcmp(reasons[i].name, name) == 0)
			return (enum drop_reason)i;
	return DROP_DEVICE;
}
