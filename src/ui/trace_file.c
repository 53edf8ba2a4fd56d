/*
 * Traces of requests from files.
 *
 * Theory of operation. A file is read whole, then line by line in place. A CSV line is cut into at most COLUMNS_MAX fields (these traces
 * quote nothing); the heading says which field is what. A SWF line has 18 numbers of which -1 means "not known". Every number is bounded
 * before it is used, and the first line that can't be understood ends the reading with its number.
 */
#include "ui/trace_file.h"

#include "base/arena.h"
#include "base/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 64
#define SWF_FIELDS 18

/* Bound of every time and amount in a file. */
#define NUMBER_MAX (INT64_C(1) << 40)

enum column { COLUMN_ID, COLUMN_ARRIVAL, COLUMN_VCPUS, COLUMN_MEMORY, COLUMN_DURATION, COLUMN_ESTIMATE, COLUMN_PRIORITY, COLUMN_COUNT };

static const char *const column_names[COLUMN_COUNT] = {"id", "arrival_s", "vcpus", "memory_mib", "duration_s", "estimate_s", "priority"};

struct trace_reading {
	const char *name;
	size_t line;
	uint32_t capacity;
	uint32_t memory_per_vcpu;
	int fields[COLUMN_COUNT]; /* index of each column in a line, -1: not there */
	struct trace *trace;
	struct err *err;
};

static int trace_error(const struct trace_reading *reading, const char *text)
{
	return err_set(reading->err, -EINVAL, "%s:%zu: %s", reading->name, reading->line, text);
}

/* A whole number between low and NUMBER_MAX; fractions are cut off (SWF has some). */
static bool number_read(const char *text, int64_t low, int64_t *number)
{
	char *end;
	long long value;

	while (*text == ' ' || *text == '\t')
		text++;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || errno != 0)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	end += strspn(end, " \t\r");
	if (*end != '\0' || value < low || value > NUMBER_MAX)
		return false;
	*number = value;
	return true;
}

/* Cuts a line at `separators` in place (each one, or runs of them); returns the number of fields, COLUMNS_MAX + 1 when there are more. */
static unsigned line_cut(char *line, const char *separators, bool runs, char *fields[COLUMNS_MAX])
{
	unsigned count = 0;

	for (;;) {
		if (runs)
			line += strspn(line, separators);
		if (runs && *line == '\0')
			return count;
		if (count == COLUMNS_MAX)
			return COLUMNS_MAX + 1;
		fields[count++] = line;
		line += strcspn(line, separators);
		if (*line == '\0')
			return count;
		*line++ = '\0';
	}
}

static int trace_add(struct trace_reading *reading, uint64_t id, const struct sim_request *request)
{
	struct trace *trace = reading->trace;

	if (trace->count == TRACE_REQUESTS_MAX)
		return trace_error(reading, "more than 50,000,000 requests; split the trace");
	if (trace->count == reading->capacity) {
		reading->capacity = reading->capacity ? reading->capacity * 2 : 1024;
		trace->requests = xrealloc(trace->requests, reading->capacity * sizeof(*trace->requests));
		trace->ids = xrealloc(trace->ids, reading->capacity * sizeof(*trace->ids));
	}
	trace->requests[trace->count] = *request;
	trace->ids[trace->count++] = id;
	return 0;
}

static int csv_heading(struct trace_reading *reading, char *line)
{
	char *fields[COLUMNS_MAX];
	unsigned count = line_cut(line, ",", false, fields);

	if (count > COLUMNS_MAX)
		return trace_error(reading, "more than 64 columns");
	for (int c = 0; c < COLUMN_COUNT; c++) {
		reading->fields[c] = -1;
		for (unsigned i = 0; i < count; i++)
			if (strcmp(fields[i], column_names[c]) == 0)
				reading->fields[c] = (int)i;
		if (reading->fields[c] < 0 && c <= COLUMN_DURATION)
			return err_set(reading->err, -EINVAL,
				"%s:%zu: no column \"%s\"; expected the heading "
				"id,arrival_s,vcpus,memory_mib,duration_s[,estimate_s][,priority]",
				reading->name, reading->line, column_names[c]);
	}
	return 0;
}

