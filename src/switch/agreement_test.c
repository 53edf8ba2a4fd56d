/*
 * Test that the flow cache changes nothing: two cores with the same topology, one with the cache and one without, get the same random
 * packets, changes and passing time; what they send, say and count must be the same bit by bit.
 * Before each packet the second core is also asked by a trace what will become of it: that must come true, and since the first core isn't
 * asked, any trace that changes something makes the two differ.
 */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "base/rand.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/walk.h"

#include <linux/virtio_net.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/*
 * Network 1 (machines 11, 12, TAP 18) - router 100 - link 2 - router 200 - network 3 (machine 31, TAP 38); both routers also on network 4
 * (TAP 48), so that there are two ways; link 5 between machine 51 and TAP 58.
 */
static const uint32_t ports[] = {11, 12, 18, 31, 38, 48, 51, 58};
static const uint32_t rifs[] = {101, 102, 104, 202, 203, 204};
static const uint32_t networks[] = {1, 2, 3, 4, 5};

static const char *const addresses[] = {"10.1.0.11", "10.1.0.12", "10.1.0.99", "10.1.0.1", "10.1.0.255", "10.3.0.31", "10.3.0.99",
	"10.3.0.1", "10.2.0.0", "10.2.0.1", "10.4.0.1", "10.4.0.2", "10.4.0.99", "192.0.2.1", "198.51.100.7", "224.0.0.9",
	"255.255.255.255", "127.0.0.1", "169.254.3.4", "0.0.0.0", "2001:db8:1::11", "2001:db8:3::31", "2001:db8:1::99", "2001:db8:9::9",
	"fe80::1", "ff02::1", "ff02::9"};

static void set_network(struct world *world, uint32_t id, bool up)
{
	struct msg_network network = {.id = id, .kind = id == 2 || id == 5 ? NETWORK_LINK : NETWORK_SEGMENT, .up = up, .mtu = 1500};

	if (id == 1) {
		network.dhcp = true;
		network.subnets[network.subnet_count++] = (struct prefix){world_ip("10.1.0.0"), 24};
		network.dhcp_server = network.gateway = world_ip("10.1.0.1");
	}
	world_order(world, MSG_NETWORK_SET, &network);
}

static void set_rif(struct world *world, uint32_t id, bool up, uint16_t mtu)
{
	static const char *const v4[] = {[101 - 101] = "10.1.0.1",
		[102 - 101] = "10.2.0.0",
		[104 - 101] = "10.4.0.1",
		[202 - 101] = "10.2.0.1",
		[203 - 101] = "10.3.0.1",
		[204 - 101] = "10.4.0.2"};
	struct msg_rif rif = {.id = id, .router = id / 100 * 100, .network = id % 10, .up = up, .mtu = mtu, .mac = world_mac(id)};

	rif.addresses[rif.address_count++] = (struct prefix){world_ip(v4[id - 101]), id % 10 == 2 ? 31 : 24};
	rif.addresses[rif.address_count] = (struct prefix){world_ip("2001:db8::1"), 64};
	rif.addresses[rif.address_count].ip.bytes[5] = (uint8_t)(id % 10);
	rif.addresses[rif.address_count++].ip.bytes[15] = (uint8_t)(id / 100);
	world_order(world, MSG_RIF_SET, &rif);
}

/* Group 7: a few of these rules, as the bits of `which` say. */
static void set_group(struct world *world, uint32_t which)
{
	static const struct group_rule all[] = {{.ingress = false}, {.ingress = true, .protocol = 17, .port_first = 67, .port_last = 68},
		{.ingress = true, .protocol = 6, .port_last = 65535}, {.ingress = true, .port_last = 65535, .group = 7},
		{.ingress = true, .protocol = 1, .port_last = 65535}, {.ingress = true, .family = IP_V6}};
	struct group_rule rules[COUNT_OF(all)];
	unsigned count = 0;

	for (unsigned i = 0; i < COUNT_OF(all); i++)
		if (which & 1u << i)
			rules[count++] = all[i];
	world_group(world, 7, rules, count);
}

