/*
 * The store of one host: an SQLite file. The only file that knows sqlite3.
 *
 * Theory of operation. One SQL table holds all rows, (tab, key) is its primary key; another the journals, a row a piece, numbered in the
 * order in which they were appended, so that appending changes the last page only. WAL with synchronous=FULL: what was acknowledged
 * survives a power cut (NORMAL would lose the last commits). Only one process has the file open, so the locking mode is exclusive; then
 * SQLite keeps the index of the WAL in memory, needs no -shm file, and closing leaves the database file alone. Temporary structures stay
 * in memory: after the jail closes only the file and its -wal, in the same directory, are touched. `user_version` is the version of the
 * schema; the numbers of enum store_table and enum store_journal are part of it. Version 1 had no journals.
 */
#include "base/arena.h"
#include "base/check.h"
#include "store/store_kind.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA_VERSION 2

enum statement { ST_PUT, ST_DEL, ST_DEL_FROM, ST_DEL_RANGE, ST_GET, ST_FROM, ST_APPEND, ST_EMPTY, ST_RUNS, ST_COUNT };

static const char *const statements_sql[ST_COUNT] = {
	[ST_PUT] = "INSERT INTO rows(tab, key, value) VALUES(?1, ?2, ?3) ON CONFLICT(tab, key) DO UPDATE SET value = ?3",
	[ST_DEL] = "DELETE FROM rows WHERE tab = ?1 AND key = ?2",
	[ST_DEL_FROM] = "DELETE FROM rows WHERE tab = ?1 AND key >= ?2",
	[ST_DEL_RANGE] = "DELETE FROM rows WHERE tab = ?1 AND key >= ?2 AND key < ?3",
	[ST_GET] = "SELECT value FROM rows WHERE tab = ?1 AND key = ?2",
	[ST_FROM] = "SELECT key, value FROM rows WHERE tab = ?1 AND key >= ?2 ORDER BY key",
	[ST_APPEND] = "INSERT INTO journal(journal, run) VALUES(?1, ?2)",
	[ST_EMPTY] = "DELETE FROM journal WHERE journal = ?1",
	[ST_RUNS] = "SELECT run FROM journal WHERE journal = ?1 ORDER BY number",
};

static const char schema_sql[] = "CREATE TABLE IF NOT EXISTS rows (tab INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, "
				 "PRIMARY KEY (tab, key)) WITHOUT ROWID;"
				 "CREATE TABLE IF NOT EXISTS journal (number INTEGER PRIMARY KEY, journal INTEGER NOT NULL, "
				 "run BLOB NOT NULL);"
				 "PRAGMA user_version = 2;";

struct sqlite_store {
	sqlite3 *db;
	sqlite3_stmt *statements[ST_COUNT];
};

/* The negative errno nearest to SQLite's last error, with its text. */
static int sqlite_error(struct sqlite_store *store, const char *doing, struct err *err)
{
	int code = sqlite3_errcode(store->db) & 0xff;
	int number = code == SQLITE_FULL       ? -ENOSPC
		     : code == SQLITE_BUSY     ? -EBUSY
		     : code == SQLITE_CANTOPEN ? -EACCES
		     : code == SQLITE_READONLY ? -EROFS
		     : code == SQLITE_NOTADB   ? -EPROTO
		     : code == SQLITE_CORRUPT  ? -EPROTO
					       : -EIO;

	return err_set(err, number, "store: %s: %s", doing, sqlite3_errmsg(store->db));
}

static int sqlite_exec(struct sqlite_store *store, const char *sql, struct err *err)
{
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sqlite_error(store, sql, err);
}

static void sqlite_close(void *state)
{
	struct sqlite_store *store = state;

	for (size_t i = 0; i < ST_COUNT; i++)
		(void)sqlite3_finalize(store->statements[i]);
	(void)sqlite3_close(store->db);
	free(store);
}

/* The version that the file says, or a negative errno. */
static int schema_version(struct sqlite_store *store, struct err *err)
{
	sqlite3_stmt *statement;
	int version;

	if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
		return sqlite_error(store, "opening", err);
	version = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : -1;
	(void)sqlite3_finalize(statement);
	return version < 0 ? sqlite_error(store, "reading the version", err) : version;
}

