/* The walk: running features, running what they decided. */
#include "switch/walk.h"

#include "net/checksum.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/capture.h"
#include "switch/feature.h"
#include "switch/group.h"
#include "switch/offload.h"

#include <string.h>

bool walk_fits(struct walk *walk, uint16_t mtu)
{
	if (walk->view.l3_bytes > mtu)
		return false;
	if (mtu < walk->draft->actions.l3_bytes_max)
		walk->draft->actions.l3_bytes_max = mtu;
	return true;
}

void walk_rest(struct walk *walk, const uint64_t *generation)
{
	struct flow_draft *draft = walk->draft;

	CHECK(draft->rest_count < FLOW_RESTS_MAX);
	draft->rests[draft->rest_count++] = (struct flow_rest){generation, *generation};
}

void walk_count(struct walk *walk, struct member *member, bool tx)
{
	struct flow_draft *draft = walk->draft;

	CHECK(draft->hop_count < FLOW_HOPS_MAX);
	draft->hops[draft->hop_count++] = (struct flow_hop){member, tx};
}

void walk_conn(struct walk *walk, struct conn *conn, enum conn_direction direction)
{
	struct flow_actions *actions = &walk->draft->actions;

	if (walk_is_dry(walk))
		return;
	conn_packet(walk->core, conn, direction, walk->view.tcp_flags);
	if (actions->conn_count == FLOW_CONNS_MAX) {
		walk->cacheable = false;
		return;
	}
	actions->conns[actions->conn_count++] = (struct flow_conn){conn, (uint8_t)direction};
	walk_rest(walk, &conn->generation);
}

static enum feature_result walk_drop_at(struct walk *walk, struct member *at, enum drop_reason reason, bool tx)
{
	struct flow_actions *actions = &walk->draft->actions;

	actions->verdict = FLOW_DROP;
	actions->drop_at = at;
	actions->drop_reason = (uint8_t)reason;
	actions->drop_tx = tx;
	return FEATURE_END;
}

enum feature_result walk_drop(struct walk *walk, struct member *at, enum drop_reason reason)
{
	return walk_drop_at(walk, at, reason, false);
}

enum feature_result walk_drop_tx(struct walk *walk, struct member *at, enum drop_reason reason)
{
	return walk_drop_at(walk, at, reason, true);
}

enum feature_result walk_refuse(struct walk *walk, struct member *at, enum drop_reason reason, bool tx, const struct conn_zone *zone)
{
	walk->draft->actions.is_refusal = true;
	walk->draft->actions.refused = zone;
	walk->draft->actions.refused_made = zone->made;
	walk->draft->actions.refused_tcp = walk->key.protocol == IP_PROTOCOL_TCP;
	return walk_drop_at(walk, at, reason, tx);
}

enum feature_result walk_output(struct walk *walk, struct port *port)
{
	walk->draft->actions.verdict = FLOW_OUTPUT;
	walk->draft->actions.output = port;
	return FEATURE_END;
}

enum feature_result walk_goto(struct walk *walk, enum stage stage)
{
	walk->stage = stage;
	return FEATURE_GOTO;
}

enum feature_result walk_to_router(struct walk *walk, struct rif *rif)
{
	if (!rif->carrier)
		return walk_drop(walk, &rif->member, DROP_INTERFACE_DOWN);
	if (walk->routers == WALK_ROUTERS_MAX)
		return walk_drop(walk, &rif->member, DROP_TOO_MANY_ROUTERS);
	walk->routers++;
	walk->in = rif;
	walk->router = rif->router;
	walk->local = false;
	walk->path_chosen = false;
	walk_count(walk, &rif->member, false);
	if (rif->member.captures != NULL)
		walk_capture(walk, &rif->member, false);
	return walk_goto(walk, STAGE_ROUTER);
}

