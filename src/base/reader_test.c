/* Tests of the bounded reader and writer: what one writes the other reads; nothing moves past an end; sub-readers keep the outer in step.
 */
#include "base/check.h"
#include "base/instant.h"
#include "base/rand.h"
#include "base/reader.h"
#include "base/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
	uint8_t buffer[64];
	struct writer w = writer_over(buffer, sizeof(buffer));
	struct reader r;
	char text[3];

	writer_u8(&w, 0x12);
	writer_u16(&w, 0x3456);
	writer_u32(&w, 0x789abcde);
	writer_u64(&w, 0x0102030405060708);
	writer_bytes(&w, "abc", 3);
	writer_zero(&w, 2);
	writer_patch_u16(&w, 1, 0x6543);
	assert_true(writer_ok(&w));
	assert_int_equal(writer_used(&w), 20);
	assert_int_equal(writer_room(&w), 44);
	assert_int_equal(buffer[1], 0x65);
	r = reader_over(buffer, writer_used(&w));
	assert_int_equal(reader_u8(&r), 0x12);
	assert_int_equal(reader_u16(&r), 0x6543);
	assert_int_equal(reader_u32(&r), 0x789abcde);
	assert_int_equal(reader_u64(&r), 0x0102030405060708);
	assert_true(reader_copy(&r, text, 3));
	assert_memory_equal(text, "abc", 3);
	assert_false(reader_done(&r));
	reader_skip(&r, 2);
	assert_true(reader_done(&r));
	r = reader_over("\x01\x02\x03", 3);
	assert_int_equal(reader_u24(&r), 0x010203);
}

static void test_short_reads(void **state)
{
	struct reader r = reader_over("\x01\x02\x03", 3);
	uint8_t out[4] = {9, 9, 9, 9};

	assert_int_equal(reader_u32(&r), 0);
	assert_false(reader_ok(&r));
	assert_int_equal(reader_left(&r), 0);
	assert_int_equal(reader_u8(&r), 0); /* failed for good */
	assert_false(reader_copy(&r, out, 4));
	assert_int_equal(out[0] | out[3], 0);
	assert_false(reader_done(&r));
	r = reader_over("x", 1);
	assert_null(reader_bytes(&r, SIZE_MAX));
	assert_false(reader_ok(&r));
}

static void test_sub_readers(void **state)
{
	struct reader r = reader_over("\002ab\011zz", 6), sub = reader_sub(&r, reader_u8(&r));

	assert_int_equal(reader_left(&sub), 2);
	assert_int_equal(reader_u32(&sub), 0); /* the inner parser errs... */
	assert_false(reader_ok(&sub));
	assert_true(reader_ok(&r)); /* ...the outer stays in step */
	assert_int_equal(reader_u8(&r), 9);
	sub = reader_sub(&r, 9);
	assert_false(reader_ok(&sub));
	assert_false(reader_ok(&r));
	r = reader_over("", 0);
	sub = reader_sub(&r, 0);
	assert_true(reader_done(&sub));
	r = reader_over(NULL, 0);
	sub = reader_sub(&r, 0);
	assert_true(reader_done(&sub) && reader_done(&r));
}

static void test_short_writes(void **state)
{
	uint8_t buffer[4] = {1, 1, 1, 7};
	struct writer w = writer_over(buffer, 3);

	writer_u16(&w, 0);
	writer_u16(&w, 0xffff);
	assert_false(writer_ok(&w));
	writer_u8(&w, 5); /* would fit, but what came before it is missing */
	assert_int_equal(writer_used(&w), 2);
	assert_int_equal(buffer[2], 1);
	assert_int_equal(buffer[3], 7);
	writer_patch_u16(&w, 0, 0x0909);
	assert_int_equal(buffer[0], 0);
	w = writer_over(buffer, 3);
	writer_u8(&w, 3);
	writer_patch_u16(&w, 0, 0x0909); /* only half of it was written before */
	assert_int_equal(buffer[0], 3);
	w = writer_over(NULL, 0);
	writer_bytes(&w, NULL, 0);
	assert_true(writer_ok(&w));
}

/* Random reads never leave the window, whatever is asked. */
static void test_random_reads(void **state)
{
	const char *wish = getenv("SEED");
	uint64_t seed = wish != NULL ? strtoull(wish, NULL, 0) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	uint8_t bytes[40] = {0};

	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (int round = 0; round < 20000; round++) {
		size_t size = rand_below(&rand, sizeof(bytes) + 1);
		struct reader r = reader_over(bytes, size);

		for (int i = 0; i < 8; i++) {
			size_t n = rand_below(&rand, 20), left = reader_left(&r);
			bool failed = r.failed;
			struct reader sub = reader_sub(&r, n);

			assert_int_equal(reader_ok(&sub), !failed && n <= left);
			assert_int_equal(reader_ok(&r), reader_ok(&sub));
			assert_int_equal(reader_left(&r), reader_ok(&r) ? left - n : 0);
			assert_true(sub.at >= bytes && sub.end <= bytes + size);
		}
	}
}

static void test_time(void **state)
{
	assert_int_equal(span_to_ms(span_ns(1)), 1);
	assert_int_equal(span_to_ms(span_ms(5)), 5);
	assert_int_equal(span_to_ms(span_ns(5000001)), 6);
	assert_int_equal(span_to_ms(span_ns(INT64_MAX)), INT64_MAX / 1000000 + 1);
	assert_int_equal(span_to_ms(span_ns(-5)), 0);
	assert_int_equal(instant_add((struct instant){5}, span_ns(-7)).ns, -2);
	assert_int_equal(instant_add(INSTANT_NEVER, span_s(1)).ns, INT64_MAX);
	assert_int_equal(instant_add((struct instant){INT64_MAX - 5}, span_ns(6)).ns, INT64_MAX);
	assert_true(instant_reached((struct instant){5}, (struct instant){5}));
	assert_false(instant_before((struct instant){5}, (struct instant){5}));
	assert_int_equal(instant_earlier((struct instant){5}, INSTANT_NEVER).ns, 5);
	assert_false(instant_before(clock_monotonic(), (struct instant){1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_short_reads),
		cmocka_unit_test(test_sub_readers),
		cmocka_unit_test(test_short_writes),
		cmocka_unit_test(test_random_reads),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
