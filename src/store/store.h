/*
 * The store: where the desired state of a daemon persists. One contract, several kinds (stores.c).
 *
 * Theory of operation. A store is a few tables of (key, value) rows, both text, kept in the order of their keys (byte order). It is
 * written in batches: all of a batch is there, durably, when store_write returns 0, and nothing of it otherwise, whatever dies meanwhile.
 * There is no open transaction that anyone could forget to end. Whoever uses a store reads it once when it starts and from then on writes
 * through; so no kind has to be quick at reading, and a kind that lives on several hosts (a key-value service with transactions) fits the
 * same contract. What a value means is its writer's business (JSON in most tables).
 *
 * Beside the tables there are journals: bytes that are only ever appended, or all taken away at once. Who has a million small things to
 * keep writes what changed as one compact run, which costs what its bytes cost, and now and then empties the journal and writes all there
 * is. Tables and journals change together in one batch.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/err.h"
#include "base/text.h"

#include <stddef.h>
#include <stdint.h>

/* Longest key and value, bytes without NUL. */
#define STORE_KEY_BYTES_MAX 1024
#define STORE_VALUE_BYTES_MAX (32u << 20)

enum store_table {
	STORE_META,	  /* counters, secrets of this daemon */
	STORE_LABS,	  /* LAB: the wanted model */
	STORE_IDS,	  /* LAB/KIND/PATH: the number of an object */
	STORE_HOLDINGS,	  /* POOL\tOWNER: a number that a pool gave, as versions before the journal kept it; only read */
	STORE_STATES,	  /* LAB/KIND/NAME: what was switched by command (a cut link, a stopped machine) */
	STORE_OPERATIONS, /* NUMBER: operations, the running one with what it came from */
	STORE_EVENTS,	  /* NUMBER: the last events */
	STORE_HISTORY,	  /* NUMBER: the last machines that ran and ended */
	STORE_TABLE_COUNT
};

/* Journals. Their numbers are part of the schema. */
enum store_journal {
	STORE_JOURNAL_HOLDINGS, /* numbers that pools gave (holding_run.h) */
	STORE_JOURNAL_COUNT
};

struct store;
struct store_batch;

/* A new batch, empty; freed with store_batch_free (accepts NULL). Keys and values are copied. A later change of a key wins. */
struct store_batch *store_batch_new(void);
void store_batch_free(struct store_batch *batch);
void store_batch_put(struct store_batch *batch, enum store_table table, const char *key, const char *value);
void store_batch_del(struct store_batch *batch, enum store_table table, const char *key);

/* Takes away every row whose key starts with `prefix` ("": all of the table). */
void store_batch_del_below(struct store_batch *batch, enum store_table table, const char *prefix);

/* Adds a run of bytes to a journal, behind all that is there. */
void store_batch_append(struct store_batch *batch, enum store_journal journal, const void *run, size_t size);

/* Takes away all that the journal has so far, what this batch appended before included. */
void store_batch_empty(struct store_batch *batch, enum store_journal journal);

/*
 * Opens a store of a kind ("sqlite", "memory"). `path` is the file of an embedded kind; "memory" ignores it. Everything that the store will
 * ever need outside of the file's directory is opened now. Returns 0 or a negative errno: -ENOTSUP for an unknown kind, -EPROTO when the
 * file was written by a newer version.
 */
int store_open(const char *kind, const char *path, struct store **out, struct err *err);

/* Writes what waits, and closes; accepts NULL. */
void store_close(struct store *store);

/* Writes a batch: all of it, durably, or nothing (a negative errno). An empty batch is nothing to do. */
int store_write(struct store *store, const struct store_batch *batch, struct err *err);

/* Called once a batch that waited is durable (0), or can't be written (a negative errno and what `err` says). */
typedef void store_done_fn(void *context, int rc, const struct err *err);

/*
 * Writes a batch (taken over) together with all others that wait, in one go at the next store_flush or before the next store_write: many
 * callers share one synchronization with the disk. `done` is called from there. Returns 0, or a negative errno for a batch that no kind
 * would take; it is freed and `done` not called then.
 */
int store_write_later(struct store *store, struct store_batch *batch, store_done_fn *done, void *context, struct err *err);

/* Writes what waits. */
void store_flush(struct store *store);

/* Adds the value of a key to `value`: 0, -ENOENT, or another negative errno. */
int store_get(struct store *store, enum store_table table, const char *key, struct text *value, struct err *err);

/* A row; key and value are valid during the call. Returns 0 to go on, anything else ends the walk and is its result. */
typedef int store_row_fn(void *context, const char *key, const char *value);

/* Calls `row` for each row whose key starts with `prefix`, in the order of keys. `row` must not write to the store. */
int store_each(struct store *store, enum store_table table, const char *prefix, store_row_fn *row, void *context, struct err *err);

/* A piece of a journal: one run or several, one behind the other; valid during the call. Returns as store_row_fn. */
typedef int store_run_fn(void *context, const uint8_t *bytes, size_t size);

/* Calls `run` for each piece of a journal, in the order in which they were appended. `run` must not write to the store. */
int store_runs(struct store *store, enum store_journal journal, store_run_fn *run, void *context, struct err *err);

#endif
