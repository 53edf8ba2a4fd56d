/* The requests of a vhost-user front end, one table row each. */
#include "switch/vhost_device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIT(n) (UINT64_C(1) << (n))

/* How a request is answered. */
enum answer { ANSWER_ACK, ANSWER_NUMBER, ANSWER_STATE };

/* A request: the exact size of its payload (0 with `any_size`), its most descriptors, and who carries it out. */
struct request_row {
	const char *name;
	uint32_t size;
	bool any_size;
	uint8_t fds_max;
	uint8_t answer; /* enum answer: ACK when asked for, the others always, with the changed payload */
	int (*handle)(struct vhost_device *vhost, struct vhost_message *message, struct err *err);
};

uint64_t vhost_features(void)
{
	return BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_F_ANY_LAYOUT) | BIT(VIRTIO_RING_F_INDIRECT_DESC) | BIT(VIRTIO_RING_F_EVENT_IDX) |
	       BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM) | BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_HOST_TSO6) |
	       BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_GUEST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO6) | BIT(VIRTIO_NET_F_GUEST_ECN) |
	       BIT(VIRTIO_NET_F_MRG_RXBUF) | BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_CTRL_VQ) |
	       BIT(VIRTIO_NET_F_MQ) | BIT(VIRTIO_NET_F_GUEST_ANNOUNCE) | BIT(VHOST_F_LOG_ALL) | BIT(VHOST_USER_F_PROTOCOL_FEATURES);
}

/* The queue a request names, or NULL. */
static struct vhost_queue *queue_of(struct vhost_device *vhost, uint64_t index, struct err *err)
{
	if (index < VHOST_QUEUES_MAX)
		return &vhost->queues[index];
	(void)err_set(err, -EPROTO, "the hypervisor named ring %llu of %u", (unsigned long long)index, VHOST_QUEUES_MAX);
	return NULL;
}

static int get_features(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	message->number = vhost_features();
	return 0;
}

void vhost_use_features(struct vhost_device *vhost, uint64_t features)
{
	bool header_12 = features & (BIT(VIRTIO_F_VERSION_1) | BIT(VIRTIO_NET_F_MRG_RXBUF));

	vhost->features = features;
	vhost->log.on = features & BIT(VHOST_F_LOG_ALL);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		struct vhost_queue *queue = &vhost->queues[i];

		queue->setup.header_bytes = header_12 ? sizeof(struct virtio_net_hdr_mrg_rxbuf) : sizeof(struct virtio_net_hdr);
		queue->setup.event_idx = features & BIT(VIRTIO_RING_F_EVENT_IDX);
		queue->setup.indirect = features & BIT(VIRTIO_RING_F_INDIRECT_DESC);
		queue->setup.mergeable = features & BIT(VIRTIO_NET_F_MRG_RXBUF);
		if (!(features & BIT(VHOST_USER_F_PROTOCOL_FEATURES)))
			queue->enabled = true; /* there is no SET_VRING_ENABLE then */
	}
}

static int set_features(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	uint64_t features = message->number;

	if (features & ~vhost_features())
		return err_set(err, -EPROTO, "the hypervisor set features that weren't offered: 0x%llx",
			(unsigned long long)(features & ~vhost_features()));
	vhost_stop(vhost);
	vhost_use_features(vhost, features);
	return vhost_start(vhost, err);
}

static int get_protocol_features(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	message->number = VHOST_PROTOCOL_FEATURES;
	return 0;
}

static int set_protocol_features(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	if (message->number & ~VHOST_PROTOCOL_FEATURES)
		return err_set(err, -EPROTO, "the hypervisor set protocol features that weren't offered: 0x%llx",
			(unsigned long long)message->number);
	vhost->protocol_features = message->number;
	return 0;
}

static int get_queue_num(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	message->number = VHOST_PAIRS_MAX;
	return 0;
}

static int set_owner(struct vhost_device *vhost, struct vhost_message *message, struct err *err) { return 0; }

static int reset_owner(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	vhost_stop(vhost);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		vhost->queues[i].enabled = false;
		vhost_queue_close_kick(vhost, &vhost->queues[i]);
	}
	return 0;
}

