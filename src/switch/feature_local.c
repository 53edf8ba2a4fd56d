/*
 * Features ip-check and local: what a router checks of each packet, and what it does with those to itself.
 *
 * Theory of operation. A packet whose header is broken, or whose source no other host may have, goes no further (RFC 1812 5.2.2, 5.3.7).
 * One to an own address is answered (echo), given to the route process (rules), or refused as by any host (RFC 1122 3.2.2.1). One to a
 * group is only for the router when a rule joined the group; there is no multicast routing.
 */
#include "net/checksum.h"
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "switch/feature.h"
#include "switch/icmp_error.h"
#include "switch/local.h"

#include <string.h>

static bool is_martian_source(struct walk *walk, struct ip source)
{
	if (source.family == IP_V4)
		return ipv4_is_martian_source(source.bytes);
	return ip_is_multicast(source) || ip_is_loopback(source) || ip_is_unspecified(source);
}

static bool is_martian_destination(struct ip destination)
{
	if (destination.family == IP_V4)
		return ipv4_is_martian_destination(destination.bytes);
	return ip_is_loopback(destination) || ip_is_unspecified(destination);
}

enum feature_result feature_ip_check(struct walk *walk)
{
	struct member *at = &walk->in->member;
	struct ip source;

	if (walk_family(walk) == IP_NONE)
		return walk_drop(walk, at, DROP_UNKNOWN_TYPE);
	if (walk_l3(walk) != DROP_NONE)
		return walk_drop(walk, at, walk_l3(walk));
	source = walk_ip_src(walk);
	if (is_martian_source(walk, source))
		return walk_drop(walk, at, DROP_MARTIAN_SOURCE);
	/* Who sends from one of our own addresses isn't us. */
	if (router_local(walk->router, walk->in, source) != NULL)
		return walk_drop(walk, at, DROP_MARTIAN_SOURCE);
	if (is_martian_destination(walk_ip_dst(walk)))
		return walk_drop(walk, at, DROP_MARTIAN_DESTINATION);
	return FEATURE_CONTINUE;
}

bool local_listen(struct walk *walk, struct rif *rif)
{
	struct ip destination = walk_ip_dst(walk), group = destination;

	if (walk_l3(walk) != DROP_NONE)
		return false;
	if (nd_hear(walk, rif))
		return true;
	if (!ip_is_multicast(destination)) {
		if (!rif_is_broadcast(rif, destination))
			return false;
		group = (struct ip){0};
	}
	if (punt_rule_find(walk, rif, group) == NULL)
		return false;
	if (is_martian_source(walk, walk_ip_src(walk)) || router_local(rif->router, rif, walk_ip_src(walk)) != NULL) {
		walk_count_drop(walk, &rif->member, DROP_MARTIAN_SOURCE);
		walk->cacheable = false;
		return true;
	}
	if (walk->in != rif && !walk_is_dry(walk)) {
		rif->member.counters.rx_packets++;
		rif->member.counters.rx_bytes += walk->packet->size;
	}
	punt_send(walk, rif);
	return true;
}

/* The checksum of an ICMP message that was just read as such; ICMPv6's covers the pseudo header. */
static bool icmp_is_sound(struct walk *walk, const struct packet *packet)
{
	uint32_t bytes = walk->view.l3_offset + walk->view.ip_bytes - walk->view.l4_offset;
	uint32_t sum = 0;

	if (bytes < ICMP_HEADER_BYTES)
		return false;
	if (walk_family(walk) == IP_V6)
		sum = checksum_pseudo(walk_ip_src(walk), walk_ip_dst(walk), IP_PROTOCOL_ICMPV6, bytes);
	return checksum_fold(checksum_add(sum, packet->data + walk->view.l4_offset, bytes)) == 0;
}

static enum feature_result local_icmp(struct walk *walk)
{
	bool v4 = walk_family(walk) == IP_V4;
	struct member *at = &walk->in->member;

	if (walk_l4_src(walk) != (v4 ? ICMP_ECHO_REQUEST : ICMPV6_ECHO_REQUEST))
		return walk_drop(walk, at, DROP_ICMP_IGNORED);
	walk_take(walk);
	packet_finish(walk->packet);
	if (!icmp_is_sound(walk, walk->packet))
		return walk_drop(walk, at, DROP_BAD_CHECKSUM);
	walk_note(walk, "%s answers the echo request", walk->router->config.path);
	icmp_echo(walk, walk_keep(walk));
	return FEATURE_END;
}

/* Nothing listens: an error to the sender (RFC 1122 3.2.2.1), the packet dropped. */
static enum feature_result local_refuse(struct walk *walk)
{
	uint8_t protocol = walk_protocol(walk);
	bool port = protocol == IP_PROTOCOL_UDP || protocol == IP_PROTOCOL_TCP;

	walk_take(walk);
	icmp_error_send(walk->core, walk->router, walk->in, walk->packet, port ? ICMP_ERROR_PORT : ICMP_ERROR_PROTOCOL, 0);
	return walk_drop(walk, &walk->in->member, DROP_NO_LISTENER);
}

static enum feature_result local_receive(struct walk *walk)
{
	bool v4 = walk_family(walk) == IP_V4;

	if (nd_hear(walk, walk->in))
		return walk_consume(walk);
	if (punt_rule_find(walk, walk->in, (struct ip){0}) != NULL) {
		walk_take(walk);
		punt_send(walk, walk->in);
		return walk_consume(walk);
	}
	if (walk_fragment(walk) != FRAGMENT_NONE)
		return walk_drop(walk, &walk->in->member, DROP_FRAGMENT_FOR_ROUTER);
	if (walk_protocol(walk) == (v4 ? IP_PROTOCOL_ICMP : IP_PROTOCOL_ICMPV6))
		return local_icmp(walk);
	return local_refuse(walk);
}

enum feature_result feature_local(struct walk *walk)
{
	struct ip destination = walk_ip_dst(walk);

	/* To us alone on the link, but to a group: rare, and not to be forwarded. */
	if (ip_is_multicast(destination) || rif_is_broadcast(walk->in, destination)) {
		if (local_listen(walk, walk->in))
			return walk_consume(walk);
		return walk_drop(walk, &walk->in->member, DROP_MULTICAST_NOT_ROUTED);
	}
	if (router_local(walk->router, walk->in, destination) != NULL)
		return local_receive(walk);
	return walk_goto(walk, STAGE_FORWARD);
}
