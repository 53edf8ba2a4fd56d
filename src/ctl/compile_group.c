/* Security groups of a flat lab as messages. */
#include "ctl/compile_group.h"

#include "base/check.h"
#include "model/lab_io.h"
#include "net/ipv4.h"

#include <string.h>

/* Adds a rule to those of a group, which are zeroed; ICMP without family is that of both. */
static void add_rule(const struct compile_inputs *in, struct group_rule *rules, size_t *count, const struct lab_rule *rule, bool ingress)
{
	struct group_rule *out = &rules[*count];
	enum lab_peer peer = LAB_PEER_ANY;
	const char *group = NULL;
	bool sound = lab_rule_protocol(rule->protocol, &out->protocol) && lab_rule_peer(rule->peer, &peer, &out->remote, &group);

	CHECK(sound); /* the lab was checked */
	if (peer == LAB_PEER_NONE) {
		memset(out, 0, sizeof(*out));
		return;
	}
	out->ingress = ingress;
	out->port_last = UINT16_MAX;
	if (rule->port_first != 0) {
		out->port_first = rule->port_first;
		out->port_last = rule->port_last;
	} else if (rule->icmp_type != 0) {
		out->port_first = (uint16_t)(rule->icmp_type << 8);
		out->port_last = out->port_first | 0xff;
	}
	if (group != NULL)
		out->group = in->id(in->context, "group", group);
	out->family = out->remote.ip.family;
	++*count;
	if (out->protocol != IP_PROTOCOL_ICMP || out->family == IP_V4)
		return;
	memcpy(out + 1, out, sizeof(*out));
	out[1].protocol = IP_PROTOCOL_ICMPV6;
	++*count;
}

size_t compile_group_rules(
	struct arena *arena, const struct lab_group *group, const struct compile_inputs *in, const struct group_rule **rules)
{
	static const struct lab_rule everything = {.protocol = "any", .peer = "any"};
	struct group_rule *list = arena_alloc(arena, 2 * (group->ingress_count + group->egress_count + 1) * sizeof(*list));
	size_t count = 0;

	for (size_t k = 0; k < group->ingress_count; k++)
		add_rule(in, list, &count, &group->ingress[k], true);
	for (size_t k = 0; k < group->egress_count; k++)
		add_rule(in, list, &count, &group->egress[k], false);
	if (group->egress_count == 0)
		add_rule(in, list, &count, &everything, false);
	*rules = list;
	return count;
}

void compile_nic_groups(const struct lab_nic *nic, const struct compile_inputs *in, struct msg_port *body)
{
	CHECK(nic->group_count <= GROUPS_MAX && nic->pair_count <= ADDRESS_PAIRS_MAX); /* the model's own limits */
	for (size_t i = 0; i < nic->group_count; i++)
		body->groups[body->group_count++] = in->id(in->context, "group", nic->groups[i]);
	for (size_t i = 0; i < nic->pair_count; i++) {
		struct address_pair *pair = &body->pairs[body->pair_count++];

		/* An address alone has length 0. */
		pair->mac = nic->pairs[i].mac;
		pair->ip = nic->pairs[i].ip;
		if (pair->ip.length == 0)
			pair->ip.length = (uint8_t)ip_bits((enum ip_family)pair->ip.ip.family);
		pair->ip = prefix_masked(pair->ip);
	}
}
