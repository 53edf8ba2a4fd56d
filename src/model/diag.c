/* Diagnostics: collecting findings and printing them as a compiler does. */
#include "model/diag.h"

#include "base/check.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most characters of a source line that are shown; a longer one is shown around the caret. */
#define LINE_SHOWN_MAX 120

static char *diag_vprintf(struct arena *arena, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static char *diag_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, again);
	va_end(again);
	CHECK(n >= 0);
	text = arena_alloc(arena, (size_t)n + 1);
	(void)vsnprintf(text, (size_t)n + 1, format, args);
	return text;
}

/* Counts a finding; true when there is no room to keep it, so that nobody formats it. */
static bool diag_full(struct diags *diags, bool warning)
{
	diags->errors += !warning;
	if (!diags_full(diags))
		return false;
	diags->dropped++;
	return true;
}

/* Keeps `text`. Control characters never reach a terminal. */
static void diag_add(struct diags *diags, bool warning, struct place place, const char *path, char *text)
{
	struct diag *diag;

	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (diags->list == NULL)
		diags->list = arena_alloc(diags->arena, DIAG_MAX * sizeof(*diags->list));
	diag = &diags->list[diags->count++];
	*diag = (struct diag){place, warning, arena_str(diags->arena, path), text};
}

void diag_error(struct diags *diags, struct place place, const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	diag_verror(diags, place, path, format, args);
	va_end(args);
}

void diag_verror(struct diags *diags, struct place place, const char *path, const char *format, va_list args)
{
	if (!diag_full(diags, false))
		diag_add(diags, false, place, path, diag_vprintf(diags->arena, format, args));
}

void diag_warning(struct diags *diags, struct place place, const char *path, const char *format, ...)
{
	va_list args;

	if (diag_full(diags, true))
		return;
	va_start(args, format);
	diag_add(diags, true, place, path, diag_vprintf(diags->arena, format, args));
	va_end(args);
}

/* By place; what is of one place stays in the order in which it was found. */
static int diag_compare(const void *a, const void *b)
{
	const struct diag *const *x = a, *const *y = b;

	if ((*x)->place.line != (*y)->place.line)
		return (*x)->place.line < (*y)->place.line ? -1 : 1;
	if ((*x)->place.column != (*y)->place.column)
		return (*x)->place.column < (*y)->place.column ? -1 : 1;
	return *x < *y ? -1 : *x > *y;
}

/* True at the first byte of a character. */
static bool starts_character(char c) { return ((unsigned char)c & 0xc0) != 0x80; }

/* The line and below it the caret, both cut to a window around the column; tabs stay tabs, so that the caret stands right. */
static void add_line(struct text *out, const char *line, size_t bytes, uint32_t column)
{
	uint32_t first = column > LINE_SHOWN_MAX - 20 ? column - LINE_SHOWN_MAX / 2 : 1, at = 0;
	struct text caret = {0};

	text_add(out, "    ");
	text_add(&caret, "    ");
	for (size_t i = 0; i < bytes; i++) {
		unsigned char c = (unsigned char)line[i];

		at += starts_character(line[i]);
		if (at < first || at >= first + LINE_SHOWN_MAX)
			continue;
		if (c < 0x20 && c != '\t')
			c = '?';
		text_add_bytes(out, &c, 1);
		if (at < column && starts_character(line[i]))
			text_add_bytes(&caret, c == '\t' ? "\t" : " ", 1);
	}
	text_add(out, "\n%s^\n", text_get(&caret));
	text_free(&caret);
}

/* Finds line `place.line` by going on from where the last one was found (places are sorted). */
struct line_cursor {
	const char *at, *end;
	uint32_t line;
};

static void add_source(struct text *out, struct line_cursor *cursor, struct place place)
{
	const char *stop;

	for (; cursor->line < place.line; cursor->line++) {
		while (cursor->at < cursor->end && *cursor->at != '\n')
			cursor->at++;
		if (cursor->at == cursor->end)
			return;
		cursor->at++;
	}
	for (stop = cursor->at; stop < cursor->end && *stop != '\n';)
		stop++;
	if (stop > cursor->at && stop[-1] == '\r')
		stop--;
	if (stop > cursor->at)
		add_line(out, cursor->at, (size_t)(stop - cursor->at), place.column);
}

const char *diags_text(const struct diags *diags, const char *file, const char *source, size_t source_bytes)
{
	const struct diag **sorted = arena_alloc(diags->arena, (diags->count + 1) * sizeof(struct diag *));
	struct line_cursor cursor = {source, source ? source + source_bytes : NULL, 1};
	struct text out = {0};
	const char *result;

	for (size_t i = 0; i < diags->count; i++)
		sorted[i] = &diags->list[i];
	qsort(sorted, diags->count, sizeof(struct diag *), diag_compare);
	for (size_t i = 0; i < diags->count; i++) {
		const struct diag *d = sorted[i];

		text_add(&out, "%s:", file);
		if (d->place.line != 0)
			text_add(&out, "%u:%u:", d->place.line, d->place.column);
		text_add(&out, " %s: ", d->warning ? "warning" : "error");
		text_add(&out, d->path[0] ? "%s: %s\n" : "%s%s\n", d->path, d->text);
		if (d->place.line != 0 && source != NULL && source_bytes > 0)
			add_source(&out, &cursor, d->place);
	}
	if (diags->dropped > 0)
		text_add(&out, "%s: and %zu more\n", file, diags->dropped);
	result = arena_str(diags->arena, text_get(&out));
	text_free(&out);
	return result;
}
