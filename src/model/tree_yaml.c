/*
 * YAML in: the only file that knows libfyaml.
 *
 * Theory of operation. A lab file comes from anyone, so the document is never built by the library: its events are taken one by one and
 * the tree is made here, under our own bounds. Aliases, anchors and tags are refused (they are how a small file becomes a large one), as
 * are keys that are not plain scalars, keys written twice and a second document. Parsing stops at the first thing that breaks a bound, so
 * hostile nesting costs nothing beyond it.
 */
#include "base/check.h"
#include "base/map.h"
#include "model/lab_io.h"
#include "model/tree.h"

#include <libfyaml.h>
#include <string.h>

#define LINE_BYTES_MAX 65536
#define OPEN_BRACKETS_MAX 1000

/* A map or list that is open; `keys` are those of a map, `key` the one whose value comes next. */
struct frame {
	struct node *node;
	struct map keys;
	const char *key;
	struct place key_place;
};

struct reading {
	struct arena *arena;
	struct diags *diags;
	struct node *root;
	struct frame stack[LAB_DEPTH_MAX];
	size_t depth;
	size_t nodes;
	size_t documents;
	bool stopped; /* an error that ends the reading was reported */
};

static void diag_to_nowhere(struct fy_diag *diag, void *user, const char *text, size_t bytes) {}

static struct place mark_place(const struct fy_mark *mark)
{
	return mark ? (struct place){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1} : (struct place){0};
}

/* libfyaml's mark of a quoted scalar is behind the quote, that of an anchor behind the '&'. */
static struct place before(struct place place) { return (struct place){place.line, place.column > 1 ? place.column - 1 : place.column}; }

static void stop(struct reading *r, struct place place, const char *text)
{
	diag_error(r->diags, place, "", "%s", text);
	r->stopped = true;
}

/* A scalar as a key. The first one written wins; the second is an error, but reading goes on. */
static void take_key(struct reading *r, struct frame *frame, const char *text, struct place place)
{
	frame->key = arena_str(r->arena, text);
	frame->key_place = place;
	if (map_set_str(&frame->keys, text, frame) != NULL)
		diag_error(r->diags, place, "", "the key \"%.64s\" is written twice in one map", text);
}

/* A new node below the open frame (or the root); NULL when a bound is reached. */
static struct node *take_node(struct reading *r, enum node_kind kind, const char *text, struct place place)
{
	struct frame *frame = r->depth ? &r->stack[r->depth - 1] : NULL;
	struct node *node;

	if (++r->nodes > LAB_NODES_MAX) {
		stop(r, place, "the file has more values than a lab file may have");
		return NULL;
	}
	if (frame != NULL && frame->node->kind == NODE_MAP && frame->key == NULL) {
		stop(r, place, "a key must be a plain text");
		return NULL;
	}
	node = node_new(r->arena, frame ? frame->node : NULL, NULL, kind, text);
	node->place = place;
	if (frame != NULL && frame->key != NULL) {
		node->key = frame->key;
		node->key_place = frame->key_place;
		frame->key = NULL;
	}
	if (frame == NULL)
		r->root = node;
	return node;
}

