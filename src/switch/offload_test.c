/* Tests of the software offloads against plain byte-by-byte references. */
#include "switch/offload.h"

#include "base/check.h"
#include "base/rand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 1071 as it is written there: 16-bit words in network order. */
static uint32_t reference_sum(uint32_t sum, const uint8_t *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum += (i & 1) ? at[i] : (uint32_t)at[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

struct shape {
	bool ipv6;
	unsigned tags, options, tcp_options, extension;
	unsigned payload, gso_size;
	uint8_t tcp_flags;
};

/* Builds a long TCP segment as a guest's stack would. */
static struct packet *segment_new(struct packet_pool *pool, const struct shape *s, struct rand *rand)
{
	unsigned l3 = 14 + s->tags * 4;
	unsigned l4 = l3 + (s->ipv6 ? 40 + s->extension : 20 + s->options);
	unsigned header = l4 + 20 + s->tcp_options;
	struct packet *p = packet_new(pool, header + s->payload);
	uint8_t *d, *ip, *tcp;
	uint32_t sum, bytes;

	assert_non_null(p);
	d = p->data;
	for (unsigned i = 0; i < p->size; i++)
		d[i] = (uint8_t)rand_u64(rand);
	for (unsigned i = 0; i < s->tags; i++)
		d[12 + i * 4] = 0x81, d[13 + i * 4] = 0;
	ip = d + l3;
	tcp = d + l4;
	bytes = p->size - l4;
	ip[-2] = s->ipv6 ? 0x86 : 0x08;
	ip[-1] = s->ipv6 ? 0xdd : 0x00;
	if (s->ipv6) {
		ip[0] = 0x60;
		ip[4] = (uint8_t)((p->size - l3 - 40) >> 8);
		ip[5] = (uint8_t)(p->size - l3 - 40);
		ip[6] = s->extension ? 60 : 6;
	} else {
		ip[0] = (uint8_t)(0x40 | (5 + s->options / 4));
		ip[2] = (uint8_t)((p->size - l3) >> 8);
		ip[3] = (uint8_t)(p->size - l3);
		ip[6] = 0x40;
		ip[7] = 0;
		ip[9] = 6;
		ip[10] = ip[11] = 0;
		sum = ~reference_sum(0, ip, l4 - l3);
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	}
	tcp[12] = (uint8_t)((5 + s->tcp_options / 4) << 4);
	tcp[13] = s->tcp_flags;
	sum = s->ipv6 ? reference_sum(6 + bytes, ip + 8, 32) : reference_sum(6 + bytes, ip + 12, 8);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	p->offload = (struct packet_offload){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.gso_type = s->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4,
		.hdr_len = (uint16_t)rand_u64(rand),
		.gso_size = (uint16_t)s->gso_size,
		.csum_start = (uint16_t)l4,
		.csum_offset = 16};
	return p;
}

/* The checksum of a finished frame holds when all of it sums up to 0xffff. */
static void assert_frame_whole(const struct packet *f, const struct shape *s)
{
	unsigned l3 = 14 + s->tags * 4;
	unsigned l4 = l3 + (s->ipv6 ? 40 + s->extension : 20 + s->options);
	const uint8_t *ip = f->data + l3;
	uint32_t bytes = f->size - l4;

	if (s->ipv6) {
		assert_int_equal(ip[4] << 8 | ip[5], f->size - l3 - 40);
		assert_int_equal(reference_sum(reference_sum(6 + bytes, ip + 8, 32), f->data + l4, bytes), 0xffff);
		return;
	}
	assert_int_equal(ip[2] << 8 | ip[3], f->size - l3);
	assert_int_equal(reference_sum(0, ip, l4 - l3), 0xffff);
	assert_int_equal(reference_sum(reference_sum(6 + bytes, ip + 12, 8), f->data + l4, bytes), 0xffff);
}

static uint32_t sequence_of(const struct packet *p, unsigned l4)
{
	const uint8_t *t = p->data + l4 + 4;

	return (uint32_t)t[0] << 24 | (uint32_t)t[1] << 16 | (uint32_t)t[2] << 8 | t[3];
}

/* Cuts, and puts the payload together again. */
static void check_cut(struct packet_pool *pool, const struct shape *s, struct rand *rand)
{
	struct packet *whole = segment_new(pool, s, rand);
	unsigned l3 = 14 + s->tags * 4, l4 = whole->offload.csum_start, header = l4 + 20 + s->tcp_options;
	uint16_t id = (uint16_t)(whole->data[l3 + 4] << 8 | whole->data[l3 + 5]);
	struct packet *frame;
	struct offload_cut cut;
	unsigned frames = 0, at = header;

	assert_true(offload_check(whole));
	if (s->payload <= s->gso_size) {
		assert_int_equal(whole->offload.gso_type, 0);
		offload_finish(whole);
		packet_free(pool, whole);
		return;
	}
	assert_int_equal(whole->offload.hdr_len, header);
	frame = packet_new(pool, offload_frame_bytes(whole));
	assert_non_null(frame);
	for (offload_cut_start(&cut, whole); offload_cut_next(&cut, frame); frames++) {
		bool last = at + frame->size - header == whole->size;
		uint8_t flags = s->tcp_flags;

		assert_true(frame->size <= header + s->gso_size);
		assert_frame_whole(frame, s);
		assert_int_equal(sequence_of(frame, l4), sequence_of(whole, l4) + (at - header));
		if (!s->ipv6)
			assert_int_equal((uint16_t)(frame->data[l3 + 4] << 8 | frame->data[l3 + 5]), (uint16_t)(id + frames));
		flags &= (uint8_t) ~(last ? 0 : 0x09);
		flags &= (uint8_t) ~(frames == 0 ? 0 : 0x80);
		assert_int_equal(frame->data[l4 + 13], flags);
		assert_memory_equal(frame->data + header, whole->data + at, frame->size - header);
		at += frame->size - header;
	}
	assert_int_equal(at, whole->size);
	assert_int_equal(frames, (s->payload + s->gso_size - 1) / s->gso_size);
	packet_free(pool, frame);
	packet_free(pool, whole);
}

static void cuts_equal_the_reference(void **state)
{
	struct packet_pool *pool = packet_pool_new(4, 4);
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 300; i++) {
		struct shape s = {
			.ipv6 = rand_below(&rand, 2),
			.tags = (unsigned)rand_below(&rand, 3),
			.options = (unsigned)rand_below(&rand, 11) * 4,
			.tcp_options = (unsigned)rand_below(&rand, 11) * 4,
			.extension = (unsigned)rand_below(&rand, 3) * 8,
			.payload = (unsigned)rand_below(&rand, 65000),
			.gso_size = OFFLOAD_GSO_BYTES_MIN + (unsigned)rand_below(&rand, 9000),
			.tcp_flags = (uint8_t)rand_u64(&rand),
		};

		check_cut(pool, &s, &rand);
	}
	assert_int_equal(packet_pool_used(pool), 0);
	packet_pool_free(pool);
}

static void checksums_are_finished(void **state)
{
	struct packet_pool *pool = packet_pool_new(2, 2);
	struct rand rand = rand_seeded(1);

	for (unsigned payload = 0; payload < 100; payload++) {
		struct shape s = {.ipv6 = payload & 1, .payload = payload, .gso_size = 1000, .tcp_flags = 0x18};
		struct packet *p = segment_new(pool, &s, &rand);

		p->offload.gso_type = 0;
		assert_true(offload_check(p));
		assert_int_equal(p->offload.hdr_len, 0);
		offload_finish(p);
		assert_int_equal(p->offload.flags, 0);
		assert_frame_whole(p, &s);
		packet_free(pool, p);
	}
	packet_pool_free(pool);
}

/* Each row spoils one thing of a good segment. */
static void contradictions_are_refused(void **state)
{
	static const struct {
		const char *what;
		struct packet_offload offload;
		int byte; /* of the frame to overwrite, -1: none */
		uint8_t value;
	} rows[] = {
		{"segment without checksum", {0, 1, 54, 1000, 34, 16}, -1, 0},
		{"UDP fragmentation", {1, 3, 54, 1000, 34, 16}, -1, 0},
		{"unknown type", {1, 0x7f, 54, 1000, 34, 16}, -1, 0},
		{"only ECN", {1, 0x80, 54, 1000, 34, 16}, -1, 0},
		{"size zero", {1, 1, 54, 0, 34, 16}, -1, 0},
		{"size below the minimum", {1, 1, 54, OFFLOAD_GSO_BYTES_MIN - 1, 34, 16}, -1, 0},
		{"wrong family", {1, 4, 54, 1000, 34, 16}, -1, 0},
		{"checksum elsewhere", {1, 1, 54, 1000, 34, 6}, -1, 0},
		{"start elsewhere", {1, 1, 54, 1000, 38, 16}, -1, 0},
		{"start in the Ethernet header", {1, 0, 0, 0, 13, 16}, -1, 0},
		{"checksum behind the end", {1, 0, 0, 0, 4000, 53}, -1, 0},
		{"start and offset at their limits", {1, 1, 54, 1000, 65535, 65535}, -1, 0},
		{"not IPv4", {1, 1, 54, 1000, 34, 16}, 13, 1},
		{"version", {1, 1, 54, 1000, 34, 16}, 14, 0x55},
		{"header length", {1, 1, 54, 1000, 34, 16}, 14, 0x46},
		{"a fragment", {1, 1, 54, 1000, 34, 16}, 20, 0x20},
		{"not TCP", {1, 1, 54, 1000, 34, 16}, 23, 17},
		{"TCP header too short", {1, 1, 54, 1000, 34, 16}, 46, 0x40},
	};
	struct packet_pool *pool = packet_pool_new(2, 2);
	struct shape s = {.payload = 4000, .gso_size = 1000};
	struct rand rand = rand_seeded(2);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct packet *p = segment_new(pool, &s, &rand);

		assert_true(offload_check(p));
		p->offload = rows[i].offload;
		if (rows[i].byte >= 0)
			p->data[rows[i].byte] = rows[i].value;
		if (offload_check(p))
			fail_msg("accepted: %s", rows[i].what);
		packet_free(pool, p);
	}
	packet_pool_free(pool);
}

