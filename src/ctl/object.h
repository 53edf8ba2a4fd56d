/*
 * Objects: what ctl wants of the other processes, as the messages say it.
 *
 * Theory of operation. A lab becomes a sorted list of objects (compile.c), each one SET message for one or two processes. Two lists are
 * compared into steps (steps.c), the steps are carried out (apply.c), and what every process should have at any moment is the world
 * (world.c), a set of objects. Kinds are rows of a table; their order is the order in which objects are made, since a row may only speak of
 * objects of rows above it.
 */
#ifndef CTL_OBJECT_H
#define CTL_OBJECT_H

#include "api/message_types.h"
#include "base/arena.h"

enum object_kind {
	OBJECT_SCHEDULE,
	OBJECT_NETWORK,
	OBJECT_GROUP,
	OBJECT_GROUP_RULES,
	OBJECT_ROUTE_POLICY,
	OBJECT_ROUTER,
	OBJECT_RIF,
	OBJECT_PORT,
	OBJECT_NAT,
	OBJECT_STATIC_ROUTE,
	OBJECT_RIP,
	OBJECT_RIP_INTERFACE,
	OBJECT_OSPF,
	OBJECT_OSPF_INTERFACE,
	OBJECT_BGP,
	OBJECT_BGP_NEIGHBOR,
	OBJECT_VM,
	OBJECT_KIND_COUNT
};

/* `targets` has a bit 1 << enum process_id for each process that gets the object. `holder`: others are inside of it, so it goes last. */
struct object_type {
	const char *name;
	enum message_type set, del;
	uint32_t targets;
	uint16_t size; /* of the body */
	bool holder;
};

const struct object_type *object_type(enum object_kind kind);

/* Whether objects of this kind have the number of their router or interface: protocols on them. */
bool object_shares_id(enum object_kind kind);

/* An object. `id` is unique over all kinds, but that NAT, RIP, RIP_INTERFACE and BGP have the id of their router and interface. `path` is
 * what people call it ("demo/r1:lan"); `lab` the lab it belongs to. */
struct object {
	enum object_kind kind;
	uint32_t id;
	const char *lab;
	const char *path;
	const void *body;
};

/* Objects sorted by object_compare; all memory is the arena's. */
struct object_list {
	struct object *items;
	size_t count;
};

/* Order of making: by kind, then id. */
int object_compare(const struct object *a, const struct object *b);

/* Same kind, id and body. */
bool object_equal(const struct object *a, const struct object *b);

/* The object of that kind and id in a sorted list, or NULL. */
const struct object *object_list_find(const struct object_list *list, enum object_kind kind, uint32_t id);

#endif
