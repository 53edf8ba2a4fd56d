/* Bodies of messages as JSON, by the field table. */
#ifndef API_MESSAGE_JSON_H
#define API_MESSAGE_JSON_H

#include "api/message.h"

#include <jansson.h>

/*
 * A new object with the fields of a checked body: numbers, bools, the words of enums, addresses as text (null for none), arrays of structs;
 * bytes as text with what isn't UTF-8 replaced. Secrets are left out. Never NULL.
 */
json_t *message_to_json(const struct message_row *row, const void *body);

/* Bytes as a JSON string: what isn't UTF-8, and NUL, becomes U+FFFD. */
json_t *bytes_to_json(const void *bytes, size_t size);

#endif
