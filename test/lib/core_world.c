/* A small world for tests of the switch core: keeps what the core sends and says. */
#include "core_world.h"

#include "base/arena.h"
#include "base/check.h"
#include "net/arp.h"
#include "net/checksum.h"
#include "net/ethernet.h"
#include "net/ipv4.h"
#include "net/ipv6.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool take(struct world *world, uint32_t port, struct packet *packet)
{
	struct sent *sent;

	if (world->refuse || world->sent_count == WORLD_SENT_MAX) {
		packet_free(world->pool, packet);
		return false;
	}
	sent = &world->sent[world->sent_count++];
	*sent = (struct sent){.port = port, .size = packet->size, .bytes = xalloc(packet->size), .offload = packet->offload};
	memcpy(sent->bytes, packet->data, packet->size);
	packet_free(world->pool, packet);
	return true;
}

static uint64_t on_send(void *context, uint32_t port, struct packet *const *packets, unsigned count)
{
	uint64_t sent = 0;

	for (unsigned i = 0; i < count; i++)
		sent |= (uint64_t)take(context, port, packets[i]) << i;
	return sent;
}

static void on_message(void *context, enum process_id to, enum message_type type, uint32_t seq, const void *body)
{
	struct world *world = context;
	const struct message_row *row = message_row((uint16_t)type);
	struct told *told;
	struct err err;

	CHECK(row != NULL && message_check(row, body, message_size(row, body), &err) == 0);
	if (world->told_count == WORLD_MESSAGES_MAX)
		return;
	told = &world->told[world->told_count++];
	*told = (struct told){to, type, xalloc(row->size)};
	message_copy(row, body, message_size(row, body), told->body);
}

static const struct core_ops ops = {on_send, on_message};

struct world *world_open(const struct core_limits *limits)
{
	struct world *world = xalloc(sizeof(*world));

	world->pool = packet_pool_new(8192, 64);
	world->now = (struct instant){1000000000000};
	world->core = core_new(&ops, world, world->pool, limits);
	return world;
}

void world_clear(struct world *world)
{
	for (unsigned i = 0; i < world->sent_count; i++)
		free(world->sent[i].bytes);
	for (unsigned i = 0; i < world->told_count; i++)
		free(world->told[i].body);
	world->sent_count = world->told_count = 0;
}

void world_close(struct world *world)
{
	core_free(world->core);
	world_clear(world);
	packet_pool_free(world->pool);
	free(world);
}

int world_try(struct world *world, enum message_type type, const void *body)
{
	bool routing = type == MSG_PUNT_RULE || type == MSG_INJECT || type == MSG_FIB_BATCH || type == MSG_FIB_SYNC;
	struct err err = {0};

	return core_apply(world->core, routing ? PROCESS_ROUTE : PROCESS_CTL, message_row((uint16_t)type), body, world->now, &err);
}

void world_order(struct world *world, enum message_type type, const void *body) { CHECK(world_try(world, type, body) == 0); }

struct mac world_mac(uint32_t n) { return (struct mac){{0x52, 0x54, 0x00, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}}; }

struct ip world_ip(const char *text)
{
	struct ip ip = {0};

	if (text != NULL)
		CHECK(ip_parse(text, &ip));
	return ip;
}

static struct prefix world_prefix(const char *text)
{
	struct prefix prefix;

	CHECK(prefix_parse(text, &prefix));
	return prefix;
}

void world_network(struct world *world, uint32_t id, const char *subnet)
{
	struct msg_network network = {.id = id, .kind = NETWORK_SEGMENT, .up = true, .mtu = 1500};

	if (subnet != NULL)
		network.subnets[network.subnet_count++] = world_prefix(subnet);
	world_order(world, MSG_NETWORK_SET, &network);
}

void world_link(struct world *world, uint32_t id)
{
	struct msg_network network = {.id = id, .kind = NETWORK_LINK, .up = true, .mtu = 1500};

	world_order(world, MSG_NETWORK_SET, &network);
}

