/* Tests of address translation: what packets read on the other side, bit by bit with their checksums, what passes, what has a limit. */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/conn.h"
#include "switch/nat_prefix.h"
#include "switch/nat_rewrite.h"

#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

/* The world's parts. */
enum { HOST = 11, OTHER = 12, SERVER = 31, REMOTE = 21, REMOTE_TWO = 22, ROUTER = 100, INSIDE = 101, OUTSIDE = 102, DMZ = 103 };

static const char *ip_of(uint32_t port)
{
	switch (port) {
	case HOST:
		return "10.1.0.11";
	case OTHER:
		return "10.1.0.12";
	case SERVER:
		return "10.3.0.31";
	case REMOTE:
		return "198.51.100.21";
	default:
		return "198.51.100.22";
	}
}

static struct prefix prefix(const char *text)
{
	struct prefix p = {0};

	if (strchr(text, '/') != NULL)
		CHECK(prefix_parse(text, &p));
	else
		p = (struct prefix){world_ip(text), strchr(text, ':') ? 128 : 32};
	return p;
}

static struct nat_rule snat(const char *match, const char *first, const char *last)
{
	return (struct nat_rule){
		.kind = NAT_SOURCE, .rif = OUTSIDE, .match = prefix(match), .to = prefix(first), .to_last = world_ip(last)};
}

static struct nat_rule dnat(uint8_t protocol, const char *address, uint16_t port, const char *to, uint16_t to_port)
{
	return (struct nat_rule){.kind = NAT_DESTINATION,
		.rif = OUTSIDE,
		.protocol = protocol,
		.port_first = port,
		.port_last = port,
		.to_port = to_port,
		.match = prefix(address),
		.to = prefix(to)};
}

static void rules(struct world *world, const struct nat_rule *list, unsigned count)
{
	static struct msg_nat nat;

	memset(&nat, 0, sizeof(nat));
	nat.id = ROUTER;
	for (; nat.rule_count < count; nat.rule_count++)
		nat.rules[nat.rule_count] = list[nat.rule_count];
	world_order(world, MSG_NAT_SET, &nat);
}

/* Inside two machines, a server in a network of its own, outside two machines; the first rule hides what is 10/8 behind the router. */
static struct world *start(const struct core_limits *limits)
{
	struct nat_rule list[] = {snat("10.0.0.0/8", "198.51.100.1", "198.51.100.1"),
		dnat(IP_PROTOCOL_TCP, "198.51.100.1", 2201, "10.1.0.11", 22), dnat(IP_PROTOCOL_UDP, "198.51.100.1", 53, "10.3.0.31", 0)};
	struct world *world = world_open(limits);

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "198.51.100.0/24");
	world_network(world, 3, "10.3.0.0/24");
	world_router(world, ROUTER);
	world_rif(world, INSIDE, ROUTER, 1, "10.1.0.1/24");
	world_rif(world, OUTSIDE, ROUTER, 2, "198.51.100.1/24");
	world_rif(world, DMZ, ROUTER, 3, "10.3.0.1/24");
	for (unsigned i = 0; i < 5; i++) {
		static const uint32_t ports[] = {HOST, OTHER, SERVER, REMOTE, REMOTE_TWO};

		world_port(world, ports[i], ports[i] / 10, ip_of(ports[i]));
	}
	rules(world, list, COUNT_OF(list));
	world_clear(world);
	return world;
}

/* A frame of a machine to an address, by the router. */
static struct frame frame_to(uint32_t from, const char *to, uint8_t protocol, uint16_t src, uint16_t dst)
{
	return (struct frame){.src = world_mac(from),
		.dst = world_mac(100 + from / 10),
		.ip_src = world_ip(ip_of(from)),
		.ip_dst = world_ip(to),
		.protocol = protocol,
		.l4_src = src,
		.l4_dst = dst,
		.payload_bytes = 33};
}

/* A packet that arrived, as it reads. */
struct seen {
	bool arrived;
	struct ip src, dst;
	uint8_t protocol;
	uint16_t src_port, dst_port; /* ICMP: type, identifier */
	const uint8_t *l4;
	uint32_t l4_bytes;
};

