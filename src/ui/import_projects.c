/* netlab's topologies and GNS3's projects. */
#include "base/check.h"
#include "ui/import.h"

#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct node *node) { return node != NULL && node->kind == NODE_SCALAR ? node->text : NULL; }
static const char *member(const struct node *node, const char *key) { return text_of(node_member(node, key)); }

static bool among(const char *text, const char *const *words, size_t count)
{
	for (size_t i = 0; text != NULL && i < count; i++)
		if (strcmp(text, words[i]) == 0)
			return true;
	return false;
}

static void skip_others(struct import *import, const struct node *map, const char *path, const char *const *known, size_t count)
{
	for (const struct node *key = map->kind == NODE_MAP ? map->first : NULL; key != NULL; key = key->next)
		if (!among(key->key, known, count))
			import_skip(import, key->key_place, arena_printf(import->arena, "%s%s%s", path, path[0] ? "." : "", key->key),
				"has no meaning here");
}

/* Whether a module ("ospf") is named in a node's list, else in the topology's. */
static bool has_module(const struct node *root, const struct node *node, const char *name)
{
	const struct node *list = node_member(node, "module");

	list = list ? list : node_member(root, "module");
	if (text_of(list) != NULL)
		return strcmp(list->text, name) == 0;
	for (const struct node *m = list != NULL && list->kind == NODE_LIST ? list->first : NULL; m != NULL; m = m->next)
		if (m->kind == NODE_SCALAR && strcmp(m->text, name) == 0)
			return true;
	return false;
}

/* netlab. */

/* Modules of the topology or of a node that are none here. */
static void skip_modules(struct import *import, const struct node *map, const char *path)
{
	static const char *const known[] = {"ospf", "bgp"};
	const struct node *list = node_member(map, "module");

	if (list != NULL && list->kind == NODE_LIST)
		list = list->first;
	for (; list != NULL && list->kind == NODE_SCALAR; list = list->key == NULL ? list->next : NULL)
		if (!among(list->text, known, COUNT_OF(known)))
			import_skip(import, list->place, path, "the module %s has no meaning here", list->text);
}

static void netlab_node(struct import *import, const struct node *root, const struct node *from)
{
	static const char *const known[] = {"name", "device", "module", "bgp", "role"};
	const char *name = from->key ? from->key : from->kind == NODE_SCALAR ? from->text : member(from, "name");
	const char *device = from->kind == NODE_MAP ? member(from, "device") : NULL;
	const char *as = member(node_member(from, "bgp"), "as");
	struct import_node *node;

	device = device ? device : member(node_member(root, "defaults"), "device");
	if (name == NULL) {
		import_skip(import, from->place, "nodes", "a node without a name");
		return;
	}
	node = import_node_add(import, name, from->key ? from->key_place : from->place,
		device != NULL && strcmp(device, "linux") == 0 ? IMPORT_MACHINE : IMPORT_ROUTER);
	if (node == NULL)
		return;
	skip_others(import, from, arena_printf(import->arena, "nodes.%s", name), known, COUNT_OF(known));
	skip_modules(import, from, arena_printf(import->arena, "nodes.%s.module", name));
	if (node->role != IMPORT_ROUTER)
		return;
	node->ospf = has_module(root, from, "ospf");
	as = as ? as : member(node_member(root, "bgp"), "as");
	if (has_module(root, from, "bgp") && as != NULL) {
		node->bgp = node->bgp_connected = true;
		node->bgp_as = (uint32_t)strtoul(as, NULL, 10);
		import_skip(import, node->place, arena_printf(import->arena, "nodes.%s", name),
			"the sessions that netlab makes of BGP's AS numbers are to be written here, as `neighbors`");
	}
	node->configured = node->ospf || node->bgp;
}

/* Plugs the named nodes into one cable, or into a segment when they are not two. */
static void netlab_join(struct import *import, struct place place, const char *const *names, size_t count, const char *prefix)
{
	struct import_node *segment = NULL;
	struct import_cable *cable = NULL;

	if (count != 2)
		segment =
			import_node_add(import, arena_printf(import->arena, "segment%zu", import->cable_count + 1), place, IMPORT_SEGMENT);
	for (size_t i = 0; i < count; i++) {
		struct import_node *node = import_node_find(import, names[i]);
		struct import_interface *last;

		if (cable == NULL || segment != NULL)
			cable = import_cable_add(import, place);
		if (cable == NULL || (count != 2 && segment == NULL))
			return;
		if (prefix != NULL)
			(void)prefix_parse(prefix, &cable->ipv4);
		if (node == NULL) {
			import_skip(import, place, "links", "no node named %s", names[i]);
			continue;
		}
		if (import_plug(import, cable, node, NULL)) {
			last = &node->interfaces[node->interface_count - 1];
			last->ospf = node->ospf;
		}
		if (segment != NULL)
			(void)import_plug(import, cable, segment, NULL);
	}
}

