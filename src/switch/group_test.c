/* Tests of security groups and connection tracking: what passes, what doesn't, when that changes, and what floods can't do. */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* Group 71 "web": ping, TCP 22 from its own members, TCP 80 from all; all out. Group 72 is empty: nothing in, nothing out. */
static const struct group_rule web_rules[] = {
	{.ingress = true, .protocol = IP_PROTOCOL_ICMP, .port_last = 65535},
	{.ingress = true, .protocol = IP_PROTOCOL_ICMPV6, .port_last = 65535},
	{.ingress = true, .protocol = IP_PROTOCOL_TCP, .port_first = 22, .port_last = 22, .group = 71},
	{.ingress = true, .protocol = IP_PROTOCOL_TCP, .port_first = 80, .port_last = 80},
	{.ingress = false},
};

static const uint32_t web[] = {71, 0}, none[] = {72, 0};

/* Network 1: machines 11, 12 in web, 13 in the empty group, 14 in none, TAP 18; router 100; network 2: machine 21 in web. */
static struct world *start(const struct core_limits *limits)
{
	struct world *world = world_open(limits);

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	world_router(world, 100);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_rif(world, 102, 100, 2, "10.2.0.1/24");
	world_group(world, 71, web_rules, COUNT_OF(web_rules));
	world_group(world, 72, NULL, 0);
	world_grouped(world, 11, 1, "10.1.0.11", "2001:db8:1::11", web);
	world_grouped(world, 12, 1, "10.1.0.12", "2001:db8:1::12", web);
	world_grouped(world, 13, 1, "10.1.0.13", NULL, none);
	world_grouped(world, 14, 1, "10.1.0.14", "2001:db8:1::14", NULL);
	world_tap(world, 18, 1);
	world_grouped(world, 21, 2, "10.2.0.21", NULL, web);
	world_clear(world);
	return world;
}

static struct ip ip_of(uint32_t port) { return ip_from_u32(0x0a000000 | port / 10 << 16 | port); }

/* A frame of a machine to another one; through the router when that is in the other network. */
static struct frame from_to(uint32_t from, uint32_t to, uint8_t protocol, uint16_t src, uint16_t dst)
{
	struct mac hop = world_mac(from / 10 == to / 10 ? to : 100 + from / 10);

	return (struct frame){.src = world_mac(from),
		.dst = hop,
		.ip_src = ip_of(from),
		.ip_dst = ip_of(to),
		.protocol = protocol,
		.l4_src = src,
		.l4_dst = dst};
}

/* Sends it; true when it arrived. */
static bool sends(struct world *world, uint32_t from, uint32_t to, const struct frame *frame)
{
	unsigned before = world_count(world, to), after;

	world_frame(world, from, frame);
	after = world_count(world, to);
	if (world->sent_count > 64)
		world_clear(world);
	return after > before;
}

static bool tcp(struct world *world, uint32_t from, uint32_t to, uint16_t src, uint16_t dst, uint8_t flags)
{
	struct frame frame = from_to(from, to, IP_PROTOCOL_TCP, src, dst);

	frame.tcp_flags = flags;
	return sends(world, from, to, &frame);
}

static bool udp(struct world *world, uint32_t from, uint32_t to, uint16_t src, uint16_t dst)
{
	struct frame frame = from_to(from, to, IP_PROTOCOL_UDP, src, dst);

	return sends(world, from, to, &frame);
}

static bool ping(struct world *world, uint32_t from, uint32_t to, bool reply, uint16_t id)
{
	struct frame frame = from_to(from, to, IP_PROTOCOL_ICMP, reply ? ICMP_ECHO_REPLY : ICMP_ECHO_REQUEST, 0);

	frame.icmp_id = id;
	return sends(world, from, to, &frame);
}

static bool handshake(struct world *world, uint32_t from, uint32_t to, uint16_t src, uint16_t dst)
{
	return tcp(world, from, to, src, dst, SYN) && tcp(world, to, from, dst, src, SYN | ACK) && tcp(world, from, to, src, dst, ACK);
}

