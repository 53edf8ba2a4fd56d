/* All routers: the objects by their ids, the messages that change them, the one clock of their timers. */
#include "route/policies.h"
#include "route/protocol.h"

#include "base/arena.h"
#include "base/text.h"
#include "route/ospf/ospf_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define LIMIT_PAUSE_S 10
#define ROUTES 2000000
#define ROUTES_OF_ALL 4000000
#define RETELL_PAUSE_S 1

static uint32_t or_default(uint32_t value, uint32_t fallback) { return value ? value : fallback; }

struct routing *routing_new(const struct routing_ops *ops, void *context, const struct routing_limits *limits, uint64_t seed,
	uint32_t wall_s, struct instant now)
{
	const struct routing_limits wanted = limits ? *limits : (struct routing_limits){0};
	struct routing *routing = xalloc(sizeof(*routing));

	routing->ops = ops;
	routing->context = context;
	routing->limits.routers = or_default(wanted.routers, 4096);
	routing->limits.rifs = or_default(wanted.rifs, 65536);
	routing->limits.static_routes = or_default(wanted.static_routes, 65536);
	routing->limits.routes_of_all = wanted.routes_of_all ? wanted.routes_of_all : ROUTES_OF_ALL;
	routing->limits.routes = or_default(wanted.routes, ROUTES);
	if (routing->limits.routes > routing->limits.routes_of_all)
		routing->limits.routes = (uint32_t)routing->limits.routes_of_all;
	routing->budget.max = routing->limits.routes_of_all;
	routing->limits.batches = or_default(wanted.batches, 16);
	routing->rand = rand_seeded(seed);
	routing->wall_s = wall_s;
	routing->started = routing->now = routing->learnt_at = now;
	routing->ready_at = INSTANT_NEVER;
	routing->lsas = ospf_store_new();
	ip_reassembly_init(&routing->pieces, NULL);
	list_init(&routing->all);
	list_init(&routing->pump);
	return routing;
}

void routing_free(struct routing *routing)
{
	struct router *router;
	struct rif *rif;
	size_t cursor = 0;

	if (routing == NULL)
		return;
	list_each (router, &routing->all, struct router, in_routing)
		router_free(router, routing->now, true);
	while ((rif = map_next(&routing->rifs, &cursor, NULL, NULL)) != NULL)
		free(rif);
	map_free(&routing->routers);
	map_free(&routing->rifs);
	map_free(&routing->statics);
	map_free(&routing->bgp_neighbors);
	policies_free(routing);
	timer_heap_free(&routing->timers);
	ospf_store_free(routing->lsas);
	ip_reassembly_free(&routing->pieces);
	free(routing);
}

struct router *routing_router(const struct routing *routing, uint32_t id) { return map_get(&routing->routers, id); }
struct rif *routing_rif(const struct routing *routing, uint32_t id) { return map_get(&routing->rifs, id); }

void router_limit_reached(struct router *router, const char *limit, uint64_t value)
{
	struct routing *routing = router->routing;
	struct msg_limit event = {.value = value};

	if (!instant_reached(instant_add(router->limit_told, span_s(LIMIT_PAUSE_S)), routing->now))
		return;
	router->limit_told = routing->now;
	(void)text_copy(event.limit, sizeof(event.limit), limit);
	(void)text_copy(event.path, sizeof(event.path), router->path);
	routing->ops->event(routing->context, MSG_LIMIT_REACHED, &event);
}

void router_timer_update(struct router *router)
{
	struct instant next = router->retell_at;

	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		next = instant_earlier(next, (*protocol)->next(router));
	timer_heap_set(&router->routing->timers, &router->timer, next);
}

static int apply_router_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_router *message = body;
	struct router *router = routing_router(routing, message->id);

	(void)now;
	if (router == NULL && routing->routers.used >= routing->limits.routers)
		return err_set(err, -ENOSPC, "more than %u routers", routing->limits.routers);
	if (router == NULL)
		router = router_new(routing, message->id);
	router->stale = false;
	router->router_id = message->router_id;
	router->rib.routes_max = message->routes_max ? message->routes_max : routing->limits.routes;
	memcpy(router->path, message->path, sizeof(router->path));
	return 0;
}

static int apply_router_del(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	struct router *router = routing_router(routing, ((const struct msg_id *)body)->id);

	(void)err;
	if (router != NULL)
		router_free(router, now, false);
	return 0;
}

