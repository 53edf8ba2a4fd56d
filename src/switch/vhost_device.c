/* The device kind "vhost": a guest's network card behind a vhost-user connection. */
#include "switch/vhost_device.h"

#include "base/arena.h"
#include "switch/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Requests carried out at one wake, so that a talkative front end doesn't keep the others' packets waiting. */
enum { REQUESTS_PER_WAKE = 16 };

static struct vhost_device *vhost_of(struct device *device) { return CONTAINER_OF(device, struct vhost_device, device); }

static bool vhost_has(const struct vhost_device *vhost, unsigned feature) { return vhost->features >> feature & 1; }

/* Counts the pairs that run; returns what that makes of the port. */
static enum port_state vhost_count_pairs(struct vhost_device *vhost)
{
	vhost->pairs = 0;
	while (vhost->pairs < VHOST_PAIRS_MAX && vhost->queues[2 * vhost->pairs].ring.running &&
		vhost->queues[2 * vhost->pairs + 1].ring.running)
		vhost->pairs++;
	return vhost->pairs > 0 ? PORT_STATE_UP : PORT_STATE_CONNECTED;
}

/* Tells when the port came or went. */
static void vhost_update_state(struct vhost_device *vhost)
{
	enum port_state state = vhost_count_pairs(vhost);

	if (state != vhost->device.state)
		device_set_state(&vhost->device, state);
}

void vhost_queue_stop(struct vhost_device *vhost, struct vhost_queue *queue)
{
	if (!queue->ring.running)
		return;
	queue->base = queue->ring.avail_next;
	vhost_ring_stop(&queue->ring);
}

void vhost_stop(struct vhost_device *vhost)
{
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		vhost_queue_stop(vhost, &vhost->queues[i]);
}

int vhost_start(struct vhost_device *vhost, struct err *err)
{
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		struct vhost_queue *queue = &vhost->queues[i];
		int error;

		if (queue->ring.running || !queue->enabled || queue->setup.size == 0 || !queue->has_addresses || queue->kick_fd < 0 ||
			vhost->memory.count == 0)
			continue;
		error = vhost_ring_start(&queue->ring, &vhost->memory, &queue->setup, err);
		if (error != 0)
			return error;
	}
	return 0;
}

void vhost_queue_close_kick(struct vhost_device *vhost, struct vhost_queue *queue)
{
	if (queue->kick_fd < 0)
		return;
	/* Closing alone doesn't end the watch: the front end has the same eventfd open. */
	device_unwatch(&vhost->device, queue->kick_fd);
	(void)close(queue->kick_fd);
	queue->kick_fd = -1;
	vhost_keep_fd(vhost, KEEP_KICK + (unsigned)(queue - vhost->queues), -1);
}

static void vhost_close(struct device *device)
{
	struct vhost_device *vhost = vhost_of(device);

	vhost_keep_end(vhost);
	vhost_stop(vhost);
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		struct vhost_queue *queue = &vhost->queues[i];

		vhost_queue_close_kick(vhost, queue);
		if (queue->call_fd >= 0)
			(void)close(queue->call_fd);
		if (queue->error_fd >= 0)
			(void)close(queue->error_fd);
	}
	vhost_memory_unmap(&vhost->memory);
	vhost_log_unmap(&vhost->log);
	vhost_socket_next(&vhost->socket);
	device_unwatch(device, vhost->socket.fd);
	(void)close(vhost->socket.fd);
	free(vhost);
}

/* The device with its socket. */
static struct vhost_device *vhost_new(struct worker *worker, const struct msg_port *port, uint32_t slot, int fd, struct err *err)
{
	struct vhost_device *vhost = xalloc(sizeof(*vhost));
	int error;

	vhost->device =
		(struct device){.kind = &vhost_kind, .worker = worker, .port = port->id, .slot = slot, .state = PORT_STATE_CONNECTED};
	vhost->socket.fd = fd;
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		struct vhost_queue *queue = &vhost->queues[i];

