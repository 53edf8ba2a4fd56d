/*
 * The table of BGP routes of one router and one family: prefixes, the paths to each, which one is best, and a log of what changed.
 *
 * Theory of operation. A destination is 16 bytes and its address, a path 16 bytes, both in chunks that never move; a hash table of 32-bit
 * numbers finds a destination. Reading an UPDATE only changes paths and marks destinations dirty; once the sockets are read dry each dirty
 * one is decided once (bgp_table_decide). When the best path changed the destination goes to the end of the log: peers have a cursor into
 * the log instead of a table of their own, so an export costs what changed and not what is there. A destination that changed again before a
 * peer came to it is skipped at its old place. The log is cut where all cursors have passed; destinations without paths are given back
 * there. A new peer walks the destinations themselves first (bgp_table_walk), then follows the log from where it was when it began.
 */
#ifndef ROUTE_BGP_TABLE_H
#define ROUTE_BGP_TABLE_H

#include "net/addr.h"
#include "route/bgp/bgp_attr.h"

struct bgp_table;

/* No destination. */
#define BGP_NONE 0

/* A path: what `peer` says. Lists of a destination are linked by `next`. */
struct bgp_path {
	uint32_t attr; /* number of the set; the path holds a reference */
	uint32_t next;
	uint32_t path_id; /* add-path (RFC 7911); 0 without */
	uint16_t peer;
	uint8_t flags; /* BGP_PATH_* */
	uint8_t reserved;
};

enum {
	BGP_PATH_STALE = 1,	 /* kept for a peer that restarts (RFC 4724) */
	BGP_PATH_LOOPED = 2,	 /* our own AS or id is in it: never chosen */
	BGP_PATH_FILTERED = 4,	 /* import policy refused it */
	BGP_PATH_UNREACHABLE = 8 /* its next hop can't be reached now */
};

/* Chooses the best of a destination's paths, of which `first` heads the list; NULL when none may be chosen (RFC 4271 9.1.2). */
typedef const struct bgp_path *bgp_choose_fn(void *context, const struct bgp_table *table, const struct bgp_path *first);

/* NULL where nobody wants to know. The best path of a destination changed: `best` is what it was decided to be, attr 0 when there is none
 * any more. */
typedef void bgp_decided_fn(void *context, uint32_t dest, const struct prefix *prefix, uint32_t attr, uint16_t peer);

/* A table of at most `dests_max` destinations. `attrs` and the callbacks' context must outlive it. */
struct bgp_table *bgp_table_new(
	enum ip_family family, uint32_t dests_max, struct bgp_attrs *attrs, bgp_choose_fn *choose, bgp_decided_fn *decided, void *context);
void bgp_table_free(struct bgp_table *table);

/* From now on at most so many destinations; those that are there stay. */
void bgp_table_set_max(struct bgp_table *table, uint32_t dests_max);

enum ip_family bgp_table_family(const struct bgp_table *table);

/*
 * A peer announces a prefix (masked) with a set of attributes, of which one reference is taken over. Replaces the path it had. False when
 * the table is full (the reference is given back).
 */
bool bgp_table_announce(
	struct bgp_table *table, const struct prefix *prefix, uint16_t peer, uint32_t path_id, uint8_t flags, struct bgp_attr_set *set);

/*
 * The same for up to BGP_BATCH prefixes with one set, of which no reference is taken over; returns how many the table had no place for.
 * Quicker than one by one, since the memory that each will need is asked for before the first is looked at.
 */
#define BGP_BATCH 32
unsigned bgp_table_announce_many(
	struct bgp_table *table, const struct prefix *prefixes, unsigned count, uint16_t peer, uint8_t flags, struct bgp_attr_set *set);
/* Likewise; returns how many of the peer's paths there were. */
unsigned bgp_table_withdraw_many(struct bgp_table *table, const struct prefix *prefixes, unsigned count, uint16_t peer);

/* A peer withdraws a prefix; false when it had none. */
bool bgp_table_withdraw(struct bgp_table *table, const struct prefix *prefix, uint16_t peer, uint32_t path_id);

/* Withdraws all paths of a peer (those that are `only_stale` only), or marks all as stale. Returns how many. */
uint32_t bgp_table_withdraw_peer(struct bgp_table *table, uint16_t peer, bool only_stale);
uint32_t bgp_table_mark_stale(struct bgp_table *table, uint16_t peer);

/* Decides every dirty destination once. Returns how many changed their best path. */
uint32_t bgp_table_decide(struct bgp_table *table);

/* Marks every destination dirty: something that the comparison rests on changed. */
void bgp_table_dirty_all(struct bgp_table *table);

/* Paths that peers announced; destinations that are in use. */
uint32_t bgp_table_paths(const struct bgp_table *table);
uint32_t bgp_table_dests(const struct bgp_table *table);

/* What is in a destination. `first` and `bgp_table_next_path` walk its paths; NULL ends. */
struct prefix bgp_table_prefix(const struct bgp_table *table, uint32_t dest);

/* The address bytes of a destination, in the table (all of the family's, host bits zero), and its length in bits: its NLRI. */
const uint8_t *bgp_table_key(const struct bgp_table *table, uint32_t dest, uint8_t *length);
uint32_t bgp_table_find(const struct bgp_table *table, const struct prefix *prefix);
const struct bgp_path *bgp_table_first_path(const struct bgp_table *table, uint32_t dest);
const struct bgp_path *bgp_table_next_path(const struct bgp_table *table, const struct bgp_path *path);

/* The best path's set and peer; attr 0 when there is none. */
uint32_t bgp_table_best(const struct bgp_table *table, uint32_t dest, uint16_t *peer);

/* Destinations are numbered from 1 to this. */
uint32_t bgp_table_limit(const struct bgp_table *table);

/*
 * The log. `bgp_table_log_end` is where the next change will be; `bgp_table_log_at` gives the destination at a place, BGP_NONE when it
 * changed again later. `bgp_table_log_trim` says that nobody will ask for places before `from` again.
 */
uint64_t bgp_table_log_end(const struct bgp_table *table);
uint32_t bgp_table_log_at(const struct bgp_table *table, uint64_t place);
void bgp_table_log_trim(struct bgp_table *table, uint64_t from);

/* Bytes that the table takes. */
size_t bgp_table_bytes(const struct bgp_table *table);

#endif
