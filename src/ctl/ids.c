/* Numbers of objects: a map from "LAB/KIND/NAME" to the number, written through to the store. */
#include "ctl/ids.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ids {
	struct map numbers; /* name -> the number as a pointer */
	struct map fresh;   /* those of `numbers` that aren't stored yet */
	uint32_t next;
};

static const char counter_key[] = "next-id";

static int load_row(void *context, const char *key, const char *value)
{
	struct ids *ids = context;
	unsigned long number = strtoul(value, NULL, 10);

	if (number == 0 || number > UINT32_MAX)
		return 0;
	(void)map_set_str(&ids->numbers, key, (void *)(uintptr_t)number);
	if (number >= ids->next)
		ids->next = (uint32_t)number + 1;
	return 0;
}

static int load_counter(void *context, const char *key, const char *value)
{
	struct ids *ids = context;
	unsigned long number = strtoul(value, NULL, 10);

	if (strcmp(key, counter_key) == 0 && number > ids->next && number <= UINT32_MAX)
		ids->next = (uint32_t)number;
	return 0;
}

int ids_load(struct store *store, struct ids **out, struct err *err)
{
	struct ids *ids = xalloc(sizeof(*ids));
	int rc;

	ids->next = 1;
	rc = store_each(store, STORE_IDS, "", load_row, ids, err);
	if (rc == 0)
		rc = store_each(store, STORE_META, counter_key, load_counter, ids, err);
	if (rc < 0) {
		ids_free(ids);
		return rc;
	}
	*out = ids;
	return 0;
}

void ids_free(struct ids *ids)
{
	if (ids == NULL)
		return;
	map_free(&ids->numbers);
	map_free(&ids->fresh);
	free(ids);
}

uint32_t ids_get(struct ids *ids, const char *lab, const char *kind, const char *name)
{
	char key[STORE_KEY_BYTES_MAX + 1];
	void *found;

	CHECK(snprintf(key, sizeof(key), "%s/%s/%s", lab, kind, name) < (int)sizeof(key));
	found = map_get_str(&ids->numbers, key);
	if (found == NULL) {
		CHECK(ids->next != 0); /* four thousand million objects were made */
		found = (void *)(uintptr_t)ids->next++;
		(void)map_set_str(&ids->numbers, key, found);
		(void)map_set_str(&ids->fresh, key, found);
	}
	return (uint32_t)(uintptr_t)found;
}

void ids_save(struct ids *ids, struct store_batch *batch)
{
	size_t cursor = 0;
	const char *key;
	char number[16];
	void *value;

	if (ids->fresh.used == 0)
		return;
	while ((value = map_next(&ids->fresh, &cursor, NULL, &key)) != NULL) {
		(void)snprintf(number, sizeof(number), "%u", (unsigned)(uintptr_t)value);
		store_batch_put(batch, STORE_IDS, key, number);
	}
	(void)snprintf(number, sizeof(number), "%u", (unsigned)ids->next);
	store_batch_put(batch, STORE_META, counter_key, number);
	map_free(&ids->fresh);
}

/* Takes the entries below a prefix out of a map. */
static void drop_below(struct map *map, const char *prefix)
{
	size_t length = strlen(prefix), cursor = 0;
	const char *key;

	while (map_next(map, &cursor, NULL, &key) != NULL) {
		if (strncmp(key, prefix, length) == 0) {
			char name[STORE_KEY_BYTES_MAX + 1];

			CHECK(text_copy(name, sizeof(name), key));
			(void)map_remove_str(map, name);
		}
	}
}

void ids_drop(struct ids *ids, const char *lab, struct store_batch *batch)
{
	char prefix[STORE_KEY_BYTES_MAX + 1];

	CHECK(snprintf(prefix, sizeof(prefix), "%s/", lab) < (int)sizeof(prefix));
	drop_below(&ids->numbers, prefix);
	drop_below(&ids->fresh, prefix);
	store_batch_del_below(batch, STORE_IDS, prefix);
}
