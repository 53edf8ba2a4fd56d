/* Tests of neighbors: ARP and ND asked, answered, timed out; packets that wait; limits; and IPv6 forwarding on top of it. */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "net/arp.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Machine 1 - network 1 - router 100 - network 2 - TAP 2, behind which anyone may be. */
static struct world *open_world(const struct core_limits *limits)
{
	struct world *world = world_open(limits);
	struct msg_port port = {.id = 1, .kind = PORT_VHOST, .up = true, .network = 1, .mac = world_mac(1)};
	struct msg_rif rif = {.id = 101, .router = 100, .network = 1, .up = true, .mtu = 1500, .mac = world_mac(101), .address_count = 2};

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	world_router(world, 100);
	rif.addresses[0] = (struct prefix){world_ip("10.1.0.1"), 24};
	rif.addresses[1] = (struct prefix){world_ip("2001:db8:1::1"), 64};
	world_order(world, MSG_RIF_SET, &rif);
	rif = (struct msg_rif){.id = 102, .router = 100, .network = 2, .up = true, .mtu = 1400, .mac = world_mac(102), .address_count = 2};
	rif.addresses[0] = (struct prefix){world_ip("10.2.0.1"), 24};
	rif.addresses[1] = (struct prefix){world_ip("2001:db8:2::1"), 64};
	world_order(world, MSG_RIF_SET, &rif);
	world_route(world, 100, "10.1.0.0/24", 101, NULL);
	world_route(world, 100, "10.2.0.0/24", 102, NULL);
	world_route(world, 100, "2001:db8:1::/64", 101, NULL);
	world_route(world, 100, "2001:db8:2::/64", 102, NULL);
	port.ipv4 = world_ip("10.1.0.9");
	port.ipv6 = world_ip("2001:db8:1::9");
	world_order(world, MSG_PORT_SET, &port);
	core_port_state(world->core, 1, PORT_STATE_UP, NULL, world->now);
	world_tap(world, 2, 2);
	world_clear(world);
	return world;
}

static struct frame to(const char *destination)
{
	struct frame frame = {.src = world_mac(1), .dst = world_mac(101), .ip_dst = world_ip(destination), .l4_dst = 9};

	frame.ip_src = world_ip(frame.ip_dst.family == IP_V4 ? "10.1.0.9" : "2001:db8:1::9");
	return frame;
}

static void answer_arp(struct world *world, uint32_t mac, const char *ip)
{
	uint8_t bytes[64];

	world_bytes(world, 2, bytes, frame_arp(bytes, false, world_mac(mac), world_ip(ip), world_mac(102), world_ip("10.2.0.1")));
}

static const struct arp_packet *arp_of(const struct sent *sent)
{
	assert_non_null(sent);
	assert_int_equal(wire_get_u16(sent->bytes + 12), ETHERNET_ARP);
	return (const struct arp_packet *)(sent->bytes + ETHERNET_HEADER_BYTES);
}

/* The first row that `show arp` has for an address; state ARP_STATE_COUNT when there is none. */
static struct row_arp shown(struct world *world, const char *ip)
{
	struct msg_show show = {.what = SHOW_ARP, .object = 100};
	struct row_arp found = {.state = ARP_STATE_COUNT};
	struct err err;

	world_clear(world);
	assert_int_equal(core_show(world->core, PROCESS_CTL, 1, &show, world->now, &err), 0);
	for (unsigned i = world->told_count; i-- > 0;)
		if (ip_equal(((struct row_arp *)world->told[i].body)->ip, world_ip(ip)))
			found = *(struct row_arp *)world->told[i].body;
	world_clear(world);
	return found;
}

