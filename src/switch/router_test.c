/* Tests of routers: forwarding through one and many, errors they report, what they answer and refuse, routes coming and going. */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/offload.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct ipv4_header *ipv4_of(const struct sent *sent)
{
	assert_non_null(sent);
	assert_int_equal(wire_get_u16(sent->bytes + 12), ETHERNET_IPV4);
	assert_int_equal(checksum_fold(checksum_add(0, sent->bytes + 14, 20)), 0);
	return (const struct ipv4_header *)(sent->bytes + ETHERNET_HEADER_BYTES);
}

static const struct ethernet_header *ethernet_of(const struct sent *sent)
{
	assert_non_null(sent);
	return (const struct ethernet_header *)sent->bytes;
}

/* Machine 1 - network 1 - router 100 - link 2 - router 200 - network 3 - machine 3. Interfaces 101, 102 and 203, 202. */
static struct world *two_routers(void)
{
	struct world *world = world_open(NULL);

	world_network(world, 1, "10.1.0.0/24");
	world_link(world, 2);
	world_network(world, 3, "10.3.0.0/24");
	world_router(world, 100);
	world_router(world, 200);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_rif(world, 102, 100, 2, "10.2.0.0/31");
	world_rif(world, 202, 200, 2, "10.2.0.1/31");
	world_rif(world, 203, 200, 3, "10.3.0.1/24");
	world_port(world, 1, 1, "10.1.0.9");
	world_port(world, 3, 3, "10.3.0.9");
	world_route(world, 100, "10.3.0.0/24", 102, "10.2.0.1");
	world_route(world, 200, "10.1.0.0/24", 202, "10.2.0.0");
	world_clear(world);
	return world;
}

static struct frame one_to_three(void)
{
	return (struct frame){
		.src = world_mac(1), .dst = world_mac(101), .ip_src = world_ip("10.1.0.9"), .ip_dst = world_ip("10.3.0.9"), .l4_dst = 9};
}

static void test_two_routers(void **state)
{
	static const uint32_t hops[] = {101, 102, 202, 203};
	struct world *world = two_routers();
	struct frame frame = one_to_three();
	struct row_interface before[COUNT_OF(hops)];
	const struct ipv4_header *ip;
	uint8_t bytes[2048];
	unsigned size;

	for (unsigned i = 0; i < COUNT_OF(hops); i++)
		before[i] = world_counters(world, hops[i]);
	for (uint8_t ttl = 3; ttl < 13; ttl++) {
		frame.ttl = ttl;
		size = frame_build(&frame, bytes);
		world_clear(world);
		world_bytes(world, 1, bytes, size);
		assert_int_equal(world->sent_count, 1);
		ip = ipv4_of(world_first(world, 3));
		assert_int_equal(ip->ttl, ttl - 2);
		assert_true(mac_equal(ethernet_of(world_first(world, 3))->destination, world_mac(3)));
		assert_true(mac_equal(ethernet_of(world_first(world, 3))->source, world_mac(203)));
		/* All behind the header's TTL and checksum is as it was. */
		assert_memory_equal(world_first(world, 3)->bytes + 26, bytes + 26, size - 26);
	}
	for (unsigned i = 0; i < COUNT_OF(hops); i++) {
		struct row_interface row = world_counters(world, hops[i]);

		assert_int_equal(row.rx_packets - before[i].rx_packets, i % 2 == 0 ? 10 : 0);
		assert_int_equal(row.tx_packets - before[i].tx_packets, i % 2 == 0 ? 0 : 10);
		assert_int_equal(row.rx_bytes + row.tx_bytes - before[i].rx_bytes - before[i].tx_bytes, 10 * size);
		assert_int_equal(row.rx_dropped + row.tx_dropped, before[i].rx_dropped + before[i].tx_dropped);
	}
	world_close(world);
}

#define CHAIN 8

/* Machine 1 - network 1 - router 1 - link 11 - router 2 - ... - router 8 - network 2 - machine 2. Interfaces 100 + n to the left, 200 + n.
 */
