/* Tests of path attributes: RFC 7606's table row by row, 2- and 4-octet paths, interning. */
#include "base/rand.h"
#include "base/text.h"
#include "route/bgp/bgp_attr.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct bgp_attr_context external = {.as4 = true, .ebgp = true}, internal = {.as4 = true, .ebgp = false};

static struct bgp_attr_read result;

/* Hex with blanks to bytes; returns their number. */
static size_t hex(const char *text, uint8_t *out)
{
	size_t digits = 0;

	for (; *text != '\0'; text++) {
		unsigned digit = *text >= 'a' ? (unsigned)(*text - 'a' + 10) : (unsigned)(*text - '0');

		if (*text == ' ')
			continue;
		out[digits / 2] = (uint8_t)(digits % 2 ? out[digits / 2] | digit : digit << 4);
		digits++;
	}
	return digits / 2;
}

/* The mandatory attributes of a good route, less the one of `type`, then the attribute under test. */
static const struct bgp_attr_read *read_with(const struct bgp_attr_context *context, unsigned type, unsigned flags, const char *value)
{
	static const struct {
		unsigned type;
		const char *bytes;
	} mandatory[] = {{1, "40 01 01 00"}, {2, "40 02 06 0201 0000fde9"}, {3, "40 03 04 0a000002"}};
	uint8_t bytes[512], tested[256];
	size_t n = 0, length = hex(value, tested);

	for (size_t i = 0; i < 3; i++)
		if (mandatory[i].type != type)
			n += hex(mandatory[i].bytes, bytes + n);
	bytes[n++] = (uint8_t)flags;
	bytes[n++] = (uint8_t)type;
	bytes[n++] = (uint8_t)length;
	memcpy(bytes + n, tested, length);
	bgp_attr_read(&result, reader_over(bytes, n + length), true, context);
	return &result;
}

enum { GOOD, DISCARD, WITHDRAW, RESET };

/* What came of it, in the words of RFC 7606. */
static int outcome_of(const struct bgp_attr_read *read)
{
	switch (read->outcome) {
	case BGP_OUTCOME_WITHDRAW:
		return WITHDRAW;
	case BGP_OUTCOME_RESET:
		return RESET;
	case BGP_OUTCOME_GOOD:
		break;
	}
	return read->discarded ? DISCARD : GOOD;
}

