/*
 * A policy: the rules of all security groups of a port, compiled so that asking stays cheap.
 *
 * Theory of operation. Rules only allow, so their order doesn't matter and a policy is a union. What a rule says of protocol and port
 * becomes an interval of one number, the service (protocol, then port or ICMP type and code); what it says of the other side is a prefix or
 * a group. Rules of one direction and one other side become a set of disjoint sorted intervals; sets with prefixes of one length are
 * sorted by address. So a question costs two binary searches for each length of prefix that occurs, and one for each group of the address,
 * however many rules there are.
 */
#ifndef SWITCH_POLICY_H
#define SWITCH_POLICY_H

#include "api/message_group.h"

struct policy;

/* The rules of one group. */
struct policy_rules {
	const struct group_rule *rules;
	size_t count;
};

/* Compiles the rules of some groups. Never NULL; no rules allow nothing. */
struct policy *policy_compile(const struct policy_rules *groups, size_t count);
void policy_free(struct policy *policy);

/* The service of a packet: TCP and UDP by destination port, ICMP by type and code, others by protocol alone. */
uint32_t policy_service(uint8_t protocol, uint16_t l4_src, uint16_t l4_dst);

/* True when a rule lets `remote` speak (ingress) or be spoken to; the second asks for members of a group. */
bool policy_allows(const struct policy *policy, bool ingress, struct ip remote, uint32_t service);
bool policy_allows_group(const struct policy *policy, bool ingress, uint32_t group, uint32_t service);

/* True when any rule of the direction names a group. */
bool policy_names_groups(const struct policy *policy, bool ingress);

#endif
