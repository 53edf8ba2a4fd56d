/* Tests of ctl as a whole: requests over the socket, fake processes, crashes at every step. */
#include "base/check.h"
#include "base/log.h"
#include "base/rand.h"
#include "ctl/labs.h"
#include "ctl/test_daemon.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* The demo lab: two networks, two routers with a link, `count` machines in each network. */
static json_t *demo(const char *name, int count, const char *memory)
{
	json_t *body = json_pack("{s:{s:i, s:s, s:{s:{s:s, s:i}}, s:{s:{s:s, s:b}, s:{s:s, s:b}},"
				 " s:{s:{s:{s:s}, s:{}}, s:{s:{s:s}, s:{}}}, s:[{s:s, s:s, s:s}]}}",
		"lab", "version", 1, "name", name, "pools", "p2p", "ipv4", "10.255.0.0/24", "prefix", 31, "networks", "left", "ipv4",
		"10.1.0.0/24", "dhcp", 1, "right", "ipv4", "10.2.0.0/24", "dhcp", 1, "routers", "r1", "interfaces", "left", "left", "rip",
		"r2", "interfaces", "right", "right", "rip", "links", "from", "r1", "to", "r2", "pool", "p2p");
	json_t *vms = json_object();

	assert_non_null(body);
	for (int i = 0; i < 2 * count; i++) {
		char vm[16];

		(void)snprintf(vm, sizeof(vm), "h%d", i + 1);
		(void)json_object_set_new(vms, vm,
			json_pack("{s:s, s:s, s:[s]}", "image", "builtin:tiny", "memory", memory, "nics", i < count ? "left" : "right"));
	}
	if (count > 0)
		(void)json_object_set_new(json_object_get(body, "lab"), "vms", vms);
	else
		json_decref(vms);
	return body;
}

/* Puts a lab and waits for the end: "done", "failed", "" when there was nothing to do; *status gets that of the PUT. */
static void put(struct daemon *daemon, const char *name, json_t *body, int *status, char state[16])
{
	char path[64];
	json_t *answer = NULL;

	(void)snprintf(path, sizeof(path), "/v1/labs/%s", name);
	*status = ask_json(daemon, "PUT", path, body, &answer);
	state[0] = 0;
	if (*status == 202)
		operation_finish(daemon, json_integer_value(json_object_get(answer, "operation")), state);
	else if (*status != 200 && answer != NULL)
		print_message("%d %s\n", *status, json_string_value(json_object_get(answer, "detail")));
	json_decref(answer);
}

static void up(struct daemon *daemon, const char *name, int count)
{
	char state[16];
	int status;

	put(daemon, name, demo(name, count, "96M"), &status, state);
	assert_int_equal(status, 202);
	assert_string_equal(state, "done");
}

static void down(struct daemon *daemon, const char *name)
{
	char path[64], state[16];
	json_t *answer = NULL;

	(void)snprintf(path, sizeof(path), "/v1/labs/%s", name);
	assert_int_equal(ask(daemon, "DELETE", path, NULL, &answer), 202);
	operation_finish(daemon, json_integer_value(json_object_get(answer, "operation")), state);
	assert_string_equal(state, "done");
	json_decref(answer);
}

static int count_row(void *context, const char *key, const char *value)
{
	++*(int *)context;
	return 0;
}

static int rows_of(struct daemon *daemon, enum store_table table)
{
	int count = 0;

	assert_int_equal(store_each(daemon->store, table, "", count_row, &count, NULL), 0);
	return count;
}

