/* The process vm, as the roof sees it. */
#ifndef VM_VM_H
#define VM_VM_H

#include "proc/process.h"

/* The row's body for the roof's table of processes. */
extern const struct process_body vm_process;

#endif
