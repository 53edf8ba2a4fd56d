/* weft top: who sends how much where, live or once. */
#include "ui/api_client.h"
#include "ui/top.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#define MEASURE_MS 1000

/* The labs that are looked at, each with all that is in it. */
static struct value *get_labs(const struct call *call, const char *wanted)
{
	struct value *names = NULL, *labs = value_array();

	if (client_get(call, "/v1/labs", &names) != STATUS_OK) {
		value_free(labs);
		return NULL;
	}
	for (size_t i = 0; i < value_count(names); i++) {
		const char *name = value_text(value_at(names, i), "name");
		struct value *lab = NULL;

		if (wanted != NULL && strcmp(name, wanted) != 0)
			continue;
		if (client_get(call, client_path(call, "/v1/labs/%s", name), &lab) == STATUS_OK)
			value_append(labs, lab);
	}
	value_free(names);
	return labs;
}

static bool look(struct call *call, struct top *top)
{
	const char *lab = call_argument(call, 0) ? call_argument(call, 0) : call_option(call, "lab");
	struct value *labs = get_labs(call, lab), *interfaces = NULL, *vms = NULL;
	bool seen;

	seen = labs != NULL &&
	       client_get(call, lab ? client_path(call, "/v1/show/interfaces?lab=%s", lab) : "/v1/show/interfaces", &interfaces) ==
		       STATUS_OK &&
	       client_get(call, lab ? client_path(call, "/v1/labs/%s/vms", lab) : "/v1/vms", &vms) == STATUS_OK;
	if (seen)
		top_make(top, interfaces, vms, labs, call->arena);
	value_free(labs);
	value_free(interfaces);
	value_free(vms);
	return seen;
}

static bool several_labs(const struct top *top)
{
	for (enum top_table table = 0; table < TOP_TABLES; table++)
		for (size_t i = 1; i < top->counts[table]; i++)
			if (strcmp(top->rows[table][i].lab, top->rows[table][0].lab) != 0)
				return true;
	return false;
}

static enum status print_once(struct call *call, enum top_sort sort)
{
	struct text out = {0};
	struct value *value;
	struct top top;

	/* Rates are of the time since somebody asked last, which may be long ago. */
	if (call->watch_s == 0) {
		if (!look(call, &top))
			return STATUS_FAILED;
		(void)poll(NULL, 0, MEASURE_MS);
	}
	if (!look(call, &top))
		return STATUS_FAILED;
	top_sort(&top, sort, call_option(call, "reverse") != NULL);
	if (call_for_programs(call)) {
		value = top_value(&top);
		call_print_value(call, value);
		value_free(value);
		return STATUS_OK;
	}
	for (enum top_table table = 0; table < TOP_TABLES; table++) {
		if (out.used > 0 && top.counts[table] > 0)
			text_add(&out, "\n");
		top_print(&top, table, several_labs(&top), &out);
	}
	(void)fputs(text_get(&out), call->out);
	text_free(&out);
	return STATUS_OK;
}

enum status top_run(struct call *call)
{
	const char *by = call_option(call, "sort"), *lab = call_argument(call, 0);
	enum top_sort sort = TOP_BY_THROUGHPUT;

	while (by != NULL && sort < TOP_SORTS && strcmp(by, top_sort_name(sort)) != 0)
		sort++;
	if (sort == TOP_SORTS)
		return call_fail(call, STATUS_USAGE, "nothing is sorted by \"%s\"; expected throughput, load, rx, tx, dropped or name", by);
	if (!client_daemon_runs(call))
		return call_fail(call, STATUS_FAILED, "no weftd runs here; weft up FILE starts one with a lab");
	if ((lab != NULL || call_option(call, "lab") != NULL) && client_lab(call, lab) == NULL)
		return STATUS_FAILED;
	if (call_option(call, "once") != NULL || call_for_programs(call) || isatty(fileno(call->out)) != 1 || isatty(STDIN_FILENO) != 1)
		return print_once(call, sort);
	return top_screen(call, look, sort);
}
