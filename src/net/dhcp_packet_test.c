/* Tests of DHCP messages: what is read, what is refused, what is written. */
#include "net/dhcp_packet.h"

#include "base/check.h"
#include "base/rand.h"
#include "net/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A client's message with these options; returns its length. */
static size_t message(uint8_t out[600], const void *options, size_t size)
{
	memset(out, 0, 600);
	out[0] = 1;
	out[1] = 1;
	out[2] = 6;
	wire_put_u32(out + 4, 0xdeadbeef);
	wire_put_u16(out + 10, 0x8000);
	memcpy(out + 28, (const uint8_t[]){0x52, 0x54, 0, 0, 0, 9}, 6);
	wire_put_u32(out + 236, 0x63825363);
	memcpy(out + 240, options, size);
	return 240 + size;
}

static void test_read(void **state)
{
	static const uint8_t options[] = {
		53, 1, 3, 0, 0, 50, 4, 10, 0, 0, 9, 54, 4, 10, 0, 0, 1, 61, 3, 1, 2, 3, 12, 3, 'v', 'm', '1', 55, 2, 1, 3, 255};
	struct dhcp_request request;
	uint8_t bytes[600];
	size_t size = message(bytes, options, sizeof(options));

	assert_true(dhcp_request_read(bytes, size, &request));
	assert_int_equal(request.type, DHCP_REQUEST);
	assert_int_equal(request.xid, 0xdeadbeef);
	assert_true(request.broadcast);
	assert_true(ip_equal(request.requested, ip_from_u32(0x0a000009)));
	assert_true(ip_equal(request.server_id, ip_from_u32(0x0a000001)));
	assert_string_equal(request.hostname, "vm1");
	assert_int_equal(request.client_id_bytes, 3);
	assert_true(ip_is_unspecified(request.ciaddr) && ip_is_unspecified(request.giaddr));
	/* Cut anywhere it is refused. */
	for (size_t cut = 0; cut < size; cut++)
		assert_false(dhcp_request_read(bytes, cut, &request));
}

static void test_refused(void **state)
{
	static const struct {
		uint8_t size;
		uint8_t options[12];
	} rows[] = {
		{1, {255}},		       /* no type */
		{4, {53, 1, 0, 255}},	       /* no such type */
		{4, {53, 1, 9, 255}},	       /* no such type */
		{5, {53, 2, 1, 0, 255}},       /* a long type */
		{3, {53, 1, 1}},	       /* no end */
		{6, {53, 1, 1, 12, 200, 255}}, /* past the end */
		{8, {53, 1, 1, 50, 2, 1, 2, 255}},
		{7, {53, 1, 1, 61, 1, 1, 255}},
	};
	struct dhcp_request request;
	uint8_t bytes[600];

	for (unsigned i = 0; i < COUNT_OF(rows); i++)
		assert_false(dhcp_request_read(bytes, message(bytes, rows[i].options, rows[i].size), &request));
	for (unsigned at = 0; at < 3; at++) {
		size_t size = message(bytes, (const uint8_t[]){53, 1, 1, 255}, 4);

		assert_true(dhcp_request_read(bytes, size, &request));
		bytes[at] ^= 3;
		assert_false(dhcp_request_read(bytes, size, &request));
	}
	/* A name with odd characters is no name. */
	assert_true(dhcp_request_read(bytes, message(bytes, (const uint8_t[]){53, 1, 1, 12, 3, 'a', 27, 'b', 255}, 9), &request));
	assert_string_equal(request.hostname, "");
}

/* The value of an option in a reply, or NULL. */
static const uint8_t *option_of(const uint8_t *bytes, size_t size, uint8_t code)
{
	for (size_t at = 240; at + 1 < size && bytes[at] != 255; at += 2u + bytes[at + 1])
		if (bytes[at] == code)
			return bytes + at + 1;
	return NULL;
}

