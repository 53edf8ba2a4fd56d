/* Starts weftd when a command needs one and none runs. */
#include "proc/process.h"
#include "ui/api_client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* How long a daemon may take until it answers. */
#define START_TIMEOUT_S 30

/* The weftd that belongs to this weft: next to it, in ../libexec/weft, else the one in PATH. */
static const char *find_weftd(const struct call *call)
{
	static const char *const places[] = {"weftd", "../sbin/weftd", "../libexec/weft/weftd"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	self[n > 0 ? n : 0] = '\0';
	slash = strrchr(self, '/');
	for (size_t i = 0; slash != NULL && i < sizeof(places) / sizeof(places[0]); i++) {
		const char *path = arena_printf(call->arena, "%.*s/%s", (int)(slash - self), self, places[i]);

		if (access(path, X_OK) == 0)
			return path;
	}
	return "weftd";
}

/* In the child: becomes weftd. Its errors go to `errors`; what it prints, nowhere. */
_Noreturn static void become_weftd(const char *weftd, int errors)
{
	int null = open("/dev/null", O_RDWR);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0)
		_exit(127);
	/* It was not asked for by hand, so it may end with its last lab. */
	(void)setenv("WEFT_AUTO", "1", 1);
	(void)setsid();
	(void)execlp(weftd, weftd, (char *)NULL);
	dprintf(STDERR_FILENO, "can't start %s: %s", weftd, strerror(errno));
	_exit(127);
}

/* What the daemon said before it gave up, in one line. */
static enum status print_start_error(const struct call *call, int errors)
{
	char text[2048];
	ssize_t n = pread(errors, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	return call_fail(call, STATUS_FAILED, "weftd did not start: %s", text[0] ? text : "it said nothing; weft doctor may know why");
}

/* Waits until it answers. `child` ends by itself once it is in the background. */
static enum status wait_for_answer(const struct call *call, pid_t child, int errors)
{
	struct timespec pause = {.tv_nsec = 20000000}, begin, now;
	bool ended = false;
	int status = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		if (!ended && waitpid(child, &status, WNOHANG) == child) {
			ended = true;
			/* Another command may have been faster: its weftd will answer us as well. */
			if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != EXIT_WEFTD_RUNNING))
				return print_start_error(call, errors);
		}
		if (client_daemon_runs(call))
			return STATUS_OK;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - begin.tv_sec > START_TIMEOUT_S)
			return call_fail(call, STATUS_FAILED, "weftd was started but does not answer within %d s", START_TIMEOUT_S);
		(void)nanosleep(&pause, NULL);
	}
}

enum status client_daemon_start(const struct call *call)
{
	const char *weftd;
	enum status status;
	int errors;
	pid_t child;

	if (client_socket(call) == NULL)
		return STATUS_FAILED;
	if (client_daemon_runs(call))
		return STATUS_OK;
	weftd = find_weftd(call);
	errors = memfd_create("weftd-errors", MFD_CLOEXEC);
	if (errors < 0)
		return call_fail(call, STATUS_FAILED, "no memory for weftd's messages: %s", strerror(errno));
	child = fork();
	if (child == 0)
		become_weftd(weftd, errors);
	if (child < 0)
		status = call_fail(call, STATUS_FAILED, "can't start weftd: %s", strerror(errno));
	else
		status = wait_for_answer(call, child, errors);
	(void)close(errors);
	return status;
}
