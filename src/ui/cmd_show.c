/*
 * weft show: what routers and switches know, in the words of vtysh and iproute2.
 *
 * Theory of operation. Each command asks the daemon for the rows of one kind; -j prints them as they came. For people, routes and RIP read
 * like FRR's, the rest are tables whose columns are rows here: title, JSON key, alignment.
 */
#include "ui/api_client.h"
#include "ui/grid.h"
#include "ui/show_rows.h"
#include "ui/top.h"

#include <inttypes.h>
#include <string.h>

/* FRR's letters. */
static char route_code(const char *protocol)
{
	static const char *const names[] = {"connected", "static", "rip", "ospf", "bgp"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(protocol, names[i]) == 0)
			return "CSROB"[i];
	return '?';
}

/* "R>* 10.2.0.0/24 [120/2] via 10.255.0.1, r1:eth0, 00:01:02", one line a next hop. */
static void print_route(const struct call *call, const struct value *route)
{
	const struct value *hops = value_get(route, "nexthops");
	const char *protocol = value_text(route, "protocol"), *prefix = value_text(route, "prefix");
	bool selected = value_bool(route, "selected"), connected = strcmp(protocol, "connected") == 0;
	char age[32], head[128];
	int width;

	(void)snprintf(head, sizeof(head), "%c%c%c %s", route_code(protocol), selected ? '>' : ' ', selected ? '*' : ' ', prefix);
	if (!connected) {
		size_t used = strlen(head);

		(void)snprintf(head + used, sizeof(head) - used, " [%" PRId64 "/%" PRId64 "]", value_int(route, "distance"),
			value_int(route, "metric"));
	}
	show_age_text(value_int(route, "age_s"), age);
	if (strcmp(value_text(route, "action"), "blackhole") == 0)
		(void)fprintf(call->out, "%s unreachable (blackhole), %s\n", head, age);
	width = (int)strlen(head);
	for (size_t i = 0; i < value_count(hops); i++) {
		const struct value *hop = value_at(hops, i);
		const char *ip = value_text(hop, "ip"), *start = i == 0 ? head : selected ? "  *" : "";
		const char *name = show_short_name(value_text(hop, "rif"));

		if (ip[0] == '\0' || strcmp(ip, "-") == 0)
			(void)fprintf(call->out, "%-*s is directly connected, %s, %s\n", width, start, name, age);
		else
			(void)fprintf(call->out, "%-*s via %s, %s, %s\n", width, start, ip, name, age);
	}
}

/* Calls `print` for the rows router by router, with a title for each. */
static void by_router(
	const struct call *call, const struct value *rows, void (*print)(const struct call *call, const struct value *row), bool titles)
{
	size_t count = value_count(rows);
	bool *done = arena_alloc(call->arena, count + 1), labs = show_several_labs(rows);

	for (size_t i = 0; i < count; i++) {
		const char *router = value_text(value_at(rows, i), "router"), *lab = value_text(value_at(rows, i), "lab");

		if (done[i])
			continue;
		if (titles)
			(void)fprintf(call->out, "%s%s%s%s:\n", i > 0 ? "\n" : "", labs ? lab : "", labs ? "/" : "", router);
		for (size_t j = i; j < count; j++) {
			const struct value *row = value_at(rows, j);

			if (done[j] || strcmp(value_text(row, "router"), router) != 0 || strcmp(value_text(row, "lab"), lab) != 0)
				continue;
			print(call, row);
			done[j] = true;
		}
	}
}

enum status show_route_run(struct call *call)
{
	struct value *rows = NULL;
	enum status status = show_rows_get(call, "route", &rows);

	if (status == STATUS_OK && !call_for_programs(call)) {
		call_say(call, "Codes: C - connected, S - static, R - RIP, O - OSPF, B - BGP,\n       > - selected route, * - FIB route\n");
		by_router(call, rows, print_route, call_option(call, "router") == NULL);
	}
	value_free(rows);
	return status;
}

/* How a column's value is shown. */
enum column_kind { COLUMN_TEXT, COLUMN_NUMBER, COLUMN_AGE, COLUMN_SHORT, COLUMN_YES, COLUMN_UP, COLUMN_RATE, COLUMN_PERCENT };

/* A column: how it looks, and the keys of the JSON row it may be under (the first that is there). */
struct column {
	struct grid_column look;
	enum column_kind kind;
	const char *keys[4];
};

