/* Tests of the window's guard: names, origins, tokens, paths that climb. */
#include "base/check.h"
#include "ui/web_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef0123456789abcdef"
#define BEARER "Bearer " TOKEN

static const struct web_rules rules = {8480, TOKEN};

struct sample {
	struct web_head head;
	unsigned status; /* 0: allowed */
};

static void decides(void **state)
{
	static const struct sample samples[] = {
		{{"GET", "/", "127.0.0.1:8480", NULL, NULL, NULL}, 0},
		{{"GET", "/", "localhost:8480", NULL, "none", NULL}, 0},
		{{"GET", "/app.js", "[::1]:8480", NULL, "same-origin", NULL}, 0},
		{{"HEAD", "/", "127.0.0.1:8480", NULL, NULL, NULL}, 0},
		/* A link on another page may lead to the window: its files hold no secret. */
		{{"GET", "/", "127.0.0.1:8480", NULL, "cross-site", NULL}, 0},
		{{"POST", "/", "127.0.0.1:8480", NULL, NULL, BEARER}, 405},
		{{"GET", "/", NULL, NULL, NULL, NULL}, 403},
		{{"GET", "/", "example.org:8480", NULL, NULL, NULL}, 403},
		{{"GET", "/", "127.0.0.1", NULL, NULL, NULL}, 403},
		{{"GET", "/", "127.0.0.1:8481", NULL, NULL, NULL}, 403},
		{{"GET", "/", "127.0.0.1:8480.example.org", NULL, NULL, NULL}, 403},
		{{"GET", "/v1/labs", "example.org:8480", NULL, NULL, BEARER}, 403},
		{{"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, BEARER}, 0},
		{{"DELETE", "/v1/labs/demo", "127.0.0.1:8480", "http://127.0.0.1:8480", "same-origin", BEARER}, 0},
		{{"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, NULL}, 401},
		{{"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, TOKEN}, 401},
		{{"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, "Bearer "}, 401},
		{{"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, BEARER "0"}, 401},
		{{"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, "Bearer 0123456789abcdef0123456789abcdee"}, 401},
		{{"GET", "/v1/labs?token=" TOKEN, "127.0.0.1:8480", NULL, NULL, NULL}, 401},
		{{"POST", "/v1/plan", "127.0.0.1:8480", "http://example.org", NULL, BEARER}, 403},
		{{"POST", "/v1/plan", "127.0.0.1:8480", "null", NULL, BEARER}, 403},
		{{"POST", "/v1/plan", "127.0.0.1:8480", "http://localhost:8480", NULL, BEARER}, 403},
		{{"POST", "/v1/plan", "127.0.0.1:8480", "http://127.0.0.1:9000", NULL, BEARER}, 403},
		{{"POST", "/v1/plan", "127.0.0.1:8480", NULL, "cross-site", BEARER}, 403},
		/* Another port of the same machine is the same site, but not the same origin. */
		{{"POST", "/v1/plan", "127.0.0.1:8480", NULL, "same-site", BEARER}, 403},
		{{"GET", "/v1/../etc/passwd", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "/v1/%2e%2E/x", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "/v1/.%2e", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "/v1/labs/.?x=1", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "/../../etc/passwd", "127.0.0.1:8480", NULL, NULL, NULL}, 400},
		{{"GET", "/v1/labs/a..b/vms", "127.0.0.1:8480", NULL, NULL, BEARER}, 0},
		{{"GET", "/v1/labs/red%2Fvm1", "127.0.0.1:8480", NULL, NULL, BEARER}, 0},
		{{"GET", "/v1/labs/x\r\nEvil: 1", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "http://127.0.0.1:8480/v1/labs", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "*", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
		{{"GET", "", "127.0.0.1:8480", NULL, NULL, BEARER}, 400},
	};

	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		const struct web_refusal *refusal = web_guard(&rules, &samples[i].head);

		if ((refusal ? refusal->status : 0) != samples[i].status)
			fail_msg("%s %s (sample %zu): %u instead of %u", samples[i].head.method, samples[i].head.target, i,
				refusal ? refusal->status : 0, samples[i].status);
	}
}

static void long_targets_are_refused(void **state)
{
	char target[WEB_TARGET_CHARS_MAX + 2];
	struct web_head head = {"GET", target, "127.0.0.1:8480", NULL, NULL, BEARER};

	memset(target, 'a', sizeof(target));
	memcpy(target, "/v1/", 4);
	target[WEB_TARGET_CHARS_MAX] = '\0';
	assert_null(web_guard(&rules, &head));
	target[WEB_TARGET_CHARS_MAX] = 'a';
	target[WEB_TARGET_CHARS_MAX + 1] = '\0';
	assert_int_equal(web_guard(&rules, &head)->status, 400);
}

/* A server without a token lets nobody in. */
static void no_token_is_no_door(void **state)
{
	const struct web_rules none = {.port = 8480};
	struct web_head head = {"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, "Bearer "};

	assert_int_equal(web_guard(&none, &head)->status, 401);
}

/* Whatever one character of a token is changed to, it is wrong. */
static void every_character_of_a_token_counts(void **state)
{
	for (size_t i = 0; i < WEB_TOKEN_CHARS; i++) {
		char bearer[] = BEARER;
		struct web_head head = {"GET", "/v1/labs", "127.0.0.1:8480", NULL, NULL, bearer};

		bearer[strlen("Bearer ") + i] ^= 1;
		assert_non_null(web_guard(&rules, &head));
	}
}

static void keys(void **state)
{
	assert_true(web_key_is_good("0a1b2c3d4e"));
	assert_false(web_key_is_good(NULL));
	assert_false(web_key_is_good(""));
	assert_false(web_key_is_good("short"));
	assert_false(web_key_is_good("with/slash"));
	assert_false(web_key_is_good("0123456789012345678901234567890123456789012345678901234567890123456789"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
		cmocka_unit_test(long_targets_are_refused),
		cmocka_unit_test(no_token_is_no_door),
		cmocka_unit_test(every_character_of_a_token_counts),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
