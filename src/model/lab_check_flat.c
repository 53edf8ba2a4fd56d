/*
 * Checks of a flat lab: addresses and MACs that are used twice or don't belong, room in subnets and pools, next hops that can't be reached.
 *
 * Theory of operation. Every interface and NIC is an end. One walk over all ends checks the written addresses against their subnet and
 * against each other, and counts what each subnet has to hold. The pools are counted after that: each must have a unit for whatever takes
 * from it and has none yet.
 */
#include "base/check.h"
#include "model/lab_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What a network or link has to hold. */
struct load {
	size_t routers, nics;
};

struct flat_checking {
	const struct lab *flat;
	struct diags *diags;
	struct map addresses; /* "network/address" -> path of who has it */
	struct map macs;
	struct load *networks, *links;
};

/* The subnet of an end, IP_NONE when it is not known yet. */
static struct prefix subnet_of(const struct lab *flat, int network, int link)
{
	return network >= 0 ? flat->networks[network].ipv4 : link >= 0 ? flat->links[link].ipv4 : (struct prefix){0};
}

static uint8_t subnet_length(const struct lab *flat, int network, int link)
{
	struct prefix subnet = subnet_of(flat, network, link);
	int pool = network >= 0 ? flat->networks[network].pool : link >= 0 ? flat->links[link].pool : -1;

	if (subnet.ip.family != IP_NONE)
		return subnet.length;
	return pool >= 0 ? flat->pools[pool].unit_length : 0;
}

void length_of_subnet(const struct lab *flat, int network, int link, struct prefix *ipv4, struct prefix *ipv6)
{
	if (ipv4->ip.family != IP_NONE && ipv4->length == 0)
		ipv4->length = subnet_length(flat, network, link);
	if (ipv6->ip.family != IP_NONE && ipv6->length == 0)
		ipv6->length = network >= 0 && flat->networks[network].ipv6.ip.family != IP_NONE ? flat->networks[network].ipv6.length : 64;
}

static const char *subnet_name(const struct flat_checking *c, int network, int link)
{
	return network >= 0 ? path_of(c->diags, "network %s", c->flat->networks[network].name)
			    : path_of(c->diags, "link %s", c->flat->links[link].name);
}

/* That nobody else in the same network has the address. */
static void check_unique(struct flat_checking *c, const char *where, struct ip ip, struct place place, const char *path)
{
	char text[IP_TEXT_BYTES];
	const char *key = path_of(c->diags, "%s %s", where, ip_text(ip, text));
	const char *other = map_get_str(&c->addresses, key);

	if (other != NULL)
		diag_error(c->diags, place, path, "%s is also the address of %s", text, other);
	else
		(void)map_set_str(&c->addresses, key, (void *)(uintptr_t)path);
}

static void check_address(struct flat_checking *c, int network, int link, struct prefix address, struct place place, const char *path)
{
	struct prefix subnet = subnet_of(c->flat, network, link);
	char text[IP_TEXT_BYTES], net[PREFIX_TEXT_BYTES];
	const char *where = subnet_name(c, network, link);

	if (address.ip.family == IP_NONE)
		return;
	(void)ip_text(address.ip, text);
	if (subnet.ip.family == IP_NONE && subnet_length(c->flat, network, link) == 0)
		diag_error(
			c->diags, place, path, "%s has no subnet, so nothing can have the address %s in it; write its `ipv4`", where, text);
	else if (subnet.ip.family == IP_NONE)
		diag_error(
			c->diags, place, path, "the subnet of %s comes from a pool; write its `ipv4` to give fixed addresses in it", where);
	else if (!prefix_contains(subnet, address.ip))
		diag_error(c->diags, place, path, "%s is not in %s of %s", text, prefix_text(subnet, net), where);
	else if (address.length != subnet.length)
		diag_error(c->diags, place, path, "%s/%u has another length than %s of %s", text, address.length, prefix_text(subnet, net),
			where);
	else if (subnet.length < 31 && ip_equal(address.ip, subnet.ip))
		diag_error(c->diags, place, path, "%s is the network's own address; use another of %s", text, prefix_text(subnet, net));
	else if (subnet.length < 31 && ip_equal(address.ip, prefix_broadcast(subnet)))
		diag_error(c->diags, place, path, "%s is the broadcast address; use another of %s", text, prefix_text(subnet, net));
	else
		check_unique(c, where, address.ip, place, path);
}

