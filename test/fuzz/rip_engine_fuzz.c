/*
 * Fuzzes the RIP engine as a whole: the input is a story of packets (made authentic where the interface wants it), carrier changes, own
 * prefixes and passing time; after each step everything inside must be consistent and within its limits.
 */
#include "base/check.h"
#include "base/hash.h"
#include "route/rip/rip.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define STEPS_MAX 400
#define INTERFACES 3

struct story {
	struct rip *rip;
	struct instant now;
	struct reader input;
	uint64_t sent;
};

static void story_send(void *context, const struct rip_datagram *datagram)
{
	struct rip_packet packet;
	struct rip_entry entry;
	enum rip_drop drop;

	CHECK(datagram->size <= RIP_PACKET_BYTES && datagram->rif >= 1 && datagram->rif <= INTERFACES);
	CHECK(rip_packet_open(&packet, datagram->bytes, datagram->size) == RIP_DROP_NONE);
	while (rip_packet_next(&packet, &entry, &drop))
		CHECK(drop == RIP_DROP_NONE || packet.command == RIP_REQUEST);
	((struct story *)context)->sent++;
}

static void story_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint8_t metric, struct instant now)
{
	(void)context;
	(void)nexthops;
	(void)now;
	CHECK(count <= NEXTHOPS_MAX && prefix->length <= 32 && metric >= 1 && metric <= RIP_INFINITY);
}

static void story_limit(void *context, const char *limit, uint64_t value)
{
	(void)context;
	CHECK(limit != NULL && value > 0);
}

static const struct rip_ops story_ops = {story_send, story_learnt, story_limit};

/* One of few prefixes, so that reports meet. */
static struct prefix some_prefix(uint8_t byte) { return (struct prefix){ip_from_u32(0x0a000000 | (uint32_t)(byte & 31) << 16), 16}; }

static struct rip_interface_settings some_settings(uint8_t byte)
{
	return (struct rip_interface_settings){
		.passive = byte & 1,
		.cost = (uint8_t)(1 + (byte >> 1) % 3),
		.key = {.kind = (byte >> 3) % RIP_AUTH_COUNT, .id = 1, .size = 3, .bytes = "key"},
	};
}

/* A well-formed packet of up to 25 entries from the input. */
static void step_packet(struct story *story, uint32_t rif, struct ip from, uint8_t auth)
{
	const struct rip_interface_settings settings = some_settings(auth);
	uint8_t bytes[RIP_PACKET_BYTES + 128];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct rip_arrival arrival = {.rif = rif, .source = from, .bytes = bytes};
	uint8_t shape = reader_u8(&story->input);

	rip_write_header(&w, shape & 128 ? RIP_REQUEST : RIP_RESPONSE);
	rip_auth_begin(&w, &settings.key, reader_u8(&story->input));
	for (unsigned i = 0; i < (shape & 31u) % 25; i++) {
		uint8_t which = reader_u8(&story->input), metric = reader_u8(&story->input);
		struct rip_entry entry = {metric & 64 ? RIP_FAMILY_NONE : RIP_FAMILY_INET, 0, some_prefix(which), {0}, metric & 31};

		if (metric & 32)
			entry.nexthop = ip_from_u32(0xc0a80000 | rif << 8 | which);
		rip_write_entry(&w, &entry);
	}
	rip_auth_end(&w, &settings.key);
	CHECK(writer_ok(&w));
	arrival.size = writer_used(&w);
	arrival.source_port = shape & 64 ? 521 : RIP_PORT;
	(void)rip_receive(story->rip, &arrival, story->now);
}

static void step_raw(struct story *story, uint32_t rif, struct ip from)
{
	size_t size = reader_u8(&story->input);
	const uint8_t *bytes;

	size = size < reader_left(&story->input) ? size : reader_left(&story->input);
	bytes = reader_bytes(&story->input, size);
	if (bytes != NULL)
		(void)rip_receive(story->rip, &(struct rip_arrival){rif, from, RIP_PORT, bytes, size}, story->now);
}

static void step_time(struct story *story, struct span span)
{
	struct instant end = instant_add(story->now, span);

	for (unsigned i = 0; i < 50 && instant_reached(rip_next(story->rip), end); i++) {
		story->now = rip_next(story->rip);
		rip_tick(story->rip, story->now);
	}
	story->now = end;
	rip_tick(story->rip, story->now);
}

static void step(struct story *story)
{
	uint8_t what = reader_u8(&story->input), more = reader_u8(&story->input);
	uint32_t rif = 1 + (what >> 4) % INTERFACES;
	struct ip from = ip_from_u32(0xc0a80002 + (rif << 8) + more % 7);
	struct prefix address = {ip_from_u32(0xc0a80001 + (rif << 8)), 24}, prefix = some_prefix(more);
	const struct rip_interface_settings settings = some_settings(more);
	const struct rip_local local = {(uint8_t)(1 + more % 15), more, more & 1, rif, {0}};

	switch (what & 15) {
	case 0:
		rip_interface_set(story->rip, rif, &settings, story->now);
		break;
	case 1:
		rip_interface_del(story->rip, rif, story->now);
		break;
	case 2:
		rip_interface_state(story->rip, rif, more & 1, &address, 1, story->now);
		break;
	case 3:
		(void)rip_local_set(story->rip, &prefix, &local, story->now);
		break;
	case 4:
		rip_local_del(story->rip, &prefix, story->now);
		break;
	case 5:
		step_time(story, span_ms(more * 10));
		break;
	case 6:
		step_time(story, span_s(more));
		break;
	case 7:
		step_raw(story, rif, from);
		break;
	default:
		step_packet(story, rif, from, reader_u8(&story->input));
	}
	rip_check_invariants(story->rip);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rip_settings settings = rip_settings_default();
	const struct rip_interface_settings plain = {.cost = 1};
	struct story story = {.now = {1}, .input = reader_over(bytes, size)};

	hash_set_secret(1);
	settings.routes_max = 20;
	settings.neighbors_max = 8;
	settings.paths_max = 3;
	settings.ecmp_max = 2;
	story.rip = rip_new(&settings, &story_ops, &story, 1, 1000, story.now);
	for (uint32_t rif = 1; rif <= INTERFACES; rif++) {
		const struct prefix address = {ip_from_u32(0xc0a80001 + (rif << 8)), 24};

		rip_interface_set(story.rip, rif, &plain, story.now);
		rip_interface_state(story.rip, rif, true, &address, 1, story.now);
	}
	for (unsigned i = 0; i < STEPS_MAX && reader_left(&story.input) > 0; i++)
		step(&story);
	/* Silence ends everything that was learnt. */
	step_time(&story, span_s(1000));
	rip_check_invariants(story.rip);
	rip_stop(story.rip, story.now);
	CHECK(rip_route_count(story.rip) == 0);
	rip_free(story.rip);
	return 0;
}
