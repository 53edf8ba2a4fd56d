/* The inside of the BGP engine, shared by its files: session, update, decision, export. */
#ifndef ROUTE_BGP_ENGINE_H
#define ROUTE_BGP_ENGINE_H

#include "base/rand.h"
#include "route/bgp/bgp.h"
#include "route/bgp/bgp_attr.h"
#include "route/bgp/bgp_table.h"

/* Output that waits for a socket may grow to this before export stops; more is only written for single messages. */
#define BGP_OUTPUT_HIGH (256 * 1024)

/* Peer number of our own routes. */
#define BGP_PEER_SELF 0

/* A connection and its session. In `input` lies the start of a message whose rest hasn't come yet. */
struct bgp_connection {
	bool open;
	enum bgp_state state; /* OPEN_SENT ... ESTABLISHED */
	struct bgp_open remote;
	uint8_t *input;
	size_t input_used;
	uint8_t *output;
	size_t output_start, output_used, output_capacity;
	struct instant hold_deadline;
	struct instant keepalive_at;
	struct span hold;
};

/* How far the export of a family has come. While `walking` the peer gets the whole table, destination by destination. */
struct bgp_export {
	bool active;
	bool walking;
	bool end_of_rib; /* is still to be sent */
	uint32_t walk_at;
	uint64_t log_at;
	struct bgp_policy_cache *cache; /* of the export policy; NULL: none yet */
	uint64_t *announced;		/* a bit a destination */
	size_t announced_words;
	uint32_t announced_count;
};

struct bgp_peer {
	bool used;
	uint16_t id;
	struct bgp_peer_settings settings;
	enum bgp_state state;		      /* of the peer: the best of its connections, or IDLE, CONNECT, ACTIVE */
	struct bgp_connection connections[2]; /* ours, the peer's */
	struct instant since;
	struct instant start_at; /* IDLE, ACTIVE: when to connect */
	unsigned failures;	 /* in a row: the pause doubles (RFC 4271 8.1.1 DampPeerOscillations) */
	bool down;		 /* by the operator */
	struct bgp_attr_context context;
	bool families[BGP_FAMILY_COUNT];
	uint32_t prefixes_in[BGP_FAMILY_COUNT];
	struct bgp_export exports[BGP_FAMILY_COUNT];
	struct bgp_peer_status counts;
	/* the attributes of the last message, for the next that has the same ones */
	uint8_t *last_bytes;
	size_t last_count;
	struct bgp_attr_set *last_set;
};

/* A change of the table that an export is packing. */
struct bgp_pending {
	uint32_t dest;
	uint32_t next;
};

struct bgp {
	struct bgp_settings settings;
	const struct bgp_ops *ops;
	void *context;
	struct rand rand;
	struct bgp_attrs *attrs;
	struct bgp_table *tables[BGP_FAMILY_COUNT];
	struct bgp_peer **peers; /* by number - 1 */
	uint16_t peer_count;
	bool nexthops_changed;
	struct instant now;
	struct bgp_attr_read read; /* scratch */
	struct bgp_pending *pending;
	uint32_t *pending_attrs;
};

struct bgp_peer *bgp_peer_get(const struct bgp *bgp, uint16_t peer);
static inline bool bgp_peer_external(const struct bgp *bgp, const struct bgp_peer *peer) { return peer->settings.as != bgp->settings.as; }

/* The connection that is Established, or NULL. */
struct bgp_connection *bgp_peer_connection(struct bgp_peer *peer);

/* Bytes that export gathers before they are sent: a call of the system for each message would cost more than all else. */
#define BGP_OUTPUT_FULL (64 * 1024)

/* Session: keeps bytes of whole messages until bgp_connection_flush. */
void bgp_connection_queue(struct bgp_connection *c, const uint8_t *bytes, size_t count);

/* Session: sends bytes of whole messages, keeping what the socket doesn't take. */
void bgp_connection_send(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const uint8_t *bytes, size_t count);
size_t bgp_connection_waiting(const struct bgp_connection *c);
void bgp_connection_flush(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c);

/* A NOTIFICATION to send: code, subcode, data (borrowed, NULL for none). */
struct bgp_notice {
	uint8_t code, subcode;
	const void *data;
	size_t bytes;
};

/* Ends a connection with a NOTIFICATION; the peer tries again later. */
void bgp_session_fail(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct bgp_notice notice);

/* Update: takes an UPDATE's body. False when the session was ended. */
bool bgp_update_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body);

/* What a peer said goes when its session ends. */
void bgp_update_forget(struct bgp *bgp, struct bgp_peer *peer);

/*
 * Policy (bgp_policy.c): which rules of a policy routes with this set may match; the set that it becomes by the rules that fired, with one
 * reference more for the caller. `strip_med`: a MED goes, too (on its way to another AS).
 */
uint64_t bgp_policy_candidates(const struct route_policy *policy, const struct bgp_attr_set *set);
struct bgp_attr_set *bgp_policy_change(struct bgp *bgp, const struct policy_changes *changes, struct bgp_attr_set *set, bool strip_med);
struct bgp_attr_set *bgp_policy_apply(
	struct bgp *bgp, const struct route_policy *policy, uint64_t fired, struct bgp_attr_set *set, bool strip_med);

/*
 * The same for an export, remembered by set: the set that the destination goes out with (borrowed from the cache, until the next call), or
 * NULL when the policy keeps it back.
 */
struct bgp_attr_set *bgp_policy_export(struct bgp *bgp, struct bgp_peer *peer, struct bgp_export *e, const struct prefix *prefix,
	struct bgp_attr_set *set, uint16_t source);
void bgp_policy_cache_free(struct bgp *bgp, struct bgp_export *e);

/* Decision. */
const struct bgp_path *bgp_choose(void *context, const struct bgp_table *table, const struct bgp_path *first);
void bgp_decided(void *context, uint32_t dest, const struct prefix *prefix, uint32_t attr, uint16_t peer);

/* Export: begins with the whole table, goes on, ends. */
void bgp_export_begin(struct bgp *bgp, struct bgp_peer *peer);
void bgp_export_run(struct bgp *bgp, struct bgp_peer *peer);
void bgp_export_end(struct bgp *bgp, struct bgp_peer *peer);
void bgp_export_again(struct bgp *bgp, struct bgp_peer *peer, enum bgp_family family);

/* Cuts the logs where all exports have passed. */
void bgp_export_trim(struct bgp *bgp);

#endif
