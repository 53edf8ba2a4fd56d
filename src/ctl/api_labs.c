/* The API of labs and operations: version, list, show, plan, put, delete, wait. */
#include "base/check.h"
#include "ctl/api.h"
#include "ctl/operations.h"
#include "ctl/plan.h"
#include "ctl/steps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The longest wait for an operation in one request. */
#define WAIT_MAX_S 600

void api_version(struct api_call *call)
{
	struct ctl *ctl = call->ctl;
	const struct places *places = &ctl->process->places;
	json_t *processes = json_array(), *answer;
	char started[32];

	for (enum process_id id = 0; id < PROCESS_COUNT; id++) {
		const struct msg_process *process = &ctl->processes[id];

		if (process->pid == 0 && process->restarts == 0)
			continue;
		(void)json_array_append_new(processes, json_pack("{s:s, s:i, s:b, s:i}", "name", process_name(id), "pid", (int)process->pid,
							       "running", (int)process->running, "restarts", (int)process->restarts));
	}
	answer = json_pack("{s:s, s:i, s:s, s:o, s:s, s:{s:s, s:s, s:s}}", "version", WEFT_VERSION, "pid",
		(int)(ctl->processes[PROCESS_SUPER].pid ? ctl->processes[PROCESS_SUPER].pid : (uint32_t)getppid()), "started",
		time_text(ctl->started_wall_ns, started), "processes", processes, "virtualization", ctl->kvm ? "kvm" : "emulation",
		"places", "run", places->run, "state", places->state, "cache", places->cache);
	api_reply(call, 200, answer);
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(struct ctl_lab *const *)a)->name, (*(struct ctl_lab *const *)b)->name);
}

void api_labs(struct api_call *call)
{
	struct ctl *ctl = call->ctl;
	struct ctl_lab **labs = arena_alloc(call->arena, (ctl->labs.used + 1) * sizeof(struct ctl_lab *)), *lab;
	json_t *list = json_array();
	size_t cursor = 0, count = 0;
	char since[32];

	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL)
		if (lab->value != NULL)
			labs[count++] = lab;
	qsort(labs, count, sizeof(struct ctl_lab *), by_name);
	for (size_t i = 0; i < count; i++) {
		const struct lab *flat = labs[i]->value->flat;

		(void)json_array_append_new(
			list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "name", labs[i]->name, "state", lab_state(labs[i]), "vms",
				      (json_int_t)flat->vm_count, "networks", (json_int_t)flat->network_count, "routers",
				      (json_int_t)flat->router_count, "links", (json_int_t)flat->link_count, "since",
				      time_text(labs[i]->value->since_wall_ns, since)));
	}
	api_reply(call, 200, list);
}

/* A lab as JSON that a client reads, without its secrets. */
static json_t *lab_json(const struct lab *lab)
{
	struct text text = {0};
	json_t *json;

	lab_to_json_hidden(lab, &text);
	json = json_loads(text_get(&text), 0, NULL);
	text_free(&text);
	return json ? json : json_object();
}

/* The lab as it was given, without its secrets. */
static json_t *given_json(struct api_call *call, const struct lab_value *value)
{
	json_t *row = json_loads(value->row, 0, NULL), *answer = NULL;
	char *source = json_dumps(json_object_get(row, "lab"), JSON_COMPACT | JSON_ENCODE_ANY);
	struct diags diags = {.arena = call->arena};
	struct lab *lab = source != NULL ? lab_parse_json(source, strlen(source), &diags) : NULL;

	if (lab != NULL) {
		answer = lab_json(lab);
		arena_free(lab->arena);
	}
	free(source);
	json_decref(row);
	return answer != NULL ? answer : json_null();
}

void api_lab_show(struct api_call *call)
{
	struct ctl_lab *lab = api_lab(call, call->arguments[0]);
	json_t *answer;
	char since[32];

	if (lab == NULL)
		return;
	answer = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", lab->name, "state", lab_state(lab), "since",
		time_text(lab->value->since_wall_ns, since), "lab", given_json(call, lab->value), "flat", lab_json(lab->value->flat),
		"operation", lab->operation ? json_integer((json_int_t)operation_id(lab->operation)) : json_null());
	api_reply(call, 200, answer);
}

/* The files of images must be texts. */
static bool files_good(struct api_call *call, const json_t *files)
{
	const char *name;
	json_t *file;

	if (files != NULL && !json_is_object(files)) {
		api_problem(call, 400, "files: an object from the names of images to absolute paths is expected");
		return false;
	}
	json_object_foreach((json_t *)(uintptr_t)files, name, file)
	{
		const char *path = json_string_value(file);

		if (path == NULL || path[0] != '/' || strlen(path) >= FILE_BYTES || strstr(path, "/../") != NULL) {
			api_problem(call, 400, "files.%.60s: an absolute path of at most %d bytes is expected", name, FILE_BYTES - 1);
			return false;
		}
	}
	return true;
}

/* The lab of a request's body, checked and filled in; NULL after a problem was sent. `name`: what it must be called, or NULL. */
static struct lab_value *wanted_lab(struct api_call *call, const char *name)
{
	const json_t *model = json_object_get(call->body, "lab"), *files = json_object_get(call->body, "files");
	struct diags diags = {.arena = call->arena};
	const struct ctl_lab *running;
	struct lab_value *value;
	const char *own = json_string_value(json_object_get(model, "name"));

