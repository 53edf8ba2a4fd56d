/* The FDB of a network: learning, moving, aging. */
#include "switch/fdb.h"

#include "base/arena.h"
#include "net/ethernet.h"

#include <errno.h>
#include <stdlib.h>

struct fdb_entry *fdb_find(const struct network *network, struct mac mac) { return map_get(&network->fdb, mac_to_u64(mac)); }

/* Takes a learned entry out of the counts and of the ages. */
static void entry_unlearn(struct fdb_entry *entry)
{
	list_remove(&entry->in_ages);
	entry->member->learned--;
	entry->network->learned--;
}

static void entry_remove(struct core *core, struct fdb_entry *entry)
{
	if (!entry->is_static)
		entry_unlearn(entry);
	map_remove(&entry->network->fdb, mac_to_u64(entry->mac));
	core_raise(core, &entry->network->fdb_generation);
	free(entry);
}

static struct fdb_entry *entry_add(struct core *core, struct network *network, struct member *member, struct mac mac)
{
	struct fdb_entry *entry = xalloc(sizeof(*entry));

	entry->mac = mac;
	entry->network = network;
	entry->member = member;
	map_set(&network->fdb, mac_to_u64(mac), entry);
	core_raise(core, &network->fdb_generation);
	return entry;
}

int fdb_set_static(struct core *core, struct network *network, struct member *member, struct mac mac)
{
	struct fdb_entry *entry = fdb_find(network, mac);

	if (entry != NULL && entry->is_static)
		return entry->member == member ? 0 : -EEXIST;
	if (entry != NULL)
		entry_remove(core, entry);
	entry_add(core, network, member, mac)->is_static = true;
	return 0;
}

void fdb_remove_static(struct core *core, struct network *network, struct member *member, struct mac mac)
{
	struct fdb_entry *entry = fdb_find(network, mac);

	if (entry != NULL && entry->is_static && entry->member == member)
		entry_remove(core, entry);
}

static bool may_learn(const struct core *core, const struct network *network, const struct member *member)
{
	return network->learned < core->limits.macs_per_network && member->learned < core->limits.macs_per_port;
}

bool fdb_would_learn(const struct core *core, const struct network *network, const struct member *member, struct mac mac)
{
	const struct fdb_entry *entry = fdb_find(network, mac);

	if (entry == NULL)
		return may_learn(core, network, member);
	return entry->member == member || (!entry->is_static && member->learned < core->limits.macs_per_port);
}

static void entry_learn(struct core *core, struct fdb_entry *entry, struct member *member, struct instant now)
{
	entry->member = member;
	entry->queued = now;
	member->learned++;
	entry->network->learned++;
	list_append(&core->fdb_ages, &entry->in_ages);
}

struct fdb_entry *fdb_learn(struct core *core, struct network *network, struct member *member, struct mac mac, struct instant now)
{
	struct fdb_entry *entry = fdb_find(network, mac);

	if (core->trace != NULL)
		return entry != NULL && (entry->is_static || entry->member == member) ? entry : NULL;
	if (entry != NULL && (entry->is_static || entry->member == member)) {
		entry->seen = now;
		return entry;
	}
	if (entry == NULL) {
		if (!may_learn(core, network, member)) {
			core_limit_reached(core, "macs", member_path(member), member->learned);
			return NULL;
		}
		entry = entry_add(core, network, member, mac);
	} else {
		if (member->learned >= core->limits.macs_per_port)
			return NULL;
		entry_unlearn(entry);
		network->moves++;
		core_raise(core, &network->fdb_generation);
	}
	entry_learn(core, entry, member, now);
	entry->seen = now;
	return entry;
}

void fdb_flush(struct core *core, struct network *network, const struct member *member)
{
	size_t cursor = 0;
	struct fdb_entry *entry;

	if (network->learned == 0)
		return;
	while ((entry = map_next(&network->fdb, &cursor, NULL, NULL)) != NULL)
		if (!entry->is_static && (member == NULL || entry->member == member))
			entry_remove(core, entry);
}

void fdb_free(struct core *core, struct network *network)
{
	size_t cursor = 0;
	struct fdb_entry *entry;

	while ((entry = map_next(&network->fdb, &cursor, NULL, NULL)) != NULL)
		entry_remove(core, entry);
	map_free(&network->fdb);
}

struct instant fdb_age(struct core *core, struct instant now)
{
	struct span age = span_s(FDB_AGE_S);
	struct fdb_entry *entry;

	while ((entry = list_first(&core->fdb_ages, struct fdb_entry, in_ages)) != NULL) {
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): an entry that was freed left the list before */
		struct instant due = instant_add(entry->queued, span_s(FDB_CHECK_S));

		if (!instant_reached(due, now))
			return due;
		list_remove(&entry->in_ages);
		if (instant_reached(instant_add(entry->seen, age), now)) {
			entry_remove(core, entry);
			continue;
		}
		entry->queued = now;
		list_append(&core->fdb_ages, &entry->in_ages);
	}
	return INSTANT_NEVER;
}
