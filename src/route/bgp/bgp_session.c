/*
 * The session of a connection: cutting the stream into messages, the state machine of RFC 4271 8, the timers, the output.
 *
 *             connected: send OPEN           good OPEN: send KEEPALIVE            KEEPALIVE: exports begin
 *   (none) ------------------------> OpenSent ------------------------> OpenConfirm --------------------> Established
 *
 * From each state an error, a NOTIFICATION, the end of the hold time or of the connection leads back to (none); the peer is Idle for a
 * pause that doubles up to a minute and then tries again. Which message is good in which state is a table below.
 */
#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_engine.h"

#include <stdlib.h>
#include <string.h>

/* RFC 4271 8.2.2: a large hold time until the OPENs have agreed on one. */
#define OPEN_HOLD_S 240
#define RETRY_S_MAX 60
#define SHUTDOWN_TEXT_MAX 128

const char *const bgp_state_names[BGP_STATE_COUNT] = {"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established"};

static bool connection_incoming(const struct bgp_peer *peer, const struct bgp_connection *c) { return c == &peer->connections[1]; }

struct bgp_connection *bgp_peer_connection(struct bgp_peer *peer)
{
	for (int i = 0; i < 2; i++)
		if (peer->connections[i].open && peer->connections[i].state == BGP_ESTABLISHED)
			return &peer->connections[i];
	return NULL;
}

static void peer_state(struct bgp *bgp, struct bgp_peer *peer, enum bgp_state state, const char *text)
{
	if (peer->state == state)
		return;
	peer->state = state;
	peer->since = bgp->now;
	if (bgp->ops->changed != NULL)
		bgp->ops->changed(bgp->context, peer->id, state, text);
}

static void message_send(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const struct writer *w)
{
	CHECK(writer_ok(w));
	peer->counts.messages_out++;
	bgp_connection_send(bgp, peer, c, w->start, writer_used(w));
}

static void keepalive_send(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c)
{
	uint8_t bytes[BGP_HEADER_BYTES];
	struct writer w = writer_over(bytes, sizeof(bytes));

	bgp_keepalive_write(&w);
	message_send(bgp, peer, c, &w);
}

/* A time reduced by up to a quarter (RFC 4271 10). */
static struct span jittered(struct bgp *bgp, struct span s) { return span_ns(s.ns - (int64_t)((double)s.ns / 4 * rand_unit(&bgp->rand))); }

static void timers_restart(struct bgp *bgp, struct bgp_connection *c)
{
	c->hold_deadline = c->hold.ns > 0 ? instant_add(bgp->now, c->hold) : INSTANT_NEVER;
	c->keepalive_at = c->hold.ns > 0 ? instant_add(bgp->now, jittered(bgp, span_ns(c->hold.ns / 3))) : INSTANT_NEVER;
}

/* The peer goes to Idle and tries again after a pause, unless its other connection is still there. */
static void peer_fall_back(struct bgp *bgp, struct bgp_peer *peer, const char *text)
{
	int64_t pause_s = peer->settings.connect_retry_s;

	if (peer->connections[0].open || peer->connections[1].open)
		return;
	for (unsigned i = 0; i < peer->failures && pause_s < RETRY_S_MAX; i++)
		pause_s *= 2;
	if (pause_s > RETRY_S_MAX)
		pause_s = RETRY_S_MAX;
	peer->failures++;
	peer->start_at = peer->down ? INSTANT_NEVER : instant_add(bgp->now, jittered(bgp, span_s(pause_s)));
	peer_state(bgp, peer, BGP_IDLE, text);
}

/* A connection is over, on whichever side: what it carried goes. */
static void connection_end(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const char *text)
{
	bool established = c->state == BGP_ESTABLISHED;

	free(c->input);
	free(c->output);
	*c = (struct bgp_connection){0};
	if (established) {
		peer->counts.dropped++;
		bgp_export_end(bgp, peer);
		bgp_update_forget(bgp, peer);
	}
	peer_fall_back(bgp, peer, text);
}

