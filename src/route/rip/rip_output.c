/* Packets that leave the RIP engine (RFC 2453 3.10): tables in pieces of a packet each, split horizon, requests and answers. */
#include "route/rip/rip_engine.h"

/* How long a burst of changes may gather before the first triggered update goes. */
#define TRIGGER_GATHER_MS 20

/* A packet being filled for an interface. */
struct rip_output {
	struct rip *rip;
	struct rip_interface *interface;
	enum rip_command command;
	struct ip to; /* none: the group */
	uint16_t port;
	uint32_t sequence;
	struct writer writer;
	uint8_t bytes[RIP_PACKET_BYTES];
};

static void output_open(struct rip_output *out)
{
	out->writer = writer_over(out->bytes, sizeof(out->bytes));
	rip_write_header(&out->writer, out->command);
	rip_auth_begin(&out->writer, &out->interface->settings.key, out->sequence);
}

/*
 * The sequence number is the wall clock's second, so it never goes down, also over a restart, and never runs ahead; packets of the same
 * second share it, which RFC 4822 allows.
 */
static void output_begin(
	struct rip_output *out, struct rip *rip, struct rip_interface *interface, enum rip_command command, struct instant now)
{
	out->rip = rip;
	out->interface = interface;
	out->command = command;
	out->to = (struct ip){0};
	out->port = RIP_PORT;
	out->sequence = rip->wall_s + (uint32_t)(instant_diff(now, rip->started).ns / 1000000000);
	output_open(out);
}

/* To a host: from our address on its network. To the group: once from each address, since members may know only one of our networks. */
static void output_send(struct rip_output *out)
{
	const struct rip_interface *interface = out->interface;
	struct rip_datagram datagram = {.rif = interface->rif, .destination = out->to, .port = out->port, .bytes = out->bytes, .size = 0};

	rip_auth_end(&out->writer, &interface->settings.key);
	CHECK(writer_ok(&out->writer));
	datagram.size = writer_used(&out->writer);
	if (out->to.family == IP_NONE)
		datagram.destination = ip_from_u32(0xe0000009);
	for (unsigned i = 0; i < interface->address_count; i++) {
		if (out->to.family != IP_NONE && !prefix_contains(interface->addresses[i], out->to))
			continue;
		datagram.source = interface->addresses[i].ip;
		out->rip->ops->send(out->rip->context, &datagram);
		if (out->to.family != IP_NONE)
			break;
	}
	output_open(out);
}

/* Bytes that stand in an empty packet, and that must stay free for the trailer. */
static size_t output_empty_bytes(const struct rip_output *out)
{
	return RIP_HEADER_BYTES + (out->interface->settings.key.kind == RIP_AUTH_NONE ? 0 : RIP_ENTRY_BYTES);
}

static size_t output_trailer_bytes(const struct rip_output *out)
{
	size_t overhead = rip_auth_overhead(&out->interface->settings.key);

	return overhead ? overhead - RIP_ENTRY_BYTES : 0;
}

static void output_entry(struct rip_output *out, const struct rip_entry *entry)
{
	if (writer_room(&out->writer) < RIP_ENTRY_BYTES + output_trailer_bytes(out))
		output_send(out);
	rip_write_entry(&out->writer, entry);
}

static void output_end(struct rip_output *out)
{
	if (writer_used(&out->writer) > output_empty_bytes(out))
		output_send(out);
}

/* True when the route leads over this interface, so that those who are on it must not take it from us. */
static bool route_leads_over(const struct rip_route *route, const struct rip_interface *interface)
{
	struct rip_path *path;

	if (route->is_local)
		return route->local.connected && route->local.rif == interface->rif;
	list_each (path, &route->paths, struct rip_path, in_route)
		if (path->selected && path->neighbor->interface == interface)
			return true;
	return false;
}

static void output_route(struct rip_output *out, const struct rip_route *route, enum rip_table_part part)
{
	enum rip_split_horizon split = out->rip->settings.split_horizon;
	struct rip_entry entry = {RIP_FAMILY_INET, route->tag, route->node.prefix, {0}, route->metric};

	if (split != RIP_SPLIT_NONE && route_leads_over(route, out->interface)) {
		if (split == RIP_SPLIT_SIMPLE)
			return;
		entry.metric = RIP_INFINITY;
	}
	if (part == RIP_PART_POISON)
		entry.metric = RIP_INFINITY;
	if (route->is_local && route->local.rif == out->interface->rif && entry.metric < RIP_INFINITY)
		entry.nexthop = route->local.nexthop;
	output_entry(out, &entry);
}

void rip_send_table(
	struct rip *rip, struct rip_interface *interface, enum rip_table_part part, struct ip to, uint16_t port, struct instant now)
{
	struct rip_output out;
	struct rip_route *route;

	if (!interface->up || interface->settings.passive)
		return;
	output_begin(&out, rip, interface, RIP_RESPONSE, now);
	out.to = to;
	out.port = port;
	if (part == RIP_PART_CHANGED)
		list_each (route, &rip->changed, struct rip_route, in_changed)
			output_route(&out, route, part);
	else
		list_each (route, &rip->routes, struct rip_route, in_routes)
			output_route(&out, route, part);
	output_end(&out);
}

void rip_send_request(struct rip *rip, struct rip_interface *interface, struct instant now)
{
	const struct rip_entry all = {.family = RIP_FAMILY_NONE, .metric = RIP_INFINITY};
	struct rip_output out;

	if (!interface->up || interface->settings.passive)
		return;
	output_begin(&out, rip, interface, RIP_REQUEST, now);
	output_entry(&out, &all);
	output_end(&out);
}

void rip_send_answers(
	struct rip *rip, struct rip_interface *interface, struct rip_packet *question, struct ip to, uint16_t port, struct instant now)
{
	struct rip_output out;
	struct rip_entry entry;
	enum rip_drop drop;

	output_begin(&out, rip, interface, RIP_RESPONSE, now);
	out.to = to;
	out.port = port;
	while (rip_packet_next(question, &entry, &drop)) {
		const struct rip_route *route;

		if (drop == RIP_DROP_BAD_FAMILY || drop == RIP_DROP_BAD_PREFIX) {
			(void)rip_count_drop(rip, interface, NULL, drop);
			continue;
		}
		route = rip_route_get(rip, &entry.prefix, false);
		entry.metric = route ? route->metric : RIP_INFINITY;
		entry.tag = route ? route->tag : 0;
		entry.nexthop = (struct ip){0};
		output_entry(&out, &entry);
	}
	output_end(&out);
}

void rip_trigger(struct rip *rip, struct instant now)
{
	struct instant gathered = instant_add(now, span_ms(TRIGGER_GATHER_MS));

	if (rip->trigger_at.ns != INSTANT_NEVER.ns)
		return;
	rip->trigger_at = instant_before(gathered, rip->hold_until) ? rip->hold_until : gathered;
}
