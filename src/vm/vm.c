/* The process vm: its place in the roof's table. */
#include "vm/vm.h"

static int vm_prepare(struct process *process, struct err *err)
{
	process->body = NULL;
	return 0;
}

const struct process_body vm_process = {
	.id = PROCESS_VM,
	.prepare = vm_prepare,
};
