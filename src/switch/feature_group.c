/*
 * Features group-out and group-in: what a machine's security groups let out of its port and in.
 *
 * Theory of operation. A port with groups speaks IP and ARP. What belongs to a connection passes both ways; what would begin one is asked
 * of the port's policy, by the direction in which it goes. ICMP errors pass when they are about a connection. What a host needs to be one
 * (neighbor discovery, DHCP) passes always, but not through a router. Frames to many are judged one by one at each port that would get
 * them, without a connection. A connection whose rule is gone is revoked: it passes nothing, and it stays known, since else its next answer
 * would look like the beginning of a connection in the other direction.
 */
#include "net/icmp.h"
#include "net/ipv4.h"
#include "net/udp.h"
#include "switch/conn_key.h"
#include "switch/core_state.h"
#include "switch/feature.h"
#include "switch/group.h"
#include "switch/policy.h"

#include <string.h>

enum { MLD_QUERY = 130, MLD_DONE = 132, MLD2_REPORT = 143 };

/* Neighbor discovery counts only with hop limit 255 (RFC 4861 6.1, 7.1), multicast listening only from a link-local source. */
static bool is_neighbor_talk(const struct flow_key *key, uint8_t ttl)
{
	struct ip source = ip_from_bytes(IP_V6, key->ip_src);

	if (key->eth_type != ETHERNET_IPV6 || key->protocol != IP_PROTOCOL_ICMPV6 || key->fragment != FRAGMENT_NONE)
		return false;
	if (key->l4_src >= ICMPV6_ROUTER_SOLICITATION && key->l4_src <= ICMPV6_NEIGHBOR_ADVERTISEMENT)
		return ttl == 255;
	return ((key->l4_src >= MLD_QUERY && key->l4_src <= MLD_DONE) || key->l4_src == MLD2_REPORT) &&
	       (ip_is_link_local(source) || ip_is_unspecified(source));
}

static bool is_dhcp(const struct flow_key *key, bool inbound)
{
	bool v4 = key->eth_type == ETHERNET_IPV4;
	uint16_t client = v4 ? UDP_PORT_DHCP_CLIENT : UDP_PORT_DHCPV6_CLIENT, server = v4 ? UDP_PORT_DHCP_SERVER : UDP_PORT_DHCPV6_SERVER;

	return key->protocol == IP_PROTOCOL_UDP && key->fragment == FRAGMENT_NONE && key->l4_src == (inbound ? server : client) &&
	       key->l4_dst == (inbound ? client : server);
}

static struct ip remote_of(const struct flow_key *key, bool inbound)
{
	return ip_from_bytes(key->eth_type == ETHERNET_IPV4 ? IP_V4 : IP_V6, inbound ? key->ip_src : key->ip_dst);
}

static bool key_allowed(const struct core *core, const struct port *port, const struct flow_key *key, bool inbound)
{
	return group_allows(core, port, inbound, remote_of(key, inbound), policy_service(key->protocol, key->l4_src, key->l4_dst));
}

static enum drop_reason denied(bool inbound) { return inbound ? DROP_GROUP_DENIED_IN : DROP_GROUP_DENIED_OUT; }

bool group_floods_to(struct core *core, struct port *port, const struct packet *packet)
{
	struct flow_key key;
	struct flow_view view;
	enum drop_reason reason = DROP_NONE;

	flow_key_read(packet, &key, &view);
	if (key.eth_type == ETHERNET_ARP)
		return true;
	if (key.eth_type != ETHERNET_IPV4 && key.eth_type != ETHERNET_IPV6)
		reason = DROP_GROUP_NOT_IP;
	else if (key.l3 != DROP_NONE)
		reason = (enum drop_reason)key.l3;
	else if (view.l4_short)
		reason = DROP_CONN_MALFORMED;
	else if (key.fragment == FRAGMENT_LATER)
		reason = DROP_CONN_FRAGMENT;
	else if (!is_neighbor_talk(&key, view.ttl) && !is_dhcp(&key, true) && !key_allowed(core, port, &key, true))
		reason = DROP_GROUP_DENIED_IN;
	if (reason != DROP_NONE && core->trace == NULL)
		member_drop(&port->member, reason, true, 1);
	return reason == DROP_NONE;
}

/* Asks again when rules have changed since; false: it is revoked. */
static bool conn_is_allowed(struct walk *walk, const struct port *port, struct conn *conn)
{
	const struct conn_tuple *tuple = &conn->nodes[CONN_ORIGINAL].tuple;
	struct ip remote = ip_from_bytes((enum ip_family)tuple->family, conn->inbound ? tuple->src : tuple->dst);
	struct core *core = walk->core;
	bool allowed;

	if (conn->policy == core->policy_generation)
		return conn->state != CONN_REVOKED;
	allowed = group_allows(core, port, conn->inbound, remote, conn->service);
	if (!walk_is_dry(walk)) {
		conn->policy = core->policy_generation;
		conn_revoke(core, conn, !allowed);
	}
	return allowed;
}

/* A packet that belongs to no connection yet. */
static enum drop_reason begin(struct walk *walk, struct port *port, bool inbound, const struct conn_tuple *tuple)
{
	struct conn_tuple reply = conn_tuple_reverse(tuple);
	struct conn *conn;

