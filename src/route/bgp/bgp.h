/*
 * BGP-4 (RFC 4271) of one router as a pure engine: bytes of connections, events and the time come in, bytes and routes go out.
 *
 * Theory of operation. What a peer's connection brings goes through a session (bgp_session.c: OPEN, KEEPALIVE, hold timer, the state
 * machine of RFC 4271 8) and, once Established, into the table of its family (bgp_table.h). Whoever runs the engine reads its sockets dry
 * and then calls bgp_flush: it decides each changed destination once, tells the RIB, and lets every peer's export follow the table's log,
 * packing destinations that go out with the same attributes into as few UPDATEs as fit. Output that a socket doesn't take waits; a peer
 * that reads slowly only has its cursor stand further back, and what changed twice meanwhile is sent once.
 *
 * A peer may have two connections for a moment, one that we opened and one that it opened; the OPENs settle which one lives (RFC 4271 6.8).
 * Import without policy from an external peer is refused unless `import_all`, likewise export (RFC 8212).
 */
#ifndef ROUTE_BGP_H
#define ROUTE_BGP_H

#include "api/message_types.h"
#include "base/instant.h"
#include "net/route_policy.h"
#include "route/bgp/bgp_wire.h"

struct bgp;

/* RFC 4271 8.2.2. */
enum bgp_state { BGP_IDLE, BGP_CONNECT, BGP_ACTIVE, BGP_OPEN_SENT, BGP_OPEN_CONFIRM, BGP_ESTABLISHED, BGP_STATE_COUNT };

extern const char *const bgp_state_names[BGP_STATE_COUNT];

/* A route as the RIB gets it. */
struct bgp_route {
	struct prefix prefix;
	uint16_t nexthop_count; /* 0: BGP knows none any more */
	struct ip nexthops[NEXTHOPS_MAX];
	uint32_t med;
	bool internal; /* learnt from a peer of our own AS: administrative distance 200, else 20 */
};

/* Ways out of the engine. None of them may call back into it. */
struct bgp_ops {
	/* Opens a connection to the peer; bgp_connected or bgp_closed follows. */
	void (*connect)(void *context, uint16_t peer);
	/* Closes a connection, or gives up opening it; nothing about it is reported any more. */
	void (*close)(void *context, uint16_t peer, bool incoming);
	/* Sends bytes; returns how many were taken. Fewer means: bgp_writable follows when there is room. */
	size_t (*send)(void *context, uint16_t peer, bool incoming, const uint8_t *bytes, size_t count);
	/* A route to use or to forget. NULL: nobody wants to know. */
	void (*learnt)(void *context, const struct bgp_route *route);
	/* Whether a next hop can be reached, and the interior cost. NULL: every one can, at cost 0. */
	bool (*reachable)(void *context, const struct ip *nexthop, uint32_t *metric);
	/* A session changed; `text` says why. May be NULL. */
	void (*changed)(void *context, uint16_t peer, enum bgp_state state, const char *text);
	/* A limit was reached. May be NULL. */
	void (*limit_reached)(void *context, uint16_t peer, const char *limit, uint64_t value);
};

struct bgp_settings {
	uint32_t as;
	uint32_t router_id;  /* host order */
	uint32_t cluster_id; /* route reflection (RFC 4456); 0: the router id */
	uint32_t local_pref; /* of routes that have none: 100 */
	uint32_t routes_max; /* destinations of a family: 4,000,000 */
	uint16_t peers_max;  /* 1,000 */
	uint8_t ecmp_max;    /* next hops of a route: 1 */
	bool always_compare_med;
};

struct bgp_settings bgp_settings_default(uint32_t as, uint32_t router_id);

struct bgp_peer_settings {
	struct ip address;
	struct ip local;      /* ours on the session: next hop that we announce */
	struct ip local_ipv6; /* next hop for IPv6 routes; none: `local` when that is IPv6 */
	uint32_t as;
	bool families[BGP_FAMILY_COUNT];
	bool passive;	 /* never opens the connection */
	bool import_all; /* external peers: accept and announce without policy (RFC 8212) */
	bool export_all;
	/* Policies in place of the above, NULL: none. Whoever owns them says bgp_peer_set_policies before they go. */
	const struct route_policy *import, *export;
	bool next_hop_self;	  /* internal peers */
	bool reflector_client;	  /* RFC 4456 */
	uint16_t hold_s;	  /* 90; 0: no keepalives */
	uint16_t connect_retry_s; /* 5 */
	uint32_t prefixes_max;	  /* of a family; 0: as the table. More end the session (RFC 4486) */
};

