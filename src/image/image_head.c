/* Heads of disk images: QEMU's docs/interop/qcow2.txt, VMware's Virtual Disk Format 5.0, VirtualBox's VDICore.h. */
#include "image/image_head.h"

#include "base/check.h"
#include "base/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	SECTOR_BYTES = 512,
	BACKING_HEAD_BYTES = 4096,
	QCOW2_EXTERNAL_DATA_FILE = 1 << 2,
	VDI_DYNAMIC = 1,
	VDI_STATIC = 2,
	TAR_MAGIC_AT = 257
};

/* Where QEMU looks for a VMDK's descriptor whatever the head says, and how much of it. */
enum { VMDK_DESCRIPTOR_AT = 512, VMDK_DESCRIPTOR_BYTES = 20 * 512 };

#define UNPACK "unpack it first"
#define CONVERT "convert it with `qemu-img convert -O qcow2`"

/* Magic bytes at their offsets. What is RAW here is looked at further. */
static const struct {
	const char *name;
	size_t offset, size;
	const char *magic;
	enum image_format format;
	const char *advice;
} magics[] = {
	{"qcow", 0, 8, "QFI\xfb\0\0\0\x01", IMAGE_OTHER, CONVERT},
	{"qcow2", 0, 4, "QFI\xfb", IMAGE_QCOW2, NULL},
	{"VMDK", 0, 4, "KDMV", IMAGE_VMDK, NULL},
	{"VMDK 3", 0, 4, "COWD", IMAGE_OTHER, CONVERT},
	{"VMDK descriptor", 0, 21, "# Disk DescriptorFile", IMAGE_VMDK, NULL},
	{"VDI", 0x40, 4, "\x7f\x10\xda\xbe", IMAGE_VDI, NULL},
	{"tar", TAR_MAGIC_AT, 5, "ustar", IMAGE_TAR, NULL},
	{"VHDX", 0, 8, "vhdxfile", IMAGE_OTHER, CONVERT},
	{"VHD", 0, 8, "conectix", IMAGE_OTHER, CONVERT},
	{"QED", 0, 4, "QED", IMAGE_OTHER, CONVERT},
	{"LUKS", 0, 6, "LUKS\xba\xbe", IMAGE_OTHER, "decrypt it first"},
	{"gzip", 0, 2, "\x1f\x8b", IMAGE_OTHER, UNPACK},
	{"xz", 0, 6,
		"\xfd"
		"7zXZ\0",
		IMAGE_OTHER, UNPACK},
	{"bzip2", 0, 3, "BZh", IMAGE_OTHER, UNPACK},
	{"Zstandard", 0, 4, "\x28\xb5\x2f\xfd", IMAGE_OTHER, UNPACK},
	{"zip", 0, 4, "PK\x03\x04", IMAGE_OTHER, UNPACK},
	{"7z", 0, 6, "7z\xbc\xaf\x27\x1c", IMAGE_OTHER, UNPACK},
};

static int refuse_reference(const char *what, const char *which, struct err *err)
{
	return err_set(err, -EPERM,
		"%s refers to another file (%s), which is not followed: make it whole with `qemu-img convert -O qcow2` where it comes from",
		what, which);
}

static int broken(const char *what, const char *why, struct err *err) { return err_set(err, -EINVAL, "%s is broken: %s", what, why); }

static int qcow2_head(const char *what, struct reader r, struct image_head *head, struct err *err)
{
	uint32_t version, cluster_bits, encryption;
	uint64_t backing_at, incompatible = 0;

	reader_skip(&r, 4);
	version = reader_u32(&r);
	backing_at = reader_u64(&r);
	reader_skip(&r, 4); /* length of the name */
	cluster_bits = reader_u32(&r);
	head->virtual_bytes = reader_u64(&r);
	encryption = reader_u32(&r);
	reader_skip(&r, 72 - 36);
	if (version >= 3)
		incompatible = reader_u64(&r);
	if (!reader_ok(&r))
		return broken(what, "it ends within its head", err);
	if (version < 2 || version > 3)
		return err_set(err, -EINVAL, "%s is qcow2 of version %" PRIu32 "; 2 and 3 can be read", what, version);
	if (backing_at != 0)
		return refuse_reference(what, "a backing file", err);
	if ((incompatible & QCOW2_EXTERNAL_DATA_FILE) != 0)
		return refuse_reference(what, "an external data file", err);
	if (encryption != 0)
		return err_set(err, -EINVAL, "%s is encrypted: decrypt it first", what);
	if (cluster_bits < 9 || cluster_bits > 21)
		return broken(what, "its clusters have an impossible size", err);
	return 0;
}

static uint64_t le(const uint8_t *bytes, size_t size, size_t at, unsigned width)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < width && at + i < size; i++)
		value |= (uint64_t)bytes[at + i] << (8 * i);
	return value;
}

