/* The process ctl as its tests see it: made over any store and socket. */
#ifndef CTL_CTL_PARTS_H
#define CTL_CTL_PARTS_H

#include "ctl/ctl_state.h"

extern const struct ctl_settings ctl_settings_default;

/* Makes the state over a store (borrowed) and a listening socket (taken over), and reads back what is wanted. process->body is set. */
int ctl_new(
	struct process *process, struct store *store, const struct ctl_settings *settings, int listener, struct ctl **out, struct err *err);
void ctl_free(struct ctl *ctl);

/* An event from another process. */
void ctl_received(struct process *process, enum process_id from, const struct message *message);

#endif