static int set_mem_table(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	struct vhost_region_info infos[VHOST_REGIONS_MAX];
	uint32_t count = message->memory.count;
	int error;

	if (count == 0 || count > VHOST_REGIONS_MAX || message->fd_count != count ||
		message->head.size < 8 + count * sizeof(struct vhost_user_region))
		return err_set(err, -EPROTO, "the hypervisor's memory table has %u regions, %u descriptors, %u bytes", count,
			message->fd_count, message->head.size);
	for (uint32_t i = 0; i < count; i++) {
		const struct vhost_user_region *r = &message->memory.regions[i];

		infos[i] = (struct vhost_region_info){.guest = r->guest, .bytes = r->bytes, .user = r->user, .offset = r->offset};
	}
	vhost_stop(vhost);
	vhost_memory_unmap(&vhost->memory);
	error = vhost_memory_map(&vhost->memory, infos, message->fds, count, err);
	if (error != 0)
		return error;
	for (uint32_t i = 0; i < VHOST_REGIONS_MAX; i++)
		vhost_keep_fd(vhost, KEEP_MEMORY + i, i < count ? message->fds[i] : -1);
	return vhost_start(vhost, err);
}

/* QEMU waits for the answer, whatever was agreed upon. */
static int set_log_base(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	const struct vhost_user_log log = message->log;

	if (message->fd_count != 1)
		return err_set(err, -EPROTO, "a log with %u descriptors", message->fd_count);
	message->number = 0;
	return vhost_log_map(&vhost->log, message->fds[0], log.bytes, log.offset, err);
}

/* Who wants to be woken for each page that is marked isn't: nobody has asked for it in earnest. */
static int set_log_fd(struct vhost_device *vhost, struct vhost_message *message, struct err *err) { return 0; }

static int set_vring_num(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	struct vhost_queue *queue = queue_of(vhost, message->state.index, err);

	if (queue == NULL)
		return -EPROTO;
	vhost_queue_stop(vhost, queue);
	queue->setup.size = message->state.number;
	return vhost_start(vhost, err);
}

static int set_vring_addr(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	struct vhost_queue *queue = queue_of(vhost, message->address.index, err);

	if (queue == NULL)
		return -EPROTO;
	vhost_queue_stop(vhost, queue);
	queue->setup.desc_at = message->address.desc;
	queue->setup.avail_at = message->address.avail;
	queue->setup.used_at = message->address.used;
	queue->setup.log_used = message->address.flags & VHOST_USER_VRING_F_LOG;
	queue->setup.log_at = message->address.log;
	queue->has_addresses = true;
	return vhost_start(vhost, err);
}

static int set_vring_base(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	struct vhost_queue *queue = queue_of(vhost, message->state.index, err);

	if (queue == NULL)
		return -EPROTO;
	vhost_queue_stop(vhost, queue);
	queue->base = (uint16_t)message->state.number; /* only remembered: the ring starts at its used index */
	return vhost_start(vhost, err);
}

static int get_vring_base(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	struct vhost_queue *queue = queue_of(vhost, message->state.index, err);

	if (queue == NULL)
		return -EPROTO;
	vhost_queue_stop(vhost, queue);
	vhost_queue_close_kick(vhost, queue);
	message->state.number = queue->base;
	return 0;
}

static int set_vring_enable(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	struct vhost_queue *queue = queue_of(vhost, message->state.index, err);

	if (queue == NULL)
		return -EPROTO;
	vhost_queue_stop(vhost, queue);
	queue->enabled = message->state.number != 0;
	return vhost_start(vhost, err);
}

static int net_set_mtu(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	/* The port's MTU is ours to say (its limit holds whatever the guest believes); a value that no link has is an error. */
	return message->number >= 68 && message->number <= 65535
		       ? 0
		       : err_set(err, -EPROTO, "an MTU of %llu", (unsigned long long)message->number);
}

/*
 * Takes the descriptor of a KICK, CALL or ERR request: an eventfd, made non-blocking, or -1. We write to it from the worker, so a pipe
 * that its owner doesn't read would stop the whole switch: anonymous inodes only (they have no file type). Who holds the other end can
 * still undo O_NONBLOCK and fill the counter; that is QEMU's own process taken over, and the supervisor's watch on us ends it.
 */
