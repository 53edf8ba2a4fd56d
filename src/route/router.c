/* A router's own routes: interfaces with carrier make connected routes, static routes are resolved through them. */
#include "route/protocol.h"

#include "base/arena.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void router_best_changed(void *context, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	struct router *router = context;

	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		(*protocol)->best_changed(router, prefix, best, now);
	fib_pump_add(router);
}

static const struct rib_ops router_rib_ops = {router_best_changed};

struct router *router_new(struct routing *routing, uint32_t id)
{
	struct router *router = xalloc(sizeof(*router));

	router->routing = routing;
	router->id = id;
	router->retell_at = INSTANT_NEVER;
	router->limit_told = (struct instant){INT64_MIN / 2};
	list_init(&router->rifs);
	list_init(&router->statics);
	rib_init(&router->rib, &router_rib_ops, router, routing->limits.routes, &routing->budget);
	list_append(&routing->all, &router->in_routing);
	(void)map_set(&routing->routers, id, router);
	return router;
}

void router_free(struct router *router, struct instant now, bool quietly)
{
	struct static_route *route;
	struct rif *rif;

	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		(*protocol)->end(router, now, quietly);
	list_each (route, &router->statics, struct static_route, in_router)
		static_route_free(route, now);
	list_each (rif, &router->rifs, struct rif, in_router) {
		list_remove(&rif->in_router);
		rif->router = NULL;
		rif->offered_count = 0;
	}
	timer_heap_set(&router->routing->timers, &router->timer, INSTANT_NEVER);
	list_remove(&router->in_pump);
	list_remove(&router->in_routing);
	(void)map_remove(&router->routing->routers, router->id);
	rib_free(&router->rib);
	free(router);
}

/* A full table is told to ctl; the route is simply not there. */
static void router_offer(struct router *router, const struct rib_offer *offer, struct instant now)
{
	int error = rib_set(&router->rib, offer, now);

	if (error == -ENOSPC)
		router_limit_reached(router, "routes", router->rib.routes_max);
	else if (error == -ENOMEM)
		router_limit_reached(router, "routes-of-all-routers", router->routing->budget.max);
}

void router_learnt(struct router *router, const struct rib_offer *offer, struct instant now)
{
	router->routing->learnt_at = now;
	if (offer->nexthop_count > 0)
		router_offer(router, offer, now);
	else
		rib_del(&router->rib, &offer->prefix, offer->protocol, offer->source, now);
}

/* The interface behind which an address is on the link: that of the longest prefix which holds it. */
static const struct rif *router_rif_of(const struct router *router, struct ip ip)
{
	const struct rif *rif, *best = NULL;
	int best_length = -1;

	list_each (rif, &router->rifs, struct rif, in_router)
		for (unsigned i = 0; rif_up(rif) && i < rif->address_count; i++)
			if (rif->addresses[i].length > best_length && prefix_contains(rif->addresses[i], ip)) {
				best = rif;
				best_length = rif->addresses[i].length;
			}
	return best;
}

/* Offers the route when its next hop is on a link that is up, or takes it back. */
static void static_resolve(struct static_route *route, struct instant now)
{
	struct router *router = route->router;
	const struct rif *rif = route->blackhole ? NULL : router_rif_of(router, route->nexthop);
	const struct nexthop nexthop = {route->nexthop, rif ? rif->id : 0};
	const struct rib_offer offer = {
		.prefix = route->prefix,
		.protocol = ROUTE_STATIC,
		.action = route->blackhole ? ROUTE_BLACKHOLE : ROUTE_FORWARD,
		.source = route->id,
		.distance = route->distance,
		.nexthops = &nexthop,
		.nexthop_count = route->blackhole ? 0 : 1,
	};

	if (route->blackhole || rif != NULL) {
		route->offered = true;
		router_offer(router, &offer, now);
	} else if (route->offered) {
		route->offered = false;
		rib_del(&router->rib, &route->prefix, ROUTE_STATIC, route->id, now);
	}
}

