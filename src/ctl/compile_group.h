/* What a security group of a flat lab, and a NIC that names some, come to as messages. */
#ifndef CTL_COMPILE_GROUP_H
#define CTL_COMPILE_GROUP_H

#include "api/message_group.h"
#include "ctl/compile.h"

/* All rules of a group, in the arena and without garbage in their holes, so that equal ones are equal byte by byte; returns how many. */
size_t compile_group_rules(
	struct arena *arena, const struct lab_group *group, const struct compile_inputs *in, const struct group_rule **rules);

/* Enters a NIC's groups and further addresses in its port. */
void compile_nic_groups(const struct lab_nic *nic, const struct compile_inputs *in, struct msg_port *body);

#endif
