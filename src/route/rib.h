/*
 * The routing information base of one router: what connected networks, static routes and protocols offer, and which of it is used.
 *
 * Theory of operation. A prefix has an entry with the routes that are offered for it, one for each (protocol, source). The best is that of
 * the lowest administrative distance, then of the lowest metric; static routes that tie are joined into one with several next hops.
 * Whenever the best changes its owner hears of it (redistribution), and the entry joins the list of those that the switch must be told of.
 * That list is the only queue towards the switch: it is emptied as fast as the switch takes batches (rib_take), and an entry that changes
 * ten times while it waits is sent once.
 */
#ifndef ROUTE_RIB_H
#define ROUTE_RIB_H

#include "api/message_types.h"
#include "base/instant.h"
#include "base/list.h"
#include "route/prefix_table.h"

/* Administrative distances, as FRR's. */
enum { DISTANCE_CONNECTED = 0, DISTANCE_STATIC = 1, DISTANCE_EBGP = 20, DISTANCE_OSPF = 110, DISTANCE_RIP = 120, DISTANCE_IBGP = 200 };

/* A route that somebody offers. */
struct rib_route {
	struct rib_route *next; /* of the same prefix, the best first */
	enum route_protocol protocol;
	enum route_action action;
	uint32_t source; /* tells routes of one protocol apart: the interface, the static route; 0 */
	uint32_t metric;
	uint8_t distance;
	struct instant since;
	uint16_t nexthop_count;
	struct nexthop nexthops[]; /* in order of address and interface */
};

struct rib_entry {
	struct prefix_node node;
	struct list in_rib;
	struct list in_dirty; /* rib->dirty or rib->held: the switch must be told */
	struct rib_route *routes;
	bool sent; /* the switch has a route of this prefix from us */
};

struct rib_ops {
	/* The best route of a prefix is another one, or has changed; NULL: there is none any more. */
	void (*best_changed)(void *context, const struct prefix *prefix, const struct rib_route *best, struct instant now);
};

/* What all tables together may hold. */
struct rib_budget {
	uint64_t used, max;
};

struct rib {
	const struct rib_ops *ops;
	void *context;
	struct rib_budget *budget;
	uint32_t routes_max; /* may be changed at any time */
	uint32_t route_count;
	struct prefix_table table;
	struct list entries;
	struct list dirty;
	struct list held; /* learnt routes that rib_take was told to hold back */
};

/* What somebody offers; `nexthops` are copied. */
struct rib_offer {
	struct prefix prefix;
	enum route_protocol protocol;
	enum route_action action;
	uint32_t source;
	uint32_t metric;
	uint8_t distance;
	const struct nexthop *nexthops;
	uint16_t nexthop_count; /* at most NEXTHOPS_MAX */
};

/* An empty table of at most `routes_max` routes. Ops, context and budget outlive it; a budget of NULL has no end. */
void rib_init(struct rib *rib, const struct rib_ops *ops, void *context, uint32_t routes_max, struct rib_budget *budget);
void rib_free(struct rib *rib);

/* Offers a route or changes the offer; an offer that is as it was changes nothing. Returns 0, -ENOSPC when the table is full,
 * or -ENOMEM when all tables together are. */
int rib_set(struct rib *rib, const struct rib_offer *offer, struct instant now);

/* Takes an offer back; does nothing when there is none. */
void rib_del(struct rib *rib, const struct prefix *prefix, enum route_protocol protocol, uint32_t source, struct instant now);

/* The best route of exactly this prefix, or NULL. Borrowed until the next change. */
const struct rib_route *rib_best(const struct rib *rib, const struct prefix *prefix);

/* The best route to an address that is none of protocol `except` (ROUTE_PROTOCOL_COUNT: of any), longest prefix first, or NULL. */
const struct rib_route *rib_lookup(const struct rib *rib, struct ip ip, enum route_protocol except);

/* True while the switch has to be told something. */
static inline bool rib_dirty(const struct rib *rib) { return !list_empty(&rib->dirty); }

/*
 * Takes up to `room` entries that the switch must be told of; returns how many were written. With `hold` those that a protocol has learnt
 * and that the switch has no route of yet are kept back until rib_release.
 */
unsigned rib_take(struct rib *rib, struct fib_entry *entries, unsigned room, bool hold);
void rib_release(struct rib *rib);

/* The switch knows nothing (any more): everything must be told again. */
void rib_retell(struct rib *rib);

/* Calls `row` for every route; `selected` is set on the used ones. */
void rib_show(const struct rib *rib, uint32_t router, struct instant now, void (*row)(void *, const struct row_route *), void *context);

#endif
