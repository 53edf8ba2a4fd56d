/*
 * The labs that are wanted: each as it was given, as it was filled in, and as objects.
 *
 * Theory of operation. A lab comes as canonical JSON and is checked here again, whoever checked it before: parsed, expanded, filled in from
 * the pools, compiled. All that belongs to one wanted state of a lab is a lab_value, made whole or not at all and never changed; an
 * operation (operations.h) replaces one by another. The store keeps the JSON; the rest is made from it again, and comes out the same, since
 * numbers are sticky.
 */
#ifndef CTL_LABS_H
#define CTL_LABS_H

#include "ctl/assign.h"
#include "ctl/ctl_state.h"
#include "model/lab_io.h"

/* One wanted state of a lab. Everything lives in `arena`, but the flat lab, which has its own. */
struct lab_value {
	struct arena *arena;
	const char *row; /* what the store keeps: {"lab": model, "files": {image: path}, "since": ns} */
	json_t *files;	 /* borrowed by whoever asks */
	struct lab *flat;
	struct assignment assignment;
	struct arena *objects_arena;
	struct object_list objects;
	int64_t since_wall_ns;
};

struct operation;

struct ctl_lab {
	char name[NAME_BYTES];
	struct lab_value *value;     /* what is wanted; NULL when a `down` goes on after a restart and nothing else is known */
	struct operation *operation; /* that runs, or NULL */
	bool failed;		     /* a `down` got stuck, or an undoing */
};

/*
 * Makes a value from a lab (canonical JSON) and its files. `since` is 0 for now. NULL with errors in `diags` (whose arena is the caller's).
 * Numbers of new objects are remembered in ctl->ids, holdings are not.
 */
struct lab_value *lab_value_new(struct ctl *ctl, const json_t *model, const json_t *files, int64_t since_wall_ns, struct diags *diags);

/* The same from what the store keeps. */
struct lab_value *lab_value_of_row(struct ctl *ctl, const char *row, struct diags *diags);
void lab_value_free(struct lab_value *value);

/* Compiles the value's objects (anew, after something was switched by command); untouched when it fails. */
int lab_value_compile(struct ctl *ctl, struct lab_value *value, struct err *err);

/* A lab by name, or NULL; one that is made when it isn't there; taken away. */
struct ctl_lab *labs_find(const struct ctl *ctl, const char *name);
struct ctl_lab *labs_add(struct ctl *ctl, const char *name);
void labs_remove(struct ctl *ctl, struct ctl_lab *lab);
void labs_free(struct ctl *ctl);

/* "starting", "running", "changing", "stopping", "failed". */
const char *lab_state(const struct ctl_lab *lab);

/* A wall clock time as people and programs read it, "2026-11-24T08:15:00Z". */
const char *time_text(int64_t wall_ns, char out[32]);

#endif
