/*
 * The process switch: its place in the roof's table.
 *
 * Theory of operation. The loop's thread speaks with the other processes and opens devices; the worker's thread forwards. Orders from ctl
 * and route go to the worker in the order in which they came, and their DONEs come back in the same order. A port that was set gets a
 * device:
 *
 *   WAITING --timer--> OPENING --OPENED--> OPEN --lost--> WAITING
 *                         |                                  ^
 *                         +--- DONE with an error: later ----+
 *
 * What an earlier life of the process left comes with OPENED's device, in KEPT rows, and the device goes on where it was; when that fails
 * (-ESTALE) the port is opened once more, and then the supervisor makes a new connection. Once ctl's first synchronization is through, what
 * is kept for ports that are no more is let go.
 *
 * A machine's port is asked for every 20 ms at first, since whoever starts the machine waits until we are connected, then more rarely. That
 * nobody listens yet is no error and isn't told; what keeps a TAP from being opened is told to ctl, once for each reason.
 * A process that comes back gets everything again: its new life has a new generation, and what answers the old one is thrown away.
 *
 * Long because a port's way to its device is one state machine, and orders and events are its two ends.
 */
#include "switch/switch.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "switch/capture_stream.h"
#include "switch/ports.h"
#include "switch/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Packets that may be in memory at once: 36 MB of small ones and as much of large ones. */
#define SMALL_PACKETS 16384
#define LARGE_PACKETS 512

/* How long to poll without packets before sleeping (WEFT_SPIN_US overrides it, for measuring). */
#define SPIN_US 50

/* Patience with the supervisor. */
#define OPEN_TIMEOUT (span_s(15))

enum port_stage { STAGE_NEW, STAGE_WAITING, STAGE_OPENING, STAGE_OPEN };

/* A port as the loop's thread knows it. */
struct switch_port {
	struct switch_body *body;
	struct msg_port wanted;
	enum port_stage stage;
	uint8_t opening;      /* enum port_kind_id of the descriptor under way */
	bool stale;	      /* not set again since SYNC_BEGIN */
	bool dead;	      /* deleted while OPENING: freed by the answer */
	bool reopen;	      /* changed while OPENING: the descriptor that comes is of the old one */
	struct instant since; /* of the first try */
	struct loop_timer *timer;
	struct device_kept *kept; /* that came for the descriptor under way */
	char told[128];		  /* the last reason told to ctl */
};

struct switch_body {
	struct process *process;
	struct worker *worker;
	struct capture_streams *captures;
	struct map ports;
	struct span spin;
	bool forgot; /* FORGET_UNASKED was sent */
	uint32_t generations[PROCESS_COUNT];
	uint64_t punts_lost; /* packets that route did not take */
	struct instant lost_told;
};

static void port_open(struct switch_port *port);

/* Opening. */

/* How long to wait before the next try. */
static struct span port_patience(const struct switch_port *port, struct instant now)
{
	int64_t waited = instant_diff(now, port->since).ns;

	if (port->wanted.kind == PORT_TAP)
		return span_s(1);
	return waited < span_s(5).ns ? span_ms(20) : waited < span_s(60).ns ? span_ms(200) : span_s(1);
}

static void port_wait(struct switch_port *port, struct span span)
{
	struct loop *loop = port->body->process->loop;

	port->stage = STAGE_WAITING;
	loop_timer_set(port->timer, instant_add(loop_now(loop), span));
}

static void port_timer(void *context, struct instant now)
{
	(void)now;
	port_open(context);
}

static void port_free(struct switch_port *port)
{
	loop_timer_free(port->timer);
	device_kept_free(port->kept);
	free(port);
}

/* Tells ctl (through the core) why a port has no device. */
static void port_refused(struct switch_port *port, const char *text)
{
	struct worker_order *order;

	if (strncmp(port->told, text, sizeof(port->told) - 1) == 0)
		return;
	(void)snprintf(port->told, sizeof(port->told), "%.*s", (int)sizeof(port->told) - 1, text);
	log_warning(port->wanted.path, "%s", text);
	order = worker_order_new(WORKER_REFUSED, 0);
	order->port = port->wanted.id;
	memcpy(order->text, port->told, sizeof(order->text));
	worker_order(port->body->worker, order);
}

static void port_attach(struct switch_port *port, int fd)
{
	struct worker_order *order = worker_order_new(WORKER_ATTACH, sizeof(port->wanted));

	order->port = port->wanted.id;
	order->fd = fd;
	order->kept = port->kept;
	port->kept = NULL;
	memcpy(order->body, &port->wanted, sizeof(port->wanted));
	worker_order(port->body->worker, order);
	port->stage = STAGE_OPEN;
	port->told[0] = '\0';
}

