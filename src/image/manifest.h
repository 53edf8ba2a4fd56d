/* The manifest of an OVF package (DSP0243, 5.1): which digest each of its files has. Pure. */
#ifndef IMAGE_MANIFEST_H
#define IMAGE_MANIFEST_H

#include "base/err.h"
#include "net/digest.h"

#include <stdbool.h>

/* Longest name of a file in a package, and most files, with its NUL. */
#define PACKAGE_NAME_BYTES 128
#define PACKAGE_FILES_MAX 64

/* Longest manifest and descriptor that are read. */
#define MANIFEST_BYTES_MAX 65536

struct manifest_line {
	char name[PACKAGE_NAME_BYTES];
	enum digest_kind kind;
	uint8_t digest[DIGEST_BYTES_MAX];
};

struct manifest {
	struct manifest_line lines[PACKAGE_FILES_MAX];
	unsigned count;
};

/* Reads `SHA256(name)= hex` lines. 0, or -EINVAL with the line that is wrong. */
int manifest_read(const char *bytes, size_t size, struct manifest *out, struct err *err);

/* The line of a file, or NULL. */
const struct manifest_line *manifest_find(const struct manifest *manifest, const char *name);

/* Whether a name is that of a file in the package's own folder: no path, nothing hidden, nothing that a terminal would take for more. */
bool package_name_ok(const char *name);

#endif
