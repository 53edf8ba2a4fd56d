/* Traces: rows of a walk in dry-run, and what to do about each reason to drop. */
#include "switch/trace.h"

#include "base/text.h"
#include "switch/walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What a person can do about a drop; reasons that aren't here have no such answer. */
static const char *const fixes[DROP_COUNT] = {
	[DROP_NOT_READY] = "start the receiving machine, or wait until its network driver runs",
	[DROP_PORT_DOWN] = "start the machine, or plug the link in: weft link up",
	[DROP_NETWORK_DOWN] = "mend the cable: weft link up",
	[DROP_BAD_SOURCE_MAC] = "give the interface in the machine a unicast MAC",
	[DROP_MAC_SPOOFED] = "send from the NIC's own MAC (weft inspect says which)",
	[DROP_IP_SPOOFED] = "send from the NIC's own address: write it to nics: - { network: ..., ipv4: ... }",
	[DROP_ARP_SPOOFED] = "let the machine answer ARP for its own address only",
	[DROP_ND_SPOOFED] = "let the machine advertise its own address only",
	[DROP_TAGGED] = "send untagged, or use a link, which passes tags",
	[DROP_ROGUE_DHCP] = "end the DHCP server in the machine: the network has its own",
	[DROP_ROGUE_ROUTER] = "end router advertisements in the machine",
	[DROP_STORM_LIMIT] = "look for a loop behind the port, or raise storm-limit: of the network",
	[DROP_GROUP_DENIED_IN] = "let it in: security-groups: NAME: { ingress: [ { protocol: ..., port: ..., from: ... } ] }",
	[DROP_GROUP_DENIED_OUT] = "let it out: security-groups: NAME: { egress: [ { protocol: ..., port: ..., to: ... } ] }",
	[DROP_GROUP_NOT_IP] = "send IP or ARP, or take the machine's security groups away",
	[DROP_CONN_LIMIT] = "close connections of the machine, or wait until those that nobody answers are forgotten",
	[DROP_CONN_NONE] = "begin the connection with a SYN or a request",
	[DROP_CONN_FRAGMENT] = "send packets that fit the MTU",
	[DROP_CABLE_OPEN] = "plug the link's other end in",
	[DROP_NO_RECEIVER] = "check the destination's MAC: no machine of the network has it",
	[DROP_INTERFACE_DOWN] = "bring the router's link up: weft link up",
	[DROP_NOT_FOR_ROUTER] = "send to the router interface's MAC: clear the machine's ARP table",
	[DROP_MARTIAN_SOURCE] = "use a source address that a host may have, and that the router doesn't",
	[DROP_MARTIAN_DESTINATION] = "use a destination that can be routed to",
	[DROP_MULTICAST_NOT_ROUTED] = "send within the network: routers pass no multicast or broadcast",
	[DROP_LINK_LOCAL] = "use addresses of the network instead of link-local ones",
	[DROP_NO_LISTENER] = "send to a machine: nothing on this router listens there",
	[DROP_PUNT_LIMIT] = "send the router less",
	[DROP_NAT_NONE] = "forward it: routers: NAME: { nat: [ { dnat: tcp/PORT, interface: ..., to: MACHINE:PORT } ] }",
	[DROP_NAT_PORTS] = "give the rule more addresses: nat: [ { snat: ..., to: FIRST-LAST } ], or let connections end",
	[DROP_NAT_LIMIT] = "let connections of the host end (weft show nat connections)",
	[DROP_NAT_FRAGMENT] = "send packets that fit the MTU",
	[DROP_TTL_EXCEEDED] = "look for a loop in the routes (weft show route), or send with a larger TTL",
	[DROP_NO_ROUTE] = "add a route or a protocol: routers: NAME: { routes: [ { to: ..., via: ... } ] } or { rip: {} }",
	[DROP_BLACKHOLE] = "remove the blackhole route",
	[DROP_TOO_BIG] = "lower the sender's MTU or raise mtu: of the network on the way",
	[DROP_TOO_MANY_ROUTERS] = "look for a loop in the routes (weft show route)",
	[DROP_NEIGHBOR_LIMIT] = "fewer hosts in the network, or a larger limit",
	[DROP_NEIGHBOR_FAILED] = "start the host that has the next hop's address, or correct the route",
};

