/* The JSON Schema (draft 2020-12) of lab files, from the knob table: what editors complete from. */
#include "base/check.h"
#include "model/knobs.h"
#include "model/lab_io.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DEFINITIONS_MAX 128
#define NAME_BYTES_MAX 48

/* Kinds that are met, each with the name of its definition. */
struct definitions {
	const struct kind *kinds[DEFINITIONS_MAX];
	char names[DEFINITIONS_MAX][NAME_BYTES_MAX];
	size_t count;
};

struct schema {
	struct arena *arena;
	struct definitions found;
};

static struct node *map(struct schema *s, struct node *parent, const char *key) { return node_new(s->arena, parent, key, NODE_MAP, NULL); }

static struct node *list(struct schema *s, struct node *parent, const char *key)
{
	return node_new(s->arena, parent, key, NODE_LIST, NULL);
}

static void word(struct schema *s, struct node *parent, const char *key, const char *text)
{
	(void)node_new(s->arena, parent, key, NODE_SCALAR, text);
}

static void number(struct schema *s, struct node *parent, const char *key, int64_t value)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%" PRId64, value);
	node_new(s->arena, parent, key, NODE_SCALAR, text)->style = STYLE_NUMBER;
}

static void flag(struct schema *s, struct node *parent, const char *key, bool value)
{
	node_new(s->arena, parent, key, NODE_SCALAR, value ? "true" : "false")->style = STYLE_BOOL;
}

/* The name of a kind's definition: its word, or PARENT-KEY when another kind has that word. */
static const char *definition(struct definitions *found, const struct kind *kind, const char *parent, const char *key)
{
	bool taken = false;

	for (size_t i = 0; i < found->count; i++) {
		if (found->kinds[i] == kind)
			return found->names[i];
		taken |= strcmp(found->names[i], kind->word) == 0;
	}
	CHECK(found->count < DEFINITIONS_MAX);
	found->kinds[found->count] = kind;
	if (taken)
		(void)snprintf(found->names[found->count], NAME_BYTES_MAX, "%s-%s", parent, key);
	else
		(void)snprintf(found->names[found->count], NAME_BYTES_MAX, "%s", kind->word);
	return found->names[found->count++];
}

/* The regular expression of a scalar that JSON knows as a string only; NULL: any string. */
static const char *pattern(const struct knob *knob)
{
	switch (knob->type) {
	case KNOB_TIME:
		return "^[0-9]+(ms|s|m|min|h|d)$";
	case KNOB_MEMORY:
		return "^[0-9]+[KMGT](i|iB)?$";
	case KNOB_RATIO:
		return "^[0-9]+(\\.[0-9]{1,3})?$";
	case KNOB_PERCENT:
		return "^[0-9]+%$";
	case KNOB_PREFIX:
		return knob->family == IP_V4 ? "^[0-9]+(\\.[0-9]+){3}/[0-9]+$" : "^[0-9a-fA-F:.]+/[0-9]+$";
	case KNOB_ADDRESS:
		return knob->family == IP_V4 ? "^[0-9]+(\\.[0-9]+){3}(/[0-9]+)?$" : "^[0-9a-fA-F:.]+(/[0-9]+)?$";
	case KNOB_IP:
		return knob->flag != NOWHERE ? "^([0-9a-fA-F:.]+|none)$" : "^[0-9a-fA-F:.]+$";
	case KNOB_MAC:
		return knob->flag != NOWHERE ? "^([0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}|pool:.+)$" : "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$";
	case KNOB_MAC_RANGE:
		return "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}/[0-9]+$";
	case KNOB_PORTS:
	case KNOB_AS_RANGE:
		return "^[0-9]+(-[0-9]+)?$";
	case KNOB_HEX:
		return "^[0-9a-fA-F]*$";
	case KNOB_TEXT:
	case KNOB_SECRET:
	case KNOB_REF:
	case KNOB_WORD:
	case KNOB_BOOL:
	case KNOB_INT:
	case KNOB_ENUM:
	case KNOB_NAMES:
	case KNOB_FLAGS:
	case KNOB_OBJECT:
	case KNOB_MAP:
	case KNOB_LIST:
	case KNOB_LATER:
		break;
	}
	return NULL;
}

static void add_words(struct schema *s, struct node *parent, const struct knob *knob)
{
	struct node *words = list(s, parent, "enum");

	for (size_t i = 0; i < knob->word_count; i++)
		word(s, words, NULL, knob->words[i]);
}

/* A list of texts, or one alone. */
static void add_texts(struct schema *s, struct node *value, const struct knob *knob)
{
	struct node *either = list(s, value, "anyOf"), *alone = map(s, either, NULL), *many = map(s, either, NULL), *items;

	word(s, alone, "type", "string");
	word(s, many, "type", "array");
	items = map(s, many, "items");
	word(s, items, "type", "string");
	if (knob->type != KNOB_FLAGS)
		return;
	add_words(s, alone, knob);
	add_words(s, items, knob);
}

