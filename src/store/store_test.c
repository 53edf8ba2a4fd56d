/* Tests of the store's contract: the same ones for every kind. */
#include "base/arena.h"
#include "base/check.h"
#include "base/rand.h"
#include "store/store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];
static char path[96];

static struct store *open_kind(const char *kind)
{
	struct store *store = NULL;
	struct err err;

	assert_int_equal(store_open(kind, path, &store, &err), 0);
	return store;
}

static void put(struct store *store, enum store_table table, const char *key, const char *value)
{
	struct store_batch *batch = store_batch_new();

	store_batch_put(batch, table, key, value);
	assert_int_equal(store_write(store, batch, NULL), 0);
	store_batch_free(batch);
}

static int list_row(void *context, const char *key, const char *value)
{
	text_add(context, "%s=%s;", key, value);
	return 0;
}

/* All rows below a prefix as "key=value;...". The caller frees. */
static char *list(struct store *store, enum store_table table, const char *prefix)
{
	struct text out = {0};

	assert_int_equal(store_each(store, table, prefix, list_row, &out, NULL), 0);
	return out.bytes ? out.bytes : xstrdup("");
}

static void assert_list(struct store *store, enum store_table table, const char *prefix, const char *wanted)
{
	char *got = list(store, table, prefix);

	assert_string_equal(got, wanted);
	free(got);
}

static void each_kind(void (*test)(struct store *store))
{
	static const char *const kinds[] = {"memory", "sqlite"};

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		struct store *store = open_kind(kinds[i]);

		test(store);
		store_close(store);
		(void)unlink(path);
	}
}

static void rows(struct store *store)
{
	struct text value = {0};
	struct store_batch *batch = store_batch_new();

	put(store, STORE_LABS, "demo", "{}");
	put(store, STORE_LABS, "demo", "{\"a\":1}");
	put(store, STORE_IDS, "demo/network/lan", "1");
	put(store, STORE_IDS, "demo/vm/vm1", "2");
	put(store, STORE_IDS, "demo0/vm/vm1", "3");
	put(store, STORE_IDS, "dem", "4");
	assert_int_equal(store_get(store, STORE_LABS, "demo", &value, NULL), 0);
	assert_string_equal(text_get(&value), "{\"a\":1}");
	assert_int_equal(store_get(store, STORE_LABS, "other", &value, NULL), -ENOENT);
	assert_int_equal(store_get(store, STORE_IDS, "demo", &value, NULL), -ENOENT);
	assert_list(store, STORE_IDS, "demo/", "demo/network/lan=1;demo/vm/vm1=2;");
	assert_list(store, STORE_IDS, "", "dem=4;demo/network/lan=1;demo/vm/vm1=2;demo0/vm/vm1=3;");

	store_batch_del_below(batch, STORE_IDS, "demo/");
	store_batch_put(batch, STORE_IDS, "demo/vm/vm9", "9");
	store_batch_del(batch, STORE_IDS, "dem");
	store_batch_del(batch, STORE_IDS, "never was");
	assert_int_equal(store_write(store, batch, NULL), 0);
	assert_list(store, STORE_IDS, "", "demo/vm/vm9=9;demo0/vm/vm1=3;");
	store_batch_free(batch);

	batch = store_batch_new();
	store_batch_del_below(batch, STORE_IDS, "");
	assert_int_equal(store_write(store, batch, NULL), 0);
	assert_list(store, STORE_IDS, "", "");
	assert_list(store, STORE_LABS, "", "demo={\"a\":1};");
	store_batch_free(batch);
	text_free(&value);
}

static void rows_test(void **state) { each_kind(rows); }

static int list_run(void *context, const uint8_t *bytes, size_t size)
{
	text_add_bytes(context, bytes, size);
	return 0;
}

static void assert_journal(struct store *store, const char *wanted)
{
	struct text out = {0};

	assert_int_equal(store_runs(store, STORE_JOURNAL_HOLDINGS, list_run, &out, NULL), 0);
	assert_string_equal(text_get(&out), wanted);
	text_free(&out);
}