/* The last frame that a port sent; checks its checksums (those of transport headers unless it is a fragment). */
static struct seen seen_at(struct world *world, uint32_t port)
{
	const struct sent *sent = NULL;
	const struct ipv4_header *v4;
	struct seen seen = {0};
	uint32_t sum = 0;

	for (unsigned i = 0; world_nth(world, port, i) != NULL; i++)
		sent = world_nth(world, port, i);
	if (sent == NULL || wire_get_u16(sent->bytes + 12) != ETHERNET_IPV4)
		return seen;
	v4 = (const struct ipv4_header *)(sent->bytes + ETHERNET_HEADER_BYTES);
	assert_int_equal(checksum_fold(checksum_add(0, v4, ipv4_header_bytes(v4))), 0);
	seen = (struct seen){true, ip_from_bytes(IP_V4, v4->source), ip_from_bytes(IP_V4, v4->destination), v4->protocol, 0, 0, NULL, 0};
	seen.l4 = (const uint8_t *)v4 + ipv4_header_bytes(v4);
	seen.l4_bytes = wire_get_u16(v4->total_bytes) - ipv4_header_bytes(v4);
	if (v4->protocol == IP_PROTOCOL_ICMP) {
		seen.src_port = seen.l4[0];
		seen.dst_port = wire_get_u16(seen.l4 + 4);
	} else {
		seen.src_port = wire_get_u16(seen.l4);
		seen.dst_port = wire_get_u16(seen.l4 + 2);
		sum = checksum_pseudo(seen.src, seen.dst, v4->protocol, seen.l4_bytes);
	}
	if (wire_get_u16(v4->fragment) == 0 && sent->offload.flags == 0)
		assert_int_equal(checksum_fold(checksum_add(sum, seen.l4, seen.l4_bytes)), 0);
	return seen;
}

static struct seen send_frame(struct world *world, uint32_t from, uint32_t at, const struct frame *frame)
{
	world_clear(world);
	world_frame(world, from, frame);
	return seen_at(world, at);
}

static struct frame tcp_to(uint32_t from, const char *to, uint16_t src_port, uint16_t dst_port, uint8_t flags)
{
	struct frame frame = frame_to(from, to, IP_PROTOCOL_TCP, src_port, dst_port);

	frame.tcp_flags = flags;
	return frame;
}

static struct seen send_value(struct world *world, uint32_t from, uint32_t at, struct frame frame)
{
	return send_frame(world, from, at, &frame);
}

#define send_tcp(world, from, to, at, src_port, dst_port, flags)                                                                           \
	send_value((world), (from), (at), tcp_to((from), (to), (src_port), (dst_port), (flags)))

static struct seen send_udp(struct world *world, uint32_t from, const char *to, uint32_t at, uint16_t src_port, uint16_t dst_port)
{
	struct frame frame = frame_to(from, to, IP_PROTOCOL_UDP, src_port, dst_port);

	return send_frame(world, from, at, &frame);
}

#define assert_ip(ip, text) assert_true(ip_equal((ip), world_ip(text)))

static void test_source(void **state)
{
	struct world *world = start(NULL);
	struct seen out, back;
	uint16_t port;

	out = send_tcp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 80, SYN);
	assert_true(out.arrived);
	assert_ip(out.src, "198.51.100.1");
	assert_int_equal(out.dst_port, 80);
	port = out.src_port;
	assert_true(port >= 1024);
	back = send_tcp(world, REMOTE, "198.51.100.1", HOST, 80, port, SYN | ACK);
	assert_true(back.arrived);
	assert_ip(back.src, ip_of(REMOTE));
	assert_ip(back.dst, ip_of(HOST));
	assert_int_equal(back.dst_port, 5000);
	/* From the cache now, both ways. */
	for (unsigned i = 0; i < 3; i++) {
		out = send_tcp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 80, ACK);
		assert_true(out.arrived && out.src_port == port);
		back = send_tcp(world, REMOTE, "198.51.100.1", HOST, 80, port, ACK);
		assert_true(back.arrived && back.dst_port == 5000);
	}
	/* The same port for whomever the host speaks to; another host another one; nobody else may use it. */
	out = send_tcp(world, HOST, ip_of(REMOTE_TWO), REMOTE_TWO, 5000, 80, SYN);
	assert_true(out.arrived && out.src_port == port);
	out = send_tcp(world, OTHER, ip_of(REMOTE), REMOTE, 5000, 80, SYN);
	assert_true(out.arrived && out.src_port != port);
	assert_false(send_tcp(world, REMOTE, "198.51.100.1", HOST, 81, port, ACK).arrived);
	/* Between inside networks nothing changes. */
	out = send_tcp(world, HOST, ip_of(SERVER), SERVER, 5000, 80, SYN);
	assert_true(out.arrived);
	assert_ip(out.src, ip_of(HOST));
	world_close(world);
}

