/*
 * OSPF of a virtual router: glue between the pure engine and the router around it. Orders of ctl become settings of the engine, interfaces
 * and best routes are passed on, packets get their IP header, what is learnt goes to the RIB.
 */
#include "route/ospf/ospf_protocol.h"

#include "base/arena.h"
#include "net/ipv4.h"
#include "route/ospf/ospf.h"
#include "route/policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* OSPF on an interface, as ctl wants it. */
struct ospf_port {
	struct list in_instance;
	uint32_t rif;
	bool stale;
	bool passive; /* hears nothing */
	bool punted;  /* the switch has our rules */
};

struct ospf_instance {
	struct router *router;
	struct ospf *ospf;
	bool stale;
	struct msg_ospf wanted;
	struct list ports;
	struct map port_of; /* rif -> port */
};

static struct ospf_instance *instance_of(const struct router *router) { return router->protocols[ROUTE_OSPF]; }

static void glue_send(void *context, const struct ospf_datagram *datagram)
{
	struct ospf_instance *instance = context;
	const struct ip_packet packet = {
		.source = ip_from_u32(datagram->source),
		.destination = ip_from_u32(datagram->destination),
		.ttl = 1,
		.protocol = IP_PROTOCOL_OSPF,
		.bytes = datagram->bytes,
		.size = datagram->size,
	};

	routing_send_ip(instance->router, datagram->rif, &packet);
}

static void glue_learnt(void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned nexthop_count, uint32_t metric,
	struct instant now)
{
	struct ospf_instance *instance = context;
	const struct rib_offer offer = {
		.prefix = *prefix,
		.protocol = ROUTE_OSPF,
		.distance = DISTANCE_OSPF,
		.metric = metric,
		.nexthops = nexthops,
		.nexthop_count = (uint16_t)nexthop_count,
	};

	router_learnt(instance->router, &offer, now);
}

static void glue_limit(void *context, const char *limit, uint64_t value)
{
	struct ospf_instance *instance = context;

	router_limit_reached(instance->router, limit, value);
}

static const struct ospf_ops glue_ops = {glue_send, glue_learnt, glue_limit};

/* Whether the best route of a prefix is one that OSPF says as external. */
static bool is_redistributed(
	const struct ospf_instance *instance, const struct prefix *prefix, const struct rib_route *best, struct redistributed *other)
{
	if (best == NULL || (best->protocol == ROUTE_CONNECTED && map_get(&instance->port_of, best->source) != NULL))
		return false;
	return redistribute_wants(
		instance->router->routing, instance->wanted.redistributions, instance->wanted.redistribution_count, prefix, best, other);
}

static void instance_best(struct ospf_instance *instance, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	struct ospf_external external = {.metric = instance->wanted.metric};
	struct redistributed other;

	if (prefix->ip.family != IP_V4)
		return;
	if (is_redistributed(instance, prefix, best, &other)) {
		if (other.has_metric)
			external.metric = other.metric < (OSPF_INFINITY - 1) ? other.metric : (OSPF_INFINITY - 1);
		(void)ospf_external_set(instance->ospf, prefix, &external, now);
	} else {
		ospf_external_del(instance->ospf, prefix, now);
	}
}

/* Looks at every prefix again, after what is redistributed has changed. */
static void instance_redistribute(struct ospf_instance *instance, struct instant now)
{
	struct rib_entry *entry;

	list_each (entry, &instance->router->rib.entries, struct rib_entry, in_rib)
		instance_best(instance, &entry->node.prefix, entry->routes, now);
}

static void port_tell_switch(struct ospf_instance *instance, struct ospf_port *port, bool add)
{
	static const uint32_t groups[] = {OSPF_ALL_ROUTERS, OSPF_ALL_DESIGNATED};
	struct routing *routing = instance->router->routing;

	port->punted = add;
	for (size_t i = 0; i < COUNT_OF(groups) && routing->switch_up; i++) {
		const struct msg_punt_rule rule = {
			.router = instance->router->id,
			.rif = port->rif,
			.protocol = IP_PROTOCOL_OSPF,
			.add = add,
			.group = ip_from_u32(groups[i]),
		};

		routing->ops->order(routing->context, MSG_PUNT_RULE, &rule);
	}
}

