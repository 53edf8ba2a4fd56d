/* weft events, weft version. */
#include "ui/api_client.h"
#include "ui/grid.h"
#include "ui/http_client.h"
#include "ui/when.h"

#include <inttypes.h>
#include <string.h>

/* "10:02:03 demo vm1 vm-running waiting 0.0 s, ..." or, for programs, one JSON object a line. */
static void print_event(const struct call *call, const struct value *event)
{
	struct text line = {0};
	char when[WHEN_BYTES];

	if (call_for_programs(call)) {
		value_to_json(event, false, &line);
		text_add(&line, "\n");
	} else {
		text_add(&line, "%s %s%s%s %s %s\n", when_text_now(value_text(event, "time"), when), value_text(event, "lab"),
			value_text(event, "lab")[0] ? " " : "", value_text(event, "object"), value_text(event, "event"),
			value_text(event, "text"));
		/* Guests and peers may have a hand in the text; it must not steer the terminal. */
		for (size_t i = 0; i + 1 < line.used; i++)
			if ((unsigned char)line.bytes[i] < 0x20 || line.bytes[i] == 0x7f)
				line.bytes[i] = '?';
	}
	(void)fputs(text_get(&line), call->out);
	(void)fflush(call->out);
	text_free(&line);
}

static bool event_wanted(const struct call *call, const struct value *event)
{
	const char *lab = call_option(call, "lab");

	return lab == NULL || strcmp(lab, value_text(event, "lab")) == 0;
}

/* A line of the stream (the HTML standard's server-sent events): only "data:" matters, each is a whole event. */
static bool take_line(void *context, const char *text)
{
	const struct call *call = context;
	struct value *event;

	if (strncmp(text, "data:", 5) != 0)
		return true;
	event = value_parse(text + 5, strlen(text + 5), NULL);
	if (event != NULL && event_wanted(call, event))
		print_event(call, event);
	value_free(event);
	return ferror(call->out) == 0;
}

enum status events_run(struct call *call)
{
	const char *since = call_option(call, "since"), *path;
	struct value *events = NULL;
	struct err err = {0};
	enum status status;
	int http;

	if (call_option(call, "once") != NULL) {
		path = client_path(call, "/v1/events?once=1&since=%s", since ? since : "0");
		status = client_get(call, path, &events);
		for (size_t i = 0; i < value_count(events); i++)
			if (event_wanted(call, value_at(events, i)))
				print_event(call, value_at(events, i));
		value_free(events);
		return status;
	}
	if (!client_daemon_runs(call))
		return call_fail(call, STATUS_FAILED, "no weftd runs here; weft up FILE starts one with a lab");
	path = since ? client_path(call, "/v1/events?since=%s", since) : "/v1/events";
	http = http_stream(client_socket(call), path, take_line, call, &err);
	if (http < 0 && ferror(call->out) == 0)
		return call_fail(call, STATUS_FAILED, "%s", err.text);
	return STATUS_OK;
}

static void print_processes(const struct call *call, const struct value *version)
{
	static const struct grid_column columns[] = {{.title = "PROCESS"}, {.title = "PID", .right = true},
		{.title = "STATE", .state = true}, {.title = "RESTARTS", .right = true}};
	const struct value *processes = value_get(version, "processes");
	struct grid *grid = grid_new(columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t i = 0; i < value_count(processes); i++) {
		const struct value *process = value_at(processes, i);

		grid_text(grid, value_text(process, "name"));
		grid_add(grid, "%" PRId64, value_int(process, "pid"));
		grid_text(grid, value_bool(process, "running") ? "running" : "down");
		grid_add(grid, "%" PRId64, value_int(process, "restarts"));
	}
	call_print_grid(call, grid);
}

enum status version_run(struct call *call)
{
	struct value *all = value_object(), *version = NULL;

	value_set(all, "client", value_new_text(WEFT_VERSION));
	call_say(call, "weft " WEFT_VERSION);
	if (client_daemon_runs(call) && client_get(call, "/v1/version", &version) == STATUS_OK) {
		call_say(call, "weftd %s, pid %" PRId64 ", machines by %s", value_text(version, "version"), value_int(version, "pid"),
			strcmp(value_text(version, "virtualization"), "kvm") == 0 ? "KVM" : "emulation");
		print_processes(call, version);
		value_set(all, "daemon", version);
	} else {
		call_say(call, "weftd is not running");
	}
	if (call_for_programs(call))
		call_print_value(call, all);
	value_free(all);
	return STATUS_OK;
}