/* What each router translates: a few of these rules, as the bits of `which` say. An interface that isn't there lets the order fail. */
static void set_nat(struct world *world, uint32_t router, uint32_t which)
{
	static const struct {
		uint8_t kind, protocol;
		uint16_t port, to_port;
		uint32_t router, rif;
		const char *match;
		uint8_t length;
		const char *to, *last;
	} all[] = {{NAT_SOURCE, 0, 0, 0, 100, 104, "10.1.0.0", 24, "10.4.0.1", "10.4.0.1"},
		{NAT_SOURCE, 0, 0, 0, 100, 102, "10.0.0.0", 8, "10.2.0.0", "10.2.0.0"},
		{NAT_DESTINATION, 17, 67, 69, 100, 104, "10.4.0.1", 32, "10.1.0.11", NULL},
		{NAT_DESTINATION, 6, 68, 0, 100, 104, "10.4.0.2", 32, "10.1.0.12", NULL},
		{NAT_STATIC, 0, 0, 0, 100, 104, "192.0.2.1", 32, "10.1.0.12", NULL},
		{NAT_PREFIX, 0, 0, 0, 100, 102, "2001:db8:1::", 64, "2001:db8:9::", NULL},
		{NAT_SOURCE, 0, 0, 0, 200, 202, "10.3.0.0", 24, "10.2.0.1", "10.2.0.4"},
		{NAT_SOURCE, 0, 0, 0, 200, 203, "0.0.0.0", 0, "10.3.0.1", "10.3.0.1"},
		{NAT_DESTINATION, 6, 67, 0, 200, 203, "10.3.0.1", 32, "10.1.0.11", NULL}};
	static struct msg_nat nat;

	memset(&nat, 0, sizeof(nat));
	nat.id = router;
	for (unsigned i = 0; i < COUNT_OF(all); i++) {
		struct nat_rule *rule = &nat.rules[nat.rule_count];
		bool v6 = all[i].kind == NAT_PREFIX;

		if (all[i].router != router || !(which & 1u << i))
			continue;
		*rule = (struct nat_rule){.kind = all[i].kind, .protocol = all[i].protocol, .rif = all[i].rif, .to_port = all[i].to_port};
		rule->port_first = rule->port_last = all[i].port;
		rule->match = (struct prefix){world_ip(all[i].match), all[i].length};
		rule->to = (struct prefix){world_ip(all[i].to), v6 ? all[i].length : 32};
		rule->to_last = world_ip(all[i].last);
		nat.rule_count++;
	}
	(void)world_try(world, MSG_NAT_SET, &nat);
}

/* `groups`: which machines have groups, bit by bit. */
static void set_port(struct world *world, uint32_t id, bool up, uint32_t groups)
{
	struct msg_port port = {.id = id, .kind = PORT_TAP, .up = up, .network = id / 10};

	if (id % 10 < 8) {
		port.group_count = groups >> id % 16 & 1;
		port.groups[0] = port.group_count ? 7 : 0;
		char text[32];

		port.kind = PORT_VHOST;
		port.mac = world_mac(id);
		(void)snprintf(text, sizeof(text), "10.%u.0.%u", id / 10, id);
		port.ipv4 = world_ip(text);
		(void)snprintf(text, sizeof(text), "2001:db8:%u::%u", id / 10, id);
		if (id != 12)
			port.ipv6 = world_ip(text);
	}
	world_order(world, MSG_PORT_SET, &port);
}

static struct world *build(bool cache, uint32_t nat)
{
	struct core_limits limits = {.macs_per_network = 20,
		.macs_per_port = 8,
		.neighbors_per_rif = 16,
		.flows = 64,
		.punts_per_second = 50,
		.connections = 96,
		.connections_per_port = 24,
		.half_open_per_port = 16,
		.connections_per_router = 40,
		.half_open_per_router = 24,
		.nat_connections_per_host = 12,
		.nat_ports_per_host = 64};
	struct world *world = world_open(&limits);
	struct msg_punt_rule rule = {.router = 100, .protocol = IP_PROTOCOL_UDP, .add = true, .port = 520, .group = world_ip("224.0.0.9")};

