/*
 * RIP of a virtual router: glue between the pure engine and the router around it. Orders of ctl become settings of the engine, interfaces
 * and best routes are passed on, packets get their IP and UDP headers, what is learnt goes to the RIB.
 */
#include "route/rip/rip_protocol.h"

#include "base/arena.h"
#include "route/policies.h"
#include "route/rip/rip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Metric of what is redistributed, as FRR's and BIRD's. */
#define RIP_METRIC_LOCAL 1

/* RIP on an interface, as ctl wants it. */
struct rip_port {
	struct list in_instance;
	uint32_t rif;
	bool stale;
	bool punted; /* the switch has our rule */
};

struct rip_instance {
	struct router *router;
	struct rip *rip;
	bool stale;
	struct msg_rip wanted;
	struct list ports;
	struct map port_of; /* rif -> port */
};

static struct rip_instance *instance_of(const struct router *router) { return router->protocols[ROUTE_RIP]; }

static void glue_send(void *context, const struct rip_datagram *datagram)
{
	struct rip_instance *instance = context;
	const struct udp_packet packet = {
		.source = datagram->source,
		.destination = datagram->destination,
		.source_port = RIP_PORT,
		.destination_port = datagram->port,
		.ttl = 1,
		.bytes = datagram->bytes,
		.size = datagram->size,
	};

	routing_send_udp(instance->router, datagram->rif, &packet);
}

static void glue_learnt(void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned nexthop_count, uint8_t metric,
	struct instant now)
{
	struct rip_instance *instance = context;
	const struct rib_offer offer = {
		.prefix = *prefix,
		.protocol = ROUTE_RIP,
		.distance = DISTANCE_RIP,
		.metric = metric,
		.nexthops = nexthops,
		.nexthop_count = (uint16_t)nexthop_count,
	};

	router_learnt(instance->router, &offer, now);
}

static void glue_limit(void *context, const char *limit, uint64_t value)
{
	struct rip_instance *instance = context;

	router_limit_reached(instance->router, limit, value);
}

static const struct rip_ops glue_ops = {glue_send, glue_learnt, glue_limit};

/* What RIP makes of a prefix whose best route is `best`: false when it isn't ours to advertise. */
static bool redistribute(
	const struct rip_instance *instance, const struct prefix *prefix, const struct rib_route *best, struct rip_local *local)
{
	const struct msg_rip *wanted = &instance->wanted;
	struct redistributed other;

	*local = (struct rip_local){.metric = RIP_METRIC_LOCAL};
	if (prefix->ip.family != IP_V4)
		return false;
	if (best != NULL && best->protocol == ROUTE_CONNECTED) {
		local->connected = true;
		local->rif = best->source;
		if (map_get(&instance->port_of, best->source) != NULL)
			return true;
	}
	if (best != NULL && redistribute_wants(instance->router->routing, wanted->redistributions, wanted->redistribution_count, prefix,
				    best, &other)) {
		if (best->protocol != ROUTE_CONNECTED && best->nexthop_count == 1) {
			local->rif = best->nexthops[0].rif;
			local->nexthop = best->nexthops[0].ip;
		}
		if (other.has_metric)
			local->metric = other.metric < 1 ? 1 : other.metric >= RIP_INFINITY ? RIP_INFINITY - 1 : (uint8_t)other.metric;
		return true;
	}
	*local = (struct rip_local){.metric = RIP_METRIC_LOCAL};
	return prefix->length == 0 && wanted->default_originate;
}

static void instance_best(struct rip_instance *instance, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	struct rip_local local;

	if (redistribute(instance, prefix, best, &local))
		(void)rip_local_set(instance->rip, prefix, &local, now);
	else
		rip_local_del(instance->rip, prefix, now);
}

/* Looks at every prefix again, after what is redistributed has changed. */
static void instance_redistribute(struct rip_instance *instance, struct instant now)
{
	const struct prefix any = {.ip = ip_from_u32(0)};
	const struct prefix_node *node = prefix_table_get(&instance->router->rib.table, &any);
	struct rib_entry *entry;

	list_each (entry, &instance->router->rib.entries, struct rib_entry, in_rib)
		instance_best(instance, &entry->node.prefix, entry->routes, now);
	if (node == NULL)
		instance_best(instance, &any, NULL, now);
}

static void port_tell_switch(struct rip_instance *instance, struct rip_port *port, bool add)
{
	struct routing *routing = instance->router->routing;
	const struct msg_punt_rule rule = {
		.router = instance->router->id,
		.rif = port->rif,
		.protocol = 17,
		.add = add,
		.port = RIP_PORT,
		.group = ip_from_u32(0xe0000009),
	};

	port->punted = add;
	if (routing->switch_up)
		routing->ops->order(routing->context, MSG_PUNT_RULE, &rule);
}

