/*
 * The queue of live machines (see queue.h): entries that stay, and a scheduler made from them. Long because phases, the scheduler's state
 * and the times are three sides of one entry, which every function keeps together.
 */
#include "alloc/queue_parts.h"

#include "base/arena.h"
#include "base/check.h"

#include <errno.h>
#include <stdlib.h>

/* The scheduler keeps what is through: it is made anew when most of it is that. */
#define DEAD_JOBS_MIN 4096

static struct entry *find(const struct queue *queue, uint64_t id) { return map_get(&queue->entries, id); }

static void tell(struct queue *queue, struct instant now)
{
	if (instant_before(queue->latest, now))
		queue->latest = now;
}

/* ---- the scheduler ---- */

struct sched_config queue_sched_config(const struct queue_settings *settings)
{
	bool pauses = settings->policy == SCHED_RR || settings->policy == SCHED_PREEMPTIVE;

	return (struct sched_config){.policy = settings->policy,
		.easy = settings->easy,
		.hold = pauses && !settings->release,
		.quantum = span_to_ms(settings->quantum),
		.aging = span_to_ms(settings->aging),
		.hosts = 1,
		.vcpus = settings->vcpus,
		.memory = settings->memory_mib,
		.keep_places = true};
}

int queue_settings_check(const struct queue_settings *settings, struct err *err)
{
	struct sched_config config = queue_sched_config(settings);

	return sched_config_check(&config, err);
}

static int by_arrival(const void *left, const void *right)
{
	const struct entry *a = *(struct entry *const *)left, *b = *(struct entry *const *)right;

	if (a->arrived.ns != b->arrived.ns)
		return a->arrived.ns < b->arrived.ns ? -1 : 1;
	return a->arrival < b->arrival ? -1 : 1;
}

/* Those that run first, then those that wait, both by turn. */
static int by_turn(const void *left, const void *right)
{
	const struct entry *a = *(struct entry *const *)left, *b = *(struct entry *const *)right;

	if (a->granted != b->granted)
		return a->granted ? -1 : 1;
	return a->turn < b->turn ? -1 : 1;
}

static uint32_t at_most(uint32_t value, uint32_t limit) { return value < limit ? value : limit; }

/* All entries that aren't through, in the order of arrival. */
static struct entry **living(const struct queue *queue, uint32_t *count)
{
	struct entry **list = xalloc((queue->entries.used + 1) * sizeof(void *)), *entry;
	size_t cursor = 0;

	*count = 0;
	while ((entry = map_next(&queue->entries, &cursor, NULL, NULL)) != NULL)
		if (entry->phase != QUEUE_ENDED)
			list[(*count)++] = entry;
	qsort(list, *count, sizeof(void *), by_arrival);
	return list;
}

struct sched *queue_build(const struct queue *queue, sched_order_fn *order, void *context, struct entry ***jobs, uint32_t *count)
{
	struct sched_config config = queue_sched_config(&queue->settings);
	struct sched *sched = sched_new(&config, order, context);
	struct entry **turns;

	*jobs = living(queue, count);
	turns = xalloc((*count + 1) * sizeof(void *));
	for (uint32_t i = 0; i < *count; i++) {
		struct entry *entry = turns[i] = (*jobs)[i];
		/* One that became larger than the host runs on as all of it. */
		struct sched_request request = {.arrival = queue_tick(entry->arrived),
			.estimate = entry->need.estimate.ns > 0 ? span_to_ms(entry->need.estimate) : QUEUE_FOREVER_MS,
			.vcpus = at_most(entry->need.vcpus, queue->settings.vcpus),
			.memory = at_most(entry->need.memory_mib, queue->settings.memory_mib),
			.priority = entry->need.priority};

		CHECK(sched_submit_withheld(sched, &request) == i);
		entry->job = i;
		if (entry->begun || entry->keeps)
			sched_restore(sched, i, entry->begun, entry->served, entry->keeps || (config.hold && entry->begun));
	}
	qsort(turns, *count, sizeof(void *), by_turn);
	for (uint32_t i = 0; i < *count; i++) {
		if (turns[i]->granted)
			sched_restore_running(sched, turns[i]->job, turns[i]->dispatched);
		else if (!turns[i]->withheld)
			sched_readmit(sched, turns[i]->job);
	}
	free(turns);
	return sched;
}

static void note_order(struct queue *queue, struct entry *entry, enum sched_order order)
{
	if (queue->order_count == queue->order_capacity) {
		queue->order_capacity = queue->order_capacity ? queue->order_capacity * 2 : 64;
		queue->orders = xrealloc(queue->orders, queue->order_capacity * sizeof(*queue->orders));
	}
	queue->orders[queue->order_count++] = (struct queue_order){entry->id, order};
}

