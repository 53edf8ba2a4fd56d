/* JSON values as the client sees them: a thin layer over jansson that accepts what is absent. */
#include "ui/value.h"

#include "base/check.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Deepest value that is printed as YAML. */
#define YAML_DEPTH_MAX 32

static json_t *to_json(const struct value *value)
{
	union {
		const struct value *value;
		json_t *json;
	} both = {.value = value};

	return both.json;
}

static struct value *from_json(json_t *json)
{
	union {
		struct value *value;
		json_t *json;
	} both = {.json = json};

	return both.value;
}

struct value *value_parse(const char *source, size_t bytes, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(source, bytes, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	if (json == NULL)
		err_set(err, -EBADMSG, "not JSON: %s (line %d)", error.text, error.line);
	return from_json(json);
}

void value_free(struct value *value) { json_decref(to_json(value)); }

const struct value *value_get(const struct value *object, const char *key)
{
	return object ? from_json(json_object_get(to_json(object), key)) : NULL;
}

const struct value *value_at(const struct value *array, size_t i) { return array ? from_json(json_array_get(to_json(array), i)) : NULL; }

size_t value_count(const struct value *array) { return array ? json_array_size(to_json(array)) : 0; }

const char *value_string(const struct value *value)
{
	const char *text = value ? json_string_value(to_json(value)) : NULL;

	return text ? text : "";
}

const char *value_text(const struct value *object, const char *key) { return value_string(value_get(object, key)); }

double value_number(const struct value *object, const char *key)
{
	const struct value *part = value_get(object, key);

	return part ? json_number_value(to_json(part)) : 0;
}

int64_t value_int(const struct value *object, const char *key)
{
	const struct value *part = value_get(object, key);

	if (part == NULL)
		return 0;
	return json_is_real(to_json(part)) ? (int64_t)json_real_value(to_json(part)) : json_integer_value(to_json(part));
}

bool value_bool(const struct value *object, const char *key)
{
	const struct value *part = value_get(object, key);

	return part != NULL && json_is_true(to_json(part));
}

bool value_is_null(const struct value *value) { return value == NULL || json_is_null(to_json(value)); }

static struct value *made(json_t *json)
{
	CHECK(json != NULL);
	return from_json(json);
}

struct value *value_object(void) { return made(json_object()); }
struct value *value_array(void) { return made(json_array()); }
struct value *value_new_int(int64_t number) { return made(json_integer(number)); }
struct value *value_new_number(double number) { return made(json_real(number)); }
struct value *value_new_bool(bool yes) { return made(json_boolean(yes)); }

struct value *value_new_text(const char *text)
{
	/* What a guest or a file said may be no UTF-8: then it is shown byte by byte as Latin-1 would be, rather than not at all. */
	json_t *json = json_string(text);
	struct text clean = {0};

	if (json == NULL) {
		for (const char *c = text; *c; c++)
			text_add(&clean, (unsigned char)*c < 0x80 ? "%c" : "?", *c);
		json = json_string(text_get(&clean));
		text_free(&clean);
	}
	return made(json);
}

void value_set(struct value *object, const char *key, struct value *part)
{
	CHECK(json_object_set_new(to_json(object), key, to_json(part)) == 0);
}

void value_append(struct value *array, struct value *part) { CHECK(json_array_append_new(to_json(array), to_json(part)) == 0); }

void value_to_json(const struct value *value, bool lines, struct text *out)
{
	char *text = json_dumps(
		to_json(value), (lines ? (size_t)JSON_INDENT(2) : (size_t)JSON_COMPACT) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

	CHECK(text != NULL);
	text_add_bytes(out, text, strlen(text));
	free(text);
}

/* A scalar as YAML: strings are quoted as JSON does, which YAML reads alike, unless they are plain words. */
static void yaml_scalar(const struct value *value, struct text *out)
{
	const char *text = value_string(value);
	json_t *json = to_json(value);

	if (json_is_string(json) && text[0] != '\0' &&
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/-.0123456789") == strlen(text) &&
		strchr("-.0123456789", text[0]) == NULL && strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0 &&
		strcasecmp(text, "null") != 0 && strcasecmp(text, "yes") != 0 && strcasecmp(text, "no") != 0 &&
		strcasecmp(text, "on") != 0 && strcasecmp(text, "off") != 0)
		text_add(out, "%s", text);
	else
		value_to_json(value, false, out);
}

/* One open collection of the YAML that is being written. */
struct yaml_level {
	json_t *json;
	void *member; /* of an object: its iterator */
	size_t next;  /* of an array: the index */
};

static bool is_collection(json_t *json) { return json_object_size(json) > 0 || json_array_size(json) > 0; }

/* The next part of a level with its key (NULL in an array); NULL at the end. */
static json_t *yaml_next(struct yaml_level *level, const char **key)
{
	*key = NULL;
	if (json_is_array(level->json))
		return json_array_get(level->json, level->next++);
	level->member = level->next++ == 0 ? json_object_iter(level->json) : json_object_iter_next(level->json, level->member);
	if (level->member == NULL)
		return NULL;
	*key = json_object_iter_key(level->member);
	return json_object_iter_value(level->member);
}

void value_to_yaml(const struct value *value, struct text *out)
{
	struct yaml_level levels[YAML_DEPTH_MAX] = {{.json = to_json(value)}};
	size_t depth = 1;
	bool after_dash = false;

	if (!is_collection(levels[0].json)) {
		yaml_scalar(value, out);
		text_add(out, "\n");
		return;
	}
	while (depth > 0) {
		const char *key;
		json_t *part = yaml_next(&levels[depth - 1], &key);

		if (part == NULL) {
			depth--;
			after_dash = false;
			continue;
		}
		text_add(out, "%*s", after_dash ? 0 : (int)(2 * (depth - 1)), "");
		text_add(out, key ? "%s:" : "-", key);
		after_dash = false;
		if (is_collection(part) && depth < YAML_DEPTH_MAX) {
			/* "- key: value": a collection in an array starts on the line of its dash. */
			after_dash = key == NULL;
			text_add(out, after_dash ? " " : "\n");
			levels[depth++] = (struct yaml_level){.json = part};
		} else {
			text_add(out, " ");
			yaml_scalar(from_json(part), out);
			text_add(out, "\n");
		}
	}
}
