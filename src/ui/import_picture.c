/* Labs of others: the neutral picture that their readers fill. */
#include "ui/import.h"

#include <stdarg.h>
#include <string.h>

void import_skip(struct import *import, struct place place, const char *path, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	diag_warning(&import->diags, place, path, "%s", text);
}

struct import_node *import_node_find(const struct import *import, const char *name)
{
	for (size_t i = 0; i < import->node_count; i++)
		if (strcmp(import->nodes[i]->name, name) == 0)
			return import->nodes[i];
	return NULL;
}

struct import_node *import_node_add(struct import *import, const char *name, struct place place, enum import_role role)
{
	struct import_node *node;

	if (import->node_count == IMPORT_NODES_MAX) {
		diag_error(&import->diags, place, name, "more than %d nodes", IMPORT_NODES_MAX);
		return NULL;
	}
	if (import->nodes == NULL)
		import->nodes = arena_alloc(import->arena, IMPORT_NODES_MAX * sizeof(struct import_node *));
	node = arena_alloc(import->arena, sizeof(*node));
	*node = (struct import_node){.name = arena_str(import->arena, name), .place = place, .role = role};
	import->nodes[import->node_count++] = node;
	return node;
}

struct import_cable *import_cable_add(struct import *import, struct place place)
{
	struct import_cable *cable;

	if (import->cable_count == IMPORT_CABLES_MAX) {
		diag_error(&import->diags, place, "links", "more than %d links", IMPORT_CABLES_MAX);
		return NULL;
	}
	if (import->cables == NULL)
		import->cables = arena_alloc(import->arena, IMPORT_CABLES_MAX * sizeof(struct import_cable *));
	cable = arena_alloc(import->arena, sizeof(*cable));
	*cable = (struct import_cable){.place = place};
	import->cables[import->cable_count++] = cable;
	return cable;
}

struct import_interface *import_interface(struct import_node *node, const char *name)
{
	for (size_t i = 0; i < node->interface_count; i++)
		if (strcmp(node->interfaces[i].name, name) == 0)
			return &node->interfaces[i];
	if (node->interface_count == IMPORT_INTERFACES_MAX)
		return NULL;
	node->interfaces[node->interface_count] = (struct import_interface){.name = name};
	return &node->interfaces[node->interface_count++];
}

bool import_plug(struct import *import, struct import_cable *cable, struct import_node *node, const char *name)
{
	struct import_interface *interface;
	size_t end = cable->nodes[0] != NULL;

	if (name == NULL || name[0] == '\0')
		name = arena_printf(import->arena, "eth%zu", node->interface_count + 1);
	interface = import_interface(node, arena_str(import->arena, name));
	if (interface == NULL || (interface->cable != NULL && node->role != IMPORT_SEGMENT)) {
		import_skip(import, cable->place, node->name, interface == NULL ? "too many interfaces" : "%s has a cable already", name);
		return false;
	}
	interface->cable = cable;
	cable->nodes[end] = node;
	cable->ends[end] = interface;
	return true;
}

bool import_address(struct import_interface *interface, const char *text)
{
	struct prefix prefix, *place;

	if (interface == NULL || !prefix_parse(text, &prefix))
		return false;
	place = prefix.ip.family == IP_V4 ? &interface->ipv4 : &interface->ipv6;
	if (place->ip.family != IP_NONE && !prefix_equal(*place, prefix))
		return false;
	*place = prefix;
	return true;
}
