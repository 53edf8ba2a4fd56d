/*
 * Reaps the QEMU daemons that die below this process.
 *
 * Theory of operation. QEMU processes of the embedded driver are daemons, whose parent is this process (their subreaper). libvirt waits
 * until one that it ends is really gone, so they are reaped here at once; and only they, since libvirt waits for its own children, among
 * them a QEMU that has yet to become a daemon.
 */
#include "vm/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Milliseconds between, and number of, looks for a dead QEMU behind another dead child. */
enum { REAP_AGAIN_MS = 20, REAPS_MAX = 50 };

struct reaper {
	struct loop *loop;
	struct loop_timer *timer;
	unsigned left;
};

int reaper_prepare(struct err *err)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return err_set(err, -errno, "cannot become the parent of orphans: %s", strerror(errno));
	return 0;
}

/* True when the dead child `pid` is a QEMU that became our child when its parent ended: one that is a daemon has a session of its own. */
static bool is_orphaned_qemu(pid_t pid)
{
	char path[64], name[32] = "";
	ssize_t size;
	int fd;

	if (getsid(pid) == getsid(0))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	size = read(fd, name, sizeof(name) - 1);
	(void)close(fd);
	return size > 0 && strncmp(name, "qemu-system", strlen("qemu-system")) == 0;
}

/*
 * Reaps dead QEMUs, for which libvirt would wait in vain. The kernel shows one dead child at a time; when that is one of libvirt's own,
 * which it is about to reap itself, this looks again soon.
 */
static void reap(struct reaper *reaper)
{
	siginfo_t info = {0};

	while (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid != 0) {
		if (!is_orphaned_qemu(info.si_pid)) {
			if (reaper->left-- > 0)
				loop_timer_set(reaper->timer, instant_add(loop_now(reaper->loop), span_ms(REAP_AGAIN_MS)));
			return;
		}
		(void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED);
		info = (siginfo_t){0};
	}
}

static void on_timer(void *context, struct instant now) { reap(context); }

static void on_child(void *context, int signal)
{
	struct reaper *reaper = context;

	reaper->left = REAPS_MAX;
	reap(reaper);
}

void reaper_start(struct loop *loop)
{
	/* Lives as long as the process: the loop keeps it. */
	static struct reaper reaper;

	reaper.loop = loop;
	reaper.timer = loop_timer_new(loop, on_timer, &reaper);
	loop_on_signal(loop, SIGCHLD, on_child, &reaper);
}
