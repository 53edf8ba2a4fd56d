/*
 * From a packet to what connection tracking asks about: its tuple, that of the packet which an ICMP error quotes, fragments.
 *
 * Theory of operation. Only a first fragment shows its ports; when it passes, its identification is noted in the zone, and later fragments
 * pass by that note for half a minute. Others don't: an out-of-order fragment is lost, a fragment that would overwrite the header of its
 * first one (RFC 1858, RFC 3128) is refused. Notes are a small table in each zone where a new note replaces an old one, so nobody's
 * fragments can push out another port's.
 */
#ifndef SWITCH_CONN_KEY_H
#define SWITCH_CONN_KEY_H

#include "switch/walk.h"

enum conn_sort {
	CONN_SORT_TRACKED,   /* the packet has a tuple */
	CONN_SORT_ERROR,     /* an ICMP error: the tuple is that of the packet it quotes, as that was sent */
	CONN_SORT_STATELESS, /* to a group or broadcast, or ICMP that asks nothing: each packet stands for itself */
	CONN_SORT_LATER,     /* a fragment without ports */
	CONN_SORT_MALFORMED, /* the header isn't whole */
	CONN_SORT_UNRELATED, /* an ICMP error that quotes nothing that can be read, or goes to someone else */
};

/* Reads a sound IP packet; notes all fields as looked at, and makes the walk uncacheable where they don't say it all. */
enum conn_sort conn_key_read(struct walk *walk, const struct conn_zone *zone, struct conn_tuple *tuple);

/* The tuple of an IP packet of which at least the first bytes are there, as one that an ICMP error quotes; false when it can't be told. */
bool conn_key_quoted(const uint8_t *bytes, uint32_t size, const struct conn_zone *zone, enum ip_family family, struct conn_tuple *tuple);

/*
 * Notes that the first fragment passed, and what its addresses became on the way (NULL: they stayed); whether a later one may. Both are
 * asked before the walk changes the addresses. conn_fragment_follow is for routers: it sets the addresses in `to`.
 */
void conn_fragment_note(struct walk *walk, struct conn_zone *zone, const struct conn_tuple *to);
bool conn_fragment_passes(struct walk *walk, const struct conn_zone *zone);
bool conn_fragment_follow(struct walk *walk, const struct conn_zone *zone, struct conn_tuple *to);

#endif
