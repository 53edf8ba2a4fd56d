/*
 * The API of machines and links: states, actions, commands in the guest, the console.
 *
 * Long because all that is switched by command goes one way: into the store, then to the processes.
 */
#include "api/message_json.h"
#include "base/check.h"
#include "ctl/api.h"
#include "ctl/apply.h"
#include "ctl/console.h"
#include "ctl/link_impair.h"
#include "ctl/machines.h"
#include "ctl/operations.h"
#include "ctl/peers.h"
#include "ctl/switched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long an asked guest may take to end, a command in it when nothing is said, and at most. */
#define STOP_TIMEOUT_S 60
#define EXEC_TIMEOUT_S 60
#define EXEC_TIMEOUT_MAX_S 3600

/* Time to answer a question, beyond what the work itself may take. */
#define ANSWER_TIMEOUT_S 10

/* --- states --- */

/* States as vm reports them now, by id; those of machines.c where it doesn't. */
struct reports {
	struct api_call *call;
	const struct ctl_lab *lab; /* NULL: all labs */
	struct map states;	   /* id -> struct msg_vm_state in the call's arena */
};

static const char *name_in_lab(const struct object *object) { return object->path + strlen(object->lab) + 1; }

/* The name of the network or link behind an id, within its lab. */
static const char *network_name(const struct ctl *ctl, uint32_t id)
{
	const struct object *network = world_find(ctl->world, OBJECT_NETWORK, id);

	return network ? name_in_lab(network) : NULL;
}

static json_t *address_json(struct ip ip)
{
	char text[IP_TEXT_BYTES];

	return ip.family == IP_NONE ? json_null() : json_string(ip_text(ip, text));
}

static json_t *nic_json(const struct ctl *ctl, const struct vm_nic *nic)
{
	static const char *const words[] = {[PORT_STATE_DOWN] = "down", [PORT_STATE_CONNECTED] = "connected", [PORT_STATE_UP] = "up"};
	const struct object *object = world_find(ctl->world, OBJECT_PORT, nic->port);
	const struct msg_port *port = object ? object->body : NULL;
	char mac[MAC_TEXT_BYTES];
	const char *colon;
	bool leased;
	json_t *json;

	if (port == NULL)
		return NULL;
	colon = strrchr(object->path, ':');
	json = json_pack("{s:s, s:s?, s:s, s:o, s:o, s:s, s:b}", "name", colon ? colon + 1 : object->path, "network",
		network_name(ctl, port->network), "mac", mac_text(port->mac, mac), "ipv4", address_json(port->ipv4), "ipv6",
		address_json(port->ipv6), "state", nic->up ? words[machines_port(ctl, nic->port, &leased)] : "down", "leased", 0);
	CHECK(json != NULL);
	(void)machines_port(ctl, nic->port, &leased);
	(void)json_object_set_new(json, "leased", json_boolean(leased));
	return json;
}

static json_t *vm_json(const struct ctl *ctl, const struct object *object, const struct msg_vm_state *state)
{
	static const struct msg_vm_state unknown = {.state = VM_STATE_DEFINED, .expected_ms = -1};
	const struct msg_vm *vm = object->body;
	const struct field *field = &message_row(MSG_VM_CHANGED)->fields[1]; /* `state`, for its words */
	json_t *nics = json_array(), *json, *times = machines_times(state);

	for (uint16_t i = 0; i < vm->nic_count; i++) {
		json_t *nic = nic_json(ctl, &vm->nics[i]);

		if (nic != NULL)
			(void)json_array_append_new(nics, nic);
	}
	if (state == NULL)
		state = &unknown;
	json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:i, s:I, s:i, s:I, s:I, s:o}", "name", name_in_lab(object), "lab", object->lab,
		"state", field->names[state->state], "reason", state->reason, "image", vm->image, "cpus", (int)vm->cpus, "memory_mib",
		(json_int_t)vm->memory_mib, "priority", (int)vm->priority, "position", (json_int_t)state->position, "pid",
		(json_int_t)state->pid, "nics", nics);
	CHECK(json != NULL);
	(void)json_object_update(json, times);
	(void)json_object_set_new(json, "queued", json_boolean(state->queued));
	(void)json_object_set_new(json, "expected_s", state->expected_ms < 0 ? json_null() : json_real((double)state->expected_ms / 1000));
	json_decref(times);
	return json;
}