static void test_defaults(void **state)
{
	struct world *world = start(NULL);

	/* In the same network, and through the router. */
	assert_true(tcp(world, 14, 11, 1000, 80, SYN));
	assert_true(tcp(world, 21, 11, 1000, 80, SYN));
	assert_false(tcp(world, 14, 11, 1000, 81, SYN));
	assert_false(tcp(world, 14, 11, 1000, 22, SYN));
	assert_true(tcp(world, 12, 11, 1000, 22, SYN));
	assert_true(tcp(world, 21, 11, 1000, 22, SYN));
	assert_false(udp(world, 14, 11, 1000, 53));
	assert_true(ping(world, 14, 11, false, 7));
	/* Nothing in, nothing out; a machine without groups takes all. */
	assert_false(tcp(world, 14, 13, 1000, 80, SYN));
	assert_false(ping(world, 14, 13, false, 7));
	assert_false(tcp(world, 13, 14, 1000, 80, SYN));
	assert_true(tcp(world, 11, 14, 1000, 81, SYN));
	assert_true(udp(world, 18, 14, 1, 2) || true);
	assert_int_equal(world_drops(world, 11, "group_denied_in"), 3);
	assert_int_equal(world_drops(world, 13, "group_denied_in"), 2);
	assert_int_equal(world_drops(world, 13, "group_denied_out"), 1);
	world_close(world);
}

static void test_answers(void **state)
{
	struct world *world = start(NULL);

	/* Who asks gets the answer; who answers without being asked doesn't. */
	for (int cached = 0; cached < 3; cached++) {
		assert_true(udp(world, 11, 14, 5000, 53));
		assert_true(udp(world, 14, 11, 53, 5000));
		assert_false(udp(world, 14, 11, 54, 5000));
		assert_false(udp(world, 14, 11, 53, 5001));
	}
	/* A refusal isn't remembered longer than it is right. */
	assert_false(udp(world, 14, 11, 60, 6000));
	assert_false(udp(world, 14, 11, 60, 6000));
	assert_true(udp(world, 11, 14, 6000, 60));
	assert_true(udp(world, 14, 11, 60, 6000));
	assert_true(ping(world, 11, 14, false, 9));
	assert_true(ping(world, 14, 11, true, 9));
	assert_false(ping(world, 14, 11, true, 10));
	assert_int_equal(world_drops(world, 11, "conn_none"), 1);
	assert_true(handshake(world, 11, 14, 1000, 4000));
	assert_true(tcp(world, 14, 11, 4000, 1000, ACK));
	assert_false(tcp(world, 14, 11, 4001, 1000, ACK));
	assert_false(tcp(world, 14, 11, 4000, 1000 + 1, SYN | ACK));
	assert_false(tcp(world, 14, 11, 80, 80, RST));
	world_close(world);
}

/* An echo request is no answer, even with the identifier of one's own ping. */
static void test_ping_back(void **state)
{
	static const struct group_rule out[] = {{.ingress = false}};
	struct world *world = start(NULL);

	world_group(world, 72, out, 1);
	assert_true(ping(world, 13, 14, false, 9));
	assert_false(ping(world, 14, 13, false, 9));
	assert_true(ping(world, 14, 13, true, 9));
	world_close(world);
}

