/* BGP of a virtual router: glue between the pure engine and the router around it. */
#include "route/bgp/bgp_protocol.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"
#include "route/bgp/bgp_glue.h"
#include "route/policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void bgp_instance_wake(struct bgp_instance *instance, struct instant at)
{
	if (!instant_before(at, instance->wake))
		return;
	instance->wake = at;
	router_timer_update(instance->router);
}

static void wake_now(struct bgp_instance *instance) { bgp_instance_wake(instance, instance->router->routing->now); }

static struct routing *routing_of(const struct bgp_neighbor *neighbor) { return neighbor->instance->router->routing; }

/* --- what the engine calls --- */

static void glue_connect(void *context, uint16_t peer)
{
	struct bgp_neighbor *neighbor = bgp_neighbor_get(context, peer);

	enum bgp_way way;

	if (neighbor->streams[0] != NULL)
		return;
	way = bgp_stream_open(neighbor);
	if (way == BGP_WAY_INSIDE)
		bgp_tcp_forget(neighbor);
	else if (way == BGP_WAY_OUTSIDE && bgp_tcp_want(neighbor))
		routing_of(neighbor)->tcp_ops->connect(routing_of(neighbor)->tcp_context, neighbor->wanted.id);
}

static void glue_close(void *context, uint16_t peer, bool incoming)
{
	struct bgp_neighbor *neighbor = bgp_neighbor_get(context, peer);

	if (neighbor->streams[incoming] != NULL)
		bgp_stream_close(neighbor, incoming);
	else if (neighbor->external)
		routing_of(neighbor)->tcp_ops->close(routing_of(neighbor)->tcp_context, neighbor->wanted.id, incoming);
}

static size_t glue_send(void *context, uint16_t peer, bool incoming, const uint8_t *bytes, size_t count)
{
	struct bgp_neighbor *neighbor = bgp_neighbor_get(context, peer);

	if (neighbor->external && neighbor->streams[incoming] == NULL)
		return routing_of(neighbor)->tcp_ops->send(routing_of(neighbor)->tcp_context, neighbor->wanted.id, incoming, bytes, count);
	return bgp_stream_send(neighbor, incoming, bytes, count);
}

/* Next hops of a route: those of the first path that has some, then those of the others that fit. */
static unsigned route_hops(struct bgp_instance *instance, const struct bgp_route *route, struct nexthop hops[NEXTHOPS_MAX])
{
	unsigned count = 0;

	for (unsigned i = 0; i < route->nexthop_count; i++) {
		const struct bgp_nexthop *nexthop = bgp_nexthop_get(instance, route->nexthops[i]);

		for (unsigned k = 0; k < nexthop->hop_count && count < NEXTHOPS_MAX; k++) {
			bool there = false;

			for (unsigned m = 0; m < count; m++)
				there |= hops[m].rif == nexthop->hops[k].rif && ip_equal(hops[m].ip, nexthop->hops[k].ip);
			if (!there)
				hops[count++] = nexthop->hops[k];
		}
	}
	return count;
}

static void glue_learnt(void *context, const struct bgp_route *route)
{
	struct bgp_instance *instance = context;
	struct nexthop hops[NEXTHOPS_MAX];
	const struct rib_offer offer = {
		.prefix = route->prefix,
		.protocol = ROUTE_BGP,
		.distance = route->internal ? DISTANCE_IBGP : DISTANCE_EBGP,
		.metric = route->med,
		.nexthops = hops,
		.nexthop_count = (uint16_t)route_hops(instance, route, hops),
	};

	router_learnt(instance->router, &offer, instance->router->routing->now);
}

static bool glue_reachable(void *context, const struct ip *ip, uint32_t *metric)
{
	const struct bgp_nexthop *nexthop = bgp_nexthop_get(context, *ip);

	*metric = nexthop->metric;
	return nexthop->reachable;
}

static void glue_changed(void *context, uint16_t peer, enum bgp_state state, const char *text)
{
	struct bgp_neighbor *neighbor = bgp_neighbor_get(context, peer);

	if (neighbor != NULL && state == BGP_IDLE)
		(void)text_copy(neighbor->text, sizeof(neighbor->text), text);
}

