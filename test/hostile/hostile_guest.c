/*
 * A hostile guest beside two good ones on a live switch: speaks vhost-user and virtio itself and puts seeded bad states into its rings, its
 * memory and its requests, while every frame between the good ones must arrive.
 *
 *     hostile_guest GOOD-SOCKET GOOD-SOCKET HOSTILE-SOCKET [STATES [SEED]]
 *
 * Theory of operation. A state is a handful of lies: descriptors with wild addresses, lengths, flags and links, heads and indexes that
 * jump, tables of tables, headers of offloads that aren't there, garbage for frames, and between them resets of queues, memory that goes
 * away mid-flight, requests of any number. After each state a frame goes from one good guest to the other and back; since a poll of the
 * switch looks at all ports, the lie was looked at before the answer came. A ring that the switch gave up (it says so on the error
 * descriptor) is started again, a connection that it closed is made anew. Exit status 0: no frame of the good ones was lost or changed.
 */
#include "../lib/guest.h"
#include "base/check.h"
#include "base/rand.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RING_SIZE 64
#define FRAME_BYTES 200
/* A frame that hasn't arrived by then is lost. */
#define PATIENCE_MS 10000
/* What IEEE 802 gives to experiments. */
#define ETHERTYPE_EXPERIMENT 0x88b5

struct hostile {
	struct guest guest;
	struct rand rand;
	const char *path;
	uint64_t given_up, closed, resets, requests;
};

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Connects to a socket that the switch's side listens at; it may take a while to be there. */
static int connect_to(const char *path)
{
	const struct timeval patience = {10, 0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int64_t end = now_ms() + PATIENCE_MS;

	CHECK(strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

		CHECK(fd >= 0);
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0) {
			CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0);
			CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0);
			return fd;
		}
		(void)close(fd);
		if (now_ms() > end) {
			(void)fprintf(stderr, "can't connect to %s: %s\n", path, strerror(errno));
			exit(2);
		}
		(void)usleep(20000);
	}
}

static void guest_join(struct guest *guest, const char *path)
{
	guest_start(guest, RING_SIZE, NULL, NULL);
	(void)close(guest->back_fd);
	(void)close(guest->fd);
	guest->fd = connect_to(path);
	guest_set_up(guest, GUEST_FEATURES_PLAIN);
}

/* --- the good ones --- */

struct good {
	struct guest guest;
	uint8_t mac[6];
};

static void good_start(struct good *good, const char *path, uint8_t number)
{
	const uint8_t mac[6] = {0x02, 0, 0, 0, 0, number};

	guest_join(&good->guest, path);
	memcpy(good->mac, mac, sizeof(mac));
	while (guest_post(&good->guest, 2048, 1))
		;
	(void)guest_kick(&good->guest, GUEST_RX);
}

static void frame_fill(uint8_t frame[FRAME_BYTES], const struct good *from, const struct good *to, uint64_t number)
{
	memcpy(frame, to->mac, 6);
	memcpy(frame + 6, from->mac, 6);
	frame[12] = ETHERTYPE_EXPERIMENT >> 8;
	frame[13] = ETHERTYPE_EXPERIMENT & 0xff;
	for (unsigned i = 14; i < FRAME_BYTES; i++)
		frame[i] = (uint8_t)(number >> (i % 8 * 8) ^ i * 7);
}

/* Takes frames until the expected one comes; others (floods of the hostile one, announcements of the switch) are given back. */
static bool good_expect(struct good *good, const uint8_t expected[FRAME_BYTES])
{
	static uint8_t frame[GUEST_FRAME_BYTES_MAX];
	int64_t end = now_ms() + PATIENCE_MS;
	struct virtio_net_hdr header;

	for (unsigned turn = 0;; turn++) {
		int size = guest_receive(&good->guest, &header, frame);

		if (size >= 0) {
			CHECK(guest_post(&good->guest, 2048, 1));
			(void)guest_kick(&good->guest, GUEST_RX);
			if (size == FRAME_BYTES && memcmp(frame, expected, FRAME_BYTES) == 0)
				return true;
			continue;
		}
		/* The processor may be needed by the switch. */
		if (turn % 64 == 63) {
			struct timespec pause = {0, 20000};

			if (now_ms() > end)
				return false;
			(void)nanosleep(&pause, NULL);
		}
	}
}

