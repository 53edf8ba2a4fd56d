/* Packets that come to the RIP engine (RFC 2453 3.9): is the sender a neighbor, is the packet authentic, what does it say. */
#include "route/rip/rip_engine.h"

/* RFC 2453 3.9.2: the sender must be on a directly connected network and must not be ourselves. */
static bool source_valid(const struct rip_interface *interface, struct ip source)
{
	bool on_link = false;

	if (source.family != IP_V4 || ip_is_multicast(source) || ip_is_unspecified(source) || ip_is_loopback(source))
		return false;
	for (unsigned i = 0; i < interface->address_count; i++) {
		if (ip_equal(interface->addresses[i].ip, source))
			return false;
		on_link |= prefix_contains(interface->addresses[i], source);
	}
	return on_link;
}

/*
 * RFC 2453 4.4: the next hop of an entry, which must be directly reachable on the network of the advertisement; else it is the sender. One
 * that can't be a host's, or is ourselves, condemns the entry.
 */
static enum rip_drop entry_nexthop(
	const struct rip_interface *interface, const struct rip_entry *entry, struct ip source, struct ip *nexthop)
{
	bool on_link = false;

	*nexthop = source;
	if (entry->nexthop.family == IP_NONE)
		return RIP_DROP_NONE;
	if (ip_is_multicast(entry->nexthop) || ip_is_loopback(entry->nexthop))
		return RIP_DROP_BAD_NEXTHOP;
	for (unsigned i = 0; i < interface->address_count; i++) {
		if (ip_equal(interface->addresses[i].ip, entry->nexthop))
			return RIP_DROP_BAD_NEXTHOP;
		on_link |= prefix_contains(interface->addresses[i], entry->nexthop);
	}
	if (on_link)
		*nexthop = entry->nexthop;
	return RIP_DROP_NONE;
}

static void receive_response(struct rip *rip, struct rip_neighbor *neighbor, struct rip_packet *packet, struct instant now)
{
	struct rip_interface *interface = neighbor->interface;
	struct rip_entry entry;
	struct ip nexthop;
	enum rip_drop drop;

	while (rip_packet_next(packet, &entry, &drop)) {
		uint32_t metric = entry.metric + interface->settings.cost;

		if (drop == RIP_DROP_NONE)
			drop = entry_nexthop(interface, &entry, neighbor->ip, &nexthop);
		if (drop != RIP_DROP_NONE)
			(void)rip_count_drop(rip, interface, neighbor, drop);
		else
			rip_report(rip, neighbor, &entry, (uint8_t)(metric < RIP_INFINITY ? metric : RIP_INFINITY), nexthop, now);
	}
}

/* RFC 2453 3.9.1: one entry of family 0 and metric infinity asks for everything; other entries ask for themselves. */
static bool asks_for_all(struct rip_packet packet)
{
	struct rip_entry entry;
	enum rip_drop drop;

	return reader_left(&packet.entries) == RIP_ENTRY_BYTES && rip_packet_next(&packet, &entry, &drop) &&
	       entry.family == RIP_FAMILY_NONE && entry.metric == RIP_INFINITY;
}

/* Whole tables are large and questions small, so each neighbor may ask once in a while only. */
static enum rip_drop receive_request(
	struct rip *rip, struct rip_neighbor *neighbor, struct rip_packet *packet, uint16_t port, struct instant now)
{
	struct rip_interface *interface = neighbor->interface;

	if (interface->settings.passive || reader_left(&packet->entries) == 0)
		return RIP_DROP_NONE;
	if (!instant_reached(instant_add(neighbor->answered, rip->settings.request_pause), now))
		return rip_count_drop(rip, interface, neighbor, RIP_DROP_REQUEST_RATE);
	neighbor->answered = now;
	if (asks_for_all(*packet))
		rip_send_table(rip, interface, RIP_PART_ALL, neighbor->ip, port, now);
	else
		rip_send_answers(rip, interface, packet, neighbor->ip, port, now);
	return RIP_DROP_NONE;
}

/*
 * A neighbor that speaks for the first time gets our table at once, unless it has just asked for it: FRR's ripd sends its question without
 * authentication, so that it goes unanswered, and would wait for the next period.
 */
static void greet_neighbor(struct rip *rip, struct rip_neighbor *neighbor, struct instant now)
{
	if (!instant_reached(instant_add(neighbor->answered, rip->settings.request_pause), now))
		return;
	neighbor->answered = now;
	rip_send_table(rip, neighbor->interface, RIP_PART_ALL, neighbor->ip, RIP_PORT, now);
}

/*
 * RFC 4822 3.2.2: a neighbor's sequence numbers never go down; 0 is what it may start from when we lost touch, that is, have no path of it.
 * The highest number stays known, so that nothing old can be played back behind a 0.
 */
static bool sequence_accept(struct rip_neighbor *neighbor, const struct rip_packet *packet)
{
	if (packet->auth_type != RIP_AUTH_TYPE_CRYPTO)
		return true;
	if (neighbor->sequence_known && packet->sequence < neighbor->sequence)
		return packet->sequence == 0 && list_empty(&neighbor->paths);
	neighbor->sequence = packet->sequence;
	neighbor->sequence_known = true;
	return true;
}

enum rip_drop rip_receive(struct rip *rip, const struct rip_arrival *arrival, struct instant now)
{
	struct rip_interface *interface = map_get(&rip->interface_of, arrival->rif);
	struct rip_neighbor *neighbor;
	struct rip_packet packet;
	enum rip_drop drop;
	bool fresh;

	if (interface == NULL || !interface->up)
		return rip_count_drop(rip, interface, NULL, RIP_DROP_NO_INTERFACE);
	if (!source_valid(interface, arrival->source))
		return rip_count_drop(rip, interface, NULL, RIP_DROP_BAD_SOURCE);
	neighbor = rip_neighbor_get(rip, interface, arrival->source, now);
	if (neighbor == NULL)
		return rip_count_drop(rip, interface, NULL, RIP_DROP_NEIGHBOR_LIMIT);
	drop = rip_packet_open(&packet, arrival->bytes, arrival->size);
	if (drop == RIP_DROP_NONE && packet.command == RIP_RESPONSE && arrival->source_port != RIP_PORT)
		drop = RIP_DROP_BAD_PORT;
	if (drop == RIP_DROP_NONE)
		drop = rip_auth_check(&packet, &interface->settings.key);
	if (drop == RIP_DROP_NONE && !sequence_accept(neighbor, &packet))
		drop = RIP_DROP_AUTH_SEQUENCE;
	fresh = !neighbor->proven;
	rip_neighbor_heard(rip, neighbor, drop == RIP_DROP_NONE, now);
	if (drop != RIP_DROP_NONE)
		return rip_count_drop(rip, interface, neighbor, drop);
	if (packet.command == RIP_REQUEST)
		return receive_request(rip, neighbor, &packet, arrival->source_port, now);
	receive_response(rip, neighbor, &packet, now);
	if (fresh)
		greet_neighbor(rip, neighbor, now);
	return RIP_DROP_NONE;
}
