/* Digests of files, read once from one end to the other. */
#include "image/hash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE_BYTES = 1 << 18 };

int hash_file(
	const struct hash_range *range, enum digest_kind kind, uint8_t *out, hash_progress_fn *progress, void *context, struct err *err)
{
	uint64_t offset = range->offset, bytes = range->bytes;
	uint8_t *piece = malloc(PIECE_BYTES);
	struct digest_run run;
	int error = piece == NULL ? err_set(err, -ENOMEM, "no memory") : 0;

	digest_begin(&run, kind);
	while (bytes > 0 && error == 0) {
		ssize_t n = pread(range->fd, piece, bytes < PIECE_BYTES ? bytes : PIECE_BYTES, (off_t)offset);

		if (n <= 0) {
			error = err_set(err, -EIO, "it cannot be read to its end: %s", n < 0 ? strerror(errno) : "it became shorter");
			break;
		}
		digest_add(&run, piece, (size_t)n);
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
		if (progress != NULL && !progress(context, (uint64_t)n))
			error = err_set(err, -ECANCELED, "interrupted");
	}
	digest_end(&run, out);
	free(piece);
	return error;
}

void hash_text(const uint8_t *digest, char out[SHA256_TEXT_BYTES])
{
	for (unsigned i = 0; i < 32; i++)
		(void)snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

int hash_path(const char *path, char out[SHA256_TEXT_BYTES], hash_progress_fn *progress, void *context, struct err *err)
{
	uint8_t digest[DIGEST_BYTES_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), error;
	struct stat st = {0};

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		error = err_set(
			err, fd < 0 ? -errno : -EINVAL, "%s cannot be read: %s", path, fd < 0 ? strerror(errno) : "no regular file");
	} else {
		error = hash_file(&(struct hash_range){fd, 0, (uint64_t)st.st_size}, DIGEST_SHA256, digest, progress, context, err);
		if (error == 0)
			hash_text(digest, out);
	}
	if (fd >= 0)
		(void)close(fd);
	return error;
}
