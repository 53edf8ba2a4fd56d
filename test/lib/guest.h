/*
 * A guest for tests, without a hypervisor: the front end's side of vhost-user and the driver's side of its rings, over a memfd.
 *
 * The guest has two regions of memory, low and high, of the same file; rings lie low, data high, so that translation is exercised. Calls
 * fail the test when something goes wrong that should not. `pump`, given by the test, lets the back end read what was sent
 * (NULL when another thread does).
 */
#ifndef TEST_LIB_GUEST_H
#define TEST_LIB_GUEST_H

#include "switch/vhost_user.h"

#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>

#define GUEST_HIGH UINT64_C(0x100000000)
#define GUEST_USER UINT64_C(0x7e0000000000)
#define GUEST_SLOT_BYTES 4096
#define GUEST_FRAME_BYTES_MAX 66000
#define GUEST_RING_MAX 1024

#define GUEST_BIT(n) (UINT64_C(1) << (n))
/* All that a driver may negotiate; the log is the hypervisor's. Needs switch/vhost_device.h. */
#define GUEST_FEATURES_ALL (vhost_features() & ~GUEST_BIT(VHOST_F_LOG_ALL))
#define GUEST_FEATURES_PLAIN (GUEST_BIT(VIRTIO_F_VERSION_1) | GUEST_BIT(VHOST_USER_F_PROTOCOL_FEATURES))

enum { GUEST_RX, GUEST_TX };

struct guest_ring {
	uint16_t size;
	uint16_t avail_next; /* what avail->idx becomes */
	uint16_t used_seen;
	uint16_t kicked; /* avail_next at the last kick */
	uint16_t free_count;
	uint16_t free[GUEST_RING_MAX];				/* descriptors nobody uses */
	uint16_t chain_of[GUEST_RING_MAX];			/* descriptors of the chain that starts here; 0: none */
	uint64_t desc_at, avail_at, used_at, table_at, data_at; /* offsets in ram */
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	int kick_fd, call_fd, error_fd;
};

struct guest {
	int memory_fd;
	uint8_t *ram;
	uint64_t ram_bytes;
	int fd;	     /* the front end's end of the connection */
	int back_fd; /* the other end, for the test to hand over */
	uint64_t features;
	uint64_t protocol_features; /* to be taken of those that are offered; 0: all */
	struct guest_ring rings[2];
	bool may_hang_up; /* the back end, without the test having failed */
	void (*pump)(void *context);
	void *context;
};

/* A guest with rings of `ring_size` descriptors, nothing set up yet. */
void guest_start(struct guest *guest, uint16_t ring_size, void (*pump)(void *context), void *context);
void guest_end(struct guest *guest);

/* A new connection, as after the back end's restart; the old one is closed. */
void guest_connect(struct guest *guest);

/* A request of the front end: its number, flags besides the version, and `size` bytes of payload. */
struct guest_request {
	uint32_t number;
	uint32_t flags;
	const void *payload;
	uint32_t size;
};

/* Sends a request; reads a reply's payload of `size` bytes (after pumping) and checks its head. */
void guest_send(struct guest *guest, struct guest_request request, const int *fds, unsigned fd_count);
void guest_reply(struct guest *guest, uint32_t request, void *payload, uint32_t size);

/* What QEMU sends: everything up to and including the enabling of both rings, with these features. */
void guest_set_up(struct guest *guest, uint64_t features);
void guest_send_memory(struct guest *guest);
void guest_send_ring(struct guest *guest, unsigned ring, uint16_t base);

/* Where guest physical address `at` is, for data in high memory. */
uint64_t guest_physical(const struct guest *guest, uint64_t offset);

/*
 * Driver: sends a frame in `pieces` descriptors (with a table of its own when `indirect`); returns false when the ring is full. Then takes
 * back what was used; returns how many buffers.
 */
bool guest_transmit(
	struct guest *guest, const struct virtio_net_hdr *header, const void *frame, uint32_t size, unsigned pieces, bool indirect);
unsigned guest_reclaim(struct guest *guest);

/* Driver: offers a receive buffer of `bytes` in `pieces` descriptors; takes the next received frame, -1 when there is none. */
bool guest_post(struct guest *guest, uint32_t bytes, unsigned pieces);
int guest_receive(struct guest *guest, struct virtio_net_hdr *header, uint8_t frame[GUEST_FRAME_BYTES_MAX]);

/* Driver: kicks the back end when it wants to be kicked; returns whether it did. */
bool guest_kick(struct guest *guest, unsigned ring);

/* Whether the back end interrupted the ring (and forgets it). */
bool guest_interrupted(struct guest *guest, unsigned ring);

#endif
