/* Tests of the worker with a core of sixty lines that joins ports 2n and 2n + 1, and guests in this process. */
#include "switch/worker.h"

#include "../../test/lib/guest.h"
#include "base/rand.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* The core's stand-in. */
struct core {
	const struct core_ops *ops;
	void *context;
	struct packet_pool *pool;
};

static _Atomic int port_states[8];
static _Atomic bool link_up = true;
static _Atomic unsigned packets_seen, drops_seen;

struct core *core_new(const struct core_ops *ops, void *context, struct packet_pool *pool, const struct core_limits *limits)
{
	struct core *core = calloc(1, sizeof(*core));

	if (core != NULL)
		*core = (struct core){ops, context, pool};
	return core;
}

void core_free(struct core *core) { free(core); }

int core_apply(
	struct core *core, enum process_id from, const struct message_row *row, const void *body, struct instant now, struct err *err)
{
	if (row->type == MSG_INJECT)
		for (int i = 0; i < 20000; i++)
			core->ops->message(core->context, PROCESS_ROUTE, MSG_PUNT, 0, body);
	return row->type == MSG_PORT_DEL ? err_set(err, -ENOENT, "no such port") : 0;
}

struct instant core_due(const struct core *core) { return INSTANT_NEVER; }

struct capture;
int core_capture(struct core *core, struct capture *capture, struct err *err);
void core_uncapture(struct core *core, struct capture *capture);

int core_capture(struct core *core, struct capture *capture, struct err *err) { return 0; }
void core_uncapture(struct core *core, struct capture *capture) {}

int core_trace(struct core *core, enum process_id to, uint32_t seq, const struct msg_trace *question, struct instant now, struct err *err)
{
	return 0;
}

int core_show(struct core *core, enum process_id to, uint32_t seq, const struct msg_show *show, struct instant now, struct err *err)
{
	const struct row_mac row = {.network = show->object};

	for (uint32_t i = 0; i < show->object; i++)
		core->ops->message(core->context, to, MSG_ROW_MAC, seq, &row);
	return 0;
}

void core_port_state(struct core *core, uint32_t port, enum port_state state, const char *error, struct instant now)
{
	port_states[port] = (int)state;
}

bool core_port_link(const struct core *core, uint32_t port) { return link_up; }

void core_input(struct core *core, struct packet *const *packets, unsigned count, struct instant now)
{
	for (unsigned i = 0; i < count; i++)
		(void)core->ops->send(core->context, packets[i]->in_port ^ 1, &packets[i], 1);
	packets_seen += count;
}

struct instant core_tick(struct core *core, struct instant now) { return instant_add(now, span_s(1)); }
void core_peer_up(struct core *core, enum process_id process) {}
void core_count_drop(struct core *core, uint32_t port, const char *reason, uint64_t packets) { drops_seen += (unsigned)packets; }

/* The bench: a worker, two guests on ports 2 and 3. */
struct bench {
	struct worker *worker;
	int notify_fd;
	struct guest guests[2];
	int device_fds[2]; /* what the supervisor has of ports 2 and 3: the connections, and what the worker sent to be kept */
	struct device_kept kept[2];
	unsigned forgotten;
};

static void notify(void *context)
{
	struct bench *bench = context;
	const uint64_t one = 1;

	(void)!write(bench->notify_fd, &one, sizeof(one));
}

static void wait_state(uint32_t port, enum port_state state)
{
	for (int i = 0; i < 5000 && port_states[port] != (int)state; i++)
		(void)usleep(1000);
	assert_int_equal(port_states[port], state);
}

static void attach_kept(struct bench *bench, uint32_t port, int fd, struct device_kept *kept)
{
	const struct msg_port body = {.id = port, .kind = PORT_VHOST, .mtu = 1500};
	struct worker_order *order = worker_order_new(WORKER_ATTACH, sizeof(body));

	order->fd = fd;
	order->kept = kept;
	memcpy(order->body, &body, sizeof(body));
	worker_order(bench->worker, order);
}

