/* Writes a cpio archive in the "newc" form, the one that the kernel unpacks as an initramfs. */
#ifndef VM_TINY_CPIO_H
#define VM_TINY_CPIO_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/* An archive being written. `error` keeps the first write error (a negative errno); calls after it do nothing. */
struct cpio {
	int fd;
	uint32_t inode;
	uint64_t written;
	int error;
};

/* Starts an archive at the beginning of `fd` (borrowed). */
struct cpio cpio_over(int fd);

/* Members, all of root's and of time 0, so that the same content gives the same bytes. Names without a leading slash. `mode`: permissions.
 */
void cpio_folder(struct cpio *cpio, const char *name);
void cpio_file(struct cpio *cpio, const char *name, unsigned mode, const void *bytes, size_t size);
void cpio_link(struct cpio *cpio, const char *name, const char *target);
void cpio_char_device(struct cpio *cpio, const char *name, unsigned mode, unsigned major, unsigned minor);

/* Copies a file of this host into the archive; 0 or a negative errno naming the file. */
int cpio_copy(struct cpio *cpio, const char *name, unsigned mode, const char *source, struct err *err);

/* Ends the archive; returns 0 or the first error. */
int cpio_end(struct cpio *cpio);

#endif
