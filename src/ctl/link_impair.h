/* What links do to packets, as words: "delay=20ms loss=1%". */
#ifndef CTL_LINK_IMPAIR_H
#define CTL_LINK_IMPAIR_H

#include "api/message_types.h"
#include "base/text.h"
#include "model/lab.h"

/* What the lab's file says of a link. */
struct msg_impair impair_of_link(const struct lab_link *link);

/* Changes what a key says ("delay", "20ms"; "none" or "0" takes it away); false when the key or value isn't one, with `err` saying so. */
bool impair_change(struct msg_impair *impair, const char *key, const char *value, struct err *err);

/* Reads what impair_write wrote. */
void impair_read(struct msg_impair *impair, const char *words);
void impair_write(const struct msg_impair *impair, struct text *out);

/* Whether it does anything. */
bool impair_is_none(const struct msg_impair *impair);

#endif
