/* Operations: journal, apply, and what comes after. Long because the beginning, the end and the resumption of one are one story. */
#include "ctl/operations.h"

#include "base/check.h"
#include "base/log.h"
#include "ctl/apply.h"
#include "ctl/idle.h"
#include "ctl/machines.h"
#include "ctl/switched.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum operation_state { OPERATION_RUNNING, OPERATION_DONE, OPERATION_FAILED };

struct operation {
	struct list node;
	struct ctl *ctl;
	uint64_t id;
	char lab[NAME_BYTES];
	bool down;
	bool queued; /* a down that waits until the up before it has stopped */
	enum operation_state state;
	size_t steps, done;
	char error[ERR_TEXT_BYTES];
	struct apply *apply;	  /* NULL when it doesn't run */
	struct lab_value *before; /* what the lab was; NULL: it wasn't */
	char *before_row;	  /* as the store keeps it */
	struct list waiters;
};

struct operation_waiter {
	struct list node;
	void (*fire)(void *context);
	void *context;
};

static const char counter_key[] = "next-operation";
static const char *const state_words[] = {"running", "done", "failed"};

static void key_of(uint64_t id, char key[24]) { (void)snprintf(key, 24, "%020" PRIu64, id); }

uint64_t operation_id(const struct operation *operation) { return operation->id; }
bool operation_runs(const struct operation *operation) { return operation->state == OPERATION_RUNNING; }
bool operation_is_down(const struct operation *operation) { return operation->down; }
bool operation_is_first(const struct operation *operation) { return operation->before_row == NULL; }

struct operation *operation_find(const struct ctl *ctl, uint64_t id)
{
	struct operation *operation;

	list_each (operation, &ctl->operations, struct operation, node)
		if (operation->id == id)
			return operation;
	return NULL;
}

json_t *operation_json(const struct operation *operation)
{
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:I, s:I, s:s?}", "id", (json_int_t)operation->id, "lab", operation->lab, "kind",
		operation->down ? "down" : "up", "state", state_words[operation->state], "steps", (json_int_t)operation->steps, "done",
		(json_int_t)operation->done, "error", operation->error[0] ? operation->error : NULL);

	CHECK(json != NULL);
	return json;
}

/* --- the journal --- */

static void journal_put(const struct operation *operation, struct store_batch *batch)
{
	json_t *row = operation_json(operation);
	char key[24], *text;

	if (operation->state == OPERATION_RUNNING && operation->before_row != NULL)
		(void)json_object_set_new(row, "before", json_string(operation->before_row));
	text = json_dumps(row, JSON_COMPACT);
	CHECK(text != NULL);
	key_of(operation->id, key);
	store_batch_put(batch, STORE_OPERATIONS, key, text);
	free(text);
	json_decref(row);
}

static void operation_free(struct operation *operation)
{
	struct operation_waiter *waiter;

	list_each (waiter, &operation->waiters, struct operation_waiter, node) {
		list_remove(&waiter->node);
		free(waiter);
	}
	list_remove(&operation->node);
	lab_value_free(operation->before);
	free(operation->before_row);
	free(operation);
}

/* Forgets the oldest finished ones beyond what is kept. */
static void forget_old(struct ctl *ctl, struct store_batch *batch)
{
	struct operation *operation;
	unsigned finished = 0;

	list_each (operation, &ctl->operations, struct operation, node)
		finished += operation->state != OPERATION_RUNNING;
	list_each (operation, &ctl->operations, struct operation, node) {
		char key[24];

		if (operation->state == OPERATION_RUNNING || finished <= ctl->settings.operations_kept)
			continue;
		finished--;
		key_of(operation->id, key);
		store_batch_del(batch, STORE_OPERATIONS, key);
		operation_free(operation);
	}
}

static struct operation *operation_new(struct ctl *ctl, uint64_t id, const char *lab, bool down)
{
	struct operation *operation = xalloc(sizeof(*operation));

	operation->ctl = ctl;
	operation->id = id;
	operation->down = down;
	CHECK(text_copy(operation->lab, sizeof(operation->lab), lab));
	list_init(&operation->waiters);
	list_append(&ctl->operations, &operation->node);
	return operation;
}

/* --- the end --- */

static void tell_waiters(struct operation *operation)
{
	struct operation_waiter *waiter;

	list_each (waiter, &operation->waiters, struct operation_waiter, node) {
		void (*fire)(void *context) = waiter->fire;
		void *context = waiter->context;

		list_remove(&waiter->node);
		free(waiter);
		fire(context);
	}
}

