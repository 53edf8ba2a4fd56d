/*
 * Expansion: from the lab as written to the flat lab of single objects.
 *
 * Theory of operation. The flat lab begins as a copy of the written one (through the encoder and the decoder, which know every field).
 * Then `count` makes clones, names become indices, each link gets an interface at both ends, what routers and links say about RIP moves
 * into the interfaces, addresses get the length of their subnet, and the checks that need single objects run. A flat lab that is printed,
 * parsed and expanded again stays the same, so every step finds its work done where it is.
 */
#include "base/check.h"
#include "model/knobs.h"
#include "model/lab_check.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MEMORY_TINY_MIB 96
#define DEFAULT_MEMORY_MIB 512

/* One end of a link: a router or a machine (the other is -1), and the interface when it is written. */
struct end {
	int router, vm;
	const char *interface;
};

struct expansion {
	struct lab *flat;
	const struct lab *lab;
	struct diags *diags;
	struct name_index networks, pools, images, routers, vms;
	struct end *ends;	 /* two a link */
	size_t *more_interfaces; /* a router: how many its links may add */
	size_t *more_nics;
	struct name_index taken; /* "r1:eth3": interfaces that are there or written */
	unsigned *next_eth;	 /* a router: the number to try next */
};

static struct lab *lab_copy(const struct lab *lab, struct diags *diags)
{
	struct arena *arena = arena_new(NULL);
	struct lab *copy = arena_alloc(arena, sizeof(*copy));

	copy->arena = arena;
	lab_decode(copy, object_encode(&kind_lab, lab, false, arena), diags);
	return copy;
}

/* Objects after expansion, to refuse a file that makes too many before anything is made. */
static size_t flat_objects(const struct lab *lab)
{
	size_t total = lab->network_count + lab->link_count + lab->port_count;

	for (size_t i = 0; i < lab->router_count; i++)
		total += lab->routers[i].count ? lab->routers[i].count : 1;
	for (size_t i = 0; i < lab->vm_count; i++)
		total += lab->vms[i].count ? lab->vms[i].count : 1;
	return total;
}

static void clone_routers(struct lab *flat)
{
	struct lab_router *list;
	size_t total = 0, filled = 0;

	for (size_t i = 0; i < flat->router_count; i++)
		total += flat->routers[i].count ? flat->routers[i].count : 1;
	list = arena_alloc(flat->arena, (total + 1) * sizeof(*list));
	for (size_t i = 0; i < flat->router_count; i++) {
		const struct lab_router *from = &flat->routers[i];
		size_t copies = from->count ? from->count : 1;

		for (size_t k = 0; k < copies; k++, filled++) {
			list[filled] = *from;
			list[filled].count = 0;
			list[filled].interfaces =
				arena_copy(flat->arena, from->interfaces, from->interface_count * sizeof(*from->interfaces));
			list[filled].bgp_neighbors =
				arena_copy(flat->arena, from->bgp_neighbors, from->bgp_neighbor_count * sizeof(*from->bgp_neighbors));
			if (from->count)
				list[filled].name = arena_printf(flat->arena, "%s%zu", from->name, k + 1);
		}
	}
	flat->routers = list;
	flat->router_count = filled;
}

static void clone_vms(struct lab *flat)
{
	struct lab_vm *list;
	size_t total = 0, filled = 0;

	for (size_t i = 0; i < flat->vm_count; i++)
		total += flat->vms[i].count ? flat->vms[i].count : 1;
	list = arena_alloc(flat->arena, (total + 1) * sizeof(*list));
	for (size_t i = 0; i < flat->vm_count; i++) {
		const struct lab_vm *from = &flat->vms[i];
		size_t copies = from->count ? from->count : 1;

		for (size_t k = 0; k < copies; k++, filled++) {
			list[filled] = *from;
			list[filled].count = 0;
			list[filled].nics = arena_copy(flat->arena, from->nics, from->nic_count * sizeof(*from->nics));
			if (from->count)
				list[filled].name = arena_printf(flat->arena, "%s%zu", from->name, k + 1);
		}
	}
	flat->vms = list;
	flat->vm_count = filled;
}

