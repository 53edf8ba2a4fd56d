/* Tests of OSPF packets and LSAs: every authentication there and back, every fault, checksums, which LSA is newer. */
#include "base/check.h"
#include "base/rand.h"
#include "route/ospf/ospf_lsa.h"
#include "route/ospf/ospf_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct ospf_auth none = {.kind = OSPF_AUTH_NONE};

static size_t hello_make(uint8_t *bytes, size_t size, const struct ospf_auth *auth)
{
	const struct ospf_hello hello = {
		.mask = 0xffffff00, .hello_s = 10, .options = 2, .priority = 1, .dead_s = 40, .designated = 0x0a000001};
	struct writer w = writer_over(bytes, size);

	ospf_packet_begin(&w, OSPF_HELLO, 0x01010101, 0);
	ospf_hello_write(&w, &hello);
	writer_u32(&w, 0x02020202);
	ospf_packet_end(&w, auth, 7);
	assert_true(writer_ok(&w));
	return writer_used(&w);
}

static enum ospf_wire_fault fault_of(const uint8_t *bytes, size_t size, const struct ospf_auth *auth)
{
	struct ospf_header header;
	struct reader body;

	return ospf_packet_read(reader_over(bytes, size), auth, &header, &body);
}

/* A packet of each kind is read again, and no packet with a changed byte that the kind protects is. */
static void test_auth(void **state)
{
	static const struct ospf_auth kinds[] = {
		{.kind = OSPF_AUTH_NONE},
		{.kind = OSPF_AUTH_SIMPLE, .key_bytes = 3, .key = "abc"},
		{.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_MD5, .key_id = 1, .key_bytes = 6, .key = "secret"},
		{.kind = OSPF_AUTH_CRYPTO,
			.digest = DIGEST_SHA1,
			.key_id = 2,
			.key_bytes = 40,
			.key = "0123456789012345678901234567890123456789"},
		{.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_SHA256, .key_id = 3, .key_bytes = 6, .key = "secret"},
		{.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_SHA512, .key_id = 4, .key_bytes = 6, .key = "secret"},
	};
	uint8_t bytes[256];
	struct ospf_header header;
	struct ospf_hello hello;
	struct reader body;
	size_t n;

	(void)state;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		n = hello_make(bytes, sizeof(bytes), &kinds[k]);
		assert_int_equal(ospf_packet_read(reader_over(bytes, n), &kinds[k], &header, &body), OSPF_WIRE_GOOD);
		assert_int_equal(header.router_id, 0x01010101);
		assert_int_equal(header.sequence, kinds[k].kind == OSPF_AUTH_CRYPTO ? 7 : 0);
		assert_true(ospf_hello_read(body, &hello));
		assert_int_equal(hello.dead_s, 40);
		assert_int_equal(reader_u32(&hello.neighbors), 0x02020202);
		for (size_t i = 0; i < n; i++) {
			if (kinds[k].kind == OSPF_AUTH_NONE && i >= 16 && i < 24)
				continue; /* nobody looks at it */
			bytes[i] ^= 0x10;
			assert_int_not_equal(fault_of(bytes, n, &kinds[k]), OSPF_WIRE_GOOD);
			bytes[i] ^= 0x10;
		}
		for (size_t i = 0; i < n; i++)
			assert_int_not_equal(fault_of(bytes, i, &kinds[k]), OSPF_WIRE_GOOD);
	}
}

/* MD5 as RFC 2328 D.4.3 says it, worked out here once more. */
static void test_md5(void **state)
{
	struct ospf_auth auth = {.kind = OSPF_AUTH_CRYPTO, .digest = DIGEST_MD5, .key_id = 1, .key_bytes = 6, .key = "secret"};
	uint8_t bytes[256], joined[256] = {0}, digest[16];
	size_t n = hello_make(bytes, sizeof(bytes), &auth) - 16;

	(void)state;
	memcpy(joined, bytes, n);
	memcpy(joined + n, auth.key, auth.key_bytes);
	digest_hash(DIGEST_MD5, &(struct digest_part){joined, n + 16}, 1, digest);
	assert_memory_equal(digest, bytes + n, 16);
	assert_int_equal(bytes[12] | bytes[13], 0); /* no checksum */
	assert_int_equal(bytes[3], n);		    /* the length is without the digest */
}

static void test_faults(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum ospf_wire_fault fault;
	} rows[] = {{0, 3, OSPF_WIRE_VERSION}, {1, 0, OSPF_WIRE_TYPE}, {1, 6, OSPF_WIRE_TYPE}, {3, 23, OSPF_WIRE_LENGTH},
		{3, 200, OSPF_WIRE_LENGTH}, {15, 1, OSPF_WIRE_AUTH_TYPE}, {4, 9, OSPF_WIRE_CHECKSUM}};
	uint8_t bytes[256];
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		n = hello_make(bytes, sizeof(bytes), &none);
		bytes[rows[i].at] = rows[i].value;
		assert_int_equal(fault_of(bytes, n, &none), rows[i].fault);
	}
	assert_int_equal(fault_of(bytes, 23, &none), OSPF_WIRE_SHORT);
}

