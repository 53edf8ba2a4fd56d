/* What the servers for guests share (DHCP, name service, router advertisements): their addresses in a network, questions in, answers out.
 */
#ifndef SWITCH_GUEST_SERVER_H
#define SWITCH_GUEST_SERVER_H

#include "switch/walk.h"

/* The servers' IPv4 address in a network, and their MAC: that of the router interface that has the address, else one made from the
 * network's number. NONE when there is none. */
struct ip guest_server_ip(const struct network *network);
struct mac guest_server_mac(const struct network *network);

/* The network's router for IPv6: the first interface in it that has such an address of its own, or NULL. */
struct rif *guest_router6(const struct network *network);

/* For IPv6 the servers are that router, else the same as for IPv4; they speak from a link-local address. */
struct mac guest_server_mac6(const struct network *network);
struct ip guest_server_ip6(const struct network *network);

/* The network's IPv6 subnet, of length 0 when it has none. */
struct prefix guest_subnet6(const struct network *network);

/* The payload of a UDP packet, whole and not a fragment; false when it is malformed. */
bool guest_udp_payload(struct walk *walk, const uint8_t **bytes, uint32_t *size);

/* An answer by UDP, from a server's MAC, out of the port alone. */
struct guest_answer {
	struct ip source, destination;
	uint16_t source_port, destination_port;
	struct mac eth_src, eth_dst;
	const uint8_t *bytes;
	size_t size;
};

/* Sends router advertisements when they are due; returns when that is next. */
struct instant guest_ra_tick(struct core *core, struct instant now);

void guest_answer_send(struct core *core, struct port *port, const struct guest_answer *answer);

#endif
