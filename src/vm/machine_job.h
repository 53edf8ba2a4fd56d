/*
 * What is done to a machine in a pool thread, because it blocks: one job at a time for each machine.
 *
 * Theory of operation. A job carries copies of all it needs and the results it finds, so that the thread shares nothing with the loop. The
 * loop fills it in, job_run does it, and the loop reads what came out.
 */
#ifndef VM_MACHINE_JOB_H
#define VM_MACHINE_JOB_H

#include "vm/driver.h"

#include "base/list.h"

/* The image name of a machine without a disk: its first NIC that is answered by DHCP tells its firmware (iPXE) what to load. */
#define NETWORK_IMAGE "builtin:network"

enum job_kind {
	JOB_PREPARE, /* finds what it boots from, makes its disk */
	JOB_START,
	JOB_LOOK,
	JOB_LINK, /* brings the NICs' carrier in line with the specification */
	JOB_SHUT_DOWN,
	JOB_KILL,
	JOB_PAUSE,
	JOB_RESUME,
	JOB_RESET,
	JOB_SAVE,
	JOB_REMOVE, /* everything it left on this host */
};

struct machine;
struct vm;

/* Who is to be answered: an order's number on the channel of that generation; 0 for nobody. */
struct ticket {
	uint32_t seq;
	uint32_t generation;
};

struct job {
	struct list node;
	enum job_kind kind;
	struct vm *vm;		 /* the loop's, as the next */
	struct machine *machine; /* NULL when it isn't the machine's turn: a kill beside a start */
	struct ticket ticket;
	bool by_policy; /* PAUSE, RESUME */
	bool restore;	/* START: from the memory that was saved */

	const struct vm_driver *driver;
	struct hypervisor *hypervisor; /* NULL when the connection failed; `err` says why then */
	struct machine_spec spec;
	char image[FILE_BYTES];
	char hostname[NAME_BYTES];
	char folder[FILE_BYTES]; /* the machine's own, for its disk */
	char cache[FILE_BYTES];
	char kept_disk[FILE_BYTES]; /* its disk when that outlives it, else "" */

	int error;
	struct err err;
	bool found; /* START, LOOK */
	struct machine_sight sight;
};

/* The file in a machine's folder that its memory is saved to. */
void job_memory_path(const char *folder, char out[FILE_BYTES + 16]);

/* Does the job. Blocks, possibly for as long as the machine's NICs wait for the switch. */
void job_run(struct job *job);

#endif
