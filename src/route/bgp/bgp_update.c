/* UPDATE messages coming in: from bytes to paths in the tables, with the error handling of RFC 7606. */
#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_engine.h"

#include <stdlib.h>
#include <string.h>

/* A peer that announced too much waits as long as one that failed so often. */
#define PREFIXES_FAILURES 8

static struct bgp_table *table_of(const struct bgp *bgp, enum ip_family family)
{
	return bgp->tables[family == IP_V4 ? BGP_IPV4 : BGP_IPV6];
}

static void last_forget(struct bgp *bgp, struct bgp_peer *peer)
{
	if (peer->last_set != NULL)
		bgp_attr_unref(bgp->attrs, peer->last_set);
	peer->last_set = NULL;
	peer->last_count = 0;
}

/* Many messages in a row carry the same attributes: the set of the last one serves again without being read. */
static struct bgp_attr_set *last_lookup(const struct bgp_peer *peer, struct reader attributes)
{
	size_t count = reader_left(&attributes);

	if (peer->last_set == NULL || count != peer->last_count || memcmp(attributes.at, peer->last_bytes, count) != 0)
		return NULL;
	return peer->last_set;
}

static void last_remember(struct bgp *bgp, struct bgp_peer *peer, struct reader attributes, struct bgp_attr_set *set)
{
	last_forget(bgp, peer);
	if (peer->last_bytes == NULL)
		peer->last_bytes = xalloc(BGP_MESSAGE_BYTES_MAX);
	peer->last_count = reader_left(&attributes);
	memcpy(peer->last_bytes, attributes.at, peer->last_count);
	bgp_attr_ref(set);
	peer->last_set = set;
}

/* Whether an entry of CLUSTER_LIST is ours (RFC 4456 8). */
static bool cluster_looped(const struct bgp *bgp, const struct bgp_attr_set *set)
{
	struct reader list = bgp_attr_find(set->bytes, set->bytes_count, BGP_ATTR_CLUSTER_LIST);
	uint32_t ours = bgp->settings.cluster_id ? bgp->settings.cluster_id : bgp->settings.router_id;

	while (reader_left(&list) >= 4)
		if (reader_u32(&list) == ours)
			return true;
	return false;
}

/* What keeps a path from being chosen: loops (RFC 4271 9.1.2, RFC 4456 8), no policy (RFC 8212). */
static uint8_t path_flags(const struct bgp *bgp, const struct bgp_peer *peer, const struct bgp_attr_set *set)
{
	uint8_t flags = 0;

	if (bgp_attr_path_has(set, bgp->settings.as))
		flags |= BGP_PATH_LOOPED;
	if ((set->has_originator && set->originator_id == bgp->settings.router_id) || (set->cluster_length > 0 && cluster_looped(bgp, set)))
		flags |= BGP_PATH_LOOPED;
	if (bgp_peer_external(bgp, peer) && !peer->settings.import_all && peer->settings.import == NULL)
		flags |= BGP_PATH_FILTERED;
	return flags;
}

/* The next prefixes of a field, up to a batch; 0 at its end or where it is malformed. */
static unsigned prefixes_read(struct reader *nlri, enum ip_family family, struct prefix prefixes[BGP_BATCH])
{
	unsigned count = 0;

	while (count < BGP_BATCH && bgp_prefix_read(nlri, family, &prefixes[count]))
		count++;
	return count;
}

static bool withdraw_all(struct bgp *bgp, struct bgp_peer *peer, struct reader nlri, enum ip_family family)
{
	struct bgp_table *table = table_of(bgp, family);
	struct prefix prefixes[BGP_BATCH];
	unsigned count;

	while ((count = prefixes_read(&nlri, family, prefixes)) > 0)
		peer->prefixes_in[family == IP_V4 ? BGP_IPV4 : BGP_IPV6] -= bgp_table_withdraw_many(table, prefixes, count, peer->id);
	return reader_ok(&nlri);
}

/* RFC 4486 4: a peer that announces more than it may is cut off. False then. */
static bool prefixes_within(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, enum bgp_family family)
{
	uint8_t data[7];
	struct writer w = writer_over(data, sizeof(data));
	uint32_t most = peer->settings.prefixes_max;

	if (most == 0 || peer->prefixes_in[family] <= most)
		return true;
	if (bgp->ops->limit_reached != NULL)
		bgp->ops->limit_reached(bgp->context, peer->id, "bgp-prefixes", most);
	writer_u16(&w, bgp_afi(family));
	writer_u8(&w, 1);
	writer_u32(&w, most);
	peer->failures = PREFIXES_FAILURES; /* it would only announce them again */
	bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_CEASE, BGP_CEASE_MAX_PREFIXES, data, sizeof(data)});
	return false;
}

