/*
 * One question to the daemon on a connection of its own.
 *
 * Theory of operation. The question is asked as HTTP/1.0, which makes the daemon end its answer by closing: the body is whatever follows
 * the head, without chunks, and an endless one (events) needs nothing special. Only the console's upgrade is 1.1. All waiting is in poll,
 * together with the browser's connection and the server's end, so that nobody is waited for in vain.
 */
#include "ui/web_upstream.h"

#include "base/check.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WRITE_PATIENCE_MS 1000

static int connect_to(const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (!text_copy(address.sun_path, sizeof(address.sun_path), path))
		return err_set(err, -ENAMETOOLONG, "the socket's path is too long");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "no socket: %s", strerror(errno));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = -errno;
	(void)close(fd);
	if (error == -ENOENT || error == -ECONNREFUSED)
		return err_set(err, error, "no weftd runs here; weft up FILE starts one with a lab");
	return err_set(err, error, "can't connect to the daemon: %s", strerror(-error));
}

int upstream_write(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
		struct pollfd room = {.fd = fd, .events = POLLOUT};

		if (n < 0 && errno == EAGAIN && poll(&room, 1, WRITE_PATIENCE_MS) == 1)
			continue;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

static int send_question(int fd, const struct upstream_question *question)
{
	struct text text = {0};
	int error;

	text_add(&text, "%s %s HTTP/1.%d\r\nHost: weft\r\n", question->method, question->target, question->upgrade ? 1 : 0);
	if (question->upgrade != NULL)
		text_add(&text, "Connection: Upgrade\r\nUpgrade: %s\r\n", question->upgrade);
	if (question->body_bytes > 0)
		text_add(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n", question->body_bytes);
	text_add(&text, "\r\n");
	text_add_bytes(&text, question->body, question->body_bytes);
	error = upstream_write(fd, text.bytes, text.used);
	text_free(&text);
	return error;
}

/* Waits until the daemon has something to say. 0, or -ECANCELED when nobody wants to hear it any more. */
static int wait_for_answer(const struct upstream *upstream)
{
	struct pollfd fds[3] = {{.fd = upstream->fd, .events = POLLIN}, {.fd = upstream->watched[0], .events = POLLRDHUP},
		{.fd = upstream->watched[1], .events = POLLRDHUP}};

	for (;;) {
		int ready = poll(fds, COUNT_OF(fds), -1);

		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready > 0 && (fds[1].revents != 0 || fds[2].revents != 0))
			return -ECANCELED;
		if (ready > 0)
			return 0;
	}
}

static ssize_t receive(const struct upstream *upstream, char *bytes, size_t room)
{
	for (;;) {
		int error = wait_for_answer(upstream);
		ssize_t n = error < 0 ? error : recv(upstream->fd, bytes, room, 0);

		if (error < 0)
			return error;
		if (n < 0 && errno == EINTR)
			continue;
		return n < 0 ? -errno : n;
	}
}

/* The value of a header within the head, its length in *length; NULL when it isn't there. */
static const char *header(const char *head, const char *name, size_t *length)
{
	size_t name_length = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
			continue;
		line += name_length + 1;
		line += strspn(line, " \t");
		*length = strcspn(line, "\r");
		return line;
	}
	return NULL;
}

/* Reads until the head is whole and takes out of it what is passed on. */
static int read_head(struct upstream *upstream)
{
	const char *end = NULL, *type;
	size_t length = 0;

	while (end == NULL) {
		ssize_t n;

		if (upstream->used == sizeof(upstream->head) - 1)
			return -EMSGSIZE;
		n = receive(upstream, upstream->head + upstream->used, sizeof(upstream->head) - 1 - upstream->used);
		if (n <= 0)
			return n < 0 ? (int)n : -ECONNRESET;
		upstream->used += (size_t)n;
		upstream->head[upstream->used] = '\0';
		end = strstr(upstream->head, "\r\n\r\n");
	}
	upstream->head_bytes = (size_t)(end - upstream->head) + 4;
	upstream->read = upstream->head_bytes;
	if (strncmp(upstream->head, "HTTP/1.", 7) != 0)
		return -EPROTO;
	upstream->status = (unsigned)strtoul(upstream->head + 8, NULL, 10);
	type = header(upstream->head, "Content-Type", &length);
	if (type != NULL && length < sizeof(upstream->type)) {
		memcpy(upstream->type, type, length);
		upstream->type[length] = '\0';
	}
	return upstream->status >= 100 && upstream->status <= 599 ? 0 : -EPROTO;
}

int upstream_ask(struct upstream *upstream, const struct upstream_question *question, struct err *err)
{
	int error;

	upstream->status = 0;
	upstream->type[0] = '\0';
	upstream->used = 0;
	upstream->fd = connect_to(question->socket, err);
	if (upstream->fd < 0)
		return upstream->fd;
	error = send_question(upstream->fd, question);
	if (error == 0)
		error = read_head(upstream);
	if (error == 0)
		return 0;
	upstream_close(upstream);
	return err_set(err, error, "the daemon broke off: %s", strerror(-error));
}

ssize_t upstream_read(struct upstream *upstream, char *bytes, size_t room)
{
	size_t early = upstream->used - upstream->read;

	if (early == 0)
		return receive(upstream, bytes, room);
	if (early > room)
		early = room;
	memcpy(bytes, upstream->head + upstream->read, early);
	upstream->read += early;
	return (ssize_t)early;
}

void upstream_close(struct upstream *upstream)
{
	if (upstream->fd >= 0)
		(void)close(upstream->fd);
	upstream->fd = -1;
}
