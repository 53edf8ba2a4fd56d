/* Packets are put together from their pieces in any order; contradictions, gaps and too many of them come to nothing. */
#include "route/ip_reassembly.h"

#include "base/check.h"
#include "base/rand.h"
#include "net/ipv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t payload[IP_PAYLOAD_BYTES_MAX];

static struct ip_piece piece_of(uint16_t id, size_t offset, size_t size, bool more)
{
	return (struct ip_piece){.packet = {.source = ip_from_u32(0x0a000001),
					 .destination = ip_from_u32(0xe0000005),
					 .ttl = 1,
					 .protocol = IP_PROTOCOL_OSPF,
					 .bytes = payload + offset,
					 .size = size},
		.id = id,
		.offset = (uint32_t)offset,
		.more = more};
}

static void fill(void)
{
	struct rand rand = rand_seeded(3);

	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (uint8_t)rand_u64(&rand);
}

/* Cuts packets of many sizes, shuffles the pieces, repeats some, and passes each through the wire format. */
static void test_any_order(void **state)
{
	struct rand rand = rand_seeded(11);
	struct ip_reassembly r;
	const struct instant now = {0};

	(void)state;
	fill();
	ip_reassembly_init(&r, NULL);
	for (unsigned round = 0; round < 300; round++) {
		size_t size = round < 3 ? IP_PAYLOAD_BYTES_MAX - round : 1 + rand_below(&rand, 9000),
		       room = 8 * (1 + rand_below(&rand, 180));
		struct ip_piece *pieces = test_calloc(size / room + 1, sizeof(*pieces));
		size_t count = 0, completed = 0;

		for (size_t at = 0; at < size; at += room)
			pieces[count++] = piece_of((uint16_t)round, at, size - at > room ? room : size - at, size - at > room);
		for (size_t i = count; i > 1; i--) {
			size_t other = rand_below(&rand, i);
			struct ip_piece swap = pieces[i - 1];

			pieces[i - 1] = pieces[other];
			pieces[other] = swap;
		}
		for (size_t i = 0; i < count; i++) {
			uint8_t wire[2048];
			struct ip_piece read;
			struct ip_packet whole;
			size_t bytes = ip_piece_build(&pieces[i], wire, sizeof(wire));

			assert_int_equal(bytes, IPV4_HEADER_BYTES + pieces[i].packet.size);
			assert_null(ip_piece_parse(&read, wire, bytes));
			if (count == 1) { /* not even a piece */
				assert_true(ip_piece_is_whole(&read));
				continue;
			}
			if (i + 1 < count && rand_below(&rand, 4) == 0)
				assert_int_equal(ip_reassembly_add(&r, 1, &read, now, &whole), IP_PIECE_KEPT);
			if (ip_reassembly_add(&r, 1, &read, now, &whole) != IP_PIECE_COMPLETE)
				continue;
			assert_int_equal(i, count - 1);
			assert_int_equal(whole.size, size);
			assert_memory_equal(whole.bytes, payload, size);
			assert_true(ip_equal(whole.source, pieces[0].packet.source) && whole.protocol == IP_PROTOCOL_OSPF);
			completed++;
		}
		assert_int_equal(completed, count > 1);
		assert_int_equal(r.count, 0);
		test_free(pieces);
	}
	assert_int_equal(r.lost, 0);
	ip_reassembly_free(&r);
}

static void test_contradictions(void **state)
{
	static const struct {
		size_t first_at, first_size;
		bool first_more;
		size_t second_at, second_size;
		bool second_more;
	} table[] = {
		{0, 64, true, 32, 64, true},	/* overlaps */
		{64, 64, true, 56, 80, true},	/* covers */
		{64, 20, false, 128, 64, true}, /* behind the end */
		{64, 20, false, 64, 28, false}, /* two ends */
		{128, 64, true, 64, 20, false}, /* an end before what is there */
		{0, 8, true, 16, 15, true},	/* half a unit in the middle */
		{0, 8, true, 16, 0, true},	/* nothing */
		{0, 8, true, 65512, 8, false},	/* larger than a packet */
	};

	(void)state;
	fill();
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct ip_reassembly r;
		struct ip_packet whole;
		struct ip_piece first = piece_of(1, table[i].first_at, table[i].first_size, table[i].first_more);
		struct ip_piece second = piece_of(1, 0, table[i].second_size, table[i].second_more);

		second.offset = (uint32_t)table[i].second_at;
		ip_reassembly_init(&r, NULL);
		assert_int_equal(ip_reassembly_add(&r, 1, &first, (struct instant){0}, &whole), IP_PIECE_KEPT);
		if (ip_reassembly_add(&r, 1, &second, (struct instant){0}, &whole) != IP_PIECE_BAD)
			fail_msg("row %zu", i);
		ip_reassembly_free(&r);
	}
}

/* The same place with other bytes. */
static void test_changed_bytes(void **state)
{
	struct ip_reassembly r;
	struct ip_packet whole;
	struct ip_piece first = piece_of(1, 0, 64, true), second = first;

	(void)state;
	fill();
	second.packet.bytes++;
	ip_reassembly_init(&r, NULL);
	assert_int_equal(ip_reassembly_add(&r, 1, &first, (struct instant){0}, &whole), IP_PIECE_KEPT);
	assert_int_equal(ip_reassembly_add(&r, 1, &second, (struct instant){0}, &whole), IP_PIECE_BAD);
	assert_int_equal(r.count, 0);
	assert_int_equal(r.lost, 1);
	ip_reassembly_free(&r);
}

static void test_limits(void **state)
{
	const struct ip_reassembly_limits limits = {.packets = 3, .packets_whole = 5, .life = span_s(2)};
	struct ip_reassembly r;
	struct ip_packet whole;
	struct ip_piece piece;

	(void)state;
	ip_reassembly_init(&r, &limits);
	for (uint16_t id = 0; id < 10; id++) {
		piece = piece_of(id, 0, 64, true);
		assert_int_equal(ip_reassembly_add(&r, 1, &piece, (struct instant){0}, &whole), IP_PIECE_KEPT);
	}
	assert_int_equal(r.count, 3);
	assert_int_equal(r.lost, 7);
	for (uint32_t rif = 2; rif < 20; rif++) {
		piece = piece_of(1, 0, 64, true);
		assert_int_equal(ip_reassembly_add(&r, rif, &piece, (struct instant){0}, &whole), IP_PIECE_KEPT);
	}
	assert_int_equal(r.count, 5);
	piece = piece_of(1, 64, 64, false); /* the rest of the last one, in time and too late */
	assert_int_equal(ip_reassembly_add(&r, 18, &piece, (struct instant){1}, &whole), IP_PIECE_COMPLETE);
	assert_int_equal(ip_reassembly_add(&r, 19, &piece, (struct instant){2000000000}, &whole), IP_PIECE_KEPT);
	assert_int_equal(r.count, 1);
	ip_reassembly_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_changed_bytes),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