/* A descriptor of an earlier life. */
static void port_kept(struct switch_port *port, const struct message *message)
{
	const struct msg_keep *keep = message->body;

	if (port->kept == NULL)
		port->kept = device_kept_new();
	if (keep->slot >= KEEP_SLOT_COUNT || port->kept->fds[keep->slot] >= 0) {
		(void)close(message->fd);
		return;
	}
	port->kept->fds[keep->slot] = message->fd;
	port->kept->serials[keep->slot] = keep->serial;
}

/* What came isn't wanted any more. */
static void port_discard(struct switch_port *port, int fd)
{
	const struct msg_keep all = {.port = port->wanted.id, .slot = KEEP_ALL};

	(void)channel_send(port->body->process->super, MSG_FORGET, 0, &all, -1);
	port_kind(port->opening)->discard(fd);
	device_kept_free(port->kept);
	port->kept = NULL;
}

/* The supervisor answered. */
static void port_opened(void *context, const struct message *message, int error, bool last)
{
	struct switch_port *port = context;
	struct instant now = loop_now(port->body->process->loop);
	int fd = message != NULL && message->row->type == MSG_OPENED ? message->fd : -1;

	if (!last) {
		CHECK(message != NULL);
		port_kept(port, message);
		return;
	}
	if (fd < 0) {
		/* Its device did not come: these would be taken for what belongs to the next one. */
		device_kept_free(port->kept);
		port->kept = NULL;
	}
	if (port->dead || port->reopen) {
		if (fd >= 0)
			port_discard(port, fd);
		if (port->dead) {
			port_free(port);
			return;
		}
		port->reopen = false;
		port_wait(port, span_ns(0));
		return;
	}
	if (fd >= 0) {
		port_attach(port, fd);
		return;
	}
	if (message != NULL && message->row->type == MSG_DONE &&
		!(port->wanted.kind == PORT_VHOST && (error == -ENOENT || error == -ECONNREFUSED)))
		port_refused(port, ((const struct msg_done *)message->body)->text);
	port_wait(port, port_patience(port, now));
}

static void port_open(struct switch_port *port)
{
	const struct port_kind *kind = port_kind(port->wanted.kind);
	struct process *process = port->body->process;
	union {
		struct msg_connect_vhost vhost;
		struct msg_open_tap tap;
	} order = {0};

	kind->fill(&port->wanted, &order);
	port->stage = STAGE_OPENING;
	port->opening = port->wanted.kind;
	channel_call(process->super, process->loop, kind->order, &order, OPEN_TIMEOUT, port_opened, port);
}

/* Ports. */

static void socket_close(const struct switch_port *port)
{
	if (port->wanted.listen)
		(void)channel_send(port->body->process->super, MSG_CLOSE_VHOST, 0, &(struct msg_id){port->wanted.id}, -1);
}

static void port_remove(struct switch_port *port)
{
	struct worker_order *order = worker_order_new(WORKER_DETACH, 0);

	order->port = port->wanted.id;
	worker_order(port->body->worker, order);
	socket_close(port);
	(void)map_remove(&port->body->ports, port->wanted.id);
	/* What an earlier life of ours left is opened once more to let go of it. */
	if (port->stage == STAGE_WAITING && port_kind(port->wanted.kind)->leaves)
		port_open(port);
	loop_timer_set(port->timer, INSTANT_NEVER);
	if (port->stage == STAGE_OPENING)
		port->dead = true;
	else
		port_free(port);
}

/* Whether two forms of a port mean the same outside. */
static bool same_interface(const struct msg_port *a, const struct msg_port *b)
{
	return a->kind == b->kind && strcmp(a->tap_name, b->tap_name) == 0 && strcmp(a->netns, b->netns) == 0 && a->listen == b->listen &&
	       strcmp(a->socket, b->socket) == 0;
}

/* Keeps what a port shall be; its device is opened when the core has taken it. */
static void port_set(struct switch_body *body, const struct msg_port *wanted)
{
	struct switch_port *port = map_get(&body->ports, wanted->id);
	bool differs, same_outside;

	if (port == NULL) {
		port = xalloc(sizeof(*port));
		port->body = body;
		port->timer = loop_timer_new(body->process->loop, port_timer, port);
		(void)map_set(&body->ports, wanted->id, port);
		port->wanted = *wanted;
		return;
	}
	same_outside = same_interface(&port->wanted, wanted);
	differs = !same_outside || (wanted->kind == PORT_TAP && port->wanted.mtu != wanted->mtu);
	if (!same_outside)
		socket_close(port);
	port->wanted = *wanted;
	port->stale = false;
	if (!differs)
		return;
	if (port->stage == STAGE_OPENING) {
		port->reopen = true;
	} else if (port->stage == STAGE_OPEN) {
		struct worker_order *order = worker_order_new(WORKER_DETACH, 0);

		order->port = wanted->id;
		order->keep = same_outside;
		worker_order(body->worker, order);
		port->stage = STAGE_NEW;
	}
}

