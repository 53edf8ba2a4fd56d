/* Reaps the QEMU daemons that die below this process. */
#ifndef VM_REAPER_H
#define VM_REAPER_H

#include "base/err.h"
#include "proc/loop.h"

/* Makes this process the parent of daemons that are started below it. 0 or a negative errno. */
int reaper_prepare(struct err *err);

/* Reaps from now on, for as long as the process lives. */
void reaper_start(struct loop *loop);

#endif