/* Up, up again, a change, down: nothing stays. */
static void life_test(void **state)
{
	struct daemon *daemon = daemon_new("memory");
	json_t *answer = NULL;
	char word[16];
	int status;

	up(daemon, "demo", 2);
	assert_true(fakes_agree(daemon));
	assert_int_equal(daemon->fakes[PROCESS_VM].objects.used, 5); /* four machines and their queue */
	put(daemon, "demo", demo("demo", 2, "96M"), &status, word);
	assert_int_equal(status, 200);

	put(daemon, "demo", demo("demo", 2, "128M"), &status, word);
	assert_int_equal(status, 202);
	assert_string_equal(word, "done");
	assert_true(fakes_agree(daemon));
	assert_int_equal(ask(daemon, "GET", "/v1/labs", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(answer, 0), "state")), "running");
	json_decref(answer);

	assert_int_equal(ask(daemon, "GET", "/v1/labs/demo", NULL, &answer), 200);
	assert_non_null(json_object_get(json_object_get(answer, "flat"), "networks"));
	json_decref(answer);
	down(daemon, "demo");
	for (enum process_id id = 0; id < PROCESS_COUNT; id++)
		assert_int_equal(daemon->fakes[id].objects.used, 0);
	assert_int_equal(rows_of(daemon, STORE_LABS), 0);
	assert_int_equal(rows_of(daemon, STORE_IDS), 0);
	assert_int_equal(rows_of(daemon, STORE_HOLDINGS), 0);
	daemon_free(daemon);
}

/* A refusal in the middle, or a machine that fails, leaves the lab as it was. */
static void undo_test(void **state)
{
	static const struct {
		enum process_id who;
		const char *refuse, *vm_fails;
	} rows[] = {
		{PROCESS_SWITCH, "demo/h5", NULL},
		{PROCESS_ROUTE, "demo/r1:left", NULL},
		{PROCESS_VM, "demo/h6", NULL},
		{PROCESS_VM, NULL, "demo/h5"},
	};
	struct daemon *daemon = daemon_new("memory");
	char word[16];
	int status;

	for (size_t i = 0; i < COUNT_OF(rows); i++) { /* the first time there is nothing to go back to */
		struct fake *fake = &daemon->fakes[rows[i].who];

		fake->refuse = rows[i].refuse;
		fake->vm_fails = rows[i].vm_fails;
		put(daemon, "demo", demo("demo", 3, "96M"), &status, word);
		assert_int_equal(status, 202);
		assert_string_equal(word, "failed");
		assert_true(fakes_agree(daemon));
		assert_int_equal(daemon->fakes[PROCESS_VM].objects.used, 0);
		assert_int_equal(rows_of(daemon, STORE_LABS), 0);
		fake->refuse = fake->vm_fails = NULL;
	}
	up(daemon, "demo", 2);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fake *fake = &daemon->fakes[rows[i].who];

		if (rows[i].who == PROCESS_ROUTE)
			continue;
		fake->refuse = rows[i].refuse;
		fake->vm_fails = rows[i].vm_fails;
		put(daemon, "demo", demo("demo", 3, "96M"), &status, word);
		assert_string_equal(word, "failed");
		fake->refuse = fake->vm_fails = NULL;
		assert_true(fakes_agree(daemon));
		assert_int_equal(daemon->fakes[PROCESS_VM].objects.used, 5);
		put(daemon, "demo", demo("demo", 2, "96M"), &status, word);
		assert_int_equal(status, 200); /* it is as it was */
	}
	daemon_free(daemon);
}

static bool agree_now(struct daemon *daemon, void *context) { return list_empty(&daemon->ctl->applies) && fakes_agree(daemon); }

/* ctl dies at every single order of an `up` that changes a lab: after its restart the lab is one of the two, and all agree. */
static void crash_test(void **state)
{
	bool more = true;

	for (int at = 1; more; at++) {
		struct daemon *daemon = daemon_new("memory");
		size_t vms;
		json_t *answer = NULL;

		up(daemon, "demo", 1);
		daemon->crash_in = at;
		(void)ask_json(daemon, "PUT", "/v1/labs/demo", demo("demo", 2, "128M"), &answer);
		if (!daemon->crashed)
			daemon_run(daemon, 30);
		more = daemon->crashed;
		if (daemon->crashed) {
			if (daemon->ctl != NULL)
				daemon_crash(daemon);
			daemon_start(daemon);
		}
		assert_true(daemon_until(daemon, agree_now, NULL, 3000));
		vms = daemon->fakes[PROCESS_VM].objects.used - 1;
		assert_int_equal(vms, 4); /* it was acknowledged, so it goes forward */
		assert_string_equal(lab_state(labs_find(daemon->ctl, "demo")), "running");
		json_decref(answer);
		daemon_free(daemon);
		assert_true(at < 200);
	}
}

