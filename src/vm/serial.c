/* The serial line of a machine (see serial.h): a ring between QEMU's socket and its viewers' sockets. */
#include "vm/serial.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { INPUT_BYTES = 4096, READ_BYTES = 16384, RETRY_MS = 50 };

struct viewer {
	struct serial *serial;
	int fd; /* -1: nobody */
	struct loop_watch *watch;
	uint64_t at; /* the next byte to send, counted from the line's first */
};

struct serial {
	struct loop *loop;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	int fd; /* to QEMU, -1 while not connected */
	struct loop_watch *watch;
	struct loop_timer *retry;
	uint64_t written; /* bytes the guest ever said; the last SERIAL_RING_BYTES of them are in `ring` */
	char ring[SERIAL_RING_BYTES];
	char input[INPUT_BYTES]; /* typed, not yet taken by the guest */
	size_t input_used;
	struct viewer viewers[SERIAL_VIEWERS_MAX];
};

static void on_guest(void *context, int fd, int events);
static void on_viewer(void *context, int fd, int events);
static void connect_guest(struct serial *serial);

static void on_retry(void *context, struct instant now) { connect_guest(context); }

struct serial *serial_new(struct loop *loop, const char *path)
{
	struct serial *serial = xalloc(sizeof(*serial));

	serial->loop = loop;
	(void)text_copy(serial->path, sizeof(serial->path), path);
	serial->fd = -1;
	serial->retry = loop_timer_new(loop, on_retry, serial);
	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++) {
		serial->viewers[i].serial = serial;
		serial->viewers[i].fd = -1;
	}
	return serial;
}

static void close_viewer(struct viewer *viewer)
{
	if (viewer->fd < 0)
		return;
	loop_watch_free(viewer->watch);
	close(viewer->fd);
	viewer->fd = -1;
}

void serial_free(struct serial *serial)
{
	if (serial == NULL)
		return;
	serial_stop(serial);
	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++)
		close_viewer(&serial->viewers[i]);
	loop_timer_free(serial->retry);
	free(serial);
}

/* Says to the loop what each side is watched for: viewers are read only while there is room for what they type. */
static void watch_all(struct serial *serial)
{
	int room = serial->input_used < INPUT_BYTES ? LOOP_READABLE : 0;

	if (serial->fd >= 0)
		loop_watch_set(serial->watch, LOOP_READABLE | (serial->input_used > 0 ? LOOP_WRITABLE : 0));
	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++) {
		struct viewer *viewer = &serial->viewers[i];

		if (viewer->fd >= 0)
			loop_watch_set(viewer->watch, room | (viewer->at < serial->written ? LOOP_WRITABLE : 0));
	}
}

/* Sends a viewer what it hasn't seen, as much as its socket takes. */
static void send_to_viewer(struct viewer *viewer)
{
	const struct serial *serial = viewer->serial;

	if (serial->written - viewer->at > SERIAL_RING_BYTES)
		viewer->at = serial->written - SERIAL_RING_BYTES;
	while (viewer->fd >= 0 && viewer->at < serial->written) {
		size_t from = viewer->at % SERIAL_RING_BYTES;
		size_t size = serial->written - viewer->at;
		ssize_t n;

		if (size > SERIAL_RING_BYTES - from)
			size = SERIAL_RING_BYTES - from;
		n = send(viewer->fd, serial->ring + from, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0)
			close_viewer(viewer);
		else
			viewer->at += (uint64_t)n;
	}
}

/* Gives the guest what was typed, as much as it takes; throws it away when there is no guest. */
static void send_to_guest(struct serial *serial)
{
	ssize_t n;

	if (serial->fd < 0)
		serial->input_used = 0;
	if (serial->input_used == 0)
		return;
	n = send(serial->fd, serial->input, serial->input_used, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n <= 0)
		return;
	serial->input_used -= (size_t)n;
	memmove(serial->input, serial->input + n, serial->input_used);
}

static void append(struct serial *serial, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		serial->ring[(serial->written + i) % SERIAL_RING_BYTES] = bytes[i];
	serial->written += size;
	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++)
		send_to_viewer(&serial->viewers[i]);
}

static void on_guest(void *context, int fd, int events)
{
	struct serial *serial = context;
	char bytes[READ_BYTES];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n > 0) {
		append(serial, bytes, (size_t)n);
	} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		/* QEMU ended, or the line was taken from us: try again until somebody says that the machine stopped. */
		serial_stop(serial);
		serial_start(serial);
		return;
	}
	send_to_guest(serial);
	watch_all(serial);
}

static void on_viewer(void *context, int fd, int events)
{
	struct viewer *viewer = context;
	struct serial *serial = viewer->serial;
	size_t room = INPUT_BYTES - serial->input_used;
	ssize_t n = room > 0 ? recv(fd, serial->input + serial->input_used, room, MSG_DONTWAIT) : -1;

	if (n > 0)
		serial->input_used += (size_t)n;
	else if (n == 0 || (room > 0 && errno != EAGAIN && errno != EINTR))
		close_viewer(viewer);
	send_to_viewer(viewer);
	send_to_guest(serial);
	watch_all(serial);
}

static void connect_guest(struct serial *serial)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CHECK(text_copy(address.sun_path, sizeof(address.sun_path), serial->path));
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		if (fd >= 0)
			close(fd);
		loop_timer_set(serial->retry, instant_add(loop_now(serial->loop), span_ms(RETRY_MS)));
		return;
	}
	serial->fd = fd;
	serial->watch = loop_watch_new(serial->loop, fd, LOOP_READABLE, on_guest, serial);
	watch_all(serial);
}

void serial_start(struct serial *serial)
{
	if (serial->fd < 0)
		loop_timer_set(serial->retry, instant_add(loop_now(serial->loop), span_ms(RETRY_MS)));
}

void serial_stop(struct serial *serial)
{
	loop_timer_set(serial->retry, INSTANT_NEVER);
	if (serial->fd < 0)
		return;
	loop_watch_free(serial->watch);
	close(serial->fd);
	serial->fd = -1;
	serial->input_used = 0;
	watch_all(serial);
}

int serial_view(struct serial *serial, int *fd, struct err *err)
{
	struct viewer *viewer = NULL;
	int ends[2];

	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX && viewer == NULL; i++)
		if (serial->viewers[i].fd < 0)
			viewer = &serial->viewers[i];
	if (viewer == NULL)
		return err_set(err, -EMFILE, "%d people look at this console already: close one of them", SERIAL_VIEWERS_MAX);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	viewer->fd = ends[0];
	viewer->at = serial->written > SERIAL_RING_BYTES ? serial->written - SERIAL_RING_BYTES : 0;
	viewer->watch = loop_watch_new(serial->loop, viewer->fd, LOOP_READABLE, on_viewer, viewer);
	send_to_viewer(viewer);
	watch_all(serial);
	*fd = ends[1];
	return 0;
}

unsigned serial_viewers(const struct serial *serial)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++)
		count += serial->viewers[i].fd >= 0;
	return count;
}
