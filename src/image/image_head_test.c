/* Tests of image heads: formats told apart, references refused; whatever the bytes are, nothing outside of them is read. */
#include "image/image_head.h"

#include "base/rand.h"
#include "base/writer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint8_t bytes[IMAGE_HEAD_BYTES];
static struct image_head head;
static struct err err;

static int look(size_t size) { return image_head("x", bytes, size, &head, &err); }

static void put(size_t at, const void *what, size_t size) { memcpy(bytes + at, what, size); }

static void qcow2(uint32_t version, uint64_t backing, uint32_t encryption, uint64_t incompatible)
{
	struct writer w = writer_over(bytes, sizeof(bytes));

	memset(bytes, 0, sizeof(bytes));
	writer_bytes(&w, "QFI\xfb", 4);
	writer_u32(&w, version);
	writer_u64(&w, backing);
	writer_u32(&w, 0);
	writer_u32(&w, 16);
	writer_u64(&w, 1 << 20);
	writer_u32(&w, encryption);
	writer_zero(&w, 36);
	writer_u64(&w, incompatible);
}

static void qcow2_heads(void **state)
{
	qcow2(3, 0, 0, 0);
	assert_int_equal(look(4096), 0);
	assert_int_equal(head.format, IMAGE_QCOW2);
	assert_int_equal(head.virtual_bytes, 1 << 20);
	qcow2(3, 512, 0, 0);
	assert_int_equal(look(4096), -EPERM);
	qcow2(3, 0, 0, 4);
	assert_int_equal(look(4096), -EPERM);
	qcow2(2, 0, 0, 4);
	assert_int_equal(look(4096), 0);
	qcow2(3, 0, 1, 0);
	assert_int_equal(look(4096), -EINVAL);
	qcow2(4, 0, 0, 0);
	assert_int_equal(look(4096), -EINVAL);
	assert_int_equal(look(50), -EINVAL);
}

static void other_heads(void **state)
{
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(look(100), -EINVAL);
	assert_int_equal(look(512), 0);
	assert_int_equal(head.format, IMAGE_UNKNOWN);
	put(510, "\x55\xaa", 2);
	assert_int_equal(look(512), 0);
	assert_int_equal(head.format, IMAGE_RAW);
	put(0, "\x1f\x8b", 2);
	assert_int_equal(look(512), 0);
	assert_int_equal(head.format, IMAGE_OTHER);
	memset(bytes, 0, sizeof(bytes));
	put(257, "ustar", 5);
	assert_int_equal(look(512), 0);
	assert_int_equal(head.format, IMAGE_TAR);
	put(0, "<?xml ", 6);
	put(257, "     ", 5);
	assert_int_equal(look(512), 0);
	assert_int_equal(head.format, IMAGE_XML);
}

static void vmdk_and_vdi_heads(void **state)
{
	memset(bytes, 0, sizeof(bytes));
	put(0, "KDMV", 4);
	assert_int_equal(look(sizeof(bytes)), -EPERM); /* without size: its extents are elsewhere */
	bytes[12] = 8;
	put(600, "createType=\"streamOptimized\"", 28);
	assert_int_equal(look(sizeof(bytes)), 0);
	assert_int_equal(head.virtual_bytes, 8 * 512);
	assert_string_equal(head.name, "VMDK (streamOptimized)");
	put(5000, "parentfilenamehint", 18);
	assert_int_equal(look(sizeof(bytes)), -EPERM);
	memset(bytes, 0, sizeof(bytes));
	put(0, "# Disk DescriptorFile", 21);
	assert_int_equal(look(sizeof(bytes)), -EPERM);
	memset(bytes, 0, sizeof(bytes));
	put(0x40, "\x7f\x10\xda\xbe", 4);
	assert_int_equal(look(sizeof(bytes)), -EPERM);
	bytes[0x4c] = 1;
	bytes[0x172] = 1;
	assert_int_equal(look(sizeof(bytes)), 0);
	assert_int_equal(head.virtual_bytes, 65536);
	bytes[0x1b0] = 1; /* a parent's number */
	assert_int_equal(look(sizeof(bytes)), -EPERM);
}

/* Sizes cut everywhere, in memory of just that size, so that a sanitizer sees a byte too far. */
static void heads_may_end_anywhere(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} magics[] = {{"QFI\xfb\0\0\0\3", 8}, {"KDMV", 4}, {"# Disk DescriptorFile", 21}, {"<?xml", 5}};
	static const uint8_t vdi[] = {0x7f, 0x10, 0xda, 0xbe};
	struct rand rand = rand_seeded(11);

	for (unsigned i = 0; i < 2000; i++) {
		size_t size = rand_below(&rand, i % 2 ? 700 : 12000);
		uint8_t *cut = malloc(size > 0 ? size : 1);

		for (size_t k = 0; k < size; k++)
			cut[k] = (uint8_t)rand_below(&rand, 256);
		for (size_t k = 0; size > 24 && k < magics[i / 2 % 4].size; k++)
			cut[k] = (uint8_t)magics[i / 2 % 4].bytes[k];
		if (size > 0x44 && i % 10 == 0)
			memcpy(cut + 0x40, vdi, sizeof(vdi));
		(void)image_head("x", cut, size, &head, &err);
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(qcow2_heads), cmocka_unit_test(other_heads),
		cmocka_unit_test(vmdk_and_vdi_heads), cmocka_unit_test(heads_may_end_anywhere)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
