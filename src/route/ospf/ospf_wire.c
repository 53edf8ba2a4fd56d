/* OSPF version 2 packets on the wire and their authentication. */
#include "route/ospf/ospf_wire.h"

#include "base/check.h"
#include "net/checksum.h"

#include <string.h>

/*
 * Theory of operation. The header of every packet (RFC 2328 A.3.1):
 *
 *      0  version 2 | type | length of the packet without the digest
 *      4  router id
 *      8  area id
 *     12  checksum | kind of authentication
 *     16  password, or: 0 (16 bits) | key id | bytes of the digest | sequence number (32 bits)
 *
 * The checksum leaves the last eight bytes out, so that a password can be put in afterwards; with cryptographic authentication it is zero
 * and a digest stands behind the packet. MD5 digests the packet and the key filled up to 16 bytes; the SHA kinds are an HMAC of the packet
 * and of a constant (Apad) where the digest will be. RFC 5709 hashes a key already when it is longer than the digest, not only when it is
 * longer than the hash's block, hence the key is made here.
 */
#define OSPF_VERSION 2
#define MD5_KEY_BYTES 16
#define LSA_HEADER_BYTES 20

enum { AT_LENGTH = 2, AT_CHECKSUM = 12, AT_AUTH_KIND = 14, AT_AUTH = 16 };

const char *const ospf_wire_fault_names[OSPF_WIRE_FAULT_COUNT] = {
	[OSPF_WIRE_GOOD] = "good",
	[OSPF_WIRE_SHORT] = "ospf_short",
	[OSPF_WIRE_VERSION] = "ospf_version",
	[OSPF_WIRE_TYPE] = "ospf_type",
	[OSPF_WIRE_LENGTH] = "ospf_length",
	[OSPF_WIRE_CHECKSUM] = "ospf_checksum",
	[OSPF_WIRE_AUTH_TYPE] = "ospf_auth_type",
	[OSPF_WIRE_AUTH_KEY] = "ospf_auth_key",
	[OSPF_WIRE_AUTH_DIGEST] = "ospf_auth_digest",
};

static void digest_of(const struct ospf_auth *auth, const uint8_t *packet, size_t bytes, uint8_t *out)
{
	static const uint8_t apad_word[4] = {0x87, 0x8f, 0xe1, 0xf3};
	size_t size = digest_size(auth->digest), key_bytes = auth->key_bytes;
	uint8_t key[OSPF_KEY_BYTES_MAX] = {0}, pad[DIGEST_BYTES_MAX];
	struct digest_part parts[2] = {{packet, bytes}, {pad, size}};

	CHECK(key_bytes <= OSPF_KEY_BYTES_MAX);
	memcpy(key, auth->key, key_bytes);
	if (auth->digest == DIGEST_MD5) {
		parts[1] = (struct digest_part){key, MD5_KEY_BYTES};
		digest_hash(DIGEST_MD5, parts, 2, out);
		return;
	}
	if (key_bytes > size) {
		digest_hash(auth->digest, &(struct digest_part){auth->key, key_bytes}, 1, key);
		key_bytes = size;
	}
	for (size_t i = 0; i < size; i++)
		pad[i] = apad_word[i % sizeof(apad_word)];
	digest_hmac(auth->digest, key, key_bytes, parts, 2, out);
}

static void password_of(const struct ospf_auth *auth, uint8_t out[OSPF_PASSWORD_BYTES])
{
	size_t n = auth->key_bytes < OSPF_PASSWORD_BYTES ? auth->key_bytes : OSPF_PASSWORD_BYTES;

	memset(out, 0, OSPF_PASSWORD_BYTES);
	memcpy(out, auth->key, n);
}

static uint32_t sum_of(const uint8_t *packet, size_t bytes)
{
	return checksum_add(checksum_add(0, packet, AT_AUTH), packet + OSPF_HEADER_BYTES, bytes - OSPF_HEADER_BYTES);
}

void ospf_packet_begin(struct writer *w, enum ospf_packet_type type, uint32_t router_id, uint32_t area_id)
{
	CHECK(writer_used(w) == 0);
	writer_u8(w, OSPF_VERSION);
	writer_u8(w, (uint8_t)type);
	writer_u16(w, 0);
	writer_u32(w, router_id);
	writer_u32(w, area_id);
	writer_zero(w, 12);
}

void ospf_packet_end(struct writer *w, const struct ospf_auth *auth, uint32_t sequence)
{
	size_t bytes = writer_used(w);
	struct writer field;
	uint8_t *digest;

	if (!writer_ok(w))
		return;
	writer_patch_u16(w, AT_LENGTH, (uint16_t)bytes);
	writer_patch_u16(w, AT_AUTH_KIND, (uint16_t)auth->kind);
	if (auth->kind != OSPF_AUTH_CRYPTO) {
		writer_patch_u16(w, AT_CHECKSUM, checksum_fold(sum_of(w->start, bytes)));
		if (auth->kind == OSPF_AUTH_SIMPLE)
			password_of(auth, w->start + AT_AUTH);
		return;
	}
	field = writer_over(w->start + AT_AUTH, OSPF_PASSWORD_BYTES);
	writer_u16(&field, 0);
	writer_u8(&field, auth->key_id);
	writer_u8(&field, (uint8_t)digest_size(auth->digest));
	writer_u32(&field, sequence);
	digest = writer_space(w, digest_size(auth->digest));
	if (digest != NULL)
		digest_of(auth, w->start, bytes, digest);
}

