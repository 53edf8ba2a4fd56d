/*
 * Fuzzes the OSPF engine as a whole: the input is a story of packets that are made authentic and get good checksums (so that their meaning
 * is what is tried), carrier changes, own routes and passing time, from neighbors that answer by chance; after each step everything inside
 * must be consistent and within its limits.
 */
#include "base/check.h"
#include "base/hash.h"
#include "route/ospf/ospf_engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define STEPS_MAX 300
#define INTERFACES 2
#define SELF 7u

struct story {
	struct ospf *ospf;
	struct instant now;
	struct reader input;
};

static void story_send(void *context, const struct ospf_datagram *datagram)
{
	const struct story *story = context;
	const struct ospf_interface *interface = map_get(&story->ospf->interface_of, datagram->rif);
	struct ospf_header header;
	struct reader body;

	CHECK(interface != NULL && datagram->size <= 1480);
	CHECK(ospf_packet_read(reader_over(datagram->bytes, datagram->size), &interface->settings.auth, &header, &body) == OSPF_WIRE_GOOD);
	CHECK(header.router_id == SELF);
}

static void story_learnt(
	void *context, const struct prefix *prefix, const struct nexthop *nexthops, unsigned count, uint32_t metric, struct instant now)
{
	(void)context;
	(void)metric;
	(void)now;
	CHECK(count <= NEXTHOPS_MAX && prefix->length <= 32);
	for (unsigned i = 0; i < count; i++)
		CHECK(nexthops[i].rif >= 1 && nexthops[i].rif <= INTERFACES);
}

static void story_limit(void *context, const char *limit, uint64_t value)
{
	(void)context;
	CHECK(limit != NULL && value > 0);
}

static const struct ospf_ops story_ops = {story_send, story_learnt, story_limit};

static uint32_t address_of(uint32_t rif, uint8_t host) { return 0xc0a80000u | rif << 8 | host; }

/* An LSA of few routers and networks, so that they meet; half of its bytes are the input's. */
static void lsa_write(struct story *story, struct writer *w)
{
	uint8_t shape = reader_u8(&story->input), more = reader_u8(&story->input), body = reader_u8(&story->input);
	struct ospf_lsa_header header = {
		.age_s = shape & 64 ? OSPF_MAX_AGE_S : shape,
		.options = OSPF_OPTION_E,
		.type = (uint8_t)(1 + (shape & 7)),
		.router = 1 + (more & 7u),
		.id = shape & 128 ? address_of(1, more) : 1 + (more & 7u),
		.sequence = OSPF_SEQUENCE_FIRST + (int8_t)(more >> 3),
	};
	size_t start = ospf_lsa_begin(w, &header);

	if (header.type == OSPF_LSA_ROUTER)
		writer_u32(w, (uint32_t)(body & 3) << 24 | (body >> 4 & 7u));
	else
		writer_u32(w, 0xffffff00);
	for (unsigned i = 0; i < (body >> 4 & 7u); i++) {
		uint8_t link = reader_u8(&story->input);

		writer_u32(w, link & 16 ? 1 + (link & 7u) : address_of(1, link & 15));
		if (header.type == OSPF_LSA_NETWORK)
			continue;
		writer_u32(w, link & 32 ? 0xffffff00 : address_of(1, link & 7));
		writer_u32(w, (uint32_t)(1 + link % 4) << 24 | (link >> 4));
	}
	ospf_lsa_end(w, start);
}

static void body_write(struct story *story, struct writer *w, enum ospf_packet_type type, const struct ospf_neighbor *neighbor)
{
	uint8_t shape = reader_u8(&story->input);
	const struct ospf_hello hello = {.mask = 0xffffff00,
		.hello_s = 10,
		.options = shape & 64 ? 0 : OSPF_OPTION_E,
		.priority = shape & 3,
		.dead_s = 40,
		.designated = address_of(1, shape >> 2 & 7),
		.backup = address_of(1, shape >> 3 & 7)};
	const struct ospf_database database = {.mtu_bytes = 1500,
		.options = OSPF_OPTION_E,
		.flags = shape & 7,
		.sequence = neighbor ? neighbor->exchange_sequence + (shape >> 6) : shape};
	size_t head = writer_used(w);

	switch (type) {
	case OSPF_HELLO:
		ospf_hello_write(w, &hello);
		writer_u32(w, shape & 128 ? 99 : SELF);
		break;
	case OSPF_DATABASE:
		ospf_database_write(w, &database);
		break;
	case OSPF_REQUEST:
		writer_u32(w, 1);
		writer_u32(w, shape & 7u);
		writer_u32(w, shape & 7u);
		break;
	case OSPF_UPDATE:
		writer_u32(w, 0);
		for (unsigned i = 0; i < 1u + (shape & 3u); i++)
			lsa_write(story, w);
		writer_patch_u16(w, head + 2, (uint16_t)(1 + (shape & 3)));
		break;
	case OSPF_ACK:
		break;
	}
	/* Headers of LSAs, for descriptions and acknowledgments. */
	for (unsigned i = 0; (type == OSPF_DATABASE || type == OSPF_ACK) && i < (shape >> 3 & 3u); i++) {
		struct writer lsa = writer_over(w->at, writer_room(w) < 256 ? writer_room(w) : 256);

		lsa_write(story, &lsa);
		if (writer_ok(&lsa))
			(void)writer_space(w, OSPF_LSA_HEADER_BYTES);
	}
}

