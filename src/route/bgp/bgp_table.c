/* The table of BGP routes of one family. Long because one by one and in batches share what nobody else may see. */
#include "route/bgp/bgp_table.h"

#include "base/arena.h"
#include "base/check.h"
#include "base/hash.h"
#include "route/bgp/chunks.h"

#include <stdlib.h>
#include <string.h>

/* Flags of a destination. */
enum { DEST_DIRTY = 1, DEST_LOGGED = 2, DEST_USED = 4 };

/* `best_attr` holds a reference. `log_place`: low bits of the latest place in the log. A destination that is unused is linked by `paths`.
 */
struct dest {
	uint32_t paths;
	uint32_t log_place;
	uint32_t best_attr;
	uint16_t best_peer;
	uint8_t length;
	uint8_t flags;
};

/* Numbers in an array that grows. */
struct numbers {
	uint32_t *list;
	size_t first, count, capacity;
};

struct bgp_table {
	enum ip_family family;
	uint32_t dests_max;
	struct bgp_attrs *attrs;
	bgp_choose_fn *choose;
	bgp_decided_fn *decided;
	void *context;
	unsigned key_bytes;
	struct chunks dests, keys, paths;
	uint32_t dest_count, path_count;
	uint32_t *slots;
	uint32_t mask;
	struct numbers dirty, log;
	uint64_t log_start; /* place of log.list[log.first] */
};

static struct dest *dest_at(const struct bgp_table *t, uint32_t i) { return chunk_at(&t->dests, i); }
static uint8_t *key_at(const struct bgp_table *t, uint32_t i) { return chunk_at(&t->keys, i); }
static struct bgp_path *path_at(const struct bgp_table *t, uint32_t i) { return chunk_at(&t->paths, i); }

static void numbers_add(struct numbers *n, uint32_t number)
{
	if (n->first + n->count == n->capacity) {
		/* What was taken from the front makes room when it is at least half. */
		if (n->first >= n->count && n->first > 0) {
			memmove(n->list, n->list + n->first, n->count * sizeof(*n->list));
			n->first = 0;
		} else {
			n->capacity = n->capacity ? n->capacity * 2 : 256;
			n->list = xrealloc(n->list, n->capacity * sizeof(*n->list));
		}
	}
	n->list[n->first + n->count++] = number;
}

struct bgp_table *bgp_table_new(
	enum ip_family family, uint32_t dests_max, struct bgp_attrs *attrs, bgp_choose_fn *choose, bgp_decided_fn *decided, void *context)
{
	struct bgp_table *t = xalloc(sizeof(*t));

	t->family = family;
	t->dests_max = dests_max;
	t->attrs = attrs;
	t->choose = choose;
	t->decided = decided;
	t->context = context;
	t->key_bytes = ip_bits(family) / 8;
	chunks_init(&t->dests, sizeof(struct dest));
	chunks_init(&t->keys, t->key_bytes);
	chunks_init(&t->paths, sizeof(struct bgp_path));
	t->mask = 1023;
	t->slots = xalloc((t->mask + 1) * sizeof(*t->slots));
	return t;
}

static void attr_drop(struct bgp_table *t, uint32_t attr)
{
	if (attr != 0)
		bgp_attr_unref(t->attrs, bgp_attrs_get(t->attrs, attr));
}

void bgp_table_free(struct bgp_table *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 1; i < t->dests.count; i++) {
		struct dest *d = dest_at(t, i);

		if (!(d->flags & DEST_USED))
			continue;
		attr_drop(t, d->best_attr);
		for (uint32_t p = d->paths; p != 0; p = path_at(t, p)->next)
			attr_drop(t, path_at(t, p)->attr);
	}
	chunks_free(&t->dests);
	chunks_free(&t->keys);
	chunks_free(&t->paths);
	free(t->slots);
	free(t->dirty.list);
	free(t->log.list);
	free(t);
}

void bgp_table_set_max(struct bgp_table *table, uint32_t dests_max) { table->dests_max = dests_max; }

