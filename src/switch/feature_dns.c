/*
 * Feature dns: the name server of a lab (RFC 1035), answering from the model.
 *
 * Theory of operation. In a network with `dns` the servers' addresses answer questions for the names of the lab's machines ("vm1" and
 * "vm1.LAB") and routers ("r1" has the addresses of all of its interfaces), and for the names of their addresses, with the names that lead
 * to these below in-addr.arpa and ip6.arpa.
 * Machines of other labs are not known, and nothing is asked of the world: a name outside of the lab is refused, so that a resolver with
 * another server goes on there. Questions are answered on the port that they came from, from what the switch knows, without a table of its
 * own: a lab's ports are looked through, within the port's rate.
 */
#include "net/dns_packet.h"
#include "net/ipv4.h"
#include "net/ipv6.h"
#include "net/udp.h"
#include "switch/feature.h"
#include "switch/guest_server.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DNS_PER_SECOND 200

/* What a question found. */
struct found {
	struct dns_answer answers[DNS_ANSWERS_MAX];
	unsigned count;
	bool exists; /* the name is there, perhaps without an address of the kind that was asked for */
	char name[PATH_BYTES + NAME_BYTES + 2];
};

static bool same_lab(const struct network *a, const struct network *b)
{
	return a != NULL && b != NULL && strcmp(a->config.domain, b->config.domain) == 0;
}

static void found_address(struct found *found, struct ip ip, uint16_t type)
{
	bool wanted = type == DNS_TYPE_ANY || (type == DNS_TYPE_A && ip.family == IP_V4) || (type == DNS_TYPE_AAAA && ip.family == IP_V6);

	if (ip.family == IP_NONE)
		return;
	found->exists = true;
	if (wanted && found->count < DNS_ANSWERS_MAX)
		found->answers[found->count++].ip = ip;
}

/* The name of a router as a lab's network knows it: its path without the lab. */
static const char *router_name(const struct router *router)
{
	const char *slash = strchr(router->config.path, '/');

	return slash != NULL ? slash + 1 : router->config.path;
}