static void test_write(void **state)
{
	struct dhcp_request request = {
		.type = DHCP_DISCOVER, .xid = 7, .chaddr = {{1, 2, 3, 4, 5, 6}}, .client_id = {9, 8}, .client_id_bytes = 2};
	struct dhcp_reply reply = {.type = DHCP_OFFER,
		.yiaddr = ip_from_u32(0x0a000009),
		.server_id = ip_from_u32(0x0a000001),
		.subnet = {ip_from_u32(0x0a000000), 24},
		.router = ip_from_u32(0x0a000001),
		.domain = "lab.test",
		.hostname = "vm1",
		.lease_s = 3600,
		.mtu = 1450};
	uint8_t bytes[DHCP_BYTES_MAX];
	size_t size;

	request.ciaddr = request.giaddr = ip_from_u32(0);
	size = dhcp_reply_write(&request, &reply, bytes);
	assert_true(size >= DHCP_BYTES_MIN && size <= DHCP_BYTES_MAX);
	assert_int_equal(bytes[0], 2);
	assert_int_equal(wire_get_u32(bytes + 4), 7);
	assert_int_equal(wire_get_u32(bytes + 16), 0x0a000009);
	assert_memory_equal(bytes + 28, request.chaddr.bytes, 6);
	assert_memory_equal(option_of(bytes, size, 53), "\1\2", 2);
	assert_memory_equal(option_of(bytes, size, 1), "\4\xff\xff\xff\0", 5);
	assert_memory_equal(option_of(bytes, size, 28), "\4\x0a\0\0\xff", 5);
	assert_memory_equal(option_of(bytes, size, 3), "\4\x0a\0\0\1", 5);
	assert_memory_equal(option_of(bytes, size, 26), "\2\x05\xaa", 3);
	assert_memory_equal(option_of(bytes, size, 51), "\4\0\0\x0e\x10", 5);
	assert_memory_equal(option_of(bytes, size, 58), "\4\0\0\x07\x08", 5);
	assert_memory_equal(option_of(bytes, size, 59), "\4\0\0\x0c\x4e", 5);
	assert_memory_equal(option_of(bytes, size, 61), "\2\x09\x08", 3);
	assert_memory_equal(option_of(bytes, size, 15), "\x08lab.test", 9);
	assert_null(option_of(bytes, size, 6));
}

static void test_the_longest_reply_fits(void **state)
{
	struct dhcp_request request = {.client_id_bytes = DHCP_CLIENT_ID_BYTES};
	char name[64], file[128];
	const struct ip servers[4] = {ip_from_u32(1), ip_from_u32(2), ip_from_u32(3), ip_from_u32(4)};
	struct dhcp_route routes[8];
	struct dhcp_reply reply = {.type = DHCP_ACK,
		.yiaddr = ip_from_u32(1),
		.server_id = ip_from_u32(1),
		.subnet = {ip_from_u32(0), 24},
		.router = ip_from_u32(1),
		.dns = servers,
		.dns_count = 4,
		.ntp = servers,
		.ntp_count = 4,
		.routes = routes,
		.route_count = 8,
		.next_server = ip_from_u32(0x01010101),
		.bootfile = file,
		.domain = name,
		.hostname = name,
		.lease_s = 1,
		.mtu = 1500};
	uint8_t bytes[DHCP_BYTES_MAX];
	size_t size;

	memset(name, 'x', 63);
	name[63] = '\0';
	memset(file, 'f', 127);
	file[127] = '\0';
	for (unsigned i = 0; i < 8; i++)
		routes[i] = (struct dhcp_route){{ip_from_u32(0x0a000000 + (i << 8)), 32}, ip_from_u32(1)};
	size = dhcp_reply_write(&request, &reply, bytes);
	assert_true(size <= 576 - 28);
	assert_non_null(option_of(bytes, size, 61));
	assert_null(option_of(bytes, size, 67));
	assert_int_equal(bytes[size - 1], 255);
	/* A client with more room gets all of it. */
	request.max_bytes = 1500;
	size = dhcp_reply_write(&request, &reply, bytes);
	assert_true(size < DHCP_BYTES_MAX);
	assert_memory_equal(option_of(bytes, size, 121), "\x4d\x20\x0a\0\0\0\0\0\0\1", 10);
	assert_memory_equal(option_of(bytes, size, 42), "\x10\0\0\0\1\0\0\0\2", 9);
	assert_memory_equal(option_of(bytes, size, 66),
		"\x07"
		"1.1.1.1",
		8);
	assert_memory_equal(option_of(bytes, size, 67),
		"\x7f"
		"ffff",
		5);
	assert_memory_equal(bytes + 20, "\1\1\1\1", 4);
	assert_memory_equal(bytes + 108, file, 128);
	assert_int_equal(bytes[size - 1], 255);
}

static void test_random(void **state)
{
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	struct dhcp_request request;
	uint8_t options[200], bytes[600];

	printf("seed %llu\n", (unsigned long long)seed);
	for (int round = 0; round < 20000; round++) {
		size_t n = rand_below(&rand, sizeof(options));

		for (size_t i = 0; i < n; i++)
			options[i] = (uint8_t)(rand_below(&rand, 4) ? rand_below(&rand, 64) : rand_u64(&rand));
		if (dhcp_request_read(bytes, message(bytes, options, n), &request)) {
			assert_in_range(request.type, DHCP_DISCOVER, DHCP_INFORM);
			assert_true(strlen(request.hostname) < DHCP_HOSTNAME_BYTES);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_the_longest_reply_fits),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
