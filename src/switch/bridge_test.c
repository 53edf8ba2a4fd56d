/* Tests of networks: learning, flooding, isolation, cables, and machines that forge. */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Network 1 with machines 11, 12, 13 and TAPs 18, 19; network 2 with machine 21 and TAP 29. Ids stand for MACs, too. */
static struct world *two_networks(void)
{
	struct world *world = world_open(NULL);

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.1.0.0/24");
	world_port(world, 11, 1, "10.1.0.11");
	world_port(world, 12, 1, "10.1.0.12");
	world_port(world, 13, 1, "10.1.0.13");
	world_tap(world, 18, 1);
	world_tap(world, 19, 1);
	world_port(world, 21, 2, "10.1.0.11");
	world_tap(world, 29, 2);
	world_clear(world);
	return world;
}

static struct frame between(uint32_t from, const char *from_ip, struct mac to, const char *to_ip)
{
	return (struct frame){.src = world_mac(from), .dst = to, .ip_src = world_ip(from_ip), .ip_dst = world_ip(to_ip), .l4_dst = 9};
}

static void test_unicast(void **state)
{
	struct world *world = two_networks();
	struct frame frame = between(11, "10.1.0.11", world_mac(12), "10.1.0.12");
	uint8_t bytes[2048];
	unsigned size = frame_build(&frame, bytes);

	for (int i = 1; i <= 3; i++) {
		world_bytes(world, 11, bytes, size);
		assert_int_equal(world->sent_count, i);
		assert_int_equal(world_count(world, 12), i);
		assert_int_equal(world_nth(world, 12, (unsigned)i - 1)->size, size);
		assert_memory_equal(world_nth(world, 12, (unsigned)i - 1)->bytes, bytes, size);
	}
	assert_int_equal(world_counters(world, 11).rx_packets, 3);
	assert_int_equal(world_counters(world, 11).rx_bytes, 3 * size);
	assert_int_equal(world_counters(world, 12).tx_packets, 3);
	assert_int_equal(world_counters(world, 12).tx_bytes, 3 * size);
	world->refuse = true;
	world_bytes(world, 11, bytes, size);
	assert_int_equal(world_counters(world, 12).tx_dropped, 1);
	assert_int_equal(world_drops(world, 12, "tx_refused"), 1);
	world_close(world);
}

static void test_broadcast_stays_in_its_network(void **state)
{
	struct world *world = two_networks();
	struct frame frame = between(11, "10.1.0.11", MAC_BROADCAST, "255.255.255.255");

	for (int i = 0; i < 2; i++) {
		world_clear(world);
		world_frame(world, 11, &frame);
		assert_int_equal(world->sent_count, 4);
		assert_int_equal(world_count(world, 11), 0);
		assert_int_equal(world_count(world, 12), 1);
		assert_int_equal(world_count(world, 13), 1);
		assert_int_equal(world_count(world, 18), 1);
		assert_int_equal(world_count(world, 19), 1);
	}
	world_close(world);
}

static void test_unknown_receivers_are_behind_taps(void **state)
{
	struct world *world = two_networks();
	struct frame frame = between(11, "10.1.0.11", world_mac(0x999), "10.1.0.99");
	struct frame back = between(0x999, "10.1.0.99", world_mac(11), "10.1.0.11");

	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(world_count(world, 18) + world_count(world, 19), 2);
	world_frame(world, 18, &back);
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world_count(world, 18), 1);
	/* It moves to the other TAP, and ages. */
	world_frame(world, 19, &back);
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world_count(world, 19), 1);
	world_pass(world, span_s(311));
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 2);
	/* Nobody can be there where there are no TAPs, and nothing comes back to where it came from. */
	world_clear(world);
	frame = between(29, "10.1.0.9", world_mac(0x777), "10.1.0.7");
	world_frame(world, 29, &frame);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 29, "no_receiver"), 1);
	world_close(world);
}

static void test_frames_keep_an_entry_young(void **state)
{
	struct world *world = two_networks();
	struct frame frame = between(11, "10.1.0.11", world_mac(0x999), "10.1.0.99");
	struct frame back = between(0x999, "10.1.0.99", world_mac(11), "10.1.0.11");

	for (int i = 0; i < 8; i++) {
		world_frame(world, 18, &back);
		world_pass(world, span_s(100));
	}
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 1);
	world_close(world);
}

static void test_limits_of_learning(void **state)
{
	struct core_limits limits = {.macs_per_network = 100, .macs_per_port = 60};
	struct world *world = world_open(&limits);
	struct frame frame;

	world_network(world, 1, NULL);
	world_tap(world, 18, 1);
	world_tap(world, 19, 1);
	for (uint32_t i = 0; i < 200; i++) {
		frame = between(0x1000 + i, "10.1.0.9", world_mac(0x2000), "10.1.0.7");
		world_frame(world, 18, &frame);
	}
	/* The other port's learning isn't hindered by the greedy one. */
	frame = between(0x2000, "10.1.0.7", world_mac(0x1000), "10.1.0.9");
	world_frame(world, 19, &frame);
	world_clear(world);
	frame = between(0x1001, "10.1.0.9", world_mac(0x2000), "10.1.0.7");
	world_frame(world, 18, &frame);
	assert_int_equal(world_count(world, 19), 1);
	frame = between(0x2000, "10.1.0.7", world_mac(0x1000 + 199), "10.1.0.9");
	world_frame(world, 19, &frame);
	assert_int_equal(world_count(world, 18), 1);
	assert_non_null(world_told(world, MSG_PORT_CHANGED, 0) ? NULL : world);
	world_close(world);
}

