/* OVF packages: archives by libarchive (plain tar only: no filter, so nothing unfolds), folders by name. */
#include "image/package.h"

#include "base/check.h"
#include "base/text.h"
#include "image/hash_file.h"
#include "image/late.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK_BYTES = 10240, TAR_BLOCK_BYTES = 512 };

/* The library's functions, once it is loaded. */
static struct {
	__typeof__(archive_entry_filetype) *entry_filetype;
	__typeof__(archive_entry_hardlink) *entry_hardlink;
	__typeof__(archive_entry_pathname) *entry_pathname;
	__typeof__(archive_entry_size) *entry_size;
	__typeof__(archive_entry_size_is_set) *entry_size_is_set;
	__typeof__(archive_entry_sparse_count) *entry_sparse_count;
	__typeof__(archive_entry_symlink) *entry_symlink;
	__typeof__(archive_error_string) *error_string;
	__typeof__(archive_filter_bytes) *filter_bytes;
	__typeof__(archive_read_data) *data;
	__typeof__(archive_read_free) *free;
	__typeof__(archive_read_new) *new;
	__typeof__(archive_read_next_header) *next_header;
	__typeof__(archive_read_open_fd) *open_fd;
	__typeof__(archive_read_support_format_tar) *support_format_tar;
} tar;

static int load(struct err *err)
{
	static const struct late_symbol symbols[] = {{"archive_entry_filetype", &tar.entry_filetype},
		{"archive_entry_hardlink", &tar.entry_hardlink}, {"archive_entry_pathname", &tar.entry_pathname},
		{"archive_entry_size", &tar.entry_size}, {"archive_entry_size_is_set", &tar.entry_size_is_set},
		{"archive_entry_sparse_count", &tar.entry_sparse_count}, {"archive_entry_symlink", &tar.entry_symlink},
		{"archive_error_string", &tar.error_string}, {"archive_filter_bytes", &tar.filter_bytes}, {"archive_read_data", &tar.data},
		{"archive_read_free", &tar.free}, {"archive_read_new", &tar.new}, {"archive_read_next_header", &tar.next_header},
		{"archive_read_open_fd", &tar.open_fd}, {"archive_read_support_format_tar", &tar.support_format_tar}};

	return tar.new != NULL ? 0 : late_load("libarchive.so.13", "libarchive13", symbols, COUNT_OF(symbols), err);
}

static bool ends_with(const char *name, const char *tail)
{
	size_t length = strlen(name), end = strlen(tail);

	return length > end && strcasecmp(name + length - end, tail) == 0;
}

static const struct package_file *find(const struct package *package, const char *name)
{
	for (unsigned i = 0; i < package->count; i++)
		if (strcmp(package->files[i].name, name) == 0)
			return &package->files[i];
	return NULL;
}

/* The first bytes as libarchive reads them must be those at the offset: else it and we disagree on where the member lies. */
static bool same_bytes(struct archive *archive, int fd, uint64_t offset, uint64_t bytes)
{
	uint8_t theirs[TAR_BLOCK_BYTES], ours[TAR_BLOCK_BYTES];
	size_t size = bytes < sizeof(ours) ? bytes : sizeof(ours);

	return tar.data(archive, theirs, size) == (ssize_t)size && pread(fd, ours, size, (off_t)offset) == (ssize_t)size &&
	       memcmp(theirs, ours, size) == 0;
}

