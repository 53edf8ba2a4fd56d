/* Tests of channels: order, descriptors, calls and their ends, bounded queues, and every way in which the other side can misbehave. */
#include "base/arena.h"
#include "base/check.h"
#include "proc/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* What one end has seen. */
struct side {
	struct loop *loop;
	struct channel *channel;
	unsigned received, closed, rows, lasts;
	uint32_t last_id;
	int error, fd, mode;
	char reason[128];
};

enum { MODE_COUNT, MODE_ECHO, MODE_FREE_AT_FIRST, MODE_SILENT };

/* Rounds of the loop in which all that is on its way arrives, also on a machine that has no time for us. */
#define ROUNDS 500

struct rounds {
	struct loop *loop;
	int left;
};

static void next_round(void *context)
{
	struct rounds *rounds = context;

	if (--rounds->left == 0)
		loop_stop(rounds->loop);
	else
		loop_defer(rounds->loop, next_round, rounds);
}

static void settle(struct loop *loop)
{
	struct rounds rounds = {loop, ROUNDS};

	loop_defer(loop, next_round, &rounds);
	loop_run(loop);
}

static void stop_later(void *context, struct instant now)
{
	(void)now;
	loop_stop(context);
}

/* Runs the loop for some milliseconds: timers that are due earlier have fired then. */
static void run_for(struct loop *loop, int ms)
{
	struct loop_timer *timer = loop_timer_new(loop, stop_later, loop);

	loop_timer_set(timer, instant_add(loop_now(loop), span_ms(ms)));
	loop_run(loop);
	loop_timer_free(timer);
}

static void answer(struct side *side, const struct message *message)
{
	struct row_drop row = {.packets = 1};
	struct err err = {-ENOENT, "nothing there"};

	if (message->row->type == MSG_SHOW) {
		for (row.id = 1; row.id <= 3; row.id++)
			assert_int_equal(channel_send(side->channel, MSG_ROW_DROP, message->seq, &row, -1), 0);
		channel_done(side->channel, message->seq, NULL);
	} else if (message->row->type == MSG_CONNECT_VHOST) {
		assert_int_equal(channel_send(side->channel, MSG_OPENED, message->seq, NULL, STDIN_FILENO), 0);
	} else {
		channel_done(side->channel, message->seq, &err);
	}
}

static void side_received(void *context, struct channel *channel, const struct message *message)
{
	struct side *side = context;

	side->received++;
	if (message->row->type == MSG_PORT_DEL)
		side->last_id = ((const struct msg_id *)message->body)->id;
	if (message->fd >= 0)
		side->fd = message->fd;
	if (side->mode == MODE_ECHO)
		answer(side, message);
	if (side->mode == MODE_FREE_AT_FIRST) {
		channel_free(channel);
		side->channel = NULL;
	}
}

static void side_closed(void *context, struct channel *channel)
{
	struct side *side = context;

	side->closed++;
	(void)snprintf(side->reason, sizeof(side->reason), "%s", channel_reason(channel));
	channel_free(channel);
	side->channel = NULL;
}

static void pair_open(struct side *a, struct side *b)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	*a = *b = (struct side){.loop = loop_new(), .fd = -1};
	a->channel = channel_new(a->loop, ends[0], "a", side_received, side_closed, a);
	b->channel = channel_new(a->loop, ends[1], "b", side_received, side_closed, b);
}

/* One end is a bare socket, to send what no honest side would. */
static int raw_open(struct side *a)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	*a = (struct side){.loop = loop_new(), .fd = -1};
	a->channel = channel_new(a->loop, ends[0], "a", side_received, side_closed, a);
	return ends[1];
}

static void pair_close(struct side *a, struct side *b)
{
	channel_free(a->channel);
	if (b != NULL)
		channel_free(b->channel);
	loop_free(a->loop);
}

static void test_events_in_order(void **state)
{
	struct side a, b;

	pair_open(&a, &b);
	for (uint32_t i = 1; i <= 3000; i++) /* more than a socket holds: the queue must keep the order */
		assert_int_equal(channel_send(a.channel, MSG_PORT_DEL, 0, &(struct msg_id){i}, -1), 0);
	settle(a.loop);
	assert_int_equal(b.received, 3000);
	assert_int_equal(b.last_id, 3000);
	assert_int_equal(channel_send(NULL, MSG_PORT_DEL, 0, &(struct msg_id){1}, -1), -ENOTCONN);
	pair_close(&a, &b);
}

