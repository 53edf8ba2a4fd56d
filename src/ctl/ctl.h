/* The process ctl, as the roof sees it. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "proc/process.h"

/* The row's body for the roof's table of processes. */
extern const struct process_body ctl_process;

#endif
