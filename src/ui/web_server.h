/* The server of the window: its files, and the daemon's API behind a token. */
#ifndef UI_WEB_SERVER_H
#define UI_WEB_SERVER_H

#include "base/err.h"
#include "ui/web_guard.h"

/* Connections at a time, bytes of a request's body, consoles that are open at a time. */
#define WEB_CONNECTIONS_MAX 64
#define WEB_BODY_BYTES_MAX (1u << 20)
#define WEB_CONSOLES_MAX 16

struct web_server;

/*
 * Serves at 127.0.0.1:`port` (0: any free one) with threads of its own and passes questions on to the daemon at the unix socket `upstream`.
 * NULL with an error: -EADDRINUSE, -ELIBACC when libmicrohttpd is missing.
 */
struct web_server *web_server_new(const char *upstream, uint16_t port, struct err *err);

/* What it was started with: the port it got and its token. */
const struct web_rules *web_server_rules(const struct web_server *server);

/* Ends all answers and waits for the threads. Accepts NULL. */
void web_server_free(struct web_server *server);

#endif
