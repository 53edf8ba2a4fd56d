/* Lab files and JSON in and out, expansion, checks, the difference of two labs: everything one can ask of a lab. */
#ifndef MODEL_LAB_IO_H
#define MODEL_LAB_IO_H

#include "base/text.h"
#include "model/diag.h"

/* The largest lab file that is read, bytes; deepest nesting of it. */
#define LAB_FILE_BYTES_MAX (4u << 20)
#define LAB_DEPTH_MAX 32

/*
 * Parses a lab file. Returns a lab in an arena of its own (arena_free(lab->arena) ends it), or NULL when `diags` got errors; all errors of
 * the file are reported, not the first only.
 */
struct lab *lab_parse_yaml(const char *source, size_t bytes, struct diags *diags);

/* The same from canonical JSON, as lab_to_json writes it. */
struct lab *lab_parse_json(const char *source, size_t bytes, struct diags *diags);

/* Canonical JSON (one line, keys in the table's order, defaults left out) and YAML (commented by nothing, in the same order). */
void lab_to_json(const struct lab *lab, struct text *out);
void lab_to_yaml(const struct lab *lab, struct text *out);

/* The flat lab: counts and selections expanded, links given their interfaces, references checked. NULL with errors in `diags`. */
struct lab *lab_expand(const struct lab *lab, struct diags *diags);

/* What a name selects: "vm[1-4]", "vm2", "vm*" against the machines of a flat lab. Adds to `names` (arena of `diags`); returns how many. */
size_t lab_select_vms(const struct lab *flat, const char *selection, const char ***names, struct diags *diags);

enum change_op { CHANGE_ADD, CHANGE_CHANGE, CHANGE_REMOVE };

/* One line of a plan. `hot`: nothing is interrupted; else `text` says what is. */
struct change {
	enum change_op op;
	const char *kind; /* "vm", "network", ... */
	const char *name;
	const char *text; /* "memory 96M -> 128M" */
	bool hot;
	bool restarts_vm;
};

struct changes {
	struct arena *arena;
	struct change *list;
	size_t count;
	size_t adds, changes, removes, vm_restarts;
};

/* The difference of two flat labs (either may be NULL: nothing runs, nothing is wanted) in the order in which it is carried out. */
struct changes *lab_diff(struct arena *arena, const struct lab *running, const struct lab *wanted);

/* The JSON Schema of lab files, made from the knob table. */
void lab_schema(struct text *out);

#endif
