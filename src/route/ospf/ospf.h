/*
 * OSPF version 2 (RFC 2328) of one router as a pure engine: packets, events and the time come in, packets and routes go out.
 *
 * Theory of operation. Interfaces and neighbors are state machines written as tables (ospf_interface.c, ospf_neighbor.c). Neighbors whose
 * databases agree make adjacencies; every change of the database is flooded along them and acknowledged (ospf_flood.c). What a router says
 * of itself is a function of its state: whoever changes that state only marks what is said as dirty, and at the end of every call the
 * engine compares what it should say with what stands in the database and originates, refreshes or flushes the difference
 * (ospf_originate.c). Routes are computed from the database alone, after a delay by RFC 8405, and compared with those computed before; only
 * differences go to the RIB (ospf_calc.c).
 *
 * Three habits make it quick where others wait: a Hello goes out at once when an unknown neighbor is heard (instead of after half an
 * interval); the election on a network waits `wait` after the first neighbor answers, not for the whole dead interval, which still bounds
 * it; and the first changes of an LSA go out without waiting for MinLSInterval: the pause between instances starts at `lsa_first` and
 * doubles up to MinLSInterval while changes go on.
 */
#ifndef ROUTE_OSPF_H
#define ROUTE_OSPF_H

#include "api/message_ospf.h"
#include "base/instant.h"
#include "route/ospf/ospf_drop.h"
#include "route/ospf/ospf_store.h"
#include "route/ospf/ospf_wire.h"

struct ospf;

#define OSPF_ALL_ROUTERS 0xe0000005u	/* 224.0.0.5 */
#define OSPF_ALL_DESIGNATED 0xe0000006u /* 224.0.0.6 */
#define OSPF_RANGES_MAX 16

/* A packet to send, TTL 1. The bytes live during the call. */
struct ospf_datagram {
	uint32_t rif;
	uint32_t source; /* host order, as all addresses of this engine */
	uint32_t destination;
	const uint8_t *bytes;
	size_t size;
};

/* A packet that came to an interface: the IP payload. */
struct ospf_arrival {
	uint32_t rif;
	uint32_t source;
	uint32_t destination;
	const uint8_t *bytes;
	size_t size;
};

/* Ways out of the engine. None of them may call back into it, but `learnt` may set and delete externals. */
struct ospf_ops {
	void (*send)(void *context, const struct ospf_datagram *datagram);
	/* What OSPF learnt of a prefix; `nexthop_count` 0: nothing (any more). */
	void (*learnt)(void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned nexthop_count, uint32_t metric,
		struct instant now);
	/* A limit of `ospf_settings` was reached; comes as often as it happens. */
	void (*limit_reached)(void *context, const char *limit, uint64_t value);
};

struct ospf_settings {
	uint32_t router_id;
	struct span lsa_first;	  /* pause between the first two instances of an LSA: 50 ms */
	struct span lsa_interval; /* MinLSInterval, the longest pause: 5 s */
	struct span lsa_arrival;  /* MinLSArrival: 20 ms */
	struct span wait;	  /* before the election, once a neighbor answers: 500 ms */
	struct span ack_delay;	  /* 50 ms */
	struct span flood_pace;	  /* between floods of an interface, what comes meanwhile goes together: 4 ms */
	struct span spf_initial;  /* RFC 8405's delays: 10 ms, 50 ms (and once more for each 256 LSAs), 1 s */
	struct span spf_short;
	struct span spf_long;
	struct span spf_learn;	  /* TIME_TO_LEARN_INTERVAL: 500 ms */
	struct span spf_holddown; /* 5 s */
	uint32_t reference_mbit;  /* unused while interfaces have a cost of their own */
	uint32_t lsas_max;	  /* of the whole database: 65,536 */
	uint32_t neighbors_max;	  /* of one interface: 256 */
	uint8_t ecmp_max;	  /* next hops of a route: 8 */
	bool default_originate;	  /* says 0.0.0.0/0 whether or not there is one */
	uint32_t default_metric;  /* of that: 10 */
};

/* The defaults named above. */
struct ospf_settings ospf_settings_default(uint32_t router_id);

enum ospf_network_type { OSPF_BROADCAST, OSPF_POINT_TO_POINT, OSPF_LOOPBACK };

/* OSPF on an interface. */
struct ospf_interface_settings {
	uint32_t area;
	enum ospf_network_type type;
	bool passive;
	bool mtu_ignore;
	uint8_t priority;
	uint16_t cost; /* 1-65535 */
	uint16_t hello_s;
	uint32_t dead_s;
	uint16_t retransmit_s; /* RxmtInterval */
	struct ospf_auth auth;
};

