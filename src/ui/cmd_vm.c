/* weft vm start|stop|kill|pause|resume|reset|exec and weft link up|down: orders to one object. */
#include "ui/api_client.h"

#include <stdlib.h>
#include <string.h>

/* Most machines that one selection names. */
#define SELECTION_MAX 4096

/* The last word of the command is what is to be done. */
static const char *action_of(const struct call *call) { return strrchr(call->command->name, ' ') + 1; }

static enum status act(const struct call *call, const char *wanted)
{
	const char *lab = "", *name = "", *path;
	enum status status = client_find_vm(call, wanted, &lab, &name);

	if (status != STATUS_OK)
		return status;
	path = client_path(call, "/v1/labs/%s/vms/%s/%s", lab, name, action_of(call));
	status = client_request(call, "POST", path, "{}", NULL, NULL);
	if (status == STATUS_OK)
		call_say(call, "%s %s: done", action_of(call), name);
	return status;
}

/* "vm[2-4]" splits into "vm", 2, 4 and the rest behind it. False when it is no such selection. */
static bool split_range(const char *text, size_t *head, unsigned long *first, unsigned long *last, const char **tail)
{
	const char *open = strchr(text, '[');
	char *end;

	if (open == NULL)
		return false;
	*head = (size_t)(open - text);
	*first = strtoul(open + 1, &end, 10);
	if (*end != '-')
		return false;
	*last = strtoul(end + 1, &end, 10);
	*tail = end + 1;
	return *end == ']' && *last >= *first && *last - *first < SELECTION_MAX;
}

enum status vm_action_run(struct call *call)
{
	enum status worst = STATUS_OK;

	for (size_t i = 0; i < call->argument_count; i++) {
		const char *wanted = call->arguments[i], *tail;
		unsigned long first = 0, last = 0;
		size_t head;
		bool range = split_range(wanted, &head, &first, &last, &tail);

		for (unsigned long n = first; n <= last; n++) {
			const char *name = range ? arena_printf(call->arena, "%.*s%lu%s", (int)head, wanted, n, tail) : wanted;
			enum status status = act(call, name);

			worst = status != STATUS_OK ? status : worst;
		}
	}
	return worst;
}

/* The words after the machine's name, as one command line for the guest's shell. */
static struct text joined(const struct call *call)
{
	struct text out = {0};

	for (size_t i = 1; i < call->argument_count; i++)
		text_add(&out, "%s%s", i > 1 ? " " : "", call->arguments[i]);
	return out;
}

enum status vm_exec_run(struct call *call)
{
	const char *timeout = call_option(call, "timeout"), *lab = "", *name = "";
	long timeout_s = timeout ? strtol(timeout, NULL, 10) : 60;
	struct value *body, *answer = NULL;
	struct text command, json = {0};
	enum status status;
	int64_t code;

	if (timeout_s < 1 || timeout_s > 300)
		return call_fail(call, STATUS_USAGE, "--timeout needs a number of seconds from 1 to 300, not \"%s\"", timeout);
	status = client_find_vm(call, call_argument(call, 0), &lab, &name);
	if (status != STATUS_OK)
		return status;
	command = joined(call);
	body = value_object();
	value_set(body, "command", value_new_text(text_get(&command)));
	value_set(body, "timeout_s", value_new_int(timeout_s));
	value_to_json(body, false, &json);
	value_free(body);
	text_free(&command);
	status = client_request(call, "POST", client_path(call, "/v1/labs/%s/vms/%s/exec", lab, name), text_get(&json), &answer, NULL);
	text_free(&json);
	if (status != STATUS_OK)
		return status;
	code = value_int(answer, "exit_status");
	if (call_for_programs(call)) {
		call_print_value(call, answer);
	} else {
		(void)fputs(value_text(answer, "output"), call->out);
		if (value_bool(answer, "truncated"))
			(void)call_fail(call, STATUS_OK, "the output was longer and is cut here");
	}
	value_free(answer);
	/* As ssh does: the guest's status is ours. */
	return (enum status)(code < 0 ? 128 - code : code & 0xff);
}

enum status link_run(struct call *call)
{
	const char *first = call_argument(call, 0), *second = call_argument(call, 1), *lab = client_lab(call, NULL), *link, *path;
	enum status status;

	if (lab == NULL)
		return STATUS_FAILED;
	link = second ? arena_printf(call->arena, "%s:%s", first, second) : first;
	path = client_path(call, "/v1/labs/%s/links/%s/%s", lab, link, action_of(call));
	status = client_request(call, "POST", path, "{}", NULL, NULL);
	if (status == STATUS_OK)
		call_say(call, "link %s is %s", link, action_of(call));
	return status;
}

enum status link_set_run(struct call *call)
{
	const char *link = call_argument(call, 0), *lab = client_lab(call, NULL);
	struct value *body = value_object();
	struct text json = {0};
	enum status status;

	for (size_t i = 1; i < call->argument_count; i++) {
		const char *word = call->arguments[i], *equals = strchr(word, '=');

		if (equals == NULL) {
			value_free(body);
			return call_fail(call, STATUS_USAGE, "\"%s\" sets nothing: write key=value, as in delay=20ms", word);
		}
		value_set(body, arena_printf(call->arena, "%.*s", (int)(equals - word), word), value_new_text(equals + 1));
	}
	value_to_json(body, false, &json);
	value_free(body);
	status = lab == NULL ? STATUS_FAILED
			     : client_request(
				       call, "POST", client_path(call, "/v1/labs/%s/links/%s/set", lab, link), text_get(&json), NULL, NULL);
	text_free(&json);
	if (status == STATUS_OK)
		call_say(call, "link %s is set", link);
	return status;
}
