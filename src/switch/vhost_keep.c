/* Keeps what the next switch process needs to go on with a guest's network card, and goes on with it. */
#include "switch/vhost_keep.h"

#include "switch/vhost_device.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Changes with the layout: a page of another version of the program isn't understood. */
#define PAGE_VERSION 1

/* What of a ring's setup isn't a matter of the features. */
struct page_queue {
	uint32_t size;
	uint64_t desc_at, avail_at, used_at;
	bool has_addresses;
	bool enabled;
	uint16_t base;
};

struct vhost_page {
	uint32_t version;
	uint32_t bytes; /* of this struct */
	uint32_t busy;
	uint32_t serial; /* given last */
	uint64_t features;
	uint64_t protocol_features;
	uint32_t slots[KEEP_SLOT_COUNT]; /* serial of the descriptor in the slot; 0: none */
	uint32_t region_count;
	struct vhost_region_info regions[VHOST_REGIONS_MAX];
	struct page_queue queues[VHOST_QUEUES_MAX];
};

/* The other side of `busy` must see what was written before it, in this order, when this process dies between two instructions. */
static void page_set_busy(struct vhost_page *page, bool busy)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	__atomic_store_n(&page->busy, busy, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

void vhost_keep_start(struct vhost_device *vhost)
{
	int fd = memfd_create("vhost page", MFD_CLOEXEC);
	struct vhost_page *page = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(*page)) == 0)
		page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page != MAP_FAILED) {
		*page = (struct vhost_page){.version = PAGE_VERSION, .bytes = sizeof(*page)};
		vhost->keep.page = page;
		device_keep(&vhost->device, KEEP_STATE, 0, fd);
	}
	if (fd >= 0)
		(void)close(fd);
}

void vhost_keep_end(struct vhost_device *vhost)
{
	if (vhost->keep.page != NULL)
		(void)munmap(vhost->keep.page, sizeof(*vhost->keep.page));
	vhost->keep.page = NULL;
}

void vhost_keep_busy(struct vhost_device *vhost)
{
	if (vhost->keep.page != NULL)
		page_set_busy(vhost->keep.page, true);
}

/* A request of which only a part is here stays ours to finish. */
void vhost_keep_done(struct vhost_device *vhost)
{
	struct vhost_page *page = vhost->keep.page;

	if (page == NULL || vhost->socket.have > 0)
		return;
	page->features = vhost->features;
	page->protocol_features = vhost->protocol_features;
	page->region_count = vhost->memory.count;
	for (unsigned i = 0; i < vhost->memory.count; i++)
		page->regions[i] = vhost->memory.regions[i].info;
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++) {
		const struct vhost_queue *queue = &vhost->queues[i];

		page->queues[i] = (struct page_queue){
			.size = queue->setup.size,
			.desc_at = queue->setup.desc_at,
			.avail_at = queue->setup.avail_at,
			.used_at = queue->setup.used_at,
			.has_addresses = queue->has_addresses,
			.enabled = queue->enabled,
			.base = queue->base,
		};
	}
	page_set_busy(page, false);
}

/* Counts what is sent; beyond the limit keeping ends for good, with the page left busy. */
static bool within_rate(struct vhost_device *vhost)
{
	struct vhost_keep *keep = &vhost->keep;
	struct instant now = clock_monotonic();

	if (instant_diff(now, keep->window).ns >= span_s(1).ns) {
		keep->window = now;
		keep->in_window = 0;
	}
	if (++keep->in_window <= VHOST_KEEP_RATE_MAX)
		return true;
	page_set_busy(keep->page, true);
	vhost_keep_end(vhost);
	device_keep(&vhost->device, KEEP_ALL, 0, -1);
	device_drop(&vhost->device, DROP_KEEP_LIMIT, 1);
	return false;
}

void vhost_keep_fd(struct vhost_device *vhost, unsigned slot, int fd)
{
	struct vhost_page *page = vhost->keep.page;

	if (page == NULL || (fd < 0 && page->slots[slot] == 0) || !within_rate(vhost))
		return;
	page->slots[slot] = fd < 0 ? 0 : ++page->serial;
	device_keep(&vhost->device, slot, page->slots[slot], fd);
}

/* Taking over. */

