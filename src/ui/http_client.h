/* HTTP over the daemon's unix socket. */
#ifndef UI_HTTP_CLIENT_H
#define UI_HTTP_CLIENT_H

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>

/* The largest answer that is taken, bytes. */
#define HTTP_BODY_BYTES_MAX (64u << 20)

/* What is asked for: `path` is already encoded, `body` is JSON or NULL, `timeout_s` 0 waits for ever. */
struct http_question {
	const char *socket;
	const char *method;
	const char *path;
	const char *body;
	unsigned timeout_s;
};

/*
 * Asks. Returns the HTTP status with the answer's body added to
 * `answer`, or a negative errno: -ENOENT, -ECONNREFUSED when nobody listens, -ETIMEDOUT after `timeout_s`.
 */
int http_request(const struct http_question *question, struct text *answer, struct err *err);

/* Reads an endless answer line by line until `line` returns false or the other side ends it. Returns as http_request. */
int http_stream(const char *socket, const char *path, bool (*line)(void *context, const char *text), void *context, struct err *err);

/*
 * Turns a connection into a stream of bytes (RFC 9110 7.8) for `protocol`. Returns its descriptor, the caller's, or a negative errno with
 * what the daemon said.
 */
int http_upgrade(const char *socket, const char *path, const char *protocol, struct err *err);

/* Closes the connection that is kept between requests. */
void http_close(void);

#endif
