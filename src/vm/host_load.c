/* How busy the host is (see host_load.h). */
#include "vm/host_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Columns of the first line: user, nice, system, idle, iowait, irq, softirq, steal. What follows is part of user and nice. */
enum { COLUMNS = 8, IDLE = 3, IOWAIT = 4 };

bool host_load_parse(const char *text, uint64_t *busy, uint64_t *total)
{
	uint64_t b = 0, t = 0;
	char *end;

	if (strncmp(text, "cpu ", 4) != 0)
		return false;
	text += 4;
	for (unsigned column = 0; column < COLUMNS; column++) {
		uint64_t ticks = strtoull(text, &end, 10);

		if (end == text)
			return false;
		text = end;
		t += ticks;
		b += column == IDLE || column == IOWAIT ? 0 : ticks;
	}
	*busy = b;
	*total = t;
	return true;
}

void host_load_add(struct host_load *load, uint64_t busy, uint64_t total, struct instant now)
{
	bool first = load->total == 0;

	if (!first && instant_diff(now, load->looked).ns < span_ms(500).ns)
		return;
	/* The kernel's idle ticks may step back a little. */
	if (!first && total > load->total && busy >= load->busy && busy - load->busy <= total - load->total) {
		load->percent = (uint8_t)((busy - load->busy) * 100 / (total - load->total));
		load->known = true;
	}
	load->busy = busy;
	load->total = total;
	load->looked = now;
}

uint8_t host_load_look(struct host_load *load, struct instant now)
{
	char line[256] = "";
	uint64_t busy, total;
	FILE *file = fopen("/proc/stat", "re");

	if (file == NULL)
		return HOST_LOAD_UNKNOWN;
	if (fgets(line, sizeof(line), file) != NULL && host_load_parse(line, &busy, &total))
		host_load_add(load, busy, total, now);
	(void)fclose(file);
	return load->known ? load->percent : HOST_LOAD_UNKNOWN;
}

void host_load_restart(struct host_load *load) { *load = (struct host_load){0}; }
