/*
 * Channels between processes.
 *
 * A channel is either open or broken. What breaks it (the end of the other side, a bad message, a full queue) is found in the middle of
 * other work, so a broken channel only notes the reason, stops, and tells `closed` from its own timer in the next round. An answer is told
 * from an order by its type, since both sides number their orders from 1.
 */
#include "proc/channel.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/map.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Messages taken in one go before others get their turn. */
#define RECEIVE_BURST 64

struct packet {
	struct list node;
	int fd;
	size_t size;
	uint8_t bytes[];
};

struct call {
	struct channel *channel;
	uint32_t seq;
	struct loop_timer *timer;
	int error; /* told when the timer fires */
	channel_reply_fn *reply;
	void *context;
};

struct channel {
	struct loop *loop;
	struct loop_watch *watch;
	struct loop_timer *breaker; /* tells `closed` */
	int fd;
	const char *reason; /* NULL: open */
	char name[NAME_BYTES];
	channel_message_fn *received;
	channel_closed_fn *closed;
	void *context;
	unsigned busy; /* inside of channel_readable: the memory must stay */
	bool freed;

	struct list queue; /* of packets */
	unsigned queued;
	size_t queued_bytes;

	struct map calls; /* seq -> call */
	uint32_t next_seq;

	struct {
		struct message_head head;
		union message_body body;
	} in;
};

static void channel_break(struct channel *channel, const char *reason)
{
	if (channel->reason != NULL)
		return;
	channel->reason = reason;
	loop_watch_set(channel->watch, 0);
	loop_timer_set(channel->breaker, loop_now(channel->loop));
}

const char *channel_reason(const struct channel *channel) { return channel->reason ? channel->reason : "closed by us"; }

/* Answers are told from orders by type. */
static bool is_answer(uint16_t type)
{
	return type == MSG_DONE || type == MSG_OPENED || type == MSG_KEPT || type == MSG_EXEC_OUTPUT ||
	       (type >= MSG_ROW_MAC && type <= MSG_ROW_PROCESS);
}

static bool carries_fd(uint16_t type) { return type == MSG_PEER || type == MSG_OPENED || type == MSG_KEEP || type == MSG_KEPT; }

/* What its receiver can miss, as it can on a wire. */
static bool is_packet(uint16_t type) { return type == MSG_PUNT || type == MSG_INJECT; }

/* Sending. */

/* Sends the parts as one packet, with `fd` unless it is -1. */
static int send_packet(int socket, struct iovec *parts, unsigned count, int fd, int flags)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct msghdr msg = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t sent;

	if (fd >= 0) {
		struct cmsghdr *cmsg;

		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

static void packet_free(struct channel *channel, struct packet *packet)
{
	list_remove(&packet->node);
	channel->queued--;
	channel->queued_bytes -= packet->size;
	if (packet->fd >= 0)
		(void)close(packet->fd);
	free(packet);
}

static int queue_packet(struct channel *channel, const struct iovec parts[2], int fd)
{
	size_t size = parts[0].iov_len + parts[1].iov_len;
	struct packet *packet;

	if (channel->queued >= CHANNEL_QUEUE_MESSAGES_MAX || channel->queued_bytes + size > CHANNEL_QUEUE_BYTES_MAX) {
		channel_break(channel, "send queue full: the other side does not read");
		return -ENOTCONN;
	}
	packet = xalloc(sizeof(*packet) + size);
	packet->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 && packet->fd < 0) {
		free(packet);
		channel_break(channel, "no descriptor left to queue a message");
		return -ENOTCONN;
	}
	packet->size = size;
	memcpy(packet->bytes, parts[0].iov_base, parts[0].iov_len);
	memcpy(packet->bytes + parts[0].iov_len, parts[1].iov_base, parts[1].iov_len);
	list_append(&channel->queue, &packet->node);
	channel->queued++;
	channel->queued_bytes += size;
	loop_watch_set(channel->watch, LOOP_READABLE | LOOP_WRITABLE);
	return 0;
}

static void channel_flush(struct channel *channel)
{
	struct packet *packet;

	list_each (packet, &channel->queue, struct packet, node) {
		struct iovec part = {packet->bytes, packet->size};
		int error = send_packet(channel->fd, &part, 1, packet->fd, MSG_DONTWAIT);

		if (error == -EAGAIN)
			return;
		if (error != 0) {
			channel_break(channel, "the other side ended");
			return;
		}
		packet_free(channel, packet);
	}
	loop_watch_set(channel->watch, LOOP_READABLE);
}

/* A message of ours, ready to be sent. */
struct outgoing {
	struct message_head head;
	struct iovec parts[2];
};

