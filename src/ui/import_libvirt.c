/*
 * libvirt's domain XML; the only file that knows libxml2.
 *
 * Theory of operation. libxml2 brings the tables of all scripts of the world along, whose loading takes longer than most commands; so it is
 * loaded by dlopen when a domain is read. Entities are not resolved and nothing is fetched.
 */
#include "base/check.h"
#include "ui/import.h"

#include <dlfcn.h>
#include <libxml/parser.h>
#include <stdlib.h>
#include <string.h>

static struct {
	__typeof__(&xmlReadMemory) read_memory;
	__typeof__(&xmlFreeDoc) free_doc;
	__typeof__(&xmlDocGetRootElement) root;
	__typeof__(&xmlGetProp) get_prop;
	__typeof__(&xmlNodeGetContent) content;
	__typeof__(&xmlGetLineNo) line;
} xml;

static bool load(void)
{
	static const char *const names[] = {
		"xmlReadMemory", "xmlFreeDoc", "xmlDocGetRootElement", "xmlGetProp", "xmlNodeGetContent", "xmlGetLineNo"};
	void **const calls[] = {(void **)&xml.read_memory, (void **)&xml.free_doc, (void **)&xml.root, (void **)&xml.get_prop,
		(void **)&xml.content, (void **)&xml.line};
	void *library = dlopen("libxml2.so.2", RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library != NULL && i < COUNT_OF(names); i++) {
		*calls[i] = dlsym(library, names[i]);
		if (*calls[i] == NULL)
			return false;
	}
	return library != NULL;
}

static struct place place_of(xmlNode *node) { return (struct place){.line = (uint32_t)xml.line(node), .column = 1}; }
static bool is(const xmlNode *node, const char *name) { return strcmp((const char *)node->name, name) == 0; }

/* Copies a text of the library's into the arena and frees it. */
static const char *take(struct import *import, xmlChar *text)
{
	const char *copy = arena_str(import->arena, text != NULL ? (const char *)text : "");

	free(text);
	return copy;
}

static const char *attribute(struct import *import, xmlNode *node, const char *name)
{
	return node != NULL ? take(import, xml.get_prop(node, (const xmlChar *)name)) : "";
}

static xmlNode *child(const xmlNode *node, const char *name)
{
	for (xmlNode *c = node->children; c != NULL; c = c->next)
		if (c->type == XML_ELEMENT_NODE && is(c, name))
			return c;
	return NULL;
}

static uint32_t memory_mib(struct import *import, xmlNode *node)
{
	static const struct {
		const char *unit;
		double mib;
	} units[] = {{"", 1 / 1024.0}, {"KiB", 1 / 1024.0}, {"k", 1 / 1024.0}, {"M", 1}, {"MiB", 1}, {"G", 1024}, {"GiB", 1024},
		{"bytes", 1 / 1048576.0}};
	const char *unit = attribute(import, node, "unit");

	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strcmp(units[i].unit, unit) == 0)
			return (uint32_t)(strtod(take(import, xml.content(node)), NULL) * units[i].mib);
	import_skip(import, place_of(node), "memory", "the unit %s is not known", unit);
	return 0;
}

/* A NIC goes into the segment named by its source. */
static void take_interface(struct import *import, struct import_node *vm, xmlNode *node)
{
	static const char *const sources[] = {"network", "bridge", "dev", "portgroup"};
	xmlNode *source = child(node, "source"), *mac = child(node, "mac");
	struct import_cable *cable = import_cable_add(import, place_of(node));
	const char *name = "";
	struct import_node *segment;

	for (size_t i = 0; i < COUNT_OF(sources) && name[0] == '\0'; i++)
		name = attribute(import, source, sources[i]);
	if (name[0] == '\0')
		name = "default";
	segment = import_node_find(import, name);
	if (segment == NULL)
		segment = import_node_add(import, name, place_of(node), IMPORT_SEGMENT);
	if (cable == NULL || segment == NULL)
		return;
	name = arena_printf(import->arena, "eth%zu", vm->interface_count);
	if (!import_plug(import, cable, vm, name) || !import_plug(import, cable, segment, NULL))
		return;
	if (mac != NULL)
		import_interface(vm, name)->mac = attribute(import, mac, "address");
}

static void take_disk(struct import *import, struct import_node *vm, xmlNode *node)
{
	const char *device = attribute(import, node, "device"), *file = attribute(import, child(node, "source"), "file");

	if (file[0] == '\0')
		file = attribute(import, child(node, "source"), "dev");
	if ((device[0] == '\0' || strcmp(device, "disk") == 0) && file[0] != '\0' && vm->image == NULL)
		vm->image = file;
	else
		import_skip(import, place_of(node), "devices.disk",
			"only one disk with a file has a meaning here; this one (%s) is left out", file[0] ? file : device);
}

static void take_devices(struct import *import, struct import_node *vm, xmlNode *devices)
{
	static const char *const quiet[] = {"emulator", "controller", "serial", "console", "channel", "memballoon", "rng"};

	for (xmlNode *c = devices->children; c != NULL; c = c->next) {
		bool known = c->type != XML_ELEMENT_NODE;

		if (known)
			continue;
		if (is(c, "interface"))
			take_interface(import, vm, c);
		else if (is(c, "disk"))
			take_disk(import, vm, c);
		else {
			for (size_t i = 0; i < COUNT_OF(quiet); i++)
				known = known || is(c, quiet[i]);
			if (!known)
				import_skip(import, place_of(c), "devices", "%s has no meaning here", (const char *)c->name);
		}
	}
}

static void take_domain(struct import *import, xmlNode *domain)
{
	static const char *const quiet[] = {"uuid", "os", "features", "clock", "on_poweroff", "on_reboot", "on_crash", "pm",
		"currentMemory", "title", "description", "metadata", "name"};
	xmlNode *name = child(domain, "name");
	struct import_node *vm;

	vm = import_node_add(import, name ? take(import, xml.content(name)) : "machine", place_of(domain), IMPORT_MACHINE);
	if (vm == NULL)
		return;
	for (xmlNode *c = domain->children; c != NULL; c = c->next) {
		bool known = c->type != XML_ELEMENT_NODE;

		for (size_t i = 0; i < COUNT_OF(quiet); i++)
			known = known || is(c, quiet[i]);
		if (known)
			continue;
		if (is(c, "memory"))
			vm->memory_mib = memory_mib(import, c);
		else if (is(c, "vcpu"))
			vm->cpus = (uint32_t)strtoul(take(import, xml.content(c)), NULL, 10);
		else if (is(c, "devices"))
			take_devices(import, vm, c);
		else
			import_skip(import, place_of(c), "domain", "%s has no meaning here", (const char *)c->name);
	}
}

void import_libvirt(struct import *import, const char *source, size_t bytes)
{
	xmlDoc *document;
	xmlNode *root;

	if (!load()) {
		diag_error(&import->diags, (struct place){0}, "", "libxml2 is needed to read libvirt's XML: install the package libxml2");
		return;
	}
	document = xml.read_memory(source, (int)bytes, import->path, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	root = document != NULL ? xml.root(document) : NULL;
	if (root == NULL || (!is(root, "domain") && child(root, "domain") == NULL)) {
		diag_error(&import->diags, (struct place){0}, "", "expected a <domain> of libvirt, as virsh dumpxml prints it");
	} else if (is(root, "domain")) {
		take_domain(import, root);
	} else {
		for (xmlNode *c = root->children; c != NULL; c = c->next)
			if (c->type == XML_ELEMENT_NODE && is(c, "domain"))
				take_domain(import, c);
	}
	if (document != NULL)
		xml.free_doc(document);
}