static void expect_drop(struct world *world, uint32_t port, const struct frame *frame, const char *reason)
{
	uint64_t before = world_drops(world, port, reason);

	/* Twice: the second one meets the flow cache. */
	world_clear(world);
	world_frame(world, port, frame);
	world_frame(world, port, frame);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, port, reason), before + 2);
}

static void test_forgers(void **state)
{
	struct world *world = two_networks();
	struct frame frame;
	uint8_t bytes[2048];

	frame = between(12, "10.1.0.11", world_mac(13), "10.1.0.13");
	expect_drop(world, 11, &frame, "mac_spoofed");
	frame = between(11, "10.1.0.12", world_mac(13), "10.1.0.13");
	expect_drop(world, 11, &frame, "ip_spoofed");
	frame = between(11, "0.0.0.0", world_mac(13), "10.1.0.13");
	expect_drop(world, 11, &frame, "ip_spoofed");
	frame = between(11, "10.1.0.11", world_mac(13), "10.1.0.13");
	frame.src.bytes[0] |= 1;
	expect_drop(world, 11, &frame, "bad_source_mac");
	frame = between(11, "10.1.0.11", MAC_BROADCAST, "255.255.255.255");
	frame.l4_src = UDP_PORT_DHCP_SERVER;
	frame.l4_dst = UDP_PORT_DHCP_CLIENT;
	expect_drop(world, 11, &frame, "rogue_dhcp");
	frame = between(11, "fe80::11", mac_of_multicast(ipv6_all_nodes()), "ff02::1");
	frame.protocol = IP_PROTOCOL_ICMPV6;
	frame.l4_src = ICMPV6_ROUTER_ADVERTISEMENT;
	frame.ttl = 255;
	expect_drop(world, 11, &frame, "rogue_router");
	/* A TAP can't claim a machine's MAC either. */
	frame = between(11, "10.1.0.99", world_mac(12), "10.1.0.12");
	expect_drop(world, 18, &frame, "mac_spoofed");
	/* ARP: a wrong sender MAC, a wrong sender address, a right one. */
	world_bytes(
		world, 11, bytes, frame_arp(bytes, true, world_mac(11), world_ip("10.1.0.12"), (struct mac){{0}}, world_ip("10.1.0.13")));
	frame_arp(bytes, true, world_mac(11), world_ip("10.1.0.11"), (struct mac){{0}}, world_ip("10.1.0.13"));
	bytes[22 + 5] ^= 1;
	world_bytes(world, 11, bytes, 60);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 11, "arp_spoofed"), 2);
	world_bytes(
		world, 11, bytes, frame_arp(bytes, true, world_mac(11), world_ip("10.1.0.11"), (struct mac){{0}}, world_ip("10.1.0.13")));
	assert_int_equal(world->sent_count, 4);
	world_close(world);
}

static void test_tags_and_runts(void **state)
{
	struct world *world = two_networks();
	uint8_t bytes[2048] = {0};
	struct frame frame = between(11, "10.1.0.12", world_mac(12), "10.1.0.13");
	unsigned size = frame_build(&frame, bytes);

	/* VLAN 0 around a forged packet. */
	memmove(bytes + 16, bytes + 12, size - 12);
	memcpy(bytes + 12, (const uint8_t[]){0x81, 0, 0, 0}, 4);
	world_bytes(world, 11, bytes, size + 4);
	assert_int_equal(world_drops(world, 11, "tagged"), 1);
	for (unsigned i = 0; i < ETHERNET_HEADER_BYTES; i++)
		world_bytes(world, 11, bytes, i);
	assert_int_equal(world_drops(world, 11, "runt"), 14);
	assert_int_equal(world->sent_count, 0);
	/* What a bridge keeps to itself. */
	frame = between(18, "10.1.0.9", (struct mac){{0x01, 0x80, 0xc2, 0, 0, 0x0e}}, "10.1.0.7");
	expect_drop(world, 18, &frame, "reserved_group");
	world_close(world);
}