/* The addresses of a name. */
static void find_name(const struct core *core, const struct network *network, const char *name, uint16_t type, struct found *found)
{
	struct port *port;
	struct rif *rif;
	size_t cursor = 0;

	while ((port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL) {
		if (!same_lab(port->member.network, network) || strcasecmp(port->config.hostname, name) != 0)
			continue;
		found_address(found, port->config.ipv4, type);
		found_address(found, port->config.ipv6, type);
	}
	cursor = 0;
	while ((rif = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL) {
		if (!same_lab(rif->member.network, network) || rif->router == NULL || strcasecmp(router_name(rif->router), name) != 0)
			continue;
		for (unsigned i = 0; i < rif->config.address_count; i++)
			found_address(found, rif->config.addresses[i].ip, type);
	}
}

/* The name of an address. */
static void find_address(const struct core *core, const struct network *network, struct ip ip, struct found *found)
{
	const char *host = NULL;
	struct port *port;
	struct rif *rif;
	size_t cursor = 0;

	while (host == NULL && (port = map_next(&core->ports, &cursor, NULL, NULL)) != NULL)
		if (same_lab(port->member.network, network) && (ip_equal(port->config.ipv4, ip) || ip_equal(port->config.ipv6, ip)))
			host = port->config.hostname;
	cursor = 0;
	while (host == NULL && (rif = map_next(&core->rifs, &cursor, NULL, NULL)) != NULL)
		for (unsigned i = 0; same_lab(rif->member.network, network) && rif->router != NULL && i < rif->config.address_count; i++)
			if (ip_equal(rif->config.addresses[i].ip, ip))
				host = router_name(rif->router);
	if (host == NULL || host[0] == 0)
		return;
	(void)snprintf(found->name, sizeof(found->name), "%s.%s", host, network->config.domain);
	found->answers[found->count++].name = found->name;
	found->exists = true;
}

/* True when the addresses that a reverse name is about are of the lab's, all or some: so that nobody else is to be asked for them. */
static bool is_of_lab(const struct core *core, const struct network *network, struct prefix zone)
{
	struct network *other;
	size_t cursor = 0;

	while ((other = map_next(&core->networks, &cursor, NULL, NULL)) != NULL)
		for (unsigned i = 0; same_lab(other, network) && i < other->config.subnet_count; i++)
			if (prefix_contains(other->config.subnets[i], zone.ip) || prefix_contains(zone, other->config.subnets[i].ip))
				return true;
	return false;
}

/* A name below in-addr.arpa or ip6.arpa. One with fewer parts than an address is there, with others below it, and has no records itself. */
static enum dns_code resolve_reverse(const struct core *core, const struct network *network, const struct dns_question *question,
	struct prefix zone, struct found *found)
{
	if (!is_of_lab(core, network, zone))
		return DNS_REFUSED;
	if (zone.length != (zone.ip.family == IP_V4 ? 32 : 128))
		return DNS_OK;
	find_address(core, network, zone.ip, found);
	if (question->type != DNS_TYPE_PTR && question->type != DNS_TYPE_ANY)
		found->count = 0;
	return found->exists ? DNS_OK : DNS_NO_NAME;
}

/* Looks up what is asked: answers, and what is to be said of the name. */
static enum dns_code resolve(const struct core *core, const struct network *network, struct dns_question *question, struct found *found)
{
	const char *domain = network->config.domain;
	size_t length = strlen(question->name), domain_length = strlen(domain);
	char *dot = strchr(question->name, '.');
	char host[DNS_NAME_BYTES];
	struct prefix zone;

	if (!question->plain)
		return DNS_NOT_BUILT;
	if (dns_reverse_zone(question->name, &zone))
		return resolve_reverse(core, network, question, zone, found);
	memcpy(host, question->name, length + 1);
	if (dot != NULL) {
		/* "vm1.LAB"; a name elsewhere is not ours to speak of. */
		if (length <= domain_length + 1 || host[length - domain_length - 1] != '.' ||
			strcasecmp(host + length - domain_length, domain) != 0)
			return DNS_REFUSED;
		host[length - domain_length - 1] = 0;
	}
	find_name(core, network, host, question->type, found);
	return found->exists ? DNS_OK : DNS_NO_NAME;
}

static enum drop_reason receive(struct walk *walk, struct port *port)
{
	struct guest_answer answer = {.source = walk_ip_dst(walk),
		.destination = walk_ip_src(walk),
		.source_port = UDP_PORT_DNS,
		.destination_port = walk_l4_src(walk),
		.eth_src = walk_eth_dst(walk),
		.eth_dst = walk_eth_src(walk)};
	struct found found = {0};
	struct dns_question question;
	uint8_t out[DNS_BYTES_MAX];
	const uint8_t *bytes;
	enum dns_code code;
	uint32_t size;

	if (walk_l3(walk) != DROP_NONE)
		return walk_l3(walk);
	if (!rate_limit_take(&port->dns_rate, DNS_PER_SECOND, walk->core->now))
		return DROP_DNS_LIMIT;
	if (!guest_udp_payload(walk, &bytes, &size) || !dns_question_read(bytes, size, &question))
		return DROP_DNS_MALFORMED;
	code = resolve(walk->core, port->member.network, &question, &found);
	answer.bytes = out;
	answer.size = dns_answer_write(bytes, &question, code, found.answers, found.count, out);
	guest_answer_send(walk->core, port, &answer);
	return DROP_NONE;
}

/* Whether a frame is for one of the servers' addresses; only who sends to their MAC is looked at more closely. */
static bool is_for_server(struct walk *walk, const struct network *network)
{
	struct mac destination = walk_eth_dst(walk);
	enum ip_family family;

	if (!mac_equal(destination, guest_server_mac(network)) && !mac_equal(destination, guest_server_mac6(network)))
		return false;
	family = walk_family(walk);
	if (family == IP_NONE)
		return false;
	return ip_equal(walk_ip_dst(walk), family == IP_V4 ? guest_server_ip(network) : guest_server_ip6(network)) &&
	       walk_protocol(walk) == IP_PROTOCOL_UDP && walk_fragment(walk) == FRAGMENT_NONE && walk_l4_dst(walk) == UDP_PORT_DNS;
}

enum feature_result feature_dns(struct walk *walk)
{
	struct port *port = walk->port;
	enum drop_reason reason;

	if (!walk->network->config.dns || !is_for_server(walk, walk->network))
		return FEATURE_CONTINUE;
	walk->cacheable = false;
	walk_note(walk, "the lab's name server takes it");
	reason = walk_is_dry(walk) ? DROP_NONE : receive(walk, port);
	if (reason != DROP_NONE)
		return walk_drop(walk, &port->member, reason);
	return walk_consume(walk);
}
