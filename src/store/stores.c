/* The kinds of stores as a table, and the part of the contract that is the same for all of them. */
#include "base/arena.h"
#include "base/check.h"
#include "store/store_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct store_kind *const kinds[] = {&store_sqlite, &store_memory};

struct store {
	const struct store_kind *kind;
	void *state;
};

struct store_batch *store_batch_new(void) { return xalloc(sizeof(struct store_batch)); }

void store_batch_free(struct store_batch *batch)
{
	if (batch == NULL)
		return;
	for (size_t i = 0; i < batch->count; i++) {
		free(batch->changes[i].key);
		free(batch->changes[i].value);
	}
	free(batch->changes);
	free(batch);
}

static void batch_add(struct store_batch *batch, enum store_op op, enum store_table table, const char *key, const char *value)
{
	CHECK(table < STORE_TABLE_COUNT);
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity ? batch->capacity * 2 : 16;
		batch->changes = xrealloc(batch->changes, batch->capacity * sizeof(*batch->changes));
	}
	batch->changes[batch->count++] = (struct store_change){op, table, xstrdup(key), value ? xstrdup(value) : NULL};
}

void store_batch_put(struct store_batch *batch, enum store_table table, const char *key, const char *value)
{
	CHECK(value != NULL);
	batch_add(batch, STORE_PUT, table, key, value);
}

void store_batch_del(struct store_batch *batch, enum store_table table, const char *key) { batch_add(batch, STORE_DEL, table, key, NULL); }

void store_batch_del_below(struct store_batch *batch, enum store_table table, const char *prefix)
{
	batch_add(batch, STORE_DEL_BELOW, table, prefix, NULL);
}

bool store_prefix_end(const char *prefix, char *out)
{
	size_t length = strlen(prefix);

	while (length > 0 && (unsigned char)prefix[length - 1] == 0xff)
		length--;
	if (length == 0)
		return false;
	memcpy(out, prefix, length);
	out[length - 1] = (char)((unsigned char)prefix[length - 1] + 1);
	out[length] = 0;
	return true;
}

int store_open(const char *kind, const char *path, struct store **out, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		void *state;
		int rc;

		if (strcmp(kinds[i]->name, kind) != 0)
			continue;
		rc = kinds[i]->open(path, &state, err);
		if (rc < 0)
			return rc;
		*out = xalloc(sizeof(**out));
		**out = (struct store){kinds[i], state};
		return 0;
	}
	return err_set(err, -ENOTSUP, "no kind of store is named \"%s\"", kind);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store->kind->close(store->state);
	free(store);
}

/* Refuses what no kind would take, so that all kinds refuse the same. */
static int batch_check(const struct store_batch *batch, struct err *err)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct store_change *change = &batch->changes[i];

		if (strlen(change->key) > STORE_KEY_BYTES_MAX)
			return err_set(err, -ENAMETOOLONG, "store: a key of %zu bytes is longer than %d", strlen(change->key),
				STORE_KEY_BYTES_MAX);
		if (change->value && strlen(change->value) > STORE_VALUE_BYTES_MAX)
			return err_set(err, -E2BIG, "store: the value of %s is larger than %u bytes", change->key, STORE_VALUE_BYTES_MAX);
	}
	return 0;
}

int store_write(struct store *store, const struct store_batch *batch, struct err *err)
{
	int rc = batch_check(batch, err);

	if (rc < 0 || batch->count == 0)
		return rc;
	return store->kind->write(store->state, batch, err);
}

int store_get(struct store *store, enum store_table table, const char *key, struct text *value, struct err *err)
{
	CHECK(table < STORE_TABLE_COUNT);
	return store->kind->get(store->state, table, key, value, err);
}

int store_each(struct store *store, enum store_table table, const char *prefix, store_row_fn *row, void *context, struct err *err)
{
	CHECK(table < STORE_TABLE_COUNT);
	if (strlen(prefix) > STORE_KEY_BYTES_MAX)
		return 0;
	return store->kind->each(store->state, table, prefix, row, context, err);
}
