/*
 * Arenas: memory that is given piece by piece and freed all at once. Arenas form a tree: freeing one frees its children, so an object's
 * memory ends with its owner. Also plain allocation that aborts when there is none (for the mind, never per packet).
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena;

/* A new arena below `parent` (NULL: a root). Aborts when there is no memory. */
struct arena *arena_new(struct arena *parent);

/* Frees the arena, its children and all they gave out. Accepts NULL. */
void arena_free(struct arena *arena);

/* `size` zeroed bytes, aligned for any type; they live as long as the arena. */
void *arena_alloc(struct arena *arena, size_t size);

/* A copy of `size` bytes, or of a string. */
void *arena_copy(struct arena *arena, const void *bytes, size_t size);
char *arena_str(struct arena *arena, const char *text);
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* malloc and realloc that abort instead of returning NULL; memory from xalloc is zeroed. Free with free(). */
void *xalloc(size_t size);
void *xrealloc(void *old, size_t size);
char *xstrdup(const char *text);

/*
 * `size` zeroed bytes for a table that will be used from end to end, freed with table_free and the same size. From some megabytes on they
 * lie in large pages where the kernel has some: thousands of page faults take longer than filling the table does. Aborts when there is no
 * memory; table_free accepts NULL.
 */
void *table_alloc(size_t size);
void table_free(void *table, size_t size);

#endif
