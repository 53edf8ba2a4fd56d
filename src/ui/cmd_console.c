/* weft vm console: the serial line of a machine on this terminal. */
#include "ui/api_client.h"
#include "ui/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* Ctrl-] ends it, as telnet and virsh do. */
#define ESCAPE 0x1d
/* When the input is a file and at its end, the guest may still answer; it is done when nothing comes for so long. */
#define SILENCE_MS 1500

/* Raw while the console is open, so that every key goes to the guest. */
static bool terminal_raw(struct termios *saved)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, saved) < 0)
		return false;
	raw = *saved;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

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

/* Keys to the guest. False when the console ends: by Ctrl-] or a broken line; at the end of a file only this direction ends. */
static bool pump_keys(int line, bool *open)
{
	char buffer[1024];
	ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
	const char *escape;

	if (n < 0)
		return errno == EINTR;
	if (n == 0) {
		*open = false;
		return true;
	}
	escape = memchr(buffer, ESCAPE, (size_t)n);
	if (escape == NULL)
		return write_all(line, buffer, (size_t)n);
	(void)write_all(line, buffer, (size_t)(escape - buffer));
	return false;
}

/* What the guest shows; into the log, too, when there is one (else -1). */
static bool pump_screen(int line, int log)
{
	char buffer[16384];
	ssize_t n = read(line, buffer, sizeof(buffer));

	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && (log < 0 || write_all(log, buffer, (size_t)n)) && write_all(STDOUT_FILENO, buffer, (size_t)n);
}

static void pump(int line, int log)
{
	struct pollfd fds[2] = {{.fd = line, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
	bool keys = true;

	for (;;) {
		int ready;

		fds[1].fd = keys ? STDIN_FILENO : -1;
		ready = poll(fds, 2, keys ? -1 : SILENCE_MS);
		if (ready == 0 || (ready < 0 && errno != EINTR))
			return;
		if (fds[0].revents != 0 && !pump_screen(line, log))
			return;
		if (keys && fds[1].revents != 0 && !pump_keys(line, &keys))
			return;
	}
}

/* What the daemon said instead of opening the line. */
static enum status refused(const struct call *call, const struct err *err)
{
	struct value *problem = value_parse(err->text, strlen(err->text), NULL);

	client_print_problem(call, problem, err->text);
	value_free(problem);
	return STATUS_FAILED;
}

enum status vm_console_run(struct call *call)
{
	const char *lab = "", *name = "";
	enum status status = client_find_vm(call, call_argument(call, 0), &lab, &name);
	struct termios saved;
	const char *path = call_option(call, "log");
	struct err err = {0};
	bool raw;
	int line, log = -1;

	if (status != STATUS_OK)
		return status;
	if (path != NULL && (log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) < 0)
		return call_fail(call, STATUS_FAILED, "cannot write %s: %s", path, strerror(errno));
	line = http_upgrade(client_socket(call), client_path(call, "/v1/labs/%s/vms/%s/console", lab, name), "weft-console", &err);
	if (line < 0) {
		if (log >= 0)
			(void)close(log);
		return refused(call, &err);
	}
	call_say(call, "console of %s; Ctrl-] leaves it", name);
	raw = terminal_raw(&saved);
	pump(line, log);
	if (raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &saved);
	(void)close(line);
	if (log >= 0)
		(void)close(log);
	call_say(call, "%sconsole of %s left", raw ? "\r\n" : "", name);
	return STATUS_OK;
}
