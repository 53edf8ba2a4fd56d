/* A router's BGP neighbors: orders of ctl become peers of the engine. */
#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_glue.h"
#include "route/policies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bgp_peer_settings settings_of(struct routing *routing, const struct msg_bgp_neighbor *message)
{
	struct bgp_peer_settings settings = bgp_peer_settings_default();

	settings.address = message->address;
	settings.local = message->local;
	settings.local_ipv6 = message->local_ipv6;
	settings.as = message->as;
	settings.families[BGP_IPV4] = message->ipv4;
	settings.families[BGP_IPV6] = message->ipv6;
	settings.passive = message->passive;
	settings.import_all = message->import_all;
	settings.export_all = message->export_all;
	settings.import = policies_get(routing, message->import_policy);
	settings.export = policies_get(routing, message->export_policy);
	settings.next_hop_self = message->next_hop_self;
	settings.reflector_client = message->reflector_client;
	settings.hold_s = message->hold_s;
	settings.prefixes_max = message->prefixes_max;
	return settings;
}

void bgp_neighbor_leave(struct bgp_neighbor *neighbor, uint8_t subcode, struct instant now)
{
	struct bgp_instance *instance = neighbor->instance;

	bgp_peer_remove(instance->bgp, neighbor->peer, subcode, now);
	bgp_stream_close(neighbor, false);
	bgp_stream_close(neighbor, true);
	bgp_tcp_forget(neighbor);
	(void)map_remove(&instance->neighbor_of, neighbor->peer);
}

int bgp_neighbor_join(struct bgp_neighbor *neighbor, struct instant now, struct err *err)
{
	struct bgp_instance *instance = neighbor->instance;
	struct bgp_peer_settings settings = settings_of(instance->router->routing, &neighbor->wanted);

	neighbor->writable[0] = neighbor->writable[1] = false;
	neighbor->peer = bgp_peer_add(instance->bgp, &settings, now);
	if (neighbor->peer == 0)
		return err_set(err, -ENOSPC, "BGP: the router has as many neighbors as it may have");
	(void)map_set(&instance->neighbor_of, neighbor->peer, neighbor);
	instance->interior_changed = true; /* so that the way to it is looked for */
	bgp_instance_wake(instance, instance->router->routing->now);
	return 0;
}

void bgp_neighbor_free(struct bgp_neighbor *neighbor, uint8_t subcode, struct instant now)
{
	struct bgp_instance *instance = neighbor->instance;

	bgp_neighbor_leave(neighbor, subcode, now);
	(void)map_remove(&instance->router->routing->bgp_neighbors, neighbor->wanted.id);
	list_remove(&neighbor->in_instance);
	explicit_bzero(neighbor, sizeof(*neighbor));
	free(neighbor);
	bgp_instance_wake(instance, instance->router->routing->now);
}

/* Whether a neighbor is what it was but for its policies: its session goes on then. */
static bool only_policies_differ(const struct msg_bgp_neighbor *old, const struct msg_bgp_neighbor *new)
{
	struct msg_bgp_neighbor same;
	const void *a = &same, *b = old;

	memcpy(&same, new, sizeof(same)); /* with its padding */
	same.import_all = old->import_all;
	same.export_all = old->export_all;
	same.import_policy = old->import_policy;
	same.export_policy = old->export_policy;
	return memcmp(a, b, sizeof(same)) == 0;
}

static void tell_engine(struct bgp_neighbor *neighbor, bool import, bool export, struct instant now)
{
	struct bgp_instance *instance = neighbor->instance;
	const struct bgp_policies policies = {neighbor->wanted.import_all, neighbor->wanted.export_all,
		policies_get(instance->router->routing, neighbor->wanted.import_policy),
		policies_get(instance->router->routing, neighbor->wanted.export_policy)};

	bgp_peer_set_policies(instance->bgp, neighbor->peer, &policies, import, export, now);
	bgp_instance_wake(instance, now);
}

static void set_policies(struct bgp_neighbor *neighbor, const struct msg_bgp_neighbor *message, struct instant now)
{
	const struct msg_bgp_neighbor old = neighbor->wanted;

	neighbor->wanted = *message;
	tell_engine(neighbor, old.import_policy != message->import_policy || old.import_all != message->import_all,
		old.export_policy != message->export_policy || old.export_all != message->export_all, now);
}

void bgp_neighbors_policy_changed(struct bgp_instance *instance, uint32_t policy, struct instant now)
{
	struct bgp_neighbor *neighbor;

	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance) {
		bool import = neighbor->wanted.import_policy == policy, export = neighbor->wanted.export_policy == policy;

		if (import || export)
			tell_engine(neighbor, import, export, now);
	}
}

int bgp_neighbor_set(struct routing *routing, const void *body, struct instant now, struct err *err)
{
	const struct msg_bgp_neighbor *message = body;
	struct router *router = routing_router(routing, message->router);
	struct bgp_instance *instance = router ? bgp_instance_of(router) : NULL;
	struct bgp_neighbor *neighbor = map_get(&routing->bgp_neighbors, message->id);
	int error;

	if (instance == NULL)
		return err_set(err, -ENOENT, "BGP neighbor %u: router %u does not run BGP", message->id, message->router);
	if (message->as == 0 || message->address.family == IP_NONE || message->local.family != message->address.family)
		return err_set(err, -EINVAL, "BGP neighbor %u: AS 0, or no addresses of one family", message->id);
	if (neighbor != NULL && neighbor->instance != instance) {
		bgp_neighbor_free(neighbor, BGP_CEASE_DECONFIGURED, now);
		neighbor = NULL;
	}
	if (neighbor != NULL) {
		const void *old = &neighbor->wanted; /* bodies are zeroed before they are filled in */

		neighbor->stale = false;
		if (memcmp(old, body, sizeof(*message)) == 0)
			return 0;
		if (only_policies_differ(&neighbor->wanted, message)) {
			set_policies(neighbor, message, now);
			return 0;
		}
		bgp_neighbor_leave(neighbor, BGP_CEASE_CHANGED, now);
		neighbor->wanted = *message;
		error = bgp_neighbor_join(neighbor, now, err);
		CHECK(error == 0); /* it had a place */
		return 0;
	}
	neighbor = xalloc(sizeof(*neighbor));
	neighbor->instance = instance;
	neighbor->wanted = *message;
	error = bgp_neighbor_join(neighbor, now, err);
	if (error != 0) {
		free(neighbor);
		return error;
	}
	list_append(&instance->neighbors, &neighbor->in_instance);
	(void)map_set(&routing->bgp_neighbors, message->id, neighbor);
	return 0;
}

int bgp_neighbor_del(struct routing *routing, const void *body, struct instant now)
{
	struct bgp_neighbor *neighbor = map_get(&routing->bgp_neighbors, ((const struct msg_id *)body)->id);

	if (neighbor != NULL)
		bgp_neighbor_free(neighbor, BGP_CEASE_DECONFIGURED, now);
	return 0;
}
