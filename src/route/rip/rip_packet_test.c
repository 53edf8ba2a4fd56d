/* The RIP codec: every refusal by its name, and what is written reads back the same. */
#include "route/rip/rip_packet.h"

#include "base/check.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
		const char digits[3] = {hex[0], hex[1]};

		if (*hex != ' ')
			out[n++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

#define HEAD "02020000 "
#define ENTRY "00020000 ac100100 ffffff00 00000000 00000001 "

static void test_open(void **state)
{
	static const struct {
		const char *what;
		const char *hex;
		enum rip_drop want;
	} cases[] = {
		{"empty", "", RIP_DROP_TRUNCATED},
		{"three bytes", "020200", RIP_DROP_TRUNCATED},
		{"no entries", HEAD, RIP_DROP_NONE},
		{"one entry", HEAD ENTRY, RIP_DROP_NONE},
		{"half an entry", HEAD ENTRY "00020000 ac10", RIP_DROP_TRUNCATED},
		{"version 0", "02000000", RIP_DROP_BAD_VERSION},
		{"version 1", "02010000" ENTRY, RIP_DROP_BAD_VERSION},
		{"version 3", "02030000" ENTRY, RIP_DROP_BAD_VERSION},
		{"traceon", "03020000", RIP_DROP_BAD_COMMAND},
		{"command 0", "00020000", RIP_DROP_BAD_COMMAND},
		{"password", HEAD "ffff0002 61626364 65666768 696a6b6c 6d6e6f70" ENTRY, RIP_DROP_NONE},
		{"unknown authentication", HEAD "ffff0009 61626364 65666768 696a6b6c 6d6e6f70" ENTRY, RIP_DROP_AUTH_TYPE},
		{"trailer", HEAD "ffff0003 002c0114 00000001 00000000 00000000" ENTRY "ffff0001 00112233 44556677 8899aabb ccddeeff",
			RIP_DROP_NONE},
		{"trailer missing", HEAD "ffff0003 002c0114 00000001 00000000 00000000" ENTRY, RIP_DROP_AUTH_LENGTH},
		{"trailer without head", HEAD "ffff0003 002c0114 00000001 00000000 00000000" ENTRY "ffff0002 0011", RIP_DROP_AUTH_LENGTH},
		{"length before the entries", HEAD "ffff0003 00040114 00000001 00000000 00000000" ENTRY "ffff0001 0011",
			RIP_DROP_AUTH_LENGTH},
		{"length behind the end", HEAD "ffff0003 ffff0114 00000001 00000000 00000000" ENTRY "ffff0001 0011", RIP_DROP_AUTH_LENGTH},
		{"length inside an entry", HEAD "ffff0003 001a0114 00000001 00000000 00000000 0002 ffff0001 0011", RIP_DROP_TRUNCATED},
	};
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct rip_packet packet;
		enum rip_drop got = rip_packet_open(&packet, bytes, from_hex(cases[i].hex, bytes));

		if (got != cases[i].want)
			fail_msg("%s: %s, wanted %s", cases[i].what, rip_drop_name(got), rip_drop_name(cases[i].want));
	}
}