enum ip_family bgp_table_family(const struct bgp_table *t) { return t->family; }

static uint32_t slot_of(const struct bgp_table *t, const uint8_t *key, uint8_t length)
{
	uint32_t word;
	uint64_t words[2];

	if (t->key_bytes == 4) {
		memcpy(&word, key, 4);
		return (uint32_t)(hash_u64((uint64_t)word << 8 | length) >> 16) & t->mask;
	}
	memcpy(words, key, 16);
	return (uint32_t)(hash_u64(words[0] ^ hash_u64(words[1] + length)) >> 16) & t->mask;
}

static bool dest_is(const struct bgp_table *t, uint32_t dest, const uint8_t *key, uint8_t length)
{
	return dest_at(t, dest)->length == length && memcmp(key_at(t, dest), key, t->key_bytes) == 0;
}

/* The destination of a prefix whose search begins at slot `i`. */
static uint32_t find_from(const struct bgp_table *t, const struct prefix *prefix, uint32_t i)
{
	for (; t->slots[i] != 0; i = (i + 1) & t->mask)
		if (dest_is(t, t->slots[i], prefix->ip.bytes, prefix->length))
			return t->slots[i];
	return BGP_NONE;
}

uint32_t bgp_table_find(const struct bgp_table *t, const struct prefix *prefix)
{
	return find_from(t, prefix, slot_of(t, prefix->ip.bytes, prefix->length));
}

static void slots_put(struct bgp_table *t, uint32_t dest)
{
	uint32_t i = slot_of(t, key_at(t, dest), dest_at(t, dest)->length);

	while (t->slots[i] != 0)
		i = (i + 1) & t->mask;
	t->slots[i] = dest;
}

/* At most three quarters full: the table is large and its keys are well mixed. */
static void slots_grow(struct bgp_table *t)
{
	if ((uint64_t)(t->dest_count + 1) * 4 <= (uint64_t)(t->mask + 1) * 3)
		return;
	free(t->slots);
	t->mask = t->mask * 2 + 1;
	t->slots = xalloc(((size_t)t->mask + 1) * sizeof(*t->slots));
	for (uint32_t i = 1; i < t->dests.count; i++)
		if (dest_at(t, i)->flags & DEST_USED)
			slots_put(t, i);
}

/* Takes a destination out of the slots (Knuth 6.4, algorithm R). */
static void slots_take(struct bgp_table *t, uint32_t dest)
{
	uint32_t gap = slot_of(t, key_at(t, dest), dest_at(t, dest)->length);

	while (t->slots[gap] != dest)
		gap = (gap + 1) & t->mask;
	for (uint32_t i = (gap + 1) & t->mask; t->slots[i] != 0; i = (i + 1) & t->mask) {
		uint32_t home = slot_of(t, key_at(t, t->slots[i]), dest_at(t, t->slots[i])->length);

		if (((i - home) & t->mask) >= ((i - gap) & t->mask)) {
			t->slots[gap] = t->slots[i];
			gap = i;
		}
	}
	t->slots[gap] = 0;
}

static uint32_t dest_new(struct bgp_table *t, const struct prefix *prefix)
{
	uint32_t i = t->dests.unused;

	if (t->dest_count == t->dests_max)
		return BGP_NONE;
	slots_grow(t);
	if (i != 0) {
		t->dests.unused = dest_at(t, i)->paths;
	} else {
		i = chunks_extend(&t->dests);
		(void)chunks_extend(&t->keys);
	}
	*dest_at(t, i) = (struct dest){.length = prefix->length, .flags = DEST_USED};
	memcpy(key_at(t, i), prefix->ip.bytes, t->key_bytes);
	slots_put(t, i);
	t->dest_count++;
	return i;
}

/* Gives a destination back that has no path, no best and no place in the log. */
static void dest_free(struct bgp_table *t, uint32_t i)
{
	slots_take(t, i);
	*dest_at(t, i) = (struct dest){.paths = t->dests.unused};
	t->dests.unused = i;
	t->dest_count--;
}

