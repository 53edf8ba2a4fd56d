/*
 * Any frames through a router that translates addresses, beside machines with security groups, while rules come and go: nothing breaks,
 * every connection and port is given back, and no inside address is seen outside. An input is a row of acts: a byte that says what, then
 * its arguments.
 */
#include "../lib/core_world.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/reader.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { HOST = 11, OTHER = 12, TAP = 18, REMOTE = 28, ROUTER = 100, INSIDE = 101, OUTSIDE = 102 };

static const uint32_t ports[] = {HOST, OTHER, TAP, REMOTE};

/* What the rules are, bit by bit of `which`; the first one is always there, so that 10.1/16 must never be seen outside. */
static void set_rules(struct world *world, uint8_t which)
{
	static const struct {
		uint8_t kind, protocol;
		uint16_t port, to_port;
		const char *match, *to;
		uint8_t length;
	} all[] = {{NAT_SOURCE, 0, 0, 0, "10.1.0.0", "198.51.100.1", 16}, {NAT_DESTINATION, 6, 80, 8080, "198.51.100.1", "10.1.0.11", 32},
		{NAT_DESTINATION, 17, 53, 0, "198.51.100.1", "10.1.0.12", 32}, {NAT_STATIC, 0, 0, 0, "198.51.100.9", "10.1.0.12", 32},
		{NAT_PREFIX, 0, 0, 0, "fd00:1::", "2001:db8:1::", 48}, {NAT_DESTINATION, 6, 2000, 0, "198.51.100.7", "10.1.0.99", 32}};
	static struct msg_nat nat;

	memset(&nat, 0, sizeof(nat));
	nat.id = ROUTER;
	for (unsigned i = 0; i < COUNT_OF(all); i++) {
		struct nat_rule *rule = &nat.rules[nat.rule_count];

		if (i > 0 && !(which & 1u << i))
			continue;
		rule->kind = all[i].kind;
		rule->protocol = all[i].protocol;
		rule->rif = OUTSIDE;
		rule->port_first = all[i].port;
		rule->port_last = (uint16_t)(all[i].port + (which >> 7) * 3);
		rule->to_port = all[i].to_port;
		rule->match = (struct prefix){world_ip(all[i].match), all[i].length};
		rule->to = (struct prefix){world_ip(all[i].to), all[i].kind == NAT_PREFIX ? all[i].length : 32};
		rule->to_last = all[i].kind == NAT_SOURCE ? rule->to.ip : (struct ip){0};
		nat.rule_count++;
	}
	(void)world_try(world, MSG_NAT_SET, &nat);
}

static void set_group(struct world *world, uint8_t which)
{
	static const struct group_rule all[] = {{.ingress = false}, {.ingress = true, .protocol = 6, .port_first = 80, .port_last = 8080},
		{.ingress = true, .protocol = 1, .port_last = 65535}, {.ingress = true, .family = IP_V6}};
	struct group_rule rules[COUNT_OF(all)];
	unsigned count = 0;

	for (unsigned i = 0; i < COUNT_OF(all); i++)
		if (which & 1u << i)
			rules[count++] = all[i];
	world_group(world, 7, rules, count);
}

static struct world *build(void)
{
	static const uint32_t groups[] = {7, 0};
	struct core_limits limits = {.flows = 32,
		.connections = 64,
		.connections_per_port = 16,
		.half_open_per_port = 8,
		.connections_per_router = 24,
		.half_open_per_router = 12,
		.nat_connections_per_host = 8,
		.nat_ports_per_host = 64};
	struct world *world;

	hash_set_secret(1);
	world = world_open(&limits);
	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "198.51.100.0/24");
	world_router(world, ROUTER);
	world_rif(world, INSIDE, ROUTER, 1, "10.1.0.1/24");
	world_rif(world, OUTSIDE, ROUTER, 2, "198.51.100.1/24");
	set_group(world, 0x0f);
	world_grouped(world, HOST, 1, "10.1.0.11", NULL, groups);
	world_port(world, OTHER, 1, "10.1.0.12");
	world_tap(world, TAP, 1);
	world_tap(world, REMOTE, 2);
	world_route(world, ROUTER, "2001:db8::/32", OUTSIDE, "ff02::1");
	world_route(world, ROUTER, "fd00:1::/48", INSIDE, "ff02::1");
	world_route(world, ROUTER, "0.0.0.0/0", OUTSIDE, "198.51.100.28");
	set_rules(world, 0xff);
	world_clear(world);
	return world;
}