/* The core has taken the port, or not. */
static void port_applied(struct switch_body *body, uint32_t id, int error)
{
	struct switch_port *port = map_get(&body->ports, id);

	if (port == NULL || port->stage != STAGE_NEW)
		return;
	if (error != 0) {
		port_remove(port);
		return;
	}
	port->since = loop_now(body->process->loop);
	port_open(port);
}

/* The device is gone: a machine that ended, a front end that misbehaved, an interface that was deleted. */
static void port_lost(struct switch_body *body, uint32_t id, const struct err *err)
{
	struct switch_port *port = map_get(&body->ports, id);

	if (port == NULL || port->stage != STAGE_OPEN)
		return;
	if (err->code != -ECONNRESET && err->code != -ESTALE)
		log_warning(port->wanted.path, "%s", err->text);
	port->since = loop_now(body->process->loop);
	port_wait(port, (err->code == -ECONNRESET || err->code == -ESTALE) && port->wanted.kind == PORT_VHOST ? span_ns(0) : span_s(1));
}

static void ports_mark(struct switch_body *body)
{
	struct switch_port *port;
	size_t cursor = 0;

	while ((port = map_next(&body->ports, &cursor, NULL, NULL)) != NULL)
		port->stale = true;
}

static void ports_sweep(struct switch_body *body)
{
	struct switch_port *port;
	size_t cursor = 0;

	while ((port = map_next(&body->ports, &cursor, NULL, NULL)) != NULL)
		if (port->stale)
			port_remove(port);
}

/* Ctl has said all it wants, and every port of it has been asked for. */
static void ports_complete(struct switch_body *body)
{
	if (!body->forgot)
		(void)channel_send(body->process->super, MSG_FORGET_UNASKED, 0, NULL, -1);
	body->forgot = true;
}

/* Events of the worker. */

/* The process route is behind with packets: a limit, told at most every ten seconds. */
static void punt_lost(struct switch_body *body)
{
	const struct msg_limit event = {.limit = "packets to route", .path = "switch", .value = ++body->punts_lost};
	struct instant now = loop_now(body->process->loop);

	if (body->punts_lost > 1 && !instant_reached(instant_add(body->lost_told, span_s(10)), now))
		return;
	body->lost_told = now;
	log_warning("switch", "route is behind: %llu packets lost so far", (unsigned long long)body->punts_lost);
	(void)channel_send(body->process->peers[PROCESS_CTL], MSG_LIMIT_REACHED, 0, &event, -1);
}

static void event_handle(struct switch_body *body, const struct worker_event *event)
{
	struct channel *peer = event->kind == WORKER_LOST	 ? NULL
			       : event->process == PROCESS_SUPER ? body->process->super
								 : body->process->peers[event->process];
	bool of_this_life = event->generation == 0 || event->generation == body->generations[event->process];

	switch (event->kind) {
	case WORKER_MESSAGE:
		if (of_this_life && channel_send(peer, event->row->type, event->seq, event->body, event->fd) == -ENOBUFS)
			punt_lost(body);
		break;
	case WORKER_APPLIED:
		if (of_this_life && event->seq != 0)
			channel_done(peer, event->seq, &event->error);
		if (event->row->type == MSG_PORT_SET)
			port_applied(body, event->port, event->error.code);
		else if (event->row->type == MSG_SYNC_END && event->process == PROCESS_CTL)
			ports_complete(body);
		break;
	case WORKER_CAPTURED:
	case WORKER_UNCAPTURED:
		capture_stream_event(body->captures, body->worker, event, of_this_life);
		break;
	case WORKER_LOST:
		port_lost(body, event->port, &event->error);
		break;
	}
}

static void events_handle(void *context)
{
	struct switch_body *body = context;
	struct worker_event *event;
	struct list events;

	if (body->worker == NULL)
		return;
	worker_take_events(body->worker, &events);
	list_each (event, &events, struct worker_event, node) {
		event_handle(body, event);
		if (event->fd >= 0)
			(void)close(event->fd);
		free(event);
	}
}

/* In the worker's thread. */
static void worker_has_events(void *context)
{
	struct switch_body *body = context;

	loop_post(body->process->loop, events_handle, body);
}

/* What the roof calls. */

