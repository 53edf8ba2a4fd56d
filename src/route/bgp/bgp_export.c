/*
 * Export: what a peer is told.
 *
 * Theory of operation. A new session walks all destinations, then follows the table's log. Each turn takes a window of destinations, sorts
 * those to announce into lists by attribute set (the set itself heads its list, so sorting is one step a destination), and writes each list
 * as UPDATEs filled to the brim: the attributes are translated once a list. A bit a destination remembers what the peer has, so that only
 * what it knows is withdrawn.
 */
#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_engine.h"

#include <stdlib.h>
#include <string.h>

/* Destinations of a turn. */
#define WINDOW 4096

/* Well-known communities (RFC 1997). */
#define COMMUNITY_NO_EXPORT 0xffffff01u
#define COMMUNITY_NO_ADVERTISE 0xffffff02u
#define COMMUNITY_NO_EXPORT_SUBCONFED 0xffffff03u

/* A turn of one peer and family. */
struct turn {
	struct bgp *bgp;
	struct bgp_peer *peer;
	struct bgp_connection *connection;
	enum bgp_family family;
	struct bgp_export *export;
	struct bgp_table *table;
	uint32_t pending_count; /* destinations in lists, numbered from 1 */
	uint32_t attr_count;
	uint32_t withdrawn[WINDOW];
	uint32_t withdrawn_count;
	uint8_t attributes[BGP_MESSAGE_BYTES_MAX];
	size_t attributes_bytes;
};

static bool announced_get(const struct bgp_export *e, uint32_t dest)
{
	return dest / 64 < e->announced_words && (e->announced[dest / 64] >> (dest % 64) & 1);
}

static void announced_set(struct bgp_export *e, uint32_t dest, bool on)
{
	if (announced_get(e, dest) == on)
		return;
	if (dest / 64 >= e->announced_words) {
		size_t words = dest / 64 + dest / 128 + 64;

		e->announced = xrealloc(e->announced, words * sizeof(uint64_t));
		memset(e->announced + e->announced_words, 0, (words - e->announced_words) * sizeof(uint64_t));
		e->announced_words = words;
	}
	e->announced[dest / 64] ^= UINT64_C(1) << (dest % 64);
	e->announced_count += on ? 1 : UINT32_MAX;
}

static bool communities_allow(const struct bgp_attr_set *set, bool external)
{
	struct reader list = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_COMMUNITIES);

	while (reader_left(&list) >= 4) {
		uint32_t community = reader_u32(&list);

		if (community == COMMUNITY_NO_ADVERTISE)
			return false;
		if (external && (community == COMMUNITY_NO_EXPORT || community == COMMUNITY_NO_EXPORT_SUBCONFED))
			return false;
	}
	return true;
}

/* Whether a peer may hear of a best path that `source` told us. RFC 4271 9.2, RFC 4456 6, RFC 8212, RFC 1997. */
static bool exportable(const struct bgp *bgp, const struct bgp_peer *peer, uint16_t source, const struct bgp_attr_set *set)
{
	bool external = bgp_peer_external(bgp, peer);

	if (source == peer->id || (external && !peer->settings.export_all && peer->settings.export == NULL))
		return false;
	if (source != BGP_PEER_SELF && !external) {
		const struct bgp_peer *from = bgp_peer_get(bgp, source);

		if (!bgp_peer_external(bgp, from) && !from->settings.reflector_client && !peer->settings.reflector_client)
			return false;
	}
	return communities_allow(set, external);
}

/* The set that a destination goes out with to this peer; NULL: it doesn't. */
static struct bgp_attr_set *turn_set(struct turn *t, uint32_t dest)
{
	uint16_t source = 0;
	uint32_t attr = bgp_table_best(t->table, dest, &source);
	struct bgp_attr_set *set = attr ? bgp_attrs_get(t->bgp->attrs, attr) : NULL;
	struct prefix prefix;

	if (set == NULL || !exportable(t->bgp, t->peer, source, set))
		return NULL;
	if (t->peer->settings.export == NULL)
		return set;
	prefix = bgp_table_prefix(t->table, dest);
	return bgp_policy_export(t->bgp, t->peer, t->export, &prefix, set, source);
}

