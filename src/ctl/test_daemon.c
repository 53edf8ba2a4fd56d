/* A ctl among fake processes. Long because the three fakes share their ends, orders and answers. */
#include "ctl/test_daemon.h"

#include "base/check.h"
#include "ctl/peers.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <curl/curl.h>

static uint64_t key_of(enum object_kind kind, uint32_t id) { return (uint64_t)kind << 32 | id; }

/* The kind whose SET or DEL a message is, OBJECT_KIND_COUNT for others. */
static enum object_kind kind_of(uint16_t type, bool *set)
{
	for (enum object_kind kind = 0; kind < OBJECT_KIND_COUNT; kind++) {
		*set = object_type(kind)->set == type;
		if (*set || object_type(kind)->del == type)
			return kind;
	}
	return OBJECT_KIND_COUNT;
}

static void map_clear(struct map *map)
{
	size_t cursor = 0;
	void *value;

	while ((value = map_next(map, &cursor, NULL, NULL)) != NULL)
		free(value);
	map_free(map);
}

/* --- the fakes --- */

static void vm_state(struct fake *fake, const struct msg_vm *vm, enum vm_state state, const char *reason)
{
	struct msg_vm_state message = {.id = vm->id, .state = (uint8_t)state, .waiting_ns = 5, .service_ns = 7, .turnaround_ns = 12};

	message.arrived_wall_ns = 1;
	(void)text_copy(message.path, sizeof(message.path), vm->path);
	(void)text_copy(message.reason, sizeof(message.reason), reason);
	(void)channel_send(fake->channel, MSG_VM_CHANGED, 0, &message, -1);
}

static void vm_run(struct fake *fake, const struct msg_vm *vm)
{
	vm_state(fake, vm, VM_STATE_WAITING, "");
	if (fake->vms_wait)
		return;
	vm_state(fake, vm, VM_STATE_STARTING, "");
	if (fake->vm_fails != NULL && strstr(vm->path, fake->vm_fails) != NULL)
		vm_state(fake, vm, VM_STATE_FAILED, "no memory");
	else
		vm_state(fake, vm, VM_STATE_RUNNING, "");
}

static void fake_set(struct fake *fake, enum object_kind kind, const struct message *message)
{
	void *body = xalloc(message->row->size), *old;
	struct msg_id id;

	memcpy(&id, message->body, sizeof(id)); /* every object starts with its id */
	memcpy(body, message->body, message->row->size);
	old = map_set(&fake->objects, key_of(kind, id.id), body);
	(void)map_remove(&fake->stale, key_of(kind, id.id));
	if (kind == OBJECT_VM) {
		const struct msg_vm *vm = body, *was = old;

		if (vm->run && (was == NULL || !was->run))
			vm_run(fake, vm);
		else if (vm->run && fake->syncing) /* it runs on, whoever else died */
			vm_state(fake, vm, VM_STATE_RUNNING, "");
		if (!vm->run && was != NULL && was->run)
			vm_state(fake, vm, VM_STATE_STOPPED, "");
	}
	free(old);
}

static void fake_del(struct fake *fake, enum object_kind kind, const struct message *message)
{
	const struct msg_id *id = message->body;

	free(map_remove(&fake->objects, key_of(kind, id->id)));
}

/* What the order is about, for rules by path. */
static const char *path_of(struct fake *fake, enum object_kind kind, const struct message *message)
{
	const struct msg_id *id = message->body;
	const struct object *object = fake->daemon->ctl ? world_find(fake->daemon->ctl->world, kind, id->id) : NULL;

	return object ? object->path : "";
}

static void fake_order(struct fake *fake, enum object_kind kind, bool set, const struct message *message)
{
	struct daemon *daemon = fake->daemon;
	struct err err = {0};

	fake->orders++;
	if (daemon->crash_in > 0 && --daemon->crash_in == 0) {
		daemon->crashed = true;
		loop_stop(daemon->process.loop);
	}
	if (fake->deaf)
		return;
	if (fake->refuse != NULL && set && strstr(path_of(fake, kind, message), fake->refuse) != NULL)
		(void)err_set(&err, -EIO, "refused by the test");
	else if (set)
		fake_set(fake, kind, message);
	else
		fake_del(fake, kind, message);
	channel_done(fake->channel, message->seq, &err);
}

