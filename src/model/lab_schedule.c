/* What is checked of when machines run: the queue's settings, and who waits for whom. */
#include "model/lab_check.h"

#include <string.h>

/* Machines that the selections of all `after` keys may name together. */
#define AFTER_TOTAL_MAX 100000

void check_schedule(const struct lab *lab, struct diags *diags)
{
	static const char *const names[] = {"fcfs", "rr", "priority", "priority-preemptive"};
	enum lab_policy policy = lab->schedule.policy;

	if (lab->schedule.backfill == LAB_BACKFILL_EASY && policy != LAB_POLICY_FCFS && policy != LAB_POLICY_PRIORITY)
		lab_error(lab, diags, "schedule.backfill", "backfill goes with the policies fcfs and priority, not with %s", names[policy]);
	if (lab->schedule.mode == LAB_PAUSE_RELEASE)
		lab_error(lab, diags, "schedule.mode",
			"release needs machines with network cards to be saved to disk, which is not built yet; leave it out, or write "
			"hold");
}

/* The shortest time after which a router of the lab takes a silent neighbor for gone, s; 0: none speaks. */
static uint32_t shortest_timeout(const struct lab *flat)
{
	uint32_t shortest = 0;

	for (size_t i = 0; i < flat->router_count; i++)
		if (flat->routers[i].rip && (shortest == 0 || flat->routers[i].rip_timeout_s < shortest))
			shortest = flat->routers[i].rip_timeout_s;
	return shortest;
}

/* A guest that speaks a routing protocol is silent while others have their turn. */
static void check_turns(const struct lab *flat, const struct lab *lab, struct diags *diags)
{
	const struct lab_schedule *schedule = &flat->schedule;
	uint64_t cpus = 0, there = schedule->cpus * (uint64_t)(schedule->overcommit.cpus ? schedule->overcommit.cpus : 1000) / 1000;
	uint32_t timeout = shortest_timeout(flat);
	uint64_t silence;

	if (schedule->policy != LAB_POLICY_RR || there == 0 || timeout == 0)
		return;
	for (size_t i = 0; i < flat->vm_count; i++)
		cpus += flat->vms[i].cpus;
	silence = cpus > there ? (cpus + there - 1) / there * schedule->quantum_s - schedule->quantum_s : 0;
	if (silence >= timeout)
		diag_warning(diags, lab->schedule.place, "schedule.quantum",
			"a machine is paused for up to %llu s while others have their turn: routers take one that speaks RIP for gone "
			"after %u s",
			(unsigned long long)silence, timeout);
}

/* Adds a machine once. */
static void add_after(struct lab *flat, struct lab_vm *vm, const char *name, size_t room)
{
	for (size_t i = 0; i < vm->after_count; i++)
		if (strcmp(vm->after[i], name) == 0)
			return;
	if (vm->after_count < room)
		vm->after[vm->after_count++] = arena_str(flat->arena, name);
}

/* Replaces the selections of one machine by the machines. Returns how many those are. */
static size_t expand_after(struct lab *flat, struct lab_vm *vm, struct diags *diags)
{
	const char *const *selections = vm->after;
	size_t count = vm->after_count, found_count = 0;

	vm->after = arena_alloc(flat->arena, (LAB_AFTER_MAX + 1) * sizeof(*vm->after));
	vm->after_count = 0;
	for (size_t i = 0; i < count; i++) {
		const char **found = NULL;
		size_t named = lab_select_vms(flat, selections[i], &found, diags);
		const char *path = path_of(diags, "vms.%s.after", vm->name);

		found_count += named;
		if (named == 0)
			diag_error(diags, vm->place, path, "no machine is named \"%.64s\"", selections[i]);
		for (size_t k = 0; k < named; k++) {
			if (strcmp(found[k], vm->name) != 0)
				add_after(flat, vm, found[k], LAB_AFTER_MAX + 1);
			else if (named == 1)
				diag_error(diags, vm->place, path, "%s can't wait for itself", vm->name);
		}
		if (vm->after_count > LAB_AFTER_MAX) {
			diag_error(diags, vm->place, path, "%s waits for more than %d machines", vm->name, LAB_AFTER_MAX);
			vm->after_count = LAB_AFTER_MAX;
		}
	}
	return found_count;
}