void world_port(struct world *world, uint32_t id, uint32_t network, const char *ipv4)
{
	struct msg_port port = {.id = id, .kind = PORT_VHOST, .up = true, .mtu = 1500, .network = network, .mac = world_mac(id)};

	port.ipv4 = world_ip(ipv4);
	world_order(world, MSG_PORT_SET, &port);
	core_port_state(world->core, id, PORT_STATE_UP, NULL, world->now);
}

void world_tap(struct world *world, uint32_t id, uint32_t network)
{
	struct msg_port port = {.id = id, .kind = PORT_TAP, .up = true, .mtu = 1500, .network = network};

	world_order(world, MSG_PORT_SET, &port);
	core_port_state(world->core, id, PORT_STATE_UP, NULL, world->now);
}

void world_grouped(struct world *world, uint32_t id, uint32_t network, const char *ipv4, const char *ipv6, const uint32_t *groups)
{
	struct msg_port port = {.id = id, .kind = PORT_VHOST, .up = true, .mtu = 1500, .network = network, .mac = world_mac(id)};

	port.ipv4 = world_ip(ipv4);
	port.ipv6 = world_ip(ipv6);
	while (groups != NULL && groups[port.group_count] != 0) {
		port.groups[port.group_count] = groups[port.group_count];
		port.group_count++;
	}
	world_order(world, MSG_PORT_SET, &port);
	core_port_state(world->core, id, PORT_STATE_UP, NULL, world->now);
}

void world_group(struct world *world, uint32_t id, const struct group_rule *rules, unsigned count)
{
	static struct msg_group_rules page;
	static uint64_t version;
	struct msg_group group = {.id = id, .page_count = 1, .version = ++version};

	CHECK(count <= GROUP_RULES_MAX);
	memset(&page, 0, sizeof(page));
	page.id = id + 1000000;
	page.group = id;
	page.version = version;
	page.rule_count = (uint16_t)count;
	if (count > 0)
		memcpy(page.rules, rules, count * sizeof(rules[0]));
	world_order(world, MSG_GROUP_SET, &group);
	world_order(world, MSG_GROUP_RULES_SET, &page);
}

void world_router(struct world *world, uint32_t id)
{
	struct msg_router router = {.id = id};

	world_order(world, MSG_ROUTER_SET, &router);
}

void world_rif(struct world *world, uint32_t id, uint32_t router, uint32_t network, const char *address)
{
	struct msg_rif rif = {.id = id, .router = router, .network = network, .up = true, .mtu = 1500, .mac = world_mac(id)};

	if (address != NULL)
		rif.addresses[rif.address_count++] = world_prefix(address);
	world_order(world, MSG_RIF_SET, &rif);
	if (address != NULL)
		world_route(world, router, address, id, NULL);
}

void world_route(struct world *world, uint32_t router, const char *prefix, uint32_t rif, const char *nexthop)
{
	static struct msg_fib fib;

	memset(&fib, 0, sizeof(fib));
	fib.router = router;
	fib.count = 1;
	fib.entries[0].add = true;
	fib.entries[0].prefix = world_prefix(prefix);
	fib.entries[0].protocol = ROUTE_STATIC;
	fib.entries[0].action = rif == 0 ? ROUTE_BLACKHOLE : ROUTE_FORWARD;
	if (rif != 0) {
		fib.entries[0].nexthop_count = 1;
		fib.entries[0].nexthops[0] = (struct nexthop){world_ip(nexthop), rif};
	}
	world_order(world, MSG_FIB_BATCH, &fib);
}

void world_unroute(struct world *world, uint32_t router, const char *prefix)
{
	static struct msg_fib fib;

	memset(&fib, 0, sizeof(fib));
	fib.router = router;
	fib.count = 1;
	fib.entries[0].prefix = world_prefix(prefix);
	world_order(world, MSG_FIB_BATCH, &fib);
}

