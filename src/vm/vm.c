/*
 * The process vm: machines and their queues, by the orders of ctl.
 *
 * Theory of operation. ctl says what is wanted (VM_SET, SCHEDULE_SET), this process makes it so through the hypervisors and says how it is
 * (VM_CHANGED). Nothing that blocks runs in the loop. Machines outlive this process: it kills none when it ends, and one that starts anew
 * finds them again as ctl names them. What runs and is named by nobody between SYNC_BEGIN and SYNC_END is removed.
 */
#include "vm/vm.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "vm/guest_exec.h"
#include "vm/machine.h"
#include "vm/machine_times.h"
#include "vm/reaper.h"
#include "vm/schedule.h"
#include "vm/serial.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Milliseconds that the end of the process may take, and between two looks whether it can. */
enum { END_MS = 3000, END_STEP_MS = 50 };

/* ---- what the parts use ---- */

void vm_reply(struct vm *vm, struct ticket ticket, const struct err *err)
{
	if (ticket.seq != 0 && ticket.generation == vm->generation)
		channel_done(vm->process->peers[PROCESS_CTL], ticket.seq, err);
}

void vm_limit_reached(struct vm *vm, const char *limit, const char *path, uint64_t value)
{
	struct msg_limit message = {.value = value};

	(void)text_copy(message.limit, sizeof(message.limit), limit);
	(void)text_copy(message.path, sizeof(message.path), path);
	log_warning(path[0] != '\0' ? path : NULL, "limit %s reached (%llu)", limit, (unsigned long long)value);
	(void)channel_send(vm->process->peers[PROCESS_CTL], MSG_LIMIT_REACHED, 0, &message, -1);
}

void vm_forget_machine(struct vm *vm, uint32_t id) { (void)map_remove(&vm->machines, id); }

/* ---- orders ---- */

void vm_set_machine(struct vm *vm, const struct msg_vm *wanted, struct ticket ticket)
{
	struct machine *machine = map_get(&vm->machines, wanted->id);
	struct err err;

	if (machine == NULL && vm->machines.used >= VM_MACHINES_MAX) {
		vm_limit_reached(vm, "vm-machines", wanted->path, VM_MACHINES_MAX);
		(void)err_set(&err, -ENOSPC, "this host has %d machines already, which is the most", VM_MACHINES_MAX);
		vm_reply(vm, ticket, &err);
		return;
	}
	if (machine == NULL) {
		machine = machine_new(vm, wanted->id);
		map_set(&vm->machines, wanted->id, machine);
	}
	machine_set(machine, wanted, ticket);
}

static void open_console(struct vm *vm, const struct machine *machine, struct ticket ticket)
{
	struct msg_none none = {0};
	struct err err;
	int fd = -1;

	if (serial_view(machine_serial(machine), &fd, &err) != 0) {
		vm_limit_reached(vm, "console-viewers", machine_path(machine), SERIAL_VIEWERS_MAX);
		vm_reply(vm, ticket, &err);
		return;
	}
	(void)channel_send(vm->process->peers[PROCESS_CTL], MSG_OPENED, ticket.seq, &none, fd);
	(void)close(fd);
}

static void show(struct vm *vm, const struct msg_show *question, struct ticket ticket)
{
	const struct machine *machine;
	struct msg_vm_state state;
	size_t cursor = 0;
	uint64_t id;

	if (question->what == SHOW_QUEUES)
		schedules_show(vm, question->object, ticket);
	else if (question->what == SHOW_VMS)
		schedules_forecast(vm);
	while (question->what == SHOW_VMS && (machine = map_next(&vm->machines, &cursor, &id, NULL)) != NULL) {
		if (question->object != 0 && question->object != id)
			continue;
		machine_fill_state(machine, &state);
		state.expected_ms = machine_expected_ms(machine);
		(void)channel_send(vm->process->peers[PROCESS_CTL], MSG_ROW_VM, ticket.seq, &state, -1);
	}
	vm_reply(vm, ticket, NULL);
}

