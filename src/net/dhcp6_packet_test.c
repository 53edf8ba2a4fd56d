/* Tests of DHCPv6 messages: what is read and refused, what is written, random bytes. */
#include "net/dhcp6_packet.h"

#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A request for association 7 with an address, from client 00:03:00:01:52:54:00:00:00:0b. */
static const uint8_t request_bytes[] = {3, 1, 2, 3, 0, 1, 0, 10, 0, 3, 0, 1, 0x52, 0x54, 0, 0, 0, 0x0b, 0, 2, 0, 10, 0, 3, 0, 1, 2, 0x57, 0,
	0, 0, 1, 0, 3, 0, 40, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 24, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0b,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 2, 0, 0};

static void test_read(void **state)
{
	struct dhcp6_request request;
	struct ip wanted;
	uint8_t bytes[sizeof(request_bytes)];

	(void)state;
	assert_true(ip_parse("2001:db8::b", &wanted));
	assert_true(dhcp6_request_read(request_bytes, sizeof(request_bytes), &request));
	assert_int_equal(request.type, DHCP6_REQUEST);
	assert_memory_equal(request.xid, "\1\2\3", 3);
	assert_int_equal(request.client_id_bytes, 10);
	assert_int_equal(request.server_id_bytes, 10);
	assert_int_equal(request.ia_count, 1);
	assert_int_equal(request.ias[0].id, 7);
	assert_true(ip_equal(request.ias[0].address, wanted));
	/* Cut anywhere but between options, where a client's name is there already. */
	for (size_t cut = 0; cut < sizeof(request_bytes); cut++)
		assert_int_equal(dhcp6_request_read(request_bytes, cut, &request), cut == 18 || cut == 32 || cut == 76);
	memcpy(bytes, request_bytes, sizeof(bytes));
	bytes[0] = DHCP6_REPLY;
	assert_false(dhcp6_request_read(bytes, sizeof(bytes), &request));
	bytes[0] = 99;
	assert_false(dhcp6_request_read(bytes, sizeof(bytes), &request));
	/* A question for information needs no name. */
	assert_true(dhcp6_request_read((const uint8_t[]){11, 1, 2, 3}, 4, &request));
	assert_false(dhcp6_request_read((const uint8_t[]){1, 1, 2, 3}, 4, &request));
}

static void test_write(void **state)
{
	struct dhcp6_request request;
	struct ip dns[2];
	struct dhcp6_reply reply = {.type = DHCP6_REPLY,
		.server = {{2, 0x57, 0, 0, 0, 1}},
		.preferred_s = 1000,
		.valid_s = 2000,
		.dns = dns,
		.dns_count = 2,
		.domain = "demo"};
	uint8_t out[DHCP6_BYTES_MAX];
	size_t size;

	(void)state;
	assert_true(ip_parse("2001:db8::b", &reply.address));
	assert_true(ip_parse("2001:db8::53", &dns[0]));
	dns[1] = ip_from_u32(1);
	assert_true(dhcp6_request_read(request_bytes, sizeof(request_bytes), &request));
	size = dhcp6_reply_write(&request, &reply, out);
	assert_int_equal(size, 4 + 14 + 14 + 4 + 12 + 28 + 20 + 10);
	assert_memory_equal(out, "\7\1\2\3\0\1\0\x0a\0\3\0\1\x52\x54\0\0\0\x0b\0\2\0\x0a\0\3\0\1\2\x57\0\0\0\1\0\3\0\x28\0\0\0\7", 40);
	assert_memory_equal(out + 40, "\0\0\1\xf4\0\0\3\x20\0\5\0\x18\x20\1\x0d\xb8", 16);
	assert_memory_equal(out + 68, "\0\0\3\xe8\0\0\7\xd0\0\x17\0\x10", 12);
	assert_memory_equal(out + size - 10, "\0\x18\0\6\4demo\0", 10);
	reply.address.family = IP_NONE;
	(void)dhcp6_reply_write(&request, &reply, out);
	assert_memory_equal(out + 48, "\0\x0d\0\2\0\2", 6);
	reply.status_alone = true;
	reply.status = DHCP6_NOT_ON_LINK;
	size = dhcp6_reply_write(&request, &reply, out);
	assert_memory_equal(out + 32, "\0\x0d\0\2\0\4", 6);
	assert_true(size < DHCP6_BYTES_MAX);
}

static void test_random(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct dhcp6_request request;
	struct dhcp6_reply reply = {.type = DHCP6_REPLY, .domain = "demo"};
	uint8_t bytes[sizeof(request_bytes)], out[DHCP6_BYTES_MAX];

	(void)state;
	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 50000; round++) {
		uint64_t flips = rand_below(&rand, 8);

		memcpy(bytes, request_bytes, sizeof(bytes));
		for (uint64_t i = 0; i < flips; i++)
			bytes[rand_below(&rand, sizeof(bytes))] = (uint8_t)rand_u64(&rand);
		if (dhcp6_request_read(bytes, rand_below(&rand, sizeof(bytes) + 1), &request))
			assert_true(dhcp6_reply_write(&request, &reply, out) <= DHCP6_BYTES_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