static void port_free(struct ospf_instance *instance, struct ospf_port *port, struct instant now)
{
	ospf_interface_del(instance->ospf, port->rif, now);
	if (port->punted)
		port_tell_switch(instance, port, false);
	(void)map_remove(&instance->port_of, port->rif);
	list_remove(&port->in_instance);
	free(port);
}

static void instance_end(struct router *router, struct instant now, bool quietly)
{
	struct ospf_instance *instance = instance_of(router);
	struct ospf_port *port;

	if (instance == NULL)
		return;
	if (!quietly)
		ospf_stop(instance->ospf, now);
	list_each (port, &instance->ports, struct ospf_port, in_instance) {
		if (port->punted && !quietly)
			port_tell_switch(instance, port, false);
		free(port);
	}
	router->protocols[ROUTE_OSPF] = NULL;
	ospf_free(instance->ospf);
	map_free(&instance->port_of);
	free(instance);
	router_timer_update(router);
}

static struct ospf_instance *instance_new(struct router *router, uint32_t router_id, struct instant now)
{
	struct routing *routing = router->routing;
	struct ospf_instance *instance = xalloc(sizeof(*instance));
	const struct ospf_settings settings = ospf_settings_default(router_id);
	const struct ospf_birth birth = {
		.store = routing->lsas,
		.ops = &glue_ops,
		.context = instance,
		.seed = rand_u64(&routing->rand),
		.wall_s = routing->wall_s + (uint32_t)(instant_diff(now, routing->started).ns / 1000000000),
	};

	instance->router = router;
	instance->ospf = ospf_new(&settings, &birth, now);
	list_init(&instance->ports);
	router->protocols[ROUTE_OSPF] = instance;
	return instance;
}

static void areas_configure(struct ospf_instance *instance, const struct msg_ospf *before, struct instant now)
{
	const struct msg_ospf *wanted = &instance->wanted;
	const struct ospf_area_settings plain = {.default_cost = 1};

	for (unsigned i = 0; i < before->area_count; i++)
		ospf_area_set(instance->ospf, before->areas[i].id, &plain, now);
	for (unsigned i = 0; i < wanted->area_count; i++) {
		const struct ospf_area_entry *area = &wanted->areas[i];
		struct ospf_area_settings settings = {
			.stub = area->stub, .no_summary = area->no_summary, .default_cost = area->default_cost ? area->default_cost : 1};

		for (unsigned r = 0; r < wanted->range_count && settings.range_count < OSPF_RANGES_MAX; r++)
			if (wanted->ranges[r].area == area->id)
				settings.ranges[settings.range_count++] = (struct ospf_range){
					ip_to_u32(wanted->ranges[r].prefix.ip), wanted->ranges[r].prefix.length, wanted->ranges[r].hide};
		ospf_area_set(instance->ospf, area->id, &settings, now);
	}
}

static bool areas_equal(const struct msg_ospf *a, const struct msg_ospf *b)
{
	return a->area_count == b->area_count && a->range_count == b->range_count &&
	       memcmp(a->areas, b->areas, a->area_count * sizeof(a->areas[0])) == 0 &&
	       memcmp(a->ranges, b->ranges, a->range_count * sizeof(a->ranges[0])) == 0;
}

static int apply_ospf_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_ospf *message = body;
	struct router *router = routing_router(routing, message->id);
	struct ospf_settings settings;
	struct ospf_instance *instance;
	struct msg_ospf before;

	if (router == NULL)
		return err_set(err, -ENOENT, "OSPF: no router with id %u", message->id);
	if (router->router_id.family != IP_V4 || ip_to_u32(router->router_id) == 0)
		return err_set(err, -EINVAL, "OSPF of %s: it needs a router id", router->path);
	instance = instance_of(router);
	if (instance == NULL)
		instance = instance_new(router, ip_to_u32(router->router_id), now);
	before = instance->wanted;
	settings = ospf_settings_default(ip_to_u32(router->router_id));
	settings.default_originate = message->default_originate;
	settings.default_metric = message->metric;
	instance->stale = false;
	instance->wanted = *message;
	ospf_configure(instance->ospf, &settings, now);
	if (!areas_equal(&before, message))
		areas_configure(instance, &before, now);
	instance_redistribute(instance, now);
	router_timer_update(router);
	return 0;
}

static int apply_ospf_del(struct routing *routing, const void *body, struct instant now)
{
	struct router *router = routing_router(routing, ((const struct msg_id *)body)->id);

	if (router != NULL)
		instance_end(router, now, false);
	return 0;
}