static void take_scalar(struct reading *r, struct fy_token *token, struct place place)
{
	struct frame *frame = r->depth ? &r->stack[r->depth - 1] : NULL;
	enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
	size_t bytes = 0;
	const char *raw = token ? fy_token_get_text(token, &bytes) : "";
	char *text = arena_alloc(r->arena, bytes + 1);
	bool plain = style == FYSS_PLAIN || style == FYSS_ANY;

	if (bytes > 0 && raw != NULL)
		memcpy(text, raw, bytes);
	if (memchr(text, '\0', bytes) != NULL) {
		stop(r, place, "a text contains \\0");
		return;
	}
	if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED)
		place = before(place);
	if (frame != NULL && frame->node->kind == NODE_MAP && frame->key == NULL)
		take_key(r, frame, text, place);
	else if (plain && (bytes == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
		(void)take_node(r, NODE_EMPTY, NULL, place);
	else
		(void)take_node(r, NODE_SCALAR, text, place);
}

static void open_frame(struct reading *r, enum node_kind kind, struct place place)
{
	struct node *node;

	if (r->depth >= LAB_DEPTH_MAX) {
		diag_error(r->diags, place, "", "nested too deeply; a lab file has at most %d levels", LAB_DEPTH_MAX);
		r->stopped = true;
		return;
	}
	node = take_node(r, kind, NULL, place);
	if (node == NULL)
		return;
	r->stack[r->depth++] = (struct frame){.node = node};
}

static void close_frame(struct reading *r)
{
	if (r->depth > 0)
		map_free(&r->stack[--r->depth].keys);
}

/* Where an event is: its own mark, or the key's whose empty value it is. */
static struct place event_place(const struct reading *r, struct fy_event *event)
{
	struct place place = mark_place(fy_event_start_mark(event));

	if (place.line == 0 && r->depth > 0)
		return r->stack[r->depth - 1].key_place;
	return place;
}

static void take_event(struct reading *r, struct fy_event *event)
{
	struct place place = event_place(r, event);
	struct fy_token *anchor = fy_event_get_anchor_token(event);

	if (event->type != FYET_DOCUMENT_START && event->type != FYET_DOCUMENT_END && (anchor != NULL || event->type == FYET_ALIAS)) {
		stop(r, before(anchor ? mark_place(fy_token_start_mark(anchor)) : place),
			"anchors and aliases (&x, *x) are not accepted; write the value out, or use `count`");
		return;
	}
	if (fy_event_get_tag_token(event) != NULL) {
		stop(r, place, "tags (!x) are not accepted; types come from the schema");
		return;
	}
	switch (event->type) {
	case FYET_DOCUMENT_START:
		if (++r->documents > 1)
			stop(r, place, "a second document begins here; a lab file holds one");
		break;
	case FYET_SCALAR:
		take_scalar(r, event->scalar.value, place);
		break;
	case FYET_MAPPING_START:
		open_frame(r, NODE_MAP, place);
		break;
	case FYET_SEQUENCE_START:
		open_frame(r, NODE_LIST, place);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		close_frame(r);
		break;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
	case FYET_ALIAS:
		break;
	}
}

/* What the library found wrong: its first error (the others follow from it). */
static void report_library(struct reading *r, struct fy_diag *diag)
{
	void *cursor = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &cursor);

	if (error != NULL && error->line > 0)
		diag_error(r->diags, (struct place){(uint32_t)error->line, (uint32_t)error->column}, "", "not YAML: %s", error->msg);
	else
		diag_error(r->diags, (struct place){0}, "", "not YAML: %s", error ? error->msg : "it can't be parsed");
}

static void read_events(struct reading *r, const char *source, size_t bytes)
{
	struct fy_diag_cfg diag_config;
	struct fy_parse_cfg config = {.flags = FYPCF_DISABLE_MMAP_OPT | FYPCF_JSON_NONE | FYPCF_COLLECT_DIAG};
	struct fy_parser *parser;
	struct fy_event *event;

	fy_diag_cfg_default(&diag_config);
	diag_config.fp = NULL;
	diag_config.output_fn = diag_to_nowhere;
	config.diag = fy_diag_create(&diag_config);
	CHECK(config.diag != NULL);
	fy_diag_set_collect_errors(config.diag, true);
	parser = fy_parser_create(&config);
	CHECK(parser != NULL && fy_parser_set_string(parser, source, bytes) == 0);
	while (!r->stopped && (event = fy_parser_parse(parser)) != NULL) {
		take_event(r, event);
		fy_parser_event_free(parser, event);
	}
	if (!r->stopped && fy_parser_get_stream_error(parser)) {
		report_library(r, config.diag);
		r->stopped = true;
	}
	fy_parser_destroy(parser);
	fy_diag_destroy(config.diag);
}

/*
 * The library reads ahead as far as a line or an open bracket goes, to tell whether a key is there, and keeps what it read. So lines and
 * brackets are bounded before it looks at them; brackets inside of texts count, too, which no sensible file notices.
 */
static bool lookahead_is_bearable(const char *source, size_t bytes, struct diags *diags)
{
	uint32_t line = 1;
	int open = 0;

	for (size_t i = 0, start = 0; i < bytes; i++) {
		open += (source[i] == '[' || source[i] == '{') - (source[i] == ']' || source[i] == '}');
		if (source[i] == '\n') {
			line++;
			start = i + 1;
		} else if (i - start >= LINE_BYTES_MAX) {
			diag_error(diags, (struct place){line, 1}, "", "a line of more than %d bytes", LINE_BYTES_MAX);
			return false;
		} else if (open > OPEN_BRACKETS_MAX) {
			diag_error(diags, (struct place){line, (uint32_t)(i - start) + 1}, "",
				"nested too deeply; a lab file has at most %d levels", LAB_DEPTH_MAX);
			return false;
		}
	}
	return true;
}

struct node *tree_from_yaml(struct arena *arena, const char *source, size_t bytes, struct diags *diags)
{
	struct reading r = {.arena = arena, .diags = diags};
	size_t errors = diags->errors;

	if (!tree_check_source(source, bytes, diags) || !lookahead_is_bearable(source, bytes, diags))
		return NULL;
	if (bytes > 0)
		read_events(&r, source, bytes);
	while (r.depth > 0)
		close_frame(&r);
	if (diags->errors != errors)
		return r.stopped ? NULL : r.root;
	if (r.root == NULL)
		diag_error(diags, (struct place){0}, "", "the file is empty; a lab starts with `version: 1` and `name: NAME`");
	return r.root;
}
