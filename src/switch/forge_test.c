/*
 * Test of what a machine can pretend: each kind of forgery, a thousand times, with random details. Nobody else may receive a frame of it,
 * and no table may change by it.
 */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "base/rand.h"
#include "net/checksum.h"
#include "net/dhcp_packet.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAMES 1000

/* Network 1: the forger 11, its victims 12 and 13, a TAP with a host 18, router 100; network 2 behind it: machine 21. */
static struct world *start(void)
{
	struct world *world = world_open(NULL);
	struct msg_rif rif = {.id = 101, .router = 100, .network = 1, .up = true, .mac = world_mac(101), .address_count = 2};
	uint8_t arp[64];

	rif.addresses[0] = (struct prefix){world_ip("10.1.0.1"), 24};
	rif.addresses[1] = (struct prefix){world_ip("2001:db8:1::1"), 64};
	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	world_router(world, 100);
	world_order(world, MSG_RIF_SET, &rif);
	world_route(world, 100, "10.1.0.0/24", 101, NULL);
	world_rif(world, 102, 100, 2, "10.2.0.1/24");
	world_grouped(world, 11, 1, "10.1.0.11", "2001:db8:1::11", NULL);
	world_grouped(world, 12, 1, "10.1.0.12", "2001:db8:1::12", NULL);
	world_grouped(world, 13, 1, "10.1.0.13", NULL, NULL);
	world_tap(world, 18, 1);
	world_grouped(world, 21, 2, "10.2.0.21", NULL, NULL);
	world_bytes(world, 18, arp, frame_arp(arp, true, world_mac(18), world_ip("10.1.0.18"), (struct mac){{0}}, ip_from_u32(0x0a010001)));
	world_clear(world);
	return world;
}

/* What is forged: the frame is right but for one thing. */
struct forgery {
	const char *name;
	unsigned (*make)(struct rand *rand, uint8_t *out);
};

static struct frame honest(void)
{
	return (struct frame){.src = world_mac(11),
		.dst = world_mac(12),
		.ip_src = world_ip("10.1.0.11"),
		.ip_dst = world_ip("10.1.0.12"),
		.protocol = IP_PROTOCOL_UDP,
		.l4_src = 1000,
		.l4_dst = 2000};
}

static struct frame honest6(uint8_t type)
{
	struct frame frame = honest();

	frame.ip_src = world_ip("2001:db8:1::11");
	frame.ip_dst = world_ip("2001:db8:1::12");
	frame.protocol = IP_PROTOCOL_ICMPV6;
	frame.l4_src = type;
	frame.l4_dst = 0;
	frame.ttl = 255;
	return frame;
}

static struct mac other_mac(struct rand *rand)
{
	static const uint32_t known[] = {12, 13, 18, 101};

	return rand_below(rand, 2) ? world_mac(known[rand_below(rand, COUNT_OF(known))])
				   : world_mac(0x100000 + (uint32_t)rand_below(rand, 60000));
}

static struct ip other_ip(struct rand *rand)
{
	static const char *const known[] = {"10.1.0.12", "10.1.0.13", "10.1.0.1", "10.2.0.21", "10.1.0.255", "192.0.2.9"};

	return rand_below(rand, 2) ? world_ip(known[rand_below(rand, COUNT_OF(known))])
				   : ip_from_u32(0x0a010020 + (uint32_t)rand_below(rand, 200));
}

static struct ip other_ip6(struct rand *rand)
{
	static const char *const known[] = {"2001:db8:1::12", "2001:db8:1::1", "2001:db8:1::77", "2001:db8:9::1"};

	return world_ip(known[rand_below(rand, COUNT_OF(known))]);
}

/* The ICMPv6 checksum, after its bytes were written: over all of the payload. */
static void sum_icmpv6(uint8_t *out, const struct frame *frame, unsigned bytes)
{
	uint8_t *icmp = out + ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES;
	uint32_t sum = checksum_pseudo(frame->ip_src, frame->ip_dst, IP_PROTOCOL_ICMPV6, bytes);

	memset(icmp + 2, 0, 2);
	wire_put_u16(icmp + 2, checksum_fold(checksum_add(sum, icmp, bytes)));
}

/* Neighbor talk with a target and the option that names a MAC. */
static unsigned make_nd(uint8_t type, struct ip target, uint8_t option, struct mac mac, uint8_t *out)
{
	struct frame frame = honest6(type);
	uint8_t *icmp = out + ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES;
	unsigned size;

	frame.payload_bytes = 24;
	size = frame_build(&frame, out);
	memset(icmp + 4, 0, 28);
	memcpy(icmp + 8, target.bytes, 16);
	icmp[24] = option;
	icmp[25] = 1;
	memcpy(icmp + 26, mac.bytes, 6);
	sum_icmpv6(out, &frame, 32);
	return size;
}

