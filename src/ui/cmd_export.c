/*
 * weft export: a lab for containerlab, Graphviz and netplan.
 *
 * Theory of operation. Networks become bridges of containerlab, cables its links; routers and machines Linux nodes. What others' files
 * can't say is reported by object. netplan's files are for the machines' inside, one document a machine.
 */
#include "base/check.h"
#include "ui/api_client.h"
#include "ui/lab_file.h"

#include <inttypes.h>
#include <string.h>

static void note(const struct call *call, const char *kind, const char *name, const char *text)
{
	if (!call->quiet)
		(void)fprintf(call->err, "weft: %s %s: %s\n", kind, name, text);
}

/* The name of an end's interface in containerlab: it has eth0 for itself. */
static const char *clab_interface(struct arena *arena, const struct lab *lab, const char *end)
{
	const char *colon = strchr(end, ':');
	size_t length = colon ? (size_t)(colon - end) : strlen(end);

	for (size_t i = 0; i < lab->router_count; i++)
		for (size_t j = 0; strlen(lab->routers[i].name) == length && strncmp(lab->routers[i].name, end, length) == 0 &&
				   colon != NULL && j < lab->routers[i].interface_count;
			j++)
			if (strcmp(lab->routers[i].interfaces[j].name, colon + 1) == 0)
				return arena_printf(arena, "%.*s:eth%zu", (int)length, end, j + 1);
	for (size_t i = 0; i < lab->vm_count; i++)
		for (size_t j = 0; strlen(lab->vms[i].name) == length && strncmp(lab->vms[i].name, end, length) == 0 && colon != NULL &&
				   j < lab->vms[i].nic_count;
			j++)
			if (strcmp(lab->vms[i].nics[j].name, colon + 1) == 0)
				return arena_printf(arena, "%.*s:eth%zu", (int)length, end, j + 1);
	return end;
}

static void clab_address(struct text *out, const struct prefix *prefix, size_t interface, bool *head)
{
	char text[PREFIX_TEXT_BYTES];

	if (prefix->ip.family == IP_NONE)
		return;
	if (!*head)
		text_add(out, "      exec:\n");
	*head = true;
	text_add(out, "        - ip address add %s dev eth%zu\n", prefix_text(*prefix, text), interface + 1);
}

/* What DHCP tells a machine: the gateway of its first network that has one. */
static void clab_gateway(const struct lab *lab, const struct lab_vm *vm, struct text *out, bool *head)
{
	char text[IP_TEXT_BYTES];

	for (size_t i = 0; i < vm->nic_count; i++) {
		const struct lab_nic *nic = &vm->nics[i];
		const struct lab_network *network = nic->network >= 0 ? &lab->networks[nic->network] : NULL;

		if (network == NULL || network->no_gateway || network->gateway.family == IP_NONE || nic->ipv4.ip.family == IP_NONE)
			continue;
		if (!*head)
			text_add(out, "      exec:\n");
		*head = true;
		text_add(out, "        - ip route replace default via %s\n", ip_text(network->gateway, text));
		return;
	}
}

static void clab_vm(const struct call *call, const struct lab *lab, const struct lab_vm *vm, struct text *out)
{
	bool head = false, groups = false;

	text_add(out, "    %s:\n      kind: linux\n      image: alpine:latest\n", vm->name);
	for (size_t i = 0; i < vm->nic_count; i++) {
		clab_address(out, &vm->nics[i].ipv4, i, &head);
		clab_address(out, &vm->nics[i].ipv6, i, &head);
		groups = groups || vm->nics[i].group_count > 0;
	}
	clab_gateway(lab, vm, out, &head);
	note(call, "vm", vm->name, "its image is not exported: alpine stands for it");
	if (groups)
		note(call, "vm", vm->name, "its security groups are not exported");
}

static void clab_router(const struct call *call, const struct lab_router *router, struct text *out)
{
	char to[PREFIX_TEXT_BYTES], via[IP_TEXT_BYTES];
	bool head = false;

	text_add(out, "    %s:\n      kind: linux\n      image: quay.io/frrouting/frr:10.2.1\n", router->name);
	for (size_t i = 0; i < router->interface_count; i++) {
		clab_address(out, &router->interfaces[i].ipv4, i, &head);
		clab_address(out, &router->interfaces[i].ipv6, i, &head);
	}
	for (size_t i = 0; i < router->route_count; i++) {
		if (!head)
			text_add(out, "      exec:\n");
		head = true;
		text_add(out, "        - ip route add %s%s %s\n", router->routes[i].blackhole ? "blackhole " : "",
			prefix_text(router->routes[i].to, to),
			router->routes[i].blackhole ? "" : arena_printf(call->arena, "via %s", ip_text(router->routes[i].via, via)));
	}
	if (router->rip || router->ospf.on || router->bgp)
		note(call, "router", router->name, "its routing protocols are not exported: configure FRR in its node");
	if (router->nat_count > 0)
		note(call, "router", router->name, "its address translation is not exported");
}