void bgp_session_fail(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct bgp_notice notice)
{
	uint8_t buffer[BGP_HEADER_BYTES + 2 + 256];
	struct writer w = writer_over(buffer, sizeof(buffer));

	bgp_notification_write(&w, notice.code, notice.subcode, notice.data, notice.bytes < 256 ? notice.bytes : 256);
	message_send(bgp, peer, c, &w);
	peer->counts.last_error[0] = notice.code;
	peer->counts.last_error[1] = notice.subcode;
	peer->counts.last_error_sent = true;
	bgp->ops->close(bgp->context, peer->id, connection_incoming(peer, c));
	connection_end(bgp, peer, c, bgp_error_text(notice.code, notice.subcode));
}

static void open_send(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c)
{
	uint8_t buffer[BGP_MESSAGE_BYTES_MAX];
	struct writer w = writer_over(buffer, sizeof(buffer));
	struct bgp_open open = {
		.as = bgp->settings.as,
		.hold_s = peer->settings.hold_s,
		.router_id = bgp->settings.router_id,
		.as4 = true,
		.refresh = true,
	};

	memcpy(open.families, peer->settings.families, sizeof(open.families));
	bgp_open_write(&w, &open);
	message_send(bgp, peer, c, &w);
}

void bgp_connected(struct bgp *bgp, uint16_t id, bool incoming, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);
	struct bgp_connection *c = &peer->connections[incoming];

	bgp->now = now;
	if (peer->down || c->open || bgp_peer_connection(peer) != NULL) {
		if (!c->open)
			bgp->ops->close(bgp->context, id, incoming);
		return;
	}
	*c = (struct bgp_connection){.open = true, .state = BGP_OPEN_SENT, .keepalive_at = INSTANT_NEVER};
	c->hold_deadline = instant_add(now, span_s(OPEN_HOLD_S));
	c->input = xalloc(BGP_MESSAGE_BYTES_MAX);
	peer->start_at = INSTANT_NEVER;
	open_send(bgp, peer, c);
	if (peer->state < BGP_OPEN_SENT)
		peer_state(bgp, peer, BGP_OPEN_SENT, "connected");
}

void bgp_closed(struct bgp *bgp, uint16_t id, bool incoming, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);
	struct bgp_connection *c = &peer->connections[incoming];

	bgp->now = now;
	if (c->open) {
		connection_end(bgp, peer, c, "the connection was closed");
	} else if (!incoming && peer->state == BGP_CONNECT) {
		/* RFC 4271 8.2.2: listen for the peer meanwhile. */
		peer_state(bgp, peer, BGP_ACTIVE, "no connection");
		peer->start_at = instant_add(now, jittered(bgp, span_s(peer->settings.connect_retry_s)));
	}
}

/* RFC 4271 6.8: of two connections the one opened by the speaker with the higher id (RFC 6286: or AS) lives. False when this one dies. */
static bool collision_settle(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const struct bgp_open *open)
{
	struct bgp_connection *other = &peer->connections[!connection_incoming(peer, c)];
	bool ours_wins =
		bgp->settings.router_id != open->router_id ? bgp->settings.router_id > open->router_id : bgp->settings.as > open->as;
	bool this_is_ours = !connection_incoming(peer, c);

	if (!other->open || other->state < BGP_OPEN_CONFIRM)
		return true;
	if (other->state == BGP_ESTABLISHED || this_is_ours != ours_wins) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_CEASE, BGP_CEASE_COLLISION, NULL, 0});
		return false;
	}
	bgp_session_fail(bgp, peer, other, (struct bgp_notice){BGP_ERROR_CEASE, BGP_CEASE_COLLISION, NULL, 0});
	return true;
}

