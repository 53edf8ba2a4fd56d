/* Neighbors of router interfaces: states, timers, waiting packets. */
#include "switch/neighbor.h"

#include "base/arena.h"
#include "net/icmp.h"
#include "switch/icmp_error.h"

#include <stdlib.h>

#define SOLICIT_TRIES 3

/* Packets that may wait behind one interface and in the whole switch: they hold buffers. */
#define HELD_PER_RIF 64
#define HELD_MAX 1024

/* How long each state lasts (RFC 4861 10: RETRANS_TIMER, REACHABLE_TIME, DELAY_FIRST_PROBE_TIME; the rest is ours). */
static struct span state_span(enum neighbor_state state)
{
	static const int64_t seconds[NEIGHBOR_STATES] = {1, 30, 1200, 5, 1, 3};

	return span_s(seconds[state]);
}

static bool state_is_unresolved(enum neighbor_state state) { return state == NEIGHBOR_INCOMPLETE || state == NEIGHBOR_FAILED; }

/* Enters a state, or starts its time anew. */
static void neighbor_enter(struct core *core, struct neighbor *neighbor, enum neighbor_state state)
{
	neighbor->rif->unresolved -= state_is_unresolved(neighbor->state);
	neighbor->rif->unresolved += state_is_unresolved(state);
	neighbor->state = state;
	neighbor->deadline = instant_add(core->now, state_span(state));
	list_remove(&neighbor->in_state);
	list_append(&core->neighbors[state], &neighbor->in_state);
}

static struct packet *held_take(struct core *core, struct neighbor *neighbor)
{
	struct packet *packet = neighbor->held;

	if (packet == NULL)
		return NULL;
	neighbor->held = packet->next;
	packet->next = NULL;
	neighbor->held_count--;
	neighbor->rif->held--;
	core->held--;
	return packet;
}

static void held_drop(struct core *core, struct neighbor *neighbor)
{
	struct packet *packet = held_take(core, neighbor);

	member_drop(&neighbor->rif->member, DROP_NEIGHBOR_HELD, true, 1);
	core_release(core, packet);
}

static void neighbor_remove(struct core *core, struct neighbor *neighbor)
{
	struct rif *rif = neighbor->rif;

	while (neighbor->held != NULL)
		held_drop(core, neighbor);
	if (map_get(&rif->neighbors, ip_key(neighbor->ip)) == neighbor)
		map_remove(&rif->neighbors, ip_key(neighbor->ip));
	rif->unresolved -= state_is_unresolved(neighbor->state);
	list_remove(&neighbor->in_state);
	core_raise(core, &rif->neighbor_generation);
	free(neighbor);
}

static struct neighbor *neighbor_find(const struct rif *rif, struct ip ip)
{
	struct neighbor *neighbor = map_get(&rif->neighbors, ip_key(ip));

	return neighbor != NULL && ip_equal(neighbor->ip, ip) ? neighbor : NULL;
}

/* An entry that nobody uses, or NULL. */
static struct neighbor *neighbor_idle(const struct rif *rif)
{
	struct neighbor *neighbor;
	size_t cursor = 0;

	while ((neighbor = map_next(&rif->neighbors, &cursor, NULL, NULL)) != NULL)
		if (neighbor->state == NEIGHBOR_FAILED || neighbor->state == NEIGHBOR_STALE)
			return neighbor;
	return NULL;
}

/* Makes room in a full table. */
static bool neighbor_evict(struct core *core, struct rif *rif)
{
	struct neighbor *neighbor = neighbor_idle(rif);

	if (neighbor == NULL)
		return false;
	neighbor_remove(core, neighbor);
	return true;
}

/* Whether an entry may be made for an address, perhaps by evicting another. */
static bool neighbor_room(const struct core *core, const struct rif *rif, struct ip ip, enum neighbor_state state)
{
	uint32_t limit = core->limits.neighbors_per_rif;

	if ((state_is_unresolved(state) && rif->unresolved >= limit / 2) || map_get(&rif->neighbors, ip_key(ip)) != NULL)
		return false;
	return rif->neighbors.used < limit || neighbor_idle(rif) != NULL;
}

static struct neighbor *neighbor_add(struct core *core, struct rif *rif, struct ip ip, enum neighbor_state state)
{
	struct neighbor *neighbor;

