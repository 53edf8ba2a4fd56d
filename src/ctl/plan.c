/* Plans: the model's difference of two labs, and what it means for pools and interfaces. */
#include "ctl/plan.h"

#include "base/check.h"

static json_t *step_json(const struct change *change)
{
	static const char *const signs[] = {[CHANGE_ADD] = "+", [CHANGE_CHANGE] = "~", [CHANGE_REMOVE] = "-"};
	json_t *step = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "op", signs[change->op], "kind", change->kind, "name", change->name,
		"text", change->text ? change->text : "", "hot", (int)change->hot, "restarts_vm", (int)change->restarts_vm);

	CHECK(step != NULL);
	return step;
}

/* N_interface = N_VM x N_NIC, and how full the pools get. */
static json_t *interfaces_json(const struct lab_value *wanted)
{
	json_t *pools = json_array(), *interfaces;
	size_t vms = wanted ? wanted->flat->vm_count : 0, nics = 0;

	for (size_t i = 0; i < vms; i++)
		nics += wanted->flat->vms[i].nic_count;
	for (size_t i = 0; wanted != NULL && i < wanted->assignment.use_count; i++) {
		const struct pool_use *use = &wanted->assignment.uses[i];

		(void)json_array_append_new(pools, json_pack("{s:s, s:I, s:I, s:I}", "name", use->name, "size", (json_int_t)use->size,
							   "used", (json_int_t)use->used, "wanted", (json_int_t)use->wanted));
	}
	interfaces = json_pack("{s:I, s:I, s:o}", "vms", (json_int_t)vms, "nics", (json_int_t)nics, "pools", pools);
	CHECK(interfaces != NULL);
	return interfaces;
}

json_t *plan_json(const struct ctl_lab *running, const struct lab_value *wanted, size_t *count)
{
	const struct lab_value *now = running ? running->value : NULL;
	struct arena *arena = arena_new(NULL);
	struct changes *changes = lab_diff(arena, now ? now->flat : NULL, wanted ? wanted->flat : NULL);
	json_t *steps = json_array(), *plan;
	char since[32];

	for (size_t i = 0; i < changes->count; i++)
		(void)json_array_append_new(steps, step_json(&changes->list[i]));
	plan = json_pack("{s:s, s:s?, s:o, s:I, s:I, s:I, s:I, s:o}", "lab", wanted ? wanted->flat->name : running->name, "running_since",
		now ? time_text(now->since_wall_ns, since) : NULL, "steps", steps, "add", (json_int_t)changes->adds, "change",
		(json_int_t)changes->changes, "remove", (json_int_t)changes->removes, "vm_restarts", (json_int_t)changes->vm_restarts,
		"interfaces", interfaces_json(wanted));
	CHECK(plan != NULL);
	*count = changes->count;
	arena_free(arena);
	return plan;
}
