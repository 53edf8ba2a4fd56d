/* Message digests and their keyed form (HMAC), for the authentication of routing protocols and for images. The only file that knows the
 * crypto library. */
#ifndef NET_DIGEST_H
#define NET_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of the longest digest (SHA-512). */
#define DIGEST_BYTES_MAX 64

enum digest_kind { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_KIND_COUNT };

/* One piece of a message; a message is digested as if its pieces stood one behind the other. */
struct digest_part {
	const void *bytes;
	size_t size;
};

/* Bytes of a digest of this kind. */
size_t digest_size(enum digest_kind kind);

/* The digest of a message; `out` has digest_size(kind) bytes. */
void digest_hash(enum digest_kind kind, const struct digest_part *parts, unsigned count, uint8_t *out);

/* HMAC by RFC 2104 (a key longer than the hash's block is hashed first, any other is filled up with zeros). */
void digest_hmac(enum digest_kind kind, const void *key, size_t key_size, const struct digest_part *parts, unsigned count, uint8_t *out);

/* A message that comes bit by bit: begun, any number of pieces, ended. `state` is the library's. */
struct digest_run {
	enum digest_kind kind;
	_Alignas(16) uint8_t state[256];
};

void digest_begin(struct digest_run *run, enum digest_kind kind);
void digest_add(struct digest_run *run, const void *bytes, size_t size);
void digest_end(struct digest_run *run, uint8_t *out);

/* Compares in a time that doesn't depend on where the bytes differ. */
bool digest_equal(const void *a, const void *b, size_t size);

#endif
