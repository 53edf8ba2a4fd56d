/* Tests of what is kept of machines that ran: a row for each run, the same end once, the oldest go, a store brings them back. */
#include "ctl/history.h"

#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct loop *loop;
static struct store *store;

static int set_up(void **state)
{
	loop = loop_new();
	return store_open("memory", "", &store, NULL);
}

static int tear_down(void **state)
{
	store_close(store);
	loop_free(loop);
	return 0;
}

static struct history *load(void)
{
	struct history *history = NULL;

	assert_int_equal(history_load(loop, store, &history, NULL), 0);
	return history;
}

static struct msg_vm_state end_of(const char *path, int64_t arrived_ns, enum vm_state how)
{
	struct msg_vm_state state = {
		.state = (uint8_t)how, .arrived_wall_ns = arrived_ns, .waiting_ns = 1500000001, .service_ns = 2000000000};

	state.turnaround_ns = state.waiting_ns + state.service_ns;
	(void)text_copy(state.path, sizeof(state.path), path);
	return state;
}

static size_t count(const struct history *history, const char *lab)
{
	json_t *list = history_json(history, lab);
	size_t size = json_array_size(list);

	json_decref(list);
	return size;
}

static void a_run_is_one_row(void **state)
{
	struct history *history = load();
	struct msg_vm_state a = end_of("demo/a", 1000, VM_STATE_STOPPED), b = end_of("other/b", 2000, VM_STATE_FAILED);
	json_t *list;

	history_note(history, &a);
	history_note(history, &a);
	history_note(history, &b);
	b.state = VM_STATE_RUNNING;
	b.arrived_wall_ns = 3000;
	history_note(history, &b); /* it hasn't ended */
	b.state = VM_STATE_STOPPED;
	b.service_ns = 0;
	history_note(history, &b); /* it never ran */
	assert_int_equal(count(history, NULL), 2);
	assert_int_equal(count(history, "demo"), 1);
	assert_int_equal(count(history, "none"), 0);
	list = history_json(history, "demo");
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "name")), "a");
	assert_true(json_real_value(json_object_get(json_array_get(list, 0), "turnaround_s")) == 3.500000001);
	json_decref(list);
	history_free(history);

	/* A store brings them back, and with them what is known already. */
	history = load();
	history_note(history, &a);
	assert_int_equal(count(history, NULL), 2);
	history_free(history);
}

static void the_oldest_go(void **state)
{
	struct history *history = load();
	json_t *list;

	for (int i = 0; i < HISTORY_KEPT + 5; i++) {
		struct msg_vm_state one = end_of("demo/many", 10000 + i, VM_STATE_STOPPED);

		history_note(history, &one);
	}
	history_free(history);
	history = load();
	assert_int_equal(count(history, NULL), HISTORY_KEPT);
	list = history_json(history, NULL);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "arrived_ns")), 10005);
	json_decref(list);
	history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_run_is_one_row), cmocka_unit_test(the_oldest_go)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
