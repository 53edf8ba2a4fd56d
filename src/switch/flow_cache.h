/*
 * The flow cache: what the walk through the features decided for a flow, ready to be run again for its next packets.
 *
 * Theory of operation. An entry matches the fields of the key that the walk looked at (`fields`); entries with the same fields share one
 * table (tuple space search, Srinivasan 1999), of which there are few since there are few ways through the features. An entry rests on
 * generations: numbers that networks (FDB), routers (FIB) and interfaces (neighbors) raise when something in them changes. core->epoch is
 * raised along with each of them, so one comparison says whether anything at all changed since the entry was last found good; only then
 * its generations are compared one by one, and when one differs the entry is thrown away and the packet walks anew. So nothing is ever
 * forwarded by what was deleted.
 * Counters of the ports and interfaces on the way are exact although hops are fused: the entry counts once, and what it counted is added to
 * all hops when somebody asks or the entry ends (flow_cache_settle).
 * Packets come in bursts, and so do lookups: hashes first, then the memory that they point to, then the comparisons, so that the misses of
 * a burst's packets overlap. A port's packets mostly fall into one table, which is tried first.
 * The number of entries is bounded for the whole and for each port; a port beyond its part replaces its own oldest entries.
 */
#ifndef SWITCH_FLOW_CACHE_H
#define SWITCH_FLOW_CACHE_H

#include "switch/conn.h"
#include "switch/core_state.h"
#include "switch/fdb.h"
#include "switch/flow_key.h"
#include "switch/nat_rewrite.h"

/* Most routers in a row, hence most hops that count (in and out of each) and generations that a way rests on. */
#define WALK_ROUTERS_MAX 64
#define FLOW_HOPS_MAX (2 * WALK_ROUTERS_MAX + 2)
#define FLOW_RESTS_MAX (3 * WALK_ROUTERS_MAX + 6 + FLOW_CONNS_MAX)

/* Most connections that a way rests on: those of both machines, and of routers that translate. A longer way isn't remembered. */
#define FLOW_CONNS_MAX 4

enum flow_verdict { FLOW_DROP, FLOW_OUTPUT, FLOW_FLOOD, FLOW_CONSUMED };

/* A connection that the packets of a flow belong to. */
struct flow_conn {
	struct conn *conn;
	uint8_t direction; /* enum conn_direction */
};

/* Everything that happens to a packet on its way, fused into one step. */
struct flow_actions {
	struct port *output;	  /* OUTPUT */
	struct fdb_entry *source; /* to be kept young, or NULL */
	uint32_t l3_bytes_max;	  /* the smallest MTU on the way */
	uint8_t verdict;	  /* enum flow_verdict */
	bool set_macs;
	uint8_t ttl_decrement;
	bool flood_unknown; /* the receiver is unknown, so it isn't behind a guarded port */
	struct mac eth_dst, eth_src;
	bool drop_tx;
	uint8_t drop_reason;
	uint8_t conn_count;
	bool is_refusal; /* `refused` says of whom */
	bool refused_tcp;
	bool translates;	/* its addresses change on the way */
	struct network *flood;	/* FLOOD: every port of it but `from` */
	struct member *from;	/* FLOOD: where it came from */
	struct member *drop_at; /* DROP: where it is counted */
	struct flow_conn conns[FLOW_CONNS_MAX];
	const struct conn_zone *refused; /* DROP: the zone that has no connection for it, as long as it made no other */
	uint64_t refused_made;
	struct nat_rewrite rewrite; /* with `translates` */
};

/* A hop that counts: a router interface, in or out. */
struct flow_hop {
	struct member *member;
	bool tx;
};

/* A generation that the way rests on, and its value then. */
struct flow_rest {
	const uint64_t *generation;
	uint64_t value;
};

#define FLOW_ALIGN 64

/* An entry. What each packet needs comes first, from the start of a cache line on. */
struct flow {
	_Alignas(FLOW_ALIGN) struct flow_key key; /* masked */
	uint64_t epoch;				  /* found good then */
	uint64_t packets, bytes;
	struct flow_actions actions;
	uint32_t fields;
	uint32_t hash;
	uint16_t hop_count, rest_count;
	uint64_t topology_generation;
	struct port *port;
	struct list in_port; /* port->flows, oldest first */
	struct list in_all;
	struct flow_rest *rests; /* one piece of memory with `hops` */
	struct flow_hop *hops;
};

/* What a walk hands in. */
struct flow_draft {
	struct flow_key key;
	uint32_t fields;
	struct flow_actions actions;
	unsigned hop_count, rest_count;
	struct flow_hop hops[FLOW_HOPS_MAX];
	struct flow_rest rests[FLOW_RESTS_MAX];
};

struct flow_cache *flow_cache_new(uint32_t limit);
void flow_cache_free(struct core *core);

/* The entry for a packet that still holds, or NULL; an entry that doesn't is removed. */
struct flow *flow_cache_find(struct core *core, const struct flow_key *key);

/*
 * The entries for at most PACKET_BURST packets of a port, or NULL for each; they may not hold any more. They are good until
 * core->flow_changes differs.
 */
void flow_cache_find_burst(struct core *core, struct port *port, const struct flow_key *keys, struct flow **flows, unsigned count);

/* True when nothing that the entry rests on has changed; else it is removed. */
bool flow_cache_still_holds(struct core *core, struct flow *flow);
static inline bool flow_cache_holds(struct core *core, struct flow *flow)
{
	return flow->epoch == core->epoch || flow_cache_still_holds(core, flow);
}

/* Makes an entry of a walk's draft for packets from `port`. */
void flow_cache_add(struct core *core, struct port *port, const struct flow_draft *draft);

/* Adds what the entries counted to their hops; and removes them all (before objects that they point to are freed). */
void flow_cache_settle(struct core *core);
void flow_cache_clear(struct core *core);

uint32_t flow_cache_count(const struct core *core);

#endif
