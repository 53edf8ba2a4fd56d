/*
 * Network namespaces in which virtual routers have a TCP of the kernel's, for neighbors outside of this process.
 *
 * Each such router gets a namespace with one TUN device, through which all of its packets pass; whoever has the device's descriptor carries
 * them to and from the router. The namespace has no other way out, and lives as long as its descriptors do.
 *
 * The functions here are called in helpers that end afterwards: they move into other namespaces.
 */
#ifndef PROC_SUPER_NETNS_H
#define PROC_SUPER_NETNS_H

#include "api/message_types.h"
#include "base/err.h"

/* Makes a namespace with a TUN device that is up and has the default routes. Returns the device's descriptor or a negative errno. */
int router_netns_make(const struct msg_open_router_netns *order, struct err *err);

/*
 * Enters a namespace and makes a TCP socket there: one that listens at `local`, or one that connects from it to `remote` (a connection that
 * is under way counts as made). Gives the device the address if it hasn't got it. Returns the descriptor or a negative errno.
 */
int router_socket_make(int netns, const struct msg_open_router_socket *order, struct err *err);

/* The namespace of a TUN device that router_netns_make made: a descriptor, or a negative errno. */
int router_netns_of(int tun);

#endif
