/* One question to the daemon on a connection of its own, whose answer is read piece by piece: what the window's server passes on. */
#ifndef UI_WEB_UPSTREAM_H
#define UI_WEB_UPSTREAM_H

#include "base/err.h"

#include <stddef.h>
#include <sys/types.h>

/* The longest head of an answer, bytes. */
#define UPSTREAM_HEAD_BYTES_MAX 8192

/* What is asked. `upgrade` is a protocol to turn the connection into, or NULL. */
struct upstream_question {
	const char *socket;
	const char *method;
	const char *target;
	const char *upgrade;
	const char *body;
	size_t body_bytes;
};

/* An answer that is being read. `watched` are descriptors whose hang-up ends the wait for it (-1: none). */
struct upstream {
	int fd;
	int watched[2];
	unsigned status;
	char type[128];
	char head[UPSTREAM_HEAD_BYTES_MAX];
	size_t head_bytes; /* of `head` that are the head; what is behind them is the body's beginning */
	size_t used, read;
};

/* Asks and reads the head. 0, or -errno: -ENOENT and -ECONNREFUSED when no daemon listens, -ECANCELED when a watched one hung up. */
int upstream_ask(struct upstream *upstream, const struct upstream_question *question, struct err *err);

/* The next bytes of the body, waiting for them; 0 at its end, -errno as above. */
ssize_t upstream_read(struct upstream *upstream, char *bytes, size_t room);

/* Writes to an upgraded connection; gives up with -EAGAIN when the other side takes nothing for a second. */
int upstream_write(int fd, const char *bytes, size_t size);

void upstream_close(struct upstream *upstream);

#endif
