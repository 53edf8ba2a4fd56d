/* A running machine's times in a small file: six numbers in one line. */
#include "vm/machine_times.h"

#include "api/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(char out[FILE_BYTES + 16], const char *folder, const char *name)
{
	(void)snprintf(out, FILE_BYTES + 16, "%s/%s", folder, name);
}

void machine_times_save(const char *folder, const struct machine_times *times)
{
	char path[FILE_BYTES + 16], scratch[FILE_BYTES + 16];
	const char *slash = strrchr(folder, '/');
	FILE *file;

	(void)snprintf(path, sizeof(path), "%.*s", slash != NULL ? (int)(slash - folder) : 0, folder);
	(void)mkdir(path, 0700);
	(void)mkdir(folder, 0700);
	path_of(path, folder, "times");
	path_of(scratch, folder, "times.new");
	file = fopen(scratch, "we");
	if (file == NULL)
		return;
	(void)fprintf(file, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %d %" PRId64 "\n", times->arrived_wall_ns, times->at_wall_ns,
		times->waiting_ns, times->service_ns, (int)times->phase, times->boot);
	if (fclose(file) != 0 || rename(scratch, path) != 0)
		(void)unlink(scratch);
}

/* Reads the next number of a line; false when there is none. */
static bool next_number(const char **at, int64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoll(*at, &end, 10);
	if (end == *at || errno != 0)
		return false;
	*at = end;
	return true;
}

bool machine_times_load(const char *folder, struct machine_times *times)
{
	struct machine_times t;
	char path[FILE_BYTES + 16], line[160] = "";
	const char *at = line;
	int64_t phase;
	FILE *file;

	path_of(path, folder, "times");
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fgets(line, sizeof(line), file) == NULL)
		line[0] = '\0';
	(void)fclose(file);
	if (!next_number(&at, &t.arrived_wall_ns) || !next_number(&at, &t.at_wall_ns) || !next_number(&at, &t.waiting_ns) ||
		!next_number(&at, &t.service_ns) || !next_number(&at, &phase))
		return false;
	if (t.waiting_ns < 0 || t.service_ns < 0 || t.waiting_ns > INT64_MAX / 4 || t.service_ns > INT64_MAX / 4)
		return false;
	if (phase < 0 || phase >= TIMES_PHASE_COUNT)
		return false;
	t.phase = (enum machine_times_phase)phase;
	/* A file of an older version has five numbers. */
	if (!next_number(&at, &t.boot))
		t.boot = 0;
	*times = t;
	return true;
}

int64_t machine_times_boot(void)
{
	/* "xxxxxxxx-xxxx-...": the first twelve digits are enough. */
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[14] = "", *end;
	uint64_t first, second;
	bool read;

	if (file == NULL)
		return 0;
	read = fgets(text, sizeof(text), file) != NULL;
	(void)fclose(file);
	first = strtoull(text, &end, 16);
	if (!read || end != text + 8 || *end != '-')
		return 0;
	second = strtoull(text + 9, &end, 16);
	return end == text + 13 ? (int64_t)(first << 16 | second) : 0;
}

void machine_times_advance(struct machine_times *times, int64_t now_wall_ns)
{
	int64_t passed = now_wall_ns > times->at_wall_ns ? now_wall_ns - times->at_wall_ns : 0;

	times->at_wall_ns = now_wall_ns;
	if (times->phase == TIMES_RUNNING || times->phase == TIMES_TURN_OVER)
		times->service_ns += passed;
	else if (times->phase != TIMES_ENDED && times->phase != TIMES_FAILED && times->phase != TIMES_OVER)
		times->waiting_ns += passed;
}

void machine_times_remove(const char *folder)
{
	char path[FILE_BYTES + 16];

	path_of(path, folder, "times");
	(void)unlink(path);
	(void)rmdir(folder);
}
