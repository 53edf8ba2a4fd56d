/* The routing table of a router (RFC 2328 16): inside of its areas, between areas, to other systems. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Theory of operation. Every way that some LSA offers becomes a candidate: from the trees of the areas (16.1), from summaries of border
 * routers that the trees reach (16.2), from externals (16.4), whose routers are reached through a table of their own. The candidates are
 * sorted by prefix and preference; of each prefix the first stays, and those that are just as good join their first hops.
 */
static struct ospf_path *path_new(struct ospf_table *table)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? 2 * table->capacity : 64;
		table->paths = xrealloc(table->paths, table->capacity * sizeof(struct ospf_path));
	}
	return &table->paths[table->count++];
}

static struct ospf_asbr *asbr_new(struct ospf_asbrs *asbrs)
{
	if (asbrs->count == asbrs->capacity) {
		asbrs->capacity = asbrs->capacity ? 2 * asbrs->capacity : 16;
		asbrs->at = xrealloc(asbrs->at, asbrs->capacity * sizeof(struct ospf_asbr));
	}
	return &asbrs->at[asbrs->count++];
}

static int place_compare(const struct ospf_path *a, const struct ospf_path *b)
{
	if (a->network != b->network)
		return a->network < b->network ? -1 : 1;
	return (int)a->length - (int)b->length;
}

/* RFC 2328 11 and 16.4 (6): kind, then for type 2 its own cost, then cost. */
static int preference_compare(const struct ospf_path *a, const struct ospf_path *b)
{
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	if (a->cost_2 != b->cost_2)
		return a->cost_2 < b->cost_2 ? -1 : 1;
	return a->cost < b->cost ? -1 : a->cost > b->cost;
}

static int path_order(const void *left, const void *right)
{
	int order = place_compare(left, right);

	return order != 0 ? order : preference_compare(left, right);
}

static void hops_unite(struct ospf_hops *hops, const struct ospf_hops *more)
{
	for (unsigned i = 0; i < more->count; i++) {
		bool known = false;

		for (unsigned j = 0; j < hops->count; j++)
			known |= hops->at[j].interface == more->at[i].interface && hops->at[j].gateway == more->at[i].gateway;
		if (!known && hops->count < OSPF_HOPS_MAX)
			hops->at[hops->count++] = more->at[i];
	}
}

static void table_settle(struct ospf_table *table)
{
	size_t kept = 0;

	if (table->count > 0)
		qsort(table->paths, table->count, sizeof(struct ospf_path), path_order);
	for (size_t i = 0; i < table->count; i++) {
		struct ospf_path *path = &table->paths[i], *best = kept > 0 ? &table->paths[kept - 1] : NULL;

		if (best == NULL || place_compare(best, path) != 0)
			table->paths[kept++] = *path;
		else if (preference_compare(best, path) == 0 && best->hops.count > 0)
			hops_unite(&best->hops, &path->hops);
	}
	table->count = kept;
}

static void paths_intra(const struct ospf_area *area, struct ospf_table *table)
{
	for (size_t i = 0; i < area->spf.route_count; i++) {
		const struct ospf_route *route = &area->spf.routes[i];

		*path_new(table) = (struct ospf_path){.network = route->network,
			.length = route->length,
			.kind = OSPF_PATH_INTRA,
			.area = area->id,
			.cost = route->cost,
			.hops = route->hops};
	}
}

static int router_compare(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = ((const struct ospf_router_route *)element)->router_id;

	return id < other ? -1 : id > other;
}

static const struct ospf_router_route *router_find(const struct ospf_area *area, uint32_t id)
{
	if (area->spf.router_count == 0)
		return NULL;
	return bsearch(&id, area->spf.routers, area->spf.router_count, sizeof(area->spf.routers[0]), router_compare);
}

