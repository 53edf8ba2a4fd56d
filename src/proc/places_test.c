/* Tests of places: WEFT_ROOT, the user's folders, paths too long for a socket. */
#include "proc/process.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void test_root_folder(void **state)
{
	struct places places;
	char path[FILE_BYTES];
	struct err err;

	assert_int_equal(setenv("WEFT_ROOT", "/tmp/x", 1), 0);
	assert_int_equal(places_find(&places, &err), 0);
	assert_string_equal(places.run, "/tmp/x/run");
	assert_string_equal(places.state, "/tmp/x/state");
	assert_string_equal(places.cache, "/tmp/x/cache");
	assert_string_equal(places_api_socket(&places, path), "/tmp/x/run/api.sock");
	assert_string_equal(places_vhost_socket(&places, UINT32_MAX, path), "/tmp/x/run/vhost/4294967295.sock");
	assert_int_equal(setenv("WEFT_ROOT", "tmp/x", 1), 0);
	assert_int_equal(places_find(&places, &err), -EINVAL);
	assert_non_null(strstr(err.text, "absolute"));
}

static void test_length(void **state)
{
	char root[400], path[FILE_BYTES];
	struct places places;
	struct err err;
	size_t longest = 0;

	for (size_t n = 1; n < sizeof(root) - 1; n++) {
		int error;

		memset(root, 'r', n);
		root[0] = '/';
		root[n] = '\0';
		assert_int_equal(setenv("WEFT_ROOT", root, 1), 0);
		error = places_find(&places, &err);
		assert_true(error == 0 || error == -ENAMETOOLONG);
		if (error == 0)
			longest = strlen(places_vhost_socket(&places, UINT32_MAX, path));
	}
	assert_int_equal(longest, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

static void test_system_and_user(void **state)
{
	struct places places;
	struct err err;

	(void)unsetenv("WEFT_ROOT");
	(void)setenv("XDG_RUNTIME_DIR", "/tmp/r", 1);
	(void)setenv("XDG_STATE_HOME", "", 1);
	(void)setenv("XDG_CACHE_HOME", "/tmp/c", 1);
	(void)setenv("HOME", "/srv/u", 1);
	if (geteuid() == 0) {
		assert_int_equal(places_find(&places, &err), 0);
		assert_string_equal(places.run, "/run/weft");
		assert_string_equal(places.state, "/var/lib/weft");
		assert_string_equal(places.cache, "/var/cache/weft");
		if (seteuid(65534) != 0)
			skip();
	}
	assert_int_equal(places_find(&places, &err), 0);
	assert_string_equal(places.run, "/tmp/r/weft");
	assert_string_equal(places.state, "/srv/u/.local/state/weft");
	assert_string_equal(places.cache, "/tmp/c/weft");
	(void)unsetenv("HOME");
	assert_int_equal(places_find(&places, &err), -ENOENT);
	/* The leak checker traces its own process, which a change of user forbids. */
	assert_int_equal(seteuid(getuid()), 0);
	(void)prctl(PR_SET_DUMPABLE, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_folder),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_system_and_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