/* Random opaque bodies: the checksum made is the checksum checked, any changed byte but the age is noticed, the reader stays in step. */
static void test_lsa_checksum(void **state)
{
	struct rand rand = rand_seeded(2328);
	uint8_t bytes[400];
	struct ospf_lsa lsa;

	(void)state;
	print_message("seed 2328\n");
	for (unsigned round = 0; round < 2000; round++) {
		struct ospf_lsa_header header = {.type = OSPF_LSA_OPAQUE_AREA, .id = (uint32_t)rand_u64(&rand), .sequence = INT32_MIN + 1};
		struct writer w = writer_over(bytes, sizeof(bytes));
		size_t n, at, start = ospf_lsa_begin(&w, &header);
		struct reader r;

		for (uint64_t i = rand_below(&rand, 300); i > 0; i--)
			writer_u8(&w, (uint8_t)rand_u64(&rand));
		ospf_lsa_end(&w, start);
		n = writer_used(&w);
		r = reader_over(bytes, n);
		assert_int_equal(ospf_lsa_read(&r, &lsa), OSPF_LSA_GOOD);
		assert_true(reader_done(&r));
		assert_int_equal(reader_left(&lsa.body), n - OSPF_LSA_HEADER_BYTES);
		do
			at = 4 + rand_below(&rand, n - 4);
		while (at == 18 || at == 19); /* the length */
		bytes[at] ^= (uint8_t)(1 + rand_below(&rand, 127));
		r = reader_over(bytes, n);
		assert_int_not_equal(ospf_lsa_read(&r, &lsa), OSPF_LSA_GOOD);
	}
}

static void test_lsa_bodies(void **state)
{
	static const struct {
		uint8_t type;
		uint32_t words[5];
		unsigned count;
		enum ospf_lsa_fault fault;
	} rows[] = {
		{OSPF_LSA_ROUTER, {0}, 1, OSPF_LSA_GOOD},
		{OSPF_LSA_ROUTER, {1, 0x0a000000, 0xff000000, 0x03000005}, 4, OSPF_LSA_GOOD},
		{OSPF_LSA_ROUTER, {2, 0x0a000000, 0xff000000, 0x03000005}, 4, OSPF_LSA_BODY}, /* one link, two said */
		{OSPF_LSA_ROUTER, {1, 0x0a000000, 0xff00ff00, 0x03000005}, 4, OSPF_LSA_BODY}, /* not a mask */
		{OSPF_LSA_ROUTER, {1, 0x0a000000, 0xff000000, 0x03010005}, 4, OSPF_LSA_BODY}, /* TOS metrics missing */
		{OSPF_LSA_NETWORK, {0xffffff00, 1}, 2, OSPF_LSA_GOOD},
		{OSPF_LSA_NETWORK, {0xffffff00}, 1, OSPF_LSA_BODY},
		{OSPF_LSA_SUMMARY, {0xffff0000, 10}, 2, OSPF_LSA_GOOD},
		{OSPF_LSA_SUMMARY, {0x00ff0000, 10}, 2, OSPF_LSA_BODY},
		{OSPF_LSA_EXTERNAL, {0, 0x80000014, 0, 0}, 4, OSPF_LSA_GOOD},
		{OSPF_LSA_EXTERNAL, {0, 0x80000014, 0}, 3, OSPF_LSA_BODY},
		{6, {0}, 1, OSPF_LSA_TYPE},
	};
	uint8_t bytes[64];
	struct ospf_lsa lsa;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct ospf_lsa_header header = {.type = rows[i].type, .id = 1, .router = 1};
		struct writer w = writer_over(bytes, sizeof(bytes));
		size_t start = ospf_lsa_begin(&w, &header);
		struct reader r;

		for (unsigned word = 0; word < rows[i].count; word++)
			writer_u32(&w, rows[i].words[word]);
		ospf_lsa_end(&w, start);
		r = reader_over(bytes, writer_used(&w));
		assert_int_equal(ospf_lsa_read(&r, &lsa), rows[i].fault);
		r = reader_over(bytes, writer_used(&w) - 1);
		assert_int_equal(ospf_lsa_read(&r, &lsa), OSPF_LSA_SHORT);
	}
}

static void test_newer(void **state)
{
	static const struct {
		struct ospf_lsa_header a, b;
		int newer;
	} rows[] = {
		{{.sequence = 2}, {.sequence = 1, .checksum = 9}, 1},
		{{.sequence = INT32_MIN + 1}, {.sequence = 1}, -1}, /* signed */
		{{.checksum = 2, .age_s = 5}, {.checksum = 1, .age_s = 3600}, 1},
		{{.age_s = 3600}, {.age_s = 3599}, 1},
		{{.age_s = 10}, {.age_s = 911}, 1},
		{{.age_s = 10}, {.age_s = 910}, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		assert_int_equal(ospf_lsa_compare(&rows[i].a, &rows[i].b), rows[i].newer);
		assert_int_equal(ospf_lsa_compare(&rows[i].b, &rows[i].a), -rows[i].newer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_md5),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_lsa_checksum),
		cmocka_unit_test(test_lsa_bodies),
		cmocka_unit_test(test_newer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
