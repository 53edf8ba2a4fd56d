/* What the show commands share: asking for rows, writing ages, tables of routers. */
#ifndef UI_SHOW_ROWS_H
#define UI_SHOW_ROWS_H

#include "ui/call.h"
#include "ui/grid.h"
#include "ui/value.h"

#include <stdint.h>

/* Asks for the rows of one kind, with the filters that were given; prints them when they are for programs. Free with value_free. */
enum status show_rows_get(const struct call *call, const char *what, struct value **rows);

/* True when the rows come from more than one lab, so that each must say from which. */
bool show_several_labs(const struct value *rows);

/* Seconds as vtysh writes ages: 00:01:02, 3d04h05m. Returns `out`. */
const char *show_age_text(int64_t seconds, char out[32]);

/* The interface's name within its router: "r1:lan" is "lan". */
const char *show_short_name(const char *name);

/* A table of what routers have: its first column says which router, `cells` adds the others of a row. */
struct show_table {
	const char *what; /* the rows, as show_rows_get has it */
	const struct grid_column *columns;
	size_t column_count;
	void (*cells)(struct grid *grid, const struct value *row);
	const char *none;   /* said when there are no rows */
	const char *legend; /* said before the table, or NULL */
};

#define COLUMNS(array) .columns = (array), .column_count = sizeof(array) / sizeof((array)[0])

enum status show_routers(struct call *call, const struct show_table *table);

#endif