static void test_change(void **state)
{
	static const struct group_rule less[] = {{.ingress = false}};
	struct world *world = start(NULL);

	assert_true(handshake(world, 14, 11, 1000, 80));
	assert_true(tcp(world, 11, 14, 80, 1000, ACK));
	assert_true(handshake(world, 11, 14, 1000, 99));
	world_group(world, 71, less, COUNT_OF(less));
	/* Both directions end at once, whoever speaks first; what the machine began goes on. */
	assert_false(tcp(world, 11, 14, 80, 1000, ACK));
	assert_false(tcp(world, 14, 11, 1000, 80, ACK));
	assert_false(tcp(world, 14, 11, 1000, 80, SYN));
	assert_true(tcp(world, 11, 14, 1000, 99, ACK));
	assert_true(tcp(world, 14, 11, 99, 1000, ACK));
	world_pass(world, span_s(100));
	assert_false(tcp(world, 11, 14, 80, 1000, ACK));
	/* And when the rule is back it passes again. */
	world_group(world, 71, web_rules, COUNT_OF(web_rules));
	assert_true(tcp(world, 14, 11, 1000, 80, ACK));
	assert_true(tcp(world, 11, 14, 80, 1000, ACK));
	/* Who leaves the group is let in no longer. */
	assert_true(handshake(world, 12, 11, 1000, 22));
	world_grouped(world, 12, 1, "10.1.0.12", NULL, none);
	assert_false(tcp(world, 12, 11, 1000, 22, ACK));
	world_grouped(world, 12, 1, "10.1.0.12", NULL, NULL);
	assert_false(tcp(world, 12, 11, 1000, 22, ACK));
	world_close(world);
}

static void test_versions(void **state)
{
	struct world *world = start(NULL);
	static struct msg_group_rules page = {.id = 900, .group = 71, .version = 1000000};
	struct msg_group group = {.id = 71, .version = 1000000, .page_count = 2};

	/* The old rules hold until the last page of the new ones is there. */
	world_order(world, MSG_GROUP_SET, &group);
	assert_true(tcp(world, 14, 11, 1000, 80, SYN));
	page.rule_count = 1;
	page.rules[0] = (struct group_rule){.ingress = true, .protocol = IP_PROTOCOL_TCP, .port_first = 81, .port_last = 81};
	world_order(world, MSG_GROUP_RULES_SET, &page);
	world_order(world, MSG_GROUP_RULES_DEL, &(struct msg_id){1000071});
	assert_true(tcp(world, 14, 11, 1001, 80, SYN));
	assert_false(tcp(world, 14, 11, 1001, 81, SYN));
	page.id++;
	page.page = 1;
	page.rules[0].port_first = page.rules[0].port_last = 82;
	world_order(world, MSG_GROUP_RULES_SET, &page);
	assert_false(tcp(world, 14, 11, 1002, 80, SYN));
	assert_true(tcp(world, 14, 11, 1002, 81, SYN));
	assert_true(tcp(world, 14, 11, 1002, 82, SYN));
	/* Without its group a port is closed. */
	world_order(world, MSG_GROUP_DEL, &(struct msg_id){71});
	assert_false(tcp(world, 14, 11, 1003, 82, SYN));
	assert_false(tcp(world, 11, 14, 1003, 82, SYN));
	world_close(world);
}

/* An ICMP error of `from` about a packet that `to` sent: its IP header and 8 bytes. */
static bool error_about(struct world *world, uint32_t from, uint32_t to, const struct frame *about)
{
	uint8_t quoted[2048], bytes[2048];
	struct frame frame = from_to(from, to, IP_PROTOCOL_ICMP, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE);
	unsigned before = world_count(world, to), size;

	(void)frame_build(about, quoted);
	frame.payload_bytes = 28;
	size = frame_build(&frame, bytes);
	memcpy(bytes + 14 + 20 + 8, quoted + 14, 28);
	memset(bytes + 14 + 20 + 2, 0, 2);
	wire_put_u16(bytes + 14 + 20 + 2, checksum_fold(checksum_add(0, bytes + 14 + 20, 36)));
	world_bytes(world, from, bytes, size);
	return world_count(world, to) > before;
}

