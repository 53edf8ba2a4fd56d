/* Arenas: chunks of 4 KiB and more in a list, children in a tree. */
#include "base/arena.h"

#include "base/check.h"
#include "base/list.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A large page of the kernel, and tables that are put into some. */
#define LARGE_PAGE_BYTES ((size_t)2 << 20)

#define CHUNK_BYTES 4096
#define ALIGN_BYTES 16

struct chunk {
	struct chunk *next;
	size_t used;
	size_t size;
	_Alignas(ALIGN_BYTES) uint8_t bytes[];
};

struct arena {
	struct list siblings;
	struct list children;
	struct chunk *chunks;
};

void *xalloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	CHECK(p != NULL);
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	CHECK(p != NULL);
	return p;
}

char *xstrdup(const char *text)
{
	char *p = strdup(text);

	CHECK(p != NULL);
	return p;
}

static size_t large_pages(size_t size) { return (size + LARGE_PAGE_BYTES - 1) & ~(LARGE_PAGE_BYTES - 1); }

void *table_alloc(size_t size)
{
	size_t bytes = large_pages(size), before;
	uint8_t *p;

	if (size < LARGE_PAGE_BYTES)
		return xalloc(size);
	/* One page more, so that an aligned piece is in there; what is around it goes back. */
	CHECK(bytes >= size && bytes < SIZE_MAX - LARGE_PAGE_BYTES);
	p = mmap(NULL, bytes + LARGE_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(p != MAP_FAILED);
	before = large_pages((uintptr_t)p) - (uintptr_t)p;
	if (before > 0)
		CHECK(munmap(p, before) == 0);
	if (before < LARGE_PAGE_BYTES)
		CHECK(munmap(p + before + bytes, LARGE_PAGE_BYTES - before) == 0);
	(void)madvise(p + before, bytes, MADV_HUGEPAGE);
	return p + before;
}

void table_free(void *table, size_t size)
{
	if (size < LARGE_PAGE_BYTES)
		free(table);
	else if (table != NULL)
		CHECK(munmap(table, large_pages(size)) == 0);
}

struct arena *arena_new(struct arena *parent)
{
	struct arena *arena = xalloc(sizeof(*arena));

	list_init(&arena->children);
	if (parent != NULL)
		list_append(&parent->children, &arena->siblings);
	return arena;
}

static void arena_free_chunks(struct arena *arena)
{
	while (arena->chunks != NULL) {
		struct chunk *next = arena->chunks->next;

		free(arena->chunks);
		arena->chunks = next;
	}
}

/* Frees leaves first, going down and up by the tree's own links: no recursion, whatever the depth. */
void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (;;) {
		struct arena *child = list_first(&arena->children, struct arena, siblings);

		if (child == NULL)
			break;
		/* The child's children become ours, so the loop frees them in turn. */
		while (!list_empty(&child->children)) {
			struct list *node = child->children.next;

			list_remove(node);
			list_append(&arena->children, node);
		}
		list_remove(&child->siblings);
		arena_free_chunks(child);
		free(child);
	}
	list_remove(&arena->siblings);
	arena_free_chunks(arena);
	free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t rounded = (size + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
	struct chunk *chunk = arena->chunks;
	void *p;

	CHECK(rounded >= size);
	if (chunk == NULL || chunk->size - chunk->used < rounded) {
		size_t bytes = rounded > CHUNK_BYTES / 4 ? rounded : CHUNK_BYTES;

		chunk = xalloc(sizeof(*chunk) + bytes);
		chunk->size = bytes;
		chunk->next = arena->chunks;
		arena->chunks = chunk;
	}
	p = chunk->bytes + chunk->used;
	chunk->used += rounded;
	return p;
}

void *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
	void *p = arena_alloc(arena, size);

	if (size > 0)
		memcpy(p, bytes, size);
	return p;
}

char *arena_str(struct arena *arena, const char *text) { return arena_copy(arena, text, strlen(text) + 1); }

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	CHECK(n >= 0);
	text = arena_alloc(arena, (size_t)n + 1);
	va_start(args, format);
	(void)vsnprintf(text, (size_t)n + 1, format, args);
	va_end(args);
	return text;
}