/* 16.2 (1) to (3) for a summary: the way to the border router that says it, or NULL when it doesn't count. */
static const struct ospf_router_route *summary_border(
	const struct ospf *ospf, const struct ospf_area *area, const struct ospf_entry *entry, struct ospf_far_route *far)
{
	const struct ospf_lsa lsa = ospf_entry_lsa(entry, ospf->now);
	const struct ospf_router_route *border;

	if (entry->own || lsa.header.age_s >= OSPF_MAX_AGE_S)
		return NULL;
	ospf_far_route_read(lsa.body, lsa.header.type, far);
	if (far->metric >= OSPF_INFINITY)
		return NULL;
	border = router_find(area, lsa.header.router);
	return border != NULL && (border->flags & OSPF_FLAG_BORDER) ? border : NULL;
}

/* Inside of one of our areas a range of ours counts and not what others say of it (16.2 (2)). */
static bool is_own_range(const struct ospf *ospf, uint32_t network, uint8_t length)
{
	const struct ospf_area *area;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		for (unsigned i = 0; i < area->settings.range_count && area->up_count > 0; i++)
			if (area->settings.ranges[i].network == network && area->settings.ranges[i].length == length)
				return true;
	return false;
}

static void paths_inter(const struct ospf *ospf, const struct ospf_area *area, struct ospf_table *table)
{
	const struct ospf_router_route *border;
	const struct ospf_entry *entry;
	struct ospf_far_route far;

	list_each (entry, &area->db.of_type[OSPF_LSA_SUMMARY], struct ospf_entry, in_type) {
		border = summary_border(ospf, area, entry, &far);
		if (border == NULL || is_own_range(ospf, entry->header.id & far.mask, ospf_mask_length(far.mask)))
			continue;
		*path_new(table) = (struct ospf_path){.network = entry->header.id & far.mask,
			.length = ospf_mask_length(far.mask),
			.kind = OSPF_PATH_INTER,
			.area = area->id,
			.cost = border->cost + far.metric,
			.hops = border->hops};
	}
}

static int asbr_order(const void *left, const void *right)
{
	const struct ospf_asbr *a = left, *b = right;

	if (a->router_id != b->router_id)
		return a->router_id < b->router_id ? -1 : 1;
	if (a->kind != b->kind)
		return (int)a->kind - (int)b->kind;
	return a->cost < b->cost ? -1 : a->cost > b->cost;
}

/* Areas that other areas are learnt from: a border router believes the backbone alone (16.2). */
static bool teaches(const struct ospf *ospf, const struct ospf_area *area)
{
	return area->up_count > 0 && (!ospf->is_border || area->id == OSPF_BACKBONE);
}

static void asbrs_add(const struct ospf *ospf, const struct ospf_area *area, struct ospf_asbrs *asbrs)
{
	const struct ospf_router_route *border;
	const struct ospf_entry *entry;
	struct ospf_far_route far;

	if (area->settings.stub)
		return;
	for (size_t i = 0; i < area->spf.router_count; i++) {
		const struct ospf_router_route *router = &area->spf.routers[i];

		if ((router->flags & OSPF_FLAG_EXTERNAL) && router->router_id != ospf->settings.router_id)
			*asbr_new(asbrs) = (struct ospf_asbr){router->router_id, area->id, OSPF_PATH_INTRA, router->cost, router->hops};
	}
	list_each (entry, &area->db.of_type[OSPF_LSA_SUMMARY_ASBR], struct ospf_entry, in_type) {
		border = teaches(ospf, area) ? summary_border(ospf, area, entry, &far) : NULL;
		if (border != NULL && entry->header.id != ospf->settings.router_id)
			*asbr_new(asbrs) =
				(struct ospf_asbr){entry->header.id, area->id, OSPF_PATH_INTER, border->cost + far.metric, border->hops};
	}
}

static void asbrs_make(struct ospf *ospf)
{
	struct ospf_asbrs *asbrs = &ospf->asbrs;
	const struct ospf_area *area;
	size_t kept = 0;

	asbrs->count = 0;
	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		asbrs_add(ospf, area, asbrs);
	if (asbrs->count > 0)
		qsort(asbrs->at, asbrs->count, sizeof(struct ospf_asbr), asbr_order);
	for (size_t i = 0; i < asbrs->count; i++) {
		struct ospf_asbr *best = kept > 0 ? &asbrs->at[kept - 1] : NULL;

		if (best == NULL || best->router_id != asbrs->at[i].router_id)
			asbrs->at[kept++] = asbrs->at[i];
		else if (best->kind == asbrs->at[i].kind && best->cost == asbrs->at[i].cost)
			hops_unite(&best->hops, &asbrs->at[i].hops);
	}
	asbrs->count = kept;
}

