/*
 * Test of security groups against an obvious model: random machines, groups, rules and packets; a packet must arrive just when a model
 * that reads all rules one by one and keeps connections in a plain list says so.
 */
#include "../../test/lib/core_world.h"

#include "base/check.h"
#include "base/rand.h"
#include "net/ethernet.h"
#include "net/icmp.h"
#include "net/ipv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SYN = 2, RST = 4, ACK = 16 };

/* Network 1: machines 11, 12, 13, TAP 18; network 2 behind router 100: machines 21, 22. */
static const uint32_t ports[] = {11, 12, 13, 18, 21, 22};
#define PORTS 6
#define GROUPS 3
#define RULES 6
#define CONNS 200000

struct packet_model {
	unsigned from, to; /* indexes of `ports` */
	uint8_t protocol, flags;
	uint16_t src, dst; /* ICMP: identifier, type */
};

/* A connection of one port, as its first packet was. */
struct conn_model {
	unsigned port;
	bool inbound, revoked;
	struct packet_model first;
};

struct model {
	struct group_rule rules[GROUPS][RULES];
	unsigned rule_count[GROUPS];
	unsigned member[PORTS]; /* a bit for each group */
	struct conn_model *conns;
	unsigned conn_count;
};

static struct ip ip_of(unsigned port) { return ip_from_u32(0x0a000000 | ports[port] / 10 << 16 | ports[port]); }

static bool rule_fits(const struct model *model, const struct group_rule *rule, const struct packet_model *p, bool inbound)
{
	unsigned remote = inbound ? p->from : p->to;
	uint16_t service = p->protocol == IP_PROTOCOL_ICMP ? (uint16_t)(p->dst << 8) : p->dst;

	if (rule->ingress != inbound || (rule->protocol != 0 && rule->protocol != p->protocol))
		return false;
	if (rule->protocol != 0 && (service < rule->port_first || service > rule->port_last))
		return false;
	if (rule->group != 0)
		return (model->member[remote] >> (rule->group - 71) & 1) != 0;
	return rule->remote.ip.family == IP_NONE || prefix_contains(rule->remote, ip_of(remote));
}

static bool model_allows(const struct model *model, unsigned port, const struct packet_model *p, bool inbound)
{
	for (unsigned g = 0; g < GROUPS; g++)
		for (unsigned i = 0; i < model->rule_count[g]; i++)
			if (model->member[port] >> g & 1 && rule_fits(model, &model->rules[g][i], p, inbound))
				return true;
	return false;
}

/* The packet that answers another one. */
static struct packet_model answer_of(const struct packet_model *p)
{
	struct packet_model answer = {p->to, p->from, p->protocol, 0, p->dst, p->src};

	if (p->protocol == IP_PROTOCOL_ICMP) {
		answer.src = p->src;
		answer.dst = p->dst == ICMP_ECHO_REQUEST ? ICMP_ECHO_REPLY : ICMP_ECHO_REQUEST;
	}
	return answer;
}

static bool same_flow(const struct packet_model *a, const struct packet_model *b)
{
	return a->from == b->from && a->to == b->to && a->protocol == b->protocol && a->src == b->src && a->dst == b->dst;
}

static bool model_begin(struct model *model, unsigned port, const struct packet_model *p, bool inbound)
{
	if (p->protocol == IP_PROTOCOL_TCP && (p->flags == (SYN | ACK) || p->flags & RST))
		return false;
	if (p->protocol == IP_PROTOCOL_ICMP && p->dst != ICMP_ECHO_REQUEST)
		return false;
	if (!model_allows(model, port, p, inbound))
		return false;
	CHECK(model->conn_count < CONNS);
	model->conns[model->conn_count++] = (struct conn_model){port, inbound, false, *p};
	return true;
}

/* What a port says to a packet. */
static bool model_judge(struct model *model, unsigned port, const struct packet_model *p, bool inbound)
{
	struct packet_model answer = answer_of(p);
	struct conn_model *conn = NULL;
	bool reply = false;

	if (model->member[port] == 0)
		return true;
	for (unsigned i = 0; i < model->conn_count && conn == NULL; i++) {
		if (model->conns[i].port != port)
			continue;
		reply = same_flow(&model->conns[i].first, &answer);
		if (reply || same_flow(&model->conns[i].first, p))
			conn = &model->conns[i];
	}
	if (conn != NULL && conn->revoked && reply && p->flags == SYN) {
		*conn = model->conns[--model->conn_count];
		conn = NULL;
	}
	if (conn == NULL)
		return model_begin(model, port, p, inbound);
	conn->revoked = !model_allows(model, port, &conn->first, conn->inbound);
	return !conn->revoked;
}

static bool model_passes(struct model *model, const struct packet_model *p)
{
	return model_judge(model, p->from, p, false) && model_judge(model, p->to, p, true);
}

/* --- random acts --- */

static void new_rules(struct world *world, struct model *model, unsigned group, struct rand *rand)
{
	static const uint8_t protocols[] = {0, IP_PROTOCOL_TCP, IP_PROTOCOL_TCP, IP_PROTOCOL_UDP, IP_PROTOCOL_ICMP};

	model->rule_count[group] = (unsigned)rand_below(rand, RULES + 1);
	for (unsigned i = 0; i < model->rule_count[group]; i++) {
		struct group_rule *rule = &model->rules[group][i];
		uint32_t remote = (uint32_t)rand_below(rand, 4);

		*rule = (struct group_rule){.ingress = rand_below(rand, 2), .port_last = 65535};
		rule->protocol = protocols[rand_below(rand, COUNT_OF(protocols))];
		if ((rule->protocol == IP_PROTOCOL_TCP || rule->protocol == IP_PROTOCOL_UDP) && rand_below(rand, 2)) {
			rule->port_first = (uint16_t)(1 + rand_below(rand, 4));
			rule->port_last = (uint16_t)(rule->port_first + rand_below(rand, 2));
		}
		if (remote == 0)
			rule->group = 71 + (uint32_t)rand_below(rand, GROUPS);
		else if (remote == 1)
			rule->remote =
				prefix_masked((struct prefix){ip_of((unsigned)rand_below(rand, PORTS)), rand_below(rand, 2) ? 32 : 24});
	}
	world_group(world, 71 + group, model->rules[group], model->rule_count[group]);
}

