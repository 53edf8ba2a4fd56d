/* What a routing protocol is to a router: one row of protocols.c. Its own orders, interfaces, routes and packets come to it; what it learns
 * goes to the RIB (router_learnt). */
#ifndef ROUTE_PROTOCOL_H
#define ROUTE_PROTOCOL_H

#include "route/ip_packet.h"
#include "route/router.h"
#include "route/udp_packet.h"

struct protocol {
	enum route_protocol id;
	const char *name;
	uint16_t udp_port;   /* packets to it are the protocol's; 0: none */
	uint8_t ip_protocol; /* or packets of this IP protocol; 0: none */

	/* Carries out an order of its own; -ENOMSG when the message is not its own. */
	int (*apply)(struct routing *routing, const struct message_row *row, const void *body, struct instant now, struct err *err);

	/* SYNC_BEGIN marks what ctl ordered of a router, SYNC_END ends what wasn't ordered again. */
	void (*sync)(struct router *router, bool begin, struct instant now);

	/* An interface came up, went down, has other addresses, is new to the switch, or is about to be gone. */
	void (*rif_changed)(struct router *router, struct rif *rif, bool gone, struct instant now);

	/* The best route of a prefix changed; NULL: there is none. */
	void (*best_changed)(struct router *router, const struct prefix *prefix, const struct rib_route *best, struct instant now);

	/* The policy of that id is another one, or gone. */
	void (*policy_changed)(struct router *router, uint32_t policy, struct instant now);

	/* A packet of its own: one of `udp_port`, or one of `ip_protocol`. */
	void (*packet)(struct router *router, struct rif *rif, const struct udp_packet *packet, struct instant now);
	void (*ip_packet)(struct router *router, struct rif *rif, const struct ip_packet *packet, struct instant now);
	void (*tick)(struct router *router, struct instant now);
	struct instant (*next)(const struct router *router);

	/* Rows of a question about this router. */
	void (*show)(const struct router *router, uint32_t seq, enum show_what what, struct instant now);

	/* The router ends: with a last word to the neighbors, or (`quietly`) without. */
	void (*end)(struct router *router, struct instant now, bool quietly);

	void (*check_invariants)(const struct router *router);
};

/* The table, ended by a NULL. All functions may be called for routers without the protocol. */
extern const struct protocol *const protocols[];

#endif
