/* The neutral tree: making nodes, finding them, and checking that a source is text at all. */
#include "model/tree.h"

#include "model/lab_io.h"

#include <stdlib.h>
#include <string.h>

struct node *node_new(struct arena *arena, struct node *parent, const char *key, enum node_kind kind, const char *text)
{
	struct node *node = arena_alloc(arena, sizeof(*node));

	node->kind = kind;
	node->text = text ? arena_str(arena, text) : NULL;
	node->key = key ? arena_str(arena, key) : NULL;
	node->parent = parent;
	if (parent == NULL)
		return node;
	if (parent->last != NULL)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
	return node;
}

static const struct node *node_member_n(const struct node *map, const char *key, size_t bytes)
{
	if (map == NULL || map->kind != NODE_MAP)
		return NULL;
	for (const struct node *n = map->first; n != NULL; n = n->next)
		if (strncmp(n->key, key, bytes) == 0 && n->key[bytes] == '\0')
			return n;
	return NULL;
}

const struct node *node_member(const struct node *map, const char *key) { return node_member_n(map, key, strlen(key)); }

const struct node *node_at(const struct node *root, const char *path)
{
	const struct node *node = root, *next;

	while (node != NULL && *path != '\0') {
		if (*path == '[') {
			unsigned long index = strtoul(path + 1, NULL, 10);

			next = node->kind == NODE_LIST ? node->first : NULL;
			while (next != NULL && index-- > 0)
				next = next->next;
			path += strcspn(path, "]");
			path += *path == ']';
		} else {
			size_t bytes = strcspn(path += *path == '.', ".[");

			next = node_member_n(node, path, bytes);
			path += bytes;
		}
		if (next == NULL)
			return node;
		node = next;
	}
	return node;
}

const char *node_kind_text(const struct node *node)
{
	static const char *const names[] = {"nothing", "a text", "a list", "a map"};

	return names[node->kind];
}

/* Bytes of the UTF-8 sequence at `s` (RFC 3629: no overlong forms, no surrogates), or 0 when it is none. */
static size_t utf8_length(const unsigned char *s, size_t left)
{
	size_t length = s[0] < 0x80		      ? 1
			: s[0] >= 0xc2 && s[0] < 0xe0 ? 2
			: s[0] >= 0xe0 && s[0] < 0xf0 ? 3
			: s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						      : 0;

	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
		(s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return length;
}

bool tree_check_source(const char *source, size_t bytes, struct diags *diags)
{
	const unsigned char *s = (const unsigned char *)source;
	struct place place = {1, 1};

	if (bytes > LAB_FILE_BYTES_MAX) {
		diag_error(diags, (struct place){0}, "", "the file has %zu bytes; at most %u are read", bytes, LAB_FILE_BYTES_MAX);
		return false;
	}
	for (size_t i = 0, n; i < bytes; i += n) {
		n = utf8_length(s + i, bytes - i);
		if (n == 0) {
			diag_error(diags, place, "", "byte 0x%02x is not UTF-8; a lab file is UTF-8 text", s[i]);
			return false;
		}
		if ((s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r') || s[i] == 0x7f) {
			diag_error(diags, place, "", "control character 0x%02x in the file; a lab file is plain text", s[i]);
			return false;
		}
		place.column++;
		if (s[i] == '\n')
			place = (struct place){place.line + 1, 1};
	}
	return true;
}
