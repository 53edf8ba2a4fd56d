/*
 * Connection tracking: who spoke to whom first, and whether a packet belongs to what was allowed.
 *
 * Theory of operation. Connections live in zones: one for each port that has security groups, one for each router that translates
 * addresses. A zone's connections are its own: two zones on a packet's way each keep their view of the same conversation, so budgets,
 * policies and ends of objects need no thought about others. A connection has two tuples, what packets of the original direction read and
 * what those of the reply read (they differ by more than the order where addresses are translated), both in one hash table.
 *
 * TCP is followed by its flags (the table in conn_state.c); sequence numbers aren't looked at, and a connection that is under way when
 * tracking begins is picked up in its middle, so that a restart of the switch cuts none. Until the other side has answered, a connection
 * is half open. ICMP queries are connections between an identifier and a type; everything else is by protocol and addresses.
 *
 * Bounds. A zone has a budget of connections and a smaller one of weak ones (half open, or closed and not yet forgotten); a flood
 * replaces its own oldest weak connections and never an established one. The whole table keeps a reserve for zones that hold few; when
 * even that is full the fullest zone gives.
 *
 * Time is a wheel of one-second slots. Packets only note when they came; what falls due is looked at and put where it belongs then.
 *
 * A flow cache entry rests on the generations of its connections (conn->generation; the memory of connections is never given back while
 * the core lives), so nothing is forwarded by a connection that is gone.
 */
#ifndef SWITCH_CONN_H
#define SWITCH_CONN_H

#include "base/list.h"
#include "switch/core.h"
#include "switch/flow_key.h"

struct nat_mapping;

#define CONN_DIRECTIONS 2

/* ORIGINAL: as the first packet went. */
enum conn_direction { CONN_ORIGINAL, CONN_REPLY };

enum conn_state {
	CONN_NEW,	  /* one side has spoken */
	CONN_ANSWERED,	  /* TCP: SYN and SYN+ACK were seen */
	CONN_PICKED_UP,	  /* TCP: found in its middle, one side was seen */
	CONN_ESTABLISHED, /* both sides have spoken; TCP: the handshake is complete */
	CONN_CLOSING,	  /* TCP: one side has sent its FIN */
	CONN_CLOSED,	  /* TCP: both have, or one has reset it */
	CONN_REVOKED,	  /* its rule is gone: it stays known, so that it isn't taken for a new one of the other direction */
	CONN_STATES
};

/* What packets of one direction read. No holes: hashed and compared as bytes. */
struct conn_tuple {
	uint32_t zone;	  /* id of the port or router */
	uint8_t kind;	  /* enum conn_kind */
	uint8_t family;	  /* enum ip_family */
	uint8_t protocol; /* IPv4's number, or IPv6's */
	uint8_t query;	  /* ICMP: 1 for the one who asks, 2 for the one who answers */
	uint16_t src_port, dst_port;
	uint8_t src[16], dst[16];
};

/* Whose zone it is. */
enum conn_kind { CONN_OF_PORT, CONN_OF_ROUTER };

/* A zone: embedded in its port or router. */
struct conn_zone {
	uint32_t id;
	uint8_t kind; /* enum conn_kind */
	bool open;    /* conn_zone_open was called */
	uint32_t used, weak_used;
	uint32_t limit, weak_limit; /* of `used` and `weak_used` */
	uint64_t made;		    /* raised with each connection that is made: refusals rest on it */
	struct list weak;	    /* struct conn: half open or closed, oldest first */
	struct list established;    /* the others, likewise */
	struct list by_size;	    /* among zones of about as many connections */
	struct fragment *fragments; /* conn_key.h; NULL until the first one */
	const char *path;	    /* of its object, for events */
};

struct conn;

struct conn_node {
	struct conn_node *next;
	struct conn *conn;
	uint64_t hash;
	struct conn_tuple tuple;
};

struct conn {
	struct conn_node nodes[CONN_DIRECTIONS];
	struct conn_zone *zone;
	struct list in_zone;
	struct list in_wheel;
	uint64_t generation; /* raised at its end; never goes back */
	uint64_t policy;     /* core->policy_generation when it was last found allowed */
	struct instant seen; /* its last packet */
	struct instant created;
	uint64_t packets[CONN_DIRECTIONS];
	struct nat_mapping *mapping; /* of a router: where its source's port comes from, or NULL (nat.h) */
	uint32_t service;	     /* what the policy was asked for: policy_service(); of a router: the interface it left by */
	bool inbound;		     /* the original direction goes to the port; of a router: to what it forwards to */
	uint8_t state;		     /* enum conn_state */
	uint8_t fins;		     /* TCP: a bit for each direction that has sent its FIN */
};

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10 };

struct conn_table;

struct conn_table *conn_table_new(const struct core_limits *limits);
void conn_table_free(struct conn_table *table);

/* Opens the zone of a port or router, which has none; `path` lives as long as it. Closing it ends all of its connections. */
void conn_zone_open(struct core *core, struct conn_zone *zone, enum conn_kind kind, uint32_t id, const char *path);
void conn_zone_close(struct core *core, struct conn_zone *zone);

/* The connection that a tuple belongs to, with the direction; NULL: none. */
struct conn *conn_find(const struct core *core, const struct conn_tuple *tuple, enum conn_direction *direction);

/* The tuple that answers have. */
struct conn_tuple conn_tuple_reverse(const struct conn_tuple *tuple);

/*
 * Makes a connection of the two tuples, half open; a TCP one in the state that its first packet's flags say. NULL when its zone or the
 * table has no room (the limit is told) or the reply's tuple is taken.
 */
struct conn *conn_add(
	struct core *core, struct conn_zone *zone, const struct conn_tuple *original, const struct conn_tuple *reply, uint8_t tcp_flags);

/* True when conn_add would find or make room for a connection of the zone. */
bool conn_has_room(const struct core *core, const struct conn_zone *zone);

/* Ends a connection: cache entries that rest on it fall. */
void conn_remove(struct core *core, struct conn *conn);

/* True when a packet with these TCP flags may be of this connection: a SYN that finds a closed one starts a new one. */
static inline bool conn_takes(const struct conn *conn, uint8_t tcp_flags)
{
	return conn->state < CONN_CLOSED || (tcp_flags & (TCP_SYN | TCP_ACK)) != TCP_SYN;
}

/* Its rule is gone, or is there again: it passes nothing any more, or is picked up. */
void conn_revoke(struct core *core, struct conn *conn, bool revoked);

/* Notes a packet: its time, what it does to the state. */
void conn_packet(struct core *core, struct conn *conn, enum conn_direction direction, uint8_t tcp_flags);

/* True for the flags of a packet that may be the first one seen of a TCP connection: a SYN, or one of the middle. */
bool conn_tcp_may_begin(uint8_t tcp_flags);

/* Ends what has fallen due; returns when to be called next. */
struct instant conn_tick(struct core *core);

/* Of all zones. */
uint32_t conn_count(const struct core *core);

/* Walks all connections: start with *cursor = 0; NULL at the end. */
struct conn *conn_next(const struct core *core, size_t *cursor);

/* Seconds until it ends when no packet comes; its state's name ("established"). */
uint32_t conn_remaining_s(const struct core *core, const struct conn *conn);
const char *conn_state_name(const struct conn *conn);

#endif
