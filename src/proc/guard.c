/*
 * The guard: the process that starts super again.
 *
 * Theory of operation. Super starts all others again, so something must start super. That is the guard: it reads no message of anybody,
 * opens no file and keeps nothing but the lock on the places. Guard and super hold the two ends of a socket pair and nobody else does; the
 * end of one is what tells the other of its death. When super dies the guard starts a new one; when the guard dies super starts a new guard
 * (super.c), so that killing any one process heals. Only when both die within the same moment nothing starts again by itself; the next
 * `weft` command starts a new weftd, which finds the lock free and everything it needs in the store.
 * Bytes on the pair: GUARD_STOP from the guard asks super to end in order; GUARD_READY from super says that the API answers, GUARD_BYE that
 * its end is in order.
 */
#include "proc/guard.h"

#include "base/check.h"
#include "base/instant.h"
#include "base/log.h"
#include "proc/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What isn't ready after so many starts never will be. */
#define FAILURES_BEFORE_READY_MAX 3

struct guard {
	int signals; /* signalfd */
	int super;   /* our end of the pair, -1 while there is no super */
	pid_t pid;   /* of super when it is our child, else 0 */
	bool ready;  /* the API answered once */
};

struct span backoff_next(unsigned failures)
{
	return failures == 0 ? span_ms(0) : failures >= 7 ? BACKOFF_MAX : span_ms(100 << (failures - 1));
}

int guard_pair(int ends[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
		return err_set(err, -errno, "can't make a socket pair: %s", strerror(errno));
	return 0;
}

/* A blocked signal would hold for super as well: spawn clears the mask. */
static int guard_signals(void)
{
	sigset_t signals;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whoever waits for the API is told only by a super that comes so far; a later one gets /dev/null. */
static void guard_forget_ready(struct guard *guard)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (!guard->ready && null >= 0)
		(void)dup3(null, SPAWN_READY_FD, O_CLOEXEC);
	if (null >= 0)
		(void)close(null);
	guard->ready = true;
}

/* Waits until super ends; true when its end was in order. Passes signals on meanwhile. */
static bool guard_watch(struct guard *guard)
{
	struct pollfd waits[2] = {{guard->super, POLLIN, 0}, {guard->signals, POLLIN, 0}};
	struct signalfd_siginfo info;
	ssize_t got;
	char byte = 0;

	for (;;) {
		if (poll(waits, 2, -1) < 0)
			continue;
		if (waits[1].revents != 0 && read(guard->signals, &info, sizeof(info)) == sizeof(info))
			(void)send(guard->super, &(char){GUARD_STOP}, 1, MSG_NOSIGNAL);
		if (waits[0].revents == 0)
			continue;
		got = read(guard->super, &byte, 1);
		if (got == 1 && byte == GUARD_READY)
			guard_forget_ready(guard);
		if (got == 1 && byte == GUARD_BYE)
			return true;
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return false;
	}
}

/* Starts super with one end of a new pair. */
static void guard_start_super(struct guard *guard)
{
	int ends[2], fds[] = {-1, SPAWN_LOCK_FD, SPAWN_READY_FD}, pidfd;
	struct err err;

	guard->super = -1;
	guard->pid = 0;
	if (guard_pair(ends, &err) != 0) {
		log_error(NULL, "%s", err.text);
		return;
	}
	fds[0] = ends[1];
	pidfd = spawn(&(struct spawn){.name = "super", .fds = fds, .count = 3, .own_session = true}, &guard->pid, &err);
	(void)close(ends[1]);
	if (pidfd < 0) {
		log_error(NULL, "%s", err.text);
		(void)close(ends[0]);
		return;
	}
	(void)close(pidfd);
	guard->super = ends[0];
}

/* The exit status of super when it is our child, success when we came after it. */
static int guard_collect(const struct guard *guard)
{
	int status = 0;

	if (guard->pid <= 0)
		return EXIT_SUCCESS;
	while (waitpid(guard->pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

int guard_run(void)
{
	struct guard guard = {.super = -1, .signals = guard_signals()};
	unsigned failures = 0;
	int type;

	log_open("guard", STDERR_FILENO, LOG_LEVEL_INFO, getenv("JOURNAL_STREAM") != NULL);
	for (int fd = SPAWN_CHANNEL_FD; fd <= SPAWN_READY_FD; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	/* Started by super: it lives at the other end. Started first: the descriptor is no socket. */
	if (getsockopt(SPAWN_CHANNEL_FD, SOL_SOCKET, SO_TYPE, &type, &(socklen_t){sizeof(type)}) == 0) {
		guard.super = SPAWN_CHANNEL_FD;
		guard_forget_ready(&guard);
	}
	for (;;) {
		struct instant started = clock_monotonic();

		if (guard.super < 0)
			guard_start_super(&guard);
		if (guard.super >= 0 && guard_watch(&guard))
			return guard_collect(&guard);
		if (guard.super >= 0)
			(void)close(guard.super);
		(void)guard_collect(&guard);
		guard.super = -1;
		failures = instant_diff(clock_monotonic(), started).ns > BACKOFF_CALM.ns ? 1 : failures + 1;
		if (!guard.ready && failures >= FAILURES_BEFORE_READY_MAX) {
			log_error("super", "died %u times before the API answered, giving up", failures);
			return EXIT_FAILURE;
		}
		log_warning("super", "died, starting it again");
		(void)poll(NULL, 0, (int)span_to_ms(backoff_next(failures - 1)));
	}
}
