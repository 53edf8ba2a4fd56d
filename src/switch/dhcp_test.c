/* Tests of the DHCP server: the exchange of a client, what is refused, what a machine can't get from it. */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "net/checksum.h"
#include "net/dhcp_packet.h"
#include "net/ethernet.h"
#include "net/ipv4.h"
#include "net/udp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Network 1 with DHCP, machines 11 and 12, TAP 18; the server's address is nobody's or (with `router`) an interface's. */
static struct world *open_world(bool router)
{
	struct world *world = world_open(NULL);
	struct msg_network network = {
		.id = 1, .kind = NETWORK_SEGMENT, .up = true, .dhcp = true, .mtu = 1450, .subnet_count = 1, .lease_s = 600};

	network.subnets[0] = (struct prefix){world_ip("10.1.0.0"), 24};
	network.dhcp_server = network.gateway = world_ip("10.1.0.1");
	world_order(world, MSG_NETWORK_SET, &network);
	if (router) {
		world_router(world, 100);
		world_rif(world, 101, 100, 1, "10.1.0.1/24");
	}
	world_port(world, 11, 1, "10.1.0.11");
	world_port(world, 12, 1, "10.1.0.12");
	world_tap(world, 18, 1);
	world_clear(world);
	return world;
}

struct client {
	uint32_t port;
	uint32_t mac;
	const char *from, *to;
	struct mac eth_dst;
	uint8_t type;
	const char *ciaddr, *requested, *server;
	bool broadcast;
};

/* A client's packet into the world. */
static void client_says(struct world *world, const struct client *client)
{
	struct frame frame = {.src = world_mac(client->mac), .l4_src = 68, .l4_dst = 67, .payload_bytes = 300};
	struct ip address;
	uint8_t bytes[2048], *dhcp = bytes + 42, *option = dhcp + 240;
	unsigned size;

	frame.dst = mac_is_zero(client->eth_dst) ? MAC_BROADCAST : client->eth_dst;
	frame.ip_src = world_ip(client->from ? client->from : "0.0.0.0");
	frame.ip_dst = world_ip(client->to ? client->to : "255.255.255.255");
	size = frame_build(&frame, bytes);
	memset(dhcp, 0, 300);
	dhcp[0] = dhcp[1] = 1;
	dhcp[2] = 6;
	wire_put_u16(dhcp + 10, client->broadcast ? 0x8000 : 0);
	if (client->ciaddr != NULL) {
		address = world_ip(client->ciaddr);
		memcpy(dhcp + 12, address.bytes, 4);
	}
	memcpy(dhcp + 28, frame.src.bytes, 6);
	wire_put_u32(dhcp + 236, 0x63825363);
	memcpy(option, (const uint8_t[]){53, 1, client->type}, 3);
	option += 3;
	for (int i = 0; i < 2; i++) {
		const char *text = i == 0 ? client->requested : client->server;

		if (text == NULL)
			continue;
		address = world_ip(text);
		*option++ = i == 0 ? 50 : 54;
		*option++ = 4;
		memcpy(option, address.bytes, 4);
		option += 4;
	}
	*option = 255;
	world_clear(world);
	world_bytes(world, client->port, bytes, size);
}

/* The server's only answer: its type, 0 when there is none. Checks headers, checksums and where it went. */
static uint8_t answer(struct world *world, uint32_t port, uint32_t *yiaddr)
{
	const struct sent *sent = world_first(world, port);
	const struct ipv4_header *ip;
	uint32_t sum;

	if (world->sent_count == 0)
		return 0;
	assert_int_equal(world->sent_count, 1);
	assert_non_null(sent);
	ip = (const struct ipv4_header *)(sent->bytes + 14);
	assert_int_equal(checksum_fold(checksum_add(0, ip, 20)), 0);
	sum = checksum_pseudo(ip_from_bytes(IP_V4, ip->source), ip_from_bytes(IP_V4, ip->destination), IP_PROTOCOL_UDP, sent->size - 34);
	assert_int_equal(checksum_fold(checksum_add(sum, sent->bytes + 34, sent->size - 34)), 0);
	assert_int_equal(wire_get_u16(sent->bytes + 34), 67);
	assert_int_equal(wire_get_u16(sent->bytes + 36), 68);
	*yiaddr = wire_get_u32(sent->bytes + 42 + 16);
	assert_memory_equal(sent->bytes + 42 + 240, "\x35\x01", 2);
	return sent->bytes[42 + 242];
}

