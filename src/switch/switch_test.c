/* Tests of the process body: a port's way to its device, with this test as ctl and as super. */
#include "switch/switch.h"

#include "base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* Both ends of the two channels live in one loop: `process` is the switch, the others are played here. */
struct bench {
	struct process process;
	struct channel *super;
	struct channel *ctl;
	unsigned asked;	  /* CONNECT_VHOST and OPEN_TAP so far */
	uint32_t ask_seq; /* of the last one */
	unsigned kept, forgot_unasked;
	unsigned done; /* of ctl's orders */
	int last_error;
	unsigned states[PORT_STATE_COUNT]; /* PORT_CHANGED to ctl, by state */
	bool (*until)(struct bench *bench);
	struct span wait;
	struct instant patience;
	struct loop_timer *timer;
	bool timed_out;
};

static void closed(void *context, struct channel *channel) {}

static void super_received(void *context, struct channel *channel, const struct message *message)
{
	struct bench *bench = context;

	if (message->row->type == MSG_KEEP || message->row->type == MSG_FORGET || message->row->type == MSG_FORGET_UNASKED) {
		bench->kept += message->row->type == MSG_KEEP;
		bench->forgot_unasked += message->row->type == MSG_FORGET_UNASKED;
		if (message->fd >= 0)
			(void)close(message->fd);
		return;
	}
	assert_true(message->row->type == MSG_CONNECT_VHOST || message->row->type == MSG_OPEN_TAP);
	bench->asked++;
	bench->ask_seq = message->seq;
}

static void ctl_received(void *context, struct channel *channel, const struct message *message)
{
	struct bench *bench = context;

	if (message->row->type == MSG_PORT_CHANGED)
		bench->states[((const struct msg_port_state *)message->body)->state]++;
}

static void ctl_answered(void *context, const struct message *message, int error, bool last)
{
	struct bench *bench = context;

	bench->done += last;
	bench->last_error = error;
}

static void switch_gets(void *context, struct channel *channel, const struct message *message)
{
	struct bench *bench = context;

	if (channel != bench->process.super)
		switch_process.received(&bench->process, PROCESS_CTL, message);
}

static void timer_fired(void *context, struct instant now)
{
	struct bench *bench = context;

	bench->timed_out = instant_reached(bench->patience, now);
	if (bench->until(bench) || bench->timed_out)
		loop_stop(bench->process.loop);
	else
		loop_timer_set(bench->timer, instant_add(now, span_ms(1)));
}

/* Runs the loop until something is so, for `wait` at most; false when it never was. */
static bool run_until(struct bench *bench, bool (*until)(struct bench *bench))
{
	struct instant now = clock_monotonic();

	bench->until = until;
	bench->patience = instant_add(now, bench->wait);
	loop_timer_set(bench->timer, instant_add(now, span_ms(1)));
	loop_run(bench->process.loop);
	return !bench->timed_out;
}

static void connect_pair(struct bench *bench, struct channel **ours, struct channel **theirs, channel_message_fn *received)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	*theirs = channel_new(bench->process.loop, ends[0], "switch", switch_gets, closed, bench);
	*ours = channel_new(bench->process.loop, ends[1], "test", received, closed, bench);
}

static void bench_start(struct bench *bench)
{
	struct err err;

	memset(bench, 0, sizeof(*bench));
	bench->wait = span_s(2);
	bench->process.row = &switch_process;
	bench->process.loop = loop_new();
	bench->timer = loop_timer_new(bench->process.loop, timer_fired, bench);
	connect_pair(bench, &bench->super, &bench->process.super, super_received);
	connect_pair(bench, &bench->ctl, &bench->process.peers[PROCESS_CTL], ctl_received);
	assert_int_equal(switch_process.prepare(&bench->process, &err), 0);
	switch_process.started(&bench->process);
	switch_process.peer_up(&bench->process, PROCESS_CTL);
}

