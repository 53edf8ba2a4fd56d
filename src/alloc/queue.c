/* The queue of machines (see queue.h): a sorted list of those that wait, and a map of all. */
#include "alloc/queue.h"

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>

/* A machine. `since` is when its phase began to be counted; `arrival` numbers arrivals and breaks ties. */
struct entry {
	struct list waiting_node;
	uint64_t id;
	uint64_t arrival;
	int32_t priority;
	enum queue_phase phase;
	struct instant since;
	struct span waiting;
	struct span service;
};

struct queue {
	enum queue_policy policy;
	unsigned max_starting;
	uint64_t arrivals;
	size_t starting_count;
	size_t waiting_count;
	struct list waiting; /* struct entry, the next to start first */
	struct map entries;
};

struct queue *queue_new(enum queue_policy policy, unsigned max_starting)
{
	struct queue *queue = xalloc(sizeof(*queue));

	queue->policy = policy;
	queue->max_starting = max_starting > 0 ? max_starting : 1;
	list_init(&queue->waiting);
	return queue;
}

void queue_free(struct queue *queue)
{
	size_t cursor = 0;

	if (queue == NULL)
		return;
	for (struct entry *entry; (entry = map_next(&queue->entries, &cursor, NULL, NULL)) != NULL;)
		free(entry);
	map_free(&queue->entries);
	free(queue);
}

static struct entry *find(const struct queue *queue, uint64_t id) { return map_get(&queue->entries, id); }

/* Whether `a` starts before `b`. */
static bool comes_before(const struct queue *queue, const struct entry *a, const struct entry *b)
{
	if (queue->policy == QUEUE_PRIORITY && a->priority != b->priority)
		return a->priority > b->priority;
	return a->arrival < b->arrival;
}

/* Puts a waiting machine in its place. From the end, where most belong. */
static void insert(struct queue *queue, struct entry *entry)
{
	struct list *after = queue->waiting.prev;

	while (after != &queue->waiting && comes_before(queue, entry, CONTAINER_OF(after, struct entry, waiting_node)))
		after = after->prev;
	list_insert_before(after->next, &entry->waiting_node);
}

void queue_change(struct queue *queue, enum queue_policy policy, unsigned max_starting)
{
	struct list old;
	struct entry *entry;

	queue->max_starting = max_starting > 0 ? max_starting : 1;
	if (policy == queue->policy)
		return;
	queue->policy = policy;
	list_init(&old);
	list_each (entry, &queue->waiting, struct entry, waiting_node) {
		list_remove(&entry->waiting_node);
		list_append(&old, &entry->waiting_node);
	}
	list_each (entry, &old, struct entry, waiting_node) {
		list_remove(&entry->waiting_node);
		insert(queue, entry);
	}
}

/* Books the time since the phase was last counted. */
static void book(struct entry *entry, struct instant now)
{
	struct span passed = instant_diff(now, entry->since);

	if (passed.ns <= 0)
		return;
	entry->since = now;
	if (entry->phase == QUEUE_WAITING || entry->phase == QUEUE_PAUSED)
		entry->waiting.ns += passed.ns;
	else if (entry->phase == QUEUE_STARTING || entry->phase == QUEUE_RUNNING)
		entry->service.ns += passed.ns;
}

/* Books the time and moves to another phase, keeping counts and the list of those that wait. */
static void move(struct queue *queue, struct entry *entry, enum queue_phase phase, struct instant now)
{
	book(entry, now);
	if (entry->phase == QUEUE_WAITING) {
		list_remove(&entry->waiting_node);
		queue->waiting_count--;
	}
	if (entry->phase == QUEUE_STARTING)
		queue->starting_count--;
	entry->phase = phase;
	if (phase == QUEUE_WAITING) {
		insert(queue, entry);
		queue->waiting_count++;
	}
	if (phase == QUEUE_STARTING)
		queue->starting_count++;
}

/* A fresh entry for an arrival, in phase ABSENT; `*error` says why there is none. */
static struct entry *arrive(struct queue *queue, uint64_t id, int32_t priority, struct instant now, int *error)
{
	struct entry *entry = find(queue, id);

