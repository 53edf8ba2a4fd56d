/*
 * The vhost-user protocol as it goes over the wire (QEMU, docs/interop/vhost-user.rst, version 1): numbers and layouts, all little-endian.
 *
 *   0        4        8        12
 *   +--------+--------+--------+---------------------
 *   | request| flags  | size   | payload (size bytes)      descriptors ride on the first byte
 *   +--------+--------+--------+---------------------
 */
#ifndef SWITCH_VHOST_USER_H
#define SWITCH_VHOST_USER_H

#include "switch/vhost_memory.h"

enum vhost_user_request {
	VHOST_USER_NONE = 0,
	VHOST_USER_GET_FEATURES = 1,
	VHOST_USER_SET_FEATURES = 2,
	VHOST_USER_SET_OWNER = 3,
	VHOST_USER_RESET_OWNER = 4,
	VHOST_USER_SET_MEM_TABLE = 5,
	VHOST_USER_SET_LOG_BASE = 6,
	VHOST_USER_SET_LOG_FD = 7,
	VHOST_USER_SET_VRING_NUM = 8,
	VHOST_USER_SET_VRING_ADDR = 9,
	VHOST_USER_SET_VRING_BASE = 10,
	VHOST_USER_GET_VRING_BASE = 11,
	VHOST_USER_SET_VRING_KICK = 12,
	VHOST_USER_SET_VRING_CALL = 13,
	VHOST_USER_SET_VRING_ERR = 14,
	VHOST_USER_GET_PROTOCOL_FEATURES = 15,
	VHOST_USER_SET_PROTOCOL_FEATURES = 16,
	VHOST_USER_GET_QUEUE_NUM = 17,
	VHOST_USER_SET_VRING_ENABLE = 18,
	VHOST_USER_NET_SET_MTU = 20,
	VHOST_USER_REQUEST_COUNT = 21,
};

/* Flags of a message. */
#define VHOST_USER_VERSION 0x1U
#define VHOST_USER_VERSION_MASK 0x3U
#define VHOST_USER_REPLY 0x4U
#define VHOST_USER_NEED_REPLY 0x8U

/* The feature bit that turns the log of written pages on (linux/vhost_types.h, which has names of ours). */
#define VHOST_F_LOG_ALL 26

/* The feature bit that says GET_PROTOCOL_FEATURES is known; the protocol features themselves. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30
#define VHOST_USER_PROTOCOL_F_MQ 0
#define VHOST_USER_PROTOCOL_F_LOG_SHMFD 1
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_F_NET_MTU 4

/* SET_VRING_KICK, _CALL, _ERR: the ring's index, and whether there is no descriptor. */
#define VHOST_USER_VRING_INDEX_MASK UINT64_C(0xff)
#define VHOST_USER_VRING_NO_FD UINT64_C(0x100)

/* The longest payload that we take: the memory table. */
#define VHOST_USER_PAYLOAD_BYTES_MAX (8 + VHOST_REGIONS_MAX * 32)

struct vhost_user_head {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

struct vhost_user_vring_state {
	uint32_t index;
	uint32_t number;
};

struct vhost_user_vring_addr {
	uint32_t index;
	uint32_t flags;
	uint64_t desc;
	uint64_t used;
	uint64_t avail;
	uint64_t log;
};

/* `flags` of the above: the used ring is logged at `log`. */
#define VHOST_USER_VRING_F_LOG 0x1U

struct vhost_user_log {
	uint64_t bytes;
	uint64_t offset;
};

struct vhost_user_region {
	uint64_t guest;
	uint64_t bytes;
	uint64_t user;
	uint64_t offset;
};

struct vhost_user_memory {
	uint32_t count;
	uint32_t padding;
	struct vhost_user_region regions[VHOST_REGIONS_MAX];
};

/* A message with its descriptors. A handler that keeps a descriptor sets its place to -1; the others are closed after it. */
struct vhost_message {
	struct vhost_user_head head;
	union {
		uint64_t number;
		struct vhost_user_vring_state state;
		struct vhost_user_vring_addr address;
		struct vhost_user_memory memory;
		struct vhost_user_log log;
		uint8_t bytes[VHOST_USER_PAYLOAD_BYTES_MAX];
	};
	unsigned fd_count;
	int fds[VHOST_REGIONS_MAX];
};

_Static_assert(sizeof(struct vhost_user_head) == 12 && sizeof(struct vhost_user_memory) == VHOST_USER_PAYLOAD_BYTES_MAX, "wire layout");

/* The receiving side of a connection: a message may come in pieces. */
struct vhost_socket {
	int fd;
	uint32_t have; /* bytes of head and payload so far */
	struct vhost_message message;
};

/*
 * Reads on; 1 when `socket->message` is whole, 0 when the rest isn't there yet, a negative errno when the connection is over (-ECONNRESET:
 * the other side closed it) or what came breaks the protocol (-EPROTO). Call vhost_socket_next after each whole message.
 */
int vhost_socket_read(struct vhost_socket *socket, struct err *err);

/* Closes the descriptors of the message that nobody took and makes ready for the next one. */
void vhost_socket_next(struct vhost_socket *socket);

/* Answers with `size` bytes of payload. 0 or a negative errno: a front end that doesn't read its replies is lost. */
int vhost_socket_reply(const struct vhost_socket *socket, uint32_t request, const void *payload, uint32_t size, struct err *err);

#endif
