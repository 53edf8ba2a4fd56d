/*
 * HTTP over the daemon's unix socket, by libcurl; the only file that knows it.
 *
 * Theory of operation. libcurl brings thirty libraries along, whose loading takes longer than all else that most commands do. So it is
 * loaded by dlopen when the first request is made, into the table `curl_calls`.
 */
#include "ui/http_client.h"

#include "base/check.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Longest head of an answer to an upgrade, and what is read of a refusal, bytes. */
#define HEAD_BYTES_MAX 8192

/* What is used of libcurl. */
static struct {
	__typeof__(&curl_global_init) global_init;
	__typeof__(&curl_easy_init) easy_init;
	__typeof__(&curl_easy_reset) easy_reset;
	__typeof__(&curl_easy_cleanup) easy_cleanup;
	__typeof__(&curl_easy_setopt) easy_setopt;
	__typeof__(&curl_easy_getinfo) easy_getinfo;
	__typeof__(&curl_easy_perform) easy_perform;
	__typeof__(&curl_easy_strerror) easy_strerror;
	__typeof__(&curl_slist_append) slist_append;
	__typeof__(&curl_slist_free_all) slist_free_all;
} curl_calls;

/* Where the bytes of an answer go. */
struct sink {
	struct text *body;
	bool (*line)(void *context, const char *text);
	void *context;
	bool ended; /* by `line` */
	bool too_long;
};

/* Gives every whole line of the buffer to the reader and keeps the rest. */
static bool sink_lines(struct sink *sink)
{
	char *newline;

	while (sink->body->used > 0 && (newline = memchr(sink->body->bytes, '\n', sink->body->used)) != NULL) {
		size_t length = (size_t)(newline - sink->body->bytes) + 1;

		*newline = '\0';
		if (length > 1 && newline[-1] == '\r')
			newline[-1] = '\0';
		if (!sink->line(sink->context, sink->body->bytes)) {
			sink->ended = true;
			return false;
		}
		memmove(sink->body->bytes, sink->body->bytes + length, sink->body->used - length + 1);
		sink->body->used -= length;
	}
	return true;
}

static size_t sink_take(char *bytes, size_t size, size_t count, void *context)
{
	struct sink *sink = context;

	if (sink->body->used + size * count > HTTP_BODY_BYTES_MAX) {
		sink->too_long = true;
		return 0;
	}
	text_add_bytes(sink->body, bytes, size * count);
	if (sink->line != NULL && !sink_lines(sink))
		return 0;
	return size * count;
}

/* The error of a failed transfer as an errno. */
static int transfer_error(CURL *curl, CURLcode code, const struct sink *sink, const char *detail, struct err *err)
{
	long os_error = 0;

	if (sink != NULL && sink->too_long)
		return err_set(err, -EMSGSIZE, "the daemon's answer is longer than %u bytes", HTTP_BODY_BYTES_MAX);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, -ETIMEDOUT, "the daemon does not answer in time");
	(void)curl_calls.easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
	if (code == CURLE_COULDNT_CONNECT)
		return err_set(err, os_error > 0 ? (int)-os_error : -ECONNREFUSED, "can't connect to the daemon: %s",
			strerror(os_error > 0 ? (int)os_error : ECONNREFUSED));
	return err_set(err, -EIO, "talking to the daemon failed: %s", detail[0] ? detail : curl_calls.easy_strerror(code));
}