	core_set_cache(world->core, cache);
	for (unsigned i = 0; i < COUNT_OF(networks); i++)
		set_network(world, networks[i], true);
	world_router(world, 100);
	world_router(world, 200);
	for (unsigned i = 0; i < COUNT_OF(rifs); i++)
		set_rif(world, rifs[i], true, 1500);
	set_group(world, 0x3f);
	for (unsigned i = 0; i < COUNT_OF(ports); i++) {
		set_port(world, ports[i], true, 0xffff);
		core_port_state(world->core, ports[i], PORT_STATE_UP, NULL, world->now);
	}
	set_nat(world, 100, nat);
	set_nat(world, 200, nat);
	world_order(world, MSG_PUNT_RULE, &rule);
	world_clear(world);
	return world;
}

/* One random number stream drives both worlds: each act is chosen first, then done in both. */
struct act {
	uint32_t kind;
	uint64_t r[6];
	uint8_t bytes[4096];
	unsigned size;
	uint32_t port;
	struct frame frame;
};

static struct mac pick_mac(struct rand *rand, uint32_t port)
{
	switch (rand_below(rand, 10)) {
	case 0:
		return MAC_BROADCAST;
	case 1:
		return mac_of_multicast(world_ip("224.0.0.9"));
	case 2:
		return world_mac(ports[rand_below(rand, COUNT_OF(ports))]);
	case 3:
		return world_mac(0x900 + (uint32_t)rand_below(rand, 12));
	case 4:
		return (struct mac){{1, 0x80, 0xc2, 0, 0, (uint8_t)rand_below(rand, 20)}};
	default:
		return world_mac(port / 10 == 1 ? 101 : port / 10 == 3 ? 203 : rand_below(rand, 2) ? 104 : 204);
	}
}

static const char *pick_address(struct rand *rand)
{
	/* Mostly addresses that somebody has. */
	return addresses[rand_below(rand, rand_below(rand, 8) ? 14 : COUNT_OF(addresses))];
}

/* What differs from packet to packet of a flow, and what makes it another one. */
static void vary_frame(struct rand *rand, struct frame *frame)
{
	switch (rand_below(rand, 5)) {
	case 0:
		frame->ttl = (uint8_t)(1 + rand_below(rand, 5));
		return;
	case 1:
		frame->payload_bytes = (uint16_t)(1200 + rand_below(rand, 280));
		return;
	case 2:
		frame->fragment = (uint16_t)rand_below(rand, 0x4000);
		return;
	case 3:
		frame->l4_src = (uint16_t)(67 + rand_below(rand, 3));
		return;
	default:
		frame->protocol = (uint8_t)(rand_below(rand, 2) ? 6 : 17);
	}
}

static void make_frame(struct rand *rand, struct act *act)
{
	static const uint8_t protocols[] = {6, 6, 17, 17, 1, 58, 89, 132};
	struct frame frame = {.src = world_mac(act->port), .dst = pick_mac(rand, act->port), .ip_dst = world_ip(pick_address(rand))};
	bool icmp;

	if (act->port % 10 == 8 || rand_below(rand, 20) == 0)
		frame.src = world_mac(0x900 + (uint32_t)rand_below(rand, 12));
	do
		frame.ip_src = world_ip(pick_address(rand));
	while (frame.ip_src.family != frame.ip_dst.family);
	if (frame.ip_dst.family == IP_V4 && rand_below(rand, 8) > 0)
		frame.ip_src = ip_from_u32(0x0a000000 | act->port / 10 << 16 | (act->port % 10 == 8 ? 99 : act->port));
	frame.protocol = protocols[rand_below(rand, COUNT_OF(protocols))];
	icmp = frame.protocol == 1 || frame.protocol == 58;
	frame.l4_src = (uint16_t)(icmp ? rand_below(rand, 2) * 8 + rand_below(rand, 2) * 128 : rand_below(rand, 3) + 67);
	frame.l4_dst = (uint16_t)(rand_below(rand, 3) ? rand_below(rand, 3) + 67 : 520);
	frame.fragment = (uint16_t)(rand_below(rand, 2) * IPV4_DONT_FRAGMENT);
	act->frame = frame;
}