	if ((tuple->protocol == IP_PROTOCOL_TCP && !conn_tcp_may_begin(walk->view.tcp_flags)) || tuple->query == 2) {
		walk->cacheable = false;
		return DROP_CONN_NONE;
	}
	/* Who seems to speak to himself would be his own answer. */
	if (!key_allowed(walk->core, port, &walk->key, inbound) || memcmp(tuple, &reply, sizeof(reply)) == 0)
		return denied(inbound);
	if (walk_is_dry(walk)) {
		walk_note(walk, "allowed as a new connection");
		return conn_has_room(walk->core, &port->zone) ? DROP_NONE : DROP_CONN_LIMIT;
	}
	conn = conn_add(walk->core, &port->zone, tuple, &reply, walk->view.tcp_flags);
	if (conn == NULL) {
		walk->cacheable = false;
		return DROP_CONN_LIMIT;
	}
	conn->inbound = inbound;
	conn->service = policy_service(walk->key.protocol, walk->key.l4_src, walk->key.l4_dst);
	conn->policy = walk->core->policy_generation;
	walk_conn(walk, conn, CONN_ORIGINAL);
	return DROP_NONE;
}

static enum drop_reason judge_tracked(struct walk *walk, struct port *port, bool inbound, const struct conn_tuple *tuple)
{
	enum conn_direction direction;
	struct conn *conn = conn_find(walk->core, tuple, &direction);

	/* A new one in the place of an old one; what is revoked makes no room for its own client. */
	if (conn != NULL && !conn_takes(conn, walk->view.tcp_flags) && (direction == CONN_REPLY || conn->state != CONN_REVOKED)) {
		if (!walk_is_dry(walk))
			conn_remove(walk->core, conn);
		conn = NULL;
	}
	if (conn == NULL)
		return begin(walk, port, inbound, tuple);
	if (!conn_is_allowed(walk, port, conn)) {
		if (!walk_is_dry(walk))
			conn->seen = walk->core->now;
		walk->cacheable = false;
		return denied(conn->inbound);
	}
	walk_note(walk, "belongs to a connection (%s)", conn_state_name(conn));
	walk_conn(walk, conn, direction);
	return DROP_NONE;
}

static enum drop_reason judge_error(struct walk *walk, const struct port *port, const struct conn_tuple *quoted)
{
	enum conn_direction direction;
	struct conn *conn = conn_find(walk->core, quoted, &direction);

	return conn != NULL && conn_is_allowed(walk, port, conn) ? DROP_NONE : DROP_CONN_UNRELATED;
}

static enum drop_reason judge_ip(struct walk *walk, struct port *port, bool inbound)
{
	struct conn_tuple tuple;
	enum drop_reason reason;

	switch (conn_key_read(walk, &port->zone, &tuple)) {
	case CONN_SORT_TRACKED:
		reason = judge_tracked(walk, port, inbound, &tuple);
		if (reason == DROP_NONE && walk->key.fragment == FRAGMENT_FIRST && !walk_is_dry(walk))
			conn_fragment_note(walk, &port->zone, NULL);
		return reason;
	case CONN_SORT_ERROR:
		return judge_error(walk, port, &tuple);
	case CONN_SORT_STATELESS:
		return key_allowed(walk->core, port, &walk->key, inbound) ? DROP_NONE : denied(inbound);
	case CONN_SORT_LATER:
		return conn_fragment_passes(walk, &port->zone) ? DROP_NONE : DROP_CONN_FRAGMENT;
	case CONN_SORT_MALFORMED:
		return DROP_CONN_MALFORMED;
	case CONN_SORT_UNRELATED:
		break;
	}
	return DROP_CONN_UNRELATED;
}

static enum drop_reason judge(struct walk *walk, struct port *port, bool inbound)
{
	uint16_t type = walk_eth_type(walk);

	if (type == ETHERNET_ARP)
		return DROP_NONE;
	if (type != ETHERNET_IPV4 && type != ETHERNET_IPV6)
		return DROP_GROUP_NOT_IP;
	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	walk_look(walk, FLOW_PROTOCOL | FLOW_FRAGMENT | FLOW_L4_SRC | FLOW_L4_DST | FLOW_IP_SRC);
	/* The TTL isn't in the flow key. */
	if (walk->key.protocol == IP_PROTOCOL_ICMPV6 && walk->key.fragment == FRAGMENT_NONE)
		walk->cacheable = false;
	if (is_neighbor_talk(&walk->key, walk_ttl(walk)) || (is_dhcp(&walk->key, inbound) && !walk->from->is_rif))
		return DROP_NONE;
	return judge_ip(walk, port, inbound);
}

enum feature_result feature_group_out(struct walk *walk)
{
	struct port *port = walk->port;
	enum drop_reason reason;

	if (port->policy == NULL)
		return FEATURE_CONTINUE;
	reason = judge(walk, port, false);
	return reason == DROP_NONE ? FEATURE_CONTINUE : walk_refuse(walk, &port->member, reason, false, &port->zone);
}

enum feature_result feature_group_in(struct walk *walk)
{
	struct port *port = walk->to;
	enum drop_reason reason;

	if (port->policy == NULL)
		return FEATURE_CONTINUE;
	reason = judge(walk, port, true);
	return reason == DROP_NONE ? FEATURE_CONTINUE : walk_refuse(walk, &port->member, reason, true, &port->zone);
}
