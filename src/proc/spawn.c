/* Starting a process of weftd: fork, put the descriptors in their places, execute the program that is running. */
#include "proc/spawn.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The program that runs, also when its file was replaced or removed meanwhile. */
static const char program[] = "/proc/self/exe";

/* Moves the descriptors to 3, 4, ... first out of each other's way, then into place. */
static int place_fds(const int *fds, unsigned count)
{
	int safe[SPAWN_FDS_MAX];

	for (unsigned i = 0; i < count; i++) {
		safe[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, SPAWN_CHANNEL_FD + SPAWN_FDS_MAX);
		if (safe[i] < 0)
			return -errno;
	}
	for (unsigned i = 0; i < count; i++)
		if (dup2(safe[i], SPAWN_CHANNEL_FD + (int)i) < 0)
			return -errno;
	if (close_range(SPAWN_CHANNEL_FD + count, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		return -errno;
	return 0;
}

int spawn_exec(const char *name, const int *fds, unsigned count)
{
	char *argv[] = {(char *)(uintptr_t) "weftd", (char *)(uintptr_t) "--process", (char *)(uintptr_t)name, NULL};
	sigset_t none;
	int error;

	CHECK(count <= SPAWN_FDS_MAX);
	error = place_fds(fds, count);
	if (error != 0)
		return error;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (strcmp(name, "guard") != 0 && strcmp(name, "super") != 0)
		(void)unsetenv("NOTIFY_SOCKET");
	(void)execv(program, argv);
	return -errno;
}

/* In the new process. */
static _Noreturn void spawned(const struct spawn *spawn, pid_t parent)
{
	if (spawn->own_session)
		(void)setsid();
	if (spawn->with_parent) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_FAILURE);
	}
	(void)spawn_exec(spawn->name, spawn->fds, spawn->count);
	_exit(127);
}

int spawn(const struct spawn *spawn, pid_t *pid, struct err *err)
{
	pid_t parent = getpid(), child = fork();
	int pidfd;

	if (child < 0)
		return err_set(err, -errno, "can't start process %s: %s", spawn->name, strerror(errno));
	if (child == 0)
		spawned(spawn, parent);
	pidfd = pidfd_open(child, 0);
	if (pidfd < 0) {
		int error = -errno;

		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
		return err_set(err, error, "can't watch process %s: %s", spawn->name, strerror(-error));
	}
	*pid = child;
	return pidfd;
}
