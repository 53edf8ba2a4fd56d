/*
 * Neighbor discovery of router interfaces (RFC 4861 4.3, 4.4, 7.2): solicitations answered and sent, advertisements heard.
 *
 * Theory of operation. As with ARP: who asks for us becomes a neighbor, an advertisement only updates who is known. Every message must come
 * with hop limit 255, so that it can't come through a router, and with a right checksum.
 */
#include "base/reader.h"
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/ip_build.h"
#include "switch/local.h"
#include "switch/neighbor.h"

#include <string.h>

/* A solicitation or advertisement to be sent. */
struct nd_build {
	struct rif *rif;
	struct ip_build ip;
	uint8_t type;
	uint8_t flags;
	struct ip target;
	bool with_mac;
	struct mac eth_dst;
};

static void nd_send(struct core *core, struct nd_build *build)
{
	struct origin origin = {.stage = STAGE_NETWORK, .rif = build->rif};
	struct ethernet_header *eth;
	struct nd_message *nd;
	uint8_t *payload;

	build->ip.protocol = IP_PROTOCOL_ICMPV6;
	build->ip.ttl = 255;
	build->ip.payload_bytes = ND_MESSAGE_BYTES + (build->with_mac ? 8 : 0);
	origin.packet = ip_build_packet(core, &build->ip, &payload);
	if (origin.packet == NULL) {
		member_drop(&build->rif->member, DROP_NO_BUFFER, true, 1);
		return;
	}
	eth = (struct ethernet_header *)origin.packet->data;
	eth->destination = build->eth_dst;
	eth->source = build->rif->config.mac;
	nd = (struct nd_message *)payload;
	nd->type = build->type;
	nd->flags = build->flags;
	memcpy(nd->target, build->target.bytes, 16);
	if (build->with_mac) {
		uint8_t *option = payload + ND_MESSAGE_BYTES;

		option[0] = build->type == ICMPV6_NEIGHBOR_SOLICITATION ? ND_OPTION_SOURCE_MAC : ND_OPTION_TARGET_MAC;
		option[1] = 1;
		memcpy(option + 2, build->rif->config.mac.bytes, 6);
	}
	wire_put_u16(nd->checksum, ip_build_checksum(&build->ip, payload));
	core_originate(core, &origin);
}

void nd_ask(struct core *core, struct rif *rif, struct ip ip, const struct mac *mac)
{
	struct ip group = ipv6_solicited_node(ip);
	struct nd_build build = {.rif = rif,
		.ip = {.source = rif->link_local, .destination = mac != NULL ? ip : group},
		.type = ICMPV6_NEIGHBOR_SOLICITATION,
		.target = ip,
		.with_mac = true,
		.eth_dst = mac != NULL ? *mac : mac_of_multicast(group)};

	nd_send(core, &build);
}

void nd_announce(struct core *core, struct rif *rif, struct ip own)
{
	struct ip all = ipv6_all_nodes();
	struct nd_build build = {.rif = rif,
		.ip = {.source = own, .destination = all},
		.type = ICMPV6_NEIGHBOR_ADVERTISEMENT,
		.flags = ND_FLAG_ROUTER | ND_FLAG_OVERRIDE,
		.target = own,
		.with_mac = true,
		.eth_dst = mac_of_multicast(all)};

	nd_send(core, &build);
}

/* Walks the options (RFC 4861 4.6) for a MAC; false when they are malformed. */
static bool nd_options(struct reader *r, uint8_t wanted, struct mac *mac, bool *found)
{
	*found = false;
	while (reader_left(r) > 0) {
		uint8_t type = reader_u8(r), words = reader_u8(r);
		struct reader option;

		if (words == 0)
			return false;
		option = reader_sub(r, words * 8u - 2);
		if (type == wanted && words == 1)
			*found = reader_copy(&option, mac->bytes, sizeof(mac->bytes));
	}
	return reader_ok(r);
}

/* RFC 4861 7.2.4; a solicitation without source is duplicate address detection, answered to all. */
static void nd_answer(struct core *core, struct rif *rif, struct ip target, struct ip asker, struct mac asker_mac)
{
	bool unspecified = ip_is_unspecified(asker);
	struct ip to = unspecified ? ipv6_all_nodes() : asker;
	struct nd_build build = {.rif = rif,
		.ip = {.source = target, .destination = to},
		.type = ICMPV6_NEIGHBOR_ADVERTISEMENT,
		.flags = (uint8_t)(ND_FLAG_ROUTER | ND_FLAG_OVERRIDE | (unspecified ? 0 : ND_FLAG_SOLICITED)),
		.target = target,
		.with_mac = true,
		.eth_dst = unspecified ? mac_of_multicast(to) : asker_mac};

	nd_send(core, &build);
}

static bool nd_is_valid(struct walk *walk, const struct reader *message)
{
	struct ip source = walk_ip_src(walk), destination = walk_ip_dst(walk);
	size_t bytes = reader_left(message);
	uint32_t sum = checksum_pseudo(source, destination, IP_PROTOCOL_ICMPV6, (uint32_t)bytes);

	return walk_ttl(walk) == 255 && bytes >= ND_MESSAGE_BYTES && checksum_fold(checksum_add(sum, message->at, bytes)) == 0;
}

static bool nd_read(struct walk *walk, struct rif *rif, struct reader *r)
{
	struct ip source = walk_ip_src(walk), target;
	uint8_t type = reader_u8(r), flags;
	struct mac mac = walk_eth_src(walk);
	bool found;

	reader_skip(r, 3);
	flags = reader_u8(r);
	reader_skip(r, 3);
	target = (struct ip){IP_V6, {0}};
	reader_copy(r, target.bytes, 16);
	if (type == ICMPV6_NEIGHBOR_SOLICITATION) {
		if (!nd_options(r, ND_OPTION_SOURCE_MAC, &mac, &found) || (found && ip_is_unspecified(source)))
			return false;
		if (!rif_owns(rif, target))
			return true;
		if (found)
			neighbor_heard(walk->core, rif, source, mac, false, true);
		nd_answer(walk->core, rif, target, source, mac);
		return true;
	}
	if (!nd_options(r, ND_OPTION_TARGET_MAC, &mac, &found) || ip_is_multicast(target))
		return false;
	neighbor_heard(walk->core, rif, target, mac, (flags & ND_FLAG_SOLICITED) != 0, false);
	return true;
}

bool nd_hear(struct walk *walk, struct rif *rif)
{
	struct reader r;
	uint8_t type;

	if (walk_family(walk) != IP_V6 || walk_protocol(walk) != IP_PROTOCOL_ICMPV6 || walk_fragment(walk) != FRAGMENT_NONE)
		return false;
	type = (uint8_t)walk_l4_src(walk);
	if (type != ICMPV6_NEIGHBOR_SOLICITATION && type != ICMPV6_NEIGHBOR_ADVERTISEMENT)
		return false;
	walk->cacheable = false;
	packet_finish(walk->packet);
	r = reader_over(walk->packet->data + walk->view.l4_offset, walk->view.l3_offset + walk->view.ip_bytes - walk->view.l4_offset);
	if (!nd_is_valid(walk, &r) || !nd_read(walk, rif, &r))
		walk_count_drop(walk, &rif->member, DROP_BAD_ND);
	else
		walk_note(walk, "%s hears the neighbor discovery packet", rif->config.path);
	return true;
}
