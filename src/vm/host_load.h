/*
 * How busy the host's processors are, in percent over the last while, from /proc/stat.
 *
 * Theory of operation. The kernel counts ticks that each processor spent working and idle since boot; the load is the working share of
 * what came between two looks. Guests' time counts: it is why the next machine shall wait.
 */
#ifndef VM_HOST_LOAD_H
#define VM_HOST_LOAD_H

#include "base/instant.h"

#include <stdbool.h>

/* No load is known yet. */
#define HOST_LOAD_UNKNOWN 255

/* Zero-initialize. */
struct host_load {
	uint64_t busy, total;
	struct instant looked;
	bool known;
	uint8_t percent;
};

/* The first line of /proc/stat ("cpu  user nice system idle iowait irq softirq steal ...") as sums; false when it is none. */
bool host_load_parse(const char *text, uint64_t *busy, uint64_t *total);

/* Takes in sums that were read at `now`; two that are closer than half a second together are one. */
void host_load_add(struct host_load *load, uint64_t busy, uint64_t total, struct instant now);

/* Reads /proc/stat and returns the load in percent, HOST_LOAD_UNKNOWN when there is none yet. */
uint8_t host_load_look(struct host_load *load, struct instant now);

/* Forgets what was before `now`: a machine starts, and only the load from now on says what it does. */
void host_load_restart(struct host_load *load);

#endif
