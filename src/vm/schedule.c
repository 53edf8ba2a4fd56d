/* The queues of machines (see schedule.h). */
#include "vm/schedule.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/log.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A queue's defaults: starts at once; vCPUs for each of the host's processors, thousandths: most machines idle most of the time. */
enum { MAX_STARTING = 2, QUANTUM_S = 30, OVERCOMMIT_CPUS = 16000, OVERCOMMIT_SET = 1000 };

/*
 * Seconds that a machine waits for calm at most; milliseconds after a start before the load says anything, and between two looks at it;
 * milliseconds from a pass to the reasons.
 */
enum { CALM_LIMIT_S = 30, CALM_AFTER_MS = 1000, CALM_STEP_MS = 500, REASONS_MS = 50 };

/* ---- settings ---- */

static uint32_t host_cpus(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 0 ? (uint32_t)cpus : 1;
}

static uint32_t host_memory_mib(void)
{
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES), size = (uint64_t)sysconf(_SC_PAGESIZE);

	return (uint32_t)(pages * size >> 20);
}

static uint32_t times_ratio(uint32_t there, uint32_t thousandths)
{
	uint64_t given = (uint64_t)there * thousandths / 1000;

	return given < 1 ? 1 : given > INT32_MAX ? INT32_MAX : (uint32_t)given;
}

static struct queue_settings settings_of(const struct msg_schedule *wanted)
{
	static const enum sched_policy policies[] = {[SCHEDULE_FCFS] = SCHED_FCFS,
		[SCHEDULE_RR] = SCHED_RR,
		[SCHEDULE_PRIORITY] = SCHED_PRIORITY,
		[SCHEDULE_PREEMPTIVE] = SCHED_PREEMPTIVE};
	enum sched_policy policy = policies[wanted->policy];
	uint32_t cpus_ratio = wanted->overcommit_cpus > 0 ? wanted->overcommit_cpus : wanted->cpus > 0 ? OVERCOMMIT_SET : OVERCOMMIT_CPUS;

	return (struct queue_settings){.policy = policy,
		.easy = wanted->easy && (policy == SCHED_FCFS || policy == SCHED_PRIORITY),
		.release = wanted->release,
		.quantum = span_s(wanted->quantum_s > 0 ? wanted->quantum_s : QUANTUM_S),
		.aging = span_s(wanted->aging_s),
		.max_starting = wanted->max_starting > 0 ? wanted->max_starting : MAX_STARTING,
		.vcpus = times_ratio(wanted->cpus > 0 ? wanted->cpus : host_cpus(), cpus_ratio),
		.memory_mib = times_ratio(wanted->memory_mib > 0 ? wanted->memory_mib : host_memory_mib(),
			wanted->overcommit_memory > 0 ? wanted->overcommit_memory : 1000)};
}

static struct schedule *schedule_find(struct vm *vm, uint32_t id)
{
	struct schedule *schedule;

	list_each (schedule, &vm->schedules, struct schedule, node)
		if (schedule->id == id)
			return schedule;
	return NULL;
}

struct schedule *schedule_get(struct vm *vm, uint32_t id)
{
	struct schedule *schedule = schedule_find(vm, id);
	struct queue_settings settings;

	if (schedule != NULL)
		return schedule;
	schedule = xalloc(sizeof(*schedule));
	schedule->id = id;
	schedule->uncalm = INSTANT_NEVER;
	list_init(&schedule->arriving);
	settings = settings_of(&schedule->wanted);
	schedule->queue = queue_new(&settings);
	list_append(&vm->schedules, &schedule->node);
	return schedule;
}

struct queue *vm_queue(struct vm *vm, uint32_t schedule) { return schedule_get(vm, schedule)->queue; }

static void change(struct schedule *schedule, const struct msg_schedule *wanted)
{
	struct queue_settings settings = settings_of(wanted);

	schedule->wanted = *wanted;
	queue_change(schedule->queue, &settings);
}

void schedule_set(struct vm *vm, const struct msg_schedule *wanted)
{
	struct schedule *schedule = schedule_get(vm, wanted->id);

	schedule->stale = false;
	change(schedule, wanted);
	vm_start_next(vm);
}

