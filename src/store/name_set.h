/*
 * A set of names, each kept once however often it is used.
 *
 * Theory of operation. Open addressing over hashes, at most half full. A name counts its users and goes with the last of them. Its number
 * tells names apart that were made one after the other, for tables that keep neighbours side by side; after 2^32 names numbers repeat.
 */
#ifndef STORE_NAME_SET_H
#define STORE_NAME_SET_H

#include <stddef.h>
#include <stdint.h>

struct name_entry {
	uint64_t hash;
	uint32_t number;
	uint32_t uses;
	char text[];
};

struct name_slot;

/* Zero-initialize to make an empty set. */
struct name_set {
	struct name_slot *slots;
	size_t size; /* a power of two, or 0 */
	size_t used;
	uint32_t next;
};

/* Frees the table and all names. */
void name_set_free(struct name_set *set);

/* The name, or NULL. `hash` is hash_str of the text. */
struct name_entry *name_set_find(const struct name_set *set, const char *text, uint64_t hash);

/* The name, made when it isn't there yet, with one more user. */
struct name_entry *name_set_take(struct name_set *set, const char *text, uint64_t hash);

/* One user less. */
void name_set_leave(struct name_set *set, struct name_entry *name);

/* Has the memory on its way in which a name will soon be looked for: its slot, and when that is there the name itself. */
void name_set_prefetch(const struct name_set *set, uint64_t hash);
void name_set_prefetch_name(const struct name_set *set, uint64_t hash);

/* The name that a text of it belongs to. */
static inline struct name_entry *name_of_text(const char *text)
{
	return (struct name_entry *)(uintptr_t)(text - offsetof(struct name_entry, text));
}

#endif
