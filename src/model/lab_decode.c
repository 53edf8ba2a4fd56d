/*
 * The decoder: from a tree to a lab, by the knob table alone.
 *
 * Theory of operation. Work is a queue of (node, kind, object). Reading an object reads its scalars at once and queues the objects inside
 * it, so that nothing recurses. Every error is reported with its path and place, and reading goes on behind it.
 */
#include "base/check.h"
#include "base/text.h"
#include "model/knobs.h"

#include <inttypes.h>
#include <string.h>

/* An object to read: into `base`, named `path`. */
struct task {
	const struct node *node;
	const struct kind *kind;
	void *base;
	const char *path;
	struct task *next;
};

struct decoding {
	struct arena *arena;
	struct diags *diags;
	struct task *first, *last;
};

static void *field(void *base, uint16_t offset) { return (uint8_t *)base + offset; }

static void queue(struct decoding *d, const struct node *node, const struct kind *kind, void *base, const char *path)
{
	struct task *task = arena_alloc(d->diags->arena, sizeof(*task));

	*task = (struct task){node, kind, base, path, NULL};
	if (d->last != NULL)
		d->last->next = task;
	else
		d->first = task;
	d->last = task;
}

static const char *path_member(struct decoding *d, const char *path, const char *key)
{
	return arena_printf(d->diags->arena, "%s%s%.64s", path, path[0] ? "." : "", key);
}

/* An array of objects from a map or a list. An empty value is an empty one. */
static void decode_array(struct decoding *d, const struct knob *knob, void *base, const struct node *node, const char *path)
{
	const struct kind *kind = knob->kind;
	uint8_t *array;
	size_t index = 0;

	if (node->kind == NODE_EMPTY)
		return;
	if (node->kind != (knob->type == KNOB_MAP ? NODE_MAP : NODE_LIST)) {
		diag_error(d->diags, node->place, path, "expected %s of %ss, got %s",
			knob->type == KNOB_MAP ? "a map from names" : "a list", kind->word, node_kind_text(node));
		return;
	}
	if ((int64_t)node->count > knob->max) {
		diag_error(d->diags, node->place, path, "%zu %ss; at most %" PRId64 " are possible", node->count, kind->word, knob->max);
		return;
	}
	array = arena_alloc(d->arena, (node->count + 1) * kind->size);
	for (const struct node *n = node->first; n != NULL; n = n->next, index++) {
		uint8_t *element = array + index * kind->size;

		*(struct place *)field(element, kind->place) = knob->type == KNOB_MAP ? n->key_place : n->place;
		if (knob->type == KNOB_MAP)
			*(const char **)field(element, kind->name) = arena_str(d->arena, n->key);
		kind_defaults(kind, element, d->arena);
		queue(d, n, kind, element,
			knob->type == KNOB_MAP ? path_member(d, path, n->key) : arena_printf(d->diags->arena, "%s[%zu]", path, index));
	}
	*(void **)field(base, knob->offset) = array;
	*(size_t *)field(base, knob->flag) = node->count;
}

/* A group of keys inside the same struct, which may be switched on or off by a bool in place of the map. */
static void decode_object(struct decoding *d, const struct knob *knob, void *base, const struct node *node, const char *path)
{
	bool is_switch = knob->flag != NOWHERE && node->kind == NODE_SCALAR;
	bool on = true;

	if (is_switch && strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0) {
		diag_error(d->diags, node->place, path, "expected true, false or a map, got \"%.64s\"", node->text);
		return;
	}
	if (is_switch)
		on = strcmp(node->text, "true") == 0;
	if (knob->flag != NOWHERE)
		*(bool *)field(base, knob->flag) = on;
	if (knob->set != NOWHERE)
		*(bool *)field(base, knob->set) = true;
	if (!is_switch)
		queue(d, node, knob->kind, field(base, knob->offset), path);
}

static void unknown_key(struct decoding *d, const struct kind *kind, const struct node *node, const char *path)
{
	const char *keys[64];
	const char *nearest;
	size_t count = 0;

	if (diags_full(d->diags)) {
		diag_error(d->diags, node->key_place, path, "unknown key");
		return;
	}
	for (size_t i = 0; i < kind->knob_count && count < COUNT_OF(keys); i++)
		if (kind->knobs[i].type != KNOB_LATER)
			keys[count++] = kind->knobs[i].key;
	nearest = text_nearest(node->key, keys, count);
	if (nearest != NULL)
		diag_error(d->diags, node->key_place, path, "unknown key \"%.64s\" (did you mean \"%s\"?)", node->key, nearest);
	else
		diag_error(d->diags, node->key_place, path, "unknown key \"%.64s\"; a %s has %s", node->key, kind->word,
			kind_key_list(kind, d->diags->arena));
}

