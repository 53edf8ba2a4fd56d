/* The two clocks of the real world. */
#include "base/instant.h"

#include <time.h>

static int64_t clock_read_ns(clockid_t clock)
{
	struct timespec ts = {0};

	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct instant clock_monotonic(void) { return (struct instant){clock_read_ns(CLOCK_MONOTONIC)}; }

int64_t clock_wall_ns(void) { return clock_read_ns(CLOCK_REALTIME); }
