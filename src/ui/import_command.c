/* Commands inside a node of others' labs: those that give it addresses and routes. */
#include "base/check.h"
#include "ui/import.h"

#include <string.h>

#define WORDS_MAX 24
#define WORD_BYTES 80

/* The words of a command, without quotes. */
struct words {
	char at[WORDS_MAX][WORD_BYTES];
	size_t count;
};

static void split(struct words *words, const char *command)
{
	*words = (struct words){0};
	while (words->count < WORDS_MAX) {
		size_t length;

		command += strspn(command, " \t\"'");
		length = strcspn(command, " \t\"'");
		if (length == 0)
			return;
		(void)snprintf(words->at[words->count++], WORD_BYTES, "%.*s", (int)length, command);
		command += length;
	}
}

/* The word behind another, NULL when there is none. */
static const char *behind(const struct words *words, const char *key)
{
	for (size_t i = 0; i + 1 < words->count; i++)
		if (strcmp(words->at[i], key) == 0)
			return words->at[i + 1];
	return NULL;
}

static bool is(const struct words *words, size_t i, const char *word)
{
	return i < words->count && strncmp(words->at[i], word, strlen(words->at[i])) == 0 && words->at[i][0] != '\0';
}

/* The interface's name must outlive the words: an existing one, or NULL where it isn't known. */
static struct import_interface *find(struct import_node *node, const char *name)
{
	for (size_t i = 0; name != NULL && i < node->interface_count; i++)
		if (strcmp(node->interfaces[i].name, name) == 0)
			return &node->interfaces[i];
	return NULL;
}

static bool take_address(struct import_node *node, const struct words *words)
{
	struct import_interface *interface = find(node, behind(words, "dev"));

	/* Addresses of lo are the node's own business; it says so itself. */
	return is(words, 2, "add") && interface != NULL && import_address(interface, words->at[3]);
}

static bool take_route(struct import_node *node, const struct words *words)
{
	const char *to = words->at[3], *via = behind(words, "via");
	struct import_route *route = &node->routes[node->route_count];

	/* A table of its own is for rules, of which nothing is known here. */
	if (words->count < 6 || via == NULL || behind(words, "table") != NULL || node->route_count == IMPORT_ROUTES_MAX ||
		!ip_parse(via, &route->via))
		return false;
	if (strcmp(to, "default") == 0)
		to = route->via.family == IP_V6 ? "::/0" : "0.0.0.0/0";
	if (!prefix_parse(to, &route->to))
		return false;
	node->route_count++;
	return true;
}

bool import_command(struct import_node *node, const char *command)
{
	struct words words;
	size_t skip = 0;

	split(&words, command);
	/* sh -c "ip ..." */
	while (skip < words.count &&
		(strcmp(words.at[skip], "sh") == 0 || strcmp(words.at[skip], "bash") == 0 || strcmp(words.at[skip], "-c") == 0 ||
			strcmp(words.at[skip], "sudo") == 0 || strcmp(words.at[skip], "-4") == 0 || strcmp(words.at[skip], "-6") == 0))
		skip++;
	memmove(words.at[0], words.at[skip], (words.count - skip) * sizeof(words.at[0]));
	words.count -= skip;
	/* ip -6 route ... */
	if (words.count > 2 && strcmp(words.at[0], "ip") == 0 && words.at[1][0] == '-') {
		memmove(words.at[1], words.at[2], (words.count - 2) * sizeof(words.at[0]));
		words.count--;
	}
	if (words.count >= 3 && strcmp(words.at[0], "sysctl") == 0)
		return strstr(command, "forward") != NULL && strstr(command, "=1") != NULL;
	if (words.count < 4 || strcmp(words.at[0], "ip") != 0)
		return false;
	if (is(&words, 1, "address"))
		return take_address(node, &words);
	if (is(&words, 1, "route"))
		return (is(&words, 2, "add") || is(&words, 2, "replace")) && take_route(node, &words);
	/* A link of ours is up by itself. */
	return is(&words, 1, "link") && is(&words, 2, "set") && strcmp(words.at[words.count - 1], "up") == 0;
}
