/*
 * Fuzz target: the body of PUT and POST /v1/plan, from any bytes to objects and a plan. Whatever a lab says, it is refused with errors or
 * becomes messages that their receivers accept, and a second time the very same ones.
 */
#include "base/check.h"
#include "ctl/labs.h"
#include "ctl/plan.h"
#include "ctl/steps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctl *ctl_once(void)
{
	static struct ctl ctl;

	if (ctl.store == NULL) {
		CHECK(store_open("memory", "", &ctl.store, NULL) == 0);
		CHECK(ids_load(ctl.store, &ctl.ids, NULL) == 0);
		ctl.holdings = holdings_new();
	}
	return &ctl;
}

static void check_objects(const struct object_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct message_row *row = message_row((uint16_t)object_type(list->items[i].kind)->set);

		CHECK(message_check(row, list->items[i].body, message_size(row, list->items[i].body), NULL) == 0);
		CHECK(i == 0 || object_compare(&list->items[i - 1], &list->items[i]) < 0);
	}
}

static void try_lab(struct ctl *ctl, const json_t *model, const json_t *files)
{
	struct arena *arena = arena_new(NULL);
	struct diags diags = {.arena = arena};
	struct lab_value *value = lab_value_new(ctl, model, files, 1, &diags), *again;
	struct store_batch *batch = store_batch_new();
	struct steps steps;
	size_t changes;

	if (value == NULL) {
		CHECK(diags.errors > 0);
	} else {
		check_objects(&value->objects);
		json_decref(plan_json(NULL, value, &changes));
		holdings_replace(ctl->holdings, value->flat->name, value->assignment.holdings, value->assignment.holding_count, 1, batch);
		again = lab_value_new(ctl, model, files, 1, &diags);
		CHECK(again != NULL);
		steps_between(arena, &value->objects, &again->objects, &steps);
		CHECK(steps.count == 0);
		ids_drop(ctl->ids, value->flat->name, batch);
		holdings_drop(ctl->holdings, value->flat->name, batch);
		lab_value_free(again);
	}
	lab_value_free(value);
	store_batch_free(batch);
	arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(json_object_get(body, "lab")))
		try_lab(ctl_once(), json_object_get(body, "lab"), NULL);
	json_decref(body);
	return 0;
}
