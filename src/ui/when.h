/* Points in time as people read them. */
#ifndef UI_WHEN_H
#define UI_WHEN_H

#define WHEN_BYTES 40

/*
 * "2026-11-24T08:15:00.123Z" in local time: "10:15:00" on the day of `now` (seconds since 1970), "2026-11-24 10:15:00" else. A text that is
 * no such time is copied. Returns `out`.
 */
const char *when_text(const char *iso, long long now, char out[WHEN_BYTES]);

/* The same, seen from now. */
const char *when_text_now(const char *iso, char out[WHEN_BYTES]);

#endif
