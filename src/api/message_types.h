/*
 * Every message between the processes, as structs (OSPF's are in message_ospf.h, security groups' in message_group.h, machines' in
 * message_vm.h). Their rows are in messages.c; the meaning of sets, events and questions in message.h. Long because it is the one list of
 * all messages.
 */
#ifndef API_MESSAGE_TYPES_H
#define API_MESSAGE_TYPES_H

#include "api/message.h"
#include "api/message_trace.h"
#include "api/message_vm.h"

/*
 * Limits of the messages themselves. Interface: packet bytes of a punt; prefixes of an interface; next hops of a route (ECMP); routes of
 * one batch; security groups and further addresses of a port.
 */
#define PACKET_BYTES_MAX 9216
#define ADDRESSES_MAX 8
#define SERVERS_MAX 4
#define DHCP_ROUTES_MAX 8
#define NEXTHOPS_MAX 8
#define FIB_BATCH_MAX 64
#define GROUPS_MAX 16
#define ADDRESS_PAIRS_MAX 16

/* Ports of the switch, of all labs together. */
#define SWITCH_PORTS_MAX 4096

enum message_type {
	/* between any two */
	MSG_NONE,
	MSG_DONE,	/* struct msg_done: the answer to an order, the end of the answer to a question */
	MSG_SYNC_BEGIN, /* struct msg_sync: ctl -> switch, route, vm; all objects follow */
	MSG_SYNC_END,	/* struct msg_sync */

	/* super and its children */
	MSG_PEER,		/* struct msg_peer + 1 descriptor: super -> child, a fresh channel to another process */
	MSG_READY,		/* struct msg_none: child -> super, jailed and running */
	MSG_SHUTDOWN,		/* struct msg_none: super -> child: end in order; ctl -> super: end everything */
	MSG_OPEN_TAP,		/* struct msg_open_tap: switch -> super; answered by OPENED + 1 descriptor, or DONE with an error */
	MSG_CONNECT_VHOST,	/* struct msg_connect_vhost: switch -> super, likewise; -ENOENT and -ECONNREFUSED mean "not yet" */
	MSG_CLOSE_VHOST,	/* struct msg_id: switch -> super, takes away the socket that super listens on for this port */
	MSG_OPEN_ROUTER_NETNS,	/* struct msg_open_router_netns: route -> super; answered by OPENED + a TUN's descriptor, or DONE */
	MSG_OPEN_ROUTER_SOCKET, /* struct msg_open_router_socket: route -> super; answered by OPENED + a TCP socket, or DONE */
	MSG_CLOSE_ROUTER_NETNS, /* struct msg_id: route -> super; of that router */
	MSG_OPENED,		/* struct msg_none + 1 descriptor */
	MSG_KEEP,		/* struct msg_keep + 1 descriptor: switch -> super, which holds it in case the switch dies */
	MSG_KEPT,		/* struct msg_keep + 1 descriptor: super -> switch, rows before the OPENED of a port that lives on */
	MSG_FORGET,		/* struct msg_keep: switch -> super, closes what is kept in a slot, or with KEEP_ALL all of a port's */
	MSG_FORGET_UNASKED,	/* struct msg_none: switch -> super, closes what was kept for ports that the switch hasn't opened since it
				   started */
	MSG_PROCESS_CHANGED,	/* struct msg_process: super -> ctl, a process came or went */

	/* ctl -> switch (and route, where said): the virtual topology */
	MSG_NETWORK_SET,     /* struct msg_network */
	MSG_NETWORK_DEL,     /* struct msg_id */
	MSG_GROUP_SET,	     /* struct msg_group */
	MSG_GROUP_DEL,	     /* struct msg_id */
	MSG_GROUP_RULES_SET, /* struct msg_group_rules */
	MSG_GROUP_RULES_DEL, /* struct msg_id */
	MSG_PORT_SET,	     /* struct msg_port */
	MSG_PORT_DEL,	     /* struct msg_id */
	MSG_ROUTER_SET,	     /* struct msg_router: also to route */
	MSG_ROUTER_DEL,	     /* struct msg_id: also to route */
	MSG_RIF_SET,	     /* struct msg_rif: also to route */
	MSG_RIF_DEL,	     /* struct msg_id: also to route */
	MSG_NAT_SET,	     /* struct msg_nat */
	MSG_NAT_DEL,	     /* struct msg_id: of the router */