/* Whether a machine of a queue is there yet (or again). */
static bool is_used(struct vm *vm, const struct schedule *schedule)
{
	size_t cursor = 0;
	uint64_t id;

	if (!list_empty(&schedule->arriving))
		return true;
	while (map_next(&vm->machines, &cursor, &id, NULL) != NULL)
		if (queue_phase(schedule->queue, id) != QUEUE_ABSENT)
			return true;
	return false;
}

static void delete_schedule(struct vm *vm, struct schedule *schedule)
{
	if (is_used(vm, schedule)) {
		change(schedule, &(struct msg_schedule){.id = schedule->id});
		return;
	}
	list_remove(&schedule->node);
	queue_free(schedule->queue);
	free(schedule);
}

void schedule_delete(struct vm *vm, uint32_t id)
{
	struct schedule *schedule = schedule_find(vm, id);

	if (schedule != NULL)
		delete_schedule(vm, schedule);
}

void schedules_sync_begin(struct vm *vm)
{
	struct schedule *schedule;

	list_each (schedule, &vm->schedules, struct schedule, node)
		schedule->stale = true;
}

void schedules_sync_end(struct vm *vm)
{
	struct schedule *schedule;

	list_each (schedule, &vm->schedules, struct schedule, node)
		if (schedule->stale)
			delete_schedule(vm, schedule);
}

/* ---- calm ---- */

/* True when the next machine of this queue has to wait because the host is busy. */
static bool is_uncalm(struct vm *vm, struct schedule *schedule, struct instant now)
{
	bool waits = queue_counts(schedule->queue).waiting > 0;
	uint8_t load;

	if (schedule->wanted.calm == 0 || !waits) {
		schedule->uncalm = INSTANT_NEVER;
		return false;
	}
	load = host_load_look(&vm->load, now);
	if (load != HOST_LOAD_UNKNOWN && load < schedule->wanted.calm &&
		instant_reached(instant_add(schedule->started, span_ms(CALM_AFTER_MS)), now)) {
		schedule->uncalm = INSTANT_NEVER;
		return false;
	}
	if (schedule->uncalm.ns == INSTANT_NEVER.ns)
		schedule->uncalm = now;
	return !instant_reached(instant_add(schedule->uncalm, span_s(CALM_LIMIT_S)), now);
}

void schedule_calm_text(const struct vm *vm, const struct schedule *schedule, char *out, size_t size)
{
	out[0] = '\0';
	if (schedule->uncalm.ns == INSTANT_NEVER.ns)
		return;
	if (vm->load.known)
		(void)snprintf(out, size, "cpu %u %% > %u %%: waiting for calm", vm->load.percent, schedule->wanted.calm);
	else
		(void)snprintf(out, size, "looking whether the host is calm");
}

/* ---- passes ---- */

static void carry_out(struct vm *vm, struct schedule *schedule, const struct queue_order *order, struct instant now)
{
	struct machine *machine = map_get(&vm->machines, order->id);

	CHECK(machine != NULL);
	switch (order->order) {
	case SCHED_START:
		schedule->started = now;
		schedule->uncalm = INSTANT_NEVER;
		host_load_restart(&vm->load);
		machine_begin_start(machine);
		break;
	case SCHED_PAUSE:
	case SCHED_RESUME:
		machine_take_turn(machine, order->order == SCHED_RESUME);
		break;
	case SCHED_CONTINUE:
	default:
		break;
	}
}

/* Lets one queue decide. Returns whether it waits for calm. */
static bool pass(struct vm *vm, struct schedule *schedule, struct instant now)
{
	unsigned starts = vm->starts < VM_STARTS_MAX ? VM_STARTS_MAX - vm->starts : 0;
	bool uncalm = is_uncalm(vm, schedule, now);
	struct queue_order order;

	/* One at a time, so that each one's load is seen. */
	if (schedule->wanted.calm > 0 && starts > 1)
		starts = 1;
	queue_pass(schedule->queue, uncalm ? 0 : starts, now);
	while (queue_next(schedule->queue, &order))
		carry_out(vm, schedule, &order, now);
	return uncalm || (schedule->wanted.calm > 0 && queue_counts(schedule->queue).waiting > 0);
}

