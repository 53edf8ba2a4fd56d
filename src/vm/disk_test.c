/* Tests of machines' disks: formats told by their heads, images that refer to other files refused, an overlay made. */
#include "vm/disk.h"

#include "base/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/weft-disk-test-XXXXXX";
static char image[64], overlay[64];

static int set_up(void **state)
{
	if (mkdtemp(folder) == NULL)
		return -1;
	(void)snprintf(image, sizeof(image), "%s/image", folder);
	(void)snprintf(overlay, sizeof(overlay), "%s/disk.qcow2", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)unlink(image);
	(void)unlink(overlay);
	return rmdir(folder);
}

static void write_image(const void *bytes, size_t size, size_t padded)
{
	FILE *file = fopen(image, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	for (; size < padded; size++)
		assert_int_equal(fputc(0, file), 0);
	assert_int_equal(fclose(file), 0);
}

/* A qcow2 head of 104 bytes (version 3). */
static void write_qcow2(uint32_t version, uint64_t backing_offset, uint64_t incompatible)
{
	uint8_t head[104];
	struct writer w = writer_over(head, sizeof(head));

	writer_bytes(&w, "QFI\xfb", 4);
	writer_u32(&w, version);
	writer_u64(&w, backing_offset);
	writer_zero(&w, 56);
	writer_u64(&w, incompatible);
	writer_zero(&w, 24);
	write_image(head, sizeof(head), 4096);
}

static int probe(char format[DISK_FORMAT_BYTES], struct err *err)
{
	*err = (struct err){0};
	return disk_probe(image, format, err);
}

static void formats_are_told_apart(void **state)
{
	char format[DISK_FORMAT_BYTES];
	struct err err;

	write_image("\xeb\x63\x90", 3, 8192);
	assert_int_equal(probe(format, &err), 0);
	assert_string_equal(format, "raw");
	write_qcow2(3, 0, 0);
	assert_int_equal(probe(format, &err), 0);
	assert_string_equal(format, "qcow2");
	write_image("KDMV", 4, 4096);
	assert_int_equal(probe(format, &err), -EINVAL);
	assert_non_null(strstr(err.text, "VMDK"));
	assert_non_null(strstr(err.text, "qemu-img convert"));
	write_image("QFI\xfb\0\0\0\x01", 8, 4096);
	assert_int_equal(probe(format, &err), -EINVAL);
	write_image("x", 1, 1);
	assert_int_equal(probe(format, &err), -EINVAL);
}

static void images_that_refer_to_other_files_are_refused(void **state)
{
	char format[DISK_FORMAT_BYTES];
	struct err err;

	write_qcow2(3, 200, 0);
	assert_int_equal(probe(format, &err), -EPERM);
	write_qcow2(2, 200, 0);
	assert_int_equal(probe(format, &err), -EPERM);
	write_qcow2(3, 0, 4);
	assert_int_equal(probe(format, &err), -EPERM);
	write_qcow2(9, 0, 0);
	assert_int_equal(probe(format, &err), -EINVAL);
	write_image("QFI\xfb\0\0", 6, 6);
	assert_int_equal(probe(format, &err), -EINVAL);
}

static void missing_images_are_named(void **state)
{
	char format[DISK_FORMAT_BYTES];
	struct err err = {0};

	assert_int_equal(disk_probe("/no/such/image", format, &err), -ENOENT);
	assert_non_null(strstr(err.text, "/no/such/image"));
	assert_int_equal(disk_probe("relative", format, &err), -EINVAL);
	assert_int_equal(disk_probe("/dev/null", format, &err), -EINVAL);
}

static void an_overlay_is_made_once(void **state)
{
	struct err err = {0};
	int error;

	write_image("\xeb\x63\x90", 3, 65536);
	error = disk_make(overlay, image, "raw", &err);
	if (error == -ENOENT)
		skip(); /* no qemu-img here */
	assert_int_equal(error, 0);
	assert_int_equal(access(overlay, R_OK), 0);
	assert_int_equal(disk_make(overlay, "/no/such/image", "raw", &err), 0);
	assert_int_equal(unlink(overlay), 0);
	assert_true(disk_make(overlay, "/no/such/image", "raw", &err) < 0);
	assert_non_null(strstr(err.text, "/no/such/image"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_told_apart),
		cmocka_unit_test(images_that_refer_to_other_files_are_refused),
		cmocka_unit_test(missing_images_are_named),
		cmocka_unit_test(an_overlay_is_made_once),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
