/*
 * The process ctl: the mind of the daemon.
 *
 * Theory of operation. ctl holds what is wanted: labs in the store, their objects in the world (world.h), and brings it to the processes
 * that do it (peers.h, apply.h). It does nothing itself to any packet or machine. Clients speak with it through the API (api.h). It is one
 * thread in one loop; what it knows of how things are comes as events from the others and is forgotten when it ends. A crash at any moment
 * loses nothing: the store is read, the world is made from it, every process gets it, and an operation that ran goes on.
 */
#include "ctl/ctl.h"

#include "base/check.h"
#include "base/log.h"
#include "base/rand.h"
#include "ctl/api.h"
#include "ctl/apply.h"
#include "ctl/ctl_parts.h"
#include "ctl/history.h"
#include "ctl/idle.h"
#include "ctl/machines.h"
#include "ctl/operations.h"
#include "ctl/peers.h"
#include "ctl/switched.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Clients that wait for the listener. */
#define BACKLOG 64

const struct ctl_settings ctl_settings_default = {
	.http = {.connections = 64, .head_bytes = 32768, .body_bytes = 8u << 20, .timeout_s = 60},
	.labs = 1000,
	.operations_kept = 64,
	.step_timeout = {60 * INT64_C(1000000000)},
	.vm_timeout = {300 * INT64_C(1000000000)},
	.start_timeout = {600 * INT64_C(1000000000)},
	.peer_timeout = {30 * INT64_C(1000000000)},
	.idle = {1500 * INT64_C(1000000)},
};

/* This daemon's own secret, made once. */
static int load_secret(struct ctl *ctl, struct err *err)
{
	struct text value = {0};
	struct store_batch *batch;
	int rc = store_get(ctl->store, STORE_META, "secret", &value, err);

	if (rc == 0)
		(void)text_copy(ctl->secret, sizeof(ctl->secret), text_get(&value));
	text_free(&value);
	if (rc != -ENOENT)
		return rc;
	(void)snprintf(ctl->secret, sizeof(ctl->secret), "%016" PRIx64 "%016" PRIx64, rand_kernel_seed(), rand_kernel_seed());
	batch = store_batch_new();
	store_batch_put(batch, STORE_META, "secret", ctl->secret);
	rc = store_write(ctl->store, batch, err);
	store_batch_free(batch);
	return rc;
}

/* The API's listening socket, for its owner and root only. A file that a predecessor left is replaced. */
static int listen_at(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, rc;

	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return err_set(err, -ENAMETOOLONG, "%s is too long for a socket", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "socket: %s", strerror(errno));
	(void)unlink(path);
	mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, BACKLOG) < 0 ? -errno : 0;
	(void)umask(mask);
	if (rc < 0) {
		(void)close(fd);
		return err_set(err, rc, "can't listen at %s: %s", path, strerror(-rc));
	}
	return fd;
}

/* Whether this CPU has hardware virtualization that may be used: the flag, not the device alone, which some hosts have without it. */
static bool has_kvm(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[8192];
	bool flag = false;

	while (file != NULL && !flag && fgets(line, sizeof(line), file) != NULL)
		flag = strncmp(line, "flags", 5) == 0 && (strstr(line, " vmx") != NULL || strstr(line, " svm") != NULL);
	if (file != NULL)
		(void)fclose(file);
	return flag && access("/dev/kvm", R_OK | W_OK) == 0;
}

static void write_due(void *context, struct instant now) { store_flush(((struct ctl *)context)->store); }

int ctl_write_later(struct ctl *ctl, struct store_batch *batch, store_done_fn *done, void *context, struct err *err)
{
	loop_timer_set(ctl->write_timer, loop_now(ctl->loop));
	return store_write_later(ctl->store, batch, done, context, err);
}

int ctl_new(
	struct process *process, struct store *store, const struct ctl_settings *settings, int listener, struct ctl **out, struct err *err)
{
	struct ctl *ctl = xalloc(sizeof(*ctl));
	int rc;

	ctl->process = process;
	ctl->loop = process->loop;
	ctl->settings = *settings;
	ctl->store = store;
	ctl->started_wall_ns = clock_wall_ns();
	ctl->kvm = has_kvm();
	list_init(&ctl->applies);
	list_init(&ctl->operations);
	ctl->write_timer = loop_timer_new(ctl->loop, write_due, ctl);
	ctl->holdings = holdings_new();
	ctl->world = world_new();
	ctl->machines = machines_new();
	ctl->peers = peers_new(ctl);
	process->body = ctl;
	rc = load_secret(ctl, err);
	if (rc == 0)
		rc = ids_load(store, &ctl->ids, err);
	if (rc == 0)
		rc = holdings_load(ctl->holdings, store, err);
	if (rc == 0)
		rc = switched_load(ctl, err);
	if (rc == 0)
		rc = events_load(ctl->loop, store, &ctl->events, err);
	if (rc == 0)
		rc = history_load(ctl->loop, store, &ctl->history, err);
	if (rc == 0)
		rc = operations_load(ctl, err);
	if (rc == 0) {
		ctl->http = http_new(ctl->loop, listener, &settings->http, api_handle, ctl, err);
		rc = ctl->http ? 0 : -EIO;
	}
	if (rc < 0) {
		ctl_free(ctl);
		return rc;
	}
	*out = ctl;
	return 0;
}