static struct world *chain(void)
{
	struct world *world = world_open(NULL);
	char left[32], right[32], next[32];

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	for (uint32_t n = 1; n < CHAIN; n++)
		world_link(world, 10 + n);
	for (uint32_t n = 1; n <= CHAIN; n++) {
		world_router(world, n);
		(void)snprintf(left, sizeof(left), n == 1 ? "10.1.0.1/24" : "10.9.%u.1/31", n - 1);
		(void)snprintf(right, sizeof(right), n == CHAIN ? "10.2.0.1/24" : "10.9.%u.0/31", n);
		world_rif(world, 100 + n, n, n == 1 ? 1 : 10 + n - 1, left);
		world_rif(world, 200 + n, n, n == CHAIN ? 2 : 10 + n, right);
	}
	for (uint32_t n = 1; n <= CHAIN; n++) {
		(void)snprintf(next, sizeof(next), "10.9.%u.1", n);
		if (n < CHAIN)
			world_route(world, n, "10.2.0.0/24", 200 + n, next);
		(void)snprintf(next, sizeof(next), "10.9.%u.0", n - 1);
		if (n > 1)
			world_route(world, n, "10.1.0.0/24", 100 + n, next);
	}
	world_port(world, 1, 1, "10.1.0.9");
	world_port(world, 2, 2, "10.2.0.9");
	world_clear(world);
	return world;
}

static void test_eight_routers(void **state)
{
	struct world *world = chain();
	struct frame frame = {
		.src = world_mac(1), .dst = world_mac(101), .ip_src = world_ip("10.1.0.9"), .ip_dst = world_ip("10.2.0.9"), .l4_dst = 9};
	struct row_interface before[CHAIN + 1], after;
	uint8_t bytes[2048];
	unsigned size = frame_build(&frame, bytes);

	for (uint32_t n = 1; n <= CHAIN; n++)
		before[n] = world_counters(world, 200 + n);
	for (int i = 0; i < 50; i++)
		world_bytes(world, 1, bytes, size);
	assert_int_equal(world_count(world, 2), 50);
	assert_int_equal(ipv4_of(world_nth(world, 2, 0))->ttl, 64 - CHAIN);
	assert_int_equal(ipv4_of(world_nth(world, 2, 49))->ttl, 64 - CHAIN);
	for (uint32_t n = 1; n <= CHAIN; n++) {
		after = world_counters(world, 100 + n);
		assert_int_equal(after.rx_packets, 50);
		assert_int_equal(after.rx_bytes, 50 * size);
		after = world_counters(world, 200 + n);
		assert_int_equal(after.tx_packets - before[n].tx_packets, 50);
		assert_int_equal(after.tx_bytes - before[n].tx_bytes, 50 * size);
	}
	world_close(world);
}

/* Checks an ICMP error that machine 1 got: type, code, sender, checksum, and that it quotes what was sent. */
static void expect_error(struct world *world, uint8_t type, uint8_t code, const char *from)
{
	const struct sent *sent = world_first(world, 1);
	const struct ipv4_header *ip = ipv4_of(sent);
	const struct icmp_header *icmp = (const struct icmp_header *)(ip + 1);
	unsigned bytes = wire_get_u16(ip->total_bytes);

	assert_int_equal(world->sent_count, 1);
	assert_int_equal(ip->protocol, IP_PROTOCOL_ICMP);
	assert_memory_equal(ip->source, world_ip(from).bytes, 4);
	assert_memory_equal(ip->destination, world_ip("10.1.0.9").bytes, 4);
	assert_int_equal(checksum_fold(checksum_add(0, icmp, bytes - 20)), 0);
	assert_int_equal(icmp->type, type);
	assert_int_equal(icmp->code, code);
	assert_true(bytes <= 576);
	assert_memory_equal(((const struct ipv4_header *)(icmp + 1))->source, world_ip("10.1.0.9").bytes, 4);
}

