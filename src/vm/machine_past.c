/*
 * What machines were in an earlier life of this process, and what follows from that.
 *
 * Theory of operation. A process vm that starts anew is told what is wanted, looks for each machine, and reads in the small file beside its
 * disk (machine_times.h) how long it waited and ran. It settles: until all machines were looked at nothing is decided, since a queue that
 * knew a part of its machines only would give away what the others have. Then they are taken over in the order in which they joined their
 * lines, whatever order they were found in, and each takes the place of its arrival, which is a stamp that no two machines share: times
 * that were counted are short of the truth by some milliseconds, of one machine more than of another, and would mix up those that arrived
 * together.
 *
 * One that ran and is no more: its guest shut itself down, or its hypervisor died; the hypervisor's driver knows which. If the host was
 * booted since, it starts again, in its old place.
 */
#include "vm/machine_parts.h"

#include "base/arena.h"
#include "base/log.h"
#include "vm/schedule.h"
#include "vm/serial.h"

#include <stdlib.h>

/* Seconds that a process which starts anew waits for looks at its machines before it decides without them. */
enum { SETTLE_LIMIT_S = 30 };

/* ---- stamps ---- */

int64_t machine_stamp(struct vm *vm)
{
	int64_t now = loop_now(vm->process->loop).ns + vm->wall_offset_ns;

	vm->last_stamp_ns = now > vm->last_stamp_ns ? now : vm->last_stamp_ns + 1;
	return vm->last_stamp_ns;
}

/* The moment of a stamp on the loop's clock: before its zero when the host was booted since. */
static struct instant stamp_instant(const struct vm *vm, int64_t stamp_ns) { return (struct instant){stamp_ns - vm->wall_offset_ns}; }

/* ---- the file ---- */

void machine_save_times(const struct machine *machine)
{
	struct queue *queue = machine_queue(machine);
	bool withheld = queue_is_withheld(queue, machine->id);
	struct queue_times times = machine_counted(machine);
	struct machine_times saved = {.arrived_wall_ns = machine->arrived_wall_ns,
		.at_wall_ns = clock_wall_ns(),
		.waiting_ns = times.waiting.ns,
		.service_ns = times.service.ns,
		.phase = TIMES_RUNNING,
		.boot = machine->vm->boot};

	if (machine->state == VM_STATE_PAUSED)
		saved.phase = withheld ? TIMES_PAUSED : TIMES_PAUSED_BY_POLICY;
	else if (machine->state == VM_STATE_WAITING)
		saved.phase = TIMES_WAITING;
	else if (machine->state == VM_STATE_STOPPED)
		saved.phase = machine->over ? TIMES_OVER : TIMES_ENDED;
	else if (machine->state == VM_STATE_SAVED)
		saved.phase = TIMES_SAVED;
	else if (machine->state == VM_STATE_FAILED)
		saved.phase = TIMES_FAILED;
	else if (machine->state == VM_STATE_RUNNING && !withheld && !queue_is_granted(queue, machine->id))
		saved.phase = TIMES_TURN_OVER;
	machine_times_save(machine->folder, &saved);
}

static bool has_ended(enum machine_times_phase phase) { return phase == TIMES_ENDED || phase == TIMES_FAILED || phase == TIMES_OVER; }

void machine_load_past(struct machine *machine)
{
	machine->has_past = machine_times_load(machine->folder, &machine->past);
	if (!machine->has_past)
		return;
	if (machine->past.arrived_wall_ns > machine->vm->last_stamp_ns)
		machine->vm->last_stamp_ns = machine->past.arrived_wall_ns;
}

/* ---- taking over ---- */

bool machine_take_place(struct machine *machine, const struct machine_times *times, enum queue_phase phase, bool by_policy)
{
	struct queue_need need = machine_need(machine);
	struct queue_past past = {.times = {.waiting = span_ns(times->waiting_ns), .service = span_ns(times->service_ns)},
		.phase = phase,
		.by_policy = by_policy,
		.arrived = stamp_instant(machine->vm, times->arrived_wall_ns)};

	queue_end(machine_queue(machine), machine->id, machine_now(machine));
	machine->has_past = false;
	machine->arrived_wall_ns = times->arrived_wall_ns;
	return queue_adopt(machine_queue(machine), machine->id, &need, &past, machine_now(machine)) == 0;
}

void machine_adopt(struct machine *machine, const struct machine_sight *sight)
{
	int64_t now = clock_wall_ns();
	struct machine_times times = machine->past;
	bool by_policy;

	if (!machine->has_past)
		times = (struct machine_times){.arrived_wall_ns = machine_stamp(machine->vm), .at_wall_ns = now};
	by_policy = times.phase == TIMES_PAUSED_BY_POLICY || times.phase == TIMES_TURN_OVER;
	/* Since it runs, it wasn't waiting all the time; it started just when nobody could say so. */
	if (times.phase == TIMES_WAITING || has_ended(times.phase))
		times.phase = TIMES_RUNNING;
	machine_times_advance(&times, now);
	(void)machine_take_place(machine, &times, sight->paused ? QUEUE_PAUSED : QUEUE_RUNNING, by_policy);
	machine->pid = sight->pid;
	serial_start(machine->serial);
	machine_forget_saved(machine);
	log_notice(machine_object(machine), "found running");
	machine_enter(machine, sight->paused ? VM_STATE_PAUSED : VM_STATE_RUNNING, sight->paused ? machine_pause_reason(machine) : "");
	machine_save_times(machine);
	machine_wont_arrive(machine);
	machine_push(machine, JOB_LINK, (struct ticket){0});
	if (!machine->wanted.run)
		machine_stop_unwanted(machine);
	vm_start_next(machine->vm);
}