static void test_descriptor(void **state)
{
	struct side a, b;
	int ends[2];
	char c = 0;

	pair_open(&a, &b);
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(channel_send(a.channel, MSG_PEER, 0, &(struct msg_peer){PROCESS_VM}, ends[1]), 0);
	settle(a.loop);
	assert_int_equal(b.received, 1);
	assert_true(b.fd >= 0 && b.fd != ends[1]);
	assert_true(fcntl(b.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(write(b.fd, "!", 1), 1);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(c, '!');
	(void)close(b.fd);
	(void)close(ends[0]);
	(void)close(ends[1]);
	pair_close(&a, &b);
}

static void got_reply(void *context, const struct message *message, int error, bool last)
{
	struct side *side = context;

	side->error = error;
	side->rows += message != NULL && !last;
	side->lasts += last;
	if (message != NULL && message->fd >= 0)
		side->fd = message->fd;
}

static void test_calls(void **state)
{
	struct side a, b;

	pair_open(&a, &b);
	b.mode = MODE_ECHO;
	channel_call(a.channel, a.loop, MSG_SHOW, &(struct msg_show){.what = SHOW_DROPS}, span_s(5), got_reply, &a);
	assert_int_equal(a.lasts, 0);
	settle(a.loop);
	assert_int_equal(a.rows, 3);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(a.error, 0);
	channel_call(a.channel, a.loop, MSG_PORT_DEL, &(struct msg_id){1}, span_s(5), got_reply, &a);
	settle(a.loop);
	assert_int_equal(a.lasts, 2);
	assert_int_equal(a.error, -ENOENT);
	channel_call(a.channel, a.loop, MSG_CONNECT_VHOST, &(struct msg_connect_vhost){.port = 1}, span_s(5), got_reply, &a);
	settle(a.loop);
	assert_int_equal(a.lasts, 3);
	assert_true(a.fd > STDERR_FILENO);
	(void)close(a.fd);
	pair_close(&a, &b);
}

/* Both sides number from 1: an order that comes in must not be taken for the answer to our own order of the same number. */
static void test_calls_cross(void **state)
{
	struct side a, b;

	pair_open(&a, &b);
	a.mode = b.mode = MODE_ECHO;
	channel_call(a.channel, a.loop, MSG_PORT_DEL, &(struct msg_id){1}, span_s(5), got_reply, &a);
	channel_call(b.channel, b.loop, MSG_PORT_DEL, &(struct msg_id){2}, span_s(5), got_reply, &b);
	settle(a.loop);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(b.lasts, 1);
	assert_int_equal(a.last_id, 2);
	assert_int_equal(b.last_id, 1);
	pair_close(&a, &b);
}

static void test_call_ends(void **state)
{
	struct side a, b;

	pair_open(&a, &b);
	b.mode = MODE_SILENT;
	channel_call(NULL, a.loop, MSG_PORT_DEL, &(struct msg_id){1}, span_s(5), got_reply, &a);
	assert_int_equal(a.lasts, 0);
	settle(a.loop);
	assert_int_equal(a.lasts, 1);
	assert_int_equal(a.error, -ECONNRESET);
	channel_call(a.channel, a.loop, MSG_PORT_DEL, &(struct msg_id){1}, span_ms(5), got_reply, &a);
	run_for(a.loop, 30);
	assert_int_equal(a.lasts, 2);
	assert_int_equal(a.error, -ETIMEDOUT);
	channel_call(a.channel, a.loop, MSG_PORT_DEL, &(struct msg_id){1}, span_s(5), got_reply, &a);
	channel_free(b.channel);
	b.channel = NULL;
	settle(a.loop);
	assert_int_equal(a.lasts, 3);
	assert_int_equal(a.error, -ECONNRESET);
	assert_int_equal(a.closed, 1);
	pair_close(&a, &b);
}

static void test_last_words_are_heard(void **state)
{
	struct side a, b;

	pair_open(&a, &b);
	/* b dies with our message unread: the socket reports a reset before its last words. */
	assert_int_equal(channel_send(a.channel, MSG_PORT_DEL, 0, &(struct msg_id){1}, -1), 0);
	assert_int_equal(channel_send(b.channel, MSG_PORT_DEL, 0, &(struct msg_id){7}, -1), 0);
	channel_free(b.channel);
	b.channel = NULL;
	settle(a.loop);
	assert_int_equal(a.last_id, 7);
	assert_int_equal(a.closed, 1);
	assert_string_equal(a.reason, "the other side ended");
	pair_close(&a, &b);
}

static void test_free_inside_callback(void **state)
{
	struct side a, b;

	pair_open(&a, &b);
	b.mode = MODE_FREE_AT_FIRST;
	for (uint32_t i = 1; i <= 5; i++)
		(void)channel_send(a.channel, MSG_PORT_DEL, 0, &(struct msg_id){i}, -1);
	settle(a.loop);
	assert_int_equal(b.received, 1);
	assert_int_equal(b.closed, 0);
	assert_int_equal(a.closed, 1);
	pair_close(&a, &b);
}

static void test_full_queue_breaks(void **state)
{
	struct side a;
	int raw = raw_open(&a);
	struct msg_packet *packet = xalloc(sizeof(*packet));
	int sent = 0, error;

	packet->size = PACKET_BYTES_MAX;
	while ((error = channel_send(a.channel, MSG_PUNT, 0, packet, -1)) == 0 && sent < 100000)
		sent++;
	assert_int_equal(error, -ENOBUFS); /* packets alone fill a part of it */
	assert_true(sent > CHANNEL_QUEUE_PACKET_BYTES_MAX / (int)sizeof(*packet) && sent < 100000);
	for (sent = 0; channel_send(a.channel, MSG_PORT_DEL, 0, &(struct msg_id){1}, -1) == 0 && sent < 100000;)
		sent++;
	assert_true(sent > CHANNEL_QUEUE_MESSAGES_MAX / 2 && sent <= CHANNEL_QUEUE_MESSAGES_MAX);
	assert_int_equal(a.closed, 0); /* never from inside of a send */
	settle(a.loop);
	assert_int_equal(a.closed, 1);
	assert_non_null(strstr(a.reason, "queue full"));
	free(packet);
	(void)close(raw);
	pair_close(&a, NULL);
}

/* Sends a head and some bytes with `fd_count` descriptors. */
static void raw_send(int raw, struct message_head head, const void *body, size_t size, unsigned fd_count)
{
	struct iovec parts[2] = {{&head, sizeof(head)}, {(void *)(uintptr_t)body, size}};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int) * 3)];
	} control = {0};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = 2};
	int fds[3] = {STDIN_FILENO, STDIN_FILENO, STDIN_FILENO};

	if (fd_count > 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		CMSG_FIRSTHDR(&msg)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&msg)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&msg)->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), fds, sizeof(int) * fd_count);
	}
	assert_true(sendmsg(raw, &msg, 0) >= 0);
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_bad_messages_break(void **state)
{
	static uint8_t zero[MESSAGE_BYTES_MAX + 1];
	const struct {
		struct message_head head;
		size_t size;
		unsigned fds;
		bool bad;
	} cases[] = {
		{{MSG_PORT_DEL, 0, 0}, sizeof(struct msg_id), 0, false},
		{{MSG_PORT_DEL, 0, 0}, sizeof(struct msg_id) + 1, 0, true},
		{{MSG_PORT_DEL, 0, 0}, 0, 0, true},
		{{MSG_PORT_DEL, 1, 0}, sizeof(struct msg_id), 0, true},
		{{MSG_NONE, 0, 0}, 4, 0, true},
		{{MSG_TYPE_COUNT, 0, 0}, 4, 0, true},
		{{MSG_PORT_DEL, 0, 0}, sizeof(struct msg_id), 1, true},
		{{MSG_PEER, 0, 0}, sizeof(struct msg_peer), 0, true},
		{{MSG_PEER, 0, 0}, sizeof(struct msg_peer), 2, true},
		{{MSG_PEER, 0, 0}, sizeof(struct msg_peer), 3, true},
		{{MSG_DONE, 0, 99}, sizeof(struct msg_done), 0, false},
		{{MSG_OPENED, 0, 99}, sizeof(struct msg_none), 1, false},
		{{MSG_PUNT, 0, 0}, sizeof(zero), 0, true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct side a;
		int raw = raw_open(&a);
		unsigned before = open_descriptors();

		raw_send(raw, cases[i].head, zero, cases[i].size, cases[i].fds);
		settle(a.loop);
		if (a.closed != cases[i].bad)
			fail_msg("case %zu: closed %u", i, a.closed);
		assert_int_equal(open_descriptors(), before - (cases[i].bad ? 1 : 0));
		(void)close(raw);
		pair_close(&a, NULL);
	}
}

static void test_lost_descriptor_breaks(void **state)
{
	struct rlimit old, low;
	struct side a, b;
	int lowest;

	pair_open(&a, &b);
	assert_int_equal(channel_send(a.channel, MSG_PEER, 0, &(struct msg_peer){PROCESS_VM}, STDIN_FILENO), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	lowest = dup(STDIN_FILENO);
	(void)close(lowest);
	low = (struct rlimit){(rlim_t)lowest, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	settle(a.loop);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(b.received, 0);
	assert_int_equal(b.closed, 1);
	assert_non_null(strstr(b.reason, "limit of open files"));
	pair_close(&a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events_in_order),
		cmocka_unit_test(test_descriptor),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_calls_cross),
		cmocka_unit_test(test_call_ends),
		cmocka_unit_test(test_last_words_are_heard),
		cmocka_unit_test(test_free_inside_callback),
		cmocka_unit_test(test_full_queue_breaks),
		cmocka_unit_test(test_bad_messages_break),
		cmocka_unit_test(test_lost_descriptor_breaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
