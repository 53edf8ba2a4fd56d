/* The API of pools: which there are and how full they are, who holds what since when and why, and numbers reserved and given back. */
#include "base/check.h"
#include "ctl/api.h"
#include "ctl/pool_catalog.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Most holdings of one answer; most bytes of a note; most numbers that may be reserved by command in a pool. */
#define HOLDINGS_SHOWN_MAX 200000
#define NOTE_BYTES_MAX 100
#define RESERVED_MAX 65536

/* The pools that are asked for, in order. False after a problem was sent. */
static bool pools_of(struct api_call *call, const char *lab, const char *pool, struct pool_catalog *pools)
{
	struct pool_catalog all;

	if (lab != NULL && api_lab(call, lab) == NULL)
		return false;
	all = pool_catalog_make(call->ctl, call->arena);
	*pools = (struct pool_catalog){arena_alloc(call->arena, all.count * sizeof(*all.entries)), 0};
	for (size_t i = 0; i < all.count; i++) {
		const struct pool_entry *entry = &all.entries[i];

		if (lab != NULL && (entry->lab == NULL || strcmp(entry->lab, lab) != 0))
			continue;
		if (pool == NULL || strcmp(pool, entry->key) == 0 || strcmp(pool, entry->name) == 0 ||
			(strcmp(pool, "macs") == 0 && entry->gives == GIVES_MACS))
			pools->entries[pools->count++] = *entry;
	}
	if (pool != NULL && pools->count == 0)
		api_problem(call, 404, "no pool named \"%.60s\"; weft pool ls lists them", pool);
	return pool == NULL || pools->count > 0;
}

void api_pools(struct api_call *call)
{
	struct pool_catalog pools;
	json_t *rows;

	if (!pools_of(call, api_query(call, "lab"), api_query(call, "pool"), &pools))
		return;
	rows = json_array();
	for (size_t i = 0; i < pools.count; i++) {
		const struct pool_entry *entry = &pools.entries[i];
		struct pool_tally tally = pool_tally(call->ctl, entry);

		(void)json_array_append_new(
			rows, json_pack("{s:s, s:s, s:s?, s:s, s:o, s:I, s:I, s:I}", "pool", entry->key, "name", entry->name, "lab",
				      entry->lab, "gives", pool_gives_names[entry->gives], "size",
				      entry->size ? json_integer((json_int_t)entry->size) : json_null(), "held", (json_int_t)tally.held,
				      "reserved", (json_int_t)tally.reserved, "released", (json_int_t)tally.released));
	}
	api_reply(call, 200, rows);
}

static int by_value(const void *a, const void *b)
{
	const struct holding *x = *(const struct holding *const *)a, *y = *(const struct holding *const *)b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return strcmp(x->owner, y->owner);
}

/* The owner as people read it: of a reserved number the note, behind the number. */
static const char *owner_text(const struct holding *holding)
{
	const char *blank = strchr(holding->owner, ' ');

	if (holding->why != HOLDING_RESERVED)
		return holding->owner;
	return blank ? blank + 1 : "";
}

static json_t *holding_json(struct api_call *call, const struct pool_entry *entry, const struct holding *holding)
{
	char released[32], since[32];
	json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s}", "pool", entry->key, "value",
		pool_value_text(call->arena, entry, holding->value), "owner", owner_text(holding), "state",
		holding->why == HOLDING_RESERVED ? "reserved"
		: holding->released_wall_ns	 ? "released"
						 : "held",
		"since", holding->since_wall_ns ? time_text(holding->since_wall_ns, since) : NULL, "released",
		holding->released_wall_ns ? time_text(holding->released_wall_ns, released) : NULL, "why", pool_why_text(holding->why));

	CHECK(row != NULL);
	return row;
}

/* Adds a pool's holdings, those with the text `wanted` only when it isn't NULL. */
static void holdings_of(struct api_call *call, const struct pool_entry *entry, const char *wanted, json_t *rows)
{
	const struct holding **list, *holding;
	size_t cursor = 0, count = 0;

	while (holdings_next(call->ctl->holdings, entry->key, &cursor) != NULL)
		count++;
	list = arena_alloc(call->arena, (count + 1) * sizeof(struct holding *));
	count = cursor = 0;
	while ((holding = holdings_next(call->ctl->holdings, entry->key, &cursor)) != NULL)
		list[count++] = holding;
	qsort(list, count, sizeof(struct holding *), by_value);
	for (size_t i = 0; i < count && json_array_size(rows) <= HOLDINGS_SHOWN_MAX; i++) {
		if (wanted != NULL && strcasecmp(wanted, pool_value_text(call->arena, entry, list[i]->value)) != 0)
			continue;
		(void)json_array_append_new(rows, holding_json(call, entry, list[i]));
	}
}

void api_holdings(struct api_call *call)
{
	const char *wanted = api_query(call, "value");
	struct pool_catalog pools;
	json_t *rows;

	if (!pools_of(call, api_query(call, "lab"), api_query(call, "pool"), &pools))
		return;
	rows = json_array();
	for (size_t i = 0; i < pools.count; i++)
		holdings_of(call, &pools.entries[i], wanted, rows);
	if (json_array_size(rows) <= HOLDINGS_SHOWN_MAX) {
		api_reply(call, 200, rows);
		return;
	}
	json_decref(rows);
	api_problem(call, 507, "more than %d numbers are held; ask for those of one pool", HOLDINGS_SHOWN_MAX);
}

/* --- numbers reserved by command, and given back --- */

/* What a request about one number says: {pool, value, lab?, note?}. */
struct number_request {
	struct pool_entry entry;
	const char *text; /* the number as it is written */
	const char *note;
	uint64_t value;
};