static bool good_exchange(struct good *from, struct good *to, uint64_t number)
{
	static const struct virtio_net_hdr plain;
	uint8_t frame[FRAME_BYTES];

	frame_fill(frame, from, to, number);
	(void)guest_reclaim(&from->guest);
	CHECK(guest_transmit(&from->guest, &plain, frame, FRAME_BYTES, 1, false));
	(void)guest_kick(&from->guest, GUEST_TX);
	return good_expect(to, frame);
}

/* --- the hostile one --- */

static uint64_t some_address(struct hostile *hostile)
{
	struct rand *rand = &hostile->rand;
	const struct guest *guest = &hostile->guest;
	uint64_t half = guest->ram_bytes / 2;

	switch (rand_below(rand, 8)) {
	case 0:
		return rand_u64(rand);
	case 1:
		return UINT64_MAX - rand_below(rand, 4096);
	case 2:
		return half - rand_below(rand, 256); /* over the end of the low region */
	case 3:
		return GUEST_HIGH + half - rand_below(rand, 2048);
	case 4:
		return rand_below(rand, 70000); /* its own rings */
	case 5:
		return GUEST_HIGH - rand_below(rand, 64);
	default:
		return GUEST_HIGH + rand_below(rand, half);
	}
}

static uint32_t some_length(struct rand *rand)
{
	static const uint32_t edges[] = {0, 1, 9, 10, 11, 12, 13, 14, 26, 60, 1514, 1526, 65535, 65536, 65550, INT32_MAX, UINT32_MAX};

	return rand_below(rand, 4) == 0 ? (uint32_t)rand_u64(rand)
	       : rand_below(rand, 2)	? edges[rand_below(rand, sizeof(edges) / sizeof(edges[0]))]
					: (uint32_t)rand_below(rand, 2000);
}

static struct vring_desc some_descriptor(struct hostile *hostile)
{
	struct rand *rand = &hostile->rand;
	struct vring_desc desc = {
		some_address(hostile), some_length(rand), (uint16_t)rand_below(rand, 8), (uint16_t)rand_below(rand, RING_SIZE)};

	if (rand_below(rand, 8) == 0)
		desc.flags = (uint16_t)rand_u64(rand);
	if (rand_below(rand, 8) == 0)
		desc.next = (uint16_t)rand_u64(rand);
	return desc;
}

/* A frame with a header that lies, at a place in high memory. */
static void lie_in_data(struct hostile *hostile)
{
	struct rand *rand = &hostile->rand;
	struct guest *guest = &hostile->guest;
	uint8_t *data = guest->ram + guest->ram_bytes / 2 + rand_below(rand, guest->ram_bytes / 2 - 256);

	for (unsigned i = 0; i < 64; i++)
		data[i] = (uint8_t)rand_u64(rand);
	if (rand_below(rand, 2)) { /* well-formed enough to go further */
		memset(data, 0, 12);
		data[0] = (uint8_t)rand_below(rand, 3);
		data[1] = (uint8_t)rand_below(rand, 6);
		data[24] = 0x08;
		data[25] = (uint8_t)(rand_below(rand, 2) * 6);
	}
}

