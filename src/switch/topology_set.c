/* The virtual topology: the orders that create and change its objects, checked as a whole before anything changes. */
#include "base/arena.h"
#include "switch/core_state.h"
#include "switch/fdb.h"
#include "switch/fib.h"
#include "switch/group.h"
#include "switch/impair.h"
#include "switch/neighbor.h"
#include "switch/topology_inside.h"

#include <errno.h>
#include <string.h>

/* Refuses one object more than the limit of its kind allows. */
static int room_for(const struct map *map, uint32_t limit, const char *kind, struct err *err)
{
	if (map->used >= limit)
		return err_set(err, -ENOSPC, "no room for another %s: the switch holds %u at most", kind, limit);
	return 0;
}

int network_set(struct core *core, const struct msg_network *config, struct err *err)
{
	struct network *network = network_find(core, config->id);
	bool fresh = network == NULL;
	struct member *member;
	size_t cursor = 0;
	int rc;

	if (config->id == 0)
		return err_set(err, -EINVAL, "a network's id is not 0");
	if (fresh) {
		rc = room_for(&core->networks, core->limits.networks, "network", err);
		if (rc != 0)
			return rc;
		network = xalloc(sizeof(*network));
		list_init(&network->members);
		map_set(&core->networks, config->id, network);
	}
	network->mark = core->sync_mark;
	/* What is only said again changes nothing; a hole that differs makes a change of none, which is harmless. */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison) */
	if (!fresh && memcmp(&network->config, config, sizeof(*config)) == 0)
		return 0;
	network->config = *config;
	impair_update(network);
	if (fresh) {
		while ((member = map_next(&core->ports, &cursor, NULL, NULL)) != NULL)
			if (member->network_id == config->id)
				member_attach(core, member);
		for (cursor = 0; (member = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL;)
			if (member->network_id == config->id)
				member_attach(core, member);
	}
	if (!config->up)
		fdb_flush(core, network, NULL);
	core_raise(core, &core->topology_generation);
	network_update_carriers(core, network);
	return 0;
}

/* Both kinds of members: their network must be there and nobody else in it may have their MAC. */
static int member_check(struct core *core, const struct member *member, uint32_t network_id, struct mac mac, struct err *err)
{
	const struct network *network = network_find(core, network_id);
	char text[MAC_TEXT_BYTES];

	if (network == NULL)
		return err_set(err, -ENOENT, "there is no network %u: it must be set before what is plugged into it", network_id);
	if (member_mac_is_taken(network, member, mac))
		return err_set(err, -EEXIST, "%s is the MAC of another member of network %s", mac_text(mac, text), network->config.path);
	if (mac_is_multicast(mac))
		return err_set(err, -EINVAL, "%s is a group address, not the MAC of one interface", mac_text(mac, text));
	return 0;
}

int port_set(struct core *core, const struct msg_port *config, struct err *err)
{
	struct port *port = port_find(core, config->id);
	bool fresh = port == NULL;
	int rc = member_check(core, fresh ? NULL : &port->member, config->network, config->mac, err);

	if (rc != 0)
		return rc;
	if (config->id == 0)
		return err_set(err, -EINVAL, "a port's id is not 0");
	if (fresh) {
		rc = room_for(&core->ports, core->limits.ports, "port", err);
		if (rc != 0)
			return rc;
		port = xalloc(sizeof(*port));
		port->member.id = config->id;
		list_init(&port->flows);
		map_set(&core->ports, config->id, port);
	}
	port->mark = core->sync_mark;
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): as for networks */
	if (!fresh && memcmp(&port->config, config, sizeof(*config)) == 0)
		return 0;
	member_detach(core, &port->member);
	group_detach(core, port);
	port->config = *config;
	port->guarded = !mac_is_zero(config->mac);
	if (!ip_equal(port->lease.ip, config->ipv4))
		port->lease.active = false;
	if (!ip_equal(port->lease6.ip, config->ipv6))
		port->lease6.active = false;
	port->member.network_id = config->network;
	member_attach(core, &port->member);
	group_attach(core, port);
	if (port->policy == NULL)
		conn_zone_close(core, &port->zone);
	return 0;
}

int router_set(struct core *core, const struct msg_router *config, struct err *err)
{
	struct router *router = router_find(core, config->id);
	int rc;

	if (config->id == 0)
		return err_set(err, -EINVAL, "a router's id is not 0");
	if (router == NULL) {
		rc = room_for(&core->routers, core->limits.routers, "router", err);
		if (rc != 0)
			return rc;
		router = xalloc(sizeof(*router));
		list_init(&router->rifs);
		router->fib = fib_new();
		map_set(&core->routers, config->id, router);
	}
	router->mark = core->sync_mark;
	router->config = *config;
	return 0;
}

static int rif_check(struct core *core, const struct rif *rif, const struct msg_rif *config, struct err *err)
{
	int rc = member_check(core, rif == NULL ? NULL : &rif->member, config->network, config->mac, err);

	if (rc != 0)
		return rc;
	if (config->id == 0 || mac_is_zero(config->mac))
		return err_set(err, -EINVAL, "a router interface has an id and a MAC that are not 0");
	if (router_find(core, config->router) == NULL)
		return err_set(err, -ENOENT, "there is no router %u: it must be set before its interfaces", config->router);
	if (rif != NULL && rif->config.router != config->router)
		return err_set(err, -EINVAL, "interface %s can't move to another router: delete it first", rif->config.path);
	return rif == NULL ? room_for(&core->rifs, core->limits.rifs, "router interface", err) : 0;
}

static struct rif *rif_create(struct core *core, const struct msg_rif *config)
{
	struct rif *rif = xalloc(sizeof(*rif));

	rif->member.id = config->id;
	rif->member.is_rif = true;
	rif->router = router_find(core, config->router);
	list_append(&rif->router->rifs, &rif->in_router);
	map_set(&core->rifs, config->id, rif);
	return rif;
}

int rif_set(struct core *core, const struct msg_rif *config, struct err *err)
{
	struct rif *rif = rif_find(core, config->id);
	bool fresh = rif == NULL;
	int rc = rif_check(core, rif, config, err);

	if (rc != 0)
		return rc;
	if (fresh)
		rif = rif_create(core, config);
	rif->mark = core->sync_mark;
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): as for networks */
	if (!fresh && memcmp(&rif->config, config, sizeof(*config)) == 0)
		return 0;
	member_detach(core, &rif->member);
	if (!fresh && rif->member.network_id != config->network)
		neighbor_flush(core, rif);
	rif->config = *config;
	rif->link_local = ip_link_local_of_mac(config->mac);
	rif->member.network_id = config->network;
	member_attach(core, &rif->member);
	rif_update_carrier(core, rif, true);
	if (fresh && !rif->carrier)
		core_tell_rif(core, rif);
	return 0;
}
