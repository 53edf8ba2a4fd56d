/* The messages of OSPF, as structs; their rows are in messages.c with all others. */
#ifndef API_MESSAGE_OSPF_H
#define API_MESSAGE_OSPF_H

#include "api/message_types.h"

/* Areas and ranges of a router's OSPF, limits of the message. */
#define OSPF_AREAS_MAX 16
#define OSPF_RANGES_ALL_MAX 32

struct ospf_area_entry {
	uint32_t id;
	bool stub;
	bool no_summary; /* a stub that gets the default route alone */
	uint32_t default_cost;
};

/* What a border router says of the routes of an area that lie in the prefix: one route, or with `hide` none. */
struct ospf_range_entry {
	uint32_t area;
	struct prefix prefix;
	bool hide;
};

/* OSPF of a router; its id is the router's. */
struct msg_ospf {
	uint32_t id;
	uint16_t redistribution_count;
	struct redistribution redistributions[REDISTRIBUTIONS_MAX]; /* connected: interfaces without OSPF */
	bool default_originate;
	uint32_t metric; /* of what is redistributed, as external type 2 */
	uint16_t area_count;
	struct ospf_area_entry areas[OSPF_AREAS_MAX];
	uint16_t range_count;
	struct ospf_range_entry ranges[OSPF_RANGES_ALL_MAX];
};

enum ospf_type { OSPF_TYPE_BROADCAST, OSPF_TYPE_POINT_TO_POINT, OSPF_TYPE_LOOPBACK, OSPF_TYPE_COUNT };

/* OSPF on an interface; its id is the interface's. Authentication by RFC 2328 D and RFC 5709. */
struct msg_ospf_interface {
	uint32_t id;
	uint32_t router;
	uint32_t area;
	uint8_t type; /* enum ospf_type */
	bool passive;
	bool mtu_ignore;
	uint8_t priority;
	uint16_t cost;
	uint16_t hello_s;
	uint32_t dead_s;
	uint16_t retransmit_s;
	uint8_t auth; /* enum rip_auth */
	uint8_t key_id;
	char key[65];
};

enum ospf_neighbor_word {
	OSPF_NEIGHBOR_DOWN,
	OSPF_NEIGHBOR_INIT,
	OSPF_NEIGHBOR_TWO_WAY,
	OSPF_NEIGHBOR_EX_START,
	OSPF_NEIGHBOR_EXCHANGE,
	OSPF_NEIGHBOR_LOADING,
	OSPF_NEIGHBOR_FULL,
	OSPF_NEIGHBOR_WORD_COUNT
};
enum ospf_role { OSPF_ROLE_NONE, OSPF_ROLE_DESIGNATED, OSPF_ROLE_BACKUP, OSPF_ROLE_OTHER, OSPF_ROLE_COUNT };

struct row_ospf_neighbor {
	uint32_t router;
	uint32_t rif;
	struct ip router_id;
	struct ip ip;
	uint8_t priority;
	uint8_t state; /* enum ospf_neighbor_word */
	uint8_t role;  /* enum ospf_role */
	uint32_t up_s; /* in this state */
	uint32_t dead_s;
	uint32_t retransmits;  /* LSAs that it has yet to acknowledge */
	uint32_t requests;     /* that we have yet to get from it */
	uint32_t descriptions; /* that it has yet to hear of */
	uint64_t changes;
};

enum ospf_interface_word {
	OSPF_INTERFACE_DOWN,
	OSPF_INTERFACE_LOOPBACK,
	OSPF_INTERFACE_WAITING,
	OSPF_INTERFACE_POINT_TO_POINT,
	OSPF_INTERFACE_OTHER,
	OSPF_INTERFACE_BACKUP,
	OSPF_INTERFACE_DESIGNATED,
	OSPF_INTERFACE_WORD_COUNT
};

struct row_ospf_interface {
	uint32_t router;
	uint32_t rif;
	struct ip area;
	struct prefix address;
	uint8_t type;  /* enum ospf_type */
	uint8_t state; /* enum ospf_interface_word */
	bool passive;
	uint8_t priority;
	uint16_t cost;
	uint16_t hello_s;
	uint32_t dead_s;
	struct ip designated; /* addresses */
	struct ip backup;
	uint32_t neighbors;
	uint32_t adjacent; /* of them: Full */
};

enum ospf_lsa_word {
	OSPF_WORD_ROUTER,
	OSPF_WORD_NETWORK,
	OSPF_WORD_SUMMARY,
	OSPF_WORD_ASBR_SUMMARY,
	OSPF_WORD_EXTERNAL,
	OSPF_WORD_NSSA,
	OSPF_WORD_OPAQUE_LINK,
	OSPF_WORD_OPAQUE_AREA,
	OSPF_WORD_OPAQUE_AS,
	OSPF_LSA_WORD_COUNT
};

/* `area` is none for LSAs of the whole system. */
struct row_ospf_lsa {
	uint32_t router;
	struct ip area;
	uint8_t type; /* enum ospf_lsa_word */
	struct ip id;
	struct ip advertising_router;
	uint16_t age_s;
	uint32_t sequence;
	uint16_t checksum;
	uint16_t bytes;
	uint16_t links; /* of a router LSA; attached routers of a network LSA */
	bool own;
};

enum ospf_kind_word { OSPF_KIND_INTRA, OSPF_KIND_INTER, OSPF_KIND_EXTERNAL_1, OSPF_KIND_EXTERNAL_2, OSPF_KIND_WORD_COUNT };

struct row_ospf_route {
	uint32_t router;
	struct prefix prefix;
	uint8_t kind; /* enum ospf_kind_word */
	struct ip area;
	uint32_t cost;
	uint32_t cost_2; /* external 2: its own */
	uint32_t tag;
	uint16_t nexthop_count; /* 0: directly attached */
	struct nexthop nexthops[NEXTHOPS_MAX];
};

#endif
