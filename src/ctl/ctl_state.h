/* The state of the process ctl: its parts and its settings. Only for files of this room. */
#ifndef CTL_CTL_STATE_H
#define CTL_CTL_STATE_H

#include "base/list.h"
#include "base/map.h"
#include "ctl/events.h"
#include "ctl/http.h"
#include "ctl/ids.h"
#include "ctl/world.h"
#include "proc/process.h"
#include "store/holdings.h"

/* The processes that get objects. */
#define CTL_PEERS ((1u << PROCESS_SWITCH) | (1u << PROCESS_ROUTE) | (1u << PROCESS_VM))

struct ctl_settings {
	struct http_limits http;
	unsigned labs;		   /* most labs at once */
	unsigned operations_kept;  /* finished ones that can be asked for */
	struct span step_timeout;  /* an order to switch or route */
	struct span vm_timeout;	   /* an order to vm: an image may have to be copied, a guest made */
	struct span start_timeout; /* until the machines of a lab run */
	struct span peer_timeout;  /* until a process that died is back, while a change waits for it */
	struct span idle;	   /* without a lab and a client, before the daemon ends (if it was started by itself) */
	bool ends_when_idle;
};

struct ctl {
	struct process *process;
	struct loop *loop;
	struct ctl_settings settings;
	struct store *store;
	struct ids *ids;
	struct holdings *holdings;
	struct events *events;
	struct history *history;
	struct world *world;
	struct peers *peers;
	struct machines *machines;
	struct map switched;	/* "LAB/KIND/NAME" -> what was switched by command (switched.c) */
	struct map labs;	/* name -> struct ctl_lab */
	struct list applies;	/* struct apply that are under way */
	struct list operations; /* struct operation, the oldest first */
	uint64_t next_operation;
	struct http *http;
	struct loop_timer *idle_timer;
	struct loop_timer *write_timer; /* set while batches wait to be written together */
	int64_t started_wall_ns;
	bool kvm;
	bool ending;
	bool incomplete; /* a stored lab couldn't be read back: nothing that isn't known may be taken for unwanted */
	struct msg_process processes[PROCESS_COUNT];
	char secret[33];
};

/* As store_write_later; what came in one round of the loop is written in the next. */
int ctl_write_later(struct ctl *ctl, struct store_batch *batch, store_done_fn *done, void *context, struct err *err);

#endif
