/* Trees out: as one line of JSON and as YAML in block style. */
#include "base/check.h"
#include "model/tree.h"

#include <string.h>

/* A text as JSON writes it (RFC 8259 section 7); also valid as a double-quoted YAML scalar. */
static void add_quoted(struct text *out, const char *text)
{
	text_add(out, "\"");
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '"' || c == '\\')
			text_add(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			text_add(out, "\\u%04x", c);
		else
			text_add_bytes(out, p, 1);
	}
	text_add(out, "\"");
}

/* What stands between two siblings, and the key. */
static void json_open(struct text *out, const struct node *node, bool hide)
{
	if (node->parent != NULL && node->parent->first != node)
		text_add(out, ",");
	if (node->parent != NULL && node->parent->kind == NODE_MAP) {
		add_quoted(out, node->key);
		text_add(out, ":");
	}
	if (node->kind == NODE_MAP || node->kind == NODE_LIST)
		text_add(out, node->kind == NODE_MAP ? "{" : "[");
	else if (node->kind == NODE_EMPTY)
		text_add(out, "null");
	else if (node->style == STYLE_TEXT)
		add_quoted(out, hide && node->secret ? "***" : node->text);
	else
		text_add(out, "%s", node->text);
}

static void to_json(const struct node *root, struct text *out, bool hide)
{
	const struct node *node = root;

	for (;;) {
		json_open(out, node, hide);
		if (node->first != NULL) {
			node = node->first;
			continue;
		}
		for (;; node = node->parent) {
			if (node->kind == NODE_MAP || node->kind == NODE_LIST)
				text_add(out, node->kind == NODE_MAP ? "}" : "]");
			if (node == root)
				return;
			if (node->next != NULL)
				break;
		}
		node = node->next;
	}
}

void tree_to_json(const struct node *root, struct text *out) { to_json(root, out, false); }
void tree_to_json_hidden(const struct node *root, struct text *out) { to_json(root, out, true); }

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* What begins with a digit: 10.1.0.0/24, 10.1.0.1 and 96M are texts to everyone; 12, 1e3, 0x1f, 52:54:00 and 2026-11-24 aren't to some. */
static bool digits_plain_enough(const char *text)
{
	const char *dot = strchr(text, '.'), *last = text + strlen(text) - 1;

	if (strchr(text, ':') != NULL)
		return false;
	return strchr(text, '/') != NULL || dot != strrchr(text, '.') || (is_letter(*last) && (text[0] != '0' || !is_letter(text[1])));
}

/* True when a text can stand without quotes and no YAML reader, of whatever version, takes it for something else. */
static bool plain_enough(const char *text)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
	size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:-");

	if (text[plain] != '\0' || (!is_letter(text[0]) && !is_digit(text[0]) && text[0] != '/') || text[plain - 1] == ':')
		return false;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return false;
	return !is_digit(text[0]) || digits_plain_enough(text);
}

static void yaml_scalar(struct text *out, const struct node *node)
{
	if (node->kind == NODE_EMPTY)
		text_add(out, "null");
	else if (node->style != STYLE_TEXT || plain_enough(node->text))
		text_add(out, "%s", node->text);
	else
		add_quoted(out, node->text);
}

/* A collection that fits one line: empty, or of scalars only. */
static bool fits_line(const struct node *node)
{
	if (node->count > 8)
		return false;
	for (const struct node *n = node->first; n != NULL; n = n->next)
		if (n->kind == NODE_MAP || n->kind == NODE_LIST)
			return false;
	return node->parent != NULL;
}

static void yaml_flow(struct text *out, const struct node *node)
{
	text_add(out, node->kind == NODE_MAP ? "{" : "[");
	for (const struct node *n = node->first; n != NULL; n = n->next) {
		text_add(out, n == node->first ? (node->kind == NODE_MAP ? " " : "") : ", ");
		if (node->kind == NODE_MAP) {
			if (plain_enough(n->key))
				text_add(out, "%s: ", n->key);
			else {
				add_quoted(out, n->key);
				text_add(out, ": ");
			}
		}
		yaml_scalar(out, n);
	}
	text_add(out, node->kind == NODE_MAP ? (node->first ? " }" : "}") : "]");
}

/* One node's own line: indentation or the dash of its list, the key, and the value when it fits. */
static bool yaml_line(struct text *out, const struct node *node, size_t depth)
{
	bool collection = node->kind == NODE_MAP || node->kind == NODE_LIST;
	bool after_dash = node->parent->parent != NULL && node->parent->parent->kind == NODE_LIST && node->parent->first == node;

	if (!after_dash)
		text_add(out, "%*s", (int)(depth * 2), "");
	if (node->parent->kind == NODE_LIST)
		text_add(out, "- ");
	else if (plain_enough(node->key))
		text_add(out, "%s:", node->key);
	else {
		add_quoted(out, node->key);
		text_add(out, ":");
	}
	if (!collection) {
		text_add(out, node->parent->kind == NODE_LIST ? "" : " ");
		yaml_scalar(out, node);
	} else if (fits_line(node)) {
		text_add(out, node->parent->kind == NODE_LIST ? "" : " ");
		yaml_flow(out, node);
	} else {
		/* A list's map or list begins on the line of its dash. */
		text_add(out, node->parent->kind == NODE_LIST ? "" : "\n");
		return true;
	}
	text_add(out, "\n");
	return false;
}

void tree_to_yaml(const struct node *root, struct text *out)
{
	const struct node *node = root->first;
	size_t depth = 0;

	if (node == NULL) {
		text_add(out, root->kind == NODE_MAP ? "{}\n" : "[]\n");
		return;
	}
	while (node != root) {
		if (yaml_line(out, node, depth)) {
			node = node->first;
			depth++;
			continue;
		}
		while (node != root && node->next == NULL) {
			node = node->parent;
			depth--;
		}
		if (node != root)
			node = node->next;
	}
}
