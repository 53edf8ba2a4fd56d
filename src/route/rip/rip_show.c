/* What the RIP engine shows of itself: its table, its neighbors, its drops, and the checks of its own consistency. */
#include "route/rip/rip_engine.h"

#include "base/text.h"

/* Whole seconds of a span, not below zero. */
static uint32_t seconds(struct span span) { return span.ns > 0 ? (uint32_t)(span.ns / 1000000000) : 0; }

static void show_route(const struct rip *rip, const struct rip_route *route, struct row_rip *row, struct instant now,
	void (*emit)(void *, const struct row_rip *), void *context)
{
	const struct rip_path *path;

	row->prefix = route->node.prefix;
	row->metric = route->metric;
	row->tag = route->tag;
	row->nexthop = row->from = (struct ip){0};
	row->rif = row->timeout_s = 0;
	if (route->is_local || route->metric == RIP_INFINITY) {
		row->rif = route->is_local ? route->local.rif : 0;
		row->nexthop = route->is_local ? route->local.nexthop : (struct ip){0};
		if (!route->is_local)
			row->timeout_s = seconds(instant_diff(instant_add(route->died, rip->settings.garbage), now));
		emit(context, row);
		return;
	}
	list_each (path, &route->paths, struct rip_path, in_route) {
		if (!path->selected)
			continue;
		row->nexthop = path->nexthop;
		row->from = path->neighbor->ip;
		row->rif = path->neighbor->interface->rif;
		row->timeout_s = seconds(instant_diff(instant_add(path->refreshed, rip->settings.timeout), now));
		emit(context, row);
	}
}

void rip_show_routes(const struct rip *rip, uint32_t router, struct instant now, void (*row)(void *, const struct row_rip *), void *context)
{
	const struct rip_route *route;
	struct row_rip out = {.router = router};

	list_each (route, &rip->routes, struct rip_route, in_routes)
		show_route(rip, route, &out, now, row, context);
}

void rip_show_neighbors(
	const struct rip *rip, uint32_t router, struct instant now, void (*row)(void *, const struct row_rip_neighbor *), void *context)
{
	const struct rip_interface *interface;
	const struct rip_neighbor *neighbor;

	list_each (interface, &rip->interfaces, struct rip_interface, in_rip)
		list_each (neighbor, &interface->neighbors, struct rip_neighbor, in_interface) {
			const struct row_rip_neighbor out = {
				.router = router,
				.rif = interface->rif,
				.ip = neighbor->ip,
				.age_s = seconds(instant_diff(now, neighbor->heard)),
				.bad_packets = neighbor->bad_packets,
				.bad_routes = neighbor->bad_routes,
				.bad_auth = neighbor->bad_auth,
			};

			row(context, &out);
		}
}

static void show_drops(uint32_t id, const uint64_t *drops, void (*row)(void *, const struct row_drop *), void *context)
{
	for (unsigned i = RIP_DROP_NONE + 1; i < RIP_DROP_COUNT; i++) {
		struct row_drop out = {.id = id, .packets = drops[i]};

		(void)text_copy(out.reason, sizeof(out.reason), rip_drop_name(i));
		if (drops[i] > 0)
			row(context, &out);
	}
}

void rip_show_drops(const struct rip *rip, uint32_t router, void (*row)(void *, const struct row_drop *), void *context)
{
	const struct rip_interface *interface;

	list_each (interface, &rip->interfaces, struct rip_interface, in_rip)
		show_drops(interface->rif, interface->drops, row, context);
	show_drops(router, rip->drops_elsewhere, row, context);
}

uint32_t rip_route_count(const struct rip *rip) { return (uint32_t)rip->table.used; }

uint64_t rip_drop_count(const struct rip *rip, enum rip_drop drop)
{
	const struct rip_interface *interface;
	uint64_t sum = rip->drops_elsewhere[drop];

	list_each (interface, &rip->interfaces, struct rip_interface, in_rip)
		sum += interface->drops[drop];
	return sum;
}

static void check_route(const struct rip *rip, const struct rip_route *route)
{
	const struct rip_path *path;
	unsigned paths = 0, selected = 0;
	uint8_t best = RIP_INFINITY;

	list_each (path, &route->paths, struct rip_path, in_route) {
		CHECK(path->route == route && path->metric >= 1 && path->metric < RIP_INFINITY);
		CHECK(list_linked(&path->in_aging) && list_linked(&path->in_neighbor));
		paths++;
		best = path->metric < best ? path->metric : best;
		selected += path->selected;
	}
	CHECK(paths == route->path_count && paths <= rip->settings.paths_max);
	CHECK(selected <= rip->settings.ecmp_max);
	CHECK(route->learnt == (selected > 0));
	if (route->is_local)
		CHECK(selected == 0 && route->metric == route->local.metric);
	else
		CHECK(route->metric == best && (selected > 0) == (best < RIP_INFINITY));
	list_each (path, &route->paths, struct rip_path, in_route)
		CHECK(!path->selected || path->metric == best);
	/* What is unreachable waits in the garbage and nothing else does, so that every route ends some day. */
	CHECK((route->metric == RIP_INFINITY) == (list_linked(&route->in_garbage)));
}

void rip_check_invariants(const struct rip *rip)
{
	const struct rip_route *route;
	const struct rip_interface *interface;
	const struct rip_neighbor *neighbor;
	const struct rip_path *path;
	struct instant last = {INT64_MIN};
	size_t routes = 0, neighbors = 0;

	list_each (route, &rip->routes, struct rip_route, in_routes) {
		check_route(rip, route);
		routes++;
	}
	CHECK(routes == rip->table.used && routes <= rip->settings.routes_max);
	list_each (interface, &rip->interfaces, struct rip_interface, in_rip)
		list_each (neighbor, &interface->neighbors, struct rip_neighbor, in_interface) {
			CHECK(neighbor->interface == interface && interface->up);
			neighbors++;
		}
	CHECK(neighbors == rip->neighbor_count && neighbors <= rip->settings.neighbors_max);
	list_each (path, &rip->aging, struct rip_path, in_aging) {
		CHECK(!instant_before(path->refreshed, last));
		last = path->refreshed;
	}
	CHECK(list_empty(&rip->changed) || rip->trigger_at.ns != INSTANT_NEVER.ns || rip->settings.triggered_hold.ns == 0);
}
