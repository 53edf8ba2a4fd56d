/* Tests of reading a command line: options before, between and after words, joined and apart, shortened, wrong. */
#include "ui/options.h"

#include "base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct command table[] = {
	{.name = "up",
		.arguments = "[FILE]",
		.arguments_max = 1,
		.options = {{.letter = 'd', .name = "detach"}, {.name = "wait", .value = "SECONDS"}}},
	{.name = "show route",
		.arguments = "",
		.options = {{.letter = 'r', .name = "router", .value = "NAME"}, {.name = "lab", .value = "NAME"}}},
	{.name = "vm exec",
		.arguments = "NAME COMMAND...",
		.arguments_min = 2,
		.arguments_max = 9,
		.rest = true,
		.options = {{.letter = 't', .name = "timeout", .value = "S"}}},
};

struct row {
	const char *line; /* words apart by one blank */
	const char *command;
	const char *arguments; /* joined by '|' */
	const char *values;    /* "name=text" joined by '|' */
	enum output output;
	const char *problem;
};

static const struct row rows[] = {
	{"up lab.weft.yaml", "up", "lab.weft.yaml", "", OUTPUT_TABLE, NULL},
	{"up -d lab.weft.yaml", "up", "lab.weft.yaml", "detach=", OUTPUT_TABLE, NULL},
	{"up lab.weft.yaml --wait 5", "up", "lab.weft.yaml", "wait=5", OUTPUT_TABLE, NULL},
	{"up --wait=5", "up", "", "wait=5", OUTPUT_TABLE, NULL},
	{"up --wai 5 -jd", "up", "", "wait=5|detach=", OUTPUT_JSON, NULL},
	{"-j show ip route", "show route", "", "", OUTPUT_JSON, NULL},
	{"-o yaml show route", "show route", "", "", OUTPUT_YAML, NULL},
	{"show -o yaml route", "show route", "", "", OUTPUT_YAML, NULL},
	{"show route -oyaml -rr1", "show route", "", "router=r1", OUTPUT_YAML, NULL},
	{"show route --output=wide --lab demo", "show route", "", "lab=demo", OUTPUT_WIDE, NULL},
	{"vm exec vm1 ls -l --color", "vm exec", "vm1|ls|-l|--color", "", OUTPUT_TABLE, NULL},
	{"vm exec -t 5 vm1 -- ls -l", "vm exec", "vm1|ls|-l", "timeout=5", OUTPUT_TABLE, NULL},
	{"up -- -d", "up", "-d", "", OUTPUT_TABLE, NULL},
	{"up -", "up", "-", "", OUTPUT_TABLE, NULL},
	{"up a b", NULL, NULL, NULL, OUTPUT_TABLE, "one argument too many; usage: weft up [FILE]"},
	{"vm exec vm1", NULL, NULL, NULL, OUTPUT_TABLE, "an argument is missing"},
	{"up --wait", NULL, NULL, NULL, OUTPUT_TABLE, "--wait needs a value: SECONDS"},
	{"up --detach=yes", NULL, NULL, NULL, OUTPUT_TABLE, "--detach takes no value"},
	{"up --wa 5", NULL, NULL, NULL, OUTPUT_TABLE, "--wa is not unique"},
	{"up --watch=0", NULL, NULL, NULL, OUTPUT_TABLE, "expected seconds from 1 to 3600"},
	{"up --watch=5s", NULL, NULL, NULL, OUTPUT_TABLE, "expected seconds from 1 to 3600"},
	{"show --watch route --watch=5", "show route", "", "", OUTPUT_TABLE, NULL},
	{"up --nope", NULL, NULL, NULL, OUTPUT_TABLE, "there is no option --nope here"},
	{"up -x", NULL, NULL, NULL, OUTPUT_TABLE, "there is no option -x here"},
	{"up -o xml", NULL, NULL, NULL, OUTPUT_TABLE, "there is no output format \"xml\""},
	{"-j", NULL, NULL, NULL, OUTPUT_TABLE, "no command given"},
	{"--nope up", NULL, NULL, NULL, OUTPUT_TABLE, "no option --nope"},
};

/* Splits a line; argv[0] is the program. */
static int split(char *line, char **argv)
{
	int argc = 1;

	for (char *word = line; word != NULL && argc < 15; word = strchr(word, ' ')) {
		if (*word == ' ')
			*word++ = '\0';
		argv[argc++] = word;
	}
	return argc;
}

static void check_row(const struct row *row)
{
	struct call call = {.table = table, .table_count = COUNT_OF(table)};
	char line[256], *argv[16] = {NULL};
	struct text problem = {0}, got = {0};
	enum status status;
	int argc;

	assert_true(text_copy(line, sizeof(line), row->line));
	argc = split(line, argv);
	status = options_read(&call, argc, argv, &problem);
	if (row->command == NULL) {
		assert_int_equal(status, STATUS_USAGE);
		if (strstr(text_get(&problem), row->problem) == NULL)
			fail_msg("%s: \"%s\" lacks \"%s\"", row->line, text_get(&problem), row->problem);
	} else {
		if (status != STATUS_OK)
			fail_msg("%s: %s", row->line, text_get(&problem));
		assert_string_equal(call.command->name, row->command);
		for (size_t i = 0; i < call.argument_count; i++)
			text_add(&got, "%s%s", i > 0 ? "|" : "", call.arguments[i]);
		assert_string_equal(text_get(&got), row->arguments);
		text_free(&got);
		for (size_t i = 0; i < call.value_count; i++)
			text_add(&got, "%s%s=%s", i > 0 ? "|" : "", call.values[i].name, call.values[i].text ? call.values[i].text : "");
		assert_string_equal(text_get(&got), row->values);
		assert_int_equal(call.output, row->output);
	}
	text_free(&got);
	text_free(&problem);
}

static void test_rows(void **state)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		check_row(&rows[i]);
}

static void test_help(void **state)
{
	char *argv[] = {NULL, (char[]){"up"}, (char[]){"--help"}, (char[]){"a"}, (char[]){"b"}};
	struct call call = {.table = table, .table_count = COUNT_OF(table)};
	struct text problem = {0};

	assert_int_equal(options_read(&call, 5, argv, &problem), STATUS_OK);
	assert_true(call.help);
	call = (struct call){.table = table, .table_count = COUNT_OF(table)};
	argv[1] = argv[2];
	assert_int_equal(options_read(&call, 2, argv, &problem), STATUS_OK);
	assert_true(call.help);
	assert_null(call.command);
	text_free(&problem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_help)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
