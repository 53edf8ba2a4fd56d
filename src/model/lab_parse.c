/* Lab files and canonical JSON in: source to tree, tree to lab, checks. */
#include "model/knobs.h"
#include "model/lab_check.h"

/* The lab of a tree, or NULL when anything was wrong. */
static struct lab *lab_of_tree(struct arena *arena, const struct node *root, struct diags *diags, size_t errors)
{
	struct lab *lab = arena_alloc(arena, sizeof(*lab));
	bool sound;

	lab->arena = arena;
	if (root != NULL) {
		lab_decode(lab, root, diags);
		sound = diags->errors == errors;
		lab_check(lab, sound, diags);
	}
	if (diags->errors == errors)
		return lab;
	arena_free(arena);
	return NULL;
}

struct lab *lab_parse_yaml(const char *source, size_t bytes, struct diags *diags)
{
	struct arena *arena = arena_new(NULL);
	size_t errors = diags->errors;

	return lab_of_tree(arena, tree_from_yaml(arena, source, bytes, diags), diags, errors);
}

struct lab *lab_parse_json(const char *source, size_t bytes, struct diags *diags)
{
	struct arena *arena = arena_new(NULL);
	size_t errors = diags->errors;

	return lab_of_tree(arena, tree_from_json(arena, source, bytes, diags), diags, errors);
}
