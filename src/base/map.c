/* Hash maps by open addressing with linear probing and tombstones; one table serves number keys and string keys. */
#include "base/map.h"

#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

/* `value` NULL marks a slot that is free; TOMB one whose entry was removed. */
struct map_slot {
	uint64_t key; /* the number, or the hash of the string */
	char *name;   /* owned; NULL in number maps */
	void *value;
};

static char tomb_mark;
#define TOMB ((void *)&tomb_mark)

static bool slot_live(const struct map_slot *slot) { return slot->value != NULL && slot->value != TOMB; }

static size_t map_start(const struct map *map, uint64_t key) { return (size_t)hash_u64(key) & (map->capacity - 1); }

static bool slot_is(const struct map_slot *slot, uint64_t key, const char *name)
{
	return slot->key == key && (name == NULL || (slot->name != NULL && strcmp(slot->name, name) == 0));
}

static struct map_slot *map_find(const struct map *map, uint64_t key, const char *name)
{
	size_t i;

	if (map->capacity == 0)
		return NULL;
	for (i = map_start(map, key); map->slots[i].value != NULL; i = (i + 1) & (map->capacity - 1))
		if (slot_live(&map->slots[i]) && slot_is(&map->slots[i], key, name))
			return &map->slots[i];
	return NULL;
}

static void map_place(struct map *map, struct map_slot slot)
{
	size_t i = map_start(map, slot.key);

	while (map->slots[i].value != NULL)
		i = (i + 1) & (map->capacity - 1);
	map->slots[i] = slot;
}

/* Keeps at least half of the table free of entries and tombs. */
static void map_grow(struct map *map)
{
	struct map_slot *old = map->slots;
	size_t old_capacity = map->capacity;

	if ((map->used + map->tombs + 1) * 2 <= map->capacity)
		return;
	map->capacity = map->used * 4 < 16 ? 16 : old_capacity;
	while (map->capacity < (map->used + 1) * 3)
		map->capacity *= 2;
	map->slots = calloc(map->capacity, sizeof(*map->slots));
	CHECK(map->slots != NULL);
	map->tombs = 0;
	for (size_t i = 0; i < old_capacity; i++)
		if (slot_live(&old[i]))
			map_place(map, old[i]);
	free(old);
}

static void *map_put(struct map *map, uint64_t key, const char *name, void *value)
{
	struct map_slot *slot = map_find(map, key, name);
	struct map_slot fresh = {key, NULL, value};

	CHECK(value != NULL);
	if (slot != NULL) {
		void *old = slot->value;

		slot->value = value;
		return old;
	}
	map_grow(map);
	if (name != NULL) {
		fresh.name = strdup(name);
		CHECK(fresh.name != NULL);
	}
	map_place(map, fresh);
	map->used++;
	return NULL;
}

static void *map_take(struct map *map, struct map_slot *slot)
{
	void *old;

	if (slot == NULL)
		return NULL;
	old = slot->value;
	free(slot->name);
	slot->name = NULL;
	slot->value = TOMB;
	map->used--;
	map->tombs++;
	return old;
}

void map_free(struct map *map)
{
	for (size_t i = 0; i < map->capacity; i++)
		free(map->slots[i].name);
	free(map->slots);
	*map = (struct map){0};
}

void *map_get(const struct map *map, uint64_t key)
{
	struct map_slot *slot = map_find(map, key, NULL);

	return slot ? slot->value : NULL;
}

void *map_get_str(const struct map *map, const char *key)
{
	struct map_slot *slot = map_find(map, hash_str(key), key);

	return slot ? slot->value : NULL;
}

void *map_set(struct map *map, uint64_t key, void *value) { return map_put(map, key, NULL, value); }
void *map_set_str(struct map *map, const char *key, void *value) { return map_put(map, hash_str(key), key, value); }
void *map_remove(struct map *map, uint64_t key) { return map_take(map, map_find(map, key, NULL)); }
void *map_remove_str(struct map *map, const char *key) { return map_take(map, map_find(map, hash_str(key), key)); }

void *map_next(const struct map *map, size_t *cursor, uint64_t *key, const char **name)
{
	for (; *cursor < map->capacity; (*cursor)++) {
		const struct map_slot *slot = &map->slots[*cursor];

		if (!slot_live(slot))
			continue;
		if (key != NULL)
			*key = slot->key;
		if (name != NULL)
			*name = slot->name;
		(*cursor)++;
		return slot->value;
	}
	return NULL;
}