static void glue_limit(void *context, uint16_t peer, const char *limit, uint64_t value)
{
	const struct bgp_instance *instance = context;

	(void)peer;
	router_limit_reached(instance->router, limit, value);
}

static const struct bgp_ops glue_ops = {
	.connect = glue_connect,
	.close = glue_close,
	.send = glue_send,
	.learnt = glue_learnt,
	.reachable = glue_reachable,
	.changed = glue_changed,
	.limit_reached = glue_limit,
};

/* --- routes of others that we announce --- */

/* Whether the best route is of a protocol whose routes BGP announces, whatever a policy says of this one. */
static bool advertised(const struct bgp_instance *instance, const struct rib_route *best)
{
	return best != NULL && best->protocol != ROUTE_BGP &&
	       redistribute_has(instance->wanted.redistributions, instance->wanted.redistribution_count, best->protocol);
}

/* Announces the prefix as our own, or no longer. */
static void prefix_look(struct bgp_instance *instance, const struct prefix *prefix)
{
	const struct rib_route *best = rib_best(&instance->router->rib, prefix);
	struct prefix_node *node = prefix_table_get(&instance->own, prefix);
	struct redistributed other;

	if (advertised(instance, best) && redistribute_wants(instance->router->routing, instance->wanted.redistributions,
						  instance->wanted.redistribution_count, prefix, best, &other)) {
		uint32_t metric = best->protocol == ROUTE_RIP || best->protocol == ROUTE_OSPF ? best->metric : 0;

		if (!bgp_local_set(instance->bgp, prefix, (struct ip){0}, other.has_metric ? other.metric : metric, best->protocol,
			    &other.changes))
			router_limit_reached(instance->router, "bgp-routes", instance->router->rib.routes_max);
		else if (node == NULL) {
			struct bgp_own *own = xalloc(sizeof(*own));

			own->node.prefix = *prefix;
			prefix_table_add(&instance->own, &own->node);
		}
	} else if (node != NULL) {
		bgp_local_del(instance->bgp, prefix);
		prefix_table_remove(&instance->own, node);
		free(CONTAINER_OF(node, struct bgp_own, node));
	}
}

static void changed_add(struct bgp_instance *instance, const struct prefix *prefix)
{
	if (instance->changed_count == instance->changed_capacity) {
		instance->changed_capacity = instance->changed_capacity ? instance->changed_capacity * 2 : 64;
		instance->changed = xrealloc(instance->changed, instance->changed_capacity * sizeof(*instance->changed));
	}
	instance->changed[instance->changed_count++] = *prefix;
}

static void bgp_best_changed(struct router *router, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	struct bgp_instance *instance = bgp_instance_of(router);

	(void)now;
	if (instance == NULL)
		return;
	if (best == NULL || best->protocol != ROUTE_BGP)
		instance->interior_changed = true;
	if (advertised(instance, best) || prefix_table_get(&instance->own, prefix) != NULL)
		changed_add(instance, prefix);
	if (instance->interior_changed || instance->changed_count > 0)
		wake_now(instance);
}

/* Looks at every prefix again, after what is advertised has changed. */
static void look_at_all(struct bgp_instance *instance)
{
	struct rib_entry *entry;

	list_each (entry, &instance->router->rib.entries, struct rib_entry, in_rib)
		changed_add(instance, &entry->node.prefix);
	wake_now(instance);
}

/* --- the turn of an instance --- */

static void look_at_changed(struct bgp_instance *instance)
{
	struct prefix *changed = instance->changed;
	size_t count = instance->changed_count;

	instance->changed = NULL;
	instance->changed_count = instance->changed_capacity = 0;
	for (size_t i = 0; i < count; i++)
		prefix_look(instance, &changed[i]);
	free(changed);
}

/* A way to a neighbor may be there now: those that wait for their next try needn't. */
static void neighbors_retry(struct bgp_instance *instance, struct instant now)
{
	struct bgp_neighbor *neighbor;

	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance) {
		const struct rif *rif = bgp_neighbor_rif(neighbor);

		/* One that waits to be called needs its TCP all the same. */
		if (neighbor->wanted.passive && bgp_way_to(neighbor) == BGP_WAY_OUTSIDE)
			(void)bgp_tcp_want(neighbor);
		if (rif == NULL || rif_up(rif))
			bgp_peer_start(instance->bgp, neighbor->peer, now);
	}
}

