/* Events: a ring of lines of JSON, written behind into the store. */
#include "ctl/events.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/list.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct events {
	struct loop *loop;
	struct store *store;
	struct loop_timer *timer;
	char *lines[EVENTS_KEPT]; /* the one with number n at n % EVENTS_KEPT */
	uint64_t oldest, next;	  /* kept: oldest .. next - 1 */
	uint64_t written;	  /* numbers below are in the store */
	struct list listeners;
};

struct events_listener {
	struct list node;
	void (*fire)(void *context);
	void *context;
};

static const char counter_key[] = "next-event";

static void key_of(uint64_t seq, char key[24]) { (void)snprintf(key, 24, "%020" PRIu64, seq); }

static int load_row(void *context, const char *key, const char *value)
{
	struct events *events = context;
	uint64_t seq = strtoull(key, NULL, 10);
	char **line = &events->lines[seq % EVENTS_KEPT];

	if (seq == 0 || seq < events->next)
		return 0;
	free(*line);
	*line = xstrdup(value);
	if (events->oldest == 0 || seq != events->next) /* the first one, or the first behind a gap */
		events->oldest = seq;
	events->next = seq + 1;
	if (events->next - events->oldest > EVENTS_KEPT)
		events->oldest = events->next - EVENTS_KEPT;
	return 0;
}

static int load_counter(void *context, const char *key, const char *value)
{
	struct events *events = context;
	uint64_t next = strtoull(value, NULL, 10);

	if (strcmp(key, counter_key) == 0 && next > events->next)
		events->oldest = events->next = next;
	return 0;
}

static void events_write(struct events *events)
{
	struct store_batch *batch;
	struct err err;
	char key[24];
	uint64_t from = events->written > events->oldest ? events->written : events->oldest;

	if (events->written == events->next)
		return;
	batch = store_batch_new();
	for (uint64_t seq = from; seq < events->next; seq++) {
		key_of(seq, key);
		store_batch_put(batch, STORE_EVENTS, key, events->lines[seq % EVENTS_KEPT]);
	}
	for (uint64_t seq = events->written; seq < events->next; seq++) {
		if (seq <= EVENTS_KEPT)
			continue;
		key_of(seq - EVENTS_KEPT, key);
		store_batch_del(batch, STORE_EVENTS, key);
	}
	if (store_write(events->store, batch, &err) < 0)
		log_warning("events", "%s", err.text);
	events->written = events->next;
	store_batch_free(batch);
}

static void write_due(void *context, struct instant now) { events_write(context); }

int events_load(struct loop *loop, struct store *store, struct events **out, struct err *err)
{
	struct events *events = xalloc(sizeof(*events));
	int rc;

	events->loop = loop;
	events->store = store;
	events->next = 1;
	list_init(&events->listeners);
	events->timer = loop_timer_new(loop, write_due, events);
	rc = store_each(store, STORE_EVENTS, "", load_row, events, err);
	if (rc == 0)
		rc = store_each(store, STORE_META, counter_key, load_counter, events, err);
	if (events->oldest == 0)
		events->oldest = events->next;
	events->written = events->next;
	if (rc < 0) {
		events_free(events);
		return rc;
	}
	*out = events;
	return 0;
}

void events_free(struct events *events)
{
	struct events_listener *listener;

	if (events == NULL)
		return;
	events_write(events);
	list_each (listener, &events->listeners, struct events_listener, node)
		events_ignore(listener);
	for (size_t i = 0; i < EVENTS_KEPT; i++)
		free(events->lines[i]);
	loop_timer_free(events->timer);
	free(events);
}

/* The wall clock as "2026-11-24T08:15:00.123Z". */
static void event_time(char out[32])
{
	int64_t now = clock_wall_ns();
	time_t seconds = (time_t)(now / 1000000000);
	struct tm tm;
	size_t used;

	(void)gmtime_r(&seconds, &tm);
	used = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(out + used, 32 - used, ".%03dZ", (int)(now % 1000000000 / 1000000));
}

static json_t *event_json(struct events *events, const char *lab, const char *object, const char *event, json_t *extra, const char *text)
{
	char time[32];
	json_t *line;

	event_time(time);
	line = json_pack("{s:I, s:s, s:s*, s:s*, s:s, s:s}", "seq", (json_int_t)events->next, "time", time, "lab", lab, "object", object,
		"event", event, "text", text);
	CHECK(line != NULL);
	if (extra != NULL)
		(void)json_object_update_missing(line, extra);
	json_decref(extra);
	return line;
}

void events_add(struct events *events, const char *lab, const char *object, const char *event, json_t *extra, const char *format, ...)
{
	char text[1024];
	struct events_listener *listener;
	char **slot = &events->lines[events->next % EVENTS_KEPT];
	json_t *line;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line = event_json(events, lab, object, event, extra, text);
	free(*slot);
	*slot = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(12));
	CHECK(*slot != NULL);
	json_decref(line);
	log_info(object ? object : lab, "%s%s%s", event, text[0] ? ": " : "", text);
	if (events->written == events->next)
		loop_timer_set(events->timer, instant_add(loop_now(events->loop), span_ms(EVENTS_WRITE_MS)));
	events->next++;
	if (events->next - events->oldest > EVENTS_KEPT)
		events->oldest = events->next - EVENTS_KEPT;
	list_each (listener, &events->listeners, struct events_listener, node)
		listener->fire(listener->context);
}

uint64_t events_next(const struct events *events) { return events->next; }
uint64_t events_oldest(const struct events *events) { return events->oldest; }

const char *events_get(const struct events *events, uint64_t seq)
{
	return seq >= events->oldest && seq < events->next ? events->lines[seq % EVENTS_KEPT] : NULL;
}

struct events_listener *events_listen(struct events *events, void (*fire)(void *context), void *context)
{
	struct events_listener *listener = xalloc(sizeof(*listener));

	listener->fire = fire;
	listener->context = context;
	list_append(&events->listeners, &listener->node);
	return listener;
}

void events_ignore(struct events_listener *listener)
{
	if (listener == NULL)
		return;
	list_remove(&listener->node);
	free(listener);
}

void events_forget(struct events *events, struct store_batch *batch)
{
	char next[24];

	(void)snprintf(next, sizeof(next), "%" PRIu64, events->next);
	store_batch_del_below(batch, STORE_EVENTS, "");
	store_batch_put(batch, STORE_META, counter_key, next);
	events->oldest = events->written = events->next;
}
