/*
 * Route policies in the engine: what of an attribute set a policy looks at, and the set that its changes make.
 *
 * Theory of operation. A policy sees a set once and says which rules its routes may match (net/route_policy.h); prefixes only decide among
 * those. The set that comes of the rules that fired is written in canonical form again, by merging what changes into what is there, both in
 * the order of their types, and interned: routes that end up alike go out together. An export remembers the last results by set in a small
 * table, since whole tables pass by in the order of their destinations, where few sets come again and again.
 */
#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_engine.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_SLOTS 2048

static struct policy_bytes attr_bytes(const struct bgp_attr_set *set, enum bgp_attr_type type)
{
	struct reader r = bgp_attr_find(set->bytes, set->bytes_count, type);

	return reader_ok(&r) ? (struct policy_bytes){r.at, reader_left(&r)} : (struct policy_bytes){NULL, 0};
}

uint64_t bgp_policy_candidates(const struct route_policy *policy, const struct bgp_attr_set *set)
{
	const struct policy_route route = {
		.protocol = ROUTE_BGP,
		.origin = set->origin,
		.path_length = (uint16_t)(set->path_length < UINT16_MAX ? set->path_length : UINT16_MAX),
		.as_path = attr_bytes(set, BGP_ATTR_AS_PATH),
		.communities = attr_bytes(set, BGP_ATTR_COMMUNITIES),
		.extended = attr_bytes(set, BGP_ATTR_EXT_COMMUNITIES),
		.large = attr_bytes(set, BGP_ATTR_LARGE_COMMUNITIES),
	};

	return route_policy_candidates(policy, &route);
}

/* An attribute that takes the place of what a set has of its type; `count` 0: it goes. */
struct change {
	uint8_t flags;
	enum bgp_attr_type type;
	const uint8_t *bytes;
	size_t count;
};

/* What changes, in ascending order of types, and the bytes of it. */
struct change_list {
	struct change list[8];
	unsigned count;
	struct writer w;
	uint8_t bytes[2 * BGP_ATTR_BYTES_MAX];
};

static void change_add(struct change_list *c, uint8_t flags, enum bgp_attr_type type, const uint8_t *start)
{
	CHECK(c->count < COUNT_OF(c->list));
	c->list[c->count++] = (struct change){flags, type, start, (size_t)(c->w.at - start)};
}

static void change_number(struct change_list *c, uint8_t flags, enum bgp_attr_type type, uint32_t number)
{
	const uint8_t *start = c->w.at;

	writer_u32(&c->w, number);
	change_add(c, flags, type, start);
}

/* Our own AS `times` in front (RFC 4271 5.1.2): into the first sequence as far as it has room. */
static void change_path(struct change_list *c, const struct bgp_attr_set *set, uint32_t as, unsigned times)
{
	struct reader path = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_AS_PATH);
	const uint8_t *start = c->w.at;
	uint8_t type = reader_left(&path) >= 2 ? path.at[0] : 0, count = reader_left(&path) >= 2 ? path.at[1] : 0;
	bool joins = type == BGP_AS_SEQUENCE && count + times <= UINT8_MAX;

	writer_u8(&c->w, BGP_AS_SEQUENCE);
	writer_u8(&c->w, (uint8_t)(joins ? count + times : times));
	for (unsigned i = 0; i < times; i++)
		writer_u32(&c->w, as);
	if (joins)
		reader_skip(&path, 2);
	writer_bytes(&c->w, path.at, reader_left(&path));
	change_add(c, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, start);
}

static bool kind_touched(const struct policy_changes *changes, enum policy_community_kind kind)
{
	bool touched = changes->clear_communities;

	for (unsigned i = 0; i < changes->add_count; i++)
		touched = touched || changes->add[i].kind == kind;
	for (unsigned i = 0; i < changes->remove_count; i++)
		touched = touched || changes->remove[i].kind == kind;
	return touched;
}