static void reply_vms(struct reports *reports)
{
	struct api_call *call = reports->call;
	struct object_list vms = world_list(call->ctl->world, reports->lab ? reports->lab->name : NULL, 1u << PROCESS_VM, call->arena);
	json_t *list = json_array();

	for (size_t i = 0; i < vms.count; i++) {
		const struct msg_vm_state *state = map_get(&reports->states, vms.items[i].id);

		if (vms.items[i].kind == OBJECT_VM)
			(void)json_array_append_new(
				list, vm_json(call->ctl, &vms.items[i], state ? state : machines_vm(call->ctl, vms.items[i].id)));
	}
	map_free(&reports->states);
	api_reply(call, 200, list);
}

static void report_came(void *context, const struct message *message, int error, bool last)
{
	struct reports *reports = context;

	if (!last && message->row->type == MSG_ROW_VM) {
		const struct msg_vm_state *state = message->body;

		(void)map_set(&reports->states, state->id, arena_copy(reports->call->arena, state, sizeof(*state)));
	}
	if (!last)
		return;
	/* The lab may be gone by now. */
	if (reports->lab != NULL && labs_find(reports->call->ctl, reports->call->arguments[0]) != reports->lab) {
		map_free(&reports->states);
		api_problem(reports->call, 404, "the lab was taken down");
		return;
	}
	reply_vms(reports);
}

static void ask_states(struct api_call *call, const struct ctl_lab *lab)
{
	struct ctl *ctl = call->ctl;
	struct reports *reports = arena_alloc(call->arena, sizeof(*reports));
	struct msg_show show = {.what = SHOW_VMS};

	reports->call = call;
	reports->lab = lab;
	channel_call(ctl->process->peers[PROCESS_VM], ctl->loop, MSG_SHOW, &show, span_s(ANSWER_TIMEOUT_S), report_came, reports);
}

void api_vms(struct api_call *call) { ask_states(call, NULL); }

void api_lab_vms(struct api_call *call)
{
	const struct ctl_lab *lab = api_lab(call, call->arguments[0]);

	if (lab != NULL)
		ask_states(call, lab);
}

/* --- what is switched by command --- */

/* An action that is under way: what to switch once it is done, or before. */
struct action {
	struct api_call *call;
	char lab[NAME_BYTES];
	const char *kind, *name; /* of the object */
	uint32_t id;
	enum vm_action action;
	const char *event;				      /* told at the end, or NULL */
	const char *ends[IMPAIR_MAX], *end_texts[IMPAIR_MAX]; /* of an impaired link: what is set for which; NULL: untouched */
};

static void action_done(void *context, const struct err *err)
{
	struct action *action = context;

	if (err->code != 0) {
		api_error(action->call, err->code, err->text);
		return;
	}
	if (action->event != NULL)
		events_add(action->call->ctl->events, action->lab, action->name, action->event, NULL, "%s", "");
	api_reply(action->call, 200, json_object());
}

static void switch_ends(const struct action *action, const struct ctl_lab *lab, struct store_batch *batch)
{
	for (int i = 0; i < IMPAIR_MAX; i++)
		if (action->end_texts[i] != NULL)
			switched_set_text(action->call->ctl, lab->name, "impair",
				arena_printf(action->call->arena, "%s@%s", action->name, action->ends[i]), action->end_texts[i], batch);
}

