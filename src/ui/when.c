/* Points in time as people read them. */
#include "ui/when.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const char *when_text(const char *iso, long long now, char out[WHEN_BYTES])
{
	time_t today = (time_t)now, then;
	struct tm tm = {0}, local_then, local_now;
	const char *rest = strptime(iso, "%Y-%m-%dT%H:%M:%S", &tm);

	if (rest == NULL || (*rest != '.' && *rest != 'Z')) {
		(void)snprintf(out, WHEN_BYTES, "%s", iso);
		return out;
	}
	then = timegm(&tm);
	(void)localtime_r(&then, &local_then);
	(void)localtime_r(&today, &local_now);
	if (local_then.tm_year == local_now.tm_year && local_then.tm_yday == local_now.tm_yday)
		(void)strftime(out, WHEN_BYTES, "%H:%M:%S", &local_then);
	else
		(void)strftime(out, WHEN_BYTES, "%Y-%m-%d %H:%M:%S", &local_then);
	return out;
}

const char *when_text_now(const char *iso, char out[WHEN_BYTES]) { return when_text(iso, (long long)time(NULL), out); }