	if (!neighbor_room(core, rif, ip, state) || (rif->neighbors.used >= core->limits.neighbors_per_rif && !neighbor_evict(core, rif))) {
		core_limit_reached(core, "neighbors", rif->config.path, rif->neighbors.used);
		return NULL;
	}
	neighbor = xalloc(sizeof(*neighbor));
	neighbor->rif = rif;
	neighbor->ip = ip;
	neighbor->confirmed = core->now;
	neighbor->state = state;
	rif->unresolved += state_is_unresolved(state);
	map_set(&rif->neighbors, ip_key(ip), neighbor);
	neighbor_enter(core, neighbor, state);
	return neighbor;
}

static void neighbor_ask(struct core *core, struct neighbor *neighbor)
{
	const struct mac *mac = neighbor->state == NEIGHBOR_PROBE ? &neighbor->mac : NULL;

	neighbor->tries++;
	if (neighbor->ip.family == IP_V4)
		arp_ask(core, neighbor->rif, neighbor->ip, mac);
	else
		nd_ask(core, neighbor->rif, neighbor->ip, mac);
}

enum neighbor_answer neighbor_resolve(struct core *core, struct rif *rif, struct ip ip, struct mac *mac, struct neighbor **out)
{
	struct neighbor *neighbor = neighbor_find(rif, ip);

	if (core->trace != NULL && neighbor == NULL)
		return neighbor_room(core, rif, ip, NEIGHBOR_INCOMPLETE) ? NEIGHBOR_WAIT : NEIGHBOR_LIMIT;
	if (neighbor == NULL) {
		neighbor = neighbor_add(core, rif, ip, NEIGHBOR_INCOMPLETE);
		if (neighbor == NULL)
			return NEIGHBOR_LIMIT;
		neighbor_ask(core, neighbor);
	}
	*out = neighbor;
	if (neighbor->state == NEIGHBOR_INCOMPLETE)
		return NEIGHBOR_WAIT;
	if (neighbor->state == NEIGHBOR_FAILED)
		return NEIGHBOR_UNREACHABLE;
	if (neighbor->state == NEIGHBOR_STALE && core->trace == NULL)
		neighbor_enter(core, neighbor, NEIGHBOR_DELAY);
	*mac = neighbor->mac;
	return NEIGHBOR_RESOLVED;
}

void neighbor_hold(struct core *core, struct neighbor *neighbor, struct packet *packet)
{
	struct packet **tail;

	if (core->trace != NULL) {
		core_release(core, packet);
		return;
	}
	if (neighbor->rif->held >= HELD_PER_RIF || core->held >= HELD_MAX) {
		member_drop(&neighbor->rif->member, DROP_NEIGHBOR_HELD, true, 1);
		core_release(core, packet);
		return;
	}
	if (neighbor->held_count >= core->limits.held_per_neighbor)
		held_drop(core, neighbor);
	for (tail = &neighbor->held; *tail != NULL;)
		tail = &(*tail)->next;
	packet->next = NULL;
	*tail = packet;
	neighbor->held_count++;
	neighbor->rif->held++;
	core->held++;
}

/* What waited goes its way again, in order. */
static void held_send(struct core *core, struct neighbor *neighbor)
{
	struct packet *packet;

	while ((packet = held_take(core, neighbor)) != NULL) {
		struct origin origin = {.packet = packet,
			.stage = STAGE_EGRESS,
			.router = neighbor->rif->router,
			.rif = neighbor->rif,
			.nexthop = neighbor->ip,
			.forwarded = true};

		core_originate(core, &origin);
	}
}

void neighbor_heard(struct core *core, struct rif *rif, struct ip ip, struct mac mac, bool answer, bool create)
{
	struct neighbor *neighbor;

	if (core->trace != NULL || ip_is_unspecified(ip) || ip_is_multicast(ip) || mac_is_multicast(mac) || mac_is_zero(mac))
		return;
	if (network_known(rif->member.network, ip) != NULL)
		return;
	neighbor = neighbor_find(rif, ip);
	if (neighbor == NULL && create)
		neighbor = neighbor_add(core, rif, ip, NEIGHBOR_STALE);
	if (neighbor == NULL)
		return;
	if (!mac_equal(neighbor->mac, mac)) {
		neighbor->mac = mac;
		core_raise(core, &rif->neighbor_generation);
	}
	neighbor->confirmed = core->now;
	neighbor->tries = 0;
	if (answer)
		neighbor_enter(core, neighbor, NEIGHBOR_REACHABLE);
	else if (state_is_unresolved(neighbor->state))
		neighbor_enter(core, neighbor, NEIGHBOR_STALE);
	held_send(core, neighbor);
}

