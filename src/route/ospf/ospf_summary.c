/* What a border router says in each of its areas of what lies in the others (RFC 2328 12.4.3). */
#include "route/ospf/ospf_engine.h"

#include "base/arena.h"

#include <stdlib.h>

/* A summary to say. */
struct wanted {
	uint32_t network;
	uint8_t length;
	uint32_t cost;
};

struct wanteds {
	struct wanted *at;
	size_t count, capacity;
};

static void want(struct wanteds *list, uint32_t network, uint8_t length, uint32_t cost)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 32;
		list->at = xrealloc(list->at, list->capacity * sizeof(struct wanted));
	}
	list->at[list->count++] = (struct wanted){network, length, cost};
}

static const struct ospf_area *area_of(const struct ospf *ospf, uint32_t id)
{
	const struct ospf_area *area;

	list_each (area, &ospf->areas, struct ospf_area, in_ospf)
		if (area->id == id)
			return area;
	return NULL;
}

/* The range of its own area that a path lies in, or NULL. */
static const struct ospf_range *range_of(const struct ospf_area *from, const struct ospf_path *path)
{
	for (unsigned i = 0; from != NULL && i < from->settings.range_count; i++) {
		const struct ospf_range *range = &from->settings.ranges[i];

		if (path->length >= range->length && (path->network & ospf_mask_of(range->length)) == range->network)
			return range;
	}
	return NULL;
}

/* Whether a path is worth saying in an area at all (12.4.3). */
static bool concerns(const struct ospf_area *area, const struct ospf_path *path)
{
	if (path->area == area->id || path->cost >= OSPF_INFINITY)
		return false;
	return path->kind == OSPF_PATH_INTRA || (path->kind == OSPF_PATH_INTER && area->id != OSPF_BACKBONE);
}

static void wanted_list(const struct ospf *ospf, const struct ospf_area *area, struct wanteds *list)
{
	for (size_t i = 0; i < ospf->table.count; i++) {
		const struct ospf_path *path = &ospf->table.paths[i];
		const struct ospf_range *range;

		if (!concerns(area, path))
			continue;
		range = path->kind == OSPF_PATH_INTRA ? range_of(area_of(ospf, path->area), path) : NULL;
		if (range == NULL)
			want(list, path->network, path->length, path->cost);
		else if (!range->hide)
			want(list, range->network, range->length, path->cost);
	}
}

/* By prefix, the dearest first: a range costs what the dearest inside of it costs. */
static int wanted_order(const void *left, const void *right)
{
	const struct wanted *a = left, *b = right;

	if (a->network != b->network)
		return a->network < b->network ? -1 : 1;
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	return a->cost > b->cost ? -1 : a->cost < b->cost;
}

static void say(struct ospf *ospf, struct ospf_area *area, uint8_t type, uint32_t id, const uint32_t body[2])
{
	uint8_t bytes[8];
	struct writer w = writer_over(bytes, sizeof(bytes));
	const struct ospf_saying saying = {{&area->db, area, NULL}, type, id, bytes, sizeof(bytes)};

	writer_u32(&w, body[0]);
	writer_u32(&w, body[1]);
	ospf_ensure(ospf, &saying);
}

static void say_wanted(struct ospf *ospf, struct ospf_area *area, struct wanteds *list)
{
	size_t kept = 0;

	if (list->count > 0)
		qsort(list->at, list->count, sizeof(struct wanted), wanted_order);
	for (size_t i = 0; i < list->count; i++)
		if (kept == 0 || list->at[kept - 1].network != list->at[i].network || list->at[kept - 1].length != list->at[i].length)
			list->at[kept++] = list->at[i];
	for (size_t i = 0; i < kept; i++) {
		uint32_t mask = ospf_mask_of(list->at[i].length);
		/* Appendix E: of prefixes that begin alike the longest keeps the plain id. */
		bool alike = i + 1 < kept && list->at[i + 1].network == list->at[i].network;

		say(ospf, area, OSPF_LSA_SUMMARY, list->at[i].network | (alike ? ~mask : 0), (uint32_t[]){mask, list->at[i].cost});
	}
}

static void say_asbrs(struct ospf *ospf, struct ospf_area *area)
{
	for (size_t i = 0; i < ospf->asbrs.count; i++) {
		const struct ospf_asbr *asbr = &ospf->asbrs.at[i];

		if (asbr->area == area->id || (asbr->kind == OSPF_PATH_INTER && area->id == OSPF_BACKBONE))
			continue;
		if (asbr->cost < OSPF_INFINITY)
			say(ospf, area, OSPF_LSA_SUMMARY_ASBR, asbr->router_id, (uint32_t[]){0, asbr->cost});
	}
}

static void say_area(struct ospf *ospf, struct ospf_area *area)
{
	struct wanteds list = {0};

	if (area->settings.stub)
		want(&list, 0, 0, area->settings.default_cost);
	if (!area->settings.no_summary || !area->settings.stub)
		wanted_list(ospf, area, &list);
	say_wanted(ospf, area, &list);
	if (!area->settings.stub)
		say_asbrs(ospf, area);
	free(list.at);
}

void ospf_say_summaries(struct ospf *ospf)
{
	struct ospf_area *area;

	ospf->summaries_dirty = false;
	list_each (area, &ospf->areas, struct ospf_area, in_ospf) {
		if (!ospf->is_border && list_empty(&area->db.of_type[OSPF_LSA_SUMMARY]) &&
			list_empty(&area->db.of_type[OSPF_LSA_SUMMARY_ASBR]))
			continue;
		ospf_unmark(ospf, &area->db, OSPF_LSA_SUMMARY);
		ospf_unmark(ospf, &area->db, OSPF_LSA_SUMMARY_ASBR);
		if (ospf->is_border && area->up_count > 0 && !ospf->stopping)
			say_area(ospf, area);
		ospf_sweep(ospf, &area->db, OSPF_LSA_SUMMARY);
		ospf_sweep(ospf, &area->db, OSPF_LSA_SUMMARY_ASBR);
	}
}
