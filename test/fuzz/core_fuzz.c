/*
 * Any frames, with any offloads, into a small topology with the flow cache on: whatever guests send, nothing breaks and nothing reaches the
 * network that nothing leads to. An input is a row of acts: a byte that says what, then its arguments.
 */
#include "../lib/core_world.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/reader.h"
#include "net/ipv4.h"
#include "switch/offload.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const uint32_t ports[] = {1, 2, 3, 4, 5};

/* Machine 1 and TAP 2 - network 1 - router 100 - link 2 - router 200 - network 3 - machine 3 and TAP 4. Alone: network 9, TAP 9; machine 5.
 */
static struct world *build(void)
{
	struct core_limits limits = {.macs_per_network = 16, .macs_per_port = 8, .neighbors_per_rif = 8, .flows = 32};
	struct msg_network network = {.id = 1, .kind = NETWORK_SEGMENT, .up = true, .dhcp = true, .mtu = 1500, .subnet_count = 1};
	struct msg_punt_rule rule = {.router = 100, .protocol = IP_PROTOCOL_UDP, .add = true, .port = 520, .group = world_ip("224.0.0.9")};
	struct world *world;

	hash_set_secret(1);
	world = world_open(&limits);
	network.subnets[0] = (struct prefix){world_ip("10.1.0.0"), 24};
	network.dhcp_server = network.gateway = world_ip("10.1.0.1");
	world_order(world, MSG_NETWORK_SET, &network);
	world_link(world, 2);
	world_network(world, 3, "10.3.0.0/24");
	world_network(world, 9, "10.1.0.0/24");
	world_router(world, 100);
	world_router(world, 200);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_rif(world, 102, 100, 2, "10.2.0.0/31");
	world_rif(world, 202, 200, 2, "10.2.0.1/31");
	world_rif(world, 203, 200, 3, "10.3.0.1/24");
	world_port(world, 1, 1, "10.1.0.9");
	world_tap(world, 2, 1);
	world_port(world, 3, 3, "10.3.0.9");
	world_tap(world, 4, 3);
	world_port(world, 5, 1, NULL);
	world_tap(world, 9, 9);
	world_route(world, 100, "10.3.0.0/24", 102, "10.2.0.1");
	world_route(world, 200, "0.0.0.0/0", 202, "10.2.0.0");
	world_route(world, 100, "2001:db8::/32", 102, NULL);
	world_route(world, 200, "::/0", 203, NULL);
	world_order(world, MSG_PUNT_RULE, &rule);
	return world;
}

/* A route of a router that may be gone. */
static int world_try_route(struct world *world, uint32_t router, uint32_t rif, const char *nexthop)
{
	static struct msg_fib fib;

	fib = (struct msg_fib){.router = router, .count = 1};
	fib.entries[0] = (struct fib_entry){
		.prefix = {world_ip("10.0.0.0"), 8}, .add = nexthop != NULL, .nexthop_count = 1, .nexthops = {{world_ip(nexthop), rif}}};
	return world_try(world, MSG_FIB_BATCH, &fib);
}

static void act_frame(struct world *world, struct reader *r, uint32_t port)
{
	struct packet_offload offload = {0};
	uint16_t bytes = reader_u16(r) & 0x3fff;
	struct packet *packet;

	if (bytes & 0x2000) {
		offload.flags = reader_u8(r);
		offload.gso_type = reader_u8(r);
		offload.hdr_len = reader_u16(r);
		offload.gso_size = reader_u16(r);
		offload.csum_start = reader_u16(r);
		offload.csum_offset = reader_u16(r);
	}
	bytes &= 0x1fff;
	if (bytes > reader_left(r))
		bytes = (uint16_t)reader_left(r);
	packet = packet_new(world->pool, bytes ? bytes : 1);
	CHECK(packet != NULL);
	packet->size = bytes;
	packet->in_port = port;
	packet->offload = offload;
	reader_copy(r, packet->data, bytes);
	/* As where a frame enters the switch. */
	if (bytes < 14 || !offload_check(packet)) {
		packet_free(world->pool, packet);
		return;
	}
	core_input(world->core, &packet, 1, world->now);
}

/* Takes an object away, or gives it again: what points to it must not notice. */
static void act_object(struct world *world, uint8_t what)
{
	static const enum message_type deletes[] = {MSG_NETWORK_DEL, MSG_PORT_DEL, MSG_ROUTER_DEL, MSG_RIF_DEL};
	static const uint32_t ids[][4] = {{1, 2, 3, 1}, {1, 2, 3, 4}, {100, 200, 100, 200}, {101, 102, 202, 203}};

	if (what & 1) {
		world_order(world, deletes[what >> 1 & 3], &(struct msg_id){ids[what >> 1 & 3][what >> 3 & 3]});
		return;
	}
	world_network(world, 1, "10.1.0.0/24");
	world_link(world, 2);
	world_network(world, 3, "10.3.0.0/24");
	world_router(world, what & 2 ? 100 : 200);
	if (what & 2) {
		world_rif(world, 101, 100, 1, what & 4 ? "10.1.0.1/24" : "10.1.0.2/24");
		world_rif(world, 102, 100, what & 8 ? 2 : 3, "10.2.0.0/31");
	} else {
		world_rif(world, 202, 200, 2, "10.2.0.1/31");
		world_rif(world, 203, 200, 3, "10.3.0.1/24");
	}
	world_port(world, 1, what & 16 ? 1 : 3, "10.1.0.9");
	world_tap(world, 2, what & 32 ? 1 : 2);
}

static void act_order(struct world *world, struct reader *r)
{
	uint8_t what = reader_u8(r);

	switch (what & 3) {
	case 0:
		(void)world_try_route(world, what & 4 ? 100 : 200, what & 8 ? 102 : 203, what & 16 ? "10.2.0.1" : NULL);
		return;
	case 1:
		core_port_state(world->core, ports[what % 5], what & 64 ? PORT_STATE_UP : PORT_STATE_DOWN, NULL, world->now);
		return;
	case 2:
		world_order(world, MSG_NETWORK_SET, &(struct msg_network){.id = 2, .kind = NETWORK_LINK, .up = what & 64, .mtu = 1300});
		return;
	default:
		act_object(world, what >> 2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	struct world *world = build();

	while (reader_left(&r) > 0) {
		uint8_t act = reader_u8(&r);

		if (act < 0xe0)
			act_frame(world, &r, ports[act % 5]);
		else if (act < 0xf0)
			world_pass(world, span_ms(100 * (int64_t)reader_u8(&r)));
		else
			act_order(world, &r);
		CHECK(world_count(world, 9) == 0);
		world_clear(world);
	}
	world_close(world);
	return 0;
}
