/*
 * The one bounded reader for every foreign byte in the tree.
 *
 * Theory of operation. A reader is a window [at, end) over bytes it doesn't own. Every read checks the window first; the first read past
 * the end sets `failed`, and from then on every read gives zeros and moves nothing. So a parser reads a whole header without looking, and
 * asks once, at the end, whether all of it was there. A length field opens a sub-reader (`reader_sub`): the outer cursor moves on by the
 * length at once, so whatever the inner parser makes of its bytes, the outer one stays in step (the lesson of RFC 7606).
 * All integers are in network byte order unless the name says `le`.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

static inline struct reader reader_over(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;

	return (struct reader){p, size > 0 ? p + size : p, false};
}

/* Bytes left in the window. */
static inline size_t reader_left(const struct reader *r) { return (size_t)(r->end - r->at); }

/* True when nothing failed so far. */
static inline bool reader_ok(const struct reader *r) { return !r->failed; }

/* True when nothing failed and every byte was read: what a decoder of a message must end with. */
static inline bool reader_done(const struct reader *r) { return !r->failed && r->at == r->end; }

/* Takes `n` bytes; returns where they are (borrowed), or NULL and failed when they are not there. */
static inline const uint8_t *reader_bytes(struct reader *r, size_t n)
{
	const uint8_t *p = r->at;

	if (r->failed || n > reader_left(r)) {
		r->failed = true;
		r->at = r->end;
		return NULL;
	}
	if (n > 0) /* an empty window may be NULL */
		r->at += n;
	return p;
}

/* Copies `n` bytes to `out`, or zeros when they are not there; returns whether they were. */
static inline bool reader_copy(struct reader *r, void *out, size_t n)
{
	const uint8_t *p = reader_bytes(r, n);

	if (p != NULL)
		memcpy(out, p, n);
	else
		memset(out, 0, n);
	return p != NULL;
}

static inline void reader_skip(struct reader *r, size_t n) { (void)reader_bytes(r, n); }

static inline uint8_t reader_u8(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 1);

	return p ? p[0] : 0;
}

static inline uint16_t reader_u16(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 2);

	return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

static inline uint32_t reader_u24(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 3);

	return p ? (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2] : 0;
}

static inline uint32_t reader_u32(struct reader *r)
{
	const uint8_t *p = reader_bytes(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static inline uint64_t reader_u64(struct reader *r)
{
	uint64_t high = reader_u32(r);

	return high << 32 | reader_u32(r);
}

/* A reader over the next `n` bytes; the outer cursor is behind them afterwards. When they are not there both have failed. */
static inline struct reader reader_sub(struct reader *r, size_t n)
{
	const uint8_t *p = reader_bytes(r, n);

	return r->failed ? (struct reader){r->end, r->end, true} : reader_over(p, n);
}

#endif