	/* ctl -> route: protocols */
	MSG_STATIC_ROUTE_SET,	/* struct msg_static_route */
	MSG_STATIC_ROUTE_DEL,	/* struct msg_id */
	MSG_ROUTE_POLICY_SET,	/* struct msg_route_policy */
	MSG_ROUTE_POLICY_DEL,	/* struct msg_id */
	MSG_RIP_SET,		/* struct msg_rip */
	MSG_RIP_DEL,		/* struct msg_id */
	MSG_RIP_INTERFACE_SET,	/* struct msg_rip_interface */
	MSG_RIP_INTERFACE_DEL,	/* struct msg_id */
	MSG_OSPF_SET,		/* struct msg_ospf */
	MSG_OSPF_DEL,		/* struct msg_id */
	MSG_OSPF_INTERFACE_SET, /* struct msg_ospf_interface */
	MSG_OSPF_INTERFACE_DEL, /* struct msg_id */
	MSG_BGP_SET,		/* struct msg_bgp */
	MSG_BGP_DEL,		/* struct msg_id */
	MSG_BGP_NEIGHBOR_SET,	/* struct msg_bgp_neighbor */
	MSG_BGP_NEIGHBOR_DEL,	/* struct msg_id */

	/* switch <-> route */
	MSG_PUNT_RULE,	 /* struct msg_punt_rule: route -> switch, which packets for a router go to route */
	MSG_PUNT,	 /* struct msg_packet: switch -> route, an IP packet for the router itself */
	MSG_INJECT,	 /* struct msg_packet: route -> switch, an IP packet to send */
	MSG_FIB_BATCH,	 /* struct msg_fib: route -> switch; answered by DONE */
	MSG_FIB_SYNC,	 /* struct msg_fib_sync: route -> switch; begin marks a router's routes stale, end removes those still stale */
	MSG_RIF_CHANGED, /* struct msg_rif_state: switch -> route and ctl; sent for every interface when a channel comes up */

	/* switch -> ctl */
	MSG_PORT_CHANGED,  /* struct msg_port_state */
	MSG_LEASED,	   /* struct msg_leased: a guest got its address by DHCP */
	MSG_LIMIT_REACHED, /* struct msg_limit */

	/* ctl <-> vm */
	MSG_VM_SET,	  /* struct msg_vm: DONE once it is defined (image found, disk made), before it runs */
	MSG_VM_DEL,	  /* struct msg_id: kills it when it runs, removes its disk; DONE when all is gone */
	MSG_VM_DO,	  /* struct msg_vm_do: DONE when done, or accepted in the case of start */
	MSG_VM_CHANGED,	  /* struct msg_vm_state: vm -> ctl; sent for every machine when a channel comes up */
	MSG_SCHEDULE_SET, /* struct msg_schedule */
	MSG_SCHEDULE_DEL, /* struct msg_id */
	MSG_CONSOLE_OPEN, /* struct msg_id: ctl -> vm; answered by OPENED + a stream socket, or DONE with an error */
	MSG_EXEC,	  /* struct msg_exec: ctl -> vm, run a command in the guest */
	MSG_EXEC_OUTPUT,  /* struct msg_exec_output: vm -> ctl: the answer, then DONE */

