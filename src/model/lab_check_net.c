/*
 * Checks of pools, subnets, links and routers, before expansion.
 */
#include "base/check.h"
#include "base/quantity.h"
#include "model/lab_check.h"

#include <stdlib.h>
#include <string.h>

#define INTERFACE_NAME_MAX 15

uint64_t range_units(struct prefix range, uint8_t unit)
{
	int bits = unit > range.length ? unit - range.length : 0;

	return UINT64_C(1) << (bits > 62 ? 62 : bits);
}

static bool is_ip_pool(const struct lab_pool *pool) { return pool->kind == POOL_IPV4 || pool->kind == POOL_IPV6; }

/* A prefix that networks may have: nothing special, not half of the Internet. */
static bool usable_subnet(struct prefix p)
{
	struct prefix zero = {{IP_V4, {0}}, 8};

	if (p.ip.family == IP_V4)
		return p.length >= 8 && !ip_is_multicast(p.ip) && !ip_is_loopback(p.ip) && !prefix_contains(zero, p.ip) &&
		       p.ip.bytes[0] < 240;
	return p.ip.family == IP_V6 && p.length >= 16 && !ip_is_multicast(p.ip) && !ip_is_loopback(p.ip) && !ip_is_unspecified(p.ip) &&
	       !ip_is_link_local(p.ip);
}

static void check_subnet(const struct lab *lab, struct diags *diags, struct prefix p, const char *path)
{
	char text[PREFIX_TEXT_BYTES];

	if (p.ip.family != IP_NONE && !usable_subnet(p))
		lab_error(lab, diags, path, "%s can't be used: multicast, loopback, reserved, or too large", prefix_text(p, text));
}

static void check_pools(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->pool_count; i++) {
		const struct lab_pool *pool = &lab->pools[i];
		char text[PREFIX_TEXT_BYTES];

		if (!is_ip_pool(pool)) {
			if (pool->unit_length != 0)
				lab_error(lab, diags, path_of(diags, "pools.%s.prefix", pool->name),
					"`prefix` belongs to pools of ipv4 or ipv6");
			continue;
		}
		check_subnet(lab, diags, pool->range, path_of(diags, "pools.%s.%s", pool->name, pool->kind == POOL_IPV4 ? "ipv4" : "ipv6"));
		if (pool->unit_length < pool->range.length || pool->unit_length > ip_bits(pool->range.ip.family))
			lab_error(lab, diags, path_of(diags, "pools.%s.prefix", pool->name), "/%u subnets don't fit into %s",
				pool->unit_length, prefix_text(pool->range, text));
		for (size_t k = 0; k < i; k++)
			if (is_ip_pool(&lab->pools[k]) && prefix_overlaps(pool->range, lab->pools[k].range))
				lab_error(lab, diags, path_of(diags, "pools.%s", pool->name), "%s overlaps pool %s",
					prefix_text(pool->range, text), lab->pools[k].name);
	}
}

static const struct lab_pool *pool_named(const struct lab *lab, const char *name)
{
	for (size_t i = 0; name != NULL && i < lab->pool_count; i++)
		if (strcmp(lab->pools[i].name, name) == 0)
			return &lab->pools[i];
	return NULL;
}

/* That a pool hands out subnets of at most `longest` bits, and that a written one is one of its units. */
static void check_subnet_pool(
	const struct lab *lab, struct diags *diags, const char *pool_name, struct prefix written, unsigned longest, const char *path)
{
	const struct lab_pool *pool = pool_named(lab, pool_name);
	char text[PREFIX_TEXT_BYTES], range[PREFIX_TEXT_BYTES];

	if (pool == NULL)
		return;
	if (pool->kind != POOL_IPV4)
		lab_error(lab, diags, path, "pool %s doesn't hand out IPv4 subnets", pool->name);
	else if (pool->unit_length > longest)
		lab_error(lab, diags, path, "pool %s hands out /%u, which is too small for it; give the pool `prefix: %u` or less",
			pool->name, pool->unit_length, longest);
	else if (written.ip.family != IP_NONE && (written.length != pool->unit_length || !prefix_contains(pool->range, written.ip)))
		lab_error(lab, diags, path, "%s is no /%u of pool %s (%s)", prefix_text(written, text), pool->unit_length, pool->name,
			prefix_text(pool->range, range));
}

