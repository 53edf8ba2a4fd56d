/*
 * Hash maps: from a 64-bit number, or from a string, to a pointer. Open addressing with linear probing, keys hashed with a per-process
 * random secret, so that nobody outside can choose colliding keys. The map owns copies of string keys, never the values.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_slot;

/* Zero-initialize to make an empty map. `used` counts the entries. */
struct map {
	struct map_slot *slots;
	size_t capacity;
	size_t used;
	size_t tombs;
};

/* Frees the table and string keys, leaving an empty map. Values are the caller's. */
void map_free(struct map *map);

/* Value of a key or NULL. */
void *map_get(const struct map *map, uint64_t key);
void *map_get_str(const struct map *map, const char *key);

/* Sets the value (not NULL) of a key. Returns the value it replaces or NULL. Aborts when there is no memory. */
void *map_set(struct map *map, uint64_t key, void *value);
void *map_set_str(struct map *map, const char *key, void *value);

/* Takes a key out; returns the value it had or NULL. */
void *map_remove(struct map *map, uint64_t key);
void *map_remove_str(struct map *map, const char *key);

/*
 * Walks all entries in no particular order: start with *cursor = 0; gives the next value or NULL at the end. The current entry may be
 * removed meanwhile, nothing may be added. `key` (may be NULL) gets the number; string maps: `name` (may be NULL) gets the borrowed string.
 */
void *map_next(const struct map *map, size_t *cursor, uint64_t *key, const char **name);

#endif
