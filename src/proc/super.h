/* Inside of super: the children, and the acts it does for them. */
#ifndef PROC_SUPER_H
#define PROC_SUPER_H

#include "base/list.h"
#include "base/map.h"
#include "proc/process.h"

#include <sys/types.h>

/* OFF: not started yet or waiting to be. STARTING: not READY yet. STOPPING: told to end. */
enum child_state { CHILD_OFF, CHILD_STARTING, CHILD_RUNNING, CHILD_STOPPING };

/* A child as super sees it. */
struct child {
	struct super *super;
	const struct process_row *row;
	bool spare; /* waits for the end of the other one of its row */
	enum child_state state;
	pid_t pid;
	int pidfd;
	struct loop_watch *watch;    /* of the pidfd: readable when the child has ended */
	struct channel *channel;     /* NULL once broken */
	struct loop_timer *timer;    /* next start; the end of patience when stopping */
	struct loop_timer *deadline; /* READY must have come by then */
	unsigned failures;	     /* in a row */
	unsigned restarts;
	struct instant started;
	int64_t started_wall_ns;
};

struct super {
	struct loop *loop;
	struct places places;
	struct child children[2 * PROCESS_COUNT]; /* those of the rows, then the spares */
	unsigned child_count;
	bool ready;    /* the API answered once */
	bool stopping; /* SHUTDOWN or a signal came */
	bool no_labs;  /* SHUTDOWN came: ctl asks for the end when no lab is left */
	int status;    /* exit status */
	int64_t started_wall_ns;
	int guard; /* our end of the pair with the guard */
	pid_t guard_pid;
	struct loop_watch *guard_watch;
	struct loop_timer *guard_timer;
	unsigned guard_failures;
	struct instant guard_started;
	struct loop_timer *log_timer;
	struct list acts_waiting; /* privileged acts not begun yet */
	unsigned acts_waiting_count;
	unsigned acts_running;
	struct map kept; /* port id -> struct kept: what outlives the switch */
	unsigned kept_fds;
	unsigned kept_fds_max;
	struct map netns;	    /* a router's id -> descriptor of its namespace + 1 */
	struct map vhost_listeners; /* port id -> struct vhost_listener (super_vhost.c) */
};

/* Runs super (descriptors as in spawn.h); returns the exit status. */
int supervise(const struct process_row *rows, unsigned row_count);

/* Starts logging to stderr as process `name`, at the level that WEFT_LOG says. */
void process_log_open(const char *name);

/* Does a privileged act that `channel`'s owner asked for and answers it (super_acts.c). Only the switch and route may ask, each for its
 * own. */
void super_act(struct super *super, struct child *child, const struct message *message);

/* Whether super knows the act; forgets what was done for a process that ended. */
bool super_is_act(enum message_type type);
void super_acts_forget(struct super *super, enum process_id process);

/*
 * Connects a port with its hypervisor and answers the asker; stops listening for a port's; for all ports' (super_vhost.c). The switch has
 * died; what the new one hasn't asked for by now goes.
 */
void super_vhost_connect(struct super *super, struct child *asker, uint32_t seq, const struct msg_connect_vhost *order);
void super_vhost_close(struct super *super, uint32_t port);
void super_vhost_end(struct super *super);
void super_vhost_unask(struct super *super);
void super_vhost_close_unasked(struct super *super);

/*
 * What outlives the switch (super_keep.c). `super_keep` carries out KEEP, FORGET and FORGET_UNASKED. `super_keep_device` keeps the
 * descriptor that super itself opened for a port; `tap` (NULL: none) says what it is. `super_kept` looks for a port's device that is the
 * same as the one asked for, sends the KEPT rows of what is beside it, and returns it (borrowed), or -1 after having closed what doesn't
 * fit. `super_kept_unask` is called when the switch has died. `super_kept_has_room`: for one more descriptor that the switch has super
 * hold.
 */
void super_keep(struct super *super, struct child *child, const struct message *message);
void super_keep_device(struct super *super, uint32_t port, const struct msg_open_tap *tap, int fd);
int super_kept(struct super *super, struct child *child, uint32_t seq, uint32_t port, const struct msg_open_tap *tap);
void super_kept_forget(struct super *super, uint32_t port);
void super_kept_unask(struct super *super);
bool super_kept_has_room(struct super *super);

/* The guard: watched and made again when it died, told that the API answers, told that super ends in order (super_guard.c). */
void super_guard_watch(struct super *super);
void super_guard_ready(struct super *super);
void super_guard_bye(struct super *super);

/* Ends all in order, as SIGTERM does. */
void super_end(struct super *super);

/* Tells the service manager, when there is one ($NOTIFY_SOCKET): "READY=1", "STOPPING=1", "MAINPID=..." (notify.c). */
void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes into the lock file who runs here and whether it is about to end (start.c). */
void lock_write(int lock, pid_t pid, bool stopping);

/* Keeps the log file in `run` small, when stderr is that file (start.c); call it now and then. */
void log_file_trim(const struct places *places);

/* Removes what is gone with the daemon: sockets, lock, an orderly end's log, empty folders (start.c). */
void places_clean(const struct places *places, bool keep_log);

/*
 * Removes all that the daemon keeps (store, libvirt's folders, sockets of machines; not the cache). Only when ctl, which knows that there
 * is no lab, asked for the end, and after all children have ended.
 */
void places_forget(const struct places *places);

#endif
