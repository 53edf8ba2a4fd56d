/*
 * Options of the command line: -x, -xVALUE, -x VALUE, --name, --name=VALUE, --name VALUE; switches may be joined (-jv); long names may be
 * shortened as far as they stay unique. Options may stand before, between and after the words of a command; before the command is known
 * only the common ones are.
 */
#include "ui/options.h"

#include "base/check.h"
#include "ui/words.h"

#include <stdlib.h>
#include <string.h>

/* Longest pause of --watch, seconds. */
#define WATCH_S_MAX 3600

static const struct option_row common[] = {
	{'j', "json", NULL, "print JSON"},
	{'o', "output", "FORMAT", "table, wide, json or yaml (graph: dot, svg or png)"},
	{'q', "quiet", NULL, "print only what was asked for, no progress"},
	{'v', "verbose", NULL, "say more"},
	{'h', "help", NULL, "explain the command"},
	{0, "watch", NULL, "look again every second (--watch=5: every 5), until Ctrl-C"},
	{0, NULL, NULL, NULL},
};

static const char *const output_names[OUTPUT_COUNT] = {"table", "wide", "json", "yaml", "svg", "png", "dot"};

const struct option_row *options_common(void) { return common; }

/* What is being read. */
struct reading {
	struct call *call;
	char **argv;
	int argc;
	int at; /* index of the next word */
	struct text *problem;
	const char *words[CALL_ARGUMENTS_MAX]; /* that are no options */
	size_t word_count;
};

static const struct option_row *row_by_letter(const struct option_row *rows, char letter)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		if (rows->letter == letter)
			return rows;
	return NULL;
}

/* The row whose name is, or uniquely starts with, the first `length` bytes of `name`; *matches counts those that could be meant. */
static const struct option_row *row_by_name(const struct option_row *rows, const char *name, size_t length, unsigned *matches)
{
	const struct option_row *found = NULL;

	for (; rows != NULL && rows->name != NULL; rows++) {
		if (strncmp(rows->name, name, length) != 0)
			continue;
		if (rows->name[length] == '\0') {
			*matches = 1;
			return rows;
		}
		found = rows;
		(*matches)++;
	}
	return found;
}

/* --watch, or --watch=SECONDS. */
static enum status watch_set(struct reading *reading, const char *value)
{
	char *end = NULL;
	unsigned long seconds = value != NULL ? strtoul(value, &end, 10) : 1;

	if (seconds < 1 || seconds > WATCH_S_MAX || (end != NULL && *end != '\0')) {
		text_add(reading->problem, "--watch=%.40s: expected seconds from 1 to %d", value ? value : "", WATCH_S_MAX);
		return STATUS_USAGE;
	}
	reading->call->watch_s = (unsigned)seconds;
	return STATUS_OK;
}

/* Puts an option with its value into the call. */
static enum status option_set(struct reading *reading, const struct option_row *row, const char *value)
{
	struct call *call = reading->call;

	if (row == &common[0] || row == &common[1]) {
		const char *format = row == &common[0] || value == NULL ? "json" : value;

		for (enum output i = 0; i < OUTPUT_COUNT; i++)
			if (strcmp(format, output_names[i]) == 0) {
				call->output = i;
				call->output_given = true;
				return STATUS_OK;
			}
		text_add(reading->problem, "there is no output format \"%s\"; expected table, wide, json, yaml, dot, svg or png", format);
		return STATUS_USAGE;
	}
	call->quiet = call->quiet || row == &common[2];
	call->verbose += row == &common[3];
	call->help = call->help || row == &common[4];
	if (row == &common[5])
		return watch_set(reading, value);
	if (row >= common && row < common + COUNT_OF(common))
		return STATUS_OK;
	if (call->value_count == CALL_VALUES_MAX) {
		text_add(reading->problem, "too many options");
		return STATUS_USAGE;
	}
	call->values[call->value_count++] = (struct call_value){row->name, value};
	return STATUS_OK;
}

/* The value of an option: what is joined to it, else the next word. */
static const char *option_value(struct reading *reading, const struct option_row *row, const char *joined)
{
	if (joined != NULL)
		return joined;
	if (reading->at < reading->argc)
		return reading->argv[reading->at++];
	text_add(reading->problem, "--%s needs a value: %s", row->name, row->value);
	return NULL;
}

/* The option named by "--NAME[=VALUE]" among the command's and the common ones; NULL with the problem said. */
static const struct option_row *long_row(struct reading *reading, const char *name, size_t length)
{
	const struct command *command = reading->call->command;
	const struct option_row *row;
	unsigned matches = 0, common_matches = 0;

	row = command ? row_by_name(command->options, name, length, &matches) : NULL;
	if (row == NULL || row->name[length] != '\0') {
		const struct option_row *other = row_by_name(common, name, length, &common_matches);

		if (other != NULL && (row == NULL || other->name[length] == '\0')) {
			row = other;
			matches = other->name[length] == '\0' ? 1 : common_matches;
		} else {
			matches += common_matches;
		}
	}
	if (row == NULL)
		text_add(reading->problem, "there is no option --%.*s%s", (int)length, name, command ? " here" : " before a command");
	else if (matches > 1)
		text_add(reading->problem, "--%.*s is not unique", (int)length, name);
	return matches == 1 ? row : NULL;
}