static void exchange(bool router)
{
	struct world *world = open_world(router);
	struct client client = {.port = 11, .mac = 11, .type = DHCP_DISCOVER};
	struct msg_show show = {.what = SHOW_DHCP};
	const struct row_dhcp *row;
	struct err err;
	uint32_t yiaddr = 0;

	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_OFFER);
	assert_int_equal(yiaddr, 0x0a01000b);
	assert_memory_equal(world_first(world, 11)->bytes, world_mac(11).bytes, 6);
	client.broadcast = true;
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_OFFER);
	assert_memory_equal(world_first(world, 11)->bytes, MAC_BROADCAST.bytes, 6);
	client = (struct client){.port = 11, .mac = 11, .type = DHCP_REQUEST, .requested = "10.1.0.11", .server = "10.1.0.1"};
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_ACK);
	assert_int_equal(world_told_count(world, MSG_LEASED), 1);
	/* Renewing, by unicast to the server: no second event. */
	client = (struct client){.port = 11, .mac = 11, .from = "10.1.0.11", .to = "10.1.0.1", .type = DHCP_REQUEST, .ciaddr = "10.1.0.11"};
	client.eth_dst = router ? world_mac(101) : (struct mac){{2, 0x57, 0, 0, 0, 1}};
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_ACK);
	assert_int_equal(world_told_count(world, MSG_LEASED), 0);
	world_clear(world);
	assert_int_equal(core_show(world->core, PROCESS_CTL, 1, &show, world->now, &err), 0);
	row = world_told(world, MSG_ROW_DHCP, 0);
	assert_non_null(row);
	assert_int_equal(row->port, 11);
	assert_int_equal(row->remaining_s, 600);
	client.type = DHCP_RELEASE;
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), 0);
	assert_int_equal(core_show(world->core, PROCESS_CTL, 1, &show, world->now, &err), 0);
	assert_int_equal(world_told_count(world, MSG_ROW_DHCP), 0);
	/* Who finds the address in use gives it back, which is counted, and gets it again: the model has it for nobody else. */
	client.type = DHCP_DECLINE;
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), 0);
	assert_int_equal(world_drops(world, 11, "dhcp_declined"), 1);
	client.type = DHCP_INFORM;
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_ACK);
	assert_int_equal(yiaddr, 0);
	world_close(world);
}

static void test_exchange(void **state) { exchange(false); }
static void test_exchange_with_router(void **state) { exchange(true); }

static void test_refused(void **state)
{
	struct world *world = open_world(false);
	struct client client = {.port = 11, .mac = 11, .type = DHCP_REQUEST, .requested = "10.1.0.12"};
	uint32_t yiaddr;

	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_NAK);
	assert_memory_equal(world_first(world, 11)->bytes, MAC_BROADCAST.bytes, 6);
	client = (struct client){.port = 11, .mac = 11, .type = DHCP_REQUEST, .requested = "10.1.0.11", .server = "10.1.0.99"};
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), 0);
	assert_int_equal(world_drops(world, 11, "dhcp_not_ours"), 1);
	client = (struct client){.port = 11, .mac = 12, .type = DHCP_DISCOVER};
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), 0);
	assert_int_equal(world_drops(world, 11, "mac_spoofed"), 1);
	client = (struct client){.port = 11, .mac = 11, .type = 77};
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), 0);
	assert_int_equal(world_drops(world, 11, "dhcp_malformed"), 1);
	client.type = DHCP_DISCOVER;
	for (int i = 0; i < 100; i++)
		client_says(world, &client);
	assert_true(world_drops(world, 11, "dhcp_limit") > 70);
	/* Another port isn't held back by that one. */
	client = (struct client){.port = 12, .mac = 12, .type = DHCP_DISCOVER};
	client_says(world, &client);
	assert_int_equal(answer(world, 12, &yiaddr), DHCP_OFFER);
	assert_int_equal(yiaddr, 0x0a01000c);
	world_close(world);
}