static void attach(struct bench *bench, uint32_t port, int fd) { attach_kept(bench, port, fd, NULL); }

static void worker_begin(struct bench *bench)
{
	struct worker_config config = {.small_packets = 256, .large_packets = 8, .spin = span_us(50), .notify = notify, .context = bench};
	struct err err;

	bench->worker = worker_new(&config, &err);
	assert_non_null(bench->worker);
}

static void bench_start(struct bench *bench, uint64_t features)
{
	bench->notify_fd = eventfd(0, EFD_NONBLOCK);
	bench->forgotten = 0;
	worker_begin(bench);
	for (uint32_t i = 0; i < 2; i++) {
		memset(bench->kept[i].fds, -1, sizeof(bench->kept[i].fds));
		guest_start(&bench->guests[i], 64, NULL, NULL);
		bench->device_fds[i] = dup(bench->guests[i].back_fd);
		attach(bench, 2 + i, bench->guests[i].back_fd);
		guest_set_up(&bench->guests[i], features);
	}
	wait_state(2, PORT_STATE_UP);
	wait_state(3, PORT_STATE_UP);
}

static void bench_end(struct bench *bench)
{
	worker_free(bench->worker); /* checks that all packets came back */
	for (unsigned i = 0; i < 2; i++) {
		(void)close(bench->device_fds[i]);
		for (unsigned slot = 0; slot < KEEP_SLOT_COUNT; slot++)
			(void)close(bench->kept[i].fds[slot]);
	}
	guest_end(&bench->guests[0]);
	guest_end(&bench->guests[1]);
	(void)close(bench->notify_fd);
}

/* What the supervisor does with the worker's word to it. */
static void keep(struct bench *bench, const struct worker_event *event)
{
	const struct msg_keep *body = (const void *)event->body;
	struct device_kept *kept = &bench->kept[body->port & 1];

	if (event->row->type == MSG_FORGET) {
		bench->forgotten++;
		return;
	}
	assert_int_equal(event->row->type, MSG_KEEP);
	(void)close(kept->fds[body->slot]);
	kept->fds[body->slot] = event->fd;
	kept->serials[body->slot] = body->serial;
}

/* The next event, waiting at most two seconds. */
static struct worker_event *any_event(struct bench *bench, struct list *events)
{
	struct pollfd poll_fd = {bench->notify_fd, POLLIN, 0};
	struct worker_event *event;
	uint64_t count;

	while (list_empty(events)) {
		if (poll(&poll_fd, 1, 2000) != 1)
			return NULL;
		(void)!read(bench->notify_fd, &count, sizeof(count));
		worker_take_events(bench->worker, events);
	}
	event = list_first(events, struct worker_event, node);
	/* By the head's own links, so that what checks pointers sees the list change. */
	events->next = event->node.next;
	events->next->prev = events;
	return event;
}

/* The next event that isn't for the supervisor. */
static struct worker_event *next_event(struct bench *bench, struct list *events)
{
	struct worker_event *event;

	while ((event = any_event(bench, events)) != NULL && event->kind == WORKER_MESSAGE && event->process == PROCESS_SUPER) {
		keep(bench, event);
		free(event);
	}
	return event;
}

static const struct virtio_net_hdr no_offload;