static void lie_in_ring(struct hostile *hostile)
{
	struct rand *rand = &hostile->rand;
	struct guest_ring *ring = &hostile->guest.rings[rand_below(rand, 3) == 0 ? GUEST_RX : GUEST_TX];
	unsigned chains = 1 + (unsigned)rand_below(rand, 8);

	for (unsigned i = 0; i < 4 + rand_below(rand, RING_SIZE); i++)
		ring->desc[rand_below(rand, RING_SIZE)] = some_descriptor(hostile);
	for (unsigned i = 0; i < 8; i++) { /* what indirect descriptors may lead to */
		struct vring_desc *table = (void *)(hostile->guest.ram + ring->table_at);

		table[rand_below(rand, 256)] = some_descriptor(hostile);
	}
	for (unsigned i = 0; i < chains; i++)
		ring->avail->ring[(ring->avail_next + i) % RING_SIZE] =
			rand_below(rand, 16) ? (uint16_t)rand_below(rand, RING_SIZE) : (uint16_t)rand_u64(rand);
	if (rand_below(rand, 64) == 0) { /* a chain that never ends, which chance makes seldom */
		uint16_t head = (uint16_t)rand_below(rand, RING_SIZE);

		ring->desc[head] = (struct vring_desc){GUEST_HIGH, 100, VRING_DESC_F_NEXT, head};
		ring->avail->ring[ring->avail_next % RING_SIZE] = head;
	}
	ring->avail_next = (uint16_t)(ring->avail_next + (rand_below(rand, 32) ? chains : rand_u64(rand)));
	ring->avail->flags = (uint16_t)rand_below(rand, 4);
	if (rand_below(rand, 8) == 0)
		ring->used->idx = (uint16_t)rand_u64(rand);
	__atomic_store_n(&ring->avail->idx, ring->avail_next, __ATOMIC_RELEASE);
	/* And while they are looked at. */
	if (rand_below(rand, 2))
		ring->desc[rand_below(rand, RING_SIZE)] = some_descriptor(hostile);
	(void)!write(ring->kick_fd, &(uint64_t){1}, sizeof(uint64_t));
}

/* Sends without minding whether the other side has hung up. */
static void send_raw(struct hostile *hostile, uint32_t number, uint32_t flags, uint32_t said, const void *payload, uint32_t size)
{
	uint8_t bytes[sizeof(struct vhost_user_head) + VHOST_USER_PAYLOAD_BYTES_MAX];
	struct vhost_user_head head = {number, flags, said};

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), payload, size);
	(void)!send(hostile->guest.fd, bytes, sizeof(head) + size, MSG_NOSIGNAL);
}

static void bad_request(struct hostile *hostile)
{
	struct rand *rand = &hostile->rand;
	uint64_t payload[16];
	uint32_t size = (uint32_t)rand_below(rand, sizeof(payload) + 1);

	for (unsigned i = 0; i < 16; i++)
		payload[i] = rand_below(rand, 2) ? rand_below(rand, 16) : rand_u64(rand);
	send_raw(hostile, rand_below(rand, 4) ? (uint32_t)rand_below(rand, 48) : (uint32_t)rand_u64(rand),
		rand_below(rand, 8) ? VHOST_USER_VERSION : (uint32_t)rand_u64(rand), rand_below(rand, 8) ? size : (uint32_t)rand_u64(rand),
		payload, size);
	hostile->requests++;
}