	/* ctl -> switch, route, vm: questions and their rows */
	MSG_SHOW,		/* struct msg_show */
	MSG_CAPTURE,		/* struct msg_capture: ctl -> switch; answered by OPENED + a stream socket, or DONE with an error */
	MSG_TRACE,		/* struct msg_trace: ctl -> switch, walk a packet in dry-run */
	MSG_ROW_MAC,		/* struct row_mac: the first of the rows */
	MSG_ROW_ARP,		/* struct row_arp */
	MSG_ROW_INTERFACE,	/* struct row_interface */
	MSG_ROW_DROP,		/* struct row_drop */
	MSG_ROW_DHCP,		/* struct row_dhcp */
	MSG_ROW_ROUTE,		/* struct row_route */
	MSG_ROW_RIP,		/* struct row_rip */
	MSG_ROW_RIP_NEIGHBOR,	/* struct row_rip_neighbor */
	MSG_ROW_OSPF_NEIGHBOR,	/* struct row_ospf_neighbor */
	MSG_ROW_OSPF_INTERFACE, /* struct row_ospf_interface */
	MSG_ROW_OSPF_LSA,	/* struct row_ospf_lsa */
	MSG_ROW_OSPF_ROUTE,	/* struct row_ospf_route */
	MSG_ROW_BGP,		/* struct row_bgp */
	MSG_ROW_BGP_NEIGHBOR,	/* struct row_bgp_neighbor */
	MSG_ROW_VM,		/* struct msg_vm_state */
	MSG_ROW_QUEUE,		/* struct row_queue */
	MSG_ROW_TRACE,		/* struct row_trace */
	MSG_ROW_CONNECTION,	/* struct row_connection */
	MSG_ROW_GROUP,		/* struct row_group */
	MSG_ROW_NAT,		/* struct row_nat */
	MSG_ROW_NAT_RULE,	/* struct row_nat_rule */
	MSG_ROW_PROCESS,	/* struct msg_process: from super; the last of the rows */
	MSG_TYPE_COUNT
};

struct msg_none {
	uint32_t unused;
};

struct msg_id {
	uint32_t id;
};

/* error: 0 or a negative errno; text: what a person should read. */
struct msg_done {
	int32_t error;
	char text[256];
};

struct msg_sync {
	uint32_t unused;
};

struct msg_peer {
	uint8_t process; /* enum process_id */
};

struct msg_process {
	uint8_t process;
	bool running;
	uint32_t pid;
	uint32_t restarts;
	int64_t started_wall_ns;
};

/* A TAP device `name` (at most 15 characters) in the named network namespace, or in the host's own ("" ). */
struct msg_open_tap {
	uint32_t port;
	uint16_t mtu;
	char name[16];
	char netns[NAME_BYTES];
};

/*
 * The listening socket of a machine's NIC: super knows its path from the port's id. With `socket`, a file of the folder for somebody
 * else's machines, whose hypervisor listens there; with `listen` super listens and hands over who connects. A connection that an earlier
 * switch had is handed over as it is, with what was kept beside it; who asks again gets a new one.
 */
struct msg_connect_vhost {
	uint32_t port;
	bool listen;
	char socket[SOCKET_NAME_BYTES];
};

/*
 * What super holds of a port in case the switch dies. DEVICE (the connection, the TAP) is what super opened itself; the others come from
 * the switch and mean nothing to super: a page that says what they are, the guest's memory, and kick, call and error of each ring.
 */
#define KEEP_MEMORY_MAX 8
#define KEEP_RINGS_MAX 8
enum keep_slot {
	KEEP_DEVICE,
	KEEP_STATE,
	KEEP_MEMORY,
	KEEP_KICK = KEEP_MEMORY + KEEP_MEMORY_MAX,
	KEEP_CALL = KEEP_KICK + KEEP_RINGS_MAX,
	KEEP_ERROR = KEEP_CALL + KEEP_RINGS_MAX,
	KEEP_SLOT_COUNT = KEEP_ERROR + KEEP_RINGS_MAX,
	KEEP_ALL = KEEP_SLOT_COUNT
};

/* `serial` is the switch's own number of the descriptor: it tells whether what it finds is what it left. */
struct msg_keep {
	uint32_t port;
	uint32_t serial;
	uint8_t slot;
};

/* A network namespace of a router's own, whose packets all come and go through a TUN. Another one of that router's goes. */
struct msg_open_router_netns {
	uint32_t router;
	uint16_t mtu;
};

