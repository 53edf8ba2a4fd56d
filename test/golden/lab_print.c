/*
 * lab_print FILE [json|yaml|flat|plan OLD], or lab_print -- schema|manual: reads a lab file as the programs do and prints it, or prints all
 * that is wrong with it and exits with 2. What the golden tests run.
 */
#include "base/check.h"
#include "model/lab_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole file, or NULL. */
static char *file_read(const char *path, size_t *bytes)
{
	FILE *file = fopen(path, "rb");
	struct text text = {0};
	char buffer[65536];
	size_t n;

	if (file == NULL)
		return NULL;
	while (text.used <= LAB_FILE_BYTES_MAX && (n = fread(buffer, 1, sizeof(buffer), file)) > 0)
		text_add_bytes(&text, buffer, n);
	(void)fclose(file);
	*bytes = text.used;
	return text.bytes ? text.bytes : xstrdup("");
}

/* The file as a lab, or NULL; diagnostics are printed, with the base name of the file. */
static struct lab *lab_read(const char *path, bool flat, struct arena *arena)
{
	struct diags diags = {.arena = arena};
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct lab *lab, *expanded = NULL;
	size_t bytes = 0;
	char *source = file_read(path, &bytes);

	if (source == NULL) {
		(void)fprintf(stderr, "lab_print: %s: %s\n", path, strerror(errno));
		exit(1);
	}
	lab = strstr(name, ".json") ? lab_parse_json(source, bytes, &diags) : lab_parse_yaml(source, bytes, &diags);
	if (lab != NULL)
		expanded = lab_expand(lab, &diags);
	(void)fputs(diags_text(&diags, name, source, bytes), stdout);
	free(source);
	if (expanded == NULL) {
		arena_free(lab ? lab->arena : NULL);
		return NULL;
	}
	arena_free(flat ? lab->arena : expanded->arena);
	return flat ? expanded : lab;
}

static int print_plan(const char *old, const char *new, struct arena *arena)
{
	struct lab *running = lab_read(old, true, arena), *wanted = lab_read(new, true, arena);
	struct changes *changes;

	if (running == NULL || wanted == NULL)
		return 2;
	changes = lab_diff(arena, running, wanted);
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *c = &changes->list[i];

		printf("%c %-8s %-12s %s%s\n", "+~-"[c->op], c -> kind, c -> name, c -> text,
			c -> hot	      ? ""
			     : c->restarts_vm ? " [restart]"
					      : " [!]");
	}
	printf("%zu to add, %zu to change, %zu to remove. VMs restarted: %zu.\n", changes->adds, changes->changes, changes->removes,
		changes->vm_restarts);
	arena_free(running->arena);
	arena_free(wanted->arena);
	return 0;
}

int main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "json";
	struct arena *arena = arena_new(NULL);
	struct text out = {0};
	int status = 0;

	if (argc > 2 && strcmp(how, "schema") == 0) {
		lab_schema(&out);
		text_add(&out, "\n");
	} else if (argc > 2 && strcmp(how, "manual") == 0) {
		lab_manual(&out);
	} else if (argc > 3 && strcmp(how, "plan") == 0) {
		status = print_plan(argv[3], argv[1], arena);
	} else if (argc > 1) {
		struct lab *lab = lab_read(argv[1], strcmp(how, "flat") == 0, arena);

		status = lab == NULL ? 2 : 0;
		if (lab != NULL && strcmp(how, "yaml") == 0)
			lab_to_yaml(lab, &out);
		else if (lab != NULL)
			lab_to_json(lab, &out);
		if (lab != NULL && strcmp(how, "yaml") != 0)
			text_add(&out, "\n");
		if (lab != NULL)
			arena_free(lab->arena);
	} else {
		status = 1;
	}
	(void)fputs(text_get(&out), stdout);
	text_free(&out);
	arena_free(arena);
	return status;
}
