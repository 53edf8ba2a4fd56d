/*
 * A channel: a SOCK_SEQPACKET socket that carries messages and descriptors between two processes.
 *
 * Theory of operation. One packet is one message: head, body, at most one descriptor. What is received is checked against its row before
 * anyone sees it; a message that fails closes the channel (the other side is broken or hostile) and the supervisor makes a new one when the
 * process is back. Sending never blocks: what the socket doesn't take waits in a bounded queue; when that is full the channel is closed and
 * the event counted, since a process that doesn't read is as good as dead. Packets (PUNT, INJECT) get a quarter of the queue: they may be
 * lost as on any wire, so a busy process misses packets and not the channel. Descriptors that are received are the receiver's to close.
 */
#ifndef PROC_CHANNEL_H
#define PROC_CHANNEL_H

#include "api/message_types.h"
#include "proc/loop.h"

struct channel;

/* What may wait for a peer that doesn't read: messages, bytes; and calls without an answer yet. */
#define CHANNEL_QUEUE_MESSAGES_MAX 16384
#define CHANNEL_QUEUE_BYTES_MAX (16 << 20)
/* Of those, packets: */
#define CHANNEL_QUEUE_PACKETS_MAX (CHANNEL_QUEUE_MESSAGES_MAX / 4)
#define CHANNEL_QUEUE_PACKET_BYTES_MAX (CHANNEL_QUEUE_BYTES_MAX / 4)
#define CHANNEL_CALLS_MAX 65536

/* A received message. `body` is a whole struct of row->size bytes, valid during the call; `fd` is -1 or a descriptor, now the callee's. */
struct message {
	const struct message_row *row;
	uint32_t seq;
	const void *body;
	int fd;
};

typedef void channel_message_fn(void *context, struct channel *channel, const struct message *message);
typedef void channel_closed_fn(void *context, struct channel *channel);

/*
 * Takes over `fd` (non-blocking from then on). `received` gets every message that isn't the answer to a call; `closed` is called once, from
 * the loop, when the other side is gone or misbehaved; the callee frees the channel then.
 */
struct channel *channel_new(
	struct loop *loop, int fd, const char *name, channel_message_fn *received, channel_closed_fn *closed, void *context);

/* Why the channel closed, for the log: "the other side ended", "send queue full", ... */
const char *channel_reason(const struct channel *channel);

/* Ends calls that still wait (with -ECONNRESET), closes the socket. Accepts NULL. */
void channel_free(struct channel *channel);

/*
 * Sends a message; `fd` (borrowed, -1 for none) goes along. `seq` is 0 for events, the order's in replies. Accepts NULL as the channel and
 * does nothing then: a process that is away gets everything again when it is back. Returns 0, -ENOTCONN, -EMSGSIZE, or, for a packet that
 * finds its part of the queue full, -ENOBUFS.
 */
int channel_send(struct channel *channel, enum message_type type, uint32_t seq, const void *body, int fd);

/* Sends one message over a bare socket, waiting when it is full: for a helper process without a loop. Returns 0 or a negative errno. */
int channel_send_bare(int socket, enum message_type type, uint32_t seq, const void *body, int fd);

/* Sends the DONE that answers an order: `err` NULL or code 0 means success. */
void channel_done(struct channel *channel, uint32_t seq, const struct err *err);

/*
 * A reply to a call. Rows come with `last` false (the descriptor of one is the callee's); DONE and OPENED come with `last` true. On timeout
 * or a broken channel `message` is NULL and `error` is -ETIMEDOUT or -ECONNRESET; for DONE `error` is its error.
 */
typedef void channel_reply_fn(void *context, const struct message *message, int error, bool last);

/* Sends an order or question and calls `reply` until the last answer. `reply` is called exactly once with `last`, never from inside this
 * call. */
void channel_call(struct channel *channel, struct loop *loop, enum message_type type, const void *body, struct span timeout,
	channel_reply_fn *reply, void *context);

#endif
