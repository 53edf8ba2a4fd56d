/*
 * A pool of numbers at work: alloc's pool over addresses, with the holdings of before put back into it.
 *
 * Theory of operation. Pools live as long as one assignment: they are made from the holdings, asked, and thrown away, so that a plan that
 * is not carried out leaves no trace. What other labs hold and what rests in quarantine is put in first, then what the lab's file says
 * itself (number_reserve), then what the lab's owners held before (number_keep); what is asked for after that is new. A sequential pool
 * goes on behind the number that it gave last, also after a restart: the holdings remember its cursor.
 */
#ifndef CTL_NUMBER_POOL_H
#define CTL_NUMBER_POOL_H

#include "alloc/pool.h"
#include "store/holdings.h"

/* At most so many units of a range are given out. */
#define NUMBER_UNITS_MAX (UINT64_C(1) << 24)

/* `key` names the holdings, `name` is for people; both borrowed. The value of unit u is base + (u << shift). */
struct number_pool_config {
	const char *key;
	const char *name;
	uint64_t base;
	unsigned shift;
	uint64_t units;
	enum pool_strategy strategy;
	uint64_t seed;
	uint32_t quarantine_s;
	uint64_t block;		 /* 0: static; else dynamic: it grows by so many units at a time */
	uint64_t quota;		 /* most numbers that the lab may hold; 0: as many as there are */
	bool shorten_quarantine; /* when nothing else is free, what rests longest is given early */
};

struct number_pool;

/* A pool for `lab` (borrowed) at the time `now_wall_ns`. */
struct number_pool *number_pool_new(
	const struct number_pool_config *config, const struct holdings *holdings, const char *lab, int64_t now_wall_ns);
void number_pool_free(struct number_pool *pool);

/* Takes the values first..last out of what is given out. */
void number_exclude(struct number_pool *pool, uint64_t first, uint64_t last);

/* Gives `owner` a value that is written down. A value outside of the pool is nobody's business here: 0. -EEXIST when an owner of the same
 * lab holds it; another lab's holding of the same number is no conflict, since labs never meet. */
int number_reserve(struct number_pool *pool, const char *owner, uint64_t value, struct err *err);

/* Gives `owner` what it held before (also when it was away meanwhile), if that is still possible; true when it did. */
bool number_keep(struct number_pool *pool, const char *owner, uint64_t *value);

/* All have been asked for what they keep: what the lab's owners held and don't keep rests from now on. */
void number_settle(struct number_pool *pool);

/* Gives `owner` the lowest free value from unit `from` on. -ENOSPC when there is none. */
int number_lowest(struct number_pool *pool, const char *owner, uint64_t from, uint64_t *value, struct err *err);

/* Gives `owner` a value by the pool's strategy. -ENOSPC with a text that names the pool, its size, some holders, and what to do. */
int number_allocate(struct number_pool *pool, const char *owner, uint64_t *value, struct err *err);

/* What the owner holds now. */
bool number_find(const struct number_pool *pool, const char *owner, uint64_t *value);

/* Units that can be held at all, those that were when the pool was made, and those that are. */
uint64_t number_size(const struct number_pool *pool);
uint64_t number_used(const struct number_pool *pool);
uint64_t number_held(const struct number_pool *pool);

/* Where the next search of a sequential pool begins; false when it is where it was, or when the pool isn't sequential. */
bool number_cursor(const struct number_pool *pool, uint64_t *value);

const char *number_pool_key(const struct number_pool *pool);

#endif