/* The same with a `down`, and with a failure after the restart that leads back. */
static void crash_more_test(void **state)
{
	struct daemon *daemon = daemon_new("sqlite");

	up(daemon, "demo", 2);
	daemon->crash_in = 3;
	(void)ask(daemon, "DELETE", "/v1/labs/demo", NULL, NULL);
	daemon_run(daemon, 50);
	assert_true(daemon->crashed);
	if (daemon->ctl != NULL)
		daemon_crash(daemon);
	daemon_start(daemon);
	assert_true(daemon_until(daemon, agree_now, NULL, 3000));
	assert_int_equal(daemon->ctl->labs.used, 0);
	assert_int_equal(daemon->fakes[PROCESS_VM].objects.used, 0);

	up(daemon, "demo", 1);
	daemon->crash_in = 4;
	(void)ask_json(daemon, "PUT", "/v1/labs/demo", demo("demo", 2, "96M"), NULL);
	daemon_run(daemon, 50);
	assert_true(daemon->crashed);
	if (daemon->ctl != NULL)
		daemon_crash(daemon);
	daemon->fakes[PROCESS_VM].vm_fails = "demo/h4";
	daemon_start(daemon);
	assert_true(daemon_until(daemon, agree_now, NULL, 3000));
	assert_int_equal(daemon->fakes[PROCESS_VM].objects.used, 3); /* what was before */
	daemon_free(daemon);
}

/* Each process dies and comes back, at rest and in the middle of a change: it gets the world, the change ends. */
static void peers_test(void **state)
{
	static const enum process_id who[] = {PROCESS_SWITCH, PROCESS_ROUTE, PROCESS_VM};
	struct daemon *daemon = daemon_new("memory");
	json_t *answer = NULL;
	char word[16];

	up(daemon, "demo", 1);
	for (size_t i = 0; i < COUNT_OF(who); i++) {
		fake_kill(daemon, who[i]);
		fake_start(daemon, who[i]);
		assert_true(daemon_until(daemon, agree_now, NULL, 2000));
		fake_kill(daemon, who[i]);
		assert_int_equal(ask_json(daemon, "PUT", "/v1/labs/demo", demo("demo", 2 + (int)i, "96M"), &answer), 202);
		daemon_run(daemon, 20);
		if (who[i] != PROCESS_ROUTE) /* which has nothing to do with machines */
			assert_false(list_empty(&daemon->ctl->applies));
		fake_start(daemon, who[i]);
		operation_finish(daemon, json_integer_value(json_object_get(answer, "operation")), word);
		assert_string_equal(word, "done");
		assert_true(fakes_agree(daemon));
		json_decref(answer);
	}
	/* One that stays away: the change is undone after a while. */
	daemon->ctl->settings.peer_timeout = span_ms(50);
	fake_kill(daemon, PROCESS_SWITCH);
	assert_int_equal(ask_json(daemon, "PUT", "/v1/labs/demo", demo("demo", 1, "96M"), &answer), 202);
	operation_finish(daemon, json_integer_value(json_object_get(answer, "operation")), word);
	assert_string_equal(word, "failed");
	json_decref(answer);
	fake_start(daemon, PROCESS_SWITCH);
	assert_true(daemon_until(daemon, agree_now, NULL, 2000));
	assert_int_equal(daemon->fakes[PROCESS_VM].objects.used, 9);
	daemon_free(daemon);
}

/* A `down` ends an `up` that waits for machines. */
static void cancel_test(void **state)
{
	struct daemon *daemon = daemon_new("memory");
	json_t *answer = NULL, *second = NULL;
	char word[16];

	daemon->fakes[PROCESS_VM].vms_wait = true;
	assert_int_equal(ask_json(daemon, "PUT", "/v1/labs/demo", demo("demo", 1, "96M"), &answer), 202);
	daemon_run(daemon, 30);
	assert_int_equal(ask_json(daemon, "PUT", "/v1/labs/demo", demo("demo", 2, "96M"), NULL), 409);
	assert_int_equal(ask(daemon, "DELETE", "/v1/labs/demo", NULL, &second), 202);
	operation_finish(daemon, json_integer_value(json_object_get(second, "operation")), word);
	assert_string_equal(word, "done");
	operation_finish(daemon, json_integer_value(json_object_get(answer, "operation")), word);
	assert_string_equal(word, "failed");
	for (enum process_id id = 0; id < PROCESS_COUNT; id++)
		assert_int_equal(daemon->fakes[id].objects.used, 0);
	assert_int_equal(rows_of(daemon, STORE_LABS), 0);
	json_decref(answer);
	json_decref(second);
	daemon_free(daemon);
}

