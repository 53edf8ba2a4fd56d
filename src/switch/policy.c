/* Policies: from rules to sorted sets of intervals, and the search in them. */
#include "switch/policy.h"

#include "base/arena.h"
#include "base/check.h"
#include "net/ipv4.h"

#include <stdlib.h>
#include <string.h>

/* A service is protocol << 16 and 16 bits more. */
#define SERVICE_BITS 16
#define SERVICE_MAX 0xffffffu

struct interval {
	uint32_t first, last;
};

/* What is allowed for one other side: `interval_count` of the policy's intervals from `intervals` on. */
struct policy_set {
	struct ip ip; /* masked */
	uint32_t group;
	uint32_t intervals, interval_count;
};

/* The sets of prefixes of one family and length. */
struct policy_class {
	uint8_t family, length;
	uint32_t sets, set_count;
};

struct policy_side {
	struct interval *intervals;
	struct policy_set *sets; /* of prefixes, class by class; then of groups */
	struct policy_class *classes;
	uint32_t class_count;
	uint32_t group_sets, group_set_count;
};

struct policy {
	struct policy_side sides[2]; /* egress, ingress */
};

/* A rule of one direction and family while it is compiled. */
struct line {
	uint32_t group; /* 0: the prefix counts */
	struct prefix remote;
	struct interval services;
};

uint32_t policy_service(uint8_t protocol, uint16_t l4_src, uint16_t l4_dst)
{
	uint32_t more = 0;

	if (protocol == IP_PROTOCOL_TCP || protocol == IP_PROTOCOL_UDP)
		more = l4_dst;
	else if (protocol == IP_PROTOCOL_ICMP || protocol == IP_PROTOCOL_ICMPV6)
		more = (uint32_t)(l4_src & 0xff) << 8 | (l4_dst & 0xff);
	return (uint32_t)protocol << SERVICE_BITS | more;
}

static struct interval rule_services(const struct group_rule *rule)
{
	uint32_t protocol = (uint32_t)rule->protocol << SERVICE_BITS;

	if (rule->protocol == 0)
		return (struct interval){0, SERVICE_MAX};
	return (struct interval){protocol | rule->port_first, protocol | rule->port_last};
}

/* Groups last; then by family, length, address, first service. */
static int line_compare(const void *a, const void *b)
{
	const struct line *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->remote.ip.family != y->remote.ip.family)
		return x->remote.ip.family < y->remote.ip.family ? -1 : 1;
	if (x->remote.length != y->remote.length)
		return x->remote.length < y->remote.length ? -1 : 1;
	if (!ip_equal(x->remote.ip, y->remote.ip))
		return ip_compare(x->remote.ip, y->remote.ip);
	if (x->services.first != y->services.first)
		return x->services.first < y->services.first ? -1 : 1;
	return 0;
}

static void line_add(struct line *lines, size_t *count, const struct group_rule *rule, struct prefix remote)
{
	struct interval services = rule_services(rule);

	if (services.first > services.last)
		return;
	lines[*count] = (struct line){.group = rule->group, .services = services};
	if (rule->group == 0)
		lines[*count].remote = prefix_masked(remote);
	++*count;
}

/* A rule becomes one line, or two when it is about any address of both families. */
static void lines_of(struct line *lines, size_t *count, const struct group_rule *rule)
{
	static const struct prefix every[2] = {{{IP_V4, {0}}, 0}, {{IP_V6, {0}}, 0}};

	if (rule->group != 0 || rule->remote.ip.family != IP_NONE) {
		line_add(lines, count, rule, rule->remote);
		return;
	}
	for (unsigned i = 0; i < 2; i++)
		if (rule->family == IP_NONE || rule->family == every[i].ip.family)
			line_add(lines, count, rule, every[i]);
}

static bool same_set(const struct line *a, const struct line *b)
{
	return a->group == b->group && a->remote.length == b->remote.length && ip_equal(a->remote.ip, b->remote.ip);
}

