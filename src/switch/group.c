/* Security groups: pages of rules into rules in effect, members, policies of ports. */
#include "switch/group.h"

#include "base/arena.h"
#include "switch/conn.h"
#include "switch/core_state.h"
#include "switch/policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Some rules of a version, as they came. */
struct page {
	uint64_t mark;
	uint32_t group, number;
	uint64_t version;
	uint16_t count;
	struct group_rule rules[];
};

/* An address of a member. */
struct membership {
	struct membership *next; /* of the same key */
	struct ip ip;
	uint32_t group;
	const struct port *port;
};

/* --- policies --- */

static void policy_build(struct core *core, struct port_policy *policy)
{
	struct policy_rules rules[GROUPS_MAX];

	for (unsigned i = 0; i < policy->group_count; i++) {
		const struct group *group = map_get(&core->groups, policy->groups[i]);

		rules[i] = group == NULL ? (struct policy_rules){0} : (struct policy_rules){group->rules, group->rule_count};
	}
	policy_free(policy->compiled);
	policy->compiled = policy_compile(rules, policy->group_count);
}

/* What is allowed has changed, or who is a member: all connections are asked for again. */
static void policies_changed(struct core *core)
{
	core->policy_generation++;
	core_raise(core, &core->topology_generation);
}

static void group_changed(struct core *core, uint32_t id)
{
	struct port_policy *policy;

	list_each (policy, &core->policies, struct port_policy, in_core) {
		for (unsigned i = 0; i < policy->group_count; i++)
			if (policy->groups[i] == id)
				policy_build(core, policy);
	}
	policies_changed(core);
}

static int number_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static struct port_policy *policy_of(struct core *core, const struct msg_port *config)
{
	struct port_policy *policy;
	uint32_t groups[GROUPS_MAX];
	size_t bytes = config->group_count * sizeof(groups[0]);

	memcpy(groups, config->groups, bytes);
	qsort(groups, config->group_count, sizeof(groups[0]), number_compare);
	list_each (policy, &core->policies, struct port_policy, in_core) {
		if (policy->group_count == config->group_count && memcmp(policy->groups, groups, bytes) == 0)
			return policy;
	}
	policy = xalloc(sizeof(*policy));
	policy->group_count = config->group_count;
	memcpy(policy->groups, groups, bytes);
	list_append(&core->policies, &policy->in_core);
	policy_build(core, policy);
	return policy;
}

/* --- members --- */

static void membership_add(struct core *core, const struct port *port, uint32_t group, struct ip ip)
{
	struct membership *membership;

	if (ip.family == IP_NONE)
		return;
	membership = xalloc(sizeof(*membership));
	*membership = (struct membership){map_get(&core->memberships, ip_key(ip)), ip, group, port};
	map_set(&core->memberships, ip_key(ip), membership);
}

static void membership_remove(struct core *core, const struct port *port, struct ip ip)
{
	struct membership *first = map_get(&core->memberships, ip_key(ip)), **link = &first, *gone;

	if (first == NULL)
		return;
	while (*link != NULL) {
		if ((*link)->port != port) {
			link = &(*link)->next;
			continue;
		}
		gone = *link;
		*link = gone->next;
		free(gone);
	}
	if (first != NULL)
		map_set(&core->memberships, ip_key(ip), first);
	else
		map_remove(&core->memberships, ip_key(ip));
}

void group_attach(struct core *core, struct port *port)
{
	const struct msg_port *config = &port->config;
	struct port_policy *before = port->policy;

	if (config->group_count == 0)
		return;
	port->policy = policy_of(core, config);
	port->policy->users++;
	CHECK(before == NULL);
	if (!port->zone.open)
		conn_zone_open(core, &port->zone, CONN_OF_PORT, config->id, port->config.path);
	for (unsigned i = 0; i < config->group_count; i++) {
		membership_add(core, port, config->groups[i], config->ipv4);
		membership_add(core, port, config->groups[i], config->ipv6);
		for (unsigned k = 0; k < config->pair_count; k++)
			if (config->pairs[k].ip.length == ip_bits((enum ip_family)config->pairs[k].ip.ip.family))
				membership_add(core, port, config->groups[i], config->pairs[k].ip.ip);
	}
	policies_changed(core);
}

void group_detach(struct core *core, struct port *port)
{
	struct port_policy *policy = port->policy;

	if (policy == NULL)
		return;
	membership_remove(core, port, port->config.ipv4);
	membership_remove(core, port, port->config.ipv6);
	for (unsigned k = 0; k < port->config.pair_count; k++)
		membership_remove(core, port, port->config.pairs[k].ip.ip);
	port->policy = NULL;
	policies_changed(core);
	if (--policy->users > 0)
		return;
	list_remove(&policy->in_core);
	policy_free(policy->compiled);
	free(policy);
}

