/* The guest agent's language (QEMU: docs/interop/qemu-ga-ref): the two commands that run a program, and their answers. Pure. */
#ifndef VM_AGENT_JSON_H
#define VM_AGENT_JSON_H

#include "api/message_types.h"
#include "base/text.h"

/* Appends the order to run `command` by sh in the guest, output and errors together, killed there after `timeout_s`. */
void agent_exec_write(struct text *out, const char *command, uint32_t timeout_s);

/* Reads the answer to it. 0 and the guest's number of the running program, or -EBADMSG. */
int agent_exec_read(const char *reply, int64_t *pid, struct err *err);

/* Appends the question how that program is. */
void agent_status_write(struct text *out, int64_t pid);

/*
 * Reads the answer: `*ended` false while it runs; else `out` gets its exit status and the beginning of its output. 0 or -EBADMSG. Answers
 * are the guest's, so anything may stand in them.
 */
int agent_status_read(const char *reply, bool *ended, struct msg_exec_output *out, struct err *err);

#endif
