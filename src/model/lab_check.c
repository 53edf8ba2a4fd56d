/*
 * What can be checked before a lab is expanded: names, references, what excludes what.
 */
#include "model/lab_check.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#define TAP_NAME_MAX 15

struct name_index index_new(struct arena *arena, size_t room)
{
	return (struct name_index){.names = arena_alloc(arena, (room + 1) * sizeof(char *)), .arena = arena};
}

void index_free(struct name_index *index) { map_free(&index->map); }

bool index_add(struct name_index *index, const char *name, size_t at)
{
	if (map_get_str(&index->map, name) != NULL)
		return false;
	(void)map_set_str(&index->map, name, (void *)(uintptr_t)(at + 1));
	index->names[index->count++] = name;
	return true;
}

int index_find(const struct name_index *index, const char *name) { return (int)(uintptr_t)map_get_str(&index->map, name) - 1; }

const char *index_hint(const struct name_index *index, const char *name)
{
	size_t count = index->count < HINT_NAMES_MAX ? index->count : HINT_NAMES_MAX;
	const char *nearest = text_nearest(name, index->names, count);

	return nearest ? arena_printf(index->arena, " (did you mean \"%s\"?)", nearest) : "";
}

static const char *path_cut(struct diags *diags, const char *path, const char *end)
{
	return arena_printf(diags->arena, "%.*s", (int)(end - path), path);
}

void lab_error(const struct lab *lab, struct diags *diags, const char *path, const char *format, ...)
{
	const struct node *node = diags_full(diags) ? NULL : node_at(lab->tree, path);
	const char *last = strrchr(path, '.');
	struct place place = {0};
	va_list args;

	/* A short form has no key: "nics[0]", not "nics[0].network". */
	if (node != NULL && node->kind == NODE_SCALAR && last != NULL && node_at(lab->tree, path_cut(diags, path, last)) == node)
		path = path_cut(diags, path, last);
	if (node != NULL)
		place = node->kind == NODE_MAP && node->key != NULL ? node->key_place : node->place;
	va_start(args, format);
	diag_verror(diags, place, path, format, args);
	va_end(args);
}

bool name_is_good(const char *name, size_t max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	size_t length = strlen(name);

	return length > 0 && length <= max && strspn(name, letters) == length && name[0] != '-' && name[length - 1] != '-';
}

/* All names of one kind, with what is wrong with them reported. */
static struct name_index check_names(
	const struct lab *lab, struct diags *diags, const char *section, const void *array, size_t count, size_t size)
{
	struct name_index index = index_new(diags->arena, count);

	for (size_t i = 0; i < count; i++) {
		const char *name = *(const char *const *)((const uint8_t *)array + i * size);
		const char *path = path_of(diags, "%s.%.64s", section, name);

		if (!name_is_good(name, LAB_NAME_BYTES_MAX)) {
			const struct node *node = diags_full(diags) ? NULL : node_at(lab->tree, section);

			node = node ? node_member(node, name) : NULL;
			diag_error(diags, node ? node->key_place : (struct place){0}, path,
				"\"%.64s\" is no name; names have letters, digits and '-' inside, at most %d bytes", name,
				LAB_NAME_BYTES_MAX);
		}
		(void)index_add(&index, name, i);
	}
	return index;
}

void check_reference(
	const struct lab *lab, struct diags *diags, const struct name_index *index, const char *word, const char *path, const char *name)
{
	if (name != NULL && index_find(index, name) < 0)
		lab_error(lab, diags, path, "no %s named \"%.64s\"%s", word, name, diags_full(diags) ? "" : index_hint(index, name));
}

