/* The virtual topology: finding objects, plugging members into networks, carriers, mark and sweep. */
#include "switch/topology.h"

#include "base/hash.h"
#include "switch/capture.h"
#include "switch/core_state.h"
#include "switch/fdb.h"
#include "switch/fib.h"
#include "switch/flow_cache.h"
#include "switch/group.h"
#include "switch/nat.h"
#include "switch/neighbor.h"
#include "switch/topology_inside.h"

#include <errno.h>
#include <stdlib.h>

uint64_t ip_key(struct ip ip) { return ip.family == IP_V4 ? ip_to_u32(ip) : hash_bytes(ip.bytes, sizeof(ip.bytes)); }

struct network *network_find(const struct core *core, uint32_t id) { return map_get(&core->networks, id); }
struct port *port_find(const struct core *core, uint32_t id) { return map_get(&core->ports, id); }
struct router *router_find(const struct core *core, uint32_t id) { return map_get(&core->routers, id); }
struct rif *rif_find(const struct core *core, uint32_t id) { return map_get(&core->rifs, id); }

struct port *member_port(struct member *member)
{
	CHECK(!member->is_rif);
	return CONTAINER_OF(member, struct port, member);
}

struct rif *member_rif(struct member *member)
{
	CHECK(member->is_rif);
	return CONTAINER_OF(member, struct rif, member);
}

const char *member_path(struct member *member)
{
	return member->is_rif ? member_rif(member)->config.path : member_port(member)->config.path;
}

bool port_is_up(const struct port *port)
{
	const struct network *network = port->member.network;

	return port->config.up && port->state == PORT_STATE_UP && network != NULL && network->config.up;
}

bool rif_owns(const struct rif *rif, struct ip ip)
{
	for (unsigned i = 0; i < rif->config.address_count; i++)
		if (ip_equal(rif->config.addresses[i].ip, ip))
			return true;
	return ip_equal(rif->link_local, ip);
}

bool rif_is_broadcast(const struct rif *rif, struct ip ip)
{
	if (ip.family != IP_V4)
		return false;
	for (unsigned i = 0; i < rif->config.address_count; i++) {
		struct prefix net = rif->config.addresses[i];

		if (net.ip.family == IP_V4 && net.length < 31 && ip_equal(prefix_broadcast(net), ip))
			return true;
	}
	return ip_to_u32(ip) == UINT32_MAX;
}

static bool member_has(struct member *member, struct ip ip)
{
	const struct port *port;

	if (member->is_rif)
		return rif_owns(member_rif(member), ip);
	port = member_port(member);
	return ip_equal(port->config.ipv4, ip) || ip_equal(port->config.ipv6, ip);
}

struct member *network_known(const struct network *network, struct ip ip)
{
	struct member *member = map_get(&network->known, ip_key(ip));

	return member != NULL && member_has(member, ip) ? member : NULL;
}

struct rif *router_local(const struct router *router, struct rif *in, struct ip ip)
{
	struct rif *rif;

	if (in != NULL && ip_equal(in->link_local, ip))
		return in;
	rif = map_get(&router->locals, ip_key(ip));
	return rif != NULL && rif_owns(rif, ip) ? rif : NULL;
}

struct ip rif_address(const struct rif *rif, enum ip_family family)
{
	if (family == IP_V6)
		return rif->link_local;
	for (unsigned i = 0; i < rif->config.address_count; i++)
		if (rif->config.addresses[i].ip.family == family)
			return rif->config.addresses[i].ip;
	return (struct ip){0};
}

static void known_add(struct network *network, struct member *member, struct ip ip)
{
	if (ip.family != IP_NONE && map_get(&network->known, ip_key(ip)) == NULL)
		map_set(&network->known, ip_key(ip), member);
}

static void known_remove(struct network *network, struct member *member, struct ip ip)
{
	if (ip.family != IP_NONE && map_get(&network->known, ip_key(ip)) == member)
		map_remove(&network->known, ip_key(ip));
}

/* Enters a member's addresses in its network's map, or takes them out. */
static void member_addresses(struct member *member, void (*act)(struct network *, struct member *, struct ip))
{
	if (member->is_rif) {
		const struct rif *rif = member_rif(member);

		for (unsigned i = 0; i < rif->config.address_count; i++)
			act(member->network, member, rif->config.addresses[i].ip);
		act(member->network, member, rif->link_local);
	} else {
		const struct port *port = member_port(member);

		/* Only a guarded port can't lie about its address; others are asked by ARP. */
		if (port->guarded) {
			act(member->network, member, port->config.ipv4);
			act(member->network, member, port->config.ipv6);
		}
	}
}

struct mac member_mac(struct member *member) { return member->is_rif ? member_rif(member)->config.mac : member_port(member)->config.mac; }

bool member_mac_is_taken(const struct network *network, const struct member *member, struct mac mac)
{
	const struct fdb_entry *entry = mac_is_zero(mac) ? NULL : fdb_find(network, mac);

	return entry != NULL && entry->is_static && entry->member != member;
}