static void test_others_are_not_served(void **state)
{
	struct world *world = open_world(false);
	struct client client = {.port = 18, .mac = 0x99, .type = DHCP_DISCOVER};
	uint8_t bytes[64];

	/* Behind a TAP may be a server of its own: the broadcast passes. */
	client_says(world, &client);
	assert_int_equal(world_count(world, 11), 1);
	assert_int_equal(world_count(world, 12), 1);
	assert_int_equal(world_count(world, 18), 0);
	/* The server answers ARP for its address, for its clients. */
	world_clear(world);
	world_bytes(
		world, 11, bytes, frame_arp(bytes, true, world_mac(11), world_ip("10.1.0.11"), (struct mac){{0}}, world_ip("10.1.0.1")));
	assert_int_equal(world->sent_count, 1);
	assert_memory_equal(world_first(world, 11)->bytes + 6, ((const uint8_t[]){2, 0x57, 0, 0, 0, 1}), 6);
	assert_memory_equal(world_first(world, 11)->bytes + 28, world_ip("10.1.0.1").bytes, 4);
	world_close(world);
}

static const uint8_t *option_of(const struct sent *sent, uint8_t code)
{
	const uint8_t *at = sent->bytes + 42 + 240;

	while (at < sent->bytes + sent->size && *at != 255 && *at != code)
		at += *at == 0 ? 1 : 2 + at[1];
	return at < sent->bytes + sent->size && *at == code ? at + 1 : NULL;
}

/* What the model tells machines besides their addresses. */
static void test_told(void **state)
{
	struct world *world = open_world(false);
	struct client client = {.port = 11, .mac = 11, .type = DHCP_DISCOVER};
	struct msg_network network = {
		.id = 1, .kind = NETWORK_SEGMENT, .up = true, .dhcp = true, .dns = true, .mtu = 1450, .subnet_count = 1};
	uint32_t yiaddr;

	network.subnets[0] = (struct prefix){world_ip("10.1.0.0"), 24};
	network.dhcp_server = network.gateway = world_ip("10.1.0.1");
	network.name_server_count = network.ntp_server_count = network.route_count = 1;
	network.name_servers[0].ip = world_ip("10.1.0.53");
	network.ntp_servers[0].ip = world_ip("10.1.0.2");
	network.routes[0] = (struct guest_route){{world_ip("10.0.0.0"), 8}, world_ip("10.1.0.2")};
	network.next_server = world_ip("10.1.0.3");
	(void)snprintf(network.bootfile, sizeof(network.bootfile), "pxe.0");
	world_order(world, MSG_NETWORK_SET, &network);
	client_says(world, &client);
	assert_int_equal(answer(world, 11, &yiaddr), DHCP_OFFER);
	assert_memory_equal(option_of(world_first(world, 11), 6), "\x08\x0a\1\0\1\x0a\1\0\x35", 9);
	assert_memory_equal(option_of(world_first(world, 11), 26), "\2\x05\xdc", 3);
	assert_memory_equal(option_of(world_first(world, 11), 42), "\4\x0a\1\0\2", 5);
	assert_memory_equal(option_of(world_first(world, 11), 67), "\5pxe.0", 6);
	assert_memory_equal(option_of(world_first(world, 11), 121), "\x0b\x08\x0a\x0a\1\0\2\0\x0a\1\0\1", 12);
	assert_memory_equal(world_first(world, 11)->bytes + 42 + 20, world_ip("10.1.0.3").bytes, 4);
	assert_memory_equal(world_first(world, 11)->bytes + 42 + 108, "pxe.0", 6);
	world_close(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_exchange_with_router),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_others_are_not_served),
		cmocka_unit_test(test_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
