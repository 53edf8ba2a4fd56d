/*
 * Checks of BGP: what a router says before expansion, and what the routers of a flat lab say of each other.
 */
#include "base/check.h"
#include "model/lab_check.h"

#include <string.h>

#define AS_TRANS 23456

/* Numbers that no AS has (RFC 7607, RFC 6793, RFC 7300). */
static const char *as_reserved(uint32_t as)
{
	if (as == AS_TRANS)
		return "it stands for numbers that don't fit into two bytes (RFC 6793)";
	if (as == 65535 || as == UINT32_MAX)
		return "it is reserved (RFC 7300)";
	return NULL;
}

static void check_as(const struct lab *lab, struct diags *diags, uint32_t as, const char *path)
{
	const char *why = as_reserved(as);

	if (why != NULL)
		lab_error(lab, diags, path, "AS %u can't be used: %s; private numbers are 64512 to 65534", as, why);
}

static void check_neighbor(const struct lab *lab, struct diags *diags, const struct lab_router *router, size_t at, const char *path)
{
	const struct lab_bgp_neighbor *neighbor = &router->bgp_neighbors[at];
	bool addressed = neighbor->address.family != IP_NONE;

	if (addressed == (neighbor->router_name != NULL))
		lab_error(lab, diags, path, "a neighbor has either `router` (of this lab) or `address`");
	if (addressed && neighbor->as == 0)
		lab_error(lab, diags, path, "write `as`, the neighbor's AS number; %u makes it an internal one", router->bgp_as);
	if (addressed && (ip_is_multicast(neighbor->address) || ip_is_unspecified(neighbor->address)))
		lab_error(lab, diags, path_of(diags, "%s.address", path), "this is nobody's address");
	check_as(lab, diags, neighbor->as, path_of(diags, "%s.as", path));
	if (neighbor->hold_s == 1 || neighbor->hold_s == 2)
		lab_error(lab, diags, path_of(diags, "%s.hold", path), "a hold time is 0s or at least 3s (RFC 4271 section 4.2)");
	for (size_t i = 0; i < at; i++) {
		const struct lab_bgp_neighbor *other = &router->bgp_neighbors[i];
		bool same = addressed ? ip_equal(other->address, neighbor->address)
				      : neighbor->router_name != NULL && other->router_name != NULL &&
						strcmp(other->router_name, neighbor->router_name) == 0;

		if (same)
			lab_error(lab, diags, path, "the same neighbor is there already as neighbors[%zu]", i);
	}
}

void check_bgp(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->router_count; i++) {
		const struct lab_router *router = &lab->routers[i];
		const char *path = path_of(diags, "routers.%s.bgp", router->name);

		if (!router->bgp)
			continue;
		if (router->bgp_as == 0)
			lab_error(lab, diags, path, "write `as`, the AS number of the router, such as { as: 65001 }");
		check_as(lab, diags, router->bgp_as, path_of(diags, "%s.as", path));
		if (router->bgp_router_id.family != IP_NONE && ip_is_unspecified(router->bgp_router_id))
			lab_error(lab, diags, path_of(diags, "%s.router-id", path), "0.0.0.0 is no router id (RFC 6286)");
		for (size_t k = 0; k < router->bgp_neighbor_count; k++)
			check_neighbor(lab, diags, router, k, path_of(diags, "%s.neighbors[%zu]", path, k));
	}
}

/* The entry by which `router` names the router at `index`, or NULL. */
static const struct lab_bgp_neighbor *neighbor_back(const struct lab_router *router, int index)
{
	for (size_t i = 0; i < router->bgp_neighbor_count; i++)
		if (router->bgp_neighbors[i].router == index)
			return &router->bgp_neighbors[i];
	return NULL;
}

