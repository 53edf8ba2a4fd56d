/*
 * The running child: prepares, is jailed, tells super, and lives in its loop until super says that it is over.
 *
 * When super dies the kernel kills its children; should that fail, the end of the channel to super ends the child. It ends at once then,
 * as in every crash: what must survive is in the store, in the hypervisors, and in what the peers know.
 */
#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "proc/guard.h"
#include "proc/jail.h"
#include "proc/process.h"
#include "proc/spawn.h"
#include "proc/super.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The process of this program; its state is too large for a stack. */
static struct process child;

static enum process_id peer_of(const struct process *process, const struct channel *channel)
{
	for (unsigned i = 0; i < PROCESS_COUNT; i++)
		if (process->peers[i] == channel)
			return (enum process_id)i;
	CHECK(false);
}

static void peer_received(void *context, struct channel *channel, const struct message *message)
{
	struct process *process = context;

	if (process->row->received != NULL)
		process->row->received(process, peer_of(process, channel), message);
	else if (message->fd >= 0)
		(void)close(message->fd);
}

/* The peer is taken out first, so that what the ends of its calls send goes nowhere. */
static void peer_lost(struct process *process, enum process_id peer)
{
	struct channel *channel = process->peers[peer];

	log_notice(process_name(peer), "away: %s", channel_reason(channel));
	process->peers[peer] = NULL;
	channel_free(channel);
	if (process->row->peer_down != NULL)
		process->row->peer_down(process, peer);
}

static void peer_closed(void *context, struct channel *channel) { peer_lost(context, peer_of(context, channel)); }

/* Super may be faster than the end of the old channel. */
static void peer_came(struct process *process, const struct message *message)
{
	const struct msg_peer *peer = message->body;
	enum process_id id = (enum process_id)peer->process;

	if (process->peers[id] != NULL)
		peer_lost(process, id);
	log_info(process_name(id), "connected");
	process->peers[id] = channel_new(process->loop, message->fd, process_name(id), peer_received, peer_closed, process);
	if (process->row->peer_up != NULL)
		process->row->peer_up(process, id);
}

static void super_received(void *context, struct channel *channel, const struct message *message)
{
	struct process *process = context;

	(void)channel;
	if (message->row->type == MSG_PEER) {
		peer_came(process, message);
	} else if (message->row->type == MSG_SHUTDOWN) {
		log_info(NULL, "ending");
		if (process->row->shutdown != NULL)
			process->row->shutdown(process);
		else
			loop_stop(process->loop);
	} else if (process->row->received != NULL) {
		process->row->received(process, PROCESS_SUPER, message);
	} else if (message->fd >= 0) {
		(void)close(message->fd);
	}
}

static void super_closed(void *context, struct channel *channel)
{
	(void)context;
	log_warning("super", "gone: %s", channel_reason(channel));
	_exit(EXIT_FAILURE);
}

static enum log_level wished_log_level(void)
{
	const char *wish = getenv("WEFT_LOG");

	return wish != NULL && strcmp(wish, "debug") == 0 ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO;
}

void process_log_open(const char *name) { log_open(name, STDERR_FILENO, wished_log_level(), getenv("JOURNAL_STREAM") != NULL); }

static int child_run(const struct process_row *row)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct err err = {0};
	int type = 0;

	if (getsockopt(SPAWN_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) != 0 || type != SOCK_SEQPACKET) {
		(void)fprintf(stderr, "weftd: `--process` is for weftd itself: start it without\n");
		return EXIT_FAILURE;
	}
	process_log_open(process_name(row->body->id));
	(void)sigaction(SIGPIPE, &ignore, NULL);
	tzset();
	(void)hash_u64(0); /* takes its secret before the jail closes */
	if (places_find(&child.places, &err) != 0) {
		log_error(NULL, "%s", err.text);
		return EXIT_FAILURE;
	}
	child.row = row->body;
	child.loop = loop_new();
	child.super = channel_new(child.loop, SPAWN_CHANNEL_FD, "super", super_received, super_closed, &child);
	if (row->body->prepare(&child, &err) != 0 || jail_enter(row->body->id, &row->jail, &child.places, &err) != 0) {
		log_error(NULL, "can't start: %s", err.text);
		return EXIT_FAILURE;
	}
	if (row->body->started != NULL)
		row->body->started(&child);
	(void)channel_send(child.super, MSG_READY, 0, NULL, -1);
	loop_run(child.loop);
	return EXIT_SUCCESS;
}

int process_run(const struct process_row *rows, unsigned row_count, const char *name)
{
	if (strcmp(name, "guard") == 0)
		return guard_run();
	if (strcmp(name, "super") == 0)
		return supervise(rows, row_count);
	for (unsigned i = 0; i < row_count; i++) {
		if (strcmp(name, process_name(rows[i].body->id)) != 0)
			continue;
		/* Without exit handlers: those of libraries are not made for a jail, and nothing is left to save. */
		_exit(child_run(&rows[i]));
	}
	(void)fprintf(stderr, "weftd: there is no process \"%s\"\n", name);
	return EXIT_FAILURE;
}
