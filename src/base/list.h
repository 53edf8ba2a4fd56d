/* Intrusive doubly linked list: a node lives inside its object; an object is in as many lists as it has nodes. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>

/* A node, or the head of a list (a head alone points to itself). */
struct list {
	struct list *next;
	struct list *prev;
};

static inline void list_init(struct list *head) { head->next = head->prev = head; }
/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the analyzer takes a freed element, which was unlinked before, for the head's next. */
static inline bool list_empty(const struct list *head) { return head->next == head; }

/* True when the node is in some list (a zeroed or removed node is not). */
static inline bool list_linked(const struct list *node) { return node->next != NULL && node->next != node; }

static inline void list_insert_before(struct list *position, struct list *node)
{
	node->prev = position->prev;
	node->next = position;
	position->prev->next = node;
	position->prev = node;
}

static inline void list_append(struct list *head, struct list *node) { list_insert_before(head, node); }
static inline void list_prepend(struct list *head, struct list *node) { list_insert_before(head->next, node); }

/* Takes the node out; a node that is in no list is left alone. */
static inline void list_remove(struct list *node)
{
	if (node->next == NULL)
		return;
	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): as in list_empty. */
	node->prev->next = node->next;
	node->next->prev = node->prev;
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	node->next = node->prev = NULL;
}

/* The object of the first node, or NULL when the list is empty. */
#define list_first(head, type, member) (list_empty(head) ? NULL : CONTAINER_OF((head)->next, type, member))

/* Walks the objects; the current one may be removed inside the loop. */
#define list_each(it, head, type, member)                                                                                                  \
	for (struct list *it##_node = (head)->next, *it##_next = it##_node->next;                                                          \
		it##_node != (head) && ((it) = CONTAINER_OF(it##_node, type, member), true);                                               \
		it##_node = it##_next, it##_next = it##_node->next)

#endif