static int take_eventfd(struct vhost_message *message, int *out, struct err *err)
{
	bool none = message->number & VHOST_USER_VRING_NO_FD;
	struct stat status;
	int flags;

	if ((message->number & ~(VHOST_USER_VRING_INDEX_MASK | VHOST_USER_VRING_NO_FD)) != 0 || message->fd_count != (none ? 0 : 1))
		return err_set(err, -EPROTO, "a ring's descriptor with %u descriptors, 0x%llx", message->fd_count,
			(unsigned long long)message->number);
	*out = -1;
	if (none)
		return 0;
	flags = fcntl(message->fds[0], F_GETFL);
	if (fstat(message->fds[0], &status) != 0 || (status.st_mode & S_IFMT) != 0 || flags < 0 ||
		fcntl(message->fds[0], F_SETFL, flags | O_NONBLOCK) != 0)
		return err_set(err, -EPROTO, "a ring's descriptor that is no eventfd");
	*out = message->fds[0];
	message->fds[0] = -1;
	return 0;
}

static int set_vring_kick(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	uint64_t index = message->number & VHOST_USER_VRING_INDEX_MASK;
	struct vhost_queue *queue = queue_of(vhost, index, err);
	int fd = -1, error;

	if (queue == NULL)
		return -EPROTO;
	error = take_eventfd(message, &fd, err);
	if (error != 0)
		return error;
	if (fd < 0)
		return err_set(err, -EPROTO, "a ring without a kick descriptor: this switch sleeps when idle and must be woken");
	vhost_queue_stop(vhost, queue);
	vhost_queue_close_kick(vhost, queue);
	queue->kick_fd = fd;
	vhost_keep_fd(vhost, KEEP_KICK + (unsigned)index, fd);
	/* Only what the guest sends wakes us. Edge-triggered: its counter is never read. */
	if (index % 2 == 1) {
		error = device_watch(&vhost->device, fd, EPOLLIN | EPOLLET, (uint32_t)index + 1);
		if (error != 0)
			return err_set(err, error, "can't watch a ring");
	}
	return vhost_start(vhost, err);
}

/* A new CALL or ERR descriptor takes effect at once. The driver may have missed an interrupt meanwhile, so it gets one. */
static int set_vring_signal(struct vhost_device *vhost, struct vhost_message *message, struct err *err)
{
	unsigned index = (unsigned)(message->number & VHOST_USER_VRING_INDEX_MASK);
	struct vhost_queue *queue = queue_of(vhost, index, err);
	bool call = message->head.request == VHOST_USER_SET_VRING_CALL;
	const uint64_t one = 1;
	int fd = -1, error;

	if (queue == NULL)
		return -EPROTO;
	error = take_eventfd(message, &fd, err);
	if (error != 0)
		return error;
	if (call) {
		if (queue->call_fd >= 0)
			(void)close(queue->call_fd);
		queue->call_fd = queue->ring.call_fd = fd;
		vhost_keep_fd(vhost, KEEP_CALL + index, fd);
		if (fd >= 0 && queue->ring.running)
			(void)!write(fd, &one, sizeof(one));
	} else {
		if (queue->error_fd >= 0)
			(void)close(queue->error_fd);
		queue->error_fd = queue->ring.error_fd = fd;
		vhost_keep_fd(vhost, KEEP_ERROR + index, fd);
	}
	return 0;
}

