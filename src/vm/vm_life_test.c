/*
 * The process vm with a real guest under real QEMU, this program playing ctl: a guest boots, runs a command, shows its console, survives
 * the death of the process, is paused, stopped, started, removed. A system test: needs QEMU, libvirt's driver and a guest kernel; some 20
 * s.
 *
 * Without those (or without the environment variable WEFT_GUEST_DIR where the kernel lies elsewhere) it says so and exits with 77: skipped.
 */
#include "vm/vm.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "proc/jail.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SKIPPED = 77, PATIENCE_S = 60 };

static struct places places;
static char root[] = "/tmp/weft-vm-XXXXXX";
static pid_t vm_pid;
static int vm_fd = -1;
static uint32_t last_seq;
static struct msg_vm_state last_state; /* of the last VM_CHANGED */
static bool whole = true;	       /* no step failed so far: the rest makes sense */

static struct {
	struct message_head head;
	union message_body body;
} in;
static size_t in_size;

/* ---- the child: what proc/ does for a real process, without super and jail ---- */

static struct process child;

static void child_received(void *context, struct channel *channel, const struct message *message)
{
	child.row->received(&child, PROCESS_CTL, message);
}

static void child_closed(void *context, struct channel *channel) { _exit(EXIT_SUCCESS); }

static void run_child(int fd)
{
	const struct jail_spec jail = {
		.keep_privilege = true, .network = true, .files_read = true, .files_write = true, .execute = true, .threads = true};
	struct err err = {0};

	log_open("vm", STDERR_FILENO, getenv("VERBOSE") != NULL ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARNING, 0);
	child.row = &vm_process;
	child.loop = loop_new();
	child.places = places;
	if (child.row->prepare(&child, &err) != 0 || jail_enter(PROCESS_VM, &jail, &places, &err) != 0) {
		log_error(NULL, "%s", err.text);
		_exit(EXIT_FAILURE);
	}
	child.row->started(&child);
	child.peers[PROCESS_CTL] = channel_new(child.loop, fd, "ctl", child_received, child_closed, NULL);
	child.row->peer_up(&child, PROCESS_CTL);
	loop_run(child.loop);
	_exit(EXIT_SUCCESS);
}

static void start_vm(void)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	vm_pid = fork();
	assert_true(vm_pid >= 0);
	if (vm_pid == 0) {
		close(ends[0]);
		run_child(ends[1]);
	}
	close(ends[1]);
	vm_fd = ends[0];
}

static void end_vm(int signal)
{
	if (vm_fd < 0)
		return;
	if (signal != 0)
		(void)kill(vm_pid, signal);
	close(vm_fd);
	vm_fd = -1;
	(void)waitpid(vm_pid, NULL, 0);
}

/* ---- ctl ---- */

static uint32_t send_order(enum message_type type, const void *body)
{
	const struct message_row *row = message_row((uint16_t)type);
	struct message_head head = {.type = (uint16_t)type, .seq = ++last_seq};
	size_t size = message_size(row, body);
	uint8_t *packet = xalloc(sizeof(head) + size);

	memcpy(packet, &head, sizeof(head));
	memcpy(packet + sizeof(head), body, size);
	assert_int_equal(send(vm_fd, packet, sizeof(head) + size, 0), sizeof(head) + size);
	free(packet);
	return last_seq;
}

/* Takes the next message; `*fd` gets its descriptor or -1. Notes states. */
static void receive(int *fd)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&in, sizeof(in)};
	struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct pollfd poller = {.fd = vm_fd, .events = POLLIN};
	ssize_t size;

	if (poll(&poller, 1, PATIENCE_S * 1000) <= 0)
		fail_msg("nothing came for %d s; last state %u (%s)", PATIENCE_S, last_state.state, last_state.reason);
	size = recvmsg(vm_fd, &header, MSG_CMSG_CLOEXEC);
	assert_true(size >= (ssize_t)sizeof(in.head));
	in_size = (size_t)size - sizeof(in.head);
	*fd = -1;
	if (CMSG_FIRSTHDR(&header) != NULL)
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof(*fd));
	if (in.head.type == MSG_VM_CHANGED || in.head.type == MSG_ROW_VM)
		memcpy(&last_state, in.body.bytes, sizeof(last_state));
}

/* Waits for the answer to an order: DONE's error, or 1 for OPENED (with `*fd`). Output of EXEC is kept in `output`. */
static struct msg_exec_output output;
static struct msg_done done;

