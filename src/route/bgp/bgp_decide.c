/*
 * The decision process: which path to a destination is the best, in RFC 4271's numbered steps.
 *
 * MED is only comparable between paths through the same neighbor AS, so "better" is no order and picking the best by pairs would depend on
 * who came first. As 9.1.2.2 c says, a path is removed when another one of the same neighbor AS has a lower MED; the steps after that
 * compare what is left.
 */
#include "base/check.h"
#include "route/bgp/bgp_engine.h"

#define PATHS_MAX 1024

/* A path under comparison with what the steps look at. */
struct candidate {
	const struct bgp_path *path;
	const struct bgp_attr_set *set;
	const struct bgp_peer *peer; /* NULL: our own route */
	uint32_t local_pref;
	uint32_t metric;
};

static uint32_t peer_router_id(const struct candidate *c)
{
	if (c->set->has_originator)
		return c->set->originator_id;
	return c->peer ? c->peer->counts.router_id : 0;
}

/* a. to c. without MED: 9.1.1's degree of preference, 9.1.2.2 a and b. Negative: `a` is better. */
static int compare_first(const struct candidate *a, const struct candidate *b)
{
	if (a->local_pref != b->local_pref)
		return a->local_pref > b->local_pref ? -1 : 1;
	if ((a->peer == NULL) != (b->peer == NULL))
		return a->peer == NULL ? -1 : 1;
	if (a->set->path_length != b->set->path_length)
		return a->set->path_length < b->set->path_length ? -1 : 1;
	return (int)a->set->origin - (int)b->set->origin;
}

/* d. external before internal, e. the nearest next hop. */
static int compare_distance(const struct bgp *bgp, const struct candidate *a, const struct candidate *b)
{
	bool a_external = a->peer == NULL || bgp_peer_external(bgp, a->peer),
	     b_external = b->peer == NULL || bgp_peer_external(bgp, b->peer);

	if (a_external != b_external)
		return a_external ? -1 : 1;
	return a->metric < b->metric ? -1 : a->metric > b->metric;
}

/* f. the lowest router id (or originator, RFC 4456 9), the shortest cluster list, g. the lowest peer address. */
static int compare_last(const struct candidate *a, const struct candidate *b)
{
	uint32_t a_id = peer_router_id(a), b_id = peer_router_id(b);

	if (a_id != b_id)
		return a_id < b_id ? -1 : 1;
	if (a->set->cluster_length != b->set->cluster_length)
		return a->set->cluster_length < b->set->cluster_length ? -1 : 1;
	if (a->peer != NULL && b->peer != NULL && a->peer != b->peer)
		return ip_compare(a->peer->settings.address, b->peer->settings.address);
	return a->path->path_id < b->path->path_id ? -1 : 1;
}

/* c. whether `b` removes `a` by its MED. A missing one counts as 0. */
static bool removed_by_med(const struct bgp *bgp, const struct candidate *a, const struct candidate *b)
{
	return (bgp->settings.always_compare_med || a->set->first_as == b->set->first_as) && b->set->med < a->set->med;
}

static bool candidate_fill(const struct bgp *bgp, const struct bgp_path *path, struct candidate *c)
{
	if (path->flags & (BGP_PATH_LOOPED | BGP_PATH_FILTERED))
		return false;
	c->path = path;
	c->set = bgp_attrs_get(bgp->attrs, path->attr);
	c->peer = path->peer == BGP_PEER_SELF ? NULL : bgp_peer_get(bgp, path->peer);
	c->local_pref = c->set->has_local_pref ? c->set->local_pref : bgp->settings.local_pref;
	c->metric = 0;
	/* 9.1.2.1: a next hop that can't be reached rules the path out. */
	return c->peer == NULL || bgp->ops->reachable == NULL || bgp->ops->reachable(bgp->context, &c->set->nexthop, &c->metric);
}

