/* Plans: what a wanted lab would change, for people and programs. */
#ifndef CTL_PLAN_H
#define CTL_PLAN_H

#include "ctl/labs.h"

/* The plan from what runs (NULL: nothing) to `wanted` (NULL: nothing), as doc/api.md shows it. `changes` gets how many steps it has. */
json_t *plan_json(const struct ctl_lab *running, const struct lab_value *wanted, size_t *changes);

#endif
