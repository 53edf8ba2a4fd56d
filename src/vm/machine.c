/* One machine (see machine.h). Long because one life is one state machine: the steps make sense side by side. */
#include "vm/disk.h"
#include "vm/machine_parts.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"
#include "vm/serial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Seconds: how long a start may take (its NICs wait for the switch); between two tries to end one; how long a guest may take to shut down
 * when it isn't wanted any more, before it is killed, and until it is asked again.
 */
enum { START_LIMIT_S = 60, ABORT_AGAIN_S = 1, SHUT_DOWN_LIMIT_S = 30, SHUT_DOWN_AGAIN_S = 2 };

static void pump(struct machine *machine);
static void on_start_timer(void *context, struct instant now);
static void on_stop_timer(void *context, struct instant now);

static struct loop *loop_of(const struct machine *machine) { return machine->vm->process->loop; }

struct instant machine_now(const struct machine *machine) { return loop_now(loop_of(machine)); }

struct queue *machine_queue(const struct machine *machine) { return vm_queue(machine->vm, machine->wanted.schedule); }

const char *machine_object(const struct machine *machine) { return machine->wanted.path[0] != '\0' ? machine->wanted.path : machine->name; }

bool machine_is_alive(const struct machine *machine)
{
	enum vm_state state = machine->state;

	return state == VM_STATE_RUNNING || state == VM_STATE_PAUSED || state == VM_STATE_STOPPING || state == VM_STATE_STARTING;
}

struct machine *machine_new(struct vm *vm, uint32_t id)
{
	struct machine *machine = xalloc(sizeof(*machine));

	machine->vm = vm;
	machine->id = id;
	machine->state = VM_STATE_DEFINED;
	list_init(&machine->jobs);
	CHECK(snprintf(machine->folder, sizeof(machine->folder), "%s/vm/%u", vm->process->places.state, id) < (int)sizeof(machine->folder));
	CHECK(snprintf(machine->spec.console, sizeof(machine->spec.console), "%s/vm/%u.tty", vm->process->places.run, id) <
		(int)sizeof(machine->spec.console));
	CHECK(snprintf(machine->spec.agent, sizeof(machine->spec.agent), "%s/vm/%u.agent", vm->process->places.run, id) <
		(int)sizeof(machine->spec.agent));
	machine->serial = serial_new(loop_of(machine), machine->spec.console);
	machine->start_timer = loop_timer_new(loop_of(machine), on_start_timer, machine);
	machine->stop_timer = loop_timer_new(loop_of(machine), on_stop_timer, machine);
	machine->wall_timer = loop_timer_new(loop_of(machine), machine_on_walltime, machine);
	machine->restart_timer = loop_timer_new(loop_of(machine), machine_on_restart, machine);
	return machine;
}

static void machine_free(struct machine *machine)
{
	struct job *job;

	list_each (job, &machine->jobs, struct job, node) {
		vm_reply(machine->vm, job->ticket, NULL);
		free(job);
	}
	serial_free(machine->serial);
	loop_timer_free(machine->start_timer);
	loop_timer_free(machine->stop_timer);
	loop_timer_free(machine->wall_timer);
	loop_timer_free(machine->restart_timer);
	free(machine->reborn);
	free(machine);
}

/* ---- what is told ---- */

void machine_fill_state(const struct machine *machine, struct msg_vm_state *out)
{
	struct queue *queue = machine_queue(machine);
	struct queue_times times = machine_counted(machine);

	*out = (struct msg_vm_state){.id = machine->id,
		.state = (uint8_t)machine->state,
		.priority = machine->wanted.priority,
		.position = queue_position(queue, machine->id),
		.queued = machine->state == VM_STATE_WAITING && machine->queued,
		.expected_ms = -1,
		.pid = machine->pid,
		.waiting_ns = times.waiting.ns,
		.service_ns = times.service.ns,
		.turnaround_ns = times.turnaround.ns,
		.arrived_wall_ns = machine->arrived_wall_ns};
	(void)text_copy(out->reason, sizeof(out->reason), machine->reason);
	(void)text_copy(out->path, sizeof(out->path), machine->wanted.path);
}

