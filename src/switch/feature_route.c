/*
 * Features ttl, route, mtu and resolve: a router forwards a packet (RFC 1812 5.2, 5.3; RFC 8200).
 *
 * Theory of operation. TTL first, since a packet that has used up its own goes nowhere; then the longest prefix; of equal next hops the one
 * that the flow's hash picks, among those whose interface is up; then the MTU of the way out; then the next hop's MAC. With that the
 * packet is in the next network, and the walk goes on there: into the next router, perhaps.
 */
#include "base/check.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "switch/feature.h"
#include "switch/fib.h"
#include "switch/fragment.h"
#include "switch/icmp_error.h"
#include "switch/neighbor.h"

/* Where drops of a router are counted: the interface the packet came in by, else the one it would leave by; NULL: nowhere. */
static struct member *walk_place(const struct walk *walk)
{
	return walk->in != NULL ? &walk->in->member : walk->out != NULL ? &walk->out->member : NULL;
}

/* Drops a packet and tells its sender, unless it is the router's own. */
static enum feature_result route_fail(struct walk *walk, enum icmp_error error, uint16_t mtu, enum drop_reason reason)
{
	walk_take(walk);
	if (!walk->local)
		icmp_error_send(walk->core, walk->router, walk->in, walk->packet, error, mtu);
	return walk_drop(walk, walk_place(walk), reason);
}

enum feature_result feature_ttl(struct walk *walk)
{
	if (walk->local)
		return FEATURE_CONTINUE;
	if (walk_ttl(walk) <= 1)
		return route_fail(walk, ICMP_ERROR_TTL, 0, DROP_TTL_EXCEEDED);
	walk->draft->actions.ttl_decrement++;
	return FEATURE_CONTINUE;
}

static struct rif *nexthop_rif(struct walk *walk, const struct nexthop *nexthop)
{
	struct rif *rif = rif_find(walk->core, nexthop->rif);

	return rif != NULL && rif->router == walk->router && rif->carrier ? rif : NULL;
}

/* One of the next hops whose interface is up; NULL when there is none. */
static const struct nexthop *route_choose(struct walk *walk, const struct fib_route *route)
{
	const struct nexthop *usable[NEXTHOPS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < route->nexthop_count; i++)
		if (nexthop_rif(walk, &route->nexthops[i]) != NULL)
			usable[count++] = &route->nexthops[i];
	if (count <= 1)
		return count == 1 ? usable[0] : NULL;
	walk_look(walk, FLOW_ETH_TYPE | FLOW_IP_SRC | FLOW_IP_DST | FLOW_PROTOCOL | FLOW_FRAGMENT | FLOW_L4_SRC | FLOW_L4_DST);
	return usable[(uint64_t)(walk->path_chosen ? walk->path_hash : flow_key_path_hash(&walk->key)) * count >> 32];
}

struct rif *route_interface(struct walk *walk, struct ip destination)
{
	const struct fib_route *route = fib_lookup(walk->router->fib, destination);
	const struct nexthop *nexthop = route != NULL && route->action == ROUTE_FORWARD ? route_choose(walk, route) : NULL;

	return nexthop != NULL ? nexthop_rif(walk, nexthop) : NULL;
}

/* What the route says, for a trace: "10.1.2.0/24 via 10.255.0.4 dev lab/r1:core (ospf 110/20)". */
static void trace_route(struct walk *walk, const struct fib_route *route)
{
	static const char *const protocols[] = {"connected", "static", "rip", "ospf", "bgp"};
	char prefix[PREFIX_TEXT_BYTES], via[IP_TEXT_BYTES];

	_Static_assert(COUNT_OF(protocols) == ROUTE_PROTOCOL_COUNT, "a name for each");
	if (route->protocol == ROUTE_CONNECTED)
		trace_note(walk->core, "%s is connected to %s", prefix_text(route->prefix, prefix), walk->out->config.path);
	else
		trace_note(walk->core, "%s via %s dev %s (%s %u/%u)", prefix_text(route->prefix, prefix), ip_text(walk->nexthop, via),
			walk->out->config.path, protocols[route->protocol], route->distance, route->metric);
}

/* Where a packet waits that has no MAC to go to, and where it goes that has. */
static void trace_wait(struct walk *walk)
{
	char text[IP_TEXT_BYTES];

	walk_note(walk, "%s asks who has %s; the packet waits for an answer", walk->out->config.path, ip_text(walk->nexthop, text));
	if (walk_is_dry(walk))
		walk->core->trace->verdict = TRACE_WAITS;
}

static void trace_nexthop(struct walk *walk, struct mac mac)
{
	char ip[IP_TEXT_BYTES], text[MAC_TEXT_BYTES];

	trace_note(walk->core, "%s is at %s", ip_text(walk->nexthop, ip), mac_text(mac, text));
}

enum feature_result feature_route(struct walk *walk)
{
	struct ip destination = walk_ip_dst(walk);
	const struct fib_route *route;
	const struct nexthop *nexthop;

