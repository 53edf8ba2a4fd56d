/*
 * The declared world: a lab as its file says it, in one value.
 *
 * Theory of operation. `lab_parse_yaml` and `lab_from_json` make the same struct through the same knob table (knobs.c), and the printers
 * print it back through that table, so what is printed parses again to the same value. A lab as parsed still has counts, defaults and
 * short forms; `lab_expand` makes the flat lab of single objects, in the file's order, with every reference resolved to an index. Whoever
 * owns pools fills the addresses of a flat lab in (ctl/assign); the fields that allocation fills are marked (A).
 * A lab and all it points to live in its arena. Nothing here does I/O.
 */
#ifndef MODEL_LAB_H
#define MODEL_LAB_H

#include "base/arena.h"
#include "net/addr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where something was written: 1-based line and column of the lab file; 0 when it wasn't (default, JSON). */
struct place {
	uint32_t line;
	uint32_t column;
};

enum strategy { STRATEGY_SEQUENTIAL, STRATEGY_RANDOM, STRATEGY_HASH, STRATEGY_COUNT };
enum pool_kind { POOL_IPV4, POOL_IPV6, POOL_MAC, POOL_AS, POOL_KIND_COUNT };

/* pools: NAME: { ipv4: 10.1.0.0/16, prefix: 24 | mac: "52:54:00:00:00:00/24" | as: 65001-65999, strategy: , seed: , block: 64,
 * exclude: [10.1.0.0/20] } */
struct lab_pool {
	const char *name;
	struct place place;
	enum pool_kind kind;
	struct prefix range; /* ipv4, ipv6 */
	uint8_t unit_length; /* `prefix`: length of what is handed out; 32 or 128 for single addresses */
	struct mac mac_base;
	uint8_t mac_bits; /* leading bits that are fixed */
	uint32_t as_first, as_last;
	enum strategy strategy;
	uint64_t seed;
	uint32_t quarantine_s;
	bool shorten_quarantine; /* when nothing else is free */
	uint32_t quota;		 /* most that the lab may hold; 0: no limit */
	uint32_t block;		 /* 0: static; else it grows by so many */
	const char **exclude;
	size_t exclude_count;
};

/* The image that is made on the spot. */
#define LAB_IMAGE_TINY "builtin:tiny"

/* No image: the machine has no disk and boots from the network, as its DHCP server says. */
#define LAB_IMAGE_NETWORK "builtin:network"

enum lab_image_kind { LAB_IMAGE_FILE, LAB_IMAGE_IMPORTED };

/* images: NAME: { file: PATH | imported: NAME, sha256: HEX } */
struct lab_image {
	const char *name;
	struct place place;
	enum lab_image_kind kind;
	const char *file;
	const char *imported; /* its name among the imported ones */
	const char *sha256;
};

/* networks: NAME: { ipv4: 10.1.0.0/24 | pool: NAME, ipv6: , dhcp: true, dns: true, mtu: 1500, lease: 3600s, gateway: | none,
 * storm-limit: 10000, exclude: [10.1.0.20-10.1.0.29], quarantine: 300s, name-servers: [], ntp-servers: [],
 * dhcp-routes: ["10.0.0.0/8 via 10.1.0.2"], next-server: , bootfile: } */
struct lab_network {
	const char *name;
	struct place place;
	struct prefix ipv4; /* (A) from `pool` when not written */
	struct prefix ipv6;
	int pool; /* index in lab.pools, -1: none */
	const char *pool_name;
	bool dhcp;
	uint16_t mtu;
	uint32_t lease_s;
	struct ip gateway; /* (A) the first router's address when not written */
	uint32_t storm_limit;
	bool no_gateway; /* `gateway: none`: DHCP offers no router */
	bool dns;	 /* the network answers for the names of the lab's machines */
	uint32_t quarantine_s;
	bool shorten_quarantine;
	const char **exclude; /* addresses, ranges and prefixes that machines don't get */
	size_t exclude_count;
	const char **name_servers, **ntp_servers, **dhcp_routes;
	size_t name_server_count, ntp_server_count, dhcp_route_count;
	struct ip next_server;
	const char *bootfile;
};

