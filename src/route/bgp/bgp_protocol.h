/*
 * BGP as a row of the table of protocols.
 *
 * Theory of operation. A router with BGP has an instance: the pure engine (bgp.h) and what connects it to the router around it. Orders of
 * ctl become peers, what the engine learns goes to the RIB (after its next hop was looked up there, bgp_nexthop.c), best routes of other
 * protocols that are to be advertised go to the engine. The engine may not be called while it calls out, and it changes the RIB, which
 * calls back: so changed best routes wait in a list until the engine is done.
 *
 * Everything an instance has to do is done in its tick (bgp_protocol.c: instance_run): what came over its streams, what changed in the RIB,
 * timers, decisions, export. Whoever gives it something to do wakes it.
 *
 * Neighbors that are routers of the same process speak over streams in memory (bgp_stream.c): no kernel, thousands at once.
 */
#ifndef ROUTE_BGP_PROTOCOL_H
#define ROUTE_BGP_PROTOCOL_H

#include "route/protocol.h"

extern const struct protocol bgp_protocol;

/* A punted packet: true when it was one of TCP, which is BGP's here. */
bool bgp_tcp_punted(struct router *router, const struct msg_packet *message);

#endif