static int asbr_compare(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = ((const struct ospf_asbr *)element)->router_id;

	return id < other ? -1 : id > other;
}

const struct ospf_asbr *ospf_asbr_find(const struct ospf *ospf, uint32_t router_id)
{
	if (ospf->asbrs.count == 0)
		return NULL;
	return bsearch(&router_id, ospf->asbrs.at, ospf->asbrs.count, sizeof(struct ospf_asbr), asbr_compare);
}

/* The longest prefix among the first `count` paths (sorted) that holds the address. */
static const struct ospf_path *path_longest(const struct ospf_table *table, size_t count, uint32_t address)
{
	const struct ospf_path key_table = {.network = address};
	struct ospf_path key = key_table;

	for (int length = 32; length >= 0; length--) {
		const struct ospf_path *found;
		size_t low = 0, high = count;

		key.network = address & ospf_mask_of((unsigned)length);
		key.length = (uint8_t)length;
		while (low < high) {
			size_t middle = (low + high) / 2;

			found = &table->paths[middle];
			if (place_compare(found, &key) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < count && place_compare(&table->paths[low], &key) == 0)
			return &table->paths[low];
	}
	return NULL;
}

/* 16.4 (3): the way to who forwards; false when there is none. `internal` paths are the first of the table. */
static bool external_way(
	const struct ospf *ospf, const struct ospf_table *table, size_t internal, const struct ospf_lsa *lsa, struct ospf_path *path)
{
	const struct ospf_asbr *asbr = ospf_asbr_find(ospf, lsa->header.router);
	const struct ospf_path *way;
	struct ospf_far_route far;

	ospf_far_route_read(lsa->body, lsa->header.type, &far);
	if (asbr == NULL || far.metric >= OSPF_INFINITY)
		return false;
	*path = (struct ospf_path){.network = lsa->header.id & far.mask,
		.length = ospf_mask_length(far.mask),
		.kind = far.type_2 ? OSPF_PATH_EXTERNAL_2 : OSPF_PATH_EXTERNAL_1,
		.area = asbr->area,
		.cost = asbr->cost,
		.tag = far.tag,
		.hops = asbr->hops};
	if (far.forward != 0) {
		way = path_longest(table, internal, far.forward);
		if (way == NULL)
			return false;
		path->cost = way->cost;
		path->hops = way->hops;
		/* On a network of ours the forwarding router is the next hop itself. */
		for (unsigned i = 0; i < path->hops.count; i++)
			if (path->hops.at[i].gateway == 0)
				path->hops.at[i].gateway = far.forward;
	}
	if (far.type_2)
		path->cost_2 = far.metric;
	else
		path->cost += far.metric;
	return true;
}

static void paths_external(const struct ospf *ospf, struct ospf_table *table)
{
	const struct ospf_entry *entry;
	size_t internal = table->count;
	struct ospf_path path;

	list_each (entry, &ospf->externals.of_type[OSPF_LSA_EXTERNAL], struct ospf_entry, in_type) {
		const struct ospf_lsa lsa = ospf_entry_lsa(entry, ospf->now);

		if (!entry->own && lsa.header.age_s < OSPF_MAX_AGE_S && external_way(ospf, table, internal, &lsa, &path))
			*path_new(table) = path;
	}
}

void ospf_paths_make(struct ospf *ospf, struct ospf_table *table)
{
	const struct ospf_area *area;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		paths_intra(area, table);
	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		if (teaches(ospf, area))
			paths_inter(ospf, area, table);
	table_settle(table);
	asbrs_make(ospf);
	paths_external(ospf, table);
	table_settle(table);
}
