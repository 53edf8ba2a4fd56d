/* Tables on the screen. */
#include "ui/grid.h"

#include "base/arena.h"
#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct grid {
	struct arena *arena;
	const struct grid_column *columns;
	size_t column_count;
	const char **cells;
	size_t count;
	size_t capacity;
};

struct grid *grid_new(const struct grid_column *columns, size_t count)
{
	struct arena *arena = arena_new(NULL);
	struct grid *grid = arena_alloc(arena, sizeof(*grid));

	CHECK(count > 0 && count <= GRID_COLUMNS_MAX);
	*grid = (struct grid){.arena = arena, .columns = columns, .column_count = count};
	return grid;
}

void grid_free(struct grid *grid)
{
	if (grid == NULL)
		return;
	free(grid->cells);
	arena_free(grid->arena);
}

void grid_text(struct grid *grid, const char *text)
{
	char *copy = arena_str(grid->arena, text[0] ? text : "-");

	/* What comes from guests and peers (host names, reasons) may not steer the terminal. */
	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (grid->count == grid->capacity) {
		grid->capacity = grid->capacity * 2 + 64;
		grid->cells = xrealloc(grid->cells, grid->capacity * sizeof(*grid->cells));
	}
	grid->cells[grid->count++] = copy;
}

void grid_add(struct grid *grid, const char *format, ...)
{
	char buffer[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(buffer, sizeof(buffer), format, args);
	va_end(args);
	grid_text(grid, buffer);
}

size_t grid_rows(const struct grid *grid) { return grid->column_count > 0 ? grid->count / grid->column_count : 0; }

/* Characters of a UTF-8 text. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

const char *grid_state_color(const char *word)
{
	static const struct {
		const char *word;
		const char *color;
	} colors[] = {
		{"running", "\033[32m"},
		{"up", "\033[32m"},
		{"ok", "\033[32m"},
		{"reachable", "\033[32m"},
		{"done", "\033[32m"},
		{"passed", "\033[32m"},
		{"waiting", "\033[33m"},
		{"starting", "\033[33m"},
		{"stopping", "\033[33m"},
		{"paused", "\033[33m"},
		{"saved", "\033[33m"},
		{"connected", "\033[33m"},
		{"warn", "\033[33m"},
		{"incomplete", "\033[33m"},
		{"failed", "\033[31m"},
		{"fail", "\033[31m"},
		{"down", "\033[31m"},
	};

	for (size_t i = 0; i < COUNT_OF(colors); i++)
		if (strcmp(word, colors[i].word) == 0)
			return colors[i].color;
	return "";
}

/* One cell, padded unless it ends the line. */
static void print_cell(const struct grid_column *column, const char *cell, size_t width, bool last, bool color, struct text *out)
{
	int pad = (int)(width - width_of(cell));
	const char *sgr = color && column->state ? grid_state_color(cell) : "";

	text_add(out, "%*s%s%s%s", column->right ? pad : 0, "", sgr, cell, sgr[0] ? "\033[0m" : "");
	if (!last)
		text_add(out, "%*s", (column->right ? 0 : pad) + 2, "");
}

void grid_print(const struct grid *grid, bool wide, bool color, struct text *out)
{
	size_t widths[GRID_COLUMNS_MAX] = {0}, last = 0;

	for (size_t c = 0; c < grid->column_count; c++) {
		widths[c] = width_of(grid->columns[c].title);
		for (size_t r = 0; r < grid_rows(grid); r++) {
			size_t width = width_of(grid->cells[r * grid->column_count + c]);

			widths[c] = width > widths[c] ? width : widths[c];
		}
		if (wide || !grid->columns[c].wide)
			last = c;
	}
	for (size_t r = 0; r <= grid_rows(grid); r++) {
		for (size_t c = 0; c <= last; c++) {
			static const struct grid_column plain = {.title = ""};
			const struct grid_column *column = &grid->columns[c];

			if (column->wide && !wide)
				continue;
			if (r == 0)
				print_cell(column->right ? column : &plain, column->title, widths[c], c == last, false, out);
			else
				print_cell(column, grid->cells[(r - 1) * grid->column_count + c], widths[c], c == last, color, out);
		}
		text_add(out, "\n");
	}
}
