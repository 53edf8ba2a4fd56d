/* Starting a machine again that ended though it is wanted running: whether, after how long, and what is said about it. */
#include "vm/machine_parts.h"

#include "base/log.h"
#include "base/text.h"

#include <stdio.h>

/*
 * Seconds until the first restart; each further one takes twice as long, up to the longest. One that was served for long enough was well,
 * and begins with the first again.
 */
enum { RESTART_FIRST_S = 1, RESTART_LONGEST_S = 300, RESTART_WELL_S = 60 };

static bool wants_restart(const struct machine *machine, enum vm_state state)
{
	if (!machine->wanted.run || machine->doomed || machine->over)
		return false;
	return machine->wanted.restart == VM_RESTART_ALWAYS ||
	       (machine->wanted.restart == VM_RESTART_ON_FAILURE && state == VM_STATE_FAILED);
}

void machine_plan_restart(struct machine *machine, enum vm_state state, const char *reason, char *out, size_t size)
{
	struct queue_times times = queue_times(machine_queue(machine), machine->id, machine_now(machine));

	(void)text_copy(out, size, reason);
	if (!wants_restart(machine, state))
		return;
	if (machine->restart_delay_s == 0 || times.service.ns >= span_s(RESTART_WELL_S).ns)
		machine->restart_delay_s = RESTART_FIRST_S;
	else if (machine->restart_delay_s < RESTART_LONGEST_S / 2)
		machine->restart_delay_s *= 2;
	else
		machine->restart_delay_s = RESTART_LONGEST_S;
	(void)snprintf(out, size, "%.80s%sit starts again in %u s", reason, reason[0] != '\0' ? "; " : "", machine->restart_delay_s);
	loop_timer_set(machine->restart_timer, instant_add(machine_now(machine), span_s(machine->restart_delay_s)));
}

void machine_on_restart(void *context, struct instant now)
{
	struct machine *machine = context;

	/* Somebody may have stopped, started or removed it meanwhile, or want it to stay as it is from now on. */
	if ((machine->state == VM_STATE_STOPPED || machine->state == VM_STATE_FAILED) && wants_restart(machine, machine->state))
		machine_request_start(machine);
}
