/*
 * Machines whose memory is on disk.
 *
 * Theory of operation. A saved machine is out of its queue, so others get its processor and its memory; its times go on as waiting, in
 * `past`, until it is back in the queue. It goes back as one that waits, with the times it had and in the place of its first arrival, and
 * its next start goes on from the file. The file is removed once it runs. A start from it that fails leaves all as it was.
 */
#include "vm/machine_parts.h"

#include "vm/serial.h"

#include <stdio.h>
#include <unistd.h>

static const char how_to[] = "`weft vm restore` lets it go on";

struct queue_times machine_counted(const struct machine *machine)
{
	struct machine_times times = machine->past;

	if (machine->state != VM_STATE_SAVED)
		return queue_times(machine_queue(machine), machine->id, machine_now(machine));
	machine_times_advance(&times, clock_wall_ns());
	return (struct queue_times){span_ns(times.waiting_ns), span_ns(times.service_ns), span_ns(times.waiting_ns + times.service_ns)};
}

/* It is saved from now on, with these times. */
static void enter(struct machine *machine, const struct machine_times *times, const char *reason)
{
	char told[sizeof(machine->reason)];

	machine->past = *times;
	machine->past.phase = TIMES_SAVED;
	machine->saved = true;
	machine->pid = 0;
	machine->arrived_wall_ns = times->arrived_wall_ns;
	serial_stop(machine->serial);
	(void)snprintf(told, sizeof(told), "%.80s%s%s", reason, reason[0] != '\0' ? "; " : "", how_to);
	machine_enter(machine, VM_STATE_SAVED, told);
	machine_save_times(machine);
	/* Somebody may have wished it to stop while it was being saved. */
	loop_timer_set(machine->stop_timer, INSTANT_NEVER);
	vm_reply(machine->vm, machine->stop_ticket, NULL);
	machine->stop_ticket = (struct ticket){0};
	machine->stop_forced = false;
}

void machine_enter_saved(struct machine *machine, const char *reason)
{
	struct queue_times times = queue_times(machine_queue(machine), machine->id, machine_now(machine));

	queue_end(machine_queue(machine), machine->id, machine_now(machine));
	enter(machine,
		&(struct machine_times){.arrived_wall_ns = machine->arrived_wall_ns,
			.at_wall_ns = clock_wall_ns(),
			.waiting_ns = times.waiting.ns,
			.service_ns = times.service.ns},
		reason);
	vm_start_next(machine->vm);
}

void machine_note_saved(struct machine *machine)
{
	char path[FILE_BYTES + 16];

	job_memory_path(machine->folder, path);
	machine->saved = access(path, R_OK) == 0;
}

bool machine_find_saved(struct machine *machine, const struct machine_times *times)
{
	machine_note_saved(machine);
	if (!machine->saved)
		return false;
	machine->has_past = false;
	enter(machine, times, "");
	return true;
}

bool machine_go_on(struct machine *machine)
{
	struct machine_times times = machine->past;

	if (machine->state != VM_STATE_SAVED)
		return false;
	machine_times_advance(&times, clock_wall_ns());
	if (!machine_take_place(machine, &times, QUEUE_WAITING, false))
		return false;
	machine_wait(machine);
	return true;
}

void machine_forget_saved(struct machine *machine)
{
	char path[FILE_BYTES + 16];

	job_memory_path(machine->folder, path);
	(void)unlink(path);
	machine->saved = false;
}

void machine_discard_saved(struct machine *machine)
{
	struct machine_times times = machine->past;

	machine_forget_saved(machine);
	machine_times_advance(&times, clock_wall_ns());
	(void)machine_take_place(machine, &times, QUEUE_ENDED, false);
	machine_ended(machine, VM_STATE_STOPPED, "what was saved of it was thrown away");
}
