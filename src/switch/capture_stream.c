/* The reading end of captures: sockets, a timer, statistics. */
#include "switch/capture_stream.h"

#include "base/arena.h"
#include "switch/capture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* How often rings are emptied; how often statistics follow when packets were dropped. */
#define DRAIN_MS 20
#define STATISTICS_MS 1000

struct stream {
	struct list node;
	struct capture *capture;
	int fd, client; /* our end; ctl's, until it has it */
	uint32_t seq, generation;
	bool open;     /* the worker has it */
	bool ending;   /* the worker was asked to take it out */
	uint64_t told; /* drops */
	struct instant statistics;
	uint8_t pending[PCAPNG_HEAD_BYTES]; /* blocks of our own that wait to be sent whole */
	size_t pending_used, pending_sent;
};

struct capture_streams {
	struct process *process;
	struct worker *worker;
	struct list streams;
	unsigned count;
	struct loop_timer *timer;
};

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void stream_free(struct capture_streams *streams, struct stream *stream)
{
	list_remove(&stream->node);
	streams->count--;
	if (stream->client >= 0)
		(void)close(stream->client);
	if (stream->fd >= 0)
		(void)close(stream->fd);
	capture_free(stream->capture);
	free(stream);
}

/* Asks the worker to let go of it. */
static void stream_end(struct capture_streams *streams, struct stream *stream)
{
	struct worker_order *order = worker_order_new(WORKER_UNCAPTURE, 0);

	stream->ending = true;
	(void)close(stream->fd);
	stream->fd = -1;
	order->capture = stream->capture;
	worker_order(streams->worker, order);
}

