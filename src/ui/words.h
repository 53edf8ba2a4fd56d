/* From the words of a command line to a command: unique prefixes, aliases, "did you mean". */
#ifndef UI_WORDS_H
#define UI_WORDS_H

#include "base/text.h"
#include "ui/ui.h"

/* Most words of a command's name. */
#define WORDS_MAX 4

/*
 * Finds the command that the first of `words` name. Each word may be shortened as far as it stays unique; a whole word goes before a longer
 * one; "ip" after "show" may be left out or given. Returns the row and sets *used to the number of words it took; NULL with a sentence in
 * `problem` otherwise.
 */
const struct command *words_find(
	const struct command *table, size_t count, const char *const *words, size_t word_count, size_t *used, struct text *problem);

#endif
