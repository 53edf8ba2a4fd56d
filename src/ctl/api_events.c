/* The API of events: what is kept as an array, and a stream of what happens (server-sent events). */
#include "base/check.h"
#include "ctl/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A comment goes out when nothing else did for so long, so that dead clients are noticed. */
#define KEEPALIVE_S 15

struct stream {
	struct ctl *ctl;
	struct http_request *request;
	struct events_listener *listener;
	struct loop_timer *timer;
	uint64_t next;
	struct text pending; /* an event that is being sent */
	size_t sent;	     /* bytes of it that are out */
};

static void stream_free(void *state)
{
	struct stream *stream = state;

	events_ignore(stream->listener);
	loop_timer_free(stream->timer);
	text_free(&stream->pending);
	free(stream);
}

static void pending_set(struct stream *stream)
{
	text_free(&stream->pending);
	stream->pending = (struct text){0};
	stream->sent = 0;
}

/* The next event as the protocol has it; false when there is none. What isn't kept any more is skipped. */
static bool stream_next(struct stream *stream)
{
	const struct events *events = stream->ctl->events;
	const char *line;

	if (stream->next < events_oldest(events))
		stream->next = events_oldest(events);
	line = events_get(events, stream->next);
	if (line == NULL)
		return false;
	pending_set(stream);
	text_add(&stream->pending, "id: %" PRIu64 "\ndata: %s\n\n", stream->next++, line);
	return true;
}

static size_t stream_source(void *state, char *bytes, size_t room)
{
	struct stream *stream = state;
	size_t left;

	if (stream->sent == stream->pending.used && !stream_next(stream))
		return 0;
	left = stream->pending.used - stream->sent;
	if (left > room)
		left = room;
	memcpy(bytes, stream->pending.bytes + stream->sent, left);
	stream->sent += left;
	return left;
}

static void stream_keep_alive(void *context, struct instant now)
{
	struct stream *stream = context;

	if (stream->sent == stream->pending.used) {
		pending_set(stream);
		text_add(&stream->pending, ":\n\n");
	}
	loop_timer_set(stream->timer, instant_add(now, span_s(KEEPALIVE_S)));
	http_wake(stream->request);
}

static void stream_wake(void *context) { http_wake(((struct stream *)context)->request); }

/* All kept events from a number on. */
static void reply_kept(struct api_call *call, uint64_t since)
{
	const struct events *events = call->ctl->events;
	json_t *list = json_array();

	for (uint64_t seq = since < events_oldest(events) ? events_oldest(events) : since; seq < events_next(events); seq++) {
		json_t *event = json_loads(events_get(events, seq), 0, NULL);

		if (event != NULL)
			(void)json_array_append_new(list, event);
	}
	api_reply(call, 200, list);
}

void api_events(struct api_call *call)
{
	const char *since = api_query(call, "since"), *last = http_header(call->request, "Last-Event-ID");
	uint64_t from = since ? strtoull(since, NULL, 10) : last ? strtoull(last, NULL, 10) + 1 : events_next(call->ctl->events);
	struct http_request *request = call->request;
	struct ctl *ctl = call->ctl;
	struct stream *stream;

	if (api_query(call, "once") != NULL) {
		reply_kept(call, since ? from : 0);
		return;
	}
	api_call_free(call);
	stream = xalloc(sizeof(*stream));
	stream->ctl = ctl;
	stream->request = request;
	stream->next = from;
	stream->listener = events_listen(ctl->events, stream_wake, stream);
	stream->timer = loop_timer_new(ctl->loop, stream_keep_alive, stream);
	loop_timer_set(stream->timer, instant_add(loop_now(ctl->loop), span_s(KEEPALIVE_S)));
	http_set_state(request, stream, stream_free);
	http_stream(request, "text/event-stream", stream_source);
}