static int add_member(struct package *package, struct archive *archive, struct archive_entry *entry, int fd, struct err *err)
{
	const char *name = tar.entry_pathname(entry);
	struct package_file *file = &package->files[package->count];

	if (name == NULL || !package_name_ok(name))
		return err_set(err, -EPERM, "the archive has a member \"%.100s\", which is no plain file name", name != NULL ? name : "?");
	if (tar.entry_filetype(entry) != AE_IFREG || tar.entry_hardlink(entry) != NULL || tar.entry_symlink(entry) != NULL)
		return err_set(err, -EPERM, "the archive's member %s is no regular file", name);
	if (tar.entry_sparse_count(entry) > 0 || !tar.entry_size_is_set(entry) || tar.entry_size(entry) < 0)
		return err_set(err, -EINVAL, "the archive's member %s is sparse, or has no size", name);
	if (find(package, name) != NULL)
		return err_set(err, -EINVAL, "the archive has two members named %s", name);
	if (package->count == PACKAGE_FILES_MAX)
		return err_set(err, -E2BIG, "the archive has more than %d members", PACKAGE_FILES_MAX);
	CHECK(text_copy(file->name, sizeof(file->name), name));
	file->fd = fd;
	file->bytes = (uint64_t)tar.entry_size(entry);
	file->offset = (uint64_t)tar.filter_bytes(archive, 0);
	if (!same_bytes(archive, fd, file->offset, file->bytes))
		return err_set(err, -EINVAL, "the archive ends within its member %s", name);
	package->count++;
	return 0;
}

static int list_archive(struct package *package, int fd, struct err *err)
{
	struct archive *archive;
	struct archive_entry *entry;
	struct stat st = {0};
	int error = load(err), rc = ARCHIVE_OK;

	if (error != 0)
		return error;
	archive = tar.new();
	CHECK(archive != NULL);
	(void)tar.support_format_tar(archive);
	if (lseek(fd, 0, SEEK_SET) != 0 || fstat(fd, &st) != 0 || tar.open_fd(archive, fd, BLOCK_BYTES) != ARCHIVE_OK)
		error = err_set(err, -EINVAL, "it is no tar archive that can be read");
	while (error == 0 && (rc = tar.next_header(archive, &entry)) == ARCHIVE_OK) {
		error = add_member(package, archive, entry, fd, err);
		if (error == 0 &&
			package->files[package->count - 1].offset + package->files[package->count - 1].bytes > (uint64_t)st.st_size)
			error = err_set(err, -EINVAL, "the archive ends within its member %s", package->files[package->count - 1].name);
	}
	if (error == 0 && rc != ARCHIVE_EOF)
		error = err_set(err, -EINVAL, "the archive is broken: %s", tar.error_string(archive));
	(void)tar.free(archive);
	return error;
}

const struct package_file *package_find(struct package *package, const char *name, struct err *err)
{
	const struct package_file *known = find(package, name);
	struct package_file *file = &package->files[package->count];
	struct stat st;
	int fd;

	if (known != NULL)
		return known;
	if (package->folder < 0 || package->count == PACKAGE_FILES_MAX || !package_name_ok(name)) {
		(void)err_set(err, -ENOENT, "the package has no file %s", name);
		return NULL;
	}
	fd = openat(package->folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		(void)err_set(err, -ENOENT, "%s, which the package names, is no regular file beside it", name);
		if (fd >= 0)
			(void)close(fd);
		return NULL;
	}
	*file = (struct package_file){.fd = fd, .bytes = (uint64_t)st.st_size};
	CHECK(text_copy(file->name, sizeof(file->name), name));
	package->count++;
	return file;
}

/* The whole of a small file; the caller frees it. NULL with the error. */
static char *read_small(const struct package_file *file, size_t limit, struct err *err)
{
	char *bytes;

	if (file->bytes > limit) {
		(void)err_set(err, -E2BIG, "%s is longer than %zu bytes", file->name, limit);
		return NULL;
	}
	bytes = malloc(file->bytes + 1);
	if (bytes == NULL || pread(file->fd, bytes, file->bytes, (off_t)file->offset) != (ssize_t)file->bytes) {
		(void)err_set(err, -EIO, "%s cannot be read", file->name);
		free(bytes);
		return NULL;
	}
	return bytes;
}

static int read_descriptor(struct package *package, const struct package_file *file, struct err *err)
{
	char *bytes = read_small(file, OVF_BYTES_MAX, err);
	int error = bytes != NULL ? ovf_read(bytes, file->bytes, &package->ovf, err) : -EIO;

	free(bytes);
	return error;
}