static unsigned make_mac(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest();

	frame.src = other_mac(rand);
	frame.dst = rand_below(rand, 2) ? MAC_BROADCAST : world_mac(12);
	return frame_build(&frame, out);
}

static unsigned make_ipv4(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest();

	frame.ip_src = other_ip(rand);
	frame.dst = rand_below(rand, 2) ? world_mac(101) : world_mac(12);
	return frame_build(&frame, out);
}

static unsigned make_ipv6(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest6(ICMPV6_ECHO_REQUEST);

	frame.ip_src = other_ip6(rand);
	return frame_build(&frame, out);
}

static unsigned make_arp_sender(struct rand *rand, uint8_t *out)
{
	return frame_arp(out, rand_below(rand, 2), world_mac(11), other_ip(rand), world_mac(12), world_ip("10.1.0.12"));
}

static unsigned make_arp_gratuitous(struct rand *rand, uint8_t *out)
{
	struct ip ip = other_ip(rand);

	return frame_arp(out, rand_below(rand, 2), world_mac(11), ip, rand_below(rand, 2) ? MAC_BROADCAST : (struct mac){{0}}, ip);
}

static unsigned make_arp_mac(struct rand *rand, uint8_t *out)
{
	unsigned size = frame_arp(out, false, world_mac(11), world_ip("10.1.0.11"), world_mac(12), world_ip("10.1.0.12"));
	struct mac mac = other_mac(rand);

	memcpy(out + ETHERNET_HEADER_BYTES + 8, mac.bytes, 6);
	return size;
}

static unsigned make_na(struct rand *rand, uint8_t *out)
{
	return make_nd(ICMPV6_NEIGHBOR_ADVERTISEMENT, other_ip6(rand), ND_OPTION_TARGET_MAC, world_mac(11), out);
}

static unsigned make_na_mac(struct rand *rand, uint8_t *out)
{
	return make_nd(ICMPV6_NEIGHBOR_ADVERTISEMENT, world_ip("2001:db8:1::11"), ND_OPTION_TARGET_MAC, other_mac(rand), out);
}

static unsigned make_ns(struct rand *rand, uint8_t *out)
{
	return make_nd(ICMPV6_NEIGHBOR_SOLICITATION, world_ip("2001:db8:1::12"), ND_OPTION_SOURCE_MAC, other_mac(rand), out);
}

static unsigned make_ra(struct rand *rand, uint8_t *out)
{
	return make_nd(rand_below(rand, 2) ? ICMPV6_ROUTER_ADVERTISEMENT : ICMPV6_REDIRECT, other_ip6(rand), ND_OPTION_SOURCE_MAC,
		world_mac(11), out);
}

static unsigned make_dhcp_server(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest();

	frame.l4_src = UDP_PORT_DHCP_SERVER;
	frame.l4_dst = UDP_PORT_DHCP_CLIENT;
	frame.payload_bytes = 300;
	frame.dst = rand_below(rand, 2) ? MAC_BROADCAST : world_mac(12);
	return frame_build(&frame, out);
}

static unsigned make_dhcpv6_server(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest6(0);

	frame.protocol = IP_PROTOCOL_UDP;
	frame.l4_src = 547;
	frame.l4_dst = 546;
	return frame_build(&frame, out);
}

/* A DHCP client's message that asks for another machine. */
static unsigned make_chaddr(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest();
	struct mac mac = other_mac(rand);
	unsigned size;

	frame.l4_src = UDP_PORT_DHCP_CLIENT;
	frame.l4_dst = UDP_PORT_DHCP_SERVER;
	frame.ip_src = ip_from_u32(0);
	frame.ip_dst = ip_from_u32(UINT32_MAX);
	frame.dst = MAC_BROADCAST;
	frame.payload_bytes = 300;
	size = frame_build(&frame, out);
	memcpy(out + ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES + UDP_HEADER_BYTES + 28, mac.bytes, 6);
	return size;
}

static unsigned make_vlan(struct rand *rand, uint8_t *out)
{
	struct frame frame = honest();
	uint8_t bytes[2048];
	unsigned size = frame_build(&frame, bytes), tags = 1 + (unsigned)rand_below(rand, 2);

	memcpy(out, bytes, 12);
	for (unsigned i = 0; i < tags; i++) {
		wire_put_u16(out + 12 + 4 * i, i + 1 < tags ? ETHERNET_QINQ : ETHERNET_VLAN);
		wire_put_u16(out + 14 + 4 * i, (uint16_t)rand_below(rand, 4096));
	}
	memcpy(out + 12 + 4 * tags, bytes + 12, size - 12);
	return size + 4 * tags;
}