/* A text of the body; "" when it isn't there. */
static const char *body_text(const struct api_call *call, const char *key)
{
	const char *text = json_string_value(json_object_get(call->body, key));

	return text ? text : "";
}

/* Reads the request: false after a problem was sent. */
static bool number_read(struct api_call *call, struct number_request *request)
{
	const char *lab = body_text(call, "lab"), *text = body_text(call, "value");
	struct pool_catalog pools;

	if (body_text(call, "pool")[0] == 0 || text[0] == 0) {
		api_problem(call, 400, "{\"pool\": NAME, \"value\": NUMBER} is expected");
		return false;
	}
	if (!pools_of(call, lab[0] ? lab : NULL, body_text(call, "pool"), &pools))
		return false;
	request->note = body_text(call, "note");
	if (strlen(request->note) > NOTE_BYTES_MAX || strpbrk(request->note, "\t\r\n") != NULL) {
		api_problem(call, 422, "note: at most %d bytes in one line are expected", NOTE_BYTES_MAX);
		return false;
	}
	for (size_t i = 0; i < pools.count; i++) {
		if (!pool_value_parse(&pools.entries[i], text, &request->value))
			continue;
		request->entry = pools.entries[i];
		request->text = pool_value_text(call->arena, &request->entry, request->value);
		return true;
	}
	api_problem(call, 422, "\"%.60s\" is none of the %s that pool %.80s gives", text, pool_gives_names[pools.entries[0].gives],
		pools.entries[0].key);
	return false;
}

/* The holding of a number, of one who has it now rather than of one who had it. */
static const struct holding *holder_of(const struct ctl *ctl, const struct number_request *request)
{
	const struct holding *holding, *found = NULL;
	size_t cursor = 0;

	while ((holding = holdings_next(ctl->holdings, request->entry.key, &cursor)) != NULL) {
		if (holding->value != request->value)
			continue;
		if (found == NULL || found->released_wall_ns != 0)
			found = holding;
	}
	return found;
}

/* A change that is answered once it is durable; lives in the call's arena. `taken` is what a failure gives back. */
struct number_change {
	struct api_call *call;
	const char *key, *text, *state;
	const char *taken;
};

static void number_written(void *context, int rc, const struct err *err)
{
	struct number_change *change = context;
	struct api_call *call = change->call;
	struct store_batch *batch;

	if (rc == 0) {
		api_reply(call, 200, json_pack("{s:s, s:s, s:s}", "pool", change->key, "value", change->text, "state", change->state));
		return;
	}
	if (change->taken != NULL) {
		batch = store_batch_new();
		(void)holdings_forget(call->ctl->holdings, change->key, change->taken, batch);
		store_batch_free(batch);
	}
	holdings_not_written(call->ctl->holdings);
	api_error(call, rc, err->text);
}

/* Writes the batch, which is taken over, together with those of others who ask at the same moment, and answers then. */
static void number_write(
	struct api_call *call, const struct number_request *request, const char *state, const char *taken, struct store_batch *batch)
{
	struct number_change *change = arena_alloc(call->arena, sizeof(*change));
	struct err err;
	int rc;

	*change = (struct number_change){call, request->entry.key, request->text, state, taken};
	rc = ctl_write_later(call->ctl, batch, number_written, change, &err);
	if (rc < 0)
		number_written(change, rc, &err);
}

void api_pool_reserve(struct api_call *call)
{
	struct number_request request;
	const struct holding *holder;
	struct store_batch *batch;
	struct holding wanted;

	if (!number_read(call, &request))
		return;
	holder = holder_of(call->ctl, &request);
	if (holder != NULL && holder->released_wall_ns == 0) {
		api_problem(call, 409, "%s is %s by %s", request.text, holder->why == HOLDING_RESERVED ? "reserved already" : "held",
			holder->why == HOLDING_RESERVED ? "command" : holder->owner);
		return;
	}
	if (request.entry.gives == GIVES_ROUTER_IDS) {
		api_problem(call, 422, "router ids can't be reserved; write `router-id` in the lab's file");
		return;
	}
	if (pool_tally(call->ctl, &request.entry).reserved >= RESERVED_MAX) {
		api_problem(call, 507, "%d numbers of pool %s are reserved: that is all that may be", RESERVED_MAX, request.entry.key);
		return;
	}
	wanted = (struct holding){.pool = request.entry.key,
		.owner = arena_printf(call->arena, "%c%s %s", HOLDING_RESERVED_MARK, request.text, request.note),
		.value = request.value,
		.since_wall_ns = clock_wall_ns(),
		.why = HOLDING_RESERVED};
	batch = store_batch_new();
	holdings_add(call->ctl->holdings, &wanted, 1, batch);
	number_write(call, &request, "reserved", wanted.owner, batch);
}

void api_pool_release(struct api_call *call)
{
	struct number_request request;
	const struct holding *holder;
	struct store_batch *batch;

	if (!number_read(call, &request))
		return;
	holder = holder_of(call->ctl, &request);
	if (holder == NULL) {
		api_problem(call, 404, "nobody holds %s, and it doesn't rest either: it is free", request.text);
		return;
	}
	if (holder->why != HOLDING_RESERVED && holder->released_wall_ns == 0) {
		api_problem(call, 409, "%s is held by %s; take that out of the lab's file and weft up, or weft down the lab", request.text,
			holder->owner);
		return;
	}
	batch = store_batch_new();
	(void)holdings_forget(call->ctl->holdings, holder->pool, holder->owner, batch);
	number_write(call, &request, "free", NULL, batch);
}