/* Puts a destination into the list of its set, or among the withdrawn. */
static void turn_consider(struct turn *t, uint32_t dest)
{
	struct bgp *bgp = t->bgp;
	struct bgp_attr_set *set = turn_set(t, dest);

	if (set != NULL) {
		if (set->pending == 0) {
			bgp_attr_ref(set); /* a policy's set may be forgotten before it goes out */
			bgp->pending_attrs[t->attr_count++] = set->id;
		}
		bgp->pending[++t->pending_count] = (struct bgp_pending){dest, set->pending};
		set->pending = t->pending_count;
		announced_set(t->export, dest, true);
	} else if (announced_get(t->export, dest)) {
		t->withdrawn[t->withdrawn_count++] = dest;
		announced_set(t->export, dest, false);
	}
}

/* The path with our AS in front (RFC 4271 5.1.2). */
static void path_prepend(struct writer *w, struct reader path, uint32_t as)
{
	uint8_t type = reader_left(&path) > 2 ? path.at[0] : 0, count = reader_left(&path) > 2 ? path.at[1] : 0;

	writer_u8(w, BGP_AS_SEQUENCE);
	if (type == BGP_AS_SEQUENCE && count < UINT8_MAX) {
		reader_skip(&path, 2);
		writer_u8(w, (uint8_t)(count + 1));
	} else {
		writer_u8(w, 1);
	}
	writer_u32(w, as);
	writer_bytes(w, path.at, reader_left(&path));
}

/* A path in 2-octet numbers for an old speaker; true when one didn't fit (RFC 6793 4.2.2: AS4_PATH goes along). */
static bool path_narrow(struct writer *w, struct reader path)
{
	bool wide = false;

	while (reader_left(&path) > 0) {
		uint8_t type = reader_u8(&path), count = reader_u8(&path);

		writer_u8(w, type);
		writer_u8(w, count);
		for (; count > 0; count--) {
			uint32_t as = reader_u32(&path);

			wide = wide || as > UINT16_MAX;
			writer_u16(w, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
		}
	}
	return wide;
}

static void path_write(const struct turn *t, struct writer *w, const struct bgp_attr_set *set)
{
	uint8_t path[BGP_MESSAGE_BYTES_MAX], narrow[BGP_MESSAGE_BYTES_MAX];
	struct writer p = writer_over(path, sizeof(path)), n = writer_over(narrow, sizeof(narrow));
	struct reader old = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_AS_PATH);

	if (bgp_peer_external(t->bgp, t->peer))
		path_prepend(&p, old, t->bgp->settings.as);
	else
		writer_bytes(&p, old.at, reader_left(&old));
	if (!writer_ok(&p)) {
		w->failed = true;
		return;
	}
	if (t->peer->context.as4) {
		bgp_attr_write(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, path, writer_used(&p));
		return;
	}
	if (path_narrow(&n, reader_over(path, writer_used(&p))))
		bgp_attr_write(w, BGP_FLAG_OPTIONAL | BGP_FLAG_TRANSITIVE, BGP_ATTR_AS4_PATH, path, writer_used(&p));
	bgp_attr_write(w, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, narrow, writer_used(&n));
}

/* RFC 4456 8: who reflects says who brought the route in, and that it passed here. */
static void reflection_write(const struct turn *t, struct writer *w, const struct bgp_attr_set *set, uint16_t source)
{
	uint8_t bytes[4096];
	struct writer value = writer_over(bytes, sizeof(bytes));
	struct reader list = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_CLUSTER_LIST);

	writer_u32(&value, set->has_originator ? set->originator_id : bgp_peer_get(t->bgp, source)->counts.router_id);
	bgp_attr_write(w, BGP_FLAG_OPTIONAL, BGP_ATTR_ORIGINATOR_ID, bytes, 4);
	value = writer_over(bytes, sizeof(bytes));
	writer_u32(&value, t->bgp->settings.cluster_id ? t->bgp->settings.cluster_id : t->bgp->settings.router_id);
	if (reader_ok(&list))
		writer_bytes(&value, list.at, reader_left(&list));
	bgp_attr_write(w, BGP_FLAG_OPTIONAL, BGP_ATTR_CLUSTER_LIST, bytes, writer_used(&value));
}

static void u32_write(struct writer *w, uint8_t flags, enum bgp_attr_type type, uint32_t number)
{
	const uint8_t bytes[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};

	bgp_attr_write(w, flags, type, bytes, sizeof(bytes));
}