static bool open_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	struct bgp_open open;
	uint8_t error = bgp_open_read(&open, body);

	if (error == 0 && open.as != peer->settings.as)
		error = BGP_OPEN_PEER_AS;
	if (error == 0 && open.router_id == bgp->settings.router_id && open.as == bgp->settings.as)
		error = BGP_OPEN_BGP_ID;
	if (error != 0) {
		static const uint8_t our_version[2] = {0, 4};

		bgp_session_fail(bgp, peer, c,
			(struct bgp_notice){BGP_ERROR_OPEN, error, our_version, error == BGP_OPEN_VERSION ? sizeof(our_version) : 0});
		return false;
	}
	if (!collision_settle(bgp, peer, c, &open))
		return false;
	c->remote = open;
	c->hold = span_s(open.hold_s < peer->settings.hold_s ? open.hold_s : peer->settings.hold_s);
	c->state = BGP_OPEN_CONFIRM;
	keepalive_send(bgp, peer, c);
	timers_restart(bgp, c);
	if (peer->state < BGP_OPEN_CONFIRM)
		peer_state(bgp, peer, BGP_OPEN_CONFIRM, "OPEN received");
	return true;
}

static bool confirm(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	struct bgp_connection *other = &peer->connections[!connection_incoming(peer, c)];

	(void)body;
	c->state = BGP_ESTABLISHED;
	peer->failures = 0;
	peer->counts.router_id = c->remote.router_id;
	peer->counts.hold_s = (uint16_t)(c->hold.ns / 1000000000);
	peer->context = (struct bgp_attr_context){.as4 = c->remote.as4, .ebgp = bgp_peer_external(bgp, peer)};
	for (int f = 0; f < BGP_FAMILY_COUNT; f++)
		peer->families[f] = peer->settings.families[f] && c->remote.families[f];
	/* Without an IPv6 address of our own there is no next hop to announce. */
	if (peer->settings.local.family != IP_V6 && peer->settings.local_ipv6.family != IP_V6)
		peer->families[BGP_IPV6] = false;
	if (other->open)
		bgp_session_fail(bgp, peer, other, (struct bgp_notice){BGP_ERROR_CEASE, BGP_CEASE_COLLISION, NULL, 0});
	peer_state(bgp, peer, BGP_ESTABLISHED, "KEEPALIVE received");
	bgp_export_begin(bgp, peer);
	return true;
}

static bool keepalive_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	(void)bgp;
	(void)peer;
	(void)c;
	(void)body;
	return true;
}

static bool notification_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	uint8_t code = reader_u8(&body), subcode = reader_u8(&body);

	peer->counts.last_error[0] = code;
	peer->counts.last_error[1] = subcode;
	peer->counts.last_error_sent = false;
	bgp->ops->close(bgp->context, peer->id, connection_incoming(peer, c));
	connection_end(bgp, peer, c, bgp_error_text(code, subcode));
	return false;
}

static bool refresh_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	uint16_t afi = reader_u16(&body);
	uint8_t subtype = reader_u8(&body);
	enum bgp_family family = bgp_family_of(afi, reader_u8(&body));

	if (!reader_done(&body)) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_REFRESH, 1, NULL, 0});
		return false;
	}
	/* RFC 2918 4: a family that wasn't agreed on is passed over; subtypes but 0 belong to RFC 7313, which we don't offer. */
	if (family != BGP_FAMILY_COUNT && peer->families[family] && subtype == 0)
		bgp_export_again(bgp, peer, family);
	return true;
}

static bool unexpected(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	(void)body;
	/* RFC 6608: the subcode says in which state. */
	bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_FSM, (uint8_t)(c->state - BGP_OPEN_SENT + 1), NULL, 0});
	return false;
}

/* What a message does in a state; each returns false when the connection ended. */
static bool (*const actions[3][5])(struct bgp *, struct bgp_peer *, struct bgp_connection *, struct reader) = {
	/*                OPEN          UPDATE              NOTIFICATION          KEEPALIVE          ROUTE-REFRESH */
	/* OpenSent */ {open_receive, unexpected, notification_receive, unexpected, unexpected},
	/* OpenConfirm */ {unexpected, unexpected, notification_receive, confirm, unexpected},
	/* Established */ {unexpected, bgp_update_receive, notification_receive, keepalive_receive, refresh_receive},
};