static void move(struct queue *queue, struct entry *entry, enum queue_phase phase, struct instant now);

/* The scheduler decided. */
static void on_order(void *context, uint32_t job, enum sched_order order, int64_t now)
{
	struct queue *queue = context;
	struct entry *entry = queue->by_job[job];

	entry->turn = ++queue->turns;
	if (entry->granted)
		entry->served += now - entry->dispatched;
	entry->granted = order != SCHED_PAUSE;
	entry->keeps = entry->keeps && entry->granted;
	entry->dispatched = now;
	if (order == SCHED_START) {
		entry->begun = true;
		move(queue, entry, QUEUE_STARTING, queue->latest);
	}
	if (order != SCHED_CONTINUE)
		note_order(queue, entry, order);
}

/* One of those that wait, in the order of their lines. */
static void on_waiting(void *context, uint32_t job, bool holds)
{
	struct queue *queue = context;

	queue->by_job[job]->turn = ++queue->turns;
	queue->by_job[job]->keeps = holds;
}

void queue_make_stale(struct queue *queue)
{
	if (!queue->stale)
		sched_each_waiting(queue->sched, on_waiting, queue);
	queue->stale = true;
}

static struct sched *scheduler(struct queue *queue)
{
	if (!queue->stale)
		return queue->sched;
	sched_free(queue->sched);
	free(queue->by_job);
	queue->sched = queue_build(queue, on_order, queue, &queue->by_job, &queue->job_count);
	queue->job_capacity = queue->job_count;
	queue->stale = false;
	return queue->sched;
}

/* ---- the queue ---- */

struct queue *queue_new(const struct queue_settings *settings)
{
	struct queue *queue = xalloc(sizeof(*queue));

	queue->stale = true;
	queue_change(queue, settings);
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
	sched_free(queue->sched);
	free(queue->by_job);
	free(queue->orders);
	free(queue);
}

void queue_change(struct queue *queue, const struct queue_settings *settings)
{
	CHECK(queue_settings_check(settings, NULL) == 0);
	queue->settings = *settings;
	if (queue->settings.max_starting == 0)
		queue->settings.max_starting = 1;
	queue_make_stale(queue);
}

const struct queue_settings *queue_settings(const struct queue *queue) { return &queue->settings; }

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

/* Books the time and moves to another phase. */
static void move(struct queue *queue, struct entry *entry, enum queue_phase phase, struct instant now)
{
	book(entry, now);
	queue->phases[entry->phase]--;
	entry->phase = phase;
	queue->phases[phase]++;
}

/* A fresh entry for an arrival, in phase ABSENT; `*error` says why there is none. */
static struct entry *arrive(struct queue *queue, uint64_t id, const struct queue_need *need, struct instant now, int *error)
{
	struct entry *entry = find(queue, id);

	*error = 0;
	tell(queue, now);
	if (entry != NULL && entry->phase != QUEUE_ENDED)
		*error = -EEXIST;
	else if (entry == NULL && queue->entries.used >= QUEUE_MACHINES_MAX)
		*error = -ENOSPC;
	if (*error != 0)
		return NULL;
	if (entry == NULL) {
		entry = xalloc(sizeof(*entry));
		map_set(&queue->entries, id, entry);
	} else {
		queue->phases[entry->phase]--;
	}
	*entry = (struct entry){.id = id,
		.arrival = queue->arrivals++,
		.arrived = now,
		.need = *need,
		.phase = QUEUE_ABSENT,
		.since = now,
		.job = QUEUE_NO_JOB,
		.turn = ++queue->turns,
		.expected = INT64_MAX};
	queue->phases[QUEUE_ABSENT]++;
	return entry;
}

/* Gives the new entry to the scheduler, in the order of arrival. */
static void submit(struct queue *queue, struct entry *entry)
{
	struct sched_request request = {.arrival = queue_tick(entry->arrived),
		.estimate = entry->need.estimate.ns > 0 ? span_to_ms(entry->need.estimate) : QUEUE_FOREVER_MS,
		.vcpus = entry->need.vcpus,
		.memory = entry->need.memory_mib,
		.priority = entry->need.priority};

	if (queue->stale)
		return;
	if (queue->job_count == queue->job_capacity) {
		queue->job_capacity = queue->job_capacity > 0 ? queue->job_capacity * 2 : 64;
		queue->by_job = xrealloc(queue->by_job, queue->job_capacity * sizeof(struct entry *));
	}
	entry->job = sched_submit(queue->sched, &request);
	CHECK(entry->job == queue->job_count);
	queue->by_job[queue->job_count++] = entry;
}