/* Orders that name a machine by their first field. */
static void machine_order(struct vm *vm, const struct message *message, struct ticket ticket)
{
	const struct msg_id *id = message->body;
	struct machine *machine = map_get(&vm->machines, id->id);
	struct err err;

	if (machine == NULL) {
		/* What isn't there is deleted already. */
		(void)err_set(&err, message->row->type == MSG_VM_DEL ? 0 : -ENOENT, "there is no such machine");
		vm_reply(vm, ticket, &err);
		return;
	}
	switch (message->row->type) {
	case MSG_VM_DEL:
		machine_delete(machine, ticket);
		break;
	case MSG_VM_DO:
		machine_do(machine, message->body, ticket);
		break;
	case MSG_CONSOLE_OPEN:
		open_console(vm, machine, ticket);
		break;
	default:
		execs_add(vm->execs, message->body, ticket);
	}
}

/* ---- a sender that starts anew ---- */

static void sync_begin(struct vm *vm)
{
	struct machine *machine;
	size_t cursor = 0;

	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL)
		machine_set_stale(machine, true);
	schedules_sync_begin(vm);
	machines_begin_settling(vm);
}

/* Looks for machines that run and that nobody named: what a pool thread needs and finds. */
struct sweep {
	struct vm *vm;
	struct connection *connection;
	struct machine_sight *sights;
	int count;
	struct err err;
};

static void sweep_work(void *context)
{
	struct sweep *sweep = context;

	sweep->count = sweep->connection->driver->list(sweep->connection->hypervisor, &sweep->sights, &sweep->err);
}

static void delete_orphan(struct vm *vm, struct connection *connection, uint32_t id)
{
	struct machine *machine;

	if (id == 0 || map_get(&vm->machines, id) != NULL || vm->machines.used >= VM_MACHINES_MAX)
		return;
	machine = machine_new(vm, id);
	map_set(&vm->machines, id, machine);
	machine_adopt_orphan(machine, connection);
}

/* Whether machines of an earlier life may have left something: a process, or a disk. */
static bool something_is_left(const struct vm *vm)
{
	char path[FILE_BYTES];

	(void)snprintf(path, sizeof(path), "%.390s/vm", vm->process->places.state);
	/* Removing it works when it is empty. */
	return hypervisors_left_machines(vm->hypervisors) || (rmdir(path) != 0 && errno != ENOENT);
}

/* Folders of machines that are no more: their disks. */
static void sweep_folders(struct vm *vm, struct connection *connection)
{
	char path[FILE_BYTES];
	DIR *folder;

	(void)snprintf(path, sizeof(path), "%.390s/vm", vm->process->places.state);
	folder = opendir(path);
	for (const struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
		char *end;
		unsigned long id = isdigit((unsigned char)entry->d_name[0]) ? strtoul(entry->d_name, &end, 10) : 0;

		if (id > 0 && id <= UINT32_MAX && *end == '\0')
			delete_orphan(vm, connection, (uint32_t)id);
	}
	if (folder != NULL)
		(void)closedir(folder);
}

static void sweep_done(void *context)
{
	struct sweep *sweep = context;
	struct vm *vm = sweep->vm;

	vm->busy--;
	for (int i = 0; i < sweep->count; i++)
		delete_orphan(vm, sweep->connection, connection_machine_id(sweep->connection, sweep->sights[i].name));
	if (sweep->count < 0)
		log_warning("hypervisor", "%s", sweep->err.text);
	else if (sweep->connection->uri[0] == '\0')
		sweep_folders(vm, sweep->connection);
	free(sweep->sights);
	free(sweep);
}

static void sweep_start(struct vm *vm, struct connection *connection)
{
	struct sweep *sweep;

	if (connection->state != CONNECTION_OPEN || !vm->synced)
		return;
	sweep = xalloc(sizeof(*sweep));
	sweep->vm = vm;
	sweep->connection = connection;
	vm->busy++;
	loop_work(vm->process->loop, sweep_work, sweep_done, sweep);
}

static void sync_end(struct vm *vm)
{
	struct machine *machine;
	size_t cursor = 0;

	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL)
		if (machine_is_stale(machine))
			machine_delete(machine, (struct ticket){0});
	schedules_sync_end(vm);
	vm->synced = true;
	machines_settle(vm, false);
	/* The embedded driver is opened only where it may have left something, since opening costs seconds the first time. */
	if (something_is_left(vm))
		sweep_start(vm, connection_get(vm->hypervisors, ""));
}