static void dest_dirty(struct bgp_table *t, uint32_t i)
{
	struct dest *d = dest_at(t, i);

	if (d->flags & DEST_DIRTY)
		return;
	d->flags |= DEST_DIRTY;
	numbers_add(&t->dirty, i);
}

/* The link (in a destination or a path) that leads to the path of a peer; what it holds is 0 when there is none. */
static uint32_t *path_link(const struct bgp_table *t, struct dest *d, uint16_t peer, uint32_t path_id)
{
	uint32_t *link = &d->paths;

	while (*link != 0) {
		struct bgp_path *p = path_at(t, *link);

		if (p->peer == peer && p->path_id == path_id)
			return link;
		link = &p->next;
	}
	return link;
}

/* A path for a destination (BGP_NONE: the prefix has none yet); takes a reference over. */
static bool path_set(struct bgp_table *t, const struct prefix *prefix, uint32_t dest, struct bgp_path path, struct bgp_attr_set *set)
{
	struct bgp_path *p;
	uint32_t *link;

	if (dest == BGP_NONE)
		dest = dest_new(t, prefix);
	if (dest == BGP_NONE) {
		bgp_attr_unref(t->attrs, set);
		return false;
	}
	link = path_link(t, dest_at(t, dest), path.peer, path.path_id);
	if (*link != 0) {
		p = path_at(t, *link);
		if (p->attr == set->id && p->flags == path.flags) {
			bgp_attr_unref(t->attrs, set);
			return true;
		}
		attr_drop(t, p->attr);
	} else {
		uint32_t i = t->paths.unused;

		if (i != 0)
			t->paths.unused = path_at(t, i)->next;
		else
			i = chunks_extend(&t->paths);
		*link = i;
		p = path_at(t, i);
		*p = path;
		t->path_count++;
	}
	p->attr = set->id;
	p->flags = path.flags;
	dest_dirty(t, dest);
	return true;
}

bool bgp_table_announce(
	struct bgp_table *t, const struct prefix *prefix, uint16_t peer, uint32_t path_id, uint8_t flags, struct bgp_attr_set *set)
{
	return path_set(t, prefix, bgp_table_find(t, prefix), (struct bgp_path){.peer = peer, .path_id = path_id, .flags = flags}, set);
}

/* Where the search for each of the prefixes begins; asks for the memory of the slots, then of the destinations that are found there. */
static void slots_of(const struct bgp_table *t, const struct prefix *prefixes, unsigned count, uint32_t slots[BGP_BATCH])
{
	CHECK(count <= BGP_BATCH);
	for (unsigned i = 0; i < count; i++) {
		slots[i] = slot_of(t, prefixes[i].ip.bytes, prefixes[i].length);
		__builtin_prefetch(&t->slots[slots[i]]);
	}
	for (unsigned i = 0; i < count; i++) {
		uint32_t dest = t->slots[slots[i]];

		__builtin_prefetch(dest_at(t, dest), 1);
		__builtin_prefetch(key_at(t, dest));
	}
}

unsigned bgp_table_announce_many(
	struct bgp_table *t, const struct prefix *prefixes, unsigned count, uint16_t peer, uint8_t flags, struct bgp_attr_set *set)
{
	const struct bgp_path path = {.peer = peer, .flags = flags};
	uint32_t slots[BGP_BATCH], mask = t->mask;
	unsigned refused = 0;

	slots_of(t, prefixes, count, slots);
	for (unsigned i = 0; i < count; i++) {
		/* A table that has grown meanwhile has other slots. */
		uint32_t dest = t->mask == mask ? find_from(t, &prefixes[i], slots[i]) : bgp_table_find(t, &prefixes[i]);

		bgp_attr_ref(set);
		refused += !path_set(t, &prefixes[i], dest, path, set);
	}
	return refused;
}

