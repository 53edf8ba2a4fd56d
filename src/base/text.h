/* Small work on text: a growing string, bounded copies, the nearest of some words. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A string that grows; zero-initialize, free with text_free. `bytes` is NUL-terminated once something was added, else NULL. */
struct text {
	char *bytes;
	size_t used;
	size_t capacity;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const void *bytes, size_t size);
void text_free(struct text *text);

/* The content, "" when empty. Borrowed. */
const char *text_get(const struct text *text);

/* Copies `from` into the array `to` of `size` bytes, always NUL-terminated; returns false (and writes "") when it doesn't fit. */
bool text_copy(char *to, size_t size, const char *from);

/* The value of a hexadecimal digit, -1 for another character. */
int text_hex_digit(char c);

/* Compares as people sort: "r2" before "r10", numbers by their value. Like strcmp otherwise. */
int text_compare_natural(const char *a, const char *b);

/* Number of single-character insertions, deletions, replacements and swaps between two words (Damerau-Levenshtein, words up to 63 bytes).
 */
unsigned text_distance(const char *a, const char *b);

/* The word of `words` (count entries) that is near enough to be meant by `typed` (a third of its length, at least 1 and at most 3 edits),
 * or NULL. */
const char *text_nearest(const char *typed, const char *const *words, size_t count);

#endif
