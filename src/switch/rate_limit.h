/* A token bucket: so many a second, with a burst of one second's worth. */
#ifndef SWITCH_RATE_LIMIT_H
#define SWITCH_RATE_LIMIT_H

#include "base/instant.h"

#include <stdbool.h>
#include <stdint.h>

/* Zero-initialized it is full at its first use. */
struct rate_limit {
	struct instant filled; /* when `tokens` was right */
	uint32_t tokens;
	bool used;
};

/* Takes a token of a bucket that gets `per_second`; false when there is none. */
static inline bool rate_limit_take(struct rate_limit *limit, uint32_t per_second, struct instant now)
{
	int64_t elapsed = now.ns - limit->filled.ns;
	int64_t second = 1000000000;

	if (!limit->used || elapsed >= second) {
		*limit = (struct rate_limit){now, per_second, true};
	} else if (elapsed > 0) {
		uint64_t more = (uint64_t)elapsed * per_second / (uint64_t)second;

		if (more > 0) {
			limit->tokens = limit->tokens + more > per_second ? per_second : limit->tokens + (uint32_t)more;
			limit->filled.ns += (int64_t)(more * (uint64_t)second / per_second);
		}
	}
	if (limit->tokens == 0)
		return false;
	limit->tokens--;
	return true;
}

#endif