static void build_frame(struct rand *rand, struct act *act)
{
	static const uint8_t flags[] = {2, 18, 16, 16, 16, 17, 4, 0};
	struct frame frame = act->frame;

	frame.tcp_flags = flags[rand_below(rand, COUNT_OF(flags))];

	if (rand_below(rand, 6) == 0)
		vary_frame(rand, &frame);
	act->size = frame_build(&frame, act->bytes);
	if (rand_below(rand, 60) == 0)
		act->bytes[rand_below(rand, act->size < 60 ? act->size : 60)] ^= (uint8_t)(1 << rand_below(rand, 8));
	if (rand_below(rand, 100) == 0)
		act->size = (unsigned)rand_below(rand, act->size + 1);
}

/* Mostly what the hosts behind the TAPs say of themselves to the routers. */
static void make_arp(struct rand *rand, struct act *act)
{
	struct mac src = act->port % 10 == 8 ? world_mac(0x900 + (uint32_t)rand_below(rand, 3)) : world_mac(act->port);
	struct ip sender = ip_from_u32(0x0a000000 | act->port / 10 << 16 | (act->port % 10 == 8 ? 99 : act->port)), target;

	do
		target = world_ip(pick_address(rand));
	while (target.family != IP_V4);
	if (rand_below(rand, 4))
		target = ip_from_u32(0x0a000001 | act->port / 10 << 16);
	act->size = frame_arp(
		act->bytes, rand_below(rand, 2), src, sender, rand_below(rand, 2) ? (struct mac){{0}} : pick_mac(rand, act->port), target);
}

/* Frames come again and again, or there would be no flows; now and then one of them is replaced by a new one. */
#define BANK 48

static struct act bank[BANK];

static void act_choose(struct rand *rand, struct act *act)
{
	uint32_t kind = (uint32_t)rand_below(rand, 1000);
	struct act *slot = &bank[rand_below(rand, BANK)];

	if (slot->port == 0 || rand_below(rand, 100) == 0) {
		memset(slot, 0, sizeof(*slot));
		slot->port = ports[rand_below(rand, COUNT_OF(ports))];
		make_frame(rand, slot);
	}
	*act = *slot;
	if (rand_below(rand, 20) == 0)
		make_arp(rand, act);
	else
		build_frame(rand, act);
	act->kind = kind;
	for (unsigned i = 0; i < COUNT_OF(act->r); i++)
		act->r[i] = rand_u64(rand);
}

/* An object goes and comes back as a new one. */
static void act_replace(struct world *world, const struct act *act)
{
	uint32_t id;

	switch (act->r[1] % 3) {
	case 0:
		id = networks[act->r[2] % COUNT_OF(networks)];
		world_order(world, MSG_NETWORK_DEL, &(struct msg_id){id});
		set_network(world, id, true);
		return;
	case 1:
		id = rifs[act->r[2] % COUNT_OF(rifs)];
		world_order(world, MSG_RIF_DEL, &(struct msg_id){id});
		set_rif(world, id, true, 1500);
		return;
	default:
		id = ports[act->r[2] % COUNT_OF(ports)];
		world_order(world, MSG_PORT_DEL, &(struct msg_id){id});
		set_port(world, id, true, (uint32_t)act->r[3]);
		core_port_state(world->core, id, PORT_STATE_UP, NULL, world->now);
	}
}

