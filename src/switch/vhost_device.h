/*
 * A guest's network card: the device kind "vhost", and what its parts know of each other.
 *
 * Theory of operation. QEMU listens, the supervisor connects, we get the descriptor: we are the back end and the client, so a guest lives
 * on when the switch ends and is served again by the next one. The requests of the front end (vhost_requests.c) describe memory and rings;
 * every change of them stops the rings concerned, changes the description, and starts again what is complete:
 *
 *   a ring runs  <=>  size, addresses, kick descriptor and memory are known, and it is enabled
 *
 * Rings come in pairs, 2n receives (to the guest), 2n + 1 sends. The port is UP while both rings of pair 0 run. Any breach of the protocol,
 * and the loss of the guest's memory, ends the connection: the worker closes the device, the switch connects again and gets a fresh
 * description. What the front end told is kept by the supervisor, so that a restarted switch goes on with it (vhost_keep.h). The features
 * offered are constant, since a restarted switch must offer what the guest's driver has negotiated already; the packed ring isn't among
 * them, since its place can't be found again after a crash.
 */
#ifndef SWITCH_VHOST_DEVICE_H
#define SWITCH_VHOST_DEVICE_H

#include "switch/ports.h"
#include "switch/vhost_keep.h"
#include "switch/vhost_ring.h"
#include "switch/vhost_user.h"

#define VHOST_PAIRS_MAX 4
#define VHOST_QUEUES_MAX (2 * VHOST_PAIRS_MAX)
_Static_assert(VHOST_QUEUES_MAX <= KEEP_RINGS_MAX && VHOST_REGIONS_MAX <= KEEP_MEMORY_MAX, "the supervisor has a slot for each");

/* A ring with what describes it. */
struct vhost_queue {
	struct vhost_ring ring;
	struct vhost_ring_setup setup;
	bool has_addresses;
	bool enabled;
	uint16_t base; /* where it stopped, or what the front end believes */
	int kick_fd;   /* -1: not set */
	int call_fd;
	int error_fd;
};

struct vhost_device {
	struct device device;
	struct vhost_socket socket;
	uint64_t features;	    /* acknowledged by driver and front end */
	uint64_t protocol_features; /* likewise */
	struct vhost_memory memory;
	struct vhost_log log;
	struct vhost_queue queues[VHOST_QUEUES_MAX];
	unsigned pairs;	    /* that run */
	unsigned next_pair; /* to be looked at first */
	struct vhost_keep keep;
};

/* What we offer. */
#define VHOST_FEATURES vhost_features()
#define VHOST_PROTOCOL_FEATURES                                                                                                            \
	(UINT64_C(1) << VHOST_USER_PROTOCOL_F_MQ | UINT64_C(1) << VHOST_USER_PROTOCOL_F_LOG_SHMFD |                                        \
		UINT64_C(1) << VHOST_USER_PROTOCOL_F_REPLY_ACK | UINT64_C(1) << VHOST_USER_PROTOCOL_F_NET_MTU)
uint64_t vhost_features(void);

/* Tag of the socket's watch; queue i has i + 1. */
#define VHOST_TAG_SOCKET 0

/* Carries out the request in `socket.message` and answers it. A negative errno ends the connection. */
int vhost_request(struct vhost_device *vhost, struct err *err);

/* Stops a ring (all rings) before its description changes; starts what is complete. -EINVAL when a description is wrong. */
void vhost_queue_stop(struct vhost_device *vhost, struct vhost_queue *queue);
void vhost_stop(struct vhost_device *vhost);
int vhost_start(struct vhost_device *vhost, struct err *err);

/* Takes note of negotiated features; the rings must be stopped. */
void vhost_use_features(struct vhost_device *vhost, uint64_t features);

/* Closes a queue's kick descriptor, if it has one. */
void vhost_queue_close_kick(struct vhost_device *vhost, struct vhost_queue *queue);

#endif