static void check_network(const struct lab *lab, struct diags *diags, const struct lab_network *network)
{
	const char *path = path_of(diags, "networks.%s", network->name);
	char text[PREFIX_TEXT_BYTES];
	struct prefix p = network->ipv4;

	check_subnet(lab, diags, p, path_of(diags, "%s.ipv4", path));
	check_subnet(lab, diags, network->ipv6, path_of(diags, "%s.ipv6", path));
	check_subnet_pool(lab, diags, network->pool_name, p, 30, path_of(diags, "%s.pool", path));
	if (p.length > 30)
		lab_error(lab, diags, path_of(diags, "%s.ipv4", path), "a network needs a /30 or larger; /31 is for links");
	if (network->dhcp && p.ip.family == IP_NONE && network->pool_name == NULL)
		lab_error(lab, diags, path_of(diags, "%s.dhcp", path), "DHCP needs a subnet: write `ipv4` or `pool`");
	if (network->ipv6.ip.family != IP_NONE && network->mtu < 1280)
		lab_error(lab, diags, path_of(diags, "%s.mtu", path), "IPv6 needs an MTU of 1280 or more (RFC 8200 section 5)");
	if (network->gateway.family != IP_NONE && p.ip.family != IP_NONE && !prefix_contains(p, network->gateway))
		lab_error(lab, diags, path_of(diags, "%s.gateway", path), "the gateway is not in %s", prefix_text(p, text));
}

/* A key needs a type, and a type a key that is short enough. */
static void check_auth(const struct lab *lab, struct diags *diags, const struct lab_rip_auth_key *auth, const char *path)
{
	bool simple = auth->type == LAB_RIP_AUTH_PASSWORD || auth->type == LAB_RIP_AUTH_MD5;

	if (auth->type == LAB_RIP_AUTH_NONE && auth->key != NULL)
		lab_error(lab, diags, path, "there is a key, but no `type`: write password, md5, sha1, sha256, sha384 or sha512");
	else if (auth->type != LAB_RIP_AUTH_NONE && auth->key == NULL)
		lab_error(lab, diags, path, "the key is missing: write `key`");
	else if (simple && auth->key != NULL && strlen(auth->key) > 16)
		lab_error(lab, diags, path_of(diags, "%s.key", path), "the key has %zu bytes; password and md5 keys have at most 16",
			strlen(auth->key));
}

static void check_quantity(const struct lab *lab, struct diags *diags, const char *path, enum quantity kind, const char *text, uint64_t max)
{
	char most[QUANTITY_TEXT_BYTES];
	uint64_t value;

	if (text != NULL && !quantity_parse(kind, text, max, &value))
		lab_error(lab, diags, path, "expected %s, %s at most, got \"%.24s\"", quantity_expects(kind),
			quantity_text(kind, max, most), text);
}