void vm_start_next(struct vm *vm)
{
	struct instant now = loop_now(vm->process->loop), due = INSTANT_NEVER;
	struct schedule *schedule;
	bool look = false;

	if (vm->end != NULL || vm->settling)
		return;
	vm->pass_again = true;
	if (vm->passing)
		return;
	vm->passing = true;
	while (vm->pass_again) {
		vm->pass_again = look = false;
		list_each (schedule, &vm->schedules, struct schedule, node)
			look |= pass(vm, schedule, now);
	}
	vm->passing = false;
	list_each (schedule, &vm->schedules, struct schedule, node)
		due = instant_earlier(due, queue_due(schedule->queue));
	if (look)
		due = instant_earlier(due, instant_add(now, span_ms(CALM_STEP_MS)));
	loop_timer_set(vm->pass_timer, due);
	loop_timer_set(vm->reasons_timer, instant_add(now, span_ms(REASONS_MS)));
}

static void on_pass_timer(void *context, struct instant now) { vm_start_next(context); }

static void on_reasons_timer(void *context, struct instant now)
{
	struct vm *vm = context;
	struct machine *machine;
	size_t cursor = 0;

	while ((machine = map_next(&vm->machines, &cursor, NULL, NULL)) != NULL)
		machine_find_reason(machine);
}

void schedules_begin(struct vm *vm)
{
	list_init(&vm->schedules);
	vm->pass_timer = loop_timer_new(vm->process->loop, on_pass_timer, vm);
	vm->reasons_timer = loop_timer_new(vm->process->loop, on_reasons_timer, vm);
}

void schedule_admit(struct schedule *schedule)
{
	struct machine *first;

	while ((first = machine_first_arriving(&schedule->arriving)) != NULL)
		machine_arrive(first);
}

/* ---- what is shown ---- */

void schedules_forecast(struct vm *vm)
{
	struct schedule *schedule;

	list_each (schedule, &vm->schedules, struct schedule, node)
		queue_forecast(schedule->queue, loop_now(vm->process->loop));
}

void schedules_show(struct vm *vm, uint32_t object, struct ticket ticket)
{
	static const uint8_t words[] = {[SCHED_FCFS] = SCHEDULE_FCFS,
		[SCHED_RR] = SCHEDULE_RR,
		[SCHED_PRIORITY] = SCHEDULE_PRIORITY,
		[SCHED_PREEMPTIVE] = SCHEDULE_PREEMPTIVE};
	const struct schedule *schedule;

	list_each (schedule, &vm->schedules, struct schedule, node) {
		const struct queue_settings *settings = queue_settings(schedule->queue);
		struct queue_counts counts = queue_counts(schedule->queue);
		struct row_queue row = {.id = schedule->id,
			.policy = words[settings->policy],
			.easy = settings->easy,
			.release = settings->release,
			.max_starting = (uint16_t)settings->max_starting,
			.quantum_s = (uint32_t)(settings->quantum.ns / 1000000000),
			.aging_s = (uint32_t)(settings->aging.ns / 1000000000),
			.cpus = settings->vcpus,
			.memory_mib = settings->memory_mib,
			.cpus_given = (uint32_t)counts.vcpus,
			.memory_given_mib = (uint32_t)counts.memory_mib,
			.waiting = (uint32_t)counts.waiting,
			.starting = (uint32_t)counts.starting,
			.running = (uint32_t)counts.running,
			.paused = (uint32_t)counts.paused,
			.calm = schedule->wanted.calm,
			.load = schedule->wanted.calm > 0 && vm->load.known ? vm->load.percent : HOST_LOAD_UNKNOWN};

		if (object != 0 && object != schedule->id)
			continue;
		(void)text_copy(row.path, sizeof(row.path), schedule->wanted.path);
		(void)channel_send(vm->process->peers[PROCESS_CTL], MSG_ROW_QUEUE, ticket.seq, &row, -1);
	}
}
