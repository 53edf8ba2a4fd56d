/*
 * TCP between virtual routers and neighbors outside of this process, as `routing` sees it: connections by the neighbor's number, bytes in
 * and out, and IP packets that somebody's TCP makes of them.
 *
 * A connection is one that we opened (`incoming` false) or that the neighbor opened. Whoever has the TCP is given the packets that come for
 * it (`packet`) and gives those that it sends (routing_tcp_send); in between it says what happened to connections.
 */
#ifndef ROUTE_ROUTING_TCP_H
#define ROUTE_ROUTING_TCP_H

#include "route/routing.h"

/* A neighbor; its `id` is ctl's. `key` (RFC 2385, "": none) is borrowed during the call. */
struct routing_tcp {
	uint32_t id;
	uint32_t router;
	struct ip local, remote;
	uint16_t mtu;
	const char *key;
};

/* Ways out; none may call back. */
struct routing_tcp_ops {
	/* Connections of the neighbor are to be taken from now on. With other settings those that are there end, unreported. */
	void (*want)(void *context, const struct routing_tcp *tcp);
	void (*forget)(void *context, uint32_t id);
	/* Opens a connection: routing_tcp_connected or _closed follows. */
	void (*connect)(void *context, uint32_t id);
	/* Closes a connection, or gives up opening it; nothing about it is reported any more. */
	void (*close)(void *context, uint32_t id, bool incoming);
	/* Sends bytes; returns how many were taken. Fewer means: routing_tcp_writable follows when there is room. */
	size_t (*send)(void *context, uint32_t id, bool incoming, const uint8_t *bytes, size_t count);
	/* An IP packet for the router's TCP. */
	void (*packet)(void *context, uint32_t router, const void *bytes, size_t size);
};

/* Ops and context must outlive it; without them neighbors outside of the process can't be spoken with. */
void routing_tcp_set(struct routing *routing, const struct routing_tcp_ops *ops, void *context);

void routing_tcp_connected(struct routing *routing, uint32_t id, bool incoming, struct instant now);
void routing_tcp_closed(struct routing *routing, uint32_t id, bool incoming, struct instant now);
void routing_tcp_received(struct routing *routing, uint32_t id, bool incoming, const uint8_t *bytes, size_t count, struct instant now);
void routing_tcp_writable(struct routing *routing, uint32_t id, bool incoming, struct instant now);

/* A router's TCP sends an IP packet; what isn't BGP's is dropped. */
void routing_tcp_send(struct routing *routing, uint32_t router, const void *bytes, size_t size, struct instant now);

#endif
