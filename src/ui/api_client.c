/* The daemon as the commands see it. */
#include "ui/api_client.h"

#include "proc/process.h"
#include "ui/http_client.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

/* Answers that take longer are a fault; orders that take long are operations, which are asked for again and again. */
#define ANSWER_TIMEOUT_S 330

const char *client_socket(const struct call *call)
{
	static struct places places;
	static char path[FILE_BYTES];
	struct err err = {0};

	if (path[0] != '\0')
		return path;
	if (places_find(&places, &err) < 0) {
		(void)call_fail(call, STATUS_FAILED, "%s", err.text);
		return NULL;
	}
	return places_api_socket(&places, path);
}

/* Percent-encodes what is not unreserved (RFC 3986 2.3). */
static const char *encoded(const struct call *call, const char *name)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
	struct text out = {0};
	const char *copy;

	for (; *name; name++)
		text_add(&out, strchr(plain, *name) ? "%c" : "%%%02X", (unsigned char)*name);
	copy = arena_str(call->arena, text_get(&out));
	text_free(&out);
	return copy;
}

const char *client_path(const struct call *call, const char *format, ...)
{
	struct text out = {0};
	const char *copy;
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		if (format[0] == '%' && format[1] == 's') {
			text_add(&out, "%s", encoded(call, va_arg(args, const char *)));
			format++;
		} else {
			text_add(&out, "%c", *format);
		}
	}
	va_end(args);
	copy = arena_str(call->arena, text_get(&out));
	text_free(&out);
	return copy;
}

void client_print_problem(const struct call *call, const struct value *problem, const char *fallback)
{
	const struct value *errors = value_get(problem, "errors");
	const char *detail = value_text(problem, "detail");

	(void)call_fail(call, STATUS_FAILED, "%s", detail[0] ? detail : fallback);
	for (size_t i = 0; i < value_count(errors); i++) {
		const struct value *error = value_at(errors, i);

		(void)fprintf(call->err, "  %s: %s\n", value_text(error, "path"), value_text(error, "text"));
	}
}

static enum status no_daemon(const struct call *call, const char *socket, const struct err *err)
{
	if (err->code == -ENOENT || err->code == -ECONNREFUSED)
		return call_fail(
			call, STATUS_FAILED, "no weftd runs here (nothing answers at %s); weft up FILE starts one with a lab", socket);
	if (err->code == -EACCES || err->code == -EPERM)
		return call_fail(call, STATUS_FAILED, "you may not use the weftd at %s: only root and the user that runs it may", socket);
	return call_fail(call, STATUS_FAILED, "%s", err->text);
}

/* How long a daemon that answered before, or whose socket is there, gets to come back: it is started again within a second. */
#define PATIENCE_MS 5000
#define PATIENCE_STEP_MS 50

/* Whether asking again can help, and does no harm: nobody listened, or an idempotent request lost its connection (RFC 9110 9.2.2). */
static bool may_ask_again(const char *method, int error, bool answered_before)
{
	if (error == -ECONNREFUSED || (error == -ENOENT && answered_before))
		return true;
	return error == -EIO && strcmp(method, "POST") != 0;
}

static int ask(const struct http_question *question, struct text *answer, struct err *err)
{
	static bool answered;
	int http;

	for (unsigned waited_ms = 0;; waited_ms += PATIENCE_STEP_MS) {
		answer->used = 0;
		http = http_request(question, answer, err);
		answered = answered || http > 0;
		if (http > 0 || waited_ms >= PATIENCE_MS || !may_ask_again(question->method, http, answered))
			return http;
		http_close();
		(void)nanosleep(&(struct timespec){0, PATIENCE_STEP_MS * 1000000L}, NULL);
	}
}

enum status client_request(
	const struct call *call, const char *method, const char *path, const char *body, struct value **answer, int *http_status)
{
	const char *socket = client_socket(call);
	struct value *value = NULL;
	struct text text = {0};
	struct err err = {0};
	int http;

	if (socket == NULL)
		return STATUS_FAILED;
	http = ask(&(struct http_question){socket, method, path, body, ANSWER_TIMEOUT_S}, &text, &err);
	if (call->verbose > 1)
		(void)fprintf(call->err, "%s %s: %d\n", method, path, http);
	if (http > 0 && text.used > 0)
		value = value_parse(text.bytes, text.used, &err);
	text_free(&text);
	if (http < 0)
		return no_daemon(call, socket, &err);
	if (http_status != NULL)
		*http_status = http;
	if (http >= 400) {
		client_print_problem(call, value, http == 404 ? "not found" : "the daemon refuses");
		value_free(value);
		return http == 400 || http == 422 ? STATUS_USAGE : STATUS_FAILED;
	}
	if (answer != NULL && value == NULL)
		return call_fail(call, STATUS_FAILED, "the daemon's answer to %s %s makes no sense: %s", method, path, err.text);
	if (answer != NULL)
		*answer = value;
	else
		value_free(value);
	return STATUS_OK;
}

