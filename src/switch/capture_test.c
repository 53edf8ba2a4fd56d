/* Tests of captures: both directions of a port, a router's interface under cached flows, filters, cuts, a full ring, a member that goes. */
#include "../../test/lib/core_world.h"

#include "api/message_types.h"
#include "switch/capture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Machine 11 and TAP 12 in network 1, router 100 into network 2 with machine 21. */
static struct world *build(void)
{
	struct world *world = world_open(NULL);

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	world_port(world, 11, 1, "10.1.0.11");
	world_tap(world, 12, 1);
	world_port(world, 21, 2, "10.2.0.21");
	world_router(world, 100);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_rif(world, 102, 100, 2, "10.2.0.1/24");
	return world;
}

static struct capture *begin(struct world *world, uint32_t id, const struct msg_capture *wanted)
{
	struct msg_capture order = wanted != NULL ? *wanted : (struct msg_capture){0};
	struct err err = {0};
	struct capture *capture;

	order.id = id;
	capture = capture_new(&order, 0, &err);
	assert_non_null(capture);
	assert_int_equal(core_capture(world->core, capture, &err), 0);
	return capture;
}

static void end(struct world *world, struct capture *capture)
{
	core_uncapture(world->core, capture);
	capture_free(capture);
}

static uint32_t get_u32(const uint8_t *b) { return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3]; }

/* The next packet's block: its direction (0: there is none), and its bytes. */
static uint32_t next_packet(struct capture *capture, uint32_t *captured, uint32_t *length, uint8_t *bytes)
{
	const uint8_t *block;
	uint32_t direction, size;

	if (capture_peek(capture, &block) == 0)
		return 0;
	assert_int_equal(get_u32(block), 6);
	size = get_u32(block + 4);
	assert_int_equal(get_u32(block + size - 4), size);
	*captured = get_u32(block + 20);
	*length = get_u32(block + 24);
	memcpy(bytes, block + 28, *captured);
	direction = get_u32(block + size - 8);
	capture_take(capture, size);
	return direction;
}

static void send(struct world *world, uint16_t l4_dst)
{
	struct frame frame = {.dst = world_mac(101),
		.src = world_mac(11),
		.ip_src = world_ip("10.1.0.11"),
		.ip_dst = world_ip("10.2.0.21"),
		.l4_src = 1000,
		.l4_dst = l4_dst};

	world_frame(world, 11, &frame);
}

static void test_port_and_interface(void **state)
{
	struct world *world = build();
	struct capture *in, *out, *rif, *far;
	uint32_t captured = 0, length = 0;
	uint8_t bytes[2048] = {0};

	send(world, 9); /* the flow is cached before anybody looks */
	in = begin(world, 11, NULL);
	out = begin(world, 21, NULL);
	rif = begin(world, 101, NULL);
	far = begin(world, 102, NULL);
	for (int i = 0; i < 2; i++) {
		world_clear(world);
		send(world, 9);
		assert_int_equal(world_count(world, 21), 1);
		assert_int_equal(next_packet(in, &captured, &length, bytes), PCAPNG_INBOUND);
		assert_int_equal(length, 14 + 20 + 8 + 64);
		assert_int_equal(bytes[22], 64);
		assert_int_equal(next_packet(rif, &captured, &length, bytes), PCAPNG_INBOUND);
		assert_int_equal(bytes[22], 64);
		/* Behind the router the packet is what the receiver gets. */
		assert_int_equal(next_packet(far, &captured, &length, bytes), PCAPNG_OUTBOUND);
		assert_memory_equal(bytes, world_first(world, 21)->bytes, captured);
		assert_int_equal(next_packet(out, &captured, &length, bytes), PCAPNG_OUTBOUND);
		assert_memory_equal(bytes, world_first(world, 21)->bytes, captured);
		assert_int_equal(next_packet(in, &captured, &length, bytes), 0);
	}
	end(world, in);
	end(world, out);
	end(world, rif);
	end(world, far);
	world_clear(world);
	send(world, 9);
	assert_int_equal(world_count(world, 21), 1);
	world_close(world);
}

static void test_filter_and_cut(void **state)
{
	/* udp dst port 7, without IP options: ldh [36]; jeq #7; ret */
	struct msg_capture wanted = {
		.snaplen = 40, .insn_count = 4, .insns = {{0x28, 0, 0, 36}, {0x15, 0, 1, 7}, {0x06, 0, 0, 262144}, {0x06, 0, 0, 0}}};
	struct msg_capture bad = {.insn_count = 1, .insns = {{0x15, 7, 7, 0}}};
	struct world *world = build();
	struct capture *capture = begin(world, 11, &wanted);
	uint32_t captured = 0, length = 0;
	uint8_t bytes[2048] = {0};
	struct err err = {0};

	send(world, 9);
	send(world, 7);
	assert_int_equal(next_packet(capture, &captured, &length, bytes), PCAPNG_INBOUND);
	assert_int_equal(captured, 40);
	assert_int_equal(length, 14 + 20 + 8 + 64);
	assert_int_equal(bytes[37], 7);
	assert_int_equal(next_packet(capture, &captured, &length, bytes), 0);
	end(world, capture);
	assert_null(capture_new(&bad, 0, &err));
	assert_int_equal(err.code, -EINVAL);
	world_close(world);
}

static void test_full_ring(void **state)
{
	struct world *world = build();
	struct capture *capture = begin(world, 11, NULL);
	unsigned sent = 0, read = 0;
	uint32_t captured = 0, length = 0;
	uint8_t bytes[2048] = {0};

	while (atomic_load(&capture->dropped) == 0 && sent < 1000000) {
		world_clear(world);
		send(world, 9);
		sent++;
		assert_int_equal(world_count(world, 21), 1);
	}
	assert_true(sent > 20000);
	/* Blocks may turn over the end of the ring; they are read as bytes then. */
	while (read < 1000 && next_packet(capture, &captured, &length, bytes) != 0)
		read++;
	assert_int_equal(read, 1000);
	send(world, 9);
	assert_int_equal(atomic_load(&capture->dropped), 1);
	assert_int_equal(atomic_load(&capture->seen), sent + 1);
	end(world, capture);
	world_close(world);
}

static void test_member_goes(void **state)
{
	struct world *world = build();
	struct capture *capture = begin(world, 11, NULL), *other = begin(world, 11, NULL);

	world_order(world, MSG_PORT_DEL, &(struct msg_id){11});
	assert_true(atomic_load(&capture->over));
	assert_true(atomic_load(&other->over));
	end(world, capture);
	end(world, other);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_and_interface),
		cmocka_unit_test(test_filter_and_cut),
		cmocka_unit_test(test_full_ring),
		cmocka_unit_test(test_member_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