static int wait_done(uint32_t seq, int *fd)
{
	int got;

	for (;;) {
		receive(&got);
		if (in.head.seq != seq || in.head.type == MSG_VM_CHANGED || in.head.type == MSG_ROW_VM)
			continue;
		if (in.head.type == MSG_EXEC_OUTPUT)
			message_copy(message_row(MSG_EXEC_OUTPUT), in.body.bytes, in_size, &output);
		if (in.head.type == MSG_OPENED) {
			CHECK(fd != NULL);
			*fd = got;
			return 1;
		}
		if (in.head.type == MSG_DONE) {
			memcpy(&done, in.body.bytes, sizeof(done));
			return done.error;
		}
	}
}

static int order(enum message_type type, const void *body) { return wait_done(send_order(type, body), NULL); }

static void wait_state(enum vm_state state)
{
	int fd;

	while (last_state.state != state) {
		receive(&fd);
		if (last_state.state == VM_STATE_FAILED && state != VM_STATE_FAILED)
			fail_msg("the machine failed: %s", last_state.reason);
	}
}

static struct msg_vm wanted(void)
{
	return (struct msg_vm){.id = 7,
		.schedule = 1,
		.run = true,
		.cpus = 1,
		.memory_mib = 96,
		.uuid = "6f2d5c1e-0000-4000-8000-000000000007",
		.hostname = "vm7",
		.image = "builtin:tiny",
		.path = "lab/vm7"};
}

static void sync_with(const struct msg_vm *vm)
{
	const struct msg_sync sync = {0};
	const struct msg_schedule schedule = {.id = 1, .policy = SCHEDULE_FCFS, .max_starting = 2};

	assert_int_equal(order(MSG_SYNC_BEGIN, &sync), 0);
	assert_int_equal(order(MSG_SCHEDULE_SET, &schedule), 0);
	if (vm != NULL && order(MSG_VM_SET, vm) != 0)
		fail_msg("VM_SET: %s", done.text);
	assert_int_equal(order(MSG_SYNC_END, &sync), 0);
}

static void do_action(enum vm_action action, enum vm_state state)
{
	const struct msg_vm_do action_order = {.id = 7, .action = (uint8_t)action, .timeout_s = 20};

	if (order(MSG_VM_DO, &action_order) != 0)
		fail_msg("action %d: %s", action, done.text);
	wait_state(state);
}

static void assert_exec(const char *command, int32_t status, const char *expected)
{
	struct msg_exec exec = {.id = 7, .timeout_s = 60};

	(void)text_copy(exec.command, sizeof(exec.command), command);
	if (order(MSG_EXEC, &exec) != 0)
		fail_msg("exec: %s", done.text);
	assert_int_equal(output.exit_status, status);
	output.bytes[output.size < sizeof(output.bytes) ? output.size : sizeof(output.bytes) - 1] = '\0';
	assert_string_equal((const char *)output.bytes, expected);
}

/* Seconds that the guest has been up. */
static double guest_uptime(void)
{
	struct msg_exec exec = {.id = 7, .timeout_s = 60, .command = "cat /proc/uptime"};

	assert_int_equal(order(MSG_EXEC, &exec), 0);
	output.bytes[output.size] = '\0';
	return strtod((const char *)output.bytes, NULL);
}

/* Files in a folder below the root; 0 when it isn't there. */
static int count_files(const char *folder)
{
	char path[FILE_BYTES + 16];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "%s/%s", root, folder);
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		count += entry->d_name[0] != '.';
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* ---- the steps ---- */

static struct instant begun;

/* Begins a step: left out when an earlier one failed. A step that comes to its end sets `whole` again. */
static void step(void)
{
	if (!whole)
		skip();
	whole = false;
}

static void say(const char *what) { print_message("%6.2f s  %s\n", (double)instant_diff(clock_monotonic(), begun).ns / 1e9, what); }

static void a_guest_boots_and_runs_commands(void **state)
{
	struct msg_vm vm = wanted();

	step();
	begun = clock_monotonic();
	start_vm();
	sync_with(&vm);
	say("prepared");
	wait_state(VM_STATE_RUNNING);
	say("running");
	assert_exec("hostname; exit 3", 3, "vm7\n");
	say("agent answered");
	assert_true(last_state.pid > 0);
	assert_int_equal(last_state.turnaround_ns, last_state.waiting_ns + last_state.service_ns);
	whole = true;
}

