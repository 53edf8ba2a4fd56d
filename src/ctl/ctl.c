/* The process ctl: its place in the roof's table. */
#include "ctl/ctl.h"

static int ctl_prepare(struct process *process, struct err *err)
{
	process->body = NULL;
	return 0;
}

const struct process_body ctl_process = {
	.id = PROCESS_CTL,
	.prepare = ctl_prepare,
};
