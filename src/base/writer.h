/*
 * The bounded writer, the reader's mirror: writes into a buffer it doesn't own; the first write past the end sets `failed` and nothing is
 * written from then on. Integers go out in network byte order.
 */
#ifndef BASE_WRITER_H
#define BASE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

static inline struct writer writer_over(void *buffer, size_t size)
{
	uint8_t *p = buffer;

	return (struct writer){p, p, size > 0 ? p + size : p, false};
}

/* Bytes written so far. */
static inline size_t writer_used(const struct writer *w) { return (size_t)(w->at - w->start); }

/* Bytes that still fit. */
static inline size_t writer_room(const struct writer *w) { return (size_t)(w->end - w->at); }
static inline bool writer_ok(const struct writer *w) { return !w->failed; }

/* Room for `n` bytes, to be filled by the caller; NULL and failed when it isn't there. */
static inline uint8_t *writer_space(struct writer *w, size_t n)
{
	uint8_t *p = w->at;

	if (w->failed || n > writer_room(w)) {
		w->failed = true;
		return NULL;
	}
	if (n > 0) /* an empty window may be NULL */
		w->at += n;
	return p;
}

static inline void writer_bytes(struct writer *w, const void *bytes, size_t n)
{
	uint8_t *p = writer_space(w, n);

	if (p != NULL && n > 0)
		memcpy(p, bytes, n);
}

static inline void writer_zero(struct writer *w, size_t n)
{
	uint8_t *p = writer_space(w, n);

	if (p != NULL)
		memset(p, 0, n);
}

static inline void writer_u8(struct writer *w, uint8_t v) { writer_bytes(w, &v, 1); }

static inline void writer_u16(struct writer *w, uint16_t v)
{
	const uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	writer_bytes(w, b, sizeof(b));
}

static inline void writer_u32(struct writer *w, uint32_t v)
{
	const uint8_t b[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	writer_bytes(w, b, sizeof(b));
}

static inline void writer_u64(struct writer *w, uint64_t v)
{
	writer_u32(w, (uint32_t)(v >> 32));
	writer_u32(w, (uint32_t)v);
}

/* Overwrites 16 bits that were written before at `offset` from the start (length and checksum fields). */
static inline void writer_patch_u16(struct writer *w, size_t offset, uint16_t v)
{
	if (w->failed || offset + 2 > writer_used(w))
		return;
	w->start[offset] = (uint8_t)(v >> 8);
	w->start[offset + 1] = (uint8_t)v;
}

#endif
