/* The process switch, as the roof sees it. */
#ifndef SWITCH_SWITCH_H
#define SWITCH_SWITCH_H

#include "proc/process.h"

/* The row's body for the roof's table of processes. */
extern const struct process_body switch_process;

#endif
