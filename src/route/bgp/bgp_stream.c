/*
 * Streams between routers of the same process: two buffers, one for each direction, in place of a TCP connection.
 *
 * Theory of operation. A router opens a stream to an address; whoever has that address is found by walking the routers' own RIBs hop by
 * hop, as packets would go. The other router must have a neighbor with the address that we speak from, and the same key. What is written
 * lies in the buffer of the other end until that router's next turn; a full buffer takes no more until it was read. A stream between
 * interfaces on one link ends when one of them goes down; one over several hops stalls while there is no way, and the hold timers end it.
 */
#include "route/bgp/bgp_glue.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

/* Routers on the way to another; how often a way that is gone is looked for. */
#define HOPS_MAX 64
#define WAY_PAUSE (span_s(1))

/* An end of a stream, and the bytes that are to be read there. */
struct stream_end {
	struct bgp_neighbor *neighbor; /* NULL: it let go */
	bool incoming;		       /* the other side opened it */
	bool told;		       /* the engine knows that it is connected */
	bool refused;		       /* it was told that no more fits */
	uint8_t *bytes;
	size_t used, capacity;
};

struct bgp_stream {
	struct stream_end ends[2]; /* who opened it, who was called */
	bool direct;		   /* both are on one link */
};

/* The interface that has the address in that network (of the switch), up or not, or NULL. */
static struct rif *rif_with_address(const struct routing *routing, uint32_t network, struct ip ip)
{
	struct rif *rif;
	size_t cursor = 0;

	while ((rif = map_next(&routing->rifs, &cursor, NULL, NULL)) != NULL) {
		if (rif->router == NULL || rif->network != network)
			continue;
		for (unsigned i = 0; i < rif->address_count; i++)
			if (ip_equal(rif->addresses[i].ip, ip))
				return rif;
	}
	return NULL;
}

static bool router_has_address(const struct router *router, struct ip ip)
{
	const struct rif *rif;

	list_each (rif, &router->rifs, struct rif, in_router)
		for (unsigned i = 0; rif_up(rif) && i < rif->address_count; i++)
			if (ip_equal(rif->addresses[i].ip, ip))
				return true;
	return false;
}

const struct rif *bgp_neighbor_rif(const struct bgp_neighbor *neighbor)
{
	const struct rif *rif;

	list_each (rif, &neighbor->instance->router->rifs, struct rif, in_router)
		for (unsigned i = 0; i < rif->address_count; i++)
			if (prefix_contains(prefix_masked(rif->addresses[i]), neighbor->wanted.address))
				return rif;
	return NULL;
}

/* Where packets for an address arrive: at a router of ours (`to`), outside of this process, or nowhere. */
static enum bgp_way way_find(struct router *from, struct ip ip, struct router **to)
{
	struct router *at = from;

	*to = NULL;
	for (unsigned hop = 0; hop < HOPS_MAX; hop++) {
		const struct rib_route *route;
		const struct rif *out, *in;

		if (router_has_address(at, ip)) {
			*to = at == from ? NULL : at;
			return *to != NULL ? BGP_WAY_INSIDE : BGP_WAY_NONE;
		}
		route = rib_lookup(&at->rib, ip, ROUTE_PROTOCOL_COUNT);
		if (route == NULL || route->action != ROUTE_FORWARD || route->nexthop_count == 0)
			return BGP_WAY_NONE;
		out = routing_rif(at->routing, route->nexthops[0].rif);
		if (out == NULL || !rif_up(out))
			return BGP_WAY_NONE;
		in = rif_with_address(at->routing, out->network, route->nexthops[0].ip.family == IP_NONE ? ip : route->nexthops[0].ip);
		if (in == NULL)
			return BGP_WAY_OUTSIDE;
		if (!rif_up(in))
			return BGP_WAY_NONE;
		at = in->router;
	}
	return BGP_WAY_NONE;
}

enum bgp_way bgp_way_to(const struct bgp_neighbor *neighbor)
{
	struct router *there;

	return way_find(neighbor->instance->router, neighbor->wanted.address, &there);
}

/* The neighbor of a router that has this address, or NULL. */
static struct bgp_neighbor *neighbor_with_address(const struct router *router, struct ip ip)
{
	const struct bgp_instance *instance = bgp_instance_of(router);
	struct bgp_neighbor *neighbor;

	if (instance == NULL)
		return NULL;
	list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
		if (ip_equal(neighbor->wanted.address, ip))
			return neighbor;
	return NULL;
}

static void neighbor_wake(struct bgp_neighbor *neighbor)
{
	bgp_instance_wake(neighbor->instance, instant_add(neighbor->instance->router->routing->now, BGP_STREAM_DELAY));
}

enum bgp_way bgp_stream_open(struct bgp_neighbor *neighbor)
{
	struct router *there;
	enum bgp_way way = way_find(neighbor->instance->router, neighbor->wanted.address, &there);
	struct bgp_neighbor *other = there ? neighbor_with_address(there, neighbor->wanted.local) : NULL;
	struct bgp_stream *stream;

