/*
 * Features cable, learn and bridge: how a network passes a frame on.
 *
 * Theory of operation. A cable has two ends and gives every frame of one to the other, unlooked at. A segment learns sources and forwards
 * by destination (IEEE 802.1D 7.7): to the member that has it, else to all; never back to where it came from, never to the addresses that
 * bridges keep to themselves. An unknown receiver can't be a machine of the model, whose MACs are known, so only unguarded ports get such
 * frames. A router's interface is a member whose way goes on into the router; frames to a group are also shown to each of them.
 */
#include "switch/fdb.h"
#include "switch/feature.h"
#include "switch/impair.h"

/* Drops a frame where it came from: what a port received, or what a router wanted to send. */
static enum feature_result bridge_refuse(struct walk *walk, enum drop_reason reason)
{
	return walk->from->is_rif ? walk_drop_tx(walk, walk->from, reason) : walk_drop(walk, walk->from, reason);
}

/* A frame arrives at a member: out of a port, or into a router. */
static enum feature_result bridge_deliver(struct walk *walk, struct member *to)
{
	if (to->is_rif) {
		struct rif *rif = member_rif(to);

		if (mac_is_multicast(walk_eth_dst(walk))) {
			feature_listen(walk, rif);
			return walk_drop(walk, NULL, DROP_NONE);
		}
		if (!mac_equal(walk_eth_dst(walk), rif->config.mac))
			return walk_drop(walk, to, DROP_NOT_FOR_ROUTER);
		return walk_to_router(walk, rif);
	}
	if (!port_is_up(member_port(to)))
		return walk_drop_tx(walk, to, DROP_PORT_DOWN);
	walk->to = member_port(to);
	return walk_goto(walk, STAGE_DELIVER);
}

static void trace_impairment(struct walk *walk, const struct impairment *impairment)
{
	char text[160];

	walk->cacheable = false;
	impair_text(&walk->network->config.impair[impairment - walk->network->impairments], text, sizeof(text));
	trace_note(walk->core, "%s", text);
}

enum feature_result feature_cable(struct walk *walk)
{
	struct network *network = walk->network;
	struct member *member, *other = NULL;
	struct impairment *impairment;

	if (network->config.kind != NETWORK_LINK)
		return FEATURE_CONTINUE;
	list_each (member, &network->members, struct member, in_network) {
		if (member != walk->from)
			other = member;
	}
	if (network->member_count != 2 || other == NULL)
		return bridge_refuse(walk, DROP_CABLE_OPEN);
	impairment = network->config.impair_count > 0 && !walk->arrived ? impair_of(network, walk->from) : NULL;
	if (impairment != NULL && !walk_is_dry(walk)) {
		impair_walk(walk, impairment);
		return FEATURE_END;
	}
	if (impairment != NULL)
		trace_impairment(walk, impairment);
	walk_note(walk, "to the other end, %s", member_path(other));
	return bridge_deliver(walk, other);
}

enum feature_result feature_learn(struct walk *walk)
{
	struct fdb_entry *entry;

	/* Router interfaces are known from the model. */
	if (walk->from->is_rif)
		return FEATURE_CONTINUE;
	entry = fdb_learn(walk->core, walk->network, walk->from, walk_eth_src(walk), walk->core->now);
	walk_rest(walk, &walk->network->fdb_generation);
	if (entry != NULL && entry->member != walk->from)
		return walk_drop(walk, walk->from, DROP_MAC_SPOOFED);
	if (entry != NULL && !entry->is_static)
		walk->draft->actions.source = entry;
	return FEATURE_CONTINUE;
}

static enum feature_result bridge_flood(struct walk *walk, bool unknown)
{
	struct flow_actions *actions = &walk->draft->actions;
	struct member *member;

	actions->verdict = FLOW_FLOOD;
	actions->flood = walk->network;
	actions->from = walk->from;
	actions->flood_unknown = unknown;
	if (unknown)
		return FEATURE_END;
	list_each (member, &walk->network->members, struct member, in_network) {
		if (member->is_rif && member != walk->from)
			feature_listen(walk, member_rif(member));
	}
	return FEATURE_END;
}

enum feature_result feature_bridge(struct walk *walk)
{
	struct mac destination = walk_eth_dst(walk);
	struct fdb_entry *entry;

	if (mac_is_bridge_reserved(destination))
		return bridge_refuse(walk, DROP_RESERVED_GROUP);
	if (mac_is_multicast(destination)) {
		walk_note(walk, "to all of the network");
		return bridge_flood(walk, false);
	}
	entry = fdb_find(walk->network, destination);
	walk_rest(walk, &walk->network->fdb_generation);
	/* A dry-run has learned nothing, and the sender may have sent to itself. */
	if (walk_is_dry(walk) && mac_equal(destination, walk->key.eth_src) &&
		fdb_would_learn(walk->core, walk->network, walk->from, destination))
		return bridge_refuse(walk, DROP_HAIRPIN);
	if (entry == NULL) {
		walk_note(walk, "nobody is known to have the destination MAC: to all ports that aren't machines of the model");
		return bridge_flood(walk, true);
	}
	if (entry->member == walk->from)
		return bridge_refuse(walk, DROP_HAIRPIN);
	walk_note(walk, "the destination MAC is at %s", member_path(entry->member));
	return bridge_deliver(walk, entry->member);
}