static void test_udp(void **state)
{
	struct world *world = start(NULL);
	struct frame frame = frame_to(HOST, ip_of(REMOTE), IP_PROTOCOL_UDP, 5001, 53);
	uint8_t bytes[256];
	struct seen out = send_frame(world, HOST, REMOTE, &frame);
	unsigned size;

	assert_true(out.arrived);
	assert_int_equal(out.src_port & 1, 1);
	assert_true(send_udp(world, REMOTE, "198.51.100.1", HOST, 53, out.src_port).arrived);
	/* Without a checksum it stays without; where it is left to be done, the pseudo header's part is right. */
	size = frame_build(&frame, bytes);
	wire_put_u16(bytes + 40, 0);
	world_clear(world);
	world_bytes(world, HOST, bytes, size);
	assert_int_equal(wire_get_u16(world_first(world, REMOTE)->bytes + 40), 0);
	world_close(world);
}

static void test_open_checksum(void **state)
{
	struct world *world = start(NULL);
	struct frame frame = frame_to(HOST, ip_of(REMOTE), IP_PROTOCOL_TCP, 5001, 53);
	struct packet *packet = packet_new(world->pool, 2048);
	const struct ipv4_header *v4;
	const struct sent *sent;
	uint32_t l4_bytes;

	frame.tcp_flags = SYN;
	packet->size = frame_build(&frame, packet->data);
	packet->in_port = HOST;
	l4_bytes = packet->size - 34;
	packet->offload = (struct packet_offload){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	wire_put_u16(packet->data + 50, (uint16_t)~checksum_fold(checksum_pseudo(frame.ip_src, frame.ip_dst, IP_PROTOCOL_TCP, l4_bytes)));
	core_input(world->core, &packet, 1, world->now);
	sent = world_first(world, REMOTE);
	assert_non_null(sent);
	v4 = (const struct ipv4_header *)(sent->bytes + ETHERNET_HEADER_BYTES);
	assert_int_equal(sent->offload.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(wire_get_u16(sent->bytes + 50),
		(uint16_t)~checksum_fold(checksum_pseudo(ip_from_bytes(IP_V4, v4->source), frame.ip_dst, IP_PROTOCOL_TCP, l4_bytes)));
	world_close(world);
}

static void test_destination(void **state)
{
	struct world *world = start(NULL);
	struct seen in = send_tcp(world, REMOTE, "198.51.100.1", HOST, 4000, 2201, SYN), out;

	assert_true(in.arrived);
	assert_ip(in.dst, ip_of(HOST));
	assert_ip(in.src, ip_of(REMOTE));
	assert_int_equal(in.dst_port, 22);
	out = send_tcp(world, HOST, ip_of(REMOTE), REMOTE, 22, 4000, SYN | ACK);
	assert_true(out.arrived);
	assert_ip(out.src, "198.51.100.1");
	assert_int_equal(out.src_port, 2201);
	in = send_udp(world, REMOTE, "198.51.100.1", SERVER, 4000, 53);
	assert_true(in.arrived && in.dst_port == 53);
	/* Ports that nobody forwards are the router's own. */
	assert_false(send_tcp(world, REMOTE, "198.51.100.1", HOST, 4000, 2202, SYN).arrived);
	assert_int_equal(world_drops(world, OUTSIDE, "no_listener"), 1);
	/* An inside machine by the outside address: from the router, not from itself (hairpin). */
	in = send_tcp(world, OTHER, "198.51.100.1", HOST, 4001, 2201, SYN);
	assert_true(in.arrived);
	assert_ip(in.src, "198.51.100.1");
	out = send_tcp(world, HOST, "198.51.100.1", OTHER, 22, in.src_port, SYN | ACK);
	assert_true(out.arrived);
	assert_ip(out.src, "198.51.100.1");
	assert_int_equal(out.src_port, 2201);
	assert_int_equal(out.dst_port, 4001);
	world_close(world);
}

static void test_static(void **state)
{
	struct nat_rule list[] = {snat("10.0.0.0/8", "198.51.100.8", "198.51.100.9"),
		{.kind = NAT_STATIC, .rif = OUTSIDE, .match = prefix("198.51.100.10"), .to = prefix("10.3.0.31")}};
	struct world *world = start(NULL);
	struct seen in, out;
	uint8_t arp[64];

	rules(world, list, COUNT_OF(list));
	out = send_udp(world, SERVER, ip_of(REMOTE), REMOTE, 7000, 7);
	assert_true(out.arrived && out.src_port == 7000);
	assert_ip(out.src, "198.51.100.10");
	in = send_tcp(world, REMOTE_TWO, "198.51.100.10", SERVER, 1, 9, SYN);
	assert_true(in.arrived && in.dst_port == 9);
	/* The pool's addresses: the router answers for them, and takes nothing that no connection knows. */
	out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, 7000, 7);
	assert_true(out.arrived);
	assert_true(ip_equal(out.src, world_ip("198.51.100.8")) || ip_equal(out.src, world_ip("198.51.100.9")));
	assert_false(send_udp(world, REMOTE, "198.51.100.9", HOST, 8, 8).arrived);
	assert_int_equal(world_drops(world, OUTSIDE, "nat_none"), 1);
	world_clear(world);
	world_bytes(world, REMOTE, arp,
		frame_arp(arp, true, world_mac(REMOTE), world_ip(ip_of(REMOTE)), (struct mac){{0}}, world_ip("198.51.100.9")));
	assert_int_equal(world_count(world, REMOTE), 1);
	world_close(world);
}

/* An ICMP error of `from` about what it received last, with `bytes` of it; as `at` gets it. */
static struct seen report(struct world *world, uint32_t from, uint32_t at, uint32_t bytes)
{
	const struct sent *sent = NULL;
	struct frame frame = frame_to(from, "198.51.100.1", IP_PROTOCOL_ICMP, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE);
	uint8_t error[1024], *icmp = error + 34;

	for (unsigned i = 0; world_nth(world, from, i) != NULL; i++)
		sent = world_nth(world, from, i);
	CHECK(sent != NULL && sent->size >= ETHERNET_HEADER_BYTES + bytes);
	frame.ip_dst = ip_from_bytes(IP_V4, sent->bytes + ETHERNET_HEADER_BYTES + 12);
	frame.payload_bytes = (uint16_t)bytes;
	(void)frame_build(&frame, error);
	memset(icmp + 4, 0, 4);
	memcpy(icmp + ICMP_HEADER_BYTES, sent->bytes + ETHERNET_HEADER_BYTES, bytes);
	wire_put_u16(icmp + 2, 0);
	wire_put_u16(icmp + 2, checksum_fold(checksum_add(0, icmp, ICMP_HEADER_BYTES + bytes)));
	world_clear(world);
	world_bytes(world, from, error, 34 + ICMP_HEADER_BYTES + bytes);
	return seen_at(world, at);
}

/* What an error quotes: sound, and of this connection. */
static void check_quote(const struct seen *error, const char *src, uint16_t src_port, const char *dst, uint16_t dst_port)
{
	const struct ipv4_header *v4 = (const struct ipv4_header *)(error->l4 + ICMP_HEADER_BYTES);
	const uint8_t *l4 = (const uint8_t *)(v4 + 1);
	uint32_t bytes = error->l4_bytes - ICMP_HEADER_BYTES - IPV4_HEADER_BYTES;

	assert_true(error->arrived);
	assert_int_equal(checksum_fold(checksum_add(0, v4, IPV4_HEADER_BYTES)), 0);
	assert_ip(ip_from_bytes(IP_V4, v4->source), src);
	assert_ip(ip_from_bytes(IP_V4, v4->destination), dst);
	if (v4->protocol == IP_PROTOCOL_ICMP) {
		assert_int_equal(wire_get_u16(l4 + 4), src_port);
	} else {
		assert_int_equal(wire_get_u16(l4), src_port);
		assert_int_equal(wire_get_u16(l4 + 2), dst_port);
	}
	if (bytes + IPV4_HEADER_BYTES < wire_get_u16(v4->total_bytes))
		return;
	assert_int_equal(checksum_fold(checksum_add(v4->protocol == IP_PROTOCOL_ICMP
							    ? 0
							    : checksum_pseudo(ip_from_bytes(IP_V4, v4->source),
								      ip_from_bytes(IP_V4, v4->destination), v4->protocol, bytes),
				 l4, bytes)),
		0);
}

static void test_icmp(void **state)
{
	struct world *world = start(NULL);
	struct frame ping = frame_to(HOST, ip_of(REMOTE), IP_PROTOCOL_ICMP, ICMP_ECHO_REQUEST, 0);
	struct frame pong = frame_to(REMOTE, "198.51.100.1", IP_PROTOCOL_ICMP, ICMP_ECHO_REPLY, 0);
	struct frame low = frame_to(HOST, ip_of(REMOTE), IP_PROTOCOL_UDP, 6000, 7);
	struct seen out, back;

	ping.icmp_id = 77;
	out = send_frame(world, HOST, REMOTE, &ping);
	assert_true(out.arrived);
	assert_ip(out.src, "198.51.100.1");
	pong.icmp_id = out.dst_port;
	back = send_frame(world, REMOTE, HOST, &pong);
	assert_true(back.arrived && back.dst_port == 77);
	(void)send_frame(world, HOST, REMOTE, &ping);
	back = report(world, REMOTE, HOST, 61);
	check_quote(&back, ip_of(HOST), 77, ip_of(REMOTE), 0);
	/* Errors about what went out: whole and with the least that they may quote. */
	(void)send_udp(world, HOST, ip_of(REMOTE), REMOTE, 6000, 7);
	back = report(world, REMOTE, HOST, 61);
	check_quote(&back, ip_of(HOST), 6000, ip_of(REMOTE), 7);
	(void)send_tcp(world, HOST, ip_of(REMOTE), REMOTE, 6000, 7, SYN);
	back = report(world, REMOTE, HOST, 28);
	check_quote(&back, ip_of(HOST), 6000, ip_of(REMOTE), 7);
	/* About what came in: it seems to come from the outside address. */
	(void)send_tcp(world, REMOTE, "198.51.100.1", HOST, 4000, 2201, SYN);
	back = report(world, HOST, REMOTE, 61);
	check_quote(&back, ip_of(REMOTE), 4000, "198.51.100.1", 2201);
	assert_ip(back.src, "198.51.100.1");
	/* The router's own error about what it had translated. */
	low.ttl = 1;
	back = send_frame(world, HOST, HOST, &low);
	assert_int_equal(back.src_port, ICMP_TIME_EXCEEDED);
	check_quote(&back, ip_of(HOST), 6000, ip_of(REMOTE), 7);
	world_close(world);
}

/* An error about nothing known, of someone inside to the outside, would show an inside address. */
static void test_foreign_error(void **state)
{
	struct world *world = start(NULL);
	struct seen in;

	(void)send_udp(world, SERVER, ip_of(HOST), HOST, 1, 2);
	in = report(world, HOST, SERVER, 61);
	assert_true(in.arrived);
	(void)send_tcp(world, REMOTE, "198.51.100.1", HOST, 4000, 2201, SYN);
	rules(world, (struct nat_rule[]){snat("10.0.0.0/8", "198.51.100.1", "198.51.100.1")}, 1);
	in = report(world, HOST, REMOTE, 61);
	assert_false(in.arrived);
	assert_int_equal(world_drops(world, INSIDE, "nat_error"), 1);
	world_close(world);
}

static void test_fragments(void **state)
{
	struct world *world = start(NULL);
	struct frame first = frame_to(HOST, ip_of(REMOTE), IP_PROTOCOL_UDP, 5000, 53), later;
	struct seen out;

	first.fragment = IPV4_MORE_FRAGMENTS;
	first.payload_bytes = 64;
	first.ip_id = 9;
	later = first;
	later.fragment = 9;
	assert_false(send_frame(world, HOST, REMOTE, &later).arrived);
	assert_int_equal(world_drops(world, INSIDE, "nat_fragment"), 1);
	out = send_frame(world, HOST, REMOTE, &first);
	assert_true(out.arrived && out.src_port != 5000);
	out = send_frame(world, HOST, REMOTE, &later);
	assert_true(out.arrived);
	assert_ip(out.src, "198.51.100.1");
	later.ip_id = 10;
	assert_false(send_frame(world, HOST, REMOTE, &later).arrived);
	/* Between inside networks fragments pass as they come. */
	later.ip_dst = world_ip(ip_of(SERVER));
	assert_true(send_frame(world, HOST, SERVER, &later).arrived);
	world_close(world);
}

static void test_limits(void **state)
{
	struct core_limits limits = {.nat_ports_per_host = 128, .nat_connections_per_host = 1000, .connections_per_router = 1500};
	struct world *world = start(&limits);
	unsigned passed = 0;

	for (uint16_t i = 0; i < 200; i++)
		passed += send_udp(world, HOST, ip_of(REMOTE), REMOTE, (uint16_t)(10000 + i), 53).arrived;
	assert_int_equal(passed, 128);
	assert_int_equal(world_drops(world, INSIDE, "nat_ports"), 72);
	assert_true(send_udp(world, OTHER, ip_of(REMOTE), REMOTE, 10000, 53).arrived);
	/* One port, many connections: the host's own bound, and it is back when they have ended. */
	for (uint16_t i = 0; i < 1000; i++)
		(void)send_udp(world, HOST, ip_of(REMOTE), REMOTE, 10000, (uint16_t)(100 + i));
	assert_int_equal(world_drops(world, INSIDE, "nat_limit"), 1000 - (1000 - 128));
	world_pass(world, span_s(40));
	assert_true(send_udp(world, HOST, ip_of(REMOTE), REMOTE, 10190, 53).arrived);
	world_close(world);
}

/* More hosts than the address has blocks; blocks come back. */
static void test_blocks(void **state)
{
	struct world *world = start(NULL);
	struct nat_rule all = snat("0.0.0.0/0", "198.51.100.1", "198.51.100.1");
	unsigned passed = 0;

	rules(world, &all, 1);
	world_tap(world, 18, 1);
	for (unsigned round = 0; round < 2; round++) {
		passed = 0;
		for (uint32_t i = 0; i < NAT_BLOCKS + 40; i++) {
			struct frame frame = frame_to(18, ip_of(REMOTE), IP_PROTOCOL_UDP, 999, 53);

			frame.ip_src = ip_from_u32(0x0a010100 + i);
			passed += send_frame(world, 18, REMOTE, &frame).arrived;
		}
		assert_int_equal(passed, NAT_BLOCKS);
		world_pass(world, span_s(40));
	}
	world_close(world);
}

static void test_change(void **state)
{
	struct nat_rule list[] = {
		snat("10.0.0.0/8", "198.51.100.1", "198.51.100.1"), dnat(IP_PROTOCOL_TCP, "198.51.100.1", 2201, "10.1.0.12", 22)};
	struct world *world = start(NULL);
	struct seen out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 53);

	(void)send_tcp(world, REMOTE, "198.51.100.1", HOST, 4000, 2201, SYN);
	/* The forwarding goes elsewhere; what it had begun has ended, the others go on. */
	rules(world, list, COUNT_OF(list));
	assert_false(send_tcp(world, REMOTE, "198.51.100.1", HOST, 4000, 2201, ACK).arrived);
	assert_true(send_tcp(world, REMOTE, "198.51.100.1", OTHER, 4001, 2201, SYN).arrived);
	assert_true(send_udp(world, REMOTE, "198.51.100.1", HOST, 53, out.src_port).arrived);
	/* Another address, then none. */
	list[0] = snat("10.0.0.0/8", "198.51.100.7", "198.51.100.7");
	rules(world, list, COUNT_OF(list));
	assert_false(send_udp(world, REMOTE, "198.51.100.1", HOST, 53, out.src_port).arrived);
	out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 53);
	assert_true(out.arrived);
	assert_ip(out.src, "198.51.100.7");
	world_order(world, MSG_NAT_DEL, &(struct msg_id){ROUTER});
	out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 53);
	assert_true(out.arrived);
	assert_ip(out.src, ip_of(HOST));
	world_close(world);
}