/* Who is asked for is asked for again as soon as a port comes up, behind which it may be. */
static void test_asked_again_when_a_port_comes_up(void **state)
{
	struct world *world = open_world(NULL);
	struct frame frame = to("10.2.0.9");

	(void)state;
	core_port_state(world->core, 2, PORT_STATE_DOWN, NULL, world->now);
	world_frame(world, 1, &frame);
	world_clear(world);
	core_port_state(world->core, 2, PORT_STATE_UP, NULL, world->now);
	assert_int_equal(world_count(world, 2), 1);
	assert_int_equal(wire_get_u16(arp_of(world_first(world, 2))->operation), ARP_REQUEST);
	world_clear(world);
	answer_arp(world, 0x99, "10.2.0.9");
	assert_int_equal(world_count(world, 2), 1);
	core_port_state(world->core, 2, PORT_STATE_DOWN, NULL, world->now);
	world_clear(world);
	core_port_state(world->core, 2, PORT_STATE_UP, NULL, world->now);
	assert_int_equal(world_count(world, 2), 0); /* it is known now */
	world_close(world);
}

static void test_packets_wait_for_an_answer(void **state)
{
	struct world *world = open_world(NULL);
	struct frame frame = to("10.2.0.9");
	const struct arp_packet *arp;

	for (uint16_t i = 1; i <= 6; i++) {
		frame.ip_id = i;
		world_frame(world, 1, &frame);
	}
	assert_int_equal(world_count(world, 2), 1);
	arp = arp_of(world_first(world, 2));
	assert_true(arp_is_valid(arp) && wire_get_u16(arp->operation) == ARP_REQUEST);
	assert_memory_equal(arp->sender_ip, world_ip("10.2.0.1").bytes, 4);
	assert_memory_equal(arp->target_ip, world_ip("10.2.0.9").bytes, 4);
	assert_true(mac_equal(arp->sender_mac, world_mac(102)));
	assert_true(mac_equal(((const struct ethernet_header *)world_first(world, 2)->bytes)->destination, MAC_BROADCAST));
	world_clear(world);
	answer_arp(world, 0x99, "10.2.0.9");
	/* Four waited, the newest ones, in their order; the rest was dropped. */
	assert_int_equal(world_count(world, 2), 4);
	for (unsigned i = 0; i < 4; i++) {
		const struct sent *sent = world_nth(world, 2, i);

		assert_int_equal(wire_get_u16(sent->bytes + 18), 3 + i);
		assert_memory_equal(sent->bytes, world_mac(0x99).bytes, 6);
		assert_memory_equal(sent->bytes + 6, world_mac(102).bytes, 6);
		assert_int_equal(sent->bytes[22], 63);
	}
	assert_int_equal(world_drops(world, 102, "neighbor_held"), 2);
	assert_int_equal(shown(world, "10.2.0.9").state, ARP_REACHABLE);
	world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 1);
	world_close(world);
}

static void test_nobody_answers(void **state)
{
	struct world *world = open_world(NULL);
	struct frame frame = to("10.2.0.9");
	const struct sent *sent;

	world_frame(world, 1, &frame);
	assert_int_equal(shown(world, "10.2.0.9").state, ARP_INCOMPLETE);
	world_pass(world, span_ms(3500));
	assert_int_equal(world_count(world, 2), 2); /* the first question was before */
	sent = world_first(world, 1);
	assert_non_null(sent);
	assert_int_equal(sent->bytes[34], ICMP_UNREACHABLE);
	assert_int_equal(sent->bytes[35], ICMP_HOST_UNREACHABLE);
	assert_int_equal(shown(world, "10.2.0.9").state, ARP_FAILED);
	/* For a while the next ones hear so at once; then it is asked again. */
	world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(world_count(world, 1), 1);
	assert_int_equal(world_drops(world, 102, "neighbor_failed") + world_drops(world, 101, "neighbor_failed"), 2);
	world_pass(world, span_s(4));
	world_clear(world);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 2), 1);
	assert_int_equal(wire_get_u16(world_first(world, 2)->bytes + 12), ETHERNET_ARP);
	world_close(world);
}

