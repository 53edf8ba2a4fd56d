/*
 * States of connections, as a table.
 *
 * Theory of operation. Of TCP only the flags are followed. A row says: in this state, a packet of this direction with this event leads
 * there. What isn't in the table changes nothing: it may be a repetition, and refusing it is the receiver's business, not the switch's.
 * Both sides' FINs are remembered apart, since either may come first. Times are those of RFC 5382 REQ-5 (established: 2 h 4 min, closing: 4
 * min), RFC 4787 REQ-5 (UDP: more than 2 min) and RFC 5508 REQ-2 (ICMP: 60 s); a half-open connection lives 30 s.
 */
#include "switch/conn_state.h"

#include "net/ipv4.h"

enum tcp_event { EVENT_SYN, EVENT_SYN_ACK, EVENT_ACK, EVENT_FIN, EVENT_RST };

static enum tcp_event event_of(uint8_t flags)
{
	if (flags & TCP_RST)
		return EVENT_RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? EVENT_SYN_ACK : EVENT_SYN;
	return flags & TCP_FIN ? EVENT_FIN : EVENT_ACK;
}

static const struct {
	enum conn_state from;
	enum conn_direction direction;
	enum tcp_event event;
	enum conn_state to;
} steps[] = {
	{CONN_NEW, CONN_REPLY, EVENT_SYN_ACK, CONN_ANSWERED},
	/* Both opened at once (RFC 9293 3.5). */
	{CONN_NEW, CONN_REPLY, EVENT_SYN, CONN_ANSWERED},
	/* The answer went another way: what both sides say shows that it was there. */
	{CONN_NEW, CONN_REPLY, EVENT_ACK, CONN_ESTABLISHED},
	{CONN_ANSWERED, CONN_ORIGINAL, EVENT_ACK, CONN_ESTABLISHED},
	{CONN_ANSWERED, CONN_ORIGINAL, EVENT_FIN, CONN_ESTABLISHED},
	{CONN_ANSWERED, CONN_ORIGINAL, EVENT_SYN_ACK, CONN_ESTABLISHED},
	{CONN_PICKED_UP, CONN_REPLY, EVENT_ACK, CONN_ESTABLISHED},
	{CONN_PICKED_UP, CONN_REPLY, EVENT_FIN, CONN_ESTABLISHED},
};

enum conn_state conn_state_next(struct conn *conn, enum conn_direction direction, uint8_t tcp_flags)
{
	enum conn_state state = (enum conn_state)conn->state;
	enum tcp_event event;

	if (state == CONN_REVOKED)
		return state;
	if (conn->nodes[CONN_ORIGINAL].tuple.protocol != IP_PROTOCOL_TCP)
		return direction == CONN_REPLY ? CONN_ESTABLISHED : state;
	event = event_of(tcp_flags);
	if (state == CONN_CLOSED || event == EVENT_RST)
		return CONN_CLOSED;
	for (unsigned i = 0; i < COUNT_OF(steps); i++) {
		if (steps[i].from == state && steps[i].direction == direction && steps[i].event == event) {
			state = steps[i].to;
			break;
		}
	}
	if (event == EVENT_FIN && state >= CONN_ESTABLISHED) {
		conn->fins |= (uint8_t)(1 << direction);
		return conn->fins == 3 ? CONN_CLOSED : CONN_CLOSING;
	}
	return state;
}

enum conn_state conn_state_first(uint8_t protocol, uint8_t tcp_flags)
{
	return protocol == IP_PROTOCOL_TCP && !(tcp_flags & TCP_SYN) ? CONN_PICKED_UP : CONN_NEW;
}

bool conn_tcp_may_begin(uint8_t tcp_flags)
{
	enum tcp_event event = event_of(tcp_flags);

	return event == EVENT_SYN || (event == EVENT_ACK && tcp_flags & TCP_ACK);
}

uint32_t conn_timeout_s(const struct conn *conn)
{
	static const uint16_t tcp[CONN_STATES] = {
		[CONN_NEW] = 30,
		[CONN_ANSWERED] = 30,
		[CONN_PICKED_UP] = 30,
		[CONN_ESTABLISHED] = 7440,
		[CONN_CLOSING] = 240,
		[CONN_CLOSED] = 30,
		[CONN_REVOKED] = 7440,
	};

	switch (conn->nodes[CONN_ORIGINAL].tuple.protocol) {
	case IP_PROTOCOL_TCP:
		return tcp[conn->state];
	case IP_PROTOCOL_UDP:
		return conn->state == CONN_NEW ? 30 : 180;
	case IP_PROTOCOL_ICMP:
	case IP_PROTOCOL_ICMPV6:
		return conn->state == CONN_NEW ? 30 : 60;
	default:
		return conn->state == CONN_NEW ? 30 : 600;
	}
}

const char *conn_state_name(const struct conn *conn)
{
	static const char *const names[CONN_STATES] = {"new", "answered", "picked-up", "established", "closing", "closed", "revoked"};

	return names[conn->state];
}
