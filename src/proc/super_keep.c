/*
 * What outlives the switch: super holds the descriptors by which a restarted switch goes on where the old one fell.
 *
 * Theory of operation. When super has opened a port's device (a connection to a hypervisor, a TAP) it keeps a duplicate; the switch sends
 * what it got from the hypervisor since (memory, eventfds) and a page of its own in which it says what they are. As long as any holder is
 * left, the hypervisor sees no end of the connection and the kernel no loss of the TAP's carrier. A switch that starts asks for its ports
 * as ever and gets what is kept; what it has not asked for by the end of its first synchronization is closed. Super never looks into any
 * of it: whether it fits together is for the switch to find out, by serial numbers; when it asks a second time it gets a device that is
 * opened anew.
 */
#include "base/arena.h"
#include "base/log.h"
#include "proc/super.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Descriptors that are left for all else. */
#define FDS_OF_SUPER 256

struct kept {
	bool asked; /* since the switch started */
	bool is_tap;
	struct msg_open_tap tap;
	int fds[KEEP_SLOT_COUNT];
	uint32_t serials[KEEP_SLOT_COUNT];
};

/* Room for as many as the hard limit allows; asked for once. */
static unsigned fds_max(struct super *super)
{
	struct rlimit files;

	if (super->kept_fds_max != 0)
		return super->kept_fds_max;
	super->kept_fds_max = 1;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
		if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > 2 * FDS_OF_SUPER)
			super->kept_fds_max = files.rlim_cur > 1 << 20 ? 1 << 20 : (unsigned)files.rlim_cur - FDS_OF_SUPER;
	}
	return super->kept_fds_max;
}

bool super_kept_has_room(struct super *super) { return super->kept_fds < fds_max(super); }

static void slot_close(struct super *super, struct kept *kept, unsigned slot)
{
	if (kept->fds[slot] < 0)
		return;
	(void)close(kept->fds[slot]);
	kept->fds[slot] = -1;
	super->kept_fds--;
}

void super_kept_forget(struct super *super, uint32_t port)
{
	struct kept *kept = map_remove(&super->kept, port);

	if (kept == NULL)
		return;
	for (unsigned slot = 0; slot < KEEP_SLOT_COUNT; slot++)
		slot_close(super, kept, slot);
	free(kept);
}

/* Takes over `fd`. What doesn't fit any more is not kept: that port is opened anew after a death, as if there were no keeping. */
static void slot_set(struct super *super, struct kept *kept, const struct msg_keep *keep, int fd)
{
	slot_close(super, kept, keep->slot);
	if (!super_kept_has_room(super)) {
		log_warning(NULL, "limit reached: %u descriptors are kept for the switch (raise the limit of open files)", super->kept_fds);
		(void)close(fd);
		return;
	}
	kept->fds[keep->slot] = fd;
	kept->serials[keep->slot] = keep->serial;
	super->kept_fds++;
}

void super_keep_device(struct super *super, uint32_t port, const struct msg_open_tap *tap, int fd)
{
	const struct msg_keep keep = {.port = port, .slot = KEEP_DEVICE};
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	struct kept *kept;

	super_kept_forget(super, port);
	if (copy < 0)
		return;
	kept = xalloc(sizeof(*kept));
	kept->asked = true;
	kept->is_tap = tap != NULL;
	if (tap != NULL)
		kept->tap = *tap;
	for (unsigned slot = 0; slot < KEEP_SLOT_COUNT; slot++)
		kept->fds[slot] = -1;
	slot_set(super, kept, &keep, copy);
	(void)map_set(&super->kept, port, kept);
}

static bool same_tap(const struct msg_open_tap *a, const struct msg_open_tap *b)
{
	return a->mtu == b->mtu && strcmp(a->name, b->name) == 0 && strcmp(a->netns, b->netns) == 0;
}

int super_kept(struct super *super, struct child *child, uint32_t seq, uint32_t port, const struct msg_open_tap *tap)
{
	struct kept *kept = map_get(&super->kept, port);

	if (kept == NULL)
		return -1;
	/* One that was asked for in this life of the switch has been let go of by it, although its FORGET is still under way. */
	if (kept->asked || kept->fds[KEEP_DEVICE] < 0 || kept->is_tap != (tap != NULL) || (tap != NULL && !same_tap(&kept->tap, tap))) {
		super_kept_forget(super, port);
		return -1;
	}
	kept->asked = true;
	for (unsigned slot = KEEP_DEVICE + 1; slot < KEEP_SLOT_COUNT; slot++) {
		const struct msg_keep row = {.port = port, .serial = kept->serials[slot], .slot = (uint8_t)slot};

		if (kept->fds[slot] >= 0)
			(void)channel_send(child->channel, MSG_KEPT, seq, &row, kept->fds[slot]);
	}
	return kept->fds[KEEP_DEVICE];
}

void super_kept_unask(struct super *super)
{
	struct kept *kept;
	size_t cursor = 0;

	while ((kept = map_next(&super->kept, &cursor, NULL, NULL)) != NULL)
		kept->asked = false;
	super_vhost_unask(super);
}

static void forget_unasked(struct super *super)
{
	struct kept *kept;
	uint64_t port;
	size_t cursor = 0;

	while ((kept = map_next(&super->kept, &cursor, &port, NULL)) != NULL)
		if (!kept->asked)
			super_kept_forget(super, (uint32_t)port);
	super_vhost_close_unasked(super);
}

void super_keep(struct super *super, struct child *child, const struct message *message)
{
	const struct msg_keep *keep = message->body;
	struct kept *kept;

	if (message->row->type == MSG_FORGET_UNASKED) {
		forget_unasked(super);
		return;
	}
	kept = map_get(&super->kept, keep->port);
	if (message->row->type == MSG_FORGET) {
		if (keep->slot == KEEP_ALL)
			super_kept_forget(super, keep->port);
		else if (kept != NULL && keep->slot < KEEP_SLOT_COUNT)
			slot_close(super, kept, keep->slot);
	} else if (kept != NULL && keep->slot > KEEP_DEVICE && keep->slot < KEEP_SLOT_COUNT) {
		slot_set(super, kept, keep, message->fd);
	} else {
		log_debug(process_name(child->row->body->id), "nothing is kept in slot %u of port %u", keep->slot, keep->port);
		(void)close(message->fd);
	}
}
