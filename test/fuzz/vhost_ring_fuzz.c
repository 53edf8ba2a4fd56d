/*
 * Fuzzes a guest's rings and memory: the input is written over them, then the device receives and sends. The first byte chooses features,
 * the rest is a list of (place, length, bytes) changes between which a burst runs.
 */
#include "switch/vhost_device.h"

#include "../lib/guest.h"
#include "../lib/stub_device.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pump(void *context)
{
	struct device *device = *(struct device **)context;

	device->kind->ready(device, VHOST_TAG_SOCKET, 0);
}

/* A burst both ways: what comes from the guest goes back to it. */
static void burst(struct device *device)
{
	struct packet *packets[PACKET_BURST];
	unsigned count = device->kind->receive(device, packets, PACKET_BURST);
	struct packet *packet = packet_new(device->pool, 300);

	(void)device->kind->send(device, packets, count);
	CHECK(packet != NULL);
	memset(packet->data, 0, packet->size);
	(void)device->kind->send(device, &packet, 1);
	device->kind->flush(device);
}

/* Where a change goes: a ring's tables, or the data. The places are what a random number would seldom find. */
static uint64_t place(const struct guest *guest, uint8_t where, uint16_t offset)
{
	const struct guest_ring *ring = &guest->rings[where & 1];

	switch (where >> 1 & 3) {
	case 0:
		return ring->desc_at + offset % 256;
	case 1:
		return ring->avail_at + offset % 48;
	case 2:
		return ring->used_at + offset % 16;
	default:
		return ring->data_at + offset % 4096;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest guest;
	static struct device *device;
	const struct msg_port port = {.id = 1, .kind = PORT_VHOST, .mtu = 1500};
	struct packet_pool *pool = packet_pool_new(128, 8);
	struct err err;

	if (size < 1)
		goto out;
	guest_start(&guest, 16, pump, &device);
	device = vhost_kind.open(NULL, &port, 0, guest.back_fd, &err);
	CHECK(device != NULL);
	device->pool = pool;
	device->mtu = 1500;
	guest_set_up(&guest, (data[0] & 1) ? GUEST_FEATURES_ALL : GUEST_FEATURES_PLAIN);
	for (unsigned i = 0; i < 8; i++)
		(void)guest_post(&guest, 1600, 1);
	data++;
	size--;
	while (size >= 4) {
		uint64_t at = place(&guest, data[0], (uint16_t)(data[1] | data[2] << 8));
		size_t bytes = data[3] % 32;

		if (bytes > size - 4)
			bytes = size - 4;
		memcpy(guest.ram + at, data + 4, bytes);
		if (data[0] & 0x80)
			burst(device);
		data += 4 + bytes;
		size -= 4 + bytes;
	}
	burst(device);
	CHECK(!device->failed);
	device->kind->close(device);
	guest_end(&guest);
out:
	packet_pool_free(pool);
	return 0;
}
