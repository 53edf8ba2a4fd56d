/*
 * BGP's neighbors outside of the process: their TCP is somebody else's (routing_tcp.h), which is asked for connections and told of packets.
 *
 * All TCP for a router with such neighbors is punted; of that only what is between our address and a neighbor's, at the BGP port on one
 * side, gets to the TCP: a stranger can't even reach it with a SYN.
 */
#include "route/bgp/bgp_glue.h"
#include "route/bgp/bgp_protocol.h"

#include "base/reader.h"
#include "net/ipv4.h"

#include <string.h>

#define IPV6_HEADER_BYTES 40

/* An IP packet with TCP in it. */
struct tcp_packet {
	struct ip source, destination;
	uint16_t source_port, destination_port;
};

/* Reads the addresses and ports of an unfragmented packet; false when it isn't one of TCP. */
static bool packet_read(struct tcp_packet *packet, const uint8_t *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	uint8_t first = reader_u8(&r);

	if (first >> 4 == 4) {
		uint8_t fragment[2], protocol;

		reader_skip(&r, 5);
		(void)reader_copy(&r, fragment, sizeof(fragment));
		reader_skip(&r, 1);
		protocol = reader_u8(&r);
		reader_skip(&r, 2);
		packet->source = ip_from_u32(reader_u32(&r));
		packet->destination = ip_from_u32(reader_u32(&r));
		if (!reader_ok(&r) || protocol != IP_PROTOCOL_TCP || (first & 15u) < 5 || (fragment[0] & 0x3f) != 0 || fragment[1] != 0)
			return false;
		reader_skip(&r, (first & 15u) * 4 - IPV4_HEADER_BYTES);
	} else if (first >> 4 == 6) {
		packet->source.family = packet->destination.family = IP_V6;
		reader_skip(&r, 5);
		if (reader_u8(&r) != IP_PROTOCOL_TCP)
			return false;
		reader_skip(&r, 1);
		(void)reader_copy(&r, packet->source.bytes, 16);
		(void)reader_copy(&r, packet->destination.bytes, 16);
	} else {
		return false;
	}
	packet->source_port = reader_u16(&r);
	packet->destination_port = reader_u16(&r);
	return reader_ok(&r);
}

/* Whether a packet between `ours` and `theirs` belongs to a neighbor outside of the process. */
static bool belongs(const struct router *router, const struct tcp_packet *packet, struct ip ours, struct ip theirs)
{
	const struct bgp_instance *instance = bgp_instance_of(router);
	struct bgp_neighbor *neighbor;

	if (instance == NULL || (packet->source_port != BGP_PORT && packet->destination_port != BGP_PORT))
		return false;
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		if (neighbor->external && ip_equal(neighbor->wanted.local, ours) && ip_equal(neighbor->wanted.address, theirs))
			return true;
	return false;
}

bool bgp_tcp_punted(struct router *router, const struct msg_packet *message)
{
	struct routing *routing = router->routing;
	struct tcp_packet packet;

	if (!packet_read(&packet, message->bytes, message->size))
		return false;
	if (routing->tcp_ops == NULL || !belongs(router, &packet, packet.destination, packet.source))
		router->drops[ROUTER_DROP_NO_PROTOCOL]++;
	else
		routing->tcp_ops->packet(routing->tcp_context, router->id, message->bytes, message->size);
	return true;
}

void routing_tcp_send(struct routing *routing, uint32_t id, const void *bytes, size_t size, struct instant now)
{
	struct router *router = routing_router(routing, id);
	const struct rib_route *route;
	struct msg_packet *inject = &routing->inject;
	struct tcp_packet packet;

	routing->now = now;
	if (router == NULL || !routing->switch_up || size > sizeof(inject->bytes) || !packet_read(&packet, bytes, size) ||
		!belongs(router, &packet, packet.source, packet.destination))
		return;
	route = rib_lookup(&router->rib, packet.destination, ROUTE_PROTOCOL_COUNT);
	if (route == NULL || route->action != ROUTE_FORWARD || route->nexthop_count == 0)
		return;
	inject->router = id;
	inject->rif = route->nexthops[0].rif;
	inject->nexthop = route->nexthops[0].ip.family == IP_NONE ? packet.destination : route->nexthops[0].ip;
	inject->size = (uint16_t)size;
	memcpy(inject->bytes, bytes, size);
	routing->ops->order(routing->context, MSG_INJECT, inject);
}