static int transfer(CURL *curl, const char *socket, const char *path, struct sink *sink, struct err *err)
{
	char url[2048], detail[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode code;

	if ((size_t)snprintf(url, sizeof(url), "http://weft%s", path) >= sizeof(url))
		return err_set(err, -ENAMETOOLONG, "the name is too long");
	(void)curl_calls.easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	(void)curl_calls.easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_calls.easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_calls.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_calls.easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_calls.easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	(void)curl_calls.easy_setopt(curl, CURLOPT_WRITEFUNCTION, sink_take);
	(void)curl_calls.easy_setopt(curl, CURLOPT_WRITEDATA, sink);
	code = curl_calls.easy_perform(curl);
	(void)curl_calls.easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
	if (code != CURLE_OK && !sink->ended)
		return transfer_error(curl, code, sink, detail, err);
	(void)curl_calls.easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

/* Loads libcurl, in whichever of Debian's builds is there. */
static bool curl_load(void)
{
	static const char *const builds[] = {"libcurl-gnutls.so.4", "libcurl.so.4", "libcurl-nss.so.4"};
	static const struct {
		const char *name;
		void *call;
	} symbols[] = {
		{"curl_global_init", &curl_calls.global_init},
		{"curl_easy_init", &curl_calls.easy_init},
		{"curl_easy_reset", &curl_calls.easy_reset},
		{"curl_easy_cleanup", &curl_calls.easy_cleanup},
		{"curl_easy_setopt", &curl_calls.easy_setopt},
		{"curl_easy_getinfo", &curl_calls.easy_getinfo},
		{"curl_easy_perform", &curl_calls.easy_perform},
		{"curl_easy_strerror", &curl_calls.easy_strerror},
		{"curl_slist_append", &curl_calls.slist_append},
		{"curl_slist_free_all", &curl_calls.slist_free_all},
	};
	void *library = NULL;

	for (size_t i = 0; i < COUNT_OF(builds) && library == NULL; i++)
		library = dlopen(builds[i], RTLD_LAZY | RTLD_LOCAL);
	for (size_t i = 0; library != NULL && i < COUNT_OF(symbols); i++) {
		void *symbol = dlsym(library, symbols[i].name);

		if (symbol == NULL)
			return false;
		memcpy(symbols[i].call, &symbol, sizeof(symbol));
	}
	return library != NULL;
}

/* The one handle of the program, so that its connection is used again; reset for each request. */
static CURL *handle;

static CURL *shared_handle(void)
{
	if (handle == NULL) {
		if (curl_calls.easy_init == NULL && (!curl_load() || curl_calls.global_init(CURL_GLOBAL_NOTHING) != CURLE_OK))
			return NULL;
		handle = curl_calls.easy_init();
	} else {
		curl_calls.easy_reset(handle);
	}
	return handle;
}

void http_close(void)
{
	if (handle != NULL)
		curl_calls.easy_cleanup(handle);
	handle = NULL;
}

int http_request(const struct http_question *question, struct text *answer, struct err *err)
{
	struct sink sink = {.body = answer};
	struct curl_slist *headers;
	CURL *curl;
	int status;

	/* Without a socket there is nobody to ask, and no reason to load libcurl. */
	if (access(question->socket, F_OK) < 0)
		return err_set(err, -errno, "can't connect to the daemon: %s", strerror(errno));
	curl = shared_handle();
	if (curl == NULL)
		return err_set(err, -ELIBACC, "libcurl is not installed (apt-get install libcurl3-gnutls)");
	/* No "Expect: 100-continue": it costs a second where the other side doesn't know it. */
	headers = curl_calls.slist_append(NULL, "Expect:");
	if (question->body != NULL)
		headers = curl_calls.slist_append(headers, "Content-Type: application/json");
	(void)curl_calls.easy_setopt(curl, CURLOPT_CUSTOMREQUEST, question->method);
	(void)curl_calls.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_calls.easy_setopt(curl, CURLOPT_TIMEOUT, (long)question->timeout_s);
	if (question->body != NULL) {
		(void)curl_calls.easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(question->body));
		(void)curl_calls.easy_setopt(curl, CURLOPT_POSTFIELDS, question->body);
	}
	status = transfer(curl, question->socket, question->path, &sink, err);
	(void)curl_calls.easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_calls.slist_free_all(headers);
	return status;
}

int http_stream(const char *socket, const char *path, bool (*line)(void *context, const char *text), void *context, struct err *err)
{
	struct text buffer = {0};
	struct sink sink = {.body = &buffer, .line = line, .context = context};
	CURL *curl = shared_handle();
	int status;

	if (curl == NULL)
		return err_set(err, -ELIBACC, "libcurl is not installed (apt-get install libcurl3-gnutls)");
	status = transfer(curl, socket, path, &sink, err);
	text_free(&buffer);
	return status;
}

static int set_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0 ? -errno : 0;
}

/* Writes all of a request. */
static int send_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Reads the head of an answer byte by byte, so that nothing of what follows is taken away. Returns its length or a negative errno. */
static int read_head(int fd, char *head, size_t size)
{
	size_t used = 0;

	while (used < size - 1) {
		ssize_t n = read(fd, head + used, 1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		head[++used] = '\0';
		if (used >= 4 && strcmp(head + used - 4, "\r\n\r\n") == 0)
			return (int)used;
	}
	return -EMSGSIZE;
}

/* Asks for the upgrade on a fresh connection. Returns 0, or the refusal as an error. */
static int negotiate(int fd, const char *path, const char *protocol, struct err *err)
{
	char buffer[HEAD_BYTES_MAX], body[HEAD_BYTES_MAX] = "";
	ssize_t n;
	int status;

	if ((size_t)snprintf(buffer, sizeof(buffer), "GET %s HTTP/1.1\r\nHost: weft\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", path,
		    protocol) >= sizeof(buffer))
		return err_set(err, -ENAMETOOLONG, "the name is too long");
	status = send_all(fd, buffer, strlen(buffer));
	if (status == 0)
		status = read_head(fd, buffer, sizeof(buffer));
	if (status < 0)
		return err_set(err, status, "the daemon broke off: %s", strerror(-status));
	if (strncmp(buffer, "HTTP/1.1 101", 12) == 0)
		return 0;
	n = read(fd, body, sizeof(body) - 1);
	body[n > 0 ? n : 0] = '\0';
	/* The caller finds the sentence in the problem document. */
	return err_set(err, strncmp(buffer, "HTTP/1.1 404", 12) == 0 ? -ENOENT : -EPROTO, "%.*s", (int)sizeof(err->text) - 1,
		body[0] ? body : buffer);
}

int http_upgrade(const char *socket, const char *path, const char *protocol, struct err *err)
{
	CURL *curl = shared_handle();
	curl_socket_t active = CURL_SOCKET_BAD;
	CURLcode code;
	int fd, error;

	if (curl == NULL)
		return err_set(err, -ELIBACC, "libcurl is not installed (apt-get install libcurl3-gnutls)");
	(void)curl_calls.easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	(void)curl_calls.easy_setopt(curl, CURLOPT_URL, "http://weft/");
	(void)curl_calls.easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	(void)curl_calls.easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	code = curl_calls.easy_perform(curl);
	if (code != CURLE_OK)
		return transfer_error(curl, code, NULL, "", err);
	(void)curl_calls.easy_getinfo(curl, CURLINFO_ACTIVESOCKET, &active);
	fd = dup(active);
	if (fd < 0)
		return err_set(err, -errno, "no descriptor for the connection: %s", strerror(errno));
	/* libcurl leaves its sockets non-blocking; the stream's reader decides for itself later. */
	error = set_blocking(fd);
	if (error == 0)
		error = negotiate(fd, path, protocol, err);
	if (error < 0) {
		(void)close(fd);
		return error;
	}
	return fd;
}
