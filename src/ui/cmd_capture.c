/*
 * weft capture: what passes a port or router interface, as pcapng, to a file, to standard output, or into Wireshark.
 *
 * Theory of operation. The daemon's bytes are pcapng already. They are taken apart into blocks only to be written whole, however the
 * capture ends, to count packets, and to read from statistics blocks how many were lost.
 */
#include "ui/api_client.h"
#include "ui/filter.h"
#include "ui/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK_HEAD_BYTES = 8, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6, STATISTICS_DROP_AT = 36 };

struct capturing {
	FILE *out;
	struct text bytes; /* not yet whole blocks */
	uint64_t packets, dropped, wanted;
	int64_t until_ns; /* 0: for ever */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static uint32_t get_u32(const char *bytes)
{
	const unsigned char *b = (const unsigned char *)bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Writes the whole blocks that are there; false when no more is wanted or can be written. */
static bool write_blocks(struct capturing *capturing)
{
	struct text *bytes = &capturing->bytes;
	size_t at = 0, block;
	bool more = true;

	while (more && bytes->used - at >= BLOCK_HEAD_BYTES) {
		uint32_t type = get_u32(bytes->bytes + at);

		block = get_u32(bytes->bytes + at + 4);
		if (block < BLOCK_HEAD_BYTES || bytes->used - at < block)
			break;
		if (type == BLOCK_STATISTICS && block > STATISTICS_DROP_AT + 12)
			capturing->dropped = get_u32(bytes->bytes + at + STATISTICS_DROP_AT + 8);
		capturing->packets += type == BLOCK_PACKET;
		more = fwrite(bytes->bytes + at, 1, block, capturing->out) == block &&
		       (capturing->wanted == 0 || capturing->packets < capturing->wanted);
		at += block;
	}
	if (at > 0) {
		memmove(bytes->bytes, bytes->bytes + at, bytes->used - at);
		bytes->used -= at;
	}
	return fflush(capturing->out) == 0 && more;
}

/* Reads until the end, an interrupt, or enough. */
static int capture_read(struct capturing *capturing, int fd)
{
	char buffer[65536];

	while (!interrupted) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int64_t left = capturing->until_ns != 0 ? (capturing->until_ns - now_ns()) / 1000000 : -1;
		ssize_t n;

		if (capturing->until_ns != 0 && left <= 0)
			return 0;
		if (poll(&ready, 1, left < 0 || left > 1000 ? 1000 : (int)left) <= 0)
			continue;
		n = read(fd, buffer, sizeof(buffer));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		if (n > 0)
			text_add_bytes(&capturing->bytes, buffer, (size_t)n);
		if (n > 0 && !write_blocks(capturing))
			return 0;
	}
	return 0;
}

/* Starts Wireshark reading from us; NULL with the reason printed. */
static FILE *wireshark_start(const struct call *call)
{
	int pipe_fds[2];
	pid_t child;

	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return NULL;
	child = fork();
	if (child == 0) {
		if (dup2(pipe_fds[0], STDIN_FILENO) >= 0)
			(void)execlp("wireshark", "wireshark", "-k", "-i", "-", (char *)NULL);
		(void)fprintf(call->err, "weft: can't start wireshark: %s\n", strerror(errno));
		_exit(127);
	}
	(void)close(pipe_fds[0]);
	if (child > 0)
		return fdopen(pipe_fds[1], "w");
	(void)close(pipe_fds[1]);
	return NULL;
}

static enum status open_output(const struct call *call, struct capturing *capturing)
{
	const char *file = call_option(call, "write");

	if (call_option(call, "wireshark") != NULL)
		capturing->out = wireshark_start(call);
	else if (file == NULL && isatty(fileno(call->out)) == 1)
		return call_fail(call, STATUS_USAGE, "a capture is no text: name a file (-w FILE), a pipe, or --wireshark");
	else
		capturing->out = file == NULL || strcmp(file, "-") == 0 ? call->out : fopen(file, "wbe");
	if (capturing->out == NULL)
		return call_fail(call, STATUS_FAILED, "can't write %s: %s", file != NULL ? file : "to wireshark", strerror(errno));
	return STATUS_OK;
}

/* A number that an option gives; false after a word about what is wrong. */
static bool option_number(const struct call *call, const char *name, uint64_t *value)
{
	const char *text = call_option(call, name);
	char *end = NULL;

	*value = text != NULL ? strtoull(text, &end, 10) : 0;
	if (text == NULL || (text[0] >= '0' && text[0] <= '9' && *end == '\0'))
		return true;
	(void)call_fail(call, STATUS_USAGE, "--%s needs a number, not \"%s\"", name, text);
	return false;
}

/* What is asked of the daemon; false after a word about what is wrong. */
static enum status build_path(const struct call *call, struct text *path)
{
	const char *lab = client_lab(call, NULL), *filter = call_option(call, "filter");
	struct err err = {0};
	uint64_t snaplen;

	if (lab == NULL)
		return STATUS_FAILED;
	if (!option_number(call, "snaplen", &snaplen))
		return STATUS_USAGE;
	text_add(path, "%s", client_path(call, "/v1/labs/%s/capture?port=%s", lab, call_argument(call, 0)));
	if (snaplen > 0)
		text_add(path, "&snaplen=%" PRIu64, snaplen);
	if (filter == NULL)
		return STATUS_OK;
	text_add(path, "&filter=");
	if (filter_compile(filter, path, &err) != 0)
		return call_fail(call, STATUS_USAGE, "%s", err.text);
	return STATUS_OK;
}

static enum status capture_with(struct call *call, struct capturing *capturing, const char *path)
{
	struct sigaction interrupt = {.sa_handler = on_interrupt};
	struct err err = {0};
	int fd = http_upgrade(client_socket(call), path, "weft-capture", &err), rc;
	enum status status;

	if (fd < 0) {
		struct value *problem = value_parse(err.text, strlen(err.text), NULL);

		client_print_problem(call, problem, err.text);
		value_free(problem);
		return STATUS_FAILED;
	}
	status = open_output(call, capturing);
	if (status == STATUS_OK) {
		(void)sigaction(SIGINT, &interrupt, NULL);
		(void)sigaction(SIGTERM, &interrupt, NULL);
		rc = capture_read(capturing, fd);
		if (!call->quiet)
			(void)fprintf(call->err, "%" PRIu64 " packets captured, %" PRIu64 " lost for want of room\n", capturing->packets,
				capturing->dropped);
		if (rc < 0)
			status = call_fail(call, STATUS_FAILED,
				rc == -ECONNRESET ? "the capture ended: the port is gone, or the switch was started again"
						  : "reading failed: %s",
				strerror(-rc));
	}
	(void)close(fd);
	if (capturing->out != NULL && capturing->out != call->out && fclose(capturing->out) != 0)
		status = call_fail(call, STATUS_FAILED, "writing failed: %s", strerror(errno));
	return status;
}

enum status capture_run(struct call *call)
{
	struct capturing capturing = {0};
	struct text path = {0};
	uint64_t seconds = 0;
	enum status status;

	if (!option_number(call, "count", &capturing.wanted) || !option_number(call, "seconds", &seconds))
		return STATUS_USAGE;
	if (!client_daemon_runs(call))
		return call_fail(call, STATUS_FAILED, "no weftd runs here; weft up FILE starts one with a lab");
	status = build_path(call, &path);
	if (seconds > 0)
		capturing.until_ns = now_ns() + (int64_t)seconds * 1000000000;
	if (status == STATUS_OK)
		status = capture_with(call, &capturing, text_get(&path));
	text_free(&path);
	text_free(&capturing.bytes);
	return status;
}
