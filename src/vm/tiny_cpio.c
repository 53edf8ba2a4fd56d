/*
 * Writes a cpio archive in the "newc" form (kernel: Documentation/driver-api/early-userspace/buffer-format.rst). Each member is a head of
 * 110 bytes of ASCII, its name with a NUL, and its content, both padded with zeros to 4 bytes:
 *
 *	"070701" inode mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check    (8 hex digits each)
 */
#include "vm/tiny_cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_BYTES = 110, PAD = 4, COPY_BYTES = 65536 };

/* What a member is, beside its name. */
struct member {
	unsigned mode; /* with the file type */
	uint32_t size;
	unsigned major;
	unsigned minor;
};

struct cpio cpio_over(int fd) { return (struct cpio){.fd = fd, .inode = 1}; }

static void put(struct cpio *cpio, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (cpio->error == 0 && size > 0) {
		ssize_t n = write(cpio->fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			cpio->error = n < 0 ? -errno : -EIO;
			return;
		}
		at += n;
		size -= (size_t)n;
		cpio->written += (uint64_t)n;
	}
}

static void pad(struct cpio *cpio)
{
	static const char zeros[PAD];

	put(cpio, zeros, (PAD - cpio->written % PAD) % PAD);
}

static void head(struct cpio *cpio, const char *name, struct member member)
{
	char text[HEAD_BYTES + 1];
	unsigned links = S_ISDIR(member.mode) ? 2 : 1;

	(void)snprintf(text, sizeof(text), "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", cpio->inode++, member.mode, 0U, 0U,
		links, 0U, member.size, 0U, 0U, member.major, member.minor, (unsigned)strlen(name) + 1, 0U);
	put(cpio, text, HEAD_BYTES);
	put(cpio, name, strlen(name) + 1);
	pad(cpio);
}

void cpio_folder(struct cpio *cpio, const char *name) { head(cpio, name, (struct member){.mode = S_IFDIR | 0755}); }

void cpio_file(struct cpio *cpio, const char *name, unsigned mode, const void *bytes, size_t size)
{
	head(cpio, name, (struct member){.mode = S_IFREG | mode, .size = (uint32_t)size});
	put(cpio, bytes, size);
	pad(cpio);
}

void cpio_link(struct cpio *cpio, const char *name, const char *target)
{
	head(cpio, name, (struct member){.mode = S_IFLNK | 0777, .size = (uint32_t)strlen(target)});
	put(cpio, target, strlen(target));
	pad(cpio);
}

void cpio_char_device(struct cpio *cpio, const char *name, unsigned mode, unsigned major, unsigned minor)
{
	head(cpio, name, (struct member){.mode = S_IFCHR | mode, .major = major, .minor = minor});
}

/* Copies `left` bytes from `fd`; a file that shrinks meanwhile is an error, since its size is written already. */
static int copy_content(struct cpio *cpio, int fd, uint64_t left)
{
	char bytes[COPY_BYTES];

	while (left > 0 && cpio->error == 0) {
		ssize_t n = read(fd, bytes, left < sizeof(bytes) ? (size_t)left : sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		put(cpio, bytes, (size_t)n);
		left -= (uint64_t)n;
	}
	return 0;
}

int cpio_copy(struct cpio *cpio, const char *name, unsigned mode, const char *source, struct err *err)
{
	struct stat st;
	int error = 0;
	int fd = open(source, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "cannot read %s: %s", source, strerror(errno));
	if (fstat(fd, &st) != 0)
		error = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_size > UINT32_MAX)
		error = -EINVAL;
	if (error == 0) {
		head(cpio, name, (struct member){.mode = S_IFREG | mode, .size = (uint32_t)st.st_size});
		error = copy_content(cpio, fd, (uint64_t)st.st_size);
		pad(cpio);
	}
	close(fd);
	if (error != 0)
		return err_set(err, error, "cannot copy %s: %s", source, strerror(-error));
	return 0;
}

int cpio_end(struct cpio *cpio)
{
	cpio->inode = 0;
	head(cpio, "TRAILER!!!", (struct member){0});
	return cpio->error;
}
