/* What was switched by command: a map written through to the store. */
#include "ctl/switched.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

static char on_mark, off_mark;

static int load_row(void *context, const char *key, const char *value)
{
	(void)map_set_str(&((struct ctl *)context)->switched, key, strcmp(value, "on") == 0 ? &on_mark : &off_mark);
	return 0;
}

int switched_load(struct ctl *ctl, struct err *err) { return store_each(ctl->store, STORE_STATES, "", load_row, ctl, err); }

void switched_free(struct ctl *ctl) { map_free(&ctl->switched); }

static void key_of(char key[STORE_KEY_BYTES_MAX + 1], const char *lab, const char *kind, const char *name)
{
	CHECK(snprintf(key, STORE_KEY_BYTES_MAX + 1, "%s/%s/%s", lab, kind, name) <= STORE_KEY_BYTES_MAX);
}

bool switched_get(const struct ctl *ctl, const char *lab, const char *kind, const char *name, bool wanted)
{
	char key[STORE_KEY_BYTES_MAX + 1];
	const void *mark;

	key_of(key, lab, kind, name);
	mark = map_get_str(&ctl->switched, key);
	return mark ? mark == &on_mark : wanted;
}

void switched_set(struct ctl *ctl, const char *lab, const char *kind, const char *name, bool on, struct store_batch *batch)
{
	char key[STORE_KEY_BYTES_MAX + 1];

	key_of(key, lab, kind, name);
	(void)map_set_str(&ctl->switched, key, on ? &on_mark : &off_mark);
	store_batch_put(batch, STORE_STATES, key, on ? "on" : "off");
}

void switched_forget(struct ctl *ctl, const char *lab, const char *kind, const char *name, struct store_batch *batch)
{
	char key[STORE_KEY_BYTES_MAX + 1];

	key_of(key, lab, kind, name);
	if (map_remove_str(&ctl->switched, key) != NULL)
		store_batch_del(batch, STORE_STATES, key);
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
			(void)map_remove_str(&ctl->switched, name);
	}
	store_batch_del_below(batch, STORE_STATES, prefix);
}
