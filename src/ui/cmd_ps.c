/* weft ps, weft inspect: what runs. */
#include "ui/api_client.h"
#include "ui/grid.h"
#include "ui/when.h"

#include <inttypes.h>
#include <string.h>

/* Seconds as people read them: "3.8 s"; "-" when there are none yet. */
static void add_seconds(struct grid *grid, const struct value *object, const char *key)
{
	if (value_is_null(value_get(object, key)))
		grid_text(grid, "-");
	else
		grid_add(grid, "%.1f s", value_number(object, key));
}

/* "eth0 10.1.0.10, eth1 10.2.0.10": all NICs of a machine; an address not leased yet stands in brackets. */
static void add_nics(struct grid *grid, const struct value *vm)
{
	const struct value *nics = value_get(vm, "nics");
	struct text text = {0};

	for (size_t i = 0; i < value_count(nics); i++) {
		const struct value *nic = value_at(nics, i);
		const char *ipv4 = value_text(nic, "ipv4");
		bool there = value_bool(nic, "leased");

		text_add(&text, "%s%s ", i > 0 ? ", " : "", value_text(nic, "name"));
		text_add(&text, there || !ipv4[0] ? "%s" : "(%s)", ipv4[0] ? ipv4 : "-");
	}
	grid_text(grid, text_get(&text));
	text_free(&text);
}

static void add_macs(struct grid *grid, const struct value *vm)
{
	const struct value *nics = value_get(vm, "nics");
	struct text text = {0};

	for (size_t i = 0; i < value_count(nics); i++)
		text_add(&text, "%s%s@%s", i > 0 ? ", " : "", value_text(value_at(nics, i), "mac"),
			value_text(value_at(nics, i), "network"));
	grid_text(grid, text_get(&text));
	text_free(&text);
}

static void print_vms(const struct call *call, const struct value *vms, bool labs)
{
	static const struct grid_column columns[] = {
		{.title = "LAB", .wide = true},
		{.title = "VM"},
		{.title = "STATE", .state = true},
		{.title = "CPUS", .right = true, .wide = true},
		{.title = "MEMORY", .right = true},
		{.title = "WAITING", .right = true},
		{.title = "SERVICE", .right = true},
		{.title = "TURNAROUND", .right = true},
		{.title = "ADDRESSES"},
		{.title = "MACS", .wide = true},
		{.title = "PID", .right = true, .wide = true},
		{.title = "REASON"},
	};
	struct grid_column shown[sizeof(columns) / sizeof(columns[0])];
	struct grid *grid;

	memcpy(shown, columns, sizeof(columns));
	shown[0].wide = !labs;
	grid = grid_new(shown, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < value_count(vms); i++) {
		const struct value *vm = value_at(vms, i);

		grid_text(grid, value_text(vm, "lab"));
		grid_text(grid, value_text(vm, "name"));
		grid_text(grid, value_text(vm, "state"));
		grid_add(grid, "%" PRId64, value_int(vm, "cpus"));
		grid_add(grid, "%" PRId64 "M", value_int(vm, "memory_mib"));
		add_seconds(grid, vm, "waiting_s");
		add_seconds(grid, vm, "service_s");
		add_seconds(grid, vm, "turnaround_s");
		add_nics(grid, vm);
		add_macs(grid, vm);
		grid_add(grid, "%" PRId64, value_int(vm, "pid"));
		grid_text(grid, value_text(vm, "reason"));
	}
	call_print_grid(call, grid);
}

/* ", 4 machines", ", 1 link". */
static void add_count(struct text *line, const struct value *lab, const char *key, const char *noun)
{
	int64_t count = value_int(lab, key);

	text_add(line, ", %" PRId64 " %s%s", count, noun, count == 1 ? "" : "s");
}

/* "lab demo: up since 10:02, 4 machines, 2 routers, 3 networks, 1 link". */
static void print_labs(const struct call *call, const struct value *labs)
{
	for (size_t i = 0; i < value_count(labs); i++) {
		const struct value *lab = value_at(labs, i);
		char when[WHEN_BYTES];
		const char *since = when_text_now(value_text(lab, "since"), when);

		struct text line = {0};

		text_add(&line, "lab %s: %s%s%s", value_text(lab, "name"), value_text(lab, "state"), since[0] ? " since " : "", since);
		add_count(&line, lab, "vms", "machine");
		add_count(&line, lab, "routers", "router");
		add_count(&line, lab, "networks", "network");
		add_count(&line, lab, "links", "link");
		call_say(call, "%s", text_get(&line));
		text_free(&line);
	}
}