/* Switches an object, in the store first, and makes the processes follow; `action_done` answers. */
static void switch_object(struct action *action, bool on)
{
	struct ctl *ctl = action->call->ctl;
	struct ctl_lab *lab = labs_find(ctl, action->lab);
	struct store_batch *batch = store_batch_new();
	struct object_list before;
	struct err err;
	int rc;

	if (lab == NULL || lab->value == NULL) {
		store_batch_free(batch);
		api_problem(action->call, 404, "the lab was taken down");
		return;
	}
	if (action->end_texts[0] != NULL || action->end_texts[1] != NULL)
		switch_ends(action, lab, batch);
	else
		switched_set(ctl, lab->name, action->kind, action->name, on, batch);
	rc = store_write(ctl->store, batch, &err);
	store_batch_free(batch);
	if (rc == 0)
		rc = lab_value_compile(ctl, lab->value, &err);
	if (rc < 0) {
		api_error(action->call, rc, err.text);
		return;
	}
	before = world_list(ctl->world, lab->name, UINT32_MAX, action->call->arena);
	(void)apply_start(ctl, &(struct apply_order){
				       .lab = lab->name,
				       .before = &before,
				       .after = &lab->value->objects,
				       .mode = APPLY_GO_ON,
				       .done = action_done,
				       .context = action,
			       });
}

static struct action *action_new(struct api_call *call, const struct ctl_lab *lab, const char *kind, const char *name)
{
	struct action *action = arena_alloc(call->arena, sizeof(*action));

	*action = (struct action){.call = call, .kind = kind, .name = name};
	CHECK(text_copy(action->lab, sizeof(action->lab), lab->name));
	return action;
}

/* True when the lab is changed by an operation at the moment; a problem was sent then. */
static bool is_busy(struct api_call *call, const struct ctl_lab *lab)
{
	if (lab->operation == NULL)
		return false;
	api_problem(call, 409, "operation %llu of lab \"%s\" still runs; wait for its end",
		(unsigned long long)operation_id(lab->operation), lab->name);
	return true;
}

/* The link of a name; NULL after a problem was sent. */
static const struct lab_link *find_link(struct api_call *call, const struct ctl_lab *lab, const char *name)
{
	const struct lab *flat = lab->value->flat;
	const char **names = arena_alloc(call->arena, (flat->link_count + 1) * sizeof(*names)), *near;

	for (size_t i = 0; i < flat->link_count; i++) {
		names[i] = flat->links[i].name;
		/* An end names its link, too. */
		if (strcmp(names[i], name) == 0 || strcmp(flat->links[i].from, name) == 0 || strcmp(flat->links[i].to, name) == 0)
			return &flat->links[i];
	}
	near = text_nearest(name, names, flat->link_count);
	api_problem(
		call, 404, "no link named \"%.60s\"%s%s%s", name, near ? " (did you mean \"" : "", near ? near : "", near ? "\"?)" : "");
	return NULL;
}

/* What the end of a link has after the changes of the body, as words in the call's arena; NULL after a problem was sent. */
static const char *end_after(struct api_call *call, const struct ctl_lab *lab, const struct lab_link *link, const char *end)
{
	const char *set = switched_text(call->ctl, lab->name, "impair", arena_printf(call->arena, "%s@%s", link->name, end)), *key, *words;
	struct msg_impair impair = {0};
	struct text text = {0};
	struct err err;
	json_t *value;

	if (set != NULL)
		impair_read(&impair, set);
	else
		impair = impair_of_link(link);
	json_object_foreach(call->body, key, value)
	{
		if (!json_is_string(value) || !impair_change(&impair, key, json_string_value(value), &err)) {
			api_problem(call, 422, "%s",
				json_is_string(value) ? err.text : "values are texts with units, as {\"delay\": \"20ms\"}");
			return NULL;
		}
	}
	impair_write(&impair, &text);
	words = arena_str(call->arena, text_get(&text));
	text_free(&text);
	return words;
}

