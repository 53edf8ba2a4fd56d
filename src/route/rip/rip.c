/* The RIP engine's life: settings, interfaces, timers, and what it shows of itself. */
#include "route/rip/rip_engine.h"

#include "base/arena.h"
#include "base/text.h"

#include <stdlib.h>

struct rip_settings rip_settings_default(void)
{
	return (struct rip_settings){
		.update = span_s(30),
		.timeout = span_s(180),
		.garbage = span_s(120),
		.triggered_hold = span_s(1),
		.request_pause = span_s(1),
		.split_horizon = RIP_SPLIT_POISON,
		.ecmp_max = NEXTHOPS_MAX,
		.paths_max = 16,
		.routes_max = 16384,
		.neighbors_max = 256,
	};
}

/* The period, 1/6 of it earlier or later (RFC 2453 3.8: 30 s +- 5 s). */
static struct instant next_update(struct rip *rip, struct instant now)
{
	uint64_t sixth = (uint64_t)rip->settings.update.ns / 6;

	return instant_add(now, span_ns(rip->settings.update.ns - (int64_t)sixth + (int64_t)rand_below(&rip->rand, 2 * sixth + 1)));
}

struct rip *rip_new(
	const struct rip_settings *settings, const struct rip_ops *ops, void *context, uint64_t seed, uint32_t wall_s, struct instant now)
{
	struct rip *rip = xalloc(sizeof(*rip));

	rip->ops = ops;
	rip->context = context;
	rip->rand = rand_seeded(seed);
	rip->started = now;
	rip->wall_s = wall_s;
	list_init(&rip->routes);
	list_init(&rip->changed);
	list_init(&rip->garbage);
	list_init(&rip->aging);
	list_init(&rip->interfaces);
	list_init(&rip->heard);
	list_init(&rip->unproven);
	rip->trigger_at = INSTANT_NEVER;
	rip_configure(rip, settings, now);
	return rip;
}

void rip_configure(struct rip *rip, const struct rip_settings *settings, struct instant now)
{
	CHECK(settings->update.ns > 0 && settings->ecmp_max >= 1 && settings->ecmp_max <= NEXTHOPS_MAX && settings->paths_max >= 1);
	rip->settings = *settings;
	rip->update_at = next_update(rip, now);
}

enum rip_drop rip_count_drop(struct rip *rip, struct rip_interface *interface, struct rip_neighbor *neighbor, enum rip_drop drop)
{
	uint64_t *drops = interface ? interface->drops : rip->drops_elsewhere;

	drops[drop]++;
	if (neighbor != NULL && rip_drop_is_auth(drop))
		neighbor->bad_auth++;
	else if (neighbor != NULL && rip_drop_is_route(drop))
		neighbor->bad_routes++;
	else if (neighbor != NULL)
		neighbor->bad_packets++;
	return drop;
}

static void interface_forget_neighbors(struct rip *rip, struct rip_interface *interface, struct instant now)
{
	struct rip_neighbor *neighbor;

	while ((neighbor = list_first(&interface->neighbors, struct rip_neighbor, in_interface)) != NULL) {
		rip_neighbor_lost(rip, neighbor, now);
		rip_neighbor_free(rip, neighbor);
	}
}

