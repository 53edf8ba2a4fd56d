/*
 * What a disk image is, told by its first bytes: format, virtual size, and whether it is whole.
 *
 * Theory of operation. Formats can name other files: a qcow2 its backing file and its data file, a VMDK its extents and its parent, a VDI
 * its parent. Whoever made the image could have any file of this host copied into a disk that way. So such images are refused here, by
 * their heads, before a program that would follow the names sees them; and that program runs where there are no other files
 * (proc/confine.h), lest a head is read differently here and there.
 */
#ifndef IMAGE_IMAGE_HEAD_H
#define IMAGE_IMAGE_HEAD_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How much of an image is looked at: a VMDK's descriptor lies in it. */
#define IMAGE_HEAD_BYTES 65536

enum image_format {
	IMAGE_RAW,
	IMAGE_QCOW2,
	IMAGE_VMDK,
	IMAGE_VDI,
	IMAGE_TAR,   /* perhaps an OVA */
	IMAGE_XML,   /* perhaps an OVF */
	IMAGE_OTHER, /* known, and not taken: `name` says what, `advice` what to do */
	IMAGE_UNKNOWN,
};

struct image_head {
	enum image_format format;
	const char *name;	/* "qcow2", "VMDK (streamOptimized)", "VHDX" */
	const char *advice;	/* of OTHER */
	bool boots;		/* RAW: it has a boot sector */
	uint64_t virtual_bytes; /* QCOW2, VMDK, VDI; 0 otherwise */
};

/*
 * Looks at the first `size` bytes (up to IMAGE_HEAD_BYTES) of what is called `what` in errors. 0, or a negative errno: -EPERM when it names
 * other files, -EINVAL when its head is broken.
 */
int image_head(const char *what, const uint8_t *bytes, size_t size, struct image_head *head, struct err *err);

/* Whether the file `path` is a qcow2 over the file `backing`, as its head names it. */
bool image_lies_over(const char *path, const char *backing);

#endif
