/*
 * Carrying out steps: orders to the processes, group by group, forwards and, after a failure, backwards.
 * Long because it is the one course of a change, with all that may come in between.
 */
#include "ctl/apply.h"

#include "base/check.h"
#include "base/log.h"
#include "ctl/machines.h"
#include "ctl/peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum apply_phase {
	PHASE_FORWARD, /* sending the group that `at` is in */
	PHASE_PEERS,   /* resumed: until all processes have the world */
	PHASE_VMS,     /* until the machines run */
	PHASE_BACK,    /* undoing */
	PHASE_ENDED
};

/* Whether a machine that is waited for: its order isn't answered, it is on its way, it runs. */
enum vm_wait_state { VM_ORDERED, VM_COMING, VM_THERE };

struct vm_wait {
	uint32_t id;
	enum vm_wait_state state;
};

struct apply {
	struct list node;
	struct ctl *ctl;
	struct arena *arena;
	const char *lab;
	enum apply_mode mode;
	enum apply_phase phase;
	bool cancelled, failed;
	bool impatient; /* a process was waited for in vain: who is away now gets it with the world */
	struct err err;
	apply_progress_fn *progress;
	apply_done_fn *done;
	void *context;

	struct steps steps;
	size_t at;	  /* FORWARD: the next step to send; BACK: the one behind the next to undo */
	uint32_t group;	  /* that is under way */
	size_t finished;  /* steps that are done, and machines that run */
	unsigned sent;	  /* orders without an answer yet */
	unsigned waiting; /* orders for processes that are away */
	struct list parts;
	struct vm_wait *vms;
	size_t vm_count;
	struct loop_timer *timer; /* of what is waited for */
	unsigned calls;		  /* answers that will still come; the memory stays until then */
};

/* One order of a step, to one process. */
struct part {
	struct list node;
	struct apply *apply;
	size_t step;
	enum process_id peer;
	bool inverse;
	bool waiting;	/* for its process */
	uint32_t *left; /* orders of the same step without an answer */
};

static void apply_go_on(struct apply *apply);
static void part_send(struct part *part);
static void vm_changed(struct apply *apply, struct vm_wait *wait, const struct msg_vm_state *state);

static void apply_free(struct apply *apply)
{
	if (apply->calls > 0)
		return;
	loop_timer_free(apply->timer);
	arena_free(apply->arena);
}

static void apply_end(struct apply *apply)
{
	struct err err = apply->err;

	if (apply->phase == PHASE_ENDED)
		return;
	apply->phase = PHASE_ENDED;
	list_remove(&apply->node);
	loop_timer_set(apply->timer, INSTANT_NEVER);
	if (apply->cancelled)
		(void)err_set(&err, -ECANCELED, "it was cancelled");
	apply->done(apply->context, &err);
	apply_free(apply);
}

static void apply_fail(struct apply *apply, const struct err *err)
{
	if (!apply->failed)
		apply->err = *err;
	apply->failed = true;
}

static void apply_tell(struct apply *apply, const char *verb, const struct object *object)
{
	char text[PATH_BYTES + 64];

	apply->finished++;
	if (apply->progress == NULL)
		return;
	(void)snprintf(text, sizeof(text), "%s%s %s", verb, object_type(object->kind)->name, object->path + strlen(object->lab) + 1);
	apply->progress(apply->context, apply->finished, apply_total(apply), text);
}

/* --- parts --- */

static void part_end(struct part *part)
{
	struct apply *apply = part->apply;
	const struct step *step = &apply->steps.list[part->step];

	list_remove(&part->node);
	if (--*part->left > 0)
		return;
	if (!part->inverse && apply->phase == PHASE_FORWARD && !apply->failed)
		apply_tell(apply, step->after == NULL ? "- " : step->before == NULL ? "+ " : "~ ", step_object(step));
	for (size_t i = 0; i < apply->vm_count; i++)
		if (step_object(step)->kind == OBJECT_VM && apply->vms[i].id == step_object(step)->id &&
			apply->vms[i].state == VM_ORDERED && step->after != NULL)
			apply->vms[i].state = VM_COMING;
}

static void part_wait(struct part *part)
{
	struct apply *apply = part->apply;

	if (apply->waiting++ == 0)
		loop_timer_set(apply->timer, instant_add(loop_now(apply->ctl->loop), apply->ctl->settings.peer_timeout));
	part->waiting = true;
}

