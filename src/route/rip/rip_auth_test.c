/*
 * Authentication of RIP packets against digests that were computed independently of this program, and against captures of real routers
 * where the directory WEFT_CORPORA has them.
 */
#include "route/rip/rip_auth.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct rip_key key_of(enum rip_auth kind, uint8_t id, const char *text)
{
	struct rip_key key = {.kind = kind, .id = id, .size = (uint8_t)strlen(text)};

	memcpy(key.bytes, text, key.size);
	return key;
}

/* A response with 172.16.1.0/24, metric 1, signed with key 7 and sequence number 0x5267d48d. */
static size_t signed_packet(const struct rip_key *key, uint8_t *bytes, size_t size)
{
	const struct rip_entry entry = {RIP_FAMILY_INET, 0, {ip_from_u32(0xac100100), 24}, {0}, 1};
	struct writer w = writer_over(bytes, size);

	rip_write_header(&w, RIP_RESPONSE);
	rip_auth_begin(&w, key, 0x5267d48d);
	rip_write_entry(&w, &entry);
	rip_auth_end(&w, key);
	assert_true(writer_ok(&w));
	assert_int_equal(writer_used(&w), RIP_HEADER_BYTES + RIP_ENTRY_BYTES + rip_auth_overhead(key));
	return writer_used(&w);
}

#define LONG_KEY "0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct vector {
	enum rip_auth kind;
	const char *key;
	const char *digest;
} vectors[] = {
	{RIP_AUTH_MD5, "sesame", "ce9794c85189cdb96f0074a475ba38df"},
	{RIP_AUTH_MD5, LONG_KEY, "34dd2a33263290144c02e9faddc82447"},
	{RIP_AUTH_SHA1, "sesame", "ffdc967380c90a42b425ce13ee6c52c2dea2318e"},
	{RIP_AUTH_SHA1, LONG_KEY, "6892f6f7e3ebb0a1c1d8b4f753df8328c706ec38"},
	{RIP_AUTH_SHA256, "sesame", "a26e83117a92b6cba3664fec6f5db85daa960679281a89dfc70f5f90358ab66b"},
	{RIP_AUTH_SHA256, LONG_KEY, "764b15b0989f98b412f4bf9f4e58e127cdb2eb3b93d0ae4ba6d1cc8868473c77"},
	{RIP_AUTH_SHA384, "sesame", "c0e862abb9ff2fe401923e79729febb244c0232710f8cab278caa1fc6b476d38a32500ced71b444ad14ebab2708ded4a"},
	{RIP_AUTH_SHA384, LONG_KEY, "acc68f2625b011720150994b131d0c5632b6405da01d027ae6e822c0ecc83680272a379b2394eb0473534aba59bc5e01"},
	{RIP_AUTH_SHA512, "sesame",
		"54b0b0025be98c8c18c520387fdb7168d4ca16158e2ab51f2764056d157d372d0a4beb8668ec2b7283bf921705b2781e1772a6c186b2fd7cc0ba48b444"
		"440a45"},
	{RIP_AUTH_SHA512, LONG_KEY,
		"f3873adc7f037fa80d81c9bf302e5d0b335e97cdb0a0f4d4224442882acb2e4c36850d1c7420b7d529bd0a4380250e07a2d625d9acc295b7d67d42087a"
		"ff721c"},
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		struct rip_key key = key_of(vectors[i].kind, 7, vectors[i].key);
		uint8_t bytes[RIP_PACKET_BYTES];
		size_t size = signed_packet(&key, bytes, sizeof(bytes));
		char hex[2 * 64 + 1] = "";

		for (size_t j = 48; j < size; j++)
			(void)snprintf(hex + 2 * (j - 48), 3, "%02x", bytes[j]);
		assert_string_equal(hex, vectors[i].digest);
	}
}

