/* Tests of the Internet checksum: known vectors, then random data against the definition. */
#include "net/checksum.h"

#include "base/rand.h"
#include "net/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The definition: the complement of the ones' complement sum of 16-bit words (RFC 1071). */
static uint16_t reference(const uint8_t *bytes, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < size; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

static void test_vectors(void **state)
{
	/* RFC 1071, section 3; an IPv4 header; nothing at all. */
	static const uint8_t rfc[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
	static const uint8_t header[20] = {0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0xb8, 0x61, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7};

	assert_int_equal(checksum_fold(checksum_add(0, rfc, sizeof(rfc))), (uint16_t)~0xddf2);
	assert_int_equal(checksum_fold(checksum_add(0, header, sizeof(header))), 0);
	assert_int_equal(checksum_fold(0), 0xffff);
}

static void test_random(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	static uint8_t bytes[4096];

	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 3000; round++) {
		size_t size = rand_below(&rand, sizeof(bytes) - 8) + 4, offset = rand_below(&rand, 4), cut;
		uint16_t before, word, old;

		for (size_t i = 0; i < size + offset; i++)
			bytes[i] = round % 3 ? (uint8_t)rand_u64(&rand) : 0xff;
		before = checksum_fold(checksum_add(0, bytes + offset, size));
		assert_int_equal(before, reference(bytes + offset, size));
		cut = rand_below(&rand, size / 2) * 2;
		assert_int_equal(
			checksum_fold(checksum_add(checksum_add(0, bytes + offset, cut), bytes + offset + cut, size - cut)), before);
		old = wire_get_u16(bytes + offset + cut);
		word = (uint16_t)rand_u64(&rand);
		if (cut + 2 > size)
			continue;
		wire_put_u16(bytes + offset + cut, word);
		assert_int_equal(checksum_update(before, old, word), reference(bytes + offset, size));
	}
}

static void test_pseudo(void **state)
{
	/* A UDP packet over IPv4 and over IPv6: header and pseudo header written out. */
	struct ip a4 = ip_from_u32(0x0a000001), b4 = ip_from_u32(0x0a000002);
	static const uint8_t flat4[12] = {10, 0, 0, 1, 10, 0, 0, 2, 0, 17, 0, 9};
	uint8_t flat6[40] = {0xfe, 0x80, [15] = 1, [16] = 0xfe, [17] = 0x80, [31] = 2, [34] = 1, [35] = 2, [39] = 58};
	struct ip a6 = ip_from_bytes(IP_V6, flat6), b6 = ip_from_bytes(IP_V6, flat6 + 16);

	assert_int_equal(checksum_fold(checksum_pseudo(a4, b4, 17, 9)), reference(flat4, sizeof(flat4)));
	assert_int_equal(checksum_fold(checksum_pseudo(a6, b6, 58, 0x102)), reference(flat6, sizeof(flat6)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_pseudo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