static unsigned build_l4(const struct frame *f, uint8_t *l4)
{
	uint16_t payload = f->payload_bytes;
	uint32_t sum;
	uint16_t at;

	for (unsigned i = 0; i < payload; i++)
		l4[8 + i] = (uint8_t)(i * 7 + f->ip_id);
	if (f->protocol == IP_PROTOCOL_ICMP || f->protocol == IP_PROTOCOL_ICMPV6) {
		l4[0] = (uint8_t)f->l4_src;
		l4[1] = (uint8_t)f->l4_dst;
		wire_put_u16(l4 + 4, f->icmp_id ? f->icmp_id : 0x1234);
		wire_put_u16(l4 + 6, 1);
		at = 2;
	} else {
		wire_put_u16(l4, f->l4_src);
		wire_put_u16(l4 + 2, f->l4_dst);
		wire_put_u16(l4 + 4, (uint16_t)(8 + payload));
		if (f->protocol == IP_PROTOCOL_TCP && f->tcp_flags != 0)
			l4[13] = f->tcp_flags;
		at = 6;
	}
	wire_put_u16(l4 + at, 0);
	sum = f->protocol == IP_PROTOCOL_ICMP ? 0 : checksum_pseudo(f->ip_src, f->ip_dst, f->protocol, 8u + payload);
	wire_put_u16(l4 + at, checksum_fold(checksum_add(sum, l4, 8u + payload)));
	return 8u + payload;
}

unsigned frame_build(const struct frame *frame, uint8_t *out)
{
	struct frame f = *frame;
	struct ethernet_header *eth = (struct ethernet_header *)out;
	struct ipv4_header *v4 = (struct ipv4_header *)(eth + 1);
	struct ipv6_header *v6 = (struct ipv6_header *)(eth + 1);
	unsigned l4_bytes, ip_bytes = f.ip_src.family == IP_V4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;

	f.protocol = f.protocol ? f.protocol : IP_PROTOCOL_UDP;
	f.ttl = f.ttl ? f.ttl : 64;
	f.payload_bytes = f.payload_bytes ? f.payload_bytes : 64;
	eth->destination = f.dst;
	eth->source = f.src;
	memset(v6, 0, IPV6_HEADER_BYTES);
	l4_bytes = build_l4(&f, out + ETHERNET_HEADER_BYTES + ip_bytes);
	if (f.ip_src.family == IP_V4) {
		wire_put_u16(eth->type, ETHERNET_IPV4);
		v4->version_ihl = 0x45;
		v4->tos = v4->checksum[0] = v4->checksum[1] = 0;
		wire_put_u16(v4->total_bytes, (uint16_t)(ip_bytes + l4_bytes));
		wire_put_u16(v4->id, f.ip_id);
		wire_put_u16(v4->fragment, f.fragment);
		v4->ttl = f.ttl;
		v4->protocol = f.protocol;
		memcpy(v4->source, f.ip_src.bytes, 4);
		memcpy(v4->destination, f.ip_dst.bytes, 4);
		wire_put_u16(v4->checksum, checksum_fold(checksum_add(0, v4, IPV4_HEADER_BYTES)));
	} else {
		wire_put_u16(eth->type, ETHERNET_IPV6);
		v6->version_class_flow[0] = 0x60;
		wire_put_u16(v6->payload_bytes, (uint16_t)l4_bytes);
		v6->next_header = f.protocol;
		v6->hop_limit = f.ttl;
		memcpy(v6->source, f.ip_src.bytes, 16);
		memcpy(v6->destination, f.ip_dst.bytes, 16);
	}
	return ETHERNET_HEADER_BYTES + ip_bytes + l4_bytes;
}