int queue_add(struct queue *queue, uint64_t id, const struct queue_need *need, struct instant now)
{
	struct entry *entry;
	int error;

	if (need->vcpus > queue->settings.vcpus || need->memory_mib > queue->settings.memory_mib)
		return -E2BIG;
	if (queue->job_count >= DEAD_JOBS_MIN && queue->job_count / 4 >= queue->entries.used)
		queue_make_stale(queue);
	entry = arrive(queue, id, need, now, &error);
	if (entry == NULL)
		return error;
	move(queue, entry, QUEUE_WAITING, now);
	submit(queue, entry);
	return 0;
}

int queue_adopt(struct queue *queue, uint64_t id, const struct queue_need *need, const struct queue_past *past, struct instant now)
{
	struct entry *entry;
	int error;

	queue_make_stale(queue);
	entry = arrive(queue, id, need, now, &error);
	if (entry == NULL)
		return error;
	CHECK(past->phase == QUEUE_WAITING || past->phase == QUEUE_RUNNING || past->phase == QUEUE_PAUSED || past->phase == QUEUE_ENDED);
	entry->waiting.ns = past->times.waiting.ns > 0 ? past->times.waiting.ns : 0;
	entry->service.ns = past->times.service.ns > 0 ? past->times.service.ns : 0;
	entry->arrived = instant_earlier(past->arrived, now);
	entry->begun = past->phase != QUEUE_WAITING;
	entry->granted = past->phase == QUEUE_RUNNING;
	entry->withheld = entry->keeps = past->phase == QUEUE_PAUSED && !past->by_policy;
	entry->dispatched = queue_tick(now);
	entry->served = entry->service.ns / 1000000;
	move(queue, entry, past->phase, now);
	return 0;
}

void queue_set_need(struct queue *queue, uint64_t id, const struct queue_need *need)
{
	struct entry *entry = find(queue, id);

	if (entry == NULL || (entry->need.priority == need->priority && entry->need.vcpus == need->vcpus &&
				     entry->need.memory_mib == need->memory_mib && entry->need.estimate.ns == need->estimate.ns))
		return;
	entry->need = *need;
	queue_make_stale(queue);
}

void queue_withhold(struct queue *queue, uint64_t id, struct instant now)
{
	struct entry *entry = find(queue, id);
	struct sched *sched;

	if (entry == NULL || entry->withheld || entry->phase == QUEUE_ENDED)
		return;
	tell(queue, now);
	/* Made anew first, when it is stale: that gives out the jobs' numbers. */
	sched = scheduler(queue);
	sched_withhold(sched, entry->job, queue_tick(now));
	if (entry->granted) {
		entry->served += queue_tick(now) - entry->dispatched;
		entry->keeps = true;
	}
	entry->granted = false;
	entry->withheld = true;
}

void queue_readmit(struct queue *queue, uint64_t id, struct instant now)
{
	struct entry *entry = find(queue, id);
	struct sched *sched;

	if (entry == NULL || !entry->withheld || entry->phase == QUEUE_ENDED)
		return;
	tell(queue, now);
	entry->turn = ++queue->turns;
	sched = scheduler(queue);
	sched_readmit(sched, entry->job);
	entry->withheld = false;
}

bool queue_is_withheld(const struct queue *queue, uint64_t id)
{
	const struct entry *entry = find(queue, id);

	return entry != NULL && entry->withheld;
}

void queue_pass(struct queue *queue, unsigned starts, struct instant now)
{
	size_t starting = queue->phases[QUEUE_STARTING], most = queue->settings.max_starting;
	size_t left = most > starting ? most - starting : 0;
	struct sched *sched = scheduler(queue);

	tell(queue, now);
	sched_allow_starts(sched, starts < left ? starts : left);
	sched_pass(sched, queue_tick(queue->latest));
}

bool queue_next(struct queue *queue, struct queue_order *order)
{
	while (queue->order_next < queue->order_count) {
		*order = queue->orders[queue->order_next++];
		/* It may have ended since. */
		if (queue_phase(queue, order->id) != QUEUE_ABSENT && queue_phase(queue, order->id) != QUEUE_ENDED)
			return true;
	}
	queue->order_count = queue->order_next = 0;
	return false;
}

struct instant queue_due(const struct queue *queue)
{
	int64_t tick;

	if (queue->stale)
		return queue->latest;
	tick = sched_next_slice(queue->sched);
	return tick == INT64_MAX ? INSTANT_NEVER : (struct instant){tick * 1000000};
}

