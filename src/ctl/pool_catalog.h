/* The pools that there are: those that gave something, and those of the labs that gave nothing yet; their numbers as text and back. */
#ifndef CTL_POOL_CATALOG_H
#define CTL_POOL_CATALOG_H

#include "ctl/labs.h"

/* What a pool gives, as the name of its holdings tells: "mac/BASE/BITS", "LAB/pool/NAME", "LAB/network/NAME", "LAB/router-id". */
enum pool_gives { GIVES_MACS, GIVES_SUBNETS, GIVES_ADDRESSES, GIVES_ROUTER_IDS, GIVES_COUNT };

extern const char *const pool_gives_names[GIVES_COUNT];

/* A pool. `size` counts its numbers, excluded ones among them; 0 when it isn't known (any more). */
struct pool_entry {
	const char *key;
	const char *name;
	const char *lab; /* NULL: of the whole daemon */
	enum pool_gives gives;
	uint64_t base, size;
	unsigned unit_length;  /* of subnets */
	uint32_t quarantine_s; /* of what is given back; the longest, when labs that share it say different things */
};

struct pool_catalog {
	struct pool_entry *entries; /* in the order of their keys */
	size_t count;
};

/* How many numbers are held, among them by command, and how many were released: those that still rest, and those that are only remembered.
 */
struct pool_tally {
	uint64_t held, reserved, released, resting;
};

/* All pools, in `arena`. */
struct pool_catalog pool_catalog_make(const struct ctl *ctl, struct arena *arena);

struct pool_tally pool_tally(const struct ctl *ctl, const struct pool_entry *entry);

/* A number as it is written; a text that may be one: false when it is none of this pool's. */
const char *pool_value_text(struct arena *arena, const struct pool_entry *entry, uint64_t value);
bool pool_value_parse(const struct pool_entry *entry, const char *text, uint64_t *value);

/* "chosen by the pool", "written in the lab's file", "reserved by command". */
const char *pool_why_text(enum holding_why why);

#endif
