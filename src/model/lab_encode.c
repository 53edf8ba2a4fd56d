/*
 * The encoder: from a lab to a tree, by the knob table alone, leaving out what is unset or the default; and the printers of labs.
 *
 * Theory of operation. A stack of frames walks the objects: an object's frame steps through its rows, an array's through its elements.
 * When an object is done it becomes `true` if it is a group without keys (`rip: {}`), or takes its short form if it has one and the reader
 * is a person (`lan` for `{ network: lan }`); programs read JSON, where each kind has but one form.
 */
#include "base/check.h"
#include "model/knobs.h"
#include "model/lab_io.h"

#include <string.h>

/* Lab, array, object, array, object, group, group: kinds never contain themselves, so the depth is known. */
#define FRAMES_MAX 12

/* `array` false: the rows of `kind` at `base`; true: the elements of row `knob` at `base`. `next`: row or element that comes next. */
struct encode_frame {
	const struct kind *kind;
	const struct knob *knob; /* the row that led here; NULL for the lab */
	const void *base;
	struct node *node;
	size_t next;
	bool array;
};

struct encoding {
	struct arena *arena;
	bool short_forms;
	struct encode_frame stack[FRAMES_MAX];
	size_t depth;
};

static const void *field(const void *base, uint16_t offset) { return (const uint8_t *)base + offset; }

static void push(struct encoding *e, struct encode_frame frame)
{
	CHECK(e->depth < FRAMES_MAX);
	e->stack[e->depth++] = frame;
}

/* Takes the last member of a map away again. */
static void drop_last(struct node *parent)
{
	struct node *before = NULL;

	for (struct node *n = parent->first; n != parent->last; n = n->next)
		before = n;
	if (before != NULL)
		before->next = NULL;
	else
		parent->first = NULL;
	parent->last = before;
	parent->count--;
}

/* A map of one member becomes that member's value: a text, or a list. */
static void take_short_form(struct node *node)
{
	const struct node *value = node->first;

	node->kind = value->kind;
	node->style = value->style;
	node->text = value->text;
	node->first = value->first;
	node->last = value->last;
	node->count = value->count;
	for (struct node *n = node->first; n != NULL; n = n->next)
		n->parent = node;
}

static void finish_object(const struct encoding *e, const struct encode_frame *frame)
{
	struct node *node = frame->node;
	bool group = frame->knob != NULL && frame->knob->type == KNOB_OBJECT;

	if (group && node->count == 0 && frame->knob->flag == NOWHERE) {
		if (frame->knob->set == NOWHERE)
			drop_last(node->parent);
	} else if (group && node->count == 0) {
		node->kind = NODE_SCALAR;
		node->style = STYLE_BOOL;
		node->text = "true";
	} else if (e->short_forms && !group && frame->kind->short_key != NULL && node->count == 1 && node->first->kind != NODE_MAP &&
		   strcmp(node->first->key, frame->kind->short_key) == 0) {
		take_short_form(node);
	}
}

static void encode_group(struct encoding *e, const struct encode_frame *frame, const struct knob *knob)
{
	bool on = knob->flag == NOWHERE || *(const bool *)field(frame->base, knob->flag);
	bool set = knob->set != NOWHERE && *(const bool *)field(frame->base, knob->set);
	struct node *node;

	if (knob->set != NOWHERE && !set)
		return;
	if (!on && !set)
		return;
	node = node_new(e->arena, frame->node, knob->key, on ? NODE_MAP : NODE_SCALAR, on ? NULL : "false");
	node->style = on ? STYLE_TEXT : STYLE_BOOL;
	if (on)
		push(e, (struct encode_frame){.kind = knob->kind, .knob = knob, .base = field(frame->base, knob->offset), .node = node});
}

static void encode_row(struct encoding *e, const struct encode_frame *frame, const struct knob *knob)
{
	struct node *node;

	if (knob->type == KNOB_LATER)
		return;
	if (knob->is_case && *(const int *)field(frame->base, frame->kind->case_offset) != knob->case_value)
		return;
	if (knob->type == KNOB_OBJECT) {
		encode_group(e, frame, knob);
		return;
	}
	if (knob->type != KNOB_MAP && knob->type != KNOB_LIST) {
		knob_write(knob, frame->base, e->arena, frame->node);
		node = frame->node->last;
		if (knob->type == KNOB_SECRET && node != NULL && strcmp(node->key, knob->key) == 0)
			node->secret = true;
		return;
	}
	if (knob_count(knob, frame->base) == 0)
		return;
	node = node_new(e->arena, frame->node, knob->key, knob->type == KNOB_MAP ? NODE_MAP : NODE_LIST, NULL);
	push(e, (struct encode_frame){.kind = knob->kind, .knob = knob, .base = frame->base, .node = node, .array = true});
}

static void encode_element(struct encoding *e, const struct encode_frame *frame, size_t index)
{
	const void *element = knob_element(frame->knob, frame->base, index);
	const char *name = frame->knob->type == KNOB_MAP ? *(const char *const *)field(element, frame->kind->name) : NULL;
	struct node *node = node_new(e->arena, frame->node, name, NODE_MAP, NULL);

	if (frame->kind->place != NOWHERE)
		node->place = node->key_place = *(const struct place *)field(element, frame->kind->place);
	push(e, (struct encode_frame){.kind = frame->kind, .knob = frame->knob, .base = element, .node = node});
}

struct node *object_encode(const struct kind *kind, const void *base, bool short_forms, struct arena *arena)
{
	struct encoding e = {.arena = arena, .short_forms = short_forms};
	struct node *root = node_new(arena, NULL, NULL, NODE_MAP, NULL);

	push(&e, (struct encode_frame){.kind = kind, .base = base, .node = root});
	while (e.depth > 0) {
		struct encode_frame *top = &e.stack[e.depth - 1];
		struct encode_frame frame = *top;
		size_t count = frame.array ? knob_count(frame.knob, frame.base) : frame.kind->knob_count;

		if (frame.next == count) {
			e.depth--;
			if (!frame.array)
				finish_object(&e, &frame);
			continue;
		}
		top->next++;
		if (frame.array)
			encode_element(&e, &frame, frame.next);
		else
			encode_row(&e, &frame, &frame.kind->knobs[frame.next]);
	}
	return root;
}

void lab_to_json(const struct lab *lab, struct text *out)
{
	struct arena *arena = arena_new(NULL);

	tree_to_json(object_encode(&kind_lab, lab, false, arena), out);
	arena_free(arena);
}

void lab_to_json_hidden(const struct lab *lab, struct text *out)
{
	struct arena *arena = arena_new(NULL);

	tree_to_json_hidden(object_encode(&kind_lab, lab, false, arena), out);
	arena_free(arena);
}

void lab_to_yaml(const struct lab *lab, struct text *out)
{
	struct arena *arena = arena_new(NULL);

	tree_to_yaml(object_encode(&kind_lab, lab, true, arena), out);
	arena_free(arena);
}