/* AGGREGATOR for a speaker of 2-octet numbers (RFC 6793 4.2.2). */
static void aggregator_write(struct writer *w, uint8_t flags, struct reader value)
{
	uint32_t as = reader_u32(&value);
	uint8_t bytes[6] = {0};
	struct writer narrow = writer_over(bytes, sizeof(bytes));

	writer_u16(&narrow, as > UINT16_MAX ? BGP_AS_TRANS : (uint16_t)as);
	writer_bytes(&narrow, value.at, 4);
	if (as > UINT16_MAX)
		bgp_attr_write(w, flags, BGP_ATTR_AS4_AGGREGATOR, value.at - 4, 8);
	bgp_attr_write(w, flags, BGP_ATTR_AGGREGATOR, bytes, sizeof(bytes));
}

/* Whether the next hop towards this peer is our own address (RFC 4271 5.1.3). */
static bool nexthop_is_self(const struct turn *t, const struct bgp_attr_set *set)
{
	return bgp_peer_external(t->bgp, t->peer) || t->peer->settings.next_hop_self || set->nexthop.family == IP_NONE;
}

/* The attributes of a set as this peer gets them, without the multiprotocol ones; false when they don't fit a message. */
static bool attributes_write(struct turn *t, const struct bgp_attr_set *set, uint16_t source)
{
	struct writer w = writer_over(t->attributes, BGP_MESSAGE_BYTES_MAX - BGP_HEADER_BYTES - 4 - 64);
	bool external = bgp_peer_external(t->bgp, t->peer);
	bool reflected = !external && source != BGP_PEER_SELF && !bgp_peer_external(t->bgp, bgp_peer_get(t->bgp, source));
	struct reader all = reader_over(set->bytes, set->bytes_count);

	bgp_attr_write(&w, BGP_FLAG_TRANSITIVE, BGP_ATTR_ORIGIN, &set->origin, 1);
	path_write(t, &w, set);
	if (t->family == BGP_IPV4)
		bgp_attr_write(&w, BGP_FLAG_TRANSITIVE, BGP_ATTR_NEXT_HOP,
			nexthop_is_self(t, set) ? t->peer->settings.local.bytes : set->nexthop.bytes, 4);
	/* RFC 4271 5.1.4: a MED doesn't go on to the next AS; our own does. */
	if (set->has_med && (!external || source == BGP_PEER_SELF || t->peer->settings.export != NULL))
		u32_write(&w, BGP_FLAG_OPTIONAL, BGP_ATTR_MED, set->med);
	if (!external)
		u32_write(
			&w, BGP_FLAG_TRANSITIVE, BGP_ATTR_LOCAL_PREF, set->has_local_pref ? set->local_pref : t->bgp->settings.local_pref);
	if (reflected)
		reflection_write(t, &w, set, source);
	while (reader_left(&all) > 0) {
		uint8_t flags = reader_u8(&all), type = reader_u8(&all);
		struct reader value = reader_sub(&all, flags & BGP_FLAG_EXTENDED ? reader_u16(&all) : reader_u8(&all));

		if (type <= BGP_ATTR_LOCAL_PREF || type == BGP_ATTR_ORIGINATOR_ID || type == BGP_ATTR_CLUSTER_LIST)
			continue;
		if (type == BGP_ATTR_AGGREGATOR && !t->peer->context.as4)
			aggregator_write(&w, flags, value);
		else
			bgp_attr_write(&w, flags, type, value.at, reader_left(&value));
	}
	t->attributes_bytes = writer_used(&w);
	return writer_ok(&w);
}

static void message_finish(struct turn *t, struct writer *w, size_t start)
{
	CHECK(writer_ok(w));
	bgp_message_end(w, start);
	t->peer->counts.messages_out++;
	t->peer->counts.updates_out++;
	bgp_connection_queue(t->connection, w->start, writer_used(w));
}

/* Writes a destination as NLRI when it fits beside `reserve` bytes. */
static bool nlri_write(const struct turn *t, struct writer *w, uint32_t dest, size_t reserve)
{
	uint8_t length;
	const uint8_t *key = bgp_table_key(t->table, dest, &length);
	size_t bytes = (length + 7u) / 8;
	uint8_t *at = w->at;

	if (writer_room(w) < 1 + bytes + reserve)
		return false;
	at[0] = length;
	/* Byte by byte is quicker than a call for these few. */
	for (size_t i = 0; i < bytes; i++)
		at[1 + i] = key[i];
	w->at += 1 + bytes;
	return true;
}