static void test_a_neighbor_in_use_is_probed(void **state)
{
	struct world *world = open_world(NULL);
	struct frame frame = to("10.2.0.9");

	world_frame(world, 1, &frame);
	answer_arp(world, 0x99, "10.2.0.9");
	world_pass(world, span_s(31));
	assert_int_equal(shown(world, "10.2.0.9").state, ARP_STALE);
	/* In use: after five seconds it is asked, alone, while packets go on. */
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 2), 1);
	world_clear(world);
	world_pass(world, span_ms(5500));
	assert_int_equal(world_count(world, 2), 1);
	assert_memory_equal(world_first(world, 2)->bytes, world_mac(0x99).bytes, 6);
	assert_int_equal(wire_get_u16(arp_of(world_first(world, 2))->operation), ARP_REQUEST);
	answer_arp(world, 0x99, "10.2.0.9");
	assert_int_equal(shown(world, "10.2.0.9").state, ARP_REACHABLE);
	/* It answers from another MAC: the next packet goes there. */
	answer_arp(world, 0x77, "10.2.0.9");
	world_clear(world);
	world_frame(world, 1, &frame);
	assert_memory_equal(world_first(world, 2)->bytes, world_mac(0x77).bytes, 6);
	/* Gone: packets go on until the probes fail, then are reported. */
	world_pass(world, span_s(31));
	world_frame(world, 1, &frame);
	world_pass(world, span_s(9));
	world_clear(world);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 1), 1);
	assert_int_equal(world_first(world, 1)->bytes[35], ICMP_HOST_UNREACHABLE);
	world_close(world);
}

static void test_router_answers_arp(void **state)
{
	struct world *world = open_world(NULL);
	const struct arp_packet *arp;
	uint8_t bytes[64];

	world_bytes(
		world, 2, bytes, frame_arp(bytes, true, world_mac(0x99), world_ip("10.2.0.9"), (struct mac){{0}}, world_ip("10.2.0.1")));
	assert_int_equal(world_count(world, 2), 1);
	arp = arp_of(world_first(world, 2));
	assert_int_equal(wire_get_u16(arp->operation), ARP_REPLY);
	assert_true(mac_equal(arp->sender_mac, world_mac(102)) && mac_equal(arp->target_mac, world_mac(0x99)));
	assert_memory_equal(arp->sender_ip, world_ip("10.2.0.1").bytes, 4);
	/* Who asked is known, so nobody must be asked. */
	assert_int_equal(shown(world, "10.2.0.9").state, ARP_STALE);
	/* Questions about others, gratuitous ones and our own address in use elsewhere bring nothing in. */
	world_bytes(
		world, 2, bytes, frame_arp(bytes, true, world_mac(0x98), world_ip("10.2.0.8"), (struct mac){{0}}, world_ip("10.2.0.7")));
	world_bytes(
		world, 2, bytes, frame_arp(bytes, true, world_mac(0x98), world_ip("10.2.0.8"), (struct mac){{0}}, world_ip("10.2.0.8")));
	world_bytes(
		world, 2, bytes, frame_arp(bytes, true, world_mac(0x98), world_ip("10.2.0.1"), (struct mac){{0}}, world_ip("10.2.0.1")));
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(shown(world, "10.2.0.8").state, ARP_STATE_COUNT);
	/* A gratuitous one about who is known moves it. */
	world_bytes(
		world, 2, bytes, frame_arp(bytes, true, world_mac(0x77), world_ip("10.2.0.9"), (struct mac){{0}}, world_ip("10.2.0.9")));
	assert_true(mac_equal(shown(world, "10.2.0.9").mac, world_mac(0x77)));
	/* What the model knows can't be taken over. */
	world_bytes(world, 1, bytes, frame_arp(bytes, true, world_mac(1), world_ip("10.1.0.9"), (struct mac){{0}}, world_ip("10.1.0.1")));
	assert_true(mac_equal(shown(world, "10.1.0.9").mac, world_mac(1)));
	world_close(world);
}

