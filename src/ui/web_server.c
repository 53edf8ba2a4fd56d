/*
 * The server of the window, by libmicrohttpd; the only file of the client that knows it.
 *
 * Theory of operation. Each connection has a thread of the library, so that an answer may simply wait for the daemon. A request is a file
 * of the window, or it is passed on (web_upstream.h) when the guard (web_guard.h) lets it. Nothing is ever read from the disk.
 *
 * A browser can't turn a connection into a raw stream as the console wants it. So the console's two directions are two requests: GET
 * .../console with a header `Weft-Console: KEY` opens the line and its answer is what the guest writes; POST to the same path with the same
 * key brings keys. The key is chosen by the page and known to nobody else.
 *
 * Like libcurl, the library is loaded by dlopen: it brings twenty others along, which no other command needs.
 */
#include "ui/web_server.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"
#include "ui/web_files.h"
#include "ui/web_upstream.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is used of libmicrohttpd. */
static struct {
	__typeof__(&MHD_start_daemon) start_daemon;
	__typeof__(&MHD_stop_daemon) stop_daemon;
	__typeof__(&MHD_create_response_from_buffer) response_from_buffer;
	__typeof__(&MHD_create_response_from_callback) response_from_callback;
	__typeof__(&MHD_add_response_header) add_header;
	__typeof__(&MHD_queue_response) queue_response;
	__typeof__(&MHD_destroy_response) destroy_response;
	__typeof__(&MHD_lookup_connection_value) lookup;
	__typeof__(&MHD_get_connection_info) connection_info;
} mhd;

/* A console's line, while its stream is being read. */
struct line {
	char key[WEB_KEY_CHARS_MAX + 1];
	int fd;
};

struct web_server {
	char *upstream;
	struct web_rules rules;
	struct MHD_Daemon *daemon;
	int ending; /* readable when the server ends */
	pthread_mutex_t lock;
	struct line lines[WEB_CONSOLES_MAX];
};

/* A request from its first byte on. */
struct asked {
	struct web_server *server;
	char *target;
	struct text body;
	bool begun, too_large;
};

/* An answer of the daemon on its way to the browser. */
struct passing {
	struct web_server *server;
	struct upstream upstream;
	struct line *line; /* of a console, else NULL */
};