/* Nothing of the lab is wanted any more: all its rows go. */
static void lab_forget(struct ctl *ctl, struct ctl_lab *lab, struct store_batch *batch)
{
	store_batch_del(batch, STORE_LABS, lab->name);
	ids_drop(ctl->ids, lab->name, batch);
	holdings_drop(ctl->holdings, lab->name, batch);
	switched_drop(ctl, lab->name, batch);
	labs_remove(ctl, lab);
}

/* The lab is as `value` says: what it doesn't hold any more is released. */
static void lab_settle(struct ctl *ctl, struct ctl_lab *lab, struct lab_value *value, struct store_batch *batch)
{
	lab->value = value;
	store_batch_put(batch, STORE_LABS, lab->name, value->row);
	ids_save(ctl->ids, batch);
	holdings_replace(ctl->holdings, lab->name, value->assignment.holdings, value->assignment.holding_count, clock_wall_ns(), batch);
}

/* What the lab is after its operation ended. */
static void settle(struct operation *operation, struct ctl_lab *lab, struct store_batch *batch)
{
	struct ctl *ctl = operation->ctl;
	bool cancelled = operation->state == OPERATION_FAILED && strcmp(operation->error, "it was cancelled") == 0;

	lab->operation = NULL;
	lab->failed = false;
	if (operation->down && operation->state == OPERATION_DONE) {
		lab_forget(ctl, lab, batch);
	} else if (operation->down) {
		lab->failed = true;
	} else if (operation->state == OPERATION_DONE || cancelled) {
		lab_settle(ctl, lab, lab->value, batch);
	} else if (operation->before != NULL) {
		lab_value_free(lab->value);
		lab_settle(ctl, lab, operation->before, batch);
		operation->before = NULL;
	} else {
		lab_forget(ctl, lab, batch);
	}
}

static void start_down(struct operation *operation);

static void operation_end(struct operation *operation, const struct err *err)
{
	struct ctl *ctl = operation->ctl;
	struct ctl_lab *lab = labs_find(ctl, operation->lab);
	struct store_batch *batch = store_batch_new();
	struct operation *other;
	const char *name = operation->lab;
	struct err store_err;

	operation->apply = NULL;
	operation->state = err->code == 0 ? OPERATION_DONE : OPERATION_FAILED;
	if (err->code != 0)
		(void)text_copy(operation->error, sizeof(operation->error), err->text);
	else
		operation->done = operation->steps;
	settle(operation, lab, batch);
	lab_value_free(operation->before);
	operation->before = NULL;
	journal_put(operation, batch);
	if (store_write(ctl->store, batch, &store_err) < 0) {
		log_error("store", "%s", store_err.text); /* a restart does the operation's end again */
		holdings_not_written(ctl->holdings);
	}
	store_batch_free(batch);
	if (operation->state == OPERATION_DONE)
		events_add(ctl->events, name, NULL, operation->down ? "lab-down" : "lab-up", NULL, "%s", "");
	events_add(ctl->events, name, NULL, operation->state == OPERATION_DONE ? "operation-done" : "operation-failed",
		json_pack("{s:I}", "operation", (json_int_t)operation->id), "%s", operation->error);
	tell_waiters(operation);
	list_each (other, &ctl->operations, struct operation, node) {
		if (other->queued && strcmp(other->lab, name) == 0) {
			other->queued = false;
			start_down(other);
		}
	}
	idle_check(ctl);
}

static void operation_progress(void *context, size_t done, size_t total, const char *text)
{
	struct operation *operation = context;

	operation->done = done;
	operation->steps = total;
	events_add(operation->ctl->events, operation->lab, NULL, "step",
		json_pack("{s:I, s:I, s:I}", "operation", (json_int_t)operation->id, "done", (json_int_t)done, "steps", (json_int_t)total),
		"%s", text);
}

static void operation_done(void *context, const struct err *err) { operation_end(context, err); }

/* --- the beginning --- */

static void operation_start(
	struct operation *operation, const struct object_list *before, const struct object_list *after, enum apply_mode mode)
{
	operation->apply = apply_start(operation->ctl, &(struct apply_order){
							       .lab = operation->lab,
							       .before = before,
							       .after = after,
							       .mode = mode,
							       .wait = true,
							       .progress = operation_progress,
							       .done = operation_done,
							       .context = operation,
						       });
	operation->steps = apply_total(operation->apply);
}

/* A new operation of a lab, with what goes back to if it fails; the store's rows are in `batch`. */
static struct operation *operation_begin(struct ctl *ctl, struct ctl_lab *lab, bool down)
{
	struct operation *operation = operation_new(ctl, ctl->next_operation++, lab->name, down);