	CHECK(neighbor->streams[0] == NULL);
	/* Who was called already needn't call back: so two that start together have one connection. */
	if (other == NULL || other->streams[1] != NULL || neighbor->streams[1] != NULL ||
		strcmp(other->wanted.key, neighbor->wanted.key) != 0)
		return way;
	stream = xalloc(sizeof(*stream));
	stream->ends[0] = (struct stream_end){.neighbor = neighbor};
	stream->ends[1] = (struct stream_end){.neighbor = other, .incoming = true};
	stream->direct = bgp_neighbor_rif(neighbor) != NULL;
	neighbor->streams[0] = other->streams[1] = stream;
	neighbor_wake(neighbor);
	neighbor_wake(other);
	return way;
}

/* Which end a neighbor has: it opened the stream, or was called. */
static struct stream_end *end_of(struct bgp_neighbor *neighbor, bool incoming)
{
	return neighbor->streams[incoming] ? &neighbor->streams[incoming]->ends[incoming] : NULL;
}

static void stream_free(struct bgp_stream *stream)
{
	free(stream->ends[0].bytes);
	free(stream->ends[1].bytes);
	free(stream);
}

void bgp_stream_close(struct bgp_neighbor *neighbor, bool incoming)
{
	struct bgp_stream *stream = neighbor->streams[incoming];

	if (stream == NULL)
		return;
	neighbor->streams[incoming] = NULL;
	stream->ends[incoming].neighbor = NULL;
	if (stream->ends[!incoming].neighbor == NULL)
		stream_free(stream);
	else
		neighbor_wake(stream->ends[!incoming].neighbor);
}

size_t bgp_stream_send(struct bgp_neighbor *neighbor, bool incoming, const uint8_t *bytes, size_t count)
{
	struct bgp_stream *stream = neighbor->streams[incoming];
	struct stream_end *other = stream ? &stream->ends[!incoming] : NULL;
	size_t room;

	if (other == NULL || other->neighbor == NULL)
		return count; /* as a socket whose other side is gone: that is told apart */
	room = BGP_STREAM_BYTES - other->used;
	if (room < count) {
		count = room;
		other->refused = true;
	}
	if (count == 0)
		return 0;
	if (other->used + count > other->capacity) {
		other->capacity = other->used + count < 4096		       ? 4096
				  : other->used + count < BGP_STREAM_BYTES / 4 ? (other->used + count) * 2
									       : BGP_STREAM_BYTES;
		other->bytes = xrealloc(other->bytes, other->capacity);
	}
	memcpy(other->bytes + other->used, bytes, count);
	other->used += count;
	neighbor_wake(other->neighbor);
	return count;
}

/* Gives the engine what is to be read. It may let the stream go meanwhile. */
static void end_read(struct bgp_neighbor *neighbor, struct stream_end *end, struct instant now)
{
	struct bgp_neighbor *writer = neighbor->streams[end->incoming]->ends[!end->incoming].neighbor;
	bool incoming = end->incoming, was_refused = end->refused;
	uint8_t *bytes = end->bytes;
	size_t used = end->used;

	end->bytes = NULL;
	end->used = end->capacity = 0;
	end->refused = false;
	if (was_refused && writer != NULL) {
		writer->writable[!incoming] = true;
		neighbor_wake(writer);
	}
	bgp_receive(neighbor->instance->bgp, neighbor->peer, incoming, bytes, used, now);
	free(bytes);
}

/* A way over several hops may be gone for a while. */
static bool way_is_there(const struct bgp_neighbor *neighbor, const struct bgp_stream *stream, struct instant now)
{
	if (stream->direct || bgp_way_to(neighbor) == BGP_WAY_INSIDE)
		return true;
	bgp_instance_wake(neighbor->instance, instant_add(now, WAY_PAUSE));
	return false;
}

static void end_run(struct bgp_neighbor *neighbor, bool incoming, struct instant now)
{
	struct bgp_instance *instance = neighbor->instance;
	struct stream_end *end = end_of(neighbor, incoming);

	if (end != NULL && !end->told) {
		end->told = true;
		bgp_connected(instance->bgp, neighbor->peer, incoming, now);
		end = end_of(neighbor, incoming);
	}
	if (end != NULL && neighbor->writable[incoming]) {
		neighbor->writable[incoming] = false;
		bgp_writable(instance->bgp, neighbor->peer, incoming, now);
		end = end_of(neighbor, incoming);
	}
	if (end != NULL && end->used > 0 && way_is_there(neighbor, neighbor->streams[incoming], now)) {
		end_read(neighbor, end, now);
		end = end_of(neighbor, incoming);
	}
	if (end != NULL && end->used == 0 && neighbor->streams[incoming]->ends[!incoming].neighbor == NULL) {
		bgp_stream_close(neighbor, incoming);
		bgp_closed(instance->bgp, neighbor->peer, incoming, now);
	}
}

void bgp_stream_run(struct bgp_neighbor *neighbor, struct instant now)
{
	end_run(neighbor, false, now);
	end_run(neighbor, true, now);
}