struct ospf_interface_settings ospf_interface_settings_default(void);

/* What is said of an area by the routers on its border. */
struct ospf_range {
	uint32_t network;
	uint8_t length;
	bool hide; /* say nothing of what is inside */
};

struct ospf_area_settings {
	bool stub;
	bool no_summary; /* totally stubby: the default route alone */
	uint32_t default_cost;
	unsigned range_count;
	struct ospf_range ranges[OSPF_RANGES_MAX];
};

/* A route of another protocol that we say to everybody. */
struct ospf_external {
	uint32_t metric;
	bool type_1; /* metric comparable with OSPF's own */
	uint32_t tag;
	uint32_t forward; /* 0: through us */
};

/*
 * An engine. LSAs are kept in `store`, which many engines share and which outlives them, as ops and context do. `wall_s` (seconds since
 * 1970) begins the sequence numbers of authentication. `seed` is for sequence numbers of the exchange and jitter.
 */
struct ospf_birth {
	struct ospf_store *store;
	const struct ospf_ops *ops;
	void *context;
	uint64_t seed;
	uint32_t wall_s;
};
struct ospf *ospf_new(const struct ospf_settings *settings, const struct ospf_birth *birth, struct instant now);

/* Flushes what we said, as far as one word to the neighbors does it, and takes all routes back; ospf_free follows. */
void ospf_stop(struct ospf *ospf, struct instant now);

/* Frees the engine without a word. Accepts NULL. */
void ospf_free(struct ospf *ospf);

/* Takes new settings; the router id stays as it is. */
void ospf_configure(struct ospf *ospf, const struct ospf_settings *settings, struct instant now);

/* How an area is treated; without it an area that has interfaces is an ordinary one. A change of `stub` makes adjacencies anew. */
void ospf_area_set(struct ospf *ospf, uint32_t area, const struct ospf_area_settings *settings, struct instant now);

/* Starts OSPF on an interface or changes it; what its neighbors must agree to makes adjacencies anew. */
void ospf_interface_set(struct ospf *ospf, uint32_t rif, const struct ospf_interface_settings *settings, struct instant now);
void ospf_interface_del(struct ospf *ospf, uint32_t rif, struct instant now);

/* The interface's carrier, MTU and addresses (the first of IPv4 is the one that OSPF speaks from). Unknown interfaces are ignored. */
struct ospf_link_state {
	bool up;
	uint16_t mtu;
	unsigned address_count;
	const struct prefix *addresses;
};
void ospf_interface_state(struct ospf *ospf, uint32_t rif, const struct ospf_link_state *state, struct instant now);

/* Says, changes or takes back a route from elsewhere (IPv4, masked). Returns false when the database is full. */
bool ospf_external_set(struct ospf *ospf, const struct prefix *prefix, const struct ospf_external *external, struct instant now);
void ospf_external_del(struct ospf *ospf, const struct prefix *prefix, struct instant now);

/* Takes a packet in; returns why it was dropped. */
enum ospf_drop ospf_receive(struct ospf *ospf, const struct ospf_arrival *arrival, struct instant now);

/* Runs the timers whose time has come, and when to call again. */
void ospf_tick(struct ospf *ospf, struct instant now);
struct instant ospf_next(const struct ospf *ospf);

/* What people see. `router` is copied into the rows; drops come with the interface's id, reasons that are zero don't come. */
struct ospf_show {
	uint32_t router;
	void (*row)(void *context, enum message_type type, const void *row);
	void *context;
};
void ospf_show_neighbors(const struct ospf *ospf, const struct ospf_show *show, struct instant now);
void ospf_show_interfaces(const struct ospf *ospf, const struct ospf_show *show, struct instant now);
void ospf_show_database(const struct ospf *ospf, const struct ospf_show *show, struct instant now);
void ospf_show_routes(const struct ospf *ospf, const struct ospf_show *show, struct instant now);
void ospf_show_drops(const struct ospf *ospf, const struct ospf_show *show);

/* Numbers for tests: neighbors in Full, LSAs, packets of this reason on all interfaces, runs of Dijkstra so far. */
unsigned ospf_full_count(const struct ospf *ospf);
uint32_t ospf_lsa_count(const struct ospf *ospf);
uint64_t ospf_drop_count(const struct ospf *ospf, enum ospf_drop drop);
uint64_t ospf_spf_count(const struct ospf *ospf);

/* Checks what must always hold inside (tests, fuzzing); aborts when it doesn't. */
void ospf_check_invariants(const struct ospf *ospf);

#endif
