/*
 * The process route: all virtual routers of the host in one loop. Thin by intent: messages and time go into `routing`, what it orders goes
 * to the switch, rows and events go to ctl. Packets come and go as messages of the switch; only BGP neighbors outside of the host's routers
 * are spoken with over sockets (router_tcp.c), which super opens.
 */
#include "route/route.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/rand.h"
#include "route/router_tcp.h"
#include "route/routing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long the switch may take to answer an order. */
#define ANSWER_S 10

/* Pause between two words about lost packets. */
#define LOST_PAUSE_S 10

/* Most rows of one answer: what a channel's queue takes at once. */
#define ROWS_MAX 12000

/* Bytes of a route, and how many routes there may be on the smallest host. */
#define ROUTE_BYTES 384
#define ROUTES_LEAST 65536

struct route_body {
	struct process *process;
	struct routing *routing;
	struct loop_timer *timer;
	unsigned switch_life; /* counts the channels to the switch: answers over an old one say nothing about the new one */
	unsigned rows;	      /* of the running answer */
	uint64_t lost;	      /* packets that the switch did not take */
	struct instant lost_told;
};

/* An order that waits for its answer. */
struct route_order {
	struct route_body *body;
	unsigned switch_life;
	enum message_type type;
	uint32_t router;
};

static void route_timer_update(struct route_body *body) { loop_timer_set(body->timer, routing_next(body->routing)); }

static void order_answered(void *context, const struct message *message, int error, bool last)
{
	struct route_order *order = context;
	struct route_body *body = order->body;

	if (!last)
		return;
	if (error != 0 && error != -ECONNRESET)
		log_warning(NULL, "the switch refused %s for router %u: %s", message_row(order->type)->name, order->router,
			message != NULL && message->row->type == MSG_DONE ? ((const struct msg_done *)message->body)->text
									  : strerror(-error));
	if (order->type == MSG_FIB_BATCH && order->switch_life == body->switch_life) {
		routing_batch_done(body->routing, order->router, error, loop_now(body->process->loop));
		route_timer_update(body);
	}
	free(order);
}

static uint32_t order_router(enum message_type type, const void *body)
{
	if (type == MSG_FIB_BATCH)
		return ((const struct msg_fib *)body)->router;
	return type == MSG_FIB_SYNC ? ((const struct msg_fib_sync *)body)->router : ((const struct msg_punt_rule *)body)->router;
}

static void route_event(void *context, enum message_type type, const void *event);

/* The switch is behind with our packets: a limit, told at most every ten seconds. */
static void packet_lost(struct route_body *body)
{
	struct msg_limit event = {.limit = "packets to the switch", .path = "route", .value = ++body->lost};
	struct instant now = loop_now(body->process->loop);

	if (body->lost > 1 && !instant_reached(instant_add(body->lost_told, span_s(LOST_PAUSE_S)), now))
		return;
	body->lost_told = now;
	route_event(body, MSG_LIMIT_REACHED, &event);
}

/* Packets are sent and forgotten, everything else is answered. */
static void route_order(void *context, enum message_type type, const void *message)
{
	struct route_body *body = context;
	struct channel *channel = body->process->peers[PROCESS_SWITCH];
	struct route_order *order;

	if (channel == NULL)
		return;
	if (type == MSG_INJECT) {
		if (channel_send(channel, type, 0, message, -1) == -ENOBUFS)
			packet_lost(body);
		return;
	}
	order = xalloc(sizeof(*order));
	*order = (struct route_order){body, body->switch_life, type, order_router(type, message)};
	channel_call(channel, body->process->loop, type, message, span_s(ANSWER_S), order_answered, order);
}

static void route_row(void *context, uint32_t seq, enum message_type type, const void *row)
{
	struct route_body *body = context;

	if (body->rows++ < ROWS_MAX)
		(void)channel_send(body->process->peers[PROCESS_CTL], type, seq, row, -1);
}

static void route_event(void *context, enum message_type type, const void *event)
{
	struct route_body *body = context;

	if (type == MSG_LIMIT_REACHED)
		log_warning(((const struct msg_limit *)event)->path, "limit %s reached (%llu)", ((const struct msg_limit *)event)->limit,
			(unsigned long long)((const struct msg_limit *)event)->value);
	(void)channel_send(body->process->peers[PROCESS_CTL], type, 0, event, -1);
}

static const struct routing_ops route_ops = {route_order, route_row, route_event};

static void route_fire(void *context, struct instant now)
{
	struct route_body *body = context;

	(void)routing_tick(body->routing, now);
	route_timer_update(body);
}

/* Something came over TCP. */
static void route_after(void *context)
{
	struct route_body *body = context;

	route_timer_update(body);
}

/*
 * How many routes all tables may hold: an eighth of the host's memory, at what a route of BGP was measured to take: 230 bytes here (its
 * paths, the RIB) and 135 in the switch.
 */
static struct routing_limits limits_by_memory(void)
{
	const uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);

	return (struct routing_limits){.routes_of_all = bytes / 8 / ROUTE_BYTES > ROUTES_LEAST ? bytes / 8 / ROUTE_BYTES : ROUTES_LEAST};
}

static int route_prepare(struct process *process, struct err *err)
{
	struct route_body *body = xalloc(sizeof(*body));
	const struct routing_limits limits = limits_by_memory();

	(void)err;
	body->process = process;
	body->timer = loop_timer_new(process->loop, route_fire, body);
	body->routing = routing_new(
		&route_ops, body, &limits, rand_kernel_seed(), (uint32_t)(clock_wall_ns() / 1000000000), loop_now(process->loop));
	(void)router_tcp_new(process, body->routing, route_after, body);
	process->body = body;
	return 0;
}

static void route_peer_up(struct process *process, enum process_id peer)
{
	struct route_body *body = process->body;

	if (peer != PROCESS_SWITCH)
		return;
	body->switch_life++;
	routing_switch_up(body->routing, loop_now(process->loop));
	route_timer_update(body);
}

static void route_peer_down(struct process *process, enum process_id peer)
{
	struct route_body *body = process->body;

	if (peer != PROCESS_SWITCH)
		return;
	body->switch_life++;
	routing_switch_down(body->routing);
}

static void route_show(struct route_body *body, const struct message *message)
{
	struct channel *ctl = body->process->peers[PROCESS_CTL];
	struct err err = {0};

	body->rows = 0;
	(void)routing_show(body->routing, message->seq, message->body, loop_now(body->process->loop), &err);
	if (body->rows > ROWS_MAX)
		(void)err_set(&err, -E2BIG, "the answer has %u rows, more than %d: ask about one router", body->rows, ROWS_MAX);
	channel_done(ctl, message->seq, &err);
}

static void route_received(struct process *process, enum process_id from, const struct message *message)
{
	struct route_body *body = process->body;
	struct err err = {0};

	if (message->fd >= 0)
		(void)close(message->fd);
	if (message->row->type == MSG_SHOW) {
		route_show(body, message);
		return;
	}
	if (routing_apply(body->routing, message->row, message->body, loop_now(process->loop), &err) != 0)
		log_warning(NULL, "%s from %s: %s", message->row->name, process_name(from), err.text);
	if (message->seq != 0)
		channel_done(process->peers[from], message->seq, &err);
	route_timer_update(body);
}

const struct process_body route_process = {
	.id = PROCESS_ROUTE,
	.prepare = route_prepare,
	.peer_up = route_peer_up,
	.peer_down = route_peer_down,
	.received = route_received,
};
