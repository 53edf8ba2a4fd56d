/* The simulated world: its making, its events, and the switch that it plays to the routers. */
#include "sim_world.h"

#include "api/message_ospf.h"
#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "net/ipv4.h"
#include "route/ip_packet.h"
#include "route/udp_packet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RIF_OF(wire, end) ((uint32_t)(1000 + (wire)*SIM_ENDS_MAX + (end)))
#define WALL_S 1700000000u

/* An event: a packet that arrives, or an answer to a batch. */
struct sim_event {
	struct timer_node timer;
	unsigned process, generation;
	int error;
	uint32_t router;
	bool is_packet;
	unsigned wire, end;
	struct msg_packet packet; /* bytes are cut to what is used */
};

static void sim_trace(struct sim_world *world, const void *bytes, size_t size)
{
	world->trace = world->trace * 0x100000001b3u ^ hash_stable(bytes, size) ^ (uint64_t)world->now.ns;
}

static struct sim_router *sim_router_of(struct sim_world *world, uint32_t id) { return &world->routers[id - 1]; }

static struct sim_wire *sim_wire_of(struct sim_world *world, uint32_t rif, unsigned *end)
{
	unsigned index = (rif - 1000) / SIM_ENDS_MAX;

	CHECK(rif >= 1000 && index < world->wire_count);
	*end = (rif - 1000) % SIM_ENDS_MAX;
	CHECK(*end < world->wires[index].end_count);
	return &world->wires[index];
}

/* A packet leaves for one end of a wire. */
static void sim_transmit(struct sim_world *world, unsigned wire_index, unsigned end, const struct msg_packet *packet)
{
	struct sim_wire *wire = &world->wires[wire_index];
	struct sim_end *to = &wire->ends[end];
	struct instant arrival = instant_add(world->now, span_ns(wire->delay.ns + (int64_t)rand_below(&world->rand, 200000)));
	struct sim_event *event;

	world->packets++;
	if (wire->cut || wire->silent || rand_below(&world->rand, 1000) < world->loss_permille) {
		world->lost++;
		return;
	}
	if (!instant_before(to->last_arrival, arrival))
		arrival = instant_add(to->last_arrival, span_ns(1));
	to->last_arrival = arrival;
	event = xalloc(offsetof(struct sim_event, packet.bytes) + packet->size);
	event->is_packet = true;
	event->wire = wire_index;
	event->end = end;
	event->packet.router = world->routers[to->router].id;
	event->packet.rif = to->rif;
	event->packet.size = packet->size;
	memcpy(event->packet.bytes, packet->bytes, packet->size);
	timer_heap_set(&world->heap, &event->timer, arrival);
}

static void check_rip(const struct msg_packet *packet)
{
	struct udp_packet udp;

	CHECK(udp_packet_parse(&udp, packet->bytes, packet->size) == NULL);
	CHECK(udp.ttl == 1 && udp.source_port == 520);
}

static void order_inject(struct sim_world *world, const struct msg_packet *packet)
{
	struct ip_piece piece;
	struct ip_packet ip;
	unsigned end;
	struct sim_wire *wire = sim_wire_of(world, packet->rif, &end);

	CHECK(ip_piece_parse(&piece, packet->bytes, packet->size) == NULL);
	CHECK(world->protocol == ROUTE_OSPF || ip_piece_is_whole(&piece));
	ip = piece.packet;
	CHECK(packet->size <= 1500 && ip_equal(ip.destination, packet->nexthop));
	CHECK(ip_equal(ip.source, wire->ends[end].address.ip));
	if (world->protocol == ROUTE_RIP)
		check_rip(packet);
	else
		CHECK(ip.ttl == 1 && ip.protocol == IP_PROTOCOL_OSPF);
	sim_trace(world, packet->bytes, packet->size);
	for (unsigned i = 0; i < wire->end_count; i++)
		if (i != end && (ip_is_multicast(ip.destination) || ip_equal(ip.destination, wire->ends[i].address.ip)))
			sim_transmit(world, (unsigned)(wire - world->wires), i, packet);
}

static void fib_remove(struct sim_router *router, struct sim_route *route)
{
	prefix_table_remove(&router->fib, &route->node);
	list_remove(&route->in_fib);
	free(route);
}