static void test_cable(void **state)
{
	static const struct mac groups[] = {
		{{0x01, 0x80, 0xc2, 0, 0, 0x00}}, {{0x01, 0x80, 0xc2, 0, 0, 0x02}}, {{0x01, 0x80, 0xc2, 0, 0, 0x0e}}};
	struct world *world = world_open(NULL);
	struct frame frame;
	uint8_t bytes[2048];

	world_link(world, 1);
	world_tap(world, 11, 1);
	frame = between(0x77, "10.1.0.1", world_mac(0x88), "10.1.0.2");
	expect_drop(world, 11, &frame, "cable_open");
	world_port(world, 12, 1, "10.1.0.2");
	for (unsigned i = 0; i < COUNT_OF(groups); i++) {
		unsigned size;

		world_clear(world);
		frame = between(0x77, "10.1.0.1", groups[i], "10.1.0.2");
		size = frame_build(&frame, bytes);
		world_bytes(world, 11, bytes, size);
		assert_int_equal(world->sent_count, 1);
		assert_memory_equal(world_first(world, 12)->bytes, bytes, size);
		frame.src = world_mac(0x99); /* of a bond, say */
		world_frame(world, 12, &frame);
		assert_int_equal(world_count(world, 11), 1);
	}
	/* Any MAC of the TAP's side reaches the other end; the machine's end speaks for itself only. */
	world_clear(world);
	frame = between(0x77, "10.1.0.1", world_mac(0x4711), "10.1.0.2");
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	expect_drop(world, 12, &frame, "mac_spoofed");
	/* A third end opens the cable. */
	world_tap(world, 13, 1);
	frame = between(0x77, "10.1.0.1", world_mac(12), "10.1.0.2");
	expect_drop(world, 11, &frame, "cable_open");
	world_close(world);
}

static void test_down(void **state)
{
	struct world *world = two_networks();
	struct frame frame = between(11, "10.1.0.11", world_mac(12), "10.1.0.12");
	struct msg_network network = {.id = 1, .kind = NETWORK_SEGMENT, .up = false, .mtu = 1500};
	struct msg_port port = {.id = 12, .kind = PORT_VHOST, .up = false, .network = 1, .mac = world_mac(12)};

	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	assert_true(core_port_link(world->core, 11));
	world_order(world, MSG_NETWORK_SET, &network);
	assert_false(core_port_link(world->core, 11));
	expect_drop(world, 11, &frame, "network_down");
	network.up = true;
	world_order(world, MSG_NETWORK_SET, &network);
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	world_order(world, MSG_PORT_SET, &port);
	assert_false(core_port_link(world->core, 12));
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 12, "port_down"), 1);
	world_close(world);
}

static void test_orders(void **state)
{
	struct world *world = two_networks();
	struct msg_port port = {.id = 14, .kind = PORT_VHOST, .up = true, .network = 7, .mac = world_mac(14)};
	struct frame frame = between(11, "10.1.0.11", world_mac(12), "10.1.0.12");
	struct err err = {0};

	assert_int_equal(world_try(world, MSG_PORT_SET, &port), -ENOENT);
	port.network = 1;
	port.mac = world_mac(11);
	assert_int_equal(world_try(world, MSG_PORT_SET, &port), -EEXIST);
	assert_int_equal(world_try(world, MSG_SYNC_END, &(struct msg_sync){0}), -EINVAL);
	assert_int_equal(world_try(world, MSG_VM_SET, &(struct msg_vm){0}), -EOPNOTSUPP);
	assert_int_equal(
		core_apply(world->core, PROCESS_ROUTE, message_row(MSG_NETWORK_DEL), &(struct msg_id){1}, world->now, &err), -EPERM);
	/* Deleting what isn't there is no error; a network that comes back finds its members. */
	world_order(world, MSG_PORT_DEL, &(struct msg_id){99});
	world_order(world, MSG_NETWORK_DEL, &(struct msg_id){1});
	expect_drop(world, 11, &frame, "port_down");
	world_network(world, 1, "10.1.0.0/24");
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	world_close(world);
}

static void test_mark_and_sweep(void **state)
{
	struct world *world = two_networks();
	struct frame frame = between(11, "10.1.0.11", world_mac(12), "10.1.0.12");

	world_frame(world, 11, &frame);
	world_order(world, MSG_SYNC_BEGIN, &(struct msg_sync){0});
	world_network(world, 1, "10.1.0.0/24");
	world_port(world, 11, 1, "10.1.0.11");
	world_port(world, 12, 1, "10.1.0.12");
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	world_order(world, MSG_SYNC_END, &(struct msg_sync){0});
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 2);
	assert_int_equal(world_counters(world, 12).tx_packets, 3);
	assert_int_equal(world_counters(world, 13).id, 0);
	assert_int_equal(world_counters(world, 21).id, 0);
	frame = between(11, "10.1.0.11", MAC_BROADCAST, "10.1.0.255");
	world_clear(world);
	world_frame(world, 11, &frame);
	assert_int_equal(world->sent_count, 1);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unicast),
		cmocka_unit_test(test_broadcast_stays_in_its_network),
		cmocka_unit_test(test_unknown_receivers_are_behind_taps),
		cmocka_unit_test(test_frames_keep_an_entry_young),
		cmocka_unit_test(test_limits_of_learning),
		cmocka_unit_test(test_forgers),
		cmocka_unit_test(test_tags_and_runts),
		cmocka_unit_test(test_cable),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_mark_and_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
