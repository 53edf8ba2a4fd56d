/*
 * Tests of super with processes of its own: this program is run as weftd is, with a table of small bodies whose behaviour the environment
 * chooses. What they log is what the test looks at.
 */
#include "base/check.h"
#include "base/log.h"
#include "proc/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool scene_is(const char *name)
{
	const char *scene = getenv("WEFT_TEST_SCENE");

	return scene != NULL && strcmp(scene, name) == 0;
}

/* The bodies. */

static int prepare(struct process *process, struct err *err) { return 0; }

static int ctl_prepare(struct process *process, struct err *err)
{
	return scene_is("unprepared") ? err_set(err, -ENOENT, "no ground to stand on") : 0;
}

static void end_all(struct process *process) { (void)channel_send(process->super, MSG_SHUTDOWN, 0, NULL, -1); }

static void ctl_told_of_processes(void *context, const struct message *message, int error, bool last)
{
	static unsigned rows, running;

	if (!last) {
		rows++;
		running += ((const struct msg_process *)message->body)->running;
		return;
	}
	log_notice(NULL, "%u processes, %u run, error %d", rows, running, error);
	end_all(context);
}

static void ctl_answered(void *context, const struct message *message, int error, bool last)
{
	struct process *process = context;

	log_notice(NULL, "switch answers %d", error);
	if (error == -ENOENT)
		channel_call(process->super, process->loop, MSG_SHOW, &(struct msg_show){SHOW_PROCESSES, 0}, span_s(5),
			ctl_told_of_processes, process);
}

static void ctl_peer_up(struct process *process, enum process_id peer)
{
	channel_call(process->peers[peer], process->loop, MSG_PORT_DEL, &(struct msg_id){5}, span_s(5), ctl_answered, process);
}

static void ctl_received(struct process *process, enum process_id from, const struct message *message)
{
	const struct msg_process *changed = message->body;

	CHECK(from == PROCESS_SUPER && message->row->type == MSG_PROCESS_CHANGED);
	log_notice(process_name(changed->process), "running %d restarts %u", changed->running, changed->restarts);
	if (!scene_is("talk") && changed->restarts >= 2 && changed->running)
		end_all(process);
}

static void switch_peer_up(struct process *process, enum process_id peer)
{
	if (scene_is("forbidden"))
		(void)channel_send(process->super, MSG_VM_DEL, 0, &(struct msg_id){1}, -1);
}

static void switch_received(struct process *process, enum process_id from, const struct message *message)
{
	struct err err = {-ENOENT, "no such port"};

	log_notice(NULL, "got %s from %s", message->row->name, process_name(from));
	if (scene_is("crash"))
		abort();
	if (!scene_is("forbidden"))
		channel_done(process->peers[from], message->seq, &err);
}

static void switch_shutdown(struct process *process)
{
	log_notice(NULL, "tidies up");
	loop_stop(process->loop);
}

static const struct process_body ctl_body = {.id = PROCESS_CTL, .prepare = ctl_prepare, .peer_up = ctl_peer_up, .received = ctl_received};
static const struct process_body switch_body = {
	.id = PROCESS_SWITCH, .prepare = prepare, .peer_up = switch_peer_up, .received = switch_received, .shutdown = switch_shutdown};
static const struct process_body route_body = {.id = PROCESS_ROUTE, .prepare = prepare};

/* route speaks to nobody: switch doesn't name it. */
static const struct process_row rows[] = {
	{.body = &ctl_body, .peers = 1U << PROCESS_SWITCH},
	{.body = &switch_body, .peers = 1U << PROCESS_CTL},
	{.body = &route_body, .peers = 1U << PROCESS_SWITCH},
};

/* The tests. */

static char output[65536];

/* Plays a scene to its end: returns weftd's exit status, `output` has what was logged. */
static int play(const char *scene)
{
	char root[] = "/tmp/weft-super.XXXXXX", path[64];
	struct places places;
	int status, ends[2];
	size_t used = 0;
	ssize_t n;
	pid_t pid;

	assert_non_null(mkdtemp(root));
	(void)setenv("WEFT_ROOT", root, 1);
	(void)setenv("WEFT_TEST_SCENE", scene, 1);
	assert_int_equal(places_find(&places, NULL), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(ends[1], STDERR_FILENO);
		_exit(super_run(rows, COUNT_OF(rows), &places, true));
	}
	(void)close(ends[1]);
	while (used < sizeof(output) - 1 && (n = read(ends[0], output + used, sizeof(output) - 1 - used)) > 0)
		used += (size_t)n;
	output[used] = '\0';
	(void)close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* Nothing is left but the (empty) folder that was there before. */
	(void)snprintf(path, sizeof(path), "%s/run", root);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(root), 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void expect_said(const char *what)
{
	if (strstr(output, what) != NULL)
		return;
	(void)fprintf(stderr, "%s", output);
	fail_msg("nobody said \"%s\"", what);
}

static void test_processes_talk(void **state)
{
	assert_int_equal(play("talk"), EXIT_SUCCESS);
	expect_said("ctl switch: connected");
	expect_said("switch: got PORT_DEL from ctl");
	expect_said("ctl: switch answers -2");
	expect_said("ctl: 4 processes");
	expect_said("ctl super: running 1 restarts 0");
	expect_said("switch: tidies up");
	assert_null(strstr(output, "route switch: connected"));
	assert_null(strstr(output, "killed by signal"));
}

static void test_crashing_process_restarts(void **state)
{
	assert_int_equal(play("crash"), EXIT_SUCCESS);
	expect_said("super switch: killed by signal 6");
	expect_said("ctl switch: running 0 restarts 0");
	expect_said("ctl switch: running 1 restarts 1");
	expect_said("ctl switch: running 1 restarts 2");
	expect_said("ctl: switch answers -104");
}

static void test_forbidden_message_kills(void **state)
{
	assert_int_equal(play("forbidden"), EXIT_SUCCESS);
	expect_said("super switch: sent VM_DEL, which it mustn't: killed");
	expect_said("super switch: killed by signal 9");
	expect_said("ctl switch: running 1 restarts 2");
}

static void test_failing_start_is_given_up(void **state)
{
	assert_int_equal(play("unprepared"), EXIT_FAILURE);
	expect_said("ctl: can't start: no ground to stand on");
	expect_said("super ctl: failed 3 times before the API answered, giving up");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes_talk),
		cmocka_unit_test(test_crashing_process_restarts),
		cmocka_unit_test(test_forbidden_message_kills),
		cmocka_unit_test(test_failing_start_is_given_up),
	};

	if (argc == 3 && strcmp(argv[1], "--process") == 0)
		return process_run(rows, COUNT_OF(rows), argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