/* What two routers say of each other must fit: else the session would never come up. */
static void check_pair(const struct lab *flat, struct diags *diags, size_t index, const struct lab_bgp_neighbor *neighbor, const char *path)
{
	const struct lab_router *router = &flat->routers[index], *other = &flat->routers[neighbor->router];
	const struct lab_bgp_neighbor *back = neighbor_back(other, (int)index);
	const char *key = neighbor->key ? neighbor->key : "", *other_key = back && back->key ? back->key : "";

	if (other == router)
		diag_error(diags, neighbor->place, path, "a router is no neighbor of itself");
	else if (!other->bgp)
		diag_error(diags, neighbor->place, path, "%s has no BGP; write `bgp: { as: ... }` in routers.%s", other->name, other->name);
	else if (neighbor->as != 0 && neighbor->as != other->bgp_as)
		diag_error(diags, neighbor->place, path, "%s has AS %u, not %u; leave `as` out", other->name, other->bgp_as, neighbor->as);
	else if (back == NULL)
		diag_error(diags, neighbor->place, path, "%s doesn't name %s in turn; add { router: %s } to routers.%s.bgp.neighbors",
			other->name, router->name, router->name, other->name);
	else if (strcmp(key, other_key) != 0)
		diag_error(diags, neighbor->place, path, "%s has another `md5` key for %s; both need the same", other->name, router->name);
	else if (neighbor->passive && back->passive)
		diag_error(diags, neighbor->place, path, "both ends are passive; one must open the connection");
}

static void check_internal(
	const struct lab *flat, struct diags *diags, size_t index, const struct lab_bgp_neighbor *neighbor, const char *path)
{
	uint32_t as = neighbor->router >= 0 ? flat->routers[neighbor->router].bgp_as : neighbor->as;

	if (as == flat->routers[index].bgp_as)
		return;
	if (neighbor->next_hop_self)
		diag_error(diags, neighbor->place, path, "`next-hop-self` is for internal neighbors (AS %u); this one has AS %u",
			flat->routers[index].bgp_as, as);
	if (neighbor->reflector_client)
		diag_error(diags, neighbor->place, path, "`reflector-client` is for internal neighbors (AS %u); this one has AS %u",
			flat->routers[index].bgp_as, as);
}

static void resolve_neighbors(struct lab *flat, struct diags *diags, const struct name_index *routers, size_t index)
{
	struct lab_router *router = &flat->routers[index];

	for (size_t i = 0; i < router->bgp_neighbor_count; i++) {
		struct lab_bgp_neighbor *neighbor = &router->bgp_neighbors[i];

		neighbor->router = neighbor->router_name ? index_find(routers, neighbor->router_name) : -1;
		if (neighbor->router_name != NULL && neighbor->router < 0)
			diag_error(diags, neighbor->place, path_of(diags, "routers.%s.bgp.neighbors[%zu]", router->name, i),
				"no router named \"%.64s\"%s", neighbor->router_name, index_hint(routers, neighbor->router_name));
	}
}

/* Identifiers tell speakers apart: within the lab nobody has another one's. */
static void check_router_ids(const struct lab *flat, struct diags *diags)
{
	struct map ids = {0};

	for (size_t i = 0; i < flat->router_count; i++) {
		const struct lab_router *router = &flat->routers[i];
		struct ip id = router->bgp_router_id.family != IP_NONE ? router->bgp_router_id : router->router_id;
		const struct lab_router *other;
		char text[IP_TEXT_BYTES];

		if (!router->bgp || id.family != IP_V4)
			continue;
		other = map_get(&ids, ip_to_u32(id));
		if (other != NULL)
			diag_error(diags, router->place, path_of(diags, "routers.%s.bgp", router->name),
				"the router id %s is also that of %s; give each its own `router-id`", ip_text(id, text), other->name);
		(void)map_set(&ids, ip_to_u32(id), (void *)(uintptr_t)router);
	}
	map_free(&ids);
}

void flat_check_bgp(struct lab *flat, const struct name_index *routers, struct diags *diags)
{
	for (size_t i = 0; i < flat->router_count; i++)
		resolve_neighbors(flat, diags, routers, i);
	for (size_t i = 0; i < flat->router_count; i++)
		for (size_t k = 0; k < flat->routers[i].bgp_neighbor_count; k++) {
			const struct lab_bgp_neighbor *neighbor = &flat->routers[i].bgp_neighbors[k];
			const char *path = path_of(diags, "routers.%s.bgp.neighbors[%zu]", flat->routers[i].name, k);

			if (neighbor->router >= 0)
				check_pair(flat, diags, i, neighbor, path);
			check_internal(flat, diags, i, neighbor, path);
		}
	check_router_ids(flat, diags);
}
