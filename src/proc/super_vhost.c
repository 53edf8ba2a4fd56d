/*
 * The connections to hypervisors that super makes for the switch.
 *
 * Theory of operation. The hypervisors of our own machines listen, each NIC at a path that follows from its port's id. Somebody else's does
 * so at a name that the lab's file gives, or connects to us there: then super listens, for as long as the port exists, and hands over who
 * has connected when the switch asks. All these names are in one folder, since the switch, which guests may have taken over, must not be
 * able to have super connect elsewhere. Nothing here waits; the switch asks again. A socket is made with the rights of its owner alone;
 * one that nobody listens on any more is replaced, what is no socket stays. Sockets are bounded together with the descriptors that are kept
 * for the switch, and like those they go when a new switch doesn't ask for them: their ports were deleted while there was none.
 */
#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/super.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Hypervisors that wait to be taken; one is all that a port can have. */
#define BACKLOG 4

struct vhost_listener {
	bool asked; /* since the switch started */
	int fd;
	struct sockaddr_un address;
};

static int stream_socket(void) { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

static bool connects(int fd, const struct sockaddr_un *address)
{
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

/* Whether a socket lies there that nobody listens on. */
static bool is_left_over(const struct sockaddr_un *address)
{
	struct stat st;
	int fd, error = 0;

	if (lstat(address->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = stream_socket();
	if (fd >= 0 && !connects(fd, address))
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	return error == ECONNREFUSED;
}

static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t mask = umask(S_IXUSR | S_IRWXG | S_IRWXO);
	int rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	int error = errno;

	(void)umask(mask);
	return rc == 0 ? 0 : -error;
}

static void listener_free(struct super *super, struct vhost_listener *listener)
{
	if (listener == NULL)
		return;
	super->kept_fds--;
	(void)close(listener->fd);
	(void)unlink(listener->address.sun_path);
	free(listener);
}

static struct vhost_listener *listener_new(struct super *super, const struct sockaddr_un *address, struct err *err)
{
	struct vhost_listener *listener;
	int fd, rc;

	if (!super_kept_has_room(super)) {
		(void)err_set(err, -EMFILE, "%u descriptors are held for the switch: raise the limit of open files", super->kept_fds);
		return NULL;
	}
	fd = stream_socket();
	if (fd < 0) {
		(void)err_set(err, -errno, "can't make a socket: %s", strerror(errno));
		return NULL;
	}
	rc = bind_private(fd, address);
	if (rc == -EADDRINUSE && is_left_over(address)) {
		(void)unlink(address->sun_path);
		rc = bind_private(fd, address);
	}
	if (rc == 0 && listen(fd, BACKLOG) != 0)
		rc = -errno;
	if (rc != 0) {
		/* ENOENT would mean "not yet" to the switch. */
		(void)err_set(err, rc == -ENOENT ? -ENOTDIR : rc, "can't listen at %s: %s", address->sun_path, strerror(-rc));
		(void)close(fd);
		return NULL;
	}
	listener = xalloc(sizeof(*listener));
	*listener = (struct vhost_listener){.fd = fd, .address = *address};
	super->kept_fds++;
	return listener;
}

/* Who has connected to our socket; -1 when nobody has yet, or it can't be made. */
static int take_connected(struct super *super, uint32_t port, const struct sockaddr_un *address, struct err *err)
{
	struct vhost_listener *listener = map_get(&super->vhost_listeners, port);
	int fd;

	if (listener != NULL && strcmp(listener->address.sun_path, address->sun_path) != 0) {
		super_vhost_close(super, port);
		listener = NULL;
	}
	if (listener == NULL) {
		listener = listener_new(super, address, err);
		if (listener == NULL)
			return -1;
		(void)map_set(&super->vhost_listeners, port, listener);
	}
	listener->asked = true;
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		(void)err_set(err, errno == EAGAIN ? -ENOENT : -errno, "nobody has connected to %s", address->sun_path);
	return fd;
}

/* A connection that the hypervisor hasn't taken yet counts as made. */
static int connect_to(const struct sockaddr_un *address, struct err *err)
{
	int fd = stream_socket();

	if (fd >= 0 && connects(fd, address))
		return fd;
	(void)err_set(err, -errno, "can't connect to %s: %s", address->sun_path, strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* Where a port's socket is. */
static bool address_of(const struct super *super, const struct msg_connect_vhost *order, struct sockaddr_un *address, struct err *err)
{
	char path[FILE_BYTES];

	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (order->socket[0] == '\0') {
		if (order->listen)
			return err_set(err, -EINVAL, "a socket to listen at has no name") == 0;
		CHECK(text_copy(address->sun_path, sizeof(address->sun_path), places_vhost_socket(&super->places, order->port, path)));
		return true;
	}
	if (order->socket[0] == '.' || strchr(order->socket, '/') != NULL)
		return err_set(err, -EINVAL, "\"%s\" is no name of a socket", order->socket) == 0;
	if (!text_copy(address->sun_path, sizeof(address->sun_path), places_port_socket(&super->places, order->socket, path)))
		return err_set(err, -ENAMETOOLONG, "%s is too long for a socket: at most %zu bytes", path, sizeof(address->sun_path) - 1) ==
		       0;
	return true;
}

void super_vhost_connect(struct super *super, struct child *asker, uint32_t seq, const struct msg_connect_vhost *order)
{
	struct vhost_listener *listener = map_get(&super->vhost_listeners, order->port);
	struct sockaddr_un address;
	struct err err = {0};
	int fd = super_kept(super, asker, seq, order->port, NULL);

	if (listener != NULL && order->listen)
		listener->asked = true;
	if (fd >= 0) {
		(void)channel_send(asker->channel, MSG_OPENED, seq, NULL, fd);
		return;
	}
	if (address_of(super, order, &address, &err))
		fd = order->listen ? take_connected(super, order->port, &address, &err) : connect_to(&address, &err);
	if (fd >= 0) {
		super_keep_device(super, order->port, NULL, fd);
		(void)channel_send(asker->channel, MSG_OPENED, seq, NULL, fd);
		(void)close(fd);
	} else {
		channel_done(asker->channel, seq, &err);
	}
}

void super_vhost_close(struct super *super, uint32_t port) { listener_free(super, map_remove(&super->vhost_listeners, port)); }

void super_vhost_unask(struct super *super)
{
	struct vhost_listener *listener;
	size_t cursor = 0;

	while ((listener = map_next(&super->vhost_listeners, &cursor, NULL, NULL)) != NULL)
		listener->asked = false;
}

void super_vhost_close_unasked(struct super *super)
{
	struct vhost_listener *listener;
	uint64_t port;
	size_t cursor = 0;

	while ((listener = map_next(&super->vhost_listeners, &cursor, &port, NULL)) != NULL)
		if (!listener->asked)
			super_vhost_close(super, (uint32_t)port);
}

void super_vhost_end(struct super *super)
{
	struct vhost_listener *listener;
	size_t cursor = 0;

	while ((listener = map_next(&super->vhost_listeners, &cursor, NULL, NULL)) != NULL)
		listener_free(super, listener);
	map_free(&super->vhost_listeners);
}
