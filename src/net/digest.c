/* Digests over nettle's table of hashes: one context big enough for all of them. */
#include "net/digest.h"

#include "base/check.h"

#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <nettle/nettle-meta.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

/* Room for the state of any hash. */
union digest_state {
	struct md5_ctx md5;
	struct sha1_ctx sha1;
	struct sha256_ctx sha256;
	struct sha512_ctx sha512;
};

static const struct nettle_hash *digest_of(enum digest_kind kind)
{
	const struct nettle_hash *const hashes[DIGEST_KIND_COUNT] = {
		[DIGEST_MD5] = &nettle_md5,
		[DIGEST_SHA1] = &nettle_sha1,
		[DIGEST_SHA256] = &nettle_sha256,
		[DIGEST_SHA384] = &nettle_sha384,
		[DIGEST_SHA512] = &nettle_sha512,
	};

	CHECK(kind < DIGEST_KIND_COUNT);
	CHECK(hashes[kind]->context_size <= sizeof(union digest_state));
	return hashes[kind];
}

size_t digest_size(enum digest_kind kind) { return digest_of(kind)->digest_size; }

void digest_hash(enum digest_kind kind, const struct digest_part *parts, unsigned count, uint8_t *out)
{
	const struct nettle_hash *hash = digest_of(kind);
	union digest_state state;

	hash->init(&state);
	for (unsigned i = 0; i < count; i++)
		hash->update(&state, parts[i].size, parts[i].bytes);
	hash->digest(&state, hash->digest_size, out);
}

void digest_hmac(enum digest_kind kind, const void *key, size_t key_size, const struct digest_part *parts, unsigned count, uint8_t *out)
{
	const struct nettle_hash *hash = digest_of(kind);
	union digest_state outer, inner, state;

	hmac_set_key(&outer, &inner, &state, hash, key_size, key);
	for (unsigned i = 0; i < count; i++)
		hmac_update(&state, hash, parts[i].size, parts[i].bytes);
	hmac_digest(&outer, &inner, &state, hash, hash->digest_size, out);
}

_Static_assert(sizeof(union digest_state) <= sizeof(((struct digest_run *)0)->state), "the room of a digest_run");

void digest_begin(struct digest_run *run, enum digest_kind kind)
{
	run->kind = kind;
	digest_of(kind)->init(run->state);
}

void digest_add(struct digest_run *run, const void *bytes, size_t size) { digest_of(run->kind)->update(run->state, size, bytes); }

void digest_end(struct digest_run *run, uint8_t *out) { digest_of(run->kind)->digest(run->state, digest_of(run->kind)->digest_size, out); }

bool digest_equal(const void *a, const void *b, size_t size) { return memeql_sec(a, b, size) != 0; }
