/* Route policies of a lab as bytes that the route process, and `weft policy test`, compile (net/route_policy.h). */
#ifndef MODEL_LAB_POLICY_H
#define MODEL_LAB_POLICY_H

#include "base/err.h"
#include "model/lab.h"
#include "net/route_policy.h"

/* The policy of that name, or NULL. */
const struct lab_route_policy *lab_policy_find(const struct lab *lab, const char *name);

/* The rules of a policy of a lab that was checked, with the sets that they name; POLICY_RULES_MAX of them at most. In the arena. */
const struct policy_rule *lab_policy_rules(const struct lab *lab, const struct lab_route_policy *policy, struct arena *arena);

/* Writes a policy; -E2BIG with the reason when it doesn't fit. */
int lab_policy_encode(const struct lab *lab, const struct lab_route_policy *policy, struct writer *w, struct err *err);

#endif
