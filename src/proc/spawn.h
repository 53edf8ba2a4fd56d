/* Starting a process of weftd from weftd itself. */
#ifndef PROC_SPAWN_H
#define PROC_SPAWN_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Where a started process finds what it was given. The guard and super get all three, the other processes only the channel. */
enum {
	SPAWN_CHANNEL_FD = 3, /* to super; between guard and super */
	SPAWN_LOCK_FD = 4,    /* the lock on the places */
	SPAWN_READY_FD = 5,   /* told when the API answers, or /dev/null */
	SPAWN_FDS_MAX = 3
};

/* What a process is started with. */
struct spawn {
	const char *name; /* `weftd --process name` */
	const int *fds;	  /* borrowed; they become 3, 4, ... and no others but 0-2 go along */
	unsigned count;
	bool with_parent; /* the kernel kills it when the caller's process ends */
	bool own_session; /* signals of the terminal don't reach it */
};

/* Starts a process. Sets *pid; returns a pidfd (close-on-exec) or a negative errno. */
int spawn(const struct spawn *spawn, pid_t *pid, struct err *err);

/* Replaces the calling process by `weftd --process name` with `fds` as above. Returns only when that fails: a negative errno. */
int spawn_exec(const char *name, const int *fds, unsigned count);

#endif
