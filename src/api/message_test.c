/* Tests of messages: rows describe their structs, good bodies pass, each kind of bad body is refused. */
#include "api/message_types.h"
#include "base/check.h"
#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Marks the bytes of a field; two fields must not claim the same byte. */
static void claim(uint8_t *claimed, size_t size, size_t offset, size_t bytes, const char *row, const char *field)
{
	if (offset + bytes > size)
		fail_msg("%s.%s lies outside of its struct", row, field);
	for (size_t i = offset; i < offset + bytes; i++) {
		if (claimed[i])
			fail_msg("%s.%s overlaps another field", row, field);
		claimed[i] = 1;
	}
}

static void fields_fill_struct(const char *row, const struct field *fields, unsigned count, size_t size)
{
	uint8_t claimed[MESSAGE_BYTES_MAX] = {0};
	size_t gap = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct field *f = &fields[i];
		bool array = f->kind == FIELD_STRUCT || f->kind == FIELD_BYTES;

		claim(claimed, size, f->offset, (size_t)f->size * (array ? f->limit : 1), row, f->name);
		if (array) {
			claim(claimed, size, f->count_offset, sizeof(uint16_t), row, f->name);
			assert_true(f->count_offset < f->offset);
		}
		if (f->kind == FIELD_ENUM)
			assert_int_equal(f->size, 1);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(fields[j].name, f->name);
	}
	/* What no field claims is padding, which is never as long as the strictest alignment. */
	for (size_t i = 0; i < size; i++) {
		gap = claimed[i] ? 0 : gap + 1;
		if (gap >= 8)
			fail_msg("%s: byte %zu belongs to no field", row, i);
	}
}

static void test_rows_describe_structs(void **state)
{
	assert_null(message_row(MSG_NONE));
	assert_null(message_row(MSG_TYPE_COUNT));
	assert_null(message_row(UINT16_MAX));
	for (unsigned type = MSG_NONE + 1; type < MSG_TYPE_COUNT; type++) {
		const struct message_row *row = message_row((uint16_t)type);

		assert_non_null(row);
		assert_int_equal(row->type, type);
		assert_true(row->size + sizeof(struct message_head) <= MESSAGE_BYTES_MAX);
		if (row->field_count == 0) {
			assert_int_equal(row->size, sizeof(struct msg_none));
			continue;
		}
		fields_fill_struct(row->name, row->fields, row->field_count, row->size);
		for (unsigned i = 0; i < row->field_count; i++) {
			const struct field *f = &row->fields[i];

			if (f->kind == FIELD_BYTES || (row->tail && i == row->field_count - 1u))
				assert_true(row->tail && i == row->field_count - 1u);
			if (f->kind != FIELD_STRUCT)
				continue;
			fields_fill_struct(f->name, f->elements, f->element_fields, f->size);
			for (unsigned j = 0; j < f->element_fields; j++)
				if (f->elements[j].kind == FIELD_STRUCT)
					fields_fill_struct(f->elements[j].name, f->elements[j].elements, f->elements[j].element_fields,
						f->elements[j].size);
		}
	}
}

static void test_zeroed_bodies_pass(void **state)
{
	static union message_body zero;

	for (unsigned type = MSG_NONE + 1; type < MSG_TYPE_COUNT; type++) {
		const struct message_row *row = message_row((uint16_t)type);
		struct err err = {0};
		char text[4096];

		assert_int_equal(message_check(row, &zero, message_size(row, &zero), &err), 0);
		assert_int_equal(message_check(row, &zero, message_size(row, &zero) + 1, &err), -EBADMSG);
		assert_int_equal(message_check(row, &zero, message_size(row, &zero) - 1, &err), -EBADMSG);
		assert_int_equal(message_check(row, &zero, 0, &err), -EBADMSG);
		message_print(row, &zero, text, sizeof(text));
		assert_memory_equal(text, row->name, strlen(row->name));
	}
}

static void expect_bad(uint16_t type, const void *body, const char *field)
{
	const struct message_row *row = message_row(type);
	struct err err = {0};

	assert_int_equal(message_check(row, body, row->tail ? message_size(row, body) : row->size, &err), -EBADMSG);
	assert_non_null(strstr(err.text, field));
}

