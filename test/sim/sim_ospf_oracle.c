/* What OSPF must come to: shortest paths by the plainest Dijkstra over the world as it is, without knowing anything of LSAs. */
#include "sim_world.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

#define FAR UINT32_MAX

static bool wire_works(const struct sim_wire *wire) { return !wire->cut && !wire->silent; }

/* The wires of each router, so that looking for neighbors isn't looking through everything. */
struct places {
	unsigned first[SIM_ROUTERS_MAX + 1];
	struct {
		unsigned wire, end;
	} at[SIM_WIRES_MAX * SIM_ENDS_MAX];
};

static struct places places;

static void places_make(const struct sim_world *world)
{
	unsigned count = 0;

	memset(places.first, 0, sizeof(places.first));
	for (unsigned w = 0; w < world->wire_count; w++)
		for (unsigned e = 0; e < world->wires[w].end_count; e++)
			places.first[world->wires[w].ends[e].router + 1]++;
	for (unsigned r = 0; r < SIM_ROUTERS_MAX; r++)
		places.first[r + 1] += places.first[r];
	for (unsigned r = 0; r < world->router_count; r++)
		for (unsigned at = places.first[r]; at < places.first[r + 1]; at++)
			places.at[at].wire = FAR;
	for (unsigned w = 0; w < world->wire_count; w++)
		for (unsigned e = 0; e < world->wires[w].end_count; e++) {
			unsigned at = places.first[world->wires[w].ends[e].router];

			while (places.at[at].wire != FAR)
				at++;
			places.at[at].wire = w;
			places.at[at].end = e;
			count++;
		}
	CHECK(count == places.first[world->router_count]);
}

/* Backwards from the wire: a router's metric is the cost of its own end plus the metric of the router beyond (or nothing on the wire). */
void sim_ospf_oracle(const struct sim_world *world, unsigned wire, uint32_t metrics[SIM_ROUTERS_MAX])
{
	bool done[SIM_ROUTERS_MAX] = {false};
	const struct sim_wire *target = &world->wires[wire];

	for (unsigned r = 0; r < SIM_ROUTERS_MAX; r++)
		metrics[r] = FAR;
	for (unsigned e = 0; e < target->end_count && !target->cut; e++)
		metrics[target->ends[e].router] = target->ends[e].cost;
	for (;;) {
		unsigned near = FAR;

		for (unsigned r = 0; r < world->router_count; r++)
			if (!done[r] && metrics[r] != FAR && (near == FAR || metrics[r] < metrics[near]))
				near = r;
		if (near == FAR)
			return;
		done[near] = true;
		for (unsigned at = places.first[near]; at < places.first[near + 1]; at++) {
			const struct sim_wire *via = &world->wires[places.at[at].wire];

			for (unsigned e = 0; e < via->end_count && wire_works(via); e++)
				if (e != places.at[at].end && metrics[near] + via->ends[e].cost < metrics[via->ends[e].router])
					metrics[via->ends[e].router] = metrics[near] + via->ends[e].cost;
		}
	}
}

/* What a router should have for a network: true when `nexthop` is on a shortest path. */
static bool nexthop_good(const struct sim_world *world, unsigned router, const struct nexthop *nexthop, const uint32_t *metrics)
{
	for (unsigned at = places.first[router]; at < places.first[router + 1]; at++) {
		const struct sim_wire *via = &world->wires[places.at[at].wire];
		const struct sim_end *own = &via->ends[places.at[at].end];

		if (own->rif != nexthop->rif || !wire_works(via))
			continue;
		for (unsigned e = 0; e < via->end_count; e++)
			if (ip_equal(via->ends[e].address.ip, nexthop->ip))
				return metrics[via->ends[e].router] + own->cost == metrics[router];
	}
	return false;
}

static unsigned nexthops_wanted(const struct sim_world *world, unsigned router, const uint32_t *metrics)
{
	unsigned count = 0;

	for (unsigned at = places.first[router]; at < places.first[router + 1]; at++) {
		const struct sim_wire *via = &world->wires[places.at[at].wire];

		for (unsigned e = 0; e < via->end_count && wire_works(via); e++)
			count += e != places.at[at].end && metrics[via->ends[e].router] != FAR &&
				 metrics[via->ends[e].router] + via->ends[places.at[at].end].cost == metrics[router];
	}
	return count < NEXTHOPS_MAX ? count : NEXTHOPS_MAX;
}

static bool is_attached(const struct sim_wire *wire, unsigned router)
{
	for (unsigned e = 0; e < wire->end_count; e++)
		if (wire->ends[e].router == router)
			return !wire->cut;
	return false;
}

static const char *compare_route(
	const struct sim_world *world, unsigned router, unsigned wire, const struct sim_route *route, const uint32_t *metrics)
{
	if (metrics[router] == FAR)
		return route ? "a route where there should be none" : NULL;
	if (route == NULL)
		return "no route";
	if (route->stale)
		return "a stale route";
	if (is_attached(&world->wires[wire], router))
		return route->entry.protocol == ROUTE_CONNECTED ? NULL : "not connected";
	if (route->entry.metric != metrics[router])
		return "a wrong metric";
	if (route->entry.nexthop_count != nexthops_wanted(world, router, metrics))
		return "a wrong number of next hops";
	for (unsigned i = 0; i < route->entry.nexthop_count; i++)
		if (!nexthop_good(world, router, &route->entry.nexthops[i], metrics))
			return "a next hop that isn't on a shortest path";
	return NULL;
}

unsigned sim_ospf_compare(const struct sim_world *world)
{
	unsigned differences = 0;

	places_make(world);
	for (unsigned w = 0; w < world->wire_count; w++) {
		uint32_t metrics[SIM_ROUTERS_MAX];

		sim_ospf_oracle(world, w, metrics);
		for (unsigned r = 0; r < world->router_count; r++) {
			struct prefix_node *node = prefix_table_get(&world->routers[r].fib, &world->wires[w].network);
			const struct sim_route *route = node ? CONTAINER_OF(node, struct sim_route, node) : NULL;
			const char *wrong = compare_route(world, r, w, route, metrics);

			if (wrong != NULL && differences++ < 5)
				(void)fprintf(stderr, "router %u to network %u (metric %u): %s\n", r, w, metrics[r], wrong);
		}
	}
	for (unsigned r = 0; r < world->router_count; r++)
		differences += world->routers[r].fib.used > world->wire_count;
	return differences;
}