static void fake_show(struct fake *fake, const struct message *message)
{
	const struct msg_show *show = message->body;
	size_t cursor = 0;
	uint64_t key;
	void *body;

	if (show->what == SHOW_VMS) {
		while (map_next(&fake->objects, &cursor, &key, NULL) != NULL) {
			struct msg_vm_state state = {.id = (uint32_t)key, .state = VM_STATE_RUNNING, .pid = 4711, .arrived_wall_ns = 1};

			state.waiting_ns = 1500000000;
			if (key >> 32 == OBJECT_VM)
				(void)channel_send(fake->channel, MSG_ROW_VM, message->seq, &state, -1);
		}
	} else if (show->what == SHOW_INTERFACES) {
		while ((body = map_next(&fake->objects, &cursor, &key, NULL)) != NULL) {
			struct row_interface row = {.id = (uint32_t)key, .is_router = key >> 32 == OBJECT_RIF};

			if (key >> 32 != OBJECT_RIF && key >> 32 != OBJECT_PORT)
				continue;
			row.mac = row.is_router ? ((const struct msg_rif *)body)->mac : ((const struct msg_port *)body)->mac;
			(void)channel_send(fake->channel, MSG_ROW_INTERFACE, message->seq, &row, -1);
		}
	} else if (show->what == SHOW_ROUTES) {
		while ((body = map_next(&fake->objects, &cursor, &key, NULL)) != NULL) {
			const struct msg_rif *rif = body;
			struct row_route row = {.nexthop_count = 1};

			if (key >> 32 != OBJECT_RIF || (show->object != 0 && rif->router != show->object))
				continue;
			row.router = rif->router;
			row.prefix = prefix_masked(rif->addresses[0]);
			row.nexthops[0].rif = rif->id;
			(void)channel_send(fake->channel, MSG_ROW_ROUTE, message->seq, &row, -1);
		}
	}
	channel_done(fake->channel, message->seq, NULL);
}

static void fake_sync(struct fake *fake, bool begin)
{
	size_t cursor = 0;
	uint64_t key;

	fake->syncing = begin;
	if (begin) {
		map_free(&fake->stale);
		while (map_next(&fake->objects, &cursor, &key, NULL) != NULL)
			(void)map_set(&fake->stale, key, fake);
		return;
	}
	while (map_next(&fake->stale, &cursor, &key, NULL) != NULL)
		free(map_remove(&fake->objects, key));
	map_free(&fake->stale);
}

static void fake_received(void *context, struct channel *channel, const struct message *message)
{
	struct fake *fake = context;
	uint16_t type = message->row->type;
	bool set;
	enum object_kind kind = kind_of(type, &set);

	if (kind < OBJECT_KIND_COUNT) {
		fake_order(fake, kind, set, message);
		return;
	}
	if (fake->deaf)
		return;
	if (type == MSG_SHOW) {
		fake_show(fake, message);
	} else if (type == MSG_CONSOLE_OPEN) {
		int ends[2];

		CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
		(void)channel_send(channel, MSG_OPENED, message->seq, NULL, ends[0]);
		(void)close(ends[0]);
		CHECK(write(ends[1], "hello from the guest\n", 21) == 21);
		(void)close(ends[1]);
	} else if (type == MSG_EXEC) {
		struct msg_exec_output output = {.exit_status = 3, .size = 6};

		memcpy(output.bytes, "out\n\xff\n", 6);
		(void)channel_send(channel, MSG_EXEC_OUTPUT, message->seq, &output, -1);
		channel_done(channel, message->seq, NULL);
	} else {
		if (type == MSG_SYNC_BEGIN || type == MSG_SYNC_END)
			fake_sync(fake, type == MSG_SYNC_BEGIN);
		channel_done(channel, message->seq, NULL);
	}
}

static void fake_closed(void *context, struct channel *channel)
{
	struct fake *fake = context;

	channel_free(channel);
	if (fake->channel == channel)
		fake->channel = NULL;
}