/* Sends one frame and waits for it at the other guest, asleep until its interrupt. */
static void pass_frame(struct bench *bench, unsigned from, uint8_t value)
{
	static uint8_t got[GUEST_FRAME_BYTES_MAX];
	struct guest *sender = &bench->guests[from], *receiver = &bench->guests[!from];
	struct pollfd call = {receiver->rings[GUEST_RX].call_fd, POLLIN, 0};
	struct virtio_net_hdr header;
	uint8_t frame[60];
	int size;

	memset(frame, value, sizeof(frame));
	assert_true(guest_post(receiver, 1600, 1));
	receiver->rings[GUEST_RX].avail->ring[64] = receiver->rings[GUEST_RX].used_seen;
	(void)guest_kick(receiver, GUEST_RX);
	assert_true(guest_transmit(sender, &no_offload, frame, sizeof(frame), 1, false));
	(void)guest_kick(sender, GUEST_TX);
	while ((size = guest_receive(receiver, &header, got)) < 0) {
		if (poll(&call, 1, 2000) != 1)
			fail_msg("frame %u lost: no interrupt within two seconds", value);
		(void)guest_interrupted(receiver, GUEST_RX);
	}
	assert_int_equal(size, sizeof(frame));
	assert_int_equal(got[30], value);
	for (int i = 0; i < 1000 && guest_reclaim(sender) == 0; i++)
		(void)usleep(100);
}

/* No wake is lost, whenever the frame comes: while polling, while arming, while asleep. */
static void no_frame_is_lost_asleep(void **state)
{
	static const uint64_t sets[] = {GUEST_FEATURES_PLAIN, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX)};
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t s = 0; s < COUNT_OF(sets); s++) {
		struct bench b;

		bench_start(&b, sets[s]);
		for (unsigned i = 0; i < 3000; i++) {
			const struct timespec gap = {0, (long)rand_below(&rand, 150000)};

			pass_frame(&b, (unsigned)rand_below(&rand, 2), (uint8_t)i);
			if (i & 1)
				(void)nanosleep(&gap, NULL);
		}
		bench_end(&b);
	}
}

static void idle_costs_nothing(void **state)
{
	struct bench b;
	int64_t before;

	bench_start(&b, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX));
	pass_frame(&b, 0, 1);
	(void)usleep(20000);
	before = worker_cpu_ns(b.worker);
	(void)usleep(500000);
	assert_in_range(worker_cpu_ns(b.worker) - before, 0, 5000000); /* 1 % */
	pass_frame(&b, 1, 2);
	bench_end(&b);
}

static void orders_are_answered_in_order(void **state)
{
	static const uint16_t types[] = {MSG_NETWORK_SET, MSG_PORT_SET, MSG_PORT_DEL};
	struct bench b;
	struct list events;
	struct worker_event *event;

	list_init(&events);
	bench_start(&b, GUEST_FEATURES_PLAIN);
	for (uint32_t i = 1; i <= 3000; i++) {
		const struct message_row *row = message_row(types[i % COUNT_OF(types)]);
		struct worker_order *order = worker_order_new(WORKER_APPLY, row->size);

		order->from = PROCESS_CTL;
		order->generation = 5;
		order->seq = i;
		order->row = row;
		worker_order(b.worker, order);
	}
	for (uint32_t i = 1; i <= 3000; i++) {
		event = next_event(&b, &events);
		assert_non_null(event);
		assert_int_equal(event->kind, WORKER_APPLIED);
		assert_int_equal(event->seq, i);
		assert_int_equal(event->generation, 5);
		assert_int_equal(event->error.code, event->row->type == MSG_PORT_DEL ? -ENOENT : 0);
		free(event);
	}
	assert_true(list_empty(&events));
	bench_end(&b);
}