static void test_interfaces_announce_themselves(void **state)
{
	struct world *world = open_world(NULL);
	struct msg_rif rif = {.id = 102, .router = 100, .network = 2, .up = true, .mtu = 1400, .mac = world_mac(0x222), .address_count = 1};
	const struct arp_packet *arp;

	rif.addresses[0] = (struct prefix){world_ip("10.2.0.1"), 24};
	world_order(world, MSG_RIF_SET, &rif);
	assert_int_equal(world_count(world, 2), 1);
	arp = arp_of(world_first(world, 2));
	assert_memory_equal(arp->sender_ip, arp->target_ip, 4);
	assert_true(mac_equal(arp->sender_mac, world_mac(0x222)));
	world_clear(world);
	world_order(world, MSG_RIF_SET, &rif);
	assert_int_equal(world->sent_count, 0);
	world_close(world);
}

static void test_a_scan_is_bounded(void **state)
{
	struct core_limits limits = {.neighbors_per_rif = 100};
	struct world *world = open_world(&limits);
	struct frame frame = to("10.2.0.9");

	world_frame(world, 1, &frame);
	answer_arp(world, 0x99, "10.2.0.9");
	for (uint32_t i = 0; i < 240; i++) {
		frame.ip_dst = ip_from_u32(0x0a020000 + 10 + i);
		world_frame(world, 1, &frame);
	}
	assert_int_equal(world_drops(world, 102, "neighbor_limit"), 190);
	assert_true(world_told_count(world, MSG_LIMIT_REACHED) >= 1);
	/* No more than so many packets wait at once, and who is known stays so. */
	world_pass(world, span_s(20));
	frame = to("10.2.0.9");
	world_clear(world);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 2), 1);
	assert_int_equal(world->sent_count, 1);
	world_close(world);
}

/* --- IPv6 */

static const struct ipv6_header *ipv6_of(const struct sent *sent)
{
	assert_non_null(sent);
	assert_int_equal(wire_get_u16(sent->bytes + 12), ETHERNET_IPV6);
	return (const struct ipv6_header *)(sent->bytes + ETHERNET_HEADER_BYTES);
}

/* Checks an ICMPv6 message: checksum, type and code; returns it. */
static const struct icmp_header *icmpv6_of(const struct sent *sent, uint8_t type, uint8_t code)
{
	const struct ipv6_header *ip = ipv6_of(sent);
	const struct icmp_header *icmp = (const struct icmp_header *)(ip + 1);
	uint16_t bytes = wire_get_u16(ip->payload_bytes);
	uint32_t sum = checksum_pseudo(ip_from_bytes(IP_V6, ip->source), ip_from_bytes(IP_V6, ip->destination), IP_PROTOCOL_ICMPV6, bytes);

	assert_int_equal(ip->next_header, IP_PROTOCOL_ICMPV6);
	assert_int_equal(checksum_fold(checksum_add(sum, icmp, bytes)), 0);
	assert_int_equal(icmp->type, type);
	assert_int_equal(icmp->code, code);
	return icmp;
}

/* A solicitation or advertisement into `out`; returns its length. */
static unsigned nd_build(uint8_t *out, const struct frame *base, uint8_t flags, const char *target, uint8_t option, uint32_t mac)
{
	struct frame frame = *base;
	struct ip ip = world_ip(target);
	uint8_t *nd = out + 54;
	unsigned size;

	frame.protocol = IP_PROTOCOL_ICMPV6;
	frame.ttl = frame.ttl ? frame.ttl : 255;
	frame.payload_bytes = option ? 24 : 16;
	size = frame_build(&frame, out);
	memset(nd + 4, 0, size - 58);
	nd[4] = flags;
	memcpy(nd + 8, ip.bytes, 16);
	if (option) {
		nd[24] = option;
		nd[25] = 1;
		memcpy(nd + 26, world_mac(mac).bytes, 6);
	}
	wire_put_u16(nd + 2, 0);
	wire_put_u16(nd + 2,
		checksum_fold(checksum_add(checksum_pseudo(frame.ip_src, frame.ip_dst, IP_PROTOCOL_ICMPV6, size - 54), nd, size - 54)));
	return size;
}