/* A router advertisement behind a fragment header; whole, cut, or with another header in between (RFC 7113). */
static unsigned make_fragmented_nd(struct rand *rand, uint8_t *out)
{
	uint8_t bytes[2048], between = (uint8_t)rand_below(rand, 3) == 0 ? IP_PROTOCOL_DSTOPTS : IP_PROTOCOL_FRAGMENT;
	uint8_t type = rand_below(rand, 2) ? ICMPV6_ROUTER_ADVERTISEMENT : ICMPV6_NEIGHBOR_ADVERTISEMENT;
	unsigned size = make_nd(type, other_ip6(rand), ND_OPTION_TARGET_MAC, world_mac(11), bytes), head = 14 + 40;
	unsigned payload = size - head, cut = rand_below(rand, 2) ? payload : (unsigned)rand_below(rand, payload);

	if (between == IP_PROTOCOL_DSTOPTS)
		cut = (unsigned)rand_below(rand, 8);
	memcpy(out, bytes, head);
	out[14 + 6] = IP_PROTOCOL_FRAGMENT;
	wire_put_u16(out + 14 + 4, (uint16_t)(8 + cut));
	memset(out + head, 0, 8);
	out[head] = between == IP_PROTOCOL_DSTOPTS ? IP_PROTOCOL_DSTOPTS : IP_PROTOCOL_ICMPV6;
	out[head + 3] = 1;
	memcpy(out + head + 8, bytes + head, cut);
	if (between == IP_PROTOCOL_DSTOPTS && cut > 0)
		out[head + 8] = IP_PROTOCOL_ICMPV6;
	return head + 8 + cut;
}

static unsigned make_bridge_talk(struct rand *rand, uint8_t *out)
{
	memset(out, 0, 64);
	memcpy(out, (const uint8_t[]){0x01, 0x80, 0xc2, 0, 0, (uint8_t)rand_below(rand, 16)}, 6);
	memcpy(out + 6, world_mac(11).bytes, 6);
	wire_put_u16(out + 12, rand_below(rand, 2) ? 0x88cc : 38);
	return 64;
}

/* Tunnels and routing protocols in another's name. */
static unsigned make_from_other(struct rand *rand, uint8_t *out, uint8_t protocol, uint16_t port, const char *group)
{
	struct frame frame = honest();

	do
		frame.ip_src = other_ip(rand);
	while (ip_equal(frame.ip_src, honest().ip_src));
	frame.protocol = protocol;
	frame.l4_dst = port;
	if (group != NULL && rand_below(rand, 2)) {
		frame.ip_dst = world_ip(group);
		frame.dst = mac_of_multicast(frame.ip_dst);
	}
	return frame_build(&frame, out);
}

static unsigned make_vxlan(struct rand *rand, uint8_t *out) { return make_from_other(rand, out, IP_PROTOCOL_UDP, 4789, NULL); }
static unsigned make_ospf(struct rand *rand, uint8_t *out) { return make_from_other(rand, out, IP_PROTOCOL_OSPF, 0, "224.0.0.5"); }
static unsigned make_bfd(struct rand *rand, uint8_t *out) { return make_from_other(rand, out, IP_PROTOCOL_UDP, 3784, NULL); }

static const struct forgery forgeries[] = {{"MAC", make_mac}, {"IPv4", make_ipv4}, {"IPv6", make_ipv6}, {"ARP sender", make_arp_sender},
	{"gratuitous ARP", make_arp_gratuitous}, {"ARP MAC", make_arp_mac}, {"NA", make_na}, {"NA MAC", make_na_mac}, {"NS", make_ns},
	{"RA and redirect", make_ra}, {"DHCP server", make_dhcp_server}, {"DHCPv6 server", make_dhcpv6_server}, {"chaddr", make_chaddr},
	{"VLAN", make_vlan}, {"fragmented ND", make_fragmented_nd}, {"LLDP and BPDU", make_bridge_talk}, {"VXLAN", make_vxlan},
	{"OSPF", make_ospf}, {"BFD", make_bfd}};