void routing_tcp_set(struct routing *routing, const struct routing_tcp_ops *ops, void *context)
{
	routing->tcp_ops = ops;
	routing->tcp_context = context;
}

static struct bgp_neighbor *neighbor_of(struct routing *routing, uint32_t id, struct instant now)
{
	struct bgp_neighbor *neighbor = map_get(&routing->bgp_neighbors, id);

	routing->now = now;
	if (neighbor != NULL)
		bgp_instance_wake(neighbor->instance, now);
	return neighbor;
}

void routing_tcp_connected(struct routing *routing, uint32_t id, bool incoming, struct instant now)
{
	struct bgp_neighbor *neighbor = neighbor_of(routing, id, now);

	if (neighbor != NULL)
		bgp_connected(neighbor->instance->bgp, neighbor->peer, incoming, now);
}

void routing_tcp_closed(struct routing *routing, uint32_t id, bool incoming, struct instant now)
{
	struct bgp_neighbor *neighbor = neighbor_of(routing, id, now);

	if (neighbor != NULL)
		bgp_closed(neighbor->instance->bgp, neighbor->peer, incoming, now);
}

void routing_tcp_received(struct routing *routing, uint32_t id, bool incoming, const uint8_t *bytes, size_t count, struct instant now)
{
	struct bgp_neighbor *neighbor = neighbor_of(routing, id, now);

	if (neighbor != NULL)
		bgp_receive(neighbor->instance->bgp, neighbor->peer, incoming, bytes, count, now);
}

void routing_tcp_writable(struct routing *routing, uint32_t id, bool incoming, struct instant now)
{
	struct bgp_neighbor *neighbor = neighbor_of(routing, id, now);

	if (neighbor != NULL)
		bgp_writable(neighbor->instance->bgp, neighbor->peer, incoming, now);
}

void bgp_tcp_tell_switch(struct bgp_instance *instance, bool add)
{
	struct router *router = instance->router;
	const struct msg_punt_rule rule = {.router = router->id, .protocol = IP_PROTOCOL_TCP, .add = add};

	if (router->routing->switch_up)
		router->routing->ops->order(router->routing->context, MSG_PUNT_RULE, &rule);
}

static bool instance_has_external(const struct bgp_instance *instance)
{
	struct bgp_neighbor *neighbor;

	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		if (neighbor->external)
			return true;
	return false;
}

void bgp_tcp_switch_knows(struct bgp_instance *instance)
{
	if (instance_has_external(instance))
		bgp_tcp_tell_switch(instance, true);
}

bool bgp_tcp_want(struct bgp_neighbor *neighbor)
{
	struct bgp_instance *instance = neighbor->instance;
	struct routing *routing = instance->router->routing;
	const struct rif *rif = bgp_neighbor_rif(neighbor);
	const struct routing_tcp tcp = {
		.id = neighbor->wanted.id,
		.router = neighbor->wanted.router,
		.local = neighbor->wanted.local,
		.remote = neighbor->wanted.address,
		.mtu = rif != NULL && rif->mtu != 0 ? rif->mtu : 1500,
		.key = neighbor->wanted.key,
	};

	if (routing->tcp_ops == NULL)
		return false;
	if (neighbor->external)
		return true;
	if (!instance_has_external(instance))
		bgp_tcp_tell_switch(instance, true);
	neighbor->external = true;
	routing->tcp_ops->want(routing->tcp_context, &tcp);
	return true;
}

void bgp_tcp_forget(struct bgp_neighbor *neighbor)
{
	struct routing *routing = neighbor->instance->router->routing;

	if (!neighbor->external)
		return;
	neighbor->external = false;
	routing->tcp_ops->forget(routing->tcp_context, neighbor->wanted.id);
	if (!instance_has_external(neighbor->instance))
		bgp_tcp_tell_switch(neighbor->instance, false);
}
