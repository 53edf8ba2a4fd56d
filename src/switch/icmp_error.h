/*
 * ICMP errors of routers (RFC 1812 4.3.2, 5.2.7; RFC 4443 2.4, 3): who hears what about a packet that couldn't go on.
 *
 * Theory of operation. An error is about a packet as it came to the router, is sent from the address of the interface where it came in, and
 * finds its way like any packet of the router's own. No error is sent about errors, fragments but the first, packets to or from anything
 * but one host; and only so many a second for each router.
 */
#ifndef SWITCH_ICMP_ERROR_H
#define SWITCH_ICMP_ERROR_H

#include "switch/core_state.h"

enum icmp_error {
	ICMP_ERROR_TTL,
	ICMP_ERROR_NO_ROUTE,
	ICMP_ERROR_HOST,
	ICMP_ERROR_PROTOCOL,
	ICMP_ERROR_PORT,
	ICMP_ERROR_TOO_BIG,
	ICMP_ERROR_COUNT
};

/* Reports `error` about `packet` (borrowed) to its source. `in` is where it came into `router`, or NULL; `mtu` for TOO_BIG. */
void icmp_error_send(
	struct core *core, struct router *router, struct rif *in, const struct packet *packet, enum icmp_error error, uint16_t mtu);

static inline void icmp_host_unreachable(struct core *core, struct router *router, struct rif *in, const struct packet *packet)
{
	icmp_error_send(core, router, in, packet, ICMP_ERROR_HOST, 0);
}

#endif
