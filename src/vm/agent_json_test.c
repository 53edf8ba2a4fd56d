/* Tests of the guest agent's language: what is sent, what is understood, and what a hostile guest may answer. */
#include "vm/agent_json.h"

#include "base/rand.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct msg_exec_output out;

static void orders_are_json(void **state)
{
	struct text text = {0};

	agent_exec_write(&text, "echo \"a\\b\"", 7);
	assert_non_null(strstr(text_get(&text), "\"execute\":\"guest-exec\""));
	assert_non_null(strstr(text_get(&text), "\"echo \\\"a\\\\b\\\"\",\"7\"]"));
	assert_non_null(strstr(text_get(&text), "\"capture-output\":true"));
	text_free(&text);
	agent_status_write(&text, 42);
	assert_string_equal(text_get(&text), "{\"execute\":\"guest-exec-status\",\"arguments\":{\"pid\":42}}");
	text_free(&text);
}

static void answers_are_read(void **state)
{
	int64_t pid = 0;
	bool ended = true;

	assert_int_equal(agent_exec_read("{\"return\":{\"pid\":123}}", &pid, NULL), 0);
	assert_int_equal(pid, 123);
	assert_int_equal(agent_status_read("{\"return\":{\"exited\":false}}", &ended, &out, NULL), 0);
	assert_false(ended);
	assert_int_equal(
		agent_status_read("{\"return\":{\"exited\":true,\"exitcode\":3,\"out-data\":\"aGVsbG8K\"}}", &ended, &out, NULL), 0);
	assert_true(ended);
	assert_int_equal(out.exit_status, 3);
	assert_int_equal(out.size, 6);
	assert_memory_equal(out.bytes, "hello\n", 6);
	assert_false(out.truncated);
	assert_int_equal(agent_status_read("{\"return\":{\"exited\":true,\"signal\":9,\"out-data\":\"YQ==\"}}", &ended, &out, NULL), 0);
	assert_int_equal(out.exit_status, -9);
	assert_int_equal(out.size, 1);
}

static void nonsense_is_refused(void **state)
{
	static const char *const wrong[] = {"", "{", "[]", "7", "{\"return\":7}", "{\"return\":{}}", "{\"error\":{\"class\":\"x\"}}",
		"{\"return\":{\"pid\":\"1\",\"exited\":1}}", "{\"return\":{\"pid\":-1}}", "{\"return\":{\"pid\":1e99}}"};
	struct err err;
	int64_t pid = 5;
	bool ended;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(agent_exec_read(wrong[i], &pid, &err), -EBADMSG);
		assert_int_equal(pid, 5);
		assert_int_equal(agent_status_read(wrong[i], &ended, &out, &err), -EBADMSG);
	}
}

static void long_output_is_cut(void **state)
{
	struct text reply = {0};
	bool ended;

	text_add(&reply, "{\"return\":{\"exited\":true,\"exitcode\":99999999999,\"out-data\":\"");
	for (unsigned i = 0; i < OUTPUT_BYTES_MAX; i++)
		text_add(&reply, "QUJD");
	text_add(&reply, "\"}}");
	assert_int_equal(agent_status_read(text_get(&reply), &ended, &out, NULL), 0);
	assert_int_equal(out.size, OUTPUT_BYTES_MAX);
	assert_int_equal(out.exit_status, 0);
	assert_true(out.truncated);
	assert_int_equal(out.bytes[OUTPUT_BYTES_MAX - 1], "ABC"[(OUTPUT_BYTES_MAX - 1) % 3]);
	text_free(&reply);
}

static void broken_answers_do_no_harm(void **state)
{
	static const char good[] = "{\"return\":{\"exited\":true,\"exitcode\":3,\"out-data\":\"aGVsbG8K\",\"signal\":1,\"pid\":4}}";
	uint64_t seed = rand_kernel_seed();
	struct rand rand = rand_seeded(seed);

	print_message("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < 20000; i++) {
		char reply[sizeof(good)];
		int64_t pid;
		bool ended;

		memcpy(reply, good, sizeof(good));
		for (unsigned changes = 1 + (unsigned)rand_below(&rand, 3); changes > 0; changes--)
			reply[rand_below(&rand, sizeof(good) - 1)] = (char)rand_below(&rand, 256);
		(void)agent_exec_read(reply, &pid, NULL);
		(void)agent_status_read(reply, &ended, &out, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(orders_are_json),
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(long_output_is_cut),
		cmocka_unit_test(broken_answers_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
