/* The messages about machines and their queues, as structs; their rows are in messages.c with all others. */
#ifndef API_MESSAGE_VM_H
#define API_MESSAGE_VM_H

#include "api/message.h"

/* NICs of a machine, machines that it waits for, bytes of a command's output. */
#define NICS_MAX 16
#define AFTER_MAX 32
#define OUTPUT_BYTES_MAX 16384

/* `up` false: its cable is out; the guest sees that there is no carrier. */
struct vm_nic {
	uint32_t port; /* the port's id; its socket's path follows from it */
	uint16_t mtu;
	bool up;
	struct mac mac;
};

/* What happens to a machine that ends though it is wanted running. A failure is a hypervisor that died, or a start that failed. */
enum vm_restart { VM_RESTART_NEVER, VM_RESTART_ON_FAILURE, VM_RESTART_ALWAYS, VM_RESTART_COUNT };

/*
 * A machine. `image` is "builtin:tiny" or an absolute path (copied on write). `run`: wanted running. `schedule` is the id of the queue
 * it waits in; it starts only when those of `after` run. While it runs, `priority`, `estimate_s`, `walltime_s`, `restart`, `after`,
 * `schedule`, `run` and the NICs' `up` may change; other changes are refused with -EBUSY (delete it and set it anew). Setting it again
 * applies what was lost meanwhile (carrier, after the switch was restarted).
 */
struct msg_vm {
	uint32_t id;
	uint32_t schedule;
	bool run;
	bool keep_disk; /* its disk stays when it is deleted, and is its disk again */
	uint16_t cpus;
	uint32_t memory_mib;
	int32_t priority;
	uint32_t estimate_s; /* how long it will run; 0: nobody knows */
	uint32_t walltime_s; /* it is shut down then; 0: never */
	uint8_t restart;     /* enum vm_restart */
	char uuid[37];
	char hostname[NAME_BYTES];
	char image[FILE_BYTES];
	char uri[FILE_BYTES]; /* libvirt's; "" is the embedded driver */
	char path[PATH_BYTES];
	uint16_t after_count;
	uint32_t after[AFTER_MAX]; /* ids of machines */
	uint16_t nic_count;
	struct vm_nic nics[NICS_MAX];
};

enum vm_action { VM_START, VM_STOP, VM_KILL, VM_PAUSE, VM_RESUME, VM_RESET, VM_SAVE, VM_RESTORE, VM_ACTION_COUNT };

struct msg_vm_do {
	uint32_t id;
	uint8_t action;	    /* enum vm_action */
	uint32_t timeout_s; /* stop: how long the guest may take */
};

enum vm_state {
	VM_STATE_DEFINED,
	VM_STATE_WAITING,
	VM_STATE_STARTING,
	VM_STATE_RUNNING,
	VM_STATE_PAUSED,
	VM_STATE_STOPPING,
	VM_STATE_STOPPED,
	VM_STATE_FAILED,
	VM_STATE_SAVED, /* its memory is on disk: it has neither processor nor memory, and goes on where it was */
	VM_STATE_COUNT
};

/* turnaround = waiting + service, exactly; waiting is time in the queue, paused and saved, service is time starting and running. */
struct msg_vm_state {
	uint32_t id;
	uint8_t state; /* enum vm_state */
	int32_t priority;
	uint32_t position;   /* in the queue, from 1; 0 when not waiting */
	bool queued;	     /* it waits for room or for others, which may take for ever, not only for its turn to start */
	uint32_t pid;	     /* of the hypervisor process, 0 when unknown */
	int64_t expected_ms; /* until it is dispatched, as estimates tell; negative: unknown; only in answers to SHOW */
	int64_t waiting_ns;
	int64_t service_ns;
	int64_t turnaround_ns;
	int64_t arrived_wall_ns;
	char reason[128];
	char path[PATH_BYTES];
};

enum schedule_policy { SCHEDULE_FCFS, SCHEDULE_RR, SCHEDULE_PRIORITY, SCHEDULE_PREEMPTIVE, SCHEDULE_POLICY_COUNT };

/* A queue of machines: one a lab. */
struct msg_schedule {
	uint32_t id;
	uint8_t policy; /* enum schedule_policy */
	bool easy;	/* backfill */
	bool release;	/* machines that the policy pauses give their memory back */
	uint16_t max_starting;
	uint32_t quantum_s;
	uint32_t aging_s;
	uint32_t cpus, memory_mib;		     /* that machines are given; 0: the host's */
	uint32_t overcommit_cpus, overcommit_memory; /* thousandths of that; 0: the default */
	uint8_t calm;				     /* percent of the host's CPU; 0: load isn't looked at */
	char path[PATH_BYTES];
};

/* How a queue is: what it may give out (overcommit included), what it has given, who is in it. */
struct row_queue {
	uint32_t id;
	uint8_t policy; /* enum schedule_policy */
	bool easy;
	bool release;
	uint16_t max_starting;
	uint32_t quantum_s;
	uint32_t aging_s;
	uint32_t cpus, memory_mib;
	uint32_t cpus_given, memory_given_mib;
	uint32_t waiting, starting, running, paused;
	uint8_t calm;
	uint8_t load; /* percent of the host's CPU that is used; 255: nobody looks */
	char path[PATH_BYTES];
};

struct msg_exec {
	uint32_t id;
	uint32_t timeout_s;
	char command[2048]; /* for sh -c in the guest */
};

struct msg_exec_output {
	int32_t exit_status; /* negative: ended by that signal */
	bool truncated;
	uint16_t size;
	uint8_t bytes[OUTPUT_BYTES_MAX];
};

#endif
