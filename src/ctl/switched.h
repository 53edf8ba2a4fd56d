/* What objects are beyond what the lab's file says, and must outlive a restart: cut links, stopped machines, NICs that got an address. */
#ifndef CTL_SWITCHED_H
#define CTL_SWITCHED_H

#include "ctl/ctl_state.h"

int switched_load(struct ctl *ctl, struct err *err);
void switched_free(struct ctl *ctl);

/* Whether an object (kinds "link", "vm", "leased") is on: as it was switched, else `wanted`, which is what the lab says. */
bool switched_get(const struct ctl *ctl, const char *lab, const char *kind, const char *name, bool wanted);

/* Switches it, here and with the batch in the store. */
void switched_set(struct ctl *ctl, const char *lab, const char *kind, const char *name, bool on, struct store_batch *batch);

/* The same with a text in place of on and off (kind "impair"); NULL: nothing was set. */
const char *switched_text(const struct ctl *ctl, const char *lab, const char *kind, const char *name);
void switched_set_text(struct ctl *ctl, const char *lab, const char *kind, const char *name, const char *text, struct store_batch *batch);

/* Forgets one, or all of a lab. */
void switched_forget(struct ctl *ctl, const char *lab, const char *kind, const char *name, struct store_batch *batch);
void switched_drop(struct ctl *ctl, const char *lab, struct store_batch *batch);

#endif