/* Takes the path out to which a link leads. */
static void path_remove(struct bgp_table *t, uint32_t dest, uint32_t *link)
{
	uint32_t i = *link;
	struct bgp_path *p = path_at(t, i);

	*link = p->next;
	attr_drop(t, p->attr);
	*p = (struct bgp_path){.next = t->paths.unused};
	t->paths.unused = i;
	t->path_count--;
	dest_dirty(t, dest);
}

static bool path_unset(struct bgp_table *t, uint32_t dest, uint16_t peer, uint32_t path_id)
{
	uint32_t *link = dest != BGP_NONE ? path_link(t, dest_at(t, dest), peer, path_id) : NULL;

	if (link == NULL || *link == 0)
		return false;
	path_remove(t, dest, link);
	return true;
}

bool bgp_table_withdraw(struct bgp_table *t, const struct prefix *prefix, uint16_t peer, uint32_t path_id)
{
	return path_unset(t, bgp_table_find(t, prefix), peer, path_id);
}

unsigned bgp_table_withdraw_many(struct bgp_table *t, const struct prefix *prefixes, unsigned count, uint16_t peer)
{
	uint32_t slots[BGP_BATCH];
	unsigned removed = 0;

	slots_of(t, prefixes, count, slots);
	for (unsigned i = 0; i < count; i++)
		removed += path_unset(t, find_from(t, &prefixes[i], slots[i]), peer, 0);
	return removed;
}

uint32_t bgp_table_withdraw_peer(struct bgp_table *t, uint16_t peer, bool only_stale)
{
	uint32_t removed = 0;

	for (uint32_t i = 1; i < t->dests.count; i++) {
		struct dest *d = dest_at(t, i);

		if (!(d->flags & DEST_USED))
			continue;
		for (uint32_t *link = &d->paths; *link != 0;) {
			const struct bgp_path *p = path_at(t, *link);

			if (p->peer == peer && (!only_stale || (p->flags & BGP_PATH_STALE))) {
				path_remove(t, i, link);
				removed++;
			} else {
				link = &path_at(t, *link)->next;
			}
		}
	}
	return removed;
}

uint32_t bgp_table_mark_stale(struct bgp_table *t, uint16_t peer)
{
	uint32_t marked = 0;

	for (uint32_t i = 1; i < t->dests.count; i++) {
		if (!(dest_at(t, i)->flags & DEST_USED))
			continue;
		for (uint32_t p = dest_at(t, i)->paths; p != 0; p = path_at(t, p)->next)
			if (path_at(t, p)->peer == peer) {
				path_at(t, p)->flags |= BGP_PATH_STALE;
				marked++;
			}
	}
	return marked;
}

static void log_add(struct bgp_table *t, uint32_t dest)
{
	struct dest *d = dest_at(t, dest);

	d->log_place = (uint32_t)(t->log_start + t->log.count);
	d->flags |= DEST_LOGGED;
	numbers_add(&t->log, dest);
}

/* Chooses the best of a destination's paths; true when it is another one, or the same peer says something else. */
static bool dest_decide(struct bgp_table *t, uint32_t dest)
{
	struct dest *d = dest_at(t, dest);
	const struct bgp_path *best = d->paths != 0 ? t->choose(t->context, t, path_at(t, d->paths)) : NULL;

	if ((best ? best->attr : 0) == d->best_attr && (best == NULL || best->peer == d->best_peer))
		return false;
	if (best != NULL)
		bgp_attr_ref(bgp_attrs_get(t->attrs, best->attr));
	attr_drop(t, d->best_attr);
	d->best_attr = best ? best->attr : 0;
	d->best_peer = best ? best->peer : 0;
	return true;
}