/* The machines that are asked for: of one lab, or all. Each gets its lab's name. */
static enum status get_vms(const struct call *call, const char *lab, struct value **vms)
{
	return client_get(call, lab ? client_path(call, "/v1/labs/%s/vms", lab) : "/v1/vms", vms);
}

enum status ps_run(struct call *call)
{
	const char *lab = call_argument(call, 0) ? call_argument(call, 0) : call_option(call, "lab");
	struct value *labs = NULL, *vms = NULL;
	enum status status;

	if (!client_daemon_runs(call)) {
		if (call_for_programs(call))
			(void)fputs("[]\n", call->out);
		call_say(call, "no lab runs (no weftd does either); weft up FILE brings one up");
		return STATUS_NOTHING;
	}
	if (lab != NULL && client_lab(call, lab) == NULL)
		return STATUS_FAILED;
	status = client_get(call, "/v1/labs", &labs);
	if (status == STATUS_OK)
		status = get_vms(call, lab, &vms);
	if (status == STATUS_OK && call_for_programs(call)) {
		call_print_value(call, vms);
	} else if (status == STATUS_OK) {
		if (lab == NULL)
			print_labs(call, labs);
		print_vms(call, vms, lab == NULL && value_count(labs) > 1);
		if (value_count(labs) == 0)
			call_say(call, "no lab runs; weft up FILE brings one up");
	}
	if (status == STATUS_OK && value_count(labs) == 0)
		status = STATUS_NOTHING;
	value_free(labs);
	value_free(vms);
	return status;
}

/* The object named `name` in one of the flat lab's maps (name to object) or lists (objects with a name). */
static const struct value *find_object(const struct value *flat, const char *name, const char **kind)
{
	static const char *const kinds[] = {"vms", "routers", "networks", "links", "ports", "pools", "images"};

	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		const struct value *group = value_get(flat, kinds[k]), *found = value_get(group, name);

		for (size_t i = 0; found == NULL && i < value_count(group); i++)
			if (strcmp(value_text(value_at(group, i), "name"), name) == 0)
				found = value_at(group, i);
		*kind = kinds[k];
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* What runs under the name: the state of a machine. */
static struct value *find_state(const struct call *call, const char *lab, const char *name)
{
	struct value *vms = NULL, *copy = NULL;
	struct text text = {0};

	if (get_vms(call, lab, &vms) != STATUS_OK)
		return NULL;
	for (size_t i = 0; i < value_count(vms); i++)
		if (strcmp(value_text(value_at(vms, i), "name"), name) == 0) {
			value_to_json(value_at(vms, i), false, &text);
			copy = value_parse(text.bytes, text.used, NULL);
		}
	text_free(&text);
	value_free(vms);
	return copy;
}

/* An object as one document: what was declared, and, where there is such, what is. */
static struct value *make_document(
	const struct call *call, const char *lab, const char *kind, const char *name, const struct value *declared)
{
	struct value *document = value_object(), *state = strcmp(kind, "vms") == 0 ? find_state(call, lab, name) : NULL;
	struct text text = {0};

	value_to_json(declared, false, &text);
	value_set(document, "lab", value_new_text(lab));
	value_set(document, "kind", value_new_text(kind));
	value_set(document, "name", value_new_text(name));
	value_set(document, "declared", value_parse(text.bytes, text.used, NULL));
	if (state != NULL)
		value_set(document, "state", state);
	text_free(&text);
	return document;
}

enum status inspect_run(struct call *call)
{
	const char *wanted = call_argument(call, 0), *kind = "", *lab;
	const struct value *declared;
	struct value *answer = NULL, *document;
	enum status status;

	/* The name of a lab, unless --lab says where to look. */
	lab = client_lab(call, call_option(call, "lab"));
	if (lab == NULL)
		return STATUS_FAILED;
	status = client_get(call, client_path(call, "/v1/labs/%s", lab), &answer);
	if (status != STATUS_OK)
		return status;
	/* A document has no columns: YAML unless JSON is wanted. */
	if (call->output != OUTPUT_JSON)
		call->output = OUTPUT_YAML;
	if (wanted == NULL || strcmp(wanted, lab) == 0) {
		call_print_value(call, answer);
		value_free(answer);
		return STATUS_OK;
	}
	declared = find_object(value_get(answer, "flat"), wanted, &kind);
	if (declared == NULL) {
		value_free(answer);
		return call_fail(
			call, STATUS_FAILED, "lab %s has nothing named \"%s\"; weft inspect --lab %s prints all it has", lab, wanted, lab);
	}
	document = make_document(call, lab, kind, wanted, declared);
	call_print_value(call, document);
	value_free(document);
	value_free(answer);
	return STATUS_OK;
}
