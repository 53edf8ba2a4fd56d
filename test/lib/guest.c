/* A guest for tests: vhost-user front end and virtio driver over a memfd. */
#include "guest.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* Bytes at the start of ram for a ring's own tables; behind both, the data of RX and TX, a slot a descriptor. */
enum { RING_AREA_BYTES = 512 * 1024, TABLES_AT = 128 * 1024, TABLE_ENTRIES = 16 };

static uint64_t half(const struct guest *guest) { return guest->ram_bytes / 2; }

uint64_t guest_physical(const struct guest *guest, uint64_t offset)
{
	return offset < half(guest) ? offset : GUEST_HIGH + (offset - half(guest));
}

static void ring_init(struct guest *guest, unsigned index, uint16_t size)
{
	struct guest_ring *ring = &guest->rings[index];
	uint64_t at = index * (uint64_t)RING_AREA_BYTES;

	ring->size = size;
	ring->desc_at = at;
	ring->avail_at = at + 32 * 1024;
	ring->used_at = at + 64 * 1024;
	ring->table_at = at + TABLES_AT;
	ring->data_at = half(guest) + index * (uint64_t)size * GUEST_SLOT_BYTES;
	ring->desc = (void *)(guest->ram + ring->desc_at);
	ring->avail = (void *)(guest->ram + ring->avail_at);
	ring->used = (void *)(guest->ram + ring->used_at);
	for (uint16_t i = 0; i < size; i++)
		ring->free[i] = (uint16_t)(size - 1 - i);
	ring->free_count = size;
	ring->kick_fd = eventfd(0, EFD_NONBLOCK);
	ring->call_fd = eventfd(0, EFD_NONBLOCK);
	ring->error_fd = eventfd(0, EFD_NONBLOCK);
	CHECK(ring->kick_fd >= 0 && ring->call_fd >= 0 && ring->error_fd >= 0);
}

void guest_start(struct guest *guest, uint16_t ring_size, void (*pump)(void *context), void *context)
{
	uint64_t data = 2 * (uint64_t)ring_size * GUEST_SLOT_BYTES + 65536 * 2;

	CHECK(ring_size <= GUEST_RING_MAX);
	memset(guest, 0, sizeof(*guest));
	if (data < 2 * RING_AREA_BYTES)
		data = 2 * RING_AREA_BYTES;
	guest->ram_bytes = 2 * data;
	guest->memory_fd = memfd_create("guest", MFD_CLOEXEC);
	CHECK(guest->memory_fd >= 0 && ftruncate(guest->memory_fd, (off_t)guest->ram_bytes) == 0);
	guest->ram = mmap(NULL, guest->ram_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, guest->memory_fd, 0);
	CHECK(guest->ram != MAP_FAILED);
	guest->pump = pump;
	guest->context = context;
	guest->fd = -1;
	ring_init(guest, GUEST_RX, ring_size);
	ring_init(guest, GUEST_TX, ring_size);
	guest_connect(guest);
}

void guest_end(struct guest *guest)
{
	for (int i = 0; i < 2; i++) {
		(void)close(guest->rings[i].kick_fd);
		(void)close(guest->rings[i].call_fd);
		(void)close(guest->rings[i].error_fd);
	}
	(void)munmap(guest->ram, guest->ram_bytes);
	(void)close(guest->memory_fd);
	if (guest->fd >= 0)
		(void)close(guest->fd);
}

void guest_connect(struct guest *guest)
{
	const struct timeval patience = {5, 0};
	int pair[2];

	if (guest->fd >= 0)
		(void)close(guest->fd);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
	guest->fd = pair[0];
	guest->back_fd = pair[1];
}

void guest_send(struct guest *guest, struct guest_request request, const int *fds, unsigned fd_count)
{
	struct vhost_user_head head = {request.number, VHOST_USER_VERSION | request.flags, request.size};
	uint8_t bytes[sizeof(head) + VHOST_USER_PAYLOAD_BYTES_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 32)];
	} control = {0};
	struct iovec vector = {bytes, sizeof(head) + request.size};
	struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};

	CHECK(request.size <= VHOST_USER_PAYLOAD_BYTES_MAX && fd_count <= 32);
	memcpy(bytes, &head, sizeof(head));
	if (request.size > 0)
		memcpy(bytes + sizeof(head), request.payload, request.size);
	if (fd_count > 0) {
		struct cmsghdr *c;

		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c = CMSG_FIRSTHDR(&header);
		CHECK(c != NULL);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	CHECK(sendmsg(guest->fd, &header, MSG_NOSIGNAL) == (ssize_t)vector.iov_len || guest->may_hang_up);
	if (guest->pump != NULL)
		guest->pump(guest->context);
}

void guest_reply(struct guest *guest, uint32_t request, void *payload, uint32_t size)
{
	struct vhost_user_head head;

	CHECK(recv(guest->fd, &head, sizeof(head), MSG_WAITALL) == (ssize_t)sizeof(head));
	CHECK(head.request == request && head.flags == (VHOST_USER_VERSION | VHOST_USER_REPLY) && head.size == size);
	CHECK(recv(guest->fd, payload, size, MSG_WAITALL) == (ssize_t)size);
}

