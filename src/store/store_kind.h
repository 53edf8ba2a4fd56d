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

struct store_batch {
	struct store_change *changes;
	size_t count;
	size_t capacity;
};

/* A row of stores.c. The functions are those of store.h over the kind's own state; `open` leaves `state` untouched when it fails. */
struct store_kind {
	const char *name;
	int (*open)(const char *path, void **state, struct err *err);
	void (*close)(void *state);
	int (*write)(void *state, const struct store_batch *batch, struct err *err);
	int (*each)(void *state, enum store_table table, const char *prefix, store_row_fn *row, void *context, struct err *err);
	int (*get)(void *state, enum store_table table, const char *key, struct text *value, struct err *err);
};

extern const struct store_kind store_sqlite, store_memory;

/* The smallest key behind all keys that start with `prefix`, in `out` (strlen(prefix) + 1 bytes at least); false when there is none. */
bool store_prefix_end(const char *prefix, char *out);

#endif
