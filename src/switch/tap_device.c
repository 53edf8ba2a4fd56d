/*
 * The device kind "tap": an interface of the host, or of a network namespace, whose other end is this port.
 *
 * Theory of operation. The supervisor opened the TAP with IFF_VNET_HDR, so each frame comes and goes behind a struct virtio_net_hdr and the
 * kernel takes and gives long segments and open checksums as a guest does. One read is one frame: its first part goes straight into a small
 * packet, the rest, if there is one, into a buffer of the device. The descriptor is watched edge-triggered; `readable` remembers that
 * there is something until a read says there is nothing left, so an idle TAP costs no system calls.
 */
#include "switch/device.h"

#include "base/arena.h"
#include "base/check.h"
#include "switch/offload.h"
#include "switch/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

struct tap_device {
	struct device device;
	int fd;
	bool readable;
	uint8_t rest[PACKET_FRAME_BYTES_MAX - PACKET_SMALL_BYTES];
};

static struct tap_device *tap_of(struct device *device) { return CONTAINER_OF(device, struct tap_device, device); }

static void tap_close(struct device *device)
{
	struct tap_device *tap = tap_of(device);

	device_unwatch(device, tap->fd);
	(void)close(tap->fd);
	free(tap);
}

/* Makes the descriptor what we need; the supervisor has set the flags that only the opener can. */
static int tap_configure(int fd, struct err *err)
{
	const unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
	struct ifreq request = {0};
	int header_bytes = sizeof(struct virtio_net_hdr);
	int flags = fcntl(fd, F_GETFL);

	if (ioctl(fd, TUNGETIFF, &request) != 0)
		return err_set(err, -errno, "the descriptor is no TAP: %s", strerror(errno));
	if ((request.ifr_flags & (IFF_TAP | IFF_VNET_HDR | IFF_NO_PI)) != (IFF_TAP | IFF_VNET_HDR | IFF_NO_PI))
		return err_set(err, -EINVAL, "the TAP %.15s has no offload header", request.ifr_name);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) != 0 ||
		ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads) != 0)
		return err_set(err, -errno, "the TAP %.15s can't be set up: %s", request.ifr_name, strerror(errno));
	return 0;
}

static struct device *tap_open(struct worker *worker, const struct msg_port *port, uint32_t slot, int fd, struct err *err)
{
	struct tap_device *tap = xalloc(sizeof(*tap));
	int error = tap_configure(fd, err);

	tap->device = (struct device){.kind = &tap_kind, .worker = worker, .port = port->id, .slot = slot, .state = PORT_STATE_UP};
	tap->fd = fd;
	tap->readable = true;
	if (error == 0) {
		error = device_watch(&tap->device, fd, EPOLLIN | EPOLLET, 0);
		if (error != 0)
			(void)err_set(err, error, "the TAP %s can't be watched: %s", port->tap_name, strerror(-error));
	}
	if (error == 0)
		return &tap->device;
	(void)close(fd);
	free(tap);
	return NULL;
}

/* The interface was deleted, or the kernel is out of memory. */
static void tap_failed(struct device *device, int error)
{
	struct err err;

	(void)err_set(&err, -error, "the TAP's interface is gone: %s", strerror(error));
	device_fail(device, &err);
}

/* Joins what came in two parts in one large packet. */
static struct packet *packet_join(struct tap_device *tap, struct packet *small, uint32_t size)
{
	struct packet *large = packet_new(tap->device.pool, size);

	if (large != NULL) {
		memcpy(large->data, small->data, PACKET_SMALL_BYTES);
		memcpy(large->data + PACKET_SMALL_BYTES, tap->rest, size - PACKET_SMALL_BYTES);
	}
	packet_free(tap->device.pool, small);
	return large;
}

static enum drop_reason frame_check(const struct device *device, struct packet *packet, const struct virtio_net_hdr *header)
{
	if (packet->size < 14)
		return DROP_RUNT;
	packet->offload = (struct packet_offload){.flags = header->flags,
		.gso_type = header->gso_type,
		.gso_size = header->gso_size,
		.csum_start = header->csum_start,
		.csum_offset = header->csum_offset};
	if (!offload_check(packet))
		return DROP_BAD_OFFLOAD;
	return offload_frame_bytes(packet) > (uint32_t)device->mtu + DEVICE_FRAME_OVERHEAD_BYTES ? DROP_FRAME_TOO_LONG : DROP_NONE;
}

