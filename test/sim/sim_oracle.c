/* What must be true of a simulated world: shortest paths computed in the plainest way, and packets followed by hand through the FIBs. */
#include "sim_world.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

#define INFINITY_METRIC 16

/* True when packets pass the wire. */
static bool wire_works(const struct sim_wire *wire) { return !wire->cut && !wire->silent; }

static uint8_t add_cost(unsigned metric, unsigned cost)
{
	return (uint8_t)(metric + cost < INFINITY_METRIC ? metric + cost : INFINITY_METRIC);
}

/* Bellman-Ford over all wires until nothing changes. A cut network is nobody's; a silent one is still connected to its routers. */
void sim_oracle(const struct sim_world *world, unsigned wire, uint8_t metrics[SIM_ROUTERS_MAX])
{
	bool changed = true;

	memset(metrics, INFINITY_METRIC, SIM_ROUTERS_MAX);
	for (unsigned i = 0; i < world->wires[wire].end_count && !world->wires[wire].cut; i++)
		metrics[world->wires[wire].ends[i].router] = 1;
	while (changed) {
		changed = false;
		for (unsigned w = 0; w < world->wire_count; w++) {
			const struct sim_wire *via = &world->wires[w];

			for (unsigned a = 0; a < via->end_count && wire_works(via); a++)
				for (unsigned b = 0; b < via->end_count; b++) {
					uint8_t metric = add_cost(metrics[via->ends[b].router], via->ends[a].cost);

					if (a != b && metric < metrics[via->ends[a].router]) {
						metrics[via->ends[a].router] = metric;
						changed = true;
					}
				}
		}
	}
}

static const struct sim_route *fib_get(const struct sim_router *router, const struct prefix *prefix)
{
	struct prefix_node *node = prefix_table_get(&router->fib, prefix);

	return node ? CONTAINER_OF(node, struct sim_route, node) : NULL;
}

/* The router behind a next hop, or -1. */
static int nexthop_router(const struct sim_world *world, const struct nexthop *nexthop, const struct sim_wire **wire)
{
	*wire = &world->wires[(nexthop->rif - 1000) / SIM_ENDS_MAX];
	for (unsigned i = 0; i < (*wire)->end_count; i++)
		if (ip_equal((*wire)->ends[i].address.ip, nexthop->ip))
			return (int)(*wire)->ends[i].router;
	return -1;
}

/* How many neighbors offer the best metric to a router. */
static unsigned oracle_nexthops(const struct sim_world *world, unsigned router, const uint8_t metrics[SIM_ROUTERS_MAX])
{
	unsigned count = 0;

	for (unsigned w = 0; w < world->wire_count; w++)
		for (unsigned a = 0; a < world->wires[w].end_count && wire_works(&world->wires[w]); a++)
			for (unsigned b = 0; b < world->wires[w].end_count; b++)
				count += a != b && world->wires[w].ends[a].router == router &&
					 add_cost(metrics[world->wires[w].ends[b].router], world->wires[w].ends[a].cost) == metrics[router];
	return count;
}

static const char *compare_route(
	const struct sim_world *world, unsigned router, const struct sim_route *route, const uint8_t metrics[SIM_ROUTERS_MAX])
{
	unsigned want = oracle_nexthops(world, router, metrics);

	if (metrics[router] == INFINITY_METRIC)
		return route ? "a route where there should be none" : NULL;
	if (route == NULL)
		return "no route";
	if (route->stale)
		return "a stale route";
	if (metrics[router] == 1)
		return route->entry.protocol == ROUTE_CONNECTED ? NULL : "not connected";
	if (route->entry.nexthop_count != (want < NEXTHOPS_MAX ? want : NEXTHOPS_MAX))
		return "wrong number of next hops";
	for (unsigned i = 0; i < route->entry.nexthop_count; i++) {
		const struct sim_wire *wire;
		int next = nexthop_router(world, &route->entry.nexthops[i], &wire);

		if (next < 0 || !wire_works(wire))
			return "a next hop that isn't there";
		for (unsigned j = 0; j < wire->end_count; j++)
			if (wire->ends[j].router == router && add_cost(metrics[next], wire->ends[j].cost) != metrics[router])
				return "a next hop that isn't on a shortest path";
	}
	return NULL;
}

unsigned sim_compare(const struct sim_world *world)
{
	unsigned differences = 0;

	for (unsigned w = 0; w < world->wire_count; w++) {
		uint8_t metrics[SIM_ROUTERS_MAX];

		sim_oracle(world, w, metrics);
		for (unsigned r = 0; r < world->router_count; r++) {
			const struct sim_route *route = fib_get(&world->routers[r], &world->wires[w].network);
			const char *wrong = compare_route(world, r, route, metrics);

			if (wrong != NULL && differences++ < 5)
				(void)fprintf(stderr, "router %u to network %u (metric %u): %s\n", r, w, metrics[r], wrong);
		}
	}
	for (unsigned r = 0; r < world->router_count; r++)
		differences += world->routers[r].fib.used > world->wire_count;
	return differences;
}

/* Follows the first next hops: 1 when the packet arrives, 0 when it gets stuck, -1 when it goes in circles. */
static int follow(const struct sim_world *world, unsigned router, const struct prefix *network)
{
	for (unsigned hops = 0; hops <= world->router_count; hops++) {
		const struct sim_route *route = fib_get(&world->routers[router], network);
		const struct sim_wire *wire;
		int next;

		if (route == NULL || route->entry.nexthop_count == 0)
			return 0;
		if (route->entry.protocol == ROUTE_CONNECTED)
			return 1;
		next = nexthop_router(world, &route->entry.nexthops[0], &wire);
		if (next < 0 || !wire_works(wire))
			return 0;
		router = (unsigned)next;
	}
	return -1;
}

unsigned sim_count_loops(const struct sim_world *world)
{
	unsigned loops = 0;

	for (unsigned w = 0; w < world->wire_count; w++)
		for (unsigned r = 0; r < world->router_count; r++)
			loops += follow(world, r, &world->wires[w].network) < 0;
	return loops;
}

unsigned sim_count_holes(const struct sim_world *world)
{
	unsigned holes = 0;

	for (unsigned w = 0; w < world->wire_count; w++) {
		uint8_t metrics[SIM_ROUTERS_MAX];

		sim_oracle(world, w, metrics);
		for (unsigned r = 0; r < world->router_count; r++)
			holes += metrics[r] < INFINITY_METRIC && follow(world, r, &world->wires[w].network) != 1;
	}
	return holes;
}
