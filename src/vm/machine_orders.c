/* What is asked of a machine: to be as a VM_SET says, to do as a VM_DO says, to go away. */
#include "vm/machine_parts.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* True when a machine that runs as `a` can be made to run as `b` without a restart. */
static bool is_hot(const struct msg_vm *a, const struct msg_vm *b)
{
	if (a->cpus != b->cpus || a->memory_mib != b->memory_mib || a->nic_count != b->nic_count || strcmp(a->uuid, b->uuid) != 0 ||
		strcmp(a->hostname, b->hostname) != 0 || strcmp(a->image, b->image) != 0 || a->keep_disk != b->keep_disk ||
		strcmp(a->uri, b->uri) != 0 || strcmp(a->path, b->path) != 0)
		return false;
	for (unsigned i = 0; i < a->nic_count; i++)
		if (a->nics[i].port != b->nics[i].port || a->nics[i].mtu != b->nics[i].mtu || !mac_equal(a->nics[i].mac, b->nics[i].mac))
			return false;
	return true;
}

static void fill_spec(struct machine *machine)
{
	const struct msg_vm *wanted = &machine->wanted;
	struct machine_spec *spec = &machine->spec;

	connection_machine_name(machine->connection, machine->id, spec->name);
	CHECK(text_copy(machine->name, sizeof(machine->name), spec->name));
	CHECK(text_copy(spec->uuid, sizeof(spec->uuid), wanted->uuid));
	CHECK(text_copy(spec->title, sizeof(spec->title), wanted->path));
	spec->cpus = wanted->cpus > 0 ? wanted->cpus : 1;
	spec->memory_mib = wanted->memory_mib;
	spec->nic_count = wanted->nic_count;
	for (unsigned i = 0; i < wanted->nic_count; i++) {
		struct machine_nic *nic = &spec->nics[i];

		(void)places_vhost_socket(&machine->vm->process->places, wanted->nics[i].port, nic->socket);
		nic->mac = wanted->nics[i].mac;
		nic->mtu = wanted->nics[i].mtu;
		nic->up = wanted->nics[i].up;
	}
}

/* Moves the machine to another queue, with its times. */
static void change_schedule(struct machine *machine, uint32_t schedule)
{
	struct queue *from = machine_queue(machine);
	struct queue *to = vm_queue(machine->vm, schedule);
	enum queue_phase phase = queue_phase(from, machine->id);
	struct queue_past past = {.times = queue_times(from, machine->id, machine_now(machine)),
		.phase = phase == QUEUE_STARTING ? QUEUE_RUNNING : phase,
		.by_policy = !queue_is_withheld(from, machine->id),
		.arrived = {machine->arrived_wall_ns - machine->vm->wall_offset_ns}};
	struct queue_need need = machine_need(machine);
	bool arriving = machine->arriving;

	if (from == to)
		return;
	machine_wont_arrive(machine);
	queue_remove(from, machine->id);
	queue_remove(to, machine->id);
	machine->wanted.schedule = schedule;
	if (arriving)
		machine_will_arrive(machine);
	if (phase != QUEUE_ABSENT && phase != QUEUE_ENDED)
		(void)queue_adopt(to, machine->id, &need, &past, machine_now(machine));
}

/* A machine that runs, starts or waits: only what can change under way. */
static void set_hot(struct machine *machine, const struct msg_vm *wanted, struct ticket ticket)
{
	bool ran = machine->wanted.run;
	struct queue_need need;
	struct err err;

	if (!is_hot(&machine->wanted, wanted)) {
		(void)err_set(&err, -EBUSY, "this change needs a restart of the machine");
		vm_reply(machine->vm, ticket, &err);
		return;
	}
	change_schedule(machine, wanted->schedule);
	machine->wanted = *wanted;
	fill_spec(machine);
	need = machine_need(machine);
	queue_set_need(machine_queue(machine), machine->id, &need);
	machine_check_after(machine);
	machine_set_walltime(machine);
	if (ran && !wanted->run)
		machine_stop_unwanted(machine);
	if (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED || machine->state == VM_STATE_STARTING)
		machine_push(machine, JOB_LINK, ticket);
	else
		vm_reply(machine->vm, ticket, NULL);
	vm_start_next(machine->vm);
}

void machine_set(struct machine *machine, const struct msg_vm *wanted, struct ticket ticket)
{
	bool ran = machine->wanted.run;
	bool same;

	machine->stale = false;
	if (machine->doomed) {
		if (machine->reborn == NULL)
			machine->reborn = xalloc(sizeof(*machine->reborn));
		else
			vm_reply(machine->vm, machine->reborn_ticket, NULL);
		*machine->reborn = *wanted;
		machine->reborn_ticket = ticket;
		return;
	}
	if (machine_is_alive(machine) || machine->state == VM_STATE_WAITING) {
		set_hot(machine, wanted, ticket);
		return;
	}
	if (machine->connection == NULL) {
		machine->set_order = ++machine->vm->set_count;
		machine_load_past(machine);
	}
	change_schedule(machine, wanted->schedule);
	same = machine->known && (machine->state != VM_STATE_FAILED || machine->crashed) && is_hot(&machine->wanted, wanted);
	machine->wanted = *wanted;
	machine->connection = connection_get(machine->vm->hypervisors, wanted->uri);
	fill_spec(machine);
	if (!same) {
		/* Changed while it was off: what it boots from is looked for again; once it is wanted running, it starts by itself. */
		if (machine->state == VM_STATE_STOPPED && wanted->run && !ran)
			machine->state = VM_STATE_DEFINED;
		if (wanted->run && machine->state != VM_STATE_STOPPED)
			machine_will_arrive(machine);
		else
			machine_wont_arrive(machine);
		machine_push(machine, JOB_PREPARE, ticket);
		return;
	}
	vm_reply(machine->vm, ticket, NULL);
	if (wanted->run && !ran)
		machine_request_start(machine);
}