static void instance_run(struct bgp_instance *instance, struct instant now)
{
	struct bgp_neighbor *neighbor;

	instance->wake = INSTANT_NEVER;
	look_at_changed(instance);
	if (instance->interior_changed) {
		instance->interior_changed = false;
		bgp_nexthops_look(instance, now);
		neighbors_retry(instance, now);
	}
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		bgp_stream_run(neighbor, now);
	bgp_tick(instance->bgp, now);
	bgp_flush(instance->bgp, now);
	bgp_instance_wake(instance, bgp_next(instance->bgp));
}

static void bgp_tick_router(struct router *router, struct instant now)
{
	struct bgp_instance *instance = bgp_instance_of(router);

	if (instance != NULL && instant_reached(instance->wake, now))
		instance_run(instance, now);
}

static struct instant bgp_next_router(const struct router *router)
{
	const struct bgp_instance *instance = bgp_instance_of(router);

	return instance ? instance->wake : INSTANT_NEVER;
}

/* --- instances --- */

static struct bgp *engine_new(struct bgp_instance *instance)
{
	struct routing *routing = instance->router->routing;
	struct bgp_settings settings = bgp_settings_default(instance->wanted.as, ip_to_u32(instance->wanted.router_id));

	settings.ecmp_max = instance->wanted.multipath ? instance->wanted.multipath : 1;
	settings.routes_max = instance->router->rib.routes_max;
	return bgp_new(&settings, &glue_ops, instance, rand_u64(&routing->rand));
}

static void own_free(struct bgp_instance *instance)
{
	for (size_t i = 0; i < instance->own.bucket_count; i++)
		while (instance->own.buckets[i] != NULL) {
			struct prefix_node *node = instance->own.buckets[i];

			instance->own.buckets[i] = node->next;
			free(CONTAINER_OF(node, struct bgp_own, node));
		}
	prefix_table_free(&instance->own);
}

static void instance_end(struct router *router, struct instant now, bool quietly)
{
	struct bgp_instance *instance = bgp_instance_of(router);
	struct bgp_neighbor *neighbor;

	if (instance == NULL)
		return;
	(void)quietly; /* the streams must be let go in any case */
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		bgp_neighbor_free(neighbor, BGP_CEASE_DECONFIGURED, now);
	router->protocols[ROUTE_BGP] = NULL;
	bgp_free(instance->bgp);
	bgp_nexthops_free(instance);
	own_free(instance);
	map_free(&instance->neighbor_of);
	free(instance->changed);
	free(instance);
	router_timer_update(router);
}

/* Another AS number or identifier makes another speaker: all sessions start anew. */
static void instance_restart(struct bgp_instance *instance, struct instant now)
{
	struct bgp_neighbor *neighbor;
	struct err err;

	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		bgp_neighbor_leave(neighbor, BGP_CEASE_RESET, now);
	bgp_flush(instance->bgp, now);
	bgp_free(instance->bgp);
	own_free(instance);
	instance->bgp = engine_new(instance);
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		CHECK(bgp_neighbor_join(neighbor, now, &err) == 0);
}

static int apply_bgp_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_bgp *message = body;
	struct router *router = routing_router(routing, message->id);
	struct bgp_instance *instance;

	if (router == NULL)
		return err_set(err, -ENOENT, "BGP: no router with id %u", message->id);
	if (message->as == 0 || message->router_id.family != IP_V4 || ip_is_unspecified(message->router_id))
		return err_set(err, -EINVAL, "BGP of %s: AS 0, or no router id", router->path);
	instance = bgp_instance_of(router);
	if (instance == NULL) {
		instance = xalloc(sizeof(*instance));
		instance->router = router;
		instance->wake = INSTANT_NEVER;
		instance->wanted = *message;
		list_init(&instance->neighbors);
		list_init(&instance->nexthop_list);
		instance->bgp = engine_new(instance);
		router->protocols[ROUTE_BGP] = instance;
	} else if (message->as != instance->wanted.as || !ip_equal(message->router_id, instance->wanted.router_id) ||
		   message->multipath != instance->wanted.multipath) {
		instance->wanted = *message;
		instance_restart(instance, now);
	}
	instance->stale = false;
	instance->wanted = *message;
	bgp_set_routes_max(instance->bgp, router->rib.routes_max);
	look_at_all(instance);
	return 0;
}