/* Machines, routers and ports share one space of names: the ends of links and the objects' paths are told apart by it. */
static void index_names(struct expansion *x)
{
	struct lab *flat = x->flat;
	struct name_index all = index_new(x->diags->arena, flat->router_count + flat->vm_count + flat->port_count);

	for (size_t i = 0; i < flat->pool_count; i++)
		(void)index_add(&x->pools, flat->pools[i].name, i);
	for (size_t i = 0; i < flat->image_count; i++)
		(void)index_add(&x->images, flat->images[i].name, i);
	for (size_t i = 0; i < flat->network_count; i++)
		(void)index_add(&x->networks, flat->networks[i].name, i);
	for (size_t i = 0; i < flat->router_count; i++) {
		(void)index_add(&x->routers, flat->routers[i].name, i);
		if (!index_add(&all, flat->routers[i].name, i))
			diag_error(x->diags, flat->routers[i].place, path_of(x->diags, "routers.%s", flat->routers[i].name),
				"the name \"%s\" is used twice", flat->routers[i].name);
	}
	for (size_t i = 0; i < flat->vm_count; i++) {
		(void)index_add(&x->vms, flat->vms[i].name, i);
		if (!index_add(&all, flat->vms[i].name, i))
			diag_error(x->diags, flat->vms[i].place, path_of(x->diags, "vms.%s", flat->vms[i].name),
				"the name \"%s\" is used twice (routers, machines and ports share their names)", flat->vms[i].name);
	}
	for (size_t i = 0; i < flat->port_count; i++)
		if (!index_add(&all, flat->ports[i].name, i))
			diag_error(x->diags, flat->ports[i].place, path_of(x->diags, "ports.%s", flat->ports[i].name),
				"the name \"%s\" is used twice (routers, machines and ports share their names)", flat->ports[i].name);
	index_free(&all);
}

static int resolve(const struct name_index *index, const char *name) { return name ? index_find(index, name) : -1; }

static void resolve_vm(struct expansion *x, struct lab_vm *vm)
{
	bool tiny = strcmp(vm->image_name, LAB_IMAGE_TINY) == 0;

	vm->image = resolve(&x->images, vm->image_name);
	if (vm->cpus == 0)
		vm->cpus = 1;
	if (vm->memory_mib == 0)
		vm->memory_mib = tiny ? DEFAULT_MEMORY_TINY_MIB : DEFAULT_MEMORY_MIB;
	for (size_t i = 0; i < vm->nic_count; i++) {
		struct lab_nic *nic = &vm->nics[i];

		nic->name = arena_printf(x->flat->arena, "eth%zu", i);
		nic->network = resolve(&x->networks, nic->network_name);
		nic->mac_pool = resolve(&x->pools, nic->mac_pool_name);
		nic->link = -1;
	}
}

static void resolve_references(struct expansion *x)
{
	struct lab *flat = x->flat;

	for (size_t i = 0; i < flat->network_count; i++)
		flat->networks[i].pool = resolve(&x->pools, flat->networks[i].pool_name);
	for (size_t i = 0; i < flat->link_count; i++)
		flat->links[i].pool = resolve(&x->pools, flat->links[i].pool_name);
	for (size_t i = 0; i < flat->port_count; i++)
		flat->ports[i].network = resolve(&x->networks, flat->ports[i].network_name);
	for (size_t i = 0; i < flat->vm_count; i++)
		resolve_vm(x, &flat->vms[i]);
	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].interface_count; k++) {
			struct lab_interface *interface = &flat->routers[i].interfaces[k];

			interface->network = resolve(&x->networks, interface->network_name);
			interface->link = -1;
		}
}

/* "r1" or "r1:eth3": who it is. */
static void find_end(struct expansion *x, size_t link, bool to, struct end *end)
{
	const char *text = to ? x->flat->links[link].to : x->flat->links[link].from;
	const char *path = path_of(x->diags, "links[%zu].%s", link, to ? "to" : "from");
	char name[2 * LAB_NAME_BYTES_MAX + 1] = "";
	size_t bytes = strcspn(text, ":");
	const char *hint;

	memcpy(name, text, bytes < sizeof(name) - 1 ? bytes : sizeof(name) - 1);
	*end = (struct end){index_find(&x->routers, name), index_find(&x->vms, name), text[bytes] == ':' ? text + bytes + 1 : NULL};
	if (end->router >= 0)
		x->more_interfaces[end->router]++;
	else if (end->vm >= 0)
		x->more_nics[end->vm]++;
	else {
		hint = diags_full(x->diags) ? " " : index_hint(&x->routers, name);
		lab_error(x->lab, x->diags, path, "no router or machine named \"%s\"%s", name, hint[0] ? hint : index_hint(&x->vms, name));
	}
	if (end->interface != NULL && !name_is_good(end->interface, 15))
		lab_error(x->lab, x->diags, path, "\"%.64s\" is no name of an interface", end->interface);
}