static void add_cell(struct grid *grid, const struct column *column, const struct value *row)
{
	const struct value *part = NULL;
	const char *key = column->keys[0];
	char age[32];

	for (size_t i = 0; i < 4 && column->keys[i] != NULL && value_is_null(part); i++) {
		key = column->keys[i];
		part = value_get(row, key);
	}
	switch (column->kind) {
	case COLUMN_TEXT:
		grid_text(grid, value_string(part));
		break;
	case COLUMN_SHORT:
		grid_text(grid, show_short_name(value_string(part)));
		break;
	case COLUMN_NUMBER:
		grid_add(grid, "%" PRId64, value_int(row, key));
		break;
	case COLUMN_AGE:
		grid_text(grid, show_age_text(value_int(row, key), age));
		break;
	case COLUMN_RATE:
		grid_text(grid, top_rate_text(value_number(row, key), age));
		break;
	case COLUMN_PERCENT:
		grid_add(grid, "%.1f %%", value_number(row, key) * 100);
		break;
	case COLUMN_YES:
		grid_text(grid, value_bool(row, key) ? "yes" : "no");
		break;
	case COLUMN_UP:
		grid_text(grid, value_bool(row, key) ? "up" : "down");
		break;
	}
}

/* Shows rows as a table; a LAB column comes first when there are several. */
static enum status show_table(struct call *call, const char *what, const struct column *columns, size_t count, const char *none)
{
	struct grid_column looks[GRID_COLUMNS_MAX] = {{.title = "LAB", .wide = true}};
	struct value *rows = NULL;
	enum status status = show_rows_get(call, what, &rows);
	struct grid *grid;

	if (status != STATUS_OK)
		return status;
	looks[0].wide = !show_several_labs(rows);
	for (size_t i = 0; i < count; i++)
		looks[i + 1] = columns[i].look;
	grid = grid_new(looks, count + 1);
	for (size_t r = 0; r < value_count(rows); r++) {
		grid_text(grid, value_text(value_at(rows, r), "lab"));
		for (size_t i = 0; i < count; i++)
			add_cell(grid, &columns[i], value_at(rows, r));
	}
	if (grid_rows(grid) == 0)
		call_say(call, "%s", none);
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}

#define SHOW(call, what, columns, none) show_table(call, what, columns, sizeof(columns) / sizeof((columns)[0]), none)

enum status show_rip_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "ROUTER"}, COLUMN_TEXT, {"router"}},
		{{.title = "NETWORK"}, COLUMN_TEXT, {"prefix"}},
		{{.title = "NEXT HOP"}, COLUMN_TEXT, {"nexthop"}},
		{{.title = "METRIC", .right = true}, COLUMN_NUMBER, {"metric"}},
		{{.title = "FROM"}, COLUMN_TEXT, {"from"}},
		{{.title = "INTERFACE"}, COLUMN_SHORT, {"rif"}},
		{{.title = "TAG", .right = true}, COLUMN_NUMBER, {"tag"}},
		{{.title = "TIME"}, COLUMN_AGE, {"timeout_s"}},
	};

	return SHOW(call, "rip", columns, "no router speaks RIP, or it has learnt nothing yet");
}

enum status show_rip_neighbors_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "ROUTER"}, COLUMN_TEXT, {"router"}},
		{{.title = "NEIGHBOR"}, COLUMN_TEXT, {"ip"}},
		{{.title = "INTERFACE"}, COLUMN_SHORT, {"rif"}},
		{{.title = "LAST UPDATE"}, COLUMN_AGE, {"age_s"}},
		{{.title = "BAD PACKETS", .right = true}, COLUMN_NUMBER, {"bad_packets"}},
		{{.title = "BAD ROUTES", .right = true}, COLUMN_NUMBER, {"bad_routes"}},
		{{.title = "BAD AUTH", .right = true}, COLUMN_NUMBER, {"bad_auth"}},
	};

	return SHOW(call, "rip-neighbors", columns, "no RIP neighbour was heard");
}

enum status show_arp_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "ROUTER"}, COLUMN_TEXT, {"router"}},
		{{.title = "ADDRESS"}, COLUMN_TEXT, {"ip"}},
		{{.title = "INTERFACE"}, COLUMN_SHORT, {"rif"}},
		{{.title = "MAC"}, COLUMN_TEXT, {"mac"}},
		{{.title = "STATE", .state = true}, COLUMN_TEXT, {"state"}},
		{{.title = "AGE"}, COLUMN_AGE, {"age_s"}},
	};

	return SHOW(call, "arp", columns, "no neighbour is known");
}

enum status show_mac_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "NETWORK"}, COLUMN_TEXT, {"network"}},
		{{.title = "MAC"}, COLUMN_TEXT, {"mac"}},
		{{.title = "PORT"}, COLUMN_TEXT, {"port", "rif"}},
		{{.title = "STATIC"}, COLUMN_YES, {"is_static"}},
		{{.title = "AGE"}, COLUMN_AGE, {"age_s"}},
	};

	return SHOW(call, "mac", columns, "no MAC address was learnt");
}

