/* What weft top shows: rows of machines, ports, routers and links. */
#include "ui/top.h"

#include "base/check.h"
#include "base/map.h"
#include "ui/grid.h"

#include <stdlib.h>
#include <string.h>

static const char *const table_names[TOP_TABLES] = {"machines", "ports", "routers", "links"};
static const char *const sort_names[TOP_SORTS] = {"throughput", "load", "rx", "tx", "dropped", "name"};

const char *top_table_name(enum top_table table) { return table_names[table]; }
const char *top_sort_name(enum top_sort sort) { return sort_names[sort]; }

/* Where rows are made. `by_name`: rows of all tables by "table lab/name". */
struct making {
	struct top *top;
	struct arena *arena;
	struct map by_name[TOP_TABLES];
};

static const char *row_key(const struct making *making, const char *lab, const char *name)
{
	return arena_printf(making->arena, "%s/%s", lab, name);
}

/* The row of that name, NULL when there is none. */
static struct top_row *row_find(const struct making *making, enum top_table table, const char *lab, const char *name)
{
	return map_get_str(&making->by_name[table], row_key(making, lab, name));
}

/* The row of that name; made when there is none and room for it. */
static struct top_row *row_get(struct making *making, enum top_table table, const char *lab, const char *name)
{
	struct top_row *row = row_find(making, table, lab, name);

	if (row != NULL)
		return row;
	row = &making->top->rows[table][making->top->counts[table]++];
	*row = (struct top_row){.lab = arena_str(making->arena, lab), .name = arena_str(making->arena, name), .state = "", .where = ""};
	(void)map_set_str(&making->by_name[table], row_key(making, lab, name), row);
	return row;
}

/* An interface's numbers as its owner sees them: what the switch receives from a port is what the machine sends. */
static void row_add(struct top_row *row, const struct value *interface, bool router)
{
	double rx = value_number(interface, "rx_bps"), tx = value_number(interface, "tx_bps");

	row->bandwidth += value_number(interface, "bandwidth_bps");
	row->throughput += value_number(interface, "throughput_bps");
	row->rx += router ? rx : tx;
	row->tx += router ? tx : rx;
	row->dropped += value_number(interface, "rx_dropped") + value_number(interface, "tx_dropped");
}

static void take_interface(struct making *making, const struct value *interface)
{
	const char *name = value_text(interface, "name"), *lab = value_text(interface, "lab");
	const char *owner = arena_printf(making->arena, "%.*s", (int)strcspn(name, ":"), name);
	bool router = value_bool(interface, "is_router"), up = value_bool(interface, "up");
	struct top_row *row = row_get(making, TOP_PORTS, lab, name);

	row->state = up ? "up" : "down";
	row->where = arena_str(making->arena, value_text(interface, "network"));
	row_add(row, interface, router);
	row = router ? row_get(making, TOP_ROUTERS, lab, owner) : row_find(making, TOP_MACHINES, lab, owner);
	if (row == NULL)
		return;
	row_add(row, interface, router);
	/* A router is up when one of its interfaces is. */
	if (router && (up || row->state[0] == '\0'))
		row->state = up ? "up" : "down";
}

static void take_vm(struct making *making, const struct value *vm)
{
	struct top_row *row = row_get(making, TOP_MACHINES, value_text(vm, "lab"), value_text(vm, "name"));
	const struct value *nics = value_get(vm, "nics");
	struct text text = {0};

	for (size_t i = 0; i < value_count(nics); i++) {
		const char *ipv4 = value_text(value_at(nics, i), "ipv4");

		if (ipv4[0] != '\0')
			text_add(&text, "%s%s", text.used > 0 ? ", " : "", ipv4);
	}
	row->state = arena_str(making->arena, value_text(vm, "state"));
	row->where = arena_str(making->arena, text_get(&text));
	text_free(&text);
}

/* A link's two directions are what its ends send. */
static void take_link(struct making *making, const char *lab, const struct value *link)
{
	const struct top_row *from = row_find(making, TOP_PORTS, lab, value_text(link, "from"));
	const struct top_row *to = row_find(making, TOP_PORTS, lab, value_text(link, "to"));
	struct top_row *row = row_get(making, TOP_LINKS, lab, value_text(link, "name"));

	row->state = "-";
	if (from == NULL || to == NULL)
		return;
	row->state = strcmp(from->state, "up") == 0 && strcmp(to->state, "up") == 0 ? "up" : "down";
	row->tx = from->tx;
	row->rx = to->tx;
	row->bandwidth = from->bandwidth < to->bandwidth ? from->bandwidth : to->bandwidth;
	row->throughput = top_load(from) >= top_load(to) ? from->throughput : to->throughput;
	row->bandwidth = top_load(from) >= top_load(to) && from->throughput > 0 ? from->bandwidth : row->bandwidth;
	row->dropped = from->dropped + to->dropped;
}

