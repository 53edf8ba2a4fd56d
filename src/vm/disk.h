/* Disks of machines: a file that takes the writes over an image that is never written. */
#ifndef VM_DISK_H
#define VM_DISK_H

#include "api/message.h"
#include "base/err.h"

/* Longest name of an image format with its NUL. */
#define DISK_FORMAT_BYTES 8

/*
 * Looks whether `image` (an absolute path) is a readable disk image and of which format ("raw", "qcow2"). One that refers to other files of
 * this host is refused, since whoever made it could have any file read. 0, or a negative errno with a text.
 */
int disk_probe(const char *image, char format[DISK_FORMAT_BYTES], struct err *err);

/* Makes the qcow2 file `overlay` over `image`, unless it is there. Blocks. 0 or a negative errno. */
int disk_make(const char *overlay, const char *image, const char *format, struct err *err);

/* Where the disk of the machine `path` ("lab/vm1") is kept when it outlives it; `out` has FILE_BYTES. */
void disk_kept_path(const char *state, const char *path, char out[FILE_BYTES]);

/* Whether `overlay` lies over `image`. */
bool disk_lies_over(const char *overlay, const char *image);

#endif
