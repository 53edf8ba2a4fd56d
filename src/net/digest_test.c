/* Digests against the published vectors of RFC 1321, FIPS 180 and RFC 2202, 4231. */
#include "net/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check_hex(const uint8_t *bytes, size_t size, const char *want)
{
	char got[2 * DIGEST_BYTES_MAX + 1];

	for (size_t i = 0; i < size; i++)
		(void)snprintf(got + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(got, want);
}

static void test_hash_abc(void **state)
{
	static const struct {
		enum digest_kind kind;
		const char *want;
	} cases[] = {
		{DIGEST_MD5, "900150983cd24fb0d6963f7d28e17f72"},
		{DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{DIGEST_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{DIGEST_SHA384, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"},
		{DIGEST_SHA512, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
				"454d4423643ce80e2a9ac94fa54ca49f"},
	};
	const struct digest_part parts[] = {{"a", 1}, {"", 0}, {"bc", 2}};
	uint8_t out[DIGEST_BYTES_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		digest_hash(cases[i].kind, parts, 3, out);
		check_hex(out, digest_size(cases[i].kind), cases[i].want);
	}
}

/* RFC 2202 and RFC 4231, test case 2 (short key) and 6 (key longer than the block). */
static void test_hmac(void **state)
{
	static const char what[] = "what do ya want for nothing?";
	static const char larger[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	const struct digest_part parts[] = {{what, 10}, {what + 10, sizeof(what) - 11}};
	const struct digest_part one = {larger, sizeof(larger) - 1};
	uint8_t key[131];
	uint8_t out[DIGEST_BYTES_MAX];

	(void)state;
	memset(key, 0xaa, sizeof(key));
	digest_hmac(DIGEST_MD5, "Jefe", 4, parts, 2, out);
	check_hex(out, 16, "750c783e6ab0b503eaa86e310a5db738");
	digest_hmac(DIGEST_SHA1, "Jefe", 4, parts, 2, out);
	check_hex(out, 20, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
	digest_hmac(DIGEST_SHA256, "Jefe", 4, parts, 2, out);
	check_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	digest_hmac(DIGEST_SHA256, key, sizeof(key), &one, 1, out);
	check_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	digest_hmac(DIGEST_SHA512, key, sizeof(key), &one, 1, out);
	check_hex(out, 64,
		"80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d"
		"7865"
		"98");
}

static void test_equal(void **state)
{
	(void)state;
	assert_true(digest_equal("abcd", "abcd", 4));
	assert_false(digest_equal("abcd", "abce", 4));
	assert_true(digest_equal("abcd", "abce", 3));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_abc),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