static int csv_line(struct trace_reading *reading, char *line)
{
	static const int64_t least[COLUMN_COUNT] = {0, 0, 1, 0, 1, 1, INT32_MIN};
	static const int64_t most[COLUMN_COUNT] = {NUMBER_MAX, NUMBER_MAX, UINT32_MAX, UINT32_MAX, NUMBER_MAX, NUMBER_MAX, INT32_MAX};
	int64_t values[COLUMN_COUNT] = {0};
	char *fields[COLUMNS_MAX];
	unsigned count = line_cut(line, ",", false, fields);

	for (int c = 0; c < COLUMN_COUNT; c++) {
		int field = reading->fields[c];

		if (field < 0) {
			values[c] = c == COLUMN_ESTIMATE ? values[COLUMN_DURATION] : 0;
			continue;
		}
		if ((unsigned)field >= count || count > COLUMNS_MAX)
			return err_set(
				reading->err, -EINVAL, "%s:%zu: %u fields, the heading has more", reading->name, reading->line, count);
		if (!number_read(fields[field], least[c], &values[c]) || values[c] > most[c])
			return err_set(reading->err, -EINVAL,
				"%s:%zu: %s: expected a whole number from %" PRId64 " to %" PRId64 ", not \"%.40s\"", reading->name,
				reading->line, column_names[c], least[c], most[c], fields[field]);
	}
	if (values[COLUMN_ESTIMATE] < values[COLUMN_DURATION])
		return trace_error(reading, "estimate_s is below duration_s; an estimate is an upper bound");
	return trace_add(reading, (uint64_t)values[COLUMN_ID],
		&(struct sim_request){
			.arrival = values[COLUMN_ARRIVAL],
			.duration = values[COLUMN_DURATION],
			.estimate = values[COLUMN_ESTIMATE],
			.vcpus = (uint32_t)values[COLUMN_VCPUS],
			.memory = (uint32_t)values[COLUMN_MEMORY],
			.priority = (int32_t)values[COLUMN_PRIORITY],
		});
}

/* The fields of SWF 2.2 that matter here: 1 job, 2 submit, 4 run time, 5 allocated, 8 requested processors, 9 requested time, 10 requested
 * memory (KB a processor). */
static int swf_line(struct trace_reading *reading, char *line)
{
	int64_t v[SWF_FIELDS], vcpus, memory;
	char *fields[COLUMNS_MAX];
	unsigned count = line_cut(line, " \t", true, fields);

	if (count == 0)
		return 0;
	if (count != SWF_FIELDS)
		return err_set(reading->err, -EINVAL, "%s:%zu: %u fields; a line of the Standard Workload Format has 18", reading->name,
			reading->line, count);
	for (unsigned i = 0; i < SWF_FIELDS; i++)
		if (!number_read(fields[i], -1, &v[i]))
			return err_set(reading->err, -EINVAL, "%s:%zu: field %u: expected a number from -1 to 2^40, not \"%.40s\"",
				reading->name, reading->line, i + 1, fields[i]);
	vcpus = v[7] > 0 ? v[7] : v[4];
	if (v[3] < 1 || vcpus < 1 || vcpus > UINT32_MAX || v[0] < 0 || v[1] < 0) {
		reading->trace->left_out++;
		return 0;
	}
	memory = v[9] > 0 ? (v[9] * vcpus + 1023) / 1024 : (int64_t)reading->memory_per_vcpu * vcpus;
	if (memory > UINT32_MAX)
		return trace_error(reading, "the requested memory is more than 4 PiB");
	return trace_add(reading, (uint64_t)v[0],
		&(struct sim_request){.arrival = v[1],
			.duration = v[3],
			.estimate = v[8] > v[3] ? v[8] : v[3],
			.vcpus = (uint32_t)vcpus,
			.memory = (uint32_t)memory});
}

/* For sorting: requests and ids move together. */
struct sorted_request {
	struct sim_request request;
	uint64_t id;
};

static int compare_requests(const void *a, const void *b)
{
	const struct sorted_request *x = a, *y = b;

	if (x->request.arrival != y->request.arrival)
		return x->request.arrival < y->request.arrival ? -1 : 1;
	return (x->id > y->id) - (x->id < y->id);
}

