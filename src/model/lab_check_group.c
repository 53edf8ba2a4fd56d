/*
 * Security groups: what the texts of a rule mean, and the checks of groups and of the NICs that name them.
 */
#include "base/check.h"
#include "model/lab_check.h"

#include <stdlib.h>
#include <string.h>

enum { PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58 };

bool lab_rule_protocol(const char *text, uint8_t *protocol)
{
	static const struct {
		const char *name;
		uint8_t number;
	} names[] = {{"any", 0}, {"tcp", PROTOCOL_TCP}, {"udp", PROTOCOL_UDP}, {"icmp", PROTOCOL_ICMP}, {"icmpv6", PROTOCOL_ICMPV6},
		{"igmp", 2}, {"gre", 47}, {"esp", 50}, {"ah", 51}, {"ospf", 89}, {"vrrp", 112}, {"sctp", 132}};
	char *end;
	long number;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(text, names[i].name) != 0)
			continue;
		*protocol = names[i].number;
		return true;
	}
	number = strtol(text, &end, 10);
	if (*end != '\0' || strspn(text, "0123456789") != strlen(text) || number < 1 || number > 255)
		return false;
	*protocol = (uint8_t)number;
	return true;
}

bool lab_rule_peer(const char *text, enum lab_peer *peer, struct prefix *prefix, const char **group)
{
	if (strcmp(text, "any") == 0) {
		*peer = LAB_PEER_ANY;
	} else if (strcmp(text, "none") == 0) {
		*peer = LAB_PEER_NONE;
	} else if (strncmp(text, "group:", 6) == 0) {
		*peer = LAB_PEER_GROUP;
		*group = text + 6;
	} else if (prefix_parse(text, prefix)) {
		*peer = LAB_PEER_PREFIX;
	} else if (ip_parse(text, &prefix->ip)) {
		*peer = LAB_PEER_PREFIX;
		prefix->length = (uint8_t)ip_bits((enum ip_family)prefix->ip.family);
	} else {
		return false;
	}
	return true;
}

static void check_rule(const struct lab *lab, struct diags *diags, const struct lab_rule *rule, const char *path, const char *peer_key,
	const struct name_index *groups)
{
	const char *group = NULL, *peer_path = path_of(diags, "%s.%s", path, peer_key);
	struct prefix prefix = {0};
	enum lab_peer peer = LAB_PEER_ANY;
	uint8_t protocol = 0;
	char text[PREFIX_TEXT_BYTES];

	if (!lab_rule_protocol(rule->protocol, &protocol))
		lab_error(lab, diags, path_of(diags, "%s.protocol", path),
			"no protocol named \"%.16s\"; there are any, tcp, udp, icmp, icmpv6, igmp, gre, esp, ah, ospf, vrrp, sctp, and "
			"numbers "
			"from 1 to 255",
			rule->protocol);
	else if (rule->port_first != 0 && protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
		lab_error(lab, diags, path_of(diags, "%s.port", path), "`port` belongs to `protocol: tcp` or `protocol: udp`");
	else if (rule->icmp_type != 0 && protocol != PROTOCOL_ICMP && protocol != PROTOCOL_ICMPV6)
		lab_error(lab, diags, path_of(diags, "%s.type", path), "`type` belongs to `protocol: icmp`");
	if (!lab_rule_peer(rule->peer, &peer, &prefix, &group))
		lab_error(lab, diags, peer_path,
			"expected any, none, an address, a prefix such as 10.0.0.0/8, or group:NAME, got \"%.64s\"", rule->peer);
	else if (peer == LAB_PEER_GROUP)
		check_reference(lab, diags, groups, "security group", peer_path, group);
	else if (peer == LAB_PEER_PREFIX && !prefix_equal(prefix, prefix_masked(prefix)))
		lab_error(lab, diags, peer_path, "\"%.64s\" has host bits; the prefix is %s", rule->peer,
			prefix_text(prefix_masked(prefix), text));
}

static void check_nic_groups(
	const struct lab *lab, struct diags *diags, const struct lab_nic *nic, const char *path, const struct name_index *groups)
{
	for (size_t i = 0; i < nic->group_count; i++) {
		check_reference(lab, diags, groups, "security group", path_of(diags, "%s.security-groups[%zu]", path, i), nic->groups[i]);
		for (size_t k = 0; k < i; k++)
			if (strcmp(nic->groups[k], nic->groups[i]) == 0)
				lab_error(lab, diags, path_of(diags, "%s.security-groups[%zu]", path, i), "%s is named twice",
					nic->groups[i]);
	}
	for (size_t i = 0; i < nic->pair_count; i++)
		if (mac_is_multicast(nic->pairs[i].mac))
			lab_error(lab, diags, path_of(diags, "%s.allowed-address-pairs[%zu].mac", path, i),
				"nobody may speak from a group address");
}

void check_groups(const struct lab *lab, struct diags *diags, const struct name_index *groups)
{
	for (size_t i = 0; i < lab->group_count; i++) {
		const struct lab_group *group = &lab->groups[i];
		const char *path = path_of(diags, "security-groups.%s", group->name);

		for (size_t k = 0; k < group->ingress_count; k++)
			check_rule(lab, diags, &group->ingress[k], path_of(diags, "%s.ingress[%zu]", path, k), "from", groups);
		for (size_t k = 0; k < group->egress_count; k++)
			check_rule(lab, diags, &group->egress[k], path_of(diags, "%s.egress[%zu]", path, k), "to", groups);
	}
	for (size_t i = 0; i < lab->vm_count; i++)
		for (size_t k = 0; k < lab->vms[i].nic_count; k++)
			check_nic_groups(lab, diags, &lab->vms[i].nics[k], path_of(diags, "vms.%s.nics[%zu]", lab->vms[i].name, k), groups);
}
