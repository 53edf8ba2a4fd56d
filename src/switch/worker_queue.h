/* The two queues between the loop's thread and the worker's: orders in, events out. The only thing the two threads share. */
#ifndef SWITCH_WORKER_QUEUE_H
#define SWITCH_WORKER_QUEUE_H

#include "switch/worker.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker_queue {
	pthread_mutex_t lock;
	pthread_cond_t room;
	struct list orders;
	struct list events;
	unsigned order_count, event_count, punt_count;
	_Atomic bool ordered; /* orders wait */
};

void worker_queue_init(struct worker_queue *queue);

/* Frees what still waits. */
void worker_queue_end(struct worker_queue *queue);

/* Puts an order at the end, waiting until there is room. */
void worker_queue_order(struct worker_queue *queue, struct worker_order *order);

/* Moves all orders to `orders`. */
void worker_queue_take_orders(struct worker_queue *queue, struct list *orders);
void worker_queue_take_events(struct worker_queue *queue, struct list *events);

enum queue_result { QUEUE_FULL, QUEUE_KEPT, QUEUE_FIRST };

/*
 * Hands an event over. FIRST: the queue was empty, so the loop must be told. FULL: it may not be kept and was freed (a row or
 * a punt only: results are as few as the orders, events as few as the objects they are about).
 */
enum queue_result worker_queue_event(struct worker_queue *queue, struct worker_event *event);

#endif