	if (!json_is_object(model)) {
		api_problem(call, 400, "the body needs a member \"lab\" with the lab's model");
		return NULL;
	}
	if (name != NULL && own != NULL && strcmp(own, name) != 0) {
		api_problem(call, 400, "the lab is named \"%.60s\", the path says \"%.60s\"", own, name);
		return NULL;
	}
	if (!files_good(call, files))
		return NULL;
	running = own ? labs_find(call->ctl, own) : NULL;
	value = lab_value_new(call->ctl, model, files, running && running->value ? running->value->since_wall_ns : 0, &diags);
	if (value == NULL)
		api_refuse(call, &diags);
	return value;
}

/* A lab that isn't made after all leaves no numbers behind. */
static void forget_unmade(struct ctl *ctl, const char *name)
{
	struct store_batch *batch = store_batch_new();

	if (labs_find(ctl, name) == NULL)
		ids_drop(ctl->ids, name, batch);
	store_batch_free(batch);
}

void api_plan(struct api_call *call)
{
	struct lab_value *value = wanted_lab(call, NULL);
	json_t *plan;
	size_t count;

	if (value == NULL)
		return;
	plan = plan_json(labs_find(call->ctl, value->flat->name), value, &count);
	forget_unmade(call->ctl, value->flat->name);
	lab_value_free(value);
	api_reply(call, 200, plan);
}

/* True when the processes have just what the lab needs. */
static bool is_so_already(struct api_call *call, const struct lab_value *value)
{
	struct object_list now = world_list(call->ctl->world, value->flat->name, UINT32_MAX, call->arena);
	struct steps steps;

	steps_between(call->arena, &now, &value->objects, &steps);
	return steps.count == 0;
}

static json_t *operation_answer(const struct operation *operation, json_t *plan)
{
	return json_pack("{s:I, s:o}", "operation", (json_int_t)operation_id(operation), "plan", plan);
}

void api_lab_put(struct api_call *call)
{
	struct ctl *ctl = call->ctl;
	struct ctl_lab *lab = labs_find(ctl, call->arguments[0]);
	struct lab_value *value = wanted_lab(call, call->arguments[0]);
	struct operation *operation;
	struct err err;
	json_t *plan;
	size_t changes;

	if (value == NULL)
		return;
	if (lab == NULL && ctl->labs.used >= ctl->settings.labs) {
		forget_unmade(ctl, call->arguments[0]);
		lab_value_free(value);
		api_problem(call, 507, "%u labs run, which is the limit; take one down first", ctl->settings.labs);
		return;
	}
	plan = plan_json(lab, value, &changes);
	if (changes == 0 && lab != NULL && lab->value != NULL && lab->operation == NULL && !lab->failed && is_so_already(call, value) &&
		strcmp(lab->value->row, value->row) == 0) {
		lab_value_free(value);
		api_reply(call, 200, json_pack("{s:n, s:o}", "operation", "plan", plan));
		return;
	}
	operation = operation_up(ctl, value, &err);
	if (operation == NULL) {
		forget_unmade(ctl, value->flat->name);
		lab_value_free(value);
		json_decref(plan);
		api_error(call, err.code, err.text);
		return;
	}
	api_reply(call, 202, operation_answer(operation, plan));
}

void api_lab_delete(struct api_call *call)
{
	struct ctl_lab *lab = api_lab(call, call->arguments[0]);
	struct operation *operation;
	struct err err;
	json_t *plan;
	size_t changes;

	if (lab == NULL)
		return;
	plan = plan_json(lab, NULL, &changes);
	operation = operation_down(call->ctl, lab, &err);
	if (operation == NULL) {
		json_decref(plan);
		api_error(call, err.code, err.text);
		return;
	}
	api_reply(call, 202, operation_answer(operation, plan));
}

/* --- waiting for an operation --- */

struct wait_state {
	uint64_t id;
	struct operation_waiter *waiter;
	struct loop_timer *timer;
};

static void wait_answer(struct api_call *call)
{
	struct wait_state *wait = call->state;
	const struct operation *operation = operation_find(call->ctl, wait->id);

	loop_timer_free(wait->timer);
	if (operation != NULL)
		api_reply(call, 200, operation_json(operation));
	else
		api_problem(call, 404, "no operation %" PRIu64, wait->id);
}

static void wait_ended(void *context) { wait_answer(context); }

static void wait_due(void *context, struct instant now)
{
	struct api_call *call = context;

	operation_ignore(((struct wait_state *)call->state)->waiter);
	wait_answer(call);
}

static void wait_gone(struct api_call *call)
{
	struct wait_state *wait = call->state;

	operation_ignore(wait->waiter);
	loop_timer_free(wait->timer);
	api_call_free(call);
}

void api_operation(struct api_call *call)
{
	char *end;
	uint64_t id = strtoull(call->arguments[0], &end, 10);
	struct operation *operation = *end == 0 ? operation_find(call->ctl, id) : NULL;
	const char *wait_text = api_query(call, "wait");
	double seconds = wait_text ? strtod(wait_text, NULL) : 0;
	struct wait_state *wait;

	if (operation == NULL) {
		api_problem(call, 404, "no operation \"%.40s\"", call->arguments[0]);
		return;
	}
	if (!operation_runs(operation) || !(seconds > 0)) {
		api_reply(call, 200, operation_json(operation));
		return;
	}
	wait = arena_alloc(call->arena, sizeof(*wait));
	wait->id = id;
	wait->timer = loop_timer_new(call->ctl->loop, wait_due, call);
	loop_timer_set(wait->timer,
		instant_add(loop_now(call->ctl->loop), span_ms((int64_t)((seconds < WAIT_MAX_S ? seconds : WAIT_MAX_S) * 1000))));
	wait->waiter = operation_wait(operation, wait_ended, call);
	call->state = wait;
	call->gone = wait_gone;
}