int64_t machine_expected_ms(const struct machine *machine)
{
	struct instant when;

	if (!queue_expected(machine_queue(machine), machine->id, &when))
		return -1;
	return when.ns > machine_now(machine).ns ? (when.ns - machine_now(machine).ns) / 1000000 : 0;
}

void machine_report(const struct machine *machine)
{
	struct msg_vm_state state;

	machine_fill_state(machine, &state);
	(void)channel_send(machine->vm->process->peers[PROCESS_CTL], MSG_VM_CHANGED, 0, &state, -1);
}

void machine_enter(struct machine *machine, enum vm_state state, const char *reason)
{
	static const char *const names[] = {
		"defined", "waiting", "starting", "running", "paused", "stopping", "stopped", "failed", "saved"};
	struct queue_times times;

	machine->state = state;
	times = machine_counted(machine);
	machine->queued = false;
	(void)snprintf(machine->reason, sizeof(machine->reason), "%.127s", reason);
	log_info(machine_object(machine), "%s%s%s (waiting %.1f s, service %.1f s)", names[state], reason[0] != '\0' ? ": " : "", reason,
		(double)times.waiting.ns / 1e9, (double)times.service.ns / 1e9);
	machine_report(machine);
	machine_set_walltime(machine);
	if (state == VM_STATE_RUNNING || state == VM_STATE_STOPPED)
		machine_check_dependents(machine);
}

/* ---- jobs ---- */

static void finish(struct machine *machine, struct job *job);

static void work(void *context) { job_run(context); }

static void work_done(void *context)
{
	struct job *job = context;
	struct machine *machine = job->machine;

	machine->vm->busy--;
	machine->running = NULL;
	if (job->kind == JOB_REMOVE) {
		struct vm *vm = machine->vm;
		struct msg_vm *reborn = machine->reborn;
		struct ticket ticket = machine->reborn_ticket;

		if (job->error != 0)
			log_warning(machine_object(machine), "%s", job->err.text);
		log_info(machine_object(machine), "removed");
		queue_remove(machine_queue(machine), machine->id);
		vm_forget_machine(vm, machine->id);
		vm_reply(vm, job->ticket, job->error != 0 ? &job->err : NULL);
		machine->reborn = NULL;
		machine_free(machine);
		if (reborn != NULL)
			vm_set_machine(vm, reborn, ticket);
		free(reborn);
	} else {
		finish(machine, job);
		pump(machine);
	}
	free(job);
}

static struct job *job_new(struct machine *machine, enum job_kind kind, struct ticket ticket)
{
	struct job *job = xalloc(sizeof(*job));

	job->kind = kind;
	job->machine = machine;
	job->ticket = ticket;
	return job;
}

/* Gives a job its copies of the machine as it is now. */
static void job_fill(struct job *job, const struct machine *machine)
{
	job->vm = machine->vm;
	job->driver = machine->connection->driver;
	job->hypervisor = machine->connection->hypervisor;
	job->err = machine->connection->err;
	job->spec = machine->spec;
	job->restore = machine->saved;
	CHECK(text_copy(job->image, sizeof(job->image), machine->wanted.image));
	CHECK(text_copy(job->hostname, sizeof(job->hostname), machine->wanted.hostname));
	CHECK(text_copy(job->folder, sizeof(job->folder), machine->folder));
	CHECK(text_copy(job->cache, sizeof(job->cache), machine->vm->process->places.cache));
	if (machine->wanted.keep_disk)
		disk_kept_path(machine->vm->process->places.state, machine->wanted.path, job->kept_disk);
}

/* Runs the next job when none runs. */
static void pump(struct machine *machine)
{
	struct job *job = list_first(&machine->jobs, struct job, node);

	if (machine->running != NULL || job == NULL || machine->connection->state == CONNECTION_OPENING)
		return;
	list_remove(&job->node);
	machine->job_count--;
	machine->running = job;
	if (job->kind == JOB_LOOK)
		machine->look_waits = false;
	machine->vm->busy++;
	job_fill(job, machine);
	loop_work(loop_of(machine), work, work_done, job);
}

