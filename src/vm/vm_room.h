/* The process vm's own state, as its parts share it. */
#ifndef VM_VM_ROOM_H
#define VM_VM_ROOM_H

#include "alloc/queue.h"
#include "base/map.h"
#include "proc/process.h"
#include "vm/host_load.h"
#include "vm/hypervisors.h"
#include "vm/machine_job.h"

/* Limits: machines; orders that wait for one machine; machines that start at once, whatever their queues say (a start holds a pool thread).
 */
#define VM_MACHINES_MAX 4096
#define VM_JOBS_MAX 32
#define VM_STARTS_MAX 3

struct execs;

struct vm {
	struct process *process;
	struct hypervisors *hypervisors;
	struct map machines;   /* id -> struct machine */
	struct list schedules; /* struct schedule */
	bool passing, pass_again;
	struct loop_timer *pass_timer;	  /* of slices, and of looks at the load */
	struct loop_timer *reasons_timer; /* why machines wait */
	struct host_load load;
	struct execs *execs;
	uint32_t generation; /* of the channel to ctl: answers to an earlier one are dropped */
	unsigned starts;     /* machines in STARTING */
	unsigned busy;	     /* jobs in pool threads */
	bool synced;	     /* ctl has said all that is wanted, once */
	bool settling;	     /* machines of an earlier life are looked for: nothing is decided */
	struct loop_timer *settle_timer;
	uint64_t set_count;	/* machines that were set */
	int64_t wall_offset_ns; /* from the loop's clock to the wall's, as this process began */
	int64_t last_stamp_ns;	/* of an arrival */
	int64_t boot;		/* the host's life: machine_times_boot */
	struct loop_timer *end; /* this process is to end */
	struct instant end_deadline;
};

/* Answers an order; `err` NULL or code 0 is success. */
void vm_reply(struct vm *vm, struct ticket ticket, const struct err *err);

/* The queue of a schedule's number; an unknown one is made with the defaults. */
struct queue *vm_queue(struct vm *vm, uint32_t schedule);

/* Lets the queues decide. Call after anything that may change what they decide: a machine arrived, runs, ended. */
void vm_start_next(struct vm *vm);

/* Takes a machine that is gone out of the map. */
void vm_forget_machine(struct vm *vm, uint32_t id);

/* Makes a machine and sets it, as VM_SET does. */
void vm_set_machine(struct vm *vm, const struct msg_vm *wanted, struct ticket ticket);

/* Tells ctl and the log that a limit was reached. */
void vm_limit_reached(struct vm *vm, const char *limit, const char *path, uint64_t value);

#endif
