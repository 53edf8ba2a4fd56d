/*
 * The worker: polls devices, forwards bursts, sleeps when there is nothing to do.
 *
 * Long because devices, orders and rounds all work on the one state that must not leave this file: whatever is in it belongs to the thread.
 */
#include "switch/worker.h"

#include "base/arena.h"
#include "base/map.h"
#include "switch/capture.h"
#include "switch/ports.h"
#include "switch/vhost_memory.h"
#include "switch/worker_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

/* Rounds of polling between two looks at epoll (control messages, TAPs), and events taken at one look. */
enum { ROUNDS_PER_LOOK = 64, EVENTS_PER_LOOK = 64 };

/* For a port that names none. */
#define MTU_DEFAULT 1500

/* The epoll data of the wake descriptor; a device's is slot << 32 | tag. */
#define WAKE_DATA UINT64_MAX

struct worker {
	struct worker_config config;
	pthread_t thread;
	int epoll_fd;
	int wake_fd;

	struct worker_queue queue;

	/* The worker's own. */
	struct core *core;
	struct packet_pool *pool;
	struct device *devices[WORKER_DEVICES_MAX];
	unsigned device_slots; /* slots from here on are empty */
	struct map by_port;
	unsigned round;
	bool stopping;
	bool answer_cut;     /* rows of the present answer were dropped */
	uint32_t generation; /* of the peer whose order is carried out */
	struct instant now;
	struct instant busy_until; /* polled until then */
	struct instant tick;	   /* when core_tick is due */
};

struct worker_order *worker_order_new(enum worker_order_kind kind, size_t bytes)
{
	struct worker_order *order = xalloc(sizeof(*order) + bytes);

	order->kind = kind;
	order->fd = -1;
	return order;
}

void worker_order(struct worker *worker, struct worker_order *order)
{
	const uint64_t one = 1;

	worker_queue_order(&worker->queue, order);
	(void)!write(worker->wake_fd, &one, sizeof(one));
}

void worker_take_events(struct worker *worker, struct list *events) { worker_queue_take_events(&worker->queue, events); }

static struct worker_event *event_new(enum worker_event_kind kind, size_t bytes)
{
	struct worker_event *event = xalloc(sizeof(*event) + bytes);

	event->kind = kind;
	event->fd = -1;
	return event;
}

/* Hands an event over; false when it was dropped. */
static bool event_post(struct worker *worker, struct worker_event *event)
{
	enum queue_result result = worker_queue_event(&worker->queue, event);

	if (result == QUEUE_FIRST)
		worker->config.notify(worker->config.context);
	return result != QUEUE_FULL;
}