	if (ip_is_link_local(destination) || (!walk->local && ip_is_link_local(walk_ip_src(walk))))
		return walk_drop(walk, walk_place(walk), DROP_LINK_LOCAL);
	walk_rest(walk, fib_generation(walk->router->fib));
	route = fib_lookup(walk->router->fib, destination);
	if (route == NULL)
		return route_fail(walk, ICMP_ERROR_NO_ROUTE, 0, DROP_NO_ROUTE);
	if (route->action == ROUTE_BLACKHOLE)
		return walk_drop(walk, walk_place(walk), DROP_BLACKHOLE);
	nexthop = route_choose(walk, route);
	if (nexthop == NULL)
		return route_fail(walk, ICMP_ERROR_NO_ROUTE, 0, DROP_NO_ROUTE);
	walk->out = nexthop_rif(walk, nexthop);
	walk->nexthop = nexthop->ip.family != IP_NONE ? nexthop->ip : destination;
	if (walk_is_dry(walk))
		trace_route(walk, route);
	/* Only hosts of a network may broadcast there (RFC 2644). */
	if (rif_is_broadcast(walk->out, walk->nexthop))
		return walk_drop(walk, walk_place(walk), DROP_MULTICAST_NOT_ROUTED);
	return walk_goto(walk, STAGE_EGRESS);
}

/* The smaller MTU of an interface and its network; 0 in either says nothing. */
static uint16_t rif_mtu(const struct rif *rif)
{
	uint16_t mtu = rif->config.mtu ? rif->config.mtu : 1500;
	uint16_t network = rif->member.network != NULL ? rif->member.network->config.mtu : 0;

	return network != 0 && network < mtu ? network : mtu;
}

enum feature_result feature_mtu(struct walk *walk)
{
	uint16_t mtu = rif_mtu(walk->out);

	if (walk_fits(walk, mtu))
		return FEATURE_CONTINUE;
	walk_take(walk);
	if (walk_is_dry(walk) && walk_family(walk) == IP_V4 && fragment_allowed(walk->packet)) {
		trace_note(walk->core, "cut into pieces of at most %u bytes", mtu);
		walk->core->trace->fragmented = true;
		walk->in = NULL; /* as the pieces have it */
		return FEATURE_CONTINUE;
	}
	if (walk_family(walk) == IP_V4 && fragment_allowed(walk->packet)) {
		if (!fragment_ipv4(walk, mtu))
			return walk_drop_tx(walk, &walk->out->member, DROP_TOO_BIG);
		return walk_consume(walk);
	}
	return route_fail(walk, ICMP_ERROR_TOO_BIG, mtu, DROP_TOO_BIG);
}

/* The MAC of a group or broadcast; false when the next hop is one host. */
static bool group_mac(const struct rif *rif, struct ip nexthop, struct mac *mac)
{
	if (ip_is_multicast(nexthop))
		*mac = mac_of_multicast(nexthop);
	else if (rif_is_broadcast(rif, nexthop))
		*mac = MAC_BROADCAST;
	else
		return false;
	return true;
}

/* What the model knows: another router's interface that is up, or a machine that is there. */
static bool known_mac(const struct rif *rif, struct ip nexthop, struct mac *mac)
{
	struct member *member = network_known(rif->member.network, nexthop);

	if (member == NULL || member == &rif->member)
		return false;
	if (member->is_rif) {
		*mac = member_rif(member)->config.mac;
		return member_rif(member)->carrier;
	}
	*mac = member_port(member)->config.mac;
	return port_is_up(member_port(member));
}

enum feature_result feature_resolve(struct walk *walk)
{
	struct flow_actions *actions = &walk->draft->actions;
	struct rif *out = walk->out;
	struct neighbor *neighbor = NULL;
	struct mac mac;

	if (!out->carrier)
		return walk_drop_tx(walk, &out->member, DROP_INTERFACE_DOWN);
	if (!group_mac(out, walk->nexthop, &mac) && !known_mac(out, walk->nexthop, &mac)) {
		enum neighbor_answer answer = neighbor_resolve(walk->core, out, walk->nexthop, &mac, &neighbor);

		walk_rest(walk, &out->neighbor_generation);
		if (answer == NEIGHBOR_WAIT) {
			trace_wait(walk);
			neighbor_hold(walk->core, neighbor, walk_keep(walk));
			return FEATURE_END;
		}
		if (answer == NEIGHBOR_LIMIT) {
			walk_take(walk);
			return walk_drop_tx(walk, &out->member, DROP_NEIGHBOR_LIMIT);
		}
		if (answer == NEIGHBOR_UNREACHABLE)
			return route_fail(walk, ICMP_ERROR_HOST, 0, DROP_NEIGHBOR_FAILED);
	}
	if (walk_is_dry(walk))
		trace_nexthop(walk, mac);
	actions->set_macs = true;
	actions->eth_dst = walk->key.eth_dst = mac;
	actions->eth_src = walk->key.eth_src = out->config.mac;
	walk->rewritten |= FLOW_ETH_DST | FLOW_ETH_SRC;
	return walk_to_network(walk, out);
}