static void community_write(struct writer *w, const struct policy_community *community)
{
	for (unsigned i = 0; i < community->kind; i++)
		writer_u32(w, community->value[i]);
}

/* Communities of one kind: those that stay, then those that are new. */
static void change_communities(struct change_list *c, const struct bgp_attr_set *set, const struct policy_changes *changes,
	enum policy_community_kind kind, enum bgp_attr_type type)
{
	struct policy_bytes old = attr_bytes(set, type);
	struct policy_community community;
	const uint8_t *start = c->w.at;

	if (!kind_touched(changes, kind))
		return;
	while (policy_community_next(&old, kind, &community))
		if (!changes->clear_communities && !policy_community_in(changes->remove, changes->remove_count, &community) &&
			!policy_community_in(changes->add, changes->add_count, &community))
			community_write(&c->w, &community);
	for (unsigned i = 0; i < changes->add_count; i++)
		if (changes->add[i].kind == kind && !policy_community_in(changes->add, i, &changes->add[i]))
			community_write(&c->w, &changes->add[i]);
	change_add(c, BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE, type, start);
}

static void changes_list(
	const struct bgp *bgp, struct change_list *c, const struct bgp_attr_set *set, const struct policy_changes *changes, bool strip_med)
{
	c->count = 0;
	c->w = writer_over(c->bytes, sizeof(c->bytes));
	if (changes->has_origin) {
		const uint8_t *start = c->w.at;

		writer_u8(&c->w, changes->origin);
		change_add(c, BGP_FLAG_TRANSITIVE, BGP_ATTR_ORIGIN, start);
	}
	if (changes->prepend > 0)
		change_path(c, set, bgp->settings.as, changes->prepend);
	if (changes->has_metric)
		change_number(c, BGP_FLAG_OPTIONAL, BGP_ATTR_MED, changes->metric);
	else if (strip_med)
		change_add(c, 0, BGP_ATTR_MED, c->w.at);
	if (changes->has_local_pref)
		change_number(c, BGP_FLAG_TRANSITIVE, BGP_ATTR_LOCAL_PREF, changes->local_pref);
	change_communities(c, set, changes, POLICY_COMMUNITY, BGP_ATTR_COMMUNITIES);
	change_communities(c, set, changes, POLICY_EXTENDED, BGP_ATTR_EXT_COMMUNITIES);
	change_communities(c, set, changes, POLICY_LARGE, BGP_ATTR_LARGE_COMMUNITIES);
}

static void change_write(struct writer *w, const struct change *change)
{
	if (change->count > 0)
		bgp_attr_write(w, change->flags, change->type, change->bytes, change->count);
}

struct bgp_attr_set *bgp_policy_change(struct bgp *bgp, const struct policy_changes *changes, struct bgp_attr_set *set, bool strip_med)
{
	static struct change_list c; /* scratch: too large for the stack */
	uint8_t bytes[BGP_ATTR_BYTES_MAX];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct reader all = reader_over(set->bytes, set->bytes_count);
	unsigned next = 0;

	changes_list(bgp, &c, set, changes, strip_med && set->has_med);
	while (reader_left(&all) > 0 && c.count > 0) {
		uint8_t flags = reader_u8(&all), type = reader_u8(&all);
		struct reader value = reader_sub(&all, flags & BGP_FLAG_EXTENDED ? reader_u16(&all) : reader_u8(&all));

		while (next < c.count && c.list[next].type < type)
			change_write(&w, &c.list[next++]);
		if (next < c.count && c.list[next].type == type)
			change_write(&w, &c.list[next++]);
		else
			bgp_attr_write(&w, flags, type, value.at, reader_left(&value));
	}
	while (next < c.count)
		change_write(&w, &c.list[next++]);
	if (c.count == 0 || !writer_ok(&w) || !writer_ok(&c.w)) {
		bgp_attr_ref(set);
		return set;
	}
	return bgp_attrs_intern(bgp->attrs, bytes, writer_used(&w), set->nexthop, set->nexthop_link_local);
}