static void port_state(struct ospf_instance *instance, struct ospf_port *port, const struct rif *rif, struct instant now)
{
	const struct ospf_link_state state = {rif_up(rif), rif->mtu, rif->address_count, rif->addresses};

	if (!rif->switch_knows)
		port->punted = false;
	else if (port->punted == port->passive)
		port_tell_switch(instance, port, !port->passive);
	ospf_interface_state(instance->ospf, rif->id, &state, now);
}

static struct ospf_auth auth_of(const struct msg_ospf_interface *message)
{
	static const enum digest_kind digests[RIP_AUTH_COUNT] = {[RIP_AUTH_MD5] = DIGEST_MD5,
		[RIP_AUTH_SHA1] = DIGEST_SHA1,
		[RIP_AUTH_SHA256] = DIGEST_SHA256,
		[RIP_AUTH_SHA384] = DIGEST_SHA384,
		[RIP_AUTH_SHA512] = DIGEST_SHA512};
	struct ospf_auth auth = {.key_id = message->key_id, .digest = digests[message->auth]};

	auth.kind = message->auth == RIP_AUTH_NONE	 ? OSPF_AUTH_NONE
		    : message->auth == RIP_AUTH_PASSWORD ? OSPF_AUTH_SIMPLE
							 : OSPF_AUTH_CRYPTO;
	auth.key_bytes = (uint8_t)strnlen(message->key, OSPF_KEY_BYTES_MAX);
	memcpy(auth.key, message->key, auth.key_bytes);
	return auth;
}

static int check_interface(const struct msg_ospf_interface *message, struct err *err)
{
	if (message->cost == 0 || message->hello_s == 0 || message->dead_s == 0 || message->retransmit_s == 0)
		return err_set(err, -EINVAL, "OSPF interface %u: cost and times must be at least 1", message->id);
	return 0;
}

static struct ospf_port *port_new(struct ospf_instance *instance, uint32_t rif)
{
	struct ospf_port *port = xalloc(sizeof(*port));

	port->rif = rif;
	list_append(&instance->ports, &port->in_instance);
	(void)map_set(&instance->port_of, rif, port);
	return port;
}

static int apply_interface_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_ospf_interface *message = body;
	struct router *router = routing_router(routing, message->router);
	struct ospf_instance *instance = router ? instance_of(router) : NULL;
	struct rif *rif = routing_rif(routing, message->id);
	struct ospf_interface_settings settings;
	struct ospf_port *port;
	bool fresh;

	if (instance == NULL)
		return err_set(err, -ENOENT, "OSPF interface %u: router %u does not run OSPF", message->id, message->router);
	if (check_interface(message, err) != 0)
		return -EINVAL;
	settings = (struct ospf_interface_settings){
		.area = message->area,
		.type = (enum ospf_network_type)message->type,
		.passive = message->passive,
		.mtu_ignore = message->mtu_ignore,
		.priority = message->priority,
		.cost = message->cost,
		.hello_s = message->hello_s,
		.dead_s = message->dead_s,
		.retransmit_s = message->retransmit_s,
		.auth = auth_of(message),
	};
	port = map_get(&instance->port_of, message->id);
	fresh = port == NULL;
	if (fresh)
		port = port_new(instance, message->id);
	port->stale = false;
	port->passive = message->passive;
	ospf_interface_set(instance->ospf, port->rif, &settings, now);
	explicit_bzero(&settings.auth, sizeof(settings.auth));
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
	struct ospf_instance *instance = rif && rif->router ? instance_of(rif->router) : NULL;
	struct ospf_port *port = instance ? map_get(&instance->port_of, rif->id) : NULL;

	if (port == NULL)
		return 0;
	port_free(instance, port, now);
	instance_redistribute(instance, now);
	router_timer_update(instance->router);
	return 0;
}

static int protocol_apply(struct routing *routing, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	if (row->type == MSG_OSPF_SET)
		return apply_ospf_set(routing, body, now, err);
	if (row->type == MSG_OSPF_DEL)
		return apply_ospf_del(routing, body, now);
	if (row->type == MSG_OSPF_INTERFACE_SET)
		return apply_interface_set(routing, body, now, err);
	if (row->type == MSG_OSPF_INTERFACE_DEL)
		return apply_interface_del(routing, body, now);
	return -ENOMSG;
}

