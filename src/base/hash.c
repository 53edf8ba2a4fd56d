/* Keyed hashes: multiply-xorshift rounds over 8 bytes at a time (in the manner of wyhash), keyed by a random secret. */
#include "base/hash.h"

#include <string.h>
#include <sys/random.h>

static uint64_t secret;

static uint64_t hash_secret(void)
{
	if (secret == 0) {
		if (getrandom(&secret, sizeof(secret), GRND_NONBLOCK) != sizeof(secret))
			secret = 0x9e3779b97f4a7c15u ^ (uint64_t)(uintptr_t)&secret;
		secret |= 1;
	}
	return secret;
}

void hash_set_secret(uint64_t value) { secret = value | 1; }

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_u64(uint64_t key) { return mix(key ^ hash_secret(), 0xe7037ed1a0b428dbu); }

uint64_t hash_bytes(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint64_t h = hash_secret() ^ (uint64_t)size;

	for (; size > 0;) {
		uint64_t word = 0;
		size_t n = size < 8 ? size : 8;

		memcpy(&word, p, n);
		h = mix(h ^ word, 0xa0761d6478bd642fu);
		p += n;
		size -= n;
	}
	return mix(h, 0xe7037ed1a0b428dbu);
}

uint64_t hash_str(const char *text) { return hash_bytes(text, strlen(text)); }

uint64_t hash_stable(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < size; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}
