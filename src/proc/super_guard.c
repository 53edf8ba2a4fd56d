/* Super's side of the guard: see guard.c for what the two are to each other. */
#include "base/log.h"
#include "proc/guard.h"
#include "proc/spawn.h"
#include "proc/super.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void guard_ready(void *context, int fd, int events);

/* Makes a new guard; when that fails it is tried again later. */
static void guard_start(void *context, struct instant now)
{
	struct super *super = context;
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC), pidfd = -1;
	struct err err = {0};

	super->guard_started = now;
	if (null >= 0 && guard_pair(ends, &err) == 0) {
		const int fds[] = {ends[1], SPAWN_LOCK_FD, null};

		pidfd = spawn(&(struct spawn){.name = "guard", .fds = fds, .count = 3}, &super->guard_pid, &err);
		(void)close(ends[1]);
		if (pidfd < 0)
			(void)close(ends[0]);
	}
	if (null >= 0)
		(void)close(null);
	if (pidfd < 0) {
		log_error("guard", "%s", err.code ? err.text : "can't open /dev/null");
		loop_timer_set(super->guard_timer, instant_add(now, BACKOFF_MAX));
		return;
	}
	(void)close(pidfd);
	super->guard = ends[0];
	super->guard_watch = loop_watch_new(super->loop, super->guard, LOOP_READABLE, guard_ready, super);
	lock_write(SPAWN_LOCK_FD, super->guard_pid, super->stopping);
	notify("MAINPID=%d", (int)super->guard_pid);
}

static void guard_lost(struct super *super)
{
	struct instant now = loop_now(super->loop);

	log_warning("guard", "died, starting it again");
	loop_watch_free(super->guard_watch);
	(void)close(super->guard);
	super->guard_watch = NULL;
	super->guard = -1;
	/* Ours to collect unless it started us. */
	(void)waitpid(super->guard_pid, NULL, 0);
	super->guard_failures = instant_diff(now, super->guard_started).ns > BACKOFF_CALM.ns ? 1 : super->guard_failures + 1;
	loop_timer_set(super->guard_timer, instant_add(now, backoff_next(super->guard_failures - 1)));
}

static void guard_ready(void *context, int fd, int events)
{
	struct super *super = context;
	char byte;
	ssize_t got = read(fd, &byte, 1);

	(void)events;
	if (got == 1 && byte == GUARD_STOP)
		super_end(super);
	else if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		guard_lost(super);
}

void super_guard_watch(struct super *super)
{
	super->guard_started = loop_now(super->loop);
	super->guard_timer = loop_timer_new(super->loop, guard_start, super);
	super->guard_watch = loop_watch_new(super->loop, super->guard, LOOP_READABLE, guard_ready, super);
}

void super_guard_ready(struct super *super)
{
	(void)!write(SPAWN_READY_FD, "R", 1);
	(void)close(SPAWN_READY_FD);
	(void)send(super->guard, &(char){GUARD_READY}, 1, MSG_NOSIGNAL);
}

void super_guard_bye(struct super *super) { (void)send(super->guard, &(char){GUARD_BYE}, 1, MSG_NOSIGNAL); }
