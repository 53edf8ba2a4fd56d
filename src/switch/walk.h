/*
 * The walk: the slow path of a packet through the features, which decides what happens to it and notes on what the decision rests.
 *
 * Theory of operation. A walk starts in a stage (core_state.h) and runs the features of that stage in the order of features.c. Each feature
 * says CONTINUE (the next feature), GOTO (a new stage, set in walk->stage) or END. A feature only decides: it reads fields through the
 * accessors below, which note the field, and writes its decision into the draft's actions. The same code then runs those actions for this
 * packet and, from the flow cache, for the flow's next ones (walk_run). A feature that must have the packet itself (answer it, hold it,
 * report it) calls walk_take: what was decided so far is applied to the packet, and the walk makes no cache entry.
 */
#ifndef SWITCH_WALK_H
#define SWITCH_WALK_H

#include "net/ethernet.h"
#include "switch/flow_cache.h"
#include "switch/trace.h"

enum feature_result { FEATURE_CONTINUE, FEATURE_GOTO, FEATURE_END };

struct walk {
	struct core *core;
	struct packet *packet;
	struct flow_view view;
	struct flow_key key; /* as the packet reads at this point of its way */
	uint32_t rewritten;  /* fields of it that routers on the way have set */
	bool cacheable;
	bool arrived; /* has been in flight on an impaired link and is at its far end */
	bool local;   /* made by the router that it is in: no TTL is taken, no errors are reported */
	enum stage stage;
	struct port *port;	 /* PORT: where it came in; NULL when it was made here */
	struct network *network; /* NETWORK */
	struct member *from;	 /* NETWORK: who put it there */
	struct router *router;	 /* ROUTER and later */
	struct port *to;	 /* DELIVER */
	struct rif *in;		 /* ROUTER and later: where it came into the router; NULL when made here */
	struct rif *out;	 /* EGRESS */
	struct ip nexthop;	 /* EGRESS */
	unsigned routers;	 /* crossed so far */
	bool path_chosen;	 /* `path_hash` picks among equal next hops: that from before the router changed the addresses */
	uint32_t path_hash;
	struct flow_draft *draft;
};

/* True in a dry-run (trace.h): the feature decides, and changes nothing but the walk. */
static inline bool walk_is_dry(const struct walk *walk) { return walk->core->trace != NULL; }

/* Says what a feature found, for a trace; the arguments are evaluated only there. */
#define walk_note(walk, ...)                                                                                                               \
	do {                                                                                                                               \
		if (walk_is_dry(walk))                                                                                                     \
			trace_note((walk)->core, __VA_ARGS__);                                                                             \
	} while (0)

/* Notes that fields were looked at. */
static inline void walk_look(struct walk *walk, uint32_t fields) { walk->draft->fields |= fields & ~walk->rewritten; }

static inline uint16_t walk_eth_type(struct walk *walk)
{
	walk_look(walk, FLOW_ETH_TYPE);
	return walk->key.eth_type;
}

static inline struct mac walk_eth_dst(struct walk *walk)
{
	walk_look(walk, FLOW_ETH_DST);
	return walk->key.eth_dst;
}

static inline struct mac walk_eth_src(struct walk *walk)
{
	walk_look(walk, FLOW_ETH_SRC);
	return walk->key.eth_src;
}

/* IP_V4, IP_V6 or IP_NONE by the frame's type. */
static inline enum ip_family walk_family(struct walk *walk)
{
	uint16_t type = walk_eth_type(walk);

	return type == ETHERNET_IPV4 ? IP_V4 : type == ETHERNET_IPV6 ? IP_V6 : IP_NONE;
}

/* What is wrong with the network header. */
static inline enum drop_reason walk_l3(struct walk *walk)
{
	walk_look(walk, FLOW_ETH_TYPE | FLOW_L3);
	return (enum drop_reason)walk->key.l3;
}

static inline struct ip walk_ip_src(struct walk *walk)
{
	enum ip_family family = walk_family(walk);

	walk_look(walk, FLOW_IP_SRC);
	return ip_from_bytes(family == IP_NONE ? IP_V4 : family, walk->key.ip_src);
}

static inline struct ip walk_ip_dst(struct walk *walk)
{
	enum ip_family family = walk_family(walk);

	walk_look(walk, FLOW_IP_DST);
	return ip_from_bytes(family == IP_NONE ? IP_V4 : family, walk->key.ip_dst);
}

static inline uint8_t walk_protocol(struct walk *walk)
{
	walk_look(walk, FLOW_PROTOCOL);
	return walk->key.protocol;
}

static inline enum flow_fragment walk_fragment(struct walk *walk)
{
	walk_look(walk, FLOW_FRAGMENT);
	return (enum flow_fragment)walk->key.fragment;
}

static inline enum flow_dhcp walk_dhcp(struct walk *walk)
{
	walk_look(walk, FLOW_ETH_TYPE | FLOW_DHCP);
	return (enum flow_dhcp)walk->key.dhcp;
}

