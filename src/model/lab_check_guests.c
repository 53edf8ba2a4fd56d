/* Checks of what machines are told by DHCP and of what they don't get: exclusions, servers, routes, hosts behind ports. */
#include "base/check.h"
#include "base/text.h"
#include "model/lab_check.h"

#include <string.h>

bool lab_range_parse(const char *text, struct ip *first, struct ip *last)
{
	const char *dash = strchr(text, '-');
	char start[IP_TEXT_BYTES];
	struct prefix prefix;

	if (prefix_parse(text, &prefix)) {
		*first = prefix_masked(prefix).ip;
		*last = prefix.ip.family == IP_V4 ? prefix_broadcast(prefix) : *first;
		return prefix.ip.family == IP_V4;
	}
	if (dash == NULL) {
		if (!ip_parse(text, first))
			return false;
		*last = *first;
		return first->family == IP_V4;
	}
	if ((size_t)(dash - text) >= sizeof(start))
		return false;
	memcpy(start, text, (size_t)(dash - text));
	start[dash - text] = 0;
	return ip_parse(start, first) && ip_parse(dash + 1, last) && first->family == IP_V4 && last->family == IP_V4 &&
	       ip_compare(*first, *last) <= 0;
}

bool lab_dhcp_route_parse(const char *text, struct prefix *to, struct ip *via)
{
	const char *word = strstr(text, " via ");
	char prefix[PREFIX_TEXT_BYTES];

	if (word == NULL || (size_t)(word - text) >= sizeof(prefix))
		return false;
	memcpy(prefix, text, (size_t)(word - text));
	prefix[word - text] = 0;
	return prefix_parse(prefix, to) && ip_parse(word + 5, via) && to->ip.family == IP_V4 && via->family == IP_V4;
}

static void check_exclusions(
	const struct lab *lab, struct diags *diags, const char *const *exclude, size_t count, struct prefix within, const char *path)
{
	char text[PREFIX_TEXT_BYTES];

	for (size_t i = 0; i < count; i++) {
		struct ip first, last;

		if (!lab_range_parse(exclude[i], &first, &last))
			lab_error(lab, diags, path_of(diags, "%s.exclude[%zu]", path, i),
				"expected an IPv4 address, a range (10.1.0.20-10.1.0.29) or a prefix, got \"%.64s\"", exclude[i]);
		else if (within.ip.family == IP_V4 && (!prefix_contains(within, first) || !prefix_contains(within, last)))
			lab_error(lab, diags, path_of(diags, "%s.exclude[%zu]", path, i), "%.64s is not in %s", exclude[i],
				prefix_text(within, text));
	}
}

static void check_servers(const struct lab *lab, struct diags *diags, const char *const *servers, size_t count, const char *path)
{
	struct ip ip;

	for (size_t i = 0; i < count; i++)
		if (!ip_parse(servers[i], &ip) || ip_is_unspecified(ip) || ip_is_multicast(ip))
			lab_error(lab, diags, path_of(diags, "%s[%zu]", path, i), "expected an address, got \"%.64s\"", servers[i]);
}

static void check_network_guests(const struct lab *lab, struct diags *diags, const struct lab_network *network)
{
	const char *path = path_of(diags, "networks.%s", network->name);
	size_t told = network->name_server_count + network->ntp_server_count + network->dhcp_route_count;
	struct prefix to;
	struct ip via;

	check_exclusions(lab, diags, network->exclude, network->exclude_count, network->ipv4, path);
	check_servers(lab, diags, network->name_servers, network->name_server_count, path_of(diags, "%s.name-servers", path));
	check_servers(lab, diags, network->ntp_servers, network->ntp_server_count, path_of(diags, "%s.ntp-servers", path));
	for (size_t i = 0; i < network->dhcp_route_count; i++)
		if (!lab_dhcp_route_parse(network->dhcp_routes[i], &to, &via))
			lab_error(lab, diags, path_of(diags, "%s.dhcp-routes[%zu]", path, i),
				"expected a route such as \"10.0.0.0/8 via 10.1.0.2\", got \"%.64s\"", network->dhcp_routes[i]);
	if (!network->dhcp && (told > 0 || network->next_server.family != IP_NONE || network->bootfile != NULL))
		lab_error(lab, diags, path, "what DHCP tells machines needs `dhcp: true`");
	if (network->dns && network->ipv4.ip.family == IP_NONE && network->pool_name == NULL)
		lab_error(
			lab, diags, path_of(diags, "%s.dns", path), "name service needs an address of the network: write `ipv4` or `pool`");
}

void check_guests(const struct lab *lab, struct diags *diags)
{
	for (size_t i = 0; i < lab->network_count; i++)
		check_network_guests(lab, diags, &lab->networks[i]);
	for (size_t i = 0; i < lab->pool_count; i++) {
		const struct lab_pool *pool = &lab->pools[i];

		if (pool->exclude_count > 0 && pool->kind != POOL_IPV4)
			lab_error(lab, diags, path_of(diags, "pools.%s.exclude", pool->name), "`exclude` belongs to pools of ipv4");
		else
			check_exclusions(
				lab, diags, pool->exclude, pool->exclude_count, pool->range, path_of(diags, "pools.%s", pool->name));
	}
	for (size_t i = 0; i < lab->port_count; i++) {
		const struct lab_port *port = &lab->ports[i];
		const char *path = path_of(diags, "ports.%s", port->name);

		if (mac_is_zero(port->mac) && (port->ipv4.ip.family != IP_NONE || port->ipv6.ip.family != IP_NONE))
			lab_error(lab, diags, path, "an address needs the MAC of the host that has it: write `mac`");
	}
}
