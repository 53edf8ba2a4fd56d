/* A store in memory, for tests: sorted arrays, gone when it is closed. */
#include "base/arena.h"
#include "base/check.h"
#include "store/store_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct memory_row {
	char *key;
	char *value;
};

struct memory_table {
	struct memory_row *rows; /* sorted by key */
	size_t count;
	size_t capacity;
};

/* A piece of a journal. */
struct memory_piece {
	uint8_t *bytes;
	size_t size;
};

struct memory_journal {
	struct memory_piece *pieces;
	size_t count;
	size_t capacity;
};

struct memory_store {
	struct memory_table tables[STORE_TABLE_COUNT];
	struct memory_journal journals[STORE_JOURNAL_COUNT];
};

/* Index of the first row whose key isn't below `key`. */
static size_t table_lower(const struct memory_table *table, const char *key)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(table->rows[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void table_remove(struct memory_table *table, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		free(table->rows[i].key);
		free(table->rows[i].value);
	}
	if (to > from)
		memmove(table->rows + from, table->rows + to, (table->count - to) * sizeof(*table->rows));
	table->count -= to - from;
}

static void table_put(struct memory_table *table, const char *key, const char *value)
{
	size_t at = table_lower(table, key);

	if (at < table->count && strcmp(table->rows[at].key, key) == 0) {
		free(table->rows[at].value);
		table->rows[at].value = xstrdup(value);
		return;
	}
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 16;
		table->rows = xrealloc(table->rows, table->capacity * sizeof(*table->rows));
	}
	memmove(table->rows + at + 1, table->rows + at, (table->count - at) * sizeof(*table->rows));
	table->rows[at] = (struct memory_row){xstrdup(key), xstrdup(value)};
	table->count++;
}

static void journal_empty(struct memory_journal *journal)
{
	for (size_t i = 0; i < journal->count; i++)
		free(journal->pieces[i].bytes);
	journal->count = 0;
}

static void journal_append(struct memory_journal *journal, struct store_piece piece)
{
	struct memory_piece copy = {xalloc(piece.size), piece.size};

	if (journal->count == journal->capacity) {
		journal->capacity = journal->capacity ? journal->capacity * 2 : 16;
		journal->pieces = xrealloc(journal->pieces, journal->capacity * sizeof(*journal->pieces));
	}
	memcpy(copy.bytes, piece.bytes, piece.size);
	journal->pieces[journal->count++] = copy;
}

static int memory_open(const char *path, void **state, struct err *err)
{
	*state = xalloc(sizeof(struct memory_store));
	return 0;
}

static void memory_close(void *state)
{
	struct memory_store *store = state;

	for (size_t i = 0; i < STORE_TABLE_COUNT; i++) {
		table_remove(&store->tables[i], 0, store->tables[i].count);
		free(store->tables[i].rows);
	}
	for (size_t i = 0; i < STORE_JOURNAL_COUNT; i++) {
		journal_empty(&store->journals[i]);
		free(store->journals[i].pieces);
	}
	free(store);
}

static int memory_write(void *state, const struct store_batch *batch, struct err *err)
{
	struct memory_store *store = state;

	for (size_t i = 0; i < batch->count; i++) {
		const struct store_change *change = &batch->changes[i];
		struct memory_table *table = &store->tables[change->table];
		size_t at = table_lower(table, change->key), end = 0;
		char behind[STORE_KEY_BYTES_MAX + 1];

		switch (change->op) {
		case STORE_PUT:
			table_put(table, change->key, change->value);
			continue;
		case STORE_DEL:
			end = at < table->count && strcmp(table->rows[at].key, change->key) == 0 ? at + 1 : at;
			break;
		case STORE_DEL_BELOW:
			end = store_prefix_end(change->key, behind) ? table_lower(table, behind) : table->count;
			break;
		}
		table_remove(table, at, end);
	}
	for (size_t i = 0; i < STORE_JOURNAL_COUNT; i++) {
		if (batch->journals[i].empties)
			journal_empty(&store->journals[i]);
		for (size_t n = 0; n < batch->journals[i].pieces; n++)
			journal_append(&store->journals[i], store_piece_at(&batch->journals[i], n));
	}
	return 0;
}

static int memory_each(void *state, enum store_table id, const char *prefix, store_row_fn *row, void *context, struct err *err)
{
	const struct memory_table *table = &((struct memory_store *)state)->tables[id];
	size_t length = strlen(prefix);

	for (size_t i = table_lower(table, prefix); i < table->count && strncmp(table->rows[i].key, prefix, length) == 0; i++) {
		int rc = row(context, table->rows[i].key, table->rows[i].value);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int memory_get(void *state, enum store_table id, const char *key, struct text *value, struct err *err)
{
	const struct memory_table *table = &((struct memory_store *)state)->tables[id];
	size_t at = table_lower(table, key);

	if (at == table->count || strcmp(table->rows[at].key, key) != 0)
		return err_set(err, -ENOENT, "store: nothing is kept as \"%s\"", key);
	text_add_bytes(value, table->rows[at].value, strlen(table->rows[at].value));
	return 0;
}

static int memory_runs(void *state, enum store_journal id, store_run_fn *run, void *context, struct err *err)
{
	const struct memory_journal *journal = &((struct memory_store *)state)->journals[id];
	int rc = 0;

	for (size_t i = 0; i < journal->count && rc == 0; i++)
		rc = run(context, journal->pieces[i].bytes, journal->pieces[i].size);
	return rc;
}

const struct store_kind store_memory = {
	.name = "memory",
	.open = memory_open,
	.close = memory_close,
	.write = memory_write,
	.each = memory_each,
	.get = memory_get,
	.runs = memory_runs,
};