static void push(struct machine *machine, enum job_kind kind, struct ticket ticket, bool by_policy)
{
	struct job *job;
	struct err err;

	/* What the machine itself needs is few and always done. */
	if (machine->job_count >= VM_JOBS_MAX && ticket.seq != 0) {
		vm_limit_reached(machine->vm, "vm-orders", machine->wanted.path, VM_JOBS_MAX);
		(void)err_set(&err, -EBUSY, "%d orders wait for this machine already", VM_JOBS_MAX);
		vm_reply(machine->vm, ticket, &err);
		return;
	}
	machine->job_count++;
	job = job_new(machine, kind, ticket);
	job->by_policy = by_policy;
	list_append(&machine->jobs, &job->node);
	pump(machine);
}

void machine_push(struct machine *machine, enum job_kind kind, struct ticket ticket) { push(machine, kind, ticket, false); }

void machine_push_turn(struct machine *machine, enum job_kind kind, struct ticket ticket) { push(machine, kind, ticket, true); }

/* Many events, one look. */
static void push_look(struct machine *machine)
{
	if (machine->look_waits)
		return;
	machine->look_waits = true;
	machine_push(machine, JOB_LOOK, (struct ticket){0});
}

static void kill_beside_done(void *context)
{
	struct job *job = context;

	job->vm->busy--;
	free(job);
}

/* Kills the machine beside the job that runs: for a start that waits for its NICs. */
static void kill_beside(struct machine *machine)
{
	struct job *job = job_new(NULL, JOB_KILL, (struct ticket){0});

	job_fill(job, machine);
	machine->vm->busy++;
	loop_work(loop_of(machine), work, kill_beside_done, job);
}

/* ---- starting ---- */

void machine_request_start(struct machine *machine)
{
	struct queue_need need = machine_need(machine);
	const struct queue_settings *settings = queue_settings(machine_queue(machine));
	char reason[sizeof(machine->reason)];
	int error;

	if (machine->doomed || machine_is_alive(machine) || machine->state == VM_STATE_WAITING || machine_go_on(machine))
		return;
	error = queue_add(machine_queue(machine), machine->id, &need, machine_now(machine));
	if (error == -E2BIG) {
		(void)snprintf(reason, sizeof(reason), "it needs %u cpus and %u MiB; its queue has %u and %u altogether (schedule)",
			need.vcpus, need.memory_mib, settings->vcpus, settings->memory_mib);
		machine_enter(machine, VM_STATE_FAILED, reason);
		return;
	}
	if (error != 0) {
		vm_limit_reached(machine->vm, "queue-machines", machine->wanted.path, QUEUE_MACHINES_MAX);
		machine_enter(machine, VM_STATE_FAILED, "its queue is full");
		return;
	}
	machine->has_past = false;
	loop_timer_set(machine->restart_timer, INSTANT_NEVER);
	machine->arrived_wall_ns = machine_stamp(machine->vm);
	machine_wait(machine);
}

void machine_wait(struct machine *machine)
{
	machine->last_event = MACHINE_EVENT_CHANGED;
	machine->over = machine->ran = machine->crashed = false;
	machine_enter(machine, VM_STATE_WAITING, "");
	machine_save_times(machine);
	machine_check_after(machine);
	vm_start_next(machine->vm);
}

void machine_begin_start(struct machine *machine)
{
	machine->vm->starts++;
	machine->aborted = false;
	machine_enter(machine, VM_STATE_STARTING, "");
	serial_start(machine->serial);
	loop_timer_set(machine->start_timer, instant_add(machine_now(machine), span_s(START_LIMIT_S)));
	machine_push(machine, JOB_START, (struct ticket){0});
}

static void on_start_timer(void *context, struct instant now)
{
	struct machine *machine = context;

	if (machine->state != VM_STATE_STARTING)
		return;
	machine->aborted = true;
	/* It may not have got as far as a process that can be killed: again until the start comes back. */
	kill_beside(machine);
	loop_timer_set(machine->start_timer, instant_add(now, span_s(ABORT_AGAIN_S)));
}

bool machine_abort_start(struct machine *machine)
{
	if (machine->state != VM_STATE_STARTING)
		return false;
	on_start_timer(machine, machine_now(machine));
	return true;
}

