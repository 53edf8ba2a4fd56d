/* The table of port kinds: which device stands behind a port, and how its descriptor is got. */
#ifndef SWITCH_PORTS_H
#define SWITCH_PORTS_H

#include "switch/device.h"

/*
 * A kind of port. `order` is the message to super that opens its descriptor; `fill` writes that message's body. `discard` closes a
 * descriptor that comes when the port isn't wanted any more; `leaves` says that something stays behind when none is opened to be discarded.
 */
struct port_kind {
	const struct device_kind *device;
	enum message_type order;
	void (*fill)(const struct msg_port *port, void *order);
	void (*discard)(int fd);
	bool leaves;
};

/* Closes a TAP and lets its interface go. */
void tap_discard(int fd);

extern const struct device_kind vhost_kind;
extern const struct device_kind tap_kind;

/* The row of a kind. */
const struct port_kind *port_kind(enum port_kind_id kind);

#endif
