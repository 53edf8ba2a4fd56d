/*
 * Tests of the jail: a forked child enters it and tries what it must and mustn't be able to do. As root all stages, as a user those that
 * a user can have; a child says "skip" where the kernel offers less.
 */
#include "base/check.h"
#include "base/log.h"
#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct places places;
static char root[] = "/tmp/weft-jail.XXXXXX";

/* Exit statuses of a child: the line of the expectation that failed is printed. */
enum { CHILD_OK = 0, CHILD_FAILED = 1 };

#define EXPECT(cond)                                                                                                                       \
	do {                                                                                                                               \
		if (!(cond)) {                                                                                                             \
			(void)dprintf(STDERR_FILENO, "line %d: %s (errno %d)\n", __LINE__, #cond, errno);                                  \
			_exit(CHILD_FAILED);                                                                                               \
		}                                                                                                                          \
	} while (0)

/* `call` is refused with one of the errors that a jail gives. */
#define REFUSED(call) ((call) < 0 && (errno == EPERM || errno == EACCES || errno == ENOENT || errno == EROFS))

/* Runs `tries` in a child that entered the jail; returns its wait status. */
static int jailed(const struct jail_spec *spec, const char *mode, void (*tries)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct err err = {0};

		log_set_level(LOG_LEVEL_WARNING);
		(void)setenv("WEFT_JAIL", mode, 1);
		if (jail_enter(PROCESS_SWITCH, spec, &places, &err) != 0) {
			(void)dprintf(STDERR_FILENO, "%s\n", err.text);
			_exit(CHILD_FAILED);
		}
		tries();
		_exit(CHILD_OK);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void *nothing(void *context) { return context; }

/* What even the tightest jail must leave. */
static void live_a_little(void)
{
	void *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2], memfd = memfd_create("x", MFD_CLOEXEC);
	char c = 'x';

	EXPECT(memory != MAP_FAILED && munmap(memory, 1 << 20) == 0);
	EXPECT(memfd >= 0 && ftruncate(memfd, 4096) == 0);
	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	EXPECT(write(ends[0], &c, 1) == 1 && read(ends[1], &c, 1) == 1);
}

static void tries_nothing_allowed(void)
{
	char *argv[] = {(char *)(uintptr_t) "true", NULL};
	struct rlimit cores;
	pthread_t thread;

	live_a_little();
	EXPECT(REFUSED(open("/etc/passwd", O_RDONLY)));
	EXPECT(REFUSED(open(places.state, O_RDONLY)));
	EXPECT(REFUSED(mkdir("/tmp/weft-out", 0700)));
	EXPECT(REFUSED(socket(AF_INET, SOCK_STREAM, 0)));
	EXPECT(REFUSED(socket(AF_NETLINK, SOCK_RAW, 0)));
	EXPECT(REFUSED(socket(AF_PACKET, SOCK_RAW, 0)));
	EXPECT(REFUSED(execv("/bin/true", argv)));
	EXPECT(REFUSED(fork()));
	EXPECT(REFUSED(kill(getppid(), 0)));
	EXPECT(REFUSED(syscall(SYS_ptrace, 16 /* attach */, getppid(), 0, 0)));
	EXPECT(REFUSED(syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL)));
	EXPECT(REFUSED(setuid(0)) || geteuid() != 0);
	EXPECT(pthread_create(&thread, NULL, nothing, NULL) != 0);
	EXPECT(getrlimit(RLIMIT_CORE, &cores) == 0 && cores.rlim_max == 0);
	EXPECT(getuid() != 0);
}

static void test_nothing_allowed(void **state)
{
	const struct jail_spec spec = {0};

	assert_int_equal(jailed(&spec, "eperm", tries_nothing_allowed), 0);
}

static void tries_threads(void)
{
	pthread_t thread;

	EXPECT(pthread_create(&thread, NULL, nothing, NULL) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	EXPECT(REFUSED(fork()));
}

static void test_threads(void **state)
{
	const struct jail_spec spec = {.threads = true};

	assert_int_equal(jailed(&spec, "eperm", tries_threads), 0);
}

static int make_file(const char *folder, const char *name)
{
	char path[FILE_BYTES + 32];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd >= 0)
		(void)close(fd);
	return fd;
}

