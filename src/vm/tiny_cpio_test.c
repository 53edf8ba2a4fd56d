/* Tests of the cpio writer: the bytes of a small archive, and a walk over one with every kind of member. */
#include "vm/tiny_cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static int scratch(void)
{
	int fd = memfd_create("cpio_test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static size_t content(int fd, char *out, size_t size)
{
	ssize_t n = pread(fd, out, size - 1, 0);

	assert_true(n >= 0);
	out[n] = '\0';
	return (size_t)n;
}

static void a_small_file_is_these_bytes(void **state)
{
	static const char expected[] = "070701"
				       "00000001000081A4000000000000000000000001000000000000000300000000000000000000000000000000"
				       "0000000500000000";
	int fd = scratch();
	struct cpio cpio = cpio_over(fd);
	char bytes[1024];

	cpio_file(&cpio, "etc/", 0644, "abc", 3);
	assert_int_equal(content(fd, bytes, sizeof(bytes)), 110 + 6 + 4);
	assert_int_equal(strncasecmp(bytes, expected, 110), 0);
	assert_memory_equal(bytes + 110, "etc/\0\0abc\0", 10);
	close(fd);
}

/* The value of a head's n-th number. */
static unsigned number(const char *head, unsigned n)
{
	char digits[9] = {0};

	memcpy(digits, head + 6 + 8 * (size_t)n, 8);
	return (unsigned)strtoul(digits, NULL, 16);
}

static void members_follow_each_other(void **state)
{
	static const struct {
		const char *name;
		unsigned mode, size;
	} expected[] = {{"bin", 040755, 0}, {"bin/sh", 0120777, 7}, {"dev/console", 020600, 0}, {"self", 0100755, 5}, {"TRAILER!!!", 0, 0}};
	char path[] = "cpio_test_XXXXXX";
	int source = mkstemp(path);
	int fd = scratch();
	struct cpio cpio = cpio_over(fd);
	char bytes[4096];
	size_t size, at = 0;

	assert_int_equal(write(source, "hello", 5), 5);
	close(source);
	cpio_folder(&cpio, "bin");
	cpio_link(&cpio, "bin/sh", "busybox");
	cpio_char_device(&cpio, "dev/console", 0600, 5, 1);
	assert_int_equal(cpio_copy(&cpio, "self", 0755, path, NULL), 0);
	assert_int_equal(cpio_end(&cpio), 0);
	unlink(path);
	size = content(fd, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const char *head = bytes + at;
		unsigned name_size = number(head, 11), file_size = number(head, 6);

		assert_true(at + 110 + name_size <= size);
		assert_memory_equal(head, "070701", 6);
		assert_string_equal(head + 110, expected[i].name);
		assert_int_equal(number(head, 1), expected[i].mode);
		assert_int_equal(file_size, expected[i].size);
		at = (at + 110 + name_size + 3) / 4 * 4;
		at = (at + file_size + 3) / 4 * 4;
	}
	assert_int_equal(at, size);
	close(fd);
}

static void errors_are_kept(void **state)
{
	struct err err = {0};
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct cpio cpio = cpio_over(fd);

	cpio_file(&cpio, "a", 0644, "b", 1);
	assert_int_equal(cpio_end(&cpio), -ENOSPC);
	assert_int_equal(cpio_copy(&cpio, "x", 0644, "/nowhere/at/all", &err), -ENOENT);
	assert_non_null(strstr(err.text, "/nowhere/at/all"));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_file_is_these_bytes),
		cmocka_unit_test(members_follow_each_other),
		cmocka_unit_test(errors_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
