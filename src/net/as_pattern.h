/*
 * Patterns of AS paths: regular expressions as routers' operators write them, compiled to a table.
 *
 * Theory of operation. A path reads as text: "65001 65002 {65003,65004}", confederations in "(" and "[". A pattern is an extended regular
 * expression over it that may match anywhere: digits, blank, `.`, `[1-5]`, `[^0]`, `(a|b)`, `*`, `+`, `?`, `^` and `$` for the ends, and
 * `_` for what separates numbers: an end of the path, a blank, a comma, a brace. It becomes an automaton of its positions (Glushkov), and
 * that a table of states (subset construction), so that a path costs a look into the table a character, whatever the pattern is; one whose
 * table would be too large is refused. The ends of the path are characters of their own, given twice, so that `^` and `_` may share one.
 */
#ifndef NET_AS_PATTERN_H
#define NET_AS_PATTERN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest pattern, characters. */
#define AS_PATTERN_TEXT_MAX 200

struct as_pattern;

/* Compiles a pattern; NULL with the reason in `err` when it is none, or too complex. */
struct as_pattern *as_pattern_new(const char *text, struct err *err);
void as_pattern_free(struct as_pattern *pattern);

/* Whether it matches an AS path in wire form (RFC 4271 4.3 b, numbers of four octets; a broken one matches as far as it goes). */
bool as_pattern_matches(const struct as_pattern *pattern, const uint8_t *path, size_t bytes);

#endif
