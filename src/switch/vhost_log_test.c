/* Tests of the log of written pages: whatever the back end changes in a guest's memory is marked, and nothing but that. */
#include "switch/vhost_device.h"

#include "../../test/lib/guest.h"
#include "../../test/lib/stub_device.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { LOG_BYTES = 1 << 18 }; /* 2 Mi pages: 8 GiB */

struct bench {
	struct guest guest;
	struct device *device;
	struct packet_pool *pool;
	int log_fd;
	uint8_t *log;
	uint8_t *before; /* the guest's memory */
};

static void pump(void *context)
{
	struct bench *bench = context;

	bench->device->kind->ready(bench->device, VHOST_TAG_SOCKET, 0);
}

/* The used rings are logged at their own addresses, which are low. */
static void log_rings(struct bench *bench)
{
	for (uint32_t i = 0; i < 2; i++) {
		const struct guest_ring *ring = &bench->guest.rings[i];
		const struct vhost_user_vring_addr address = {.index = i,
			.flags = VHOST_USER_VRING_F_LOG,
			.desc = GUEST_USER + ring->desc_at,
			.avail = GUEST_USER + ring->avail_at,
			.used = GUEST_USER + ring->used_at,
			.log = ring->used_at};

		guest_send(&bench->guest, (struct guest_request){VHOST_USER_SET_VRING_ADDR, 0, &address, sizeof(address)}, NULL, 0);
	}
}

/* What QEMU does when it begins to copy: the bitmap, the feature, the rings' addresses. */
static void log_start(struct bench *bench, uint64_t features)
{
	const struct vhost_user_log log = {LOG_BYTES, 0};
	uint64_t answer = 1;

	features |= GUEST_BIT(VHOST_F_LOG_ALL);
	guest_send(&bench->guest, (struct guest_request){VHOST_USER_SET_LOG_BASE, 0, &log, sizeof(log)}, &bench->log_fd, 1);
	guest_reply(&bench->guest, VHOST_USER_SET_LOG_BASE, &answer, sizeof(answer));
	assert_int_equal(answer, 0);
	guest_send(&bench->guest, (struct guest_request){VHOST_USER_SET_FEATURES, 0, &features, sizeof(features)}, NULL, 0);
	log_rings(bench);
	pump(bench);
	assert_false(bench->device->failed);
	assert_int_equal(bench->device->state, PORT_STATE_UP);
}

static void bench_start(struct bench *bench, uint64_t features)
{
	struct msg_port port = {.id = 7};
	struct err err;

	memset(bench, 0, sizeof(*bench));
	bench->pool = packet_pool_new(64, 8);
	guest_start(&bench->guest, 64, pump, bench);
	bench->device = vhost_kind.open(NULL, &port, 0, bench->guest.back_fd, &err);
	assert_non_null(bench->device);
	bench->device->pool = bench->pool;
	bench->device->mtu = 1500;
	guest_set_up(&bench->guest, features);
	bench->log_fd = memfd_create("log", MFD_CLOEXEC);
	assert_int_equal(ftruncate(bench->log_fd, LOG_BYTES), 0);
	bench->log = mmap(NULL, LOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, bench->log_fd, 0);
	assert_true(bench->log != MAP_FAILED);
	bench->before = malloc(bench->guest.ram_bytes);
	assert_non_null(bench->before);
}

static void bench_end(struct bench *bench)
{
	vhost_kind.close(bench->device);
	assert_int_equal(packet_pool_used(bench->pool), 0);
	packet_pool_free(bench->pool);
	(void)munmap(bench->log, LOG_BYTES);
	(void)close(bench->log_fd);
	free(bench->before);
	guest_end(&bench->guest);
}

static bool marked(const struct bench *bench, uint64_t offset)
{
	uint64_t page = guest_physical(&bench->guest, offset) / VHOST_LOG_PAGE_BYTES;

	return bench->log[page / 8] >> page % 8 & 1;
}

/* Every page that differs from before is marked. Returns how many are marked in all. */
static unsigned check_pages(const struct bench *bench)
{
	unsigned count = 0;

	for (uint64_t offset = 0; offset < bench->guest.ram_bytes; offset += VHOST_LOG_PAGE_BYTES)
		if (memcmp(bench->guest.ram + offset, bench->before + offset, VHOST_LOG_PAGE_BYTES) != 0 && !marked(bench, offset))
			fail_msg("the page at 0x%llx was written and isn't marked", (unsigned long long)offset);
	for (unsigned i = 0; i < LOG_BYTES; i++)
		count += (unsigned)__builtin_popcount(bench->log[i]);
	return count;
}