static void part_failed(struct part *part, int error, const struct message *message)
{
	const struct object *object = step_object(&part->apply->steps.list[part->step]);
	const struct msg_done *done = message ? message->body : NULL;
	struct err err;

	(void)err_set(&err, error, "%s %s: %s", object_type(object->kind)->name, object->path,
		done && done->text[0] ? done->text
		: error == -ETIMEDOUT ? "no answer in time"
				      : strerror(-error));
	if (part->inverse)
		log_warning(object->path, "undoing: %s", err.text);
	else
		apply_fail(part->apply, &err);
}

static void part_answered(void *context, const struct message *message, int error, bool last)
{
	struct part *part = context;
	struct apply *apply = part->apply;

	if (!last)
		return;
	apply->calls--;
	apply->sent--;
	if (apply->phase == PHASE_ENDED) {
		apply_free(apply);
		return;
	}
	if (error == -ECONNRESET && !part->inverse && !apply->cancelled && !apply->impatient) {
		if (peers_ready(apply->ctl, part->peer))
			part_send(part); /* it is said to be away in a moment, or it is back already */
		else
			part_wait(part);
		return;
	}
	if (error < 0 && error != -ECONNRESET)
		part_failed(part, error, message);
	part_end(part);
	apply_go_on(apply);
}

static void part_send(struct part *part)
{
	struct apply *apply = part->apply;
	struct ctl *ctl = apply->ctl;
	struct msg_id id = {0};
	const void *body;
	enum message_type type = step_message(&apply->steps.list[part->step], part->inverse, &body, &id);

	part->waiting = false;
	apply->sent++;
	apply->calls++;
	channel_call(ctl->process->peers[part->peer], ctl->loop, type, body,
		part->peer == PROCESS_VM ? ctl->settings.vm_timeout : ctl->settings.step_timeout, part_answered, part);
}

/* True when a machine wasn't wanted running before and is now. */
static bool starts(const struct object *before, const struct object *after)
{
	return ((const struct msg_vm *)after->body)->run && (before == NULL || !((const struct msg_vm *)before->body)->run);
}

/* Changes the world by a step or its inverse. */
static void step_to_world(struct apply *apply, const struct step *step, bool inverse)
{
	const struct object *wanted = inverse ? step->before : step->after, *object = step_object(step);

	if (wanted != NULL)
		world_set(apply->ctl->world, wanted);
	else
		world_del(apply->ctl->world, object->kind, object->id);
	/* What was reported of it so far says nothing of what it is from now on. */
	if (wanted == NULL || (object->kind == OBJECT_VM && starts(inverse ? step->after : step->before, wanted)))
		machines_forget(apply->ctl, object->id);
}

/* Carries a step (or its inverse) out: world first, then the orders. While undoing, who is away gets it with the world. */
static void step_send(struct apply *apply, size_t index, bool inverse)
{
	const struct step *step = &apply->steps.list[index];
	uint32_t targets = object_type(step_object(step)->kind)->targets;
	uint32_t *left = arena_alloc(apply->arena, sizeof(*left));

	step_to_world(apply, step, inverse);
	*left = (uint32_t)__builtin_popcount(targets);
	for (enum process_id peer = 0; peer < PROCESS_COUNT; peer++) {
		struct part *part;

		if ((targets & 1u << peer) == 0)
			continue;
		part = arena_alloc(apply->arena, sizeof(*part));
		*part = (struct part){.apply = apply, .step = index, .peer = peer, .inverse = inverse, .left = left};
		list_append(&apply->parts, &part->node);
		if (peers_ready(apply->ctl, peer)) {
			part_send(part);
		} else if (inverse || apply->impatient) {
			peers_touch(apply->ctl, peer);
			part_end(part);
		} else {
			part_wait(part);
		}
	}
}

/* --- the course of it --- */

/* Gives up on what waits for processes that are away. */
static void drop_waiting(struct apply *apply)
{
	struct part *part;

	list_each (part, &apply->parts, struct part, node) {
		if (part->waiting)
			list_remove(&part->node);
	}
	apply->waiting = 0;
}

static void start_back(struct apply *apply)
{
	drop_waiting(apply);
	log_warning(apply->lab, "undoing: %s", apply->err.text);
	if (apply->phase == PHASE_PEERS || apply->phase == PHASE_VMS)
		apply->at = apply->steps.count;
	apply->phase = PHASE_BACK;
	loop_timer_set(apply->timer, INSTANT_NEVER);
}

static size_t vms_left(const struct apply *apply)
{
	size_t left = 0;

	for (size_t i = 0; i < apply->vm_count; i++)
		left += apply->vms[i].state != VM_THERE;
	return left;
}