static void shut_down(void *context) { switch_process.shutdown(context); }

static void bench_end(struct bench *bench)
{
	loop_defer(bench->process.loop, shut_down, &bench->process);
	loop_run(bench->process.loop);
	channel_free(bench->super);
	channel_free(bench->ctl);
	channel_free(bench->process.super);
	channel_free(bench->process.peers[PROCESS_CTL]);
	loop_timer_free(bench->timer);
	loop_free(bench->process.loop);
	free(bench->process.body);
}

static bool is_done(struct bench *bench) { return bench->done >= 1; }
static bool is_asked(struct bench *bench) { return bench->asked >= 1; }
static bool is_connected(struct bench *bench) { return bench->states[PORT_STATE_CONNECTED] >= 1; }
static bool is_down(struct bench *bench) { return bench->states[PORT_STATE_DOWN] >= 1; }

/* Gives an order and waits for its DONE; returns its error. */
static int order(struct bench *bench, enum message_type type, const void *body)
{
	bench->done = 0;
	channel_call(bench->ctl, bench->process.loop, type, body, span_s(5), ctl_answered, bench);
	assert_true(run_until(bench, is_done));
	return bench->last_error;
}

static const struct msg_network network = {.id = 1, .up = true, .mtu = 1500, .path = "lab/lan"};
static const struct msg_port port = {
	.id = 2, .kind = PORT_VHOST, .up = true, .mtu = 1500, .network = 1, .mac = {{2, 0, 0, 0, 0, 1}}, .path = "lab/a:eth0"};
static const struct msg_id port_id = {2};

/* Answers the last question of the switch with a connection; returns the hypervisor's end. */
static int answer_opened(struct bench *bench)
{
	const struct msg_none none = {0};
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	assert_int_equal(channel_send(bench->super, MSG_OPENED, bench->ask_seq, &none, ends[0]), 0);
	(void)close(ends[0]);
	bench->asked = 0;
	return ends[1];
}

static void answer_error(struct bench *bench, int error)
{
	struct err err;

	(void)err_set(&err, error, "not yet");
	channel_done(bench->super, bench->ask_seq, &err);
}

static int hypervisor_fd;

/* True when the switch has closed its end of the connection. */
static bool is_hung_up(struct bench *bench)
{
	char byte;

	return recv(hypervisor_fd, &byte, 1, 0) == 0;
}

static void a_port_is_asked_for_until_it_is_there(void **state)
{
	struct bench b;

	bench_start(&b);
	assert_int_equal(order(&b, MSG_NETWORK_SET, &network), 0);
	assert_int_equal(order(&b, MSG_PORT_SET, &port), 0);
	for (int i = 0; i < 3; i++) {
		assert_true(run_until(&b, is_asked));
		answer_error(&b, i ? -ECONNREFUSED : -ENOENT);
		b.asked = 0;
	}
	assert_true(run_until(&b, is_asked));
	hypervisor_fd = answer_opened(&b);
	assert_true(run_until(&b, is_connected));
	/* The hypervisor ends: asked for again at once. */
	(void)close(hypervisor_fd);
	assert_true(run_until(&b, is_down));
	assert_true(run_until(&b, is_asked));
	bench_end(&b);
}

static void a_port_deleted_while_opening_leaves_nothing(void **state)
{
	struct bench b;

	bench_start(&b);
	assert_int_equal(order(&b, MSG_NETWORK_SET, &network), 0);
	assert_int_equal(order(&b, MSG_PORT_SET, &port), 0);
	assert_true(run_until(&b, is_asked));
	assert_int_equal(order(&b, MSG_PORT_DEL, &port_id), 0);
	hypervisor_fd = answer_opened(&b);
	assert_true(run_until(&b, is_hung_up));
	(void)close(hypervisor_fd);
	assert_int_equal(b.asked, 0);
	/* And set again it comes. */
	assert_int_equal(order(&b, MSG_PORT_SET, &port), 0);
	assert_true(run_until(&b, is_asked));
	hypervisor_fd = answer_opened(&b);
	b.states[PORT_STATE_CONNECTED] = 0;
	assert_true(run_until(&b, is_connected));
	assert_int_equal(order(&b, MSG_PORT_DEL, &port_id), 0);
	assert_true(run_until(&b, is_hung_up));
	(void)close(hypervisor_fd);
	bench_end(&b);
}

