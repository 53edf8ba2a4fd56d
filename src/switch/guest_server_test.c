/* Tests of the servers for guests besides DHCPv4: router advertisements, DHCPv6, names; what is refused, and what goes past them. */
#include "../../test/lib/core_world.h"

#include "net/checksum.h"
#include "net/dhcp6_packet.h"
#include "net/dns_packet.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Two networks of lab "demo", machines 11 and 12 in the first and 13 in the second, with router 100 between them or without. */
static struct world *open_world(bool router)
{
	struct world *world = world_open(NULL);
	const char *const prefixes[2][3] = {{"10.1.0.0", "2001:db8:1::", "10.1.0.1"}, {"10.2.0.0", "2001:db8:2::", "10.2.0.1"}};

	for (unsigned i = 0; i < 2; i++) {
		struct msg_network network = {.id = i + 1,
			.kind = NETWORK_SEGMENT,
			.up = true,
			.dhcp = true,
			.dns = true,
			.mtu = 1450,
			.subnet_count = 2,
			.lease_s = 600};

		network.subnets[0] = (struct prefix){world_ip(prefixes[i][0]), 24};
		network.subnets[1] = (struct prefix){world_ip(prefixes[i][1]), 64};
		network.dhcp_server = network.gateway = world_ip(prefixes[i][2]);
		(void)snprintf(network.domain, sizeof(network.domain), "demo");
		world_order(world, MSG_NETWORK_SET, &network);
	}
	if (router) {
		struct msg_router r = {.id = 100, .path = "demo/gw"};
		struct msg_rif rif = {
			.id = 101, .router = 100, .network = 1, .up = true, .mtu = 1500, .mac = world_mac(101), .address_count = 2};

		world_order(world, MSG_ROUTER_SET, &r);
		rif.addresses[0] = (struct prefix){world_ip("10.1.0.1"), 24};
		rif.addresses[1] = (struct prefix){world_ip("2001:db8:1::1"), 64};
		world_order(world, MSG_RIF_SET, &rif);
	}
	for (uint32_t id = 11; id <= 13; id++) {
		struct msg_port port = {
			.id = id, .kind = PORT_VHOST, .up = true, .mtu = 1450, .network = id == 13 ? 2 : 1, .mac = world_mac(id)};

		port.ipv4 = world_ip(id == 11 ? "10.1.0.11" : id == 12 ? "10.1.0.12" : "10.2.0.13");
		port.ipv6 = world_ip(id == 11 ? "2001:db8:1::b" : id == 12 ? "2001:db8:1::c" : "2001:db8:2::d");
		(void)snprintf(port.hostname, sizeof(port.hostname), "vm%u", id);
		world_port(world, id, port.network, NULL);
		world_order(world, MSG_PORT_SET, &port);
	}
	world_tap(world, 18, 1);
	world_clear(world);
	return world;
}

/* The only frame that was sent, out of the port: its payload behind the IPv6 or IPv4 header, whose checksum must be right. */
static const uint8_t *payload_of(struct world *world, uint32_t port, size_t *size)
{
	const struct sent *sent = world_first(world, port);
	bool v6;
	uint32_t sum;

	assert_int_equal(world->sent_count, 1);
	assert_non_null(sent);
	v6 = wire_get_u16(sent->bytes + 12) == ETHERNET_IPV6;
	*size = sent->size - 14 - (v6 ? 40 : 20);
	sum = v6 ? checksum_pseudo(
			   ip_from_bytes(IP_V6, sent->bytes + 22), ip_from_bytes(IP_V6, sent->bytes + 38), sent->bytes[20], (uint32_t)*size)
		 : checksum_pseudo(ip_from_bytes(IP_V4, sent->bytes + 26), ip_from_bytes(IP_V4, sent->bytes + 30), sent->bytes[23],
			   (uint32_t)*size);
	assert_int_equal(checksum_fold(checksum_add(sum, sent->bytes + 14 + (v6 ? 40 : 20), *size)), 0);
	return sent->bytes + 14 + (v6 ? 40 : 20);
}

/* An IPv6 packet with a payload of the test's into the world. */
static void says(struct world *world, uint32_t port, struct frame *frame, const void *payload, uint16_t size)
{
	uint8_t bytes[2048];
	unsigned header = frame->ip_src.family == IP_V6 ? 54 : 34, length;

	frame->src = world_mac(port);
	frame->payload_bytes = frame->protocol == IP_PROTOCOL_ICMPV6 && size < 8 ? 8 : size;
	length = frame_build(frame, bytes);
	memcpy(bytes + header + 8, payload, size);
	world_clear(world);
	world_bytes(world, port, bytes, length);
}