uint32_t bgp_table_decide(struct bgp_table *t)
{
	uint32_t changed = 0;

	for (size_t k = 0; k < t->dirty.count; k++) {
		uint32_t i = t->dirty.list[t->dirty.first + k];
		struct dest *d = dest_at(t, i);

		d->flags &= (uint8_t)~DEST_DIRTY;
		if (dest_decide(t, i)) {
			log_add(t, i);
			if (t->decided != NULL) {
				struct prefix prefix = bgp_table_prefix(t, i);

				t->decided(t->context, i, &prefix, d->best_attr, d->best_peer);
			}
			changed++;
		} else if (d->paths == 0 && d->best_attr == 0 && !(d->flags & DEST_LOGGED)) {
			dest_free(t, i);
		}
	}
	t->dirty.first = t->dirty.count = 0;
	return changed;
}

void bgp_table_dirty_all(struct bgp_table *t)
{
	for (uint32_t i = 1; i < t->dests.count; i++)
		if (dest_at(t, i)->flags & DEST_USED)
			dest_dirty(t, i);
}

uint32_t bgp_table_paths(const struct bgp_table *t) { return t->path_count; }
uint32_t bgp_table_dests(const struct bgp_table *t) { return t->dest_count; }
uint32_t bgp_table_limit(const struct bgp_table *t) { return t->dests.count - 1; }

const uint8_t *bgp_table_key(const struct bgp_table *t, uint32_t dest, uint8_t *length)
{
	*length = dest_at(t, dest)->length;
	return key_at(t, dest);
}

struct prefix bgp_table_prefix(const struct bgp_table *t, uint32_t dest)
{
	struct prefix prefix = {.ip = {.family = (uint8_t)t->family}, .length = dest_at(t, dest)->length};

	/* Constant sizes: the compiler makes them single moves. */
	if (t->family == IP_V4)
		memcpy(prefix.ip.bytes, key_at(t, dest), 4);
	else
		memcpy(prefix.ip.bytes, key_at(t, dest), 16);
	return prefix;
}

const struct bgp_path *bgp_table_first_path(const struct bgp_table *t, uint32_t dest)
{
	uint32_t i = dest_at(t, dest)->flags & DEST_USED ? dest_at(t, dest)->paths : 0;

	return i != 0 ? path_at(t, i) : NULL;
}

const struct bgp_path *bgp_table_next_path(const struct bgp_table *t, const struct bgp_path *path)
{
	return path->next != 0 ? path_at(t, path->next) : NULL;
}

uint32_t bgp_table_best(const struct bgp_table *t, uint32_t dest, uint16_t *peer)
{
	const struct dest *d = dest_at(t, dest);

	if (!(d->flags & DEST_USED))
		return 0;
	*peer = d->best_peer;
	return d->best_attr;
}

uint64_t bgp_table_log_end(const struct bgp_table *t) { return t->log_start + t->log.count; }

uint32_t bgp_table_log_at(const struct bgp_table *t, uint64_t place)
{
	uint32_t i;

	CHECK(place >= t->log_start && place < bgp_table_log_end(t));
	i = t->log.list[t->log.first + (place - t->log_start)];
	return dest_at(t, i)->log_place == (uint32_t)place ? i : BGP_NONE;
}

void bgp_table_log_trim(struct bgp_table *t, uint64_t from)
{
	for (; t->log_start < from && t->log.count > 0; t->log_start++) {
		uint32_t i = t->log.list[t->log.first++];
		struct dest *d = dest_at(t, i);

		t->log.count--;
		if (d->log_place != (uint32_t)t->log_start)
			continue;
		d->flags &= (uint8_t)~DEST_LOGGED;
		if (d->paths == 0 && d->best_attr == 0 && !(d->flags & DEST_DIRTY))
			dest_free(t, i);
	}
	if (t->log.count == 0)
		t->log.first = 0;
}

size_t bgp_table_bytes(const struct bgp_table *t)
{
	size_t per_chunk = (size_t)CHUNK_COUNT;

	return per_chunk *
		       (t->dests.chunks * sizeof(struct dest) + t->keys.chunks * t->key_bytes + t->paths.chunks * sizeof(struct bgp_path)) +
	       ((size_t)t->mask + 1 + t->dirty.capacity + t->log.capacity) * sizeof(uint32_t);
}
