/* When it is a machine's turn: its arrival in the queue, the policy's pauses, whom it waits for, its walltime, and why it waits. */
#include "vm/machine_parts.h"

#include "base/log.h"
#include "base/text.h"
#include "vm/schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Seconds that a guest may take to shut down when its walltime is over, before it is killed. */
enum { WALLTIME_SHUT_DOWN_S = 10 };

static struct schedule *schedule_of(const struct machine *machine) { return schedule_get(machine->vm, machine->wanted.schedule); }

struct queue_need machine_need(const struct machine *machine)
{
	return (struct queue_need){.priority = machine->wanted.priority,
		.vcpus = machine->wanted.cpus > 0 ? machine->wanted.cpus : 1,
		.memory_mib = machine->wanted.memory_mib,
		.estimate = span_s(machine->wanted.estimate_s)};
}

/* ---- arriving ---- */

void machine_will_arrive(struct machine *machine)
{
	if (machine->arriving)
		return;
	machine->arriving = true;
	machine->defined = false;
	list_append(&schedule_of(machine)->arriving, &machine->arriving_node);
}

void machine_wont_arrive(struct machine *machine)
{
	struct schedule *schedule = schedule_of(machine);

	if (!machine->arriving)
		return;
	machine->arriving = false;
	list_remove(&machine->arriving_node);
	schedule_admit(schedule);
}

struct machine *machine_first_arriving(struct list *arriving)
{
	struct machine *first = list_first(arriving, struct machine, arriving_node);

	return first != NULL && first->defined ? first : NULL;
}

void machine_arrives_last(struct machine *machine)
{
	if (!machine->arriving)
		return;
	list_remove(&machine->arriving_node);
	list_append(&schedule_of(machine)->arriving, &machine->arriving_node);
}

void machine_arrive(struct machine *machine)
{
	machine->arriving = false;
	list_remove(&machine->arriving_node);
	if (machine->state != VM_STATE_DEFINED || !machine->wanted.run || machine->doomed)
		return;
	if (!machine_restore(machine))
		machine_request_start(machine);
}

void machine_is_defined(struct machine *machine)
{
	machine->defined = true;
	if (machine->arriving)
		schedule_admit(schedule_of(machine));
	else
		machine_request_start(machine);
}

/* ---- after others ---- */

/* The first machine that this one waits for, NULL when all run or did. `*id` is set where there is no such machine. */
static const struct machine *awaited(const struct machine *machine, uint32_t *id)
{
	*id = 0;
	for (uint16_t i = 0; i < machine->wanted.after_count; i++) {
		const struct machine *other = map_get(&machine->vm->machines, machine->wanted.after[i]);

		if (other != NULL && (other->state == VM_STATE_RUNNING || other->state == VM_STATE_PAUSED || other->ran))
			continue;
		*id = machine->wanted.after[i];
		return other;
	}
	return NULL;
}

void machine_check_after(struct machine *machine)
{
	uint32_t id;

	if (machine->state != VM_STATE_WAITING)
		return;
	(void)awaited(machine, &id);
	if (id != 0)
		queue_withhold(machine_queue(machine), machine->id, machine_now(machine));
	else
		queue_readmit(machine_queue(machine), machine->id, machine_now(machine));
}

void machine_check_dependents(const struct machine *machine)
{
	struct machine *other;
	size_t cursor = 0;

	while ((other = map_next(&machine->vm->machines, &cursor, NULL, NULL)) != NULL)
		for (uint16_t i = 0; other->state == VM_STATE_WAITING && i < other->wanted.after_count; i++)
			if (other->wanted.after[i] == machine->id)
				machine_check_after(other);
}

/* ---- turns ---- */

void machine_take_turn(struct machine *machine, bool run)
{
	/* A guest that shuts down needs to run for that, and is gone soon. */
	if (machine->state == VM_STATE_STOPPING)
		return;
	machine->turns++;
	/* Should this process die before it is done, the next one must know whose pause it was. */
	if (!run)
		machine_save_times(machine);
	machine_push_turn(machine, run ? JOB_RESUME : JOB_PAUSE, run ? machine->resume_ticket : (struct ticket){0});
	if (run)
		machine->resume_ticket = (struct ticket){0};
}

const char *machine_pause_reason(const struct machine *machine)
{
	if (queue_is_withheld(machine_queue(machine), machine->id))
		return "";
	return queue_settings(machine_queue(machine))->policy == SCHED_RR ? "its time slice is over" : "preempted by a higher priority";
}