static enum status read_long(struct reading *reading, const char *name)
{
	size_t length = strcspn(name, "=");
	const char *joined = name[length] == '=' ? name + length + 1 : NULL, *value = NULL;
	const struct option_row *row = long_row(reading, name, length);

	if (row == NULL)
		return STATUS_USAGE;
	if (row == &common[5])
		return option_set(reading, row, joined);
	if (row->value == NULL && joined != NULL) {
		text_add(reading->problem, "--%s takes no value", row->name);
		return STATUS_USAGE;
	}
	if (row->value != NULL) {
		value = option_value(reading, row, joined);
		if (value == NULL)
			return STATUS_USAGE;
	}
	return option_set(reading, row, value);
}

static enum status read_letters(struct reading *reading, const char *letters)
{
	const struct command *command = reading->call->command;

	for (; *letters != '\0'; letters++) {
		const struct option_row *row = command ? row_by_letter(command->options, *letters) : NULL;
		const char *value = NULL;
		enum status status;

		if (row == NULL)
			row = row_by_letter(common, *letters);
		if (row == NULL) {
			text_add(reading->problem, "there is no option -%c%s", *letters, command ? " here" : " before a command");
			return STATUS_USAGE;
		}
		if (row->value != NULL) {
			value = option_value(reading, row, letters[1] ? letters + 1 : NULL);
			if (value == NULL)
				return STATUS_USAGE;
		}
		status = option_set(reading, row, value);
		if (status != STATUS_OK || row->value != NULL)
			return status;
	}
	return STATUS_OK;
}

/* A word that looks like a common option (other than -o with a word of its own). */
static bool is_common(const char *word)
{
	unsigned matches = 0;

	if (word[1] == '-')
		return row_by_name(common, word + 2, strcspn(word + 2, "="), &matches) != NULL;
	return row_by_letter(common, word[1]) != NULL;
}

/*
 * The command must be known before its own options are read, so its words are looked for first: the words that start the line, with common
 * options skipped (of which only -o takes a value).
 */
static enum status read_command(struct reading *reading, size_t *used)
{
	struct call *call = reading->call;

	for (int i = 1; i < reading->argc && reading->word_count < WORDS_MAX; i++) {
		const char *word = reading->argv[i];

		if (strcmp(word, "--") == 0)
			break;
		if (strcmp(word, "-o") == 0 || strcmp(word, "--output") == 0)
			i++;
		else if (word[0] != '-' || word[1] == '\0')
			reading->words[reading->word_count++] = word;
		else if (reading->word_count > 0 && !is_common(word))
			break;
	}
	if (reading->word_count == 0)
		return STATUS_OK;
	call->command = words_find(call->table, call->table_count, reading->words, reading->word_count, used, reading->problem);
	return call->command ? STATUS_OK : STATUS_USAGE;
}

static enum status check_count(const struct reading *reading)
{
	const struct call *call = reading->call;
	const struct command *command = call->command;

	if (call->help)
		return STATUS_OK;
	if (call->argument_count < command->arguments_min)
		text_add(reading->problem, "an argument is missing; usage: weft %s %s", command->name, command->arguments);
	else if (call->argument_count > command->arguments_max)
		text_add(reading->problem, "\"%s\" is one argument too many; usage: weft %s %s", call->arguments[command->arguments_max],
			command->name, command->arguments);
	else
		return STATUS_OK;
	return STATUS_USAGE;
}

/* Takes one word of the line: an option or an argument. */
static enum status read_word(struct reading *reading, size_t *command_words, bool *only_arguments)
{
	struct call *call = reading->call;
	const char *word = reading->argv[reading->at++];

	if (!*only_arguments && strcmp(word, "--") == 0) {
		*only_arguments = true;
		return STATUS_OK;
	}
	if (!*only_arguments && word[0] == '-' && word[1] == '-')
		return read_long(reading, word + 2);
	if (!*only_arguments && word[0] == '-' && word[1] != '\0')
		return read_letters(reading, word + 1);
	if (*command_words > 0) {
		(*command_words)--;
		return STATUS_OK;
	}
	if (call->argument_count == CALL_ARGUMENTS_MAX) {
		text_add(reading->problem, "more than %d arguments", CALL_ARGUMENTS_MAX);
		return STATUS_USAGE;
	}
	call->arguments[call->argument_count++] = word;
	/* What follows the machine's name is the guest's, but a "--" between the two is ours. */
	if (call->command && call->command->rest && call->argument_count == 1) {
		*only_arguments = true;
		if (reading->at < reading->argc && strcmp(reading->argv[reading->at], "--") == 0)
			reading->at++;
	}
	return STATUS_OK;
}

enum status options_read(struct call *call, int argc, char **argv, struct text *problem)
{
	struct reading reading = {.call = call, .argv = argv, .argc = argc, .at = 1, .problem = problem};
	bool only_arguments = false;
	size_t command_words = 0;

	if (read_command(&reading, &command_words) != STATUS_OK)
		return STATUS_USAGE;
	while (reading.at < argc) {
		enum status status = read_word(&reading, &command_words, &only_arguments);

		if (status != STATUS_OK)
			return status;
	}
	if (call->command == NULL) {
		if (call->help)
			return STATUS_OK;
		text_add(problem, "no command given; weft help lists them");
		return STATUS_USAGE;
	}
	return check_count(&reading);
}