/* A TCP socket in a router's namespace: listening at `local`, or connecting from it to `remote`. */
struct msg_open_router_socket {
	uint32_t router;
	bool listen;
	uint16_t port; /* to listen at; to connect to */
	struct ip local;
	struct ip remote; /* listening: whose key it is */
	char key[81];	  /* RFC 2385; "": none */
};

/* Directions of a link. */
#define IMPAIR_MAX 2

/* What a link does to packets that come from one end, the port or interface `from`; 0: nothing of the kind. Shares are in millionths. */
struct msg_impair {
	uint32_t from;
	uint32_t delay_us, jitter_us;
	uint32_t loss_ppm, corrupt_ppm, duplicate_ppm, reorder_ppm;
	uint64_t rate_bps;
};

/* SEGMENT: a learning L2 network. LINK: a cable between exactly two ends, passing everything. */
enum network_kind { NETWORK_SEGMENT, NETWORK_LINK, NETWORK_KIND_COUNT };

struct address {
	struct ip ip;
};

/* A route that machines are told of. */
struct guest_route {
	struct prefix to;
	struct ip via;
};

/*
 * A network. `up` false is a cut cable: carrier goes from every port and interface. `subnets` are its prefixes. `dhcp`: the switch
 * answers DHCPv4 for ports that have an `ipv4`, DHCPv6 for those that have an `ipv6`, and router solicitations; `dhcp_server` is the
 * server's own address, `gateway` (or none) the default router. `dns`: it answers there for the names of the domain's machines, too. What
 * follows is only told by DHCP.
 */
struct msg_network {
	uint32_t id;
	uint8_t kind; /* enum network_kind */
	bool up;
	bool dhcp;
	uint16_t mtu;
	uint16_t subnet_count;
	struct prefix subnets[ADDRESSES_MAX];
	struct ip dhcp_server;
	struct ip gateway;
	uint32_t lease_s;
	uint16_t impair_count; /* LINK only */
	struct msg_impair impair[IMPAIR_MAX];
	uint32_t storm_limit; /* frames a second to all, to groups, to unknown receivers, each, from one port; 0: the switch's own limit */
	bool dns;
	uint16_t name_server_count, ntp_server_count, route_count;
	struct address name_servers[SERVERS_MAX];
	struct address ntp_servers[SERVERS_MAX];
	struct guest_route routes[DHCP_ROUTES_MAX];
	struct ip next_server;
	char bootfile[128];
	char domain[NAME_BYTES];
	char path[PATH_BYTES];
};

enum port_kind_id { PORT_VHOST, PORT_TAP, PORT_KIND_COUNT };

/* Another address that a port may speak from; a MAC of zero is the port's own. */
struct address_pair {
	struct mac mac;
	struct prefix ip;
};

/*
 * A port of a network: where a machine's NIC (VHOST) or a host interface (TAP) is plugged in. `mac` and `ipv4`/`ipv6` are what the model
 * gave the machine (zero for a TAP, behind which anyone may be). `up` false: the machine's link is down. A port with `groups` lets in
 * what they allow and what answers it; one without lets in all.
 */
struct msg_port {
	uint32_t id;
	uint8_t kind; /* enum port_kind_id */
	bool up;
	uint16_t mtu;
	uint32_t network;
	struct mac mac;
	struct ip ipv4;
	struct ip ipv6;
	char hostname[NAME_BYTES]; /* for DHCP */
	char tap_name[16];
	char netns[NAME_BYTES];
	char socket[SOCKET_NAME_BYTES]; /* vhost-user of somebody else's machine; "": of ours */
	bool listen;			/* at `socket`, instead of connecting */
	char path[PATH_BYTES];		/* "lab/vm1:eth0" */
	uint16_t group_count;
	uint32_t groups[GROUPS_MAX];
	uint16_t pair_count;
	struct address_pair pairs[ADDRESS_PAIRS_MAX];
};

/* `routes_max`: most routes of its table; 0: as many as the host's memory suggests. */
struct msg_router {
	uint32_t id;
	struct ip router_id;
	uint32_t routes_max;
	char path[PATH_BYTES];
};