static void solicit_router(struct world *world, uint32_t port, uint8_t hop_limit)
{
	struct frame frame = {.dst = {{0x33, 0x33, 0, 0, 0, 2}},
		.ip_src = ip_link_local_of_mac(world_mac(port)),
		.ip_dst = world_ip("ff02::2"),
		.protocol = IP_PROTOCOL_ICMPV6,
		.ttl = hop_limit,
		.l4_src = ICMPV6_ROUTER_SOLICITATION};
	uint8_t option[8];

	option[0] = ND_OPTION_SOURCE_MAC;
	option[1] = 1;
	memcpy(option + 2, world_mac(port).bytes, 6);
	says(world, port, &frame, option, sizeof(option));
}

static const uint8_t *nd_option(const uint8_t *message, size_t size, size_t from, uint8_t type)
{
	for (size_t at = from; at + 2 <= size && message[at + 1] != 0; at += message[at + 1] * 8u)
		if (message[at] == type)
			return message + at;
	fail_msg("no option %u", type);
	return message;
}

static void test_advertisement(void **state)
{
	struct world *world = open_world(true);
	const uint8_t *ra;
	size_t size;

	(void)state;
	solicit_router(world, 11, 255);
	ra = payload_of(world, 11, &size);
	assert_int_equal(ra[0], ICMPV6_ROUTER_ADVERTISEMENT);
	assert_int_equal(wire_get_u16(ra + 6), 600);
	assert_memory_equal(world_first(world, 11)->bytes + 6, world_mac(101).bytes, 6);
	assert_memory_equal(nd_option(ra, size, 16, 3) + 16, world_ip("2001:db8:1::").bytes, 16);
	assert_int_equal(wire_get_u32(nd_option(ra, size, 16, 5) + 4), 1450);
	assert_memory_equal(nd_option(ra, size, 16, 25) + 8, ip_link_local_of_mac(world_mac(101)).bytes, 16);
	/* All ports hear one now and then. */
	world_clear(world);
	world_pass(world, span_s(201));
	assert_true(
		world_count(world, 11) >= 1 && world_count(world, 12) >= 1 && world_count(world, 13) >= 1 && world_count(world, 18) >= 1);
	solicit_router(world, 11, 64);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 11, "bad_nd"), 1);
	for (int i = 0; i < 100; i++)
		solicit_router(world, 11, 255);
	assert_true(world_drops(world, 11, "ra_limit") > 70);
	world_close(world);
}

/* Without a router: no default route, and the servers' own address is found by neighbor discovery. */
static void test_without_router(void **state)
{
	struct world *world = open_world(false);
	struct mac server = {{0x02, 0x57, 0, 0, 0, 1}};
	struct ip own = ip_link_local_of_mac(server), group = ipv6_solicited_node(own);
	struct frame frame = {.dst = mac_of_multicast(group),
		.ip_src = ip_link_local_of_mac(world_mac(11)),
		.ip_dst = group,
		.protocol = IP_PROTOCOL_ICMPV6,
		.ttl = 255,
		.l4_src = ICMPV6_NEIGHBOR_SOLICITATION};
	const uint8_t *message;
	size_t size;

	(void)state;
	solicit_router(world, 11, 255);
	message = payload_of(world, 11, &size);
	assert_int_equal(wire_get_u16(message + 6), 0);
	says(world, 11, &frame, own.bytes, 16);
	message = payload_of(world, 11, &size);
	assert_int_equal(message[0], ICMPV6_NEIGHBOR_ADVERTISEMENT);
	assert_memory_equal(message + 8, own.bytes, 16);
	assert_memory_equal(message + 26, server.bytes, 6);
	world_close(world);
}

static void dhcp6(struct world *world, uint32_t port, uint8_t type, bool server)
{
	uint8_t bytes[64] = {type, 1, 2, 3, 0, 1, 0, 10, 0, 3, 0, 1, 0x52, 0x54, 0, 0, 0, 11, 0, 3, 0, 12, 0, 0, 0, 7};
	uint16_t size = 34;
	struct frame frame = {.dst = {{0x33, 0x33, 0, 1, 0, 2}},
		.ip_src = ip_link_local_of_mac(world_mac(port)),
		.ip_dst = world_ip("ff02::1:2"),
		.l4_src = UDP_PORT_DHCPV6_CLIENT,
		.l4_dst = UDP_PORT_DHCPV6_SERVER};

	if (server) {
		memcpy(bytes + size, (const uint8_t[]){0, 2, 0, 10}, 4);
		dhcp6_server_duid((struct mac){{0x02, 0x57, 0, 0, 0, 1}}, bytes + size + 4);
		size += 14;
	}
	says(world, port, &frame, bytes, size);
}

