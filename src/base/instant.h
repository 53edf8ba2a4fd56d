/* Time as types of its own: a point on the monotonic clock and a length of time, so that the two can't be mixed. */
#ifndef BASE_INSTANT_H
#define BASE_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

/* A length of time in nanoseconds; may be negative. */
struct span {
	int64_t ns;
};

/* A point in time: nanoseconds on a clock that never goes back (the real one or a simulated one). */
struct instant {
	int64_t ns;
};

/* The latest instant there is: "never". */
#define INSTANT_NEVER ((struct instant){INT64_MAX})

static inline struct span span_ns(int64_t ns) { return (struct span){ns}; }
static inline struct span span_us(int64_t us) { return (struct span){us * 1000}; }
static inline struct span span_ms(int64_t ms) { return (struct span){ms * 1000000}; }
static inline struct span span_s(int64_t s) { return (struct span){s * 1000000000}; }

/* Whole milliseconds in a span, rounded up, so that a timer set from it never fires early. */
static inline int64_t span_to_ms(struct span s) { return s.ns / 1000000 + (s.ns % 1000000 > 0); }

static inline struct instant instant_add(struct instant t, struct span s)
{
	return t.ns > INT64_MAX - (s.ns > 0 ? s.ns : 0) ? INSTANT_NEVER : (struct instant){t.ns + s.ns};
}

/* a - b. */
static inline struct span instant_diff(struct instant a, struct instant b) { return (struct span){a.ns - b.ns}; }
static inline bool instant_before(struct instant a, struct instant b) { return a.ns < b.ns; }
static inline bool instant_reached(struct instant deadline, struct instant now) { return deadline.ns <= now.ns; }
static inline struct instant instant_earlier(struct instant a, struct instant b) { return a.ns < b.ns ? a : b; }

/* The monotonic clock. Not for pure rooms (model, alloc, protocol engines): they get `now` as an argument. */
struct instant clock_monotonic(void);

/* Nanoseconds since 1970-01-01 UTC, for what people read. */
int64_t clock_wall_ns(void);

#endif
