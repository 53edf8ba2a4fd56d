/* JSON in: the only file that knows jansson. It gives the same tree as YAML does, without places. */
#include "base/check.h"
#include "model/lab_io.h"
#include "model/tree.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* An array or object being walked: what comes next in it. */
struct json_frame {
	struct node *node;
	json_t *value;
	size_t index; /* of an array */
	void *iter;   /* of an object */
};

static struct node *node_of_json(struct arena *arena, struct node *parent, const char *key, json_t *value)
{
	struct node *node;
	char number[32];

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return node_new(arena, parent, key, NODE_MAP, NULL);
	case JSON_ARRAY:
		return node_new(arena, parent, key, NODE_LIST, NULL);
	case JSON_STRING:
		return node_new(arena, parent, key, NODE_SCALAR, json_string_value(value));
	case JSON_INTEGER:
		(void)snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		(void)snprintf(number, sizeof(number), "%#.17g", json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		node = node_new(arena, parent, key, NODE_SCALAR, json_is_true(value) ? "true" : "false");
		node->style = STYLE_BOOL;
		return node;
	case JSON_NULL:
		return node_new(arena, parent, key, NODE_EMPTY, NULL);
	}
	node = node_new(arena, parent, key, NODE_SCALAR, number);
	node->style = STYLE_NUMBER;
	return node;
}

/* The next member of a frame, with its key; NULL at the end. */
static json_t *frame_next(struct json_frame *frame, const char **key)
{
	json_t *value;

	*key = NULL;
	if (json_is_array(frame->value))
		return json_array_get(frame->value, frame->index++);
	if (frame->iter == NULL)
		return NULL;
	*key = json_object_iter_key(frame->iter);
	value = json_object_iter_value(frame->iter);
	frame->iter = json_object_iter_next(frame->value, frame->iter);
	return value;
}

/* Walks the document with a stack of LAB_DEPTH_MAX frames. */
static struct node *tree_of_json(struct arena *arena, json_t *document, struct diags *diags)
{
	struct json_frame stack[LAB_DEPTH_MAX];
	struct node *root = node_of_json(arena, NULL, NULL, document);
	size_t depth = 1, nodes = 1;

	stack[0] = (struct json_frame){root, document, 0, json_object_iter(document)};
	while (depth > 0) {
		const char *key;
		json_t *value = frame_next(&stack[depth - 1], &key);
		struct node *node;

		if (value == NULL) {
			depth--;
			continue;
		}
		if (++nodes > LAB_NODES_MAX) {
			diag_error(diags, (struct place){0}, "", "the document has more values than a lab may have");
			return NULL;
		}
		node = node_of_json(arena, stack[depth - 1].node, key, value);
		if (node->kind != NODE_MAP && node->kind != NODE_LIST)
			continue;
		if (depth == LAB_DEPTH_MAX) {
			diag_error(diags, (struct place){0}, "", "nested too deeply; a lab has at most %d levels", LAB_DEPTH_MAX);
			return NULL;
		}
		stack[depth++] = (struct json_frame){node, value, 0, json_object_iter(value)};
	}
	return root;
}

struct node *tree_from_json(struct arena *arena, const char *source, size_t bytes, struct diags *diags)
{
	json_error_t error;
	json_t *document;
	struct node *root;

	if (!tree_check_source(source, bytes, diags))
		return NULL;
	document = json_loadb(source, bytes, JSON_REJECT_DUPLICATES, &error);
	if (document == NULL) {
		struct place place = {error.line > 0 ? (uint32_t)error.line : 0, error.column > 0 ? (uint32_t)error.column : 1};

		diag_error(diags, place, "", "not JSON: %s", error.text);
		return NULL;
	}
	root = tree_of_json(arena, document, diags);
	json_decref(document);
	return root;
}
