/*
 * All virtual routers of a host: what ctl wants of them, what the switch says of their interfaces, what they tell the switch in turn.
 *
 * Theory of operation. Orders and events come in as messages (routing_apply), time as an argument; what goes out goes through
 * `routing_ops`. So the very same code runs in the process route and in the simulated world. A router has interfaces, static routes, a RIB
 * and protocols (rows of protocols.c); carrier and addresses make connected routes, the RIB chooses, and the switch gets what changed in
 * batches, a limited number of which may be unanswered at a time.
 *
 *     RIF_SET, RIF_CHANGED --> connected --.                    .--> best_changed --> redistribution by the protocols
 *     STATIC_ROUTE_SET ------> static ------+--> RIB --> best --+
 *     PUNT --> protocols ----> learnt -----'                    '--> dirty list --> FIB_BATCH
 *
 * A switch that doesn't know a router yet (no RIF_CHANGED of it came since its channel is up) is told nothing about it. Once it does it
 * gets FIB_SYNC begin, everything, FIB_SYNC end. While this process is young, learnt routes and the `end` are held back: the switch goes on
 * with the routes it had, until the protocols have been quiet for SETTLE_QUIET_S, at the latest SETTLE_MAX_S after the first whole word of
 * ctl. So a restart of the process loses no packet: no route is deleted that is about to be learnt again, and none is replaced by the first
 * rumour about it. Connected and static routes are told at once. Where nothing can be lost nothing is held back: for a router of which the
 * switch has no route yet (RIF_CHANGED tells), and in a process whose first configuration is empty.
 */
#ifndef ROUTE_ROUTING_H
#define ROUTE_ROUTING_H

#include "api/message_types.h"
#include "base/instant.h"

#include <stdbool.h>

/* See above. RIP's neighbors answer at once, changes travel a hop in a second at most. */
#define SETTLE_QUIET_S 5
#define SETTLE_MAX_S 30

struct routing;

/* Ways out. */
struct routing_ops {
	/* An order to the switch: PUNT_RULE, INJECT, FIB_SYNC, FIB_BATCH; each FIB_BATCH is answered by routing_batch_done. */
	void (*order)(void *context, enum message_type type, const void *body);
	/* A row of the answer to a question, with its `seq`. */
	void (*row)(void *context, uint32_t seq, enum message_type type, const void *body);
	/* An event for ctl (LIMIT_REACHED). */
	void (*event)(void *context, enum message_type type, const void *body);
};

/* Bounds and measures. Zero means the default. */
struct routing_limits {
	uint32_t routers;	/* 4,096 */
	uint32_t rifs;		/* 65,536 */
	uint32_t static_routes; /* 65,536 */
	uint32_t routes;	/* of one router's RIB, unless ctl says another number: 2,000,000, or all */
	uint64_t routes_of_all; /* of all RIBs together: 4,000,000 */
	uint32_t batches;	/* unanswered FIB batches: 16 */
};

/* `wall_s` (seconds since 1970) and `seed` go to the protocols. Ops and context outlive it. */
struct routing *routing_new(const struct routing_ops *ops, void *context, const struct routing_limits *limits, uint64_t seed,
	uint32_t wall_s, struct instant now);
void routing_free(struct routing *routing);

/*
 * Carries out an order of ctl (ROUTER_SET ... RIP_INTERFACE_DEL, SYNC_BEGIN, SYNC_END) or takes an event of the switch (RIF_CHANGED, PUNT).
 * Returns 0 or a negative errno with the reason in `err`; an order that fails changes nothing.
 */
int routing_apply(struct routing *routing, const struct message_row *row, const void *body, struct instant now, struct err *err);

/* Answers a question (SHOW_ROUTES, SHOW_RIP, SHOW_RIP_NEIGHBORS, SHOW_DROPS) with rows; the caller sends the DONE. */
int routing_show(struct routing *routing, uint32_t seq, const struct msg_show *show, struct instant now, struct err *err);

/* The channel to the switch is new: it knows nothing of us. Gone: nothing is sent until it is back. */
void routing_switch_up(struct routing *routing, struct instant now);
void routing_switch_down(struct routing *routing);

/* The switch answered the oldest unanswered FIB_BATCH; with an error all of that router's routes are told again in a second. */
void routing_batch_done(struct routing *routing, uint32_t router, int error, struct instant now);

/* Runs timers; returns when to be called next. */
struct instant routing_tick(struct routing *routing, struct instant now);
struct instant routing_next(const struct routing *routing);

/* Checks what must always hold inside (tests, simulation); aborts when it doesn't. */
void routing_check_invariants(const struct routing *routing);

#endif