static void send_number(struct guest *guest, uint32_t request, uint64_t number, int fd)
{
	guest_send(guest, (struct guest_request){request, 0, &number, sizeof(number)}, &fd, fd >= 0);
}

static uint64_t ask_number(struct guest *guest, uint32_t request)
{
	uint64_t number = 0;

	guest_send(guest, (struct guest_request){request, 0, NULL, 0}, NULL, 0);
	guest_reply(guest, request, &number, sizeof(number));
	return number;
}

void guest_send_memory(struct guest *guest)
{
	struct vhost_user_memory table = {
		.count = 2,
		.regions = {{0, half(guest), GUEST_USER, 0}, {GUEST_HIGH, half(guest), GUEST_USER + half(guest), half(guest)}},
	};
	int fds[2] = {guest->memory_fd, guest->memory_fd};

	guest_send(guest, (struct guest_request){VHOST_USER_SET_MEM_TABLE, 0, &table, 8 + 2 * sizeof(table.regions[0])}, fds, 2);
}

void guest_send_ring(struct guest *guest, unsigned index, uint16_t base)
{
	struct guest_ring *ring = &guest->rings[index];
	struct vhost_user_vring_state num = {index, ring->size}, start = {index, base}, enable = {index, 1};
	struct vhost_user_vring_addr address = {.index = index,
		.desc = GUEST_USER + ring->desc_at,
		.avail = GUEST_USER + ring->avail_at,
		.used = GUEST_USER + ring->used_at};

	guest_send(guest, (struct guest_request){VHOST_USER_SET_VRING_NUM, 0, &num, sizeof(num)}, NULL, 0);
	guest_send(guest, (struct guest_request){VHOST_USER_SET_VRING_BASE, 0, &start, sizeof(start)}, NULL, 0);
	guest_send(guest, (struct guest_request){VHOST_USER_SET_VRING_ADDR, 0, &address, sizeof(address)}, NULL, 0);
	send_number(guest, VHOST_USER_SET_VRING_KICK, index, ring->kick_fd);
	send_number(guest, VHOST_USER_SET_VRING_CALL, index, ring->call_fd);
	guest_send(guest, (struct guest_request){VHOST_USER_SET_VRING_ENABLE, 0, &enable, sizeof(enable)}, NULL, 0);
}

void guest_set_up(struct guest *guest, uint64_t features)
{
	uint64_t offered = ask_number(guest, VHOST_USER_GET_FEATURES);
	uint64_t acknowledgement = 1, protocol;
	int fd;

	CHECK((features & ~offered) == 0);
	protocol = ask_number(guest, VHOST_USER_GET_PROTOCOL_FEATURES);
	if (guest->protocol_features != 0)
		protocol &= guest->protocol_features;
	send_number(guest, VHOST_USER_SET_PROTOCOL_FEATURES, protocol, -1);
	CHECK(ask_number(guest, VHOST_USER_GET_QUEUE_NUM) >= 1);
	guest_send(guest, (struct guest_request){VHOST_USER_SET_OWNER, VHOST_USER_NEED_REPLY, NULL, 0}, NULL, 0);
	guest_reply(guest, VHOST_USER_SET_OWNER, &acknowledgement, sizeof(acknowledgement));
	CHECK(acknowledgement == 0);
	for (unsigned i = 0; i < 2; i++) {
		fd = guest->rings[i].error_fd;
		send_number(guest, VHOST_USER_SET_VRING_ERR, i, fd);
	}
	guest->features = features;
	send_number(guest, VHOST_USER_SET_FEATURES, features, -1);
	guest_send_memory(guest);
	guest_send_ring(guest, GUEST_RX, 0);
	guest_send_ring(guest, GUEST_TX, 0);
}

static uint32_t header_bytes(const struct guest *guest)
{
	return guest->features & (GUEST_BIT(VIRTIO_F_VERSION_1) | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF)) ? 12 : 10;
}

/* Makes a chain of `pieces` descriptors over `bytes` bytes at `data` and offers it. */
static void ring_offer(struct guest *guest, struct guest_ring *ring, uint64_t data, uint32_t bytes, unsigned pieces, bool indirect)
{
	uint16_t flags = ring == &guest->rings[GUEST_RX] ? VRING_DESC_F_WRITE : 0;
	uint16_t descriptors = indirect ? 1 : (uint16_t)pieces;
	uint16_t head = ring->free[ring->free_count - 1];
	struct vring_desc *table = (void *)(guest->ram + ring->table_at + head * TABLE_ENTRIES * sizeof(*table));

	for (unsigned i = 0; i < pieces; i++) {
		uint32_t at = bytes * i / pieces, end = bytes * (i + 1) / pieces;
		struct vring_desc *desc = indirect ? &table[i] : &ring->desc[ring->free[ring->free_count - 1 - i]];

		*desc = (struct vring_desc){guest_physical(guest, data + at), end - at, flags, 0};
		if (i + 1 < pieces) {
			desc->flags |= VRING_DESC_F_NEXT;
			desc->next = indirect ? (uint16_t)(i + 1) : ring->free[ring->free_count - 2 - i];
		}
	}
	if (indirect)
		ring->desc[head] = (struct vring_desc){guest_physical(guest, ring->table_at + head * TABLE_ENTRIES * sizeof(*table)),
			(uint32_t)(pieces * sizeof(*table)), VRING_DESC_F_INDIRECT, 0};
	ring->free_count = (uint16_t)(ring->free_count - descriptors);
	ring->chain_of[head] = descriptors;
	ring->avail->ring[ring->avail_next & (ring->size - 1)] = head;
	__atomic_store_n(&ring->avail->idx, ++ring->avail_next, __ATOMIC_RELEASE);
}