		queue->kick_fd = queue->call_fd = queue->error_fd = -1;
		queue->ring.call_fd = queue->ring.error_fd = -1;
		queue->setup.header_bytes = sizeof(struct virtio_net_hdr);
		queue->setup.log = &vhost->log;
	}
	error = device_watch(&vhost->device, fd, EPOLLIN, VHOST_TAG_SOCKET);
	if (error != 0) {
		(void)err_set(err, error, "can't watch the hypervisor's connection");
		vhost_close(&vhost->device);
		return NULL;
	}
	return vhost;
}

static struct device *vhost_open(struct worker *worker, const struct msg_port *port, uint32_t slot, int fd, struct err *err)
{
	struct vhost_device *vhost = vhost_new(worker, port, slot, fd, err);

	if (vhost == NULL)
		return NULL;
	vhost_keep_start(vhost);
	return &vhost->device;
}

static struct device *vhost_resume(
	struct worker *worker, const struct msg_port *port, uint32_t slot, int fd, struct device_kept *kept, struct err *err)
{
	struct vhost_device *vhost = vhost_new(worker, port, slot, fd, err);

	if (vhost == NULL)
		return NULL;
	if (vhost_keep_resume(vhost, kept, err) != 0) {
		err->code = -ESTALE;
		vhost_close(&vhost->device);
		return NULL;
	}
	vhost->device.state = vhost_count_pairs(vhost);
	return &vhost->device;
}

/* The guest's memory is gone: nothing of this guest can be trusted to be there. */
static void vhost_check_memory(struct vhost_device *vhost)
{
	struct err err;

	if (!vhost->memory.lost || vhost->device.failed)
		return;
	(void)err_set(&err, -EFAULT, "the guest's memory was taken away by its hypervisor");
	device_fail(&vhost->device, &err);
}

/* The front end spoke. */
static void vhost_ready(struct device *device, uint32_t tag, uint32_t events)
{
	struct vhost_device *vhost = vhost_of(device);
	struct err err = {0};

	if (tag != VHOST_TAG_SOCKET)
		return; /* a kick: being awake is all it asks for */
	vhost_keep_busy(vhost);
	for (int i = 0; i < REQUESTS_PER_WAKE; i++) {
		int result = vhost_socket_read(&vhost->socket, &err);

		if (result == 0)
			break;
		if (result > 0) {
			result = vhost_request(vhost, &err);
			if (result == 0)
				vhost_socket_next(&vhost->socket);
		}
		if (result < 0) {
			vhost_socket_next(&vhost->socket);
			device_fail(device, &err);
			return;
		}
	}
	vhost_keep_done(vhost);
	vhost_update_state(vhost);
	vhost_check_memory(vhost);
}

static unsigned vhost_receive(struct device *device, struct packet **packets, unsigned room)
{
	struct vhost_device *vhost = vhost_of(device);
	unsigned received = 0;

	for (unsigned i = 0; i < vhost->pairs && received < room; i++) {
		struct vhost_queue *queue = &vhost->queues[2 * ((vhost->next_pair + i) % vhost->pairs) + 1];

		received += vhost_ring_receive(&queue->ring, &vhost->memory, device, packets + received, room - received);
	}
	vhost->next_pair++;
	vhost_check_memory(vhost);
	return received;
}

/* Whether the driver takes a long segment as it is. */
static bool takes_segment(const struct vhost_device *vhost, const struct packet *packet)
{
	uint8_t type = packet->offload.gso_type;

	if ((type & VIRTIO_NET_HDR_GSO_ECN) && !vhost_has(vhost, VIRTIO_NET_F_GUEST_ECN))
		return false;
	type &= (uint8_t)~VIRTIO_NET_HDR_GSO_ECN;
	return vhost_has(vhost, type == VIRTIO_NET_HDR_GSO_TCPV4 ? VIRTIO_NET_F_GUEST_TSO4 : VIRTIO_NET_F_GUEST_TSO6);
}

