/* The process switch: its place in the roof's table. */
#include "switch/switch.h"

static int switch_prepare(struct process *process, struct err *err)
{
	process->body = NULL;
	return 0;
}

const struct process_body switch_process = {
	.id = PROCESS_SWITCH,
	.prepare = switch_prepare,
};
