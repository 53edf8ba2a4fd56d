/* Reads and writes vhost-user messages on a stream socket, with their descriptors, without ever blocking. */
#include "switch/vhost_user.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for a few more descriptors than any message has, so that too many are seen (and closed) rather than cut off by the kernel. */
enum { FDS_ROOM = VHOST_REGIONS_MAX + 8 };

/* Takes over what came with a read; false when it was more, or at another place, than the protocol allows (all are closed then). */
static bool take_fds(struct vhost_socket *socket, struct msghdr *header, bool first)
{
	struct vhost_message *message = &socket->message;
	bool good = !(header->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (first && message->fd_count < VHOST_REGIONS_MAX) {
				message->fds[message->fd_count++] = fd;
			} else {
				(void)close(fd);
				good = false;
			}
		}
	}
	return good;
}

/* Reads at most `bytes` to `at`; the number read, 0 when nothing is there, or a negative errno. */
static ssize_t read_some(struct vhost_socket *socket, void *at, size_t bytes, struct err *err)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FDS_ROOM)];
	} control;
	struct iovec vector = {at, bytes};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0)
		return err_set(err, -errno, "the hypervisor's connection broke: %s", strerror(errno));
	if (n == 0)
		return err_set(err, -ECONNRESET, "the hypervisor closed the connection");
	if (!take_fds(socket, &header, socket->have == 0))
		return err_set(err, -EPROTO, "descriptors of the hypervisor where none are due");
	return n;
}

int vhost_socket_read(struct vhost_socket *socket, struct err *err)
{
	struct vhost_message *message = &socket->message;
	ssize_t n;

	while (socket->have < sizeof(message->head)) {
		n = read_some(socket, (uint8_t *)&message->head + socket->have, sizeof(message->head) - socket->have, err);
		if (n <= 0)
			return (int)n;
		socket->have += (uint32_t)n;
	}
	if ((message->head.flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION || (message->head.flags & VHOST_USER_REPLY))
		return err_set(err, -EPROTO, "a message of the hypervisor with flags 0x%x", message->head.flags);
	if (message->head.size > sizeof(message->bytes))
		return err_set(err, -EPROTO, "a message of the hypervisor of %u bytes", message->head.size);
	while (socket->have < sizeof(message->head) + message->head.size) {
		uint32_t at = socket->have - (uint32_t)sizeof(message->head);

		n = read_some(socket, message->bytes + at, message->head.size - at, err);
		if (n <= 0)
			return (int)n;
		socket->have += (uint32_t)n;
	}
	return 1;
}

void vhost_socket_next(struct vhost_socket *socket)
{
	struct vhost_message *message = &socket->message;

	for (unsigned i = 0; i < message->fd_count; i++)
		if (message->fds[i] >= 0)
			(void)close(message->fds[i]);
	memset(message, 0, sizeof(*message));
	socket->have = 0;
}

int vhost_socket_reply(const struct vhost_socket *socket, uint32_t request, const void *payload, uint32_t size, struct err *err)
{
	struct vhost_user_head head = {request, VHOST_USER_VERSION | VHOST_USER_REPLY, size};
	struct iovec vector[2] = {{&head, sizeof(head)}, {NULL, size}};
	struct msghdr header = {.msg_iov = vector, .msg_iovlen = 2};
	ssize_t n;

	memcpy(&vector[1].iov_base, &payload, sizeof(payload)); /* sendmsg only reads it */
	do
		n = sendmsg(socket->fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)(sizeof(head) + size))
		return err_set(err, -EPIPE, "the hypervisor doesn't take our reply");
	return 0;
}