/* Nodes that a link joins. */
struct netlab_ends {
	const char *names[64];
	size_t count;
};

static void add_end(struct netlab_ends *ends, const char *name)
{
	if (name != NULL && ends->count < COUNT_OF(ends->names))
		ends->names[ends->count++] = name;
}

/* { r1: , r2: , prefix: } or { interfaces: [ { node: r1 } ] } */
static void netlab_map(struct import *import, const struct node *link, struct netlab_ends *ends)
{
	static const char *const known[] = {"prefix", "type", "name", "interfaces"};
	const struct node *interfaces = node_member(link, "interfaces");

	for (const struct node *n = link->first; n != NULL; n = n->next) {
		if (import_node_find(import, n->key) == NULL) {
			if (!among(n->key, known, COUNT_OF(known)))
				import_skip(import, n->key_place, "links", "%s has no meaning here", n->key);
			continue;
		}
		add_end(ends, n->key);
		if (n->kind == NODE_MAP && n->count > 0)
			import_skip(import, n->key_place, "links", "what is said of %s has no meaning here", n->key);
	}
	for (const struct node *n = interfaces != NULL ? interfaces->first : NULL; n != NULL; n = n->next)
		add_end(ends, n->kind == NODE_SCALAR ? n->text : member(n, "node"));
}

static void netlab_link(struct import *import, const struct node *link)
{
	struct netlab_ends ends = {.count = 0};
	const char *dash = link->kind == NODE_SCALAR ? strchr(link->text, '-') : NULL;

	if (link->kind == NODE_SCALAR && dash == NULL)
		import_skip(import, link->place, "links", "expected two nodes, as r1-r2");
	if (dash != NULL) {
		add_end(&ends, arena_printf(import->arena, "%.*s", (int)(dash - link->text), link->text));
		add_end(&ends, dash + 1);
	}
	for (const struct node *n = link->kind == NODE_LIST ? link->first : NULL; n != NULL; n = n->next)
		add_end(&ends, text_of(n));
	if (link->kind == NODE_MAP)
		netlab_map(import, link, &ends);
	if (ends.count > 0)
		netlab_join(import, link->place, ends.names, ends.count, link->kind == NODE_MAP ? member(link, "prefix") : NULL);
}

void import_netlab(struct import *import, const struct node *root)
{
	static const char *const known[] = {"name", "nodes", "links", "defaults", "module", "provider", "bgp", "message"};
	const struct node *nodes = node_member(root, "nodes"), *links = node_member(root, "links");

	import->name = member(root, "name");
	skip_others(import, root, "", known, COUNT_OF(known));
	skip_modules(import, root, "module");
	if (nodes == NULL || (nodes->kind != NODE_MAP && nodes->kind != NODE_LIST)) {
		diag_error(&import->diags, root->place, "nodes", "expected a list or a map of nodes");
		return;
	}
	for (const struct node *node = nodes->first; node != NULL; node = node->next)
		netlab_node(import, root, node);
	for (const struct node *link = links && links->kind == NODE_LIST ? links->first : NULL; link != NULL; link = link->next)
		netlab_link(import, link);
}

/* GNS3. */

struct gns3_id {
	const char *id;
	struct import_node *node;
};

static void gns3_node(struct import *import, const struct node *from, struct gns3_id *id)
{
	static const char *const machines[] = {"vpcs", "docker", "qemu", "virtualbox", "vmware", "traceng"};
	static const char *const segments[] = {"ethernet_switch", "ethernet_hub"};
	static const char *const routers[] = {"dynamips", "iou"};
	const char *type = member(from, "node_type"), *name = member(from, "name");
	const char *disk = member(node_member(from, "properties"), "hda_disk_image"), *ram = member(node_member(from, "properties"), "ram");
	struct import_node *node;

	*id = (struct gns3_id){.id = member(from, "node_id")};
	name = name ? name : "node";
	if (!among(type, machines, COUNT_OF(machines)) && !among(type, segments, COUNT_OF(segments)) &&
		!among(type, routers, COUNT_OF(routers))) {
		import_skip(import, from->place, arena_printf(import->arena, "topology.nodes.%s", name), "node_type %s has no meaning here",
			type ? type : "(none)");
		return;
	}
	node = import_node_add(import, name, from->place,
		among(type, segments, COUNT_OF(segments)) ? IMPORT_SEGMENT
		: among(type, routers, COUNT_OF(routers)) ? IMPORT_ROUTER
							  : IMPORT_MACHINE);
	id->node = node;
	if (node == NULL || node->role != IMPORT_MACHINE)
		return;
	if (strcmp(type, "qemu") == 0 && disk != NULL && disk[0] != '\0')
		node->image = disk;
	else if (strcmp(type, "vpcs") != 0)
		import_skip(import, from->place, arena_printf(import->arena, "topology.nodes.%s", name),
			"builtin:tiny stands for this machine of type %s", type);
	if (node->image != NULL && ram != NULL)
		node->memory_mib = (uint32_t)strtoul(ram, NULL, 10);
}

