/*
 * The difference of two lists of objects as ordered steps, each of which knows its inverse.
 *
 * Theory of operation. What goes leaves first, from the top of the object table down (machines, protocols, ports, interfaces), then what is
 * new or changed is set from the bottom up, and last the holders go that nothing is left in (networks, routers, queues). So every step only
 * speaks of objects that are there. A machine that changes in a way that a running one can't is taken away and set anew: it is one of those
 * that go and one of those that come. Undoing means carrying out the inverses of the steps in reverse order.
 */
#ifndef CTL_STEPS_H
#define CTL_STEPS_H

#include "ctl/object.h"

/* A step: what the object is before and after (NULL: not there). Exactly one of them may be NULL. Borrowed from the lists. */
struct step {
	const struct object *before;
	const struct object *after;
	/* Steps of one group touch different objects and depend on nothing of their own group: they may be under way at once. */
	uint32_t group;
};

struct steps {
	struct step *list;
	size_t count;
};

/* The steps from `before` to `after` (sorted lists), in `arena`. */
void steps_between(struct arena *arena, const struct object_list *before, const struct object_list *after, struct steps *out);

/* The object that a step is about. */
static inline const struct object *step_object(const struct step *step) { return step->after ? step->after : step->before; }

/* The message that carries out a step, or its inverse. */
enum message_type step_message(const struct step *step, bool inverse, const void **body, struct msg_id *id);

/* True when a machine has to be taken away and set anew to get from one to the other (both bodies are struct msg_vm). */
bool steps_vm_restarts(const struct object *before, const struct object *after);

#endif
