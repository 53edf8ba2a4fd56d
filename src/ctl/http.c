/*
 * The HTTP server: libmicrohttpd driven from the loop.
 *
 * The library is called from http_run only, never from inside of its own callbacks: answers that come later resume their connection and ask
 * for a run in the next round. A request is an object from its first byte to the library's "completed"; `state` and `gone` belong to the
 * handler.
 */
#include "ctl/http.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/text.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Bytes asked from a stream's source at once. */
#define STREAM_BLOCK_BYTES 16384

struct http {
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_timer *timer;
	struct MHD_Daemon *daemon;
	struct http_limits limits;
	http_handler_fn *handler;
	void *context;
	uid_t owner;
	struct list requests;
	struct list upgraded;
	unsigned connections;
	struct http_counts counts;
	bool running; /* inside of the library */
	bool again;   /* it was asked for once more meanwhile */
	bool ending;
};

struct http_request {
	struct list node;
	struct http *http;
	struct MHD_Connection *connection;
	char *method, *path;
	char *body;
	size_t body_bytes, body_capacity;
	bool too_large, asked;
	bool suspended;
	struct loop_watch *hangup;
	struct MHD_Response *response;
	unsigned status;
	void *state;
	void (*gone)(void *state);
	http_source_fn *source;
	http_upgraded_fn *upgraded;
};

struct http_connection {
	struct list node;
	struct http *http;
	struct MHD_UpgradeResponseHandle *handle;
};

static void http_schedule(struct http *http)
{
	http->again = true;
	if (!http->running)
		loop_timer_set(http->timer, loop_now(http->loop));
}

/* Runs the library until it has nothing left to do at once, and sets the timer for what it wants later. */
static void http_run(struct http *http)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	CHECK(!http->running);
	http->running = true;
	http->again = false;
	(void)MHD_run(http->daemon);
	http->running = false;
	if (http->again)
		loop_timer_set(http->timer, loop_now(http->loop));
	else if (MHD_get_timeout(http->daemon, &timeout_ms) == MHD_YES)
		loop_timer_set(http->timer, instant_add(loop_now(http->loop), span_ms((int64_t)timeout_ms)));
	else
		loop_timer_set(http->timer, INSTANT_NEVER);
}

static void http_ready(void *context, int fd, int events) { http_run(context); }
static void http_due(void *context, struct instant now) { http_run(context); }

/* --- requests --- */

static void request_gone(struct http_request *request)
{
	void (*gone)(void *state) = request->gone;

	request->gone = NULL;
	if (gone != NULL)
		gone(request->state);
}

static void request_resume(struct http_request *request)
{
	if (!request->suspended)
		return;
	request->suspended = false;
	loop_watch_free(request->hangup);
	request->hangup = NULL;
	MHD_resume_connection(request->connection);
	http_schedule(request->http);
}

/* The client hung up while its request waited: nobody needs the answer. */
static void request_hung_up(void *context, int fd, int events)
{
	struct http_request *request = context;

	if ((events & LOOP_HANGUP) == 0)
		return;
	request_gone(request);
	if (request->response == NULL)
		http_reply(request, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain", "", 0);
	else
		request_resume(request);
}

static int request_socket(const struct http_request *request)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static void request_suspend(struct http_request *request)
{
	int fd = request_socket(request);

	request->suspended = true;
	MHD_suspend_connection(request->connection);
	if (fd >= 0)
		request->hangup = loop_watch_new(request->http->loop, fd, LOOP_HANGUP, request_hung_up, request);
}

static bool request_allowed(const struct http_request *request)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(request_socket(request), SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == 0 || peer.uid == request->http->owner;
}

static void body_add(struct http_request *request, const char *bytes, size_t size)
{
	if (request->too_large || size > request->http->limits.body_bytes - request->body_bytes) {
		request->too_large = true;
		return;
	}
	if (request->body_bytes + size + 1 > request->body_capacity) {
		request->body_capacity = (request->body_bytes + size + 1) * 2;
		request->body = xrealloc(request->body, request->body_capacity);
	}
	memcpy(request->body + request->body_bytes, bytes, size);
	request->body_bytes += size;
	request->body[request->body_bytes] = 0;
}

static void reply_problem(struct http_request *request, unsigned status, const char *title, const char *detail)
{
	struct text body = {0};

	text_add(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"}", title, status, detail);
	http_reply(request, status, "application/problem+json", body.bytes, body.used);
	text_free(&body);
}

/* The request is whole: refused here, or given to the handler. */
static void request_complete(struct http_request *request)
{
	struct http *http = request->http;

	request->asked = true;
	if (!request_allowed(request)) {
		http->counts.forbidden++;
		reply_problem(request, MHD_HTTP_FORBIDDEN, "Forbidden", "only root and the user that runs weftd may use this socket");
	} else if (request->too_large) {
		http->counts.too_large++;
		reply_problem(request, MHD_HTTP_CONTENT_TOO_LARGE, "Payload Too Large", "the request's body is larger than the limit");
	} else if (http->ending) {
		reply_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "Service Unavailable", "weftd is ending");
	} else {
		http->handler(http->context, request);
	}
}

