/* BGP of one router: the engine's own life, its peers, its own routes. */
#include "route/bgp/bgp.h"

#include "base/arena.h"
#include "base/check.h"
#include "route/bgp/bgp_engine.h"

#include <stdlib.h>
#include <string.h>

#define PENDING_MAX 4097

struct bgp_settings bgp_settings_default(uint32_t as, uint32_t router_id)
{
	return (struct bgp_settings){
		.as = as,
		.router_id = router_id,
		.local_pref = 100,
		.routes_max = 4000000,
		.peers_max = 1000,
		.ecmp_max = 1,
	};
}

struct bgp_peer_settings bgp_peer_settings_default(void)
{
	return (struct bgp_peer_settings){.families = {[BGP_IPV4] = true}, .hold_s = 90, .connect_retry_s = 5};
}

struct bgp *bgp_new(const struct bgp_settings *settings, const struct bgp_ops *ops, void *context, uint64_t seed)
{
	struct bgp *bgp = xalloc(sizeof(*bgp));

	CHECK(settings->as != 0 && settings->router_id != 0);
	bgp->settings = *settings;
	bgp->ops = ops;
	bgp->context = context;
	bgp->rand = rand_seeded(seed);
	bgp->attrs = bgp_attrs_new();
	for (enum bgp_family f = 0; f < BGP_FAMILY_COUNT; f++)
		bgp->tables[f] = bgp_table_new(
			bgp_ip_family(f), settings->routes_max, bgp->attrs, bgp_choose, ops->learnt != NULL ? bgp_decided : NULL, bgp);
	bgp->pending = xalloc(PENDING_MAX * sizeof(*bgp->pending));
	bgp->pending_attrs = xalloc(PENDING_MAX * sizeof(*bgp->pending_attrs));
	return bgp;
}

static void peer_free(struct bgp *bgp, struct bgp_peer *peer)
{
	bgp_export_end(bgp, peer);
	for (int i = 0; i < 2; i++) {
		free(peer->connections[i].input);
		free(peer->connections[i].output);
	}
	if (peer->last_set != NULL)
		bgp_attr_unref(bgp->attrs, peer->last_set);
	free(peer->last_bytes);
	free(peer);
}

void bgp_free(struct bgp *bgp)
{
	if (bgp == NULL)
		return;
	for (uint16_t i = 0; i < bgp->peer_count; i++)
		peer_free(bgp, bgp->peers[i]);
	for (int f = 0; f < BGP_FAMILY_COUNT; f++)
		bgp_table_free(bgp->tables[f]);
	bgp_attrs_free(bgp->attrs);
	free(bgp->peers);
	free(bgp->pending);
	free(bgp->pending_attrs);
	free(bgp);
}

struct bgp_peer *bgp_peer_get(const struct bgp *bgp, uint16_t peer)
{
	CHECK(peer > 0 && peer <= bgp->peer_count && bgp->peers[peer - 1]->used);
	return bgp->peers[peer - 1];
}

uint16_t bgp_peer_add(struct bgp *bgp, const struct bgp_peer_settings *settings, struct instant now)
{
	struct bgp_peer *peer = NULL;

	for (uint16_t i = 0; i < bgp->peer_count && peer == NULL; i++)
		if (!bgp->peers[i]->used)
			peer = bgp->peers[i];
	if (peer == NULL) {
		if (bgp->peer_count == bgp->settings.peers_max)
			return 0;
		bgp->peers = xrealloc(bgp->peers, (bgp->peer_count + 1u) * sizeof(struct bgp_peer *));
		peer = xalloc(sizeof(*peer));
		bgp->peers[bgp->peer_count++] = peer;
		peer->id = bgp->peer_count;
	}
	peer->used = true;
	peer->settings = *settings;
	peer->since = peer->start_at = now;
	return peer->id;
}

void bgp_peer_remove(struct bgp *bgp, uint16_t id, uint8_t subcode, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);

	bgp->now = now;
	peer->down = true;
	for (int i = 0; i < 2; i++)
		if (peer->connections[i].open)
			bgp_session_fail(bgp, peer, &peer->connections[i], (struct bgp_notice){BGP_ERROR_CEASE, subcode, NULL, 0});
	if (peer->state == BGP_CONNECT)
		bgp->ops->close(bgp->context, id, false);
	/* Decisions name the peers of paths: they are made before its number can mean another one. */
	bgp_flush(bgp, now);
	free(peer->last_bytes);
	*peer = (struct bgp_peer){.id = id};
}

void bgp_flush(struct bgp *bgp, struct instant now)
{
	bgp->now = now;
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		if (bgp->nexthops_changed)
			bgp_table_dirty_all(bgp->tables[f]);
		(void)bgp_table_decide(bgp->tables[f]);
	}
	bgp->nexthops_changed = false;
	for (uint16_t i = 0; i < bgp->peer_count; i++)
		if (bgp->peers[i]->used)
			bgp_export_run(bgp, bgp->peers[i]);
	bgp_export_trim(bgp);
}