static bool with_nat;

static void act_order(struct world *world, const struct act *act)
{
	static const char *const prefixes[] = {"0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/24", "10.3.0.0/24", "10.4.0.0/24", "192.0.2.0/24",
		"2001:db8:1::/64", "2001:db8:3::/64", "::/0"};
	const char *prefix = prefixes[act->r[1] % COUNT_OF(prefixes)];
	uint32_t router = act->r[2] % 2 ? 100 : 200, rif = rifs[act->r[3] % COUNT_OF(rifs)];
	bool v6 = strchr(prefix, ':') != NULL;
	const char *next =
		v6 ? NULL : (const char *const[]){NULL, "10.2.0.0", "10.2.0.1", "10.4.0.1", "10.4.0.2", "10.4.0.99"}[act->r[4] % 6];

	switch (act->r[0] % 12) {
	case 0:
	case 1:
	case 2:
		world_route(world, router, prefix, act->r[5] % 10 ? rif : 0, next);
		return;
	case 3:
		world_unroute(world, router, prefix);
		return;
	case 4:
		set_network(world, networks[act->r[1] % COUNT_OF(networks)], act->r[2] % 16 > 0);
		return;
	case 5:
		set_rif(world, rif, act->r[1] % 16 > 0, act->r[2] % 3 ? 1500 : 1300);
		return;
	case 6:
		set_port(world, ports[act->r[1] % COUNT_OF(ports)], act->r[2] % 16 > 0, (uint32_t)act->r[3]);
		return;
	case 7:
		act_replace(world, act);
		return;
	case 11:
		if (act->r[3] % 8 == 0)
			world_order(world, MSG_NAT_DEL, &(struct msg_id){router});
		else if (with_nat)
			set_nat(world, router, (uint32_t)(act->r[1] | act->r[3]));
		return;
	case 8:
		set_group(world, (uint32_t)(act->r[1] | act->r[2]));
		return;
	default:
		core_port_state(world->core, ports[act->r[1] % COUNT_OF(ports)], act->r[2] % 16 ? PORT_STATE_UP : PORT_STATE_DOWN, NULL,
			world->now);
	}
}

static void act_do(struct world *world, const struct act *act)
{
	if (act->kind >= 990) {
		act_order(world, act);
	} else if (act->kind >= 980) {
		world_pass(world, span_ms((int64_t)(act->r[0] % (act->r[1] % 20 ? 800 : 40000))));
	} else {
		world_bytes(world, act->port, act->bytes, act->size);
	}
}

/* How often a limit was met depends on how often the slow path went there: those events may differ, and are taken out. */
static void forget_limits(struct world *world)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < world->told_count; i++) {
		if (world->told[i].type == MSG_LIMIT_REACHED)
			free(world->told[i].body);
		else
			world->told[kept++] = world->told[i];
	}
	world->told_count = kept;
}

static void print_frame(const char *what, uint32_t port, const uint8_t *bytes, unsigned size)
{
	printf("%s %u:", what, port);
	for (unsigned i = 0; i < size && i < 74; i++)
		printf("%s%02x", i == 6 || i == 12 || i == 14 || i == 34 ? " " : "", bytes[i]);
	printf("\n");
}

/* What differed, for whoever looks for the reason. */
static void explain(const struct world *a, const struct world *b, const struct act *act, int step)
{
	printf("step %d kind %u\n", step, act->kind);
	print_frame("in", act->port, act->bytes, act->size);
	for (unsigned i = 0; i < a->sent_count; i++)
		print_frame("cached", a->sent[i].port, a->sent[i].bytes, a->sent[i].size);
	for (unsigned i = 0; i < b->sent_count; i++)
		print_frame("plain", b->sent[i].port, b->sent[i].bytes, b->sent[i].size);
	for (unsigned i = 0; i < a->told_count + b->told_count; i++) {
		const struct told *told = i < a->told_count ? &a->told[i] : &b->told[i - a->told_count];
		char text[300];

		message_print(message_row((uint16_t)told->type), told->body, text, sizeof(text));
		printf("%s says %s\n", i < a->told_count ? "cached" : "plain", text);
	}
}

