/* Tests of manifests: the forms that tools write, and what is refused. */
#include "image/manifest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SHA1_HEX "0123456789abcdef0123456789abcdef01234567"
#define SHA256_HEX SHA1_HEX "0123456789ABCDEF01234567"

static int try(const char *text, struct manifest *manifest, struct err *err)
{
	*err = (struct err){0};
	return manifest_read(text, strlen(text), manifest, err);
}

static void forms_of_tools_are_read(void **state)
{
	static struct manifest manifest;
	struct err err;

	assert_int_equal(try("SHA256(a.ovf)= " SHA256_HEX "\r\nSHA1 (x) y", &manifest, &err), -EINVAL);
	assert_int_equal(try("SHA256(a.ovf)= " SHA256_HEX "\r\n\nsha1(b (1).vmdk)=" SHA1_HEX, &manifest, &err), 0);
	assert_int_equal(manifest.count, 2);
	assert_int_equal(manifest_find(&manifest, "a.ovf")->kind, DIGEST_SHA256);
	assert_int_equal(manifest_find(&manifest, "a.ovf")->digest[1], 0x23);
	assert_int_equal(manifest_find(&manifest, "b (1).vmdk")->kind, DIGEST_SHA1);
	assert_null(manifest_find(&manifest, "b"));
}

static void bad_lines_are_refused(void **state)
{
	static const char *const lines[] = {"", "\n\n", "MD5(a)= 0123", "SHA256(a)= " SHA1_HEX, "SHA256(../a)= " SHA256_HEX,
		"SHA256(/a)= " SHA256_HEX, "SHA256()= " SHA256_HEX, "SHA256(a= " SHA256_HEX, "SHA256(.a)= " SHA256_HEX,
		"SHA256(a)= " SHA1_HEX "0123456789ABCDEF0123456g", "SHA1(a)=" SHA1_HEX "\nSHA1(a)=" SHA1_HEX};
	static struct manifest manifest;
	struct err err;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(try(lines[i], &manifest, &err), -EINVAL);
		assert_true(strstr(err.text, "manifest") != NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(forms_of_tools_are_read), cmocka_unit_test(bad_lines_are_refused)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
