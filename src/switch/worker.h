/*
 * The worker: the one thread that forwards. It owns the core, the packets and the devices.
 *
 * Theory of operation. Rounds: take orders, run the core's timers, let each device receive a burst and the core forward it, flush. While
 * there is traffic it only polls. After `spin` without any it arms the devices' wakes, makes sure that they are visible (full barrier),
 * looks once more at everything, and sleeps in epoll until a kick, a readable TAP, a message of a front end, an order, or the core's next
 * timer. What arrived before the wake was armed is seen by that last look, what arrives after it wakes.
 *
 * The process's loop speaks to it through two queues. Orders go in one by one and are carried out in that order; the queue is bounded and
 * a full one holds the sender until there is room, which is safe since the worker never waits for the loop. Events come back: messages of
 * the core for other processes, the result of each order, devices that failed. `notify` is called, in the worker's thread, when there are
 * some after there were none. The worker never logs.
 */
#ifndef SWITCH_WORKER_H
#define SWITCH_WORKER_H

#include "base/list.h"
#include "switch/core.h"
#include "switch/device.h"

struct capture;

/*
 * Most devices; orders that wait; rows that wait (a longer answer is cut there and says so: a channel holds CHANNEL_QUEUE_MESSAGES_MAX for
 * who reads slowly, and is closed beyond that); packets for route that wait.
 */
#define WORKER_DEVICES_MAX SWITCH_PORTS_MAX
#define WORKER_ORDERS_MAX 1024
#define WORKER_EVENTS_MAX 12288
#define WORKER_PUNTS_MAX 4096

struct worker_config {
	struct core_limits limits;
	unsigned small_packets; /* limits of the pool */
	unsigned large_packets;
	struct span spin; /* how long to poll without packets before sleeping */
	bool stepped;	  /* no thread: each worker_step is one round that never sleeps, for measurements that count instructions */
	void (*notify)(void *context);
	void *context;
};

enum worker_order_kind {
	WORKER_APPLY,	  /* core_apply */
	WORKER_SHOW,	  /* core_show, core_trace */
	WORKER_PEER_UP,	  /* core_peer_up */
	WORKER_ATTACH,	  /* a port's device was opened: `fd`, body is struct msg_port */
	WORKER_DETACH,	  /* a port's device is not wanted any more */
	WORKER_CAPTURE,	  /* core_capture, answered by CAPTURED */
	WORKER_UNCAPTURE, /* core_uncapture, answered by UNCAPTURED */
	WORKER_REFUSED,	  /* a port's device can't be opened: `text` says why */
	WORKER_STOP,	  /* ends the thread */
};

/* An order. `generation` says which life of the peer asked, and comes back in what answers it. */
struct worker_order {
	struct list node;
	enum worker_order_kind kind;
	enum process_id from;
	uint32_t generation;
	uint32_t seq;
	struct capture *capture;
	const struct message_row *row;
	uint32_t port;
	int fd;
	struct device_kept *kept; /* ATTACH: what was kept beside `fd`, or NULL; freed with the order */
	bool keep;		  /* DETACH: what is outside stays, for it will be attached again */
	char text[128];
	_Alignas(16) uint8_t body[];
};

enum worker_event_kind {
	WORKER_MESSAGE,	   /* to be sent to `process` */
	WORKER_APPLIED,	   /* an APPLY or SHOW was carried out: `error` */
	WORKER_CAPTURED,   /* `capture` is hung in, or `error` */
	WORKER_UNCAPTURED, /* it is the loop's alone again */
	WORKER_LOST,	   /* a port's device failed or couldn't be made: open it again */
};

struct worker_event {
	struct list node;
	enum worker_event_kind kind;
	enum process_id process; /* receiver, or who gave the order */
	uint32_t generation;	 /* of that process; 0 in a message that answers nothing */
	uint32_t seq;
	struct capture *capture;
	const struct message_row *row; /* of the message or the order */
	uint32_t port;		       /* APPLIED: what the order said */
	int fd;			       /* goes along with a message (-1: none); the receiver of the event closes it */
	struct err error;
	_Alignas(16) uint8_t body[]; /* of the message, cut behind its tail */
};

/* Makes a worker and starts its thread. NULL with the reason in `err`. */
struct worker *worker_new(const struct worker_config *config, struct err *err);

/* One round of a stepped worker, in the caller's thread. */
void worker_step(struct worker *worker);

/* Stops and joins the thread, closes the devices, frees everything. */
void worker_free(struct worker *worker);

/* An order with room for a body of `row` (or of `bytes` bytes); given over by worker_order. */
struct worker_order *worker_order_new(enum worker_order_kind kind, size_t bytes);
void worker_order(struct worker *worker, struct worker_order *order);

/* Frees an order with what it still holds. */
void worker_order_free(struct worker_order *order);

/* Room for what was kept, with nothing in it; closes what is left in it and frees it (NULL is fine). */
struct device_kept *device_kept_new(void);
void device_kept_free(struct device_kept *kept);

/* Moves all waiting events to `events` (an empty list); free each with free(), closing its `fd`. For the loop's thread. */
void worker_take_events(struct worker *worker, struct list *events);

/* The thread's processor time so far, for tests and `weft top`. */
int64_t worker_cpu_ns(const struct worker *worker);

#endif