static void received(struct process *process, enum process_id from, const struct message *message)
{
	struct vm *vm = process->body;
	struct ticket ticket = {.seq = message->seq, .generation = vm->generation};

	if (message->fd >= 0)
		(void)close(message->fd);
	switch (message->row->type) {
	case MSG_SYNC_BEGIN:
		sync_begin(vm);
		vm_reply(vm, ticket, NULL);
		break;
	case MSG_SYNC_END:
		sync_end(vm);
		vm_reply(vm, ticket, NULL);
		break;
	case MSG_VM_SET:
		vm_set_machine(vm, message->body, ticket);
		break;
	case MSG_SCHEDULE_SET:
		schedule_set(vm, message->body);
		vm_reply(vm, ticket, NULL);
		break;
	case MSG_SCHEDULE_DEL:
		schedule_delete(vm, ((const struct msg_id *)message->body)->id);
		vm_reply(vm, ticket, NULL);
		break;
	case MSG_VM_DEL:
	case MSG_VM_DO:
	case MSG_CONSOLE_OPEN:
	case MSG_EXEC:
		machine_order(vm, message, ticket);
		break;
	case MSG_SHOW:
		show(vm, message->body, ticket);
		break;
	default:
		log_warning(process_name(from), "sent %s, which this process does not know", message->row->name);
	}
}

/* ---- events ---- */

static void on_connection(void *context, struct connection *connection)
{
	struct vm *vm = context;
	struct machine *machine;
	size_t cursor = 0;

	sweep_start(vm, connection);
	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL)
		machine_connection_changed(machine);
}

static void on_event(void *context, struct connection *connection, const char *name, enum machine_event event)
{
	struct vm *vm = context;
	struct machine *machine = map_get(&vm->machines, connection_machine_id(connection, name));

	if (machine != NULL)
		machine_event(machine, event);
}

/* ---- the process ---- */

static int prepare(struct process *process, struct err *err)
{
	struct vm *vm = xalloc(sizeof(*vm));

	int error = reaper_prepare(err);

	if (error != 0)
		return error;
	vm->process = process;
	process->body = vm;
	return 0;
}

static void begin(struct process *process)
{
	struct vm *vm = process->body;

	vm->hypervisors = hypervisors_new(process->loop, &process->places, on_connection, on_event, vm);
	vm->execs = execs_new(vm);
	schedules_begin(vm);
	vm->wall_offset_ns = clock_wall_ns() - clock_monotonic().ns;
	vm->boot = machine_times_boot();
	reaper_start(process->loop);
	/* Machines run: ctl is about to ask for them, and attaching to them takes a while. */
	if (hypervisors_left_machines(vm->hypervisors))
		(void)connection_get(vm->hypervisors, "");
}

static void peer_up(struct process *process, enum process_id peer)
{
	struct vm *vm = process->body;
	const struct machine *machine;
	size_t cursor = 0;

	if (peer != PROCESS_CTL)
		return;
	vm->generation++;
	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL)
		machine_report(machine);
}

/* Ends when no thread is busy; a thread that doesn't come back in time is left behind. */
static void on_end_timer(void *context, struct instant now)
{
	struct vm *vm = context;

	if (vm->busy == 0)
		loop_stop(vm->process->loop);
	else if (instant_reached(vm->end_deadline, now))
		_exit(EXIT_SUCCESS);
	else
		loop_timer_set(vm->end, instant_add(now, span_ms(END_STEP_MS)));
}

/* Machines that run go on; those that are about to start and wait for the switch are given up. */
static void end(struct process *process)
{
	struct vm *vm = process->body;
	struct machine *machine;
	size_t cursor = 0;

	if (vm->end != NULL)
		return;
	vm->end = loop_timer_new(process->loop, on_end_timer, vm);
	vm->end_deadline = instant_add(loop_now(process->loop), span_ms(END_MS));
	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL)
		(void)machine_abort_start(machine);
	on_end_timer(vm, loop_now(process->loop));
}

const struct process_body vm_process = {
	.id = PROCESS_VM,
	.prepare = prepare,
	.started = begin,
	.peer_up = peer_up,
	.received = received,
	.shutdown = end,
};