static void port_free(struct rip_instance *instance, struct rip_port *port, struct instant now)
{
	rip_interface_del(instance->rip, port->rif, now);
	if (port->punted)
		port_tell_switch(instance, port, false);
	(void)map_remove(&instance->port_of, port->rif);
	list_remove(&port->in_instance);
	free(port);
}

static void instance_end(struct router *router, struct instant now, bool quietly)
{
	struct rip_instance *instance = instance_of(router);
	struct rip_port *port;

	if (instance == NULL)
		return;
	if (!quietly)
		rip_stop(instance->rip, now);
	list_each (port, &instance->ports, struct rip_port, in_instance) {
		if (port->punted && !quietly)
			port_tell_switch(instance, port, false);
		free(port);
	}
	router->protocols[ROUTE_RIP] = NULL;
	rip_free(instance->rip);
	map_free(&instance->port_of);
	free(instance);
	router_timer_update(router);
}

static struct rip_settings settings_of(const struct msg_rip *message)
{
	struct rip_settings settings = rip_settings_default();

	if (message->update_s != 0)
		settings.update = span_s(message->update_s);
	if (message->timeout_s != 0)
		settings.timeout = span_s(message->timeout_s);
	if (message->garbage_s != 0)
		settings.garbage = span_s(message->garbage_s);
	return settings;
}

static int apply_rip_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_rip *message = body;
	struct router *router = routing_router(routing, message->id);
	const struct rip_settings settings = settings_of(message);
	struct rip_instance *instance;

	if (router == NULL)
		return err_set(err, -ENOENT, "RIP: no router with id %u", message->id);
	instance = instance_of(router);
	if (instance == NULL) {
		uint32_t wall_s = routing->wall_s + (uint32_t)(instant_diff(now, routing->started).ns / 1000000000);

		instance = xalloc(sizeof(*instance));
		instance->router = router;
		instance->rip = rip_new(&settings, &glue_ops, instance, rand_u64(&routing->rand), wall_s, now);
		list_init(&instance->ports);
		router->protocols[ROUTE_RIP] = instance;
	} else if (message->update_s != instance->wanted.update_s || message->timeout_s != instance->wanted.timeout_s ||
		   message->garbage_s != instance->wanted.garbage_s) {
		rip_configure(instance->rip, &settings, now);
	}
	instance->stale = false;
	instance->wanted = *message;
	instance_redistribute(instance, now);
	router_timer_update(router);
	return 0;
}

static int apply_rip_del(struct routing *routing, const void *body, struct instant now)
{
	struct router *router = routing_router(routing, ((const struct msg_id *)body)->id);

	if (router != NULL)
		instance_end(router, now, false);
	return 0;
}

static void port_state(struct rip_instance *instance, struct rip_port *port, const struct rif *rif, struct instant now)
{
	if (!rif->switch_knows)
		port->punted = false;
	else if (!port->punted)
		port_tell_switch(instance, port, true);
	rip_interface_state(instance->rip, rif->id, rif_up(rif), rif->addresses, rif->address_count, now);
}

static int apply_interface_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_rip_interface *message = body;
	struct router *router = routing_router(routing, message->router);
	struct rip_instance *instance = router ? instance_of(router) : NULL;
	struct rif *rif = routing_rif(routing, message->id);
	struct rip_interface_settings settings = {.passive = message->passive, .cost = message->cost ? message->cost : 1};
	struct rip_port *port;
	bool fresh = false;

	if (instance == NULL)
		return err_set(err, -ENOENT, "RIP interface %u: router %u does not run RIP", message->id, message->router);
	if (settings.cost >= RIP_INFINITY)
		return err_set(err, -EINVAL, "RIP interface %u: cost %u, expected 1 to 15", message->id, settings.cost);
	settings.key.kind = message->auth;
	settings.key.id = message->key_id;
	settings.key.size = (uint8_t)strnlen(message->key, RIP_KEY_BYTES);
	memcpy(settings.key.bytes, message->key, settings.key.size);
	port = map_get(&instance->port_of, message->id);
	if (port == NULL) {
		port = xalloc(sizeof(*port));
		port->rif = message->id;
		list_append(&instance->ports, &port->in_instance);
		(void)map_set(&instance->port_of, port->rif, port);
		fresh = true;
	}
	port->stale = false;
	rip_interface_set(instance->rip, port->rif, &settings, now);
	explicit_bzero(&settings.key, sizeof(settings.key));
	if (fresh)
		instance_redistribute(instance, now);
	if (rif != NULL && rif->router == router)
		port_state(instance, port, rif, now);
	router_timer_update(router);
	return 0;
}

static int apply_interface_del(struct routing *routing, const void *body, struct instant now)
{
	struct rif *rif = routing_rif(routing, ((const struct msg_id *)body)->id);
	struct rip_instance *instance = rif && rif->router ? instance_of(rif->router) : NULL;
	struct rip_port *port = instance ? map_get(&instance->port_of, rif->id) : NULL;

	if (port == NULL)
		return 0;
	port_free(instance, port, now);
	instance_redistribute(instance, now);
	router_timer_update(instance->router);
	return 0;
}

