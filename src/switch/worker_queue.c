/* The queues of the worker: a mutex, two lists, bounds. */
#include "switch/worker_queue.h"

#include "base/arena.h"

#include <stdlib.h>
#include <unistd.h>

static void worker_queue_lock(struct worker_queue *queue) { CHECK(pthread_mutex_lock(&queue->lock) == 0); }
static void worker_queue_unlock(struct worker_queue *queue) { CHECK(pthread_mutex_unlock(&queue->lock) == 0); }

static void list_move(struct list *from, struct list *to)
{
	list_init(to);
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

struct device_kept *device_kept_new(void)
{
	struct device_kept *kept = xalloc(sizeof(*kept));

	for (unsigned slot = 0; slot < KEEP_SLOT_COUNT; slot++)
		kept->fds[slot] = -1;
	return kept;
}

void device_kept_free(struct device_kept *kept)
{
	if (kept == NULL)
		return;
	for (unsigned slot = 0; slot < KEEP_SLOT_COUNT; slot++)
		if (kept->fds[slot] >= 0)
			(void)close(kept->fds[slot]);
	free(kept);
}

void worker_order_free(struct worker_order *order)
{
	if (order->fd >= 0)
		(void)close(order->fd);
	device_kept_free(order->kept);
	free(order);
}

void worker_queue_init(struct worker_queue *queue)
{
	CHECK(pthread_mutex_init(&queue->lock, NULL) == 0 && pthread_cond_init(&queue->room, NULL) == 0);
	list_init(&queue->orders);
	list_init(&queue->events);
}

void worker_queue_end(struct worker_queue *queue)
{
	struct worker_order *order;
	struct worker_event *event;

	list_each (order, &queue->orders, struct worker_order, node)
		worker_order_free(order);
	list_each (event, &queue->events, struct worker_event, node) {
		if (event->fd >= 0)
			(void)close(event->fd);
		free(event);
	}
	(void)pthread_cond_destroy(&queue->room);
	(void)pthread_mutex_destroy(&queue->lock);
}

void worker_queue_order(struct worker_queue *queue, struct worker_order *order)
{
	worker_queue_lock(queue);
	while (queue->order_count >= WORKER_ORDERS_MAX)
		CHECK(pthread_cond_wait(&queue->room, &queue->lock) == 0);
	list_append(&queue->orders, &order->node);
	queue->order_count++;
	atomic_store(&queue->ordered, true);
	worker_queue_unlock(queue);
}

void worker_queue_take_orders(struct worker_queue *queue, struct list *orders)
{
	worker_queue_lock(queue);
	list_move(&queue->orders, orders);
	queue->order_count = 0;
	atomic_store(&queue->ordered, false);
	CHECK(pthread_cond_broadcast(&queue->room) == 0);
	worker_queue_unlock(queue);
}

void worker_queue_take_events(struct worker_queue *queue, struct list *events)
{
	worker_queue_lock(queue);
	list_move(&queue->events, events);
	queue->event_count = queue->punt_count = 0;
	worker_queue_unlock(queue);
}

enum queue_result worker_queue_event(struct worker_queue *queue, struct worker_event *event)
{
	bool punt = event->kind == WORKER_MESSAGE && event->row->type == MSG_PUNT;
	enum queue_result result = QUEUE_FULL;

	worker_queue_lock(queue);
	if (event->kind != WORKER_MESSAGE ||
		(punt ? queue->punt_count < WORKER_PUNTS_MAX : event->seq == 0 || queue->event_count < WORKER_EVENTS_MAX)) {
		result = queue->event_count == 0 ? QUEUE_FIRST : QUEUE_KEPT;
		list_append(&queue->events, &event->node);
		queue->event_count++;
		queue->punt_count += punt;
	}
	worker_queue_unlock(queue);
	if (result == QUEUE_FULL)
		free(event);
	return result;
}
