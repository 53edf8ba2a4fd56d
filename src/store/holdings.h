/*
 * Holdings: which number each owner was given by which pool, kept over restarts, so that `up` twice changes nothing.
 *
 * Theory of operation. A holding is (pool, owner) -> value. Pools are named "LAB/pool/NAME", "LAB/network/NAME", "LAB/router-id" and, for
 * the whole daemon, "mac/BASE/BITS"; owners "LAB/r1:lan". A value is the address itself (not its place in the pool), so that it stays
 * right, or is seen to be wrong, when the pool's range is changed. A holding that is no longer wanted is kept with the time of its release
 * while its quarantine may last. A number that was reserved by command is held by an owner "@NUMBER NOTE", who is of no lab.
 *
 * All of them are in memory; what changes is written to the store as a run of its journal (holding_run.h) in the caller's batch. When the
 * journal has become several times as long as what it says, the next batch empties it and writes all there is: what a change costs doesn't
 * depend on how many holdings there are, and reading them back takes as long as they are many.
 */
#ifndef STORE_HOLDINGS_H
#define STORE_HOLDINGS_H

#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

/* Released holdings are forgotten after this time. */
#define HOLDING_RELEASED_MAX_S 86400

struct holdings;

/* Why an owner holds its number: the pool chose it, the lab's file says so, or it was reserved by command. */
enum holding_why { HOLDING_CHOSEN, HOLDING_WRITTEN, HOLDING_RESERVED, HOLDING_WHY_COUNT };

/* What the owner of a reserved number begins with. */
#define HOLDING_RESERVED_MARK '@'

/* One holding. `released_wall_ns` is 0 while it is held; `since_wall_ns` 0 when nobody knows. */
struct holding {
	const char *pool;
	const char *owner;
	uint64_t value;
	int64_t released_wall_ns;
	int64_t since_wall_ns;
	enum holding_why why;
};

struct holdings *holdings_new(void);
void holdings_free(struct holdings *holdings);

/* Reads the stored holdings. 0 or a negative errno. */
int holdings_load(struct holdings *holdings, struct store *store, struct err *err);

/* The holding of an owner in a pool, released or not, or NULL. Borrowed until the next change. */
const struct holding *holdings_find(const struct holdings *holdings, const char *pool, const char *owner);

/* Walks the holdings of a pool in no particular order, as map_next. */
const struct holding *holdings_next(const struct holdings *holdings, const char *pool, size_t *cursor);

/* Walks the names of the pools that have holdings, in no particular order; NULL at the end. */
const char *holdings_next_pool(const struct holdings *holdings, size_t *cursor);

/* Where the next search of a pool that gives its numbers in sequence begins. False when the pool never said. */
bool holdings_cursor(const struct holdings *holdings, const char *pool, uint64_t *cursor);
void holdings_set_cursor(struct holdings *holdings, const char *pool, uint64_t cursor, struct store_batch *batch);

/* Adds holdings (`list`), leaving all others: while a change is under way, both what was and what is wanted are held. */
void holdings_add(struct holdings *holdings, const struct holding *list, size_t count, struct store_batch *batch);

/* The owners of `list` hold these numbers no longer, since `now_wall_ns`. What they don't hold is passed over. */
void holdings_release(struct holdings *holdings, const struct holding *list, size_t count, int64_t now_wall_ns, struct store_batch *batch);

/* From now on the lab holds exactly `list`: the others of its holdings are released at `now_wall_ns`. */
void holdings_replace(struct holdings *holdings, const char *lab, const struct holding *list, size_t count, int64_t now_wall_ns,
	struct store_batch *batch);

/* Forgets one holding, held or not: its number is free at once. False when there is none. */
bool holdings_forget(struct holdings *holdings, const char *pool, const char *owner, struct store_batch *batch);

/* Forgets all of a lab, and what was reserved in its pools. */
void holdings_drop(struct holdings *holdings, const char *lab, struct store_batch *batch);

/* A batch that came from here could not be written: the next one writes all there is, so that nothing is only in memory. */
void holdings_not_written(struct holdings *holdings);

#endif
