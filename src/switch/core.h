/*
 * The core of the switch: the virtual topology, the flow cache, the features. One worker thread owns it; it does no I/O of its own.
 *
 * Theory of operation. Ports bring bursts of packets (core_input). The flow keys of a burst are read, then all are looked up in the flow
 * cache, then the packets are taken in their order: a hit runs the entry's actions; a miss walks the virtual topology through the features
 * in the order of features.c (port checks, switch, router, next switch, ...), and what it decided and looked at becomes an entry. What goes
 * out of one port is sent as one burst, too, at the end of the call. Output, messages to ctl and route go out through `core_ops`, so the
 * same core runs under the worker, in unit tests and under the fuzzer. Time comes in as an argument.
 */
#ifndef SWITCH_CORE_H
#define SWITCH_CORE_H

#include "api/message_types.h"
#include "base/instant.h"
#include "switch/packet.h"

struct core;

#define CORE_SEND_MAX 64

/* Ways out of the core. */
struct core_ops {
	/*
	 * Sends at most CORE_SEND_MAX packets to a port's device, taking them over. Returns a bit for each that wasn't dropped there, the
	 * first packet's is the lowest (the others are counted by the core as tx_dropped).
	 */
	uint64_t (*send)(void *context, uint32_t port, struct packet *const *packets, unsigned count);
	/* Sends an event or a row to another process. */
	void (*message)(void *context, enum process_id to, enum message_type type, uint32_t seq, const void *body);
};

/* Bounds of everything that guests, peers and files can make grow. Zero means the default. */
struct core_limits {
	uint32_t networks, ports, routers, rifs;
	uint32_t macs_per_network, macs_per_port;
	uint32_t neighbors_per_rif;	 /* ARP and ND entries */
	uint32_t flows;			 /* entries of the flow cache */
	uint32_t held_per_neighbor;	 /* packets that wait for an ARP answer */
	uint32_t punts_per_second;	 /* of a router interface, without TCP */
	uint32_t tcp_punts_per_second;	 /* of a router interface */
	uint32_t icmp_errors_per_second; /* of a router */
	uint32_t groups, rules_per_group;
	uint32_t storm_per_second;					/* of each kind and port, where the network doesn't say */
	uint32_t connections, connections_per_port, half_open_per_port; /* that are tracked; the default of a port is a quarter of all */
	uint32_t connections_per_router, half_open_per_router;		/* that are translated; the default is half of all */
	uint32_t nat_connections_per_host, nat_ports_per_host;		/* of one host behind a router; ports in blocks of 64 */
};

struct core *core_new(const struct core_ops *ops, void *context, struct packet_pool *pool, const struct core_limits *limits);
void core_free(struct core *core);

/*
 * Carries out an order (NETWORK_SET ... RIF_DEL, SYNC_BEGIN, SYNC_END, PUNT_RULE, INJECT, FIB_BATCH, FIB_SYNC) from `from`. Returns 0 or a
 * negative errno with the reason in `err`; an order that fails changes nothing.
 */
int core_apply(
	struct core *core, enum process_id from, const struct message_row *row, const void *body, struct instant now, struct err *err);

/* Answers a question with rows (core_ops.message with `seq`); the caller sends the DONE. */
int core_show(struct core *core, enum process_id to, uint32_t seq, const struct msg_show *show, struct instant now, struct err *err);

/* Answers MSG_TRACE with rows, likewise (trace.h). */
int core_trace(struct core *core, enum process_id to, uint32_t seq, const struct msg_trace *question, struct instant now, struct err *err);

/* A device came up or went away. Emits PORT_CHANGED. */
void core_port_state(struct core *core, uint32_t port, enum port_state state, const char *error, struct instant now);

/* True while the port's link is up for its machine: the network and the port are. The device shows this to the guest. Asked after each
 * core_apply. */
bool core_port_link(const struct core *core, uint32_t port);

/* Takes a burst of packets from ports (packet->in_port), all of them over. */
void core_input(struct core *core, struct packet *const *packets, unsigned count, struct instant now);

/* When the nearest packet arrives that an impaired link holds back: core_tick wants to be called by then. */
struct instant core_due(const struct core *core);

/* Runs timers; returns when it wants to be called next. */
struct instant core_tick(struct core *core, struct instant now);

/* A channel to `process` came up: sends it what it must know from the start (RIF_CHANGED of every interface, to ctl PORT_CHANGED too). */
void core_peer_up(struct core *core, enum process_id process);

/* Switches the flow cache off and on, for tests: with and without it every packet must fare the same. */
void core_set_cache(struct core *core, bool on);

/*
 * Counts packets that a port's device dropped before the core saw them (bad descriptors, too long, no buffer) or after the core had sent
 * them (full ring), or that were lost on their way from a router interface to the route process; by the reason's name in the table of
 * drop.c. A name that isn't there counts as "device".
 */
void core_count_drop(struct core *core, uint32_t id, const char *reason, uint64_t packets);

#endif
