/* Building the IP packets that routers and servers of the switch send themselves. */
#ifndef SWITCH_IP_BUILD_H
#define SWITCH_IP_BUILD_H

#include "switch/core_state.h"

/* What goes into the headers. */
struct ip_build {
	struct ip source, destination;
	uint8_t protocol;
	uint8_t ttl;
	uint8_t tos; /* or traffic class */
	uint32_t payload_bytes;
};

/*
 * A frame with an Ethernet header (type set, MACs zero), an IP header and room for the payload, zeroed, which `payload` points to.
 * NULL when there is no buffer (nothing is counted).
 */
struct packet *ip_build_packet(struct core *core, const struct ip_build *build, uint8_t **payload);

/* The checksum of the payload with its pseudo header, its own checksum field being zero. */
uint16_t ip_build_checksum(const struct ip_build *build, const uint8_t *payload);

#endif
