/* The world: a map from (kind, id) to copies of objects. */
#include "ctl/world.h"

#include "base/check.h"
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

struct world {
	struct map objects; /* key_of -> struct world_object */
};

struct world_object {
	struct object object;
	struct arena *arena; /* its own */
};

static uint64_t key_of(enum object_kind kind, uint32_t id) { return (uint64_t)kind << 32 | id; }

struct world *world_new(void) { return xalloc(sizeof(struct world)); }

static void entry_free(struct world_object *entry)
{
	if (entry != NULL)
		arena_free(entry->arena);
}

void world_free(struct world *world)
{
	struct world_object *entry;
	size_t cursor = 0;

	if (world == NULL)
		return;
	while ((entry = map_next(&world->objects, &cursor, NULL, NULL)) != NULL)
		entry_free(entry);
	map_free(&world->objects);
	free(world);
}

struct object object_copy(struct arena *arena, const struct object *object)
{
	return (struct object){object->kind, object->id, arena_str(arena, object->lab), arena_str(arena, object->path),
		arena_copy(arena, object->body, object_type(object->kind)->size)};
}

void world_set(struct world *world, const struct object *object)
{
	struct arena *arena = arena_new(NULL);
	struct world_object *entry = arena_alloc(arena, sizeof(*entry));

	entry->arena = arena;
	entry->object = object_copy(arena, object);
	entry_free(map_set(&world->objects, key_of(object->kind, object->id), entry));
}

void world_del(struct world *world, enum object_kind kind, uint32_t id) { entry_free(map_remove(&world->objects, key_of(kind, id))); }

const struct object *world_find(const struct world *world, enum object_kind kind, uint32_t id)
{
	const struct world_object *entry = map_get(&world->objects, key_of(kind, id));

	return entry ? &entry->object : NULL;
}

const struct object *world_find_id(const struct world *world, uint32_t id)
{
	for (enum object_kind kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
		const struct object *found = world_find(world, kind, id);

		if (found != NULL && !object_shares_id(kind))
			return found;
	}
	return NULL;
}

const struct object *world_find_path(const struct world *world, enum object_kind kind, const char *path)
{
	const struct world_object *entry;
	size_t cursor = 0;

	while ((entry = map_next(&world->objects, &cursor, NULL, NULL)) != NULL)
		if (entry->object.kind == kind && strcmp(entry->object.path, path) == 0)
			return &entry->object;
	return NULL;
}

static int by_order(const void *a, const void *b) { return object_compare(a, b); }

struct object_list world_list(const struct world *world, const char *lab, uint32_t targets, struct arena *arena)
{
	struct object_list list = {.items = arena_alloc(arena, (world->objects.used + 1) * sizeof(struct object))};
	const struct world_object *entry;
	size_t cursor = 0;

	while ((entry = map_next(&world->objects, &cursor, NULL, NULL)) != NULL) {
		if ((lab != NULL && strcmp(lab, entry->object.lab) != 0) || (object_type(entry->object.kind)->targets & targets) == 0)
			continue;
		list.items[list.count++] = object_copy(arena, &entry->object);
	}
	qsort(list.items, list.count, sizeof(*list.items), by_order);
	return list;
}