/* The addresses that port 11 holds by DHCPv6, as they are shown. */
static unsigned leases6(struct world *world)
{
	struct msg_show show = {.what = SHOW_DHCP};
	const struct row_dhcp *row;
	struct err err;

	world_clear(world);
	assert_int_equal(core_show(world->core, PROCESS_CTL, 1, &show, world->now, &err), 0);
	row = world_told(world, MSG_ROW_DHCP, 0);
	if (row != NULL)
		assert_true(row->port == 11 && ip_equal(row->ip, world_ip("2001:db8:1::b")));
	return world_told_count(world, MSG_ROW_DHCP);
}

/* A lease is shown from the first REPLY on until it is given back, refused or over. */
static void test_dhcp6_lease(void **state)
{
	struct world *world = open_world(false);
	static const uint8_t ends[] = {DHCP6_RELEASE, DHCP6_DECLINE};
	size_t size;

	(void)state;
	dhcp6(world, 11, DHCP6_SOLICIT, false);
	assert_int_equal(leases6(world), 0);
	for (unsigned i = 0; i < sizeof(ends); i++) {
		dhcp6(world, 11, DHCP6_REQUEST, true);
		assert_int_equal(leases6(world), 1);
		dhcp6(world, 11, ends[i], true);
		assert_int_equal(payload_of(world, 11, &size)[8], DHCP6_REPLY);
		assert_int_equal(leases6(world), 0);
	}
	assert_int_equal(world_drops(world, 11, "dhcp_declined"), 1);
	dhcp6(world, 11, DHCP6_REBIND, false);
	assert_int_equal(leases6(world), 1);
	world_pass(world, span_s(1201));
	assert_int_equal(leases6(world), 0);
	world_close(world);
}

static void test_dhcp6(void **state)
{
	struct world *world = open_world(false);
	const uint8_t *reply;
	size_t size;

	(void)state;
	dhcp6(world, 11, DHCP6_SOLICIT, false);
	reply = payload_of(world, 11, &size) + 8;
	assert_int_equal(reply[0], DHCP6_ADVERTISE);
	assert_memory_equal(reply + 4 + 14 + 14 + 16 + 4, world_ip("2001:db8:1::b").bytes, 16);
	dhcp6(world, 11, DHCP6_REQUEST, true);
	reply = payload_of(world, 11, &size) + 8;
	assert_int_equal(reply[0], DHCP6_REPLY);
	dhcp6(world, 12, DHCP6_RENEW, true);
	reply = payload_of(world, 12, &size) + 8;
	assert_memory_equal(reply + 4 + 14 + 14 + 16 + 4, world_ip("2001:db8:1::c").bytes, 16);
	dhcp6(world, 11, DHCP6_REQUEST, false);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 11, "dhcp_not_ours"), 1);
	dhcp6(world, 11, DHCP6_REPLY, false);
	assert_int_equal(world_drops(world, 11, "dhcp_malformed"), 1);
	/* Nobody's port: the multicast passes. */
	dhcp6(world, 18, DHCP6_SOLICIT, false);
	assert_int_equal(world_count(world, 11), 1);
	assert_int_equal(world_count(world, 18), 0);
	world_close(world);
}

/* Asks for a name; the answer's code and count, and the answers behind the question. */
static const uint8_t *ask(struct world *world, uint32_t port, const char *name, uint16_t type, unsigned *code, unsigned *count)
{
	uint8_t bytes[512] = {0x12, 0x34, 1, 0, 0, 1};
	size_t used = 12, size;
	struct frame frame = {.dst = {{0x02, 0x57, 0, 0, 0, 1}},
		.ip_src = world_ip("10.1.0.11"),
		.ip_dst = world_ip("10.1.0.1"),
		.l4_src = 4711,
		.l4_dst = UDP_PORT_DNS};
	const uint8_t *answer;

	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		bytes[used++] = (uint8_t)length;
		memcpy(bytes + used, name, length);
		used += length;
		name += length + (name[length] == '.');
	}
	memcpy(bytes + used, (const uint8_t[]){0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 5);
	used += 5;
	says(world, port, &frame, bytes, (uint16_t)used);
	answer = payload_of(world, port, &size) + 8;
	*code = answer[3] & 15;
	*count = answer[7];
	return answer + used;
}

