/* The core: its life, its orders, bursts in, packets and messages out. */
#include "base/arena.h"
#include "base/text.h"
#include "switch/capture.h"
#include "switch/conn.h"
#include "switch/core_state.h"
#include "switch/fdb.h"
#include "switch/fib.h"
#include "switch/flow_cache.h"
#include "switch/guest_server.h"
#include "switch/impair.h"
#include "switch/neighbor.h"
#include "switch/walk.h"

#include <stdlib.h>
#include <string.h>

/* Most packets of routers themselves that one call of the core walks: what is beyond that is a quarrel of routers, and is dropped. */
#define ORIGINS_PER_CALL 65536

static void limit_default(uint32_t *limit, uint32_t value)
{
	if (*limit == 0)
		*limit = value;
}

static void limits_fill(struct core_limits *limits)
{
	limit_default(&limits->networks, 65536);
	limit_default(&limits->ports, 65536);
	limit_default(&limits->routers, 16384);
	limit_default(&limits->rifs, 65536);
	limit_default(&limits->macs_per_network, 8192);
	limit_default(&limits->macs_per_port, 1024);
	limit_default(&limits->neighbors_per_rif, 1024);
	limit_default(&limits->flows, 65536);
	limit_default(&limits->held_per_neighbor, 4);
	limit_default(&limits->punts_per_second, 1000);
	limit_default(&limits->tcp_punts_per_second, 50000);
	limit_default(&limits->icmp_errors_per_second, 100);
	limit_default(&limits->groups, 4096);
	limit_default(&limits->storm_per_second, 10000);
	limit_default(&limits->rules_per_group, 65536);
	limit_default(&limits->connections, 1 << 20);
	limit_default(&limits->connections_per_port, limits->connections / 4 ? limits->connections / 4 : 1);
	limit_default(&limits->half_open_per_port, 8192);
	limit_default(&limits->connections_per_router, limits->connections / 2 ? limits->connections / 2 : 1);
	limit_default(&limits->half_open_per_router, 65536);
	limit_default(&limits->nat_connections_per_host, 16384);
	limit_default(&limits->nat_ports_per_host, 1024);
}

struct core *core_new(const struct core_ops *ops, void *context, struct packet_pool *pool, const struct core_limits *limits)
{
	struct core *core = xalloc(sizeof(*core));

	core->ops = ops;
	core->context = context;
	core->pool = pool;
	if (limits != NULL)
		core->limits = *limits;
	limits_fill(&core->limits);
	core->flows = flow_cache_new(core->limits.flows);
	core->connections = conn_table_new(&core->limits);
	list_init(&core->policies);
	list_init(&core->fdb_ages);
	for (unsigned i = 0; i < NEIGHBOR_LISTS; i++)
		list_init(&core->neighbors[i]);
	return core;
}

/* Takes the packets that were queued meanwhile away, unsent. */
static void origins_drop(struct core *core)
{
	for (; core->origin_count > 0; core->origin_count--) {
		core_release(core, core->origins[core->origin_first].packet);
		core->origin_first = (core->origin_first + 1) % ORIGINS_MAX;
	}
}

void core_free(struct core *core)
{
	if (core == NULL)
		return;
	core->closing = true;
	origins_drop(core);
	topology_free(core);
	impair_free(core);
	origins_drop(core);
	flow_cache_free(core);
	conn_table_free(core->connections);
	free(core);
}

void core_release(struct core *core, struct packet *packet)
{
	if (packet != NULL)
		packet_free(core->pool, packet);
}

void core_originate(struct core *core, const struct origin *origin)
{
	if (core->trace != NULL) {
		core_release(core, origin->packet);
		return;
	}
	if (core->origin_count == ORIGINS_MAX) {
		if (origin->rif != NULL)
			member_drop(&origin->rif->member, DROP_QUEUE_FULL, true, 1);
		else
			core->lost++;
		core_release(core, origin->packet);
		return;
	}
	core->origins[(core->origin_first + core->origin_count++) % ORIGINS_MAX] = *origin;
}

/* Walks what routers and servers have to say. Each may make more; in the end they fall silent or are silenced. */
void core_walk_origins(struct core *core)
{
	for (unsigned walked = 0; core->origin_count > 0; walked++) {
		struct origin origin = core->origins[core->origin_first];

		if (walked == ORIGINS_PER_CALL) {
			origins_drop(core);
			return;
		}
		core->origin_first = (core->origin_first + 1) % ORIGINS_MAX;
		core->origin_count--;
		(void)walk_from_origin(core, &origin);
	}
}

void core_limit_reached(struct core *core, const char *limit, const char *path, uint64_t value)
{
	struct msg_limit body = {.value = value};

	if (core->closing || core->trace != NULL || !rate_limit_take(&core->limit_events, 10, core->now))
		return;
	(void)text_copy(body.limit, sizeof(body.limit), limit);
	(void)text_copy(body.path, sizeof(body.path), path);
	core->ops->message(core->context, PROCESS_CTL, MSG_LIMIT_REACHED, 0, &body);
}

