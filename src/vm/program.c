/*
 * Runs a program without a shell and waits for it. Its output goes to a pipe, of which the first bytes are kept for the error; the pipe's
 * end tells that it is through, so that no signal is needed.
 */
#include "vm/program.h"

#include "base/check.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

enum { OUTPUT_BYTES = 400 };

/* The program's end of standard input, output and errors; everything else is closed by its flag. */
static int start(const char *const argv[], int output, pid_t *pid)
{
	static char path[] = "PATH=/usr/bin:/bin:/usr/sbin:/sbin";
	static char locale[] = "LC_ALL=C";
	static char *const environment[] = {path, locale, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int error;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	/* posix_spawn takes the arguments as char *, but does not write to them. */
	error = posix_spawnp(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attributes);
	return -error;
}

/* Reads until the end or the deadline; keeps what fits, without line ends behind the first line. */
static int collect(int fd, char out[OUTPUT_BYTES], struct instant deadline)
{
	size_t used = 0;

	for (;;) {
		struct pollfd poller = {.fd = fd, .events = POLLIN};
		int64_t left_ms = span_to_ms(instant_diff(deadline, clock_monotonic()));
		char bytes[OUTPUT_BYTES];
		ssize_t n;

		if (left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&poller, 1, left_ms > 1000 ? 1000 : (int)left_ms) <= 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n && used + 1 < OUTPUT_BYTES; i++)
			out[used++] = bytes[i];
	}
	out[used] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return 0;
}

int program_run(const char *const argv[], struct span limit, struct err *err)
{
	struct instant deadline = instant_add(clock_monotonic(), limit);
	char output[OUTPUT_BYTES] = "";
	int pipes[2], error, status = 0;
	pid_t pid = 0;

	if (pipe2(pipes, O_CLOEXEC) != 0)
		return err_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	error = start(argv, pipes[1], &pid);
	close(pipes[1]);
	if (error == 0) {
		error = collect(pipes[0], output, deadline);
		if (error != 0)
			(void)kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (error != 0)
			err_set(err, error, "%s did not end in time", argv[0]);
		else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			error = err_set(err, -EIO, "%s failed: %s", argv[0], output[0] != '\0' ? output : "it said nothing");
	} else {
		err_set(err, error, "cannot run %s: %s", argv[0], strerror(-error));
	}
	close(pipes[0]);
	return error;
}