static void trace_sort(struct trace *trace)
{
	struct sorted_request *sorted;
	bool in_order = true;

	for (uint32_t i = 1; i < trace->count && in_order; i++)
		in_order = trace->requests[i - 1].arrival < trace->requests[i].arrival ||
			   (trace->requests[i - 1].arrival == trace->requests[i].arrival && trace->ids[i - 1] <= trace->ids[i]);
	if (in_order)
		return;
	sorted = xalloc(trace->count * sizeof(*sorted));
	for (uint32_t i = 0; i < trace->count; i++)
		sorted[i] = (struct sorted_request){trace->requests[i], trace->ids[i]};
	qsort(sorted, trace->count, sizeof(*sorted), compare_requests);
	for (uint32_t i = 0; i < trace->count; i++) {
		trace->requests[i] = sorted[i].request;
		trace->ids[i] = sorted[i].id;
	}
	free(sorted);
}

int trace_parse(const char *name, char *text, size_t bytes, struct trace_format format, struct trace *trace, struct err *err)
{
	struct trace_reading reading = {.name = name, .memory_per_vcpu = format.memory_per_vcpu, .trace = trace, .err = err};
	bool heading = !format.swf;
	int error = 0;

	*trace = (struct trace){0};
	if (memchr(text, '\0', bytes) != NULL)
		return err_set(err, -EINVAL, "%s: a NUL byte is in it; this is no text file", name);
	for (char *line = text, *end = text + bytes, *next; line < end && error == 0; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + 1;
		line[length] = '\0';
		if (length > 0 && line[length - 1] == '\r')
			line[length - 1] = '\0';
		reading.line++;
		if (*line == '\0' || *line == ';' || *line == '#')
			continue;
		if (heading)
			error = csv_heading(&reading, line);
		else
			error = format.swf ? swf_line(&reading, line) : csv_line(&reading, line);
		heading = false;
	}
	if (error == 0 && trace->count == 0)
		error = err_set(err, -EINVAL, "%s: no request in it", name);
	if (error != 0) {
		trace_free(trace);
		return error;
	}
	trace_sort(trace);
	return 0;
}

/* All bytes of a stream with a NUL behind them, or NULL with an error. */
static char *stream_read(FILE *stream, const char *name, size_t *bytes, struct err *err)
{
	size_t capacity = 1 << 16, used = 0;
	char *text = xalloc(capacity);

	for (;;) {
		size_t n = fread(text + used, 1, capacity - used - 1, stream);

		used += n;
		if (n == 0)
			break;
		if (used > TRACE_BYTES_MAX) {
			err_set(err, -EFBIG, "%s: larger than 2 GiB; split the trace", name);
			free(text);
			return NULL;
		}
		if (capacity - used < 2) {
			capacity *= 2;
			text = xrealloc(text, capacity);
		}
	}
	if (ferror(stream)) {
		err_set(err, -EIO, "%s: can't be read: %s", name, strerror(errno));
		free(text);
		return NULL;
	}
	text[used] = '\0';
	*bytes = used;
	return text;
}

int trace_read(const char *file, uint32_t memory_per_vcpu, struct trace *trace, struct err *err)
{
	bool standard_input = strcmp(file, "-") == 0;
	FILE *stream = standard_input ? stdin : fopen(file, "re");
	size_t bytes = 0, length = strlen(file);
	struct trace_format format = {.memory_per_vcpu = memory_per_vcpu};
	char *text;
	int error;

	*trace = (struct trace){0};
	if (stream == NULL)
		return err_set(err, -errno, "%s: can't be opened: %s", file, strerror(errno));
	text = stream_read(stream, file, &bytes, err);
	if (!standard_input)
		(void)fclose(stream);
	if (text == NULL)
		return err->code;
	format.swf = (length > 4 && strcmp(file + length - 4, ".swf") == 0) || text[0] == ';';
	error = trace_parse(standard_input ? "standard input" : file, text, bytes, format, trace, err);
	free(text);
	return error;
}

void trace_free(struct trace *trace)
{
	free(trace->requests);
	free(trace->ids);
	*trace = (struct trace){0};
}
