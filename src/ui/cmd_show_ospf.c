/* weft show ospf: neighbours, interfaces, database and routes of OSPF, in the words and columns of vtysh. */
#include "ui/show_rows.h"

#include <inttypes.h>
#include <string.h>

static void add_number(struct grid *grid, const struct value *row, const char *key) { grid_add(grid, "%" PRId64, value_int(row, key)); }

static void add_interface(struct grid *grid, const char *name) { grid_text(grid, show_short_name(name)); }

static void neighbor_cells(struct grid *grid, const struct value *row)
{
	char age[32];

	grid_text(grid, value_text(row, "router_id"));
	add_number(grid, row, "priority");
	grid_add(grid, "%s/%s", value_text(row, "state"), value_text(row, "role"));
	grid_text(grid, show_age_text(value_int(row, "up_s"), age));
	grid_add(grid, "%" PRId64 "s", value_int(row, "dead_s"));
	grid_text(grid, value_text(row, "ip"));
	add_interface(grid, value_text(row, "rif"));
	add_number(grid, row, "retransmits");
	add_number(grid, row, "requests");
	add_number(grid, row, "descriptions");
}

enum status show_ospf_neighbors_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "NEIGHBOR ID"}, {.title = "PRI", .right = true},
		{.title = "STATE", .state = true}, {.title = "UP TIME"}, {.title = "DEAD TIME", .right = true}, {.title = "ADDRESS"},
		{.title = "INTERFACE"}, {.title = "RXMTL", .right = true}, {.title = "RQSTL", .right = true},
		{.title = "DBSML", .right = true}};
	static const struct show_table table = {
		.what = "ospf-neighbors", COLUMNS(columns), .cells = neighbor_cells, .none = "no router has an OSPF neighbour"};

	return show_routers(call, &table);
}

static void interface_cells(struct grid *grid, const struct value *row)
{
	add_interface(grid, value_text(row, "rif"));
	grid_text(grid, value_text(row, "address"));
	grid_text(grid, value_text(row, "area"));
	add_number(grid, row, "cost");
	grid_add(grid, "%s%s", value_text(row, "state"), value_bool(row, "passive") ? " (passive)" : "");
	grid_text(grid, value_text(row, "type"));
	grid_text(grid, value_text(row, "designated"));
	grid_text(grid, value_text(row, "backup"));
	grid_add(grid, "%" PRId64 "/%" PRId64, value_int(row, "adjacent"), value_int(row, "neighbors"));
	grid_add(grid, "%" PRId64 "s/%" PRId64 "s", value_int(row, "hello_s"), value_int(row, "dead_s"));
}

enum status show_ospf_interfaces_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "INTERFACE"}, {.title = "ADDRESS"}, {.title = "AREA"},
		{.title = "COST", .right = true}, {.title = "STATE"}, {.title = "TYPE"}, {.title = "DR"}, {.title = "BDR"},
		{.title = "FULL/NBRS", .right = true}, {.title = "HELLO/DEAD", .right = true}};
	static const struct show_table table = {
		.what = "ospf-interfaces", COLUMNS(columns), .cells = interface_cells, .none = "no router speaks OSPF"};

	return show_routers(call, &table);
}

static void lsa_cells(struct grid *grid, const struct value *row)
{
	const char *area = value_text(row, "area");

	grid_text(grid, area[0] != '\0' ? area : "-");
	grid_text(grid, value_text(row, "type"));
	grid_text(grid, value_text(row, "id"));
	grid_text(grid, value_text(row, "advertising_router"));
	add_number(grid, row, "age_s");
	grid_add(grid, "0x%08" PRIx64, (uint64_t)value_int(row, "sequence"));
	grid_add(grid, "0x%04" PRIx64, (uint64_t)value_int(row, "checksum"));
	add_number(grid, row, "links");
}

enum status show_ospf_database_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "AREA"}, {.title = "TYPE"}, {.title = "LINK ID"},
		{.title = "ADV ROUTER"}, {.title = "AGE", .right = true}, {.title = "SEQ#"}, {.title = "CKSUM"},
		{.title = "LINKS", .right = true}};
	static const struct show_table table = {
		.what = "ospf-database", COLUMNS(columns), .cells = lsa_cells, .none = "no router speaks OSPF"};

	return show_routers(call, &table);
}

/* FRR's letters: N, N IA, N E1, N E2. */
static const char *kind_letters(const char *kind)
{
	if (strcmp(kind, "inter-area") == 0)
		return "N IA";
	if (strcmp(kind, "external-1") == 0)
		return "N E1";
	return strcmp(kind, "external-2") == 0 ? "N E2" : "N";
}

static void route_cells(struct grid *grid, const struct value *row)
{
	const struct value *hops = value_get(row, "nexthops");
	bool type_2 = strcmp(value_text(row, "kind"), "external-2") == 0;
	struct text via = {0};

	grid_text(grid, kind_letters(value_text(row, "kind")));
	grid_text(grid, value_text(row, "prefix"));
	if (type_2)
		grid_add(grid, "[%" PRId64 "/%" PRId64 "]", value_int(row, "cost"), value_int(row, "cost_2"));
	else
		grid_add(grid, "[%" PRId64 "]", value_int(row, "cost"));
	grid_text(grid, value_text(row, "area"));
	for (size_t i = 0; i < value_count(hops); i++) {
		const char *rif = value_text(value_at(hops, i), "rif"), *colon = strchr(rif, ':');

		text_add(&via, "%svia %s, %s", i > 0 ? "; " : "", value_text(value_at(hops, i), "ip"), colon ? colon + 1 : rif);
	}
	grid_text(grid, via.used > 0 ? text_get(&via) : "directly attached");
	text_free(&via);
}

enum status show_ospf_routes_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = ""}, {.title = "NETWORK"},
		{.title = "COST", .right = true}, {.title = "AREA"}, {.title = "NEXT HOPS"}};
	static const struct show_table table = {.what = "ospf-routes",
		COLUMNS(columns),
		.cells = route_cells,
		.none = "no router speaks OSPF, or it has learnt nothing yet"};

	return show_routers(call, &table);
}