static void test_ttl_exceeded_at_each_router(void **state)
{
	struct world *world = chain();
	struct frame frame = {.src = world_mac(1),
		.dst = world_mac(101),
		.ip_src = world_ip("10.1.0.9"),
		.ip_dst = world_ip("10.2.0.9"),
		.l4_dst = 33434};

	/* With a warm cache for packets that get through, too. */
	world_frame(world, 1, &frame);
	for (uint8_t ttl = 1; ttl <= CHAIN; ttl++) {
		char from[32];
		const struct ipv4_header *quoted;

		world_clear(world);
		frame.ttl = ttl;
		world_frame(world, 1, &frame);
		(void)snprintf(from, sizeof(from), ttl == 1 ? "10.1.0.1" : "10.9.%u.1", ttl - 1);
		expect_error(world, ICMP_TIME_EXCEEDED, 0, from);
		/* The quoted packet is as the router got it. */
		quoted = (const struct ipv4_header *)(world_first(world, 1)->bytes + 14 + 20 + 8);
		assert_int_equal(quoted->ttl, 1);
		assert_int_equal(world_drops(world, 100u + ttl, "ttl_exceeded"), 1);
	}
	world_clear(world);
	frame.ttl = CHAIN + 1;
	world_frame(world, 1, &frame);
	assert_int_equal(ipv4_of(world_first(world, 2))->ttl, 1);
	world_close(world);
}

static void test_routes_that_lead_nowhere(void **state)
{
	struct world *world = two_routers();
	struct frame frame = one_to_three();

	frame.ip_dst = world_ip("192.0.2.1");
	world_frame(world, 1, &frame);
	expect_error(world, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, "10.1.0.1");
	world_clear(world);
	world_route(world, 100, "192.0.2.0/24", 0, NULL);
	world_frame(world, 1, &frame);
	world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 101, "blackhole"), 2);
	/* A loop of the two routers ends by TTL. */
	world_route(world, 100, "192.0.2.0/24", 102, "10.2.0.1");
	world_route(world, 200, "192.0.2.0/24", 202, "10.2.0.0");
	frame.ttl = 30;
	world_frame(world, 1, &frame);
	expect_error(world, ICMP_TIME_EXCEEDED, 0, "10.2.0.1");
	world_clear(world);
	frame.ttl = 255;
	world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 102, "too_many_routers"), 1);
	world_close(world);
}

static void test_a_deleted_route_is_gone(void **state)
{
	struct world *world = two_routers();
	struct frame frame = one_to_three();
	struct msg_rif rif = {.id = 203, .router = 200, .network = 3, .up = false, .mac = world_mac(203)};

	for (int i = 0; i < 3; i++)
		world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 3);
	world_unroute(world, 200, "10.3.0.0/24");
	world_clear(world);
	world_frame(world, 1, &frame);
	expect_error(world, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, "10.2.0.1");
	world_clear(world);
	world_route(world, 200, "10.3.0.0/24", 203, NULL);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 1);
	world_order(world, MSG_RIF_SET, &rif);
	world_clear(world);
	world_frame(world, 1, &frame);
	expect_error(world, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, "10.2.0.1");
	world_order(world, MSG_ROUTER_DEL, &(struct msg_id){200});
	world_clear(world);
	world_frame(world, 1, &frame);
	world_pass(world, span_s(10));
	expect_error(world, ICMP_UNREACHABLE, ICMP_HOST_UNREACHABLE, "10.1.0.1");
	world_close(world);
}

static void test_stale_routes(void **state)
{
	struct world *world = two_routers();
	struct frame frame = one_to_three();
	struct msg_fib_sync sync = {.router = 100, .begin = true};

	/* A route process that began anew and said nothing more: 60 s of grace. */
	world_order(world, MSG_FIB_SYNC, &sync);
	world_pass(world, span_s(59));
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 1);
	world_pass(world, span_s(2));
	world_clear(world);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 0);
	/* One that says all again loses nothing; what it doesn't say goes at the end. */
	world_route(world, 100, "10.3.0.0/24", 102, "10.2.0.1");
	world_route(world, 100, "10.4.0.0/24", 102, "10.2.0.1");
	world_order(world, MSG_FIB_SYNC, &sync);
	world_clear(world);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 1);
	world_route(world, 100, "10.3.0.0/24", 102, "10.2.0.1");
	world_route(world, 100, "10.1.0.0/24", 101, NULL);
	sync.begin = false;
	world_order(world, MSG_FIB_SYNC, &sync);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 2);
	world_clear(world);
	frame.ip_dst = world_ip("10.4.0.1");
	world_frame(world, 1, &frame);
	expect_error(world, ICMP_UNREACHABLE, ICMP_NET_UNREACHABLE, "10.1.0.1");
	sync.router = 999;
	assert_int_equal(world_try(world, MSG_FIB_SYNC, &sync), -ENOENT);
	world_close(world);
}

