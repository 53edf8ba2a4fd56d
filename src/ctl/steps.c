/* The difference of two sorted lists of objects: one merge, then the order of carrying out. */
#include "ctl/steps.h"

#include "base/check.h"

#include <string.h>

/* The phases: leave, set, holders leave. A group is a phase and a kind. */
enum phase { PHASE_LEAVE, PHASE_SET, PHASE_HOLDERS_LEAVE, PHASE_COUNT };

/* Bodies are zeroed before they are filled in, so equal ones are equal byte by byte. */
static bool same_bytes(const void *a, const void *b, size_t size) { return memcmp(a, b, size) == 0; }

bool steps_vm_restarts(const struct object *before, const struct object *after)
{
	const struct msg_vm *b = after->body;
	struct msg_vm a;

	memcpy(&a, before->body, sizeof(a));

	/* What a running machine can change (api/message_types.h) is made equal first. */
	a.priority = b->priority;
	a.schedule = b->schedule;
	a.estimate_s = b->estimate_s;
	a.walltime_s = b->walltime_s;
	a.restart = b->restart;
	a.after_count = b->after_count;
	memcpy(a.after, b->after, sizeof(a.after));
	a.run = b->run;
	for (uint16_t i = 0; i < a.nic_count && i < b->nic_count; i++)
		a.nics[i].up = b->nics[i].up;
	return !same_bytes(&a, b, sizeof(a));
}

static uint32_t group_of(enum phase phase, enum object_kind kind)
{
	/* What leaves does so from the top of the table down. */
	uint32_t order = phase == PHASE_SET ? (uint32_t)kind : OBJECT_KIND_COUNT - 1u - (uint32_t)kind;

	return (uint32_t)phase * OBJECT_KIND_COUNT + order;
}

/* Puts the steps of one changed object into `out` (room for two); returns how many. */
static size_t steps_of(const struct object *before, const struct object *after, struct step *out)
{
	const struct object *object = before ? before : after;
	enum object_kind kind;

	CHECK(object != NULL);
	kind = object->kind;
	if (before != NULL && after != NULL && object_equal(before, after))
		return 0;
	if (after == NULL) {
		out[0] = (struct step){before, NULL, group_of(object_type(kind)->holder ? PHASE_HOLDERS_LEAVE : PHASE_LEAVE, kind)};
		return 1;
	}
	if (before != NULL && kind == OBJECT_VM && steps_vm_restarts(before, after)) {
		out[0] = (struct step){before, NULL, group_of(PHASE_LEAVE, kind)};
		out[1] = (struct step){NULL, after, group_of(PHASE_SET, kind)};
		return 2;
	}
	out[0] = (struct step){before, after, group_of(PHASE_SET, kind)};
	return 1;
}

/* Sorts by group, keeping the order within it: a counting sort, since groups are few. */
static void sort_by_group(struct arena *arena, struct steps *steps)
{
	size_t starts[PHASE_COUNT * OBJECT_KIND_COUNT + 1] = {0};
	struct step *sorted = arena_alloc(arena, (steps->count + 1) * sizeof(*sorted));

	for (size_t i = 0; i < steps->count; i++)
		starts[steps->list[i].group + 1]++;
	for (size_t g = 1; g < COUNT_OF(starts); g++)
		starts[g] += starts[g - 1];
	for (size_t i = 0; i < steps->count; i++)
		sorted[starts[steps->list[i].group]++] = steps->list[i];
	steps->list = sorted;
}

void steps_between(struct arena *arena, const struct object_list *before, const struct object_list *after, struct steps *out)
{
	size_t i = 0, j = 0;

	out->list = arena_alloc(arena, (2 * (before->count + after->count) + 1) * sizeof(*out->list));
	out->count = 0;
	while (i < before->count || j < after->count) {
		const struct object *a = i < before->count ? &before->items[i] : NULL;
		const struct object *b = j < after->count ? &after->items[j] : NULL;
		int order = a == NULL ? 1 : b == NULL ? -1 : object_compare(a, b);

		out->count += steps_of(order <= 0 ? a : NULL, order >= 0 ? b : NULL, out->list + out->count);
		i += order <= 0;
		j += order >= 0;
	}
	sort_by_group(arena, out);
}

enum message_type step_message(const struct step *step, bool inverse, const void **body, struct msg_id *id)
{
	const struct object *wanted = inverse ? step->before : step->after;
	const struct object *object = step_object(step);

	CHECK(object != NULL);
	if (wanted != NULL) {
		*body = wanted->body;
		return object_type(wanted->kind)->set;
	}
	id->id = object->id;
	*body = id;
	return object_type(object->kind)->del;
}