/* A value that is an object or several. */
static void add_objects(struct schema *s, struct node *value, const struct knob *knob, const char *parent)
{
	char reference[NAME_BYTES_MAX + 16];
	struct node *either;

	(void)snprintf(reference, sizeof(reference), "#/$defs/%s", definition(&s->found, knob->kind, parent, knob->key));
	if (knob->type == KNOB_LIST) {
		word(s, value, "type", "array");
		word(s, map(s, value, "items"), "$ref", reference);
	} else if (knob->type == KNOB_MAP) {
		word(s, value, "type", "object");
		word(s, map(s, value, "additionalProperties"), "$ref", reference);
	} else if (knob->flag != NOWHERE) {
		either = list(s, value, "anyOf");
		word(s, map(s, either, NULL), "type", "boolean");
		word(s, map(s, either, NULL), "$ref", reference);
	} else {
		word(s, value, "$ref", reference);
	}
}

static void add_number(struct schema *s, struct node *value, const struct knob *knob)
{
	word(s, value, "type", "integer");
	number(s, value, "minimum", knob->min);
	if (knob->max != INT64_MAX)
		number(s, value, "maximum", knob->max);
	if (knob->fallback != NULL)
		node_new(s->arena, value, "default", NODE_SCALAR, knob->fallback)->style = STYLE_NUMBER;
}

static void add_property(struct schema *s, struct node *properties, const struct knob *knob, const char *parent)
{
	struct node *value = map(s, properties, knob->key);

	word(s, value, "description", knob->help);
	switch (knob->type) {
	case KNOB_BOOL:
		word(s, value, "type", "boolean");
		if (knob->fallback != NULL)
			flag(s, value, "default", knob->fallback[0] == 't');
		return;
	case KNOB_INT:
		add_number(s, value, knob);
		return;
	case KNOB_NAMES:
	case KNOB_FLAGS:
		add_texts(s, value, knob);
		return;
	case KNOB_OBJECT:
	case KNOB_MAP:
	case KNOB_LIST:
		add_objects(s, value, knob, parent);
		return;
	case KNOB_TEXT:
	case KNOB_SECRET:
	case KNOB_REF:
	case KNOB_WORD:
	case KNOB_HEX:
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
	case KNOB_LATER:
		break;
	}
	/* A single port is a number to an editor; its range is in the pattern of the text. */
	if (knob->type == KNOB_PORTS) {
		struct node *types = list(s, value, "type");

		word(s, types, NULL, "integer");
		word(s, types, NULL, "string");
	} else {
		word(s, value, "type", "string");
	}
	if (knob->word_count > 0)
		add_words(s, value, knob);
	if (pattern(knob) != NULL)
		word(s, value, "pattern", pattern(knob));
	if (knob->fallback != NULL)
		word(s, value, "default", knob->fallback);
}

/* What a kind requires, and its cases. */
static void add_required(struct schema *s, struct node *object, const struct kind *kind)
{
	struct node *required = NULL, *cases = NULL;

	for (size_t i = 0; i < kind->knob_count; i++) {
		const struct knob *knob = &kind->knobs[i];

		if (knob->required && required == NULL)
			required = list(s, object, "required");
		if (knob->required)
			word(s, required, NULL, knob->key);
		if (knob->is_case && cases == NULL)
			cases = list(s, object, "oneOf");
		if (knob->is_case)
			word(s, list(s, map(s, cases, NULL), "required"), NULL, knob->key);
	}
}

/* What may stand in place of an object: the value of one key. */
static void add_short_form(struct schema *s, struct node *value, const struct knob *knob, const char *parent)
{
	if (knob->type == KNOB_LIST)
		add_objects(s, value, knob, parent);
	else if (knob->type == KNOB_NAMES)
		add_texts(s, value, knob);
	else
		word(s, value, "type", "string");
}

static void add_kind(struct schema *s, struct node *at, const struct kind *kind, const char *name)
{
	struct node *object = at, *properties, *either;

	word(s, at, "description", kind->help);
	/* Nothing written ("r1:") is an empty object. */
	if (kind != &kind_lab) {
		either = list(s, at, "anyOf");
		word(s, map(s, either, NULL), "type", "null");
		if (kind->short_key != NULL)
			add_short_form(s, map(s, either, NULL), kind_knob(kind, kind->short_key), name);
		object = map(s, either, NULL);
	}
	word(s, object, "type", "object");
	flag(s, object, "additionalProperties", false);
	properties = map(s, object, "properties");
	for (size_t i = 0; i < kind->knob_count; i++)
		if (kind->knobs[i].type != KNOB_LATER)
			add_property(s, properties, &kind->knobs[i], name);
	add_required(s, object, kind);
}

void lab_schema(struct text *out)
{
	struct schema s = {.arena = arena_new(NULL)};
	struct node *root = map(&s, NULL, NULL), *definitions;

	word(&s, root, "$schema", "https://json-schema.org/draft/2020-12/schema");
	word(&s, root, "title", "weft lab file");
	add_kind(&s, root, &kind_lab, "lab");
	definitions = map(&s, root, "$defs");
	for (size_t i = 0; i < s.found.count; i++)
		add_kind(&s, map(&s, definitions, s.found.names[i]), s.found.kinds[i], s.found.names[i]);
	tree_to_json(root, out);
	arena_free(s.arena);
}