/* Cuts a long segment for a driver that doesn't take it. */
static bool send_cut(struct vhost_device *vhost, struct vhost_ring *ring, struct packet *packet)
{
	struct packet *frame = packet_new(vhost->device.pool, offload_frame_bytes(packet));
	struct offload_cut cut;
	bool sent = true;

	if (frame == NULL) {
		device_drop(&vhost->device, DROP_NO_BUFFER, 1);
		return false;
	}
	packet_whole(packet);
	for (offload_cut_start(&cut, packet); sent && offload_cut_next(&cut, frame);)
		sent = vhost_ring_send(ring, &vhost->memory, &vhost->device, &frame, 1) != 0;
	packet_free(vhost->device.pool, frame);
	return sent;
}

/* Packets of one port keep their order. */
static struct vhost_ring *ring_for(struct vhost_device *vhost, const struct packet *packet)
{
	return &vhost->queues[vhost->pairs == 1 ? 0 : 2 * (packet->in_port % vhost->pairs)].ring;
}

/* Makes a packet such as the driver takes it; false when it must be cut. */
static bool send_prepare(const struct vhost_device *vhost, struct packet *packet)
{
	if (packet->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		return takes_segment(vhost, packet);
	if (packet->offload.flags != 0 && !vhost_has(vhost, VIRTIO_NET_F_GUEST_CSUM))
		offload_finish(packet);
	return true;
}

/* Sends the first packets as long as they go into one ring as they are; at least one. Returns how many. */
static unsigned send_run(struct vhost_device *vhost, struct packet *const *packets, unsigned count, uint64_t *sent)
{
	struct vhost_ring *ring = ring_for(vhost, packets[0]);
	unsigned run = 0;

	while (run < count && ring_for(vhost, packets[run]) == ring && send_prepare(vhost, packets[run]))
		run++;
	if (run > 0)
		*sent = vhost_ring_send(ring, &vhost->memory, &vhost->device, packets, run);
	else
		*sent = send_cut(vhost, ring, packets[0]);
	return run > 0 ? run : 1;
}

static uint64_t vhost_send(struct device *device, struct packet *const *packets, unsigned count)
{
	struct vhost_device *vhost = vhost_of(device);
	uint64_t sent = 0, part;

	if (vhost->pairs == 0)
		device_drop(device, DROP_NOT_READY, count);
	for (unsigned i = 0; i < count && vhost->pairs > 0;) {
		unsigned run = send_run(vhost, packets + i, count - i, &part);

		sent |= part << i;
		i += run;
	}
	packet_free_burst(device->pool, packets, count);
	return sent;
}

static void vhost_flush(struct device *device)
{
	struct vhost_device *vhost = vhost_of(device);

	for (unsigned i = 0; i < 2 * vhost->pairs; i++)
		vhost_ring_flush(&vhost->queues[i].ring);
	vhost_check_memory(vhost);
}

static void vhost_arm(struct device *device)
{
	struct vhost_device *vhost = vhost_of(device);

	for (unsigned i = 0; i < vhost->pairs; i++)
		vhost_ring_arm(&vhost->queues[2 * i + 1].ring);
}

static void vhost_disarm(struct device *device)
{
	struct vhost_device *vhost = vhost_of(device);

	for (unsigned i = 0; i < vhost->pairs; i++)
		vhost_ring_disarm(&vhost->queues[2 * i + 1].ring);
}

static void vhost_set_link(struct device *device, bool up)
{
	/* See device.h: the guest hears of it from QEMU; the worker drops what comes and goes meanwhile. */
}

const struct device_kind vhost_kind = {
	.name = "vhost",
	.open = vhost_open,
	.resume = vhost_resume,
	.receive = vhost_receive,
	.send = vhost_send,
	.flush = vhost_flush,
	.arm = vhost_arm,
	.disarm = vhost_disarm,
	.ready = vhost_ready,
	.set_link = vhost_set_link,
	.close = vhost_close,
};
