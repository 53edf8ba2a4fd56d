/* What a kind of store implements, and the change list that a batch is. Only for files of this room. */
#ifndef STORE_STORE_KIND_H
#define STORE_STORE_KIND_H

#include "store/store.h"

enum store_op { STORE_PUT, STORE_DEL, STORE_DEL_BELOW };

/* One change of a batch. `value` is NULL but for PUT. */
struct store_change {
	enum store_op op;
	enum store_table table;
	char *key;
	char *value;
};

/* A piece of a journal holds whole runs and is not much larger than this, bytes. */
#define STORE_PIECE_BYTES (1u << 20)

/* What a batch does to a journal: takes away what was there, then appends pieces, the n-th of which ends at `ends[n]`. */
struct store_append {
	bool empties;
	uint8_t *bytes;
	size_t used, capacity;
	size_t *ends;
	size_t pieces, ends_capacity;
};

struct store_batch {
	struct store_change *changes;
	size_t count;
	size_t capacity;
	struct store_append journals[STORE_JOURNAL_COUNT];
};

/* A piece of what a batch appends. */
struct store_piece {
	const uint8_t *bytes;
	size_t size;
};

struct store_piece store_piece_at(const struct store_append *append, size_t n);

/* A row of stores.c. The functions are those of store.h over the kind's own state; `open` leaves `state` untouched when it fails. */
struct store_kind {
	const char *name;
	int (*open)(const char *path, void **state, struct err *err);
	void (*close)(void *state);
	int (*write)(void *state, const struct store_batch *batch, struct err *err);
	int (*each)(void *state, enum store_table table, const char *prefix, store_row_fn *row, void *context, struct err *err);
	int (*get)(void *state, enum store_table table, const char *key, struct text *value, struct err *err);
	int (*runs)(void *state, enum store_journal journal, store_run_fn *run, void *context, struct err *err);
};

extern const struct store_kind store_sqlite, store_memory;

/* The smallest key behind all keys that start with `prefix`, in `out` (strlen(prefix) + 1 bytes at least); false when there is none. */
bool store_prefix_end(const char *prefix, char *out);

#endif
