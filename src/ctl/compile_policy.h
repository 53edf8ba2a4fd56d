/* Route policies of a flat lab, and what protocols announce of each other, as messages. */
#ifndef CTL_COMPILE_POLICY_H
#define CTL_COMPILE_POLICY_H

#include "ctl/compile.h"

/* Fills in a policy, whose id and path are there. Returns 0, or -E2BIG with the reason. */
int compile_route_policy(const struct lab *lab, const struct lab_route_policy *policy, struct msg_route_policy *body, struct err *err);

/* Fills in what a protocol announces; returns how many sources. */
uint16_t compile_redistributions(const struct lab_redistribution *list, size_t count, const struct compile_inputs *in,
	struct redistribution out[REDISTRIBUTIONS_MAX]);

#endif
