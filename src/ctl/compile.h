/*
 * From an assigned flat lab to the objects that make it up. Pure: ids, states and secrets come in.
 */
#ifndef CTL_COMPILE_H
#define CTL_COMPILE_H

#include "ctl/object.h"
#include "model/lab.h"

/* What the lab doesn't say itself. */
struct compile_inputs {
	/* The id of an object; kinds are "network", "link", "router", "interface", "port", "route", "bgp", "group", "group-rules",
	 * "route-policy", "vm", "schedule". */
	uint32_t (*id)(void *context, const char *kind, const char *name);
	/* What was switched by command: whether a link is up and a machine is to run, `wanted` being what the lab says. */
	bool (*link_up)(void *context, const char *name, bool wanted);
	bool (*vm_run)(void *context, const char *name, bool wanted);
	/* The absolute path of an image of the lab's `images`, or NULL. */
	const char *(*image_file)(void *context, const char *image);
	void *context;
	/* What was set by command for one end of a link ("delay=20ms loss=1%"), NULL: nothing. May be NULL itself. */
	const char *(*impair)(void *context, const char *link, const char *end);
	const char *secret; /* of this daemon: machines' UUIDs come from it and their paths */
};

/*
 * Makes the sorted list of objects; all of it lives in `arena`. Returns 0, -ENAMETOOLONG when a name doesn't fit a message, -ENOENT for an
 * image without file.
 */
int compile_lab(struct arena *arena, const struct lab *flat, const struct compile_inputs *inputs, struct object_list *out, struct err *err);

#endif
