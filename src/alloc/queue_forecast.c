/*
 * When waiting machines will be dispatched, if all run as long as estimated.
 *
 * Theory of operation. A second scheduler is made from the queue's entries, and time is moved on in it from one end of a run or of a slice
 * to the next, as in a trace. A machine without an estimate never ends there, so what depends on its end stays unknown. Starts are not
 * limited to a few at once; booting is short beside what machines wait for here.
 */
#include "alloc/queue_parts.h"

#include "base/arena.h"

#include <stdlib.h>

/* Ends and slices that are looked at. What lies behind them is unknown. */
#define STEPS_MAX 20000

/* A run in the forecast. */
struct run {
	bool runs;
	int64_t dispatched, served, estimate;
};

struct forecast {
	struct entry **entries; /* by job */
	struct run *runs;
	size_t unknown; /* that nothing is foretold for yet */
};

static void on_order(void *context, uint32_t job, enum sched_order order, int64_t now)
{
	struct forecast *forecast = context;
	struct run *run = &forecast->runs[job];
	struct entry *entry = forecast->entries[job];

	if (run->runs)
		run->served += now - run->dispatched;
	run->runs = order != SCHED_PAUSE;
	run->dispatched = now;
	if (run->runs && !entry->granted && entry->expected == INT64_MAX) {
		entry->expected = now;
		forecast->unknown--;
	}
}

/* The run that ends first, INT64_MAX: none does. */
static int64_t next_end(const struct forecast *forecast, uint32_t count, uint32_t *job)
{
	int64_t first = INT64_MAX;

	for (uint32_t i = 0; i < count; i++) {
		const struct run *run = &forecast->runs[i];
		int64_t end = run->dispatched + run->estimate - run->served;

		if (run->runs && run->estimate < QUEUE_FOREVER_MS && end < first) {
			first = end;
			*job = i;
		}
	}
	return first;
}

void queue_forecast(struct queue *queue, struct instant now)
{
	struct forecast forecast = {0};
	int64_t tick = queue_tick(now);
	uint32_t count = 0;
	struct sched *sched;

	/* The jobs' numbers become those of the forecast's scheduler. */
	queue_make_stale(queue);
	sched = queue_build(queue, on_order, &forecast, &forecast.entries, &count);
	forecast.runs = xalloc((count + 1) * sizeof(*forecast.runs));
	for (uint32_t i = 0; i < count; i++) {
		struct entry *entry = forecast.entries[i];

		entry->expected = INT64_MAX;
		forecast.unknown += !entry->granted && !entry->withheld;
		forecast.runs[i] = (struct run){.runs = entry->granted,
			.dispatched = entry->dispatched,
			.served = entry->served,
			.estimate = entry->need.estimate.ns > 0 ? span_to_ms(entry->need.estimate) : QUEUE_FOREVER_MS};
	}
	for (unsigned step = 0; step < STEPS_MAX && forecast.unknown > 0; step++) {
		uint32_t job = 0;
		int64_t end = next_end(&forecast, count, &job), slice = sched_next_slice(sched), next = end < slice ? end : slice;

		/* The first pass is for now; one that runs for longer than estimated is taken to end at once. */
		if (step > 0 && next == INT64_MAX)
			break;
		if (step > 0 && next > tick)
			tick = next;
		if (step > 0 && end <= tick) {
			sched_complete(sched, job, tick);
			forecast.runs[job].runs = false;
		}
		sched_pass(sched, tick);
	}
	sched_free(sched);
	free(forecast.entries);
	free(forecast.runs);
}

bool queue_expected(const struct queue *queue, uint64_t id, struct instant *when)
{
	const struct entry *entry = map_get(&queue->entries, id);

	if (entry == NULL || entry->expected == INT64_MAX || entry->granted || entry->withheld)
		return false;
	*when = (struct instant){entry->expected * 1000000};
	return true;
}