static void send_frame(struct bench *bench, struct rand *rand)
{
	uint32_t size = 60 + (uint32_t)rand_below(rand, 1400);
	struct packet *packet = packet_new(bench->pool, size);
	uint64_t sent;

	assert_non_null(packet);
	for (uint32_t i = 0; i < size; i++)
		packet->data[i] = (uint8_t)rand_u64(rand);
	sent = vhost_kind.send(bench->device, &packet, 1);
	assert_true(sent);
	vhost_kind.flush(bench->device);
}

static void written_pages_are_marked(void **state)
{
	static const uint64_t sets[] = {GUEST_FEATURES_PLAIN, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX),
		GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_NET_F_MRG_RXBUF)};
	uint8_t got[GUEST_FRAME_BYTES_MAX];
	struct virtio_net_hdr header;
	struct rand rand = rand_seeded(11);

	for (size_t s = 0; s < COUNT_OF(sets); s++) {
		struct bench b;

		bench_start(&b, sets[s]);
		log_start(&b, sets[s]);
		for (unsigned i = 0; i < 200; i++) {
			assert_true(guest_post(&b.guest, 1600, 1 + (unsigned)rand_below(&rand, 3)));
			memcpy(b.before, b.guest.ram, b.guest.ram_bytes);
			memset(b.log, 0, LOG_BYTES);
			send_frame(&b, &rand);
			vhost_kind.arm(b.device);
			assert_in_range(check_pages(&b), 2, 12); /* the buffer, the used rings */
			assert_true(guest_receive(&b.guest, &header, got) > 0);
		}
		bench_end(&b);
	}
}

/* Off again, nothing is marked any more. */
static void nothing_is_marked_when_off(void **state)
{
	const uint64_t features = GUEST_FEATURES_PLAIN;
	struct rand rand = rand_seeded(12);
	struct bench b;

	bench_start(&b, features);
	log_start(&b, features);
	guest_send(&b.guest, (struct guest_request){VHOST_USER_SET_FEATURES, 0, &features, sizeof(features)}, NULL, 0);
	pump(&b);
	memset(b.log, 0, LOG_BYTES);
	assert_true(guest_post(&b.guest, 1600, 1));
	memcpy(b.before, b.guest.ram, b.guest.ram_bytes);
	send_frame(&b, &rand);
	for (unsigned i = 0; i < LOG_BYTES; i++)
		assert_int_equal(b.log[i], 0);
	bench_end(&b);
}

/* A bitmap that is too short, or vanishes, costs nobody but the guest anything. */
static void bad_bitmaps_are_survived(void **state)
{
	const uint64_t features = GUEST_FEATURES_PLAIN;
	struct rand rand = rand_seeded(13);
	struct bench b;

	vhost_memory_guard();
	bench_start(&b, features);
	log_start(&b, features);
	assert_int_equal(ftruncate(b.log_fd, 0), 0);
	assert_true(guest_post(&b.guest, 1600, 1));
	send_frame(&b, &rand);
	bench_end(&b);

	struct vhost_log log = {0};
	struct err err;
	int fd = memfd_create("short", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_true(vhost_log_map(&log, fd, 4097, 0, &err) < 0);
	assert_true(vhost_log_map(&log, fd, UINT64_MAX, 0, &err) < 0);
	assert_true(vhost_log_map(&log, fd, 4096, UINT64_MAX - 5, &err) < 0);
	assert_int_equal(vhost_log_map(&log, fd, 4096, 0, &err), 0);
	vhost_log_mark(&log, UINT64_MAX - 3, 2);
	vhost_log_mark(&log, UINT64_MAX - 3, 100);
	vhost_log_mark(&log, 4096ULL * 8 * 4096 - 1, 4096);
	assert_int_equal(log.map.regions[0].host[4095], 0x80);
	vhost_log_unmap(&log);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_pages_are_marked),
		cmocka_unit_test(nothing_is_marked_when_off),
		cmocka_unit_test(bad_bitmaps_are_survived),
	};

	return cmocka_run_group_tests_name("vhost_log", tests, NULL, NULL);
}