/* Sends bytes as far as the socket takes them: how many, or a negative errno. */
static ssize_t send_some(int fd, const uint8_t *bytes, size_t count)
{
	ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* Blocks of our own go out whole between those of the ring, which are read whole, too, when the ring is empty. */
static int send_pending(struct stream *stream)
{
	while (stream->pending_sent < stream->pending_used) {
		ssize_t n = send_some(stream->fd, stream->pending + stream->pending_sent, stream->pending_used - stream->pending_sent);

		if (n <= 0)
			return n == 0 ? -EAGAIN : (int)n;
		stream->pending_sent += (size_t)n;
	}
	stream->pending_sent = stream->pending_used = 0;
	return 0;
}

static int send_ring(struct stream *stream)
{
	const uint8_t *bytes;
	size_t there;

	while ((there = capture_peek(stream->capture, &bytes)) > 0) {
		ssize_t n = send_some(stream->fd, bytes, there);

		if (n <= 0)
			return n == 0 ? -EAGAIN : (int)n;
		capture_take(stream->capture, (size_t)n);
	}
	return 0;
}

static void add_statistics(struct stream *stream, struct instant now)
{
	uint64_t dropped = atomic_load_explicit(&stream->capture->dropped, memory_order_relaxed);
	struct writer w = writer_over(stream->pending, sizeof(stream->pending));

	if (dropped == stream->told || instant_before(now, stream->statistics))
		return;
	pcapng_statistics(&w, (uint64_t)(now.ns + stream->capture->wall_ns), atomic_load(&stream->capture->seen), dropped);
	stream->pending_used = writer_used(&w);
	stream->told = dropped;
	stream->statistics = instant_add(now, span_ms(STATISTICS_MS));
}

/* Whether the other side has closed; it never says anything. */
static bool hung_up(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void stream_drain(struct capture_streams *streams, struct stream *stream, struct instant now)
{
	int rc = send_pending(stream);

	if (rc == 0)
		rc = send_ring(stream);
	if (rc == 0) {
		add_statistics(stream, now);
		rc = send_pending(stream);
	}
	if ((rc < 0 && rc != -EAGAIN) || hung_up(stream->fd) || (rc == 0 && atomic_load(&stream->capture->over)))
		stream_end(streams, stream);
}

static void streams_tick(void *context, struct instant now)
{
	struct capture_streams *streams = context;
	struct stream *stream;

	list_each (stream, &streams->streams, struct stream, node)
		if (stream->open && !stream->ending)
			stream_drain(streams, stream, now);
	if (streams->count > 0)
		loop_timer_set(streams->timer, instant_add(now, span_ms(DRAIN_MS)));
}

struct capture_streams *capture_streams_new(struct process *process)
{
	struct capture_streams *streams = xalloc(sizeof(*streams));

	streams->process = process;
	list_init(&streams->streams);
	streams->timer = loop_timer_new(process->loop, streams_tick, streams);
	return streams;
}

void capture_streams_free(struct capture_streams *streams)
{
	struct stream *stream;

	if (streams == NULL)
		return;
	while ((stream = list_first(&streams->streams, struct stream, node)) != NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a stream that was freed left the list before */
		stream_free(streams, stream);
	loop_timer_free(streams->timer);
	free(streams);
}

static struct stream *stream_new(struct capture_streams *streams, const struct msg_capture *wanted, struct err *err)
{
	struct stream *stream;
	struct writer w;
	int pair[2];

	if (streams->count == CAPTURES_MAX) {
		(void)err_set(err, -ENOSPC, "%d captures run: that is all there can be", CAPTURES_MAX);
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
		(void)err_set(err, -errno, "no sockets for the capture: %s", strerror(errno));
		return NULL;
	}
	stream = xalloc(sizeof(*stream));
	stream->fd = pair[0];
	stream->client = pair[1];
	list_append(&streams->streams, &stream->node);
	streams->count++;
	stream->capture = capture_new(wanted, now_ns(CLOCK_REALTIME) - now_ns(CLOCK_MONOTONIC), err);
	if (stream->capture == NULL) {
		stream_free(streams, stream);
		return NULL;
	}
	w = writer_over(stream->pending, sizeof(stream->pending));
	pcapng_head(&w, wanted->name, stream->capture->snaplen);
	CHECK(writer_ok(&w));
	stream->pending_used = writer_used(&w);
	return stream;
}

void capture_stream_open(
	struct capture_streams *streams, struct worker *worker, const struct msg_capture *wanted, uint32_t seq, uint32_t generation)
{
	struct worker_order *order;
	struct err err = {0};
	struct stream *stream = stream_new(streams, wanted, &err);

	if (stream == NULL) {
		channel_done(streams->process->peers[PROCESS_CTL], seq, &err);
		return;
	}
	streams->worker = worker;
	stream->seq = seq;
	stream->generation = generation;
	order = worker_order_new(WORKER_CAPTURE, 0);
	order->from = PROCESS_CTL;
	order->generation = generation;
	order->capture = stream->capture;
	worker_order(worker, order);
}

static struct stream *stream_find(const struct capture_streams *streams, const struct capture *capture)
{
	struct stream *stream;

	list_each (stream, &streams->streams, struct stream, node)
		if (stream->capture == capture)
			return stream;
	return NULL;
}

void capture_stream_event(struct capture_streams *streams, struct worker *worker, const struct worker_event *event, bool of_this_life)
{
	struct stream *stream = stream_find(streams, event->capture);
	struct channel *ctl = streams->process->peers[PROCESS_CTL];
	const struct msg_none none = {0};

	if (stream == NULL)
		return;
	if (event->kind == WORKER_UNCAPTURED || event->error.code != 0) {
		if (event->kind == WORKER_CAPTURED && of_this_life)
			channel_done(ctl, stream->seq, &event->error);
		stream_free(streams, stream);
		return;
	}
	stream->open = true;
	if (of_this_life)
		(void)channel_send(ctl, MSG_OPENED, stream->seq, &none, stream->client);
	(void)close(stream->client);
	stream->client = -1;
	loop_timer_set(streams->timer, loop_now(streams->process->loop));
}