static void fib_apply(struct sim_router *router, const struct fib_entry *entry)
{
	struct prefix_node *node = prefix_table_get(&router->fib, &entry->prefix);
	struct sim_route *route = node ? CONTAINER_OF(node, struct sim_route, node) : NULL;

	if (!entry->add) {
		if (route != NULL) /* its batch may have been refused */
			fib_remove(router, route);
		return;
	}
	if (route == NULL) {
		route = xalloc(sizeof(*route));
		route->node.prefix = entry->prefix;
		prefix_table_add(&router->fib, &route->node);
		list_append(&router->fib_list, &route->in_fib);
	}
	route->stale = false;
	route->entry = *entry;
}

static void order_batch(struct sim_process *process, const struct msg_fib *batch)
{
	struct sim_world *world = process->world;
	struct sim_event *event = xalloc(sizeof(*event));
	bool refused = rand_below(&world->rand, 1000) < world->refuse_permille;

	CHECK(batch->count > 0 && batch->count <= FIB_BATCH_MAX);
	for (unsigned i = 0; i < batch->count; i++) {
		sim_trace(world, &batch->entries[i].prefix, sizeof(batch->entries[i].prefix));
		for (unsigned j = 0; j < batch->entries[i].nexthop_count; j++)
			sim_trace(world, &batch->entries[i].nexthops[j].ip, sizeof(struct ip));
	}
	if (!refused)
		world->changed = world->now;
	for (unsigned i = 0; !refused && i < batch->count; i++)
		fib_apply(sim_router_of(world, batch->router), &batch->entries[i]);
	event->process = process->index;
	event->generation = process->generation;
	event->router = batch->router;
	event->error = refused ? -5 : 0;
	timer_heap_set(&world->heap, &event->timer, instant_add(world->now, span_us(100 + (int64_t)rand_below(&world->rand, 1000))));
}

static void order_sync(struct sim_world *world, const struct msg_fib_sync *sync)
{
	struct sim_router *router = sim_router_of(world, sync->router);
	struct sim_route *route;

	sim_trace(world, &sync->router, sizeof(sync->router));
	list_each (route, &router->fib_list, struct sim_route, in_fib) {
		if (sync->begin)
			route->stale = true;
		else if (route->stale)
			fib_remove(router, route);
	}
}

static void order_rule(struct sim_world *world, const struct msg_punt_rule *rule)
{
	unsigned end;
	struct sim_wire *wire = sim_wire_of(world, rule->rif, &end);

	CHECK(world->protocol == ROUTE_RIP ? rule->protocol == 17 && rule->port == 520 : rule->protocol == IP_PROTOCOL_OSPF);
	wire->ends[end].punted = rule->add;
}

static void sim_order(void *context, enum message_type type, const void *body)
{
	struct sim_process *process = context;

	if (type == MSG_INJECT)
		order_inject(process->world, body);
	else if (type == MSG_FIB_BATCH)
		order_batch(process, body);
	else if (type == MSG_FIB_SYNC)
		order_sync(process->world, body);
	else if (type == MSG_PUNT_RULE)
		order_rule(process->world, body);
	else
		CHECK(false); /* the switch knows no other order */
}

static void sim_ignore(void *context, enum message_type type, const void *body)
{
	(void)context;
	(void)type;
	(void)body;
}

static void sim_row(void *context, uint32_t seq, enum message_type type, const void *body)
{
	(void)seq;
	sim_ignore(context, type, body);
}

static const struct routing_ops sim_ops = {sim_order, sim_row, sim_ignore};

static void sim_apply(struct sim_process *process, enum message_type type, const void *body)
{
	struct err err;

	if (routing_apply(process->routing, message_row((uint16_t)type), body, process->world->now, &err) != 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		CHECK(false);
	}
}

static struct sim_process *process_of(struct sim_world *world, const struct sim_end *end)
{
	return &world->processes[world->routers[end->router].process];
}

/* When the process is to be called next; after everything that happened to it. */
static void process_timer(struct sim_process *process)
{
	/* Looking through all databases takes time with the square of the routers. */
	unsigned routers = process->world->router_count, pause = routers * routers / 32 > 32 ? routers * routers / 32 : 32;

	if (process->world->protocol != ROUTE_OSPF || ++process->checks % pause == 0)
		routing_check_invariants(process->routing);
	timer_heap_set(&process->world->heap, &process->timer, routing_next(process->routing));
}

