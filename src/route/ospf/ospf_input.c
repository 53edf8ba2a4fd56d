/* Packets that come in: whether they are for us, authentic and of this area (RFC 2328 8.2), and to whom they go. */
#include "route/ospf/ospf_engine.h"

/* Whether the router listens to this destination (RFC 2328 8.2). */
static bool destination_good(const struct ospf_interface *interface, uint32_t destination)
{
	if (destination == OSPF_ALL_DESIGNATED)
		return interface->state >= OSPF_IF_BACKUP;
	return destination == OSPF_ALL_ROUTERS || destination == interface->address;
}

static bool source_good(const struct ospf_interface *interface, uint32_t source)
{
	if (source == 0 || source == interface->address)
		return false;
	return interface->settings.type == OSPF_POINT_TO_POINT || ((source ^ interface->address) & interface->mask) == 0;
}

/* Cryptographic sequence numbers don't go down (RFC 2328 D.5.3). */
static bool sequence_good(struct ospf_neighbor *neighbor, uint32_t sequence)
{
	if (neighbor->sequence_known && sequence < neighbor->auth_sequence)
		return false;
	neighbor->sequence_known = true;
	neighbor->auth_sequence = sequence;
	return true;
}

static enum ospf_drop body_receive(
	struct ospf_interface *interface, const struct ospf_arrival *arrival, const struct ospf_header *header, struct reader body)
{
	struct ospf_neighbor *neighbor = ospf_neighbor_find(interface, arrival->source, header->router_id);

	if (interface->settings.auth.kind == OSPF_AUTH_CRYPTO && neighbor != NULL && !sequence_good(neighbor, header->sequence))
		return OSPF_DROP_AUTH_SEQUENCE;
	if (header->type == OSPF_HELLO)
		return ospf_hello_receive(interface, arrival, header, body);
	if (neighbor == NULL || neighbor->router_id != header->router_id)
		return OSPF_DROP_NO_NEIGHBOR;
	switch (header->type) {
	case OSPF_DATABASE:
		return ospf_description_receive(neighbor, body);
	case OSPF_REQUEST:
		return ospf_request_receive(neighbor, body);
	case OSPF_UPDATE:
		return ospf_update_receive(neighbor, body);
	case OSPF_ACK:
		return ospf_ack_receive(neighbor, body);
	case OSPF_HELLO:
		break;
	}
	return OSPF_DROP_TYPE;
}

static const enum ospf_drop wire_drops[OSPF_WIRE_FAULT_COUNT] = {
	[OSPF_WIRE_SHORT] = OSPF_DROP_SHORT,
	[OSPF_WIRE_VERSION] = OSPF_DROP_VERSION,
	[OSPF_WIRE_TYPE] = OSPF_DROP_TYPE,
	[OSPF_WIRE_LENGTH] = OSPF_DROP_LENGTH,
	[OSPF_WIRE_CHECKSUM] = OSPF_DROP_CHECKSUM,
	[OSPF_WIRE_AUTH_TYPE] = OSPF_DROP_AUTH_TYPE,
	[OSPF_WIRE_AUTH_KEY] = OSPF_DROP_AUTH_KEY,
	[OSPF_WIRE_AUTH_DIGEST] = OSPF_DROP_AUTH_DIGEST,
};

static enum ospf_drop receive(struct ospf_interface *interface, const struct ospf_arrival *arrival)
{
	struct ospf_header header;
	struct reader body;
	enum ospf_wire_fault fault;

	if (interface->state < OSPF_IF_WAITING || interface->settings.passive)
		return OSPF_DROP_NOT_RUNNING;
	if (!destination_good(interface, arrival->destination))
		return OSPF_DROP_DESTINATION;
	if (!source_good(interface, arrival->source))
		return OSPF_DROP_SOURCE;
	fault = ospf_packet_read(reader_over(arrival->bytes, arrival->size), &interface->settings.auth, &header, &body);
	if (fault != OSPF_WIRE_GOOD)
		return wire_drops[fault];
	if (header.area_id != interface->area->id)
		return OSPF_DROP_AREA;
	if (header.router_id == interface->ospf->settings.router_id)
		return OSPF_DROP_OWN_ROUTER_ID;
	return body_receive(interface, arrival, &header, body);
}

enum ospf_drop ospf_receive(struct ospf *ospf, const struct ospf_arrival *arrival, struct instant now)
{
	struct ospf_interface *interface = map_get(&ospf->interface_of, arrival->rif);
	enum ospf_drop drop;

	ospf->now = now;
	drop = interface ? receive(interface, arrival) : OSPF_DROP_NOT_RUNNING;
	if (drop != OSPF_DROP_NONE)
		(void)ospf_count_drop(ospf, interface, drop);
	ospf_settle(ospf);
	return drop;
}