/* Who speaks to a machine by its own address gets the answer from there. */
static void test_unchanged(void **state)
{
	struct world *world = start(NULL);
	struct seen out;

	assert_true(send_tcp(world, REMOTE, ip_of(OTHER), OTHER, 4000, 80, SYN).arrived);
	out = send_tcp(world, OTHER, ip_of(REMOTE), REMOTE, 80, 4000, SYN | ACK);
	assert_true(out.arrived);
	assert_ip(out.src, ip_of(OTHER));
	/* What can't begin a connection doesn't leave untranslated. */
	assert_false(send_tcp(world, OTHER, ip_of(REMOTE), REMOTE, 81, 4000, RST).arrived);
	assert_int_equal(world_drops(world, INSIDE, "nat_none"), 1);
	world_close(world);
}

static void test_bad_orders(void **state)
{
	struct world *world = start(NULL);
	struct msg_nat nat = {.id = ROUTER, .rule_count = 1, .rules = {snat("10.0.0.0/8", "198.51.100.9", "198.51.100.8")}};

	assert_true(world_try(world, MSG_NAT_SET, &nat) < 0);
	nat.rules[0] = snat("10.0.0.0/8", "198.51.0.0", "198.51.100.1");
	assert_true(world_try(world, MSG_NAT_SET, &nat) < 0);
	nat.rules[0] = snat("10.0.0.0/8", "198.51.100.1", "198.51.100.1");
	nat.rules[0].rif = 5;
	assert_true(world_try(world, MSG_NAT_SET, &nat) < 0);
	nat.id = 5;
	assert_true(world_try(world, MSG_NAT_SET, &nat) < 0);
	world_close(world);
}