static void find_ends(struct expansion *x)
{
	struct lab *flat = x->flat;

	x->ends = arena_alloc(x->diags->arena, (2 * flat->link_count + 1) * sizeof(*x->ends));
	x->more_interfaces = arena_alloc(x->diags->arena, (flat->router_count + 1) * sizeof(size_t));
	x->more_nics = arena_alloc(x->diags->arena, (flat->vm_count + 1) * sizeof(size_t));
	for (size_t i = 0; i < flat->link_count; i++) {
		find_end(x, i, false, &x->ends[2 * i]);
		find_end(x, i, true, &x->ends[2 * i + 1]);
		if (x->ends[2 * i].vm >= 0 && x->ends[2 * i + 1].vm >= 0)
			lab_error(x->lab, x->diags, path_of(x->diags, "links[%zu]", i),
				"one end of a link is a router; join two machines by a network");
	}
	for (size_t i = 0; i < flat->router_count; i++) {
		struct lab_router *router = &flat->routers[i];
		struct lab_interface *list =
			arena_alloc(flat->arena, (router->interface_count + x->more_interfaces[i] + 1) * sizeof(*list));

		if (router->interface_count > 0)
			memcpy(list, router->interfaces, router->interface_count * sizeof(*list));
		router->interfaces = list;
	}
	for (size_t i = 0; i < flat->vm_count; i++) {
		struct lab_vm *vm = &flat->vms[i];
		struct lab_nic *list = arena_alloc(flat->arena, (vm->nic_count + x->more_nics[i] + 1) * sizeof(*list));

		if (vm->nic_count > 0)
			memcpy(list, vm->nics, vm->nic_count * sizeof(*list));
		vm->nics = list;
	}
}

