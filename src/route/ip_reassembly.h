/* Reassembly of IPv4 packets to a router that came in pieces (RFC 791 3.2): OSPF sends LSAs larger than a link's MTU so (RFC 2328 A.1). */
#ifndef ROUTE_IP_REASSEMBLY_H
#define ROUTE_IP_REASSEMBLY_H

#include "base/instant.h"
#include "base/list.h"
#include "route/ip_packet.h"

struct ip_reassembly_limits {
	uint32_t packets;	/* unfinished ones of one interface: 8; a further one takes the place of the oldest */
	uint32_t packets_whole; /* of all: 256, likewise */
	struct span life;	/* of an unfinished packet: 15 s */
};

/* All unfinished packets; `lost` counts those that were given up. Made by ip_reassembly_init. */
struct ip_reassembly {
	struct ip_reassembly_limits limits;
	struct list packets; /* the oldest first */
	uint32_t count;
	uint64_t lost;
	uint8_t *whole; /* bytes of the packet that was given out last */
};

/* Zeros in `limits` (which may be NULL) mean the defaults. */
void ip_reassembly_init(struct ip_reassembly *reassembly, const struct ip_reassembly_limits *limits);
void ip_reassembly_free(struct ip_reassembly *reassembly);

/* What became of a piece. */
enum ip_reassembly_result {
	IP_PIECE_KEPT,	   /* others are missing */
	IP_PIECE_COMPLETE, /* `whole` is the packet, good until the next call */
	IP_PIECE_BAD	   /* it contradicts what came before, or can't be part of a packet: all of that packet is given up (RFC 5722) */
};

/* Takes a piece that came to interface `rif`. */
enum ip_reassembly_result ip_reassembly_add(
	struct ip_reassembly *reassembly, uint32_t rif, const struct ip_piece *piece, struct instant now, struct ip_packet *whole);

#endif