/* A router's interface in a network. Addresses keep their host bits. */
struct msg_rif {
	uint32_t id;
	uint32_t router;
	uint32_t network;
	bool up;
	uint16_t mtu;
	struct mac mac;
	uint16_t address_count;
	struct prefix addresses[ADDRESSES_MAX];
	char name[NAME_BYTES]; /* "lan" */
	char path[PATH_BYTES]; /* "lab/r1:lan" */
};

struct msg_static_route {
	uint32_t id;
	uint32_t router;
	struct prefix prefix;
	struct ip nexthop; /* none with `blackhole` */
	uint8_t distance;
	bool blackhole;
};

/* A protocol whose best routes another one announces, those that a policy lets pass (0: all), with a metric of their own (if it has one).
 */
#define REDISTRIBUTIONS_MAX 5
struct redistribution {
	uint8_t from; /* enum route_protocol */
	bool has_metric;
	uint32_t metric;
	uint32_t policy;
};

/* A route policy as net/route_policy.h writes it. */
#define ROUTE_POLICY_BYTES_MAX 30000
struct msg_route_policy {
	uint32_t id;
	char path[PATH_BYTES];
	uint16_t size;
	uint8_t bytes[ROUTE_POLICY_BYTES_MAX];
};

/* RIP of a router; its id is the router's. Times by RFC 2453 3.8. */
struct msg_rip {
	uint32_t id;
	uint16_t update_s;
	uint16_t timeout_s;
	uint16_t garbage_s;
	uint16_t redistribution_count;
	struct redistribution redistributions[REDISTRIBUTIONS_MAX]; /* connected: interfaces without RIP, too */
	bool default_originate;
};

enum rip_auth {
	RIP_AUTH_NONE,
	RIP_AUTH_PASSWORD,
	RIP_AUTH_MD5,
	RIP_AUTH_SHA1,
	RIP_AUTH_SHA256,
	RIP_AUTH_SHA384,
	RIP_AUTH_SHA512,
	RIP_AUTH_COUNT
};

/* RIP on an interface; its id is the interface's. */
struct msg_rip_interface {
	uint32_t id;
	uint32_t router;
	bool passive;
	uint8_t cost; /* 1-15 */
	uint8_t auth; /* enum rip_auth */
	uint8_t key_id;
	char key[65];
};

/* BGP of a router; its id is the router's. `multipath`: next hops of a route. */
struct msg_bgp {
	uint32_t id;
	uint32_t as;
	struct ip router_id;
	uint8_t multipath;
	uint16_t redistribution_count;
	struct redistribution redistributions[REDISTRIBUTIONS_MAX];
};

/* A neighbor of a router's BGP. `local`: our address on the session. Hold time by RFC 4271 4.2; prefixes_max 0: as many as fit. */
struct msg_bgp_neighbor {
	uint32_t id;
	uint32_t router;
	uint32_t as;
	struct ip address;
	struct ip local;
	struct ip local_ipv6; /* next hop of IPv6 routes; none: `local` */
	uint16_t hold_s;
	uint32_t prefixes_max;
	bool ipv4;
	bool ipv6;
	bool import_all; /* RFC 8212: what no policy says of external neighbors */
	bool export_all;
	uint32_t import_policy; /* 0: none, the above counts */
	uint32_t export_policy;
	bool next_hop_self;
	bool reflector_client;
	bool passive;
	char key[81]; /* RFC 2385; "": none */
};

/* Packets to a router's interface with this IP protocol and (UDP, TCP) destination port are punted. */
struct msg_punt_rule {
	uint32_t router;
	uint32_t rif; /* 0: every interface of the router */
	uint8_t protocol;
	bool add;
	uint16_t port;	 /* 0: any */
	struct ip group; /* also joins this multicast group on the interface; none: unicast only */
};

/* An IP packet from its first header byte. INJECT: `nexthop` is the on-link destination; TTL, checksums and lengths are the sender's. */
struct msg_packet {
	uint32_t router;
	uint32_t rif;
	struct ip nexthop;
	uint16_t size;
	uint8_t bytes[PACKET_BYTES_MAX];
};

