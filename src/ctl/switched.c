/* What was switched by command: a map written through to the store. */
#include "ctl/switched.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *xstrdup_text(const char *text)
{
	size_t bytes = strlen(text) + 1;

	return memcpy(xalloc(bytes), text, bytes);
}

static int load_row(void *context, const char *key, const char *value)
{
	free(map_set_str(&((struct ctl *)context)->switched, key, xstrdup_text(value)));
	return 0;
}

int switched_load(struct ctl *ctl, struct err *err) { return store_each(ctl->store, STORE_STATES, "", load_row, ctl, err); }

void switched_free(struct ctl *ctl)
{
	size_t cursor = 0;
	char *value;

	while ((value = map_next(&ctl->switched, &cursor, NULL, NULL)) != NULL)
		free(value);
	map_free(&ctl->switched);
}

static void key_of(char key[STORE_KEY_BYTES_MAX + 1], const char *lab, const char *kind, const char *name)
{
	CHECK(snprintf(key, STORE_KEY_BYTES_MAX + 1, "%s/%s/%s", lab, kind, name) <= STORE_KEY_BYTES_MAX);
}

bool switched_get(const struct ctl *ctl, const char *lab, const char *kind, const char *name, bool wanted)
{
	char key[STORE_KEY_BYTES_MAX + 1];
	const char *value;

	key_of(key, lab, kind, name);
	value = map_get_str(&ctl->switched, key);
	return value ? strcmp(value, "on") == 0 : wanted;
}

const char *switched_text(const struct ctl *ctl, const char *lab, const char *kind, const char *name)
{
	char key[STORE_KEY_BYTES_MAX + 1];

	key_of(key, lab, kind, name);
	return map_get_str(&ctl->switched, key);
}

void switched_set_text(struct ctl *ctl, const char *lab, const char *kind, const char *name, const char *text, struct store_batch *batch)
{
	char key[STORE_KEY_BYTES_MAX + 1];

	key_of(key, lab, kind, name);
	free(map_set_str(&ctl->switched, key, xstrdup_text(text)));
	store_batch_put(batch, STORE_STATES, key, text);
}

void switched_set(struct ctl *ctl, const char *lab, const char *kind, const char *name, bool on, struct store_batch *batch)
{
	switched_set_text(ctl, lab, kind, name, on ? "on" : "off", batch);
}

void switched_forget(struct ctl *ctl, const char *lab, const char *kind, const char *name, struct store_batch *batch)
{
	char key[STORE_KEY_BYTES_MAX + 1];
	char *value;

	key_of(key, lab, kind, name);
	value = map_remove_str(&ctl->switched, key);
	if (value != NULL)
		store_batch_del(batch, STORE_STATES, key);
	free(value);
}

void switched_drop(struct ctl *ctl, const char *lab, struct store_batch *batch)
{
	char prefix[STORE_KEY_BYTES_MAX + 1];
	size_t cursor = 0;
	const char *key;

	CHECK(snprintf(prefix, sizeof(prefix), "%s/", lab) < (int)sizeof(prefix));
	while (map_next(&ctl->switched, &cursor, NULL, &key) != NULL) {
		char name[STORE_KEY_BYTES_MAX + 1];

		if (strncmp(key, prefix, strlen(prefix)) == 0 && text_copy(name, sizeof(name), key))
			free(map_remove_str(&ctl->switched, name));
	}
	store_batch_del_below(batch, STORE_STATES, prefix);
}