static void tell_end(struct sim_world *world, const struct sim_wire *wire, const struct sim_end *end)
{
	struct sim_process *process = process_of(world, end);
	const struct sim_router *router = &world->routers[end->router];
	const struct msg_rif_state state = {
		.rif = end->rif,
		.router = router->id,
		.routes = (uint32_t)router->fib.used,
		.up = !wire->cut,
	};

	sim_apply(process, MSG_RIF_CHANGED, &state);
	process_timer(process);
}

static void order_rip(struct sim_process *process, const struct sim_wire *wire, const struct sim_end *end)
{
	struct msg_rip_interface rip = {.id = end->rif, .router = process->world->routers[end->router].id, .cost = (uint8_t)end->cost};

	rip.passive = wire->end_count == 1;
	rip.auth = wire->network.ip.bytes[2] % 2 ? RIP_AUTH_SHA256 : RIP_AUTH_NONE;
	rip.key_id = 1;
	memcpy(rip.key, "simulated", 10);
	sim_apply(process, MSG_RIP_INTERFACE_SET, &rip);
}

static void order_ospf(struct sim_process *process, const struct sim_wire *wire, const struct sim_end *end)
{
	const struct sim_world *world = process->world;
	struct msg_ospf_interface ospf = {.id = end->rif,
		.router = world->routers[end->router].id,
		.cost = end->cost,
		.type = wire->point_to_point ? OSPF_TYPE_POINT_TO_POINT : OSPF_TYPE_BROADCAST,
		.passive = wire->end_count == 1,
		.priority = 1,
		.hello_s = world->hello_s,
		.dead_s = 4u * world->hello_s,
		.retransmit_s = 1};

	ospf.auth = wire->network.ip.bytes[2] % 2 ? RIP_AUTH_SHA256 : RIP_AUTH_NONE;
	ospf.key_id = 1;
	memcpy(ospf.key, "simulated", 10);
	sim_apply(process, MSG_OSPF_INTERFACE_SET, &ospf);
}

static void order_end(struct sim_process *process, const struct sim_wire *wire, const struct sim_end *end)
{
	const struct sim_router *router = &process->world->routers[end->router];
	struct msg_rif rif = {.id = end->rif, .router = router->id, .network = 1, .up = true, .mtu = 1500, .address_count = 1};

	rif.addresses[0] = end->address;
	sim_apply(process, MSG_RIF_SET, &rif);
	if (process->world->protocol == ROUTE_RIP)
		order_rip(process, wire, end);
	else
		order_ospf(process, wire, end);
}

/* A process begins a life: ctl tells it everything, then the switch does. */
static void process_start(struct sim_process *process)
{
	struct sim_world *world = process->world;
	const struct msg_sync sync = {0};
	uint32_t wall_s = WALL_S + (uint32_t)(world->now.ns / 1000000000);

	process->routing = routing_new(&sim_ops, process, NULL, rand_u64(&world->rand), wall_s, world->now);
	process->generation++;
	if (world->fresh) {
		routing_switch_up(process->routing, world->now);
		sim_apply(process, MSG_SYNC_BEGIN, &sync);
		sim_apply(process, MSG_SYNC_END, &sync);
	} else {
		sim_apply(process, MSG_SYNC_BEGIN, &sync);
	}
	for (unsigned i = 0; i < world->router_count; i++) {
		const struct msg_router router = {.id = world->routers[i].id, .router_id = sim_router_id(i)};
		const struct msg_ospf ospf = {.id = world->routers[i].id, .metric = 20};
		const struct msg_rip rip = {.id = world->routers[i].id, .update_s = 30, .timeout_s = 180, .garbage_s = 120};

		if (world->routers[i].process != process->index)
			continue;
		sim_apply(process, MSG_ROUTER_SET, &router);
		if (world->protocol == ROUTE_RIP)
			sim_apply(process, MSG_RIP_SET, &rip);
		else
			sim_apply(process, MSG_OSPF_SET, &ospf);
	}
	for (unsigned i = 0; i < world->wire_count; i++)
		for (unsigned j = 0; j < world->wires[i].end_count; j++)
			if (process_of(world, &world->wires[i].ends[j]) == process)
				order_end(process, &world->wires[i], &world->wires[i].ends[j]);
	if (!world->fresh)
		sim_apply(process, MSG_SYNC_END, &sync);
}