void static_route_set(struct static_route *route, const struct msg_static_route *message, struct instant now)
{
	struct prefix prefix = prefix_masked(message->prefix);

	if (route->offered && !prefix_equal(route->prefix, prefix)) {
		rib_del(&route->router->rib, &route->prefix, ROUTE_STATIC, route->id, now);
		route->offered = false;
	}
	route->prefix = prefix;
	route->nexthop = message->nexthop;
	route->blackhole = message->blackhole;
	route->distance = message->distance ? message->distance : DISTANCE_STATIC;
	static_resolve(route, now);
}

void static_route_free(struct static_route *route, struct instant now)
{
	if (route->offered)
		rib_del(&route->router->rib, &route->prefix, ROUTE_STATIC, route->id, now);
	(void)map_remove(&route->router->routing->statics, route->id);
	list_remove(&route->in_router);
	free(route);
}

static bool offered_among(const struct prefix *prefixes, unsigned count, const struct prefix *prefix)
{
	for (unsigned i = 0; i < count; i++)
		if (prefix_equal(prefixes[i], *prefix))
			return true;
	return false;
}

/* Connected routes: the networks of the addresses while the interface is up. */
static void rif_offer_connected(struct rif *rif, bool up, struct instant now)
{
	const struct nexthop nexthop = {.rif = rif->id};
	struct rib_offer offer = {.protocol = ROUTE_CONNECTED, .source = rif->id, .nexthops = &nexthop, .nexthop_count = 1};
	struct prefix wanted[ADDRESSES_MAX];
	unsigned count = 0;

	for (unsigned i = 0; up && i < rif->address_count; i++) {
		struct prefix network = prefix_masked(rif->addresses[i]);

		if (!ip_is_link_local(network.ip) && !offered_among(wanted, count, &network))
			wanted[count++] = network;
	}
	for (unsigned i = 0; i < rif->offered_count; i++)
		if (!offered_among(wanted, count, &rif->offered[i]))
			rib_del(&rif->router->rib, &rif->offered[i], ROUTE_CONNECTED, rif->id, now);
	for (unsigned i = 0; i < count; i++) {
		offer.prefix = wanted[i];
		router_offer(rif->router, &offer, now);
	}
	rif->offered_count = count;
	memcpy(rif->offered, wanted, count * sizeof(wanted[0]));
}

static void rif_changed(struct rif *rif, bool gone, struct instant now)
{
	struct router *router = rif->router;
	struct static_route *route;

	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		(*protocol)->rif_changed(router, rif, gone, now);
	rif_offer_connected(rif, rif_up(rif) && !gone, now);
	list_each (route, &router->statics, struct static_route, in_router)
		static_resolve(route, now);
	if (rif->switch_knows)
		fib_router_known(router);
	router_timer_update(router);
}

void router_rif_changed(struct rif *rif, struct instant now)
{
	if (rif->router != NULL)
		rif_changed(rif, false, now);
}

/* The interface leaves its router: nothing is left of it there. */
static void rif_leave(struct rif *rif, struct instant now)
{
	rif->wanted_up = false;
	rif_changed(rif, true, now);
	list_remove(&rif->in_router);
	rif->router = NULL;
}

void router_rif_set(struct rif *rif, struct router *router, const struct msg_rif *message, struct instant now)
{
	if (rif->router != NULL && rif->router != router)
		rif_leave(rif, now);
	if (rif->router == NULL) {
		rif->router = router;
		list_append(&router->rifs, &rif->in_router);
	}
	rif->stale = false;
	rif->wanted_up = message->up;
	rif->network = message->network;
	rif->mtu = message->mtu;
	rif->address_count = message->address_count;
	memcpy(rif->addresses, message->addresses, sizeof(rif->addresses));
	rif_changed(rif, false, now);
}

void router_rif_forget(struct rif *rif, struct instant now)
{
	if (rif->router != NULL)
		rif_leave(rif, now);
}