void top_make(struct top *top, const struct value *interfaces, const struct value *vms, const struct value *labs, struct arena *arena)
{
	struct making making = {.top = top, .arena = arena};
	size_t links = 0;

	for (size_t i = 0; i < value_count(labs); i++)
		links += value_count(value_get(value_get(value_at(labs, i), "flat"), "links"));
	*top = (struct top){0};
	for (enum top_table table = 0; table < TOP_TABLES; table++) {
		size_t room = table == TOP_MACHINES ? value_count(vms) : table == TOP_LINKS ? links : value_count(interfaces);

		top->rows[table] = arena_alloc(arena, (room + 1) * sizeof(struct top_row));
	}
	for (size_t i = 0; i < value_count(vms); i++)
		take_vm(&making, value_at(vms, i));
	for (size_t i = 0; i < value_count(interfaces); i++)
		take_interface(&making, value_at(interfaces, i));
	for (size_t i = 0; i < value_count(labs); i++) {
		const struct value *lab = value_at(labs, i), *list = value_get(value_get(lab, "flat"), "links");

		for (size_t j = 0; j < value_count(list); j++)
			take_link(&making, value_text(lab, "name"), value_at(list, j));
	}
	for (enum top_table table = 0; table < TOP_TABLES; table++)
		map_free(&making.by_name[table]);
}

static double sort_number(const struct top_row *row, enum top_sort sort)
{
	switch (sort) {
	case TOP_BY_THROUGHPUT:
		return row->throughput;
	case TOP_BY_LOAD:
		return top_load(row);
	case TOP_BY_RX:
		return row->rx;
	case TOP_BY_TX:
		return row->tx;
	case TOP_BY_DROPPED:
		return row->dropped;
	case TOP_BY_NAME:
	case TOP_SORTS:
		break;
	}
	return 0;
}

/* How rows are compared; qsort_r hands it on. */
struct order {
	enum top_sort sort;
	bool reverse;
};

static int compare_rows(const void *left, const void *right, void *context)
{
	const struct top_row *a = left, *b = right;
	const struct order *order = context;
	double x = sort_number(a, order->sort), y = sort_number(b, order->sort);
	int result = x > y ? -1 : x < y ? 1 : 0;

	if (result == 0)
		result = text_compare_natural(a->lab, b->lab);
	if (result == 0)
		result = text_compare_natural(a->name, b->name);
	return order->reverse ? -result : result;
}

void top_sort(struct top *top, enum top_sort sort, bool reverse)
{
	struct order order = {sort, reverse};

	for (enum top_table table = 0; table < TOP_TABLES; table++)
		qsort_r(top->rows[table], top->counts[table], sizeof(struct top_row), compare_rows, &order);
}

const char *top_rate_text(double bps, char out[16])
{
	static const char units[] = {'\0', 'k', 'M', 'G', 'T'};
	size_t unit = 0;

	while (bps >= 999.5 && unit + 1 < COUNT_OF(units)) {
		bps /= 1000;
		unit++;
	}
	if (unit == 0)
		(void)snprintf(out, 16, "%.0f", bps);
	else
		(void)snprintf(out, 16, bps < 9.995 ? "%.2f%c" : bps < 99.95 ? "%.1f%c" : "%.0f%c", bps, units[unit]);
	return out;
}

static void add_rate(struct grid *grid, double bps)
{
	char text[16];

	grid_text(grid, top_rate_text(bps, text));
}

void top_print(const struct top *top, enum top_table table, bool labs, struct text *out)
{
	static const char *const names[TOP_TABLES] = {"MACHINE", "PORT", "ROUTER", "LINK"};
	static const char *const wheres[TOP_TABLES] = {"ADDRESSES", "NETWORK", "", ""};
	const struct grid_column columns[] = {
		{.title = "LAB", .wide = !labs},
		{.title = names[table]},
		{.title = "STATE", .state = true},
		{.title = "G", .right = true},
		{.title = "C", .right = true},
		{.title = "R", .right = true},
		{.title = table == TOP_LINKS ? "BACK" : "RX", .right = true},
		{.title = table == TOP_LINKS ? "THERE" : "TX", .right = true},
		{.title = "DROPPED", .right = true},
		{.title = wheres[table], .wide = wheres[table][0] == '\0'},
	};
	struct grid *grid;

	if (top->counts[table] == 0)
		return;
	grid = grid_new(columns, COUNT_OF(columns));
	for (size_t i = 0; i < top->counts[table]; i++) {
		const struct top_row *row = &top->rows[table][i];

		grid_text(grid, row->lab);
		grid_text(grid, row->name);
		grid_text(grid, row->state);
		add_rate(grid, row->bandwidth);
		grid_add(grid, "%.1f %%", top_load(row) * 100);
		add_rate(grid, row->throughput);
		add_rate(grid, row->rx);
		add_rate(grid, row->tx);
		grid_add(grid, "%.0f", row->dropped);
		grid_text(grid, row->where);
	}
	grid_print(grid, false, false, out);
	grid_free(grid);
}

struct value *top_value(const struct top *top)
{
	struct value *all = value_object();

	for (enum top_table table = 0; table < TOP_TABLES; table++) {
		struct value *list = value_array();

		for (size_t i = 0; i < top->counts[table]; i++) {
			const struct top_row *row = &top->rows[table][i];
			struct value *item = value_object();

			value_set(item, "lab", value_new_text(row->lab));
			value_set(item, "name", value_new_text(row->name));
			value_set(item, "state", value_new_text(row->state));
			value_set(item, "bandwidth_bps", value_new_int((int64_t)row->bandwidth));
			value_set(item, "load", value_new_number(top_load(row)));
			value_set(item, "throughput_bps", value_new_int((int64_t)row->throughput));
			value_set(item, "rx_bps", value_new_int((int64_t)row->rx));
			value_set(item, "tx_bps", value_new_int((int64_t)row->tx));
			value_set(item, "dropped", value_new_int((int64_t)row->dropped));
			value_append(list, item);
		}
		value_set(all, table_names[table], list);
	}
	return all;
}
