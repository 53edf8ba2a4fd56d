/* Runs a program without a shell and waits for it. */
#ifndef VM_PROGRAM_H
#define VM_PROGRAM_H

#include "base/err.h"
#include "base/instant.h"

/*
 * Runs `argv` (argv[0] looked for in the system's folders, the list ends with NULL) with a minimal environment and waits up to `limit`;
 * then it is killed. Blocks: for pool threads. 0 when it exits with 0; -ENOENT when there is no such program; -ETIMEDOUT; else -EIO with
 * the first line that it printed.
 */
int program_run(const char *const argv[], struct span limit, struct err *err);

#endif