/* Packets for route are dropped when nobody takes them, a long answer is cut and says so. */
static void events_are_bounded(void **state)
{
	const struct message_row *inject = message_row(MSG_INJECT), *show = message_row(MSG_SHOW);
	struct bench b;
	struct list events;
	struct worker_event *event;
	struct worker_order *order;
	unsigned punts = 0, rows = 0;

	list_init(&events);
	bench_start(&b, GUEST_FEATURES_PLAIN);
	drops_seen = 0;
	order = worker_order_new(WORKER_APPLY, inject->size);
	order->row = inject;
	order->seq = 1;
	worker_order(b.worker, order);
	(void)usleep(200000);
	while ((event = next_event(&b, &events)) != NULL && event->kind != WORKER_APPLIED) {
		punts += event->row->type == MSG_PUNT;
		free(event);
	}
	assert_non_null(event);
	free(event);
	assert_int_equal(punts + drops_seen, 20000);
	assert_in_range(punts, WORKER_PUNTS_MAX, 19999);
	order = worker_order_new(WORKER_SHOW, show->size);
	order->from = PROCESS_CTL;
	order->row = show;
	order->seq = 2;
	((struct msg_show *)(void *)order->body)->object = WORKER_EVENTS_MAX + 10;
	worker_order(b.worker, order);
	(void)usleep(100000);
	while ((event = next_event(&b, &events)) != NULL && event->kind != WORKER_APPLIED) {
		assert_int_equal(event->seq, 2);
		rows++;
		free(event);
	}
	CHECK(event != NULL);
	assert_true(event->error.code == (rows < WORKER_EVENTS_MAX + 10 ? -E2BIG : 0));
	free(event);
	bench_end(&b);
}

static void devices_come_and_go(void **state)
{
	struct bench b;
	struct list events;
	struct worker_event *event;
	struct worker_order *order;

	list_init(&events);
	bench_start(&b, GUEST_FEATURES_PLAIN);
	pass_frame(&b, 0, 1);
	guest_connect(&b.guests[0]); /* the hypervisor hangs up */
	event = next_event(&b, &events);
	assert_non_null(event);
	assert_int_equal(event->kind, WORKER_LOST);
	assert_int_equal(event->port, 2);
	assert_int_equal(event->error.code, -ECONNRESET);
	assert_int_equal(port_states[2], PORT_STATE_DOWN);
	free(event);
	attach(&b, 2, b.guests[0].back_fd);
	guest_set_up(&b.guests[0], GUEST_FEATURES_PLAIN);
	wait_state(2, PORT_STATE_UP);
	pass_frame(&b, 0, 2);
	pass_frame(&b, 1, 3);

	link_up = false; /* takes effect with the next order */
	order = worker_order_new(WORKER_APPLY, message_row(MSG_NETWORK_SET)->size);
	order->row = message_row(MSG_NETWORK_SET);
	order->seq = 1;
	worker_order(b.worker, order);
	event = next_event(&b, &events);
	assert_non_null(event);
	free(event);
	(void)usleep(5000);
	drops_seen = packets_seen = 0;
	assert_true(guest_transmit(&b.guests[0], &no_offload, "01234567890123456789", 20, 1, false));
	(void)guest_kick(&b.guests[0], GUEST_TX);
	for (int i = 0; i < 2000 && drops_seen == 0; i++)
		(void)usleep(1000);
	assert_int_equal(drops_seen, 1);
	assert_int_equal(packets_seen, 0);
	link_up = true;

	order = worker_order_new(WORKER_DETACH, 0);
	order->port = 3;
	worker_order(b.worker, order);
	wait_state(3, PORT_STATE_DOWN);
	bench_end(&b);
}

/* Takes in all that the worker has said so far. */
static void take_all(struct bench *bench)
{
	struct worker_event *event;
	struct list events;

	list_init(&events);
	worker_take_events(bench->worker, &events);
	list_each (event, &events, struct worker_event, node) {
		if (event->kind == WORKER_MESSAGE && event->process == PROCESS_SUPER)
			keep(bench, event);
		free(event);
	}
}

/* A copy of what is kept of a guest, as the supervisor hands it out. */
static struct device_kept *kept_copy(const struct bench *bench, unsigned guest)
{
	struct device_kept *kept = device_kept_new();

	for (unsigned slot = 0; slot < KEEP_SLOT_COUNT; slot++) {
		kept->serials[slot] = bench->kept[guest].serials[slot];
		if (bench->kept[guest].fds[slot] >= 0)
			kept->fds[slot] = dup(bench->kept[guest].fds[slot]);
	}
	return kept;
}