/* Another TAP under the same port while the first is being opened: what comes is thrown away, the other one is asked for. */
static void a_port_changed_while_opening_is_asked_for_anew(void **state)
{
	struct msg_port tap = {.id = 2, .kind = PORT_TAP, .up = true, .mtu = 1500, .network = 1, .tap_name = "tap0", .path = "lab/t"};
	struct bench b;

	bench_start(&b);
	assert_int_equal(order(&b, MSG_NETWORK_SET, &network), 0);
	assert_int_equal(order(&b, MSG_PORT_SET, &tap), 0);
	assert_true(run_until(&b, is_asked));
	memcpy(tap.tap_name, "tap1", 5);
	assert_int_equal(order(&b, MSG_PORT_SET, &tap), 0);
	hypervisor_fd = answer_opened(&b);
	assert_true(run_until(&b, is_hung_up));
	(void)close(hypervisor_fd);
	assert_true(run_until(&b, is_asked));
	/* A descriptor that is no TAP: told as a reason. */
	b.states[PORT_STATE_DOWN] = 0;
	hypervisor_fd = answer_opened(&b);
	assert_true(run_until(&b, is_down));
	(void)close(hypervisor_fd);
	bench_end(&b);
}

static void what_a_new_ctl_does_not_name_goes(void **state)
{
	const struct msg_sync sync = {0};
	struct bench b;

	bench_start(&b);
	assert_int_equal(order(&b, MSG_NETWORK_SET, &network), 0);
	assert_int_equal(order(&b, MSG_PORT_SET, &port), 0);
	assert_true(run_until(&b, is_asked));
	hypervisor_fd = answer_opened(&b);
	assert_true(run_until(&b, is_connected));
	assert_int_equal(order(&b, MSG_SYNC_BEGIN, &sync), 0);
	assert_int_equal(order(&b, MSG_NETWORK_SET, &network), 0);
	assert_int_equal(order(&b, MSG_PORT_SET, &port), 0);
	assert_int_equal(order(&b, MSG_SYNC_END, &sync), 0);
	assert_false(is_hung_up(&b));
	assert_int_equal(b.asked, 0);
	assert_int_equal(order(&b, MSG_SYNC_BEGIN, &sync), 0);
	assert_int_equal(order(&b, MSG_SYNC_END, &sync), 0);
	assert_true(run_until(&b, is_hung_up));
	(void)close(hypervisor_fd);
	bench_end(&b);
}

static void strangers_are_refused(void **state)
{
	const struct msg_fib_sync fib = {.router = 1};
	const struct msg_port nowhere = {.id = 9, .kind = PORT_VHOST, .network = 77, .path = "lab/x"};
	struct bench b;

	bench_start(&b);
	assert_int_equal(order(&b, MSG_FIB_SYNC, &fib), -EPERM); /* only route may */
	assert_true(order(&b, MSG_PORT_SET, &nowhere) < 0);
	b.wait = span_ms(100);
	assert_false(run_until(&b, is_asked)); /* what the core refused gets no device */
	bench_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_port_is_asked_for_until_it_is_there),
		cmocka_unit_test(a_port_deleted_while_opening_leaves_nothing),
		cmocka_unit_test(a_port_changed_while_opening_is_asked_for_anew),
		cmocka_unit_test(what_a_new_ctl_does_not_name_goes),
		cmocka_unit_test(strangers_are_refused),
	};

	return cmocka_run_group_tests_name("switch", tests, NULL, NULL);
}