static inline uint16_t walk_l4_src(struct walk *walk)
{
	walk_look(walk, FLOW_L4_SRC);
	return walk->key.l4_src;
}

static inline uint16_t walk_l4_dst(struct walk *walk)
{
	walk_look(walk, FLOW_L4_DST);
	return walk->key.l4_dst;
}

/* The TTL or hop limit at this point. An entry holds for packets with more than it takes away. */
static inline uint8_t walk_ttl(const struct walk *walk) { return (uint8_t)(walk->view.ttl - walk->draft->actions.ttl_decrement); }

/* True when the packet, segmented if it is to be, fits `mtu`. An entry holds for packets that do. */
bool walk_fits(struct walk *walk, uint16_t mtu);

/* Notes that the decision rests on a generation. */
void walk_rest(struct walk *walk, const uint64_t *generation);

/* Counts the packet on a router interface. */
void walk_count(struct walk *walk, struct member *member, bool tx);

/*
 * Notes that the packet belongs to a connection: it is told of this packet, and of those that the cache entry passes. Or that it was
 * refused because its zone has no connection for it.
 */
void walk_conn(struct walk *walk, struct conn *conn, enum conn_direction direction);
enum feature_result walk_refuse(struct walk *walk, struct member *at, enum drop_reason reason, bool tx, const struct conn_zone *zone);

/*
 * Decides that the packet reads `to` from here on, which it read as `from` so far: addresses, and ports or identifier. All of them were
 * looked at. A fragment and a query of ICMP are changed at once, and the walk makes no cache entry.
 */
void walk_translate(struct walk *walk, const struct conn_tuple *from, const struct conn_tuple *to);

/* The packet was changed by the feature itself (after walk_take): reads key and view anew. */
void walk_reread(struct walk *walk);

/* Ends of a walk; all return FEATURE_END. */
enum feature_result walk_drop(struct walk *walk, struct member *at, enum drop_reason reason);
enum feature_result walk_drop_tx(struct walk *walk, struct member *at, enum drop_reason reason);
enum feature_result walk_output(struct walk *walk, struct port *port);

/* Goes on in another stage; returns FEATURE_GOTO. */
enum feature_result walk_goto(struct walk *walk, enum stage stage);

/* Brings the packet to a router's interface, or into the network of one. */
enum feature_result walk_to_router(struct walk *walk, struct rif *rif);
enum feature_result walk_to_network(struct walk *walk, struct rif *rif);

/* Applies what was decided so far to the packet and makes the walk uncacheable: the packet may be read, and changed by who keeps it. */
void walk_take(struct walk *walk);

/* Whether a flood goes out of a member: a port that is up, not the sender, not guarded when the receiver is unknown. */
bool flood_takes(const struct flow_actions *actions, struct member *member);

/* Rewrites a packet as the actions say. */
void packet_rewrite(struct packet *packet, const struct flow_actions *actions);

/* Makes the packet whole: a checksum that its sender left to be done is. Before a router reads or cuts it; not for bundles to be segmented.
 */
void packet_finish(struct packet *packet);

/* Takes the packet for good: it is the caller's from now on, and the walk ends with nothing more to do (return FEATURE_END). */
struct packet *walk_keep(struct walk *walk);

/* The same, and frees it: it was answered or learned from. */
enum feature_result walk_consume(struct walk *walk);

/*
 * Walks a packet from a port, or one that was made here; takes it over. In a dry-run it is given back as it would leave (NULL when a
 * feature took it for good).
 */
struct packet *walk_from_port(
	struct core *core, struct port *port, struct packet *packet, const struct flow_key *key, const struct flow_view *view);
struct packet *walk_from_origin(struct core *core, const struct origin *origin);

/* Walks a packet that was in flight from an end of a link on to the other; takes it over. */
void walk_from_cable(struct core *core, struct member *from, struct packet *packet);

/* Shows the packet, as it is by now, to who captures a router interface; such walks make no cache entries. */
void walk_capture(struct walk *walk, const struct member *member, bool tx);

/* Counts a drop that a feature sees beside the packet's way: at who hears a frame to a group, say. */
void walk_count_drop(struct walk *walk, struct member *at, enum drop_reason reason);

/* True when a packet may be of all connections of an entry, or there still is none for it. */
bool walk_conns_hold(const struct flow_actions *actions, const struct flow_view *view);

/* True when the actions of an entry hold for a packet of its flow. */
static inline bool walk_actions_hold(const struct flow_actions *actions, const struct flow_view *view)
{
	if ((actions->conn_count > 0 || actions->is_refusal) && !walk_conns_hold(actions, view))
		return false;
	return view->l3_bytes <= actions->l3_bytes_max && (actions->ttl_decrement == 0 || view->ttl > actions->ttl_decrement);
}

/* Runs the actions, taking the packet over. */
void walk_run(struct core *core, const struct flow_actions *actions, struct packet *packet);

#endif
