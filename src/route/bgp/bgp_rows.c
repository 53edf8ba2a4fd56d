/* What people see of a router's BGP: sessions and paths as rows. */
#include "route/bgp/bgp_glue.h"

#include "base/text.h"

#include <string.h>

struct rows {
	const struct router *router;
	uint32_t seq;
};

static void path_row(void *context, struct row_bgp *row)
{
	const struct rows *rows = context;
	struct routing *routing = rows->router->routing;

	row->router = rows->router->id;
	routing->ops->row(routing->context, rows->seq, MSG_ROW_BGP, row);
}

static void neighbor_row(const struct rows *rows, const struct bgp_neighbor *neighbor, struct instant now)
{
	const struct bgp_instance *instance = neighbor->instance;
	struct routing *routing = rows->router->routing;
	struct bgp_peer_status status;
	struct row_bgp_neighbor row = {.router = rows->router->id};

	if (!bgp_peer_status(instance->bgp, neighbor->peer, &status))
		return;
	row.neighbor = status.address;
	row.router_id = instance->wanted.router_id;
	if (status.router_id != 0)
		row.remote_router_id = ip_from_u32(status.router_id);
	row.local_as = instance->wanted.as;
	row.remote_as = status.as;
	row.state = (uint8_t)status.state;
	row.policy = neighbor->wanted.import_all || neighbor->wanted.export_all || neighbor->wanted.import_policy != 0 ||
		     neighbor->wanted.export_policy != 0;
	row.messages_received = status.messages_in;
	row.messages_sent = status.messages_out;
	row.updates_received = status.updates_in;
	row.updates_sent = status.updates_out;
	row.treated_as_withdraw = status.treated_as_withdraw;
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		row.prefixes_received += status.prefixes_in[f];
		row.prefixes_sent += status.prefixes_out[f];
		row.rib_count += bgp_dests(instance->bgp, f);
	}
	row.uptime_ms = (uint64_t)(instant_diff(now, status.since).ns / 1000000);
	row.dropped = status.dropped;
	row.hold_s = status.hold_s;
	(void)text_copy(row.last_error, sizeof(row.last_error), neighbor->text);
	routing->ops->row(routing->context, rows->seq, MSG_ROW_BGP_NEIGHBOR, &row);
}

void bgp_rows_show(const struct router *router, uint32_t seq, enum show_what what, struct instant now)
{
	const struct bgp_instance *instance = bgp_instance_of(router);
	struct rows rows = {router, seq};
	struct bgp_neighbor *neighbor;

	if (instance == NULL)
		return;
	if (what == SHOW_BGP)
		bgp_show_paths(instance->bgp, path_row, &rows);
	if (what == SHOW_BGP_NEIGHBORS)
		list_each (neighbor, &instance->neighbors, struct bgp_neighbor, in_instance)
			neighbor_row(&rows, neighbor, now);
}