void api_link_set(struct api_call *call)
{
	const char *name = call->arguments[1];
	struct ctl_lab *lab = api_lab(call, call->arguments[0]);
	const struct lab_link *link;
	struct action *action;

	if (lab == NULL || is_busy(call, lab))
		return;
	link = find_link(call, lab, name);
	if (link == NULL)
		return;
	action = action_new(call, lab, "impair", arena_str(call->arena, link->name));
	action->event = "link-set";
	action->ends[0] = arena_str(call->arena, link->from);
	action->ends[1] = arena_str(call->arena, link->to);
	for (int i = 0; i < IMPAIR_MAX; i++) {
		if (strcmp(name, link->name) != 0 && strcmp(name, action->ends[i]) != 0)
			continue;
		action->end_texts[i] = end_after(call, lab, link, action->ends[i]);
		if (action->end_texts[i] == NULL)
			return;
	}
	switch_object(action, true);
}

void api_link_action(struct api_call *call)
{
	const char *verb = call->arguments[2], *name = call->arguments[1];
	struct ctl_lab *lab;
	struct action *action;
	const char **names;
	bool up = strcmp(verb, "up") == 0;

	if (!up && strcmp(verb, "down") != 0) {
		api_problem(call, 404, "a link can be set up or down, not \"%.40s\"", verb);
		return;
	}
	lab = api_lab(call, call->arguments[0]);
	if (lab == NULL || is_busy(call, lab))
		return;
	names = arena_alloc(call->arena, (lab->value->flat->link_count + 1) * sizeof(*names));
	for (size_t i = 0; i < lab->value->flat->link_count; i++) {
		names[i] = lab->value->flat->links[i].name;
		if (strcmp(names[i], name) != 0)
			continue;
		action = action_new(call, lab, "link", name);
		action->event = up ? "link-up" : "link-down";
		switch_object(action, up);
		return;
	}
	name = text_nearest(name, names, lab->value->flat->link_count);
	api_problem(call, 404, "no link named \"%.60s\"%s%s%s", call->arguments[1], name ? " (did you mean \"" : "", name ? name : "",
		name ? "\"?)" : "");
}

/* --- actions on machines --- */

static void vm_done(void *context, const struct message *message, int error, bool last)
{
	struct action *action = context;
	struct api_call *call = action->call;

	if (!last)
		return;
	if (error < 0) {
		api_error(call, error, message ? ((const struct msg_done *)message->body)->text : NULL);
		return;
	}
	/* What was ended by command stays ended, also after a restart. */
	if (action->action == VM_STOP || action->action == VM_KILL)
		switch_object(action, false);
	else
		api_reply(call, 200, json_object());
}

static void vm_do(struct action *action)
{
	struct ctl *ctl = action->call->ctl;
	struct msg_vm_do order = {.id = action->id, .action = (uint8_t)action->action, .timeout_s = STOP_TIMEOUT_S};

	channel_call(
		ctl->process->peers[PROCESS_VM], ctl->loop, MSG_VM_DO, &order, span_s(STOP_TIMEOUT_S + ANSWER_TIMEOUT_S), vm_done, action);
}

