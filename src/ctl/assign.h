/*
 * Assignment: fills in what a flat lab leaves open (fields marked (A) in model/lab.h) from its pools.
 *
 * Theory of operation. What is written in the lab wins, then what an owner held before (so `up` twice changes nothing), then new numbers by
 * the pool's strategy. Subnets of networks and links come from the lab's pools; routers get the lowest free address of a network in the
 * file's order, so a network's first router is .1; machines get addresses from .11 on where there is room (prefixes up to /27), so that
 * .1 to .10 stay for infrastructure. MACs are unique over the whole daemon. Pure: holdings and the time come in, the lab's new holdings go
 * out; nothing is kept until the caller says so (holdings_add, holdings_replace).
 */
#ifndef CTL_ASSIGN_H
#define CTL_ASSIGN_H

#include "model/diag.h"
#include "store/holdings.h"

/* MACs that no pool is named for. */
#define ASSIGN_MAC_BASE UINT64_C(0x525400000000)
#define ASSIGN_MAC_BITS 24

/* Units kept free for infrastructure at the start of a network with room, and the longest prefix that counts as such. */
#define ASSIGN_INFRASTRUCTURE_UNITS 10
#define ASSIGN_ROOM_LENGTH 27

/* How full a pool gets: units in all, held by others or before, and held with this lab. */
struct pool_use {
	const char *name;
	uint64_t size, used, wanted;
};

/* Where a sequential pool goes on the next time. */
struct pool_cursor {
	const char *pool;
	uint64_t value;
};

/* What came out; memory is the lab's arena. */
struct assignment {
	struct holding *holdings;
	size_t holding_count;
	struct pool_use *uses;
	size_t use_count;
	struct pool_cursor *cursors;
	size_t cursor_count;
};

/* Fills the flat lab in. 0, or -EINVAL with errors in `diags`; the lab is good for nothing then. */
int assign_lab(struct lab *flat, const struct holdings *holdings, int64_t now_wall_ns, struct assignment *out, struct diags *diags);

/* The address from which a network's DHCP server answers: the gateway when it is one of the lab's routers, else the lowest one that nobody
 * uses. None when there is no such address. */
struct ip assign_dhcp_server(const struct lab *flat, size_t network);

#endif