/* RFC 7606 7, and the RFCs of later attributes. */
static const struct {
	const char *what;
	unsigned type, flags;
	const char *value;
	int from_external, from_internal;
} cases[] = {
	{"origin", 1, 0x40, "02", GOOD, GOOD},
	{"origin: optional", 1, 0xc0, "00", WITHDRAW, WITHDRAW},
	{"origin: partial", 1, 0x60, "00", WITHDRAW, WITHDRAW},
	{"origin: length 0", 1, 0x40, "", WITHDRAW, WITHDRAW},
	{"origin: length 2", 1, 0x40, "0000", WITHDRAW, WITHDRAW},
	{"origin: value 3", 1, 0x40, "03", WITHDRAW, WITHDRAW},
	{"as path: empty", 2, 0x40, "", GOOD, GOOD},
	{"as path: segment type 0", 2, 0x40, "0001 0000fde9", WITHDRAW, WITHDRAW},
	{"as path: segment type 5", 2, 0x40, "0501 0000fde9", WITHDRAW, WITHDRAW},
	{"as path: empty segment", 2, 0x40, "0200", WITHDRAW, WITHDRAW},
	{"as path: overrun", 2, 0x40, "02ff 0000fde9", WITHDRAW, WITHDRAW},
	{"as path: one byte left", 2, 0x40, "0201 0000fde9 02", WITHDRAW, WITHDRAW},
	{"as path: AS 0", 2, 0x40, "0201 00000000", WITHDRAW, WITHDRAW},
	{"next hop: length 5", 3, 0x40, "0a00000201", WITHDRAW, WITHDRAW},
	{"next hop: 0.0.0.0", 3, 0x40, "00000000", WITHDRAW, WITHDRAW},
	{"next hop: loopback", 3, 0x40, "7f000001", WITHDRAW, WITHDRAW},
	{"next hop: multicast", 3, 0x40, "e0000001", WITHDRAW, WITHDRAW},
	{"med", 4, 0x80, "0000000a", GOOD, GOOD},
	{"med: transitive", 4, 0xc0, "0000000a", WITHDRAW, WITHDRAW},
	{"med: length 3", 4, 0x80, "000000", WITHDRAW, WITHDRAW},
	{"local pref", 5, 0x40, "00000064", DISCARD, GOOD},
	{"local pref: length 3", 5, 0x40, "000000", DISCARD, WITHDRAW},
	{"atomic aggregate", 6, 0x40, "", GOOD, GOOD},
	{"atomic aggregate: length 1", 6, 0x40, "00", DISCARD, DISCARD},
	{"aggregator", 7, 0xc0, "0000fde9 0a000002", GOOD, GOOD},
	{"aggregator: length 7", 7, 0xc0, "0000fde9 0a0000", DISCARD, DISCARD},
	{"aggregator: AS 0", 7, 0xc0, "00000000 0a000002", DISCARD, DISCARD},
	{"communities", 8, 0xc0, "ffff0001 ffff0002", GOOD, GOOD},
	{"communities: not transitive", 8, 0x80, "ffff0001", WITHDRAW, WITHDRAW},
	{"communities: length 0", 8, 0xc0, "", WITHDRAW, WITHDRAW},
	{"communities: length 5", 8, 0xc0, "ffff000100", WITHDRAW, WITHDRAW},
	{"originator id", 9, 0x80, "0a000002", DISCARD, GOOD},
	{"originator id: length 3", 9, 0x80, "0a0000", DISCARD, WITHDRAW},
	{"originator id: transitive", 9, 0xc0, "0a000002", WITHDRAW, WITHDRAW},
	{"cluster list: length 5", 10, 0x80, "0a00000200", DISCARD, WITHDRAW},
	{"mp reach: truncated", 14, 0x80, "0002011020010db800000000", RESET, RESET},
	{"mp reach: next hop of 9", 14, 0x80, "00020109 20010db800000000 00 00 40 20010db8", RESET, RESET},
	{"mp unreach: truncated", 15, 0x80, "00020140 20010db8", RESET, RESET},
	{"extended communities: length 9", 16, 0xc0, "0002fde90000000100", WITHDRAW, WITHDRAW},
	{"as4 path: segment type 0", 17, 0xc0, "0001 00010001", WITHDRAW, WITHDRAW},
	{"as4 aggregator: length 7", 18, 0xc0, "0000fde90a0000", DISCARD, DISCARD},
	{"pmsi: type 8", 22, 0xc0, "00080000000a000002", WITHDRAW, WITHDRAW},
	{"tunnel: sub-TLV overrun", 23, 0xc0, "0007000401ff", WITHDRAW, WITHDRAW},
	{"IPv6 extended: length 21", 25, 0xc0, "000220010db80000000000000000000000010001ff", WITHDRAW, WITHDRAW},
	{"aigp", 26, 0x80, "01000b0000000000000000", DISCARD, DISCARD},
	{"link state: transitive", 29, 0xc0, "0400000100", DISCARD, DISCARD},
	{"large communities", 32, 0xc0, "0000fde90000000100000002", GOOD, GOOD},
	{"large communities: length 13", 32, 0xc0, "0000fde9000000010000000200", WITHDRAW, WITHDRAW},
	{"only to customer: AS 0", 35, 0xc0, "00000000", WITHDRAW, WITHDRAW},
	{"prefix sid: label index of 0", 40, 0xc0, "010000", DISCARD, DISCARD},
	{"unknown, transitive", 254, 0xc0, "deadbeef", GOOD, GOOD},
	{"unknown, not transitive", 253, 0x80, "deadbeef", DISCARD, DISCARD},
	{"unknown, well-known", 252, 0x40, "00", RESET, RESET},
};

