/*
 * The world: the objects that the other processes should have at this moment, of all labs.
 *
 * Theory of operation. Every change is made here first and sent then. So whoever comes up gets the world (peers.c) and has what it would
 * have had, whatever was under way: the world is what is wanted now, in the middle of a change and of its undoing, too.
 */
#ifndef CTL_WORLD_H
#define CTL_WORLD_H

#include "ctl/object.h"

struct world;

struct world *world_new(void);
void world_free(struct world *world);

/* Makes the object so (a copy); makes it gone. */
void world_set(struct world *world, const struct object *object);
void world_del(struct world *world, enum object_kind kind, uint32_t id);

/* An object; one by its number alone, never of a kind that has others' numbers (object_shares_id). NULL when there is none. Borrowed
 * until the next change. */
const struct object *world_find(const struct world *world, enum object_kind kind, uint32_t id);
const struct object *world_find_id(const struct world *world, uint32_t id);

/* The object of a lab by kind and path ("demo/r1"), or NULL. */
const struct object *world_find_path(const struct world *world, enum object_kind kind, const char *path);

/* Copies of the objects of a lab (NULL: of all labs) that go to one of `targets` (bits of processes), sorted, in `arena`. */
struct object_list world_list(const struct world *world, const char *lab, uint32_t targets, struct arena *arena);

/* A copy of an object that lives in the arena. */
struct object object_copy(struct arena *arena, const struct object *object);

#endif
