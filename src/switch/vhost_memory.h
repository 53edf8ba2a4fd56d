/*
 * A guest's memory as the switch sees it: regions mapped from descriptors that the hypervisor sent.
 *
 * Theory of operation. An address from a guest becomes a pointer only through `vhost_memory_at`, which gives it out for a whole range
 * inside one region or not at all. The mapping may still vanish under our feet: who holds the descriptor can cut the file short, and a
 * touch beyond its end is SIGBUS (a shortage of huge pages and a broken memory cell end the same way). QEMU seals its memfd against that,
 * other hypervisors and files don't, so the guard doesn't rely on seals: the handler finds the region of the faulting address in the list
 * of the thread it interrupts, puts zero pages over all of it, marks the memory `lost`, and returns; the copy that was interrupted goes on
 * with zeros. The device looks at `lost` after each burst and lets go of the guest. One guest's loss touches nobody else, no copy pays for
 * it. A fault anywhere else is a bug of ours and ends the process as it should.
 */
#ifndef SWITCH_VHOST_MEMORY_H
#define SWITCH_VHOST_MEMORY_H

#include "base/err.h"
#include "base/list.h"

#include <stdint.h>

/* What the protocol allows in one table, and the bytes one guest may make us map (address space only, not memory). */
#define VHOST_REGIONS_MAX 8
#define VHOST_MEMORY_BYTES_MAX (UINT64_C(1) << 42)

/* A region as the front end describes it. */
struct vhost_region_info {
	uint64_t guest; /* guest physical address */
	uint64_t bytes;
	uint64_t user;	 /* address in the front end's process, in which rings are described */
	uint64_t offset; /* in the descriptor */
};

struct vhost_region {
	struct vhost_region_info info;
	uint8_t *host;	  /* of `guest` */
	uint8_t *mapping; /* what was mapped, page-aligned around it */
	uint64_t map_bytes;
};

struct vhost_memory {
	struct list node; /* in the thread's list, for the guard */
	unsigned count;
	volatile bool lost;
	struct vhost_region regions[VHOST_REGIONS_MAX];
};

/* Installs the handler of SIGBUS, once, before any thread maps memory of guests. */
void vhost_memory_guard(void);

/*
 * Maps `count` regions from their descriptors (borrowed). On failure `memory` is empty and `err` says which region was wrong: empty or
 * overlapping, numbers that overflow, a file shorter than the region. To be unmapped by the same thread.
 */
int vhost_memory_map(struct vhost_memory *memory, const struct vhost_region_info *regions, const int *fds, unsigned count, struct err *err);
void vhost_memory_unmap(struct vhost_memory *memory);

/* Where `bytes` bytes from guest physical address `guest` are, or NULL when they are not all inside one region. */
static inline uint8_t *vhost_memory_at(const struct vhost_memory *memory, uint64_t guest, uint64_t bytes)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct vhost_region *region = &memory->regions[i];
		uint64_t offset = guest - region->info.guest;

		if (offset < region->info.bytes && bytes <= region->info.bytes - offset)
			return region->host + offset;
	}
	return NULL;
}

/* The same, when it is likely to be in the region that the last one was in. */
static inline uint8_t *vhost_memory_near(
	const struct vhost_memory *memory, const struct vhost_region **last, uint64_t guest, uint64_t bytes)
{
	uint64_t offset = guest - (*last)->info.guest;

	if (offset < (*last)->info.bytes && bytes <= (*last)->info.bytes - offset)
		return (*last)->host + offset;
	for (unsigned i = 0; i < memory->count; i++) {
		const struct vhost_region *region = &memory->regions[i];

		offset = guest - region->info.guest;
		if (offset < region->info.bytes && bytes <= region->info.bytes - offset) {
			*last = region;
			return region->host + offset;
		}
	}
	return NULL;
}

/* The same for an address in the front end's process. */
static inline uint8_t *vhost_memory_at_user(const struct vhost_memory *memory, uint64_t user, uint64_t bytes)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct vhost_region *region = &memory->regions[i];
		uint64_t offset = user - region->info.user;

		if (offset < region->info.bytes && bytes <= region->info.bytes - offset)
			return region->host + offset;
	}
	return NULL;
}

#endif
