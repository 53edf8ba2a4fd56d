/* Punting: which packets for a router go to the route process, and sending them there. */
#include "base/arena.h"
#include "net/ipv4.h"
#include "switch/local.h"
#include "switch/offload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Most rules of one router: a few protocols on each of many interfaces. */
#define RULES_MAX 8192

static bool rule_same(const struct msg_punt_rule *a, const struct msg_punt_rule *b)
{
	return a->rif == b->rif && a->protocol == b->protocol && a->port == b->port && ip_equal(a->group, b->group);
}

int punt_rule_set(struct core *core, const struct msg_punt_rule *rule, struct err *err)
{
	struct router *router = router_find(core, rule->router);
	unsigned i = 0;

	if (router == NULL)
		return err_set(err, -ENOENT, "there is no router %u", rule->router);
	if (rule->group.family != IP_NONE && !ip_is_multicast(rule->group))
		return err_set(err, -EINVAL, "a punt rule's group is a multicast address");
	while (i < router->rule_count && !rule_same(&router->rules[i], rule))
		i++;
	if (!rule->add && i < router->rule_count) {
		router->rules[i] = router->rules[--router->rule_count];
	} else if (rule->add && i == router->rule_count) {
		if (router->rule_count == RULES_MAX)
			return err_set(err, -ENOSPC, "router %s has %d punt rules, the most there may be", router->config.path, RULES_MAX);
		router->rules = xrealloc(router->rules, (router->rule_count + 1) * sizeof(*rule));
		router->rules[router->rule_count++] = *rule;
	}
	core_raise(core, &core->topology_generation);
	return 0;
}

const struct msg_punt_rule *punt_rule_find(struct walk *walk, const struct rif *rif, struct ip group)
{
	const struct router *router = rif->router;

	for (unsigned i = 0; i < router->rule_count; i++) {
		const struct msg_punt_rule *rule = &router->rules[i];

		if (rule->rif != 0 && rule->rif != rif->config.id)
			continue;
		if (group.family != IP_NONE && !ip_equal(rule->group, group))
			continue;
		if (rule->protocol != walk_protocol(walk))
			continue;
		/* Ports are in the first piece only: of protocols that have some, whole packets alone are punted. */
		if (rule->port == 0 || (walk_fragment(walk) == FRAGMENT_NONE && rule->port == walk_l4_dst(walk)))
			return rule;
	}
	return NULL;
}

/* Takes a token of the interface; TCP, of which routers with BGP neighbors outside get all (route sorts it), has a bucket of its own. */
static bool punt_allowed(struct core *core, struct rif *rif, bool is_tcp)
{
	uint32_t most = is_tcp ? core->limits.tcp_punts_per_second : core->limits.punts_per_second;

	if (rate_limit_take(is_tcp ? &rif->tcp_punt_rate : &rif->punt_rate, most, core->now))
		return true;
	member_drop(&rif->member, DROP_PUNT_LIMIT, false, 1);
	core_limit_reached(core, is_tcp ? "tcp-punts" : "punts", rif->config.path, most);
	return false;
}

static void punt_one(const struct walk *walk, struct rif *rif, const struct packet *packet, bool is_tcp)
{
	struct core *core = walk->core;
	struct msg_packet *punt = &core->scratch.packet;
	uint32_t bytes = packet == walk->packet ? walk->view.ip_bytes : packet->size - walk->view.l3_offset;

	if (bytes > PACKET_BYTES_MAX) {
		member_drop(&rif->member, DROP_PUNT_TOO_LONG, false, 1);
		return;
	}
	if (!punt_allowed(core, rif, is_tcp))
		return;
	memset(punt, 0, offsetof(struct msg_packet, bytes));
	punt->router = rif->router->config.id;
	punt->rif = rif->config.id;
	punt->size = (uint16_t)bytes;
	memcpy(punt->bytes, packet->data + walk->view.l3_offset, bytes);
	core->ops->message(core->context, PROCESS_ROUTE, MSG_PUNT, 0, punt);
}

/* A long segment that its sender left to others to cut: the route process gets what would be on the wire. */
static void punt_cut(const struct walk *walk, struct rif *rif)
{
	struct packet *frame = packet_new(walk->core->pool, offload_frame_bytes(walk->packet));
	struct offload_cut cut;

	if (frame == NULL) {
		member_drop(&rif->member, DROP_NO_BUFFER, false, 1);
		return;
	}
	packet_whole(walk->packet);
	for (offload_cut_start(&cut, walk->packet); offload_cut_next(&cut, frame);)
		punt_one(walk, rif, frame, true);
	packet_free(walk->core->pool, frame);
}

void punt_send(struct walk *walk, struct rif *rif)
{
	walk->cacheable = false;
	if (walk_is_dry(walk)) {
		trace_note(walk->core, "%s gives it to the router's protocols", rif->config.path);
		return;
	}
	packet_finish(walk->packet);
	if (walk->packet->offload.gso_type != VIRTIO_NET_HDR_GSO_NONE)
		punt_cut(walk, rif);
	else
		punt_one(walk, rif, walk->packet, walk_protocol(walk) == IP_PROTOCOL_TCP);
}
