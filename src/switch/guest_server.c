/* Servers for guests: addresses, UDP in and out. */
#include "switch/guest_server.h"

#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"
#include "switch/ip_build.h"

#include <string.h>

struct ip guest_server_ip(const struct network *network)
{
	return network->config.dhcp_server.family == IP_V4 ? network->config.dhcp_server : network->config.gateway;
}

struct mac guest_server_mac(const struct network *network)
{
	struct ip ip = guest_server_ip(network);
	struct member *member = ip.family != IP_NONE ? network_known(network, ip) : NULL;
	uint32_t id = network->config.id;

	if (member != NULL && member->is_rif)
		return member_rif(member)->config.mac;
	/* Locally administered, as 802c leaves it to administrators. */
	return (struct mac){{0x02, 0x57, (uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id}};
}

struct rif *guest_router6(const struct network *network)
{
	struct member *member;

	list_each (member, &network->members, struct member, in_network) {
		struct rif *rif = member->is_rif ? member_rif(member) : NULL;

		for (unsigned i = 0; rif != NULL && i < rif->config.address_count; i++)
			if (rif->config.addresses[i].ip.family == IP_V6)
				return rif;
	}
	return NULL;
}

struct mac guest_server_mac6(const struct network *network)
{
	struct rif *rif = guest_router6(network);

	return rif != NULL ? rif->config.mac : guest_server_mac(network);
}

struct ip guest_server_ip6(const struct network *network)
{
	struct rif *rif = guest_router6(network);

	return rif != NULL ? rif->link_local : ip_link_local_of_mac(guest_server_mac(network));
}

struct prefix guest_subnet6(const struct network *network)
{
	for (unsigned i = 0; i < network->config.subnet_count; i++)
		if (network->config.subnets[i].ip.family == IP_V6)
			return network->config.subnets[i];
	return (struct prefix){0};
}

bool guest_udp_payload(struct walk *walk, const uint8_t **bytes, uint32_t *size)
{
	uint32_t end = walk->view.l3_offset + walk->view.ip_bytes, at = walk->view.l4_offset, length;

	if (walk_fragment(walk) != FRAGMENT_NONE || end < at || end - at < UDP_HEADER_BYTES)
		return false;
	length = wire_get_u16(walk->packet->data + at + 4);
	if (length < UDP_HEADER_BYTES || length > end - at)
		return false;
	*bytes = walk->packet->data + at + UDP_HEADER_BYTES;
	*size = length - UDP_HEADER_BYTES;
	return true;
}

void guest_answer_send(struct core *core, struct port *port, const struct guest_answer *answer)
{
	struct ip_build build = {.source = answer->source, .destination = answer->destination, .protocol = IP_PROTOCOL_UDP, .ttl = 64};
	struct ethernet_header *eth;
	struct packet *packet;
	uint8_t *payload;

	build.payload_bytes = (uint32_t)(UDP_HEADER_BYTES + answer->size);
	packet = ip_build_packet(core, &build, &payload);
	if (packet == NULL) {
		member_drop(&port->member, DROP_NO_BUFFER, true, 1);
		return;
	}
	eth = (struct ethernet_header *)packet->data;
	eth->destination = answer->eth_dst;
	eth->source = answer->eth_src;
	wire_put_u16(payload, answer->source_port);
	wire_put_u16(payload + 2, answer->destination_port);
	wire_put_u16(payload + 4, (uint16_t)build.payload_bytes);
	memcpy(payload + UDP_HEADER_BYTES, answer->bytes, answer->size);
	wire_put_u16(payload + 6, ip_build_checksum(&build, payload));
	core_output(core, port, packet);
}