struct nexthop {
	struct ip ip; /* none: the destination is on the link itself */
	uint32_t rif;
};

enum route_protocol { ROUTE_CONNECTED, ROUTE_STATIC, ROUTE_RIP, ROUTE_OSPF, ROUTE_BGP, ROUTE_PROTOCOL_COUNT };
enum route_action { ROUTE_FORWARD, ROUTE_BLACKHOLE, ROUTE_ACTION_COUNT };

/* A route of the FIB. `add` false takes the prefix out. */
struct fib_entry {
	struct prefix prefix;
	bool add;
	uint8_t action;	  /* enum route_action */
	uint8_t protocol; /* enum route_protocol */
	uint8_t distance; /* for people: how the route was preferred */
	uint32_t metric;
	uint16_t nexthop_count;
	struct nexthop nexthops[NEXTHOPS_MAX];
};

struct msg_fib {
	uint32_t router;
	uint16_t count;
	struct fib_entry entries[FIB_BATCH_MAX];
};

struct msg_fib_sync {
	uint32_t router;
	bool begin;
};

/* `routes` is how many routes of that router the switch forwards by at this moment. */
struct msg_rif_state {
	uint32_t rif;
	uint32_t router;
	uint32_t routes;
	bool up;
};

enum port_state { PORT_STATE_DOWN, PORT_STATE_CONNECTED, PORT_STATE_UP, PORT_STATE_COUNT };

/* `state`: UP when the guest's driver runs (VHOST) or the device is open (TAP). `error` says why it is not. */
struct msg_port_state {
	uint32_t port;
	uint8_t state; /* enum port_state */
	char error[128];
};

struct msg_leased {
	uint32_t port;
	struct ip ip;
};

/* A named limit was reached (rate-limited): what, on which object, its value. */
struct msg_limit {
	char limit[NAME_BYTES];
	char path[PATH_BYTES];
	uint64_t value;
};

enum show_what {
	SHOW_MAC,
	SHOW_ARP,
	SHOW_INTERFACES,
	SHOW_DROPS,
	SHOW_DHCP,
	SHOW_ROUTES,
	SHOW_RIP,
	SHOW_RIP_NEIGHBORS,
	SHOW_OSPF_NEIGHBORS,
	SHOW_OSPF_INTERFACES,
	SHOW_OSPF_DATABASE,
	SHOW_OSPF_ROUTES,
	SHOW_BGP,
	SHOW_BGP_NEIGHBORS,
	SHOW_VMS,
	SHOW_QUEUES,
	SHOW_PROCESSES,
	SHOW_CONNECTIONS,
	SHOW_GROUPS,
	SHOW_NAT,
	SHOW_NAT_RULES,
	SHOW_COUNT
};

/* `object`: id of a router (ARP, ROUTES, RIP, BGP), network (MAC, DHCP), or 0 for all. */
struct msg_show {
	uint8_t what; /* enum show_what */
	uint32_t object;
};

struct row_mac {
	uint32_t network;
	struct mac mac;
	uint32_t port; /* the port or router interface behind which it is */
	bool is_static;
	uint32_t age_s;
};

enum arp_state { ARP_INCOMPLETE, ARP_REACHABLE, ARP_STALE, ARP_FAILED, ARP_STATE_COUNT };

struct row_arp {
	uint32_t router;
	uint32_t rif;
	struct ip ip;
	struct mac mac;
	uint8_t state; /* enum arp_state */
	uint32_t age_s;
};

/* Ports and router interfaces alike. `rx_bps`, `tx_bps`: bits a second since it was asked for last. `bandwidth_bps` (G) and
 * `throughput_bps` (R) are of the direction with the higher load. */
struct row_interface {
	uint32_t id;
	bool is_router;
	bool up;
	uint16_t mtu;
	uint32_t network;
	struct mac mac;
	uint64_t rx_packets;
	uint64_t rx_bytes;
	uint64_t rx_dropped;
	uint64_t tx_packets;
	uint64_t tx_bytes;
	uint64_t tx_dropped;
	uint64_t rx_bps, tx_bps;
	uint64_t bandwidth_bps, throughput_bps;
};

