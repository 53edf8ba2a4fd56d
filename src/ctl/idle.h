/* The end of a daemon that was started by itself: when no lab is left and nobody asks, it asks super to end everything. */
#ifndef CTL_IDLE_H
#define CTL_IDLE_H

#include "ctl/ctl_state.h"

/* Starts watching; the first look comes later, so that who started the daemon can say what for. */
void idle_start(struct ctl *ctl);

/* Something ended: look whether that was the last. */
void idle_check(struct ctl *ctl);

#endif