/* RFC 4271 6.1: the header of a message, of which at least that is there. Its length, or 0 when the session was ended. */
static size_t header_check(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const uint8_t *bytes)
{
	static const uint8_t least[] = {
		0, BGP_HEADER_BYTES + 10, BGP_HEADER_BYTES + 4, BGP_HEADER_BYTES + 2, BGP_HEADER_BYTES, BGP_HEADER_BYTES + 4};
	uint16_t length = (uint16_t)(bytes[16] << 8 | bytes[17]);
	uint8_t type = bytes[18];

	for (int i = 0; i < 16; i++)
		if (bytes[i] != 0xff) {
			bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_HEADER, BGP_HEADER_MARKER, NULL, 0});
			return 0;
		}
	if (type < BGP_OPEN || type > BGP_ROUTE_REFRESH) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_HEADER, BGP_HEADER_TYPE, &type, 1});
		return 0;
	}
	if (length < least[type] || length > BGP_MESSAGE_BYTES_MAX || (type == BGP_KEEPALIVE && length != BGP_HEADER_BYTES)) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_HEADER, BGP_HEADER_LENGTH, bytes + 16, 2});
		return 0;
	}
	return length;
}

static bool message_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const uint8_t *bytes, size_t length)
{
	uint8_t type = bytes[18];

	peer->counts.messages_in++;
	/* 8.2.2, events 26 and 27: KEEPALIVE and UPDATE restart the hold timer. */
	if (c->state >= BGP_OPEN_CONFIRM && c->hold.ns > 0)
		c->hold_deadline = instant_add(bgp->now, c->hold);
	return actions[c->state - BGP_OPEN_SENT][type - 1](bgp, peer, c, reader_over(bytes + BGP_HEADER_BYTES, length - BGP_HEADER_BYTES));
}

/*
 * Copies of the chunk what the message that is being put together still lacks: first its header, then the rest. 1: it is whole, 0: more has
 * to come, -1: the session was ended.
 */
static int input_gather(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader *chunk)
{
	for (;;) {
		size_t wanted = BGP_HEADER_BYTES, missing;

		if (c->input_used >= BGP_HEADER_BYTES)
			wanted = header_check(bgp, peer, c, c->input);
		if (wanted == 0)
			return -1;
		if (c->input_used == wanted && wanted >= BGP_HEADER_BYTES && (wanted > BGP_HEADER_BYTES || c->input[18] == BGP_KEEPALIVE))
			return 1;
		if (reader_left(chunk) == 0)
			return 0;
		missing = wanted - c->input_used < reader_left(chunk) ? wanted - c->input_used : reader_left(chunk);
		(void)reader_copy(chunk, c->input + c->input_used, missing);
		c->input_used += missing;
	}
}

/* The length of a message that lies whole in the chunk; 0 when it has to be put together, or the session was ended. */
static size_t whole_message(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const struct reader *chunk)
{
	size_t length;

	if (c->input_used > 0 || reader_left(chunk) < BGP_HEADER_BYTES)
		return 0;
	length = header_check(bgp, peer, c, chunk->at);
	return length <= reader_left(chunk) ? length : 0;
}

void bgp_receive(struct bgp *bgp, uint16_t id, bool incoming, const uint8_t *bytes, size_t count, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);
	struct bgp_connection *c = &peer->connections[incoming];
	struct reader chunk = reader_over(bytes, count);

	bgp->now = now;
	while (c->open && reader_left(&chunk) > 0) {
		size_t length = whole_message(bgp, peer, c, &chunk);
		const uint8_t *message = c->input;

		if (!c->open)
			return;
		if (length > 0) {
			message = chunk.at;
			reader_skip(&chunk, length);
		} else {
			if (input_gather(bgp, peer, c, &chunk) <= 0)
				return;
			length = c->input_used;
			c->input_used = 0;
		}
		if (!message_receive(bgp, peer, c, message, length))
			return;
	}
}

