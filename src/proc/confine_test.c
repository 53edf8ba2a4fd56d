/* Tests of confined work: in a child that tries what it may not. */
#include "proc/confine.h"

#include "proc/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/weft-confine-test-XXXXXX";
static char outside[] = "/tmp/weft-confine-outside-XXXXXX"; /* a file */

/* Runs `body` confined to the folder, with this script shown; what the child ended with. */
static int run(int (*body)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		struct confine confine = {.shown = {"/etc/hostname"},
			.folder = folder,
			.file_bytes_max = 4096,
			.memory_bytes_max = 1ULL << 32,
			.cpu_s_max = 10};

		_exit(confine_enter(&confine, NULL) == 0 ? body() : 99);
	}
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* The number of the first attempt that went as it shouldn't, 0 for none. */
static int try_the_world(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s/made", folder);
	if (open("/etc/passwd", O_RDONLY) >= 0 || open("/etc/shadow", O_RDONLY) >= 0)
		return 1;
	if (open("/tmp/weft-outside", O_WRONLY | O_CREAT, 0600) >= 0)
		return 2;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
		return 3;
	if (kill(getppid(), 0) == 0 || setuid(0) == 0)
		return 4;
	if (open("/etc/hostname", O_WRONLY) >= 0)
		return 5;
	if (open("/etc/hostname", O_RDONLY) < 0 && errno != ENOENT)
		return 6;
	return open(path, O_WRONLY | O_CREAT, 0600) >= 0 ? 0 : 7;
}

/* What landlock knows nothing of, or not everywhere. */
static int try_others(void)
{
	int fd = open("/usr/bin/head", O_RDONLY | O_CLOEXEC), pair[2];
	struct rlimit limit;

	if (chmod(outside, 0644) == 0 || (fd >= 0 && fchmod(fd, 0755) == 0))
		return 1;
	if (truncate(outside, 0) == 0 || utimensat(AT_FDCWD, outside, NULL, 0) == 0)
		return 2;
	if (kill(getppid(), 0) == 0 || syscall(SYS_tgkill, getppid(), getppid(), 0) == 0)
		return 3;
	if (prlimit(getppid(), RLIMIT_CORE, NULL, &limit) == 0)
		return 4;
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0)
		return 5;
	if (setsid() >= 0 || setpgid(0, 0) == 0)
		return 6;
	return getrlimit(RLIMIT_CORE, &limit) == 0 ? 0 : 7;
}

static int write_much(void)
{
	char path[64], bytes[8192] = "";
	int fd;

	(void)snprintf(path, sizeof(path), "%s/large", folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	(void)!write(fd, bytes, sizeof(bytes));
	return write(fd, bytes, sizeof(bytes)) < 0 ? 1 : 0;
}

static int run_a_program(void)
{
	execl("/usr/bin/head", "head", "/etc/passwd", (char *)NULL);
	return 98;
}

static void it_reaches_nothing_but_what_it_was_shown(void **state)
{
	if (!jail_wanted())
		skip(); /* with sanitizers */
	assert_int_equal(run(try_the_world), 0);
	assert_int_equal(run(run_a_program), 1); /* it runs, and can't read the file either */
}

static void it_touches_nobody_else(void **state)
{
	if (!jail_wanted())
		skip(); /* with sanitizers */
	assert_int_equal(run(try_others), 0);
}

static void it_writes_no_more_than_it_may(void **state) { assert_int_equal(run(write_much), -SIGXFSZ); }

static int set_up(void **state)
{
	int fd = mkstemp(outside);

	if (fd >= 0)
		(void)close(fd);
	return fd < 0 || mkdtemp(folder) == NULL ? -1 : 0;
}

static int tear_down(void **state)
{
	char path[64];

	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, i == 0 ? "made" : "large");
		(void)unlink(path);
	}
	(void)unlink(outside);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(it_reaches_nothing_but_what_it_was_shown),
		cmocka_unit_test(it_touches_nobody_else), cmocka_unit_test(it_writes_no_more_than_it_may)};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