static void bad_orders_are_refused(void **state)
{
	struct msg_vm vm = wanted();
	const struct msg_vm_do other = {.id = 8, .action = VM_START};

	step();
	vm.memory_mib = 128;
	assert_int_equal(order(MSG_VM_SET, &vm), -EBUSY);
	assert_int_equal(order(MSG_VM_DO, &other), -ENOENT);
	vm = wanted();
	vm.id = 9;
	(void)text_copy(vm.image, sizeof(vm.image), "/no/such/image.qcow2");
	assert_int_equal(order(MSG_VM_SET, &vm), -ENOENT);
	assert_non_null(strstr(done.text, "/no/such/image.qcow2"));
	assert_int_equal(order(MSG_VM_DEL, &(struct msg_id){9}), 0);
	last_state.state = VM_STATE_RUNNING;
	whole = true;
}

/* Whether a machine boots from a disk of its own over an image, and what is left of it. The image holds no system: it only has to run. */
static void a_disk_takes_the_writes_over_an_image(void **state)
{
	struct msg_vm vm = wanted();
	char image[128];
	struct stat st;
	FILE *file;

	step();
	(void)snprintf(image, sizeof(image), "%s/image.raw", root);
	file = fopen(image, "we");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 1 << 20), 0);
	assert_int_equal(fclose(file), 0);
	vm.id = 8;
	(void)text_copy(vm.uuid, sizeof(vm.uuid), "6f2d5c1e-0000-4000-8000-000000000008");
	(void)text_copy(vm.image, sizeof(vm.image), image);
	(void)text_copy(vm.path, sizeof(vm.path), "lab/vm8");
	last_state.state = VM_STATE_DEFINED;
	if (order(MSG_VM_SET, &vm) != 0)
		fail_msg("VM_SET: %s", done.text);
	wait_state(VM_STATE_RUNNING);
	assert_true(count_files("state/vm/8") >= 1);
	assert_int_equal(order(MSG_VM_DEL, &(struct msg_id){8}), 0);
	assert_int_equal(count_files("state/vm/8"), 0);
	assert_int_equal(stat(image, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	last_state.state = VM_STATE_RUNNING;
	say("a disk over an image");
	whole = true;
}

static void the_console_is_a_shell(void **state)
{
	char seen[8192] = "";
	size_t used = 0;
	int fd = -1;

	step();
	assert_int_equal(wait_done(send_order(MSG_CONSOLE_OPEN, &(struct msg_id){7}), &fd), 1);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "echo $((6*7))=answer\n", 21), 21);
	while (strstr(seen, "\n42=answer") == NULL) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		ssize_t n;

		assert_int_equal(poll(&poller, 1, 20000), 1);
		n = read(fd, seen + used, sizeof(seen) - 1 - used);
		assert_true(n > 0);
		used += (size_t)n;
		seen[used] = '\0';
	}
	close(fd);
	say("console answered");
	whole = true;
}

static void the_guest_outlives_the_process(void **state)
{
	struct msg_vm vm = wanted();
	double before = guest_uptime();
	struct msg_show show = {.what = SHOW_VMS};
	uint32_t pid;
	int64_t service;

	step();
	assert_int_equal(order(MSG_SHOW, &show), 0);
	pid = last_state.pid;
	service = last_state.service_ns;
	end_vm(SIGKILL);
	last_state = (struct msg_vm_state){0};
	start_vm();
	sync_with(&vm);
	wait_state(VM_STATE_RUNNING);
	say("found again after kill -9");
	assert_int_equal(last_state.pid, pid);
	assert_true(last_state.service_ns >= service);
	assert_true(guest_uptime() >= before);
	assert_exec("hostname", 0, "vm7\n");
	whole = true;
}

static void pausing_stops_the_clock_of_service(void **state)
{
	struct msg_show show = {.what = SHOW_VMS};
	int64_t service;

	step();
	do_action(VM_PAUSE, VM_STATE_PAUSED);
	service = last_state.service_ns;
	(void)poll(NULL, 0, 300);
	assert_int_equal(order(MSG_SHOW, &show), 0);
	assert_int_equal(last_state.service_ns, service);
	assert_int_equal(last_state.turnaround_ns, last_state.waiting_ns + last_state.service_ns);
	do_action(VM_RESUME, VM_STATE_RUNNING);
	assert_exec("true", 0, "");
	whole = true;
}