static void check_address6(struct flat_checking *c, int network, int link, struct prefix address, struct place place, const char *path)
{
	struct prefix subnet = network >= 0 ? c->flat->networks[network].ipv6 : (struct prefix){0};
	char text[IP_TEXT_BYTES], net[PREFIX_TEXT_BYTES];

	if (address.ip.family == IP_NONE)
		return;
	if (subnet.ip.family != IP_NONE && !prefix_contains(subnet, address.ip))
		diag_error(c->diags, place, path, "%s is not in %s of %s", ip_text(address.ip, text), prefix_text(subnet, net),
			subnet_name(c, network, link));
	else if (ip_is_multicast(address.ip) || ip_is_unspecified(address.ip) || ip_is_loopback(address.ip))
		diag_error(c->diags, place, path, "%s is no address of an interface", ip_text(address.ip, text));
	else
		check_unique(c, subnet_name(c, network, link), address.ip, place, path);
}

static void check_mac(struct flat_checking *c, struct mac mac, struct place place, const char *path)
{
	char text[MAC_TEXT_BYTES];
	const char *other;

	if (mac_is_zero(mac))
		return;
	other = map_get_str(&c->macs, mac_text(mac, text));
	if (other != NULL)
		diag_error(c->diags, place, path, "%s is also the MAC address of %s", text, other);
	else
		(void)map_set_str(&c->macs, text, (void *)(uintptr_t)path);
}

/* An end: counted, and its written addresses checked. */
static void check_end(struct flat_checking *c, int network, int link, bool router, struct place place, const char *path)
{
	struct load *load = network >= 0 ? &c->networks[network] : link >= 0 ? &c->links[link] : NULL;

	if (load == NULL) {
		diag_error(c->diags, place, path, "it is in no network and no link names it; write `network: NAME`, or a link to it");
		return;
	}
	if (router)
		load->routers++;
	else
		load->nics++;
}

/* That the next hop is in a subnet of the router. With subnets that pools will give, nothing can be said. */
static void check_next_hop(struct flat_checking *c, const struct lab_router *router, size_t at)
{
	const struct lab_route *route = &router->routes[at];
	char text[IP_TEXT_BYTES];

	if (route->blackhole || route->via.family != IP_V4)
		return;
	for (size_t i = 0; i < router->interface_count; i++) {
		const struct lab_interface *interface = &router->interfaces[i];
		struct prefix subnet = subnet_of(c->flat, interface->network, interface->link);

		if (subnet.ip.family == IP_NONE && subnet_length(c->flat, interface->network, interface->link) != 0)
			return;
		if (prefix_contains(subnet, route->via))
			return;
	}
	diag_error(c->diags, route->place, path_of(c->diags, "routers.%s.routes[%zu].via", router->name, at),
		"no interface of the router is in a subnet with %s", ip_text(route->via, text));
}

static void check_router(struct flat_checking *c, const struct lab_router *router)
{
	for (size_t i = 0; i < router->interface_count; i++) {
		const struct lab_interface *at = &router->interfaces[i];
		const char *path = path_of(c->diags, "routers.%s.interfaces.%s", router->name, at->name);

		check_end(c, at->network, at->link, true, at->place, path);
		if (at->network < 0 && at->link < 0)
			continue;
		check_address(c, at->network, at->link, at->ipv4, at->place, path);
		check_address6(c, at->network, at->link, at->ipv6, at->place, path);
		check_mac(c, at->mac, at->place, path);
		for (size_t k = 0; k < i; k++)
			if (at->network >= 0 && router->interfaces[k].network == at->network)
				diag_error(c->diags, at->place, path, "%s is in network %s, too; one interface is enough",
					router->interfaces[k].name, at->network_name);
	}
	for (size_t i = 0; i < router->route_count; i++)
		check_next_hop(c, router, i);
}

static void check_machine(struct flat_checking *c, const struct lab_vm *vm)
{
	for (size_t i = 0; i < vm->nic_count; i++) {
		const struct lab_nic *at = &vm->nics[i];
		const char *path = path_of(c->diags, "vms.%s.nics[%zu]", vm->name, i);

		check_end(c, at->network, at->link, false, at->place, path);
		if (at->network < 0 && at->link < 0)
			continue;
		check_address(c, at->network, at->link, at->ipv4, at->place, path);
		check_address6(c, at->network, at->link, at->ipv6, at->place, path);
		check_mac(c, at->mac, at->place, path);
		if (at->mac_pool >= 0 && c->flat->pools[at->mac_pool].kind != POOL_MAC)
			diag_error(c->diags, at->place, path, "pool %s doesn't hand out MAC addresses", at->mac_pool_name);
	}
}

