/* What `weft help` and `--help` print, made from the rows of the table. */
#include "ui/help.h"

#include "ui/call.h"
#include "ui/options.h"
#include "ui/value.h"
#include "ui/words.h"

#include <string.h>

#define INDENT 26

/* "  left      right" with the right side in one column; a long left side goes on a line of its own. */
static void add_pair(const char *left, const char *right, struct text *out)
{
	if (strlen(left) + 2 >= INDENT)
		text_add(out, "  %s\n%*s%s\n", left, INDENT, "", right);
	else
		text_add(out, "  %-*s%s\n", INDENT - 2, left, right);
}

void help_overview(const struct command *table, size_t count, struct text *out)
{
	const char *group = "";
	char left[160];

	text_add(out, "weft " WEFT_VERSION
		      ": virtual machines, switches and routers from one file\n\nusage: weft COMMAND [OPTION]... [ARGUMENT]...\n");
	for (size_t i = 0; i < count; i++) {
		if (strcmp(group, table[i].group) != 0)
			text_add(out, "\n%s\n", table[i].group);
		group = table[i].group;
		(void)snprintf(left, sizeof(left), "%s %s", table[i].name, table[i].arguments);
		add_pair(left, table[i].summary, out);
	}
	text_add(out, "\nWords may be shortened as far as they stay unique. weft COMMAND --help explains one.\n"
		      "Exit status: 0 done, 1 failed, 2 bad usage or file, 3 nothing to do or to test.\n");
}

static void add_options(const struct option_row *rows, struct text *out)
{
	char left[80];

	for (; rows->name != NULL; rows++) {
		char letter[] = {'-', rows->letter, ',', ' ', '\0'};

		(void)snprintf(left, sizeof(left), "%s--%s%s%s", rows->letter ? letter : "    ", rows->name, rows->value ? " " : "",
			rows->value ? rows->value : "");
		add_pair(left, rows->help, out);
	}
}

/* Lines of `text`, each indented. */
static void add_lines(const char *text, struct text *out)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		text_add(out, "  %.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

void help_command(const struct command *command, struct text *out)
{
	text_add(out, "usage: weft %s%s%s\n\n%s.\n", command->name, command->arguments[0] ? " " : "", command->arguments, command->summary);
	if (command->alias != NULL)
		text_add(out, "Also called \"weft %s\".\n", command->alias);
	if (command->text != NULL)
		text_add(out, "%s\n", command->text);
	text_add(out, "\noptions\n");
	add_options(command->options, out);
	add_options(options_common(), out);
	if (command->examples != NULL) {
		text_add(out, "\nexamples\n");
		add_lines(command->examples, out);
	}
}

/* The table as JSON, for shell completion and the check of the manual. */
static struct value *commands_value(const struct call *call)
{
	struct value *list = value_array();

	for (size_t i = 0; i < call->table_count; i++) {
		const struct command *row = &call->table[i];
		struct value *one = value_object(), *options = value_array();

		value_set(one, "name", value_new_text(row->name));
		if (row->alias != NULL)
			value_set(one, "alias", value_new_text(row->alias));
		value_set(one, "arguments", value_new_text(row->arguments));
		value_set(one, "summary", value_new_text(row->summary));
		for (const struct option_row *option = row->options; option->name != NULL; option++)
			value_append(options, value_new_text(option->name));
		value_set(one, "options", options);
		value_append(list, one);
	}
	return list;
}

/* Commands whose first word is the topic, when it is a group of them ("vm", "show"). */
static bool help_family(const struct call *call, struct text *out)
{
	const char *topic = call_argument(call, 0);
	size_t length = strlen(topic);
	char left[160];
	bool found = false;

	for (size_t i = 0; i < call->table_count && call->argument_count == 1; i++) {
		const struct command *row = &call->table[i];

		if (strncmp(row->name, topic, length) != 0 || row->name[length] != ' ')
			continue;
		(void)snprintf(left, sizeof(left), "%s %s", row->name, row->arguments);
		add_pair(left, row->summary, out);
		found = true;
	}
	return found;
}

enum status help_run(struct call *call)
{
	struct text out = {0};
	const struct command *command;
	size_t used;

	if (call_for_programs(call)) {
		struct value *list = commands_value(call);

		call_print_value(call, list);
		value_free(list);
		return STATUS_OK;
	}
	if (call->argument_count == 0) {
		help_overview(call->table, call->table_count, &out);
	} else if (!help_family(call, &out)) {
		command = words_find(call->table, call->table_count, call->arguments, call->argument_count, &used, &out);
		if (command == NULL) {
			enum status status = call_fail(call, STATUS_USAGE, "%s", text_get(&out));

			text_free(&out);
			return status;
		}
		help_command(command, &out);
	}
	(void)fputs(text_get(&out), call->out);
	text_free(&out);
	return STATUS_OK;
}