static void test_names(void **state)
{
	struct world *world = open_world(false);
	unsigned code, count;
	const uint8_t *answers;

	(void)state;
	answers = ask(world, 11, "vm12", DNS_TYPE_A, &code, &count);
	assert_int_equal(code, DNS_OK);
	assert_int_equal(count, 1);
	assert_memory_equal(answers + 12, world_ip("10.1.0.12").bytes, 4);
	answers = ask(world, 11, "VM13.demo", DNS_TYPE_AAAA, &code, &count);
	assert_int_equal(count, 1);
	assert_memory_equal(answers + 12, world_ip("2001:db8:2::d").bytes, 16);
	(void)ask(world, 11, "vm13.demo", DNS_TYPE_ANY, &code, &count);
	assert_int_equal(count, 2);
	(void)ask(world, 11, "vm99.demo", DNS_TYPE_A, &code, &count);
	assert_int_equal(code, DNS_NO_NAME);
	(void)ask(world, 11, "vm12.other", DNS_TYPE_A, &code, &count);
	assert_int_equal(code, DNS_REFUSED);
	(void)ask(world, 11, "demo", DNS_TYPE_A, &code, &count);
	assert_int_equal(code, DNS_NO_NAME);
	answers = ask(world, 11, "12.0.1.10.in-addr.arpa", DNS_TYPE_PTR, &code, &count);
	assert_int_equal(count, 1);
	assert_memory_equal(answers + 12, "\4vm12\4demo\0", 11);
	(void)ask(world, 11, "99.0.1.10.in-addr.arpa", DNS_TYPE_PTR, &code, &count);
	assert_int_equal(code, DNS_NO_NAME);
	/* The name is there without an address; so are the names above it (RFC 8020), as far as they lead to the lab's subnets. */
	(void)ask(world, 11, "12.0.1.10.in-addr.arpa", DNS_TYPE_A, &code, &count);
	assert_true(code == DNS_OK && count == 0);
	(void)ask(world, 11, "10.in-addr.arpa", DNS_TYPE_PTR, &code, &count);
	assert_true(code == DNS_OK && count == 0);
	(void)ask(world, 11, "8.b.d.0.1.0.0.2.ip6.arpa", DNS_TYPE_PTR, &code, &count);
	assert_true(code == DNS_OK && count == 0);
	(void)ask(world, 11, "3.10.in-addr.arpa", DNS_TYPE_PTR, &code, &count);
	assert_int_equal(code, DNS_REFUSED);
	(void)ask(world, 11, "8.8.8.8.in-addr.arpa", DNS_TYPE_PTR, &code, &count);
	assert_int_equal(code, DNS_REFUSED);
	world_close(world);
}

static void test_names_are_limited(void **state)
{
	struct world *world = open_world(false);
	struct frame frame = {
		.dst = {{0x02, 0x57, 0, 0, 0, 1}}, .ip_src = world_ip("10.1.0.11"), .ip_dst = world_ip("10.1.0.1"), .l4_src = 1};

	(void)state;
	frame.l4_dst = UDP_PORT_DNS;
	says(world, 11, &frame, "\x12\x34\1", 3);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 11, "dns_malformed"), 1);
	for (int i = 0; i < 400; i++)
		says(world, 11, &frame, "\x12\x34\1", 3);
	assert_true(world_drops(world, 11, "dns_limit") > 100);
	world_close(world);
}

/* The router's addresses have its name. */
static void test_router_names(void **state)
{
	struct world *world = open_world(true);
	struct frame frame = {
		.dst = world_mac(101), .ip_src = world_ip("10.1.0.11"), .ip_dst = world_ip("10.1.0.1"), .l4_src = 4711, .l4_dst = 53};
	const uint8_t question[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 'g', 'w', 4, 'd', 'e', 'm', 'o', 0, 0, 1, 0, 1};
	const uint8_t *answer;
	size_t size;

	(void)state;
	says(world, 11, &frame, question, sizeof(question));
	answer = payload_of(world, 11, &size) + 8;
	assert_int_equal(answer[7], 1);
	assert_memory_equal(answer + sizeof(question) + 12, world_ip("10.1.0.1").bytes, 4);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_advertisement),
		cmocka_unit_test(test_without_router),
		cmocka_unit_test(test_dhcp6),
		cmocka_unit_test(test_dhcp6_lease),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_names_are_limited),
		cmocka_unit_test(test_router_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
