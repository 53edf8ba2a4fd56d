/* A virtual router and its parts, as the files of this room share them. Protocols see it as it is here. */
#ifndef ROUTE_ROUTER_H
#define ROUTE_ROUTER_H

#include "base/map.h"
#include "base/rand.h"
#include "route/ip_reassembly.h"
#include "route/rib.h"
#include "route/routing.h"
#include "route/routing_tcp.h"
#include "route/timer_heap.h"

/* A router's interface. It may be known to the switch (`carrier`) before ctl tells of it (`router` is NULL until then). */
struct rif {
	uint32_t id;
	uint32_t network;
	struct router *router;
	struct list in_router;
	bool stale; /* not set (yet) since SYNC_BEGIN */
	bool wanted_up;
	bool switch_knows; /* the switch told of it since its channel is up */
	bool carrier;
	uint16_t mtu;
	uint32_t switch_routes; /* of its router, that the switch had when it told of it last */
	unsigned address_count;
	struct prefix addresses[ADDRESSES_MAX];
	unsigned offered_count; /* connected routes in the RIB */
	struct prefix offered[ADDRESSES_MAX];
};

struct static_route {
	uint32_t id;
	struct router *router;
	struct list in_router;
	bool stale;
	bool offered; /* in the RIB */
	bool blackhole;
	uint8_t distance;
	struct prefix prefix;
	struct ip nexthop;
};

/* How far the switch is with a router's routes. */
enum fib_state {
	FIB_UNKNOWN, /* the switch doesn't know the router */
	FIB_BEGIN,   /* FIB_SYNC begin, then everything, is to be sent */
	FIB_FILLING, /* everything is being sent, FIB_SYNC end is to follow */
	FIB_SYNCED,  /* changes are sent as they come */
};

struct router {
	struct routing *routing;
	uint32_t id;
	struct ip router_id;
	bool stale;
	struct list in_routing;
	struct list rifs;
	struct list statics;
	struct rib rib;
	enum fib_state fib;
	bool fib_empty;	     /* the switch had no route of it when it told of it: nothing can be lost, nothing is held back */
	struct list in_pump; /* routing->pump: has something for the switch */
	struct timer_node timer;
	struct instant retell_at;  /* after a refused batch; NEVER: none was */
	struct instant limit_told; /* last LIMIT_REACHED */
	uint64_t drops[4];	   /* enum router_drop */
	void *protocols[ROUTE_PROTOCOL_COUNT];
	char path[PATH_BYTES];
};

/* Punted packets that no protocol got. */
enum router_drop { ROUTER_DROP_MALFORMED, ROUTER_DROP_CHECKSUM, ROUTER_DROP_FRAGMENT, ROUTER_DROP_NO_PROTOCOL, ROUTER_DROP_COUNT };

struct routing {
	const struct routing_ops *ops;
	void *context;
	struct routing_limits limits;
	struct rib_budget budget; /* of all routers' tables */
	struct rand rand;
	uint32_t wall_s;
	struct instant started;
	struct map routers;
	struct map rifs;
	struct map statics;
	struct map bgp_neighbors;
	struct map policies;		       /* id -> policies.c */
	struct route_policy *reject_all;       /* NULL: not needed yet */
	const struct routing_tcp_ops *tcp_ops; /* NULL: none */
	void *tcp_context;
	struct list all; /* routers in order of birth */
	struct timer_heap timers;
	struct list pump;
	unsigned unanswered;
	bool switch_up;
	bool synced;	    /* ctl said SYNC_END */
	struct instant now; /* of the running call */
	bool settled;
	struct instant ready_at;  /* first SYNC_END with a switch; NEVER: none yet */
	struct instant learnt_at; /* when a protocol last learnt or lost something */
	struct ospf_store *lsas;  /* of all routers with OSPF */
	struct ip_reassembly pieces;
	uint16_t ip_id;		  /* of the packet that was sent in pieces last */
	struct msg_packet inject; /* scratch */
	struct msg_fib batch;	  /* scratch */
};

/* True when packets pass through the interface. */
static inline bool rif_up(const struct rif *rif) { return rif->router != NULL && rif->wanted_up && rif->carrier; }

/* routing.c: the router or interface of this id, or NULL. */
struct router *routing_router(const struct routing *routing, uint32_t id);
struct rif *routing_rif(const struct routing *routing, uint32_t id);

/* router_packets.c: sends a UDP datagram or an IPv4 packet (one larger than the MTU in pieces) out of an interface; `destination` is on its
 * link.
 */
struct udp_packet;
struct ip_packet;
void routing_send_udp(struct router *router, uint32_t rif, const struct udp_packet *packet);
void routing_send_ip(struct router *router, uint32_t rif, const struct ip_packet *packet);

/* router_packets.c: carries out PUNT. */
int router_punted(struct routing *routing, const void *body, struct instant now, struct err *err);

/* routing.c: tells ctl that a router reached a limit, at most once in ten seconds. */
void router_limit_reached(struct router *router, const char *limit, uint64_t value);

/* routing.c: a protocol's timers have moved. */
void router_timer_update(struct router *router);

/* router.c: makes and ends routers; ends whatever belongs to them. */
struct router *router_new(struct routing *routing, uint32_t id);
void router_free(struct router *router, struct instant now, bool quietly);

/* router.c: interface and static routes; what follows from them (connected, static, protocols) follows at once. */
void router_rif_set(struct rif *rif, struct router *router, const struct msg_rif *message, struct instant now);
void router_rif_forget(struct rif *rif, struct instant now);
void router_rif_changed(struct rif *rif, struct instant now);
void static_route_set(struct static_route *route, const struct msg_static_route *message, struct instant now);
void static_route_free(struct static_route *route, struct instant now);

/* router.c: a protocol offers what it learnt, or, without next hops, takes it back. */
void router_learnt(struct router *router, const struct rib_offer *offer, struct instant now);

/* fib_pump.c: the router has something for the switch; sends what may be sent; the switch knows the router now; it knows nothing;
 * it is to be told everything again. */
void fib_pump_add(struct router *router);
void fib_pump_run(struct routing *routing);
void fib_router_known(struct router *router);
void fib_router_unknown(struct router *router);
void fib_router_retell(struct router *router);

/* fib_pump.c: when the end of settling is to be looked at; looks at it. */
struct instant fib_settle_next(const struct routing *routing);
void fib_settle(struct routing *routing, struct instant now);

#endif