/* Who is waited for, and by whom: `waiters[first[i]]` to `waiters[first[i + 1]]` wait for machine i. */
struct waits {
	size_t *first, *left; /* left[i]: for how many i still waits */
	size_t *waiters;
};

static void waits_find(struct waits *waits, const struct lab *flat, const struct name_index *index, struct arena *arena, size_t total)
{
	size_t *fill = arena_alloc(arena, (flat->vm_count + 1) * sizeof(size_t));

	waits->first = arena_alloc(arena, (flat->vm_count + 2) * sizeof(size_t));
	waits->left = arena_alloc(arena, (flat->vm_count + 1) * sizeof(size_t));
	waits->waiters = arena_alloc(arena, (total + 1) * sizeof(size_t));
	memset(waits->first, 0, (flat->vm_count + 2) * sizeof(size_t));
	for (size_t i = 0; i < flat->vm_count; i++) {
		waits->left[i] = flat->vms[i].after_count;
		for (size_t k = 0; k < flat->vms[i].after_count; k++)
			waits->first[index_find(index, flat->vms[i].after[k]) + 1]++;
	}
	for (size_t i = 0; i < flat->vm_count; i++) {
		waits->first[i + 1] += waits->first[i];
		fill[i] = waits->first[i];
	}
	for (size_t i = 0; i < flat->vm_count; i++)
		for (size_t k = 0; k < flat->vms[i].after_count; k++)
			waits->waiters[fill[index_find(index, flat->vms[i].after[k])]++] = i;
}

/* Takes away machines that wait for nobody that is left (Kahn 1962). Who stays waits in a circle, or for one. */
static void check_circles(const struct lab *flat, const struct name_index *index, size_t total, struct diags *diags)
{
	size_t *started = arena_alloc(diags->arena, (flat->vm_count + 1) * sizeof(size_t)), count = 0;
	struct waits waits;

	waits_find(&waits, flat, index, diags->arena, total);
	for (size_t i = 0; i < flat->vm_count; i++)
		if (waits.left[i] == 0)
			started[count++] = i;
	for (size_t done = 0; done < count; done++)
		for (size_t at = waits.first[started[done]]; at < waits.first[started[done] + 1]; at++)
			if (--waits.left[waits.waiters[at]] == 0)
				started[count++] = waits.waiters[at];
	for (size_t i = 0; i < flat->vm_count && count < flat->vm_count; i++) {
		if (waits.left[i] == 0)
			continue;
		diag_error(diags, flat->vms[i].place, path_of(diags, "vms.%s.after", flat->vms[i].name),
			"%s would never start: it waits for %s, which waits for it, directly or through others", flat->vms[i].name,
			flat->vms[i].after[0]);
		return;
	}
}

void expand_schedule(struct lab *flat, const struct lab *lab, struct diags *diags)
{
	struct name_index index = index_new(diags->arena, flat->vm_count + 1);
	size_t total = 0;

	for (size_t i = 0; i < flat->vm_count; i++)
		(void)index_add(&index, flat->vms[i].name, i);
	for (size_t i = 0; i < flat->vm_count && total <= AFTER_TOTAL_MAX && !diags_full(diags); i++)
		total += flat->vms[i].after_count > 0 ? expand_after(flat, &flat->vms[i], diags) : 0;
	if (total > AFTER_TOTAL_MAX)
		lab_error(lab, diags, "vms", "`after` names more than %d machines altogether", AFTER_TOTAL_MAX);
	else
		check_circles(flat, &index, total, diags);
	check_turns(flat, lab, diags);
	index_free(&index);
}