/* filters: { delay: [20, 5], packet_loss: [1], corrupt: [1] } */
static void gns3_filters(struct import *import, struct import_cable *cable, const struct node *filters)
{
	for (const struct node *f = filters != NULL && filters->kind == NODE_MAP ? filters->first : NULL; f != NULL; f = f->next) {
		const char *first = f->kind == NODE_LIST ? text_of(f->first) : NULL;

		if (first != NULL && strcmp(f->key, "delay") == 0) {
			cable->delay = arena_printf(import->arena, "%sms", first);
			if (f->first->next != NULL && text_of(f->first->next) != NULL && strcmp(f->first->next->text, "0") != 0)
				cable->jitter = arena_printf(import->arena, "%sms", f->first->next->text);
		} else if (first != NULL && strcmp(f->key, "packet_loss") == 0) {
			cable->loss = arena_printf(import->arena, "%s%%", first);
		} else if (first != NULL && strcmp(f->key, "corrupt") == 0) {
			cable->corrupt = arena_printf(import->arena, "%s%%", first);
		} else {
			import_skip(import, f->key_place, "topology.links.filters", "%s has no meaning here", f->key);
		}
	}
}

static struct import_node *gns3_find(const struct gns3_id *ids, size_t count, const char *id)
{
	for (size_t i = 0; id != NULL && i < count; i++)
		if (ids[i].id != NULL && strcmp(ids[i].id, id) == 0)
			return ids[i].node;
	return NULL;
}

/* A router's interface by adapter and port; others are numbered as they come. */
static const char *gns3_interface(struct import *import, const struct import_node *node, const struct node *end)
{
	const char *adapter = member(end, "adapter_number"), *port = member(end, "port_number");

	if (node->role != IMPORT_ROUTER)
		return NULL;
	return arena_printf(import->arena, "e%s-%s", adapter ? adapter : "0", port ? port : "0");
}

static void gns3_link(struct import *import, const struct node *from, const struct gns3_id *ids, size_t count)
{
	struct import_cable *cable = import_cable_add(import, from->place);
	const struct node *ends = node_member(from, "nodes");

	if (cable == NULL)
		return;
	for (const struct node *end = ends && ends->kind == NODE_LIST ? ends->first : NULL; end != NULL; end = end->next) {
		struct import_node *node = gns3_find(ids, count, member(end, "node_id"));

		if (node == NULL || cable->nodes[1] != NULL)
			import_skip(import, end->place, "topology.links", "this end of the link has no meaning here");
		else
			(void)import_plug(import, cable, node, gns3_interface(import, node, end));
	}
	gns3_filters(import, cable, node_member(from, "filters"));
}

void import_gns3(struct import *import, const struct node *root)
{
	static const char *const known[] = {"nodes", "links", "computes"};
	const struct node *topology = node_member(root, "topology"), *nodes = node_member(topology, "nodes"),
			  *links = node_member(topology, "links");
	struct gns3_id *ids;
	size_t count = 0;

	import->name = member(root, "name");
	if (nodes == NULL || nodes->kind != NODE_LIST) {
		diag_error(&import->diags, root->place, "topology", "expected `nodes`, a list");
		return;
	}
	skip_others(import, topology, "topology", known, COUNT_OF(known));
	ids = arena_alloc(import->arena, (nodes->count + 1) * sizeof(*ids));
	for (const struct node *node = nodes->first; node != NULL; node = node->next)
		gns3_node(import, node, &ids[count++]);
	for (const struct node *link = links && links->kind == NODE_LIST ? links->first : NULL; link != NULL; link = link->next)
		gns3_link(import, link, ids, count);
}
