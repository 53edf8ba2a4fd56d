/* Tests of trace files: both formats, and the errors of bad ones. */
#include "ui/trace_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *source, bool swf, struct trace *trace, struct err *err)
{
	static char text[4096];

	(void)snprintf(text, sizeof(text), "%s", source);
	return trace_parse("t", text, strlen(text), (struct trace_format){swf, 128}, trace, err);
}

static void csv_is_read_and_sorted(void **state)
{
	struct trace trace;

	(void)state;
	assert_int_equal(parse("id,arrival_s,vcpus,memory_mib,duration_s,estimate_s,priority,user\r\n"
			       "7,5,2,512,10,20,3,1\r\n# a remark\n3,5,1,256,1,1,-1,1\n1,0,1,1,1,1,0,9",
				 false, &trace, NULL),
		0);
	assert_int_equal(trace.count, 3);
	assert_int_equal(trace.ids[0], 1);
	assert_int_equal(trace.ids[1], 3);
	assert_int_equal(trace.ids[2], 7);
	assert_int_equal(trace.requests[2].estimate, 20);
	assert_int_equal(trace.requests[1].priority, -1);
	trace_free(&trace);
}

static void swf_is_read(void **state)
{
	struct trace trace;

	(void)state;
	assert_int_equal(parse("; Version: 2\n"
			       "1 0 5 100 4 -1 -1 8 200 -1 1 1 1 -1 1 -1 -1 -1\n"
			       "2 10 0 0 4 -1 -1 4 200 -1 0 1 1 -1 1 -1 -1 -1\n"
			       "3 20 0 50 3 12.5 -1 -1 -1 2048 1 1 1 -1 1 -1 -1 -1\n",
				 true, &trace, NULL),
		0);
	assert_int_equal(trace.count, 2);
	assert_int_equal(trace.left_out, 1);
	assert_int_equal(trace.requests[0].vcpus, 8);
	assert_int_equal(trace.requests[0].memory, 1024);
	assert_int_equal(trace.requests[0].estimate, 200);
	assert_int_equal(trace.requests[1].vcpus, 3);
	assert_int_equal(trace.requests[1].memory, 6);
	assert_int_equal(trace.requests[1].estimate, 50);
	trace_free(&trace);
}

static void bad_traces_name_line_and_column(void **state)
{
	static const struct {
		const char *source;
		bool swf;
		const char *error;
	} cases[] = {
		{"", false, "no request"},
		{"id,arrival_s,vcpus,memory_mib\n", false, "no column \"duration_s\""},
		{"id,arrival_s,vcpus,memory_mib,duration_s\n1,0,1,1\n", false, "t:2: 4 fields"},
		{"id,arrival_s,vcpus,memory_mib,duration_s\n1,0,0,1,1\n", false, "t:2: vcpus: expected a whole number from 1"},
		{"id,arrival_s,vcpus,memory_mib,duration_s\n1,-1,1,1,1\n", false, "t:2: arrival_s"},
		{"id,arrival_s,vcpus,memory_mib,duration_s\n1,0,1,1,x\n", false, "not \"x\""},
		{"id,arrival_s,vcpus,memory_mib,duration_s\n1,0,1,1,99999999999999999999\n", false, "duration_s"},
		{"id,arrival_s,vcpus,memory_mib,duration_s,estimate_s\n1,0,1,1,5,4\n", false, "estimate_s is below"},
		{"1 2 3\n", true, "t:1: 3 fields"},
		{"1 0 5 100 4 -1 -1 8 200 -1 1 1 1 -1 1 -1 -1 q\n", true, "field 18"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct trace trace;
		struct err err = {0};

		assert_int_equal(parse(cases[i].source, cases[i].swf, &trace, &err), -EINVAL);
		if (strstr(err.text, cases[i].error) == NULL)
			fail_msg("case %zu: \"%s\" is not in \"%s\"", i, cases[i].error, err.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(csv_is_read_and_sorted),
		cmocka_unit_test(swf_is_read),
		cmocka_unit_test(bad_traces_name_line_and_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
