/* The kinds of stores as a table, and the part of the contract that is the same for all of them. */
#include "base/arena.h"
#include "base/check.h"
#include "store/store_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct store_kind *const kinds[] = {&store_sqlite, &store_memory};

/* Who waits for a batch. */
struct waiting {
	store_done_fn *done;
	void *context;
};

struct store {
	const struct store_kind *kind;
	void *state;
	struct store_batch *together; /* what waits; NULL: nothing */
	struct waiting *waiting;
	size_t waiting_count, waiting_capacity;
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
	for (size_t i = 0; i < STORE_JOURNAL_COUNT; i++) {
		free(batch->journals[i].bytes);
		free(batch->journals[i].ends);
	}
	free(batch->changes);
	free(batch);
}

/* Adds a change; its strings are taken over. */
static void batch_take(struct store_batch *batch, struct store_change change)
{
	if (batch->count == batch->capacity) {
		batch->capacity = batch->capacity ? batch->capacity * 2 : 16;
		batch->changes = xrealloc(batch->changes, batch->capacity * sizeof(*batch->changes));
	}
	batch->changes[batch->count++] = change;
}

static void batch_add(struct store_batch *batch, enum store_op op, enum store_table table, const char *key, const char *value)
{
	CHECK(table < STORE_TABLE_COUNT);
	batch_take(batch, (struct store_change){op, table, xstrdup(key), value ? xstrdup(value) : NULL});
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

void store_batch_append(struct store_batch *batch, enum store_journal journal, const void *run, size_t size)
{
	struct store_append *append = &batch->journals[journal];
	size_t start;

	CHECK(journal < STORE_JOURNAL_COUNT);
	if (size == 0)
		return;
	if (append->capacity - append->used < size) {
		append->capacity = (append->used + size) * 2;
		append->bytes = xrealloc(append->bytes, append->capacity);
	}
	memcpy(append->bytes + append->used, run, size);
	append->used += size;
	start = append->pieces > 1 ? append->ends[append->pieces - 2] : 0;
	if (append->pieces == 0 || append->used - start > STORE_PIECE_BYTES) {
		if (append->pieces == append->ends_capacity) {
			append->ends_capacity = append->ends_capacity ? append->ends_capacity * 2 : 4;
			append->ends = xrealloc(append->ends, append->ends_capacity * sizeof(*append->ends));
		}
		append->pieces++;
	}
	append->ends[append->pieces - 1] = append->used;
}

void store_batch_empty(struct store_batch *batch, enum store_journal journal)
{
	CHECK(journal < STORE_JOURNAL_COUNT);
	batch->journals[journal].empties = true;
	batch->journals[journal].used = batch->journals[journal].pieces = 0;
}

struct store_piece store_piece_at(const struct store_append *append, size_t n)
{
	size_t start = n > 0 ? append->ends[n - 1] : 0;

	return (struct store_piece){append->bytes + start, append->ends[n] - start};
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
		**out = (struct store){.kind = kinds[i], .state = state};
		return 0;
	}
	return err_set(err, -ENOTSUP, "no kind of store is named \"%s\"", kind);
}

void store_close(struct store *store)
{
	if (store == NULL)
		return;
	store_flush(store);
	store->kind->close(store->state);
	free(store->waiting);
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

/* Writes a batch that was checked, if anything is in it. */
static int batch_write(struct store *store, const struct store_batch *batch, struct err *err)
{
	bool nothing = batch->count == 0;

	for (size_t i = 0; i < STORE_JOURNAL_COUNT; i++)
		nothing &= !batch->journals[i].empties && batch->journals[i].pieces == 0;
	return nothing ? 0 : store->kind->write(store->state, batch, err);
}

int store_write(struct store *store, const struct store_batch *batch, struct err *err)
{
	int rc = batch_check(batch, err);

	if (rc < 0)
		return rc;
	store_flush(store);
	return batch_write(store, batch, err);
}

/* --- batches that are written together --- */

/* Adds what `from` says behind what `to` says; `from` is freed. */
static void batch_merge(struct store_batch *to, struct store_batch *from)
{
	for (size_t i = 0; i < from->count; i++)
		batch_take(to, from->changes[i]);
	from->count = 0; /* the strings are the other's now */
	for (size_t i = 0; i < STORE_JOURNAL_COUNT; i++) {
		const struct store_append *append = &from->journals[i];

		if (append->empties)
			store_batch_empty(to, (enum store_journal)i);
		for (size_t n = 0; n < append->pieces; n++) {
			struct store_piece piece = store_piece_at(append, n);

			store_batch_append(to, (enum store_journal)i, piece.bytes, piece.size);
		}
	}
	store_batch_free(from);
}

int store_write_later(struct store *store, struct store_batch *batch, store_done_fn *done, void *context, struct err *err)
{
	int rc = batch_check(batch, err);

	if (rc < 0) {
		store_batch_free(batch);
		return rc;
	}
	if (store->together == NULL)
		store->together = batch;
	else
		batch_merge(store->together, batch);
	if (store->waiting_count == store->waiting_capacity) {
		store->waiting_capacity = store->waiting_capacity ? store->waiting_capacity * 2 : 16;
		store->waiting = xrealloc(store->waiting, store->waiting_capacity * sizeof(*store->waiting));
	}
	store->waiting[store->waiting_count++] = (struct waiting){done, context};
	return 0;
}

void store_flush(struct store *store)
{
	struct store_batch *batch = store->together;
	struct waiting *waiting = store->waiting;
	size_t count = store->waiting_count;
	struct err err = {0};
	int rc;

	if (batch == NULL)
		return;
	/* Those who are told may write again, now or later. */
	store->together = NULL;
	store->waiting = NULL;
	store->waiting_count = store->waiting_capacity = 0;
	rc = batch_write(store, batch, &err);
	store_batch_free(batch);
	for (size_t i = 0; i < count; i++)
		waiting[i].done(waiting[i].context, rc, &err);
	free(waiting);
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

int store_runs(struct store *store, enum store_journal journal, store_run_fn *run, void *context, struct err *err)
{
	CHECK(journal < STORE_JOURNAL_COUNT);
	return store->kind->runs(store->state, journal, run, context, err);
}
