/* BGP of a virtual router: what its glue's files share. bgp_protocol.h tells the theory. */
#ifndef ROUTE_BGP_GLUE_H
#define ROUTE_BGP_GLUE_H

#include "base/map.h"
#include "route/bgp/bgp.h"
#include "route/protocol.h"

/* Bytes that may wait in one direction of a stream. */
#define BGP_STREAM_BYTES (256 * 1024)

/* How long bytes take from one router to another: what comes meanwhile travels along. */
#define BGP_STREAM_DELAY (span_ms(1))

struct bgp_neighbor;
struct bgp_stream;

/* A neighbor as ctl wants it. */
struct bgp_neighbor {
	struct bgp_instance *instance;
	struct list in_instance;
	uint16_t peer; /* the engine's number */
	bool stale;
	bool retry;		       /* the way to it is there (again) */
	struct bgp_stream *streams[2]; /* that we opened, that it opened; NULL: none */
	bool writable[2];
	bool external; /* its TCP is asked for: nobody of this process has its address */
	struct msg_bgp_neighbor wanted;
	char text[128]; /* why its session ended last */
};

/* What a next hop comes to in the RIB. */
struct bgp_nexthop {
	struct prefix_node node;
	struct list in_instance;
	bool reachable;
	uint32_t metric;
	uint16_t hop_count;
	struct nexthop hops[NEXTHOPS_MAX];
};

/* A prefix that we announce as our own. */
struct bgp_own {
	struct prefix_node node;
};

struct bgp_instance {
	struct router *router;
	struct bgp *bgp;
	bool stale;
	struct msg_bgp wanted;
	struct list neighbors;
	struct map neighbor_of; /* the engine's number -> neighbor */
	struct instant wake;
	/* Best routes that changed while the engine worked: looked at afterwards. */
	struct prefix *changed;
	size_t changed_count, changed_capacity;
	struct prefix_table own;
	bool interior_changed; /* next hops may have changed */
	struct prefix_table nexthops;
	struct list nexthop_list;
};

static inline struct bgp_instance *bgp_instance_of(const struct router *router) { return router->protocols[ROUTE_BGP]; }

static inline struct bgp_neighbor *bgp_neighbor_get(const struct bgp_instance *instance, uint16_t peer)
{
	return map_get(&instance->neighbor_of, peer);
}

/* bgp_protocol.c: has something to do at that time. */
void bgp_instance_wake(struct bgp_instance *instance, struct instant at);

/* bgp_neighbor.c: orders of ctl. */
int bgp_neighbor_set(struct routing *routing, const void *body, struct instant now, struct err *err);
int bgp_neighbor_del(struct routing *routing, const void *body, struct instant now);

/* bgp_neighbor.c: a policy is another one: who uses it is looked at again. */
void bgp_neighbors_policy_changed(struct bgp_instance *instance, uint32_t policy, struct instant now);

/* bgp_neighbor.c: the engine gets a peer for what is wanted. 0, or -ENOSPC. */
int bgp_neighbor_join(struct bgp_neighbor *neighbor, struct instant now, struct err *err);

/* bgp_neighbor.c: the session ends with Cease / `subcode`; its streams are read to their end by the other side. */
void bgp_neighbor_leave(struct bgp_neighbor *neighbor, uint8_t subcode, struct instant now);
void bgp_neighbor_free(struct bgp_neighbor *neighbor, uint8_t subcode, struct instant now);

/* Where the way to a neighbor leads. */
enum bgp_way { BGP_WAY_NONE, BGP_WAY_INSIDE, BGP_WAY_OUTSIDE };

/* bgp_stream.c: opens a stream to the neighbor, when a router of ours has the address; says where the way leads. */
enum bgp_way bgp_stream_open(struct bgp_neighbor *neighbor);

/* bgp_stream.c: where the way leads now. */
enum bgp_way bgp_way_to(const struct bgp_neighbor *neighbor);

/* bgp_tcp.c: takes connections of a neighbor outside of the process; false: it can't. Not any more. */
bool bgp_tcp_want(struct bgp_neighbor *neighbor);
void bgp_tcp_forget(struct bgp_neighbor *neighbor);

/* bgp_tcp.c: the switch knows the router (again): its TCP is to be punted when there is such a neighbor. */
void bgp_tcp_switch_knows(struct bgp_instance *instance);
void bgp_tcp_tell_switch(struct bgp_instance *instance, bool add);

/* bgp_stream.c: the neighbor lets its stream go; the other end reads what is in it, then its end. */
void bgp_stream_close(struct bgp_neighbor *neighbor, bool incoming);

/* bgp_stream.c: writes to the neighbor; how many bytes were taken. */
size_t bgp_stream_send(struct bgp_neighbor *neighbor, bool incoming, const uint8_t *bytes, size_t count);

/* bgp_stream.c: tells the engine what has come over the neighbor's streams. */
void bgp_stream_run(struct bgp_neighbor *neighbor, struct instant now);

/* bgp_stream.c: the interface behind which the neighbor is on the link, or NULL. */
const struct rif *bgp_neighbor_rif(const struct bgp_neighbor *neighbor);

/* bgp_nexthop.c: what a next hop comes to; borrowed until the next call. */
const struct bgp_nexthop *bgp_nexthop_get(struct bgp_instance *instance, struct ip ip);

/* bgp_nexthop.c: the interior has changed: looks at all next hops in use again. */
void bgp_nexthops_look(struct bgp_instance *instance, struct instant now);
void bgp_nexthops_free(struct bgp_instance *instance);

/* bgp_rows.c */
void bgp_rows_show(const struct router *router, uint32_t seq, enum show_what what, struct instant now);

#endif