static void check_vm(const struct lab *lab, struct diags *diags, const struct lab_vm *vm, const struct name_index *networks,
	const struct name_index *images, const struct name_index *pools)
{
	bool tiny = vm->image_name != NULL && strcmp(vm->image_name, LAB_IMAGE_TINY) == 0;
	bool network = vm->image_name != NULL && strcmp(vm->image_name, LAB_IMAGE_NETWORK) == 0;

	if (network && vm->nic_count == 0)
		lab_error(lab, diags, path_of(diags, "vms.%s.nics", vm->name), LAB_IMAGE_NETWORK " boots from the network: give it a NIC");
	if (vm->image_name != NULL && strncmp(vm->image_name, "builtin:", 8) == 0 && !tiny && !network)
		lab_error(lab, diags, path_of(diags, "vms.%s.image", vm->name),
			"no built-in image named \"%.64s\" (there are " LAB_IMAGE_TINY " and " LAB_IMAGE_NETWORK ")", vm->image_name);
	else if (!tiny && !network)
		check_reference(lab, diags, images, "image", path_of(diags, "vms.%s.image", vm->name), vm->image_name);
	if (tiny && vm->memory_mib != 0 && vm->memory_mib < LAB_TINY_MEMORY_MIB)
		lab_error(lab, diags, path_of(diags, "vms.%s.memory", vm->name), LAB_IMAGE_TINY " needs %dM, got %uM", LAB_TINY_MEMORY_MIB,
			vm->memory_mib);
	for (size_t i = 0; i < vm->nic_count; i++) {
		check_reference(
			lab, diags, networks, "network", path_of(diags, "vms.%s.nics[%zu].network", vm->name, i), vm->nics[i].network_name);
		check_reference(lab, diags, pools, "pool", path_of(diags, "vms.%s.nics[%zu].mac", vm->name, i), vm->nics[i].mac_pool_name);
	}
}

/* Names that the kernel takes for interfaces and namespaces. */
static bool kernel_name_is_good(const char *name, size_t max)
{
	size_t length = strlen(name);

	if (length == 0 || length > max || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return strcspn(name, "/: \t%") == length;
}

static void check_tap(const struct lab *lab, struct diags *diags, const struct lab_port *port, struct name_index *taps)
{
	const char *path = path_of(diags, "ports.%s.tap", port->name);

	if (port->netns != NULL && !kernel_name_is_good(port->netns, 63))
		lab_error(
			lab, diags, path_of(diags, "ports.%s.netns", port->name), "\"%s\" is no name of a network namespace", port->netns);
	if (!kernel_name_is_good(port->tap, TAP_NAME_MAX))
		lab_error(lab, diags, path, "\"%s\" is no interface name: no '/', ':', '%%' or blanks, at most %d bytes", port->tap,
			TAP_NAME_MAX);
	else if (!index_add(taps, path_of(diags, "%s/%s", port->netns ? port->netns : "", port->tap), (size_t)(port - lab->ports)))
		lab_error(lab, diags, path, "two ports have the TAP interface \"%s\"", port->tap);
}

static void check_socket(const struct lab *lab, struct diags *diags, const struct lab_port *port, struct name_index *sockets)
{
	const char *path = path_of(diags, "ports.%s.vhost-user", port->name);

	if (port->netns != NULL)
		lab_error(lab, diags, path_of(diags, "ports.%s.netns", port->name), "a `vhost-user` socket is in no network namespace");
	if (port->socket[0] == '.' || strchr(port->socket, '/') != NULL)
		lab_error(lab, diags, path,
			"\"%s\" is no file name: the socket is in the daemon's folder `ports`, so no '/', and no '.' at the beginning",
			port->socket);
	else if (!index_add(sockets, port->socket, (size_t)(port - lab->ports)))
		lab_error(lab, diags, path, "two ports have the socket \"%s\"", port->socket);
}

static void check_ports(const struct lab *lab, struct diags *diags, const struct name_index *networks)
{
	struct name_index taps = index_new(diags->arena, lab->port_count), sockets = index_new(diags->arena, lab->port_count);

	for (size_t i = 0; i < lab->port_count; i++) {
		const struct lab_port *port = &lab->ports[i];
		const char *path = path_of(diags, "ports.%s", port->name);

		check_reference(lab, diags, networks, "network", path_of(diags, "%s.network", path), port->network_name);
		if (port->tap != NULL && port->socket != NULL)
			lab_error(lab, diags, path, "a port has either `tap` or `vhost-user`");
		else if (port->tap != NULL)
			check_tap(lab, diags, port, &taps);
		else if (port->socket != NULL)
			check_socket(lab, diags, port, &sockets);
		else
			lab_error(lab, diags, path,
				"a port needs `tap`, an interface to make, or `vhost-user`, a socket of somebody's machine");
	}
	index_free(&sockets);
	index_free(&taps);
}

static void check_tests(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->test_count; i++) {
		const struct lab_test *test = &lab->tests[i];
		const char *path = path_of(diags, "tests[%zu]", i);

		if (test->kind == LAB_TEST_ROUTE && test->to.ip.family == IP_NONE)
			lab_error(lab, diags, path, "a route test needs `to`: the destination, such as 10.2.0.0/24");
		if (test->kind == LAB_TEST_ROUTE && test->via.family != IP_NONE && test->via.family != test->to.ip.family)
			lab_error(lab, diags, path_of(diags, "%s.via", path), "`via` and `to` are of different families");
		if ((test->kind == LAB_TEST_OSPF) != (test->neighbors > 0))
			lab_error(lab, diags, path, "an `ospf` test needs `neighbors`, how many of them, and no other test has it");
		if (test->kind != LAB_TEST_ROUTE &&
			(test->to.ip.family != IP_NONE || test->via.family != IP_NONE || test->protocol != NULL))
			lab_error(lab, diags, path, "`to`, `via` and `protocol` belong to a route test");
	}
}