/* A port that has no groups any more has no connections either. */
static void new_groups(struct world *world, struct model *model, unsigned port, unsigned member)
{
	uint32_t groups[GROUPS + 1] = {0};
	unsigned count = 0;
	char text[IP_TEXT_BYTES];

	if (ports[port] == 18)
		return;
	for (uint32_t g = 0; g < GROUPS; g++)
		if (member >> g & 1)
			groups[count++] = 71 + g;
	world_grouped(world, ports[port], ports[port] / 10, ip_text(ip_of(port), text), NULL, groups);
	model->member[port] = member;
	for (unsigned i = 0; member == 0 && i < model->conn_count;) {
		if (model->conns[i].port == port)
			model->conns[i] = model->conns[--model->conn_count];
		else
			i++;
	}
}

static struct packet_model new_packet(const struct model *model, struct rand *rand)
{
	static const uint8_t protocols[] = {IP_PROTOCOL_TCP, IP_PROTOCOL_TCP, IP_PROTOCOL_UDP, IP_PROTOCOL_ICMP};
	static const uint8_t flags[] = {SYN, SYN, SYN | ACK, ACK, ACK, ACK};
	struct packet_model p = {.protocol = protocols[rand_below(rand, COUNT_OF(protocols))]};

	/* Half of them belong to something that was there. */
	if (model->conn_count > 0 && rand_below(rand, 2)) {
		p = model->conns[rand_below(rand, model->conn_count)].first;
		if (rand_below(rand, 2))
			p = answer_of(&p);
	} else {
		p.from = (unsigned)rand_below(rand, PORTS);
		do
			p.to = (unsigned)rand_below(rand, PORTS);
		while (p.to == p.from);
		p.src = (uint16_t)(1 + rand_below(rand, 5));
		p.dst = (uint16_t)(1 + rand_below(rand, 5));
		if (p.protocol == IP_PROTOCOL_ICMP)
			p.dst = (uint16_t)(rand_below(rand, 3) ? ICMP_ECHO_REQUEST : ICMP_ECHO_REPLY);
	}
	p.flags = p.protocol == IP_PROTOCOL_TCP ? flags[rand_below(rand, COUNT_OF(flags))] : 0;
	return p;
}

static bool arrives(struct world *world, const struct packet_model *p)
{
	uint32_t from = ports[p->from], to = ports[p->to];
	struct frame frame = {.src = world_mac(from),
		.dst = world_mac(from / 10 == to / 10 ? to : 100 + from / 10),
		.ip_src = ip_of(p->from),
		.ip_dst = ip_of(p->to),
		.protocol = p->protocol,
		.l4_src = p->src,
		.l4_dst = p->dst,
		.tcp_flags = p->flags};

	if (p->protocol == IP_PROTOCOL_ICMP) {
		frame.icmp_id = p->src;
		frame.l4_src = p->dst;
		frame.l4_dst = 0;
	}
	world_clear(world);
	world_frame(world, from, &frame);
	return world_count(world, to) > 0;
}

static struct world *start(struct model *model)
{
	struct world *world = world_open(NULL);
	uint8_t arp[64];

	world_network(world, 1, "10.1.0.0/24");
	world_network(world, 2, "10.2.0.0/24");
	world_router(world, 100);
	world_rif(world, 101, 100, 1, "10.1.0.1/24");
	world_rif(world, 102, 100, 2, "10.2.0.1/24");
	world_tap(world, 18, 1);
	for (unsigned i = 0; i < GROUPS; i++)
		world_group(world, 71 + i, NULL, 0);
	for (unsigned i = 0; i < PORTS; i++)
		new_groups(world, model, i, 0);
	/* The host behind the TAP is known. */
	world_bytes(world, 18, arp, frame_arp(arp, true, world_mac(18), ip_of(3), (struct mac){{0}}, ip_from_u32(0x0a010001)));
	return world;
}

static void test_model(void **state)
{
	const char *wanted = getenv("SEED");
	uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 10) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	unsigned passed = 0, stopped = 0;

	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 40; round++) {
		static struct conn_model conns[CONNS];
		struct model model = {.conns = conns};
		struct world *world = start(&model);

		for (int step = 0; step < 1500; step++) {
			struct packet_model p = new_packet(&model, &rand);
			bool expected;

			if (rand_below(&rand, 50) == 0)
				new_rules(world, &model, (unsigned)rand_below(&rand, GROUPS), &rand);
			if (rand_below(&rand, 100) == 0)
				new_groups(world, &model, (unsigned)rand_below(&rand, PORTS), (unsigned)rand_below(&rand, 1 << GROUPS));
			expected = model_passes(&model, &p);
			if (arrives(world, &p) != expected) {
				printf("round %d step %d: %u to %u, protocol %u, %u to %u, flags %u: model says %d\n", round, step,
					ports[p.from], ports[p.to], p.protocol, p.src, p.dst, p.flags, expected);
				fail();
			}
			passed += expected;
			stopped += !expected;
		}
		world_close(world);
	}
	printf("%u passed, %u stopped\n", passed, stopped);
	assert_true(passed > 5000 && stopped > 5000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_model)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