/* Links and machines switched by command keep their state over a restart and over another `up`. */
static void switched_test(void **state)
{
	struct daemon *daemon = daemon_new("memory");
	const struct object *link, *vm;
	char word[16];
	int status;

	up(daemon, "demo", 1);
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/links/r1:r2/down", "", NULL), 200);
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/vms/h1/stop", "", NULL), 200);
	daemon_crash(daemon);
	daemon_start(daemon);
	assert_true(daemon_until(daemon, agree_now, NULL, 2000));
	put(daemon, "demo", demo("demo", 2, "96M"), &status, word);
	assert_string_equal(word, "done");
	link = world_find_path(daemon->ctl->world, OBJECT_NETWORK, "demo/r1:r2");
	vm = world_find_path(daemon->ctl->world, OBJECT_VM, "demo/h1");
	assert_non_null(link);
	assert_false(((const struct msg_network *)link->body)->up);
	assert_false(((const struct msg_vm *)vm->body)->run);
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/links/r1%3Ar2/up", "", NULL), 200);
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/vms/h1/start", "", NULL), 200);
	vm = world_find_path(daemon->ctl->world, OBJECT_VM, "demo/h1");
	assert_true(((const struct msg_vm *)vm->body)->run);
	assert_true(fakes_agree(daemon));
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/links/r1:r3/up", "", NULL), 404);
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/links/r1:r2/sideways", "", NULL), 404);
	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/vms/h9/start", "", NULL), 404);
	daemon_free(daemon);
}

/* Which pools there are, who holds a number, and what nobody holds. */
static void pools_are_shown(struct daemon *daemon)
{
	json_t *answer, *row;
	bool seen = false;
	size_t i;

	assert_int_equal(ask(daemon, "GET", "/v1/pools", NULL, &answer), 200);
	json_array_foreach(answer, i, row)
	{
		if (strcmp(json_string_value(json_object_get(row, "pool")), "demo/network/left") != 0)
			continue;
		seen = true;
		assert_string_equal(json_string_value(json_object_get(row, "name")), "left");
		assert_string_equal(json_string_value(json_object_get(row, "gives")), "addresses");
		assert_int_equal(json_integer_value(json_object_get(row, "size")), 256);
		assert_int_not_equal(json_integer_value(json_object_get(row, "held")), 0);
		assert_int_equal(json_integer_value(json_object_get(row, "released")), 0);
	}
	assert_true(seen);
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/holdings?lab=demo&pool=left&value=10.1.0.11", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 1);
	row = json_array_get(answer, 0);
	assert_string_equal(json_string_value(json_object_get(row, "owner")), "demo/h1:eth0");
	assert_string_equal(json_string_value(json_object_get(row, "state")), "held");
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/holdings?value=192.0.2.1", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 0);
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/holdings?pool=nope", NULL, NULL), 404);
	assert_int_equal(ask(daemon, "GET", "/v1/pools?lab=nope", NULL, NULL), 404);
}

static const char *detail(const json_t *answer) { return json_string_value(json_object_get(answer, "detail")); }

/* A check of the pools finds so many problems; the first contains `text`. */
static void check_finds(struct daemon *daemon, size_t problems, const char *text)
{
	json_t *answer, *list;

	assert_int_equal(ask(daemon, "GET", "/v1/pools/check", NULL, &answer), 200);
	list = json_object_get(answer, "problems");
	assert_int_equal(json_array_size(list), problems);
	assert_true(json_is_true(json_object_get(answer, "switch_asked")));
	assert_int_not_equal(json_integer_value(json_object_get(answer, "checked")), 0);
	if (problems > 0)
		assert_non_null(strstr(json_string_value(json_array_get(list, 0)), text));
	json_decref(answer);
}