/* Link names: as written, or FROM:TO without interfaces, numbered from the second on. */
static void name_links(struct expansion *x)
{
	struct lab *flat = x->flat;
	struct name_index names = index_new(x->diags->arena, flat->link_count);

	for (size_t i = 0; i < flat->link_count; i++) {
		struct lab_link *link = &flat->links[i];

		if (link->name == NULL)
			continue;
		if (strspn(link->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:#") != strlen(link->name))
			lab_error(x->lab, x->diags, path_of(x->diags, "links[%zu].name", i),
				"\"%s\" is no name; names have letters, digits and '-'", link->name);
		if (!index_add(&names, link->name, i))
			lab_error(x->lab, x->diags, path_of(x->diags, "links[%zu].name", i), "two links are named \"%s\"", link->name);
	}
	for (size_t i = 0; i < flat->link_count; i++) {
		struct lab_link *link = &flat->links[i];
		int from = (int)strcspn(link->from, ":"), to = (int)strcspn(link->to, ":");

		if (link->name != NULL)
			continue;
		link->name = arena_printf(flat->arena, "%.*s:%.*s", from, link->from, to, link->to);
		for (unsigned number = 2; !index_add(&names, link->name, i); number++)
			link->name = arena_printf(flat->arena, "%.*s:%.*s#%u", from, link->from, to, link->to, number);
	}
	index_free(&names);
}

/* The next ethN that no interface has and no link names. */
static const char *free_name(struct expansion *x, size_t router)
{
	const char *name;

	do
		name = arena_printf(x->flat->arena, "eth%u", x->next_eth[router]++);
	while (index_find(&x->taken, path_of(x->diags, "%s:%s", x->flat->routers[router].name, name)) >= 0);
	return name;
}

/* The router's interface at an end: the one that is named and has no network, or a new one. Returns its name. */
static const char *join_router(struct expansion *x, size_t link, const struct end *end, const char *path)
{
	struct lab_router *router = &x->flat->routers[end->router];
	struct lab_interface *interface;

	for (size_t i = 0; end->interface != NULL && i < router->interface_count; i++) {
		interface = &router->interfaces[i];
		if (strcmp(interface->name, end->interface) != 0)
			continue;
		if (interface->network_name != NULL || interface->link >= 0)
			lab_error(x->lab, x->diags, path, "interface %s of %s is taken: it is in %s %s", interface->name, router->name,
				interface->network_name ? "network" : "link",
				interface->network_name ? interface->network_name : x->flat->links[interface->link].name);
		interface->link = (int)link;
		return interface->name;
	}
	interface = &router->interfaces[router->interface_count];
	*interface = (struct lab_interface){.place = x->flat->links[link].place,
		.network = -1,
		.link = (int)link,
		.rip_cost = 1,
		.rip_auth.key_id = 1,
		.ospf.auth.key_id = 1};
	interface->name = end->interface ? end->interface : free_name(x, (size_t)end->router);
	router->interface_count++;
	return interface->name;
}

/* The machine's NIC at an end. Guests number their NICs in order, so a written name must be the one that it will have. */
static const char *join_vm(struct expansion *x, size_t link, const struct end *end, const char *path)
{
	struct lab_vm *vm = &x->flat->vms[end->vm];
	struct lab_nic *nic;

	for (size_t i = 0; end->interface != NULL && i < vm->nic_count; i++) {
		nic = &vm->nics[i];
		if (strcmp(nic->name, end->interface) != 0)
			continue;
		if (nic->network_name != NULL || nic->link >= 0)
			lab_error(x->lab, x->diags, path, "NIC %s of %s is taken", nic->name, vm->name);
		nic->link = (int)link;
		return nic->name;
	}
	nic = &vm->nics[vm->nic_count];
	*nic = (struct lab_nic){.place = x->flat->links[link].place, .network = -1, .link = (int)link, .mac_pool = -1};
	nic->name = arena_printf(x->flat->arena, "eth%zu", vm->nic_count);
	vm->nic_count++;
	if (end->interface != NULL && strcmp(end->interface, nic->name) != 0)
		lab_error(x->lab, x->diags, path, "the next NIC of %s is %s, not %s", vm->name, nic->name, end->interface);
	if (vm->nic_count == LAB_NICS_MAX + 1)
		lab_error(x->lab, x->diags, path, "%s gets more than %d NICs", vm->name, LAB_NICS_MAX);
	return nic->name;
}

static void index_taken(struct expansion *x)
{
	const struct lab *flat = x->flat;
	size_t room = 2 * flat->link_count;

	for (size_t i = 0; i < flat->router_count; i++)
		room += flat->routers[i].interface_count;
	x->taken = index_new(x->diags->arena, room);
	x->next_eth = arena_alloc(x->diags->arena, (flat->router_count + 1) * sizeof(*x->next_eth));
	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].interface_count; k++)
			(void)index_add(
				&x->taken, path_of(x->diags, "%s:%s", flat->routers[i].name, flat->routers[i].interfaces[k].name), k);
	for (size_t i = 0; i < 2 * flat->link_count; i++)
		if (x->ends[i].interface != NULL && x->ends[i].router >= 0)
			(void)index_add(
				&x->taken, path_of(x->diags, "%s:%s", flat->routers[x->ends[i].router].name, x->ends[i].interface), i);
}

static void join_links(struct expansion *x)
{
	struct lab *flat = x->flat;

	index_taken(x);
	for (size_t i = 0; i < 2 * flat->link_count; i++) {
		const struct end *end = &x->ends[i];
		const char *path = path_of(x->diags, "links[%zu].%s", i / 2, i % 2 ? "to" : "from");
		const char **text = i % 2 ? &flat->links[i / 2].to : &flat->links[i / 2].from;

		if (end->router >= 0)
			*text = arena_printf(flat->arena, "%s:%s", flat->routers[end->router].name, join_router(x, i / 2, end, path));
		else
			*text = arena_printf(flat->arena, "%s:%s", flat->vms[end->vm].name, join_vm(x, i / 2, end, path));
	}
	index_free(&x->taken);
}

/* What an interface doesn't say about RIP comes from its link, then from its router. */
static void settle_rip(const struct lab *flat, const struct lab_router *router, struct lab_interface *interface)
{
	const struct lab_link *link = interface->link >= 0 ? &flat->links[interface->link] : NULL;

	if (!interface->rip_set) {
		interface->rip = router->rip && (link == NULL || !link->rip_set || link->rip);
		if (link != NULL && link->rip_set)
			interface->rip_cost = link->rip_cost;
	}
	interface->rip_set = true;
	if (!interface->rip_auth_set && link != NULL && link->rip_auth_set)
		interface->rip_auth = link->rip_auth;
	else if (!interface->rip_auth_set)
		interface->rip_auth = router->rip_auth;
	interface->rip_auth_set |= router->rip_auth.type != LAB_RIP_AUTH_NONE || interface->rip_auth.type != LAB_RIP_AUTH_NONE;
	for (size_t i = 0; i < router->rip_passive_count; i++)
		interface->rip_passive |= strcmp(router->rip_passive[i], interface->name) == 0;
	interface->rip_passive &= interface->rip;
}