struct bgp_peer_settings bgp_peer_settings_default(void);

/* An engine; ops and context must outlive it. `seed` is for jitter (RFC 4271 10). */
struct bgp *bgp_new(const struct bgp_settings *settings, const struct bgp_ops *ops, void *context, uint64_t seed);
void bgp_free(struct bgp *bgp);

/* Adds a peer, which starts to connect. Returns its number (1 ...), or 0 when there are `peers_max`. */
uint16_t bgp_peer_add(struct bgp *bgp, const struct bgp_peer_settings *settings, struct instant now);

/* Ends a peer's session with Cease / `subcode`, withdraws what it said, forgets it. */
void bgp_peer_remove(struct bgp *bgp, uint16_t peer, uint8_t subcode, struct instant now);

/* The session is ended with Cease / Administrative Shutdown and a text (RFC 9003) and stays down, or is started again. */
void bgp_peer_shutdown(struct bgp *bgp, uint16_t peer, bool down, const char *text, struct instant now);

/* Connections. `incoming`: the peer opened it. */
void bgp_connected(struct bgp *bgp, uint16_t peer, bool incoming, struct instant now);
void bgp_closed(struct bgp *bgp, uint16_t peer, bool incoming, struct instant now);
void bgp_receive(struct bgp *bgp, uint16_t peer, bool incoming, const uint8_t *bytes, size_t count, struct instant now);
void bgp_writable(struct bgp *bgp, uint16_t peer, bool incoming, struct instant now);

/* Decides what changed and exports it. Call after all sockets were read dry, and after bgp_writable. */
void bgp_flush(struct bgp *bgp, struct instant now);

/* Runs the timers whose time has come; when to call again. */
void bgp_tick(struct bgp *bgp, struct instant now);
struct instant bgp_next(const struct bgp *bgp);

/* Announces a prefix of our own, or takes it back. `nexthop` none: ourselves. `changes`: of a
 * policy, NULL for none; its metric is `med` already. */
bool bgp_local_set(struct bgp *bgp, const struct prefix *prefix, struct ip nexthop, uint32_t med, enum route_protocol from,
	const struct policy_changes *changes);
void bgp_local_del(struct bgp *bgp, const struct prefix *prefix);

/* A peer that waits for its next try tries now. */
void bgp_peer_start(struct bgp *bgp, uint16_t peer, struct instant now);

/* Each family's table may have this many destinations from now on. */
void bgp_set_routes_max(struct bgp *bgp, uint32_t routes_max);

/*
 * Other policies of a peer. With `import` true what it announced is asked for again (RFC 2918), or the session starts anew when it can't be
 * asked; with `export` true it is told anew what changes for it.
 */
struct bgp_policies {
	bool import_all, export_all;
	const struct route_policy *import, *export;
};
void bgp_peer_set_policies(
	struct bgp *bgp, uint16_t peer, const struct bgp_policies *policies, bool import, bool export, struct instant now);

/* Tells all best routes again (`learnt`): what their next hops come to has changed. */
void bgp_retell(struct bgp *bgp, struct instant now);

/* Interior routes changed: next hops are asked for again at the next flush. */
void bgp_nexthops_changed(struct bgp *bgp);

/* What people see of a session. */
struct bgp_peer_status {
	enum bgp_state state;
	struct ip address;
	uint32_t as;
	uint32_t router_id;
	struct instant since; /* of the state */
	uint64_t messages_in, messages_out, updates_in, updates_out;
	uint32_t prefixes_in[BGP_FAMILY_COUNT], prefixes_out[BGP_FAMILY_COUNT];
	uint64_t treated_as_withdraw, attributes_discarded;
	uint32_t dropped; /* times that it was Established and ended */
	uint16_t hold_s;
	uint8_t last_error[2]; /* code and subcode */
	bool last_error_sent;
};

bool bgp_peer_status(const struct bgp *bgp, uint16_t peer, struct bgp_peer_status *status);

/* Calls `row` for every path; the receiver may fill in the router's number. */
typedef void bgp_row_fn(void *context, struct row_bgp *row);
void bgp_show_paths(const struct bgp *bgp, bgp_row_fn *row, void *context);

/* Bytes that tables and attribute sets take; destinations of a family. */
size_t bgp_bytes(const struct bgp *bgp);
uint32_t bgp_dests(const struct bgp *bgp, enum bgp_family family);

#endif