static void expect_router_drop(struct world *world, uint8_t *bytes, unsigned size, const char *reason)
{
	uint64_t before = world_drops(world, 101, reason);

	world_clear(world);
	world_bytes(world, 5, bytes, size);
	world_bytes(world, 5, bytes, size);
	if (world->sent_count != 0 || world_drops(world, 101, reason) != before + 2)
		fail_msg("%s: %u frames sent, %llu drops", reason, world->sent_count, (unsigned long long)world_drops(world, 101, reason));
}

static void fix_checksum(uint8_t *bytes)
{
	wire_put_u16(bytes + 24, 0);
	wire_put_u16(bytes + 24, checksum_fold(checksum_add(0, bytes + 14, (bytes[14] & 15u) * 4)));
}

static void test_headers_that_are_refused(void **state)
{
	static const struct {
		const char *source, *destination, *reason;
	} rows[] = {
		{"127.0.0.1", "10.3.0.9", "martian_source"},
		{"0.1.2.3", "10.3.0.9", "martian_source"},
		{"224.0.0.5", "10.3.0.9", "martian_source"},
		{"255.255.255.255", "10.3.0.9", "martian_source"},
		{"10.2.0.0", "10.3.0.9", "martian_source"},
		{"10.1.0.5", "127.0.0.1", "martian_destination"},
		{"10.1.0.5", "0.0.0.0", "martian_destination"},
		{"10.1.0.5", "241.0.0.1", "martian_destination"},
		{"10.1.0.5", "224.0.0.9", "multicast_not_routed"},
		{"10.1.0.5", "255.255.255.255", "multicast_not_routed"},
		{"10.1.0.5", "10.1.0.255", "multicast_not_routed"},
		{"169.254.1.1", "10.3.0.9", "link_local"},
		{"10.1.0.5", "169.254.1.1", "link_local"},
		{"::1", "2001:db8::1", "martian_source"},
		{"::", "2001:db8::1", "martian_source"},
		{"ff02::1", "2001:db8::1", "martian_source"},
		{"2001:db8::5", "::1", "martian_destination"},
		{"2001:db8::5", "fe80::1234", "link_local"},
		{"fe80::1234", "2001:db8::5", "link_local"},
	};
	struct world *world = two_routers();
	struct frame frame = {.src = world_mac(0x55), .dst = world_mac(101), .l4_dst = 9};
	uint8_t bytes[2048];
	unsigned size;

	world_tap(world, 5, 1);
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		frame.ip_src = world_ip(rows[i].source);
		frame.ip_dst = world_ip(rows[i].destination);
		size = frame_build(&frame, bytes);
		expect_router_drop(world, bytes, size, rows[i].reason);
	}
	frame.ip_src = world_ip("10.1.0.5");
	frame.ip_dst = world_ip("10.3.0.9");
	size = frame_build(&frame, bytes);
	bytes[25] ^= 1;
	expect_router_drop(world, bytes, size, "bad_checksum");
	size = frame_build(&frame, bytes);
	bytes[14] = 0x55;
	expect_router_drop(world, bytes, size, "bad_version");
	bytes[14] = 0x44;
	expect_router_drop(world, bytes, size, "bad_length");
	bytes[14] = 0x45;
	wire_put_u16(bytes + 16, (uint16_t)(size - 14 + 1));
	fix_checksum(bytes);
	expect_router_drop(world, bytes, size, "bad_length");
	expect_router_drop(world, bytes, 14 + 19, "bad_length");
	wire_put_u16(bytes + 12, 0x88b5);
	expect_router_drop(world, bytes, size, "unknown_type");
	world_close(world);
}

