/*
 * weft graph: a lab as a picture.
 *
 * Theory of operation. The flat lab becomes dot text: networks are boxes with their prefix, routers are circles, machines are rounded
 * boxes, ports of the host are small ones; an edge is a plug or a cable with the addresses of its ends. What runs is coloured by its state.
 * For SVG and PNG the text goes through graphviz's `dot` program.
 */
#include "ui/api_client.h"
#include "ui/lab_file.h"
#include "ui/renderer.h"

#include <errno.h>
#include <string.h>

/* With so few cables the routers stand in one row; with more, graphviz finds ranks for them. */
#define ROW_LINKS_MAX 6

/* What is drawn. */
struct drawing {
	const struct lab *flat;
	const struct value *vms; /* their state, NULL when nothing runs */
	struct text *out;
};

/* A text in quotes: what may stand in a name of the language needs no more than these two escaped. */
static void add_quoted(struct text *out, const char *text)
{
	text_add(out, "\"");
	for (; *text; text++)
		text_add(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	text_add(out, "\"");
}

static void add_node(struct text *out, const char *kind, const char *name, const char *label, const char *look)
{
	struct text id = {0};

	text_add(&id, "%s %s", kind, name);
	text_add(out, "\t");
	add_quoted(out, text_get(&id));
	text_add(out, " [label=");
	/* "\n" of dot is written by the callers themselves; names have no such characters. */
	text_add(out, "\"%s\"%s%s];\n", label, look[0] ? ", " : "", look);
	text_free(&id);
}

static void add_edge(struct text *out, const char *from_kind, const char *from, const char *to_kind, const char *to, const char *look)
{
	text_add(out, "\t\"%s %s\" -- \"%s %s\" [%s];\n", from_kind, from, to_kind, to, look);
}

/* An address to be read near its edge: "10.1.0.1" for 10.1.0.1/24; "" when there is none yet. */
static const char *address_label(struct prefix prefix, char out[IP_TEXT_BYTES])
{
	out[0] = '\0';
	return prefix.ip.family == IP_NONE ? out : ip_text(prefix.ip, out);
}

static const struct value *vm_state(const struct drawing *drawing, const char *name)
{
	for (size_t i = 0; i < value_count(drawing->vms); i++)
		if (strcmp(value_text(value_at(drawing->vms, i), "name"), name) == 0)
			return value_at(drawing->vms, i);
	return NULL;
}

/* Fill of a machine: by its state when it is known. */
static const char *vm_fill(const struct value *state)
{
	const char *word = value_text(state, "state");

	if (word[0] == '\0' || strcmp(word, "running") == 0)
		return "#d9ead3";
	if (strcmp(word, "failed") == 0)
		return "#f4cccc";
	return strcmp(word, "stopped") == 0 || strcmp(word, "defined") == 0 ? "#eeeeee" : "#fff2cc";
}

static void draw_networks(const struct drawing *drawing)
{
	const struct lab *lab = drawing->flat;
	char prefix[PREFIX_TEXT_BYTES], label[256];

	for (size_t i = 0; i < lab->network_count; i++) {
		const struct lab_network *network = &lab->networks[i];
		const char *range = network->ipv4.ip.family != IP_NONE ? prefix_text(network->ipv4, prefix)
				    : network->pool_name	       ? network->pool_name
								       : "";

		(void)snprintf(label, sizeof(label), "%.80s\\n%.60s%s", network->name, range, network->dhcp ? "\\nDHCP" : "");
		add_node(drawing->out, "network", network->name, label, "shape=box, fillcolor=\"#cfe2f3\"");
	}
}

static void draw_routers(const struct drawing *drawing)
{
	const struct lab *lab = drawing->flat;
	char address[IP_TEXT_BYTES], look[256];

	for (size_t i = 0; i < lab->router_count; i++) {
		const struct lab_router *router = &lab->routers[i];
		char label[160];

		(void)snprintf(label, sizeof(label), "%.80s%s", router->name, router->rip ? "\\nRIP" : "");
		add_node(drawing->out, "router", router->name, label, "shape=circle, fillcolor=\"#fce5cd\"");
		for (size_t j = 0; j < router->interface_count; j++) {
			const struct lab_interface *interface = &router->interfaces[j];

			if (interface->network < 0)
				continue;
			(void)snprintf(look, sizeof(look), "label=\"%s\"", address_label(interface->ipv4, address));
			add_edge(drawing->out, "router", router->name, "network", lab->networks[interface->network].name, look);
		}
	}
}

/* Machines and their plugs; the address is the leased one when it runs. */
static void draw_vms(const struct drawing *drawing)
{
	const struct lab *lab = drawing->flat;
	char address[IP_TEXT_BYTES], look[256], label[256];

	for (size_t i = 0; i < lab->vm_count; i++) {
		const struct lab_vm *vm = &lab->vms[i];
		const struct value *state = vm_state(drawing, vm->name), *nics = value_get(state, "nics");

		(void)snprintf(label, sizeof(label), "%.80s\\n%.60s", vm->name, state ? value_text(state, "state") : vm->image_name);
		(void)snprintf(look, sizeof(look), "shape=box, style=\"filled,rounded\", fillcolor=\"%s\"", vm_fill(state));
		add_node(drawing->out, "vm", vm->name, label, look);
		for (size_t j = 0; j < vm->nic_count; j++) {
			const struct lab_nic *nic = &vm->nics[j];
			const char *live = value_text(value_at(nics, j), "ipv4");

			if (nic->network < 0)
				continue;
			(void)snprintf(look, sizeof(look), "label=\"%s\"", live[0] ? live : address_label(nic->ipv4, address));
			add_edge(drawing->out, "network", lab->networks[nic->network].name, "vm", vm->name, look);
		}
	}
}

static void draw_ports(const struct drawing *drawing)
{
	const struct lab *lab = drawing->flat;
	char label[200];

	for (size_t i = 0; i < lab->port_count; i++) {
		const struct lab_port *port = &lab->ports[i];

		(void)snprintf(label, sizeof(label), "%.40s\\n%.20s%s%.64s", port->name, port->tap ? port->tap : port->socket,
			port->netns ? " in " : "", port->netns ? port->netns : "");
		add_node(drawing->out, "port", port->name, label, "shape=box, style=\"filled,dashed\", fillcolor=white");
		add_edge(drawing->out, "network", lab->networks[port->network].name, "port", port->name, "label=\"\"");
	}
}

/* The object at the end of a link ("r1" or "r1:eth3"): its kind and name. */
static const char *link_end(const struct lab *lab, const char *end, char name[128])
{
	(void)snprintf(name, 128, "%.*s", (int)strcspn(end, ":"), end);
	for (size_t i = 0; i < lab->router_count; i++)
		if (strcmp(lab->routers[i].name, name) == 0)
			return "router";
	return "vm";
}

static void draw_links(const struct drawing *drawing)
{
	const struct lab *lab = drawing->flat;
	char prefix[PREFIX_TEXT_BYTES], look[256], from[128], to[128];

	for (size_t i = 0; i < lab->link_count; i++) {
		const struct lab_link *link = &lab->links[i];
		const char *range = link->ipv4.ip.family != IP_NONE ? prefix_text(link->ipv4, prefix)
				    : link->pool_name		    ? link->pool_name
								    : "";
		const char *from_kind = link_end(lab, link->from, from), *to_kind = link_end(lab, link->to, to);

		(void)snprintf(look, sizeof(look), "label=\" %.60s%s \", penwidth=2%s%s", range, link->down ? "\\ndown" : "",
			link->down ? ", style=dashed, color=red" : "", lab->link_count <= ROW_LINKS_MAX ? ", constraint=false" : "");
		add_edge(drawing->out, from_kind, from, to_kind, to, look);
	}
}

static void draw(const struct drawing *drawing)
{
	text_add(drawing->out, "graph ");
	add_quoted(drawing->out, drawing->flat->name);
	text_add(drawing->out, " {\n\tgraph [rankdir=TB, bgcolor=white, fontname=\"Helvetica\", nodesep=0.3, ranksep=0.6];\n"
			       "\tnode [style=filled, fontname=\"Helvetica\", fontsize=11, color=\"#444444\"];\n"
			       "\tedge [fontname=\"Helvetica\", fontsize=9, color=\"#444444\"];\n");
	draw_networks(drawing);
	draw_routers(drawing);
	draw_vms(drawing);
	draw_ports(drawing);
	draw_links(drawing);
	text_add(drawing->out, "}\n");
}

/* The running lab: its model with every address, and the state of its machines. */
static enum status read_running(struct call *call, struct lab **flat, struct value **vms)
{
	const char *name = client_lab(call, call_argument(call, 0));
	struct diags diags = {.arena = call->arena};
	struct value *answer = NULL;
	struct text json = {0};
	struct lab *lab = NULL;
	enum status status;

	if (name == NULL)
		return STATUS_FAILED;
	status = client_get(call, client_path(call, "/v1/labs/%s", name), &answer);
	if (status == STATUS_OK)
		status = client_get(call, client_path(call, "/v1/labs/%s/vms", name), vms);
	if (status == STATUS_OK) {
		value_to_json(value_get(answer, "flat"), false, &json);
		lab = lab_parse_json(text_get(&json), json.used, &diags);
		*flat = lab ? lab_expand(lab, &diags) : NULL;
		if (lab != NULL)
			arena_free(lab->arena);
		if (*flat == NULL)
			status = call_fail(call, STATUS_FAILED, "the daemon's answer about lab %s makes no sense: %s", name,
				diags_text(&diags, name, NULL, 0));
	}
	text_free(&json);
	value_free(answer);
	return status;
}

/* True when the argument is a file, or there is none and no daemon runs: then the file of the folder is drawn. */
static bool wants_file(const struct call *call)
{
	const char *argument = call_argument(call, 0);

	if (argument == NULL)
		return !client_daemon_runs(call);
	return strchr(argument, '/') != NULL || strstr(argument, ".yaml") != NULL || strstr(argument, ".yml") != NULL;
}

enum status graph_run(struct call *call)
{
	struct text out = {0};
	struct value *vms = NULL;
	struct lab *flat = NULL;
	enum status status;

	if (call_for_programs(call))
		return call_fail(call, STATUS_USAGE, "weft graph prints dot, svg or png; weft inspect prints JSON and YAML");
	if (wants_file(call)) {
		const char *path = lab_file_find(call, call_argument(call, 0));
		struct lab_file file = {0};

		status = path ? lab_file_read(call, path, &file) : STATUS_USAGE;
		flat = file.flat;
		file.flat = NULL;
		lab_file_free(&file);
	} else {
		status = read_running(call, &flat, &vms);
	}
	if (status == STATUS_OK && flat != NULL) {
		draw(&(struct drawing){.flat = flat, .vms = vms, .out = &out});
		status = renderer_write(call, &out,
			call->output == OUTPUT_SVG   ? "svg"
			: call->output == OUTPUT_PNG ? "png"
						     : NULL,
			call_option(call, "write"));
	}
	if (flat != NULL)
		arena_free(flat->arena);
	text_free(&out);
	value_free(vms);
	return status;
}