/* One member of an object's map. */
static void decode_member(struct decoding *d, const struct task *task, const struct node *node)
{
	const struct knob *knob = kind_knob(task->kind, node->key);
	const char *path = path_member(d, task->path, node->key);

	if (knob == NULL) {
		unknown_key(d, task->kind, node, path);
		return;
	}
	if (knob->is_case)
		*(int *)field(task->base, task->kind->case_offset) = knob->case_value;
	switch (knob->type) {
	case KNOB_LATER:
		diag_error(d->diags, node->key_place, path, "\"%s\" (%s) is not supported yet by this version; take it out", knob->key,
			knob->help);
		break;
	case KNOB_MAP:
	case KNOB_LIST:
		decode_array(d, knob, task->base, node, path);
		break;
	case KNOB_OBJECT:
		decode_object(d, knob, task->base, node, path);
		break;
	case KNOB_TEXT:
	case KNOB_SECRET:
	case KNOB_REF:
	case KNOB_WORD:
	case KNOB_HEX:
	case KNOB_BOOL:
	case KNOB_INT:
	case KNOB_ENUM:
	case KNOB_TIME:
	case KNOB_MEMORY:
	case KNOB_RATIO:
	case KNOB_PERCENT:
	case KNOB_PREFIX:
	case KNOB_ADDRESS:
	case KNOB_IP:
	case KNOB_MAC:
	case KNOB_MAC_RANGE:
	case KNOB_AS_RANGE:
	case KNOB_PORTS:
	case KNOB_NAMES:
	case KNOB_FLAGS:
		(void)knob_read(knob, task->base, node, path, d->arena, d->diags);
		break;
	}
}

static void report_no_case(struct decoding *d, const struct task *task, struct place place, const char *const *cases, size_t count)
{
	struct text list = {0};

	for (size_t i = 0; i < count; i++)
		text_add(&list, "%s%s", i > 0 ? ", " : "", cases[i]);
	diag_error(d->diags, place, task->path, "%s %s needs one of %s", strchr("aeiou", task->kind->word[0]) ? "an" : "a",
		task->kind->word, text_get(&list));
	text_free(&list);
}

/* What is required but missing, and cases of which exactly one must be there. */
static void check_members(struct decoding *d, const struct task *task, struct place place)
{
	const struct kind *kind = task->kind;
	const char *cases[16];
	const struct node *chosen = NULL;
	size_t case_count = 0;
	bool later = false;

	/* What isn't built yet may stand for what is missing; one error is enough. */
	for (const struct node *n = task->node->first; n != NULL; n = n->next)
		later |= kind_knob(kind, n->key) != NULL && kind_knob(kind, n->key)->type == KNOB_LATER;
	for (size_t i = 0; i < kind->knob_count && !later; i++) {
		const struct knob *knob = &kind->knobs[i];
		const struct node *member = node_member(task->node, knob->key);

		if (knob->required && member == NULL)
			diag_error(d->diags, place, task->path, "the key \"%s\" is missing (%s)", knob->key, knob->help);
		if (!knob->is_case)
			continue;
		cases[case_count++] = knob->key;
		if (member != NULL && chosen != NULL)
			diag_error(
				d->diags, member->key_place, task->path, "\"%s\" and \"%s\" exclude each other", chosen->key, member->key);
		if (member != NULL)
			chosen = member;
	}
	if (case_count > 0 && chosen == NULL)
		report_no_case(d, task, place, cases, case_count);
}

static void decode_task(struct decoding *d, const struct task *task)
{
	const struct node *node = task->node;
	struct place place = node->place;

	if (node->key != NULL)
		place = node->key_place;
	if (node->kind == NODE_SCALAR && task->kind->short_key != NULL) {
		(void)knob_read(kind_knob(task->kind, task->kind->short_key), task->base, node, task->path, d->arena, d->diags);
		return;
	}
	if (node->kind == NODE_LIST && task->kind->short_key != NULL) {
		const struct knob *knob = kind_knob(task->kind, task->kind->short_key);

		if (knob->type == KNOB_LIST) {
			decode_array(d, knob, task->base, node, task->path);
			return;
		}
		if (knob->type == KNOB_NAMES) {
			(void)knob_read(knob, task->base, node, task->path, d->arena, d->diags);
			return;
		}
	}
	if (node->kind != NODE_MAP && node->kind != NODE_EMPTY) {
		diag_error(d->diags, node->place, task->path, "expected a map for a %s%s, got %s", task->kind->word,
			task->kind->short_key ? " (or its short form)" : "", node_kind_text(node));
		return;
	}
	for (const struct node *n = node->first; n != NULL; n = n->next)
		decode_member(d, task, n);
	check_members(d, task, place);
}

/* Single addresses are handed out by a pool that doesn't say otherwise. */
static void finish_pools(struct lab *lab)
{
	for (size_t i = 0; i < lab->pool_count; i++) {
		struct lab_pool *pool = &lab->pools[i];

		if (pool->unit_length == 0 && (pool->kind == POOL_IPV4 || pool->kind == POOL_IPV6))
			pool->unit_length = (uint8_t)ip_bits(pool->range.ip.family);
	}
}

void lab_decode(struct lab *lab, const struct node *root, struct diags *diags)
{
	struct decoding d = {.arena = lab->arena, .diags = diags};

	lab->tree = root;
	kind_defaults(&kind_lab, lab, lab->arena);
	if (root->kind != NODE_MAP) {
		diag_error(diags, root->place, "", "expected a map at the top, with version, name, networks, ..., got %s",
			node_kind_text(root));
		return;
	}
	for (queue(&d, root, &kind_lab, lab, ""); d.first != NULL; d.first = d.first->next)
		decode_task(&d, d.first);
	finish_pools(lab);
}