/* Maps the page that was kept. */
static int page_map(struct vhost_device *vhost, const struct device_kept *kept, struct err *err)
{
	struct stat status;
	struct vhost_page *page;

	if (kept->fds[KEEP_STATE] < 0 || fstat(kept->fds[KEEP_STATE], &status) != 0 || status.st_size != sizeof(*page))
		return err_set(err, -ESTALE, "an earlier switch left no word about this port");
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, kept->fds[KEEP_STATE], 0);
	if (page == MAP_FAILED)
		return err_set(err, -ESTALE, "can't read what an earlier switch left: %s", strerror(errno));
	vhost->keep.page = page;
	if (page->version != PAGE_VERSION || page->bytes != sizeof(*page))
		return err_set(err, -ESTALE, "an earlier switch of another version left this port");
	if (page->features & UINT64_C(1) << VHOST_F_LOG_ALL)
		return err_set(err, -ESTALE, "an earlier switch died while the hypervisor copied the machine's memory");
	if (page->busy)
		return err_set(err, -ESTALE, "an earlier switch died over a request of the hypervisor");
	return 0;
}

/* Whether all descriptors that the page speaks of are here. */
static int check_slots(const struct vhost_page *page, const struct device_kept *kept, struct err *err)
{
	if (page->region_count > VHOST_REGIONS_MAX || (page->features & ~vhost_features()) != 0 ||
		(page->protocol_features & ~VHOST_PROTOCOL_FEATURES) != 0)
		return err_set(err, -ESTALE, "what an earlier switch left can't be");
	for (unsigned slot = KEEP_MEMORY; slot < KEEP_SLOT_COUNT; slot++) {
		bool needed = slot < KEEP_KICK ? slot - KEEP_MEMORY < page->region_count : page->slots[slot] != 0;

		if (needed && (page->slots[slot] == 0 || kept->fds[slot] < 0 || kept->serials[slot] != page->slots[slot]))
			return err_set(err, -ESTALE, "a descriptor of an earlier switch is missing");
	}
	return 0;
}

static int take_fd(const struct vhost_page *page, struct device_kept *kept, unsigned slot)
{
	int fd = page->slots[slot] != 0 ? kept->fds[slot] : -1;

	if (fd >= 0)
		kept->fds[slot] = -1;
	return fd;
}

/* A queue as it was. The guest may have missed an interrupt when the old process died between showing a buffer and saying so. */
static int take_queue(struct vhost_device *vhost, struct device_kept *kept, unsigned index, struct err *err)
{
	const struct vhost_page *page = vhost->keep.page;
	const struct page_queue *saved = &page->queues[index];
	struct vhost_queue *queue = &vhost->queues[index];
	const uint64_t one = 1;

	queue->setup.size = saved->size;
	queue->setup.desc_at = saved->desc_at;
	queue->setup.avail_at = saved->avail_at;
	queue->setup.used_at = saved->used_at;
	queue->has_addresses = saved->has_addresses;
	queue->enabled = saved->enabled;
	queue->base = saved->base;
	queue->kick_fd = take_fd(page, kept, KEEP_KICK + index);
	queue->call_fd = queue->ring.call_fd = take_fd(page, kept, KEEP_CALL + index);
	queue->error_fd = queue->ring.error_fd = take_fd(page, kept, KEEP_ERROR + index);
	if (queue->call_fd >= 0)
		(void)!write(queue->call_fd, &one, sizeof(one));
	if (index % 2 == 1 && queue->kick_fd >= 0 && device_watch(&vhost->device, queue->kick_fd, EPOLLIN | EPOLLET, index + 1) != 0)
		return err_set(err, -ESTALE, "can't watch a ring");
	return 0;
}

int vhost_keep_resume(struct vhost_device *vhost, struct device_kept *kept, struct err *err)
{
	struct vhost_region_info infos[VHOST_REGIONS_MAX];
	int error = page_map(vhost, kept, err);
	uint32_t count;

	if (error == 0)
		error = check_slots(vhost->keep.page, kept, err);
	if (error != 0)
		return error;
	vhost_use_features(vhost, vhost->keep.page->features);
	vhost->protocol_features = vhost->keep.page->protocol_features;
	count = vhost->keep.page->region_count;
	memcpy(infos, vhost->keep.page->regions, sizeof(infos));
	if (count > 0 && vhost_memory_map(&vhost->memory, infos, &kept->fds[KEEP_MEMORY], count, err) != 0)
		return -ESTALE;
	for (unsigned i = 0; i < VHOST_QUEUES_MAX; i++)
		if (take_queue(vhost, kept, i, err) != 0)
			return -ESTALE;
	return vhost_start(vhost, err) == 0 ? 0 : -ESTALE;
}
