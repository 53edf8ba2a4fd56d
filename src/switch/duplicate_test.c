/*
 * Tests of duplicate address detection (RFC 5227 2.1, RFC 4862 5.4): who asks whether an address is in use hears the truth from the router
 * and from the machine that has it, nobody answers for a free one, and asking leaves no trace in a table.
 */
#include "../../test/lib/core_world.h"

#include "net/arp.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Network 1: machines 11 and 12, a TAP 18, router 100. */
static struct world *open_world(void)
{
	struct world *world = world_open(NULL);
	struct msg_rif rif = {.id = 101, .router = 100, .network = 1, .up = true, .mtu = 1500, .mac = world_mac(101), .address_count = 2};

	rif.addresses[0] = (struct prefix){world_ip("10.1.0.1"), 24};
	rif.addresses[1] = (struct prefix){world_ip("2001:db8:1::1"), 64};
	world_network(world, 1, "10.1.0.0/24");
	world_router(world, 100);
	world_order(world, MSG_RIF_SET, &rif);
	world_grouped(world, 11, 1, "10.1.0.11", "2001:db8:1::11", NULL);
	world_grouped(world, 12, 1, "10.1.0.12", "2001:db8:1::12", NULL);
	world_tap(world, 18, 1);
	world_clear(world);
	return world;
}

/* An ARP probe: the sender has no address yet. */
static void probe(struct world *world, uint32_t port, const char *ip)
{
	uint8_t bytes[64];

	world_clear(world);
	world_bytes(world, port, bytes, frame_arp(bytes, true, world_mac(port), world_ip("0.0.0.0"), (struct mac){{0}}, world_ip(ip)));
}

/* The solicitation of a host that has no address yet, without an option that would name its MAC. */
static void solicit(struct world *world, uint32_t port, const char *ip)
{
	struct ip target = world_ip(ip), group = ipv6_solicited_node(target);
	struct frame frame = {.src = world_mac(port),
		.dst = mac_of_multicast(group),
		.ip_src = world_ip("::"),
		.ip_dst = group,
		.protocol = IP_PROTOCOL_ICMPV6,
		.ttl = 255,
		.l4_src = ICMPV6_NEIGHBOR_SOLICITATION,
		.payload_bytes = 16};
	uint8_t bytes[2048], *icmp = bytes + ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES;
	unsigned size = frame_build(&frame, bytes);

	memset(icmp + 2, 0, 6);
	memcpy(icmp + 8, target.bytes, 16);
	wire_put_u16(icmp + 2, checksum_fold(checksum_add(checksum_pseudo(frame.ip_src, frame.ip_dst, IP_PROTOCOL_ICMPV6, ND_MESSAGE_BYTES),
				       icmp, ND_MESSAGE_BYTES)));
	world_clear(world);
	world_bytes(world, port, bytes, size);
}

static unsigned neighbors(struct world *world)
{
	world_clear(world);
	(void)core_show(world->core, PROCESS_CTL, 1, &(struct msg_show){.what = SHOW_ARP}, world->now, NULL);
	return world_told_count(world, MSG_ROW_ARP);
}

static void test_arp_probe(void **state)
{
	static const uint32_t askers[] = {11, 18};
	struct world *world = open_world();
	unsigned before = neighbors(world);
	const struct arp_packet *arp;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		/* The router's: it answers, to the asker alone, who has no address. */
		probe(world, askers[i], "10.1.0.1");
		assert_int_equal(world_count(world, askers[i]), 1);
		arp = (const struct arp_packet *)(world_first(world, askers[i])->bytes + ETHERNET_HEADER_BYTES);
		assert_int_equal(wire_get_u16(arp->operation), ARP_REPLY);
		assert_memory_equal(arp->sender_mac.bytes, world_mac(101).bytes, 6);
		assert_memory_equal(arp->sender_ip, world_ip("10.1.0.1").bytes, 4);
		assert_memory_equal(arp->target_ip, world_ip("0.0.0.0").bytes, 4);
		/* A machine's: the question reaches it, and nobody speaks in its place. */
		probe(world, askers[i], "10.1.0.12");
		assert_int_equal(world_count(world, 12), 1);
		assert_int_equal(world_count(world, askers[i]), 0);
		/* Nobody's, and the asker's own. */
		probe(world, askers[i], "10.1.0.99");
		assert_int_equal(world_count(world, askers[i]), 0);
		probe(world, askers[i], "10.1.0.11");
		assert_int_equal(world_count(world, askers[i]), 0);
	}
	/* The machine's answer arrives. */
	{
		uint8_t bytes[64];

		world_clear(world);
		world_bytes(world, 12, bytes,
			frame_arp(bytes, false, world_mac(12), world_ip("10.1.0.12"), world_mac(11), world_ip("0.0.0.0")));
		assert_int_equal(world_count(world, 11), 1);
	}
	assert_int_equal(neighbors(world), before);
	world_close(world);
}

static void test_nd_probe(void **state)
{
	struct world *world = open_world();
	unsigned before = neighbors(world);
	const uint8_t *icmp;

	(void)state;
	solicit(world, 11, "2001:db8:1::1");
	/* RFC 4861 7.2.4: to all nodes, not as solicited, and with the MAC. */
	assert_int_equal(world_count(world, 11), 1);
	icmp = world_first(world, 11)->bytes + ETHERNET_HEADER_BYTES + IPV6_HEADER_BYTES;
	assert_int_equal(icmp[0], ICMPV6_NEIGHBOR_ADVERTISEMENT);
	assert_int_equal(icmp[4] & ND_FLAG_SOLICITED, 0);
	assert_memory_equal(icmp + 8, world_ip("2001:db8:1::1").bytes, 16);
	assert_memory_equal(icmp + ND_MESSAGE_BYTES + 2, world_mac(101).bytes, 6);
	assert_memory_equal(world_first(world, 11)->bytes + 38, ipv6_all_nodes().bytes, 16);
	solicit(world, 11, "2001:db8:1::12");
	assert_int_equal(world_count(world, 12), 1);
	assert_int_equal(world_count(world, 11), 0);
	solicit(world, 11, "2001:db8:1::99");
	assert_int_equal(world_count(world, 11), 0);
	assert_int_equal(neighbors(world), before);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_arp_probe), cmocka_unit_test(test_nd_probe)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
