/* Plans on the screen. */
#ifndef UI_CMD_PLAN_H
#define UI_CMD_PLAN_H

#include "ui/call.h"
#include "ui/value.h"

/* Prints the lines of a plan and its sums. */
void plan_print(const struct call *call, const struct value *plan);

#endif