	*error = 0;
	if (entry != NULL && entry->phase != QUEUE_ENDED) {
		*error = -EEXIST;
		return NULL;
	}
	if (entry == NULL && queue->entries.used >= QUEUE_MACHINES_MAX) {
		*error = -ENOSPC;
		return NULL;
	}
	if (entry == NULL) {
		entry = xalloc(sizeof(*entry));
		map_set(&queue->entries, id, entry);
	}
	*entry = (struct entry){.id = id, .arrival = queue->arrivals++, .priority = priority, .phase = QUEUE_ABSENT, .since = now};
	return entry;
}

int queue_add(struct queue *queue, uint64_t id, int32_t priority, struct instant now)
{
	int error;
	struct entry *entry = arrive(queue, id, priority, now, &error);

	if (entry != NULL)
		move(queue, entry, QUEUE_WAITING, now);
	return error;
}

int queue_adopt(struct queue *queue, uint64_t id, int32_t priority, struct queue_times times, bool paused, struct instant now)
{
	int error;
	struct entry *entry = arrive(queue, id, priority, now, &error);

	if (entry == NULL)
		return error;
	entry->waiting.ns = times.waiting.ns > 0 ? times.waiting.ns : 0;
	entry->service.ns = times.service.ns > 0 ? times.service.ns : 0;
	move(queue, entry, paused ? QUEUE_PAUSED : QUEUE_RUNNING, now);
	return 0;
}

void queue_set_priority(struct queue *queue, uint64_t id, int32_t priority)
{
	struct entry *entry = find(queue, id);

	if (entry == NULL || entry->priority == priority)
		return;
	entry->priority = priority;
	if (entry->phase != QUEUE_WAITING)
		return;
	list_remove(&entry->waiting_node);
	insert(queue, entry);
}

bool queue_next(struct queue *queue, struct instant now, uint64_t *id)
{
	struct entry *entry = list_first(&queue->waiting, struct entry, waiting_node);

	if (entry == NULL || queue->starting_count >= queue->max_starting)
		return false;
	move(queue, entry, QUEUE_STARTING, now);
	*id = entry->id;
	return true;
}

static void step(struct queue *queue, uint64_t id, enum queue_phase from, enum queue_phase to, struct instant now)
{
	struct entry *entry = find(queue, id);

	if (entry != NULL && entry->phase == from)
		move(queue, entry, to, now);
}

void queue_started(struct queue *queue, uint64_t id, struct instant now) { step(queue, id, QUEUE_STARTING, QUEUE_RUNNING, now); }

void queue_pause(struct queue *queue, uint64_t id, struct instant now) { step(queue, id, QUEUE_RUNNING, QUEUE_PAUSED, now); }

void queue_resume(struct queue *queue, uint64_t id, struct instant now) { step(queue, id, QUEUE_PAUSED, QUEUE_RUNNING, now); }

void queue_end(struct queue *queue, uint64_t id, struct instant now)
{
	struct entry *entry = find(queue, id);

	if (entry != NULL && entry->phase != QUEUE_ENDED)
		move(queue, entry, QUEUE_ENDED, now);
}

void queue_remove(struct queue *queue, uint64_t id)
{
	struct entry *entry = map_remove(&queue->entries, id);

	if (entry == NULL)
		return;
	move(queue, entry, QUEUE_ENDED, entry->since);
	free(entry);
}

enum queue_phase queue_phase(const struct queue *queue, uint64_t id)
{
	const struct entry *entry = find(queue, id);

	return entry != NULL ? entry->phase : QUEUE_ABSENT;
}

struct queue_times queue_times(const struct queue *queue, uint64_t id, struct instant now)
{
	const struct entry *entry = find(queue, id);
	struct entry counted;

	if (entry == NULL)
		return (struct queue_times){0};
	counted = *entry;
	book(&counted, now);
	return (struct queue_times){counted.waiting, counted.service, span_ns(counted.waiting.ns + counted.service.ns)};
}

unsigned queue_position(const struct queue *queue, uint64_t id)
{
	unsigned position = 0;
	struct entry *entry;

	list_each (entry, &queue->waiting, struct entry, waiting_node) {
		position++;
		if (entry->id == id)
			return position;
	}
	return 0;
}

size_t queue_waiting(const struct queue *queue) { return queue->waiting_count; }

size_t queue_starting(const struct queue *queue) { return queue->starting_count; }
