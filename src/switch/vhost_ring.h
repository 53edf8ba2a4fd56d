/*
 * The ring engine: split virtqueues of a guest (virtio 1.2, 2.7), seen from the device.
 *
 * Theory of operation. A ring lies in memory that the guest may change at any time, on purpose too. So every index, length, address and
 * flag is copied once, checked, and only the copy is used; nothing of it is read a second time. A pointer into the guest's memory comes
 * from vhost_memory only, for a range inside one region. What the copy of a frame's bytes brings may be torn, never out of bounds.
 *
 * Buffers are taken in bursts: the entries of many, then their descriptors, then their bytes, each pass asking for the memory of the next.
 * Entries and descriptors are copied a burst ahead, so that bytes have the time of a burst to come.
 * A buffer of one piece, as almost all are, goes a short way; any other is a chain. Of a long frame only the headers are copied into a
 * packet; its other pieces are copied from the sender's memory straight into the receiver's (switch/packet.h). So nobody may be shown that
 * a buffer is done with before what was received has been sent: receive, forward, then flush.
 *
 * Chains are walked at most as many steps as their table has entries or a frame may have pieces. A fault in the structure (an index outside
 * of its table, more entries offered than there are, a chain that never ends) leaves no honest way on: the ring is broken, it stops until
 * the driver sets it up anew, and its error descriptor is signalled. A fault of one buffer (address, direction, indirect table, length)
 * costs that frame: the buffer goes back unused and the drop is counted by its name.
 *
 * Chains are completed in the order in which they were offered, and each before the next burst ends; so between two bursts the used index
 * alone says where we are. That makes a restart simple: whoever starts the ring goes on at used->idx, whatever the front end believes. A
 * process that died in the middle of a burst had not moved used->idx: the guest's frames are read again, the buffers filled again.
 *
 * The driver kicks when it moves past avail_event (or while NO_NOTIFY is off), which is set by `arm` only, so under load there are no
 * kicks. The other way, `flush` moves used->idx once a burst and interrupts the guest at most once, and only when it asked for it.
 */
#ifndef SWITCH_VHOST_RING_H
#define SWITCH_VHOST_RING_H

#include "switch/device.h"
#include "switch/vhost_memory.h"

#include "switch/vhost_log.h"

#include <linux/virtio_ring.h>

/* The protocol's bound, and the most pieces of one frame (a Linux guest sends 19, and needs 43 receive buffers for 64 KiB). */
#define VHOST_RING_SIZE_MAX 32768
#define VHOST_SEGMENTS_MAX 256

/* A ring as the front end describes it, with what was negotiated. */
struct vhost_ring_setup {
	uint32_t size;			     /* descriptors: a power of two */
	uint64_t desc_at, avail_at, used_at; /* in the front end's process */
	uint8_t header_bytes;		     /* of the virtio-net header: 10 or 12 */
	bool event_idx;
	bool indirect;
	bool mergeable;
	bool log_used; /* the used ring's pages are marked at this guest physical address when written */
	uint64_t log_at;
	struct vhost_log *log; /* of the device */
};

/* A buffer that is offered: its entry and its first descriptor, copied; and where it is when it has only one piece, of the right direction.
 */
struct vhost_offer {
	struct vring_desc desc;
	uint8_t *at; /* NULL: it goes the long way */
	uint16_t head;
};

struct vhost_ring {
	struct vhost_ring_setup setup;
	bool running;
	bool broken;
	bool interrupt_next; /* the first time after a start always: what the driver heard before is unknown */
	uint16_t avail_next; /* the next entry to take */
	uint16_t avail_seen; /* entries before this one are offered */
	uint16_t used_next;  /* the next entry to write */
	uint16_t used_shown; /* used->idx */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	int call_fd; /* borrowed, -1: the driver polls */
	int error_fd;
	uint8_t offer_first, offer_count; /* the next `offer_count` entries from avail_next on are copied already */
	struct vhost_offer offers[PACKET_BURST];
};

/* Starts a ring that isn't running, at its used index. -EINVAL with a text when the description is wrong; the ring stays stopped. */
int vhost_ring_start(struct vhost_ring *ring, const struct vhost_memory *memory, const struct vhost_ring_setup *setup, struct err *err);

/* Shows what is finished, and forgets the memory. */
void vhost_ring_stop(struct vhost_ring *ring);

/* Takes at most `room` frames that the guest sent (one look at twice as many chains, so that bad frames can't keep us). */
unsigned vhost_ring_receive(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, struct packet **packets, unsigned room);

/* Copies at most 64 frames into the guest's buffers; the packets stay the caller's. Returns a bit for each that isn't counted as dropped.
 */
uint64_t vhost_ring_send(
	struct vhost_ring *ring, const struct vhost_memory *memory, struct device *device, struct packet *const *packets, unsigned count);

void vhost_ring_flush(struct vhost_ring *ring);
void vhost_ring_arm(struct vhost_ring *ring);
void vhost_ring_disarm(struct vhost_ring *ring);

#endif