static void test_entries(void **state)
{
	static const struct {
		const char *what;
		const char *hex;
		enum rip_drop want;
	} cases[] = {
		{"good", "00020000 ac100100 ffffff00 00000000 00000001", RIP_DROP_NONE},
		{"default", "00020000 00000000 00000000 00000000 00000010", RIP_DROP_NONE},
		{"host", "00020000 ac100101 ffffffff 00000000 0000000f", RIP_DROP_NONE},
		{"family 0", "00000000 ac100100 ffffff00 00000000 00000001", RIP_DROP_BAD_FAMILY},
		{"family of a late password", "ffff0002 ac100100 ffffff00 00000000 00000001", RIP_DROP_BAD_FAMILY},
		{"IPv6", "00180000 ac100100 ffffff00 00000000 00000001", RIP_DROP_BAD_FAMILY},
		{"holes in the mask", "00020000 ac100100 ff00ff00 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"mask from the wrong end", "00020000 ac100100 00ffffff 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"host bits", "00020000 ac100101 ffffff00 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"no mask", "00020000 ac100100 00000000 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"net 0", "00020000 00010000 ffff0000 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"loopback", "00020000 7f000000 ff000000 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"multicast", "00020000 e0000000 f0000000 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"class E", "00020000 f0000000 f0000000 00000000 00000001", RIP_DROP_BAD_PREFIX},
		{"metric 0", "00020000 ac100100 ffffff00 00000000 00000000", RIP_DROP_BAD_METRIC},
		{"metric 17", "00020000 ac100100 ffffff00 00000000 00000011", RIP_DROP_BAD_METRIC},
		{"metric 2^24 + 1", "00020000 ac100100 ffffff00 00000000 01000001", RIP_DROP_BAD_METRIC},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t bytes[64] = {2, 2, 0, 0};
		struct rip_packet packet;
		struct rip_entry entry;
		enum rip_drop drop;
		size_t size = 4 + from_hex(cases[i].hex, bytes + 4);

		/* The first entry decides about authentication, so the case is the second. */
		memmove(bytes + 24, bytes + 4, 20);
		(void)from_hex("00020000 0a000000 ff000000 00000000 00000001", bytes + 4);
		assert_int_equal(rip_packet_open(&packet, bytes, size + 20), RIP_DROP_NONE);
		assert_true(rip_packet_next(&packet, &entry, &drop));
		assert_int_equal(drop, RIP_DROP_NONE);
		assert_true(rip_packet_next(&packet, &entry, &drop));
		if (drop != cases[i].want)
			fail_msg("%s: %s, wanted %s", cases[i].what, rip_drop_name(drop), rip_drop_name(cases[i].want));
		assert_false(rip_packet_next(&packet, &entry, &drop));
	}
}

static struct rip_entry random_entry(struct rand *rand)
{
	struct rip_entry entry = {.family = RIP_FAMILY_INET, .tag = (uint16_t)rand_u64(rand)};

	entry.prefix.ip = ip_from_u32((uint32_t)(0x01000000 + rand_below(rand, 0x7e000000)));
	entry.prefix.length = (uint8_t)(8 + rand_below(rand, 25));
	entry.prefix = prefix_masked(entry.prefix);
	if (rand_below(rand, 2))
		entry.nexthop = ip_from_u32((uint32_t)rand_u64(rand) | 1);
	entry.metric = (uint32_t)(1 + rand_below(rand, 16));
	return entry;
}

static void test_round_trip(void **state)
{
	const uint64_t seed = 20240817;
	struct rand rand = rand_seeded(seed);

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned round = 0; round < 2000; round++) {
		uint8_t bytes[RIP_PACKET_BYTES];
		struct writer w = writer_over(bytes, sizeof(bytes));
		unsigned count = (unsigned)rand_below(&rand, 26);
		struct rip_entry sent[25], got;
		struct rip_packet packet;
		enum rip_drop drop;

		rip_write_header(&w, RIP_RESPONSE);
		for (unsigned i = 0; i < count; i++) {
			sent[i] = random_entry(&rand);
			rip_write_entry(&w, &sent[i]);
		}
		assert_true(writer_ok(&w));
		assert_int_equal(rip_packet_open(&packet, bytes, writer_used(&w)), RIP_DROP_NONE);
		for (unsigned i = 0; i < count; i++) {
			assert_true(rip_packet_next(&packet, &got, &drop));
			assert_int_equal(drop, RIP_DROP_NONE);
			assert_true(prefix_equal(got.prefix, sent[i].prefix) && ip_equal(got.nexthop, sent[i].nexthop));
			assert_true(got.tag == sent[i].tag && got.metric == sent[i].metric);
		}
		assert_false(rip_packet_next(&packet, &got, &drop));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
