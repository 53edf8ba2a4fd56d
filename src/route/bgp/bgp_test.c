/* Tests of the BGP engine: routers joined by wires in memory, on a clock of the test's own. */
#include "base/rand.h"
#include "route/bgp/bgp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUTERS_MAX 6
#define PEERS_MAX 8
#define ROUTES_MAX 256

/* One direction of a connection. */
struct stream {
	uint8_t bytes[1 << 16];
	size_t used;
	bool refusing; /* takes nothing */
};

struct router {
	struct bgp *bgp;
	struct {
		int router;
		uint16_t peer; /* our number there */
		struct stream in;
		bool open; /* the connection, in either role */
		bool incoming;
		bool wants;
	} links[PEERS_MAX]; /* by peer number */
	struct bgp_route routes[ROUTES_MAX];
	unsigned route_count;
	unsigned learnt;
};

static struct router routers[ROUTERS_MAX];
static struct instant now;

static struct router *router_of(void *context) { return context; }

static void on_connect(void *context, uint16_t peer) { router_of(context)->links[peer].wants = true; }

static void on_close(void *context, uint16_t peer, bool incoming)
{
	struct router *r = router_of(context), *other = &routers[r->links[peer].router];

	if (!r->links[peer].open || r->links[peer].incoming != incoming) {
		r->links[peer].wants = false;
		return;
	}
	r->links[peer].open = false;
	/* The far side learns of it once it has read what is under way: see pump. */
	other->links[r->links[peer].peer].wants = other->links[r->links[peer].peer].wants;
}

static size_t on_send(void *context, uint16_t peer, bool incoming, const uint8_t *bytes, size_t count)
{
	struct router *r = router_of(context);
	struct stream *s = &routers[r->links[peer].router].links[r->links[peer].peer].in;
	size_t room = s->refusing ? 0 : sizeof(s->bytes) - s->used;

	(void)incoming;
	count = count < room ? count : room;
	memcpy(s->bytes + s->used, bytes, count);
	s->used += count;
	return count;
}

static void on_learnt(void *context, const struct bgp_route *route)
{
	struct router *r = router_of(context);
	unsigned i;

	r->learnt++;
	for (i = 0; i < r->route_count && !prefix_equal(r->routes[i].prefix, route->prefix); i++)
		;
	if (route->nexthop_count == 0) {
		if (i < r->route_count)
			r->routes[i] = r->routes[--r->route_count];
		return;
	}
	if (i == r->route_count && r->route_count < ROUTES_MAX)
		r->route_count++;
	if (i < ROUTES_MAX)
		r->routes[i] = *route;
}

static const struct bgp_ops ops = {.connect = on_connect, .close = on_close, .send = on_send, .learnt = on_learnt};

static void router_start(int i, uint32_t as)
{
	struct bgp_settings settings = bgp_settings_default(as, 0x0a000001 + (uint32_t)i);

	memset(&routers[i], 0, sizeof(routers[i]));
	settings.ecmp_max = 4;
	routers[i].bgp = bgp_new(&settings, &ops, &routers[i], (uint64_t)i + 1);
}

static struct ip address_of(int i) { return ip_from_u32(0xc0a80001 + (uint32_t)i); }

static uint16_t peer_add(int i, int j, uint32_t as, bool client)
{
	struct bgp_peer_settings settings = bgp_peer_settings_default();

	settings.address = address_of(j);
	settings.local = address_of(i);
	settings.as = as;
	settings.import_all = settings.export_all = true;
	settings.reflector_client = client;
	settings.local_ipv6 = (struct ip){IP_V6, {0xfd, 0, [15] = (uint8_t)(i + 1)}};
	settings.families[BGP_IPV6] = true;
	settings.hold_s = 9;
	return bgp_peer_add(routers[i].bgp, &settings, now);
}

static void join(int i, uint32_t as_i, int j, uint32_t as_j, bool client)
{
	uint16_t a = peer_add(i, j, as_j, client), b = peer_add(j, i, as_i, false);

	routers[i].links[a].router = j;
	routers[i].links[a].peer = b;
	routers[j].links[b].router = i;
	routers[j].links[b].peer = a;
}