static void protocol_sync(struct router *router, bool begin, struct instant now)
{
	struct ospf_instance *instance = instance_of(router);
	struct ospf_port *port;
	bool changed = false;

	if (instance == NULL)
		return;
	if (begin)
		instance->stale = true;
	else if (instance->stale) {
		instance_end(router, now, false);
		return;
	}
	list_each (port, &instance->ports, struct ospf_port, in_instance) {
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

static void protocol_rif_changed(struct router *router, struct rif *rif, bool gone, struct instant now)
{
	struct ospf_instance *instance = instance_of(router);
	struct ospf_port *port = instance ? map_get(&instance->port_of, rif->id) : NULL;

	if (port == NULL)
		return;
	if (gone)
		port_free(instance, port, now);
	else
		port_state(instance, port, rif, now);
}

static void protocol_best_changed(struct router *router, const struct prefix *prefix, const struct rib_route *best, struct instant now)
{
	struct ospf_instance *instance = instance_of(router);

	if (instance == NULL || (best != NULL && best->protocol == ROUTE_OSPF && instance->wanted.redistribution_count == 0))
		return;
	instance_best(instance, prefix, best, now);
	router_timer_update(router);
}

static void protocol_policy_changed(struct router *router, uint32_t policy, struct instant now)
{
	struct ospf_instance *instance = instance_of(router);

	if (instance != NULL && redistribute_uses(instance->wanted.redistributions, instance->wanted.redistribution_count, policy))
		instance_redistribute(instance, now);
}

static void protocol_packet(struct router *router, struct rif *rif, const struct ip_packet *packet, struct instant now)
{
	struct ospf_instance *instance = instance_of(router);
	const struct ospf_arrival arrival = {
		rif->id, ip_to_u32(packet->source), ip_to_u32(packet->destination), packet->bytes, packet->size};

	if (instance != NULL)
		(void)ospf_receive(instance->ospf, &arrival, now);
	else
		router->drops[ROUTER_DROP_NO_PROTOCOL]++;
}

static void protocol_tick(struct router *router, struct instant now)
{
	struct ospf_instance *instance = instance_of(router);

	if (instance != NULL && instant_reached(ospf_next(instance->ospf), now))
		ospf_tick(instance->ospf, now);
}

static struct instant protocol_next(const struct router *router)
{
	const struct ospf_instance *instance = instance_of(router);

	return instance ? ospf_next(instance->ospf) : INSTANT_NEVER;
}

/* Where rows go. */
struct show_target {
	struct routing *routing;
	uint32_t seq;
};

static void show_row(void *context, enum message_type type, const void *row)
{
	const struct show_target *target = context;

	target->routing->ops->row(target->routing->context, target->seq, type, row);
}

static void protocol_show(const struct router *router, uint32_t seq, enum show_what what, struct instant now)
{
	const struct ospf_instance *instance = instance_of(router);
	struct show_target target = {router->routing, seq};
	const struct ospf_show show = {router->id, show_row, &target};

	if (instance == NULL)
		return;
	if (what == SHOW_OSPF_NEIGHBORS)
		ospf_show_neighbors(instance->ospf, &show, now);
	else if (what == SHOW_OSPF_INTERFACES)
		ospf_show_interfaces(instance->ospf, &show, now);
	else if (what == SHOW_OSPF_DATABASE)
		ospf_show_database(instance->ospf, &show, now);
	else if (what == SHOW_OSPF_ROUTES)
		ospf_show_routes(instance->ospf, &show, now);
	else if (what == SHOW_DROPS)
		ospf_show_drops(instance->ospf, &show);
}

static void protocol_check(const struct router *router)
{
	const struct ospf_instance *instance = instance_of(router);

	if (instance != NULL)
		ospf_check_invariants(instance->ospf);
}

const struct protocol ospf_protocol = {
	.id = ROUTE_OSPF,
	.name = "ospf",
	.ip_protocol = IP_PROTOCOL_OSPF,
	.apply = protocol_apply,
	.sync = protocol_sync,
	.rif_changed = protocol_rif_changed,
	.best_changed = protocol_best_changed,
	.policy_changed = protocol_policy_changed,
	.ip_packet = protocol_packet,
	.tick = protocol_tick,
	.next = protocol_next,
	.show = protocol_show,
	.end = instance_end,
	.check_invariants = protocol_check,
};
