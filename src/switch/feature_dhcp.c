/*
 * Feature dhcp: the DHCPv4 server of a network (RFC 2131), answering from the model.
 *
 * Theory of operation. Each port has at most one address by the model, so there is nothing to allocate: a client on the port with the
 * port's MAC gets the port's address or nothing. What the server keeps is only whether the machine has said that it took it. Ports without
 * an address of the model (a TAP) are not served, and their DHCP passes as any broadcast. The server speaks from the network's
 * `dhcp_server` address: with the MAC of the router interface that has it, else with one made from the network's id, for which it answers
 * ARP. A client is answered only on its own port, never through the network.
 */
#include "base/text.h"
#include "net/arp.h"
#include "net/dhcp_packet.h"
#include "net/ipv4.h"
#include "net/udp.h"
#include "switch/feature.h"
#include "switch/guest_server.h"
#include "switch/ip_build.h"

#include <string.h>

/* Messages that a machine may send a second: a client sends a handful in all. */
#define DHCP_PER_SECOND 20

static struct prefix subnet_of(const struct network *network, struct ip ip)
{
	for (unsigned i = 0; i < network->config.subnet_count; i++)
		if (prefix_contains(network->config.subnets[i], ip))
			return network->config.subnets[i];
	return (struct prefix){0};
}

/* Lists that a reply points to. */
struct told {
	struct ip name_servers[SERVERS_MAX + 1], ntp_servers[SERVERS_MAX];
	struct dhcp_route routes[DHCP_ROUTES_MAX];
};

/* Our own name service first, then the others; times, routes, where to boot from. */
static void reply_tell(const struct msg_network *config, struct dhcp_reply *reply, struct told *told)
{
	reply->dns = told->name_servers;
	if (config->dns)
		told->name_servers[reply->dns_count++] = config->dhcp_server;
	for (unsigned i = 0; i < config->name_server_count; i++)
		told->name_servers[reply->dns_count++] = config->name_servers[i].ip;
	reply->ntp = told->ntp_servers;
	for (unsigned i = 0; i < config->ntp_server_count; i++)
		told->ntp_servers[reply->ntp_count++] = config->ntp_servers[i].ip;
	reply->routes = told->routes;
	for (unsigned i = 0; i < config->route_count; i++)
		told->routes[reply->route_count++] = (struct dhcp_route){config->routes[i].to, config->routes[i].via};
	reply->next_server = config->next_server;
	reply->bootfile = config->bootfile[0] ? config->bootfile : NULL;
}

static void reply_fill(const struct port *port, enum dhcp_type type, struct dhcp_reply *reply, struct told *told)
{
	const struct network *network = port->member.network;

	*reply = (struct dhcp_reply){.type = type, .server_id = guest_server_ip(network)};
	if (type == DHCP_NAK)
		return;
	reply->yiaddr = port->config.ipv4;
	reply->subnet = subnet_of(network, port->config.ipv4);
	reply->router = network->config.gateway;
	reply_tell(&network->config, reply, told);
	reply->domain = network->config.domain;
	reply->hostname = port->config.hostname;
	reply->lease_s = network->config.lease_s > 0 ? network->config.lease_s : 3600;
	reply->mtu = port->config.mtu > 0 ? port->config.mtu : network->config.mtu;
}