static struct rif *rif_get(struct routing *routing, uint32_t id)
{
	struct rif *rif = routing_rif(routing, id);

	if (rif != NULL || routing->rifs.used >= routing->limits.rifs)
		return rif;
	rif = xalloc(sizeof(*rif));
	rif->id = id;
	(void)map_set(&routing->rifs, id, rif);
	return rif;
}

static int apply_rif_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_rif *message = body;
	struct router *router = routing_router(routing, message->router);
	struct rif *rif;

	if (router == NULL)
		return err_set(err, -ENOENT, "interface %s: no router with id %u", message->path, message->router);
	rif = rif_get(routing, message->id);
	if (rif == NULL)
		return err_set(err, -ENOSPC, "more than %u router interfaces", routing->limits.rifs);
	router_rif_set(rif, router, message, now);
	return 0;
}

/* Drops an interface that neither ctl nor the switch speaks of any more. */
static void rif_release(struct routing *routing, struct rif *rif)
{
	if (rif->router != NULL || rif->switch_knows)
		return;
	(void)map_remove(&routing->rifs, rif->id);
	free(rif);
}

static int apply_rif_del(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	struct rif *rif = routing_rif(routing, ((const struct msg_id *)body)->id);

	(void)err;
	if (rif == NULL)
		return 0;
	router_rif_forget(rif, now);
	rif->switch_knows = rif->carrier = false;
	rif_release(routing, rif);
	return 0;
}

static int apply_rif_changed(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_rif_state *message = body;
	struct rif *rif = routing_rif(routing, message->rif);

	if (rif == NULL && !message->up)
		return 0;
	rif = rif_get(routing, message->rif);
	if (rif == NULL)
		return err_set(err, -ENOSPC, "more than %u router interfaces", routing->limits.rifs);
	rif->carrier = message->up;
	rif->switch_routes = message->routes;
	rif->switch_knows = message->up || rif->router != NULL;
	router_rif_changed(rif, now);
	rif_release(routing, rif);
	return 0;
}

static int apply_static_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_static_route *message = body;
	struct router *router = routing_router(routing, message->router);
	struct static_route *route = map_get(&routing->statics, message->id);

	if (router == NULL)
		return err_set(err, -ENOENT, "static route %u: no router with id %u", message->id, message->router);
	if (!message->blackhole && message->nexthop.family != message->prefix.ip.family)
		return err_set(err, -EINVAL, "static route %u: next hop and prefix are of different address families", message->id);
	if (route != NULL && route->router != router) {
		static_route_free(route, now);
		route = NULL;
	}
	if (route == NULL) {
		if (routing->statics.used >= routing->limits.static_routes)
			return err_set(err, -ENOSPC, "more than %u static routes", routing->limits.static_routes);
		route = xalloc(sizeof(*route));
		route->id = message->id;
		route->router = router;
		list_append(&router->statics, &route->in_router);
		(void)map_set(&routing->statics, route->id, route);
	}
	route->stale = false;
	static_route_set(route, message, now);
	return 0;
}

static int apply_static_del(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	struct static_route *route = map_get(&routing->statics, ((const struct msg_id *)body)->id);

	(void)err;
	if (route != NULL)
		static_route_free(route, now);
	return 0;
}

static void sync_protocols(struct routing *routing, bool begin, struct instant now)
{
	struct router *router;

	list_each (router, &routing->all, struct router, in_routing) {
		for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
			(*protocol)->sync(router, begin, now);
		router_timer_update(router);
	}
}

static int apply_sync_begin(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	struct router *router;
	struct static_route *route;
	struct rif *rif;

	(void)body;
	(void)err;
	list_each (router, &routing->all, struct router, in_routing) {
		router->stale = true;
		list_each (rif, &router->rifs, struct rif, in_router)
			rif->stale = true;
		list_each (route, &router->statics, struct static_route, in_router)
			route->stale = true;
	}
	sync_protocols(routing, true, now);
	policies_sync(routing, true, now);
	return 0;
}

/* Settling begins when there is a whole configuration and a switch to know it; without routers there is nothing to settle. */
static void routing_look_ready(struct routing *routing, struct instant now)
{
	if (routing->ready_at.ns != INSTANT_NEVER.ns || !routing->synced || !routing->switch_up)
		return;
	routing->ready_at = now;
	routing->settled = routing->routers.used == 0;
}

