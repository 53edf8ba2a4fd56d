/*
 * Next hops of BGP routes, resolved in the RIB (RFC 4271 5.1.3, 9.1.2.1): a cache of what each comes to, looked at again when the interior
 * changes. A next hop that became reachable or not, or nearer, makes the engine decide anew; one that is now reached another way makes it
 * tell its routes again.
 */
#include "route/bgp/bgp_glue.h"

#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

/* Most next hops that are remembered; beyond that all are looked up anew. */
#define NEXTHOPS_KEPT_MAX 16384

static bool address_is_own(const struct router *router, struct ip ip)
{
	const struct rif *rif;

	list_each (rif, &router->rifs, struct rif, in_router)
		for (unsigned i = 0; i < rif->address_count; i++)
			if (ip_equal(rif->addresses[i].ip, ip))
				return true;
	return false;
}

/* Looks the next hop up. BGP routes don't count: else two could rest on each other. */
static void nexthop_resolve(const struct router *router, struct ip ip, struct bgp_nexthop *nexthop)
{
	const struct rib_route *route = address_is_own(router, ip) ? NULL : rib_lookup(&router->rib, ip, ROUTE_BGP);

	nexthop->reachable = route != NULL && route->action == ROUTE_FORWARD;
	nexthop->metric = 0;
	nexthop->hop_count = 0;
	if (!nexthop->reachable)
		return;
	nexthop->metric = route->metric;
	nexthop->hop_count = route->nexthop_count;
	for (unsigned i = 0; i < route->nexthop_count; i++) {
		nexthop->hops[i] = route->nexthops[i];
		if (nexthop->hops[i].ip.family == IP_NONE)
			nexthop->hops[i].ip = ip;
	}
}

void bgp_nexthops_free(struct bgp_instance *instance)
{
	struct bgp_nexthop *nexthop;

	list_each (nexthop, &instance->nexthop_list, struct bgp_nexthop, in_instance) {
		list_remove(&nexthop->in_instance);
		free(nexthop);
	}
	prefix_table_free(&instance->nexthops);
}

const struct bgp_nexthop *bgp_nexthop_get(struct bgp_instance *instance, struct ip ip)
{
	const struct prefix prefix = {ip, (uint8_t)ip_bits(ip.family)};
	struct prefix_node *node = prefix_table_get(&instance->nexthops, &prefix);
	struct bgp_nexthop *nexthop;

	if (node != NULL)
		return CONTAINER_OF(node, struct bgp_nexthop, node);
	if (instance->nexthops.used >= NEXTHOPS_KEPT_MAX) {
		router_limit_reached(instance->router, "bgp-nexthops", NEXTHOPS_KEPT_MAX);
		bgp_nexthops_free(instance);
		bgp_nexthops_changed(instance->bgp);
	}
	nexthop = xalloc(sizeof(*nexthop));
	nexthop->node.prefix = prefix;
	nexthop_resolve(instance->router, ip, nexthop);
	prefix_table_add(&instance->nexthops, &nexthop->node);
	list_append(&instance->nexthop_list, &nexthop->in_instance);
	return nexthop;
}

void bgp_nexthops_look(struct bgp_instance *instance, struct instant now)
{
	bool decide = false, retell = false;
	struct bgp_nexthop *nexthop;

	list_each (nexthop, &instance->nexthop_list, struct bgp_nexthop, in_instance) {
		struct bgp_nexthop old = *nexthop;

		nexthop_resolve(instance->router, nexthop->node.prefix.ip, nexthop);
		decide |= old.reachable != nexthop->reachable || old.metric != nexthop->metric;
		retell |= old.hop_count != nexthop->hop_count ||
			  memcmp(old.hops, nexthop->hops, nexthop->hop_count * sizeof(nexthop->hops[0])) != 0;
	}
	if (decide)
		bgp_nexthops_changed(instance->bgp);
	if (retell)
		bgp_retell(instance->bgp, now);
}
