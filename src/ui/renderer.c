/* Dot text to a picture, through graphviz's `dot`, without a shell. */
#include "ui/renderer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static bool write_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		size -= (size_t)n;
	}
	return true;
}

/* In the child: becomes dot, reading `in`, writing `out`. */
_Noreturn static void become_dot(const char *format, int in, int out)
{
	char option[16];

	(void)snprintf(option, sizeof(option), "-T%s", format);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	(void)execlp("dot", "dot", option, (char *)NULL);
	_exit(127);
}

static enum status run_dot(const struct call *call, const struct text *dot, const char *format, int out)
{
	int in = memfd_create("weft-dot", MFD_CLOEXEC), status = 0;
	pid_t child;

	if (in < 0 || !write_all(in, text_get(dot), dot->used) || lseek(in, 0, SEEK_SET) < 0) {
		if (in >= 0)
			(void)close(in);
		return call_fail(call, STATUS_FAILED, "no memory for the picture");
	}
	(void)fflush(call->out);
	child = fork();
	if (child == 0)
		become_dot(format, in, out);
	(void)close(in);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (child < 0)
		return call_fail(call, STATUS_FAILED, "can't start dot: %s", strerror(errno));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return call_fail(call, STATUS_FAILED,
			"graphviz's program dot is not installed (apt-get install graphviz); -o dot prints the text for it");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return call_fail(call, STATUS_FAILED, "dot failed");
	return STATUS_OK;
}

enum status renderer_write(const struct call *call, const struct text *dot, const char *format, const char *path)
{
	enum status status;
	int out;

	if (path == NULL && format == NULL) {
		(void)fputs(text_get(dot), call->out);
		return STATUS_OK;
	}
	if (path == NULL && isatty(STDOUT_FILENO) == 1)
		return call_fail(
			call, STATUS_USAGE, "a picture is nothing for a terminal: name a file with --write, or redirect the output");
	out = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666) : dup(STDOUT_FILENO);
	if (out < 0)
		return call_fail(call, STATUS_FAILED, "can't write %s: %s", path ? path : "the output", strerror(errno));
	if (format != NULL)
		status = run_dot(call, dot, format, out);
	else
		status = write_all(out, text_get(dot), dot->used)
				 ? STATUS_OK
				 : call_fail(call, STATUS_FAILED, "can't write %s: %s", path, strerror(errno));
	if (close(out) < 0 && status == STATUS_OK)
		status = call_fail(call, STATUS_FAILED, "can't write %s: %s", path ? path : "the output", strerror(errno));
	return status;
}