void bgp_writable(struct bgp *bgp, uint16_t id, bool incoming, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);

	bgp->now = now;
	if (peer->connections[incoming].open)
		bgp_connection_flush(bgp, peer, &peer->connections[incoming]);
}

static void connection_tick(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c)
{
	if (!c->open)
		return;
	if (instant_reached(c->hold_deadline, bgp->now)) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_HOLD_TIMER, 0, NULL, 0});
		return;
	}
	if (!instant_reached(c->keepalive_at, bgp->now))
		return;
	/* What waits already proves that we live, once the peer reads it. */
	if (c->output_used == 0)
		keepalive_send(bgp, peer, c);
	c->keepalive_at = instant_add(bgp->now, jittered(bgp, span_ns(c->hold.ns / 3)));
}

void bgp_tick(struct bgp *bgp, struct instant now)
{
	bgp->now = now;
	for (uint16_t i = 0; i < bgp->peer_count; i++) {
		struct bgp_peer *peer = bgp->peers[i];

		if (!peer->used)
			continue;
		connection_tick(bgp, peer, &peer->connections[0]);
		connection_tick(bgp, peer, &peer->connections[1]);
		if (!instant_reached(peer->start_at, now))
			continue;
		if (peer->settings.passive) {
			peer->start_at = INSTANT_NEVER;
			peer_state(bgp, peer, BGP_ACTIVE, "waiting for the peer");
			continue;
		}
		/* An attempt that neither succeeds nor fails is given up after the retry time. */
		if (peer->state == BGP_CONNECT)
			bgp->ops->close(bgp->context, peer->id, false);
		peer->start_at = instant_add(now, span_s(peer->settings.connect_retry_s * 4));
		peer_state(bgp, peer, BGP_CONNECT, "connecting");
		bgp->ops->connect(bgp->context, peer->id);
	}
}

struct instant bgp_next(const struct bgp *bgp)
{
	struct instant next = INSTANT_NEVER;

	for (uint16_t i = 0; i < bgp->peer_count; i++) {
		const struct bgp_peer *peer = bgp->peers[i];

		if (!peer->used)
			continue;
		next = instant_earlier(next, peer->start_at);
		for (int k = 0; k < 2; k++)
			if (peer->connections[k].open)
				next = instant_earlier(
					next, instant_earlier(peer->connections[k].hold_deadline, peer->connections[k].keepalive_at));
	}
	return next;
}

void bgp_peer_shutdown(struct bgp *bgp, uint16_t id, bool down, const char *text, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);
	uint8_t data[1 + SHUTDOWN_TEXT_MAX];
	struct writer w = writer_over(data, sizeof(data));
	size_t length = text ? strlen(text) : 0;

	bgp->now = now;
	peer->down = down;
	if (!down) {
		if (peer->state == BGP_IDLE)
			peer->start_at = now;
		return;
	}
	/* RFC 9003 2: one byte of length and at most 128 of text. */
	length = length < SHUTDOWN_TEXT_MAX ? length : SHUTDOWN_TEXT_MAX;
	writer_u8(&w, (uint8_t)length);
	writer_bytes(&w, text, length);
	for (int i = 0; i < 2; i++)
		if (peer->connections[i].open)
			bgp_session_fail(bgp, peer, &peer->connections[i],
				(struct bgp_notice){BGP_ERROR_CEASE, BGP_CEASE_SHUTDOWN, data, length + 1});
	if (peer->state == BGP_CONNECT)
		bgp->ops->close(bgp->context, id, false);
	peer->start_at = INSTANT_NEVER;
	peer_state(bgp, peer, BGP_IDLE, "shut down");
}