/* ctl's end. */
static void ctl_message(void *context, struct channel *channel, const struct message *message)
{
	struct daemon *daemon = context;

	if (message->row->type == MSG_SHUTDOWN) {
		daemon->ctl->ending = true;
		return;
	}
	for (enum process_id id = 0; id < PROCESS_COUNT; id++)
		if (daemon->process.peers[id] == channel && daemon->ctl != NULL)
			ctl_received(&daemon->process, id, message);
}

static void ctl_closed(void *context, struct channel *channel)
{
	struct daemon *daemon = context;

	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		if (daemon->process.peers[id] != channel)
			continue;
		daemon->process.peers[id] = NULL;
		channel_free(channel);
		if (daemon->ctl != NULL)
			peers_down(daemon->ctl, id);
	}
}

static void fake_connect(struct daemon *daemon, enum process_id id)
{
	struct fake *fake = &daemon->fakes[id];
	int ends[2];

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	fake->channel = channel_new(daemon->process.loop, ends[0], process_name(id), fake_received, fake_closed, fake);
	daemon->process.peers[id] = channel_new(daemon->process.loop, ends[1], process_name(id), ctl_message, ctl_closed, daemon);
	peers_up(daemon->ctl, id);
}

void fake_kill(struct daemon *daemon, enum process_id id)
{
	struct fake *fake = &daemon->fakes[id];

	channel_free(fake->channel);
	fake->channel = NULL;
	if (id != PROCESS_VM)
		map_clear(&fake->objects);
	daemon_run(daemon, 20);
}

void fake_start(struct daemon *daemon, enum process_id id) { fake_connect(daemon, id); }

/* --- the daemon --- */

static int listen_in(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)unlink(path);
	CHECK(text_copy(address.sun_path, sizeof(address.sun_path), path));
	CHECK(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 16) == 0);
	return fd;
}

void daemon_start(struct daemon *daemon)
{
	static const enum process_id peers[] = {PROCESS_SWITCH, PROCESS_ROUTE, PROCESS_VM};
	struct err err;

	daemon->crashed = false;
	if (ctl_new(&daemon->process, daemon->store, &daemon->settings, listen_in(daemon->socket), &daemon->ctl, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.text);
		abort();
	}
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		fake_connect(daemon, peers[i]);
}

void daemon_crash(struct daemon *daemon)
{
	struct ctl *ctl = daemon->ctl;

	daemon->ctl = NULL;
	daemon->crash_in = -1;
	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		struct channel *channel = daemon->process.peers[id];

		daemon->process.peers[id] = NULL;
		channel_free(channel);
		channel_free(daemon->fakes[id].channel);
		daemon->fakes[id].channel = NULL;
	}
	ctl_free(ctl);
}

struct daemon *daemon_new(const char *kind)
{
	struct daemon *daemon = xalloc(sizeof(*daemon));
	char path[96];
	struct err err;

	(void)snprintf(daemon->directory, sizeof(daemon->directory), "/tmp/weft-ctl-XXXXXX");
	CHECK(mkdtemp(daemon->directory) != NULL);
	(void)snprintf(daemon->socket, sizeof(daemon->socket), "%s/api.sock", daemon->directory);
	(void)snprintf(path, sizeof(path), "%s/weft.db", daemon->directory);
	CHECK(store_open(kind, path, &daemon->store, &err) == 0);
	daemon->settings = ctl_settings_default;
	daemon->crash_in = -1;
	daemon->process.loop = loop_new();
	for (enum process_id id = 0; id < PROCESS_COUNT; id++)
		daemon->fakes[id] = (struct fake){.daemon = daemon, .id = id};
	daemon_start(daemon);
	daemon_run(daemon, 20);
	return daemon;
}

void daemon_free(struct daemon *daemon)
{
	char path[96];

	daemon_crash(daemon);
	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		map_clear(&daemon->fakes[id].objects);
		map_free(&daemon->fakes[id].stale);
	}
	loop_free(daemon->process.loop);
	store_close(daemon->store);
	(void)unlink(daemon->socket);
	(void)snprintf(path, sizeof(path), "%s/weft.db", daemon->directory);
	(void)unlink(path);
	(void)rmdir(daemon->directory);
	free(daemon);
}

/* --- running --- */

struct until {
	struct daemon *daemon;
	bool (*test)(struct daemon *daemon, void *context);
	void *context;
	struct loop_timer *timer;
	struct instant deadline;
	bool met;
};