	if (lab->value != NULL)
		operation->before_row = xstrdup(lab->value->row);
	lab->operation = operation;
	return operation;
}

/* Writes the rows of an operation that begins; on failure it is as if it had never been. */
static int operation_write(struct operation *operation, struct store_batch *batch, struct err *err)
{
	struct ctl *ctl = operation->ctl;
	char next[24];
	int rc;

	(void)snprintf(next, sizeof(next), "%" PRIu64, ctl->next_operation);
	store_batch_put(batch, STORE_META, counter_key, next);
	journal_put(operation, batch);
	ids_save(ctl->ids, batch);
	forget_old(ctl, batch);
	rc = store_write(ctl->store, batch, err);
	store_batch_free(batch);
	return rc;
}

struct operation *operation_up(struct ctl *ctl, struct lab_value *value, struct err *err)
{
	const char *name = value->flat->name;
	struct ctl_lab *lab = labs_find(ctl, name);
	bool first = lab == NULL;
	struct store_batch *batch;
	struct operation *operation;
	struct object_list before;
	struct arena *arena;

	if (lab != NULL && lab->operation != NULL) {
		(void)err_set(err, -EBUSY, "operation %" PRIu64 " of lab \"%s\" still runs; wait for it, or weft down %s",
			lab->operation->id, name, name);
		return NULL;
	}
	lab = labs_add(ctl, name);
	operation = operation_begin(ctl, lab, false);
	batch = store_batch_new();
	store_batch_put(batch, STORE_LABS, name, value->row);
	holdings_add(ctl->holdings, value->assignment.holdings, value->assignment.holding_count, batch);
	for (size_t i = 0; i < value->assignment.cursor_count; i++)
		holdings_set_cursor(ctl->holdings, value->assignment.cursors[i].pool, value->assignment.cursors[i].value, batch);
	if (operation_write(operation, batch, err) < 0) {
		lab->operation = NULL;
		operation_free(operation);
		if (first) {
			batch = store_batch_new();
			holdings_drop(ctl->holdings, name, batch);
			store_batch_free(batch);
			labs_remove(ctl, lab);
		}
		holdings_not_written(ctl->holdings);
		return NULL;
	}
	operation->before = lab->value;
	lab->value = value;
	arena = arena_new(NULL);
	before = world_list(ctl->world, name, UINT32_MAX, arena);
	operation_start(operation, &before, &value->objects, APPLY_UNDO);
	arena_free(arena);
	return operation;
}

/* Everything that the world has of the lab goes. */
static void start_down(struct operation *operation)
{
	struct ctl *ctl = operation->ctl;
	struct ctl_lab *lab = labs_find(ctl, operation->lab);
	struct object_list nothing = {0}, before;
	struct arena *arena = arena_new(NULL);

	lab = lab ? lab : labs_add(ctl, operation->lab); /* the up that was cancelled was its first one */
	lab->operation = operation;
	before = world_list(ctl->world, operation->lab, UINT32_MAX, arena);
	/* An earlier `down` that got stuck has taken them out of the world already: ask again. */
	if (before.count == 0 && lab->value != NULL)
		before = lab->value->objects;
	operation_start(operation, &before, &nothing, APPLY_GO_ON);
	arena_free(arena);
}

struct operation *operation_down(struct ctl *ctl, struct ctl_lab *lab, struct err *err)
{
	struct operation *running = lab->operation, *operation;

	if (running != NULL && running->down)
		return running;
	operation = operation_begin(ctl, lab, true);
	if (operation_write(operation, store_batch_new(), err) < 0) {
		lab->operation = running;
		operation_free(operation);
		return NULL;
	}
	if (running == NULL) {
		start_down(operation);
		return operation;
	}
	operation->queued = true;
	lab->operation = running;
	apply_cancel(running->apply);
	return operation;
}

/* --- waiting for the end --- */

struct operation_waiter *operation_wait(struct operation *operation, void (*fire)(void *context), void *context)
{
	struct operation_waiter *waiter = xalloc(sizeof(*waiter));

	waiter->fire = fire;
	waiter->context = context;
	list_append(&operation->waiters, &waiter->node);
	return waiter;
}

void operation_ignore(struct operation_waiter *waiter)
{
	if (waiter == NULL)
		return;
	list_remove(&waiter->node);
	free(waiter);
}

/* --- after a restart --- */