void ctl_free(struct ctl *ctl)
{
	if (ctl == NULL)
		return;
	store_flush(ctl->store);
	http_free(ctl->http);
	apply_free_all(ctl);
	operations_free(ctl);
	labs_free(ctl);
	events_free(ctl->events);
	history_free(ctl->history);
	switched_free(ctl);
	peers_free(ctl->peers);
	machines_free(ctl->machines);
	world_free(ctl->world);
	holdings_free(ctl->holdings);
	ids_free(ctl->ids);
	loop_timer_free(ctl->idle_timer);
	loop_timer_free(ctl->write_timer);
	ctl->process->body = NULL;
	free(ctl);
}

static int ctl_prepare(struct process *process, struct err *err)
{
	struct ctl_settings settings = ctl_settings_default;
	char path[FILE_BYTES], database[FILE_BYTES];
	struct store *store;
	struct ctl *ctl;
	int listener, rc;

	settings.ends_when_idle = getenv("WEFT_AUTO") != NULL;
	(void)snprintf(database, sizeof(database), "%s/weft.db", process->places.state);
	rc = store_open("sqlite", database, &store, err);
	if (rc < 0)
		return rc;
	listener = listen_at(places_api_socket(&process->places, path), err);
	rc = listener < 0 ? listener : ctl_new(process, store, &settings, listener, &ctl, err);
	if (rc < 0)
		store_close(store);
	return rc;
}

static void ctl_started(struct process *process) { idle_start(process->body); }
static void ctl_peer_up(struct process *process, enum process_id peer) { peers_up(process->body, peer); }
static void ctl_peer_down(struct process *process, enum process_id peer) { peers_down(process->body, peer); }

static void process_changed(struct ctl *ctl, const struct msg_process *state)
{
	struct msg_process *known = &ctl->processes[state->process];
	const char *name = process_name(state->process);

	if (known->running && !state->running)
		events_add(ctl->events, NULL, name, "process-died", NULL, "%s", "");
	else if (!known->running && state->running)
		events_add(ctl->events, NULL, name, "process-started", NULL, "process %u", (unsigned)state->pid);
	*known = *state;
}

static void rif_changed(struct ctl *ctl, const struct msg_rif_state *state)
{
	const struct object *object = world_find(ctl->world, OBJECT_RIF, state->rif);

	if (object != NULL && machines_rif_news(ctl, state))
		events_add(ctl->events, object->lab, object->path + strlen(object->lab) + 1, state->up ? "interface-up" : "interface-down",
			NULL, "%s", "");
}

void ctl_received(struct process *process, enum process_id from, const struct message *message)
{
	struct ctl *ctl = process->body;
	const struct msg_limit *limit = message->body;

	if (message->fd >= 0)
		(void)close(message->fd);
	switch (message->row->type) {
	case MSG_VM_CHANGED:
		machines_vm_changed(ctl, message->body);
		break;
	case MSG_PORT_CHANGED:
		machines_port_changed(ctl, message->body);
		break;
	case MSG_LEASED:
		machines_leased(ctl, message->body);
		break;
	case MSG_RIF_CHANGED:
		rif_changed(ctl, message->body);
		break;
	case MSG_PROCESS_CHANGED:
		process_changed(ctl, message->body);
		break;
	case MSG_LIMIT_REACHED:
		events_add(ctl->events, NULL, limit->path, "limit-reached", NULL, "%s of %s reached its limit (%" PRIu64 ")", limit->limit,
			limit->path, limit->value);
		break;
	default: /* nobody else's business reaches ctl; a peer that is newer may say more */
		log_debug(process_name(from), "%s is not for ctl", message->row->name);
		break;
	}
}

/* Ends in order: what is known is in the store, the socket's file goes with the places. */
static void ctl_shutdown(struct process *process)
{
	struct ctl *ctl = process->body;
	struct store *store = ctl->store;

	ctl_free(ctl);
	store_close(store);
	loop_stop(process->loop);
}

const struct process_body ctl_process = {
	.id = PROCESS_CTL,
	.prepare = ctl_prepare,
	.started = ctl_started,
	.peer_up = ctl_peer_up,
	.peer_down = ctl_peer_down,
	.received = ctl_received,
	.shutdown = ctl_shutdown,
};