static int rip_apply(struct routing *routing, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	if (row->type == MSG_RIP_SET)
		return apply_rip_set(routing, body, now, err);
	if (row->type == MSG_RIP_DEL)
		return apply_rip_del(routing, body, now);
	if (row->type == MSG_RIP_INTERFACE_SET)
		return apply_interface_set(routing, body, now, err);
	if (row->type == MSG_RIP_INTERFACE_DEL)
		return apply_interface_del(routing, body, now);
	return -ENOMSG;
}

static void rip_sync(struct router *router, bool begin, struct instant now)
{
	struct rip_instance *instance = instance_of(router);
	struct rip_port *port;
	bool changed = false;

	if (instance == NULL)
		return;
	if (begin)
		instance->stale = true;
	else if (instance->stale) {
		instance_end(router, now, false);
		return;
	}
	list_each (port, &instance->ports, struct rip_port, in_instance) {
		if (begin) {
			port->stale = true;
		} else if (port->stale) {
			port_free(instance, port, now);
			changed = true;
		}
	}
	if (changed)
		instance_redistribute(instance, now);
}

static void rip_rif_changed(struct router *router, struct rif *rif, bool gone, struct instant now)
{
	struct rip_instance *instance = instance_of(router);
	struct rip_port *port = instance ? map_get(&instance->port_of, rif->id) : NULL;

	if (port == NULL)
		return;
	if (gone)
		port_free(instance, port, now);
	else
		port_state(instance, port, rif, now);
}

static void rip_best_changed(struct router *router, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	struct rip_instance *instance = instance_of(router);

	if (instance == NULL)
		return;
	instance_best(instance, prefix, best, now);
	router_timer_update(router);
}

static void rip_policy_changed(struct router *router, uint32_t policy, struct instant now)
{
	struct rip_instance *instance = instance_of(router);

	if (instance != NULL && redistribute_uses(instance->wanted.redistributions, instance->wanted.redistribution_count, policy))
		instance_redistribute(instance, now);
}

static void rip_packet(struct router *router, struct rif *rif, const struct udp_packet *packet, struct instant now)
{
	struct rip_instance *instance = instance_of(router);
	const struct rip_arrival arrival = {rif->id, packet->source, packet->source_port, packet->bytes, packet->size};

	if (instance != NULL)
		(void)rip_receive(instance->rip, &arrival, now);
	else
		router->drops[ROUTER_DROP_NO_PROTOCOL]++;
}

static void rip_tick_router(struct router *router, struct instant now)
{
	struct rip_instance *instance = instance_of(router);

	if (instance != NULL)
		rip_tick(instance->rip, now);
}

static struct instant rip_next_router(const struct router *router)
{
	const struct rip_instance *instance = instance_of(router);

	return instance ? rip_next(instance->rip) : INSTANT_NEVER;
}

/* Where rows go. */
struct rip_show {
	struct routing *routing;
	uint32_t seq;
};

static void show_row(void *context, enum message_type type, const void *row)
{
	const struct rip_show *show = context;

	show->routing->ops->row(show->routing->context, show->seq, type, row);
}

static void show_rip(void *context, const struct row_rip *row) { show_row(context, MSG_ROW_RIP, row); }
static void show_neighbor(void *context, const struct row_rip_neighbor *row) { show_row(context, MSG_ROW_RIP_NEIGHBOR, row); }
static void show_drop(void *context, const struct row_drop *row) { show_row(context, MSG_ROW_DROP, row); }

static void rip_show(const struct router *router, uint32_t seq, enum show_what what, struct instant now)
{
	const struct rip_instance *instance = instance_of(router);
	struct rip_show show = {router->routing, seq};

	if (instance == NULL)
		return;
	if (what == SHOW_RIP)
		rip_show_routes(instance->rip, router->id, now, show_rip, &show);
	else if (what == SHOW_RIP_NEIGHBORS)
		rip_show_neighbors(instance->rip, router->id, now, show_neighbor, &show);
	else if (what == SHOW_DROPS)
		rip_show_drops(instance->rip, router->id, show_drop, &show);
}

static void rip_check(const struct router *router)
{
	const struct rip_instance *instance = instance_of(router);

	if (instance != NULL)
		rip_check_invariants(instance->rip);
}

const struct protocol rip_protocol = {
	.id = ROUTE_RIP,
	.name = "rip",
	.udp_port = RIP_PORT,
	.apply = rip_apply,
	.sync = rip_sync,
	.rif_changed = rip_rif_changed,
	.best_changed = rip_best_changed,
	.policy_changed = rip_policy_changed,
	.packet = rip_packet,
	.tick = rip_tick_router,
	.next = rip_next_router,
	.show = rip_show,
	.end = instance_end,
	.check_invariants = rip_check,
};