static void test_router_answers_and_refuses(void **state)
{
	struct world *world = two_routers();
	struct frame frame = one_to_three();
	const struct icmp_header *icmp;
	uint8_t bytes[2048];
	unsigned size;

	/* The near and the far address of each router. */
	static const char *const own[] = {"10.1.0.1", "10.2.0.0", "10.2.0.1", "10.3.0.1"};

	for (unsigned i = 0; i < COUNT_OF(own); i++) {
		frame.protocol = IP_PROTOCOL_ICMP;
		frame.l4_src = ICMP_ECHO_REQUEST;
		frame.l4_dst = 0;
		frame.ip_dst = world_ip(own[i]);
		size = frame_build(&frame, bytes);
		world_clear(world);
		world_bytes(world, 1, bytes, size);
		assert_int_equal(world->sent_count, 1);
		assert_memory_equal(ipv4_of(world_first(world, 1))->source, world_ip(own[i]).bytes, 4);
		assert_int_equal(ipv4_of(world_first(world, 1))->ttl, i < 2 ? 64 : 63);
		icmp = (const struct icmp_header *)(world_first(world, 1)->bytes + 34);
		assert_int_equal(icmp->type, ICMP_ECHO_REPLY);
		assert_int_equal(checksum_fold(checksum_add(0, icmp, size - 34)), 0);
		assert_memory_equal(icmp + 1, bytes + 42, size - 42);
		/* Port and protocol unreachable. */
		world_clear(world);
		frame.protocol = IP_PROTOCOL_UDP;
		frame.l4_dst = 53;
		world_frame(world, 1, &frame);
		expect_error(world, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, i < 2 ? "10.1.0.1" : "10.2.0.1");
		world_clear(world);
		frame.protocol = 132;
		world_frame(world, 1, &frame);
		expect_error(world, ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, i < 2 ? "10.1.0.1" : "10.2.0.1");
	}
	/* A broken echo request, and a reply that nobody asked for. */
	world_clear(world);
	bytes[size - 1] ^= 1;
	world_bytes(world, 1, bytes, size);
	assert_int_equal(world_drops(world, 203, "bad_checksum") + world_drops(world, 202, "bad_checksum"), 1);
	frame.protocol = IP_PROTOCOL_ICMP;
	frame.l4_src = ICMP_ECHO_REPLY;
	frame.ip_dst = world_ip("10.1.0.1");
	world_frame(world, 1, &frame);
	assert_int_equal(world_drops(world, 101, "icmp_ignored"), 1);
	assert_int_equal(world->sent_count, 0);
	world_close(world);
}

static void test_errors_about_errors_are_not_sent(void **state)
{
	struct world *world = two_routers();
	struct frame frame = one_to_three();

	frame.ip_dst = world_ip("192.0.2.1");
	frame.protocol = IP_PROTOCOL_ICMP;
	frame.l4_src = ICMP_UNREACHABLE;
	world_frame(world, 1, &frame);
	frame.protocol = IP_PROTOCOL_UDP;
	frame.fragment = 100; /* not the first */
	world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 101, "no_route"), 2);
	/* And not more than so many a second. */
	frame.fragment = 0;
	for (int i = 0; i < 300; i++)
		world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 100);
	world_pass(world, span_ms(100));
	for (int i = 0; i < 300; i++)
		world_frame(world, 1, &frame);
	assert_int_equal(world->sent_count, 110);
	world_close(world);
}

static void test_equal_cost_paths(void **state)
{
	static struct msg_fib fib;
	struct world *world = world_open(NULL);
	struct frame frame = {.src = world_mac(1), .dst = world_mac(101), .ip_src = world_ip("10.1.0.9")};
	unsigned left = 0, right = 0;

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	world_network(world, 3, "10.3.0.0/24");
	world_router(world, 100);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_rif(world, 102, 100, 2, "10.2.0.1/24");
	world_rif(world, 103, 100, 3, "10.3.0.1/24");
	world_port(world, 1, 1, "10.1.0.9");
	world_port(world, 2, 2, "10.2.0.9");
	world_port(world, 3, 3, "10.3.0.9");
	fib.router = 100;
	fib.count = 1;
	fib.entries[0] = (struct fib_entry){.prefix = {world_ip("172.16.0.0"), 12},
		.add = true,
		.nexthop_count = 2,
		.nexthops = {{world_ip("10.2.0.9"), 102}, {world_ip("10.3.0.9"), 103}}};
	world_order(world, MSG_FIB_BATCH, &fib);
	for (unsigned i = 0; i < 1000; i++) {
		frame.ip_dst = ip_from_u32(0xac100000u + i % 50);
		frame.l4_src = (uint16_t)(1000 + i % 200);
		world_clear(world);
		world_frame(world, 1, &frame);
		world_frame(world, 1, &frame);
		assert_true(world_count(world, 2) == 2 || world_count(world, 3) == 2);
		left += world_count(world, 2);
		right += world_count(world, 3);
	}
	assert_true(left > 700 && right > 700);
	/* One of the two is cut: all go the other way. */
	world_order(world, MSG_NETWORK_SET, &(struct msg_network){.id = 3, .up = false});
	world_clear(world);
	for (unsigned i = 0; i < 100; i++) {
		frame.ip_dst = ip_from_u32(0xac100000u + i);
		world_frame(world, 1, &frame);
	}
	assert_int_equal(world_count(world, 2), 100);
	world_close(world);
}