/* Sends packets out of one port, at most CORE_SEND_MAX. */
static void send_burst(struct core *core, struct port *port, struct packet *const *packets, unsigned count)
{
	struct counters *counters = &port->member.counters;
	uint64_t sent, bytes = 0, dropped;
	uint32_t sizes[CORE_SEND_MAX];

	for (unsigned i = 0; i < count; i++)
		bytes += sizes[i] = packets[i]->size;
	if (port->member.captures != NULL)
		for (unsigned i = 0; i < count; i++)
			capture_packet(port->member.captures, packets[i], PCAPNG_OUTBOUND, core->now);
	sent = core->ops->send(core->context, port->config.id, packets, count);
	dropped = ~sent & (UINT64_MAX >> (CORE_SEND_MAX - count));
	counters->tx_packets += count;
	counters->tx_bytes += bytes;
	for (; dropped != 0; dropped &= dropped - 1) {
		counters->tx_packets--;
		counters->tx_bytes -= sizes[__builtin_ctzll(dropped)];
		member_drop(&port->member, DROP_TX_REFUSED, true, 1);
	}
}

/* Sends what waits, port by port; the packets of each keep their order. */
static void send_waiting(struct core *core)
{
	struct packet *packets[CORE_SEND_MAX];
	unsigned waiting = core->out_count;

	while (waiting > 0) {
		struct port *port = core->out[0].port;
		unsigned count = 0, others = 0;

		for (unsigned i = 0; i < waiting; i++) {
			if (core->out[i].port == port)
				packets[count++] = core->out[i].packet;
			else
				core->out[others++] = core->out[i];
		}
		send_burst(core, port, packets, count);
		waiting = others;
	}
	core->out_count = 0;
}

void core_send_collected(struct core *core)
{
	core->collecting = false;
	if (core->out_count > 0)
		send_waiting(core);
}

/* Lays a packet to those that wait. */
static inline void core_put(struct core *core, struct port *port, struct packet *packet)
{
	if (core->out_count == CORE_SEND_MAX)
		send_waiting(core);
	core->out[core->out_count++] = (struct output){port, packet};
}

void core_output(struct core *core, struct port *port, struct packet *packet)
{
	if (core->trace != NULL) {
		core_release(core, packet);
		return;
	}
	if (!port_is_up(port)) {
		member_drop(&port->member, DROP_PORT_DOWN, true, 1);
		core_release(core, packet);
		return;
	}
	if (!core->collecting) {
		send_burst(core, port, &packet, 1);
		return;
	}
	core_put(core, port, packet);
}

static void tell_rif(struct core *core, enum process_id to, const struct rif *rif)
{
	struct msg_rif_state state = {
		.rif = rif->config.id,
		.router = rif->config.router,
		.routes = fib_count(rif->router->fib),
		.up = rif->carrier,
	};

	if (!core->closing)
		core->ops->message(core->context, to, MSG_RIF_CHANGED, 0, &state);
}

void core_tell_rif(struct core *core, const struct rif *rif)
{
	tell_rif(core, PROCESS_ROUTE, rif);
	tell_rif(core, PROCESS_CTL, rif);
}

static void tell_port(struct core *core, const struct port *port)
{
	struct msg_port_state state = {.port = port->config.id, .state = (uint8_t)port->state};

	(void)text_copy(state.error, sizeof(state.error), port->error);
	core->ops->message(core->context, PROCESS_CTL, MSG_PORT_CHANGED, 0, &state);
}