/* No packet leaves to the outside with a source of the inside: what the router itself says of its own inside address excepted. */
static void check_outside(const struct world *world)
{
	for (unsigned i = 0; i < world->sent_count; i++) {
		const struct sent *sent = &world->sent[i];
		const struct ipv4_header *v4 = (const struct ipv4_header *)(sent->bytes + ETHERNET_HEADER_BYTES);

		if (sent->port != REMOTE || sent->size < ETHERNET_HEADER_BYTES + IPV4_HEADER_BYTES ||
			wire_get_u16(sent->bytes + 12) != ETHERNET_IPV4 || memcmp(sent->bytes + 6, world_mac(OUTSIDE).bytes, 6) != 0)
			continue;
		CHECK(checksum_fold(checksum_add(0, v4, ipv4_header_bytes(v4))) == 0);
		CHECK(v4->source[0] != 10 || v4->source[1] != 1 || v4->source[3] == 1);
	}
}

/* A frame as bytes, or one made of some choices, of which more come to where it matters. */
static void act_frame(struct world *world, struct reader *r, uint32_t port)
{
	static const char *const addresses[] = {"10.1.0.11", "10.1.0.12", "10.1.0.99", "10.1.0.1", "198.51.100.1", "198.51.100.28",
		"198.51.100.9", "198.51.100.7", "203.0.113.5"};
	static const uint8_t protocols[] = {6, 6, 17, 1, 47};
	struct frame frame = {.src = world_mac(port), .dst = world_mac(port == REMOTE ? OUTSIDE : INSIDE)};
	uint8_t bytes[2048], quoted[2048];
	unsigned size;

	frame.ip_src = world_ip(addresses[reader_u8(r) % COUNT_OF(addresses)]);
	frame.ip_dst = world_ip(addresses[reader_u8(r) % COUNT_OF(addresses)]);
	/* Who speaks to an inside address itself is answered from there: that is no leak, so nobody does here. */
	if (port == REMOTE) {
		frame.ip_src = world_ip("198.51.100.28");
		if (frame.ip_dst.bytes[0] == 10)
			frame.ip_dst = world_ip("198.51.100.1");
	}
	frame.protocol = protocols[reader_u8(r) % COUNT_OF(protocols)];
	frame.tcp_flags = reader_u8(r) & 0x17;
	frame.l4_src = frame.protocol == 1 ? (uint16_t)(reader_u8(r) & 1 ? 8 : 0) : (uint16_t)(reader_u8(r) + 1024 * (reader_u8(r) & 1));
	frame.l4_dst = frame.protocol == 1 ? 0 : (uint16_t)(reader_u8(r) + 1920 * (reader_u8(r) & 1));
	frame.icmp_id = reader_u8(r);
	frame.ip_id = reader_u8(r) & 3;
	frame.fragment = reader_u8(r) & 0xc0 ? 0 : (uint16_t)(reader_u16(r) & 0x2003);
	frame.payload_bytes = 40;
	size = frame_build(&frame, bytes);
	if (reader_u8(r) < 64) {
		/* As an error that quotes it, cut short. */
		struct frame error = {.src = frame.src,
			.dst = frame.dst,
			.ip_src = frame.ip_dst,
			.ip_dst = frame.ip_src,
			.protocol = 1,
			.l4_src = ICMP_UNREACHABLE,
			.payload_bytes = (uint16_t)(20 + (reader_u8(r) & 31))};

		memcpy(quoted, bytes, size);
		size = frame_build(&error, bytes);
		memcpy(bytes + 42, quoted + 14, error.payload_bytes);
	}
	for (uint8_t changes = reader_u8(r) & 3; changes > 1; changes--)
		bytes[34 + reader_u8(r) % (size - 34)] ^= reader_u8(r);
	world_bytes(world, port, bytes, size);
}

/* All translation ends, and begins anew. */
static void act_again(struct world *world, uint8_t which)
{
	world_order(world, MSG_NAT_DEL, &(struct msg_id){ROUTER});
	set_rules(world, which);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct reader r = reader_over(bytes, size);
	struct world *world = build();

	while (reader_left(&r) > 0) {
		uint8_t act = reader_u8(&r);

		if (act < 0xe0)
			act_frame(world, &r, ports[act % COUNT_OF(ports)]);
		else if (act < 0xf0)
			world_pass(world, span_ms(200 * (int64_t)reader_u8(&r)));
		else if (act < 0xf8)
			set_rules(world, reader_u8(&r));
		else if (act < 0xfc)
			set_group(world, reader_u8(&r));
		else
			act_again(world, reader_u8(&r));
		check_outside(world);
		world_clear(world);
	}
	world_order(world, MSG_NAT_DEL, &(struct msg_id){ROUTER});
	world_close(world);
	return 0;
}