static int sqlite_set_up(struct sqlite_store *store, const char *path, struct err *err)
{
	static const char *const pragmas[] = {
		"PRAGMA locking_mode = EXCLUSIVE",
		"PRAGMA journal_mode = WAL",
		"PRAGMA synchronous = FULL",
		"PRAGMA temp_store = MEMORY",
		"PRAGMA trusted_schema = OFF",
	};
	int rc;

	for (size_t i = 0; i < COUNT_OF(pragmas); i++) {
		rc = sqlite_exec(store, pragmas[i], err);
		if (rc < 0)
			return rc;
	}
	rc = schema_version(store, err);
	if (rc < 0)
		return rc;
	if (rc > SCHEMA_VERSION)
		return err_set(
			err, -EPROTO, "store: %s was written by a newer weftd (schema %d, this one knows %d)", path, rc, SCHEMA_VERSION);
	rc = sqlite_exec(store, "BEGIN IMMEDIATE", err);
	if (rc < 0)
		return rc;
	rc = sqlite_exec(store, schema_sql, err);
	if (rc < 0)
		return rc;
	rc = sqlite_exec(store, "COMMIT", err);
	for (size_t i = 0; i < ST_COUNT && rc == 0; i++) {
		if (sqlite3_prepare_v3(store->db, statements_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) !=
			SQLITE_OK)
			rc = sqlite_error(store, "preparing", err);
	}
	return rc;
}

static int sqlite_open(const char *path, void **state, struct err *err)
{
	struct sqlite_store *store = xalloc(sizeof(*store));
	mode_t mask = umask(0077);
	int rc;

	if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		rc = store->db ? sqlite_error(store, path, err) : err_set(err, -ENOMEM, "store: no memory");
	} else {
		(void)sqlite3_busy_timeout(store->db, 2000);
		rc = sqlite_set_up(store, path, err);
	}
	(void)umask(mask);
	if (rc < 0) {
		sqlite_close(store);
		return rc;
	}
	*state = store;
	return 0;
}

/* Binds (table, key, third) and returns the statement, reset. The strings are borrowed until the next reset. */
static sqlite3_stmt *sqlite_bind(
	struct sqlite_store *store, enum statement which, enum store_table table, const char *key, const char *third)
{
	sqlite3_stmt *statement = store->statements[which];

	(void)sqlite3_reset(statement);
	(void)sqlite3_bind_int(statement, 1, table);
	(void)sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC);
	if (third != NULL)
		(void)sqlite3_bind_text(statement, 3, third, -1, SQLITE_STATIC);
	return statement;
}

static int sqlite_change(struct sqlite_store *store, const struct store_change *change, struct err *err)
{
	char behind[STORE_KEY_BYTES_MAX + 1];
	sqlite3_stmt *statement = NULL;
	bool done;

	switch (change->op) {
	case STORE_PUT:
		statement = sqlite_bind(store, ST_PUT, change->table, change->key, change->value);
		break;
	case STORE_DEL:
		statement = sqlite_bind(store, ST_DEL, change->table, change->key, NULL);
		break;
	case STORE_DEL_BELOW:
		if (store_prefix_end(change->key, behind))
			statement = sqlite_bind(store, ST_DEL_RANGE, change->table, change->key, behind);
		else
			statement = sqlite_bind(store, ST_DEL_FROM, change->table, change->key, NULL);
		break;
	}
	done = sqlite3_step(statement) == SQLITE_DONE;
	if (!done)
		(void)sqlite_error(store, "writing", err);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return done ? 0 : err ? err->code : -EIO;
}

