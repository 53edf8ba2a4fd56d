/* Fuzzes the vhost-user requests of a front end: what it sends, with how many descriptors, in how many pieces. */
#include "switch/vhost_device.h"

#include "../lib/stub_device.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One message of the input: a byte for descriptors, a request, flags, size, then the payload. */
static size_t send_message(int fd, int memory_fd, int event_fd, const uint8_t *data, size_t size)
{
	struct vhost_user_head head = {data[1] % (VHOST_USER_REQUEST_COUNT + 2), VHOST_USER_VERSION | (data[2] & 0xc), data[3]};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 16)];
	} control = {0};
	uint8_t bytes[sizeof(head) + 255];
	size_t payload = size - 4 < head.size ? size - 4 : head.size;
	struct iovec vector = {bytes, sizeof(head) + payload};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
	unsigned count = data[0] & 15;
	int fds[16];

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), data + 4, payload);
	for (unsigned i = 0; i < 16; i++)
		fds[i] = (data[0] & 16) ? memory_fd : event_fd;
	if (count > 0) {
		struct cmsghdr *c;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&header);
		CHECK(c != NULL);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	(void)sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	return 4 + payload;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int memory_fd = -1, event_fd = -1;
	const struct msg_port port = {.id = 1, .kind = PORT_VHOST, .mtu = 1500};
	struct packet_pool *pool = packet_pool_new(64, 4);
	struct packet *packets[8];
	struct device *device;
	struct err err;
	int ends[2];

	if (memory_fd < 0) {
		vhost_memory_guard();
		memory_fd = memfd_create("guest", MFD_CLOEXEC);
		event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		CHECK(memory_fd >= 0 && event_fd >= 0 && ftruncate(memory_fd, 1 << 20) == 0);
	}
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	device = vhost_kind.open(NULL, &port, 0, ends[1], &err);
	CHECK(device != NULL);
	device->pool = pool;
	device->mtu = 1500;
	while (size >= 4 && !device->failed) {
		size_t used = send_message(ends[0], memory_fd, event_fd, data, size);
		unsigned count;

		data += used;
		size -= used;
		device->kind->ready(device, VHOST_TAG_SOCKET, 0);
		if (device->failed)
			break;
		count = device->kind->receive(device, packets, COUNT_OF(packets));
		(void)device->kind->send(device, packets, count);
		device->kind->flush(device);
		device->kind->arm(device);
		device->kind->disarm(device);
	}
	device->kind->close(device);
	(void)close(ends[0]);
	packet_pool_free(pool);
	return 0;
}
