/* The shortest path tree of one area and the routes inside of it (RFC 2328 16.1), from LSAs alone. */
#ifndef ROUTE_OSPF_SPF_H
#define ROUTE_OSPF_SPF_H

#include "route/ospf/ospf_lsa.h"

/* Ways of equal cost that a route keeps; those over it are left out and counted. */
#define OSPF_HOPS_MAX 8

/* A first hop: our own address on the interface (the link data of our router LSA), and the neighbour's address there. A gateway of 0 is
 * the neighbour at the other end of a point-to-point link, or nobody where the interface is on the network itself. */
struct ospf_hop {
	uint32_t interface;
	uint32_t gateway;
};

/* First hops, without doubles; `count` 0 is ourselves. */
struct ospf_hops {
	uint8_t count;
	struct ospf_hop at[OSPF_HOPS_MAX];
};

/* A route inside of the area; host order. */
struct ospf_route {
	uint32_t network;
	uint8_t length;
	uint32_t cost;
	struct ospf_hops hops;
};

/* How a router is reached: what routes of other areas and of other systems need (RFC 2328 16.2, 16.4). */
struct ospf_router_route {
	uint32_t router_id;
	uint8_t flags; /* of its router LSA: 1 border of areas, 2 border of the system */
	uint32_t cost;
	struct ospf_hops hops;
};

/* What a run found: routes by network and length, routers by id. Empty when all zero. */
struct ospf_spf {
	struct ospf_route *routes;
	size_t route_count;
	struct ospf_router_route *routers;
	size_t router_count;
	struct ospf_router_route *networks; /* likewise the transit networks, by the id of their LSA */
	size_t network_count;
	uint64_t hops_left_out;
};

/*
 * Runs Dijkstra from router `root` over the router and network LSAs among `lsas` (all as ospf_lsa_read gave them; others and those of
 * MaxAge are passed over). 0, or -ENOMEM with `spf` empty. The result is the caller's, freed by ospf_spf_free.
 */
int ospf_spf_run(struct ospf_spf *spf, uint32_t root, const struct ospf_lsa *lsas, size_t count);

/*
 * Hangs the routes on the tree anew that ospf_spf_run made, for LSAs of which only stub links changed since (RFC 2328 16.1, second stage).
 * 0, or -ENOMEM with `spf` as it was.
 */
int ospf_spf_routes(struct ospf_spf *spf, const struct ospf_lsa *lsas, size_t count);
void ospf_spf_free(struct ospf_spf *spf);

#endif
