/* Diagnostics: all that is wrong with a file, each with its place and what to do, as a compiler says it. */
#ifndef MODEL_DIAG_H
#define MODEL_DIAG_H

#include "model/lab.h"

#include <stdarg.h>

/* One finding. `path` is "vms.web.nics[0]"; `text` says what was expected and what to do. Strings live in the arena of the diags. */
struct diag {
	struct place place;
	bool warning;
	const char *path;
	const char *text;
};

/* The findings of one file. Zero-initialize with an arena; at most DIAG_MAX are kept, `dropped` counts the rest. */
struct diags {
	struct arena *arena;
	struct diag *list;
	size_t count;
	size_t errors;
	size_t dropped;
};

#define DIAG_MAX 100

/* True when no more findings are kept: then nobody needs to look for hints any more. */
static inline bool diags_full(const struct diags *diags) { return diags->count >= DIAG_MAX; }

/* Adds an error (or a warning). `path` is copied. */
void diag_error(struct diags *diags, struct place place, const char *path, const char *format, ...) __attribute__((format(printf, 4, 5)));
void diag_warning(struct diags *diags, struct place place, const char *path, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same with the arguments of a caller's own. */
void diag_verror(struct diags *diags, struct place place, const char *path, const char *format, va_list args)
	__attribute__((format(printf, 4, 0)));

/*
 * All findings as text, sorted by place, "file:line:column: error: path: text", each followed by the line of `source` (NULL: none) and a
 * caret. The result lives in the arena.
 */
const char *diags_text(const struct diags *diags, const char *file, const char *source, size_t source_bytes);

#endif
