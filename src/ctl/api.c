/* The API's table, and what its handlers share: calls, answers, names that nobody has. */
#include "ctl/api.h"

#include "base/check.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A row: parts in capitals are arguments. `body`: JSON is taken. */
struct api_row {
	const char *method;
	const char *path;
	bool body;
	api_fn *run;
	const char *summary; /* for the OpenAPI document */
	const char *query;   /* names of query parameters, separated by blanks, or NULL */
};

static const struct api_row rows[] = {
	{"GET", "/v1/version", false, api_version, "Version, processes, places", NULL},
	{"GET", "/v1/labs", false, api_labs, "All labs", NULL},
	{"GET", "/v1/labs/LAB", false, api_lab_show, "A lab as written and with every address", NULL},
	{"POST", "/v1/plan", true, api_plan, "What an apply of a lab would change", NULL},
	{"PUT", "/v1/labs/LAB", true, api_lab_put, "Makes a lab as the body says", NULL},
	{"DELETE", "/v1/labs/LAB", false, api_lab_delete, "Removes a lab", NULL},
	{"GET", "/v1/operations/NUMBER", false, api_operation, "How far an operation is", "wait"},
	{"GET", "/v1/vms", false, api_vms, "All machines", NULL},
	{"GET", "/v1/labs/LAB/vms", false, api_lab_vms, "The machines of a lab", NULL},
	{"POST", "/v1/labs/LAB/vms/VM/exec", true, api_vm_exec, "Runs a command in the guest", NULL},
	{"GET", "/v1/labs/LAB/vms/VM/console", false, api_vm_console, "The serial line, on an upgraded connection", NULL},
	{"POST", "/v1/labs/LAB/vms/VM/ACTION", false, api_vm_action, "start, stop, kill, pause, resume, reset, save, restore", NULL},
	{"POST", "/v1/labs/LAB/links/LINK/set", true, api_link_set, "Delay, loss, rate and more of a link", NULL},
	{"POST", "/v1/labs/LAB/links/LINK/ACTION", false, api_link_action, "up, down", NULL},
	{"GET", "/v1/labs/LAB/trace", false, api_trace, "The way of a packet, in dry-run",
		"from to protocol port source source_port ttl size"},
	{"GET", "/v1/labs/LAB/capture", false, api_capture, "What passes a port, as pcapng, on an upgraded connection",
		"port snaplen filter"},
	{"GET", "/v1/show/WHAT", false, api_show, "What routers and switches know", "lab router network"},
	{"GET", "/v1/pools", false, api_pools, "Pools of numbers", "lab"},
	{"GET", "/v1/pools/plan", false, api_pool_plan, "Room for interfaces, and what runs out first", NULL},
	{"GET", "/v1/pools/check", false, api_pool_check, "Proof that no number is held twice", NULL},
	{"POST", "/v1/pools/reserve", true, api_pool_reserve, "Keeps a number for others", NULL},
	{"POST", "/v1/pools/release", true, api_pool_release, "Gives a number back", NULL},
	{"GET", "/v1/holdings", false, api_holdings, "Who holds which number", "lab pool value"},
	{"GET", "/metrics", false, api_metrics, "Counters in Prometheus' text format", NULL},
	{"GET", "/v1/openapi.json", false, api_openapi, "This document", NULL},
	{"GET", "/v1/history", false, api_history, "Machines that ran and ended, with their times", "lab"},
	{"GET", "/v1/events", false, api_events, "Events, as a stream or (once) an array", "since once"},
};