static int load_lab(void *context, const char *key, const char *value)
{
	struct ctl *ctl = context;
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct lab_value *lab = lab_value_of_row(ctl, value, &diags);

	if (lab != NULL) {
		labs_add(ctl, key)->value = lab;
	} else { /* it was good once and its machines may run: its row stays, and nothing that runs is taken for unwanted */
		ctl->incomplete = true;
		log_error(key, "can't be read back: %s: %s", diags.count ? diags.list[0].path : "", diags.count ? diags.list[0].text : "");
	}
	arena_free(arena);
	return 0;
}

static int load_operation(void *context, const char *key, const char *value)
{
	struct ctl *ctl = context;
	json_t *row = json_loads(value, 0, NULL);
	const char *lab = json_string_value(json_object_get(row, "lab")), *state = json_string_value(json_object_get(row, "state"));
	const char *kind = json_string_value(json_object_get(row, "kind")), *error = json_string_value(json_object_get(row, "error"));
	const char *before = json_string_value(json_object_get(row, "before"));
	uint64_t id = strtoull(key, NULL, 10);
	struct operation *operation;

	if (lab != NULL && state != NULL && kind != NULL && strlen(lab) < NAME_BYTES) {
		operation = operation_new(ctl, id, lab, strcmp(kind, "down") == 0);
		operation->state = strcmp(state, "done") == 0	  ? OPERATION_DONE
				   : strcmp(state, "failed") == 0 ? OPERATION_FAILED
								  : OPERATION_RUNNING;
		operation->steps = (size_t)json_integer_value(json_object_get(row, "steps"));
		operation->done = (size_t)json_integer_value(json_object_get(row, "done"));
		operation->before_row = before ? xstrdup(before) : NULL;
		if (error != NULL)
			(void)text_copy(operation->error, sizeof(operation->error), error);
		if (id >= ctl->next_operation)
			ctl->next_operation = id + 1;
	}
	json_decref(row);
	return 0;
}

static int load_counter(void *context, const char *key, const char *value)
{
	struct ctl *ctl = context;
	uint64_t next = strtoull(value, NULL, 10);

	if (strcmp(key, counter_key) == 0 && next > ctl->next_operation)
		ctl->next_operation = next;
	return 0;
}

static void list_to_world(struct ctl *ctl, const struct object_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		world_set(ctl->world, &list->items[i]);
}

/* What ran when the process ended goes on: an up with the world as it is wanted, a down with nothing. */
static void resume(struct operation *operation)
{
	struct ctl *ctl = operation->ctl;
	struct ctl_lab *lab = labs_find(ctl, operation->lab);
	struct object_list nothing = {0};
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct operation *other;

	list_each (other, &ctl->operations, struct operation, node)
		if (other != operation && other->down && operation_runs(other) && strcmp(other->lab, operation->lab) == 0 &&
			!operation->down) {
			operation->state = OPERATION_FAILED; /* the down that ended it goes on instead */
			arena_free(arena);
			return;
		}
	if (lab == NULL)
		lab = labs_add(ctl, operation->lab);
	if (operation->before_row != NULL && !operation->down)
		operation->before = lab_value_of_row(ctl, operation->before_row, &diags);
	log_notice(operation->lab, "operation %" PRIu64 " goes on", operation->id);
	lab->operation = operation;
	operation_start(operation,
		operation->down	    ? (lab->value ? &lab->value->objects : &nothing)
		: operation->before ? &operation->before->objects
				    : &nothing,
		operation->down || lab->value == NULL ? &nothing : &lab->value->objects, operation->down ? APPLY_GO_ON : APPLY_RESUMED);
	arena_free(arena);
}

int operations_load(struct ctl *ctl, struct err *err)
{
	struct operation *operation;
	struct ctl_lab *lab;
	size_t cursor = 0;
	int rc;

	ctl->next_operation = 1;
	rc = store_each(ctl->store, STORE_LABS, "", load_lab, ctl, err);
	if (rc == 0)
		rc = store_each(ctl->store, STORE_OPERATIONS, "", load_operation, ctl, err);
	if (rc == 0)
		rc = store_each(ctl->store, STORE_META, counter_key, load_counter, ctl, err);
	if (rc < 0)
		return rc;
	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL)
		if (lab->value != NULL)
			list_to_world(ctl, &lab->value->objects);
	list_each (operation, &ctl->operations, struct operation, node)
		if (operation_runs(operation))
			resume(operation);
	return 0;
}

void operations_free(struct ctl *ctl)
{
	struct operation *operation;

	list_each (operation, &ctl->operations, struct operation, node)
		operation_free(operation);
}