/* Head of a multiprotocol attribute with a two-byte length that is patched; returns where the length is. */
static size_t mp_begin(struct writer *w, enum bgp_attr_type type, enum bgp_family family)
{
	size_t at;

	writer_u8(w, BGP_FLAG_OPTIONAL | BGP_FLAG_EXTENDED);
	writer_u8(w, (uint8_t)type);
	at = writer_used(w);
	writer_u16(w, 0);
	writer_u16(w, bgp_afi(family));
	writer_u8(w, 1);
	return at;
}

static void mp_reach_begin(const struct turn *t, struct writer *w, const struct bgp_attr_set *set, size_t *at)
{
	struct ip self = t->peer->settings.local_ipv6.family == IP_V6 ? t->peer->settings.local_ipv6 : t->peer->settings.local;

	*at = mp_begin(w, BGP_ATTR_MP_REACH, t->family);
	writer_u8(w, 16);
	writer_bytes(w, nexthop_is_self(t, set) ? self.bytes : set->nexthop.bytes, 16);
	writer_u8(w, 0);
}

/* One UPDATE with as many destinations of a list as fit; returns the rest of the list. */
static uint32_t announce_one(struct turn *t, const struct bgp_attr_set *set, uint32_t list)
{
	uint8_t buffer[BGP_MESSAGE_BYTES_MAX];
	struct writer w = writer_over(buffer, sizeof(buffer));
	size_t start = bgp_message_begin(&w, BGP_UPDATE), lengths, mp = 0;

	writer_u16(&w, 0);
	lengths = writer_used(&w);
	writer_u16(&w, 0);
	writer_bytes(&w, t->attributes, t->attributes_bytes);
	if (t->family != BGP_IPV4)
		mp_reach_begin(t, &w, set, &mp);
	else
		writer_patch_u16(&w, lengths, (uint16_t)t->attributes_bytes);
	for (; list != 0; list = t->bgp->pending[list].next)
		if (!nlri_write(t, &w, t->bgp->pending[list].dest, 0))
			break;
	if (t->family != BGP_IPV4) {
		writer_patch_u16(&w, mp, (uint16_t)(writer_used(&w) - mp - 2));
		writer_patch_u16(&w, lengths, (uint16_t)(writer_used(&w) - lengths - 2));
	}
	message_finish(t, &w, start);
	return list;
}

/* Attributes that don't fit a message: the destinations can't be announced, so what the peer has of them is withdrawn. */
static void list_give_up(struct turn *t, uint32_t list)
{
	for (; list != 0; list = t->bgp->pending[list].next) {
		announced_set(t->export, t->bgp->pending[list].dest, false);
		t->withdrawn[t->withdrawn_count++] = t->bgp->pending[list].dest;
	}
	if (t->bgp->ops->limit_reached != NULL)
		t->bgp->ops->limit_reached(t->bgp->context, t->peer->id, "bgp-message-bytes", BGP_MESSAGE_BYTES_MAX);
}

static void turn_announce(struct turn *t)
{
	for (uint32_t i = 0; i < t->attr_count; i++) {
		struct bgp_attr_set *set = bgp_attrs_get(t->bgp->attrs, t->bgp->pending_attrs[i]);
		uint32_t list = set->pending;
		uint16_t source = 0;

		set->pending = 0;
		(void)bgp_table_best(t->table, t->bgp->pending[list].dest, &source);
		if (attributes_write(t, set, source))
			while (list != 0)
				list = announce_one(t, set, list);
		else
			list_give_up(t, list);
		bgp_attr_unref(t->bgp->attrs, set);
	}
	t->attr_count = t->pending_count = 0;
}

static void turn_withdraw(struct turn *t)
{
	for (uint32_t i = 0; i < t->withdrawn_count;) {
		uint8_t buffer[BGP_MESSAGE_BYTES_MAX];
		struct writer w = writer_over(buffer, sizeof(buffer));
		size_t start = bgp_message_begin(&w, BGP_UPDATE), length = writer_used(&w), mp = 0;

		writer_u16(&w, 0);
		if (t->family != BGP_IPV4) {
			writer_u16(&w, 0);
			mp = mp_begin(&w, BGP_ATTR_MP_UNREACH, t->family);
		}
		for (; i < t->withdrawn_count; i++)
			if (!nlri_write(t, &w, t->withdrawn[i], 2))
				break;
		if (t->family == BGP_IPV4) {
			writer_patch_u16(&w, length, (uint16_t)(writer_used(&w) - length - 2));
			writer_u16(&w, 0);
		} else {
			writer_patch_u16(&w, length + 2, (uint16_t)(writer_used(&w) - length - 4));
			writer_patch_u16(&w, mp, (uint16_t)(writer_used(&w) - mp - 2));
		}
		message_finish(t, &w, start);
	}
	t->withdrawn_count = 0;
}