enum feature_result walk_to_network(struct walk *walk, struct rif *rif)
{
	if (!rif->carrier)
		return walk_drop_tx(walk, &rif->member, DROP_INTERFACE_DOWN);
	walk_count(walk, &rif->member, true);
	if (rif->member.captures != NULL)
		walk_capture(walk, &rif->member, true);
	walk->network = rif->member.network;
	walk->from = &rif->member;
	return walk_goto(walk, STAGE_NETWORK);
}

/* TTL or hop limit less `n`, which the walk has found to be smaller than it (RFC 1141 for the checksum). */
static inline void packet_age(struct packet *packet, uint8_t n)
{
	struct ethernet_header *eth = (struct ethernet_header *)packet->data;
	struct ipv4_header *v4 = (struct ipv4_header *)(eth + 1);
	struct ipv6_header *v6 = (struct ipv6_header *)(eth + 1);

	if (wire_get_u16(eth->type) == ETHERNET_IPV4) {
		uint16_t before = (uint16_t)(v4->ttl << 8 | v4->protocol);

		v4->ttl = (uint8_t)(v4->ttl - n);
		wire_put_u16(v4->checksum, checksum_update(wire_get_u16(v4->checksum), before, (uint16_t)(v4->ttl << 8 | v4->protocol)));
	} else {
		v6->hop_limit = (uint8_t)(v6->hop_limit - n);
	}
}

void packet_rewrite(struct packet *packet, const struct flow_actions *actions)
{
	struct ethernet_header *eth = (struct ethernet_header *)packet->data;

	if (actions->ttl_decrement > 0)
		packet_age(packet, actions->ttl_decrement);
	if (actions->set_macs) {
		eth->destination = actions->eth_dst;
		eth->source = actions->eth_src;
	}
	if (actions->translates)
		nat_rewrite_run(packet, &actions->rewrite);
}

void walk_capture(struct walk *walk, const struct member *member, bool tx)
{
	struct packet *copy;

	walk->cacheable = false;
	if (walk_is_dry(walk))
		return;
	copy = packet_copy(walk->core->pool, walk->packet);
	if (copy == NULL)
		return;
	packet_rewrite(copy, &walk->draft->actions);
	capture_packet(member->captures, copy, tx ? PCAPNG_OUTBOUND : PCAPNG_INBOUND, walk->core->now);
	core_release(walk->core, copy);
}

void walk_count_drop(struct walk *walk, struct member *at, enum drop_reason reason)
{
	if (walk_is_dry(walk))
		trace_note(walk->core, "%s doesn't take it: %s", member_path(at), drop_text(reason));
	else
		member_drop(at, reason, false, 1);
}

void walk_take(struct walk *walk)
{
	struct flow_actions *actions = &walk->draft->actions;

	packet_rewrite(walk->packet, actions);
	walk->view.ttl = walk_ttl(walk);
	actions->ttl_decrement = 0;
	actions->set_macs = false;
	actions->translates = false;
	walk->cacheable = false;
}

void walk_reread(struct walk *walk)
{
	flow_key_read(walk->packet, &walk->key, &walk->view);
	walk->cacheable = false;
}

void walk_translate(struct walk *walk, const struct conn_tuple *from, const struct conn_tuple *to)
{
	struct flow_actions *actions = &walk->draft->actions;
	bool ported = to->protocol == IP_PROTOCOL_TCP || to->protocol == IP_PROTOCOL_UDP;

	if (!actions->translates)
		actions->rewrite = (struct nat_rewrite){0};
	actions->translates = true;
	nat_rewrite_add(&actions->rewrite, from, to);
	memcpy(walk->key.ip_src, to->src, sizeof(to->src));
	memcpy(walk->key.ip_dst, to->dst, sizeof(to->dst));
	if (ported && walk->key.fragment != FRAGMENT_LATER) {
		walk->key.l4_src = to->src_port;
		walk->key.l4_dst = to->dst_port;
	}
	walk->rewritten |= FLOW_IP_SRC | FLOW_IP_DST | (ported ? FLOW_L4_SRC | FLOW_L4_DST : 0);
	if (to->query != 0 || walk->key.fragment != FRAGMENT_NONE)
		walk_take(walk);
}