static void compare(struct world *a, struct world *b)
{
	assert_int_equal(a->sent_count, b->sent_count);
	for (unsigned i = 0; i < a->sent_count; i++) {
		assert_int_equal(a->sent[i].port, b->sent[i].port);
		assert_int_equal(a->sent[i].size, b->sent[i].size);
		assert_memory_equal(a->sent[i].bytes, b->sent[i].bytes, a->sent[i].size);
	}
	assert_int_equal(a->told_count, b->told_count);
	for (unsigned i = 0; i < a->told_count; i++) {
		const struct message_row *row = message_row((uint16_t)a->told[i].type);
		char text[2][300];

		assert_int_equal(a->told[i].type, b->told[i].type);
		message_print(row, a->told[i].body, text[0], sizeof(text[0]));
		message_print(row, b->told[i].body, text[1], sizeof(text[1]));
		assert_string_equal(text[0], text[1]);
		/* Rows have holes; a punted packet is compared as it is. */
		if (a->told[i].type == MSG_PUNT)
			assert_memory_equal(a->told[i].body, b->told[i].body, row->size);
	}
}

static void compare_counters(struct world *a, struct world *b, const struct act *act, int step)
{
	static const enum show_what questions[] = {SHOW_INTERFACES, SHOW_DROPS, SHOW_DHCP};

	for (unsigned i = 0; i < COUNT_OF(questions); i++) {
		struct msg_show show = {.what = (uint8_t)questions[i]};
		struct err err;

		world_clear(a);
		world_clear(b);
		assert_int_equal(core_show(a->core, PROCESS_CTL, 1, &show, a->now, &err), 0);
		assert_int_equal(core_show(b->core, PROCESS_CTL, 1, &show, b->now, &err), 0);
		if (a->told_count != b->told_count)
			explain(a, b, act, step);
		compare(a, b);
	}
}

/* What a trace said of a packet. */
struct forecast {
	struct trace trace;
	uint8_t bytes[4096];
	unsigned size;
	unsigned rows;
	struct row_trace last;
	uint64_t dropped;
	uint32_t held;
};

static uint64_t dropped_so_far(const struct trace *trace)
{
	return trace->drop_at != NULL ? trace->drop_at->counters.drops[trace->reason] : 0;
}

static void forecast_row(void *context, const struct row_trace *row)
{
	struct forecast *forecast = context;
	struct err err;

	assert_int_equal(message_check(message_row(MSG_ROW_TRACE), row, sizeof(*row), &err), 0);
	assert_int_equal(row->step, ++forecast->rows);
	assert_int_equal(forecast->last.verdict, TRACE_GOES_ON);
	forecast->last = *row;
}

/* Asks; false for what never comes to the features. */
static bool forecast_make(struct world *world, const struct act *act, struct forecast *forecast)
{
	struct port *port = port_find(world->core, act->port);
	struct packet *packet;

	memset(forecast, 0, sizeof(*forecast));
	if (act->kind >= 980 || act->size < ETHERNET_HEADER_BYTES || port == NULL)
		return false;
	packet = packet_new(world->pool, act->size);
	packet->size = act->size;
	packet->in_port = act->port;
	memcpy(packet->data, act->bytes, act->size);
	forecast->trace = (struct trace){.row = forecast_row, .context = forecast};
	trace_walk(world->core, &forecast->trace, port, &packet);
	if (packet != NULL) {
		forecast->size = packet->size;
		memcpy(forecast->bytes, packet->data, packet->size);
		packet_free(world->pool, packet);
	}
	forecast->dropped = dropped_so_far(&forecast->trace);
	forecast->held = world->core->held;
	return true;
}