static void test_fragments(void **state)
{
	struct world *world = two_routers();
	struct msg_rif rif = {.id = 203, .router = 200, .network = 3, .up = true, .mtu = 576, .mac = world_mac(203), .address_count = 1};
	struct frame frame = one_to_three();
	static uint8_t bytes[2048], whole[2048];
	unsigned size, end = 0;

	rif.addresses[0] = (struct prefix){world_ip("10.3.0.1"), 24};
	world_order(world, MSG_RIF_SET, &rif);
	world_clear(world);
	frame.payload_bytes = 1400;
	frame.ip_id = 4711;
	size = frame_build(&frame, bytes);
	world_bytes(world, 1, bytes, size);
	assert_int_equal(world->sent_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct sent *sent = world_nth(world, 3, i);
		const struct ipv4_header *ip = ipv4_of(sent);
		unsigned field = wire_get_u16(ip->fragment), offset = (field & IPV4_FRAGMENT_MASK) * 8u;
		unsigned data = wire_get_u16(ip->total_bytes) - 20u;

		assert_true(wire_get_u16(ip->total_bytes) <= 576);
		assert_int_equal(ip->ttl, 62);
		assert_int_equal(wire_get_u16(ip->id), 4711);
		assert_int_equal(offset, end);
		assert_int_equal((field & IPV4_MORE_FRAGMENTS) != 0, i < 2);
		memcpy(whole + offset, sent->bytes + 34, data);
		end = offset + data;
	}
	assert_int_equal(end, size - 34);
	assert_memory_equal(whole, bytes + 34, end);
	assert_int_equal(world_counters(world, 203).tx_packets, 1 + 1 + 3); /* announced when made and when changed */
	/* Don't fragment: the MTU comes back (RFC 1191). */
	world_clear(world);
	frame.fragment = IPV4_DONT_FRAGMENT;
	for (int i = 0; i < 2; i++) {
		world_clear(world);
		world_frame(world, 1, &frame);
		expect_error(world, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, "10.2.0.1");
		assert_int_equal(wire_get_u16(world_first(world, 1)->bytes + 34 + 6), 576);
	}
	/* Smaller ones of the same flow pass by the cache. */
	frame.payload_bytes = 500;
	world_clear(world);
	world_frame(world, 1, &frame);
	world_frame(world, 1, &frame);
	assert_int_equal(world_count(world, 3), 2);
	frame.payload_bytes = 1400;
	world_clear(world);
	world_frame(world, 1, &frame);
	expect_error(world, ICMP_UNREACHABLE, ICMP_FRAGMENTATION_NEEDED, "10.2.0.1");
	world_close(world);
}

