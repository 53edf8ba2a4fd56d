/* Tests of the window's server against a daemon of canned answers: what is passed on, what is refused, events, consoles. */
#include "base/check.h"
#include "base/text.h"
#include "ui/web_files.h"
#include "ui/web_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* What a browser loads before it shows something, gzipped bytes. */
#define FIRST_PAGE_BYTES_MAX 80000

/* The daemon that isn't one: a thread that serves one connection after the other. */
static struct {
	char folder[64];
	char path[80];
	int listener;
	pthread_t thread;
	char asked[4096]; /* the last question */
	unsigned questions;
} fake;

static struct web_server *server;

static void say(int fd, const char *text) { assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text)); }

/* Reads a head and the body that it promises. */
static void hear(int fd, char *text, size_t room)
{
	size_t used = 0, wanted = room - 1;

	while (used < wanted) {
		ssize_t n = read(fd, text + used, wanted - used);
		const char *end, *length;

		if (n <= 0)
			break;
		used += (size_t)n;
		text[used] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (end != NULL)
			wanted = (size_t)(end - text) + 4 + (length ? strtoul(length + 16, NULL, 10) : 0);
	}
	text[used] = '\0';
}

static void serve(int fd)
{
	char echo[256];
	ssize_t n;

	hear(fd, fake.asked, sizeof(fake.asked));
	fake.questions++;
	if (strstr(fake.asked, "/console") != NULL) {
		say(fd, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: weft-console\r\n\r\nlogin: ");
		n = read(fd, echo, sizeof(echo));
		assert_true(n > 0);
		assert_int_equal(write(fd, echo, (size_t)n), n);
	} else if (strstr(fake.asked, "/v1/nowhere") != NULL) {
		say(fd, "HTTP/1.0 404 Not Found\r\nContent-Type: application/problem+json\r\n\r\n{\"status\":404}");
	} else if (strstr(fake.asked, "/v1/rubbish") != NULL) {
		say(fd, "what?\r\n\r\n");
	} else if (strstr(fake.asked, "/v1/events") != NULL) {
		/* The second event comes only when the reader of the first is seen to have gone, or never. */
		say(fd, "HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
		n = read(fd, echo, sizeof(echo));
		assert_true(n <= 0);
	} else {
		say(fd, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n[\"answer\"]");
	}
}

static void *serve_all(void *context)
{
	int fd;

	while ((fd = accept(fake.listener, NULL, NULL)) >= 0) {
		serve(fd);
		(void)close(fd);
	}
	return NULL;
}

static int start(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct err err = {0};

	(void)snprintf(fake.folder, sizeof(fake.folder), "/tmp/weft-web.XXXXXX");
	assert_non_null(mkdtemp(fake.folder));
	(void)snprintf(fake.path, sizeof(fake.path), "%s/api.sock", fake.folder);
	(void)text_copy(address.sun_path, sizeof(address.sun_path), fake.path);
	fake.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fake.listener, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fake.listener, 8), 0);
	assert_int_equal(pthread_create(&fake.thread, NULL, serve_all, NULL), 0);
	server = web_server_new(fake.path, 0, &err);
	if (server == NULL)
		fail_msg("%s", err.text);
	return 0;
}

static int end(void **state)
{
	web_server_free(server);
	(void)shutdown(fake.listener, SHUT_RDWR);
	(void)pthread_join(fake.thread, NULL);
	(void)close(fake.listener);
	(void)unlink(fake.path);
	(void)rmdir(fake.folder);
	return 0;
}

/* A connection to the server with a question on it; `more` are headers, each with its line's end. */
static int ask(const char *method, const char *target, const char *more, const char *body)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(web_server_rules(server)->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct text text = {0};

	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	text_add(&text, "%s %s HTTP/1.1\r\nConnection: close\r\n%s", method, target, more);
	if (strstr(more, "Host:") == NULL)
		text_add(&text, "Host: 127.0.0.1:%u\r\n", web_server_rules(server)->port);
	if (body != NULL)
		text_add(&text, "Content-Length: %zu\r\n", strlen(body));
	text_add(&text, "\r\n%s", body ? body : "");
	say(fd, text.bytes);
	text_free(&text);
	return fd;
}

/* Reads until the text came or the connection ended. */
static void await(int fd, const char *wanted, char *text, size_t room)
{
	size_t used = 0;
	ssize_t n;

	text[0] = '\0';
	while (used < room - 1 && (wanted == NULL || strstr(text, wanted) == NULL) && (n = read(fd, text + used, room - 1 - used)) > 0) {
		used += (size_t)n;
		text[used] = '\0';
	}
	if (wanted != NULL && strstr(text, wanted) == NULL)
		fail_msg("\"%s\" did not come, but: %s", wanted, text);
}

static const char *bearer(void)
{
	static char header[100];

	(void)snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", web_server_rules(server)->token);
	return header;
}

static void expect(const char *method, const char *target, const char *more, const char *body, const char *wanted)
{
	char text[8192];
	int fd = ask(method, target, more, body);

	await(fd, wanted, text, sizeof(text));
	(void)close(fd);
}

static void passes_on(void **state)
{
	expect("GET", "/v1/labs/red%2Fvm1?a=b%20c", bearer(), NULL, "[\"answer\"]");
	assert_non_null(strstr(fake.asked, "GET /v1/labs/red%2Fvm1?a=b%20c HTTP/1.0\r\n"));
	/* The token stays here. */
	assert_null(strstr(fake.asked, "Bearer"));
	expect("POST", "/v1/plan", bearer(), "{\"lab\":{}}", "HTTP/1.1 200");
	assert_non_null(strstr(fake.asked, "\r\n\r\n{\"lab\":{}}"));
	expect("GET", "/v1/nowhere", bearer(), NULL, "HTTP/1.1 404");
	expect("GET", "/v1/rubbish", bearer(), NULL, "HTTP/1.1 502");
}

static void refuses(void **state)
{
	unsigned before = fake.questions;

	expect("GET", "/v1/labs", "", NULL, "HTTP/1.1 401");
	expect("GET", "/v1/labs", "Authorization: Bearer 00000000000000000000000000000000\r\n", NULL, "HTTP/1.1 401");
	expect("GET", "/", "Host: example.org\r\n", NULL, "HTTP/1.1 403");
	expect("GET", "/v1/../../etc/passwd", bearer(), NULL, "HTTP/1.1 400");
	expect("GET", "/%2e%2e/%2e%2e/etc/passwd", "", NULL, "HTTP/1.1 400");
	expect("GET", "/etc/passwd", "", NULL, "HTTP/1.1 404");
	expect("PATCH", "/v1/labs", bearer(), NULL, "HTTP/1.1 405");
	expect("POST", "/v1/labs", "Origin: http://example.org\r\n", "{}", "HTTP/1.1 403");
	assert_int_equal(fake.questions, before);
}

static void bounds_bodies(void **state)
{
	char *body = malloc(WEB_BODY_BYTES_MAX + 2);

	assert_non_null(body);
	memset(body, ' ', WEB_BODY_BYTES_MAX + 1);
	body[WEB_BODY_BYTES_MAX + 1] = '\0';
	expect("POST", "/v1/plan", bearer(), body, "HTTP/1.1 413");
	free(body);
}

/* An event is passed on at once, though the stream goes on; that the browser is gone is noticed, for the daemon serves others again. */
static void streams(void **state)
{
	char text[4096];
	int fd = ask("GET", "/v1/events", bearer(), NULL);

	await(fd, "data: 1", text, sizeof(text));
	assert_non_null(strstr(text, "text/event-stream"));
	(void)close(fd);
	expect("GET", "/v1/labs", bearer(), NULL, "[\"answer\"]");
}

static void consoles(void **state)
{
	char text[4096], headers[200];
	int fd;

	(void)snprintf(headers, sizeof(headers), "%sWeft-Console: 0123456789ab\r\n", bearer());
	expect("POST", "/v1/labs/demo/vms/a1/console", headers, "early", "HTTP/1.1 404");
	fd = ask("GET", "/v1/labs/demo/vms/a1/console", headers, NULL);
	await(fd, "login: ", text, sizeof(text));
	expect("POST", "/v1/labs/demo/vms/a1/console", headers, "root\r", "HTTP/1.1 200");
	await(fd, "root\r", text, sizeof(text));
	(void)close(fd);
	(void)snprintf(headers, sizeof(headers), "%sWeft-Console: no/key\r\n", bearer());
	expect("GET", "/v1/labs/demo/vms/a1/console", headers, NULL, "HTTP/1.1 400");
}

static void tokens_differ(void **state)
{
	struct web_server *other = web_server_new(fake.path, 0, NULL);

	assert_non_null(other);
	assert_int_equal(strlen(web_server_rules(other)->token), WEB_TOKEN_CHARS);
	assert_string_not_equal(web_server_rules(other)->token, web_server_rules(server)->token);
	web_server_free(other);
}

static void taken_port_is_said(void **state)
{
	struct err err = {0};

	assert_null(web_server_new(fake.path, web_server_rules(server)->port, &err));
	assert_int_equal(err.code, -EADDRINUSE);
}

static void no_daemon_is_said(void **state)
{
	struct web_server *old = server;

	server = web_server_new("/tmp/weft-web-of-nobody/api.sock", 0, NULL);
	expect("GET", "/v1/labs", bearer(), NULL, "no weftd runs here");
	web_server_free(server);
	server = old;
}

/* The page fits into what a first look may cost; without it the program says why. */
static void first_page_is_small(void **state)
{
	static const char *const first[] = {"/", "/app.js", "/app.css"};
	size_t bytes = 0, found = 0;
	bool shared;

	if (web_file_count == 0) {
		assert_true(web_files_missing[0] != '\0');
		return;
	}
	for (size_t i = 0; i < web_file_count; i++) {
		/* What the first script shares with those that come later. */
		shared = strncmp(web_files[i].path, "/chunk-", 7) == 0;
		bytes += shared ? web_files[i].size : 0;
		for (size_t j = 0; j < COUNT_OF(first); j++)
			if (strcmp(web_files[i].path, first[j]) == 0) {
				bytes += web_files[i].size;
				found++;
			}
	}
	assert_int_equal(found, COUNT_OF(first));
	print_message("first page: %zu bytes gzipped\n", bytes);
	assert_true(bytes < FIRST_PAGE_BYTES_MAX);
	expect("GET", "/", "", NULL, "Content-Security-Policy: default-src 'none'");
	expect("GET", "/app.js?x", "", NULL, "Content-Encoding: gzip");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_on),
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds_bodies),
		cmocka_unit_test(streams),
		cmocka_unit_test(consoles),
		cmocka_unit_test(tokens_differ),
		cmocka_unit_test(taken_port_is_said),
		cmocka_unit_test(no_daemon_is_said),
		cmocka_unit_test(first_page_is_small),
	};

	return cmocka_run_group_tests(tests, start, end);
}