enum status show_interfaces_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "INTERFACE"}, COLUMN_TEXT, {"name", "port", "rif", "id"}},
		{{.title = "STATE", .state = true}, COLUMN_UP, {"up"}},
		{{.title = "NETWORK"}, COLUMN_TEXT, {"network"}},
		{{.title = "MAC"}, COLUMN_TEXT, {"mac"}},
		{{.title = "MTU", .right = true}, COLUMN_NUMBER, {"mtu"}},
		{{.title = "G", .right = true}, COLUMN_RATE, {"bandwidth_bps"}},
		{{.title = "C", .right = true}, COLUMN_PERCENT, {"load"}},
		{{.title = "R", .right = true}, COLUMN_RATE, {"throughput_bps"}},
		{{.title = "RX PACKETS", .right = true}, COLUMN_NUMBER, {"rx_packets"}},
		{{.title = "RX BYTES", .right = true, .wide = true}, COLUMN_NUMBER, {"rx_bytes"}},
		{{.title = "RX DROPPED", .right = true}, COLUMN_NUMBER, {"rx_dropped"}},
		{{.title = "TX PACKETS", .right = true}, COLUMN_NUMBER, {"tx_packets"}},
		{{.title = "TX BYTES", .right = true, .wide = true}, COLUMN_NUMBER, {"tx_bytes"}},
		{{.title = "TX DROPPED", .right = true}, COLUMN_NUMBER, {"tx_dropped"}},
	};

	return SHOW(call, "interfaces", columns, "there are no interfaces");
}

enum status show_drops_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "WHERE"}, COLUMN_TEXT, {"name", "port", "router", "id"}},
		{{.title = "REASON"}, COLUMN_TEXT, {"reason"}},
		{{.title = "PACKETS", .right = true}, COLUMN_NUMBER, {"packets"}},
		{{.title = "MEANING"}, COLUMN_TEXT, {"text"}},
	};

	return SHOW(call, "drops", columns, "nothing was dropped");
}

enum status show_connections_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "PORT"}, COLUMN_TEXT, {"port"}},
		{{.title = "PROTO", .right = true}, COLUMN_NUMBER, {"protocol"}},
		{{.title = "STATE", .state = true}, COLUMN_TEXT, {"state"}},
		{{.title = "FROM"}, COLUMN_TEXT, {"source"}},
		{{.title = "PORT", .right = true}, COLUMN_NUMBER, {"source_port"}},
		{{.title = "TO"}, COLUMN_TEXT, {"destination"}},
		{{.title = "PORT", .right = true}, COLUMN_NUMBER, {"destination_port"}},
		{{.title = "PACKETS", .right = true}, COLUMN_NUMBER, {"packets"}},
		{{.title = "REPLIES", .right = true}, COLUMN_NUMBER, {"reply_packets"}},
		{{.title = "REMAINING"}, COLUMN_AGE, {"remaining_s"}},
	};

	return SHOW(call, "connections", columns, "no connection is tracked");
}

enum status show_groups_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "GROUP"}, COLUMN_TEXT, {"group"}},
		{{.title = "PORTS", .right = true}, COLUMN_NUMBER, {"ports"}},
		{{.title = "INGRESS", .right = true}, COLUMN_NUMBER, {"ingress_rules"}},
		{{.title = "EGRESS", .right = true}, COLUMN_NUMBER, {"egress_rules"}},
		{{.title = "CONNECTIONS", .right = true}, COLUMN_NUMBER, {"connections"}},
		{{.title = "DENIED IN", .right = true}, COLUMN_NUMBER, {"denied_in"}},
		{{.title = "DENIED OUT", .right = true}, COLUMN_NUMBER, {"denied_out"}},
	};

	return SHOW(call, "groups", columns, "there are no security groups");
}

enum status show_dhcp_run(struct call *call)
{
	static const struct column columns[] = {
		{{.title = "NETWORK"}, COLUMN_TEXT, {"network"}},
		{{.title = "ADDRESS"}, COLUMN_TEXT, {"ip"}},
		{{.title = "MAC"}, COLUMN_TEXT, {"mac"}},
		{{.title = "PORT"}, COLUMN_TEXT, {"port"}},
		{{.title = "HOST NAME"}, COLUMN_TEXT, {"hostname"}},
		{{.title = "REMAINING"}, COLUMN_AGE, {"remaining_s"}},
	};

	return SHOW(call, "dhcp", columns, "no address is leased");
}
