/* JSON values as the client sees them: read from the daemon's answers, made for its requests, printed as JSON or YAML. */
#ifndef UI_VALUE_H
#define UI_VALUE_H

#include "base/err.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct value;

/* Parses `bytes` of JSON; NULL with `err` filled. The result is the caller's: value_free ends it with all that is in it. */
struct value *value_parse(const char *source, size_t bytes, struct err *err);
void value_free(struct value *value);

/* Parts are borrowed. Each accepts NULL and gives what an absent part gives: NULL, "", 0, false. */
const struct value *value_get(const struct value *object, const char *key);
const struct value *value_at(const struct value *array, size_t i);
size_t value_count(const struct value *array);
const char *value_text(const struct value *object, const char *key);
int64_t value_int(const struct value *object, const char *key);
double value_number(const struct value *object, const char *key);
bool value_bool(const struct value *object, const char *key);

/* The value itself as a string; "" when it is none. */
const char *value_string(const struct value *value);
bool value_is_null(const struct value *value);

/* Makes values. `value_set` and `value_append` take over `part`. A number without fraction is printed as an integer. */
struct value *value_object(void);
struct value *value_array(void);
struct value *value_new_text(const char *text);
struct value *value_new_int(int64_t number);
struct value *value_new_number(double number);
struct value *value_new_bool(bool yes);
void value_set(struct value *object, const char *key, struct value *part);
void value_append(struct value *array, struct value *part);

/* Adds the value as JSON (in lines, two blanks a level, or all in one line) or as YAML to `out`. */
void value_to_json(const struct value *value, bool lines, struct text *out);
void value_to_yaml(const struct value *value, struct text *out);

#endif
