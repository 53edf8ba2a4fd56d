/* The command line: reads it, finds the command, carries it out. */
#include "ui/ui.h"

#include "base/check.h"
#include "ui/call.h"
#include "ui/help.h"
#include "ui/options.h"
#include "ui/watch.h"

#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Colours only on a terminal, and not where NO_COLOR (no-color.org) or a dumb terminal forbids them. */
static bool wants_color(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if ((no_color != NULL && no_color[0] != '\0') || term == NULL || strcmp(term, "dumb") == 0)
		return false;
	return isatty(fileno(out)) == 1;
}

/* Formats that only one command has. */
static enum status check_output(const struct call *call)
{
	bool picture = call->output == OUTPUT_SVG || call->output == OUTPUT_PNG || call->output == OUTPUT_DOT;

	if (picture && call->command->run != graph_run)
		return call_fail(call, STATUS_USAGE, "only weft graph prints dot, svg and png; expected table, wide, json or yaml");
	return STATUS_OK;
}

/* Commands that look once, and tests. */
static bool can_watch(const struct command *command)
{
	static enum status (*const others[])(struct call *) = {
		events_run, web_run, capture_run, graph_run, pool_reserve_run, pool_release_run, queue_simulate_run};

	for (size_t i = 0; i < COUNT_OF(others); i++)
		if (command->run == others[i])
			return false;
	return strcmp(command->group, "looking") == 0 || command->run == test_run || command->run == plan_run ||
	       command->run == doctor_run || command->run == version_run;
}

static enum status run_command(struct call *call)
{
	struct text help = {0};
	enum status status;

	if (call->help) {
		if (call->command != NULL)
			help_command(call->command, &help);
		else
			help_overview(call->table, call->table_count, &help);
		(void)fputs(text_get(&help), call->out);
		text_free(&help);
		return STATUS_OK;
	}
	status = check_output(call);
	if (status == STATUS_OK && call->watch_s > 0)
		return can_watch(call->command)
			       ? watch_run(call)
			       : call_fail(call, STATUS_USAGE, "weft %s can't be watched: it doesn't only look, or looks on by itself",
					 call->command->name);
	return status == STATUS_OK ? call->command->run(call) : status;
}

int ui_run(const struct command *table, size_t count, int argc, char **argv)
{
	struct call call = {.table = table, .table_count = count, .arena = arena_new(NULL), .out = stdout, .err = stderr};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct text problem = {0};
	enum status status;

	(void)setlocale(LC_CTYPE, "");
	(void)sigaction(SIGPIPE, &ignore, NULL);
	call.color = wants_color(call.out);
	status = options_read(&call, argc, argv, &problem);
	if (status != STATUS_OK)
		(void)call_fail(&call, status, "%s", text_get(&problem));
	else
		status = run_command(&call);
	/* A full disk or a closed pipe is no success. */
	if (fflush(call.out) != 0 && status == STATUS_OK)
		status = STATUS_FAILED;
	text_free(&problem);
	arena_free(call.arena);
	return (int)status;
}