void trace_note(struct core *core, const char *format, ...)
{
	char *text = core->trace->next.text;
	size_t size = sizeof(core->trace->next.text), used = strlen(text);
	va_list args;

	if (used > 0 && used + 2 < size) {
		text[used++] = ';';
		text[used++] = ' ';
		text[used] = '\0';
	}
	va_start(args, format);
	(void)vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* Where the packet is. */
static const struct member *walk_member(const struct walk *walk)
{
	switch (walk->stage) {
	case STAGE_PORT:
		return &walk->port->member;
	case STAGE_NETWORK:
		return walk->from;
	case STAGE_DELIVER:
		return &walk->to->member;
	case STAGE_ROUTER:
		return &walk->in->member;
	case STAGE_FORWARD:
		return walk->in != NULL ? &walk->in->member : NULL;
	case STAGE_EGRESS:
		return &walk->out->member;
	case STAGE_COUNT:
		break;
	}
	return NULL;
}

void trace_begin(struct walk *walk, const char *feature)
{
	struct trace *trace = walk->core->trace;
	const struct member *member = walk_member(walk);
	uint16_t step = trace->next.step;

	trace->next = (struct row_trace){.step = step, .id = member != NULL ? member->id : 0};
	(void)text_copy(trace->next.feature, sizeof(trace->next.feature), feature);
	if (walk->stage >= STAGE_ROUTER && walk->router != NULL)
		trace->next.router = walk->router->config.id;
}

static void trace_row(struct trace *trace)
{
	trace->next.step++;
	trace->row(trace->context, &trace->next);
}

/* A route that is missing may be missing for a cable. */
static void trace_cut(const struct walk *walk, struct row_trace *row)
{
	struct rif *rif;

	list_each (rif, &walk->router->rifs, struct rif, in_router) {
		if (!rif->carrier) {
			(void)snprintf(row->fix, sizeof(row->fix), "mend the cable at %.100s (weft link up), or add another way",
				rif->config.path);
			return;
		}
	}
}

static void trace_dropped(const struct walk *walk, const struct flow_actions *actions)
{
	struct trace *trace = walk->core->trace;
	struct row_trace *row = &trace->next;

	trace->verdict = TRACE_DROPPED;
	trace->drop_at = actions->drop_at;
	trace->reason = (enum drop_reason)actions->drop_reason;
	if (actions->drop_at != NULL)
		row->id = actions->drop_at->id;
	(void)text_copy(row->reason, sizeof(row->reason), drop_name(trace->reason));
	(void)text_copy(row->meaning, sizeof(row->meaning), drop_text(trace->reason));
	if (fixes[trace->reason] != NULL)
		(void)text_copy(row->fix, sizeof(row->fix), fixes[trace->reason]);
	if (trace->reason == DROP_NO_ROUTE)
		trace_cut(walk, row);
}

/* Where a flood goes; a row each, but for the last, which the caller makes. */
static void trace_flooded(struct walk *walk, struct flow_actions *actions)
{
	struct trace *trace = walk->core->trace;
	struct member *member;
	unsigned ports = 0;

	list_each (member, &actions->flood->members, struct member, in_network)
		ports += flood_takes(actions, member);
	if (ports == 0 && actions->flood_unknown) {
		actions->drop_at = actions->from;
		actions->drop_reason = DROP_NO_RECEIVER;
		trace_dropped(walk, actions);
		return;
	}
	trace->verdict = TRACE_FLOODED;
	trace->flooded = actions->flood;
	trace->from = actions->from;
	trace->unknown = actions->flood_unknown;
	trace_note(walk->core, "out of %u port%s of %s", ports, ports == 1 ? "" : "s", actions->flood->config.path);
}

static void trace_delivered(struct walk *walk, struct port *port)
{
	struct trace *trace = walk->core->trace;

	trace_row(trace);
	trace_begin(walk, "out");
	trace->next.router = 0;
	trace->next.id = port->member.id;
	trace->verdict = TRACE_DELIVERED;
	trace->output = port;
	trace_note(walk->core, "out of port %s", port->config.path);
}

void trace_end(struct walk *walk, bool end)
{
	struct trace *trace = walk->core->trace;
	struct flow_actions *actions = &walk->draft->actions;

	if (!end) {
		if (trace->next.text[0] != '\0')
			trace_row(trace);
		return;
	}
	switch (actions->verdict) {
	case FLOW_DROP:
		if (actions->drop_reason != DROP_NONE)
			trace_dropped(walk, actions);
		else
			trace->verdict = TRACE_TAKEN;
		break;
	case FLOW_OUTPUT:
		trace_delivered(walk, actions->output);
		break;
	case FLOW_FLOOD:
		trace_flooded(walk, actions);
		break;
	case FLOW_CONSUMED:
		if (trace->verdict != TRACE_WAITS)
			trace->verdict = TRACE_TAKEN;
		break;
	}
	trace->next.verdict = (uint8_t)trace->verdict;
	trace_row(trace);
}

void trace_walk(struct core *core, struct trace *trace, struct port *port, struct packet **packet)
{
	struct flow_key key;
	struct flow_view view;

	CHECK(core->trace == NULL);
	core->trace = trace;
	flow_key_read(*packet, &key, &view);
	*packet = walk_from_port(core, port, *packet, &key, &view);
	core->trace = NULL;
}