/* Takes a journal's rows away where that is wanted, and appends the batch's pieces. */
static int sqlite_append(struct sqlite_store *store, int journal, const struct store_append *append, struct err *err)
{
	sqlite3_stmt *statement = store->statements[ST_EMPTY];
	bool done = true;

	if (append->empties) {
		(void)sqlite3_bind_int(statement, 1, journal);
		done = sqlite3_step(statement) == SQLITE_DONE;
	}
	for (size_t i = 0; done && i < append->pieces; i++) {
		struct store_piece piece = store_piece_at(append, i);

		statement = store->statements[ST_APPEND];
		(void)sqlite3_reset(statement);
		(void)sqlite3_bind_int(statement, 1, journal);
		(void)sqlite3_bind_blob64(statement, 2, piece.bytes, piece.size, SQLITE_STATIC);
		done = sqlite3_step(statement) == SQLITE_DONE;
	}
	if (!done)
		(void)sqlite_error(store, "writing", err);
	(void)sqlite3_reset(store->statements[ST_EMPTY]);
	(void)sqlite3_reset(store->statements[ST_APPEND]);
	(void)sqlite3_clear_bindings(store->statements[ST_APPEND]);
	return done ? 0 : err ? err->code : -EIO;
}

static int sqlite_write(void *state, const struct store_batch *batch, struct err *err)
{
	struct sqlite_store *store = state;
	int rc = sqlite_exec(store, "BEGIN IMMEDIATE", err);

	for (size_t i = 0; i < batch->count && rc == 0; i++)
		rc = sqlite_change(store, &batch->changes[i], err);
	for (int i = 0; i < STORE_JOURNAL_COUNT && rc == 0; i++)
		rc = sqlite_append(store, i, &batch->journals[i], err);
	if (rc == 0)
		rc = sqlite_exec(store, "COMMIT", err);
	if (rc < 0 && !sqlite3_get_autocommit(store->db))
		(void)sqlite_exec(store, "ROLLBACK", NULL);
	return rc;
}

static int sqlite_each(void *state, enum store_table table, const char *prefix, store_row_fn *row, void *context, struct err *err)
{
	struct sqlite_store *store = state;
	sqlite3_stmt *statement = sqlite_bind(store, ST_FROM, table, prefix, NULL);
	size_t length = strlen(prefix);
	int rc = 0, step;

	while ((step = sqlite3_step(statement)) == SQLITE_ROW && rc == 0) {
		const char *key = (const char *)sqlite3_column_text(statement, 0);
		const char *value = (const char *)sqlite3_column_text(statement, 1);

		if (key == NULL || value == NULL || strncmp(key, prefix, length) != 0)
			break;
		rc = row(context, key, value);
	}
	if (rc == 0 && step != SQLITE_ROW && step != SQLITE_DONE)
		rc = sqlite_error(store, "reading", err);
	(void)sqlite3_reset(statement);
	return rc;
}

static int sqlite_get(void *state, enum store_table table, const char *key, struct text *value, struct err *err)
{
	struct sqlite_store *store = state;
	sqlite3_stmt *statement = sqlite_bind(store, ST_GET, table, key, NULL);
	int step = sqlite3_step(statement), rc = 0;

	if (step == SQLITE_ROW)
		text_add_bytes(value, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
	else if (step == SQLITE_DONE)
		rc = err_set(err, -ENOENT, "store: nothing is kept as \"%s\"", key);
	else
		rc = sqlite_error(store, "reading", err);
	(void)sqlite3_reset(statement);
	return rc;
}

static int sqlite_runs(void *state, enum store_journal journal, store_run_fn *run, void *context, struct err *err)
{
	struct sqlite_store *store = state;
	sqlite3_stmt *statement = store->statements[ST_RUNS];
	int rc = 0, step;

	(void)sqlite3_reset(statement);
	(void)sqlite3_bind_int(statement, 1, (int)journal);
	while ((step = sqlite3_step(statement)) == SQLITE_ROW && rc == 0)
		rc = run(context, sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0));
	if (rc == 0 && step != SQLITE_DONE)
		rc = sqlite_error(store, "reading", err);
	(void)sqlite3_reset(statement);
	return rc;
}

const struct store_kind store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.close = sqlite_close,
	.write = sqlite_write,
	.each = sqlite_each,
	.get = sqlite_get,
	.runs = sqlite_runs,
};
