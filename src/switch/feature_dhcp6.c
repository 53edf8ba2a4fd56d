/*
 * Feature dhcp6: the DHCPv6 server of a network (RFC 8415), answering from the model.
 *
 * Theory of operation. As with DHCPv4 there is nothing to allocate: a client behind a port gets the port's address, whatever name (DUID)
 * and however many associations it comes with, or nothing. Messages come to ff02::1:2 from a link-local address and are answered on the
 * same port only. Ports without an IPv6 address of the model are not served, and theirs pass as any multicast.
 */
#include "net/dhcp6_packet.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"
#include "switch/feature.h"
#include "switch/guest_server.h"

#include <string.h>

#define DHCP6_PER_SECOND 20

/* ff02::1:2, all servers and relays of a link. */
static struct ip all_servers(void) { return (struct ip){IP_V6, {0xff, 0x02, [13] = 0x01, [15] = 0x02}}; }

static bool names_us(const struct dhcp6_request *request, struct mac server)
{
	uint8_t duid[DHCP6_SERVER_DUID_BYTES];

	dhcp6_server_duid(server, duid);
	return request->server_id_bytes == sizeof(duid) && memcmp(request->server_id, duid, sizeof(duid)) == 0;
}

/* RFC 8415 18.3: what the answer to each message is; false when there is none. */
static bool decide(const struct port *port, const struct dhcp6_request *request, struct dhcp6_reply *reply)
{
	bool ours = names_us(request, reply->server), other = request->server_id_bytes > 0 && !ours;

	reply->type = DHCP6_REPLY;
	switch (request->type) {
	case DHCP6_SOLICIT:
		if (!request->rapid_commit)
			reply->type = DHCP6_ADVERTISE;
		reply->rapid_commit = request->rapid_commit;
		return request->server_id_bytes == 0;
	case DHCP6_REQUEST:
	case DHCP6_RENEW:
		return ours;
	case DHCP6_REBIND:
		return request->server_id_bytes == 0;
	case DHCP6_CONFIRM:
		reply->status_alone = true;
		for (unsigned i = 0; i < request->ia_count; i++)
			if (request->ias[i].address.family != IP_NONE && !ip_equal(request->ias[i].address, port->config.ipv6))
				reply->status = DHCP6_NOT_ON_LINK;
		return request->server_id_bytes == 0;
	case DHCP6_RELEASE:
	case DHCP6_DECLINE:
		reply->status_alone = true;
		return ours;
	case DHCP6_INFORMATION_REQUEST:
		return !other;
	case DHCP6_ADVERTISE:
	case DHCP6_REPLY:
		break;
	}
	return false;
}

/* Our own name service, then the others that are reached by IPv6. */
static unsigned name_servers(const struct network *network, struct ip out[SERVERS_MAX + 1])
{
	unsigned count = 0;

	if (network->config.dns)
		out[count++] = guest_server_ip6(network);
	for (unsigned i = 0; i < network->config.name_server_count; i++)
		if (network->config.name_servers[i].ip.family == IP_V6)
			out[count++] = network->config.name_servers[i].ip;
	return count;
}

/* Whether the machine has its address is known by what it was last told, or said. */
static void lease_keep(const struct walk *walk, struct port *port, const struct dhcp6_reply *reply, enum dhcp6_type asked)
{
	bool kept = reply->type == DHCP6_REPLY && !reply->status_alone && asked != DHCP6_INFORMATION_REQUEST;

	if (kept)
		port->lease6 = (struct dhcp_lease){
			.active = true, .ip = port->config.ipv6, .until = instant_add(walk->core->now, span_s(reply->valid_s))};
	else if (asked == DHCP6_RELEASE || asked == DHCP6_DECLINE)
		port->lease6.active = false;
}

static enum drop_reason serve(struct walk *walk, struct port *port, const struct dhcp6_request *request)
{
	const struct network *network = port->member.network;
	uint32_t lease_s = network->config.lease_s > 0 ? network->config.lease_s : 3600;
	struct ip servers[SERVERS_MAX + 1];
	uint8_t bytes[DHCP6_BYTES_MAX];
	struct dhcp6_reply reply = {.server = guest_server_mac6(network),
		.address = port->config.ipv6,
		.preferred_s = lease_s,
		.valid_s = lease_s <= UINT32_MAX / 2 ? lease_s * 2 : UINT32_MAX,
		.dns = servers,
		.dns_count = name_servers(network, servers),
		.domain = network->config.domain};
	struct guest_answer answer = {.source = guest_server_ip6(network),
		.destination = walk_ip_src(walk),
		.source_port = UDP_PORT_DHCPV6_SERVER,
		.destination_port = UDP_PORT_DHCPV6_CLIENT,
		.eth_src = reply.server,
		.eth_dst = walk_eth_src(walk),
		.bytes = bytes};

	if (!decide(port, request, &reply))
		return DROP_DHCP_NOT_OURS;
	lease_keep(walk, port, &reply, request->type);
	answer.size = dhcp6_reply_write(request, &reply, bytes);
	guest_answer_send(walk->core, port, &answer);
	return request->type == DHCP6_DECLINE ? DROP_DHCP_DECLINED : DROP_NONE;
}

static enum drop_reason receive(struct walk *walk, struct port *port)
{
	struct dhcp6_request request;
	const uint8_t *bytes;
	uint32_t size;

	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	if (!guest_udp_payload(walk, &bytes, &size))
		return DROP_DHCP_MALFORMED;
	if (!rate_limit_take(&port->dhcp_rate, DHCP6_PER_SECOND, walk->core->now))
		return DROP_DHCP_LIMIT;
	if (!ip_is_link_local(walk_ip_src(walk)) || !dhcp6_request_read(bytes, size, &request))
		return DROP_DHCP_MALFORMED;
	return serve(walk, port, &request);
}

enum feature_result feature_dhcp6(struct walk *walk)
{
	struct port *port = walk->port;
	enum drop_reason reason;

	if (!walk->network->config.dhcp || port->config.ipv6.family != IP_V6 || mac_is_zero(port->config.mac) ||
		!mac_equal(walk_eth_dst(walk), mac_of_multicast(all_servers())) || walk_eth_type(walk) != ETHERNET_IPV6)
		return FEATURE_CONTINUE;
	if (!ip_equal(walk_ip_dst(walk), all_servers()) || walk_protocol(walk) != IP_PROTOCOL_UDP ||
		walk_l4_dst(walk) != UDP_PORT_DHCPV6_SERVER)
		return FEATURE_CONTINUE;
	walk->cacheable = false;
	walk_note(walk, "the network's DHCPv6 server takes it");
	reason = walk_is_dry(walk) ? DROP_NONE : receive(walk, port);
	if (reason != DROP_NONE)
		return walk_drop(walk, &port->member, reason);
	return walk_consume(walk);
}