static void rfc7606_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int round = 0; round < 2; round++) {
			const struct bgp_attr_context *context = round ? &internal : &external;
			int got = outcome_of(read_with(context, cases[i].type, cases[i].flags, cases[i].value));
			int wanted = round ? cases[i].from_internal : cases[i].from_external;

			if (got != wanted)
				fail_msg(
					"%s from %s: outcome %d, expected %d", cases[i].what, round ? "internal" : "external", got, wanted);
		}
}

static void missing_and_duplicate_attributes(void **state)
{
	uint8_t bytes[64];
	size_t n = hex("40 01 01 00  40 03 04 0a000002", bytes);

	(void)state;
	bgp_attr_read(&result, reader_over(bytes, n), true, &external);
	assert_int_equal(result.outcome, BGP_OUTCOME_WITHDRAW);
	assert_int_equal(result.worst_type, BGP_ATTR_AS_PATH);
	/* Without routes nothing has to be there. */
	bgp_attr_read(&result, reader_over(bytes, n), false, &external);
	assert_int_equal(result.outcome, BGP_OUTCOME_GOOD);
	/* The first of two counts. */
	n = hex("40 01 01 00  40 01 01 02  40 02 06 0201 0000fde9  40 03 04 0a000002", bytes);
	bgp_attr_read(&result, reader_over(bytes, n), true, &external);
	assert_int_equal(outcome_of(&result), DISCARD);
	assert_int_equal(result.canonical[3], 0);
	/* A length that overruns the message. */
	n = hex("40 01 01 00  40 02 ff 0201", bytes);
	bgp_attr_read(&result, reader_over(bytes, n), true, &external);
	assert_int_equal(result.outcome, BGP_OUTCOME_WITHDRAW);
}

/* RFC 6793 4.2.3: AS_PATH 23456 23456 300 with AS4_PATH 70000 300 keeps the first hop; a longer AS4_PATH is not believed. */
static void four_octet_path_is_put_together(void **state)
{
	static const struct bgp_attr_context as2 = {.as4 = false, .ebgp = true};
	uint8_t bytes[128], expected[64];
	struct reader path;
	size_t n = hex("40 01 01 00  40 02 08 0203 5ba0 5ba0 012c  40 03 04 0a000002  c0 11 0a 0202 00011170 0000012c  c0 07 06 5ba0 "
		       "0a000002 c0 12 08 00011170 0a000009",
		bytes);

	(void)state;
	bgp_attr_read(&result, reader_over(bytes, n), true, &as2);
	assert_int_equal(result.outcome, BGP_OUTCOME_GOOD);
	path = bgp_attr_find(result.canonical, result.canonical_bytes, BGP_ATTR_AS_PATH);
	n = hex("0201 00005ba0 0202 00011170 0000012c", expected);
	assert_int_equal(reader_left(&path), n);
	assert_memory_equal(path.at, expected, n);
	path = bgp_attr_find(result.canonical, result.canonical_bytes, BGP_ATTR_AGGREGATOR);
	n = hex("00011170 0a000009", expected);
	assert_int_equal(reader_left(&path), n);
	assert_memory_equal(path.at, expected, n);
	path = bgp_attr_find(result.canonical, result.canonical_bytes, BGP_ATTR_AS4_PATH);
	assert_false(reader_ok(&path));

	n = hex("40 01 01 00  40 02 04 0201 012c  40 03 04 0a000002  c0 11 0a 0202 00011170 0000012c", bytes);
	bgp_attr_read(&result, reader_over(bytes, n), true, &as2);
	path = bgp_attr_find(result.canonical, result.canonical_bytes, BGP_ATTR_AS_PATH);
	n = hex("0201 0000012c", expected);
	assert_int_equal(reader_left(&path), n);
	assert_memory_equal(path.at, expected, n);
}

