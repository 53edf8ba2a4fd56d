/*
 * RIP version 2 (RFC 2453) of one router as a pure engine: packets, events and the time come in, packets and routes go out.
 *
 * Theory of operation. The engine keeps the latest word of every neighbor about every prefix as a path, and advertises the best. A route
 * has at most `paths_max` paths; those of the lowest metric, up to `ecmp_max`, are selected and told to the RIB. When they are lost the
 * next best path takes over at once; when none is left the route is advertised as unreachable for the garbage time. So the engine is the
 * distributed Bellman-Ford of RFC 2453 3.4 over all reports, not only over the best one, and it needs no periodic update to find the
 * way around a cut link. A prefix of our own (connected or redistributed) always wins over what neighbors say.
 *
 *            report, metric < 16                 all paths lost or timed out
 *     (none) ------------------> (reachable) -------------------------------> (garbage) --- garbage time --> (none)
 *                                     ^---------------- report, metric < 16 -------'
 *
 * Timers, all of them one `rip_next`: the periodic update (+- 1/6, so that routers don't fall into step, RFC 2453 3.8), the triggered
 * update (3.10.1: the first goes after 20 ms, in which a burst of changes gathers; the next not before a random hold of 1/5 to all of
 * `triggered_hold`; RFC 2453 says 1 to 5 s, which is triggered_hold = 5 s), the age of paths and neighbors, the garbage. The times of paths
 * and of garbage are the same for all, so both are lists in order of time and nothing is ever searched.
 *
 * Every route is advertised on the interfaces that its selected paths use as unreachable (poisoned reverse, 3.4.3), elsewhere with its
 * metric. On a passive interface we listen only.
 */
#ifndef ROUTE_RIP_H
#define ROUTE_RIP_H

#include "api/message_types.h"
#include "base/instant.h"
#include "route/rip/rip_auth.h"

struct rip;

/* A packet to send: to the group 224.0.0.9 with TTL 1, or to one host. The bytes live during the call. */
struct rip_datagram {
	uint32_t rif;
	struct ip source;
	struct ip destination;
	uint16_t port; /* the destination's; ours is RIP_PORT */
	const uint8_t *bytes;
	size_t size;
};

/* Ways out of the engine. */
struct rip_ops {
	void (*send)(void *context, const struct rip_datagram *datagram);
	/* What RIP learnt of a prefix; `nexthop_count` 0: nothing (any more). */
	void (*learnt)(void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned nexthop_count, uint8_t metric,
		struct instant now);
	/* A limit of `rip_settings` was reached; comes as often as it happens. */
	void (*limit_reached)(void *context, const char *limit, uint64_t value);
};

enum rip_split_horizon { RIP_SPLIT_NONE, RIP_SPLIT_SIMPLE, RIP_SPLIT_POISON };

struct rip_settings {
	struct span update;	    /* between periodic updates: 30 s */
	struct span timeout;	    /* until a path that isn't repeated is lost: 180 s */
	struct span garbage;	    /* how long a lost route is advertised as unreachable: 120 s */
	struct span triggered_hold; /* longest pause between triggered updates: 1 s; 0: no triggered updates at all */
	struct span request_pause;  /* shortest pause between two whole tables that a neighbor gets by asking: 1 s */
	enum rip_split_horizon split_horizon;
	uint8_t ecmp_max;	/* next hops of a route: 8 */
	uint8_t paths_max;	/* remembered reports of a prefix: 16 */
	uint32_t routes_max;	/* prefixes: 16,384 */
	uint32_t neighbors_max; /* 256 */
};

/* The defaults named above. */
struct rip_settings rip_settings_default(void);

/* RIP on an interface. */
struct rip_interface_settings {
	bool passive;
	uint8_t cost; /* 1-15, added to what comes in */
	struct rip_key key;
};

/* A prefix of our own to advertise. */
struct rip_local {
	uint8_t metric; /* 1-15 */
	uint16_t tag;
	bool connected;	   /* on `rif` itself: poisoned there like a path over it */
	uint32_t rif;	   /* 0: no interface */
	struct ip nexthop; /* a static route's router on `rif`: told as the next hop there */
};

/*
 * `wall_s` (seconds since 1970) seeds the sequence numbers of authentication, so that they go on after a restart. `seed` is for jitter.
 * Ops and context must outlive the engine.
 */
struct rip *rip_new(
	const struct rip_settings *settings, const struct rip_ops *ops, void *context, uint64_t seed, uint32_t wall_s, struct instant now);

/* Tells the neighbors that all is unreachable and the RIB that nothing is known any more; rip_free follows. */
void rip_stop(struct rip *rip, struct instant now);

/* Frees the engine without a word. Accepts NULL. */
void rip_free(struct rip *rip);

/* Takes new settings; running timers follow. */
void rip_configure(struct rip *rip, const struct rip_settings *settings, struct instant now);

/* Starts RIP on an interface or changes it; a changed key forgets the neighbors' sequence numbers. DEL poisons and forgets. */
void rip_interface_set(struct rip *rip, uint32_t rif, const struct rip_interface_settings *settings, struct instant now);
void rip_interface_del(struct rip *rip, uint32_t rif, struct instant now);

/*
 * The interface's carrier and addresses (those that aren't IPv4 are ignored). Coming up asks the neighbors for their tables; going down
 * loses every path over it at once. Unknown interfaces are ignored.
 */
void rip_interface_state(
	struct rip *rip, uint32_t rif, bool up, const struct prefix *addresses, unsigned address_count, struct instant now);

/* Advertises, changes or withdraws a prefix of our own (IPv4, masked). Returns false when the table is full. */
bool rip_local_set(struct rip *rip, const struct prefix *prefix, const struct rip_local *local, struct instant now);
void rip_local_del(struct rip *rip, const struct prefix *prefix, struct instant now);

/* A UDP payload that came to port 520 on an interface. */
struct rip_arrival {
	uint32_t rif;
	struct ip source;
	uint16_t source_port;
	const void *bytes;
	size_t size;
};

/* Takes a packet in; returns why it was dropped. Dropped entries of a good packet are only counted. */
enum rip_drop rip_receive(struct rip *rip, const struct rip_arrival *arrival, struct instant now);

/* Runs the timers whose time has come, and when to call again. */
void rip_tick(struct rip *rip, struct instant now);
struct instant rip_next(const struct rip *rip);

/* What people see. `router` is copied into the rows; drops come with the interface's id, reasons that are zero don't come. */
void rip_show_routes(
	const struct rip *rip, uint32_t router, struct instant now, void (*row)(void *, const struct row_rip *), void *context);
void rip_show_neighbors(
	const struct rip *rip, uint32_t router, struct instant now, void (*row)(void *, const struct row_rip_neighbor *), void *context);
void rip_show_drops(const struct rip *rip, uint32_t router, void (*row)(void *, const struct row_drop *), void *context);

/* Number of prefixes in the table, unreachable ones included; packets of this reason on all interfaces together. */
uint32_t rip_route_count(const struct rip *rip);
uint64_t rip_drop_count(const struct rip *rip, enum rip_drop drop);

/* Checks what must always hold inside (tests, fuzzing); aborts when it doesn't. */
void rip_check_invariants(const struct rip *rip);

#endif
