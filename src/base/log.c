/* Logging: formats a line in a buffer on the stack and writes it at once, so that lines of several processes never mix. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_BYTES 1024

static struct {
	const char *process;
	int fd;
	enum log_level level;
	int journal;
} log_state = {"weft", STDERR_FILENO, LOG_LEVEL_INFO, 0};

void log_open(const char *process, int fd, enum log_level level, int journal)
{
	log_state.process = process;
	log_state.fd = fd;
	log_state.level = level;
	log_state.journal = journal;
}

void log_set_level(enum log_level level) { log_state.level = level; }

/* Writes the start of a line: severity for the journal, else the wall clock; returns bytes used. */
static size_t log_head(char *line, size_t size, enum log_level level, const char *object)
{
	char stamp[40] = "";
	struct timespec now;
	struct tm tm;
	int n;

	if (log_state.journal) {
		(void)snprintf(stamp, sizeof(stamp), "<%d>", (int)level);
	} else {
		(void)clock_gettime(CLOCK_REALTIME, &now);
		(void)localtime_r(&now.tv_sec, &tm);
		(void)snprintf(stamp, sizeof(stamp), "%02d:%02d:%02d.%03ld ", tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
	}
	n = snprintf(line, size, "%s%s%s%s: ", stamp, log_state.process, object ? " " : "", object ? object : "");
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void log_write(enum log_level level, const char *object, const char *format, ...)
{
	char line[LOG_LINE_BYTES + 1];
	va_list args;
	size_t used;
	int n;

	if (level > log_state.level)
		return;
	used = log_head(line, LOG_LINE_BYTES, level, object);
	va_start(args, format);
	n = vsnprintf(line + used, LOG_LINE_BYTES - used, format, args);
	va_end(args);
	used += n < 0 ? 0 : (size_t)n < LOG_LINE_BYTES - used ? (size_t)n : LOG_LINE_BYTES - used - 1;
	for (size_t i = 0; i < used; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[used++] = '\n';
	/* A full or closed log must never stop the network: the line is lost instead. */
	if (write(log_state.fd, line, used) < 0)
		return;
}
