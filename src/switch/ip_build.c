/* Building IP packets: headers in front of a payload to be. */
#include "switch/ip_build.h"

#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/ipv4.h"
#include "net/ipv6.h"

#include <string.h>

static void build_ipv4(const struct ip_build *build, struct ipv4_header *h)
{
	h->version_ihl = 0x45;
	h->tos = build->tos;
	wire_put_u16(h->total_bytes, (uint16_t)(IPV4_HEADER_BYTES + build->payload_bytes));
	h->ttl = build->ttl;
	h->protocol = build->protocol;
	memcpy(h->source, build->source.bytes, 4);
	memcpy(h->destination, build->destination.bytes, 4);
	wire_put_u16(h->checksum, checksum_fold(checksum_add(0, h, IPV4_HEADER_BYTES)));
}

static void build_ipv6(const struct ip_build *build, struct ipv6_header *h)
{
	wire_put_u32(h->version_class_flow, 6u << 28 | (uint32_t)build->tos << 20);
	wire_put_u16(h->payload_bytes, (uint16_t)build->payload_bytes);
	h->next_header = build->protocol;
	h->hop_limit = build->ttl;
	memcpy(h->source, build->source.bytes, 16);
	memcpy(h->destination, build->destination.bytes, 16);
}

struct packet *ip_build_packet(struct core *core, const struct ip_build *build, uint8_t **payload)
{
	bool v4 = build->source.family == IP_V4;
	size_t headers = ETHERNET_HEADER_BYTES + (v4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES);
	struct packet *packet = packet_new(core->pool, headers + build->payload_bytes);
	struct ethernet_header *eth;

	if (packet == NULL)
		return NULL;
	packet->size = (uint32_t)(headers + build->payload_bytes);
	memset(packet->data, 0, packet->size);
	eth = (struct ethernet_header *)packet->data;
	wire_put_u16(eth->type, v4 ? ETHERNET_IPV4 : ETHERNET_IPV6);
	if (v4)
		build_ipv4(build, (struct ipv4_header *)(eth + 1));
	else
		build_ipv6(build, (struct ipv6_header *)(eth + 1));
	*payload = packet->data + headers;
	return packet;
}

uint16_t ip_build_checksum(const struct ip_build *build, const uint8_t *payload)
{
	uint32_t sum = checksum_pseudo(build->source, build->destination, build->protocol, build->payload_bytes);

	return checksum_fold(checksum_add(sum, payload, build->payload_bytes));
}