enum lab_rip_auth {
	LAB_RIP_AUTH_NONE,
	LAB_RIP_AUTH_PASSWORD,
	LAB_RIP_AUTH_MD5,
	LAB_RIP_AUTH_SHA1,
	LAB_RIP_AUTH_SHA256,
	LAB_RIP_AUTH_SHA384,
	LAB_RIP_AUTH_SHA512
};

/* rip: { auth: { type: md5, key-id: 1, key: secret }, cost: 1, passive: true } on an interface; also the router's default. */
struct lab_rip_auth_key {
	enum lab_rip_auth type;
	uint8_t key_id;
	const char *key;
};

enum lab_ospf_type { LAB_OSPF_AUTO, LAB_OSPF_BROADCAST, LAB_OSPF_POINT_TO_POINT };

struct lab_ospf_range {
	struct place place;
	struct prefix prefix;
	bool hide;
};

/* ospf.areas: 1: { stub: true, no-summary: true, default-cost: 1, ranges: [ 10.1.0.0/16, { prefix: 10.2.0.0/16, hide: true } ] } */
struct lab_ospf_area {
	const char *name; /* its number */
	struct place place;
	bool stub, no_summary;
	uint32_t default_cost;
	struct lab_ospf_range *ranges;
	size_t range_count;
};

/* [connected, { from: ospf, policy: NAME, metric: 10 }]; `from` in the order of enum route_protocol */
enum lab_from { LAB_FROM_CONNECTED, LAB_FROM_STATIC, LAB_FROM_RIP, LAB_FROM_OSPF, LAB_FROM_BGP, LAB_FROM_COUNT };
struct lab_redistribution {
	struct place place;
	int from; /* enum lab_from */
	const char *policy_name;
	uint32_t metric;
	bool metric_set;
};

/*
 * ospf: { area: 0, cost: 10, hello: 10s, dead: 40s, priority: 1, auth: } on a router, a link or an interface, each for what the next one
 * doesn't say; links and interfaces: { type: , mtu-ignore: }, interfaces: { passive: }; routers: { passive: [lan], redistribute:
 * [connected, static, rip], metric: 20, default-originate: true, areas: }. Numbers that are not written are 0; in flat labs all of an
 * interface's are set.
 */
struct lab_ospf {
	bool on, written;
	bool area_set, priority_set;
	uint8_t priority;
	uint16_t cost, hello_s;
	uint32_t area, dead_s;
	enum lab_ospf_type type;
	bool mtu_ignore, passive;
	bool auth_set;
	struct lab_rip_auth_key auth;
	const char **passive_names;
	size_t passive_count;
	struct lab_redistribution *redistribute;
	size_t redistribute_count;
	bool default_originate;
	uint32_t metric;
	struct lab_ospf_area *areas;
	size_t area_count;
};

/*
 * routers.NAME.interfaces: NAME: { network: NAME, ipv4: 10.1.0.1/24, mac: , rip: { cost: , passive: , auth: } } ; short form: the network's
 * name. One without network is the end of a link that names it ("r1:eth3"). An address written without length has length 0 until
 * lab_expand gives it that of its network.
 */
struct lab_interface {
	const char *name;
	struct place place;
	const char *network_name; /* NULL for an end of a link */
	int network;		  /* index in lab.networks, or -1 */
	int link;		  /* index in lab.links, or -1 (flat labs) */
	struct prefix ipv4;	  /* (A) */
	struct prefix ipv6;
	struct mac mac; /* (A) */
	bool rip;	/* RIP runs here (flat labs) */
	bool rip_set;	/* `rip` is written here; else the router decides (always true in flat labs) */
	bool rip_passive;
	uint8_t rip_cost;
	struct lab_rip_auth_key rip_auth;
	bool rip_auth_set; /* `auth` is written here, so that it isn't the link's or router's */
	struct lab_ospf ospf;
};

/* routers.NAME.routes: [ { to: 0.0.0.0/0, via: 10.1.0.254, distance: 1 } | { to: , blackhole: true } ] */
struct lab_route {
	struct place place;
	struct prefix to;
	struct ip via; /* none with `blackhole` */
	bool blackhole;
	uint8_t distance;
};