static const struct request_row rows[VHOST_USER_REQUEST_COUNT] = {
	[VHOST_USER_GET_FEATURES] = {"GET_FEATURES", 0, false, 0, ANSWER_NUMBER, get_features},
	[VHOST_USER_SET_FEATURES] = {"SET_FEATURES", 8, false, 0, ANSWER_ACK, set_features},
	[VHOST_USER_SET_OWNER] = {"SET_OWNER", 0, false, 0, ANSWER_ACK, set_owner},
	[VHOST_USER_RESET_OWNER] = {"RESET_OWNER", 0, false, 0, ANSWER_ACK, reset_owner},
	[VHOST_USER_SET_MEM_TABLE] = {"SET_MEM_TABLE", 0, true, VHOST_REGIONS_MAX, ANSWER_ACK, set_mem_table},
	[VHOST_USER_SET_LOG_BASE] = {"SET_LOG_BASE", 16, false, 1, ANSWER_NUMBER, set_log_base},
	[VHOST_USER_SET_LOG_FD] = {"SET_LOG_FD", 0, true, 1, ANSWER_ACK, set_log_fd},
	[VHOST_USER_SET_VRING_NUM] = {"SET_VRING_NUM", 8, false, 0, ANSWER_ACK, set_vring_num},
	[VHOST_USER_SET_VRING_ADDR] = {"SET_VRING_ADDR", 40, false, 0, ANSWER_ACK, set_vring_addr},
	[VHOST_USER_SET_VRING_BASE] = {"SET_VRING_BASE", 8, false, 0, ANSWER_ACK, set_vring_base},
	[VHOST_USER_GET_VRING_BASE] = {"GET_VRING_BASE", 8, false, 0, ANSWER_STATE, get_vring_base},
	[VHOST_USER_SET_VRING_KICK] = {"SET_VRING_KICK", 8, false, 1, ANSWER_ACK, set_vring_kick},
	[VHOST_USER_SET_VRING_CALL] = {"SET_VRING_CALL", 8, false, 1, ANSWER_ACK, set_vring_signal},
	[VHOST_USER_SET_VRING_ERR] = {"SET_VRING_ERR", 8, false, 1, ANSWER_ACK, set_vring_signal},
	[VHOST_USER_GET_PROTOCOL_FEATURES] = {"GET_PROTOCOL_FEATURES", 0, false, 0, ANSWER_NUMBER, get_protocol_features},
	[VHOST_USER_SET_PROTOCOL_FEATURES] = {"SET_PROTOCOL_FEATURES", 8, false, 0, ANSWER_ACK, set_protocol_features},
	[VHOST_USER_GET_QUEUE_NUM] = {"GET_QUEUE_NUM", 0, false, 0, ANSWER_NUMBER, get_queue_num},
	[VHOST_USER_SET_VRING_ENABLE] = {"SET_VRING_ENABLE", 8, false, 0, ANSWER_ACK, set_vring_enable},
	[VHOST_USER_NET_SET_MTU] = {"NET_SET_MTU", 8, false, 0, ANSWER_ACK, net_set_mtu},
};

/* Sends an acknowledgement when one was asked for and is agreed upon: zero is success. */
static int acknowledge(struct vhost_device *vhost, int error, struct err *err)
{
	const struct vhost_user_head *head = &vhost->socket.message.head;
	uint64_t answer = error != 0;

	if (!(head->flags & VHOST_USER_NEED_REPLY) || !(vhost->protocol_features & BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK)))
		return 0;
	return vhost_socket_reply(&vhost->socket, head->request, &answer, sizeof(answer), err);
}

int vhost_request(struct vhost_device *vhost, struct err *err)
{
	struct vhost_message *message = &vhost->socket.message;
	uint32_t request = message->head.request;
	const struct request_row *row = request < VHOST_USER_REQUEST_COUNT ? &rows[request] : NULL;
	int error;

	if (row == NULL || row->handle == NULL) {
		if (message->head.flags & VHOST_USER_NEED_REPLY)
			return acknowledge(vhost, -ENOSYS, err);
		return err_set(err, -EPROTO, "the hypervisor sent request %u, which wasn't agreed upon", request);
	}
	if ((!row->any_size && message->head.size != row->size) || message->fd_count > row->fds_max)
		error = err_set(err, -EPROTO, "%s of %u bytes with %u descriptors", row->name, message->head.size, message->fd_count);
	else
		error = row->handle(vhost, message, err);
	if (error != 0) {
		(void)acknowledge(vhost, error, NULL);
		return err_prefix(err, "%s", row->name);
	}
	if (row->answer == ANSWER_NUMBER)
		return vhost_socket_reply(&vhost->socket, request, &message->number, sizeof(message->number), err);
	if (row->answer == ANSWER_STATE)
		return vhost_socket_reply(&vhost->socket, request, &message->state, sizeof(message->state), err);
	return acknowledge(vhost, 0, err);
}
