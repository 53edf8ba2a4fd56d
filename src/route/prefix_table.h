/*
 * A hash table of prefixes whose nodes live inside their owners' objects: exact match only, small when empty (thousands of routers have a
 * handful of routes each), twice as large whenever it fills up.
 */
#ifndef ROUTE_PREFIX_TABLE_H
#define ROUTE_PREFIX_TABLE_H

#include "net/addr.h"

#include <stddef.h>

struct prefix_node {
	struct prefix_node *next;
	struct prefix prefix;
};

/* Zero-initialize to make an empty table. */
struct prefix_table {
	struct prefix_node **buckets;
	size_t bucket_count;
	size_t used;
};

/* The node of exactly this prefix, or NULL. */
struct prefix_node *prefix_table_get(const struct prefix_table *table, const struct prefix *prefix);

/* Puts a node in whose `prefix` is set and not in the table yet. Aborts when there is no memory. */
void prefix_table_add(struct prefix_table *table, struct prefix_node *node);

/* Takes a node out that is in the table. */
void prefix_table_remove(struct prefix_table *table, struct prefix_node *node);

/* Frees the table; the nodes are their owners'. */
void prefix_table_free(struct prefix_table *table);

#endif
