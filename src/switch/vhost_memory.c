/* Maps the memory of guests and survives its loss. */
#include "switch/vhost_memory.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* The memories this thread has mapped. A fault comes from the thread itself, never from the middle of a change of the list. */
static __attribute__((tls_model("initial-exec"))) _Thread_local struct list mapped;

static struct list *mapped_list(void)
{
	if (mapped.next == NULL)
		list_init(&mapped);
	return &mapped;
}

/* Puts zero pages over the region that holds `address`; false when there is none. Only async-signal-safe calls. */
static bool region_replace(uintptr_t address)
{
	struct vhost_memory *memory;

	list_each (memory, mapped_list(), struct vhost_memory, node) {
		for (unsigned i = 0; i < memory->count; i++) {
			const struct vhost_region *region = &memory->regions[i];

			if (address - (uintptr_t)region->mapping >= region->map_bytes)
				continue;
			memory->lost = true;
			return mmap(region->mapping, region->map_bytes, PROT_READ | PROT_WRITE,
				       MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) != MAP_FAILED;
		}
	}
	return false;
}

static void on_bus_error(int signal, siginfo_t *info, void *context)
{
	int saved = errno;

	/* Not ours: the default action meets the same fault again and ends the process. */
	if (!region_replace((uintptr_t)info->si_addr))
		(void)sigaction(SIGBUS, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	errno = saved;
}

void vhost_memory_guard(void)
{
	struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

	CHECK(sigaction(SIGBUS, &action, NULL) == 0);
}

/* True when [a, a + a_bytes) and [b, b + b_bytes) share something; neither wraps. */
static bool overlaps(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes) { return a < b + b_bytes && b < a + a_bytes; }

/* What can be said about region `i` without its descriptor. */
static int region_check(const struct vhost_region_info *regions, unsigned i, struct err *err)
{
	const struct vhost_region_info *r = &regions[i];

	if (r->bytes == 0 || r->bytes > VHOST_MEMORY_BYTES_MAX)
		return err_set(err, -EINVAL, "memory region %u has %llu bytes", i, (unsigned long long)r->bytes);
	if (r->guest > UINT64_MAX - r->bytes || r->user > UINT64_MAX - r->bytes || r->offset > INT64_MAX - r->bytes)
		return err_set(err, -EINVAL, "memory region %u wraps around", i);
	for (unsigned j = 0; j < i; j++)
		if (overlaps(r->guest, r->bytes, regions[j].guest, regions[j].bytes) ||
			overlaps(r->user, r->bytes, regions[j].user, regions[j].bytes))
			return err_set(err, -EINVAL, "memory regions %u and %u overlap", j, i);
	return 0;
}

/* Maps one region with the alignment that its file wants (huge pages). */
static int region_map(struct vhost_region *region, const struct vhost_region_info *info, int fd, unsigned i, struct err *err)
{
	struct stat status;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t lead, bytes;
	void *mapping;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, -EINVAL, "memory region %u is no file", i);
	if ((uint64_t)status.st_size < info->offset + info->bytes)
		return err_set(err, -EINVAL, "memory region %u ends behind its file", i);
	if (status.st_blksize > (blksize_t)page && (status.st_blksize & (status.st_blksize - 1)) == 0 && status.st_blksize <= (1 << 30))
		page = (uint64_t)status.st_blksize;
	lead = info->offset & (page - 1);
	bytes = (lead + info->bytes + page - 1) & ~(page - 1);
	mapping = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, (off_t)(info->offset - lead));
	if (mapping == MAP_FAILED)
		return err_set(err, -errno, "memory region %u can't be mapped: %s", i, strerror(errno));
	(void)madvise(mapping, bytes, MADV_DONTDUMP);
	*region = (struct vhost_region){.info = *info, .mapping = mapping, .host = (uint8_t *)mapping + lead, .map_bytes = bytes};
	return 0;
}

int vhost_memory_map(struct vhost_memory *memory, const struct vhost_region_info *regions, const int *fds, unsigned count, struct err *err)
{
	uint64_t total = 0;
	int error = 0;

	CHECK(memory->count == 0 && count <= VHOST_REGIONS_MAX);
	for (unsigned i = 0; i < count && error == 0; i++) {
		error = region_check(regions, i, err);
		total += error == 0 ? regions[i].bytes : 0;
	}
	if (error == 0 && total > VHOST_MEMORY_BYTES_MAX)
		error = err_set(err, -EINVAL, "memory of %llu bytes is more than the limit", (unsigned long long)total);
	if (error != 0)
		return error;
	memory->lost = false;
	list_append(mapped_list(), &memory->node);
	for (unsigned i = 0; i < count; i++) {
		error = region_map(&memory->regions[i], &regions[i], fds[i], i, err);
		if (error != 0) {
			vhost_memory_unmap(memory);
			return error;
		}
		memory->count = i + 1;
	}
	return 0;
}

void vhost_memory_unmap(struct vhost_memory *memory)
{
	list_remove(&memory->node);
	for (unsigned i = 0; i < memory->count; i++) {
		(void)munmap(memory->regions[i].mapping, memory->regions[i].map_bytes);
		memory->regions[i] = (struct vhost_region){0};
	}
	memory->count = 0;
}
