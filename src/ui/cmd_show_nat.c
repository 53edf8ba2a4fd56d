/* weft show nat: rules of address translation and the connections that they translate. */
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

static void add_rule_cells(struct grid *grid, const struct value *row)
{
	static const char *const counts[] = {"hosts", "ports_used", "ports_taken", "ports_all"};
	bool pool = strcmp(value_text(row, "kind"), "snat") == 0;

	grid_text(grid, value_text(row, "kind"));
	grid_text(grid, show_short_name(value_text(row, "rif")));
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

enum status show_nat_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "RULE"}, {.title = "INTERFACE"}, {.title = "OF"},
		{.title = "TO"}, {.title = "BEGUN", .right = true}, {.title = "HOSTS", .right = true}, {.title = "PORTS", .right = true},
		{.title = "IN BLOCKS", .right = true}, {.title = "OF ALL", .right = true}};
	static const struct show_table table = {
		.what = "nat-rules", COLUMNS(columns), .cells = add_rule_cells, .none = "no router translates addresses"};

	return show_routers(call, &table);
}

/* "10.1.0.5:1024"; of what has no ports the address alone, of ICMP its identifier. */
static void add_end(struct grid *grid, const struct value *row, const char *ip, const char *port)
{
	if (value_int(row, port) != 0)
		grid_add(grid, "%s:%" PRId64, value_text(row, ip), value_int(row, port));
	else
		grid_text(grid, value_text(row, ip));
}

static void add_connection_cells(struct grid *grid, const struct value *row)
{
	char text[32];

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

enum status show_nat_connections_run(struct call *call)
{
	static const struct grid_column columns[] = {{.title = "ROUTER"}, {.title = "PROTO"}, {.title = "STATE", .state = true},
		{.title = "FROM"}, {.title = "TO"}, {.title = "BECOMES FROM"}, {.title = "TO"}, {.title = "PACKETS", .right = true},
		{.title = "REPLIES", .right = true}, {.title = "REMAINING"}};
	static const struct show_table table = {
		.what = "nat", COLUMNS(columns), .cells = add_connection_cells, .none = "no connection is translated"};

	return show_routers(call, &table);
}