/* Messages that the core takes, by who may send them. */
static bool may_send(enum process_id from, uint16_t type)
{
	switch (type) {
	case MSG_SYNC_BEGIN:
	case MSG_SYNC_END:
	case MSG_NETWORK_SET:
	case MSG_NETWORK_DEL:
	case MSG_GROUP_SET:
	case MSG_GROUP_DEL:
	case MSG_GROUP_RULES_SET:
	case MSG_GROUP_RULES_DEL:
	case MSG_PORT_SET:
	case MSG_PORT_DEL:
	case MSG_ROUTER_SET:
	case MSG_ROUTER_DEL:
	case MSG_RIF_SET:
	case MSG_RIF_DEL:
	case MSG_NAT_SET:
	case MSG_NAT_DEL:
	case MSG_SHOW:
	case MSG_TRACE:
	case MSG_CAPTURE:
		return from == PROCESS_CTL;
	case MSG_PUNT_RULE:
	case MSG_INJECT:
	case MSG_FIB_BATCH:
	case MSG_FIB_SYNC:
		return from == PROCESS_ROUTE;
	default:
		return false;
	}
}

static void switch_received(struct process *process, enum process_id from, const struct message *message)
{
	struct switch_body *body = process->body;
	uint16_t type = message->row->type;
	struct worker_order *order;

	if (message->fd >= 0)
		(void)close(message->fd);
	if (!may_send(from, type)) {
		struct err err;

		(void)err_set(&err, -EPERM, "the switch takes no %s from %s", message->row->name, process_name(from));
		if (message->seq != 0)
			channel_done(process->peers[from], message->seq, &err);
		return;
	}
	if (type == MSG_CAPTURE) {
		capture_stream_open(body->captures, body->worker, message->body, message->seq, body->generations[from]);
		return;
	}
	order = worker_order_new(type == MSG_SHOW || type == MSG_TRACE ? WORKER_SHOW : WORKER_APPLY, message->row->size);
	order->from = from;
	order->generation = body->generations[from];
	order->seq = message->seq;
	order->row = message->row;
	memcpy(order->body, message->body, message->row->size);
	if (type == MSG_SYNC_BEGIN)
		ports_mark(body);
	else if (type == MSG_SYNC_END)
		ports_sweep(body);
	if (type == MSG_PORT_SET) {
		order->port = ((const struct msg_port *)message->body)->id;
		port_set(body, message->body);
	} else if (type == MSG_PORT_DEL) {
		struct switch_port *port = map_get(&body->ports, ((const struct msg_id *)message->body)->id);

		if (port != NULL)
			port_remove(port);
	}
	worker_order(body->worker, order);
}

static void switch_peer_up(struct process *process, enum process_id peer)
{
	struct switch_body *body = process->body;
	struct worker_order *order = worker_order_new(WORKER_PEER_UP, 0);

	body->generations[peer]++;
	order->from = peer;
	worker_order(body->worker, order);
}

static int switch_prepare(struct process *process, struct err *err)
{
	struct switch_body *body = xalloc(sizeof(*body));
	const char *spin = getenv("WEFT_SPIN_US");
	char *end = NULL;
	unsigned long us = spin != NULL ? strtoul(spin, &end, 10) : SPIN_US;

	(void)err;
	body->process = process;
	body->spin = span_us(end != NULL && (*end != '\0' || end == spin || us > 1000000) ? SPIN_US : (int64_t)us);
	process->body = body;
	return 0;
}

/* The worker's thread starts here and not in `prepare`: a thread that is older than the jail isn't in it. */
static void switch_started(struct process *process)
{
	struct switch_body *body = process->body;
	struct err err = {0};
	const struct worker_config config = {.small_packets = SMALL_PACKETS,
		.large_packets = LARGE_PACKETS,
		.spin = body->spin,
		.notify = worker_has_events,
		.context = body};

	body->captures = capture_streams_new(process);
	body->worker = worker_new(&config, &err);
	if (body->worker == NULL)
		log_error(NULL, "%s", err.text);
	CHECK(body->worker != NULL); /* the supervisor tries again */
}

static void switch_shutdown(struct process *process)
{
	struct switch_body *body = process->body;
	struct switch_port *port;
	size_t cursor = 0;

	worker_free(body->worker);
	body->worker = NULL;
	capture_streams_free(body->captures);
	body->captures = NULL;
	while ((port = map_next(&body->ports, &cursor, NULL, NULL)) != NULL) {
		(void)map_remove(&body->ports, port->wanted.id);
		if (port->stage == STAGE_OPENING)
			port->dead = true;
		else
			port_free(port);
	}
	map_free(&body->ports);
	loop_stop(process->loop);
}

const struct process_body switch_process = {
	.id = PROCESS_SWITCH,
	.prepare = switch_prepare,
	.started = switch_started,
	.peer_up = switch_peer_up,
	.received = switch_received,
	.shutdown = switch_shutdown,
};
