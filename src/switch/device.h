/*
 * A device: what connects a port to the world outside of the core (a guest's rings, a TAP). Kinds are rows in ports.c.
 *
 * Theory of operation. The worker polls its devices for bursts under load; when all were empty for a while it asks each to arm its wake
 * descriptor (`arm`), polls once more, and sleeps in epoll. All calls come from the worker's thread except `open`.
 */
#ifndef SWITCH_DEVICE_H
#define SWITCH_DEVICE_H

#include "api/message_types.h"
#include "switch/packet.h"

struct device;

struct device_kind {
	const char *name; /* "vhost", "tap" */

	/* Receives at most `room` packets; in_port is set by the caller. */
	unsigned (*receive)(struct device *device, struct packet **packets, unsigned room);

	/* Sends a burst, taking all packets over; returns how many were delivered (the first ones). */
	unsigned (*send)(struct device *device, struct packet *const *packets, unsigned count);

	/* Asks for a wake on `wake descriptors` at the next packet; the worker polls once more afterwards. `disarm` undoes it. */
	void (*arm)(struct device *device);
	void (*disarm)(struct device *device);

	/* Shows the link to the other side (virtio status, IFF_RUNNING where possible). */
	void (*set_link)(struct device *device, bool up);

	void (*close)(struct device *device);
};

#endif
