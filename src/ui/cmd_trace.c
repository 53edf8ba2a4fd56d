/*
 * weft trace: the way of a packet, step by step, as the switch itself would decide; why it ends where it ends, where that is written, and
 * what to do.
 *
 * Theory of operation. The daemon answers with the steps. Where an object is written in the lab file only the client knows: when a file of
 * the lab lies in the folder (or is named by --file), each step gets the line of its object there.
 */
#include "ui/api_client.h"
#include "ui/lab_file.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AT_WIDTH_MAX 40

/* Where the lab is written; `file.flat` is NULL when that isn't known. */
struct source {
	struct lab_file file;
	const char *name; /* as people write it */
};

/* Reads the lab's file without a word about what is wrong with it: that is validate's to say. */
static void source_open(struct call *call, const char *lab, struct source *source)
{
	const char *wanted = call_option(call, "file");
	struct call mute = *call;
	FILE *nowhere = fopen("/dev/null", "w");
	glob_t found = {0};

	memset(source, 0, sizeof(*source));
	if (nowhere == NULL)
		return;
	mute.err = nowhere;
	if (glob(wanted != NULL ? wanted : "*.weft.yaml", wanted != NULL ? GLOB_NOMAGIC : 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && source->file.flat == NULL; i++) {
			source->name = arena_str(call->arena, found.gl_pathv[i]);
			if (lab_file_read(&mute, source->name, &source->file) == STATUS_OK && strcmp(source->file.flat->name, lab) != 0)
				lab_file_free(&source->file);
		}
	}
	globfree(&found);
	(void)fclose(nowhere);
}

static struct place router_place(const struct lab_router *router, const char *interface, const char *route)
{
	char text[PREFIX_TEXT_BYTES];

	for (size_t i = 0; route != NULL && i < router->route_count; i++) {
		size_t length = strlen(prefix_text(router->routes[i].to, text));

		if (strncmp(route, text, length) == 0 && route[length] == ' ')
			return router->routes[i].place;
	}
	for (size_t i = 0; interface != NULL && i < router->interface_count; i++)
		if (router->interfaces[i].name != NULL && strcmp(router->interfaces[i].name, interface) == 0)
			return router->interfaces[i].place;
	return router->place;
}

static struct place vm_place(const struct lab_vm *vm, const char *nic)
{
	for (size_t i = 0; nic != NULL && i < vm->nic_count; i++)
		if (vm->nics[i].name != NULL && strcmp(vm->nics[i].name, nic) == 0 && vm->nics[i].place.line > 0)
			return vm->nics[i].place;
	return vm->place;
}

/* Where an object such as "r1", "r1:lan", "vm1:eth0" is written; line 0 when that isn't known. */
static struct place place_of(const struct lab *flat, const struct value *step)
{
	const char *at = value_text(step, "at"), *colon = strchr(at, ':');
	size_t length = colon != NULL ? (size_t)(colon - at) : strlen(at);
	const char *part = colon != NULL ? colon + 1 : NULL;
	const char *route = strcmp(value_text(step, "feature"), "route") == 0 ? value_text(step, "text") : NULL;

	for (size_t i = 0; i < flat->router_count; i++)
		if (strncmp(flat->routers[i].name, at, length) == 0 && flat->routers[i].name[length] == '\0')
			return router_place(&flat->routers[i], part, route);
	for (size_t i = 0; i < flat->vm_count; i++)
		if (strncmp(flat->vms[i].name, at, length) == 0 && flat->vms[i].name[length] == '\0')
			return vm_place(&flat->vms[i], part);
	for (size_t i = 0; i < flat->port_count; i++)
		if (strcmp(flat->ports[i].name, at) == 0)
			return flat->ports[i].place;
	return (struct place){0};
}

static const char *step_source(const struct call *call, const struct source *source, const struct value *step)
{
	struct place place = source->file.flat != NULL ? place_of(source->file.flat, step) : (struct place){0};

	return place.line > 0 ? arena_printf(call->arena, "%s:%u", source->name, (unsigned)place.line) : "";
}

static const char *verdict_color(const struct call *call, const char *verdict)
{
	if (!call->color)
		return "";
	return strcmp(verdict, "dropped") == 0 ? "\033[31m" : strcmp(verdict, "waits") == 0 ? "\033[33m" : "\033[32m";
}

