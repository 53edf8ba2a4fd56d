/* weft up: makes a lab as its file says. */
#include "ui/api_client.h"
#include "ui/cmd_plan.h"
#include "ui/lab_file.h"
#include "ui/progress.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* How long machines may take until they run, unless --wait says otherwise. Emulated guests on a busy host take their time. */
#define WAIT_DEFAULT_S 300

/* Says once what the machines will run on. */
static void say_virtualization(const struct call *call)
{
	struct value *version = NULL;

	if (client_get(call, "/v1/version", &version) != STATUS_OK)
		return;
	if (strcmp(value_text(version, "virtualization"), "kvm") == 0)
		call_say(call, "weftd %s (pid %" PRId64 "), machines on KVM", value_text(version, "version"), value_int(version, "pid"));
	else
		call_say(call, "weftd %s (pid %" PRId64 "), machines emulated: this CPU offers no virtualization (weft doctor says more)",
			value_text(version, "version"), value_int(version, "pid"));
	value_free(version);
}

/* Machines of a lab that are on their way, and those that failed. Those that wait for room may do so for ever. */
static enum status count_vms(const struct call *call, const char *lab, size_t *coming, size_t *failed)
{
	struct value *vms = NULL;
	enum status status = client_get(call, client_path(call, "/v1/labs/%s/vms", lab), &vms);

	*coming = *failed = 0;
	for (size_t i = 0; i < value_count(vms); i++) {
		const char *state = value_text(value_at(vms, i), "state");
		bool queued = value_bool(value_at(vms, i), "queued");

		*coming += (strcmp(state, "waiting") == 0 && !queued) || strcmp(state, "starting") == 0;
		*failed += strcmp(state, "failed") == 0;
	}
	value_free(vms);
	return status;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until no machine of the lab is on its way any more. */
static enum status wait_vms(struct progress *progress, int64_t wait_s)
{
	const struct call *call = progress->call;
	struct timespec pause = {.tv_nsec = 200000000};
	int64_t deadline = now_ms() + wait_s * 1000;
	size_t coming = 0, failed = 0;

	for (;;) {
		enum status status = count_vms(call, progress->lab, &coming, &failed);

		if (!progress_show(progress))
			return call_fail(call, STATUS_FAILED, "%zu machines are still on their way; weft ps shows them", coming);
		if (status != STATUS_OK)
			return status;
		if (coming == 0)
			break;
		if (now_ms() > deadline)
			return call_fail(call, STATUS_FAILED,
				"after %" PRId64 " s %zu machines don't run yet; weft ps shows why, they go on", wait_s, coming);
		(void)nanosleep(&pause, NULL);
	}
	if (failed > 0)
		return call_fail(call, STATUS_FAILED, "%zu machines failed; weft ps says why", failed);
	return STATUS_OK;
}

/* The seconds of --wait; -1 for a text that is no number. */
static int64_t wait_option(const struct call *call)
{
	const char *text = call_option(call, "wait");
	char *end;
	long seconds;

	if (text == NULL)
		return WAIT_DEFAULT_S;
	seconds = strtol(text, &end, 10);
	if (strcmp(end, "s") == 0)
		end++;
	return *text == '\0' || *end != '\0' || seconds < 0 ? -1 : seconds;
}

/* Follows the operation and then the machines. */
static enum status follow(struct progress *progress, const struct value *answer, int64_t wait_s)
{
	const struct call *call = progress->call;
	int64_t begin = now_ms();
	enum status status;

	if (!call_for_programs(call) && call->verbose > 0)
		plan_print(call, value_get(answer, "plan"));
	if (call_option(call, "detach") != NULL) {
		call_say(call, "operation %" PRId64 " goes on in the daemon", value_int(answer, "operation"));
		return STATUS_OK;
	}
	status = progress_operation(progress, value_int(answer, "operation"));
	if (status == STATUS_OK)
		status = wait_vms(progress, wait_s);
	if (status == STATUS_OK) {
		(void)progress_show(progress);
		progress_end(progress);
		call_say(call, "lab %s is up after %.1f s", progress->lab, (double)(now_ms() - begin) / 1000.0);
	}
	return status;
}

/* Sends the lab; the daemon answers with an operation, or that there is nothing to do. */
static enum status send_lab(const struct call *call, const struct lab_file *file, int64_t wait_s)
{
	const char *lab = file->flat->name, *path = client_path(call, "/v1/labs/%s", lab);
	struct value *answer = NULL;
	struct progress progress;
	struct text body = {0};
	enum status status;
	int http = 0;

	lab_file_request(file, &body);
	progress_begin(&progress, call, lab);
	status = client_request(call, "PUT", path, text_get(&body), &answer, &http);
	text_free(&body);
	if (status == STATUS_OK && http == 202) {
		status = follow(&progress, answer, wait_s);
	} else if (status == STATUS_OK) {
		call_say(call, "lab %s is as its file says; nothing to do", lab);
		status = STATUS_NOTHING;
	}
	progress_end(&progress);
	if (call_for_programs(call) && answer != NULL)
		call_print_value(call, answer);
	value_free(answer);
	return status;
}

enum status up_run(struct call *call)
{
	const char *path = lab_file_find(call, call_argument(call, 0));
	int64_t wait_s = wait_option(call);
	bool ran = path != NULL && client_daemon_runs(call);
	struct lab_file file;
	enum status status;

	if (wait_s < 0)
		return call_fail(call, STATUS_USAGE, "--wait needs a number of seconds, not \"%s\"", call_option(call, "wait"));
	if (path == NULL || lab_file_read(call, path, &file) != STATUS_OK)
		return STATUS_USAGE;
	if (!ran)
		call_say(call, "starting weftd ...");
	status = client_daemon_start(call);
	if (status == STATUS_OK) {
		if (!ran || call->verbose > 0)
			say_virtualization(call);
		status = send_lab(call, &file, wait_s);
	}
	lab_file_free(&file);
	return status;
}
