/* Worlds of all shapes: random ones, grids, those of a file. */
#include "sim_world.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIF_OF(wire, end) ((uint32_t)(1000 + (wire)*SIM_ENDS_MAX + (end)))

struct ip sim_router_id(unsigned router) { return ip_from_u32(0x01010000u + router + 1); }

struct sim_world *sim_world_empty(uint64_t seed, unsigned processes, enum route_protocol protocol)
{
	struct sim_world *world = xalloc(sizeof(*world));

	CHECK(processes >= 1 && processes <= SIM_PROCESSES_MAX);
	world->protocol = protocol;
	world->hello_s = 10;
	world->rand = rand_seeded(seed);
	world->process_count = processes;
	for (unsigned i = 0; i < processes; i++)
		world->processes[i] = (struct sim_process){.world = world, .index = i};
	return world;
}

unsigned sim_router_add(struct sim_world *world)
{
	unsigned router = world->router_count++;

	CHECK(router < SIM_ROUTERS_MAX);
	world->routers[router].id = router + 1;
	world->routers[router].process = (unsigned)rand_below(&world->rand, world->process_count);
	list_init(&world->routers[router].fib_list);
	return router;
}

struct sim_wire *sim_wire_add(struct sim_world *world, struct span delay)
{
	struct sim_wire *wire = &world->wires[world->wire_count];

	CHECK(world->wire_count < SIM_WIRES_MAX);
	wire->network = (struct prefix){ip_from_u32(0x0a000000 | world->wire_count << 8), 24};
	wire->delay = delay;
	world->wire_count++;
	return wire;
}

void sim_wire_attach(struct sim_world *world, struct sim_wire *wire, unsigned router, uint16_t cost)
{
	struct sim_end *end = &wire->ends[wire->end_count];

	for (unsigned i = 0; i < wire->end_count; i++)
		if (wire->ends[i].router == router)
			return;
	CHECK(wire->end_count < SIM_ENDS_MAX);
	end->router = router;
	end->rif = RIF_OF((unsigned)(wire - world->wires), wire->end_count);
	end->address = (struct prefix){ip_from_u32(ip_to_u32(wire->network.ip) + 1 + wire->end_count), 24};
	end->cost = cost;
	wire->end_count++;
}

static struct sim_wire *some_wire(struct sim_world *world)
{
	return sim_wire_add(world, span_us(50 + (int64_t)rand_below(&world->rand, 20000)));
}

static void some_attach(struct sim_world *world, struct sim_wire *wire, unsigned router)
{
	sim_wire_attach(world, wire, router, rand_below(&world->rand, 8) == 0 ? 2 : 1);
}

/* A random tree keeps everything connected; further wires and shared segments make circles. */
static void random_fill(struct sim_world *world, unsigned routers)
{
	unsigned more;

	for (unsigned i = 0; i < routers; i++) {
		struct sim_wire *stub = some_wire(world);

		some_attach(world, stub, sim_router_add(world));
		if (i > 0) {
			struct sim_wire *wire = some_wire(world);

			some_attach(world, wire, i);
			some_attach(world, wire, (unsigned)(rand_below(&world->rand, 2) ? i - 1 : rand_below(&world->rand, i)));
		}
	}
	more = (unsigned)rand_below(&world->rand, routers + 1);
	for (unsigned i = 0; i < more; i++) {
		struct sim_wire *wire = some_wire(world);
		unsigned ends = rand_below(&world->rand, 4) == 0 ? 5 : 2;

		for (unsigned j = 0; j < ends; j++)
			some_attach(world, wire, (unsigned)rand_below(&world->rand, routers));
	}
}

struct sim_world *sim_world_new(uint64_t seed, unsigned processes, enum route_protocol protocol)
{
	struct sim_world *world = sim_world_empty(seed, processes ? processes : 1, protocol);
	unsigned routers = (unsigned)(3 + rand_below(&world->rand, 18));

	if (processes == 0)
		world->process_count = (unsigned)(1 + rand_below(&world->rand, SIM_PROCESSES_MAX));
	for (unsigned i = 0; i < world->process_count; i++)
		world->processes[i] = (struct sim_process){.world = world, .index = i};
	random_fill(world, routers);
	for (unsigned i = 0; i < world->wire_count && protocol == ROUTE_OSPF; i++)
		world->wires[i].point_to_point = world->wires[i].end_count == 2 && rand_below(&world->rand, 2);
	return world;
}

static void link_add(struct sim_world *world, unsigned a, unsigned b, uint16_t cost)
{
	struct sim_wire *wire = sim_wire_add(world, span_ms(1));

	wire->point_to_point = true;
	sim_wire_attach(world, wire, a, cost);
	sim_wire_attach(world, wire, b, cost);
}

struct sim_world *sim_world_grid(uint64_t seed, unsigned columns, unsigned rows)
{
	struct sim_world *world = sim_world_empty(seed, 1, ROUTE_OSPF);

	CHECK(columns > 0 && rows > 0);
	for (unsigned i = 0; i < columns * rows; i++)
		sim_wire_attach(world, sim_wire_add(world, span_ms(1)), sim_router_add(world), 1);
	for (unsigned i = 0; i < columns * rows; i++) {
		if (i % columns + 1 < columns)
			link_add(world, i, i + 1, 1);
		if (i + columns < columns * rows)
			link_add(world, i, i + columns, 1);
	}
	world->fresh = true;
	return world;
}

struct sim_world *sim_world_star(uint64_t seed, unsigned links)
{
	struct sim_world *world = sim_world_empty(seed, 1, ROUTE_OSPF);
	unsigned hub = sim_router_add(world);

	for (unsigned i = 0; i < links; i++)
		link_add(world, hub, sim_router_add(world), 1);
	world->fresh = true;
	return world;
}

struct sim_world *sim_world_read(const char *path)
{
	struct sim_world *world = sim_world_empty(1, 1, ROUTE_OSPF);
	FILE *file = fopen(path, "re");
	char line[256];
	bool good = file != NULL;

	world->fresh = true;
	while (good && fgets(line, sizeof(line), file) != NULL) {
		char *at = line, *end;
		unsigned long numbers[3] = {0, 0, 0};

		if (line[0] == '#')
			continue;
		for (unsigned i = 0; i < 3; i++, at = end)
			numbers[i] = strtoul(at, &end, 10);
		good = numbers[0] < SIM_ROUTERS_MAX && numbers[1] < SIM_ROUTERS_MAX && world->wire_count < SIM_WIRES_MAX;
		while (good && (world->router_count <= numbers[0] || world->router_count <= numbers[1]))
			(void)sim_router_add(world);
		if (good)
			link_add(world, (unsigned)numbers[0], (unsigned)numbers[1],
				(uint16_t)(numbers[2] < 1	? 1
					   : numbers[2] > 65535 ? 65535
								: numbers[2]));
	}
	if (file != NULL)
		(void)fclose(file);
	if (good && world->router_count > 0)
		return world;
	sim_world_free(world);
	return NULL;
}
