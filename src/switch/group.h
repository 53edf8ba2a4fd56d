/*
 * Security groups: rules shared by ports, who their members are, and what a port's groups together allow.
 *
 * Theory of operation. Rules of a group come in pages (messages of bounded size) of one version. The rules in effect are only replaced when
 * all pages of the wanted version are there, so a change is never half done, and what is taken away meanwhile takes nothing from them.
 * Ports with the same groups share a compiled policy (policy.h). A member of a group is a port that has it, known by its addresses of the
 * model. With each change core->policy_generation is raised: connections are asked for again at their next packet, so that what is no
 * longer allowed ends at once, whatever its state.
 */
#ifndef SWITCH_GROUP_H
#define SWITCH_GROUP_H

#include "api/message_group.h"
#include "switch/topology.h"

struct policy;

struct group {
	struct msg_group config;
	uint64_t mark;
	uint64_t version; /* of the rules in effect */
	bool active;	  /* some rules are in effect */
	struct group_rule *rules;
	size_t rule_count;
};

/* The policy of all ports that have just these groups. */
struct port_policy {
	struct list in_core;
	uint32_t users;
	uint16_t group_count;
	uint32_t groups[GROUPS_MAX]; /* sorted */
	struct policy *compiled;
};

/* Orders. */
int group_set(struct core *core, const struct msg_group *config, struct err *err);
int group_rules_set(struct core *core, const struct msg_group_rules *page, struct err *err);
void group_del(struct core *core, uint32_t id);
void group_rules_del(struct core *core, uint32_t id);

/* Gives a port the policy of its groups and enters it as their member; or takes both from it. Connections end with the policy. */
void group_attach(struct core *core, struct port *port);
void group_detach(struct core *core, struct port *port);

/* True for a member. */
bool group_has(const struct group *group, const struct port *port);

/* True when the port's groups let its machine be spoken to by `remote` (ingress), or speak to it. */
bool group_allows(const struct core *core, const struct port *port, bool ingress, struct ip remote, uint32_t service);

/* True when a flooded frame may go to a port that has groups; counts it there when not. */
bool group_floods_to(struct core *core, struct port *port, const struct packet *packet);

/* Removes groups and pages that the last synchronization didn't name; frees all. */
void group_sweep(struct core *core);
void group_free(struct core *core);

#endif