void neighbor_announce(struct core *core, struct rif *rif)
{
	bool v6 = false;

	for (unsigned i = 0; i < rif->config.address_count; i++) {
		struct ip ip = rif->config.addresses[i].ip;

		if (ip.family == IP_V4)
			arp_announce(core, rif, ip);
		else
			nd_announce(core, rif, ip);
		v6 |= ip.family == IP_V6;
	}
	if (v6)
		nd_announce(core, rif, rif->link_local);
}

void neighbor_flush(struct core *core, struct rif *rif)
{
	struct neighbor *neighbor;
	size_t cursor = 0;

	while ((neighbor = map_next(&rif->neighbors, &cursor, NULL, NULL)) != NULL)
		neighbor_remove(core, neighbor);
}

/* Nobody answered: whoever sent a waiting packet hears so (RFC 1812 5.2.7.1 host unreachable, RFC 4443 3.1 code 3). */
static void neighbor_fail(struct core *core, struct neighbor *neighbor)
{
	struct rif *rif = neighbor->rif;
	struct packet *packet;

	neighbor_enter(core, neighbor, NEIGHBOR_FAILED);
	core_raise(core, &rif->neighbor_generation);
	while ((packet = held_take(core, neighbor)) != NULL) {
		icmp_host_unreachable(core, rif->router, NULL, packet);
		member_drop(&rif->member, DROP_NEIGHBOR_FAILED, true, 1);
		core_release(core, packet);
	}
}

static void neighbor_expire(struct core *core, struct neighbor *neighbor)
{
	switch (neighbor->state) {
	case NEIGHBOR_INCOMPLETE:
	case NEIGHBOR_PROBE:
		if (neighbor->tries >= SOLICIT_TRIES) {
			neighbor_fail(core, neighbor);
			return;
		}
		neighbor_enter(core, neighbor, neighbor->state);
		neighbor_ask(core, neighbor);
		return;
	case NEIGHBOR_REACHABLE:
		neighbor_enter(core, neighbor, NEIGHBOR_STALE);
		core_raise(core, &neighbor->rif->neighbor_generation);
		return;
	case NEIGHBOR_DELAY:
		neighbor->tries = 0;
		neighbor_enter(core, neighbor, NEIGHBOR_PROBE);
		neighbor_ask(core, neighbor);
		return;
	case NEIGHBOR_STALE:
	case NEIGHBOR_FAILED:
	case NEIGHBOR_STATES:
		break;
	}
	neighbor_remove(core, neighbor);
}

struct instant neighbor_next(const struct core *core)
{
	struct instant next = INSTANT_NEVER;

	for (unsigned state = 0; state < NEIGHBOR_STATES; state++) {
		const struct neighbor *neighbor = list_first(&core->neighbors[state], struct neighbor, in_state);

		if (neighbor != NULL)
			next = instant_earlier(next, neighbor->deadline);
	}
	return next;
}

void neighbor_port_up(struct core *core, const struct network *network)
{
	struct neighbor *neighbor;

	list_each (neighbor, &core->neighbors[NEIGHBOR_INCOMPLETE], struct neighbor, in_state) {
		if (neighbor->rif->member.network != network)
			continue;
		neighbor->tries = 0;
		neighbor_ask(core, neighbor);
	}
}

void neighbor_tick(struct core *core, struct instant now)
{
	for (unsigned state = 0; state < NEIGHBOR_STATES; state++) {
		struct neighbor *neighbor;

		while ((neighbor = list_first(&core->neighbors[state], struct neighbor, in_state)) != NULL) {
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a neighbor that was freed left the list before */
			if (!instant_reached(neighbor->deadline, now))
				break;
			list_remove(&neighbor->in_state);
			neighbor_expire(core, neighbor);
		}
	}
}