static void deliver(int i, uint16_t peer)
{
	struct router *r = &routers[i];
	struct stream *s = &r->links[peer].in;
	uint8_t bytes[1 << 16];
	size_t count = s->used;

	if (count == 0 || !r->links[peer].open)
		return;
	memcpy(bytes, s->bytes, count);
	s->used = 0;
	/* In pieces of odd size, as TCP may. */
	for (size_t at = 0; at < count && r->links[peer].open;) {
		size_t piece = 1 + (at * 7919 + 13) % 1500;

		piece = piece < count - at ? piece : count - at;
		bgp_receive(r->bgp, peer, r->links[peer].incoming, bytes + at, piece, now);
		at += piece;
	}
}

/* Opens a connection that one side wants, unless there is one. */
static void connect_wanted(int i, uint16_t peer)
{
	struct router *r = &routers[i], *other = &routers[r->links[peer].router];
	uint16_t back = r->links[peer].peer;

	if (!r->links[peer].wants || r->links[peer].open || other->links[back].open || other->bgp == NULL)
		return;
	r->links[peer].wants = false;
	r->links[peer].open = other->links[back].open = true;
	r->links[peer].incoming = false;
	other->links[back].incoming = true;
	r->links[peer].in.used = other->links[back].in.used = 0;
	bgp_connected(r->bgp, peer, false, now);
	bgp_connected(other->bgp, back, true, now);
}

static void pump_once(int count)
{
	for (int i = 0; i < count; i++)
		for (uint16_t p = 1; p < PEERS_MAX; p++) {
			struct router *r = &routers[i], *other = &routers[r->links[p].router];

			if (r->links[p].peer == 0)
				continue;
			connect_wanted(i, p);
			deliver(i, p);
			if (r->links[p].open && !other->links[r->links[p].peer].open && r->links[p].in.used == 0) {
				r->links[p].open = false;
				bgp_closed(r->bgp, p, r->links[p].incoming, now);
			}
			if (r->links[p].open)
				bgp_writable(r->bgp, p, r->links[p].incoming, now);
		}
	for (int i = 0; i < count; i++) {
		bgp_tick(routers[i].bgp, now);
		bgp_flush(routers[i].bgp, now);
	}
}

static void run(int count, int64_t seconds)
{
	for (int64_t step = 0; step < seconds * 10; step++) {
		now = instant_add(now, span_ms(100));
		for (int round = 0; round < 4; round++)
			pump_once(count);
	}
}

static void stop(int count)
{
	for (int i = 0; i < count; i++) {
		bgp_free(routers[i].bgp);
		routers[i].bgp = NULL;
	}
}

static struct prefix prefix_of(const char *text)
{
	struct prefix p = {0};

	assert_true(prefix_parse(text, &p));
	return p;
}

static const struct bgp_route *route_of(int i, const char *text)
{
	struct prefix p = prefix_of(text);

	for (unsigned k = 0; k < routers[i].route_count; k++)
		if (prefix_equal(routers[i].routes[k].prefix, p))
			return &routers[i].routes[k];
	return NULL;
}

static void announce(int i, const char *text)
{
	struct prefix p = prefix_of(text);

	assert_true(bgp_local_set(routers[i].bgp, &p, (struct ip){0}, 0, ROUTE_CONNECTED, NULL));
}

static enum bgp_state state_of(int i, uint16_t peer)
{
	struct bgp_peer_status status;

	assert_true(bgp_peer_status(routers[i].bgp, peer, &status));
	return status.state;
}