void machine_order_resume(struct machine *machine, struct ticket ticket)
{
	struct err err;

	if (!queue_is_withheld(machine_queue(machine), machine->id)) {
		(void)err_set(&err, -EBUSY, "cannot resume: it waits for its turn (%s)", machine_pause_reason(machine));
		vm_reply(machine->vm, ticket, &err);
		return;
	}
	machine->resume_ticket = ticket;
	queue_readmit(machine_queue(machine), machine->id, machine_now(machine));
	vm_start_next(machine->vm);
	if (machine->state == VM_STATE_PAUSED)
		machine_save_times(machine);
	/* No turn yet: it goes on when there is room. */
	vm_reply(machine->vm, machine->resume_ticket, NULL);
	machine->resume_ticket = (struct ticket){0};
	machine_find_reason(machine);
}

/* ---- walltime ---- */

void machine_set_walltime(struct machine *machine)
{
	struct queue_times times = queue_times(machine_queue(machine), machine->id, machine_now(machine));
	struct span left = span_ns(span_s(machine->wanted.walltime_s).ns - times.service.ns);

	loop_timer_set(machine->wall_timer, machine->wanted.walltime_s == 0 || machine->state != VM_STATE_RUNNING
						    ? INSTANT_NEVER
						    : instant_add(machine_now(machine), span_ns(left.ns > 0 ? left.ns : 0)));
}

void machine_on_walltime(void *context, struct instant now)
{
	struct machine *machine = context;

	if (machine->state != VM_STATE_RUNNING)
		return;
	machine->over = true;
	machine_shut_down(machine, (struct ticket){0}, WALLTIME_SHUT_DOWN_S, true);
}

/* ---- why it waits ---- */

/* The name of a machine within its lab. */
static const char *name_of(const struct vm *vm, uint64_t id)
{
	const struct machine *machine = map_get(&vm->machines, id);
	const char *slash = machine != NULL ? strchr(machine->wanted.path, '/') : NULL;

	return slash != NULL ? slash + 1 : "another";
}

/* Waiting for another one lasts for ever only if that one does. */
static bool why_after(const struct machine *machine, char *out, size_t size)
{
	uint32_t id;
	const struct machine *other = awaited(machine, &id);

	(void)snprintf(out, size, "waits for %.64s to run", name_of(machine->vm, id));
	return other == NULL || other->queued || other->state == VM_STATE_STOPPED || other->state == VM_STATE_FAILED ||
	       (other->state == VM_STATE_DEFINED && !other->wanted.run);
}

static void why_room(const struct machine *machine, const struct queue_why *why, char *out, size_t size)
{
	char who[96] = "it";

	if (why->head != machine->id)
		(void)snprintf(who, sizeof(who), "behind %.64s, which", name_of(machine->vm, why->head));
	if (why->reason == QUEUE_WHY_VCPUS)
		(void)snprintf(out, size, "%s needs %llu cpus, %llu of %llu free", who, (unsigned long long)why->needed,
			(unsigned long long)why->free, (unsigned long long)why->capacity);
	else
		(void)snprintf(out, size, "%s needs %llu MiB memory, %llu of %llu free", who, (unsigned long long)why->needed,
			(unsigned long long)why->free, (unsigned long long)why->capacity);
}

/* Writes why the machine waits; returns whether that may be for ever. */
static bool find_why(const struct machine *machine, char *out, size_t size)
{
	struct queue_why why = queue_why(machine_queue(machine), machine->id);

	out[0] = '\0';
	switch (why.reason) {
	case QUEUE_WHY_WITHHELD:
		return why_after(machine, out, size);
	case QUEUE_WHY_VCPUS:
	case QUEUE_WHY_MEMORY:
		why_room(machine, &why, out, size);
		return true;
	case QUEUE_WHY_STARTS:
		schedule_calm_text(machine->vm, schedule_of(machine), out, size);
		if (out[0] == '\0')
			(void)snprintf(out, size, "%zu machines start already", queue_counts(machine_queue(machine)).starting);
		return false;
	case QUEUE_WHY_NONE:
	default:
		return false;
	}
}

void machine_find_reason(struct machine *machine)
{
	char reason[sizeof(machine->reason)];
	bool queued;

	if (machine->state != VM_STATE_WAITING)
		return;
	queued = find_why(machine, reason, sizeof(reason));
	if (queued == machine->queued && strcmp(reason, machine->reason) == 0)
		return;
	(void)text_copy(machine->reason, sizeof(machine->reason), reason);
	machine->queued = queued;
	machine_report(machine);
}
