/*
 * containerlab's topology files: nodes, links, kinds, groups of defaults.
 *
 * Theory of operation. A value of a node is looked up in the node, its group, its kind and the defaults, as containerlab does. What a node
 * is follows from its kind and image: bridges are segments, kinds of network systems and images of routing daemons are routers, and so is a
 * Linux node that forwards; all else is a machine. Links are read first, since commands and configurations name their interfaces.
 */
#include "base/check.h"
#include "ui/import.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Where the document's parts are. */
struct clab {
	struct import *import;
	const struct node *topology, *defaults, *kinds, *groups;
};

static const char *text_of(const struct node *node) { return node != NULL && node->kind == NODE_SCALAR ? node->text : NULL; }

/* A value of a node or of its group. */
static const struct node *own_value(const struct clab *clab, const struct node *node, const char *key)
{
	const struct node *value = node_member(node, key);
	const char *group = text_of(node_member(node, "group"));

	return value != NULL || group == NULL ? value : node_member(node_member(clab->groups, group), key);
}

/* A value of a node, with what it inherits. */
static const struct node *value_of(const struct clab *clab, const struct node *node, const char *key)
{
	const struct node *value = own_value(clab, node, key), *kind = own_value(clab, node, "kind");

	kind = kind ? kind : node_member(clab->defaults, "kind");
	if (value == NULL && strcmp(key, "kind") != 0 && text_of(kind) != NULL)
		value = node_member(node_member(clab->kinds, text_of(kind)), key);
	return value ? value : node_member(clab->defaults, key);
}

static bool has_word(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; text != NULL && i < count; i++)
		if (strcasestr(text, words[i]) != NULL)
			return true;
	return false;
}

static bool forwards(const struct node *exec)
{
	for (const struct node *c = exec ? exec->first : NULL; c != NULL; c = c->next)
		if (c->kind == NODE_SCALAR && strstr(c->text, "ip_forward=1") != NULL)
			return true;
	return false;
}

static enum import_role role_of(const struct clab *clab, const struct node *node)
{
	static const char *const images[] = {"frr", "bird", "quagga", "vyos", "openbgpd", "gobgp", "holo"};
	static const char *const machines[] = {"linux", "ext-container", "generic_vm"};
	const char *kind = text_of(value_of(clab, node, "kind")), *image = text_of(value_of(clab, node, "image"));
	bool machine = false;

	if (kind == NULL)
		kind = "linux";
	if (strcmp(kind, "bridge") == 0 || strcmp(kind, "ovs-bridge") == 0)
		return IMPORT_SEGMENT;
	if (strcmp(kind, "host") == 0)
		return IMPORT_PORT;
	for (size_t i = 0; i < COUNT_OF(machines); i++)
		machine = machine || strcmp(kind, machines[i]) == 0;
	if (!machine)
		return IMPORT_ROUTER;
	return has_word(image, images, COUNT_OF(images)) || forwards(value_of(clab, node, "exec")) ? IMPORT_ROUTER : IMPORT_MACHINE;
}

/* Keys of a node that need no word: read elsewhere, or about containers and pictures only. */
static bool is_quiet(const char *key)
{
	static const char *const keys[] = {"kind", "image", "group", "exec", "binds", "startup-config"};

	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static void take_node(struct clab *clab, const struct node *from)
{
	enum import_role role = role_of(clab, from);
	const char *kind = text_of(value_of(clab, from, "kind")), *image = text_of(value_of(clab, from, "image"));
	struct import_node *node = import_node_add(clab->import, from->key, from->key_place, role);
	const char *path = arena_printf(clab->import->arena, "topology.nodes.%s", from->key);

	if (node == NULL)
		return;
	if (from->kind == NODE_LIST || from->kind == NODE_SCALAR)
		import_skip(clab->import, from->place, path, "expected a map");
	for (const struct node *key = from->kind == NODE_MAP ? from->first : NULL; key != NULL; key = key->next)
		if (!is_quiet(key->key))
			import_skip(clab->import, key->key_place, arena_printf(clab->import->arena, "%s.%s", path, key->key),
				"has no meaning here");
	if (role == IMPORT_MACHINE && image != NULL)
		import_skip(clab->import, from->key_place, path, "containers don't run here: builtin:tiny stands for the image %s", image);
	if (role == IMPORT_ROUTER && kind != NULL && strcmp(kind, "linux") != 0)
		import_skip(clab->import, from->key_place, path, "a router of Weft stands for kind %s", kind);
}

/* "r1:eth1" */
static void take_end(struct clab *clab, struct import_cable *cable, const struct node *end)
{
	struct import *import = clab->import;
	const char *text = text_of(end), *colon = text ? strchr(text, ':') : NULL;
	struct import_node *node;
	const char *name;

	if (end != NULL && end->kind == NODE_MAP) {
		text = text_of(node_member(end, "node"));
		colon = text;
		name = text;
	} else {
		name = colon ? arena_printf(import->arena, "%.*s", (int)(colon - text), text) : text;
	}
	if (name == NULL) {
		import_skip(import, end ? end->place : cable->place, "topology.links", "expected an end such as \"r1:eth1\"");
		return;
	}
	node = import_node_find(import, name);
	if (node == NULL && strcmp(name, "host") == 0)
		node = import_node_add(import, "host", end->place, IMPORT_PORT);
	if (node == NULL) {
		import_skip(import, end->place, "topology.links", "no node named %s: this end has no meaning here", name);
		return;
	}
	for (const struct node *key = end->kind == NODE_MAP ? end->first : NULL; key != NULL; key = key->next)
		if (strcmp(key->key, "node") != 0 && strcmp(key->key, "interface") != 0)
			import_skip(import, key->key_place, "topology.links", "%s of an end has no meaning here", key->key);
	name = end->kind == NODE_MAP ? text_of(node_member(end, "interface")) : colon != NULL ? colon + 1 : NULL;
	(void)import_plug(import, cable, node, node->role == IMPORT_SEGMENT ? NULL : name);
}

static void take_link(struct clab *clab, const struct node *from)
{
	struct import_cable *cable = from->kind == NODE_MAP ? import_cable_add(clab->import, from->place) : NULL;
	const struct node *ends = node_member(from, "endpoints"), *mtu = node_member(from, "mtu");

	if (from->kind != NODE_MAP)
		import_skip(clab->import, from->place, "topology.links", "expected a map with `endpoints`");
	if (cable == NULL)
		return;
	for (const struct node *key = from->first; key != NULL; key = key->next)
		if (strcmp(key->key, "endpoints") != 0 && strcmp(key->key, "mtu") != 0 &&
			!(strcmp(key->key, "type") == 0 && key->kind == NODE_SCALAR && strcmp(key->text, "veth") == 0))
			import_skip(clab->import, key->key_place, "topology.links", "%s has no meaning here", key->key);
	if (text_of(mtu) != NULL)
		cable->mtu = (uint32_t)strtoul(mtu->text, NULL, 10);
	if (ends == NULL || ends->kind != NODE_LIST || ends->count != 2)
		import_skip(clab->import, from->place, "topology.links", "only links with two `endpoints` have a meaning here");
	else
		for (const struct node *end = ends->first; end != NULL; end = end->next)
			take_end(clab, cable, end);
}

/* "r1.conf:/etc/frr/frr.conf:ro": whether it is FRR's configuration, by what it is called in the node; its folder may be bound whole. */
static bool is_frr(const char *bind)
{
	static const char *const folders[] = {"/etc/frr", "/etc/quagga"};
	const char *target = strchr(bind, ':') + 1;
	size_t bytes = strcspn(target, ":");

	while (bytes > 0 && target[bytes - 1] == '/')
		bytes--;
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		size_t folder = strlen(folders[i]);

		if (bytes < folder || strncmp(target, folders[i], folder) != 0)
			continue;
		if (bytes == folder)
			return true;
		if (target[folder] == '/' && bytes > folder + 6 && strncmp(target + bytes - 5, ".conf", 5) == 0)
			return strncmp(target + folder + 1, "vtysh.conf", bytes - folder - 1) != 0;
	}
	return false;
}

