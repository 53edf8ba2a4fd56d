/* Tables on the screen: columns as wide as their widest cell, two blanks apart, as iproute2 and docker people know them. */
#ifndef UI_GRID_H
#define UI_GRID_H

#include "base/text.h"

#include <stdbool.h>

#define GRID_COLUMNS_MAX 16

/* A column. `wide`: shown with -o wide only. `right`: numbers. `state`: its words are coloured by what they mean. */
struct grid_column {
	const char *title;
	bool wide;
	bool right;
	bool state;
};

struct grid;

/* A grid with `count` columns, borrowed while it lives. */
struct grid *grid_new(const struct grid_column *columns, size_t count);
void grid_free(struct grid *grid);

/* Adds a cell; rows fill from left to right. An empty text is shown as "-". */
void grid_add(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));
void grid_text(struct grid *grid, const char *text);

/* Number of whole rows. */
size_t grid_rows(const struct grid *grid);

/* Adds title line and rows to `out`. */
void grid_print(const struct grid *grid, bool wide, bool color, struct text *out);

/* The colour (an SGR sequence) of a state's word, "" for none: running and up green, waiting and starting yellow, failed and down red. */
const char *grid_state_color(const char *word);

#endif