/* A set on its way through an import policy, and the last result, which most prefixes of a message have in common. */
struct import {
	const struct route_policy *policy;
	struct bgp_attr_set *set;
	uint64_t candidates, fired;
	struct bgp_attr_set *result; /* NULL: none yet */
};

/* The length of the run of prefixes that meet the same end, which is in `accept` and the import's result. */
static unsigned import_run(struct bgp *bgp, struct import *import, const struct prefix *prefixes, unsigned count, bool *accept)
{
	struct policy_outcome first = route_policy_decide(import->policy, import->candidates, &prefixes[0]);
	unsigned run = 1;

	for (; run < count; run++) {
		struct policy_outcome next = route_policy_decide(import->policy, import->candidates, &prefixes[run]);

		if (next.accept != first.accept || next.fired != first.fired)
			break;
	}
	*accept = first.accept;
	if (first.accept && (import->result == NULL || import->fired != first.fired)) {
		if (import->result != NULL)
			bgp_attr_unref(bgp->attrs, import->result);
		import->result = bgp_policy_apply(bgp, import->policy, first.fired, import->set, false);
		import->fired = first.fired;
	}
	return run;
}

/* Announces the prefixes of a field by the peer's import policy; what it refuses is kept, marked. Returns how many had no place. */
static unsigned announce_by_policy(
	struct bgp *bgp, struct bgp_peer *peer, struct reader *nlri, enum ip_family family, struct bgp_attr_set *set, uint8_t flags)
{
	struct import import = {
		.policy = peer->settings.import, .set = set, .candidates = bgp_policy_candidates(peer->settings.import, set)};
	struct bgp_table *table = table_of(bgp, family);
	struct prefix prefixes[BGP_BATCH];
	unsigned count, refused = 0;

	while ((count = prefixes_read(nlri, family, prefixes)) > 0) {
		for (unsigned at = 0; at < count;) {
			bool accept = false;
			unsigned run = import_run(bgp, &import, &prefixes[at], count - at, &accept);

			refused += bgp_table_announce_many(table, &prefixes[at], run, peer->id,
				accept ? flags : (uint8_t)(flags | BGP_PATH_FILTERED), accept ? import.result : set);
			at += run;
		}
	}
	if (import.result != NULL)
		bgp_attr_unref(bgp->attrs, import.result);
	return refused;
}

enum announced { ANNOUNCED, ANNOUNCED_MALFORMED, ANNOUNCED_ENDED };

/* Announces every prefix of a field with one set. */
static enum announced announce_all(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader nlri,
	enum ip_family family, struct bgp_attr_set *set)
{
	enum bgp_family f = family == IP_V4 ? BGP_IPV4 : BGP_IPV6;
	struct bgp_table *table = bgp->tables[f];
	uint8_t flags = path_flags(bgp, peer, set);
	uint32_t before = bgp_table_paths(table);
	struct prefix prefixes[BGP_BATCH];
	unsigned count, refused = 0;

	if (peer->settings.import != NULL)
		refused = announce_by_policy(bgp, peer, &nlri, family, set, flags);
	else
		while ((count = prefixes_read(&nlri, family, prefixes)) > 0)
			refused += bgp_table_announce_many(table, prefixes, count, peer->id, flags, set);
	peer->prefixes_in[f] += bgp_table_paths(table) - before;
	if (refused > 0 && bgp->ops->limit_reached != NULL)
		bgp->ops->limit_reached(bgp->context, peer->id, "bgp-routes", bgp->settings.routes_max);
	if (!prefixes_within(bgp, peer, c, f))
		return ANNOUNCED_ENDED;
	return reader_ok(&nlri) ? ANNOUNCED : ANNOUNCED_MALFORMED;
}

/* An UPDATE cut into its fields (RFC 4271 4.3). */
struct fields {
	struct reader withdrawn, attributes, nlri;
};

static bool fields_cut(struct fields *fields, struct reader body)
{
	fields->withdrawn = reader_sub(&body, reader_u16(&body));
	fields->attributes = reader_sub(&body, reader_u16(&body));
	fields->nlri = body;
	return reader_ok(&body);
}

/* Whether the session carries a family (RFC 4760 7: what it doesn't is passed over). */
static bool family_agreed(const struct bgp_peer *peer, uint16_t afi, uint8_t safi)
{
	enum bgp_family family = bgp_family_of(afi, safi);

	return family != BGP_FAMILY_COUNT && peer->families[family];
}