static void check_references(const struct lab *lab, struct diags *diags, const struct name_index *networks, const struct name_index *pools,
	const struct name_index *images)
{
	for (size_t i = 0; i < lab->network_count; i++)
		check_reference(
			lab, diags, pools, "pool", path_of(diags, "networks.%s.pool", lab->networks[i].name), lab->networks[i].pool_name);
	for (size_t i = 0; i < lab->link_count; i++)
		check_reference(lab, diags, pools, "pool", path_of(diags, "links[%zu].pool", i), lab->links[i].pool_name);
	for (size_t i = 0; i < lab->router_count; i++) {
		const struct lab_router *router = &lab->routers[i];

		for (size_t k = 0; k < router->interface_count; k++)
			check_reference(lab, diags, networks, "network",
				path_of(diags, "routers.%s.interfaces.%s.network", router->name, router->interfaces[k].name),
				router->interfaces[k].network_name);
	}
	for (size_t i = 0; i < lab->vm_count; i++)
		check_vm(lab, diags, &lab->vms[i], networks, images, pools);
	check_ports(lab, diags, networks);
}

void lab_check(const struct lab *lab, bool sound, struct diags *diags)
{
	struct name_index pools = check_names(lab, diags, "pools", lab->pools, lab->pool_count, sizeof(*lab->pools));
	struct name_index images = check_names(lab, diags, "images", lab->images, lab->image_count, sizeof(*lab->images));
	struct name_index networks = check_names(lab, diags, "networks", lab->networks, lab->network_count, sizeof(*lab->networks));
	struct name_index routers = check_names(lab, diags, "routers", lab->routers, lab->router_count, sizeof(*lab->routers));
	struct name_index vms = check_names(lab, diags, "vms", lab->vms, lab->vm_count, sizeof(*lab->vms));
	struct name_index groups = check_names(lab, diags, "security-groups", lab->groups, lab->group_count, sizeof(*lab->groups));
	struct name_index ports = check_names(lab, diags, "ports", lab->ports, lab->port_count, sizeof(*lab->ports));

	if (lab->name != NULL && !name_is_good(lab->name, LAB_NAME_BYTES_MAX))
		lab_error(lab, diags, "name", "\"%.64s\" is no name; names have letters, digits and '-' inside, at most %d bytes",
			lab->name, LAB_NAME_BYTES_MAX);
	check_references(lab, diags, &networks, &pools, &images);
	check_groups(lab, diags, &groups);
	if (sound) {
		check_subnets(lab, diags);
		check_guests(lab, diags);
		check_routers(lab, diags);
		check_ospf(lab, diags);
		check_bgp(lab, diags);
		check_nat(lab, diags);
		check_policies(lab, diags);
		check_tests(lab, diags);
		check_schedule(lab, diags);
	}
	index_free(&pools);
	index_free(&images);
	index_free(&networks);
	index_free(&routers);
	index_free(&vms);
	index_free(&ports);
	index_free(&groups);
}
