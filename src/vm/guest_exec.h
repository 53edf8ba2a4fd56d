/*
 * Commands in guests, through their agents.
 *
 * Theory of operation. A command goes through three steps: until the guest's agent answers (it comes some seconds after the start) the
 * order is repeated; then the guest runs the command and is asked again and again how it is; then its output is the answer. Every question
 * blocks for as long as the guest takes to answer, so only EXEC_CALLS_MAX are asked at once, and a guest that doesn't answer holds a thread
 * for EXEC_CALL_LIMIT_S at most.
 */
#ifndef VM_GUEST_EXEC_H
#define VM_GUEST_EXEC_H

#include "vm/vm_room.h"

/* Most commands at once, of one machine and of all; most questions at once; seconds that one may take. */
#define EXECS_OF_MACHINE_MAX 4
#define EXECS_MAX 64
#define EXEC_CALLS_MAX 3
#define EXEC_CALL_LIMIT_S 3

struct execs *execs_new(struct vm *vm);

/* Forgets all; nobody is answered. Accepts NULL. */
void execs_free(struct execs *execs);

/* MSG_EXEC for a machine that is there. Answered by EXEC_OUTPUT and DONE, or by DONE with an error. */
void execs_add(struct execs *execs, const struct msg_exec *order, struct ticket ticket);

#endif
