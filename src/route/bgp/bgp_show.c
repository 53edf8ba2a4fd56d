/* What people see of the BGP tables: their paths as rows, with FRR's words. */
#include "route/bgp/bgp_engine.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Weight that FRR gives its own routes: before everything else. */
#define OWN_WEIGHT 32768

/* Adds to a text of fixed size; what doesn't fit is cut. */
static void cut_add(char *text, size_t size, const char *more)
{
	size_t used = strlen(text);

	(void)snprintf(text + used, size - used, "%s", more);
}

/* "65001 {65002,65003}": sequences with blanks, sets in braces (RFC 4271 4.3 b), confederation segments in parentheses (RFC 5065). */
static void path_text(const struct bgp_attr_set *set, char *text, size_t size)
{
	struct reader path = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_AS_PATH);

	text[0] = '\0';
	while (reader_left(&path) > 0) {
		uint8_t type = reader_u8(&path), count = reader_u8(&path);
		bool is_set = type == BGP_AS_SET || type == BGP_CONFED_SET, confed = type == BGP_CONFED_SEQUENCE || type == BGP_CONFED_SET;
		char number[16];

		if (text[0] != '\0')
			cut_add(text, size, " ");
		cut_add(text, size, confed ? "(" : is_set ? "{" : "");
		for (unsigned i = 0; i < count; i++) {
			(void)snprintf(number, sizeof(number), "%s%u", i == 0 ? "" : is_set ? "," : " ", reader_u32(&path));
			cut_add(text, size, number);
		}
		cut_add(text, size, confed ? ")" : is_set ? "}" : "");
	}
}

static void path_row(const struct bgp *bgp, const struct bgp_path *path, struct row_bgp *row)
{
	const struct bgp_attr_set *set = bgp_attrs_get(bgp->attrs, path->attr);
	const struct bgp_peer *peer = path->peer == BGP_PEER_SELF ? NULL : bgp_peer_get(bgp, path->peer);
	uint32_t metric = 0;

	row->nexthop = set->nexthop;
	row->peer = peer ? peer->settings.address : (struct ip){0};
	row->from = peer == NULL ? BGP_FROM_LOCAL : bgp_peer_external(bgp, peer) ? BGP_FROM_EXTERNAL : BGP_FROM_INTERNAL;
	row->origin = (uint8_t)set->origin;
	row->filtered = (path->flags & BGP_PATH_FILTERED) != 0;
	row->valid = (path->flags & (BGP_PATH_LOOPED | BGP_PATH_FILTERED)) == 0 &&
		     (peer == NULL || bgp->ops->reachable == NULL || bgp->ops->reachable(bgp->context, &set->nexthop, &metric));
	row->metric = set->med;
	row->local_pref = set->has_local_pref ? set->local_pref : bgp->settings.local_pref;
	row->weight = peer == NULL ? OWN_WEIGHT : 0;
	path_text(set, row->path, sizeof(row->path));
}

void bgp_show_paths(const struct bgp *bgp, bgp_row_fn *row_fn, void *context)
{
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		const struct bgp_table *table = bgp->tables[f];

		for (uint32_t dest = 1; dest <= bgp_table_limit(table); dest++) {
			const struct bgp_path *path = bgp_table_first_path(table, dest);
			uint16_t best_peer = 0;
			uint32_t best = path ? bgp_table_best(table, dest, &best_peer) : 0;

			for (; path != NULL; path = bgp_table_next_path(table, path)) {
				struct row_bgp row = {.network = bgp_table_prefix(table, dest)};

				row.bestpath = best != 0 && path->attr == best && path->peer == best_peer;
				path_row(bgp, path, &row);
				row_fn(context, &row);
			}
		}
	}
}