static void reserve_says(struct daemon *daemon, const char *what, const char *pool, const char *value, int status, const char *text)
{
	char path[32];
	json_t *answer;

	(void)snprintf(path, sizeof(path), "/v1/pools/%s", what);
	assert_int_equal(
		ask_json(daemon, "POST", path, json_pack("{s:s, s:s, s:s}", "pool", pool, "value", value, "note", "printer"), &answer),
		status);
	if (text != NULL)
		assert_non_null(strstr(detail(answer), text));
	json_decref(answer);
}

/* Numbers reserved by command: nobody gets them, over restarts, until they are given back. */
static void reserve_test(void **state)
{
	struct daemon *daemon = daemon_new("sqlite");
	json_t *answer, *row;

	up(daemon, "demo", 1);
	reserve_says(daemon, "reserve", "left", "10.1.0.12", 200, NULL);
	reserve_says(daemon, "reserve", "left", "10.1.0.12", 409, "reserved already");
	reserve_says(daemon, "reserve", "left", "10.1.0.11", 409, "held by demo/h1:eth0");
	reserve_says(daemon, "reserve", "left", "10.9.0.1", 422, "none of the addresses");
	reserve_says(daemon, "reserve", "nowhere", "10.9.0.1", 404, "no pool named");
	reserve_says(daemon, "release", "left", "10.1.0.11", 409, "take that out");
	reserve_says(daemon, "release", "left", "10.1.0.13", 404, "it is free");
	reserve_says(daemon, "reserve", "p2p", "10.255.0.2/31", 200, NULL);
	reserve_says(daemon, "reserve", "p2p", "10.255.0.3/31", 422, NULL);
	reserve_says(daemon, "reserve", "macs", "52:54:00:12:34:56", 200, NULL);
	daemon_crash(daemon);
	daemon_start(daemon);
	assert_true(daemon_until(daemon, agree_now, NULL, 2000));
	check_finds(daemon, 0, NULL);
	assert_int_equal(ask(daemon, "GET", "/v1/holdings?value=10.1.0.12", NULL, &answer), 200);
	row = json_array_get(answer, 0);
	assert_string_equal(json_string_value(json_object_get(row, "owner")), "printer");
	assert_string_equal(json_string_value(json_object_get(row, "state")), "reserved");
	assert_non_null(json_string_value(json_object_get(row, "since")));
	json_decref(answer);
	reserve_says(daemon, "release", "left", "10.1.0.12", 200, NULL);
	assert_int_equal(ask(daemon, "GET", "/v1/holdings?value=10.1.0.12", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 0);
	json_decref(answer);
	daemon_free(daemon);
}

/* A holding of nobody is found, one that is twice, and one that the store has lost. */
static void pool_check_test(void **state)
{
	struct daemon *daemon = daemon_new("memory");
	struct holding stray = {.pool = "demo/network/left", .owner = "demo/h9:eth0", .value = 0x0a010063, .since_wall_ns = 1};
	struct store_batch *batch = store_batch_new();

	up(daemon, "demo", 1);
	up(daemon, "other", 1);
	check_finds(daemon, 0, NULL);
	holdings_add(daemon->ctl->holdings, &stray, 1, batch);
	check_finds(daemon, 2, "demo/h9:eth0, which is not in its lab");
	assert_int_equal(store_write(daemon->store, batch, NULL), 0);
	check_finds(daemon, 1, "demo/h9:eth0, which is not in its lab");
	stray.value = 0x0a01000b;
	holdings_add(daemon->ctl->holdings, &stray, 1, batch);
	check_finds(daemon, 3, "10.1.0.11 is held by demo/h1:eth0 and by demo/h9:eth0");
	assert_true(holdings_forget(daemon->ctl->holdings, stray.pool, stray.owner, batch));
	assert_int_equal(store_write(daemon->store, batch, NULL), 0);
	check_finds(daemon, 0, NULL);
	store_batch_free(batch);
	daemon_free(daemon);
}

/* What many machines would draw on, and what runs out first. */
static void pool_plan_test(void **state)
{
	struct daemon *daemon = daemon_new("memory");
	json_t *answer;

	up(daemon, "demo", 1);
	assert_int_equal(ask(daemon, "GET", "/v1/pools/plan?vms=500&nics=3&memory=16&available=1000000", NULL, &answer), 200);
	assert_int_equal(json_integer_value(json_object_get(answer, "interfaces")), 1500);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "first")), "addresses of "));
	assert_true(json_is_false(json_object_get(answer, "enough")));
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/pools/plan?vms=10&nics=2&memory=16&available=1000000", NULL, &answer), 200);
	assert_true(json_is_true(json_object_get(answer, "enough")));
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/pools/plan?vms=0", NULL, NULL), 400);
	assert_int_equal(ask(daemon, "GET", "/v1/pools/plan?nics=17", NULL, NULL), 400);
	assert_int_equal(ask(daemon, "GET", "/v1/pools/plan?lab=nope", NULL, NULL), 404);
	daemon_free(daemon);
}

