/* A router's BGP neighbors: orders of ctl become peers of the engine. */
#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_glue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct bgp_peer_settings settings_of(const struct msg_bgp_neighbor *message)
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
	struct bgp_peer_settings settings = settings_of(&neighbor->wanted);

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