void member_attach(struct core *core, struct member *member)
{
	struct network *network = network_find(core, member->network_id);

	CHECK(member->network == NULL);
	if (network == NULL)
		return;
	member->network = network;
	list_append(&network->members, &member->in_network);
	network->member_count++;
	/* After a network went and came back two members might claim one MAC; the first keeps it. */
	if (!mac_is_zero(member_mac(member)))
		(void)fdb_set_static(core, network, member, member_mac(member));
	member_addresses(member, known_add);
	core_raise(core, &core->topology_generation);
}

void member_detach(struct core *core, struct member *member)
{
	struct network *network = member->network;

	if (network == NULL)
		return;
	fdb_flush(core, network, member);
	fdb_remove_static(core, network, member, member_mac(member));
	member_addresses(member, known_remove);
	list_remove(&member->in_network);
	network->member_count--;
	member->network = NULL;
	core_raise(core, &core->topology_generation);
}

void router_index(struct router *router)
{
	struct rif *rif;

	map_free(&router->locals);
	list_each (rif, &router->rifs, struct rif, in_router) {
		for (unsigned i = 0; rif->carrier && i < rif->config.address_count; i++)
			map_set(&router->locals, ip_key(rif->config.addresses[i].ip), rif);
	}
}

void rif_update_carrier(struct core *core, struct rif *rif, bool announce)
{
	const struct network *network = rif->member.network;
	bool carrier = rif->config.up && network != NULL && network->config.up;
	bool changed = carrier != rif->carrier;

	rif->carrier = carrier;
	router_index(rif->router);
	if (changed) {
		if (!carrier)
			neighbor_flush(core, rif);
		core_raise(core, &core->topology_generation);
		core_tell_rif(core, rif);
	}
	if (carrier && (changed || announce))
		neighbor_announce(core, rif);
}

void network_update_carriers(struct core *core, struct network *network)
{
	struct member *member;

	list_each (member, &network->members, struct member, in_network) {
		if (member->is_rif)
			rif_update_carrier(core, member_rif(member), false);
	}
}

void network_del(struct core *core, uint32_t id)
{
	struct network *network = map_remove(&core->networks, id);
	struct member *member;

	if (network == NULL)
		return;
	flow_cache_clear(core);
	while ((member = list_first(&network->members, struct member, in_network)) != NULL) {
		member_detach(core, member);
		if (member->is_rif)
			rif_update_carrier(core, member_rif(member), false);
	}
	fdb_free(core, network);
	map_free(&network->known);
	free(network);
}

void port_del(struct core *core, uint32_t id)
{
	struct port *port = map_remove(&core->ports, id);

	if (port == NULL)
		return;
	flow_cache_clear(core);
	member_detach(core, &port->member);
	capture_forget(&port->member);
	group_detach(core, port);
	conn_zone_close(core, &port->zone);
	free(port);
}

void rif_del(struct core *core, uint32_t id)
{
	struct rif *rif = map_remove(&core->rifs, id);

	if (rif == NULL)
		return;
	flow_cache_clear(core);
	member_detach(core, &rif->member);
	capture_forget(&rif->member);
	rif_update_carrier(core, rif, false);
	neighbor_flush(core, rif);
	map_free(&rif->neighbors);
	list_remove(&rif->in_router);
	router_index(rif->router);
	free(rif);
}

void router_del(struct core *core, uint32_t id)
{
	struct router *router = map_remove(&core->routers, id);
	struct rif *rif;

	if (router == NULL)
		return;
	while ((rif = list_first(&router->rifs, struct rif, in_router)) != NULL)
		rif_del(core, rif->config.id);
	flow_cache_clear(core);
	nat_clear(core, router);
	map_free(&router->locals);
	fib_free(router->fib);
	free(router->rules);
	free(router);
}

void topology_sync_begin(struct core *core)
{
	core->sync_mark++;
	core->syncing = true;
}

int topology_sync_end(struct core *core, struct err *err)
{
	size_t cursor = 0;
	struct network *network;
	struct router *router;
	struct port *port;
	struct rif *rif;

	if (!core->syncing)
		return err_set(err, -EINVAL, "SYNC_END without SYNC_BEGIN");
	core->syncing = false;
	while ((rif = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL)
		if (rif->mark != core->sync_mark)
			rif_del(core, rif->config.id);
	for (cursor = 0; (port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL;)
		if (port->mark != core->sync_mark)
			port_del(core, port->config.id);
	group_sweep(core);
	for (cursor = 0; (router = map_next(&core->routers, &cursor, NULL, NULL)) != NULL;)
		if (router->mark != core->sync_mark)
			router_del(core, router->config.id);
		else if (router->nat != NULL && router->nat->mark != core->sync_mark)
			nat_del(core, router->config.id);
	for (cursor = 0; (network = map_next(&core->networks, &cursor, NULL, NULL)) != NULL;)
		if (network->mark != core->sync_mark)
			network_del(core, network->config.id);
	return 0;
}

void topology_free(struct core *core)
{
	topology_sync_begin(core);
	(void)topology_sync_end(core, NULL);
	group_free(core);
	map_free(&core->rifs);
	map_free(&core->ports);
	map_free(&core->routers);
	map_free(&core->networks);
}