static int apply_bgp_del(struct routing *routing, const void *body, struct instant now)
{
	struct router *router = routing_router(routing, ((const struct msg_id *)body)->id);

	if (router != NULL)
		instance_end(router, now, false);
	return 0;
}

static int bgp_apply(struct routing *routing, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	if (row->type == MSG_BGP_SET)
		return apply_bgp_set(routing, body, now, err);
	if (row->type == MSG_BGP_DEL)
		return apply_bgp_del(routing, body, now);
	if (row->type == MSG_BGP_NEIGHBOR_SET)
		return bgp_neighbor_set(routing, body, now, err);
	if (row->type == MSG_BGP_NEIGHBOR_DEL)
		return bgp_neighbor_del(routing, body, now);
	return -ENOMSG;
}

static void bgp_sync(struct router *router, bool begin, struct instant now)
{
	struct bgp_instance *instance = bgp_instance_of(router);
	struct bgp_neighbor *neighbor;

	if (instance == NULL)
		return;
	if (begin) {
		instance->stale = true;
	} else if (instance->stale) {
		instance_end(router, now, false);
		return;
	}
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance) {
		if (begin)
			neighbor->stale = true;
		else if (neighbor->stale)
			bgp_neighbor_free(neighbor, BGP_CEASE_DECONFIGURED, now);
	}
}

/* A neighbor on a link that went down is gone at once: its hold timer needn't find out. */
static void bgp_rif_changed(struct router *router, struct rif *rif, bool gone, struct instant now)
{
	struct bgp_instance *instance = bgp_instance_of(router);
	struct bgp_neighbor *neighbor;

	if (instance == NULL)
		return;
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance) {
		if (bgp_neighbor_rif(neighbor) != rif)
			continue;
		for (int incoming = 0; incoming < 2 && (gone || !rif_up(rif)); incoming++) {
			if (neighbor->streams[incoming] == NULL && !neighbor->external)
				continue;
			glue_close(instance, neighbor->peer, incoming);
			bgp_closed(instance->bgp, neighbor->peer, incoming, now);
		}
	}
	if (rif->switch_knows)
		bgp_tcp_switch_knows(instance);
	instance->interior_changed = true;
	wake_now(instance);
}

static void bgp_policy_changed(struct router *router, uint32_t policy, struct instant now)
{
	struct bgp_instance *instance = bgp_instance_of(router);

	if (instance == NULL)
		return;
	bgp_neighbors_policy_changed(instance, policy, now);
	if (redistribute_uses(instance->wanted.redistributions, instance->wanted.redistribution_count, policy))
		look_at_all(instance);
}

static void bgp_packet(struct router *router, struct rif *rif, const struct udp_packet *packet, struct instant now)
{
	(void)rif;
	(void)packet;
	(void)now;
	router->drops[ROUTER_DROP_NO_PROTOCOL]++;
}

static void bgp_check(const struct router *router)
{
	const struct bgp_instance *instance = bgp_instance_of(router);
	struct bgp_neighbor *neighbor;

	if (instance == NULL)
		return;
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		CHECK(neighbor->instance == instance && bgp_neighbor_get(instance, neighbor->peer) == neighbor);
}

const struct protocol bgp_protocol = {
	.id = ROUTE_BGP,
	.name = "bgp",
	.udp_port = 0, /* none */
	.apply = bgp_apply,
	.sync = bgp_sync,
	.rif_changed = bgp_rif_changed,
	.best_changed = bgp_best_changed,
	.policy_changed = bgp_policy_changed,
	.packet = bgp_packet,
	.tick = bgp_tick_router,
	.next = bgp_next_router,
	.show = bgp_rows_show,
	.end = instance_end,
	.check_invariants = bgp_check,
};
