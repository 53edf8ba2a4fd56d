/*
 * The descriptor of an OVF package, read with libxml2.
 *
 * Theory of operation. The document is walked once, in its order; references come before disks, disks before hardware, as the standard
 * says. No document type is accepted, so there are no entities to unfold and nothing is fetched. What Weft has no use for is passed
 * over; numbers out of range, and names that are no plain names, are errors.
 */
#include "image/ovf.h"

#include "base/check.h"
#include "base/text.h"
#include "image/late.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* The library's functions, once it is loaded. */
static struct {
	__typeof__(xmlReadMemory) *read_memory;
	__typeof__(xmlDocGetRootElement) *root;
	__typeof__(xmlGetProp) *property;
	__typeof__(xmlNodeGetContent) *content;
	__typeof__(xmlFreeDoc) *free_doc;
	xmlFreeFunc *free;
} xml;

static int load(struct err *err)
{
	static const struct late_symbol symbols[] = {{"xmlReadMemory", &xml.read_memory}, {"xmlDocGetRootElement", &xml.root},
		{"xmlGetProp", &xml.property}, {"xmlNodeGetContent", &xml.content}, {"xmlFreeDoc", &xml.free_doc}, {"xmlFree", &xml.free}};

	return xml.free != NULL ? 0 : late_load("libxml2.so.2", "libxml2", symbols, COUNT_OF(symbols), err);
}

/* CIM_ResourceAllocationSettingData.ResourceType */
enum { RESOURCE_PROCESSOR = 3, RESOURCE_MEMORY = 4, RESOURCE_ETHERNET = 10, RESOURCE_DISK = 17 };

#define CPUS_MAX 256
#define MEMORY_MIB_MAX (1 << 20)

/* A file of the package that the descriptor refers to. */
struct reference {
	char id[OVF_TEXT_BYTES];
	char name[PACKAGE_NAME_BYTES];
	uint64_t bytes;
};

struct reading {
	struct ovf *ovf;
	struct err *err;
	struct reference files[PACKAGE_FILES_MAX];
	unsigned file_count, systems;
};

