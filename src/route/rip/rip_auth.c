/* Digests over RIP packets: what is signed is the packet up to its trailer, the trailer's head, and the key (MD5) or Apad (HMAC). */
#include "route/rip/rip_auth.h"

#include "base/check.h"
#include "net/digest.h"

/* RFC 4822 2.5: Apad is 0x878FE1F3 repeated to the digest's length. */
static const uint8_t apad[4] = {0x87, 0x8f, 0xe1, 0xf3};

static const uint8_t trailer_head[RIP_TRAILER_HEAD_BYTES] = {0xff, 0xff, 0x00, 0x01};

/* Offset of "packet length" in a type 3 packet. */
#define SIGNED_BYTES_OFFSET (RIP_HEADER_BYTES + 4)

static bool key_is_crypto(const struct rip_key *key) { return key->kind >= RIP_AUTH_MD5; }

static enum digest_kind key_digest(const struct rip_key *key)
{
	switch (key->kind) {
	case RIP_AUTH_SHA1:
		return DIGEST_SHA1;
	case RIP_AUTH_SHA256:
		return DIGEST_SHA256;
	case RIP_AUTH_SHA384:
		return DIGEST_SHA384;
	case RIP_AUTH_SHA512:
		return DIGEST_SHA512;
	case RIP_AUTH_NONE:
	case RIP_AUTH_PASSWORD:
	case RIP_AUTH_MD5:
	case RIP_AUTH_COUNT:
		break;
	}
	return DIGEST_MD5;
}

size_t rip_auth_overhead(const struct rip_key *key)
{
	if (key->kind == RIP_AUTH_NONE)
		return 0;
	return RIP_ENTRY_BYTES + (key_is_crypto(key) ? RIP_TRAILER_HEAD_BYTES + digest_size(key_digest(key)) : 0);
}

static void auth_digest(const struct rip_key *key, const uint8_t *packet, size_t size, uint8_t out[DIGEST_BYTES_MAX])
{
	enum digest_kind kind = key_digest(key);
	uint8_t pad[DIGEST_BYTES_MAX];
	const struct digest_part parts[] = {
		{packet, size}, {trailer_head, sizeof(trailer_head)}, {kind == DIGEST_MD5 ? key->bytes : pad, digest_size(kind)}};

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = apad[i % sizeof(apad)];
	if (kind == DIGEST_MD5)
		digest_hash(kind, parts, COUNT_OF(parts), out);
	else
		digest_hmac(kind, key->bytes, key->size, parts, COUNT_OF(parts), out);
}

static enum rip_drop auth_check_crypto(const struct rip_packet *packet, const struct rip_key *key)
{
	size_t want = digest_size(key_digest(key));
	uint8_t digest[DIGEST_BYTES_MAX];

	if (packet->key_id != key->id)
		return RIP_DROP_AUTH_KEY_ID;
	if (packet->digest_bytes != want || (packet->auth_length != want && packet->auth_length != want + RIP_TRAILER_HEAD_BYTES))
		return RIP_DROP_AUTH_LENGTH;
	auth_digest(key, packet->bytes, packet->signed_bytes, digest);
	return digest_equal(digest, packet->digest, want) ? RIP_DROP_NONE : RIP_DROP_BAD_AUTH;
}

enum rip_drop rip_auth_check(const struct rip_packet *packet, const struct rip_key *key)
{
	if (key->kind == RIP_AUTH_NONE)
		return packet->auth_type == RIP_AUTH_TYPE_NONE ? RIP_DROP_NONE : RIP_DROP_AUTH_UNEXPECTED;
	if (packet->auth_type == RIP_AUTH_TYPE_NONE)
		return RIP_DROP_AUTH_MISSING;
	if (packet->auth_type != (key_is_crypto(key) ? RIP_AUTH_TYPE_CRYPTO : RIP_AUTH_TYPE_PASSWORD))
		return RIP_DROP_AUTH_TYPE;
	if (key_is_crypto(key))
		return auth_check_crypto(packet, key);
	return digest_equal(packet->password, key->bytes, RIP_PASSWORD_BYTES) ? RIP_DROP_NONE : RIP_DROP_BAD_AUTH;
}

void rip_auth_begin(struct writer *w, const struct rip_key *key, uint32_t sequence)
{
	if (key->kind == RIP_AUTH_NONE)
		return;
	writer_u16(w, RIP_FAMILY_AUTH);
	if (!key_is_crypto(key)) {
		writer_u16(w, RIP_AUTH_TYPE_PASSWORD);
		writer_bytes(w, key->bytes, RIP_PASSWORD_BYTES);
		return;
	}
	writer_u16(w, RIP_AUTH_TYPE_CRYPTO);
	writer_u16(w, 0);
	writer_u8(w, key->id);
	writer_u8(w, (uint8_t)(digest_size(key_digest(key)) + (key->kind == RIP_AUTH_MD5 ? RIP_TRAILER_HEAD_BYTES : 0)));
	writer_u32(w, sequence);
	writer_zero(w, 8);
}

void rip_auth_end(struct writer *w, const struct rip_key *key)
{
	size_t signed_bytes = writer_used(w);
	uint8_t digest[DIGEST_BYTES_MAX];

	if (!key_is_crypto(key))
		return;
	writer_patch_u16(w, SIGNED_BYTES_OFFSET, (uint16_t)signed_bytes);
	auth_digest(key, w->start, signed_bytes, digest);
	writer_bytes(w, trailer_head, sizeof(trailer_head));
	writer_bytes(w, digest, digest_size(key_digest(key)));
}
