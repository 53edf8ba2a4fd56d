/* A running machine's times, kept in a small file, so that a process vm that starts anew counts on where the old one fell. */
#ifndef VM_MACHINE_TIMES_H
#define VM_MACHINE_TIMES_H

#include "base/instant.h"

#include <stdbool.h>

/*
 * What a machine did since its times were written. TURN_OVER: it ran, and its queue had ordered a pause. ENDED: it ended by itself, FAILED:
 * its hypervisor died, OVER: its walltime is; none is to be started again for that alone. SAVED: its memory
 * is on disk, which is waiting.
 */
enum machine_times_phase {
	TIMES_RUNNING,
	TIMES_PAUSED,
	TIMES_PAUSED_BY_POLICY,
	TIMES_WAITING,
	TIMES_ENDED,
	TIMES_TURN_OVER,
	TIMES_FAILED,
	TIMES_OVER,
	TIMES_SAVED,
	TIMES_PHASE_COUNT
};

/*
 * At `at_wall_ns` the machine had waited and been served this long; `phase` says what the time from then on is, `boot` in which life of the
 * host (0: unknown).
 */
struct machine_times {
	int64_t arrived_wall_ns;
	int64_t at_wall_ns;
	int64_t waiting_ns;
	int64_t service_ns;
	enum machine_times_phase phase;
	int64_t boot;
};

/* A number for the host's life since it was booted; 0 when the kernel doesn't say. */
int64_t machine_times_boot(void);

/* Writes the file `folder`/times, making the folder (and the one above it); errors only cost exactness after a crash and are ignored. */
void machine_times_save(const char *folder, const struct machine_times *times);

/* Reads it; false when there is none or it makes no sense. */
bool machine_times_load(const char *folder, struct machine_times *times);

/* Counts the time from then to `now_wall_ns` in; a clock that was set back counts as standing still. */
void machine_times_advance(struct machine_times *times, int64_t now_wall_ns);

/* Removes the file. */
void machine_times_remove(const char *folder);

#endif