/* The rule and the packets of RIP: a group, a unicast port; not without a rule, not too many. */
static void test_punt_and_inject(void **state)
{
	struct world *world = two_routers();
	struct frame frame = {.src = world_mac(0x55), .ip_src = world_ip("10.1.0.5"), .l4_src = 520, .l4_dst = 520, .ttl = 1};
	struct msg_punt_rule rule = {.router = 100, .protocol = IP_PROTOCOL_UDP, .add = true, .port = 520, .group = world_ip("224.0.0.9")};
	static struct msg_packet inject;
	const struct msg_packet *punt;
	uint8_t bytes[2048];
	unsigned size;

	world_tap(world, 5, 1);
	frame.ip_dst = world_ip("224.0.0.9");
	frame.dst = mac_of_multicast(frame.ip_dst);
	size = frame_build(&frame, bytes);
	world_clear(world);
	world_bytes(world, 5, bytes, size);
	assert_int_equal(world_told_count(world, MSG_PUNT), 0);
	assert_int_equal(world_count(world, 1), 1);
	world_order(world, MSG_PUNT_RULE, &rule);
	world_order(world, MSG_PUNT_RULE, &rule);
	world_clear(world);
	world_bytes(world, 5, bytes, size);
	assert_int_equal(world_told_count(world, MSG_PUNT), 1);
	punt = world_told(world, MSG_PUNT, 0);
	assert_int_equal(punt->router, 100);
	assert_int_equal(punt->rif, 101);
	assert_int_equal(punt->size, size - 14);
	assert_memory_equal(punt->bytes, bytes + 14, size - 14);
	assert_int_equal(world_count(world, 1), 1);
	/* Unicast to the router's address; not to another port. */
	frame.ip_dst = world_ip("10.1.0.1");
	frame.dst = world_mac(101);
	world_frame(world, 5, &frame);
	assert_int_equal(world_told_count(world, MSG_PUNT), 2);
	frame.l4_dst = 521;
	world_frame(world, 5, &frame);
	assert_int_equal(world_told_count(world, MSG_PUNT), 2);
	/* A packet of router 100 to the group reaches machine 1, the TAP, and router 200 over the link when it has a rule. */
	rule.router = 200;
	world_order(world, MSG_PUNT_RULE, &rule);
	frame.ip_src = world_ip("10.2.0.0");
	frame.ip_dst = world_ip("224.0.0.9");
	size = frame_build(&frame, bytes);
	wire_put_u16(bytes + 36, 520);
	inject = (struct msg_packet){.router = 100, .rif = 102, .nexthop = world_ip("224.0.0.9"), .size = (uint16_t)(size - 14)};
	memcpy(inject.bytes, bytes + 14, size - 14);
	world_clear(world);
	world_order(world, MSG_INJECT, &inject);
	assert_int_equal(world_told_count(world, MSG_PUNT), 1);
	assert_int_equal(((const struct msg_packet *)world_told(world, MSG_PUNT, 0))->rif, 202);
	assert_int_equal(world->sent_count, 0);
	inject.rif = 101;
	world_order(world, MSG_INJECT, &inject);
	assert_int_equal(world_count(world, 1), 1);
	assert_int_equal(world_count(world, 5), 1);
	assert_true(mac_equal(ethernet_of(world_first(world, 5))->destination, mac_of_multicast(frame.ip_dst)));
	inject.nexthop = world_ip("10.1.0.9");
	world_clear(world);
	world_order(world, MSG_INJECT, &inject);
	assert_true(mac_equal(ethernet_of(world_first(world, 1))->destination, world_mac(1)));
	inject.rif = 203;
	assert_int_equal(world_try(world, MSG_INJECT, &inject), -ENOENT);
	world_close(world);
}

static void test_punts_are_limited(void **state)
{
	struct core_limits limits = {.punts_per_second = 10};
	struct world *world = world_open(&limits);
	struct msg_punt_rule rule = {.router = 100, .protocol = IP_PROTOCOL_OSPF, .add = true};
	struct frame frame = {.src = world_mac(1), .dst = world_mac(101), .protocol = IP_PROTOCOL_OSPF};

	world_network(world, 1, "10.1.0.0/24");
	world_router(world, 100);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_port(world, 1, 1, "10.1.0.9");
	world_order(world, MSG_PUNT_RULE, &rule);
	frame.ip_src = world_ip("10.1.0.9");
	frame.ip_dst = world_ip("10.1.0.1");
	for (int i = 0; i < 100; i++)
		world_frame(world, 1, &frame);
	assert_int_equal(world_told_count(world, MSG_PUNT), 10);
	assert_int_equal(world_drops(world, 101, "punt_limit"), 90);
	assert_true(world_told_count(world, MSG_LIMIT_REACHED) >= 1);
	world_close(world);
}

