/* weft validate, weft plan, weft schema: what a lab file says, and what it would change. */
#include "ui/cmd_plan.h"

#include "ui/api_client.h"
#include "ui/lab_file.h"
#include "ui/when.h"

#include <string.h>

enum status validate_run(struct call *call)
{
	enum status worst = STATUS_OK;
	size_t count = call->argument_count > 0 ? call->argument_count : 1;

	for (size_t i = 0; i < count; i++) {
		const char *path = lab_file_find(call, call_argument(call, i));
		struct lab_file file;
		struct text out = {0};

		if (path == NULL || lab_file_read(call, path, &file) != STATUS_OK) {
			worst = STATUS_USAGE;
			continue;
		}
		/* The canonical form, to see what was understood. */
		if (call->output == OUTPUT_JSON)
			lab_to_json(file.lab, &out);
		else if (call->output == OUTPUT_YAML)
			lab_to_yaml(file.lab, &out);
		if (out.used > 0)
			(void)fprintf(call->out, "%s%s", text_get(&out), out.bytes[out.used - 1] == '\n' ? "" : "\n");
		call_say(call, "%s: lab %s is in order: %zu networks, %zu routers, %zu links, %zu machines, %zu tests", path,
			file.flat->name, file.flat->network_count, file.flat->router_count, file.flat->link_count, file.flat->vm_count,
			file.flat->test_count);
		text_free(&out);
		lab_file_free(&file);
	}
	return worst;
}

enum status schema_run(struct call *call)
{
	struct text out = {0};

	lab_schema(&out);
	(void)fprintf(call->out, "%s\n", text_get(&out));
	text_free(&out);
	return STATUS_OK;
}

/* The colour of a step's sign. */
static const char *op_color(const struct call *call, const char *op)
{
	if (!call->color)
		return "";
	return op[0] == '+' ? "\033[32m" : op[0] == '-' ? "\033[31m" : "\033[33m";
}

/* "3 machines x 2 NICs = 6 interfaces" and what the pools have left. */
static void print_interfaces(const struct call *call, const struct value *plan)
{
	const struct value *interfaces = value_get(plan, "interfaces"), *pools = value_get(interfaces, "pools");
	int64_t vms = value_int(interfaces, "vms"), nics = value_int(interfaces, "nics");

	if (vms > 0 && nics % vms == 0)
		call_say(call, "Interfaces: %lld machines x %lld NICs = %lld.", (long long)vms, (long long)(nics / vms), (long long)nics);
	else if (vms > 0)
		call_say(call, "Interfaces: %lld on %lld machines.", (long long)nics, (long long)vms);
	for (size_t i = 0; i < value_count(pools); i++) {
		const struct value *pool = value_at(pools, i);

		call_say(call, "  pool %s: %lld of %lld used, %lld wanted", value_text(pool, "name"), (long long)value_int(pool, "used"),
			(long long)value_int(pool, "size"), (long long)value_int(pool, "wanted"));
	}
}

void plan_print(const struct call *call, const struct value *plan)
{
	const struct value *steps = value_get(plan, "steps");
	char when[WHEN_BYTES];
	const char *since = when_text_now(value_text(plan, "running_since"), when);

	call_say(call, since[0] ? "lab %s (running since %s)" : "lab %s (not running)", value_text(plan, "lab"), since);
	for (size_t i = 0; i < value_count(steps); i++) {
		const struct value *step = value_at(steps, i);
		const char *op = value_text(step, "op"), *color = op_color(call, op);

		call_say(call, "  %s%s%s %-9s %-18s %s%s%s", color, op, color[0] ? "\033[0m" : "", value_text(step, "kind"),
			value_text(step, "name"), value_text(step, "text"), value_bool(step, "hot") ? " (hot, no loss)" : "",
			value_bool(step, "restarts_vm") ? " (restarts it)" : "");
	}
	call_say(call, "%lld to add, %lld to change, %lld to remove. Machines restarted: %lld.", (long long)value_int(plan, "add"),
		(long long)value_int(plan, "change"), (long long)value_int(plan, "remove"), (long long)value_int(plan, "vm_restarts"));
}

/* Without a daemon nothing runs, so all is to be added: said by the model itself. */
static struct value *plan_offline(const struct call *call, const struct lab_file *file)
{
	struct changes *changes = lab_diff(call->arena, NULL, file->flat);
	struct value *plan = value_object(), *steps = value_array();

	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->list[i];
		struct value *step = value_object();

		value_set(step, "op", value_new_text("+"));
		value_set(step, "kind", value_new_text(change->kind));
		value_set(step, "name", value_new_text(change->name));
		value_set(step, "text", value_new_text(change->text ? change->text : ""));
		value_append(steps, step);
	}
	value_set(plan, "lab", value_new_text(file->flat->name));
	value_set(plan, "steps", steps);
	value_set(plan, "add", value_new_int((int64_t)changes->adds));
	value_set(plan, "change", value_new_int((int64_t)changes->changes));
	value_set(plan, "remove", value_new_int((int64_t)changes->removes));
	return plan;
}

enum status plan_run(struct call *call)
{
	const char *path = lab_file_find(call, call_argument(call, 0));
	enum status status = STATUS_OK;
	struct value *plan = NULL;
	struct text body = {0};
	struct lab_file file;
	size_t steps;

	if (path == NULL || lab_file_read(call, path, &file) != STATUS_OK)
		return STATUS_USAGE;
	if (client_daemon_runs(call)) {
		lab_file_request(&file, &body);
		status = client_request(call, "POST", "/v1/plan", text_get(&body), &plan, NULL);
	} else {
		plan = plan_offline(call, &file);
	}
	text_free(&body);
	lab_file_free(&file);
	if (status != STATUS_OK)
		return status;
	steps = value_count(value_get(plan, "steps"));
	if (call_for_programs(call)) {
		call_print_value(call, plan);
	} else if (steps == 0) {
		call_say(call, "lab %s is as its file says; nothing to do", value_text(plan, "lab"));
	} else {
		plan_print(call, plan);
		print_interfaces(call, plan);
	}
	value_free(plan);
	return steps == 0 ? STATUS_NOTHING : STATUS_OK;
}
