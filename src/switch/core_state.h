/* The core's inside: what its parts share. Only files of the core include it. */
#ifndef SWITCH_CORE_STATE_H
#define SWITCH_CORE_STATE_H

#include "switch/core.h"
#include "switch/topology.h"

struct flights;
struct flow_cache;
struct trace;
struct conn_table;

/* Most packets that the routers themselves may have under way in one call of the core. */
#define ORIGINS_MAX 512

/* Where a packet enters the walk through the features (features.c lists them by stage). */
enum stage {
	STAGE_PORT,    /* came in through a port */
	STAGE_NETWORK, /* a member put it into a network */
	STAGE_DELIVER, /* a network brought it to a port */
	STAGE_ROUTER,  /* a network brought it to a router's interface */
	STAGE_FORWARD, /* a router looks for its way */
	STAGE_EGRESS,  /* interface and next hop are known */
	STAGE_COUNT
};

/* A packet that a router or server made or held back, waiting for its walk. It has an Ethernet header with a right type. */
struct origin {
	struct packet *packet;
	enum stage stage; /* NETWORK (by `rif`), FORWARD (by `router`), EGRESS (by `rif` to `nexthop`) */
	struct router *router;
	struct rif *rif;
	struct ip nexthop;
	bool forwarded; /* has crossed a router before: errors about it are reported */
};

/* A packet that waits to be sent with others. */
struct output {
	struct port *port;
	struct packet *packet;
};

/* States of a neighbor (neighbor.h), each with a list. */
#define NEIGHBOR_LISTS 6

struct core {
	const struct core_ops *ops;
	void *context;
	struct packet_pool *pool;
	struct core_limits limits;
	struct instant now; /* of the running call */

	struct map networks, ports, routers, rifs;
	uint64_t sync_mark;
	bool syncing;

	uint64_t epoch;		      /* raised with every generation below and in the objects */
	uint64_t topology_generation; /* raised by every order that changes something */
	struct flow_cache *flows;
	uint64_t flow_changes; /* entries came or went: what was found before may be another's now */
	bool cache_off;	       /* tests compare both ways */
	bool closing;	       /* core_free: tells nobody anything more */
	struct trace *trace;   /* a walk in dry-run is under way (trace.h): nothing may change */

	struct conn_table *connections;
	struct map groups, group_pages; /* struct group, struct page */
	struct map memberships;		/* ip_key -> struct membership: who is in which group */
	struct list policies;		/* struct port_policy */
	uint64_t policy_generation;	/* raised when any of these changes: connections must be asked for again */

	struct list fdb_ages;		       /* learned FDB entries, oldest first */
	struct list neighbors[NEIGHBOR_LISTS]; /* struct neighbor by state, nearest deadline first */
	uint32_t held;			       /* packets that wait for neighbors */

	struct flights *flights; /* packets in impaired links, or NULL (impair.c) */

	struct origin origins[ORIGINS_MAX];
	unsigned origin_first, origin_count;
	struct rate_limit limit_events;
	bool collecting; /* packets to be sent wait in `out` */
	struct output out[CORE_SEND_MAX];
	unsigned out_count;
	uint64_t lost;		 /* packets from ports that are gone */
	struct instant measured; /* when throughput was taken last */
	struct instant ra_next;	 /* when ports hear a router advertisement again */
	union message_body scratch;
};

/* Raises a generation: flow cache entries that rest on it must be looked at again. */
static inline void core_raise(struct core *core, uint64_t *generation)
{
	(*generation)++;
	core->epoch++;
}

/* Queues a packet for its walk, taking it over; when the queue is full it is dropped and counted on origin->rif (if any). */
void core_originate(struct core *core, const struct origin *origin);

/* Walks what was queued, and what that makes, until all is quiet. Called at the end of each call into the core. */
void core_walk_origins(struct core *core);

/* Frees a packet. */
void core_release(struct core *core, struct packet *packet);

/* Tells ctl that a limit was reached, at most ten times a second. */
void core_limit_reached(struct core *core, const char *limit, const char *path, uint64_t value);

/* Sends a packet out of a port, taking it over; counts it there. The packet has left the core then: nothing may be read of it. */
void core_output(struct core *core, struct port *port, struct packet *packet);

/* Between the two, packets wait to be sent together; ports must not go meanwhile. */
static inline void core_collect(struct core *core) { core->collecting = true; }
void core_send_collected(struct core *core);

/* Tells route and ctl (or one of them) whether an interface has a carrier. */
void core_tell_rif(struct core *core, const struct rif *rif);

#endif