static bool was_sent(const struct world *world, uint32_t port, const struct forecast *forecast)
{
	for (unsigned i = 0; i < world->sent_count; i++) {
		const struct sent *sent = &world->sent[i];

		if (sent->port == port && (forecast->trace.fragmented ||
						  (sent->size == forecast->size && memcmp(sent->bytes, forecast->bytes, sent->size) == 0)))
			return true;
	}
	return false;
}

/* Looks whether it came true. */
static void forecast_check(struct world *world, const struct forecast *forecast)
{
	const struct trace *trace = &forecast->trace;
	struct flow_actions flood = {.from = trace->from, .flood_unknown = trace->unknown};
	struct member *member;

	assert_true(forecast->rows > 0);
	assert_int_equal(forecast->last.verdict, trace->verdict);
	switch (trace->verdict) {
	case TRACE_DELIVERED:
		assert_int_equal(forecast->last.id, trace->output->config.id);
		assert_true(was_sent(world, trace->output->config.id, forecast));
		return;
	case TRACE_FLOODED:
		list_each (member, &trace->flooded->members, struct member, in_network)
			assert_true(flood_takes(&flood, member) == was_sent(world, member->id, forecast) ||
				    (!member->is_rif && member_port(member)->policy != NULL && !was_sent(world, member->id, forecast)));
		return;
	case TRACE_DROPPED:
		assert_string_equal(forecast->last.reason, drop_name(trace->reason));
		/* The error that is sent about it may end there, too; pieces may meet different ends. */
		if (!trace->fragmented && dropped_so_far(trace) < forecast->dropped + (trace->drop_at != NULL))
			printf("foreseen: %s at %u (%s)\n", drop_name(trace->reason), trace->drop_at->id, forecast->last.text);
		assert_true(trace->fragmented || dropped_so_far(trace) >= forecast->dropped + (trace->drop_at != NULL));
		return;
	case TRACE_WAITS:
		/* One that waited longer may have made room. */
		assert_true(world->core->held >= forecast->held);
		return;
	case TRACE_TAKEN:
		return;
	case TRACE_GOES_ON:
	case TRACE_VERDICT_COUNT:
		break;
	}
	fail_msg("a trace has no end");
}

static void agree(bool nat, int steps)
{
	const char *wanted = getenv("SEED");
	uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct world *cached = build(true, nat ? 0x1ff : 0), *plain = build(false, nat ? 0x1ff : 0);
	struct act act;
	static struct forecast forecast;
	unsigned sent = 0, verdicts[TRACE_VERDICT_COUNT] = {0};

	memset(bank, 0, sizeof(bank));
	printf("seed %llu\n", (unsigned long long)seed);
	for (int step = 0; step < steps; step++) {
		bool asked;

		act_choose(&rand, &act);
		world_clear(cached);
		world_clear(plain);
		act_do(cached, &act);
		asked = forecast_make(plain, &act, &forecast);
		act_do(plain, &act);
		forget_limits(cached);
		forget_limits(plain);
		sent += cached->sent_count;
		if (cached->sent_count != plain->sent_count || cached->told_count != plain->told_count)
			explain(cached, plain, &act, step);
		compare(cached, plain);
		if (asked) {
			forecast_check(plain, &forecast);
			verdicts[forecast.trace.verdict]++;
		}
		if (wanted != NULL || step % 100 == 0)
			compare_counters(cached, plain, &act, step);
	}
	printf("%u frames sent\n", sent);
	/* A test of silence would prove little. */
	assert_true(sent > (unsigned)steps / 8);
	for (unsigned verdict = TRACE_DELIVERED; verdict < TRACE_VERDICT_COUNT; verdict++)
		assert_true(verdicts[verdict] > 10);
	world_close(cached);
	world_close(plain);
}

static void test_agreement(void **state)
{
	with_nat = false;
	agree(false, 30000);
}

static void test_nat(void **state)
{
	with_nat = true;
	agree(true, 20000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_agreement), cmocka_unit_test(test_nat)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