/* Sorted lines of one direction become sets and classes. */
static void side_build(struct policy_side *side, const struct line *lines, size_t count)
{
	uint32_t intervals = 0, sets = 0;

	side->intervals = xalloc((count + 1) * sizeof(*side->intervals));
	side->sets = xalloc((count + 1) * sizeof(*side->sets));
	side->classes = xalloc((count + 1) * sizeof(*side->classes));
	for (size_t i = 0; i < count; i++) {
		const struct line *line = &lines[i];
		struct interval *last = &side->intervals[intervals - (intervals > 0)];
		struct policy_class *class = &side->classes[side->class_count - (side->class_count > 0)];

		if (i > 0 && same_set(line, line - 1)) {
			if (line->services.first <= last->last + 1) {
				last->last = line->services.last > last->last ? line->services.last : last->last;
				continue;
			}
			side->intervals[intervals++] = line->services;
			side->sets[sets - 1].interval_count++;
			continue;
		}
		side->sets[sets] = (struct policy_set){line->remote.ip, line->group, intervals, 1};
		side->intervals[intervals++] = line->services;
		if (line->group != 0) {
			side->group_sets = side->group_set_count++ == 0 ? sets : side->group_sets;
		} else if (side->class_count == 0 || class->family != line->remote.ip.family || class->length != line->remote.length) {
			side->classes[side->class_count++] = (struct policy_class){line->remote.ip.family, line->remote.length, sets, 1};
		} else {
			class->set_count++;
		}
		sets++;
	}
}

struct policy *policy_compile(const struct policy_rules *groups, size_t count)
{
	struct policy *policy = xalloc(sizeof(*policy));
	size_t rules = 0;
	struct line *lines;

	for (size_t g = 0; g < count; g++)
		rules += groups[g].count;
	lines = xalloc((2 * rules + 1) * sizeof(*lines));
	for (unsigned side = 0; side < 2; side++) {
		size_t used = 0;

		for (size_t g = 0; g < count; g++)
			for (size_t i = 0; i < groups[g].count; i++)
				if (groups[g].rules[i].ingress == side)
					lines_of(lines, &used, &groups[g].rules[i]);
		qsort(lines, used, sizeof(*lines), line_compare);
		side_build(&policy->sides[side], lines, used);
	}
	free(lines);
	return policy;
}

void policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (unsigned side = 0; side < 2; side++) {
		free(policy->sides[side].intervals);
		free(policy->sides[side].sets);
		free(policy->sides[side].classes);
	}
	free(policy);
}

static bool set_has(const struct policy_side *side, const struct policy_set *set, uint32_t service)
{
	const struct interval *list = &side->intervals[set->intervals];
	uint32_t low = 0, high = set->interval_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list[middle].last < service)
			low = middle + 1;
		else
			high = middle;
	}
	return low < set->interval_count && list[low].first <= service;
}

static const struct policy_set *class_find(const struct policy_side *side, const struct policy_class *class, struct ip ip)
{
	uint32_t low = class->sets, high = class->sets + class->set_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = ip_compare(side->sets[middle].ip, ip);

		if (order == 0)
			return &side->sets[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool policy_allows(const struct policy *policy, bool ingress, struct ip remote, uint32_t service)
{
	const struct policy_side *side = &policy->sides[ingress];

	for (uint32_t i = 0; i < side->class_count; i++) {
		const struct policy_class *class = &side->classes[i];
		const struct policy_set *set;

		if (class->family != remote.family)
			continue;
		set = class_find(side, class, prefix_masked((struct prefix){remote, class->length}).ip);
		if (set != NULL && set_has(side, set, service))
			return true;
	}
	return false;
}

bool policy_allows_group(const struct policy *policy, bool ingress, uint32_t group, uint32_t service)
{
	const struct policy_side *side = &policy->sides[ingress];
	uint32_t low = side->group_sets, high = side->group_sets + side->group_set_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (side->sets[middle].group == group)
			return set_has(side, &side->sets[middle], service);
		if (side->sets[middle].group < group)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

bool policy_names_groups(const struct policy *policy, bool ingress) { return policy->sides[ingress].group_set_count > 0; }