static bool is(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

/* Copies what is shorter than `size`, control characters as '?'; the rest is cut, not within a character (it is UTF-8). */
static void copy_text(char *to, size_t size, const xmlChar *from)
{
	size_t used = 0;

	for (; from != NULL && from[used] != '\0' && used + 1 < size; used++)
		memcpy(to + used, from[used] < 0x20 || from[used] == 0x7f ? (const xmlChar *)"?" : from + used, 1);
	while (used > 0 && (from[used] & 0xc0) == 0x80)
		used--;
	to[used] = '\0';
}

/* An attribute by its name, whatever its name space. */
static void attribute(const xmlNode *node, const char *name, char *to, size_t size)
{
	xmlChar *value = xml.property(node, (const xmlChar *)name);

	copy_text(to, size, value);
	(*xml.free)(value);
}

/* The text of the child element `name`, "" when there is none. */
static void child_text(const xmlNode *node, const char *name, char *to, size_t size)
{
	to[0] = '\0';
	for (const xmlNode *child = node->children; child != NULL; child = child->next) {
		if (is(child, name)) {
			xmlChar *value = xml.content(child);

			copy_text(to, size, value);
			(*xml.free)(value);
			return;
		}
	}
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* The unit as a power of two: "byte * 2^20", "MegaBytes"; -1 when it isn't one of those. */
static int unit_shift(const char *unit, int otherwise)
{
	static const struct {
		const char *word;
		int shift;
	} units[] = {
		{"byte", 0}, {"bytes", 0}, {"KB", 10}, {"KiloBytes", 10}, {"MB", 20}, {"MegaBytes", 20}, {"GB", 30}, {"GigaBytes", 30}};
	const char *power = strstr(unit, "2^");

	if (unit[0] == '\0')
		return otherwise;
	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strcasecmp(unit, units[i].word) == 0)
			return units[i].shift;
	if (strncasecmp(unit, "byte", 4) != 0 || power == NULL || power[2] < '0' || power[2] > '9')
		return -1;
	return (int)strtol(power + 2, NULL, 10) <= 40 ? (int)strtol(power + 2, NULL, 10) : -1;
}

/* `value` in units: bytes, or false when that is nonsense. */
static bool bytes_of(const char *value, const char *unit, int otherwise, uint64_t *out)
{
	int shift = unit_shift(unit, otherwise);
	uint64_t n;

	if (shift < 0 || !number(value, &n) || n > UINT64_MAX >> shift)
		return false;
	*out = n << shift;
	return true;
}

static int read_file(struct reading *r, const xmlNode *node)
{
	struct reference *file = &r->files[r->file_count];
	char text[OVF_TEXT_BYTES];

	if (r->file_count == PACKAGE_FILES_MAX)
		return err_set(r->err, -E2BIG, "the descriptor refers to more than %d files", PACKAGE_FILES_MAX);
	memset(file, 0, sizeof(*file));
	attribute(node, "id", file->id, sizeof(file->id));
	attribute(node, "href", file->name, sizeof(file->name));
	if (!package_name_ok(file->name))
		return err_set(r->err, -EPERM, "the descriptor refers to \"%s\", which is no file of the package", file->name);
	attribute(node, "compression", text, sizeof(text));
	if (text[0] != '\0' && strcmp(text, "identity") != 0)
		return err_set(r->err, -EINVAL, "%s is compressed (%s): unpack it and mend the descriptor", file->name, text);
	attribute(node, "size", text, sizeof(text));
	if (text[0] != '\0' && !number(text, &file->bytes))
		return err_set(r->err, -EINVAL, "the size of %s is \"%s\"", file->name, text);
	r->file_count++;
	return 0;
}

static int read_disk(struct reading *r, const xmlNode *node)
{
	struct ovf_disk *disk = &r->ovf->disks[r->ovf->disk_count];
	char reference[OVF_TEXT_BYTES], capacity[OVF_TEXT_BYTES], unit[OVF_TEXT_BYTES], parent[OVF_TEXT_BYTES];

	attribute(node, "fileRef", reference, sizeof(reference));
	attribute(node, "capacity", capacity, sizeof(capacity));
	attribute(node, "capacityAllocationUnits", unit, sizeof(unit));
	attribute(node, "parentRef", parent, sizeof(parent));
	if (parent[0] != '\0')
		return err_set(r->err, -EINVAL, "the descriptor has a disk with a parent, which is not supported");
	if (r->ovf->disk_count == OVF_DISKS_MAX)
		return err_set(r->err, -E2BIG, "the descriptor has more than %d disks", OVF_DISKS_MAX);
	memset(disk, 0, sizeof(*disk));
	if (capacity[0] != '\0' && !bytes_of(capacity, unit, 0, &disk->virtual_bytes))
		return err_set(r->err, -EINVAL, "a disk's capacity is \"%s\" in units of \"%s\"", capacity, unit);
	for (unsigned i = 0; i < r->file_count; i++) {
		if (strcmp(r->files[i].id, reference) != 0)
			continue;
		(void)text_copy(disk->file, sizeof(disk->file), r->files[i].name);
		disk->file_bytes = r->files[i].bytes;
	}
	if (reference[0] != '\0' && disk->file[0] == '\0')
		return err_set(r->err, -EINVAL, "a disk is in the file \"%s\", which the descriptor doesn't list", reference);
	/* A disk without a file is an empty one, which boots nothing. */
	r->ovf->disk_count += disk->file[0] != '\0';
	return 0;
}

static int read_nic(struct reading *r, const xmlNode *node)
{
	struct ovf_nic *nic = &r->ovf->nics[r->ovf->nic_count];

	if (r->ovf->nic_count == OVF_NICS_MAX)
		return err_set(r->err, -E2BIG, "the descriptor has more than %d NICs", OVF_NICS_MAX);
	child_text(node, "Connection", nic->network, sizeof(nic->network));
	child_text(node, "ResourceSubType", nic->model, sizeof(nic->model));
	r->ovf->nic_count++;
	return 0;
}

static int read_item(struct reading *r, const xmlNode *node)
{
	char type[OVF_TEXT_BYTES], quantity[OVF_TEXT_BYTES], unit[OVF_TEXT_BYTES];
	uint64_t kind, value;

	child_text(node, "ResourceType", type, sizeof(type));
	child_text(node, "VirtualQuantity", quantity, sizeof(quantity));
	child_text(node, "AllocationUnits", unit, sizeof(unit));
	if (!number(type, &kind))
		return err_set(r->err, -EINVAL, "an item of the hardware has the type \"%s\"", type);
	switch (kind) {
	case RESOURCE_PROCESSOR:
		if (!number(quantity, &value) || value < 1 || value > CPUS_MAX)
			return err_set(r->err, -ERANGE, "the machine has \"%s\" processors; 1 to %d can be had", quantity, CPUS_MAX);
		r->ovf->cpus = (uint16_t)value;
		return 0;
	case RESOURCE_MEMORY:
		if (!bytes_of(quantity, unit, 20, &value) || value >> 20 < 1 || value >> 20 > MEMORY_MIB_MAX)
			return err_set(r->err, -ERANGE, "the machine has \"%s\" (%s) of memory; 1 to %d MiB can be had", quantity, unit,
				MEMORY_MIB_MAX);
		r->ovf->memory_mib = (uint32_t)(value >> 20);
		return 0;
	case RESOURCE_ETHERNET:
		return read_nic(r, node);
	default:
		return 0;
	}
}

static int read_element(struct reading *r, const xmlNode *node)
{
	if (is(node, "File"))
		return read_file(r, node);
	if (is(node, "Disk"))
		return read_disk(r, node);
	if (is(node, "Item") || is(node, "EthernetPortItem"))
		return read_item(r, node);
	if (is(node, "OperatingSystemSection"))
		child_text(node, "Description", r->ovf->system, sizeof(r->ovf->system));
	if (is(node, "VirtualSystem")) {
		if (++r->systems > 1)
			return err_set(r->err, -EINVAL, "the package has several machines: import them one by one");
		attribute(node, "id", r->ovf->name, sizeof(r->ovf->name));
	}
	return 0;
}

/* The next node in the document's order, NULL at its end. */
static const xmlNode *next_node(const xmlNode *node)
{
	if (node->type == XML_ELEMENT_NODE && node->children != NULL)
		return node->children;
	while (node != NULL && node->next == NULL)
		node = node->parent != NULL && node->parent->type == XML_ELEMENT_NODE ? node->parent : NULL;
	return node != NULL ? node->next : NULL;
}

int ovf_read(const char *bytes, size_t size, struct ovf *out, struct err *err)
{
	struct reading r = {.ovf = out, .err = err};
	const xmlNode *root;
	xmlDoc *doc;
	int error = 0;

	*out = (struct ovf){0};
	if (size > OVF_BYTES_MAX)
		return err_set(err, -E2BIG, "the descriptor is longer than %d bytes", OVF_BYTES_MAX);
	error = load(err);
	if (error != 0)
		return error;
	doc = xml.read_memory(bytes, (int)size, "descriptor", NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	root = doc != NULL ? xml.root(doc) : NULL;
	if (root == NULL)
		error = err_set(err, -EINVAL, "the descriptor is no XML that can be read");
	else if (doc->intSubset != NULL)
		error = err_set(err, -EPERM, "the descriptor declares a document type, which is not read");
	else if (!is(root, "Envelope"))
		error = err_set(err, -EINVAL, "the descriptor is no OVF envelope");
	for (const xmlNode *node = root; node != NULL && error == 0; node = next_node(node))
		error = read_element(&r, node);
	if (error == 0 && r.systems == 0)
		error = err_set(err, -EINVAL, "the descriptor has no machine");
	if (doc != NULL)
		xml.free_doc(doc);
	return error;
}