/* What a node runs, and the configuration that is bound into it. */
static void configure(struct clab *clab, const struct node *from)
{
	struct import_node *node = import_node_find(clab->import, from->key);
	const struct node *exec = value_of(clab, from, "exec"), *binds = value_of(clab, from, "binds");
	const char *path = arena_printf(clab->import->arena, "topology.nodes.%s", from->key),
		   *startup = text_of(value_of(clab, from, "startup-config"));

	for (const struct node *c = exec && exec->kind == NODE_LIST ? exec->first : NULL; c != NULL && node != NULL; c = c->next) {
		bool has_addresses = node->role == IMPORT_MACHINE || node->role == IMPORT_ROUTER;
		size_t routes = node->route_count;

		if (has_addresses && c->kind == NODE_SCALAR && import_command(node, c->text))
			node->configured = true;
		else
			import_skip(clab->import, c->place, arena_printf(clab->import->arena, "%s.exec", path), "has no meaning here");
		if (node->route_count > routes)
			node->routes[routes].place = c->place;
	}
	for (const struct node *b = binds && binds->kind == NODE_LIST ? binds->first : NULL; b != NULL && node != NULL; b = b->next) {
		const char *colon = b->kind == NODE_SCALAR ? strchr(b->text, ':') : NULL;

		if (colon == NULL || node->role != IMPORT_ROUTER || !is_frr(b->text))
			import_skip(clab->import, b->place, arena_printf(clab->import->arena, "%s.binds", path), "has no meaning here");
		else
			import_frr(clab->import, node, arena_printf(clab->import->arena, "%.*s", (int)(colon - b->text), b->text));
	}
	if (startup != NULL && node != NULL)
		import_frr(clab->import, node, startup);
}

void import_containerlab(struct import *import, const struct node *root)
{
	struct clab clab = {.import = import, .topology = node_member(root, "topology")};
	const struct node *nodes = node_member(clab.topology, "nodes"), *links = node_member(clab.topology, "links");
	const char *name = text_of(node_member(root, "name"));

	clab.defaults = node_member(clab.topology, "defaults");
	clab.kinds = node_member(clab.topology, "kinds");
	clab.groups = node_member(clab.topology, "groups");
	import->name = name;
	for (const struct node *key = root->first; key != NULL; key = key->next)
		if (strcmp(key->key, "name") != 0 && strcmp(key->key, "topology") != 0)
			import_skip(import, key->key_place, key->key, "has no meaning here");
	if (nodes == NULL || nodes->kind != NODE_MAP) {
		diag_error(
			&import->diags, clab.topology ? clab.topology->place : root->place, "topology", "expected `nodes`, a map of nodes");
		return;
	}
	for (const struct node *node = nodes->first; node != NULL; node = node->next)
		take_node(&clab, node);
	for (const struct node *link = links && links->kind == NODE_LIST ? links->first : NULL; link != NULL; link = link->next)
		take_link(&clab, link);
	for (const struct node *node = nodes->first; node != NULL; node = node->next)
		configure(&clab, node);
}