void machine_ended(struct machine *machine, enum vm_state state, const char *reason)
{
	char told[sizeof(machine->reason)];

	queue_end(machine_queue(machine), machine->id, machine_now(machine));
	serial_stop(machine->serial);
	loop_timer_set(machine->stop_timer, INSTANT_NEVER);
	machine->pid = 0;
	machine->ran = state == VM_STATE_STOPPED && machine->wanted.run;
	machine_plan_restart(machine, state, reason, told, sizeof(told));
	machine_enter(machine, state, told);
	/* One that ended by itself isn't started again by a process that comes after this one. */
	if (machine->ran || machine->crashed)
		machine_save_times(machine);
	else
		machine_times_remove(machine->folder);
	vm_reply(machine->vm, machine->stop_ticket, NULL);
	machine->stop_ticket = (struct ticket){0};
	machine->stop_forced = false;
	vm_start_next(machine->vm);
}

static void started(struct machine *machine, const struct job *job)
{
	char reason[ERR_TEXT_BYTES];

	machine->vm->starts--;
	loop_timer_set(machine->start_timer, INSTANT_NEVER);
	if ((job->error != 0 || !job->found) && job->restore && !machine->doomed && machine->wanted.run) {
		machine_enter_saved(machine, job->err.text);
		return;
	}
	if (job->error != 0 || !job->found) {
		if (machine->doomed || !machine->wanted.run)
			(void)snprintf(reason, sizeof(reason), "it was killed while it started");
		else if (machine->aborted)
			(void)snprintf(
				reason, sizeof(reason), "nobody connected to its NICs within %d s: is the switch running?", START_LIMIT_S);
		else
			(void)snprintf(reason, sizeof(reason), "%s", job->error != 0 ? job->err.text : "it ended at once");
		machine_ended(machine, machine->doomed || !machine->wanted.run ? VM_STATE_STOPPED : VM_STATE_FAILED, reason);
		return;
	}
	machine->saved = false;
	machine->pid = job->sight.pid;
	queue_started(machine_queue(machine), machine->id, machine_now(machine));
	machine_enter(machine, VM_STATE_RUNNING, "");
	machine_save_times(machine);
	/* Cables may have been pulled or plugged in since it was saved. */
	if (job->restore)
		machine_push(machine, JOB_LINK, (struct ticket){0});
	/* It may have died since, with its event told too early. */
	push_look(machine);
	vm_start_next(machine->vm);
	if (!machine->wanted.run)
		machine_stop_unwanted(machine);
}

/* ---- seeing ---- */

/* Paused or resumed, by its queue or by somebody else. */
static void set_paused(struct machine *machine, bool paused, bool by_policy)
{
	if ((machine->state == VM_STATE_PAUSED) == paused)
		return;
	if (!by_policy && paused)
		queue_withhold(machine_queue(machine), machine->id, machine_now(machine));
	else if (!by_policy)
		queue_readmit(machine_queue(machine), machine->id, machine_now(machine));
	if (paused)
		queue_pause(machine_queue(machine), machine->id, machine_now(machine));
	else
		queue_resume(machine_queue(machine), machine->id, machine_now(machine));
	machine_enter(machine, paused ? VM_STATE_PAUSED : VM_STATE_RUNNING, paused ? machine_pause_reason(machine) : "");
	machine_save_times(machine);
	vm_start_next(machine->vm);
}

enum machine_event machine_end(const struct machine *machine)
{
	/* What the driver found written down is surer than an event, which may be of an earlier life or have been missed. */
	return machine->sight.ended != MACHINE_EVENT_CHANGED ? machine->sight.ended : machine->last_event;
}

static void crashed(struct machine *machine)
{
	machine->crashed = true;
	machine_ended(machine, VM_STATE_FAILED, "its hypervisor process died");
}