static void until_due(void *context, struct instant now)
{
	struct until *until = context;

	until->met = until->test != NULL && until->test(until->daemon, until->context);
	if (until->met || instant_reached(until->deadline, now))
		loop_stop(until->daemon->process.loop);
	else
		loop_timer_set(until->timer, instant_add(now, span_ms(2)));
}

bool daemon_until(struct daemon *daemon, bool (*test)(struct daemon *daemon, void *context), void *context, unsigned ms)
{
	struct loop *loop = daemon->process.loop;
	struct until until = {.daemon = daemon, .test = test, .context = context};

	until.timer = loop_timer_new(loop, until_due, &until);
	until.deadline = instant_add(clock_monotonic(), span_ms(ms));
	loop_timer_set(until.timer, loop_now(loop));
	loop_run(loop);
	loop_timer_free(until.timer);
	return until.met;
}

void daemon_run(struct daemon *daemon, unsigned ms) { (void)daemon_until(daemon, NULL, NULL, ms); }

/* --- asking --- */

struct asking {
	struct daemon *daemon;
	const char *method, *path, *body;
	struct text answer;
	long status;
	bool done;
};

static size_t answer_came(char *bytes, size_t size, size_t count, void *context)
{
	text_add_bytes(context, bytes, size * count);
	return size * count;
}

static void asking_done(void *context)
{
	struct asking *asking = context;

	asking->done = true;
	loop_stop(asking->daemon->process.loop);
}

static void *asking_run(void *context)
{
	struct asking *asking = context;
	CURL *curl = curl_easy_init();
	char url[512];

	(void)snprintf(url, sizeof(url), "http://weft%s", asking->path);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, asking->daemon->socket);
	(void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, asking->method);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, answer_came);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &asking->answer);
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	(void)curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	if (asking->body != NULL)
		(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, asking->body);
	if (curl_easy_perform(curl) != CURLE_OK || curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &asking->status) != CURLE_OK)
		asking->status = -1;
	curl_easy_cleanup(curl);
	loop_post(asking->daemon->process.loop, asking_done, asking);
	return NULL;
}

int ask(struct daemon *daemon, const char *method, const char *path, const char *body, json_t **answer)
{
	struct asking asking = {.daemon = daemon, .method = method, .path = path, .body = body};
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, asking_run, &asking) == 0);
	while (!asking.done) {
		loop_run(daemon->process.loop);
		if (daemon->crashed && daemon->ctl != NULL)
			daemon_crash(daemon);
	}
	CHECK(pthread_join(thread, NULL) == 0);
	if (answer != NULL)
		*answer = asking.answer.bytes ? json_loads(asking.answer.bytes, 0, NULL) : NULL;
	text_free(&asking.answer);
	return (int)asking.status;
}

int ask_json(struct daemon *daemon, const char *method, const char *path, json_t *body, json_t **answer)
{
	char *text = json_dumps(body, JSON_COMPACT);
	int status = ask(daemon, method, path, text, answer);

	free(text);
	json_decref(body);
	return status;
}

void operation_finish(struct daemon *daemon, json_int_t id, char state[16])
{
	char path[64];
	json_t *answer = NULL;

	(void)snprintf(path, sizeof(path), "/v1/operations/%lld?wait=10", (long long)id);
	state[0] = 0;
	if (ask(daemon, "GET", path, NULL, &answer) == 200)
		(void)text_copy(state, 16, json_string_value(json_object_get(answer, "state")));
	json_decref(answer);
}

bool fakes_agree(struct daemon *daemon)
{
	struct arena *arena = arena_new(NULL);
	bool agree = true;

	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		struct object_list list = world_list(daemon->ctl->world, NULL, 1u << id, arena);
		const struct map *objects = &daemon->fakes[id].objects;

		agree &= list.count == objects->used;
		for (size_t i = 0; i < list.count && agree; i++) {
			const void *body = map_get(objects, key_of(list.items[i].kind, list.items[i].id));

			agree = body != NULL && memcmp(body, list.items[i].body, object_type(list.items[i].kind)->size) == 0;
		}
	}
	arena_free(arena);
	return agree;
}