/* What is signed is accepted; any changed bit is refused, by whatever name. */
static void test_every_bit_counts(void **state)
{
	(void)state;
	for (enum rip_auth kind = RIP_AUTH_MD5; kind < RIP_AUTH_COUNT; kind++) {
		struct rip_key key = key_of(kind, 7, "sesame");
		uint8_t bytes[RIP_PACKET_BYTES];
		size_t size = signed_packet(&key, bytes, sizeof(bytes));
		struct rip_packet packet;

		assert_int_equal(rip_packet_open(&packet, bytes, size), RIP_DROP_NONE);
		assert_int_equal(rip_auth_check(&packet, &key), RIP_DROP_NONE);
		for (size_t bit = 0; bit < size * 8; bit++) {
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_true(
				rip_packet_open(&packet, bytes, size) != RIP_DROP_NONE || rip_auth_check(&packet, &key) != RIP_DROP_NONE);
			bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

static void test_refusals(void **state)
{
	const struct rip_key none = key_of(RIP_AUTH_NONE, 0, "");
	const struct rip_key password = key_of(RIP_AUTH_PASSWORD, 0, "sesame");
	const struct rip_key longer = key_of(RIP_AUTH_PASSWORD, 0, "sesame2");
	const struct rip_key md5 = key_of(RIP_AUTH_MD5, 7, "sesame");
	const struct rip_key other = key_of(RIP_AUTH_MD5, 7, "Sesame");
	const struct rip_key id = key_of(RIP_AUTH_MD5, 8, "sesame");
	const struct rip_key sha256 = key_of(RIP_AUTH_SHA256, 7, "sesame");
	const struct {
		const struct rip_key *sender, *receiver;
		enum rip_drop want;
	} cases[] = {
		{&none, &none, RIP_DROP_NONE},
		{&none, &password, RIP_DROP_AUTH_MISSING},
		{&none, &md5, RIP_DROP_AUTH_MISSING},
		{&password, &none, RIP_DROP_AUTH_UNEXPECTED},
		{&sha256, &none, RIP_DROP_AUTH_UNEXPECTED},
		{&password, &password, RIP_DROP_NONE},
		{&password, &longer, RIP_DROP_BAD_AUTH},
		{&longer, &password, RIP_DROP_BAD_AUTH},
		{&password, &md5, RIP_DROP_AUTH_TYPE},
		{&md5, &password, RIP_DROP_AUTH_TYPE},
		{&md5, &md5, RIP_DROP_NONE},
		{&md5, &other, RIP_DROP_BAD_AUTH},
		{&md5, &id, RIP_DROP_AUTH_KEY_ID},
		{&md5, &sha256, RIP_DROP_AUTH_LENGTH},
		{&sha256, &md5, RIP_DROP_AUTH_LENGTH},
		{&sha256, &sha256, RIP_DROP_NONE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t bytes[RIP_PACKET_BYTES];
		size_t size = signed_packet(cases[i].sender, bytes, sizeof(bytes));
		struct rip_packet packet;
		enum rip_drop got;

		assert_int_equal(rip_packet_open(&packet, bytes, size), RIP_DROP_NONE);
		got = rip_auth_check(&packet, cases[i].receiver);
		if (got != cases[i].want)
			fail_msg("case %zu: %s, wanted %s", i, rip_drop_name(got), rip_drop_name(cases[i].want));
	}
}

/* Authentic packets in a capture (classic pcap, Ethernet, IPv4) with this key. */
static unsigned authentic_in(const char *path, const struct rip_key *key)
{
	uint8_t record[16], frame[2048];
	FILE *file = fopen(path, "rb");
	unsigned good = 0;

	if (file == NULL)
		return 0;
	(void)fseek(file, 24, SEEK_SET);
	while (fread(record, 1, sizeof(record), file) == sizeof(record)) {
		size_t size = (size_t)record[8] | (size_t)record[9] << 8;
		struct rip_packet packet;

		if (size > sizeof(frame) || fread(frame, 1, size, file) != size)
			break;
		if (size > 42 && frame[12] == 8 && frame[14] == 0x45 && frame[23] == 17 && frame[37] == 8 && frame[36] == 2)
			good += rip_packet_open(&packet, frame + 42, size - 42) == RIP_DROP_NONE &&
				rip_auth_check(&packet, key) == RIP_DROP_NONE;
	}
	(void)fclose(file);
	return good;
}

static void test_captures(void **state)
{
	static const struct {
		const char *file;
		enum rip_auth kind;
		uint8_t id;
		const char *key;
		unsigned packets;
	} captures[] = {
		{"auth/pcap/RIPv2_MD5_authentication__PROPER_.pcap", RIP_AUTH_MD5, 1, "quagga", 12},
		{"auth/pcap/RIPv2_MD5_authentication-MLP.pcap", RIP_AUTH_MD5, 1, "abcdefghijklmnop", 6},
		{"rip/pcap/ripv2_auth.pcap", RIP_AUTH_PASSWORD, 0, "abcdefghijklmnop", 2},
		{"rip/pcap/ripv2_auth.pcap", RIP_AUTH_MD5, 45, "abcdefghijklmnop", 2},
	};
	const char *corpora = getenv("WEFT_CORPORA");

	(void)state;
	if (corpora == NULL)
		skip();
	for (size_t i = 0; i < COUNT_OF(captures); i++) {
		struct rip_key key = key_of(captures[i].kind, captures[i].id, captures[i].key);
		char path[400];

		(void)snprintf(path, sizeof(path), "%s/%s", corpora, captures[i].file);
		if (authentic_in(path, &key) != captures[i].packets)
			fail_msg("%s: %u authentic packets, wanted %u", path, authentic_in(path, &key), captures[i].packets);
		key.bytes[0] ^= 1;
		assert_int_equal(authentic_in(path, &key), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