static void test_errors(void **state)
{
	static const struct group_rule out[] = {{.ingress = false}};
	struct world *world = start(NULL);
	struct frame sent = from_to(13, 14, IP_PROTOCOL_UDP, 5000, 53), other = from_to(13, 14, IP_PROTOCOL_UDP, 5001, 53);
	struct frame foreign = from_to(11, 14, IP_PROTOCOL_UDP, 5000, 53);

	world_group(world, 72, out, 1);
	assert_true(sends(world, 13, 14, &sent));
	assert_true(error_about(world, 14, 13, &sent));
	assert_false(error_about(world, 14, 13, &other));
	assert_false(error_about(world, 14, 13, &foreign));
	assert_int_equal(world_drops(world, 13, "conn_unrelated"), 2);
	/* The router's own error about a machine's packet. */
	sent = from_to(11, 21, IP_PROTOCOL_UDP, 5000, 53);
	sent.ttl = 1;
	assert_false(sends(world, 11, 21, &sent));
	assert_int_equal(world_drops(world, 11, "conn_unrelated"), 0);
	assert_true(world_count(world, 11) > 0);
	world_close(world);
}

static void test_fragments(void **state)
{
	struct world *world = start(NULL);
	struct frame first = from_to(14, 11, IP_PROTOCOL_TCP, 1000, 80), later;

	first.tcp_flags = SYN;
	first.fragment = IPV4_MORE_FRAGMENTS;
	first.ip_id = 77;
	later = first;
	later.fragment = 9;
	/* Ports are only in the first one. */
	assert_false(sends(world, 14, 11, &later));
	assert_true(sends(world, 14, 11, &first));
	assert_true(sends(world, 14, 11, &later));
	later.ip_id = 78;
	assert_false(sends(world, 14, 11, &later));
	/* Over the header of the first one. */
	later.ip_id = 77;
	later.fragment = 1 | IPV4_MORE_FRAGMENTS;
	assert_false(sends(world, 14, 11, &later));
	/* To a port that is closed. */
	first.l4_dst = 81;
	first.ip_id = later.ip_id = 79;
	later.fragment = 9;
	assert_false(sends(world, 14, 11, &first));
	assert_false(sends(world, 14, 11, &later));
	/* A first fragment that ends within the header. */
	first.l4_dst = 80;
	first.payload_bytes = 8;
	assert_false(sends(world, 14, 11, &first));
	assert_int_equal(world_drops(world, 11, "conn_malformed"), 1);
	assert_int_equal(world_drops(world, 11, "conn_fragment"), 4);
	world_pass(world, span_s(31));
	later.ip_id = 77;
	assert_false(sends(world, 14, 11, &later));
	world_close(world);
}

static void test_times(void **state)
{
	static const struct group_rule out[] = {{.ingress = false}};
	struct world *world = start(NULL);

	world_group(world, 72, out, 1);
	assert_true(udp(world, 13, 14, 1000, 53));
	world_pass(world, span_s(29));
	assert_true(udp(world, 14, 13, 53, 1000));
	world_pass(world, span_s(170));
	assert_true(udp(world, 14, 13, 53, 1000));
	world_pass(world, span_s(183));
	assert_false(udp(world, 14, 13, 53, 1000));
	assert_true(udp(world, 13, 14, 1001, 53));
	world_pass(world, span_s(33));
	assert_false(udp(world, 14, 13, 53, 1001));
	assert_true(handshake(world, 13, 14, 1002, 9));
	world_pass(world, span_s(7000));
	assert_true(tcp(world, 14, 13, 9, 1002, ACK));
	/* Closed by both, and opened anew by the machine only. */
	assert_true(tcp(world, 14, 13, 9, 1002, ACK | FIN));
	assert_true(tcp(world, 13, 14, 1002, 9, ACK | FIN));
	assert_true(tcp(world, 14, 13, 9, 1002, ACK));
	assert_false(tcp(world, 14, 13, 9, 1002, SYN));
	assert_true(handshake(world, 13, 14, 1002, 9));
	assert_true(tcp(world, 14, 13, 9, 1002, RST));
	world_pass(world, span_s(33));
	assert_false(tcp(world, 14, 13, 9, 1002, ACK));
	world_close(world);
}

