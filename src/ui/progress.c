/*
 * Watching an operation of the daemon.
 *
 * Theory of operation. The daemon answers a question for an operation when it ends, or after a moment; in between its kept events from the
 * last seen one on are fetched and those that a person wants to see are printed. So nothing is lost between question and stream, and a
 * restart of the daemon's ctl process in the midst only costs the events of that moment.
 */
#include "ui/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) { interrupted = signal; }

/* Without SA_RESTART, so that waiting ends. */
static void catch_interrupt(bool on)
{
	struct sigaction action = {.sa_handler = on ? on_interrupt : SIG_DFL};

	interrupted = 0;
	(void)sigaction(SIGINT, &action, NULL);
}

/* The kept events after `seq`. */
static struct value *events_since(const struct progress *progress)
{
	const char *path = arena_printf(progress->call->arena, "/v1/events?once=1&since=%" PRId64, progress->seq + 1);
	struct value *events = NULL;

	return client_get(progress->call, path, &events) == STATUS_OK ? events : NULL;
}

void progress_begin(struct progress *progress, const struct call *call, const char *lab)
{
	struct value *events;

	*progress = (struct progress){
		.call = call, .lab = lab, .live = !call->quiet && !call_for_programs(call) && isatty(fileno(call->out)) == 1};
	events = events_since(progress);
	for (size_t i = 0; i < value_count(events); i++) {
		int64_t seq = value_int(value_at(events, i), "seq");

		progress->seq = seq > progress->seq ? seq : progress->seq;
	}
	value_free(events);
	catch_interrupt(true);
}

/* The line at the bottom of a terminal: how far it is. */
static void live_line(const struct progress *progress)
{
	if (progress->live && progress->steps > 0)
		(void)fprintf(progress->call->out, "\r\033[K  %" PRId64 "/%" PRId64 " steps", progress->done, progress->steps);
	if (progress->live)
		(void)fflush(progress->call->out);
}

static void live_clear(const struct progress *progress)
{
	if (progress->live)
		(void)fprintf(progress->call->out, "\r\033[K");
}

void progress_end(struct progress *progress)
{
	live_clear(progress);
	catch_interrupt(false);
}

/* One event as a line, when it is one that a person waits for. */
static void show_event(struct progress *progress, const struct value *event)
{
	const struct call *call = progress->call;
	const char *kind = value_text(event, "event"), *object = value_text(event, "object"), *text = value_text(event, "text");

	if (strcmp(kind, "step") == 0) {
		progress->steps = value_int(event, "steps");
		progress->done = value_int(event, "done");
		if (call->verbose > 0)
			call_say(call, "  step %" PRId64 "/%" PRId64 " %s", progress->done, progress->steps, text);
	} else if (strcmp(kind, "vm-running") == 0) {
		call_say(call, "  %-16s running  waiting %.1f s, service %.1f s, turnaround %.1f s", object,
			value_number(event, "waiting_s"), value_number(event, "service_s"), value_number(event, "turnaround_s"));
	} else if (strcmp(kind, "vm-waiting") == 0 || strcmp(kind, "vm-starting") == 0 || strcmp(kind, "leased") == 0) {
		call_say(call, "  %-16s %-8s %s", object, strncmp(kind, "vm-", 3) == 0 ? kind + 3 : kind, text);
	} else if (strcmp(kind, "vm-failed") == 0 || strcmp(kind, "limit-reached") == 0 || strcmp(kind, "process-died") == 0) {
		call_say(call, "  %-16s %s: %s", object, kind, text);
	} else if (call->verbose > 0) {
		call_say(call, "  %-16s %s %s", object, kind, text);
	}
}

bool progress_show(struct progress *progress)
{
	struct value *events = interrupted ? NULL : events_since(progress);

	if (value_count(events) > 0)
		live_clear(progress);
	for (size_t i = 0; i < value_count(events); i++) {
		const struct value *event = value_at(events, i);
		const char *lab = value_text(event, "lab");
		int64_t seq = value_int(event, "seq");

		if (seq <= progress->seq)
			continue;
		progress->seq = seq;
		if (lab[0] == '\0' || progress->lab == NULL || strcmp(lab, progress->lab) == 0)
			show_event(progress, event);
	}
	value_free(events);
	live_line(progress);
	progress->interrupted = progress->interrupted || interrupted;
	return !progress->interrupted;
}

enum status progress_operation(struct progress *progress, int64_t id)
{
	const struct call *call = progress->call;
	const char *path = arena_printf(call->arena, "/v1/operations/%" PRId64 "?wait=1", id);

	for (;;) {
		struct value *operation = NULL;
		enum status status = client_get(call, path, &operation);
		const char *state = value_text(operation, "state");
		bool failed = strcmp(state, "failed") == 0, ended = failed || strcmp(state, "done") == 0;

		if (!progress_show(progress) && !ended) {
			value_free(operation);
			live_clear(progress);
			(void)call_fail(call, STATUS_FAILED,
				"operation %" PRId64 " goes on in the daemon; weft events and weft ps show how it ends", id);
			return STATUS_FAILED;
		}
		if (status == STATUS_OK && ended) {
			live_clear(progress);
			if (failed)
				status = call_fail(call, STATUS_FAILED, "%s", value_text(operation, "error"));
			value_free(operation);
			return status;
		}
		value_free(operation);
		if (status != STATUS_OK)
			return status;
	}
}
