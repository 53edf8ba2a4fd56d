/* The guard, which starts super again, and how long to wait before a process that keeps dying is started again. */
#ifndef PROC_GUARD_H
#define PROC_GUARD_H

#include "base/err.h"
#include "base/instant.h"

/* Bytes between guard and super. */
enum { GUARD_STOP = 's', GUARD_READY = 'r', GUARD_BYE = 'b' };

/* The longest wait, and how long a process must have lived for its failures to be forgotten. */
#define BACKOFF_MAX (span_s(5))
#define BACKOFF_CALM (span_s(10))

/* How long to wait after `failures` starts that failed in a row: 0, 0.1 s, 0.2 s, ... BACKOFF_MAX. */
struct span backoff_next(unsigned failures);

/* A new socket pair between a guard and a super. */
int guard_pair(int ends[2], struct err *err);

/* Runs the guard (descriptors as in spawn.h) until super ends in order; returns the exit status. */
int guard_run(void);

#endif