/* RFC 6296's own example (section 2.2), and that every address comes back. */
static void test_prefix_address(void **state)
{
	static const char *const pairs[][2] = {
		{"fd01:203:405::/48", "2001:db8:1::/48"}, {"fd00::/32", "2001:db8::/32"}, {"fd01:203:405:7::/64", "2001:db8:1:9::/64"}};
	struct ip ip = world_ip("fd01:203:405:1::1234");

	assert_true(nat_prefix_address(prefix(pairs[0][0]), prefix(pairs[0][1]), &ip));
	assert_ip(ip, "2001:db8:1:d550::1234");
	for (unsigned i = 0; i < COUNT_OF(pairs); i++) {
		struct prefix inside = prefix(pairs[i][0]), outside = prefix(pairs[i][1]);

		for (uint32_t k = 0; k < 10000; k++) {
			struct ip before = inside.ip, there;

			wire_put_u32(before.bytes + 8, k * 2654435761u);
			wire_put_u16(before.bytes + 6, inside.length == 64 ? 7 : (uint16_t)(k * 40503u));
			there = before;
			if (!nat_prefix_address(inside, outside, &there))
				continue;
			assert_int_equal(checksum_fold(checksum_add(0, before.bytes, 16)), checksum_fold(checksum_add(0, there.bytes, 16)));
			assert_true(prefix_contains(outside, there));
			assert_true(nat_prefix_address(outside, inside, &there));
			assert_true(ip_equal(there, before));
		}
	}
}

