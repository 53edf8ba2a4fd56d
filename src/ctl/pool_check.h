/* The proof that no number is held twice and none by nobody: holdings against labs, against the store, and labs against each other. */
#ifndef CTL_POOL_CHECK_H
#define CTL_POOL_CHECK_H

#include "ctl/pool_catalog.h"

/* Most problems that are listed. */
#define POOL_PROBLEMS_MAX 1000

/* What was found: texts in the arena, cut off at POOL_PROBLEMS_MAX. `checked` counts the numbers that were looked at. */
struct pool_check {
	struct arena *arena;
	const char **problems;
	size_t count;
	uint64_t checked;
};

struct pool_check *pool_check_new(struct arena *arena);

/* Adds a problem. */
void pool_check_problem(struct pool_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Looks whether a number is held twice (labs never meet, so what two labs' files say themselves may be the same), whether each holding is
 * of an object that is there, whether each number that an object has is held, and whether the store says the same as the memory. Labs that
 * are being changed hold what was and what is wanted and are left out where that matters.
 */
void pool_check_holdings(struct pool_check *check, const struct ctl *ctl);

/* The same for what a process really has: notes a port or an interface with its MAC and, at the end, when all were noted, what is missing.
 */
struct pool_check_seen;
struct pool_check_seen *pool_check_seen_new(struct pool_check *check, const struct ctl *ctl);
void pool_check_saw(struct pool_check_seen *seen, const struct row_interface *row);
void pool_check_seen_end(struct pool_check_seen *seen, bool complete);

#endif