/* All rows of the tables of MACs and neighbors, but for their ages. */
static unsigned tables(struct world *world, uint64_t *sum)
{
	static const enum show_what questions[] = {SHOW_MAC, SHOW_ARP};
	unsigned rows = 0;

	*sum = 0;
	for (unsigned q = 0; q < COUNT_OF(questions); q++) {
		world_clear(world);
		(void)core_show(world->core, PROCESS_CTL, 1, &(struct msg_show){.what = (uint8_t)questions[q]}, world->now, NULL);
		for (unsigned i = 0; i < world_told_count(world, MSG_ROW_MAC); i++, rows++) {
			const struct row_mac *row = world_told(world, MSG_ROW_MAC, i);

			*sum += row->port * 31u + row->mac.bytes[5] + row->mac.bytes[3] * 7u;
		}
		for (unsigned i = 0; i < world_told_count(world, MSG_ROW_ARP); i++, rows++) {
			const struct row_arp *row = world_told(world, MSG_ROW_ARP, i);

			*sum += row->rif * 131u + row->ip.bytes[3] * 17u + row->ip.bytes[15] * 19u + row->mac.bytes[5];
		}
	}
	world_clear(world);
	return rows;
}

static void test_forgeries(void **state)
{
	const char *wanted = getenv("SEED");
	uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : rand_kernel_seed(), before, after;
	struct rand rand = rand_seeded(seed);
	struct world *world = start();
	struct frame frame = honest();

	printf("seed %llu\n", (unsigned long long)seed);
	/* The honest frame arrives. */
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	for (unsigned k = 0; k < COUNT_OF(forgeries); k++) {
		unsigned rows = tables(world, &before), received = 0;

		for (int i = 0; i < FRAMES; i++) {
			uint8_t bytes[2048];
			unsigned size = forgeries[k].make(&rand, bytes);

			/* Ports that are set anew and ones that come meanwhile make no gap. */
			if (i % 100 == 50)
				world_grouped(world, 12, 1, "10.1.0.12", "2001:db8:1::12", NULL);
			world_bytes(world, 11, bytes, size);
			for (unsigned s = 0; s < world->sent_count; s++)
				received += world->sent[s].port != 11;
			world_clear(world);
		}
		if (received > 0 || tables(world, &after) != rows || before != after)
			fail_msg("%s: %u frames received by others, tables %s", forgeries[k].name, received,
				before == after ? "unchanged" : "changed");
	}
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 12), 1);
	world_close(world);
}

/* Who is behind a TAP may be anyone, but no machine of the model and no router. */
static void test_tap(void **state)
{
	struct world *world = start();
	struct frame frame = honest();
	uint8_t bytes[2048];

	frame.src = world_mac(18);
	frame.ip_src = world_ip("10.1.0.13");
	world_frame(world, 18, &frame);
	assert_int_equal(world->sent_count, 0);
	frame.ip_src = world_ip("10.1.0.99");
	world_frame(world, 18, &frame);
	assert_int_equal(world_count(world, 12), 1);
	world_clear(world);
	world_bytes(world, 18, bytes, frame_arp(bytes, false, world_mac(18), world_ip("10.1.0.1"), world_mac(12), world_ip("10.1.0.12")));
	assert_int_equal(world->sent_count, 0);
	(void)make_nd(ICMPV6_NEIGHBOR_ADVERTISEMENT, world_ip("2001:db8:1::1"), ND_OPTION_TARGET_MAC, world_mac(18), bytes);
	memcpy(bytes + 6, world_mac(18).bytes, 6);
	memcpy(bytes + 14 + 8, world_ip("2001:db8:1::18").bytes, 16);
	world_bytes(world, 18, bytes, 14 + 40 + 32);
	assert_int_equal(world->sent_count, 0);
	assert_int_equal(world_drops(world, 18, "ip_spoofed"), 1);
	assert_int_equal(world_drops(world, 18, "arp_spoofed"), 1);
	assert_int_equal(world_drops(world, 18, "nd_spoofed"), 1);
	world_close(world);
}

static void test_storm(void **state)
{
	struct world *world = start();
	struct msg_network network = {.id = 1, .kind = NETWORK_SEGMENT, .up = true, .mtu = 1500, .storm_limit = 100};
	struct frame frame = honest();

	network.subnets[network.subnet_count++] = (struct prefix){world_ip("10.1.0.0"), 24};
	world_order(world, MSG_NETWORK_SET, &network);
	frame.dst = MAC_BROADCAST;
	frame.ip_dst = world_ip("10.1.0.255");
	for (int i = 0; i < 1000; i++)
		world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 13), 100);
	assert_int_equal(world_drops(world, 11, "storm_limit"), 900);
	/* Others' and other kinds have their own measure, and time gives it back. */
	frame.dst = (struct mac){{0x01, 0x00, 0x5e, 1, 2, 3}};
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 13), 101);
	world_pass(world, span_s(1));
	frame.dst = MAC_BROADCAST;
	world_frame(world, 11, &frame);
	assert_int_equal(world_count(world, 13), 102);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forgeries), cmocka_unit_test(test_tap), cmocka_unit_test(test_storm)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
