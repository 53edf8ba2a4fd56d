/*
 * The interactive screen of weft top; the only file that knows ncurses.
 *
 * Theory of operation. Every second, and after a key, the rows are asked for anew and the chosen table is drawn as text. Keys change what
 * is drawn, nothing else. A daemon that doesn't answer leaves the last picture with its complaint below.
 */
#include "base/text.h"
#include "ui/top.h"

#include <langinfo.h>
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_MS 1000
#define KEYS_TEXT "1-4 Tab tables   s sort   r reverse   arrows scroll   q quit"

struct screen {
	enum top_table table;
	enum top_sort sort;
	bool reverse;
	size_t first; /* row that is drawn at the top */
	char problem[256];
	struct text text;
};

/* Draws one line, cut at the width; the rest of the line is empty. */
static void draw_line(int row, const char *line, size_t bytes, attr_t attributes)
{
	(void)move(row, 0);
	(void)clrtoeol();
	(void)attron(attributes);
	(void)addnstr(line, (int)bytes);
	(void)attroff(attributes);
}

/* A row with something down or failed stands out. */
static attr_t line_attributes(const char *line, size_t bytes)
{
	return memmem(line, bytes, " down ", 6) != NULL || memmem(line, bytes, " failed ", 8) != NULL ? A_BOLD : A_NORMAL;
}

static void draw(struct screen *screen)
{
	const char *line = text_get(&screen->text);
	char head[512];
	size_t number = 0;
	int row = 2;

	(void)snprintf(head, sizeof(head), "weft top: %s by %s%s   %s", top_table_name(screen->table), top_sort_name(screen->sort),
		screen->reverse ? ", reversed" : "", screen->problem[0] ? screen->problem : KEYS_TEXT);
	draw_line(0, head, strlen(head), screen->problem[0] ? A_BOLD : A_NORMAL);
	draw_line(1, "", 0, A_NORMAL);
	for (; *line != '\0' && row < LINES; number++) {
		size_t bytes = strcspn(line, "\n");

		if (number == 0)
			draw_line(row++, line, bytes, A_REVERSE);
		else if (number > screen->first)
			draw_line(row++, line, bytes, line_attributes(line, bytes));
		line += bytes + (line[bytes] == '\n');
	}
	(void)move(row < LINES ? row : LINES - 1, 0);
	if (row < LINES)
		(void)clrtobot();
	(void)refresh();
}

/* Asks for new rows and makes the text of the chosen table. */
static void update(struct call *call, struct screen *screen, bool (*look)(struct call *call, struct top *top))
{
	struct call once = *call;
	char *problem = NULL;
	size_t bytes = 0;
	struct top top;

	once.arena = arena_new(NULL);
	once.err = open_memstream(&problem, &bytes);
	if (once.err == NULL) {
		arena_free(once.arena);
		return;
	}
	if (look(&once, &top)) {
		top_sort(&top, screen->sort, screen->reverse);
		text_free(&screen->text);
		screen->text = (struct text){0};
		if (screen->first >= top.counts[screen->table])
			screen->first = top.counts[screen->table] > 0 ? top.counts[screen->table] - 1 : 0;
		top_print(&top, screen->table, true, &screen->text);
		if (top.counts[screen->table] == 0)
			text_add(&screen->text, "there are no %s\n", top_table_name(screen->table));
	}
	(void)fclose(once.err);
	(void)text_copy(screen->problem, sizeof(screen->problem), "");
	if (problem != NULL && problem[0] != '\0')
		(void)snprintf(screen->problem, sizeof(screen->problem), "%.*s", (int)strcspn(problem, "\n"), problem);
	free(problem);
	arena_free(once.arena);
}

/* False when the key ends it. */
static bool take_key(struct screen *screen, int key)
{
	size_t page = LINES > 4 ? (size_t)LINES - 4 : 1;

	if (key >= '1' && key < '1' + TOP_TABLES)
		screen->table = (enum top_table)(key - '1');
	else if (key == '\t')
		screen->table = (screen->table + 1) % TOP_TABLES;
	else if (key == 's')
		screen->sort = (screen->sort + 1) % TOP_SORTS;
	else if (key == 'r')
		screen->reverse = !screen->reverse;
	else if (key == KEY_DOWN || key == 'j')
		screen->first++;
	else if (key == KEY_NPAGE || key == ' ')
		screen->first += page;
	else if (key == KEY_UP || key == 'k')
		screen->first -= screen->first > 0;
	else if (key == KEY_PPAGE)
		screen->first -= screen->first > page ? page : screen->first;
	else if (key == KEY_HOME)
		screen->first = 0;
	return key != 'q' && key != 3 && key != 27;
}

enum status top_screen(struct call *call, bool (*look)(struct call *call, struct top *top), enum top_sort sort)
{
	struct screen screen = {.table = TOP_PORTS, .sort = sort, .reverse = call_option(call, "reverse") != NULL};
	SCREEN *terminal = newterm(NULL, call->out, stdin);
	int key;

	if (terminal == NULL)
		return call_fail(call, STATUS_FAILED, "the terminal \"%s\" is not known here; weft top --once needs none",
			getenv("TERM") ? getenv("TERM") : "");
	(void)cbreak();
	(void)noecho();
	(void)keypad(stdscr, TRUE);
	(void)curs_set(0);
	timeout(PERIOD_MS);
	do {
		update(call, &screen, look);
		draw(&screen);
		key = getch();
	} while (take_key(&screen, key));
	(void)endwin();
	delscreen(terminal);
	text_free(&screen.text);
	return STATUS_OK;
}
