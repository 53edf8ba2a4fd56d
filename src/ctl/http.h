/*
 * The HTTP server on a unix socket: requests in, answers out now or later, streams, upgraded connections. The only face of libmicrohttpd.
 *
 * Theory of operation. The library runs without a thread of its own: its epoll descriptor is watched by the loop and it is called when
 * something happened. A whole request (head and bounded body) is given to the handler, which answers with http_reply, then or later; until
 * it does the connection is suspended. A stream's content is pulled: the source is asked for bytes when the client takes some, and says
 * "none now"; http_wake makes it be asked again. A client that hangs up while its request waits is noticed and `gone` is called. Who may
 * speak is decided by the kernel's word (SO_PEERCRED): root and the user that runs the daemon. Everything is bounded: connections, head,
 * body; what is beyond is refused and counted.
 */
#ifndef CTL_HTTP_H
#define CTL_HTTP_H

#include "base/err.h"
#include "proc/loop.h"

#include <stddef.h>

struct http;
struct http_request;

struct http_limits {
	unsigned connections;
	size_t head_bytes; /* request line and headers */
	size_t body_bytes;
	unsigned timeout_s; /* a connection that says nothing for so long is closed */
};

/* A request is complete. The handler must see to it that http_reply, http_stream or http_upgrade is called once, then or later. */
typedef void http_handler_fn(void *context, struct http_request *request);

/* Starts serving on a listening socket (taken over). NULL with an error when the library refuses. */
struct http *http_new(
	struct loop *loop, int listener, const struct http_limits *limits, http_handler_fn *handler, void *context, struct err *err);

/* Ends all requests (`gone` is called for those that wait) and closes the socket. Accepts NULL. */
void http_free(struct http *http);

/* Open connections; requests refused so far for size, for who asked, and for the number of connections. */
struct http_counts {
	unsigned connections;
	unsigned long too_large, forbidden;
};
struct http_counts http_counts(const struct http *http);

/* What was asked; borrowed until the answer. The path is decoded by the caller (http_decode), the body NUL-terminated. */
const char *http_method(const struct http_request *request);
const char *http_path(const struct http_request *request);
const char *http_query(const struct http_request *request, const char *name);
const char *http_header(const struct http_request *request, const char *name);
const char *http_body(const struct http_request *request, size_t *size);

/* Answers. `body` is copied. After an answer the request is the library's. */
void http_reply(struct http_request *request, unsigned status, const char *content_type, const char *body, size_t size);

/* The state of the handler for this request, and what to call when the client is gone before an answer (or the end of the stream). */
void http_set_state(struct http_request *request, void *state, void (*gone)(void *state));

/* Fills at most `room` bytes in, returns how many; 0: none now; HTTP_END: the stream ends. */
#define HTTP_END ((size_t)-1)
typedef size_t http_source_fn(void *state, char *bytes, size_t room);

/* Answers with a stream without end; `state` is that of http_set_state, whose `gone` is called when it ends. */
void http_stream(struct http_request *request, const char *content_type, http_source_fn *source);
void http_wake(struct http_request *request);

/* Answers 101 and hands the connection over: `upgraded` gets its socket (non-blocking) and must call http_hang_up when done with it.
 * `early` are bytes that the client has sent already. */
struct http_connection;
typedef void http_upgraded_fn(void *state, struct http_connection *connection, int socket, const void *early, size_t early_bytes);
void http_upgrade(struct http_request *request, const char *protocol, http_upgraded_fn *upgraded);
void http_hang_up(struct http_connection *connection);

/* Decodes %XX in place; false when it is malformed or contains a NUL. */
bool http_decode(char *text);

#endif