static void switch_tell(struct sim_process *process)
{
	struct sim_world *world = process->world;

	routing_switch_up(process->routing, world->now);
	for (unsigned i = 0; i < world->wire_count; i++)
		for (unsigned j = 0; j < world->wires[i].end_count; j++)
			if (process_of(world, &world->wires[i].ends[j]) == process)
				tell_end(world, &world->wires[i], &world->wires[i].ends[j]);
	process_timer(process);
}

void sim_start(struct sim_world *world)
{
	for (unsigned i = 0; i < world->process_count; i++) {
		process_start(&world->processes[i]);
		switch_tell(&world->processes[i]);
	}
}

void sim_cut(struct sim_world *world, struct sim_wire *wire, bool cut)
{
	wire->cut = cut;
	for (unsigned i = 0; i < wire->end_count; i++)
		tell_end(world, wire, &wire->ends[i]);
}

void sim_restart_process(struct sim_world *world, unsigned index)
{
	struct sim_process *process = &world->processes[index];

	routing_free(process->routing);
	process_start(process);
	switch_tell(process);
}

void sim_restart_switch(struct sim_world *world, bool forget)
{
	struct sim_route *route;

	for (unsigned i = 0; i < world->router_count && forget; i++)
		list_each (route, &world->routers[i].fib_list, struct sim_route, in_fib)
			fib_remove(&world->routers[i], route);
	for (unsigned i = 0; i < world->wire_count; i++)
		for (unsigned j = 0; j < world->wires[i].end_count; j++)
			world->wires[i].ends[j].punted = false;
	for (unsigned i = 0; i < world->process_count; i++) {
		routing_switch_down(world->processes[i].routing);
		world->processes[i].generation++;
		switch_tell(&world->processes[i]);
	}
}

static void run_event(struct sim_world *world, struct sim_event *event)
{
	struct sim_process *process = &world->processes[event->process];

	if (event->is_packet) {
		const struct sim_wire *wire = &world->wires[event->wire];
		const struct sim_end *end = &wire->ends[event->end];

		process = process_of(world, end);
		if (!wire->cut && end->punted)
			sim_apply(process, MSG_PUNT, &event->packet);
	} else if (event->generation == process->generation) {
		routing_batch_done(process->routing, event->router, event->error, world->now);
	}
	process_timer(process);
	free(event);
}

static void run_due(struct sim_world *world)
{
	struct timer_node *node;

	while ((node = timer_heap_expire(&world->heap, world->now)) != NULL) {
		for (unsigned i = 0; i < world->process_count; i++)
			if (node == &world->processes[i].timer) {
				(void)routing_tick(world->processes[i].routing, world->now);
				process_timer(&world->processes[i]);
				node = NULL;
				break;
			}
		if (node != NULL)
			run_event(world, CONTAINER_OF(node, struct sim_event, timer));
	}
}

void sim_run(
	struct sim_world *world, struct span span, struct span step, void (*look)(struct sim_world *world, void *context), void *context)
{
	struct instant end = instant_add(world->now, span);
	struct instant next_look = look ? instant_add(world->now, step) : INSTANT_NEVER;

	for (;;) {
		struct instant next = instant_earlier(instant_earlier(timer_heap_next(&world->heap), next_look), end);

		world->now = next;
		run_due(world);
		if (look != NULL && instant_reached(next_look, world->now)) {
			look(world, context);
			next_look = instant_add(next_look, step);
		}
		if (instant_reached(end, world->now))
			return;
	}
}

void sim_world_free(struct sim_world *world)
{
	struct sim_route *route;
	struct timer_node *node;

	for (unsigned i = 0; i < world->process_count; i++) {
		timer_heap_set(&world->heap, &world->processes[i].timer, INSTANT_NEVER);
		routing_free(world->processes[i].routing);
	}
	while ((node = timer_heap_expire(&world->heap, INSTANT_NEVER)) != NULL)
		free(CONTAINER_OF(node, struct sim_event, timer));
	for (unsigned i = 0; i < world->router_count; i++) {
		list_each (route, &world->routers[i].fib_list, struct sim_route, in_fib)
			fib_remove(&world->routers[i], route);
		prefix_table_free(&world->routers[i].fib);
	}
	timer_heap_free(&world->heap);
	free(world);
}
