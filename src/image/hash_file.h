/* The digest of a file, or of a part of one. */
#ifndef IMAGE_HASH_FILE_H
#define IMAGE_HASH_FILE_H

#include "base/err.h"
#include "net/digest.h"

/* Called with the bytes that were read since the last time; returns false to stop. */
typedef bool hash_progress_fn(void *context, uint64_t bytes);

/* Part of a file: `bytes` at `offset` of the descriptor `fd`. */
struct hash_range {
	int fd;
	uint64_t offset, bytes;
};

/* Digests a part of a file into `out`. `progress` may be NULL. 0; -ECANCELED; -EIO when the file is shorter than that. */
int hash_file(
	const struct hash_range *range, enum digest_kind kind, uint8_t *out, hash_progress_fn *progress, void *context, struct err *err);

/* The SHA-256 of the whole file `path` as hex. */
#define SHA256_TEXT_BYTES 65
int hash_path(const char *path, char out[SHA256_TEXT_BYTES], hash_progress_fn *progress, void *context, struct err *err);

/* A SHA-256 digest as hex. */
void hash_text(const uint8_t *digest, char out[SHA256_TEXT_BYTES]);

#endif
