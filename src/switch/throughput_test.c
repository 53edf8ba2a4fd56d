/* Tests of throughput: what passed since it was asked for last, the bandwidth of an impaired link, R = G x C. */
#include "../../test/lib/core_world.h"

#include "switch/throughput.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define FRAMES 100
#define FRAME_BYTES 1000

static void send_frames(struct world *world, uint32_t from)
{
	uint32_t to = 23 - from;
	struct frame frame = {.dst = world_mac(to),
		.src = world_mac(from),
		.ip_src = world_ip(from == 11 ? "10.0.0.11" : "10.0.0.12"),
		.ip_dst = world_ip(to == 11 ? "10.0.0.11" : "10.0.0.12"),
		.payload_bytes = FRAME_BYTES - 42,
		.l4_src = 1,
		.l4_dst = 2};

	for (unsigned i = 0; i < FRAMES; i++)
		world_frame(world, from, &frame);
}

static struct world *build(uint64_t rate_bps)
{
	struct world *world = world_open(NULL);
	struct msg_network network = {.id = 1, .kind = NETWORK_LINK, .up = true, .mtu = 1500, .impair_count = rate_bps > 0};

	network.impair[0] = (struct msg_impair){.from = 11, .rate_bps = rate_bps};
	world_order(world, MSG_NETWORK_SET, &network);
	world_port(world, 11, 1, "10.0.0.11");
	world_port(world, 12, 1, "10.0.0.12");
	world_pass(world, span_s(3));
	(void)world_counters(world, 11);
	return world;
}

static void what_passed_since_last_asked(void **state)
{
	struct world *world = build(0);
	struct row_interface row;

	send_frames(world, 11);
	world_pass(world, span_ms(1000));
	row = world_counters(world, 11);
	assert_in_range(row.rx_bps, FRAMES * FRAME_BYTES * 8 * 99 / 100, FRAMES * FRAME_BYTES * 8 * 101 / 100);
	assert_int_equal(row.throughput_bps, row.rx_bps);
	assert_int_equal(row.bandwidth_bps, THROUGHPUT_NOMINAL_BPS);
	assert_int_equal(world_counters(world, 12).tx_bps, row.rx_bps);
	/* Asked again at once the answer is the same. */
	world_pass(world, span_ms(100));
	assert_int_equal(world_counters(world, 11).throughput_bps, row.throughput_bps);
	world_pass(world, span_s(2));
	assert_int_equal(world_counters(world, 11).throughput_bps, 0);
	world_close(world);
}

/* One way is 10 Mbit/s, the other is not limited: 11 is bound where it sends, 12 where it receives. */
static void link_rate_is_bandwidth(void **state)
{
	struct world *world = build(10000000);

	assert_int_equal(world_counters(world, 11).bandwidth_bps, 10000000);
	assert_int_equal(world_counters(world, 12).bandwidth_bps, 10000000);
	send_frames(world, 12);
	world_pass(world, span_ms(1000));
	/* The way that carries something, though the other one is narrower. */
	assert_int_equal(world_counters(world, 11).bandwidth_bps, THROUGHPUT_NOMINAL_BPS);
	assert_int_equal(world_counters(world, 11).throughput_bps, world_counters(world, 11).tx_bps);
	send_frames(world, 12);
	send_frames(world, 11);
	world_pass(world, span_ms(1000));
	assert_int_equal(world_counters(world, 11).bandwidth_bps, 10000000);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_passed_since_last_asked), cmocka_unit_test(link_rate_is_bandwidth)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