/* What is shown: rows with names, machines, events, the version. */
static void show_test(void **state)
{
	struct daemon *daemon = daemon_new("memory");
	json_t *answer = NULL, *row;
	size_t i;

	up(daemon, "demo", 1);
	up(daemon, "other", 1);
	assert_int_equal(ask(daemon, "GET", "/v1/show/route?lab=demo&router=r1", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 2);
	json_array_foreach(answer, i, row)
	{
		assert_string_equal(json_string_value(json_object_get(row, "router")), "r1");
		assert_string_equal(json_string_value(json_object_get(row, "lab")), "demo");
		assert_int_equal(
			strncmp(json_string_value(json_object_get(json_array_get(json_object_get(row, "nexthops"), 0), "rif")), "r1:", 3),
			0);
	}
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/show/route", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 8);
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/show/route?router=r1", NULL, NULL), 409);
	assert_int_equal(ask(daemon, "GET", "/v1/show/route?router=r7", NULL, NULL), 404);
	assert_int_equal(ask(daemon, "GET", "/v1/show/weather", NULL, NULL), 404);
	assert_int_equal(ask(daemon, "GET", "/v1/show/route?lab=demmo", NULL, &answer), 404);
	assert_non_null(strstr(json_string_value(json_object_get(answer, "detail")), "did you mean \"demo\""));
	json_decref(answer);

	assert_int_equal(ask(daemon, "GET", "/v1/labs/demo/vms", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 2);
	row = json_array_get(answer, 0);
	assert_string_equal(json_string_value(json_object_get(row, "name")), "h1");
	assert_string_equal(json_string_value(json_object_get(row, "state")), "running");
	assert_true(json_real_value(json_object_get(row, "waiting_s")) == 1.5);
	row = json_array_get(json_object_get(row, "nics"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "ipv4")), "10.1.0.11");
	assert_string_equal(json_string_value(json_object_get(row, "network")), "left");
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/vms", NULL, &answer), 200);
	assert_int_equal(json_array_size(answer), 4);
	json_decref(answer);
	pools_are_shown(daemon);
	assert_int_equal(ask(daemon, "GET", "/v1/version", NULL, &answer), 200);
	assert_non_null(json_string_value(json_object_get(answer, "virtualization")));
	json_decref(answer);
	assert_int_equal(ask(daemon, "GET", "/v1/events?once=1", NULL, &answer), 200);
	assert_true(json_array_size(answer) > 20);
	json_decref(answer);

	assert_int_equal(ask(daemon, "POST", "/v1/labs/demo/vms/h1/exec", "{\"command\":\"true\"}", &answer), 200);
	assert_int_equal(json_integer_value(json_object_get(answer, "exit_status")), 3);
	assert_string_equal(json_string_value(json_object_get(answer, "output")), "out\n\xef\xbf\xbd\n");
	json_decref(answer);
	fake_kill(daemon, PROCESS_ROUTE);
	assert_int_equal(ask(daemon, "GET", "/v1/show/route", NULL, NULL), 503);
	daemon_free(daemon);
}

static unsigned count_events(struct daemon *daemon, const char *word)
{
	json_t *events = NULL, *event;
	unsigned count = 0;
	size_t i;

	assert_int_equal(ask(daemon, "GET", "/v1/events?once=1", NULL, &events), 200);
	json_array_foreach(events, i, event) count += strcmp(json_string_value(json_object_get(event, "event")), word) == 0;
	json_decref(events);
	return count;
}

static void assert_nic(struct daemon *daemon, const char *state, bool leased)
{
	json_t *answer = NULL, *nic;

	assert_int_equal(ask(daemon, "GET", "/v1/labs/demo/vms", NULL, &answer), 200);
	nic = json_array_get(json_object_get(json_array_get(answer, 0), "nics"), 0);
	assert_string_equal(json_string_value(json_object_get(nic, "state")), state);
	assert_int_equal(json_is_true(json_object_get(nic, "leased")), leased);
	json_decref(answer);
}

/* What the switch reports of ports: told once each, and that a NIC has its address is known after a restart, too. */
static void ports_test(void **state)
{
	struct daemon *daemon = daemon_new("sqlite");
	const struct object *port;
	struct msg_port_state up_state = {.state = PORT_STATE_UP};
	struct msg_leased leased = {.ip = ip_from_u32(0x0a01000b)};
	struct msg_limit limit = {.limit = "macs_per_port", .path = "demo/h1:eth0", .value = 8};

	up(daemon, "demo", 1);
	port = world_find_path(daemon->ctl->world, OBJECT_PORT, "demo/h1:eth0");
	up_state.port = leased.port = port->id;
	assert_nic(daemon, "down", false);
	for (int i = 0; i < 2; i++) {
		(void)channel_send(daemon->fakes[PROCESS_SWITCH].channel, MSG_PORT_CHANGED, 0, &up_state, -1);
		(void)channel_send(daemon->fakes[PROCESS_SWITCH].channel, MSG_LEASED, 0, &leased, -1);
	}
	(void)channel_send(daemon->fakes[PROCESS_SWITCH].channel, MSG_LIMIT_REACHED, 0, &limit, -1);
	daemon_run(daemon, 30);
	assert_nic(daemon, "up", true);
	assert_int_equal(count_events(daemon, "leased"), 1);
	assert_int_equal(count_events(daemon, "port-up"), 1);
	assert_int_equal(count_events(daemon, "limit-reached"), 1);
	daemon_crash(daemon);
	daemon_start(daemon);
	assert_true(daemon_until(daemon, agree_now, NULL, 2000));
	assert_nic(daemon, "down", true); /* the port says nothing yet */
	daemon_free(daemon);
}

/* Hostile and wrong requests: a status that fits, and nothing changes. */
static void bad_requests_test(void **state)
{
	static const struct {
		const char *method, *path, *body;
		int status;
	} rows[] = {
		{"GET", "/", NULL, 404},
		{"GET", "/v1", NULL, 404},
		{"GET", "/v1/labs/", NULL, 404},
		{"GET", "/v1/labs/none", NULL, 404},
		{"GET", "/v1/labs/a%2Fb", NULL, 404},
		{"GET", "/v1/labs/a%00b", NULL, 404},
		{"GET", "/v1/labs/%zz", NULL, 404},
		{"POST", "/v1/labs", "{}", 405},
		{"DELETE", "/v1/labs/none", NULL, 404},
		{"GET", "/v1/operations/1", NULL, 404},
		{"GET", "/v1/operations/x", NULL, 404},
		{"POST", "/v1/plan", "", 400},
		{"POST", "/v1/plan", "[]", 400},
		{"POST", "/v1/plan", "{", 400},
		{"POST", "/v1/plan", "{}", 400},
		{"POST", "/v1/plan", "{\"lab\": 1}", 400},
		{"POST", "/v1/plan", "{\"lab\": {}}", 422},
		{"POST", "/v1/plan", "{\"lab\": {\"version\": 1, \"name\": \"a\"}, \"files\": []}", 400},
		{"POST", "/v1/plan", "{\"lab\": {\"version\": 1, \"name\": \"a\"}, \"files\": {\"x\": \"../etc\"}}", 400},
		{"POST", "/v1/plan", "{\"lab\": {\"version\": 1, \"name\": \"a\", \"networks\": {\"n\": {\"ipv4\": \"10.0.0.0/33\"}}}}",
			422},
		{"PUT", "/v1/labs/b", "{\"lab\": {\"version\": 1, \"name\": \"a\"}}", 400},
		{"PUT", "/v1/labs/a", "{\"lab\": {\"version\": 1, \"name\": \"a\", \"bogus\": 1}}", 422},
	};
	struct daemon *daemon = daemon_new("memory");
	char *large = xalloc((9u << 20) + 1);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		json_t *answer = NULL;
		int status = ask(daemon, rows[i].method, rows[i].path, rows[i].body, &answer);

		if (status != rows[i].status)
			fail_msg("%s %s %s: %d, not %d", rows[i].method, rows[i].path, rows[i].body, status, rows[i].status);
		assert_int_equal(json_integer_value(json_object_get(answer, "status")), status);
		json_decref(answer);
	}
	memset(large, '[', 9u << 20);
	assert_int_equal(ask(daemon, "POST", "/v1/plan", large, NULL), 413);
	large[8000000] = 0;
	assert_int_equal(ask(daemon, "POST", "/v1/plan", large, NULL), 400);
	free(large);
	assert_int_equal(rows_of(daemon, STORE_IDS), 0);
	assert_int_equal(rows_of(daemon, STORE_LABS), 0);
	daemon_free(daemon);
}

