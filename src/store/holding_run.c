/* Runs of holdings, written and read. */
#include "store/holding_run.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MARK 0xc1
#define HEAD_SAME_POOL 0x10
#define HEAD_SAME_SINCE 0x20
#define HEAD_BITS 0x3f

/* A record without its strings is never longer: a head and seven numbers of at most ten bytes. */
#define RECORD_BYTES_MAX (1 + 7 * 10)

void holding_run_free(struct holding_run *run)
{
	free(run->bytes);
	free(run->values);
	run->bytes = NULL;
	run->values = NULL;
}

void holding_run_clear(struct holding_run *run)
{
	run->used = 0;
	run->pools = run->pools_written = run->pool = 0;
	run->owner_length = 0;
	run->since = run->released = 0;
}

uint32_t holding_run_pool(struct holding_run *run)
{
	if (run->pools == run->pools_capacity) {
		run->pools_capacity = run->pools_capacity ? run->pools_capacity * 2 : 8;
		run->values = xrealloc(run->values, run->pools_capacity * sizeof(*run->values));
	}
	run->values[run->pools] = 0;
	return run->pools++;
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
	for (; number > 0x7f; number >>= 7)
		*at++ = (uint8_t)(number | 0x80);
	*at++ = (uint8_t)number;
	return at;
}

/* What is to be added to `before` to get `number`, folded. */
static uint8_t *put_difference(uint8_t *at, uint64_t number, uint64_t before)
{
	uint64_t difference = number - before;

	return put_number(at, difference << 1 ^ (difference >> 63 ? UINT64_MAX : 0));
}

static uint8_t *put_pool(struct holding_run *run, uint8_t *at, uint32_t pool, const char *name)
{
	size_t length;

	at = put_number(at, pool);
	if (pool < run->pools_written)
		return at;
	CHECK(pool == run->pools_written);
	run->pools_written++;
	length = strlen(name);
	CHECK(length <= STORE_KEY_BYTES_MAX);
	at = put_number(at, length);
	memcpy(at, name, length);
	return at + length;
}

static uint8_t *put_owner(struct holding_run *run, uint8_t *at, const char *owner)
{
	size_t common = 0, length;

	while (common < run->owner_length && owner[common] == run->owner[common] && owner[common] != 0)
		common++;
	length = common + strlen(owner + common);
	CHECK(length <= STORE_KEY_BYTES_MAX);
	memcpy(run->owner + common, owner + common, length - common + 1);
	run->owner_length = length;
	at = put_number(at, common);
	at = put_number(at, length - common);
	memcpy(at, owner + common, length - common);
	return at + length - common;
}

void holding_run_put(struct holding_run *run, uint32_t pool, enum holding_record what, const struct holding *holding)
{
	bool first = run->used == 0, same_pool = !first && pool == run->pool, same_since = holding->since_wall_ns == run->since;
	uint8_t *at;

	CHECK(pool < run->pools);
	if (run->capacity - run->used < RECORD_BYTES_MAX + 2 * STORE_KEY_BYTES_MAX + 1) {
		run->capacity = run->capacity ? run->capacity * 2 : (size_t)8 * STORE_KEY_BYTES_MAX;
		run->bytes = xrealloc(run->bytes, run->capacity);
	}
	at = run->bytes + run->used;
	if (first)
		*at++ = RUN_MARK;
	*at++ = (uint8_t)((unsigned)what | (unsigned)holding->why << 2 | (same_pool ? HEAD_SAME_POOL : 0) |
			  (same_since ? HEAD_SAME_SINCE : 0));
	if (!same_pool)
		at = put_pool(run, at, pool, holding->pool);
	if (what != HOLDING_CURSOR)
		at = put_owner(run, at, holding->owner);
	if (what != HOLDING_DROPPED) {
		at = put_difference(at, holding->value, run->values[pool]);
		run->values[pool] = holding->value;
	}
	if ((what == HOLDING_HELD || what == HOLDING_RESTING) && !same_since) {
		at = put_difference(at, (uint64_t)holding->since_wall_ns, (uint64_t)run->since);
		run->since = holding->since_wall_ns;
	}
	if (what == HOLDING_RESTING) {
		at = put_difference(at, (uint64_t)holding->released_wall_ns, (uint64_t)run->released);
		run->released = holding->released_wall_ns;
	}
	run->pool = pool;
	run->used = (size_t)(at - run->bytes);
}

/* --- reading --- */

struct pool_read {
	char *name;
	uint64_t value;
};