enum status client_get(const struct call *call, const char *path, struct value **answer)
{
	return client_request(call, "GET", path, NULL, answer, NULL);
}

bool client_daemon_runs(const struct call *call)
{
	const char *socket = client_socket(call);
	struct text text = {0};
	int http = socket ? http_request(&(struct http_question){socket, "GET", "/v1/version", NULL, 10}, &text, NULL) : -ENOENT;

	text_free(&text);
	return http == 200;
}

const char *client_lab(const struct call *call, const char *wanted)
{
	const char **names, *nearest, *lab = NULL;
	struct value *labs = NULL;
	struct text list = {0};
	size_t count = 0;

	if (wanted == NULL)
		wanted = call_option(call, "lab");
	if (client_get(call, "/v1/labs", &labs) != STATUS_OK)
		return NULL;
	names = arena_alloc(call->arena, (value_count(labs) + 1) * sizeof(*names));
	for (size_t i = 0; i < value_count(labs); i++) {
		names[count] = arena_str(call->arena, value_text(value_at(labs, i), "name"));
		text_add(&list, "%s%s", count > 0 ? ", " : "", names[count]);
		if (wanted == NULL ? value_count(labs) == 1 : strcmp(names[count], wanted) == 0)
			lab = names[count];
		count++;
	}
	value_free(labs);
	nearest = wanted && lab == NULL ? text_nearest(wanted, names, count) : NULL;
	if (lab == NULL && count == 0)
		(void)call_fail(call, STATUS_FAILED, "no lab runs; weft up FILE brings one up");
	else if (lab == NULL && wanted == NULL)
		(void)call_fail(call, STATUS_FAILED, "several labs run (%s): say which one with --lab NAME", text_get(&list));
	else if (lab == NULL && nearest != NULL)
		(void)call_fail(call, STATUS_FAILED, "no lab named \"%s\" runs (did you mean \"%s\"?)", wanted, nearest);
	else if (lab == NULL)
		(void)call_fail(call, STATUS_FAILED, "no lab named \"%s\" runs; there are: %s", wanted, text_get(&list));
	text_free(&list);
	return lab;
}

/* Names of the machines, for "did you mean". */
static const char *nearest_vm(const struct call *call, const struct value *vms, const char *wanted)
{
	size_t count = value_count(vms);
	const char **names = arena_alloc(call->arena, (count + 1) * sizeof(*names));

	for (size_t i = 0; i < count; i++)
		names[i] = arena_str(call->arena, value_text(value_at(vms, i), "name"));
	return text_nearest(wanted, names, count);
}

enum status client_find_vm(const struct call *call, const char *wanted, const char **lab, const char **name)
{
	const char *only = call_option(call, "lab"), *nearest;
	struct value *vms = NULL;
	enum status status = client_get(call, "/v1/vms", &vms);
	size_t found = 0;

	if (status != STATUS_OK)
		return status;
	for (size_t i = 0; i < value_count(vms); i++) {
		const struct value *vm = value_at(vms, i);
		const char *its_lab = value_text(vm, "lab"), *its_name = value_text(vm, "name");
		size_t length = strlen(its_lab);
		bool full = strncmp(wanted, its_lab, length) == 0 && wanted[length] == '/' && strcmp(wanted + length + 1, its_name) == 0;

		if ((only != NULL && strcmp(only, its_lab) != 0) || (!full && strcmp(wanted, its_name) != 0))
			continue;
		*lab = arena_str(call->arena, its_lab);
		*name = arena_str(call->arena, its_name);
		found++;
	}
	nearest = found == 0 ? nearest_vm(call, vms, wanted) : NULL;
	value_free(vms);
	if (found == 1)
		return STATUS_OK;
	if (found > 1)
		return call_fail(call, STATUS_FAILED, "several labs have a machine named \"%s\": say which one with --lab NAME", wanted);
	if (nearest != NULL)
		return call_fail(call, STATUS_FAILED, "there is no machine named \"%s\" (did you mean \"%s\"?)", wanted, nearest);
	return call_fail(call, STATUS_FAILED, "there is no machine named \"%s\"; weft ps lists them", wanted);
}
