/* What weft top shows: machines, ports, routers and links with their rates, as rows of four tables. */
#ifndef UI_TOP_H
#define UI_TOP_H

#include "ui/call.h"
#include "ui/value.h"

enum top_table { TOP_MACHINES, TOP_PORTS, TOP_ROUTERS, TOP_LINKS, TOP_TABLES };
enum top_sort { TOP_BY_THROUGHPUT, TOP_BY_LOAD, TOP_BY_RX, TOP_BY_TX, TOP_BY_DROPPED, TOP_BY_NAME, TOP_SORTS };

/*
 * A row. G, R: bits a second, in the direction with the higher load; a router's and a machine's are the sums over its interfaces. `rx` and
 * `tx` as the object itself receives and sends; a link's: from its first end to the second, and back.
 */
struct top_row {
	const char *lab, *name;
	const char *state; /* "up", "running" */
	const char *where; /* a port's network, a machine's addresses */
	double bandwidth, throughput;
	double rx, tx;
	double dropped; /* packets so far */
};

struct top {
	struct top_row *rows[TOP_TABLES];
	size_t counts[TOP_TABLES];
};

/* Makes the rows of what the daemon answers: interfaces, machines, and labs (each with its flat lab). All memory is the arena's. */
void top_make(struct top *top, const struct value *interfaces, const struct value *vms, const struct value *labs, struct arena *arena);

/* Sorts: the highest first, names rising; `reverse` the other way round. */
void top_sort(struct top *top, enum top_sort sort, bool reverse);

/* C = R / G. */
static inline double top_load(const struct top_row *row) { return row->bandwidth > 0 ? row->throughput / row->bandwidth : 0; }

const char *top_table_name(enum top_table table);
const char *top_sort_name(enum top_sort sort);

/* Adds a table as text, with its title line, or nothing when it has no rows. */
void top_print(const struct top *top, enum top_table table, bool labs, struct text *out);

/* All tables as one JSON object. */
struct value *top_value(const struct top *top);

/* Bits a second as people read them: "12.3M", "0", "10G". Returns `out`. */
const char *top_rate_text(double bps, char out[16]);

/* The interactive screen, by ncurses: asks for new rows with `look` (false: failed, with the problem printed to call->err). */
enum status top_screen(struct call *call, bool (*look)(struct call *call, struct top *top), enum top_sort sort);

#endif