/* Fills in an outgoing message; what doesn't hold here is our own mistake. `body` is NULL for a message without fields. */
static void outgoing_fill(struct outgoing *out, enum message_type type, uint32_t seq, const void *body, int fd)
{
	static const struct msg_none none;
	const struct message_row *row = message_row((uint16_t)type);

	CHECK(row != NULL && (fd >= 0) == carries_fd(row->type));
	CHECK(body != NULL || row->field_count == 0);
	if (body == NULL)
		body = &none;
	out->head = (struct message_head){.type = row->type, .seq = seq};
	out->parts[0] = (struct iovec){&out->head, sizeof(out->head)};
	out->parts[1] = (struct iovec){(void *)(uintptr_t)body, message_size(row, body)};
}

int channel_send_bare(int socket, enum message_type type, uint32_t seq, const void *body, int fd)
{
	struct outgoing out;

	outgoing_fill(&out, type, seq, body, fd);
	return send_packet(socket, out.parts, 2, fd, 0);
}

int channel_send(struct channel *channel, enum message_type type, uint32_t seq, const void *body, int fd)
{
	struct outgoing out;
	int error;

	outgoing_fill(&out, type, seq, body, fd);
	if (channel == NULL || channel->reason != NULL)
		return -ENOTCONN;
	error = list_empty(&channel->queue) ? send_packet(channel->fd, out.parts, 2, fd, MSG_DONTWAIT) : -EAGAIN;
	if (error == -EAGAIN && is_packet(out.head.type) &&
		(channel->queued >= CHANNEL_QUEUE_PACKETS_MAX || channel->queued_bytes >= CHANNEL_QUEUE_PACKET_BYTES_MAX))
		return -ENOBUFS;
	if (error == -EAGAIN)
		return queue_packet(channel, out.parts, fd);
	if (error == -EMSGSIZE)
		return error;
	if (error != 0) {
		channel_break(channel, "the other side ended");
		return -ENOTCONN;
	}
	return 0;
}

void channel_done(struct channel *channel, uint32_t seq, const struct err *err)
{
	struct msg_done done = {0};

	if (err != NULL && err->code != 0) {
		done.error = err->code;
		if (!text_copy(done.text, sizeof(done.text), err->text)) {
			memcpy(done.text, err->text, sizeof(done.text) - 1);
			done.text[sizeof(done.text) - 1] = '\0';
		}
	}
	(void)channel_send(channel, MSG_DONE, seq, &done, -1);
}

/* Calls. */

static void call_end(struct call *call, const struct message *message, int error)
{
	channel_reply_fn *reply = call->reply;
	void *context = call->context;

	if (call->channel != NULL)
		(void)map_remove(&call->channel->calls, call->seq);
	loop_timer_free(call->timer);
	free(call);
	reply(context, message, error, true);
}

static void call_fired(void *context, struct instant now)
{
	struct call *call = context;

	(void)now;
	call_end(call, NULL, call->error);
}

static uint32_t free_seq(struct channel *channel)
{
	do
		channel->next_seq++;
	while (channel->next_seq == 0 || map_get(&channel->calls, channel->next_seq) != NULL);
	return channel->next_seq;
}

/* One parameter more than others have: the loop, for the call on a channel that is away. NOLINTNEXTLINE(readability-function-size) */
void channel_call(struct channel *channel, struct loop *loop, enum message_type type, const void *body, struct span timeout,
	channel_reply_fn *reply, void *context)
{
	struct call *call = xalloc(sizeof(*call));
	int error = -ENOTCONN;

	call->reply = reply;
	call->context = context;
	call->error = -ETIMEDOUT;
	call->timer = loop_timer_new(loop, call_fired, call);
	if (channel != NULL && channel->reason == NULL && channel->calls.used < CHANNEL_CALLS_MAX) {
		call->channel = channel;
		call->seq = free_seq(channel);
		(void)map_set(&channel->calls, call->seq, call);
		error = channel_send(channel, type, call->seq, body, -1);
	}
	if (error != 0)
		call->error = error == -EMSGSIZE ? error : -ECONNRESET;
	loop_timer_set(call->timer, error == 0 ? instant_add(loop_now(loop), timeout) : loop_now(loop));
}

/* Gives an answer to the call that waits for it; one whose call timed out meanwhile is dropped. */
static void channel_answered(struct channel *channel, const struct message *message)
{
	struct call *call = map_get(&channel->calls, message->seq);
	uint16_t type = message->row->type;

	if (call == NULL) {
		if (message->fd >= 0)
			(void)close(message->fd);
		return;
	}
	if (type == MSG_DONE) {
		const struct msg_done *done = message->body;

		call_end(call, message, done->error <= 0 ? done->error : -EPROTO);
	} else if (type == MSG_OPENED) {
		call_end(call, message, 0);
	} else {
		call->reply(call->context, message, 0, false);
	}
}

/* Receiving. */

