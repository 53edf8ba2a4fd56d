/* BGP neighbors of a flat lab as messages. */
#include "ctl/compile_bgp.h"

#include <string.h>

/* The IPv4 or IPv6 address of a router in that network (or, -1, on that link); none when it isn't there. */
static struct ip router_address(const struct lab_router *router, int network, int link, enum ip_family family)
{
	for (size_t i = 0; i < router->interface_count; i++) {
		const struct lab_interface *at = &router->interfaces[i];
		struct ip ip = family == IP_V4 ? at->ipv4.ip : at->ipv6.ip;

		if (at->network == network && at->link == link && ip.family == family)
			return ip;
	}
	return (struct ip){0};
}

/* The first address of a router. */
static struct ip router_first(const struct lab_router *router, enum ip_family family)
{
	for (size_t i = 0; i < router->interface_count; i++) {
		struct ip ip = family == IP_V4 ? router->interfaces[i].ipv4.ip : router->interfaces[i].ipv6.ip;

		if (ip.family == family)
			return ip;
	}
	return (struct ip){0};
}

/* Where two routers meet: on the first link, else in the first network that has both; else each is known by its first address. */
static void session_ends(const struct lab *lab, const struct lab_router *router, const struct lab_router *other, enum ip_family family,
	struct msg_bgp_neighbor *body)
{
	size_t links = lab->link_count, all = links + lab->network_count;

	for (size_t i = 0; i < all; i++) {
		int link = i < links ? (int)i : -1, network = i < links ? -1 : (int)(i - links);
		struct ip ours = router_address(router, network, link, family), theirs = router_address(other, network, link, family);

		if (ours.family == IP_NONE || theirs.family == IP_NONE)
			continue;
		body->local = ours;
		body->address = theirs;
		return;
	}
	body->local = router_first(router, family);
	body->address = router_first(other, family);
}

/* Our address on the session with an address: that of the interface in whose subnet it is, else the first. */
static struct ip session_local(const struct lab_router *router, struct ip address)
{
	for (size_t i = 0; i < router->interface_count; i++) {
		const struct prefix *own = address.family == IP_V4 ? &router->interfaces[i].ipv4 : &router->interfaces[i].ipv6;

		if (own->ip.family != IP_NONE && prefix_contains(prefix_masked(*own), address))
			return own->ip;
	}
	return router_first(router, address.family);
}

static struct ip session_local_ipv6(const struct lab_router *router, struct ip local)
{
	for (size_t i = 0; i < router->interface_count; i++) {
		const struct lab_interface *at = &router->interfaces[i];

		if (ip_equal(at->ipv4.ip, local) && at->ipv6.ip.family == IP_V6)
			return at->ipv6.ip;
	}
	return router_first(router, IP_V6);
}

/* "none", "all" or a policy's name; `all`: what passes when it is "none". */
static void compile_filter(const char *name, bool internal, const struct compile_inputs *in, bool *all, uint32_t *policy)
{
	*all = internal || strcmp(name, "all") == 0;
	*policy = strcmp(name, "all") == 0 || strcmp(name, "none") == 0 ? 0 : in->id(in->context, "route-policy", name);
}

void compile_bgp_neighbor(const struct lab *lab, const struct lab_router *router, const struct lab_bgp_neighbor *neighbor,
	const struct compile_inputs *in, struct msg_bgp_neighbor *body)
{
	const struct lab_router *other = neighbor->router >= 0 ? &lab->routers[neighbor->router] : NULL;

	body->as = other ? other->bgp_as : neighbor->as;
	if (other != NULL)
		session_ends(lab, router, other, IP_V4, body);
	if (other != NULL && body->address.family == IP_NONE)
		session_ends(lab, router, other, IP_V6, body);
	if (other == NULL) {
		body->address = neighbor->address;
		body->local = session_local(router, neighbor->address);
	}
	body->local_ipv6 = session_local_ipv6(router, body->local);
	body->ipv4 = neighbor->ipv4 || !neighbor->ipv6;
	body->ipv6 = neighbor->ipv6;
	body->hold_s = neighbor->hold_s;
	body->prefixes_max = neighbor->prefixes_max;
	compile_filter(neighbor->import, body->as == router->bgp_as, in, &body->import_all, &body->import_policy);
	compile_filter(neighbor->export, body->as == router->bgp_as, in, &body->export_all, &body->export_policy);
	body->next_hop_self = neighbor->next_hop_self;
	body->reflector_client = neighbor->reflector_client;
	body->passive = neighbor->passive;
}