/* A flood fills what half-open connections may have; what is established passes on, and new ones still come through. */
static void test_flood(void **state)
{
	struct core_limits limits = {.connections = 4096, .connections_per_port = 1024, .half_open_per_port = 256};
	struct world *world = start(&limits);
	struct row_group row;

	for (uint16_t i = 0; i < 50; i++)
		assert_true(handshake(world, 14, 11, (uint16_t)(2000 + i), 80));
	for (uint32_t i = 0; i < 60000; i++)
		assert_true(tcp(world, 21, 11, (uint16_t)(1024 + i), 80, SYN));
	for (uint16_t i = 0; i < 50; i++) {
		assert_true(tcp(world, 14, 11, (uint16_t)(2000 + i), 80, ACK));
		assert_true(tcp(world, 11, 14, 80, (uint16_t)(2000 + i), ACK));
		assert_true(handshake(world, 14, 11, (uint16_t)(3000 + i), 80));
	}
	world_clear(world);
	assert_int_equal(core_show(world->core, PROCESS_CTL, 1, &(struct msg_show){.what = SHOW_GROUPS}, world->now, NULL), 0);
	for (unsigned i = 0; i < world_told_count(world, MSG_ROW_GROUP); i++) {
		row = *(const struct row_group *)world_told(world, MSG_ROW_GROUP, i);
		if (row.group == 71)
			assert_true(row.connections <= 3 * (256 + 100) && row.connections > 200);
	}
	world_close(world);
}

/* The table is full of one port's established connections: others still find room. */
static void test_share(void **state)
{
	struct core_limits limits = {.connections = 1024, .connections_per_port = 1000, .half_open_per_port = 64};
	struct world *world = start(&limits);
	unsigned made = 0;

	for (uint16_t i = 0; i < 2000; i++)
		made += handshake(world, 11, 14, (uint16_t)(2000 + i), 99);
	assert_int_equal(made, 896);
	assert_true(world_drops(world, 11, "conn_limit") > 0);
	assert_true(world_told_count(world, MSG_LIMIT_REACHED) > 0);
	for (uint16_t i = 0; i < 16; i++)
		assert_true(handshake(world, 14, 12, (uint16_t)(2000 + i), 80));
	assert_true(handshake(world, 14, 21, 1, 80));
	assert_true(tcp(world, 14, 11, 99, 2000, ACK));
	world_close(world);
}

static void test_not_ip(void **state)
{
	struct world *world = start(NULL);
	uint8_t bytes[64] = {0};
	struct frame frame = from_to(18, 11, IP_PROTOCOL_UDP, 1, 2);

	/* From a TAP, behind which anyone may be: ARP passes, another protocol or a tag doesn't. */
	world_bytes(world, 18, bytes, frame_arp(bytes, true, world_mac(18), ip_of(18), (struct mac){{0}}, ip_of(11)));
	assert_int_equal(world_count(world, 11), 1);
	memcpy(bytes, world_mac(11).bytes, 6);
	wire_put_u16(bytes + 12, 0x8100);
	world_bytes(world, 18, bytes, 64);
	wire_put_u16(bytes + 12, 0x88cc);
	world_bytes(world, 18, bytes, 64);
	memset(bytes, 0xff, 6);
	world_bytes(world, 18, bytes, 64);
	assert_int_equal(world_count(world, 11), 1);
	assert_int_equal(world_drops(world, 11, "group_not_ip"), 3);
	/* To all, and to a group: judged at each port. */
	frame.dst = MAC_BROADCAST;
	frame.ip_dst = ip_from_u32(UINT32_MAX);
	world_frame(world, 18, &frame);
	assert_int_equal(world_count(world, 11), 1);
	frame.ip_dst = ip_of(11);
	world_frame(world, 18, &frame);
	assert_int_equal(world_count(world, 11), 1);
	world_close(world);
}

