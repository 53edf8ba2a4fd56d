/*
 * The serial line of a machine: one connection to QEMU's socket, what was last said on it, and the people who look.
 *
 * Theory of operation. What the guest writes goes into a ring of SERIAL_RING_BYTES; each viewer has a place in it and is sent what comes
 * behind, as fast as it reads. A viewer that falls behind by more than the ring loses the oldest bytes, and nobody else notices. A new
 * viewer begins with what is in the ring. What viewers type goes to the guest in the order in which it is read; when the guest doesn't take
 * it, they are not read until it does. While the machine doesn't run what is typed is thrown away.
 */
#ifndef VM_SERIAL_H
#define VM_SERIAL_H

#include "proc/loop.h"

#include "base/err.h"

#include <stddef.h>

/* Bytes of output kept for new viewers; most viewers of one machine. */
#define SERIAL_RING_BYTES 65536
#define SERIAL_VIEWERS_MAX 8

struct serial;

/* A serial line that is not connected. `path` (copied) is the socket where QEMU listens. */
struct serial *serial_new(struct loop *loop, const char *path);

/* Closes the connection and all viewers. Accepts NULL. */
void serial_free(struct serial *serial);

/* The machine starts or was found running: connects, trying until the socket is there. It stopped: closes; viewers stay for its next start.
 */
void serial_start(struct serial *serial);
void serial_stop(struct serial *serial);

/* Adds a viewer; its end of a stream socket goes to `*fd`, the caller's. 0, or -EMFILE when there are too many. */
int serial_view(struct serial *serial, int *fd, struct err *err);

/* Viewers that look now. */
unsigned serial_viewers(const struct serial *serial);

#endif