/* Whatever a guest writes into header and frame: refused, or cut without reading or writing outside (the sanitizers look on). */
static void any_bytes_are_survived(void **state)
{
	struct packet_pool *pool = packet_pool_new(4, 4);
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);
	unsigned cut_frames = 0;

	print_message("seed %llu\n", (unsigned long long)seed);
	for (int i = 0; i < 20000; i++) {
		struct shape s = {
			.ipv6 = i & 1, .payload = (unsigned)rand_below(&rand, 300), .gso_size = 48 + (unsigned)rand_below(&rand, 200)};
		struct packet *p = segment_new(pool, &s, &rand);
		struct packet *frame;
		struct offload_cut cut;

		for (uint64_t n = rand_below(&rand, 3); n > 0; n--)
			p->data[rand_below(&rand, 60)] = (uint8_t)rand_u64(&rand);
		for (uint64_t n = rand_below(&rand, 2); n > 0; n--)
			((uint8_t *)&p->offload)[rand_below(&rand, sizeof(p->offload))] = (uint8_t)rand_u64(&rand);
		p->size = rand_below(&rand, 8) ? p->size : (uint32_t)rand_below(&rand, p->size);
		if (!offload_check(p)) {
			packet_free(pool, p);
			continue;
		}
		if (p->offload.gso_type != 0) {
			frame = packet_new(pool, offload_frame_bytes(p));
			for (offload_cut_start(&cut, p); offload_cut_next(&cut, frame);)
				cut_frames++;
			packet_free(pool, frame);
		} else {
			offload_finish(p);
		}
		packet_free(pool, p);
	}
	assert_true(cut_frames > 1000);
	packet_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_equal_the_reference),
		cmocka_unit_test(checksums_are_finished),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(any_bytes_are_survived),
	};

	return cmocka_run_group_tests_name("offload", tests, NULL, NULL);
}