static void test_ipv6_forwarding(void **state)
{
	struct world *world = open_world(NULL);
	struct frame frame = to("2001:db8:2::9");
	struct frame answer = {.src = world_mac(0x99), .dst = world_mac(102), .ip_src = world_ip("2001:db8:2::9")};
	struct ip link_local = ip_link_local_of_mac(world_mac(102));
	const struct icmp_header *icmp;
	uint8_t bytes[2048];
	unsigned size;

	world_frame(world, 1, &frame);
	icmp = icmpv6_of(world_first(world, 2), ICMPV6_NEIGHBOR_SOLICITATION, 0);
	assert_memory_equal((const uint8_t *)icmp + 8, frame.ip_dst.bytes, 16);
	assert_true(ipv6_of(world_first(world, 2))->hop_limit == 255);
	assert_memory_equal(world_first(world, 2)->bytes, "\x33\x33\xff\x00\x00\x09", 6);
	/* An advertisement with a wrong hop limit came from elsewhere. */
	answer.ip_dst = link_local;
	answer.l4_src = ICMPV6_NEIGHBOR_ADVERTISEMENT;
	answer.ttl = 254;
	size = nd_build(bytes, &answer, ND_FLAG_SOLICITED, "2001:db8:2::9", ND_OPTION_TARGET_MAC, 0x99);
	world_clear(world);
	world_bytes(world, 2, bytes, size);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 102, "bad_nd"), 1);
	answer.ttl = 255;
	size = nd_build(bytes, &answer, ND_FLAG_SOLICITED, "2001:db8:2::9", ND_OPTION_TARGET_MAC, 0x99);
	world_bytes(world, 2, bytes, size);
	assert_int_equal(world_count(world, 2), 1);
	assert_int_equal(ipv6_of(world_first(world, 2))->hop_limit, 63);
	assert_memory_equal(world_first(world, 2)->bytes, world_mac(0x99).bytes, 6);
	assert_int_equal(shown(world, "2001:db8:2::9").state, ARP_REACHABLE);
	world_frame(world, 1, &frame);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 2), 2);
	/* Hop limit, no route, too big. */
	world_clear(world);
	frame.ttl = 1;
	world_frame(world, 1, &frame);
	icmpv6_of(world_first(world, 1), ICMPV6_TIME_EXCEEDED, 0);
	assert_memory_equal(ipv6_of(world_first(world, 1))->source, world_ip("2001:db8:1::1").bytes, 16);
	world_clear(world);
	frame = to("2001:db8:3::9");
	world_frame(world, 1, &frame);
	icmpv6_of(world_first(world, 1), ICMPV6_UNREACHABLE, ICMPV6_NO_ROUTE);
	world_clear(world);
	frame = to("2001:db8:2::9");
	frame.payload_bytes = 1440;
	world_frame(world, 1, &frame);
	icmp = icmpv6_of(world_first(world, 1), ICMPV6_PACKET_TOO_BIG, 0);
	assert_int_equal(wire_get_u32(icmp->info), 1400);
	assert_true(world_first(world, 1)->size <= 14 + IPV6_MTU_MIN);
	world_clear(world);
	frame.payload_bytes = 0;
	frame.ip_dst = world_ip("2001:db8:2::77");
	world_frame(world, 1, &frame);
	world_pass(world, span_s(4));
	icmpv6_of(world_first(world, 1), ICMPV6_UNREACHABLE, ICMPV6_ADDRESS_UNREACHABLE);
	world_close(world);
}

