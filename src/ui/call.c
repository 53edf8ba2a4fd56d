/* One call of a command. */
#include "ui/call.h"

#include "ui/grid.h"
#include "ui/value.h"

#include <stdarg.h>
#include <string.h>

const char *call_option(const struct call *call, const char *name)
{
	for (size_t i = call->value_count; i > 0; i--)
		if (strcmp(call->values[i - 1].name, name) == 0)
			return call->values[i - 1].text ? call->values[i - 1].text : "";
	return NULL;
}

const char *call_argument(const struct call *call, size_t n) { return n < call->argument_count ? call->arguments[n] : NULL; }

enum status call_fail(const struct call *call, enum status status, const char *format, ...)
{
	va_list args;

	(void)fflush(call->out);
	(void)fputs("weft: ", call->err);
	va_start(args, format);
	(void)vfprintf(call->err, format, args);
	va_end(args);
	(void)fputc('\n', call->err);
	return status;
}

void call_say(const struct call *call, const char *format, ...)
{
	va_list args;

	if (call->quiet || call_for_programs(call))
		return;
	va_start(args, format);
	(void)vfprintf(call->out, format, args);
	va_end(args);
	(void)fputc('\n', call->out);
	(void)fflush(call->out);
}

void call_print_value(const struct call *call, const struct value *value)
{
	struct text out = {0};

	if (call->output == OUTPUT_YAML) {
		value_to_yaml(value, &out);
	} else {
		value_to_json(value, true, &out);
		text_add(&out, "\n");
	}
	(void)fputs(text_get(&out), call->out);
	text_free(&out);
}

void call_print_grid(const struct call *call, struct grid *grid)
{
	struct text out = {0};

	if (!call_for_programs(call) && grid_rows(grid) > 0)
		grid_print(grid, call->output == OUTPUT_WIDE, call->color, &out);
	(void)fputs(text_get(&out), call->out);
	text_free(&out);
	grid_free(grid);
}