static struct http_request *request_new(struct http *http, struct MHD_Connection *connection, const char *path, const char *method)
{
	struct http_request *request = xalloc(sizeof(*request));

	request->http = http;
	request->connection = connection;
	request->path = xstrdup(path);
	request->method = xstrdup(method);
	list_append(&http->requests, &request->node);
	return request;
}

/* NOLINTNEXTLINE(readability-function-size): the library says what it takes */
static enum MHD_Result accept_request(void *context, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *bytes, size_t *size, void **slot)
{
	struct http_request *request = *slot;

	if (request == NULL) {
		*slot = request_new(context, connection, path, method);
		return MHD_YES;
	}
	if (*size > 0) {
		body_add(request, bytes, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!request->asked)
		request_complete(request);
	if (request->response != NULL)
		return MHD_queue_response(connection, request->status, request->response);
	request_suspend(request);
	return MHD_YES;
}

static void request_completed(void *context, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode how)
{
	struct http_request *request = *slot;

	if (request == NULL)
		return;
	*slot = NULL;
	request_gone(request);
	loop_watch_free(request->hangup);
	list_remove(&request->node);
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	free(request->method);
	free(request->path);
	free(request->body);
	free(request);
}

static void connection_changed(void *context, struct MHD_Connection *connection, void **slot, enum MHD_ConnectionNotificationCode what)
{
	struct http *http = context;

	http->connections += what == MHD_CONNECTION_NOTIFY_STARTED ? 1 : -1u;
}

/* Paths stay encoded, so that an encoded slash is no separator: http_decode is for the parts. */
static size_t decode_nothing(void *context, struct MHD_Connection *connection, char *text) { return strlen(text); }

static void log_nothing(void *context, const char *format, va_list args) {}

struct http *http_new(
	struct loop *loop, int listener, const struct http_limits *limits, http_handler_fn *handler, void *context, struct err *err)
{
	struct http *http = xalloc(sizeof(*http));
	const union MHD_DaemonInfo *info;

	*http = (struct http){.loop = loop, .limits = *limits, .handler = handler, .context = context, .owner = geteuid()};
	list_init(&http->requests);
	list_init(&http->upgraded);
	http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE, 0, NULL, NULL, accept_request, http,
		MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
		limits->connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits->head_bytes, MHD_OPTION_CONNECTION_TIMEOUT,
		limits->timeout_s, MHD_OPTION_NOTIFY_COMPLETED, request_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, connection_changed,
		http, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, decode_nothing, NULL, MHD_OPTION_END);
	info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
	if (info == NULL) {
		free(http);
		(void)err_set(err, -EIO, "the HTTP server does not start");
		return NULL;
	}
	http->timer = loop_timer_new(loop, http_due, http);
	http->watch = loop_watch_new(loop, info->epoll_fd, LOOP_READABLE, http_ready, http);
	return http;
}