static int remove_file(const char *folder, const char *name)
{
	char path[FILE_BYTES + 32];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return unlink(path);
}

static void tries_files(void)
{
	live_a_little();
	EXPECT(open("/usr", O_RDONLY) >= 0);
	EXPECT(open("/etc/passwd", O_RDONLY) >= 0);
	EXPECT(make_file(places.state, "own") >= 0);
	EXPECT(remove_file(places.state, "own") == 0);
	EXPECT(make_file(places.run, "own") >= 0);
	EXPECT(remove_file(places.run, "own") == 0);
	EXPECT(make_file(places.state, "prepared") >= 0); /* made before the jail closed: still ours */
	EXPECT(REFUSED(make_file(places.cache, "own")));
	EXPECT(REFUSED(make_file("/usr", "own")));
	EXPECT(REFUSED(make_file("/tmp", "weft-own")));
	EXPECT(REFUSED(open("/root", O_RDONLY)));
	EXPECT(REFUSED(execl("/bin/true", "true", NULL)));
}

static void test_files(void **state)
{
	const struct jail_spec spec = {.files_read = true, .files_write = true};

	assert_true(make_file(places.state, "prepared") >= 0);
	assert_int_equal(jailed(&spec, "eperm", tries_files), 0);
	(void)remove_file(places.state, "prepared");
}

static void tries_not_own_files(void)
{
	EXPECT(REFUSED(remove_file(places.state, "vm/disk")));
	EXPECT(REFUSED(remove_file(places.run, "weftd.lock")));
	EXPECT(REFUSED(make_file(places.run, "weftd.lock")));
}

/* As root, what other processes keep in the same folders is safe from the jailed one. */
static void test_files_of_others(void **state)
{
	const struct jail_spec spec = {.files_read = true, .files_write = true};
	char folder[FILE_BYTES];

	if (geteuid() != 0)
		skip();
	(void)snprintf(folder, sizeof(folder), "%s/vm", places.state);
	assert_int_equal(mkdir(folder, 0755), 0);
	assert_true(make_file(folder, "disk") >= 0);
	assert_true(make_file(places.run, "weftd.lock") >= 0);
	assert_int_equal(jailed(&spec, "eperm", tries_not_own_files), 0);
	assert_int_equal(remove_file(folder, "disk"), 0);
	assert_int_equal(remove_file(places.run, "weftd.lock"), 0);
	assert_int_equal(rmdir(folder), 0);
}

static void tries_privileged(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		(void)execl("/bin/true", "true", NULL);
	EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	EXPECT(REFUSED(syscall(SYS_ptrace, 16, getppid(), 0, 0)));
	EXPECT(REFUSED(syscall(SYS_reboot, 0, 0, 0, 0)));
	EXPECT(REFUSED(syscall(SYS_init_module, NULL, 0, "")));
}

static void test_keep_privilege(void **state)
{
	const struct jail_spec spec = {
		.keep_privilege = true, .network = true, .files_read = true, .files_write = true, .execute = true, .threads = true};

	assert_int_equal(jailed(&spec, "eperm", tries_privileged), 0);
}

static void tries_one_refused(void) { (void)socket(AF_INET, SOCK_STREAM, 0); }

static void test_kill_mode(void **state)
{
	const struct jail_spec spec = {0};
	int status = jailed(&spec, "kill", tries_one_refused);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	assert_int_equal(jailed(&spec, "kill", live_a_little), 0);
}

static int make_places(void **state)
{
	char *all[] = {places.run, places.state, places.cache};

	assert_non_null(mkdtemp(root));
	assert_int_equal(setenv("WEFT_ROOT", root, 1), 0);
	assert_int_equal(places_find(&places, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		assert_int_equal(mkdir(all[i], 0755), 0);
	return 0;
}

static int remove_places(void **state)
{
	(void)rmdir(places.run);
	(void)rmdir(places.state);
	(void)rmdir(places.cache);
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_allowed),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_files_of_others),
		cmocka_unit_test(test_keep_privilege),
		cmocka_unit_test(test_kill_mode),
	};

	return cmocka_run_group_tests(tests, make_places, remove_places);
}