void packet_finish(struct packet *packet)
{
	if (packet->offload.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		offload_finish(packet);
}

struct packet *walk_keep(struct walk *walk)
{
	struct packet *packet = walk->packet;

	walk_take(walk);
	walk->packet = NULL;
	walk->draft->actions.verdict = FLOW_CONSUMED;
	return packet;
}

enum feature_result walk_consume(struct walk *walk)
{
	core_release(walk->core, walk_keep(walk));
	return FEATURE_END;
}

bool walk_conns_hold(const struct flow_actions *actions, const struct flow_view *view)
{
	if (view->l4_short)
		return false;
	if (actions->is_refusal)
		return actions->refused->made == actions->refused_made && (!actions->refused_tcp || conn_tcp_may_begin(view->tcp_flags));
	for (unsigned i = 0; i < actions->conn_count; i++)
		if (!conn_takes(actions->conns[i].conn, view->tcp_flags))
			return false;
	return true;
}

bool flood_takes(const struct flow_actions *actions, struct member *member)
{
	struct port *port = member->is_rif || member == actions->from ? NULL : member_port(member);

	return port != NULL && port_is_up(port) && !(actions->flood_unknown && port->guarded);
}

/* Takes from the measure of what a port may send to many; what routers themselves send is theirs. */
static bool flood_may(struct core *core, const struct flow_actions *actions, const struct packet *packet)
{
	const struct ethernet_header *eth = (const struct ethernet_header *)packet->data;
	enum storm_kind kind = actions->flood_unknown			    ? STORM_UNKNOWN
			       : mac_equal(eth->destination, MAC_BROADCAST) ? STORM_BROADCAST
									    : STORM_MULTICAST;
	uint32_t limit = actions->flood->config.storm_limit;

	if (actions->from->is_rif)
		return true;
	return rate_limit_take(&member_port(actions->from)->storm_rate[kind], limit ? limit : core->limits.storm_per_second, core->now);
}

static void flood_run(struct core *core, const struct flow_actions *actions, struct packet *packet)
{
	struct port *last = NULL;
	struct member *member;

	if (!flood_may(core, actions, packet)) {
		member_drop(actions->from, DROP_STORM_LIMIT, false, 1);
		core_release(core, packet);
		return;
	}
	list_each (member, &actions->flood->members, struct member, in_network) {
		struct packet *copy;
		struct port *port;

		if (!flood_takes(actions, member))
			continue;
		port = member_port(member);
		if (port->policy != NULL && !group_floods_to(core, port, packet))
			continue;
		if (last != NULL) {
			copy = packet_copy(core->pool, packet);
			if (copy != NULL)
				core_output(core, last, copy);
			else
				member_drop(&last->member, DROP_NO_BUFFER, true, 1);
		}
		last = port;
	}
	if (last != NULL) {
		core_output(core, last, packet);
		return;
	}
	if (actions->flood_unknown)
		member_drop(actions->from, DROP_NO_RECEIVER, actions->from->is_rif, 1);
	core_release(core, packet);
}

void walk_run(struct core *core, const struct flow_actions *actions, struct packet *packet)
{
	if (actions->source != NULL)
		actions->source->seen = core->now;
	if (actions->verdict == FLOW_DROP) {
		if (actions->drop_at != NULL)
			member_drop(actions->drop_at, (enum drop_reason)actions->drop_reason, actions->drop_tx, 1);
		else if (actions->drop_reason != DROP_NONE)
			core->lost++;
		core_release(core, packet);
		return;
	}
	packet_rewrite(packet, actions);
	if (actions->verdict == FLOW_OUTPUT)
		core_output(core, actions->output, packet);
	else
		flood_run(core, actions, packet);
}

static void walk_features(struct walk *walk)
{
	const struct feature *feature = features;

	while (feature->stage != walk->stage)
		feature++;
	for (;;) {
		enum feature_result result;

		if (walk_is_dry(walk))
			trace_begin(walk, feature->name);
		result = feature->run(walk);
		if (walk_is_dry(walk))
			trace_end(walk, result == FEATURE_END);
		if (result == FEATURE_END)
			return;
		if (result == FEATURE_GOTO)
			for (feature = features; feature->stage != walk->stage;)
				feature++;
		else
			feature++;
		/* A stage without a decision goes on into the next; the last feature of all decides. */
		CHECK(feature->name != NULL);
		walk->stage = feature->stage;
	}
}

/* Counts the hops of a walk once: what a cache entry does for the packets after this one. */
static void draft_count(const struct flow_draft *draft, uint32_t bytes)
{
	for (unsigned i = 0; i < draft->hop_count; i++) {
		struct counters *counters = &draft->hops[i].member->counters;

		if (draft->hops[i].tx) {
			counters->tx_packets++;
			counters->tx_bytes += bytes;
		} else {
			counters->rx_packets++;
			counters->rx_bytes += bytes;
		}
	}
}

/* What a step rested on may have been changed by a later one: its connection may have had to make room. */
static bool draft_holds(const struct flow_draft *draft)
{
	for (unsigned i = 0; i < draft->rest_count; i++)
		if (*draft->rests[i].generation != draft->rests[i].value)
			return false;
	return true;
}

static struct packet *walk_go(struct walk *walk)
{
	struct flow_draft *draft = walk->draft;
	uint32_t bytes = walk->packet->size;

	draft->fields = 0;
	draft->hop_count = draft->rest_count = 0;
	draft->actions = (struct flow_actions){.l3_bytes_max = UINT32_MAX};
	walk_features(walk);
	if (walk_is_dry(walk)) {
		if (walk->packet != NULL)
			packet_rewrite(walk->packet, &draft->actions);
		return walk->packet;
	}
	draft_count(draft, bytes);
	if (walk->cacheable && walk->port != NULL && !walk->core->cache_off && draft_holds(draft))
		flow_cache_add(walk->core, walk->port, draft);
	if (draft->actions.verdict != FLOW_CONSUMED)
		walk_run(walk->core, &draft->actions, walk->packet);
	return NULL;
}

struct packet *walk_from_port(
	struct core *core, struct port *port, struct packet *packet, const struct flow_key *key, const struct flow_view *view)
{
	struct flow_draft draft;
	struct walk walk = {.core = core, .packet = packet, .view = *view, .key = *key, .cacheable = true, .port = port, .draft = &draft};

	packet_whole(packet);
	draft.key = *key;
	walk.stage = STAGE_PORT;
	return walk_go(&walk);
}

struct packet *walk_from_origin(struct core *core, const struct origin *origin)
{
	struct flow_draft draft;
	struct walk walk = {.core = core, .packet = origin->packet, .draft = &draft};

	flow_key_read(origin->packet, &walk.key, &walk.view);
	draft.key = walk.key;
	walk.local = !origin->forwarded;
	walk.stage = origin->stage;
	walk.router = origin->router;
	walk.out = origin->rif;
	walk.nexthop = origin->nexthop;
	if (origin->stage == STAGE_NETWORK) {
		struct member *member = &origin->rif->member;

		if (!origin->rif->carrier) {
			core_release(core, origin->packet);
			return NULL;
		}
		walk.network = member->network;
		walk.from = member;
		member->counters.tx_packets++;
		member->counters.tx_bytes += origin->packet->size;
		if (member->captures != NULL)
			capture_packet(member->captures, origin->packet, PCAPNG_OUTBOUND, core->now);
	}
	return walk_go(&walk);
}

void walk_from_cable(struct core *core, struct member *from, struct packet *packet)
{
	struct flow_draft draft;
	struct walk walk = {.core = core, .packet = packet, .arrived = true, .network = from->network, .from = from, .draft = &draft};

	flow_key_read(packet, &walk.key, &walk.view);
	draft.key = walk.key;
	walk.stage = STAGE_NETWORK;
	(void)walk_go(&walk);
}
