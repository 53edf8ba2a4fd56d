/* The table of port kinds. A new kind is a device file and a row here. */
#include "switch/ports.h"

#include "base/check.h"

#include <string.h>
#include <unistd.h>

static void fill_vhost(const struct msg_port *port, void *order)
{
	struct msg_connect_vhost *connect = order;

	connect->port = port->id;
	connect->listen = port->listen;
	memcpy(connect->socket, port->socket, sizeof(connect->socket));
}

static void fill_tap(const struct msg_port *port, void *order)
{
	struct msg_open_tap *open = order;

	open->port = port->id;
	open->mtu = port->mtu;
	memcpy(open->name, port->tap_name, sizeof(open->name));
	memcpy(open->netns, port->netns, sizeof(open->netns));
}

static void close_fd(int fd) { (void)close(fd); }

static const struct port_kind kinds[PORT_KIND_COUNT] = {
	[PORT_VHOST] = {&vhost_kind, MSG_CONNECT_VHOST, fill_vhost, close_fd, false},
	[PORT_TAP] = {&tap_kind, MSG_OPEN_TAP, fill_tap, tap_discard, true},
};

const struct port_kind *port_kind(enum port_kind_id kind)
{
	CHECK(kind < PORT_KIND_COUNT);
	return &kinds[kind];
}