/* It ended, in an earlier life of this process or between two. */
static void take_ended(struct machine *machine, enum vm_state state, const char *reason)
{
	char told[sizeof(machine->reason)];

	machine->ran = state == VM_STATE_STOPPED;
	machine->crashed = state == VM_STATE_FAILED;
	machine_plan_restart(machine, state, reason, told, sizeof(told));
	machine_enter(machine, state, told);
	machine_save_times(machine);
}

/* It ran when somebody last looked, and now it doesn't. */
static bool take_gone(struct machine *machine, struct machine_times *times)
{
	enum machine_event how = machine_end(machine);

	if (times->boot != 0 && machine->vm->boot != 0 && times->boot != machine->vm->boot) {
		times->waiting_ns = times->service_ns = 0;
		if (!machine_take_place(machine, times, QUEUE_WAITING, false))
			return false;
		log_notice(machine_object(machine), "ran when the host went down: starts again");
		machine_wait(machine);
		return true;
	}
	machine_times_advance(times, clock_wall_ns());
	if (how == MACHINE_EVENT_SAVED && machine_find_saved(machine, times))
		return true;
	if (!machine_take_place(machine, times, QUEUE_ENDED, false))
		return false;
	if (how == MACHINE_EVENT_SHUT_DOWN)
		take_ended(machine, VM_STATE_STOPPED, "the guest shut itself down");
	else if (how == MACHINE_EVENT_KILLED)
		take_ended(machine, VM_STATE_STOPPED, "it was killed");
	else
		take_ended(machine, VM_STATE_FAILED, "its hypervisor process died");
	return true;
}

bool machine_restore(struct machine *machine)
{
	struct machine_times times = machine->past;

	if (!machine->has_past)
		return false;
	switch (times.phase) {
	case TIMES_WAITING:
		machine_times_advance(&times, clock_wall_ns());
		if (!machine_take_place(machine, &times, QUEUE_WAITING, false))
			return false;
		machine_note_saved(machine);
		machine_wait(machine);
		return true;
	case TIMES_ENDED:
	case TIMES_FAILED:
	case TIMES_OVER:
		if (!machine_take_place(machine, &times, QUEUE_ENDED, false))
			return false;
		machine->over = times.phase == TIMES_OVER;
		take_ended(machine, times.phase == TIMES_FAILED ? VM_STATE_FAILED : VM_STATE_STOPPED,
			times.phase == TIMES_OVER    ? "its walltime is over"
			: times.phase == TIMES_ENDED ? "it ended by itself"
						     : "its hypervisor process died");
		return true;
	case TIMES_RUNNING:
	case TIMES_PAUSED:
	case TIMES_PAUSED_BY_POLICY:
	case TIMES_TURN_OVER:
		return take_gone(machine, &times);
	case TIMES_SAVED:
		return machine_find_saved(machine, &times);
	case TIMES_PHASE_COUNT:
	default:
		return false;
	}
}

/* ---- settling ---- */

static void on_settle_timer(void *context, struct instant now)
{
	log_warning(NULL, "some machines were not looked at in %d s: going on without them", SETTLE_LIMIT_S);
	machines_settle(context, true);
}

void machines_begin_settling(struct vm *vm)
{
	if (vm->synced || vm->settling)
		return;
	if (vm->settle_timer == NULL)
		vm->settle_timer = loop_timer_new(vm->process->loop, on_settle_timer, vm);
	vm->settling = true;
	loop_timer_set(vm->settle_timer, instant_add(loop_now(vm->process->loop), span_s(SETTLE_LIMIT_S)));
}

/* One that is to be started, as nothing else is known of it. */
static bool is_fresh(const struct machine *machine)
{
	enum machine_times_phase phase = machine->past.phase;

	return !machine->found && (!machine->has_past || (phase != TIMES_WAITING && phase != TIMES_SAVED && !has_ended(phase)));
}

/* Those that have a place by when they joined their line, then the others by their arrival, as far as they had one. */
static int by_line(const void *left, const void *right)
{
	const struct machine *a = *(struct machine *const *)left, *b = *(struct machine *const *)right;
	bool fresh = is_fresh(a);
	int64_t x, y;

	if (fresh != is_fresh(b))
		return fresh ? 1 : -1;
	x = !a->has_past ? INT64_MAX : fresh ? a->past.arrived_wall_ns : a->past.at_wall_ns;
	y = !b->has_past ? INT64_MAX : fresh ? b->past.arrived_wall_ns : b->past.at_wall_ns;
	if (x != y)
		return x < y ? -1 : 1;
	return a->set_order < b->set_order ? -1 : 1;
}

/* The machines that were looked at; `*missing`: not all were. */
static struct machine **looked_at(struct vm *vm, size_t *count, bool *missing)
{
	struct machine **list = xalloc((vm->machines.used + 1) * sizeof(void *)), *machine;
	size_t cursor = 0;

	*count = 0;
	*missing = false;
	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL) {
		if (machine->doomed)
			continue;
		if (machine->looked)
			list[(*count)++] = machine;
		else
			*missing = true;
	}
	return list;
}

void machines_settle(struct vm *vm, bool late)
{
	struct machine **list;
	bool missing;
	size_t count;

	if (!vm->settling || (!vm->synced && !late))
		return;
	list = looked_at(vm, &count, &missing);
	if (missing && !late) {
		free(list);
		return;
	}
	qsort(list, count, sizeof(void *), by_line);
	for (size_t i = 0; i < count; i++)
		machine_arrives_last(list[i]);
	for (size_t i = 0; i < count; i++)
		machine_take_sight(list[i]);
	free(list);
	loop_timer_set(vm->settle_timer, INSTANT_NEVER);
	vm->settling = false;
	vm_start_next(vm);
}