/* A client that upgrades gets the guest's bytes; its connection ends with the line. */
static void console_test(void **state)
{
	static const char request[] = "GET /v1/labs/demo/vms/h1/console HTTP/1.1\r\nHost: weft\r\nConnection: Upgrade\r\n"
				      "Upgrade: weft-console\r\n\r\nkeys";
	struct daemon *daemon = daemon_new("memory");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char answer[1024] = "";
	size_t used = 0;
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	up(daemon, "demo", 1);
	assert_true(text_copy(address.sun_path, sizeof(address.sun_path), daemon->socket));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	daemon_run(daemon, 100);
	while ((n = recv(fd, answer + used, sizeof(answer) - 1 - used, MSG_DONTWAIT)) > 0)
		used += (size_t)n;
	assert_int_equal(n, 0); /* the line's end is ours */
	assert_non_null(strstr(answer, "101 Switching Protocols"));
	assert_non_null(strstr(answer, "hello from the guest\n"));
	(void)close(fd);
	assert_int_equal(ask(daemon, "GET", "/v1/labs/demo/vms/h1/console", NULL, NULL), 400);
	daemon_free(daemon);
}

/* A stream of events: what happens comes at once, as the protocol has it; a listener that goes is noticed. */
static void stream_test(void **state)
{
	static const char request[] = "GET /v1/events?since=1 HTTP/1.1\r\nHost: weft\r\n\r\n";
	struct daemon *daemon = daemon_new("memory");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static char answer[65536];
	size_t used = 0;
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(text_copy(address.sun_path, sizeof(address.sun_path), daemon->socket));
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	daemon_run(daemon, 30);
	up(daemon, "demo", 1);
	daemon_run(daemon, 30);
	while ((n = recv(fd, answer + used, sizeof(answer) - 1 - used, MSG_DONTWAIT)) > 0)
		used += (size_t)n;
	answer[used] = 0;
	assert_non_null(strstr(answer, "Content-Type: text/event-stream"));
	assert_non_null(strstr(answer, "id: 1\ndata: {\"seq\":1,"));
	assert_non_null(strstr(answer, "\"event\":\"vm-running\""));
	assert_non_null(strstr(answer, "\"event\":\"operation-done\""));
	assert_int_equal(http_counts(daemon->ctl->http).connections, 1);
	(void)close(fd);
	daemon_run(daemon, 30);
	assert_int_equal(http_counts(daemon->ctl->http).connections, 0);
	daemon_free(daemon);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(life_test),
		cmocka_unit_test(undo_test),
		cmocka_unit_test(crash_test),
		cmocka_unit_test(crash_more_test),
		cmocka_unit_test(peers_test),
		cmocka_unit_test(cancel_test),
		cmocka_unit_test(switched_test),
		cmocka_unit_test(show_test),
		cmocka_unit_test(reserve_test),
		cmocka_unit_test(pool_check_test),
		cmocka_unit_test(pool_plan_test),
		cmocka_unit_test(ports_test),
		cmocka_unit_test(bad_requests_test),
		cmocka_unit_test(console_test),
		cmocka_unit_test(stream_test),
	};

	if (getenv("WEFT_LOG") == NULL)
		log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
