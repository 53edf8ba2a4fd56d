/*
 * The log of written pages, which a hypervisor wants while it copies a running guest's memory (save, snapshot, migration).
 *
 * Theory of operation. The front end shares a bitmap with one bit for each page of 4 KiB of guest physical memory (VHOST_USER_SET_LOG_BASE)
 * and turns logging on by the feature VHOST_F_LOG_ALL. Whoever writes into the guest's memory marks the pages afterwards: buffers by the
 * address where they are, used rings by the address that came with them. The bitmap is the hypervisor's memory like any other: it may
 * vanish under us, so it is mapped by the same means as the guest's (vhost_memory.h).
 */
#ifndef SWITCH_VHOST_LOG_H
#define SWITCH_VHOST_LOG_H

#include "switch/vhost_memory.h"

#include <stdbool.h>

#define VHOST_LOG_PAGE_BYTES 4096
#define VHOST_LOG_BYTES_MAX (UINT64_C(1) << 30)

struct vhost_log {
	bool on;
	struct vhost_memory map; /* one region, or none: there is no bitmap yet */
};

/* Takes the bitmap of `bytes` at `offset` of a file (borrowed) in place of the one before. -EINVAL when it can't be one. */
int vhost_log_map(struct vhost_log *log, int fd, uint64_t bytes, uint64_t offset, struct err *err);
void vhost_log_unmap(struct vhost_log *log);

/* Marks the pages of [address, address + bytes) of guest physical memory. What lies beyond the bitmap is nobody's. */
void vhost_log_mark(struct vhost_log *log, uint64_t address, uint64_t bytes);

/* Likewise, by where the bytes are in our mapping of the guest's memory. */
void vhost_log_mark_at(struct vhost_log *log, const struct vhost_memory *memory, const uint8_t *at, uint64_t bytes);

#endif
