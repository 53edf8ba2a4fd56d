/* Connections to hypervisors (see hypervisors.h). */
#include "vm/hypervisors.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct hypervisors {
	struct loop *loop;
	char state[FILE_BYTES];
	char cache[FILE_BYTES];
	struct list connections;
	connection_changed_fn *changed;
	connection_event_fn *event;
	void *context;
};

/* An event on its way from the driver's thread to the loop. */
struct posted_event {
	struct connection *connection;
	enum machine_event event;
	char name[MACHINE_NAME_BYTES];
};

struct hypervisors *hypervisors_new(
	struct loop *loop, const struct places *places, connection_changed_fn *changed, connection_event_fn *event, void *context)
{
	struct hypervisors *all = xalloc(sizeof(*all));

	all->loop = loop;
	CHECK(snprintf(all->state, sizeof(all->state), "%s/libvirt", places->state) < (int)sizeof(all->state));
	CHECK(snprintf(all->cache, sizeof(all->cache), "%s/libvirt", places->cache) < (int)sizeof(all->cache));
	list_init(&all->connections);
	all->changed = changed;
	all->event = event;
	all->context = context;
	return all;
}

void hypervisors_free(struct hypervisors *all)
{
	struct connection *connection;

	if (all == NULL)
		return;
	list_each (connection, &all->connections, struct connection, node) {
		list_remove(&connection->node);
		if (connection->driver != NULL)
			connection->driver->close(connection->hypervisor);
		free(connection);
	}
	free(all);
}

static void deliver(void *context)
{
	struct posted_event *posted = context;
	struct connection *connection = posted->connection;
	struct hypervisors *all = connection->all;

	if (posted->event == MACHINE_EVENT_DISCONNECTED && connection->state == CONNECTION_OPEN) {
		/* The handle stays: calls that run may hold it. It is opened anew when somebody asks. */
		connection->state = CONNECTION_FAILED;
		connection->hypervisor = NULL;
		(void)err_set(&connection->err, -ECONNRESET, "the connection to the hypervisor %s is lost", connection->uri);
		all->changed(all->context, connection);
	} else if (posted->event != MACHINE_EVENT_DISCONNECTED) {
		all->event(all->context, connection, posted->name, posted->event);
	}
	free(posted);
}

/* Called in the driver's thread. */
static void on_event(void *context, const char *name, enum machine_event event)
{
	struct connection *connection = context;
	struct posted_event *posted = xalloc(sizeof(*posted));

	posted->connection = connection;
	posted->event = event;
	if (text_copy(posted->name, sizeof(posted->name), name))
		loop_post(connection->all->loop, deliver, posted);
	else
		free(posted);
}

static void open_work(void *context)
{
	struct connection *connection = context;
	const struct driver_config config = {.uri = connection->uri,
		.state = connection->all->state,
		.cache = connection->all->cache,
		.prefix = connection->prefix,
		.event = on_event,
		.context = connection};

	connection->error = connection->driver->open(&config, &connection->opened, &connection->err);
}

static void open_done(void *context)
{
	struct connection *connection = context;
	struct hypervisors *all = connection->all;

	if (connection->error == 0) {
		connection->hypervisor = connection->opened;
		connection->state = CONNECTION_OPEN;
	} else {
		connection->state = CONNECTION_FAILED;
		log_error("hypervisor", "%s", connection->err.text);
	}
	all->changed(all->context, connection);
}

static void connection_open(struct connection *connection)
{
	connection->driver = driver_for(connection->uri);
	if (connection->driver == NULL) {
		connection->state = CONNECTION_FAILED;
		(void)err_set(&connection->err, -EINVAL,
			"no driver knows the hypervisor \"%s\": expected a libvirt URI such as qemu:///system", connection->uri);
		return;
	}
	connection->state = CONNECTION_OPENING;
	connection->err = (struct err){0};
	loop_work(connection->all->loop, open_work, open_done, connection);
}

struct connection *connection_get(struct hypervisors *all, const char *uri)
{
	struct connection *connection;

	list_each (connection, &all->connections, struct connection, node) {
		if (strcmp(connection->uri, uri) != 0)
			continue;
		if (connection->state == CONNECTION_FAILED)
			connection_open(connection);
		return connection;
	}
	connection = xalloc(sizeof(*connection));
	connection->all = all;
	CHECK(text_copy(connection->uri, sizeof(connection->uri), uri));
	/* A driver that others use, too, needs names that tell our machines from those of another weftd. */
	if (uri[0] == '\0')
		(void)text_copy(connection->prefix, sizeof(connection->prefix), "weft-");
	else
		(void)snprintf(connection->prefix, sizeof(connection->prefix), "weft-%08x-",
			(unsigned)(hash_stable(all->state, strlen(all->state)) & 0xffffffff));
	list_append(&all->connections, &connection->node);
	connection_open(connection);
	return connection;
}

bool hypervisors_left_machines(const struct hypervisors *all)
{
	char path[FILE_BYTES + 16];
	DIR *folder;
	bool found = false;

	(void)snprintf(path, sizeof(path), "%s/run/qemu", all->state);
	folder = opendir(path);
	for (const struct dirent *entry; folder != NULL && !found && (entry = readdir(folder)) != NULL;)
		found = strncmp(entry->d_name, "weft-", 5) == 0;
	if (folder != NULL)
		closedir(folder);
	return found;
}

void connection_machine_name(const struct connection *connection, uint32_t id, char out[MACHINE_NAME_BYTES])
{
	(void)snprintf(out, MACHINE_NAME_BYTES, "%s%u", connection->prefix, id);
}

uint32_t connection_machine_id(const struct connection *connection, const char *name)
{
	size_t size = strlen(connection->prefix);
	char *end = NULL;
	unsigned long id;

	if (strncmp(name, connection->prefix, size) != 0 || name[size] < '1' || name[size] > '9')
		return 0;
	id = strtoul(name + size, &end, 10);
	return *end == '\0' && id <= UINT32_MAX ? (uint32_t)id : 0;
}
