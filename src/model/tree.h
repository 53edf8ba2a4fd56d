/*
 * The neutral tree: a document of maps, lists and scalars as any notation gives it, with the place of each node.
 *
 * Theory of operation. One file knows libfyaml and makes a tree of a YAML document, one knows jansson and makes the same tree of JSON;
 * the decoder (lab_decode.c) knows only trees, and so do the printers. Scalars are plain text: what they mean is for the knob table to
 * say, so nothing is ever guessed from how a scalar looks. Nodes know their parent, so that every walk is a loop.
 * A tree lives in an arena. Its depth and number of nodes are bounded by LAB_DEPTH_MAX and LAB_NODES_MAX.
 */
#ifndef MODEL_TREE_H
#define MODEL_TREE_H

#include "base/text.h"
#include "model/diag.h"

/* NODE_EMPTY: nothing was written ("key:"), or null. */
enum node_kind { NODE_EMPTY, NODE_SCALAR, NODE_LIST, NODE_MAP };

/* How a scalar is written in JSON. */
enum node_style { STYLE_TEXT, STYLE_NUMBER, STYLE_BOOL };

struct node {
	enum node_kind kind;
	enum node_style style;
	bool secret; /* SCALAR: for programs only */
	struct place place;
	const char *text; /* SCALAR */
	const char *key;  /* of a map's member, else NULL */
	struct place key_place;
	struct node *parent, *first, *last, *next;
	size_t count;
};

/* A node below `parent` (NULL: a root), added as its last; `key` (may be NULL) and `text` are copied. */
struct node *node_new(struct arena *arena, struct node *parent, const char *key, enum node_kind kind, const char *text);

/* The member `key` of a map, or NULL. */
const struct node *node_member(const struct node *map, const char *key);

/* The node that a path such as "vms.web.nics[0].network" names, or the nearest one above it. */
const struct node *node_at(const struct node *root, const char *path);

/* "a map", "a list", "a text": for "expected ..., got ...". */
const char *node_kind_text(const struct node *node);

/* The document as a tree, or NULL with errors in `diags`. Never changes the source. */
struct node *tree_from_yaml(struct arena *arena, const char *source, size_t bytes, struct diags *diags);
struct node *tree_from_json(struct arena *arena, const char *source, size_t bytes, struct diags *diags);

/* Checks that a source is UTF-8 text of bearable size without control characters; false with an error in `diags`. */
bool tree_check_source(const char *source, size_t bytes, struct diags *diags);

void tree_to_json(const struct node *root, struct text *out);
/* For people's eyes: secrets are "***". */
void tree_to_json_hidden(const struct node *root, struct text *out);
void tree_to_yaml(const struct node *root, struct text *out);

#endif
