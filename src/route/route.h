/* The process route, as the roof sees it. */
#ifndef ROUTE_ROUTE_H
#define ROUTE_ROUTE_H

#include "proc/process.h"

/* The row's body for the roof's table of processes. */
extern const struct process_body route_process;

#endif
