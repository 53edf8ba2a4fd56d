/*
 * weft completion: scripts for shells, and the words that they ask for.
 *
 * Theory of operation. A script only hands the words of the line to `weft completion words`, which knows the table of commands and asks the
 * daemon for the names of objects. So a new command is completed without a change here. Without a daemon there are no names, and no word
 * about it.
 */
#include "ui/api_client.h"
#include "ui/options.h"

#include <string.h>

static const struct {
	const char *shell, *script;
} scripts[] = {
	{"bash", "# weft completion bash > /etc/bash_completion.d/weft\n"
		 "_weft() {\n"
		 "\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n"
		 "\tlocal line=${COMP_LINE:0:COMP_POINT}\n"
		 "\tlocal words\n"
		 "\tread -ra words <<<\"$line\"\n"
		 "\tcase $line in *[[:blank:]]) words+=('') ;; esac\n"
		 "\tmapfile -t COMPREPLY < <(weft completion words -- \"${words[@]:1}\" 2>/dev/null)\n"
		 "\tcase $cur in :) cur= ;; esac\n"
		 "\tif declare -F __ltrim_colon_completions >/dev/null; then __ltrim_colon_completions \"${words[-1]}\"; fi\n"
		 "}\n"
		 "complete -o default -F _weft weft\n"},
	{"zsh", "#compdef weft\n"
		"# weft completion zsh > \"${fpath[1]}/_weft\"\n"
		"_weft() {\n"
		"\tlocal -a found\n"
		"\tfound=(${(f)\"$(weft completion words -- ${words[2,CURRENT]} 2>/dev/null)\"})\n"
		"\tif (( $#found )); then compadd -a found; else _files; fi\n"
		"}\n"
		"compdef _weft weft\n"},
	{"fish", "# weft completion fish > ~/.config/fish/completions/weft.fish\n"
		 "complete -c weft -a '(weft completion words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'\n"},
};

/* What is being completed. */
struct completing {
	struct call *call;
	const char *const *words; /* whole ones before the last */
	size_t count;
	const char *begun; /* the last: what candidates begin with */
};

static void offer(const struct completing *c, const char *candidate)
{
	if (strncmp(candidate, c->begun, strlen(c->begun)) == 0)
		(void)fprintf(c->call->out, "%s\n", candidate);
}

/* The part of a command's name behind `count` words that are its first; NULL when they aren't. */
static const char *name_behind(const char *name, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (strncmp(name, words[i], length) != 0 || (name[length] != ' ' && name[length] != '\0'))
			return NULL;
		name += length + (name[length] == ' ');
	}
	return name;
}

/* The command that the whole words name, with the number of words of its name; NULL. The longest name wins. */
static const struct command *find_command(const struct completing *c, size_t *used)
{
	const struct command *found = NULL;

	for (*used = c->count; *used > 0; (*used)--) {
		for (size_t i = 0; i < c->call->table_count && found == NULL; i++) {
			const char *behind = name_behind(c->call->table[i].name, c->words, *used);

			if (behind != NULL && *behind == '\0')
				found = &c->call->table[i];
		}
		if (found != NULL)
			return found;
	}
	return NULL;
}

/* The next words of commands' names, each once. */
static void offer_commands(const struct completing *c)
{
	const char *last = "";

	for (size_t i = 0; i < c->call->table_count; i++) {
		const char *behind = name_behind(c->call->table[i].name, c->words, c->count);
		const char *word = behind != NULL ? arena_printf(c->call->arena, "%.*s", (int)strcspn(behind, " "), behind) : "";

		if (word[0] != '\0' && strcmp(word, last) != 0) {
			offer(c, word);
			last = word;
		}
	}
}

static void offer_options(const struct completing *c, const struct option_row *rows)
{
	for (; rows != NULL && rows->name != NULL; rows++)
		offer(c, arena_printf(c->call->arena, "--%s", rows->name));
}

/* The names in the rows that a path gives. */
static void offer_rows(const struct completing *c, const char *path)
{
	struct value *rows = NULL;

	if (client_get(c->call, path, &rows) == STATUS_OK)
		for (size_t i = 0; i < value_count(rows); i++)
			offer(c, value_text(value_at(rows, i), "name"));
	value_free(rows);
}