void http_free(struct http *http)
{
	struct http_request *request;
	struct http_connection *connection;

	if (http == NULL)
		return;
	http->ending = true;
	list_each (request, &http->requests, struct http_request, node) {
		request_gone(request);
		request->source = NULL;
		if (request->suspended && request->response == NULL)
			reply_problem(request, MHD_HTTP_SERVICE_UNAVAILABLE, "Service Unavailable", "weftd is ending");
		request_resume(request);
	}
	list_each (connection, &http->upgraded, struct http_connection, node)
		http_hang_up(connection);
	http_run(http);
	loop_watch_free(http->watch);
	MHD_stop_daemon(http->daemon);
	loop_timer_free(http->timer);
	free(http);
}

struct http_counts http_counts(const struct http *http)
{
	struct http_counts counts = http->counts;

	counts.connections = http->connections;
	return counts;
}

/* --- what was asked --- */

const char *http_method(const struct http_request *request) { return request->method; }
const char *http_path(const struct http_request *request) { return request->path; }

const char *http_query(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_header(const struct http_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *http_body(const struct http_request *request, size_t *size)
{
	*size = request->body_bytes;
	return request->body ? request->body : "";
}

void http_set_state(struct http_request *request, void *state, void (*gone)(void *state))
{
	request->state = state;
	request->gone = gone;
}

/* --- answers --- */

static void request_answer(struct http_request *request, unsigned status, struct MHD_Response *response)
{
	CHECK(request->response == NULL && response != NULL);
	request->response = response;
	request->status = status;
	request_resume(request);
}

static void response_header(struct MHD_Response *response, const char *name, const char *value)
{
	CHECK(MHD_add_response_header(response, name, value) == MHD_YES);
}

void http_reply(struct http_request *request, unsigned status, const char *content_type, const char *body, size_t size)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(size, size > 0 ? (void *)(uintptr_t)body : NULL, MHD_RESPMEM_MUST_COPY);

	CHECK(response != NULL);
	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	request->gone = NULL;
	request_answer(request, status, response);
}

static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t room)
{
	struct http_request *request = context;
	size_t got = request->source && request->gone ? request->source(request->state, bytes, room) : HTTP_END;

	if (got == HTTP_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (got == 0)
		request_suspend(request);
	return (ssize_t)got;
}

void http_stream(struct http_request *request, const char *content_type, http_source_fn *source)
{
	struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK_BYTES, stream_read, request, NULL);

	CHECK(response != NULL && request->gone != NULL);
	response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	request->source = source;
	request_answer(request, MHD_HTTP_OK, response);
}

void http_wake(struct http_request *request) { request_resume(request); }

/* NOLINTNEXTLINE(readability-function-size): likewise */
static void request_upgraded(void *context, struct MHD_Connection *connection, void *slot, const char *early, size_t early_bytes,
	MHD_socket socket, struct MHD_UpgradeResponseHandle *handle)
{
	struct http_request *request = context;
	struct http_connection *upgraded = xalloc(sizeof(*upgraded));

	upgraded->http = request->http;
	upgraded->handle = handle;
	list_append(&request->http->upgraded, &upgraded->node);
	request->gone = NULL;
	request->upgraded(request->state, upgraded, socket, early, early_bytes);
}

void http_upgrade(struct http_request *request, const char *protocol, http_upgraded_fn *upgraded)
{
	struct MHD_Response *response = MHD_create_response_for_upgrade(request_upgraded, request);

	CHECK(response != NULL && request->gone != NULL);
	response_header(response, MHD_HTTP_HEADER_UPGRADE, protocol);
	request->upgraded = upgraded;
	request_answer(request, MHD_HTTP_SWITCHING_PROTOCOLS, response);
}

void http_hang_up(struct http_connection *connection)
{
	list_remove(&connection->node);
	(void)MHD_upgrade_action(connection->handle, MHD_UPGRADE_ACTION_CLOSE);
	http_schedule(connection->http);
	free(connection);
}

bool http_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		int high, low;

		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		high = text_hex_digit(from[1]);
		low = high < 0 ? -1 : text_hex_digit(from[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = 0;
	return true;
}