/* Takes the descriptor out of the control data; -1 when there is none, -2 when it isn't exactly one. */
static int fd_of_control(struct msghdr *msg)
{
	int fd = -1, extra;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		size_t count = c->cmsg_len > CMSG_LEN(0) ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			memcpy(&extra, CMSG_DATA(c) + i * sizeof(int), sizeof(extra));
			if (fd == -1) {
				fd = extra;
				continue;
			}
			(void)close(extra);
			if (fd >= 0)
				(void)close(fd);
			fd = -2;
		}
	}
	return fd;
}

/* Checks what was received; returns why it can't be accepted, or NULL. `size` counts the head, too. */
static const char *packet_fault(struct channel *channel, size_t size, int flags, int fd)
{
	const struct message_row *row;
	size_t body_size;

	if (flags & MSG_CTRUNC)
		return "a descriptor was lost on its way (raise the limit of open files)";
	if (flags & MSG_TRUNC || size < sizeof(channel->in.head))
		return "bad message size";
	row = message_row(channel->in.head.type);
	if (row == NULL || channel->in.head.reserved != 0)
		return "unknown message type";
	if (fd == -2 || (fd >= 0) != carries_fd(row->type))
		return "message with the wrong number of descriptors";
	body_size = size - sizeof(channel->in.head);
	if (message_check(row, &channel->in.body, body_size, NULL) != 0)
		return "bad message body";
	memset(channel->in.body.bytes + body_size, 0, row->size - body_size);
	return NULL;
}

/* Receives one message and hands it on; returns whether there may be more. */
static bool channel_receive(struct channel *channel)
{
	struct iovec part = {&channel->in, sizeof(channel->in)};
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
	ssize_t size = recvmsg(channel->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct message message = {.fd = -1};
	const char *fault;

	if (size < 0 && errno == EAGAIN)
		return false;
	/* A reset says that the other side died without reading all; what it sent before is still there, then comes the end. */
	if (size < 0 && (errno == EINTR || errno == ECONNRESET))
		return true;
	if (size <= 0) {
		channel_break(channel, "the other side ended");
		return false;
	}
	message.fd = fd_of_control(&msg);
	fault = packet_fault(channel, (size_t)size, msg.msg_flags, message.fd);
	if (fault != NULL) {
		if (message.fd >= 0)
			(void)close(message.fd);
		channel_break(channel, fault);
		return false;
	}
	message.row = message_row(channel->in.head.type);
	message.seq = channel->in.head.seq;
	message.body = &channel->in.body;
	if (is_answer(channel->in.head.type))
		channel_answered(channel, &message);
	else
		channel->received(channel->context, channel, &message);
	return !channel->freed && channel->reason == NULL;
}

static void channel_ready(void *context, int fd, int events)
{
	struct channel *channel = context;

	(void)fd;
	channel->busy++;
	if (events & LOOP_WRITABLE)
		channel_flush(channel);
	if (channel->reason == NULL && events & (LOOP_READABLE | LOOP_HANGUP))
		for (int i = 0; i < RECEIVE_BURST && channel_receive(channel); i++)
			;
	channel->busy--;
	if (channel->freed && channel->busy == 0)
		free(channel);
}

static void channel_broke(void *context, struct instant now)
{
	struct channel *channel = context;

	(void)now;
	channel->closed(channel->context, channel);
}

struct channel *channel_new(
	struct loop *loop, int fd, const char *name, channel_message_fn *received, channel_closed_fn *closed, void *context)
{
	struct channel *channel = xalloc(sizeof(*channel));

	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	(void)text_copy(channel->name, sizeof(channel->name), name);
	channel->loop = loop;
	channel->fd = fd;
	channel->received = received;
	channel->closed = closed;
	channel->context = context;
	list_init(&channel->queue);
	channel->breaker = loop_timer_new(loop, channel_broke, channel);
	channel->watch = loop_watch_new(loop, fd, LOOP_READABLE, channel_ready, channel);
	return channel;
}

void channel_free(struct channel *channel)
{
	struct packet *packet;
	struct call *call;
	size_t cursor = 0;

	if (channel == NULL || channel->freed)
		return;
	channel->freed = true;
	channel->busy++;
	if (channel->reason == NULL)
		channel->reason = "closed by us"; /* what is sent from inside of the replies below goes nowhere */
	loop_watch_free(channel->watch);
	loop_timer_free(channel->breaker);
	(void)close(channel->fd);
	while ((call = map_next(&channel->calls, &cursor, NULL, NULL)) != NULL)
		call_end(call, NULL, -ECONNRESET);
	map_free(&channel->calls);
	list_each (packet, &channel->queue, struct packet, node)
		packet_free(channel, packet);
	channel->busy--;
	if (channel->busy == 0)
		free(channel);
}
