/*
 * What a guest's network card leaves to the next switch process when this one dies.
 *
 * Theory of operation. The supervisor holds the connection and duplicates of all descriptors that came over it (device_keep), so the
 * hypervisor notices nothing of a switch that dies: requests wait in the socket, kicks in their eventfds, frames in the rings. What the
 * descriptors are, and all else that the front end has told, stands in a page of shared memory (`vhost_page`) that is kept, too. Rings need
 * nothing more: what was finished stands in the used index, and buffers are finished in order.
 *
 * The page is `busy` from before the first byte of a request is read until what follows from it has been written down and sent to be kept.
 * A switch that finds a busy page, or a descriptor that isn't the one the page speaks of (their serial numbers differ), doesn't try: it
 * refuses with -ESTALE and a new connection is made, which the guest sees as a short loss of its link.
 * The page comes from our own former self, which may have been taken over by a guest: it is checked as if it came from a front end.
 */
#ifndef SWITCH_VHOST_KEEP_H
#define SWITCH_VHOST_KEEP_H

#include "base/instant.h"
#include "switch/device.h"

struct vhost_device;
struct vhost_page;

/* Descriptors kept within a second before a front end is taken for one that wants to keep us busy; its connection is then not kept. */
#define VHOST_KEEP_RATE_MAX 512

struct vhost_keep {
	struct vhost_page *page; /* NULL: there is none, nothing is kept */
	struct instant window;	 /* start of the second that is counted */
	unsigned in_window;
};

/* Makes the page of a new connection. Without one (no memory, no descriptors) the device works, but isn't kept. */
void vhost_keep_start(struct vhost_device *vhost);

/* Frees our view of the page. */
void vhost_keep_end(struct vhost_device *vhost);

/* Around the reading and carrying out of requests. */
void vhost_keep_busy(struct vhost_device *vhost);
void vhost_keep_done(struct vhost_device *vhost);

/* A descriptor (borrowed) has come into a slot; -1: there is none any more. */
void vhost_keep_fd(struct vhost_device *vhost, unsigned slot, int fd);

/*
 * Takes over page and descriptors from `kept` into a device that has its socket and nothing else, and starts its rings. -ESTALE when they
 * don't belong together; the device must then be closed.
 */
int vhost_keep_resume(struct vhost_device *vhost, struct device_kept *kept, struct err *err);

#endif