static int read_manifest(struct package *package, const struct package_file *file, struct err *err)
{
	char *bytes = read_small(file, MANIFEST_BYTES_MAX, err);
	int error = bytes != NULL ? manifest_read(bytes, file->bytes, &package->manifest, err) : -EIO;

	free(bytes);
	package->has_manifest = error == 0;
	return error;
}

int package_open_archive(int fd, struct package *out, struct err *err)
{
	const struct package_file *descriptor = NULL, *manifest = NULL;
	int error;

	*out = (struct package){.folder = -1};
	error = list_archive(out, fd, err);
	for (unsigned i = 0; i < out->count && error == 0; i++) {
		const struct package_file *file = &out->files[i];
		bool is_descriptor = ends_with(file->name, ".ovf"), is_manifest = ends_with(file->name, ".mf");

		if ((is_descriptor && descriptor != NULL) || (is_manifest && manifest != NULL))
			error = err_set(err, -EINVAL, "the archive has several descriptors or manifests");
		descriptor = is_descriptor ? file : descriptor;
		manifest = is_manifest ? file : manifest;
	}
	if (error != 0)
		return error;
	if (descriptor == NULL)
		return err_set(err, -EINVAL, "the archive has no descriptor (a member NAME.ovf)");
	error = read_descriptor(out, descriptor, err);
	return error == 0 && manifest != NULL ? read_manifest(out, manifest, err) : error;
}

int package_open_folder(int folder, const char *name, struct package *out, struct err *err)
{
	char other[PACKAGE_NAME_BYTES + 4];
	const struct package_file *file;
	size_t stem = strlen(name);
	int error;

	*out = (struct package){.folder = folder};
	file = package_find(out, name, err);
	if (file == NULL)
		return -ENOENT;
	error = read_descriptor(out, file, err);
	stem = ends_with(name, ".ovf") ? stem - 4 : stem;
	(void)snprintf(other, sizeof(other), "%.*s.mf", (int)stem, name);
	if (error != 0 || faccessat(folder, other, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return error;
	file = package_find(out, other, err);
	return file != NULL ? read_manifest(out, file, err) : -ENOENT;
}

void package_close(struct package *package)
{
	for (unsigned i = 0; i < package->count && package->folder >= 0; i++)
		(void)close(package->files[i].fd);
	package->count = 0;
}

int package_verify(struct package *package, package_progress_fn *progress, void *context, struct err *err)
{
	const struct manifest *manifest = &package->manifest;
	uint8_t digest[DIGEST_BYTES_MAX];

	if (!package->has_manifest)
		return 0;
	for (unsigned i = 0; i < package->ovf.disk_count; i++)
		if (manifest_find(manifest, package->ovf.disks[i].file) == NULL)
			return err_set(err, -EINVAL, "the manifest leaves out %s", package->ovf.disks[i].file);
	for (unsigned i = 0; i < package->count; i++)
		if (ends_with(package->files[i].name, ".ovf") && manifest_find(manifest, package->files[i].name) == NULL)
			return err_set(err, -EINVAL, "the manifest leaves out %s", package->files[i].name);
	for (unsigned i = 0; i < manifest->count; i++) {
		const struct manifest_line *line = &manifest->lines[i];
		const struct package_file *file = package_find(package, line->name, err);
		int error;

		if (file == NULL) {
			(void)err_prefix(err, "manifest");
			return -ENOENT;
		}
		error = hash_file(&(struct hash_range){file->fd, file->offset, file->bytes}, line->kind, digest, progress, context, err);
		if (error != 0)
			return err_prefix(err, "%s", file->name);
		if (!digest_equal(digest, line->digest, digest_size(line->kind)))
			return err_set(err, -EBADMSG, "%s is not what the manifest says: its digest differs", line->name);
	}
	return 0;
}
