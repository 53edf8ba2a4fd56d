/* Prefix tables: chained buckets, doubled at a load of one node a bucket. */
#include "route/prefix_table.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>

/* struct prefix has no padding (one-byte members only), so its bytes are its value. */
_Static_assert(sizeof(struct prefix) == 18, "a prefix is hashed by its bytes");

static struct prefix_node **prefix_bucket(const struct prefix_table *table, const struct prefix *prefix)
{
	return &table->buckets[hash_bytes(prefix, sizeof(*prefix)) & (table->bucket_count - 1)];
}

struct prefix_node *prefix_table_get(const struct prefix_table *table, const struct prefix *prefix)
{
	struct prefix_node *node;

	if (table->used == 0)
		return NULL;
	for (node = *prefix_bucket(table, prefix); node != NULL; node = node->next)
		if (prefix_equal(node->prefix, *prefix))
			return node;
	return NULL;
}

static void prefix_table_grow(struct prefix_table *table)
{
	struct prefix_table bigger = {.bucket_count = table->bucket_count ? table->bucket_count * 2 : 8, .used = table->used};

	bigger.buckets = xalloc(bigger.bucket_count * sizeof(struct prefix_node *));
	for (size_t i = 0; i < table->bucket_count; i++) {
		struct prefix_node *node = table->buckets[i];

		while (node != NULL) {
			struct prefix_node *next = node->next;
			struct prefix_node **bucket = prefix_bucket(&bigger, &node->prefix);

			node->next = *bucket;
			*bucket = node;
			node = next;
		}
	}
	free(table->buckets);
	*table = bigger;
}

void prefix_table_add(struct prefix_table *table, struct prefix_node *node)
{
	struct prefix_node **bucket;

	if (table->used >= table->bucket_count)
		prefix_table_grow(table);
	bucket = prefix_bucket(table, &node->prefix);
	node->next = *bucket;
	*bucket = node;
	table->used++;
}

void prefix_table_remove(struct prefix_table *table, struct prefix_node *node)
{
	struct prefix_node **at = prefix_bucket(table, &node->prefix);

	while (*at != node) {
		CHECK(*at != NULL);
		at = &(*at)->next;
	}
	*at = node->next;
	node->next = NULL;
	table->used--;
}

void prefix_table_free(struct prefix_table *table)
{
	free(table->buckets);
	*table = (struct prefix_table){0};
}
