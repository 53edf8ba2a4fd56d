/*
 * What a process of weftd is: a row in the roof's table, started, jailed and restarted by super.
 *
 * Theory of operation. weftd becomes a guard (guard.h), which starts super; super executes the program again once for each row
 * (`weftd --process NAME`), passing one channel on descriptor 3. Whenever a process comes up super makes a socket pair for each pair of
 * rows that speak to each other and sends both ends out as PEER messages, so channels are never named in the file system and a restarted
 * process finds its peers again. Of a row with a spare there are two: the second is jailed and ready, but has no peers before the first
 * ends. A child runs `prepare` (with what privilege it was started with), is jailed for good, sends READY, and lives in its loop. A child
 * that ends is started again at once, then after 0.1 s, 0.2 s, ... up to 5 s when it keeps dying; a child lives on without its peers and
 * forgets nothing. Super parses nothing foreign and does a short list of privileged acts for the switch (api/message_types.h: OPEN_TAP,
 * CONNECT_VHOST) and for route (OPEN_ROUTER_NETNS, OPEN_ROUTER_SOCKET), and holds the switch's descriptors when it dies (super_keep.c).
 */
#ifndef PROC_PROCESS_H
#define PROC_PROCESS_H

#include "proc/channel.h"

/* Where things are on this host; all absolute. As root /run/weft, /var/lib/weft, /var/cache/weft; as a user the XDG directories; below
 * `WEFT_ROOT` when set. */
struct places {
	char run[FILE_BYTES / 2];   /* sockets, pid; gone with the daemon */
	char state[FILE_BYTES / 2]; /* the store, machines' disks */
	char cache[FILE_BYTES / 2]; /* made guests, capability caches */
};

/* Works the places out from the environment; makes nothing. Returns 0 or a negative errno (a path too long for a socket: -ENAMETOOLONG). */
int places_find(struct places *places, struct err *err);

/* Path of the API socket, of the vhost-user socket of a port (QEMU listens there), and of one for a machine of somebody else. `out` has
 * FILE_BYTES. */
const char *places_api_socket(const struct places *places, char out[FILE_BYTES]);
const char *places_vhost_socket(const struct places *places, uint32_t port, char out[FILE_BYTES]);
const char *places_port_socket(const struct places *places, const char *name, char out[FILE_BYTES]);

/* The running child. `body` is the room's own state. */
struct process {
	const struct process_body *row;
	struct loop *loop;
	struct channel *super;
	struct channel *peers[PROCESS_COUNT]; /* NULL while away */
	struct places places;
	void *body;
};

/* What a room offers to the roof. Callbacks run in the loop; any may be NULL but `prepare`. */
struct process_body {
	enum process_id id;

	/* Sets up `process->body` before the jail closes: opens files, loads libraries; no threads, the jail wouldn't hold them. 0 or a
	 * negative errno. */
	int (*prepare)(struct process *process, struct err *err);

	/* The jail is closed and the loop about to run. */
	void (*started)(struct process *process);

	/* A channel to a peer came up or went away (process->peers[peer] is set or NULL). */
	void (*peer_up)(struct process *process, enum process_id peer);
	void (*peer_down)(struct process *process, enum process_id peer);

	/* A message that is no answer to a call. The descriptor in it is the callee's. */
	void (*received)(struct process *process, enum process_id from, const struct message *message);

	/* Told to end: end in order, then call loop_stop. NULL: stops at once. */
	void (*shutdown)(struct process *process);
};

/* What the jail leaves to a process (proc/jail.c turns it into uid, namespaces, capabilities, landlock and seccomp). */
struct jail_spec {
	bool keep_privilege; /* vm: libvirt and QEMU need what weftd was started with */
	bool network;	     /* keeps the host's network namespace */
	bool files_read;     /* may open files for reading below state, cache and /usr */
	bool files_write;    /* may write below `state` and `run` */
	bool execute;	     /* may start programs */
	bool threads;	     /* may start threads after the jail closed */
	bool alone;	     /* may reach nobody: no socket, signal, limit of others, no mode or owner of a file, whatever else is set */
};

/* A row of the roof's table: the room, its jail, and with whom it speaks (bits 1 << enum process_id; both rows must say so). */
struct process_row {
	const struct process_body *body;
	struct jail_spec jail;
	uint32_t peers;
	bool spare; /* a second one is kept ready: when the first ends, it takes over without having to be started */
};

/* Exit status of a weftd that found another one running in its places: to whoever needs a weftd that is as good as success. */
#define EXIT_WEFTD_RUNNING 3

/*
 * Starts weftd: makes the places, takes the lock (one weftd per place), and becomes the guard, whose super runs the table until SHUTDOWN or
 * SIGTERM. With `foreground` false all that happens in the background, and this returns once the API answers. Returns an exit status.
 */
int super_run(const struct process_row *rows, unsigned row_count, const struct places *places, bool foreground);

/* Runs the process `name`: "guard", "super" or a row, with what spawn.h says on descriptors 3 to 5. Returns an exit status. */
int process_run(const struct process_row *rows, unsigned row_count, const char *name);

#endif
