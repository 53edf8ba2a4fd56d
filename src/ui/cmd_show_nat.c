/* weft show nat: rules of address translation and the connections that they translate. */
#include "ui/api_client.h"
#include "ui/grid.h"
#include "ui/show_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *protocol_text(int64_t protocol, char out[16])
{
	const char *name = protocol == 6 ? "tcp" : protocol == 17 ? "udp" : protocol == 1 ? "icmp" : protocol == 58 ? "icmpv6" : NULL;

	(void)snprintf(out, 16, name != NULL ? "%s" : "%s%" PRId64, name != NULL ? name : "", protocol);
	return out;
}

static void add_router(struct grid *grid, const struct value *row, bool labs)
{
	grid_add(grid, "%s%s%s", labs ? value_text(row, "lab") : "", labs ? "/" : "", value_text(row, "router"));
}

/* "tcp/2201", "udp/8000-8010" of a rule that forwards; else what it speaks of. */
static void add_match(struct grid *grid, const struct value *row)
{
	int64_t first = value_int(row, "port_first"), last = value_int(row, "port_last");
	const char *match = value_text(row, "match");
	size_t address = strcspn(match, "/");
	char protocol[16];

	if (strcmp(value_text(row, "kind"), "dnat") == 0 && first == last)
		grid_add(grid, "%.*s %s/%" PRId64, (int)address, match, protocol_text(value_int(row, "protocol"), protocol), first);
	else if (strcmp(value_text(row, "kind"), "dnat") == 0)
		grid_add(grid, "%.*s %s/%" PRId64 "-%" PRId64, (int)address, match, protocol_text(value_int(row, "protocol"), protocol),
			first, last);
	else if (strcmp(value_text(row, "kind"), "one-to-one") == 0)
		grid_add(grid, "%.*s", (int)address, match);
	else
		grid_text(grid, match);
}

static void add_target(struct grid *grid, const struct value *row)
{
	const char *to = value_text(row, "to"), *last = value_text(row, "to_last");
	int64_t port = value_int(row, "to_port"), length = value_int(row, "to_length");

	if (port != 0)
		grid_add(grid, "%s:%" PRId64, to, port);
	else if (length != 0)
		grid_add(grid, "%s/%" PRId64, to, length);
	else if (strcmp(value_text(row, "kind"), "snat") == 0 && strcmp(to, last) != 0)
		grid_add(grid, "%s-%s", to, last);
	else
		grid_text(grid, to);
}

/* The interface's name within its router. */
static const char *interface_name(const struct value *row)
{
	const char *name = value_text(row, "rif"), *colon = strrchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

enum status show_nat_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "RULE"}, {.title = "INTERFACE"}, {.title = "OF"},
		{.title = "TO"}, {.title = "BEGUN", .right = true}, {.title = "HOSTS", .right = true}, {.title = "PORTS", .right = true},
		{.title = "IN BLOCKS", .right = true}, {.title = "OF ALL", .right = true}};
	struct value *rows = NULL;
	enum status status = show_rows_get(call, "nat-rules", &rows);
	struct grid *grid;
	bool labs;

	if (status != STATUS_OK || call_for_programs(call)) {
		value_free(rows);
		return status;
	}
	labs = show_several_labs(rows);
	grid = grid_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < value_count(rows); i++) {
		static const char *const counts[] = {"hosts", "ports_used", "ports_taken", "ports_all"};
		const struct value *row = value_at(rows, i);
		bool pool = strcmp(value_text(row, "kind"), "snat") == 0;

		add_router(grid, row, labs);
		grid_text(grid, value_text(row, "kind"));
		grid_text(grid, interface_name(row));
		add_match(grid, row);
		add_target(grid, row);
		if (strcmp(value_text(row, "kind"), "prefix") == 0)
			grid_text(grid, "-");
		else
			grid_add(grid, "%" PRId64, value_int(row, "begun"));
		for (size_t k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			if (pool)
				grid_add(grid, "%" PRId64, value_int(row, counts[k]));
			else
				grid_text(grid, "-");
	}
	if (grid_rows(grid) == 0)
		call_say(call, "no router translates addresses");
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}

/* "10.1.0.5:1024"; of what has no ports the address alone, of ICMP its identifier. */
static void add_end(struct grid *grid, const struct value *row, const char *ip, const char *port)
{
	if (value_int(row, port) != 0)
		grid_add(grid, "%s:%" PRId64, value_text(row, ip), value_int(row, port));
	else
		grid_text(grid, value_text(row, ip));
}

enum status show_nat_connections_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "PROTO"}, {.title = "STATE", .state = true},
		{.title = "FROM"}, {.title = "TO"}, {.title = "BECOMES FROM"}, {.title = "TO"}, {.title = "PACKETS", .right = true},
		{.title = "REPLIES", .right = true}, {.title = "REMAINING"}};
	struct value *rows = NULL;
	enum status status = show_rows_get(call, "nat", &rows);
	struct grid *grid;
	char text[32];
	bool labs;

	if (status != STATUS_OK || call_for_programs(call)) {
		value_free(rows);
		return status;
	}
	labs = show_several_labs(rows);
	grid = grid_new(columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < value_count(rows); i++) {
		const struct value *row = value_at(rows, i);

		add_router(grid, row, labs);
		grid_text(grid, protocol_text(value_int(row, "protocol"), text));
		grid_text(grid, value_text(row, "state"));
		add_end(grid, row, "source", "source_port");
		add_end(grid, row, "destination", "destination_port");
		add_end(grid, row, "new_source", "new_source_port");
		add_end(grid, row, "new_destination", "new_destination_port");
		grid_add(grid, "%" PRId64, value_int(row, "packets"));
		grid_add(grid, "%" PRId64, value_int(row, "reply_packets"));
		grid_text(grid, show_age_text(value_int(row, "remaining_s"), text));
	}
	if (grid_rows(grid) == 0)
		call_say(call, "no connection is translated");
	call_print_grid(call, grid);
	value_free(rows);
	return STATUS_OK;
}
