/* Hellos that come in (RFC 2328 10.5): who is there, whether they know us, whom they take for designated. */
#include "route/ospf/ospf_engine.h"

struct ospf_neighbor *ospf_neighbor_find(const struct ospf_interface *interface, uint32_t source, uint32_t router_id)
{
	struct ospf_neighbor *neighbor;
	bool by_id = interface->settings.type == OSPF_POINT_TO_POINT;

	list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
		if (by_id ? neighbor->router_id == router_id : neighbor->address == source)
			return neighbor;
	return NULL;
}

static enum ospf_drop hello_agrees(const struct ospf_interface *interface, const struct ospf_hello *hello)
{
	if (interface->settings.type == OSPF_BROADCAST && hello->mask != interface->mask)
		return OSPF_DROP_HELLO_MASK;
	if (hello->hello_s != interface->settings.hello_s)
		return OSPF_DROP_HELLO_INTERVAL;
	if (hello->dead_s != interface->settings.dead_s)
		return OSPF_DROP_DEAD_INTERVAL;
	if ((hello->options & OSPF_OPTION_E) != (ospf_interface_options(interface) & OSPF_OPTION_E))
		return OSPF_DROP_OPTIONS;
	return OSPF_DROP_NONE;
}

/* The neighbor of a Hello, made when it is new; the same address with another id is a router that began anew. */
static struct ospf_neighbor *hello_neighbor(
	struct ospf_interface *interface, const struct ospf_arrival *arrival, const struct ospf_header *header)
{
	struct ospf_neighbor *neighbor = ospf_neighbor_find(interface, arrival->source, header->router_id);

	if (neighbor != NULL && neighbor->router_id != header->router_id) {
		ospf_neighbor_event(neighbor, OSPF_EVENT_KILL);
		neighbor = NULL;
	}
	if (neighbor != NULL)
		return neighbor;
	if (interface->neighbor_count >= interface->ospf->settings.neighbors_max) {
		interface->ospf->ops->limit_reached(interface->ospf->context, "ospf neighbors", interface->ospf->settings.neighbors_max);
		return NULL;
	}
	neighbor = ospf_neighbor_new(interface, header->router_id, arrival->source);
	if (interface->settings.auth.kind == OSPF_AUTH_CRYPTO) {
		neighbor->sequence_known = true;
		neighbor->auth_sequence = header->sequence;
	}
	return neighbor;
}

static bool hello_names(struct reader neighbors, uint32_t router_id)
{
	while (reader_left(&neighbors) > 0)
		if (reader_u32(&neighbors) == router_id)
			return true;
	return false;
}

/* What a Hello says of roles and priority, and what it means for the election (the last part of 10.5). */
static void hello_roles(struct ospf_neighbor *neighbor, const struct ospf_hello *hello)
{
	struct ospf_interface *interface = neighbor->interface;
	uint32_t self = neighbor->address;
	bool was_designated = neighbor->designated == self, was_backup = neighbor->backup == self;
	bool designated = hello->designated == self, backup = hello->backup == self;
	bool changed = neighbor->priority != hello->priority || was_designated != designated || was_backup != backup;

	neighbor->priority = hello->priority;
	neighbor->designated = hello->designated;
	neighbor->backup = hello->backup;
	if (interface->settings.type != OSPF_BROADCAST || neighbor->state < OSPF_NB_TWO_WAY)
		return;
	if (interface->state == OSPF_IF_WAITING && ((designated && hello->backup == 0) || backup))
		ospf_interface_event(interface, OSPF_EVENT_BACKUP_SEEN);
	else if (changed)
		ospf_interface_event(interface, OSPF_EVENT_NEIGHBOR_CHANGE);
}

enum ospf_drop ospf_hello_receive(
	struct ospf_interface *interface, const struct ospf_arrival *arrival, const struct ospf_header *header, struct reader body)
{
	struct ospf *ospf = interface->ospf;
	struct ospf_neighbor *neighbor;
	struct ospf_hello hello;
	enum ospf_drop drop;
	bool known;

	if (!ospf_hello_read(body, &hello))
		return OSPF_DROP_BODY;
	drop = hello_agrees(interface, &hello);
	if (drop != OSPF_DROP_NONE)
		return drop;
	neighbor = hello_neighbor(interface, arrival, header);
	if (neighbor == NULL)
		return OSPF_DROP_NEIGHBOR_LIMIT;
	neighbor->address = arrival->source;
	known = hello_names(hello.neighbors, ospf->settings.router_id);
	/* One that is new, or doesn't know us (any more), hears of us at once and not at our next Hello. */
	if (neighbor->state == OSPF_NB_DOWN || (!known && neighbor->state > OSPF_NB_INIT))
		ospf_interface_timer(interface, &interface->hello_at, ospf->now);
	ospf_neighbor_event(neighbor, OSPF_EVENT_HELLO);
	ospf_neighbor_event(neighbor, known ? OSPF_EVENT_TWO_WAY : OSPF_EVENT_ONE_WAY);
	hello_roles(neighbor, &hello);
	return OSPF_DROP_NONE;
}