static void start_waiting_for_vms(struct apply *apply)
{
	apply->phase = PHASE_VMS;
	for (size_t i = 0; i < apply->vm_count; i++) {
		const struct msg_vm_state *state = machines_vm(apply->ctl, apply->vms[i].id);

		if (state != NULL)
			vm_changed(apply, &apply->vms[i], state);
	}
	loop_timer_set(apply->timer,
		apply->vm_count > 0 ? instant_add(loop_now(apply->ctl->loop), apply->ctl->settings.start_timeout) : INSTANT_NEVER);
}

/* Sends what may be under way now. Returns true when the phase has nothing left to do. */
static bool go_forward(struct apply *apply)
{
	while (apply->at < apply->steps.count && apply->sent < APPLY_WINDOW) {
		if (apply->steps.list[apply->at].group != apply->group) {
			if (apply->sent + apply->waiting > 0)
				return false;
			apply->group = apply->steps.list[apply->at].group;
		}
		step_send(apply, apply->at++, false);
	}
	return apply->at == apply->steps.count && apply->sent + apply->waiting == 0;
}

static bool go_back(struct apply *apply)
{
	while (apply->at > 0 && apply->sent < APPLY_WINDOW) {
		if (apply->steps.list[apply->at - 1].group != apply->group) {
			if (apply->sent > 0)
				return false;
			apply->group = apply->steps.list[apply->at - 1].group;
		}
		step_send(apply, --apply->at, true);
	}
	return apply->at == 0 && apply->sent == 0;
}

static bool all_peers_ready(const struct ctl *ctl)
{
	for (enum process_id id = 0; id < PROCESS_COUNT; id++)
		if ((CTL_PEERS & 1u << id) && !peers_ready(ctl, id))
			return false;
	return true;
}

static void apply_go_on(struct apply *apply)
{
	if (apply->cancelled) {
		drop_waiting(apply);
		if (apply->sent == 0)
			apply_end(apply);
		return;
	}
	if (apply->failed && apply->mode != APPLY_GO_ON && apply->phase != PHASE_BACK) {
		if (apply->sent > 0)
			return; /* let what is under way come to its end first */
		start_back(apply);
	}
	if (apply->phase == PHASE_FORWARD && go_forward(apply))
		start_waiting_for_vms(apply);
	if (apply->phase == PHASE_PEERS && all_peers_ready(apply->ctl))
		start_waiting_for_vms(apply);
	if (apply->phase == PHASE_VMS && apply->failed && apply->mode != APPLY_GO_ON)
		start_back(apply);
	if ((apply->phase == PHASE_BACK && go_back(apply)) || (apply->phase == PHASE_VMS && vms_left(apply) == 0))
		apply_end(apply);
}

/* What was waited for didn't come in time. */
static void apply_late(void *context, struct instant now)
{
	struct apply *apply = context;
	struct err err;

	if (apply->phase == PHASE_ENDED) {
		return;
	} else if (apply->phase == PHASE_VMS) {
		const struct object *object = NULL;

		for (size_t i = 0; i < apply->vm_count && object == NULL; i++)
			if (apply->vms[i].state != VM_THERE)
				object = world_find(apply->ctl->world, OBJECT_VM, apply->vms[i].id);
		(void)err_set(&err, -ETIMEDOUT, "%zu machines, %s among them, don't run after %lld s", vms_left(apply),
			object ? object->path : "?", (long long)(apply->ctl->settings.start_timeout.ns / 1000000000));
	} else {
		(void)err_set(&err, -ETIMEDOUT, "a process of weftd is away for longer than %lld s",
			(long long)(apply->ctl->settings.peer_timeout.ns / 1000000000));
		drop_waiting(apply);
		apply->impatient = true;
	}
	apply_fail(apply, &err);
	apply_go_on(apply);
}

static void apply_begin(void *context, struct instant now)
{
	struct apply *apply = context;

	/* From now on the timer is for what doesn't come. */
	loop_timer_free(apply->timer);
	apply->timer = loop_timer_new(apply->ctl->loop, apply_late, apply);
	if (apply->phase == PHASE_PEERS)
		loop_timer_set(apply->timer, instant_add(now, apply->ctl->settings.peer_timeout));
	apply_go_on(apply);
}

/* The machines that are newly wanted running. */
static void find_vms(struct apply *apply)
{
	apply->vms = arena_alloc(apply->arena, (apply->steps.count + 1) * sizeof(*apply->vms));
	for (size_t i = 0; i < apply->steps.count; i++) {
		const struct step *step = &apply->steps.list[i];

		if (step->after != NULL && step->after->kind == OBJECT_VM && starts(step->before, step->after))
			apply->vms[apply->vm_count++] =
				(struct vm_wait){step->after->id, apply->mode == APPLY_RESUMED ? VM_COMING : VM_ORDERED};
	}
}