static void a_guest_that_is_asked_shuts_down(void **state)
{
	step();
	do_action(VM_STOP, VM_STATE_STOPPED);
	say("stopped");
	do_action(VM_START, VM_STATE_RUNNING);
	say("running again");
	assert_exec("cat /proc/sys/kernel/hostname", 0, "vm7\n");
	whole = true;
}

static void a_guest_that_shuts_itself_down_is_not_started_again(void **state)
{
	struct msg_exec exec = {.id = 7, .timeout_s = 30, .command = "poweroff -f"};

	step();
	assert_true(order(MSG_EXEC, &exec) < 0);
	wait_state(VM_STATE_STOPPED);
	assert_non_null(strstr(last_state.reason, "shut itself down"));
	say("shut itself down");
	whole = true;
}

static void a_removed_machine_leaves_nothing(void **state)
{
	step();
	assert_int_equal(order(MSG_VM_DEL, &(struct msg_id){7}), 0);
	say("removed");
	assert_int_equal(count_files("run/vm"), 0);
	assert_int_equal(count_files("state/vm"), 0);
	assert_int_equal(count_files("state/libvirt/log/qemu"), 0);
	assert_int_equal(order(MSG_VM_DEL, &(struct msg_id){7}), 0);
	whole = true;
}

static void a_machine_that_nobody_wants_is_removed(void **state)
{
	struct msg_vm vm = wanted();
	uint32_t pid;

	step();
	assert_int_equal(order(MSG_VM_SET, &vm), 0);
	last_state.state = VM_STATE_DEFINED;
	wait_state(VM_STATE_RUNNING);
	pid = last_state.pid;
	end_vm(SIGKILL);
	assert_int_equal(kill((pid_t)pid, 0), 0);
	start_vm();
	sync_with(NULL);
	for (unsigned i = 0; i < 200 && (kill((pid_t)pid, 0) == 0 || count_files("state/vm") > 0); i++)
		(void)poll(NULL, 0, 100);
	say("orphan removed");
	assert_int_equal(count_files("state/vm"), 0);
	assert_int_equal(count_files("run/vm"), 0);
	whole = true;
}

/* Kills the QEMU of a machine when a failed step left it behind. */
static void kill_left(unsigned id)
{
	char path[FILE_BYTES + 32], text[16] = "";
	FILE *file;
	long pid;

	(void)snprintf(path, sizeof(path), "%s/libvirt/run/qemu/weft-%u.pid", places.state, id);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	pid = fgets(text, sizeof(text), file) != NULL ? strtol(text, NULL, 10) : 0;
	if (pid > 1)
		(void)kill((pid_t)pid, SIGKILL);
	(void)fclose(file);
}

static int tear_down(void **state)
{
	const char *const argv[] = {"rm", "-rf", root, NULL};
	pid_t pid;

	end_vm(SIGKILL);
	for (unsigned id = 7; id <= 8; id++)
		kill_left(id);
	pid = fork();
	if (pid == 0) {
		execv("/bin/rm", (char *const *)(uintptr_t)argv);
		_exit(EXIT_FAILURE);
	}
	(void)waitpid(pid, NULL, 0);
	return 0;
}

/* What QEMU can do is found out once for all tests of a user, where WEFT_TEST_CACHE names a folder for that. */
static int set_up(void **state)
{
	const char *cache = getenv("WEFT_TEST_CACHE");

	if (mkdtemp(root) == NULL || setenv("WEFT_ROOT", root, 1) != 0 || places_find(&places, NULL) != 0)
		return -1;
	if (mkdir(places.run, 0700) != 0 || mkdir(places.state, 0700) != 0)
		return -1;
	return cache != NULL ? symlink(cache, places.cache) : mkdir(places.cache, 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_guest_boots_and_runs_commands),
		cmocka_unit_test(bad_orders_are_refused),
		cmocka_unit_test(a_disk_takes_the_writes_over_an_image),
		cmocka_unit_test(the_console_is_a_shell),
		cmocka_unit_test(the_guest_outlives_the_process),
		cmocka_unit_test(pausing_stops_the_clock_of_service),
		cmocka_unit_test(a_guest_that_is_asked_shuts_down),
		cmocka_unit_test(a_guest_that_shuts_itself_down_is_not_started_again),
		cmocka_unit_test(a_removed_machine_leaves_nothing),
		cmocka_unit_test(a_machine_that_nobody_wants_is_removed),
	};

	if (access("/usr/bin/qemu-system-x86_64", X_OK) != 0) {
		print_message("skipped: no qemu-system-x86_64\n");
		return SKIPPED;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
