/* The labs that are wanted: from JSON to objects. */
#include "ctl/labs.h"

#include "base/check.h"
#include "ctl/compile.h"
#include "ctl/operations.h"
#include "ctl/switched.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* What the compiler's callbacks need. */
struct compiling {
	struct ctl *ctl;
	const char *lab;
	const json_t *files;
	const struct lab *flat;
};

static uint32_t compile_id(void *context, const char *kind, const char *name)
{
	const struct compiling *c = context;

	return ids_get(c->ctl->ids, c->lab, kind, name);
}

static bool compile_link_up(void *context, const char *name, bool wanted)
{
	const struct compiling *c = context;

	return switched_get(c->ctl, c->lab, "link", name, wanted);
}

static bool compile_vm_run(void *context, const char *name, bool wanted)
{
	const struct compiling *c = context;

	return switched_get(c->ctl, c->lab, "vm", name, wanted);
}

static const char *compile_impair(void *context, const char *link, const char *end)
{
	const struct compiling *c = context;
	char name[2 * NAME_BYTES + 80];

	(void)snprintf(name, sizeof(name), "%s@%s", link, end);
	return switched_text(c->ctl, c->lab, "impair", name);
}

/* An image's file: as the client found it, else as the lab says when that is absolute. */
static const char *compile_image_file(void *context, const char *image)
{
	const struct compiling *c = context;
	const char *file = json_string_value(json_object_get(c->files, image));

	for (size_t i = 0; file == NULL && i < c->flat->image_count; i++)
		if (strcmp(c->flat->images[i].name, image) == 0)
			file = c->flat->images[i].file;
	return file != NULL && file[0] == '/' && strstr(file, "/../") == NULL ? file : NULL;
}

int lab_value_compile(struct ctl *ctl, struct lab_value *value, struct err *err)
{
	struct compiling compiling = {ctl, value->flat->name, value->files, value->flat};
	struct compile_inputs inputs = {
		compile_id, compile_link_up, compile_vm_run, compile_image_file, &compiling, compile_impair, ctl->secret};
	struct arena *arena = arena_new(NULL);
	struct object_list objects;
	int rc = compile_lab(arena, value->flat, &inputs, &objects, err);

	if (rc < 0) {
		arena_free(arena);
		return rc;
	}
	arena_free(value->objects_arena);
	value->objects_arena = arena;
	value->objects = objects;
	return 0;
}

void lab_value_free(struct lab_value *value)
{
	if (value == NULL)
		return;
	if (value->flat != NULL)
		arena_free(value->flat->arena);
	json_decref(value->files);
	arena_free(value->objects_arena);
	arena_free(value->arena);
}

/* The row that the store keeps. */
static const char *make_row(struct arena *arena, const json_t *model, const json_t *files, int64_t since)
{
	json_t *row = json_pack("{s:O, s:O*, s:I}", "lab", model, "files", files, "since", (json_int_t)since);
	char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
	const char *copy;

	CHECK(text != NULL);
	copy = arena_str(arena, text);
	free(text);
	json_decref(row);
	return copy;
}

/* Parses and expands; NULL with errors. */
static struct lab *flat_of(const json_t *model, struct diags *diags)
{
	char *source = json_dumps(model, JSON_COMPACT | JSON_ENCODE_ANY);
	struct lab *lab, *flat = NULL;

	CHECK(source != NULL);
	lab = lab_parse_json(source, strlen(source), diags);
	if (lab != NULL) {
		flat = lab_expand(lab, diags);
		arena_free(lab->arena);
	}
	free(source);
	return flat;
}

struct lab_value *lab_value_new(struct ctl *ctl, const json_t *model, const json_t *files, int64_t since_wall_ns, struct diags *diags)
{
	struct lab *flat = flat_of(model, diags);
	struct lab_value *value;
	struct arena *arena;
	struct err err;

	if (flat == NULL)
		return NULL;
	arena = arena_new(NULL);
	value = arena_alloc(arena, sizeof(*value));
	value->arena = arena;
	value->flat = flat;
	value->files = files ? json_deep_copy(files) : NULL;
	value->since_wall_ns = since_wall_ns ? since_wall_ns : clock_wall_ns();
	value->row = make_row(arena, model, files, value->since_wall_ns);
	if (assign_lab(flat, ctl->holdings, clock_wall_ns(), &value->assignment, diags) < 0) {
		lab_value_free(value);
		return NULL;
	}
	if (lab_value_compile(ctl, value, &err) < 0) {
		diag_error(diags, (struct place){0}, "", "%s", err.text);
		lab_value_free(value);
		return NULL;
	}
	return value;
}

struct lab_value *lab_value_of_row(struct ctl *ctl, const char *row, struct diags *diags)
{
	json_t *json = json_loads(row, JSON_REJECT_DUPLICATES, NULL);
	const json_t *model = json_object_get(json, "lab");
	struct lab_value *value = NULL;

	if (model == NULL)
		diag_error(diags, (struct place){0}, "", "the store's row of the lab is damaged");
	else
		value = lab_value_new(
			ctl, model, json_object_get(json, "files"), json_integer_value(json_object_get(json, "since")), diags);
	json_decref(json);
	return value;
}

struct ctl_lab *labs_find(const struct ctl *ctl, const char *name) { return map_get_str(&ctl->labs, name); }

struct ctl_lab *labs_add(struct ctl *ctl, const char *name)
{
	struct ctl_lab *lab = labs_find(ctl, name);

	if (lab != NULL)
		return lab;
	lab = xalloc(sizeof(*lab));
	CHECK(text_copy(lab->name, sizeof(lab->name), name));
	(void)map_set_str(&ctl->labs, name, lab);
	return lab;
}

void labs_remove(struct ctl *ctl, struct ctl_lab *lab)
{
	(void)map_remove_str(&ctl->labs, lab->name);
	lab_value_free(lab->value);
	free(lab);
}

void labs_free(struct ctl *ctl)
{
	struct ctl_lab *lab;
	size_t cursor = 0;

	while ((lab = map_next(&ctl->labs, &cursor, NULL, NULL)) != NULL) {
		lab_value_free(lab->value);
		free(lab);
	}
	map_free(&ctl->labs);
}

const char *lab_state(const struct ctl_lab *lab)
{
	if (lab->operation != NULL)
		return operation_is_down(lab->operation) ? "stopping" : operation_is_first(lab->operation) ? "starting" : "changing";
	return lab->failed ? "failed" : "running";
}

const char *time_text(int64_t wall_ns, char out[32])
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}