struct apply *apply_start(struct ctl *ctl, const struct apply_order *order)
{
	struct arena *arena = arena_new(NULL);
	struct apply *apply = arena_alloc(arena, sizeof(*apply));

	*apply = (struct apply){.ctl = ctl,
		.arena = arena,
		.lab = arena_str(arena, order->lab),
		.mode = order->mode,
		.progress = order->progress,
		.done = order->done,
		.context = order->context};
	list_init(&apply->parts);
	steps_between(arena, order->before, order->after, &apply->steps);
	/* The lists may go before the apply ends. */
	for (size_t i = 0; i < apply->steps.count; i++) {
		struct step *step = &apply->steps.list[i];
		struct object *copies = arena_alloc(arena, 2 * sizeof(*copies));

		if (step->before != NULL) {
			copies[0] = object_copy(arena, step->before);
			step->before = &copies[0];
		}
		if (step->after != NULL) {
			copies[1] = object_copy(arena, step->after);
			step->after = &copies[1];
		}
	}
	if (order->wait)
		find_vms(apply);
	apply->phase = apply->mode == APPLY_RESUMED ? PHASE_PEERS : PHASE_FORWARD;
	if (apply->mode == APPLY_RESUMED)
		apply->finished = apply->at = apply->steps.count;
	list_append(&ctl->applies, &apply->node);
	apply->timer = loop_timer_new(ctl->loop, apply_begin, apply);
	loop_timer_set(apply->timer, loop_now(ctl->loop));
	return apply;
}

void apply_cancel(struct apply *apply)
{
	apply->cancelled = true;
	loop_timer_free(apply->timer);
	apply->timer = loop_timer_new(apply->ctl->loop, apply_begin, apply);
	loop_timer_set(apply->timer, loop_now(apply->ctl->loop));
}

size_t apply_total(const struct apply *apply) { return apply->steps.count + apply->vm_count; }

void apply_free_all(struct ctl *ctl)
{
	struct apply *apply;

	list_each (apply, &ctl->applies, struct apply, node) {
		list_remove(&apply->node);
		apply->phase = PHASE_ENDED;
		apply_free(apply);
	}
}

/* --- what the others tell --- */

void apply_peer_ready(struct ctl *ctl, enum process_id peer)
{
	struct apply *apply;

	list_each (apply, &ctl->applies, struct apply, node) {
		struct part *part;

		list_each (part, &apply->parts, struct part, node) {
			if (!part->waiting || part->peer != peer)
				continue;
			if (--apply->waiting == 0)
				loop_timer_set(apply->timer, INSTANT_NEVER);
			part_send(part);
		}
		if (apply->phase == PHASE_PEERS)
			apply_go_on(apply);
	}
}

void apply_object_refused(struct ctl *ctl, const struct object *object, int error, const char *text)
{
	struct apply *apply;

	list_each (apply, &ctl->applies, struct apply, node) {
		struct err err;

		if (apply->mode != APPLY_RESUMED || apply->phase == PHASE_BACK || strcmp(apply->lab, object->lab) != 0)
			continue;
		(void)err_set(&err, error, "%s %s: %s", object_type(object->kind)->name, object->path, text);
		apply_fail(apply, &err);
		apply_go_on(apply);
	}
}

static void vm_changed(struct apply *apply, struct vm_wait *wait, const struct msg_vm_state *state)
{
	const struct object *object = world_find(apply->ctl->world, OBJECT_VM, state->id);
	struct err err;

	/* One that waits for room, or for others to end, may do so for as long as the lab is there. */
	if (wait->state != VM_THERE && (state->state == VM_STATE_RUNNING || state->state == VM_STATE_PAUSED ||
					       state->state == VM_STATE_SAVED || (state->state == VM_STATE_WAITING && state->queued))) {
		wait->state = VM_THERE;
		if (object != NULL)
			apply_tell(apply, state->state == VM_STATE_WAITING ? "queued: " : "running: ", object);
	} else if (wait->state == VM_COMING && state->state == VM_STATE_FAILED && !apply->failed) {
		(void)err_set(&err, -EIO, "vm %s: %s", state->path, state->reason[0] ? state->reason : "it failed to start");
		apply_fail(apply, &err);
	}
}

void apply_vm_changed(struct ctl *ctl, const struct msg_vm_state *state)
{
	struct apply *apply;

	list_each (apply, &ctl->applies, struct apply, node) {
		if (apply->phase == PHASE_BACK)
			continue;
		for (size_t i = 0; i < apply->vm_count; i++)
			if (apply->vms[i].id == state->id)
				vm_changed(apply, &apply->vms[i], state);
		apply_go_on(apply);
	}
}