static enum ospf_wire_fault auth_check(
	const uint8_t *packet, size_t bytes, size_t trailer, const struct ospf_auth *auth, uint32_t *sequence)
{
	struct reader field = reader_over(packet + AT_AUTH, OSPF_PASSWORD_BYTES);
	uint8_t expected[DIGEST_BYTES_MAX], key_id, size;

	if (auth->kind == OSPF_AUTH_SIMPLE) {
		password_of(auth, expected);
		return digest_equal(expected, packet + AT_AUTH, OSPF_PASSWORD_BYTES) ? OSPF_WIRE_GOOD : OSPF_WIRE_AUTH_KEY;
	}
	if (auth->kind == OSPF_AUTH_NONE)
		return OSPF_WIRE_GOOD;
	reader_skip(&field, 2);
	key_id = reader_u8(&field);
	size = reader_u8(&field);
	if (key_id != auth->key_id)
		return OSPF_WIRE_AUTH_KEY;
	if (size != digest_size(auth->digest) || trailer < size)
		return OSPF_WIRE_AUTH_DIGEST;
	digest_of(auth, packet, bytes, expected);
	if (!digest_equal(expected, packet + bytes, size))
		return OSPF_WIRE_AUTH_DIGEST;
	*sequence = reader_u32(&field);
	return OSPF_WIRE_GOOD;
}

enum ospf_wire_fault ospf_packet_read(struct reader packet, const struct ospf_auth *auth, struct ospf_header *header, struct reader *body)
{
	const uint8_t *start = packet.at;
	size_t size = reader_left(&packet), bytes;
	uint8_t version = reader_u8(&packet), type = reader_u8(&packet);
	struct ospf_header read = {.type = (enum ospf_packet_type)type};
	enum ospf_wire_fault fault;
	uint16_t kind;

	bytes = reader_u16(&packet);
	read.router_id = reader_u32(&packet);
	read.area_id = reader_u32(&packet);
	reader_skip(&packet, 2);
	kind = reader_u16(&packet);
	reader_skip(&packet, OSPF_PASSWORD_BYTES);
	if (!reader_ok(&packet))
		return OSPF_WIRE_SHORT;
	if (version != OSPF_VERSION)
		return OSPF_WIRE_VERSION;
	if (type < OSPF_HELLO || type > OSPF_ACK)
		return OSPF_WIRE_TYPE;
	if (bytes < OSPF_HEADER_BYTES || bytes > size)
		return OSPF_WIRE_LENGTH;
	if (kind != (uint16_t)auth->kind)
		return OSPF_WIRE_AUTH_TYPE;
	if (auth->kind != OSPF_AUTH_CRYPTO && checksum_fold(sum_of(start, bytes)) != 0)
		return OSPF_WIRE_CHECKSUM;
	fault = auth_check(start, bytes, size - bytes, auth, &read.sequence);
	if (fault != OSPF_WIRE_GOOD)
		return fault;
	*header = read;
	*body = reader_over(start + OSPF_HEADER_BYTES, bytes - OSPF_HEADER_BYTES);
	return OSPF_WIRE_GOOD;
}

void ospf_hello_write(struct writer *w, const struct ospf_hello *hello)
{
	writer_u32(w, hello->mask);
	writer_u16(w, hello->hello_s);
	writer_u8(w, hello->options);
	writer_u8(w, hello->priority);
	writer_u32(w, hello->dead_s);
	writer_u32(w, hello->designated);
	writer_u32(w, hello->backup);
}

bool ospf_hello_read(struct reader body, struct ospf_hello *hello)
{
	hello->mask = reader_u32(&body);
	hello->hello_s = reader_u16(&body);
	hello->options = reader_u8(&body);
	hello->priority = reader_u8(&body);
	hello->dead_s = reader_u32(&body);
	hello->designated = reader_u32(&body);
	hello->backup = reader_u32(&body);
	hello->neighbors = body;
	return reader_ok(&body) && reader_left(&body) % 4 == 0;
}

void ospf_database_write(struct writer *w, const struct ospf_database *database)
{
	writer_u16(w, database->mtu_bytes);
	writer_u8(w, database->options);
	writer_u8(w, database->flags);
	writer_u32(w, database->sequence);
}

bool ospf_database_read(struct reader body, struct ospf_database *database)
{
	database->mtu_bytes = reader_u16(&body);
	database->options = reader_u8(&body);
	database->flags = reader_u8(&body);
	database->sequence = reader_u32(&body);
	database->headers = body;
	return reader_ok(&body) && reader_left(&body) % LSA_HEADER_BYTES == 0;
}