/* Index of an action's word, or -1. */
static int action_of(const char *word)
{
	static const char *const words[VM_ACTION_COUNT] = {"start", "stop", "kill", "pause", "resume", "reset", "save", "restore"};

	for (int i = 0; i < VM_ACTION_COUNT; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

void api_vm_action(struct api_call *call)
{
	int verb = action_of(call->arguments[2]);
	struct ctl_lab *lab;
	const struct object *vm;
	struct action *action;

	if (verb < 0) {
		api_problem(call, 404, "no action \"%.40s\"; there are start, stop, kill, pause, resume, reset, save, restore",
			call->arguments[2]);
		return;
	}
	lab = api_lab(call, call->arguments[0]);
	vm = lab ? api_vm(call, lab, call->arguments[1]) : NULL;
	if (vm == NULL)
		return;
	if ((verb == VM_START || verb == VM_STOP || verb == VM_KILL) && is_busy(call, lab))
		return;
	action = action_new(call, lab, "vm", call->arguments[1]);
	action->id = vm->id;
	action->action = (enum vm_action)verb;
	/* A machine that isn't wanted running gets to be; one that ended by itself is started again. */
	if (verb == VM_START && !((const struct msg_vm *)vm->body)->run)
		switch_object(action, true);
	else
		vm_do(action);
}

/* --- commands in the guest --- */

struct exec_state {
	struct api_call *call;
	json_t *answer;
};

static void exec_came(void *context, const struct message *message, int error, bool last)
{
	struct exec_state *exec = context;

	if (!last && message->row->type == MSG_EXEC_OUTPUT && exec->answer == NULL) {
		const struct msg_exec_output *output = message->body;

		exec->answer = json_pack("{s:i, s:o, s:b}", "exit_status", (int)output->exit_status, "output",
			bytes_to_json(output->bytes, output->size), "truncated", (int)output->truncated);
	}
	if (!last)
		return;
	if (error < 0) {
		json_decref(exec->answer);
		api_error(exec->call, error, message ? ((const struct msg_done *)message->body)->text : NULL);
	} else {
		api_reply(exec->call, 200, exec->answer ? exec->answer : json_object());
	}
}

void api_vm_exec(struct api_call *call)
{
	const char *command = json_string_value(json_object_get(call->body, "command"));
	json_t *timeout = json_object_get(call->body, "timeout_s");
	json_int_t seconds = timeout ? json_integer_value(timeout) : EXEC_TIMEOUT_S;
	struct msg_exec order = {0};
	struct ctl_lab *lab;
	const struct object *vm;
	struct exec_state *exec;

	if (command == NULL || !text_copy(order.command, sizeof(order.command), command)) {
		api_problem(call, 400, "command: a text of at most %zu bytes is expected", sizeof(order.command) - 1);
		return;
	}
	if (seconds < 1 || seconds > EXEC_TIMEOUT_MAX_S) {
		api_problem(call, 400, "timeout_s: a whole number from 1 to %d is expected", EXEC_TIMEOUT_MAX_S);
		return;
	}
	lab = api_lab(call, call->arguments[0]);
	vm = lab ? api_vm(call, lab, call->arguments[1]) : NULL;
	if (vm == NULL)
		return;
	order.id = vm->id;
	order.timeout_s = (uint32_t)seconds;
	exec = arena_alloc(call->arena, sizeof(*exec));
	exec->call = call;
	channel_call(call->ctl->process->peers[PROCESS_VM], call->ctl->loop, MSG_EXEC, &order, span_s(seconds + ANSWER_TIMEOUT_S),
		exec_came, exec);
}

/* --- the console --- */

static void console_came(void *context, const struct message *message, int error, bool last)
{
	struct api_call *call = context;

	if (!last)
		return;
	if (error == 0 && message != NULL && message->fd >= 0)
		console_serve(call, message->fd, CONSOLE_PROTOCOL);
	else
		api_error(call, error ? error : -EPROTO, message && error ? ((const struct msg_done *)message->body)->text : NULL);
}

void api_vm_console(struct api_call *call)
{
	const char *upgrade = http_header(call->request, "Upgrade");
	struct ctl_lab *lab;
	const struct object *vm;
	struct msg_id order = {0};

	if (upgrade == NULL || strcmp(upgrade, CONSOLE_PROTOCOL) != 0) {
		api_problem(call, 400, "a console needs the header \"Upgrade: %s\"", CONSOLE_PROTOCOL);
		return;
	}
	lab = api_lab(call, call->arguments[0]);
	vm = lab ? api_vm(call, lab, call->arguments[1]) : NULL;
	if (vm == NULL)
		return;
	order.id = vm->id;
	channel_call(call->ctl->process->peers[PROCESS_VM], call->ctl->loop, MSG_CONSOLE_OPEN, &order, span_s(ANSWER_TIMEOUT_S),
		console_came, call);
}
