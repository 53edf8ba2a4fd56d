/* Echo replies of routers (RFC 1122 3.2.2.6, RFC 4443 4.2): the request turned around. */
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/local.h"

#include <string.h>

#define ECHO_TTL 64

/* Turns the IPv4 header around; its options are a matter of the way here, so a packet with any is answered with none of their effect. */
static void turn_ipv4(struct packet *packet)
{
	struct ipv4_header *h = (struct ipv4_header *)(packet->data + ETHERNET_HEADER_BYTES);
	uint8_t address[4];

	memcpy(address, h->source, 4);
	memcpy(h->source, h->destination, 4);
	memcpy(h->destination, address, 4);
	h->ttl = ECHO_TTL;
	wire_put_u16(h->fragment, 0);
	wire_put_u16(h->checksum, 0);
	wire_put_u16(h->checksum, checksum_fold(checksum_add(0, h, ipv4_header_bytes(h))));
}

static void turn_ipv6(struct packet *packet)
{
	struct ipv6_header *h = (struct ipv6_header *)(packet->data + ETHERNET_HEADER_BYTES);
	uint8_t address[16];

	memcpy(address, h->source, 16);
	memcpy(h->source, h->destination, 16);
	memcpy(h->destination, address, 16);
	h->hop_limit = ECHO_TTL;
}

void icmp_echo(struct walk *walk, struct packet *packet)
{
	struct icmp_header *icmp = (struct icmp_header *)(packet->data + walk->view.l4_offset);
	struct origin origin = {.packet = packet, .stage = STAGE_FORWARD, .router = walk->router};
	struct ip to = walk_ip_src(walk);
	uint16_t before = (uint16_t)(icmp->type << 8 | icmp->code);

	if (walk_family(walk) == IP_V4)
		turn_ipv4(packet);
	else
		turn_ipv6(packet);
	icmp->type = to.family == IP_V4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;
	wire_put_u16(icmp->checksum, checksum_update(wire_get_u16(icmp->checksum), before, (uint16_t)(icmp->type << 8 | icmp->code)));
	packet->size = walk->view.l3_offset + walk->view.ip_bytes;
	packet->in_port = 0;
	if (ip_is_link_local(to)) {
		origin.stage = STAGE_EGRESS;
		origin.rif = walk->in;
		origin.nexthop = to;
	}
	core_originate(walk->core, &origin);
}
