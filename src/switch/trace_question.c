/*
 * The question MSG_TRACE: makes the packet that a host or router would send, and walks it in dry-run.
 *
 * Theory of operation. What a machine itself decides before it sends, its next hop and that one's MAC, is no feature of the switch, so the
 * first step stands for it: a destination in one of the network's subnets is a neighbor, everything else goes to the network's gateway;
 * the MAC is the model's, else what a router in the network has learned. A machine that could send nothing ends the trace there.
 */
#include "base/text.h"
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "switch/ip_build.h"
#include "switch/nat.h"
#include "switch/neighbor.h"
#include "switch/walk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TCP_HEADER_BYTES 20
#define TCP_SYN 2
#define PROTOCOL_TCP 6
#define PROTOCOL_UDP 17
#define TTL_DEFAULT 64
#define PING_PAYLOAD_BYTES 56

/* An answer under way. */
struct tracing {
	struct core *core;
	enum process_id to;
	uint32_t seq;
	struct trace trace;
};

static void tracing_row(void *context, const struct row_trace *row)
{
	struct tracing *tracing = context;

	tracing->core->ops->message(tracing->core->context, tracing->to, MSG_ROW_TRACE, tracing->seq, row);
}

/* Fills the transport header of the packet to be, and its payload. */
static void fill_l4(const struct ip_build *build, const struct msg_trace *question, uint8_t *l4)
{
	size_t checksum_at = 0;

	switch (build->protocol) {
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMPV6:
		l4[0] = build->protocol == IP_PROTOCOL_ICMP ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST;
		checksum_at = 2;
		break;
	case PROTOCOL_TCP:
	case PROTOCOL_UDP:
		wire_put_u16(l4, question->source_port);
		wire_put_u16(l4 + 2, question->destination_port);
		if (build->protocol == PROTOCOL_UDP) {
			wire_put_u16(l4 + 4, (uint16_t)build->payload_bytes);
			checksum_at = 6;
		} else {
			l4[12] = TCP_HEADER_BYTES / 4 << 4;
			l4[13] = TCP_SYN;
			checksum_at = 16;
		}
		break;
	default:
		return;
	}
	if (build->protocol == IP_PROTOCOL_ICMP)
		wire_put_u16(l4 + checksum_at, checksum_fold(checksum_add(0, l4, build->payload_bytes)));
	else
		wire_put_u16(l4 + checksum_at, ip_build_checksum(build, l4));
}

static struct packet *trace_packet(struct core *core, const struct msg_trace *question, struct ip source)
{
	uint32_t headers = source.family == IP_V4 ? IPV4_HEADER_BYTES : 40, least = ICMP_HEADER_BYTES;
	struct ip_build build = {.source = source,
		.destination = question->destination,
		.protocol = question->protocol,
		.ttl = question->ttl != 0 ? question->ttl : TTL_DEFAULT};
	struct packet *packet;
	uint8_t *payload;

	if (question->protocol == PROTOCOL_TCP)
		least = TCP_HEADER_BYTES;
	else if (question->protocol != PROTOCOL_UDP)
		least += PING_PAYLOAD_BYTES;
	build.payload_bytes = question->size > headers + least ? question->size - headers : least;
	packet = ip_build_packet(core, &build, &payload);
	if (packet != NULL)
		fill_l4(&build, question, payload);
	return packet;
}

/* What the host itself decides. */

static bool network_has(const struct network *network, struct ip ip)
{
	for (unsigned i = 0; i < network->config.subnet_count; i++)
		if (prefix_contains(network->config.subnets[i], ip))
			return true;
	return false;
}

/* The next hop of a host: the destination, its gateway, or none. */
static struct ip host_nexthop(const struct network *network, struct ip destination)
{
	struct member *member;

	if (ip_is_multicast(destination) || ip_is_link_local(destination) || network_has(network, destination))
		return destination;
	if (destination.family == IP_V4)
		return network->config.gateway;
	list_each (member, &network->members, struct member, in_network) {
		struct ip ip = member->is_rif ? rif_address(member_rif(member), IP_V6) : (struct ip){0};

		if (ip.family != IP_NONE)
			return ip;
	}
	return (struct ip){0};
}

/* What ARP or ND would tell the host, as far as it is known here. */
static bool host_resolve(const struct network *network, struct ip ip, struct mac *mac)
{
	struct member *member = network_known(network, ip);

	if (ip_is_multicast(ip)) {
		*mac = mac_of_multicast(ip);
		return true;
	}
	if (member != NULL) {
		*mac = member->is_rif ? member_rif(member)->config.mac : member_port(member)->config.mac;
		return member->is_rif ? member_rif(member)->carrier : port_is_up(member_port(member));
	}
	list_each (member, &network->members, struct member, in_network) {
		const struct neighbor *neighbor = member->is_rif ? map_get(&member_rif(member)->neighbors, ip_key(ip)) : NULL;

		if (member->is_rif && (rif_owns(member_rif(member), ip) || nat_owns(member_rif(member), ip))) {
			*mac = member_rif(member)->config.mac;
			return member_rif(member)->carrier;
		}
		if (neighbor != NULL && ip_equal(neighbor->ip, ip) && !mac_is_zero(neighbor->mac)) {
			*mac = neighbor->mac;
			return true;
		}
	}
	return false;
}