/* A long segment that its sender left uncut comes to the route process as the packets that it stands for, each with its checksum. */
static void test_long_segments_are_punted_cut(void **state)
{
	struct world *world = world_open(NULL);
	struct msg_punt_rule rule = {.router = 100, .protocol = IP_PROTOCOL_TCP, .add = true};
	struct frame frame = {.src = world_mac(1), .dst = world_mac(101), .protocol = IP_PROTOCOL_TCP, .payload_bytes = 12 + 12000};
	static uint8_t bytes[16384];
	struct packet *packet;

	(void)state;
	world_network(world, 1, "10.1.0.0/24");
	world_router(world, 100);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_port(world, 1, 1, "10.1.0.9");
	world_order(world, MSG_PUNT_RULE, &rule);
	frame.ip_src = world_ip("10.1.0.9");
	frame.ip_dst = world_ip("10.1.0.1");
	packet = packet_new(world->pool, frame_build(&frame, bytes));
	packet->in_port = 1;
	memcpy(packet->data, bytes, packet->size);
	packet->data[14 + 20 + 12] = 0x50;
	packet->offload = (struct packet_offload){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
		.gso_size = 1400,
		.hdr_len = 54,
		.csum_start = 34,
		.csum_offset = 16};
	core_input(world->core, &packet, 1, world->now);
	assert_int_equal(world_told_count(world, MSG_PUNT), 9); /* 8 of 1400 bytes, one of 800 */
	for (unsigned i = 0; i < 9; i++) {
		const struct msg_packet *punt = world_told(world, MSG_PUNT, i);

		assert_int_equal(punt->size, 40 + (i < 8 ? 1400 : 800));
		assert_int_equal(checksum_fold(checksum_add(0, punt->bytes, 20)), 0);
		assert_int_equal(checksum_fold(checksum_add(checksum_pseudo(frame.ip_src, frame.ip_dst, IP_PROTOCOL_TCP, punt->size - 20u),
					 punt->bytes + 20, punt->size - 20u)),
			0);
	}
	world_close(world);
}

static void test_carriers_are_told(void **state)
{
	struct world *world = two_routers();
	struct msg_network link = {.id = 2, .kind = NETWORK_LINK, .up = false, .mtu = 1500};
	const struct msg_rif_state *told;

	world_order(world, MSG_NETWORK_SET, &link);
	assert_int_equal(world_told_count(world, MSG_RIF_CHANGED), 4); /* two interfaces, to route and to ctl */
	told = world_told(world, MSG_RIF_CHANGED, 0);
	assert_false(told->up);
	world_clear(world);
	world_order(world, MSG_NETWORK_SET, &link);
	assert_int_equal(world->told_count, 0);
	link.up = true;
	world_order(world, MSG_NETWORK_SET, &link);
	assert_int_equal(world_told_count(world, MSG_RIF_CHANGED), 4);
	world_clear(world);
	core_peer_up(world->core, PROCESS_ROUTE);
	assert_int_equal(world->told_count, 4);
	told = world_told(world, MSG_RIF_CHANGED, 0);
	assert_int_equal(told->routes, 3); /* two connected ones and that of the route process */
	world_clear(world);
	core_peer_up(world->core, PROCESS_CTL);
	assert_int_equal(world_told_count(world, MSG_RIF_CHANGED), 4);
	assert_int_equal(world_told_count(world, MSG_PORT_CHANGED), 2);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_routers),
		cmocka_unit_test(test_eight_routers),
		cmocka_unit_test(test_ttl_exceeded_at_each_router),
		cmocka_unit_test(test_routes_that_lead_nowhere),
		cmocka_unit_test(test_a_deleted_route_is_gone),
		cmocka_unit_test(test_stale_routes),
		cmocka_unit_test(test_headers_that_are_refused),
		cmocka_unit_test(test_router_answers_and_refuses),
		cmocka_unit_test(test_errors_about_errors_are_not_sent),
		cmocka_unit_test(test_equal_cost_paths),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_punt_and_inject),
		cmocka_unit_test(test_punts_are_limited),
		cmocka_unit_test(test_long_segments_are_punted_cut),
		cmocka_unit_test(test_carriers_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
