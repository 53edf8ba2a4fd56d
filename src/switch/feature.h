/* A feature: one step of the walk; its row in features.c says in which stage and after which others it runs. */
#ifndef SWITCH_FEATURE_H
#define SWITCH_FEATURE_H

#include "switch/walk.h"

struct feature {
	const char *name;
	enum stage stage;
	enum feature_result (*run)(struct walk *walk);
};

/* The table, grouped by stage, each stage's features in their order; ended by a row without a name. */
extern const struct feature features[];

/* What features.c names. Port: */
enum feature_result feature_port_state(struct walk *walk);
enum feature_result feature_guard(struct walk *walk);
enum feature_result feature_dhcp(struct walk *walk);
enum feature_result feature_dhcp6(struct walk *walk);
enum feature_result feature_ra(struct walk *walk);
enum feature_result feature_dns(struct walk *walk);
enum feature_result feature_group_out(struct walk *walk);
/* Network: */
enum feature_result feature_cable(struct walk *walk);
enum feature_result feature_learn(struct walk *walk);
enum feature_result feature_bridge(struct walk *walk);
/* Delivery to a port: */
enum feature_result feature_group_in(struct walk *walk);
enum feature_result feature_output(struct walk *walk);
/* Router interface: */
enum feature_result feature_arp(struct walk *walk);
enum feature_result feature_ip_check(struct walk *walk);
enum feature_result feature_nat(struct walk *walk);
enum feature_result feature_local(struct walk *walk);
/* Forwarding: */
enum feature_result feature_ttl(struct walk *walk);
enum feature_result feature_route(struct walk *walk);
enum feature_result feature_mtu(struct walk *walk);
enum feature_result feature_resolve(struct walk *walk);

/* The interface by which a packet to `destination` leaves the walk's router, as feature_route will choose; NULL: none. */
struct rif *route_interface(struct walk *walk, struct ip destination);

/* A frame to a group that a router's interface hears: ARP, neighbor discovery, the routing protocols' groups. Only looks at the packet. */
void feature_listen(struct walk *walk, struct rif *rif);

#endif