/* The host can't send: the trace's only row. */
static void host_fails(struct tracing *tracing, const struct port *port, const char *reason, const char *meaning, const char *fix)
{
	struct row_trace *row = &tracing->trace.next;

	row->step = 1;
	row->id = port->member.id;
	row->verdict = TRACE_DROPPED;
	(void)text_copy(row->feature, sizeof(row->feature), "host");
	(void)text_copy(row->reason, sizeof(row->reason), reason);
	(void)text_copy(row->meaning, sizeof(row->meaning), meaning);
	(void)text_copy(row->fix, sizeof(row->fix), fix);
	tracing_row(tracing, row);
}

/* Fills the frame's header as the host would; false after a row that says why it can't. */
static bool host_sends(struct tracing *tracing, const struct port *port, struct ip destination, struct packet *packet)
{
	struct ethernet_header *eth = (struct ethernet_header *)packet->data;
	const struct network *network = port->member.network;
	struct ip nexthop = host_nexthop(network, destination);
	struct row_trace *row = &tracing->trace.next;
	char text[IP_TEXT_BYTES], mac[MAC_TEXT_BYTES], meaning[128];

	if (nexthop.family == IP_NONE) {
		host_fails(tracing, port, "no_gateway", "the destination isn't in the machine's network, and that has no router",
			"connect a router to the network: routers: NAME: { interfaces: { ... } }");
		return false;
	}
	if (!host_resolve(network, nexthop, &eth->destination)) {
		(void)snprintf(meaning, sizeof(meaning), "nobody that is up in the network is known to have %s", ip_text(nexthop, text));
		host_fails(
			tracing, port, "no_neighbor", meaning, "start the machine or router that has the address, or correct the address");
		return false;
	}
	eth->source = mac_is_zero(port->config.mac) ? (struct mac){{2, 0, 0, 0, 0, 1}} : port->config.mac;
	row->step = 1;
	row->id = port->member.id;
	(void)text_copy(row->feature, sizeof(row->feature), "host");
	(void)snprintf(row->text, sizeof(row->text), "%s %s, which is at %s",
		ip_equal(nexthop, destination) ? "sends to its neighbor" : "sends by its gateway", ip_text(nexthop, text),
		mac_text(eth->destination, mac));
	tracing_row(tracing, row);
	return true;
}

static int trace_from_port(struct tracing *tracing, const struct msg_trace *question, struct err *err)
{
	struct port *port = port_find(tracing->core, question->port);
	struct ip source = question->source;
	struct packet *packet;

	if (port == NULL)
		return err_set(err, -ENOENT, "the switch has no port %u", question->port);
	if (port->member.network == NULL)
		return err_set(err, -ENOENT, "port %s is in no network", port->config.path);
	if (source.family == IP_NONE)
		source = question->destination.family == IP_V4 ? port->config.ipv4 : port->config.ipv6;
	if (source.family != question->destination.family)
		return err_set(err, -EINVAL, "%s has no %s address of the model: say from which it sends", port->config.path,
			question->destination.family == IP_V4 ? "IPv4" : "IPv6");
	packet = trace_packet(tracing->core, question, source);
	if (packet == NULL)
		return err_set(err, -ENOBUFS, "all packet buffers are in use");
	if (host_sends(tracing, port, question->destination, packet))
		trace_walk(tracing->core, &tracing->trace, port, &packet);
	core_release(tracing->core, packet);
	return 0;
}

static int trace_from_router(struct tracing *tracing, const struct msg_trace *question, struct err *err)
{
	struct core *core = tracing->core;
	struct origin origin = {.stage = STAGE_FORWARD, .router = router_find(core, question->router)};

	if (origin.router == NULL)
		return err_set(err, -ENOENT, "the switch has no router %u", question->router);
	if (question->source.family != question->destination.family)
		return err_set(err, -EINVAL, "router %s has no address of the destination's family", origin.router->config.path);
	origin.packet = trace_packet(core, question, question->source);
	if (origin.packet == NULL)
		return err_set(err, -ENOBUFS, "all packet buffers are in use");
	core->trace = &tracing->trace;
	core_release(core, walk_from_origin(core, &origin));
	core->trace = NULL;
	return 0;
}

int core_trace(struct core *core, enum process_id to, uint32_t seq, const struct msg_trace *question, struct instant now, struct err *err)
{
	struct tracing tracing = {.core = core, .to = to, .seq = seq, .trace = {.row = tracing_row, .context = &tracing}};

	core->now = now;
	if (question->destination.family == IP_NONE)
		return err_set(err, -EINVAL, "a trace needs a destination");
	return question->port != 0 ? trace_from_port(&tracing, question, err) : trace_from_router(&tracing, question, err);
}