/* RFC 2131 4.1: to the client's address when it has one, else to all or to what it is about to get, always to its MAC. */
static void reply_send(struct core *core, struct port *port, const struct dhcp_request *request, const struct dhcp_reply *reply)
{
	struct ip_build build = {.source = reply->server_id, .protocol = IP_PROTOCOL_UDP, .ttl = 64};
	bool everyone = reply->type == DHCP_NAK || (request->broadcast && ip_is_unspecified(request->ciaddr));
	uint8_t bytes[DHCP_BYTES_MAX];
	size_t size = dhcp_reply_write(request, reply, bytes);
	struct ethernet_header *eth;
	struct packet *packet;
	uint8_t *payload;

	build.destination = everyone ? ip_from_u32(UINT32_MAX) : ip_is_unspecified(request->ciaddr) ? reply->yiaddr : request->ciaddr;
	build.payload_bytes = (uint32_t)(UDP_HEADER_BYTES + size);
	packet = ip_build_packet(core, &build, &payload);
	if (packet == NULL) {
		member_drop(&port->member, DROP_NO_BUFFER, true, 1);
		return;
	}
	eth = (struct ethernet_header *)packet->data;
	eth->destination = everyone ? MAC_BROADCAST : request->chaddr;
	eth->source = guest_server_mac(port->member.network);
	wire_put_u16(payload, UDP_PORT_DHCP_SERVER);
	wire_put_u16(payload + 2, UDP_PORT_DHCP_CLIENT);
	wire_put_u16(payload + 4, (uint16_t)build.payload_bytes);
	memcpy(payload + UDP_HEADER_BYTES, bytes, size);
	wire_put_u16(payload + 6, ip_build_checksum(&build, payload));
	core_output(core, port, packet);
}

static void lease_take(struct core *core, struct port *port, const struct dhcp_request *request, uint32_t lease_s)
{
	struct msg_leased leased = {.port = port->config.id, .ip = port->config.ipv4};
	struct dhcp_lease *lease = &port->lease;
	bool fresh = !lease->active;

	lease->active = true;
	lease->ip = port->config.ipv4;
	lease->until = instant_add(core->now, span_s(lease_s));
	(void)text_copy(lease->hostname, sizeof(lease->hostname), request->hostname);
	if (fresh)
		core->ops->message(core->context, PROCESS_CTL, MSG_LEASED, 0, &leased);
}

/* RFC 2131 4.3.2: what the client asks for, by the state that its message shows it to be in. */
static enum drop_reason serve_request(struct core *core, struct port *port, const struct dhcp_request *request)
{
	struct ip wanted = request->requested.family != IP_NONE ? request->requested : request->ciaddr;
	struct dhcp_reply reply;
	struct told told;

	if (request->server_id.family != IP_NONE && !ip_equal(request->server_id, guest_server_ip(port->member.network)))
		return DROP_DHCP_NOT_OURS;
	if (!ip_equal(wanted, port->config.ipv4)) {
		reply_fill(port, DHCP_NAK, &reply, &told);
		reply_send(core, port, request, &reply);
		return DROP_NONE;
	}
	reply_fill(port, DHCP_ACK, &reply, &told);
	lease_take(core, port, request, reply.lease_s);
	reply_send(core, port, request, &reply);
	return DROP_NONE;
}

static enum drop_reason serve(struct core *core, struct port *port, const struct dhcp_request *request)
{
	struct dhcp_reply reply;
	struct told told;

	if (!mac_equal(request->chaddr, port->config.mac) || !ip_is_unspecified(request->giaddr))
		return DROP_DHCP_NOT_OURS;
	if (!ip_is_unspecified(request->ciaddr) && !ip_equal(request->ciaddr, port->config.ipv4) && request->type != DHCP_REQUEST)
		return DROP_DHCP_NOT_OURS;
	switch (request->type) {
	case DHCP_DISCOVER:
		reply_fill(port, DHCP_OFFER, &reply, &told);
		reply_send(core, port, request, &reply);
		return DROP_NONE;
	case DHCP_REQUEST:
		return serve_request(core, port, request);
	case DHCP_INFORM:
		reply_fill(port, DHCP_ACK, &reply, &told);
		reply.yiaddr = (struct ip){0};
		reply.lease_s = 0;
		reply_send(core, port, request, &reply);
		return DROP_NONE;
	case DHCP_RELEASE:
		port->lease.active = false;
		return DROP_NONE;
	case DHCP_DECLINE:
		/* The model gives it to nobody else, so the machine gets it again; that somebody took it is said by the counter. */
		port->lease.active = false;
		return DROP_DHCP_DECLINED;
	case DHCP_OFFER:
	case DHCP_ACK:
	case DHCP_NAK:
		break;
	}
	return DROP_DHCP_NOT_OURS;
}