/* ---- orders ---- */

static void refuse(struct machine *machine, struct ticket ticket, const char *what)
{
	static const char *const states[] = {"not started", "waiting for its turn", "starting", "running", "paused", "stopping", "stopped",
		"failed", "saved (`weft vm restore` lets it go on, `weft vm kill` throws it away)"};
	struct err err;

	(void)err_set(&err, -EBUSY, "cannot %s: the machine is %s", what, states[machine->state]);
	vm_reply(machine->vm, ticket, &err);
}

static void order_start(struct machine *machine, struct ticket ticket)
{
	if (machine->state == VM_STATE_STOPPING) {
		refuse(machine, ticket, "start");
		return;
	}
	machine->wanted.run = true;
	vm_reply(machine->vm, ticket, NULL);
	machine_request_start(machine);
}

static void order_stop(struct machine *machine, struct ticket ticket, uint32_t limit_s)
{
	if (machine->state == VM_STATE_PAUSED || machine->state == VM_STATE_STARTING || machine->state == VM_STATE_STOPPING ||
		machine->state == VM_STATE_SAVED) {
		refuse(machine, ticket, "stop");
		return;
	}
	machine->wanted.run = false;
	if (machine->state == VM_STATE_RUNNING) {
		machine_shut_down(machine, ticket, limit_s, false);
		return;
	}
	machine_wont_arrive(machine);
	if (machine->state == VM_STATE_WAITING)
		machine_ended(machine, VM_STATE_STOPPED, "");
	vm_reply(machine->vm, ticket, NULL);
}

static void order_kill(struct machine *machine, struct ticket ticket)
{
	machine->wanted.run = false;
	machine_wont_arrive(machine);
	if (machine->state == VM_STATE_WAITING)
		machine_ended(machine, VM_STATE_STOPPED, "");
	(void)machine_abort_start(machine);
	machine_push(machine, JOB_KILL, ticket);
}

static void order_pause(struct machine *machine, struct ticket ticket)
{
	if (machine->state == VM_STATE_RUNNING) {
		machine_push(machine, JOB_PAUSE, ticket);
	} else if (machine->state == VM_STATE_PAUSED) {
		/* Paused by its queue it stays so now until somebody lets it go on. */
		queue_withhold(machine_queue(machine), machine->id, machine_now(machine));
		machine_save_times(machine);
		vm_reply(machine->vm, ticket, NULL);
	} else {
		refuse(machine, ticket, "pause");
	}
}

void machine_do(struct machine *machine, const struct msg_vm_do *order, struct ticket ticket)
{
	if (machine->doomed) {
		refuse(machine, ticket, "do anything any more");
		return;
	}
	switch ((enum vm_action)order->action) {
	case VM_START:
		order_start(machine, ticket);
		break;
	case VM_STOP:
		order_stop(machine, ticket, order->timeout_s);
		break;
	case VM_KILL:
		order_kill(machine, ticket);
		break;
	case VM_PAUSE:
		order_pause(machine, ticket);
		break;
	case VM_RESUME:
		if (machine->state == VM_STATE_PAUSED)
			machine_order_resume(machine, ticket);
		else if (machine->state == VM_STATE_RUNNING)
			vm_reply(machine->vm, ticket, NULL);
		else
			refuse(machine, ticket, "resume");
		break;
	case VM_RESET:
		if (machine->state == VM_STATE_RUNNING)
			machine_push(machine, JOB_RESET, ticket);
		else
			refuse(machine, ticket, "reset");
		break;
	case VM_SAVE:
		if (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED)
			machine_push(machine, JOB_SAVE, ticket);
		else
			refuse(machine, ticket, "save");
		break;
	case VM_RESTORE:
		if (machine->state != VM_STATE_SAVED) {
			refuse(machine, ticket, "restore");
			break;
		}
		vm_reply(machine->vm, ticket, NULL);
		machine_request_start(machine);
		break;
	case VM_ACTION_COUNT:
	default:
		refuse(machine, ticket, "do that");
	}
}

void machine_delete(struct machine *machine, struct ticket ticket)
{
	struct job *job;
	struct err err;

	machine->stale = false;
	if (machine->doomed) {
		machine_push(machine, JOB_REMOVE, ticket);
		return;
	}
	machine->doomed = true;
	machine->wanted.run = false;
	machine_wont_arrive(machine);
	(void)err_set(&err, -ECANCELED, "the machine is being removed");
	list_each (job, &machine->jobs, struct job, node) {
		if (job->kind == JOB_START)
			continue;
		list_remove(&job->node);
		machine->job_count--;
		vm_reply(machine->vm, job->ticket, &err);
		free(job);
	}
	if (machine->state == VM_STATE_WAITING)
		machine_ended(machine, VM_STATE_STOPPED, "");
	(void)machine_abort_start(machine);
	machine_push(machine, JOB_KILL, (struct ticket){0});
	machine_push(machine, JOB_REMOVE, ticket);
}

void machine_adopt_orphan(struct machine *machine, struct connection *connection)
{
	machine->connection = connection;
	connection_machine_name(connection, machine->id, machine->spec.name);
	CHECK(text_copy(machine->name, sizeof(machine->name), machine->spec.name));
	log_notice(machine_object(machine), "nobody wants this machine any more");
	machine_delete(machine, (struct ticket){0});
}