static void check_impairments(const struct lab *lab, struct diags *diags, const struct lab_link *link, const char *path)
{
	const struct {
		const char *key, *text;
		enum quantity kind;
		uint64_t max;
	} rows[] = {
		{"delay", link->delay, QUANTITY_TIME, LAB_DELAY_US_MAX},
		{"jitter", link->jitter, QUANTITY_TIME, LAB_DELAY_US_MAX},
		{"rate", link->rate, QUANTITY_RATE, LAB_RATE_BPS_MAX},
		{"loss", link->loss, QUANTITY_SHARE, 1000000},
		{"corrupt", link->corrupt, QUANTITY_SHARE, 1000000},
		{"duplicate", link->duplicate, QUANTITY_SHARE, 1000000},
		{"reorder", link->reorder, QUANTITY_SHARE, 1000000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_quantity(lab, diags, path_of(diags, "%s.%s", path, rows[i].key), rows[i].kind, rows[i].text, rows[i].max);
	if (link->reorder != NULL && link->delay == NULL)
		lab_error(lab, diags, path_of(diags, "%s.reorder", path), "only what is delayed can be overtaken: write `delay`");
}

static void check_link(const struct lab *lab, struct diags *diags, const struct lab_link *link, size_t i)
{
	const char *path = path_of(diags, "links[%zu]", i);
	size_t from = strcspn(link->from, ":"), to = strcspn(link->to, ":");

	if (link->ipv4.ip.family == IP_NONE && link->pool_name == NULL)
		lab_error(lab, diags, path, "write `ipv4` (a /31 or /30) or `pool`, so that both ends get an address");
	check_subnet(lab, diags, link->ipv4, path_of(diags, "%s.ipv4", path));
	if (link->ipv4.length > 31)
		lab_error(lab, diags, path_of(diags, "%s.ipv4", path), "a link needs a /31 or larger");
	check_impairments(lab, diags, link, path);
	check_subnet_pool(lab, diags, link->pool_name, link->ipv4, 31, path_of(diags, "%s.pool", path));
	if (from == to && strncmp(link->from, link->to, from) == 0)
		lab_error(lab, diags, path_of(diags, "%s.to", path), "both ends are %.*s; a link joins two", (int)from, link->from);
	if (link->rip_auth.type != LAB_RIP_AUTH_NONE || link->rip_auth.key != NULL)
		check_auth(lab, diags, &link->rip_auth, path_of(diags, "%s.rip.auth", path));
}

/* Written subnets by address, so that neighbours show what overlaps. */
struct written {
	struct prefix prefix;
	const char *path, *what;
};

static int written_compare(const void *a, const void *b)
{
	const struct written *x = a, *y = b;

	return prefix_compare(x->prefix, y->prefix);
}

static void check_overlaps(const struct lab *lab, struct diags *diags)
{
	struct written *all = arena_alloc(diags->arena, (lab->network_count * 2 + lab->link_count + 1) * sizeof(*all));
	size_t count = 0, widest = 0;

	for (size_t i = 0; i < lab->network_count; i++) {
		const struct lab_network *n = &lab->networks[i];

		if (usable_subnet(n->ipv4))
			all[count++] = (struct written){
				n->ipv4, path_of(diags, "networks.%s.ipv4", n->name), path_of(diags, "network %s", n->name)};
		if (usable_subnet(n->ipv6))
			all[count++] = (struct written){
				n->ipv6, path_of(diags, "networks.%s.ipv6", n->name), path_of(diags, "network %s", n->name)};
	}
	for (size_t i = 0; i < lab->link_count; i++)
		if (usable_subnet(lab->links[i].ipv4))
			all[count++] = (struct written){lab->links[i].ipv4, path_of(diags, "links[%zu].ipv4", i),
				path_of(diags, "link %s - %s", lab->links[i].from, lab->links[i].to)};
	qsort(all, count, sizeof(*all), written_compare);
	/* Sorted by address, shorter prefixes first: whatever overlaps lies inside the last one that reaches furthest. */
	for (size_t i = 1; i < count; i++) {
		char a[PREFIX_TEXT_BYTES], b[PREFIX_TEXT_BYTES];

		if (prefix_overlaps(all[widest].prefix, all[i].prefix))
			lab_error(lab, diags, all[i].path, "%s overlaps %s of %s", prefix_text(all[i].prefix, a),
				prefix_text(all[widest].prefix, b), all[widest].what);
		else
			widest = i;
	}
}

void check_subnets(const struct lab *lab, struct diags *diags)
{
	check_pools(lab, diags);
	for (size_t i = 0; i < lab->network_count; i++)
		check_network(lab, diags, &lab->networks[i]);
	for (size_t i = 0; i < lab->link_count; i++)
		check_link(lab, diags, &lab->links[i], i);
	check_overlaps(lab, diags);
}

static void check_interface(
	const struct lab *lab, struct diags *diags, const struct lab_router *router, const struct lab_interface *interface)
{
	const char *path = path_of(diags, "routers.%s.interfaces.%s", router->name, interface->name);

	if (!name_is_good(interface->name, INTERFACE_NAME_MAX))
		lab_error(lab, diags, path, "\"%.64s\" is no name of an interface; it has letters, digits and '-' inside, at most %d bytes",
			interface->name, INTERFACE_NAME_MAX);
	if (interface->rip_set && interface->rip && !router->rip)
		lab_error(
			lab, diags, path_of(diags, "%s.rip", path), "the router has no RIP; write `rip: true` in routers.%s", router->name);
	check_auth(lab, diags, &interface->rip_auth, path_of(diags, "%s.rip.auth", path));
}

static void check_route(const struct lab *lab, struct diags *diags, const struct lab_route *route, const char *path)
{
	if (route->blackhole == (route->via.family != IP_NONE))
		lab_error(lab, diags, path, "a route has either `via` or `blackhole: true`");
	else if (!route->blackhole && route->via.family != route->to.ip.family)
		lab_error(lab, diags, path_of(diags, "%s.via", path), "`via` and `to` are of different families");
}

void check_routers(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->router_count; i++) {
		const struct lab_router *router = &lab->routers[i];
		const char *path = path_of(diags, "routers.%s", router->name);

		for (size_t k = 0; k < router->interface_count; k++)
			check_interface(lab, diags, router, &router->interfaces[k]);
		for (size_t k = 0; k < router->route_count; k++)
			check_route(lab, diags, &router->routes[k], path_of(diags, "%s.routes[%zu]", path, k));
		check_auth(lab, diags, &router->rip_auth, path_of(diags, "%s.rip.auth", path));
		if (router->rip && router->rip_timeout_s <= router->rip_update_s)
			lab_error(lab, diags, path_of(diags, "%s.rip.timeout", path),
				"the timeout (%us) must be longer than `update` (%us)", router->rip_timeout_s, router->rip_update_s);
	}
}
