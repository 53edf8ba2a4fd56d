/* When routes are computed (RFC 8405), and what follows for the RIB. */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/*
 * Theory of operation. A change of the database says what it makes old: the tree of an area (router and network LSAs), or only the routes
 * that hang on trees (stubs, other areas, other systems). It also is an event of the machine of RFC 8405, which says when to compute: soon
 * after the first change in a quiet network, less soon while changes follow, seldom in a storm:
 *
 *     QUIET --event: spf_initial--> SHORT_WAIT --spf_learn over--> LONG_WAIT;  spf_holddown without an event --> QUIET
 *
 * The new table is compared with the old one as two sorted lists; the RIB hears of differences alone.
 */

/* The more LSAs, the longer a run takes, and a start in a large area brings them in by thousands; never longer than LONG_WAIT's delay. */
static struct span short_wait(const struct ospf *ospf)
{
	int64_t wait = ospf->settings.spf_short.ns * (1 + ospf->lsa_count / 256);

	return span_ns(wait < ospf->settings.spf_long.ns ? wait : ospf->settings.spf_long.ns);
}

static void event(struct ospf *ospf)
{
	const struct ospf_settings *settings = &ospf->settings;
	struct instant now = ospf->now;
	struct span delay = settings->spf_long;

	if (ospf->spf_state != OSPF_SPF_QUIET && instant_reached(ospf->spf_quiet_at, now))
		ospf->spf_state = OSPF_SPF_QUIET;
	if (ospf->spf_state == OSPF_SPF_SHORT_WAIT && instant_reached(ospf->spf_learnt_at, now))
		ospf->spf_state = OSPF_SPF_LONG_WAIT;
	if (ospf->spf_state == OSPF_SPF_QUIET) {
		delay = settings->spf_initial;
		ospf->spf_learnt_at = instant_add(now, settings->spf_learn);
		ospf->spf_state = OSPF_SPF_SHORT_WAIT;
	} else if (ospf->spf_state == OSPF_SPF_SHORT_WAIT) {
		delay = short_wait(ospf);
	}
	ospf->spf_quiet_at = instant_add(now, settings->spf_holddown);
	if (ospf->spf_at.ns == INSTANT_NEVER.ns)
		ospf->spf_at = instant_add(now, delay);
}

void ospf_calc_soon(struct ospf *ospf)
{
	ospf->table_old = true;
	event(ospf);
}

/* The next link of a router LSA that is no stub; false at the end. */
static bool next_edge(struct reader *body, struct ospf_link *link)
{
	while (ospf_link_read(body, link))
		if (link->type != OSPF_LINK_STUB)
			return true;
	return false;
}

/* Whether two router LSAs differ in nothing but their stubs. */
static bool topology_same(const struct ospf_blob *before, const struct ospf_blob *after)
{
	struct reader a = reader_over(before->bytes + OSPF_LSA_HEADER_BYTES, before->size - OSPF_LSA_HEADER_BYTES);
	struct reader b = reader_over(after->bytes + OSPF_LSA_HEADER_BYTES, after->size - OSPF_LSA_HEADER_BYTES);
	struct ospf_link x, y;
	uint16_t count;

	if (ospf_router_flags(&a, &count) != ospf_router_flags(&b, &count))
		return false;
	for (;;) {
		bool more_a = next_edge(&a, &x), more_b = next_edge(&b, &y);

		if (more_a != more_b)
			return false;
		if (!more_a)
			return true;
		if (x.type != y.type || x.id != y.id || x.data != y.data || x.metric != y.metric)
			return false;
	}
}

void ospf_calc_changed(struct ospf *ospf, const struct ospf_entry *entry, const struct ospf_blob *before, bool was_old)
{
	uint8_t type = entry->header.type;

	if (type > OSPF_LSA_NSSA || (was_old && entry->old))
		return;
	if (before != NULL && was_old == entry->old && before->size == entry->blob->size &&
		memcmp(before->bytes + OSPF_LSA_HEADER_BYTES, entry->blob->bytes + OSPF_LSA_HEADER_BYTES,
			before->size - OSPF_LSA_HEADER_BYTES) == 0)
		return; /* a refresh */
	if (type == OSPF_LSA_ROUTER || type == OSPF_LSA_NETWORK) {
		entry->area->routes_old = true;
		if (type == OSPF_LSA_NETWORK || before == NULL || was_old != entry->old || !topology_same(before, entry->blob))
			entry->area->tree_old = true;
	}
	ospf_calc_soon(ospf);
}

