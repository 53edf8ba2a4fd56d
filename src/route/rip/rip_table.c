/* Routes and paths of the RIP engine: who said what, which of it is best, and how it ages. */
#include "route/rip/rip_engine.h"

#include "base/arena.h"

#include <stdlib.h>

struct rip_route *rip_route_get(struct rip *rip, const struct prefix *prefix, bool make)
{
	struct prefix_node *node = prefix_table_get(&rip->table, prefix);
	struct rip_route *route;

	if (node != NULL)
		return CONTAINER_OF(node, struct rip_route, node);
	if (!make)
		return NULL;
	if (rip->table.used >= rip->settings.routes_max) {
		rip->ops->limit_reached(rip->context, "rip_routes", rip->settings.routes_max);
		return NULL;
	}
	route = xalloc(sizeof(*route));
	route->node.prefix = *prefix;
	route->metric = RIP_INFINITY;
	list_init(&route->paths);
	prefix_table_add(&rip->table, &route->node);
	list_append(&rip->routes, &route->in_routes);
	return route;
}

void rip_route_free(struct rip *rip, struct rip_route *route)
{
	CHECK(list_empty(&route->paths));
	list_remove(&route->in_routes);
	list_remove(&route->in_changed);
	list_remove(&route->in_garbage);
	prefix_table_remove(&rip->table, &route->node);
	free(route);
}

void rip_path_free(struct rip_path *path)
{
	path->route->path_count--;
	list_remove(&path->in_route);
	list_remove(&path->in_aging);
	list_remove(&path->in_neighbor);
	free(path);
}

/*
 * Selects the paths of the lowest metric: those that already were first, so that routes don't flap between equals, then others in the order
 * in which they came. Returns whether the selection changed; `*first` is the first selected path or NULL.
 */
static bool route_select(const struct rip *rip, struct rip_route *route, struct rip_path **first)
{
	struct rip_path *path;
	uint8_t best = RIP_INFINITY;
	unsigned room = rip->settings.ecmp_max;
	bool changed = false;

	if (!route->is_local)
		list_each (path, &route->paths, struct rip_path, in_route)
			best = path->metric < best ? path->metric : best;
	*first = NULL;
	list_each (path, &route->paths, struct rip_path, in_route)
		if (path->selected && path->metric == best && room > 0) {
			room--;
		} else if (path->selected) {
			path->selected = false;
			changed = true;
		}
	list_each (path, &route->paths, struct rip_path, in_route) {
		if (!path->selected && path->metric == best && room > 0) {
			path->selected = true;
			changed = true;
			room--;
		}
		if (path->selected && *first == NULL)
			*first = path;
	}
	return changed;
}

/* Tells the RIB what is selected. */
static void route_tell(struct rip *rip, struct rip_route *route, struct instant now)
{
	struct nexthop nexthops[NEXTHOPS_MAX];
	struct rip_path *path;
	unsigned count = 0;

	list_each (path, &route->paths, struct rip_path, in_route)
		if (path->selected && count < NEXTHOPS_MAX)
			nexthops[count++] = (struct nexthop){path->nexthop, path->neighbor->interface->rif};
	if (count == 0 && !route->learnt)
		return;
	route->learnt = count > 0;
	rip->ops->learnt(rip->context, &route->node.prefix, nexthops, count, route->metric, now);
}

void rip_route_decide(struct rip *rip, struct rip_route *route, bool changed, struct instant now)
{
	struct rip_path *first;
	uint8_t metric = RIP_INFINITY;
	uint16_t tag = route->tag;
	bool chosen = route_select(rip, route, &first) || changed;
	bool was_dead = route->metric == RIP_INFINITY;

	if (route->is_local) {
		metric = route->local.metric;
		tag = route->local.tag;
	} else if (first != NULL) {
		metric = first->metric;
		tag = first->tag;
	}
	if (!chosen && metric == route->metric && tag == route->tag)
		return;
	route->metric = metric;
	route->tag = tag;
	route_tell(rip, route, now);
	if (metric < RIP_INFINITY) {
		list_remove(&route->in_garbage);
	} else if (!was_dead) {
		route->died = now;
		list_append(&rip->garbage, &route->in_garbage);
	}
	list_remove(&route->in_changed);
	list_append(&rip->changed, &route->in_changed);
	rip_trigger(rip, now);
}

static struct rip_path *path_of(const struct rip_route *route, const struct rip_neighbor *neighbor)
{
	struct rip_path *path;