static int apply_sync_end(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	struct router *router;
	struct static_route *route;
	struct rif *rif;

	(void)body;
	(void)err;
	sync_protocols(routing, false, now);
	policies_sync(routing, false, now);
	list_each (router, &routing->all, struct router, in_routing) {
		list_each (route, &router->statics, struct static_route, in_router)
			if (route->stale)
				static_route_free(route, now);
		list_each (rif, &router->rifs, struct rif, in_router)
			if (rif->stale)
				router_rif_forget(rif, now);
		if (router->stale)
			router_free(router, now, false);
	}
	routing->synced = true;
	routing_look_ready(routing, now);
	list_each (router, &routing->all, struct router, in_routing)
		fib_pump_add(router);
	return 0;
}

static const struct {
	enum message_type type;
	int (*apply)(struct routing *routing, const void *body, struct instant now, struct err *err);
} handlers[] = {
	{MSG_SYNC_BEGIN, apply_sync_begin},
	{MSG_SYNC_END, apply_sync_end},
	{MSG_ROUTER_SET, apply_router_set},
	{MSG_ROUTER_DEL, apply_router_del},
	{MSG_RIF_SET, apply_rif_set},
	{MSG_RIF_DEL, apply_rif_del},
	{MSG_RIF_CHANGED, apply_rif_changed},
	{MSG_STATIC_ROUTE_SET, apply_static_set},
	{MSG_STATIC_ROUTE_DEL, apply_static_del},
	{MSG_PUNT, router_punted},
	{MSG_ROUTE_POLICY_SET, policies_set},
	{MSG_ROUTE_POLICY_DEL, policies_del},
};

int routing_apply(struct routing *routing, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	int error = -ENOMSG;

	routing->now = now;
	for (size_t i = 0; i < COUNT_OF(handlers); i++)
		if (handlers[i].type == row->type)
			error = handlers[i].apply(routing, body, now, err);
	for (const struct protocol *const *protocol = protocols; *protocol != NULL && error == -ENOMSG; protocol++)
		error = (*protocol)->apply(routing, row, body, now, err);
	fib_pump_run(routing);
	return error == -ENOMSG ? err_set(err, -ENOMSG, "route does not know the order %s", row->name) : error;
}

void routing_switch_up(struct routing *routing, struct instant now)
{
	struct router *router;
	struct rif *rif;
	size_t cursor = 0;

	routing->now = now;
	routing->switch_up = true;
	routing->unanswered = 0;
	list_each (router, &routing->all, struct router, in_routing)
		fib_router_unknown(router);
	while ((rif = map_next(&routing->rifs, &cursor, NULL, NULL)) != NULL) {
		rif->switch_knows = false;
		router_rif_changed(rif, now);
	}
	routing_look_ready(routing, now);
}

void routing_switch_down(struct routing *routing)
{
	routing->switch_up = false;
	routing->unanswered = 0;
}

void routing_batch_done(struct routing *routing, uint32_t id, int error, struct instant now)
{
	struct router *router = routing_router(routing, id);

	routing->now = now;
	if (routing->unanswered > 0)
		routing->unanswered--;
	if (error != 0 && router != NULL && router->fib != FIB_UNKNOWN) {
		router->retell_at = instant_add(now, span_s(RETELL_PAUSE_S));
		router_timer_update(router);
	}
	fib_pump_run(routing);
}

static void router_tick(struct router *router, struct instant now)
{
	if (instant_reached(router->retell_at, now)) {
		router->retell_at = INSTANT_NEVER;
		fib_router_retell(router);
	}
	for (const struct protocol *const *protocol = protocols; *protocol != NULL; protocol++)
		(*protocol)->tick(router, now);
	router_timer_update(router);
}

struct instant routing_next(const struct routing *routing)
{
	return instant_earlier(timer_heap_next(&routing->timers), fib_settle_next(routing));
}

struct instant routing_tick(struct routing *routing, struct instant now)
{
	struct timer_node *node;

	routing->now = now;
	while ((node = timer_heap_expire(&routing->timers, now)) != NULL)
		router_tick(CONTAINER_OF(node, struct router, timer), now);
	fib_settle(routing, now);
	fib_pump_run(routing);
	return routing_next(routing);
}