/* prefix-sets, community-sets, as-path-sets: { NAME: [10.0.0.0/8 le 24, ...] } */
struct lab_policy_set {
	const char *name;
	struct place place;
	const char **members;
	size_t member_count;
};

enum lab_then { LAB_THEN_ACCEPT, LAB_THEN_REJECT, LAB_THEN_NEXT };
enum lab_origin { LAB_ORIGIN_AS_IT_IS, LAB_ORIGIN_IGP, LAB_ORIGIN_EGP, LAB_ORIGIN_INCOMPLETE };

/* { match: { prefix: [customers], as-path: , community: , protocol: , family: , origin: , min-path-length: , max-path-length: },
 *   set: { local-pref: , metric: , origin: , prepend: , add-community: , remove-community: , clear-communities: }, then: accept } */
struct lab_policy_rule {
	struct place place;
	const char **prefixes, **as_paths, **communities; /* names of sets, or what sets have as members */
	size_t prefix_count, as_path_count, community_count;
	bool from_connected, from_static, from_rip, from_ospf, from_bgp;
	bool ipv4, ipv6;
	bool origin_igp, origin_egp, origin_incomplete;
	uint16_t path_least, path_most;
	bool path_least_set, path_most_set;
	uint32_t local_pref, metric;
	bool local_pref_set, metric_set;
	int origin; /* enum lab_origin */
	uint8_t prepend;
	const char **add, **remove;
	size_t add_count, remove_count;
	bool clear_communities;
	int then; /* enum lab_then */
};

/* route-policies: { NAME: [ rules ] } */
struct lab_route_policy {
	const char *name;
	struct place place;
	struct lab_policy_rule *rules;
	size_t rule_count;
};

/* routers.NAME.bgp.neighbors: [ r2 | { router: r2 | address: 10.0.0.9, as: , import: all, export: all, md5: , hold: , next-hop-self: ,
 * reflector-client: , families: [ipv4, ipv6], max-prefixes: , passive: } ] */
struct lab_bgp_neighbor {
	struct place place;
	const char *router_name;
	int router; /* index in lab.routers, or -1 (flat labs) */
	struct ip address;
	uint32_t as;		     /* 0: that of the router */
	const char *import, *export; /* "none", "all", or the name of a policy */
	bool ipv4, ipv6;	     /* neither: ipv4 */
	uint16_t hold_s;
	const char *key;
	uint32_t prefixes_max; /* 0: as many as fit */
	bool next_hop_self, reflector_client, passive;
};

enum lab_nat_kind { LAB_NAT_SOURCE, LAB_NAT_DESTINATION, LAB_NAT_STATIC, LAB_NAT_PREFIX };

/* routers.NAME.nat: [ { snat: 10.1.0.0/16, interface: out, to: 203.0.113.8-203.0.113.15 } | { dnat: tcp/2201, interface: out, to: "vm1:22",
 * address: } | { one-to-one: 203.0.113.9, interface: out, to: vm2 } | { prefix: "fd00:1::/48", interface: out, to: "2001:db8:1::/48" } ] */
struct lab_nat {
	struct place place;
	enum lab_nat_kind kind;
	struct prefix match; /* snat: sources; prefix: the inside one */
	const char *service; /* dnat: "tcp/2201", "udp/8000-8010" */
	struct ip one_to_one;
	struct ip address;	    /* dnat: none: the interface's own */
	const char *interface_name; /* to the outside */
	const char *to;		    /* snat: addresses, NULL: the interface's own; prefix: the outside one; else a machine or address */
};

/* routers: NAME: { count: , router-id: , interfaces: , routes: , rip: { passive: [lan], auth: , update: 30s, timeout: 180s, garbage: 120s,
 * redistribute: [static, connected], default-originate: true }, bgp: { as: 65001, router-id: , multipath: , advertise: [connected, static,
 * rip], neighbors: } } */