static void test_prefix(void **state)
{
	struct nat_rule rule = {.kind = NAT_PREFIX, .rif = OUTSIDE, .match = prefix("fd01:203:405::/48"), .to = prefix("2001:db8:1::/48")};
	struct world *world = start(NULL);
	struct frame frame = {.src = world_mac(18),
		.dst = world_mac(INSIDE),
		.ip_src = world_ip("fd01:203:405:1::1234"),
		.ip_dst = world_ip("2001:db8:2::21"),
		.l4_src = 5,
		.l4_dst = 6};
	const struct sent *sent;

	rules(world, &rule, 1);
	world_tap(world, 18, 1);
	world_tap(world, 28, 2);
	world_route(world, ROUTER, "2001:db8:2::/48", OUTSIDE, "ff02::1");
	world_route(world, ROUTER, "fd01:203:405::/48", INSIDE, "ff02::1");
	for (unsigned i = 0; i < 3; i++) {
		world_clear(world);
		world_frame(world, 18, &frame);
		sent = world_first(world, 28);
		assert_non_null(sent);
		assert_ip(ip_from_bytes(IP_V6, sent->bytes + 14 + 8), "2001:db8:1:d550::1234");
	}
	frame = (struct frame){.src = world_mac(28),
		.dst = world_mac(OUTSIDE),
		.ip_src = world_ip("2001:db8:2::21"),
		.ip_dst = world_ip("2001:db8:1:d550::1234"),
		.l4_src = 6,
		.l4_dst = 5};
	world_clear(world);
	world_frame(world, 28, &frame);
	sent = world_first(world, 18);
	assert_non_null(sent);
	assert_ip(ip_from_bytes(IP_V6, sent->bytes + 14 + 24), "fd01:203:405:1::1234");
	/* A word that can't be told from its complement. */
	frame.ip_dst = world_ip("2001:db8:1:ffff::1");
	world_frame(world, 28, &frame);
	assert_int_equal(world_drops(world, OUTSIDE, "nat_untranslatable"), 1);
	world_close(world);
}

