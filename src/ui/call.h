/* One call of a command: its arguments and options as read, and where its words go. */
#ifndef UI_CALL_H
#define UI_CALL_H

#include "ui/ui.h"

#define CALL_ARGUMENTS_MAX 256
#define CALL_VALUES_MAX 32

/* An option that was given; `text` is NULL for a switch. */
struct call_value {
	const char *name;
	const char *text;
};

struct call {
	const struct command *command;
	const struct command *table;
	size_t table_count;
	const char *arguments[CALL_ARGUMENTS_MAX];
	size_t argument_count;
	struct call_value values[CALL_VALUES_MAX];
	size_t value_count;
	enum output output;
	bool output_given;
	bool quiet;
	unsigned verbose;
	bool color; /* for `out` */
	bool help;
	unsigned watch_s; /* 0: once */
	struct arena *arena;
	FILE *out;
	FILE *err;
};

/* The text of an option ("" for a switch that was given), NULL when it was not given. The last one counts. */
const char *call_option(const struct call *call, const char *name);

/* The n-th argument, NULL when there are fewer. */
const char *call_argument(const struct call *call, size_t n);

/* True when output is for programs: JSON or YAML. */
static inline bool call_for_programs(const struct call *call) { return call->output == OUTPUT_JSON || call->output == OUTPUT_YAML; }

/* Prints "weft: text" to call->err; returns `status`, so that callers can write `return call_fail(call, STATUS_FAILED, ...)`. */
enum status call_fail(const struct call *call, enum status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Prints a line of progress or of good news to call->out unless quiet or for programs. */
void call_say(const struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct value;
struct grid;

/* Prints a value as JSON in lines, or as YAML. */
void call_print_value(const struct call *call, const struct value *value);

/* Prints a grid (with the call's width and colours) and frees it; for programs, or when it has no rows, prints nothing. */
void call_print_grid(const struct call *call, struct grid *grid);

#endif