struct lab_router {
	const char *name;
	struct place place;
	uint32_t count;	     /* 0: written without count, one object with this very name */
	struct ip router_id; /* (A) */
	uint32_t routes_max; /* 0: by the host's memory */
	struct lab_interface *interfaces;
	size_t interface_count;
	struct lab_route *routes;
	size_t route_count;
	bool rip;
	const char **rip_passive;
	size_t rip_passive_count;
	struct lab_rip_auth_key rip_auth;
	uint16_t rip_update_s, rip_timeout_s, rip_garbage_s;
	struct lab_redistribution *rip_redistribute;
	size_t rip_redistribute_count;
	bool rip_default_originate;
	struct lab_ospf ospf;
	bool bgp;
	uint32_t bgp_as;
	struct ip bgp_router_id; /* none: router_id */
	uint8_t bgp_multipath;
	struct lab_redistribution *bgp_advertise;
	size_t bgp_advertise_count;
	struct lab_bgp_neighbor *bgp_neighbors;
	size_t bgp_neighbor_count;
	struct lab_nat *nat;
	size_t nat_count;
};

/* links: [ { name: , from: r1, to: r2, pool: p2p | ipv4: 10.0.0.0/31, mtu: , rip: } ]: a cable between two routers, or a router and a
 * machine ("r1", "r1:eth3", "vm1"). In flat labs both ends name their interface ("r1:eth0"). */
struct lab_link {
	const char *name; /* "r1:r2" when not written; "r1:r2#2" for the second one between the same two */
	struct place place;
	const char *from, *to;
	const char *pool_name;
	int pool;
	struct prefix ipv4; /* (A) */
	uint16_t mtu;
	bool down;
	/* what the cable does to packets, as written ("20ms", "1%", "100Mbit"), NULL: nothing of the kind */
	const char *delay, *jitter, *loss, *rate, *corrupt, *duplicate, *reorder;
	bool rip, rip_set; /* what both of its interfaces get unless they say so themselves */
	uint8_t rip_cost;
	struct lab_rip_auth_key rip_auth;
	bool rip_auth_set;
	struct lab_ospf ospf;
};

/* security-groups: NAME: { ingress: [ { protocol: tcp, port: 22, from: group:web } ], egress: [ { to: any } ] } */
struct lab_rule {
	struct place place;
	const char *protocol;		/* "any", a name, or a number */
	uint16_t port_first, port_last; /* 0: any */
	uint8_t icmp_type;		/* 0: any */
	const char *peer;		/* `from` or `to`: "any", "none", an address, a prefix, or "group:NAME" */
};

struct lab_group {
	const char *name;
	struct place place;
	struct lab_rule *ingress;
	size_t ingress_count;
	struct lab_rule *egress; /* none: everything may go out */
	size_t egress_count;
};

/* allowed-address-pairs of a NIC: [ 10.0.0.9 | { ip: 10.0.0.0/28, mac: } ]: what it may also speak from. */
struct lab_address_pair {
	struct place place;
	struct prefix ip; /* length 0: this address alone */
	struct mac mac;	  /* zero: the NIC's own */
};

/* vms.NAME.nics: [ lan | { network: lan, ipv4: , mac: } ] */
struct lab_nic {
	const char *name; /* "eth0" */
	struct place place;
	const char *network_name;
	int network; /* index, or -1 */
	int link;    /* index, or -1 */
	const char *mac_pool_name;
	int mac_pool;
	struct mac mac;	     /* (A) */
	struct prefix ipv4;  /* (A) address with the network's length */
	struct prefix ipv6;  /* (A) in networks with DHCP */
	const char **groups; /* security groups */
	size_t group_count;
	struct lab_address_pair *pairs;
	size_t pair_count;
};

enum lab_restart { LAB_RESTART_NEVER, LAB_RESTART_ON_FAILURE, LAB_RESTART_ALWAYS };

/* vms: NAME: { count: , image: , cpus: , memory: 96M, priority: , estimate: 60s, walltime: 90s, restart: always, after: [db], nics: ,
 * start: true, keep-disk: false } */
struct lab_vm {
	const char *name;
	struct place place;
	uint32_t count;
	const char *image_name; /* "builtin:tiny" or a key of images */
	int image;		/* index in lab.images, -1: builtin */
	uint16_t cpus;		/* 0 until lab_expand when not written */
	uint32_t memory_mib;	/* 0 until lab_expand when not written */
	int32_t priority;
	uint32_t estimate_s, walltime_s; /* 0: not known, no limit */
	enum lab_restart restart;
	const char **after; /* machines that run before it starts: names in flat labs, selections before */
	size_t after_count;
	bool start;
	bool keep_disk;
	const char *uri; /* libvirt's, NULL: embedded */
	struct lab_nic *nics;
	size_t nic_count;
};