static bool hung_up(const struct hostile *hostile)
{
	struct pollfd poll_fd = {hostile->guest.fd, POLLIN, 0};
	char byte;

	/* Replies to what was asked in vain are thrown away. */
	while (poll(&poll_fd, 1, 0) == 1) {
		ssize_t got = recv(hostile->guest.fd, &byte, 1, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			return true;
		if (got < 0)
			break;
	}
	return false;
}

static void come_again(struct hostile *hostile)
{
	guest_end(&hostile->guest);
	guest_join(&hostile->guest, hostile->path);
}

/* Stops a ring and starts it again from nothing, as a driver's reset does; its memory may be gone meanwhile. */
static void reset(struct hostile *hostile, unsigned index)
{
	struct guest *guest = &hostile->guest;
	struct guest_ring *ring = &guest->rings[index];
	const uint32_t off[2] = {index, 0};
	struct vhost_user_memory none = {.count = 0};

	send_raw(hostile, VHOST_USER_SET_VRING_ENABLE, VHOST_USER_VERSION, sizeof(off), off, sizeof(off));
	send_raw(hostile, VHOST_USER_GET_VRING_BASE, VHOST_USER_VERSION, sizeof(off), off, sizeof(off));
	if (rand_below(&hostile->rand, 4) == 0)
		send_raw(hostile, VHOST_USER_SET_MEM_TABLE, VHOST_USER_VERSION, 8, &none, 8);
	memset(guest->ram + ring->desc_at, 0, 128 * 1024);
	ring->avail_next = ring->used_seen = ring->kicked = 0;
	hostile->resets++;
}

/* Starts both rings again over clean memory, on the same connection. */
static void rings_again(struct hostile *hostile)
{
	struct guest *guest = &hostile->guest;

	for (unsigned i = 0; i < 2; i++) {
		struct guest_ring *ring = &guest->rings[i];
		const uint32_t index[2] = {i, 0};

		send_raw(hostile, VHOST_USER_GET_VRING_BASE, VHOST_USER_VERSION, sizeof(index), index, sizeof(index));
		memset(guest->ram + ring->desc_at, 0, 128 * 1024);
		ring->avail_next = ring->used_seen = ring->kicked = 0;
	}
	guest->may_hang_up = true;
	guest_send_memory(guest);
	guest_send_ring(guest, GUEST_RX, 0);
	guest_send_ring(guest, GUEST_TX, 0);
	guest->may_hang_up = false;
}

static void state(struct hostile *hostile, uint64_t number)
{
	struct rand *rand = &hostile->rand;
	uint64_t count;
	bool broken = false;

	lie_in_data(hostile);
	lie_in_ring(hostile);
	if (rand_below(rand, 256) == 0)
		bad_request(hostile);
	if (rand_below(rand, 32) == 0)
		reset(hostile, (unsigned)rand_below(rand, 2));
	for (unsigned i = 0; i < 2; i++)
		broken |= read(hostile->guest.rings[i].error_fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
	hostile->given_up += broken;
	if (hung_up(hostile)) {
		hostile->closed++;
		come_again(hostile);
	} else if (broken || number % 64 == 63) {
		rings_again(hostile);
	}
}

int main(int argc, char **argv)
{
	static struct good a, b;
	static struct hostile hostile;
	uint64_t states = argc > 4 ? strtoull(argv[4], NULL, 10) : 10000;
	uint64_t seed = argc > 5 ? strtoull(argv[5], NULL, 10) : rand_kernel_seed();
	int64_t said = now_ms();

	if (argc < 4) {
		(void)fprintf(stderr, "usage: hostile_guest GOOD-SOCKET GOOD-SOCKET HOSTILE-SOCKET [STATES [SEED]]\n");
		return 2;
	}
	(void)printf("seed %llu\n", (unsigned long long)seed);
	good_start(&a, argv[1], 1);
	good_start(&b, argv[2], 2);
	hostile.rand = rand_seeded(seed);
	hostile.path = argv[3];
	guest_join(&hostile.guest, hostile.path);
	/* The switch learns where the good ones are. */
	if (!good_exchange(&a, &b, 0) || !good_exchange(&b, &a, 0)) {
		(void)printf("the good guests don't reach each other\n");
		return 1;
	}
	for (uint64_t i = 1; i <= states; i++) {
		state(&hostile, i);
		if (!good_exchange(i & 1 ? &a : &b, i & 1 ? &b : &a, i)) {
			(void)printf("a frame of the good guests is lost after state %llu of seed %llu\n", (unsigned long long)i,
				(unsigned long long)seed);
			return 1;
		}
		if (now_ms() - said >= 10000) {
			said = now_ms();
			(void)printf("%llu states\n", (unsigned long long)i);
			(void)fflush(stdout);
		}
	}
	(void)printf("%llu states: %llu rings given up, %llu connections closed, %llu resets, %llu bad requests; every frame of the good "
		     "guests arrived\n",
		(unsigned long long)states, (unsigned long long)hostile.given_up, (unsigned long long)hostile.closed,
		(unsigned long long)hostile.resets, (unsigned long long)hostile.requests);
	return 0;
}
