/*
 * What a hypervisor driver offers to the process vm, and what a machine is to it.
 *
 * Theory of operation. A driver is one row in drivers.c; the row whose `accepts` knows the URI gets the machine. All calls but `accepts`
 * may block: they run in pool threads, several at once for different machines, at most one for the same machine, except KILL, which may
 * come while `start` blocks and then ends it. Machines are transient: the hypervisor keeps nothing of a machine that doesn't run, what is
 * wanted lives in ctl. Events are hints (any thread, any order, possibly late): whoever gets one looks again (`look`), so that a lost or
 * stale event does no harm. A machine's name is the same for as long as it exists and unique on the host, so a process that starts anew
 * finds its machines by their names.
 */
#ifndef VM_DRIVER_H
#define VM_DRIVER_H

#include "api/message_types.h"
#include "base/text.h"

/* Bytes of a machine's name to the hypervisor, with its NUL. Short: it becomes part of sockets' paths. */
#define MACHINE_NAME_BYTES 32

/* A NIC: a vhost-user socket where QEMU listens. */
struct machine_nic {
	char socket[FILE_BYTES];
	struct mac mac;
	uint16_t mtu;
	bool up;
};

/*
 * A machine to start. It boots from `kernel` and `initrd` when `kernel` isn't empty, else from `disk`, a qcow2 overlay on `disk_base`, or
 * without one from the network.
 * `console` and `agent` are the paths of unix sockets where QEMU listens for the serial line and for the guest agent.
 */
struct machine_spec {
	char name[MACHINE_NAME_BYTES];
	char uuid[37];
	char title[PATH_BYTES];
	uint16_t cpus;
	uint32_t memory_mib;
	char kernel[FILE_BYTES];
	char initrd[FILE_BYTES];
	char command_line[512];
	char disk[FILE_BYTES];
	char disk_base[FILE_BYTES];
	char disk_base_format[8];
	char console[FILE_BYTES];
	char agent[FILE_BYTES];
	uint16_t nic_count;
	struct machine_nic nics[NICS_MAX];
};

enum machine_event {
	MACHINE_EVENT_CHANGED,	    /* started, paused, resumed: look */
	MACHINE_EVENT_SHUT_DOWN,    /* the guest shut itself down */
	MACHINE_EVENT_CRASHED,	    /* the hypervisor died */
	MACHINE_EVENT_KILLED,	    /* somebody ended it */
	MACHINE_EVENT_SAVED,	    /* its memory is in a file */
	MACHINE_EVENT_DISCONNECTED, /* the hypervisor's connection is lost; no name */
};

/* Called from any thread; `name` is borrowed. */
typedef void driver_event_fn(void *context, const char *name, enum machine_event event);

struct driver_config {
	const char *uri;    /* "" or as the driver accepts */
	const char *state;  /* a folder of the driver's own, made when missing */
	const char *cache;  /* likewise, for what can be found out again */
	const char *prefix; /* what the names of our machines begin with */
	driver_event_fn *event;
	void *context;
};

/* What the hypervisor knows of a machine. */
struct machine_sight {
	char name[MACHINE_NAME_BYTES];
	bool paused;
	uint32_t pid;		  /* 0: unknown */
	enum machine_event ended; /* one that isn't running: how it ended last; CHANGED: unknown */
};

enum machine_act {
	MACHINE_SHUT_DOWN, /* asks the guest by its agent and by ACPI */
	MACHINE_KILL,	   /* ends it at once; also fine when it is gone */
	MACHINE_PAUSE,
	MACHINE_RESUME,
	MACHINE_RESET,
};

struct hypervisor;

struct vm_driver {
	const char *name;

	/* Whether the driver speaks to this URI. */
	bool (*accepts)(const char *uri);

	/* Connects. The strings of `config` must live as long as the connection. May take seconds the first time. */
	int (*open)(const struct driver_config *config, struct hypervisor **out, struct err *err);

	/* Disconnects; machines go on. Accepts NULL. */
	void (*close)(struct hypervisor *hypervisor);

	/* Creates and starts a machine; returns when it runs. Blocks until somebody connects to its NICs' sockets. */
	int (*start)(struct hypervisor *hypervisor, const struct machine_spec *spec, struct err *err);

	int (*act)(struct hypervisor *hypervisor, const char *name, enum machine_act act, struct err *err);

	/* Writes the memory of a machine into a file and ends it; starts a machine from such a file, as it was, and then running. */
	int (*save)(struct hypervisor *hypervisor, const char *name, const char *path, struct err *err);
	int (*restore)(struct hypervisor *hypervisor, const char *path, struct err *err);

	/* Pulls the cable of NIC `nic` of a running machine, or plugs it in. */
	int (*set_link)(struct hypervisor *hypervisor, const char *name, unsigned nic, bool up, struct err *err);

	/* How a machine is; -ENOENT when it isn't running: then `out` says how it ended, also while nobody was connected. */
	int (*look)(struct hypervisor *hypervisor, const char *name, struct machine_sight *out, struct err *err);

	/* All running machines whose names begin with the prefix; `*out` is freed with free(). Returns their number. */
	int (*list)(struct hypervisor *hypervisor, struct machine_sight **out, struct err *err);

	/* Sends a command to the guest's agent and waits `timeout_s` for the answer; -ENOTCONN while there is no agent. Both are JSON. */
	int (*agent)(struct hypervisor *hypervisor, const char *name, const char *command, unsigned timeout_s, struct text *reply,
		struct err *err);

	/* Removes what a stopped machine left behind (logs). */
	void (*forget)(struct hypervisor *hypervisor, const char *name);
};

/* The driver for a URI, NULL when there is none. */
const struct vm_driver *driver_for(const char *uri);

extern const struct vm_driver driver_libvirt;

#endif