void core_peer_up(struct core *core, enum process_id process)
{
	size_t cursor = 0;
	struct port *port;
	struct rif *rif;

	if (process != PROCESS_CTL && process != PROCESS_ROUTE)
		return;
	while ((rif = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL)
		tell_rif(core, process, rif);
	for (cursor = 0; process == PROCESS_CTL && (port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL;)
		tell_port(core, port);
}

void core_port_state(struct core *core, uint32_t id, enum port_state state, const char *error, struct instant now)
{
	struct port *port = port_find(core, id);

	core->now = now;
	if (port == NULL)
		return;
	if (error == NULL)
		error = "";
	if (port->state == state && strcmp(port->error, error) == 0)
		return;
	if (port->state != state)
		core_raise(core, &core->topology_generation);
	port->state = state;
	if (!text_copy(port->error, sizeof(port->error), error))
		memcpy(port->error, error, sizeof(port->error) - 1);
	tell_port(core, port);
	if (state == PORT_STATE_UP && port->member.network != NULL) {
		neighbor_port_up(core, port->member.network);
		core_walk_origins(core);
	}
}

bool core_port_link(const struct core *core, uint32_t id)
{
	const struct port *port = port_find(core, id);

	return port != NULL && port->config.up && port->member.network != NULL && port->member.network->config.up;
}

/* What is known of the packets of a burst. */
struct burst {
	struct packet *packets[PACKET_BURST];
	struct flow *flows[PACKET_BURST];
	struct flow_key keys[PACKET_BURST];
	struct flow_view views[PACKET_BURST];
};

/* Runs an entry that holds. Its output is up, for else the topology would have changed since. */
static inline void flow_run(struct core *core, struct flow *flow, struct packet *packet)
{
	const struct flow_actions *actions = &flow->actions;

	flow->packets++;
	flow->bytes += packet->size;
	if (actions->verdict != FLOW_OUTPUT) {
		walk_run(core, actions, packet);
		return;
	}
	if (actions->source != NULL)
		actions->source->seen = core->now;
	if (actions->set_macs || actions->ttl_decrement > 0 || actions->translates)
		packet_rewrite(packet, actions);
	core_put(core, actions->output, packet);
}

/* Takes one packet its way. An entry that was found before another packet changed the cache is looked up again. */
static inline void input_one(struct core *core, struct port *port, const struct burst *burst, unsigned i, bool again)
{
	struct packet *packet = burst->packets[i];
	struct flow *flow = burst->flows[i];

	if (again)
		flow = core->cache_off ? NULL : flow_cache_find(core, &burst->keys[i]);
	else if (flow != NULL && !flow_cache_holds(core, flow))
		flow = NULL;
	if (flow == NULL || !walk_actions_hold(&flow->actions, &burst->views[i])) {
		(void)walk_from_port(core, port, packet, &burst->keys[i], &burst->views[i]);
	} else {
		for (unsigned k = 0; k < flow->actions.conn_count; k++)
			conn_packet(core, flow->actions.conns[k].conn, (enum conn_direction)flow->actions.conns[k].direction,
				burst->views[i].tcp_flags);
		flow_run(core, flow, packet);
	}
	if (core->origin_count > 0)
		core_walk_origins(core);
}

/* Packets of one port. */
static void input_burst(struct core *core, struct port *port, struct packet *const *packets, unsigned count)
{
	struct burst burst;
	unsigned used = 0;
	uint64_t bytes = 0, changes;

	for (unsigned i = 0; i < count; i++) {
		struct packet *packet = packets[i];

		if (packet->size < ETHERNET_HEADER_BYTES) {
			member_drop(&port->member, DROP_RUNT, false, 1);
			core_release(core, packet);
			continue;
		}
		bytes += packet->size;
		flow_key_read(packet, &burst.keys[used], &burst.views[used]);
		burst.packets[used++] = packet;
	}
	if (port->member.captures != NULL)
		for (unsigned i = 0; i < used; i++)
			capture_packet(port->member.captures, burst.packets[i], PCAPNG_INBOUND, core->now);
	port->member.counters.rx_packets += used;
	port->member.counters.rx_bytes += bytes;
	changes = core->flow_changes;
	if (!core->cache_off)
		flow_cache_find_burst(core, port, burst.keys, burst.flows, used);
	for (unsigned i = 0; i < used; i++)
		input_one(core, port, &burst, i, core->cache_off || core->flow_changes != changes);
}

void core_input(struct core *core, struct packet *const *packets, unsigned count, struct instant now)
{
	unsigned burst;

	core->now = now;
	core_collect(core);
	for (unsigned i = 0; i < count; i += burst) {
		struct port *port = port_find(core, packets[i]->in_port);

		for (burst = 1; burst < PACKET_BURST && i + burst < count && packets[i + burst]->in_port == packets[i]->in_port;)
			burst++;
		if (port != NULL) {
			input_burst(core, port, packets + i, burst);
			continue;
		}
		core->lost += burst;
		for (unsigned j = 0; j < burst; j++)
			core_release(core, packets[i + j]);
	}
	core_send_collected(core);
	impair_tick(core, now);
}

struct instant core_due(const struct core *core) { return impair_next(core); }

struct instant core_tick(struct core *core, struct instant now)
{
	struct instant next;

	core->now = now;
	next = instant_earlier(fdb_age(core, now), fib_tick(core, now));
	next = instant_earlier(next, conn_tick(core));
	next = instant_earlier(next, guest_ra_tick(core, now));
	neighbor_tick(core, now);
	core_walk_origins(core);
	impair_tick(core, now);
	/* What has just been sent may have set timers, too. */
	return instant_earlier(instant_earlier(next, impair_next(core)), neighbor_next(core));
}

void core_count_drop(struct core *core, uint32_t id, const char *name, uint64_t packets)
{
	enum drop_reason reason = drop_find(name);
	struct port *port = port_find(core, id);
	struct rif *rif = port == NULL ? rif_find(core, id) : NULL;

	/* The receiver's fault: the packet had been given to its device. */
	if (port != NULL)
		member_drop(&port->member, reason, reason == DROP_RING_FULL || reason == DROP_NOT_READY, packets);
	else if (rif != NULL)
		member_drop(&rif->member, reason, false, packets);
}

void core_set_cache(struct core *core, bool on)
{
	flow_cache_clear(core);
	core->cache_off = !on;
}