/* That the ends of a network have room in a subnet of this length. */
static void check_room(struct flat_checking *c, uint8_t length, struct load load, struct place place, const char *path)
{
	uint64_t room = length == 0 ? UINT64_MAX : length == 31 ? 2 : (UINT64_C(1) << (32 - length)) - 2;
	size_t wanted = load.routers + load.nics;
	unsigned fits = 31;

	if (wanted <= room)
		return;
	while (fits > 1 && (UINT64_C(1) << (32 - fits)) - 2 < wanted)
		fits--;
	diag_error(c->diags, place, path,
		"a /%u has room for %" PRIu64 " addresses, but %zu are wanted (%zu for routers, %zu for NICs); give it a /%u", length, room,
		wanted, load.routers, load.nics, fits);
}

/* Units of a pool that something written in the file covers, though it isn't taken from the pool. */
static uint64_t units_covered(const struct lab_pool *pool, struct prefix written)
{
	if (written.ip.family == IP_NONE || !prefix_overlaps(pool->range, written))
		return 0;
	return written.length >= pool->unit_length ? 1 : range_units(written, pool->unit_length);
}

/* What networks and links take from a pool of subnets, with what is written inside its range. */
static uint64_t subnets_wanted(const struct flat_checking *c, int at)
{
	const struct lab *flat = c->flat;
	const struct lab_pool *pool = &flat->pools[at];
	uint64_t wanted = 0;

	for (size_t i = 0; i < flat->network_count; i++)
		wanted += flat->networks[i].ipv4.ip.family != IP_NONE ? units_covered(pool, flat->networks[i].ipv4)
								      : flat->networks[i].pool == at;
	for (size_t i = 0; i < flat->link_count; i++)
		wanted += flat->links[i].ipv4.ip.family != IP_NONE ? units_covered(pool, flat->links[i].ipv4) : flat->links[i].pool == at;
	return wanted;
}

static uint64_t macs_wanted(const struct flat_checking *c, int at)
{
	uint64_t wanted = 0;

	for (size_t i = 0; i < c->flat->vm_count; i++)
		for (size_t k = 0; k < c->flat->vms[i].nic_count; k++)
			wanted += c->flat->vms[i].nics[k].mac_pool == at;
	return wanted;
}

static void check_pool(struct flat_checking *c, int at)
{
	const struct lab_pool *pool = &c->flat->pools[at];
	const char *path = path_of(c->diags, "pools.%s", pool->name);
	char text[PREFIX_TEXT_BYTES];

	if (pool->kind == POOL_IPV4) {
		uint64_t size = range_units(pool->range, pool->unit_length), wanted = subnets_wanted(c, at);
		unsigned fits = pool->unit_length;

		while (fits > 1 && range_units((struct prefix){pool->range.ip, (uint8_t)fits}, pool->unit_length) < wanted)
			fits--;
		if (wanted > size)
			diag_error(c->diags, pool->place, path,
				"pool %s is exhausted: %s has %" PRIu64 " subnets of /%u, but %" PRIu64
				" are wanted by networks and links; give it a /%u or a longer `prefix`",
				pool->name, prefix_text(pool->range, text), size, pool->unit_length, wanted, fits);
	} else if (pool->kind == POOL_MAC) {
		uint64_t size = UINT64_C(1) << (48 - pool->mac_bits), wanted = macs_wanted(c, at);

		if (wanted > size)
			diag_error(c->diags, pool->place, path,
				"pool %s is exhausted: %s/%u has %" PRIu64 " MAC addresses, but %" PRIu64
				" are wanted by NICs; fix fewer bits",
				pool->name, mac_text(pool->mac_base, text), pool->mac_bits, size, wanted);
	}
}

static void check_loads(struct flat_checking *c)
{
	const struct lab *flat = c->flat;

	for (size_t i = 0; i < flat->network_count; i++)
		check_room(c, subnet_length(flat, (int)i, -1), c->networks[i], flat->networks[i].place,
			path_of(c->diags, "networks.%s", flat->networks[i].name));
	for (size_t i = 0; i < flat->pool_count; i++)
		check_pool(c, (int)i);
}

void flat_check(const struct lab *flat, struct diags *diags)
{
	struct flat_checking c = {.flat = flat, .diags = diags};

	c.networks = arena_alloc(diags->arena, (flat->network_count + 1) * sizeof(*c.networks));
	c.links = arena_alloc(diags->arena, (flat->link_count + 1) * sizeof(*c.links));
	for (size_t i = 0; i < flat->router_count; i++)
		check_router(&c, &flat->routers[i]);
	for (size_t i = 0; i < flat->vm_count; i++)
		check_machine(&c, &flat->vms[i]);
	check_loads(&c);
	map_free(&c.addresses);
	map_free(&c.macs);
}
