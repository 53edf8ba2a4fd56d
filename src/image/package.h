/*
 * An OVF package: its files, found in a tar archive (OVA) or in a folder, its descriptor read, its manifest held against it.
 *
 * Theory of operation. Nothing is unpacked. Of an archive libarchive says where each member's data lies, and everything reads there; of
 * a folder, files are opened by their plain names. Members with a path, links, devices and names that come twice are refused, whatever
 * they would be for. Runs confined (proc/confine.h).
 */
#ifndef IMAGE_PACKAGE_H
#define IMAGE_PACKAGE_H

#include "image/ovf.h"

/* A file of the package: `bytes` at `offset` of the descriptor `fd`. */
struct package_file {
	char name[PACKAGE_NAME_BYTES];
	int fd;
	uint64_t offset, bytes;
};

struct package {
	int folder; /* -1: an archive */
	struct package_file files[PACKAGE_FILES_MAX];
	unsigned count;
	struct ovf ovf;
	bool has_manifest;
	struct manifest manifest;
};

/* Opens an archive. 0 or a negative errno; package_close ends either. */
int package_open_archive(int fd, struct package *out, struct err *err);

/* Opens the package whose descriptor is the file `name` of a folder. */
int package_open_folder(int folder, const char *name, struct package *out, struct err *err);
void package_close(struct package *package);

/* The file of that name, looked for in the folder as well; NULL with the error. */
const struct package_file *package_find(struct package *package, const char *name, struct err *err);

/* Called now and then with the bytes that were read. Returns false to stop. */
typedef bool package_progress_fn(void *context, uint64_t bytes);

/* Holds every file of the manifest against its digest, and wants descriptor and disks to be in it. Without a manifest nothing is done. */
int package_verify(struct package *package, package_progress_fn *progress, void *context, struct err *err);

#endif