static bool key_equal(const struct rip_key *a, const struct rip_key *b)
{
	return a->kind == b->kind && a->id == b->id && a->size == b->size && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* Asks for the neighbors' tables and gives ours, without waiting for the next period. */
static void interface_greet(struct rip *rip, struct rip_interface *interface, struct instant now)
{
	rip_send_request(rip, interface, now);
	rip_send_table(rip, interface, RIP_PART_ALL, (struct ip){0}, RIP_PORT, now);
}

void rip_interface_set(struct rip *rip, uint32_t rif, const struct rip_interface_settings *settings, struct instant now)
{
	struct rip_interface *interface = map_get(&rip->interface_of, rif);
	bool greet;

	CHECK(settings->cost >= 1 && settings->cost < RIP_INFINITY);
	if (interface == NULL) {
		interface = xalloc(sizeof(*interface));
		interface->rif = rif;
		list_init(&interface->neighbors);
		list_append(&rip->interfaces, &interface->in_rip);
		(void)map_set(&rip->interface_of, rif, interface);
		interface->settings = *settings;
		return;
	}
	greet = !key_equal(&interface->settings.key, &settings->key) || (interface->settings.passive && !settings->passive);
	if (!key_equal(&interface->settings.key, &settings->key)) {
		struct rip_neighbor *neighbor;

		list_each (neighbor, &interface->neighbors, struct rip_neighbor, in_interface)
			neighbor->sequence_known = false;
	}
	interface->settings = *settings;
	if (greet)
		interface_greet(rip, interface, now);
}

void rip_interface_del(struct rip *rip, uint32_t rif, struct instant now)
{
	struct rip_interface *interface = map_remove(&rip->interface_of, rif);

	if (interface == NULL)
		return;
	rip_send_table(rip, interface, RIP_PART_POISON, (struct ip){0}, RIP_PORT, now);
	interface_forget_neighbors(rip, interface, now);
	list_remove(&interface->in_rip);
	explicit_bzero(&interface->settings.key, sizeof(interface->settings.key));
	free(interface);
}

void rip_interface_state(struct rip *rip, uint32_t rif, bool up, const struct prefix *addresses, unsigned address_count, struct instant now)
{
	struct rip_interface *interface = map_get(&rip->interface_of, rif);
	struct prefix wanted[ADDRESSES_MAX];
	unsigned count = 0;
	bool same;

	if (interface == NULL)
		return;
	for (unsigned i = 0; i < address_count && count < ADDRESSES_MAX; i++)
		if (addresses[i].ip.family == IP_V4)
			wanted[count++] = addresses[i];
	same = count == interface->address_count;
	for (unsigned i = 0; same && i < count; i++)
		same = prefix_equal(wanted[i], interface->addresses[i]);
	up = up && count > 0;
	if (same && up == interface->up)
		return;
	interface_forget_neighbors(rip, interface, now);
	interface->address_count = count;
	memcpy(interface->addresses, wanted, count * sizeof(wanted[0]));
	interface->up = up;
	if (up)
		interface_greet(rip, interface, now);
}

/* RFC 2453 3.10: everything, on every interface; what changed is told along with it. */
static void update_all(struct rip *rip, enum rip_table_part part, struct instant now)
{
	struct rip_interface *interface;
	struct rip_route *route;

	list_each (interface, &rip->interfaces, struct rip_interface, in_rip)
		rip_send_table(rip, interface, part, (struct ip){0}, RIP_PORT, now);
	list_each (route, &rip->changed, struct rip_route, in_changed)
		list_remove(&route->in_changed);
	rip->trigger_at = INSTANT_NEVER;
}

static void update_triggered(struct rip *rip, struct instant now)
{
	uint64_t fifth = (uint64_t)rip->settings.triggered_hold.ns / 5;

	if (rip->settings.triggered_hold.ns == 0) {
		rip->trigger_at = INSTANT_NEVER;
		return;
	}
	update_all(rip, RIP_PART_CHANGED, now);
	rip->hold_until = instant_add(now, span_ns((int64_t)(fifth + rand_below(&rip->rand, 4 * fifth + 1))));
}

void rip_tick(struct rip *rip, struct instant now)
{
	rip_table_age(rip, now);
	rip_neighbors_age(rip, now);
	if (instant_reached(rip->update_at, now)) {
		rip->update_at = next_update(rip, now);
		update_all(rip, RIP_PART_ALL, now);
	}
	if (instant_reached(rip->trigger_at, now))
		update_triggered(rip, now);
}

struct instant rip_next(const struct rip *rip)
{
	struct instant next = instant_earlier(rip->update_at, rip->trigger_at);
	const struct rip_path *path = list_first(&rip->aging, struct rip_path, in_aging);
	const struct rip_route *dead = list_first(&rip->garbage, struct rip_route, in_garbage);
	const struct rip_neighbor *silent = list_first(&rip->heard, struct rip_neighbor, in_heard);
	const struct rip_neighbor *stranger = list_first(&rip->unproven, struct rip_neighbor, in_heard);

	if (path != NULL)
		next = instant_earlier(next, instant_add(path->refreshed, rip->settings.timeout));
	if (dead != NULL)
		next = instant_earlier(next, instant_add(dead->died, rip->settings.garbage));
	if (silent != NULL)
		next = instant_earlier(next, instant_add(silent->heard, rip->settings.timeout));
	if (stranger != NULL)
		next = instant_earlier(next, instant_add(stranger->heard, rip->settings.timeout));
	return next;
}

void rip_stop(struct rip *rip, struct instant now)
{
	struct rip_interface *interface;
	struct rip_route *route;

	update_all(rip, RIP_PART_POISON, now);
	list_each (interface, &rip->interfaces, struct rip_interface, in_rip) {
		interface->up = false;
		interface_forget_neighbors(rip, interface, now);
	}
	list_each (route, &rip->routes, struct rip_route, in_routes)
		rip_route_free(rip, route);
}

void rip_free(struct rip *rip)
{
	struct rip_interface *interface;
	struct rip_neighbor *neighbor;
	struct rip_route *route;
	struct rip_path *path;

	if (rip == NULL)
		return;
	list_each (route, &rip->routes, struct rip_route, in_routes) {
		list_each (path, &route->paths, struct rip_path, in_route)
			rip_path_free(path);
		rip_route_free(rip, route);
	}
	list_each (interface, &rip->interfaces, struct rip_interface, in_rip) {
		list_each (neighbor, &interface->neighbors, struct rip_neighbor, in_interface)
			rip_neighbor_free(rip, neighbor);
		explicit_bzero(&interface->settings.key, sizeof(interface->settings.key));
		free(interface);
	}
	prefix_table_free(&rip->table);
	map_free(&rip->interface_of);
	map_free(&rip->neighbor_of);
	free(rip);
}