/* RFC 4724 2: an UPDATE without anything, or with an empty MP_UNREACH_NLRI. */
static void end_of_rib_send(struct turn *t)
{
	uint8_t buffer[64];
	struct writer w = writer_over(buffer, sizeof(buffer));
	size_t start = bgp_message_begin(&w, BGP_UPDATE), length, mp;

	writer_u16(&w, 0);
	length = writer_used(&w);
	writer_u16(&w, 0);
	if (t->family != BGP_IPV4) {
		mp = mp_begin(&w, BGP_ATTR_MP_UNREACH, t->family);
		writer_patch_u16(&w, mp, (uint16_t)(writer_used(&w) - mp - 2));
		writer_patch_u16(&w, length, (uint16_t)(writer_used(&w) - length - 2));
	}
	message_finish(t, &w, start);
}

/* Collects a window of destinations; false when there is nothing left. */
static bool turn_collect(struct turn *t)
{
	struct bgp_export *e = t->export;
	uint32_t seen = 0;

	if (e->walking) {
		uint32_t limit = bgp_table_limit(t->table);

		for (; e->walk_at <= limit && seen < WINDOW; e->walk_at++, seen++)
			turn_consider(t, e->walk_at);
		e->walking = e->walk_at <= limit;
		return true;
	}
	for (; e->log_at < bgp_table_log_end(t->table) && seen < WINDOW; e->log_at++, seen++) {
		uint32_t dest = bgp_table_log_at(t->table, e->log_at);

		if (dest != BGP_NONE)
			turn_consider(t, dest);
	}
	return seen > 0;
}

void bgp_export_run(struct bgp *bgp, struct bgp_peer *peer)
{
	struct turn t = {.bgp = bgp, .peer = peer, .connection = bgp_peer_connection(peer)};

	if (t.connection == NULL)
		return;
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT; f++) {
		t.family = f;
		t.export = &peer->exports[f];
		t.table = bgp->tables[f];
		while (t.export->active && bgp_connection_waiting(t.connection) < BGP_OUTPUT_HIGH && turn_collect(&t)) {
			turn_announce(&t);
			turn_withdraw(&t);
			if (!t.export->walking && t.export->end_of_rib) {
				t.export->end_of_rib = false;
				end_of_rib_send(&t);
			}
			if (bgp_connection_waiting(t.connection) >= BGP_OUTPUT_FULL)
				bgp_connection_flush(bgp, peer, t.connection);
		}
	}
	bgp_connection_flush(bgp, peer, t.connection);
}

void bgp_export_begin(struct bgp *bgp, struct bgp_peer *peer)
{
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT; f++)
		if (peer->families[f])
			bgp_export_again(bgp, peer, f);
}

void bgp_export_again(struct bgp *bgp, struct bgp_peer *peer, enum bgp_family family)
{
	struct bgp_export *e = &peer->exports[family];

	bgp_policy_cache_free(bgp, e);
	e->active = e->walking = e->end_of_rib = true;
	e->walk_at = 1;
	e->log_at = bgp_table_log_end(bgp->tables[family]);
}

void bgp_export_end(struct bgp *bgp, struct bgp_peer *peer)
{
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		bgp_policy_cache_free(bgp, &peer->exports[f]);
		free(peer->exports[f].announced);
		peer->exports[f] = (struct bgp_export){0};
	}
}

void bgp_export_trim(struct bgp *bgp)
{
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		uint64_t least = bgp_table_log_end(bgp->tables[f]);

		for (uint16_t i = 0; i < bgp->peer_count; i++)
			if (bgp->peers[i]->used && bgp->peers[i]->exports[f].active && bgp->peers[i]->exports[f].log_at < least)
				least = bgp->peers[i]->exports[f].log_at;
		bgp_table_log_trim(bgp->tables[f], least);
	}
}
