/*
 * Feature arp: router interfaces answer ARP for their addresses, learn from it, and ask (RFC 826, RFC 5227).
 *
 * Theory of operation. A request to an own address is answered, and its sender becomes a neighbor, since we are about to speak (RFC 826's
 * "merge flag"). A reply only updates who is asked for. Other requests, heard by everyone, only refresh a neighbor that is known already.
 */
#include "net/arp.h"
#include "switch/feature.h"
#include "switch/local.h"
#include "switch/nat.h"
#include "switch/neighbor.h"

#include <string.h>

struct arp_build {
	struct rif *rif;
	enum arp_operation operation;
	struct mac eth_dst, target_mac;
	struct ip sender, target;
};

static void arp_send(struct core *core, const struct arp_build *build)
{
	struct packet *packet = packet_new(core->pool, ETHERNET_HEADER_BYTES + ARP_PACKET_BYTES);
	struct ethernet_header *eth;
	struct arp_packet *arp;

	if (packet == NULL) {
		member_drop(&build->rif->member, DROP_NO_BUFFER, true, 1);
		return;
	}
	packet->size = ETHERNET_HEADER_BYTES + ARP_PACKET_BYTES;
	eth = (struct ethernet_header *)packet->data;
	arp = (struct arp_packet *)(eth + 1);
	eth->destination = build->eth_dst;
	eth->source = build->rif->config.mac;
	wire_put_u16(eth->type, ETHERNET_ARP);
	wire_put_u16(arp->hardware_type, 1);
	wire_put_u16(arp->protocol_type, ETHERNET_IPV4);
	arp->hardware_bytes = 6;
	arp->protocol_bytes = 4;
	wire_put_u16(arp->operation, (uint16_t)build->operation);
	arp->sender_mac = build->rif->config.mac;
	memcpy(arp->sender_ip, build->sender.bytes, 4);
	arp->target_mac = build->target_mac;
	memcpy(arp->target_ip, build->target.bytes, 4);
	core_originate(core, &(struct origin){.packet = packet, .stage = STAGE_NETWORK, .rif = build->rif});
}

/* The own address to ask from: one in the subnet of what is asked for, else the first. */
static struct ip arp_sender(const struct rif *rif, struct ip target)
{
	for (unsigned i = 0; i < rif->config.address_count; i++)
		if (prefix_contains(rif->config.addresses[i], target))
			return rif->config.addresses[i].ip;
	return rif_address(rif, IP_V4);
}

void arp_ask(struct core *core, struct rif *rif, struct ip ip, const struct mac *mac)
{
	struct arp_build build = {.rif = rif,
		.operation = ARP_REQUEST,
		.eth_dst = mac != NULL ? *mac : MAC_BROADCAST,
		.sender = arp_sender(rif, ip),
		.target = ip};

	arp_send(core, &build);
}

void arp_announce(struct core *core, struct rif *rif, struct ip own)
{
	struct arp_build build = {.rif = rif, .operation = ARP_REQUEST, .eth_dst = MAC_BROADCAST, .sender = own, .target = own};

	arp_send(core, &build);
}

/* An ARP packet that an interface hears, to it or to all. Only reads the packet. */
static void arp_hear(struct walk *walk, struct rif *rif)
{
	const struct arp_packet *arp = (const struct arp_packet *)(walk->packet->data + walk->view.l3_offset);
	struct ip sender, target;
	bool request, ours;

	walk->cacheable = false;
	if (walk_l3(walk) != DROP_NONE) {
		walk_count_drop(walk, &rif->member, walk_l3(walk));
		return;
	}
	walk_note(walk, "%s hears the ARP packet", rif->config.path);
	if (walk_is_dry(walk))
		return;
	sender = ip_from_bytes(IP_V4, arp->sender_ip);
	target = ip_from_bytes(IP_V4, arp->target_ip);
	request = wire_get_u16(arp->operation) == ARP_REQUEST;
	ours = rif_owns(rif, target) || nat_owns(rif, target);
	/* Someone uses our address: nothing to learn, and no answer that would join the quarrel. */
	if (rif_owns(rif, sender))
		return;
	neighbor_heard(walk->core, rif, sender, arp->sender_mac, !request && ours, request && ours);
	if (request && ours) {
		struct arp_build build = {.rif = rif,
			.operation = ARP_REPLY,
			.eth_dst = arp->sender_mac,
			.target_mac = arp->sender_mac,
			.sender = target,
			.target = sender};

		arp_send(walk->core, &build);
	}
}

enum feature_result feature_arp(struct walk *walk)
{
	if (walk_eth_type(walk) != ETHERNET_ARP)
		return FEATURE_CONTINUE;
	arp_hear(walk, walk->in);
	return walk_consume(walk);
}

void feature_listen(struct walk *walk, struct rif *rif)
{
	if (!rif->carrier)
		return;
	if (rif->member.captures != NULL)
		walk_capture(walk, &rif->member, false);
	if (walk_eth_type(walk) == ETHERNET_ARP)
		arp_hear(walk, rif);
	else if (walk_family(walk) != IP_NONE)
		(void)local_listen(walk, rif);
}