/* Three routers of three ASes in a row: routes of both families pass the middle, and go again. */
static void routes_pass_and_go(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		router_start(i, 65001 + (uint32_t)i);
	join(0, 65001, 1, 65002, false);
	join(1, 65002, 2, 65003, false);
	announce(0, "10.1.0.0/16");
	announce(0, "2001:db8:1::/48");
	run(3, 5);
	assert_int_equal(state_of(0, 1), BGP_ESTABLISHED);
	assert_int_equal(state_of(1, 2), BGP_ESTABLISHED);
	assert_non_null(route_of(1, "10.1.0.0/16"));
	assert_non_null(route_of(2, "10.1.0.0/16"));
	assert_true(ip_equal(route_of(2, "10.1.0.0/16")->nexthops[0], address_of(1)));
	assert_non_null(route_of(2, "2001:db8:1::/48"));
	/* Nothing comes back to where it came from. */
	assert_int_equal(routers[0].route_count, 0);
	bgp_local_del(routers[0].bgp, &(struct prefix){prefix_of("10.1.0.0/16").ip, 16});
	run(3, 1);
	assert_null(route_of(2, "10.1.0.0/16"));
	assert_non_null(route_of(2, "2001:db8:1::/48"));
	stop(3);
}

/* A peer that falls silent is given up when its hold time ends, its routes with it, and it comes back. */
static void hold_timer_ends_a_session(void **state)
{
	(void)state;
	router_start(0, 65001);
	router_start(1, 65002);
	join(0, 65001, 1, 65002, false);
	announce(0, "10.1.0.0/16");
	run(2, 3);
	assert_non_null(route_of(1, "10.1.0.0/16"));
	routers[1].links[1].in.refusing = true;
	routers[0].links[1].in.refusing = true;
	run(2, 8);
	run(2, 3);
	assert_int_not_equal(state_of(1, 1), BGP_ESTABLISHED);
	assert_null(route_of(1, "10.1.0.0/16"));
	routers[1].links[1].in.refusing = false;
	routers[0].links[1].in.refusing = false;
	run(2, 60);
	assert_int_equal(state_of(1, 1), BGP_ESTABLISHED);
	assert_non_null(route_of(1, "10.1.0.0/16"));
	stop(2);
}

/* Inside one AS routes of internal peers go on only by reflection, with the loop stopped (RFC 4456). */
static void reflection(void **state)
{
	(void)state;
	for (int client = 0; client < 2; client++) {
		for (int i = 0; i < 3; i++)
			router_start(i, 65001);
		join(1, 65001, 0, 65001, client);
		join(1, 65001, 2, 65001, client);
		announce(0, "10.1.0.0/16");
		run(3, 5);
		assert_non_null(route_of(1, "10.1.0.0/16"));
		assert_true(route_of(1, "10.1.0.0/16")->internal);
		assert_int_equal(route_of(2, "10.1.0.0/16") != NULL, client);
		/* The next hop of internal routes stays the border's. */
		if (client)
			assert_true(ip_equal(route_of(2, "10.1.0.0/16")->nexthops[0], address_of(0)));
		stop(3);
	}
}

/* A ring of four ASes: the shorter way wins, equal ways share, and a closed session turns the traffic. */
static void shortest_path_and_multipath(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		router_start(i, 65001 + (uint32_t)i);
	for (int i = 0; i < 4; i++)
		join(i, 65001 + (uint32_t)i, (i + 1) % 4, 65001 + (uint32_t)(i + 1) % 4, false);
	announce(0, "10.1.0.0/16");
	run(4, 6);
	assert_int_equal(route_of(1, "10.1.0.0/16")->nexthop_count, 1);
	assert_int_equal(route_of(2, "10.1.0.0/16")->nexthop_count, 2);
	bgp_peer_shutdown(routers[0].bgp, 1, true, "maintenance", now);
	run(4, 2);
	assert_int_equal(route_of(2, "10.1.0.0/16")->nexthop_count, 1);
	assert_true(ip_equal(route_of(2, "10.1.0.0/16")->nexthops[0], address_of(3)));
	assert_true(ip_equal(route_of(1, "10.1.0.0/16")->nexthops[0], address_of(2)));
	bgp_peer_shutdown(routers[0].bgp, 1, false, NULL, now);
	run(4, 70);
	assert_int_equal(route_of(2, "10.1.0.0/16")->nexthop_count, 2);
	stop(4);
}

