/* Traces of requests from files: CSV with a heading, or the Standard Workload Format (Feitelson's archive). */
#ifndef UI_TRACE_FILE_H
#define UI_TRACE_FILE_H

#include "alloc/sched_sim.h"
#include "base/err.h"

#include <stddef.h>

/* The largest trace that is read, bytes, and the most requests. */
#define TRACE_BYTES_MAX (UINT64_C(2) << 30)
#define TRACE_REQUESTS_MAX 50000000

/* A trace, sorted by (arrival, id). `ids` are the numbers that the file gives; `left_out` counts jobs without run time or processors (SWF).
 */
struct trace {
	struct sim_request *requests;
	uint64_t *ids;
	uint32_t count;
	uint32_t left_out;
};

/*
 * Reads `file` ("-": standard input); a name that ends in ".swf" or a first line that starts with ';' means SWF, else CSV. CSV needs the
 * columns id, arrival_s, vcpus, memory_mib, duration_s and knows estimate_s (else the duration) and priority (else 0), in any order; others
 * are passed over. SWF: processors and time are what was requested, else what was used; memory is `memory_per_vcpu` MiB for each processor
 * when the log doesn't say. Returns 0, or a negative errno with "file:line: what was expected".
 */
int trace_read(const char *file, uint32_t memory_per_vcpu, struct trace *trace, struct err *err);
void trace_free(struct trace *trace);

/* What a text is: SWF or CSV, and the MiB of a processor when a log doesn't say. */
struct trace_format {
	bool swf;
	uint32_t memory_per_vcpu;
};

/* The same from `bytes` of text in memory with a NUL behind them; `name` is for errors. `text` is changed. */
int trace_parse(const char *name, char *text, size_t bytes, struct trace_format format, struct trace *trace, struct err *err);

#endif
