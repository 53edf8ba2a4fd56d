/* Marks the pages of a guest that were written. */
#include "switch/vhost_log.h"

#include <errno.h>

int vhost_log_map(struct vhost_log *log, int fd, uint64_t bytes, uint64_t offset, struct err *err)
{
	const struct vhost_region_info info = {.bytes = bytes, .offset = offset};

	vhost_log_unmap(log);
	if (bytes > VHOST_LOG_BYTES_MAX)
		return err_set(err, -EINVAL, "a log of %llu bytes", (unsigned long long)bytes);
	return vhost_memory_map(&log->map, &info, &fd, 1, err);
}

void vhost_log_unmap(struct vhost_log *log)
{
	if (log->map.count > 0)
		vhost_memory_unmap(&log->map);
}

void vhost_log_mark(struct vhost_log *log, uint64_t address, uint64_t bytes)
{
	uint64_t page = address / VHOST_LOG_PAGE_BYTES;
	uint64_t end;

	if (log->map.count == 0 || bytes == 0 || address > UINT64_MAX - bytes)
		return;
	end = (address + bytes - 1) / VHOST_LOG_PAGE_BYTES + 1;
	if (end > log->map.regions[0].info.bytes * 8)
		end = log->map.regions[0].info.bytes * 8;
	for (; page < end; page++)
		(void)__atomic_fetch_or(&log->map.regions[0].host[page / 8], (uint8_t)(1U << page % 8), __ATOMIC_RELEASE);
}

void vhost_log_mark_at(struct vhost_log *log, const struct vhost_memory *memory, const uint8_t *at, uint64_t bytes)
{
	for (unsigned i = 0; i < memory->count; i++) {
		const struct vhost_region *region = &memory->regions[i];
		uint64_t offset = (uint64_t)(at - region->host);

		if (at < region->host || offset >= region->info.bytes)
			continue;
		vhost_log_mark(log, region->info.guest + offset, bytes);
		return;
	}
}