/* Without a policy nothing passes between ASes (RFC 8212). */
static void nothing_without_policy(void **state)
{
	struct bgp_peer_settings settings = bgp_peer_settings_default();

	(void)state;
	router_start(0, 65001);
	router_start(1, 65002);
	settings.as = 65002;
	settings.address = address_of(1);
	settings.local = address_of(0);
	routers[0].links[bgp_peer_add(routers[0].bgp, &settings, now)].router = 1;
	routers[0].links[1].peer = 1;
	assert_int_equal(peer_add(1, 0, 65001, false), 1);
	routers[1].links[1].router = 0;
	routers[1].links[1].peer = 1;
	announce(0, "10.1.0.0/16");
	announce(1, "10.2.0.0/16");
	run(2, 5);
	assert_int_equal(state_of(0, 1), BGP_ESTABLISHED);
	assert_int_equal(routers[0].route_count, 0);
	assert_int_equal(routers[1].route_count, 0);
	stop(2);
}

/* The wrong AS in an OPEN, and garbage, end the connection with the right NOTIFICATION. */
static void wrong_peers_are_refused(void **state)
{
	struct bgp_peer_status status;
	static const uint8_t garbage[64] = {1, 2, 3};

	(void)state;
	router_start(0, 65001);
	router_start(1, 65002);
	join(0, 65001, 1, 65009, false);
	run(2, 2);
	assert_true(bgp_peer_status(routers[0].bgp, 1, &status));
	assert_int_equal(status.last_error[0], BGP_ERROR_OPEN);
	assert_int_equal(status.last_error[1], BGP_OPEN_PEER_AS);
	assert_true(status.state < BGP_OPEN_CONFIRM);
	stop(2);
	router_start(0, 65001);
	(void)peer_add(0, 1, 65002, false);
	routers[0].links[1].open = true;
	bgp_connected(routers[0].bgp, 1, true, now);
	bgp_receive(routers[0].bgp, 1, true, garbage, sizeof(garbage), now);
	assert_true(bgp_peer_status(routers[0].bgp, 1, &status));
	assert_int_equal(status.last_error[0], BGP_ERROR_HEADER);
	assert_int_equal(status.last_error[1], BGP_HEADER_MARKER);
	stop(1);
}

/* Many announcements and withdrawals, with a reader that stalls now and then: the far end agrees with what was announced in the end. */
static void churn_converges(void **state)
{
	struct rand rand = rand_seeded(11);
	bool on[200] = {false};
	unsigned expected = 0;

	(void)state;
	for (int i = 0; i < 3; i++)
		router_start(i, 65001 + (uint32_t)i);
	join(0, 65001, 1, 65002, false);
	join(1, 65002, 2, 65003, false);
	run(3, 3);
	for (int step = 0; step < 3000; step++) {
		unsigned i = (unsigned)rand_below(&rand, 200);
		struct prefix p = {ip_from_u32(0x0a000000 | i << 8), 24};

		on[i] = !on[i];
		if (on[i])
			assert_true(
				bgp_local_set(routers[0].bgp, &p, (struct ip){0}, (uint32_t)rand_below(&rand, 3), ROUTE_CONNECTED, NULL));
		else
			bgp_local_del(routers[0].bgp, &p);
		routers[2].links[1].in.refusing = rand_below(&rand, 4) == 0;
		if (rand_below(&rand, 3) == 0)
			pump_once(3);
	}
	routers[2].links[1].in.refusing = false;
	run(3, 2);
	for (unsigned i = 0; i < 200; i++)
		expected += on[i];
	assert_int_equal(routers[2].route_count, expected);
	for (unsigned k = 0; k < expected; k++)
		assert_true(on[routers[2].routes[k].prefix.ip.bytes[2]]);
	assert_int_equal(bgp_dests(routers[2].bgp, BGP_IPV4), expected);
	stop(3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_pass_and_go),
		cmocka_unit_test(hold_timer_ends_a_session),
		cmocka_unit_test(reflection),
		cmocka_unit_test(shortest_path_and_multipath),
		cmocka_unit_test(nothing_without_policy),
		cmocka_unit_test(wrong_peers_are_refused),
		cmocka_unit_test(churn_converges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