/* The routes of a message whose attributes are good; false when the session was ended. */
static bool routes_announce(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const struct fields *fields)
{
	struct bgp_attr_read *read = &bgp->read;
	enum announced result = ANNOUNCED;
	struct bgp_attr_set *set;

	if (read->reach.present && family_agreed(peer, read->reach.afi, read->reach.safi)) {
		set = bgp_attrs_intern(
			bgp->attrs, read->canonical, read->canonical_bytes, read->reach.nexthop, read->reach.nexthop_link_local);
		result = announce_all(bgp, peer, c, read->reach.nlri, read->reach.afi == 1 ? IP_V4 : IP_V6, set);
		bgp_attr_unref(bgp->attrs, set);
	}
	if (result == ANNOUNCED && reader_left(&fields->nlri) > 0) {
		set = bgp_attrs_intern(bgp->attrs, read->canonical, read->canonical_bytes, read->nexthop, (struct ip){0});
		if (!read->reach.present && !read->unreach.present)
			last_remember(bgp, peer, fields->attributes, set);
		result = announce_all(bgp, peer, c, fields->nlri, IP_V4, set);
		bgp_attr_unref(bgp->attrs, set);
	}
	if (result == ANNOUNCED_MALFORMED)
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_UPDATE, BGP_UPDATE_NETWORK, NULL, 0});
	return result == ANNOUNCED;
}

/* RFC 7606 2: what a message with bad attributes announces is withdrawn instead. */
static bool routes_withdraw(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, const struct fields *fields)
{
	const struct bgp_attr_read *read = &bgp->read;
	bool good = withdraw_all(bgp, peer, fields->nlri, IP_V4);

	peer->counts.treated_as_withdraw++;
	if (read->reach.present && family_agreed(peer, read->reach.afi, read->reach.safi))
		good = withdraw_all(bgp, peer, read->reach.nlri, read->reach.afi == 1 ? IP_V4 : IP_V6) && good;
	if (!good)
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_UPDATE, BGP_UPDATE_NETWORK, NULL, 0});
	return good;
}

bool bgp_update_receive(struct bgp *bgp, struct bgp_peer *peer, struct bgp_connection *c, struct reader body)
{
	struct bgp_attr_read *read = &bgp->read;
	struct bgp_attr_set *set;
	struct fields fields;

	peer->counts.updates_in++;
	if (!fields_cut(&fields, body)) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_UPDATE, BGP_UPDATE_ATTRIBUTES, NULL, 0});
		return false;
	}
	if (!withdraw_all(bgp, peer, fields.withdrawn, IP_V4)) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_UPDATE, BGP_UPDATE_NETWORK, NULL, 0});
		return false;
	}
	if (reader_left(&fields.attributes) == 0 && reader_left(&fields.nlri) == 0)
		return true;
	set = last_lookup(peer, fields.attributes);
	if (set != NULL) {
		enum announced result = announce_all(bgp, peer, c, fields.nlri, IP_V4, set);

		if (result == ANNOUNCED_MALFORMED)
			bgp_session_fail(bgp, peer, c, (struct bgp_notice){BGP_ERROR_UPDATE, BGP_UPDATE_NETWORK, NULL, 0});
		return result == ANNOUNCED;
	}
	bgp_attr_read(read, fields.attributes, reader_left(&fields.nlri) > 0, &peer->context);
	peer->counts.attributes_discarded += read->discarded;
	if (read->outcome == BGP_OUTCOME_RESET) {
		bgp_session_fail(bgp, peer, c, (struct bgp_notice){read->notification[0], read->notification[1], NULL, 0});
		return false;
	}
	if (read->unreach.present && family_agreed(peer, read->unreach.afi, read->unreach.safi))
		(void)withdraw_all(bgp, peer, read->unreach.nlri, read->unreach.afi == 1 ? IP_V4 : IP_V6);
	if (read->outcome == BGP_OUTCOME_WITHDRAW)
		return routes_withdraw(bgp, peer, c, &fields);
	return routes_announce(bgp, peer, c, &fields);
}

void bgp_update_forget(struct bgp *bgp, struct bgp_peer *peer)
{
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		if (peer->prefixes_in[f] > 0)
			(void)bgp_table_withdraw_peer(bgp->tables[f], peer->id, false);
		peer->prefixes_in[f] = 0;
	}
	last_forget(bgp, peer);
}