bool group_has(const struct group *group, const struct port *port)
{
	for (unsigned i = 0; i < port->config.group_count; i++)
		if (port->config.groups[i] == group->config.id)
			return true;
	return false;
}

bool group_allows(const struct core *core, const struct port *port, bool ingress, struct ip remote, uint32_t service)
{
	const struct policy *policy = port->policy->compiled;
	const struct membership *membership;

	if (policy_allows(policy, ingress, remote, service))
		return true;
	if (!policy_names_groups(policy, ingress))
		return false;
	for (membership = map_get(&core->memberships, ip_key(remote)); membership != NULL; membership = membership->next)
		if (ip_equal(membership->ip, remote) && policy_allows_group(policy, ingress, membership->group, service))
			return true;
	return false;
}

/* --- groups and pages --- */

/* Takes the wanted version into effect when all of it is there. */
static void group_complete(struct core *core, struct group *group)
{
	uint32_t pages = group->config.page_count, found = 0;
	struct group_rule *rules;
	struct page *page, **by_number;
	size_t cursor = 0, count = 0;

	if (group->active && group->version == group->config.version)
		return;
	by_number = xalloc((pages + 1) * sizeof(struct page *));
	while ((page = map_next(&core->group_pages, &cursor, NULL, NULL)) != NULL) {
		if (page->group != group->config.id || page->version != group->config.version || page->number >= pages ||
			by_number[page->number] != NULL)
			continue;
		by_number[page->number] = page;
		count += page->count;
		found++;
	}
	if (found == pages) {
		rules = xalloc((count + 1) * sizeof(*rules));
		count = 0;
		for (uint32_t i = 0; i < pages; i++) {
			memcpy(&rules[count], by_number[i]->rules, by_number[i]->count * sizeof(*rules));
			count += by_number[i]->count;
		}
		free(group->rules);
		group->rules = rules;
		group->rule_count = count;
		group->version = group->config.version;
		group->active = true;
		group_changed(core, group->config.id);
	}
	free(by_number);
}

int group_set(struct core *core, const struct msg_group *config, struct err *err)
{
	struct group *group = map_get(&core->groups, config->id);

	if (config->id == 0)
		return err_set(err, -EINVAL, "a security group's id is not 0");
	if (config->page_count > core->limits.rules_per_group / GROUP_RULES_MAX + 1)
		return err_set(err, -ENOSPC, "security group %s has more than %u rules", config->path, core->limits.rules_per_group);
	if (group == NULL) {
		if (core->groups.used >= core->limits.groups)
			return err_set(
				err, -ENOSPC, "no room for another security group: the switch holds %u at most", core->limits.groups);
		group = xalloc(sizeof(*group));
		map_set(&core->groups, config->id, group);
	}
	group->mark = core->sync_mark;
	group->config = *config;
	group_complete(core, group);
	return 0;
}

int group_rules_set(struct core *core, const struct msg_group_rules *body, struct err *err)
{
	struct group *group = map_get(&core->groups, body->group);
	struct page *page;

	if (body->id == 0)
		return err_set(err, -EINVAL, "the id of a security group's rules is not 0");
	if (map_get(&core->group_pages, body->id) == NULL && core->group_pages.used >= 2 * core->limits.groups)
		return err_set(err, -ENOSPC, "no room for more rules of security groups");
	page = xalloc(sizeof(*page) + body->rule_count * sizeof(page->rules[0]));
	*page = (struct page){core->sync_mark, body->group, body->page, body->version, body->rule_count};
	memcpy(page->rules, body->rules, body->rule_count * sizeof(page->rules[0]));
	free(map_set(&core->group_pages, body->id, page));
	if (group != NULL)
		group_complete(core, group);
	return 0;
}

void group_del(struct core *core, uint32_t id)
{
	struct group *group = map_remove(&core->groups, id);

	if (group == NULL)
		return;
	free(group->rules);
	free(group);
	group_changed(core, id);
}

void group_rules_del(struct core *core, uint32_t id) { free(map_remove(&core->group_pages, id)); }

void group_sweep(struct core *core)
{
	struct group *group;
	struct page *page;
	size_t cursor = 0;

	while ((group = map_next(&core->groups, &cursor, NULL, NULL)) != NULL)
		if (group->mark != core->sync_mark)
			group_del(core, group->config.id);
	for (uint64_t id = cursor = 0; (page = map_next(&core->group_pages, &cursor, &id, NULL)) != NULL;)
		if (page->mark != core->sync_mark)
			group_rules_del(core, (uint32_t)id);
}

void group_free(struct core *core)
{
	map_free(&core->groups);
	map_free(&core->group_pages);
	map_free(&core->memberships);
}