static void tree_compute(struct ospf *ospf, struct ospf_area *area)
{
	static const uint8_t types[] = {OSPF_LSA_ROUTER, OSPF_LSA_NETWORK};
	struct ospf_lsa *lsas = xalloc((area->db.count + 1) * sizeof(*lsas));
	const struct ospf_entry *entry;
	size_t count = 0;

	for (size_t i = 0; i < COUNT_OF(types); i++)
		list_each (entry, &area->db.of_type[types[i]], struct ospf_entry, in_type)
			lsas[count++] = ospf_entry_lsa(entry, ospf->now);
	if (area->tree_old) {
		ospf_spf_free(&area->spf);
		if (ospf_spf_run(&area->spf, ospf->settings.router_id, lsas, count) == 0)
			area->tree_old = area->routes_old = false;
		ospf->spf_count++;
	} else if (ospf_spf_routes(&area->spf, lsas, count) == 0) {
		area->routes_old = false;
	}
	free(lsas);
}

static bool hops_same(const struct ospf_hops *a, const struct ospf_hops *b)
{
	return a->count == b->count && memcmp(a->at, b->at, a->count * sizeof(a->at[0])) == 0;
}

static bool path_same(const struct ospf_path *a, const struct ospf_path *b)
{
	return a->kind == b->kind && a->cost == b->cost && a->cost_2 == b->cost_2 && hops_same(&a->hops, &b->hops);
}

static int path_compare(const struct ospf_path *a, const struct ospf_path *b)
{
	if (a->network != b->network)
		return a->network < b->network ? -1 : 1;
	return (int)a->length - (int)b->length;
}

bool ospf_nexthop_of(const struct ospf *ospf, const struct ospf_hop *hop, struct nexthop *nexthop)
{
	const struct ospf_interface *interface;
	const struct ospf_neighbor *neighbor;
	uint32_t gateway = hop->gateway;

	list_each (interface, &ospf->interfaces, struct ospf_interface, in_ospf) {
		if (!interface->up || interface->address != hop->interface)
			continue;
		if (gateway == 0 && interface->settings.type == OSPF_POINT_TO_POINT)
			list_each (neighbor, &interface->neighbors, struct ospf_neighbor, in_interface)
				if (gateway == 0 || neighbor->state == OSPF_NB_FULL)
					gateway = neighbor->address;
		if (gateway == 0)
			return false;
		*nexthop = (struct nexthop){ip_from_u32(gateway), interface->rif};
		return true;
	}
	return false;
}

static int nexthop_compare(const void *left, const void *right)
{
	const struct nexthop *a = left, *b = right;
	int order = ip_compare(a->ip, b->ip);

	return order != 0 ? order : a->rif < b->rif ? -1 : a->rif > b->rif;
}

/* Tells the RIB of a path; one of our own networks, or with `gone`, is nothing to it. */
static void path_tell(struct ospf *ospf, const struct ospf_path *path, bool gone)
{
	const struct prefix prefix = {ip_from_u32(path->network), path->length};
	struct nexthop nexthops[NEXTHOPS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; !gone && i < path->hops.count && count < ospf->settings.ecmp_max; i++)
		count += ospf_nexthop_of(ospf, &path->hops.at[i], &nexthops[count]);
	qsort(nexthops, count, sizeof(nexthops[0]), nexthop_compare);
	ospf->ops->learnt(
		ospf->context, &prefix, nexthops, count, path->kind == OSPF_PATH_EXTERNAL_2 ? path->cost_2 : path->cost, ospf->now);
}

/* What differs between two tables. */
static void tables_tell(struct ospf *ospf, const struct ospf_table *before, const struct ospf_table *after)
{
	size_t b = 0, a = 0;

	while (b < before->count || a < after->count) {
		int order = b == before->count ? 1 : a == after->count ? -1 : path_compare(&before->paths[b], &after->paths[a]);

		if (order < 0) {
			path_tell(ospf, &before->paths[b++], true);
			continue;
		}
		if (order > 0 || !path_same(&before->paths[b], &after->paths[a]))
			path_tell(ospf, &after->paths[a], false);
		b += order == 0;
		a++;
	}
}

static void compute(struct ospf *ospf)
{
	struct ospf_table before = ospf->table;
	struct ospf_area *area;

	ospf->spf_at = INSTANT_NEVER;
	ospf->table_old = false;
	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		if (area->tree_old || area->routes_old)
			tree_compute(ospf, area);
	ospf->table = (struct ospf_table){0};
	ospf_paths_make(ospf, &ospf->table);
	tables_tell(ospf, &before, &ospf->table);
	free(before.paths);
	ospf->summaries_dirty = true;
}

void ospf_calc_tick(struct ospf *ospf)
{
	if (instant_reached(ospf->spf_at, ospf->now))
		compute(ospf);
}

void ospf_calc_forget(struct ospf *ospf)
{
	const struct ospf_table none = {0};

	tables_tell(ospf, &ospf->table, &none);
	ospf->table.count = 0;
	ospf->spf_at = INSTANT_NEVER;
}
