/* Packets between the routers and the switch: what is punted finds its protocol, what protocols send gets its IP header. */
#include "route/bgp/bgp_protocol.h"
#include "route/protocol.h"

#include "net/ipv4.h"

#include <string.h>

/* Every IPv4 link takes as much (RFC 791). */
#define MTU_LEAST 576

static void send_inject(struct router *router, uint32_t rif, struct ip destination, size_t size)
{
	struct routing *routing = router->routing;
	struct msg_packet *inject = &routing->inject;

	CHECK(size > 0);
	inject->router = router->id;
	inject->rif = rif;
	inject->nexthop = destination;
	inject->size = (uint16_t)size;
	routing->ops->order(routing->context, MSG_INJECT, inject);
}

void routing_send_udp(struct router *router, uint32_t rif, const struct udp_packet *packet)
{
	struct msg_packet *inject = &router->routing->inject;

	if (router->routing->switch_up)
		send_inject(router, rif, packet->destination, udp_packet_build(packet, inject->bytes, sizeof(inject->bytes)));
}

/* A packet that is larger than the link's MTU goes in pieces (RFC 791 3.2). */
static void send_pieces(struct router *router, uint32_t rif, const struct ip_packet *packet, uint16_t mtu)
{
	struct msg_packet *inject = &router->routing->inject;
	size_t room = ((mtu < PACKET_BYTES_MAX ? mtu : PACKET_BYTES_MAX) - IPV4_HEADER_BYTES) & ~7u;
	struct ip_piece piece = {.packet = *packet, .id = ++router->routing->ip_id};

	for (size_t at = 0; at < packet->size; at += room) {
		piece.offset = (uint32_t)at;
		piece.more = packet->size - at > room;
		piece.packet.bytes = packet->bytes + at;
		piece.packet.size = piece.more ? room : packet->size - at;
		send_inject(router, rif, packet->destination, ip_piece_build(&piece, inject->bytes, sizeof(inject->bytes)));
	}
}

void routing_send_ip(struct router *router, uint32_t rif, const struct ip_packet *packet)
{
	struct msg_packet *inject = &router->routing->inject;
	const struct rif *out = routing_rif(router->routing, rif);
	uint16_t mtu = out != NULL && out->mtu >= MTU_LEAST ? out->mtu : MTU_LEAST;

	if (!router->routing->switch_up)
		return;
	if (IPV4_HEADER_BYTES + packet->size > mtu)
		send_pieces(router, rif, packet, mtu);
	else
		send_inject(router, rif, packet->destination, ip_packet_build(packet, inject->bytes, sizeof(inject->bytes)));
}

static void punt_drop(struct router *router, const char *why)
{
	enum router_drop drop = ROUTER_DROP_MALFORMED;

	if (strcmp(why, "ip_piece") == 0)
		drop = ROUTER_DROP_FRAGMENT;
	else if (strcmp(why, "udp_bad_checksum") == 0 || strcmp(why, "ip_bad_checksum") == 0)
		drop = ROUTER_DROP_CHECKSUM;
	router->drops[drop]++;
}

/* What came is a packet, or completes one (true); NULL in `why` and false when it is kept until the rest is there. */
static bool punt_whole(struct routing *routing, const struct msg_packet *message, struct ip_packet *ip, const char **why)
{
	struct ip_piece piece;
	enum ip_reassembly_result result;

	*why = ip_piece_parse(&piece, message->bytes, message->size);
	*ip = piece.packet;
	if (*why != NULL || ip_piece_is_whole(&piece))
		return *why == NULL;
	result = ip_reassembly_add(&routing->pieces, message->rif, &piece, routing->now, ip);
	if (result == IP_PIECE_BAD)
		*why = "ip_piece";
	return result == IP_PIECE_COMPLETE;
}

/* Gives a packet to the protocol whose it is; returns what is wrong with it. */
static const char *punt_give(struct router *router, struct rif *rif, const struct ip_packet *ip, struct instant now)
{
	struct udp_packet packet;
	const char *why = NULL;
	bool is_udp = ip->protocol == IP_PROTOCOL_UDP;

	if (is_udp)
		why = udp_packet_of(&packet, ip);
	for (const struct protocol *const *protocol = protocols; *protocol != NULL && why == NULL; protocol++)
		if (is_udp && (*protocol)->udp_port != 0 && (*protocol)->udp_port == packet.destination_port) {
			(*protocol)->packet(router, rif, &packet, now);
			return NULL;
		} else if (!is_udp && (*protocol)->ip_protocol != 0 && (*protocol)->ip_protocol == ip->protocol) {
			(*protocol)->ip_packet(router, rif, ip, now);
			return NULL;
		}
	if (why == NULL)
		router->drops[ROUTER_DROP_NO_PROTOCOL]++;
	return why;
}

int router_punted(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_packet *message = body;
	struct router *router = routing_router(routing, message->router);
	struct rif *rif = routing_rif(routing, message->rif);
	struct ip_packet ip;
	const char *why;

	(void)err;
	if (router == NULL || rif == NULL || rif->router != router)
		return 0; /* it has just been taken away */
	if (bgp_tcp_punted(router, message))
		return 0;
	if (punt_whole(routing, message, &ip, &why))
		why = punt_give(router, rif, &ip, now);
	if (why != NULL)
		punt_drop(router, why);
	router_timer_update(router);
	return 0;
}