static struct bgp_table *table_of(const struct bgp *bgp, const struct prefix *prefix)
{
	return bgp->tables[prefix->ip.family == IP_V4 ? BGP_IPV4 : BGP_IPV6];
}

bool bgp_local_set(struct bgp *bgp, const struct prefix *prefix, struct ip nexthop, uint32_t med, enum route_protocol from,
	const struct policy_changes *changes)
{
	/* RFC 4271 5.1.1: IGP for what is ours by configuration, INCOMPLETE for what came from elsewhere. */
	const uint8_t origin = from == ROUTE_CONNECTED ? BGP_ORIGIN_IGP : BGP_ORIGIN_INCOMPLETE;
	const uint8_t med_bytes[4] = {(uint8_t)(med >> 24), (uint8_t)(med >> 16), (uint8_t)(med >> 8), (uint8_t)med};
	uint8_t bytes[64];
	struct writer w = writer_over(bytes, sizeof(bytes));
	struct bgp_attr_set *set;

	bgp_attr_write(&w, BGP_FLAG_TRANSITIVE, BGP_ATTR_ORIGIN, &origin, 1);
	bgp_attr_write(&w, BGP_FLAG_TRANSITIVE, BGP_ATTR_AS_PATH, NULL, 0);
	if (med != 0)
		bgp_attr_write(&w, BGP_FLAG_OPTIONAL, BGP_ATTR_MED, med_bytes, sizeof(med_bytes));
	set = bgp_attrs_intern(bgp->attrs, bytes, writer_used(&w), nexthop, (struct ip){0});
	if (changes != NULL) {
		struct bgp_attr_set *plain = set;

		set = bgp_policy_change(bgp, changes, plain, false);
		bgp_attr_unref(bgp->attrs, plain);
	}
	return bgp_table_announce(table_of(bgp, prefix), prefix, BGP_PEER_SELF, 0, 0, set);
}

void bgp_local_del(struct bgp *bgp, const struct prefix *prefix)
{
	(void)bgp_table_withdraw(table_of(bgp, prefix), prefix, BGP_PEER_SELF, 0);
}

void bgp_peer_start(struct bgp *bgp, uint16_t id, struct instant now)
{
	struct bgp_peer *peer = bgp_peer_get(bgp, id);

	if (peer->down || (peer->state != BGP_IDLE && peer->state != BGP_ACTIVE && peer->state != BGP_CONNECT))
		return;
	peer->failures = 0;
	peer->start_at = now;
}

void bgp_set_routes_max(struct bgp *bgp, uint32_t routes_max)
{
	bgp->settings.routes_max = routes_max;
	for (int f = 0; f < BGP_FAMILY_COUNT; f++)
		bgp_table_set_max(bgp->tables[f], routes_max);
}

void bgp_retell(struct bgp *bgp, struct instant now)
{
	bgp->now = now;
	for (int f = 0; f < BGP_FAMILY_COUNT && bgp->ops->learnt != NULL; f++) {
		const struct bgp_table *table = bgp->tables[f];

		for (uint32_t dest = 1; dest <= bgp_table_limit(table); dest++) {
			const struct prefix prefix = bgp_table_prefix(table, dest);
			uint16_t peer = 0;
			uint32_t attr = bgp_table_first_path(table, dest) ? bgp_table_best(table, dest, &peer) : 0;

			if (attr != 0)
				bgp_decided(bgp, dest, &prefix, attr, peer);
		}
	}
}

void bgp_nexthops_changed(struct bgp *bgp) { bgp->nexthops_changed = true; }

bool bgp_peer_status(const struct bgp *bgp, uint16_t id, struct bgp_peer_status *status)
{
	const struct bgp_peer *peer;

	if (id == 0 || id > bgp->peer_count || !bgp->peers[id - 1]->used)
		return false;
	peer = bgp->peers[id - 1];
	*status = peer->counts;
	status->state = peer->state;
	status->since = peer->since;
	status->address = peer->settings.address;
	status->as = peer->settings.as;
	for (int f = 0; f < BGP_FAMILY_COUNT; f++) {
		status->prefixes_in[f] = peer->prefixes_in[f];
		status->prefixes_out[f] = peer->exports[f].announced_count;
	}
	return true;
}

size_t bgp_bytes(const struct bgp *bgp)
{
	return bgp_attrs_bytes(bgp->attrs) + bgp_table_bytes(bgp->tables[BGP_IPV4]) + bgp_table_bytes(bgp->tables[BGP_IPV6]);
}

uint32_t bgp_dests(const struct bgp *bgp, enum bgp_family family) { return bgp_table_dests(bgp->tables[family]); }
