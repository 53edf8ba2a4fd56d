/* Tests of the packet pool: limits, reuse, headroom, copies. */
#include "switch/packet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void limits_hold(void **state)
{
	struct packet_pool *pool = packet_pool_new(2, 1);
	struct packet *a = packet_new(pool, 60);
	struct packet *b = packet_new(pool, PACKET_SMALL_BYTES);
	struct packet *c = packet_new(pool, PACKET_SMALL_BYTES + 1);

	assert_non_null(a);
	assert_non_null(b);
	assert_non_null(c);
	assert_null(packet_new(pool, 1));
	assert_null(packet_new(pool, 65000));
	assert_int_equal(packet_pool_used(pool), 3);
	packet_free(pool, a);
	assert_null(packet_new(pool, 65000));
	a = packet_new(pool, 0);
	assert_non_null(a);
	packet_free(pool, a);
	packet_free(pool, b);
	packet_free(pool, c);
	assert_int_equal(packet_pool_used(pool), 0);
	assert_null(packet_new(pool, PACKET_FRAME_BYTES_MAX + 1));
	c = packet_new(pool, PACKET_FRAME_BYTES_MAX);
	assert_non_null(c);
	memset(c->data, 1, c->size);
	packet_free(pool, c);
	packet_pool_free(pool);
}

static void push_and_pull_move_offsets(void **state)
{
	struct packet_pool *pool = packet_pool_new(1, 0);
	struct packet *p = packet_new(pool, 100);
	uint8_t *start = p->data;

	p->offload =
		(struct packet_offload){.flags = 1, .gso_type = 1, .hdr_len = 54, .gso_size = 1448, .csum_start = 34, .csum_offset = 16};
	assert_ptr_equal(packet_push(p, 50), start - 50);
	assert_int_equal(p->size, 150);
	assert_int_equal(p->offload.csum_start, 84);
	assert_int_equal(p->offload.hdr_len, 104);
	assert_null(packet_push(p, PACKET_HEADROOM_BYTES - 50 + 1));
	assert_int_equal(p->size, 150);
	assert_ptr_equal(packet_pull(p, 64), start + 14);
	assert_int_equal(p->offload.csum_start, 20);
	assert_null(packet_pull(p, 21));
	p->offload.flags = 0;
	assert_null(packet_pull(p, 87));
	assert_non_null(packet_pull(p, 86));
	assert_int_equal(p->size, 0);
	packet_free(pool, p);
	packet_pool_free(pool);
}

static void copies_are_equal(void **state)
{
	struct packet_pool *pool = packet_pool_new(2, 0);
	struct packet *p = packet_new(pool, 3);
	struct packet *q;

	memcpy(p->data, "abc", 3);
	p->in_port = 7;
	p->offload.flags = 2;
	q = packet_copy(pool, p);
	assert_memory_equal(q->data, "abc", 3);
	assert_int_equal(q->in_port, 7);
	assert_int_equal(q->offload.flags, 2);
	assert_null(packet_copy(pool, p));
	packet_free(pool, p);
	p = packet_new(pool, 3);
	assert_int_equal(p->in_port, 0);
	assert_int_equal(p->offload.flags, 0);
	packet_free(pool, p);
	packet_free(pool, q);
	packet_free(pool, NULL);
	packet_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(push_and_pull_move_offsets),
		cmocka_unit_test(copies_are_equal),
	};

	return cmocka_run_group_tests_name("packet", tests, NULL, NULL);
}