static void equal_sets_are_one(void **state)
{
	struct bgp_attrs *attrs = bgp_attrs_new();
	struct ip nexthop = ip_from_u32(0x0a000002), other = ip_from_u32(0x0a000003), none = {0};
	struct rand rand = rand_seeded(5);
	struct bgp_attr_set *first, *sets[2000];

	(void)state;
	read_with(&internal, BGP_ATTR_AS_PATH, 0x40, "0202 0000fde9 0000fdea 0102 00000001 00000002 0301 00000003 0201 00000004");
	first = bgp_attrs_intern(attrs, result.canonical, result.canonical_bytes, nexthop, none);
	assert_int_equal(first->path_length, 4);
	assert_int_equal(first->first_as, 0xfde9);
	assert_int_equal(first->origin_as, 4);
	assert_true(bgp_attr_path_has(first, 2));
	assert_false(bgp_attr_path_has(first, 5));
	assert_ptr_equal(bgp_attrs_intern(attrs, result.canonical, result.canonical_bytes, nexthop, none), first);
	assert_ptr_not_equal(bgp_attrs_intern(attrs, result.canonical, result.canonical_bytes, other, none), first);
	assert_int_equal(bgp_attrs_count(attrs), 2);
	/* Sets come and go; numbers are used again and nothing is mixed up. */
	memset(sets, 0, sizeof(sets));
	for (int step = 0; step < 50000; step++) {
		uint32_t i = (uint32_t)rand_below(&rand, 2000);
		uint8_t bytes[8] = {0x80, 4, 4, 0, 0, (uint8_t)(i >> 8), (uint8_t)i};

		if (sets[i] != NULL) {
			assert_int_equal(sets[i]->med, i);
			assert_ptr_equal(bgp_attrs_get(attrs, sets[i]->id), sets[i]);
			bgp_attr_unref(attrs, sets[i]);
			sets[i] = NULL;
		} else {
			sets[i] = bgp_attrs_intern(attrs, bytes, 7, nexthop, none);
			assert_int_equal(sets[i]->references, 1);
		}
	}
	bgp_attrs_free(attrs);
}

/* Malformed UPDATEs of a public corpus, where one is named by WEFT_CORPORA: the file's name says what must come of it from an internal
 * peer. */
static void corpus_of_malformed_updates(void **state)
{
	static const char *const names[] = {"attr_discard", "treat_as_withdraw", "session_reset"};
	const char *corpora = getenv("WEFT_CORPORA");
	struct dirent *entry;
	char path[1024];
	unsigned files = 0;
	DIR *folder;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/bgp/rfc7606", corpora ? corpora : "");
	folder = corpora ? opendir(path) : NULL;
	if (folder == NULL) {
		skip();
		return;
	}
	while ((entry = readdir(folder)) != NULL) {
		uint8_t bytes[4096];
		struct reader r;
		size_t n;
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/bgp/rfc7606/%s", corpora, entry->d_name);
		for (int wanted = 0; wanted < 3; wanted++) {
			if (strncmp(entry->d_name, names[wanted], strlen(names[wanted])) != 0)
				continue;
			file = fopen(path, "re");
			assert_non_null(file);
			n = fread(bytes, 1, sizeof(bytes), file);
			(void)fclose(file);
			r = reader_over(bytes, n);
			reader_skip(&r, 19);
			reader_skip(&r, reader_u16(&r));
			struct reader attributes = reader_sub(&r, reader_u16(&r));
			bgp_attr_read(&result, attributes, reader_left(&r) > 0, &external);
			if (wanted == 2 && result.outcome != BGP_OUTCOME_RESET)
				fail_msg("%s: no reset", entry->d_name);
			if (wanted < 2 && result.outcome == BGP_OUTCOME_RESET)
				fail_msg("%s: a needless reset by attribute %u", entry->d_name, result.worst_type);
			if (wanted == 0 && result.outcome != BGP_OUTCOME_GOOD)
				fail_msg("%s: withdrawn by attribute %u, expected a discard", entry->d_name, result.worst_type);
			files++;
		}
	}
	(void)closedir(folder);
	printf("%u malformed messages\n", files);
	assert_true(files > 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc7606_table),
		cmocka_unit_test(missing_and_duplicate_attributes),
		cmocka_unit_test(four_octet_path_is_put_together),
		cmocka_unit_test(equal_sets_are_one),
		cmocka_unit_test(corpus_of_malformed_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
