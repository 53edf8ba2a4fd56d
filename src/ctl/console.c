/*
 * Consoles: two stream sockets joined by two bounded buffers. A side is read only while its buffer has room, so neither end can make the
 * other's bytes pile up here.
 */
#include "ctl/console.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONSOLE_BUFFER_BYTES 16384

/* One direction. */
struct flow {
	char bytes[CONSOLE_BUFFER_BYTES];
	size_t from, to; /* what waits to be written */
	bool ended;	 /* nothing more comes */
};

enum { LINE, CLIENT };

struct console {
	struct loop *loop;
	int fds[2];
	struct loop_watch *watches[2];
	struct flow flows[2]; /* flows[i]: read from fds[i] */
	struct http_connection *connection;
};

static void console_free(struct console *console)
{
	loop_watch_free(console->watches[LINE]);
	loop_watch_free(console->watches[CLIENT]);
	(void)close(console->fds[LINE]);
	if (console->connection != NULL)
		http_hang_up(console->connection);
	free(console);
}

/* Reads what there is room for. */
static void flow_fill(struct flow *flow, int fd)
{
	ssize_t n;

	if (flow->from == flow->to)
		flow->from = flow->to = 0;
	if (flow->ended || flow->to == sizeof(flow->bytes))
		return;
	n = read(fd, flow->bytes + flow->to, sizeof(flow->bytes) - flow->to);
	if (n > 0)
		flow->to += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		flow->ended = true;
}

/* Writes what waits; false when the other side takes nothing any more: the flow is at its end then. */
static bool flow_drain(struct flow *flow, int fd)
{
	while (flow->from < flow->to) {
		ssize_t n = send(fd, flow->bytes + flow->from, flow->to - flow->from, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			flow->from = flow->to;
			flow->ended = true;
			return false;
		}
		flow->from += (size_t)n;
	}
	return true;
}

static void console_watch(struct console *console)
{
	for (int i = 0; i < 2; i++) {
		const struct flow *in = &console->flows[i], *out = &console->flows[1 - i];

		loop_watch_set(console->watches[i],
			(!in->ended && in->to < sizeof(in->bytes) ? LOOP_READABLE : 0) | (out->from < out->to ? LOOP_WRITABLE : 0));
	}
}

static void console_ready(void *context, int fd, int events)
{
	struct console *console = context;
	int side = fd == console->fds[LINE] ? LINE : CLIENT;

	if (events & (LOOP_READABLE | LOOP_HANGUP))
		flow_fill(&console->flows[side], fd);
	(void)flow_drain(&console->flows[CLIENT], console->fds[LINE]);
	if (!flow_drain(&console->flows[LINE], console->fds[CLIENT])) {
		console_free(console);
		return;
	}
	/* The line's end, or the client's, with all that was said: the console is over. A client that only says no more goes on listening.
	 */
	if (console->flows[LINE].ended && console->flows[LINE].from == console->flows[LINE].to) {
		console_free(console);
		return;
	}
	console_watch(console);
}

static void console_upgraded(void *state, struct http_connection *connection, int socket, const void *early, size_t early_bytes)
{
	struct console *console = state;
	struct flow *keys = &console->flows[CLIENT];

	console->connection = connection;
	console->fds[CLIENT] = socket;
	if (early_bytes <= sizeof(keys->bytes)) {
		memcpy(keys->bytes, early, early_bytes);
		keys->to = early_bytes;
	}
	console->watches[LINE] = loop_watch_new(console->loop, console->fds[LINE], LOOP_READABLE, console_ready, console);
	console->watches[CLIENT] = loop_watch_new(console->loop, socket, LOOP_READABLE, console_ready, console);
	(void)flow_drain(keys, console->fds[LINE]); /* a line that takes nothing may still have something to say */
	console_watch(console);
}

/* The client was gone before the connection was its. */
static void console_gone(void *state)
{
	struct console *console = state;

	(void)close(console->fds[LINE]);
	free(console);
}

void console_serve(struct api_call *call, int line, const char *protocol)
{
	struct http_request *request = call->request;
	struct console *console;

	if (request == NULL) {
		(void)close(line);
		api_call_free(call);
		return;
	}
	(void)fcntl(line, F_SETFL, fcntl(line, F_GETFL) | O_NONBLOCK);
	console = xalloc(sizeof(*console));
	console->loop = call->ctl->loop;
	console->fds[LINE] = line;
	http_set_state(request, console, console_gone);
	api_call_free(call);
	http_upgrade(request, protocol, console_upgraded);
}