/* Ends the worker and starts another, which gets the connections and, by its own way of spoiling it, what was kept. */
static void restart(struct bench *bench, void (*spoil)(struct device_kept *kept))
{
	worker_free(bench->worker);
	port_states[2] = port_states[3] = PORT_STATE_DOWN;
	worker_begin(bench);
	for (uint32_t i = 0; i < 2; i++) {
		struct device_kept *kept = kept_copy(bench, i);

		if (spoil != NULL)
			spoil(kept);
		attach_kept(bench, 2 + i, dup(bench->device_fds[i]), kept);
	}
}

/* A new worker goes on where the old one ended; the guests notice nothing, and a frame sent in between arrives. */
static void a_new_worker_goes_on(void **state)
{
	static const uint64_t sets[] = {GUEST_FEATURES_PLAIN, GUEST_FEATURES_PLAIN | GUEST_BIT(VIRTIO_RING_F_EVENT_IDX)};

	for (size_t s = 0; s < COUNT_OF(sets); s++) {
		struct bench b;

		bench_start(&b, sets[s]);
		for (unsigned round = 0; round < 5; round++) {
			for (unsigned i = 0; i < 70; i++)
				pass_frame(&b, i & 1, (uint8_t)i);
			take_all(&b);
			restart(&b, NULL);
			wait_state(2, PORT_STATE_UP);
			wait_state(3, PORT_STATE_UP);
			pass_frame(&b, round & 1, (uint8_t)round);
		}
		bench_end(&b);
	}
}

static void spoil_serial(struct device_kept *kept) { kept->serials[KEEP_CALL]++; }
static void spoil_memory(struct device_kept *kept)
{
	(void)close(kept->fds[KEEP_MEMORY]);
	kept->fds[KEEP_MEMORY] = -1;
}
static void spoil_state(struct device_kept *kept)
{
	(void)close(kept->fds[KEEP_STATE]);
	kept->fds[KEEP_STATE] = -1;
}
static void spoil_busy(struct device_kept *kept)
{
	const uint32_t one = 1;

	assert_int_equal(pwrite(kept->fds[KEEP_STATE], &one, sizeof(one), 8), sizeof(one));
}
static void spoil_version(struct device_kept *kept)
{
	const uint32_t other = 77;

	assert_int_equal(pwrite(kept->fds[KEEP_STATE], &other, sizeof(other), 0), sizeof(other));
}

/* Whatever doesn't fit together ends in a new connection. */
static void what_does_not_fit_is_refused(void **state)
{
	static void (*const spoils[])(struct device_kept * kept) = {spoil_serial, spoil_memory, spoil_state, spoil_busy, spoil_version};

	for (size_t i = 0; i < COUNT_OF(spoils); i++) {
		struct bench b;
		struct list events;
		struct worker_event *event;

		list_init(&events);
		bench_start(&b, GUEST_FEATURES_PLAIN);
		pass_frame(&b, 0, 1);
		take_all(&b);
		restart(&b, spoils[i]);
		for (unsigned lost = 0; lost < 2; lost++) {
			event = next_event(&b, &events);
			assert_non_null(event);
			assert_int_equal(event->kind, WORKER_LOST);
			assert_int_equal(event->error.code, -ESTALE);
			free(event);
		}
		for (uint32_t guest = 0; guest < 2; guest++) {
			guest_connect(&b.guests[guest]);
			attach(&b, 2 + guest, b.guests[guest].back_fd);
			guest_set_up(&b.guests[guest], GUEST_FEATURES_PLAIN);
		}
		wait_state(2, PORT_STATE_UP);
		wait_state(3, PORT_STATE_UP);
		pass_frame(&b, 1, 2);
		bench_end(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_frame_is_lost_asleep),
		cmocka_unit_test(idle_costs_nothing),
		cmocka_unit_test(orders_are_answered_in_order),
		cmocka_unit_test(events_are_bounded),
		cmocka_unit_test(devices_come_and_go),
		cmocka_unit_test(a_new_worker_goes_on),
		cmocka_unit_test(what_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