struct row_drop {
	uint32_t id; /* port, interface or router */
	uint64_t packets;
	char reason[NAME_BYTES]; /* "ttl_exceeded" */
	char text[128];		 /* what it means, in a sentence; "" when the name says it all */
};

struct row_dhcp {
	uint32_t network;
	uint32_t port;
	struct mac mac;
	struct ip ip;
	uint32_t remaining_s;
	char hostname[NAME_BYTES];
};

struct row_route {
	uint32_t router;
	struct prefix prefix;
	uint8_t protocol; /* enum route_protocol */
	uint8_t action;	  /* enum route_action */
	bool selected;
	uint8_t distance;
	uint32_t metric;
	uint32_t age_s;
	uint16_t nexthop_count;
	struct nexthop nexthops[NEXTHOPS_MAX];
};

struct row_rip {
	uint32_t router;
	struct prefix prefix;
	struct ip nexthop;
	struct ip from;
	uint32_t rif;
	uint16_t tag;
	uint8_t metric;
	uint32_t timeout_s;
};

struct row_rip_neighbor {
	uint32_t router;
	uint32_t rif;
	struct ip ip;
	uint32_t age_s;
	uint64_t bad_packets;
	uint64_t bad_routes;
	uint64_t bad_auth;
};

enum bgp_path_source { BGP_FROM_LOCAL, BGP_FROM_EXTERNAL, BGP_FROM_INTERNAL, BGP_FROM_COUNT };
enum bgp_path_origin { BGP_PATH_IGP, BGP_PATH_EGP, BGP_PATH_INCOMPLETE, BGP_PATH_ORIGIN_COUNT };

/* A path of the BGP table, with FRR's names. */
struct row_bgp {
	uint32_t router;
	struct prefix network;
	struct ip nexthop; /* none: ourselves */
	struct ip peer;	   /* who told it; none: ourselves */
	uint8_t from;	   /* enum bgp_path_source */
	uint8_t origin;	   /* enum bgp_path_origin */
	bool valid;
	bool bestpath;
	bool filtered; /* no policy lets it in (RFC 8212) */
	uint32_t metric;
	uint32_t local_pref;
	uint32_t weight;
	char path[256]; /* "65001 65002 {65003,65004}", cut where it is longer */
};

enum bgp_session_state {
	BGP_SESSION_IDLE,
	BGP_SESSION_CONNECT,
	BGP_SESSION_ACTIVE,
	BGP_SESSION_OPEN_SENT,
	BGP_SESSION_OPEN_CONFIRM,
	BGP_SESSION_ESTABLISHED,
	BGP_SESSION_STATE_COUNT
};

/* A session, with FRR's names. */
struct row_bgp_neighbor {
	uint32_t router;
	struct ip neighbor;
	struct ip router_id; /* ours */
	struct ip remote_router_id;
	uint32_t local_as;
	uint32_t remote_as;
	uint8_t state; /* enum bgp_session_state */
	bool policy;   /* false: no routes pass, since neither `import` nor `export` lets any (RFC 8212) */
	uint64_t messages_received;
	uint64_t messages_sent;
	uint64_t updates_received;
	uint64_t updates_sent;
	uint32_t prefixes_received;
	uint32_t prefixes_sent;
	uint32_t rib_count;
	uint64_t treated_as_withdraw;
	uint64_t uptime_ms; /* of the state */
	uint32_t dropped;   /* times that it was established and ended */
	uint16_t hold_s;
	char last_error[128];
};

/* Any body: for buffers that hold whichever message comes. */
union message_body {
	struct msg_network network;
	struct msg_port port;
	struct msg_packet packet;
	struct msg_fib fib;
	struct msg_vm vm;
	struct msg_exec_output exec_output;
	uint64_t aligned; /* bodies have 64-bit fields */
	uint8_t bytes[MESSAGE_BYTES_MAX - sizeof(struct message_head)];
};

#endif
