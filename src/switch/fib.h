/*
 * The FIB of a router: the routes that the route process chose, for longest-prefix match.
 *
 * Theory of operation. Two LPM tables (IPv4, IPv6) map prefixes to indexes of routes. FIB_SYNC begin marks all routes stale; batches set
 * routes anew; FIB_SYNC end removes those still stale. So the routes of a route process that died stay in force until its successor has
 * said what is true now; when it begins and never ends, they go 60 s after the beginning. Every change raises the generation on which flow
 * cache entries rest.
 */
#ifndef SWITCH_FIB_H
#define SWITCH_FIB_H

#include "switch/core_state.h"

#define FIB_STALE_S 60

struct fib;

/* A route as it came: borrowed, until the next change of the FIB. */
struct fib_route {
	struct prefix prefix;
	uint8_t action;	  /* enum route_action */
	uint8_t protocol; /* enum route_protocol */
	uint8_t distance; /* for people */
	uint32_t metric;
	bool stale;
	uint8_t nexthop_count;
	struct nexthop nexthops[];
};

struct fib *fib_new(void);
void fib_free(struct fib *fib);

/* Orders of the route process. A batch is checked as a whole first. */
int fib_batch(struct core *core, const struct msg_fib *batch, struct err *err);
int fib_sync(struct core *core, const struct msg_fib_sync *sync, struct err *err);

/* The best route to an address, or NULL. */
const struct fib_route *fib_lookup(const struct fib *fib, struct ip ip);

/* What a lookup rests on; how many routes there are. */
const uint64_t *fib_generation(const struct fib *fib);
uint32_t fib_count(const struct fib *fib);

/* Removes stale routes of synchronizations that never ended; returns when to look again. */
struct instant fib_tick(struct core *core, struct instant now);

#endif
