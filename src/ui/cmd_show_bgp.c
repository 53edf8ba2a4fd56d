/* weft show bgp: tables and sessions of BGP, in the words and columns of vtysh. */
#include "ui/show_rows.h"

#include <inttypes.h>
#include <string.h>

/* FRR's marks, next hop and path in one text each: they don't stand in the JSON so. */
static void add_path_cells(struct grid *grid, const struct value *row)
{
	const char *nexthop = value_text(row, "nexthop"), *path = value_text(row, "path"), *origin = value_text(row, "origin");
	bool local = strcmp(value_text(row, "pathFrom"), "local") == 0;

	grid_add(grid, "%c%c%c",
		value_bool(row, "valid")      ? '*'
		: value_bool(row, "filtered") ? 'f'
					      : ' ',
		value_bool(row, "bestpath") ? '>' : ' ', strcmp(value_text(row, "pathFrom"), "internal") == 0 ? 'i' : ' ');
	grid_text(grid, value_text(row, "network"));
	grid_text(grid, local ? "0.0.0.0" : nexthop);
	grid_add(grid, "%" PRId64, value_int(row, "metric"));
	grid_add(grid, "%" PRId64, value_int(row, "locPrf"));
	grid_add(grid, "%" PRId64, value_int(row, "weight"));
	grid_add(grid, "%s%s%c", path, path[0] != '\0' ? " " : "", origin[0] == 'I' ? 'i' : origin[0] == 'E' ? 'e' : '?');
}

enum status show_bgp_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = ""}, {.title = "NETWORK"}, {.title = "NEXT HOP"},
		{.title = "METRIC", .right = true}, {.title = "LOCPRF", .right = true}, {.title = "WEIGHT", .right = true},
		{.title = "PATH"}};
	static const struct show_table table = {.what = "bgp",
		COLUMNS(columns),
		.cells = add_path_cells,
		.none = "no router speaks BGP, or it has learnt nothing yet",
		.legend = "Status codes: * valid, > best, i internal, f filtered (no policy lets it in); origin codes: i IGP, e EGP, "
			  "? incomplete\n"};

	return show_routers(call, &table);
}

/* "2", "2 (Policy)", "Active": FRR's last column but one. */
static const char *state_text(const struct value *row, char out[64])
{
	const char *state = value_text(row, "state");

	if (strcmp(state, "Established") != 0)
		(void)snprintf(out, 64, "%s", state);
	else if (!value_bool(row, "policy"))
		(void)snprintf(out, 64, "(Policy)");
	else
		(void)snprintf(out, 64, "%" PRId64, value_int(row, "pfxRcd"));
	return out;
}

static void add_neighbor_cells(struct grid *grid, const struct value *row)
{
	char age[32], state[64];

	grid_add(grid, "%" PRId64, value_int(row, "localAs"));
	grid_text(grid, value_text(row, "neighbor"));
	grid_text(grid, "4");
	grid_add(grid, "%" PRId64, value_int(row, "remoteAs"));
	grid_add(grid, "%" PRId64, value_int(row, "msgRcvd"));
	grid_add(grid, "%" PRId64, value_int(row, "msgSent"));
	grid_text(grid, show_age_text(value_int(row, "peerUptimeMsec") / 1000, age));
	grid_text(grid, state_text(row, state));
	grid_add(grid, "%" PRId64, value_int(row, "pfxSnt"));
	grid_text(grid, value_text(row, "lastNotificationReason"));
}

enum status show_bgp_summary_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "AS", .right = true}, {.title = "NEIGHBOR"},
		{.title = "V", .right = true}, {.title = "REMOTE AS", .right = true}, {.title = "MSGRCVD", .right = true},
		{.title = "MSGSENT", .right = true}, {.title = "UP/DOWN"}, {.title = "STATE/PFXRCD"}, {.title = "PFXSNT", .right = true},
		{.title = "LAST END"}};
	static const struct show_table table = {
		.what = "bgp-neighbors", COLUMNS(columns), .cells = add_neighbor_cells, .none = "no router has a BGP neighbour"};

	return show_routers(call, &table);
}