enum lab_socket_mode { LAB_SOCKET_CLIENT, LAB_SOCKET_SERVER };

/* ports: NAME: { network: lan, tap: tap0, netns: frr, mac: , ipv4: , ipv6: } or { network: lan, vhost-user: NAME, mode: client | server };
 * with a MAC it is a known host, who gets an address like a machine does. */
struct lab_port {
	const char *name;
	struct place place;
	const char *network_name;
	int network;
	const char *tap;    /* this or `socket` */
	const char *netns;  /* NULL: the host's */
	const char *socket; /* file name in the daemon's folder for them */
	enum lab_socket_mode mode;
	struct mac mac;		  /* zero: anyone may be behind it */
	struct prefix ipv4, ipv6; /* (A) with a MAC */
};

enum lab_policy { LAB_POLICY_FCFS, LAB_POLICY_RR, LAB_POLICY_PRIORITY, LAB_POLICY_PREEMPTIVE };
enum lab_backfill { LAB_BACKFILL_AUTO, LAB_BACKFILL_NONE, LAB_BACKFILL_EASY };
enum lab_pause_mode { LAB_PAUSE_HOLD, LAB_PAUSE_RELEASE };

/* schedule.overcommit: { cpus: 4.0, memory: 1.0 }, thousandths */
struct lab_overcommit {
	struct place place;
	uint32_t cpus, memory;
};

/* schedule: { policy: fcfs | rr | priority | priority-preemptive, backfill: easy, quantum: 30s, aging: 60s, max-starting: 2, mode: hold,
 * cpus: 8, memory: 16G, overcommit: , calm: 80% } */
struct lab_schedule {
	struct place place;
	enum lab_policy policy;
	enum lab_backfill backfill;
	enum lab_pause_mode mode;
	uint32_t quantum_s, aging_s;
	uint16_t max_starting;
	uint32_t cpus, memory_mib; /* 0: the host's */
	bool overcommit_set;
	struct lab_overcommit overcommit;
	uint8_t calm; /* percent; 0: load isn't looked at */
};

enum lab_test_kind { LAB_TEST_PING, LAB_TEST_PING_ALL, LAB_TEST_DENY, LAB_TEST_ROUTE, LAB_TEST_OSPF };

/* tests: [ { ping: [a, b] } | { ping-all: "h[1-4]" } | { deny: [a, b] } | { route: r1, to: 10.2.0.0/24, via: 10.0.0.1, protocol: rip } |
 * { ospf: r1, neighbors: 3 } , within: 30s ] */
struct lab_test {
	struct place place;
	enum lab_test_kind kind;
	const char **machines; /* names in flat labs, selections before */
	size_t machine_count;
	const char *router;
	struct prefix to;
	struct ip via;	      /* none: any */
	const char *protocol; /* NULL: any */
	uint32_t neighbors;   /* OSPF: at least so many are Full */
	uint32_t within_s;
};

struct node;

struct lab {
	struct arena *arena;
	const struct node *tree; /* what it was read from (model/tree.h), for the places of errors; may be NULL */
	const char *name;
	uint32_t version;
	bool flat; /* made by lab_expand */
	struct lab_pool *pools;
	size_t pool_count;
	struct lab_image *images;
	size_t image_count;
	struct lab_group *groups;
	size_t group_count;
	struct lab_policy_set *prefix_sets, *community_sets, *as_path_sets;
	size_t prefix_set_count, community_set_count, as_path_set_count;
	struct lab_route_policy *route_policies;
	size_t route_policy_count;
	struct lab_network *networks;
	size_t network_count;
	struct lab_router *routers;
	size_t router_count;
	struct lab_link *links;
	size_t link_count;
	struct lab_vm *vms;
	size_t vm_count;
	struct lab_port *ports;
	size_t port_count;
	struct lab_schedule schedule;
	struct lab_test *tests;
	size_t test_count;
};

#endif