/* A rule that comes later: its ports aren't given out any more, not even from blocks that are in use. */
static void test_reserved_later(void **state)
{
	struct nat_rule list[] = {
		snat("10.0.0.0/8", "198.51.100.1", "198.51.100.1"), dnat(IP_PROTOCOL_UDP, "198.51.100.1", 0, "10.3.0.31", 0)};
	struct world *world = start(NULL);
	struct seen out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 80);
	uint16_t first = (uint16_t)(1024 + (out.src_port - 1024) / 64 * 64), kept = out.src_port;

	assert_true(out.arrived);
	list[1].port_first = first;
	list[1].port_last = (uint16_t)(first + 63);
	rules(world, list, COUNT_OF(list));
	out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, 5000, 80);
	assert_true(out.arrived && out.src_port == kept);
	for (uint16_t port = 5001; port < 5040; port++) {
		out = send_udp(world, HOST, ip_of(REMOTE), REMOTE, port, 80);
		assert_true(out.arrived);
		assert_true(out.src_port < first || out.src_port > first + 63);
	}
	world_close(world);
}

/* A frame that ends where its TCP header should begin: what lies behind it in memory is somebody else's. */
static void test_prefix_short(void **state)
{
	static uint8_t bytes[14 + 40 + 64];
	struct conn_tuple from = {.family = IP_V6}, to = {.family = IP_V6};
	struct nat_rewrite rewrite = {0};
	struct packet packet = {.data = bytes, .size = 14 + 40, .offload = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM}};

	for (unsigned fill = 0; fill <= 0xff; fill += 0xff) {
		memset(bytes, (int)fill, sizeof(bytes));
		wire_put_u16(bytes + 12, ETHERNET_IPV6);
		bytes[14] = 0x60;
		bytes[14 + 6] = IP_PROTOCOL_TCP;
		memcpy(from.src, world_ip("fd01:203:405:1::1234").bytes, 16);
		memcpy(to.src, world_ip("2001:db8:1:d550::1234").bytes, 16);
		rewrite = (struct nat_rewrite){0};
		packet.offload.flags = fill == 0 ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0;
		nat_rewrite_add(&rewrite, &from, &to);
		nat_rewrite_run(&packet, &rewrite);
		assert_memory_equal(bytes + 14 + 8, to.src, 16);
		for (unsigned i = packet.size; i < sizeof(bytes); i++)
			assert_int_equal(bytes[i], fill);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_source), cmocka_unit_test(test_udp), cmocka_unit_test(test_open_checksum),
		cmocka_unit_test(test_destination), cmocka_unit_test(test_static), cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_foreign_error), cmocka_unit_test(test_fragments), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_blocks), cmocka_unit_test(test_change), cmocka_unit_test(test_unchanged),
		cmocka_unit_test(test_bad_orders), cmocka_unit_test(test_prefix_address), cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_prefix_short), cmocka_unit_test(test_reserved_later)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