static void step(struct queue *queue, struct entry *entry, enum queue_phase from, enum queue_phase to, struct instant now)
{
	if (entry != NULL && entry->phase == from)
		move(queue, entry, to, now);
}

void queue_started(struct queue *queue, uint64_t id, struct instant now)
{
	step(queue, find(queue, id), QUEUE_STARTING, QUEUE_RUNNING, now);
}

void queue_pause(struct queue *queue, uint64_t id, struct instant now) { step(queue, find(queue, id), QUEUE_RUNNING, QUEUE_PAUSED, now); }

void queue_resume(struct queue *queue, uint64_t id, struct instant now) { step(queue, find(queue, id), QUEUE_PAUSED, QUEUE_RUNNING, now); }

/* Takes it out of the scheduler. */
static void leave(struct queue *queue, struct entry *entry, struct instant now)
{
	if (!queue->stale && entry->granted)
		sched_complete(queue->sched, entry->job, queue_tick(now));
	else if (!queue->stale)
		sched_cancel(queue->sched, entry->job);
	if (!queue->stale)
		queue->by_job[entry->job] = NULL;
	entry->job = QUEUE_NO_JOB;
	entry->granted = entry->withheld = entry->keeps = false;
}

void queue_end(struct queue *queue, uint64_t id, struct instant now)
{
	struct entry *entry = find(queue, id);

	if (entry == NULL || entry->phase == QUEUE_ENDED)
		return;
	tell(queue, now);
	leave(queue, entry, queue->latest);
	move(queue, entry, QUEUE_ENDED, now);
}

void queue_remove(struct queue *queue, uint64_t id)
{
	struct entry *entry = map_remove(&queue->entries, id);

	if (entry == NULL)
		return;
	if (entry->phase != QUEUE_ENDED)
		leave(queue, entry, queue->latest);
	queue->phases[entry->phase]--;
	free(entry);
}

/* ---- questions ---- */

enum queue_phase queue_phase(const struct queue *queue, uint64_t id)
{
	const struct entry *entry = find(queue, id);

	return entry != NULL ? entry->phase : QUEUE_ABSENT;
}

bool queue_is_granted(const struct queue *queue, uint64_t id)
{
	const struct entry *entry = find(queue, id);

	return entry != NULL && entry->granted;
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

unsigned queue_position(struct queue *queue, uint64_t id)
{
	const struct entry *entry = find(queue, id);
	struct sched *sched = scheduler(queue);

	return entry != NULL && entry->phase != QUEUE_ENDED ? sched_position(sched, entry->job) : 0;
}

struct queue_why queue_why(struct queue *queue, uint64_t id)
{
	const struct entry *entry = find(queue, id), *first;
	struct queue_why why = {.reason = QUEUE_WHY_NONE};
	struct sched *sched = scheduler(queue);
	struct sched_counts counts = sched_counts(sched);
	enum sched_stall stall;
	uint32_t head;

	if (entry == NULL || entry->phase == QUEUE_ENDED)
		return why;
	if (entry->withheld)
		return (struct queue_why){.reason = QUEUE_WHY_WITHHELD};
	stall = sched_stall(sched, entry->job, &head);
	if (stall == SCHED_STALL_NONE)
		return why;
	first = queue->by_job[head];
	why.head = first->id;
	if (stall == SCHED_STALL_STARTS) {
		why.reason = QUEUE_WHY_STARTS;
		return why;
	}
	why.reason = stall == SCHED_STALL_VCPUS ? QUEUE_WHY_VCPUS : QUEUE_WHY_MEMORY;
	why.needed = stall == SCHED_STALL_VCPUS ? first->need.vcpus : first->need.memory_mib;
	why.capacity = stall == SCHED_STALL_VCPUS ? queue->settings.vcpus : queue->settings.memory_mib;
	why.free = why.capacity - (stall == SCHED_STALL_VCPUS ? counts.vcpus_used : counts.memory_used);
	if ((int64_t)why.free < 0)
		why.free = 0;
	return why;
}

struct queue_counts queue_counts(struct queue *queue)
{
	struct sched_counts counts = sched_counts(scheduler(queue));

	return (struct queue_counts){.waiting = queue->phases[QUEUE_WAITING],
		.starting = queue->phases[QUEUE_STARTING],
		.running = queue->phases[QUEUE_RUNNING],
		.paused = queue->phases[QUEUE_PAUSED],
		.vcpus = counts.vcpus_used,
		.memory_mib = counts.memory_used};
}
