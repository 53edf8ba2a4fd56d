/*
 * Fuzzes the BGP engine as a peer may: an established session (external, internal and with 2-octet AS numbers, by the first byte), then any
 * bytes in chunks of any size. Whatever comes, the other peer gets whole messages only, and all memory is given back.
 */
#include "base/check.h"
#include "base/writer.h"
#include "route/bgp/bgp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define OURS 65001
#define THEIRS 65002

/* What was sent to the second peer, as a stream: headers must follow on each other. */
struct stream {
	uint8_t header[BGP_HEADER_BYTES];
	size_t at, left;
};

struct world {
	struct bgp *bgp;
	struct stream out;
	unsigned learnt;
};

static void on_connect(void *context, uint16_t peer)
{
	(void)context;
	(void)peer;
}

static void on_close(void *context, uint16_t peer, bool incoming)
{
	(void)context;
	(void)peer;
	CHECK(incoming);
}

static void stream_byte(struct stream *s, uint8_t byte)
{
	if (s->left > 0) {
		s->left--;
		return;
	}
	s->header[s->at++] = byte;
	if (s->at < BGP_HEADER_BYTES)
		return;
	s->at = 0;
	for (int i = 0; i < 16; i++)
		CHECK(s->header[i] == 0xff);
	s->left = (size_t)(s->header[16] << 8 | s->header[17]);
	CHECK(s->left >= BGP_HEADER_BYTES && s->left <= BGP_MESSAGE_BYTES_MAX && s->header[18] >= BGP_OPEN &&
		s->header[18] <= BGP_ROUTE_REFRESH);
	s->left -= BGP_HEADER_BYTES;
}

static size_t on_send(void *context, uint16_t peer, bool incoming, const uint8_t *bytes, size_t count)
{
	struct world *world = context;

	(void)incoming;
	for (size_t i = 0; peer == 2 && i < count; i++)
		stream_byte(&world->out, bytes[i]);
	return count;
}

static void on_learnt(void *context, const struct bgp_route *route)
{
	struct world *world = context;

	CHECK(route->nexthop_count <= NEXTHOPS_MAX && route->prefix.length <= ip_bits(route->prefix.ip.family));
	world->learnt++;
}

static const struct bgp_ops ops = {.connect = on_connect, .close = on_close, .send = on_send, .learnt = on_learnt};

static struct ip host(uint8_t number) { return ip_from_u32(0x0a000000u | number); }

/* A peer whose session is Established. */
static void peer_up(struct world *world, uint8_t number, uint32_t as, bool as4)
{
	struct bgp_peer_settings settings = bgp_peer_settings_default();
	struct bgp_open open = {.as = as,
		.hold_s = 90,
		.router_id = 0x0a000000u | number,
		.families = {true, true},
		.families_given = true,
		.as4 = as4,
		.refresh = true};
	const struct instant now = {1000};
	uint8_t bytes[256];
	struct writer w = writer_over(bytes, sizeof(bytes));

	settings.address = host(number);
	settings.local = host(1);
	settings.local_ipv6 = (struct ip){.family = IP_V6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	settings.as = as;
	settings.families[BGP_IPV6] = settings.passive = settings.import_all = settings.export_all = true;
	settings.prefixes_max = 1000;
	CHECK(bgp_peer_add(world->bgp, &settings, now) == number - 1);
	bgp_tick(world->bgp, now);
	bgp_connected(world->bgp, number - 1, true, now);
	bgp_open_write(&w, &open);
	bgp_keepalive_write(&w);
	CHECK(writer_ok(&w));
	bgp_receive(world->bgp, number - 1, true, bytes, writer_used(&w), now);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct bgp_settings settings = bgp_settings_default(OURS, 0x0a000001);
	struct world world = {0};
	struct bgp_peer_status status;
	struct instant now = {2000};
	uint8_t mode = size > 0 ? bytes[0] : 0;

	world.bgp = bgp_new(&settings, &ops, &world, 1);
	peer_up(&world, 2, mode & 1 ? OURS : THEIRS, !(mode & 2));
	peer_up(&world, 3, mode & 4 ? OURS : 65003, true);
	CHECK(bgp_peer_status(world.bgp, 1, &status) && status.state == BGP_ESTABLISHED);
	for (size_t at = 1, chunk; at < size; at += chunk) {
		chunk = mode & 8 ? 1 + bytes[at] % 64u : size - at;
		chunk = chunk < size - at ? chunk : size - at;
		bgp_receive(world.bgp, 1, true, bytes + at, chunk, now);
		if (mode & 16)
			bgp_flush(world.bgp, now);
	}
	bgp_flush(world.bgp, now);
	CHECK(world.out.at == 0 && world.out.left == 0);
	bgp_peer_remove(world.bgp, 1, BGP_CEASE_DECONFIGURED, now);
	CHECK(bgp_dests(world.bgp, BGP_IPV4) == 0 && bgp_dests(world.bgp, BGP_IPV6) == 0);
	bgp_free(world.bgp);
	return 0;
}