/* A DHCP client's packet: from the UDP header on, within the IP packet. */
static enum drop_reason receive(struct walk *walk, struct port *port)
{
	const struct packet *packet = walk->packet;
	uint32_t end = walk->view.l3_offset + walk->view.ip_bytes, at = walk->view.l4_offset;
	struct dhcp_request request;
	uint32_t bytes;

	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	if (walk_fragment(walk) != FRAGMENT_NONE || end - at < UDP_HEADER_BYTES)
		return DROP_DHCP_MALFORMED;
	bytes = wire_get_u16(packet->data + at + 4);
	if (bytes < UDP_HEADER_BYTES || bytes > end - at)
		return DROP_DHCP_MALFORMED;
	if (!rate_limit_take(&port->dhcp_rate, DHCP_PER_SECOND, walk->core->now))
		return DROP_DHCP_LIMIT;
	if (!dhcp_request_read(packet->data + at + UDP_HEADER_BYTES, bytes - UDP_HEADER_BYTES, &request))
		return DROP_DHCP_MALFORMED;
	return serve(walk->core, port, &request);
}

/* ARP for the server's address, when no router interface has it. */
static bool answer_arp(struct walk *walk, struct port *port)
{
	struct ethernet_header *eth = (struct ethernet_header *)walk->packet->data;
	struct arp_packet *arp = (struct arp_packet *)(eth + 1);
	struct mac mac = guest_server_mac(port->member.network);
	struct ip ip = guest_server_ip(port->member.network);

	if (walk_l3(walk) != DROP_NONE || wire_get_u16(arp->operation) != ARP_REQUEST ||
		!ip_equal(ip_from_bytes(IP_V4, arp->target_ip), ip) || network_known(port->member.network, ip) != NULL)
		return false;
	arp->target_mac = arp->sender_mac;
	memcpy(arp->target_ip, arp->sender_ip, 4);
	arp->sender_mac = mac;
	memcpy(arp->sender_ip, ip.bytes, 4);
	wire_put_u16(arp->operation, ARP_REPLY);
	eth->destination = arp->target_mac;
	eth->source = mac;
	return true;
}

static bool is_for_server(struct walk *walk, const struct network *network)
{
	struct ip destination;

	if (walk_family(walk) != IP_V4 || walk_dhcp(walk) != FLOW_DHCP_TO_SERVER)
		return false;
	destination = walk_ip_dst(walk);
	return ip_to_u32(destination) == UINT32_MAX || ip_equal(destination, guest_server_ip(network));
}

enum feature_result feature_dhcp(struct walk *walk)
{
	struct port *port = walk->port;
	const struct network *network = walk->network;
	enum drop_reason reason;
	bool served = network->config.dhcp && port->config.ipv4.family == IP_V4 && !mac_is_zero(port->config.mac);

	if ((!served && !network->config.dns) || guest_server_ip(network).family != IP_V4)
		return FEATURE_CONTINUE;
	if (walk_eth_type(walk) == ETHERNET_ARP && answer_arp(walk, port)) {
		walk_note(walk, "the network's server answers the ARP request");
		core_output(walk->core, port, walk_keep(walk));
		return FEATURE_END;
	}
	if (!served || !is_for_server(walk, network))
		return FEATURE_CONTINUE;
	walk->cacheable = false;
	walk_note(walk, "the network's DHCP server takes it");
	reason = walk_is_dry(walk) ? DROP_NONE : receive(walk, port);
	if (reason != DROP_NONE)
		return walk_drop(walk, &port->member, reason);
	return walk_consume(walk);
}