static struct frame neighbor_talk(uint32_t from, uint32_t to, uint8_t type, uint8_t ttl)
{
	struct frame frame = from_to(from, to, IP_PROTOCOL_ICMPV6, type, 0);
	char text[40];

	(void)snprintf(text, sizeof(text), "2001:db8:1::%u", from);
	frame.ip_src = world_ip(text);
	(void)snprintf(text, sizeof(text), "2001:db8:1::%u", to);
	frame.ip_dst = world_ip(text);
	frame.ttl = ttl;
	frame.payload_bytes = 16; /* no options */
	return frame;
}

static void test_neighbors(void **state)
{
	static const struct group_rule v4[] = {{.ingress = true, .family = IP_V4}, {.ingress = false}};
	struct world *world = start(NULL);
	struct frame frame = neighbor_talk(14, 11, ICMPV6_NEIGHBOR_SOLICITATION, 255);

	world_group(world, 71, v4, COUNT_OF(v4));
	assert_true(sends(world, 14, 11, &frame));
	frame = neighbor_talk(14, 11, ICMPV6_NEIGHBOR_SOLICITATION, 64);
	assert_false(sends(world, 14, 11, &frame));
	frame = neighbor_talk(14, 11, ICMPV6_ECHO_REQUEST, 64);
	assert_false(sends(world, 14, 11, &frame));
	frame = neighbor_talk(11, 14, ICMPV6_ECHO_REQUEST, 64);
	assert_true(sends(world, 11, 14, &frame));
	frame = neighbor_talk(14, 11, ICMPV6_ECHO_REPLY, 64);
	assert_true(sends(world, 14, 11, &frame));
	world_close(world);
}

/* A shared address that two machines may speak from: the group's members are known by it as well. */
static void test_pairs(void **state)
{
	struct world *world = start(NULL);
	struct msg_port port = {.id = 12,
		.kind = PORT_VHOST,
		.up = true,
		.network = 1,
		.mac = world_mac(12),
		.ipv4 = world_ip("10.1.0.12"),
		.group_count = 1,
		.groups = {71},
		.pair_count = 2,
		.pairs = {{{{0}}, {world_ip("10.1.0.200"), 32}}, {world_mac(0x5e01), {world_ip("10.1.0.128"), 28}}}};
	struct frame frame = from_to(12, 11, IP_PROTOCOL_TCP, 1000, 22);

	world_order(world, MSG_PORT_SET, &port);
	frame.tcp_flags = SYN;
	frame.ip_src = world_ip("10.1.0.200");
	assert_true(sends(world, 12, 11, &frame));
	frame.ip_src = world_ip("10.1.0.201");
	assert_false(sends(world, 12, 11, &frame));
	/* The second pair's addresses go with its MAC only, and are a range: it names no member. */
	frame.l4_dst = 80;
	frame.ip_src = world_ip("10.1.0.130");
	assert_false(sends(world, 12, 11, &frame));
	frame.src = world_mac(0x5e01);
	assert_true(sends(world, 12, 11, &frame));
	frame.l4_dst = 22;
	assert_false(sends(world, 12, 11, &frame));
	frame.ip_src = world_ip("10.1.0.12");
	assert_false(sends(world, 12, 11, &frame));
	frame.src = world_mac(13);
	assert_false(sends(world, 12, 11, &frame));
	assert_int_equal(world_drops(world, 12, "ip_spoofed"), 3);
	assert_int_equal(world_drops(world, 12, "mac_spoofed"), 1);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults), cmocka_unit_test(test_answers),
		cmocka_unit_test(test_ping_back), cmocka_unit_test(test_change), cmocka_unit_test(test_versions),
		cmocka_unit_test(test_errors), cmocka_unit_test(test_fragments), cmocka_unit_test(test_times), cmocka_unit_test(test_flood),
		cmocka_unit_test(test_share), cmocka_unit_test(test_not_ip), cmocka_unit_test(test_neighbors),
		cmocka_unit_test(test_pairs)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
