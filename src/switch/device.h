/*
 * A device: what connects a port to the world outside of the core (a guest's rings, a TAP). Kinds are rows in ports.c.
 *
 * Theory of operation. One worker thread owns its devices; every call here is made by that thread, so a device needs no locks, and a change
 * of a guest's memory is quiesced by construction: it is one of the things the thread does between two bursts. A device is made from an
 * open descriptor (the supervisor opened it), registers the descriptors it waits for with `device_watch`, and lives until `close`. The
 * worker polls `receive` under load; when all devices were empty for a while it calls `arm`, polls once more, and sleeps until a watched
 * descriptor is ready. `send` only places packets; `flush` shows them to the other side once a burst, with at most one notification.
 * What a device drops is counted by reason in `dropped` and reported to the core by the worker.
 */
#ifndef SWITCH_DEVICE_H
#define SWITCH_DEVICE_H

#include "api/message_types.h"
#include "base/err.h"
#include "switch/drop.h"
#include "switch/packet.h"

struct device;
struct worker;

/* What the supervisor kept of a port's device when an earlier switch died: descriptors by enum keep_slot (-1: none) and their numbers. */
struct device_kept {
	int fds[KEEP_SLOT_COUNT];
	uint32_t serials[KEEP_SLOT_COUNT];
};

struct device_kind {
	const char *name; /* "vhost", "tap" */

	/* Makes the device of a port from an open descriptor, taken over also on failure; `slot` is the worker's number for it. NULL with
	 * the reason in `err`. */
	struct device *(*open)(struct worker *worker, const struct msg_port *port, uint32_t slot, int fd, struct err *err);

	/*
	 * Goes on with a device that an earlier switch had: `fd` and `kept`, from which it takes what it uses (and sets it to -1). -ESTALE:
	 * they don't fit together, a new connection is needed. NULL: this kind has nothing to go on with, `open` is enough.
	 */
	struct device *(*resume)(
		struct worker *worker, const struct msg_port *port, uint32_t slot, int fd, struct device_kept *kept, struct err *err);

	/* Receives at most `room` packets; in_port is set by the caller. */
	unsigned (*receive)(struct device *device, struct packet **packets, unsigned room);

	/* Sends at most CORE_SEND_MAX packets, taking them over; returns a bit for each that wasn't dropped (and counted in `dropped`). */
	uint64_t (*send)(struct device *device, struct packet *const *packets, unsigned count);

	/* Makes visible to the other side what was received and sent since the last time. */
	void (*flush)(struct device *device);

	/* Asks for a wake at the next packet; the worker polls once more afterwards. `disarm` undoes it. */
	void (*arm)(struct device *device);
	void (*disarm)(struct device *device);

	/* A watched descriptor is ready; `tag` is what it was registered with, `events` are EPOLL* bits. */
	void (*ready)(struct device *device, uint32_t tag, uint32_t events);

	/*
	 * Shows the link to the other side. A TAP loses its carrier. A vhost-user back end can't: the bits of the virtio status register
	 * are QEMU's own, no message of the protocol sets them (VHOST_USER_BACKEND_CONFIG_CHANGE_MSG is not heard by QEMU's vhost-user
	 * network device), so there traffic is dropped both ways and whoever started the machine tells QEMU (set_link,
	 * virDomainUpdateDeviceFlags).
	 */
	void (*set_link)(struct device *device, bool up);

	/* The port is gone for good: its outside goes at the next close, too. NULL: there is nothing of ours. */
	void (*retire)(struct device *device);

	/* Frees the device and closes its descriptors. What is outside stays for the next one (a restarted switch). */
	void (*close)(struct device *device);
};

/* What all kinds have in common; the first member of each kind's own struct. */
struct device {
	const struct device_kind *kind;
	struct worker *worker;
	struct packet_pool *pool;
	uint32_t port;	  /* its id */
	uint32_t slot;	  /* the worker's number for it */
	uint16_t mtu;	  /* bytes of the largest IP packet */
	bool link_up;	  /* what set_link said last */
	bool dirty;	  /* something waits for `flush` */
	bool failed;	  /* the worker closes it, reports `error`, and asks for a new connection */
	bool any_dropped; /* some `dropped` is not zero */
	enum port_state state;
	struct err error;
	uint32_t dropped[DROP_COUNT];
};

/* Bytes of the longest frame a port takes: Ethernet with two VLAN tags around an IP packet of its MTU. */
#define DEVICE_FRAME_OVERHEAD_BYTES (14 + 8)

/* For devices (worker.c): watches a descriptor in the worker's epoll, edge-triggered; `tag` comes back in `ready`. 0 or -errno. */
int device_watch(struct device *device, int fd, uint32_t events, uint32_t tag);
void device_unwatch(struct device *device, int fd);

/*
 * For devices (worker.c): has the supervisor keep a duplicate of `fd` (borrowed) in a slot of this port, or with -1 close what it has
 * there. When the device is closed all is forgotten.
 */
void device_keep(struct device *device, enum keep_slot slot, uint32_t serial, int fd);

/* For devices: counts drops; the other side's driver came or went; the device is beyond help. */
static inline void device_drop(struct device *device, enum drop_reason reason, uint32_t packets)
{
	device->dropped[reason] += packets;
	device->any_dropped = true;
}
void device_set_state(struct device *device, enum port_state state);
void device_fail(struct device *device, const struct err *err);

#endif
