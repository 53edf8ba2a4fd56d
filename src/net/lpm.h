/*
 * Longest-prefix match for one router: a compact table for a few to a million prefixes of one family.
 *
 * Theory of operation. A tree bitmap (Eatherton, Varghese, Dittia 2004) with a stride of 6 bits. A node stands for the 6 address bits after
 * its path and holds two bitmaps: `inner` marks the prefixes that end inside of the node (lengths 0-5 below it, as a heap: bit 2^n - 1 + v
 * is the n-bit prefix v), `outer` marks which of the 64 continuations have a child. Values and children stand packed in two arrays, found
 * by counting the bits below. So an empty table costs one node, a change touches one node, and a lookup needs at most 6 (IPv4) or 22
 * (IPv6) nodes and no backtracking: the best match so far is remembered on the way down.
 */
#ifndef NET_LPM_H
#define NET_LPM_H

#include "net/addr.h"

struct lpm;

/* "No value": what a lookup gives when nothing matches; may not be stored. */
#define LPM_NONE UINT32_MAX

/* A table of prefixes of `family`. Aborts when there is no memory. */
struct lpm *lpm_new(enum ip_family family);
void lpm_free(struct lpm *lpm);

/* Sets the value of a prefix (masked, of the table's family); returns the value it replaces or LPM_NONE. */
uint32_t lpm_set(struct lpm *lpm, struct prefix prefix, uint32_t value);

/* Takes a prefix out; returns the value it had or LPM_NONE. */
uint32_t lpm_remove(struct lpm *lpm, struct prefix prefix);

/* The value of this very prefix, or of the longest prefix that holds the address (4 or 16 bytes); LPM_NONE when there is none. */
uint32_t lpm_get(const struct lpm *lpm, struct prefix prefix);
uint32_t lpm_lookup(const struct lpm *lpm, const uint8_t *address);

/* Prefixes in it; bytes of memory it takes. */
uint32_t lpm_count(const struct lpm *lpm);
size_t lpm_bytes(const struct lpm *lpm);

#endif