/* Fills in the paths that stand after steps a to c; returns how many. */
static unsigned candidates_of(const struct bgp *bgp, const struct bgp_table *table, const struct bgp_path *first, struct candidate *list)
{
	unsigned count = 0, kept = 0;

	for (const struct bgp_path *p = first; p != NULL && count < PATHS_MAX; p = bgp_table_next_path(table, p)) {
		struct candidate c;
		int order;

		if (!candidate_fill(bgp, p, &c))
			continue;
		order = count > 0 ? compare_first(&c, &list[0]) : 0;
		if (order < 0)
			count = 0;
		if (order <= 0)
			list[count++] = c;
	}
	for (unsigned i = 0; i < count; i++) {
		bool removed = false;

		for (unsigned j = 0; j < count && !removed; j++)
			removed = removed_by_med(bgp, &list[i], &list[j]);
		if (!removed) {
			struct candidate swap = list[kept];

			list[kept++] = list[i];
			list[i] = swap;
		}
	}
	return kept;
}

const struct bgp_path *bgp_choose(void *context, const struct bgp_table *table, const struct bgp_path *first)
{
	const struct bgp *bgp = context;
	struct candidate list[PATHS_MAX], *best;
	unsigned count;

	/* Most destinations of most routers have one path. */
	if (bgp_table_next_path(table, first) == NULL)
		return candidate_fill(bgp, first, &list[0]) ? first : NULL;
	count = candidates_of(bgp, table, first, list);
	if (count == 0)
		return NULL;
	best = &list[0];
	for (unsigned i = 1; i < count; i++) {
		int order = compare_distance(bgp, &list[i], best);

		if (order < 0 || (order == 0 && compare_last(&list[i], best) < 0))
			best = &list[i];
	}
	return best->path;
}

/* Adds a next hop that isn't there yet. */
static void route_add_nexthop(struct bgp_route *route, struct ip nexthop)
{
	for (unsigned i = 0; i < route->nexthop_count; i++)
		if (ip_equal(route->nexthops[i], nexthop))
			return;
	route->nexthops[route->nexthop_count++] = nexthop;
}

/* Paths that tie with the best one up to step e share the traffic, when they are of the same kind and length. */
static void add_multipath(
	const struct bgp *bgp, const struct bgp_table *table, uint32_t dest, const struct candidate *best, struct bgp_route *route)
{
	struct candidate list[PATHS_MAX];
	unsigned most = bgp->settings.ecmp_max < NEXTHOPS_MAX ? bgp->settings.ecmp_max : NEXTHOPS_MAX;
	unsigned count = candidates_of(bgp, table, bgp_table_first_path(table, dest), list);

	for (unsigned i = 0; i < count && route->nexthop_count < most; i++)
		if (compare_distance(bgp, &list[i], best) == 0)
			route_add_nexthop(route, list[i].set->nexthop);
}

void bgp_decided(void *context, uint32_t dest, const struct prefix *prefix, uint32_t attr, uint16_t peer)
{
	struct bgp *bgp = context;
	const struct bgp_table *table = bgp->tables[prefix->ip.family == IP_V4 ? BGP_IPV4 : BGP_IPV6];
	struct bgp_route route = {.prefix = *prefix};
	struct candidate best;

	/* Our own routes came from the RIB: it knows them. */
	if (attr != 0 && peer != BGP_PEER_SELF) {
		best.set = bgp_attrs_get(bgp->attrs, attr);
		best.peer = bgp_peer_get(bgp, peer);
		best.metric = 0;
		if (bgp->ops->reachable != NULL)
			(void)bgp->ops->reachable(bgp->context, &best.set->nexthop, &best.metric);
		route_add_nexthop(&route, best.set->nexthop);
		route.med = best.set->med;
		route.internal = !bgp_peer_external(bgp, best.peer);
		if (bgp->settings.ecmp_max > 1)
			add_multipath(bgp, table, dest, &best, &route);
	}
	bgp->ops->learnt(bgp->context, &route);
}