static void test_router_answers_nd(void **state)
{
	struct world *world = open_world(NULL);
	struct frame ask = {.src = world_mac(0x99), .ip_src = world_ip("2001:db8:2::9"), .l4_src = ICMPV6_NEIGHBOR_SOLICITATION};
	const struct icmp_header *icmp;
	uint8_t bytes[2048];
	unsigned size;

	ask.ip_dst = ipv6_solicited_node(world_ip("2001:db8:2::1"));
	ask.dst = mac_of_multicast(ask.ip_dst);
	size = nd_build(bytes, &ask, 0, "2001:db8:2::1", ND_OPTION_SOURCE_MAC, 0x99);
	world_bytes(world, 2, bytes, size);
	assert_int_equal(world_count(world, 2), 1);
	icmp = icmpv6_of(world_first(world, 2), ICMPV6_NEIGHBOR_ADVERTISEMENT, 0);
	assert_int_equal(icmp->info[0], ND_FLAG_ROUTER | ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE);
	assert_memory_equal(world_first(world, 2)->bytes, world_mac(0x99).bytes, 6);
	assert_int_equal(shown(world, "2001:db8:2::9").state, ARP_STALE);
	/* Duplicate address detection is answered to all nodes; another's address isn't. */
	ask.ip_src = world_ip("::");
	size = nd_build(bytes, &ask, 0, "2001:db8:2::1", 0, 0);
	world_bytes(world, 2, bytes, size);
	icmp = icmpv6_of(world_first(world, 2), ICMPV6_NEIGHBOR_ADVERTISEMENT, 0);
	assert_int_equal(icmp->info[0], ND_FLAG_ROUTER | ND_FLAG_OVERRIDE);
	assert_memory_equal(world_first(world, 2)->bytes, "\x33\x33\0\0\0\1", 6);
	world_clear(world);
	size = nd_build(bytes, &ask, 0, "2001:db8:2::5", 0, 0);
	world_bytes(world, 2, bytes, size);
	assert_int_equal(world->sent_count, 0);
	/* An option of length zero would never end. */
	ask.ip_src = world_ip("2001:db8:2::9");
	size = nd_build(bytes, &ask, 0, "2001:db8:2::1", ND_OPTION_SOURCE_MAC, 0x99);
	bytes[54 + 25] = 0;
	wire_put_u16(bytes + 56, checksum_update(wire_get_u16(bytes + 56), 0x0101, 0x0100));
	world_bytes(world, 2, bytes, size);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 102, "bad_nd"), 1);
	world_close(world);
}

static void test_ping6(void **state)
{
	struct world *world = open_world(NULL);
	struct frame frame = to("2001:db8:2::1");

	frame.protocol = IP_PROTOCOL_ICMPV6;
	frame.l4_src = ICMPV6_ECHO_REQUEST;
	frame.l4_dst = 0;
	world_frame(world, 1, &frame);
	icmpv6_of(world_first(world, 1), ICMPV6_ECHO_REPLY, 0);
	/* By link-local addresses, which no route leads to. */
	world_clear(world);
	frame.ip_src = ip_link_local_of_mac(world_mac(1));
	frame.ip_dst = ip_link_local_of_mac(world_mac(101));
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 1), 1);
	assert_int_equal(world_first(world, 1)->bytes[54], ICMPV6_NEIGHBOR_SOLICITATION);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packets_wait_for_an_answer),
		cmocka_unit_test(test_asked_again_when_a_port_comes_up),
		cmocka_unit_test(test_nobody_answers),
		cmocka_unit_test(test_a_neighbor_in_use_is_probed),
		cmocka_unit_test(test_router_answers_arp),
		cmocka_unit_test(test_interfaces_announce_themselves),
		cmocka_unit_test(test_a_scan_is_bounded),
		cmocka_unit_test(test_ipv6_forwarding),
		cmocka_unit_test(test_router_answers_nd),
		cmocka_unit_test(test_ping6),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