static const struct {
	unsigned status;
	const char *title;
} titles[] = {
	{400, "Bad Request"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{409, "Conflict"},
	{413, "Payload Too Large"},
	{415, "Unsupported Media Type"},
	{422, "Unprocessable Content"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{507, "Insufficient Storage"},
};

static const char *title_of(unsigned status)
{
	for (size_t i = 0; i < COUNT_OF(titles); i++)
		if (titles[i].status == status)
			return titles[i].title;
	return "Error";
}

/* --- answers --- */

void api_call_free(struct api_call *call)
{
	json_decref(call->body);
	arena_free(call->arena);
}

static void send_json(struct api_call *call, unsigned status, const char *type, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(12));

	CHECK(text != NULL);
	if (call->request != NULL)
		http_reply(call->request, status, type, text, strlen(text));
	free(text);
	json_decref(json);
	api_call_free(call);
}

void api_reply(struct api_call *call, unsigned status, json_t *json)
{
	CHECK(json != NULL);
	send_json(call, status, "application/json", json);
}

static json_t *problem_json(unsigned status, const char *detail)
{
	json_t *problem = json_pack(
		"{s:s, s:s, s:i, s:s}", "type", "about:blank", "title", title_of(status), "status", (int)status, "detail", detail);

	/* The detail may quote what is no UTF-8. */
	return problem ? problem : json_pack("{s:s, s:s, s:i}", "type", "about:blank", "title", title_of(status), "status", (int)status);
}

void api_problem(struct api_call *call, unsigned status, const char *format, ...)
{
	char detail[ERR_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	send_json(call, status, "application/problem+json", problem_json(status, detail));
}

void api_refuse(struct api_call *call, const struct diags *diags)
{
	json_t *problem, *errors = json_array();
	char detail[ERR_TEXT_BYTES];

	(void)snprintf(detail, sizeof(detail), "the lab has %zu errors", diags->errors);
	for (size_t i = 0; i < diags->count; i++) {
		json_t *error =
			diags->list[i].warning ? NULL : json_pack("{s:s, s:s}", "path", diags->list[i].path, "text", diags->list[i].text);

		if (error != NULL)
			(void)json_array_append_new(errors, error);
	}
	problem = problem_json(422, diags->errors == 1 && diags->count > 0 ? diags->list[0].text : detail);
	(void)json_object_set_new(problem, "errors", errors);
	send_json(call, 422, "application/problem+json", problem);
}

void api_error(struct api_call *call, int error, const char *text)
{
	static const struct {
		int error;
		unsigned status;
	} map[] = {{-EBUSY, 409}, {-EEXIST, 409}, {-EALREADY, 409}, {-EINVAL, 422}, {-ENOENT, 404}, {-ENOSPC, 507}, {-ETIMEDOUT, 504},
		{-ECONNRESET, 503}, {-ENOTCONN, 503}, {-ENOTSUP, 422}};
	unsigned status = 500;

	for (size_t i = 0; i < COUNT_OF(map); i++)
		if (map[i].error == error)
			status = map[i].status;
	if (text == NULL || text[0] == 0)
		text = error == -ETIMEDOUT ? "no answer in time"
		       : status == 503	   ? "the process of weftd that knows is away"
					   : strerror(-error);
	api_problem(call, status, "%s", text);
}

/* --- what was asked --- */

const char *api_query(struct api_call *call, const char *name)
{
	const char *raw = http_query(call->request, name);
	char *text = raw ? arena_str(call->arena, raw) : NULL;

	for (char *at = text; at != NULL && *at; at++)
		if (*at == '+')
			*at = ' ';
	return text && http_decode(text) ? text : NULL;
}

static void no_such(struct api_call *call, const char *kind, const char *name, const char *const *names, size_t count)
{
	const char *near = text_nearest(name, names, count);

	if (near != NULL)
		api_problem(call, 404, "no %s named \"%.100s\" (did you mean \"%s\"?)", kind, name, near);
	else
		api_problem(call, 404, "no %s named \"%.100s\"", kind, name);
}

struct ctl_lab *api_lab(struct api_call *call, const char *name)
{
	struct ctl *ctl = call->ctl;
	struct ctl_lab *lab = labs_find(ctl, name);
	const char **names;
	size_t cursor = 0, count = 0;

	if (lab != NULL && lab->value != NULL)
		return lab;
	names = arena_alloc(call->arena, (ctl->labs.used + 1) * sizeof(*names));
	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL)
		if (lab->value != NULL)
			names[count++] = lab->name;
	no_such(call, "lab", name, names, count);
	return NULL;
}

const struct object *api_vm(struct api_call *call, const struct ctl_lab *lab, const char *name)
{
	const struct object *vm = world_find_path(call->ctl->world, OBJECT_VM, arena_printf(call->arena, "%s/%s", lab->name, name));
	const struct lab *flat = lab->value->flat;
	const char **names;

	if (vm != NULL)
		return vm;
	names = arena_alloc(call->arena, (flat->vm_count + 1) * sizeof(*names));
	for (size_t i = 0; i < flat->vm_count; i++)
		names[i] = flat->vms[i].name;
	no_such(call, "machine", name, names, flat->vm_count);
	return NULL;
}

/* --- routing --- */

/* Splits a path at its slashes and decodes the parts; the number of them, or 0 when it is malformed. */
static size_t split(struct arena *arena, const char *path, char **parts, size_t max)
{
	char *copy = arena_str(arena, path);
	size_t count = 0;

	if (*copy != '/')
		return 0;
	while (copy != NULL) {
		char *part = copy + 1;

		copy = strchr(part, '/');
		if (copy != NULL)
			*copy = 0;
		if (count == max || !http_decode(part))
			return 0;
		parts[count++] = part;
	}
	return count;
}

static bool is_argument(const char *part) { return part[0] >= 'A' && part[0] <= 'Z'; }

/* Whether a path fits a row; its arguments go to the call. */
static bool row_fits(struct api_call *call, const struct api_row *row, char *const *parts, size_t count)
{
	char *wanted[8];
	size_t wanted_count = split(call->arena, row->path, wanted, COUNT_OF(wanted)), arguments = 0;

	if (wanted_count != count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (is_argument(wanted[i]) && parts[i][0] != 0)
			call->arguments[arguments++] = parts[i];
		else if (strcmp(wanted[i], parts[i]) != 0)
			return false;
	}
	return true;
}

/* Reads the body as JSON; false after a problem was sent. */
static bool read_body(struct api_call *call)
{
	json_error_t error;
	size_t size;
	const char *body = http_body(call->request, &size);

	if (size == 0) {
		api_problem(call, 400, "a JSON object is expected as the body");
		return false;
	}
	call->body = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
	if (!json_is_object(call->body)) {
		api_problem(call, 400, "the body is no JSON object: line %d, column %d: %s", error.line, error.column, error.text);
		return false;
	}
	return true;
}

static void call_gone(void *state)
{
	struct api_call *call = state;

	call->request = NULL;
	if (call->gone != NULL)
		call->gone(call);
}

static struct api_call *call_new(struct ctl *ctl, struct http_request *request)
{
	struct arena *arena = arena_new(NULL);
	struct api_call *call = arena_alloc(arena, sizeof(*call));

	*call = (struct api_call){.ctl = ctl, .request = request, .arena = arena};
	http_set_state(request, call, call_gone);
	return call;
}

void api_handle(void *context, struct http_request *request)
{
	struct api_call *call = call_new(context, request);
	const char *method = http_method(request);
	char *parts[8];
	size_t count = split(call->arena, http_path(request), parts, COUNT_OF(parts));
	bool path_known = false;

	for (size_t i = 0; count > 0 && i < COUNT_OF(rows); i++) {
		if (!row_fits(call, &rows[i], parts, count))
			continue;
		path_known = true;
		if (strcmp(rows[i].method, method) != 0)
			continue;
		if (!rows[i].body || read_body(call))
			rows[i].run(call);
		return;
	}
	if (path_known)
		api_problem(call, 405, "%s can't be asked with %.20s", http_path(request), method);
	else
		api_problem(call, 404, "there is nothing at %.200s", http_path(request));
}

/* --- the table as an OpenAPI document --- */

static json_t *parameter_json(const char *name, const char *in)
{
	bool path = strcmp(in, "path") == 0;

	return json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", in, "required", path, "schema", "type", "string");
}

/* The arguments of a row's path, and its query parameters; the path as OpenAPI writes it goes to `path`. */
static json_t *parameters_json(struct api_call *call, const struct api_row *row, struct text *path)
{
	json_t *list = json_array();
	char *rest = arena_str(call->arena, row->query != NULL ? row->query : ""), *name;
	char *parts[8];
	size_t count = split(call->arena, row->path, parts, COUNT_OF(parts));

	for (size_t i = 0; i < count; i++) {
		bool argument = is_argument(parts[i]);

		for (char *c = parts[i]; argument && *c != 0; c++)
			*c = (char)(*c | 0x20); /* the table has capitals only */
		text_add(path, argument ? "/{%s}" : "/%s", parts[i]);
		if (argument)
			(void)json_array_append_new(list, parameter_json(parts[i], "path"));
	}
	while ((name = strsep(&rest, " ")) != NULL)
		if (name[0] != 0)
			(void)json_array_append_new(list, parameter_json(name, "query"));
	return list;
}

static json_t *answers_json(void)
{
	return json_pack("{s:{s:s}, s:{s:s, s:{s:{s:{s:s}}}}}", "2XX", "description", "as doc/api.md says", "default", "description",
		"what was wrong", "content", "application/problem+json", "schema", "$ref", "#/components/schemas/Problem");
}

/* Adds a row to the document's paths. */
static void add_operation(struct api_call *call, json_t *paths, const struct api_row *row)
{
	static const char *const methods[][2] = {{"GET", "get"}, {"POST", "post"}, {"PUT", "put"}, {"DELETE", "delete"}};
	struct text path = {0};
	json_t *parameters = parameters_json(call, row, &path), *item = json_object_get(paths, text_get(&path)), *operation;

	operation = json_pack("{s:s, s:o, s:o}", "summary", row->summary, "parameters", parameters, "responses", answers_json());
	CHECK(operation != NULL);
	if (row->body)
		(void)json_object_set_new(operation, "requestBody",
			json_pack("{s:b, s:{s:{s:{s:s}}}}", "required", 1, "content", "application/json", "schema", "type", "object"));
	if (item == NULL) {
		item = json_object();
		(void)json_object_set_new(paths, text_get(&path), item);
	}
	for (size_t i = 0; i < COUNT_OF(methods); i++)
		if (strcmp(methods[i][0], row->method) == 0)
			(void)json_object_set(item, methods[i][1], operation);
	json_decref(operation);
	text_free(&path);
}

void api_openapi(struct api_call *call)
{
	json_t *paths = json_object(), *document;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		add_operation(call, paths, &rows[i]);
	document = json_pack("{s:s, s:{s:s, s:s, s:{s:s, s:s}}, s:[{s:s}], s:o, s:{s:{s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}}}}}}",
		"openapi", "3.1.0", "info", "title", "Weft", "version", WEFT_VERSION, "license", "name", "see LICENSE", "identifier",
		"LicenseRef-Weft", "servers", "url", "http://weft", "paths", paths, "components", "schemas", "Problem", "type", "object",
		"properties", "type", "type", "string", "title", "type", "string", "status", "type", "integer", "detail", "type", "string");
	CHECK(document != NULL);
	api_reply(call, 200, document);
}