static void step_packet(struct story *story, uint32_t rif, uint8_t more)
{
	const struct ospf_interface *interface = map_get(&story->ospf->interface_of, rif);
	enum ospf_packet_type type = 1 + (more >> 4) % 5;
	uint8_t bytes[1400], host = (uint8_t)(2 + (more & 3));
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct ospf_arrival arrival = {rif, address_of(rif, host), more & 8 ? OSPF_ALL_ROUTERS : address_of(rif, 1), bytes, 0};

	if (interface == NULL)
		return;
	ospf_packet_begin(&w, type, host, interface->area->id);
	body_write(story, &w, type, ospf_neighbor_find(interface, arrival.source, host));
	ospf_packet_end(&w, &interface->settings.auth, 1000000);
	if (!writer_ok(&w))
		return;
	arrival.size = writer_used(&w);
	(void)ospf_receive(story->ospf, &arrival, story->now);
}

static void step_raw(struct story *story, uint32_t rif, uint8_t more)
{
	size_t size = reader_u8(&story->input);
	const uint8_t *bytes;

	size = size < reader_left(&story->input) ? size : reader_left(&story->input);
	bytes = reader_bytes(&story->input, size);
	if (bytes != NULL)
		(void)ospf_receive(
			story->ospf, &(struct ospf_arrival){rif, address_of(rif, more), OSPF_ALL_ROUTERS, bytes, size}, story->now);
}

static void step_time(struct story *story, struct span span)
{
	struct instant end = instant_add(story->now, span);

	for (unsigned i = 0; i < 100 && instant_reached(ospf_next(story->ospf), end); i++) {
		story->now = instant_before(ospf_next(story->ospf), story->now) ? story->now : ospf_next(story->ospf);
		ospf_tick(story->ospf, story->now);
	}
	story->now = end;
	ospf_tick(story->ospf, story->now);
}

static void interface_set(struct story *story, uint32_t rif, uint8_t shape)
{
	struct ospf_interface_settings settings = ospf_interface_settings_default();

	settings.type = (enum ospf_network_type)(shape & 1);
	settings.passive = (shape & 62) == 62;
	settings.priority = shape >> 1 & 3;
	settings.area = shape >> 7;
	settings.auth.kind = shape & 8 ? OSPF_AUTH_CRYPTO : OSPF_AUTH_NONE;
	settings.auth.key_bytes = 3;
	ospf_interface_set(story->ospf, rif, &settings, story->now);
}

static void step(struct story *story)
{
	uint8_t what = reader_u8(&story->input), more = reader_u8(&story->input);
	uint32_t rif = 1 + (what >> 4) % INTERFACES;
	const struct prefix address = {ip_from_u32(address_of(rif, 1)), 24}, prefix = {ip_from_u32(0x0a000000u | (more & 15u) << 16), 16};
	const struct ospf_link_state state = {more & 1, 1500, 1, &address};
	const struct ospf_external external = {.metric = more};
	const struct ospf_area_settings area = {.stub = more & 2, .default_cost = 1};

	switch (what & 15) {
	case 0:
		interface_set(story, rif, more);
		break;
	case 1:
		ospf_interface_del(story->ospf, rif, story->now);
		break;
	case 2:
		ospf_interface_state(story->ospf, rif, &state, story->now);
		break;
	case 3:
		(void)ospf_external_set(story->ospf, &prefix, &external, story->now);
		break;
	case 4:
		ospf_external_del(story->ospf, &prefix, story->now);
		break;
	case 5:
		step_time(story, span_ms(more * 10));
		break;
	case 6:
		step_time(story, span_s(more));
		break;
	case 7:
		step_raw(story, rif, more);
		break;
	case 8:
		ospf_area_set(story->ospf, 1, &area, story->now);
		break;
	default:
		step_packet(story, rif, more);
	}
	ospf_check_invariants(story->ospf);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct ospf_settings settings = ospf_settings_default(SELF);
	struct story story = {.now = {1}, .input = reader_over(bytes, size)};
	struct ospf_store *store;
	struct ospf_birth birth = {.ops = &story_ops, .context = &story, .seed = 1, .wall_s = 1000};

	hash_set_secret(1);
	store = ospf_store_new();
	birth.store = store;
	settings.lsas_max = 30;
	settings.neighbors_max = 3;
	story.ospf = ospf_new(&settings, &birth, story.now);
	for (uint32_t rif = 1; rif <= INTERFACES; rif++) {
		const struct prefix address = {ip_from_u32(address_of(rif, 1)), 24};
		const struct ospf_link_state state = {true, 1500, 1, &address};

		interface_set(&story, rif, (uint8_t)(rif & 1));
		ospf_interface_state(story.ospf, rif, &state, story.now);
	}
	for (unsigned i = 0; i < STEPS_MAX && reader_left(&story.input) > 0; i++)
		step(&story);
	/* Silence ends everything that was learnt. */
	step_time(&story, span_s(100));
	ospf_check_invariants(story.ospf);
	CHECK(ospf_full_count(story.ospf) == 0);
	ospf_stop(story.ospf, story.now);
	ospf_check_invariants(story.ospf);
	ospf_free(story.ospf);
	ospf_store_free(store);
	return 0;
}