static enum status export_containerlab(const struct call *call, const struct lab *lab, struct text *out)
{
	text_add(out, "name: %s\ntopology:\n  nodes:\n", lab->name);
	for (size_t i = 0; i < lab->network_count; i++)
		text_add(out, "    %s:\n      kind: bridge\n", lab->networks[i].name);
	for (size_t i = 0; i < lab->router_count; i++)
		clab_router(call, &lab->routers[i], out);
	for (size_t i = 0; i < lab->vm_count; i++)
		clab_vm(call, lab, &lab->vms[i], out);
	text_add(out, "  links:\n");
	for (size_t i = 0; i < lab->link_count; i++) {
		const struct lab_link *link = &lab->links[i];

		text_add(out, "    - endpoints: [\"%s\", \"%s\"]\n", clab_interface(call->arena, lab, link->from),
			clab_interface(call->arena, lab, link->to));
		if (link->delay != NULL || link->loss != NULL || link->rate != NULL || link->jitter != NULL || link->corrupt != NULL ||
			link->duplicate != NULL || link->reorder != NULL)
			note(call, "link", link->name, "delay, loss and rate are set by containerlab tools netem set");
	}
	for (size_t i = 0; i < lab->router_count; i++)
		for (size_t j = 0; j < lab->routers[i].interface_count; j++)
			if (lab->routers[i].interfaces[j].network >= 0)
				text_add(out, "    - endpoints: [\"%s:eth%zu\", \"%s:%s-%zu\"]\n", lab->routers[i].name, j + 1,
					lab->networks[lab->routers[i].interfaces[j].network].name, lab->routers[i].name, j + 1);
	for (size_t i = 0; i < lab->vm_count; i++)
		for (size_t j = 0; j < lab->vms[i].nic_count; j++)
			if (lab->vms[i].nics[j].network >= 0)
				text_add(out, "    - endpoints: [\"%s:eth%zu\", \"%s:%s-%zu\"]\n", lab->vms[i].name, j + 1,
					lab->networks[lab->vms[i].nics[j].network].name, lab->vms[i].name, j + 1);
	for (size_t i = 0; i < lab->port_count; i++)
		note(call, "port", lab->ports[i].name, "ports to the host are not exported");
	return STATUS_OK;
}

/* One document a machine: what its netplan would say. */
static enum status export_netplan(const struct call *call, const struct lab *lab, struct text *out)
{
	for (size_t i = 0; i < lab->vm_count; i++) {
		const struct lab_vm *vm = &lab->vms[i];

		text_add(out, "%s# %s\nnetwork:\n  version: 2\n  ethernets:\n", i > 0 ? "---\n" : "", vm->name);
		for (size_t j = 0; j < vm->nic_count; j++) {
			const struct lab_nic *nic = &vm->nics[j];
			const struct lab_network *network = nic->network >= 0 ? &lab->networks[nic->network] : NULL;
			char text[PREFIX_TEXT_BYTES], mac[MAC_TEXT_BYTES];

			text_add(out, "    %s:\n", nic->name);
			if (!mac_is_zero(nic->mac))
				text_add(out, "      match: { macaddress: \"%s\" }\n      set-name: %s\n", mac_text(nic->mac, mac),
					nic->name);
			if (network != NULL && network->dhcp)
				text_add(out, "      dhcp4: true\n");
			else if (nic->ipv4.ip.family != IP_NONE)
				text_add(out, "      addresses: [%s]\n", prefix_text(nic->ipv4, text));
			else
				text_add(out, "      dhcp4: false\n");
			if (network != NULL && !network->dhcp && !network->no_gateway && network->gateway.family != IP_NONE)
				text_add(out, "      routes: [ { to: default, via: %s } ]\n", ip_text(network->gateway, text));
		}
		if (vm->nic_count == 0)
			text_add(out, "    {}\n");
	}
	if (lab->vm_count == 0)
		return call_fail(call, STATUS_NOTHING, "lab %s has no machines", lab->name);
	return STATUS_OK;
}

/* The running lab with all its addresses, or what a file says. */
static struct lab *read_lab(struct call *call, const char *wanted, struct lab_file *file, enum status *status)
{
	struct diags diags = {.arena = call->arena};
	struct value *answer = NULL;
	struct text json = {0};
	struct lab *lab = NULL;
	const char *name;

	if (wanted != NULL && strchr(wanted, '.') != NULL) {
		*status = lab_file_read(call, wanted, file);
		return *status == STATUS_OK ? file->flat : NULL;
	}
	name = client_lab(call, wanted);
	*status = name == NULL ? STATUS_FAILED : client_get(call, client_path(call, "/v1/labs/%s", name), &answer);
	if (*status != STATUS_OK)
		return NULL;
	value_to_json(value_get(answer, "flat"), false, &json);
	file->lab = lab_parse_json(text_get(&json), json.used, &diags);
	if (file->lab != NULL)
		file->flat = lab = lab_expand(file->lab, &diags);
	if (lab == NULL)
		*status = call_fail(call, STATUS_FAILED, "the lab %s as the daemon tells it can't be read", name);
	text_free(&json);
	value_free(answer);
	return lab;
}

enum status export_run(struct call *call)
{
	const char *format = call_argument(call, 0);
	struct lab_file file = {0};
	struct text out = {0};
	enum status status;
	struct lab *lab;

	if (strcmp(format, "graphviz") == 0) {
		/* The same as weft graph, whose argument follows. */
		call->arguments[0] = call->arguments[1];
		call->argument_count--;
		return graph_run(call);
	}
	if (strcmp(format, "containerlab") != 0 && strcmp(format, "netplan") != 0)
		return call_fail(call, STATUS_USAGE, "\"%s\" can't be exported; expected containerlab, graphviz or netplan", format);
	lab = read_lab(call, call_argument(call, 1), &file, &status);
	if (lab == NULL)
		return status;
	status = format[0] == 'c' ? export_containerlab(call, lab, &out) : export_netplan(call, lab, &out);
	(void)fputs(text_get(&out), call->out);
	text_free(&out);
	lab_file_free(&file);
	return status;
}