/* Reads one frame; NULL when there is none, or none that can be used (look at `readable`). */
static struct packet *frame_read(struct tap_device *tap)
{
	struct device *device = &tap->device;
	struct packet *packet = packet_new(device->pool, PACKET_SMALL_BYTES);
	struct virtio_net_hdr header;
	struct iovec parts[3] = {
		{&header, sizeof(header)}, {packet ? packet->data : NULL, PACKET_SMALL_BYTES}, {tap->rest, sizeof(tap->rest)}};
	enum drop_reason reason;
	ssize_t n;

	if (packet == NULL) {
		/* The frame is taken from the kernel all the same: it must not wait there for ever. */
		parts[1] = parts[2];
		n = readv(tap->fd, parts, 2);
		tap->readable = n >= 0;
		device_drop(device, DROP_NO_BUFFER, n >= 0);
		return NULL;
	}
	n = readv(tap->fd, parts, 3);
	if (n < (ssize_t)sizeof(header)) {
		packet_free(device->pool, packet);
		tap->readable = false;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			tap_failed(device, errno);
		return NULL;
	}
	n -= (ssize_t)sizeof(header);
	if (n > PACKET_SMALL_BYTES)
		packet = packet_join(tap, packet, (uint32_t)n);
	else
		packet->size = (uint32_t)n;
	reason = packet == NULL ? DROP_NO_BUFFER : frame_check(device, packet, &header);
	if (reason == DROP_NONE)
		return packet;
	packet_free(device->pool, packet);
	device_drop(device, reason, 1);
	return NULL;
}

static unsigned tap_receive(struct device *device, struct packet **packets, unsigned room)
{
	struct tap_device *tap = tap_of(device);
	unsigned received = 0;

	for (unsigned looks = room; looks > 0 && tap->readable; looks--) {
		packets[received] = frame_read(tap);
		received += packets[received] != NULL;
	}
	return received;
}

static bool send_one(struct device *device, struct packet *packet)
{
	const struct packet_offload *offload = &packet->offload;
	struct virtio_net_hdr header = {.flags = offload->flags,
		.gso_type = offload->gso_type,
		.hdr_len = offload->hdr_len,
		.gso_size = offload->gso_size,
		.csum_start = offload->csum_start,
		.csum_offset = offload->csum_offset};
	struct iovec parts[2 + PACKET_PIECES_MAX] = {{&header, sizeof(header)}, {packet->data, packet->size - packet->tail_bytes}};
	ssize_t n;

	for (unsigned i = 0; i < packet->piece_count; i++)
		parts[2 + i] = (struct iovec){(void *)(uintptr_t)packet->pieces[i].at, packet->pieces[i].bytes};
	n = writev(tap_of(device)->fd, parts, 2 + packet->piece_count);
	if (n < 0)
		device_drop(device, errno == EAGAIN || errno == ENOBUFS ? DROP_RING_FULL : DROP_DEVICE, 1);
	packet_free(device->pool, packet);
	return n >= 0;
}

static uint64_t tap_send(struct device *device, struct packet *const *packets, unsigned count)
{
	uint64_t sent = 0;

	for (unsigned i = 0; i < count; i++)
		sent |= (uint64_t)send_one(device, packets[i]) << i;
	return sent;
}

static void tap_flush(struct device *device) {}
static void tap_arm(struct device *device) {}
static void tap_disarm(struct device *device) {}

static void tap_ready(struct device *device, uint32_t tag, uint32_t events) { tap_of(device)->readable = true; }

static void tap_set_link(struct device *device, bool up)
{
	int carrier = up;

	(void)ioctl(tap_of(device)->fd, TUNSETCARRIER, &carrier); /* kernels before 5.0 keep the carrier; traffic is dropped anyway */
}

void tap_discard(int fd)
{
	(void)ioctl(fd, TUNSETPERSIST, 0UL);
	(void)close(fd);
}

/* The supervisor made the interface persistent, so that it outlives us; now it goes with its descriptor. */
static void tap_retire(struct device *device) { (void)ioctl(tap_of(device)->fd, TUNSETPERSIST, 0UL); }

const struct device_kind tap_kind = {
	.name = "tap",
	.open = tap_open,
	.receive = tap_receive,
	.send = tap_send,
	.flush = tap_flush,
	.arm = tap_arm,
	.disarm = tap_disarm,
	.ready = tap_ready,
	.set_link = tap_set_link,
	.retire = tap_retire,
	.close = tap_close,
};
