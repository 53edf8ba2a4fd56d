/* A set of names by open addressing. */
#include "store/name_set.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_LEAST 16

/* `name` NULL is an empty slot. */
struct name_slot {
	uint64_t hash;
	struct name_entry *name;
};

void name_set_free(struct name_set *set)
{
	for (size_t i = 0; i < set->size; i++)
		free(set->slots[i].name);
	table_free(set->slots, set->size * sizeof(*set->slots));
	*set = (struct name_set){0};
}

struct name_entry *name_set_find(const struct name_set *set, const char *text, uint64_t hash)
{
	if (set->size == 0)
		return NULL;
	for (size_t i = hash & (set->size - 1); set->slots[i].name != NULL; i = (i + 1) & (set->size - 1))
		if (set->slots[i].hash == hash && strcmp(set->slots[i].name->text, text) == 0)
			return set->slots[i].name;
	return NULL;
}

static void slot_put(struct name_set *set, struct name_slot slot)
{
	size_t i = slot.hash & (set->size - 1);

	while (set->slots[i].name != NULL)
		i = (i + 1) & (set->size - 1);
	set->slots[i] = slot;
}

static void set_grow(struct name_set *set)
{
	struct name_slot *old = set->slots;
	size_t size = set->size;

	if ((set->used + 1) * 2 <= size)
		return;
	set->size = size ? size * 2 : SLOTS_LEAST;
	set->slots = table_alloc(set->size * sizeof(*set->slots));
	for (size_t i = 0; i < size; i++)
		if (old[i].name != NULL)
			slot_put(set, old[i]);
	table_free(old, size * sizeof(*old));
}

struct name_entry *name_set_take(struct name_set *set, const char *text, uint64_t hash)
{
	struct name_entry *name = name_set_find(set, text, hash);
	size_t bytes;

	if (name == NULL) {
		bytes = strlen(text) + 1;
		name = malloc(sizeof(*name) + bytes);
		CHECK(name != NULL);
		*name = (struct name_entry){hash, set->next++, 0};
		memcpy(name->text, text, bytes);
		set_grow(set);
		slot_put(set, (struct name_slot){hash, name});
		set->used++;
	}
	CHECK(name->uses < UINT32_MAX);
	name->uses++;
	return name;
}

/* Takes a name's slot away, moving later ones of the same run back so that no tomb is needed (Knuth 6.4, algorithm R). */
void name_set_leave(struct name_set *set, struct name_entry *name)
{
	size_t mask = set->size - 1, gap = name->hash & mask;

	CHECK(name->uses > 0);
	if (--name->uses > 0)
		return;
	while (set->slots[gap].name != name)
		gap = (gap + 1) & mask;
	for (size_t i = (gap + 1) & mask; set->slots[i].name != NULL; i = (i + 1) & mask) {
		size_t home = set->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - gap) & mask)) {
			set->slots[gap] = set->slots[i];
			gap = i;
		}
	}
	set->slots[gap] = (struct name_slot){0};
	set->used--;
	free(name);
}

void name_set_prefetch(const struct name_set *set, uint64_t hash)
{
	if (set->size > 0)
		__builtin_prefetch(&set->slots[hash & (set->size - 1)], 1);
}

void name_set_prefetch_name(const struct name_set *set, uint64_t hash)
{
	if (set->size > 0)
		__builtin_prefetch(set->slots[hash & (set->size - 1)].name, 1);
}