/* Takes one used entry back; false when there is none. */
static bool ring_take(struct guest_ring *ring, uint16_t *head, uint32_t *written)
{
	const struct vring_used_elem *element;
	uint16_t at;

	if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) == ring->used_seen)
		return false;
	element = &ring->used->ring[ring->used_seen++ & (ring->size - 1)];
	CHECK(element->id < ring->size && ring->chain_of[element->id] > 0);
	*head = (uint16_t)element->id;
	*written = element->len;
	at = *head;
	for (uint16_t i = 0; i < ring->chain_of[*head]; i++) {
		ring->free[ring->free_count++] = at;
		at = ring->desc[at].next;
	}
	ring->chain_of[*head] = 0;
	return true;
}

bool guest_transmit(
	struct guest *guest, const struct virtio_net_hdr *header, const void *frame, uint32_t size, unsigned pieces, bool indirect)
{
	struct guest_ring *ring = &guest->rings[GUEST_TX];
	uint32_t bytes = header_bytes(guest) + size;
	uint64_t data;
	uint16_t head;

	CHECK(pieces >= 1 && pieces <= TABLE_ENTRIES);
	if (ring->free_count < (indirect ? 1 : pieces))
		return false;
	head = ring->free[ring->free_count - 1];
	data = ring->data_at + head * (uint64_t)GUEST_SLOT_BYTES;
	memset(guest->ram + data, 0, header_bytes(guest));
	memcpy(guest->ram + data, header, sizeof(*header));
	memcpy(guest->ram + data + header_bytes(guest), frame, size);
	ring_offer(guest, ring, data, bytes, pieces, indirect);
	return true;
}

unsigned guest_reclaim(struct guest *guest)
{
	uint16_t head;
	uint32_t written;
	unsigned count = 0;

	while (ring_take(&guest->rings[GUEST_TX], &head, &written))
		count++;
	return count;
}

bool guest_post(struct guest *guest, uint32_t bytes, unsigned pieces)
{
	struct guest_ring *ring = &guest->rings[GUEST_RX];

	if (ring->free_count < pieces)
		return false;
	ring_offer(guest, ring, ring->data_at + ring->free[ring->free_count - 1] * (uint64_t)GUEST_SLOT_BYTES, bytes, pieces, false);
	return true;
}

int guest_receive(struct guest *guest, struct virtio_net_hdr *header, uint8_t frame[GUEST_FRAME_BYTES_MAX])
{
	struct guest_ring *ring = &guest->rings[GUEST_RX];
	struct virtio_net_hdr_mrg_rxbuf whole = {.num_buffers = 1};
	uint32_t written, size, skip = header_bytes(guest);
	uint16_t head, buffers;
	const uint8_t *data;

	if (!ring_take(ring, &head, &written))
		return -1;
	data = guest->ram + ring->data_at + head * (uint64_t)GUEST_SLOT_BYTES;
	if (written == 0)
		return 0;
	CHECK(written >= skip);
	memcpy(&whole, data, skip);
	*header = whole.hdr;
	buffers = whole.num_buffers;
	CHECK(buffers >= 1 && ((guest->features & GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF)) || buffers == 1));
	size = written - skip;
	memcpy(frame, data + skip, size);
	while (--buffers > 0) {
		CHECK(ring_take(ring, &head, &written) && size + written <= GUEST_FRAME_BYTES_MAX);
		memcpy(frame + size, guest->ram + ring->data_at + head * (uint64_t)GUEST_SLOT_BYTES, written);
		size += written;
	}
	return (int)size;
}

bool guest_interrupted(struct guest *guest, unsigned ring)
{
	uint64_t count;

	return read(guest->rings[ring].call_fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

bool guest_kick(struct guest *guest, unsigned index)
{
	struct guest_ring *ring = &guest->rings[index];
	uint16_t old = ring->kicked, event;
	const uint64_t one = 1;
	bool wanted;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ring->kicked = ring->avail_next;
	if (guest->features & GUEST_BIT(VIRTIO_RING_F_EVENT_IDX)) {
		event = (uint16_t)__atomic_load_n(&ring->used->ring[ring->size].id, __ATOMIC_RELAXED);
		wanted = (uint16_t)(ring->avail_next - event - 1) < (uint16_t)(ring->avail_next - old);
	} else {
		wanted = !(__atomic_load_n(&ring->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY);
	}
	if (wanted)
		CHECK(write(ring->kick_fd, &one, sizeof(one)) == (ssize_t)sizeof(one));
	return wanted;
}
