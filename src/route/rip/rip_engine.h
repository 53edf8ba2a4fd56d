/* The inside of the RIP engine, shared by its files: tables and who may touch them. Nobody else includes this. */
#ifndef ROUTE_RIP_ENGINE_H
#define ROUTE_RIP_ENGINE_H

#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"
#include "route/prefix_table.h"
#include "route/rip/rip.h"

/* An interface that RIP runs on. */
struct rip_interface {
	struct list in_rip;
	uint32_t rif;
	bool up;
	struct rip_interface_settings settings;
	unsigned address_count;
	struct prefix addresses[ADDRESSES_MAX];
	struct list neighbors;
	uint64_t drops[RIP_DROP_COUNT];
};

/* A router that we heard of on an interface. It is proven by its first good packet; unproven ones are the first to go when room is
 * needed. */
struct rip_neighbor {
	struct list in_interface;
	struct list in_heard; /* rip->heard or rip->unproven, the longest silent first */
	struct rip_interface *interface;
	struct ip ip;
	bool proven;
	bool sequence_known;
	uint32_t sequence; /* the highest that was authentic */
	struct instant heard;
	struct instant answered; /* when it last got an answer to a question */
	uint64_t bad_packets;
	uint64_t bad_routes;
	uint64_t bad_auth;
	struct list paths;
};

/* What a neighbor said of a prefix; its metric includes the interface's cost and is below infinity. */
struct rip_path {
	struct list in_route;
	struct list in_aging; /* rip->aging, the longest unrepeated first */
	struct list in_neighbor;
	struct rip_route *route;
	struct rip_neighbor *neighbor;
	struct instant refreshed;
	struct ip nexthop;
	uint16_t tag;
	uint8_t metric;
	bool selected;
};

/* A prefix. `metric` is what we advertise; RIP_INFINITY means it waits in the garbage. */
struct rip_route {
	struct prefix_node node;
	struct list in_routes;
	struct list in_changed;
	struct list in_garbage; /* rip->garbage, the longest dead first */
	struct list paths;
	struct instant died;
	bool is_local;
	bool learnt; /* the RIB has it from us */
	uint8_t path_count;
	uint8_t metric;
	uint16_t tag;
	struct rip_local local;
};

struct rip {
	const struct rip_ops *ops;
	void *context;
	struct rip_settings settings;
	struct rand rand;
	struct instant started;
	uint32_t wall_s; /* at `started` */
	struct prefix_table table;
	struct list routes; /* in order of birth, so that output doesn't depend on hashes */
	struct list changed;
	struct list garbage;
	struct list aging;
	struct list interfaces;
	struct list heard;
	struct list unproven;
	struct map interface_of; /* rif -> interface */
	struct map neighbor_of;	 /* rif << 32 | IPv4 -> neighbor */
	uint32_t neighbor_count;
	struct instant update_at;		  /* next periodic update */
	struct instant trigger_at;		  /* next triggered update, NEVER: nothing changed */
	struct instant hold_until;		  /* no triggered update before */
	uint64_t drops_elsewhere[RIP_DROP_COUNT]; /* with no interface to count them on */
};

/* rip.c: counts a drop where it belongs; `interface` and `neighbor` may be NULL. Returns `drop`. */
enum rip_drop rip_count_drop(struct rip *rip, struct rip_interface *interface, struct rip_neighbor *neighbor, enum rip_drop drop);

/* rip_table.c: the route of a prefix, made when it is missing and `make`; NULL when there is none or no room for it. */
struct rip_route *rip_route_get(struct rip *rip, const struct prefix *prefix, bool make);

/* rip_table.c: a neighbor's report, `metric` with the cost added (RFC 2453 3.9.2). */
void rip_report(struct rip *rip, struct rip_neighbor *neighbor, const struct rip_entry *entry, uint8_t metric, struct ip nexthop,
	struct instant now);

/* rip_table.c: forgets a path without looking at its route; chooses among the paths of a route and lets everyone know. */
void rip_path_free(struct rip_path *path);
void rip_route_decide(struct rip *rip, struct rip_route *route, bool changed, struct instant now);
void rip_route_free(struct rip *rip, struct rip_route *route);

/* rip_table.c: loses all that a neighbor said. */
void rip_neighbor_lost(struct rip *rip, struct rip_neighbor *neighbor, struct instant now);

/* rip_table.c: ends paths and garbage whose time is over. */
void rip_table_age(struct rip *rip, struct instant now);

/* rip_neighbor.c: the neighbor of this address, made when it is missing; NULL when there is no room. */
struct rip_neighbor *rip_neighbor_get(struct rip *rip, struct rip_interface *interface, struct ip ip, struct instant now);

/* rip_neighbor.c: something came, a good packet or a bad one; the neighbor goes (its paths are lost already); the silent go. */
void rip_neighbor_heard(struct rip *rip, struct rip_neighbor *neighbor, bool good, struct instant now);
void rip_neighbor_free(struct rip *rip, struct rip_neighbor *neighbor);
void rip_neighbors_age(struct rip *rip, struct instant now);

/* rip_output.c: the whole table, what changed, or the whole table as unreachable; to one host, or to the group (`to` none). */
enum rip_table_part { RIP_PART_ALL, RIP_PART_CHANGED, RIP_PART_POISON };
void rip_send_table(
	struct rip *rip, struct rip_interface *interface, enum rip_table_part part, struct ip to, uint16_t port, struct instant now);

/* rip_output.c: asks the group for their whole tables. */
void rip_send_request(struct rip *rip, struct rip_interface *interface, struct instant now);

/* rip_output.c: answers a question for single prefixes in kind (RFC 2453 3.9.1): no split horizon. */
void rip_send_answers(
	struct rip *rip, struct rip_interface *interface, struct rip_packet *question, struct ip to, uint16_t port, struct instant now);

/* rip_output.c: sets the time of the triggered update. */
void rip_trigger(struct rip *rip, struct instant now);

#endif