/* Whether a word stands in the bytes, in any case of letters. */
static bool mentions(const uint8_t *bytes, size_t size, const char *word)
{
	size_t length = strlen(word);

	for (size_t i = 0; i + length <= size; i++)
		if (strncasecmp((const char *)bytes + i, word, length) == 0)
			return true;
	return false;
}

static int vmdk_head(const char *what, const uint8_t *bytes, size_t size, struct image_head *head, struct err *err)
{
	uint64_t capacity = le(bytes, size, 12, 8), descriptor_at = le(bytes, size, 28, 8) * SECTOR_BYTES;
	size_t end = VMDK_DESCRIPTOR_AT + VMDK_DESCRIPTOR_BYTES;

	if (bytes[0] == '#')
		return refuse_reference(what, "it is only a descriptor, the data lies in extents beside it", err);
	if (size < SECTOR_BYTES)
		return broken(what, "it ends within its head", err);
	if (capacity == 0)
		return refuse_reference(what, "its extents", err);
	if (capacity > UINT64_MAX / SECTOR_BYTES)
		return broken(what, "it has an impossible size", err);
	if (descriptor_at >= IMAGE_HEAD_BYTES)
		return broken(what, "its descriptor is not at its beginning", err);
	if (mentions(bytes, size < end ? size : end, "parentFileNameHint"))
		return refuse_reference(what, "a parent disk", err);
	head->virtual_bytes = capacity * SECTOR_BYTES;
	if (mentions(bytes, size < end ? size : end, "streamOptimized"))
		head->name = "VMDK (streamOptimized)";
	return 0;
}

static int vdi_head(const char *what, const uint8_t *bytes, size_t size, struct image_head *head, struct err *err)
{
	uint64_t type = le(bytes, size, 0x4c, 4);
	static const uint8_t none[16];

	if (size < SECTOR_BYTES)
		return broken(what, "it ends within its head", err);
	if ((type != VDI_DYNAMIC && type != VDI_STATIC) || memcmp(bytes + 0x1a8, none, sizeof(none)) != 0)
		return refuse_reference(what, "a parent disk", err);
	head->virtual_bytes = le(bytes, size, 0x170, 8);
	return 0;
}

/* Text that begins an XML document, behind a byte order mark. */
static bool is_xml(const uint8_t *bytes, size_t size)
{
	size_t at = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	return (at + 5 <= size && memcmp(bytes + at, "<?xml", 5) == 0) || (at + 9 <= size && memcmp(bytes + at, "<Envelope", 9) == 0);
}

static int raw_head(const char *what, const uint8_t *bytes, size_t size, struct image_head *head, struct err *err)
{
	if (is_xml(bytes, size)) {
		*head = (struct image_head){.format = IMAGE_XML, .name = "XML"};
		return 0;
	}
	*head = (struct image_head){.format = IMAGE_UNKNOWN, .name = "nothing that is known"};
	if (size < SECTOR_BYTES)
		return err_set(err, -EINVAL, "%s is no disk image: it has only %zu bytes", what, size);
	if (bytes[510] == 0x55 && bytes[511] == 0xaa)
		*head = (struct image_head){.format = IMAGE_RAW, .name = "raw", .boots = true};
	return 0;
}

int image_head(const char *what, const uint8_t *bytes, size_t size, struct image_head *head, struct err *err)
{
	*head = (struct image_head){.format = IMAGE_UNKNOWN, .name = "nothing that is known"};
	for (size_t i = 0; i < COUNT_OF(magics); i++) {
		if (magics[i].offset + magics[i].size > size || memcmp(bytes + magics[i].offset, magics[i].magic, magics[i].size) != 0)
			continue;
		*head = (struct image_head){.format = magics[i].format, .name = magics[i].name, .advice = magics[i].advice};
		if (head->format == IMAGE_QCOW2)
			return qcow2_head(what, reader_over(bytes, size), head, err);
		if (head->format == IMAGE_VMDK)
			return vmdk_head(what, bytes, size, head, err);
		return head->format == IMAGE_VDI ? vdi_head(what, bytes, size, head, err) : 0;
	}
	return raw_head(what, bytes, size, head, err);
}

bool image_lies_over(const char *path, const char *backing)
{
	uint8_t head[BACKING_HEAD_BYTES];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n = fd >= 0 ? pread(fd, head, sizeof(head), 0) : -1;
	struct reader r = reader_over(head, n > 0 ? (size_t)n : 0);
	uint64_t at;
	uint32_t length;

	if (fd >= 0)
		(void)close(fd);
	reader_skip(&r, 8);
	at = reader_u64(&r);
	length = reader_u32(&r);
	return reader_ok(&r) && length == strlen(backing) && at < (uint64_t)n && length <= (uint64_t)n - at &&
	       memcmp(head + at, backing, length) == 0;
}