static void test_bad_values_are_refused(void **state)
{
	struct msg_port port = {.id = 1};
	struct msg_network network = {.id = 1};
	struct msg_rip_interface rip = {.id = 1};
	struct msg_fib fib = {.count = 2};
	uint8_t two = 2;

	memcpy(&port.up, &two, 1);
	expect_bad(MSG_PORT_SET, &port, "field up ");
	port = (struct msg_port){.kind = PORT_KIND_COUNT};
	expect_bad(MSG_PORT_SET, &port, "field kind ");
	port = (struct msg_port){.ipv4 = {5, {0}}};
	expect_bad(MSG_PORT_SET, &port, "field ipv4 ");
	port = (struct msg_port){.ipv4 = {IP_V4, {1, 2, 3, 4, 5}}};
	expect_bad(MSG_PORT_SET, &port, "field ipv4 ");
	port = (struct msg_port){.ipv6 = {IP_NONE, {1}}};
	expect_bad(MSG_PORT_SET, &port, "field ipv6 ");
	port = (struct msg_port){0};
	memset(port.tap_name, 'x', sizeof(port.tap_name));
	expect_bad(MSG_PORT_SET, &port, "field tap_name ");
	network.subnet_count = ADDRESSES_MAX + 1;
	expect_bad(MSG_NETWORK_SET, &network, "field subnets ");
	network.subnet_count = 2;
	network.subnets[1] = (struct prefix){ip_from_u32(1), 33};
	expect_bad(MSG_NETWORK_SET, &network, "no prefix");
	network.subnet_count = 1; /* what isn't counted isn't looked at */
	assert_int_equal(message_check(message_row(MSG_NETWORK_SET), &network, sizeof(network), NULL), 0);
	memset(rip.key, 'k', sizeof(rip.key));
	expect_bad(MSG_RIP_INTERFACE_SET, &rip, "field key ");
	fib.entries[1].nexthop_count = NEXTHOPS_MAX + 1;
	expect_bad(MSG_FIB_BATCH, &fib, "field nexthops ");
	fib.entries[1].nexthop_count = 1;
	fib.entries[1].nexthops[0].ip.family = 9;
	expect_bad(MSG_FIB_BATCH, &fib, "field ip ");
	fib.entries[1].nexthop_count = 0;
	fib.entries[1].protocol = ROUTE_PROTOCOL_COUNT;
	expect_bad(MSG_FIB_BATCH, &fib, "field protocol ");
}

static void test_tails(void **state)
{
	const struct message_row *row = message_row(MSG_PUNT);
	struct msg_packet packet = {.router = 7, .size = 3, .bytes = {1, 2, 3, 4}}, copy;
	struct msg_fib fib = {.count = FIB_BATCH_MAX};
	size_t size = message_size(row, &packet);

	assert_int_equal(size, offsetof(struct msg_packet, bytes) + 3);
	assert_int_equal(message_check(row, &packet, size, NULL), 0);
	assert_int_equal(message_check(row, &packet, size + 1, NULL), -EBADMSG);
	assert_int_equal(message_check(row, &packet, offsetof(struct msg_packet, size) + 1, NULL), -EBADMSG);
	memset(&copy, 0xff, sizeof(copy));
	message_copy(row, &packet, size, &copy);
	assert_int_equal(copy.bytes[2], 3);
	assert_int_equal(copy.bytes[3], 0);
	assert_int_equal(copy.bytes[PACKET_BYTES_MAX - 1], 0);
	packet.size = PACKET_BYTES_MAX + 1;
	assert_int_equal(message_check(row, &packet, sizeof(packet), NULL), -EBADMSG);
	assert_int_equal(message_check(message_row(MSG_FIB_BATCH), &fib, message_size(message_row(MSG_FIB_BATCH), &fib), NULL), 0);
}

static void expect_print(uint16_t type, const void *body, const char *expected)
{
	char text[512], cut[10];

	message_print(message_row(type), body, text, sizeof(text));
	assert_string_equal(text, expected);
	message_print(message_row(type), body, cut, sizeof(cut));
	assert_int_equal(strlen(cut), sizeof(cut) - 1);
	assert_memory_equal(cut, expected, sizeof(cut) - 1);
}