/* Journals change together with rows, keep their order, and are emptied as a whole. */
static void journals(struct store *store)
{
	struct store_batch *batch = store_batch_new();
	char *large = xalloc(3 << 20);
	char *key = xalloc(STORE_KEY_BYTES_MAX + 2);
	struct text all = {0};

	assert_journal(store, "");
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, "one ", 4);
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, "two ", 4);
	store_batch_put(batch, STORE_LABS, "demo", "{}");
	assert_int_equal(store_write(store, batch, NULL), 0);
	store_batch_free(batch);
	batch = store_batch_new();
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, "three ", 6);
	assert_int_equal(store_write(store, batch, NULL), 0);
	assert_journal(store, "one two three ");
	/* A batch that is refused leaves the journal alone. */
	memset(key, 'k', STORE_KEY_BYTES_MAX + 1);
	store_batch_put(batch, STORE_META, key, "1");
	assert_int_equal(store_write(store, batch, NULL), -ENAMETOOLONG);
	assert_journal(store, "one two three ");
	store_batch_free(batch);
	batch = store_batch_new();
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, "lost", 4);
	store_batch_empty(batch, STORE_JOURNAL_HOLDINGS);
	for (int i = 0; i < 6; i++) {
		memset(large, 'a' + i, 3 << 20);
		store_batch_append(batch, STORE_JOURNAL_HOLDINGS, large, (size_t)300000 * (i + 1));
		text_add_bytes(&all, large, (size_t)300000 * (i + 1));
	}
	assert_int_equal(store_write(store, batch, NULL), 0);
	assert_journal(store, text_get(&all));
	store_batch_free(batch);
	batch = store_batch_new();
	store_batch_empty(batch, STORE_JOURNAL_HOLDINGS);
	assert_int_equal(store_write(store, batch, NULL), 0);
	store_batch_free(batch);
	assert_journal(store, "");
	text_free(&all);
	free(large);
	free(key);
}

static void journals_test(void **state) { each_kind(journals); }

static void note_done(void *context, int rc, const struct err *err)
{
	assert_int_equal(rc, 0);
	text_add(context, "%s", "done ");
}

static struct store_batch *labs_batch(const char *key, const char *value, const char *run)
{
	struct store_batch *batch = store_batch_new();

	store_batch_put(batch, STORE_LABS, key, value);
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, run, strlen(run));
	return batch;
}

/* Batches that wait are written together, in their order, before anything that is written after them. */
static void later(struct store *store)
{
	struct store_batch *batch = labs_batch("a", "3", "d");
	char key[STORE_KEY_BYTES_MAX + 2];
	struct text done = {0};

	assert_int_equal(store_write_later(store, labs_batch("a", "1", "a"), note_done, &done, NULL), 0);
	assert_int_equal(store_write_later(store, labs_batch("a", "2", "b"), note_done, &done, NULL), 0);
	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = 0;
	assert_int_equal(store_write_later(store, labs_batch(key, "1", "c"), note_done, &done, NULL), -ENAMETOOLONG);
	assert_list(store, STORE_LABS, "", "");
	store_flush(store);
	assert_string_equal(text_get(&done), "done done ");
	assert_list(store, STORE_LABS, "", "a=2;");
	assert_journal(store, "ab");
	store_flush(store);
	store_batch_empty(batch, STORE_JOURNAL_HOLDINGS);
	store_batch_append(batch, STORE_JOURNAL_HOLDINGS, "e", 1);
	assert_int_equal(store_write_later(store, labs_batch("b", "9", "lost"), note_done, &done, NULL), 0);
	assert_int_equal(store_write_later(store, batch, note_done, &done, NULL), 0);
	put(store, STORE_LABS, "b", "4");
	assert_string_equal(text_get(&done), "done done done done ");
	assert_list(store, STORE_LABS, "", "a=3;b=4;");
	assert_journal(store, "e");
	text_free(&done);
}

static void later_test(void **state) { each_kind(later); }

static int stop_row(void *context, const char *key, const char *value) { return ++*(int *)context == 2 ? -ECANCELED : 0; }

static void bounds(struct store *store)
{
	struct store_batch *batch = store_batch_new();
	char *key = xalloc(STORE_KEY_BYTES_MAX + 2);
	int calls = 0;

	memset(key, 'k', STORE_KEY_BYTES_MAX + 1);
	store_batch_put(batch, STORE_META, "a", "1");
	store_batch_put(batch, STORE_META, key, "1");
	assert_int_equal(store_write(store, batch, NULL), -ENAMETOOLONG);
	assert_list(store, STORE_META, "", ""); /* nothing of the batch */
	store_batch_free(batch);
	free(key);
	put(store, STORE_META, "1", "");
	put(store, STORE_META, "2", "x'\"; DROP TABLE rows");
	put(store, STORE_META, "\xff\xff", "3");
	assert_list(store, STORE_META, "", "1=;2=x'\"; DROP TABLE rows;\xff\xff=3;");
	assert_list(store, STORE_META, "\xff", "\xff\xff=3;");
	assert_int_equal(store_each(store, STORE_META, "", stop_row, &calls, NULL), -ECANCELED);
	assert_int_equal(calls, 2);
	batch = store_batch_new();
	store_batch_del_below(batch, STORE_META, "\xff");
	assert_int_equal(store_write(store, batch, NULL), 0);
	store_batch_free(batch);
	assert_list(store, STORE_META, "", "1=;2=x'\"; DROP TABLE rows;");
}