int64_t worker_cpu_ns(const struct worker *worker)
{
	clockid_t clock;
	struct timespec t;

	if (pthread_getcpuclockid(worker->thread, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* What the core and the devices ask of the worker. */

static uint64_t op_send(void *context, uint32_t port, struct packet *const *packets, unsigned count)
{
	struct worker *worker = context;
	struct device *device = map_get(&worker->by_port, port);

	if (device != NULL && device->link_up && !device->failed)
		return device->kind->send(device, packets, count);
	for (unsigned i = 0; i < count; i++)
		packet_free(worker->pool, packets[i]);
	return 0;
}

static void op_message(void *context, enum process_id to, enum message_type type, uint32_t seq, const void *body)
{
	struct worker *worker = context;
	const struct message_row *row = message_row(type);
	struct worker_event *event;
	size_t bytes;

	CHECK(row != NULL);
	bytes = message_size(row, body);
	event = event_new(WORKER_MESSAGE, bytes);
	event->process = to;
	event->row = row;
	event->seq = seq;
	event->generation = seq != 0 ? worker->generation : 0;
	memcpy(event->body, body, bytes);
	if (event_post(worker, event))
		return;
	if (type == MSG_PUNT)
		core_count_drop(worker->core, ((const struct msg_packet *)body)->rif, "queue_full", 1);
	else
		worker->answer_cut = true;
}

static const struct core_ops core_ops = {.send = op_send, .message = op_message};

int device_watch(struct device *device, int fd, uint32_t events, uint32_t tag)
{
	struct epoll_event event = {.events = events, .data.u64 = (uint64_t)device->slot << 32 | tag};

	return epoll_ctl(device->worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

void device_unwatch(struct device *device, int fd) { (void)epoll_ctl(device->worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL); }

void device_set_state(struct device *device, enum port_state state)
{
	device->state = state;
	core_port_state(device->worker->core, device->port, state, "", device->worker->now);
}

static void tell_super(struct device *device, enum message_type type, const struct msg_keep *keep, int fd)
{
	struct worker_event *event = event_new(WORKER_MESSAGE, sizeof(*keep));

	event->process = PROCESS_SUPER;
	event->row = message_row(type);
	event->fd = fd;
	memcpy(event->body, keep, sizeof(*keep));
	(void)event_post(device->worker, event);
}

void device_keep(struct device *device, enum keep_slot slot, uint32_t serial, int fd)
{
	const struct msg_keep keep = {.port = device->port, .serial = serial, .slot = (uint8_t)slot};
	int copy = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;

	/* One that can't be kept is missed by who goes on with the device, and that ends in a new connection. */
	if (fd < 0 || copy >= 0)
		tell_super(device, fd < 0 ? MSG_FORGET : MSG_KEEP, &keep, copy);
}

void device_fail(struct device *device, const struct err *err)
{
	device->failed = true;
	device->error = *err;
}

/* Devices. */

/* Tells the core what a device dropped. */
static void device_report(struct worker *worker, struct device *device)
{
	if (!device->any_dropped)
		return;
	for (unsigned reason = 0; reason < DROP_COUNT; reason++) {
		if (device->dropped[reason] == 0)
			continue;
		core_count_drop(worker->core, device->port, drop_name((enum drop_reason)reason), device->dropped[reason]);
		device->dropped[reason] = 0;
	}
	device->any_dropped = false;
}

static void device_remove(struct worker *worker, struct device *device)
{
	device_report(worker, device);
	(void)map_remove(&worker->by_port, device->port);
	worker->devices[device->slot] = NULL;
	while (worker->device_slots > 0 && worker->devices[worker->device_slots - 1] == NULL)
		worker->device_slots--;
	device_keep(device, KEEP_ALL, 0, -1);
	device->kind->close(device);
}

/* Says that a port has no device any more, to the core and to who opens devices. */
static void port_lost(struct worker *worker, uint32_t port, const struct err *err)
{
	struct worker_event *event = event_new(WORKER_LOST, 0);

	core_port_state(worker->core, port, PORT_STATE_DOWN, err->text, worker->now);
	event->port = port;
	event->error = *err;
	(void)event_post(worker, event);
}

/* Closes the devices that failed. Not while epoll's events are handed out: a slot must not change hands there. */
static void devices_reap(struct worker *worker)
{
	for (unsigned slot = 0; slot < worker->device_slots; slot++) {
		struct device *device = worker->devices[slot];
		struct err err;
		uint32_t port;

		if (device == NULL || !device->failed)
			continue;
		err = device->error;
		port = device->port;
		device_remove(worker, device);
		port_lost(worker, port, &err);
	}
}

/* Shows each port's link after the topology changed. */
static void devices_update_links(struct worker *worker)
{
	for (unsigned slot = 0; slot < worker->device_slots; slot++) {
		struct device *device = worker->devices[slot];
		bool up;

		if (device == NULL)
			continue;
		up = core_port_link(worker->core, device->port);
		if (up != device->link_up) {
			device->link_up = up;
			device->kind->set_link(device, up);
		}
	}
}

/* Orders. */

static void order_attach(struct worker *worker, struct worker_order *order)
{
	const struct msg_port *port = (const void *)order->body;
	const struct device_kind *kind = port_kind(port->kind)->device;
	struct device *device = map_get(&worker->by_port, port->id);
	struct err err = {0};
	unsigned slot = 0;

	if (device != NULL)
		device_remove(worker, device);
	while (slot < WORKER_DEVICES_MAX && worker->devices[slot] != NULL)
		slot++;
	if (slot == WORKER_DEVICES_MAX) {
		(void)err_set(&err, -ENOSPC, "the switch has %d ports: that is all it can have", WORKER_DEVICES_MAX);
		device = NULL;
	} else {
		device = order->kept != NULL && kind->resume != NULL ? kind->resume(worker, port, slot, order->fd, order->kept, &err)
								     : kind->open(worker, port, slot, order->fd, &err);
		order->fd = -1;
	}
	if (device == NULL) {
		port_lost(worker, port->id, &err);
		return;
	}
	device->pool = worker->pool;
	device->mtu = port->mtu != 0 ? port->mtu : MTU_DEFAULT;
	device->link_up = core_port_link(worker->core, port->id);
	device->kind->set_link(device, device->link_up);
	worker->devices[slot] = device;
	if (slot >= worker->device_slots)
		worker->device_slots = slot + 1;
	(void)map_set(&worker->by_port, port->id, device);
	device_set_state(device, device->state);
}

static void order_detach(struct worker *worker, uint32_t port, bool keep)
{
	struct device *device = map_get(&worker->by_port, port);

	if (device == NULL)
		return;
	if (!keep && device->kind->retire != NULL)
		device->kind->retire(device);
	device_remove(worker, device);
	core_port_state(worker->core, port, PORT_STATE_DOWN, "", worker->now);
}

/* A port's MTU may change while its device lives. */
static void port_changed(struct worker *worker, const struct msg_port *port)
{
	struct device *device = map_get(&worker->by_port, port->id);

	if (device != NULL)
		device->mtu = port->mtu != 0 ? port->mtu : MTU_DEFAULT;
}

/* APPLY and SHOW: the result goes back. */
static void order_apply(struct worker *worker, struct worker_order *order)
{
	struct worker_event *event = event_new(WORKER_APPLIED, 0);
	int error;

	worker->answer_cut = false;
	worker->generation = order->generation;
	if (order->kind == WORKER_SHOW && order->row->type == MSG_TRACE)
		error = core_trace(worker->core, order->from, order->seq, (const void *)order->body, worker->now, &event->error);
	else if (order->kind == WORKER_SHOW)
		error = core_show(worker->core, order->from, order->seq, (const void *)order->body, worker->now, &event->error);
	else
		error = core_apply(worker->core, order->from, order->row, order->body, worker->now, &event->error);
	if (error == 0 && worker->answer_cut)
		error = err_set(&event->error, -E2BIG, "the answer is longer than %d rows and was cut there", WORKER_EVENTS_MAX);
	event->error.code = error;
	event->process = order->from;
	event->generation = order->generation;
	event->seq = order->seq;
	event->row = order->row;
	event->port = order->port;
	if (error == 0 && order->row->type == MSG_PORT_SET)
		port_changed(worker, (const void *)order->body);
	(void)event_post(worker, event);
}

static void order_capture(struct worker *worker, struct worker_order *order)
{
	bool begin = order->kind == WORKER_CAPTURE;
	struct worker_event *event = event_new(begin ? WORKER_CAPTURED : WORKER_UNCAPTURED, 0);

	if (begin)
		event->error.code = core_capture(worker->core, order->capture, &event->error);
	else
		core_uncapture(worker->core, order->capture);
	event->process = order->from;
	event->generation = order->generation;
	event->capture = order->capture;
	(void)event_post(worker, event);
}

static void order_carry_out(struct worker *worker, struct worker_order *order)
{
	switch (order->kind) {
	case WORKER_APPLY:
	case WORKER_SHOW:
		order_apply(worker, order);
		break;
	case WORKER_PEER_UP:
		core_peer_up(worker->core, order->from);
		break;
	case WORKER_ATTACH:
		order_attach(worker, order);
		break;
	case WORKER_DETACH:
		order_detach(worker, order->port, order->keep);
		break;
	case WORKER_CAPTURE:
	case WORKER_UNCAPTURE:
		order_capture(worker, order);
		break;
	case WORKER_REFUSED:
		core_port_state(worker->core, order->port, PORT_STATE_DOWN, order->text, worker->now);
		break;
	case WORKER_STOP:
		worker->stopping = true;
		break;
	}
	worker_order_free(order);
}

static void orders_take(struct worker *worker)
{
	struct list orders;
	struct worker_order *order;

	if (!atomic_load_explicit(&worker->queue.ordered, memory_order_relaxed))
		return;
	worker_queue_take_orders(&worker->queue, &orders);
	list_each (order, &orders, struct worker_order, node) {
		list_remove(&order->node);
		order_carry_out(worker, order);
	}
	devices_update_links(worker);
	worker->tick = worker->now; /* the core may want another time now */
}

/* Rounds. */

/* Takes what epoll knows, waiting at most until `until` (now: not at all). Returns whether a device had something. */
static bool events_take(struct worker *worker, struct instant until)
{
	struct epoll_event events[EVENTS_PER_LOOK];
	int timeout_ms = -1;
	int count;
	bool any = false;

	if (until.ns != INSTANT_NEVER.ns) {
		int64_t ms = span_to_ms(instant_diff(until, worker->now));

		timeout_ms = ms <= 0 ? 0 : ms > 3600000 ? 3600000 : (int)ms;
	}
	count = epoll_wait(worker->epoll_fd, events, EVENTS_PER_LOOK, timeout_ms);
	if (timeout_ms != 0)
		worker->now = clock_monotonic();
	for (int i = 0; i < count; i++) {
		struct device *device;

		if (events[i].data.u64 == WAKE_DATA)
			continue;
		any = true;
		device = worker->devices[events[i].data.u64 >> 32];
		if (device != NULL && !device->failed)
			device->kind->ready(device, (uint32_t)events[i].data.u64, events[i].events);
	}
	devices_reap(worker);
	return any;
}

/* Receives a burst of one device and forwards it. */
static unsigned device_poll(struct worker *worker, struct device *device)
{
	struct packet *packets[PACKET_BURST];
	unsigned count = device->kind->receive(device, packets, PACKET_BURST);

	if (count > 0 && !device->link_up) {
		device_drop(device, DROP_PORT_DOWN, count);
		for (unsigned i = 0; i < count; i++)
			packet_free(worker->pool, packets[i]);
	} else if (count > 0) {
		for (unsigned i = 0; i < count; i++)
			packets[i]->in_port = device->port;
		core_input(worker->core, packets, count, worker->now);
	}
	return count;
}

/* One round over all devices: receive, forward, flush. Returns how many packets came in. */
static unsigned devices_poll(struct worker *worker)
{
	unsigned count = 0;
	bool failed = false;

	for (unsigned slot = 0; slot < worker->device_slots; slot++)
		if (worker->devices[slot] != NULL)
			count += device_poll(worker, worker->devices[slot]);
	for (unsigned slot = 0; slot < worker->device_slots; slot++) {
		struct device *device = worker->devices[slot];

		if (device == NULL)
			continue;
		if (device->dirty) {
			device->dirty = false;
			device->kind->flush(device);
		}
		device_report(worker, device);
		failed |= device->failed;
	}
	if (failed)
		devices_reap(worker);
	/* Impaired links may want to be looked at sooner than was thought. */
	worker->tick = instant_earlier(worker->tick, core_due(worker->core));
	return count;
}

/* Arms the wakes, looks once more, sleeps. The order is what matters: see worker.h. */
static void worker_sleep(struct worker *worker)
{
	for (unsigned slot = 0; slot < worker->device_slots; slot++)
		if (worker->devices[slot] != NULL)
			worker->devices[slot]->kind->arm(worker->devices[slot]);
	atomic_thread_fence(memory_order_seq_cst);
	/*
	 * The look at epoll forgets the kicks of the time before. When it found anything there is no sleep this time: what a front end said
	 * may have started a ring that isn't armed.
	 */
	if (!events_take(worker, worker->now) && !atomic_load(&worker->queue.ordered) && devices_poll(worker) == 0)
		(void)events_take(worker, worker->tick);
	for (unsigned slot = 0; slot < worker->device_slots; slot++)
		if (worker->devices[slot] != NULL)
			worker->devices[slot]->kind->disarm(worker->devices[slot]);
	worker->busy_until = instant_add(worker->now, worker->config.spin);
}

static void worker_round(struct worker *worker)
{
	worker->now = clock_monotonic();
	orders_take(worker);
	if (worker->stopping)
		return; /* nothing would wake it any more */
	if (instant_reached(worker->tick, worker->now))
		worker->tick = core_tick(worker->core, worker->now);
	if (++worker->round % ROUNDS_PER_LOOK == 0)
		(void)events_take(worker, worker->now);
	if (devices_poll(worker) > 0)
		worker->busy_until = instant_add(worker->now, worker->config.spin);
	else if (!worker->config.stepped && !instant_before(worker->now, worker->busy_until))
		worker_sleep(worker);
}

void worker_step(struct worker *worker)
{
	CHECK(worker->config.stepped);
	worker_round(worker);
}

static void devices_remove(struct worker *worker)
{
	while (worker->device_slots > 0)
		device_remove(worker, worker->devices[worker->device_slots - 1]);
}

static void *worker_run(void *context)
{
	struct worker *worker = context;

	(void)prctl(PR_SET_NAME, "worker");
	while (!worker->stopping)
		worker_round(worker);
	devices_remove(worker);
	return NULL;
}

/* Life. */

/* The signals are the loop's; only the fault of a guest's memory is ours. */
static int thread_start(struct worker *worker)
{
	sigset_t all, before;
	int error;

	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGBUS);
	(void)sigdelset(&all, SIGSEGV);
	(void)sigdelset(&all, SIGABRT);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	error = -pthread_create(&worker->thread, NULL, worker_run, worker);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void worker_destroy(struct worker *worker)
{
	if (worker->epoll_fd >= 0)
		(void)close(worker->epoll_fd);
	if (worker->wake_fd >= 0)
		(void)close(worker->wake_fd);
	core_free(worker->core);
	packet_pool_free(worker->pool);
	map_free(&worker->by_port);
	worker_queue_end(&worker->queue);
	free(worker);
}

struct worker *worker_new(const struct worker_config *config, struct err *err)
{
	struct worker *worker = xalloc(sizeof(*worker));
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = WAKE_DATA};
	int error = 0;

	vhost_memory_guard();
	worker->config = *config;
	worker_queue_init(&worker->queue);
	worker->pool = packet_pool_new(config->small_packets, config->large_packets);
	worker->core = core_new(&core_ops, worker, worker->pool, &config->limits);
	worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	worker->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->epoll_fd < 0 || worker->wake_fd < 0 || epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, worker->wake_fd, &event) != 0)
		error = -errno;
	if (error == 0 && !config->stepped)
		error = thread_start(worker);
	if (error == 0)
		return worker;
	(void)err_set(err, error, "can't start the forwarding thread: %s", strerror(-error));
	worker_destroy(worker);
	return NULL;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	worker_order(worker, worker_order_new(WORKER_STOP, 0));
	if (worker->config.stepped) {
		orders_take(worker);
		devices_remove(worker);
	} else {
		CHECK(pthread_join(worker->thread, NULL) == 0);
	}
	worker_destroy(worker);
}
