/*
 * The simulated world: routers, wires and a switch that exists only as tables, on a virtual clock, from one seed.
 *
 * Theory of operation. The world runs the room route as it is (routing.h): some instances of it, each with some of the routers, as if each
 * were a process of its own. What an instance orders of the switch the world carries out: it keeps punt rules and FIBs, and packets become
 * events that arrive at the other ends of the wire after its delay, unless the wire is cut or loses them. All events are in one heap; time
 * jumps from one to the next. The same seed gives the same events, which `trace` (a hash over all orders and their times) shows.
 *
 * A wire has any number of ends (one: a stub network). It can be cut, which its ends see at once (carrier), or be silent, which they don't.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "base/list.h"
#include "base/rand.h"
#include "route/prefix_table.h"
#include "route/routing.h"
#include "route/timer_heap.h"

#define SIM_ENDS_MAX 6
#define SIM_WIRES_MAX 3200
#define SIM_ROUTERS_MAX 1024
#define SIM_PROCESSES_MAX 3

/* An end of a wire: a router's interface. */
struct sim_end {
	unsigned router; /* index */
	uint32_t rif;
	struct prefix address;
	uint16_t cost;
	bool punted;
	struct instant last_arrival; /* packets of a wire don't overtake each other */
};

struct sim_wire {
	struct prefix network;
	bool cut;
	bool silent;
	bool point_to_point; /* OSPF: no election */
	struct span delay;
	unsigned end_count;
	struct sim_end ends[SIM_ENDS_MAX];
};

/* A route in the FIB of a router as the switch has it. */
struct sim_route {
	struct prefix_node node;
	struct list in_fib;
	bool stale;
	struct fib_entry entry;
};

struct sim_router {
	uint32_t id;
	unsigned process;
	struct prefix_table fib;
	struct list fib_list;
};

struct sim_process {
	struct sim_world *world;
	unsigned index;
	unsigned generation; /* answers to a former life are lost */
	unsigned checks;
	struct routing *routing;
	struct timer_node timer;
};

struct sim_world {
	enum route_protocol protocol; /* ROUTE_RIP or ROUTE_OSPF */
	bool fresh;		      /* processes begin without routers, so that they have nothing to hold back */
	uint16_t hello_s;	      /* OSPF; dead after four of them */
	struct rand rand;
	struct instant now;
	uint64_t trace;
	uint64_t packets;
	uint64_t lost;
	unsigned loss_permille;
	unsigned refuse_permille; /* FIB batches that the switch refuses */
	struct timer_heap heap;
	struct instant changed; /* when a FIB last changed */
	unsigned router_count, wire_count, process_count;
	struct sim_router routers[SIM_ROUTERS_MAX];
	struct sim_wire wires[SIM_WIRES_MAX];
	struct sim_process processes[SIM_PROCESSES_MAX];
};

/* A random world of connected routers, each with a stub network, in `processes` processes (0: random). Nothing runs until sim_start. */
struct sim_world *sim_world_new(uint64_t seed, unsigned processes, enum route_protocol protocol);
void sim_world_free(struct sim_world *world);

/* A world without anything, and what it is made of. Wires get the network 10.W.W.0/24 by their number. */
struct sim_world *sim_world_empty(uint64_t seed, unsigned processes, enum route_protocol protocol);
unsigned sim_router_add(struct sim_world *world);
struct sim_wire *sim_wire_add(struct sim_world *world, struct span delay);
void sim_wire_attach(struct sim_world *world, struct sim_wire *wire, unsigned router, uint16_t cost);

/* Routers in a grid, links of cost 1 and 1 ms between them, a stub network at each. */
struct sim_world *sim_world_grid(uint64_t seed, unsigned columns, unsigned rows);

/* A router with links to all others, which have none but that. */
struct sim_world *sim_world_star(uint64_t seed, unsigned links);

/* Routers and links as a file says ("A B COST" a line); NULL when it can't be read or is larger than a world may be. */
struct sim_world *sim_world_read(const char *path);

/* The router id of a router by its index. */
struct ip sim_router_id(unsigned router);

/* Starts all processes: ctl's orders, the switch's events. */
void sim_start(struct sim_world *world);

/* Lets time pass; `look` (may be NULL) is called every `step`. */
void sim_run(
	struct sim_world *world, struct span span, struct span step, void (*look)(struct sim_world *world, void *context), void *context);

/* What may happen to a world. */
void sim_cut(struct sim_world *world, struct sim_wire *wire, bool cut);
void sim_restart_process(struct sim_world *world, unsigned process);
void sim_restart_switch(struct sim_world *world, bool forget);

/* The metric that each router should end up with for each wire's network (16: unreachable), by plain Bellman-Ford over the world as it is.
 */
void sim_oracle(const struct sim_world *world, unsigned wire, uint8_t metrics[SIM_ROUTERS_MAX]);

/* Likewise by Dijkstra over OSPF's costs, without an end to the metric (UINT32_MAX: unreachable). */
void sim_ospf_oracle(const struct sim_world *world, unsigned wire, uint32_t metrics[SIM_ROUTERS_MAX]);

/* Compares every router's FIB with the oracle of its protocol; returns the number of differences, printing the first few. */
unsigned sim_ospf_compare(const struct sim_world *world);
unsigned sim_compare(const struct sim_world *world);

/* Number of (router, network) pairs from which a packet would go round in circles now. */
unsigned sim_count_loops(const struct sim_world *world);

/* Number of (router, network) pairs that should be reachable but where a packet would not arrive now. */
unsigned sim_count_holes(const struct sim_world *world);

#endif