struct bgp_attr_set *bgp_policy_apply(
	struct bgp *bgp, const struct route_policy *policy, uint64_t fired, struct bgp_attr_set *set, bool strip_med)
{
	struct policy_changes changes;

	route_policy_changes(policy, fired, &changes);
	return bgp_policy_change(bgp, &changes, set, strip_med);
}

/* --- export --- */

/* What came of a set last: both sets are held by a reference. */
struct cache_slot {
	struct bgp_attr_set *set, *result;
	uint64_t candidates, fired;
	uint16_t source;
};

struct bgp_policy_cache {
	struct cache_slot slots[CACHE_SLOTS];
};

static void slot_empty(struct bgp *bgp, struct cache_slot *slot)
{
	if (slot->set != NULL)
		bgp_attr_unref(bgp->attrs, slot->set);
	if (slot->result != NULL)
		bgp_attr_unref(bgp->attrs, slot->result);
	*slot = (struct cache_slot){0};
}

void bgp_policy_cache_free(struct bgp *bgp, struct bgp_export *e)
{
	for (unsigned i = 0; e->cache != NULL && i < CACHE_SLOTS; i++)
		slot_empty(bgp, &e->cache->slots[i]);
	free(e->cache);
	e->cache = NULL;
}

struct bgp_attr_set *bgp_policy_export(struct bgp *bgp, struct bgp_peer *peer, struct bgp_export *e, const struct prefix *prefix,
	struct bgp_attr_set *set, uint16_t source)
{
	const struct route_policy *policy = peer->settings.export;
	struct policy_outcome outcome;
	struct cache_slot *slot;

	if (e->cache == NULL)
		e->cache = xalloc(sizeof(*e->cache));
	slot = &e->cache->slots[set->id % CACHE_SLOTS];
	if (slot->set != set || slot->source != source) {
		slot_empty(bgp, slot);
		bgp_attr_ref(set);
		slot->set = set;
		slot->source = source;
		slot->candidates = bgp_policy_candidates(policy, set);
	}
	outcome = route_policy_decide(policy, slot->candidates, prefix);
	if (!outcome.accept)
		return NULL;
	if (slot->result == NULL || slot->fired != outcome.fired) {
		if (slot->result != NULL)
			bgp_attr_unref(bgp->attrs, slot->result);
		/* RFC 4271 5.1.4: a MED doesn't go on to the next AS, unless the policy sets one; our own does. */
		slot->result = bgp_policy_apply(bgp, policy, outcome.fired, set, bgp_peer_external(bgp, peer) && source != BGP_PEER_SELF);
		slot->fired = outcome.fired;
	}
	return slot->result;
}

/* --- change of policy --- */

/* Asks for all that the peer announced (RFC 2918); one that can't be asked begins anew. */
static void import_again(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c)
{
	uint8_t bytes[64];
	struct writer w = writer_over(bytes, sizeof(bytes));

	if (!c->remote.refresh) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_CEASE, BGP_CEASE_CHANGED, NULL, 0});
		return;
	}
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT; f++)
		if (peer->families[f])
			bgp_refresh_write(&w, f, 0);
	CHECK(writer_ok(&w));
	bgp_connection_send(bgp, peer, c, bytes, writer_used(&w));
}

void bgp_peer_set_policies(struct bgp *bgp, uint16_t id, const struct bgp_policies *policies, bool import, bool export, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);
	struct bgp_connection *c = bgp_peer_connection(peer);

	bgp->now = now;
	peer->settings.import_all = policies->import_all;
	peer->settings.export_all = policies->export_all;
	peer->settings.import = policies->import;
	peer->settings.export = policies->export;
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT && c != NULL && export; f++)
		if (peer->families[f])
			bgp_export_again(bgp, peer, f);
	if (import && c != NULL)
		import_again(bgp, peer, c);
}
