/*
 * The virtual topology: networks, ports, routers and router interfaces, as the orders of ctl made them.
 *
 * Theory of operation. What is plugged into a network is a `member`: a port (a machine or a TAP behind it) or a router interface (rif). A
 * member that has a MAC of the model is entered in its network's FDB as a static entry and its addresses in the network's `known` map, so
 * neither can be taken over by frames. Each order that changes anything raises core->topology_generation, on which all flow cache entries
 * rest. Objects carry the mark of the last synchronization that named them; SYNC_END removes those that carry an older one.
 * A member whose network is gone stays, detached, and is attached again when the network comes back.
 */
#ifndef SWITCH_TOPOLOGY_H
#define SWITCH_TOPOLOGY_H

#include "api/message_types.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "switch/conn.h"
#include "switch/drop.h"
#include "switch/rate_limit.h"

struct capture;
struct core;
struct fib;
struct flow;
struct nat;

/* Kinds of frames that go to many: each has a rate of its own. */
enum storm_kind { STORM_BROADCAST, STORM_MULTICAST, STORM_UNKNOWN, STORM_KINDS };

/* What a port or router interface counted. `drops` is indexed by enum drop_reason. */
struct counters {
	uint64_t rx_packets, rx_bytes, rx_dropped;
	uint64_t tx_packets, tx_bytes, tx_dropped;
	uint64_t drops[DROP_COUNT];
};

/* What a port or router interface carried when that was measured last (throughput.h), and the bytes from which the next measure counts. */
struct throughput {
	uint64_t rx_bytes, tx_bytes;
	uint64_t rx_bps, tx_bps;
};

/* One direction of an impaired link: from the port or interface `from` (impair.h). */
struct impairment {
	uint32_t from;
	unsigned in_flight;
	struct instant free_at; /* when the rate has sent all so far */
	struct instant last;	/* when the last packet arrives that didn't overtake */
	struct rand rand;
};

/* What is plugged into a network: the first part of a port and of a router interface. */
struct member {
	struct list in_network;
	struct network *network; /* NULL: detached */
	uint32_t network_id;	 /* where it belongs */
	uint32_t id;		 /* of the port or rif */
	bool is_rif;
	uint32_t learned;	  /* FDB entries behind it */
	struct capture *captures; /* who looks at what passes, or NULL (capture.h) */
	struct counters counters;
	struct throughput throughput;
};

struct network {
	struct msg_network config;
	uint64_t mark;
	struct list members;
	unsigned member_count;
	struct map fdb; /* MAC -> struct fdb_entry */
	uint32_t learned;
	uint64_t fdb_generation;
	uint64_t moves;
	struct impairment impairments[IMPAIR_MAX]; /* as config.impair */
	struct map known;			   /* ip_key -> struct member: addresses that the model gave */
};

/* A DHCP lease of a port; `until` is NEVER-like in the past when there is none. */
struct dhcp_lease {
	bool active;
	struct ip ip;
	struct instant until;
	char hostname[NAME_BYTES];
};

struct port {
	struct member member;
	struct msg_port config;
	uint64_t mark;
	enum port_state state;
	char error[128];
	bool guarded; /* a machine whose MAC the model gave: anti-spoofing applies */
	struct list flows;
	uint32_t flow_count;
	unsigned flow_table;	/* of the flow cache: the one to look into first */
	struct flow *flow_last; /* likely to be the next packets', too, as long as core->flow_changes is the same */
	uint64_t flow_changes;
	unsigned flow_skip;		 /* bursts for which it isn't worth a look */
	struct dhcp_lease lease, lease6; /* DHCPv4's and DHCPv6's */
	struct rate_limit storm_rate[STORM_KINDS];
	struct port_policy *policy; /* of its security groups; NULL: it has none */
	struct conn_zone zone;
	struct rate_limit dhcp_rate; /* of router solicitations, too */
	struct rate_limit dns_rate;
};

struct router {
	struct msg_router config;
	uint64_t mark;
	struct list rifs;
	struct map locals; /* ip_key -> struct rif: addresses of interfaces that are up */
	struct fib *fib;
	struct msg_punt_rule *rules;
	unsigned rule_count;
	struct rate_limit icmp_rate;
	struct nat *nat;       /* its translation of addresses, or NULL (nat.h) */
	struct conn_zone zone; /* with `nat` */
};

struct rif {
	struct member member;
	struct msg_rif config;
	uint64_t mark;
	struct router *router;
	struct list in_router;
	bool carrier; /* it and its network are up */
	struct ip link_local;
	struct map neighbors; /* ip_key -> struct neighbor */
	uint32_t unresolved;  /* of them, INCOMPLETE or FAILED */
	uint32_t held;	      /* packets that wait in them */
	uint64_t neighbor_generation;
	struct rate_limit punt_rate, tcp_punt_rate;
};

/* An address as a key of a map; two different addresses may share one (IPv6), so compare what is found. */
uint64_t ip_key(struct ip ip);

struct network *network_find(const struct core *core, uint32_t id);
struct port *port_find(const struct core *core, uint32_t id);
struct router *router_find(const struct core *core, uint32_t id);
struct rif *rif_find(const struct core *core, uint32_t id);

/* The object around a member of the right kind. */
struct port *member_port(struct member *member);
struct rif *member_rif(struct member *member);
const char *member_path(struct member *member);

/* True when frames may pass the port: it, its network and its device are up. */
bool port_is_up(const struct port *port);

/* The member to which the model gave an address in this network, or NULL. */
struct member *network_known(const struct network *network, struct ip ip);

/* The interface of a router that owns an address: any that is up, or `in` for its own link-local one. NULL: not the router's. */
struct rif *router_local(const struct router *router, struct rif *in, struct ip ip);

/* True for the interface's own addresses, its IPv6 link-local one among them; and for the broadcast addresses of its subnets, and of all.
 */
bool rif_owns(const struct rif *rif, struct ip ip);
bool rif_is_broadcast(const struct rif *rif, struct ip ip);

/* The interface's own address of a family for speaking in its network: IPv6 link-local, the first IPv4 one. NONE when it has none. */
struct ip rif_address(const struct rif *rif, enum ip_family family);

/* Carries out orders; all return 0 or a negative errno and change nothing then. */
int network_set(struct core *core, const struct msg_network *config, struct err *err);
int port_set(struct core *core, const struct msg_port *config, struct err *err);
int router_set(struct core *core, const struct msg_router *config, struct err *err);
int rif_set(struct core *core, const struct msg_rif *config, struct err *err);
void network_del(struct core *core, uint32_t id);
void port_del(struct core *core, uint32_t id);
void router_del(struct core *core, uint32_t id);
void rif_del(struct core *core, uint32_t id);

/* SYNC_BEGIN and SYNC_END. */
void topology_sync_begin(struct core *core);
int topology_sync_end(struct core *core, struct err *err);

/* Frees all objects. */
void topology_free(struct core *core);

/* Counts `packets` dropped packets on a member, as received or as to be sent. */
static inline void member_drop(struct member *member, enum drop_reason reason, bool tx, uint64_t packets)
{
	member->counters.drops[reason] += packets;
	if (tx)
		member->counters.tx_dropped += packets;
	else
		member->counters.rx_dropped += packets;
}

#endif
