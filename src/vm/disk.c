/* Disks of machines: qcow2 files over images, made by qemu-img; the image's head is looked at here first. */
#include "vm/disk.h"

#include "base/check.h"
#include "base/reader.h"
#include "base/text.h"
#include "image/image_head.h"
#include "vm/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 4096, SECTOR_BYTES = 512, MAKE_LIMIT_S = 60, QCOW2_EXTERNAL_DATA_FILE = 1 << 2 };

/* Other formats by the bytes they begin with (or have at an offset), to say what to do instead of taking them for raw disks. */
static const struct {
	const char *name;
	size_t offset;
	size_t size;
	const char *magic;
} other_formats[] = {
	{"VMDK", 0, 4, "KDMV"},
	{"VMDK", 0, 21, "# Disk DescriptorFile"},
	{"VHDX", 0, 8, "vhdxfile"},
	{"VHD", 0, 8, "conectix"},
	{"VDI", 0x40, 4, "\x7f\x10\xda\xbe"},
	{"qcow", 0, 8, "QFI\xfb\0\0\0\x01"},
	{"QED", 0, 4, "QED"},
};

static bool has_magic(const uint8_t *head, size_t size, size_t offset, const char *magic, size_t magic_size)
{
	return offset + magic_size <= size && memcmp(head + offset, magic, magic_size) == 0;
}

/* A qcow2 head (QEMU: docs/interop/qcow2.txt): no backing file, no data outside. */
static int check_qcow2(const char *image, const uint8_t *head, size_t size, struct err *err)
{
	struct reader r = reader_over(head, size);
	uint32_t version;
	uint64_t backing_offset, incompatible = 0;

	reader_skip(&r, 4);
	version = reader_u32(&r);
	backing_offset = reader_u64(&r);
	if (version >= 3) {
		reader_skip(&r, 72 - 16);
		incompatible = reader_u64(&r);
	}
	if (!reader_ok(&r) || version < 2 || version > 3)
		return err_set(err, -EINVAL, "image %s: not a qcow2 image that can be read (version %u)", image, version);
	if (backing_offset != 0 || (incompatible & QCOW2_EXTERNAL_DATA_FILE) != 0)
		return err_set(err, -EPERM,
			"image %s refers to another file, which is not followed: make it whole with `qemu-img convert -O qcow2 "
			"%s NEW`",
			image, image);
	return 0;
}

static int probe_head(const char *image, const uint8_t *head, size_t size, char format[DISK_FORMAT_BYTES], struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(other_formats); i++) {
		if (has_magic(head, size, other_formats[i].offset, other_formats[i].magic, other_formats[i].size))
			return err_set(err, -EINVAL, "image %s is in the format %s: convert it with `qemu-img convert -O qcow2 %s NEW`",
				image, other_formats[i].name, image);
	}
	if (has_magic(head, size, 0, "QFI\xfb", 4)) {
		(void)text_copy(format, DISK_FORMAT_BYTES, "qcow2");
		return check_qcow2(image, head, size, err);
	}
	if (size < SECTOR_BYTES)
		return err_set(err, -EINVAL, "image %s is no disk image: it has only %zu bytes", image, size);
	(void)text_copy(format, DISK_FORMAT_BYTES, "raw");
	return 0;
}

int disk_probe(const char *image, char format[DISK_FORMAT_BYTES], struct err *err)
{
	uint8_t head[HEAD_BYTES];
	struct stat st;
	ssize_t size;
	int fd;

	if (image[0] != '/')
		return err_set(err, -EINVAL, "image %s: an absolute path is needed", image);
	fd = open(image, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set(err, -errno, "image %s cannot be read: %s", image, strerror(errno));
	size = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? read(fd, head, sizeof(head)) : -1;
	close(fd);
	if (size < 0)
		return err_set(err, -EINVAL, "image %s is no regular file that can be read", image);
	return probe_head(image, head, (size_t)size, format, err);
}

int disk_make(const char *overlay, const char *image, const char *format, struct err *err)
{
	char scratch[FILE_BYTES + 8];
	const char *const argv[] = {"qemu-img", "create", "-q", "-f", "qcow2", "-F", format, "-b", image, scratch, NULL};
	int error;

	if (access(overlay, F_OK) == 0)
		return 0;
	(void)snprintf(scratch, sizeof(scratch), "%s.new", overlay);
	error = program_run(argv, span_s(MAKE_LIMIT_S), err);
	if (error == -ENOENT)
		err_set(err, error, "qemu-img is not there, which makes disks of machines: install qemu-utils");
	if (error == 0 && rename(scratch, overlay) != 0)
		error = err_set(err, -errno, "cannot make the disk %s: %s", overlay, strerror(errno));
	if (error != 0)
		(void)unlink(scratch);
	return error;
}

void disk_kept_path(const char *state, const char *path, char out[FILE_BYTES])
{
	int used = snprintf(out, FILE_BYTES, "%.199s/disks/", state);

	/* Names have no '+', so no two machines get the same file. */
	for (; *path != '\0' && used + 8 < FILE_BYTES; path++, used++) {
		out[used] = *path;
		if (*path == '/')
			out[used] = '+';
	}
	(void)snprintf(out + used, FILE_BYTES - (size_t)used, ".qcow2");
}

bool disk_lies_over(const char *overlay, const char *image) { return image_lies_over(overlay, image); }