	list_each (path, &route->paths, struct rip_path, in_route)
		if (path->neighbor == neighbor)
			return path;
	return NULL;
}

/* Room for one more path: there is, or the worst one is worse than `metric` and goes. */
static bool path_make_room(const struct rip *rip, struct rip_route *route, uint8_t metric)
{
	struct rip_path *path, *worst = NULL;

	if (route->path_count < rip->settings.paths_max)
		return true;
	list_each (path, &route->paths, struct rip_path, in_route)
		if (worst == NULL || path->metric > worst->metric)
			worst = path;
	if (worst == NULL || worst->metric <= metric)
		return false;
	rip_path_free(worst);
	return true;
}

static struct rip_path *path_new(struct rip *rip, struct rip_neighbor *neighbor, const struct prefix *prefix, uint8_t metric)
{
	struct rip_route *route = rip_route_get(rip, prefix, true);
	struct rip_path *path;

	if (route == NULL) {
		(void)rip_count_drop(rip, neighbor->interface, neighbor, RIP_DROP_ROUTE_LIMIT);
		return NULL;
	}
	if (!path_make_room(rip, route, metric)) {
		(void)rip_count_drop(rip, neighbor->interface, neighbor, RIP_DROP_PATH_LIMIT);
		return NULL;
	}
	path = xalloc(sizeof(*path));
	path->route = route;
	path->neighbor = neighbor;
	route->path_count++;
	list_append(&route->paths, &path->in_route);
	list_append(&neighbor->paths, &path->in_neighbor);
	return path;
}

/* Loses a path; whether it was selected decides if anyone has to know. */
static void path_lost(struct rip *rip, struct rip_path *path, struct instant now)
{
	struct rip_route *route = path->route;
	bool selected = path->selected;

	rip_path_free(path);
	rip_route_decide(rip, route, selected, now);
}

void rip_report(struct rip *rip, struct rip_neighbor *neighbor, const struct rip_entry *entry, uint8_t metric, struct ip nexthop,
	struct instant now)
{
	struct rip_route *route = rip_route_get(rip, &entry->prefix, false);
	struct rip_path *path = route ? path_of(route, neighbor) : NULL;
	bool moved;

	if (metric >= RIP_INFINITY) {
		if (path != NULL)
			path_lost(rip, path, now);
		return;
	}
	if (path == NULL)
		path = path_new(rip, neighbor, &entry->prefix, metric);
	if (path == NULL)
		return;
	moved = path->selected && !ip_equal(path->nexthop, nexthop);
	path->metric = metric;
	path->tag = entry->tag;
	path->nexthop = nexthop;
	path->refreshed = now;
	list_remove(&path->in_aging);
	list_append(&rip->aging, &path->in_aging);
	rip_route_decide(rip, path->route, moved, now);
}

void rip_neighbor_lost(struct rip *rip, struct rip_neighbor *neighbor, struct instant now)
{
	struct rip_path *path;

	list_each (path, &neighbor->paths, struct rip_path, in_neighbor)
		path_lost(rip, path, now);
}

void rip_table_age(struct rip *rip, struct instant now)
{
	struct rip_path *path;
	struct rip_route *route;

	list_each (path, &rip->aging, struct rip_path, in_aging) {
		if (!instant_reached(instant_add(path->refreshed, rip->settings.timeout), now))
			break;
		path_lost(rip, path, now);
	}
	list_each (route, &rip->garbage, struct rip_route, in_garbage) {
		if (!instant_reached(instant_add(route->died, rip->settings.garbage), now))
			break;
		rip_route_free(rip, route);
	}
}

bool rip_local_set(struct rip *rip, const struct prefix *prefix, const struct rip_local *local, struct instant now)
{
	struct rip_route *route = rip_route_get(rip, prefix, true);
	bool changed;

	CHECK(local->metric >= 1 && local->metric < RIP_INFINITY);
	if (route == NULL)
		return false;
	changed = !route->is_local || route->local.connected != local->connected || route->local.rif != local->rif ||
		  !ip_equal(route->local.nexthop, local->nexthop);
	route->is_local = true;
	route->local = *local;
	rip_route_decide(rip, route, changed, now);
	return true;
}

void rip_local_del(struct rip *rip, const struct prefix *prefix, struct instant now)
{
	struct rip_route *route = rip_route_get(rip, prefix, false);

	if (route == NULL || !route->is_local)
		return;
	route->is_local = false;
	rip_route_decide(rip, route, true, now);
}
