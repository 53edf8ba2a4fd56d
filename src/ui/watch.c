/*
 * --watch: a command that looks, again and again.
 *
 * Theory of operation. The command prints into memory. On a terminal the whole picture is then drawn over the last one in one write, on the
 * terminal's other screen, so that nothing flickers and what was there before comes back; elsewhere pictures follow each other, parted by
 * an empty line. JSON is not parted: a stream of documents is what programs read. A failure is shown as the command says it, and tried
 * again.
 */
#include "ui/watch.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal) { interrupted = signal; }

/* Bytes of the SGR sequence that starts here, 0 when none does. */
static size_t color_bytes(const char *text)
{
	size_t bytes;

	if (text[0] != '\033' || text[1] != '[')
		return 0;
	bytes = 2 + strspn(text + 2, "0123456789;");
	return text[bytes] == 'm' ? bytes + 1 : 0;
}

/* Adds one line of at most `columns` characters; returns where the next one starts. */
static const char *frame_line(const char *text, size_t columns, struct text *out)
{
	size_t shown = 0;

	while (*text != '\0' && *text != '\n') {
		size_t bytes = color_bytes(text), characters = bytes == 0;

		if (bytes == 0) {
			bytes = 1;
			while (((unsigned char)text[bytes] & 0xc0) == 0x80)
				bytes++;
		}
		if (characters == 0 || shown < columns)
			text_add_bytes(out, text, bytes);
		shown += characters;
		text += bytes;
	}
	return *text == '\n' ? text + 1 : text;
}

void watch_frame(const char *printed, size_t rows, size_t columns, struct text *out)
{
	text_add(out, "\033[H");
	for (size_t row = 0; row < rows && *printed != '\0'; row++) {
		text_add(out, "%s", row > 0 ? "\r\n" : "");
		printed = frame_line(printed, columns, out);
		text_add(out, "\033[K");
	}
	text_add(out, "\033[J");
}

/* Runs the command once; what it prints is returned for the caller to free. */
static char *look(const struct call *call, enum status *status)
{
	struct call once = *call;
	char *printed = NULL;
	size_t bytes = 0;
	FILE *memory = open_memstream(&printed, &bytes);

	if (memory == NULL)
		return NULL;
	once.arena = arena_new(NULL);
	once.out = memory;
	once.err = memory;
	*status = call->command->run(&once);
	arena_free(once.arena);
	(void)fclose(memory);
	return printed;
}

static void show(const struct call *call, const char *printed, bool terminal, bool first)
{
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	struct text frame = {0};

	if (terminal) {
		if (ioctl(fileno(call->out), TIOCGWINSZ, &size) < 0 || size.ws_row == 0 || size.ws_col == 0)
			size = (struct winsize){.ws_row = 24, .ws_col = 80};
		watch_frame(printed, size.ws_row, size.ws_col, &frame);
		(void)fputs(text_get(&frame), call->out);
	} else {
		(void)fprintf(call->out, "%s%s", first || call_for_programs(call) ? "" : "\n", printed);
	}
	text_free(&frame);
	(void)fflush(call->out);
}

enum status watch_run(struct call *call)
{
	struct sigaction action = {.sa_handler = on_interrupt}, before;
	bool terminal = isatty(fileno(call->out)) == 1 && !call_for_programs(call);
	enum status status = STATUS_OK;

	(void)sigaction(SIGINT, &action, &before);
	(void)sigaction(SIGTERM, &action, NULL);
	interrupted = 0;
	if (terminal)
		(void)fputs(SCREEN_ENTER, call->out);
	for (bool first = true; interrupted == 0 && ferror(call->out) == 0; first = false) {
		char *printed = look(call, &status);

		if (printed == NULL)
			break;
		show(call, printed, terminal, first);
		free(printed);
		if (interrupted == 0)
			(void)poll(NULL, 0, (int)(call->watch_s * 1000));
	}
	if (terminal)
		(void)fputs(SCREEN_LEAVE, call->out);
	(void)sigaction(SIGINT, &before, NULL);
	return status;
}
