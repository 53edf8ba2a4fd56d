/* Tests of the serial line: a socket of the test's own plays QEMU, viewers come late, type, read slowly, are too many. */
#include "vm/serial.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct serial *serial;
static char folder[] = "/tmp/weft-serial-test-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static int listener = -1, guest = -1;

static void stop(void *context, struct instant now) { loop_stop(context); }

/* Lets the loop run for some milliseconds. */
static void run_ms(int64_t ms)
{
	struct loop_timer *timer = loop_timer_new(loop, stop, loop);

	loop_timer_set(timer, instant_add(loop_now(loop), span_ms(ms)));
	loop_run(loop);
	loop_timer_free(timer);
}

static int set_up(void **state)
{
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/tty", folder);
	loop = loop_new();
	serial = serial_new(loop, address.sun_path);
	return 0;
}

static int tear_down(void **state)
{
	serial_free(serial);
	loop_free(loop);
	close(guest);
	close(listener);
	(void)unlink(address.sun_path);
	return rmdir(folder);
}

static void guest_says(const char *text) { assert_int_equal(send(guest, text, strlen(text), 0), strlen(text)); }

/* What a socket has now, as a string; "" for nothing. */
static const char *heard(int fd)
{
	static char text[SERIAL_RING_BYTES + 1];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* Lets the loop run until the socket has said exactly this (up to 10 s: machines are busy). */
static void assert_hears(int fd, const char *expected)
{
	char text[512] = "";

	for (unsigned i = 0; i < 2000 && strlen(text) < strlen(expected); i++) {
		const char *more = heard(fd);

		if (*more == '\0')
			run_ms(5);
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%.100s", more);
	}
	assert_string_equal(text, expected);
}

static int view(void)
{
	int fd = -1;

	assert_int_equal(serial_view(serial, &fd, NULL), 0);
	return fd;
}

/* Waits until the line connects. */
static void accept_guest(void)
{
	guest = -1;
	for (unsigned i = 0; i < 2000 && guest < 0; i++) {
		run_ms(5);
		guest = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	}
	assert_true(guest >= 0);
}

static void it_connects_when_the_socket_comes(void **state)
{
	serial_start(serial);
	run_ms(120);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	accept_guest();
}

static void late_viewers_see_what_was_said(void **state)
{
	int one, two;

	guest_says("booting\n");
	one = view();
	assert_hears(one, "booting\n");
	two = view();
	guest_says("login: ");
	assert_hears(one, "login: ");
	assert_hears(two, "booting\nlogin: ");
	close(one);
	close(two);
	for (unsigned i = 0; i < 2000 && serial_viewers(serial) > 0; i++)
		run_ms(5);
	assert_int_equal(serial_viewers(serial), 0);
}

static void what_viewers_type_goes_to_the_guest(void **state)
{
	int one = view(), two = view();

	assert_int_equal(write(one, "ls", 2), 2);
	assert_hears(guest, "ls");
	assert_int_equal(write(two, "\r", 1), 1);
	assert_hears(guest, "\r");
	close(one);
	close(two);
	run_ms(20);
}

static void a_slow_viewer_loses_the_oldest_and_delays_nobody(void **state)
{
	static char line[1024];
	int slow = view(), quick = view();
	size_t got = 0;
	const char *text;

	memset(line, 'x', sizeof(line));
	for (unsigned i = 0; i < 1024; i++) {
		while (send(guest, line, sizeof(line), MSG_DONTWAIT) < 0)
			run_ms(1);
		if (i % 16 == 0)
			run_ms(1);
		got += strlen(heard(quick));
	}
	guest_says("the end");
	run_ms(50);
	while (*(text = heard(quick)) != '\0')
		got += strlen(text);
	assert_true(got > sizeof(line) * 512);
	for (unsigned i = 0; i < 2000 && strstr(text = heard(slow), "the end") == NULL; i++)
		run_ms(5);
	assert_non_null(strstr(text, "the end"));
	close(slow);
	close(quick);
	run_ms(20);
}

static void too_many_viewers_are_refused(void **state)
{
	int fds[SERIAL_VIEWERS_MAX], one_more = -1;
	struct err err;

	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++)
		fds[i] = view();
	assert_int_equal(serial_view(serial, &one_more, &err), -EMFILE);
	assert_int_equal(one_more, -1);
	for (unsigned i = 0; i < SERIAL_VIEWERS_MAX; i++)
		close(fds[i]);
	for (unsigned i = 0; i < 2000 && serial_viewers(serial) > 0; i++)
		run_ms(5);
	close(view());
	run_ms(20);
}

static void viewers_stay_when_the_guest_starts_again(void **state)
{
	int viewer = view();

	while (*heard(viewer) != '\0')
		run_ms(5);
	close(guest);
	accept_guest();
	guest_says("again\n");
	assert_hears(viewer, "again\n");
	serial_stop(serial);
	assert_int_equal(write(viewer, "lost", 4), 4);
	run_ms(100);
	assert_string_equal(heard(guest), "");
	close(viewer);
	run_ms(20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_connects_when_the_socket_comes),
		cmocka_unit_test(late_viewers_see_what_was_said),
		cmocka_unit_test(what_viewers_type_goes_to_the_guest),
		cmocka_unit_test(a_slow_viewer_loses_the_oldest_and_delays_nobody),
		cmocka_unit_test(too_many_viewers_are_refused),
		cmocka_unit_test(viewers_stay_when_the_guest_starts_again),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
