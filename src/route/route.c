/* The process route: its place in the roof's table. */
#include "route/route.h"

static int route_prepare(struct process *process, struct err *err)
{
	process->body = NULL;
	return 0;
}

const struct process_body route_process = {
	.id = PROCESS_ROUTE,
	.prepare = route_prepare,
};