/* The machine isn't there: what that means follows from what was known and from what the hypervisor said last. */
static void seen_gone(struct machine *machine)
{
	enum machine_event how = machine_end(machine);

	switch (machine->state) {
	case VM_STATE_RUNNING:
	case VM_STATE_PAUSED:
	case VM_STATE_STOPPING:
		if (machine->state == VM_STATE_STOPPING || how == MACHINE_EVENT_SHUT_DOWN)
			machine_ended(machine, VM_STATE_STOPPED,
				machine->over			      ? "its walltime is over"
				: machine->state == VM_STATE_STOPPING ? ""
								      : "the guest shut itself down");
		else if (how == MACHINE_EVENT_KILLED)
			machine_ended(machine, VM_STATE_STOPPED, "it was killed");
		else if (how == MACHINE_EVENT_SAVED)
			machine_enter_saved(machine, "");
		else
			crashed(machine);
		break;
	case VM_STATE_DEFINED:
		if (machine->wanted.run)
			machine_is_defined(machine);
		else
			machine_report(machine);
		break;
	case VM_STATE_WAITING:
	case VM_STATE_STARTING:
	case VM_STATE_STOPPED:
	case VM_STATE_FAILED:
	case VM_STATE_SAVED:
	case VM_STATE_COUNT:
	default:
		break;
	}
}

static void looked(struct machine *machine, const struct job *job)
{
	machine->looked = true;
	machine->found = job->error == 0 && job->found;
	machine->sight = job->sight;
	if (job->error != 0) {
		log_warning(machine_object(machine), "%s", job->err.text);
		machine_wont_arrive(machine);
	} else {
		machine->known = machine->sight_waits = true;
	}
	if (machine->vm->settling)
		machines_settle(machine->vm, false);
	else
		machine_take_sight(machine);
}

void machine_take_sight(struct machine *machine)
{
	if (!machine->sight_waits)
		return;
	machine->sight_waits = false;
	if (!machine->found)
		seen_gone(machine);
	else if (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED)
		set_paused(machine, machine->sight.paused, machine->turns > 0);
	else if (!machine_is_alive(machine) && !machine->doomed)
		machine_adopt(machine, &machine->sight);
}

/* ---- stopping ---- */

void machine_shut_down(struct machine *machine, struct ticket ticket, uint32_t limit_s, bool forced)
{
	if (machine->state != VM_STATE_STOPPING)
		machine_enter(machine, VM_STATE_STOPPING, "");
	machine->stop_ticket = ticket;
	machine->stop_forced = forced;
	machine->stop_deadline = instant_add(machine_now(machine), span_s(limit_s > 0 ? limit_s : SHUT_DOWN_LIMIT_S));
	loop_timer_set(
		machine->stop_timer, instant_earlier(machine->stop_deadline, instant_add(machine_now(machine), span_s(SHUT_DOWN_AGAIN_S))));
	/* A pause may be under way. */
	if (machine->turns > 0) {
		machine->turns++;
		machine_push_turn(machine, JOB_RESUME, (struct ticket){0});
	}
	machine_push(machine, JOB_SHUT_DOWN, (struct ticket){0});
}

void machine_stop_unwanted(struct machine *machine)
{
	if (machine->state == VM_STATE_RUNNING)
		machine_shut_down(machine, (struct ticket){0}, SHUT_DOWN_LIMIT_S, true);
	else if (machine->state == VM_STATE_PAUSED)
		machine_push(machine, JOB_KILL, (struct ticket){0});
	else if (machine->state == VM_STATE_STARTING)
		(void)machine_abort_start(machine);
	else if (machine->state == VM_STATE_WAITING)
		machine_ended(machine, VM_STATE_STOPPED, "");
}

/* The guest refused, or took too long. */
static void stop_failed(struct machine *machine, struct err *err)
{
	struct ticket ticket = machine->stop_ticket;

	loop_timer_set(machine->stop_timer, INSTANT_NEVER);
	machine->stop_ticket = (struct ticket){0};
	if (machine->stop_forced) {
		machine_push(machine, JOB_KILL, ticket);
		return;
	}
	machine_enter(machine, VM_STATE_RUNNING, "");
	vm_reply(machine->vm, ticket, err);
}

static void on_stop_timer(void *context, struct instant now)
{
	struct machine *machine = context;
	struct err err;

	if (machine->state != VM_STATE_STOPPING)
		return;
	if (!instant_reached(machine->stop_deadline, now)) {
		/* One that is just booting doesn't hear it: again. */
		if (machine->running == NULL && machine->job_count == 0)
			machine_push(machine, JOB_SHUT_DOWN, (struct ticket){0});
		loop_timer_set(machine->stop_timer, instant_earlier(machine->stop_deadline, instant_add(now, span_s(SHUT_DOWN_AGAIN_S))));
		return;
	}
	(void)err_set(&err, -ETIMEDOUT, "the guest did not shut down in time (`weft vm kill` ends it at once)");
	stop_failed(machine, &err);
}

