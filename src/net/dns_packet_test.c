/* Tests of DNS messages: questions of every shape, reverse names, answers that fit and that don't. */
#include "net/dns_packet.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A question for a name as text with labels separated by dots; returns its length. */
static size_t question(uint8_t *out, const char *name, uint16_t type)
{
	static const uint8_t header[12] = {0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	size_t used = sizeof(header);

	memcpy(out, header, sizeof(header));
	while (*name != '\0') {
		size_t length = strcspn(name, ".");

		out[used++] = (uint8_t)length;
		memcpy(out + used, name, length);
		used += length;
		name += length + (name[length] == '.');
	}
	memcpy(out + used, (const uint8_t[]){0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1}, 5);
	return used + 5;
}

static void test_read(void **state)
{
	struct dns_question q;
	uint8_t bytes[600];
	size_t size = question(bytes, "Vm1.Demo", DNS_TYPE_A);

	(void)state;
	assert_true(dns_question_read(bytes, size, &q));
	assert_string_equal(q.name, "vm1.demo");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_TYPE_A);
	assert_true(q.plain);
	for (size_t cut = 0; cut < size; cut++)
		assert_false(dns_question_read(bytes, cut, &q));
	bytes[2] |= 0x80;
	assert_false(dns_question_read(bytes, size, &q)); /* an answer */
	bytes[2] = 0x11;
	assert_true(dns_question_read(bytes, size, &q));
	assert_false(q.plain); /* an inverse query */
	bytes[2] = 1;
	bytes[5] = 2;
	assert_false(dns_question_read(bytes, size, &q)); /* two questions */
	bytes[5] = 1;
	bytes[12] = 0xc0;
	assert_false(dns_question_read(bytes, size, &q)); /* a pointer */
}

static void test_reverse(void **state)
{
	struct ip ip, wanted;

	(void)state;
	assert_true(dns_reverse_parse("11.0.1.10.in-addr.arpa", &ip));
	assert_int_equal(ip_to_u32(ip), 0x0a01000b);
	assert_true(dns_reverse_parse("b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", &ip));
	assert_true(ip_parse("2001:db8::b", &wanted));
	assert_true(ip_equal(ip, wanted));
	assert_false(dns_reverse_parse("0.1.10.in-addr.arpa", &ip));
	assert_false(dns_reverse_parse("256.0.1.10.in-addr.arpa", &ip));
	assert_false(dns_reverse_parse("1.11.0.1.10.in-addr.arpa", &ip));
	assert_false(dns_reverse_parse(".in-addr.arpa", &ip));
	assert_false(dns_reverse_parse("b.0.ip6.arpa", &ip));
	assert_false(dns_reverse_parse("vm1.demo", &ip));
}

static void test_reverse_zone(void **state)
{
	struct prefix zone;
	struct ip wanted;

	(void)state;
	assert_true(dns_reverse_zone("1.10.in-addr.arpa", &zone));
	assert_int_equal(ip_to_u32(zone.ip), 0x0a010000);
	assert_int_equal(zone.length, 16);
	assert_true(dns_reverse_zone("8.B.d.0.1.0.0.2.ip6.arpa", &zone));
	assert_true(ip_parse("2001:db8::", &wanted));
	assert_true(ip_equal(zone.ip, wanted));
	assert_int_equal(zone.length, 32);
	assert_false(dns_reverse_zone("in-addr.arpa", &zone));
	assert_false(dns_reverse_zone("01.10.in-addr.arpa", &zone));
	assert_false(dns_reverse_zone("1..10.in-addr.arpa", &zone));
	assert_false(dns_reverse_zone(".10.in-addr.arpa", &zone));
	assert_false(dns_reverse_zone("10.ip6.arpa", &zone));
	assert_false(dns_reverse_zone("g.ip6.arpa", &zone));
}

static void test_write(void **state)
{
	struct dns_answer answers[DNS_ANSWERS_MAX + 1] = {{.ip = ip_from_u32(0x0a01000b)}};
	uint8_t bytes[600], out[DNS_BYTES_MAX];
	size_t size = question(bytes, "vm1.demo", DNS_TYPE_A), answer;
	struct dns_question q;

	(void)state;
	assert_true(dns_question_read(bytes, size, &q));
	answer = dns_answer_write(bytes, &q, DNS_OK, answers, 1, out);
	assert_int_equal(answer, size + 16);
	assert_memory_equal(out, "\x12\x34\x85\x00\0\1\0\1\0\0\0\0", 12);
	assert_memory_equal(out + size, "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0a\1\0\x0b", 16);
	answers[0].name = "vm1.demo";
	answer = dns_answer_write(bytes, &q, DNS_OK, answers, 1, out);
	assert_int_equal(answer, size + 22);
	assert_memory_equal(out + size, "\xc0\x0c\0\x0c\0\1\0\0\0\x3c\0\x0a\3vm1\4demo\0", 22);
	answer = dns_answer_write(bytes, &q, DNS_NO_NAME, NULL, 0, out);
	assert_int_equal(answer, size);
	assert_int_equal(out[3] & 15, DNS_NO_NAME);
	/* More than fits. */
	for (unsigned i = 0; i <= DNS_ANSWERS_MAX; i++) {
		answers[i].name = NULL;
		assert_true(ip_parse("2001:db8::b", &answers[i].ip));
	}
	(void)dns_answer_write(bytes, &q, DNS_OK, answers, DNS_ANSWERS_MAX + 1, out);
	assert_int_equal(out[2] & 2, 0);
	assert_int_equal(out[7], DNS_ANSWERS_MAX + 1);
	memset(bytes, 'x', sizeof(bytes));
	size = question(bytes,
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		DNS_TYPE_AAAA);
	assert_true(dns_question_read(bytes, size, &q));
	answer = dns_answer_write(bytes, &q, DNS_OK, answers, DNS_ANSWERS_MAX + 1, out);
	assert_int_not_equal(out[2] & 2, 0);
	assert_true(answer <= DNS_BYTES_MAX);
	assert_int_equal((answer - size) % 28, 0);
	assert_int_equal(out[7], (answer - size) / 28);
}

static void test_random(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	uint8_t bytes[600], out[DNS_BYTES_MAX];
	struct dns_question q;

	(void)state;
	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 50000; round++) {
		size_t size = question(bytes, "vm1.demo.example", DNS_TYPE_A);
		uint64_t flips = rand_below(&rand, 6);

		for (uint64_t i = 0; i < flips; i++)
			bytes[rand_below(&rand, size)] = (uint8_t)rand_u64(&rand);
		if (dns_question_read(bytes, rand_below(&rand, 4) ? size : rand_below(&rand, size), &q)) {
			assert_true(strlen(q.name) < DNS_NAME_BYTES);
			assert_true(dns_answer_write(bytes, &q, DNS_REFUSED, NULL, 0, out) <= DNS_BYTES_MAX);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_reverse),
		cmocka_unit_test(test_reverse_zone),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