static void bounds_test(void **state) { each_kind(bounds); }

/* Both kinds go through the same random batches and must stay equal; the file is opened anew now and then. */
static void same_test(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct store *memory = open_kind("memory"), *sqlite = open_kind("sqlite");

	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 60; round++) {
		struct store_batch *batch = store_batch_new();
		char *a, *b;

		for (uint64_t n = rand_below(&rand, 12); n > 0; n--) {
			char key[16], value[16];
			uint64_t op = rand_below(&rand, 10);

			(void)snprintf(key, sizeof(key), "%c/%c", (char)('a' + rand_below(&rand, 3)), (char)('a' + rand_below(&rand, 20)));
			(void)snprintf(value, sizeof(value), "%llu", (unsigned long long)rand_below(&rand, 1000));
			if (op < 7)
				store_batch_put(batch, STORE_IDS, key, value);
			else if (op < 9)
				store_batch_del(batch, STORE_IDS, key);
			else
				key[2] = 0, store_batch_del_below(batch, STORE_IDS, key);
		}
		assert_int_equal(store_write(memory, batch, NULL), 0);
		assert_int_equal(store_write(sqlite, batch, NULL), 0);
		store_batch_free(batch);
		if (round % 20 == 19) {
			store_close(sqlite);
			sqlite = open_kind("sqlite");
		}
		a = list(memory, STORE_IDS, "");
		b = list(sqlite, STORE_IDS, "");
		assert_string_equal(a, b);
		free(a);
		free(b);
	}
	store_close(memory);
	store_close(sqlite);
	(void)unlink(path);
}

/* What was written is there after the file is opened anew; only the one file stays, and it is nobody else's. */
static void file_test(void **state)
{
	struct store *store = open_kind("sqlite");
	struct stat info;
	char wal[128];

	put(store, STORE_LABS, "demo", "{}");
	store_close(store);
	(void)snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_equal(stat(wal, &info), -1);
	(void)snprintf(wal, sizeof(wal), "%s-shm", path);
	assert_int_equal(stat(wal, &info), -1);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	store = open_kind("sqlite");
	assert_list(store, STORE_LABS, "", "demo={};");
	store_close(store);
	(void)unlink(path);
}

static void refusals_test(void **state)
{
	struct store *store = NULL;
	struct err err;
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		(void)fputs("this is no database", file);
	(void)fclose(file);
	assert_int_equal(store_open("sqlite", path, &store, &err), -EPROTO);
	assert_null(store);
	(void)unlink(path);
	assert_int_equal(store_open("sqlite", "/nowhere/at/all/weft.db", &store, &err), -EACCES);
	assert_int_equal(store_open("carrier-pigeon", path, &store, &err), -ENOTSUP);
	assert_non_null(strstr(err.text, "carrier-pigeon"));
}

/* A file of a newer version is left alone. */
static void newer_test(void **state)
{
	struct store *store = open_kind("sqlite");
	struct err err;
	FILE *file;

	store_close(store);
	file = fopen(path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 60, SEEK_SET), 0); /* user_version in the header of an SQLite file */
	assert_int_equal(fwrite("\0\0\0\x63", 1, 4, file), 4);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(store_open("sqlite", path, &store, &err), -EPROTO);
	assert_non_null(strstr(err.text, "newer"));
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_test),
		cmocka_unit_test(journals_test),
		cmocka_unit_test(later_test),
		cmocka_unit_test(bounds_test),
		cmocka_unit_test(same_test),
		cmocka_unit_test(file_test),
		cmocka_unit_test(refusals_test),
		cmocka_unit_test(newer_test),
	};
	int failed;

	(void)snprintf(directory, sizeof(directory), "/tmp/weft-store-XXXXXX");
	if (mkdtemp(directory) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/weft.db", directory);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)rmdir(directory);
	return failed;
}
