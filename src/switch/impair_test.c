/* Tests of impaired links: delay and order, jitter, loss, rate, duplicates, damage, overtaking, limits, cut cables, both directions. */
#include "../../test/lib/core_world.h"

#include "switch/impair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Machines 11 and 12 at the ends of link 1. */
static struct world *build(const struct msg_impair *there, const struct msg_impair *back)
{
	struct world *world = world_open(NULL);
	struct msg_network network = {.id = 1, .kind = NETWORK_LINK, .up = true, .mtu = 1500};

	if (there != NULL) {
		network.impair[network.impair_count] = *there;
		network.impair[network.impair_count++].from = 11;
	}
	if (back != NULL) {
		network.impair[network.impair_count] = *back;
		network.impair[network.impair_count++].from = 12;
	}
	world_order(world, MSG_NETWORK_SET, &network);
	world_port(world, 11, 1, "10.0.0.11");
	world_port(world, 12, 1, "10.0.0.12");
	return world;
}

static void send(struct world *world, uint32_t from, uint16_t id)
{
	uint32_t to = 23 - from;
	struct frame frame = {.dst = world_mac(to),
		.src = world_mac(from),
		.ip_src = world_ip(from == 11 ? "10.0.0.11" : "10.0.0.12"),
		.ip_dst = world_ip(to == 11 ? "10.0.0.11" : "10.0.0.12"),
		.payload_bytes = 1000 - 42,
		.ip_id = id};

	world_frame(world, from, &frame);
}

static uint16_t id_of(const struct sent *sent) { return (uint16_t)(sent->bytes[18] << 8 | sent->bytes[19]); }

static void test_delay(void **state)
{
	const struct msg_impair there = {.delay_us = 20000}, back = {.delay_us = 5000};
	struct world *world = build(&there, &back);

	send(world, 11, 1);
	world_pass(world, span_us(19999));
	assert_int_equal(world->sent_count, 0);
	send(world, 11, 2);
	world_pass(world, span_us(1));
	assert_int_equal(world_count(world, 12), 1);
	world_pass(world, span_us(19999));
	assert_int_equal(world_count(world, 12), 2);
	assert_int_equal(id_of(world_nth(world, 12, 1)), 2);
	send(world, 12, 3);
	world_pass(world, span_us(4999));
	assert_int_equal(world_count(world, 11), 0);
	world_pass(world, span_us(1));
	assert_int_equal(world_count(world, 11), 1);
	assert_int_equal(packet_pool_used(world->pool), 0);
	world_close(world);
}

static void test_one_direction(void **state)
{
	const struct msg_impair there = {.delay_us = 20000};
	struct world *world = build(&there, NULL);

	send(world, 12, 1);
	assert_int_equal(world_count(world, 11), 1);
	send(world, 11, 1);
	assert_int_equal(world_count(world, 12), 0);
	world_close(world);
}

static void test_jitter_keeps_order(void **state)
{
	const struct msg_impair there = {.delay_us = 10000, .jitter_us = 5000};
	struct world *world = build(&there, NULL);

	for (uint16_t i = 0; i < 1000; i++) {
		send(world, 11, i);
		world_pass(world, span_us(100));
	}
	world_pass(world, span_ms(20));
	assert_int_equal(world_count(world, 12), 1000);
	for (uint16_t i = 0; i < 1000; i++)
		assert_int_equal(id_of(&world->sent[i]), i);
	world_close(world);
}

/* Shares come out within five standard deviations; all of it is the end's own sequence, the same in every run. */
static void test_shares(void **state)
{
	const struct msg_impair there = {.loss_ppm = 100000, .duplicate_ppm = 50000, .corrupt_ppm = 20000};
	struct world *world = build(&there, NULL);
	unsigned arrived = 0, damaged = 0;
	struct sent plain = {0};

	for (unsigned i = 0; i < 10000; i++) {
		world_clear(world);
		send(world, 11, 7);
		arrived += world->sent_count;
		for (unsigned j = 0; j < world->sent_count; j++) {
			uint32_t sum = 0;

			for (unsigned k = 0; k < world->sent[j].size; k++)
				sum = sum * 31 + world->sent[j].bytes[k];
			if (plain.size == 0)
				plain = (struct sent){.size = sum};
			damaged += sum != plain.size;
		}
	}
	assert_in_range(world_drops(world, 11, "link_loss"), 1000 - 150, 1000 + 150);
	assert_in_range(arrived, 9450 - 200, 9450 + 200);
	assert_in_range(damaged, 189 - 75, 189 + 75);
	world_close(world);
}

static void test_rate(void **state)
{
	const struct msg_impair there = {.rate_bps = 8000000};
	struct world *world = build(&there, NULL);
	struct instant begin = world->now;

	/* 1,000 bytes take 1 ms; more than 100 of them are too many to wait. */
	for (uint16_t i = 0; i < 200; i++)
		send(world, 11, i);
	assert_int_equal(world_drops(world, 11, "link_queue"), 200 - 101);
	world_pass(world, span_us(49500));
	assert_int_equal(world_count(world, 12), 49);
	world_pass(world, span_ms(60));
	assert_int_equal(world_count(world, 12), 101);
	/* A steady stream of the rate passes. */
	world_clear(world);
	for (uint16_t i = 0; i < 1000; i++) {
		send(world, 11, i);
		world_pass(world, span_ms(1));
	}
	assert_int_equal(world_count(world, 12), 1000);
	assert_true(instant_before(begin, world->now));
	world_close(world);
}

static void test_reorder(void **state)
{
	const struct msg_impair there = {.delay_us = 10000, .reorder_ppm = 250000};
	struct world *world = build(&there, NULL);
	unsigned early = 0;

	for (uint16_t i = 0; i < 1000; i++) {
		unsigned before = world->sent_count;

		send(world, 11, i);
		early += world->sent_count > before && id_of(&world->sent[world->sent_count - 1]) == i;
		world_pass(world, span_us(100));
	}
	world_pass(world, span_ms(20));
	assert_int_equal(world_count(world, 12), 1000);
	assert_in_range(early, 250 - 70, 250 + 70);
	world_close(world);
}

static void test_limits_and_cuts(void **state)
{
	const struct msg_impair there = {.delay_us = 1000000};
	struct world *world = build(&there, NULL);
	struct msg_network cut = {.id = 1, .kind = NETWORK_LINK, .mtu = 1500};

	for (unsigned i = 0; i < FLIGHTS_PER_DIRECTION + 10; i++)
		send(world, 11, 1);
	assert_int_equal(world_drops(world, 11, "link_queue"), 10);
	assert_int_equal(packet_pool_used(world->pool), FLIGHTS_PER_DIRECTION);
	world_order(world, MSG_NETWORK_SET, &cut);
	world_pass(world, span_s(2));
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 11, "network_down"), FLIGHTS_PER_DIRECTION);
	assert_int_equal(packet_pool_used(world->pool), 0);
	world_close(world);
	/* What is in flight when all ends is freed; when the sender goes, it is lost. */
	world = build(&there, NULL);
	send(world, 11, 1);
	world_order(world, MSG_PORT_DEL, &(struct msg_id){11});
	world_pass(world, span_s(2));
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(packet_pool_used(world->pool), 0);
	world_port(world, 11, 1, "10.0.0.11");
	send(world, 11, 1);
	assert_int_equal(packet_pool_used(world->pool), 1);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_one_direction),
		cmocka_unit_test(test_jitter_keeps_order),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_limits_and_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