static void print_step(const struct call *call, const struct source *source, const struct value *step, int width)
{
	const char *verdict = value_text(step, "verdict"), *text = value_text(step, "text"), *where = step_source(call, source, step);
	bool ends = strcmp(verdict, "goes-on") != 0, dropped = strcmp(verdict, "dropped") == 0;

	(void)fprintf(call->out, "%3lld %-10s %-*s  %s%s", (long long)value_int(step, "step"), value_text(step, "feature"), width,
		value_text(step, "at"), text, text[0] != '\0' && ends ? "; " : "");
	if (dropped)
		(void)fprintf(call->out, "%sDROP%s %s: %s", verdict_color(call, verdict), call->color ? "\033[0m" : "",
			value_text(step, "reason"), value_text(step, "meaning"));
	else if (ends)
		(void)fprintf(call->out, "%s%s%s", verdict_color(call, verdict), verdict, call->color ? "\033[0m" : "");
	(void)fprintf(call->out, "%s%s\n", where[0] != '\0' ? "  " : "", where);
	if (dropped && value_text(step, "fix")[0] != '\0')
		(void)fprintf(call->out, "  fix: %s\n", value_text(step, "fix"));
}

/* "icmp", "tcp/22", "17". */
static const char *protocol_text(const struct call *call, const struct value *trace)
{
	int64_t protocol = value_int(trace, "protocol"), port = value_int(trace, "port");

	if (protocol == 1 || protocol == 58)
		return "icmp";
	if (protocol == 6 || protocol == 17)
		return arena_printf(call->arena, "%s/%lld", protocol == 6 ? "tcp" : "udp", (long long)port);
	return arena_printf(call->arena, "protocol %lld", (long long)protocol);
}

static void print_trace(const struct call *call, const struct source *source, const struct value *trace)
{
	const struct value *steps = value_get(trace, "steps");
	size_t width = 4;

	(void)fprintf(call->out, "%s  %s → %s  %s\n", value_text(trace, "from"), value_text(trace, "source"),
		value_text(trace, "destination"), protocol_text(call, trace));
	for (size_t i = 0; i < value_count(steps); i++) {
		size_t length = strlen(value_text(value_at(steps, i), "at"));

		width = length > width && length <= AT_WIDTH_MAX ? length : width;
	}
	for (size_t i = 0; i < value_count(steps); i++)
		print_step(call, source, value_at(steps, i), (int)width);
}

/* Whether the packet arrives: at a port, or at a router that takes it. */
static enum status trace_status(const struct value *trace)
{
	const char *verdict = value_text(trace, "verdict");

	return strcmp(verdict, "delivered") == 0 || strcmp(verdict, "taken") == 0 || strcmp(verdict, "flooded") == 0 ? STATUS_OK
														     : STATUS_FAILED;
}

/* Adds the query of "tcp/22"; false when it is no protocol. */
static bool add_protocol(const struct call *call, const char *protocol, struct text *path)
{
	const char *slash = strchr(protocol, '/');
	size_t length = slash != NULL ? (size_t)(slash - protocol) : strlen(protocol);

	if (length == 0 || strspn(slash != NULL ? slash + 1 : "0", "0123456789") != strlen(slash != NULL ? slash + 1 : "0"))
		return false;
	text_add(path, "&protocol=%s", client_path(call, "%s", arena_printf(call->arena, "%.*s", (int)length, protocol)));
	if (slash != NULL)
		text_add(path, "&port=%s", slash + 1);
	return true;
}

enum status trace_run(struct call *call)
{
	static const char *const options[] = {"source", "ttl", "size"};
	const char *lab = client_lab(call, NULL), *protocol = call_argument(call, 2);
	struct value *trace = NULL;
	struct text path = {0};
	struct source source;
	enum status status;

	if (lab == NULL)
		return STATUS_FAILED;
	text_add(&path, "%s", client_path(call, "/v1/labs/%s/trace?from=%s", lab, call_argument(call, 0)));
	text_add(&path, "&to=%s", client_path(call, "%s", call_argument(call, 1)));
	if (protocol != NULL && !add_protocol(call, protocol, &path)) {
		text_free(&path);
		return call_fail(call, STATUS_USAGE, "\"%s\" is no protocol: expected icmp, tcp/PORT, udp/PORT or a number", protocol);
	}
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (call_option(call, options[i]) != NULL)
			text_add(&path, "&%s=%s", options[i], client_path(call, "%s", call_option(call, options[i])));
	status = client_get(call, text_get(&path), &trace);
	text_free(&path);
	if (status != STATUS_OK)
		return status;
	status = trace_status(trace);
	if (call_for_programs(call)) {
		call_print_value(call, trace);
	} else {
		source_open(call, lab, &source);
		print_trace(call, &source, trace);
		lab_file_free(&source.file);
	}
	value_free(trace);
	return status;
}