/* What makes the page and the answers useless to other pages, and the page unable to load anything from elsewhere. */
static const char *const headers[][2] = {
	{"X-Content-Type-Options", "nosniff"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
	{"Content-Security-Policy",
		"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data:; "
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, struct MHD_Response *response)
{
	enum MHD_Result result;

	CHECK(response != NULL);
	(void)mhd.add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	for (size_t i = 0; i < COUNT_OF(headers); i++)
		(void)mhd.add_header(response, headers[i][0], headers[i][1]);
	result = mhd.queue_response(connection, status, response);
	mhd.destroy_response(response);
	return result;
}

/* Problems have the form that the API gives them. `detail` is text of this program, without quotes. */
static enum MHD_Result answer_problem(struct MHD_Connection *connection, unsigned status, const char *title, const char *detail)
{
	struct text body = {0};
	struct MHD_Response *response;

	text_add(&body, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\"}", title, status, detail);
	response = mhd.response_from_buffer(body.used, body.bytes, MHD_RESPMEM_MUST_COPY);
	text_free(&body);
	return answer(connection, status, "application/problem+json", response);
}

static enum MHD_Result answer_file(struct MHD_Connection *connection, const char *target)
{
	size_t length = strcspn(target, "?");

	for (size_t i = 0; i < web_file_count; i++) {
		const struct web_file *file = &web_files[i];
		struct MHD_Response *response;

		if (strlen(file->path) != length || strncmp(file->path, target, length) != 0)
			continue;
		response = mhd.response_from_buffer(file->size, (void *)(uintptr_t)file->bytes, MHD_RESPMEM_PERSISTENT);
		CHECK(response != NULL);
		(void)mhd.add_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
		return answer(connection, MHD_HTTP_OK, file->type, response);
	}
	return answer_problem(connection, MHD_HTTP_NOT_FOUND, "Not Found", "the window has no such file");
}

/* --- consoles --- */

/* A free line (key NULL) or the one with this key; the caller holds the lock. */
static struct line *line_find(struct web_server *server, const char *key)
{
	for (size_t i = 0; i < WEB_CONSOLES_MAX; i++)
		if (key ? server->lines[i].fd >= 0 && strcmp(server->lines[i].key, key) == 0 : server->lines[i].fd < 0)
			return &server->lines[i];
	return NULL;
}

/* Remembers an open line; NULL when there are too many or its key is taken. */
static struct line *line_add(struct web_server *server, const char *key, int fd)
{
	struct line *line = NULL;

	(void)pthread_mutex_lock(&server->lock);
	if (line_find(server, key) == NULL)
		line = line_find(server, NULL);
	if (line != NULL && text_copy(line->key, sizeof(line->key), key))
		line->fd = fd;
	(void)pthread_mutex_unlock(&server->lock);
	return line;
}

static void line_remove(struct web_server *server, struct line *line)
{
	(void)pthread_mutex_lock(&server->lock);
	line->fd = -1;
	(void)pthread_mutex_unlock(&server->lock);
}

/* Keys for an open console. A copy of its descriptor is written to, so that its end meanwhile does no harm. */
static enum MHD_Result answer_keys(struct MHD_Connection *connection, struct asked *asked, const char *key)
{
	static char nothing[] = "{}";
	struct web_server *server = asked->server;
	struct line *line;
	int fd = -1, error;

	(void)pthread_mutex_lock(&server->lock);
	line = line_find(server, key);
	if (line != NULL)
		fd = dup(line->fd);
	(void)pthread_mutex_unlock(&server->lock);
	if (fd < 0)
		return answer_problem(connection, MHD_HTTP_NOT_FOUND, "Not Found", "this console is not open (any more)");
	error = upstream_write(fd, text_get(&asked->body), asked->body.used);
	(void)close(fd);
	if (error < 0)
		return answer_problem(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "Service Unavailable", "the guest takes no keys");
	return answer(connection, MHD_HTTP_OK, "application/json", mhd.response_from_buffer(2, nothing, MHD_RESPMEM_PERSISTENT));
}

/* --- passing on --- */

static ssize_t passing_read(void *context, uint64_t position, char *bytes, size_t room)
{
	struct passing *passing = context;
	ssize_t n = upstream_read(&passing->upstream, bytes, room);

	return n > 0 ? n : n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void passing_free(void *context)
{
	struct passing *passing = context;

	if (passing->line != NULL)
		line_remove(passing->server, passing->line);
	upstream_close(&passing->upstream);
	free(passing);
}

static int browser_socket(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = mhd.connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info ? info->connect_fd : -1;
}

static struct passing *passing_new(struct asked *asked, struct MHD_Connection *connection)
{
	struct passing *passing = xalloc(sizeof(*passing));

	passing->server = asked->server;
	passing->upstream.fd = -1;
	passing->upstream.watched[0] = browser_socket(connection);
	passing->upstream.watched[1] = asked->server->ending;
	return passing;
}

/* Asks the daemon and streams what it says. `key`: it is a console that is opened. */
static enum MHD_Result pass_on(struct MHD_Connection *connection, struct asked *asked, const char *method, const char *key)
{
	struct passing *passing = passing_new(asked, connection);
	struct upstream *upstream = &passing->upstream;
	struct upstream_question question = {
		asked->server->upstream, method, asked->target, key ? "weft-console" : NULL, text_get(&asked->body), asked->body.used};
	struct MHD_Response *response;
	struct err err = {0};
	bool opened;

	if (upstream_ask(upstream, &question, &err) < 0) {
		passing_free(passing);
		return answer_problem(connection, MHD_HTTP_BAD_GATEWAY, "Bad Gateway", err.text);
	}
	opened = key != NULL && upstream->status == MHD_HTTP_SWITCHING_PROTOCOLS;
	if (opened)
		passing->line = line_add(passing->server, key, upstream->fd);
	if (opened ? passing->line == NULL : upstream->status < MHD_HTTP_OK) {
		passing_free(passing);
		return answer_problem(connection, MHD_HTTP_CONFLICT, "Conflict", "too many consoles are open, or this one is already");
	}
	response = mhd.response_from_callback(MHD_SIZE_UNKNOWN, 16384, passing_read, passing, passing_free);
	return answer(connection, opened ? MHD_HTTP_OK : upstream->status,
		opened		    ? "application/octet-stream"
		: upstream->type[0] ? upstream->type
				    : "application/octet-stream",
		response);
}

/* --- requests --- */

static const char *header_of(struct MHD_Connection *connection, const char *name) { return mhd.lookup(connection, MHD_HEADER_KIND, name); }

static const struct web_refusal *refused(const struct asked *asked, struct MHD_Connection *connection, const char *method)
{
	const struct web_head head = {.method = method,
		.target = asked->target,
		.host = header_of(connection, MHD_HTTP_HEADER_HOST),
		.origin = header_of(connection, MHD_HTTP_HEADER_ORIGIN),
		.site = header_of(connection, "Sec-Fetch-Site"),
		.authorization = header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION)};

	return web_guard(&asked->server->rules, &head);
}

static enum MHD_Result answer_api(struct MHD_Connection *connection, struct asked *asked, const char *method)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};
	const char *key = header_of(connection, "Weft-Console");

	if (asked->too_large)
		return answer_problem(connection, MHD_HTTP_CONTENT_TOO_LARGE, "Payload Too Large", "the body is larger than the limit");
	if (key != NULL && !web_key_is_good(key))
		return answer_problem(connection, MHD_HTTP_BAD_REQUEST, "Bad Request", "a console's key is some letters and digits");
	if (key != NULL && strcmp(method, "POST") == 0)
		return answer_keys(connection, asked, key);
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (strcmp(method, methods[i]) == 0)
			return pass_on(connection, asked, methods[i], i == 0 ? key : NULL);
	return answer_problem(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Method Not Allowed", "GET, POST, PUT and DELETE can be asked");
}

/* The target as it came, before the library decodes it. */
static void *request_begins(void *context, const char *target, struct MHD_Connection *connection)
{
	struct asked *asked = xalloc(sizeof(*asked));

	asked->server = context;
	asked->target = xstrdup(target);
	return asked;
}

/* NOLINTNEXTLINE(readability-function-size): the library says what it takes */
static enum MHD_Result request_goes_on(void *context, struct MHD_Connection *connection, const char *path, const char *method,
	const char *version, const char *bytes, size_t *size, void **slot)
{
	struct asked *asked = *slot;
	const struct web_refusal *refusal;

	if (!asked->begun) {
		/* Whoever is refused is refused before a byte of the body is taken. */
		asked->begun = true;
		refusal = refused(asked, connection, method);
		return refusal ? answer_problem(connection, refusal->status, refusal->title, refusal->detail) : MHD_YES;
	}
	if (*size > 0) {
		asked->too_large = asked->too_large || *size > WEB_BODY_BYTES_MAX - asked->body.used;
		if (!asked->too_large)
			text_add_bytes(&asked->body, bytes, *size);
		*size = 0;
		return MHD_YES;
	}
	return web_is_api(asked->target) ? answer_api(connection, asked, method) : answer_file(connection, asked->target);
}

static void request_ends(void *context, struct MHD_Connection *connection, void **slot, enum MHD_RequestTerminationCode how)
{
	struct asked *asked = *slot;

	*slot = NULL;
	if (asked == NULL)
		return;
	text_free(&asked->body);
	free(asked->target);
	free(asked);
}

/* --- the server --- */

static bool library_load(void)
{
	static const struct {
		const char *name;
		void *call;
	} symbols[] = {
		{"MHD_start_daemon", &mhd.start_daemon},
		{"MHD_stop_daemon", &mhd.stop_daemon},
		{"MHD_create_response_from_buffer", &mhd.response_from_buffer},
		{"MHD_create_response_from_callback", &mhd.response_from_callback},
		{"MHD_add_response_header", &mhd.add_header},
		{"MHD_queue_response", &mhd.queue_response},
		{"MHD_destroy_response", &mhd.destroy_response},
		{"MHD_lookup_connection_value", &mhd.lookup},
		{"MHD_get_connection_info", &mhd.connection_info},
	};
	void *library = dlopen("libmicrohttpd.so.12", RTLD_LAZY | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < COUNT_OF(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (symbol == NULL)
			return false;
		memcpy(symbols[i].call, &symbol, sizeof(symbol));
	}
	return library != NULL;
}

static int listen_at(uint16_t port, uint16_t *got, struct err *err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1, error;

	if (fd < 0)
		return err_set(err, -errno, "no socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *)&address, size) == 0 && listen(fd, 64) == 0 &&
		getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
		*got = ntohs(address.sin_port);
		return fd;
	}
	error = -errno;
	(void)close(fd);
	return err_set(err, error, "can't listen at 127.0.0.1:%u: %s", port, strerror(-error));
}

static int token_make(char token[WEB_TOKEN_CHARS + 1])
{
	unsigned char dice[WEB_TOKEN_CHARS / 2];

	if (getrandom(dice, sizeof(dice), 0) != sizeof(dice))
		return -EIO;
	for (size_t i = 0; i < sizeof(dice); i++)
		(void)snprintf(token + 2 * i, 3, "%02x", dice[i]);
	return 0;
}

static void log_nothing(void *context, const char *format, va_list args) {}

static struct MHD_Daemon *daemon_start(struct web_server *server, int listener)
{
	return mhd.start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL, 0, NULL, NULL,
		request_goes_on, server, MHD_OPTION_EXTERNAL_LOGGER, log_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_URI_LOG_CALLBACK, request_begins, server, MHD_OPTION_NOTIFY_COMPLETED, request_ends, NULL,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)WEB_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)65536,
		MHD_OPTION_CONNECTION_TIMEOUT, 120u, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

struct web_server *web_server_new(const char *upstream, uint16_t port, struct err *err)
{
	struct web_server *server;
	int listener;

	if (mhd.start_daemon == NULL && !library_load()) {
		(void)err_set(err, -ELIBACC, "libmicrohttpd is not installed (apt-get install libmicrohttpd12)");
		return NULL;
	}
	server = xalloc(sizeof(*server));
	server->upstream = xstrdup(upstream);
	server->ending = eventfd(0, EFD_CLOEXEC);
	(void)pthread_mutex_init(&server->lock, NULL);
	for (size_t i = 0; i < WEB_CONSOLES_MAX; i++)
		server->lines[i].fd = -1;
	listener = listen_at(port, &server->rules.port, err);
	if (listener >= 0 && server->ending >= 0 && token_make(server->rules.token) == 0)
		server->daemon = daemon_start(server, listener);
	if (server->daemon != NULL)
		return server;
	if (listener >= 0) {
		(void)close(listener);
		(void)err_set(err, -EIO, "the window's server does not start");
	}
	web_server_free(server);
	return NULL;
}

const struct web_rules *web_server_rules(const struct web_server *server) { return &server->rules; }

void web_server_free(struct web_server *server)
{
	if (server == NULL)
		return;
	if (server->ending >= 0)
		(void)eventfd_write(server->ending, 1);
	if (server->daemon != NULL)
		mhd.stop_daemon(server->daemon);
	if (server->ending >= 0)
		(void)close(server->ending);
	(void)pthread_mutex_destroy(&server->lock);
	free(server->upstream);
	free(server);
}