/* What the records so far leave behind. */
struct reading {
	struct reader reader;
	struct arena *arena; /* names of pools */
	struct pool_read *pools;
	size_t count, capacity, pool;
	char owner[STORE_KEY_BYTES_MAX + 1];
	size_t owner_length;
	int64_t since, released;
	bool begun; /* a record was read in this run */
};

static uint64_t get_number(struct reader *reader)
{
	uint64_t number = 0;
	uint8_t byte;

	for (unsigned shift = 0;; shift += 7) {
		byte = reader_u8(reader);
		if (shift > 63 || (shift == 63 && byte > 1)) {
			reader->failed = true;
			return 0;
		}
		number |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return number;
	}
}

static uint64_t get_sum(struct reader *reader, uint64_t before)
{
	uint64_t folded = get_number(reader);

	return before + (folded >> 1 ^ (folded & 1 ? UINT64_MAX : 0));
}

/* Copies bytes of a name, which has no NUL in it. */
static bool get_name(struct reader *reader, char *to, size_t length)
{
	const uint8_t *bytes = reader_bytes(reader, length);

	if (bytes == NULL || memchr(bytes, 0, length) != NULL)
		return false;
	memcpy(to, bytes, length);
	to[length] = 0;
	return true;
}

static bool get_pool(struct reading *reading)
{
	uint64_t number = get_number(&reading->reader), length;

	if (number > reading->count)
		return false;
	reading->pool = number;
	if (number < reading->count)
		return true;
	length = get_number(&reading->reader);
	if (length > STORE_KEY_BYTES_MAX || length > reader_left(&reading->reader))
		return false;
	if (reading->count == reading->capacity) {
		reading->capacity = reading->capacity ? reading->capacity * 2 : 8;
		reading->pools = xrealloc(reading->pools, reading->capacity * sizeof(*reading->pools));
	}
	reading->pools[reading->count] = (struct pool_read){arena_alloc(reading->arena, length + 1), 0};
	return get_name(&reading->reader, reading->pools[reading->count++].name, length);
}

static bool get_owner(struct reading *reading)
{
	uint64_t common = get_number(&reading->reader), rest = get_number(&reading->reader);

	if (common > reading->owner_length || rest > STORE_KEY_BYTES_MAX - common)
		return false;
	if (!get_name(&reading->reader, reading->owner + common, rest))
		return false;
	reading->owner_length = common + rest;
	return true;
}

static void run_begin(struct reading *reading)
{
	reading->count = reading->pool = 0;
	reading->owner_length = 0;
	reading->owner[0] = 0;
	reading->since = reading->released = 0;
	reading->begun = true;
}

static bool get_record(struct reading *reading, uint8_t head, enum holding_record *what, struct holding *holding)
{
	struct reader *reader = &reading->reader;
	struct pool_read *pool;

	*what = (enum holding_record)(head & 3);
	*holding = (struct holding){.why = (enum holding_why)(head >> 2 & 3)};
	if (!reading->begun || (head & ~HEAD_BITS) != 0 || holding->why >= HOLDING_WHY_COUNT)
		return false;
	if ((head & HEAD_SAME_POOL) == 0 && !get_pool(reading))
		return false;
	if (reading->pool >= reading->count || (*what != HOLDING_CURSOR && !get_owner(reading)))
		return false;
	pool = &reading->pools[reading->pool];
	if (*what != HOLDING_DROPPED)
		pool->value = get_sum(reader, pool->value);
	if ((*what == HOLDING_HELD || *what == HOLDING_RESTING) && (head & HEAD_SAME_SINCE) == 0)
		reading->since = (int64_t)get_sum(reader, (uint64_t)reading->since);
	if (*what == HOLDING_RESTING)
		reading->released = (int64_t)get_sum(reader, (uint64_t)reading->released);
	holding->pool = pool->name;
	holding->owner = reading->owner;
	holding->value = pool->value;
	holding->since_wall_ns = reading->since;
	holding->released_wall_ns = *what == HOLDING_RESTING ? reading->released : 0;
	return reader_ok(reader);
}

int holding_run_read(const uint8_t *bytes, size_t size, holding_run_fn *record, void *context)
{
	struct reading *reading = xalloc(sizeof(*reading));
	int rc = 0;

	reading->reader = reader_over(bytes, size);
	reading->arena = arena_new(NULL);
	while (rc == 0 && reader_left(&reading->reader) > 0) {
		uint8_t head = reader_u8(&reading->reader);
		enum holding_record what;
		struct holding holding;

		if (head == RUN_MARK)
			run_begin(reading);
		else if (!get_record(reading, head, &what, &holding))
			rc = -EPROTO;
		else
			rc = record(context, what, &holding);
	}
	arena_free(reading->arena);
	free(reading->pools);
	free(reading);
	return rc;
}