/* ---- jobs that ended ---- */

static void prepared(struct machine *machine, struct job *job)
{
	if (job->error != 0) {
		if (!machine_is_alive(machine))
			machine_enter(machine, VM_STATE_FAILED, job->err.text);
		machine_wont_arrive(machine);
	} else {
		/* The NICs may have changed meanwhile; they are the loop's. */
		memcpy(job->spec.nics, machine->spec.nics, sizeof(job->spec.nics));
		machine->spec = job->spec;
		if (machine->state == VM_STATE_FAILED)
			machine->state = VM_STATE_DEFINED;
	}
	vm_reply(machine->vm, job->ticket, job->error != 0 ? &job->err : NULL);
	if (job->error == 0 || !machine->known)
		push_look(machine);
}

static void killed(struct machine *machine, struct job *job)
{
	if (job->error == 0 && machine->state == VM_STATE_SAVED)
		machine_discard_saved(machine);
	else if (job->error == 0 && (machine_is_alive(machine) || machine->state == VM_STATE_WAITING))
		machine_ended(machine, VM_STATE_STOPPED, machine->over ? "its walltime is over" : "it was killed");
	else if (job->error != 0)
		push_look(machine);
	vm_reply(machine->vm, job->ticket, job->error != 0 ? &job->err : NULL);
}

static void paused(struct machine *machine, struct job *job, bool to)
{
	if (job->by_policy)
		machine->turns--;
	if (job->error == 0 && (machine->state == VM_STATE_RUNNING || machine->state == VM_STATE_PAUSED))
		set_paused(machine, to, job->by_policy);
	vm_reply(machine->vm, job->ticket, job->error != 0 ? &job->err : NULL);
}

static void finish(struct machine *machine, struct job *job)
{
	switch (job->kind) {
	case JOB_PREPARE:
		prepared(machine, job);
		break;
	case JOB_START:
		started(machine, job);
		break;
	case JOB_LOOK:
		looked(machine, job);
		break;
	case JOB_SHUT_DOWN:
		if (job->error != 0 && machine->state == VM_STATE_STOPPING)
			stop_failed(machine, &job->err);
		break;
	case JOB_KILL:
		killed(machine, job);
		break;
	case JOB_PAUSE:
		paused(machine, job, true);
		break;
	case JOB_RESUME:
		paused(machine, job, false);
		break;
	case JOB_LINK:
		if (job->error != 0)
			log_warning(machine_object(machine), "%s", job->err.text);
		vm_reply(machine->vm, job->ticket, job->error != 0 ? &job->err : NULL);
		break;
	case JOB_SAVE:
		if (job->error == 0 && machine_is_alive(machine))
			machine_enter_saved(machine, "");
		vm_reply(machine->vm, job->ticket, job->error != 0 ? &job->err : NULL);
		break;
	case JOB_RESET:
	case JOB_REMOVE:
	default:
		vm_reply(machine->vm, job->ticket, job->error != 0 ? &job->err : NULL);
	}
}

void machine_event(struct machine *machine, enum machine_event event)
{
	if (event != MACHINE_EVENT_CHANGED)
		machine->last_event = event;
	if (machine->connection != NULL && machine->state != VM_STATE_STARTING && !machine->doomed)
		push_look(machine);
}

void machine_connection_changed(struct machine *machine)
{
	if (machine->connection != NULL)
		pump(machine);
}

struct serial *machine_serial(const struct machine *machine) { return machine->serial; }
const char *machine_name(const struct machine *machine) { return machine->name; }
const struct connection *machine_connection(const struct machine *machine) { return machine->connection; }
const char *machine_path(const struct machine *machine) { return machine_object(machine); }
void machine_set_stale(struct machine *machine, bool stale) { machine->stale = stale; }
bool machine_is_stale(const struct machine *machine) { return machine->stale; }

bool machine_may_answer(const struct machine *machine)
{
	enum vm_state state = machine->state;

	return state == VM_STATE_RUNNING || state == VM_STATE_STARTING || state == VM_STATE_WAITING ||
	       (state == VM_STATE_DEFINED && !machine->known);
}