static void settle_router(struct expansion *x, struct lab_router *router)
{
	struct name_index names = index_new(x->diags->arena, router->interface_count);

	for (size_t i = 0; i < router->interface_count; i++) {
		settle_rip(x->flat, router, &router->interfaces[i]);
		settle_ospf(x->flat, router, &router->interfaces[i]);
		(void)index_add(&names, router->interfaces[i].name, i);
	}
	for (size_t i = 0; i < router->rip_passive_count; i++)
		if (index_find(&names, router->rip_passive[i]) < 0)
			diag_error(x->diags, router->place, path_of(x->diags, "routers.%s.rip.passive[%zu]", router->name, i),
				"no interface named \"%.64s\"%s", router->rip_passive[i], index_hint(&names, router->rip_passive[i]));
	for (size_t i = 0; i < router->ospf.passive_count; i++)
		if (index_find(&names, router->ospf.passive_names[i]) < 0)
			diag_error(x->diags, router->place, path_of(x->diags, "routers.%s.ospf.passive[%zu]", router->name, i),
				"no interface named \"%.64s\"%s", router->ospf.passive_names[i],
				index_hint(&names, router->ospf.passive_names[i]));
	index_free(&names);
}

static void settle_addresses(struct lab *flat)
{
	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].interface_count; k++) {
			struct lab_interface *at = &flat->routers[i].interfaces[k];

			length_of_subnet(flat, at->network, at->link, &at->ipv4, &at->ipv6);
		}
	for (size_t i = 0; i < flat->vm_count; i++)
		for (size_t k = 0; k < flat->vms[i].nic_count; k++) {
			struct lab_nic *at = &flat->vms[i].nics[k];

			length_of_subnet(flat, at->network, at->link, &at->ipv4, &at->ipv6);
		}
	for (size_t i = 0; i < flat->port_count; i++)
		length_of_subnet(flat, flat->ports[i].network, -1, &flat->ports[i].ipv4, &flat->ports[i].ipv6);
}

static void expand_links(struct expansion *x)
{
	name_links(x);
	join_links(x);
	for (size_t i = 0; i < x->flat->router_count; i++)
		settle_router(x, &x->flat->routers[i]);
	settle_addresses(x->flat);
}

static void expansion_free(struct expansion *x)
{
	index_free(&x->networks);
	index_free(&x->pools);
	index_free(&x->images);
	index_free(&x->routers);
	index_free(&x->vms);
}

struct lab *lab_expand(const struct lab *lab, struct diags *diags)
{
	size_t errors = diags->errors, objects = flat_objects(lab);
	struct expansion x = {.lab = lab, .diags = diags};

	if (objects > LAB_OBJECTS_MAX) {
		diag_error(diags, (struct place){0}, "", "the lab has %zu objects; at most %d are possible", objects, LAB_OBJECTS_MAX);
		return NULL;
	}
	x.flat = lab_copy(lab, diags);
	x.flat->flat = true;
	clone_routers(x.flat);
	clone_vms(x.flat);
	x.networks = index_new(diags->arena, x.flat->network_count);
	x.pools = index_new(diags->arena, x.flat->pool_count);
	x.images = index_new(diags->arena, x.flat->image_count);
	x.routers = index_new(diags->arena, x.flat->router_count);
	x.vms = index_new(diags->arena, x.flat->vm_count);
	index_names(&x);
	resolve_references(&x);
	find_ends(&x);
	if (diags->errors == errors)
		expand_links(&x);
	if (diags->errors == errors)
		flat_check(x.flat, diags);
	flat_check_bgp(x.flat, &x.routers, diags);
	flat_check_nat(x.flat, &x.vms, diags);
	if (diags->errors == errors)
		expand_schedule(x.flat, lab, diags);
	expand_tests(x.flat, lab, diags);
	expansion_free(&x);
	if (diags->errors == errors)
		return x.flat;
	arena_free(x.flat->arena);
	return NULL;
}