/* Routers, by their interfaces, which stand together. */
static void offer_routers(const struct completing *c)
{
	struct value *rows = NULL;
	const char *last = "";

	if (client_get(c->call, "/v1/show/interfaces", &rows) != STATUS_OK)
		return;
	for (size_t i = 0; i < value_count(rows); i++) {
		const char *name = value_text(value_at(rows, i), "name");
		const char *router = arena_printf(c->call->arena, "%.*s", (int)strcspn(name, ":"), name);

		if (value_bool(value_at(rows, i), "is_router") && strcmp(router, last) != 0) {
			offer(c, router);
			last = router;
		}
	}
	value_free(rows);
}

static void offer_links(const struct completing *c, const struct value *labs)
{
	for (size_t i = 0; i < value_count(labs); i++) {
		const char *path = client_path(c->call, "/v1/labs/%s", value_text(value_at(labs, i), "name"));
		const struct value *links;
		struct value *lab = NULL;

		if (client_get(c->call, path, &lab) != STATUS_OK)
			continue;
		links = value_get(value_get(lab, "flat"), "links");
		for (size_t j = 0; j < value_count(links); j++)
			offer(c, value_text(value_at(links, j), "name"));
		value_free(lab);
	}
}

static bool names(const char *arguments, const char *word) { return strstr(arguments, word) != NULL; }

/* Objects that the arguments of a command may be. */
static void offer_objects(const struct completing *c, const struct command *command)
{
	const char *arguments = command->arguments;
	struct value *labs = NULL;

	if (!client_daemon_runs(c->call))
		return;
	if (names(arguments, "PORT") && strcmp(command->name, "capture") == 0)
		offer_rows(c, "/v1/show/interfaces");
	if (strncmp(command->name, "vm ", 3) == 0 || names(arguments, "SRC") || strcmp(command->name, "inspect") == 0)
		offer_rows(c, "/v1/vms");
	if (names(arguments, "SRC"))
		offer_routers(c);
	if ((names(arguments, "LAB") || names(arguments, "LINK")) && client_get(c->call, "/v1/labs", &labs) == STATUS_OK) {
		for (size_t i = 0; names(arguments, "LAB") && i < value_count(labs); i++)
			offer(c, value_text(value_at(labs, i), "name"));
		if (names(arguments, "LINK"))
			offer_links(c, labs);
	}
	value_free(labs);
}

/* The value of the option that stands before. */
static bool offer_value(const struct completing *c)
{
	const char *before = c->count > 0 ? c->words[c->count - 1] : "";
	struct value *labs = NULL;

	if (strcmp(before, "--lab") == 0) {
		if (client_daemon_runs(c->call) && client_get(c->call, "/v1/labs", &labs) == STATUS_OK)
			for (size_t i = 0; i < value_count(labs); i++)
				offer(c, value_text(value_at(labs, i), "name"));
		value_free(labs);
		return true;
	}
	if (strcmp(before, "-o") != 0 && strcmp(before, "--output") != 0)
		return false;
	offer(c, "table");
	offer(c, "wide");
	offer(c, "json");
	offer(c, "yaml");
	return true;
}

static enum status complete(struct call *call)
{
	struct call mute = *call;
	struct completing c = {.call = &mute,
		.words = call->arguments + 1,
		.count = call->argument_count > 1 ? call->argument_count - 2 : 0,
		.begun = call->argument_count > 1 ? call->arguments[call->argument_count - 1] : ""};
	FILE *nowhere = fopen("/dev/null", "we");
	const struct command *command;
	size_t used;

	if (nowhere == NULL)
		return STATUS_FAILED;
	mute.err = nowhere;
	command = find_command(&c, &used);
	if (!offer_value(&c)) {
		if (c.begun[0] == '-') {
			offer_options(&c, command != NULL ? command->options : NULL);
			offer_options(&c, options_common());
		} else {
			offer_commands(&c);
			if (command != NULL)
				offer_objects(&c, command);
		}
	}
	(void)fclose(nowhere);
	return STATUS_OK;
}

enum status completion_run(struct call *call)
{
	const char *what = call_argument(call, 0);

	if (strcmp(what, "words") == 0)
		return complete(call);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		if (strcmp(scripts[i].shell, what) == 0) {
			(void)fputs(scripts[i].script, call->out);
			return STATUS_OK;
		}
	}
	return call_fail(call, STATUS_USAGE, "no completion for \"%s\"; there are bash, zsh and fish", what);
}