unsigned frame_arp(uint8_t *out, bool request, struct mac src, struct ip sender, struct mac target_mac, struct ip target)
{
	struct ethernet_header *eth = (struct ethernet_header *)out;
	struct arp_packet *arp = (struct arp_packet *)(eth + 1);

	memset(out, 0, 60);
	eth->destination = request && mac_is_zero(target_mac) ? MAC_BROADCAST : target_mac;
	eth->source = src;
	wire_put_u16(eth->type, ETHERNET_ARP);
	wire_put_u16(arp->hardware_type, 1);
	wire_put_u16(arp->protocol_type, ETHERNET_IPV4);
	arp->hardware_bytes = 6;
	arp->protocol_bytes = 4;
	wire_put_u16(arp->operation, request ? ARP_REQUEST : ARP_REPLY);
	arp->sender_mac = src;
	memcpy(arp->sender_ip, sender.bytes, 4);
	arp->target_mac = target_mac;
	memcpy(arp->target_ip, target.bytes, 4);
	return 60;
}

void world_bytes(struct world *world, uint32_t port, const void *bytes, unsigned size)
{
	struct packet *packet = packet_new(world->pool, size ? size : 1);

	CHECK(packet != NULL);
	packet->size = size;
	packet->in_port = port;
	if (size > 0)
		memcpy(packet->data, bytes, size);
	core_input(world->core, &packet, 1, world->now);
}

void world_frame(struct world *world, uint32_t port, const struct frame *frame)
{
	static uint8_t bytes[16384];
	unsigned size = frame_build(frame, bytes);

	world_bytes(world, port, bytes, size);
}

void world_pass(struct world *world, struct span span)
{
	struct instant until = instant_add(world->now, span);

	for (;;) {
		struct instant next = core_tick(world->core, world->now);

		if (next.ns > until.ns)
			break;
		CHECK(next.ns > world->now.ns);
		world->now = next;
	}
	world->now = until;
	(void)core_tick(world->core, world->now);
}

const struct sent *world_nth(const struct world *world, uint32_t port, unsigned n)
{
	for (unsigned i = 0; i < world->sent_count; i++)
		if (world->sent[i].port == port && n-- == 0)
			return &world->sent[i];
	return NULL;
}

const struct sent *world_first(const struct world *world, uint32_t port) { return world_nth(world, port, 0); }

unsigned world_count(const struct world *world, uint32_t port)
{
	unsigned n = 0;

	while (world_nth(world, port, n) != NULL)
		n++;
	return n;
}

const void *world_told(const struct world *world, enum message_type type, unsigned n)
{
	for (unsigned i = 0; i < world->told_count; i++)
		if (world->told[i].type == type && n-- == 0)
			return world->told[i].body;
	return NULL;
}

unsigned world_told_count(const struct world *world, enum message_type type)
{
	unsigned n = 0;

	while (world_told(world, type, n) != NULL)
		n++;
	return n;
}

/* Asks a question and leaves the world's list of messages as it was, but for the answer at its end, which begins at the returned index. */
static unsigned world_ask(struct world *world, enum show_what what)
{
	struct msg_show show = {.what = (uint8_t)what};
	unsigned first = world->told_count;
	struct err err;

	CHECK(core_show(world->core, PROCESS_CTL, 1, &show, world->now, &err) == 0);
	return first;
}

static void world_forget(struct world *world, unsigned first)
{
	while (world->told_count > first)
		free(world->told[--world->told_count].body);
}

struct row_interface world_counters(struct world *world, uint32_t id)
{
	unsigned first = world_ask(world, SHOW_INTERFACES);
	struct row_interface found = {0};

	for (unsigned i = first; i < world->told_count; i++)
		if (((struct row_interface *)world->told[i].body)->id == id)
			found = *(struct row_interface *)world->told[i].body;
	world_forget(world, first);
	return found;
}

uint64_t world_drops(struct world *world, uint32_t id, const char *reason)
{
	unsigned first = world_ask(world, SHOW_DROPS);
	uint64_t packets = 0;

	for (unsigned i = first; i < world->told_count; i++) {
		const struct row_drop *row = world->told[i].body;

		if (row->id == id && strcmp(row->reason, reason) == 0)
			packets += row->packets;
	}
	world_forget(world, first);
	return packets;
}