static void test_print(void **state)
{
	struct msg_rif rif = {.id = 3,
		.router = 1,
		.network = 2,
		.up = true,
		.mtu = 1500,
		.mac = {{2, 0, 0, 0, 0, 1}},
		.address_count = 2,
		.addresses = {{{IP_V4, {10, 0, 0, 1}}, 24}, {{IP_V6, {0xfe, 0x80}}, 64}},
		.name = "lan",
		.path = "lab/r1:lan"};
	struct msg_rip_interface rip = {.id = 1, .auth = RIP_AUTH_MD5, .key = "hush"};
	struct msg_fib fib = {.router = 1,
		.count = 2,
		.entries = {{.prefix = {{IP_V4, {10, 0, 0, 0}}, 8},
				    .add = true,
				    .nexthop_count = 2,
				    .nexthops = {{{IP_V4, {1, 1, 1, 1}}, 4}, {{0}, 5}}},
			{.prefix = {{IP_V4, {11, 0, 0, 0}}, 8}, .protocol = ROUTE_RIP}}};
	struct msg_done done = {.error = -2, .text = "gone"};

	expect_print(MSG_RIF_SET, &rif,
		"RIF_SET {id=3 router=1 network=2 up=true mtu=1500 mac=02:00:00:00:00:01 "
		"addresses=[10.0.0.1/24, fe80::/64] name=\"lan\" path=\"lab/r1:lan\"}");
	expect_print(MSG_RIP_INTERFACE_SET, &rip, "RIP_INTERFACE_SET {id=1 router=0 passive=false cost=0 auth=md5 key_id=0 key=***}");
	expect_print(MSG_FIB_BATCH, &fib,
		"FIB_BATCH {router=1 entries=[prefix=10.0.0.0/8 add=true action=forward protocol=connected distance=0 metric=0 "
		"nexthops=[ip=1.1.1.1 rif=4, ip=- rif=5], prefix=11.0.0.0/8 add=false action=forward protocol=rip distance=0 metric=0 "
		"nexthops=[]]}");
	expect_print(MSG_DONE, &done, "DONE {error=-2 text=\"gone\"}");
}

/* Whatever the bytes are: a body that passes the check can be copied and printed, and passes again. */
static void test_random_bodies(void **state)
{
	static union message_body body, copy;
	const char *wish = getenv("SEED");
	uint64_t seed = wish != NULL ? strtoull(wish, NULL, 0) : rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	unsigned passed = 0;
	char text[8192];

	print_message("SEED=%llu\n", (unsigned long long)seed);
	for (int round = 0; round < 20000; round++) {
		const struct message_row *row = message_row((uint16_t)(1 + rand_below(&rand, MSG_TYPE_COUNT - 1)));
		size_t size = rand_below(&rand, 2) ? row->size : rand_below(&rand, sizeof(body));

		memset(&body, 0, sizeof(body));
		for (unsigned i = (unsigned)rand_below(&rand, 40); i > 0; i--)
			body.bytes[rand_below(&rand, size ? size : 1)] = (uint8_t)rand_below(&rand, rand_below(&rand, 2) ? 256 : 8);
		if (message_check(row, &body, size, NULL) != 0)
			continue;
		passed++;
		message_copy(row, &body, size, &copy);
		assert_int_equal(message_size(row, &copy), size);
		assert_int_equal(message_check(row, &copy, size, NULL), 0);
		message_print(row, &copy, text, sizeof(text));
	}
	assert_true(passed > 500);
}

static void test_process_names(void **state)
{
	assert_string_equal(process_name(PROCESS_SUPER), "super");
	assert_string_equal(process_name(PROCESS_WEB), "web");
	assert_string_equal(process_name(PROCESS_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows_describe_structs),
		cmocka_unit_test(test_zeroed_bodies_pass),
		cmocka_unit_test(test_bad_values_are_refused),
		cmocka_unit_test(test_tails),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_random_bodies),
		cmocka_unit_test(test_process_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
