/*
 * Connections to hypervisors: one for each URI that machines name, opened when the first one does.
 *
 * Theory of operation. Opening blocks (the embedded driver probes QEMU, seconds the first time), so it runs in a pool thread; jobs of the
 * machines wait meanwhile. One that failed is tried again when somebody asks for it again. Events come from the driver's thread and are
 * posted to the loop by the machine's name; they only make somebody look.
 */
#ifndef VM_HYPERVISORS_H
#define VM_HYPERVISORS_H

#include "vm/driver.h"

#include "base/list.h"
#include "proc/process.h"

enum connection_state { CONNECTION_OPENING, CONNECTION_OPEN, CONNECTION_FAILED };

/* Machine names begin with the prefix: the same for as long as the state folder is the same, and unlike that of another weftd. */
#define PREFIX_BYTES 20

struct hypervisors;

struct connection {
	struct list node;
	struct hypervisors *all;
	char uri[FILE_BYTES];
	char prefix[PREFIX_BYTES];
	const struct vm_driver *driver;
	struct hypervisor *hypervisor; /* NULL unless OPEN */
	enum connection_state state;
	struct err err;		   /* when FAILED */
	struct hypervisor *opened; /* by the pool thread */
	int error;
};

/* In the loop: a connection opened or failed; something happened to the machine `name`. */
typedef void connection_changed_fn(void *context, struct connection *connection);
typedef void connection_event_fn(void *context, struct connection *connection, const char *name, enum machine_event event);

/* Below the places' `state` and `cache` drivers keep theirs. */
struct hypervisors *hypervisors_new(
	struct loop *loop, const struct places *places, connection_changed_fn *changed, connection_event_fn *event, void *context);

/* Forgets the connections; machines go on. Accepts NULL. Not while one is opening. */
void hypervisors_free(struct hypervisors *all);

/* The connection for a URI ("" is the embedded driver); opens it when it isn't, and again when that failed. Never NULL. */
struct connection *connection_get(struct hypervisors *all, const char *uri);

/* Whether a weftd before us left the embedded driver's notes on running machines behind. */
bool hypervisors_left_machines(const struct hypervisors *all);

/* The name of machine `id` on a connection, and back; 0 when it is no name of ours. */
void connection_machine_name(const struct connection *connection, uint32_t id, char out[MACHINE_NAME_BYTES]);
uint32_t connection_machine_id(const struct connection *connection, const char *name);

#endif
